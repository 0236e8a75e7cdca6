/* SPDX-License-Identifier: MIT */
#include "target/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "scsi/scsi.h"
#include "target/conn.h"

#define PORT_NAME_SIZE (ISCSI_NAME_MAX + 24)

/* ---- the registry ---------------------------------------------------------------------------------- */

int target_registry_init(struct target_registry *registry)
{
    *registry = (struct target_registry){ 0 };
    pthread_mutex_init(&registry->lock, NULL);
    return target_hash_init(&registry->sessions);
}

void target_registry_fini(struct target_registry *registry)
{
    target_hash_fini(&registry->sessions);
    pthread_mutex_destroy(&registry->lock);
}

static uint64_t key_hash(const char *initiator, const uint8_t isid[6], const struct dir_path *path)
{
    return target_hash_name(initiator) ^ target_hash_bytes(isid, 6) * 31 ^ guid_hash(&path->target->id) ^
           path->tag;
}

static struct target_session *find(const struct target_registry *registry, uint64_t hash,
                                   const char *initiator, const uint8_t isid[6], const struct dir_path *path)
{
    for (struct hash_node *n = target_hash_first(&registry->sessions, hash); n; n = target_hash_next(n)) {
        struct target_session *session = container_of(n, struct target_session, by_key);

        if (session->path->target == path->target && session->path->tag == path->tag &&
            memcmp(session->isid, isid, 6) == 0 && strcasecmp(session->initiator, initiator) == 0)
            return session;
    }
    return NULL;
}

/* 0 when all are taken: it is no handle (RFC 7143 §11.12.6). Goes round, so that a handle is not given out
 * again at once. */
static uint16_t tsih_take(struct target_registry *registry)
{
    for (unsigned i = 1; i < N_TSIH; i++) {
        uint16_t tsih = (uint16_t)(registry->tsih_last + i);

        if (tsih == 0 || registry->tsih_used[tsih / 8] & 1u << tsih % 8)
            continue;
        registry->tsih_used[tsih / 8] |= (uint8_t)(1u << tsih % 8);
        registry->tsih_last = tsih;
        return tsih;
    }
    return 0;
}

static void tsih_give(struct target_registry *registry, uint16_t tsih)
{
    registry->tsih_used[tsih / 8] &= (uint8_t)~(1u << tsih % 8);
}

/* Asked only by a login that will be refused one way or the other: a walk is good enough. Targets of sessions
 * do not go away. */
bool target_session_exists(struct target_registry *registry, const char *target, uint16_t tsih)
{
    bool found = false;

    pthread_mutex_lock(&registry->lock);
    for (size_t i = 0; i < registry->sessions.n_buckets && !found; i++) {
        for (struct hash_node *n = registry->sessions.buckets[i]; n && !found; n = n->next) {
            const struct target_session *session = container_of(n, struct target_session, by_key);

            found = session->tsih == tsih && strcasecmp(session->path->target->name, target) == 0;
        }
    }
    pthread_mutex_unlock(&registry->lock);
    return found;
}

/* ---- reinstatement: the old session goes first ----------------------------------------------------- */

static void kill_run(struct loop_message *message)
{
    struct target_conn *conn = container_of(message, struct target_conn, kill);

    log_debug("session reinstated: its old connection from %s is closed", conn->peer_address);
    conn->dropped = true;
    target_conn_kill(conn);
    target_conn_unposted(conn);
}

static void retry_run(struct loop_message *message)
{
    struct target_conn *conn = container_of(message, struct target_conn, retry);
    struct scsi_view *view = NULL;
    uint16_t tsih = 0;
    int r;

    if (conn->opening) {
        r = target_session_open(conn, &view, &tsih);
        if (r != -EINPROGRESS)
            iscsi_conn_session_ready(conn->iscsi, r, view, tsih);
    }
    target_conn_unposted(conn);
}

/* Under the registry's lock: while the session is in it, its connection lives. */
static void wait_for(struct target_conn *conn, struct target_session *old)
{
    list_append(&old->waiters, &conn->in_waiters);
    if (old->killing || !old->conn)
        return;
    old->killing = true;
    atomic_fetch_add(&old->conn->n_posted, 1);
    old->conn->kill.run = kill_run;
    loop_post(old->conn->reactor->loop, &old->conn->kill);
}

/* Each tries again: the first to come gets the name, the next one reinstates that one in its turn. */
static void waiters_retry(struct target_session *session)
{
    struct list_node *node;

    while ((node = list_pop(&session->waiters))) {
        struct target_conn *conn = container_of(node, struct target_conn, in_waiters);

        atomic_fetch_add(&conn->n_posted, 1);
        conn->retry.run = retry_run;
        loop_post(conn->reactor->loop, &conn->retry);
    }
}

/* ---- commands that waited for another session (scsi_nexus.kick) ------------------------------------ */

static void memory_free(struct target_session *session)
{
    free(session->initiator);
    free(session);
}

static void kick_run(struct loop_message *message)
{
    struct target_session *session = container_of(message, struct target_session, kick);

    atomic_store(&session->kicked, false);
    if (session->view)
        scsi_view_run(session->view);
    else
        memory_free(session); /* it ended while the message was under way */
}

static void kick(void *arg)
{
    struct target_session *session = arg;

    if (!atomic_exchange(&session->kicked, true))
        loop_post(session->loop, &session->kick);
}

/* ---- open and close -------------------------------------------------------------------------------- */

static struct target_session *session_new(struct target_conn *conn)
{
    struct target_session *session = calloc(1, sizeof *session);

    if (!session)
        return NULL;
    session->initiator = strdup(iscsi_conn_initiator(conn->iscsi));
    if (!session->initiator) {
        free(session);
        return NULL;
    }
    session->conn = conn;
    session->engine = conn->reactor->engine;
    session->loop = conn->reactor->loop;
    session->kick.run = kick_run;
    session->path = conn->path;
    memcpy(session->isid, iscsi_conn_isid(conn->iscsi), sizeof session->isid);
    list_init(&session->waiters);
    list_init(&session->luns);
    return session;
}

/* 0, -EINPROGRESS (the connection waits), -ENOSPC (no handle left). */
static int enter(struct target_registry *registry, struct target_session *session)
{
    uint64_t hash = key_hash(session->initiator, session->isid, session->path);
    struct target_session *old;
    int r = 0;

    pthread_mutex_lock(&registry->lock);
    old = find(registry, hash, session->initiator, session->isid, session->path);
    if (old) {
        wait_for(session->conn, old);
        r = -EINPROGRESS;
    } else if (!(session->tsih = tsih_take(registry))) {
        r = -ENOSPC;
    } else {
        target_hash_add(&registry->sessions, &session->by_key, hash);
    }
    pthread_mutex_unlock(&registry->lock);
    return r;
}

static void leave(struct target_registry *registry, struct target_session *session)
{
    pthread_mutex_lock(&registry->lock);
    target_hash_remove(&registry->sessions, &session->by_key);
    tsih_give(registry, session->tsih);
    waiters_retry(session);
    pthread_mutex_unlock(&registry->lock);
}

/* Tags of all groups that the target has portals in, for REPORT TARGET PORT GROUPS. On a reactor thread,
 * under no lock. */
static size_t list_tags(void *arg, uint16_t *tags, size_t n_max)
{
    const struct target_session *session = arg;
    struct target_directory *dir = &session->engine->dir;
    size_t n = 0;

    target_dir_read(dir);
    list_for_each(node, &session->path->target->paths) {
        uint16_t tag = container_of(node, struct dir_path, in_target)->tag;
        size_t i = 0;

        while (i < n && tags[i] != tag)
            i++;
        if (i == n && n < n_max)
            tags[n++] = tag;
    }
    target_dir_unlock(dir);
    return n;
}

/* The names of the two SCSI ports: RFC 7143 §4.4. */
static int view_create(struct target_session *session)
{
    const uint8_t *isid = session->isid;
    char initiator_port[PORT_NAME_SIZE], target_port[PORT_NAME_SIZE];
    struct scsi_nexus nexus = {
        .initiator_port = initiator_port,
        .target_port = target_port,
        .target_name = session->path->target->name,
        .tag = session->path->tag,
        .list_tags = list_tags,
        .list_tags_arg = session,
        .kick = kick,
        .kick_arg = session,
    };

    snprintf(initiator_port, sizeof initiator_port, "%s,i,0x%02x%02x%02x%02x%02x%02x", session->initiator,
             isid[0], isid[1], isid[2], isid[3], isid[4], isid[5]);
    snprintf(target_port, sizeof target_port, "%s,t,0x%04x", session->path->target->name, session->path->tag);
    return scsi_view_create(&nexus, &session->view);
}

void target_session_free(struct target_session *session)
{
    struct engine *engine = session->engine;
    struct guid target = session->path->target->id;

    scsi_view_destroy(TAKE_PTR(session->view)); /* from here on nobody kicks; a kick may be under way */
    leave(&engine->registry, session);
    if (session->up)
        target_events_add(&engine->events, ENGINE_SESSION_DOWN, &target, session->initiator);
    target_release_pin(engine, session->path, session->left_as_asked ? session->initiator : NULL);
    if (!atomic_load(&session->kicked))
        memory_free(session);
}

/* Takes every LUN from the session, then frees it: at once, because its tasks are gone, or else when the last
 * task is. */
static void session_end(struct target_session *session)
{
    pthread_mutex_lock(&session->engine->registry.lock);
    session->conn = NULL;
    pthread_mutex_unlock(&session->engine->registry.lock);
    session->ending = true;
    target_session_sync_luns(session, /* quiet= */ true);
}

int target_session_open(struct target_conn *conn, struct scsi_view **ret_view, uint16_t *ret_tsih)
{
    struct target_registry *registry = &conn->reactor->engine->registry;
    struct target_session *session = session_new(conn);
    int r;

    conn->opening = false;
    if (!session)
        return -ENOMEM;
    r = enter(registry, session);
    if (r < 0) {
        conn->opening = r == -EINPROGRESS;
        memory_free(session);
        return r;
    }
    r = view_create(session);
    if (r == 0)
        r = target_session_sync_luns(session, /* quiet= */ true);
    if (r < 0) {
        log_error("session of %s at %s refused: %s", session->initiator, session->path->target->name,
                  strerror(-r));
        conn->session = session; /* ends with the connection's release() */
        return r;
    }
    conn->session = session;
    session->up = true;
    log_debug("session of %s at %s,%u through %s is up", session->initiator, session->path->target->name,
              session->path->tag, conn->local_address);
    target_events_add(&session->engine->events, ENGINE_SESSION_UP, &session->path->target->id,
                      session->initiator);
    *ret_view = session->view;
    *ret_tsih = session->tsih;
    return 0;
}

static void stop_waiting(struct target_conn *conn)
{
    struct target_registry *registry = &conn->reactor->engine->registry;

    pthread_mutex_lock(&registry->lock);
    list_remove(&conn->in_waiters);
    pthread_mutex_unlock(&registry->lock);
    conn->opening = false;
}

bool target_session_end(struct target_conn *conn)
{
    if (conn->opening)
        stop_waiting(conn);
    if (!conn->session)
        return false;
    log_debug("session of %s through %s is down", conn->session->initiator, conn->local_address);
    conn->session->left_as_asked = conn->asked && !conn->dropped;
    session_end(TAKE_PTR(conn->session));
    return true;
}
