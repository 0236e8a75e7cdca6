/* SPDX-License-Identifier: MIT */
/* The loop on io_uring. user_data is the operation's address; 0 is a completion that nobody waits for (a
 * cancel request).
 *
 * Features of Linux 6.1 are taken when the kernel has them: one issuer, completions processed only when we
 * ask. Older kernels get a plainer ring; below 5.11 (no timeout argument to enter) or when a sandbox refuses,
 * create fails and the caller takes epoll.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loop/loop_internal.h"

struct uring {
    struct io_uring ring;
    bool started;              /* enabled by, and bound to, the thread of the first turn */
    bool is_5_19;              /* the kernel raises IORING_SQ_TASKRUN and knows IORING_RECVSEND_POLL_FIRST */
    struct list_node unqueued; /* operations that found the submission queue full */
    struct list_node cancels;  /* operations in the ring whose cancel request found it full */
};

static struct uring *uring_of(const struct loop *loop)
{
    return loop->engine_data;
}

/* ---- submission ---------------------------------------------------------------------------------------- */

static bool is_plain(const struct msghdr *msg)
{
    return msg->msg_iovlen == 1 && !msg->msg_name && !msg->msg_control;
}

static void prep_accept(struct io_uring_sqe *sqe, const struct loop_op *op)
{
    io_uring_prep_accept(sqe, op->fd, NULL, NULL, SOCK_CLOEXEC);
}

static void prep_connect(struct io_uring_sqe *sqe, const struct loop_op *op)
{
    io_uring_prep_connect(sqe, op->fd, op->ptr, (socklen_t)op->len);
}

/* The plain forms spare the kernel importing a msghdr. */
static void prep_recvmsg(struct io_uring_sqe *sqe, const struct loop_op *op)
{
    struct msghdr *msg = op->ptr;

    if (is_plain(msg))
        io_uring_prep_recv(sqe, op->fd, msg->msg_iov->iov_base, msg->msg_iov->iov_len, 0);
    else
        io_uring_prep_recvmsg(sqe, op->fd, msg, 0);
}

static void prep_sendmsg(struct io_uring_sqe *sqe, const struct loop_op *op)
{
    struct msghdr *msg = op->ptr;

    if (is_plain(msg))
        io_uring_prep_send(sqe, op->fd, msg->msg_iov->iov_base, msg->msg_iov->iov_len, MSG_NOSIGNAL);
    else
        io_uring_prep_sendmsg(sqe, op->fd, msg, MSG_NOSIGNAL);
}

static void prep_poll(struct io_uring_sqe *sqe, const struct loop_op *op)
{
    io_uring_prep_poll_add(sqe, op->fd, op->flags);
}

static void prep_readv(struct io_uring_sqe *sqe, const struct loop_op *op)
{
    io_uring_prep_readv(sqe, op->fd, op->ptr, (unsigned)op->len, op->offset);
}

static void prep_writev(struct io_uring_sqe *sqe, const struct loop_op *op)
{
    io_uring_prep_writev2(sqe, op->fd, op->ptr, (unsigned)op->len, op->offset, (int)op->flags);
}

static void prep_fsync(struct io_uring_sqe *sqe, const struct loop_op *op)
{
    io_uring_prep_fsync(sqe, op->fd, op->flags ? IORING_FSYNC_DATASYNC : 0);
}

static void prep_fallocate(struct io_uring_sqe *sqe, const struct loop_op *op)
{
    io_uring_prep_fallocate(sqe, op->fd, (int)op->flags, (off_t)op->offset, (off_t)op->len);
}

static void (*const preps[OP_N_KINDS])(struct io_uring_sqe *sqe, const struct loop_op *op) = {
    [OP_ACCEPT] = prep_accept,   [OP_CONNECT] = prep_connect, [OP_RECVMSG] = prep_recvmsg,
    [OP_SENDMSG] = prep_sendmsg, [OP_POLL] = prep_poll,       [OP_READV] = prep_readv,
    [OP_WRITEV] = prep_writev,   [OP_FSYNC] = prep_fsync,     [OP_FALLOCATE] = prep_fallocate,
};

static void enqueue(struct loop *loop, struct loop_op *op)
{
    struct uring *u = uring_of(loop);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

    if (!sqe) {
        op->state = OP_UNQUEUED;
        list_append(&u->unqueued, &op->link);
        return;
    }
    op->state = OP_ENGINE;
    list_init(&op->link);
    preps[op->kind](sqe, op);
    if (op->drained && u->is_5_19 && (op->kind == OP_RECVMSG || op->kind == OP_SENDMSG))
        sqe->ioprio |= IORING_RECVSEND_POLL_FIRST; /* a try now would only find the socket not ready */
    io_uring_sqe_set_data(sqe, op);
}

/* A ring honours O_NONBLOCK by giving -EAGAIN instead of waiting. */
static void make_blocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0 && (flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

/* Most sends fit into the socket's buffer: the call itself is cheaper than a trip through the ring and
 * back (bench/loop_echo.md). A send that did not fit leaves the hint that the next one should wait for
 * room first. */
static bool send_now(struct loop *loop, struct loop_op *op)
{
    ssize_t n;

    if (op->drained)
        return false;
    n = sendmsg(op->fd, op->ptr, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        op->drained = errno == EAGAIN;
        return false;
    }
    op->drained = n > 0 && (size_t)n < message_bytes(op->ptr);
    loop_finish(loop, op, n < 0 ? -errno : (int)n);
    return true;
}

static void uring_submit(struct loop *loop, struct loop_op *op)
{
    if (op->kind == OP_SENDMSG && send_now(loop, op))
        return;
    if (op->kind == OP_CONNECT || op->kind == OP_ACCEPT)
        make_blocking(op->fd);
    enqueue(loop, op);
}

static bool enqueue_cancel(struct uring *u, struct loop_op *op)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

    if (!sqe)
        return false;
    io_uring_prep_cancel64(sqe, (uintptr_t)op, 0);
    io_uring_sqe_set_data(sqe, NULL);
    return true;
}

/* A request for an operation reaches the kernel before that operation's callback can run: collecting comes
 * after submitting, so the address cannot yet belong to another operation. One that ends while it waits on
 * `cancels` is taken off by finish_cqe(). */
static void uring_cancel(struct loop *loop, struct loop_op *op)
{
    struct uring *u = uring_of(loop);

    if (op->state == OP_UNQUEUED) {
        list_remove(&op->link);
        loop_finish(loop, op, -ECANCELED);
    } else if (!list_linked(&op->link) && !enqueue_cancel(u, op)) {
        list_append(&u->cancels, &op->link);
    }
}

/* ---- completion ---------------------------------------------------------------------------------------- */

static bool must_retry(const struct loop_op *op, int res)
{
    if (res == -EINTR)
        return true;
    return res == -EAGAIN && (op->kind == OP_RECVMSG || op->kind == OP_SENDMSG || op->kind == OP_ACCEPT) &&
           (fcntl(op->fd, F_GETFL) & O_NONBLOCK);
}

static void finish_cqe(struct loop *loop, const struct io_uring_cqe *cqe)
{
    struct loop_op *op = io_uring_cqe_get_data(cqe);

    if (!op)
        return;
    list_remove(&op->link);
    if (must_retry(op, cqe->res)) {
        if (cqe->res == -EAGAIN)
            make_blocking(op->fd);
        enqueue(loop, op);
        return;
    }
    op->drained = op->kind == OP_RECVMSG && !(cqe->flags & IORING_CQE_F_SOCK_NONEMPTY);
    loop_finish(loop, op, cqe->res);
}

static void collect(struct loop *loop)
{
    struct uring *u = uring_of(loop);
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;

    io_uring_for_each_cqe(&u->ring, head, cqe) {
        finish_cqe(loop, cqe);
        n++;
    }
    io_uring_cq_advance(&u->ring, n);
}

/* ---- wait ---------------------------------------------------------------------------------------------- */

/* The thread that calls becomes the ring's only submitter. */
static int start(struct uring *u)
{
    int r;

    if (u->ring.flags & IORING_SETUP_R_DISABLED) {
        /* io_uring_enable_rings(), which liburing 2.3 declares and does not export */
        r = (int)syscall(__NR_io_uring_register, u->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
        if (r < 0)
            return -errno;
    }
    /* spares a descriptor look-up per call; does without where refused */
    io_uring_register_ring_fd(&u->ring);
    u->started = true;
    return 0;
}

/* What waited for room goes in, as far as there is room. False: something still waits. */
static bool fill_queue(struct loop *loop)
{
    struct uring *u = uring_of(loop);

    while (!list_empty(&u->cancels)) {
        if (!enqueue_cancel(u, container_of(u->cancels.next, struct loop_op, link)))
            return false;
        list_pop(&u->cancels);
    }
    while (!list_empty(&u->unqueued)) {
        if (io_uring_sq_space_left(&u->ring) == 0)
            return false;
        enqueue(loop, container_of(list_pop(&u->unqueued), struct loop_op, link));
    }
    return true;
}

static int enter(struct uring *u, int64_t timeout_ns)
{
    struct __kernel_timespec ts = { .tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000 };
    struct io_uring_cqe *cqe;

    if (timeout_ns == 0)
        return io_uring_submit_and_get_events(&u->ring);
    return io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, timeout_ns < 0 ? NULL : &ts, NULL);
}

static bool wants_entering(const struct uring *u)
{
    unsigned flags = IO_URING_READ_ONCE(*u->ring.sq.kflags);

    return !u->is_5_19 || (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
}

static bool is_failure(int r)
{
    return r < 0 && r != -ETIME && r != -EINTR && r != -EBUSY && r != -EAGAIN;
}

static int uring_wait(struct loop *loop, int64_t timeout_ns)
{
    struct uring *u = uring_of(loop);
    int r = u->started ? 0 : start(u);

    if (r < 0)
        return r;
    while (!fill_queue(loop)) {
        r = io_uring_submit(&u->ring);
        if (r == -EBUSY || r == -EAGAIN) {
            /* the kernel is short of something: complete first, submit the rest in the next turn */
            timeout_ns = 0;
            break;
        }
        if (is_failure(r))
            return r;
    }
    if (timeout_ns != 0 || io_uring_sq_ready(&u->ring) > 0 || wants_entering(u)) {
        r = enter(u, timeout_ns);
        if (is_failure(r))
            return r;
    }
    collect(loop);
    return 0;
}

static bool uring_peek(struct loop *loop)
{
    struct uring *u = uring_of(loop);

    return io_uring_cq_ready(&u->ring) > 0 ||
           (IO_URING_READ_ONCE(*u->ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
}

/* ---- create and destroy -------------------------------------------------------------------------------- */

static const unsigned setups[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG, /* 6.1 */
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,  /* 6.0 */
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,                               /* 5.19 */
    0,
};

static int ring_init(struct uring *u, unsigned n_entries)
{
    const unsigned needed =
        IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL | IORING_FEAT_SUBMIT_STABLE;
    int r = -EINVAL;

    for (unsigned i = 0; i < ARRAY_SIZE(setups) && r == -EINVAL; i++) {
        struct io_uring_params p = { .flags = setups[i] | IORING_SETUP_R_DISABLED | IORING_SETUP_CLAMP |
                                              IORING_SETUP_CQSIZE,
                                     .cq_entries = n_entries * 4 };

        r = io_uring_queue_init_params(n_entries, &u->ring, &p);
        u->is_5_19 = setups[i] & IORING_SETUP_TASKRUN_FLAG;
    }
    if (r < 0)
        return r;
    if ((u->ring.features & needed) == needed)
        return 0;
    io_uring_queue_exit(&u->ring);
    return -ENOSYS;
}

static int uring_create(struct loop *loop, const struct loop_options *options)
{
    _cleanup_(freep) struct uring *u = calloc(1, sizeof *u);
    int r;

    if (!u)
        return -ENOMEM;
    list_init(&u->unqueued);
    list_init(&u->cancels);
    r = ring_init(u, options->n_entries);
    if (r < 0)
        return r;
    loop->engine_data = TAKE_PTR(u);
    return 0;
}

static void uring_destroy(struct loop *loop)
{
    struct uring *u = uring_of(loop);

    io_uring_queue_exit(&u->ring);
    free(u);
}

const struct loop_engine loop_engine_uring = {
    .name = "io_uring",
    .create = uring_create,
    .destroy = uring_destroy,
    .submit = uring_submit,
    .cancel = uring_cancel,
    .wait = uring_wait,
    .peek = uring_peek,
};
