/* SPDX-License-Identifier: MIT */
#include "store_test.h"

#include <pthread.h>

struct script {
    unsigned n_seen;
    unsigned fail_nth; /* 1 = the first, 0 = none */
    int verdict;
    enum store_op last;
};

static int play(void *arg, const struct store_request *req)
{
    struct script *s = arg;

    s->last = req->op;
    return ++s->n_seen == s->fail_nth ? s->verdict : 0;
}

/* The sequence whose every step is made to fail in turn. */
static int sequence(struct store *s)
{
    char data[4096] = "sequence";
    int r = do_write(s, 0, data, sizeof data);

    r = r < 0 ? r : do_write(s, 4096, data, sizeof data);
    r = r < 0 ? r : do_range(s, STORE_WRITE_ZEROES, 0, 512, false);
    r = r < 0 ? r : do_range(s, STORE_DISCARD, 4096, 4096, false);
    r = r < 0 ? r : do_flush(s);
    return r < 0 ? r : do_read(s, 0, data, sizeof data);
}

static void each_request_of_a_sequence_can_be_made_to_fail(void **state)
{
    struct script script = { 0 };
    struct store *memory, *s;
    unsigned n;
    int r = -1;

    (void)state;
    assert_int_equal(store_memory_open(MIB, &memory), 0);
    assert_int_equal(store_fault_open(memory, play, &script, &s), 0);
    for (n = 1; r != 0; n++) {
        script = (struct script){ .fail_nth = n, .verdict = -ENOSPC };
        r = sequence(s);
        assert_true(r == 0 || r == -ENOSPC);
        assert_int_equal(script.n_seen, r == 0 ? 6 : n);
    }
    assert_int_equal(n, 8); /* six failures, then a run without */
    store_unref(s);
    store_unref(memory);
}

static void a_failed_write_does_not_reach_the_store(void **state)
{
    struct script script = { .fail_nth = 1, .verdict = -EIO };
    struct store *memory, *s;
    uint8_t data[512] = { 1 }, back[512];

    (void)state;
    assert_int_equal(store_memory_open(MIB, &memory), 0);
    assert_int_equal(store_fault_open(memory, play, &script, &s), 0);
    assert_int_equal(do_write(s, 0, data, sizeof data), -EIO);
    assert_int_equal(do_read(s, 0, back, sizeof back), 0);
    assert_true(all_zero(back, sizeof back));
    store_unref(s);
    store_unref(memory);
}

static int hold_all(void *arg, const struct store_request *req)
{
    (void)req;
    ++*(unsigned *)arg;
    return -EINPROGRESS;
}

static void held_requests_complete_in_order_when_released(void **state)
{
    struct call c[3] = { 0 };
    uint8_t data[3][512], back[512];
    struct store *memory, *s;
    unsigned n_seen = 0;

    (void)state;
    assert_int_equal(store_memory_open(MIB, &memory), 0);
    assert_int_equal(store_fault_open(memory, hold_all, &n_seen, &s), 0);
    store_unref(memory); /* the wrapper has its own reference */
    for (unsigned i = 0; i < 3; i++) {
        memset(data[i], (int)i + 1, sizeof data[i]);
        c[i] = (struct call){ .store = s, .req = { .op = STORE_WRITE, .len = 512, .n_iov = 1 } };
        c[i].iov[0] = (struct iovec){ data[i], 512 };
        c[i].req.iov = c[i].iov;
        call_start(&c[i]);
        assert_int_equal(c[i].n_done, 0);
    }
    assert_int_equal(n_seen, 3);
    assert_int_equal(store_fault_release(s), 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(call_wait(&c[i]), 0);
    assert_int_equal(do_read(memory, 0, back, sizeof back), 0);
    assert_memory_equal(back, data[2], sizeof back); /* the last one wins */
    assert_int_equal(store_fault_release(s), 0);
    store_unref(s);
}

static void *release_elsewhere(void *store)
{
    return (void *)(uintptr_t)store_fault_release(store);
}

static void a_held_request_is_released_on_its_own_thread_only(void **state)
{
    struct call c = { .req = { .op = STORE_FLUSH } };
    struct store *memory;
    unsigned n_seen = 0;
    pthread_t thread;
    void *n_released;

    (void)state;
    assert_int_equal(store_memory_open(MIB, &memory), 0);
    assert_int_equal(store_fault_open(memory, hold_all, &n_seen, &c.store), 0);
    call_start(&c);
    assert_int_equal(pthread_create(&thread, NULL, release_elsewhere, c.store), 0);
    pthread_join(thread, &n_released);
    assert_null(n_released);
    assert_int_equal(c.n_done, 0);
    assert_int_equal(store_fault_release(c.store), 1);
    assert_int_equal(c.n_done, 1);
    store_unref(c.store);
    store_unref(memory);
}

static void the_wrapper_tells_what_the_inner_store_is(void **state)
{
    struct script script = { 0 };
    struct store *memory, *s;
    struct store_extent e;
    char data[4096] = { 1 };

    (void)state;
    assert_int_equal(store_memory_open(MIB, &memory), 0);
    assert_int_equal(store_fault_open(memory, play, &script, &s), 0);
    assert_int_equal(do_write(s, 0, data, sizeof data), 0);
    assert_int_equal(store_size(s), MIB);
    assert_true(store_is_thin(s));
    assert_int_equal(store_allocated(s), 4096);
    assert_int_equal(store_extent_at(s, 0, &e), 0);
    assert_int_equal(e.len, 4096);
    assert_int_equal(store_reserve(s, 0, 8192), 0);
    assert_int_equal(store_resize(s, 2 * MIB), 0);
    assert_int_equal(store_size(s), 2 * MIB);
    assert_int_equal(store_size(memory), 2 * MIB);
    store_unref(s);
    store_unref(memory);
}

static void the_null_store_reads_zeros_and_forgets_writes(void **state)
{
    struct store *s;
    struct store_extent e;
    uint8_t data[8192];

    (void)state;
    assert_int_equal(store_null_open(UINT64_C(1) << 50, &s), 0);
    memset(data, 7, sizeof data);
    assert_int_equal(do_write(s, GIB, data, sizeof data), 0);
    assert_int_equal(do_read(s, GIB, data, sizeof data), 0);
    assert_true(all_zero(data, sizeof data));
    assert_int_equal(store_allocated(s), 0);
    assert_int_equal(store_extent_at(s, 1, &e), 0);
    assert_false(e.mapped);
    assert_int_equal(do_flush(s), 0);
    assert_int_equal(store_resize(s, GIB), 0);
    store_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_of_a_sequence_can_be_made_to_fail),
        cmocka_unit_test(a_failed_write_does_not_reach_the_store),
        cmocka_unit_test(held_requests_complete_in_order_when_released),
        cmocka_unit_test(a_held_request_is_released_on_its_own_thread_only),
        cmocka_unit_test(the_wrapper_tells_what_the_inner_store_is),
        cmocka_unit_test(the_null_store_reads_zeros_and_forgets_writes),
    };

    return RUN_TESTS(tests);
}
