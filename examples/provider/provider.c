/* SPDX-License-Identifier: MIT */
/* A VDS hardware provider of one subsystem that holds nothing: all that a service needs to load it, and no more. README.md beside it tells
 * what each part is for. Public headers only; CoTaskMemAlloc() and CoTaskMemFree() are vdsd's own.
 *
 * Three objects, each made once and never freed, so that references to them need no count: the class factory, the provider (with three
 * interfaces) and the subsystem. Enumerations are made anew each time and counted. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define COBJMACROS
#define INITGUID
#include <vds/vds.h>
#include <vds/vdshwprv.h>

static const GUID provider_id = { 0x69b34b87, 0xa3e4, 0x4aa5, { 0x86, 0x64, 0xe2, 0x74, 0xe3, 0x36, 0xfb, 0x97 } };
static const GUID provider_version = { 0x69d2afb2, 0x13f1, 0x4cd4, { 0xad, 0x80, 0xe7, 0x24, 0xf0, 0x8e, 0xd3, 0x2e } };
static const GUID subsystem_id = { 0xe5931b98, 0xea0e, 0x40f2, { 0xa8, 0x21, 0x8f, 0xf8, 0xb5, 0xeb, 0x59, 0x2a } };
static const CLSID class_id = { 0xf0dfa499, 0x5a2c, 0x43af, { 0x83, 0xc5, 0xca, 0x1c, 0x5c, 0x1f, 0xea, 0x43 } };

static struct {
    pthread_mutex_t lock; /* guards all below: methods are called from any thread */
    IVdsAdviseSink *sink; /* the service's, between OnLoad and OnUnload */
    VDS_SUB_SYSTEM_STATUS status;
} array = { .lock = PTHREAD_MUTEX_INITIALIZER, .status = VDS_SSS_ONLINE };

/* Text for an out parameter: the caller frees it with CoTaskMemFree(). */
static LPWSTR text_copy(const WCHAR *text, size_t size)
{
    LPWSTR copy = CoTaskMemAlloc(size);

    return copy ? memcpy(copy, text, size) : NULL;
}
#define TEXT_COPY(literal) text_copy(literal, sizeof(literal))

/* ---- IUnknown, for objects that are never freed -------------------------------------------------------------------------------------- */

struct face {
    const IID *iid;
    void *interface;
};

static HRESULT query(const struct face *faces, REFIID riid, void **ppv)
{
    if (!ppv)
        return E_POINTER;
    *ppv = NULL;
    for (; faces->iid; faces++) {
        if (IsEqualIID(faces->iid, riid)) {
            *ppv = faces->interface;
            return S_OK;
        }
    }
    return E_NOINTERFACE;
}

#define FOREVER(Interface, name, faces)                                                  \
    static HRESULT name##_QueryInterface(Interface *This, REFIID riid, void **ppvObject) \
    {                                                                                    \
        (void)This;                                                                      \
        return query(faces, riid, ppvObject);                                            \
    }                                                                                    \
    static ULONG name##_AddRef(Interface *This)                                          \
    {                                                                                    \
        (void)This;                                                                      \
        return 2;                                                                        \
    }                                                                                    \
    static ULONG name##_Release(Interface *This)                                         \
    {                                                                                    \
        (void)This;                                                                      \
        return 1;                                                                        \
    }
#define FOREVER_SLOTS(name) name##_QueryInterface, name##_AddRef, name##_Release

/* ---- an enumeration of one object or none ---------------------------------------------------------------------------------------------- */

struct members {
    IEnumVdsObject face;
    atomic_uint refs;
    IUnknown *member; /* NULL: none */
    atomic_bool taken;
};

static HRESULT members_create(IUnknown *member, BOOL taken, IEnumVdsObject **ppEnum);

static HRESULT members_QueryInterface(IEnumVdsObject *This, REFIID riid, void **ppvObject)
{
    const struct face faces[] = { { &IID_IUnknown, This }, { &IID_IEnumVdsObject, This }, { NULL, NULL } };
    HRESULT hr = query(faces, riid, ppvObject);

    if (SUCCEEDED(hr))
        IEnumVdsObject_AddRef(This);
    return hr;
}

static ULONG members_AddRef(IEnumVdsObject *This)
{
    return atomic_fetch_add(&((struct members *)This)->refs, 1) + 1;
}

static ULONG members_Release(IEnumVdsObject *This)
{
    ULONG left = atomic_fetch_sub(&((struct members *)This)->refs, 1) - 1;

    if (left == 0)
        free(This);
    return left;
}

static HRESULT members_Next(IEnumVdsObject *This, ULONG celt, IUnknown **ppObjectArray, ULONG *pcFetched)
{
    struct members *m = (struct members *)This;

    if (!ppObjectArray || !pcFetched)
        return E_INVALIDARG;
    *pcFetched = 0;
    if (celt > 0 && m->member && !atomic_exchange(&m->taken, 1)) {
        ppObjectArray[0] = m->member;
        *pcFetched = 1;
    }
    return *pcFetched == celt ? S_OK : S_FALSE;
}

static HRESULT members_Skip(IEnumVdsObject *This, ULONG celt)
{
    struct members *m = (struct members *)This;
    ULONG skipped = celt > 0 && m->member && !atomic_exchange(&m->taken, 1);

    return skipped == celt ? S_OK : S_FALSE;
}

static HRESULT members_Reset(IEnumVdsObject *This)
{
    atomic_store(&((struct members *)This)->taken, 0);
    return S_OK;
}

static HRESULT members_Clone(IEnumVdsObject *This, IEnumVdsObject **ppEnum)
{
    struct members *m = (struct members *)This;

    return members_create(m->member, atomic_load(&m->taken), ppEnum);
}

static const IEnumVdsObjectVtbl members_vtbl = {
    members_QueryInterface, members_AddRef, members_Release, members_Next, members_Skip, members_Reset, members_Clone,
};

static HRESULT members_create(IUnknown *member, BOOL taken, IEnumVdsObject **ppEnum)
{
    struct members *m;

    if (!ppEnum)
        return E_INVALIDARG;
    *ppEnum = NULL;
    m = calloc(1, sizeof *m);
    if (!m)
        return E_OUTOFMEMORY;
    m->face.lpVtbl = &members_vtbl;
    atomic_init(&m->refs, 1);
    m->member = member;
    atomic_init(&m->taken, taken != 0);
    *ppEnum = &m->face;
    return S_OK;
}

/* ---- the subsystem ----------------------------------------------------------------------------------------------------------------------- */

static const struct face subsystem_faces[3], provider_faces[5];
static IVdsProvider provider;
FOREVER(IVdsSubSystem, subsystem, subsystem_faces)

static HRESULT subsystem_GetProperties(IVdsSubSystem *This, VDS_SUB_SYSTEM_PROP *prop)
{
    (void)This;
    if (!prop)
        return E_INVALIDARG;
    memset(prop, 0, sizeof *prop);
    prop->id = subsystem_id;
    prop->health = VDS_H_HEALTHY;
    pthread_mutex_lock(&array.lock);
    prop->status = array.status;
    pthread_mutex_unlock(&array.lock);
    prop->pwszFriendlyName = TEXT_COPY(u"Example subsystem");
    prop->pwszIdentification = TEXT_COPY(u"vds example 1");
    if (prop->pwszFriendlyName && prop->pwszIdentification)
        return S_OK;
    CoTaskMemFree(prop->pwszFriendlyName);
    CoTaskMemFree(prop->pwszIdentification);
    memset(prop, 0, sizeof *prop);
    return E_OUTOFMEMORY;
}

static HRESULT subsystem_GetProvider(IVdsSubSystem *This, IVdsProvider **ppProvider)
{
    (void)This;
    if (!ppProvider)
        return E_INVALIDARG;
    *ppProvider = &provider;
    return S_OK;
}

/* QueryControllers, QueryLuns, QueryDrives: it has none. */
static HRESULT subsystem_query_none(IVdsSubSystem *This, IEnumVdsObject **ppEnum)
{
    (void)This;
    return members_create(NULL, FALSE, ppEnum);
}

static HRESULT subsystem_GetDrive(IVdsSubSystem *This, SHORT bus, SHORT slot, IVdsDrive **ppDrive)
{
    (void)This, (void)bus, (void)slot;
    if (!ppDrive)
        return E_INVALIDARG;
    *ppDrive = NULL;
    return VDS_E_OBJECT_NOT_FOUND;
}

static HRESULT subsystem_Reenumerate(IVdsSubSystem *This)
{
    (void)This;
    return S_OK;
}

static HRESULT subsystem_SetControllerStatus(IVdsSubSystem *This, VDS_OBJECT_ID *online, LONG n_online, VDS_OBJECT_ID *offline,
                                             LONG n_offline)
{
    (void)This, (void)online, (void)offline;
    return n_online == 0 && n_offline == 0 ? S_OK : VDS_E_OBJECT_NOT_FOUND;
}

static HRESULT subsystem_CreateLun(IVdsSubSystem *This, VDS_LUN_TYPE type, ULONGLONG size, VDS_OBJECT_ID *drives, LONG n_drives,
                                   LPWSTR unmasking, VDS_HINTS *hints, IVdsAsync **ppAsync)
{
    (void)This, (void)type, (void)size, (void)drives, (void)n_drives, (void)unmasking, (void)hints;
    if (!ppAsync)
        return E_INVALIDARG;
    *ppAsync = NULL;
    return VDS_E_NOT_ENOUGH_SPACE;
}

static HRESULT subsystem_ReplaceDrive(IVdsSubSystem *This, VDS_OBJECT_ID old, VDS_OBJECT_ID new)
{
    (void)This, (void)old, (void)new;
    return VDS_E_OBJECT_NOT_FOUND;
}

/* The array of notifications is the service's to free. Without the lock: the sink may call back. */
static void tell_modified(void)
{
    VDS_NOTIFICATION *event = CoTaskMemAlloc(sizeof *event);
    IVdsAdviseSink *sink;

    pthread_mutex_lock(&array.lock);
    sink = array.sink;
    if (sink)
        IVdsAdviseSink_AddRef(sink);
    pthread_mutex_unlock(&array.lock);
    if (event && sink) {
        memset(event, 0, sizeof *event);
        event->objectType = VDS_NTT_SUB_SYSTEM;
        event->SubSystem.ulEvent = VDS_NF_SUB_SYSTEM_MODIFY;
        event->SubSystem.subSystemId = subsystem_id;
        IVdsAdviseSink_OnNotify(sink, 1, event);
    } else {
        CoTaskMemFree(event);
    }
    if (sink)
        IVdsAdviseSink_Release(sink);
}

/* What is a status but can only be told is not supported; what is none, or UNKNOWN, is no argument. */
static HRESULT subsystem_SetStatus(IVdsSubSystem *This, VDS_SUB_SYSTEM_STATUS status)
{
    (void)This;
    if (status == VDS_SSS_NOT_READY || status == VDS_SSS_FAILED || status == VDS_SSS_PARTIALLY_MANAGED)
        return VDS_E_NOT_SUPPORTED;
    if (status != VDS_SSS_ONLINE && status != VDS_SSS_OFFLINE)
        return E_INVALIDARG;
    pthread_mutex_lock(&array.lock);
    array.status = status;
    pthread_mutex_unlock(&array.lock);
    tell_modified();
    return S_OK;
}

static HRESULT subsystem_QueryMaxLunCreateSize(IVdsSubSystem *This, VDS_LUN_TYPE type, VDS_OBJECT_ID *drives, LONG n_drives,
                                               VDS_HINTS *hints, ULONGLONG *pullMaxLunSize)
{
    (void)This, (void)type, (void)drives, (void)n_drives, (void)hints;
    if (!pullMaxLunSize)
        return E_INVALIDARG;
    *pullMaxLunSize = 0;
    return S_OK;
}

static const IVdsSubSystemVtbl subsystem_vtbl = {
    FOREVER_SLOTS(subsystem),
    .GetProperties = subsystem_GetProperties,
    .GetProvider = subsystem_GetProvider,
    .QueryControllers = subsystem_query_none,
    .QueryLuns = subsystem_query_none,
    .QueryDrives = subsystem_query_none,
    .GetDrive = subsystem_GetDrive,
    .Reenumerate = subsystem_Reenumerate,
    .SetControllerStatus = subsystem_SetControllerStatus,
    .CreateLun = subsystem_CreateLun,
    .ReplaceDrive = subsystem_ReplaceDrive,
    .SetStatus = subsystem_SetStatus,
    .QueryMaxLunCreateSize = subsystem_QueryMaxLunCreateSize,
};
static IVdsSubSystem subsystem = { &subsystem_vtbl };
static const struct face subsystem_faces[3] = { { &IID_IUnknown, &subsystem }, { &IID_IVdsSubSystem, &subsystem } };

/* ---- the provider ------------------------------------------------------------------------------------------------------------------------ */

FOREVER(IVdsProvider, provider, provider_faces)
FOREVER(IVdsHwProvider, hw, provider_faces)
FOREVER(IVdsProviderPrivate, private, provider_faces)

static HRESULT provider_GetProperties(IVdsProvider *This, VDS_PROVIDER_PROP *prop)
{
    (void)This;
    if (!prop)
        return E_INVALIDARG;
    memset(prop, 0, sizeof *prop);
    prop->id = provider_id;
    prop->guidVersionId = provider_version;
    prop->type = VDS_PT_HARDWARE;
    prop->pwszName = TEXT_COPY(u"vds example provider");
    prop->pwszVersion = TEXT_COPY(u"1.0");
    if (prop->pwszName && prop->pwszVersion)
        return S_OK;
    CoTaskMemFree(prop->pwszName);
    CoTaskMemFree(prop->pwszVersion);
    memset(prop, 0, sizeof *prop);
    return E_OUTOFMEMORY;
}

static HRESULT hw_QuerySubSystems(IVdsHwProvider *This, IEnumVdsObject **ppEnum)
{
    (void)This;
    return members_create((IUnknown *)&subsystem, FALSE, ppEnum);
}

/* Reenumerate and Refresh: nothing changes here by itself. */
static HRESULT hw_look(IVdsHwProvider *This)
{
    (void)This;
    return S_OK;
}

static HRESULT private_GetObject(IVdsProviderPrivate *This, VDS_OBJECT_ID id, VDS_OBJECT_TYPE type, IUnknown **ppObject)
{
    (void)This;
    if (!ppObject)
        return E_INVALIDARG;
    *ppObject = NULL;
    if (type != VDS_OT_SUB_SYSTEM || !IsEqualGUID(&id, &subsystem_id))
        return VDS_E_OBJECT_NOT_FOUND;
    *ppObject = (IUnknown *)&subsystem;
    return S_OK;
}

static HRESULT private_OnLoad(IVdsProviderPrivate *This, LPWSTR machine, IUnknown *callback)
{
    IVdsAdviseSink *sink, *old;
    HRESULT hr;

    (void)This, (void)machine;
    hr = callback ? IUnknown_QueryInterface(callback, &IID_IVdsAdviseSink, (void **)&sink) : E_INVALIDARG;
    if (FAILED(hr))
        return hr;
    pthread_mutex_lock(&array.lock);
    old = array.sink;
    array.sink = sink;
    pthread_mutex_unlock(&array.lock);
    if (old) /* a service that forgot OnUnload */
        IVdsAdviseSink_Release(old);
    return S_OK;
}

static HRESULT private_OnUnload(IVdsProviderPrivate *This, BOOL force)
{
    IVdsAdviseSink *sink;

    (void)This, (void)force;
    pthread_mutex_lock(&array.lock);
    sink = array.sink;
    array.sink = NULL;
    pthread_mutex_unlock(&array.lock);
    if (sink)
        IVdsAdviseSink_Release(sink);
    return S_OK;
}

static const IVdsProviderVtbl provider_vtbl = { FOREVER_SLOTS(provider), provider_GetProperties };
static const IVdsHwProviderVtbl hw_vtbl = { FOREVER_SLOTS(hw), hw_QuerySubSystems, hw_look, hw_look };
static const IVdsProviderPrivateVtbl private_vtbl = { FOREVER_SLOTS(private), private_GetObject, private_OnLoad, private_OnUnload };
static IVdsProvider provider = { &provider_vtbl };
static IVdsHwProvider hw = { &hw_vtbl };
static IVdsProviderPrivate private = { &private_vtbl };
static const struct face provider_faces[5] = {
    { &IID_IUnknown, &provider },
    { &IID_IVdsProvider, &provider },
    { &IID_IVdsHwProvider, &hw },
    { &IID_IVdsProviderPrivate, &private },
};

/* ---- the way in ---------------------------------------------------------------------------------------------------------------------------- */

static const struct face factory_faces[3];
FOREVER(IClassFactory, factory, factory_faces)

static HRESULT factory_CreateInstance(IClassFactory *This, IUnknown *outer, REFIID riid, void **ppv)
{
    (void)This;
    if (!ppv)
        return E_POINTER;
    *ppv = NULL;
    return outer ? CLASS_E_NOAGGREGATION : query(provider_faces, riid, ppv);
}

static HRESULT factory_LockServer(IClassFactory *This, BOOL lock)
{
    (void)This, (void)lock;
    return S_OK;
}

static const IClassFactoryVtbl factory_vtbl = { FOREVER_SLOTS(factory), factory_CreateInstance, factory_LockServer };
static IClassFactory factory = { &factory_vtbl };
static const struct face factory_faces[3] = { { &IID_IUnknown, &factory }, { &IID_IClassFactory, &factory } };

/* GUID_NULL is "your provider": what the service asks for when its configuration names no class. */
VDS_API HRESULT DllGetClassObject(REFCLSID rclsid, REFIID riid, LPVOID *ppv)
{
    if (!ppv)
        return E_POINTER;
    *ppv = NULL;
    if (!IsEqualCLSID(rclsid, &class_id) && !IsEqualCLSID(rclsid, &GUID_NULL))
        return CLASS_E_CLASSNOTAVAILABLE;
    return query(factory_faces, riid, ppv);
}

VDS_API HRESULT DllCanUnloadNow(void)
{
    return S_FALSE; /* the objects are part of the library */
}
