/* SPDX-License-Identifier: MIT */
/* AssociateTargets: the array of targets is the whole new set. A LUN gets the lowest free number at each new
 * target and keeps it until it is untied there. */
#include <errno.h>
#include <string.h>

#include "array/array_internal.h"

/* array->lock held. -1: all taken. */
static int number_choose(const struct target *target)
{
    uint8_t used[SCSI_LUN_MAX + 1] = { 0 };

    list_for_each(n, &target->ties)
        used[container_of(n, struct tie, in_target)->number] = 1;
    for (int i = 0; i <= SCSI_LUN_MAX; i++)
        if (!used[i])
            return i;
    return -1;
}

/* ---- the change ------------------------------------------------------------------------------ */

/* array->lock held. */
static void transactions_fill(struct array_op *op)
{
    list_for_each(n, &op->lun->ties) {
        const struct tie *tie = container_of(n, struct tie, in_lun);
        struct state_tie row = tie_row(tie);

        if (tie->state == PART_LEAVING) {
            state_delete_tie(op->tx, &row);
            state_insert_tie(op->undo, &row);
        } else if (tie->state == PART_ARRIVING) {
            state_insert_tie(op->tx, &row);
            state_delete_tie(op->undo, &row);
        }
    }
}

static int tie_switch(struct array *array, const struct tie *tie, bool map)
{
    int r = map ? engine_lun_map(array->engine, &tie->target->object.id, tie->number, &tie->lun->object.id)
                : engine_lun_unmap(array->engine, &tie->target->object.id, &tie->lun->object.id);

    return !map && r == -ENOENT ? 0 : r;
}

/* Leaving ties out of the engine, arriving ones into it; in reverse from `end` back when undoing. The LUN's
 * list of ties is this operation's: only it adds to or takes from it. */
static int engine_switch(struct array *array, struct lun *lun, struct list_node **ret_failed)
{
    list_for_each(n, &lun->ties) {
        struct tie *tie = container_of(n, struct tie, in_lun);
        int r = tie->state == PART_HERE ? 0 : tie_switch(array, tie, tie->state == PART_ARRIVING);

        if (r < 0) {
            *ret_failed = n;
            return r;
        }
    }
    return 0;
}

static void engine_switch_back(struct array *array, struct lun *lun, const struct list_node *failed)
{
    for (struct list_node *n = failed->prev; n != &lun->ties; n = n->prev) {
        struct tie *tie = container_of(n, struct tie, in_lun);
        int r = tie->state == PART_HERE ? 0 : tie_switch(array, tie, tie->state == PART_LEAVING);

        if (r < 0) {
            lun_give_up(array, lun, r);
            return;
        }
    }
}

/* Ties that come to an end go: the leaving after success, the arriving after failure. */
static void ties_settle(struct array_op *op, bool done)
{
    struct array *array = op->array;

    pthread_mutex_lock(&array->lock);
    list_for_each_safe(n, &op->lun->ties) {
        struct tie *tie = container_of(n, struct tie, in_lun);

        if (tie->state == (done ? PART_LEAVING : PART_ARRIVING))
            tie_free(tie);
        else
            tie->state = PART_HERE;
    }
    if (done) {
        events_add(&op->events, VDS_NF_LUN_MODIFY, VDS_NTT_LUN, &op->lun->object.id);
        notifier_post(&array->notifier, &op->events);
    }
    pthread_mutex_unlock(&array->lock);
}

static HRESULT associate_run(struct array_op *op)
{
    struct array *array = op->array;
    struct list_node *failed = NULL;
    HRESULT hr = op_transactions(op);
    int r = 0;

    if (SUCCEEDED(hr) && events_reserve(&op->events, 1) < 0)
        hr = E_OUTOFMEMORY;
    if (SUCCEEDED(hr)) {
        pthread_mutex_lock(&array->lock);
        transactions_fill(op);
        pthread_mutex_unlock(&array->lock);
        hr = op_commit(op);
    }
    if (SUCCEEDED(hr) && op->lun->lu)
        r = engine_switch(array, op->lun, &failed);
    if (r < 0) {
        engine_switch_back(array, op->lun, failed);
        hr = op_uncommit(op, r);
    }
    ties_settle(op, SUCCEEDED(hr));
    return hr;
}

/* ---- admission; array->lock held ------------------------------------------------------------- */

static HRESULT tie_arrive(struct array_op *op, const struct guid *id)
{
    struct object *object = cache_find(&op->array->cache, OBJECT_TARGET, id);
    struct target *target = object ? container_of(object, struct target, object) : NULL;
    char text[TEXT_MAX];
    HRESULT hr;
    int number;

    if (!target || !object->visible) {
        guid_format(id, text);
        error_text_set("there is no target %.36s", text);
        return VDS_E_OBJECT_NOT_FOUND;
    }
    if (lun_find_tie(op->lun, target))
        return S_OK;
    if (!op->lun->lu) {
        error_text_set("%s has failed: its file cannot be opened", object_text(&op->lun->object, text));
        return VDS_E_OBJECT_STATUS_FAILED;
    }
    if (FAILED(hr = lock_take(&op->locks, object, LOCK_PIN)))
        return hr;
    number = number_choose(target);
    if (number < 0) {
        error_text_set("%s has %d LUNs already, and no number for another", object_text(object, text),
                       SCSI_LUN_MAX + 1);
        return VDS_E_NOT_SUPPORTED;
    }
    return tie_new(op->lun, target, (uint16_t)number, PART_ARRIVING) ? S_OK : E_OUTOFMEMORY;
}

static HRESULT ties_leave(struct array_op *op, const struct guid *ids, size_t n_ids)
{
    HRESULT hr = S_OK;

    list_for_each(n, &op->lun->ties) {
        struct tie *tie = container_of(n, struct tie, in_lun);

        if (tie->state != PART_HERE || guid_is_among(&tie->target->object.id, ids, n_ids))
            continue;
        if (FAILED(hr = lock_take(&op->locks, &tie->target->object, LOCK_PIN)))
            return hr;
        tie->state = PART_LEAVING;
    }
    return hr;
}

/* Not admitted: as it was. */
static void ties_restore(struct lun *lun)
{
    list_for_each_safe(n, &lun->ties) {
        struct tie *tie = container_of(n, struct tie, in_lun);

        if (tie->state == PART_ARRIVING)
            tie_free(tie);
        else
            tie->state = PART_HERE;
    }
}

static bool nothing_changes(const struct lun *lun)
{
    list_for_each(n, &lun->ties)
        if (container_of(n, struct tie, in_lun)->state != PART_HERE)
            return false;
    return true;
}

static HRESULT associate_admit(struct array_op *op, const struct guid *lun, const struct guid *ids,
                               size_t n_ids)
{
    struct object *object = cache_find(&op->array->cache, OBJECT_LUN, lun);
    HRESULT hr;

    if (!object || !object->visible) {
        error_text_set("the LUN is gone");
        return VDS_E_OBJECT_DELETED;
    }
    op->lun = container_of(object, struct lun, object);
    hr = lock_take(&op->locks, &op->array->subsystem, LOCK_PIN);
    if (hr == S_OK)
        hr = lock_take(&op->locks, object, LOCK_CHANGE);
    if (FAILED(hr))
        return hr;
    for (size_t i = 0; i < n_ids && hr == S_OK; i++)
        hr = tie_arrive(op, &ids[i]);
    if (hr == S_OK)
        hr = ties_leave(op, ids, n_ids);
    if (FAILED(hr))
        ties_restore(op->lun);
    return hr == S_OK && nothing_changes(op->lun) ? S_FALSE : hr;
}

HRESULT array_lun_associate_targets(struct array *array, const struct guid *lun, const struct guid *targets,
                                    size_t n)
{
    struct array_op *op;
    HRESULT hr;

    if (!lun || (n && !targets))
        return E_INVALIDARG;
    if (FAILED(hr = admit(array)))
        return hr;
    if (!(op = op_new(array, associate_run)))
        return E_OUTOFMEMORY;
    pthread_mutex_lock(&array->lock);
    hr = associate_admit(op, lun, targets, n);
    pthread_mutex_unlock(&array->lock);
    if (hr != S_OK)
        return op_refuse(op, hr == S_FALSE ? S_OK : hr);
    return op_call(op);
}
