/* SPDX-License-Identifier: MIT */
/* Threads for operations. An operation waits (for a drain, a disk), so each has a thread while it runs; a
 * thread is made when none is free, up to a limit, and ends when it has been idle for a while. */
#include <errno.h>
#include <time.h>

#include "array/array_internal.h"

#define IDLE_SECONDS 10

struct worker {
    struct pool *pool;
    pthread_t thread;
    struct list_node link; /* pool->finished */
};

void pool_init(struct pool *pool, unsigned max)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->wake, &attr);
    pthread_condattr_destroy(&attr);
    list_init(&pool->queue);
    list_init(&pool->finished);
    pool->max = max;
}

/* Under the lock. NULL: time to end. */
static struct array_op *next_op(struct pool *pool)
{
    struct timespec until;
    int r = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_SECONDS;
    pool->n_idle++;
    while (list_empty(&pool->queue) && !pool->stopping && r == 0)
        r = pthread_cond_timedwait(&pool->wake, &pool->lock, &until);
    pool->n_idle--;
    struct list_node *n = list_pop(&pool->queue);
    pool->n_queued -= n != NULL;
    return n ? container_of(n, struct array_op, pending) : NULL;
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    struct pool *pool = worker->pool;
    struct array_op *op;

    pthread_mutex_lock(&pool->lock);
    while ((op = next_op(pool))) {
        pthread_mutex_unlock(&pool->lock);
        op_execute(op);
        array_op_unref(op);
        pthread_mutex_lock(&pool->lock);
    }
    pool->n_threads--;
    list_append(&pool->finished, &worker->link);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Under the lock. */
static void join_finished(struct pool *pool)
{
    struct list_node *n;

    while ((n = list_pop(&pool->finished))) {
        struct worker *worker = container_of(n, struct worker, link);

        pthread_join(worker->thread, NULL); /* it has nothing left to do but return */
        free(worker);
    }
}

static int worker_start(struct pool *pool)
{
    struct worker *worker = calloc(1, sizeof *worker);
    int r;

    if (!worker)
        return -ENOMEM;
    worker->pool = pool;
    list_init(&worker->link);
    r = -pthread_create(&worker->thread, NULL, worker_main, worker);
    if (r < 0) {
        free(worker);
        return r;
    }
    pool->n_threads++;
    return 0;
}

int pool_submit(struct pool *pool, struct array_op *op)
{
    int r = 0;

    pthread_mutex_lock(&pool->lock);
    join_finished(pool);
    if (pool->n_idle <= pool->n_queued && pool->n_threads < pool->max)
        r = worker_start(pool);
    if (r == 0 || pool->n_threads > 0) { /* without a thread of its own it waits for one */
        list_append(&pool->queue, &op->pending);
        pool->n_queued++;
        pthread_cond_signal(&pool->wake);
        r = 0;
    }
    pthread_mutex_unlock(&pool->lock);
    return r;
}

void pool_fini(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->wake);
    while (pool->n_threads > 0)
        pthread_cond_wait(&pool->wake, &pool->lock);
    join_finished(pool);
    pthread_mutex_unlock(&pool->lock);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
}
