/* SPDX-License-Identifier: MIT */
/* An iSCSI portal: an address and port of this array. Found, not created. */
#include "provider/provider_internal.h"

struct portal {
    struct com_object obj;
    struct handle h;
    IVdsIscsiPortal face;
};

COM_UNKNOWN(portal, IVdsIscsiPortal, face)

/* Passes the gate and proves that the portal is there. */
static HRESULT portal_get(IVdsIscsiPortal *face, struct provider **ret_inside,
                          struct array_portal_info *ret_info)
{
    struct portal *o = portal_from_IVdsIscsiPortal(face);
    HRESULT hr = provider_enter(o->h.provider, ret_inside);

    return FAILED(hr) ? hr : array_portal_get((*ret_inside)->config.array, &o->h.id, ret_info);
}

HRESULT portal_fill(const struct array_portal_info *info, VDS_ISCSI_PORTAL_PROP *prop)
{
    prop->id = com_GUID(&info->id);
    prop->status = (VDS_ISCSI_PORTAL_STATUS)info->status;
    return address_to_api(&info->addr, &prop->address) ? S_OK : VDS_S_PROPERTIES_INCOMPLETE;
}

static HRESULT portal_GetProperties(IVdsIscsiPortal *face, VDS_ISCSI_PORTAL_PROP *ret_prop)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_portal_info info;
    HRESULT hr;

    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    hr = portal_get(face, &inside, &info);
    return FAILED(hr) ? hr : portal_fill(&info, ret_prop);
}

static HRESULT portal_GetSubSystem(IVdsIscsiPortal *face, IVdsSubSystem **ret_subsystem)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_portal_info info;
    HRESULT hr;

    if (!ret_subsystem)
        return E_INVALIDARG;
    *ret_subsystem = NULL;
    hr = portal_get(face, &inside, &info);
    return FAILED(hr) ? hr : handle_subsystem(inside, ret_subsystem);
}

static HRESULT portal_QueryAssociatedPortalGroups(IVdsIscsiPortal *face, IEnumVdsObject **ret_enum)
{
    struct portal *o = portal_from_IVdsIscsiPortal(face);

    return handle_query(o->h.provider, ARRAY_GROUPS_OF_PORTAL, &o->h.id, ret_enum);
}

/* Only ONLINE and OFFLINE may be asked; the other statuses are for reports. OFFLINE drains before it
 * answers. */
static HRESULT portal_SetStatus(IVdsIscsiPortal *face, VDS_ISCSI_PORTAL_STATUS status)
{
    struct portal *o = portal_from_IVdsIscsiPortal(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    switch (status) {
    case VDS_IPS_ONLINE:
    case VDS_IPS_OFFLINE:
        break;
    case VDS_IPS_NOT_READY:
    case VDS_IPS_FAILED:
        return not_supported("a portal can be set online or offline; the other statuses are for reports");
    default:
        return E_INVALIDARG;
    }
    hr = provider_enter(o->h.provider, &inside);
    return FAILED(hr) ? hr : array_portal_set_status(inside->config.array, &o->h.id, status);
}

/* IPsec: not supported until a kernel IPsec mapping exists; the object's own state still comes first. */
static HRESULT portal_no_ipsec(IVdsIscsiPortal *face)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_portal_info info;
    HRESULT hr = portal_get(face, &inside, &info);

    return FAILED(hr) ? hr : not_supported(NO_IPSEC);
}

static HRESULT portal_SetIpsecTunnelAddress(IVdsIscsiPortal *face, VDS_IPADDRESS *tunnel,
                                            VDS_IPADDRESS *destination)
{
    return tunnel && destination ? portal_no_ipsec(face) : E_INVALIDARG;
}

static HRESULT portal_GetIpsecSecurity(IVdsIscsiPortal *face, VDS_IPADDRESS *initiator, ULONGLONG *ret_flags)
{
    if (ret_flags)
        *ret_flags = 0;
    return initiator && ret_flags ? portal_no_ipsec(face) : E_INVALIDARG;
}

static HRESULT portal_SetIpsecSecurity(IVdsIscsiPortal *face, VDS_IPADDRESS *initiator, ULONGLONG flags,
                                       VDS_ISCSI_IPSEC_KEY *key)
{
    (void)flags;
    (void)key;
    return initiator ? portal_no_ipsec(face) : E_INVALIDARG;
}

static const IVdsIscsiPortalVtbl portal_vtbl = {
    COM_UNKNOWN_SLOTS(portal, IVdsIscsiPortal),
    .GetProperties = portal_GetProperties,
    .GetSubSystem = portal_GetSubSystem,
    .QueryAssociatedPortalGroups = portal_QueryAssociatedPortalGroups,
    .SetStatus = portal_SetStatus,
    .SetIpsecTunnelAddress = portal_SetIpsecTunnelAddress,
    .GetIpsecSecurity = portal_GetIpsecSecurity,
    .SetIpsecSecurity = portal_SetIpsecSecurity,
};
static const struct com_face portal_faces[] = {
    COM_IDENTITY(portal, IVdsIscsiPortal, face, portal_vtbl),
    COM_FACE(portal, IVdsIscsiPortal, face, portal_vtbl),
};
HANDLE_CLASS(portal)

HRESULT provider_portal_new(struct provider *p, const struct guid *id, IUnknown **ret_object)
{
    return handle_new(&portal_class, p, id, ret_object);
}
