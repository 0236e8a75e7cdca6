/* SPDX-License-Identifier: MIT */
#include "store_test.h"

#include <pthread.h>

static void a_tebibyte_costs_only_what_is_written(void **state)
{
    uint8_t data[4096], back[8192];
    struct store *s;
    struct store_extent e;

    (void)state;
    fill_pattern(data, sizeof data, 1);
    assert_int_equal(store_memory_open(1024 * GIB, &s), 0);
    assert_int_equal(store_allocated(s), 0);
    assert_int_equal(do_write(s, 700 * GIB - 2048, data, sizeof data), 0); /* across a chunk border */
    assert_int_equal(store_allocated(s), 8192);
    assert_int_equal(do_read(s, 700 * GIB - 4096, back, sizeof back), 0);
    assert_true(all_zero(back, 2048));
    assert_memory_equal(back + 2048, data, sizeof data);
    assert_int_equal(store_extent_at(s, 0, &e), 0);
    assert_false(e.mapped);
    assert_int_equal(e.len, 700 * GIB - 4096);
    assert_int_equal(store_extent_at(s, 700 * GIB - 4096, &e), 0);
    assert_true(e.mapped);
    assert_int_equal(e.len, 8192);
    assert_int_equal(do_range(s, STORE_DISCARD, 0, 1024 * GIB, false), 0);
    assert_int_equal(store_allocated(s), 0);
    store_unref(s);
}

static void too_large_a_store_is_refused(void **state)
{
    struct store *s = NULL;

    (void)state;
    assert_int_equal(store_memory_open(UINT64_MAX, &s), -EFBIG);
    assert_null(s);
}

static void an_odd_size_works_to_its_last_byte(void **state)
{
    char last = 'z', back = 0;
    struct store *s;

    (void)state;
    assert_int_equal(store_memory_open(GIB + 513, &s), 0);
    assert_int_equal(do_write(s, GIB + 512, &last, 1), 0);
    assert_int_equal(do_read(s, GIB + 512, &back, 1), 0);
    assert_int_equal(back, 'z');
    assert_int_equal(do_read(s, GIB + 513, &back, 1), -EINVAL);
    store_unref(s);
}

static void a_large_discard_does_not_hold_up_the_loop(void **state)
{
    struct call c = { .req = { .op = STORE_DISCARD, .len = 2 * GIB } };
    uint8_t *data = malloc(32 * MIB), back[4096];

    (void)state;
    memset(data, 7, 32 * MIB);
    assert_int_equal(loop_create(NULL, &test_loop), 0);
    assert_int_equal(store_memory_open(2 * GIB, &c.store), 0);
    assert_int_equal(do_write(c.store, GIB - 16 * MIB, data, 32 * MIB), 0);
    call_start(&c);
    assert_int_equal(c.n_done, 0); /* a worker has it */
    assert_int_equal(call_wait(&c), 0);
    assert_int_equal(store_allocated(c.store), 0);
    assert_int_equal(do_read(c.store, GIB, back, sizeof back), 0);
    assert_true(all_zero(back, sizeof back));
    store_unref(c.store);
    loop_destroy(test_loop);
    test_loop = NULL;
    free(data);
}

enum { N_THREADS = 4, N_ROUNDS = 3000, SLICE = 512 };

struct writer {
    struct store *store;
    unsigned number;
};

/* Neighbours in the same page: what one does must not touch the other's bytes. */
static void *write_slice(void *arg)
{
    const struct writer *w = arg;
    uint8_t data[SLICE], back[SLICE];

    for (unsigned i = 0; i < N_ROUNDS; i++) {
        uint64_t offset = (i % 8) * 4096 + w->number * SLICE;

        fill_pattern(data, SLICE, i * N_THREADS + w->number);
        if (do_write(w->store, offset, data, SLICE) < 0 || do_read(w->store, offset, back, SLICE) < 0 ||
            memcmp(data, back, SLICE) != 0 || do_range(w->store, STORE_DISCARD, offset, SLICE, false) < 0 ||
            do_read(w->store, offset, back, SLICE) < 0 || !all_zero(back, SLICE))
            return arg;
    }
    return NULL;
}

static void threads_do_not_disturb_their_neighbours_in_a_page(void **state)
{
    struct writer writers[N_THREADS];
    pthread_t threads[N_THREADS];
    struct store *s;
    void *failed;

    (void)state;
    assert_int_equal(store_memory_open(MIB, &s), 0);
    for (unsigned i = 0; i < N_THREADS; i++) {
        writers[i] = (struct writer){ s, i };
        assert_int_equal(pthread_create(&threads[i], NULL, write_slice, &writers[i]), 0);
    }
    for (unsigned i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(store_allocated(s), 8 * 4096);
    store_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tebibyte_costs_only_what_is_written),
        cmocka_unit_test(too_large_a_store_is_refused),
        cmocka_unit_test(an_odd_size_works_to_its_last_byte),
        cmocka_unit_test(a_large_discard_does_not_hold_up_the_loop),
        cmocka_unit_test(threads_do_not_disturb_their_neighbours_in_a_page),
    };

    return RUN_TESTS(tests);
}
