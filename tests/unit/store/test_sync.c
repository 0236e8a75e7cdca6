/* SPDX-License-Identifier: MIT */
/* Durability: who hears of a failed fdatasync(2), and how many of them are made. The call is replaced by
 * the linker (--wrap). */
#include "store_test.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

int __wrap_fdatasync(int fd);
int __real_fdatasync(int fd);

static atomic_uint n_syncs, fail_nth;
static atomic_bool hold;
static sem_t held, go_on;

int __wrap_fdatasync(int fd)
{
    unsigned n = atomic_fetch_add(&n_syncs, 1) + 1;

    if (atomic_exchange(&hold, false)) {
        sem_post(&held);
        sem_wait(&go_on);
    }
    if (n == atomic_load(&fail_nth)) {
        errno = EIO;
        return -1;
    }
    return __real_fdatasync(fd);
}

static char path[64];

static int open_file(void **state)
{
    atomic_store(&n_syncs, 0);
    atomic_store(&fail_nth, 0);
    snprintf(path, sizeof path, "/var/tmp/vds-sync-%d", (int)getpid());
    unlink(path);
    if (store_file_create(path, MIB, /* thick= */ false, NULL, NULL) < 0)
        return -1;
    return store_file_open(path, /* read_only= */ false, (struct store **)state);
}

static int close_file(void **state)
{
    store_unref(*state);
    return unlink(path);
}

#define SYNC_TEST(f) cmocka_unit_test_setup_teardown(f, open_file, close_file)

static void a_flush_that_fails_is_reported_and_the_next_one_starts_anew(void **state)
{
    atomic_store(&fail_nth, 1);
    assert_int_equal(do_flush(*state), -EIO);
    assert_int_equal(do_flush(*state), 0);
    assert_int_equal(atomic_load(&n_syncs), 2);
}

static void forced_unit_access_syncs_and_reports_its_failure(void **state)
{
    const enum store_op ops[] = { STORE_DISCARD, STORE_WRITE_ZEROES };
    uint8_t data[4096] = { 1 };

    assert_int_equal(do_write(*state, 0, data, sizeof data), 0);
    assert_int_equal(atomic_load(&n_syncs), 0);
    assert_int_equal(do_transfer(*state, STORE_WRITE, 0, data, sizeof data, true), 0);
    assert_int_equal(atomic_load(&n_syncs), 1);
    atomic_store(&fail_nth, 2);
    assert_int_equal(do_transfer(*state, STORE_WRITE, 0, data, sizeof data, true), -EIO);
    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
        atomic_store(&fail_nth, 3 + i);
        assert_int_equal(do_range(*state, ops[i], 0, 4096, true), -EIO);
    }
    assert_int_equal(atomic_load(&n_syncs), 4);
}

static void *flush_elsewhere(void *store)
{
    struct call c = { .store = store, .req = { .op = STORE_FLUSH } };

    c.res = store_submit(store, &c.req); /* a thread without a loop */
    return (void *)(intptr_t)c.res;
}

/* The kernel tells the first who syncs and nobody else. */
static void a_flush_that_overlaps_a_failed_one_fails_too(void **state)
{
    struct loop *outer = test_loop;
    pthread_t thread;
    void *res;

    test_loop = NULL; /* both on threads without a loop: the point is the store */
    sem_init(&held, 0, 0);
    sem_init(&go_on, 0, 0);
    atomic_store(&hold, true);
    atomic_store(&fail_nth, 2);
    assert_int_equal(pthread_create(&thread, NULL, flush_elsewhere, *state), 0);
    sem_wait(&held);
    assert_int_equal(do_flush(*state), -EIO);
    sem_post(&go_on);
    pthread_join(thread, &res);
    assert_int_equal((intptr_t)res, -EIO);
    assert_int_equal(do_flush(*state), 0);
    test_loop = outer;
}

enum { N_BATCH = 16 };

struct batch {
    struct loop_message message;
    struct store *store;
    struct call calls[N_BATCH];
    uint8_t data[N_BATCH][4096];
};

static void batch_submit(struct loop_message *message)
{
    struct batch *b = container_of(message, struct batch, message);

    for (unsigned i = 0; i < N_BATCH; i++)
        call_submit(&b->calls[i].message);
}

static void batch_start(struct batch *b, struct store *store, bool fua)
{
    b->message.run = batch_submit;
    for (unsigned i = 0; i < N_BATCH; i++) {
        struct call *c = &b->calls[i];

        fill_pattern(b->data[i], 4096, i);
        *c = (struct call){ .store = store };
        c->iov[0] = (struct iovec){ b->data[i], 4096 };
        c->req = (struct store_request){ .op = STORE_WRITE,
                                         .fua = fua,
                                         .offset = i * 8192,
                                         .len = 4096,
                                         .iov = c->iov,
                                         .n_iov = 1,
                                         .done = call_done };
    }
    loop_post(test_loop, &b->message);
}

static void writes_of_one_turn_are_synced_once_for_all(void **state)
{
    struct batch b;
    uint8_t back[4096];

    if (!test_loop)
        return; /* without a loop there are no turns */
    batch_start(&b, *state, true);
    for (unsigned i = 0; i < N_BATCH; i++)
        assert_int_equal(call_wait(&b.calls[i]), 0);
    assert_int_equal(atomic_load(&n_syncs), 1);
    for (unsigned i = 0; i < N_BATCH; i++) {
        assert_int_equal(do_read(*state, i * 8192, back, sizeof back), 0);
        assert_memory_equal(back, b.data[i], sizeof back);
    }
}

static void a_failed_sync_is_the_failure_of_every_write_of_its_batch(void **state)
{
    struct batch b;

    if (!test_loop)
        return;
    atomic_store(&fail_nth, 1);
    batch_start(&b, *state, true);
    for (unsigned i = 0; i < N_BATCH; i++)
        assert_int_equal(call_wait(&b.calls[i]), -EIO);
    batch_start(&b, *state, true);
    for (unsigned i = 0; i < N_BATCH; i++)
        assert_int_equal(call_wait(&b.calls[i]), 0);
}

static void writes_without_forced_unit_access_are_not_synced(void **state)
{
    struct batch b;

    if (!test_loop)
        return;
    batch_start(&b, *state, false);
    for (unsigned i = 0; i < N_BATCH; i++)
        assert_int_equal(call_wait(&b.calls[i]), 0);
    assert_int_equal(atomic_load(&n_syncs), 0);
}

static int run_once(void)
{
    const struct CMUnitTest tests[] = {
        SYNC_TEST(a_flush_that_fails_is_reported_and_the_next_one_starts_anew),
        SYNC_TEST(forced_unit_access_syncs_and_reports_its_failure),
        SYNC_TEST(a_flush_that_overlaps_a_failed_one_fails_too),
        SYNC_TEST(writes_of_one_turn_are_synced_once_for_all),
        SYNC_TEST(a_failed_sync_is_the_failure_of_every_write_of_its_batch),
        SYNC_TEST(writes_without_forced_unit_access_are_not_synced),
    };

    return RUN_TESTS(tests);
}

int main(void)
{
    return run_once() + run_in_loops(run_once);
}
