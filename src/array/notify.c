/* SPDX-License-Identifier: MIT */
/* Events, from the change to the sink: one queue, one thread, in the order of the changes; the sink is never
 * called under a lock.
 *
 * A sink that does not keep up must not hold up the array: beyond QUEUE_MAX events are dropped, and a change
 * of the subsystem is reported instead, so that whoever follows by events knows that it has to look again. */
#include <errno.h>

#include "array/array_internal.h"

#define QUEUE_MAX 65536 /* events */
#define CALL_MAX  100   /* IVdsAdviseSink::OnNotify takes 1 to 100 at a time */

struct batch {
    struct list_node link;
    struct events events;
};

int events_reserve(struct events *events, size_t n)
{
    void *more = realloc(events->list, (events->n + n + 1) * sizeof *events->list);

    if (!more)
        return -ENOMEM;
    events->list = more;
    events->room = events->n + n;
    return 0;
}

void events_add(struct events *events, uint32_t event, uint32_t type, const struct guid *id)
{
    if (events->n < events->room)
        events->list[events->n++] = (struct array_notification){ event, type, *id };
}

void events_fini(struct events *events)
{
    free(events->list);
    *events = (struct events){ 0 };
}

static void deliver(struct notifier *notifier, const struct events *events)
{
    for (size_t i = 0; i < events->n; i += CALL_MAX)
        notifier->sink(notifier->arg, events->list + i, events->n - i < CALL_MAX ? events->n - i : CALL_MAX);
}

static void deliver_lost(struct notifier *notifier)
{
    struct array_notification event = { VDS_NF_SUB_SYSTEM_MODIFY, VDS_NTT_SUB_SYSTEM, notifier->subsystem };

    notifier->sink(notifier->arg, &event, 1);
}

static void *notifier_main(void *arg)
{
    struct notifier *notifier = arg;

    pthread_mutex_lock(&notifier->lock);
    for (;;) {
        struct list_node *n = list_pop(&notifier->queue);
        bool lost = !n && notifier->lost;

        if (!n && !lost && notifier->stopping)
            break;
        if (!n && !lost) {
            pthread_cond_wait(&notifier->wake, &notifier->lock);
            continue;
        }
        struct batch *batch = n ? container_of(n, struct batch, link) : NULL;
        size_t n_events = batch ? batch->events.n : 0;
        if (!batch)
            notifier->lost = false;
        pthread_mutex_unlock(&notifier->lock);
        if (batch) {
            deliver(notifier, &batch->events);
            events_fini(&batch->events);
            free(batch);
        } else {
            deliver_lost(notifier);
        }
        pthread_mutex_lock(&notifier->lock);
        notifier->n_queued -= n_events;
    }
    pthread_mutex_unlock(&notifier->lock);
    return NULL;
}

int notifier_start(struct notifier *notifier, void (*sink)(void *, const struct array_notification *, size_t),
                   void *arg)
{
    int r;

    pthread_mutex_init(&notifier->lock, NULL);
    pthread_cond_init(&notifier->wake, NULL);
    list_init(&notifier->queue);
    notifier->sink = sink;
    notifier->arg = arg;
    if (!sink)
        return 0;
    r = -pthread_create(&notifier->thread, NULL, notifier_main, notifier);
    notifier->started = r == 0;
    return r;
}

void notifier_stop(struct notifier *notifier)
{
    pthread_mutex_lock(&notifier->lock);
    notifier->stopping = true;
    pthread_cond_signal(&notifier->wake);
    pthread_mutex_unlock(&notifier->lock);
    if (notifier->started)
        pthread_join(notifier->thread, NULL);
    pthread_mutex_destroy(&notifier->lock);
    pthread_cond_destroy(&notifier->wake);
}

void notifier_post(struct notifier *notifier, struct events *events)
{
    struct batch *batch = notifier->started && events->n ? malloc(sizeof *batch) : NULL;

    pthread_mutex_lock(&notifier->lock);
    if (batch && notifier->n_queued + events->n <= QUEUE_MAX) {
        batch->events = *events;
        *events = (struct events){ 0 };
        notifier->n_queued += batch->events.n;
        list_append(&notifier->queue, &batch->link);
        batch = NULL;
    } else if (notifier->started && events->n) {
        notifier->lost = true;
    }
    pthread_cond_signal(&notifier->wake);
    pthread_mutex_unlock(&notifier->lock);
    free(batch);
    events_fini(events);
}

void notifier_post_one(struct notifier *notifier, uint32_t event, uint32_t type, const struct guid *id)
{
    struct events events = { 0 };

    events_reserve(&events, 1);
    events_add(&events, event, type, id);
    if (events.n == 0 && notifier->started) { /* no memory */
        pthread_mutex_lock(&notifier->lock);
        notifier->lost = true;
        pthread_cond_signal(&notifier->wake);
        pthread_mutex_unlock(&notifier->lock);
    }
    notifier_post(notifier, &events);
}
