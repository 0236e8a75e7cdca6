/* SPDX-License-Identifier: MIT */
/* SCSI logical units: decode a CDB, check it, turn it into store requests, answer with data, status and sense
 * (SAM-5, SPC-4, SBC-3).
 *
 * Not here: sockets, rings, clocks, PDUs. Bytes come in, bytes and store requests go out.
 *
 * Threads: a logical unit (struct scsi_lu) is shared by all reactors. A view and its tasks belong to one
 * reactor thread. The read and write path takes no lock: what it must look at (reservation, size, unit
 * attention) are atomics, the rest is under the unit's mutex.
 */
#ifndef VDS_SCSI_SCSI_H
#define VDS_SCSI_SCSI_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/guid.h"
#include "base/list.h"
#include "store/store.h"

#define SCSI_CDB_MAX   16
#define SCSI_SENSE_MAX 32
#define SCSI_PARAM_MAX 131072 /* of one command, either way: bounds what an allocation length can ask of us */
#define SCSI_LUN_MAX   255 /* single-level LUN, peripheral device addressing (SAM-5 §4.7) */

enum scsi_status { /* SAM-5 §5.3 */
    SCSI_GOOD = 0x00,
    SCSI_CHECK_CONDITION = 0x02,
    SCSI_CONDITION_MET = 0x04,
    SCSI_BUSY = 0x08,
    SCSI_RESERVATION_CONFLICT = 0x18,
    SCSI_TASK_SET_FULL = 0x28,
    SCSI_TASK_ABORTED = 0x40,
};

/* ---- logical unit ---------------------------------------------------------------------------------- */

struct scsi_lu;

struct scsi_lu_config {
    struct guid id;         /* becomes the unit serial number (VPD 80h) and the NAA designator (VPD 83h) */
    const char *vendor;     /* 8 characters at most, NULL: "VDS" */
    const char *product;    /* 16 at most, NULL: "VIRTUAL-DISK" */
    const char *revision;   /* 4 at most, NULL: the build's version */
    uint32_t block_size;    /* 512 or 4096; 0: 512 */
    /* a power of two, block_size to 65536; 0: block_size. Hosts align to it; nothing else changes */
    uint32_t physical_block_size;
    bool read_only, removable;
    bool thick;             /* fully provisioned: its space is never freed, whatever the store could do */
    uint64_t size;          /* bytes that are served, from the start of the store; 0: all of it */
    uint32_t max_transfer;  /* bytes in one command, for VPD B0h; 0: 8 MiB */
    /* Persistent reservations with APTPL: hands the encoded state out; 0 means it is durable. Called under no
     * lock, on a reactor thread; NULL: APTPL is refused. `load_pr` bytes (may be NULL) restore it. */
    int (*save_pr)(void *arg, const struct guid *lu, const void *bytes, size_t len);
    void *save_pr_arg;
    const void *load_pr;
    size_t load_pr_len;
    /* An initiator has changed what scsi_lu_write_through() says. Under no lock, on a reactor thread; NULL: nobody wants to know. */
    void (*cache_changed)(void *arg, const struct guid *lu);
    void *cache_changed_arg;
};

/* Takes its own reference to the store. -EINVAL (config), -ENOMEM. */
int scsi_lu_create(const struct scsi_lu_config *config, struct store *store, struct scsi_lu **ret_lu);
struct scsi_lu *scsi_lu_ref(struct scsi_lu *lu);
void scsi_lu_unref(struct scsi_lu *lu);

/* Serves the first `size` bytes of the store from now on and raises CAPACITY DATA HAS CHANGED on every nexus.
 * Growing: after store_resize(). Shrinking: before it, and then wait for the commands that began under the
 * old size (scsi_watch). Any thread. */
void scsi_lu_resized(struct scsi_lu *lu, uint64_t size);
/* OFFLINE: every medium access ends NOT READY; readers of properties go on. Any thread. */
void scsi_lu_set_online(struct scsi_lu *lu, bool online);
uint64_t scsi_lu_size(const struct scsi_lu *lu); /* bytes */

/* WCE of the caching mode page (SBC-3 §6.4.5) is the other way round: no write is answered before it is durable. */
bool scsi_lu_write_through(const struct scsi_lu *lu);
/* Current and saved value; nexuses hear that mode parameters have changed. What was written before is not made durable by this. May block: not
 * on a reactor thread. -errno: it could not be saved, and nothing has changed. */
int scsi_lu_set_write_through(struct scsi_lu *lu, bool on);

/* The descriptors of VPD 80h and 83h for the API's GetIdentificationData: same bytes as on the wire. */
size_t scsi_lu_serial(const struct scsi_lu *lu, char *out, size_t n_out);
size_t scsi_lu_naa(const struct scsi_lu *lu, uint8_t out[static 16]);

/* ---- what one I_T nexus sees ----------------------------------------------------------------------- */

/* The two SCSI ports of a session: "iqn...,i,0x<ISID>" and "iqn...,t,0x<tag>" (RFC 7143 §4.4). Copied by
 * scsi_view_create(). */
struct scsi_nexus {
    const char *initiator_port;
    const char *target_port;
    const char *target_name;
    uint16_t tag;          /* portal group tag = target port group = relative target port identifier */
    /* Tags of all groups of this target at this moment, for REPORT TARGET PORT GROUPS; NULL: only `tag`. Any
     * thread, may lock. */
    size_t (*list_tags)(void *arg, uint16_t *tags, size_t n_max);
    void *list_tags_arg;
    /* COMPARE AND WRITE and writes to the same place wait for each other, perhaps across threads. kick():
     * somebody on any thread asks that scsi_view_run() be called soon on the view's own thread (a message to
     * its loop); must not block nor call back at once. Kicks may come several for one, and one may still be
     * under way when the view is destroyed: the caller then drops it. NULL: a command that would have to wait
     * ends with BUSY. */
    void (*kick)(void *arg);
    void *kick_arg;
};

struct scsi_view; /* the LUN map of one session; its reactor's thread only */

int scsi_view_create(const struct scsi_nexus *nexus, struct scsi_view **ret_view);
/* All LUNs must be unmapped and their `gone` have been called. */
void scsi_view_destroy(struct scsi_view *view);

/* Maps `lu` (own reference) at `lun`. quiet: the first fill after login, no REPORTED LUNS DATA HAS CHANGED
 * for what was there before. -EEXIST, -ENOMEM, -EINVAL (beyond SCSI_LUN_MAX). */
int scsi_view_map(struct scsi_view *view, uint16_t lun, struct scsi_lu *lu, bool quiet);
/* New commands to `lun` end with LOGICAL UNIT NOT SUPPORTED at once; running ones are aborted; gone(arg) is
 * called when the last has left (perhaps before this returns) and the reference to the unit has been dropped.
 * -ENOENT. */
int scsi_view_unmap(struct scsi_view *view, uint16_t lun, void (*gone)(void *arg), void *arg);
struct scsi_lu *scsi_view_lookup(const struct scsi_view *view, uint16_t lun);
/* Commands that may still touch what lies beyond an end: counted when they are found, discounted when they
 * are released. */
struct scsi_watch {
    _Atomic uint32_t n;
    void (*less)(void *arg); /* one is gone; any thread. Not told of the watch: it may be gone, too */
    void *arg;
};
/* Finds those of this view. One watch at a time over all views that they share. On the view's thread. */
void scsi_view_watch(struct scsi_view *view, const struct scsi_lu *lu, uint64_t end,
                     struct scsi_watch *watch);
/* Do commands of a mapping run that is gone itself? Those are not found; what scsi_view_unmap() calls tells
 * when they have left. */
bool scsi_lu_has_leaving(const struct scsi_lu *lu);
/* Goes on with the commands that a kick() announced; harmless when there are none. Calls done() of those that
 * end. */
void scsi_view_run(struct scsi_view *view);

/* ---- tasks ----------------------------------------------------------------------------------------- */

enum scsi_dir { SCSI_DIR_NONE, SCSI_DIR_IN, SCSI_DIR_OUT };
enum scsi_task_attr {
    SCSI_ATTR_UNTAGGED,
    SCSI_ATTR_SIMPLE,
    SCSI_ATTR_ORDERED,
    SCSI_ATTR_HEAD_OF_QUEUE,
    SCSI_ATTR_ACA
};

struct scsi_result {
    uint8_t status; /* SAM-5 status code */
    uint8_t key;    /* sense key; with CHECK CONDITION only */
    uint16_t asc;   /* ASC << 8 | ASCQ */
};

struct scsi_itl;
struct scsi_opcode;

/* When the lengths of CDB and transport differ (RFC 7143 §11.4.5; FCP-4 §9.4.2 gives the choice):
 *   - `len` is what the CDB moves, `buf_len` = min(len, what the transport expects); with the wrong direction
 *     buf_len = 0.
 *   - READ, WRITE, WRITE AND VERIFY and commands that return parameter data process buf_len bytes and end
 *     GOOD: a write changes exactly the bytes that came, part of a block too.
 *   - WRITE SAME, COMPARE AND WRITE and ORWRITE want exactly `len` (unless that is 0), VERIFY and commands
 *     with a parameter list at least `len`: otherwise nothing is done and the answer is ILLEGAL REQUEST /
 *     INVALID FIELD IN COMMAND INFORMATION UNIT (0Eh/03h).
 *   - the residual is the transport's: full_len > expected: overflow by full_len - expected; less: underflow.
 *     This holds for CHECK CONDITION too; there data_len is 0, and full_len = len for writes.
 */
struct scsi_task {
    /* the transport's, before scsi_task_prepare() */
    struct scsi_view *view;
    uint8_t lun[8];             /* as on the wire */
    uint8_t cdb[SCSI_CDB_MAX];  /* a shorter one is followed by zeros */
    enum scsi_task_attr attr;
    /* OUT: bytes the initiator is ready to send (Expected Data Transfer Length); 0 if it does not say */
    uint32_t expected_len;
    /* only when scsi_task_execute() said false; on the view's thread, never inside that call */
    void (*done)(struct scsi_task *task);

    /* after scsi_task_prepare() */
    enum scsi_dir dir;
    /* bytes that the CDB asks to move (parameter list, allocation length or blocks); never more than the unit's
     * max_transfer or SCSI_PARAM_MAX, whichever is larger */
    uint32_t len;

    /* the transport's, before scsi_task_execute() */
    uint8_t *buf;               /* OUT: the bytes that came; IN: room, unless scsi_task_borrow() was true */
    const uint8_t *lent;        /* IN: what stands in for buf then */
    uint32_t buf_len;           /* <= len: what the initiator's expected length leaves of it */

    /* the answer */
    struct scsi_result result;
    uint32_t data_len;          /* IN: bytes in buf, from its start */
    uint32_t full_len;          /* what data_len would be had there been room; OUT: len. For the residual */
    uint8_t sense[SCSI_SENSE_MAX]; /* ready for the wire; with CHECK CONDITION */
    uint8_t sense_len;
    /* ended by a task management function: no response is sent unless TAS says so */
    bool aborted;

    /* private to src/scsi from here on */
    uint8_t phase;
    bool executing;             /* done() is still owed */
    bool claims;                /* the stripes are held exclusively */
    uint16_t stripes;           /* of `gate`, held by this task */
    struct scsi_lu *gate;       /* whose stripes: the unit written to */
    uint32_t epoch;
    struct scsi_itl *itl;
    const struct scsi_opcode *opcode;
    struct list_node link;      /* itl->tasks */
    struct scsi_watch *watch;   /* counts this task */
    struct list_node wait;      /* lu->waiting, or view->ready */
    struct store *io_store;
    struct store_request io;
    struct iovec iov;
    uint64_t arg[6];
    /* scratch, freed when the task ends: by extra_free(), or free() if that is NULL */
    void *extra;
    void (*extra_free)(void *extra);
};

/* Resolves the LUN and decodes and checks the CDB. true: go on (get a buffer, move the data, execute). false:
 * the answer is ready already (bad LUN, bad CDB, unit attention, reservation conflict ...); data that still
 * comes is to be thrown away. */
bool scsi_task_prepare(struct scsi_task *task);

/* After prepare, in place of getting a buffer: true when the bytes can be sent from where the store keeps
 * them (`lent`, for system calls only: see store_borrow()), which is said for reads of blocks in memory. They
 * may change until they are sent. */
bool scsi_task_borrow(struct scsi_task *task, uint32_t buf_len);

/* true: the answer is ready. false: done() will be called. */
bool scsi_task_execute(struct scsi_task *task);

/* A system call found that `lent` is not there (EFAULT). The answer can not be given any more; the next read
 * will say what is wrong. */
void scsi_task_lent_gone(struct scsi_task *task);

/* Marks a task that is prepared or executing as aborted. One that executes still calls done(), when its last
 * store request is back. */
void scsi_task_abort(struct scsi_task *task);

/* The transport has sent or dropped the answer: the task leaves the unit's books. Required after every
 * prepare. */
void scsi_task_release(struct scsi_task *task);

/* ---- task management across nexuses ---------------------------------------------------------------- */

/* LOGICAL UNIT RESET and CLEAR TASK SET reach tasks of other sessions on other threads: those end as aborted
 * when they complete, their nexuses get the unit attention. The tasks of `view` itself are aborted by the
 * transport, one by one, before this. */
int scsi_lu_reset(struct scsi_view *view, const uint8_t lun[static 8]);
int scsi_lu_clear_task_set(struct scsi_view *view, const uint8_t lun[static 8]);

#endif
