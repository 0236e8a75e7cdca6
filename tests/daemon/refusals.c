/* SPDX-License-Identifier: MIT */
/* What this array refuses with VDS_E_NOT_SUPPORTED: one row here for each row of the table in
 * docs/api-status.md, by the words of its first column (test_refusals.py compares the two), and the
 * capability flags, which must say the same. Through the service and in process. What needs open-iscsi on the
 * host (LoginToTarget, the IPsec methods of its portals) is in host_initiator.c.
 *
 * usage: refusals --rows
 *        refusals service|inproc STATE-DIRECTORY PORTAL
 */
#include <stdbool.h>

#include "api_test.h"

#define MIB (1u << 20)
#define BIT(n) (1u << (n))

static DWORD context;
static const char *state_directory, *portal_text;
static IVdsService *service;
static IVdsProvider *provider;
static IVdsHwProviderStoragePools *pools;
static IVdsSubSystem *subsystem;
static IVdsSubSystem2 *subsystem2;
static IVdsSubSystemIscsi *iscsi;
static IVdsController *controller;
static IVdsDrive *drive;
static IVdsIscsiPortal *portal;
static IVdsLun *lun;
static IVdsLun2 *lun2;
static IVdsLunPlex *plex;
static VDS_OBJECT_ID pool_id;

static void refused(HRESULT hr, const char *what)
{
    if (hr != (HRESULT)VDS_E_NOT_SUPPORTED)
        fail_msg("%s is 0x%08X (%s), not VDS_E_NOT_SUPPORTED", what, (unsigned)hr, vds_error_text());
    if (!*vds_error_text())
        fail_msg("%s does not say why", what);
    vds_set_error_text(NULL); /* the next has to say it itself */
}
#define REFUSED(call) refused(call, #call)

static VDS_DRIVE_PROP drive_prop(void)
{
    VDS_DRIVE_PROP prop;

    assert_hr(IVdsDrive_GetProperties(drive, &prop), S_OK);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    return prop;
}

static VDS_SUB_SYSTEM_PROP2 array_prop(void)
{
    VDS_SUB_SYSTEM_PROP2 prop;

    assert_hr(IVdsSubSystem2_GetProperties2(subsystem2, &prop), S_OK);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    return prop;
}

/* ---- LUN types ----------------------------------------------------------------------------------------- */

static const struct {
    VDS_LUN_TYPE type;
    /* which flag of the subsystem, or RAID flag, says that it can be had; neither: always */
    ULONG flag, raid;
} types[] = {
    { VDS_LT_DEFAULT, 0, 0 },
    { VDS_LT_FAULT_TOLERANT, VDS_SF_SUPPORTS_FAULT_TOLERANT_LUNS, 0 },
    { VDS_LT_NON_FAULT_TOLERANT, VDS_SF_SUPPORTS_NON_FAULT_TOLERANT_LUNS, 0 },
    { VDS_LT_SIMPLE, VDS_SF_SUPPORTS_SIMPLE_LUNS, 0 },
    { VDS_LT_SPAN, VDS_SF_SUPPORTS_SPAN_LUNS, 0 },
    { VDS_LT_STRIPE, VDS_SF_SUPPORTS_STRIPE_LUNS, 0 },
    { VDS_LT_MIRROR, VDS_SF_SUPPORTS_MIRROR_LUNS, 0 },
    { VDS_LT_PARITY, VDS_SF_SUPPORTS_PARITY_LUNS, 0 },
    { VDS_LT_RAID2, 0, VDS_SF_SUPPORTS_RAID2_LUNS },
    { VDS_LT_RAID3, 0, VDS_SF_SUPPORTS_RAID3_LUNS },
    { VDS_LT_RAID4, 0, VDS_SF_SUPPORTS_RAID4_LUNS },
    { VDS_LT_RAID5, 0, VDS_SF_SUPPORTS_RAID5_LUNS },
    { VDS_LT_RAID6, 0, VDS_SF_SUPPORTS_RAID6_LUNS },
    { VDS_LT_RAID01, 0, VDS_SF_SUPPORTS_RAID01_LUNS },
    { VDS_LT_RAID03, 0, VDS_SF_SUPPORTS_RAID03_LUNS },
    { VDS_LT_RAID05, 0, VDS_SF_SUPPORTS_RAID05_LUNS },
    { VDS_LT_RAID10, 0, VDS_SF_SUPPORTS_RAID10_LUNS },
    { VDS_LT_RAID15, 0, VDS_SF_SUPPORTS_RAID15_LUNS },
    { VDS_LT_RAID30, 0, VDS_SF_SUPPORTS_RAID30_LUNS },
    { VDS_LT_RAID50, 0, VDS_SF_SUPPORTS_RAID50_LUNS },
    { VDS_LT_RAID51, 0, VDS_SF_SUPPORTS_RAID51_LUNS },
    { VDS_LT_RAID53, 0, VDS_SF_SUPPORTS_RAID53_LUNS },
    { VDS_LT_RAID60, 0, VDS_SF_SUPPORTS_RAID60_LUNS },
    { VDS_LT_RAID61, 0, VDS_SF_SUPPORTS_RAID61_LUNS },
};

/* Making one, and asking how large one could be, in all three places: they must agree. */
static void make_and_measure(VDS_LUN_TYPE type, HRESULT expected)
{
    WCHAR none[] = { 0 };
    IVdsAsync *async[3];
    HRESULT made[3], measured[3];
    ULONGLONG max;

    made[0] = IVdsSubSystem_CreateLun(subsystem, type, MIB, NULL, 0, none, NULL, &async[0]);
    made[1] = IVdsSubSystem2_CreateLun2(subsystem2, type, MIB, NULL, 0, none, NULL, &async[1]);
    made[2] =
        IVdsHwProviderStoragePools_CreateLunInStoragePool(pools, type, MIB, pool_id, none, NULL, &async[2]);
    measured[0] = IVdsSubSystem_QueryMaxLunCreateSize(subsystem, type, NULL, 0, NULL, &max);
    measured[1] = IVdsSubSystem2_QueryMaxLunCreateSize2(subsystem2, type, NULL, 0, NULL, &max);
    measured[2] =
        IVdsHwProviderStoragePools_QueryMaxLunCreateSizeInStoragePool(pools, type, pool_id, NULL, &max);
    for (int i = 0; i < 3; i++) {
        if (made[i] != expected || measured[i] != expected)
            fail_msg("type %d in place %d: made 0x%08X, measured 0x%08X", (int)type, i, (unsigned)made[i],
                     (unsigned)measured[i]);
        if (FAILED(expected)) {
            assert_null(async[i]);
            continue;
        }
        VDS_ASYNC_OUTPUT output;
        HRESULT result;
        assert_hr(IVdsAsync_Wait(async[i], &result, &output), S_OK);
        assert_hr(result, S_OK);
        IVdsAsync_Release(async[i]);
        IVdsLun *one = taken(output.cl.pLunUnk, &IID_IVdsLun);
        assert_hr(IVdsLun_Delete(one), S_OK);
        IVdsLun_Release(one);
    }
}

static void lun_types(void)
{
    VDS_SUB_SYSTEM_PROP2 prop = array_prop();

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        bool can = (prop.ulFlags & types[i].flag) || (prop.ulSupportedRaidTypeFlags & types[i].raid) ||
                   !(types[i].flag | types[i].raid);

        make_and_measure(types[i].type, can ? S_OK : VDS_E_NOT_SUPPORTED);
    }
    assert_int_equal(prop.ulFlags & (VDS_SF_SUPPORTS_SIMPLE_LUNS | VDS_SF_SUPPORTS_NON_FAULT_TOLERANT_LUNS),
                     VDS_SF_SUPPORTS_SIMPLE_LUNS | VDS_SF_SUPPORTS_NON_FAULT_TOLERANT_LUNS);
}

/* ---- the other rows ------------------------------------------------------------------------------------ */

static void replace_drive(void)
{
    VDS_OBJECT_ID id = drive_prop().id;

    REFUSED(IVdsSubSystem_ReplaceDrive(subsystem, id, id));
}

static void inactive_controller(void)
{
    VDS_OBJECT_ID id = controller_prop(controller).id;

    REFUSED(IVdsLun_AssociateControllers(lun, NULL, 0, &id, 1));
    assert_hr(IVdsLun_AssociateControllers(lun, &id, 1, NULL, 0), S_OK);
}

static void statuses_for_reports(void)
{
    REFUSED(IVdsSubSystem_SetStatus(subsystem, VDS_SSS_NOT_READY));
    REFUSED(IVdsSubSystem_SetStatus(subsystem, VDS_SSS_FAILED));
    REFUSED(IVdsSubSystem_SetStatus(subsystem, VDS_SSS_PARTIALLY_MANAGED));
    REFUSED(IVdsController_SetStatus(controller, VDS_CS_NOT_READY));
    REFUSED(IVdsController_SetStatus(controller, VDS_CS_FAILED));
    REFUSED(IVdsController_SetStatus(controller, VDS_CS_REMOVED));
    REFUSED(IVdsDrive_SetStatus(drive, VDS_DRS_NOT_READY));
    REFUSED(IVdsDrive_SetStatus(drive, VDS_DRS_FAILED));
    REFUSED(IVdsDrive_SetStatus(drive, VDS_DRS_REMOVED));
    REFUSED(IVdsLun_SetStatus(lun, VDS_LS_NOT_READY));
    REFUSED(IVdsLun_SetStatus(lun, VDS_LS_FAILED));
    assert_hr(IVdsSubSystem_SetStatus(subsystem, VDS_SSS_UNKNOWN), E_INVALIDARG);
    assert_hr(IVdsController_SetStatus(controller, VDS_CS_UNKNOWN), E_INVALIDARG);
    assert_hr(IVdsDrive_SetStatus(drive, VDS_DRS_UNKNOWN), E_INVALIDARG);
    assert_hr(IVdsLun_SetStatus(lun, VDS_LS_UNKNOWN), E_INVALIDARG);
}

static void ipsec_of_the_array(void)
{
    VDS_IPADDRESS address = { .type = VDS_IPT_IPV4 };
    ULONGLONG flags = 1;

    REFUSED(IVdsSubSystemIscsi_SetIpsecGroupPresharedKey(iscsi, NULL));
    REFUSED(IVdsIscsiPortal_SetIpsecTunnelAddress(portal, &address, &address));
    REFUSED(IVdsIscsiPortal_GetIpsecSecurity(portal, &address, &flags));
    assert_int_equal(flags, 0);
    REFUSED(IVdsIscsiPortal_SetIpsecSecurity(portal, &address, 0, NULL));
}

static void portal_statuses_for_reports(void)
{
    REFUSED(IVdsIscsiPortal_SetStatus(portal, VDS_IPS_NOT_READY));
    REFUSED(IVdsIscsiPortal_SetStatus(portal, VDS_IPS_FAILED));
    assert_hr(IVdsIscsiPortal_SetStatus(portal, VDS_IPS_UNKNOWN), E_INVALIDARG);
}

static void controller_cache(void)
{
    REFUSED(IVdsController_FlushCache(controller));
    REFUSED(IVdsController_InvalidateCache(controller));
    REFUSED(IVdsController_Reset(controller));
    assert_int_equal(array_prop().ulFlags & VDS_SF_SUPPORTS_MIRRORED_CACHE, 0);
}

static void hot_spare(void)
{
    REFUSED(IVdsDrive_SetFlags(drive, VDS_DRF_HOTSPARE));
    REFUSED(IVdsDrive_ClearFlags(drive, VDS_DRF_HOTSPARE));
    assert_int_equal(
        drive_prop().ulFlags & (VDS_DRF_HOTSPARE | VDS_DRF_HOTSPARE_IN_USE | VDS_DRF_HOTSPARE_STANDBY), 0);
}

static void plexes(void)
{
    VDS_LUN_PLEX_PROP prop;
    IVdsAsync *async;

    REFUSED(IVdsLun_AddPlex(lun, lun_prop(lun).id, &async));
    assert_null(async);
    assert_hr(IVdsLunPlex_GetProperties(plex, &prop), S_OK);
    assert_hr(IVdsLun_RemovePlex(lun, prop.id, &async), VDS_E_INVALID_OPERATION);
    assert_hr(IVdsLun_Recover(lun, &async), VDS_E_INVALID_OPERATION);
    assert_int_equal(array_prop().ulFlags & VDS_SF_LUN_PLEXING_CAPABLE, 0);
}

/* Every hint there is a bit for, but those about the cache; and the flags that would say that the array could heed it. */
static void hints(void)
{
    const ULONG capable = VDS_SF_LUN_REMAPPING_CAPABLE | VDS_SF_HARDWARE_CHECKSUM_CAPABLE | VDS_SF_READ_BACK_VERIFY_CAPABLE |
                          VDS_SF_SUPPORTS_MIRRORED_CACHE | VDS_SF_MEDIA_SCAN_CAPABLE | VDS_SF_CONSISTENCY_CHECK_CAPABLE;
    const ULONG heeded[2] = { VDS_HINT_WRITETHROUGHCACHINGENABLED, VDS_HINT_READCACHINGENABLED | VDS_HINT_WRITECACHINGENABLED };
    VDS_HINTS old;
    VDS_HINTS2 second;

    assert_hr(IVdsLun_QueryHints(lun, &old), S_OK);
    assert_hr(IVdsLun_ApplyHints(lun, &old), S_OK); /* what it says it can be told */
    assert_hr(IVdsLun2_QueryHints2(lun2, &second), S_OK);
    assert_hr(IVdsLun2_ApplyHints2(lun2, &second), S_OK);
    for (unsigned bit = 0; bit < 20; bit++) {
        old.ullHintMask = second.ullHintMask = BIT(bit);
        if (!(BIT(bit) & heeded[0])) {
            REFUSED(IVdsLun_ApplyHints(lun, &old));
            REFUSED(IVdsLunPlex_ApplyHints(plex, &old));
        }
        if (!(BIT(bit) & (heeded[0] | heeded[1])))
            REFUSED(IVdsLun2_ApplyHints2(lun2, &second));
    }
    second.ullHintMask = VDS_HINT_READCACHINGENABLED;
    second.bReadCachingEnabled = FALSE;
    REFUSED(IVdsLun2_ApplyHints2(lun2, &second));
    assert_int_equal(array_prop().ulFlags & capable, 0);
    assert_int_equal(lun_prop(lun).ulFlags & (VDS_LF_LBN_REMAP_ENABLED | VDS_LF_READ_BACK_VERIFY_ENABLED | VDS_LF_HARDWARE_CHECKSUM_ENABLED |
                                              VDS_LF_MEDIA_SCAN_ENABLED | VDS_LF_CONSISTENCY_CHECK_ENABLED | VDS_LF_SNAPSHOT),
                     0);
}

static void maintenance(void)
{
    const struct {
        void *object;
        ULONG operations;
    } able[] = {
        { subsystem, BIT(BlinkLight) | BIT(BeepAlarm) | BIT(Ping) },
        { controller, BIT(BlinkLight) | BIT(BeepAlarm) | BIT(Ping) },
        { drive, BIT(BlinkLight) | BIT(SpinUp) | BIT(SpinDown) | BIT(Ping) },
        { lun, BIT(BlinkLight) | BIT(Ping) },
    };

    for (size_t i = 0; i < sizeof able / sizeof able[0]; i++) {
        IVdsMaintenance *face = as(able[i].object, &IID_IVdsMaintenance);

        for (int op = BlinkLight; op <= Ping; op++) {
            if (able[i].operations & BIT(op)) {
                assert_hr(IVdsMaintenance_StopMaintenance(face, (VDS_MAINTENANCE_OPERATION)op), S_FALSE);
                continue;
            }
            REFUSED(IVdsMaintenance_StartMaintenance(face, (VDS_MAINTENANCE_OPERATION)op));
            REFUSED(IVdsMaintenance_StopMaintenance(face, (VDS_MAINTENANCE_OPERATION)op));
            REFUSED(IVdsMaintenance_PulseMaintenance(face, (VDS_MAINTENANCE_OPERATION)op, 1));
        }
        drop(face);
    }
    IVdsMaintenance *motor = as(drive, &IID_IVdsMaintenance);
    REFUSED(IVdsMaintenance_PulseMaintenance(motor, SpinUp, 1));
    REFUSED(IVdsMaintenance_PulseMaintenance(motor, SpinDown, 1));
    drop(motor);
}

static void no_open_iscsi(void)
{
    IVdsServiceIscsi *host = as(service, &IID_IVdsServiceIscsi);
    UCHAR bytes[] = "0123456789ab";
    VDS_ISCSI_SHARED_SECRET secret = { bytes, 12 };
    VDS_OBJECT_ID id = pool_id;
    IEnumVdsObject *members;
    LPWSTR name;

    REFUSED(IVdsServiceIscsi_GetInitiatorName(host, &name));
    assert_null(name);
    REFUSED(IVdsServiceIscsi_QueryInitiatorAdapters(host, &members));
    assert_null(members);
    REFUSED(IVdsServiceIscsi_RememberTargetSharedSecret(host, id, &secret));
    REFUSED(IVdsServiceIscsi_SetInitiatorSharedSecret(host, &secret, GUID_NULL));
    drop(host);
}

static void ipsec_of_the_host(void)
{
    IVdsServiceIscsi *host = as(service, &IID_IVdsServiceIscsi);
    VDS_IPADDRESS address = { .type = VDS_IPT_IPV4 };

    REFUSED(IVdsServiceIscsi_SetIpsecGroupPresharedKey(host, NULL));
    REFUSED(IVdsServiceIscsi_SetAllIpsecTunnelAddresses(host, &address, &address));
    REFUSED(IVdsServiceIscsi_SetAllIpsecSecurity(host, GUID_NULL, 0, NULL));
    drop(host);
}

static void service_flags(void)
{
    VDS_SERVICE_PROP prop;

    for (ULONG flag = VDS_SVF_SUPPORT_DYNAMIC; flag <= VDS_SVF_SUPPORT_REFS; flag <<= 1) {
        if (flag == VDS_SVF_AUTO_MOUNT_OFF)
            continue;
        REFUSED(IVdsService_SetFlags(service, flag));
        REFUSED(IVdsService_ClearFlags(service, flag));
    }
    assert_hr(IVdsService_GetProperties(service, &prop), S_OK);
    CoTaskMemFree(prop.pwszVersion);
    assert_int_equal(prop.ulFlags & ~(ULONG)VDS_SVF_AUTO_MOUNT_OFF, 0);
}

static void reboot_host(void)
{
    REFUSED(IVdsService_Reboot(service));
}

static const struct {
    const char *row; /* of docs/api-status.md, its first column */
    void (*test)(void);
} rows[] = {
    { "IVdsSubSystem::CreateLun, QueryMaxLunCreateSize, those of IVdsSubSystem2 and of "
      "IVdsHwProviderStoragePools",
      lun_types },
    { "IVdsSubSystem::ReplaceDrive", replace_drive },
    { "IVdsLun::AssociateControllers", inactive_controller },
    { "SetStatus of subsystem, controller, drive, LUN", statuses_for_reports },
    { "IVdsSubSystemIscsi::SetIpsecGroupPresharedKey, IPsec methods of IVdsIscsiPortal", ipsec_of_the_array },
    { "IVdsIscsiPortal::SetStatus", portal_statuses_for_reports },
    { "IVdsController::FlushCache, InvalidateCache, Reset", controller_cache },
    { "IVdsDrive::SetFlags, ClearFlags", hot_spare },
    { "IVdsLun::AddPlex", plexes },
    { "ApplyHints of LUN and plex, IVdsLun2::ApplyHints2", hints },
    { "IVdsMaintenance", maintenance },
    { "IVdsServiceIscsi, IVdsIscsiInitiatorAdapter", no_open_iscsi },
    { "IPsec methods of IVdsServiceIscsi and IVdsIscsiInitiatorPortal", ipsec_of_the_host },
    { "IVdsService::SetFlags, ClearFlags", service_flags },
    { "IVdsService::Reboot", reboot_host },
};
#define N_ROWS (sizeof rows / sizeof rows[0])

static void each_refusal_of_the_document_is_VDS_E_NOT_SUPPORTED_and_the_flags_say_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ROWS; i++) {
        print_message("%s\n", rows[i].row);
        rows[i].test();
    }
}

/* ---- what is not refused, and has a flag ----------------------------------------------------------- */

static IVdsIscsiTarget *make_target(void)
{
    WCHAR name[] = { 't', 0 };
    VDS_ASYNC_OUTPUT output;
    IVdsAsync *async;
    HRESULT result;

    assert_hr(IVdsSubSystemIscsi_CreateTarget(iscsi, NULL, name, &async), S_OK);
    assert_hr(IVdsAsync_Wait(async, &result, &output), S_OK);
    assert_hr(result, S_OK);
    IVdsAsync_Release(async);
    return taken(output.ct.pTargetUnk, &IID_IVdsIscsiTarget);
}

static void a_flag_that_is_set_stands_for_something_that_works(void **state)
{
    WCHAR all[] = { '*', 0 }, initiator[] = { 'i', 'q', 'n', '.', '2', '0', '2', '6', '-', '1', '1', '.', 'o', 'r', 'g', ':', 'i', 0 };
    VDS_ISCSI_SHARED_SECRET one = { (UCHAR *)(uintptr_t)"abcdefghijkl", 12 }, other = { (UCHAR *)(uintptr_t)"bcdefghijklm", 12 };
    const ULONG flags = VDS_SF_LUN_MASKING_CAPABLE | VDS_SF_DRIVE_EXTENT_CAPABLE | VDS_SF_SUPPORTS_NON_FAULT_TOLERANT_LUNS |
                        VDS_SF_SUPPORTS_SIMPLE_LUNS | VDS_SF_SUPPORTS_AUTH_CHAP | VDS_SF_SUPPORTS_AUTH_MUTUAL_CHAP |
                        VDS_SF_SUPPORTS_LUN_NUMBER | VDS_SF_READ_CACHING_CAPABLE | VDS_SF_WRITE_CACHING_CAPABLE |
                        VDS_SF_WRITE_THROUGH_CACHING_CAPABLE; /* properties_lun.c */
    IVdsIscsiTarget *target = make_target(); /* no VDS_SF_SUPPORTS_SIMPLE_TARGET_CONFIG */
    VDS_DRIVE_EXTENT *extents;
    VDS_PROVIDER_PROP prop;
    LONG n;

    (void)state;
    assert_int_equal(array_prop().ulFlags, flags);
    assert_int_equal(array_prop().ulSupportedRaidTypeFlags, 0);
    assert_hr(IVdsLun_SetMask(lun, all), S_OK);
    assert_hr(IVdsDrive_QueryExtents(drive, &extents, &n), S_OK);
    CoTaskMemFree(extents);
    assert_hr(IVdsIscsiTarget_SetSharedSecret(target, &one, NULL), S_OK);
    assert_hr(IVdsIscsiTarget_RememberInitiatorSharedSecret(target, initiator, &other), S_OK);
    drop(as(lun, &IID_IVdsLunNumber));
    drop(target);
    assert_hr(IVdsProvider_GetProperties(provider, &prop), S_OK);
    CoTaskMemFree(prop.pwszName);
    CoTaskMemFree(prop.pwszVersion);
    /* the others are for software providers */
    assert_int_equal(prop.ulFlags & ~(ULONG)VDS_PF_INTERNAL_HARDWARE_PROVIDER, 0);
}

/* ---- start --------------------------------------------------------------------------------------------- */

static void make_lun(void)
{
    WCHAR none[] = { 0 };
    VDS_ASYNC_OUTPUT output;
    IEnumVdsObject *members;
    IVdsAsync *async;
    HRESULT result;

    assert_hr(IVdsSubSystem_CreateLun(subsystem, VDS_LT_SIMPLE, MIB, NULL, 0, none, NULL, &async), S_OK);
    assert_hr(IVdsAsync_Wait(async, &result, &output), S_OK);
    assert_hr(result, S_OK);
    IVdsAsync_Release(async);
    lun = taken(output.cl.pLunUnk, &IID_IVdsLun);
    lun2 = as(lun, &IID_IVdsLun2);
    assert_hr(IVdsLun_QueryPlexes(lun, &members), S_OK);
    plex = first(members, &IID_IVdsLunPlex);
}

static void find_pool(void)
{
    VDS_STORAGE_POOL_PROP prop;
    IEnumVdsObject *members;
    IVdsStoragePool *pool;

    pools = as(provider, &IID_IVdsHwProviderStoragePools);
    assert_hr(IVdsHwProviderStoragePools_QueryStoragePools(pools, VDS_SPT_CONCRETE, 0, NULL, &members), S_OK);
    pool = first(members, &IID_IVdsStoragePool);
    assert_hr(IVdsStoragePool_GetProperties(pool, &prop), S_OK);
    CoTaskMemFree(prop.pwszName);
    CoTaskMemFree(prop.pwszDescription);
    pool_id = prop.id;
    drop(pool);
}

static int set_up(void **state)
{
    VDS_INPROC_OPTIONS options = { .pszStateDirectory = state_directory,
                                   .ppszPortals = &portal_text,
                                   .ulNumberOfPortals = 1,
                                   .ulReactors = 1 };
    IEnumVdsObject *members;
    IVdsHwProvider *hw;

    (void)state;
    if (context == CLSCTX_INPROC_SERVER)
        assert_hr(vds_inproc_configure(&options), S_OK);
    service = open_service(context);
    assert_hr(IVdsService_QueryProviders(service, VDS_QUERY_HARDWARE_PROVIDERS, &members), S_OK);
    provider = first(members, &IID_IVdsProvider);
    hw = as(provider, &IID_IVdsHwProvider);
    assert_hr(IVdsHwProvider_QuerySubSystems(hw, &members), S_OK);
    drop(hw);
    subsystem = first(members, &IID_IVdsSubSystem);
    subsystem2 = as(subsystem, &IID_IVdsSubSystem2);
    iscsi = as(subsystem, &IID_IVdsSubSystemIscsi);
    assert_hr(IVdsSubSystem_QueryControllers(subsystem, &members), S_OK);
    controller = first(members, &IID_IVdsController);
    assert_hr(IVdsSubSystem_QueryDrives(subsystem, &members), S_OK);
    drive = first(members, &IID_IVdsDrive);
    assert_hr(IVdsSubSystemIscsi_QueryPortals(iscsi, &members), S_OK);
    portal = first(members, &IID_IVdsIscsiPortal);
    make_lun();
    find_pool();
    return 0;
}

static int tear_down(void **state)
{
    void *all[] = { plex,  lun2,       lun,       portal, drive,    controller,
                    iscsi, subsystem2, subsystem, pools,  provider, service };

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        drop(all[i]);
    vds_inproc_stop();
    CoUninitialize();
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_of_the_document_is_VDS_E_NOT_SUPPORTED_and_the_flags_say_so),
        cmocka_unit_test(a_flag_that_is_set_stands_for_something_that_works),
    };

    if (argc == 2 && strcmp(argv[1], "--rows") == 0) {
        for (size_t i = 0; i < N_ROWS; i++)
            puts(rows[i].row);
        return 0;
    }
    if (argc != 4) {
        fprintf(stderr, "usage: refusals --rows | service|inproc STATE-DIRECTORY PORTAL\n");
        return 2;
    }
    context = strcmp(argv[1], "inproc") == 0 ? CLSCTX_INPROC_SERVER : CLSCTX_LOCAL_SERVER;
    state_directory = argv[2];
    portal_text = argv[3];
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
