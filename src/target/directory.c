/* SPDX-License-Identifier: MIT */
#include "target/directory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

int target_dir_init(struct target_directory *dir)
{
    struct hash *const tables[] = { &dir->targets_by_id, &dir->targets_by_name, &dir->portals, &dir->units };
    pthread_rwlockattr_t attr;

    *dir = (struct target_directory){ 0 };
    pthread_rwlockattr_init(&attr);
    /* discoveries must not starve a change */
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&dir->lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    target_idle_init(&dir->idle);
    list_init(&dir->targets);
    target_auth_init(&dir->discovery_auth);
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        if (target_hash_init(tables[i]) < 0)
            return -ENOMEM;
    }
    return 0;
}

void target_dir_fini(struct target_directory *dir)
{
    target_hash_fini(&dir->targets_by_id);
    target_hash_fini(&dir->targets_by_name);
    target_hash_fini(&dir->portals);
    target_hash_fini(&dir->units);
    target_auth_fini(&dir->discovery_auth);
    target_idle_fini(&dir->idle);
    pthread_rwlock_destroy(&dir->lock);
}

void target_dir_read(struct target_directory *dir)
{
    pthread_rwlock_rdlock(&dir->lock);
}

void target_dir_write(struct target_directory *dir)
{
    pthread_rwlock_wrlock(&dir->lock);
}

void target_dir_unlock(struct target_directory *dir)
{
    pthread_rwlock_unlock(&dir->lock);
}

/* ---- looking up ------------------------------------------------------------------------------------ */

struct dir_target *target_dir_target(const struct target_directory *dir, const struct guid *id)
{
    for (struct hash_node *n = target_hash_first(&dir->targets_by_id, guid_hash(id)); n;
         n = target_hash_next(n)) {
        struct dir_target *target = container_of(n, struct dir_target, by_id);

        if (guid_equal(&target->id, id))
            return target;
    }
    return NULL;
}

struct dir_target *target_dir_target_by_name(const struct target_directory *dir, const char *name)
{
    for (struct hash_node *n = target_hash_first(&dir->targets_by_name, target_hash_name(name)); n;
         n = target_hash_next(n)) {
        struct dir_target *target = container_of(n, struct dir_target, by_name);

        if (strcasecmp(target->name, name) == 0)
            return target;
    }
    return NULL;
}

struct dir_portal *target_dir_portal(const struct target_directory *dir, const struct guid *id)
{
    for (struct hash_node *n = target_hash_first(&dir->portals, guid_hash(id)); n; n = target_hash_next(n)) {
        struct dir_portal *portal = container_of(n, struct dir_portal, by_id);

        if (guid_equal(&portal->id, id))
            return portal;
    }
    return NULL;
}

struct dir_path *target_dir_path(const struct dir_target *target, const struct guid *portal)
{
    list_for_each(n, &target->paths) {
        struct dir_path *path = container_of(n, struct dir_path, in_target);

        if (guid_equal(&path->portal->id, portal))
            return path;
    }
    return NULL;
}

bool target_dir_path_is_open(const struct dir_path *path)
{
    return path->state == PATH_LISTED && path->portal->open;
}

struct dir_path *target_dir_twin(const struct dir_path *path)
{
    list_for_each(n, &path->target->paths) {
        struct dir_path *other = container_of(n, struct dir_path, in_target);

        if (other != path && other->tag == path->tag && target_dir_path_is_open(other))
            return other;
    }
    return NULL;
}

/* ---- portals --------------------------------------------------------------------------------------- */

static struct dir_portal *portal_find_or_add(struct target_directory *dir, const struct guid *id)
{
    struct dir_portal *portal = target_dir_portal(dir, id);

    if (portal || !(portal = calloc(1, sizeof *portal)))
        return portal;
    portal->id = *id;
    list_init(&portal->paths);
    target_hash_add(&dir->portals, &portal->by_id, guid_hash(id));
    return portal;
}

static void portal_drop_unused(struct target_directory *dir, struct dir_portal *portal)
{
    if (portal->open || !list_empty(&portal->paths))
        return;
    target_hash_remove(&dir->portals, &portal->by_id);
    free(portal);
}

int target_dir_portal_open(struct target_directory *dir, const struct guid *id,
                           const struct sockaddr_storage *addr, struct target_listener *listener)
{
    struct dir_portal *portal = portal_find_or_add(dir, id);

    if (!portal)
        return -ENOMEM;
    if (portal->open)
        return -EEXIST;
    portal->open = true;
    portal->listener = listener;
    portal->addr = *addr;
    target_address_format(addr, portal->address);
    return 0;
}

int target_dir_portal_close(struct target_directory *dir, const struct guid *id,
                            struct target_listener **ret_listener)
{
    struct dir_portal *portal = target_dir_portal(dir, id);

    if (!portal || !portal->open)
        return -ENOENT;
    portal->open = false;
    *ret_listener = TAKE_PTR(portal->listener);
    portal_drop_unused(dir, portal);
    return 0;
}

/* ---- targets --------------------------------------------------------------------------------------- */

int target_dir_target_add(struct target_directory *dir, const struct guid *id, const char *name,
                          const char *alias)
{
    struct dir_target *target;

    if (name[0] == '\0' || strlen(name) > ISCSI_NAME_MAX)
        return -EINVAL;
    if (target_dir_target(dir, id) || target_dir_target_by_name(dir, name))
        return -EEXIST;
    target = calloc(1, sizeof *target);
    if (!target)
        return -ENOMEM;
    target->alias = strdup(alias ? alias : "");
    if (!target->alias) {
        free(target);
        return -ENOMEM;
    }
    target->id = *id;
    snprintf(target->name, sizeof target->name, "%s", name);
    list_init(&target->paths);
    list_init(&target->luns);
    target_auth_init(&target->auth);
    list_append(&dir->targets, &target->link);
    target_hash_add(&dir->targets_by_id, &target->by_id, guid_hash(id));
    target_hash_add(&dir->targets_by_name, &target->by_name, target_hash_name(name));
    return 0;
}

void target_dir_target_hide(struct target_directory *dir, struct dir_target *target)
{
    target_hash_remove(&dir->targets_by_id, &target->by_id);
    target_hash_remove(&dir->targets_by_name, &target->by_name);
    list_remove(&target->link);
}

void target_dir_target_free(struct target_directory *dir, struct dir_target *target)
{
    list_for_each_safe(n, &target->paths)
        target_dir_path_free(dir, container_of(n, struct dir_path, in_target));
    target_auth_fini(&target->auth);
    free(target->alias);
    free(target);
}

/* ---- pairs ----------------------------------------------------------------------------------------- */

int target_dir_path_add(struct target_directory *dir, const struct guid *target_id,
                        const struct guid *portal_id, uint16_t tag)
{
    struct dir_target *target = target_dir_target(dir, target_id);
    struct dir_portal *portal;
    struct dir_path *path;

    if (!target)
        return -ENOENT;
    if (target_dir_path(target, portal_id))
        return -EEXIST;
    path = calloc(1, sizeof *path);
    portal = path ? portal_find_or_add(dir, portal_id) : NULL;
    if (!portal) {
        free(path);
        return -ENOMEM;
    }
    *path = (struct dir_path){ .target = target, .portal = portal, .tag = tag, .state = PATH_LISTED };
    list_append(&target->paths, &path->in_target);
    list_append(&portal->paths, &path->in_portal);
    list_init(&path->in_drain);
    return 0;
}

void target_dir_path_free(struct target_directory *dir, struct dir_path *path)
{
    list_remove(&path->in_target);
    list_remove(&path->in_portal);
    list_remove(&path->in_drain);
    portal_drop_unused(dir, path->portal);
    free(path);
}

void target_dir_pin(struct dir_path *path)
{
    atomic_fetch_add(&path->n_conns, 1);
    atomic_fetch_add(&path->target->n_conns, 1);
}

/* The target may be freed by a waiter as soon as its count is down: nothing of it is touched afterwards. */
void target_dir_unpin(struct target_directory *dir, struct dir_path *path)
{
    struct dir_target *target = path->target;

    atomic_fetch_sub(&path->n_conns, 1);
    atomic_fetch_sub(&target->n_conns, 1);
    target_idle_signal(&dir->idle);
}
