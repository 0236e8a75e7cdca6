/* SPDX-License-Identifier: MIT */
/* Portal groups: create, delete, and the two calls that the project exists for: AddPortal and RemovePortal.
 */
#include <errno.h>
#include <string.h>

#include "array/array_internal.h"

/* ---- marks and refusals ------------------------------------------------------------------------ */

/* Marks for an operation on a group: the group itself, its ancestors against deletion. */
static HRESULT group_mark(struct array_op *op, struct group *group)
{
    HRESULT hr = lock_take(&op->locks, &op->array->subsystem, LOCK_PIN);

    if (hr == S_OK)
        hr = lock_take(&op->locks, &group->target->object, LOCK_PIN);
    return hr == S_OK ? lock_take(&op->locks, &group->object, LOCK_CHANGE) : hr;
}

HRESULT group_lock(struct array_op *op, const struct guid *id)
{
    struct object *object = cache_find(&op->array->cache, OBJECT_GROUP, id);

    if (!object || !object->visible) {
        error_text_set("the portal group is gone");
        return VDS_E_OBJECT_DELETED;
    }
    op->group = container_of(object, struct group, object);
    op->target = op->group->target;
    return group_mark(op, op->group);
}

HRESULT group_take(struct array_op *op, const struct guid *id, struct group **ret_group)
{
    struct object *object = cache_find(&op->array->cache, OBJECT_GROUP, id);
    char text[GUID_TEXT_SIZE];

    if (!object || !object->visible) {
        guid_format(id, text);
        error_text_set("there is no portal group %s", text);
        return VDS_E_OBJECT_NOT_FOUND;
    }
    *ret_group = container_of(object, struct group, object);
    return *ret_group == op->group ? S_OK : group_mark(op, *ret_group);
}

HRESULT portal_take(struct array_op *op, const struct guid *id, struct portal **ret_portal)
{
    struct object *object = cache_find(&op->array->cache, OBJECT_PORTAL, id);
    char text[GUID_TEXT_SIZE];

    if (!object || !object->visible) {
        guid_format(id, text);
        error_text_set("there is no portal %s", text);
        return VDS_E_OBJECT_NOT_FOUND;
    }
    *ret_portal = container_of(object, struct portal, object);
    return lock_take(&op->locks, object, LOCK_PIN);
}

/* The portal is in some group of the target, or on its way in or out of one. */
HRESULT path_clash(const struct path *path, const struct group *group)
{
    char portal[TEXT_MAX], other[TEXT_MAX];

    object_text(&path->portal->object, portal);
    object_text(&path->group->object, other);
    if (path->state != PART_HERE) {
        error_text_set("another operation on %s and %s has not ended", portal, other);
        return VDS_E_ANOTHER_CALL_IN_PROGRESS;
    }
    if (path->group == group)
        return VDS_S_ALREADY_EXISTS;
    error_text_set("%s is in %s already: a portal is in one group of a target at most", portal, other);
    return VDS_E_INVALID_OPERATION;
}

HRESULT path_absent(const struct portal *portal, const struct group *group)
{
    char p[TEXT_MAX], g[TEXT_MAX];

    error_text_set("%s is not in %s", object_text(&portal->object, p), object_text(&group->object, g));
    return VDS_E_OBJECT_NOT_FOUND;
}

/* ---- create ---------------------------------------------------------------------------------- */

/* The lowest tag that this target has never used; when all have been, the lowest free one (design section 3).
 * 0: none. */
static uint16_t tag_choose(const struct target *target)
{
    uint8_t used[STATE_TAG_MAX / 8 + 1] = { 0 };

    if (target->next_tag <= STATE_TAG_MAX)
        return (uint16_t)target->next_tag;
    list_for_each(n, &target->groups) {
        uint16_t tag = container_of(n, struct group, in_target)->tag;
        used[tag / 8] |= (uint8_t)(1 << tag % 8);
    }
    for (unsigned tag = 1; tag <= STATE_TAG_MAX; tag++)
        if (!(used[tag / 8] & 1 << tag % 8))
            return (uint16_t)tag;
    return 0;
}

static struct group *lowest_group(const struct target *target)
{
    struct group *lowest = NULL;

    list_for_each(n, &target->groups) {
        struct group *group = container_of(n, struct group, in_target);

        if (group->object.visible && (!lowest || group->tag < lowest->tag))
            lowest = group;
    }
    return lowest;
}

static void group_create_publish(struct array_op *op, bool keep, uint32_t next_tag)
{
    struct array *array = op->array;
    struct group *group = op->group;

    pthread_mutex_lock(&array->lock);
    if (keep) {
        op->target->next_tag = next_tag;
        group->object.visible = true;
        op->output = group->object.id;
        events_add(&op->events, VDS_NF_PORTAL_GROUP_ARRIVE, VDS_NTT_PORTAL_GROUP, &group->object.id);
        notifier_post(&array->notifier, &op->events);
    } else {
        cache_remove(&array->cache, &group->object);
        object_free(&group->object);
    }
    pthread_mutex_unlock(&array->lock);
}

/* An empty group is nothing on the wire: there is nothing to activate. */
static HRESULT group_create_run(struct array_op *op)
{
    struct state_target target = target_row(op->target);
    struct state_group group = group_row(op->group);
    HRESULT hr = op_transactions(op);

    if (SUCCEEDED(hr) && events_reserve(&op->events, 1) < 0)
        hr = E_OUTOFMEMORY;
    if (SUCCEEDED(hr)) {
        if (group.tag >= target.next_tag)
            target.next_tag = group.tag + 1;
        state_update_target(op->tx, &target);
        state_insert_group(op->tx, &group);
        hr = op_commit(op);
    }
    group_create_publish(op, SUCCEEDED(hr), target.next_tag);
    return hr;
}

/* array->lock held. */
static HRESULT group_create_admit(struct array_op *op, const struct guid *id)
{
    struct array *array = op->array;
    struct object *object = cache_find(&array->cache, OBJECT_TARGET, id);
    struct state_group row = { 0 };
    HRESULT hr;

    if (!object || !object->visible) {
        error_text_set("the target is gone");
        return VDS_E_OBJECT_DELETED;
    }
    op->target = container_of(object, struct target, object);
    hr = lock_take(&op->locks, &array->subsystem, LOCK_PIN);
    if (hr == S_OK)
        hr = lock_take(&op->locks, object, LOCK_CHANGE);
    if (FAILED(hr))
        return hr;
    if (op->target->n_groups >= array->max_groups) {
        struct group *lowest = lowest_group(op->target);

        if (lowest)
            op->output = lowest->object.id;
        return lowest ? VDS_S_ALREADY_EXISTS : VDS_E_ANOTHER_CALL_IN_PROGRESS;
    }
    row = (struct state_group){ .target = op->target->object.id, .tag = tag_choose(op->target) };
    if (row.tag == 0 || guid_generate(&row.id) < 0)
        return E_FAIL;
    op->group = array_group_new(&row, op->target);
    if (!op->group)
        return E_OUTOFMEMORY;
    cache_add(&array->cache, &op->group->object);
    return S_OK;
}

HRESULT array_group_create(struct array *array, const struct guid *target, struct array_op **ret_op)
{
    struct array_op *op;
    HRESULT hr;

    if (!target || !ret_op)
        return E_INVALIDARG;
    *ret_op = NULL;
    if (FAILED(hr = admit(array)))
        return hr;
    if (!(op = op_new(array, group_create_run)))
        return E_OUTOFMEMORY;
    pthread_mutex_lock(&array->lock);
    hr = group_create_admit(op, target);
    pthread_mutex_unlock(&array->lock);
    if (FAILED(hr))
        return op_refuse(op, hr);
    return hr == S_OK ? op_start(op, ret_op) : op_end_now(op, hr, ret_op);
}

/* ---- delete ---------------------------------------------------------------------------------- */

static HRESULT group_delete_run(struct array_op *op)
{
    struct array *array = op->array;
    struct state_group row = group_row(op->group);
    HRESULT hr = op_transactions(op);

    if (SUCCEEDED(hr) && events_reserve(&op->events, 1) < 0)
        hr = E_OUTOFMEMORY;
    if (FAILED(hr))
        return hr;
    state_delete_group(op->tx, &row);
    if (FAILED(hr = op_commit(op)))
        return hr;
    pthread_mutex_lock(&array->lock);
    events_add(&op->events, VDS_NF_PORTAL_GROUP_DEPART, VDS_NTT_PORTAL_GROUP, &row.id);
    notifier_post(&array->notifier, &op->events);
    lock_forget(&op->locks, &op->group->object);
    cache_remove(&array->cache, &op->group->object);
    object_free(&op->group->object);
    pthread_mutex_unlock(&array->lock);
    return hr;
}

HRESULT array_group_delete(struct array *array, const struct guid *group, struct array_op **ret_op)
{
    struct array_op *op;
    char text[TEXT_MAX];
    HRESULT hr;

    if (!group || !ret_op)
        return E_INVALIDARG;
    *ret_op = NULL;
    if (FAILED(hr = admit(array)))
        return hr;
    if (!(op = op_new(array, group_delete_run)))
        return E_OUTOFMEMORY;
    pthread_mutex_lock(&array->lock);
    hr = group_lock(op, group);
    if (hr == S_OK && !list_empty(&op->group->paths)) {
        error_text_set("%s still holds portals: remove them first", object_text(&op->group->object, text));
        hr = VDS_E_ASSOCIATED_PORTALS_EXIST;
    }
    pthread_mutex_unlock(&array->lock);
    return FAILED(hr) ? op_refuse(op, hr) : op_start(op, ret_op);
}

/* ---- AddPortal ------------------------------------------------------------------------------- */

static void path_settle(struct array_op *op, bool here)
{
    struct array *array = op->array;

    pthread_mutex_lock(&array->lock);
    if (here)
        op->path->state = PART_HERE;
    else
        path_free(op->path);
    pthread_mutex_unlock(&array->lock);
}

static void group_modified(struct array_op *op)
{
    pthread_mutex_lock(&op->array->lock);
    events_add(&op->events, VDS_NF_PORTAL_GROUP_MODIFY, VDS_NTT_PORTAL_GROUP, &op->group->object.id);
    notifier_post(&op->array->notifier, &op->events);
    pthread_mutex_unlock(&op->array->lock);
}

static HRESULT member_transactions(struct array_op *op, bool add)
{
    struct state_member row = path_row(op->path);
    HRESULT hr = op_transactions(op);

    if (SUCCEEDED(hr) && events_reserve(&op->events, 2) < 0)
        hr = E_OUTOFMEMORY;
    if (FAILED(hr))
        return hr;
    state_insert_member(add ? op->tx : op->undo, &row);
    state_delete_member(add ? op->undo : op->tx, &row);
    return S_OK;
}

static HRESULT add_portal_run(struct array_op *op)
{
    struct array *array = op->array;
    HRESULT hr = member_transactions(op, /* add= */ true);
    int r;

    if (SUCCEEDED(hr)) /* prepare: the arriving path counts as a hold, so the portal wants to listen */
        hr = hr_from_errno(portal_listen(array, op->portal));
    if (SUCCEEDED(hr))
        hr = op_commit(op);
    if (SUCCEEDED(hr)) { /* activate */
        r = engine_path_add(array->engine, &op->target->object.id, &op->portal->object.id, op->group->tag);
        if (r < 0)
            hr = op_uncommit(op, r);
    }
    path_settle(op, SUCCEEDED(hr));
    if (SUCCEEDED(hr))
        group_modified(op);
    else
        portal_listen(array, op->portal); /* closes it again if nobody else holds it */
    return hr;
}

/* array->lock held. */
static HRESULT add_portal_admit(struct array_op *op, const struct guid *group, const struct guid *portal)
{
    HRESULT hr = group_lock(op, group);
    struct path *path;

    if (hr == S_OK)
        hr = portal_take(op, portal, &op->portal);
    if (FAILED(hr))
        return hr;
    path = target_find_path(op->target, op->portal);
    if (path)
        return path_clash(path, op->group);
    op->path = path_new(op->group, op->portal, PART_ARRIVING);
    return op->path ? S_OK : E_OUTOFMEMORY;
}

HRESULT array_group_add_portal(struct array *array, const struct guid *group, const struct guid *portal,
                               struct array_op **ret_op)
{
    struct array_op *op;
    HRESULT hr;

    if (!group || !portal || !ret_op)
        return E_INVALIDARG;
    *ret_op = NULL;
    if (FAILED(hr = admit(array)))
        return hr;
    if (!(op = op_new(array, add_portal_run)))
        return E_OUTOFMEMORY;
    pthread_mutex_lock(&array->lock);
    hr = add_portal_admit(op, group, portal);
    pthread_mutex_unlock(&array->lock);
    if (FAILED(hr))
        return op_refuse(op, hr);
    return hr == S_OK ? op_start(op, ret_op) : op_end_now(op, hr, ret_op);
}

/* ---- RemovePortal ---------------------------------------------------------------------------- */

static bool is_last_path(const struct target *target)
{
    return target->paths.next->next == &target->paths;
}

/* After the commit: the pair leaves the engine, the portal stops listening if this was its last group. */
static HRESULT remove_portal_activate(struct array_op *op)
{
    struct array *array = op->array;
    int r = engine_path_remove(array->engine, &op->target->object.id, &op->portal->object.id);

    if (r < 0 && r != -ENOENT)
        return op_uncommit(op, r);
    pthread_mutex_lock(&array->lock);
    if (is_last_path(op->target)) { /* allowed, and said: nobody can reach the target now */
        log_warning("array: target %s has no portal left: it cannot be reached", op->target->iscsi_name);
        events_add(&op->events, VDS_NF_TARGET_MODIFY, VDS_NTT_TARGET, &op->target->object.id);
    }
    path_free(op->path);
    pthread_mutex_unlock(&array->lock);
    group_modified(op);
    return S_OK;
}

static HRESULT remove_portal_run(struct array_op *op)
{
    struct array *array = op->array;
    struct engine_drain *drain = NULL;
    HRESULT hr = member_transactions(op, /* add= */ false);
    int r = FAILED(hr) ? 0
                       : engine_drain_start(array->engine, &op->target->object.id, &op->portal->object.id,
                                            1, op->drain_ms, &drain);

    if (r < 0 && r != -ENOENT)
        hr = hr_from_errno(r);
    if (SUCCEEDED(hr) && drain)
        hr = op_drain(op, drain);
    if (SUCCEEDED(hr))
        hr = op_commit(op);
    if (SUCCEEDED(hr))
        hr = remove_portal_activate(op);
    if (FAILED(hr)) {
        if (drain)
            engine_drain_cancel(drain); /* the pair is back in login and discovery */
        path_settle(op, /* here= */ true);
    }
    engine_drain_free(drain);
    if (SUCCEEDED(hr))
        portal_listen(array, op->portal);
    return hr;
}

/* array->lock held. */
static HRESULT remove_portal_admit(struct array_op *op, const struct guid *group, const struct guid *portal)
{
    HRESULT hr = group_lock(op, group);
    struct path *path;

    if (hr == S_OK)
        hr = portal_take(op, portal, &op->portal);
    if (FAILED(hr))
        return hr;
    path = target_find_path(op->target, op->portal);
    if (!path || path->group != op->group)
        return path_absent(op->portal, op->group);
    op->path = path;
    path->state = PART_LEAVING;
    return S_OK;
}

HRESULT array_group_remove_portal(struct array *array, const struct guid *group, const struct guid *portal,
                                  uint32_t drain_ms, struct array_op **ret_op)
{
    struct array_op *op;
    HRESULT hr;

    if (!group || !portal || !ret_op)
        return E_INVALIDARG;
    *ret_op = NULL;
    if (FAILED(hr = admit(array)))
        return hr;
    if (!(op = op_new(array, remove_portal_run)))
        return E_OUTOFMEMORY;
    op->drain_ms = drain_ms == ARRAY_DRAIN_DEFAULT ? array->drain_ms : drain_ms;
    pthread_mutex_lock(&array->lock);
    hr = remove_portal_admit(op, group, portal);
    pthread_mutex_unlock(&array->lock);
    return FAILED(hr) ? op_refuse(op, hr) : op_start(op, ret_op);
}
