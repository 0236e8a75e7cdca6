/* SPDX-License-Identifier: MIT */
/* Storage pools: drives whose directories lie on one file system share its space, so they are one concrete
 * pool, with the capacity and the free space of that file system counted once. One primordial pool stands for
 * all drives; all of it is in the concrete ones, so LUNs are made there. Pools are what the drives say now;
 * the array keeps which pool a drive is of. */
#include "provider/provider_internal.h"

#include <stdio.h>
#include <stdlib.h>

struct pool {
    struct com_object obj;
    struct handle h;
    IVdsStoragePool face;
};

COM_UNKNOWN(pool, IVdsStoragePool, face)

/* ---- what there is ------------------------------------------------------------------------------------- */

struct facts {
    struct guid id;
    bool primordial;
    uint64_t size, free;
    uint64_t taken, promised; /* by LUNs, to LUNs */
    unsigned n_drives, n_online, n_failed, n_offline, n_taking; /* taking: new LUNs */
    char name[ARRAY_NAME_MAX + 1], description[512];
};

struct member {
    struct array_drive_info drive;
    size_t pool;
};

struct pools {
    struct facts *list; /* the first is the primordial one */
    struct member *members;
    size_t n, n_members;
};

static void pools_fini(struct pools *pools)
{
    free(pools->list);
    free(pools->members);
}

static size_t pool_of(struct pools *pools, const struct array_drive_info *drive)
{
    struct facts *new;

    for (size_t i = 1; i < pools->n; i++) {
        if (guid_equal(&pools->list[i].id, &drive->pool))
            return i;
    }
    new = &pools->list[pools->n];
    new->id = drive->pool;
    snprintf(new->name, sizeof new->name, "%s", drive->friendly_name);
    snprintf(new->description, sizeof new->description, "on one file system:");
    return pools->n++;
}

static void count_drive(struct facts *f, const struct array_drive_info *drive, bool alone)
{
    size_t len = strlen(f->description);

    f->n_drives++;
    f->n_online += drive->status == VDS_DRS_ONLINE;
    f->n_offline += drive->status == VDS_DRS_OFFLINE;
    f->n_failed += drive->status == VDS_DRS_FAILED;
    f->n_taking += drive->takes_luns;
    if (!alone)
        return;
    f->size = drive->size > f->size ? drive->size : f->size;
    if (drive->status == VDS_DRS_ONLINE && drive->free > f->free)
        f->free = drive->free;
    snprintf(f->description + len, sizeof f->description - len, " %s", drive->path);
}

static HRESULT add_drives(struct provider *inside, struct pools *pools, const struct guid *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct member *m = &pools->members[pools->n_members];
        HRESULT hr = array_drive_get(inside->config.array, &ids[i], &m->drive);

        if (hr == (HRESULT)VDS_E_OBJECT_DELETED) /* just now */
            continue;
        if (FAILED(hr))
            return hr;
        m->pool = pool_of(pools, &m->drive);
        count_drive(&pools->list[m->pool], &m->drive, true);
        count_drive(&pools->list[0], &m->drive, false);
        pools->n_members++;
    }
    return S_OK;
}

static const struct member *member_of(const struct pools *pools, const struct guid *drive)
{
    for (size_t i = 0; i < pools->n_members; i++) {
        if (guid_equal(&pools->members[i].drive.id, drive))
            return &pools->members[i];
    }
    return NULL;
}

static HRESULT add_luns(struct provider *inside, struct pools *pools)
{
    _cleanup_(freep) struct guid *luns = NULL;
    size_t n = 0;
    HRESULT hr = array_query(inside->config.array, ARRAY_LUNS, NULL, &luns, &n);

    for (size_t i = 0; SUCCEEDED(hr) && i < n; i++) {
        struct array_lun_info info;
        const struct member *m;

        hr = array_lun_get(inside->config.array, &luns[i], &info);
        if (hr == (HRESULT)VDS_E_OBJECT_DELETED) { /* just now */
            hr = S_OK;
            continue;
        }
        if (FAILED(hr))
            break;
        m = member_of(pools, &info.drive);
        if (m && lun_takes_space(&info)) {
            pools->list[m->pool].taken += info.allocated;
            pools->list[m->pool].promised += info.size;
        }
        array_lun_info_fini(&info);
    }
    return hr;
}

/* All of the primordial pool has been given to the others. Its id is of its own, as lasting as the
 * array's. */
static void add_primordial(struct provider *inside, struct pools *pools)
{
    struct facts *all = &pools->list[0];

    all->id = inside->subsystem_id;
    all->id.data1 ^= 0x504f4f4c; /* "POOL" */
    all->primordial = true;
    strcpy(all->name, "all drives");
    strcpy(all->description, "everything the array has");
    for (size_t i = 1; i < pools->n; i++)
        all->size += pools->list[i].size;
    all->taken = all->size;
}

static HRESULT collect(struct provider *inside, struct pools *ret_pools)
{
    _cleanup_(freep) struct guid *ids = NULL;
    size_t n = 0;
    HRESULT hr = array_query(inside->config.array, ARRAY_DRIVES, NULL, &ids, &n);

    if (FAILED(hr))
        return hr;
    ret_pools->list = calloc(n + 1, sizeof *ret_pools->list);
    ret_pools->members = calloc(n + 1, sizeof *ret_pools->members);
    if (!ret_pools->list || !ret_pools->members)
        return E_OUTOFMEMORY;
    ret_pools->n = 1;
    hr = add_drives(inside, ret_pools, ids, n);
    if (SUCCEEDED(hr))
        hr = add_luns(inside, ret_pools);
    add_primordial(inside, ret_pools);
    return hr;
}

static const struct facts *find(const struct pools *pools, const struct guid *id)
{
    for (size_t i = 0; i < pools->n; i++) {
        if (guid_equal(&pools->list[i].id, id))
            return &pools->list[i];
    }
    return NULL;
}

static bool is_in(const struct pools *pools, const struct member *m, const struct facts *f)
{
    return f->primordial || &pools->list[m->pool] == f;
}

bool pool_exists(struct provider *inside, const struct guid *pool)
{
    _cleanup_(pools_fini) struct pools pools = { 0 };

    return SUCCEEDED(collect(inside, &pools)) && find(&pools, pool);
}

HRESULT pool_drives(struct provider *inside, const struct guid *pool, struct guid **ret_drives, size_t *ret_n)
{
    _cleanup_(pools_fini) struct pools pools = { 0 };
    const struct facts *f;
    HRESULT hr = collect(inside, &pools);

    if (FAILED(hr))
        return hr;
    if (!(f = find(&pools, pool)))
        return VDS_E_OBJECT_NOT_FOUND;
    if (f->primordial || f->n_taking == 0) {
        error_text_set(f->primordial
                           ? "all of the primordial pool is in the concrete ones: make the LUN there"
                           : "no drive of the pool takes new LUNs");
        return f->primordial ? VDS_E_NOT_ENOUGH_SPACE : VDS_E_NOT_ENOUGH_DRIVE;
    }
    *ret_drives = calloc(pools.n_members, sizeof **ret_drives);
    if (!*ret_drives)
        return E_OUTOFMEMORY;
    for (size_t i = 0; i < pools.n_members; i++) {
        if (is_in(&pools, &pools.members[i], f) && pools.members[i].drive.takes_luns)
            (*ret_drives)[(*ret_n)++] = pools.members[i].drive.id;
    }
    return S_OK;
}

/* ---- attributes ---------------------------------------------------------------------------------------- */

/* What every pool of files is: thin, one copy in one place, not striped. All fields are four bytes wide. */
static const struct {
    ULONGLONG bit;
    size_t offset;
    ULONG value;
} attributes[] = {
    { VDS_POOL_ATTRIB_BUSTYPE, offsetof(VDS_POOL_ATTRIBUTES, busType), VDSBusTypeFileBackedVirtual },
    { VDS_POOL_ATTRIB_ALLOW_SPINDOWN, offsetof(VDS_POOL_ATTRIBUTES, bSpinDown), FALSE },
    { VDS_POOL_ATTRIB_THIN_PROVISION, offsetof(VDS_POOL_ATTRIBUTES, bIsThinProvisioned), TRUE },
    { VDS_POOL_ATTRIB_NO_SINGLE_POF, offsetof(VDS_POOL_ATTRIBUTES, bNoSinglePointOfFailure), FALSE },
    { VDS_POOL_ATTRIB_DATA_RDNCY_MAX, offsetof(VDS_POOL_ATTRIBUTES, ulDataRedundancyMax), 1 },
    { VDS_POOL_ATTRIB_DATA_RDNCY_MIN, offsetof(VDS_POOL_ATTRIBUTES, ulDataRedundancyMin), 1 },
    { VDS_POOL_ATTRIB_DATA_RDNCY_DEF, offsetof(VDS_POOL_ATTRIBUTES, ulDataRedundancyDefault), 1 },
    { VDS_POOL_ATTRIB_PKG_RDNCY_MAX, offsetof(VDS_POOL_ATTRIBUTES, ulPackageRedundancyMax), 0 },
    { VDS_POOL_ATTRIB_PKG_RDNCY_MIN, offsetof(VDS_POOL_ATTRIBUTES, ulPackageRedundancyMin), 0 },
    { VDS_POOL_ATTRIB_PKG_RDNCY_DEF, offsetof(VDS_POOL_ATTRIBUTES, ulPackageRedundancyDefault), 0 },
    { VDS_POOL_ATTRIB_NUM_CLMNS, offsetof(VDS_POOL_ATTRIBUTES, ulNumberOfColumns), 1 },
    { VDS_POOL_ATTRIB_NUM_CLMNS_MAX, offsetof(VDS_POOL_ATTRIBUTES, ulNumberOfColumnsMax), 1 },
    { VDS_POOL_ATTRIB_NUM_CLMNS_MIN, offsetof(VDS_POOL_ATTRIBUTES, ulNumberOfColumnsMin), 1 },
    { VDS_POOL_ATTRIB_NUM_CLMNS_DEF, offsetof(VDS_POOL_ATTRIBUTES, ulDefaultNumberofColumns), 1 },
};
#define HINTS                                                                                                \
    (VDS_POOL_ATTRIB_DATA_AVL_HINT | VDS_POOL_ATTRIB_ACCS_RNDM_HINT | VDS_POOL_ATTRIB_ACCS_DIR_HINT |        \
     VDS_POOL_ATTRIB_ACCS_SIZE_HINT | VDS_POOL_ATTRIB_ACCS_LTNCY_HINT | VDS_POOL_ATTRIB_ACCS_BDW_WT_HINT |   \
     VDS_POOL_ATTRIB_STOR_COST_HINT | VDS_POOL_ATTRIB_STOR_EFFCY_HINT)

/* Every attribute asked for must be one of ours, with its value; hints rule out nobody. */
static bool meets(const VDS_POOL_ATTRIBUTES *wanted)
{
    ULONGLONG left = wanted ? wanted->ullAttributeMask & ~(ULONGLONG)HINTS : 0;

    for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
        ULONG value;

        if (!(left & attributes[i].bit))
            continue;
        memcpy(&value, (const char *)wanted + attributes[i].offset, sizeof value);
        if (value != attributes[i].value)
            return false;
        left &= ~attributes[i].bit;
    }
    return left == 0;
}

HRESULT pools_query(struct provider *p, ULONG flags, ULONGLONG free_space, const VDS_POOL_ATTRIBUTES *wanted,
                    IEnumVdsObject **ret_enum)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(pools_fini) struct pools pools = { 0 };
    _cleanup_(freep) struct guid *ids = NULL;
    size_t n = 0;
    HRESULT hr;

    if (!ret_enum)
        return E_INVALIDARG;
    *ret_enum = NULL;
    if (flags & ~(ULONG)(VDS_SPT_PRIMORDIAL | VDS_SPT_CONCRETE))
        return E_INVALIDARG;
    hr = provider_enter(p, &inside);
    if (SUCCEEDED(hr))
        hr = collect(inside, &pools);
    if (SUCCEEDED(hr) && !(ids = calloc(pools.n, sizeof *ids)))
        hr = E_OUTOFMEMORY;
    for (size_t i = 0; SUCCEEDED(hr) && i < pools.n; i++) {
        ULONG type = pools.list[i].primordial ? VDS_SPT_PRIMORDIAL : VDS_SPT_CONCRETE;

        if ((flags == 0 || (flags & type)) && pools.list[i].free >= free_space && meets(wanted))
            ids[n++] = pools.list[i].id;
    }
    return FAILED(hr) ? hr : handle_enumerate(inside, provider_pool_new, ids, n, ret_enum);
}

/* ---- IVdsStoragePool ----------------------------------------------------------------------------------- */

/* Passes the gate and collects; *ret_facts points into *ret_pools. */
static HRESULT pool_get(IVdsStoragePool *face, struct provider **ret_inside, struct pools *ret_pools,
                        const struct facts **ret_facts)
{
    struct pool *o = pool_from_IVdsStoragePool(face);
    HRESULT hr = provider_enter(o->h.provider, ret_inside);

    if (SUCCEEDED(hr))
        hr = collect(*ret_inside, ret_pools);
    if (FAILED(hr))
        return hr;
    *ret_facts = find(ret_pools, &o->h.id);
    if (*ret_facts)
        return S_OK;
    error_text_set("the storage pool is gone");
    return VDS_E_OBJECT_DELETED;
}

static HRESULT pool_GetProvider(IVdsStoragePool *face, IVdsProvider **ret_provider)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(pools_fini) struct pools pools = { 0 };
    const struct facts *f;
    HRESULT hr;

    if (!ret_provider)
        return E_INVALIDARG;
    *ret_provider = NULL;
    hr = pool_get(face, &inside, &pools, &f);
    if (FAILED(hr))
        return hr;
    IVdsProvider_AddRef(&inside->provider);
    *ret_provider = &inside->provider;
    return S_OK;
}

/* The pages know three: VDS_STORAGE_POOL_PROP lists UNKNOWN, HEALTHY and DEGRADED. */
static VDS_HEALTH pool_health(const struct facts *f)
{
    return f->n_failed > 0 ? VDS_H_DEGRADED : VDS_H_HEALTHY;
}

/* Consumed is what backs the pool, not what LUNs have taken of it; managed is that and what is free
 * (VDS_STORAGE_POOL_PROP, the remarks). A file system may hold more than LUNs, so managed is less than
 * consumed. */
static HRESULT pool_GetProperties(IVdsStoragePool *face, VDS_STORAGE_POOL_PROP *ret_prop)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(pools_fini) struct pools pools = { 0 };
    const struct facts *f;
    HRESULT hr;

    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    hr = pool_get(face, &inside, &pools, &f);
    if (FAILED(hr))
        return hr;
    ret_prop->id = com_GUID(&f->id);
    ret_prop->status = f->n_online > 0                ? VDS_SPS_ONLINE
                       : f->n_offline == f->n_drives ? VDS_SPS_OFFLINE
                                                      : VDS_SPS_NOT_READY;
    ret_prop->health = pool_health(f);
    ret_prop->type = f->primordial ? VDS_SPT_PRIMORDIAL : VDS_SPT_CONCRETE;
    ret_prop->ullTotalConsumedSpace = f->size;
    ret_prop->ullTotalManagedSpace = f->taken + f->free;
    ret_prop->ullRemainingFreeSpace = f->free;
    return wide_fields((const struct wide_field[]){ { &ret_prop->pwszName, f->name },
                                                    { &ret_prop->pwszDescription, f->description } },
                       2);
}

static HRESULT pool_GetAttributes(IVdsStoragePool *face, VDS_POOL_ATTRIBUTES *ret_attributes)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(pools_fini) struct pools pools = { 0 };
    const struct facts *f;
    HRESULT hr;

    if (!ret_attributes)
        return E_INVALIDARG;
    memset(ret_attributes, 0, sizeof *ret_attributes);
    hr = pool_get(face, &inside, &pools, &f);
    if (FAILED(hr))
        return hr;
    for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
        ret_attributes->ullAttributeMask |= attributes[i].bit;
        memcpy((char *)ret_attributes + attributes[i].offset, &attributes[i].value, sizeof(ULONG));
    }
    /* thin LUNs may be promised more than there is */
    ret_attributes->ullProvisionedSpace = f->promised > f->size ? f->promised : f->size;
    return com_wide("LUNs", &ret_attributes->pwszIntendedUsage);
}

/* One extent for each drive that the pool lies on; drives of one file system share its space, so the first
 * stands for it. */
static HRESULT pool_QueryDriveExtents(IVdsStoragePool *face, VDS_STORAGE_POOL_DRIVE_EXTENT **ret_extents,
                                      LONG *ret_n)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(pools_fini) struct pools pools = { 0 };
    const struct facts *f;
    HRESULT hr;

    if (ret_extents)
        *ret_extents = NULL;
    if (ret_n)
        *ret_n = 0;
    if (!ret_extents || !ret_n)
        return E_INVALIDARG;
    hr = pool_get(face, &inside, &pools, &f);
    if (FAILED(hr) || f->n_drives == 0)
        return hr;
    *ret_extents = com_task_calloc(f->n_drives, sizeof **ret_extents);
    if (!*ret_extents)
        return E_OUTOFMEMORY;
    for (size_t i = 0; i < pools.n_members; i++) {
        const struct member *m = &pools.members[i];
        struct facts *of = &pools.list[m->pool];

        if (!is_in(&pools, m, f))
            continue;
        (*ret_extents)[*ret_n].id = com_GUID(&m->drive.id);
        (*ret_extents)[*ret_n].ullSize = of->size;
        (*ret_extents)[(*ret_n)++].bUsed = TRUE;
        of->size = 0; /* counted */
    }
    return S_OK;
}

/* LUNs are carved from concrete pools only. */
static HRESULT pool_QueryAllocatedLuns(IVdsStoragePool *face, IEnumVdsObject **ret_enum)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(pools_fini) struct pools pools = { 0 };
    _cleanup_(freep) struct guid *luns = NULL;
    const struct facts *f;
    size_t n = 0, n_ours = 0;
    HRESULT hr;

    if (!ret_enum)
        return E_INVALIDARG;
    *ret_enum = NULL;
    hr = pool_get(face, &inside, &pools, &f);
    if (SUCCEEDED(hr))
        hr = array_query(inside->config.array, ARRAY_LUNS, NULL, &luns, &n);
    if (FAILED(hr))
        return hr;
    for (size_t i = 0; i < n && !f->primordial; i++) {
        struct array_lun_info info;
        const struct member *m;

        hr = array_lun_get(inside->config.array, &luns[i], &info);
        if (hr == (HRESULT)VDS_E_OBJECT_DELETED) /* just now */
            continue;
        if (FAILED(hr))
            return hr;
        m = lun_takes_space(&info) ? member_of(&pools, &info.drive) : NULL;
        array_lun_info_fini(&info);
        if (m && is_in(&pools, m, f))
            luns[n_ours++] = luns[i];
    }
    return handle_enumerate(inside, provider_lun_new, luns, n_ours, ret_enum);
}

static HRESULT pool_QueryAllocatedStoragePools(IVdsStoragePool *face, IEnumVdsObject **ret_enum)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(pools_fini) struct pools pools = { 0 };
    _cleanup_(freep) struct guid *ids = NULL;
    const struct facts *f;
    size_t n = 0;
    HRESULT hr;

    if (!ret_enum)
        return E_INVALIDARG;
    *ret_enum = NULL;
    hr = pool_get(face, &inside, &pools, &f);
    if (SUCCEEDED(hr) && !(ids = calloc(pools.n, sizeof *ids)))
        hr = E_OUTOFMEMORY;
    if (FAILED(hr))
        return hr;
    for (size_t i = 1; i < pools.n && f->primordial; i++)
        ids[n++] = pools.list[i].id;
    return handle_enumerate(inside, provider_pool_new, ids, n, ret_enum);
}

static const IVdsStoragePoolVtbl pool_vtbl = {
    COM_UNKNOWN_SLOTS(pool, IVdsStoragePool),
    .GetProvider = pool_GetProvider,
    .GetProperties = pool_GetProperties,
    .GetAttributes = pool_GetAttributes,
    .QueryDriveExtents = pool_QueryDriveExtents,
    .QueryAllocatedLuns = pool_QueryAllocatedLuns,
    .QueryAllocatedStoragePools = pool_QueryAllocatedStoragePools,
};
static const struct com_face pool_faces[] = {
    COM_IDENTITY(pool, IVdsStoragePool, face, pool_vtbl),
    COM_FACE(pool, IVdsStoragePool, face, pool_vtbl),
};
HANDLE_CLASS(pool)

HRESULT provider_pool_new(struct provider *p, const struct guid *id, IUnknown **ret_object)
{
    return handle_new(&pool_class, p, id, ret_object);
}
