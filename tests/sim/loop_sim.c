/* SPDX-License-Identifier: MIT */
/* The engine behind loop.h in a simulation. loop.c is compiled into this file, since which loop a thread runs
 * is its own secret, and with coroutines somebody must change it at each switch.
 */
#include "loop_sim.h"

#include "../../src/loop/loop.c"

#include "net.h"
#include "sim.h"

struct sim_engine {
    struct list_node pending;
};

struct loop *loop_sim_current(struct loop *loop, bool set)
{
    if (set)
        current = loop;
    return current;
}

/* -EAGAIN: not yet. */
static int try(const struct loop_op *op)
{
    const struct msghdr *msg = op->ptr;

    switch (op->kind) {
    case OP_ACCEPT:
        return net_accept(op->fd);
    case OP_RECVMSG:
        return (int)net_recv(op->fd, msg->msg_iov, msg->msg_iovlen);
    case OP_SENDMSG:
        return (int)net_send(op->fd, msg->msg_iov, msg->msg_iovlen);
    case OP_POLL:
        return net_event_is_set(op->fd) ? POLLIN : -EAGAIN;
    default:
        sim_fail("the loop is asked for an operation of kind %d", op->kind);
    }
}

static bool finish_if_ready(struct loop *loop, struct loop_op *op)
{
    int r = try(op);

    if (r == -EAGAIN)
        return false;
    list_remove(&op->link);
    loop_finish(loop, op, r);
    return true;
}

/* Operations that could end may be passed over: they are then late, or another is first. */
static bool collect(struct loop *loop)
{
    struct sim_engine *e = loop->engine_data;
    bool some = false, passed_over = false;

    do {
        passed_over = false;
        list_for_each_safe(n, &e->pending) {
            if (sim_chance(25))
                passed_over = true;
            else
                some |= finish_if_ready(loop, container_of(n, struct loop_op, link));
        }
    } while (!some && passed_over);
    return some;
}

static int sim_engine_create(struct loop *loop, const struct loop_options *options)
{
    struct sim_engine *e = malloc(sizeof *e);

    (void)options;
    list_init(&e->pending);
    loop->engine_data = e;
    return 0;
}

static void sim_engine_destroy(struct loop *loop)
{
    free(loop->engine_data);
}

static void sim_engine_submit(struct loop *loop, struct loop_op *op)
{
    struct sim_engine *e = loop->engine_data;

    if (op->kind == OP_READV || op->kind == OP_WRITEV || op->kind == OP_FSYNC || op->kind == OP_FALLOCATE) {
        workers_submit(loop, op);
        return;
    }
    list_append(&e->pending, &op->link);
    if (op->kind == OP_SENDMSG && sim_chance(50))
        finish_if_ready(loop, op);
}

/* It may have ended just before. */
static void sim_engine_cancel(struct loop *loop, struct loop_op *op)
{
    if (sim_chance(30) && finish_if_ready(loop, op))
        return;
    list_remove(&op->link);
    loop_finish(loop, op, -ECANCELED);
}

static int sim_engine_wait(struct loop *loop, int64_t timeout_ns)
{
    uint64_t deadline = timeout_ns < 0 ? SIM_NEVER : sim_now() + (uint64_t)timeout_ns;

    sim_yield();
    while (!collect(loop) && timeout_ns != 0 && sim_now() < deadline)
        sim_block(&net_changed, deadline);
    return 0;
}

static bool sim_engine_peek(struct loop *loop)
{
    (void)loop;
    return true;
}

#define ENGINE                                                                             \
    {                                                                                      \
        .name = "simulation", .create = sim_engine_create, .destroy = sim_engine_destroy,  \
        .submit = sim_engine_submit, .cancel = sim_engine_cancel, .wait = sim_engine_wait, \
        .peek = sim_engine_peek,                                                           \
    }
const struct loop_engine loop_engine_uring = ENGINE, loop_engine_epoll = ENGINE;
