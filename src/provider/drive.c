/* SPDX-License-Identifier: MIT */
/* A drive: a place where LUN data lives. Its extents are the space each LUN has taken there, and what is
 * left. */
#include "provider/provider_internal.h"

struct drive {
    struct com_object obj;
    struct handle h;
    IVdsDrive face;
    IVdsDrive2 second;
    IVdsMaintenance maintenance;
};

COM_UNKNOWN(drive, IVdsDrive, face)
COM_UNKNOWN(drive, IVdsDrive2, second)
MAINTENANCE_FACE(drive, VDS_OT_DRIVE)

#define STATUSES                                                                                \
    (STATUS_BIT(VDS_DRS_ONLINE) | STATUS_BIT(VDS_DRS_NOT_READY) | STATUS_BIT(VDS_DRS_OFFLINE) | \
     STATUS_BIT(VDS_DRS_FAILED) | STATUS_BIT(VDS_DRS_REMOVED))
#define FLAGS                                                                             \
    (VDS_DRF_HOTSPARE | VDS_DRF_ASSIGNED | VDS_DRF_UNASSIGNED | VDS_DRF_HOTSPARE_IN_USE | \
     VDS_DRF_HOTSPARE_STANDBY)

static HRESULT drive_get(IVdsDrive *face, struct provider **ret_inside, struct array_drive_info *ret_info)
{
    struct drive *o = drive_from_IVdsDrive(face);
    HRESULT hr = provider_enter(o->h.provider, ret_inside);

    return FAILED(hr) ? hr : array_drive_get((*ret_inside)->config.array, &o->h.id, ret_info);
}

static HRESULT drive_GetProperties(IVdsDrive *face, VDS_DRIVE_PROP *ret_prop)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_drive_info info;
    HRESULT hr;

    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    hr = drive_get(face, &inside, &info);
    if (FAILED(hr))
        return hr;
    ret_prop->id = com_GUID(&info.id);
    ret_prop->ullSize = info.size;
    ret_prop->ulFlags = info.flags | VDS_DRF_ASSIGNED; /* to the storage pool of its file system */
    ret_prop->status = (VDS_DRIVE_STATUS)info.status;
    ret_prop->health = (VDS_HEALTH)info.health;
    ret_prop->sInternalBusNumber = info.bus;
    ret_prop->sSlotNumber = info.slot;
    hr = wide_fields((const struct wide_field[]){ { &ret_prop->pwszFriendlyName, info.friendly_name },
                                                  { &ret_prop->pwszIdentification, info.path } },
                     2);
    /* A directory that cannot be looked at has a size, but nobody can say which. */
    return hr == S_OK && info.size == 0 ? VDS_S_PROPERTIES_INCOMPLETE : hr;
}

/* A directory is in no enclosure that anybody could open and has no spindle of its own: the host is enclosure
 * 0, the speed is unknown. */
static HRESULT drive_GetProperties2(IVdsDrive2 *face, VDS_DRIVE_PROP2 *ret_prop)
{
    VDS_DRIVE_PROP first;
    HRESULT hr;

    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    hr = drive_GetProperties(&drive_from_IVdsDrive2(face)->face, &first);
    if (FAILED(hr))
        return hr;
    ret_prop->id = first.id;
    ret_prop->ullSize = first.ullSize;
    ret_prop->pwszFriendlyName = first.pwszFriendlyName;
    ret_prop->pwszIdentification = first.pwszIdentification;
    ret_prop->ulFlags = first.ulFlags;
    ret_prop->status = first.status;
    ret_prop->health = first.health;
    ret_prop->sInternalBusNumber = first.sInternalBusNumber;
    ret_prop->sSlotNumber = first.sSlotNumber;
    ret_prop->busType = VDSBusTypeFileBackedVirtual;
    return hr;
}

static HRESULT drive_GetSubSystem(IVdsDrive *face, IVdsSubSystem **ret_subsystem)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_drive_info info;
    HRESULT hr;

    if (!ret_subsystem)
        return E_INVALIDARG;
    *ret_subsystem = NULL;
    hr = drive_get(face, &inside, &info);
    return FAILED(hr) ? hr : handle_subsystem(inside, ret_subsystem);
}

static HRESULT drive_QueryExtents(IVdsDrive *face, VDS_DRIVE_EXTENT **ret_extents, LONG *ret_n)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_drive_info info;
    HRESULT hr;

    if (ret_extents)
        *ret_extents = NULL;
    if (ret_n)
        *ret_n = 0;
    if (!ret_extents || !ret_n)
        return E_INVALIDARG;
    hr = drive_get(face, &inside, &info);
    return FAILED(hr) ? hr : extents_query(inside, &info.id, NULL, ret_extents, ret_n);
}

/* Only HOTSPARE may be asked, and a directory cannot be one. */
static HRESULT drive_change_flags(IVdsDrive *face, ULONG flags)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_drive_info info;
    HRESULT hr;

    if (flags & ~(ULONG)FLAGS)
        return E_INVALIDARG;
    hr = drive_get(face, &inside, &info);
    return FAILED(hr) ? hr : flags == 0 ? S_OK : not_supported("a directory cannot be a hot spare");
}

static HRESULT drive_SetStatus(IVdsDrive *face, VDS_DRIVE_STATUS status)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_drive_info info;
    HRESULT hr = drive_get(face, &inside, &info);

    return FAILED(hr) ? hr : status_request(inside, ARRAY_STATUS_DRIVE, &info.id, status, STATUSES);
}

static const IVdsDriveVtbl drive_vtbl = {
    COM_UNKNOWN_SLOTS(drive, IVdsDrive),
    .GetProperties = drive_GetProperties,
    .GetSubSystem = drive_GetSubSystem,
    .QueryExtents = drive_QueryExtents,
    .SetFlags = drive_change_flags,
    .ClearFlags = drive_change_flags,
    .SetStatus = drive_SetStatus,
};
static const IVdsDrive2Vtbl drive_second_vtbl = {
    COM_UNKNOWN_SLOTS(drive, IVdsDrive2),
    .GetProperties2 = drive_GetProperties2,
};
static const struct com_face drive_faces[] = {
    COM_IDENTITY(drive, IVdsDrive, face, drive_vtbl),
    COM_FACE(drive, IVdsDrive, face, drive_vtbl),
    COM_FACE(drive, IVdsDrive2, second, drive_second_vtbl),
    COM_FACE(drive, IVdsMaintenance, maintenance, drive_maintenance_vtbl),
};
HANDLE_CLASS(drive)

HRESULT provider_drive_new(struct provider *p, const struct guid *id, IUnknown **ret_object)
{
    return handle_new(&drive_class, p, id, ret_object);
}
