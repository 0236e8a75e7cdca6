/* SPDX-License-Identifier: MIT */
/* The provider and its subsystem. */
#include "fake_internal.h"

FAKE_UNKNOWN(IVdsProvider, provider)
FAKE_UNKNOWN(IVdsHwProvider, hw)
FAKE_UNKNOWN(IVdsSubSystem, subsystem)
FAKE_UNKNOWN(IVdsSubSystemIscsi, iscsi)
FAKE_UNKNOWN(IVdsSubSystemEx, ex)
FAKE_UNKNOWN(IVdsSubSystemTreeEx, tree)

static HRESULT provider_properties(IVdsProvider *p, VDS_PROVIDER_PROP *out)
{
    struct fake_object *o = from_IVdsProvider(p);

    *out = (VDS_PROVIDER_PROP){ .id = fake_id(FAKE_PROVIDER, o->number),
                                .pwszName = fake_wide("fake provider"),
                                .type = VDS_PT_HARDWARE,
                                .ulFlags = 5,
                                .sRebuildPriority = -3 }; /* the version stays NULL */
    return VDS_S_PROPERTIES_INCOMPLETE;
}

static HRESULT query_subsystems(IVdsHwProvider *p, IEnumVdsObject **ret)
{
    return fake_enumerate(from_IVdsHwProvider(p)->fake, FAKE_SUBSYSTEM, ret);
}

static HRESULT subsystem_properties(IVdsSubSystem *p, VDS_SUB_SYSTEM_PROP *out)
{
    struct fake_object *o = from_IVdsSubSystem(p);

    *out = (VDS_SUB_SYSTEM_PROP){ .id = fake_id(FAKE_SUBSYSTEM, o->number),
                                  .pwszFriendlyName = fake_wide("gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x92\xbe"),
                                  .pwszIdentification = fake_wide(""),
                                  .ulFlags = 0xdeadbeef,
                                  .status = VDS_SSS_ONLINE,
                                  .health = VDS_H_HEALTHY,
                                  .sNumberOfInternalBuses = -1,
                                  .sMaxNumberOfSlotsEachBus = 32767 };
    return S_OK;
}

static HRESULT subsystem_provider(IVdsSubSystem *p, IVdsProvider **ret)
{
    IUnknown *unknown = NULL;
    HRESULT hr = fake_object_new(from_IVdsSubSystem(p)->fake, FAKE_PROVIDER, 1, &unknown);

    *ret = (IVdsProvider *)unknown;
    return hr;
}

static HRESULT subsystem_luns(IVdsSubSystem *p, IEnumVdsObject **ret)
{
    return fake_enumerate(from_IVdsSubSystem(p)->fake, FAKE_LUN, ret);
}

static HRESULT subsystem_drive(IVdsSubSystem *p, SHORT bus, SHORT slot, IVdsDrive **ret)
{
    struct fake *f = from_IVdsSubSystem(p)->fake;
    IUnknown *unknown = NULL;
    HRESULT hr;

    f->last.bus = bus;
    f->last.slot = slot;
    if (slot == 99) { /* a success without an object */
        *ret = NULL;
        return S_OK;
    }
    hr = fake_object_new(f, FAKE_DRIVE, 1, &unknown);
    *ret = (IVdsDrive *)unknown;
    return hr;
}

static HRESULT subsystem_create_lun(IVdsSubSystem *p, VDS_LUN_TYPE type, ULONGLONG size,
                                    VDS_OBJECT_ID *drives, LONG n, LPWSTR mask, VDS_HINTS *hints,
                                    IVdsAsync **ret)
{
    struct fake *f = from_IVdsSubSystem(p)->fake;

    f->last.lun_type = type;
    f->last.size = size;
    f->last.n_drives = n;
    f->last.drives_null = !drives;
    for (LONG i = 0; i < n && i < 4; i++)
        f->last.drives[i] = drives[i];
    fake_narrow(f->last.mask, sizeof f->last.mask, mask);
    f->last.hints_null = !hints;
    if (hints)
        f->last.hints = *hints;
    if (size == 0) {
        error_text_set("a LUN of no bytes is not one: ask for more \xe2\x80\x93 at least 1 MiB");
        return VDS_E_NOT_ENOUGH_SPACE;
    }
    return fake_start_op(f, VDS_ASYNCOUT_CREATELUN, FAKE_LUN, 1, ret);
}

static HRESULT subsystem_max_size(IVdsSubSystem *p, VDS_LUN_TYPE type, VDS_OBJECT_ID *drives, LONG n,
                                  VDS_HINTS *hints, ULONGLONG *ret)
{
    (void)p;
    (void)drives;
    (void)hints;
    *ret = 0x123456789abcdef0u + (unsigned)type + (unsigned)n;
    return S_OK;
}

static HRESULT subsystem_controllers(IVdsSubSystem *p, VDS_OBJECT_ID *online, LONG n_online,
                                     VDS_OBJECT_ID *offline, LONG n_offline)
{
    struct fake *f = from_IVdsSubSystem(p)->fake;

    (void)online;
    (void)offline;
    f->last.n_drives = n_online * 100 + n_offline;
    return (HRESULT)0x80070062; /* a code without a name */
}

static HRESULT iscsi_targets(IVdsSubSystemIscsi *p, IEnumVdsObject **ret)
{
    return fake_enumerate(from_IVdsSubSystemIscsi(p)->fake, FAKE_TARGET, ret);
}

static HRESULT iscsi_portals(IVdsSubSystemIscsi *p, IEnumVdsObject **ret)
{
    return fake_enumerate(from_IVdsSubSystemIscsi(p)->fake, FAKE_PORTAL, ret);
}

static HRESULT iscsi_create_target(IVdsSubSystemIscsi *p, LPWSTR name, LPWSTR friendly, IVdsAsync **ret)
{
    struct fake *f = from_IVdsSubSystemIscsi(p)->fake;

    f->last.name_null = !name;
    fake_narrow(f->last.name, sizeof f->last.name, friendly);
    return fake_start_op(f, VDS_ASYNCOUT_CREATETARGET, FAKE_TARGET, 2, ret);
}

static HRESULT ex_sessions(IVdsSubSystemEx *p, VDS_SESSION_PROP **ret, ULONG *ret_n)
{
    (void)p;
    *ret = com_task_calloc(2, sizeof **ret);
    *ret_n = 2;
    (*ret)[0] = (VDS_SESSION_PROP){
        .ullId = 7, .tag = 65535, .pwszInitiatorName = fake_wide("iqn.a"), .ullBytesRead = UINT64_MAX
    };
    (*ret)[1] = (VDS_SESSION_PROP){ .ullId = 8, .bDiscovery = 1 };
    return S_OK;
}

/* One LUN at 70000 targets: more rows than a client may send. */
static HRESULT tree_query(IVdsSubSystemTreeEx *p, ULONG parts, VDS_TREE *out)
{
    (void)p;
    *out = (VDS_TREE){ .ulLuns = 1, .ulTies = 70000 };
    out->pLuns = com_task_calloc(1, sizeof *out->pLuns);
    out->pLuns[0].lunProp.pwszFriendlyName = fake_wide("disk");
    out->pLuns[0].ulFeatures = parts;
    out->pTies = com_task_calloc(out->ulTies, sizeof *out->pTies);
    for (ULONG i = 0; i < out->ulTies; i++)
        out->pTies[i].ulLunNumber = i;
    return S_OK;
}

IVdsProviderVtbl fake_provider_vtbl = { FAKE_SLOTS(IVdsProvider), .GetProperties = provider_properties };

IVdsHwProviderVtbl fake_hw_vtbl = { FAKE_SLOTS(IVdsHwProvider), .QuerySubSystems = query_subsystems };

IVdsSubSystemVtbl fake_subsystem_vtbl = {
    FAKE_SLOTS(IVdsSubSystem),
    .GetProperties = subsystem_properties,
    .GetProvider = subsystem_provider,
    .QueryLuns = subsystem_luns,
    .GetDrive = subsystem_drive,
    .CreateLun = subsystem_create_lun,
    .QueryMaxLunCreateSize = subsystem_max_size,
    .SetControllerStatus = subsystem_controllers,
};

IVdsSubSystemIscsiVtbl fake_iscsi_vtbl = { FAKE_SLOTS(IVdsSubSystemIscsi), .QueryTargets = iscsi_targets,
                                             .QueryPortals = iscsi_portals,
                                             .CreateTarget = iscsi_create_target };

IVdsSubSystemExVtbl fake_ex_vtbl = { FAKE_SLOTS(IVdsSubSystemEx), .QuerySessions = ex_sessions };

IVdsSubSystemTreeExVtbl fake_tree_vtbl = { FAKE_SLOTS(IVdsSubSystemTreeEx), .QueryTree = tree_query };
