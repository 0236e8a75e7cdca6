/* SPDX-License-Identifier: MIT */
/* From the array's notifications to the sink that the service gave in OnLoad. The array calls on a thread of
 * its own; the sink takes the array of events over and frees it (semantics: provider to service, the service
 * frees). */
#include "provider/provider_internal.h"

#include <stdlib.h>

#include "base/log.h"

struct provider_feed {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t idle;
    IVdsAdviseSink *sink;
    unsigned n_inside; /* deliveries on their way */
    /* the array's one thread of notifications alone: something was lost, and the sink does not know */
    bool missed;
};

HRESULT provider_feed_create(struct provider_feed **ret_feed)
{
    struct provider_feed *feed = calloc(1, sizeof *feed);

    if (!feed)
        return E_OUTOFMEMORY;
    pthread_mutex_init(&feed->lock, NULL);
    pthread_cond_init(&feed->idle, NULL);
    *ret_feed = feed;
    return S_OK;
}

void provider_feed_destroy(struct provider_feed *feed)
{
    if (!feed)
        return;
    provider_feed_set_sink(feed, NULL);
    pthread_cond_destroy(&feed->idle);
    pthread_mutex_destroy(&feed->lock);
    free(feed);
}

void provider_feed_set_sink(struct provider_feed *feed, IVdsAdviseSink *sink)
{
    IVdsAdviseSink *old;

    if (sink)
        IVdsAdviseSink_AddRef(sink);
    pthread_mutex_lock(&feed->lock);
    old = feed->sink;
    feed->sink = sink;
    while (feed->n_inside > 0)
        pthread_cond_wait(&feed->idle, &feed->lock);
    pthread_mutex_unlock(&feed->lock);
    if (old)
        IVdsAdviseSink_Release(old);
}

static IVdsAdviseSink *feed_enter(struct provider_feed *feed)
{
    IVdsAdviseSink *sink;

    pthread_mutex_lock(&feed->lock);
    sink = feed->sink;
    if (sink)
        feed->n_inside++;
    pthread_mutex_unlock(&feed->lock);
    return sink;
}

static void feed_leave(struct provider_feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    if (--feed->n_inside == 0)
        pthread_cond_broadcast(&feed->idle);
    pthread_mutex_unlock(&feed->lock);
}

/* Every arm of the hardware kinds is an event number and an id in the same places: any of them will do. */
_Static_assert(
    offsetof(VDS_NOTIFICATION, Target.targetId) == offsetof(VDS_NOTIFICATION, PortalGroup.portalGroupId) &&
        offsetof(VDS_NOTIFICATION, Target.targetId) == offsetof(VDS_NOTIFICATION, Lun.LunId) &&
        offsetof(VDS_NOTIFICATION, Target.targetId) == offsetof(VDS_NOTIFICATION, Portal.portalId) &&
        offsetof(VDS_NOTIFICATION, Target.targetId) == offsetof(VDS_NOTIFICATION, Drive.driveId) &&
        offsetof(VDS_NOTIFICATION, Target.targetId) == offsetof(VDS_NOTIFICATION, Controller.controllerId) &&
        offsetof(VDS_NOTIFICATION, Target.targetId) == offsetof(VDS_NOTIFICATION, SubSystem.subSystemId),
    "one layout");

static bool deliver(IVdsAdviseSink *sink, const struct array_notification *events, size_t n)
{
    VDS_NOTIFICATION *list = com_task_calloc(n, sizeof *list);

    if (!list) {
        log_warning("provider: no memory for %zu notifications, they are lost", n);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        list[i].objectType = (VDS_NOTIFICATION_TARGET_TYPE)events[i].object_type;
        list[i].Target.ulEvent = events[i].event;
        list[i].Target.targetId = com_GUID(&events[i].id);
    }
    if (IVdsAdviseSink_OnNotify(sink, (LONG)n, list) != S_OK)
        log_debug("provider: the service did not take all of %zu notifications", n);
    return true;
}

void provider_feed_notify(void *arg, const struct array_notification *events, size_t n)
{
    struct provider_feed *feed = arg;
    IVdsAdviseSink *sink = feed_enter(feed);

    if (!sink)
        return;
    if (feed->missed)
        feed->missed = !com_sink_missed(sink);
    for (size_t at = 0; at < n; at += COM_NOTIFICATIONS_MAX) {
        size_t left = n - at;

        feed->missed |=
            !deliver(sink, events + at, left < COM_NOTIFICATIONS_MAX ? left : COM_NOTIFICATIONS_MAX);
    }
    feed_leave(feed);
}
