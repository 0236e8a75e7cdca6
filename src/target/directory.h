/* SPDX-License-Identifier: MIT */
/* What exists: targets, portals, units, and the one table (target, portal) -> tag that SendTargets, login and
 * draining all read.
 *
 * Not here: sessions (session.h), sockets (listener.h), the way a drain goes (drain.h).
 *
 * Lock: everything is read under `lock` held for reading and changed under it held for writing, but for the
 * atomics, which a reader may change too. So a login that counted itself in a pair (admit, reading) is seen
 * by the drain that takes the pair out (writing): nothing slips in between. The lock prefers writers and is
 * not recursive: never call into a connection while holding it.
 */
#ifndef VDS_TARGET_DIRECTORY_H
#define VDS_TARGET_DIRECTORY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/guid.h"
#include "base/list.h"
#include "iscsi/iscsi.h"
#include "target/address.h"
#include "target/engine.h"
#include "target/hash.h"
#include "target/idle.h"

/* LISTED: SendTargets shows the pair while the portal is open, a login there is admitted.
 * DRAINING: neither; `drain` says who is at it. OUT: neither; the drain object is gone
 * (engine_drain_free). */
enum path_state { PATH_LISTED, PATH_DRAINING, PATH_OUT };

struct dir_path {
    struct dir_target *target;
    struct dir_portal *portal;
    uint16_t tag;
    enum path_state state;
    atomic_uint n_conns; /* admitted and not released */
    struct engine_drain *drain;
    struct list_node in_target, in_portal, in_drain;
};

/* Exists while its socket is open or a pair names it. Connections refer to it by id only. */
struct dir_portal {
    struct hash_node by_id;
    struct guid id;
    bool open;
    struct target_listener *listener; /* while open; listener.c */
    struct sockaddr_storage addr;
    char address[ADDRESS_TEXT_SIZE];
    struct list_node paths;
};

/* Secrets: of everyone (`names` empty) or of one initiator, which then wins. */
struct dir_secret {
    struct list_node link;
    char initiator[ISCSI_NAME_MAX + 1];
    struct iscsi_secret in, mutual;
};

struct dir_auth {
    struct iscsi_secret in, mutual;
    struct list_node by_initiator; /* struct dir_secret */
};

struct dir_target {
    struct hash_node by_id, by_name;
    struct guid id;
    char name[ISCSI_NAME_MAX + 1];
    char *alias;
    struct list_node link;  /* directory->targets, in order of creation: that of SendTargets */
    struct list_node paths; /* in order of creation */
    atomic_uint n_conns;    /* of all its pairs, those taken away too */
    struct dir_auth auth;
    struct list_node luns; /* struct dir_lun, by number */
};

struct dir_lu {
    struct hash_node by_id;
    struct guid id;
    struct scsi_lu *lu;
    bool everyone;
    char **initiators; /* sorted, without case */
    size_t n_initiators;
    unsigned n_maps;
};

/* A unit mapped at a target. Freed with its last reference: the table's, and one for each session that has it
 * in its view. */
struct dir_lun {
    struct list_node link;
    struct dir_lu *lu;
    uint16_t number;
    bool leaving;           /* being unmapped: the number stays taken until no session uses it any more */
    atomic_uint n_refs;
    atomic_uint n_leaving;  /* sessions that still have tasks on it although it was taken from them */
};

struct target_directory {
    pthread_rwlock_t lock;
    struct target_idle idle; /* n_conns of targets, n_leaving of LUNs */
    struct hash targets_by_id, targets_by_name, portals, units;
    struct list_node targets;
    struct dir_auth discovery_auth;
};

/* -ENOMEM; target_dir_fini() is due all the same. */
int target_dir_init(struct target_directory *dir);
void target_dir_fini(struct target_directory *dir);

void target_dir_read(struct target_directory *dir);
void target_dir_write(struct target_directory *dir);
void target_dir_unlock(struct target_directory *dir);

/* Under the lock. NULL when there is none. */
struct dir_target *target_dir_target(const struct target_directory *dir, const struct guid *id);
struct dir_target *target_dir_target_by_name(const struct target_directory *dir, const char *name);
struct dir_portal *target_dir_portal(const struct target_directory *dir, const struct guid *id);
struct dir_path *target_dir_path(const struct dir_target *target, const struct guid *portal);
/* A pair with the same tag that takes logins now. */
struct dir_path *target_dir_twin(const struct dir_path *path);
bool target_dir_path_is_open(const struct dir_path *path);

/* Under the lock for writing. */
int target_dir_portal_open(struct target_directory *dir, const struct guid *id,
                           const struct sockaddr_storage *addr, struct target_listener *listener);
int target_dir_portal_close(struct target_directory *dir, const struct guid *id,
                            struct target_listener **ret_listener);
int target_dir_target_add(struct target_directory *dir, const struct guid *id, const char *name,
                          const char *alias);
int target_dir_path_add(struct target_directory *dir, const struct guid *target, const struct guid *portal,
                        uint16_t tag);
void target_dir_path_free(struct target_directory *dir, struct dir_path *path);
/* Out of every table: no login finds it any more. The caller frees it when its connections are gone. */
void target_dir_target_hide(struct target_directory *dir, struct dir_target *target);
void target_dir_target_free(struct target_directory *dir, struct dir_target *target);

/* Counts one connection in, or out again: under the lock for reading. */
void target_dir_pin(struct dir_path *path);
void target_dir_unpin(struct target_directory *dir, struct dir_path *path);

/* lun.c, under the lock for writing: the LUNs of a target that has no sessions any more; all units, at the
 * end. */
void target_luns_free(struct dir_target *target);
void target_units_free(struct target_directory *dir);

/* Secrets (auth.c). */
void target_auth_init(struct dir_auth *auth);
void target_auth_fini(struct dir_auth *auth);
int target_auth_set(struct dir_auth *auth, const char *initiator, const struct iscsi_secret *secret,
                    bool mutual);
/* `user_of_target`: what we call ourselves in mutual CHAP. */
void target_auth_find(const struct dir_auth *auth, const char *initiator, const char *user_of_target,
                      struct iscsi_auth *ret_auth);

#endif
