/* SPDX-License-Identifier: MIT */
/* How many small messages one core can serve through the loop: the figure that decides how its engines work.
 *
 * Requests are 48 bytes, answers 48 + SIZE bytes; the client keeps QD requests under way on each of its
 * connections and sends, in one go, as many new ones as answers came in. The server answers all requests of
 * one receive with one sendmsg. Server and client are two processes, each pinned to a core. See
 * bench/loop_echo.md for what the numbers mean.
 *
 * With -i server and client take turns in one thread: nobody sleeps or wakes, other work on the machine
 * hardly shows, and the best of many short blocks tells what a message costs. That is the figure to compare
 * engines by.
 *
 *     loop_echo [-i] [-b uring|epoll|bare] [-q QD] [-s SIZE] [-c CONNECTIONS] [-t SECONDS] [-u SPIN_US]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "loop/loop.h"

#define REQUEST  48
#define MAX_QD   256
#define MAX_SIZE (1 << 20)

static struct {
    enum loop_backend backend;
    bool bare; /* no loop: plain epoll, the least that a server can do */
    bool in_step;
    unsigned qd, size, n_connections, seconds, spin_us;
} opt = { LOOP_BACKEND_URING, false, false, 32, 4096, 1, 3, 0 };

static char payload[MAX_SIZE];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0)
        die("sched_setaffinity");
}

/* ---- server -------------------------------------------------------------------------------------------- */

struct conn {
    struct loop *loop;
    struct loop_op in, out;
    int fd, epoll; /* epoll: the bare server's, in step */
    bool sending;
    size_t n_partial;  /* bytes of a request not yet whole */
    unsigned n_answers; /* to send after what is being sent */
    size_t left;       /* bytes of the send under way */
    char headers[MAX_QD][REQUEST];
    char in_buf[MAX_QD * REQUEST];
    struct iovec in_iov, out_iov[MAX_QD * 2], *next_iov;
    struct msghdr in_msg, out_msg;
};

static void send_rest(struct conn *c)
{
    c->out_msg = (struct msghdr){ .msg_iov = c->next_iov,
                                  .msg_iovlen = (size_t)(c->out_iov + MAX_QD * 2 - c->next_iov) };
    loop_sendmsg(c->loop, &c->out, c->fd, &c->out_msg);
}

/* The answers are the last n pairs of the vector, so that its end is always the same. */
static void send_answers(struct conn *c)
{
    unsigned n = c->n_answers < MAX_QD ? c->n_answers : MAX_QD;

    if (c->sending || n == 0)
        return;
    c->next_iov = &c->out_iov[(MAX_QD - n) * 2];
    for (unsigned i = MAX_QD - n; i < MAX_QD; i++) {
        c->out_iov[i * 2] = (struct iovec){ c->headers[i], REQUEST };
        c->out_iov[i * 2 + 1] = (struct iovec){ payload, opt.size };
    }
    c->n_answers -= n;
    c->left = n * (size_t)(REQUEST + opt.size);
    c->sending = true;
    send_rest(c);
}

static void sent(struct loop_op *op, int res)
{
    struct conn *c = container_of(op, struct conn, out);
    size_t n = (size_t)res;

    if (res <= 0)
        _exit(0);
    c->left -= n;
    while (n > 0 && n >= c->next_iov->iov_len)
        n -= c->next_iov++->iov_len;
    if (c->left > 0) {
        c->next_iov->iov_base = (char *)c->next_iov->iov_base + n;
        c->next_iov->iov_len -= n;
        send_rest(c);
        return;
    }
    c->sending = false;
    send_answers(c);
}

static void receive(struct conn *c)
{
    c->in_iov = (struct iovec){ c->in_buf, sizeof c->in_buf };
    c->in_msg = (struct msghdr){ .msg_iov = &c->in_iov, .msg_iovlen = 1 };
    loop_recvmsg(c->loop, &c->in, c->fd, &c->in_msg);
}

static void received(struct loop_op *op, int res)
{
    struct conn *c = container_of(op, struct conn, in);

    if (res <= 0)
        _exit(0);
    c->n_answers += (unsigned)((c->n_partial + (size_t)res) / REQUEST);
    c->n_partial = (c->n_partial + (size_t)res) % REQUEST;
    send_answers(c);
    receive(c);
}

static struct conn *conn_create(struct loop *loop, int fd)
{
    struct conn *c = calloc(1, sizeof *c);

    if (!c)
        die("calloc");
    c->loop = loop;
    c->fd = fd;
    c->in.done = received;
    c->out.done = sent;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    return c;
}

static struct loop *make_loop(void)
{
    struct loop_options options = { .backend = opt.backend, .spin_us = opt.spin_us };
    struct loop *loop;
    int r = loop_create(&options, &loop);

    if (r < 0) {
        errno = -r;
        die("loop_create");
    }
    return loop;
}

static void serve_loop(int listener)
{
    struct loop *loop = make_loop();

    for (unsigned i = 0; i < opt.n_connections; i++) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            die("accept");
        receive(conn_create(loop, fd));
    }
    loop_run(loop);
}

static void serve_bare_event(struct conn *c)
{
    struct msghdr msg;
    ssize_t n = recv(c->fd, c->in_buf, sizeof c->in_buf, MSG_DONTWAIT);
    unsigned n_answers;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        _exit(0);
    n_answers = (unsigned)((c->n_partial + (size_t)n) / REQUEST);
    c->n_partial = (c->n_partial + (size_t)n) % REQUEST;
    for (unsigned i = 0; i < n_answers; i++) {
        c->out_iov[i * 2] = (struct iovec){ c->headers[i], REQUEST };
        c->out_iov[i * 2 + 1] = (struct iovec){ payload, opt.size };
    }
    msg = (struct msghdr){ .msg_iov = c->out_iov, .msg_iovlen = n_answers * 2 };
    c->left = n_answers * (size_t)(REQUEST + opt.size);
    while (c->left > 0) {
        n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
        if (n <= 0)
            _exit(0);
        c->left -= (size_t)n;
        while (n > 0 && (size_t)n >= msg.msg_iov->iov_len) {
            n -= (ssize_t)msg.msg_iov->iov_len;
            msg.msg_iov++;
            msg.msg_iovlen--;
        }
        if (n > 0) {
            msg.msg_iov->iov_base = (char *)msg.msg_iov->iov_base + n;
            msg.msg_iov->iov_len -= (size_t)n;
        }
    }
}

static void serve_bare(int listener)
{
    struct epoll_event events[64];
    int e = epoll_create1(0);

    for (unsigned i = 0; i < opt.n_connections; i++) {
        int fd = accept(listener, NULL, NULL);
        struct epoll_event ev = { .events = EPOLLIN, .data.ptr = conn_create(NULL, fd) };

        if (fd < 0 || epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev) < 0)
            die("accept");
    }
    for (;;) {
        int n = epoll_wait(e, events, 64, opt.spin_us ? 0 : -1);

        for (int i = 0; i < n; i++)
            serve_bare_event(events[i].data.ptr);
    }
}

/* ---- client -------------------------------------------------------------------------------------------- */

struct load {
    int fd;
    size_t n_bytes; /* of the answer coming in */
};

static double seconds_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void ask(const struct load *l, unsigned n)
{
    static const char requests[MAX_QD * REQUEST];
    size_t left = n * (size_t)REQUEST;

    while (left > 0) {
        ssize_t r = send(l->fd, requests, left, MSG_NOSIGNAL);

        if (r < 0)
            die("send");
        left -= (size_t)r;
    }
}

static unsigned long load_event(struct load *l)
{
    static char buf[65536]; /* half of QD 32: while one half is read the server works on the other */
    /* counted, not copied: the client must be faster */
    ssize_t n = recv(l->fd, buf, sizeof buf, MSG_DONTWAIT | MSG_TRUNC);
    size_t answer = REQUEST + opt.size;
    unsigned n_answers;

    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n <= 0)
        die("recv");
    n_answers = (unsigned)((l->n_bytes + (size_t)n) / answer);
    l->n_bytes = (l->n_bytes + (size_t)n) % answer;
    ask(l, n_answers);
    return n_answers;
}

static double client(const struct sockaddr_in *addr)
{
    struct load *loads = calloc(opt.n_connections, sizeof *loads);
    struct epoll_event events[64];
    unsigned long n_answers = 0;
    double start = 0, now, warm;
    int e = epoll_create1(0);

    for (unsigned i = 0; i < opt.n_connections; i++) {
        struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &loads[i] };

        loads[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(loads[i].fd, (const struct sockaddr *)addr, sizeof *addr) < 0)
            die("connect");
        setsockopt(loads[i].fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        epoll_ctl(e, EPOLL_CTL_ADD, loads[i].fd, &ev);
        ask(&loads[i], opt.qd);
    }
    warm = seconds_now() + 0.3;
    for (;;) {
        int n = epoll_wait(e, events, 64, -1);

        for (int i = 0; i < n; i++)
            n_answers += load_event(events[i].data.ptr);
        now = seconds_now();
        if (start == 0 && now > warm) {
            start = now;
            n_answers = 0;
        } else if (start > 0 && now > start + opt.seconds) {
            return (double)n_answers / (now - start);
        }
    }
}

/* ---- both in one thread -------------------------------------------------------------------------------- */

static void one_round(struct loop *loop, struct conn *c, int fd)
{
    static char buf[1 << 20];
    struct load l = { .fd = fd };
    size_t left = opt.qd * (size_t)(REQUEST + opt.size);

    ask(&l, opt.qd);
    for (bool first = true; left > 0; first = false) {
        struct epoll_event ev;
        ssize_t n;

        if (loop)
            loop_turn(loop, first ? 10 : 0);
        else if (epoll_wait(c->epoll, &ev, 1, first ? 10 : 0) > 0)
            serve_bare_event(c);
        n = recv(fd, buf, sizeof buf, MSG_DONTWAIT | MSG_TRUNC);
        left -= n > 0 ? (size_t)n : 0;
    }
}

static void in_step(int listener, const struct sockaddr_in *addr)
{
    struct loop *loop = opt.bare ? NULL : make_loop();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    double best = 1e9, end = seconds_now() + opt.seconds;
    struct conn *c;

    if (connect(fd, (const struct sockaddr *)addr, sizeof *addr) < 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    c = conn_create(loop, accept(listener, NULL, NULL));
    if (loop) {
        receive(c);
    } else {
        struct epoll_event ev = { .events = EPOLLIN };

        c->epoll = epoll_create1(0);
        epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->fd, &ev);
    }
    while (seconds_now() < end) {
        double start = seconds_now(), took;

        for (int i = 0; i < 50; i++)
            one_round(loop, c, fd);
        took = (seconds_now() - start) / 50;
        best = took < best ? took : best;
    }
    printf("in step %-6s qd %-3u size %-7u %8.0f ns per message, %8.2f us per round\n",
           opt.bare                            ? "bare"
           : opt.backend == LOOP_BACKEND_EPOLL ? "epoll"
                                               : "uring",
           opt.qd, opt.size, best / opt.qd * 1e9, best * 1e6);
}

/* ---- main ---------------------------------------------------------------------------------------------- */

static void parse(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "ib:q:s:c:t:u:")) != -1;) {
        if (c == 'i') {
            opt.in_step = true;
        } else if (c == 'b') {
            opt.bare = strcmp(optarg, "bare") == 0;
            opt.backend = strcmp(optarg, "epoll") == 0 ? LOOP_BACKEND_EPOLL : LOOP_BACKEND_URING;
        } else if (c == '?') {
            exit(2);
        } else {
            unsigned *const numbers[] = { ['q'] = &opt.qd,
                                          ['s'] = &opt.size,
                                          ['c'] = &opt.n_connections,
                                          ['t'] = &opt.seconds,
                                          ['u'] = &opt.spin_us };

            *numbers[c] = (unsigned)atoi(optarg);
        }
    }
    if (opt.qd < 1 || opt.qd > MAX_QD || opt.size > MAX_SIZE || opt.n_connections < 1)
        exit(2);
}

int main(int argc, char **argv)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct rusage ru;
    double per_second, cpu;
    pid_t server;

    parse(argc, argv);
    if (bind(listener, (struct sockaddr *)&addr, len) < 0 || listen(listener, 64) < 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0)
        die("listen");
    if (opt.in_step) {
        pin(0);
        in_step(listener, &addr);
        return 0;
    }
    server = fork();
    if (server == 0) {
        pin(0);
        (opt.bare ? serve_bare : serve_loop)(listener);
        _exit(1);
    }
    pin(1);
    per_second = client(&addr);
    kill(server, SIGKILL);
    wait4(server, NULL, 0, &ru);
    cpu = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
          (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
    printf("%-6s qd %-3u size %-7u conns %-3u spin %-3u %8.1f k/s %7.0f MiB/s  server cpu %.3f s per 100k\n",
           opt.bare                            ? "bare"
           : opt.backend == LOOP_BACKEND_EPOLL ? "epoll"
                                               : "uring",
           opt.qd, opt.size, opt.n_connections, opt.spin_us, per_second / 1e3,
           per_second * opt.size / 1048576, cpu / (per_second * (opt.seconds + 0.3)) * 1e5);
    return 0;
}
