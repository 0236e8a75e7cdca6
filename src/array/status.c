/* SPDX-License-Identifier: MIT */
/* SetStatus of LUNs and drives: what the administrator takes out of service, and what that does to the units
 * on the wire (SPC-4 §6.47: NOT READY while it lasts). Subsystem and controller: subsystem.c. Portals:
 * portals.c. */
#include <errno.h>
#include <string.h>

#include "array/array_internal.h"

uint32_t lun_status_under(const struct lun *lun, bool array_offline)
{
    if (!lun->lu || lun->drive->offline)
        return VDS_LS_FAILED;
    if (lun->offline)
        return VDS_LS_OFFLINE;
    return array_offline ? VDS_LS_NOT_READY : VDS_LS_ONLINE;
}

uint32_t lun_status(const struct array *array, const struct lun *lun)
{
    return lun_status_under(lun, array_is_offline(array));
}

void lun_serve(const struct array *array, const struct lun *lun)
{
    if (lun->lu)
        scsi_lu_set_online(lun->lu, !lun->offline && !lun->drive->offline && !array_is_offline(array));
}

/* ---- LUN ------------------------------------------------------------------------------------- */

static HRESULT lun_status_run(struct array_op *op)
{
    struct array *array = op->array;
    struct lun *lun = op->lun;
    struct state_lun row = lun_row(lun);
    HRESULT hr = op_transactions(op);

    if (SUCCEEDED(hr) && events_reserve(&op->events, 1) < 0)
        hr = E_OUTOFMEMORY;
    if (FAILED(hr))
        return hr;
    row.offline = op->offline;
    state_update_lun(op->tx, &row);
    if (FAILED(hr = op_commit(op)))
        return hr;
    pthread_mutex_lock(&array->lock);
    lun->offline = op->offline;
    lun_serve(array, lun);
    events_add(&op->events, VDS_NF_LUN_MODIFY, VDS_NTT_LUN, &lun->object.id);
    notifier_post(&array->notifier, &op->events);
    pthread_mutex_unlock(&array->lock);
    return hr;
}

/* Success means that the wire agrees: a LUN does not come online under what is offline itself. */
static HRESULT lun_may_serve(const struct array *array, const struct lun *lun)
{
    const char *why = !lun->lu                    ? "its file cannot be opened"
                      : lun->drive->offline       ? "its drive is offline"
                      : array_is_offline(array)   ? "the array is offline"
                                                  : NULL;

    if (!why)
        return S_OK;
    error_text_set("LUN %s cannot come online: %s", lun->name, why);
    return VDS_E_OBJECT_STATUS_FAILED;
}

/* array->lock held, as for the other two. S_FALSE: nothing to do. */
static HRESULT lun_admit(struct array_op *op, struct object *object)
{
    HRESULT hr = lock_take(&op->locks, object, LOCK_CHANGE);

    op->lun = container_of(object, struct lun, object);
    if (hr == S_OK && !op->offline)
        hr = lun_may_serve(op->array, op->lun);
    return hr == S_OK && op->lun->offline == op->offline ? S_FALSE : hr;
}

/* ---- drive ----------------------------------------------------------------------------------- */

/* array->lock held. */
static void drive_status_set(struct array_op *op)
{
    struct array *array = op->array;
    struct drive *drive = op->drive;

    drive->offline = op->offline;
    events_add(&op->events, VDS_NF_DRIVE_MODIFY, VDS_NTT_DRIVE, &drive->object.id);
    cache_for_each(n, &array->cache, OBJECT_LUN)
    {
        const struct lun *lun = OBJECT_OF(lun, n);

        if (!lun->object.visible || lun->drive != drive) /* one that is being made looks for itself */
            continue;
        lun_serve(array, lun);
        events_add(&op->events, VDS_NF_LUN_MODIFY, VDS_NTT_LUN, &lun->object.id);
    }
}

static HRESULT drive_status_run(struct array_op *op)
{
    struct array *array = op->array;
    struct state_drive row = drive_row(op->drive);
    HRESULT hr = op_transactions(op);

    pthread_mutex_lock(&array->lock);
    if (SUCCEEDED(hr) && events_reserve(&op->events, array->cache.n_objects + 1) < 0)
        hr = E_OUTOFMEMORY;
    pthread_mutex_unlock(&array->lock);
    if (FAILED(hr))
        return hr;
    row.offline = op->offline;
    state_update_drive(op->tx, &row);
    if (FAILED(hr = op_commit(op)))
        return hr;
    pthread_mutex_lock(&array->lock);
    drive_status_set(op);
    notifier_post(&array->notifier, &op->events);
    pthread_mutex_unlock(&array->lock);
    return hr;
}

static HRESULT drive_admit(struct array_op *op, struct object *object)
{
    HRESULT hr = lock_take(&op->locks, object, LOCK_CHANGE);

    op->drive = container_of(object, struct drive, object);
    return hr == S_OK && op->drive->offline == op->offline ? S_FALSE : hr;
}

/* ---- events that somebody else has a reason for ---------------------------------------------- */

HRESULT array_note(struct array *array, uint32_t object_type, const struct guid *id)
{
    static const struct {
        uint32_t object, event, type;
    } notes[] = {
        { VDS_OT_SUB_SYSTEM, VDS_NF_SUB_SYSTEM_MODIFY, VDS_NTT_SUB_SYSTEM },
        { VDS_OT_CONTROLLER, VDS_NF_CONTROLLER_MODIFY, VDS_NTT_CONTROLLER },
        { VDS_OT_DRIVE, VDS_NF_DRIVE_MODIFY, VDS_NTT_DRIVE },
        { VDS_OT_LUN, VDS_NF_LUN_MODIFY, VDS_NTT_LUN },
    };

    for (size_t i = 0; i < ARRAY_SIZE(notes); i++) {
        if (notes[i].object != object_type)
            continue;
        if (!array_exists(array, object_type, id))
            return VDS_E_OBJECT_DELETED;
        pthread_mutex_lock(&array->lock);
        notifier_post_one(&array->notifier, notes[i].event, notes[i].type, id);
        pthread_mutex_unlock(&array->lock);
        return S_OK;
    }
    return E_INVALIDARG;
}

/* ---- one entrance ---------------------------------------------------------------------------- */

static const struct {
    enum object_kind kind;
    op_run *run;
    HRESULT (*admit)(struct array_op *op, struct object *object);
} kinds[] = {
    [ARRAY_STATUS_SUBSYSTEM] = { OBJECT_SUBSYSTEM, subsystem_status_run, subsystem_status_admit },
    [ARRAY_STATUS_CONTROLLER] = { OBJECT_CONTROLLER, subsystem_status_run, subsystem_status_admit },
    [ARRAY_STATUS_DRIVE] = { OBJECT_DRIVE, drive_status_run, drive_admit },
    [ARRAY_STATUS_LUN] = { OBJECT_LUN, lun_status_run, lun_admit },
};

/* array->lock held. */
static struct object *object_of(struct array *array, enum object_kind kind, const struct guid *id)
{
    struct object *whole = kind == OBJECT_SUBSYSTEM    ? &array->subsystem
                           : kind == OBJECT_CONTROLLER ? &array->controller
                                                       : NULL;

    if (whole)
        return guid_equal(&whole->id, id) ? whole : NULL;
    return cache_find(&array->cache, kind, id);
}

/* array->lock held. */
static HRESULT status_admit(struct array_op *op, enum array_status_of kind, const struct guid *id)
{
    struct object *object = object_of(op->array, kinds[kind].kind, id);
    HRESULT hr = S_OK;

    if (!object || !object->visible) {
        error_text_set("the %s is gone", object_noun(kinds[kind].kind));
        return VDS_E_OBJECT_DELETED;
    }
    if (kind == ARRAY_STATUS_DRIVE || kind == ARRAY_STATUS_LUN)
        hr = lock_take(&op->locks, &op->array->subsystem, LOCK_PIN);
    return hr == S_OK ? kinds[kind].admit(op, object) : hr;
}

HRESULT array_set_status(struct array *array, enum array_status_of kind, const struct guid *id,
                         uint32_t status)
{
    struct array_op *op;
    HRESULT hr;

    if (!id || (unsigned)kind >= ARRAY_SIZE(kinds) ||
        (status != VDS_LS_ONLINE && status != VDS_LS_OFFLINE))
        return E_INVALIDARG;
    if (FAILED(hr = admit(array)))
        return hr;
    if (!(op = op_new(array, kinds[kind].run)))
        return E_OUTOFMEMORY;
    op->offline = status == VDS_LS_OFFLINE;
    op->controller = kind == ARRAY_STATUS_CONTROLLER;
    pthread_mutex_lock(&array->scan_lock); /* a scan pins portals for a moment: not a reason to refuse */
    pthread_mutex_lock(&array->lock);
    hr = status_admit(op, kind, id);
    pthread_mutex_unlock(&array->lock);
    pthread_mutex_unlock(&array->scan_lock);
    if (hr != S_OK)
        return op_refuse(op, hr == S_FALSE ? S_OK : hr);
    return op_call(op);
}
