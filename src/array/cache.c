/* SPDX-License-Identifier: MIT */
/* The objects in memory: found by GUID, listed in the order in which they were made. What they mean is
 * decided elsewhere. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "array/array_internal.h"

#define BUCKETS_MIN 64

/* ---- the table ------------------------------------------------------------------------------- */

static size_t name_hash(const char *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return h;
}

int cache_init(struct cache *cache)
{
    *cache = (struct cache){ .n_buckets = BUCKETS_MIN };
    for (unsigned k = 0; k < OBJECT_N_KINDS; k++)
        list_init(&cache->all[k]);
    cache->buckets = calloc(cache->n_buckets, sizeof *cache->buckets);
    cache->names = calloc(cache->n_buckets, sizeof *cache->names);
    return cache->buckets && cache->names ? 0 : -ENOMEM;
}

void cache_move(struct cache *to, struct cache *from)
{
    *to = *from;
    for (unsigned k = 0; k < OBJECT_N_KINDS; k++) {
        list_init(&to->all[k]);
        list_splice(&to->all[k], &from->all[k]);
    }
    *from = (struct cache){ 0 };
}

/* Groups and ties go before what they point to. */
static const enum object_kind free_order[] = { OBJECT_GROUP, OBJECT_LUN, OBJECT_TARGET, OBJECT_PORTAL,
                                               OBJECT_DRIVE };

void cache_fini(struct cache *cache)
{
    if (!cache->all[0].next)
        return;
    for (unsigned i = 0; i < ARRAY_SIZE(free_order); i++)
        list_for_each_safe(n, &cache->all[free_order[i]]) {
            list_remove(n);
            object_free(container_of(n, struct object, link));
        }
    free(cache->buckets);
    free(cache->names);
    secrets_fini(&cache->discovery);
    *cache = (struct cache){ 0 };
}

static struct object **object_bucket(const struct cache *cache, const struct guid *id)
{
    return &cache->buckets[guid_hash(id) & (cache->n_buckets - 1)];
}

static struct target **name_bucket(const struct cache *cache, const char *name)
{
    return &cache->names[name_hash(name) & (cache->n_buckets - 1)];
}

static void hash_in(struct cache *cache, struct object *object)
{
    struct object **bucket = object_bucket(cache, &object->id);

    object->hash_next = *bucket;
    *bucket = object;
    if (object->kind == OBJECT_TARGET) {
        struct target *target = container_of(object, struct target, object);
        struct target **names = name_bucket(cache, target->iscsi_name);

        target->name_next = *names;
        *names = target;
    }
}

/* Without memory it stays small and gets slower, no more. */
static void grow(struct cache *cache)
{
    struct cache larger = *cache;

    larger.n_buckets = cache->n_buckets * 2;
    larger.buckets = calloc(larger.n_buckets, sizeof *larger.buckets);
    larger.names = calloc(larger.n_buckets, sizeof *larger.names);
    if (!larger.buckets || !larger.names) {
        free(larger.buckets);
        free(larger.names);
        return;
    }
    free(cache->buckets);
    free(cache->names);
    cache->buckets = larger.buckets;
    cache->names = larger.names;
    cache->n_buckets = larger.n_buckets;
    for (unsigned k = 0; k < OBJECT_N_KINDS; k++)
        list_for_each(n, &cache->all[k])
            hash_in(cache, container_of(n, struct object, link));
}

void cache_add(struct cache *cache, struct object *object)
{
    if (cache->n_objects >= cache->n_buckets)
        grow(cache);
    hash_in(cache, object);
    list_append(&cache->all[object->kind], &object->link);
    cache->n_objects++;
}

void cache_remove(struct cache *cache, struct object *object)
{
    struct object **p = object_bucket(cache, &object->id);

    while (*p != object)
        p = &(*p)->hash_next;
    *p = object->hash_next;
    if (object->kind == OBJECT_TARGET) {
        struct target *target = container_of(object, struct target, object);
        struct target **t = name_bucket(cache, target->iscsi_name);

        while (*t != target)
            t = &(*t)->name_next;
        *t = target->name_next;
    }
    list_remove(&object->link);
    cache->n_objects--;
}

struct object *cache_find(const struct cache *cache, enum object_kind kind, const struct guid *id)
{
    for (struct object *o = *object_bucket(cache, id); o; o = o->hash_next)
        if (o->kind == kind && guid_equal(&o->id, id))
            return o;
    return NULL;
}

struct target *cache_find_name(const struct cache *cache, const char *iscsi_name)
{
    for (struct target *t = *name_bucket(cache, iscsi_name); t; t = t->name_next)
        if (strcmp(t->iscsi_name, iscsi_name) == 0)
            return t;
    return NULL;
}

struct portal *cache_find_address(const struct cache *cache, const char *address, uint16_t port)
{
    cache_for_each(n, cache, OBJECT_PORTAL)
    {
        struct portal *p = OBJECT_OF(portal, n);

        if (p->port == port && strcmp(p->address, address) == 0)
            return p;
    }
    return NULL;
}

/* ---- words ----------------------------------------------------------------------------------- */

const char *object_noun(enum object_kind kind)
{
    static const char *const nouns[OBJECT_N_KINDS] = {
        [OBJECT_SUBSYSTEM] = "the array",
        [OBJECT_CONTROLLER] = "controller",
        [OBJECT_PORTAL] = "portal",
        [OBJECT_TARGET] = "target",
        [OBJECT_GROUP] = "portal group",
        [OBJECT_DRIVE] = "drive",
        [OBJECT_LUN] = "LUN",
    };

    return nouns[kind];
}

/* What people call it: as vdsctl's T, box, and T/TAG, box/1. */
static const char *target_text(const struct target *t)
{
    return *t->name ? t->name : t->iscsi_name;
}

const char *object_text(const struct object *object, char text[static TEXT_MAX])
{
    char address[80];

    switch (object->kind) {
    case OBJECT_PORTAL: {
        const struct portal *p = container_of(object, struct portal, object);
        address_format_with_port(p->address, p->port, address);
        snprintf(text, TEXT_MAX, "portal %s", address);
        break;
    }
    case OBJECT_TARGET:
        snprintf(text, TEXT_MAX, "target %.200s", target_text(container_of(object, struct target, object)));
        break;
    case OBJECT_GROUP: {
        const struct group *g = container_of(object, struct group, object);
        snprintf(text, TEXT_MAX, "portal group %.200s/%u", target_text(g->target), g->tag);
        break;
    }
    case OBJECT_LUN:
        snprintf(text, TEXT_MAX, "LUN %.200s", container_of(object, struct lun, object)->name);
        break;
    case OBJECT_DRIVE:
        snprintf(text, TEXT_MAX, "drive %.200s", container_of(object, struct drive, object)->path);
        break;
    default:
        snprintf(text, TEXT_MAX, "%s", object_noun(object->kind));
    }
    return text;
}

/* ---- making and freeing ---------------------------------------------------------------------- */

static void object_init(struct object *object, enum object_kind kind, const struct guid *id)
{
    object->kind = kind;
    object->id = *id;
    list_init(&object->link);
}

#define TEXT_COPY(to, from) snprintf(to, sizeof(to), "%.*s", (int)sizeof(to) - 1, from)

struct portal *array_portal_new(const struct state_portal *row)
{
    struct portal *portal = calloc(1, sizeof *portal);

    if (!portal)
        return NULL;
    object_init(&portal->object, OBJECT_PORTAL, &row->id);
    TEXT_COPY(portal->address, row->address);
    portal->port = (uint16_t)row->port;
    portal->offline = row->offline;
    list_init(&portal->paths);
    pthread_mutex_init(&portal->io_lock, NULL);
    address_parse(portal->address, portal->port, &portal->addr);
    return portal;
}

struct target *array_target_new(const struct state_target *row)
{
    struct target *target = calloc(1, sizeof *target);

    if (!target)
        return NULL;
    object_init(&target->object, OBJECT_TARGET, &row->id);
    TEXT_COPY(target->iscsi_name, row->iscsi_name);
    TEXT_COPY(target->name, row->name);
    target->next_tag = row->next_tag;
    list_init(&target->groups);
    list_init(&target->paths);
    list_init(&target->ties);
    return target;
}

struct group *array_group_new(const struct state_group *row, struct target *target)
{
    struct group *group = calloc(1, sizeof *group);

    if (!group)
        return NULL;
    object_init(&group->object, OBJECT_GROUP, &row->id);
    group->target = target;
    group->tag = (uint16_t)row->tag;
    list_init(&group->paths);
    list_append(&target->groups, &group->in_target);
    target->n_groups++;
    return group;
}

struct drive *array_drive_new(const struct state_drive *row)
{
    struct drive *drive = calloc(1, sizeof *drive);

    if (!drive)
        return NULL;
    object_init(&drive->object, OBJECT_DRIVE, &row->id);
    TEXT_COPY(drive->path, row->path);
    TEXT_COPY(drive->name, row->name);
    drive->bus = (uint16_t)row->bus;
    drive->slot = (uint16_t)row->slot;
    drive->offline = row->offline;
    drive->pool = row->pool;
    drive->dir_fd = -1;
    return drive;
}

struct lun *array_lun_new(const struct state_lun *row, struct drive *drive)
{
    struct lun *lun = calloc(1, sizeof *lun);

    if (!lun)
        return NULL;
    object_init(&lun->object, OBJECT_LUN, &row->id);
    lun->drive = drive;
    TEXT_COPY(lun->file, row->file);
    TEXT_COPY(lun->name, row->name);
    lun->size = row->size;
    lun->thick = row->thick;
    lun->offline = row->offline;
    lun->features = row->features;
    lun->block_size = row->block_size ? row->block_size : 512;
    lun->physical_block_size = row->physical_block_size ? row->physical_block_size : lun->block_size;
    lun->transition = VDS_TS_STABLE;
    list_init(&lun->ties);
    lun->mask = strdup(row->mask ? row->mask : "");
    if (!lun->mask) {
        free(lun);
        return NULL;
    }
    return lun;
}

struct path *path_new(struct group *group, struct portal *portal, enum part_state state)
{
    struct path *path = calloc(1, sizeof *path);

    if (!path)
        return NULL;
    *path = (struct path){ .group = group, .portal = portal, .state = state };
    list_append(&group->paths, &path->in_group);
    list_append(&group->target->paths, &path->in_target);
    list_append(&portal->paths, &path->in_portal);
    portal->n_holds++;
    return path;
}

struct tie *tie_new(struct lun *lun, struct target *target, uint16_t number, enum part_state state)
{
    struct tie *tie = calloc(1, sizeof *tie);

    if (!tie)
        return NULL;
    *tie = (struct tie){ .lun = lun, .target = target, .number = number, .state = state };
    list_append(&lun->ties, &tie->in_lun);
    list_append(&target->ties, &tie->in_target);
    return tie;
}

void path_free(struct path *path)
{
    path->portal->n_holds--;
    list_remove(&path->in_group);
    list_remove(&path->in_target);
    list_remove(&path->in_portal);
    free(path);
}

void tie_free(struct tie *tie)
{
    list_remove(&tie->in_lun);
    list_remove(&tie->in_target);
    free(tie);
}

static void portal_free(struct object *object)
{
    struct portal *portal = container_of(object, struct portal, object);

    pthread_mutex_destroy(&portal->io_lock);
    free(portal);
}

static void target_free(struct object *object)
{
    struct target *target = container_of(object, struct target, object);

    secrets_fini(&target->secrets);
    free(target);
}

static void group_free(struct object *object)
{
    struct group *group = container_of(object, struct group, object);

    list_for_each_safe(n, &group->paths)
        path_free(container_of(n, struct path, in_group));
    list_remove(&group->in_target);
    group->target->n_groups--;
    free(group);
}

static void drive_free(struct object *object)
{
    struct drive *drive = container_of(object, struct drive, object);

    closep(&drive->dir_fd);
    free(drive);
}

static void lun_free(struct object *object)
{
    struct lun *lun = container_of(object, struct lun, object);

    list_for_each_safe(n, &lun->ties)
        tie_free(container_of(n, struct tie, in_lun));
    lun_detach(lun);
    free(lun->mask);
    free(lun);
}

void object_free(struct object *object)
{
    static void (*const frees[OBJECT_N_KINDS])(struct object *) = {
        [OBJECT_PORTAL] = portal_free, [OBJECT_TARGET] = target_free, [OBJECT_GROUP] = group_free,
        [OBJECT_DRIVE] = drive_free,   [OBJECT_LUN] = lun_free,
    };

    if (object)
        frees[object->kind](object);
}

struct path *target_find_path(const struct target *target, const struct portal *portal)
{
    list_for_each(n, &target->paths) {
        struct path *path = container_of(n, struct path, in_target);

        if (path->portal == portal)
            return path;
    }
    return NULL;
}

struct tie *lun_find_tie(const struct lun *lun, const struct target *target)
{
    list_for_each(n, &lun->ties) {
        struct tie *tie = container_of(n, struct tie, in_lun);

        if (tie->target == target)
            return tie;
    }
    return NULL;
}

/* ---- rows ------------------------------------------------------------------------------------ */

struct state_portal portal_row(const struct portal *portal)
{
    struct state_portal row = { .id = portal->object.id, .port = portal->port, .offline = portal->offline };

    TEXT_COPY(row.address, portal->address);
    return row;
}

struct state_target target_row(const struct target *target)
{
    struct state_target row = { .id = target->object.id, .next_tag = target->next_tag };

    TEXT_COPY(row.iscsi_name, target->iscsi_name);
    TEXT_COPY(row.name, target->name);
    return row;
}

struct state_group group_row(const struct group *group)
{
    return (
        struct state_group){ .id = group->object.id, .target = group->target->object.id, .tag = group->tag };
}

struct state_member path_row(const struct path *path)
{
    return (struct state_member){ path->group->object.id, path->portal->object.id,
                                  path->group->target->object.id };
}

struct state_drive drive_row(const struct drive *drive)
{
    struct state_drive row = { .id = drive->object.id,
                               .pool = drive->pool,
                               .bus = drive->bus,
                               .slot = drive->slot,
                               .offline = drive->offline };

    TEXT_COPY(row.path, drive->path);
    TEXT_COPY(row.name, drive->name);
    return row;
}

struct state_lun lun_row(const struct lun *lun)
{
    struct state_lun row = { .id = lun->object.id,
                             .drive = lun->drive->object.id,
                             .size = lun->size,
                             .thick = lun->thick,
                             .offline = lun->offline,
                             .features = lun->features,
                             .block_size = lun->block_size,
                             .physical_block_size = lun->physical_block_size,
                             .mask = lun->mask };

    TEXT_COPY(row.file, lun->file);
    TEXT_COPY(row.name, lun->name);
    return row;
}

struct state_tie tie_row(const struct tie *tie)
{
    return (struct state_tie){ tie->lun->object.id, tie->target->object.id, tie->number };
}
