/* SPDX-License-Identifier: MIT */
/* The plex of a LUN: there is exactly one, and it is the LUN seen as its only copy. */
#include "provider/provider_internal.h"

struct plex {
    struct com_object obj;
    struct handle h; /* id is the plex's */
    IVdsLunPlex face;
};

COM_UNKNOWN(plex, IVdsLunPlex, face)

struct guid plex_id(const struct guid *lun)
{
    struct guid id = *lun;

    id.data1 ^= 0x504c4558; /* "PLEX" */
    return id;
}

static HRESULT plex_get(IVdsLunPlex *face, struct provider **ret_inside, struct array_lun_info *ret_info)
{
    struct plex *o = plex_from_IVdsLunPlex(face);
    struct guid lun = plex_id(&o->h.id);
    HRESULT hr = provider_enter(o->h.provider, ret_inside);

    return FAILED(hr) ? hr : array_lun_get((*ret_inside)->config.array, &lun, ret_info);
}

static HRESULT plex_GetProperties(IVdsLunPlex *face, VDS_LUN_PLEX_PROP *ret_prop)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_lun_info info;
    HRESULT hr;

    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    hr = plex_get(face, &inside, &info);
    if (FAILED(hr))
        return hr;
    ret_prop->id = com_GUID(&plex_from_IVdsLunPlex(face)->h.id);
    ret_prop->ullSize = info.size;
    ret_prop->type = VDS_LPT_SIMPLE;
    ret_prop->status = (VDS_LUN_PLEX_STATUS)info.status; /* the same numbers */
    ret_prop->health = (VDS_HEALTH)info.health;
    ret_prop->TransitionState = (VDS_TRANSITION_STATE)info.transition;
    array_lun_info_fini(&info);
    return S_OK;
}

static HRESULT plex_GetLun(IVdsLunPlex *face, IVdsLun **ret_lun)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_lun_info info;
    HRESULT hr;

    if (!ret_lun)
        return E_INVALIDARG;
    *ret_lun = NULL;
    hr = plex_get(face, &inside, &info);
    if (FAILED(hr))
        return hr;
    array_lun_info_fini(&info);
    return handle_make(provider_lun_new, inside, &info.id, &IID_IVdsLun, (void **)ret_lun);
}

static HRESULT plex_QueryExtents(IVdsLunPlex *face, VDS_DRIVE_EXTENT **ret_extents, LONG *ret_n)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_lun_info info;
    HRESULT hr;

    if (ret_extents)
        *ret_extents = NULL;
    if (ret_n)
        *ret_n = 0;
    if (!ret_extents || !ret_n)
        return E_INVALIDARG;
    hr = plex_get(face, &inside, &info);
    if (FAILED(hr))
        return hr;
    array_lun_info_fini(&info);
    return extents_query(inside, &info.drive, &info.id, ret_extents, ret_n);
}

static HRESULT plex_QueryHints(IVdsLunPlex *face, VDS_HINTS *ret_hints)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_lun_info info;
    HRESULT hr;

    if (!ret_hints)
        return E_INVALIDARG;
    memset(ret_hints, 0, sizeof *ret_hints);
    hr = plex_get(face, &inside, &info);
    if (FAILED(hr))
        return hr;
    hints_fill(&info, ret_hints);
    array_lun_info_fini(&info);
    return S_OK;
}

static HRESULT plex_ApplyHints(IVdsLunPlex *face, VDS_HINTS *hints)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_lun_info info;
    HRESULT hr = hints ? plex_get(face, &inside, &info) : E_INVALIDARG;

    if (FAILED(hr))
        return hr;
    array_lun_info_fini(&info);
    return hints_apply(inside, &info.id, hints);
}

static const IVdsLunPlexVtbl plex_vtbl = {
    COM_UNKNOWN_SLOTS(plex, IVdsLunPlex),
    .GetProperties = plex_GetProperties,
    .GetLun = plex_GetLun,
    .QueryExtents = plex_QueryExtents,
    .QueryHints = plex_QueryHints,
    .ApplyHints = plex_ApplyHints,
};
static const struct com_face plex_faces[] = {
    COM_IDENTITY(plex, IVdsLunPlex, face, plex_vtbl),
    COM_FACE(plex, IVdsLunPlex, face, plex_vtbl),
};
HANDLE_CLASS(plex)

HRESULT provider_plex_new(struct provider *p, const struct guid *id, IUnknown **ret_object)
{
    return handle_new(&plex_class, p, id, ret_object);
}
