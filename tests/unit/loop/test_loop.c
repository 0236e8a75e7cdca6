/* SPDX-License-Identifier: MIT */
#include "transfer.h"

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* ---- the turn ------------------------------------------------------------------------------------------ */

static void a_deferred_operation_runs_from_the_loop_and_not_from_the_call(void **state)
{
    struct result r = RESULT();

    loop_defer(*state, &r.op);
    assert_int_equal(r.n_done, 0);
    assert_int_equal(loop_turn(*state, -1), 0);
    assert_int_equal(r.n_done, 1);
    assert_int_equal(r.res, 0);
}

static unsigned n_forever;

static void defer_again(struct loop_op *op, int res)
{
    assert_int_equal(res, 0);
    n_forever++;
    loop_defer(loop_current(), op);
}

static void an_operation_that_defers_itself_for_ever_does_not_starve_the_rest(void **state)
{
    struct loop_op forever = { .done = defer_again };
    struct transfer t;
    char data = 0;
    int fds[2];

    make_pair(fds);
    loop_defer(*state, &forever);
    start_receive(*state, &t, fds[0], &data, 1);
    assert_int_equal(write(fds[1], "x", 1), 1);
    turn_until(*state, &t.r.n_done, 1);
    assert_int_equal(data, 'x');
    assert_true(n_forever > 0);
    close_pair(fds);
}

static void the_current_loop_is_known_inside_callbacks_only(void **state)
{
    assert_null(loop_current());
    turn_a_little(*state);
    assert_null(loop_current());
}

static void the_name_tells_the_engine(void **state)
{
    assert_string_equal(loop_backend_name(*state), backend == LOOP_BACKEND_EPOLL ? "epoll" : "io_uring");
}

/* ---- poll ---------------------------------------------------------------------------------------------- */

static void poll_reports_once_what_was_asked_for(void **state)
{
    struct result r = RESULT();
    int fds[2];

    make_pair(fds);
    loop_poll(*state, &r.op, fds[0], POLLIN);
    turn_a_little(*state);
    assert_int_equal(r.n_done, 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    turn_until(*state, &r.n_done, 1);
    assert_true(r.res & POLLIN);
    assert_int_equal(write(fds[1], "x", 1), 1);
    turn_a_little(*state);
    assert_int_equal(r.n_done, 1);
    loop_poll(*state, &r.op, fds[0], POLLIN); /* already true */
    turn_until(*state, &r.n_done, 2);
    loop_poll(*state, &r.op, fds[0], POLLOUT);
    turn_until(*state, &r.n_done, 3);
    assert_true(r.res & POLLOUT);
    close_pair(fds);
}

static void poll_reports_a_hang_up_that_was_not_asked_for(void **state)
{
    struct result r = RESULT();
    int fds[2];

    make_pair(fds);
    loop_poll(*state, &r.op, fds[0], POLLPRI);
    turn_a_little(*state);
    close(fds[1]);
    turn_until(*state, &r.n_done, 1);
    assert_true(r.res & POLLHUP);
    close(fds[0]);
}

/* ---- cancel -------------------------------------------------------------------------------------------- */

static void a_cancelled_operation_ends_once_with_ecanceled(void **state)
{
    struct sockaddr_in addr;
    int listener = make_listener(&addr), fds[2];
    struct result accepted = RESULT(), polled = RESULT();
    struct transfer in;
    char data;

    make_pair(fds);
    start_receive(*state, &in, fds[0], &data, 1);
    loop_poll(*state, &polled.op, fds[1], POLLIN);
    loop_accept(*state, &accepted.op, listener);
    turn_a_little(*state);
    loop_cancel(*state, &in.r.op);
    loop_cancel(*state, &in.r.op); /* twice is once */
    loop_cancel(*state, &polled.op);
    loop_cancel(*state, &accepted.op);
    assert_int_equal(in.r.n_done, 0);
    turn_until(*state, &in.r.n_done, 1);
    turn_until(*state, &polled.n_done, 1);
    turn_until(*state, &accepted.n_done, 1);
    turn_a_little(*state);
    assert_int_equal(in.r.n_done, 1);
    assert_int_equal(in.r.res, -ECANCELED);
    assert_int_equal(polled.res, -ECANCELED);
    assert_int_equal(accepted.res, -ECANCELED);
    loop_cancel(*state, &in.r.op); /* long over: nothing happens */
    turn_a_little(*state);
    assert_int_equal(in.r.n_done, 1);
    close_pair(fds);
    close(listener);
}

static void a_cancel_in_the_call_that_started_it_works_too(void **state)
{
    struct transfer in;
    char data;
    int fds[2];

    make_pair(fds);
    start_receive(*state, &in, fds[0], &data, 1);
    loop_cancel(*state, &in.r.op);
    turn_until(*state, &in.r.n_done, 1);
    assert_int_equal(in.r.res, -ECANCELED);
    start_receive(*state, &in, fds[0], &data, 1); /* and the operation can be used again */
    turn_a_little(*state);
    assert_int_equal(in.r.n_done, 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    turn_until(*state, &in.r.n_done, 1);
    assert_int_equal(in.r.res, 1);
    close_pair(fds);
}

static void a_full_queue_loses_neither_operations_nor_cancels(void **state)
{
    enum { N = 300 };
    struct loop_options options = { .backend = backend, .n_entries = 8 };
    struct result r[N];
    struct loop *loop;
    int fds[2];

    (void)state;
    make_pair(fds);
    assert_int_equal(loop_create(&options, &loop), 0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < N; i++) {
            r[i] = RESULT();
            loop_poll(loop, &r[i].op, fds[0], POLLIN);
        }
        if (round == 1)
            turn_a_little(loop);
        for (int i = 0; i < N; i++)
            loop_cancel(loop, &r[i].op);
        for (int i = 0; i < N; i++) {
            turn_until(loop, &r[i].n_done, 1);
            assert_int_equal(r[i].res, -ECANCELED);
        }
    }
    for (int i = 0; i < N; i++) {
        r[i] = RESULT();
        loop_poll(loop, &r[i].op, fds[0], POLLIN);
    }
    turn_a_little(loop);
    assert_int_equal(write(fds[1], "x", 1), 1);
    for (int i = 0; i < N; i++) {
        turn_until(loop, &r[i].n_done, 1);
        assert_true(r[i].res & POLLIN);
    }
    loop_destroy(loop);
    close_pair(fds);
}

/* ---- files and work ------------------------------------------------------------------------------------ */

static int make_file(void)
{
    char path[] = "/tmp/vds-loop-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    unlink(path);
    return fd;
}

static void a_file_is_written_synced_and_read_back(void **state)
{
    struct result w = RESULT(), s = RESULT(), r = RESULT();
    char back[12] = "";
    struct iovec from[2] = { IOV("durable", 7), IOV("data", 5) }, to = { back, sizeof back };
    int fd = make_file();

    loop_writev(*state, &w.op, fd, from, 2, 4096, RWF_DSYNC);
    assert_int_equal(w.n_done, 0);
    turn_until(*state, &w.n_done, 1);
    assert_int_equal(w.res, 12);
    loop_fsync(*state, &s.op, fd, true);
    turn_until(*state, &s.n_done, 1);
    assert_int_equal(s.res, 0);
    loop_readv(*state, &r.op, fd, &to, 1, 4096);
    turn_until(*state, &r.n_done, 1);
    assert_int_equal(r.res, 12);
    assert_string_equal(back, "durabledata");
    close(fd);
}

static void fallocate_gives_the_file_space_and_errors_come_back(void **state)
{
    struct result a = RESULT(), bad = RESULT();
    int fd = make_file();

    loop_fallocate(*state, &a.op, fd, 0, 0, 1 << 20);
    turn_until(*state, &a.n_done, 1);
    assert_int_equal(a.res, 0);
    assert_int_equal(lseek(fd, 0, SEEK_END), 1 << 20);
    close(fd);
    loop_fsync(*state, &bad.op, -1, false);
    turn_until(*state, &bad.n_done, 1);
    assert_int_equal(bad.res, -EBADF);
}

struct job {
    struct result r;
    pid_t thread;
};

static int job_run(struct loop_op *op)
{
    container_of(op, struct job, r.op)->thread = (pid_t)syscall(SYS_gettid);
    return 42;
}

static void work_runs_on_another_thread_and_its_result_comes_back(void **state)
{
    struct job jobs[100];

    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
        jobs[i].r = RESULT();
        loop_work(*state, &jobs[i].r.op, job_run);
    }
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
        turn_until(*state, &jobs[i].r.n_done, 1);
        assert_int_equal(jobs[i].r.res, 42);
        assert_int_not_equal(jobs[i].thread, (pid_t)syscall(SYS_gettid));
    }
}

/* Holds its worker until the test writes a byte. */
struct blocked {
    struct result r;
    int fd;
};

static int wait_for_a_byte(struct loop_op *op)
{
    char c;

    return (int)read(container_of(op, struct blocked, r.op)->fd, &c, 1);
}

static void work_that_waits_for_a_thread_can_be_cancelled(void **state)
{
    struct loop_options options = { .backend = backend, .n_workers = 1 };
    struct blocked first = { .r = RESULT() };
    struct job second = { .r = RESULT() };
    struct loop *loop;
    int fds[2];

    (void)state;
    make_pair(fds);
    assert_int_equal(loop_create(&options, &loop), 0);
    first.fd = fds[0];
    loop_work(loop, &first.r.op, wait_for_a_byte);
    loop_work(loop, &second.r.op, job_run);
    loop_cancel(loop, &second.r.op);
    turn_until(loop, &second.r.n_done, 1);
    assert_int_equal(second.r.res, -ECANCELED);
    assert_int_equal(first.r.n_done, 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    turn_until(loop, &first.r.n_done, 1);
    assert_int_equal(first.r.res, 1);
    loop_destroy(loop);
    close_pair(fds);
}

/* ---- create -------------------------------------------------------------------------------------------- */

static void a_spinning_loop_does_the_same_and_sleeps_when_idle(void **state)
{
    struct loop_options options = { .backend = backend, .spin_us = 200 };
    struct rusage before, after;
    struct transfer in, out;
    struct loop *loop;
    char data;
    int fds[2];

    (void)state;
    make_pair(fds);
    assert_int_equal(loop_create(&options, &loop), 0);
    for (int i = 0; i < 200; i++) {
        start_receive(loop, &in, fds[0], &data, 1);
        turn_a_little(loop);
        start_send(loop, &out, fds[1], "x", 1);
        turn_until(loop, &in.r.n_done, 1);
        turn_until(loop, &out.r.n_done, 1);
    }
    getrusage(RUSAGE_THREAD, &before);
    assert_int_equal(loop_turn(loop, 300), 0); /* 0.3 s without an event */
    getrusage(RUSAGE_THREAD, &after);
    assert_true((after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 + after.ru_utime.tv_usec -
                    before.ru_utime.tv_usec <
                100000);
    loop_destroy(loop);
    close_pair(fds);
}

static void a_loop_can_be_destroyed_with_operations_under_way(void **state)
{
    struct loop_options options = { .backend = backend };
    struct transfer in;
    struct result polled = RESULT();
    struct loop *loop;
    char data;
    int fds[2];

    (void)state;
    make_pair(fds);
    assert_int_equal(loop_create(&options, &loop), 0);
    start_receive(loop, &in, fds[0], &data, 1);
    loop_poll(loop, &polled.op, fds[1], POLLIN);
    turn_a_little(loop);
    loop_destroy(loop);
    loop_destroy(NULL);
    close_pair(fds);
}

static void running_out_of_descriptors_is_an_error_and_leaks_nothing(void **state)
{
    struct loop_options options = { .backend = backend };
    struct rlimit limit, none;
    struct loop *loop = NULL;
    int r;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    r = loop_create(&options, &loop);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(r, -EMFILE);
    assert_null(loop);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(a_deferred_operation_runs_from_the_loop_and_not_from_the_call),
        LOOP_TEST(an_operation_that_defers_itself_for_ever_does_not_starve_the_rest),
        LOOP_TEST(the_current_loop_is_known_inside_callbacks_only),
        LOOP_TEST(the_name_tells_the_engine),
        LOOP_TEST(poll_reports_once_what_was_asked_for),
        LOOP_TEST(poll_reports_a_hang_up_that_was_not_asked_for),
        LOOP_TEST(a_cancelled_operation_ends_once_with_ecanceled),
        LOOP_TEST(a_cancel_in_the_call_that_started_it_works_too),
        LOOP_TEST(a_full_queue_loses_neither_operations_nor_cancels),
        LOOP_TEST(a_file_is_written_synced_and_read_back),
        LOOP_TEST(fallocate_gives_the_file_space_and_errors_come_back),
        LOOP_TEST(work_runs_on_another_thread_and_its_result_comes_back),
        LOOP_TEST(work_that_waits_for_a_thread_can_be_cancelled),
        LOOP_TEST(a_spinning_loop_does_the_same_and_sleeps_when_idle),
        LOOP_TEST(a_loop_can_be_destroyed_with_operations_under_way),
        LOOP_TEST(running_out_of_descriptors_is_an_error_and_leaks_nothing),
    };

    return RUN_TESTS(tests);
}

int main(void)
{
    return run_on_both("loop", run);
}
