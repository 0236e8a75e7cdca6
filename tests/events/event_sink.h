/* SPDX-License-Identifier: MIT */
/* A sink that keeps what it is told. */
#ifndef VDS_TESTS_EVENT_SINK_H
#define VDS_TESTS_EVENT_SINK_H

#include <pthread.h>

#include "../daemon/api_test.h"

/* Keeps all that comes, with the number of the call in which it came. Lives as long as the test. */
struct event_sink {
    IVdsAdviseSink face;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    VDS_NOTIFICATION seen[1024];
    unsigned call[1024], n_seen, n_calls, n_read;
};

void event_sink_init(struct event_sink *sink);
/* Until so many of that event have come and not been read; the runner bounds it. */
void event_sink_wait(struct event_sink *sink, ULONG event, unsigned n);

#endif
