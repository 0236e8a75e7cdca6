/* SPDX-License-Identifier: MIT */
/* Targets: create, delete, name. */
#include <errno.h>
#include <string.h>

#include "array/array_internal.h"

/* ---- create ---------------------------------------------------------------------------------- */

/* A target without portal groups is nothing on the wire, so the engine may have it before the commit. */
static HRESULT target_create_run(struct array_op *op)
{
    struct array *array = op->array;
    struct target *target = op->target;
    struct state_target row = target_row(target);
    HRESULT hr = op_transactions(op);
    int r = engine_target_create(array->engine, &target->object.id, target->iscsi_name, target->name);

    if (SUCCEEDED(hr) && r < 0) {
        error_text_set("the engine does not take target %s: %s", target->iscsi_name, strerror(-r));
        hr = r == -EEXIST ? VDS_E_NAME_NOT_UNIQUE : hr_from_errno(r);
    }
    if (SUCCEEDED(hr) && events_reserve(&op->events, 1) < 0)
        hr = E_OUTOFMEMORY;
    if (SUCCEEDED(hr)) {
        state_insert_target(op->tx, &row);
        hr = op_commit(op);
    }
    if (FAILED(hr) && r == 0)
        engine_target_destroy(array->engine, &target->object.id);
    pthread_mutex_lock(&array->lock);
    if (SUCCEEDED(hr)) {
        target->object.visible = true;
        op->output = target->object.id;
        events_add(&op->events, VDS_NF_TARGET_ARRIVE, VDS_NTT_TARGET, &target->object.id);
        notifier_post(&array->notifier, &op->events);
    } else {
        cache_remove(&array->cache, &target->object);
        object_free(&target->object);
    }
    pthread_mutex_unlock(&array->lock);
    return hr;
}

/* array->lock held. The name is kept from now on, seen by nobody until the commit. */
static HRESULT target_reserve(struct array_op *op, struct state_target *row)
{
    struct array *array = op->array;
    HRESULT hr;

    if (cache_find_name(&array->cache, row->iscsi_name)) {
        error_text_set("there is a target with the name %s already", row->iscsi_name);
        return VDS_E_NAME_NOT_UNIQUE;
    }
    hr = lock_take(&op->locks, &array->subsystem, LOCK_PIN);
    if (FAILED(hr))
        return hr;
    op->target = array_target_new(row);
    if (!op->target)
        return E_OUTOFMEMORY;
    cache_add(&array->cache, &op->target->object);
    return S_OK;
}

static HRESULT target_row_make(struct array *array, const char *iscsi_name, const char *friendly_name,
                               struct state_target *ret_row)
{
    struct state_target row = { .next_tag = 1 };
    HRESULT hr = friendly_name_normalise(friendly_name ? friendly_name : "", row.name);

    if (FAILED(hr))
        return hr;
    if (guid_generate(&row.id) < 0)
        return E_FAIL;
    if (!iscsi_name || !*iscsi_name) {
        iscsi_name_make(&row.id, &array->subsystem.id, row.iscsi_name);
    } else if (iscsi_name_normalise(iscsi_name, row.iscsi_name) < 0) {
        error_text_set("\"%.200s\" is not an iSCSI name: iqn.YYYY-MM.reversed.domain[:name], eui. or naa. "
                       "(RFC 7143 4.2.7)",
                       iscsi_name);
        return E_INVALIDARG;
    }
    *ret_row = row;
    return S_OK;
}

HRESULT array_target_create(struct array *array, const char *iscsi_name, const char *friendly_name,
                            struct array_op **ret_op)
{
    struct state_target row;
    struct array_op *op;
    HRESULT hr;

    if (!ret_op)
        return E_INVALIDARG;
    *ret_op = NULL;
    if (FAILED(hr = admit(array)) || FAILED(hr = target_row_make(array, iscsi_name, friendly_name, &row)))
        return hr;
    if (!(op = op_new(array, target_create_run)))
        return E_OUTOFMEMORY;
    pthread_mutex_lock(&array->lock);
    hr = target_reserve(op, &row);
    pthread_mutex_unlock(&array->lock);
    return FAILED(hr) ? op_refuse(op, hr) : op_start(op, ret_op);
}

/* ---- delete ---------------------------------------------------------------------------------- */

/* The undo of a deletion: everything that the deletion takes along. */
static void undo_add_tree(struct state_tx *undo, const struct target *target)
{
    struct state_target row = target_row(target);

    state_insert_target(undo, &row);
    list_for_each(n, &target->groups) {
        struct state_group group = group_row(container_of(n, struct group, in_target));
        state_insert_group(undo, &group);
    }
    list_for_each(n, &target->paths) {
        struct state_member member = path_row(container_of(n, struct path, in_target));
        state_insert_member(undo, &member);
    }
    for (size_t i = 0; i < target->secrets.n; i++)
        state_insert_secret(undo, &target->secrets.rows[i]);
}

static HRESULT delete_prepare(struct array_op *op)
{
    struct state_target row = target_row(op->target);
    HRESULT hr = op_transactions(op);

    if (FAILED(hr))
        return hr;
    state_delete_target(op->tx, &row);
    pthread_mutex_lock(&op->array->lock);
    undo_add_tree(op->undo, op->target);
    if (events_reserve(&op->events, 1 + op->target->n_groups) < 0)
        hr = E_OUTOFMEMORY;
    pthread_mutex_unlock(&op->array->lock);
    return hr;
}

/* What the target held is let go; the portals that nobody needs any more are still pinned by the operation.
 */
static void delete_publish(struct array_op *op)
{
    struct array *array = op->array;
    struct target *target = op->target;

    pthread_mutex_lock(&array->lock);
    list_for_each_safe(n, &target->groups) {
        struct group *group = container_of(n, struct group, in_target);

        events_add(&op->events, VDS_NF_PORTAL_GROUP_DEPART, VDS_NTT_PORTAL_GROUP, &group->object.id);
        cache_remove(&array->cache, &group->object);
        object_free(&group->object);
    }
    events_add(&op->events, VDS_NF_TARGET_DEPART, VDS_NTT_TARGET, &target->object.id);
    notifier_post(&array->notifier, &op->events);
    lock_forget(&op->locks, &target->object);
    cache_remove(&array->cache, &target->object);
    object_free(&target->object);
    array_kick(array, /* rescan= */ true);
    pthread_mutex_unlock(&array->lock);
}

static void listen_pinned(struct array_op *op)
{
    for (size_t i = 0; i < op->locks.n; i++) {
        struct object *object = op->locks.held[i].object;

        if (object && object->kind == OBJECT_PORTAL)
            portal_listen(op->array, container_of(object, struct portal, object));
    }
}

static HRESULT target_delete_run(struct array_op *op)
{
    struct engine *engine = op->array->engine;
    const struct guid id = op->target->object.id;
    struct engine_drain *drain = NULL;
    HRESULT hr = delete_prepare(op);
    int r;

    if (FAILED(hr))
        return hr;
    r = engine_drain_start(engine, &id, NULL, 0, op->drain_ms, &drain);
    if (r < 0 && r != -ENOENT)
        return hr_from_errno(r);
    if (drain)
        hr = op_drain(op, drain);
    if (SUCCEEDED(hr))
        hr = op_commit(op);
    if (SUCCEEDED(hr) && (r = engine_target_destroy(engine, &id)) < 0 && r != -ENOENT)
        hr = op_uncommit(op, r);
    if (FAILED(hr) && drain)
        engine_drain_cancel(drain);
    engine_drain_free(drain);
    if (FAILED(hr))
        return hr;
    delete_publish(op);
    listen_pinned(op);
    return hr;
}

static bool has_ties(const struct target *target)
{
    list_for_each(n, &target->ties)
        if (container_of(n, struct tie, in_target)->state == PART_HERE)
            return true;
    return false;
}

/* array->lock held. */
static HRESULT delete_admit(struct array_op *op, const struct guid *id)
{
    struct array *array = op->array;
    struct object *object = cache_find(&array->cache, OBJECT_TARGET, id);
    HRESULT hr;

    if (!object || !object->visible) {
        error_text_set("the target is gone");
        return VDS_E_OBJECT_DELETED;
    }
    op->target = container_of(object, struct target, object);
    op->drain_ms = array->drain_ms;
    hr = lock_take(&op->locks, &array->subsystem, LOCK_PIN);
    if (hr == S_OK)
        hr = lock_take(&op->locks, object, LOCK_EXCLUSIVE);
    list_for_each(n, &op->target->paths)
        if (hr == S_OK)
            hr = lock_take(&op->locks, &container_of(n, struct path, in_target)->portal->object, LOCK_PIN);
    if (hr == S_OK && has_ties(op->target)) {
        error_text_set("LUNs are still tied to target %s: detach them first", op->target->iscsi_name);
        hr = VDS_E_ASSOCIATED_LUNS_EXIST;
    }
    return hr;
}

HRESULT array_target_delete(struct array *array, const struct guid *target, struct array_op **ret_op)
{
    struct array_op *op;
    HRESULT hr;

    if (!target || !ret_op)
        return E_INVALIDARG;
    *ret_op = NULL;
    if (FAILED(hr = admit(array)))
        return hr;
    if (!(op = op_new(array, target_delete_run)))
        return E_OUTOFMEMORY;
    pthread_mutex_lock(&array->lock);
    hr = delete_admit(op, target);
    pthread_mutex_unlock(&array->lock);
    return FAILED(hr) ? op_refuse(op, hr) : op_start(op, ret_op);
}

/* ---- name ------------------------------------------------------------------------------------ */

static HRESULT target_name_run(struct array_op *op)
{
    struct array *array = op->array;
    struct target *target = op->target;
    struct state_target row = target_row(target);
    HRESULT hr = op_transactions(op);
    int r;

    if (SUCCEEDED(hr) && events_reserve(&op->events, 1) < 0)
        hr = E_OUTOFMEMORY;
    if (FAILED(hr))
        return hr;
    state_update_target(op->undo, &row);
    strcpy(row.name, op->text_arg);
    state_update_target(op->tx, &row);
    hr = op_commit(op);
    if (SUCCEEDED(hr) && (r = engine_target_set_alias(array->engine, &row.id, row.name)) < 0)
        hr = op_uncommit(op, r);
    if (FAILED(hr))
        return hr;
    pthread_mutex_lock(&array->lock);
    memcpy(target->name, row.name, sizeof target->name);
    events_add(&op->events, VDS_NF_TARGET_MODIFY, VDS_NTT_TARGET, &row.id);
    notifier_post(&array->notifier, &op->events);
    pthread_mutex_unlock(&array->lock);
    return hr;
}

/* array->lock held. */
static HRESULT name_admit(struct array_op *op, const struct guid *id)
{
    struct object *object = cache_find(&op->array->cache, OBJECT_TARGET, id);
    HRESULT hr;

    if (!object || !object->visible) {
        error_text_set("the target is gone");
        return VDS_E_OBJECT_DELETED;
    }
    op->target = container_of(object, struct target, object);
    hr = lock_take(&op->locks, &op->array->subsystem, LOCK_PIN);
    return hr == S_OK ? lock_take(&op->locks, object, LOCK_CHANGE) : hr;
}

HRESULT array_target_set_name(struct array *array, const struct guid *target, const char *name)
{
    char normal[ARRAY_NAME_MAX + 1];
    HRESULT hr, truncated;
    struct array_op *op;

    if (!target || !name || FAILED(truncated = friendly_name_normalise(name, normal)))
        return E_INVALIDARG;
    if (FAILED(hr = admit(array)))
        return hr;
    if (!(op = op_new(array, target_name_run)))
        return E_OUTOFMEMORY;
    op->text_arg = strdup(normal);
    pthread_mutex_lock(&array->lock);
    hr = op->text_arg ? name_admit(op, target) : E_OUTOFMEMORY;
    pthread_mutex_unlock(&array->lock);
    if (FAILED(hr))
        return op_refuse(op, hr);
    hr = op_call(op);
    return hr == S_OK ? truncated : hr;
}
