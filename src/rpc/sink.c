/* SPDX-License-Identifier: MIT */
#include "rpc/sink.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "com/com.h"
#include "rpc/marshal.h"
#include "rpc/thread.h"

#define QUEUE_MAX         4096 /* notifications that wait for slow sinks */
#define NOTIFICATIONS_MAX 100  /* of one OnNotify() (its IDL range) */

struct entry {
    struct list_node link;
    IVdsAdviseSink *sink;
    uint32_t token;
    bool lost; /* something for it was dropped */
};

struct event {
    struct list_node link;
    uint32_t token;
    LONG n;
    VDS_NOTIFICATION *notifications; /* task memory: the sink's to free */
};

struct rpc_sinks {
    atomic_uint refs; /* the owner, the thread */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct list_node entries, events;
    unsigned n_queued;
    uint32_t last_token, busy; /* the token whose sink is being called */
    pthread_t thread;
    bool started, ending;
};

static void event_free(struct event *e)
{
    if (e)
        CoTaskMemFree(e->notifications);
    free(e);
}

static void sinks_unref(struct rpc_sinks *s)
{
    if (atomic_fetch_sub(&s->refs, 1) > 1)
        return;
    for (struct list_node *n; (n = list_pop(&s->events));)
        event_free(container_of(n, struct event, link));
    for (struct list_node *n; (n = list_pop(&s->entries));) {
        struct entry *e = container_of(n, struct entry, link);

        IVdsAdviseSink_Release(e->sink);
        free(e);
    }
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct rpc_sinks *rpc_sinks_new(void)
{
    struct rpc_sinks *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    list_init(&s->entries);
    list_init(&s->events);
    return s;
}

static struct entry *find(struct rpc_sinks *s, uint32_t token)
{
    list_for_each (n, &s->entries) {
        struct entry *e = container_of(n, struct entry, link);

        if (e->token == token)
            return e;
    }
    return NULL;
}

/* ---- the thread -------------------------------------------------------------------------------------- */

/* "You have missed something: refresh." */
static void report_loss(IVdsAdviseSink *sink)
{
    VDS_NOTIFICATION *n = com_task_calloc(1, sizeof *n);

    if (!n)
        return;
    n->objectType = VDS_NTT_SERVICE;
    n->Service.ulEvent = VDS_NF_SERVICE_OUT_OF_SYNC;
    n->Service.action = VDS_RA_REFRESH;
    IVdsAdviseSink_OnNotify(sink, 1, n);
}

/* Calls the sink of the event, if it is still there. The lock is not held meanwhile. */
static void deliver(struct rpc_sinks *s, struct event *e)
{
    struct entry *entry = find(s, e->token);
    IVdsAdviseSink *sink;
    bool lost;

    if (!entry)
        return;
    sink = entry->sink;
    IVdsAdviseSink_AddRef(sink);
    lost = entry->lost;
    entry->lost = false;
    s->busy = e->token;
    pthread_mutex_unlock(&s->lock);
    if (lost)
        report_loss(sink);
    if (e->n > 0)
        IVdsAdviseSink_OnNotify(sink, e->n, TAKE_PTR(e->notifications));
    IVdsAdviseSink_Release(sink);
    pthread_mutex_lock(&s->lock);
    s->busy = 0;
    pthread_cond_broadcast(&s->changed);
}

static void *notifier(void *arg)
{
    struct rpc_sinks *s = arg;

    pthread_mutex_lock(&s->lock);
    while (!s->ending) {
        struct list_node *n = list_pop(&s->events);
        struct event *e;

        if (!n) {
            pthread_cond_wait(&s->changed, &s->lock);
            continue;
        }
        e = container_of(n, struct event, link);
        s->n_queued -= (unsigned)e->n;
        deliver(s, e);
        event_free(e);
    }
    pthread_mutex_unlock(&s->lock);
    sinks_unref(s);
    return NULL;
}

void rpc_sinks_destroy(struct rpc_sinks *s)
{
    bool join, detach;

    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->ending = true;
    detach = s->started && pthread_equal(s->thread, pthread_self());
    join = s->started && !detach;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (join)
        pthread_join(s->thread, NULL);
    if (detach)
        pthread_detach(s->thread);
    sinks_unref(s);
}

/* ---- registering ------------------------------------------------------------------------------------- */

static HRESULT start(struct rpc_sinks *s)
{
    if (s->started)
        return S_OK;
    atomic_fetch_add(&s->refs, 1);
    if (rpc_thread_create(&s->thread, /* detached= */ false, notifier, s) < 0) {
        atomic_fetch_sub(&s->refs, 1);
        return E_OUTOFMEMORY;
    }
    s->started = true;
    return S_OK;
}

HRESULT rpc_sinks_add(struct rpc_sinks *s, IVdsAdviseSink *sink, uint32_t *ret_token)
{
    struct entry *e = malloc(sizeof *e);
    HRESULT hr;

    if (!e)
        return E_OUTOFMEMORY;
    pthread_mutex_lock(&s->lock);
    hr = start(s);
    if (SUCCEEDED(hr)) {
        *e = (struct entry){ .sink = sink, .token = ++s->last_token };
        IVdsAdviseSink_AddRef(sink);
        *ret_token = e->token;
        list_append(&s->entries, &e->link);
    }
    pthread_mutex_unlock(&s->lock);
    if (FAILED(hr))
        free(e);
    return hr;
}

HRESULT rpc_sinks_remove(struct rpc_sinks *s, uint32_t token)
{
    struct entry *e;

    pthread_mutex_lock(&s->lock);
    e = find(s, token);
    if (e)
        list_remove(&e->link);
    while (e && s->busy == token && !pthread_equal(s->thread, pthread_self()))
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
    if (!e)
        return VDS_E_BAD_COOKIE;
    IVdsAdviseSink_Release(e->sink);
    free(e);
    return S_OK;
}

/* ---- arriving: the dispatcher ------------------------------------------------------------------------ */

static int read_array(sd_bus_message *m, struct event *e)
{
    HRESULT hr = S_OK;
    int r = sd_bus_message_enter_container(m, 'a', rpc_type_notification->sig);

    while (r > 0 && SUCCEEDED(hr) && sd_bus_message_at_end(m, 0) == 0) {
        if (e->n == NOTIFICATIONS_MAX)
            return -1;
        hr = rpc_decode(m, rpc_type_notification, &e->notifications[e->n], NULL, &rpc_default_limits);
        e->n += SUCCEEDED(hr);
    }
    return FAILED(hr) ? -1 : r;
}

static struct event *read_event(sd_bus_message *m)
{
    struct event *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    e->notifications = com_task_calloc(NOTIFICATIONS_MAX, sizeof e->notifications[0]);
    if (e->notifications && sd_bus_message_read_basic(m, 'u', &e->token) > 0 && read_array(m, e) >= 0 &&
        e->n > 0)
        return e;
    event_free(e);
    return NULL;
}

/* Has the thread tell the sink that something for it was dropped: an event without notifications. */
static void note_loss(struct rpc_sinks *s, struct entry *entry)
{
    struct event *e = entry->lost ? NULL : calloc(1, sizeof *e);

    if (!e)
        return;
    entry->lost = true;
    e->token = entry->token;
    list_append(&s->events, &e->link);
    pthread_cond_broadcast(&s->changed);
}

void rpc_sinks_signal(struct rpc_sinks *s, sd_bus_message *m)
{
    struct event *e = read_event(m);
    struct entry *entry;

    if (!e) /* not what a service of this version sends */
        return;
    pthread_mutex_lock(&s->lock);
    entry = find(s, e->token);
    if (entry && s->n_queued + (unsigned)e->n <= QUEUE_MAX) {
        s->n_queued += (unsigned)e->n;
        list_append(&s->events, &e->link);
        e = NULL;
        pthread_cond_broadcast(&s->changed);
    } else if (entry) {
        note_loss(s, entry);
    }
    pthread_mutex_unlock(&s->lock);
    event_free(e);
}
