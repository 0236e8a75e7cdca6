/* SPDX-License-Identifier: MIT */
/* The loop on epoll, for where io_uring is missing or forbidden. Socket operations are tried at once and wait
 * for readiness when they would block; file operations go to the workers.
 *
 * Descriptors are registered once, edge-triggered, so that a connection in use costs no epoll_ctl(). What is
 * remembered of a descriptor is wrong when its number was closed and given to another file, so it is trusted
 * only from turn to turn while some operation is on it: a descriptor without one at the end of a turn is
 * forgotten, and the next operation that must wait registers anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "loop/loop_internal.h"

#define N_EVENTS 256

/* What is known of one descriptor number. */
struct watch {
    int fd;
    struct list_node quiet;         /* on epoll->quiet: an operation ended in this turn */
    struct list_node in, out, poll; /* waiting operations, oldest first */
    uint32_t mask;                  /* registered events, when trusted */
    bool trusted;
    bool stream;             /* a short read from it means that it is empty */
    bool readable, writable; /* false: an edge will come */
    /* the end of the stream came in with an edge: a short read says nothing any more */
    bool hung_up;
};

struct epoll {
    int fd;
    struct watch **watches; /* by descriptor number */
    size_t n_watches;
    struct list_node quiet;
    struct epoll_event events[N_EVENTS];
};

static struct epoll *epoll_of(const struct loop *loop)
{
    return loop->engine_data;
}

/* ---- watches ------------------------------------------------------------------------------------------- */

static int grow(struct epoll *e, size_t n_needed)
{
    size_t n = e->n_watches ? e->n_watches : 64;
    struct watch **grown;

    while (n < n_needed)
        n *= 2;
    grown = realloc(e->watches, n * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    for (size_t i = e->n_watches; i < n; i++)
        grown[i] = NULL;
    e->watches = grown;
    e->n_watches = n;
    return 0;
}

static void watch_forget(struct watch *w)
{
    w->trusted = false;
    w->readable = w->writable = true; /* unknown: try */
    w->stream = w->hung_up = false;
}

/* The watch of a descriptor, made when new; -ENOMEM, -EBADF. */
static int watch_get(struct epoll *e, int fd, struct watch **ret_watch)
{
    struct watch *w;
    int r;

    if (fd < 0)
        return -EBADF;
    if ((size_t)fd >= e->n_watches && (r = grow(e, (size_t)fd + 1)) < 0)
        return r;
    w = e->watches[fd];
    if (!w) {
        w = calloc(1, sizeof *w);
        if (!w)
            return -ENOMEM;
        w->fd = fd;
        list_init(&w->quiet);
        list_init(&w->in);
        list_init(&w->out);
        list_init(&w->poll);
        watch_forget(w);
        e->watches[fd] = w;
    }
    *ret_watch = w;
    return 0;
}

static bool watch_idle(const struct watch *w)
{
    return list_empty(&w->in) && list_empty(&w->out) && list_empty(&w->poll);
}

/* An operation on the watch has ended. */
static void finish(struct loop *loop, struct watch *w, struct loop_op *op, int res)
{
    list_remove(&op->link);
    if (!list_linked(&w->quiet))
        list_append(&epoll_of(loop)->quiet, &w->quiet);
    loop_finish(loop, op, res);
}

/* Registers (again): with EPOLL_CTL_MOD the kernel also reports what is ready now. */
static int watch_register(struct epoll *e, struct watch *w, uint32_t mask)
{
    struct epoll_event ev = { .events = mask | EPOLLET, .data.ptr = w };

    if (epoll_ctl(e->fd, EPOLL_CTL_MOD, w->fd, &ev) < 0 &&
        (errno != ENOENT || epoll_ctl(e->fd, EPOLL_CTL_ADD, w->fd, &ev) < 0))
        return -errno;
    w->mask = mask;
    w->trusted = true;
    return 0;
}

static int watch_socket(struct epoll *e, struct watch *w)
{
    const uint32_t mask = EPOLLIN | EPOLLOUT | EPOLLRDHUP;
    socklen_t len = sizeof(int);
    int type = 0;

    if (w->trusted && (w->mask & mask) == mask)
        return 0;
    w->stream = getsockopt(w->fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
    return watch_register(e, w, (w->trusted ? w->mask : 0) | mask);
}

/* ---- tries: a result, or -EAGAIN ----------------------------------------------------------------------- */

static int result(ssize_t n)
{
    return n < 0 ? -errno : (int)n;
}

static void make_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0 && !(flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static int try_accept(struct epoll *e, const struct loop_op *op)
{
    int fd = result(accept4(op->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));

    if (fd >= 0 && (size_t)fd < e->n_watches && e->watches[fd])
        watch_forget(e->watches[fd]); /* the number means another file now */
    return fd;
}

/* A stream that gave or took less than asked is empty or full: an edge will tell when that changes. Not
 * when it was hung up, because the end's edge has come already, and not when nothing is registered,
 * because then none comes. */
static bool fell_short(const struct watch *w, const struct loop_op *op, int n)
{
    return n > 0 && w->stream && w->trusted && !w->hung_up && (size_t)n < message_bytes(op->ptr);
}

static int try_recvmsg(struct epoll *e, const struct loop_op *op)
{
    struct watch *w = e->watches[op->fd];
    int n = result(recvmsg(op->fd, op->ptr, MSG_DONTWAIT));

    if (fell_short(w, op, n))
        w->readable = false;
    return n;
}

static int try_sendmsg(struct epoll *e, const struct loop_op *op)
{
    struct watch *w = e->watches[op->fd];
    int n = result(sendmsg(op->fd, op->ptr, MSG_DONTWAIT | MSG_NOSIGNAL));

    if (fell_short(w, op, n))
        w->writable = false;
    return n;
}

/* The first try starts to connect (flags 0 -> 1), later ones ask how it went. */
static int try_connect(struct epoll *e, const struct loop_op *op)
{
    socklen_t len = sizeof(int);
    int err = 0;

    (void)e;
    if (getsockopt(op->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
        return -errno;
    if (err)
        return -err;
    err = result(connect(op->fd, op->ptr, (socklen_t)op->len));
    if (err == -EISCONN && op->flags)
        return 0;
    return err == -EINPROGRESS || err == -EALREADY ? -EAGAIN : err;
}

static int (*const tries[OP_N_KINDS])(struct epoll *e, const struct loop_op *op) = {
    [OP_ACCEPT] = try_accept,
    [OP_CONNECT] = try_connect,
    [OP_RECVMSG] = try_recvmsg,
    [OP_SENDMSG] = try_sendmsg,
};

/* True: finished. */
static bool attempt(struct loop *loop, struct watch *w, struct loop_op *op)
{
    int r;

    do
        r = tries[op->kind](epoll_of(loop), op);
    while (r == -EINTR);
    if (r == -EAGAIN)
        return false;
    finish(loop, w, op, r);
    return true;
}

/* ---- submit and cancel --------------------------------------------------------------------------------- */

static bool reads(const struct loop_op *op)
{
    return op->kind == OP_RECVMSG || op->kind == OP_ACCEPT;
}

static void submit_socket(struct loop *loop, struct loop_op *op)
{
    struct epoll *e = epoll_of(loop);
    struct watch *w;
    struct list_node *queue;
    bool *ready;
    int r = watch_get(e, op->fd, &w);

    if (r < 0) {
        loop_finish(loop, op, r);
        return;
    }
    if (op->kind == OP_CONNECT || op->kind == OP_ACCEPT) {
        make_nonblocking(op->fd);
        watch_forget(w);
    }
    queue = reads(op) ? &w->in : &w->out;
    ready = reads(op) ? &w->readable : &w->writable;
    list_init(&op->link);
    if (*ready && list_empty(queue)) {
        if (attempt(loop, w, op))
            return;
        *ready = false;
    }
    op->flags = 1; /* tried */
    r = watch_socket(e, w);
    if (r < 0)
        loop_finish(loop, op, r);
    else
        list_append(queue, &op->link);
}

static void submit_poll(struct loop *loop, struct loop_op *op)
{
    struct epoll *e = epoll_of(loop);
    struct watch *w;
    int r = watch_get(e, op->fd, &w);

    if (r == 0)
        r = watch_register(e, w, (w->trusted ? w->mask : 0) | op->flags);
    if (r < 0)
        /* a regular file is always ready */
        loop_finish(loop, op, r == -EPERM ? (int)(op->flags & (POLLIN | POLLOUT)) : r);
    else
        list_append(&w->poll, &op->link);
}

static void (*const submits[OP_N_KINDS])(struct loop *loop, struct loop_op *op) = {
    [OP_ACCEPT] = submit_socket,    [OP_CONNECT] = submit_socket,   [OP_RECVMSG] = submit_socket,
    [OP_SENDMSG] = submit_socket,   [OP_POLL] = submit_poll,        [OP_READV] = workers_submit,
    [OP_WRITEV] = workers_submit,   [OP_FSYNC] = workers_submit,    [OP_FALLOCATE] = workers_submit,
};

static void epoll_submit(struct loop *loop, struct loop_op *op)
{
    submits[op->kind](loop, op);
}

static void epoll_cancel(struct loop *loop, struct loop_op *op)
{
    finish(loop, epoll_of(loop)->watches[op->fd], op, -ECANCELED);
}

/* The callbacks of a turn have run. */
static void epoll_settle(struct loop *loop)
{
    struct list_node *n;

    while ((n = list_pop(&epoll_of(loop)->quiet))) {
        struct watch *w = container_of(n, struct watch, quiet);

        if (watch_idle(w))
            watch_forget(w);
    }
}

/* ---- wait ---------------------------------------------------------------------------------------------- */

static void progress(struct loop *loop, struct watch *w, struct list_node *queue, bool *ready)
{
    while (*ready && !list_empty(queue)) {
        if (!attempt(loop, w, container_of(queue->next, struct loop_op, link)))
            *ready = false;
    }
}

static void progress_polls(struct loop *loop, struct watch *w, uint32_t events)
{
    list_for_each_safe(n, &w->poll) {
        struct loop_op *op = container_of(n, struct loop_op, link);
        uint32_t seen = events & (op->flags | POLLERR | POLLHUP);

        if (seen)
            finish(loop, w, op, (int)seen);
    }
}

static void on_event(struct loop *loop, struct watch *w, uint32_t events)
{
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        w->hung_up = true;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        w->readable = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        w->writable = true;
    progress(loop, w, &w->in, &w->readable);
    progress(loop, w, &w->out, &w->writable);
    progress_polls(loop, w, events);
}

static int sleep_for(struct epoll *e, int64_t timeout_ns)
{
    struct timespec ts = { .tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000 };
    int n;

    if (timeout_ns <= 0)
        return result(epoll_wait(e->fd, e->events, N_EVENTS, timeout_ns < 0 ? -1 : 0));
    n = result(epoll_pwait2(e->fd, e->events, N_EVENTS, &ts, NULL));
    if (n != -ENOSYS && n != -EPERM)
        return n;
    /* before Linux 5.11 */
    return result(epoll_wait(e->fd, e->events, N_EVENTS, (int)((timeout_ns + 999999) / 1000000)));
}

static int epoll_engine_wait(struct loop *loop, int64_t timeout_ns)
{
    struct epoll *e = epoll_of(loop);
    int n;

    n = sleep_for(e, timeout_ns);
    if (n < 0)
        return n == -EINTR ? 0 : n;
    for (int i = 0; i < n; i++)
        on_event(loop, e->events[i].data.ptr, e->events[i].events);
    return 0;
}

/* The look is the wait itself: its events end up on loop->ready. */
static bool epoll_peek(struct loop *loop)
{
    return epoll_engine_wait(loop, 0) < 0 || !list_empty(&loop->ready);
}

/* ---- create and destroy -------------------------------------------------------------------------------- */

static int epoll_engine_create(struct loop *loop, const struct loop_options *options)
{
    _cleanup_(freep) struct epoll *e = calloc(1, sizeof *e);

    (void)options;
    if (!e)
        return -ENOMEM;
    list_init(&e->quiet);
    e->fd = epoll_create1(EPOLL_CLOEXEC);
    if (e->fd < 0)
        return -errno;
    loop->engine_data = TAKE_PTR(e);
    return 0;
}

static void epoll_engine_destroy(struct loop *loop)
{
    struct epoll *e = epoll_of(loop);

    for (size_t i = 0; i < e->n_watches; i++)
        free(e->watches[i]);
    free(e->watches);
    close(e->fd);
    free(e);
}

const struct loop_engine loop_engine_epoll = {
    .name = "epoll",
    .create = epoll_engine_create,
    .destroy = epoll_engine_destroy,
    .submit = epoll_submit,
    .cancel = epoll_cancel,
    .settle = epoll_settle,
    .wait = epoll_engine_wait,
    .peek = epoll_peek,
};
