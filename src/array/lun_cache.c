/* SPDX-License-Identifier: MIT */
/* The write cache of a LUN, which is the host's page cache: whether a write is on the drive when it is
 * answered. The unit keeps that with its other mode parameters (scsi/mode.c), where initiators switch it too
 * (SBC-3 §6.4.5, WCE). */
#include <errno.h>
#include <string.h>

#include "array/array_internal.h"

int lun_write_through(const struct lun *lun, bool on)
{
    struct store_request flush = { .op = STORE_FLUSH };
    int r = scsi_lu_set_write_through(lun->lu, on);

    return r == 0 && on ? store_submit(lun->store, &flush) : r; /* here it blocks: this thread has no loop */
}

/* On a reactor thread. */
void lun_cache_changed(void *arg, const struct guid *id)
{
    struct array *array = arg;

    pthread_mutex_lock(&array->lock);
    notifier_post_one(&array->notifier, VDS_NF_LUN_MODIFY, VDS_NTT_LUN, id);
    pthread_mutex_unlock(&array->lock);
}

/* Told whenever it is switched, also when what was written before could not be made durable. */
static void tell(struct array_op *op)
{
    struct array *array = op->array;

    if (scsi_lu_write_through(op->lun->lu) != op->write_through)
        return;
    pthread_mutex_lock(&array->lock);
    events_add(&op->events, VDS_NF_LUN_MODIFY, VDS_NTT_LUN, &op->lun->object.id);
    notifier_post(&array->notifier, &op->events);
    pthread_mutex_unlock(&array->lock);
}

static HRESULT write_through_run(struct array_op *op)
{
    struct lun *lun = op->lun;
    int r;

    if (!lun->lu) {
        error_text_set("LUN %s has failed: its file cannot be opened", lun->name);
        return VDS_E_OBJECT_STATUS_FAILED;
    }
    if (scsi_lu_write_through(lun->lu) == op->write_through)
        return S_OK;
    if (events_reserve(&op->events, 1) < 0)
        return E_OUTOFMEMORY;
    r = lun_write_through(lun, op->write_through);
    tell(op);
    if (r == 0)
        return S_OK;
    error_text_set("the write cache of LUN %s cannot be switched: %s", lun->name, strerror(-r));
    return hr_from_errno(r);
}

HRESULT array_lun_set_write_through(struct array *array, const struct guid *lun, bool on)
{
    struct array_op *op;
    HRESULT hr;

    if (!lun)
        return E_INVALIDARG;
    if (FAILED(hr = admit(array)))
        return hr;
    if (!(op = op_new(array, write_through_run)))
        return E_OUTOFMEMORY;
    op->write_through = on;
    pthread_mutex_lock(&array->lock);
    hr = lun_lock(op, lun, LOCK_CHANGE);
    pthread_mutex_unlock(&array->lock);
    return FAILED(hr) ? op_refuse(op, hr) : op_call(op);
}
