/* SPDX-License-Identifier: MIT */
#include "fake_array_internal.h"

#include <stdio.h>

/* ---- operations ---------------------------------------------------------------------------------------- */

HRESULT array_target_create(struct array *a, const char *iscsi_name, const char *friendly_name,
                            struct array_op **ret_op)
{
    struct thing *t;
    LOCKED(a);

    CHECK(a);
    for (size_t i = 0; iscsi_name && i < a->n[TARGET]; i++) {
        if (strcmp(a->things[TARGET][i].iscsi_name, iscsi_name) == 0)
            return VDS_E_NAME_NOT_UNIQUE;
    }
    t = thing_add(a, TARGET);
    snprintf(t->iscsi_name, sizeof t->iscsi_name, "%s", iscsi_name ? iscsi_name : "iqn.2026-01.example:made");
    snprintf(t->name, sizeof t->name, "%s", friendly_name);
    thing_emit(a, VDS_NF_TARGET_ARRIVE, VDS_NTT_TARGET, &t->id);
    return fake_op_start(a, &t->id, S_OK, &t->id, ret_op);
}

HRESULT array_target_delete(struct array *a, const struct guid *target, struct array_op **ret_op)
{
    ADMIT(a, TARGET, target);
    for (size_t i = 0; i < a->n[LUN]; i++) {
        if (thing_has(&a->things[LUN][i], target))
            return VDS_E_ASSOCIATED_LUNS_EXIST;
    }
    for (size_t i = a->n[GROUP]; i > 0; i--) {
        if (guid_equal(&a->things[GROUP][i - 1].parent, target))
            thing_drop(a, GROUP, &a->things[GROUP][i - 1]);
    }
    thing_drop(a, TARGET, t);
    return fake_op_start(a, target, S_OK, NULL, ret_op);
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
        return fake_op_start(a, target, VDS_S_ALREADY_EXISTS, &lowest->id, ret_op);
    group = thing_add(a, GROUP);
    group->parent = *target;
    group->tag = tag;
    thing_emit(a, VDS_NF_PORTAL_GROUP_ARRIVE, VDS_NTT_PORTAL_GROUP, &group->id);
    return fake_op_start(a, target, S_OK, &group->id, ret_op);
}

HRESULT array_group_delete(struct array *a, const struct guid *group, struct array_op **ret_op)
{
    ADMIT(a, GROUP, group);
    if (t->n_members > 0)
        return VDS_E_ASSOCIATED_PORTALS_EXIST;
    thing_drop(a, GROUP, t);
    return fake_op_start(a, group, S_OK, NULL, ret_op);
}

HRESULT array_group_add_portal(struct array *a, const struct guid *group, const struct guid *portal,
                               struct array_op **ret_op)
{
    ADMIT(a, GROUP, group);
    if (!thing_find(a, PORTAL, portal))
        return VDS_E_OBJECT_NOT_FOUND;
    if (thing_has(t, portal))
        return fake_op_start(a, group, VDS_S_ALREADY_EXISTS, NULL, ret_op);
    for (size_t i = 0; i < a->n[GROUP]; i++) {
        struct thing *other = &a->things[GROUP][i];

        if (guid_equal(&other->parent, &t->parent) && thing_has(other, portal)) {
            error_text_set("the portal is in group %u of the target", other->tag);
            return VDS_E_INVALID_OPERATION;
        }
    }
    t->members[t->n_members++] = *portal;
    thing_emit(a, VDS_NF_PORTAL_GROUP_MODIFY, VDS_NTT_PORTAL_GROUP, group);
    return fake_op_start(a, group, S_OK, NULL, ret_op);
}

HRESULT array_group_remove_portal(struct array *a, const struct guid *group, const struct guid *portal,
                                  uint32_t drain_ms, struct array_op **ret_op)
{
    ADMIT(a, GROUP, group);
    (void)drain_ms;
    for (size_t i = 0; i < t->n_members; i++) {
        if (guid_equal(&t->members[i], portal)) {
            t->members[i] = t->members[--t->n_members];
            return fake_op_start(a, group, S_OK, NULL, ret_op);
        }
    }
    return VDS_E_OBJECT_NOT_FOUND;
}

HRESULT array_group_set_portals(struct array *a, const struct guid *group, const struct guid *portals,
                                size_t n, uint32_t drain_ms, struct array_op **ret_op)
{
    ADMIT(a, GROUP, group);
    (void)drain_ms;
    for (size_t i = 0; i < n; i++)
        if (!thing_find(a, PORTAL, &portals[i]))
            return VDS_E_OBJECT_NOT_FOUND;
    if (n > ARRAY_SIZE(t->members))
        return E_INVALIDARG;
    for (t->n_members = 0; t->n_members < n; t->n_members++)
        t->members[t->n_members] = portals[t->n_members];
    return fake_op_start(a, group, S_OK, NULL, ret_op);
}

HRESULT array_group_move_portal(struct array *a, const struct guid *group, const struct guid *portal,
                                const struct guid *to, uint32_t drain_ms, struct array_op **ret_op)
{
    struct thing *other;
    ADMIT(a, GROUP, group);

    (void)drain_ms;
    other = thing_find(a, GROUP, to);
    for (size_t i = 0; i < t->n_members && other; i++) {
        if (guid_equal(&t->members[i], portal)) {
            t->members[i] = t->members[--t->n_members];
            other->members[other->n_members++] = *portal;
            return fake_op_start(a, group, S_OK, NULL, ret_op);
        }
    }
    return VDS_E_OBJECT_NOT_FOUND;
}

HRESULT array_lun_create(struct array *a, const struct array_lun_spec *spec, struct array_op **ret_op)
{
    struct thing *t;
    LOCKED(a);

    CHECK(a);
    if (spec->n_drives > 0 && !thing_find(a, DRIVE, &spec->drives[0]))
        return VDS_E_OBJECT_NOT_FOUND;
    if (spec->size > (600ull << 30))
        return VDS_E_NOT_ENOUGH_SPACE;
    t = thing_add(a, LUN);
    t->parent = a->things[DRIVE][0].id;
    t->size = (spec->size + 0xfffff) & ~0xfffffull;
    t->thick = spec->thick;
    t->write_through = spec->write_through;
    t->features = spec->features;
    t->block_size = spec->block_size ? spec->block_size : 512;
    t->physical_block_size = spec->physical_block_size ? spec->physical_block_size : t->block_size;
    snprintf(t->mask, sizeof t->mask, "%s", spec->mask);
    snprintf(t->name, sizeof t->name, "%s", spec->friendly_name ? spec->friendly_name : "LUN");
    return fake_op_start(a, &t->id, S_OK, &t->id, ret_op);
}

HRESULT array_lun_extend(struct array *a, const struct guid *lun, uint64_t n_bytes, const struct guid *drives,
                         size_t n_drives, struct array_op **ret_op)
{
    ADMIT(a, LUN, lun);
    for (size_t i = 0; i < n_drives; i++) {
        if (!thing_find(a, DRIVE, &drives[i]))
            return VDS_E_OBJECT_NOT_FOUND;
    }
    if (n_bytes > (600ull << 30))
        return VDS_E_NOT_ENOUGH_SPACE;
    t->size += (n_bytes + 0xfffff) & ~0xfffffull;
    return fake_op_start(a, lun, S_OK, NULL, ret_op);
}

HRESULT array_lun_shrink(struct array *a, const struct guid *lun, uint64_t n_bytes, bool force,
                         struct array_op **ret_op)
{
    ADMIT(a, LUN, lun);
    if (n_bytes >= t->size)
        return VDS_E_INVALID_SHRINK_SIZE;
    if (force)
        t->size -= n_bytes;
    /* always full of data, this fake */
    return fake_op_start(a, lun, force ? S_OK : VDS_E_SHRINK_OVER_DATA, NULL, ret_op);
}

/* ---- changes that are made when the call returns ------------------------------------------------------- */

HRESULT array_secret_set(struct array *a, const struct guid *target, bool mutual, const char *initiator,
                         const void *secret, size_t n)
{
    LOCKED(a);

    CHECK(a);
    if (target && !thing_find(a, TARGET, target))
        return VDS_E_OBJECT_DELETED;
    snprintf(a->last_secret, sizeof a->last_secret, "%s %s %s %.*s", target ? "target" : "discovery",
             mutual ? "mutual" : "in", initiator ? initiator : "all", (int)n, n ? (const char *)secret : "");
    return S_OK;
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
    thing_drop(a, LUN, t);
    return S_OK;
}

HRESULT array_lun_set_mask(struct array *a, const struct guid *lun, const char *mask)
{
    ADMIT(a, LUN, lun);
    snprintf(t->mask, sizeof t->mask, "%s", mask);
    return S_OK;
}

HRESULT array_lun_associate_targets(struct array *a, const struct guid *lun, const struct guid *targets,
                                    size_t n)
{
    ADMIT(a, LUN, lun);
    for (size_t i = 0; i < n; i++) {
        if (!thing_find(a, TARGET, &targets[i]))
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

HRESULT array_lun_set_write_through(struct array *a, const struct guid *lun, bool on)
{
    ADMIT(a, LUN, lun);
    t->write_through = on;
    return S_OK;
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
    t = kind == ARRAY_STATUS_SUBSYSTEM ? NULL : thing_find(a, kinds[kind], id);
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
    thing_emit(a, object_type == VDS_OT_LUN ? VDS_NF_LUN_MODIFY : VDS_NF_DRIVE_MODIFY, VDS_NTT_DRIVE, id);
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
