/* SPDX-License-Identifier: MIT */
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>

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

static int run(void)
{
    const struct CMUnitTest tests[] = {
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
    };

    return RUN_TESTS(tests);
}

int main(void)
{
    return run_on_both("loop sockets", run);
}
