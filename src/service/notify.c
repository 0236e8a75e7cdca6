/* SPDX-License-Identifier: MIT */
/* From the providers' events to the sinks. One queue and one thread for each sink: a batch is copied once
 * when it comes, shared by the queues, and given to each sink as task memory of its own, which the sink
 * frees.
 *
 *     provider --OnNotify--> notifier --batch--> [queue of sink 1] --thread--> sink 1
 *                                       \------> [queue of sink 2] --thread--> sink 2      slow: its queue fills, sink 1 never notices
 *
 * A queue holds max_pending notifications. What does not fit is lost, and the sink is told so after the rest:
 * VDS_NF_SERVICE_OUT_OF_SYNC.
 */
#include "service/service_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"

#define NOTIFICATIONS_MAX 100 /* of one OnNotify(): the range in its declaration */

struct batch {
    atomic_uint refs;
    LONG n;
    VDS_NOTIFICATION items[];
};

struct queued {
    struct list_node link;
    struct batch *batch;
};

/* One registration. Two owners: the notifier's list (or whoever took it from there), its thread. */
struct subscription {
    atomic_uint refs;
    struct list_node link; /* of notifier->subscriptions, guarded by the notifier's lock */
    DWORD cookie;
    IVdsAdviseSink *sink;
    struct batch *out_of_sync; /* made beforehand: it is needed when there is no memory */
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    struct list_node queue;
    uint32_t n_pending, max_pending;
    bool lost;      /* events, since the last that were taken */
    bool untold;    /* that they were lost: there was no memory for that news; it goes with the next */
    bool closed;    /* nothing comes any more: deliver the rest, then end */
    bool abandoned; /* nobody waits for the rest */
    bool done;
};

struct notifier {
    atomic_uint refs;
    struct notifier_limits limits;
    pthread_mutex_t lock; /* guards all below */
    struct replay *replay;
    struct list_node subscriptions;
    uint32_t n_subscriptions;
    DWORD last_cookie;
    bool open, closed;
};

struct timespec service_deadline(uint32_t ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* ---- batches ------------------------------------------------------------------------------------------- */

static struct batch *batch_new(const VDS_NOTIFICATION *items, LONG n)
{
    struct batch *b = malloc(sizeof *b + (size_t)n * sizeof b->items[0]);

    if (!b)
        return NULL;
    atomic_init(&b->refs, 1);
    b->n = n;
    memcpy(b->items, items, (size_t)n * sizeof b->items[0]);
    return b;
}

static void batch_unref(struct batch *b)
{
    if (b && atomic_fetch_sub(&b->refs, 1) == 1)
        free(b);
}
DEFINE_CLEANUP(struct batch *, batch_unref)

static struct batch *batch_out_of_sync(void)
{
    VDS_NOTIFICATION n;

    memset(&n, 0, sizeof n);
    n.objectType = VDS_NTT_SERVICE;
    n.Service.ulEvent = VDS_NF_SERVICE_OUT_OF_SYNC;
    n.Service.action = VDS_RA_REFRESH;
    return batch_new(&n, 1);
}

/* ---- one sink ------------------------------------------------------------------------------------------ */

static void subscription_unref(struct subscription *s)
{
    if (atomic_fetch_sub(&s->refs, 1) > 1)
        return;
    batch_unref(s->out_of_sync);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* NULL: there was no memory for what came. */
static void subscription_put(struct subscription *s, struct batch *b)
{
    struct queued *q = NULL;

    pthread_mutex_lock(&s->lock);
    s->lost |= s->untold;
    s->untold = false;
    if (b && s->n_pending + (uint32_t)b->n <= s->max_pending)
        q = malloc(sizeof *q);
    if (q) {
        atomic_fetch_add(&b->refs, 1);
        q->batch = b;
        s->n_pending += (uint32_t)b->n;
        list_append(&s->queue, &q->link);
    } else {
        s->lost = true;
    }
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* Takes the next batch, with the lock held; there is one, or the news that some were lost. */
static struct batch *subscription_take(struct subscription *s)
{
    struct list_node *n = list_pop(&s->queue);
    struct queued *q;
    struct batch *b;

    if (!n) {
        s->lost = false;
        atomic_fetch_add(&s->out_of_sync->refs, 1);
        return s->out_of_sync;
    }
    q = container_of(n, struct queued, link);
    b = q->batch;
    s->n_pending -= (uint32_t)b->n;
    free(q);
    return b;
}

/* The next batch, or NULL when it is over. */
static struct batch *subscription_next(struct subscription *s)
{
    struct batch *b = NULL;

    pthread_mutex_lock(&s->lock);
    while (list_empty(&s->queue) && !s->lost && !s->closed)
        pthread_cond_wait(&s->changed, &s->lock);
    if (!s->abandoned && (!list_empty(&s->queue) || s->lost))
        b = subscription_take(s);
    pthread_mutex_unlock(&s->lock);
    return b;
}

static void subscription_missed(struct subscription *s, const struct batch *b)
{
    log_warning("service: no memory for %d notifications, a client misses them", b->n);
    pthread_mutex_lock(&s->lock);
    if (b == s->out_of_sync)
        s->untold = true;
    else
        s->lost = true;
    pthread_mutex_unlock(&s->lock);
}

/* The sink frees what it gets, whatever it answers. */
static void deliver(struct subscription *s, const struct batch *b)
{
    VDS_NOTIFICATION *items = com_task_calloc((size_t)b->n, sizeof *items);

    if (!items) {
        subscription_missed(s, b);
        return;
    }
    memcpy(items, b->items, (size_t)b->n * sizeof *items);
    IVdsAdviseSink_OnNotify(s->sink, b->n, items);
}

static void subscription_drop_queue(struct subscription *s)
{
    for (struct list_node *n; (n = list_pop(&s->queue));) {
        struct queued *q = container_of(n, struct queued, link);

        batch_unref(q->batch);
        free(q);
    }
}

static void *subscription_run(void *arg)
{
    struct subscription *s = arg;

    for (;;) {
        _cleanup_(batch_unrefp) struct batch *b = subscription_next(s);

        if (!b)
            break;
        deliver(s, b);
    }
    IVdsAdviseSink_Release(s->sink);
    pthread_mutex_lock(&s->lock);
    subscription_drop_queue(s);
    s->done = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    subscription_unref(s);
    return NULL;
}

static struct subscription *subscription_start(IVdsAdviseSink *sink, const struct notifier_limits *limits)
{
    struct subscription *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    atomic_init(&s->refs, 2);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    list_init(&s->queue);
    s->max_pending = limits->max_pending;
    s->sink = sink;
    s->out_of_sync = batch_out_of_sync();
    IVdsAdviseSink_AddRef(sink);
    if (s->out_of_sync && pthread_create(&s->thread, NULL, subscription_run, s) == 0)
        return s;
    IVdsAdviseSink_Release(sink);
    atomic_store(&s->refs, 1);
    subscription_unref(s);
    return NULL;
}

/* Waits until what is in the queue has been delivered, but not longer than the limit, and not for itself.
 * Takes the reference over. */
static void subscription_end(struct subscription *s, uint32_t timeout_ms)
{
    struct timespec deadline = service_deadline(timeout_ms);
    bool self = pthread_equal(s->thread, pthread_self()), done;

    pthread_mutex_lock(&s->lock);
    s->closed = true;
    pthread_cond_broadcast(&s->changed);
    while (!s->done && !self &&
           pthread_cond_clockwait(&s->changed, &s->lock, CLOCK_MONOTONIC, &deadline) == 0)
        ;
    done = s->done;
    s->abandoned = !done;
    pthread_mutex_unlock(&s->lock);
    if (done) {
        pthread_join(s->thread, NULL);
    } else {
        pthread_detach(s->thread);
        if (!self)
            log_warning("service: a client's sink does not come back, it is left to itself");
    }
    subscription_unref(s);
}

/* ---- all sinks ----------------------------------------------------------------------------------------- */

HRESULT notifier_create(const struct notifier_limits *limits, struct notifier **ret_notifier)
{
    struct notifier *n = calloc(1, sizeof *n);

    if (!n)
        return E_OUTOFMEMORY;
    n->replay = replay_new(limits->max_replay);
    if (!n->replay) {
        free(n);
        return E_OUTOFMEMORY;
    }
    atomic_init(&n->refs, 1);
    n->limits = *limits;
    pthread_mutex_init(&n->lock, NULL);
    list_init(&n->subscriptions);
    *ret_notifier = n;
    return S_OK;
}

struct notifier *notifier_ref(struct notifier *n)
{
    atomic_fetch_add(&n->refs, 1);
    return n;
}

void notifier_unref(struct notifier *n)
{
    if (!n || atomic_fetch_sub(&n->refs, 1) > 1)
        return;
    pthread_mutex_destroy(&n->lock);
    replay_free(n->replay);
    free(n);
}

void notifier_open(struct notifier *n)
{
    pthread_mutex_lock(&n->lock);
    n->open = true;
    pthread_mutex_unlock(&n->lock);
}

void notifier_close(struct notifier *n)
{
    struct list_node all;

    list_init(&all);
    pthread_mutex_lock(&n->lock);
    n->closed = true;
    list_splice(&all, &n->subscriptions);
    n->n_subscriptions = 0;
    pthread_mutex_unlock(&n->lock);
    for (struct list_node *l; (l = list_pop(&all));)
        subscription_end(container_of(l, struct subscription, link), n->limits.unadvise_timeout_ms);
}

HRESULT notifier_advise(struct notifier *n, IVdsAdviseSink *sink, DWORD *ret_cookie)
{
    struct subscription *s = NULL;
    HRESULT hr = E_OUTOFMEMORY;

    pthread_mutex_lock(&n->lock);
    if (n->closed)
        hr = VDS_E_INITIALIZED_FAILED;
    else if (n->n_subscriptions < n->limits.max_sinks)
        s = subscription_start(sink, &n->limits);
    if (s) {
        if (++n->last_cookie == 0) /* 0 is what an out parameter holds before */
            n->last_cookie++;
        *ret_cookie = s->cookie = n->last_cookie;
        list_append(&n->subscriptions, &s->link);
        n->n_subscriptions++;
        hr = S_OK;
    }
    pthread_mutex_unlock(&n->lock);
    return hr;
}

static struct subscription *notifier_take(struct notifier *n, DWORD cookie)
{
    struct subscription *found = NULL;

    pthread_mutex_lock(&n->lock);
    list_for_each(l, &n->subscriptions) {
        struct subscription *s = container_of(l, struct subscription, link);

        if (s->cookie == cookie) {
            found = s;
            break;
        }
    }
    if (found) {
        list_remove(&found->link);
        n->n_subscriptions--;
    }
    pthread_mutex_unlock(&n->lock);
    return found;
}

HRESULT notifier_unadvise(struct notifier *n, DWORD cookie)
{
    struct subscription *s = notifier_take(n, cookie);

    if (!s)
        return VDS_E_BAD_COOKIE;
    subscription_end(s, n->limits.unadvise_timeout_ms);
    return S_OK;
}

static HRESULT notifier_put(struct notifier *n, const VDS_NOTIFICATION *items, LONG n_items)
{
    _cleanup_(batch_unrefp) struct batch *b = batch_new(items, n_items);
    HRESULT hr = S_FALSE;

    pthread_mutex_lock(&n->lock);
    if (n->open && !n->closed) {
        replay_put(n->replay, items, n_items); /* first, so that who hears of it finds it there */
        list_for_each(l, &n->subscriptions)
            subscription_put(container_of(l, struct subscription, link), b);
        hr = b ? S_OK : S_FALSE;
    }
    pthread_mutex_unlock(&n->lock);
    return hr;
}

HRESULT notifier_query(struct notifier *n, uint64_t since, uint32_t max,
                       VDS_NOTIFICATION_RECORD **ret_records, ULONG *ret_n)
{
    HRESULT hr;

    pthread_mutex_lock(&n->lock);
    hr = replay_query(n->replay, since, max, ret_records, ret_n);
    pthread_mutex_unlock(&n->lock);
    return hr;
}

uint64_t notifier_last(struct notifier *n)
{
    uint64_t last;

    pthread_mutex_lock(&n->lock);
    last = replay_last(n->replay);
    pthread_mutex_unlock(&n->lock);
    return last;
}

/* ---- the face towards providers ------------------------------------------------------------------------ */

struct provider_sink {
    struct com_object obj;
    IVdsAdviseSink face;
    struct notifier *notifier;
};

COM_UNKNOWN(provider_sink, IVdsAdviseSink, face)

/* S_FALSE: the service is not fully initialised, or events were lost. The array of events is freed here, as
 * the rule for this side is. */
static HRESULT provider_sink_OnNotify(IVdsAdviseSink *face, LONG n, VDS_NOTIFICATION *items)
{
    HRESULT hr = E_INVALIDARG;

    if (items && n >= 1 && n <= NOTIFICATIONS_MAX)
        hr = notifier_put(provider_sink_from_IVdsAdviseSink(face)->notifier, items, n);
    CoTaskMemFree(items);
    return hr;
}

static void provider_sink_destroy(struct com_object *obj)
{
    struct provider_sink *s = container_of(obj, struct provider_sink, obj);

    notifier_unref(s->notifier);
    free(s);
}

static const IVdsAdviseSinkVtbl provider_sink_vtbl = {
    COM_UNKNOWN_SLOTS(provider_sink, IVdsAdviseSink),
    .OnNotify = provider_sink_OnNotify,
};
static const struct com_face provider_sink_faces[] = {
    COM_IDENTITY(provider_sink, IVdsAdviseSink, face, provider_sink_vtbl),
    COM_FACE(provider_sink, IVdsAdviseSink, face, provider_sink_vtbl),
};
COM_CLASS(provider_sink, provider_sink_destroy)

HRESULT notifier_sink_create(struct notifier *n, IUnknown **ret_sink)
{
    struct provider_sink *s = com_object_new(&provider_sink_class);

    if (!s)
        return E_OUTOFMEMORY;
    s->notifier = notifier_ref(n);
    *ret_sink = com_object_identity(&s->obj);
    return S_OK;
}
