/* SPDX-License-Identifier: MIT */
/* The engine as a whole: beginning, end, what it can tell about its sessions. */
#include "target/engine.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "target/conn.h"
#include "target/drain.h"

#define MAX_CONNECTIONS            4096
#define MAX_CONNECTIONS_PER_SOURCE 1024
#define MAX_BUFFER_BYTES           (UINT64_C(256) << 20)
#define MAX_REACTORS               256

/* ---- create ---------------------------------------------------------------------------------------- */

static unsigned n_cpus(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;

    return n > MAX_REACTORS ? MAX_REACTORS : (unsigned)n;
}

static struct engine_options options_complete(const struct engine_options *options)
{
    struct engine_options full =
        options ? *options : (struct engine_options){ .iscsi = iscsi_limits_default };

    if (full.n_reactors == 0)
        full.n_reactors = n_cpus();
    if (full.max_connections == 0)
        full.max_connections = MAX_CONNECTIONS;
    if (full.max_connections_per_source == 0)
        full.max_connections_per_source = MAX_CONNECTIONS_PER_SOURCE;
    if (full.max_buffer_bytes == 0)
        full.max_buffer_bytes = MAX_BUFFER_BYTES;
    return full;
}

static void addresses_changed(void *arg)
{
    static const struct guid none;
    struct engine *engine = arg;

    target_events_add(&engine->events, ENGINE_ADDRESSES_CHANGED, &none, NULL);
}

static void watch_start_run(void *arg)
{
    struct engine *engine = arg;

    target_address_watch_start(&engine->watch);
}

static void watch_start(struct engine *engine)
{
    int r = target_address_watch_open(&engine->watch, engine->reactors[0].loop, addresses_changed, engine);

    engine->watching = r == 0;
    if (r == 0)
        loop_call(engine->reactors[0].loop, watch_start_run, engine);
    else
        log_warning("the host's addresses cannot be watched: %s", strerror(-r));
}

static int tables_init(struct engine *engine)
{
    const struct engine_options *options = &engine->options;
    int r = target_dir_init(&engine->dir);

    if (r == 0)
        r = target_registry_init(&engine->registry);
    if (r == 0)
        r = target_sources_init(&engine->sources, options->max_connections,
                                options->max_connections_per_source);
    pthread_mutex_init(&engine->settle_lock, NULL);
    target_events_init(&engine->events, options->event, options->event_arg);
    if (r == 0)
        r = target_events_start(&engine->events);
    return r;
}

static int reactors_start(struct engine *engine)
{
    int r = 0;

    engine->reactors = calloc(engine->options.n_reactors, sizeof *engine->reactors);
    if (!engine->reactors)
        return -ENOMEM;
    while (r == 0 && engine->n_reactors < engine->options.n_reactors) {
        r = target_reactor_start(&engine->reactors[engine->n_reactors], engine, engine->n_reactors);
        engine->n_reactors++; /* one that did not start is stopped like the others */
    }
    return r;
}

int engine_create(const struct engine_options *options, struct engine **ret_engine)
{
    struct engine_options full = options_complete(options);
    struct engine *engine;
    int r;

    if (full.n_reactors > MAX_REACTORS)
        return -EINVAL;
    engine = calloc(1, sizeof *engine);
    if (!engine)
        return -ENOMEM;
    engine->options = full;
    engine->next_conn_id = 1;
    list_init(&engine->drains);
    r = tables_init(engine);
    if (r == 0)
        r = reactors_start(engine);
    if (r < 0) {
        engine_destroy(engine);
        return r;
    }
    watch_start(engine);
    log_info("engine: %u reactors on %s", engine->n_reactors, engine_backend_name(engine));
    *ret_engine = engine;
    return 0;
}

/* ---- destroy --------------------------------------------------------------------------------------- */

static bool next_open_portal(struct engine *engine, struct guid *ret_id)
{
    bool found = false;

    target_dir_read(&engine->dir);
    for (size_t i = 0; i < engine->dir.portals.n_buckets && !found; i++) {
        for (struct hash_node *n = engine->dir.portals.buckets[i]; n && !found; n = n->next) {
            const struct dir_portal *portal = container_of(n, struct dir_portal, by_id);

            found = portal->open;
            *ret_id = portal->id;
        }
    }
    target_dir_unlock(&engine->dir);
    return found;
}

static bool next_target(struct engine *engine, struct guid *ret_id)
{
    bool found;

    target_dir_read(&engine->dir);
    found = !list_empty(&engine->dir.targets);
    if (found)
        *ret_id = container_of(engine->dir.targets.next, struct dir_target, link)->id;
    target_dir_unlock(&engine->dir);
    return found;
}

static void watch_stopped(void *arg)
{
    struct engine *engine = arg;

    atomic_store(&engine->watch_stopped, true);
    target_idle_signal(&engine->dir.idle);
}

static void watch_stop_run(void *arg)
{
    struct engine *engine = arg;

    target_address_watch_stop(&engine->watch, watch_stopped);
}

static bool watch_is_stopped(const void *arg)
{
    const struct engine *engine = arg;

    return atomic_load(&engine->watch_stopped);
}

static void watch_stop(struct engine *engine)
{
    if (!engine->watching)
        return;
    loop_call(engine->reactors[0].loop, watch_stop_run, engine);
    target_idle_wait(&engine->dir.idle, watch_is_stopped, engine);
}

static void drop_everything(struct target_reactor *reactor, void *arg)
{
    (void)arg;
    reactor->stopping = true;
    list_for_each_safe(node, &reactor->conns)
        target_conn_drop(container_of(node, struct target_conn, link));
}

static bool nothing_is_loaded(const void *arg)
{
    const struct engine *engine = arg;

    for (unsigned i = 0; i < engine->n_reactors; i++) {
        if (atomic_load(&engine->reactors[i].load) > 0)
            return false;
    }
    return true;
}

static bool all_started(const struct engine *engine)
{
    for (unsigned i = 0; i < engine->n_reactors; i++) {
        if (!engine->reactors[i].started)
            return false;
    }
    return engine->n_reactors > 0;
}

static void wind_down(struct engine *engine)
{
    struct guid id;

    while (next_open_portal(engine, &id))
        engine_portal_close(engine, &id);
    watch_stop(engine);
    target_drains_abandon(engine);
    target_each_reactor(engine, drop_everything, NULL);
    target_idle_wait(&engine->dir.idle, nothing_is_loaded, engine);
    while (next_target(engine, &id))
        engine_target_destroy(engine, &id);
}

void engine_destroy(struct engine *engine)
{
    if (!engine)
        return;
    if (all_started(engine))
        wind_down(engine);
    for (unsigned i = 0; i < engine->n_reactors; i++)
        target_reactor_stop(&engine->reactors[i]);
    target_events_fini(&engine->events);
    pthread_mutex_destroy(&engine->settle_lock);
    target_units_free(&engine->dir);
    target_sources_fini(&engine->sources);
    target_registry_fini(&engine->registry);
    target_dir_fini(&engine->dir);
    free(engine->reactors);
    free(engine);
}

/* ---- what it can tell ------------------------------------------------------------------------------ */

unsigned engine_n_reactors(const struct engine *engine)
{
    return engine->n_reactors;
}

const char *engine_backend_name(const struct engine *engine)
{
    return loop_backend_name(engine->reactors[0].loop);
}

struct session_listing {
    struct engine_session *items;
    size_t n, n_room;
    int r;
};

static struct engine_session *listing_next(struct session_listing *listing)
{
    if (listing->n == listing->n_room) {
        size_t n_room = listing->n_room ? 2 * listing->n_room : 16;
        void *more = reallocarray(listing->items, n_room, sizeof *listing->items);

        if (!more) {
            listing->r = -ENOMEM;
            return NULL;
        }
        listing->items = more;
        listing->n_room = n_room;
    }
    return &listing->items[listing->n];
}

/* A connection that is still logging in is no session yet, one that is only flushing its last bytes none any
 * more. */
static void list_reactor(struct target_reactor *reactor, void *arg)
{
    struct session_listing *listing = arg;

    list_for_each(node, &reactor->conns) {
        struct target_conn *conn = container_of(node, struct target_conn, link);
        struct engine_session *item = conn->stage == CONN_STAGE_OPEN ? listing_next(listing) : NULL;

        if (!item)
            continue;
        *item = (struct engine_session){ .id = conn->id, .portal = conn->portal, .reactor = reactor->index };
        iscsi_conn_facts(conn->iscsi, &item->facts);
        if (item->facts.state != ISCSI_CONN_FULL && item->facts.state != ISCSI_CONN_LOGOUT)
            continue;
        if (conn->path)
            item->target = conn->path->target->id;
        if (conn->session && conn->session->view)
            scsi_view_counters(conn->session->view, &item->counters);
        item->since_ns = loop_now(reactor->loop) - conn->since_ns;
        memcpy(item->peer_address, conn->peer_address, sizeof item->peer_address);
        listing->n++;
    }
}

int engine_session_list(struct engine *engine, struct engine_session **ret_sessions, size_t *ret_n)
{
    struct session_listing listing = { 0 };

    target_each_reactor(engine, list_reactor, &listing);
    if (listing.r == 0 && !listing.items && !(listing.items = calloc(1, sizeof *listing.items)))
        listing.r = -ENOMEM;
    if (listing.r < 0) {
        free(listing.items);
        return listing.r;
    }
    *ret_sessions = listing.items;
    *ret_n = listing.n;
    return 0;
}

struct session_dropping {
    uint64_t id;
    struct conn_watcher watcher;
    bool found;
};

static void drop_session(struct target_reactor *reactor, void *arg)
{
    struct session_dropping *dropping = arg;

    list_for_each_safe(node, &reactor->conns) {
        struct target_conn *conn = container_of(node, struct target_conn, link);

        if (conn->id != dropping->id || !conn->iscsi)
            continue;
        dropping->found = true;
        list_append(&conn->watchers, &dropping->watcher.link);
        target_conn_drop(conn);
    }
}

static bool watcher_saw_it_go(const void *arg)
{
    const struct conn_watcher *watcher = arg;

    return atomic_load(&watcher->gone);
}

int engine_session_drop(struct engine *engine, uint64_t id)
{
    struct session_dropping dropping = { .id = id };

    target_each_reactor(engine, drop_session, &dropping);
    if (!dropping.found)
        return -ENOENT;
    target_idle_wait(&engine->dir.idle, watcher_saw_it_go, &dropping.watcher);
    return 0;
}
