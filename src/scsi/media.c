/* SPDX-License-Identifier: MIT */
/* START STOP UNIT, PREVENT ALLOW MEDIUM REMOVAL, READ DEFECT DATA, SEND DIAGNOSTIC (SBC-3 §5.17, §5.18,
 * §5.23; SPC-4 §6.13, §6.40). */
#include "scsi/scsi_internal.h"

/* Starting, and allowing removal, harm nobody's reservation; the other forms do (SPC-4 table 66, SBC-3
 * table 13). */
bool media_conflicts(const uint8_t *cdb)
{
    if (cdb[0] == 0x1b)
        return !(cdb[4] & 0x01) || cdb[4] & 0xf0;
    return cdb[4] & 0x03;
}

/* With LOEJ the medium moves, unless somebody prevents it, in or out. Whoever did not put it in should look
 * again. */
static enum scsi_step move_medium(struct scsi_task *task, bool in)
{
    struct scsi_lu *lu = task_lu(task);
    bool prevented;

    pthread_mutex_lock(&lu->lock);
    prevented = lu->n_preventing > 0;
    if (!prevented && in && lu_state(lu) & LU_EJECTED)
        attention_raise_others(lu, task->itl, UA_MEDIUM_CHANGED);
    if (!prevented)
        lu_state_set(lu, in ? 0 : LU_EJECTED, in ? LU_EJECTED : 0);
    pthread_mutex_unlock(&lu->lock);
    return prevented ? STEP_FAIL(task, SENSE_REMOVAL_PREVENTED) : SCSI_STEP_DONE;
}

/* Stopping writes the cache out first, unless NO_FLUSH is set (SBC-3 §5.23). There is no motor to stop, and
 * a disk belongs to all its initiators: a plain stop leaves it ready, as a power condition does. */
enum scsi_step run_start_stop(struct scsi_task *task, int res)
{
    bool start = task->cdb[4] & 0x01, loej = task->cdb[4] & 0x02, no_flush = task->cdb[4] & 0x04;

    (void)res;
    if (task->cdb[4] & 0xf0)
        return SCSI_STEP_DONE;
    if (task->phase++ == 0 && !start && !no_flush)
        return task_io(task, STORE_FLUSH, 0, NULL, 0);
    return loej ? move_medium(task, start) : SCSI_STEP_DONE;
}

bool check_start_stop(struct scsi_task *task)
{
    if (task->cdb[4] & 0x02 && !(task->cdb[4] & 0xf0) && !task_lu(task)->removable) {
        task_fail_cdb(task, 4, 1); /* LOEJ on what cannot be ejected */
        return false;
    }
    return true;
}

/* Each nexus counts once, however often it prevents (SPC-4 §6.13). */
enum scsi_step run_prevent_allow(struct scsi_task *task, int res)
{
    struct scsi_lu *lu = task_lu(task);
    bool prevent = task->cdb[4] & 0x01;

    (void)res;
    pthread_mutex_lock(&lu->lock);
    if (prevent != task->itl->prevents_removal)
        lu->n_preventing = prevent ? lu->n_preventing + 1 : lu->n_preventing - 1;
    task->itl->prevents_removal = prevent;
    pthread_mutex_unlock(&lu->lock);
    return SCSI_STEP_DONE;
}

/* There are no defects; the lists asked for are returned empty, in the short block format if another is
 * wanted (SBC-3 §5.17). */
enum scsi_step run_read_defect_data(struct scsi_task *task, int res)
{
    bool twelve = task->cdb[0] == 0xb7;
    uint8_t request = task->cdb[twelve ? 1 : 2] & 0x1f;
    struct reply reply = task_reply(task);

    (void)res;
    reply_u8(&reply, 0);
    reply_u8(&reply, request);
    reply_u16(&reply, 0);
    if (twelve)
        reply_u32(&reply, 0);
    return task_reply_end(task, &reply);
}

/* The default self-test: the unit answers, so it passes. Others have nothing to run here (SPC-4 §6.40). */
enum scsi_step run_send_diagnostic(struct scsi_task *task, int res)
{
    (void)res;
    if (!(task->cdb[1] & 0x04) || be16_get(task->cdb + 3))
        task_fail_cdb(task, task->cdb[1] & 0x04 ? 3 : 1, WHOLE_BYTE);
    return SCSI_STEP_DONE;
}
