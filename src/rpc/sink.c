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

#define QUEUE_MAX 4096 /* notifications that wait for one sink */

struct event {
    struct list_node link;
    uint32_t token;
    LONG n;
    VDS_NOTIFICATION *notifications; /* task memory: the sink's to free */
};

/* One advised sink. Two owners: the list (or whoever took it from there), its thread. */
struct entry {
    atomic_uint refs;
    struct list_node link; /* of rpc_sinks.entries, under that lock */
    uint32_t token;
    IVdsAdviseSink *sink;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    struct list_node events;
    unsigned n_queued;
    bool lost;   /* something was dropped since the last that is in the queue; dropped is all until the sink has been told */
    bool ending; /* nothing is delivered any more */
    atomic_bool done; /* the thread is at its end */
};

struct rpc_sinks {
    pthread_mutex_t lock;
    struct list_node entries;
    struct list_node leaving; /* that ended themselves: their threads have to be waited for some time */
    uint32_t last_token;
};

static void event_free(struct event *e)
{
    if (e)
        CoTaskMemFree(e->notifications);
    free(e);
}

static void entry_unref(struct entry *e)
{
    if (atomic_fetch_sub(&e->refs, 1) > 1)
        return;
    for (struct list_node *n; (n = list_pop(&e->events));)
        event_free(container_of(n, struct event, link));
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

struct rpc_sinks *rpc_sinks_new(void)
{
    struct rpc_sinks *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    pthread_mutex_init(&s->lock, NULL);
    list_init(&s->entries);
    list_init(&s->leaving);
    return s;
}

static _Thread_local bool inside_sink; /* this thread is some sink's */

/* ---- a sink's thread --------------------------------------------------------------------------------- */

/* Waits for something to tell: *ret_event, or NULL for the news of a loss. False at the end. */
static bool entry_next(struct entry *e, struct event **ret_event)
{
    struct list_node *n = NULL;
    bool more;

    pthread_mutex_lock(&e->lock);
    while (!e->ending && !e->lost && list_empty(&e->events))
        pthread_cond_wait(&e->changed, &e->lock);
    more = !e->ending;
    if (more)
        n = list_pop(&e->events);
    *ret_event = n ? container_of(n, struct event, link) : NULL;
    if (n)
        e->n_queued -= (unsigned)(*ret_event)->n;
    else if (more)
        e->lost = false;
    pthread_mutex_unlock(&e->lock);
    return more;
}

static void *entry_run(void *arg)
{
    struct entry *e = arg;
    struct event *event;

    inside_sink = true;
    while (entry_next(e, &event)) {
        if (event)
            IVdsAdviseSink_OnNotify(e->sink, event->n, TAKE_PTR(event->notifications));
        else
            com_sink_missed(e->sink);
        event_free(event);
    }
    IVdsAdviseSink_Release(e->sink);
    atomic_store(&e->done, true);
    entry_unref(e);
    return NULL;
}

static void entry_stop(struct entry *e)
{
    pthread_mutex_lock(&e->lock);
    e->ending = true;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

static bool entry_is_caller(const struct entry *e)
{
    return pthread_equal(e->thread, pthread_self());
}

/* Returns when the sink is not being called any more, unless that is who asks. Takes the reference over. */
static void entry_end(struct entry *e)
{
    entry_stop(e);
    if (entry_is_caller(e))
        pthread_detach(e->thread);
    else
        pthread_join(e->thread, NULL);
    entry_unref(e);
}

void rpc_sinks_destroy(struct rpc_sinks *s)
{
    if (!s)
        return;
    list_splice(&s->entries, &s->leaving);
    for (struct list_node *n; (n = list_pop(&s->entries));)
        entry_end(container_of(n, struct entry, link));
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- registering ------------------------------------------------------------------------------------- */

static struct entry *find(struct rpc_sinks *s, uint32_t token)
{
    list_for_each (n, &s->entries) {
        struct entry *e = container_of(n, struct entry, link);

        if (e->token == token)
            return e;
    }
    return NULL;
}

/* Tokens of this connection are never used again. */
static struct entry *entry_start(IVdsAdviseSink *sink)
{
    struct entry *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    atomic_init(&e->refs, 2);
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->changed, NULL);
    list_init(&e->events);
    e->sink = sink;
    IVdsAdviseSink_AddRef(sink);
    if (rpc_thread_create(&e->thread, /* detached= */ false, entry_run, e) == 0)
        return e;
    IVdsAdviseSink_Release(sink);
    atomic_store(&e->refs, 1);
    entry_unref(e);
    return NULL;
}

/* Those whose threads have ended. The lock is held. */
static void reap(struct rpc_sinks *s)
{
    list_for_each_safe (n, &s->leaving) {
        struct entry *e = container_of(n, struct entry, link);

        if (atomic_load(&e->done)) {
            list_remove(&e->link);
            entry_end(e);
        }
    }
}

HRESULT rpc_sinks_add(struct rpc_sinks *s, IVdsAdviseSink *sink, uint32_t *ret_token)
{
    struct entry *e = entry_start(sink);

    if (!e)
        return E_OUTOFMEMORY;
    pthread_mutex_lock(&s->lock);
    reap(s);
    e->token = *ret_token = ++s->last_token;
    list_append(&s->entries, &e->link);
    pthread_mutex_unlock(&s->lock);
    return S_OK;
}

/* From within a sink nobody is waited for: two that end each other would wait for ever. */
HRESULT rpc_sinks_remove(struct rpc_sinks *s, uint32_t token)
{
    struct entry *e;

    pthread_mutex_lock(&s->lock);
    e = find(s, token);
    if (e)
        list_remove(&e->link);
    if (e && inside_sink) {
        entry_stop(e);
        list_append(&s->leaving, &e->link);
    }
    pthread_mutex_unlock(&s->lock);
    if (e && !inside_sink)
        entry_end(e);
    return e ? S_OK : VDS_E_BAD_COOKIE;
}

/* ---- arriving: the dispatcher ------------------------------------------------------------------------ */

static int read_array(sd_bus_message *m, struct event *e)
{
    HRESULT hr = S_OK;
    int r = sd_bus_message_enter_container(m, 'a', rpc_type_notification->sig);

    while (r > 0 && SUCCEEDED(hr) && sd_bus_message_at_end(m, 0) == 0) {
        if (e->n == COM_NOTIFICATIONS_MAX)
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
    e->notifications = com_task_calloc(COM_NOTIFICATIONS_MAX, sizeof e->notifications[0]);
    if (e->notifications && sd_bus_message_read_basic(m, 'u', &e->token) > 0 && read_array(m, e) >= 0 &&
        e->n > 0)
        return e;
    event_free(e);
    return NULL;
}

/* What does not fit is dropped, and so is what comes until the sink has been told of that. */
static void entry_put(struct entry *entry, struct event *e)
{
    pthread_mutex_lock(&entry->lock);
    if (!entry->lost && entry->n_queued + (unsigned)e->n <= QUEUE_MAX) {
        entry->n_queued += (unsigned)e->n;
        list_append(&entry->events, &e->link);
    } else {
        entry->lost = true;
        event_free(e);
    }
    pthread_cond_broadcast(&entry->changed);
    pthread_mutex_unlock(&entry->lock);
}

void rpc_sinks_signal(struct rpc_sinks *s, sd_bus_message *m)
{
    struct event *e = read_event(m);
    struct entry *entry;

    if (!e) /* not what a service of this version sends */
        return;
    pthread_mutex_lock(&s->lock);
    entry = find(s, e->token);
    if (entry)
        entry_put(entry, e);
    else
        event_free(e);
    pthread_mutex_unlock(&s->lock);
}

void rpc_sinks_lost(struct rpc_sinks *s)
{
    pthread_mutex_lock(&s->lock);
    list_for_each(n, &s->entries) {
        struct entry *entry = container_of(n, struct entry, link);

        pthread_mutex_lock(&entry->lock);
        entry->lost = true;
        pthread_cond_broadcast(&entry->changed);
        pthread_mutex_unlock(&entry->lock);
    }
    pthread_mutex_unlock(&s->lock);
}
