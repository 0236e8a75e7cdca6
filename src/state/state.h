/* SPDX-License-Identifier: MIT */
/* The durable configuration of the array: one SQLite file, owned by this module alone. Rows in, rows out; no
 * rule of VDS is applied here beyond those that the schema itself can say (src/state/schema.c).
 *
 * Invariants; tests cite the numbers:
 *
 *  1. One owner. <dir>/array.db is written by the process that holds the OFD lock on <dir>/array.lock; a
 *     second state_open() is -EBUSY. Others may still read the file, edit it with sqlite3, or restore it: see
 *     8.
 *  2. A commit is all or nothing, and durable when state_commit() returns 0. Transactions of several threads
 *     may share one SQLite transaction (and its fsyncs), each in its own savepoint: one that breaks a rule
 *     fails alone.
 *  3. Every row that state_load() hands out has the type, length and range of its column table (tables.c).
 *  4. Every row that refers to another refers to one that is handed out too; a member's target is its group's
 *     target.
 *  5. (target, portal) is unique: a portal is in at most one group of a target.
 *  6. (target, tag) is unique, 1 <= tag <= 65535, and next_tag, the lowest tag that the target has never
 *     used, is above every tag in use.
 *  7. (target, lun) and (target, number) are unique, 0 <= number <= 255.
 *  8. A change by somebody else (PRAGMA data_version, inode, size, mtime) is noticed before the next commit;
 *     from then on every commit is -ESTALE until state_load() has read what is there.
 *  9. iSCSI names are unique, so are (address, port) of portals, paths of drives and (drive, file) of LUNs.
 * 10. A row that breaks 3 to 7 or 9 is moved to the table `quarantine` with the reason, and reported; it
 *     never fails a start. Secrets are not copied there.
 * 11. A file of a newer version is refused and left as it is; an older one is migrated, each step in its own
 *     transaction.
 * 12. The file is 0600: it holds CHAP secrets.
 *
 * Journal: rollback, mode TRUNCATE. The file alone is the state, so a copy of it is a backup and putting it
 * back is a restore; a WAL left behind would be replayed onto the restored file. TRUNCATE rather than DELETE:
 * with synchronous FULL it syncs the emptied journal (DELETE does not sync the directory, so a commit could
 * come undone at a power cut), and takes half the time.
 *
 * Threads: any. Errors are negative errno with a sentence in error_text_get().
 */
#ifndef VDS_STATE_STATE_H
#define VDS_STATE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/guid.h"

struct state;
struct state_tx;

/* ---- rows ------------------------------------------------------------------------------------ */

#define STATE_TEXT_SIZE  256 /* names and paths, with the zero */
#define STATE_ISCSI_SIZE 224 /* RFC 7143 §4.2.7.1: 223 bytes, with the zero */
#define STATE_TAG_MAX    65535
#define STATE_LUN_MAX    255

struct state_blob {
    void *bytes;
    size_t len;
};

struct state_subsystem { /* exactly one */
    struct guid id, provider, controller;
    char name[STATE_TEXT_SIZE];
    bool offline, controller_offline;      /* by the administrator */
    char import_target[STATE_ISCSI_SIZE];  /* "": none */
};
struct state_portal {
    struct guid id;
    char address[80]; /* numeric, "%interface" for link-local */
    uint32_t port;
    bool offline;     /* by the administrator */
};
struct state_target {
    struct guid id;
    char iscsi_name[STATE_ISCSI_SIZE], name[STATE_TEXT_SIZE];
    uint32_t next_tag; /* 1..65536; 65536: every tag has been used */
};
struct state_group {
    struct guid id, target;
    uint32_t tag;
};
struct state_member { /* a portal in a group */
    struct guid group, portal, target;
};
struct state_drive {
    struct guid id, pool; /* pool: shared by the drives of one file system; null: not known yet */
    char path[STATE_TEXT_SIZE], name[STATE_TEXT_SIZE];
    uint32_t bus, slot;
    bool offline; /* by the administrator */
};
struct state_lun {
    struct guid id, drive;
    char file[80], name[STATE_TEXT_SIZE];
    uint64_t size;
    bool thick, offline;
    char *mask; /* "*", "" or names separated by semicolons */
    uint32_t features; /* STATE_LUN_... */
    uint32_t block_size, physical_block_size; /* 0: the usual */
};
enum { STATE_LUN_REMOVABLE = 1, STATE_LUN_READ_ONLY = 2, STATE_LUN_VOLATILE = 4, STATE_LUN_FEATURES = 7 };
struct state_tie { /* a LUN at a target */
    struct guid lun, target;
    uint32_t number;
};
enum { STATE_SECRET_IN, STATE_SECRET_MUTUAL };
struct state_secret { /* CHAP */
    struct guid target;
    uint32_t kind;
    char initiator[STATE_ISCSI_SIZE]; /* "": the default for all */
    struct state_blob secret;
};
struct state_discovery_secret { /* CHAP of discovery sessions */
    uint32_t kind;
    char initiator[STATE_ISCSI_SIZE]; /* "": the default for all */
    struct state_blob secret;
};
struct state_reservation { /* persistent reservations with APTPL, as src/scsi encodes them */
    struct guid lun;
    struct state_blob bytes;
};

#define STATE_NOUNS(X)                                                                                \
    X(subsystem, SUBSYSTEM)                                                                           \
    X(portal, PORTAL) X(target, TARGET) X(group, GROUP) X(member, MEMBER) X(drive, DRIVE) X(lun, LUN) \
        X(tie, TIE) X(secret, SECRET) X(reservation, RESERVATION) X(discovery_secret, DISCOVERY_SECRET)

enum state_table {
#define X(noun, NOUN) STATE_##NOUN,
    STATE_NOUNS(X)
#undef X
    STATE_N_TABLES
};

/* ---- life ------------------------------------------------------------------------------------ */

/* Opens <dir>/array.db, makes it when it is not there, migrates it. -EBUSY: another process owns it (1).
 * -ENOTSUP: a newer version (11). -EBADMSG: not a readable state file. Otherwise what the file system
 * says. */
int state_open(const char *dir, struct state **ret_state);
/* Ends what is queued, then closes. NULL is fine. */
void state_close(struct state *state);
DEFINE_CLEANUP(struct state *, state_close)

/* ---- reading --------------------------------------------------------------------------------- */

struct state_image {
    struct state_rows {
        void *rows;
        size_t n;
    } tables[STATE_N_TABLES]; /* in the order in which the rows were made */
    size_t n_quarantined;
};

/* Every good row (3, 4), bad ones quarantined (10) and logged. What was read is from now on what commits are
 * compared with (8). */
int state_load(struct state *state, struct state_image **ret_image);
void state_image_free(struct state_image *image);
DEFINE_CLEANUP(struct state_image *, state_image_free)

/* state_image_targets(image, &n): the rows of one kind. */
#define X(noun, NOUN)                                                                               \
    static inline const struct state_##noun *state_image_##noun##s(const struct state_image *image, \
                                                                   size_t *ret_n)                   \
    {                                                                                               \
        *ret_n = image->tables[STATE_##NOUN].n;                                                     \
        return image->tables[STATE_##NOUN].rows;                                                    \
    }
STATE_NOUNS(X)
#undef X

/* Has somebody else changed the file (8)? Sticky until state_load(). One stat(2) in the usual case. */
bool state_is_foreign(struct state *state);
/* Opens the file again if it was replaced. Call before state_load() after a foreign change. */
int state_reopen(struct state *state);

/* ---- changing -------------------------------------------------------------------------------- */

/* A transaction is a list of row changes; nothing happens before state_commit(). Rows are copied. The first
 * failure to add (-ENOMEM) is remembered and comes out of state_commit(), so callers may ignore it. */
struct state_tx *state_tx_new(void);
void state_tx_free(struct state_tx *tx);
DEFINE_CLEANUP(struct state_tx *, state_tx_free)

enum state_verb { STATE_INSERT, STATE_UPDATE, STATE_DELETE, STATE_N_VERBS };
int state_tx_add(struct state_tx *tx, enum state_table table, enum state_verb verb, const void *row);

/* state_insert_target(tx, &row): the row must be new. state_update_target: it must be there.
 * state_delete_target: likewise; only the key columns count. Deleting a target takes its groups, members and
 * secrets along, a group its members, a LUN its ties and reservations. A target with ties cannot be deleted
 * (-EBUSY), nor a portal in a group or a drive with LUNs. */
#define X(noun, NOUN) \
    static inline int state_insert_##noun(struct state_tx *tx, const struct state_##noun *row) \
    { \
        return state_tx_add(tx, STATE_##NOUN, STATE_INSERT, row); \
    } \
    static inline int state_update_##noun(struct state_tx *tx, const struct state_##noun *row) \
    { \
        return state_tx_add(tx, STATE_##NOUN, STATE_UPDATE, row); \
    } \
    static inline int state_delete_##noun(struct state_tx *tx, const struct state_##noun *row) \
    { \
        return state_tx_add(tx, STATE_##NOUN, STATE_DELETE, row); \
    }
STATE_NOUNS(X)
#undef X

/* Blocks until durable. A transaction may be committed again after a failure. An empty one writes too: it
 * asks "can the state be written?". The transaction is at fault: -EEXIST (5, 6, 7, 9), -ENOENT (no such row,
 * or a reference to none), -EBUSY (referred to), -EINVAL (3). Somebody else changed the file: -ESTALE. The
 * medium is at fault: -ENOSPC, -EIO, -EROFS, -EACCES, -ETIMEDOUT (locked by another process for long),
 * -EBADMSG. -ENOMEM. */
int state_commit(struct state *state, struct state_tx *tx);

/* Is this result of state_commit() the medium's fault? */
bool state_error_is_medium(int r);

#endif
