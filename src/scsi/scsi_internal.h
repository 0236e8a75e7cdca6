/* SPDX-License-Identifier: MIT */
/* What the files of src/scsi share: the unit, the nexus, the opcode table's row, and how a command runs.
 *
 *     prepare:  LUN -> unit attention -> opcode -> reservation -> unit ready -> CDB bits -> length and range
 *     execute:  opcode->run(task, res) is called, and called again after each store request, until it says
 *               SCSI_STEP_DONE
 */
#ifndef VDS_SCSI_INTERNAL_H
#define VDS_SCSI_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "scsi/copy.h"
#include "scsi/counters.h"
#include "scsi/reply.h"
#include "scsi/scsi.h"
#include "scsi/sense.h"

struct pr_state;

/* ---- unit --------------------------------------------------------------------------------------------- */

/* bits of scsi_lu.state; the mode bits among them are saved as they are here (pr_state.c): do not renumber */
enum lu_state {
    LU_OFFLINE = 1 << 0,
    LU_EJECTED = 1 << 1,
    LU_READ_ONLY = 1 << 2,     /* by configuration */
    LU_SWP = 1 << 3,           /* software write protect, Control mode page */
    LU_WRITE_THROUGH = 1 << 4, /* WCE = 0: every write is FUA */
    LU_D_SENSE = 1 << 5,
};
#define LU_NOT_READY       (LU_OFFLINE | LU_EJECTED)
#define LU_WRITE_PROTECTED (LU_READ_ONLY | LU_SWP)

/* Writers of a place count themselves in its stripe; COMPARE AND WRITE and ORWRITE claim stripes for
 * themselves. See gate.c. */
#define SCSI_REVISION   "0.1 " /* PRODUCT REVISION LEVEL when the configuration says nothing */

#define GATE_STRIPES    16
#define GATE_SHIFT      20 /* 1 MiB of the unit per stripe, round and round */
#define GATE_ALL        0xffff
#define GATE_CLAIMED    (1u << 31)
struct gate_stripe {
    _Alignas(64) _Atomic uint32_t word; /* GATE_CLAIMED | number of writers */
};

struct scsi_lu {
    atomic_uint n_refs;
    struct store *store;
    struct guid id;
    char vendor[9], product[17], revision[5]; /* padded with spaces */
    uint32_t block_size;
    uint8_t block_shift;
    uint8_t physical_shift; /* blocks per physical block */
    bool removable, thin;
    uint32_t max_transfer; /* bytes */
    int (*save_pr)(void *arg, const struct guid *lu, const void *bytes, size_t len);
    void *save_pr_arg;
    void (*cache_changed)(void *arg, const struct guid *lu);
    void *cache_changed_arg;

    _Atomic uint64_t n_blocks;
    _Atomic uint32_t n_leaving; /* mappings that are gone but for their last commands */
    _Atomic uint32_t state;
    struct gate_stripe gate[GATE_STRIPES];

    pthread_mutex_t lock;      /* all below */
    struct list_node itls;
    struct list_node waiting;  /* tasks that the gate keeps out */
    struct scsi_itl *reserver; /* SPC-2 RESERVE */
    struct pr_state *pr;
    unsigned n_preventing;
    struct scsi_counters gone; /* what nexuses that are gone have done */
    pthread_mutex_t save_lock; /* held around save_pr(), outside `lock`: keeps saved states in order */
};

static inline uint32_t lu_state(const struct scsi_lu *lu)
{
    return atomic_load_explicit(&lu->state, memory_order_acquire);
}

static inline uint64_t lu_n_blocks(const struct scsi_lu *lu)
{
    return atomic_load_explicit(&lu->n_blocks, memory_order_acquire);
}

static inline bool lu_range_ok(const struct scsi_lu *lu, uint64_t lba, uint64_t n)
{
    uint64_t capacity = lu_n_blocks(lu);

    return lba <= capacity && n <= capacity - lba;
}

void lu_state_set(struct scsi_lu *lu, uint32_t set, uint32_t clear); /* takes no lock: atomic */
/* Tells the owner when LU_WRITE_THROUGH is not what it was in `old`. Under no lock. */
void lu_tell_cache_changed(const struct scsi_lu *lu, uint32_t old);

/* ---- nexus -------------------------------------------------------------------------------------------- */

/* Unit attentions are bits, lowest bit told first; the table in attention.c gives each its code. There is
 * none for "power on": a login is not one, and whatever a new nexus could have lost belonged to the old one.
 * Hosts are spared a failing first command. */
enum {
    UA_LUN_RESET,
    UA_COMMANDS_CLEARED,
    UA_MEDIUM_CHANGED,
    UA_RESERVATIONS_PREEMPTED,
    UA_RESERVATIONS_RELEASED,
    UA_REGISTRATIONS_PREEMPTED,
    UA_CAPACITY_CHANGED,
    UA_MODE_CHANGED,
    UA_REPORTED_LUNS_CHANGED,
    UA_N,
};
#define UA_BIT(ua) (1u << (ua))
#define UA_MASK    (UA_BIT(UA_N) - 1)

/* Which commands a reservation held by somebody else stops here; in the same word, so that a command looks
 * once. */
#define DENY_SPC2  (1u << 24) /* RESERVE(6)/(10) of another nexus */
#define DENY_READ  (1u << 25) /* persistent reservation: exclusive access, or "conflict" for reads (SPC-3) */
#define DENY_WRITE (1u << 26)
#define DENY_MASK  (DENY_SPC2 | DENY_READ | DENY_WRITE)

struct scsi_itl {
    struct list_node link; /* lu->itls */
    struct scsi_lu *lu;    /* own reference */
    struct scsi_view *view;
    uint16_t lun;
    _Atomic uint32_t pending; /* UA_BIT()s and DENY_ bits */
    _Atomic uint32_t epoch;   /* moves when somebody else aborts all tasks of this nexus */
    bool prevents_removal;    /* lu->lock */
    struct copy_record copy;  /* view's thread */
    _Atomic uint32_t n_tasks; /* length of `tasks`; written by the view's thread, read by any */
    struct list_node tasks;   /* view's thread */
    bool leaving;
    void (*gone)(void *arg);
    void *gone_arg;
    struct scsi_tally tally; /* view's thread; read by any */
};

struct scsi_view {
    struct scsi_nexus nexus;
    char *initiator_port, *target_port, *target_name; /* owned */
    struct scsi_itl **slots;                          /* by LUN */
    uint16_t n_slots;
    pthread_mutex_t ready_lock;
    struct list_node ready; /* tasks that the gate let in again; ready_lock */
    /* commands to numbers without a unit, and what was done on units that are not mapped any more */
    struct scsi_tally others;
};

struct scsi_itl *view_find(const struct scsi_view *view, uint16_t lun);
bool lun_decode(const uint8_t wire[static 8], uint16_t *ret_lun);
void lun_encode(uint16_t lun, uint8_t wire[static 8]);

/* counters.c: the nexus goes, what it has counted stays with unit and view. lu->lock held, on the view's
 * thread. */
void counters_keep(struct scsi_itl *itl);

/* attention.c */
void attention_raise(struct scsi_itl *itl, unsigned ua);
/* lu->lock held */
void attention_raise_others(struct scsi_lu *lu, const struct scsi_itl *except, unsigned ua);
bool attention_take(struct scsi_itl *itl, struct scsi_result *ret_result);
void attention_clear(struct scsi_itl *itl, unsigned ua);

/* ---- opcode table ------------------------------------------------------------------------------------- */

enum scsi_step {
    SCSI_STEP_DONE, /* result and data are ready */
    /* task->io is filled in: submit it, then call run() with its result (errors never come back) */
    SCSI_STEP_IO,
    SCSI_STEP_WAIT, /* kept out by the gate: run() is called again, with the same phase */
};

#define SA_NONE 0xff

enum {
    OP_MEDIUM = 1 << 0,     /* needs a ready medium: NOT READY otherwise */
    OP_WRITE = 1 << 1,      /* WRITE PROTECTED on a protected unit */
    /* block address and count in the usual place of its group; range checked, arg[] filled */
    OP_LBA = 1 << 2,
    OP_BLOCKS = 1 << 3,     /* moves `count` blocks of data */
    OP_UA_EXEMPT = 1 << 4,  /* runs with a unit attention pending (SAM-5 §5.14) */
    OP_NO_LUN = 1 << 5,     /* answers on an unknown LUN too; task->itl may be NULL */
    OP_THIN = 1 << 6,       /* exists on thin units only */
    OP_REMOVABLE = 1 << 7,  /* exists on removable units only */
    OP_EXACT = 1 << 8,      /* data-out must have exactly the length of the CDB */
    OP_CONFLICT_BY_CDB = 1 << 9, /* see media_conflicts() */
    OP_FUA = 1 << 10,       /* byte 1 bit 3 is FUA */
    OP_FUA_ALWAYS = 1 << 11,
};

/* Which reservations of others stop a command: SPC-4 table 66, SBC-3 table 13; DENY_SPC2 from SPC-2 table
 * 8. */
#define CONFLICT_NEVER   0
#define CONFLICT_SPC2    DENY_SPC2
#define CONFLICT_READER  (DENY_SPC2 | DENY_READ)
#define CONFLICT_WRITER  (DENY_SPC2 | DENY_READ | DENY_WRITE)

struct scsi_opcode {
    uint8_t opcode, sa;
    uint8_t cdb_len;
    uint8_t dir;                /* enum scsi_dir */
    uint8_t len_at, len_size;   /* allocation or parameter list length in the CDB; len_size 0: none */
    uint16_t flags;
    uint32_t conflicts;
    /* further checks of the CDB; false: the sense is set. May be NULL */
    bool (*check)(struct scsi_task *task);
    enum scsi_step (*run)(struct scsi_task *task, int res);
    const char *name;
    /* the bits that are looked at; others must be zero. REPORT SUPPORTED OPERATION CODES hands it out */
    uint8_t usage[SCSI_CDB_MAX];
};

extern const struct scsi_opcode scsi_opcodes[];
extern const size_t scsi_n_opcodes;

const struct scsi_opcode *opcode_find(const uint8_t *cdb);
/* First row with this operation code, or NULL; rows of one code stand together. */
const struct scsi_opcode *opcode_first(uint8_t opcode);
bool opcode_supported(const struct scsi_opcode *op, const struct scsi_lu *lu);
uint8_t opcode_sa(const struct scsi_opcode *op, const uint8_t *cdb);

/* Indexes of task->arg for OP_LBA commands. */
enum { ARG_OFFSET, ARG_BYTES, ARG_LBA, ARG_BLOCKS, ARG_DONE, ARG_AUX };

struct cdb_range {
    uint64_t lba;
    uint32_t n_blocks;
    uint8_t lba_at, n_at; /* bytes in the CDB, for field pointers */
};
struct cdb_range cdb_range_decode(const uint8_t *cdb);

/* ---- commands ending ---------------------------------------------------------------------------------- */

static inline struct scsi_lu *task_lu(const struct scsi_task *task)
{
    return task->itl ? task->itl->lu : NULL;
}

void task_fail(struct scsi_task *task, struct scsi_result result);
void task_fail_info(struct scsi_task *task, struct scsi_result result, uint64_t info);
/* ILLEGAL REQUEST with a field pointer; bit 0xff: the byte as a whole. */
void task_fail_cdb(struct scsi_task *task, uint16_t byte, uint8_t bit);
void task_fail_parameter(struct scsi_task *task, uint16_t byte, uint8_t bit);
void task_fail_field(struct scsi_task *task, struct scsi_result result, bool in_cdb, uint16_t byte,
                     uint8_t bit);
#define WHOLE_BYTE 0xff

/* The same as a step, for handlers. */
#define STEP_FAIL(task, result) (task_fail(task, result), SCSI_STEP_DONE)

/* Parameter data: a writer over the task's buffer, and its end. */
struct reply task_reply(struct scsi_task *task);
enum scsi_step task_reply_end(struct scsi_task *task, const struct reply *reply);

/* Fills task->io: one buffer, or a range without data. */
enum scsi_step task_io(struct scsi_task *task, enum store_op op, uint64_t offset, void *buf, uint64_t len);
enum scsi_step task_io_on(struct scsi_task *task, const struct scsi_lu *lu, enum store_op op, uint64_t offset,
                          void *buf, uint64_t len);

/* True when writes of this command must be durable before it ends: FUA in the CDB, or the write cache is
 * off. */
bool task_fua(const struct scsi_task *task, const struct scsi_lu *lu);

/* gate.c. WAIT: the task has been queued, return SCSI_STEP_WAIT; BUSY: the answer is set. */
enum gate_answer { GATE_OPEN, GATE_WAIT, GATE_BUSY };
enum gate_answer gate_enter_unit(struct scsi_task *task, struct scsi_lu *lu, uint64_t offset, uint64_t len);
enum gate_answer gate_enter(struct scsi_task *task, uint64_t offset, uint64_t len);
enum gate_answer gate_claim(struct scsi_task *task, uint64_t offset, uint64_t len);
void gate_leave(struct scsi_task *task);

/* Whether a START STOP UNIT or PREVENT ALLOW MEDIUM REMOVAL with these parameters conflicts with a
 * reservation (SPC-4 table 66). */
bool media_conflicts(const uint8_t *cdb);

/* ---- handlers: one per command family ----------------------------------------------------------------- */

typedef enum scsi_step scsi_run(struct scsi_task *task, int res);
typedef bool scsi_check(struct scsi_task *task);

scsi_run run_test_unit_ready, run_request_sense, run_inquiry, run_report_luns, run_report_opcodes,
    run_report_tmf, run_report_target_groups, run_mode_sense, run_mode_select, run_read_capacity10,
    run_read_capacity16, run_read, run_write, run_synchronize, run_prefetch, run_unmap, run_write_same,
    run_get_lba_status, run_verify, run_write_verify, run_compare_and_write, run_orwrite, run_start_stop,
    run_prevent_allow, run_read_defect_data, run_send_diagnostic, run_reserve, run_release, run_pr_in,
    run_pr_out, run_extended_copy, run_copy_status, run_copy_parameters;
scsi_check check_read_capacity10, check_write_same, check_verify, check_write_verify, check_compare_and_write,
    check_start_stop;
uint32_t max_caw_blocks(const struct scsi_lu *lu);

#endif
