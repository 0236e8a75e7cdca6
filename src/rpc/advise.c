/* SPDX-License-Identifier: MIT */
/* Notifications: a sink of ours at the service for each subscription of a client. What the service tells it
 * is copied into the client's queue and sent by the loop thread, so a slow client holds up nobody; one that
 * lets the queue fill is cut off. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error_text.h"
#include "rpc/connection_vtable.h"
#include "rpc/error.h"
#include "rpc/server_internal.h"

#define UNSENT_MAX 64 /* messages that may wait in sd-bus before events stay in the queue */

struct subscription {
    struct com_object obj;
    IVdsAdviseSink face;
    struct rpc_peer *peer;
    uint32_t token; /* the client's name for it */
    DWORD cookie;   /* the service's */
    bool advised;   /* the cookie is there; under the lock */
    struct list_node link;
    struct rpc_job job;
};

struct event {
    struct list_node link;
    uint32_t token;
    LONG n;
    VDS_NOTIFICATION notifications[];
};

COM_UNKNOWN(subscription, IVdsAdviseSink, face)

static void subscription_destroy(struct com_object *obj)
{
    struct subscription *sub = container_of(obj, struct subscription, obj);

    rpc_peer_unref(sub->peer);
    free(sub);
}

static void alert(struct rpc_peer *p)
{
    if (!list_linked(&p->noisy_link))
        list_append(&p->server->noisy, &p->noisy_link);
    rpc_server_wake(p->server);
}

/* Under the lock. */
static void queue(struct rpc_peer *p, struct event *e)
{
    if (p->n_events + (unsigned)e->n > p->server->options.max_events) {
        p->cut = true;
        free(e);
    } else {
        p->n_events += (unsigned)e->n;
        list_append(&p->events, &e->link);
    }
    alert(p);
}

static HRESULT subscription_OnNotify(IVdsAdviseSink *face, LONG n, VDS_NOTIFICATION *notifications)
{
    struct subscription *sub = subscription_from_IVdsAdviseSink(face);
    struct rpc_peer *p = sub->peer;
    struct event *e = NULL;

    if (n < 1 || n > COM_NOTIFICATIONS_MAX || !notifications)
        return E_INVALIDARG;
    e = malloc(sizeof *e + (size_t)n * sizeof e->notifications[0]);
    if (e) {
        *e = (struct event){ .token = sub->token, .n = n };
        memcpy(e->notifications, notifications, (size_t)n * sizeof e->notifications[0]);
    }
    CoTaskMemFree(notifications); /* the service's gift to its clients */
    pthread_mutex_lock(&p->server->lock);
    if (p->dead) {
        free(e);
    } else if (e) {
        queue(p, e);
    } else { /* better no client than one that has missed something */
        p->cut = true;
        alert(p);
    }
    pthread_mutex_unlock(&p->server->lock);
    return S_OK;
}

static const IVdsAdviseSinkVtbl subscription_vtbl = { COM_UNKNOWN_SLOTS(subscription, IVdsAdviseSink),
                                                      .OnNotify = subscription_OnNotify };
static const struct com_face subscription_faces[] = {
    COM_IDENTITY(subscription, IVdsAdviseSink, face, subscription_vtbl),
    COM_FACE(subscription, IVdsAdviseSink, face, subscription_vtbl),
};
COM_CLASS(subscription, subscription_destroy)

/* ---- Advise, Unadvise: workers ----------------------------------------------------------------------- */

static struct subscription *find(struct rpc_peer *p, uint32_t token)
{
    list_for_each (n, &p->subscriptions) {
        struct subscription *sub = container_of(n, struct subscription, link);

        if (sub->token == token)
            return sub;
    }
    return NULL;
}

/* Onto the client's list, which has a reference. */
static HRESULT enlist(struct subscription *sub)
{
    struct rpc_peer *p = sub->peer;
    HRESULT hr = S_OK;

    pthread_mutex_lock(&p->server->lock);
    if (p->dead) {
        hr = RPC_E_DISCONNECTED;
    } else if (p->n_subscriptions >= p->server->options.max_subscriptions) {
        error_text_set("this client has %u subscriptions, which is the limit", p->n_subscriptions);
        hr = RPC_TOO_MANY;
    } else if (p->reader && p->server->n_reader_subscriptions >= p->server->options.max_reader_subscriptions) {
        error_text_set("clients that may only look have %u subscriptions, which is the limit", p->server->n_reader_subscriptions);
        hr = RPC_TOO_MANY;
    } else if (find(p, sub->token)) {
        error_text_set("this client has a subscription with the token %u already", sub->token);
        hr = E_INVALIDARG;
    } else {
        com_object_ref(&sub->obj);
        list_append(&p->subscriptions, &sub->link);
        p->n_subscriptions++;
        p->server->n_subscriptions++;
        p->server->n_reader_subscriptions += p->reader;
    }
    pthread_mutex_unlock(&p->server->lock);
    return hr;
}

/* Off the list, with what was not sent; true when it was there: the list's reference is the caller's then.
 * Under the lock. */
static bool delist(struct subscription *sub)
{
    struct rpc_peer *p = sub->peer;

    if (!list_linked(&sub->link))
        return false;
    list_remove(&sub->link);
    p->n_subscriptions--;
    p->server->n_subscriptions--;
    p->server->n_reader_subscriptions -= p->reader;
    list_for_each_safe (n, &p->events) {
        struct event *e = container_of(n, struct event, link);

        if (e->token == sub->token) {
            list_remove(&e->link);
            p->n_events -= (unsigned)e->n;
            free(e);
        }
    }
    return true;
}

static HRESULT subscribe(struct subscription *sub)
{
    struct rpc_server *s = sub->peer->server;
    bool listed;
    HRESULT hr;

    error_text_clear();
    hr = IVdsService_Advise(s->service, &sub->face, &sub->cookie);
    pthread_mutex_lock(&s->lock);
    listed = list_linked(&sub->link);
    if (FAILED(hr) && listed)
        delist(sub);
    sub->advised = SUCCEEDED(hr) && listed;
    pthread_mutex_unlock(&s->lock);
    if (SUCCEEDED(hr) && !listed) /* whoever took it off the list meanwhile did not know the cookie yet */
        IVdsService_Unadvise(s->service, sub->cookie);
    if (FAILED(hr) && listed)
        com_object_unref(&sub->obj);
    return hr;
}

void rpc_advise(struct rpc_call *call)
{
    struct rpc_result *result = &call->result;
    struct subscription *sub = com_object_new(&subscription_class);

    if (!sub) {
        result->hr = E_OUTOFMEMORY;
        return;
    }
    sub->peer = rpc_peer_ref(call->peer);
    sub->token = *(uint32_t *)result->frame.args[0];
    list_init(&sub->link);
    error_text_clear();
    result->hr = enlist(sub);
    if (SUCCEEDED(result->hr))
        result->hr = subscribe(sub);
    strncpy(result->text, error_text_get(), sizeof result->text - 1);
    **(DWORD **)result->frame.args[1] = sub->token;
    com_object_unref(&sub->obj);
}

void rpc_unadvise(struct rpc_call *call)
{
    struct rpc_server *s = call->peer->server;
    uint32_t token = *(uint32_t *)call->result.frame.args[0];
    struct subscription *sub;
    bool advised = false;

    pthread_mutex_lock(&s->lock);
    sub = find(call->peer, token);
    if (sub) {
        delist(sub);
        advised = sub->advised;
    }
    pthread_mutex_unlock(&s->lock);
    if (!sub) {
        call->result.hr = VDS_E_BAD_COOKIE;
        strcpy(call->result.text, "this client has no such subscription");
        return;
    }
    call->result.hr = advised ? IVdsService_Unadvise(s->service, sub->cookie) : S_OK;
    com_object_unref(&sub->obj);
}

/* ---- the client's end -------------------------------------------------------------------------------- */

static void unadvise_job(struct rpc_job *job)
{
    struct subscription *sub = container_of(job, struct subscription, job);

    if (sub->advised)
        IVdsService_Unadvise(sub->peer->server->service, sub->cookie);
    com_object_unref(&sub->obj);
}

static struct subscription *take_one(struct rpc_peer *p)
{
    struct subscription *sub = NULL;

    pthread_mutex_lock(&p->server->lock);
    if (!list_empty(&p->subscriptions)) {
        sub = container_of(p->subscriptions.next, struct subscription, link);
        delist(sub);
    }
    pthread_mutex_unlock(&p->server->lock);
    return sub;
}

void rpc_advise_end_all(struct rpc_peer *p)
{
    for (struct subscription *sub; (sub = take_one(p));) {
        sub->job.run = unadvise_job; /* may wait for deliveries in flight: not on the loop thread */
        rpc_pool_job(p->server, &sub->job);
    }
}

/* ---- sending: loop thread ---------------------------------------------------------------------------- */

static int send_event(struct rpc_peer *p, const struct event *e)
{
    sd_bus_message *m = NULL;
    int r = sd_bus_message_new_signal(p->bus, &m, RPC_PATH_ROOT, RPC_CONNECTION_INTERFACE, RPC_EVENTS_SIGNAL);

    if (r >= 0)
        r = sd_bus_message_append_basic(m, 'u', &e->token);
    if (r >= 0)
        r = sd_bus_message_open_container(m, 'a', rpc_type_notification->sig);
    for (LONG i = 0; i < e->n && r >= 0; i++)
        r = FAILED(rpc_encode(m, rpc_type_notification, &e->notifications[i], NULL)) ? -EINVAL : 0;
    if (r >= 0)
        r = sd_bus_message_close_container(m);
    if (r >= 0 && p->sender)
        r = sd_bus_message_set_destination(m, p->sender);
    if (r >= 0)
        r = sd_bus_send(p->bus, m, NULL);
    sd_bus_message_unref(m);
    return r;
}

static struct event *take_event(struct rpc_peer *p)
{
    struct list_node *n;
    struct event *e = NULL;

    pthread_mutex_lock(&p->server->lock);
    n = list_pop(&p->events);
    if (n) {
        e = container_of(n, struct event, link);
        p->n_events -= (unsigned)e->n;
    }
    pthread_mutex_unlock(&p->server->lock);
    return e;
}

static bool is_cut(struct rpc_peer *p)
{
    bool cut;

    pthread_mutex_lock(&p->server->lock);
    cut = p->cut;
    pthread_mutex_unlock(&p->server->lock);
    return cut;
}

void rpc_advise_send(struct rpc_peer *p)
{
    uint64_t unsent = 0;
    struct event *e;
    int r = 0;

    while (r >= 0 && sd_bus_get_n_queued_write(p->bus, &unsent) >= 0 && unsent < UNSENT_MAX &&
           (e = take_event(p))) {
        r = send_event(p, e);
        free(e);
    }
    if (is_cut(p))
        rpc_peer_close(p, "it does not read its notifications");
}
