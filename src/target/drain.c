/* SPDX-License-Identifier: MIT */
/* Draining (design section 4): a pair leaves the tables under the lock, its connections are asked to log out,
 * their number falls by events, what is left at the limit is dropped. Nothing polls.
 *
 *      start --> asked --(last connection gone)--> settling --(all were sent on, or enough time)--> finished
 *                  |                                                                                   |
 *                  +--(limit)--> dropped --(last connection gone)--------------------------------------+
 *      cancel: from anywhere, the pairs are LISTED again
 *
 * Settling: an initiator that does as asked logs out and then in again at the address it knows (open-iscsi
 * after Time2Wait, libiscsi at once). It must still find somebody there who sends it to the surviving portal,
 * else it would be stuck with "not found" or a refused connect. So whoever leaves by itself while there is a
 * twin is remembered as a follower, until it was redirected, has logged in by another portal, SETTLE_MS after
 * the last connection went, or the limit.
 */
#include "target/drain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "target/conn.h"

#define SETTLE_MS 3000 /* beyond Time2Wait */

struct follower {
    struct list_node link;
    char initiator[ISCSI_NAME_MAX + 1];
};

struct drain_message {
    struct loop_message message;
    struct engine_drain *drain;
    struct target_reactor *reactor;
};

struct engine_drain {
    struct engine *engine;
    bool abandoned;             /* the engine has gone */
    atomic_uint n_refs;         /* the caller's, and one for each message on its way */
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct engine_drain_status status; /* under `lock`, like the next two */
    struct list_node followers;
    bool no_followers;          /* the limit is over, or the settling */
    struct list_node paths;     /* under the directory's lock, like the next */
    struct list_node link;      /* engine->drains */
    uint32_t limit_ms;
    struct loop_timer limit, settle; /* reactor 0's, like the next */
    bool let_go;
    struct loop_message settle_message, stop_message;
    bool stop_posted;           /* under the directory's lock */
    bool settle_posted;         /* under `lock` */
    struct drain_message drops[]; /* one for each reactor, for the limit */
};

static void followers_free(struct engine_drain *drain)
{
    struct list_node *node;

    while ((node = list_pop(&drain->followers)))
        free(container_of(node, struct follower, link));
}

static void drain_unref(struct engine_drain *drain)
{
    if (atomic_fetch_sub(&drain->n_refs, 1) != 1)
        return;
    followers_free(drain);
    pthread_cond_destroy(&drain->cond);
    pthread_mutex_destroy(&drain->lock);
    free(drain);
}

/* ---- on the reactors ------------------------------------------------------------------------------- */

static bool is_of(const struct target_conn *conn, const struct engine_drain *drain)
{
    struct target_directory *dir = &conn->reactor->engine->dir;
    bool is;

    if (!conn->path)
        return false;
    target_dir_read(dir);
    is = conn->path->drain == drain;
    target_dir_unlock(dir);
    return is;
}

static void drop_all(struct target_reactor *reactor, void *arg)
{
    list_for_each_safe(node, &reactor->conns) {
        struct target_conn *conn = container_of(node, struct target_conn, link);

        if (is_of(conn, arg))
            target_conn_drop(conn);
    }
}

/* A connection that was admitted but is not in full feature phase yet has no I/O to finish: it is dropped and
 * told so. */
static void ask(struct target_conn *conn, uint32_t limit_ms)
{
    uint32_t seconds = (limit_ms + 999) / 1000;
    struct iscsi_conn_facts facts;

    iscsi_conn_facts(conn->iscsi, &facts);
    if (facts.state == ISCSI_CONN_LOGIN) {
        target_conn_drop(conn);
        return;
    }
    if (facts.state != ISCSI_CONN_FULL)
        return; /* on its way out already */
    conn->asked = true;
    iscsi_conn_request_logout(conn->iscsi, seconds > UINT16_MAX ? UINT16_MAX : (uint16_t)seconds);
    target_conn_touch(conn);
}

static void ask_all(struct target_reactor *reactor, void *arg)
{
    const struct engine_drain *drain = arg;

    list_for_each_safe(node, &reactor->conns) {
        struct target_conn *conn = container_of(node, struct target_conn, link);

        if (conn->stage == CONN_STAGE_OPEN && is_of(conn, drain))
            ask(conn, drain->limit_ms);
    }
}

static void drop_run(struct loop_message *message)
{
    struct drain_message *drop = container_of(message, struct drain_message, message);

    drop_all(drop->reactor, drop->drain);
    drain_unref(drop->drain);
}

/* Under `lock`. */
static void finish_if_done(struct engine_drain *drain)
{
    if (drain->status.n_left > 0 || !list_empty(&drain->followers) || drain->status.finished)
        return;
    drain->status.finished = true;
    pthread_cond_broadcast(&drain->cond);
}

static void end_following(struct engine_drain *drain)
{
    pthread_mutex_lock(&drain->lock);
    drain->no_followers = true;
    followers_free(drain);
    finish_if_done(drain);
    pthread_mutex_unlock(&drain->lock);
}

static void limit_reached(struct loop_timer *timer)
{
    struct engine_drain *drain = container_of(timer, struct engine_drain, limit);
    struct engine_drain_status status;

    end_following(drain);
    engine_drain_status(drain, &status);
    if (status.finished || status.cancelled)
        return;
    log_info("drain: %u of %u connections have not logged out in %u ms and are closed", status.n_left,
             status.n_start, drain->limit_ms);
    for (unsigned i = 0; i < drain->engine->n_reactors; i++) {
        atomic_fetch_add(&drain->n_refs, 1);
        loop_post(drain->drops[i].reactor->loop, &drain->drops[i].message);
    }
}

static void settled(struct loop_timer *timer)
{
    end_following(container_of(timer, struct engine_drain, settle));
}

static void timer_start(struct engine_drain *drain, struct loop_timer *timer, uint32_t ms)
{
    struct loop *loop = drain->engine->reactors[0].loop;

    loop_timer_start(loop, timer, loop_now(loop) + ms * UINT64_C(1000000));
}

static void limit_start(void *arg)
{
    struct engine_drain *drain = arg;

    timer_start(drain, &drain->limit, drain->limit_ms);
}

static void settle_run(struct loop_message *message)
{
    struct engine_drain *drain = container_of(message, struct engine_drain, settle_message);

    if (!drain->let_go)
        timer_start(drain, &drain->settle, drain->engine->options.iscsi.time2wait * 1000 + SETTLE_MS);
    drain_unref(drain);
}

static void stop_run(struct loop_message *message)
{
    struct engine_drain *drain = container_of(message, struct engine_drain, stop_message);

    drain->let_go = true;
    loop_timer_stop(drain->engine->reactors[0].loop, &drain->limit);
    loop_timer_stop(drain->engine->reactors[0].loop, &drain->settle);
    drain_unref(drain);
}

/* ---- the count ------------------------------------------------------------------------------------- */

/* Under `lock`. Out of memory: one initiator is not waited for. */
static void remember_follower(struct engine_drain *drain, const char *initiator)
{
    struct follower *follower = drain->no_followers ? NULL : calloc(1, sizeof *follower);

    if (!follower)
        return;
    snprintf(follower->initiator, sizeof follower->initiator, "%s", initiator);
    list_append(&drain->followers, &follower->link);
}

/* Under `lock`: the last connection has gone, only followers are waited for. */
static void settle_post(struct engine_drain *drain)
{
    if (drain->status.n_left > 0 || drain->status.finished || drain->settle_posted)
        return;
    drain->settle_posted = true;
    atomic_fetch_add(&drain->n_refs, 1);
    loop_post(drain->engine->reactors[0].loop, &drain->settle_message);
}

static void count_down(struct engine_drain *drain, unsigned n, const char *follower)
{
    pthread_mutex_lock(&drain->lock);
    drain->status.n_left -= n;
    if (follower)
        remember_follower(drain, follower);
    finish_if_done(drain);
    settle_post(drain);
    pthread_mutex_unlock(&drain->lock);
}

void target_drain_left(struct engine_drain *drain, const char *follower)
{
    count_down(drain, 1, follower);
}

void target_drain_followed(struct engine_drain *drain, const char *initiator)
{
    pthread_mutex_lock(&drain->lock);
    list_for_each_safe(node, &drain->followers) {
        struct follower *follower = container_of(node, struct follower, link);

        if (strcasecmp(follower->initiator, initiator) != 0)
            continue;
        list_remove(node);
        free(follower);
        break;
    }
    finish_if_done(drain);
    pthread_mutex_unlock(&drain->lock);
}

void target_drain_forget(struct dir_path *path)
{
    struct engine_drain *drain = TAKE_PTR(path->drain);

    list_remove(&path->in_drain);
    if (drain)
        count_down(drain, atomic_load(&path->n_conns), NULL);
}

/* ---- start ----------------------------------------------------------------------------------------- */

static struct engine_drain *drain_new(struct engine *engine, uint32_t limit_ms)
{
    struct engine_drain *drain = calloc(1, sizeof *drain + engine->n_reactors * sizeof drain->drops[0]);
    pthread_condattr_t attr;

    if (!drain)
        return NULL;
    drain->engine = engine;
    drain->no_followers = limit_ms == 0;
    drain->limit_ms = limit_ms;
    drain->limit.fired = limit_reached;
    drain->settle.fired = settled;
    drain->settle_message.run = settle_run;
    drain->stop_message.run = stop_run;
    atomic_init(&drain->n_refs, 1);
    list_init(&drain->paths);
    list_init(&drain->link);
    list_init(&drain->followers);
    pthread_mutex_init(&drain->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&drain->cond, &attr);
    pthread_condattr_destroy(&attr);
    for (unsigned i = 0; i < engine->n_reactors; i++)
        drain->drops[i] = (struct drain_message){ .message.run = drop_run,
                                                  .drain = drain,
                                                  .reactor = &engine->reactors[i] };
    return drain;
}

static int take_path(struct dir_path *path, void *arg)
{
    struct engine_drain *drain = arg;

    if (path->drain == drain)
        return 0; /* named twice */
    path->state = PATH_DRAINING;
    path->drain = drain;
    list_append(&drain->paths, &path->in_drain);
    drain->status.n_start += atomic_load(&path->n_conns);
    return 0;
}

static int refuse_busy(struct dir_path *path, void *arg)
{
    (void)arg;
    return path->drain ? -EBUSY : 0;
}

/* The pairs that are meant: as in engine_drain_start(). */
struct scope {
    const struct guid *target, *portals;
    size_t n_portals;
};

static int each_in_list(struct list_node *head, bool of_target, int (*fn)(struct dir_path *path, void *arg),
                        void *arg)
{
    int r = 0;

    for (struct list_node *n = head->next; n != head && r == 0; n = n->next)
        r = fn(of_target ? container_of(n, struct dir_path, in_target)
                         : container_of(n, struct dir_path, in_portal),
               arg);
    return r;
}

/* Calls fn for the pairs that are meant until one says no. Under the lock. */
static int each_path(struct target_directory *dir, const struct scope *scope,
                     int (*fn)(struct dir_path *path, void *arg), void *arg)
{
    struct dir_target *target = scope->target ? target_dir_target(dir, scope->target) : NULL;
    struct dir_portal *portal = scope->target ? NULL : target_dir_portal(dir, scope->portals);
    int r = 0;

    if (!target && !portal)
        return -ENOENT;
    if (portal)
        return each_in_list(&portal->paths, /* of_target= */ false, fn, arg);
    if (scope->n_portals == 0)
        return each_in_list(&target->paths, /* of_target= */ true, fn, arg);
    for (size_t i = 0; i < scope->n_portals && r == 0; i++) {
        struct dir_path *path = target_dir_path(target, &scope->portals[i]);

        r = path ? fn(path, arg) : -ENOENT;
    }
    return r;
}

int engine_drain_start(struct engine *engine, const struct guid *target, const struct guid *portals,
                       size_t n_portals, uint32_t limit_ms, struct engine_drain **ret_drain)
{
    const struct scope scope = { target, portals, n_portals };
    struct engine_drain *drain;
    int r;

    if (!target && n_portals != 1)
        return -EINVAL;
    drain = drain_new(engine, limit_ms);
    if (!drain)
        return -ENOMEM;
    target_dir_write(&engine->dir);
    r = each_path(&engine->dir, &scope, refuse_busy, NULL);
    if (r == 0) {
        each_path(&engine->dir, &scope, take_path, drain);
        list_append(&engine->drains, &drain->link);
        drain->status.n_left = drain->status.n_start;
        drain->status.finished = drain->status.n_left == 0;
    }
    target_dir_unlock(&engine->dir);
    if (r < 0) {
        drain_unref(drain);
        return r;
    }
    if (drain->status.n_start > 0 && limit_ms > 0)
        loop_call(engine->reactors[0].loop, limit_start, drain);
    if (drain->status.n_start > 0)
        target_each_reactor(engine, limit_ms > 0 ? ask_all : drop_all, drain);
    *ret_drain = drain;
    return 0;
}

/* ---- the caller's ---------------------------------------------------------------------------------- */

static struct timespec deadline_after(int timeout_ms)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += timeout_ms / 1000;
    ts.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (ts.tv_nsec >= 1000000000L) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000L;
    }
    return ts;
}

int engine_drain_wait(struct engine_drain *drain, int timeout_ms)
{
    struct timespec deadline = deadline_after(timeout_ms < 0 ? 0 : timeout_ms);
    int r = 0;

    pthread_mutex_lock(&drain->lock);
    while (!drain->status.finished && !drain->status.cancelled && r == 0) {
        if (timeout_ms < 0)
            pthread_cond_wait(&drain->cond, &drain->lock);
        else
            r = -pthread_cond_timedwait(&drain->cond, &drain->lock, &deadline);
    }
    if (drain->status.cancelled)
        r = -ECANCELED;
    else if (drain->status.finished)
        r = 0;
    pthread_mutex_unlock(&drain->lock);
    return r;
}

void engine_drain_status(struct engine_drain *drain, struct engine_drain_status *ret_status)
{
    pthread_mutex_lock(&drain->lock);
    *ret_status = drain->status;
    pthread_mutex_unlock(&drain->lock);
}

/* Takes the drain off its pairs and leaves them in `state`. Waits for no reactor: the timers find nothing to
 * do until they are stopped. for_good: the engine forgets the drain too. */
static void let_go(struct engine_drain *drain, enum path_state state, bool for_good)
{
    struct engine *engine = drain->engine;
    struct list_node *node;
    bool stopped;

    target_dir_write(&engine->dir);
    while ((node = list_pop(&drain->paths))) {
        struct dir_path *path = container_of(node, struct dir_path, in_drain);

        path->state = state;
        path->drain = NULL;
    }
    if (for_good)
        list_remove(&drain->link);
    stopped = drain->stop_posted;
    drain->stop_posted = true;
    target_dir_unlock(&engine->dir);
    if (stopped)
        return;
    atomic_fetch_add(&drain->n_refs, 1);
    loop_post(engine->reactors[0].loop, &drain->stop_message);
}

static void set_cancelled(struct engine_drain *drain)
{
    pthread_mutex_lock(&drain->lock);
    drain->status.cancelled = true;
    pthread_cond_broadcast(&drain->cond);
    pthread_mutex_unlock(&drain->lock);
}

void engine_drain_cancel(struct engine_drain *drain)
{
    if (!drain->abandoned)
        let_go(drain, PATH_LISTED, /* for_good= */ false);
    set_cancelled(drain);
}

void engine_drain_free(struct engine_drain *drain)
{
    if (!drain)
        return;
    if (!drain->abandoned)
        let_go(drain, PATH_OUT, /* for_good= */ true);
    drain_unref(drain);
}

static void nothing(void *arg)
{
    (void)arg;
}

void target_drains_abandon(struct engine *engine)
{
    for (;;) {
        struct engine_drain *drain;

        target_dir_read(&engine->dir);
        drain =
            list_empty(&engine->drains) ? NULL : container_of(engine->drains.next, struct engine_drain, link);
        target_dir_unlock(&engine->dir);
        if (!drain)
            break;
        let_go(drain, PATH_OUT, /* for_good= */ true);
        drain->abandoned = true;
        set_cancelled(drain);
    }
    loop_call(engine->reactors[0].loop, nothing, NULL); /* behind the last message that stops a timer */
}
