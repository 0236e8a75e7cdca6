/* SPDX-License-Identifier: MIT */
/* A portal group: the portals through which one target is reached under one tag. */
#include "provider/provider_internal.h"

struct group {
    struct com_object obj;
    struct handle h;
    IVdsIscsiPortalGroup face;
    IVdsIscsiPortalGroupEx ex;
    IVdsIscsiPortalGroupEx2 ex2;
};

COM_UNKNOWN(group, IVdsIscsiPortalGroup, face)
COM_UNKNOWN(group, IVdsIscsiPortalGroupEx, ex)
COM_UNKNOWN(group, IVdsIscsiPortalGroupEx2, ex2)

static HRESULT group_get(IVdsIscsiPortalGroup *face, struct provider **ret_inside,
                         struct array_group_info *ret_info)
{
    struct group *o = group_from_IVdsIscsiPortalGroup(face);
    HRESULT hr = provider_enter(o->h.provider, ret_inside);

    return FAILED(hr) ? hr : array_group_get((*ret_inside)->config.array, &o->h.id, ret_info);
}

static HRESULT group_GetProperties(IVdsIscsiPortalGroup *face, VDS_ISCSI_PORTALGROUP_PROP *ret_prop)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_group_info info;
    HRESULT hr;

    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    hr = group_get(face, &inside, &info);
    if (FAILED(hr))
        return hr;
    ret_prop->id = com_GUID(&info.id);
    ret_prop->tag = info.tag;
    return S_OK;
}

static HRESULT group_GetTarget(IVdsIscsiPortalGroup *face, IVdsIscsiTarget **ret_target)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_group_info info;
    HRESULT hr;

    if (!ret_target)
        return E_INVALIDARG;
    *ret_target = NULL;
    hr = group_get(face, &inside, &info);
    return FAILED(hr) ? hr
                      : handle_make(provider_target_new, inside, &info.target, &IID_IVdsIscsiTarget,
                                    (void **)ret_target);
}

static HRESULT group_QueryAssociatedPortals(IVdsIscsiPortalGroup *face, IEnumVdsObject **ret_enum)
{
    struct group *o = group_from_IVdsIscsiPortalGroup(face);

    return handle_query(o->h.provider, ARRAY_PORTALS_OF_GROUP, &o->h.id, ret_enum);
}

static HRESULT group_AddPortal(IVdsIscsiPortalGroup *face, VDS_OBJECT_ID portal, IVdsAsync **ret_async)
{
    struct group *o = group_from_IVdsIscsiPortalGroup(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(operation_start_fini) struct operation_start start = { 0 };
    HRESULT hr = operation_begin(o->h.provider, VDS_ASYNCOUT_ADDPORTAL, NULL, ret_async, &inside, &start);

    if (SUCCEEDED(hr))
        hr = array_group_add_portal(inside->config.array, &o->h.id, com_guid(&portal), start.op);
    return operation_admitted(hr, &start, ret_async);
}

static HRESULT group_remove(struct group *o, VDS_OBJECT_ID portal, uint32_t drain_ms, IVdsAsync **ret_async)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(operation_start_fini) struct operation_start start = { 0 };
    HRESULT hr = operation_begin(o->h.provider, VDS_ASYNCOUT_REMOVEPORTAL, NULL, ret_async, &inside, &start);

    if (SUCCEEDED(hr))
        hr = array_group_remove_portal(inside->config.array, &o->h.id, com_guid(&portal), drain_ms, start.op);
    return operation_admitted(hr, &start, ret_async);
}

static HRESULT group_RemovePortal(IVdsIscsiPortalGroup *face, VDS_OBJECT_ID portal, IVdsAsync **ret_async)
{
    return group_remove(group_from_IVdsIscsiPortalGroup(face), portal, ARRAY_DRAIN_DEFAULT, ret_async);
}

static HRESULT group_RemovePortalEx(IVdsIscsiPortalGroupEx *face, VDS_OBJECT_ID portal, ULONG drain_ms,
                                    IVdsAsync **ret_async)
{
    return group_remove(group_from_IVdsIscsiPortalGroupEx(face), portal, drain_ms, ret_async);
}

static HRESULT group_SetPortals(IVdsIscsiPortalGroupEx2 *face, VDS_OBJECT_ID *portals, LONG n_portals,
                                ULONG drain_ms, IVdsAsync **ret_async)
{
    struct group *o = group_from_IVdsIscsiPortalGroupEx2(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(operation_start_fini) struct operation_start start = { 0 };
    HRESULT hr = operation_begin(o->h.provider, VDS_ASYNCOUT_UNKNOWN, NULL, ret_async, &inside, &start);

    if (SUCCEEDED(hr) && (n_portals < 0 || (n_portals > 0 && !portals)))
        hr = E_INVALIDARG;
    if (SUCCEEDED(hr))
        hr = array_group_set_portals(inside->config.array, &o->h.id, n_portals ? com_guid(portals) : NULL,
                                     (size_t)n_portals, drain_ms, start.op);
    return operation_admitted(hr, &start, ret_async);
}

static HRESULT group_MovePortal(IVdsIscsiPortalGroupEx2 *face, VDS_OBJECT_ID portal, VDS_OBJECT_ID to,
                                ULONG drain_ms, IVdsAsync **ret_async)
{
    struct group *o = group_from_IVdsIscsiPortalGroupEx2(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(operation_start_fini) struct operation_start start = { 0 };
    HRESULT hr = operation_begin(o->h.provider, VDS_ASYNCOUT_UNKNOWN, NULL, ret_async, &inside, &start);

    if (SUCCEEDED(hr))
        hr = array_group_move_portal(inside->config.array, &o->h.id, com_guid(&portal), com_guid(&to),
                                     drain_ms, start.op);
    return operation_admitted(hr, &start, ret_async);
}

static HRESULT group_Delete(IVdsIscsiPortalGroup *face, IVdsAsync **ret_async)
{
    struct group *o = group_from_IVdsIscsiPortalGroup(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(operation_start_fini) struct operation_start start = { 0 };
    HRESULT hr =
        operation_begin(o->h.provider, VDS_ASYNCOUT_DELETEPORTALGROUP, NULL, ret_async, &inside, &start);

    if (SUCCEEDED(hr))
        hr = array_group_delete(inside->config.array, &o->h.id, start.op);
    return operation_admitted(hr, &start, ret_async);
}

static const IVdsIscsiPortalGroupVtbl group_vtbl = {
    COM_UNKNOWN_SLOTS(group, IVdsIscsiPortalGroup),
    .GetProperties = group_GetProperties,
    .GetTarget = group_GetTarget,
    .QueryAssociatedPortals = group_QueryAssociatedPortals,
    .AddPortal = group_AddPortal,
    .RemovePortal = group_RemovePortal,
    .Delete = group_Delete,
};
static const IVdsIscsiPortalGroupExVtbl group_ex_vtbl = {
    COM_UNKNOWN_SLOTS(group, IVdsIscsiPortalGroupEx),
    .RemovePortalEx = group_RemovePortalEx,
};
static const IVdsIscsiPortalGroupEx2Vtbl group_ex2_vtbl = {
    COM_UNKNOWN_SLOTS(group, IVdsIscsiPortalGroupEx2),
    .SetPortals = group_SetPortals,
    .MovePortal = group_MovePortal,
};
static const struct com_face group_faces[] = {
    COM_IDENTITY(group, IVdsIscsiPortalGroup, face, group_vtbl),
    COM_FACE(group, IVdsIscsiPortalGroup, face, group_vtbl),
    COM_FACE(group, IVdsIscsiPortalGroupEx, ex, group_ex_vtbl),
    COM_FACE(group, IVdsIscsiPortalGroupEx2, ex2, group_ex2_vtbl),
};
HANDLE_CLASS(group)

HRESULT provider_group_new(struct provider *p, const struct guid *id, IUnknown **ret_object)
{
    return handle_new(&group_class, p, id, ret_object);
}
