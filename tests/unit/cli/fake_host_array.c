/* SPDX-License-Identifier: MIT */
#include "fake_host_internal.h"

static char import_target[64];

/* ---- service, provider, subsystem ------------------------------------------------------------- */

static HRESULT service_ready(void *self)
{
    (void)self;
    return S_OK;
}

static HRESULT service_QueryProviders(void *self, DWORD masks, IEnumVdsObject **ret_enum)
{
    (void)self, (void)masks;
    return fake_enum(PROVIDER, &IID_IVdsProvider, 0, 1, NULL, ret_enum);
}

const IVdsServiceVtbl fake_service_vtbl = { UNKNOWN, .IsServiceReady = (void *)service_ready,
                                              .QueryProviders = (void *)service_QueryProviders };

static HRESULT iscsi_GetInitiatorName(void *self, LPWSTR *ret_name)
{
    (void)self;
    *ret_name = fake_wide("iqn.2026-01.org.example:host");
    return S_OK;
}

static HRESULT iscsi_QueryInitiatorAdapters(void *self, IEnumVdsObject **ret_enum)
{
    (void)self;
    return fake_enum(ADAPTER, &IID_IVdsIscsiInitiatorAdapter, 0, 2, NULL, ret_enum);
}

static void log_secret(const VDS_ISCSI_SHARED_SECRET *s)
{
    fake_log(" secret=%.*s", s->pSharedSecret ? (int)s->ulSharedSecretSize : 4,
             s->pSharedSecret ? (char *)s->pSharedSecret : "NULL");
}

static HRESULT iscsi_SetInitiatorSharedSecret(void *self, VDS_ISCSI_SHARED_SECRET *secret,
                                              VDS_OBJECT_ID target)
{
    (void)self;
    fake_log("SetInitiatorSharedSecret");
    log_secret(secret);
    fake_log_ids("target", &target, 1);
    return fake_end(NULL);
}

static HRESULT iscsi_RememberTargetSharedSecret(void *self, VDS_OBJECT_ID target,
                                                VDS_ISCSI_SHARED_SECRET *secret)
{
    (void)self;
    fake_log("RememberTargetSharedSecret");
    log_secret(secret);
    fake_log_ids("target", &target, 1);
    return fake_end(NULL);
}

const IVdsServiceIscsiVtbl fake_service_iscsi_vtbl = {
    UNKNOWN, .GetInitiatorName = (void *)iscsi_GetInitiatorName,
    .QueryInitiatorAdapters = (void *)iscsi_QueryInitiatorAdapters,
    .SetInitiatorSharedSecret = (void *)iscsi_SetInitiatorSharedSecret,
    .RememberTargetSharedSecret = (void *)iscsi_RememberTargetSharedSecret
};

static HRESULT uninstall_GetDiskIdFromLunInfo(void *self, VDS_LUN_INFORMATION *info, VDS_OBJECT_ID *ret_disk)
{
    (void)self;
    if (strcmp(info->m_szSerialNumber, "0") != 0)
        return VDS_E_OBJECT_NOT_FOUND; /* only LUN 0 is a disk here */
    *ret_disk = fake_id(LUN, 0);
    return S_OK;
}

static HRESULT uninstall_UninstallDisks(void *self, VDS_OBJECT_ID *disks, ULONG n, BOOLEAN force,
                                        BOOLEAN *ret_reboot, HRESULT *ret_results)
{
    (void)self;
    fake_log("UninstallDisks force=%d", force);
    fake_log_ids("disks", disks, (LONG)n);
    *ret_reboot = FALSE;
    ret_results[0] = fake_answer;
    fake_end(NULL);
    return S_OK;
}

const IVdsServiceUninstallDiskVtbl fake_uninstall_vtbl = {
    UNKNOWN, .GetDiskIdFromLunInfo = (void *)uninstall_GetDiskIdFromLunInfo,
    .UninstallDisks = (void *)uninstall_UninstallDisks
};

static HRESULT provider_GetProperties(void *self, VDS_PROVIDER_PROP *p)
{
    *p = (VDS_PROVIDER_PROP){ .id = fake_id(PROVIDER, n_of(self)),
                              .pwszName = fake_wide("fake"),
                              .pwszVersion = fake_wide("1") };
    return S_OK;
}

const IVdsProviderVtbl fake_provider_vtbl = { UNKNOWN, .GetProperties = (void *)provider_GetProperties };

static HRESULT hw_QuerySubSystems(void *self, IEnumVdsObject **ret_enum)
{
    (void)self;
    return fake_enum(SUBSYSTEM, &IID_IVdsSubSystem, 0, 1, NULL, ret_enum);
}

const IVdsHwProviderVtbl fake_hw_vtbl = { UNKNOWN, .QuerySubSystems = (void *)hw_QuerySubSystems };

static HRESULT subsystem_GetProperties(void *self, VDS_SUB_SYSTEM_PROP *p)
{
    *p = (VDS_SUB_SYSTEM_PROP){ .id = fake_id(SUBSYSTEM, n_of(self)),
                                .pwszFriendlyName = fake_wide("fake"),
                                .status = VDS_SSS_ONLINE };
    return S_OK;
}

static HRESULT subsystem_GetProvider(void *self, IVdsProvider **ret_provider)
{
    (void)self;
    *ret_provider = (IVdsProvider *)fake_face(PROVIDER, 0, &IID_IVdsProvider);
    return S_OK;
}

#define DEFINE_QUERY(method, what, iface, n)                        \
    static HRESULT method(void *self, IEnumVdsObject **ret_enum)    \
    {                                                               \
        (void)self;                                                 \
        return fake_enum(what, &IID_##iface, 0, n, NULL, ret_enum); \
    }
DEFINE_QUERY(subsystem_QueryControllers, CONTROLLER, IVdsController, 2)
DEFINE_QUERY(subsystem_QueryLuns, LUN, IVdsLun, 6)
DEFINE_QUERY(subsystem_QueryDrives, DRIVE, IVdsDrive, 3)
DEFINE_QUERY(subsystem_QueryTargets, TARGET, IVdsIscsiTarget, 2)
DEFINE_QUERY(subsystem_QueryPortals, TPORTAL, IVdsIscsiPortal, 2)

static HRESULT subsystem_CreateLun(void *self, VDS_LUN_TYPE type, ULONGLONG size, VDS_OBJECT_ID *drives,
                                   LONG n, LPWSTR mask, VDS_HINTS *hints, IVdsAsync **ret_async)
{
    (void)self;
    fake_log("CreateLun type=%d size=%llu mask=%s hints=", type, (unsigned long long)size,
             *mask ? "some" : "none");
    fake_log(hints ? "%llx/%u" : "NULL", hints ? (unsigned long long)hints->ullHintMask : 0,
             hints ? hints->ulStripeSize : 0);
    fake_log_ids("drives", drives, n);
    return fake_end(ret_async);
}

static HRESULT subsystem_QueryMaxLunCreateSize(void *self, VDS_LUN_TYPE type, VDS_OBJECT_ID *drives, LONG n,
                                               VDS_HINTS *hints, ULONGLONG *ret_size)
{
    (void)self, (void)type, (void)drives, (void)hints;
    *ret_size = 1000 * (ULONGLONG)n;
    return S_OK;
}

static HRESULT subsystem_ReplaceDrive(void *self, VDS_OBJECT_ID old, VDS_OBJECT_ID new)
{
    (void)self;
    fake_log("ReplaceDrive");
    fake_log_ids("old", &old, 1);
    fake_log_ids("new", &new, 1);
    return fake_end(NULL);
}

const IVdsSubSystemVtbl fake_subsystem_vtbl = { UNKNOWN,
                                                  .GetProperties = (void *)subsystem_GetProperties,
                                                  .GetProvider = (void *)subsystem_GetProvider,
                                                  .QueryControllers = (void *)subsystem_QueryControllers,
                                                  .QueryLuns = (void *)subsystem_QueryLuns,
                                                  .QueryDrives = (void *)subsystem_QueryDrives,
                                                  .CreateLun = (void *)subsystem_CreateLun,
                                                  .QueryMaxLunCreateSize =
                                                      (void *)subsystem_QueryMaxLunCreateSize,
                                                  .ReplaceDrive = (void *)subsystem_ReplaceDrive };
const IVdsSubSystemIscsiVtbl fake_subsystem_iscsi_vtbl = { UNKNOWN,
                                                             .QueryTargets = (void *)subsystem_QueryTargets,
                                                             .QueryPortals = (void *)subsystem_QueryPortals };

static HRESULT import_Get(void *self, LPWSTR *ret_name)
{
    (void)self;
    if (!*import_target)
        return VDS_E_NO_IMPORT_TARGET;
    *ret_name = fake_wide(import_target);
    return S_OK;
}

static HRESULT import_Set(void *self, LPWSTR name)
{
    size_t i = 0;

    (void)self;
    while (name && name[i] && i < sizeof import_target - 1) {
        import_target[i] = (char)name[i];
        i++;
    }
    import_target[i] = '\0';
    return S_OK;
}

const IVdsSubSystemImportTargetVtbl fake_import_vtbl = { UNKNOWN, .GetImportTarget = (void *)import_Get,
                                                           .SetImportTarget = (void *)import_Set };

/* ---- controllers, ports, drives, targets ------------------------------------------------------- */

static HRESULT controller_GetProperties(void *self, VDS_CONTROLLER_PROP *p)
{
    *p = (VDS_CONTROLLER_PROP){ .id = fake_id(CONTROLLER, n_of(self)), .sNumberOfPorts = 2 };
    return S_OK;
}

DEFINE_ACT(controller_FlushCache, "FlushCache")
DEFINE_ACT(controller_InvalidateCache, "InvalidateCache")
DEFINE_ACT(controller_Reset, "Reset controller")
DEFINE_ACT(port_Reset, "Reset port")

const IVdsControllerVtbl fake_controller_vtbl = {
    UNKNOWN, .GetProperties = (void *)controller_GetProperties, .FlushCache = (void *)controller_FlushCache,
    .InvalidateCache = (void *)controller_InvalidateCache, .Reset = (void *)controller_Reset
};

static HRESULT controller_QueryControllerPorts(void *self, IEnumVdsObject **ret_enum)
{
    return fake_enum(PORT, &IID_IVdsControllerPort, 2 * n_of(self), 2, NULL, ret_enum);
}

const IVdsControllerControllerPortVtbl fake_controller_port_vtbl = {
    UNKNOWN, .QueryControllerPorts = (void *)controller_QueryControllerPorts
};

static HRESULT port_GetProperties(void *self, VDS_PORT_PROP *p)
{
    *p = (VDS_PORT_PROP){ .id = fake_id(PORT, n_of(self)), .status = VDS_PRS_ONLINE };
    return S_OK;
}

const IVdsControllerPortVtbl fake_port_vtbl = { UNKNOWN, .GetProperties = (void *)port_GetProperties,
                                                  .Reset = (void *)port_Reset };

static HRESULT drive_GetProperties(void *self, VDS_DRIVE_PROP *p)
{
    *p = (VDS_DRIVE_PROP){ .id = fake_id(DRIVE, n_of(self)), .status = VDS_DRS_ONLINE };
    return S_OK;
}

static HRESULT drive_SetFlags(void *self, ULONG flags)
{
    fake_log("SetFlags %u 0x%x", n_of(self), flags);
    return fake_end(NULL);
}

static HRESULT drive_ClearFlags(void *self, ULONG flags)
{
    fake_log("ClearFlags %u 0x%x", n_of(self), flags);
    return fake_end(NULL);
}

static HRESULT drive_QueryExtents(void *self, VDS_DRIVE_EXTENT **ret_extents, LONG *ret_n)
{
    (void)self;
    *ret_extents = NULL;
    *ret_n = 0;
    return VDS_E_NOT_SUPPORTED;
}

const IVdsDriveVtbl fake_drive_vtbl = { UNKNOWN, .GetProperties = (void *)drive_GetProperties,
                                        .QueryExtents = (void *)drive_QueryExtents,
                                        .SetFlags = (void *)drive_SetFlags,
                                        .ClearFlags = (void *)drive_ClearFlags };

static HRESULT target_GetProperties(void *self, VDS_ISCSI_TARGET_PROP *p)
{
    *p = (VDS_ISCSI_TARGET_PROP){ .id = fake_id(TARGET, n_of(self)),
                                  .pwszIscsiName = fake_wide("iqn.2026-01.org.example:box") };
    return S_OK;
}

static HRESULT target_SetSharedSecret(void *self, VDS_ISCSI_SHARED_SECRET *secret, LPWSTR initiator)
{
    fake_log("SetSharedSecret %u initiator=%s", n_of(self), initiator ? "some" : "NULL");
    log_secret(secret);
    return fake_end(NULL);
}

static HRESULT target_RememberInitiatorSharedSecret(void *self, LPWSTR initiator,
                                                    VDS_ISCSI_SHARED_SECRET *secret)
{
    fake_log("RememberInitiatorSharedSecret %u initiator=%s", n_of(self), initiator ? "some" : "NULL");
    log_secret(secret);
    return fake_end(NULL);
}

const IVdsIscsiTargetVtbl fake_target_vtbl = { UNKNOWN, .GetProperties = (void *)target_GetProperties,
                                                 .SetSharedSecret = (void *)target_SetSharedSecret,
                                                 .RememberInitiatorSharedSecret =
                                                     (void *)target_RememberInitiatorSharedSecret };

static HRESULT tportal_GetProperties(void *self, VDS_ISCSI_PORTAL_PROP *p)
{
    *p = (VDS_ISCSI_PORTAL_PROP){ .id = fake_id(TPORTAL, n_of(self)), .status = VDS_IPS_ONLINE };
    return S_OK;
}

const IVdsIscsiPortalVtbl fake_tportal_vtbl = { UNKNOWN, .GetProperties = (void *)tportal_GetProperties };

/* ---- initiator -------------------------------------------------------------------------------- */

static HRESULT adapter_GetProperties(void *self, VDS_ISCSI_INITIATOR_ADAPTER_PROP *p)
{
    *p = (VDS_ISCSI_INITIATOR_ADAPTER_PROP){ .id = fake_id(ADAPTER, n_of(self)),
                                             .pwszName = fake_wide(n_of(self) ? "iser" : "tcp") };
    return S_OK;
}

static HRESULT adapter_QueryInitiatorPortals(void *self, IEnumVdsObject **ret_enum)
{
    return fake_enum(IPORTAL, &IID_IVdsIscsiInitiatorPortal, 2 * n_of(self), 2, NULL, ret_enum);
}

static HRESULT adapter_LoginToTarget(void *self, VDS_ISCSI_LOGIN_TYPE type, VDS_OBJECT_ID target,
                                     VDS_OBJECT_ID tportal, VDS_OBJECT_ID iportal, ULONG flags, BOOL header,
                                     BOOL data, VDS_ISCSI_AUTH_TYPE auth, IVdsAsync **ret_async)
{
    fake_log("LoginToTarget %u type=%d flags=%u digests=%d%d auth=%d", n_of(self), type, flags, header, data,
             auth);
    fake_log_ids("target", &target, 1);
    fake_log_ids("tportal", &tportal, 1);
    fake_log_ids("iportal", &iportal, 1);
    return fake_end(ret_async);
}

static HRESULT adapter_LogoutFromTarget(void *self, VDS_OBJECT_ID target, IVdsAsync **ret_async)
{
    fake_log("LogoutFromTarget %u", n_of(self));
    fake_log_ids("target", &target, 1);
    return fake_end(ret_async);
}

const IVdsIscsiInitiatorAdapterVtbl fake_adapter_vtbl = {
    UNKNOWN, .GetProperties = (void *)adapter_GetProperties,
    .QueryInitiatorPortals = (void *)adapter_QueryInitiatorPortals,
    .LoginToTarget = (void *)adapter_LoginToTarget, .LogoutFromTarget = (void *)adapter_LogoutFromTarget
};

static HRESULT iportal_GetProperties(void *self, VDS_ISCSI_INITIATOR_PORTAL_PROP *p)
{
    *p = (VDS_ISCSI_INITIATOR_PORTAL_PROP){ .id = fake_id(IPORTAL, n_of(self)),
                                            .ulPortIndex = n_of(self),
                                            .address = { .type = VDS_IPT_TEXT,
                                                         .wszTextAddress = u"host.example" } };
    return S_OK;
}

const IVdsIscsiInitiatorPortalVtbl fake_iportal_vtbl = { UNKNOWN,
                                                           .GetProperties = (void *)iportal_GetProperties };

/* ---- anew ------------------------------------------------------------------------------------- */

void fake_host_array_reset(void)
{
    import_target[0] = '\0';
}
