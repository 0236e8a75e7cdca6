/* SPDX-License-Identifier: MIT */
/* A LUN: a disk carved from a drive, tied to targets, masked from everybody at first. What it says of itself
 * to SCSI is in identity.c. */
#include "provider/lun.h"

#include <stdlib.h>

COM_UNKNOWN(lun, IVdsLun, face)
COM_UNKNOWN(lun, IVdsLunNaming, naming)
COM_UNKNOWN(lun, IVdsLunIscsi, iscsi)
COM_UNKNOWN(lun, IVdsLunNumber, number)
COM_UNKNOWN(lun, IVdsLun2, second)
COM_UNKNOWN(lun, IVdsLunEx, ex)
MAINTENANCE_FACE(lun, VDS_OT_LUN)
COM_UNKNOWN(lun, IVdsLunEx2, ex2)

#define STATUSES                                                                             \
    (STATUS_BIT(VDS_LS_ONLINE) | STATUS_BIT(VDS_LS_NOT_READY) | STATUS_BIT(VDS_LS_OFFLINE) | \
     STATUS_BIT(VDS_LS_FAILED))

HRESULT provider_lun_get(struct lun *o, struct provider **ret_inside, struct array_lun_info *ret_info)
{
    HRESULT hr = provider_enter(o->h.provider, ret_inside);

    return FAILED(hr) ? hr : array_lun_get((*ret_inside)->config.array, &o->h.id, ret_info);
}

/* Proves that the LUN is there. */
static HRESULT lun_check(struct lun *o, struct provider **ret_inside)
{
    struct array_lun_info info;
    HRESULT hr = provider_lun_get(o, ret_inside, &info);

    if (SUCCEEDED(hr))
        array_lun_info_fini(&info);
    return hr;
}

/* ---- properties and relations -------------------------------------------------------------------------- */

HRESULT lun_fill(const struct array_lun_info *info, VDS_LUN_PROP *prop)
{
    prop->id = com_GUID(&info->id);
    prop->ullSize = info->size;
    prop->ulFlags = info->flags;
    prop->type = VDS_LT_SIMPLE;
    prop->status = (VDS_LUN_STATUS)info->status;
    prop->health = (VDS_HEALTH)info->health;
    prop->TransitionState = (VDS_TRANSITION_STATE)info->transition;
    return wide_fields((const struct wide_field[]){ { &prop->pwszFriendlyName, info->friendly_name },
                                                    { &prop->pwszIdentification, info->identification },
                                                    { &prop->pwszUnmaskingList, info->mask } },
                       3);
}

static HRESULT lun_GetProperties(IVdsLun *face, VDS_LUN_PROP *ret_prop)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_lun_info info;
    HRESULT hr;

    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    hr = provider_lun_get(lun_from_IVdsLun(face), &inside, &info);
    if (FAILED(hr))
        return hr;
    hr = lun_fill(&info, ret_prop);
    array_lun_info_fini(&info);
    return hr;
}

static HRESULT lun_GetSubSystem(IVdsLun *face, IVdsSubSystem **ret_subsystem)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    if (!ret_subsystem)
        return E_INVALIDARG;
    *ret_subsystem = NULL;
    hr = lun_check(lun_from_IVdsLun(face), &inside);
    return FAILED(hr) ? hr : handle_subsystem(inside, ret_subsystem);
}

static HRESULT lun_QueryActiveControllers(IVdsLun *face, IEnumVdsObject **ret_enum)
{
    struct lun *o = lun_from_IVdsLun(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    if (!ret_enum)
        return E_INVALIDARG;
    *ret_enum = NULL;
    hr = lun_check(o, &inside);
    provider_leave(&inside); /* handle_query() passes the gate itself */
    inside = NULL;
    return FAILED(hr) ? hr : handle_query(o->h.provider, ARRAY_CONTROLLERS, NULL, ret_enum);
}

static HRESULT lun_QueryPlexes(IVdsLun *face, IEnumVdsObject **ret_enum)
{
    struct lun *o = lun_from_IVdsLun(face);
    struct guid plex = plex_id(&o->h.id);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    if (!ret_enum)
        return E_INVALIDARG;
    *ret_enum = NULL;
    hr = lun_check(o, &inside);
    return FAILED(hr) ? hr : handle_query_one(inside, provider_plex_new, &plex, ret_enum);
}

/* ---- changes ------------------------------------------------------------------------------------------- */

static HRESULT lun_SetMask(IVdsLun *face, LPWSTR wide)
{
    struct lun *o = lun_from_IVdsLun(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) char *mask = NULL;
    HRESULT hr = name_argument(wide, &mask);

    if (SUCCEEDED(hr))
        hr = provider_enter(o->h.provider, &inside);
    return FAILED(hr) ? hr : array_lun_set_mask(inside->config.array, &o->h.id, mask);
}

static HRESULT lun_SetFriendlyName(IVdsLunNaming *face, LPWSTR wide)
{
    struct lun *o = lun_from_IVdsLunNaming(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) char *name = NULL;
    HRESULT hr = name_argument(wide, &name);

    if (SUCCEEDED(hr))
        hr = provider_enter(o->h.provider, &inside);
    return FAILED(hr) ? hr : array_lun_set_name(inside->config.array, &o->h.id, name);
}

static HRESULT lun_Delete(IVdsLun *face)
{
    struct lun *o = lun_from_IVdsLun(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr = provider_enter(o->h.provider, &inside);

    return FAILED(hr) ? hr : array_lun_delete(inside->config.array, &o->h.id);
}

static HRESULT lun_SetStatus(IVdsLun *face, VDS_LUN_STATUS status)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_lun_info info;
    HRESULT hr = provider_lun_get(lun_from_IVdsLun(face), &inside, &info);

    if (FAILED(hr))
        return hr;
    array_lun_info_fini(&info);
    return status_request(inside, ARRAY_STATUS_LUN, &info.id, status, STATUSES);
}

static HRESULT lun_AssociateControllers(IVdsLun *face, VDS_OBJECT_ID *active, LONG n_active,
                                        VDS_OBJECT_ID *inactive, LONG n_inactive)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    if (n_active < 0 || n_inactive < 0 || (n_active > 0 && !active) || (n_inactive > 0 && !inactive))
        return E_INVALIDARG;
    hr = lun_check(lun_from_IVdsLun(face), &inside);
    return FAILED(hr) ? hr : controllers_all_active(inside, active, n_active, inactive, n_inactive);
}

static HRESULT lun_QueryHints(IVdsLun *face, VDS_HINTS *ret_hints)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_lun_info info;
    HRESULT hr;

    if (!ret_hints)
        return E_INVALIDARG;
    memset(ret_hints, 0, sizeof *ret_hints);
    hr = provider_lun_get(lun_from_IVdsLun(face), &inside, &info);
    if (FAILED(hr))
        return hr;
    hints_fill(&info, ret_hints);
    array_lun_info_fini(&info);
    return S_OK;
}

static HRESULT lun_ApplyHints(IVdsLun *face, VDS_HINTS *hints)
{
    struct lun *o = lun_from_IVdsLun(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr = hints ? lun_check(o, &inside) : E_INVALIDARG;

    return FAILED(hr) ? hr : hints_apply(inside, &o->h.id, hints);
}

static HRESULT lun_QueryHints2(IVdsLun2 *face, VDS_HINTS2 *ret_hints)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_lun_info info;
    HRESULT hr;

    if (!ret_hints)
        return E_INVALIDARG;
    memset(ret_hints, 0, sizeof *ret_hints);
    hr = provider_lun_get(lun_from_IVdsLun2(face), &inside, &info);
    if (FAILED(hr))
        return hr;
    hints2_fill(&info, ret_hints);
    array_lun_info_fini(&info);
    return S_OK;
}

static HRESULT lun_ApplyHints2(IVdsLun2 *face, VDS_HINTS2 *hints)
{
    struct lun *o = lun_from_IVdsLun2(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr = hints ? lun_check(o, &inside) : E_INVALIDARG;

    return FAILED(hr) ? hr : hints2_apply(inside, &o->h.id, hints);
}

/* ---- size and plexes ----------------------------------------------------------------------------------- */

static HRESULT lun_Extend(IVdsLun *face, ULONGLONG n_bytes, VDS_OBJECT_ID *drives, LONG n_drives,
                          IVdsAsync **ret_async)
{
    struct lun *o = lun_from_IVdsLun(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(operation_start_fini) struct operation_start start = { 0 };
    HRESULT hr;

    if (!ret_async)
        return E_INVALIDARG;
    *ret_async = NULL;
    hr = drives_argument(drives, n_drives);
    if (SUCCEEDED(hr))
        hr = operation_begin(o->h.provider, VDS_ASYNCOUT_EXTENDLUN, NULL, ret_async, &inside, &start);
    if (SUCCEEDED(hr))
        hr = array_lun_extend(inside->config.array, &o->h.id, n_bytes, n_drives ? com_guid(drives) : NULL,
                              (size_t)n_drives, start.op);
    return operation_admitted(hr, &start, ret_async);
}

static HRESULT shrink(struct lun *o, ULONGLONG n_bytes, bool force, IVdsAsync **ret_async)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(operation_start_fini) struct operation_start start = { 0 };
    HRESULT hr =
        operation_begin(o->h.provider, VDS_ASYNCOUT_SHRINKLUN, NULL, ret_async, &inside, &start);

    if (SUCCEEDED(hr))
        hr = array_lun_shrink(inside->config.array, &o->h.id, n_bytes, force, start.op);
    return operation_admitted(hr, &start, ret_async);
}

/* Only what holds zeros is cut: the page leaves it to the caller to know what is there, and a slip of his pen
 * would cost a file system. ShrinkEx() goes all the way. */
static HRESULT lun_Shrink(IVdsLun *face, ULONGLONG n_bytes, IVdsAsync **ret_async)
{
    return shrink(lun_from_IVdsLun(face), n_bytes, /* force= */ false, ret_async);
}

static HRESULT lun_ShrinkEx(IVdsLunEx2 *face, ULONGLONG n_bytes, BOOL force, IVdsAsync **ret_async)
{
    return shrink(lun_from_IVdsLunEx2(face), n_bytes, force, ret_async);
}

static HRESULT lun_GetFeatures(IVdsLunEx2 *face, ULONG *ret_features, ULONG *ret_block, ULONG *ret_physical)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_lun_info info;
    HRESULT hr;

    if (ret_features)
        *ret_features = 0;
    if (ret_block)
        *ret_block = 0;
    if (ret_physical)
        *ret_physical = 0;
    if (!ret_features || !ret_block || !ret_physical)
        return E_INVALIDARG;
    hr = provider_lun_get(lun_from_IVdsLunEx2(face), &inside, &info);
    if (FAILED(hr))
        return hr;
    *ret_features = lun_features_to_api(&info);
    *ret_block = info.block_size;
    *ret_physical = info.physical_block_size;
    array_lun_info_fini(&info);
    return S_OK;
}

/* A LUN stays on its drive, whichever are named: what it could grow by is what is free there. */
static HRESULT lun_QueryMaxLunExtendSize(IVdsLun *face, VDS_OBJECT_ID *drives, LONG n_drives,
                                         ULONGLONG *ret_max)
{
    struct lun *o = lun_from_IVdsLun(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    uint64_t room = 0;
    HRESULT hr;

    if (ret_max)
        *ret_max = 0;
    if (!ret_max || FAILED(drives_argument(drives, n_drives)))
        return E_INVALIDARG;
    hr = lun_check(o, &inside);
    if (FAILED(hr))
        return hr;
    for (LONG i = 0; i < n_drives; i++) {
        if (!array_exists(inside->config.array, VDS_OT_DRIVE, com_guid(&drives[i])))
            return VDS_E_OBJECT_NOT_FOUND;
    }
    hr = array_lun_room(inside->config.array, &o->h.id, &room);
    *ret_max = SUCCEEDED(hr) ? room : 0;
    return hr;
}

/* No plexes beyond the one (VDS_SF_LUN_PLEXING_CAPABLE is not set). */
static HRESULT lun_AddPlex(IVdsLun *face, VDS_OBJECT_ID lun, IVdsAsync **ret_async)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    if (!ret_async)
        return E_INVALIDARG;
    *ret_async = NULL;
    hr = lun_check(lun_from_IVdsLun(face), &inside);
    if (FAILED(hr))
        return hr;
    return array_exists(inside->config.array, VDS_OT_LUN, com_guid(&lun))
               ? not_supported("LUNs of this array are simple: they have one plex")
               : VDS_E_OBJECT_NOT_FOUND;
}

static HRESULT lun_RemovePlex(IVdsLun *face, VDS_OBJECT_ID plex, IVdsAsync **ret_async)
{
    struct lun *o = lun_from_IVdsLun(face);
    struct guid only = plex_id(&o->h.id);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    if (!ret_async)
        return E_INVALIDARG;
    *ret_async = NULL;
    hr = lun_check(o, &inside);
    if (FAILED(hr))
        return hr;
    return guid_equal(com_guid(&plex), &only)
               ? refused(VDS_E_INVALID_OPERATION, "a LUN has one plex, which stays: delete the LUN")
               : VDS_E_OBJECT_NOT_FOUND;
}

static HRESULT lun_Recover(IVdsLun *face, IVdsAsync **ret_async)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    if (!ret_async)
        return E_INVALIDARG;
    *ret_async = NULL;
    hr = lun_check(lun_from_IVdsLun(face), &inside);
    return FAILED(hr) ? hr
                      : refused(VDS_E_INVALID_OPERATION,
                                "the LUN is simple, not fault tolerant: there is nothing to recover it from");
}

/* ---- targets ------------------------------------------------------------------------------------------- */

static HRESULT lun_AssociateTargets(IVdsLunIscsi *face, VDS_OBJECT_ID *targets, LONG n_targets)
{
    struct lun *o = lun_from_IVdsLunIscsi(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    if (n_targets < 0 || (n_targets > 0 && !targets))
        return E_INVALIDARG;
    hr = provider_enter(o->h.provider, &inside);
    if (FAILED(hr))
        return hr;
    return array_lun_associate_targets(inside->config.array, &o->h.id, n_targets ? com_guid(targets) : NULL,
                                       (size_t)n_targets);
}

static HRESULT lun_QueryAssociatedTargets(IVdsLunIscsi *face, IEnumVdsObject **ret_enum)
{
    struct lun *o = lun_from_IVdsLunIscsi(face);

    return handle_query(o->h.provider, ARRAY_TARGETS_OF_LUN, &o->h.id, ret_enum);
}

static HRESULT lun_number_at(struct provider *inside, const struct guid *lun, const struct guid *target,
                             ULONG *ret_number)
{
    uint16_t number;
    HRESULT hr = array_lun_number(inside->config.array, lun, target, &number);

    if (SUCCEEDED(hr))
        *ret_number = number;
    return hr;
}

/* A LUN has a number at each target; this interface knows one: that of the first. */
static HRESULT lun_GetLunNumber(IVdsLunNumber *face, ULONG *ret_number)
{
    struct lun *o = lun_from_IVdsLunNumber(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) struct guid *targets = NULL;
    size_t n = 0;
    HRESULT hr;

    if (!ret_number)
        return E_INVALIDARG;
    *ret_number = 0;
    hr = provider_enter(o->h.provider, &inside);
    if (SUCCEEDED(hr))
        hr = array_query(inside->config.array, ARRAY_TARGETS_OF_LUN, &o->h.id, &targets, &n);
    if (FAILED(hr))
        return hr;
    return n > 0 ? lun_number_at(inside, &o->h.id, &targets[0], ret_number) : VDS_E_OBJECT_NOT_FOUND;
}

static HRESULT lun_GetNumber(IVdsLunEx *face, VDS_OBJECT_ID target, ULONG *ret_number)
{
    struct lun *o = lun_from_IVdsLunEx(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr;

    if (!ret_number)
        return E_INVALIDARG;
    *ret_number = 0;
    hr = provider_enter(o->h.provider, &inside);
    return FAILED(hr) ? hr : lun_number_at(inside, &o->h.id, com_guid(&target), ret_number);
}

static HRESULT lun_GetAllocation(IVdsLunEx *face, ULONGLONG *ret_allocated, BOOL *ret_thick)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_lun_info info;
    HRESULT hr;

    if (ret_allocated)
        *ret_allocated = 0;
    if (ret_thick)
        *ret_thick = FALSE;
    if (!ret_allocated || !ret_thick)
        return E_INVALIDARG;
    hr = provider_lun_get(lun_from_IVdsLunEx(face), &inside, &info);
    if (FAILED(hr))
        return hr;
    *ret_allocated = info.allocated;
    *ret_thick = info.thick ? TRUE : FALSE;
    array_lun_info_fini(&info);
    return S_OK;
}

/* ---- the class ----------------------------------------------------------------------------------------- */

static const IVdsLunVtbl lun_vtbl = {
    COM_UNKNOWN_SLOTS(lun, IVdsLun),
    .GetProperties = lun_GetProperties,
    .GetSubSystem = lun_GetSubSystem,
    .GetIdentificationData = lun_GetIdentificationData,
    .QueryActiveControllers = lun_QueryActiveControllers,
    .Extend = lun_Extend,
    .Shrink = lun_Shrink,
    .QueryPlexes = lun_QueryPlexes,
    .AddPlex = lun_AddPlex,
    .RemovePlex = lun_RemovePlex,
    .Recover = lun_Recover,
    .SetMask = lun_SetMask,
    .Delete = lun_Delete,
    .AssociateControllers = lun_AssociateControllers,
    .QueryHints = lun_QueryHints,
    .ApplyHints = lun_ApplyHints,
    .SetStatus = lun_SetStatus,
    .QueryMaxLunExtendSize = lun_QueryMaxLunExtendSize,
};
static const IVdsLunNamingVtbl lun_naming_vtbl = {
    COM_UNKNOWN_SLOTS(lun, IVdsLunNaming),
    .SetFriendlyName = lun_SetFriendlyName,
};
static const IVdsLunIscsiVtbl lun_iscsi_vtbl = {
    COM_UNKNOWN_SLOTS(lun, IVdsLunIscsi),
    .AssociateTargets = lun_AssociateTargets,
    .QueryAssociatedTargets = lun_QueryAssociatedTargets,
};
static const IVdsLunNumberVtbl lun_number_vtbl = {
    COM_UNKNOWN_SLOTS(lun, IVdsLunNumber),
    .GetLunNumber = lun_GetLunNumber,
};
static const IVdsLun2Vtbl lun_second_vtbl = {
    COM_UNKNOWN_SLOTS(lun, IVdsLun2),
    .QueryHints2 = lun_QueryHints2,
    .ApplyHints2 = lun_ApplyHints2,
};
static const IVdsLunExVtbl lun_ex_vtbl = {
    COM_UNKNOWN_SLOTS(lun, IVdsLunEx),
    .GetAllocation = lun_GetAllocation,
    .GetNumber = lun_GetNumber,
};
static const IVdsLunEx2Vtbl lun_ex2_vtbl = {
    COM_UNKNOWN_SLOTS(lun, IVdsLunEx2),
    .GetFeatures = lun_GetFeatures,
    .ShrinkEx = lun_ShrinkEx,
};
static const struct com_face lun_faces[] = {
    COM_IDENTITY(lun, IVdsLun, face, lun_vtbl),
    COM_FACE(lun, IVdsLun, face, lun_vtbl),
    COM_FACE(lun, IVdsLunNaming, naming, lun_naming_vtbl),
    COM_FACE(lun, IVdsLunIscsi, iscsi, lun_iscsi_vtbl),
    COM_FACE(lun, IVdsLunNumber, number, lun_number_vtbl),
    COM_FACE(lun, IVdsLun2, second, lun_second_vtbl),
    COM_FACE(lun, IVdsMaintenance, maintenance, lun_maintenance_vtbl),
    COM_FACE(lun, IVdsLunEx, ex, lun_ex_vtbl),
    COM_FACE(lun, IVdsLunEx2, ex2, lun_ex2_vtbl),
};
HANDLE_CLASS(lun)

HRESULT provider_lun_new(struct provider *p, const struct guid *id, IUnknown **ret_object)
{
    return handle_new(&lun_class, p, id, ret_object);
}
