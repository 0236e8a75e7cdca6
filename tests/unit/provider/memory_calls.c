/* SPDX-License-Identifier: MIT */
#include "memory_calls.h"

#include "alloc_faults.h"
#include "provider/subsystem.h"

static HRESULT give_back(HRESULT hr, void *object)
{
    if (FAILED(hr))
        assert_null(object);
    else
        drop(object);
    return hr;
}

static HRESULT query_portals(struct scene *s)
{
    IEnumVdsObject *e = NULL;
    HRESULT hr = IVdsSubSystemIscsi_QueryPortals(s->f->iscsi, &e);

    return give_back(hr, e);
}

static HRESULT query_plexes(struct scene *s)
{
    IEnumVdsObject *e = NULL;
    HRESULT hr = IVdsLun_QueryPlexes(s->lun, &e);

    return give_back(hr, e);
}

static HRESULT clone_enum(struct scene *s)
{
    IEnumVdsObject *e = NULL;
    HRESULT hr = IEnumVdsObject_Clone(s->list, &e);

    return give_back(hr, e);
}

static HRESULT create_portal_group(struct scene *s)
{
    IVdsAsync *async = NULL;
    HRESULT hr = IVdsIscsiTarget_CreatePortalGroup(s->target, &async);

    return give_back(hr, async);
}

static HRESULT create_target(struct scene *s)
{
    WCHAR friendly[] = u"f";
    IVdsAsync *async = NULL;
    HRESULT hr = IVdsSubSystemIscsi_CreateTarget(s->f->iscsi, NULL, friendly, &async);

    return give_back(hr, async);
}

static HRESULT create_lun(struct scene *s)
{
    WCHAR mask[] = u"*", name[] = u"n";
    IVdsAsync *async = NULL;
    HRESULT hr = IVdsSubSystemEx_CreateLunEx(s->ex, 1 << 20, FALSE, NULL, 0, mask, name, &async);

    return give_back(hr, async);
}

static HRESULT wait_for_output(struct scene *s)
{
    VDS_ASYNC_OUTPUT out;
    HRESULT ended, hr = IVdsAsync_Wait(s->async, &ended, &out);

    return give_back(hr, out.ct.pTargetUnk);
}

static HRESULT get_drive(struct scene *s)
{
    IVdsDrive *drive = NULL;
    HRESULT hr = IVdsSubSystem_GetDrive(s->f->subsystem, 0, 3, &drive);

    return give_back(hr, drive);
}

static HRESULT make_instance(struct scene *s)
{
    IUnknown *object = NULL;
    HRESULT hr = IClassFactory_CreateInstance(s->f->factory, NULL, &IID_IUnknown, (void **)&object);

    return give_back(hr, object);
}

static HRESULT free_texts(HRESULT hr, LPWSTR a, LPWSTR b, LPWSTR c)
{
    if (FAILED(hr))
        assert_true(!a && !b && !c);
    CoTaskMemFree(a);
    CoTaskMemFree(b);
    CoTaskMemFree(c);
    return hr;
}

static HRESULT target_properties(struct scene *s)
{
    VDS_ISCSI_TARGET_PROP prop;
    HRESULT hr = IVdsIscsiTarget_GetProperties(s->target, &prop);

    return free_texts(hr, prop.pwszIscsiName, prop.pwszFriendlyName, NULL);
}

static HRESULT lun_properties(struct scene *s)
{
    VDS_LUN_PROP prop;
    HRESULT hr = IVdsLun_GetProperties(s->lun, &prop);

    return free_texts(hr, prop.pwszFriendlyName, prop.pwszIdentification, prop.pwszUnmaskingList);
}

static HRESULT subsystem_properties(struct scene *s)
{
    VDS_SUB_SYSTEM_PROP prop;
    HRESULT hr = IVdsSubSystem_GetProperties(s->f->subsystem, &prop);

    return free_texts(hr, prop.pwszFriendlyName, prop.pwszIdentification, NULL);
}

static HRESULT port_properties(struct scene *s)
{
    VDS_PORT_PROP prop;
    HRESULT hr = IVdsController_GetPortProperties(s->controller, 0, &prop);

    return free_texts(hr, prop.pwszFriendlyName, prop.pwszIdentification, NULL);
}

static HRESULT array_status(struct scene *s)
{
    VDS_ARRAY_STATUS status;
    HRESULT hr = IVdsSubSystemEx_GetStatus(s->ex, &status);

    return free_texts(hr, status.pwszVersion, status.pwszBackend, status.pwszReason);
}

static HRESULT identification_data(struct scene *s)
{
    VDS_LUN_INFORMATION info;
    HRESULT hr = IVdsLun_GetIdentificationData(s->lun, &info);

    if (FAILED(hr)) {
        assert_null(info.m_szVendorId);
        assert_null(info.m_deviceIdDescriptor.m_rgIdentifiers);
        return hr;
    }
    assert_int_equal(info.m_cInterconnects, 1);
    CoTaskMemFree(info.m_deviceIdDescriptor.m_rgIdentifiers[0].m_rgbIdentifier);
    CoTaskMemFree(info.m_deviceIdDescriptor.m_rgIdentifiers[1].m_rgbIdentifier);
    CoTaskMemFree(info.m_deviceIdDescriptor.m_rgIdentifiers);
    for (ULONG i = 0; i < info.m_cInterconnects; i++) {
        CoTaskMemFree(info.m_rgInterconnects[i].m_pbPort);
        CoTaskMemFree(info.m_rgInterconnects[i].m_pbAddress);
    }
    CoTaskMemFree(info.m_rgInterconnects);
    CoTaskMemFree(info.m_szVendorId);
    CoTaskMemFree(info.m_szProductId);
    CoTaskMemFree(info.m_szProductRevision);
    CoTaskMemFree(info.m_szSerialNumber);
    return hr;
}

static HRESULT extents(struct scene *s)
{
    VDS_DRIVE_EXTENT *list = NULL;
    LONG n = 0;
    HRESULT hr = IVdsDrive_QueryExtents(s->drive, &list, &n);

    if (FAILED(hr))
        assert_null(list);
    CoTaskMemFree(list);
    return hr;
}

static HRESULT connected_initiators(struct scene *s)
{
    LPWSTR *list = NULL;
    LONG n = 0;
    HRESULT hr = IVdsIscsiTarget_GetConnectedInitiators(s->target, &list, &n);

    assert_true(SUCCEEDED(hr) || (!list && n == 0));
    for (LONG i = 0; i < n; i++)
        CoTaskMemFree(list[i]);
    CoTaskMemFree(list);
    return hr;
}

static HRESULT sessions(struct scene *s)
{
    VDS_SESSION_PROP *list = NULL;
    ULONG n = 0;
    HRESULT hr = IVdsSubSystemEx_QuerySessions(s->ex, &list, &n);

    assert_true(SUCCEEDED(hr) || (!list && n == 0));
    for (ULONG i = 0; i < n; i++)
        free_texts(S_OK, list[i].pwszInitiatorName, list[i].pwszInitiatorAddress, list[i].pwszIsid);
    CoTaskMemFree(list);
    return hr;
}

static HRESULT tree(struct scene *s)
{
    IVdsSubSystemTreeEx *ex = NULL;
    VDS_TREE tree = { 0 };
    HRESULT hr = IVdsSubSystem_QueryInterface(s->f->subsystem, &IID_IVdsSubSystemTreeEx, (void **)&ex);

    assert_int_equal(hr, S_OK);
    hr = IVdsSubSystemTreeEx_QueryTree(ex, VDS_TREE_ALL, &tree);
    assert_true(SUCCEEDED(hr) || (!tree.pPortals && !tree.pTargets && !tree.pLuns && tree.ulLuns == 0));
    subsystem_tree_free(&tree);
    drop(ex);
    return hr;
}

static HRESULT lun_counters(struct scene *s)
{
    IVdsSubSystemCountersEx *ex = NULL;
    VDS_LUN_COUNTERS *rows = NULL;
    ULONGLONG now;
    ULONG n = 0;
    HRESULT hr = IVdsSubSystem_QueryInterface(s->f->subsystem, &IID_IVdsSubSystemCountersEx, (void **)&ex);

    assert_int_equal(hr, S_OK);
    hr = IVdsSubSystemCountersEx_QueryLunCounters(ex, &rows, &n, &now);
    assert_true(SUCCEEDED(hr) || (!rows && n == 0 && now == 0));
    CoTaskMemFree(rows);
    drop(ex);
    return hr;
}

static HRESULT session_counters(struct scene *s)
{
    IVdsSubSystemCountersEx *ex = NULL;
    VDS_SESSION_COUNTERS *rows = NULL;
    ULONGLONG now;
    ULONG n = 0;
    HRESULT hr = IVdsSubSystem_QueryInterface(s->f->subsystem, &IID_IVdsSubSystemCountersEx, (void **)&ex);

    assert_int_equal(hr, S_OK);
    hr = IVdsSubSystemCountersEx_QuerySessionCounters(ex, &rows, &n, &now);
    assert_true(SUCCEEDED(hr) || (!rows && n == 0 && now == 0));
    CoTaskMemFree(rows);
    drop(ex);
    return hr;
}

/* ---- the interfaces of Windows 7's generation, secrets --------------------------------------------- */

/* What an enumeration has, which must be all: a member left out for want of memory would be a lie. */
static HRESULT give_back_all(HRESULT hr, IEnumVdsObject *e, size_t n)
{
    if (FAILED(hr))
        assert_null(e);
    else
        assert_int_equal(count(e), n);
    return hr;
}

static HRESULT query_pools(struct scene *s)
{
    IEnumVdsObject *e = NULL;
    HRESULT hr = IVdsHwProviderStoragePools_QueryStoragePools(s->pools, 0, 0, NULL, &e);

    return give_back_all(hr, e, 2);
}

static HRESULT create_in_pool(struct scene *s)
{
    WCHAR mask[] = u"";
    IVdsAsync *async = NULL;
    HRESULT hr = IVdsHwProviderStoragePools_CreateLunInStoragePool(s->pools, VDS_LT_SIMPLE, 1 << 20,
                                                                   s->pool_id, mask, NULL, &async);

    return give_back(hr, async);
}

static HRESULT max_in_pool(struct scene *s)
{
    ULONGLONG max = 1;
    HRESULT hr = IVdsHwProviderStoragePools_QueryMaxLunCreateSizeInStoragePool(s->pools, VDS_LT_SIMPLE,
                                                                               s->pool_id, NULL, &max);

    assert_true(max != 0 || FAILED(hr));
    return hr;
}

static HRESULT pool_provider(struct scene *s)
{
    IVdsProvider *provider = NULL;
    HRESULT hr = IVdsStoragePool_GetProvider(s->pool, &provider);

    return give_back(hr, provider);
}

static HRESULT pool_properties(struct scene *s)
{
    VDS_STORAGE_POOL_PROP prop;
    HRESULT hr = IVdsStoragePool_GetProperties(s->pool, &prop);

    return free_texts(hr, prop.pwszName, prop.pwszDescription, NULL);
}

static HRESULT pool_attributes(struct scene *s)
{
    VDS_POOL_ATTRIBUTES attributes;
    HRESULT hr = IVdsStoragePool_GetAttributes(s->pool, &attributes);

    return free_texts(hr, attributes.pwszIntendedUsage, NULL, NULL);
}

static HRESULT pool_extents(struct scene *s)
{
    VDS_STORAGE_POOL_DRIVE_EXTENT *list = NULL;
    LONG n = 0;
    HRESULT hr = IVdsStoragePool_QueryDriveExtents(s->pool, &list, &n);

    assert_true(SUCCEEDED(hr) ? n == 1 : !list && n == 0);
    CoTaskMemFree(list);
    return hr;
}

/* As many as there are now: every success of the calls before has made one. */
static HRESULT pool_luns(struct scene *s)
{
    size_t n = 0;
    struct guid *ids = NULL;
    IEnumVdsObject *e = NULL;
    HRESULT hr;

    alloc_faults_pause(true);
    assert_int_equal(array_query(s->f->array, ARRAY_LUNS, NULL, &ids, &n), S_OK);
    free(ids);
    alloc_faults_pause(false);
    hr = IVdsStoragePool_QueryAllocatedLuns(s->pool, &e);
    return give_back_all(hr, e, n);
}

static HRESULT pool_pools(struct scene *s)
{
    IEnumVdsObject *e = NULL;
    HRESULT hr = IVdsStoragePool_QueryAllocatedStoragePools(s->pool, &e);

    return give_back_all(hr, e, 0);
}

static HRESULT subsystem_properties2(struct scene *s)
{
    VDS_SUB_SYSTEM_PROP2 prop;
    HRESULT hr = IVdsSubSystem2_GetProperties2(s->second, &prop);

    return free_texts(hr, prop.pwszFriendlyName, prop.pwszIdentification, NULL);
}

static HRESULT get_drive2(struct scene *s)
{
    IVdsDrive *drive = NULL;
    HRESULT hr = IVdsSubSystem2_GetDrive2(s->second, 0, 3, 0, &drive);

    return give_back(hr, drive);
}

static HRESULT create_lun2(struct scene *s)
{
    WCHAR mask[] = u"";
    IVdsAsync *async = NULL;
    HRESULT hr = IVdsSubSystem2_CreateLun2(s->second, VDS_LT_SIMPLE, 1 << 20, NULL, 0, mask, NULL, &async);

    return give_back(hr, async);
}

static HRESULT drive_properties2(struct scene *s)
{
    VDS_DRIVE_PROP2 prop;
    HRESULT hr = IVdsDrive2_GetProperties2(s->drive2, &prop);

    return free_texts(hr, prop.pwszFriendlyName, prop.pwszIdentification, NULL);
}

static HRESULT set_import_target(struct scene *s)
{
    WCHAR name[] = u"iqn.2026-11.org.example:import";

    return IVdsSubSystemImportTarget_SetImportTarget(s->import, name);
}

static HRESULT get_import_target(struct scene *s)
{
    LPWSTR name = NULL;
    HRESULT hr = IVdsSubSystemImportTarget_GetImportTarget(s->import, &name);

    return free_texts(hr, name, NULL, NULL);
}

static WCHAR initiator[] = u"iqn.2026-11.org.example:host";

static HRESULT set_secret(struct scene *s)
{
    UCHAR bytes[] = "abcdefghijkl";
    VDS_ISCSI_SHARED_SECRET secret = { bytes, 12 };

    return IVdsIscsiTarget_SetSharedSecret(s->target, &secret, initiator);
}

static HRESULT remember_secret(struct scene *s)
{
    UCHAR bytes[] = "bcdefghijklm";
    VDS_ISCSI_SHARED_SECRET secret = { bytes, 12 };

    return IVdsIscsiTarget_RememberInitiatorSharedSecret(s->target, initiator, &secret);
}

static HRESULT set_discovery_secret(struct scene *s)
{
    UCHAR bytes[] = "cdefghijklmn";
    VDS_ISCSI_SHARED_SECRET secret = { bytes, 12 };

    return IVdsIscsiDiscoveryEx_SetDiscoverySecret(s->discovery, &secret, initiator);
}

static HRESULT blink(struct scene *s)
{
    return IVdsMaintenance_StartMaintenance(s->lamp, BlinkLight);
}

/* ---- all of them ------------------------------------------------------------------------------------ */

const struct memory_call memory_calls[] = {
    { "QueryPortals", query_portals },
    { "QueryPlexes", query_plexes },
    { "Clone", clone_enum },
    { "CreatePortalGroup", create_portal_group },
    { "CreateTarget", create_target },
    { "CreateLunEx", create_lun },
    { "Wait", wait_for_output },
    { "GetDrive", get_drive },
    { "CreateInstance", make_instance },
    { "target GetProperties", target_properties },
    { "LUN GetProperties", lun_properties },
    { "subsystem GetProperties", subsystem_properties },
    { "GetPortProperties", port_properties },
    { "GetStatus", array_status },
    { "GetIdentificationData", identification_data },
    { "QueryExtents", extents },
    { "GetConnectedInitiators", connected_initiators },
    { "QuerySessions", sessions },
    { "QueryTree", tree },
    { "QueryLunCounters", lun_counters },
    { "QuerySessionCounters", session_counters },
    { "QueryStoragePools", query_pools },
    { "CreateLunInStoragePool", create_in_pool },
    { "QueryMaxLunCreateSizeInStoragePool", max_in_pool },
    { "pool GetProvider", pool_provider },
    { "pool GetProperties", pool_properties },
    { "pool GetAttributes", pool_attributes },
    { "QueryDriveExtents", pool_extents },
    { "QueryAllocatedLuns", pool_luns },
    { "QueryAllocatedStoragePools", pool_pools },
    { "subsystem GetProperties2", subsystem_properties2 },
    { "GetDrive2", get_drive2 },
    { "CreateLun2", create_lun2 },
    { "drive GetProperties2", drive_properties2 },
    { "SetImportTarget", set_import_target },
    { "GetImportTarget", get_import_target },
    { "SetSharedSecret", set_secret },
    { "RememberInitiatorSharedSecret", remember_secret },
    { "SetDiscoverySecret", set_discovery_secret },
    { "StartMaintenance", blink },
};
const size_t n_memory_calls = ARRAY_SIZE(memory_calls);
