/* SPDX-License-Identifier: MIT */
/* The provider object: its faces towards clients and towards the service, and the gate before the array. */
#include "provider/provider_internal.h"

#include <stdlib.h>
#include <time.h>

COM_UNKNOWN(provider, IVdsProvider, provider)
COM_UNKNOWN(provider, IVdsHwProvider, hw)
COM_UNKNOWN(provider, IVdsProviderSupport, support)
COM_UNKNOWN(provider, IVdsHwProviderType, type)
COM_UNKNOWN(provider, IVdsHwProviderType2, type2)
COM_UNKNOWN(provider, IVdsProviderPrivate, private_face)
COM_UNKNOWN(provider, IVdsHwProviderPrivate, hw_private)
COM_UNKNOWN(provider, IVdsHwProviderStoragePools, pools)

#define PROVIDER_NAME "VDS for Linux iSCSI array"

/* Changes with every version whose behaviour differs. */
static const GUID version_id = PROVIDER_VERSION_ID;

void provider_ref(struct provider *p)
{
    com_object_ref(&p->obj);
}

void provider_unref(struct provider *p)
{
    com_object_unref(&p->obj);
}

uint64_t provider_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

HRESULT provider_enter(struct provider *p, struct provider **ret_inside)
{
    error_text_clear();
    pthread_rwlock_rdlock(&p->gate);
    if (!p->loaded) {
        pthread_rwlock_unlock(&p->gate);
        error_text_set("the provider is not initialised (OnLoad), or it was unloaded");
        return VDS_E_INITIALIZE_NOT_CALLED;
    }
    *ret_inside = p;
    return S_OK;
}

void provider_leave(struct provider **inside)
{
    if (*inside)
        pthread_rwlock_unlock(&(*inside)->gate);
}

/* ---- IVdsProvider, IVdsProviderSupport, the two types -------------------------------------------------- */

/* Answers whatever state the array is in: this is how one comes to the Reenumerate() that cures it. */
static HRESULT provider_GetProperties(IVdsProvider *face, VDS_PROVIDER_PROP *ret_prop)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    hr = provider_enter(provider_from_IVdsProvider(face), &inside);
    if (FAILED(hr))
        return hr;
    ret_prop->id = com_GUID(&inside->id);
    ret_prop->guidVersionId = version_id;
    ret_prop->type = VDS_PT_HARDWARE;
    return wide_fields((const struct wide_field[]){ { &ret_prop->pwszName, PROVIDER_NAME },
                                                    { &ret_prop->pwszVersion, VDS_VERSION } },
                       2);
}

static HRESULT provider_GetVersionSupport(IVdsProviderSupport *face, ULONG *ret_versions)
{
    (void)face;
    if (!ret_versions)
        return E_INVALIDARG;
    *ret_versions = VDS_VSF_1_0 | VDS_VSF_1_1 | VDS_VSF_2_0 | VDS_VSF_2_1 | VDS_VSF_3_0;
    return S_OK;
}

static HRESULT hwprovider_type(VDS_HWPROVIDER_TYPE *ret_type)
{
    if (!ret_type)
        return E_INVALIDARG;
    *ret_type = VDS_HWT_ISCSI;
    return S_OK;
}

static HRESULT provider_GetProviderType(IVdsHwProviderType *face, VDS_HWPROVIDER_TYPE *ret_type)
{
    (void)face;
    return hwprovider_type(ret_type);
}

static HRESULT provider_GetProviderType2(IVdsHwProviderType2 *face, VDS_HWPROVIDER_TYPE *ret_type)
{
    (void)face;
    return hwprovider_type(ret_type);
}

/* ---- IVdsHwProvider ------------------------------------------------------------------------------------ */

static HRESULT provider_QuerySubSystems(IVdsHwProvider *face, IEnumVdsObject **ret_enum)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    if (!ret_enum)
        return E_INVALIDARG;
    *ret_enum = NULL;
    hr = provider_enter(provider_from_IVdsHwProvider(face), &inside);
    return FAILED(hr) ? hr
                      : handle_query_one(inside, provider_subsystem_new, &inside->subsystem_id, ret_enum);
}

static HRESULT provider_Reenumerate(IVdsHwProvider *face)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr = provider_enter(provider_from_IVdsHwProvider(face), &inside);

    return FAILED(hr) ? hr : array_reenumerate(inside->config.array);
}

static HRESULT provider_Refresh(IVdsHwProvider *face)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr = provider_enter(provider_from_IVdsHwProvider(face), &inside);

    return FAILED(hr) ? hr : array_refresh(inside->config.array);
}

/* ---- IVdsHwProviderStoragePools: what the pools are is in pool.c --------------------------------------- */

static HRESULT provider_QueryStoragePools(IVdsHwProviderStoragePools *face, ULONG flags, ULONGLONG free_space,
                                          VDS_POOL_ATTRIBUTES *attributes, IEnumVdsObject **ret_enum)
{
    return pools_query(provider_from_IVdsHwProviderStoragePools(face), flags, free_space, attributes,
                       ret_enum);
}

static HRESULT provider_CreateLunInStoragePool(IVdsHwProviderStoragePools *face, VDS_LUN_TYPE type,
                                               ULONGLONG size, VDS_OBJECT_ID pool, LPWSTR mask,
                                               VDS_HINTS2 *hints, IVdsAsync **ret_async)
{
    struct provider *p = provider_from_IVdsHwProviderStoragePools(face);
    struct lun_request request = { .size = size, .mask = mask, .write_through = hints2_write_through(hints) };
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) struct guid *drives = NULL;
    size_t n = 0;
    HRESULT hr;

    if (!ret_async)
        return E_INVALIDARG;
    *ret_async = NULL;
    hr = lun_type_check(type, 0, hints != NULL);
    if (SUCCEEDED(hr))
        hr = provider_enter(p, &inside);
    if (SUCCEEDED(hr))
        hr = pool_drives(inside, com_guid(&pool), &drives, &n);
    provider_leave(&inside);
    inside = NULL;
    if (FAILED(hr))
        return hr;
    request.drives = (const VDS_OBJECT_ID *)(const void *)drives;
    request.n_drives = (LONG)n;
    return provider_lun_create(p, &request, ret_async);
}

static HRESULT provider_QueryMaxLunCreateSizeInStoragePool(IVdsHwProviderStoragePools *face,
                                                           VDS_LUN_TYPE type, VDS_OBJECT_ID pool,
                                                           VDS_HINTS2 *hints, ULONGLONG *ret_max)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) struct guid *drives = NULL;
    size_t n = 0;
    HRESULT hr;

    if (!ret_max)
        return E_INVALIDARG;
    *ret_max = 0;
    hr = lun_type_check(type, 0, hints != NULL);
    if (SUCCEEDED(hr))
        hr = provider_enter(provider_from_IVdsHwProviderStoragePools(face), &inside);
    if (SUCCEEDED(hr))
        hr = pool_drives(inside, com_guid(&pool), &drives, &n);
    return FAILED(hr) ? hr : lun_max_size(inside, drives, n, ret_max);
}

/* ---- towards the service ------------------------------------------------------------------------------- */

static HRESULT provider_GetObject(IVdsProviderPrivate *face, VDS_OBJECT_ID id, VDS_OBJECT_TYPE type,
                                  IUnknown **ret_object)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    if (!ret_object)
        return E_INVALIDARG;
    *ret_object = NULL;
    hr = provider_enter(provider_from_IVdsProviderPrivate(face), &inside);
    return FAILED(hr) ? hr : handle_lookup(inside, type, com_guid(&id), ret_object);
}

/* The gate is held for writing. */
static HRESULT provider_open_gate(struct provider *p)
{
    struct array_subsystem_info info;
    HRESULT hr = p->loaded ? VDS_E_INVALID_OPERATION : array_subsystem_get(p->config.array, &info);

    if (FAILED(hr))
        return hr;
    p->id = info.provider_id;
    p->subsystem_id = info.id;
    p->loaded = true;
    return S_OK;
}

static HRESULT provider_OnLoad(IVdsProviderPrivate *face, LPWSTR machine, IUnknown *callback)
{
    struct provider *p = provider_from_IVdsProviderPrivate(face);
    _cleanup_(com_releasep) IVdsAdviseSink *sink = NULL;
    HRESULT hr;

    (void)machine; /* reserved */
    if (!callback)
        return E_INVALIDARG;
    if (FAILED(IUnknown_QueryInterface(callback, &IID_IVdsAdviseSink, (void **)&sink)))
        return VDS_E_INITIALIZED_FAILED;
    pthread_rwlock_wrlock(&p->gate);
    hr = provider_open_gate(p);
    pthread_rwlock_unlock(&p->gate);
    if (SUCCEEDED(hr) && p->config.feed)
        provider_feed_set_sink(p->config.feed, sink);
    return hr;
}

/* S_FALSE: a call is inside the array, the service tries again later; by force: waits for it. */
static HRESULT provider_OnUnload(IVdsProviderPrivate *face, BOOL force)
{
    struct provider *p = provider_from_IVdsProviderPrivate(face);
    bool was_loaded;

    if (force)
        pthread_rwlock_wrlock(&p->gate);
    else if (pthread_rwlock_trywrlock(&p->gate) != 0)
        return S_FALSE;
    was_loaded = p->loaded;
    p->loaded = false;
    pthread_rwlock_unlock(&p->gate);
    if (was_loaded && p->config.feed)
        provider_feed_set_sink(p->config.feed, NULL);
    return was_loaded ? S_OK : VDS_E_INITIALIZE_NOT_CALLED;
}

/* Does the device identify itself as our LUN does? By serial number, or by any identifier with the bytes of
 * our NAA designator. */
static bool lun_matches(const struct array_lun_inquiry *ours, const VDS_LUN_INFORMATION *theirs)
{
    if (theirs->m_szSerialNumber && strcmp((const char *)theirs->m_szSerialNumber, ours->serial) == 0)
        return true;
    for (ULONG i = 0;
         theirs->m_deviceIdDescriptor.m_rgIdentifiers && i < theirs->m_deviceIdDescriptor.m_cIdentifiers;
         i++) {
        const VDS_STORAGE_IDENTIFIER *id = &theirs->m_deviceIdDescriptor.m_rgIdentifiers[i];

        if (id->m_Type == VDSStorageIdTypeFCPHName && ours->naa_len > 0 &&
            id->m_cbIdentifier == ours->naa_len && id->m_rgbIdentifier &&
            memcmp(id->m_rgbIdentifier, ours->naa, ours->naa_len) == 0)
            return true;
    }
    return false;
}

static HRESULT provider_QueryIfCreatedLun(IVdsHwProviderPrivate *face, LPWSTR path, VDS_LUN_INFORMATION *info,
                                          VDS_OBJECT_ID *ret_id)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) struct guid *ids = NULL;
    struct array_lun_inquiry inquiry;
    size_t n = 0;
    HRESULT hr;

    if (ret_id)
        *ret_id = GUID_NULL;
    if (!path || !info || !ret_id)
        return E_INVALIDARG;
    hr = provider_enter(provider_from_IVdsHwProviderPrivate(face), &inside);
    if (SUCCEEDED(hr))
        hr = array_query(inside->config.array, ARRAY_LUNS, NULL, &ids, &n);
    if (FAILED(hr))
        return hr;
    for (size_t i = 0; i < n; i++) {
        if (SUCCEEDED(array_lun_inquiry(inside->config.array, &ids[i], &inquiry)) &&
            lun_matches(&inquiry, info)) {
            *ret_id = com_GUID(&ids[i]);
            return S_OK;
        }
    }
    return S_FALSE;
}

/* ---- the class ----------------------------------------------------------------------------------------- */

static const IVdsProviderVtbl provider_vtbl = {
    COM_UNKNOWN_SLOTS(provider, IVdsProvider),
    .GetProperties = provider_GetProperties,
};
static const IVdsHwProviderVtbl provider_hw_vtbl = {
    COM_UNKNOWN_SLOTS(provider, IVdsHwProvider),
    .QuerySubSystems = provider_QuerySubSystems,
    .Reenumerate = provider_Reenumerate,
    .Refresh = provider_Refresh,
};
static const IVdsProviderSupportVtbl provider_support_vtbl = {
    COM_UNKNOWN_SLOTS(provider, IVdsProviderSupport),
    .GetVersionSupport = provider_GetVersionSupport,
};
static const IVdsHwProviderTypeVtbl provider_type_vtbl = {
    COM_UNKNOWN_SLOTS(provider, IVdsHwProviderType),
    .GetProviderType = provider_GetProviderType,
};
static const IVdsHwProviderType2Vtbl provider_type2_vtbl = {
    COM_UNKNOWN_SLOTS(provider, IVdsHwProviderType2),
    .GetProviderType2 = provider_GetProviderType2,
};
static const IVdsProviderPrivateVtbl provider_private_vtbl = {
    COM_UNKNOWN_SLOTS(provider, IVdsProviderPrivate),
    .GetObject = provider_GetObject,
    .OnLoad = provider_OnLoad,
    .OnUnload = provider_OnUnload,
};
static const IVdsHwProviderPrivateVtbl provider_hw_private_vtbl = {
    COM_UNKNOWN_SLOTS(provider, IVdsHwProviderPrivate),
    .QueryIfCreatedLun = provider_QueryIfCreatedLun,
};
static const IVdsHwProviderStoragePoolsVtbl provider_pools_vtbl = {
    COM_UNKNOWN_SLOTS(provider, IVdsHwProviderStoragePools),
    .QueryStoragePools = provider_QueryStoragePools,
    .CreateLunInStoragePool = provider_CreateLunInStoragePool,
    .QueryMaxLunCreateSizeInStoragePool = provider_QueryMaxLunCreateSizeInStoragePool,
};

static const struct com_face provider_faces[] = {
    COM_IDENTITY(provider, IVdsProvider, provider, provider_vtbl),
    COM_FACE(provider, IVdsProvider, provider, provider_vtbl),
    COM_FACE(provider, IVdsHwProvider, hw, provider_hw_vtbl),
    COM_FACE(provider, IVdsProviderSupport, support, provider_support_vtbl),
    COM_FACE(provider, IVdsHwProviderType, type, provider_type_vtbl),
    COM_FACE(provider, IVdsHwProviderType2, type2, provider_type2_vtbl),
    COM_FACE(provider, IVdsProviderPrivate, private_face, provider_private_vtbl),
    COM_FACE(provider, IVdsHwProviderPrivate, hw_private, provider_hw_private_vtbl),
    COM_FACE(provider, IVdsHwProviderStoragePools, pools, provider_pools_vtbl),
};

static void provider_destroy(struct com_object *obj)
{
    struct provider *p = container_of(obj, struct provider, obj);

    if (p->loaded && p->config.feed) /* a service that forgot OnUnload */
        provider_feed_set_sink(p->config.feed, NULL);
    pthread_rwlock_destroy(&p->gate);
    maintenance_destroy(p->maintenance);
    free(p);
}

static const GUID *provider_id(const struct com_object *obj)
{
    return (const GUID *)(const void *)&container_of(obj, const struct provider, obj)->id;
}
COM_CLASS_WITH_ID(provider, provider_destroy, provider_id)

/* What an option of 0 means; see array.h and engine.h. */
static struct provider_limits limits_of(const struct array_options *o)
{
    return (struct provider_limits){
        .max_groups = o && o->max_groups ? o->max_groups : 65535,
        .drain_seconds = o ? o->drain_seconds : 15,
        .max_connections = o && o->engine.max_connections ? o->engine.max_connections : 4096,
        .default_port = o && o->default_port ? o->default_port : 3260,
    };
}

HRESULT provider_create(const struct provider_config *config, struct provider **ret_provider)
{
    struct provider *p = com_object_new(&provider_class);
    pthread_rwlockattr_t attr;

    if (!p)
        return E_OUTOFMEMORY;
    p->config = *config;
    p->limits = limits_of(config->options);
    p->config.options = NULL;
    p->created_ns = provider_now_ns();
    pthread_rwlockattr_init(&attr);
    /* OnUnload must not starve behind calls that keep coming. */
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&p->gate, &attr);
    pthread_rwlockattr_destroy(&attr);
    if (FAILED(maintenance_create(&p->maintenance))) {
        provider_unref(p);
        return E_OUTOFMEMORY;
    }
    *ret_provider = p;
    return S_OK;
}
