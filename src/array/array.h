/* SPDX-License-Identifier: MIT */
/* The array: its objects, the rules between them, and the operations that change them (design sections 3-5).
 * Speaks HRESULT and GUIDs, UTF-8 and host byte order; knows no COM, no D-Bus, no PDU.
 *
 * Every operation runs the same pipeline: admit -> prepare -> commit -> activate -> complete. A failure to
 * admit comes from the call itself and makes no operation object. Objects are locked one by one, never the
 * array.
 *
 * Threads: any. HRESULTs other than success come with a sentence in error_text_get() (base/error_text.h) that
 * names the object.
 */
#ifndef VDS_ARRAY_ARRAY_H
#define VDS_ARRAY_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <vds/vdserr.h>   /* HRESULT and codes */
#include <vds/vdstypes.h> /* VDS_* enumerations: status, health, flags, event numbers; no interfaces */

#include "base/guid.h"
#include "target/engine.h"

struct array;
struct array_op;

struct array_notification {
    uint32_t event;       /* VDS_NF_... */
    uint32_t object_type; /* VDS_NTT_... */
    struct guid id;
};

struct array_options {
    const char *state_dir;              /* holds array.db and, by default, the drive "default" */
    const char *const *drives;          /* directories for LUN files; none: <state_dir>/drive0 */
    size_t n_drives;
    /* "ADDR[:PORT]" or "[V6]:PORT" list; none: every address of the host x default_port */
    const char *const *portals;
    size_t n_portals;
    uint16_t default_port;              /* 0: 3260 */
    uint32_t max_groups;                /* per target; 0: 65535 */
    uint32_t drain_seconds;             /* default limit of a drain; 0: 15 */
    uint64_t max_memory;                /* bytes of all LUNs that live in memory; 0: 1 GiB */
    uint32_t max_operations;            /* that run at once, each on a thread; more wait in line. 0: 256 */
    struct engine_options engine;
    /* One call per event of the array: events that belong together come together. On a thread of the array's,
     * in order, never while an object is locked. */
    void (*notify)(void *arg, const struct array_notification *events, size_t n);
    void *notify_arg;
};

/* Opens or makes the state, starts the engine, replays the state onto it. Comes up even when a portal's
 * address or a LUN's file is missing: that is a status. Fails only when the state file is unreadable or
 * locked by another service. */
HRESULT array_open(const struct array_options *options, struct array **ret_array);
/* Waits for running operations to reach a point that survives (drains are cut short), stops the engine. NULL
 * is fine. */
void array_close(struct array *array);

/* ---- reading: never blocks on operations ----------------------------------------------------- */

enum array_relation {
    /* of: NULL */
    ARRAY_TARGETS,
    ARRAY_PORTALS,
    ARRAY_LUNS,
    ARRAY_DRIVES,
    ARRAY_CONTROLLERS,
    /* of: the object named last */
    ARRAY_GROUPS_OF_TARGET,
    ARRAY_LUNS_OF_TARGET,
    ARRAY_PORTALS_OF_GROUP,
    ARRAY_GROUPS_OF_PORTAL,
    ARRAY_TARGETS_OF_LUN,
};

/* A snapshot of ids, malloc'ed (NULL and 0 when there are none), in a stable order. VDS_E_OBJECT_DELETED when
 * `of` is gone, VDS_E_PROVIDER_CACHE_CORRUPT, VDS_E_OBJECT_STATUS_FAILED (array level relations, subsystem
 * failed). */
HRESULT array_query(struct array *array, enum array_relation relation, const struct guid *of,
                    struct guid **ret_ids, size_t *ret_n);

#define ARRAY_NAME_MAX 255 /* bytes of UTF-8 in a friendly name */

struct array_subsystem_info {
    struct guid id, provider_id;
    char name[ARRAY_NAME_MAX + 1], identification[64];
    uint32_t flags;     /* VDS_SF_... */
    uint32_t status;    /* VDS_SSS_... */
    uint32_t health;    /* VDS_H_... */
    uint64_t capacity, free; /* bytes over all drives, a file system that several lie on counted once */
    int16_t slots; /* of the one bus: 0 to this less 1; some may be empty, for a drive keeps its slot */
    char reason[256];   /* why it is not ONLINE, or "" */
    char import_target[ISCSI_NAME_MAX + 1]; /* where imported LUNs are to be tied, or "" */
};
struct array_portal_info {
    struct guid id;
    struct sockaddr_storage addr; /* with port */
    char text[80];                /* "127.0.0.1:3260", "[::1]:3260" */
    uint32_t status;              /* VDS_IPS_... */
    bool address_present, admin_offline;
};
struct array_target_info {
    struct guid id;
    char iscsi_name[ISCSI_NAME_MAX + 1], friendly_name[ARRAY_NAME_MAX + 1];
    bool chap;
};
struct array_group_info {
    struct guid id, target;
    uint16_t tag;
};
enum { /* what a LUN is beyond what VDS knows; the numbers are those in the state */
    ARRAY_LUN_REMOVABLE = 1,
    ARRAY_LUN_READ_ONLY = 2,
    ARRAY_LUN_VOLATILE = 4,             /* lives in memory; empty after every start */
    ARRAY_LUN_FEATURES = 7,
};

struct array_lun_info {
    struct guid id, drive;
    char friendly_name[ARRAY_NAME_MAX + 1];
    char identification[40];      /* unit serial number = VPD 80h */
    char *mask;                   /* malloc'ed: "*", "" or names separated by semicolons */
    uint64_t size, allocated;     /* bytes */
    bool thick;
    uint32_t features;            /* ARRAY_LUN_... */
    uint32_t block_size, physical_block_size;
    uint32_t flags, status, health, transition; /* VDS_LF_, VDS_LS_, VDS_H_, VDS_TS_ */
};
struct array_drive_info {
    struct guid id;
    char path[256], friendly_name[ARRAY_NAME_MAX + 1];
    uint64_t size, free;
    struct guid pool;             /* the drives of one file system share it and their space; lasts */
    bool takes_luns;              /* new ones: it is ONLINE, and named by the administrator */
    uint32_t flags, status, health;
    int16_t bus, slot;
};
struct array_controller_info {
    struct guid id;
    char friendly_name[ARRAY_NAME_MAX + 1], identification[64];
    uint32_t status, health;
};

/* S_OK; VDS_E_OBJECT_DELETED when the id names nothing (any more); VDS_E_PROVIDER_CACHE_CORRUPT. */
HRESULT array_subsystem_get(struct array *array, struct array_subsystem_info *ret_info);
HRESULT array_portal_get(struct array *array, const struct guid *id, struct array_portal_info *ret_info);
HRESULT array_target_get(struct array *array, const struct guid *id, struct array_target_info *ret_info);
HRESULT array_group_get(struct array *array, const struct guid *id, struct array_group_info *ret_info);
HRESULT array_lun_get(struct array *array, const struct guid *id, struct array_lun_info *ret_info);
void array_lun_info_fini(struct array_lun_info *info);
HRESULT array_drive_get(struct array *array, const struct guid *id, struct array_drive_info *ret_info);
HRESULT array_controller_get(struct array *array, const struct guid *id,
                             struct array_controller_info *ret_info);
/* Many objects at once: one consistent snapshot. Rows stand in the order of array_query(). */
enum array_tree_part {
    ARRAY_TREE_PORTALS = 1,
    ARRAY_TREE_TARGETS = 2,
    ARRAY_TREE_GROUPS = 4,
    ARRAY_TREE_LUNS = 8
};

struct array_tree_member { /* a portal in a group */
    struct guid group, portal;
};
struct array_tree_tie { /* a LUN at a target */
    struct guid lun, target;
    uint16_t number;
};
struct array_tree {
    struct array_portal_info *portals;
    struct array_target_info *targets;
    struct array_group_info *groups;
    struct array_tree_member *members; /* with the groups */
    struct array_lun_info *luns;
    struct array_tree_tie *ties;       /* with the LUNs */
    size_t n_portals, n_targets, n_groups, n_members, n_luns, n_ties;
};
/* Failures are those of array_query() that asks the array, and E_OUTOFMEMORY. array_tree_fini() after
 * success. */
HRESULT array_tree_get(struct array *array, unsigned parts, struct array_tree *ret_tree);
void array_tree_fini(struct array_tree *tree);

/* What the unit says of itself on the wire: standard INQUIRY without the padding, VPD 80h, the NAA designator
 * of VPD 83h. */
struct array_lun_inquiry {
    char vendor[9], product[17], revision[5], serial[40];
    uint8_t naa[16], naa_len;
};
HRESULT array_lun_inquiry(struct array *array, const struct guid *id, struct array_lun_inquiry *ret_inquiry);
/* The disk signature of what initiators have written: GPT's disk GUID, or the MBR's four bytes (in data1), or
 * the null GUID. */
HRESULT array_lun_signature(struct array *array, const struct guid *id, struct guid *ret_signature);
/* The number a LUN has at a target; VDS_E_OBJECT_NOT_FOUND when not tied. */
HRESULT array_lun_number(struct array *array, const struct guid *lun, const struct guid *target,
                         uint16_t *ret_number);
/* Does an object of that VDS_OBJECT_TYPE exist now? */
bool array_exists(struct array *array, uint32_t object_type, const struct guid *id);
/* The engine, for facts that the array does not keep (sessions). */
struct engine *array_engine(struct array *array);

/* ---- operations ------------------------------------------------------------------------------ */

/* ret_op carries a reference. `output`, when the operation makes an object: its id. A call returns S_OK when
 * it has started something, VDS_S_ALREADY_EXISTS (result of the call and of an operation that has ended
 * already) when there was nothing to do. */
HRESULT array_target_create(struct array *array, const char *iscsi_name, const char *friendly_name,
                            struct array_op **ret_op);
HRESULT array_target_delete(struct array *array, const struct guid *target, struct array_op **ret_op);
HRESULT array_group_create(struct array *array, const struct guid *target, struct array_op **ret_op);
HRESULT array_group_delete(struct array *array, const struct guid *group, struct array_op **ret_op);
HRESULT array_group_add_portal(struct array *array, const struct guid *group, const struct guid *portal,
                               struct array_op **ret_op);
#define ARRAY_DRAIN_DEFAULT UINT32_MAX
HRESULT array_group_remove_portal(struct array *array, const struct guid *group, const struct guid *portal,
                                  uint32_t drain_ms, struct array_op **ret_op);
/* The group holds exactly these portals afterwards (any number, in any order). Those that come take logins
 * before those that go are drained; a failure or a cancel ends with the group as it was. One that is in
 * another group of the target: VDS_E_INVALID_OPERATION. */
HRESULT array_group_set_portals(struct array *array, const struct guid *group, const struct guid *portals,
                                size_t n, uint32_t drain_ms, struct array_op **ret_op);
/* Out of one group and into another, of the same target (the pair gets the other tag) or of another one,
 * likewise all or nothing. VDS_E_OBJECT_NOT_FOUND: no such portal in the group, or `to` is no group. */
HRESULT array_group_move_portal(struct array *array, const struct guid *group, const struct guid *portal,
                                const struct guid *to, uint32_t drain_ms, struct array_op **ret_op);

struct array_lun_spec {
    uint64_t size;                 /* bytes; rounded up to 1 MiB */
    bool thick;
    const struct guid *drives;     /* candidates in order of preference; none: any */
    size_t n_drives;
    const char *mask;              /* as array_lun_info.mask */
    const char *friendly_name;     /* NULL: one is made */
    uint32_t features;             /* ARRAY_LUN_... */
    uint32_t block_size;           /* 512 or 4096; 0: 512 */
    uint32_t physical_block_size;  /* a power of two, block_size to 65536; 0: block_size */
    bool write_through;            /* array_lun_set_write_through() at once */
};
HRESULT array_lun_create(struct array *array, const struct array_lun_spec *spec, struct array_op **ret_op);

/* By at least that much, rounded up to 1 MiB. A thin LUN may grow beyond what its drive has free. The drives
 * named must exist; a LUN stays on its own. VDS_E_NOT_ENOUGH_SPACE, VDS_E_OBJECT_STATUS_FAILED. */
HRESULT array_lun_extend(struct array *array, const struct guid *lun, uint64_t n_bytes,
                         const struct guid *drives, size_t n_drives, struct array_op **ret_op);
/* The most that this gives now, in whole MiB: what is free on the drive, or of the memory for LUNs.
 * VDS_E_OBJECT_STATUS_FAILED. */
HRESULT array_lun_room(struct array *array, const struct guid *lun, uint64_t *ret_bytes);
/* From the end, by at most that much: what is left is rounded up to 1 MiB. VDS_E_INVALID_SHRINK_SIZE when
 * nothing would be left. The operation ends VDS_E_SHRINK_OVER_DATA when anything but zeros would be cut off,
 * unless forced. */
HRESULT array_lun_shrink(struct array *array, const struct guid *lun, uint64_t n_bytes, bool force,
                         struct array_op **ret_op);

/* Blocking, as their VDS methods are. */
HRESULT array_lun_delete(struct array *array, const struct guid *lun);
HRESULT array_lun_set_mask(struct array *array, const struct guid *lun, const char *mask);
HRESULT array_lun_associate_targets(struct array *array, const struct guid *lun, const struct guid *targets,
                                    size_t n);
/* VDS_S_NAME_TRUNCATED */
HRESULT array_lun_set_name(struct array *array, const struct guid *lun, const char *name);
/* Every write is on the drive when it is answered (VDS_LF_WRITE_THROUGH_CACHING_ENABLED), what was written
 * before as well; or write caching again. Initiators can switch it, too, by the caching mode page.
 * VDS_E_OBJECT_STATUS_FAILED: the LUN has failed. */
HRESULT array_lun_set_write_through(struct array *array, const struct guid *lun, bool on);
HRESULT array_target_set_name(struct array *array, const struct guid *target, const char *name);
/* CHAP. The secret that initiators prove themselves with, or (mutual) that the array proves itself with; 12
 * to 16 bytes, n 0: none from now on. initiator NULL: for all that have none of their own. target NULL: for
 * discovery sessions. E_INVALIDARG: a secret of another length, a name that is none, or the secret of the
 * other direction for that initiator (RFC 7143 9.2.1). */
HRESULT array_secret_set(struct array *array, const struct guid *target, bool mutual, const char *initiator,
                         const void *secret, size_t n);
/* Must initiators prove themselves to discover? */
HRESULT array_discovery_chap(struct array *array, bool *ret_chap);
HRESULT array_subsystem_set_name(struct array *array, const char *name);
/* ONLINE, OFFLINE (drains) */
HRESULT array_portal_set_status(struct array *array, const struct guid *portal, uint32_t status);
/* "" takes it away. E_INVALIDARG: no iSCSI name. */
HRESULT array_subsystem_set_import_target(struct array *array, const char *iscsi_name);

/* ONLINE or OFFLINE (the two numbers are the same in every VDS_..._STATUS), durable. Offline, a LUN answers
 * NOT READY, a drive lets its LUNs fail and takes no new ones; the subsystem or its controller drains every
 * portal, closes it and lets every LUN answer NOT READY. A LUN cannot be ONLINE on a drive or an array that
 * is offline: VDS_E_OBJECT_STATUS_FAILED. */
enum array_status_of {
    ARRAY_STATUS_SUBSYSTEM,
    ARRAY_STATUS_CONTROLLER,
    ARRAY_STATUS_DRIVE,
    ARRAY_STATUS_LUN
};
HRESULT array_set_status(struct array *array, enum array_status_of kind, const struct guid *id,
                         uint32_t status);

/* Tells everybody that a LUN, a drive, the controller or the subsystem (VDS_OT_...) is different now in a way
 * that only its owner knows. */
HRESULT array_note(struct array *array, uint32_t object_type, const struct guid *id);

/* ---- operation objects ----------------------------------------------------------------------- */

struct array_op_result {
    HRESULT hr;                    /* VDS_E_OPERATION_PENDING while it runs */
    unsigned percent;              /* 0..99 while running, 100 when ended */
    struct guid output;            /* the object made (or, with VDS_S_ALREADY_EXISTS, found) */
    char text[256];                /* the sentence that goes with a failure */
};
struct array_op *array_op_ref(struct array_op *op);
void array_op_unref(struct array_op *op);   /* does not cancel */
/* timeout_ms -1: for ever. false: timed out. */
bool array_op_wait(struct array_op *op, int timeout_ms);
void array_op_result(struct array_op *op, struct array_op_result *ret_result);
/* Calls done(arg) once when it has ended (at once when it has already), on any thread. For deferred
 * replies. */
void array_op_on_end(struct array_op *op, void (*done)(void *arg), void *arg);
/* S_OK: it will end VDS_E_OPERATION_CANCELED. VDS_E_CANCEL_TOO_LATE after commit, VDS_E_OPERATION_CANCELED
 * when it was before. */
HRESULT array_op_cancel(struct array_op *op);

/* ---- the provider cache (design section 5) --------------------------------------------------- */

/* Looks for portals (host addresses) and drives that are new or gone, and accepts a state file changed behind
 * us as the one to read. */
HRESULT array_reenumerate(struct array *array);
/* Rereads the state into the cache and onto the engine, with notifications for what differs. Ends
 * VDS_E_PROVIDER_CACHE_CORRUPT after a reenumerate. */
HRESULT array_refresh(struct array *array);

#endif
