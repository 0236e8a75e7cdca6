/* SPDX-License-Identifier: MIT */
/* Effects across the nexuses of a unit: joining, leaving, resets, and the word that tells each whom a
 * reservation stops. */
#include <errno.h>

#include "scsi/nexus.h"
#include "scsi/pr.h"
#include "scsi/scsi_internal.h"

static uint32_t denials_of(const struct scsi_lu *lu, const struct scsi_itl *itl)
{
    uint32_t deny = pr_denials(lu, itl);

    if (lu->reserver && lu->reserver != itl)
        deny |= DENY_SPC2;
    return deny;
}

void nexus_update_denials(struct scsi_lu *lu)
{
    list_for_each(n, &lu->itls) {
        struct scsi_itl *itl = container_of(n, struct scsi_itl, link);
        uint32_t deny = denials_of(lu, itl), old = atomic_load(&itl->pending);

        while (!atomic_compare_exchange_weak(&itl->pending, &old, (old & ~DENY_MASK) | deny))
            ;
    }
}

void nexus_join(struct scsi_itl *itl)
{
    struct scsi_lu *lu = itl->lu;

    pthread_mutex_lock(&lu->lock);
    list_append(&lu->itls, &itl->link);
    nexus_update_denials(lu);
    pthread_mutex_unlock(&lu->lock);
}

void nexus_leave(struct scsi_itl *itl)
{
    struct scsi_lu *lu = itl->lu;

    pthread_mutex_lock(&lu->lock);
    list_remove(&itl->link);
    counters_keep(itl);
    if (itl->prevents_removal)
        lu->n_preventing--;
    itl->prevents_removal = false;
    if (lu->reserver == itl) {
        lu->reserver = NULL;
        nexus_update_denials(lu);
    }
    pthread_mutex_unlock(&lu->lock);
}

void nexus_abort_tasks(struct scsi_itl *itl)
{
    atomic_fetch_add(&itl->epoch, 1);
}

/* The unit that `lun` names in this view, with its nexus; NULL: there is none. */
static struct scsi_itl *find_nexus(struct scsi_view *view, const uint8_t lun[static 8])
{
    uint16_t number;

    return lun_decode(lun, &number) ? view_find(view, number) : NULL;
}

static void abort_others(struct scsi_lu *lu, const struct scsi_itl *except)
{
    list_for_each(n, &lu->itls) {
        struct scsi_itl *itl = container_of(n, struct scsi_itl, link);

        if (itl != except)
            nexus_abort_tasks(itl);
    }
}

/* SAM-5 §6.3.3: all tasks aborted, reservations of RESERVE and prevention of removal released, mode
 * parameters to what was saved; unit attention for every nexus, the one that asked too. Persistent
 * reservations stay (SPC-4 §5.12.5.1). */
int scsi_lu_reset(struct scsi_view *view, const uint8_t lun[static 8])
{
    struct scsi_itl *self = find_nexus(view, lun);
    struct scsi_lu *lu;
    uint32_t old;

    if (!self)
        return -ENOENT;
    lu = self->lu;
    old = lu_state(lu);
    pthread_mutex_lock(&lu->lock);
    abort_others(lu, self);
    lu->reserver = NULL;
    lu->n_preventing = 0;
    list_for_each(n, &lu->itls)
        container_of(n, struct scsi_itl, link)->prevents_removal = false;
    lu_state_set(lu, pr_saved_modes(lu), ~pr_saved_modes(lu) & (LU_SWP | LU_D_SENSE | LU_WRITE_THROUGH));
    nexus_update_denials(lu);
    attention_raise_others(lu, NULL, UA_LUN_RESET);
    pthread_mutex_unlock(&lu->lock);
    lu_tell_cache_changed(lu, old);
    return 0;
}

/* SAM-5 §7.6: with TST 000b the task set is shared, so this reaches the tasks of every nexus. */
int scsi_lu_clear_task_set(struct scsi_view *view, const uint8_t lun[static 8])
{
    struct scsi_itl *self = find_nexus(view, lun);
    struct scsi_lu *lu;

    if (!self)
        return -ENOENT;
    lu = self->lu;
    pthread_mutex_lock(&lu->lock);
    abort_others(lu, self);
    list_for_each(n, &lu->itls) {
        struct scsi_itl *itl = container_of(n, struct scsi_itl, link);

        if (itl != self && atomic_load(&itl->n_tasks))
            attention_raise(itl, UA_COMMANDS_CLEARED);
    }
    pthread_mutex_unlock(&lu->lock);
    return 0;
}
