/* SPDX-License-Identifier: MIT */
/* UNMAP and WRITE SAME (SBC-3 §5.28, §5.41 to §5.42): space really goes back to the store, and unmapped
 * blocks read as zeros. */
#include <stdlib.h>

#include "scsi/inquiry.h"
#include "scsi/scsi_internal.h"

#define PATTERN_BYTES (256u << 10) /* a pattern is repeated in steps of this size */

/* ---- UNMAP -------------------------------------------------------------------------------------------- */

struct unmap_list {
    const uint8_t *p;
    uint32_t n;
};

/* SBC-3 §5.28.2: a descriptor that is cut off is ignored; that is not an error. */
static struct unmap_list unmap_list(const struct scsi_task *task)
{
    uint32_t there = task->len - 8, said = be16_get(task->buf + 2);

    return (struct unmap_list){ task->buf + 8, (said < there ? said : there) / 16 };
}

/* The whole list is checked before anything is done. */
static bool unmap_list_ok(struct scsi_task *task, struct unmap_list list)
{
    uint64_t total = 0;

    if (list.n > MAX_UNMAP_DESCRIPTORS) {
        task_fail_parameter(task, 2, WHOLE_BYTE);
        return false;
    }
    for (uint32_t i = 0; i < list.n; i++) {
        uint32_t n = be32_get(list.p + i * 16 + 8);

        if (!lu_range_ok(task_lu(task), be64_get(list.p + i * 16), n)) {
            task_fail(task, SENSE_LBA_OUT_OF_RANGE);
            return false;
        }
        total += n;
        if (total > MAX_UNMAP_BLOCKS) {
            task_fail_parameter(task, (uint16_t)(8 + i * 16 + 8), WHOLE_BYTE);
            return false;
        }
    }
    return true;
}

static enum scsi_step unmap_next(struct scsi_task *task, struct unmap_list list)
{
    uint8_t shift = task_lu(task)->block_shift;

    for (uint64_t i = task->arg[ARG_DONE]; i < list.n; i++) {
        uint32_t n = be32_get(list.p + i * 16 + 8);

        if (!n)
            continue;
        task->arg[ARG_DONE] = i + 1;
        return task_io(task, STORE_DISCARD, be64_get(list.p + i * 16) << shift, NULL, (uint64_t)n << shift);
    }
    return SCSI_STEP_DONE;
}

enum scsi_step run_unmap(struct scsi_task *task, int res)
{
    (void)res;
    if (!task->len)
        return SCSI_STEP_DONE;
    if (task->len < 8)
        return STEP_FAIL(task, SENSE_PARAMETER_LIST_LENGTH);
    if (task->phase == 0) {
        enum gate_answer answer;

        if (!unmap_list_ok(task, unmap_list(task)))
            return SCSI_STEP_DONE;
        answer = gate_enter(task, 0, UINT64_MAX);
        if (answer != GATE_OPEN)
            return answer == GATE_WAIT ? SCSI_STEP_WAIT : SCSI_STEP_DONE;
        task->phase = 1;
    }
    return unmap_next(task, unmap_list(task));
}

/* ---- WRITE SAME --------------------------------------------------------------------------------------- */

static bool no_data_out(const uint8_t *cdb)
{
    return cdb[0] == 0x93 && cdb[1] & 0x01; /* NDOB */
}

/* No blocks means "to the end" (SBC-3 §5.41.2), where WSNZ is not set: on units without UNMAP. With it, hosts
 * take the end of the unit for a safe place to free with whatever data, against LBPRZ: libiscsi's suite
 * does. */
static void to_the_end(struct scsi_task *task, const struct scsi_lu *lu)
{
    if (task->arg[ARG_BLOCKS] || lu->thin)
        return;
    task->arg[ARG_BLOCKS] = lu_n_blocks(lu) - task->arg[ARG_LBA];
    task->arg[ARG_BYTES] = task->arg[ARG_BLOCKS] << lu->block_shift;
}

bool check_write_same(struct scsi_task *task)
{
    const struct scsi_lu *lu = task_lu(task);
    uint8_t n_at = cdb_range_decode(task->cdb).n_at;

    to_the_end(task, lu);
    if (!task->arg[ARG_BLOCKS] || task->arg[ARG_BYTES] > MAX_WRITE_SAME_BYTES) {
        task_fail_cdb(task, n_at, WHOLE_BYTE);
        return false;
    }
    if (task->cdb[1] & 0x08 && !lu->thin) { /* UNMAP: LBPWS is zero */
        task_fail_cdb(task, 1, 3);
        return false;
    }
    task->dir = no_data_out(task->cdb) ? SCSI_DIR_NONE : SCSI_DIR_OUT;
    task->len = task->dir == SCSI_DIR_OUT ? lu->block_size : 0;
    return true;
}

static bool all_zeros(const uint8_t *p, size_t n)
{
    return !n || (!p[0] && !memcmp(p, p + 1, n - 1));
}

static bool make_pattern(struct scsi_task *task)
{
    uint64_t n = task->arg[ARG_BYTES] < PATTERN_BYTES ? task->arg[ARG_BYTES] : PATTERN_BYTES;
    uint8_t *pattern = malloc(n);

    if (!pattern)
        return false;
    for (uint64_t i = 0; i < n; i += task->len)
        memcpy(pattern + i, task->buf, task->len);
    task->extra = pattern;
    return true;
}

static enum scsi_step pattern_next(struct scsi_task *task)
{
    uint64_t done = task->arg[ARG_DONE], left = task->arg[ARG_BYTES] - done,
             n = left < PATTERN_BYTES ? left : PATTERN_BYTES;

    if (!left)
        return SCSI_STEP_DONE;
    task->arg[ARG_DONE] = done + n;
    return task_io(task, STORE_WRITE, task->arg[ARG_OFFSET] + done, task->extra, n);
}

/* Zeros with UNMAP free the space, zeros without keep it; anything else must be written, UNMAP or not
 * (SBC-3 §5.41.2, LBPRZ = 1). */
static enum scsi_step write_same_begin(struct scsi_task *task)
{
    bool zeros = no_data_out(task->cdb) || all_zeros(task->buf, task->len), unmap = task->cdb[1] & 0x08;

    task->phase = zeros ? 2 : 1;
    if (zeros)
        return task_io(task, unmap ? STORE_DISCARD : STORE_WRITE_ZEROES, task->arg[ARG_OFFSET], NULL,
                       task->arg[ARG_BYTES]);
    if (!make_pattern(task)) {
        task->result = (struct scsi_result){ .status = SCSI_TASK_SET_FULL };
        return SCSI_STEP_DONE;
    }
    return pattern_next(task);
}

enum scsi_step run_write_same(struct scsi_task *task, int res)
{
    enum gate_answer answer;

    (void)res;
    if (task->phase)
        return task->phase == 1 ? pattern_next(task) : SCSI_STEP_DONE;
    answer = gate_enter(task, task->arg[ARG_OFFSET], task->arg[ARG_BYTES]);
    if (answer != GATE_OPEN)
        return answer == GATE_WAIT ? SCSI_STEP_WAIT : SCSI_STEP_DONE;
    return write_same_begin(task);
}
