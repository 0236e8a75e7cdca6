/* SPDX-License-Identifier: MIT */
#include "../unit_test.h"

#include <string.h>

#include "target/buffers.h"

static void a_buffer_that_was_put_back_is_handed_out_again(void **state)
{
    struct target_buffers buffers;
    void *first, *second;

    (void)state;
    target_buffers_init(&buffers, 1 << 20);
    first = target_buffers_get(&buffers, 65536);
    assert_non_null(first);
    memset(first, 1, 65536);
    target_buffers_put(&buffers, first, 65536);
    second = target_buffers_get(&buffers, 40000); /* same class */
    assert_ptr_equal(first, second);
    target_buffers_put(&buffers, second, 40000);
    target_buffers_fini(&buffers);
}

static void nothing_is_handed_out_beyond_the_limit(void **state)
{
    struct target_buffers buffers;
    void *a, *b;

    (void)state;
    target_buffers_init(&buffers, 8192);
    a = target_buffers_get(&buffers, 4096);
    b = target_buffers_get(&buffers, 4096);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(target_buffers_get(&buffers, 1));
    target_buffers_put(&buffers, a, 4096);
    a = target_buffers_get(&buffers, 1);
    assert_non_null(a);
    target_buffers_put(&buffers, a, 1);
    target_buffers_put(&buffers, b, 4096);
    assert_int_equal(buffers.n_used, 0);
    target_buffers_fini(&buffers);
}

static void a_length_that_no_class_holds_is_refused(void **state)
{
    struct target_buffers buffers;

    (void)state;
    target_buffers_init(&buffers, UINT64_MAX);
    assert_null(target_buffers_get(&buffers, ((size_t)1 << BUFFER_SHIFT_MAX) + 1));
    assert_null(target_buffers_get(&buffers, SIZE_MAX));
    target_buffers_put(&buffers, NULL, 4096);
    target_buffers_fini(&buffers);
}

static void what_is_kept_idle_is_bounded(void **state)
{
    enum { N = 40, SIZE = 1 << 20 };
    struct target_buffers buffers;
    void *all[N];

    (void)state;
    target_buffers_init(&buffers, UINT64_MAX);
    for (int i = 0; i < N; i++)
        assert_non_null(all[i] = target_buffers_get(&buffers, SIZE));
    for (int i = 0; i < N; i++)
        target_buffers_put(&buffers, all[i], SIZE);
    assert_true(buffers.n_idle <= BUFFERS_IDLE_MAX);
    target_buffers_fini(&buffers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_that_was_put_back_is_handed_out_again),
        cmocka_unit_test(nothing_is_handed_out_beyond_the_limit),
        cmocka_unit_test(a_length_that_no_class_holds_is_refused),
        cmocka_unit_test(what_is_kept_idle_is_bounded),
    };

    return RUN_TESTS(tests);
}
