/* SPDX-License-Identifier: MIT */
#include "fake_array.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error_text.h"

#define MAX 64

enum kind { PORTAL, TARGET, GROUP, LUN, DRIVE, CONTROLLER, N_KINDS };

struct thing {
    struct guid id, parent; /* of a group: its target; of a LUN: its drive */
    uint16_t tag;
    uint32_t status;
    bool thick, no_address;
    uint32_t features, block_size, physical_block_size;
    uint64_t size;
    char name[64], iscsi_name[64], mask[256];
    struct guid members[MAX]; /* of a group: portals; of a LUN: targets */
    size_t n_members;
};

struct array {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct thing things[N_KINDS][MAX];
    size_t n[N_KINDS];
    struct guid id, provider_id, pool;
    char name[64], last_secret[128], import_target[224];
    uint32_t status;
    HRESULT fail;
    bool hold;
    int n_blocked, n_reenumerations, n_refreshes;
    struct array_op *running[MAX];
    size_t n_running;
    struct engine_session sessions[8];
    size_t n_sessions, n_more_ties;
    void (*notify)(void *arg, const struct array_notification *events, size_t n);
    void *notify_arg;
};

struct array_op {
    _Atomic unsigned refs;
    struct array *array;
    struct guid object;
    struct array_op_result result;
    void (*done)(void *arg);
    void *done_arg;
};

static pthread_mutex_t op_lock = PTHREAD_MUTEX_INITIALIZER; /* results; ops may outlive the array */
static pthread_cond_t op_ended = PTHREAD_COND_INITIALIZER;

/* test_memory.c fails allocations of the code under test; those of this stand-in are none of them. */
void alloc_faults_pause(bool pause) __attribute__((weak));

static void *take(size_t n, size_t size)
{
    void *p;

    if (alloc_faults_pause)
        alloc_faults_pause(true);
    p = calloc(n, size);
    if (alloc_faults_pause)
        alloc_faults_pause(false);
    return p;
}

/* ---- things -------------------------------------------------------------------------------------------- */

static struct thing *add(struct array *a, enum kind kind)
{
    struct thing *t = &a->things[kind][a->n[kind]++];

    memset(t, 0, sizeof *t);
    guid_generate(&t->id);
    t->status = 1;
    return t;
}

static struct thing *find(struct array *a, enum kind kind, const struct guid *id)
{
    for (size_t i = 0; i < a->n[kind]; i++) {
        if (guid_equal(&a->things[kind][i].id, id))
            return &a->things[kind][i];
    }
    return NULL;
}

static void drop(struct array *a, enum kind kind, struct thing *t)
{
    size_t i = (size_t)(t - a->things[kind]);

    memmove(t, t + 1, (--a->n[kind] - i) * sizeof *t);
}

static bool has(const struct thing *t, const struct guid *member)
{
    for (size_t i = 0; i < t->n_members; i++) {
        if (guid_equal(&t->members[i], member))
            return true;
    }
    return false;
}

static void emit(struct array *a, uint32_t event, uint32_t type, const struct guid *id)
{
    struct array_notification n = { event, type, *id };

    if (a->notify)
        a->notify(a->notify_arg, &n, 1);
}

#define LOCKED(a) __attribute__((unused)) _cleanup_(unlockp) struct array *locked = (pthread_mutex_lock(&(a)->lock), (a))
static void unlockp(struct array **a)
{
    pthread_mutex_unlock(&(*a)->lock);
}

#define CHECK(a) \
    do { \
        if (FAILED((a)->fail)) { \
            error_text_set("the test wants a failure"); \
            return (a)->fail; \
        } \
    } while (0)

struct array *fake_array_open(void (*notify)(void *arg, const struct array_notification *events, size_t n), void *notify_arg)
{
    struct array *a = calloc(1, sizeof *a);
    struct thing *t;

    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    a->notify = notify;
    a->notify_arg = notify_arg;
    guid_generate(&a->id);
    guid_generate(&a->provider_id);
    guid_generate(&a->pool);
    strcpy(a->name, "array");
    a->status = VDS_SSS_ONLINE;
    strcpy(add(a, PORTAL)->name, "192.168.0.1");
    strcpy(add(a, PORTAL)->name, "fe80::1");
    t = add(a, DRIVE);
    t->size = 1000ull << 30;
    strcpy(t->name, "/srv/drive0");
    strcpy(add(a, CONTROLLER)->name, "node");
    return a;
}

void fake_array_close(struct array *a)
{
    if (!a)
        return;
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

void fake_fail(struct array *a, HRESULT hr)
{
    LOCKED(a);
    a->fail = hr;
}

void fake_hold(struct array *a)
{
    LOCKED(a);
    a->hold = true;
}

bool fake_somebody_blocks(struct array *a)
{
    LOCKED(a);
    return a->n_blocked > 0;
}

void fake_add_session(struct array *a, const struct guid *target, const char *initiator, bool discovery)
{
    struct engine_session *s = &a->sessions[a->n_sessions++];

    s->id = a->n_sessions;
    s->target = *target;
    s->portal = a->things[PORTAL][0].id;
    s->since_ns = 5000000000u;
    strcpy(s->peer_address, "10.0.0.9:40000");
    strcpy(s->facts.initiator, initiator);
    memcpy(s->facts.isid, "\x00\x02\x3d\x00\x00\x01", 6);
    s->facts.state = ISCSI_CONN_FULL;
    s->facts.tag = 1;
    s->facts.discovery = discovery;
    s->facts.n_bytes_in = 11;
    s->facts.n_bytes_out = 22;
}

void fake_portal_without_address(struct array *a, const struct guid *portal)
{
    find(a, PORTAL, portal)->no_address = true;
}

void fake_emit(struct array *a, const struct array_notification *events, size_t n)
{
    a->notify(a->notify_arg, events, n);
}

int fake_n_reenumerations(struct array *a)
{
    LOCKED(a);
    return a->n_reenumerations;
}

int fake_n_refreshes(struct array *a)
{
    LOCKED(a);
    return a->n_refreshes;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static const struct {
    enum kind members;
    int of; /* enum kind, or -1 */
} relations[] = {
    [ARRAY_TARGETS] = { TARGET, -1 },       [ARRAY_PORTALS] = { PORTAL, -1 },           [ARRAY_LUNS] = { LUN, -1 },
    [ARRAY_DRIVES] = { DRIVE, -1 },         [ARRAY_CONTROLLERS] = { CONTROLLER, -1 },   [ARRAY_GROUPS_OF_TARGET] = { GROUP, TARGET },
    [ARRAY_LUNS_OF_TARGET] = { LUN, TARGET }, [ARRAY_PORTALS_OF_GROUP] = { PORTAL, GROUP }, [ARRAY_GROUPS_OF_PORTAL] = { GROUP, PORTAL },
    [ARRAY_TARGETS_OF_LUN] = { TARGET, LUN },
};

static bool related(enum array_relation relation, const struct thing *member, const struct thing *of)
{
    switch (relation) {
    case ARRAY_GROUPS_OF_TARGET:
        return guid_equal(&member->parent, &of->id);
    case ARRAY_LUNS_OF_TARGET:
    case ARRAY_GROUPS_OF_PORTAL:
        return has(member, &of->id);
    case ARRAY_PORTALS_OF_GROUP:
    case ARRAY_TARGETS_OF_LUN:
        return has(of, &member->id);
    default:
        return true;
    }
}

HRESULT array_query(struct array *a, enum array_relation relation, const struct guid *of, struct guid **ret_ids, size_t *ret_n)
{
    enum kind kind = relations[relation].members;
    struct thing *anchor = NULL;
    struct guid *ids;
    size_t n = 0;
    LOCKED(a);

    CHECK(a);
    if (relations[relation].of >= 0 && !(anchor = find(a, (enum kind)relations[relation].of, of)))
        return VDS_E_OBJECT_DELETED;
    ids = take(a->n[kind] + 1, sizeof *ids);
    for (size_t i = 0; i < a->n[kind]; i++) {
        if (related(relation, &a->things[kind][i], anchor))
            ids[n++] = a->things[kind][i].id;
    }
    if (n == 0) {
        free(ids);
        ids = NULL;
    }
    *ret_ids = ids;
    *ret_n = n;
    return S_OK;
}

HRESULT array_subsystem_get(struct array *a, struct array_subsystem_info *ret)
{
    LOCKED(a);

    CHECK(a);
    memset(ret, 0, sizeof *ret);
    ret->id = a->id;
    ret->provider_id = a->provider_id;
    strcpy(ret->name, a->name);
    strcpy(ret->identification, "0123456789abcdef");
    ret->flags = VDS_SF_LUN_MASKING_CAPABLE | VDS_SF_SUPPORTS_NON_FAULT_TOLERANT_LUNS | VDS_SF_SUPPORTS_SIMPLE_LUNS;
    ret->status = a->status;
    strcpy(ret->import_target, a->import_target);
    ret->health = VDS_H_HEALTHY;
    ret->capacity = 1000ull << 30;
    ret->free = 600ull << 30;
    return S_OK;
}

#define GET(a, kind, id) \
    LOCKED(a); \
    struct thing *t; \
    CHECK(a); \
    if (!(t = find(a, kind, id))) \
        return VDS_E_OBJECT_DELETED; \
    memset(ret, 0, sizeof *ret); \
    ret->id = t->id

HRESULT array_portal_get(struct array *a, const struct guid *id, struct array_portal_info *ret)
{
    struct sockaddr_in *v4 = (void *)&ret->addr;
    struct sockaddr_in6 *v6 = (void *)&ret->addr;

    GET(a, PORTAL, id);
    ret->status = t->status;
    if (t->no_address)
        return S_OK;
    if (inet_pton(AF_INET, t->name, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(3260);
    } else {
        inet_pton(AF_INET6, t->name, &v6->sin6_addr);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(3261);
        v6->sin6_scope_id = 2;
    }
    return S_OK;
}

HRESULT array_target_get(struct array *a, const struct guid *id, struct array_target_info *ret)
{
    GET(a, TARGET, id);
    strcpy(ret->iscsi_name, t->iscsi_name);
    strcpy(ret->friendly_name, t->name);
    return S_OK;
}

HRESULT array_group_get(struct array *a, const struct guid *id, struct array_group_info *ret)
{
    GET(a, GROUP, id);
    ret->target = t->parent;
    ret->tag = t->tag;
    return S_OK;
}

HRESULT array_lun_get(struct array *a, const struct guid *id, struct array_lun_info *ret)
{
    GET(a, LUN, id);
    ret->mask = malloc(sizeof t->mask); /* may fail, as in the array itself */
    if (!ret->mask)
        return E_OUTOFMEMORY;
    strcpy(ret->mask, t->mask);
    ret->drive = t->parent;
    strcpy(ret->friendly_name, t->name);
    strcpy(ret->identification, "serial-1");
    ret->size = t->size;
    ret->allocated = t->thick ? t->size : 4096;
    ret->thick = t->thick;
    ret->status = VDS_LS_ONLINE;
    ret->health = VDS_H_HEALTHY;
    ret->features = t->features;
    ret->block_size = t->block_size;
    ret->physical_block_size = t->physical_block_size;
    ret->transition = VDS_TS_STABLE;
    return S_OK;
}

void array_lun_info_fini(struct array_lun_info *info)
{
    free(info->mask);
    info->mask = NULL;
}

HRESULT array_lun_inquiry(struct array *a, const struct guid *id, struct array_lun_inquiry *ret)
{
    LOCKED(a);

    CHECK(a);
    if (!find(a, LUN, id))
        return VDS_E_OBJECT_DELETED;
    memset(ret, 0, sizeof *ret);
    strcpy(ret->vendor, "VDS");
    strcpy(ret->product, "VIRTUAL-DISK");
    strcpy(ret->revision, "0.1");
    strcpy(ret->serial, "serial-1");
    memcpy(ret->naa, "\x60\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 16);
    ret->naa_len = 16;
    return S_OK;
}

HRESULT array_drive_get(struct array *a, const struct guid *id, struct array_drive_info *ret)
{
    GET(a, DRIVE, id);
    strcpy(ret->path, t->name);
    strcpy(ret->friendly_name, "drive 0");
    ret->size = t->size;
    ret->free = t->size ? (600ull << 30) + 5 : 0;
    ret->status = t->status;
    ret->pool = a->pool;
    ret->health = VDS_H_HEALTHY;
    ret->slot = 3;
    return S_OK;
}

HRESULT array_controller_get(struct array *a, const struct guid *id, struct array_controller_info *ret)
{
    GET(a, CONTROLLER, id);
    strcpy(ret->friendly_name, t->name);
    strcpy(ret->identification, "host");
    ret->status = t->status;
    ret->health = VDS_H_HEALTHY;
    return S_OK;
}

/* ---- many at once ---------------------------------------------------------------------------------------- */

void fake_set_many_ties(struct array *a, size_t n)
{
    LOCKED(a);

    a->n_more_ties = n;
}

void array_tree_fini(struct array_tree *tree)
{
    for (size_t i = 0; i < tree->n_luns; i++)
        array_lun_info_fini(&tree->luns[i]);
    free(tree->portals);
    free(tree->targets);
    free(tree->groups);
    free(tree->members);
    free(tree->luns);
    free(tree->ties);
    memset(tree, 0, sizeof *tree);
}

static void tree_of_iscsi(struct array *a, unsigned parts, struct array_tree *tree)
{
    for (size_t i = 0; parts & ARRAY_TREE_PORTALS && i < a->n[PORTAL]; i++)
        array_portal_get(a, &a->things[PORTAL][i].id, &tree->portals[tree->n_portals++]);
    for (size_t i = 0; parts & ARRAY_TREE_TARGETS && i < a->n[TARGET]; i++)
        array_target_get(a, &a->things[TARGET][i].id, &tree->targets[tree->n_targets++]);
    for (size_t i = 0; parts & ARRAY_TREE_GROUPS && i < a->n[GROUP]; i++) {
        const struct thing *t = &a->things[GROUP][i];

        array_group_get(a, &t->id, &tree->groups[tree->n_groups++]);
        for (size_t k = 0; k < t->n_members; k++)
            tree->members[tree->n_members++] = (struct array_tree_member){ t->id, t->members[k] };
    }
}

HRESULT array_tree_get(struct array *a, unsigned parts, struct array_tree *ret)
{
    CHECK(a);
    *ret = (struct array_tree){ 0 };
    ret->portals = take(MAX, sizeof *ret->portals);
    ret->targets = take(MAX, sizeof *ret->targets);
    ret->groups = take(MAX, sizeof *ret->groups);
    ret->members = take(MAX * MAX, sizeof *ret->members);
    ret->luns = take(MAX, sizeof *ret->luns);
    ret->ties = take(MAX * MAX + a->n_more_ties, sizeof *ret->ties);
    tree_of_iscsi(a, parts, ret);
    for (size_t i = 0; parts & ARRAY_TREE_LUNS && i < a->n[LUN]; i++) {
        const struct thing *t = &a->things[LUN][i];

        if (FAILED(array_lun_get(a, &t->id, &ret->luns[ret->n_luns++]))) {
            array_tree_fini(ret);
            return E_OUTOFMEMORY;
        }
        for (size_t k = 0; k < t->n_members; k++)
            ret->ties[ret->n_ties++] = (struct array_tree_tie){ t->id, t->members[k], 7 };
    }
    ret->n_ties += a->n_more_ties;
    return S_OK;
}

HRESULT array_lun_number(struct array *a, const struct guid *lun, const struct guid *target, uint16_t *ret)
{
    struct thing *t;
    LOCKED(a);

    CHECK(a);
    if (!(t = find(a, LUN, lun)))
        return VDS_E_OBJECT_DELETED;
    if (!has(t, target))
        return VDS_E_OBJECT_NOT_FOUND;
    *ret = 7;
    return S_OK;
}

bool array_exists(struct array *a, uint32_t type, const struct guid *id)
{
    static const struct {
        uint32_t type;
        enum kind kind;
    } kinds[] = { { VDS_OT_PORTAL, PORTAL }, { VDS_OT_TARGET, TARGET }, { VDS_OT_PORTAL_GROUP, GROUP }, { VDS_OT_LUN, LUN },
                  { VDS_OT_DRIVE, DRIVE },   { VDS_OT_CONTROLLER, CONTROLLER } };
    LOCKED(a);

    if (type == VDS_OT_SUB_SYSTEM)
        return guid_equal(id, &a->id);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (kinds[i].type == type)
            return find(a, kinds[i].kind, id) != NULL;
    }
    return false;
}

struct engine *array_engine(struct array *a)
{
    return (struct engine *)(void *)a;
}

int engine_session_list(struct engine *e, struct engine_session **ret_sessions, size_t *ret_n)
{
    struct array *a = (void *)e;

    *ret_n = a->n_sessions;
    *ret_sessions = a->n_sessions ? take(1, sizeof a->sessions) : NULL;
    if (*ret_sessions)
        memcpy(*ret_sessions, a->sessions, sizeof a->sessions);
    return 0;
}

/* Unit k of them has counter i at 100 * (k + 1) + i. */
int engine_lu_counters(struct engine *e, struct engine_lu_counters **ret_units, size_t *ret_n)
{
    struct array *a = (void *)e;
    struct engine_lu_counters *units = take(a->n[LUN] + 1, sizeof *units);

    for (size_t k = 0; k < a->n[LUN]; k++) {
        units[k].id = a->things[LUN][k].id;
        for (unsigned i = 0; i < SCSI_N_COUNTERS; i++)
            units[k].counters.n[i] = 100 * (k + 1) + i;
    }
    *ret_units = units;
    *ret_n = a->n[LUN];
    return 0;
}

int engine_session_drop(struct engine *e, uint64_t id)
{
    return id <= ((struct array *)(void *)e)->n_sessions && id > 0 ? 0 : -ENOENT;
}

unsigned engine_n_reactors(const struct engine *e)
{
    (void)e;
    return 2;
}

const char *engine_backend_name(const struct engine *e)
{
    (void)e;
    return "fake";
}

/* ---- operations ---------------------------------------------------------------------------------------- */

static HRESULT op_start(struct array *a, const struct guid *object, HRESULT hr, const struct guid *output, struct array_op **ret_op)
{
    struct array_op *op = take(1, sizeof *op);

    op->refs = 1;
    op->array = a;
    op->object = *object;
    op->result.hr = hr;
    op->result.percent = 100;
    if (output)
        op->result.output = *output;
    if (a->hold && hr == S_OK) {
        op->result.hr = VDS_E_OPERATION_PENDING;
        op->result.percent = 40;
        a->running[a->n_running++] = array_op_ref(op);
    }
    *ret_op = op;
    return S_OK;
}

static void op_end(struct array_op *op, HRESULT hr, const char *text)
{
    void (*done)(void *arg) = NULL;

    pthread_mutex_lock(&op_lock);
    if (op->result.hr == (HRESULT)VDS_E_OPERATION_PENDING) {
        op->result.hr = hr;
        op->result.percent = 100;
        snprintf(op->result.text, sizeof op->result.text, "%s", text ? text : "");
        done = op->done;
    }
    pthread_cond_broadcast(&op_ended);
    pthread_mutex_unlock(&op_lock);
    if (done)
        done(op->done_arg);
}

void array_op_on_end(struct array_op *op, void (*done)(void *arg), void *arg)
{
    bool ended;

    pthread_mutex_lock(&op_lock);
    ended = op->result.hr != (HRESULT)VDS_E_OPERATION_PENDING;
    op->done = done;
    op->done_arg = arg;
    pthread_mutex_unlock(&op_lock);
    if (ended)
        done(arg);
}

void fake_let_go(struct array *a, HRESULT hr, const char *text)
{
    LOCKED(a);

    a->hold = false;
    while (a->n_running > 0) {
        struct array_op *op = a->running[--a->n_running];

        op_end(op, hr, text);
        array_op_unref(op);
    }
    pthread_cond_broadcast(&a->changed);
}

static bool busy(struct array *a, const struct guid *object)
{
    for (size_t i = 0; i < a->n_running; i++) {
        struct array_op_result result;

        array_op_result(a->running[i], &result);
        if (guid_equal(&a->running[i]->object, object) && result.hr == (HRESULT)VDS_E_OPERATION_PENDING)
            return true;
    }
    return false;
}

struct array_op *array_op_ref(struct array_op *op)
{
    op->refs++;
    return op;
}

void array_op_unref(struct array_op *op)
{
    if (op && --op->refs == 0)
        free(op);
}

bool array_op_wait(struct array_op *op, int timeout_ms)
{
    (void)timeout_ms;
    pthread_mutex_lock(&op_lock);
    while (op->result.hr == (HRESULT)VDS_E_OPERATION_PENDING)
        pthread_cond_wait(&op_ended, &op_lock);
    pthread_mutex_unlock(&op_lock);
    return true;
}

void array_op_result(struct array_op *op, struct array_op_result *ret_result)
{
    pthread_mutex_lock(&op_lock);
    *ret_result = op->result;
    pthread_mutex_unlock(&op_lock);
}

HRESULT array_op_cancel(struct array_op *op)
{
    struct array_op_result result;

    array_op_result(op, &result);
    if (result.hr == (HRESULT)VDS_E_OPERATION_CANCELED)
        return VDS_E_OPERATION_CANCELED;
    if (result.hr != (HRESULT)VDS_E_OPERATION_PENDING)
        return VDS_E_CANCEL_TOO_LATE;
    op_end(op, VDS_E_OPERATION_CANCELED, "cancelled");
    return S_OK;
}

#define ADMIT(a, kind, id) \
    LOCKED(a); \
    struct thing *t; \
    CHECK(a); \
    if (!(t = find(a, kind, id))) \
        return VDS_E_OBJECT_DELETED; \
    if (busy(a, id)) \
        return VDS_E_ANOTHER_CALL_IN_PROGRESS

HRESULT array_target_create(struct array *a, const char *iscsi_name, const char *friendly_name, struct array_op **ret_op)
{
    struct thing *t;
    LOCKED(a);

    CHECK(a);
    for (size_t i = 0; iscsi_name && i < a->n[TARGET]; i++) {
        if (strcmp(a->things[TARGET][i].iscsi_name, iscsi_name) == 0)
            return VDS_E_NAME_NOT_UNIQUE;
    }
    t = add(a, TARGET);
    snprintf(t->iscsi_name, sizeof t->iscsi_name, "%s", iscsi_name ? iscsi_name : "iqn.2026-01.example:made");
    snprintf(t->name, sizeof t->name, "%s", friendly_name);
    emit(a, VDS_NF_TARGET_ARRIVE, VDS_NTT_TARGET, &t->id);
    return op_start(a, &t->id, S_OK, &t->id, ret_op);
}

HRESULT array_target_delete(struct array *a, const struct guid *target, struct array_op **ret_op)
{
    ADMIT(a, TARGET, target);
    for (size_t i = 0; i < a->n[LUN]; i++) {
        if (has(&a->things[LUN][i], target))
            return VDS_E_ASSOCIATED_LUNS_EXIST;
    }
    for (size_t i = a->n[GROUP]; i > 0; i--) {
        if (guid_equal(&a->things[GROUP][i - 1].parent, target))
            drop(a, GROUP, &a->things[GROUP][i - 1]);
    }
    drop(a, TARGET, t);
    return op_start(a, target, S_OK, NULL, ret_op);
}

HRESULT array_group_create(struct array *a, const struct guid *target, struct array_op **ret_op)
{
    struct thing *group, *lowest = NULL;
    uint16_t tag = 1;

    ADMIT(a, TARGET, target);
    (void)t;
    for (size_t i = 0; i < a->n[GROUP]; i++) {
        if (guid_equal(&a->things[GROUP][i].parent, target)) {
            lowest = lowest ? lowest : &a->things[GROUP][i];
            tag++;
        }
    }
    if (tag > 3) /* max-groups of this fake */
        return op_start(a, target, VDS_S_ALREADY_EXISTS, &lowest->id, ret_op);
    group = add(a, GROUP);
    group->parent = *target;
    group->tag = tag;
    emit(a, VDS_NF_PORTAL_GROUP_ARRIVE, VDS_NTT_PORTAL_GROUP, &group->id);
    return op_start(a, target, S_OK, &group->id, ret_op);
}

HRESULT array_group_delete(struct array *a, const struct guid *group, struct array_op **ret_op)
{
    ADMIT(a, GROUP, group);
    if (t->n_members > 0)
        return VDS_E_ASSOCIATED_PORTALS_EXIST;
    drop(a, GROUP, t);
    return op_start(a, group, S_OK, NULL, ret_op);
}

HRESULT array_group_add_portal(struct array *a, const struct guid *group, const struct guid *portal, struct array_op **ret_op)
{
    ADMIT(a, GROUP, group);
    if (!find(a, PORTAL, portal))
        return VDS_E_OBJECT_NOT_FOUND;
    if (has(t, portal))
        return op_start(a, group, VDS_S_ALREADY_EXISTS, NULL, ret_op);
    for (size_t i = 0; i < a->n[GROUP]; i++) {
        struct thing *other = &a->things[GROUP][i];

        if (guid_equal(&other->parent, &t->parent) && has(other, portal)) {
            error_text_set("the portal is in group %u of the target", other->tag);
            return VDS_E_INVALID_OPERATION;
        }
    }
    t->members[t->n_members++] = *portal;
    emit(a, VDS_NF_PORTAL_GROUP_MODIFY, VDS_NTT_PORTAL_GROUP, group);
    return op_start(a, group, S_OK, NULL, ret_op);
}

HRESULT array_group_remove_portal(struct array *a, const struct guid *group, const struct guid *portal, uint32_t drain_ms,
                                  struct array_op **ret_op)
{
    ADMIT(a, GROUP, group);
    (void)drain_ms;
    for (size_t i = 0; i < t->n_members; i++) {
        if (guid_equal(&t->members[i], portal)) {
            t->members[i] = t->members[--t->n_members];
            return op_start(a, group, S_OK, NULL, ret_op);
        }
    }
    return VDS_E_OBJECT_NOT_FOUND;
}

HRESULT array_group_set_portals(struct array *a, const struct guid *group, const struct guid *portals, size_t n, uint32_t drain_ms,
                                struct array_op **ret_op)
{
    ADMIT(a, GROUP, group);
    (void)drain_ms;
    for (size_t i = 0; i < n; i++)
        if (!find(a, PORTAL, &portals[i]))
            return VDS_E_OBJECT_NOT_FOUND;
    if (n > ARRAY_SIZE(t->members))
        return E_INVALIDARG;
    for (t->n_members = 0; t->n_members < n; t->n_members++)
        t->members[t->n_members] = portals[t->n_members];
    return op_start(a, group, S_OK, NULL, ret_op);
}

HRESULT array_group_move_portal(struct array *a, const struct guid *group, const struct guid *portal, const struct guid *to,
                                uint32_t drain_ms, struct array_op **ret_op)
{
    struct thing *other;
    ADMIT(a, GROUP, group);

    (void)drain_ms;
    other = find(a, GROUP, to);
    for (size_t i = 0; i < t->n_members && other; i++) {
        if (guid_equal(&t->members[i], portal)) {
            t->members[i] = t->members[--t->n_members];
            other->members[other->n_members++] = *portal;
            return op_start(a, group, S_OK, NULL, ret_op);
        }
    }
    return VDS_E_OBJECT_NOT_FOUND;
}

HRESULT array_lun_create(struct array *a, const struct array_lun_spec *spec, struct array_op **ret_op)
{
    struct thing *t;
    LOCKED(a);

    CHECK(a);
    if (spec->n_drives > 0 && !find(a, DRIVE, &spec->drives[0]))
        return VDS_E_OBJECT_NOT_FOUND;
    if (spec->size > (600ull << 30))
        return VDS_E_NOT_ENOUGH_SPACE;
    t = add(a, LUN);
    t->parent = a->things[DRIVE][0].id;
    t->size = (spec->size + 0xfffff) & ~0xfffffull;
    t->thick = spec->thick;
    t->features = spec->features;
    t->block_size = spec->block_size ? spec->block_size : 512;
    t->physical_block_size = spec->physical_block_size ? spec->physical_block_size : t->block_size;
    snprintf(t->mask, sizeof t->mask, "%s", spec->mask);
    snprintf(t->name, sizeof t->name, "%s", spec->friendly_name ? spec->friendly_name : "LUN");
    return op_start(a, &t->id, S_OK, &t->id, ret_op);
}

HRESULT array_lun_extend(struct array *a, const struct guid *lun, uint64_t n_bytes, const struct guid *drives, size_t n_drives,
                         struct array_op **ret_op)
{
    ADMIT(a, LUN, lun);
    for (size_t i = 0; i < n_drives; i++) {
        if (!find(a, DRIVE, &drives[i]))
            return VDS_E_OBJECT_NOT_FOUND;
    }
    if (n_bytes > (600ull << 30))
        return VDS_E_NOT_ENOUGH_SPACE;
    t->size += (n_bytes + 0xfffff) & ~0xfffffull;
    return op_start(a, lun, S_OK, NULL, ret_op);
}

HRESULT array_lun_shrink(struct array *a, const struct guid *lun, uint64_t n_bytes, bool force, struct array_op **ret_op)
{
    ADMIT(a, LUN, lun);
    if (n_bytes >= t->size)
        return VDS_E_INVALID_SHRINK_SIZE;
    if (force)
        t->size -= n_bytes;
    return op_start(a, lun, force ? S_OK : VDS_E_SHRINK_OVER_DATA, NULL, ret_op); /* always full of data, this fake */
}

HRESULT array_secret_set(struct array *a, const struct guid *target, bool mutual, const char *initiator, const void *secret, size_t n)
{
    LOCKED(a);

    CHECK(a);
    if (target && !find(a, TARGET, target))
        return VDS_E_OBJECT_DELETED;
    snprintf(a->last_secret, sizeof a->last_secret, "%s %s %s %.*s", target ? "target" : "discovery", mutual ? "mutual" : "in",
             initiator ? initiator : "all", (int)n, n ? (const char *)secret : "");
    return S_OK;
}

const char *fake_last_secret(struct array *a)
{
    return a->last_secret;
}

HRESULT array_discovery_chap(struct array *a, bool *ret_chap)
{
    LOCKED(a);

    CHECK(a);
    *ret_chap = strncmp(a->last_secret, "discovery in", 12) == 0;
    return S_OK;
}

HRESULT array_lun_delete(struct array *a, const struct guid *lun)
{
    ADMIT(a, LUN, lun);
    a->n_blocked++;
    while (a->hold)
        pthread_cond_wait(&a->changed, &a->lock);
    a->n_blocked--;
    drop(a, LUN, t);
    return S_OK;
}

HRESULT array_lun_set_mask(struct array *a, const struct guid *lun, const char *mask)
{
    ADMIT(a, LUN, lun);
    snprintf(t->mask, sizeof t->mask, "%s", mask);
    return S_OK;
}

HRESULT array_lun_associate_targets(struct array *a, const struct guid *lun, const struct guid *targets, size_t n)
{
    ADMIT(a, LUN, lun);
    for (size_t i = 0; i < n; i++) {
        if (!find(a, TARGET, &targets[i]))
            return VDS_E_OBJECT_NOT_FOUND;
    }
    t->n_members = n;
    for (size_t i = 0; i < n; i++)
        t->members[i] = targets[i];
    return S_OK;
}

static HRESULT set_name(char name[64], const char *wanted)
{
    return snprintf(name, 64, "%s", wanted) >= 64 ? VDS_S_NAME_TRUNCATED : S_OK;
}

HRESULT array_lun_set_name(struct array *a, const struct guid *lun, const char *name)
{
    ADMIT(a, LUN, lun);
    return set_name(t->name, name);
}

HRESULT array_target_set_name(struct array *a, const struct guid *target, const char *name)
{
    ADMIT(a, TARGET, target);
    return set_name(t->name, name);
}

HRESULT array_subsystem_set_name(struct array *a, const char *name)
{
    LOCKED(a);

    CHECK(a);
    return set_name(a->name, name);
}

HRESULT array_portal_set_status(struct array *a, const struct guid *portal, uint32_t status)
{
    ADMIT(a, PORTAL, portal);
    t->status = status;
    return S_OK;
}

HRESULT array_set_status(struct array *a, enum array_status_of kind, const struct guid *id, uint32_t status)
{
    static const enum kind kinds[] = {
        [ARRAY_STATUS_CONTROLLER] = CONTROLLER, [ARRAY_STATUS_DRIVE] = DRIVE, [ARRAY_STATUS_LUN] = LUN
    };
    struct thing *t;
    LOCKED(a);

    CHECK(a);
    t = kind == ARRAY_STATUS_SUBSYSTEM ? NULL : find(a, kinds[kind], id);
    if (kind != ARRAY_STATUS_SUBSYSTEM && !t)
        return VDS_E_OBJECT_DELETED;
    *(t ? &t->status : &a->status) = status;
    return S_OK;
}

HRESULT array_subsystem_set_import_target(struct array *a, const char *iscsi_name)
{
    LOCKED(a);

    CHECK(a);
    snprintf(a->import_target, sizeof a->import_target, "%s", iscsi_name);
    return S_OK;
}

HRESULT array_note(struct array *a, uint32_t object_type, const struct guid *id)
{
    LOCKED(a);

    CHECK(a);
    emit(a, object_type == VDS_OT_LUN ? VDS_NF_LUN_MODIFY : VDS_NF_DRIVE_MODIFY, VDS_NTT_DRIVE, id);
    return S_OK;
}

HRESULT array_reenumerate(struct array *a)
{
    LOCKED(a);

    a->n_reenumerations++;
    return a->fail == (HRESULT)VDS_E_PROVIDER_CACHE_CORRUPT ? S_OK : a->fail; /* allowed then, and needed */
}

HRESULT array_refresh(struct array *a)
{
    LOCKED(a);

    a->n_refreshes++;
    if (a->fail == (HRESULT)VDS_E_PROVIDER_CACHE_CORRUPT && a->n_reenumerations > 0)
        a->fail = S_OK;
    return a->fail;
}
