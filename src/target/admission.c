/* SPDX-License-Identifier: MIT */
/* What the protocol asks about targets: who may log in where, and what SendTargets shows. Both read the same
 * table. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "target/conn.h"
#include "target/drain.h"

/* A pair that takes no logins now, but another portal of the same group does: RFC 7143 §11.13.5, 0x0101,
 * "moved temporarily". */
static void redirect_or_refuse(const struct dir_path *path, const char *initiator,
                               struct iscsi_admission *ret)
{
    const struct dir_path *twin = target_dir_twin(path);

    ret->verdict = twin ? ISCSI_REDIRECT : ISCSI_REFUSE;
    ret->status = twin ? ISCSI_LOGIN_MOVED_TEMPORARILY : ISCSI_LOGIN_SERVICE_UNAVAILABLE;
    if (!twin)
        return;
    snprintf(ret->address, sizeof ret->address, "%s", twin->portal->address);
    if (path->drain)
        target_drain_followed(path->drain, initiator);
}

/* Who comes in by another portal need not be sent there. */
static void followed_by_itself(const struct dir_target *target, const char *initiator)
{
    list_for_each(node, &target->paths) {
        const struct dir_path *path = container_of(node, struct dir_path, in_target);

        if (path->drain)
            target_drain_followed(path->drain, initiator);
    }
}

/* "Not found" (0x0203) says "the requested ITN does not exist at this address": true both for a name that
 * nobody has and for a portal that is in no group of the target. */
static void judge(const struct target_directory *dir, struct target_conn *conn, const char *initiator,
                  const char *name, struct iscsi_admission *ret)
{
    struct dir_target *target = target_dir_target_by_name(dir, name);
    struct dir_path *path = target ? target_dir_path(target, &conn->portal) : NULL;

    *ret = (struct iscsi_admission){ .verdict = ISCSI_REFUSE, .status = ISCSI_LOGIN_NOT_FOUND };
    if (!path)
        return;
    if (!target_dir_path_is_open(path)) {
        redirect_or_refuse(path, initiator, ret);
        return;
    }
    followed_by_itself(target, initiator);
    target_dir_pin(path);
    conn->path = path;
    ret->verdict = ISCSI_ADMIT;
    ret->tag = path->tag;
    ret->pin = conn;
    snprintf(ret->alias, sizeof ret->alias, "%s", target->alias);
    target_auth_find(&target->auth, initiator, target->name, &ret->auth);
}

static void admit(void *dir_arg, struct iscsi_conn *iscsi, const char *initiator, const char *target,
                  struct iscsi_admission *ret)
{
    struct target_conn *conn = dir_arg;
    struct target_directory *dir = &conn->reactor->engine->dir;

    (void)iscsi;
    target_dir_read(dir);
    judge(dir, conn, initiator, target, ret);
    target_dir_unlock(dir);
    if (ret->verdict == ISCSI_ADMIT)
        return;
    log_debug("login of %s to %s through %s: %s", initiator, target, conn->local_address,
              ret->verdict == ISCSI_REDIRECT ? ret->address : "refused");
}

void target_release_pin(struct engine *engine, struct dir_path *path, const char *follower)
{
    target_dir_read(&engine->dir);
    if (path->drain)
        target_drain_left(path->drain, target_dir_twin(path) ? follower : NULL);
    target_dir_unpin(&engine->dir, path);
    target_dir_unlock(&engine->dir);
}

static void release(void *dir_arg, struct iscsi_conn *iscsi, void *pin)
{
    struct target_conn *conn = dir_arg;
    struct dir_path *path = TAKE_PTR(conn->path);

    (void)iscsi;
    (void)pin;
    if (path && !target_session_end(conn))
        target_release_pin(conn->reactor->engine, path, NULL);
}

static bool session_exists(void *dir_arg, struct iscsi_conn *iscsi, const char *target, uint16_t tsih)
{
    struct target_conn *conn = dir_arg;

    (void)iscsi;
    return target_session_exists(&conn->reactor->engine->registry, target, tsih);
}

static int session_open(void *dir_arg, struct iscsi_conn *iscsi, void *pin, struct scsi_view **ret_view,
                        uint16_t *ret_tsih)
{
    (void)iscsi;
    (void)pin;
    return target_session_open(dir_arg, ret_view, ret_tsih);
}

/* A target without an open portal is left out altogether: named without an address it would be understood as
 * reachable at the address of this very connection (RFC 7143 Appendix C: TargetAddress may be omitted when it
 * is that of the discovery session). */
static int list_target(const struct dir_target *target,
                       int (*record)(void *, const char *, const char *, uint16_t), void *arg)
{
    list_for_each(node, &target->paths) {
        const struct dir_path *path = container_of(node, struct dir_path, in_target);
        int r;

        if (!target_dir_path_is_open(path))
            continue;
        r = record(arg, target->name, path->portal->address, path->tag);
        if (r != 0)
            return r;
    }
    return 0;
}

static void list(void *dir_arg, struct iscsi_conn *iscsi, const char *initiator, const char *name,
                 int (*record)(void *arg, const char *target, const char *address, uint16_t tag), void *arg)
{
    struct target_conn *conn = dir_arg;
    struct target_directory *dir = &conn->reactor->engine->dir;

    (void)iscsi;
    (void)initiator;
    target_dir_read(dir);
    if (name) {
        const struct dir_target *target = target_dir_target_by_name(dir, name);

        if (target)
            list_target(target, record, arg);
    } else {
        list_for_each(node, &dir->targets) {
            if (list_target(container_of(node, struct dir_target, link), record, arg) != 0)
                break;
        }
    }
    target_dir_unlock(dir);
}

struct cold_reset {
    struct loop_message message;
    struct target_reactor *reactor;
    struct guid target;
    uint64_t by; /* who asked ends by itself */
};

static void cold_reset_run(struct loop_message *message)
{
    struct cold_reset *reset = container_of(message, struct cold_reset, message);

    list_for_each_safe(node, &reset->reactor->conns) {
        struct target_conn *conn = container_of(node, struct target_conn, link);

        if (conn->id != reset->by && conn->path && guid_equal(&conn->path->target->id, &reset->target))
            target_conn_drop(conn);
    }
    free(reset);
}

/* Out of memory: the sessions of that reactor are not reached. Their tasks have been ended anyway. */
static void cold_reset(void *dir_arg, struct iscsi_conn *iscsi)
{
    const struct target_conn *conn = dir_arg;
    struct engine *engine = conn->reactor->engine;

    (void)iscsi;
    for (unsigned i = 0; conn->path && i < engine->n_reactors; i++) {
        struct cold_reset *reset = malloc(sizeof *reset);

        if (!reset)
            continue;
        *reset = (struct cold_reset){
            { .run = cold_reset_run }, &engine->reactors[i], conn->path->target->id, conn->id
        };
        loop_post(reset->reactor->loop, &reset->message);
    }
}

static void discovery_auth(void *dir_arg, const char *initiator, struct iscsi_auth *ret_auth)
{
    struct target_conn *conn = dir_arg;
    struct target_directory *dir = &conn->reactor->engine->dir;

    target_dir_read(dir);
    target_auth_find(&dir->discovery_auth, initiator, "discovery", ret_auth);
    target_dir_unlock(dir);
}

const struct iscsi_directory target_admission = {
    .admit = admit,
    .release = release,
    .session_exists = session_exists,
    .session_open = session_open,
    .list = list,
    .cold_reset = cold_reset,
    .discovery_auth = discovery_auth,
};
