/* SPDX-License-Identifier: MIT */
/* Out of memory is an error path: every method fails at its first allocation, its second, ... until it
 * succeeds. Each failure is E_OUTOFMEMORY, leaves outputs empty and nothing behind. */
#include "fixture.h"

#include "alloc_faults.h"
#include "provider/subsystem.h"

/* ---- the calls: each does one thing, gives back what it got, and says how it ended --------------------- */

struct scene {
    struct fixture *f;
    IVdsIscsiTarget *target;
    IVdsLun *lun;
    IVdsDrive *drive;
    IVdsController *controller;
    IVdsSubSystemEx *ex;
    IVdsHwProviderStoragePools *pools;
    IVdsStoragePool *pool;
    VDS_OBJECT_ID pool_id;
    IVdsSubSystem2 *second;
    IVdsDrive2 *drive2;
    IVdsSubSystemImportTarget *import;
    IVdsIscsiDiscoveryEx *discovery;
    IVdsMaintenance *lamp;
    IEnumVdsObject *list;
    IVdsAsync *async;
    size_t n_objects, n_blocks, n_events; /* before the call */
};

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

static const struct {
    const char *name;
    HRESULT (*call)(struct scene *s);
} calls[] = {
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

static void check(struct scene *s, size_t i, HRESULT hr, unsigned which)
{
    if (hr != S_OK && hr != (HRESULT)E_OUTOFMEMORY)
        fail_msg("%s ended 0x%08x when allocation %u failed", calls[i].name, (unsigned)hr, which);
    if (hr != S_OK && s->f->sink->n_events != s->n_events)
        fail_msg("%s failed at allocation %u, but the array has changed", calls[i].name, which);
    if (com_live_objects() != s->n_objects || com_live_task_blocks() != s->n_blocks)
        fail_msg("%s left something behind when allocation %u failed", calls[i].name, which);
}

/* Fails its 1st, 2nd, ... allocation until it has no more. (The loss of a notification is not the method's
 * failure.) */
static void exhaust(struct scene *s, size_t i)
{
    unsigned which = 0, n_failures = 0;
    HRESULT hr;

    do {
        s->n_objects = com_live_objects();
        s->n_blocks = com_live_task_blocks();
        s->n_events = s->f->sink->n_events;
        alloc_faults_arm(++which);
        hr = calls[i].call(s);
        alloc_faults_disarm();
        check(s, i, hr, which);
        n_failures += hr != S_OK;
    } while (alloc_faults_hit());
    assert_int_equal(hr, S_OK);
    if (n_failures == 0)
        fail_msg("%s allocates nothing: the wrappers are not in place", calls[i].name);
}

static void find_the_rest(struct scene *s)
{
    VDS_STORAGE_POOL_PROP prop;
    IEnumVdsObject *e = NULL;

    s->pools = query(s->f->hw, &IID_IVdsHwProviderStoragePools);
    assert_int_equal(IVdsHwProviderStoragePools_QueryStoragePools(s->pools, VDS_SPT_CONCRETE, 0, NULL, &e),
                     S_OK);
    s->pool = member(e, 0, &IID_IVdsStoragePool);
    assert_int_equal(IVdsStoragePool_GetProperties(s->pool, &prop), S_OK);
    s->pool_id = prop.id;
    CoTaskMemFree(prop.pwszName);
    CoTaskMemFree(prop.pwszDescription);
    s->second = query(s->f->subsystem, &IID_IVdsSubSystem2);
    s->drive2 = query(s->drive, &IID_IVdsDrive2);
    s->import = query(s->f->subsystem, &IID_IVdsSubSystemImportTarget);
    s->discovery = query(s->f->subsystem, &IID_IVdsIscsiDiscoveryEx);
    s->lamp = query(s->lun, &IID_IVdsMaintenance);
}

/* A port of the target that the LUN is at. */
static void give_a_way(struct scene *s)
{
    VDS_OBJECT_ID target = target_id(s->target);
    IVdsIscsiPortalGroup *group = make_group(s->target);
    IVdsLunIscsi *ties = query(s->lun, &IID_IVdsLunIscsi);
    IEnumVdsObject *e = NULL;
    VDS_ISCSI_PORTAL_PROP prop;
    IVdsIscsiPortal *portal;
    IVdsAsync *async = NULL;

    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(s->f->iscsi, &e), S_OK);
    portal = member(e, 0, &IID_IVdsIscsiPortal);
    assert_int_equal(IVdsIscsiPortal_GetProperties(portal, &prop), S_OK);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(group, prop.id, &async), S_OK);
    drop(async);
    assert_int_equal(IVdsLunIscsi_AssociateTargets(ties, &target, 1), S_OK);
    drop(portal);
    drop(ties);
    drop(group);
}

static void every_call_survives_the_failure_of_each_of_its_allocations(void **state)
{
    struct fixture *f = *state;
    struct scene s = { .f = f, .target = make_target(f, u"iqn.2026-01.example:a"), .lun = make_lun(f) };
    VDS_OBJECT_ID id = target_id(s.target);
    IEnumVdsObject *e = NULL;

    fake_add_session(f->array, com_guid(&id), "iqn.host:1", false);
    fake_add_session(f->array, com_guid(&id), "iqn.host:2", false);
    give_a_way(&s);
    s.ex = query(f->subsystem, &IID_IVdsSubSystemEx);
    assert_int_equal(IVdsSubSystem_QueryDrives(f->subsystem, &e), S_OK);
    s.drive = member(e, 0, &IID_IVdsDrive);
    assert_int_equal(IVdsSubSystem_QueryControllers(f->subsystem, &e), S_OK);
    s.controller = member(e, 0, &IID_IVdsController);
    find_the_rest(&s);
    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(f->iscsi, &s.list), S_OK);
    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(s.target, &s.async), S_OK);
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        exhaust(&s, i);
    drop(s.async);
    drop(s.list);
    drop(s.lamp);
    drop(s.discovery);
    drop(s.import);
    drop(s.drive2);
    drop(s.second);
    drop(s.pool);
    drop(s.pools);
    drop(s.controller);
    drop(s.drive);
    drop(s.ex);
    drop(s.lun);
    drop(s.target);
}

static void a_sink_is_told_with_the_next_event_that_it_missed_one(void **state)
{
    struct fixture *f = *state;
    struct array_notification event = { VDS_NF_LUN_MODIFY, VDS_NTT_LUN, { 0 } };
    size_t before = f->sink->n_events;

    alloc_faults_arm(1);
    provider_feed_notify(f->feed, &event, 1);
    alloc_faults_disarm();
    assert_int_equal(f->sink->n_events, before);
    provider_feed_notify(f->feed, &event, 1);
    assert_int_equal(f->sink->n_events, before + 2);
    assert_int_equal(f->sink->events[before], VDS_NF_SERVICE_OUT_OF_SYNC);
    assert_int_equal(f->sink->events[before + 1], VDS_NF_LUN_MODIFY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        provider_test(a_sink_is_told_with_the_next_event_that_it_missed_one),
        provider_test(every_call_survives_the_failure_of_each_of_its_allocations),
    };

    return RUN_TESTS(tests);
}
