/* SPDX-License-Identifier: MIT */
#include "fake_host_internal.h"

static bool port_active[4], controller_active[2];

/* ---- LUN ------------------------------------------------------------------------------------- */

static HRESULT lun_GetProperties(void *self, VDS_LUN_PROP *p)
{
    *p = (VDS_LUN_PROP){
        .id = fake_id(LUN, n_of(self)), .ullSize = 3 << 20, .status = VDS_LS_ONLINE, .type = VDS_LT_MIRROR
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
    return fake_enum(CONTROLLER, &IID_IVdsController, 0, 2, controller_active, ret_enum);
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
    fake_log("AssociateControllers");
    fake_log_ids("on", on, n_on);
    fake_log_ids("off", off, n_off);
    if (SUCCEEDED(fake_answer))
        activate(controller_active, CONTROLLER, on, n_on, off, n_off);
    return fake_end(NULL);
}

static HRESULT lun_Extend(void *self, ULONGLONG bytes, VDS_OBJECT_ID *drives, LONG n, IVdsAsync **ret_async)
{
    fake_log("Extend %u by=%llu", n_of(self), (unsigned long long)bytes);
    fake_log_ids("drives", drives, n);
    return fake_end(ret_async);
}

static HRESULT lun_Shrink(void *self, ULONGLONG bytes, IVdsAsync **ret_async)
{
    fake_log("Shrink %u by=%llu", n_of(self), (unsigned long long)bytes);
    return fake_end(ret_async);
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
    return fake_enum(PLEX, &IID_IVdsLunPlex, 0, 2, NULL, ret_enum);
}

static HRESULT lun_AddPlex(void *self, VDS_OBJECT_ID lun, IVdsAsync **ret_async)
{
    fake_log("AddPlex %u", n_of(self));
    fake_log_ids("lun", &lun, 1);
    return fake_end(ret_async);
}

static HRESULT lun_RemovePlex(void *self, VDS_OBJECT_ID plex, IVdsAsync **ret_async)
{
    fake_log("RemovePlex %u", n_of(self));
    fake_log_ids("plex", &plex, 1);
    return fake_end(ret_async);
}

static HRESULT lun_Recover(void *self, IVdsAsync **ret_async)
{
    fake_log("Recover %u", n_of(self));
    return fake_end(ret_async);
}

static HRESULT lun_ApplyHints(void *self, VDS_HINTS *hints)
{
    fake_log("ApplyHints %u mask=%llx stripe=%u", n_of(self), (unsigned long long)hints->ullHintMask,
             hints->ulStripeSize);
    return fake_end(NULL);
}

DEFINE_ACT(lun_Delete, "Delete LUN")

const IVdsLunVtbl fake_lun_vtbl = { UNKNOWN,
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
    *p = (VDS_LUN_PLEX_PROP){ .id = fake_id(PLEX, n_of(self)), .type = VDS_LPT_SIMPLE };
    return S_OK;
}

const IVdsLunPlexVtbl fake_plex_vtbl = { UNKNOWN, .GetProperties = (void *)plex_GetProperties };

static HRESULT lun_AssociateControllerPorts(void *self, GUID *on, LONG n_on, GUID *off, LONG n_off)
{
    (void)self;
    fake_log("AssociateControllerPorts");
    fake_log_ids("on", on, n_on);
    fake_log_ids("off", off, n_off);
    if (SUCCEEDED(fake_answer))
        activate(port_active, PORT, on, n_on, off, n_off);
    return fake_end(NULL);
}

static HRESULT lun_QueryActiveControllerPorts(void *self, IEnumVdsObject **ret_enum)
{
    (void)self;
    return fake_enum(PORT, &IID_IVdsControllerPort, 0, 4, port_active, ret_enum);
}

const IVdsLunControllerPortsVtbl fake_lun_ports_vtbl = {
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
    fake_log("SetLoadBalancePolicy %d", policy);
    for (LONG i = 0; i < n; i++)
        fake_log(" %llu:%s%u", (unsigned long long)paths[i].pathId.ullPathId,
                 paths[i].bPrimaryPath ? "primary" : "", paths[i].ulWeight);
    return fake_end(NULL);
}

const IVdsLunMpioVtbl fake_mpio_vtbl = { UNKNOWN, .GetPathInfo = (void *)mpio_GetPathInfo,
                                           .GetLoadBalancePolicy = (void *)mpio_GetLoadBalancePolicy,
                                           .SetLoadBalancePolicy = (void *)mpio_SetLoadBalancePolicy };

static HRESULT maintenance_Start(void *self, VDS_MAINTENANCE_OPERATION operation)
{
    fake_log("StartMaintenance %d of %d/%u", operation, ((struct face *)self)->what, n_of(self));
    return fake_end(NULL);
}

static HRESULT maintenance_Pulse(void *self, VDS_MAINTENANCE_OPERATION operation, ULONG n)
{
    fake_log("PulseMaintenance %d of %d/%u times %u", operation, ((struct face *)self)->what, n_of(self), n);
    return fake_end(NULL);
}

const IVdsMaintenanceVtbl fake_maintenance_vtbl = { UNKNOWN, .StartMaintenance = (void *)maintenance_Start,
                                                      .PulseMaintenance = (void *)maintenance_Pulse };

/* ---- anew ------------------------------------------------------------------------------------- */

void fake_host_lun_reset(void)
{
    memset(port_active, 0, sizeof port_active);
    memset(controller_active, 0, sizeof controller_active);
}
