/* SPDX-License-Identifier: MIT */
#include "target/event.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"

#define REST_NS 2000000

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

void target_events_init(struct target_events *events, void (*deliver)(void *arg, const struct engine_event *event), void *arg)
{
    *events = (struct target_events){ .deliver = deliver, .arg = arg };
    list_init(&events->queue);
    pthread_mutex_init(&events->lock, NULL);
    pthread_cond_init(&events->cond, NULL);
}

/* Those who deliver rest a little when there is nothing more: to wake them for each login and each logout of a hundred costs more than
 * the logins. */
static void rest(struct target_events *events)
{
    pthread_mutex_unlock(&events->lock);
    nanosleep(&(struct timespec){ .tv_nsec = REST_NS }, NULL);
    pthread_mutex_lock(&events->lock);
}

/* The next one, waiting for it; NULL: the end. */
static struct waiting_event *next(struct target_events *events)
{
    struct list_node *node;

    pthread_mutex_lock(&events->lock);
    if (list_empty(&events->queue) && !events->stopping)
        rest(events);
    events->idle = true;
    while (list_empty(&events->queue) && !events->stopping)
        pthread_cond_wait(&events->cond, &events->lock);
    events->idle = false;
    node = list_pop(&events->queue);
    events->n -= node != NULL;
    pthread_mutex_unlock(&events->lock);
    return node ? container_of(node, struct waiting_event, link) : NULL;
}

static void *events_main(void *arg)
{
    struct target_events *events = arg;
    struct waiting_event *waiting;

    pthread_setname_np(pthread_self(), "vds-events");
    while ((waiting = next(events))) {
        events->deliver(events->arg, &waiting->event);
        free(waiting);
    }
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

static struct waiting_event *waiting_new(enum engine_event_kind kind, const struct guid *object, const char *initiator)
{
    size_t n = initiator ? strlen(initiator) + 1 : 0;
    struct waiting_event *waiting = malloc(sizeof *waiting + n);

    if (!waiting)
        return NULL;
    waiting->event = (struct engine_event){ .kind = kind, .object = *object, .initiator = initiator ? waiting->initiator : NULL };
    memcpy(waiting->initiator, initiator ? initiator : "", n);
    return waiting;
}

/* Under the lock. */
static bool is_too_many(struct target_events *events, enum engine_event_kind kind)
{
    if (events->n < EVENTS_MAX || (kind != ENGINE_SESSION_UP && kind != ENGINE_SESSION_DOWN))
        return false;
    if (events->n_dropped++ % EVENTS_MAX == 0)
        log_warning("%u events are waiting to be taken: session events are dropped (%" PRIu64 " so far)", events->n, events->n_dropped);
    return true;
}

void target_events_add(struct target_events *events, enum engine_event_kind kind, const struct guid *object, const char *initiator)
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
        wake = events->idle && events->n == 1;
    }
    pthread_mutex_unlock(&events->lock);
    if (wake) /* behind the lock, which it would run into; target_events_fini() comes after the last caller */
        pthread_cond_signal(&events->cond);
    free(waiting);
}
