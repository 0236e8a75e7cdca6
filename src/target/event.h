/* SPDX-License-Identifier: MIT */
/* Events on their way to the embedder: queued by any thread, delivered in order by one thread of its own. So
 * a reactor never waits for a lock of the embedder's, and the embedder may hold its locks while it calls the
 * engine.
 */
#ifndef VDS_TARGET_EVENT_H
#define VDS_TARGET_EVENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "target/engine.h"

/* Waiting; session events beyond are dropped and that is logged, the others never are. */
#define EVENTS_MAX 16384u

struct target_events {
    void (*deliver)(void *arg, const struct engine_event *event); /* NULL: nobody listens */
    void *arg;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    /* under `lock` */
    struct list_node queue;
    unsigned n;
    uint64_t n_dropped;
    bool stopping;
    bool gathering; /* the thread lets session events come together; a pressing one wakes it */
    bool pressing;
};

/* A thread with every signal blocked: they are the main thread's business. Returns as pthread_create(3). */
int target_thread_create(pthread_t *ret_thread, void *(*main)(void *arg), void *arg);

void target_events_init(struct target_events *events,
                        void (*deliver)(void *arg, const struct engine_event *event), void *arg);
int target_events_start(struct target_events *events);
/* Delivers what waits, then joins. Fine when it never started. */
void target_events_fini(struct target_events *events);
void target_events_add(struct target_events *events, enum engine_event_kind kind, const struct guid *object,
                       const char *initiator);

#endif
