/* SPDX-License-Identifier: MIT */
/* IVdsSubSystem2: what Windows 7 added, which is enclosures (the host is the one) and more hints (hints.c);
 * and IVdsSubSystemImportTarget, the name of the target to which imported LUNs are to be tied. */
#include "provider/subsystem.h"

static struct subsystem *subsystem_of(IVdsSubSystem2 *face)
{
    return container_of(face, struct subsystem, second);
}

HRESULT subsystem_GetProperties2(IVdsSubSystem2 *face, VDS_SUB_SYSTEM_PROP2 *ret_prop)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_subsystem_info info;
    HRESULT hr;

    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    hr = provider_subsystem_get(subsystem_of(face), &inside, &info);
    if (FAILED(hr))
        return hr;
    ret_prop->id = com_GUID(&info.id);
    ret_prop->ulFlags = info.flags | SUBSYSTEM_FLAGS_OF_FACES;
    ret_prop->status = (VDS_SUB_SYSTEM_STATUS)info.status;
    ret_prop->health = (VDS_HEALTH)info.health;
    ret_prop->sNumberOfInternalBuses = 1;
    ret_prop->sMaxNumberOfSlotsEachBus = info.slots;
    ret_prop->sMaxNumberOfControllers = 1;
    ret_prop->ulNumberOfEnclosures = 1;
    return wide_fields((const struct wide_field[]){ { &ret_prop->pwszFriendlyName, info.name },
                                                    { &ret_prop->pwszIdentification, info.identification } },
                       2);
}

HRESULT subsystem_GetDrive2(IVdsSubSystem2 *face, SHORT bus, SHORT slot, ULONG enclosure,
                            IVdsDrive **ret_drive)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    if (!ret_drive)
        return E_INVALIDARG;
    *ret_drive = NULL;
    hr = provider_enter(subsystem_of(face)->h.provider, &inside);
    if (FAILED(hr))
        return hr;
    return enclosure == 0 ? subsystem_drive_at(inside, bus, slot, ret_drive) : VDS_E_OBJECT_NOT_FOUND;
}

HRESULT subsystem_CreateLun2(IVdsSubSystem2 *face, VDS_LUN_TYPE type, ULONGLONG size, VDS_OBJECT_ID *drives,
                             LONG n_drives, LPWSTR mask, VDS_HINTS2 *hints, IVdsAsync **ret_async)
{
    struct lun_request request = { .size = size, .drives = drives, .n_drives = n_drives, .mask = mask,
                                   .write_through = hints2_write_through(hints) };
    HRESULT hr;

    if (!ret_async)
        return E_INVALIDARG;
    *ret_async = NULL;
    hr = drives_argument(drives, n_drives);
    if (SUCCEEDED(hr))
        hr = lun_type_check(type, n_drives, hints != NULL);
    return FAILED(hr) ? hr : provider_lun_create(subsystem_of(face)->h.provider, &request, ret_async);
}

HRESULT subsystem_QueryMaxLunCreateSize2(IVdsSubSystem2 *face, VDS_LUN_TYPE type, VDS_OBJECT_ID *drives,
                                         LONG n_drives, VDS_HINTS2 *hints, ULONGLONG *ret_max)
{
    return subsystem_max_size(subsystem_of(face), type, drives, n_drives, hints != NULL, ret_max);
}

/* ---- IVdsSubSystemImportTarget ------------------------------------------------------------------------- */

HRESULT subsystem_GetImportTarget(IVdsSubSystemImportTarget *face, LPWSTR *ret_name)
{
    struct subsystem *o = container_of(face, struct subsystem, import);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_subsystem_info info;
    HRESULT hr;

    if (!ret_name)
        return E_INVALIDARG;
    *ret_name = NULL;
    hr = provider_subsystem_get(o, &inside, &info);
    if (FAILED(hr))
        return hr;
    return info.import_target[0] ? com_wide(info.import_target, ret_name) : VDS_E_NO_IMPORT_TARGET;
}

/* The target need not be there yet: it is named, not pointed at. */
HRESULT subsystem_SetImportTarget(IVdsSubSystemImportTarget *face, LPWSTR wide)
{
    struct subsystem *o = container_of(face, struct subsystem, import);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) char *name = NULL;
    HRESULT hr = wide ? com_utf8(wide, &name) : S_OK;

    if (SUCCEEDED(hr))
        hr = provider_enter(o->h.provider, &inside);
    return FAILED(hr) ? hr : array_subsystem_set_import_target(inside->config.array, name ? name : "");
}
