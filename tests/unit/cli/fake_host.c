/* SPDX-License-Identifier: MIT */
#include "fake_host.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

enum what {
    SERVICE,
    PROVIDER,
    SUBSYSTEM,
    CONTROLLER,
    PORT,
    DRIVE,
    LUN,
    PLEX,
    TARGET,
    TPORTAL,
    ADAPTER,
    IPORTAL,
    ASYNC,
    N_WHAT
};

#define N_EACH 8
/* Every interface of every object is one of these; the object is (what, n). */
struct face {
    const void *vtbl;
    enum what what;
    unsigned n;
};

static char calls[2048];
static HRESULT answer;
static bool port_active[4], controller_active[2];
static char import_target[64];

static void log_call(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void log_call(const char *format, ...)
{
    size_t n = strlen(calls);
    va_list args;

    va_start(args, format);
    vsnprintf(calls + n, sizeof calls - n, format, args);
    va_end(args);
}

static GUID id_of(enum what what, unsigned n)
{
    return (GUID){ .Data1 = 1 + (ULONG)what, .Data2 = (USHORT)(n + 1) };
}

/* "p0", "c1": the letter says the kind; "-" for GUID_NULL. */
static void log_ids(const char *name, const GUID *ids, LONG n)
{
    static const char letters[] = "SPscpdlxtTaiA";

    log_call(" %s=", name);
    for (LONG i = 0; i < n; i++) {
        if (ids[i].Data1 == 0)
            log_call("-");
        else
            log_call("%s%c%d", i ? "," : "", letters[ids[i].Data1 - 1], ids[i].Data2 - 1);
    }
}

static LPWSTR wide(const char *text)
{
    WCHAR *w = CoTaskMemAlloc((strlen(text) + 1) * sizeof *w);

    for (size_t i = 0; i <= strlen(text); i++)
        w[i] = (unsigned char)text[i];
    return w;
}

/* ---- IUnknown -------------------------------------------------------------------------------- */

static struct face *find_face(enum what what, unsigned n, const IID *iid);

static HRESULT query(void *self, REFIID iid, void **ret_face)
{
    struct face *f = self;

    *ret_face = find_face(f->what, f->n, iid);
    return *ret_face ? S_OK : E_NOINTERFACE;
}

static ULONG count(void *self)
{
    (void)self;
    return 1;
}
#define UNKNOWN .QueryInterface = (void *)query, .AddRef = (void *)count, .Release = (void *)count

static unsigned n_of(void *self)
{
    return ((struct face *)self)->n;
}

/* ---- enumerations and operations ------------------------------------------------------------- */

static struct {
    const IEnumVdsObjectVtbl *vtbl;
    unsigned n, at;
    IUnknown *item[N_EACH];
} enums[8];
static unsigned next_enum;

static HRESULT enum_Next(void *self, ULONG celt, IUnknown **objects, ULONG *ret_n)
{
    __typeof__(enums[0]) *e = self;

    for (*ret_n = 0; *ret_n < celt && e->at < e->n; (*ret_n)++)
        objects[*ret_n] = e->item[e->at++];
    return *ret_n == celt ? S_OK : S_FALSE;
}

static const IEnumVdsObjectVtbl enum_vtbl = { UNKNOWN, .Next = (void *)enum_Next };

/* The objects (what, first) and so on for which the mask (if any) is true. */
static HRESULT make_enum(enum what what, const IID *iid, unsigned first, unsigned n, const bool *mask,
                         IEnumVdsObject **ret_enum)
{
    __typeof__(enums[0]) *e = &enums[next_enum++ % 8]; /* never that many at once */

    e->vtbl = &enum_vtbl;
    e->n = e->at = 0;
    for (unsigned i = first; i < first + n; i++) {
        if (!mask || mask[i])
            e->item[e->n++] = (IUnknown *)find_face(what, i, iid);
    }
    *ret_enum = (IEnumVdsObject *)e;
    return S_OK;
}

static HRESULT async_Wait(void *self, HRESULT *ret_hr, VDS_ASYNC_OUTPUT *ret_output)
{
    (void)self;
    *ret_hr = S_OK;
    memset(ret_output, 0, sizeof *ret_output);
    return S_OK;
}

static const IVdsAsyncVtbl async_vtbl = { UNKNOWN, .Wait = (void *)async_Wait };

static HRESULT end_call(IVdsAsync **ret_async)
{
    log_call("; ");
    if (ret_async)
        *ret_async = SUCCEEDED(answer) ? (IVdsAsync *)find_face(ASYNC, 0, &IID_IVdsAsync) : NULL;
    return answer;
}

/* ---- service, provider, subsystem ------------------------------------------------------------- */

static HRESULT service_ready(void *self)
{
    (void)self;
    return S_OK;
}

static HRESULT service_QueryProviders(void *self, DWORD masks, IEnumVdsObject **ret_enum)
{
    (void)self, (void)masks;
    return make_enum(PROVIDER, &IID_IVdsProvider, 0, 1, NULL, ret_enum);
}

static const IVdsServiceVtbl service_vtbl = { UNKNOWN, .IsServiceReady = (void *)service_ready,
                                              .QueryProviders = (void *)service_QueryProviders };

static HRESULT iscsi_GetInitiatorName(void *self, LPWSTR *ret_name)
{
    (void)self;
    *ret_name = wide("iqn.2026-01.org.example:host");
    return S_OK;
}

static HRESULT iscsi_QueryInitiatorAdapters(void *self, IEnumVdsObject **ret_enum)
{
    (void)self;
    return make_enum(ADAPTER, &IID_IVdsIscsiInitiatorAdapter, 0, 2, NULL, ret_enum);
}

static void log_secret(const VDS_ISCSI_SHARED_SECRET *s)
{
    log_call(" secret=%.*s", s->pSharedSecret ? (int)s->ulSharedSecretSize : 4,
             s->pSharedSecret ? (char *)s->pSharedSecret : "NULL");
}

static HRESULT iscsi_SetInitiatorSharedSecret(void *self, VDS_ISCSI_SHARED_SECRET *secret,
                                              VDS_OBJECT_ID target)
{
    (void)self;
    log_call("SetInitiatorSharedSecret");
    log_secret(secret);
    log_ids("target", &target, 1);
    return end_call(NULL);
}

static HRESULT iscsi_RememberTargetSharedSecret(void *self, VDS_OBJECT_ID target,
                                                VDS_ISCSI_SHARED_SECRET *secret)
{
    (void)self;
    log_call("RememberTargetSharedSecret");
    log_secret(secret);
    log_ids("target", &target, 1);
    return end_call(NULL);
}

static const IVdsServiceIscsiVtbl service_iscsi_vtbl = {
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
    *ret_disk = id_of(LUN, 0);
    return S_OK;
}

static HRESULT uninstall_UninstallDisks(void *self, VDS_OBJECT_ID *disks, ULONG n, BOOLEAN force,
                                        BOOLEAN *ret_reboot, HRESULT *ret_results)
{
    (void)self;
    log_call("UninstallDisks force=%d", force);
    log_ids("disks", disks, (LONG)n);
    *ret_reboot = FALSE;
    ret_results[0] = answer;
    end_call(NULL);
    return S_OK;
}

static const IVdsServiceUninstallDiskVtbl uninstall_vtbl = {
    UNKNOWN, .GetDiskIdFromLunInfo = (void *)uninstall_GetDiskIdFromLunInfo,
    .UninstallDisks = (void *)uninstall_UninstallDisks
};

static HRESULT provider_GetProperties(void *self, VDS_PROVIDER_PROP *p)
{
    *p = (VDS_PROVIDER_PROP){ .id = id_of(PROVIDER, n_of(self)),
                              .pwszName = wide("fake"),
                              .pwszVersion = wide("1") };
    return S_OK;
}

static const IVdsProviderVtbl provider_vtbl = { UNKNOWN, .GetProperties = (void *)provider_GetProperties };

static HRESULT hw_QuerySubSystems(void *self, IEnumVdsObject **ret_enum)
{
    (void)self;
    return make_enum(SUBSYSTEM, &IID_IVdsSubSystem, 0, 1, NULL, ret_enum);
}

static const IVdsHwProviderVtbl hw_vtbl = { UNKNOWN, .QuerySubSystems = (void *)hw_QuerySubSystems };

static HRESULT subsystem_GetProperties(void *self, VDS_SUB_SYSTEM_PROP *p)
{
    *p = (VDS_SUB_SYSTEM_PROP){ .id = id_of(SUBSYSTEM, n_of(self)),
                                .pwszFriendlyName = wide("fake"),
                                .status = VDS_SSS_ONLINE };
    return S_OK;
}

static HRESULT subsystem_GetProvider(void *self, IVdsProvider **ret_provider)
{
    (void)self;
    *ret_provider = (IVdsProvider *)find_face(PROVIDER, 0, &IID_IVdsProvider);
    return S_OK;
}

#define DEFINE_QUERY(method, what, iface, n)                        \
    static HRESULT method(void *self, IEnumVdsObject **ret_enum)    \
    {                                                               \
        (void)self;                                                 \
        return make_enum(what, &IID_##iface, 0, n, NULL, ret_enum); \
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
    log_call("CreateLun type=%d size=%llu mask=%s hints=", type, (unsigned long long)size,
             *mask ? "some" : "none");
    log_call(hints ? "%llx/%u" : "NULL", hints ? (unsigned long long)hints->ullHintMask : 0,
             hints ? hints->ulStripeSize : 0);
    log_ids("drives", drives, n);
    return end_call(ret_async);
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
    log_call("ReplaceDrive");
    log_ids("old", &old, 1);
    log_ids("new", &new, 1);
    return end_call(NULL);
}

static const IVdsSubSystemVtbl subsystem_vtbl = { UNKNOWN,
                                                  .GetProperties = (void *)subsystem_GetProperties,
                                                  .GetProvider = (void *)subsystem_GetProvider,
                                                  .QueryControllers = (void *)subsystem_QueryControllers,
                                                  .QueryLuns = (void *)subsystem_QueryLuns,
                                                  .QueryDrives = (void *)subsystem_QueryDrives,
                                                  .CreateLun = (void *)subsystem_CreateLun,
                                                  .QueryMaxLunCreateSize =
                                                      (void *)subsystem_QueryMaxLunCreateSize,
                                                  .ReplaceDrive = (void *)subsystem_ReplaceDrive };
static const IVdsSubSystemIscsiVtbl subsystem_iscsi_vtbl = { UNKNOWN,
                                                             .QueryTargets = (void *)subsystem_QueryTargets,
                                                             .QueryPortals = (void *)subsystem_QueryPortals };

static HRESULT import_Get(void *self, LPWSTR *ret_name)
{
    (void)self;
    if (!*import_target)
        return VDS_E_NO_IMPORT_TARGET;
    *ret_name = wide(import_target);
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

static const IVdsSubSystemImportTargetVtbl import_vtbl = { UNKNOWN, .GetImportTarget = (void *)import_Get,
                                                           .SetImportTarget = (void *)import_Set };

/* ---- controllers, ports, drives, targets ------------------------------------------------------- */

static HRESULT controller_GetProperties(void *self, VDS_CONTROLLER_PROP *p)
{
    *p = (VDS_CONTROLLER_PROP){ .id = id_of(CONTROLLER, n_of(self)), .sNumberOfPorts = 2 };
    return S_OK;
}

#define DEFINE_ACT(method, name)          \
    static HRESULT method(void *self)     \
    {                                     \
        log_call(name " %u", n_of(self)); \
        return end_call(NULL);            \
    }
DEFINE_ACT(controller_FlushCache, "FlushCache")
DEFINE_ACT(controller_InvalidateCache, "InvalidateCache")
DEFINE_ACT(controller_Reset, "Reset controller")
DEFINE_ACT(port_Reset, "Reset port")

static const IVdsControllerVtbl controller_vtbl = {
    UNKNOWN, .GetProperties = (void *)controller_GetProperties, .FlushCache = (void *)controller_FlushCache,
    .InvalidateCache = (void *)controller_InvalidateCache, .Reset = (void *)controller_Reset
};

static HRESULT controller_QueryControllerPorts(void *self, IEnumVdsObject **ret_enum)
{
    return make_enum(PORT, &IID_IVdsControllerPort, 2 * n_of(self), 2, NULL, ret_enum);
}

static const IVdsControllerControllerPortVtbl controller_port_vtbl = {
    UNKNOWN, .QueryControllerPorts = (void *)controller_QueryControllerPorts
};

static HRESULT port_GetProperties(void *self, VDS_PORT_PROP *p)
{
    *p = (VDS_PORT_PROP){ .id = id_of(PORT, n_of(self)), .status = VDS_PRS_ONLINE };
    return S_OK;
}

static const IVdsControllerPortVtbl port_vtbl = { UNKNOWN, .GetProperties = (void *)port_GetProperties,
                                                  .Reset = (void *)port_Reset };

static HRESULT drive_GetProperties(void *self, VDS_DRIVE_PROP *p)
{
    *p = (VDS_DRIVE_PROP){ .id = id_of(DRIVE, n_of(self)), .status = VDS_DRS_ONLINE };
    return S_OK;
}

static HRESULT drive_SetFlags(void *self, ULONG flags)
{
    log_call("SetFlags %u 0x%x", n_of(self), flags);
    return end_call(NULL);
}

static HRESULT drive_ClearFlags(void *self, ULONG flags)
{
    log_call("ClearFlags %u 0x%x", n_of(self), flags);
    return end_call(NULL);
}

static HRESULT drive_QueryExtents(void *self, VDS_DRIVE_EXTENT **ret_extents, LONG *ret_n)
{
    (void)self;
    *ret_extents = NULL;
    *ret_n = 0;
    return VDS_E_NOT_SUPPORTED;
}

static const IVdsDriveVtbl drive_vtbl = { UNKNOWN, .GetProperties = (void *)drive_GetProperties,
                                          .QueryExtents = (void *)drive_QueryExtents,
                                          .SetFlags = (void *)drive_SetFlags,
                                          .ClearFlags = (void *)drive_ClearFlags };

static HRESULT target_GetProperties(void *self, VDS_ISCSI_TARGET_PROP *p)
{
    *p = (VDS_ISCSI_TARGET_PROP){ .id = id_of(TARGET, n_of(self)),
                                  .pwszIscsiName = wide("iqn.2026-01.org.example:box") };
    return S_OK;
}

static HRESULT target_SetSharedSecret(void *self, VDS_ISCSI_SHARED_SECRET *secret, LPWSTR initiator)
{
    log_call("SetSharedSecret %u initiator=%s", n_of(self), initiator ? "some" : "NULL");
    log_secret(secret);
    return end_call(NULL);
}

static HRESULT target_RememberInitiatorSharedSecret(void *self, LPWSTR initiator,
                                                    VDS_ISCSI_SHARED_SECRET *secret)
{
    log_call("RememberInitiatorSharedSecret %u initiator=%s", n_of(self), initiator ? "some" : "NULL");
    log_secret(secret);
    return end_call(NULL);
}

static const IVdsIscsiTargetVtbl target_vtbl = { UNKNOWN, .GetProperties = (void *)target_GetProperties,
                                                 .SetSharedSecret = (void *)target_SetSharedSecret,
                                                 .RememberInitiatorSharedSecret =
                                                     (void *)target_RememberInitiatorSharedSecret };

static HRESULT tportal_GetProperties(void *self, VDS_ISCSI_PORTAL_PROP *p)
{
    *p = (VDS_ISCSI_PORTAL_PROP){ .id = id_of(TPORTAL, n_of(self)), .status = VDS_IPS_ONLINE };
    return S_OK;
}

static const IVdsIscsiPortalVtbl tportal_vtbl = { UNKNOWN, .GetProperties = (void *)tportal_GetProperties };

/* ---- LUN ------------------------------------------------------------------------------------- */

static HRESULT lun_GetProperties(void *self, VDS_LUN_PROP *p)
{
    *p = (VDS_LUN_PROP){
        .id = id_of(LUN, n_of(self)), .ullSize = 3 << 20, .status = VDS_LS_ONLINE, .type = VDS_LT_MIRROR
    };
    return S_OK;
}

static HRESULT lun_GetIdentificationData(void *self, VDS_LUN_INFORMATION *info)
{
    *info = (VDS_LUN_INFORMATION){ .m_szSerialNumber = CoTaskMemAlloc(2), .m_szVendorId = CoTaskMemAlloc(6) };
    memcpy(info->m_szVendorId, "\x1b[31m", 6);
    info->m_szSerialNumber[0] = (char)('0' + n_of(self));
    info->m_szSerialNumber[1] = '\0';
    info->m_deviceIdDescriptor.m_cIdentifiers = 1;
    info->m_deviceIdDescriptor.m_rgIdentifiers = CoTaskMemAlloc(sizeof(VDS_STORAGE_IDENTIFIER));
    info->m_deviceIdDescriptor.m_rgIdentifiers[0] =
        (VDS_STORAGE_IDENTIFIER){ .m_rgbIdentifier = CoTaskMemAlloc(8) };
    return S_OK;
}

static HRESULT lun_QueryActiveControllers(void *self, IEnumVdsObject **ret_enum)
{
    (void)self;
    return make_enum(CONTROLLER, &IID_IVdsController, 0, 2, controller_active, ret_enum);
}

static void activate(bool *active, enum what what, const GUID *on, LONG n_on, const GUID *off, LONG n_off)
{
    for (LONG i = 0; i < n_on; i++)
        active[on[i].Data2 - 1] = on[i].Data1 == 1 + (ULONG)what;
    for (LONG i = 0; i < n_off; i++)
        active[off[i].Data2 - 1] = false;
}

static HRESULT lun_AssociateControllers(void *self, GUID *on, LONG n_on, GUID *off, LONG n_off)
{
    (void)self;
    log_call("AssociateControllers");
    log_ids("on", on, n_on);
    log_ids("off", off, n_off);
    if (SUCCEEDED(answer))
        activate(controller_active, CONTROLLER, on, n_on, off, n_off);
    return end_call(NULL);
}

static HRESULT lun_Extend(void *self, ULONGLONG bytes, VDS_OBJECT_ID *drives, LONG n, IVdsAsync **ret_async)
{
    log_call("Extend %u by=%llu", n_of(self), (unsigned long long)bytes);
    log_ids("drives", drives, n);
    return end_call(ret_async);
}

static HRESULT lun_Shrink(void *self, ULONGLONG bytes, IVdsAsync **ret_async)
{
    log_call("Shrink %u by=%llu", n_of(self), (unsigned long long)bytes);
    return end_call(ret_async);
}

static HRESULT lun_QueryMaxLunExtendSize(void *self, VDS_OBJECT_ID *drives, LONG n, ULONGLONG *ret_size)
{
    (void)self, (void)drives;
    *ret_size = 2000 * (ULONGLONG)n;
    return S_OK;
}

static HRESULT lun_QueryPlexes(void *self, IEnumVdsObject **ret_enum)
{
    (void)self;
    return make_enum(PLEX, &IID_IVdsLunPlex, 0, 2, NULL, ret_enum);
}

static HRESULT lun_AddPlex(void *self, VDS_OBJECT_ID lun, IVdsAsync **ret_async)
{
    log_call("AddPlex %u", n_of(self));
    log_ids("lun", &lun, 1);
    return end_call(ret_async);
}

static HRESULT lun_RemovePlex(void *self, VDS_OBJECT_ID plex, IVdsAsync **ret_async)
{
    log_call("RemovePlex %u", n_of(self));
    log_ids("plex", &plex, 1);
    return end_call(ret_async);
}

static HRESULT lun_Recover(void *self, IVdsAsync **ret_async)
{
    log_call("Recover %u", n_of(self));
    return end_call(ret_async);
}

static HRESULT lun_ApplyHints(void *self, VDS_HINTS *hints)
{
    log_call("ApplyHints %u mask=%llx stripe=%u", n_of(self), (unsigned long long)hints->ullHintMask,
             hints->ulStripeSize);
    return end_call(NULL);
}

DEFINE_ACT(lun_Delete, "Delete LUN")

static const IVdsLunVtbl lun_vtbl = { UNKNOWN,
                                      .GetProperties = (void *)lun_GetProperties,
                                      .GetIdentificationData = (void *)lun_GetIdentificationData,
                                      .QueryActiveControllers = (void *)lun_QueryActiveControllers,
                                      .AssociateControllers = (void *)lun_AssociateControllers,
                                      .Extend = (void *)lun_Extend,
                                      .Shrink = (void *)lun_Shrink,
                                      .QueryMaxLunExtendSize = (void *)lun_QueryMaxLunExtendSize,
                                      .QueryPlexes = (void *)lun_QueryPlexes,
                                      .AddPlex = (void *)lun_AddPlex,
                                      .RemovePlex = (void *)lun_RemovePlex,
                                      .Recover = (void *)lun_Recover,
                                      .ApplyHints = (void *)lun_ApplyHints,
                                      .Delete = (void *)lun_Delete };

static HRESULT plex_GetProperties(void *self, VDS_LUN_PLEX_PROP *p)
{
    *p = (VDS_LUN_PLEX_PROP){ .id = id_of(PLEX, n_of(self)), .type = VDS_LPT_SIMPLE };
    return S_OK;
}

static const IVdsLunPlexVtbl plex_vtbl = { UNKNOWN, .GetProperties = (void *)plex_GetProperties };

static HRESULT lun_AssociateControllerPorts(void *self, GUID *on, LONG n_on, GUID *off, LONG n_off)
{
    (void)self;
    log_call("AssociateControllerPorts");
    log_ids("on", on, n_on);
    log_ids("off", off, n_off);
    if (SUCCEEDED(answer))
        activate(port_active, PORT, on, n_on, off, n_off);
    return end_call(NULL);
}

static HRESULT lun_QueryActiveControllerPorts(void *self, IEnumVdsObject **ret_enum)
{
    (void)self;
    return make_enum(PORT, &IID_IVdsControllerPort, 0, 4, port_active, ret_enum);
}

static const IVdsLunControllerPortsVtbl lun_ports_vtbl = {
    UNKNOWN, .AssociateControllerPorts = (void *)lun_AssociateControllerPorts,
    .QueryActiveControllerPorts = (void *)lun_QueryActiveControllerPorts
};

static HRESULT mpio_GetPathInfo(void *self, VDS_PATH_INFO **ret_paths, LONG *ret_n)
{
    VDS_PATH_INFO *paths = CoTaskMemAlloc(3 * sizeof *paths);

    (void)self;
    for (unsigned i = 0; i < 3; i++)
        paths[i] = (VDS_PATH_INFO){ .pathId = { i, 100 + i },
                                    .type = i ? VDS_HWT_FIBRE_CHANNEL : VDS_HWT_ISCSI,
                                    .pHbaPortProp = CoTaskMemAlloc(sizeof(VDS_HBAPORT_PROP)) };
    *ret_paths = paths;
    *ret_n = 3;
    return S_OK;
}

static HRESULT mpio_GetLoadBalancePolicy(void *self, VDS_LOADBALANCE_POLICY_ENUM *ret_policy,
                                         VDS_PATH_POLICY **ret_paths, LONG *ret_n)
{
    (void)self;
    *ret_policy = VDS_LBP_LEAST_BLOCKS;
    *ret_paths = CoTaskMemAlloc(sizeof **ret_paths);
    *ret_n = 1;
    return S_OK;
}

static HRESULT mpio_SetLoadBalancePolicy(void *self, VDS_LOADBALANCE_POLICY_ENUM policy,
                                         VDS_PATH_POLICY *paths, LONG n)
{
    (void)self;
    log_call("SetLoadBalancePolicy %d", policy);
    for (LONG i = 0; i < n; i++)
        log_call(" %llu:%s%u", (unsigned long long)paths[i].pathId.ullPathId,
                 paths[i].bPrimaryPath ? "primary" : "", paths[i].ulWeight);
    return end_call(NULL);
}

static const IVdsLunMpioVtbl mpio_vtbl = { UNKNOWN, .GetPathInfo = (void *)mpio_GetPathInfo,
                                           .GetLoadBalancePolicy = (void *)mpio_GetLoadBalancePolicy,
                                           .SetLoadBalancePolicy = (void *)mpio_SetLoadBalancePolicy };

static HRESULT maintenance_Start(void *self, VDS_MAINTENANCE_OPERATION operation)
{
    log_call("StartMaintenance %d of %d/%u", operation, ((struct face *)self)->what, n_of(self));
    return end_call(NULL);
}

static HRESULT maintenance_Pulse(void *self, VDS_MAINTENANCE_OPERATION operation, ULONG n)
{
    log_call("PulseMaintenance %d of %d/%u times %u", operation, ((struct face *)self)->what, n_of(self), n);
    return end_call(NULL);
}

static const IVdsMaintenanceVtbl maintenance_vtbl = { UNKNOWN, .StartMaintenance = (void *)maintenance_Start,
                                                      .PulseMaintenance = (void *)maintenance_Pulse };

/* ---- initiator -------------------------------------------------------------------------------- */

static HRESULT adapter_GetProperties(void *self, VDS_ISCSI_INITIATOR_ADAPTER_PROP *p)
{
    *p = (VDS_ISCSI_INITIATOR_ADAPTER_PROP){ .id = id_of(ADAPTER, n_of(self)),
                                             .pwszName = wide(n_of(self) ? "iser" : "tcp") };
    return S_OK;
}

static HRESULT adapter_QueryInitiatorPortals(void *self, IEnumVdsObject **ret_enum)
{
    return make_enum(IPORTAL, &IID_IVdsIscsiInitiatorPortal, 2 * n_of(self), 2, NULL, ret_enum);
}

static HRESULT adapter_LoginToTarget(void *self, VDS_ISCSI_LOGIN_TYPE type, VDS_OBJECT_ID target,
                                     VDS_OBJECT_ID tportal, VDS_OBJECT_ID iportal, ULONG flags, BOOL header,
                                     BOOL data, VDS_ISCSI_AUTH_TYPE auth, IVdsAsync **ret_async)
{
    log_call("LoginToTarget %u type=%d flags=%u digests=%d%d auth=%d", n_of(self), type, flags, header, data,
             auth);
    log_ids("target", &target, 1);
    log_ids("tportal", &tportal, 1);
    log_ids("iportal", &iportal, 1);
    return end_call(ret_async);
}

static HRESULT adapter_LogoutFromTarget(void *self, VDS_OBJECT_ID target, IVdsAsync **ret_async)
{
    log_call("LogoutFromTarget %u", n_of(self));
    log_ids("target", &target, 1);
    return end_call(ret_async);
}

static const IVdsIscsiInitiatorAdapterVtbl adapter_vtbl = {
    UNKNOWN, .GetProperties = (void *)adapter_GetProperties,
    .QueryInitiatorPortals = (void *)adapter_QueryInitiatorPortals,
    .LoginToTarget = (void *)adapter_LoginToTarget, .LogoutFromTarget = (void *)adapter_LogoutFromTarget
};

static HRESULT iportal_GetProperties(void *self, VDS_ISCSI_INITIATOR_PORTAL_PROP *p)
{
    *p = (VDS_ISCSI_INITIATOR_PORTAL_PROP){ .id = id_of(IPORTAL, n_of(self)),
                                            .ulPortIndex = n_of(self),
                                            .address = { .type = VDS_IPT_TEXT,
                                                         .wszTextAddress = u"host.example" } };
    return S_OK;
}

static const IVdsIscsiInitiatorPortalVtbl iportal_vtbl = { UNKNOWN,
                                                           .GetProperties = (void *)iportal_GetProperties };

/* ---- all of them ------------------------------------------------------------------------------ */

static const struct {
    enum what what;
    const IID *iid;
    const void *vtbl;
} tables[] = {
    { SERVICE, &IID_IVdsService, &service_vtbl },
    { SERVICE, &IID_IVdsServiceIscsi, &service_iscsi_vtbl },
    { SERVICE, &IID_IVdsServiceUninstallDisk, &uninstall_vtbl },
    { PROVIDER, &IID_IVdsProvider, &provider_vtbl },
    { PROVIDER, &IID_IVdsHwProvider, &hw_vtbl },
    { SUBSYSTEM, &IID_IVdsSubSystem, &subsystem_vtbl },
    { SUBSYSTEM, &IID_IVdsSubSystemIscsi, &subsystem_iscsi_vtbl },
    { SUBSYSTEM, &IID_IVdsSubSystemImportTarget, &import_vtbl },
    { CONTROLLER, &IID_IVdsController, &controller_vtbl },
    { CONTROLLER, &IID_IVdsControllerControllerPort, &controller_port_vtbl },
    { PORT, &IID_IVdsControllerPort, &port_vtbl },
    { DRIVE, &IID_IVdsDrive, &drive_vtbl },
    { DRIVE, &IID_IVdsMaintenance, &maintenance_vtbl },
    { LUN, &IID_IVdsLun, &lun_vtbl },
    { LUN, &IID_IVdsLunControllerPorts, &lun_ports_vtbl },
    { LUN, &IID_IVdsLunMpio, &mpio_vtbl },
    { LUN, &IID_IVdsMaintenance, &maintenance_vtbl },
    { PLEX, &IID_IVdsLunPlex, &plex_vtbl },
    { TARGET, &IID_IVdsIscsiTarget, &target_vtbl },
    { TPORTAL, &IID_IVdsIscsiPortal, &tportal_vtbl },
    { ADAPTER, &IID_IVdsIscsiInitiatorAdapter, &adapter_vtbl },
    { IPORTAL, &IID_IVdsIscsiInitiatorPortal, &iportal_vtbl },
    { ASYNC, &IID_IVdsAsync, &async_vtbl },
};
static struct face faces[ARRAY_SIZE(tables)][N_EACH];

static struct face *find_face(enum what what, unsigned n, const IID *iid)
{
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        if (tables[i].what == what &&
            (memcmp(iid, tables[i].iid, sizeof *iid) == 0 || memcmp(iid, &IID_IUnknown, sizeof *iid) == 0)) {
            faces[i][n] = (struct face){ tables[i].vtbl, what, n };
            return &faces[i][n];
        }
    }
    return NULL;
}

void fake_host_reset(void)
{
    calls[0] = import_target[0] = '\0';
    answer = S_OK;
    memset(port_active, 0, sizeof port_active);
    memset(controller_active, 0, sizeof controller_active);
}

IVdsService *fake_host_service(void)
{
    return (IVdsService *)find_face(SERVICE, 0, &IID_IVdsService);
}

const char *fake_host_calls(void)
{
    static char text[sizeof calls];

    strcpy(text, calls);
    calls[0] = '\0';
    return text;
}

void fake_host_answer(HRESULT hr)
{
    answer = hr;
}
