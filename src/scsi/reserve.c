/* SPDX-License-Identifier: MIT */
/* RESERVE and RELEASE of SPC-2 (§7.21, §7.16), beside persistent reservations by the rules of SPC-4 §5.12.3
 * (CRH = 1). */
#include "scsi/nexus.h"
#include "scsi/pr.h"
#include "scsi/scsi_internal.h"

static enum scsi_step conflict(struct scsi_task *task)
{
    task->result = (struct scsi_result){ .status = SCSI_RESERVATION_CONFLICT };
    return SCSI_STEP_DONE;
}

/* With registrations there are two cases: the nexus has already what RESERVE would give it, or this is
 * somebody from another world. */
enum scsi_step run_reserve(struct scsi_task *task, int res)
{
    struct scsi_lu *lu = task_lu(task);
    enum pr_legacy legacy;
    bool taken;

    (void)res;
    pthread_mutex_lock(&lu->lock);
    legacy = pr_legacy(lu, task->itl);
    taken = lu->reserver && lu->reserver != task->itl;
    if (legacy == PR_LEGACY_NONE && !taken) {
        lu->reserver = task->itl;
        nexus_update_denials(lu);
    }
    pthread_mutex_unlock(&lu->lock);
    return legacy == PR_LEGACY_CONFLICT || (legacy == PR_LEGACY_NONE && taken) ? conflict(task)
                                                                               : SCSI_STEP_DONE;
}

/* Releasing what somebody else holds is GOOD and does nothing. */
enum scsi_step run_release(struct scsi_task *task, int res)
{
    struct scsi_lu *lu = task_lu(task);
    enum pr_legacy legacy;

    (void)res;
    pthread_mutex_lock(&lu->lock);
    legacy = pr_legacy(lu, task->itl);
    if (legacy == PR_LEGACY_NONE && lu->reserver == task->itl) {
        lu->reserver = NULL;
        nexus_update_denials(lu);
    }
    pthread_mutex_unlock(&lu->lock);
    return legacy == PR_LEGACY_CONFLICT ? conflict(task) : SCSI_STEP_DONE;
}
