/* SPDX-License-Identifier: MIT */
/* The life of a command: decoded and checked against the opcode table, run step by step over store
 * requests, ended in one place. */
#include <errno.h>
#include <stdlib.h>

#include "scsi/scsi_internal.h"

/* ---- ending ------------------------------------------------------------------------------------------- */

static void fail_detail(struct scsi_task *task, struct scsi_result result, const struct sense_detail *detail)
{
    const struct scsi_lu *lu = task_lu(task);

    task->result = result;
    task->data_len = task->full_len = 0;
    if (result.status == SCSI_CHECK_CONDITION)
        task->sense_len = (uint8_t)sense_encode(result, detail, lu && lu_state(lu) & LU_D_SENSE, task->sense);
}

void task_fail(struct scsi_task *task, struct scsi_result result)
{
    fail_detail(task, result, &(struct sense_detail){ 0 });
}

void task_fail_info(struct scsi_task *task, struct scsi_result result, uint64_t info)
{
    fail_detail(task, result, &(struct sense_detail){ .has_info = true, .info = info });
}

/* Field pointer, SPC-4 §4.5.2.4.2: SKSV, C/D, BPV and bit, then the byte. */
void task_fail_field(struct scsi_task *task, struct scsi_result result, bool in_cdb, uint16_t byte,
                     uint8_t bit)
{
    struct sense_detail detail = { .specific = { 0x80 } };

    detail.specific[0] |= (in_cdb ? 0x40 : 0) | (bit == WHOLE_BYTE ? 0 : 0x08 | bit);
    be16_put(detail.specific + 1, byte);
    fail_detail(task, result, &detail);
}

void task_fail_cdb(struct scsi_task *task, uint16_t byte, uint8_t bit)
{
    task_fail_field(task, SENSE_INVALID_FIELD_IN_CDB, true, byte, bit);
}

void task_fail_parameter(struct scsi_task *task, uint16_t byte, uint8_t bit)
{
    task_fail_field(task, SENSE_INVALID_FIELD_IN_PARAMETER, false, byte, bit);
}

struct reply task_reply(struct scsi_task *task)
{
    return (struct reply){ .p = task->buf, .room = task->buf_len };
}

enum scsi_step task_reply_end(struct scsi_task *task, const struct reply *reply)
{
    task->full_len = (uint32_t)(reply->n < task->len ? reply->n : task->len);
    task->data_len = (uint32_t)(reply->n < reply->room ? reply->n : reply->room);
    return SCSI_STEP_DONE;
}

/* ---- prepare ------------------------------------------------------------------------------------------ */

static bool refuse(struct scsi_task *task, struct scsi_result result)
{
    task_fail(task, result);
    return false;
}

static bool attention_ok(struct scsi_task *task, uint32_t pending)
{
    struct scsi_result result;

    if (!(pending & UA_MASK) || (task->opcode && task->opcode->flags & OP_UA_EXEMPT))
        return true;
    return attention_take(task->itl, &result) ? refuse(task, result) : true;
}

static bool opcode_ok(struct scsi_task *task)
{
    const struct scsi_opcode *op = task->opcode;

    if (op && (!task->itl || opcode_supported(op, task->itl->lu)))
        return true;
    if (!op && opcode_first(task->cdb[0])) { /* the code is known, the service action is not */
        task_fail_cdb(task, 1, 4);
        return false;
    }
    return refuse(task, SENSE_INVALID_OPCODE);
}

static bool reservation_ok(struct scsi_task *task, uint32_t pending)
{
    const struct scsi_opcode *op = task->opcode;
    uint32_t conflicts = op->conflicts;

    if (!(pending & conflicts))
        return true;
    if (op->flags & OP_CONFLICT_BY_CDB && !media_conflicts(task->cdb))
        return true;
    task->result = (struct scsi_result){ .status = SCSI_RESERVATION_CONFLICT };
    return false;
}

/* Worst first: what cannot be mended by the initiator hides what can. */
static bool ready_ok(struct scsi_task *task)
{
    uint32_t state = lu_state(task->itl->lu);

    if (!(task->opcode->flags & OP_MEDIUM) || !(state & LU_NOT_READY))
        return true;
    return refuse(task, state & LU_OFFLINE ? SENSE_NOT_READY_OFFLINE : SENSE_MEDIUM_NOT_PRESENT);
}

/* The bits of bytes [at, at + 8) that are set in the CDB and not in the row; bytes behind the CDB's own
 * length are nobody's business. */
static uint64_t unlisted(const struct scsi_opcode *op, const uint8_t *cdb, unsigned at)
{
    uint64_t bits, listed;
    unsigned n = op->cdb_len > at ? op->cdb_len - at : 0;

    memcpy(&bits, cdb + at, 8);
    memcpy(&listed, op->usage + at, 8);
    bits &= ~listed;
    return n < 8 ? bits & ((UINT64_C(1) << 8 * n) - 1) : bits; /* little-endian, as bytes.h asserts */
}

/* Every bit that the row does not list must be zero. */
static bool bits_ok(struct scsi_task *task)
{
    uint64_t low = unlisted(task->opcode, task->cdb, 0),
             bits = low ? low : unlisted(task->opcode, task->cdb, 8);
    unsigned at;

    if (!bits)
        return true;
    at = (unsigned)__builtin_ctzll(bits) / 8;
    task_fail_cdb(task, (uint16_t)(at + (low ? 0 : 8)),
                  (uint8_t)(31 - __builtin_clz((uint32_t)(bits >> 8 * at & 0xff))));
    return false;
}

static uint32_t length_field(const struct scsi_opcode *op, const uint8_t *cdb)
{
    const uint8_t *p = cdb + op->len_at;

    return op->len_size == 1   ? *p
           : op->len_size == 2 ? be16_get(p)
           : op->len_size == 3 ? be24_get(p)
                               : be32_get(p);
}

static bool parameter_length_ok(struct scsi_task *task)
{
    uint32_t len = length_field(task->opcode, task->cdb);

    if (len > SCSI_PARAM_MAX && task->opcode->dir == SCSI_DIR_OUT)
        return refuse(task, SENSE_PARAMETER_LIST_LENGTH);
    task->len = len < SCSI_PARAM_MAX ? len : SCSI_PARAM_MAX;
    return true;
}

static bool range_ok(struct scsi_task *task)
{
    const struct scsi_lu *lu = task->itl->lu;
    struct cdb_range r = cdb_range_decode(task->cdb);

    if (!lu_range_ok(lu, r.lba, r.n_blocks))
        return refuse(task, SENSE_LBA_OUT_OF_RANGE);
    task->arg[ARG_LBA] = r.lba;
    task->arg[ARG_BLOCKS] = r.n_blocks;
    task->arg[ARG_OFFSET] = r.lba << lu->block_shift;
    task->arg[ARG_BYTES] = (uint64_t)r.n_blocks << lu->block_shift;
    if (!(task->opcode->flags & OP_BLOCKS))
        return true;
    if (task->arg[ARG_BYTES] > lu->max_transfer) {
        task_fail_cdb(task, r.n_at, WHOLE_BYTE);
        return false;
    }
    task->len = (uint32_t)task->arg[ARG_BYTES];
    return true;
}

static bool length_ok(struct scsi_task *task)
{
    const struct scsi_opcode *op = task->opcode;

    task->dir = op->dir;
    if (op->len_size)
        return parameter_length_ok(task);
    return op->flags & OP_LBA ? range_ok(task) : true;
}

static bool writable_ok(struct scsi_task *task)
{
    uint32_t state;

    if (!(task->opcode->flags & OP_WRITE))
        return true;
    state = lu_state(task->itl->lu);
    if (!(state & LU_WRITE_PROTECTED))
        return true;
    return refuse(task, state & LU_READ_ONLY ? SENSE_WRITE_PROTECTED : SENSE_SOFTWARE_WRITE_PROTECTED);
}

/* An unknown LUN answers what finds units, and nothing else (SPC-4 §6.4.2, SAM-5 §5.11). */
static bool prepare_without_unit(struct scsi_task *task)
{
    if (!task->opcode || !(task->opcode->flags & OP_NO_LUN))
        return refuse(task, SENSE_LUN_NOT_SUPPORTED);
    return bits_ok(task) && length_ok(task);
}

static bool prepare_on_unit(struct scsi_task *task)
{
    struct scsi_itl *itl = task->itl;
    uint32_t pending = atomic_load_explicit(&itl->pending, memory_order_acquire);

    list_append(&itl->tasks, &task->link);
    atomic_store_explicit(&itl->n_tasks, atomic_load_explicit(&itl->n_tasks, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    task->epoch = atomic_load_explicit(&itl->epoch, memory_order_acquire);
    return attention_ok(task, pending) && opcode_ok(task) && reservation_ok(task, pending) &&
           ready_ok(task) && bits_ok(task) && length_ok(task) &&
           (!task->opcode->check || task->opcode->check(task)) && writable_ok(task);
}

bool scsi_task_prepare(struct scsi_task *task)
{
    uint16_t lun;

    task->dir = SCSI_DIR_NONE;
    task->len = task->data_len = task->full_len = 0;
    task->buf = NULL;
    task->lent = NULL;
    task->buf_len = 0;
    task->result = (struct scsi_result){ 0 };
    task->sense_len = 0;
    task->aborted = task->executing = task->claims = false;
    task->phase = 0;
    task->stripes = 0;
    task->gate = NULL;
    task->extra = NULL;
    task->extra_free = NULL;
    task->watch = NULL;
    memset(task->arg, 0, sizeof task->arg);
    task->opcode = opcode_find(task->cdb);
    task->itl = lun_decode(task->lun, &lun) ? view_find(task->view, lun) : NULL;
    return task->itl ? prepare_on_unit(task) : prepare_without_unit(task);
}

/* ---- execute ------------------------------------------------------------------------------------------ */

static bool cut_off(const struct scsi_task *task)
{
    return task->aborted ||
           (task->itl && task->epoch != atomic_load_explicit(&task->itl->epoch, memory_order_acquire));
}

static void finish(struct scsi_task *task)
{
    if (task->stripes)
        gate_leave(task);
    if (task->extra)
        (task->extra_free ? task->extra_free : free)(task->extra);
    task->extra = NULL;
    task->executing = false;
    task->aborted = cut_off(task);
    if (task->dir == SCSI_DIR_OUT)
        task->full_len = task->len;
}

static void io_done(struct store_request *req, int res);

/* Runs until the command has ended (true) or waits for the store or the gate (false). */
static bool run(struct scsi_task *task, int res)
{
    for (;;) {
        enum scsi_step step = cut_off(task) ? SCSI_STEP_DONE : task->opcode->run(task, res);

        if (step == SCSI_STEP_WAIT)
            return false;
        if (step == SCSI_STEP_DONE)
            break;
        task->io.done = io_done;
        res = store_submit(task->io_store, &task->io);
        if (res == -EINPROGRESS)
            return false;
        if (res < 0) {
            task_fail(task, scsi_result_from_errno(res, task->io.op));
            break;
        }
    }
    finish(task);
    return true;
}

static void io_done(struct store_request *req, int res)
{
    struct scsi_task *task = container_of(req, struct scsi_task, io);

    if (res < 0) {
        task_fail(task, scsi_result_from_errno(res, req->op));
        finish(task);
    } else if (!run(task, res)) {
        return;
    }
    task->done(task);
}

enum scsi_step task_io(struct scsi_task *task, enum store_op op, uint64_t offset, void *buf, uint64_t len)
{
    return task_io_on(task, task->itl->lu, op, offset, buf, len);
}

enum scsi_step task_io_on(struct scsi_task *task, const struct scsi_lu *lu, enum store_op op, uint64_t offset,
                          void *buf, uint64_t len)
{
    task->iov = (struct iovec){ buf, buf ? len : 0 };
    task->io.op = op;
    task->io.fua = op != STORE_READ && op != STORE_FLUSH && task_fua(task, lu);
    task->io.offset = offset;
    task->io.len = len;
    task->io.iov = &task->iov;
    task->io.n_iov = buf ? 1 : 0;
    task->io_store = lu->store;
    return SCSI_STEP_IO;
}

static bool data_out_ok(const struct scsi_task *task)
{
    if (task->dir != SCSI_DIR_OUT || !task->len)
        return true;
    if (task->opcode->flags & OP_EXACT)
        return task->buf_len == task->len && (!task->expected_len || task->expected_len == task->len);
    return task->buf_len == task->len || task->opcode->flags & OP_BLOCKS;
}

bool scsi_task_borrow(struct scsi_task *task, uint32_t buf_len)
{
    if (task->opcode->run != run_read)
        return false;
    task->lent = store_borrow(task->itl->lu->store, task->arg[ARG_OFFSET], buf_len);
    task->buf_len = task->lent ? buf_len : 0;
    return task->lent != NULL;
}

bool scsi_task_execute(struct scsi_task *task)
{
    if (!data_out_ok(task)) {
        task_fail(task, SENSE_INVALID_FIELD_IN_IU);
        finish(task);
        return true;
    }
    task->executing = true;
    return run(task, 0);
}

void scsi_task_lent_gone(struct scsi_task *task)
{
    if (task->lent)
        store_lent_gone(task->itl->lu->store, task->arg[ARG_OFFSET], task->buf_len);
}

void scsi_task_abort(struct scsi_task *task)
{
    task->aborted = true;
}

/* ---- tasks that the gate lets go on ------------------------------------------------------------------- */

void scsi_view_run(struct scsi_view *view)
{
    struct list_node batch = LIST_INIT(batch), *n;

    pthread_mutex_lock(&view->ready_lock);
    list_splice(&batch, &view->ready);
    pthread_mutex_unlock(&view->ready_lock);
    while ((n = list_pop(&batch))) {
        struct scsi_task *task = container_of(n, struct scsi_task, wait);

        if (run(task, 0))
            task->done(task);
    }
}
