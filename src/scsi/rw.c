/* SPDX-License-Identifier: MIT */
/* READ, WRITE, SYNCHRONIZE CACHE, PRE-FETCH (SBC-3 §5). This is the hot path: no lock, no allocation. */
#include "scsi/scsi_internal.h"

bool task_fua(const struct scsi_task *task, const struct scsi_lu *lu)
{
    return lu_state(lu) & LU_WRITE_THROUGH || task->opcode->flags & OP_FUA_ALWAYS ||
           (task->opcode->flags & OP_FUA && task->cdb[1] & 0x08);
}

static uint64_t transfer_len(const struct scsi_task *task)
{
    return task->buf_len < task->len ? task->buf_len : task->len;
}

enum scsi_step run_read(struct scsi_task *task, int res)
{
    (void)res;
    if (task->phase++ == 0 && transfer_len(task) && !task->lent)
        return task_io(task, STORE_READ, task->arg[ARG_OFFSET], task->buf, transfer_len(task));
    task->data_len = (uint32_t)transfer_len(task);
    task->full_len = task->len;
    return SCSI_STEP_DONE;
}

/* A read that asks for FUA must come from the medium or from a cache that the medium agrees with: the page
 * cache always does. */
enum scsi_step run_write(struct scsi_task *task, int res)
{
    enum gate_answer answer;

    (void)res;
    if (task->phase == 1 || !transfer_len(task))
        return SCSI_STEP_DONE;
    answer = gate_enter(task, task->arg[ARG_OFFSET], transfer_len(task));
    if (answer != GATE_OPEN)
        return answer == GATE_WAIT ? SCSI_STEP_WAIT : SCSI_STEP_DONE;
    task->phase = 1;
    return task_io(task, STORE_WRITE, task->arg[ARG_OFFSET], task->buf, transfer_len(task));
}

/* IMMED is honoured by not being in a hurry: the answer comes when the data are safe, which the standard
 * allows (SBC-3 §5.22). The range is checked; a flush always covers the whole unit. */
enum scsi_step run_synchronize(struct scsi_task *task, int res)
{
    (void)res;
    return task->phase++ ? SCSI_STEP_DONE : task_io(task, STORE_FLUSH, 0, NULL, 0);
}

/* GOOD, not CONDITION MET: a store does not promise that blocks stay in a cache (SBC-3 §5.10). */
enum scsi_step run_prefetch(struct scsi_task *task, int res)
{
    (void)task;
    (void)res;
    return SCSI_STEP_DONE;
}

enum scsi_step run_test_unit_ready(struct scsi_task *task, int res)
{
    (void)task;
    (void)res;
    return SCSI_STEP_DONE;
}
