/* SPDX-License-Identifier: MIT */
/* What the API changes and says, against what an initiator sees: SetStatus of everything, storage pools, and
 * the faces of Windows 7's generation, on a real array: through the service and with the array in this
 * process. test_surface.py starts it.
 *
 * usage: surface service|inproc STATE-DIRECTORY PORTAL        (one portal, two drives on one file system)
 */
#include <unistd.h>

#include "api_test.h"
#include "initiator.h"

#define KEY_NOT_READY 2

static DWORD context;
static const char *state_directory, *portal_text;
static IVdsService *service;
static IUnknown *provider;
static IVdsSubSystem *subsystem;
static IVdsIscsiTarget *target;
static IVdsLun *lun;
static struct initiator in;
static char target_name[256];

/* ---- small things ------------------------------------------------------------------------------------- */

static unsigned count(IEnumVdsObject *members)
{
    unsigned n = 0;
    IUnknown *object;
    ULONG got;

    while (IEnumVdsObject_Next(members, 1, &object, &got) == S_OK) {
        IUnknown_Release(object);
        n++;
    }
    IEnumVdsObject_Release(members);
    return n;
}

static IUnknown *made(IVdsAsync *async)
{
    IUnknown *object;

    assert_hr(ended(async, &object), S_OK);
    return object;
}

static void narrow(LPWSTR text, char *out)
{
    unsigned i = 0;

    for (; text[i]; i++)
        out[i] = (char)text[i];
    out[i] = '\0';
    CoTaskMemFree(text);
}

static void log_in(void)
{
    initiator_init(&in, 1);
    assert_int_equal(initiator_connect_text(&in, portal_text), 0);
    assert_int_equal(initiator_login(&in, target_name), 0);
    initiator_clear_attentions(&in, 0, NULL);
}

static struct initiator_result test_unit_ready(void)
{
    static const uint8_t cdb[6];
    struct initiator_result result;

    assert_int_equal(initiator_command(&in, 0, cdb, 6, NULL, 0, NULL, 0, &result), 0);
    return result;
}

static void assert_not_ready(void)
{
    struct initiator_result result = test_unit_ready();

    assert_int_equal(result.status, 2);
    assert_int_equal(result.key, KEY_NOT_READY);
}

/* ---- SetStatus ----------------------------------------------------------------------------------------- */

static void a_LUN_offline_is_NOT_READY_on_the_wire_and_online_answers_again(void **state)
{
    (void)state;
    log_in();
    assert_int_equal(test_unit_ready().status, 0);
    assert_hr(IVdsLun_SetStatus(lun, VDS_LS_OFFLINE), S_OK);
    assert_not_ready();
    assert_int_equal(lun_prop(lun).status, VDS_LS_OFFLINE);
    assert_hr(IVdsLun_SetStatus(lun, VDS_LS_ONLINE), S_OK);
    assert_int_equal(test_unit_ready().status, 0);
    assert_hr(IVdsLun_SetStatus(lun, VDS_LS_UNKNOWN), E_INVALIDARG);
    assert_hr(IVdsLun_SetStatus(lun, VDS_LS_FAILED), VDS_E_NOT_SUPPORTED);
    initiator_close(&in);
}

static IVdsDrive *drive_of_lun(void)
{
    IVdsLunPlex *plex;
    VDS_DRIVE_EXTENT *extents;
    IEnumVdsObject *members;
    IUnknown *object;
    LONG n;

    assert_hr(IVdsLun_QueryPlexes(lun, &members), S_OK);
    plex = first(members, &IID_IVdsLunPlex);
    assert_hr(IVdsLunPlex_QueryExtents(plex, &extents, &n), S_OK);
    assert_int_equal(n, 1);
    assert_hr(IVdsService_GetObject(service, extents[0].id, VDS_OT_DRIVE, &object), S_OK);
    CoTaskMemFree(extents);
    IVdsLunPlex_Release(plex);
    return taken(object, &IID_IVdsDrive);
}

static void a_drive_offline_fails_its_LUNs(void **state)
{
    IVdsDrive *drive = drive_of_lun();

    (void)state;
    log_in();
    assert_hr(IVdsDrive_SetStatus(drive, VDS_DRS_OFFLINE), S_OK);
    assert_not_ready();
    assert_int_equal(lun_prop(lun).status, VDS_LS_FAILED);
    assert_hr(IVdsLun_SetStatus(lun, VDS_LS_ONLINE), VDS_E_OBJECT_STATUS_FAILED);
    assert_hr(IVdsDrive_SetStatus(drive, VDS_DRS_REMOVED), VDS_E_NOT_SUPPORTED);
    assert_hr(IVdsDrive_SetStatus(drive, VDS_DRS_ONLINE), S_OK);
    assert_int_equal(test_unit_ready().status, 0);
    IVdsDrive_Release(drive);
    initiator_close(&in);
}

static void nobody_gets_in(void)
{
    struct initiator other;

    initiator_init(&other, 2);
    if (initiator_connect_text(&other, portal_text) == 0)
        assert_int_not_equal(initiator_login(&other, target_name), 0);
    initiator_close(&other);
}

static void the_subsystem_offline_serves_nobody_and_online_everybody(void **state)
{
    (void)state;
    assert_hr(IVdsSubSystem_SetStatus(subsystem, VDS_SSS_OFFLINE), S_OK);
    nobody_gets_in();
    assert_int_equal(lun_prop(lun).status, VDS_LS_NOT_READY);
    assert_hr(IVdsSubSystem_SetStatus(subsystem, VDS_SSS_PARTIALLY_MANAGED), VDS_E_NOT_SUPPORTED);
    assert_hr(IVdsSubSystem_SetStatus(subsystem, VDS_SSS_ONLINE), S_OK);
    log_in();
    assert_int_equal(test_unit_ready().status, 0);
    initiator_close(&in);
}

static void the_controller_offline_serves_nobody_and_online_everybody(void **state)
{
    IVdsController *controller;
    IEnumVdsObject *members;
    VDS_CONTROLLER_PROP prop;

    (void)state;
    assert_hr(IVdsSubSystem_QueryControllers(subsystem, &members), S_OK);
    controller = first(members, &IID_IVdsController);
    assert_hr(IVdsController_GetProperties(controller, &prop), S_OK);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    assert_hr(IVdsController_SetStatus(controller, VDS_CS_OFFLINE), S_OK);
    nobody_gets_in();
    assert_hr(IVdsController_SetStatus(controller, VDS_CS_ONLINE), S_OK);
    log_in();
    initiator_close(&in);
    assert_hr(IVdsSubSystem_SetControllerStatus(subsystem, NULL, 0, &prop.id, 1), S_OK);
    nobody_gets_in();
    assert_hr(IVdsSubSystem_SetControllerStatus(subsystem, &prop.id, 1, NULL, 0), S_OK);
    log_in();
    initiator_close(&in);
    assert_hr(IVdsController_SetStatus(controller, VDS_CS_REMOVED), VDS_E_NOT_SUPPORTED);
    assert_hr(IVdsController_FlushCache(controller), VDS_E_NOT_SUPPORTED);
    assert_hr(IVdsController_InvalidateCache(controller), VDS_E_NOT_SUPPORTED);
    assert_hr(IVdsController_Reset(controller), VDS_E_NOT_SUPPORTED);
    IVdsController_Release(controller);
}

/* ---- pools and the rest -------------------------------------------------------------------------------- */

static void drives_of_one_file_system_are_one_pool_and_luns_come_from_it(void **state)
{
    IVdsHwProviderStoragePools *pools = as(provider, &IID_IVdsHwProviderStoragePools);
    VDS_STORAGE_POOL_DRIVE_EXTENT *extents;
    WCHAR nobody[] = { 0 };
    VDS_STORAGE_POOL_PROP prop;
    VDS_POOL_ATTRIBUTES attributes;
    IEnumVdsObject *members;
    IVdsStoragePool *pool;
    IVdsAsync *async;
    IVdsLun *another;
    IUnknown *found;
    ULONGLONG max;
    LONG n;

    (void)state;
    assert_hr(IVdsHwProviderStoragePools_QueryStoragePools(pools, 0, 0, NULL, &members), S_OK);
    assert_int_equal(count(members), 2);
    assert_hr(IVdsHwProviderStoragePools_QueryStoragePools(pools, VDS_SPT_CONCRETE, 0, NULL, &members), S_OK);
    pool = first(members, &IID_IVdsStoragePool);
    assert_hr(IVdsStoragePool_GetProperties(pool, &prop), S_OK);
    CoTaskMemFree(prop.pwszName);
    CoTaskMemFree(prop.pwszDescription);
    assert_true(prop.ullTotalManagedSpace >= prop.ullRemainingFreeSpace && prop.ullRemainingFreeSpace > 0);
    assert_hr(IVdsStoragePool_QueryDriveExtents(pool, &extents, &n), S_OK);
    assert_int_equal(n, 2);
    assert_int_equal(extents[0].ullSize + extents[1].ullSize, prop.ullTotalConsumedSpace);
    CoTaskMemFree(extents);
    assert_hr(IVdsStoragePool_GetAttributes(pool, &attributes), S_OK);
    attributes.ullAttributeMask &= VDS_POOL_ATTRIB_THIN_PROVISION | VDS_POOL_ATTRIB_BUSTYPE;
    assert_hr(IVdsHwProviderStoragePools_QueryStoragePools(pools, VDS_SPT_CONCRETE, 0, &attributes, &members),
              S_OK);
    assert_int_equal(count(members), 1);
    CoTaskMemFree(attributes.pwszIntendedUsage);
    assert_hr(IVdsHwProviderStoragePools_QueryMaxLunCreateSizeInStoragePool(pools, VDS_LT_SIMPLE, prop.id,
                                                                            NULL, &max),
              S_OK);
    assert_true(max > 0);
    assert_hr(IVdsHwProviderStoragePools_CreateLunInStoragePool(pools, VDS_LT_SIMPLE, 1 << 20, prop.id,
                                                                nobody, NULL, &async),
              S_OK);
    another = taken(made(async), &IID_IVdsLun);
    assert_hr(IVdsStoragePool_QueryAllocatedLuns(pool, &members), S_OK);
    assert_int_equal(count(members), 2);
    assert_hr(IVdsStoragePool_QueryAllocatedStoragePools(pool, &members), S_OK);
    assert_int_equal(count(members), 0);
    assert_hr(IVdsLun_Delete(another), S_OK);
    assert_hr(IVdsService_GetObject(service, prop.id, VDS_OT_STORAGE_POOL, &found), S_OK);
    IUnknown_Release(found);
    assert_hr(IVdsHwProviderStoragePools_QueryMaxLunCreateSizeInStoragePool(pools, VDS_LT_SIMPLE, GUID_NULL,
                                                                            NULL, &max),
              VDS_E_OBJECT_NOT_FOUND);
    IVdsLun_Release(another);
    IVdsStoragePool_Release(pool);
    IVdsHwProviderStoragePools_Release(pools);
}

static void the_second_faces_answer(void **state)
{
    IVdsSubSystem2 *second = as(subsystem, &IID_IVdsSubSystem2);
    IVdsLun2 *lun2 = as(lun, &IID_IVdsLun2);
    VDS_SUB_SYSTEM_PROP2 prop;
    VDS_DRIVE_PROP2 drive_prop;
    VDS_HINTS2 hints;
    IVdsDrive *drive;
    IVdsDrive2 *drive2;

    (void)state;
    assert_hr(IVdsSubSystem2_GetProperties2(second, &prop), S_OK);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    assert_int_equal(prop.sMaxNumberOfSlotsEachBus, 2);
    assert_hr(IVdsSubSystem2_GetDrive2(second, 0, 1, 0, &drive), S_OK);
    drive2 = as(drive, &IID_IVdsDrive2);
    assert_hr(IVdsDrive2_GetProperties2(drive2, &drive_prop), S_OK);
    CoTaskMemFree(drive_prop.pwszFriendlyName);
    CoTaskMemFree(drive_prop.pwszIdentification);
    assert_int_equal(drive_prop.sSlotNumber, 1);
    IVdsDrive_Release(drive);
    assert_hr(IVdsSubSystem2_GetDrive2(second, 0, 1, 7, &drive), VDS_E_OBJECT_NOT_FOUND);
    assert_hr(IVdsLun2_QueryHints2(lun2, &hints), S_OK);
    hints.ullHintMask = 1;
    assert_hr(IVdsLun2_ApplyHints2(lun2, &hints), VDS_E_NOT_SUPPORTED);
    IUnknown_Release((IUnknown *)drive2);
    IVdsLun2_Release(lun2);
    IVdsSubSystem2_Release(second);
}

static void maintenance_and_the_import_target_keep_what_they_are_told(void **state)
{
    IVdsSubSystemImportTarget *import = as(subsystem, &IID_IVdsSubSystemImportTarget);
    IVdsMaintenance *blink = as(lun, &IID_IVdsMaintenance);
    WCHAR name[] = { 'i', 'q', 'n', '.', '2', '0', '2', '6', '-', '1', '1', '.', 'o', 'r', 'g', ':', 'i', 0 };
    LPWSTR text = NULL;
    char read[64];

    (void)state;
    assert_hr(IVdsMaintenance_StopMaintenance(blink, BlinkLight), S_FALSE);
    assert_hr(IVdsMaintenance_StartMaintenance(blink, BlinkLight), S_OK);
    assert_hr(IVdsMaintenance_PulseMaintenance(blink, BlinkLight, 2), S_OK);
    assert_hr(IVdsMaintenance_StartMaintenance(blink, SpinUp), VDS_E_NOT_SUPPORTED);
    assert_hr(IVdsSubSystemImportTarget_GetImportTarget(import, &text), VDS_E_NO_IMPORT_TARGET);
    assert_hr(IVdsSubSystemImportTarget_SetImportTarget(import, name), S_OK);
    assert_hr(IVdsSubSystemImportTarget_GetImportTarget(import, &text), S_OK);
    narrow(text, read);
    assert_string_equal(read, "iqn.2026-11.org:i");
    assert_hr(IVdsSubSystemImportTarget_SetImportTarget(import, NULL), S_OK);
    IVdsMaintenance_Release(blink);
    IVdsSubSystemImportTarget_Release(import);
}

/* ---- main ---------------------------------------------------------------------------------------------- */

static void open_array(void)
{
    IEnumVdsObject *members;
    IVdsHwProvider *hw;

    if (context == CLSCTX_INPROC_SERVER) {
        static char drives[2][256];
        static const char *const paths[] = { drives[0], drives[1] };
        VDS_INPROC_OPTIONS options = { .pszStateDirectory = state_directory,
                                       .ppszPortals = &portal_text,
                                       .ulNumberOfPortals = 1,
                                       .ppszDrives = paths,
                                       .ulNumberOfDrives = 2,
                                       .ulReactors = 2 };

        snprintf(drives[0], sizeof drives[0], "%s/drive0", state_directory);
        snprintf(drives[1], sizeof drives[1], "%s/drive1", state_directory);
        assert_hr(vds_inproc_configure(&options), S_OK);
    }
    service = open_service(context);
    assert_hr(IVdsService_QueryProviders(service, VDS_QUERY_HARDWARE_PROVIDERS, &members), S_OK);
    provider = first(members, &IID_IUnknown);
    hw = as(provider, &IID_IVdsHwProvider);
    assert_hr(IVdsHwProvider_QuerySubSystems(hw, &members), S_OK);
    IVdsHwProvider_Release(hw);
    subsystem = first(members, &IID_IVdsSubSystem);
}

/* A target with one LUN behind the one portal, for everybody. */
static void make_disk(void)
{
    IVdsSubSystemIscsi *iscsi = as(subsystem, &IID_IVdsSubSystemIscsi);
    WCHAR name[] = { 't', 0 }, everybody[] = { '*', 0 };
    IVdsIscsiPortalGroup *group;
    VDS_ISCSI_TARGET_PROP target_prop;
    VDS_ISCSI_PORTAL_PROP portal_prop;
    IVdsIscsiPortal *portal;
    IEnumVdsObject *members;
    IVdsLunIscsi *ties;
    IVdsAsync *async;

    assert_hr(IVdsSubSystemIscsi_CreateTarget(iscsi, NULL, name, &async), S_OK);
    target = taken(made(async), &IID_IVdsIscsiTarget);
    assert_hr(IVdsIscsiTarget_GetProperties(target, &target_prop), S_OK);
    narrow(target_prop.pwszIscsiName, target_name);
    CoTaskMemFree(target_prop.pwszFriendlyName);
    assert_hr(IVdsIscsiTarget_CreatePortalGroup(target, &async), S_OK);
    group = taken(made(async), &IID_IVdsIscsiPortalGroup);
    assert_hr(IVdsSubSystemIscsi_QueryPortals(iscsi, &members), S_OK);
    portal = first(members, &IID_IVdsIscsiPortal);
    assert_hr(IVdsIscsiPortal_GetProperties(portal, &portal_prop), S_OK);
    assert_hr(IVdsIscsiPortalGroup_AddPortal(group, portal_prop.id, &async), S_OK);
    assert_null(made(async));
    assert_hr(IVdsSubSystem_CreateLun(subsystem, VDS_LT_SIMPLE, 8 << 20, NULL, 0, everybody, NULL, &async),
              S_OK);
    lun = taken(made(async), &IID_IVdsLun);
    ties = as(lun, &IID_IVdsLunIscsi);
    assert_hr(IVdsLunIscsi_AssociateTargets(ties, &target_prop.id, 1), S_OK);
    IVdsLunIscsi_Release(ties);
    IVdsIscsiPortal_Release(portal);
    IVdsIscsiPortalGroup_Release(group);
    IVdsSubSystemIscsi_Release(iscsi);
}

static int close_array(void **state)
{
    (void)state;
    IVdsLun_Release(lun);
    IVdsIscsiTarget_Release(target);
    IVdsSubSystem_Release(subsystem);
    IUnknown_Release(provider);
    IVdsService_Release(service);
    vds_inproc_stop();
    CoUninitialize();
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    open_array();
    make_disk();
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_LUN_offline_is_NOT_READY_on_the_wire_and_online_answers_again),
        cmocka_unit_test(a_drive_offline_fails_its_LUNs),
        cmocka_unit_test(the_subsystem_offline_serves_nobody_and_online_everybody),
        cmocka_unit_test(the_controller_offline_serves_nobody_and_online_everybody),
        cmocka_unit_test(drives_of_one_file_system_are_one_pool_and_luns_come_from_it),
        cmocka_unit_test(the_second_faces_answer),
        cmocka_unit_test(maintenance_and_the_import_target_keep_what_they_are_told),
    };

    if (argc != 4) {
        fprintf(stderr, "usage: surface service|inproc STATE-DIRECTORY PORTAL\n");
        return 2;
    }
    context = strcmp(argv[1], "inproc") == 0 ? CLSCTX_INPROC_SERVER : CLSCTX_LOCAL_SERVER;
    state_directory = argv[2];
    portal_text = argv[3];
    return cmocka_run_group_tests(tests, set_up, close_array);
}
