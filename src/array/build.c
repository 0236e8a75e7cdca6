/* SPDX-License-Identifier: MIT */
/* From the rows of the state to a cache that nobody sees yet. References have been checked by src/state
 * (invariants 3, 4). */
#include <errno.h>
#include <string.h>

#include "array/array_internal.h"

static void show(struct cache *cache, struct object *object)
{
    object->visible = true;
    cache_add(cache, object);
}

static struct target *target_of(const struct cache *cache, const struct guid *id)
{
    struct object *object = cache_find(cache, OBJECT_TARGET, id);

    return object ? container_of(object, struct target, object) : NULL;
}

/* One maker per kind: 0, -ENOMEM, or -ENOENT for a row whose parent is not there. */
static int make_portal(struct cache *cache, const struct state_portal *row)
{
    struct portal *portal = array_portal_new(row);

    if (!portal)
        return -ENOMEM;
    show(cache, &portal->object);
    return 0;
}

static int make_target(struct cache *cache, const struct state_target *row)
{
    struct target *target = array_target_new(row);

    if (!target)
        return -ENOMEM;
    show(cache, &target->object);
    return 0;
}

static int make_group(struct cache *cache, const struct state_group *row)
{
    struct target *target = target_of(cache, &row->target);
    struct group *group = target ? array_group_new(row, target) : NULL;

    if (!group)
        return target ? -ENOMEM : -ENOENT;
    show(cache, &group->object);
    return 0;
}

static int make_member(struct cache *cache, const struct state_member *row)
{
    struct object *group = cache_find(cache, OBJECT_GROUP, &row->group),
                  *portal = cache_find(cache, OBJECT_PORTAL, &row->portal);

    if (!group || !portal)
        return -ENOENT;
    return path_new(container_of(group, struct group, object), container_of(portal, struct portal, object),
                    PART_HERE)
               ? 0
               : -ENOMEM;
}

static int make_drive(struct cache *cache, const struct state_drive *row)
{
    struct drive *drive = array_drive_new(row);

    if (!drive)
        return -ENOMEM;
    show(cache, &drive->object);
    return 0;
}

static int make_lun(struct cache *cache, const struct state_lun *row)
{
    struct object *drive = cache_find(cache, OBJECT_DRIVE, &row->drive);
    struct lun *lun = drive ? array_lun_new(row, container_of(drive, struct drive, object)) : NULL;

    if (!lun)
        return drive ? -ENOMEM : -ENOENT;
    show(cache, &lun->object);
    return 0;
}

static int make_tie(struct cache *cache, const struct state_tie *row)
{
    struct object *lun = cache_find(cache, OBJECT_LUN, &row->lun);
    struct target *target = target_of(cache, &row->target);

    if (!lun || !target)
        return -ENOENT;
    return tie_new(container_of(lun, struct lun, object), target, (uint16_t)row->number, PART_HERE) ? 0
                                                                                                    : -ENOMEM;
}

static int make_secret(struct cache *cache, const struct state_secret *row)
{
    struct target *target = target_of(cache, &row->target);

    return target ? secrets_add(&target->secrets, row) : -ENOENT;
}

static int make_discovery_secret(struct cache *cache, const struct state_discovery_secret *row)
{
    struct state_secret copy = { .kind = row->kind, .secret = row->secret };

    memcpy(copy.initiator, row->initiator, sizeof copy.initiator);
    return secrets_add(&cache->discovery, &copy);
}

#define MAKE_ALL(noun)                                                                  \
    static int make_all_##noun##s(struct cache *cache, const struct state_image *image) \
    {                                                                                   \
        size_t n;                                                                       \
        const struct state_##noun *rows = state_image_##noun##s(image, &n);             \
        int r = 0;                                                                      \
        for (size_t i = 0; i < n && (r == 0 || r == -ENOENT); i++)                      \
            r = make_##noun(cache, &rows[i]);                                           \
        return r == -ENOENT ? 0 : r;                                                    \
    }
MAKE_ALL(portal)
MAKE_ALL(target)
MAKE_ALL(group)
MAKE_ALL(member)
MAKE_ALL(drive)
MAKE_ALL(lun)
MAKE_ALL(tie)
MAKE_ALL(secret)
MAKE_ALL(discovery_secret)

/* Parents first. */
static int (*const makers[])(struct cache *cache, const struct state_image *image) = {
    make_all_portals, make_all_targets, make_all_groups, make_all_members,
    make_all_drives,  make_all_luns,    make_all_ties,   make_all_secrets,
    make_all_discovery_secrets,
};

HRESULT cache_build(struct array *array, const struct state_image *image, struct cache *ret_cache)
{
    int r = cache_init(ret_cache);

    (void)array;
    for (unsigned i = 0; i < ARRAY_SIZE(makers) && r == 0; i++)
        r = makers[i](ret_cache, image);
    if (r < 0)
        cache_fini(ret_cache);
    return hr_from_errno(r);
}
