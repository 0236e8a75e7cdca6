/* SPDX-License-Identifier: MIT */
/* Makes the engine serve another cache: what goes is drained and taken out, what stays is carried over
 * untouched, what is new is put in. Starting up is the same with an empty cache before it.
 *
 * A failure of the engine in here is a status of one object, never the end of the whole: the rest must be
 * served. */
#include <errno.h>
#include <string.h>

#include "array/array_internal.h"

struct draining {
    struct engine_drain *drain;
    bool put_back; /* the pair stays, its portal closes */
};

struct diff {
    struct array *array;
    struct array_op *op; /* NULL at start */
    struct cache *now, *next;
    const struct state_image *image;
    const struct state_subsystem *before; /* the array's own row, as it was */
    struct events *events;
    struct draining *drains;
    size_t n_drains, room;
};

static void complain(const char *what, const struct object *object, int r)
{
    char text[TEXT_MAX];

    log_warning("array: cannot %s %s: %s", what, object_text(object, text), strerror(-r));
}

/* ---- who is the same ------------------------------------------------------------------------- */

static struct object *twin(const struct cache *cache, const struct object *object)
{
    return cache_find(cache, object->kind, &object->id);
}

/* The target in the other cache that is this one on the wire, too. */
static struct target *same_target(const struct cache *cache, const struct target *target)
{
    struct object *object = twin(cache, &target->object);
    struct target *other = object ? container_of(object, struct target, object) : NULL;

    return other && strcmp(other->iscsi_name, target->iscsi_name) == 0 ? other : NULL;
}

static struct path *same_path(const struct cache *cache, const struct path *path)
{
    struct target *target = same_target(cache, path->group->target);

    if (!target)
        return NULL;
    list_for_each(n, &target->paths) {
        struct path *other = container_of(n, struct path, in_target);

        if (guid_equal(&other->portal->object.id, &path->portal->object.id))
            return other->group->tag == path->group->tag ? other : NULL;
    }
    return NULL;
}

static struct lun *same_lun(const struct cache *cache, const struct lun *lun)
{
    struct object *object = twin(cache, &lun->object);
    struct lun *other = object ? container_of(object, struct lun, object) : NULL;

    return other && strcmp(other->file, lun->file) == 0 &&
                   strcmp(other->drive->path, lun->drive->path) == 0 && other->features == lun->features &&
                   other->block_size == lun->block_size &&
                   other->physical_block_size == lun->physical_block_size
               ? other
               : NULL;
}

static struct tie *same_tie(const struct cache *cache, const struct tie *tie)
{
    struct lun *lun = same_lun(cache, tie->lun);
    struct target *target = same_target(cache, tie->target);
    struct tie *other = lun && target ? lun_find_tie(lun, target) : NULL;

    return other && other->number == tie->number ? other : NULL;
}

/* ---- drains: all begin, then all are waited for ---------------------------------------------- */

static void drain(struct diff *diff, const struct guid *target, const struct guid *portal, bool put_back)
{
    struct engine_drain *drain;
    int r;

    if (diff->n_drains == diff->room) {
        size_t room = diff->room ? diff->room * 2 : 16;
        void *more = realloc(diff->drains, room * sizeof *diff->drains);

        if (!more)
            return; /* cut off without a warning, then */
        diff->drains = more;
        diff->room = room;
    }
    r = engine_drain_start(diff->array->engine, target, portal, portal ? 1 : 0, diff->array->drain_ms,
                           &drain);
    if (r == 0)
        diff->drains[diff->n_drains++] = (struct draining){ drain, put_back };
}

static void drain_target(struct diff *diff, const struct target *target)
{
    if (!same_target(diff->next, target)) {
        drain(diff, &target->object.id, NULL, /* put_back= */ false);
        return;
    }
    list_for_each(n, &target->paths) {
        const struct path *path = container_of(n, struct path, in_target),
                          *after = same_path(diff->next, path);

        if (!after || (path->portal->open && (after->portal->offline || after->portal->barred)))
            drain(diff, &target->object.id, &path->portal->object.id, /* put_back= */ after != NULL);
    }
}

static HRESULT drains_wait(struct diff *diff)
{
    HRESULT hr = S_OK;

    for (size_t i = 0; i < diff->n_drains && hr == S_OK && diff->op; i++)
        hr = op_drain(diff->op, diff->drains[i].drain);
    return hr;
}

static void drains_end(struct diff *diff, bool put_back_all)
{
    for (size_t i = 0; i < diff->n_drains; i++) {
        if (put_back_all || diff->drains[i].put_back)
            engine_drain_cancel(diff->drains[i].drain);
        engine_drain_free(diff->drains[i].drain);
    }
    free(diff->drains);
}

/* ---- what goes ------------------------------------------------------------------------------- */

static void take_ties(struct diff *diff, const struct lun *lun)
{
    list_for_each(n, &lun->ties) {
        const struct tie *tie = container_of(n, struct tie, in_lun);

        if (!same_tie(diff->next, tie) || !lun->lu)
            engine_lun_unmap(diff->array->engine, &tie->target->object.id, &lun->object.id);
    }
}

static void take_target(struct diff *diff, const struct target *target)
{
    struct engine *engine = diff->array->engine;
    int r;

    if (!same_target(diff->next, target)) {
        r = engine_target_destroy(engine, &target->object.id);
        if (r < 0 && r != -ENOENT)
            complain("remove", &target->object, r);
        return;
    }
    list_for_each(n, &target->paths) {
        const struct path *path = container_of(n, struct path, in_target);

        if (same_path(diff->next, path))
            continue;
        r = engine_path_remove(engine, &target->object.id, &path->portal->object.id);
        if (r < 0 && r != -ENOENT)
            complain("remove a portal from", &target->object, r);
    }
}

static void take_all(struct diff *diff)
{
    struct engine *engine = diff->array->engine;

    cache_for_each(n, diff->now, OBJECT_LUN) take_ties(diff, OBJECT_OF(lun, n));
    cache_for_each(n, diff->now, OBJECT_TARGET) take_target(diff, OBJECT_OF(target, n));
    cache_for_each(n, diff->now, OBJECT_LUN)
    {
        const struct lun *lun = OBJECT_OF(lun, n);

        if (!lun->lu || !same_lun(diff->next, lun)) /* one that was given up may still be there */
            engine_lu_remove(engine, &lun->object.id);
    }
    cache_for_each(n, diff->now, OBJECT_PORTAL)
    {
        const struct portal *portal = OBJECT_OF(portal, n);

        if (portal->open && !twin(diff->next, &portal->object))
            engine_portal_close(engine, &portal->object.id);
    }
}

/* ---- what comes ------------------------------------------------------------------------------ */

static void put_secrets(struct diff *diff, const struct target *target, bool set)
{
    int r = secrets_serve(diff->array, &target->object.id, &target->secrets, set);

    if (r < 0)
        complain("set a secret of", &target->object, r);
}

static void put_discovery_secrets(struct diff *diff)
{
    int r = secrets_serve(diff->array, NULL, &diff->now->discovery, false), back;

    back = secrets_serve(diff->array, NULL, &diff->next->discovery, true);
    if (r < 0 || back < 0)
        log_warning("array: cannot set a secret for discovery: %s", strerror(r < 0 ? -r : -back));
}

static void put_target(struct diff *diff, struct target *target)
{
    struct target *before = same_target(diff->now, target);
    int r = 0;

    if (!before)
        r = engine_target_create(diff->array->engine, &target->object.id, target->iscsi_name, target->name);
    else if (strcmp(before->name, target->name) != 0)
        r = engine_target_set_alias(diff->array->engine, &target->object.id, target->name);
    if (r < 0)
        complain("serve", &target->object, r);
    if (before)
        put_secrets(diff, before, false);
    put_secrets(diff, target, true);
    list_for_each(n, &target->paths) {
        const struct path *path = container_of(n, struct path, in_target);

        if (same_path(diff->now, path))
            continue;
        r = engine_path_add(diff->array->engine, &target->object.id, &path->portal->object.id,
                            path->group->tag);
        if (r < 0)
            complain("add a portal to", &target->object, r);
    }
}

static const struct state_blob *reservation_of(const struct state_image *image, const struct guid *lun)
{
    size_t n;
    const struct state_reservation *rows = state_image_reservations(image, &n);

    for (size_t i = 0; i < n; i++)
        if (guid_equal(&rows[i].lun, lun))
            return &rows[i].bytes;
    return NULL;
}

static int put_new_unit(struct diff *diff, struct lun *lun)
{
    int r = lun_attach(diff->array, lun, LUN_FILE_HERE, reservation_of(diff->image, &lun->object.id));

    if (r < 0)
        return r;
    r = lun_engine_add(diff->array, lun);
    if (r < 0)
        lun_detach(lun);
    return r;
}

/* Somebody changed the size in the state: what is beyond the end of the file cannot be served. */
static int carry_size(struct lun *lun)
{
    if (lun->size == scsi_lu_size(lun->lu))
        return 0;
    if (lun->size > store_size(lun->store))
        return -ENODATA;
    scsi_lu_resized(lun->lu, lun->size);
    return 0;
}

static int carry_unit(struct diff *diff, struct lun *lun, struct lun *before)
{
    int r;

    lun->lu = TAKE_PTR(before->lu);
    lun->store = TAKE_PTR(before->store);
    lun_serve(diff->array, lun);
    r = carry_size(lun);
    if (r == 0 && strcmp(lun->mask, before->mask) != 0)
        r = lun_engine_set_mask(diff->array, lun, lun->mask);
    return r;
}

static void put_lun(struct diff *diff, struct lun *lun)
{
    struct lun *before = same_lun(diff->now, lun);
    bool carried = before && before->lu;
    int r = carried ? carry_unit(diff, lun, before) : put_new_unit(diff, lun);

    if (r < 0)
        complain("serve", &lun->object, r);
    list_for_each(n, &lun->ties) {
        const struct tie *tie = container_of(n, struct tie, in_lun);

        if (!lun->lu || (carried && same_tie(diff->now, tie)))
            continue;
        r = engine_lun_map(diff->array->engine, &tie->target->object.id, tie->number, &lun->object.id);
        if (r < 0)
            complain("map", &lun->object, r);
    }
}

/* Targets and LUNs first, listeners last: whoever gets in sees everything. */
static void put_all(struct diff *diff)
{
    put_discovery_secrets(diff);
    cache_for_each(n, diff->next, OBJECT_TARGET) put_target(diff, OBJECT_OF(target, n));
    cache_for_each(n, diff->next, OBJECT_LUN) put_lun(diff, OBJECT_OF(lun, n));
    cache_for_each(n, diff->next, OBJECT_PORTAL) portal_listen(diff->array, OBJECT_OF(portal, n));
}

/* ---- what is carried over before anything is compared ------------------------------------------- */

static void carry_portals(struct diff *diff)
{
    cache_for_each(n, diff->next, OBJECT_PORTAL)
    {
        struct portal *portal = OBJECT_OF(portal, n);
        struct object *before = twin(diff->now, &portal->object);

        if (!before)
            continue;
        portal->open = container_of(before, struct portal, object)->open;
        portal->listen_error = container_of(before, struct portal, object)->listen_error;
    }
}

static bool was_offline(const struct diff *diff)
{
    return diff->before->offline || diff->before->controller_offline;
}

/* A LUN gives its unit away when it is carried over. */
static void note_statuses(struct diff *diff)
{
    cache_for_each(n, diff->now, OBJECT_LUN)
    {
        struct lun *lun = OBJECT_OF(lun, n);

        lun->status_before = lun_status_under(lun, was_offline(diff));
    }
}

/* ---- what to tell ---------------------------------------------------------------------------- */

static bool portal_differs(const struct diff *diff, const struct object *a, const struct object *b)
{
    (void)diff;
    return portal_status(container_of(a, struct portal, object)) !=
           portal_status(container_of(b, struct portal, object));
}

static bool target_differs(const struct diff *diff, const struct object *a, const struct object *b)
{
    const struct target *x = container_of(a, struct target, object),
                        *y = container_of(b, struct target, object);

    (void)diff;
    return strcmp(x->iscsi_name, y->iscsi_name) != 0 || strcmp(x->name, y->name) != 0 ||
           secrets_require_chap(&x->secrets) != secrets_require_chap(&y->secrets);
}

static bool has_path(const struct group *group, const struct guid *portal)
{
    list_for_each(n, &group->paths)
        if (guid_equal(&container_of(n, struct path, in_group)->portal->object.id, portal))
            return true;
    return false;
}

static bool group_has_all(const struct group *x, const struct group *y)
{
    list_for_each(n, &y->paths)
        if (!has_path(x, &container_of(n, struct path, in_group)->portal->object.id))
            return false;
    return true;
}

static bool group_differs(const struct diff *diff, const struct object *a, const struct object *b)
{
    const struct group *x = container_of(a, struct group, object), *y = container_of(b, struct group, object);

    (void)diff;
    return x->tag != y->tag || !group_has_all(x, y) || !group_has_all(y, x);
}

static bool lun_has_ties_of(const struct lun *x, const struct lun *y)
{
    list_for_each(n, &y->ties) {
        const struct tie *tie = container_of(n, struct tie, in_lun);
        bool found = false;

        list_for_each(m, &x->ties) {
            const struct tie *other = container_of(m, struct tie, in_lun);
            found |= other->number == tie->number &&
                     guid_equal(&other->target->object.id, &tie->target->object.id);
        }
        if (!found)
            return false;
    }
    return true;
}

static bool lun_differs(const struct diff *diff, const struct object *a, const struct object *b)
{
    const struct lun *x = container_of(a, struct lun, object), *y = container_of(b, struct lun, object);

    return strcmp(x->mask, y->mask) != 0 || strcmp(x->name, y->name) != 0 || x->size != y->size ||
           x->status_before != lun_status(diff->array, y) || x->features != y->features ||
           !lun_has_ties_of(x, y) || !lun_has_ties_of(y, x);
}

static bool drive_differs(const struct diff *diff, const struct object *a, const struct object *b)
{
    const struct drive *x = container_of(a, struct drive, object), *y = container_of(b, struct drive, object);

    (void)diff;
    return strcmp(x->name, y->name) != 0 || x->offline != y->offline || strcmp(x->reason, y->reason) != 0;
}

/* clang-format off */
static const struct {
    enum object_kind kind;
    uint32_t type, arrive, depart, modify;
    bool (*differs)(const struct diff *diff, const struct object *a, const struct object *b);
} event_table[] = {
    { OBJECT_DRIVE, VDS_NTT_DRIVE, VDS_NF_DRIVE_ARRIVE, VDS_NF_DRIVE_DEPART, VDS_NF_DRIVE_MODIFY, drive_differs },
    { OBJECT_PORTAL, VDS_NTT_PORTAL, VDS_NF_PORTAL_ARRIVE, VDS_NF_PORTAL_DEPART, VDS_NF_PORTAL_MODIFY, portal_differs },
    { OBJECT_TARGET, VDS_NTT_TARGET, VDS_NF_TARGET_ARRIVE, VDS_NF_TARGET_DEPART, VDS_NF_TARGET_MODIFY, target_differs },
    { OBJECT_GROUP, VDS_NTT_PORTAL_GROUP, VDS_NF_PORTAL_GROUP_ARRIVE, VDS_NF_PORTAL_GROUP_DEPART, VDS_NF_PORTAL_GROUP_MODIFY, group_differs },
    { OBJECT_LUN, VDS_NTT_LUN, VDS_NF_LUN_ARRIVE, VDS_NF_LUN_DEPART, VDS_NF_LUN_MODIFY, lun_differs },
};
/* clang-format on */
#define LUN_EVENTS (ARRAY_SIZE(event_table) - 1) /* the last row */

static void tell(struct events *events, uint32_t event, uint32_t type, const struct guid *id)
{
    events_reserve(events, 1);
    events_add(events, event, type, id);
}

/* The array itself, which is in no cache. The event of a controller is its arrival or departure. */
static void tell_array(struct diff *diff)
{
    const struct array *array = diff->array;
    const struct state_subsystem *before = diff->before;

    if (strcmp(before->name, array->name) != 0 || before->offline != array->offline ||
        strcmp(before->import_target, array->import_target) != 0)
        tell(diff->events, VDS_NF_SUB_SYSTEM_MODIFY, VDS_NTT_SUB_SYSTEM, &array->subsystem.id);
    if (before->controller_offline != array->controller_offline)
        tell(diff->events, array->controller_offline ? VDS_NF_CONTROLLER_DEPART : VDS_NF_CONTROLLER_ARRIVE,
             VDS_NTT_CONTROLLER, &array->controller.id);
}

static void tell_departures(struct diff *diff)
{
    for (size_t i = ARRAY_SIZE(event_table); i-- > 0;) /* children leave before parents */
        cache_for_each(n, diff->now, event_table[i].kind)
        {
            const struct object *object = container_of(n, struct object, link);

            if (!twin(diff->next, object))
                tell(diff->events, event_table[i].depart, event_table[i].type, &object->id);
        }
}

static void tell_changes(struct diff *diff, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        cache_for_each(n, diff->next, event_table[i].kind)
        {
            const struct object *object = container_of(n, struct object, link),
                                *before = twin(diff->now, object);

            if (!before)
                tell(diff->events, event_table[i].arrive, event_table[i].type, &object->id);
            else if (event_table[i].differs(diff, before, object))
                tell(diff->events, event_table[i].modify, event_table[i].type, &object->id);
        }
}

HRESULT diff_apply(struct array *array, struct array_op *op, const struct state_subsystem *before,
                   struct cache *next, const struct state_image *image, struct events *events)
{
    struct cache *now = &array->cache;
    struct diff diff = { .array = array,
                         .op = op,
                         .now = now,
                         .next = next,
                         .image = image,
                         .before = before,
                         .events = events };
    HRESULT hr;

    cache_for_each(n, now, OBJECT_TARGET) drain_target(&diff, OBJECT_OF(target, n));
    hr = drains_wait(&diff);
    if (FAILED(hr)) {
        drains_end(&diff, /* put_back_all= */ true);
        return hr;
    }
    carry_portals(&diff);
    note_statuses(&diff);
    tell_departures(&diff);
    tell_array(&diff);
    tell_changes(&diff, 0, LUN_EVENTS);
    take_all(&diff);
    put_all(&diff);
    tell_changes(&diff, LUN_EVENTS, ARRAY_SIZE(event_table)); /* a unit may have failed, or not any more */
    drains_end(&diff, /* put_back_all= */ false);
    return S_OK;
}
