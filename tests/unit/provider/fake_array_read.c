/* SPDX-License-Identifier: MIT */
#include "fake_array_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#define DRIVE_SLOT 3

/* ---- one by one ------------------------------------------------------------------------------------ */

static const struct {
    enum kind members;
    int of; /* enum kind, or -1 */
} relations[] = {
    [ARRAY_TARGETS] = { TARGET, -1 },
    [ARRAY_PORTALS] = { PORTAL, -1 },
    [ARRAY_LUNS] = { LUN, -1 },
    [ARRAY_DRIVES] = { DRIVE, -1 },
    [ARRAY_CONTROLLERS] = { CONTROLLER, -1 },
    [ARRAY_GROUPS_OF_TARGET] = { GROUP, TARGET },
    [ARRAY_LUNS_OF_TARGET] = { LUN, TARGET },
    [ARRAY_PORTALS_OF_GROUP] = { PORTAL, GROUP },
    [ARRAY_GROUPS_OF_PORTAL] = { GROUP, PORTAL },
    [ARRAY_TARGETS_OF_LUN] = { TARGET, LUN },
};

static bool related(enum array_relation relation, const struct thing *member, const struct thing *of)
{
    switch (relation) {
    case ARRAY_GROUPS_OF_TARGET:
        return guid_equal(&member->parent, &of->id);
    case ARRAY_LUNS_OF_TARGET:
    case ARRAY_GROUPS_OF_PORTAL:
        return thing_has(member, &of->id);
    case ARRAY_PORTALS_OF_GROUP:
    case ARRAY_TARGETS_OF_LUN:
        return thing_has(of, &member->id);
    default:
        return true;
    }
}

HRESULT array_query(struct array *a, enum array_relation relation, const struct guid *of,
                    struct guid **ret_ids, size_t *ret_n)
{
    enum kind kind = relations[relation].members;
    struct thing *anchor = NULL;
    struct guid *ids;
    size_t n = 0;
    LOCKED(a);

    CHECK(a);
    if (relations[relation].of >= 0 && !(anchor = thing_find(a, (enum kind)relations[relation].of, of)))
        return VDS_E_OBJECT_DELETED;
    ids = fake_take(a->n[kind] + 1, sizeof *ids);
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
    ret->flags =
        VDS_SF_LUN_MASKING_CAPABLE | VDS_SF_SUPPORTS_NON_FAULT_TOLERANT_LUNS | VDS_SF_SUPPORTS_SIMPLE_LUNS;
    ret->status = a->status;
    strcpy(ret->import_target, a->import_target);
    ret->health = VDS_H_HEALTHY;
    ret->capacity = 1000ull << 30;
    ret->free = 600ull << 30;
    ret->slots = a->n[DRIVE] ? DRIVE_SLOT + 1 : 0;
    return S_OK;
}

/* The beginning of a call that tells of a thing, t, in *ret. */
#define GET(a, kind, id) \
    LOCKED(a); \
    struct thing *t; \
    CHECK(a); \
    if (!(t = thing_find(a, kind, id))) \
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
    ret->flags = t->write_through ? VDS_LF_WRITE_THROUGH_CACHING_ENABLED : VDS_LF_WRITE_CACHE_ENABLED;
    ret->status = VDS_LS_ONLINE;
    ret->health = VDS_H_HEALTHY;
    ret->features = t->features;
    ret->block_size = t->block_size;
    ret->physical_block_size = t->physical_block_size;
    ret->transition = VDS_TS_STABLE;
    return S_OK;
}

HRESULT array_lun_inquiry(struct array *a, const struct guid *id, struct array_lun_inquiry *ret)
{
    LOCKED(a);

    CHECK(a);
    if (!thing_find(a, LUN, id))
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
    ret->takes_luns = t->status == VDS_DRS_ONLINE;
    ret->pool = a->pool;
    ret->health = VDS_H_HEALTHY;
    ret->slot = DRIVE_SLOT;
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

/* ---- many at once ---------------------------------------------------------------------------------- */

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
    ret->portals = fake_take(MAX, sizeof *ret->portals);
    ret->targets = fake_take(MAX, sizeof *ret->targets);
    ret->groups = fake_take(MAX, sizeof *ret->groups);
    ret->members = fake_take(MAX * MAX, sizeof *ret->members);
    ret->luns = fake_take(MAX, sizeof *ret->luns);
    ret->ties = fake_take(MAX * MAX + a->n_more_ties, sizeof *ret->ties);
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
    if (!(t = thing_find(a, LUN, lun)))
        return VDS_E_OBJECT_DELETED;
    if (!thing_has(t, target))
        return VDS_E_OBJECT_NOT_FOUND;
    *ret = 7;
    return S_OK;
}

HRESULT array_lun_signature(struct array *a, const struct guid *lun, struct guid *ret)
{
    LOCKED(a);

    CHECK(a);
    if (!thing_find(a, LUN, lun))
        return VDS_E_OBJECT_DELETED;
    *ret = (struct guid){ .data1 = 0x12345678 };
    return S_OK;
}

HRESULT array_lun_room(struct array *a, const struct guid *lun, uint64_t *ret)
{
    LOCKED(a);

    CHECK(a);
    if (!thing_find(a, LUN, lun))
        return VDS_E_OBJECT_DELETED;
    *ret = 600ull << 30;
    return S_OK;
}

bool array_exists(struct array *a, uint32_t type, const struct guid *id)
{
    static const struct {
        uint32_t type;
        enum kind kind;
    } kinds[] = { { VDS_OT_PORTAL, PORTAL }, { VDS_OT_TARGET, TARGET }, { VDS_OT_PORTAL_GROUP, GROUP },
                  { VDS_OT_LUN, LUN },       { VDS_OT_DRIVE, DRIVE },   { VDS_OT_CONTROLLER, CONTROLLER } };
    LOCKED(a);

    if (type == VDS_OT_SUB_SYSTEM)
        return guid_equal(id, &a->id);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (kinds[i].type == type)
            return thing_find(a, kinds[i].kind, id) != NULL;
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
    *ret_sessions = a->n_sessions ? fake_take(1, sizeof a->sessions) : NULL;
    if (*ret_sessions)
        memcpy(*ret_sessions, a->sessions, sizeof a->sessions);
    return 0;
}

/* Unit k of them has counter i at 100 * (k + 1) + i. */
int engine_lu_counters(struct engine *e, struct engine_lu_counters **ret_units, size_t *ret_n)
{
    struct array *a = (void *)e;
    struct engine_lu_counters *units = fake_take(a->n[LUN] + 1, sizeof *units);

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
