/* SPDX-License-Identifier: MIT */
/* The service object: readiness, providers, objects by id, registrations.
 *
 *     STARTING --all providers tried--> READY --service_shutdown() or last Release()--> STOPPED
 *         \------no memory, no thread--> FAILED
 */
#include "service/initiator.h"
#include "service/service_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/error_text.h"
#include "base/log.h"

enum service_state { SERVICE_STARTING, SERVICE_READY, SERVICE_FAILED, SERVICE_STOPPED };

struct service {
    struct com_object obj;
    IVdsService face;
    IVdsServiceNotifications notifications;
    IVdsServiceIscsi iscsi;
    struct service_options options; /* providers: `configs` */
    struct service_provider *configs;
    struct notifier *notifier;
    pthread_t starter;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    enum service_state state;
    bool starter_running, stopping;
    struct loaded *providers; /* grows while STARTING, does not change while READY */
    size_t n_providers;
    ULONG flags;
    bool scanning, scan_failed; /* a Reenumerate() that runs; what it came to */
};

COM_UNKNOWN(service, IVdsService, face)
COM_UNKNOWN(service, IVdsServiceNotifications, notifications)
COM_UNKNOWN(service, IVdsServiceIscsi, iscsi)

/* What may be set and cleared; the others say what the service can do. */
#define FLAGS_SETTABLE VDS_SVF_AUTO_MOUNT_OFF
#define FLAGS_ALL                                                                                 \
    (VDS_SVF_SUPPORT_DYNAMIC | VDS_SVF_SUPPORT_FAULT_TOLERANT | VDS_SVF_SUPPORT_GPT |             \
     VDS_SVF_SUPPORT_DYNAMIC_1394 | VDS_SVF_CLUSTER_SERVICE_CONFIGURED | VDS_SVF_AUTO_MOUNT_OFF | \
     VDS_SVF_OS_UNINSTALL_VALID | VDS_SVF_EFI | VDS_SVF_SUPPORT_MIRROR | VDS_SVF_SUPPORT_RAID5 |  \
     VDS_SVF_SUPPORT_REFS)

/* ---- start and stop ------------------------------------------------------------------------------------ */

static void service_set_state(struct service *s, enum service_state state)
{
    pthread_mutex_lock(&s->lock);
    if (s->state != SERVICE_STOPPED)
        s->state = state;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static bool service_stopping(struct service *s)
{
    bool stopping;

    pthread_mutex_lock(&s->lock);
    stopping = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return stopping;
}

static void *service_start_run(void *arg)
{
    struct service *s = arg;

    for (size_t i = 0; i < s->options.n_providers && !service_stopping(s); i++) {
        struct loaded *slot = &s->providers[s->n_providers];

        if (SUCCEEDED(service_provider_load(&s->configs[i], s->notifier, &s->options, s->providers,
                                            s->n_providers, slot)))
            s->n_providers++; /* nobody looks before READY */
    }
    notifier_open(s->notifier);
    service_set_state(s, SERVICE_READY);
    return NULL;
}

static void service_start(struct service *s)
{
    if (pthread_create(&s->starter, NULL, service_start_run, s) == 0)
        s->starter_running = true;
    else
        service_set_state(s, SERVICE_FAILED);
}

/* Marks the service as stopping; false: somebody else did before. */
static bool service_stop_begin(struct service *s)
{
    bool first;

    pthread_mutex_lock(&s->lock);
    first = !s->stopping;
    s->stopping = true;
    pthread_mutex_unlock(&s->lock);
    return first;
}

static void service_stop(struct service *s)
{
    if (!service_stop_begin(s))
        return;
    if (s->starter_running)
        pthread_join(s->starter, NULL);
    service_set_state(s, SERVICE_STOPPED);
    pthread_mutex_lock(&s->lock);
    while (s->scanning)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
    if (s->notifier)
        notifier_close(s->notifier);
    for (size_t i = s->n_providers; i > 0; i--)
        service_provider_unload(&s->providers[i - 1]);
}

void service_shutdown(IVdsService *service)
{
    if (service)
        service_stop(service_from_IVdsService(service));
}

/* Waits until it is known whether the service works. */
static HRESULT service_wait(struct service *s)
{
    enum service_state state;

    error_text_clear();
    pthread_mutex_lock(&s->lock);
    while (s->state == SERVICE_STARTING)
        pthread_cond_wait(&s->changed, &s->lock);
    state = s->state;
    pthread_mutex_unlock(&s->lock);
    if (state == SERVICE_READY)
        return S_OK;
    error_text_set(state == SERVICE_STOPPED ? "the service has been shut down"
                                            : "the service could not initialise");
    return VDS_E_INITIALIZED_FAILED;
}

static HRESULT service_IsServiceReady(IVdsService *face)
{
    struct service *s = service_from_IVdsService(face);
    enum service_state state;

    pthread_mutex_lock(&s->lock);
    state = s->state;
    pthread_mutex_unlock(&s->lock);
    return state == SERVICE_READY ? S_OK : state == SERVICE_STARTING ? S_FALSE : VDS_E_INITIALIZED_FAILED;
}

static HRESULT service_WaitForServiceReady(IVdsService *face)
{
    return service_wait(service_from_IVdsService(face));
}

/* ---- the providers ------------------------------------------------------------------------------------- */

/* A copy of the list with a reference to each, so that the service may stop meanwhile; providers_release()
 * ends it. */
struct providers {
    struct loaded *list;
    size_t n;
};

static void providers_release(struct providers *p)
{
    for (size_t i = 0; i < p->n; i++) {
        IVdsProvider_Release(p->list[i].provider);
        IVdsProviderPrivate_Release(p->list[i].private_face);
        if (p->list[i].hw)
            IVdsHwProvider_Release(p->list[i].hw);
    }
    free(p->list);
}

static HRESULT service_providers(struct service *s, struct providers *ret_providers)
{
    HRESULT hr = service_wait(s);

    if (FAILED(hr))
        return hr;
    pthread_mutex_lock(&s->lock);
    if (s->state != SERVICE_READY)
        hr = VDS_E_INITIALIZED_FAILED;
    else if (!(ret_providers->list = calloc(s->n_providers + 1, sizeof *ret_providers->list)))
        hr = E_OUTOFMEMORY;
    for (size_t i = 0; SUCCEEDED(hr) && i < s->n_providers; i++) {
        struct loaded *l = &s->providers[i];

        IVdsProvider_AddRef(l->provider);
        IVdsProviderPrivate_AddRef(l->private_face);
        if (l->hw)
            IVdsHwProvider_AddRef(l->hw);
        ret_providers->list[ret_providers->n++] = *l;
    }
    pthread_mutex_unlock(&s->lock);
    return hr;
}

#define MASK_ALL \
    (VDS_QUERY_SOFTWARE_PROVIDERS | VDS_QUERY_HARDWARE_PROVIDERS | VDS_QUERY_VIRTUALDISK_PROVIDERS)

static HRESULT service_QueryProviders(IVdsService *face, DWORD masks, IEnumVdsObject **ret_enum)
{
    _cleanup_(providers_release) struct providers providers = { 0 };
    _cleanup_(freep) IUnknown **objects = NULL;
    size_t n = 0;
    HRESULT hr;

    if (!ret_enum)
        return E_INVALIDARG;
    *ret_enum = NULL;
    if (masks == 0 || (masks & ~(DWORD)MASK_ALL))
        return VDS_E_INVALID_QUERY_PROVIDER_FLAG;
    hr = service_providers(service_from_IVdsService(face), &providers);
    if (FAILED(hr))
        return hr;
    objects = calloc(providers.n + 1, sizeof *objects);
    if (!objects)
        return E_OUTOFMEMORY;
    for (size_t i = 0; i < providers.n; i++) {
        if (providers.list[i].mask & masks)
            objects[n++] = (IUnknown *)providers.list[i].provider;
    }
    return com_enum_create(objects, n, ret_enum);
}

/* The types of the enumeration that objects with an id have; the others are refused, and so is every number
 * that is none. */
static bool type_has_objects(VDS_OBJECT_TYPE type)
{
    static const VDS_OBJECT_TYPE types[] = {
        VDS_OT_PACK,        VDS_OT_VOLUME,   VDS_OT_VOLUME_PLEX, VDS_OT_DISK,    VDS_OT_SUB_SYSTEM,
        VDS_OT_CONTROLLER,  VDS_OT_DRIVE,    VDS_OT_LUN,         VDS_OT_LUN_PLEX, VDS_OT_PORT,
        VDS_OT_PORTAL,      VDS_OT_TARGET,   VDS_OT_PORTAL_GROUP, VDS_OT_STORAGE_POOL, VDS_OT_HBAPORT,
        VDS_OT_INIT_ADAPTER, VDS_OT_INIT_PORTAL, VDS_OT_VDISK,
    };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (types[i] == type)
            return true;
    }
    return false;
}

/* A success without an object is none. */
static HRESULT provider_object(const struct loaded *l, VDS_OBJECT_ID id, VDS_OBJECT_TYPE type,
                               IUnknown **ret_object)
{
    HRESULT hr = IVdsProviderPrivate_GetObject(l->private_face, id, type, ret_object);

    if (FAILED(hr))
        *ret_object = NULL;
    if (FAILED(hr) || *ret_object)
        return hr;
    error_text_set("a provider says that it has the object, and does not give it");
    return VDS_E_BAD_PROVIDER_DATA;
}

static HRESULT service_GetObject(IVdsService *face, VDS_OBJECT_ID id, VDS_OBJECT_TYPE type,
                                 IUnknown **ret_object)
{
    _cleanup_(providers_release) struct providers providers = { 0 };
    HRESULT hr, worst = VDS_E_OBJECT_NOT_FOUND;

    if (!ret_object)
        return E_INVALIDARG;
    *ret_object = NULL;
    if (!type_has_objects(type))
        return VDS_E_INVALID_OBJECT_TYPE;
    hr = service_providers(service_from_IVdsService(face), &providers);
    if (FAILED(hr))
        return hr;
    if (type == VDS_OT_INIT_ADAPTER || type == VDS_OT_INIT_PORTAL)
        return initiator_object(face, com_guid(&id), type, ret_object);
    for (size_t i = 0; i < providers.n; i++) {
        hr = provider_object(&providers.list[i], id, type, ret_object);
        if (SUCCEEDED(hr))
            return S_OK;
        if (hr != (HRESULT)VDS_E_OBJECT_NOT_FOUND) /* it might have been this one's */
            worst = hr;
    }
    return worst;
}

/* ---- Reenumerate and Refresh: every hardware provider -------------------------------------------------- */

static bool scan_all(struct service *s)
{
    _cleanup_(providers_release) struct providers providers = { 0 };
    bool ok = SUCCEEDED(service_providers(s, &providers));

    for (size_t i = 0; i < providers.n; i++) {
        if (providers.list[i].hw && FAILED(IVdsHwProvider_Reenumerate(providers.list[i].hw)))
            ok = false;
    }
    return ok;
}

static void *scan_run(void *arg)
{
    struct service *s = arg;
    bool ok = scan_all(s);

    pthread_mutex_lock(&s->lock);
    s->scanning = false;
    s->scan_failed = !ok;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Returns at once; Refresh() waits for the scan. A scan that runs already will do. */
static HRESULT service_Reenumerate(IVdsService *face)
{
    struct service *s = service_from_IVdsService(face);
    HRESULT hr = service_wait(s);
    pthread_t thread;

    if (FAILED(hr))
        return hr;
    pthread_mutex_lock(&s->lock);
    if (s->stopping) {
        hr = VDS_E_INITIALIZED_FAILED;
    } else if (!s->scanning) {
        s->scanning = pthread_create(&thread, NULL, scan_run, s) == 0;
        if (s->scanning)
            pthread_detach(thread);
        else
            hr = E_OUTOFMEMORY;
    }
    pthread_mutex_unlock(&s->lock);
    return hr;
}

/* S_FALSE: some provider could not. */
static HRESULT service_Refresh(IVdsService *face)
{
    struct service *s = service_from_IVdsService(face);
    _cleanup_(providers_release) struct providers providers = { 0 };
    HRESULT hr = service_providers(s, &providers);
    bool failed;

    if (FAILED(hr))
        return hr;
    pthread_mutex_lock(&s->lock);
    while (s->scanning)
        pthread_cond_wait(&s->changed, &s->lock);
    failed = s->scan_failed;
    s->scan_failed = false;
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < providers.n; i++) {
        if (providers.list[i].hw && FAILED(IVdsHwProvider_Refresh(providers.list[i].hw)))
            failed = true;
    }
    return failed ? S_FALSE : S_OK;
}

/* ---- properties, flags --------------------------------------------------------------------------------- */

static HRESULT service_GetProperties(IVdsService *face, VDS_SERVICE_PROP *ret_prop)
{
    struct service *s = service_from_IVdsService(face);

    if (!ret_prop)
        return E_INVALIDARG;
    memset(ret_prop, 0, sizeof *ret_prop);
    pthread_mutex_lock(&s->lock);
    ret_prop->ulFlags = s->flags;
    pthread_mutex_unlock(&s->lock);
    return com_wide(VDS_VERSION, &ret_prop->pwszVersion);
}

static HRESULT service_change_flags(struct service *s, ULONG set, ULONG clear)
{
    HRESULT hr;

    if ((set | clear) & ~(ULONG)FLAGS_ALL)
        return E_INVALIDARG;
    hr = service_wait(s);
    if (FAILED(hr))
        return hr;
    if ((set | clear) & ~(ULONG)FLAGS_SETTABLE)
        return service_not_supported("auto mount is the one flag that can be set");
    pthread_mutex_lock(&s->lock);
    s->flags = (s->flags | set) & ~clear;
    pthread_mutex_unlock(&s->lock);
    return S_OK;
}

static HRESULT service_SetFlags(IVdsService *face, ULONG flags)
{
    return service_change_flags(service_from_IVdsService(face), flags, 0);
}

static HRESULT service_ClearFlags(IVdsService *face, ULONG flags)
{
    return service_change_flags(service_from_IVdsService(face), 0, flags);
}

/* ---- the host ------------------------------------------------------------------------------------------ */

/* VDS itself documents it as never implemented. */
COM_NOT_BUILT static HRESULT service_QueryMaskedDisks(IVdsService *face, IEnumVdsObject **ret_enum)
{
    (void)face;
    if (ret_enum)
        *ret_enum = NULL;
    return COM_NOT_BUILT_RESULT;
}

/* The host's own disks are not this service's to hand out. */
static HRESULT service_QueryUnallocatedDisks(IVdsService *face, IEnumVdsObject **ret_enum)
{
    HRESULT hr;

    if (!ret_enum)
        return E_INVALIDARG;
    *ret_enum = NULL;
    hr = service_wait(service_from_IVdsService(face));
    return FAILED(hr) ? hr : com_enum_create(NULL, 0, ret_enum);
}

static HRESULT service_QueryDriveLetters(IVdsService *face, WCHAR first, DWORD n,
                                         VDS_DRIVE_LETTER_PROP *ret_letters)
{
    HRESULT hr = service_wait(service_from_IVdsService(face));

    return FAILED(hr) ? hr : service_host_letters(first, n, ret_letters);
}

static HRESULT service_QueryFileSystemTypes(IVdsService *face, VDS_FILE_SYSTEM_TYPE_PROP **ret_props,
                                            LONG *ret_n)
{
    HRESULT hr;

    if (ret_props)
        *ret_props = NULL;
    if (ret_n)
        *ret_n = 0;
    if (!ret_props || !ret_n)
        return E_INVALIDARG;
    hr = service_wait(service_from_IVdsService(face));
    return FAILED(hr) ? hr : service_host_file_systems(ret_props, ret_n);
}

/* Mount points of Linux do not become obsolete. */
static HRESULT service_CleanupObsoleteMountPoints(IVdsService *face)
{
    return service_wait(service_from_IVdsService(face));
}

/* An unprivileged array does not restart its host. */
static HRESULT service_Reboot(IVdsService *face)
{
    HRESULT hr = service_wait(service_from_IVdsService(face));

    return FAILED(hr) ? hr : service_not_supported("the service does not restart its host");
}

/* ---- registrations ------------------------------------------------------------------------------------- */

static HRESULT service_Advise(IVdsService *face, IVdsAdviseSink *sink, DWORD *ret_cookie)
{
    struct service *s = service_from_IVdsService(face);
    HRESULT hr;

    if (ret_cookie)
        *ret_cookie = 0;
    if (!sink || !ret_cookie)
        return E_INVALIDARG;
    hr = service_wait(s);
    return FAILED(hr) ? hr : notifier_advise(s->notifier, sink, ret_cookie);
}

static HRESULT service_Unadvise(IVdsService *face, DWORD cookie)
{
    struct service *s = service_from_IVdsService(face);
    HRESULT hr = service_wait(s);

    return FAILED(hr) ? hr : notifier_unadvise(s->notifier, cookie);
}

static HRESULT service_QueryNotifications(IVdsServiceNotifications *face, ULONGLONG since, ULONG max,
                                          VDS_NOTIFICATION_RECORD **ret_records, ULONG *ret_n)
{
    struct service *s = service_from_IVdsServiceNotifications(face);
    HRESULT hr;

    if (ret_records)
        *ret_records = NULL;
    if (ret_n)
        *ret_n = 0;
    if (!ret_records || !ret_n)
        return E_INVALIDARG;
    hr = service_wait(s);
    return FAILED(hr) ? hr : notifier_query(s->notifier, since, max, ret_records, ret_n);
}

static HRESULT service_GetLastSequence(IVdsServiceNotifications *face, ULONGLONG *ret_sequence)
{
    struct service *s = service_from_IVdsServiceNotifications(face);
    HRESULT hr = ret_sequence ? service_wait(s) : E_INVALIDARG;

    if (ret_sequence)
        *ret_sequence = SUCCEEDED(hr) ? notifier_last(s->notifier) : 0;
    return hr;
}

/* ---- the class ----------------------------------------------------------------------------------------- */

static const IVdsServiceVtbl service_vtbl = {
    COM_UNKNOWN_SLOTS(service, IVdsService),
    .IsServiceReady = service_IsServiceReady,
    .WaitForServiceReady = service_WaitForServiceReady,
    .GetProperties = service_GetProperties,
    .QueryProviders = service_QueryProviders,
    .QueryMaskedDisks = service_QueryMaskedDisks,
    .QueryUnallocatedDisks = service_QueryUnallocatedDisks,
    .GetObject = service_GetObject,
    .QueryDriveLetters = service_QueryDriveLetters,
    .QueryFileSystemTypes = service_QueryFileSystemTypes,
    .Reenumerate = service_Reenumerate,
    .Refresh = service_Refresh,
    .CleanupObsoleteMountPoints = service_CleanupObsoleteMountPoints,
    .Advise = service_Advise,
    .Unadvise = service_Unadvise,
    .Reboot = service_Reboot,
    .SetFlags = service_SetFlags,
    .ClearFlags = service_ClearFlags,
};
static const IVdsServiceNotificationsVtbl service_notifications_vtbl = {
    COM_UNKNOWN_SLOTS(service, IVdsServiceNotifications),
    .QueryNotifications = service_QueryNotifications,
    .GetLastSequence = service_GetLastSequence,
};
static const IVdsServiceIscsiVtbl service_iscsi_vtbl = { COM_UNKNOWN_SLOTS(service, IVdsServiceIscsi),
                                                         SERVICE_ISCSI_SLOTS };
static const struct com_face service_faces[] = {
    COM_IDENTITY(service, IVdsService, face, service_vtbl),
    COM_FACE(service, IVdsService, face, service_vtbl),
    COM_FACE(service, IVdsServiceNotifications, notifications, service_notifications_vtbl),
    COM_FACE(service, IVdsServiceIscsi, iscsi, service_iscsi_vtbl),
};

static void service_destroy(struct com_object *obj)
{
    struct service *s = container_of(obj, struct service, obj);

    service_stop(s);
    notifier_unref(s->notifier);
    service_providers_free(s->configs, s->options.n_providers);
    free(s->providers);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
COM_CLASS(service, service_destroy)

static uint32_t or_default(uint32_t value, uint32_t when_zero)
{
    return value ? value : when_zero;
}

HRESULT service_create(const struct service_options *options, IVdsService **ret_service)
{
    struct service *s = com_object_new(&service_class);
    struct notifier_limits limits = {
        .max_sinks = or_default(options->max_sinks, 256),
        .max_pending = or_default(options->max_pending, 4096),
        .max_replay = or_default(options->max_replay, 4096),
        .unadvise_timeout_ms = or_default(options->unadvise_timeout_ms, 5000),
    };

    if (!s)
        return E_OUTOFMEMORY;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->options = *options;
    s->options.load_timeout_ms = or_default(options->load_timeout_ms, 10000);
    s->configs = service_providers_copy(options->providers, options->n_providers);
    s->options.providers = s->configs;
    s->providers = calloc(options->n_providers + 1, sizeof *s->providers);
    if (!s->configs || !s->providers || FAILED(notifier_create(&limits, &s->notifier))) {
        IVdsService_Release(&s->face);
        return E_OUTOFMEMORY;
    }
    service_start(s);
    *ret_service = &s->face;
    return S_OK;
}
