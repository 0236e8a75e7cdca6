/* SPDX-License-Identifier: MIT */
#include "event_sink.h"

#include <stdbool.h>

static HRESULT STDMETHODCALLTYPE sink_QueryInterface(IVdsAdviseSink *face, REFIID iid, void **ret_face)
{
    *ret_face = NULL;
    if (memcmp(iid, &IID_IUnknown, sizeof *iid) != 0 && memcmp(iid, &IID_IVdsAdviseSink, sizeof *iid) != 0)
        return E_NOINTERFACE;
    *ret_face = face;
    return S_OK;
}

static ULONG STDMETHODCALLTYPE sink_count(IVdsAdviseSink *face)
{
    (void)face;
    return 1;
}

static HRESULT STDMETHODCALLTYPE sink_OnNotify(IVdsAdviseSink *face, LONG n, VDS_NOTIFICATION *list)
{
    struct event_sink *sink = (struct event_sink *)(void *)face;

    pthread_mutex_lock(&sink->lock);
    for (LONG i = 0; i < n && sink->n_seen < sizeof sink->seen / sizeof sink->seen[0]; i++) {
        sink->call[sink->n_seen] = sink->n_calls;
        sink->seen[sink->n_seen++] = list[i];
    }
    sink->n_calls++;
    pthread_cond_broadcast(&sink->changed);
    pthread_mutex_unlock(&sink->lock);
    CoTaskMemFree(list);
    return S_OK;
}

static IVdsAdviseSinkVtbl sink_vtbl = {
    .QueryInterface = sink_QueryInterface,
    .AddRef = sink_count,
    .Release = sink_count,
    .OnNotify = sink_OnNotify,
};

void event_sink_init(struct event_sink *sink)
{
    memset(sink, 0, sizeof *sink);
    sink->face.lpVtbl = &sink_vtbl;
    pthread_mutex_init(&sink->lock, NULL);
    pthread_cond_init(&sink->changed, NULL);
}

static unsigned n_unread(const struct event_sink *sink, ULONG event)
{
    unsigned n = 0;

    for (unsigned i = sink->n_read; i < sink->n_seen; i++)
        n += sink->seen[i].Target.ulEvent == event;
    return n;
}

void event_sink_wait(struct event_sink *sink, ULONG event, unsigned n)
{
    pthread_mutex_lock(&sink->lock);
    while (n_unread(sink, event) < n)
        pthread_cond_wait(&sink->changed, &sink->lock);
    pthread_mutex_unlock(&sink->lock);
}
