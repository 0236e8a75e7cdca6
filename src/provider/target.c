/* SPDX-License-Identifier: MIT */
/* An iSCSI target: a name on the network, its portal groups and the LUNs tied to it. */
#include "provider/secret.h"

struct target {
    struct com_object obj;
    struct handle h;
    IVdsIscsiTarget face;
};

COM_UNKNOWN(target, IVdsIscsiTarget, face)

static HRESULT target_get(IVdsIscsiTarget *face, struct provider **ret_inside,
                          struct array_target_info *ret_info)
{
    struct target *o = target_from_IVdsIscsiTarget(face);
    HRESULT hr = provider_enter(o->h.provider, ret_inside);

    return FAILED(hr) ? hr : array_target_get((*ret_inside)->config.array, &o->h.id, ret_info);
}

HRESULT target_fill(const struct array_target_info *info, VDS_ISCSI_TARGET_PROP *prop)
{
    prop->id = com_GUID(&info->id);
    prop->bChapEnabled = info->chap ? TRUE : FALSE;
    return wide_fields((const struct wide_field[]){ { &prop->pwszIscsiName, info->iscsi_name },
                                                    { &prop->pwszFriendlyName, info->friendly_name } },
                       2);
}

static HRESULT target_GetProperties(IVdsIscsiTarget *face, VDS_ISCSI_TARGET_PROP *ret_prop)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_target_info info;
    HRESULT hr;

    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    hr = target_get(face, &inside, &info);
    return FAILED(hr) ? hr : target_fill(&info, ret_prop);
}

static HRESULT target_GetSubSystem(IVdsIscsiTarget *face, IVdsSubSystem **ret_subsystem)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_target_info info;
    HRESULT hr;

    if (!ret_subsystem)
        return E_INVALIDARG;
    *ret_subsystem = NULL;
    hr = target_get(face, &inside, &info);
    return FAILED(hr) ? hr : handle_subsystem(inside, ret_subsystem);
}

static HRESULT target_QueryPortalGroups(IVdsIscsiTarget *face, IEnumVdsObject **ret_enum)
{
    struct target *o = target_from_IVdsIscsiTarget(face);

    return handle_query(o->h.provider, ARRAY_GROUPS_OF_TARGET, &o->h.id, ret_enum);
}

static HRESULT target_QueryAssociatedLuns(IVdsIscsiTarget *face, IEnumVdsObject **ret_enum)
{
    struct target *o = target_from_IVdsIscsiTarget(face);

    return handle_query(o->h.provider, ARRAY_LUNS_OF_TARGET, &o->h.id, ret_enum);
}

static HRESULT target_CreatePortalGroup(IVdsIscsiTarget *face, IVdsAsync **ret_async)
{
    struct target *o = target_from_IVdsIscsiTarget(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(operation_start_fini) struct operation_start start = { 0 };
    HRESULT hr = operation_begin(o->h.provider, VDS_ASYNCOUT_CREATEPORTALGROUP, provider_group_new, ret_async,
                                 &inside, &start);

    if (SUCCEEDED(hr))
        hr = array_group_create(inside->config.array, &o->h.id, start.op);
    return operation_admitted(hr, &start, ret_async);
}

static HRESULT target_Delete(IVdsIscsiTarget *face, IVdsAsync **ret_async)
{
    struct target *o = target_from_IVdsIscsiTarget(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(operation_start_fini) struct operation_start start = { 0 };
    HRESULT hr = operation_begin(o->h.provider, VDS_ASYNCOUT_DELETETARGET, NULL, ret_async, &inside, &start);

    if (SUCCEEDED(hr))
        hr = array_target_delete(inside->config.array, &o->h.id, start.op);
    return operation_admitted(hr, &start, ret_async);
}

static HRESULT target_SetFriendlyName(IVdsIscsiTarget *face, LPWSTR wide)
{
    struct target *o = target_from_IVdsIscsiTarget(face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) char *name = NULL;
    HRESULT hr = name_argument(wide, &name);

    if (SUCCEEDED(hr))
        hr = provider_enter(o->h.provider, &inside);
    return FAILED(hr) ? hr : array_target_set_name(inside->config.array, &o->h.id, name);
}

/* An initiator's own secret comes before the one for all; its name is its CHAP name as well. */
static HRESULT target_SetSharedSecret(IVdsIscsiTarget *face, VDS_ISCSI_SHARED_SECRET *secret,
                                      LPWSTR initiator)
{
    struct target *o = target_from_IVdsIscsiTarget(face);

    return secret_set(o->h.provider, &o->h.id, /* mutual= */ false, initiator, secret);
}

/* The initiator's secret, remembered here: by it the target proves itself. */
static HRESULT target_RememberInitiatorSharedSecret(IVdsIscsiTarget *face, LPWSTR initiator,
                                                    VDS_ISCSI_SHARED_SECRET *secret)
{
    struct target *o = target_from_IVdsIscsiTarget(face);

    return initiator ? secret_set(o->h.provider, &o->h.id, /* mutual= */ true, initiator, secret)
                     : E_INVALIDARG;
}

/* Moves the names of this target's initiators, each once, to the front of the list: returns how many. */
static size_t initiators_of(const struct guid *target, struct engine_session *sessions, size_t n,
                            const char **ret_names)
{
    size_t n_names = 0;

    for (size_t i = 0; i < n; i++) {
        const char *name = sessions[i].facts.initiator;
        size_t k = 0;

        if (sessions[i].facts.discovery || !guid_equal(&sessions[i].target, target))
            continue;
        while (k < n_names && strcmp(ret_names[k], name) != 0)
            k++;
        if (k == n_names)
            ret_names[n_names++] = name;
    }
    return n_names;
}

static HRESULT wide_list(const char *const *names, size_t n, LPWSTR **ret_list)
{
    LPWSTR *list = com_task_calloc(n, sizeof *list);
    HRESULT hr = list ? S_OK : E_OUTOFMEMORY;

    for (size_t i = 0; SUCCEEDED(hr) && i < n; i++)
        hr = com_wide(names[i], &list[i]);
    if (SUCCEEDED(hr)) {
        *ret_list = list;
        return S_OK;
    }
    for (size_t i = 0; list && i < n; i++)
        CoTaskMemFree(list[i]);
    CoTaskMemFree(list);
    return hr;
}

static HRESULT target_GetConnectedInitiators(IVdsIscsiTarget *face, LPWSTR **ret_list, LONG *ret_n)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) struct engine_session *sessions = NULL;
    _cleanup_(freep) const char **names = NULL;
    struct array_target_info info;
    size_t n = 0;
    HRESULT hr;

    if (ret_list)
        *ret_list = NULL;
    if (ret_n)
        *ret_n = 0;
    if (!ret_list || !ret_n)
        return E_INVALIDARG;
    hr = target_get(face, &inside, &info);
    if (FAILED(hr))
        return hr;
    if (engine_session_list(array_engine(inside->config.array), &sessions, &n) < 0)
        return E_OUTOFMEMORY;
    names = calloc(n ? n : 1, sizeof *names);
    if (!names)
        return E_OUTOFMEMORY;
    n = initiators_of(&info.id, sessions, n, names);
    if (n > 0)
        hr = wide_list(names, n, ret_list);
    if (SUCCEEDED(hr))
        *ret_n = (LONG)n;
    return SUCCEEDED(hr) ? S_OK : hr;
}

static const IVdsIscsiTargetVtbl target_vtbl = {
    COM_UNKNOWN_SLOTS(target, IVdsIscsiTarget),
    .GetProperties = target_GetProperties,
    .GetSubSystem = target_GetSubSystem,
    .QueryPortalGroups = target_QueryPortalGroups,
    .QueryAssociatedLuns = target_QueryAssociatedLuns,
    .CreatePortalGroup = target_CreatePortalGroup,
    .Delete = target_Delete,
    .SetFriendlyName = target_SetFriendlyName,
    .SetSharedSecret = target_SetSharedSecret,
    .RememberInitiatorSharedSecret = target_RememberInitiatorSharedSecret,
    .GetConnectedInitiators = target_GetConnectedInitiators,
};
static const struct com_face target_faces[] = {
    COM_IDENTITY(target, IVdsIscsiTarget, face, target_vtbl),
    COM_FACE(target, IVdsIscsiTarget, face, target_vtbl),
};
HANDLE_CLASS(target)

HRESULT provider_target_new(struct provider *p, const struct guid *id, IUnknown **ret_object)
{
    return handle_new(&target_class, p, id, ret_object);
}
