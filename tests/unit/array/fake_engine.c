/* SPDX-License-Identifier: MIT */
#include "fake_engine_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake fake;

pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t fake_changed = PTHREAD_COND_INITIALIZER;
static char addresses[32][64];
static size_t n_addresses;

static const struct guid none;

/* ---- things ---------------------------------------------------------------------------------- */

struct thing *fake_find(struct engine *engine, enum thing_kind kind, const struct guid *a,
                          const struct guid *b)
{
    list_for_each(n, &engine->things) {
        struct thing *t = container_of(n, struct thing, link);

        if (t->kind == kind && guid_equal(&t->a, a) && (!b || guid_equal(&t->b, b)))
            return t;
    }
    return NULL;
}

static struct thing *add(struct engine *engine, enum thing_kind kind, const struct guid *a,
                         const struct guid *b, unsigned number, const char *text)
{
    struct thing *t = calloc(1, sizeof *t);

    *t = (struct thing){ .kind = kind, .a = *a, .b = b ? *b : none, .number = number, .text = strdup(text) };
    list_append(&engine->things, &t->link);
    return t;
}

static void drop(struct thing *t)
{
    list_remove(&t->link);
    if (t->lu)
        scsi_lu_unref(t->lu);
    free(t->text);
    free(t);
}

int fake_enter(const char *name)
{
    pthread_mutex_lock(&fake_lock);
    if (++fake.n_calls != fake.fail_at && !(fake.fail_on && fake.n_calls > fake.fail_at))
        return 0;
    fake.failed = name;
    pthread_mutex_unlock(&fake_lock);
    return fake.fail_error ? fake.fail_error : -EIO;
}

int fake_leave(int r)
{
    pthread_cond_broadcast(&fake_changed);
    pthread_mutex_unlock(&fake_lock);
    return r;
}

/* ---- the engine ------------------------------------------------------------------------------ */

int engine_create(const struct engine_options *options, struct engine **ret_engine)
{
    struct engine *engine = calloc(1, sizeof *engine);

    list_init(&engine->things);
    engine->event = options->event;
    engine->event_arg = options->event_arg;
    *ret_engine = engine;
    return 0;
}

void engine_destroy(struct engine *engine)
{
    if (!engine)
        return;
    list_for_each_safe(n, &engine->things)
        drop(container_of(n, struct thing, link));
    free(engine);
}

int engine_host_addresses(struct engine_address **ret_addresses, size_t *ret_n)
{
    struct engine_address *list;

    pthread_mutex_lock(&fake_lock);
    list = calloc(n_addresses + 1, sizeof *list);
    for (size_t i = 0; i < n_addresses; i++) {
        struct sockaddr_in *v4 = (void *)&list[i].addr;
        struct sockaddr_in6 *v6 = (void *)&list[i].addr;

        list[i].addr.ss_family = strchr(addresses[i], ':') ? AF_INET6 : AF_INET;
        if (list[i].addr.ss_family == AF_INET)
            inet_pton(AF_INET, addresses[i], &v4->sin_addr);
        else
            inet_pton(AF_INET6, addresses[i], &v6->sin6_addr);
    }
    *ret_n = n_addresses;
    pthread_mutex_unlock(&fake_lock);
    *ret_addresses = list;
    return 0;
}

int engine_portal_open(struct engine *engine, const struct guid *portal, const struct sockaddr_storage *addr)
{
    unsigned port = ntohs(addr->ss_family == AF_INET ? ((const struct sockaddr_in *)addr)->sin_port
                                                     : ((const struct sockaddr_in6 *)addr)->sin6_port);

    ENTER();
    if (fake_find(engine, THING_PORTAL, portal, NULL))
        return fake_leave(-EEXIST);
    if ((int)port == fake.taken_port)
        return fake_leave(-EADDRINUSE);
    add(engine, THING_PORTAL, portal, NULL, port, "");
    return fake_leave(0);
}

int engine_portal_close(struct engine *engine, const struct guid *portal)
{
    struct thing *t;

    ENTER();
    t = fake_find(engine, THING_PORTAL, portal, NULL);
    if (t)
        drop(t);
    return fake_leave(t ? 0 : -ENOENT);
}

int engine_target_create(struct engine *engine, const struct guid *target, const char *iscsi_name,
                         const char *alias)
{
    (void)alias;
    ENTER();
    list_for_each(n, &engine->things) {
        struct thing *t = container_of(n, struct thing, link);

        if (t->kind == THING_TARGET && (guid_equal(&t->a, target) || strcmp(t->text, iscsi_name) == 0))
            return fake_leave(-EEXIST);
    }
    add(engine, THING_TARGET, target, NULL, 0, iscsi_name);
    return fake_leave(0);
}

int engine_target_destroy(struct engine *engine, const struct guid *target)
{
    struct thing *t;

    ENTER();
    t = fake_find(engine, THING_TARGET, target, NULL);
    if (!t)
        return fake_leave(-ENOENT);
    list_for_each_safe(n, &engine->things) {
        struct thing *other = container_of(n, struct thing, link);

        if (other->kind != THING_PORTAL && other->kind != THING_UNIT && guid_equal(&other->a, target))
            drop(other);
    }
    return fake_leave(0);
}

int engine_target_set_alias(struct engine *engine, const struct guid *target, const char *alias)
{
    (void)alias;
    ENTER();
    return fake_leave(fake_find(engine, THING_TARGET, target, NULL) ? 0 : -ENOENT);
}

static int set_secret(struct engine *engine, const struct guid *target, unsigned kind, const char *initiator,
                      const struct iscsi_secret *secret)
{
    list_for_each_safe(n, &engine->things) {
        struct thing *t = container_of(n, struct thing, link);

        if (t->kind == THING_SECRET && guid_equal(&t->a, target) && t->number == kind &&
            strcmp(t->text, initiator ? initiator : "") == 0)
            drop(t);
    }
    if (secret)
        add(engine, THING_SECRET, target, NULL, kind, initiator ? initiator : "");
    return fake_leave(0);
}

int engine_target_set_secret(struct engine *engine, const struct guid *target, const char *initiator,
                             const struct iscsi_secret *secret)
{
    ENTER();
    return set_secret(engine, target, 0, initiator, secret);
}

int engine_target_set_mutual(struct engine *engine, const struct guid *target, const char *initiator,
                             const struct iscsi_secret *secret)
{
    ENTER();
    return set_secret(engine, target, 1, initiator, secret);
}

int engine_path_add(struct engine *engine, const struct guid *target, const struct guid *portal, uint16_t tag)
{
    ENTER();
    if (!fake_find(engine, THING_TARGET, target, NULL))
        return fake_leave(-ENOENT);
    if (fake_find(engine, THING_PATH, target, portal))
        return fake_leave(-EEXIST);
    add(engine, THING_PATH, target, portal, tag, "");
    return fake_leave(0);
}

int engine_path_remove(struct engine *engine, const struct guid *target, const struct guid *portal)
{
    struct thing *t;

    ENTER();
    t = fake_find(engine, THING_PATH, target, portal);
    if (!t || t->n_conns > 0)
        return fake_leave(t ? -EBUSY : -ENOENT);
    drop(t);
    return fake_leave(0);
}

int engine_path_retag(struct engine *engine, const struct guid *target, const struct guid *portal,
                      uint16_t tag)
{
    struct thing *t;

    ENTER();
    t = fake_find(engine, THING_PATH, target, portal);
    if (!t || t->n_conns > 0)
        return fake_leave(t ? -EBUSY : -ENOENT);
    t->number = tag;
    t->out = false;
    return fake_leave(0);
}

int engine_discovery_set_secret(struct engine *engine, const char *initiator,
                                const struct iscsi_secret *secret)
{
    static const struct guid nobody;

    ENTER();
    return set_secret(engine, &nobody, 0, initiator, secret);
}

int engine_discovery_set_mutual(struct engine *engine, const char *initiator,
                                const struct iscsi_secret *secret)
{
    static const struct guid nobody;

    ENTER();
    return set_secret(engine, &nobody, 1, initiator, secret);
}

/* ---- units ----------------------------------------------------------------------------------- */

int engine_lu_settle(struct engine *engine, const struct guid *id, uint64_t end)
{
    (void)end;
    ENTER();
    return fake_leave(fake_find(engine, THING_UNIT, id, NULL) ? 0 : -ENOENT);
}

int engine_lu_add(struct engine *engine, const struct guid *id, struct scsi_lu *lu)
{
    ENTER();
    if (fake_find(engine, THING_UNIT, id, NULL))
        return fake_leave(-EEXIST);
    add(engine, THING_UNIT, id, NULL, 0, "")->lu = scsi_lu_ref(lu);
    return fake_leave(0);
}

bool fake_lu_online(const struct scsi_lu *lu);

bool fake_unit_online(struct engine *engine, const struct guid *lun)
{
    struct thing *t;
    bool online;

    pthread_mutex_lock(&fake_lock);
    t = fake_find(engine, THING_UNIT, lun, NULL);
    online = t && fake_lu_online(t->lu);
    pthread_mutex_unlock(&fake_lock);
    return online;
}

struct scsi_lu *fake_unit(struct engine *engine, const struct guid *lun)
{
    struct thing *t;

    pthread_mutex_lock(&fake_lock);
    t = fake_find(engine, THING_UNIT, lun, NULL);
    pthread_mutex_unlock(&fake_lock);
    return t ? t->lu : NULL;
}

int engine_lu_remove(struct engine *engine, const struct guid *id)
{
    struct thing *t;

    ENTER();
    list_for_each(n, &engine->things) {
        struct thing *map = container_of(n, struct thing, link);

        if (map->kind == THING_MAP && guid_equal(&map->b, id))
            return fake_leave(-EBUSY);
    }
    t = fake_find(engine, THING_UNIT, id, NULL);
    if (t)
        drop(t);
    return fake_leave(t ? 0 : -ENOENT);
}

int engine_lu_set_mask(struct engine *engine, const struct guid *id, bool all, const char *const *initiators,
                       size_t n)
{
    struct thing *t;
    char *text = NULL;
    size_t len;
    FILE *out;

    ENTER();
    t = fake_find(engine, THING_UNIT, id, NULL);
    if (!t)
        return fake_leave(-ENOENT);
    out = open_memstream(&text, &len);
    fprintf(out, "%s", all ? "*" : "");
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s;", initiators[i]);
    fclose(out);
    free(t->text);
    t->text = text;
    return fake_leave(0);
}

int engine_lun_map(struct engine *engine, const struct guid *target, uint16_t lun, const struct guid *lu)
{
    ENTER();
    if (!fake_find(engine, THING_TARGET, target, NULL) || !fake_find(engine, THING_UNIT, lu, NULL))
        return fake_leave(-ENOENT);
    list_for_each(n, &engine->things) {
        struct thing *t = container_of(n, struct thing, link);

        if (t->kind == THING_MAP && guid_equal(&t->a, target) && (t->number == lun || guid_equal(&t->b, lu)))
            return fake_leave(-EEXIST);
    }
    add(engine, THING_MAP, target, lu, lun, "");
    return fake_leave(0);
}

int engine_lun_unmap(struct engine *engine, const struct guid *target, const struct guid *lu)
{
    struct thing *t;

    ENTER();
    t = fake_find(engine, THING_MAP, target, lu);
    if (t)
        drop(t);
    return fake_leave(t ? 0 : -ENOENT);
}

/* ---- for tests ------------------------------------------------------------------------------- */

void fake_addresses(const char *const *list, size_t n)
{
    pthread_mutex_lock(&fake_lock);
    n_addresses = n;
    for (size_t i = 0; i < n; i++)
        snprintf(addresses[i], sizeof addresses[i], "%s", list[i]);
    pthread_mutex_unlock(&fake_lock);
}

void fake_reset(void)
{
    static const char *const usual[] = { "127.0.0.1", "::1" };

    fake.n_calls = fake.fail_at = fake.fail_error = fake.taken_port = fake.create_error = 0;
    fake.hold_drains = fake.hold_creates = fake.fail_on = fake.fail_cache = false;
    fake.n_flushes = 0;
    fake.flush_error = 0;
    fake.failed = NULL;
    fake_addresses(usual, 2);
}

void fake_event(struct engine *engine, enum engine_event_kind kind, const struct guid *object)
{
    struct engine_event event = { .kind = kind, .object = object ? *object : none };

    engine->event(engine->event_arg, &event);
}

void fake_connections(struct engine *engine, const struct guid *target, const struct guid *portal, unsigned n)
{
    struct thing *t;

    pthread_mutex_lock(&fake_lock);
    t = fake_find(engine, THING_PATH, target, portal);
    if (t)
        t->n_conns = n;
    pthread_mutex_unlock(&fake_lock);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *fake_dump(struct engine *engine)
{
    static const char *const kinds[] = { "portal", "target", "path", "unit", "map", "secret" };
    char *lines[4096], *text = NULL, a[GUID_TEXT_SIZE], b[GUID_TEXT_SIZE];
    size_t n = 0, len;
    FILE *out = open_memstream(&text, &len);

    pthread_mutex_lock(&fake_lock);
    list_for_each(node, &engine->things) {
        struct thing *t = container_of(node, struct thing, link);

        guid_format(&t->a, a);
        guid_format(&t->b, b);
        if (n < 4096 && asprintf(&lines[n], "engine %s %s %s %u%s %s\n", kinds[t->kind], a, b, t->number,
                                 t->out ? " out" : "", t->text) > 0)
            n++;
    }
    pthread_mutex_unlock(&fake_lock);
    qsort(lines, n, sizeof lines[0], by_text);
    for (size_t i = 0; i < n; i++) {
        fputs(lines[i], out);
        free(lines[i]);
    }
    fclose(out);
    return text;
}

bool fake_listens(struct engine *engine, const struct guid *portal)
{
    pthread_mutex_lock(&fake_lock);
    bool listens = fake_find(engine, THING_PORTAL, portal, NULL) != NULL;
    pthread_mutex_unlock(&fake_lock);
    return listens;
}

unsigned fake_tag(struct engine *engine, const struct guid *target, const struct guid *portal)
{
    struct thing *t;
    unsigned tag;

    pthread_mutex_lock(&fake_lock);
    t = fake_find(engine, THING_PATH, target, portal);
    tag = t && !t->out ? t->number : 0;
    pthread_mutex_unlock(&fake_lock);
    return tag;
}
