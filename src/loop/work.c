/* SPDX-License-Identifier: MIT */
/* A small, bounded pool of threads for calls that block: file operations under epoll, loop_work() under both
 * engines. Threads start when work waits and none is idle, and stay until the loop is destroyed; asleep they
 * cost no CPU.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "loop/loop_internal.h"

static ssize_t do_readv(const struct loop_op *op)
{
    return preadv2(op->fd, op->ptr, (int)op->len, (off_t)op->offset, 0);
}

static ssize_t do_writev(const struct loop_op *op)
{
    return pwritev2(op->fd, op->ptr, (int)op->len, (off_t)op->offset, (int)op->flags);
}

static ssize_t do_fsync(const struct loop_op *op)
{
    return op->flags ? fdatasync(op->fd) : fsync(op->fd);
}

static ssize_t do_fallocate(const struct loop_op *op)
{
    return fallocate(op->fd, (int)op->flags, (off_t)op->offset, (off_t)op->len);
}

static ssize_t (*const calls[OP_N_KINDS])(const struct loop_op *op) = {
    [OP_READV] = do_readv,
    [OP_WRITEV] = do_writev,
    [OP_FSYNC] = do_fsync,
    [OP_FALLOCATE] = do_fallocate,
};

static int run_op(struct loop_op *op)
{
    int (*fn)(struct loop_op *op) = (int (*)(struct loop_op *))op->ptr;
    ssize_t n;

    if (op->kind == OP_WORK)
        return fn(op);
    do
        n = calls[op->kind](op);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : (int)n;
}

static void push_worked(struct loop *loop, struct loop_op *op)
{
    struct loop_op *top = atomic_load_explicit(&loop->worked, memory_order_relaxed);

    do
        op->link.next = (struct list_node *)top;
    while (!atomic_compare_exchange_weak(&loop->worked, &top, op));
    loop_wake(loop);
}

static void *worker_main(void *arg)
{
    struct loop *loop = arg;
    struct workers *w = &loop->workers;
    struct list_node *n;

    pthread_mutex_lock(&w->mutex);
    for (;;) {
        if ((n = list_pop(&w->queue))) {
            struct loop_op *op = container_of(n, struct loop_op, link);

            w->n_queued--;
            pthread_mutex_unlock(&w->mutex);
            op->res = run_op(op);
            push_worked(loop, op);
            pthread_mutex_lock(&w->mutex);
        } else if (w->stopping) {
            break;
        } else {
            w->n_idle++;
            pthread_cond_wait(&w->wake, &w->mutex);
            w->n_idle--;
        }
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* Signals are the main program's business: no worker takes one. */
static int start_thread(struct loop *loop, pthread_t *ret_thread)
{
    sigset_t all, old;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    r = pthread_create(ret_thread, NULL, worker_main, loop);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -r;
}

void workers_submit(struct loop *loop, struct loop_op *op)
{
    struct workers *w = &loop->workers;
    int r = 0;

    op->state = OP_WORKING;
    pthread_mutex_lock(&w->mutex);
    if (w->n_queued >= w->n_idle && w->n_threads < w->n_max) {
        r = start_thread(loop, &w->threads[w->n_threads]);
        w->n_threads += r == 0;
    }
    if (w->n_threads > 0) {
        list_append(&w->queue, &op->link);
        w->n_queued++;
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->mutex);
    if (w->n_threads == 0) /* written by this thread only */
        loop_finish(loop, op, r);
}

void workers_cancel(struct loop *loop, struct loop_op *op)
{
    struct workers *w = &loop->workers;
    bool found = false;

    pthread_mutex_lock(&w->mutex);
    list_for_each_safe(n, &w->queue) {
        if (n != &op->link)
            continue;
        list_remove(n);
        w->n_queued--;
        found = true;
        break;
    }
    pthread_mutex_unlock(&w->mutex);
    if (found)
        loop_finish(loop, op, -ECANCELED); /* otherwise a thread has it and finishes it */
}

void workers_collect(struct loop *loop)
{
    struct loop_op *op, *next, *oldest = NULL;

    if (!atomic_load_explicit(&loop->worked, memory_order_relaxed))
        return;
    for (op = atomic_exchange(&loop->worked, NULL); op; op = next) {
        next = (struct loop_op *)op->link.next;
        op->link.next = (struct list_node *)oldest;
        oldest = op;
    }
    for (op = oldest; op; op = next) {
        next = (struct loop_op *)op->link.next;
        loop_finish(loop, op, op->res);
    }
}

int workers_init(struct workers *w, unsigned n_max)
{
    w->threads = calloc(n_max, sizeof *w->threads);
    if (!w->threads)
        return -ENOMEM;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->wake, NULL);
    list_init(&w->queue);
    w->n_max = n_max;
    return 0;
}

void workers_fini(struct workers *w)
{
    if (!w->threads)
        return;
    pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->mutex);
    for (unsigned i = 0; i < w->n_threads; i++)
        pthread_join(w->threads[i], NULL);
    free(w->threads);
    w->threads = NULL;
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->mutex);
}
