/* SPDX-License-Identifier: MIT */
/* Every test of the loop runs on both engines: RUN_ON_BOTH() in main(), loop_fixture() as each test's
 * setup. */
#ifndef VDS_TESTS_LOOP_TEST_H
#define VDS_TESTS_LOOP_TEST_H

#include "../unit_test.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "loop/loop.h"

#define HANG_GUARD_S 60

static enum loop_backend backend;

static int make_loop(void **state)
{
    struct loop_options options = { .backend = backend };

    return loop_create(&options, (struct loop **)state) < 0 ? -1 : 0;
}

static int drop_loop(void **state)
{
    loop_destroy(*state);
    return 0;
}

#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, make_loop, drop_loop)

/* An operation that remembers what became of it. */
struct result {
    struct loop_op op;
    unsigned n_done;
    int res;
};

static inline void result_done(struct loop_op *op, int res)
{
    struct result *r = container_of(op, struct result, op);

    r->n_done++;
    r->res = res;
}

#define RESULT() ((struct result){ .op.done = result_done })

/* Turns until *count reaches n. The limit only keeps a broken loop from hanging the suite. */
static inline void turn_until(struct loop *loop, const unsigned *count, unsigned n)
{
    uint64_t limit_ns = loop_now(loop) + HANG_GUARD_S * UINT64_C(1000000000);

    while (*(const volatile unsigned *)count < n) {
        assert_int_equal(loop_turn(loop, 1000), 0);
        assert_true(loop_now(loop) < limit_ns);
    }
}

/* What is due runs, nothing is waited for. */
static inline void turn_a_little(struct loop *loop)
{
    for (int i = 0; i < 4; i++)
        assert_int_equal(loop_turn(loop, 0), 0);
}

static inline int run_on_both(const char *name, int (*run)(void))
{
    const struct loop_options uring = { .backend = LOOP_BACKEND_URING };
    struct loop *probe;
    int n_failed = 0;

    (void)name;
    backend = LOOP_BACKEND_EPOLL;
    n_failed += run();
    if (loop_create(&uring, &probe) < 0) {
        printf("%s: io_uring is not to be had here, its half is skipped\n", name);
        return n_failed;
    }
    loop_destroy(probe);
    backend = LOOP_BACKEND_URING;
    return n_failed + run();
}

#endif
