/* SPDX-License-Identifier: MIT */
/* A network inside the program: sockets whose bytes come in pieces of any size, as late as chance will have
 * it, and may be lost with their connection. The engine reaches it through socket(), bind(), listen(),
 * shutdown(), close() ... (meson.build: --wrap) and through loop_sim.c; initiators use the calls below, which
 * block their coroutine.
 */
#ifndef VDS_TESTS_SIM_NET_H
#define VDS_TESTS_SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

void net_reset(void);
/* Sockets that are open now: none at the end of a world. */
unsigned net_n_open(void);

/* A change anywhere in the network wakes who waits for this. */
extern const char net_changed;

/* -ECONNREFUSED when nobody listens there. */
int net_connect(const char *address);
/* What is there now; never blocks: -EAGAIN, 0 at the end, -ECONNRESET, -EPIPE. Returns part of what was asked
 * for, as chance will. */
long net_recv(int fd, const struct iovec *iov, size_t n_iov);
long net_send(int fd, const struct iovec *iov, size_t n_iov);
int net_accept(int fd); /* -EAGAIN */
bool net_event_is_set(int fd);
/* The connection is lost, for both ends. */
void net_break(int fd);
void net_close(int fd);

#endif
