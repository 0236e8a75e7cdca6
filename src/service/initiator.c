/* SPDX-License-Identifier: MIT */
/* The initiator of the host: open-iscsi as one adapter, its TCP interfaces as portals. Whatever is asked goes
 * to iscsiadm, so that what the administrator does there and what is done here are one. Where open-iscsi is
 * not installed, all of it is VDS_E_NOT_SUPPORTED. */
#include "service/initiator.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error_text.h"
#include "service/iscsiadm.h"
#include "service/login.h"

#define ADAPTER_NAME "open-iscsi"

/* ---- ids: as lasting as the names they are made of ----------------------------------------------------- */

static struct guid id_of(const char *name)
{
    uint64_t h[2] = { UINT64_C(0xcbf29ce484222325), UINT64_C(0x84222325cbf29ce4) };
    struct guid id;

    for (unsigned i = 0; i < 2; i++)
        for (const char *p = name; *p; p++)
            h[i] = (h[i] ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
    memcpy(&id, h, sizeof id);
    return id;
}

/* ---- portals ------------------------------------------------------------------------------------------- */

struct init_portal {
    struct com_object obj;
    IVdsIscsiInitiatorPortal face;
    IVdsService *service;
    struct guid id;
    struct iscsiadm_iface iface;
    ULONG index;
};
COM_UNKNOWN(init_portal, IVdsIscsiInitiatorPortal, face)

static void address_fill(const char *text, VDS_IPADDRESS *ret_address)
{
    struct in_addr v4;

    memset(ret_address, 0, sizeof *ret_address);
    ret_address->type = VDS_IPT_EMPTY;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        ret_address->type = VDS_IPT_IPV4;
        ret_address->ipv4Address = ntohl(v4.s_addr);
    } else if (inet_pton(AF_INET6, text, ret_address->ipv6Address) == 1) {
        ret_address->type = VDS_IPT_IPV6;
    }
}

static HRESULT init_portal_GetProperties(IVdsIscsiInitiatorPortal *face,
                                         VDS_ISCSI_INITIATOR_PORTAL_PROP *ret_prop)
{
    struct init_portal *o = init_portal_from_IVdsIscsiInitiatorPortal(face);

    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    ret_prop->id = com_GUID(&o->id);
    ret_prop->ulPortIndex = o->index;
    address_fill(o->iface.address, &ret_prop->address);
    return S_OK;
}

static HRESULT adapter_new(IVdsService *service, IUnknown **ret_object);

static HRESULT init_portal_GetInitiatorAdapter(IVdsIscsiInitiatorPortal *face,
                                               IVdsIscsiInitiatorAdapter **ret_adapter)
{
    IUnknown *object = NULL;
    HRESULT hr;

    if (!ret_adapter)
        return E_INVALIDARG;
    *ret_adapter = NULL;
    hr = adapter_new(init_portal_from_IVdsIscsiInitiatorPortal(face)->service, &object);
    if (FAILED(hr))
        return hr;
    hr = IUnknown_QueryInterface(object, &IID_IVdsIscsiInitiatorAdapter, (void **)ret_adapter);
    IUnknown_Release(object);
    return hr;
}

static HRESULT init_portal_SetIpsecTunnelAddress(IVdsIscsiInitiatorPortal *face, VDS_IPADDRESS *tunnel,
                                                 VDS_IPADDRESS *destination)
{
    (void)face;
    (void)tunnel;
    (void)destination;
    return service_not_supported(NO_IPSEC);
}

static HRESULT init_portal_GetIpsecSecurity(IVdsIscsiInitiatorPortal *face, VDS_OBJECT_ID portal,
                                            ULONGLONG *ret_flags)
{
    (void)face;
    (void)portal;
    if (ret_flags)
        *ret_flags = 0;
    return ret_flags ? service_not_supported(NO_IPSEC) : E_INVALIDARG;
}

static HRESULT init_portal_SetIpsecSecurity(IVdsIscsiInitiatorPortal *face, VDS_OBJECT_ID portal,
                                            ULONGLONG flags, VDS_ISCSI_IPSEC_KEY *key)
{
    (void)face;
    (void)portal;
    (void)flags;
    (void)key;
    return service_not_supported(NO_IPSEC);
}

static const IVdsIscsiInitiatorPortalVtbl init_portal_vtbl = {
    COM_UNKNOWN_SLOTS(init_portal, IVdsIscsiInitiatorPortal),
    .GetProperties = init_portal_GetProperties,
    .GetInitiatorAdapter = init_portal_GetInitiatorAdapter,
    .SetIpsecTunnelAddress = init_portal_SetIpsecTunnelAddress,
    .GetIpsecSecurity = init_portal_GetIpsecSecurity,
    .SetIpsecSecurity = init_portal_SetIpsecSecurity,
};
static const struct com_face init_portal_faces[] = {
    COM_IDENTITY(init_portal, IVdsIscsiInitiatorPortal, face, init_portal_vtbl),
    COM_FACE(init_portal, IVdsIscsiInitiatorPortal, face, init_portal_vtbl),
};

static void init_portal_destroy(struct com_object *obj)
{
    struct init_portal *o = container_of(obj, struct init_portal, obj);

    IVdsService_Release(o->service);
    free(o);
}

static const GUID *init_portal_id(const struct com_object *obj)
{
    return (const GUID *)(const void *)&container_of(obj, const struct init_portal, obj)->id;
}
COM_CLASS_WITH_ID(init_portal, init_portal_destroy, init_portal_id)

static HRESULT portals_make(IVdsService *service, IUnknown ***ret_objects, size_t *ret_n)
{
    _cleanup_(freep) struct iscsiadm_iface *ifaces = NULL;
    _cleanup_(freep) IUnknown **objects = NULL;
    size_t n = 0, n_made = 0;
    HRESULT hr = iscsiadm_ifaces(ISCSIADM, &ifaces, &n);

    if (SUCCEEDED(hr) && !(objects = calloc(n + 1, sizeof *objects)))
        hr = E_OUTOFMEMORY;
    while (SUCCEEDED(hr) && n_made < n) {
        struct init_portal *o = com_object_new(&init_portal_class);

        if (!o) {
            hr = E_OUTOFMEMORY;
            break;
        }
        IVdsService_AddRef(service);
        o->service = service;
        o->iface = ifaces[n_made];
        o->id = id_of(o->iface.name);
        o->index = (ULONG)n_made;
        objects[n_made++] = (IUnknown *)&o->face;
    }
    for (size_t i = 0; FAILED(hr) && i < n_made; i++)
        IUnknown_Release(objects[i]);
    if (FAILED(hr))
        return hr;
    *ret_objects = TAKE_PTR(objects);
    *ret_n = n;
    return S_OK;
}

/* ---- from ids to names --------------------------------------------------------------------------------- */

static HRESULT face_of(IVdsService *service, VDS_OBJECT_ID id, VDS_OBJECT_TYPE type, const IID *iid,
                       void **ret_face)
{
    IUnknown *object = NULL;
    HRESULT hr = IVdsService_GetObject(service, id, type, &object);

    if (FAILED(hr))
        return hr;
    hr = IUnknown_QueryInterface(object, iid, ret_face);
    IUnknown_Release(object);
    return hr;
}

HRESULT initiator_target_name(IVdsService *service, VDS_OBJECT_ID id, char name[static LOGIN_NAME_SIZE])
{
    _cleanup_(com_releasep) IVdsIscsiTarget *target = NULL;
    _cleanup_(freep) char *text = NULL;
    VDS_ISCSI_TARGET_PROP prop;
    HRESULT hr = face_of(service, id, VDS_OT_TARGET, &IID_IVdsIscsiTarget, (void **)&target);

    if (SUCCEEDED(hr))
        hr = IVdsIscsiTarget_GetProperties(target, &prop);
    if (FAILED(hr))
        return hr;
    hr = com_utf8(prop.pwszIscsiName, &text);
    CoTaskMemFree(prop.pwszIscsiName);
    CoTaskMemFree(prop.pwszFriendlyName);
    if (SUCCEEDED(hr))
        snprintf(name, LOGIN_NAME_SIZE, "%s", text);
    return hr;
}

static void portal_text(const VDS_IPADDRESS *address, char *text, size_t n)
{
    char host[INET6_ADDRSTRLEN] = "";
    struct in_addr v4 = { htonl(address->ipv4Address) };
    bool six = address->type == VDS_IPT_IPV6;

    inet_ntop(six ? AF_INET6 : AF_INET, six ? (const void *)address->ipv6Address : &v4, host, sizeof host);
    snprintf(text, n, six ? "[%s]:%u" : "%s:%u", host, (unsigned)address->ulPort);
}

static HRESULT portal_name(IVdsIscsiPortal *portal, char *text, size_t n, bool *ret_online)
{
    VDS_ISCSI_PORTAL_PROP prop;
    HRESULT hr = IVdsIscsiPortal_GetProperties(portal, &prop);

    if (FAILED(hr))
        return hr;
    *ret_online = prop.status == VDS_IPS_ONLINE;
    portal_text(&prop.address, text, n);
    return S_OK;
}

/* The next member of an enumeration by that interface, or NULL. */
static void *next_of(IEnumVdsObject *e, const IID *iid)
{
    IUnknown *object = NULL;
    void *face = NULL;
    ULONG n = 0;

    if (!e || IEnumVdsObject_Next(e, 1, &object, &n) != S_OK)
        return NULL;
    IUnknown_QueryInterface(object, iid, &face);
    IUnknown_Release(object);
    return face;
}

/* What fails is passed over, but for want of memory. */
static HRESULT group_portal(IVdsIscsiPortalGroup *group, char *text, size_t n, bool *ret_found)
{
    _cleanup_(com_releasep) IEnumVdsObject *portals = NULL;
    IVdsIscsiPortal *portal;
    bool online = false;
    HRESULT hr = IVdsIscsiPortalGroup_QueryAssociatedPortals(group, &portals);

    if (FAILED(hr))
        return hr == (HRESULT)E_OUTOFMEMORY ? hr : S_OK;
    while (!online && (portal = next_of(portals, &IID_IVdsIscsiPortal))) {
        if (FAILED(portal_name(portal, text, n, &online)))
            online = false;
        IVdsIscsiPortal_Release(portal);
    }
    *ret_found = online;
    return S_OK;
}

/* The first portal of the target that is online. */
HRESULT initiator_any_portal(IVdsService *service, VDS_OBJECT_ID target_id, char *text, size_t n)
{
    _cleanup_(com_releasep) IVdsIscsiTarget *target = NULL;
    _cleanup_(com_releasep) IEnumVdsObject *groups = NULL;
    IVdsIscsiPortalGroup *group;
    bool found = false;
    HRESULT hr = face_of(service, target_id, VDS_OT_TARGET, &IID_IVdsIscsiTarget, (void **)&target);

    if (SUCCEEDED(hr))
        hr = IVdsIscsiTarget_QueryPortalGroups(target, &groups);
    while (SUCCEEDED(hr) && !found && (group = next_of(groups, &IID_IVdsIscsiPortalGroup))) {
        hr = group_portal(group, text, n, &found);
        IVdsIscsiPortalGroup_Release(group);
    }
    if (FAILED(hr) || found)
        return hr;
    error_text_set("the target has no portal that is online");
    return VDS_E_ISCSI_LOGIN_FAILED;
}

static HRESULT portal_address(IVdsService *service, VDS_OBJECT_ID portal_id, VDS_OBJECT_ID target, char *text,
                              size_t n)
{
    _cleanup_(com_releasep) IVdsIscsiPortal *portal = NULL;
    bool online;
    HRESULT hr;

    if (guid_is_null(com_guid(&portal_id)))
        return initiator_any_portal(service, target, text, n);
    hr = face_of(service, portal_id, VDS_OT_PORTAL, &IID_IVdsIscsiPortal, (void **)&portal);
    return FAILED(hr) ? hr : portal_name(portal, text, n, &online);
}

static HRESULT iface_name(VDS_OBJECT_ID id, char name[static 64])
{
    _cleanup_(freep) struct iscsiadm_iface *ifaces = NULL;
    size_t n = 0;
    HRESULT hr = iscsiadm_ifaces(ISCSIADM, &ifaces, &n);

    if (FAILED(hr) || guid_is_null(com_guid(&id)))
        return hr;
    for (size_t i = 0; i < n; i++) {
        struct guid its = id_of(ifaces[i].name);

        if (guid_equal(&its, com_guid(&id))) {
            memcpy(name, ifaces[i].name, sizeof ifaces[i].name);
            return S_OK;
        }
    }
    return VDS_E_OBJECT_NOT_FOUND;
}

/* ---- the adapter --------------------------------------------------------------------------------------- */

struct adapter {
    struct com_object obj;
    IVdsIscsiInitiatorAdapter face;
    IVdsService *service;
    struct guid id;
};
COM_UNKNOWN(adapter, IVdsIscsiInitiatorAdapter, face)

static HRESULT adapter_GetProperties(IVdsIscsiInitiatorAdapter *face,
                                     VDS_ISCSI_INITIATOR_ADAPTER_PROP *ret_prop)
{
    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    ret_prop->id = com_GUID(&adapter_from_IVdsIscsiInitiatorAdapter(face)->id);
    return com_wide(ADAPTER_NAME, &ret_prop->pwszName);
}

static HRESULT enumerate(IUnknown **objects, size_t n, IEnumVdsObject **ret_enum)
{
    HRESULT hr = com_enum_create(objects, n, ret_enum);

    for (size_t i = 0; i < n; i++)
        IUnknown_Release(objects[i]);
    return hr;
}

static HRESULT adapter_QueryInitiatorPortals(IVdsIscsiInitiatorAdapter *face, IEnumVdsObject **ret_enum)
{
    _cleanup_(freep) IUnknown **objects = NULL;
    size_t n = 0;
    HRESULT hr;

    if (!ret_enum)
        return E_INVALIDARG;
    *ret_enum = NULL;
    hr = portals_make(adapter_from_IVdsIscsiInitiatorAdapter(face)->service, &objects, &n);
    return FAILED(hr) ? hr : enumerate(objects, n, ret_enum);
}

static HRESULT login_check(VDS_ISCSI_LOGIN_TYPE type, ULONG flags, VDS_ISCSI_AUTH_TYPE auth)
{
    if (type > VDS_ILT_BOOT || auth > VDS_IAT_MUTUAL_CHAP ||
        (flags & ~(ULONG)(VDS_ILF_REQUIRE_IPSEC | VDS_ILF_MULTIPATH_ENABLED)))
        return E_INVALIDARG;
    return type == VDS_ILT_BOOT || (flags & VDS_ILF_REQUIRE_IPSEC)
               ? service_not_supported("no login at boot, none with IPsec")
               : S_OK;
}

static HRESULT adapter_LoginToTarget(IVdsIscsiInitiatorAdapter *face, VDS_ISCSI_LOGIN_TYPE type,
                                     VDS_OBJECT_ID target, VDS_OBJECT_ID portal,
                                     VDS_OBJECT_ID initiator_portal, ULONG flags, BOOL header_digest,
                                     BOOL data_digest, VDS_ISCSI_AUTH_TYPE auth, IVdsAsync **ret_async)
{
    struct adapter *o = adapter_from_IVdsIscsiInitiatorAdapter(face);
    struct login job = { .header_digest = header_digest, .data_digest = data_digest, .auth = auth,
                       .persistent = type == VDS_ILT_PERSISTENT };
    HRESULT hr;

    if (!ret_async)
        return E_INVALIDARG;
    *ret_async = NULL;
    hr = login_check(type, flags, auth);
    if (SUCCEEDED(hr))
        hr = initiator_target_name(o->service, target, job.target);
    if (SUCCEEDED(hr))
        hr = portal_address(o->service, portal, target, job.portal, sizeof job.portal);
    if (SUCCEEDED(hr))
        hr = iface_name(initiator_portal, job.iface); /* also: is it installed at all? */
    return FAILED(hr) ? hr : login_start(&job, VDS_ASYNCOUT_LOGINTOTARGET, ret_async);
}

static HRESULT adapter_LogoutFromTarget(IVdsIscsiInitiatorAdapter *face, VDS_OBJECT_ID target,
                                        IVdsAsync **ret_async)
{
    struct adapter *o = adapter_from_IVdsIscsiInitiatorAdapter(face);
    struct login job = { .logout = true };
    HRESULT hr;

    if (!ret_async)
        return E_INVALIDARG;
    *ret_async = NULL;
    hr = initiator_target_name(o->service, target, job.target);
    return FAILED(hr) ? hr : login_start(&job, VDS_ASYNCOUT_LOGOUTFROMTARGET, ret_async);
}

static const IVdsIscsiInitiatorAdapterVtbl adapter_vtbl = {
    COM_UNKNOWN_SLOTS(adapter, IVdsIscsiInitiatorAdapter),
    .GetProperties = adapter_GetProperties,
    .QueryInitiatorPortals = adapter_QueryInitiatorPortals,
    .LoginToTarget = adapter_LoginToTarget,
    .LogoutFromTarget = adapter_LogoutFromTarget,
};
static const struct com_face adapter_faces[] = {
    COM_IDENTITY(adapter, IVdsIscsiInitiatorAdapter, face, adapter_vtbl),
    COM_FACE(adapter, IVdsIscsiInitiatorAdapter, face, adapter_vtbl),
};

static void adapter_destroy(struct com_object *obj)
{
    struct adapter *o = container_of(obj, struct adapter, obj);

    IVdsService_Release(o->service);
    free(o);
}

static const GUID *adapter_id(const struct com_object *obj)
{
    return (const GUID *)(const void *)&container_of(obj, const struct adapter, obj)->id;
}
COM_CLASS_WITH_ID(adapter, adapter_destroy, adapter_id)

static HRESULT adapter_new(IVdsService *service, IUnknown **ret_object)
{
    struct adapter *o = com_object_new(&adapter_class);

    if (!o)
        return E_OUTOFMEMORY;
    IVdsService_AddRef(service);
    o->service = service;
    o->id = id_of(ADAPTER_NAME);
    *ret_object = (IUnknown *)&o->face;
    return S_OK;
}

/* ---- for the service object ---------------------------------------------------------------------------- */

HRESULT initiator_installed(void)
{
    _cleanup_(freep) struct iscsiadm_iface *ifaces = NULL;
    size_t n = 0;

    return iscsiadm_ifaces(ISCSIADM, &ifaces, &n);
}

HRESULT initiator_adapters(IVdsService *service, IEnumVdsObject **ret_enum)
{
    IUnknown *object = NULL;
    HRESULT hr = initiator_installed();

    if (SUCCEEDED(hr))
        hr = adapter_new(service, &object);
    return FAILED(hr) ? hr : enumerate(&object, 1, ret_enum);
}

HRESULT initiator_object(IVdsService *service, const struct guid *id, VDS_OBJECT_TYPE type,
                         IUnknown **ret_object)
{
    _cleanup_(freep) IUnknown **portals = NULL;
    struct guid adapter = id_of(ADAPTER_NAME);
    size_t n = 0;
    HRESULT hr = type == VDS_OT_INIT_ADAPTER ? initiator_installed() : portals_make(service, &portals, &n);

    if (FAILED(hr)) /* without open-iscsi there is no such object */
        return hr == (HRESULT)E_OUTOFMEMORY ? hr : VDS_E_OBJECT_NOT_FOUND;
    hr = VDS_E_OBJECT_NOT_FOUND;
    if (type == VDS_OT_INIT_ADAPTER)
        return guid_equal(id, &adapter) ? adapter_new(service, ret_object) : hr;
    for (size_t i = 0; i < n; i++) {
        struct init_portal *o =
            container_of((IVdsIscsiInitiatorPortal *)portals[i], struct init_portal, face);

        if (FAILED(hr) && guid_equal(&o->id, id)) {
            *ret_object = portals[i];
            hr = S_OK;
            continue;
        }
        IUnknown_Release(portals[i]);
    }
    return hr;
}
