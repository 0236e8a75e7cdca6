/* SPDX-License-Identifier: MIT */
/* Workers: as many as there is to do, up to a limit. Each client has a queue of its own and a bound on how
 * many of its calls run at once; clients that have something to run take turns. A worker that finds nothing
 * for a while goes home. */
#include "rpc/server_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/error_text.h"
#include "rpc/error.h"
#include "rpc/thread.h"

#define IDLE_SECONDS 10

static bool runnable(const struct rpc_peer *p)
{
    return !list_empty(&p->queued) && p->n_running < p->server->options.max_client_workers;
}

/* Puts the peer into the round, when it has a call that may run. Under the lock. */
static void line_up(struct rpc_peer *p)
{
    if (runnable(p) && !list_linked(&p->ready_link))
        list_append(&p->server->ready, &p->ready_link);
}

static struct rpc_call *take_call(struct rpc_server *s)
{
    struct list_node *n = list_pop(&s->ready);
    struct rpc_peer *p;
    struct rpc_call *call;

    if (!n)
        return NULL;
    p = container_of(n, struct rpc_peer, ready_link);
    call = container_of(list_pop(&p->queued), struct rpc_call, link);
    p->n_queued--;
    p->n_running++;
    s->n_pending--;
    line_up(p);
    return call;
}

/* Runs one call; the lock is not held meanwhile. */
static void run_call(struct rpc_server *s, struct rpc_call *call)
{
    struct rpc_peer *p = call->peer;

    pthread_mutex_unlock(&s->lock);
    call->run(call);
    pthread_mutex_lock(&s->lock);
    p->n_running--;
    line_up(p);
    list_append(&s->done, &call->link);
    rpc_server_wake(s);
}

static void run_job(struct rpc_server *s, struct rpc_job *job)
{
    pthread_mutex_unlock(&s->lock);
    job->run(job);
    pthread_mutex_lock(&s->lock);
}

/* false: nothing came for a while, or the server stops. */
static bool wait_for_work(struct rpc_server *s)
{
    struct timespec until;
    int r = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += IDLE_SECONDS;
    s->n_idle++;
    while (list_empty(&s->jobs) && list_empty(&s->ready) && !s->stopping && r == 0)
        r = pthread_cond_timedwait(&s->work, &s->lock, &until);
    s->n_idle--;
    return !list_empty(&s->jobs) || !list_empty(&s->ready);
}

static void *worker(void *arg)
{
    struct rpc_server *s = arg;

    pthread_mutex_lock(&s->lock);
    while (wait_for_work(s)) {
        struct list_node *n = list_pop(&s->jobs);
        struct rpc_call *call = n ? NULL : take_call(s);

        if (n) {
            s->n_pending--;
            run_job(s, container_of(n, struct rpc_job, link));
        }
        if (call)
            run_call(s, call);
    }
    s->n_workers--;
    pthread_cond_broadcast(&s->gone);
    pthread_mutex_unlock(&s->lock);
    rpc_server_unref(s);
    return NULL;
}

static int hire(struct rpc_server *s)
{
    pthread_t thread;
    int r = rpc_thread_create(&thread, /* detached= */ true, worker, rpc_server_ref(s));

    if (r == 0)
        s->n_workers++;
    else
        rpc_server_unref(s);
    return r;
}

/* Counts one piece of work in, which the caller then queues, and sees that a worker is free for it. Under the
 * lock. -errno: there is not even one worker, and nothing was counted. */
static int staff(struct rpc_server *s)
{
    int r;

    s->n_pending++;
    pthread_cond_signal(&s->work);
    if (s->n_idle >= s->n_pending || s->n_workers >= s->options.max_workers)
        return 0;
    r = hire(s);
    if (s->n_workers > 0)
        return 0;
    s->n_pending--;
    return r;
}

HRESULT rpc_pool_submit(struct rpc_call *call)
{
    struct rpc_peer *p = call->peer;
    struct rpc_server *s = p->server;
    HRESULT hr = S_OK;

    pthread_mutex_lock(&s->lock);
    if (p->n_calls > s->options.max_calls) { /* this one is counted */
        error_text_set("%u calls of this client have no answer yet, which is the limit",
                       s->options.max_calls);
        hr = RPC_TOO_BUSY;
    } else if (staff(s) < 0) {
        error_text_set("no thread can be made to run the call");
        hr = E_OUTOFMEMORY;
    } else {
        list_append(&p->queued, &call->link);
        p->n_queued++;
        line_up(p);
    }
    pthread_mutex_unlock(&s->lock);
    return hr;
}

void rpc_pool_job(struct rpc_server *s, struct rpc_job *job)
{
    bool late;

    pthread_mutex_lock(&s->lock);
    late = staff(s) < 0; /* no thread to be had: this one does it */
    if (!late)
        list_append(&s->jobs, &job->link);
    pthread_mutex_unlock(&s->lock);
    if (late)
        job->run(job);
}

void rpc_pool_stop(struct rpc_server *s)
{
    pthread_mutex_lock(&s->lock);
    pthread_cond_broadcast(&s->work);
    while (s->n_workers > 0)
        pthread_cond_wait(&s->gone, &s->lock);
    pthread_mutex_unlock(&s->lock);
}
