/* SPDX-License-Identifier: MIT */
#include "fake_engine_internal.h"

#include <errno.h>
#include <stdlib.h>

struct engine_drain {
    struct list_node link;
    struct engine *engine;
    struct guid target, portals[8]; /* null, none: any */
    size_t n_portals;
    unsigned n_start, n_left;
    bool awaited, finished, cancelled;
};

static struct list_node drains = LIST_INIT(drains);

static bool is_of(const struct engine_drain *drain, const struct thing *t)
{
    if (t->kind != THING_PATH || (!guid_is_null(&drain->target) && !guid_equal(&t->a, &drain->target)))
        return false;
    for (size_t i = 0; i < drain->n_portals; i++)
        if (guid_equal(&t->b, &drain->portals[i]))
            return true;
    return drain->n_portals == 0;
}

static unsigned paths_mark(struct engine_drain *drain, bool out, int n_conns)
{
    unsigned n = 0;

    list_for_each(node, &drain->engine->things) {
        struct thing *t = container_of(node, struct thing, link);

        if (!is_of(drain, t))
            continue;
        t->out = out;
        n += t->n_conns;
        if (n_conns >= 0)
            t->n_conns = (unsigned)n_conns;
    }
    return n;
}

static void finish(struct engine_drain *drain)
{
    drain->n_left = 0;
    drain->finished = true;
    paths_mark(drain, true, 0);
}

int engine_drain_start(struct engine *engine, const struct guid *target, const struct guid *portals,
                       size_t n_portals, uint32_t limit_ms, struct engine_drain **ret_drain)
{
    struct engine_drain *drain;

    ENTER();
    if (target && !fake_find(engine, THING_TARGET, target, NULL))
        return fake_leave(-ENOENT);
    for (size_t i = 0; i < n_portals; i++)
        if (target && !fake_find(engine, THING_PATH, target, &portals[i]))
            return fake_leave(-ENOENT);
    drain = calloc(1, sizeof *drain);
    drain->engine = engine;
    if (target)
        drain->target = *target;
    for (size_t i = 0; i < n_portals; i++)
        drain->portals[drain->n_portals++] = portals[i];
    drain->n_start = drain->n_left = paths_mark(drain, true, -1);
    list_append(&drains, &drain->link);
    if (drain->n_start == 0 || limit_ms == 0 || !fake.hold_drains)
        finish(drain);
    *ret_drain = drain;
    return fake_leave(0);
}

int engine_drain_wait(struct engine_drain *drain, int timeout_ms)
{
    int r;

    (void)timeout_ms;
    pthread_mutex_lock(&fake_lock);
    drain->awaited = true;
    pthread_cond_broadcast(&fake_changed);
    while (!drain->finished && !drain->cancelled)
        pthread_cond_wait(&fake_changed, &fake_lock);
    r = drain->cancelled ? -ECANCELED : 0;
    pthread_mutex_unlock(&fake_lock);
    return r;
}

void engine_drain_status(struct engine_drain *drain, struct engine_drain_status *ret_status)
{
    pthread_mutex_lock(&fake_lock);
    *ret_status =
        (struct engine_drain_status){ drain->n_start, drain->n_left, drain->finished, drain->cancelled };
    pthread_mutex_unlock(&fake_lock);
}

void engine_drain_cancel(struct engine_drain *drain)
{
    pthread_mutex_lock(&fake_lock);
    drain->cancelled = true;
    paths_mark(drain, false, -1);
    fake_leave(0);
}

void engine_drain_free(struct engine_drain *drain)
{
    if (!drain)
        return;
    pthread_mutex_lock(&fake_lock);
    list_remove(&drain->link);
    free(drain);
    fake_leave(0);
}

/* ---- for tests ------------------------------------------------------------------------------- */

static unsigned n_running(void)
{
    unsigned n_drains = 0;

    list_for_each(n, &drains) {
        struct engine_drain *drain = container_of(n, struct engine_drain, link);
        n_drains += drain->awaited && !drain->finished && !drain->cancelled;
    }
    return n_drains;
}

unsigned fake_drains(void)
{
    pthread_mutex_lock(&fake_lock);
    unsigned n = n_running();
    pthread_mutex_unlock(&fake_lock);
    return n;
}

void fake_drains_wait(unsigned n)
{
    pthread_mutex_lock(&fake_lock);
    while (n_running() < n)
        pthread_cond_wait(&fake_changed, &fake_lock);
    pthread_mutex_unlock(&fake_lock);
}

void fake_drains_step(unsigned n_leave)
{
    pthread_mutex_lock(&fake_lock);
    list_for_each(n, &drains) {
        struct engine_drain *drain = container_of(n, struct engine_drain, link);

        if (drain->cancelled || drain->finished)
            continue;
        drain->n_left -= n_leave < drain->n_left ? n_leave : drain->n_left;
        if (drain->n_left == 0)
            finish(drain);
    }
    fake_leave(0);
}

void fake_drains_finish(void)
{
    fake_drains_step(UINT32_MAX);
}
