/* SPDX-License-Identifier: MIT */
#include "../unit_test.h"

#include <errno.h>
#include <string.h>

#include "base/pool.h"

#define MIB ((uint64_t)1 << 20)

static void buffers_are_page_aligned_and_hold_what_was_asked(void **state)
{
    _cleanup_(buffer_pool_destroyp) struct buffer_pool *pool = NULL;
    const size_t sizes[] = { 1, 4096, 4097, 65536, 100000, 1 << 20, BUFFER_SIZE_MAX };

    (void)state;
    assert_int_equal(buffer_pool_create(0, 0, &pool), 0);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        void *b = buffer_get(pool, sizes[i]);

        assert_non_null(b);
        assert_int_equal((uintptr_t)b % 4096, 0);
        assert_true(buffer_capacity(sizes[i]) >= sizes[i]);
        memset(b, 0xff, buffer_capacity(sizes[i]));
        buffer_put(pool, b, sizes[i]);
    }
    assert_int_equal(buffer_pool_used(pool), 0);
}

static void sizes_without_a_class_give_no_buffer(void **state)
{
    _cleanup_(buffer_pool_destroyp) struct buffer_pool *pool = NULL;

    (void)state;
    assert_int_equal(buffer_pool_create(0, 0, &pool), 0);
    assert_null(buffer_get(pool, 0));
    assert_null(buffer_get(pool, BUFFER_SIZE_MAX + 1));
    assert_null(buffer_get(pool, SIZE_MAX));
    assert_int_equal(buffer_capacity(BUFFER_SIZE_MAX + 1), 0);
    assert_int_equal(buffer_capacity(0), 0);
    buffer_put(pool, NULL, 4096);
    buffer_pool_destroy(NULL);
}

static void the_buffer_used_last_is_used_again_first(void **state)
{
    _cleanup_(buffer_pool_destroyp) struct buffer_pool *pool = NULL;
    void *a, *b;

    (void)state;
    assert_int_equal(buffer_pool_create(0, 0, &pool), 0);
    a = buffer_get(pool, 65536);
    b = buffer_get(pool, 65536);
    buffer_put(pool, a, 65536);
    buffer_put(pool, b, 65536);
    assert_int_equal(buffer_pool_free(pool), 2 * 65536);
    assert_ptr_equal(buffer_get(pool, 20000), b);
    assert_ptr_equal(buffer_get(pool, 65536), a);
    assert_int_equal(buffer_pool_used(pool), 2 * 65536);
    buffer_put(pool, a, 65536);
    buffer_put(pool, b, 65536);
}

static void beyond_the_limit_there_is_nothing_until_something_comes_back(void **state)
{
    _cleanup_(buffer_pool_destroyp) struct buffer_pool *pool = NULL;
    void *b[4];

    (void)state;
    assert_int_equal(buffer_pool_create(4 * MIB, 0, &pool), 0);
    for (int i = 0; i < 4; i++)
        assert_non_null(b[i] = buffer_get(pool, MIB));
    assert_null(buffer_get(pool, 1));
    buffer_put(pool, b[3], MIB);
    assert_non_null(b[3] = buffer_get(pool, MIB));
    for (int i = 0; i < 4; i++)
        buffer_put(pool, b[i], MIB);
}

static void free_buffers_of_one_size_make_room_for_another(void **state)
{
    _cleanup_(buffer_pool_destroyp) struct buffer_pool *pool = NULL;
    void *small[4], *large;

    (void)state;
    assert_int_equal(buffer_pool_create(4 * MIB, 4 * MIB, &pool), 0);
    for (int i = 0; i < 4; i++)
        small[i] = buffer_get(pool, MIB);
    for (int i = 0; i < 4; i++)
        buffer_put(pool, small[i], MIB);
    assert_int_equal(buffer_pool_free(pool), 4 * MIB);
    assert_non_null(large = buffer_get(pool, 4 * MIB));
    assert_int_equal(buffer_pool_free(pool), 0);
    buffer_put(pool, large, 4 * MIB);
}

static void no_more_than_the_bound_is_kept_for_reuse(void **state)
{
    _cleanup_(buffer_pool_destroyp) struct buffer_pool *pool = NULL;
    void *b[8];

    (void)state;
    assert_int_equal(buffer_pool_create(64 * MIB, 2 * MIB, &pool), 0);
    for (int i = 0; i < 8; i++)
        b[i] = buffer_get(pool, MIB);
    for (int i = 0; i < 8; i++)
        buffer_put(pool, b[i], MIB);
    assert_int_equal(buffer_pool_free(pool), 2 * MIB);
}

static void trimming_gives_back_what_nobody_needed_since_the_last_time(void **state)
{
    _cleanup_(buffer_pool_destroyp) struct buffer_pool *pool = NULL;
    void *b[3];

    (void)state;
    assert_int_equal(buffer_pool_create(0, 0, &pool), 0);
    for (int i = 0; i < 3; i++)
        b[i] = buffer_get(pool, 4096);
    for (int i = 0; i < 3; i++)
        buffer_put(pool, b[i], 4096);
    assert_int_equal(buffer_pool_trim(pool), 0); /* all three were in use a moment ago */
    b[0] = buffer_get(pool, 4096);
    buffer_put(pool, b[0], 4096);
    assert_int_equal(buffer_pool_trim(pool), 2 * 4096);
    assert_int_equal(buffer_pool_trim(pool), 4096);
    assert_int_equal(buffer_pool_free(pool), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_are_page_aligned_and_hold_what_was_asked),
        cmocka_unit_test(sizes_without_a_class_give_no_buffer),
        cmocka_unit_test(the_buffer_used_last_is_used_again_first),
        cmocka_unit_test(beyond_the_limit_there_is_nothing_until_something_comes_back),
        cmocka_unit_test(free_buffers_of_one_size_make_room_for_another),
        cmocka_unit_test(no_more_than_the_bound_is_kept_for_reuse),
        cmocka_unit_test(trimming_gives_back_what_nobody_needed_since_the_last_time),
    };

    return RUN_TESTS(tests);
}
