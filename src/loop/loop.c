/* SPDX-License-Identifier: MIT */
/* The loop's life, its turn, and the front of each operation. What the kernel does is in uring.c and
 * epoll.c. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "loop/loop_internal.h"

/* Callbacks may finish further operations at once; so many rounds of that are run before the kernel is
 * asked again. */
#define N_PASSES 16

#define DEFAULT_ENTRIES 1024
#define DEFAULT_WORKERS 16

static _Thread_local struct loop *current;

struct loop *loop_current(void)
{
    return current;
}

uint64_t loop_clock(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t loop_now(const struct loop *loop)
{
    return loop->now_ns;
}

const char *loop_backend_name(const struct loop *loop)
{
    return loop->engine->name;
}

/* ---- create and destroy -------------------------------------------------------------------------------- */

static int engine_create(struct loop *loop, const struct loop_engine *engine,
                         const struct loop_options *options)
{
    int r = engine->create(loop, options);

    if (r == 0)
        loop->engine = engine;
    return r;
}

static int engine_choose(struct loop *loop, const struct loop_options *options)
{
    int r;

    if (options->backend != LOOP_BACKEND_EPOLL) {
        r = engine_create(loop, &loop_engine_uring, options);
        if (r == 0 || options->backend == LOOP_BACKEND_URING)
            return r;
        log_debug("loop: io_uring is not to be had (%s), taking epoll", strerrordesc_np(-r));
    }
    return engine_create(loop, &loop_engine_epoll, options);
}

/* Somebody pushed while the loop slept: the descriptor is emptied and watched again. What was pushed is
 * found by looking. */
static void woken(struct loop_op *op, int res)
{
    struct loop *loop = container_of(op, struct loop, wake_op);
    uint64_t n;

    if (res < 0)
        return; /* the loop is being destroyed */
    if (read(loop->wake_fd, &n, sizeof n) < 0 && errno != EAGAIN && errno != EINTR)
        log_debug("loop: reading the wake-up descriptor: %m");
    loop_poll(loop, op, loop->wake_fd, POLLIN);
}

DEFINE_CLEANUP(struct loop *, loop_destroy)

int loop_create(const struct loop_options *options, struct loop **ret_loop)
{
    struct loop_options o = options ? *options : (struct loop_options){ 0 };
    _cleanup_(loop_destroyp) struct loop *loop = aligned_alloc(64, sizeof *loop);
    int r;

    if (!loop)
        return -ENOMEM;
    *loop = (struct loop){ .wake_fd = -1, .wake_op.done = woken, .spin_ns = (uint64_t)o.spin_us * 1000 };
    list_init(&loop->ready);
    loop->now_ns = loop_clock();
    o.n_entries = o.n_entries ? o.n_entries : DEFAULT_ENTRIES;
    r = workers_init(&loop->workers, o.n_workers ? o.n_workers : DEFAULT_WORKERS);
    if (r < 0)
        return r;
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0)
        return -errno;
    r = engine_choose(loop, &o);
    if (r < 0)
        return r;
    loop_poll(loop, &loop->wake_op, loop->wake_fd, POLLIN);
    *ret_loop = TAKE_PTR(loop);
    return 0;
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    workers_fini(&loop->workers);
    if (loop->engine)
        loop->engine->destroy(loop);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    free(loop);
}

/* ---- the turn ------------------------------------------------------------------------------------------ */

static void run_ready(struct loop *loop)
{
    struct list_node batch, *n;

    list_init(&batch);
    for (unsigned pass = 0; pass < N_PASSES && !list_empty(&loop->ready); pass++) {
        list_splice(&batch, &loop->ready);
        while ((n = list_pop(&batch))) {
            struct loop_op *op = container_of(n, struct loop_op, link);

            op->state = OP_IDLE;
            op->done(op, op->res);
        }
    }
}

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < 0 || (b_ns >= 0 && b_ns < a_ns) ? b_ns : a_ns;
}

/* Looks, without sleeping, until something is there or `limit_ns` of the clock. */
static bool look(struct loop *loop, uint64_t limit_ns)
{
    do {
        for (unsigned i = 0; i < 32; i++) {
            if (loop->engine->peek(loop) || loop_has_mail(loop))
                return true;
            __builtin_ia32_pause();
        }
    } while (loop_clock() < limit_ns);
    return false;
}

/* Looks as long as the last event is recent enough. 1: something came, 0: time to sleep. */
static int spin(struct loop *loop, uint64_t deadline_ns)
{
    uint64_t limit_ns = loop->last_event_ns + loop->spin_ns;
    int r;

    limit_ns = limit_ns < deadline_ns ? limit_ns : deadline_ns;
    if (loop_clock() >= limit_ns)
        return 0;
    r = loop->engine->wait(loop, 0); /* what was started must be under way while we look */
    if (r < 0 || !list_empty(&loop->ready))
        return r < 0 ? r : 1;
    if (!look(loop, limit_ns))
        return 0;
    r = loop->engine->wait(loop, 0);
    return r < 0 ? r : 1;
}

static int sleep_until_event(struct loop *loop, int64_t timeout_ns)
{
    int r;

    atomic_store(&loop->asleep, true);
    r = loop->engine->wait(loop, loop_has_mail(loop) ? 0 : timeout_ns);
    atomic_store(&loop->asleep, false);
    return r;
}

/* Submits, then sleeps as long as nothing else is to do, at most timeout_ns. */
static int wait_for_events(struct loop *loop, int64_t timeout_ns)
{
    if (timeout_ns == 0 || !list_empty(&loop->ready) || loop_has_mail(loop))
        return loop->engine->wait(loop, 0);
    timeout_ns = earlier(timeout_ns, loop_timers_wait(loop));
    if (loop->spin_ns > 0 && timeout_ns != 0) {
        uint64_t start_ns = loop_clock();
        int r = spin(loop, timeout_ns < 0 ? UINT64_MAX : start_ns + (uint64_t)timeout_ns);

        if (r != 0)
            return r < 0 ? r : 0;
        if (timeout_ns > 0) {
            int64_t spun_ns = (int64_t)(loop_clock() - start_ns);

            timeout_ns = spun_ns < timeout_ns ? timeout_ns - spun_ns : 0;
        }
    }
    return timeout_ns == 0 ? loop->engine->wait(loop, 0) : sleep_until_event(loop, timeout_ns);
}

static int turn(struct loop *loop, int64_t timeout_ns)
{
    int r = wait_for_events(loop, timeout_ns);

    if (r < 0)
        return r;
    workers_collect(loop);
    loop->now_ns = loop_clock();
    if (!list_empty(&loop->ready) || loop_has_mail(loop))
        loop->last_event_ns = loop->now_ns;
    loop_timers_run(loop);
    loop_messages_run(loop);
    run_ready(loop);
    if (loop->engine->settle)
        loop->engine->settle(loop);
    return 0;
}

int loop_turn(struct loop *loop, int timeout_ms)
{
    struct loop *outer = current;
    int r;

    current = loop;
    r = turn(loop, timeout_ms < 0 ? -1 : (int64_t)timeout_ms * 1000000);
    current = outer;
    return r;
}

int loop_run(struct loop *loop)
{
    struct loop *outer = current;
    int r;

    current = loop;
    do
        r = turn(loop, -1);
    while (r == 0 && !atomic_load_explicit(&loop->stop, memory_order_relaxed));
    atomic_store(&loop->stop, false);
    current = outer;
    return r;
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stop, true);
    loop_wake(loop);
}

/* ---- operations ---------------------------------------------------------------------------------------- */

static void fill(struct loop_op *op, enum op_kind kind, int fd, const void *ptr, uint64_t len,
                 uint64_t offset, uint32_t flags)
{
    op->kind = kind;
    op->state = OP_ENGINE;
    op->fd = fd;
    op->ptr = (void *)ptr;
    op->len = len;
    op->offset = offset;
    op->flags = flags;
}

void loop_accept(struct loop *loop, struct loop_op *op, int fd)
{
    fill(op, OP_ACCEPT, fd, NULL, 0, 0, 0);
    loop->engine->submit(loop, op);
}

void loop_connect(struct loop *loop, struct loop_op *op, int fd, const struct sockaddr *addr, socklen_t len)
{
    fill(op, OP_CONNECT, fd, addr, len, 0, 0);
    loop->engine->submit(loop, op);
}

void loop_recvmsg(struct loop *loop, struct loop_op *op, int fd, struct msghdr *msg)
{
    fill(op, OP_RECVMSG, fd, msg, 0, 0, 0);
    loop->engine->submit(loop, op);
}

void loop_sendmsg(struct loop *loop, struct loop_op *op, int fd, struct msghdr *msg)
{
    fill(op, OP_SENDMSG, fd, msg, 0, 0, 0);
    loop->engine->submit(loop, op);
}

void loop_poll(struct loop *loop, struct loop_op *op, int fd, unsigned events)
{
    fill(op, OP_POLL, fd, NULL, 0, 0, events);
    loop->engine->submit(loop, op);
}

void loop_readv(struct loop *loop, struct loop_op *op, int fd, const struct iovec *iov, int n_iov,
                uint64_t offset)
{
    fill(op, OP_READV, fd, iov, (uint64_t)n_iov, offset, 0);
    loop->engine->submit(loop, op);
}

void loop_writev(struct loop *loop, struct loop_op *op, int fd, const struct iovec *iov, int n_iov,
                 uint64_t offset, int rw_flags)
{
    fill(op, OP_WRITEV, fd, iov, (uint64_t)n_iov, offset, (uint32_t)rw_flags);
    loop->engine->submit(loop, op);
}

void loop_fsync(struct loop *loop, struct loop_op *op, int fd, bool data_only)
{
    fill(op, OP_FSYNC, fd, NULL, 0, 0, data_only);
    loop->engine->submit(loop, op);
}

void loop_fallocate(struct loop *loop, struct loop_op *op, int fd, int mode, uint64_t offset, uint64_t len)
{
    fill(op, OP_FALLOCATE, fd, NULL, len, offset, (uint32_t)mode);
    loop->engine->submit(loop, op);
}

void loop_work(struct loop *loop, struct loop_op *op, int (*fn)(struct loop_op *op))
{
    fill(op, OP_WORK, -1, (void *)fn, 0, 0, 0);
    workers_submit(loop, op);
}

void loop_defer(struct loop *loop, struct loop_op *op)
{
    fill(op, OP_DEFER, -1, NULL, 0, 0, 0);
    loop_finish(loop, op, 0);
}

void loop_cancel(struct loop *loop, struct loop_op *op)
{
    if (op->state == OP_WORKING)
        workers_cancel(loop, op);
    else if (op->state == OP_ENGINE || op->state == OP_UNQUEUED)
        loop->engine->cancel(loop, op);
}
