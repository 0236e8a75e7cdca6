/* SPDX-License-Identifier: MIT */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sim.h"

#define FD_BASE   100000
#define N_SOCKETS 512
#define BACKLOG   16

enum kind { FREE, PLAIN, LISTENING, CONNECTED, EVENT };

struct sock {
    enum kind kind;
    struct sockaddr_storage name, peer_name;
    int peer;                /* of a connected pair; -1: it has closed */
    uint8_t *buf;            /* what has come and was not read yet */
    size_t n, room;
    bool eof, reset;         /* after `buf`; at once */
    int waiting[BACKLOG];    /* to be accepted */
    unsigned n_waiting;
    uint64_t count;          /* of an eventfd */
};

static struct sock socks[N_SOCKETS];
const char net_changed;

static bool is_ours(int fd)
{
    return fd >= FD_BASE && fd < FD_BASE + N_SOCKETS;
}

static struct sock *sock_of(int fd)
{
    sim_check(is_ours(fd) && socks[fd - FD_BASE].kind != FREE, "descriptor %d is not open", fd);
    return &socks[fd - FD_BASE];
}

static int sock_new(enum kind kind)
{
    static unsigned next;

    for (unsigned k = 0; k < N_SOCKETS; k++) {
        unsigned i = next++ % N_SOCKETS;

        if (socks[i].kind == FREE) {
            socks[i] = (struct sock){ .kind = kind, .peer = -1 };
            return FD_BASE + (int)i;
        }
    }
    sim_fail("no socket is left");
}

void net_reset(void)
{
    for (unsigned i = 0; i < N_SOCKETS; i++)
        free(socks[i].buf);
    memset(socks, 0, sizeof socks);
}

unsigned net_n_open(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < N_SOCKETS; i++)
        n += socks[i].kind != FREE;
    return n;
}

static void changed(void)
{
    sim_wake(&net_changed);
}

/* ---- connections ----------------------------------------------------------------------------------- */

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in *x = (const void *)a, *y = (const void *)b;

    return x->sin_addr.s_addr == y->sin_addr.s_addr && x->sin_port == y->sin_port;
}

static struct sockaddr_storage address_parse(const char *text)
{
    struct sockaddr_storage addr = { 0 };
    struct sockaddr_in *in = (void *)&addr;
    char host[64];
    unsigned port;

    sim_check(sscanf(text, "%63[0-9.]:%u", host, &port) == 2 && inet_pton(AF_INET, host, &in->sin_addr) == 1,
              "no address: %s", text);
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    return addr;
}

static struct sock *end_new(int *ret_fd)
{
    struct sock *s;

    *ret_fd = sock_new(CONNECTED);
    s = sock_of(*ret_fd);
    s->room = 512u << sim_below(10); /* from less than one PDU to a quarter of a megabyte */
    s->buf = malloc(s->room);
    return s;
}

int net_connect(const char *address)
{
    struct sockaddr_storage addr = address_parse(address);

    for (unsigned i = 0; i < N_SOCKETS; i++) {
        struct sock *listener = &socks[i], *near, *far;
        int near_fd, far_fd;

        if (listener->kind != LISTENING || !same_address(&listener->name, &addr) ||
            listener->n_waiting == BACKLOG)
            continue;
        near = end_new(&near_fd);
        far = end_new(&far_fd);
        near->peer = far_fd;
        far->peer = near_fd;
        far->name = near->peer_name = addr;
        near->name = far->peer_name = address_parse("10.9.9.9:40000");
        listener->waiting[listener->n_waiting++] = far_fd;
        changed();
        return near_fd;
    }
    return -ECONNREFUSED;
}

int net_accept(int fd)
{
    struct sock *s = sock_of(fd);
    int accepted;

    if (s->n_waiting == 0)
        return -EAGAIN;
    accepted = s->waiting[0];
    memmove(s->waiting, s->waiting + 1, --s->n_waiting * sizeof s->waiting[0]);
    return accepted;
}

/* All of it, or a piece. */
static size_t some_of(size_t n)
{
    if (n < 2 || sim_chance(60))
        return n;
    return sim_chance(50) ? 1 + sim_below((uint32_t)n) : 1 + sim_below(n < 64 ? (uint32_t)n : 64);
}

long net_recv(int fd, const struct iovec *iov, size_t n_iov)
{
    struct sock *s = sock_of(fd);
    size_t done = 0, limit = some_of(s->n);

    if (s->reset)
        return -ECONNRESET;
    if (s->n == 0)
        return s->eof ? 0 : -EAGAIN;
    for (size_t i = 0; i < n_iov && done < limit; i++) {
        size_t len = iov[i].iov_len < limit - done ? iov[i].iov_len : limit - done;

        memcpy(iov[i].iov_base, s->buf + done, len);
        done += len;
    }
    memmove(s->buf, s->buf + done, s->n - done);
    s->n -= done;
    changed();
    return (long)done;
}

long net_send(int fd, const struct iovec *iov, size_t n_iov)
{
    struct sock *s = sock_of(fd), *peer = s->peer >= 0 ? sock_of(s->peer) : NULL;
    size_t done = 0, limit;

    if (s->reset)
        return -ECONNRESET;
    if (!peer || peer->eof)
        return -EPIPE;
    limit = some_of(peer->room - peer->n);
    if (limit == 0)
        return -EAGAIN;
    for (size_t i = 0; i < n_iov && done < limit; i++) {
        size_t len = iov[i].iov_len < limit - done ? iov[i].iov_len : limit - done;

        if (len)
            memcpy(peer->buf + peer->n, iov[i].iov_base, len);
        peer->n += len;
        done += len;
    }
    changed();
    return (long)done;
}

void net_break(int fd)
{
    struct sock *s = sock_of(fd), *peer = s->peer >= 0 ? sock_of(s->peer) : NULL;

    s->reset = true;
    if (peer)
        peer->reset = true;
    changed();
}

/* With bytes unread it is a reset, as in Linux. */
void net_close(int fd)
{
    struct sock *s = sock_of(fd), *peer = s->peer >= 0 ? sock_of(s->peer) : NULL;

    if (peer) {
        peer->peer = -1;
        peer->eof = true;
        peer->reset |= s->n > 0;
    }
    for (unsigned i = 0; i < s->n_waiting; i++) {
        net_break(s->waiting[i]);
        net_close(s->waiting[i]);
    }
    free(s->buf);
    *s = (struct sock){ 0 };
    changed();
}

bool net_event_is_set(int fd)
{
    return sock_of(fd)->count > 0;
}

/* ---- what the linker brings here ------------------------------------------------------------------- */

#define WRAP(type, name, ...) \
    type __real_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)

WRAP(int, socket, int domain, int type, int protocol)
{
    (void)type;
    (void)protocol;
    if (domain == AF_INET)
        return sock_new(PLAIN);
    errno = EAFNOSUPPORT; /* netlink: addresses do not change here */
    return -1;
}

WRAP(int, bind, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct sockaddr_storage name = { 0 };

    memcpy(&name, addr, len);
    for (unsigned i = 0; i < N_SOCKETS; i++) {
        if (socks[i].kind == LISTENING && same_address(&socks[i].name, &name)) {
            errno = EADDRINUSE;
            return -1;
        }
    }
    sock_of(fd)->name = name;
    return 0;
}

WRAP(int, listen, int fd, int backlog)
{
    (void)backlog;
    sock_of(fd)->kind = LISTENING;
    return 0;
}

WRAP(int, setsockopt, int fd, int level, int name, const void *value, socklen_t len)
{
    (void)sock_of(fd);
    (void)level;
    (void)name;
    (void)value;
    (void)len;
    return 0;
}

WRAP(int, getsockname, int fd, struct sockaddr *addr, socklen_t *len)
{
    memcpy(addr, &sock_of(fd)->name, *len);
    return 0;
}

WRAP(int, getpeername, int fd, struct sockaddr *addr, socklen_t *len)
{
    if (sock_of(fd)->reset) {
        errno = ENOTCONN;
        return -1;
    }
    memcpy(addr, &sock_of(fd)->peer_name, *len);
    return 0;
}

WRAP(int, shutdown, int fd, int how)
{
    struct sock *s = sock_of(fd);

    if (how != SHUT_WR)
        s->eof = true;
    if (how != SHUT_RD && s->peer >= 0)
        sock_of(s->peer)->eof = true;
    changed();
    return 0;
}

WRAP(int, eventfd, unsigned count, int flags)
{
    int fd = sock_new(EVENT);

    (void)flags;
    sock_of(fd)->count = count;
    return fd;
}

WRAP(ssize_t, read, int fd, void *buf, size_t len)
{
    struct sock *s;

    if (!is_ours(fd))
        return __real_read(fd, buf, len);
    s = sock_of(fd);
    memcpy(buf, &s->count, sizeof s->count);
    s->count = 0;
    return sizeof s->count;
}

WRAP(ssize_t, write, int fd, const void *buf, size_t len)
{
    if (!is_ours(fd))
        return __real_write(fd, buf, len);
    sock_of(fd)->count++;
    changed();
    return (ssize_t)len;
}

WRAP(int, close, int fd)
{
    if (!is_ours(fd))
        return __real_close(fd);
    net_close(fd);
    return 0;
}
