/* SPDX-License-Identifier: MIT */
/* What the parts of the loop share: the loop itself, and the vtable that io_uring and epoll stand behind.
 *
 * One turn:   wait (submit all, sleep, collect) -> timers due -> messages -> callbacks, in passes
 *
 *     loop_xxx() --submit--> engine --loop_finish()--> ready --pass--> op->done()
 *                                                        ^               |
 *                                                        +-- loop_defer, inline results
 */
#ifndef VDS_LOOP_INTERNAL_H
#define VDS_LOOP_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/cleanup.h"
#include "loop/loop.h"

enum op_kind {
    OP_DEFER,
    OP_ACCEPT,
    OP_CONNECT,
    OP_RECVMSG,
    OP_SENDMSG,
    OP_POLL,
    OP_READV,
    OP_WRITEV,
    OP_FSYNC,
    OP_FALLOCATE,
    OP_WORK,
    OP_N_KINDS,
};

/* Where an operation is. Zeroed memory is idle. */
enum op_state {
    OP_IDLE,
    OP_READY,    /* on loop->ready: finished, the callback is due */
    OP_ENGINE,   /* the engine's; what `link` means is its business */
    OP_UNQUEUED, /* uring: waits for room in the submission queue */
    OP_WORKING,  /* on a worker's queue or in its hands */
};

/* How each kind of operation uses the fields of struct loop_op:
 *             fd    ptr         len      offset   flags
 *   ACCEPT    x
 *   CONNECT   x     sockaddr    addrlen
 *   RECVMSG   x     msghdr
 *   SENDMSG   x     msghdr
 *   POLL      x                                   events
 *   READV     x     iovec       n_iov    x
 *   WRITEV    x     iovec       n_iov    x        RWF_*
 *   FSYNC     x                                   data only
 *   FALLOCATE x                 x        x        mode
 *   WORK            function
 */

struct loop_engine {
    const char *name;
    int (*create)(struct loop *loop, const struct loop_options *options); /* sets loop->engine_data */
    void (*destroy)(struct loop *loop);
    /* Takes a filled operation in state OP_ENGINE; ends it by loop_finish(), now or later. Never calls
     * back. */
    void (*submit)(struct loop *loop, struct loop_op *op);
    /* The operation is in state OP_ENGINE or OP_UNQUEUED. */
    void (*cancel)(struct loop *loop, struct loop_op *op);
    /* The callbacks of a turn have run. May be absent. */
    void (*settle)(struct loop *loop);
    /* Hands everything started to the kernel, sleeps until an event or for timeout_ns (-1: for ever),
     * collects. 0 or -errno. */
    int (*wait)(struct loop *loop, int64_t timeout_ns);
    /* Something to collect, seen without sleeping? Called over and over while spinning. */
    bool (*peek)(struct loop *loop);
};

extern const struct loop_engine loop_engine_uring, loop_engine_epoll;

/* Threads for calls that block. Started one by one when work waits and none is idle. */
struct workers {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct list_node queue; /* under mutex, like all below */
    pthread_t *threads;
    unsigned n_threads, n_max, n_idle, n_queued;
    bool stopping;
};

struct loop {
    const struct loop_engine *engine;
    void *engine_data;
    struct list_node ready; /* finished operations, oldest first */
    uint64_t now_ns, last_event_ns, spin_ns;

    struct loop_timer *timers; /* root of a pairing heap */
    uint64_t timer_seq;

    /* Written by other threads. Stacks, newest first; the loop takes a whole one and turns it round. */
    _Alignas(64) _Atomic(struct loop_message *) messages;
    _Atomic(struct loop_op *) worked; /* linked by link.next */
    atomic_bool asleep; /* true: whoever pushes must write to wake_fd */
    atomic_bool stop;
    int wake_fd;
    struct loop_op wake_op;

    struct workers workers;
};

/* The operation has ended with `res`: its callback is due. */
static inline void loop_finish(struct loop *loop, struct loop_op *op, int res)
{
    op->res = res;
    op->state = OP_READY;
    list_append(&loop->ready, &op->link);
}

/* Bytes that a message asks to transfer. */
static inline size_t message_bytes(const struct msghdr *msg)
{
    size_t n = 0;

    for (size_t i = 0; i < msg->msg_iovlen; i++)
        n += msg->msg_iov[i].iov_len;
    return n;
}


/* From any thread, after a push: makes a sleeping loop look. */
void loop_wake(struct loop *loop);
/* Anything pushed by other threads? */
bool loop_has_mail(struct loop *loop);

/* timer.c */
/* Nanoseconds until the next timer, -1 without one. */
int64_t loop_timers_wait(const struct loop *loop);
void loop_timers_run(struct loop *loop);

/* message.c */
void loop_messages_run(struct loop *loop);

/* work.c */
int workers_init(struct workers *w, unsigned n_max);
void workers_fini(struct workers *w);
/* Any of READV, WRITEV, FSYNC, FALLOCATE, WORK. */
void workers_submit(struct loop *loop, struct loop_op *op);
void workers_cancel(struct loop *loop, struct loop_op *op);
void workers_collect(struct loop *loop);

#endif
