/* SPDX-License-Identifier: MIT */
/* A sink for tests: keeps what OnNotify brought, in order, and can be told to hang. */
#ifndef VDS_TESTS_UNIT_COM_SINK_H
#define VDS_TESTS_UNIT_COM_SINK_H

#include <pthread.h>

#include "com_check.h"

struct test_sink {
    struct com_object obj;
    IVdsAdviseSink face;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool hang, inside;
    void (*during)(struct test_sink *s, void *arg); /* called in each OnNotify, without the lock */
    void *during_arg;
    ULONG events[20000];
    LONG calls[20000]; /* how many notifications each call brought */
    size_t n_events, n_calls;
    GUID last_id;
    VDS_NOTIFICATION_TARGET_TYPE last_type;
};

COM_UNKNOWN(test_sink, IVdsAdviseSink, face)

static HRESULT test_sink_OnNotify(IVdsAdviseSink *face, LONG n, VDS_NOTIFICATION *list)
{
    struct test_sink *s = test_sink_from_IVdsAdviseSink(face);

    pthread_mutex_lock(&s->lock);
    s->inside = true;
    pthread_cond_broadcast(&s->changed);
    while (s->hang)
        pthread_cond_wait(&s->changed, &s->lock);
    s->inside = false;
    for (LONG i = 0; i < n && s->n_events < ARRAY_SIZE(s->events); i++)
        s->events[s->n_events++] = list[i].Target.ulEvent; /* in the same place in every arm */
    if (s->n_calls < ARRAY_SIZE(s->calls))
        s->calls[s->n_calls++] = n;
    s->last_id = list[n - 1].Target.targetId;
    s->last_type = list[n - 1].objectType;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    CoTaskMemFree(list);
    if (s->during)
        s->during(s, s->during_arg);
    return S_OK;
}

static const IVdsAdviseSinkVtbl test_sink_vtbl = { COM_UNKNOWN_SLOTS(test_sink, IVdsAdviseSink),
                                                   .OnNotify = test_sink_OnNotify };
static const struct com_face test_sink_faces[] = {
    COM_IDENTITY(test_sink, IVdsAdviseSink, face, test_sink_vtbl),
    COM_FACE(test_sink, IVdsAdviseSink, face, test_sink_vtbl),
};
COM_CLASS(test_sink, NULL)

static inline struct test_sink *test_sink_new(void)
{
    struct test_sink *s = com_object_new(&test_sink_class);

    assert_non_null(s);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    return s;
}

static inline void test_sink_set_hang(struct test_sink *s, bool hang)
{
    pthread_mutex_lock(&s->lock);
    s->hang = hang;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* Waits until the sink has that many events (0: until a call is inside). */
static inline void test_sink_wait(struct test_sink *s, size_t n_events)
{
    pthread_mutex_lock(&s->lock);
    while (n_events ? s->n_events < n_events : !s->inside)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

static inline size_t test_sink_count(struct test_sink *s)
{
    size_t n;

    pthread_mutex_lock(&s->lock);
    n = s->n_events;
    pthread_mutex_unlock(&s->lock);
    return n;
}

#endif
