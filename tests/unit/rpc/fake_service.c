/* SPDX-License-Identifier: MIT */
#include "fake_internal.h"

struct fake_service {
    struct com_object obj;
    IVdsService service;
    struct fake *fake;
};

COM_UNKNOWN(fake_service, IVdsService, service)

static HRESULT service_ready(IVdsService *p)
{
    (void)p;
    return S_FALSE;
}

static HRESULT service_properties(IVdsService *p, VDS_SERVICE_PROP *out)
{
    (void)p;
    *out = (VDS_SERVICE_PROP){ .pwszVersion = fake_wide("1.1"), .ulFlags = VDS_SVF_SUPPORT_GPT };
    return S_OK;
}

static HRESULT service_providers(IVdsService *p, DWORD masks, IEnumVdsObject **ret)
{
    struct fake *f = fake_service_from_IVdsService(p)->fake;

    if (masks > 7) {
        error_text_set("mask 0x%x has bits that mean nothing", masks);
        return VDS_E_INVALID_QUERY_PROVIDER_FLAG;
    }
    return fake_enumerate(f, FAKE_PROVIDER, ret);
}

static HRESULT service_get_object(IVdsService *p, VDS_OBJECT_ID id, VDS_OBJECT_TYPE type, IUnknown **ret)
{
    static const VDS_OBJECT_TYPE types[] = { VDS_OT_UNKNOWN,      VDS_OT_SUB_SYSTEM, VDS_OT_TARGET,
                                             VDS_OT_PORTAL_GROUP, VDS_OT_PORTAL,     VDS_OT_LUN,
                                             VDS_OT_DRIVE };
    struct fake *f = fake_service_from_IVdsService(p)->fake;

    *ret = NULL;
    for (unsigned kind = 1; kind < FAKE_N_KINDS; kind++) {
        for (unsigned i = 1; types[kind] == type && i <= f->count[kind]; i++) {
            GUID known = fake_id(kind, i);
            bool gone;

            if (!IsEqualGUID(&known, &id))
                continue;
            pthread_mutex_lock(&f->lock);
            gone = f->deleted[kind][i];
            pthread_mutex_unlock(&f->lock);
            if (!gone)
                return fake_object_new(f, kind, i, ret);
        }
    }
    error_text_set("no object of type %u has that id", type);
    return VDS_E_OBJECT_NOT_FOUND;
}

static HRESULT service_letters(IVdsService *p, WCHAR first, DWORD count, VDS_DRIVE_LETTER_PROP *out)
{
    (void)p;
    for (DWORD i = 0; i < count; i++)
        out[i] = (VDS_DRIVE_LETTER_PROP){ .wcLetter = (WCHAR)(first + i), .ulFlags = i, .bUsed = i & 1 };
    return S_OK;
}

static HRESULT service_file_systems(IVdsService *p, VDS_FILE_SYSTEM_TYPE_PROP **ret, LONG *ret_n)
{
    (void)p;
    *ret = com_task_calloc(1, sizeof **ret);
    (*ret)[0] = (VDS_FILE_SYSTEM_TYPE_PROP){ .type = VDS_FST_NTFS,
                                             .wszName = { 'N', 'T', 'F', 'S' },
                                             .pwszIllegalLabelCharSet = fake_wide("?*") };
    *ret_n = 1;
    return S_OK;
}

static HRESULT service_advise(IVdsService *p, IVdsAdviseSink *sink, DWORD *ret)
{
    struct fake *f = fake_service_from_IVdsService(p)->fake;

    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < ARRAY_SIZE(f->sinks); i++) {
        if (f->sinks[i].sink)
            continue;
        IVdsAdviseSink_AddRef(sink);
        f->sinks[i].sink = sink;
        f->sinks[i].cookie = *ret = ++f->last_cookie;
        break;
    }
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    return S_OK;
}

static HRESULT service_unadvise(IVdsService *p, DWORD cookie)
{
    struct fake *f = fake_service_from_IVdsService(p)->fake;
    IVdsAdviseSink *sink = NULL;

    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < ARRAY_SIZE(f->sinks); i++) {
        if (f->sinks[i].sink && f->sinks[i].cookie == cookie) {
            sink = f->sinks[i].sink;
            f->sinks[i].sink = NULL;
        }
    }
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    if (!sink)
        return VDS_E_BAD_COOKIE;
    IVdsAdviseSink_Release(sink);
    return S_OK;
}

static HRESULT service_set_flags(IVdsService *p, ULONG flags)
{
    fake_service_from_IVdsService(p)->fake->last.flags = flags;
    return S_OK;
}

static IVdsServiceVtbl service_vtbl = {
    COM_UNKNOWN_SLOTS(fake_service, IVdsService),
    .IsServiceReady = service_ready,
    .GetProperties = service_properties,
    .QueryProviders = service_providers,
    .GetObject = service_get_object,
    .QueryDriveLetters = service_letters,
    .QueryFileSystemTypes = service_file_systems,
    .Advise = service_advise,
    .Unadvise = service_unadvise,
    .SetFlags = service_set_flags,
};
static const struct com_face fake_service_faces[] = {
    { &IID_IUnknown, offsetof(struct fake_service, service), &service_vtbl, 20 },
    { &IID_IVdsService, offsetof(struct fake_service, service), &service_vtbl, 20 },
};
COM_CLASS(fake_service, NULL)

unsigned fake_n_sinks(struct fake *f)
{
    unsigned n = 0;

    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < ARRAY_SIZE(f->sinks); i++)
        n += f->sinks[i].sink != NULL;
    pthread_mutex_unlock(&f->lock);
    return n;
}

unsigned fake_notify(struct fake *f, ULONG event, unsigned n_events)
{
    IVdsAdviseSink *sinks[ARRAY_SIZE(f->sinks)];
    unsigned n = 0;

    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < ARRAY_SIZE(f->sinks); i++) {
        if (f->sinks[i].sink) {
            IVdsAdviseSink_AddRef(f->sinks[i].sink);
            sinks[n++] = f->sinks[i].sink;
        }
    }
    pthread_mutex_unlock(&f->lock);
    for (unsigned i = 0; i < n; i++) {
        VDS_NOTIFICATION *array = com_task_calloc(n_events, sizeof *array);

        for (unsigned k = 0; k < n_events; k++) {
            array[k].objectType = VDS_NTT_PORTAL_GROUP;
            array[k].PortalGroup =
                (VDS_PORTAL_GROUP_NOTIFICATION){ .ulEvent = event,
                                                 .portalGroupId = fake_id(FAKE_GROUP, k + 1) };
        }
        IVdsAdviseSink_OnNotify(sinks[i], (LONG)n_events, array);
        IVdsAdviseSink_Release(sinks[i]);
    }
    return n;
}

static void fill_all_slots(void)
{
    static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock(&once);
    fake_fill_object_slots();
    fake_fill_slots(&service_vtbl, sizeof service_vtbl / sizeof(void *));
    pthread_mutex_unlock(&once);
}

void fake_init(struct fake *f)
{
    struct fake_service *s;

    fill_all_slots();
    memset(f, 0, sizeof *f);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    for (unsigned kind = 0; kind < FAKE_N_KINDS; kind++)
        f->count[kind] = kind == FAKE_PORTAL                                             ? 3
                         : kind == FAKE_TARGET || kind == FAKE_GROUP || kind == FAKE_LUN ? 2
                                                                                         : 1;
    s = com_object_new(&fake_service_class);
    s->fake = f;
    f->service = &s->service;
}

void fake_fini(struct fake *f)
{
    IVdsService_Release(f->service);
    pthread_mutex_lock(&f->lock); /* async objects let go on their own threads */
    while (f->n_ops > 0)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
}
