/* SPDX-License-Identifier: MIT */
/* properties.c: drives, their extents and the pools, against the directories and file systems that they
 * are. */
#include <dirent.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "properties.h"

/* ---- what is on the disk ------------------------------------------------------------------------------- */

struct space {
    ULONGLONG size, free, taken[N_LUNS]; /* taken: by the LUN's file, if it is on that drive */
};

/* The file of a LUN has its id in its name; 0: there is none. */
static ULONGLONG taken_by(const char *drive, VDS_OBJECT_ID lun)
{
    LPWSTR id = wide_id(lun);
    char name[64] = "", path[600];
    struct dirent *entry;
    ULONGLONG taken = 0;
    struct stat file;
    DIR *dir = opendir(drive);

    for (size_t i = 0; id[i]; i++)
        name[i] = (char)id[i];
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        snprintf(path, sizeof path, "%s/%s", drive, entry->d_name);
        if (strstr(entry->d_name, name) && stat(path, &file) == 0)
            taken += (ULONGLONG)file.st_blocks * 512;
    }
    closedir(dir);
    return taken;
}

static struct space space_of(unsigned drive)
{
    struct space space;
    struct statvfs fs;

    memset(&space, 0, sizeof space);
    assert_int_equal(statvfs(scene.drives[drive], &fs), 0);
    space.size = (ULONGLONG)fs.f_blocks * fs.f_frsize;
    space.free = (ULONGLONG)fs.f_bavail * fs.f_frsize;
    for (unsigned i = 0; i < N_LUNS; i++)
        space.taken[i] = taken_by(scene.drives[drive], luns[i].id);
    return space;
}

/* ---- drives -------------------------------------------------------------------------------------------- */

static void compare_drive(unsigned slot, VDS_DRIVE_STATUS status)
{
    const char *name = strrchr(scene.drives[slot], '/') + 1;
    IVdsDrive *drive = drive_at(slot);
    IVdsDrive2 *second = as(drive, &IID_IVdsDrive2);
    struct space space = space_of(slot);
    VDS_DRIVE_PROP prop;
    VDS_DRIVE_PROP2 prop2;

    assert_hr(IVdsDrive_GetProperties(drive, &prop), S_OK);
    assert_hr(IVdsDrive2_GetProperties2(second, &prop2), S_OK);
    COMPARE(VDS_DRIVE_PROP, &prop,
            (&(VDS_DRIVE_PROP){ scene.drive_ids[slot], space.size, wide(name), wide(scene.drives[slot]),
                                VDS_DRF_ASSIGNED, status, VDS_H_HEALTHY, 0, (SHORT)slot }));
    COMPARE(VDS_DRIVE_PROP2, &prop2,
            (&(VDS_DRIVE_PROP2){ scene.drive_ids[slot], space.size, wide(name), wide(scene.drives[slot]),
                                 VDS_DRF_ASSIGNED, status, VDS_H_HEALTHY, 0, (SHORT)slot, 0,
                                 VDSBusTypeFileBackedVirtual, 0 }));
    drop(second);
    drop(drive);
}

void drives_are_their_directories(void **state)
{
    IVdsDrive *drive = drive_at(1);

    (void)state;
    for (unsigned i = 0; i < N_DRIVES; i++)
        compare_drive(i, VDS_DRS_ONLINE);
    assert_hr(IVdsDrive_SetStatus(drive, VDS_DRS_OFFLINE), S_OK);
    compare_drive(1, VDS_DRS_OFFLINE);
    compare_drive(0, VDS_DRS_ONLINE);
    assert_hr(IVdsDrive_SetStatus(drive, VDS_DRS_ONLINE), S_OK);
    compare_drive(1, VDS_DRS_ONLINE);
    drop(drive);
    assert_hr(IVdsSubSystem_GetDrive(scene.subsystem, 0, N_DRIVES, &drive), VDS_E_OBJECT_NOT_FOUND);
    /* sNumberOfInternalBuses is 1 */
    assert_hr(IVdsSubSystem_GetDrive(scene.subsystem, 1, 0, &drive), VDS_E_OBJECT_NOT_FOUND);
}

/* ---- extents ------------------------------------------------------------------------------------------- */

/* One for each LUN whose file is there, one for what is free. */
void extents_are_what_LUNs_have_taken(void **state)
{
    (void)state;
    sync();
    for (unsigned slot = 0; slot < N_DRIVES; slot++) {
        IVdsDrive *drive = drive_at(slot);
        VDS_DRIVE_EXTENT *extents;
        struct space space;
        LONG n, seen = 0;

        assert_hr(IVdsDrive_QueryExtents(drive, &extents, &n), S_OK);
        space = space_of(slot);
        for (unsigned i = 0; i < N_LUNS; i++) {
            if (luns[i].drive != slot || luns[i].features & VDS_LUN_FEATURE_VOLATILE)
                continue;
            assert_true(seen < n);
            COMPARE(VDS_DRIVE_EXTENT, &extents[seen++],
                    (&(VDS_DRIVE_EXTENT){ scene.drive_ids[slot], luns[i].id, space.taken[i], TRUE }));
        }
        assert_int_equal(seen + 1, n);
        space.free = about(extents[seen].ullSize, space.free);
        COMPARE(VDS_DRIVE_EXTENT, &extents[seen],
                (&(VDS_DRIVE_EXTENT){ scene.drive_ids[slot], GUID_NULL, space.free, FALSE }));
        CoTaskMemFree(extents);
        drop(drive);
    }
}

/* ---- pools --------------------------------------------------------------------------------------------- */

static IVdsStoragePool *pool(ULONG type, ULONG skip)
{
    IVdsHwProviderStoragePools *pools = as(scene.provider, &IID_IVdsHwProviderStoragePools);
    IEnumVdsObject *members;

    assert_hr(IVdsHwProviderStoragePools_QueryStoragePools(pools, type, 0, NULL, &members), S_OK);
    drop(pools);
    return member(members, skip, &IID_IVdsStoragePool);
}

/* What VDS says of pools that are neither mirrored nor striped, of files, and thin. */
static void compare_attributes(IVdsStoragePool *face, ULONGLONG provisioned)
{
    VDS_POOL_ATTRIBUTES got, expected;

    memset(&expected, 0, sizeof expected);
    expected.ullAttributeMask =
        VDS_POOL_ATTRIB_BUSTYPE | VDS_POOL_ATTRIB_ALLOW_SPINDOWN | VDS_POOL_ATTRIB_THIN_PROVISION |
        VDS_POOL_ATTRIB_NO_SINGLE_POF | VDS_POOL_ATTRIB_DATA_RDNCY_MAX | VDS_POOL_ATTRIB_DATA_RDNCY_MIN |
        VDS_POOL_ATTRIB_DATA_RDNCY_DEF | VDS_POOL_ATTRIB_PKG_RDNCY_MAX | VDS_POOL_ATTRIB_PKG_RDNCY_MIN |
        VDS_POOL_ATTRIB_PKG_RDNCY_DEF | VDS_POOL_ATTRIB_NUM_CLMNS | VDS_POOL_ATTRIB_NUM_CLMNS_MAX |
        VDS_POOL_ATTRIB_NUM_CLMNS_MIN | VDS_POOL_ATTRIB_NUM_CLMNS_DEF;
    expected.busType = VDSBusTypeFileBackedVirtual;
    expected.pwszIntendedUsage = literal(u"LUNs");
    expected.bIsThinProvisioned = TRUE;
    expected.ullProvisionedSpace = provisioned;
    /* one copy; 0 packages may fail */
    expected.ulDataRedundancyMax = expected.ulDataRedundancyMin = expected.ulDataRedundancyDefault = 1;
    expected.ulNumberOfColumns = expected.ulNumberOfColumnsMax = expected.ulNumberOfColumnsMin =
        expected.ulDefaultNumberofColumns = 1;
    assert_hr(IVdsStoragePool_GetAttributes(face, &got), S_OK);
    COMPARE(VDS_POOL_ATTRIBUTES, &got, &expected);
}

/* The drives of the pool, the first with all that backs it: they share that. */
static void compare_drives(IVdsStoragePool *face, const unsigned *slots, const ULONGLONG *sizes, LONG n_slots)
{
    VDS_STORAGE_POOL_DRIVE_EXTENT *extents;
    LONG n;

    assert_hr(IVdsStoragePool_QueryDriveExtents(face, &extents, &n), S_OK);
    assert_int_equal(n, n_slots);
    for (LONG i = 0; i < n; i++)
        COMPARE(VDS_STORAGE_POOL_DRIVE_EXTENT, &extents[i],
                (&(VDS_STORAGE_POOL_DRIVE_EXTENT){ scene.drive_ids[slots[i]], sizes[i], TRUE }));
    CoTaskMemFree(extents);
}

/* What VDS_STORAGE_POOL_PROP says of a simple pool: consumed, what backs it; managed, what LUNs have of that
 * and may still get. */
static void compare_pool(ULONG skip, const unsigned *slots, LONG n_slots)
{
    IVdsStoragePool *face = pool(VDS_SPT_CONCRETE, skip);
    VDS_STORAGE_POOL_PROP got;
    char text[1200] = "on one file system:";
    ULONGLONG taken = 0, promised = 0, sizes[2] = { 0 };
    struct space space;
    IEnumVdsObject *members;
    unsigned n_luns = 0;

    assert_hr(IVdsStoragePool_GetProperties(face, &got), S_OK);
    space = space_of(slots[0]);
    space.free = about(got.ullRemainingFreeSpace, space.free);
    for (LONG i = 0; i < n_slots; i++) {
        sprintf(text + strlen(text), " %s", scene.drives[slots[i]]);
        print_id("pools", scene.drives[slots[i]], got.id);
        for (unsigned k = 0; k < N_LUNS; k++) {
            if (luns[k].drive != slots[i] || luns[k].features & VDS_LUN_FEATURE_VOLATILE)
                continue;
            n_luns++;
            taken += taken_by(scene.drives[slots[i]], luns[k].id);
            promised += luns[k].size;
        }
    }
    sizes[0] = space.size;
    assert_false(same_id(got.id, GUID_NULL));
    COMPARE(VDS_STORAGE_POOL_PROP, &got,
            (&(VDS_STORAGE_POOL_PROP){ got.id, VDS_SPS_ONLINE, VDS_H_HEALTHY, VDS_SPT_CONCRETE,
                                       wide(strrchr(scene.drives[slots[0]], '/') + 1), wide(text), space.size,
                                       space.free + taken, space.free }));
    compare_attributes(face, space.size > promised ? space.size : promised);
    compare_drives(face, slots, sizes, n_slots);
    assert_hr(IVdsStoragePool_QueryAllocatedLuns(face, &members), S_OK);
    assert_int_equal(count(members), n_luns);
    drop(face);
}

/* All of the drives, and all of it given to the other pools. */
static void compare_primordial(void)
{
    const unsigned slots[N_DRIVES] = { 0, 1, 2 };
    IVdsStoragePool *face = pool(VDS_SPT_PRIMORDIAL, 0);
    const ULONGLONG sizes[N_DRIVES] = { space_of(0).size, 0, space_of(2).size };
    ULONGLONG all = sizes[0] + sizes[2];
    VDS_STORAGE_POOL_PROP got;
    IEnumVdsObject *members;

    assert_hr(IVdsStoragePool_GetProperties(face, &got), S_OK);
    COMPARE(VDS_STORAGE_POOL_PROP, &got,
            (&(VDS_STORAGE_POOL_PROP){ got.id, VDS_SPS_ONLINE, VDS_H_HEALTHY, VDS_SPT_PRIMORDIAL,
                                       literal(u"all drives"), literal(u"everything the array has"), all, all,
                                       0 }));
    compare_attributes(face, all);
    compare_drives(face, slots, sizes, N_DRIVES);
    assert_hr(IVdsStoragePool_QueryAllocatedLuns(face, &members), S_OK);
    assert_int_equal(count(members), 0);
    assert_hr(IVdsStoragePool_QueryAllocatedStoragePools(face, &members), S_OK);
    assert_int_equal(count(members), 2);
    drop(face);
}

void pools_are_file_systems(void **state)
{
    (void)state;
    sync();
    compare_pool(0, (const unsigned[]){ 0, 1 }, 2);
    compare_pool(1, (const unsigned[]){ 2 }, 1);
    compare_primordial();
}

/* ---- sizes that are offered ---------------------------------------------------------------------------- */

/* Whole MiB, as LUNs are, of what is free: about that much. */
static void assert_room(ULONGLONG got, ULONGLONG free_bytes)
{
    assert_int_equal(got % MIB, 0);
    assert_true(about(got, free_bytes) == got);
}

static void compare_offer(unsigned slot, ULONG pool_skip)
{
    IVdsHwProviderStoragePools *pools = as(scene.provider, &IID_IVdsHwProviderStoragePools);
    IVdsSubSystem2 *second = as(scene.subsystem, &IID_IVdsSubSystem2);
    IVdsStoragePool *face = pool(VDS_SPT_CONCRETE, pool_skip);
    VDS_STORAGE_POOL_PROP prop;
    ULONGLONG max[3];

    assert_hr(IVdsStoragePool_GetProperties(face, &prop), S_OK);
    CoTaskMemFree(prop.pwszName);
    CoTaskMemFree(prop.pwszDescription);
    assert_hr(IVdsSubSystem_QueryMaxLunCreateSize(scene.subsystem, VDS_LT_SIMPLE, &scene.drive_ids[slot], 1, NULL, &max[0]), S_OK);
    assert_hr(IVdsSubSystem2_QueryMaxLunCreateSize2(second, VDS_LT_SIMPLE, &scene.drive_ids[slot], 1, NULL, &max[1]), S_OK);
    assert_hr(IVdsHwProviderStoragePools_QueryMaxLunCreateSizeInStoragePool(pools, VDS_LT_SIMPLE, prop.id, NULL, &max[2]), S_OK);
    for (unsigned i = 0; i < 3; i++)
        assert_room(max[i], space_of(slot).free);
    drop(face);
    drop(second);
    drop(pools);
}

void sizes_that_are_offered(void **state)
{
    ULONGLONG max;

    (void)state;
    for (unsigned i = 0; i < N_DRIVES; i++)
        compare_offer(i, i == 2);
    for (unsigned i = 0; i < N_LUNS; i++) {
        assert_hr(IVdsLun_QueryMaxLunExtendSize(luns[i].lun, NULL, 0, &max), S_OK);
        if (luns[i].features & VDS_LUN_FEATURE_VOLATILE)
            assert_int_equal(max, 1024ull * MIB - luns[i].size); /* --memory-mib, less what there is */
        else
            assert_room(max, space_of(luns[i].drive).free);
    }
}

/* ---- another day --------------------------------------------------------------------------------------- */

/* The array was started again with the last drive only, and a file lies there: the first, where nothing was left, is gone, the second keeps its
 * LUN and takes no more. */
static void compare_broken(void)
{
    const char *broken = scene.drives[N_DRIVES - 1];
    IVdsDrive *drive = drive_at(N_DRIVES - 1);
    IVdsStoragePool *face = pool(VDS_SPT_CONCRETE, 1);
    VDS_STORAGE_POOL_PROP got;
    VDS_DRIVE_PROP prop;
    char text[1200];

    assert_hr(IVdsDrive_GetProperties(drive, &prop), VDS_S_PROPERTIES_INCOMPLETE); /* nobody knows its size */
    COMPARE(VDS_DRIVE_PROP, &prop,
            (&(VDS_DRIVE_PROP){ prop.id, 0, wide(strrchr(broken, '/') + 1), wide(broken), VDS_DRF_ASSIGNED, VDS_DRS_FAILED, VDS_H_FAILED,
                                0, N_DRIVES - 1 }));
    assert_hr(IVdsStoragePool_GetProperties(face, &got), S_OK);
    print_id("pools", broken, got.id); /* it is still the drive's */
    snprintf(text, sizeof text, "on one file system: %s", broken);
    COMPARE(VDS_STORAGE_POOL_PROP, &got,
            (&(VDS_STORAGE_POOL_PROP){ got.id, VDS_SPS_NOT_READY, VDS_H_DEGRADED, VDS_SPT_CONCRETE, wide(strrchr(broken, '/') + 1),
                                       wide(text), 0, 0, 0 }));
    drop(face);
    drop(drive);
}

void drives_that_went_and_failed(void **state)
{
    IVdsHwProviderStoragePools *pools = as(scene.provider, &IID_IVdsHwProviderStoragePools);
    VDS_SUB_SYSTEM_PROP array;
    VDS_STORAGE_POOL_PROP prop;
    IVdsStoragePool *face;
    IVdsDrive *drive;
    ULONGLONG max = 1;

    (void)state;
    assert_hr(IVdsSubSystem_GetProperties(scene.subsystem, &array), S_OK);
    CoTaskMemFree(array.pwszFriendlyName);
    CoTaskMemFree(array.pwszIdentification);
    assert_int_equal(array.sMaxNumberOfSlotsEachBus, N_DRIVES); /* the first slot is empty now, not gone */
    assert_true(array.status == VDS_SSS_ONLINE && array.health == VDS_H_DEGRADED);
    assert_hr(IVdsSubSystem_GetDrive(scene.subsystem, 0, 0, &drive), VDS_E_OBJECT_NOT_FOUND);
    drop(drive_at(1));
    compare_broken();
    assert_hr(IVdsSubSystem_QueryMaxLunCreateSize(scene.subsystem, VDS_LT_SIMPLE, NULL, 0, NULL, &max), S_OK);
    assert_int_equal(max, 0);
    face = pool(VDS_SPT_CONCRETE, 0);
    assert_hr(IVdsStoragePool_GetProperties(face, &prop), S_OK);
    CoTaskMemFree(prop.pwszName);
    CoTaskMemFree(prop.pwszDescription);
    assert_true(prop.status == VDS_SPS_ONLINE && prop.ullRemainingFreeSpace > 0); /* the LUN that is there may take it */
    assert_hr(IVdsHwProviderStoragePools_QueryMaxLunCreateSizeInStoragePool(pools, VDS_LT_SIMPLE, prop.id, NULL, &max),
              VDS_E_NOT_ENOUGH_DRIVE);
    drop(face);
    drop(pools);
}
