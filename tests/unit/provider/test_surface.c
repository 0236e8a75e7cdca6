/* SPDX-License-Identifier: MIT */
/* The interfaces of Windows 7's generation: storage pools, IVdsSubSystem2, IVdsDrive2, IVdsLun2,
 * IVdsMaintenance, import target. */
#include "fixture.h"

static WCHAR nobody[] = u"";

static IVdsStoragePool *pool_at(struct fixture *f, ULONG flags, ULONG index)
{
    IVdsHwProviderStoragePools *pools = query(f->hw, &IID_IVdsHwProviderStoragePools);
    IEnumVdsObject *e = NULL;

    assert_int_equal(IVdsHwProviderStoragePools_QueryStoragePools(pools, flags, 0, NULL, &e), S_OK);
    drop(pools);
    return member(e, index, &IID_IVdsStoragePool);
}

static VDS_STORAGE_POOL_PROP prop_of(IVdsStoragePool *pool)
{
    VDS_STORAGE_POOL_PROP prop;

    assert_int_equal(IVdsStoragePool_GetProperties(pool, &prop), S_OK);
    CoTaskMemFree(prop.pwszName);
    CoTaskMemFree(prop.pwszDescription);
    return prop;
}

static size_t n_pools(struct fixture *f, ULONG flags, ULONGLONG free_space, VDS_POOL_ATTRIBUTES *attributes)
{
    IVdsHwProviderStoragePools *pools = query(f->hw, &IID_IVdsHwProviderStoragePools);
    IEnumVdsObject *e = NULL;

    assert_int_equal(IVdsHwProviderStoragePools_QueryStoragePools(pools, flags, free_space, attributes, &e),
                     S_OK);
    drop(pools);
    return count(e);
}

static void pools_are_found_by_kind_space_and_attributes(void **state)
{
    struct fixture *f = *state;
    IVdsHwProviderStoragePools *pools = query(f->hw, &IID_IVdsHwProviderStoragePools);
    VDS_POOL_ATTRIBUTES wanted = { .ullAttributeMask = VDS_POOL_ATTRIB_THIN_PROVISION,
                                   .bIsThinProvisioned = TRUE };
    IEnumVdsObject *e = NULL;

    assert_int_equal(n_pools(f, 0, 0, NULL), 2);
    assert_int_equal(n_pools(f, VDS_SPT_PRIMORDIAL, 0, NULL), 1);
    assert_int_equal(n_pools(f, VDS_SPT_CONCRETE, 0, NULL), 1);
    assert_int_equal(n_pools(f, 0, 1, NULL), 1); /* all of the primordial pool has been given away */
    assert_int_equal(n_pools(f, 0, ~0ull, NULL), 0);
    assert_int_equal(n_pools(f, VDS_SPT_CONCRETE, 0, &wanted), 1);
    wanted.ullAttributeMask |= VDS_POOL_ATTRIB_STOR_COST_HINT; /* a hint rules out nobody */
    assert_int_equal(n_pools(f, VDS_SPT_CONCRETE, 0, &wanted), 1);
    wanted.ullAttributeMask |= VDS_POOL_ATTRIB_NO_SINGLE_POF;
    wanted.bNoSinglePointOfFailure = TRUE;
    assert_int_equal(n_pools(f, 0, 0, &wanted), 0);
    wanted = (VDS_POOL_ATTRIBUTES){ .ullAttributeMask = VDS_POOL_ATTRIB_RAIDTYPE };
    assert_int_equal(n_pools(f, 0, 0, &wanted), 0);
    assert_int_equal(IVdsHwProviderStoragePools_QueryStoragePools(pools, 4, 0, NULL, &e), E_INVALIDARG);
    assert_int_equal(IVdsHwProviderStoragePools_QueryStoragePools(pools, 0, 0, NULL, NULL), E_INVALIDARG);
    drop(pools);
}

static void a_pool_has_the_true_space_of_its_drives(void **state)
{
    struct fixture *f = *state;
    IVdsStoragePool *concrete = pool_at(f, VDS_SPT_CONCRETE, 0), *all = pool_at(f, VDS_SPT_PRIMORDIAL, 0);
    VDS_STORAGE_POOL_DRIVE_EXTENT *extents = NULL;
    VDS_POOL_ATTRIBUTES attributes;
    VDS_STORAGE_POOL_PROP prop = prop_of(concrete);
    IVdsProvider *provider = NULL;
    IEnumVdsObject *e = NULL;
    LONG n = 0;

    assert_int_equal(prop.ullTotalConsumedSpace, 1000ull << 30);
    assert_int_equal(prop.ullTotalManagedSpace, (600ull << 30) + 5); /* the rest is taken by what is no LUN */
    assert_int_equal(prop.ullRemainingFreeSpace, (600ull << 30) + 5);
    assert_int_equal(prop.status, VDS_SPS_ONLINE);
    assert_int_equal(prop.health, VDS_H_HEALTHY);
    assert_int_equal(prop_of(all).ullTotalManagedSpace, 1000ull << 30);
    assert_int_equal(prop_of(all).ullRemainingFreeSpace, 0);
    assert_int_equal(IVdsStoragePool_QueryDriveExtents(concrete, &extents, &n), S_OK);
    assert_int_equal(n, 1);
    assert_int_equal(extents[0].ullSize, 1000ull << 30);
    CoTaskMemFree(extents);
    assert_int_equal(IVdsStoragePool_GetAttributes(concrete, &attributes), S_OK);
    assert_true(attributes.bIsThinProvisioned);
    assert_true(attributes.ullAttributeMask & VDS_POOL_ATTRIB_THIN_PROVISION);
    CoTaskMemFree(attributes.pwszIntendedUsage);
    assert_int_equal(IVdsStoragePool_GetProvider(concrete, &provider), S_OK);
    assert_int_equal(IVdsStoragePool_QueryAllocatedStoragePools(all, &e), S_OK);
    assert_int_equal(count(e), 1);
    assert_int_equal(IVdsStoragePool_QueryAllocatedStoragePools(concrete, &e), S_OK);
    assert_int_equal(count(e), 0);
    drop(provider);
    drop(concrete);
    drop(all);
}

static void luns_are_made_in_concrete_pools_only(void **state)
{
    struct fixture *f = *state;
    IVdsHwProviderStoragePools *pools = query(f->hw, &IID_IVdsHwProviderStoragePools);
    IVdsStoragePool *concrete = pool_at(f, VDS_SPT_CONCRETE, 0), *all = pool_at(f, VDS_SPT_PRIMORDIAL, 0);
    VDS_OBJECT_ID id = prop_of(concrete).id;
    IVdsAsync *async = NULL;
    IEnumVdsObject *e = NULL;
    IUnknown *found = NULL;
    ULONGLONG max = 0;

    assert_int_equal(
        IVdsHwProviderStoragePools_QueryMaxLunCreateSizeInStoragePool(pools, VDS_LT_SIMPLE, id, NULL, &max),
        S_OK);
    assert_int_equal(max, 600ull << 30);
    assert_int_equal(IVdsHwProviderStoragePools_CreateLunInStoragePool(pools, VDS_LT_SIMPLE, 1 << 30, id,
                                                                       nobody, NULL, &async),
                     S_OK);
    drop(finish_as(async, S_OK, &IID_IVdsLun));
    assert_int_equal(IVdsStoragePool_QueryAllocatedLuns(concrete, &e), S_OK);
    assert_int_equal(count(e), 1);
    assert_int_equal(IVdsStoragePool_QueryAllocatedLuns(all, &e), S_OK);
    assert_int_equal(count(e), 0);
    assert_int_equal(IVdsHwProviderStoragePools_CreateLunInStoragePool(pools, VDS_LT_SIMPLE, 1,
                                                                       prop_of(all).id, nobody, NULL, &async),
                     VDS_E_NOT_ENOUGH_SPACE);
    assert_null(async);
    assert_int_equal(IVdsHwProviderStoragePools_CreateLunInStoragePool(pools, VDS_LT_SIMPLE, 1, GUID_NULL,
                                                                       nobody, NULL, &async),
                     VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(
        IVdsHwProviderStoragePools_CreateLunInStoragePool(pools, VDS_LT_MIRROR, 1, id, nobody, NULL, &async),
        VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsProviderPrivate_GetObject(f->private_face, id, VDS_OT_STORAGE_POOL, &found), S_OK);
    drop(found);
    assert_int_equal(IVdsProviderPrivate_GetObject(f->private_face, GUID_NULL, VDS_OT_STORAGE_POOL, &found),
                     VDS_E_OBJECT_NOT_FOUND);
    drop(concrete);
    drop(all);
    drop(pools);
}

static void the_second_subsystem_face_knows_one_enclosure(void **state)
{
    struct fixture *f = *state;
    IVdsSubSystem2 *second = query(f->subsystem, &IID_IVdsSubSystem2);
    VDS_SUB_SYSTEM_PROP2 prop;
    VDS_DRIVE_PROP2 drive_prop;
    VDS_HINTS2 hints = { 0 };
    IVdsDrive *drive = NULL;
    IVdsDrive2 *drive2;
    IVdsAsync *async = NULL;
    ULONGLONG max;

    assert_int_equal(IVdsSubSystem2_GetProperties2(second, &prop), S_OK);
    assert_int_equal(prop.ulNumberOfEnclosures, 1);
    assert_int_equal(prop.ulSupportedRaidTypeFlags, 0);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    assert_int_equal(IVdsSubSystem2_GetDrive2(second, 0, 3, 1, &drive), VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(IVdsSubSystem2_GetDrive2(second, 0, 3, 0, &drive), S_OK);
    drive2 = query(drive, &IID_IVdsDrive2);
    assert_int_equal(IVdsDrive2_GetProperties2(drive2, &drive_prop), S_OK);
    assert_int_equal(drive_prop.busType, VDSBusTypeFileBackedVirtual);
    assert_int_equal(drive_prop.sSlotNumber, 3);
    CoTaskMemFree(drive_prop.pwszFriendlyName);
    CoTaskMemFree(drive_prop.pwszIdentification);
    assert_int_equal(IVdsSubSystem2_QueryMaxLunCreateSize2(second, VDS_LT_SIMPLE, NULL, 0, NULL, &max), S_OK);
    assert_int_equal(max, 600ull << 30);
    assert_int_equal(IVdsSubSystem2_CreateLun2(second, VDS_LT_SIMPLE, 1 << 20, NULL, 0, nobody, NULL, &async),
                     S_OK);
    drop(finish_as(async, S_OK, &IID_IVdsLun));
    assert_int_equal(
        IVdsSubSystem2_CreateLun2(second, VDS_LT_SIMPLE, 1 << 20, NULL, 0, nobody, &hints, &async),
        E_INVALIDARG);
    assert_int_equal(
        IVdsSubSystem2_CreateLun2(second, VDS_LT_FAULT_TOLERANT, 1, NULL, 0, nobody, &hints, &async),
        VDS_E_NOT_SUPPORTED);
    drop(drive2);
    drop(drive);
    drop(second);
}

static VDS_HINTS2 hints_of(IVdsLun2 *lun)
{
    VDS_HINTS2 hints;

    assert_int_equal(IVdsLun2_QueryHints2(lun, &hints), S_OK);
    return hints;
}

/* Wishes for the cache, and what becomes of them; the mask is of VDS_HINT bits. */
static const struct {
    ULONGLONG mask;
    BOOL through, read, write;
    HRESULT hr;
    BOOL then; /* does it write through afterwards? */
} wishes[] = {
    { 0, TRUE, FALSE, FALSE, S_OK, FALSE },
    { VDS_HINT_WRITETHROUGHCACHINGENABLED, TRUE, FALSE, FALSE, S_OK, TRUE },
    { VDS_HINT_WRITECACHINGENABLED, FALSE, FALSE, TRUE, S_OK, FALSE },
    { VDS_HINT_WRITECACHINGENABLED, FALSE, FALSE, FALSE, S_OK, TRUE },
    { VDS_HINT_WRITETHROUGHCACHINGENABLED, FALSE, FALSE, FALSE, S_OK, FALSE },
    { VDS_HINT_WRITETHROUGHCACHINGENABLED | VDS_HINT_WRITECACHINGENABLED, TRUE, FALSE, TRUE, E_INVALIDARG, FALSE },
    { VDS_HINT_WRITETHROUGHCACHINGENABLED | VDS_HINT_WRITECACHINGENABLED, FALSE, FALSE, FALSE, E_INVALIDARG, FALSE },
    { VDS_HINT_WRITETHROUGHCACHINGENABLED | VDS_HINT_WRITECACHINGENABLED, 2, FALSE, FALSE, S_OK, TRUE },
    { VDS_HINT_READCACHINGENABLED, FALSE, FALSE, FALSE, VDS_E_NOT_SUPPORTED, TRUE },
    { VDS_HINT_READCACHINGENABLED, FALSE, TRUE, FALSE, S_OK, TRUE },
    { VDS_HINT_FASTCRASHRECOVERYREQUIRED | VDS_HINT_WRITECACHINGENABLED, FALSE, FALSE, TRUE, VDS_E_NOT_SUPPORTED, TRUE },
};

static void of_the_hints_those_about_the_cache_are_taken_up(void **state)
{
    struct fixture *f = *state;
    IVdsLun *lun = make_lun(f);
    IVdsLun2 *second = query(lun, &IID_IVdsLun2);
    VDS_HINTS2 hints = hints_of(second);

    assert_int_equal(hints.ullHintMask,
                     VDS_HINT_WRITETHROUGHCACHINGENABLED | VDS_HINT_READCACHINGENABLED | VDS_HINT_WRITECACHINGENABLED);
    assert_int_equal(IVdsLun2_ApplyHints2(second, &hints), S_OK);
    for (size_t i = 0; i < ARRAY_SIZE(wishes); i++) {
        hints = (VDS_HINTS2){ .ullHintMask = wishes[i].mask, .bWriteThroughCachingEnabled = wishes[i].through,
                              .bReadCachingEnabled = wishes[i].read, .bWriteCachingEnabled = wishes[i].write };
        assert_int_equal(IVdsLun2_ApplyHints2(second, &hints), wishes[i].hr);
        hints = hints_of(second);
        assert_int_equal(hints.bWriteThroughCachingEnabled, wishes[i].then);
        assert_int_equal(hints.bWriteCachingEnabled, !wishes[i].then);
        assert_true(hints.bReadCachingEnabled);
    }
    assert_int_equal(IVdsLun2_ApplyHints2(second, NULL), E_INVALIDARG);
    drop(second);
    drop(lun);
}

static void maintenance_runs_pulses_and_stops(void **state)
{
    struct fixture *f = *state;
    IVdsLun *lun = make_lun(f);
    IVdsMaintenance *m = query(lun, &IID_IVdsMaintenance), *whole = query(f->subsystem, &IID_IVdsMaintenance),
                    *motor;
    IVdsDrive *drive = NULL;

    assert_int_equal(IVdsSubSystem_GetDrive(f->subsystem, 0, 3, &drive), S_OK);
    motor = query(drive, &IID_IVdsMaintenance);
    assert_int_equal(IVdsMaintenance_StopMaintenance(m, BlinkLight), S_FALSE);
    assert_int_equal(IVdsMaintenance_PulseMaintenance(m, BlinkLight, 3), S_FALSE);
    assert_int_equal(IVdsMaintenance_StartMaintenance(m, BlinkLight), S_OK);
    assert_int_equal(IVdsMaintenance_PulseMaintenance(m, BlinkLight, 3), S_OK);
    assert_int_equal(IVdsMaintenance_StopMaintenance(m, BlinkLight), S_FALSE); /* three pulses, and over */
    assert_int_equal(IVdsMaintenance_StartMaintenance(m, SpinDown), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsMaintenance_StartMaintenance(m, (VDS_MAINTENANCE_OPERATION)9), E_INVALIDARG);
    assert_int_equal(IVdsMaintenance_StartMaintenance(whole, BeepAlarm), S_OK);
    assert_int_equal(IVdsMaintenance_StopMaintenance(whole, BeepAlarm), S_OK);
    assert_int_equal(IVdsMaintenance_StartMaintenance(motor, SpinDown), S_OK);
    assert_int_equal(IVdsMaintenance_PulseMaintenance(motor, SpinDown, 1), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsMaintenance_StartMaintenance(motor, SpinUp), S_OK);
    assert_int_equal(IVdsMaintenance_StopMaintenance(motor, SpinDown), S_FALSE); /* it turns again */
    assert_int_equal(IVdsLun_Delete(lun), S_OK);
    assert_int_equal(IVdsMaintenance_StartMaintenance(m, Ping), VDS_E_OBJECT_DELETED);
    drop(motor);
    drop(drive);
    drop(whole);
    drop(m);
    drop(lun);
}

static void the_import_target_is_a_name_or_none(void **state)
{
    struct fixture *f = *state;
    IVdsSubSystemImportTarget *import = query(f->subsystem, &IID_IVdsSubSystemImportTarget);
    WCHAR name[] = u"iqn.2026-11.org.example:import";
    LPWSTR text = NULL;

    assert_int_equal(IVdsSubSystemImportTarget_GetImportTarget(import, &text), VDS_E_NO_IMPORT_TARGET);
    assert_null(text);
    assert_int_equal(IVdsSubSystemImportTarget_SetImportTarget(import, name), S_OK);
    assert_int_equal(IVdsSubSystemImportTarget_GetImportTarget(import, &text), S_OK);
    assert_true(same_text(text, u"iqn.2026-11.org.example:import"));
    CoTaskMemFree(text);
    assert_int_equal(IVdsSubSystemImportTarget_SetImportTarget(import, NULL), S_OK);
    assert_int_equal(IVdsSubSystemImportTarget_GetImportTarget(import, &text), VDS_E_NO_IMPORT_TARGET);
    assert_int_equal(IVdsSubSystemImportTarget_GetImportTarget(import, NULL), E_INVALIDARG);
    drop(import);
}

static void every_required_pointer_of_pools_that_is_NULL_is_E_INVALIDARG_and_the_rest_is_cleared(void **state)
{
    struct fixture *f = *state;
    IVdsHwProviderStoragePools *pools = query(f->hw, &IID_IVdsHwProviderStoragePools);
    IVdsStoragePool *pool = pool_at(f, VDS_SPT_CONCRETE, 0);
    VDS_OBJECT_ID id = prop_of(pool).id;
    VDS_STORAGE_POOL_DRIVE_EXTENT *extents = (void *)1;
    IVdsAsync *async = (void *)1;
    ULONGLONG max = 1;
    LONG n = 1;

    assert_int_equal(IVdsHwProviderStoragePools_CreateLunInStoragePool(pools, VDS_LT_SIMPLE, 1 << 20, id,
                                                                       nobody, NULL, NULL),
                     E_INVALIDARG);
    assert_int_equal(IVdsHwProviderStoragePools_CreateLunInStoragePool(pools, VDS_LT_SIMPLE, 1 << 20, id,
                                                                       NULL, NULL, &async),
                     E_INVALIDARG);
    assert_null(async);
    assert_int_equal(
        IVdsHwProviderStoragePools_QueryMaxLunCreateSizeInStoragePool(pools, VDS_LT_SIMPLE, id, NULL, NULL),
        E_INVALIDARG);
    assert_int_equal(
        IVdsHwProviderStoragePools_QueryMaxLunCreateSizeInStoragePool(pools, VDS_LT_UNKNOWN, id, NULL, &max),
        E_INVALIDARG);
    assert_int_equal(max, 0);
    assert_int_equal(IVdsStoragePool_GetProvider(pool, NULL), E_INVALIDARG);
    assert_int_equal(IVdsStoragePool_GetProperties(pool, NULL), E_INVALIDARG);
    assert_int_equal(IVdsStoragePool_GetAttributes(pool, NULL), E_INVALIDARG);
    assert_int_equal(IVdsStoragePool_QueryDriveExtents(pool, NULL, &n), E_INVALIDARG);
    assert_int_equal(n, 0);
    assert_int_equal(IVdsStoragePool_QueryDriveExtents(pool, &extents, NULL), E_INVALIDARG);
    assert_null(extents);
    assert_int_equal(IVdsStoragePool_QueryAllocatedLuns(pool, NULL), E_INVALIDARG);
    assert_int_equal(IVdsStoragePool_QueryAllocatedStoragePools(pool, NULL), E_INVALIDARG);
    drop(pool);
    drop(pools);
}

static void every_required_pointer_of_the_second_faces_that_is_NULL_is_E_INVALIDARG(void **state)
{
    struct fixture *f = *state;
    IVdsSubSystem2 *second = query(f->subsystem, &IID_IVdsSubSystem2);
    IVdsLun *lun = make_lun(f);
    IVdsLun2 *lun2 = query(lun, &IID_IVdsLun2);
    IVdsLunNumber *number = query(lun, &IID_IVdsLunNumber);
    IVdsAsync *async = (void *)1;
    IVdsDrive *drive = NULL;
    ULONGLONG max = 1;
    IVdsDrive2 *drive2;

    assert_int_equal(IVdsSubSystem2_GetDrive2(second, 0, 3, 0, &drive), S_OK);
    drive2 = query(drive, &IID_IVdsDrive2);
    assert_int_equal(IVdsSubSystem2_GetProperties2(second, NULL), E_INVALIDARG);
    assert_int_equal(IVdsSubSystem2_GetDrive2(second, 0, 3, 0, NULL), E_INVALIDARG);
    assert_int_equal(IVdsSubSystem2_CreateLun2(second, VDS_LT_SIMPLE, 1 << 20, NULL, 0, nobody, NULL, NULL),
                     E_INVALIDARG);
    assert_int_equal(IVdsSubSystem2_CreateLun2(second, VDS_LT_SIMPLE, 1 << 20, NULL, 1, nobody, NULL, &async),
                     E_INVALIDARG);
    assert_null(async);
    assert_int_equal(IVdsSubSystem2_CreateLun2(second, VDS_LT_SIMPLE, 1 << 20, NULL, 0, NULL, NULL, &async),
                     E_INVALIDARG);
    assert_int_equal(IVdsSubSystem2_QueryMaxLunCreateSize2(second, VDS_LT_SIMPLE, NULL, 0, NULL, NULL),
                     E_INVALIDARG);
    assert_int_equal(IVdsSubSystem2_QueryMaxLunCreateSize2(second, VDS_LT_SIMPLE, NULL, 1, NULL, &max),
                     E_INVALIDARG);
    assert_int_equal(max, 0);
    assert_int_equal(IVdsDrive2_GetProperties2(drive2, NULL), E_INVALIDARG);
    assert_int_equal(IVdsLun2_QueryHints2(lun2, NULL), E_INVALIDARG);
    assert_int_equal(IVdsLunNumber_GetLunNumber(number, NULL), E_INVALIDARG);
    drop(drive2);
    drop(drive);
    drop(number);
    drop(lun2);
    drop(lun);
    drop(second);
}

static void a_secret_that_has_bytes_without_a_size_or_the_reverse_is_E_INVALIDARG(void **state)
{
    VDS_ISCSI_SHARED_SECRET no_bytes = { NULL, 12 }, no_size = { (UCHAR *)(uintptr_t)"abcdefghijkl", 0 };
    IVdsIscsiTarget *target = make_target(*state, u"iqn.2026-01.example:a");

    assert_int_equal(IVdsIscsiTarget_SetSharedSecret(target, &no_bytes, NULL), E_INVALIDARG);
    assert_int_equal(IVdsIscsiTarget_SetSharedSecret(target, &no_size, NULL), E_INVALIDARG);
    assert_int_equal(IVdsIscsiTarget_RememberInitiatorSharedSecret(target, NULL, NULL), E_INVALIDARG);
    /* takes away what is not there */
    assert_int_equal(IVdsIscsiTarget_SetSharedSecret(target, NULL, NULL), S_OK);
    drop(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        provider_test(pools_are_found_by_kind_space_and_attributes),
        provider_test(a_pool_has_the_true_space_of_its_drives),
        provider_test(luns_are_made_in_concrete_pools_only),
        provider_test(the_second_subsystem_face_knows_one_enclosure),
        provider_test(of_the_hints_those_about_the_cache_are_taken_up),
        provider_test(maintenance_runs_pulses_and_stops),
        provider_test(the_import_target_is_a_name_or_none),
        provider_test(every_required_pointer_of_pools_that_is_NULL_is_E_INVALIDARG_and_the_rest_is_cleared),
        provider_test(every_required_pointer_of_the_second_faces_that_is_NULL_is_E_INVALIDARG),
        provider_test(a_secret_that_has_bytes_without_a_size_or_the_reverse_is_E_INVALIDARG),
    };

    return RUN_TESTS(tests);
}
