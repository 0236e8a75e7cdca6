/* SPDX-License-Identifier: MIT */
#include "loop_test.h"

#include <pthread.h>
#include <stdatomic.h>

#define N_SENDERS  8
#define N_MESSAGES 20000

struct note {
    struct loop_message message;
    unsigned sender, number;
};

static struct loop *the_loop;
static unsigned n_seen[N_SENDERS], n_total, n_out_of_order;

static void note_run(struct loop_message *message)
{
    struct note *n = container_of(message, struct note, message);

    n_out_of_order += n->number != n_seen[n->sender]++;
    n_total++;
    free(n);
    if (n_total == N_SENDERS * N_MESSAGES)
        loop_stop(the_loop);
}

static void *send_notes(void *arg)
{
    for (unsigned i = 0; i < N_MESSAGES; i++) {
        struct note *n = malloc(sizeof *n);

        *n = (struct note){ .message.run = note_run, .sender = (unsigned)(uintptr_t)arg, .number = i };
        loop_post(the_loop, &n->message);
    }
    return NULL;
}

static void every_message_of_eight_threads_arrives_in_its_senders_order(void **state)
{
    pthread_t threads[N_SENDERS];

    the_loop = *state;
    n_total = n_out_of_order = 0;
    memset(n_seen, 0, sizeof n_seen);
    for (uintptr_t i = 0; i < N_SENDERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_notes, (void *)i), 0);
    assert_int_equal(loop_run(the_loop), 0);
    for (unsigned i = 0; i < N_SENDERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(n_total, N_SENDERS * N_MESSAGES);
    assert_int_equal(n_out_of_order, 0);
}

static void *run_loop(void *loop)
{
    return (void *)(intptr_t)loop_run(loop);
}

static void where_am_i(void *arg)
{
    *(struct loop **)arg = loop_current();
}

static void count_call(void *arg)
{
    ++*(unsigned *)arg;
}

static void a_call_has_run_on_the_loops_thread_when_it_returns(void **state)
{
    struct loop *loop = *state, *seen = NULL;
    unsigned n_calls = 0;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, run_loop, loop), 0);
    loop_call(loop, where_am_i, &seen);
    assert_ptr_equal(seen, loop);
    assert_null(loop_current());
    for (unsigned i = 0; i < 2000; i++) {
        loop_call(loop, count_call, &n_calls);
        assert_int_equal(n_calls, i + 1);
    }
    loop_stop(loop);
    pthread_join(thread, NULL);
}

struct nested {
    struct loop_message message;
    unsigned n_calls, n_when_back;
};

static void call_inside(struct loop_message *message)
{
    struct nested *n = container_of(message, struct nested, message);

    loop_call(loop_current(), count_call, &n->n_calls);
    n->n_when_back = n->n_calls;
}

static void a_call_from_the_loops_own_thread_runs_at_once(void **state)
{
    struct nested n = { .message.run = call_inside };

    loop_post(*state, &n.message);
    turn_until(*state, &n.n_calls, 1);
    assert_int_equal(n.n_when_back, 1);
}

static void a_stop_before_the_run_is_not_lost(void **state)
{
    loop_stop(*state);
    assert_int_equal(loop_run(*state), 0);
}

static void *stop_loop(void *loop)
{
    loop_stop(loop);
    return NULL;
}

static void a_sleeping_loop_is_stopped_from_another_thread(void **state)
{
    for (int i = 0; i < 200; i++) {
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, stop_loop, *state), 0);
        assert_int_equal(loop_run(*state), 0);
        pthread_join(thread, NULL);
    }
}

static void a_loop_runs_on_another_thread_than_the_one_that_made_it(void **state)
{
    struct result r = RESULT();
    struct loop *loop = *state;
    unsigned n_calls = 0;
    pthread_t thread;

    loop_defer(loop, &r.op); /* before the first turn any thread may start operations */
    assert_int_equal(pthread_create(&thread, NULL, run_loop, loop), 0);
    loop_call(loop, count_call, &n_calls);
    loop_stop(loop);
    pthread_join(thread, NULL);
    assert_int_equal(r.n_done, 1);
}

struct ball {
    struct loop_message message;
    struct loop *loops[2];
    unsigned n_left;
};

static void bounce(struct loop_message *message)
{
    struct ball *b = container_of(message, struct ball, message);

    if (b->n_left-- == 0) {
        loop_stop(b->loops[0]);
        loop_stop(b->loops[1]);
    } else {
        loop_post(b->loops[loop_current() == b->loops[0]], message);
    }
}

static void two_loops_can_send_a_message_to_and_fro(void **state)
{
    struct loop_options options = { .backend = backend };
    struct ball ball = { .message.run = bounce, .n_left = 5000 };
    pthread_t thread;

    ball.loops[0] = *state;
    assert_int_equal(loop_create(&options, &ball.loops[1]), 0);
    loop_post(ball.loops[0], &ball.message);
    assert_int_equal(pthread_create(&thread, NULL, run_loop, ball.loops[1]), 0);
    assert_int_equal(loop_run(ball.loops[0]), 0);
    pthread_join(thread, NULL);
    loop_destroy(ball.loops[1]);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(every_message_of_eight_threads_arrives_in_its_senders_order),
        LOOP_TEST(a_call_has_run_on_the_loops_thread_when_it_returns),
        LOOP_TEST(a_call_from_the_loops_own_thread_runs_at_once),
        LOOP_TEST(a_stop_before_the_run_is_not_lost),
        LOOP_TEST(a_sleeping_loop_is_stopped_from_another_thread),
        LOOP_TEST(a_loop_runs_on_another_thread_than_the_one_that_made_it),
        LOOP_TEST(two_loops_can_send_a_message_to_and_fro),
    };

    return RUN_TESTS(tests);
}

int main(void)
{
    return run_on_both("message", run);
}
