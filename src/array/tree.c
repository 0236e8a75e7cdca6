/* SPDX-License-Identifier: MIT */
/* Reading many objects at once: one snapshot under the lock, for whoever would otherwise ask for each. */
#include <stdlib.h>
#include <string.h>

#include "array/array_internal.h"

/* What has to be asked when the lock is not held any more: how much of its drive each LUN has taken. */
struct stores {
    struct store **list; /* as many as there is room for LUNs; NULL where there is none */
    size_t n;
};

static void stores_fini(struct stores *stores)
{
    for (size_t i = 0; i < stores->n; i++)
        store_unref(stores->list[i]);
    free(stores->list);
}

/* ---- room: counted before anything is copied ---------------------------------------------------------- */

struct room {
    size_t portals, targets, groups, members, luns, ties;
};

static size_t count(const struct list_node *list)
{
    size_t n = 0;

    list_for_each(node, list) n++;
    return n;
}

/* An upper bound: what is not visible yet is counted, too. */
static struct room measure(const struct array *array, unsigned parts)
{
    const struct cache *cache = &array->cache;
    struct room room = { 0 };

    if (parts & ARRAY_TREE_PORTALS)
        room.portals = count(&cache->all[OBJECT_PORTAL]);
    if (parts & ARRAY_TREE_TARGETS)
        room.targets = count(&cache->all[OBJECT_TARGET]);
    if (parts & ARRAY_TREE_GROUPS)
        cache_for_each(n, cache, OBJECT_GROUP)
        {
            room.groups++;
            room.members += count(&OBJECT_OF(group, n)->paths);
        }
    if (parts & ARRAY_TREE_LUNS)
        cache_for_each(n, cache, OBJECT_LUN)
        {
            room.luns++;
            room.ties += count(&OBJECT_OF(lun, n)->ties);
        }
    return room;
}

/* false: out of memory. */
static bool make_room(struct room room, struct array_tree *tree, struct stores *stores)
{
    /* clang-format off */
    const struct {
        void *list; /* the pointer, whatever it points to */
        size_t n, size;
    } lists[] = {
        { &tree->portals, room.portals, sizeof *tree->portals }, { &tree->targets, room.targets, sizeof *tree->targets },
        { &tree->groups, room.groups, sizeof *tree->groups },    { &tree->members, room.members, sizeof *tree->members },
        { &tree->luns, room.luns, sizeof *tree->luns },          { &tree->ties, room.ties, sizeof *tree->ties },
        { &stores->list, room.luns, sizeof *stores->list },
    };
    /* clang-format on */

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        void *list = lists[i].n ? calloc(lists[i].n, lists[i].size) : NULL;

        if (lists[i].n && !list)
            return false;
        memcpy(lists[i].list, &list, sizeof list);
    }
    return true;
}

/* ---- rows --------------------------------------------------------------------------------------------- */

static void add_group(const struct group *group, struct array_tree *tree)
{
    tree->groups[tree->n_groups++] = group_info(group);
    list_for_each(n, &group->paths)
    {
        const struct path *path = container_of(n, struct path, in_group);

        if (path->state != PART_ARRIVING)
            tree->members[tree->n_members++] =
                (struct array_tree_member){ .group = group->object.id, .portal = path->portal->object.id };
    }
}

/* false: out of memory. */
static bool add_lun(const struct array *array, const struct lun *lun, struct array_tree *tree,
                    struct stores *stores)
{
    struct array_lun_info *info = &tree->luns[tree->n_luns++];

    stores->list[stores->n++] = lun_info(array, lun, info);
    list_for_each(n, &lun->ties)
    {
        const struct tie *tie = container_of(n, struct tie, in_lun);

        if (tie->state != PART_ARRIVING)
            tree->ties[tree->n_ties++] = (struct array_tree_tie){ .lun = info->id,
                                                                  .target = tie->target->object.id,
                                                                  .number = tie->number };
    }
    return info->mask;
}

#define for_each_visible(n, cache, kind) \
    cache_for_each(n, cache, kind) if (container_of(n, struct object, link)->visible)

/* Groups stand by their targets, as someone sees them who goes from target to target. */
static bool fill(const struct array *array, unsigned parts, struct array_tree *tree, struct stores *stores)
{
    const struct cache *cache = &array->cache;
    bool ok = true;

    if (parts & ARRAY_TREE_PORTALS)
        for_each_visible(n, cache, OBJECT_PORTAL)
            portal_info(OBJECT_OF(portal, n), &tree->portals[tree->n_portals++]);
    if (parts & ARRAY_TREE_TARGETS)
        for_each_visible(n, cache, OBJECT_TARGET)
            target_info(OBJECT_OF(target, n), &tree->targets[tree->n_targets++]);
    if (parts & ARRAY_TREE_GROUPS)
        for_each_visible(n, cache, OBJECT_TARGET)
            list_for_each(g, &OBJECT_OF(target, n)->groups)
                if (container_of(g, struct group, in_target)->object.visible)
                    add_group(container_of(g, struct group, in_target), tree);
    if (parts & ARRAY_TREE_LUNS)
        for_each_visible(n, cache, OBJECT_LUN) ok &= add_lun(array, OBJECT_OF(lun, n), tree, stores);
    return ok;
}

/* array->lock held. */
static HRESULT snapshot(const struct array *array, unsigned parts, struct array_tree *tree,
                        struct stores *stores)
{
    HRESULT hr = subsystem_readable(array);

    if (FAILED(hr))
        return hr;
    if (!make_room(measure(array, parts), tree, stores) || !fill(array, parts, tree, stores))
        return E_OUTOFMEMORY;
    return S_OK;
}

HRESULT array_tree_get(struct array *array, unsigned parts, struct array_tree *ret_tree)
{
    struct array_tree tree = { 0 };
    struct stores stores = { 0 };
    HRESULT hr;

    error_text_clear();
    if (!ret_tree)
        return E_INVALIDARG;
    if (FAILED(hr = admit_read(array)))
        return hr;
    pthread_mutex_lock(&array->lock);
    hr = snapshot(array, parts, &tree, &stores);
    pthread_mutex_unlock(&array->lock);
    for (size_t i = 0; SUCCEEDED(hr) && i < stores.n; i++) /* asks the file system: not under the lock */
        tree.luns[i].allocated = stores.list[i] ? store_allocated(stores.list[i]) : 0;
    stores_fini(&stores);
    if (FAILED(hr))
        array_tree_fini(&tree);
    else
        *ret_tree = tree;
    return hr;
}
