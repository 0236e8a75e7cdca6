/* SPDX-License-Identifier: MIT */
/* The part of engine.h about targets, their secrets and the pairs (target, portal). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "target/conn.h"
#include "target/drain.h"

int engine_target_create(struct engine *engine, const struct guid *id, const char *iscsi_name,
                         const char *alias)
{
    int r;

    target_dir_write(&engine->dir);
    r = target_dir_target_add(&engine->dir, id, iscsi_name, alias);
    target_dir_unlock(&engine->dir);
    return r;
}

int engine_target_set_alias(struct engine *engine, const struct guid *id, const char *alias)
{
    _cleanup_(freep) char *copy = strdup(alias ? alias : "");
    struct dir_target *target;

    if (!copy)
        return -ENOMEM;
    target_dir_write(&engine->dir);
    target = target_dir_target(&engine->dir, id);
    if (target) {
        char *old = target->alias;

        target->alias = copy;
        copy = old; /* freed on the way out */
    }
    target_dir_unlock(&engine->dir);
    return target ? 0 : -ENOENT;
}

/* ---- the end of a target --------------------------------------------------------------------------- */

static void drop_of_target(struct target_reactor *reactor, void *arg)
{
    list_for_each_safe(node, &reactor->conns) {
        struct target_conn *conn = container_of(node, struct target_conn, link);

        if (conn->path && conn->path->target == arg)
            target_conn_drop(conn);
    }
}

static bool target_is_idle(const void *arg)
{
    const struct dir_target *target = arg;

    return atomic_load(&target->n_conns) == 0;
}

static void forget_drains(struct dir_target *target)
{
    list_for_each(node, &target->paths)
        target_drain_forget(container_of(node, struct dir_path, in_target));
}

static void end_target(struct engine *engine, struct dir_target *target)
{
    struct target_directory *dir = &engine->dir;

    target_each_reactor(engine, drop_of_target, target);
    target_idle_wait(&dir->idle, target_is_idle, target);
    target_dir_write(dir);
    forget_drains(target); /* one of the portal may have begun since */
    target_luns_free(target);
    target_dir_target_free(dir, target);
    target_dir_unlock(dir);
}

int engine_target_destroy(struct engine *engine, const struct guid *id)
{
    struct dir_target *target;

    target_dir_write(&engine->dir);
    target = target_dir_target(&engine->dir, id);
    if (target) {
        target_dir_target_hide(&engine->dir, target);
        forget_drains(target);
    }
    target_dir_unlock(&engine->dir);
    if (!target)
        return -ENOENT;
    end_target(engine, target);
    return 0;
}

/* ---- secrets --------------------------------------------------------------------------------------- */

static int set_secret(struct engine *engine, const struct guid *id, const char *initiator,
                      const struct iscsi_secret *secret, bool mutual)
{
    struct dir_target *target;
    int r;

    target_dir_write(&engine->dir);
    target = id ? target_dir_target(&engine->dir, id) : NULL;
    if (id && !target)
        r = -ENOENT;
    else
        r = target_auth_set(target ? &target->auth : &engine->dir.discovery_auth, initiator, secret, mutual);
    target_dir_unlock(&engine->dir);
    return r;
}

int engine_target_set_secret(struct engine *engine, const struct guid *target, const char *initiator,
                             const struct iscsi_secret *secret)
{
    return target ? set_secret(engine, target, initiator, secret, /* mutual= */ false) : -EINVAL;
}

int engine_target_set_mutual(struct engine *engine, const struct guid *target, const char *initiator,
                             const struct iscsi_secret *secret)
{
    return target ? set_secret(engine, target, initiator, secret, /* mutual= */ true) : -EINVAL;
}

int engine_discovery_set_secret(struct engine *engine, const char *initiator,
                                const struct iscsi_secret *secret)
{
    return set_secret(engine, NULL, initiator, secret, /* mutual= */ false);
}

int engine_discovery_set_mutual(struct engine *engine, const char *initiator,
                                const struct iscsi_secret *secret)
{
    return set_secret(engine, NULL, initiator, secret, /* mutual= */ true);
}

/* ---- pairs ----------------------------------------------------------------------------------------- */

int engine_path_add(struct engine *engine, const struct guid *target, const struct guid *portal, uint16_t tag)
{
    int r;

    if (tag == 0)
        return -EINVAL;
    target_dir_write(&engine->dir);
    r = target_dir_path_add(&engine->dir, target, portal, tag);
    target_dir_unlock(&engine->dir);
    return r;
}

/* Under the lock. */
static int path_find_unused(struct target_directory *dir, const struct guid *target_id,
                            const struct guid *portal_id, struct dir_path **ret_path)
{
    struct dir_target *target = target_dir_target(dir, target_id);
    struct dir_path *path = target ? target_dir_path(target, portal_id) : NULL;

    if (!path)
        return -ENOENT;
    if (atomic_load(&path->n_conns) > 0)
        return -EBUSY;
    *ret_path = path;
    return 0;
}

int engine_path_remove(struct engine *engine, const struct guid *target, const struct guid *portal)
{
    struct dir_path *path;
    int r;

    target_dir_write(&engine->dir);
    r = path_find_unused(&engine->dir, target, portal, &path);
    if (r == 0) {
        target_drain_forget(path);
        target_dir_path_free(&engine->dir, path);
    }
    target_dir_unlock(&engine->dir);
    return r;
}

int engine_path_retag(struct engine *engine, const struct guid *target, const struct guid *portal,
                      uint16_t tag)
{
    struct dir_path *path;
    int r;

    if (tag == 0)
        return -EINVAL;
    target_dir_write(&engine->dir);
    r = path_find_unused(&engine->dir, target, portal, &path);
    if (r == 0) {
        target_drain_forget(path);
        path->tag = tag;
        path->state = PATH_LISTED;
    }
    target_dir_unlock(&engine->dir);
    return r;
}
