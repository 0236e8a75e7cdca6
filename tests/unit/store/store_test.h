/* SPDX-License-Identifier: MIT */
/* Requests made short: one call that submits and waits, with the loop named by the test or with none. */
#ifndef VDS_TESTS_STORE_TEST_H
#define VDS_TESTS_STORE_TEST_H

#include "../unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "loop/loop.h"
#include "store/store.h"

#define KIB UINT64_C(1024)
#define MIB UINT64_C(1048576)
#define GIB UINT64_C(1073741824)

/* Where requests run: NULL is a thread without a loop. */
static struct loop *test_loop;

struct call {
    struct loop_message message;
    struct store *store;
    struct store_request req;
    struct iovec iov[4];
    bool inside; /* within store_submit() */
    bool started;
    unsigned n_done;
    int res;
};

static inline void call_done(struct store_request *req, int res)
{
    struct call *c = container_of(req, struct call, req);

    assert_false(c->inside);
    assert_ptr_equal(loop_current(), test_loop);
    c->n_done++;
    c->res = res;
}

static inline void call_submit(struct loop_message *message)
{
    struct call *c = container_of(message, struct call, message);
    int r;

    c->inside = true;
    r = store_submit(c->store, &c->req);
    c->inside = false;
    c->started = true;
    if (r != -EINPROGRESS) {
        c->n_done++;
        c->res = r;
    }
}

static inline void call_start(struct call *c)
{
    c->message.run = call_submit;
    c->req.done = call_done;
    if (!test_loop) {
        call_submit(&c->message);
        return;
    }
    loop_post(test_loop, &c->message);
    while (!c->started)
        assert_int_equal(loop_turn(test_loop, 1000), 0);
}

static inline int call_wait(struct call *c)
{
    for (int i = 0; c->n_done == 0 && test_loop; i++) {
        assert_true(i < 1000000); /* a hang guard */
        assert_int_equal(loop_turn(test_loop, 1000), 0);
    }
    assert_int_equal(c->n_done, 1);
    return c->res;
}

static inline int call_run(struct call *c)
{
    call_start(c);
    return call_wait(c);
}

static inline int do_transfer(struct store *s, enum store_op op, uint64_t offset, const void *data,
                              size_t len, bool fua)
{
    struct call c = { .store = s, .req = { .op = op, .offset = offset, .len = len, .fua = fua, .n_iov = 1 } };

    c.iov[0] = (struct iovec){ (void *)(uintptr_t)data, len };
    c.req.iov = c.iov;
    return call_run(&c);
}

static inline int do_read(struct store *s, uint64_t offset, void *data, size_t len)
{
    return do_transfer(s, STORE_READ, offset, data, len, false);
}

static inline int do_write(struct store *s, uint64_t offset, const void *data, size_t len)
{
    return do_transfer(s, STORE_WRITE, offset, data, len, false);
}

static inline int do_range(struct store *s, enum store_op op, uint64_t offset, uint64_t len, bool fua)
{
    struct call c = { .store = s, .req = { .op = op, .offset = offset, .len = len, .fua = fua } };

    return call_run(&c);
}

static inline int do_flush(struct store *s)
{
    return do_range(s, STORE_FLUSH, 0, 0, false);
}

/* Bytes that differ with place and seed. */
static inline void fill_pattern(uint8_t *data, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)((i + seed * 7919) * 2654435761u >> 11);
}

static inline bool all_zero(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i])
            return false;
    }
    return true;
}

/* Runs the tests in a loop on each engine that there is. Returns how many failed. */
static inline int run_in_loops(int (*run)(void))
{
    const struct loop_options backends[] = { { .backend = LOOP_BACKEND_EPOLL },
                                             { .backend = LOOP_BACKEND_URING } };
    int n_failed = 0;

    for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
        if (loop_create(&backends[i], &test_loop) < 0) {
            printf("io_uring is not to be had here, its part is skipped\n");
            continue;
        }
        n_failed += run();
        loop_destroy(test_loop);
        test_loop = NULL;
    }
    return n_failed;
}

#endif
