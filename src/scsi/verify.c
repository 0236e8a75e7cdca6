/* SPDX-License-Identifier: MIT */
/* VERIFY, WRITE AND VERIFY, COMPARE AND WRITE, ORWRITE: commands that read what is there before they say or
 * do more (SBC-3 §5.2, §5.8, §5.29 to §5.31, §5.37 to §5.39). */
#include <stdlib.h>

#include "scsi/inquiry.h"
#include "scsi/scsi_internal.h"

#define SCRATCH_BYTES (256u << 10)

static enum scsi_step no_memory(struct scsi_task *task)
{
    task->result = (struct scsi_result){ .status = SCSI_TASK_SET_FULL };
    return SCSI_STEP_DONE;
}

static size_t first_difference(const uint8_t *a, const uint8_t *b, size_t n)
{
    size_t i = 0;

    while (i < n && a[i] == b[i])
        i++;
    return i;
}

/* ---- reading back and comparing ----------------------------------------------------------------------- */

enum { BYTCHK_NONE = 0, BYTCHK_ALL = 1, BYTCHK_ONE_BLOCK = 3 };

static unsigned bytchk(const struct scsi_task *task)
{
    return task->cdb[1] >> 1 & 3;
}

/* Compares the chunk that was read last, at ARG_DONE, with what came; true: equal. */
static bool chunk_equal(const struct scsi_task *task, uint64_t n)
{
    const uint8_t *read = task->extra;

    if (bytchk(task) == BYTCHK_ALL)
        return !memcmp(read, task->buf + task->arg[ARG_DONE], n);
    for (uint64_t i = 0; bytchk(task) == BYTCHK_ONE_BLOCK && i < n; i += task->len)
        if (memcmp(read + i, task->buf, task->len))
            return false;
    return true;
}

static uint64_t chunk_len(const struct scsi_task *task)
{
    uint64_t left = task->arg[ARG_BYTES] - task->arg[ARG_DONE];

    return left < SCRATCH_BYTES ? left : SCRATCH_BYTES;
}

static enum scsi_step verify_read(struct scsi_task *task)
{
    uint64_t n = chunk_len(task);

    if (!n)
        return SCSI_STEP_DONE;
    if (!task->extra && !(task->extra = malloc(n)))
        return no_memory(task);
    return task_io(task, STORE_READ, task->arg[ARG_OFFSET] + task->arg[ARG_DONE], task->extra, n);
}

/* INFORMATION: the block that differs (SBC-3 §4.18.1). */
static enum scsi_step verify_chunk(struct scsi_task *task)
{
    uint64_t n = chunk_len(task);

    if (!chunk_equal(task, n)) {
        size_t at = bytchk(task) == BYTCHK_ALL
                        ? first_difference(task->extra, task->buf + task->arg[ARG_DONE], n)
                        : 0;

        task_fail_info(task, SENSE_MISCOMPARE,
                       task->arg[ARG_LBA] + ((task->arg[ARG_DONE] + at) >> task_lu(task)->block_shift));
        return SCSI_STEP_DONE;
    }
    task->arg[ARG_DONE] += n;
    return verify_read(task);
}

enum scsi_step run_verify(struct scsi_task *task, int res)
{
    (void)res;
    return task->phase++ == 0 ? verify_read(task) : (task->phase = 1, verify_chunk(task));
}

static bool verify_len_ok(struct scsi_task *task, uint64_t data_out)
{
    if (task->arg[ARG_BYTES] > task_lu(task)->max_transfer) {
        task_fail_cdb(task, cdb_range_decode(task->cdb).n_at, WHOLE_BYTE);
        return false;
    }
    task->dir = data_out ? SCSI_DIR_OUT : SCSI_DIR_NONE;
    task->len = (uint32_t)data_out;
    return true;
}

bool check_verify(struct scsi_task *task)
{
    switch (bytchk(task)) {
    case BYTCHK_NONE:
        return verify_len_ok(task, 0);
    case BYTCHK_ALL:
        return verify_len_ok(task, task->arg[ARG_BYTES]);
    case BYTCHK_ONE_BLOCK:
        return verify_len_ok(task, task->arg[ARG_BLOCKS] ? task_lu(task)->block_size : 0);
    default:
        task_fail_cdb(task, 1, 2);
        return false;
    }
}

/* ---- WRITE AND VERIFY --------------------------------------------------------------------------------- */

bool check_write_verify(struct scsi_task *task)
{
    if (bytchk(task) <= BYTCHK_ALL)
        return true; /* OP_BLOCKS has set the length */
    task_fail_cdb(task, 1, 2);
    return false;
}

/* The verification is of the medium (OP_FUA_ALWAYS), then the blocks are read back, and compared if BYTCHK
 * says so. */
enum scsi_step run_write_verify(struct scsi_task *task, int res)
{
    enum gate_answer answer;

    (void)res;
    if (task->phase == 2)
        return verify_chunk(task);
    task->arg[ARG_BYTES] = task->buf_len < task->len ? task->buf_len : task->len;
    if (task->phase == 1) {
        task->phase = 2;
        return verify_read(task);
    }
    if (!task->arg[ARG_BYTES])
        return SCSI_STEP_DONE;
    answer = gate_enter(task, task->arg[ARG_OFFSET], task->arg[ARG_BYTES]);
    if (answer != GATE_OPEN)
        return answer == GATE_WAIT ? SCSI_STEP_WAIT : SCSI_STEP_DONE;
    task->phase = 1;
    return task_io(task, STORE_WRITE, task->arg[ARG_OFFSET], task->buf, task->arg[ARG_BYTES]);
}

/* ---- COMPARE AND WRITE, ORWRITE: read, decide, write behind the gate ---------------------------------- */

uint32_t max_caw_blocks(const struct scsi_lu *lu)
{
    uint32_t limit =
        (lu->max_transfer > SCSI_PARAM_MAX ? lu->max_transfer : SCSI_PARAM_MAX) >> lu->block_shift >> 1;

    return limit < MAX_CAW_BLOCKS ? limit : MAX_CAW_BLOCKS;
}

bool check_compare_and_write(struct scsi_task *task)
{
    /* A count that does not fit the one byte shows only in what the initiator is ready to send. */
    uint64_t sends = task->expected_len / 2 >> task_lu(task)->block_shift;

    if (task->arg[ARG_BLOCKS] > max_caw_blocks(task_lu(task)) || sends > max_caw_blocks(task_lu(task))) {
        task_fail_cdb(task, 13, WHOLE_BYTE);
        return false;
    }
    task->len = (uint32_t)(2 * task->arg[ARG_BYTES]); /* what to compare with, then what to write */
    return true;
}

/* Claims the range and reads it into scratch. */
static enum scsi_step read_claimed(struct scsi_task *task)
{
    uint64_t n = task->arg[ARG_BYTES];
    enum gate_answer answer;

    if (!n)
        return SCSI_STEP_DONE;
    answer = gate_claim(task, task->arg[ARG_OFFSET], n);
    if (answer != GATE_OPEN)
        return answer == GATE_WAIT ? SCSI_STEP_WAIT : SCSI_STEP_DONE;
    task->extra = malloc(n);
    if (!task->extra)
        return no_memory(task);
    task->phase = 1;
    return task_io(task, STORE_READ, task->arg[ARG_OFFSET], task->extra, n);
}

/* SBC-3 §5.2: on a mismatch INFORMATION is the offset of the first byte that differs. */
enum scsi_step run_compare_and_write(struct scsi_task *task, int res)
{
    uint64_t n = task->arg[ARG_BYTES];

    (void)res;
    if (task->phase == 0)
        return read_claimed(task);
    if (task->phase == 2)
        return SCSI_STEP_DONE;
    if (memcmp(task->extra, task->buf, n)) {
        task_fail_info(task, SENSE_MISCOMPARE, first_difference(task->extra, task->buf, n));
        return SCSI_STEP_DONE;
    }
    task->phase = 2;
    return task_io(task, STORE_WRITE, task->arg[ARG_OFFSET], task->buf + n, n);
}

enum scsi_step run_orwrite(struct scsi_task *task, int res)
{
    uint64_t n = task->arg[ARG_BYTES];
    uint8_t *old = task->extra;

    (void)res;
    if (task->phase == 0)
        return read_claimed(task);
    if (task->phase == 2)
        return SCSI_STEP_DONE;
    for (uint64_t i = 0; i < n; i++)
        old[i] |= task->buf[i];
    task->phase = 2;
    return task_io(task, STORE_WRITE, task->arg[ARG_OFFSET], old, n);
}
