/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "target/conn.h"

static void *reactor_main(void *arg)
{
    struct target_reactor *reactor = arg;
    char name[16];
    int r;

    snprintf(name, sizeof name, "vds-reactor/%u", reactor->index % 1000);
    pthread_setname_np(pthread_self(), name);
    r = loop_run(reactor->loop);
    if (r < 0)
        log_error("reactor %u: the event loop failed: %s", reactor->index, strerror(-r));
    return NULL;
}

int target_reactor_start(struct target_reactor *reactor, struct engine *engine, unsigned index)
{
    const struct engine_options *options = &engine->options;
    struct loop_options loop_options = {
        .backend = options->force_epoll ? LOOP_BACKEND_EPOLL : LOOP_BACKEND_AUTO,
        .spin_us = options->spin_us,
    };
    int r;

    reactor->engine = engine;
    reactor->index = index;
    reactor->touched_op.done = target_conns_touched;
    list_init(&reactor->conns);
    list_init(&reactor->touched);
    target_buffers_init(&reactor->buffers, options->max_buffer_bytes);
    r = loop_create(&loop_options, &reactor->loop);
    if (r == 0)
        r = -target_thread_create(&reactor->thread, reactor_main, reactor);
    reactor->started = r == 0;
    return r;
}

static void nothing(void *arg)
{
    (void)arg;
}

/* The call comes after every message that is still on its way (a kick for a session that has gone): the last
 * of them are run. */
void target_reactor_stop(struct target_reactor *reactor)
{
    if (reactor->started) {
        loop_call(reactor->loop, nothing, NULL);
        loop_stop(reactor->loop);
        pthread_join(reactor->thread, NULL);
    }
    loop_destroy(reactor->loop);
    target_slots_free(reactor);
    target_buffers_fini(&reactor->buffers);
}

struct target_reactor *target_reactor_least_loaded(struct engine *engine)
{
    unsigned first = atomic_fetch_add(&engine->next_reactor, 1);
    struct target_reactor *best = &engine->reactors[first % engine->n_reactors];

    for (unsigned i = 1; i < engine->n_reactors; i++) {
        struct target_reactor *other = &engine->reactors[(first + i) % engine->n_reactors];

        if (atomic_load(&other->load) < atomic_load(&best->load))
            best = other;
    }
    return best;
}

struct look {
    struct target_reactor *reactor;
    void (*look)(struct target_reactor *reactor, void *arg);
    void *arg;
};

static void look_run(void *arg)
{
    const struct look *look = arg;

    look->look(look->reactor, look->arg);
}

void target_each_reactor(struct engine *engine, void (*look)(struct target_reactor *reactor, void *arg),
                         void *arg)
{
    for (unsigned i = 0; i < engine->n_reactors; i++) {
        struct look one = { .reactor = &engine->reactors[i], .look = look, .arg = arg };

        loop_call(one.reactor->loop, look_run, &one);
    }
}
