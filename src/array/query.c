/* SPDX-License-Identifier: MIT */
/* Reading: snapshots under the lock, nothing that waits. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "array/array_internal.h"

/* ---- one object ------------------------------------------------------------------------------ */

/* array->lock held. */
static HRESULT find(struct array *array, enum object_kind kind, const struct guid *id,
                    struct object **ret_object)
{
    struct object *object = kind == OBJECT_CONTROLLER
                                ? (guid_equal(id, &array->controller.id) ? &array->controller : NULL)
                                : cache_find(&array->cache, kind, id);

    if (!object || !object->visible) {
        error_text_set("the %s is gone", object_noun(kind));
        return VDS_E_OBJECT_DELETED;
    }
    *ret_object = object;
    return S_OK;
}

/* S_OK: array->lock is held. */
static HRESULT enter(struct array *array, enum object_kind kind, const struct guid *id, void *ret,
                     struct object **ret_object)
{
    HRESULT hr;

    error_text_clear();
    if (!id || !ret)
        return E_INVALIDARG;
    if (FAILED(hr = admit_read(array)))
        return hr;
    pthread_mutex_lock(&array->lock);
    hr = find(array, kind, id, ret_object);
    if (FAILED(hr))
        pthread_mutex_unlock(&array->lock);
    return hr;
}

static void leave(struct array *array)
{
    pthread_mutex_unlock(&array->lock);
}

/* Does an earlier drive that is usable, or one of those that are online, lie on the same file system? */
static bool space_is_counted(struct array *array, const struct drive *drive, bool online)
{
    cache_for_each(n, &array->cache, OBJECT_DRIVE)
    {
        const struct drive *other = OBJECT_OF(drive, n);

        if (other == drive)
            return false;
        if (other->dir_fd >= 0 && guid_equal(&other->pool, &drive->pool) && !(online && other->offline))
            return true;
    }
    return false;
}

/* Each file system once; on one whose drives are all offline nothing is free. */
static void space_of_all(struct array *array, uint64_t *ret_size, uint64_t *ret_free)
{
    *ret_size = *ret_free = 0;
    cache_for_each(n, &array->cache, OBJECT_DRIVE)
    {
        const struct drive *drive = OBJECT_OF(drive, n);
        uint64_t size, free_bytes;

        drive_space(drive, &size, &free_bytes);
        if (!space_is_counted(array, drive, /* online= */ false))
            *ret_size += size;
        if (!drive->offline && !space_is_counted(array, drive, /* online= */ true))
            *ret_free += free_bytes;
    }
}

HRESULT array_subsystem_get(struct array *array, struct array_subsystem_info *ret_info)
{
    HRESULT hr;

    error_text_clear();
    if (!ret_info)
        return E_INVALIDARG;
    if (FAILED(hr = admit_read(array)))
        return hr;
    memset(ret_info, 0, sizeof *ret_info);
    pthread_mutex_lock(&array->lock);
    ret_info->id = array->subsystem.id;
    ret_info->provider_id = array->provider_id;
    strcpy(ret_info->name, array->name);
    guid_format(&array->subsystem.id, ret_info->identification);
    ret_info->flags =
        VDS_SF_LUN_MASKING_CAPABLE | VDS_SF_SUPPORTS_NON_FAULT_TOLERANT_LUNS | VDS_SF_SUPPORTS_SIMPLE_LUNS |
        VDS_SF_SUPPORTS_AUTH_CHAP | VDS_SF_SUPPORTS_AUTH_MUTUAL_CHAP | VDS_SF_READ_CACHING_CAPABLE |
        VDS_SF_WRITE_CACHING_CAPABLE | VDS_SF_WRITE_THROUGH_CACHING_CAPABLE;
    ret_info->status = array->failed ? VDS_SSS_FAILED : array->offline ? VDS_SSS_OFFLINE : VDS_SSS_ONLINE;
    ret_info->health = array->failed ? VDS_H_FAILED : array->degraded ? VDS_H_DEGRADED : VDS_H_HEALTHY;
    strcpy(ret_info->reason, array->reason);
    if (!array->failed && array->offline)
        strcpy(ret_info->reason, "taken offline by the administrator");
    strcpy(ret_info->import_target, array->import_target);
    space_of_all(array, &ret_info->capacity, &ret_info->free);
    ret_info->slots = (int16_t)drive_slots_end(&array->cache);
    leave(array);
    return S_OK;
}

void portal_info(const struct portal *portal, struct array_portal_info *ret_info)
{
    memset(ret_info, 0, sizeof *ret_info);
    ret_info->id = portal->object.id;
    ret_info->addr = portal->addr;
    address_format_with_port(portal->address, portal->port, ret_info->text);
    ret_info->status = portal_status(portal);
    ret_info->address_present = portal->present;
    ret_info->admin_offline = portal->offline;
}

HRESULT array_portal_get(struct array *array, const struct guid *id, struct array_portal_info *ret_info)
{
    struct object *object;
    HRESULT hr = enter(array, OBJECT_PORTAL, id, ret_info, &object);

    if (FAILED(hr))
        return hr;
    portal_info(container_of(object, struct portal, object), ret_info);
    leave(array);
    return S_OK;
}

void target_info(const struct target *target, struct array_target_info *ret_info)
{
    memset(ret_info, 0, sizeof *ret_info);
    ret_info->id = target->object.id;
    strcpy(ret_info->iscsi_name, target->iscsi_name);
    strcpy(ret_info->friendly_name, target->name);
    ret_info->chap = secrets_require_chap(&target->secrets);
}

HRESULT array_target_get(struct array *array, const struct guid *id, struct array_target_info *ret_info)
{
    struct object *object;
    HRESULT hr = enter(array, OBJECT_TARGET, id, ret_info, &object);

    if (FAILED(hr))
        return hr;
    target_info(container_of(object, struct target, object), ret_info);
    leave(array);
    return S_OK;
}

struct array_group_info group_info(const struct group *group)
{
    return (struct array_group_info){ .id = group->object.id,
                                      .target = group->target->object.id,
                                      .tag = group->tag };
}

HRESULT array_group_get(struct array *array, const struct guid *id, struct array_group_info *ret_info)
{
    struct object *object;
    HRESULT hr = enter(array, OBJECT_GROUP, id, ret_info, &object);

    if (FAILED(hr))
        return hr;
    *ret_info = group_info(container_of(object, struct group, object));
    leave(array);
    return S_OK;
}

static void lun_identification(const struct lun *lun, char *text, size_t n)
{
    char id[GUID_TEXT_SIZE];

    if (lun->lu) {
        scsi_lu_serial(lun->lu, text, n);
        return;
    }
    guid_format(&lun->object.id, id);
    snprintf(text, n, "%s", id);
}

/* As MODE SENSE says: what is read is cached always (RCD is 0), what is written while WCE is 1. */
static uint32_t lun_flags(const struct lun *lun)
{
    if (!lun->lu)
        return 0;
    return VDS_LF_READ_CACHE_ENABLED | (scsi_lu_write_through(lun->lu) ? VDS_LF_WRITE_THROUGH_CACHING_ENABLED
                                                                       : VDS_LF_WRITE_CACHE_ENABLED);
}

struct store *lun_info(const struct array *array, const struct lun *lun, struct array_lun_info *ret_info)
{
    memset(ret_info, 0, sizeof *ret_info);
    ret_info->id = lun->object.id;
    ret_info->drive = lun->drive->object.id;
    strcpy(ret_info->friendly_name, lun->name);
    lun_identification(lun, ret_info->identification, sizeof ret_info->identification);
    ret_info->mask = strdup(lun->mask);
    ret_info->size = lun->size;
    ret_info->thick = lun->thick;
    ret_info->flags = lun_flags(lun);
    ret_info->status = lun_status(array, lun);
    ret_info->health = ret_info->status == VDS_LS_FAILED ? VDS_H_FAILED : VDS_H_HEALTHY;
    ret_info->features = lun->features;
    ret_info->block_size = lun->block_size;
    ret_info->physical_block_size = lun->physical_block_size;
    ret_info->transition = lun->transition;
    return lun->store ? store_ref(lun->store) : NULL;
}

HRESULT array_lun_get(struct array *array, const struct guid *id, struct array_lun_info *ret_info)
{
    _cleanup_(store_unrefp) struct store *store = NULL;
    struct object *object;
    HRESULT hr;

    if (ret_info)
        ret_info->mask = NULL;
    if (FAILED(hr = enter(array, OBJECT_LUN, id, ret_info, &object)))
        return hr;
    store = lun_info(array, container_of(object, struct lun, object), ret_info);
    leave(array);
    ret_info->allocated = store ? store_allocated(store) : 0; /* asks the file system: not under the lock */
    return ret_info->mask ? S_OK : E_OUTOFMEMORY;
}

HRESULT array_lun_inquiry(struct array *array, const struct guid *id, struct array_lun_inquiry *ret_inquiry)
{
    struct object *object;
    HRESULT hr = enter(array, OBJECT_LUN, id, ret_inquiry, &object);

    if (FAILED(hr))
        return hr;
    const struct lun *lun = container_of(object, struct lun, object);
    *ret_inquiry =
        (struct array_lun_inquiry){ .vendor = LU_VENDOR, .product = LU_PRODUCT, .revision = LU_REVISION };
    lun_identification(lun, ret_inquiry->serial, sizeof ret_inquiry->serial);
    if (lun->lu)
        ret_inquiry->naa_len = (uint8_t)scsi_lu_naa(lun->lu, ret_inquiry->naa);
    else
        hr = VDS_E_OBJECT_STATUS_FAILED;
    if (FAILED(hr))
        error_text_set("LUN %s has failed: its file cannot be opened", lun->name);
    leave(array);
    return hr;
}

/* The array's lock is not held while the disk is read. */
HRESULT array_lun_signature(struct array *array, const struct guid *id, struct guid *ret_signature)
{
    _cleanup_(store_unrefp) struct store *store = NULL;
    uint32_t block_size;
    struct object *object;
    HRESULT hr = enter(array, OBJECT_LUN, id, ret_signature, &object);

    if (FAILED(hr))
        return hr;
    const struct lun *lun = container_of(object, struct lun, object);
    store = lun->store ? store_ref(lun->store) : NULL;
    block_size = lun->block_size;
    leave(array);
    if (!store) {
        error_text_set("the LUN has failed: its data cannot be reached");
        return VDS_E_OBJECT_STATUS_FAILED;
    }
    *ret_signature = signature_read(store, block_size);
    return S_OK;
}

HRESULT array_drive_get(struct array *array, const struct guid *id, struct array_drive_info *ret_info)
{
    struct object *object;
    HRESULT hr = enter(array, OBJECT_DRIVE, id, ret_info, &object);

    if (FAILED(hr))
        return hr;
    const struct drive *drive = container_of(object, struct drive, object);
    memset(ret_info, 0, sizeof *ret_info);
    ret_info->id = object->id;
    strcpy(ret_info->path, drive->path);
    strcpy(ret_info->friendly_name, drive->name);
    bool usable = drive_space(drive, &ret_info->size, &ret_info->free);
    ret_info->pool = drive->pool;
    ret_info->status = !usable ? VDS_DRS_FAILED : drive->offline ? VDS_DRS_OFFLINE : VDS_DRS_ONLINE;
    ret_info->health = usable ? VDS_H_HEALTHY : VDS_H_FAILED;
    ret_info->takes_luns = drive->configured && ret_info->status == VDS_DRS_ONLINE;
    ret_info->bus = (int16_t)drive->bus;
    ret_info->slot = (int16_t)drive->slot;
    leave(array);
    return S_OK;
}

HRESULT array_controller_get(struct array *array, const struct guid *id,
                             struct array_controller_info *ret_info)
{
    struct object *object;
    HRESULT hr = enter(array, OBJECT_CONTROLLER, id, ret_info, &object);

    if (FAILED(hr))
        return hr;
    memset(ret_info, 0, sizeof *ret_info);
    ret_info->id = object->id;
    gethostname(ret_info->friendly_name, sizeof ret_info->friendly_name - 1);
    guid_format(&object->id, ret_info->identification);
    ret_info->status = array->controller_offline ? VDS_CS_OFFLINE : VDS_CS_ONLINE;
    ret_info->health = VDS_H_HEALTHY;
    leave(array);
    return S_OK;
}

HRESULT array_lun_number(struct array *array, const struct guid *lun, const struct guid *target,
                         uint16_t *ret_number)
{
    struct object *object, *at;
    struct tie *tie;
    HRESULT hr;

    if (!target)
        return E_INVALIDARG;
    if (FAILED(hr = enter(array, OBJECT_LUN, lun, ret_number, &object)))
        return hr;
    at = cache_find(&array->cache, OBJECT_TARGET, target);
    tie = at ? lun_find_tie(container_of(object, struct lun, object), container_of(at, struct target, object))
             : NULL;
    if (tie && tie->state != PART_ARRIVING)
        *ret_number = tie->number;
    else
        hr = VDS_E_OBJECT_NOT_FOUND;
    leave(array);
    return hr;
}

HRESULT array_lun_room(struct array *array, const struct guid *id, uint64_t *ret_bytes)
{
    struct object *object;
    uint64_t size, room = 0;
    HRESULT hr = enter(array, OBJECT_LUN, id, ret_bytes, &object);

    if (FAILED(hr))
        return hr;
    const struct lun *lun = container_of(object, struct lun, object);
    if (lun->features & ARRAY_LUN_VOLATILE)
        room = volatile_left(array);
    else if (!lun->lu || !drive_space(lun->drive, &size, &room)) {
        error_text_set("LUN %s has failed: its data cannot be reached", lun->name);
        hr = VDS_E_OBJECT_STATUS_FAILED;
    }
    leave(array);
    if (SUCCEEDED(hr))
        *ret_bytes = room & ~(LUN_ROUND - 1);
    return hr;
}

/* clang-format off */
static const struct {
    uint32_t type;
    enum object_kind kind;
} object_types[] = {
    { VDS_OT_PORTAL, OBJECT_PORTAL }, { VDS_OT_TARGET, OBJECT_TARGET }, { VDS_OT_PORTAL_GROUP, OBJECT_GROUP },
    { VDS_OT_LUN, OBJECT_LUN },       { VDS_OT_DRIVE, OBJECT_DRIVE },   { VDS_OT_CONTROLLER, OBJECT_CONTROLLER },
};
/* clang-format on */

bool array_exists(struct array *array, uint32_t object_type, const struct guid *id)
{
    struct object *object;
    bool exists = false;

    if (!id)
        return false;
    pthread_mutex_lock(&array->lock);
    if (object_type == VDS_OT_SUB_SYSTEM)
        exists = guid_equal(id, &array->subsystem.id);
    for (size_t i = 0; i < ARRAY_SIZE(object_types); i++)
        if (object_types[i].type == object_type)
            exists = SUCCEEDED(find(array, object_types[i].kind, id, &object));
    pthread_mutex_unlock(&array->lock);
    return exists;
}

struct engine *array_engine(struct array *array)
{
    return array->engine;
}

/* ---- relations ------------------------------------------------------------------------------- */

struct ids {
    struct guid *list;
    size_t n, room;
    bool failed;
};

static void ids_add(struct ids *ids, const struct guid *id)
{
    if (ids->n == ids->room) {
        size_t room = ids->room ? ids->room * 2 : 16;
        void *more = realloc(ids->list, room * sizeof *ids->list);

        ids->failed |= !more;
        if (!more)
            return;
        ids->list = more;
        ids->room = room;
    }
    ids->list[ids->n++] = *id;
}

static void ids_add_visible(struct ids *ids, const struct object *object)
{
    if (object->visible)
        ids_add(ids, &object->id);
}

static void groups_of_target(const struct object *of, struct ids *ids)
{
    list_for_each(n, &container_of(of, struct target, object)->groups)
        ids_add_visible(ids, &container_of(n, struct group, in_target)->object);
}

static void luns_of_target(const struct object *of, struct ids *ids)
{
    list_for_each(n, &container_of(of, struct target, object)->ties) {
        const struct tie *tie = container_of(n, struct tie, in_target);

        if (tie->state != PART_ARRIVING)
            ids_add(ids, &tie->lun->object.id);
    }
}

static void portals_of_group(const struct object *of, struct ids *ids)
{
    list_for_each(n, &container_of(of, struct group, object)->paths) {
        const struct path *path = container_of(n, struct path, in_group);

        if (path->state != PART_ARRIVING)
            ids_add(ids, &path->portal->object.id);
    }
}

static void groups_of_portal(const struct object *of, struct ids *ids)
{
    list_for_each(n, &container_of(of, struct portal, object)->paths) {
        const struct path *path = container_of(n, struct path, in_portal);

        if (path->state != PART_ARRIVING)
            ids_add(ids, &path->group->object.id);
    }
}

static void targets_of_lun(const struct object *of, struct ids *ids)
{
    list_for_each(n, &container_of(of, struct lun, object)->ties) {
        const struct tie *tie = container_of(n, struct tie, in_lun);

        if (tie->state != PART_ARRIVING)
            ids_add(ids, &tie->target->object.id);
    }
}

/* clang-format off */
static const struct {
    enum object_kind kind;                                        /* of what is listed, or of `of` */
    void (*collect)(const struct object *of, struct ids *ids);    /* NULL: all of that kind */
} relations[] = {
    [ARRAY_TARGETS] = { OBJECT_TARGET, NULL },
    [ARRAY_PORTALS] = { OBJECT_PORTAL, NULL },
    [ARRAY_LUNS] = { OBJECT_LUN, NULL },
    [ARRAY_DRIVES] = { OBJECT_DRIVE, NULL },
    [ARRAY_CONTROLLERS] = { OBJECT_CONTROLLER, NULL },
    [ARRAY_GROUPS_OF_TARGET] = { OBJECT_TARGET, groups_of_target },
    [ARRAY_LUNS_OF_TARGET] = { OBJECT_TARGET, luns_of_target },
    [ARRAY_PORTALS_OF_GROUP] = { OBJECT_GROUP, portals_of_group },
    [ARRAY_GROUPS_OF_PORTAL] = { OBJECT_PORTAL, groups_of_portal },
    [ARRAY_TARGETS_OF_LUN] = { OBJECT_LUN, targets_of_lun },
};
/* clang-format on */

HRESULT subsystem_readable(const struct array *array)
{
    if (array->failed) {
        error_text_set("%s", array->reason);
        return VDS_E_OBJECT_STATUS_FAILED;
    }
    if (array->subsystem.closing) {
        error_text_set("the array is being refreshed");
        return VDS_E_ANOTHER_CALL_IN_PROGRESS;
    }
    return S_OK;
}

/* array->lock held. */
static HRESULT collect_all(struct array *array, enum object_kind kind, struct ids *ids)
{
    HRESULT hr = subsystem_readable(array);

    if (FAILED(hr))
        return hr;
    if (kind == OBJECT_CONTROLLER)
        ids_add(ids, &array->controller.id);
    cache_for_each(n, &array->cache, kind) ids_add_visible(ids, container_of(n, struct object, link));
    return S_OK;
}

HRESULT array_query(struct array *array, enum array_relation relation, const struct guid *of,
                    struct guid **ret_ids, size_t *ret_n)
{
    struct ids ids = { 0 };
    struct object *object;
    HRESULT hr;

    error_text_clear();
    if (!ret_ids || !ret_n)
        return E_INVALIDARG;
    *ret_ids = NULL;
    *ret_n = 0;
    if ((unsigned)relation >= ARRAY_SIZE(relations) || (relations[relation].collect && !of))
        return E_INVALIDARG;
    if (FAILED(hr = admit_read(array)))
        return hr;
    pthread_mutex_lock(&array->lock);
    if (!relations[relation].collect)
        hr = collect_all(array, relations[relation].kind, &ids);
    else if (SUCCEEDED(hr = find(array, relations[relation].kind, of, &object)))
        relations[relation].collect(object, &ids);
    pthread_mutex_unlock(&array->lock);
    if (SUCCEEDED(hr) && ids.failed)
        hr = E_OUTOFMEMORY;
    if (FAILED(hr) || ids.n == 0) {
        free(ids.list);
        return hr;
    }
    *ret_ids = ids.list;
    *ret_n = ids.n;
    return S_OK;
}
