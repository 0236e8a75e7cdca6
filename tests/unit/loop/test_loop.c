/* SPDX-License-Identifier: MIT */
#include "loop_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- helpers ------------------------------------------------------------------------------------------- */

struct transfer {
    struct result r;
    struct iovec iov;
    struct msghdr msg;
};

/* struct iovec knows no const; what is sent is not written to. */
#define IOV(data, len) ((struct iovec){ (void *)(uintptr_t)(data), len })

static struct msghdr *message_of(struct transfer *t, const void *data, size_t len)
{
    t->r = RESULT();
    t->iov = IOV(data, len);
    t->msg = (struct msghdr){ .msg_iov = &t->iov, .msg_iovlen = 1 };
    return &t->msg;
}

static void start_receive(struct loop *loop, struct transfer *t, int fd, void *data, size_t len)
{
    struct msghdr *msg = message_of(t, data, len);

    loop_recvmsg(loop, &t->r.op, fd, msg);
}

static void start_send(struct loop *loop, struct transfer *t, int fd, const void *data, size_t len)
{
    struct msghdr *msg = message_of(t, data, len);

    loop_sendmsg(loop, &t->r.op, fd, msg);
}

static void make_pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void close_pair(int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

static int make_listener(struct sockaddr_in *addr)
{
    socklen_t len = sizeof *addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *addr = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(bind(fd, (struct sockaddr *)addr, sizeof *addr), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)addr, &len), 0);
    return fd;
}

static int make_file(void)
{
    char path[] = "/tmp/vds-loop-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    unlink(path);
    return fd;
}

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

/* ---- sockets ------------------------------------------------------------------------------------------- */

static void bytes_sent_are_received(void **state)
{
    struct transfer in, out;
    char data[16] = "";
    int fds[2];

    make_pair(fds);
    start_receive(*state, &in, fds[0], data, sizeof data);
    turn_a_little(*state);
    assert_int_equal(in.r.n_done, 0);
    start_send(*state, &out, fds[1], "hello", 6);
    assert_int_equal(out.r.n_done, 0); /* never inside the call */
    turn_until(*state, &in.r.n_done, 1);
    turn_until(*state, &out.r.n_done, 1);
    assert_int_equal(in.r.res, 6);
    assert_int_equal(out.r.res, 6);
    assert_string_equal(data, "hello");
    close_pair(fds);
}

static void gathered_and_scattered_pieces_arrive_in_order(void **state)
{
    struct iovec from[3] = { IOV("ab", 2), IOV("cde", 3), IOV("f", 1) }, to[2];
    struct msghdr out = { .msg_iov = from, .msg_iovlen = 3 }, in = { .msg_iov = to, .msg_iovlen = 2 };
    struct result sent = RESULT(), received = RESULT();
    char a[4], b[4] = "";
    int fds[2];

    make_pair(fds);
    to[0] = (struct iovec){ a, 4 };
    to[1] = (struct iovec){ b, 3 };
    loop_sendmsg(*state, &sent.op, fds[1], &out);
    turn_until(*state, &sent.n_done, 1);
    loop_recvmsg(*state, &received.op, fds[0], &in);
    turn_until(*state, &received.n_done, 1);
    assert_int_equal(received.res, 6);
    assert_memory_equal(a, "abcd", 4);
    assert_string_equal(b, "ef");
    close_pair(fds);
}

static void the_end_of_the_stream_is_a_receive_of_zero_bytes(void **state)
{
    struct transfer in;
    char data[8];
    int fds[2];

    make_pair(fds);
    start_receive(*state, &in, fds[0], data, sizeof data);
    turn_a_little(*state);
    close(fds[1]);
    turn_until(*state, &in.r.n_done, 1);
    assert_int_equal(in.r.res, 0);
    close(fds[0]);
}

/* The last bytes and the end arrive together: a short receive must not be taken for "nothing more will
 * come". */
static void the_end_of_the_stream_is_seen_after_a_short_receive(void **state)
{
    for (int i = 0; i < 50; i++) {
        struct transfer in;
        char data[64];
        int fds[2];

        make_pair(fds);
        start_receive(*state, &in, fds[0], data, sizeof data);
        turn_a_little(*state);
        assert_int_equal(write(fds[1], "bye", 3), 3);
        close(fds[1]);
        turn_until(*state, &in.r.n_done, 1);
        assert_int_equal(in.r.res, 3);
        start_receive(*state, &in, fds[0], data, sizeof data);
        turn_until(*state, &in.r.n_done, 1);
        assert_int_equal(in.r.res, 0);
        close(fds[0]);
    }
}

static void sending_to_a_closed_peer_is_epipe_and_no_signal(void **state)
{
    struct transfer out;
    int fds[2];

    make_pair(fds);
    close(fds[1]);
    start_send(*state, &out, fds[0], "x", 1);
    turn_until(*state, &out.r.n_done, 1);
    assert_int_equal(out.r.res, -EPIPE);
    close(fds[0]);
}

static void a_descriptor_that_is_not_open_is_ebadf(void **state)
{
    struct transfer out, in;
    char data;

    start_send(*state, &out, -1, "x", 1);
    start_receive(*state, &in, -1, &data, 1);
    turn_until(*state, &out.r.n_done, 1);
    turn_until(*state, &in.r.n_done, 1);
    assert_int_equal(out.r.res, -EBADF);
    assert_int_equal(in.r.res, -EBADF);
}

struct pump {
    struct loop *loop;
    struct transfer in, out;
    int fds[2];
    uint8_t *from, *to;
    size_t n_total, n_sent, n_received, n_piece;
    unsigned finished;
};

static void pump_send(struct pump *p);
static void pump_receive(struct pump *p);

static void pump_sent(struct loop_op *op, int res)
{
    struct pump *p = container_of(op, struct pump, out.r.op);

    assert_true(res > 0);
    p->n_sent += (size_t)res;
    pump_send(p);
}

static void pump_received(struct loop_op *op, int res)
{
    struct pump *p = container_of(op, struct pump, in.r.op);

    assert_true(res > 0);
    p->n_received += (size_t)res;
    pump_receive(p);
}

static void pump_send(struct pump *p)
{
    if (p->n_sent == p->n_total)
        return;
    message_of(&p->out, p->from + p->n_sent, p->n_total - p->n_sent);
    p->out.r.op.done = pump_sent;
    loop_sendmsg(p->loop, &p->out.r.op, p->fds[1], &p->out.msg);
}

static void pump_receive(struct pump *p)
{
    size_t left = p->n_total - p->n_received;

    if (left == 0) {
        p->finished = 1;
        return;
    }
    message_of(&p->in, p->to + p->n_received, left < p->n_piece ? left : p->n_piece);
    p->in.r.op.done = pump_received;
    loop_recvmsg(p->loop, &p->in.r.op, p->fds[0], &p->in.msg);
}

static void megabytes_pass_through_a_full_socket_in_pieces_of_any_size(void **state)
{
    const size_t pieces[] = { 1000, 65536, 1 << 20, 8 << 20 };

    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        struct pump p = { .loop = *state, .n_total = 8 << 20, .n_piece = pieces[i] };

        make_pair(p.fds);
        p.from = malloc(p.n_total);
        p.to = calloc(1, p.n_total);
        for (size_t k = 0; k < p.n_total; k++)
            p.from[k] = (uint8_t)(k * 2654435761u >> 13);
        pump_receive(&p);
        pump_send(&p);
        turn_until(*state, &p.finished, 1);
        assert_memory_equal(p.from, p.to, p.n_total);
        free(p.from);
        free(p.to);
        close_pair(p.fds);
    }
}

static void a_connection_is_accepted_and_carries_bytes_both_ways(void **state)
{
    struct sockaddr_in addr;
    struct result accepted = RESULT(), connected = RESULT();
    struct transfer in, out;
    char data[8] = "";
    int listener = make_listener(&addr), client;

    /* whatever the caller made of the socket */
    for (int flags = 0; flags <= SOCK_NONBLOCK; flags += SOCK_NONBLOCK) {
        client = socket(AF_INET, SOCK_STREAM | flags, 0);
        accepted = connected = RESULT();
        loop_accept(*state, &accepted.op, listener);
        turn_a_little(*state);
        loop_connect(*state, &connected.op, client, (struct sockaddr *)&addr, sizeof addr);
        turn_until(*state, &connected.n_done, 1);
        turn_until(*state, &accepted.n_done, 1);
        assert_int_equal(connected.res, 0);
        assert_true(accepted.res >= 0);
        assert_true(fcntl(accepted.res, F_GETFD) & FD_CLOEXEC);
        start_receive(*state, &in, accepted.res, data, sizeof data);
        start_send(*state, &out, client, "ping", 5);
        turn_until(*state, &in.r.n_done, 1);
        assert_string_equal(data, "ping");
        start_receive(*state, &in, client, data, sizeof data);
        turn_a_little(*state);
        start_send(*state, &out, accepted.res, "pong", 5);
        turn_until(*state, &in.r.n_done, 1);
        assert_string_equal(data, "pong");
        close(client);
        close(accepted.res);
    }
    close(listener);
}

static void connecting_where_nobody_listens_is_refused(void **state)
{
    struct sockaddr_in addr;
    struct result connected = RESULT();
    int listener = make_listener(&addr), fd = socket(AF_INET, SOCK_STREAM, 0);

    close(listener);
    loop_connect(*state, &connected.op, fd, (struct sockaddr *)&addr, sizeof addr);
    turn_until(*state, &connected.n_done, 1);
    assert_int_equal(connected.res, -ECONNREFUSED);
    close(fd);
}

/* Closing and opening gives the same descriptor number to another socket; what the loop knew of the old
 * one must not count. */
static void a_descriptor_number_may_be_reused_by_another_socket(void **state)
{
    struct transfer in;
    int fds[2], number = -1;
    char data;

    for (int i = 0; i < 20; i++) {
        make_pair(fds);
        number = number < 0 ? fds[0] : number;
        assert_int_equal(fds[0], number);
        start_receive(*state, &in, fds[0], &data, 1);
        turn_a_little(*state);
        assert_int_equal(write(fds[1], "x", 1), 1);
        turn_until(*state, &in.r.n_done, 1);
        assert_int_equal(in.r.res, 1);
        close_pair(fds);
        turn_a_little(*state);
    }
}

static void datagrams_are_received_one_by_one(void **state)
{
    struct transfer in;
    char data[64];
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    start_receive(*state, &in, fds[0], data, sizeof data);
    turn_a_little(*state);
    for (int i = 1; i <= 5; i++)
        assert_int_equal(write(fds[1], "12345", (size_t)i), i);
    for (int i = 1; i <= 5; i++) {
        turn_until(*state, &in.r.n_done, 1);
        assert_int_equal(in.r.res, i);
        if (i < 5)
            start_receive(*state, &in, fds[0], data, sizeof data);
    }
    close_pair(fds);
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
        LOOP_TEST(bytes_sent_are_received),
        LOOP_TEST(gathered_and_scattered_pieces_arrive_in_order),
        LOOP_TEST(the_end_of_the_stream_is_a_receive_of_zero_bytes),
        LOOP_TEST(the_end_of_the_stream_is_seen_after_a_short_receive),
        LOOP_TEST(sending_to_a_closed_peer_is_epipe_and_no_signal),
        LOOP_TEST(a_descriptor_that_is_not_open_is_ebadf),
        LOOP_TEST(megabytes_pass_through_a_full_socket_in_pieces_of_any_size),
        LOOP_TEST(a_connection_is_accepted_and_carries_bytes_both_ways),
        LOOP_TEST(connecting_where_nobody_listens_is_refused),
        LOOP_TEST(a_descriptor_number_may_be_reused_by_another_socket),
        LOOP_TEST(datagrams_are_received_one_by_one),
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
