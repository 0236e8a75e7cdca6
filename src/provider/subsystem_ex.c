/* SPDX-License-Identifier: MIT */
/* IVdsSubSystemEx: what an administrator wants of the array beyond VDS: fully allocated LUNs with a name,
 * sessions, status. */
#include "provider/subsystem.h"

#include <errno.h>
#include <stdio.h>

static struct subsystem *subsystem_of(IVdsSubSystemEx *face)
{
    return container_of(face, struct subsystem, ex);
}

HRESULT subsystem_CreateLunEx(IVdsSubSystemEx *face, ULONGLONG size, BOOL thick, VDS_OBJECT_ID *drives,
                              LONG n_drives, LPWSTR mask, LPWSTR name, IVdsAsync **ret_async)
{
    struct lun_request request = {
        .size = size, .thick = thick, .drives = drives, .n_drives = n_drives, .mask = mask, .name = name
    };

    if (!ret_async)
        return E_INVALIDARG;
    *ret_async = NULL;
    return provider_lun_create(subsystem_of(face)->h.provider, &request, ret_async);
}

/* Ours and the array's: the same facts, but only ours are an interface. */
static const struct {
    ULONG ours;
    uint32_t array;
} lun_features[] = {
    { VDS_LUN_FEATURE_REMOVABLE, ARRAY_LUN_REMOVABLE },
    { VDS_LUN_FEATURE_READ_ONLY, ARRAY_LUN_READ_ONLY },
    { VDS_LUN_FEATURE_VOLATILE, ARRAY_LUN_VOLATILE },
};

ULONG lun_features_to_api(const struct array_lun_info *info)
{
    ULONG features = info->thick ? VDS_LUN_FEATURE_THICK : 0;

    for (size_t i = 0; i < ARRAY_SIZE(lun_features); i++)
        features |= info->features & lun_features[i].array ? lun_features[i].ours : 0;
    return features;
}

static HRESULT features_argument(ULONG features, struct lun_request *request)
{
    ULONG known = VDS_LUN_FEATURE_THICK;

    request->thick = features & VDS_LUN_FEATURE_THICK;
    for (size_t i = 0; i < ARRAY_SIZE(lun_features); i++) {
        known |= lun_features[i].ours;
        request->features |= features & lun_features[i].ours ? lun_features[i].array : 0;
    }
    return features & ~known ? E_INVALIDARG : S_OK;
}

HRESULT subsystem_CreateLunWithFeatures(IVdsSubSystemLunEx *face, ULONGLONG size, ULONG features,
                                        ULONG block_size, ULONG physical_block_size, VDS_OBJECT_ID *drives,
                                        LONG n_drives, LPWSTR mask, LPWSTR name, IVdsAsync **ret_async)
{
    struct lun_request request = { .size = size,
                                   .drives = drives,
                                   .n_drives = n_drives,
                                   .mask = mask,
                                   .name = name,
                                   .block_size = block_size,
                                   .physical_block_size = physical_block_size };
    HRESULT hr;

    if (!ret_async)
        return E_INVALIDARG;
    *ret_async = NULL;
    hr = features_argument(features, &request);
    return FAILED(hr) ? hr
                      : provider_lun_create(container_of(face, struct subsystem, lun_ex)->h.provider,
                                            &request, ret_async);
}

/* ---- sessions ------------------------------------------------------------------------------------------ */

static ULONG session_state(enum iscsi_conn_state state)
{
    return state == ISCSI_CONN_LOGIN  ? VDS_SESSION_LOGIN
           : state == ISCSI_CONN_FULL ? VDS_SESSION_FULL_FEATURE
                                      : VDS_SESSION_LOGOUT;
}

static HRESULT session_fill(const struct engine_session *s, VDS_SESSION_PROP *prop)
{
    const struct iscsi_conn_facts *f = &s->facts;
    char isid[13];

    snprintf(isid, sizeof isid, "%02x%02x%02x%02x%02x%02x", f->isid[0], f->isid[1], f->isid[2], f->isid[3],
             f->isid[4], f->isid[5]);
    prop->ullId = s->id;
    prop->targetId = com_GUID(&s->target);
    prop->portalId = com_GUID(&s->portal);
    prop->tag = f->discovery ? 0 : f->tag;
    prop->tsih = f->tsih;
    prop->ulReactor = s->reactor;
    prop->ulState = session_state(f->state);
    prop->bDiscovery = f->discovery;
    prop->bHeaderDigest = f->header_digest;
    prop->bDataDigest = f->data_digest;
    prop->bAuthenticated = f->authenticated;
    prop->ulTasks = f->tasks;
    prop->ullCommands = f->n_commands;
    prop->ullBytesRead = f->n_bytes_out;
    prop->ullBytesWritten = f->n_bytes_in;
    prop->ullAgeInMs = s->since_ns / 1000000;
    return wide_fields((const struct wide_field[]){ { &prop->pwszInitiatorName, f->initiator },
                                                    { &prop->pwszInitiatorAddress, s->peer_address },
                                                    { &prop->pwszIsid, isid } },
                       3);
}

static void sessions_free(VDS_SESSION_PROP *props, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        CoTaskMemFree(props[i].pwszInitiatorName);
        CoTaskMemFree(props[i].pwszInitiatorAddress);
        CoTaskMemFree(props[i].pwszIsid);
    }
    CoTaskMemFree(props);
}

static HRESULT sessions_fill(const struct engine_session *sessions, size_t n, VDS_SESSION_PROP **ret_props)
{
    VDS_SESSION_PROP *props = com_task_calloc(n, sizeof *props);

    if (!props)
        return E_OUTOFMEMORY;
    for (size_t i = 0; i < n; i++) {
        HRESULT hr = session_fill(&sessions[i], &props[i]);

        if (FAILED(hr)) {
            sessions_free(props, n);
            return hr;
        }
    }
    *ret_props = props;
    return S_OK;
}

HRESULT subsystem_QuerySessions(IVdsSubSystemEx *face, VDS_SESSION_PROP **ret_sessions, ULONG *ret_n)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) struct engine_session *sessions = NULL;
    size_t n = 0;
    HRESULT hr;

    if (ret_sessions)
        *ret_sessions = NULL;
    if (ret_n)
        *ret_n = 0;
    if (!ret_sessions || !ret_n)
        return E_INVALIDARG;
    hr = provider_enter(subsystem_of(face)->h.provider, &inside);
    if (FAILED(hr))
        return hr;
    if (engine_session_list(array_engine(inside->config.array), &sessions, &n) < 0)
        return E_OUTOFMEMORY;
    if (n > 0)
        hr = sessions_fill(sessions, n, ret_sessions);
    if (SUCCEEDED(hr))
        *ret_n = (ULONG)n;
    return hr;
}

HRESULT subsystem_DropSession(IVdsSubSystemEx *face, ULONGLONG id)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr = provider_enter(subsystem_of(face)->h.provider, &inside);
    int r;

    if (FAILED(hr))
        return hr;
    r = engine_session_drop(array_engine(inside->config.array), id);
    return r == 0 ? S_OK : r == -ENOENT ? VDS_E_ISCSI_SESSION_NOT_FOUND : E_FAIL;
}

/* ---- status -------------------------------------------------------------------------------------------- */

static ULONG count_sessions(struct engine *engine)
{
    _cleanup_(freep) struct engine_session *sessions = NULL;
    size_t n = 0;

    return engine_session_list(engine, &sessions, &n) == 0 ? (ULONG)n : 0;
}

/* Answers in any status of the array: a cache that is corrupt is a reason to report, not a failure. */
HRESULT subsystem_GetStatus(IVdsSubSystemEx *face, VDS_ARRAY_STATUS *ret_status)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_subsystem_info info = { .status = VDS_SSS_NOT_READY, .health = VDS_H_UNKNOWN };
    const struct provider_limits *limits;
    struct engine *engine;
    HRESULT hr;

    if (!ret_status)
        return E_INVALIDARG;
    memset(ret_status, 0, sizeof *ret_status);
    hr = provider_enter(subsystem_of(face)->h.provider, &inside);
    if (FAILED(hr))
        return hr;
    if (FAILED(array_subsystem_get(inside->config.array, &info)))
        snprintf(info.reason, sizeof info.reason, "%s",
                 error_text_get()[0] ? error_text_get()
                                     : "the state changed behind the service: reenumerate, then refresh");
    engine = array_engine(inside->config.array);
    limits = &inside->limits;
    ret_status->status = (VDS_SUB_SYSTEM_STATUS)info.status;
    ret_status->health = (VDS_HEALTH)info.health;
    ret_status->ulReactors = engine_n_reactors(engine);
    ret_status->ulSessions = count_sessions(engine);
    ret_status->ulMaxConnections = limits->max_connections;
    ret_status->ulMaxGroups = limits->max_groups;
    ret_status->ulDrainSeconds = limits->drain_seconds;
    ret_status->usDefaultPort = limits->default_port;
    ret_status->ullCapacity = info.capacity;
    ret_status->ullFree = info.free;
    ret_status->ullUptimeInMs = (provider_now_ns() - inside->created_ns) / 1000000;
    return wide_fields((const struct wide_field[]){ { &ret_status->pwszVersion, VDS_VERSION },
                                                    { &ret_status->pwszBackend, engine_backend_name(engine) },
                                                    { &ret_status->pwszReason, info.reason } },
                       3);
}
