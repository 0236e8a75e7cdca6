/* SPDX-License-Identifier: MIT */
/* The controller: this process. It has one port, the host's network, and nothing of its own to flush or to
 * reset. */
#include "provider/provider_internal.h"

struct controller {
    struct com_object obj;
    struct handle h;
    IVdsController face;
    IVdsMaintenance maintenance;
};

COM_UNKNOWN(controller, IVdsController, face)
MAINTENANCE_FACE(controller, VDS_OT_CONTROLLER)

#define STATUSES                                                                             \
    (STATUS_BIT(VDS_CS_ONLINE) | STATUS_BIT(VDS_CS_NOT_READY) | STATUS_BIT(VDS_CS_OFFLINE) | \
     STATUS_BIT(VDS_CS_FAILED) | STATUS_BIT(VDS_CS_REMOVED))

static HRESULT controller_get(IVdsController *face, struct provider **ret_inside,
                              struct array_controller_info *ret_info)
{
    struct controller *o = controller_from_IVdsController(face);
    HRESULT hr = provider_enter(o->h.provider, ret_inside);

    return FAILED(hr) ? hr : array_controller_get((*ret_inside)->config.array, &o->h.id, ret_info);
}

static HRESULT controller_GetProperties(IVdsController *face, VDS_CONTROLLER_PROP *ret_prop)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_controller_info info;
    HRESULT hr;

    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    hr = controller_get(face, &inside, &info);
    if (FAILED(hr))
        return hr;
    ret_prop->id = com_GUID(&info.id);
    ret_prop->status = (VDS_CONTROLLER_STATUS)info.status;
    ret_prop->health = (VDS_HEALTH)info.health;
    ret_prop->sNumberOfPorts = 1;
    return wide_fields((const struct wide_field[]){ { &ret_prop->pwszFriendlyName, info.friendly_name },
                                                    { &ret_prop->pwszIdentification, info.identification } },
                       2);
}

static HRESULT controller_GetSubSystem(IVdsController *face, IVdsSubSystem **ret_subsystem)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_controller_info info;
    HRESULT hr;

    if (!ret_subsystem)
        return E_INVALIDARG;
    *ret_subsystem = NULL;
    hr = controller_get(face, &inside, &info);
    return FAILED(hr) ? hr : handle_subsystem(inside, ret_subsystem);
}

/* Port 0 is the network as a whole; the addresses on it are portals. Nobody comes in by it while the array is
 * offline. */
static HRESULT controller_GetPortProperties(IVdsController *face, SHORT port, VDS_PORT_PROP *ret_prop)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_controller_info info;
    struct array_subsystem_info array;
    HRESULT hr;

    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    if (port != 0)
        return E_INVALIDARG;
    hr = controller_get(face, &inside, &info);
    if (SUCCEEDED(hr))
        hr = array_subsystem_get(inside->config.array, &array);
    if (FAILED(hr))
        return hr;
    ret_prop->id = com_GUID(&info.id);
    ret_prop->id.Data1 ^= 0x504f5254; /* "PORT": an id of its own, as lasting as the controller's */
    ret_prop->status =
        info.status == VDS_CS_ONLINE && array.status != VDS_SSS_OFFLINE ? VDS_PRS_ONLINE : VDS_PRS_OFFLINE;
    return wide_fields((const struct wide_field[]){ { &ret_prop->pwszFriendlyName, "network" },
                                                    { &ret_prop->pwszIdentification, info.identification } },
                       2);
}

static HRESULT controller_not_supported(IVdsController *face)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_controller_info info;
    HRESULT hr = controller_get(face, &inside, &info);

    return FAILED(hr)
               ? hr
               : not_supported(
                     "the controller is this service: it has no cache of its own, and restarts with it");
}

static HRESULT controller_QueryAssociatedLuns(IVdsController *face, IEnumVdsObject **ret_enum)
{
    struct controller *o = controller_from_IVdsController(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_controller_info info;
    HRESULT hr;

    if (!ret_enum)
        return E_INVALIDARG;
    *ret_enum = NULL;
    hr = controller_get(face, &inside, &info);
    if (FAILED(hr))
        return hr;
    provider_leave(&inside);
    inside = NULL;
    return handle_query(o->h.provider, ARRAY_LUNS, NULL, ret_enum);
}

static HRESULT controller_SetStatus(IVdsController *face, VDS_CONTROLLER_STATUS status)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_controller_info info;
    HRESULT hr = controller_get(face, &inside, &info);

    return FAILED(hr) ? hr
                      : status_request(inside, ARRAY_STATUS_CONTROLLER, &info.id, status, STATUSES);
}

static const IVdsControllerVtbl controller_vtbl = {
    COM_UNKNOWN_SLOTS(controller, IVdsController),
    .GetProperties = controller_GetProperties,
    .GetSubSystem = controller_GetSubSystem,
    .GetPortProperties = controller_GetPortProperties,
    .FlushCache = controller_not_supported,
    .InvalidateCache = controller_not_supported,
    .Reset = controller_not_supported,
    .QueryAssociatedLuns = controller_QueryAssociatedLuns,
    .SetStatus = controller_SetStatus,
};
static const struct com_face controller_faces[] = {
    COM_IDENTITY(controller, IVdsController, face, controller_vtbl),
    COM_FACE(controller, IVdsController, face, controller_vtbl),
    COM_FACE(controller, IVdsMaintenance, maintenance, controller_maintenance_vtbl),
};
HANDLE_CLASS(controller)

HRESULT provider_controller_new(struct provider *p, const struct guid *id, IUnknown **ret_object)
{
    return handle_new(&controller_class, p, id, ret_object);
}
