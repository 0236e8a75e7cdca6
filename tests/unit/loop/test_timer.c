/* SPDX-License-Identifier: MIT */
#include "loop_test.h"

#define MS UINT64_C(1000000)

struct clocked {
    struct loop_timer timer;
    int name;
};

static int fired_names[1024];
static unsigned n_fired;

static void note(struct loop_timer *timer)
{
    fired_names[n_fired++] = container_of(timer, struct clocked, timer)->name;
}

static void timers_fire_in_the_order_of_their_deadlines(void **state)
{
    struct loop *loop = *state;
    struct clocked t[200] = { 0 };
    uint64_t start = loop_now(loop);

    n_fired = 0;
    for (int i = 0; i < 200; i++) {
        t[i] = (struct clocked){ .timer.fired = note, .name = (i * 77) % 200 };
        loop_timer_start(loop, &t[i].timer, start + (uint64_t)t[i].name * MS / 20);
    }
    turn_until(loop, &n_fired, 200);
    for (int i = 0; i < 200; i++)
        assert_int_equal(fired_names[i], i);
}

static void equal_deadlines_fire_in_the_order_of_starting(void **state)
{
    struct loop *loop = *state;
    struct clocked t[50] = { 0 };
    uint64_t when = loop_now(loop) + MS;

    n_fired = 0;
    for (int i = 0; i < 50; i++) {
        t[i] = (struct clocked){ .timer.fired = note, .name = i };
        loop_timer_start(loop, &t[i].timer, when);
    }
    turn_until(loop, &n_fired, 50);
    for (int i = 0; i < 50; i++)
        assert_int_equal(fired_names[i], i);
}

static void no_timer_fires_before_its_deadline(void **state)
{
    struct loop *loop = *state;
    struct clocked t = { .timer.fired = note };
    uint64_t when = loop_now(loop) + 5 * MS;

    n_fired = 0;
    loop_timer_start(loop, &t.timer, when);
    while (n_fired == 0) {
        assert_int_equal(loop_turn(loop, -1), 0);
        assert_true(n_fired == 0 || loop_now(loop) >= when);
    }
}

static void a_stopped_timer_does_not_fire(void **state)
{
    struct loop *loop = *state;
    struct clocked a = { .timer.fired = note, .name = 1 }, b = { .timer.fired = note, .name = 2 },
                   zeroed = { 0 };
    uint64_t when = loop_now(loop) + MS;

    n_fired = 0;
    loop_timer_stop(loop, &zeroed.timer);
    loop_timer_start(loop, &a.timer, when);
    loop_timer_start(loop, &b.timer, when + MS);
    loop_timer_stop(loop, &a.timer);
    loop_timer_stop(loop, &a.timer);
    turn_until(loop, &n_fired, 1);
    assert_int_equal(n_fired, 1);
    assert_int_equal(fired_names[0], 2);
}

static void a_restarted_timer_fires_once_at_its_last_deadline(void **state)
{
    struct loop *loop = *state;
    struct clocked a = { .timer.fired = note, .name = 1 }, b = { .timer.fired = note, .name = 2 };
    uint64_t start = loop_now(loop);

    n_fired = 0;
    loop_timer_start(loop, &a.timer, start + MS);
    loop_timer_start(loop, &b.timer, start + 3 * MS);
    loop_timer_start(loop, &a.timer, start + 6 * MS); /* out */
    loop_timer_start(loop, &b.timer, start + 2 * MS); /* in */
    turn_until(loop, &n_fired, 2);
    assert_int_equal(fired_names[0], 2);
    assert_int_equal(fired_names[1], 1);
    assert_true(loop_now(loop) >= start + 6 * MS);
    turn_a_little(loop);
    assert_int_equal(n_fired, 2);
}

static struct loop *the_loop;
static unsigned n_repeats;

static void again_at_once(struct loop_timer *timer)
{
    n_repeats++;
    loop_timer_start(the_loop, timer, 0);
}

static void a_timer_that_is_always_due_fires_once_a_turn(void **state)
{
    struct loop_timer t = { .fired = again_at_once };

    the_loop = *state;
    n_repeats = 0;
    loop_timer_start(the_loop, &t, 0);
    for (unsigned i = 1; i <= 10; i++) {
        assert_int_equal(loop_turn(the_loop, -1), 0);
        assert_int_equal(n_repeats, i);
    }
    loop_timer_stop(the_loop, &t);
}

static struct clocked pair[2];

static void stop_the_other(struct loop_timer *timer)
{
    n_fired++;
    loop_timer_stop(the_loop, &pair[timer == &pair[0].timer].timer);
}

static void a_timer_may_stop_another_that_is_due_in_the_same_turn(void **state)
{
    the_loop = *state;
    n_fired = 0;
    for (int i = 0; i < 2; i++) {
        pair[i] = (struct clocked){ .timer.fired = stop_the_other };
        loop_timer_start(the_loop, &pair[i].timer, 1);
    }
    turn_a_little(the_loop);
    assert_int_equal(n_fired, 1);
}

/* Against a plain array: random starts and stops, what fires must be what the model says, in its order. */
static void thousands_of_random_starts_and_stops_keep_the_order(void **state)
{
    enum { N = 500 };
    struct loop *loop = *state;
    struct clocked t[N] = { 0 };
    uint64_t deadline[N] = { 0 }, last = 0, base = loop_now(loop);
    unsigned n_armed = 0;

    n_fired = 0;
    srandom(7);
    for (int i = 0; i < N; i++)
        t[i] = (struct clocked){ .timer.fired = note, .name = i };
    for (int step = 0; step < 20000; step++) {
        int i = (int)(random() % N);

        deadline[i] = random() % 3 ? 1 + (uint64_t)random() % base : 0;
        if (deadline[i])
            loop_timer_start(loop, &t[i].timer, deadline[i]);
        else
            loop_timer_stop(loop, &t[i].timer);
    }
    for (int i = 0; i < N; i++)
        n_armed += deadline[i] != 0;
    turn_until(loop, &n_fired, n_armed);
    assert_int_equal(n_fired, n_armed);
    for (unsigned i = 0; i < n_fired; i++) {
        assert_true(deadline[fired_names[i]] >= last);
        last = deadline[fired_names[i]];
    }
}

static void a_turn_with_nothing_to_do_ends_at_its_timeout(void **state)
{
    struct loop *loop = *state;
    uint64_t start;

    assert_int_equal(loop_turn(loop, 0), 0);
    start = loop_now(loop);
    assert_int_equal(loop_turn(loop, 3), 0);
    assert_true(loop_now(loop) >= start + 2 * MS);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(timers_fire_in_the_order_of_their_deadlines),
        LOOP_TEST(equal_deadlines_fire_in_the_order_of_starting),
        LOOP_TEST(no_timer_fires_before_its_deadline),
        LOOP_TEST(a_stopped_timer_does_not_fire),
        LOOP_TEST(a_restarted_timer_fires_once_at_its_last_deadline),
        LOOP_TEST(a_timer_that_is_always_due_fires_once_a_turn),
        LOOP_TEST(a_timer_may_stop_another_that_is_due_in_the_same_turn),
        LOOP_TEST(thousands_of_random_starts_and_stops_keep_the_order),
        LOOP_TEST(a_turn_with_nothing_to_do_ends_at_its_timeout),
    };

    return RUN_TESTS(tests);
}

int main(void)
{
    return run_on_both("timer", run);
}
