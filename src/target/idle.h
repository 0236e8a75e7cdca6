/* SPDX-License-Identifier: MIT */
/* "Wait until that count is down": one lock and condition for all the rare waits of an engine. Whoever lowers
 * a count that somebody may be waiting for calls target_idle_signal() afterwards; that costs one atomic load
 * while nobody waits.
 */
#ifndef VDS_TARGET_IDLE_H
#define VDS_TARGET_IDLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct target_idle {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    atomic_uint n_waiters;
};

static inline void target_idle_init(struct target_idle *idle)
{
    pthread_mutex_init(&idle->lock, NULL);
    pthread_cond_init(&idle->cond, NULL);
    atomic_init(&idle->n_waiters, 0);
}

static inline void target_idle_fini(struct target_idle *idle)
{
    pthread_cond_destroy(&idle->cond);
    pthread_mutex_destroy(&idle->lock);
}

/* The store before this and the load in here are sequentially consistent, as are the waiter's in the other
 * order: one sees the other. */
static inline void target_idle_signal(struct target_idle *idle)
{
    if (atomic_load(&idle->n_waiters) == 0)
        return;
    pthread_mutex_lock(&idle->lock);
    pthread_cond_broadcast(&idle->cond);
    pthread_mutex_unlock(&idle->lock);
}

static inline void target_idle_wait(struct target_idle *idle, bool (*reached)(const void *arg),
                                    const void *arg)
{
    pthread_mutex_lock(&idle->lock);
    atomic_fetch_add(&idle->n_waiters, 1);
    while (!reached(arg))
        pthread_cond_wait(&idle->cond, &idle->lock);
    atomic_fetch_sub(&idle->n_waiters, 1);
    pthread_mutex_unlock(&idle->lock);
}

#endif
