/* SPDX-License-Identifier: MIT */
#include "target/event.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"

#define GATHER_NS 5000000 /* session events may be late by so much, at most */

int target_thread_create(pthread_t *ret_thread, void *(*main)(void *arg), void *arg)
{
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(ret_thread, NULL, main, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

struct waiting_event {
    struct list_node link;
    struct engine_event event;
    char initiator[]; /* zero-terminated; event.initiator points here, or is NULL */
};

void target_events_init(struct target_events *events,
                        void (*deliver)(void *arg, const struct engine_event *event), void *arg)
{
    *events = (struct target_events){ .deliver = deliver, .arg = arg };
    list_init(&events->queue);
    pthread_mutex_init(&events->lock, NULL);
    pthread_cond_init(&events->cond, NULL);
}

/* Under the lock. Sessions that come and go in a rush are told together: a wake-up for each would cost the
 * reactors more than the login. */
static void gather(struct target_events *events)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += GATHER_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    events->gathering = true;
    while (!events->stopping && !events->pressing &&
           pthread_cond_clockwait(&events->cond, &events->lock, CLOCK_MONOTONIC, &until) == 0)
        ;
    events->gathering = events->pressing = false;
}

/* All that wait, when there are some; none: the end. */
static void take(struct target_events *events, struct list_node *batch)
{
    pthread_mutex_lock(&events->lock);
    gather(events);
    while (list_empty(&events->queue) && !events->stopping)
        pthread_cond_wait(&events->cond, &events->lock);
    list_splice(batch, &events->queue);
    events->n = 0;
    pthread_mutex_unlock(&events->lock);
}

static bool deliver(struct target_events *events)
{
    struct list_node batch = LIST_INIT(batch), *node;
    bool some;

    take(events, &batch);
    some = !list_empty(&batch);
    while ((node = list_pop(&batch))) {
        struct waiting_event *waiting = container_of(node, struct waiting_event, link);

        events->deliver(events->arg, &waiting->event);
        free(waiting);
    }
    return some;
}

static void *events_main(void *arg)
{
    pthread_setname_np(pthread_self(), "vds-events");
    while (deliver(arg))
        ;
    return NULL;
}

int target_events_start(struct target_events *events)
{
    int r = events->deliver ? -target_thread_create(&events->thread, events_main, events) : 0;

    events->started = events->deliver && r == 0;
    return r;
}

void target_events_fini(struct target_events *events)
{
    if (events->started) {
        pthread_mutex_lock(&events->lock);
        events->stopping = true;
        pthread_cond_signal(&events->cond);
        pthread_mutex_unlock(&events->lock);
        pthread_join(events->thread, NULL);
    }
    pthread_cond_destroy(&events->cond);
    pthread_mutex_destroy(&events->lock);
}

static struct waiting_event *waiting_new(enum engine_event_kind kind, const struct guid *object,
                                         const char *initiator)
{
    size_t n = initiator ? strlen(initiator) + 1 : 0;
    struct waiting_event *waiting = malloc(sizeof *waiting + n);

    if (!waiting)
        return NULL;
    waiting->event = (struct engine_event){ .kind = kind,
                                            .object = *object,
                                            .initiator = initiator ? waiting->initiator : NULL };
    memcpy(waiting->initiator, initiator ? initiator : "", n);
    return waiting;
}

static bool is_pressing(enum engine_event_kind kind)
{
    return kind != ENGINE_SESSION_UP && kind != ENGINE_SESSION_DOWN;
}

/* Under the lock. */
static bool is_too_many(struct target_events *events, enum engine_event_kind kind)
{
    if (events->n < EVENTS_MAX || is_pressing(kind))
        return false;
    if (events->n_dropped++ % EVENTS_MAX == 0)
        log_warning("%u events are waiting to be taken: session events are dropped (%" PRIu64 " so far)",
                    events->n, events->n_dropped);
    return true;
}

void target_events_add(struct target_events *events, enum engine_event_kind kind, const struct guid *object,
                       const char *initiator)
{
    struct waiting_event *waiting = events->started ? waiting_new(kind, object, initiator) : NULL;
    bool wake = false;

    if (!waiting) {
        if (events->started)
            log_error("an event is lost: out of memory");
        return;
    }
    pthread_mutex_lock(&events->lock);
    if (!is_too_many(events, kind)) {
        list_append(&events->queue, &TAKE_PTR(waiting)->link);
        events->n++;
        events->pressing |= is_pressing(kind);
        wake = events->pressing || (!events->gathering && events->n == 1);
    }
    pthread_mutex_unlock(&events->lock);
    /* behind the lock, which the thread would run into; target_events_fini() comes after the last caller */
    if (wake)
        pthread_cond_signal(&events->cond);
    free(waiting);
}
