/* SPDX-License-Identifier: MIT */
/* The array's own row: its name, its target for imported LUNs, and its being offline, as a whole or because
 * its one controller is. Offline, no portal listens and no LUN answers; the configuration can be changed all
 * the same. */
#include <errno.h>
#include <string.h>

#include "array/array_internal.h"

bool array_is_offline(const struct array *array)
{
    return array->offline || array->controller_offline;
}

struct state_subsystem subsystem_row(const struct array *array)
{
    struct state_subsystem row = { .id = array->subsystem.id,
                                   .provider = array->provider_id,
                                   .controller = array->controller.id,
                                   .offline = array->offline,
                                   .controller_offline = array->controller_offline };

    strcpy(row.name, array->name);
    strcpy(row.import_target, array->import_target);
    return row;
}

void subsystem_take_row(struct array *array, const struct state_subsystem *row)
{
    array->subsystem.id = array->notifier.subsystem = row->id;
    array->provider_id = row->provider;
    array->controller.id = row->controller;
    array->offline = row->offline;
    array->controller_offline = row->controller_offline;
    strcpy(array->name, row->name);
    strcpy(array->import_target, row->import_target);
}

/* ---- name and import target ------------------------------------------------------------------ */

/* Writes the row and makes it the array's. */
static HRESULT row_change(struct array_op *op, const struct state_subsystem *row)
{
    struct array *array = op->array;
    HRESULT hr = op_transactions(op);

    if (SUCCEEDED(hr) && events_reserve(&op->events, 1) < 0)
        hr = E_OUTOFMEMORY;
    if (FAILED(hr))
        return hr;
    state_update_subsystem(op->tx, row);
    if (FAILED(hr = op_commit(op)))
        return hr;
    pthread_mutex_lock(&array->lock);
    subsystem_take_row(array, row);
    events_add(&op->events, VDS_NF_SUB_SYSTEM_MODIFY, VDS_NTT_SUB_SYSTEM, &row->id);
    notifier_post(&array->notifier, &op->events);
    pthread_mutex_unlock(&array->lock);
    return hr;
}

static HRESULT name_run(struct array_op *op)
{
    struct state_subsystem row = subsystem_row(op->array);

    strcpy(row.name, op->text_arg);
    return row_change(op, &row);
}

static HRESULT import_target_run(struct array_op *op)
{
    struct state_subsystem row = subsystem_row(op->array);

    strcpy(row.import_target, op->text_arg);
    return row_change(op, &row);
}

static HRESULT text_change(struct array *array, op_run *run, const char *text)
{
    struct array_op *op;
    HRESULT hr = admit(array);

    if (FAILED(hr))
        return hr;
    if (!(op = op_new(array, run)))
        return E_OUTOFMEMORY;
    op->text_arg = strdup(text);
    pthread_mutex_lock(&array->lock);
    hr = op->text_arg ? lock_take(&op->locks, &array->subsystem, LOCK_CHANGE) : E_OUTOFMEMORY;
    pthread_mutex_unlock(&array->lock);
    return FAILED(hr) ? op_refuse(op, hr) : op_call(op);
}

HRESULT array_subsystem_set_name(struct array *array, const char *name)
{
    char normal[ARRAY_NAME_MAX + 1];
    HRESULT hr, truncated;

    if (!name || FAILED(truncated = friendly_name_normalise(name, normal)))
        return E_INVALIDARG;
    hr = text_change(array, name_run, normal);
    return hr == S_OK ? truncated : hr;
}

HRESULT array_subsystem_set_import_target(struct array *array, const char *iscsi_name)
{
    char normal[ISCSI_NAME_MAX + 1] = "";

    if (!iscsi_name || (iscsi_name[0] && iscsi_name_normalise(iscsi_name, normal) < 0))
        return E_INVALIDARG;
    return text_change(array, import_target_run, normal);
}

/* ---- SetStatus ------------------------------------------------------------------------------- */

struct drains {
    struct engine_drain **list;
    size_t n;
};

static void drains_put_back(struct drains *drains)
{
    for (size_t i = 0; i < drains->n; i++) {
        engine_drain_cancel(drains->list[i]);
        engine_drain_free(drains->list[i]);
    }
    free(drains->list);
}

/* All portals at once; op->locks pins them. */
static HRESULT drain_all(struct array_op *op, struct drains *drains)
{
    HRESULT hr = S_OK;

    drains->list = calloc(op->locks.n + 1, sizeof *drains->list);
    if (!drains->list)
        return E_OUTOFMEMORY;
    for (size_t i = 0; i < op->locks.n && hr == S_OK; i++) {
        struct object *object = op->locks.held[i].object;
        int r = object->kind != OBJECT_PORTAL
                    ? -ENOENT
                    : engine_drain_start(op->array->engine, NULL, &object->id, 1, op->drain_ms,
                                         &drains->list[drains->n]);

        drains->n += r == 0;
        if (r < 0 && r != -ENOENT)
            hr = hr_from_errno(r);
    }
    for (size_t i = 0; i < drains->n && hr == S_OK; i++)
        hr = op_drain(op, drains->list[i]);
    return hr;
}

/* array->lock held. The event of a controller is its arrival or departure (semantics 1.9). */
static void status_events(struct array_op *op)
{
    struct array *array = op->array;

    if (op->controller)
        events_add(&op->events, op->offline ? VDS_NF_CONTROLLER_DEPART : VDS_NF_CONTROLLER_ARRIVE,
                   VDS_NTT_CONTROLLER, &array->controller.id);
    else
        events_add(&op->events, VDS_NF_SUB_SYSTEM_MODIFY, VDS_NTT_SUB_SYSTEM, &array->subsystem.id);
}

static void status_publish(struct array_op *op, const struct state_subsystem *row)
{
    struct array *array = op->array;

    pthread_mutex_lock(&array->lock);
    bool before = array_is_offline(array);
    subsystem_take_row(array, row);
    status_events(op);
    cache_for_each(n, &array->cache, OBJECT_LUN)
    {
        const struct lun *lun = OBJECT_OF(lun, n);

        if (!lun->object.visible || before == array_is_offline(array))
            continue;
        lun_serve(array, lun);
        events_add(&op->events, VDS_NF_LUN_MODIFY, VDS_NTT_LUN, &lun->object.id);
    }
    portals_bar(array, &array->cache, &op->events);
    notifier_post(&array->notifier, &op->events);
    array_kick(array, /* rescan= */ false); /* portals that came meanwhile */
    pthread_mutex_unlock(&array->lock);
}

static HRESULT status_commit(struct array_op *op, const struct state_subsystem *row)
{
    struct array *array = op->array;
    HRESULT hr = op_transactions(op);

    pthread_mutex_lock(&array->lock);
    if (SUCCEEDED(hr) && events_reserve(&op->events, array->cache.n_objects + 1) < 0)
        hr = E_OUTOFMEMORY;
    pthread_mutex_unlock(&array->lock);
    if (FAILED(hr))
        return hr;
    state_update_subsystem(op->tx, row);
    return op_commit(op);
}

/* Drained first, then written down, then closed: as a single portal is. */
HRESULT subsystem_status_run(struct array_op *op)
{
    struct state_subsystem row = subsystem_row(op->array);
    struct drains drains = { 0 };
    HRESULT hr = op->offline ? drain_all(op, &drains) : S_OK;

    *(op->controller ? &row.controller_offline : &row.offline) = op->offline;
    if (SUCCEEDED(hr))
        hr = status_commit(op, &row);
    if (SUCCEEDED(hr)) {
        status_publish(op, &row);
        for (size_t i = 0; i < op->locks.n; i++)
            if (op->locks.held[i].object->kind == OBJECT_PORTAL)
                portal_listen(op->array, container_of(op->locks.held[i].object, struct portal, object));
    }
    drains_put_back(&drains);
    return hr;
}

/* array->lock held. S_FALSE: nothing to do. */
HRESULT subsystem_status_admit(struct array_op *op, struct object *object)
{
    struct array *array = op->array;
    HRESULT hr = lock_take(&op->locks, &array->subsystem, LOCK_CHANGE);

    (void)object;
    op->drain_ms = array->drain_ms;
    if (hr == S_OK && (op->controller ? array->controller_offline : array->offline) == op->offline)
        return S_FALSE;
    cache_for_each(n, &array->cache, OBJECT_PORTAL) if (hr == S_OK)
        hr = lock_take(&op->locks, container_of(n, struct object, link), LOCK_PIN);
    return hr;
}
