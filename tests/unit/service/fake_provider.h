/* SPDX-License-Identifier: MIT */
/* The smallest hardware provider that a service can load, with handles for the test to turn. Also the body of
 * the loadable module. */
#ifndef VDS_TESTS_UNIT_FAKE_PROVIDER_H
#define VDS_TESTS_UNIT_FAKE_PROVIDER_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "com/com.h"

struct fake_provider {
    struct com_object obj;
    IVdsProvider provider;
    IVdsHwProvider hw;
    IVdsProviderPrivate private_face;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    VDS_PROVIDER_TYPE type;
    HRESULT on_load, reenumerate, refresh, get_object;
    bool hang, inside; /* in OnLoad, or in Reenumerate */
    bool lies;         /* GetObject() gives get_object with a pointer that does not go with it */
    VDS_OBJECT_ID object_id; /* GetObject() knows this one; any type */
    IVdsAdviseSink *sink;
    int unloaded_as; /* 1: the first of all */
    int n_loads, n_unloads, n_asked, n_reenumerations, n_refreshes;
};

static int fake_providers_unloaded;

COM_UNKNOWN(fake_provider, IVdsProvider, provider)
COM_UNKNOWN(fake_provider, IVdsHwProvider, hw)
COM_UNKNOWN(fake_provider, IVdsProviderPrivate, private_face)

static void fake_provider_hang_here(struct fake_provider *p)
{
    p->inside = true;
    pthread_cond_broadcast(&p->changed);
    while (p->hang)
        pthread_cond_wait(&p->changed, &p->lock);
    p->inside = false;
}

static HRESULT fake_provider_GetProperties(IVdsProvider *face, VDS_PROVIDER_PROP *ret_prop)
{
    memset(ret_prop, 0, sizeof *ret_prop);
    ret_prop->type = fake_provider_from_IVdsProvider(face)->type;
    com_wide("fake", &ret_prop->pwszName);
    com_wide("1", &ret_prop->pwszVersion);
    return S_OK;
}

static HRESULT fake_provider_QuerySubSystems(IVdsHwProvider *face, IEnumVdsObject **ret_enum)
{
    (void)face;
    return com_enum_create(NULL, 0, ret_enum);
}

static HRESULT fake_provider_Reenumerate(IVdsHwProvider *face)
{
    struct fake_provider *p = fake_provider_from_IVdsHwProvider(face);
    HRESULT hr;

    pthread_mutex_lock(&p->lock);
    fake_provider_hang_here(p);
    p->n_reenumerations++;
    hr = p->reenumerate;
    pthread_mutex_unlock(&p->lock);
    return hr;
}

static HRESULT fake_provider_Refresh(IVdsHwProvider *face)
{
    struct fake_provider *p = fake_provider_from_IVdsHwProvider(face);
    HRESULT hr;

    pthread_mutex_lock(&p->lock);
    p->n_refreshes++;
    hr = p->refresh;
    pthread_mutex_unlock(&p->lock);
    return hr;
}

static HRESULT fake_provider_GetObject(IVdsProviderPrivate *face, VDS_OBJECT_ID id, VDS_OBJECT_TYPE type,
                                       IUnknown **ret_object)
{
    struct fake_provider *p = fake_provider_from_IVdsProviderPrivate(face);

    (void)type;
    *ret_object = NULL;
    if (p->lies) /* somebody else's pointer is not to be touched, and NULL is none */
        *ret_object = FAILED(p->get_object) ? (IUnknown *)p : NULL;
    if (p->lies)
        return p->get_object;
    if (memcmp(&id, &p->object_id, sizeof id) != 0)
        return FAILED(p->get_object) ? p->get_object : VDS_E_OBJECT_NOT_FOUND;
    *ret_object = com_object_identity(&p->obj);
    IUnknown_AddRef(*ret_object);
    return S_OK;
}

static HRESULT fake_provider_OnLoad(IVdsProviderPrivate *face, LPWSTR machine, IUnknown *callback)
{
    struct fake_provider *p = fake_provider_from_IVdsProviderPrivate(face);
    HRESULT hr;

    pthread_mutex_lock(&p->lock);
    fake_provider_hang_here(p);
    hr = machine ? p->on_load : E_INVALIDARG;
    p->n_loads++;
    if (SUCCEEDED(hr))
        hr = IUnknown_QueryInterface(callback, &IID_IVdsAdviseSink, (void **)&p->sink);
    pthread_mutex_unlock(&p->lock);
    return hr;
}

/* Not ready at first: the service has to ask again. */
static HRESULT fake_provider_OnUnload(IVdsProviderPrivate *face, BOOL force)
{
    struct fake_provider *p = fake_provider_from_IVdsProviderPrivate(face);
    HRESULT hr = S_FALSE;

    pthread_mutex_lock(&p->lock);
    p->n_asked++;
    if (force) {
        p->n_unloads++;
        p->unloaded_as = ++fake_providers_unloaded;
        IVdsAdviseSink_Release(p->sink);
        p->sink = NULL;
        hr = S_OK;
    }
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return hr;
}

static const IVdsProviderVtbl fake_provider_vtbl = {
    COM_UNKNOWN_SLOTS(fake_provider, IVdsProvider),
    .GetProperties = fake_provider_GetProperties,
};
static const IVdsHwProviderVtbl fake_provider_hw_vtbl = {
    COM_UNKNOWN_SLOTS(fake_provider, IVdsHwProvider),
    .QuerySubSystems = fake_provider_QuerySubSystems,
    .Reenumerate = fake_provider_Reenumerate,
    .Refresh = fake_provider_Refresh,
};
static const IVdsProviderPrivateVtbl fake_provider_private_vtbl = {
    COM_UNKNOWN_SLOTS(fake_provider, IVdsProviderPrivate),
    .GetObject = fake_provider_GetObject,
    .OnLoad = fake_provider_OnLoad,
    .OnUnload = fake_provider_OnUnload,
};
static const struct com_face fake_provider_faces[] = {
    COM_IDENTITY(fake_provider, IVdsProvider, provider, fake_provider_vtbl),
    COM_FACE(fake_provider, IVdsProvider, provider, fake_provider_vtbl),
    COM_FACE(fake_provider, IVdsHwProvider, hw, fake_provider_hw_vtbl),
    COM_FACE(fake_provider, IVdsProviderPrivate, private_face, fake_provider_private_vtbl),
};
COM_CLASS(fake_provider, NULL)

static inline struct fake_provider *fake_provider_new(VDS_PROVIDER_TYPE type)
{
    struct fake_provider *p = com_object_new(&fake_provider_class);

    if (!p)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->type = type;
    return p;
}

/* ---- a class factory that hands out one provider, which the test keeps, too ---------------------------- */

struct fake_factory {
    struct com_object obj;
    IClassFactory face;
    struct fake_provider *provider;
};

COM_UNKNOWN(fake_factory, IClassFactory, face)

static HRESULT fake_factory_CreateInstance(IClassFactory *face, IUnknown *outer, REFIID iid,
                                           void **ret_object)
{
    struct fake_factory *f = fake_factory_from_IClassFactory(face);

    (void)outer;
    return com_object_query(&f->provider->obj, iid, ret_object);
}

static HRESULT fake_factory_LockServer(IClassFactory *face, BOOL lock)
{
    (void)face;
    (void)lock;
    return S_OK;
}

static void fake_factory_destroy(struct com_object *obj)
{
    struct fake_factory *f = container_of(obj, struct fake_factory, obj);

    com_object_unref(&f->provider->obj);
    free(f);
}

static const IClassFactoryVtbl fake_factory_vtbl = {
    COM_UNKNOWN_SLOTS(fake_factory, IClassFactory),
    .CreateInstance = fake_factory_CreateInstance,
    .LockServer = fake_factory_LockServer,
};
static const struct com_face fake_factory_faces[] = {
    COM_IDENTITY(fake_factory, IClassFactory, face, fake_factory_vtbl),
    COM_FACE(fake_factory, IClassFactory, face, fake_factory_vtbl),
};
COM_CLASS(fake_factory, fake_factory_destroy)

static inline IClassFactory *fake_factory_new(struct fake_provider *p)
{
    struct fake_factory *f = com_object_new(&fake_factory_class);

    if (!f)
        return NULL;
    f->provider = p;
    com_object_ref(&p->obj);
    return &f->face;
}

#endif
