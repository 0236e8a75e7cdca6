/* SPDX-License-Identifier: MIT */
/* The face of the target engine: what must exist on the wire. Knows no VDS and no COM; a second engine (the
 * kernel's) must fit behind it.
 *
 * Threads: any thread but a reactor's; calls block until every reactor has seen the change. Calls on
 * different objects may overlap. All return 0 or -errno. Objects are named by the caller's GUIDs. Nothing
 * here is durable: the caller replays its state at start.
 */
#ifndef VDS_TARGET_ENGINE_H
#define VDS_TARGET_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/guid.h"
#include "iscsi/iscsi.h"
#include "scsi/counters.h"

struct engine;

enum engine_event_kind {
    ENGINE_ADDRESSES_CHANGED, /* the host's addresses changed (netlink): look again */
    ENGINE_SESSION_UP,
    ENGINE_SESSION_DOWN,
    ENGINE_LISTENER_FAILED,   /* a listening socket died */
};
struct engine_event {
    enum engine_event_kind kind;
    struct guid object;       /* target (sessions) or portal (listener) */
    const char *initiator;    /* sessions */
};

struct engine_options {
    unsigned n_reactors;             /* 0 = number of CPUs this process may use */
    unsigned spin_us;
    bool force_epoll;
    struct iscsi_limits iscsi;       /* iscsi_limits_default */
    uint32_t max_connections;        /* in all; 0 = 4096 */
    uint32_t max_connections_per_source; /* per peer address; 0 = 1024 */
    uint64_t max_buffer_bytes;       /* task data, per reactor; 0 = 256 MiB */
    /* In order, on a thread of the engine's own; may lock, may call the engine (but engine_destroy()). May be
     * NULL. */
    void (*event)(void *arg, const struct engine_event *event);
    void *event_arg;
};

int engine_create(const struct engine_options *options, struct engine **ret_engine);
/* Closes every connection (event 2) and joins the threads. NULL is fine. */
void engine_destroy(struct engine *engine);

/* ---- host addresses -------------------------------------------------------------------------------- */

struct engine_address {
    struct sockaddr_storage addr; /* port 0 */
};
/* malloc'ed list of the unicast addresses that the host has now (IPv4 and IPv6, link-local with scope,
 * loopback included). */
int engine_host_addresses(struct engine_address **ret_addresses, size_t *ret_n);

/* ---- portals: listening sockets, one for all targets ----------------------------------------------- */

/* Binds and listens; a connect is accepted when this returns. One address, no wildcard (-EINVAL).
 * -EADDRINUSE, -EADDRNOTAVAIL (the address is not here), -EEXIST. */
int engine_portal_open(struct engine *engine, const struct guid *portal, const struct sockaddr_storage *addr);
/* Where an open portal listens: with a port even when it was opened with port 0. -ENOENT. */
int engine_portal_address(struct engine *engine, const struct guid *portal,
                          struct sockaddr_storage *ret_addr);
/* Closes the listening socket; connections are not touched (drain them first). -ENOENT. */
int engine_portal_close(struct engine *engine, const struct guid *portal);

/* ---- targets --------------------------------------------------------------------------------------- */

/* -EEXIST when the id or the iSCSI name is taken. */
int engine_target_create(struct engine *engine, const struct guid *target, const char *iscsi_name,
                         const char *alias);
/* Ends whatever sessions are left, unmaps its LUNs. -ENOENT. */
int engine_target_destroy(struct engine *engine, const struct guid *target);
int engine_target_set_alias(struct engine *engine, const struct guid *target, const char *alias);

/* CHAP. initiator NULL: the default for all; one of its own wins over the default. NULL secret: takes that
 * entry away. */
int engine_target_set_secret(struct engine *engine, const struct guid *target, const char *initiator,
                             const struct iscsi_secret *secret);
/* What the target proves itself with to that initiator (mutual CHAP). */
int engine_target_set_mutual(struct engine *engine, const struct guid *target, const char *initiator,
                             const struct iscsi_secret *secret);

/* The same for discovery sessions. Without a secret anyone may discover. */
int engine_discovery_set_secret(struct engine *engine, const char *initiator,
                                const struct iscsi_secret *secret);
int engine_discovery_set_mutual(struct engine *engine, const char *initiator,
                                const struct iscsi_secret *secret);

/* ---- (target, portal) -> tag: the one table behind SendTargets and login --------------------------- */

/* From the return on: SendTargets lists it, a login there answers `tag`. The portal's address text is what
 * discovery shows; the portal need not be open (it is listed only while open). -ENOENT, -EEXIST. */
int engine_path_add(struct engine *engine, const struct guid *target, const struct guid *portal,
                    uint16_t tag);
/* Only after a drain that ended well, or for a pair that has no connections. -ENOENT, -EBUSY. */
int engine_path_remove(struct engine *engine, const struct guid *target, const struct guid *portal);
/* Into another group: the pair has that tag and is listed again, with no moment between in which a login
 * there finds nothing. Only when engine_path_remove() would do. -ENOENT, -EBUSY. */
int engine_path_retag(struct engine *engine, const struct guid *target, const struct guid *portal,
                      uint16_t tag);

/* ---- draining: design section 4 -------------------------------------------------------------------- */

struct engine_drain;
struct engine_drain_status {
    unsigned n_start, n_left; /* connections of the pair(s): when it began, now. Progress = share gone */
    bool finished, cancelled; /* finished may come a little after n_left = 0: see engine_drain_start() */
};

/* Takes the pairs of a target with some portals (n_portals 0: with all of its portals; target NULL: of all
 * targets with the one portal) out of login and discovery at once, asks their connections to log out, closes
 * the rest at the limit. New logins get 0x0301, or a redirect 0x0101 to a surviving open portal of the same
 * group. An initiator that leaves as asked comes back to the address it knows: while there is such a portal,
 * the drain finishes only when those who left have been redirected or have come in elsewhere - at the latest
 * Time2Wait + 3 s after the last connection went, or at the limit. -ENOENT, -EBUSY (one is running on the
 * same pair). limit_ms 0: event 2 and close at once. */
int engine_drain_start(struct engine *engine, const struct guid *target, const struct guid *portals,
                       size_t n_portals, uint32_t limit_ms, struct engine_drain **ret_drain);
/* Waits until finished or cancelled, or timeout_ms (-1: for ever): 0, -ECANCELED, -ETIMEDOUT. Any number of
 * threads. */
int engine_drain_wait(struct engine_drain *drain, int timeout_ms);
void engine_drain_status(struct engine_drain *drain, struct engine_drain_status *ret_status);
/* Puts the pair(s) back into login and discovery; connections that stayed go on. Allowed until
 * engine_drain_free(), finished or not. */
void engine_drain_cancel(struct engine_drain *drain);
/* Ends the drain object. Not cancelled: the pair stays out of the tables until engine_path_remove(),
 * engine_path_retag() or engine_drain_cancel(). */
void engine_drain_free(struct engine_drain *drain);

/* ---- logical units --------------------------------------------------------------------------------- */

/* `lu` reference is shared (the engine takes its own). -EEXIST. */
int engine_lu_add(struct engine *engine, const struct guid *id, struct scsi_lu *lu);
/* Must be mapped nowhere: -EBUSY. */
int engine_lu_remove(struct engine *engine, const struct guid *id);
/* Who may see it: n names; all = everyone. Takes effect on live sessions, with unit attention. Default:
 * nobody. */
int engine_lu_set_mask(struct engine *engine, const struct guid *id, bool all, const char *const *initiators,
                       size_t n);
/* After scsi_lu_resized() made it smaller: returns when no command that began before can touch what lies
 * beyond `end` bytes. As long as the slowest of them takes, at most until its initiator is given up for dead.
 * -ENOENT. */
int engine_lu_settle(struct engine *engine, const struct guid *id, uint64_t end);
/* Live sessions get REPORTED LUNS DATA HAS CHANGED. -EEXIST when the number or the unit is mapped at this
 * target already. */
int engine_lun_map(struct engine *engine, const struct guid *target, uint16_t lun, const struct guid *lu);
/* Returns when no task of that target uses the unit any more. -ENOENT. */
int engine_lun_unmap(struct engine *engine, const struct guid *target, const struct guid *lu);

/* ---- sessions -------------------------------------------------------------------------------------- */

struct engine_session {
    uint64_t id;                /* unique in this engine's life */
    struct guid target, portal; /* target is null for discovery sessions */
    uint64_t since_ns;          /* age */
    unsigned reactor;
    char peer_address[80];
    struct iscsi_conn_facts facts;
    struct scsi_counters counters; /* none of a discovery session */
};
/* A snapshot; malloc'ed. */
int engine_session_list(struct engine *engine, struct engine_session **ret_sessions, size_t *ret_n);
/* Event 2 and close. -ENOENT. Returns when it is gone. */
int engine_session_drop(struct engine *engine, uint64_t id);

/* What has been done to each unit since engine_lu_add(), in no order. A snapshot; malloc'ed. */
struct engine_lu_counters {
    struct guid id;
    struct scsi_counters counters;
};
int engine_lu_counters(struct engine *engine, struct engine_lu_counters **ret_units, size_t *ret_n);

/* How many reactors, which backend ("io_uring", "epoll"), for status. */
unsigned engine_n_reactors(const struct engine *engine);
const char *engine_backend_name(const struct engine *engine);

#endif
