/* SPDX-License-Identifier: MIT */
/* The subsystem: the array as a whole. There is one, and it is never deleted. */
#include "provider/subsystem.h"

#include "provider/secret.h"

#include <stdlib.h>

COM_UNKNOWN(subsystem, IVdsSubSystem, face)
COM_UNKNOWN(subsystem, IVdsSubSystemNaming, naming)
COM_UNKNOWN(subsystem, IVdsSubSystemIscsi, iscsi)
COM_UNKNOWN(subsystem, IVdsSubSystem2, second)
COM_UNKNOWN(subsystem, IVdsSubSystemImportTarget, import)
COM_UNKNOWN(subsystem, IVdsSubSystemEx, ex)
MAINTENANCE_FACE(subsystem, VDS_OT_SUB_SYSTEM)
COM_UNKNOWN(subsystem, IVdsSubSystemLunEx, lun_ex)
COM_UNKNOWN(subsystem, IVdsIscsiDiscoveryEx, discovery)
COM_UNKNOWN(subsystem, IVdsSubSystemTreeEx, tree)
COM_UNKNOWN(subsystem, IVdsSubSystemCountersEx, counters)

#define STATUSES                                                                                \
    (STATUS_BIT(VDS_SSS_ONLINE) | STATUS_BIT(VDS_SSS_NOT_READY) | STATUS_BIT(VDS_SSS_OFFLINE) | \
     STATUS_BIT(VDS_SSS_FAILED) | STATUS_BIT(VDS_SSS_PARTIALLY_MANAGED))

HRESULT provider_subsystem_get(struct subsystem *o, struct provider **ret_inside,
                               struct array_subsystem_info *ret_info)
{
    HRESULT hr = provider_enter(o->h.provider, ret_inside);

    return FAILED(hr) ? hr : array_subsystem_get((*ret_inside)->config.array, ret_info);
}

/* ---- properties and relations -------------------------------------------------------------------------- */

static HRESULT subsystem_GetProperties(IVdsSubSystem *face, VDS_SUB_SYSTEM_PROP *ret_prop)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_subsystem_info info;
    HRESULT hr;

    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    hr = provider_subsystem_get(subsystem_from_IVdsSubSystem(face), &inside, &info);
    if (FAILED(hr))
        return hr;
    ret_prop->id = com_GUID(&info.id);
    ret_prop->ulFlags = info.flags | SUBSYSTEM_FLAGS_OF_FACES;
    ret_prop->status = (VDS_SUB_SYSTEM_STATUS)info.status;
    ret_prop->health = (VDS_HEALTH)info.health;
    ret_prop->sNumberOfInternalBuses = 1;
    ret_prop->sMaxNumberOfSlotsEachBus = info.slots;
    ret_prop->sMaxNumberOfControllers = 1;
    return wide_fields((const struct wide_field[]){ { &ret_prop->pwszFriendlyName, info.name },
                                                    { &ret_prop->pwszIdentification, info.identification } },
                       2);
}

static HRESULT subsystem_GetProvider(IVdsSubSystem *face, IVdsProvider **ret_provider)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_subsystem_info info;
    HRESULT hr;

    if (!ret_provider)
        return E_INVALIDARG;
    *ret_provider = NULL;
    hr = provider_subsystem_get(subsystem_from_IVdsSubSystem(face), &inside, &info);
    if (FAILED(hr))
        return hr;
    IVdsProvider_AddRef(&inside->provider);
    *ret_provider = &inside->provider;
    return S_OK;
}

static HRESULT subsystem_QueryControllers(IVdsSubSystem *face, IEnumVdsObject **ret_enum)
{
    return handle_query(subsystem_from_IVdsSubSystem(face)->h.provider, ARRAY_CONTROLLERS, NULL, ret_enum);
}

static HRESULT subsystem_QueryLuns(IVdsSubSystem *face, IEnumVdsObject **ret_enum)
{
    return handle_query(subsystem_from_IVdsSubSystem(face)->h.provider, ARRAY_LUNS, NULL, ret_enum);
}

static HRESULT subsystem_QueryDrives(IVdsSubSystem *face, IEnumVdsObject **ret_enum)
{
    return handle_query(subsystem_from_IVdsSubSystem(face)->h.provider, ARRAY_DRIVES, NULL, ret_enum);
}

static HRESULT subsystem_QueryTargets(IVdsSubSystemIscsi *face, IEnumVdsObject **ret_enum)
{
    return handle_query(subsystem_from_IVdsSubSystemIscsi(face)->h.provider, ARRAY_TARGETS, NULL, ret_enum);
}

static HRESULT subsystem_QueryPortals(IVdsSubSystemIscsi *face, IEnumVdsObject **ret_enum)
{
    return handle_query(subsystem_from_IVdsSubSystemIscsi(face)->h.provider, ARRAY_PORTALS, NULL, ret_enum);
}

HRESULT subsystem_drive_at(struct provider *inside, SHORT bus, SHORT slot, IVdsDrive **ret_drive)
{
    _cleanup_(freep) struct guid *ids = NULL;
    size_t n = 0;
    HRESULT hr = array_query(inside->config.array, ARRAY_DRIVES, NULL, &ids, &n);

    if (FAILED(hr))
        return hr;
    for (size_t i = 0; i < n; i++) {
        struct array_drive_info info;

        if (SUCCEEDED(array_drive_get(inside->config.array, &ids[i], &info)) && info.bus == bus &&
            info.slot == slot)
            return handle_make(provider_drive_new, inside, &ids[i], &IID_IVdsDrive, (void **)ret_drive);
    }
    return VDS_E_OBJECT_NOT_FOUND;
}

static HRESULT subsystem_GetDrive(IVdsSubSystem *face, SHORT bus, SHORT slot, IVdsDrive **ret_drive)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    if (!ret_drive)
        return E_INVALIDARG;
    *ret_drive = NULL;
    hr = provider_enter(subsystem_from_IVdsSubSystem(face)->h.provider, &inside);
    return FAILED(hr) ? hr : subsystem_drive_at(inside, bus, slot, ret_drive);
}

/* ---- changes ------------------------------------------------------------------------------------------- */

/* Looks for drives, and for addresses while at it. */
static HRESULT subsystem_Reenumerate(IVdsSubSystem *face)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr = provider_enter(subsystem_from_IVdsSubSystem(face)->h.provider, &inside);

    return FAILED(hr) ? hr : array_reenumerate(inside->config.array);
}

static HRESULT subsystem_SetControllerStatus(IVdsSubSystem *face, VDS_OBJECT_ID *online, LONG n_online,
                                             VDS_OBJECT_ID *offline, LONG n_offline)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    if (n_online < 0 || n_offline < 0 || (n_online > 0 && !online) || (n_offline > 0 && !offline))
        return E_INVALIDARG;
    hr = provider_enter(subsystem_from_IVdsSubSystem(face)->h.provider, &inside);
    if (SUCCEEDED(hr))
        hr = controllers_all_active(inside, online, n_online, offline, n_offline);
    if (hr != S_OK && hr != (HRESULT)VDS_E_NOT_SUPPORTED) /* which here only says that one is to be offline */
        return hr;
    error_text_clear();
    return array_set_status(inside->config.array, ARRAY_STATUS_CONTROLLER,
                            com_guid(n_offline > 0 ? offline : online),
                            n_offline > 0 ? VDS_CS_OFFLINE : VDS_CS_ONLINE);
}

static HRESULT subsystem_ReplaceDrive(IVdsSubSystem *face, VDS_OBJECT_ID old, VDS_OBJECT_ID new)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr = provider_enter(subsystem_from_IVdsSubSystem(face)->h.provider, &inside);

    if (FAILED(hr))
        return hr;
    if (!array_exists(inside->config.array, VDS_OT_DRIVE, com_guid(&old)) ||
        !array_exists(inside->config.array, VDS_OT_DRIVE, com_guid(&new)))
        return VDS_E_OBJECT_NOT_FOUND;
    return not_supported("LUNs do not move between drives");
}

static HRESULT subsystem_SetStatus(IVdsSubSystem *face, VDS_SUB_SYSTEM_STATUS status)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_subsystem_info info;
    HRESULT hr = provider_subsystem_get(subsystem_from_IVdsSubSystem(face), &inside, &info);

    return FAILED(hr) ? hr : status_request(inside, ARRAY_STATUS_SUBSYSTEM, &info.id, status, STATUSES);
}

static HRESULT subsystem_SetFriendlyName(IVdsSubSystemNaming *face, LPWSTR wide)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) char *name = NULL;
    HRESULT hr = name_argument(wide, &name);

    if (SUCCEEDED(hr))
        hr = provider_enter(subsystem_from_IVdsSubSystemNaming(face)->h.provider, &inside);
    return FAILED(hr) ? hr : array_subsystem_set_name(inside->config.array, name);
}

static HRESULT subsystem_SetIpsecGroupPresharedKey(IVdsSubSystemIscsi *face, VDS_ISCSI_IPSEC_KEY *key)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_subsystem_info info;
    HRESULT hr = provider_subsystem_get(subsystem_from_IVdsSubSystemIscsi(face), &inside, &info);

    (void)key;
    return FAILED(hr) ? hr : not_supported(NO_IPSEC);
}

/* ---- targets and LUNs ---------------------------------------------------------------------------------- */

static HRESULT subsystem_CreateTarget(IVdsSubSystemIscsi *face, LPWSTR iscsi_wide, LPWSTR friendly_wide,
                                      IVdsAsync **ret_async)
{
    struct subsystem *o = subsystem_from_IVdsSubSystemIscsi(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(operation_start_fini) struct operation_start start = { 0 };
    _cleanup_(freep) char *iscsi = NULL, *friendly = NULL;
    HRESULT hr;

    if (!ret_async)
        return E_INVALIDARG;
    *ret_async = NULL;
    hr = name_argument(friendly_wide, &friendly);
    if (SUCCEEDED(hr) && iscsi_wide && iscsi_wide[0]) /* without a name the array makes one */
        hr = com_utf8(iscsi_wide, &iscsi);
    if (SUCCEEDED(hr))
        hr = operation_begin(o->h.provider, VDS_ASYNCOUT_CREATETARGET, provider_target_new, ret_async,
                             &inside, &start);
    if (SUCCEEDED(hr))
        hr = array_target_create(inside->config.array, iscsi, friendly, start.op);
    return operation_admitted(hr, &start, ret_async);
}

static HRESULT subsystem_CreateLun(IVdsSubSystem *face, VDS_LUN_TYPE type, ULONGLONG size,
                                   VDS_OBJECT_ID *drives, LONG n_drives, LPWSTR mask, VDS_HINTS *hints,
                                   IVdsAsync **ret_async)
{
    struct lun_request request = { .size = size, .drives = drives, .n_drives = n_drives, .mask = mask,
                                   .write_through = hints_write_through(hints) };
    HRESULT hr;

    if (!ret_async)
        return E_INVALIDARG;
    *ret_async = NULL;
    hr = drives_argument(drives, n_drives);
    if (SUCCEEDED(hr))
        hr = lun_type_check(type, n_drives, hints != NULL);
    return FAILED(hr)
               ? hr
               : provider_lun_create(subsystem_from_IVdsSubSystem(face)->h.provider, &request, ret_async);
}

HRESULT subsystem_max_size(struct subsystem *o, VDS_LUN_TYPE type, VDS_OBJECT_ID *drives, LONG n_drives,
                           bool hints, ULONGLONG *ret_max)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) struct guid *all = NULL;
    size_t n = 0;
    HRESULT hr;

    if (!ret_max)
        return E_INVALIDARG;
    *ret_max = 0;
    hr = drives_argument(drives, n_drives);
    if (SUCCEEDED(hr))
        hr = lun_type_check(type, n_drives, hints);
    if (SUCCEEDED(hr))
        hr = provider_enter(o->h.provider, &inside);
    if (SUCCEEDED(hr) && n_drives > 0)
        return lun_max_size(inside, com_guid(drives), (size_t)n_drives, ret_max);
    if (SUCCEEDED(hr))
        hr = array_query(inside->config.array, ARRAY_DRIVES, NULL, &all, &n);
    return FAILED(hr) ? hr : lun_max_size(inside, all, n, ret_max);
}

static HRESULT subsystem_QueryMaxLunCreateSize(IVdsSubSystem *face, VDS_LUN_TYPE type, VDS_OBJECT_ID *drives,
                                               LONG n_drives, VDS_HINTS *hints, ULONGLONG *ret_max)
{
    return subsystem_max_size(subsystem_from_IVdsSubSystem(face), type, drives, n_drives, hints != NULL,
                              ret_max);
}

/* ---- the class ----------------------------------------------------------------------------------------- */

static const IVdsSubSystemVtbl subsystem_vtbl = {
    COM_UNKNOWN_SLOTS(subsystem, IVdsSubSystem),
    .GetProperties = subsystem_GetProperties,
    .GetProvider = subsystem_GetProvider,
    .QueryControllers = subsystem_QueryControllers,
    .QueryLuns = subsystem_QueryLuns,
    .QueryDrives = subsystem_QueryDrives,
    .GetDrive = subsystem_GetDrive,
    .Reenumerate = subsystem_Reenumerate,
    .SetControllerStatus = subsystem_SetControllerStatus,
    .CreateLun = subsystem_CreateLun,
    .ReplaceDrive = subsystem_ReplaceDrive,
    .SetStatus = subsystem_SetStatus,
    .QueryMaxLunCreateSize = subsystem_QueryMaxLunCreateSize,
};
static const IVdsSubSystemNamingVtbl subsystem_naming_vtbl = {
    COM_UNKNOWN_SLOTS(subsystem, IVdsSubSystemNaming),
    .SetFriendlyName = subsystem_SetFriendlyName,
};
static const IVdsSubSystemIscsiVtbl subsystem_iscsi_vtbl = {
    COM_UNKNOWN_SLOTS(subsystem, IVdsSubSystemIscsi),
    .QueryTargets = subsystem_QueryTargets,
    .QueryPortals = subsystem_QueryPortals,
    .CreateTarget = subsystem_CreateTarget,
    .SetIpsecGroupPresharedKey = subsystem_SetIpsecGroupPresharedKey,
};
static const IVdsSubSystem2Vtbl subsystem_second_vtbl = {
    COM_UNKNOWN_SLOTS(subsystem, IVdsSubSystem2),
    .GetProperties2 = subsystem_GetProperties2,
    .GetDrive2 = subsystem_GetDrive2,
    .CreateLun2 = subsystem_CreateLun2,
    .QueryMaxLunCreateSize2 = subsystem_QueryMaxLunCreateSize2,
};
static const IVdsSubSystemImportTargetVtbl subsystem_import_vtbl = {
    COM_UNKNOWN_SLOTS(subsystem, IVdsSubSystemImportTarget),
    .GetImportTarget = subsystem_GetImportTarget,
    .SetImportTarget = subsystem_SetImportTarget,
};
static const IVdsSubSystemExVtbl subsystem_ex_vtbl = {
    COM_UNKNOWN_SLOTS(subsystem, IVdsSubSystemEx),
    .CreateLunEx = subsystem_CreateLunEx,
    .QuerySessions = subsystem_QuerySessions,
    .DropSession = subsystem_DropSession,
    .GetStatus = subsystem_GetStatus,
};
static const IVdsSubSystemLunExVtbl subsystem_lun_ex_vtbl = {
    COM_UNKNOWN_SLOTS(subsystem, IVdsSubSystemLunEx),
    .CreateLunWithFeatures = subsystem_CreateLunWithFeatures,
};
static const IVdsIscsiDiscoveryExVtbl subsystem_discovery_vtbl = {
    COM_UNKNOWN_SLOTS(subsystem, IVdsIscsiDiscoveryEx),
    .SetDiscoverySecret = subsystem_SetDiscoverySecret,
    .RememberDiscoverySecret = subsystem_RememberDiscoverySecret,
    .GetDiscoveryChap = subsystem_GetDiscoveryChap,
};
static const IVdsSubSystemTreeExVtbl subsystem_tree_vtbl = {
    COM_UNKNOWN_SLOTS(subsystem, IVdsSubSystemTreeEx),
    .QueryTree = subsystem_QueryTree,
};
static const IVdsSubSystemCountersExVtbl subsystem_counters_vtbl = {
    COM_UNKNOWN_SLOTS(subsystem, IVdsSubSystemCountersEx),
    .QuerySessionCounters = subsystem_QuerySessionCounters,
    .QueryLunCounters = subsystem_QueryLunCounters,
};
static const struct com_face subsystem_faces[] = {
    COM_IDENTITY(subsystem, IVdsSubSystem, face, subsystem_vtbl),
    COM_FACE(subsystem, IVdsSubSystem, face, subsystem_vtbl),
    COM_FACE(subsystem, IVdsSubSystemNaming, naming, subsystem_naming_vtbl),
    COM_FACE(subsystem, IVdsSubSystemIscsi, iscsi, subsystem_iscsi_vtbl),
    COM_FACE(subsystem, IVdsSubSystem2, second, subsystem_second_vtbl),
    COM_FACE(subsystem, IVdsSubSystemImportTarget, import, subsystem_import_vtbl),
    COM_FACE(subsystem, IVdsMaintenance, maintenance, subsystem_maintenance_vtbl),
    COM_FACE(subsystem, IVdsSubSystemEx, ex, subsystem_ex_vtbl),
    COM_FACE(subsystem, IVdsSubSystemLunEx, lun_ex, subsystem_lun_ex_vtbl),
    COM_FACE(subsystem, IVdsIscsiDiscoveryEx, discovery, subsystem_discovery_vtbl),
    COM_FACE(subsystem, IVdsSubSystemTreeEx, tree, subsystem_tree_vtbl),
    COM_FACE(subsystem, IVdsSubSystemCountersEx, counters, subsystem_counters_vtbl),
};
HANDLE_CLASS(subsystem)

HRESULT provider_subsystem_new(struct provider *p, const struct guid *id, IUnknown **ret_object)
{
    return handle_new(&subsystem_class, p, id, ret_object);
}
