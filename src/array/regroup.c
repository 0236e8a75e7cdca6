/* SPDX-License-Identifier: MIT */
/* Several portals of a group at once, or one from group to group: all of it or nothing.
 *
 *      plan -> arriving portals listen and take logins -> leaving ones drain, all together -> one commit ->
 *      leaving ones go
 *
 * Added before removed: whoever is asked to leave is sent to a portal that is there already. Until the commit
 * the state holds the old membership alone, so that a crash, a cancel or a failure ends with that: the
 * drained are listed again, and the arrived are drained in their turn. A portal that moves inside its target
 * cannot be in two groups at once (the tag belongs to the pair): it is drained and comes back with the other
 * tag in the same breath. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "array/array_internal.h"

DEFINE_CLEANUP(struct engine_drain *, engine_drain_free)

#define IDS_MAX 65535 /* in one call */

struct change {
    struct path *path;     /* ARRIVING, or LEAVING */
    struct portal *portal;
    bool arrives;
    bool switched;         /* the engine has done its part */
    bool stuck;            /* and would not undo it */
};

struct regroup {
    struct group *to;      /* MovePortal: where to. NULL: SetPortals */
    struct engine_drain *drain;
    size_t n, n_ids;
    struct guid *ids;      /* room for the engine's calls: of portals, n at most */
    struct change changes[];
};

/* The leaving portal stays with its target: only the tag changes. */
static bool is_retag(const struct array_op *op)
{
    return op->regroup->to && op->regroup->to->target == op->target;
}

static const struct target *target_of(const struct array_op *op, const struct change *change)
{
    return change->arrives && op->regroup->to ? op->regroup->to->target : op->target;
}

static const struct group *group_of(const struct array_op *op, const struct change *change)
{
    return change->arrives && op->regroup->to ? op->regroup->to : op->group;
}

#define for_each_change(change, regroup) \
    for (struct change *change = (regroup)->changes; change < (regroup)->changes + (regroup)->n; change++)

/* ---- state ----------------------------------------------------------------------------------------- */

/* A pair is in one group at most: what goes comes before what comes, both ways. */
static void rows_delete(struct state_tx *tx, const struct array_op *op, bool arriving)
{
    for_each_change(change, op->regroup) {
        struct state_member row = path_row(change->path);

        if (change->arrives == arriving)
            state_delete_member(tx, &row);
    }
}

static void rows_insert(struct state_tx *tx, const struct array_op *op, bool arriving)
{
    for_each_change(change, op->regroup) {
        struct state_member row = path_row(change->path);

        if (change->arrives == arriving)
            state_insert_member(tx, &row);
    }
}

static HRESULT transactions_fill(struct array_op *op)
{
    HRESULT hr = op_transactions(op);

    if (SUCCEEDED(hr) && events_reserve(&op->events, 3) < 0)
        hr = E_OUTOFMEMORY;
    if (FAILED(hr))
        return hr;
    rows_delete(op->tx, op, /* arriving= */ false);
    rows_delete(op->undo, op, /* arriving= */ true);
    rows_insert(op->tx, op, /* arriving= */ true);
    if (is_retag(op)) {
        struct state_member row = path_row(op->regroup->changes[0].path);

        row.group = op->regroup->to->object.id;
        state_insert_member(op->tx, &row);
        state_delete_member(op->undo, &row);
    }
    rows_insert(op->undo, op, /* arriving= */ false);
    return S_OK;
}

/* ---- forth ----------------------------------------------------------------------------------------- */

static HRESULT arrive(struct array_op *op)
{
    struct engine *engine = op->array->engine;

    for_each_change(change, op->regroup) {
        int r;

        if (!change->arrives)
            continue;
        r = portal_listen(op->array, change->portal);
        if (r == 0)
            r = engine_path_add(engine, &target_of(op, change)->object.id, &change->portal->object.id,
                                group_of(op, change)->tag);
        if (r < 0)
            return hr_from_errno(r);
        change->switched = true;
    }
    return S_OK;
}

/* The ids of those portals, for one call of the engine. */
static size_t ids_fill(struct regroup *regroup, bool arriving)
{
    regroup->n_ids = 0;
    for_each_change(change, regroup)
        if (change->arrives == arriving && (!arriving || change->switched))
            regroup->ids[regroup->n_ids++] = change->portal->object.id;
    return regroup->n_ids;
}

static HRESULT drain_leaving(struct array_op *op)
{
    struct regroup *regroup = op->regroup;
    int r;

    if (ids_fill(regroup, /* arriving= */ false) == 0)
        return S_OK;
    r = engine_drain_start(op->array->engine, &op->target->object.id, regroup->ids, regroup->n_ids,
                           op->drain_ms, &regroup->drain);
    return r < 0 ? hr_from_errno(r) : op_drain(op, regroup->drain);
}

static int leave_one(struct array_op *op, const struct change *change)
{
    struct engine *engine = op->array->engine;
    const struct guid *target = &op->target->object.id, *portal = &change->portal->object.id;

    return is_retag(op) ? engine_path_retag(engine, target, portal, op->regroup->to->tag)
                        : engine_path_remove(engine, target, portal);
}

/* After the commit. */
static HRESULT leave(struct array_op *op)
{
    for_each_change(change, op->regroup) {
        int r = change->arrives ? 0 : leave_one(op, change);

        if (r < 0)
            return op_uncommit(op, r);
        change->switched = true;
    }
    return S_OK;
}

/* ---- back ------------------------------------------------------------------------------------------ */

/* The cache keeps what the engine really has; Refresh, which compares it with the state, then makes it
 * right. */
static void stick(struct array_op *op, struct change *change, int r)
{
    change->stuck = true;
    health_doubt(op->array, change->arrives ? "a portal that was not to stay could not be taken away"
                                            : "a portal that was to stay could not be put back", r);
}

/* Those that had gone already when one would not go. A move inside a target has one step only, and that has
 * failed then. */
static void leave_undo(struct array_op *op)
{
    for_each_change(change, op->regroup) {
        int r = 0;

        if (!change->arrives && change->switched)
            r = engine_path_add(op->array->engine, &op->target->object.id, &change->portal->object.id,
                                op->group->tag);
        if (r < 0)
            stick(op, change, r);
    }
}

/* Who has come in by the new portals is asked to leave as politely as the others were. */
static void arrive_undo(struct array_op *op)
{
    struct regroup *regroup = op->regroup;
    const struct guid *target = regroup->to ? &regroup->to->target->object.id : &op->target->object.id;
    _cleanup_(engine_drain_freep) struct engine_drain *drain = NULL;

    if (ids_fill(regroup, /* arriving= */ true) == 0)
        return;
    engine_drain_start(op->array->engine, target, regroup->ids, regroup->n_ids, op->drain_ms, &drain);
    if (drain && !op_drain_back(op, drain))
        return; /* the array is closing, and its engine with it */
    for_each_change(change, regroup) {
        int r = change->arrives && change->switched
                    ? engine_path_remove(op->array->engine, target, &change->portal->object.id)
                    : 0;

        if (r < 0 && r != -ENOENT)
            stick(op, change, r);
    }
}

static void undo(struct array_op *op)
{
    if (op->regroup->drain)
        engine_drain_cancel(op->regroup->drain); /* first: there must be somewhere to go back to */
    leave_undo(op);
    arrive_undo(op);
}

/* ---- the end --------------------------------------------------------------------------------------- */

static void path_regroup(struct path *path, struct group *to)
{
    list_remove(&path->in_group);
    list_append(&to->paths, &path->in_group);
    path->group = to;
    path->state = PART_HERE;
}

/* array->lock held. */
static void change_settle(struct array_op *op, struct change *change, bool done)
{
    if (done && is_retag(op))
        path_regroup(change->path, op->regroup->to);
    else if (change->arrives == done)
        change->path->state = PART_HERE;
    else
        path_free(change->path);
    if (!change->portal->present && list_empty(&change->portal->paths))
        array_kick(op->array, /* rescan= */ true); /* nobody needs it any more */
}

/* The group that a portal has come to: none when it was in there already. */
static const struct group *group_changed(const struct array_op *op)
{
    return is_retag(op) || op->regroup->changes[0].arrives ? op->regroup->to : NULL;
}

static void tell(struct array_op *op)
{
    const struct group *to = group_changed(op);

    if (list_empty(&op->target->paths)) { /* allowed, and said, as in RemovePortal */
        log_warning("array: target %s has no portal left: it cannot be reached", op->target->iscsi_name);
        events_add(&op->events, VDS_NF_TARGET_MODIFY, VDS_NTT_TARGET, &op->target->object.id);
    }
    events_add(&op->events, VDS_NF_PORTAL_GROUP_MODIFY, VDS_NTT_PORTAL_GROUP, &op->group->object.id);
    if (to)
        events_add(&op->events, VDS_NF_PORTAL_GROUP_MODIFY, VDS_NTT_PORTAL_GROUP, &to->object.id);
    notifier_post(&op->array->notifier, &op->events);
}

static void settle(struct array_op *op, bool done)
{
    pthread_mutex_lock(&op->array->lock);
    for_each_change(change, op->regroup)
        change_settle(op, change, done || change->stuck);
    if (done)
        tell(op);
    pthread_mutex_unlock(&op->array->lock);
    for_each_change(change, op->regroup)
        portal_listen(op->array, change->portal); /* closes those that nobody holds any more */
}

static HRESULT regroup_run(struct array_op *op)
{
    HRESULT hr = transactions_fill(op);
    char why[TEXT_MAX] = "";

    if (SUCCEEDED(hr))
        hr = arrive(op);
    if (SUCCEEDED(hr))
        hr = drain_leaving(op);
    if (SUCCEEDED(hr))
        hr = op_commit(op);
    if (SUCCEEDED(hr))
        hr = leave(op);
    if (FAILED(hr)) {
        snprintf(why, sizeof why, "%s", error_text_get());
        undo(op);
    }
    engine_drain_free(TAKE_PTR(op->regroup->drain));
    settle(op, SUCCEEDED(hr));
    error_text_set("%s", why); /* what came on the way back is in the log */
    return hr;
}

/* ---- the plan; array->lock held -------------------------------------------------------------------- */

static HRESULT regroup_new(struct array_op *op, size_t room)
{
    op->regroup =
        calloc(1, sizeof *op->regroup + room * (sizeof op->regroup->changes[0] + sizeof op->regroup->ids[0]));
    if (!op->regroup)
        return E_OUTOFMEMORY;
    op->regroup->ids = (void *)&op->regroup->changes[room];
    return S_OK;
}

static void plan_leave(struct array_op *op, struct path *path)
{
    path->state = PART_LEAVING;
    op->regroup->changes[op->regroup->n++] = (struct change){ .path = path, .portal = path->portal };
}

/* S_FALSE: it is there already. */
static HRESULT plan_arrive(struct array_op *op, struct group *group, struct portal *portal)
{
    struct path *path = target_find_path(group->target, portal);

    if (path) {
        bool named_twice = path->state == PART_ARRIVING && path->group == op->group && !op->regroup->to;

        return named_twice ? S_FALSE : path_clash(path, group);
    }
    path = path_new(group, portal, PART_ARRIVING);
    if (!path)
        return E_OUTOFMEMORY;
    op->regroup->changes[op->regroup->n++] =
        (struct change){ .path = path, .portal = portal, .arrives = true };
    return S_OK;
}

/* Not admitted: as it was. */
static void plan_drop(struct array_op *op)
{
    if (!op->regroup)
        return;
    for_each_change(change, op->regroup) {
        if (change->arrives)
            path_free(change->path);
        else
            change->path->state = PART_HERE;
    }
    op->regroup->n = 0;
}

static HRESULT plan_set(struct array_op *op, const struct guid *ids, size_t n_ids)
{
    struct portal *portal;
    HRESULT hr = S_OK;

    for (size_t i = 0; i < n_ids && SUCCEEDED(hr); i++) {
        hr = portal_take(op, &ids[i], &portal);
        if (SUCCEEDED(hr))
            hr = plan_arrive(op, op->group, portal);
    }
    if (FAILED(hr))
        return hr;
    list_for_each(n, &op->group->paths) {
        struct path *path = container_of(n, struct path, in_group);

        if (path->state != PART_HERE || guid_is_among(&path->portal->object.id, ids, n_ids))
            continue;
        if (FAILED(hr = lock_take(&op->locks, &path->portal->object, LOCK_PIN)))
            return hr;
        plan_leave(op, path);
    }
    return S_OK;
}

static HRESULT plan_move(struct array_op *op, const struct guid *id, const struct guid *to)
{
    struct portal *portal;
    struct path *path;
    HRESULT hr = group_take(op, to, &op->regroup->to);

    if (FAILED(hr) || FAILED(hr = portal_take(op, id, &portal)))
        return hr;
    path = target_find_path(op->target, portal);
    if (!path || path->group != op->group)
        return path_absent(portal, op->group);
    if (op->regroup->to == op->group)
        return S_OK;
    if (!is_retag(op) && FAILED(hr = plan_arrive(op, op->regroup->to, portal)))
        return hr;
    plan_leave(op, path);
    return S_OK;
}

/* What both calls begin and end with. */
static HRESULT regroup_admit(struct array_op *op, const struct guid *group, const struct guid *to,
                             const struct guid *ids, size_t n_ids)
{
    size_t n_paths = 0;
    HRESULT hr = group_lock(op, group);

    if (FAILED(hr))
        return hr;
    list_for_each(n, &op->group->paths)
        n_paths++;
    hr = regroup_new(op, n_ids + n_paths);
    if (SUCCEEDED(hr))
        hr = to ? plan_move(op, ids, to) : plan_set(op, ids, n_ids);
    if (FAILED(hr))
        plan_drop(op);
    return SUCCEEDED(hr) && op->regroup->n == 0 ? VDS_S_ALREADY_EXISTS : hr;
}

static HRESULT regroup_start(struct array *array, const struct guid *group, const struct guid *to,
                             const struct guid *ids, size_t n_ids, uint32_t drain_ms,
                             struct array_op **ret_op)
{
    struct array_op *op;
    HRESULT hr;

    *ret_op = NULL;
    if (FAILED(hr = admit(array)))
        return hr;
    if (!(op = op_new(array, regroup_run)))
        return E_OUTOFMEMORY;
    op->drain_ms = drain_ms == ARRAY_DRAIN_DEFAULT ? array->drain_ms : drain_ms;
    pthread_mutex_lock(&array->lock);
    hr = regroup_admit(op, group, to, ids, n_ids);
    pthread_mutex_unlock(&array->lock);
    if (FAILED(hr))
        return op_refuse(op, hr);
    return hr == S_OK ? op_start(op, ret_op) : op_end_now(op, hr, ret_op);
}

HRESULT array_group_set_portals(struct array *array, const struct guid *group, const struct guid *portals,
                                size_t n, uint32_t drain_ms, struct array_op **ret_op)
{
    if (!group || (n && !portals) || n > IDS_MAX || !ret_op)
        return E_INVALIDARG;
    return regroup_start(array, group, NULL, portals, n, drain_ms, ret_op);
}

HRESULT array_group_move_portal(struct array *array, const struct guid *group, const struct guid *portal,
                                const struct guid *to, uint32_t drain_ms, struct array_op **ret_op)
{
    if (!group || !portal || !to || !ret_op)
        return E_INVALIDARG;
    return regroup_start(array, group, to, portal, 1, drain_ms, ret_op);
}
