/* SPDX-License-Identifier: MIT */
#include "fake_engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

struct fake fake;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct list_node drains = LIST_INIT(drains);
static char addresses[32][64];
static size_t n_addresses;

enum thing_kind { THING_PORTAL, THING_TARGET, THING_PATH, THING_UNIT, THING_MAP, THING_SECRET };

/* Everything that is served is one of these: two ids, a number and a text. */
struct thing {
    struct list_node link;
    enum thing_kind kind;
    struct guid a, b;
    unsigned number, n_conns;
    bool out; /* a path: taken out of login and discovery */
    char *text;
    struct scsi_lu *lu;
};

struct engine {
    struct list_node things;
    void (*event)(void *arg, const struct engine_event *event);
    void *event_arg;
};

struct engine_drain {
    struct list_node link;
    struct engine *engine;
    struct guid target, portals[8]; /* null, none: any */
    size_t n_portals;
    unsigned n_start, n_left;
    bool awaited, finished, cancelled;
};

/* ---- things ---------------------------------------------------------------------------------- */

static const struct guid none;

static struct thing *find(struct engine *engine, enum thing_kind kind, const struct guid *a,
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

/* Every changing call begins here: S with the lock held, or the failure that was ordered. */
static int enter(const char *name)
{
    pthread_mutex_lock(&lock);
    if (++fake.n_calls != fake.fail_at && !(fake.fail_on && fake.n_calls > fake.fail_at))
        return 0;
    fake.failed = name;
    pthread_mutex_unlock(&lock);
    return fake.fail_error ? fake.fail_error : -EIO;
}

static int leave(int r)
{
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return r;
}

#define ENTER()                   \
    do {                          \
        int r_ = enter(__func__); \
        if (r_ < 0)               \
            return r_;            \
    } while (0)

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

    pthread_mutex_lock(&lock);
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
    pthread_mutex_unlock(&lock);
    *ret_addresses = list;
    return 0;
}

int engine_portal_open(struct engine *engine, const struct guid *portal, const struct sockaddr_storage *addr)
{
    unsigned port = ntohs(addr->ss_family == AF_INET ? ((const struct sockaddr_in *)addr)->sin_port
                                                     : ((const struct sockaddr_in6 *)addr)->sin6_port);

    ENTER();
    if (find(engine, THING_PORTAL, portal, NULL))
        return leave(-EEXIST);
    if ((int)port == fake.taken_port)
        return leave(-EADDRINUSE);
    add(engine, THING_PORTAL, portal, NULL, port, "");
    return leave(0);
}

int engine_portal_close(struct engine *engine, const struct guid *portal)
{
    struct thing *t;

    ENTER();
    t = find(engine, THING_PORTAL, portal, NULL);
    if (t)
        drop(t);
    return leave(t ? 0 : -ENOENT);
}

int engine_target_create(struct engine *engine, const struct guid *target, const char *iscsi_name,
                         const char *alias)
{
    (void)alias;
    ENTER();
    list_for_each(n, &engine->things) {
        struct thing *t = container_of(n, struct thing, link);

        if (t->kind == THING_TARGET && (guid_equal(&t->a, target) || strcmp(t->text, iscsi_name) == 0))
            return leave(-EEXIST);
    }
    add(engine, THING_TARGET, target, NULL, 0, iscsi_name);
    return leave(0);
}

int engine_target_destroy(struct engine *engine, const struct guid *target)
{
    struct thing *t;

    ENTER();
    t = find(engine, THING_TARGET, target, NULL);
    if (!t)
        return leave(-ENOENT);
    list_for_each_safe(n, &engine->things) {
        struct thing *other = container_of(n, struct thing, link);

        if (other->kind != THING_PORTAL && other->kind != THING_UNIT && guid_equal(&other->a, target))
            drop(other);
    }
    return leave(0);
}

int engine_target_set_alias(struct engine *engine, const struct guid *target, const char *alias)
{
    (void)alias;
    ENTER();
    return leave(find(engine, THING_TARGET, target, NULL) ? 0 : -ENOENT);
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
    return leave(0);
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
    if (!find(engine, THING_TARGET, target, NULL))
        return leave(-ENOENT);
    if (find(engine, THING_PATH, target, portal))
        return leave(-EEXIST);
    add(engine, THING_PATH, target, portal, tag, "");
    return leave(0);
}

int engine_path_remove(struct engine *engine, const struct guid *target, const struct guid *portal)
{
    struct thing *t;

    ENTER();
    t = find(engine, THING_PATH, target, portal);
    if (!t || t->n_conns > 0)
        return leave(t ? -EBUSY : -ENOENT);
    drop(t);
    return leave(0);
}

int engine_path_retag(struct engine *engine, const struct guid *target, const struct guid *portal, uint16_t tag)
{
    struct thing *t;

    ENTER();
    t = find(engine, THING_PATH, target, portal);
    if (!t || t->n_conns > 0)
        return leave(t ? -EBUSY : -ENOENT);
    t->number = tag;
    t->out = false;
    return leave(0);
}

/* ---- drains ---------------------------------------------------------------------------------- */

static bool is_of(const struct engine_drain *drain, const struct thing *t)
{
    if (t->kind != THING_PATH || (!guid_is_null(&drain->target) && !guid_equal(&t->a, &drain->target)))
        return false;
    for (size_t i = 0; i < drain->n_portals; i++)
        if (guid_equal(&t->b, &drain->portals[i]))
            return true;
    return drain->n_portals == 0;
}

static unsigned paths_mark(struct engine_drain *drain, bool out, int n_conns)
{
    unsigned n = 0;

    list_for_each(node, &drain->engine->things) {
        struct thing *t = container_of(node, struct thing, link);

        if (!is_of(drain, t))
            continue;
        t->out = out;
        n += t->n_conns;
        if (n_conns >= 0)
            t->n_conns = (unsigned)n_conns;
    }
    return n;
}

static void finish(struct engine_drain *drain)
{
    drain->n_left = 0;
    drain->finished = true;
    paths_mark(drain, true, 0);
}

int engine_drain_start(struct engine *engine, const struct guid *target, const struct guid *portals,
                       size_t n_portals, uint32_t limit_ms, struct engine_drain **ret_drain)
{
    struct engine_drain *drain;

    ENTER();
    if (target && !find(engine, THING_TARGET, target, NULL))
        return leave(-ENOENT);
    for (size_t i = 0; i < n_portals; i++)
        if (target && !find(engine, THING_PATH, target, &portals[i]))
            return leave(-ENOENT);
    drain = calloc(1, sizeof *drain);
    drain->engine = engine;
    drain->target = target ? *target : none;
    for (size_t i = 0; i < n_portals; i++)
        drain->portals[drain->n_portals++] = portals[i];
    drain->n_start = drain->n_left = paths_mark(drain, true, -1);
    list_append(&drains, &drain->link);
    if (drain->n_start == 0 || limit_ms == 0 || !fake.hold_drains)
        finish(drain);
    *ret_drain = drain;
    return leave(0);
}

int engine_drain_wait(struct engine_drain *drain, int timeout_ms)
{
    int r;

    (void)timeout_ms;
    pthread_mutex_lock(&lock);
    drain->awaited = true;
    pthread_cond_broadcast(&changed);
    while (!drain->finished && !drain->cancelled)
        pthread_cond_wait(&changed, &lock);
    r = drain->cancelled ? -ECANCELED : 0;
    pthread_mutex_unlock(&lock);
    return r;
}

void engine_drain_status(struct engine_drain *drain, struct engine_drain_status *ret_status)
{
    pthread_mutex_lock(&lock);
    *ret_status =
        (struct engine_drain_status){ drain->n_start, drain->n_left, drain->finished, drain->cancelled };
    pthread_mutex_unlock(&lock);
}

void engine_drain_cancel(struct engine_drain *drain)
{
    pthread_mutex_lock(&lock);
    drain->cancelled = true;
    paths_mark(drain, false, -1);
    leave(0);
}

void engine_drain_free(struct engine_drain *drain)
{
    if (!drain)
        return;
    pthread_mutex_lock(&lock);
    list_remove(&drain->link);
    free(drain);
    leave(0);
}

int engine_discovery_set_secret(struct engine *engine, const char *initiator, const struct iscsi_secret *secret)
{
    static const struct guid nobody;

    ENTER();
    return set_secret(engine, &nobody, 0, initiator, secret);
}

int engine_discovery_set_mutual(struct engine *engine, const char *initiator, const struct iscsi_secret *secret)
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
    return leave(find(engine, THING_UNIT, id, NULL) ? 0 : -ENOENT);
}

int engine_lu_add(struct engine *engine, const struct guid *id, struct scsi_lu *lu)
{
    ENTER();
    if (find(engine, THING_UNIT, id, NULL))
        return leave(-EEXIST);
    add(engine, THING_UNIT, id, NULL, 0, "")->lu = scsi_lu_ref(lu);
    return leave(0);
}

bool fake_lu_online(const struct scsi_lu *lu);

bool fake_unit_online(struct engine *engine, const struct guid *lun)
{
    struct thing *t;
    bool online;

    pthread_mutex_lock(&lock);
    t = find(engine, THING_UNIT, lun, NULL);
    online = t && fake_lu_online(t->lu);
    pthread_mutex_unlock(&lock);
    return online;
}

int engine_lu_remove(struct engine *engine, const struct guid *id)
{
    struct thing *t;

    ENTER();
    list_for_each(n, &engine->things) {
        struct thing *map = container_of(n, struct thing, link);

        if (map->kind == THING_MAP && guid_equal(&map->b, id))
            return leave(-EBUSY);
    }
    t = find(engine, THING_UNIT, id, NULL);
    if (t)
        drop(t);
    return leave(t ? 0 : -ENOENT);
}

int engine_lu_set_mask(struct engine *engine, const struct guid *id, bool all, const char *const *initiators,
                       size_t n)
{
    struct thing *t;
    char *text = NULL;
    size_t len;
    FILE *out;

    ENTER();
    t = find(engine, THING_UNIT, id, NULL);
    if (!t)
        return leave(-ENOENT);
    out = open_memstream(&text, &len);
    fprintf(out, "%s", all ? "*" : "");
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s;", initiators[i]);
    fclose(out);
    free(t->text);
    t->text = text;
    return leave(0);
}

int engine_lun_map(struct engine *engine, const struct guid *target, uint16_t lun, const struct guid *lu)
{
    ENTER();
    if (!find(engine, THING_TARGET, target, NULL) || !find(engine, THING_UNIT, lu, NULL))
        return leave(-ENOENT);
    list_for_each(n, &engine->things) {
        struct thing *t = container_of(n, struct thing, link);

        if (t->kind == THING_MAP && guid_equal(&t->a, target) && (t->number == lun || guid_equal(&t->b, lu)))
            return leave(-EEXIST);
    }
    add(engine, THING_MAP, target, lu, lun, "");
    return leave(0);
}

int engine_lun_unmap(struct engine *engine, const struct guid *target, const struct guid *lu)
{
    struct thing *t;

    ENTER();
    t = find(engine, THING_MAP, target, lu);
    if (t)
        drop(t);
    return leave(t ? 0 : -ENOENT);
}

/* ---- for tests ------------------------------------------------------------------------------- */

void fake_addresses(const char *const *list, size_t n)
{
    pthread_mutex_lock(&lock);
    n_addresses = n;
    for (size_t i = 0; i < n; i++)
        snprintf(addresses[i], sizeof addresses[i], "%s", list[i]);
    pthread_mutex_unlock(&lock);
}

void fake_reset(void)
{
    static const char *const usual[] = { "127.0.0.1", "::1" };

    fake.n_calls = fake.fail_at = fake.fail_error = fake.taken_port = fake.create_error = 0;
    fake.hold_drains = fake.hold_creates = fake.fail_on = false;
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

    pthread_mutex_lock(&lock);
    t = find(engine, THING_PATH, target, portal);
    if (t)
        t->n_conns = n;
    pthread_mutex_unlock(&lock);
}

static unsigned n_running(void)
{
    unsigned n_drains = 0;

    list_for_each(n, &drains) {
        struct engine_drain *drain = container_of(n, struct engine_drain, link);
        n_drains += drain->awaited && !drain->finished && !drain->cancelled;
    }
    return n_drains;
}

unsigned fake_drains(void)
{
    pthread_mutex_lock(&lock);
    unsigned n = n_running();
    pthread_mutex_unlock(&lock);
    return n;
}

void fake_drains_wait(unsigned n)
{
    pthread_mutex_lock(&lock);
    while (n_running() < n)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

void fake_drains_step(unsigned n_leave)
{
    pthread_mutex_lock(&lock);
    list_for_each(n, &drains) {
        struct engine_drain *drain = container_of(n, struct engine_drain, link);

        if (drain->cancelled || drain->finished)
            continue;
        drain->n_left -= n_leave < drain->n_left ? n_leave : drain->n_left;
        if (drain->n_left == 0)
            finish(drain);
    }
    leave(0);
}

void fake_drains_finish(void)
{
    fake_drains_step(UINT32_MAX);
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

    pthread_mutex_lock(&lock);
    list_for_each(node, &engine->things) {
        struct thing *t = container_of(node, struct thing, link);

        guid_format(&t->a, a);
        guid_format(&t->b, b);
        if (n < 4096 && asprintf(&lines[n], "engine %s %s %s %u%s %s\n", kinds[t->kind], a, b, t->number,
                                 t->out ? " out" : "", t->text) > 0)
            n++;
    }
    pthread_mutex_unlock(&lock);
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
    pthread_mutex_lock(&lock);
    bool listens = find(engine, THING_PORTAL, portal, NULL) != NULL;
    pthread_mutex_unlock(&lock);
    return listens;
}

unsigned fake_tag(struct engine *engine, const struct guid *target, const struct guid *portal)
{
    struct thing *t;
    unsigned tag;

    pthread_mutex_lock(&lock);
    t = find(engine, THING_PATH, target, portal);
    tag = t && !t->out ? t->number : 0;
    pthread_mutex_unlock(&lock);
    return tag;
}
