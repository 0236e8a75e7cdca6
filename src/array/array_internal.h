/* SPDX-License-Identifier: MIT */
/* Private to src/array.
 *
 * Locks, in the order in which they may be taken together:
 *
 *      array->scan_lock, secrets_lock  >  portal->io_lock  >  array->lock  >  op->lock, notifier->lock
 *
 * array->lock guards every object and list of the cache and is held for look-ups and edits only: never over a
 * call of the engine, of the state or of a sink. What keeps two operations apart over long stretches are the
 * marks on the objects (locks.h part below).
 */
#ifndef VDS_ARRAY_INTERNAL_H
#define VDS_ARRAY_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "array/array.h"
#include "base/cleanup.h"
#include "base/error_text.h"
#include "base/list.h"
#include "base/log.h"
#include "scsi/scsi.h"
#include "state/state.h"
#include "store/store.h"

#define LUN_ROUND         (UINT64_C(1) << 20) /* sizes are whole mebibytes */
#define TEXT_MAX          256
#define LU_VENDOR         "VDS"
#define LU_PRODUCT        "VIRTUAL-DISK"
#define LU_REVISION       "0.1"
#define RETRY_FIRST_MS    50   /* between looks at what failed (state, listeners), doubling up to the last */
#define RETRY_LAST_MS     5000
#define START_WAIT_MS     2000 /* for the ports of a service that has just been killed */
#define OPS_MAX           256 /* worker threads, so operations that run at once; more wait in line */
#define DRAIN_SECONDS     15
#define MAX_MEMORY        (UINT64_C(1) << 30) /* of all volatile LUNs */

/* ---- objects: cache.c ------------------------------------------------------------------------ */

enum object_kind {
    OBJECT_SUBSYSTEM,
    OBJECT_CONTROLLER,
    OBJECT_PORTAL,
    OBJECT_TARGET,
    OBJECT_GROUP,
    OBJECT_DRIVE,
    OBJECT_LUN,
    OBJECT_N_KINDS
};

struct object {
    enum object_kind kind;
    struct guid id;
    bool visible;             /* committed; until then it only keeps its id and name from being taken */
    struct object *hash_next;
    struct list_node link;    /* cache->all[kind], oldest first */
    bool busy, closing;       /* locks.c */
    unsigned n_pins;
};

/* A portal in a group, a LUN at a target: seen by others only while HERE. */
enum part_state { PART_ARRIVING, PART_HERE, PART_LEAVING };

struct portal {
    struct object object;
    char address[80];
    uint16_t port;
    struct sockaddr_storage addr;
    bool offline;             /* by the administrator */
    bool present;             /* the address is on this host */
    bool configured;          /* named by --portal: stays also without a group and an address */
    struct list_node paths;   /* path.in_portal */
    unsigned n_holds;         /* groups that hold it, arriving ones included */
    pthread_mutex_t io_lock;  /* serialises opening and closing */
    bool open;                /* the engine listens; written under both locks */
    bool died;                /* the engine said that the listener failed */
    bool barred;              /* the subsystem or the controller is offline */
    bool opening;             /* SetStatus(ONLINE) tries the port before it commits */
    int listen_error;         /* why it does not although it should; 0 */
};

/* CHAP secrets of a target, or of discovery. */
struct secrets {
    struct state_secret *rows; /* those of discovery have no target */
    size_t n;
};

struct target {
    struct object object;
    char iscsi_name[ISCSI_NAME_MAX + 1], name[ARRAY_NAME_MAX + 1];
    uint32_t next_tag;
    struct list_node groups;  /* group.in_target */
    unsigned n_groups;        /* visible or not */
    struct list_node paths;   /* path.in_target */
    struct list_node ties;    /* tie.in_target */
    struct secrets secrets;
    struct target *name_next; /* cache->names */
};

struct group {
    struct object object;
    struct target *target;
    uint16_t tag;
    struct list_node in_target;
    struct list_node paths;   /* path.in_group */
};

struct path {
    struct group *group;
    struct portal *portal;
    enum part_state state;
    struct list_node in_group, in_target, in_portal;
};

struct drive {
    struct object object;
    char path[256], name[ARRAY_NAME_MAX + 1];
    uint16_t bus, slot;
    struct guid pool;         /* shared by the drives of one file system */
    bool configured;          /* takes new LUNs */
    bool offline;             /* by the administrator */
    int dir_fd;               /* locked for us; -1: not usable */
    char reason[128];         /* why not, or "" */
};

struct lun {
    struct object object;
    struct drive *drive;
    char file[80], name[ARRAY_NAME_MAX + 1];
    uint64_t size;
    bool thick, offline;
    uint32_t features, block_size, physical_block_size;
    uint32_t transition;      /* VDS_TS_ */
    uint32_t status_before;   /* VDS_LS_, when a refresh began: to tell whether it is another after it */
    char *mask;
    struct list_node ties;    /* tie.in_lun */
    struct store *store;      /* NULL: the file is not there (status FAILED) */
    struct scsi_lu *lu;       /* likewise; in the engine exactly while it is set */
};

struct tie {
    struct lun *lun;
    struct target *target;
    uint16_t number;
    enum part_state state;
    struct list_node in_lun, in_target;
};

struct cache {
    struct object **buckets;
    struct target **names;     /* by iSCSI name; as many buckets */
    size_t n_buckets, n_objects;
    struct list_node all[OBJECT_N_KINDS];
    struct secrets discovery;
};

int cache_init(struct cache *cache);
void cache_fini(struct cache *cache); /* frees every object */
void cache_move(struct cache *to, struct cache *from); /* `to` is not initialised, `from` is not after it */
void cache_add(struct cache *cache, struct object *object);
void cache_remove(struct cache *cache, struct object *object); /* the caller destroys it */
/* visible or not */
struct object *cache_find(const struct cache *cache, enum object_kind kind, const struct guid *id);
struct target *cache_find_name(const struct cache *cache, const char *iscsi_name);
struct portal *cache_find_address(const struct cache *cache, const char *address, uint16_t port);
const char *object_noun(enum object_kind kind);
/* "target iqn.2026-11.org.vds:disks", for sentences. array->lock held. */
const char *object_text(const struct object *object, char text[static TEXT_MAX]);

#define OBJECT_OF(type, node) container_of(container_of(node, struct object, link), struct type, object)
#define cache_for_each(n, cache, kind) list_for_each(n, &(cache)->all[kind])

struct portal *array_portal_new(const struct state_portal *row);
struct target *array_target_new(const struct state_target *row);
struct group *array_group_new(const struct state_group *row, struct target *target);
struct drive *array_drive_new(const struct state_drive *row);
struct lun *array_lun_new(const struct state_lun *row, struct drive *drive);
/* linked; counts as a hold */
struct path *path_new(struct group *group, struct portal *portal, enum part_state state);
/* linked */
struct tie *tie_new(struct lun *lun, struct target *target, uint16_t number, enum part_state state);
void path_free(struct path *path); /* unlinks */
void tie_free(struct tie *tie);
void object_free(struct object *object);
struct path *target_find_path(const struct target *target, const struct portal *portal);
struct tie *lun_find_tie(const struct lun *lun, const struct target *target);

/* Rows of objects, for transactions. */
struct state_portal portal_row(const struct portal *portal);
struct state_target target_row(const struct target *target);
struct state_group group_row(const struct group *group);
struct state_member path_row(const struct path *path);
struct state_drive drive_row(const struct drive *drive);
struct state_lun lun_row(const struct lun *lun); /* borrows the mask */
struct state_tie tie_row(const struct tie *tie);

/* ---- notifications: notify.c ----------------------------------------------------------------- */

/* Events that belong together. Room is made before the point of no return, so that nothing can fail after
 * it. */
struct events {
    struct array_notification *list;
    size_t n, room;
};
int events_reserve(struct events *events, size_t n); /* -ENOMEM */
/* beyond the room: dropped */
void events_add(struct events *events, uint32_t event, uint32_t type, const struct guid *id);
void events_fini(struct events *events);

struct notifier {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list_node queue;
    size_t n_queued;          /* events not delivered yet */
    bool lost, stopping, started;
    pthread_t thread;
    void (*sink)(void *arg, const struct array_notification *events, size_t n);
    void *arg;
    struct guid subsystem;
};
int notifier_start(struct notifier *notifier, void (*sink)(void *, const struct array_notification *, size_t),
                   void *arg);
void notifier_stop(struct notifier *notifier); /* delivers what is queued */
/* Takes the events. Under array->lock, so that the order is that of the changes. */
void notifier_post(struct notifier *notifier, struct events *events);
void notifier_post_one(struct notifier *notifier, uint32_t event, uint32_t type, const struct guid *id);

/* ---- marks on objects: locks.c --------------------------------------------------------------- */

/* PIN: not to be deleted, any number at once. CHANGE: one operation at a time, pins welcome. EXCLUSIVE:
 * neither pins nor others. */
enum lock_mode { LOCK_PIN, LOCK_CHANGE, LOCK_EXCLUSIVE };

struct lock_set {
    struct {
        struct object *object;
        enum lock_mode mode;
    } *held;
    size_t n, room;
};
/* S_OK, VDS_E_ANOTHER_CALL_IN_PROGRESS (with a sentence), E_OUTOFMEMORY. array->lock held. */
HRESULT lock_take(struct lock_set *set, struct object *object, enum lock_mode mode);
void lock_release_all(struct lock_set *set);
/* An object has been freed: forget its mark. */
void lock_forget(struct lock_set *set, const struct object *object);

/* ---- operations: op.c, pool.c ---------------------------------------------------------------- */

enum op_stage { OP_PREPARING, OP_COMMITTED, OP_ENDED };

struct op_ender {
    struct op_ender *next;
    void (*done)(void *arg);
    void *arg;
};

typedef HRESULT op_run(struct array_op *op);

struct array_op {
    atomic_uint n_refs;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    enum op_stage stage;
    bool cancelled;
    HRESULT hr;
    unsigned percent;
    struct guid output;
    char text[TEXT_MAX];
    struct engine_drain *drain; /* the one it waits for; cancelled from outside under `lock` */
    struct engine_drain *back;  /* the one with which it undoes; cut short only by array_close() */
    struct op_ender *enders, spare; /* the first needs no memory */

    /* the operation's own thread only */
    struct array *array;
    struct list_node link;      /* array->ops; under array->lock */
    struct list_node pending;   /* pool.queue */
    bool close_seen;            /* array_close() has cancelled it; under array->lock */
    op_run *run;
    struct lock_set locks;
    struct events events;
    struct state_tx *tx, *undo;
    struct target *target;
    struct group *group;
    struct portal *portal;
    struct lun *lun;
    struct path *path;
    struct tie **ties;          /* associate: arriving */
    size_t n_ties;
    uint32_t drain_ms;
    char *text_arg;
    struct regroup *regroup;    /* regroup.c; flat */
    uint64_t new_size;          /* of a LUN */
    bool force, write_through;
    struct secret_change *secret;
    struct drive *drive;
    bool offline, controller;   /* SetStatus: which way; of the controller rather than of the subsystem */
};

/* A new operation of that run function. NULL: out of memory. */
struct array_op *op_new(struct array *array, op_run *run);
/* Admitted: starts it on a worker (op_start) or runs it here (op_call). Both take the caller's reference;
 * op_start gives one back in ret_op. array->lock is not held. */
HRESULT op_start(struct array_op *op, struct array_op **ret_op);
HRESULT op_call(struct array_op *op);
/* Nothing to do: ends at once with that success. */
HRESULT op_end_now(struct array_op *op, HRESULT hr, struct array_op **ret_op);
/* Not admitted after all. */
HRESULT op_refuse(struct array_op *op, HRESULT hr);
DEFINE_CLEANUP(struct array_op *, array_op_unref)

bool op_is_cancelled(struct array_op *op);
void op_progress(struct array_op *op, unsigned percent);
/* Waits for a drain; cancellable. S_OK, VDS_E_OPERATION_CANCELED. */
HRESULT op_drain(struct array_op *op, struct engine_drain *drain);
/* The same on the way back, when a cancel changes nothing any more. false: the array is closing, and it was
 * not waited for. */
bool op_drain_back(struct array_op *op, struct engine_drain *drain);
void op_hurry(struct array_op *op); /* from array_close(): see op_drain_back() */
/* The point of no return, then op->tx. */
HRESULT op_commit(struct array_op *op);
/* Activation failed with r: commits op->undo. Returns the result for the operation. */
HRESULT op_uncommit(struct array_op *op, int r);
/* New transactions for op->tx and op->undo. */
HRESULT op_transactions(struct array_op *op);

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list_node queue;   /* array_op.pending */
    struct list_node finished; /* worker.link: threads to join */
    unsigned n_threads, n_idle, n_queued, max;
    bool stopping;
};
void pool_init(struct pool *pool, unsigned max);
/* takes the reference, unless there is no thread at all: -EAGAIN */
int pool_submit(struct pool *pool, struct array_op *op);
void pool_fini(struct pool *pool); /* runs what is queued, joins */
void op_execute(struct array_op *op); /* runs it to its end; the caller's reference stays */

/* ---- the array ------------------------------------------------------------------------------- */

struct array {
    pthread_mutex_t lock;
    struct cache cache;
    struct object subsystem, controller; /* not in the cache: they outlive a refresh */
    struct guid provider_id;
    char name[ARRAY_NAME_MAX + 1];
    bool offline, controller_offline; /* by the administrator */
    char import_target[ISCSI_NAME_MAX + 1];
    struct state *state;
    struct engine *engine;
    struct notifier notifier;
    struct pool pool;
    struct list_node ops;      /* running or waiting */
    pthread_cond_t ops_gone;
    pthread_mutex_t secrets_lock; /* one change of CHAP secrets at a time; before array->lock */
    pthread_mutex_t scan_lock; /* one portals_scan() or portals_retry() at a time; before all other locks */
    bool closing;

    bool corrupt;              /* the state file and the cache differ: until array_refresh() */
    bool reenumerated;
    bool failed;               /* the state cannot be written */
    bool degraded;             /* a drive, a LUN or a portal has failed: health_look() */
    char reason[TEXT_MAX];

    /* settings */
    char *state_dir;
    char **drives, **portals;
    size_t n_drives, n_portals;
    uint16_t default_port;
    uint32_t max_groups, drain_ms;
    uint64_t max_memory;
    void (*engine_event)(void *arg, const struct engine_event *event);
    void *engine_event_arg;

    /* the housekeeper: array.c */
    pthread_t housekeeper;
    pthread_cond_t housekeeper_wake;
    bool housekeeper_started, rescan, retry;
    unsigned retry_ms;        /* the housekeeper's: how long it waited last, 0 when nothing had failed */
};

void array_kick(struct array *array, bool rescan); /* array->lock held: look at addresses / what failed */

/* ---- for operations on portal groups: groups.c; array->lock held ------------------------------ */

/* Marks the group for a change, its ancestors against deletion. VDS_E_OBJECT_DELETED. group_lock() makes it
 * the operation's own. */
HRESULT group_lock(struct array_op *op, const struct guid *id);
/* As an argument: VDS_E_OBJECT_NOT_FOUND with a sentence when there is none. Both are marked for the
 * operation. */
HRESULT group_take(struct array_op *op, const struct guid *id, struct group **ret_group);
HRESULT portal_take(struct array_op *op, const struct guid *id, struct portal **ret_portal);
/* The portal is wanted in `group` and has a path already: VDS_S_ALREADY_EXISTS, or why not with a
 * sentence. */
HRESULT path_clash(const struct path *path, const struct group *group);
/* VDS_E_OBJECT_NOT_FOUND, with the sentence. */
HRESULT path_absent(const struct portal *portal, const struct group *group);

/* ---- admission and health: health.c ---------------------------------------------------------- */

/* Before anything else in every operation: closing, coherent, healthy (heals if it can). array->lock not
 * held. */
HRESULT admit(struct array *array);
/* For reads: coherent? */
HRESULT admit_read(struct array *array);
/* A commit failed with r: what the operation ends with; marks the subsystem when it is the medium's fault. */
HRESULT health_commit_failed(struct array *array, int r);
/* The engine does not have what the state has. */
void health_doubt(struct array *array, const char *what, int r);
/* Something that can fail has, or has not any more. Does that make the array degraded, or well? The subsystem
 * is modified then, which health_look() tells. array->lock held. */
bool health_changed(struct array *array);
void health_look(struct array *array);
/* Tries to write. true: healthy (again). */
bool health_heal(struct array *array);
/* state_commit() with all that. */
HRESULT array_commit(struct array *array, struct state_tx *tx);

/* ---- status.c, subsystem.c: what the administrator has taken offline ---------------------------- */

bool array_is_offline(const struct array *array); /* as a whole; array->lock held, as for the next four */
uint32_t lun_status(const struct array *array, const struct lun *lun); /* VDS_LS_ */
uint32_t lun_status_under(const struct lun *lun, bool array_offline);
/* Lets the unit answer, or not, as all that is above it says. */
void lun_serve(const struct array *array, const struct lun *lun);
struct state_subsystem subsystem_row(const struct array *array);
void subsystem_take_row(struct array *array, const struct state_subsystem *row);
op_run subsystem_status_run;
HRESULT subsystem_status_admit(struct array_op *op, struct object *object);

/* ---- signature.c ----------------------------------------------------------------------------- */

/* All 0: there is none, or it cannot be read. Reads the disk; the caller's thread has no loop. */
struct guid signature_read(struct store *store, uint32_t block_size);

/* ---- query.c, tree.c: what is told of objects; array->lock held ---------------------------------- */

void portal_info(const struct portal *portal, struct array_portal_info *ret_info);
void target_info(const struct target *target, struct array_target_info *ret_info);
struct array_group_info group_info(const struct group *group);
/* Without `allocated`, which is to be asked of the store it gives (NULL: none) when the lock is not held.
 * mask NULL: out of memory. */
struct store *lun_info(const struct array *array, const struct lun *lun, struct array_lun_info *ret_info);
/* What asks the subsystem is refused while it has failed or is being refreshed. */
HRESULT subsystem_readable(const struct array *array);

/* ---- names, codes ---------------------------------------------------------------------------- */

HRESULT hr_from_errno(int r); /* hr.c: the one table */

int iscsi_name_normalise(const char *name, char ret_name[static ISCSI_NAME_MAX + 1]); /* -EINVAL */
int iscsi_name_make(const struct guid *target, const struct guid *subsystem,
                    char ret_name[static ISCSI_NAME_MAX + 1]);
/* VDS_S_NAME_TRUNCATED, E_INVALIDARG. */
HRESULT friendly_name_normalise(const char *name, char ret_name[static ARRAY_NAME_MAX + 1]);
HRESULT mask_normalise(const char *mask, char **ret_mask);
/* The names of a normalised mask: pointers into *ret_copy. */
int mask_split(const char *mask, char **ret_copy, const char ***ret_names, size_t *ret_n);
int portal_parse(const char *text, uint16_t default_port, struct sockaddr_storage *ret_addr); /* -EINVAL */
int address_parse(const char *text, uint16_t port, struct sockaddr_storage *ret_addr);
void address_format(const struct sockaddr_storage *addr, char text[static 80]); /* no port */
void address_format_with_port(const char *address, uint16_t port, char text[static 80]);
uint16_t address_port(const struct sockaddr_storage *addr);

/* ---- portals.c ------------------------------------------------------------------------------- */

uint32_t portal_status(const struct portal *portal); /* VDS_IPS_; array->lock held */
/* Makes the engine listen or not, as the portal wants. 0 or why it cannot listen. array->lock not held. */
int portal_listen(struct array *array, struct portal *portal);
/* Finds portals. Under a pin of the subsystem (or before anybody else is there). */
HRESULT portals_scan(struct array *array);
/* Which of the cache's portals have their address now; no more. For a cache that nobody sees yet. */
void portals_presence(struct array *array, struct cache *cache);
/* The cache's portals may listen, or not, as the array as a whole says. events: of those whose status it
 * changes; NULL for a cache that nobody sees yet. array->lock held. */
void portals_bar(struct array *array, struct cache *cache, struct events *events);
void portals_retry(struct array *array);
void portals_wait_at_start(struct array *array);

/* ---- drives.c, lun_file.c -------------------------------------------------------------------- */

HRESULT drives_sync(struct array *array, struct cache *cache);
/* Takes the directories that are not ours yet. `events` (NULL: nobody knows of them yet) has room for one of
 * each drive that became usable or has another reason for not being so. */
void drives_attach(struct cache *cache, bool recover, struct events *events);
/* Drives that lie on one file system come into one storage pool, others into their own; one that is not
 * usable stays where it was. Adds the rows that it changes to the transaction, and returns how many: the
 * caller commits. */
int drives_pool(struct cache *cache, struct state_tx *tx);
/* One more than the highest slot of a drive. */
uint16_t drive_slots_end(const struct cache *cache);
bool drive_space(const struct drive *drive, uint64_t *ret_size, uint64_t *ret_free);
/* array->lock held */
struct drive *drive_choose(struct array *array, const struct array_lun_spec *spec, HRESULT *ret_hr);

enum lun_file_stage { LUN_FILE_CREATING, LUN_FILE_HERE, LUN_FILE_DELETING };
int lun_file_path(const char *drive_path, const char *file, enum lun_file_stage stage, char **ret_path);
int lun_file_move(const struct drive *drive, const char *file, enum lun_file_stage from,
                  enum lun_file_stage to);
int lun_file_remove(const struct drive *drive, const char *file, enum lun_file_stage stage);
void lun_files_recover(const struct drive *drive, const struct cache *cache);
/* Opens the file and makes the unit: sets lun->store and lun->lu. */
int lun_attach(struct array *array, struct lun *lun, enum lun_file_stage stage,
               const struct state_blob *reservation);
void lun_detach(struct lun *lun);
void lun_give_up(struct array *array, struct lun *lun, int r);
int lun_engine_add(struct array *array, struct lun *lun); /* with its mask */
int lun_engine_set_mask(struct array *array, const struct lun *lun, const char *mask);
/* Finds and marks: op->lun. array->lock held (luns.c). */
HRESULT lun_lock(struct array_op *op, const struct guid *id, enum lock_mode mode);
/* lun_cache.c: the switch itself, no event. -errno: not, or (when scsi_lu_write_through() says that it is)
 * older writes may not be durable. */
int lun_write_through(const struct lun *lun, bool on);
/* An initiator has switched it (scsi_lu_config.cache_changed). */
void lun_cache_changed(void *array, const struct guid *lun);
/* Memory for LUNs; is there so much? array->lock held (luns.c). */
uint64_t volatile_left(struct array *array);
HRESULT volatile_fits(struct array *array, uint64_t n_bytes);

/* ---- secrets.c ------------------------------------------------------------------------------- */

int secrets_add(struct secrets *secrets, const struct state_secret *row); /* copies; -ENOMEM */
void secrets_fini(struct secrets *secrets); /* wipes */
bool secrets_require_chap(const struct secrets *secrets);
/* Tells the engine all of them, or (set false) takes them back. target NULL: discovery. The first failure. */
int secrets_serve(struct array *array, const struct guid *target, const struct secrets *secrets, bool set);
struct state_discovery_secret secret_discovery_row(const struct state_secret *row); /* borrows the bytes */

/* ---- refresh.c, build.c, diff.c -------------------------------------------------------------- */

HRESULT cache_build(struct array *array, const struct state_image *image, struct cache *ret_cache);
/* Makes the engine serve `next` instead of what it serves now; fills `events`. `before` is the array's own
 * row as it was until now. */
HRESULT diff_apply(struct array *array, struct array_op *op, const struct state_subsystem *before,
                   struct cache *next,
                   /* a failure (a cancelled drain) has changed nothing */
                   const struct state_image *image, struct events *events);
HRESULT refresh_first(struct array *array);

#endif
