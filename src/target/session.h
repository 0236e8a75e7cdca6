/* SPDX-License-Identifier: MIT */
/* Normal sessions: the registry by name (initiator, ISID, target, tag; RFC 7143 §6.3.5), reinstatement, and
 * the LUN map of each.
 *
 * A session belongs to its connection's reactor thread; the registry is shared, under its own lock.
 */
#ifndef VDS_TARGET_SESSION_H
#define VDS_TARGET_SESSION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "loop/loop.h"
#include "target/hash.h"

struct engine;
struct scsi_view;
struct target_conn;
struct target_reactor;
struct dir_path;
struct dir_target;

#define N_TSIH 65536

struct target_registry {
    pthread_mutex_t lock;
    struct hash sessions;
    uint8_t tsih_used[N_TSIH / 8];
    uint16_t tsih_last;
};

struct target_session {
    struct hash_node by_key;      /* registry's lock */
    struct target_conn *conn;     /* NULL once it has ended; registry's lock */
    bool killing;                 /* its connection has been told to go; registry's lock */
    struct list_node waiters;     /* connections that log in under the same name; registry's lock */
    struct engine *engine;
    struct dir_path *path;        /* pinned until the session is freed */
    struct scsi_view *view;
    char *initiator;
    uint8_t isid[6];
    uint16_t tsih;
    bool up;                      /* has been told to the listener of events */
    bool left_as_asked;           /* a drain asked, and the initiator went by itself */
    bool ending, syncing, sync_again;
    struct loop *loop;
    struct loop_message kick;     /* commands of the view that waited for another session may go on */
    atomic_bool kicked;           /* it is under way */
    struct list_node luns;        /* struct session_lun (lun.c) */
};

int target_registry_init(struct target_registry *registry);
void target_registry_fini(struct target_registry *registry);

/* Any thread: is that handle in use by a session of the target of that name? */
bool target_session_exists(struct target_registry *registry, const char *target, uint16_t tsih);

/* struct iscsi_directory's session_open, with the connection already pinned. */
int target_session_open(struct target_conn *conn, struct scsi_view **ret_view, uint16_t *ret_tsih);
/* The connection gives up its session, or its place among the waiters. Takes over its pin when it says
 * true. */
bool target_session_end(struct target_conn *conn);

/* lun.c: makes the view agree with the table; on the session's thread. quiet: first fill, no unit
 * attention. */
int target_session_sync_luns(struct target_session *session, bool quiet);
/* session.c, for lun.c: the last LUN has left a session that is ending. */
void target_session_free(struct target_session *session);

#endif
