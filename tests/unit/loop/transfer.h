/* SPDX-License-Identifier: MIT */
/* Operations that carry bytes through a pair of sockets, for the tests of the loop. */
#ifndef VDS_TESTS_UNIT_LOOP_TRANSFER_H
#define VDS_TESTS_UNIT_LOOP_TRANSFER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "loop_test.h"

struct transfer {
    struct result r;
    struct iovec iov;
    struct msghdr msg;
};

/* struct iovec knows no const; what is sent is not written to. */
#define IOV(data, len) ((struct iovec){ (void *)(uintptr_t)(data), len })

static inline struct msghdr *message_of(struct transfer *t, const void *data, size_t len)
{
    t->r = RESULT();
    t->iov = IOV(data, len);
    t->msg = (struct msghdr){ .msg_iov = &t->iov, .msg_iovlen = 1 };
    return &t->msg;
}

static inline void start_receive(struct loop *loop, struct transfer *t, int fd, void *data, size_t len)
{
    struct msghdr *msg = message_of(t, data, len);

    loop_recvmsg(loop, &t->r.op, fd, msg);
}

static inline void start_send(struct loop *loop, struct transfer *t, int fd, const void *data, size_t len)
{
    struct msghdr *msg = message_of(t, data, len);

    loop_sendmsg(loop, &t->r.op, fd, msg);
}

static inline void make_pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static inline void close_pair(int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

static inline int make_listener(struct sockaddr_in *addr)
{
    socklen_t len = sizeof *addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *addr = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(bind(fd, (struct sockaddr *)addr, sizeof *addr), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)addr, &len), 0);
    return fd;
}

#endif
