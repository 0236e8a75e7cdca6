/* SPDX-License-Identifier: MIT */
/* The event loop: one thread, one ring. Operations, timers, sockets, files and messages from other threads.
 *
 * Not here: any protocol, any buffer policy. Two engines stand behind this header, io_uring and epoll with a
 * small thread pool; the choice is made at loop_create() and nothing above can tell them apart.
 *
 * Rules
 *  - Everything but loop_post(), loop_call() and loop_stop() is called on the loop's own thread, or before
 *    the first turn. The thread that runs the first turn is the loop's own from then on (the ring belongs to
 *    it); create and destroy may happen on another.
 *  - The caller owns each struct loop_op / loop_timer / loop_message and keeps it, and the buffers it names,
 *    until its callback ran.
 *  - Callbacks run from the loop only, never inside the call that started the operation; completions of one
 *    turn are collected first and run afterwards (no recursion, bounded stack).
 *  - Submissions of a turn go to the kernel together; only a send is tried at once.
 *  - Sockets: the loop may switch O_NONBLOCK of a descriptor on or off as its engine needs. A direct call
 *    beside the loop says MSG_DONTWAIT. A descriptor is closed only when no operation on it is under way, and
 *    its number is not used again in the same turn but by loop_accept() and loop_connect().
 */
#ifndef VDS_LOOP_LOOP_H
#define VDS_LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/list.h"

struct loop;

enum loop_backend { LOOP_BACKEND_AUTO, LOOP_BACKEND_URING, LOOP_BACKEND_EPOLL };

struct loop_options {
    enum loop_backend backend; /* AUTO: io_uring when the kernel allows it, else epoll */
    unsigned n_entries;        /* ring size, 0 = 1024 */
    /* busy-poll this long after the last event before sleeping; 0 = sleep at once. Never spins when idle */
    unsigned spin_us;
    unsigned n_workers;        /* threads for blocking calls, started when first needed; 0 = 16 */
};

/* -errno. `options` may be NULL for the defaults. */
int loop_create(const struct loop_options *options, struct loop **ret_loop);

/* Every operation must have completed or been cancelled. NULL is fine. */
void loop_destroy(struct loop *loop);

/* "io_uring" or "epoll": what was chosen, for the log. */
const char *loop_backend_name(const struct loop *loop);

/* Runs until loop_stop(). Returns 0, or -errno when the kernel interface itself fails. */
int loop_run(struct loop *loop);

/* One turn: waits at most timeout_ms (-1: for ever, 0: not at all) for events and runs their callbacks.
 * For tests and embedding. */
int loop_turn(struct loop *loop, int timeout_ms);

/* From any thread: loop_run() returns after the turn it is in; called before loop_run(), that one returns
 * after its first turn. */
void loop_stop(struct loop *loop);

/* The loop that this thread is running (inside loop_run()/loop_turn()), or NULL. */
struct loop *loop_current(void);

/* CLOCK_MONOTONIC in nanoseconds, read once a turn. */
uint64_t loop_now(const struct loop *loop);
/* The same clock, read now. */
uint64_t loop_clock(void);

/* ---- operations ---------------------------------------------------------------------------------------- */

struct loop_op {
    /* res: what the system call returned, or -errno; -ECANCELED after loop_cancel() */
    void (*done)(struct loop_op *op, int res);
    /* private to src/loop from here on */
    struct list_node link; /* the one queue that the operation is on */
    int res, fd;
    uint32_t flags;
    uint8_t kind, state;
    uint8_t drained; /* a hint kept from one use to the next: the socket had no more bytes, or no more room */
    void *ptr;
    uint64_t len, offset;
};

/* one connection; res = its descriptor (CLOEXEC) */
void loop_accept(struct loop *loop, struct loop_op *op, int fd);
void loop_connect(struct loop *loop, struct loop_op *op, int fd, const struct sockaddr *addr, socklen_t len);
/* msg_flags is filled only when a name or control data was asked for. */
void loop_recvmsg(struct loop *loop, struct loop_op *op, int fd, struct msghdr *msg);
/* MSG_NOSIGNAL implied */
void loop_sendmsg(struct loop *loop, struct loop_op *op, int fd, struct msghdr *msg);
/* one shot; res = poll(2) revents */
void loop_poll(struct loop *loop, struct loop_op *op, int fd, unsigned events);
void loop_readv(struct loop *loop, struct loop_op *op, int fd, const struct iovec *iov, int n_iov,
                uint64_t offset);
/* rw_flags as pwritev2(2): RWF_DSYNC for FUA. */
void loop_writev(struct loop *loop, struct loop_op *op, int fd, const struct iovec *iov, int n_iov,
                 uint64_t offset, int rw_flags);
void loop_fsync(struct loop *loop, struct loop_op *op, int fd, bool data_only);
void loop_fallocate(struct loop *loop, struct loop_op *op, int fd, int mode, uint64_t offset, uint64_t len);

/* Runs fn(op) on a worker thread; its result becomes res. For what has no operation of its own (fn sees
 * op's container, nothing else). */
void loop_work(struct loop *loop, struct loop_op *op, int (*fn)(struct loop_op *op));

/* Asks for an early end. The operation's own callback still runs, once, with its result or -ECANCELED. */
void loop_cancel(struct loop *loop, struct loop_op *op);

/* Runs `done` with res = 0 when the callbacks now due have run, mostly before the loop next enters the
 * kernel: how "never inside the call" is kept by those who finish at once, and how the answers of a turn
 * are gathered into one send. */
void loop_defer(struct loop *loop, struct loop_op *op);

/* ---- timers -------------------------------------------------------------------------------------------- */

struct loop_timer {
    void (*fired)(struct loop_timer *timer);
    /* private */
    struct list_node link; /* on the list of due timers */
    uint64_t deadline_ns, key_ns, seq;
    struct loop_timer *child, *sibling, *back;
    uint8_t state;
};

/* (Re)arms: fires once, not before deadline_ns (loop_now() scale). Stop of an unarmed (zeroed) timer is
 * harmless. O(log n). */
void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t deadline_ns);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

/* ---- messages from other threads ----------------------------------------------------------------------- */

struct loop_message {
    void (*run)(struct loop_message *message); /* on the loop's thread */
    struct loop_message *next;                 /* private */
};

/* From any thread, never blocks, keeps order per sender. The message belongs to the loop until run() is
 * called; those that a destroyed loop still holds are never run. */
void loop_post(struct loop *loop, struct loop_message *message);

/* Posts `run(arg)` and waits for it; on the loop's own thread it runs at once. Never call it from a loop
 * thread that the other loop may be waiting for. */
void loop_call(struct loop *loop, void (*run)(void *arg), void *arg);

#endif
