/* SPDX-License-Identifier: MIT */
/* The class factory of the built-in provider: the service makes it as it makes any other. */
#include "provider/provider_internal.h"

const CLSID provider_clsid = PROVIDER_CLSID;

struct factory {
    struct com_object obj;
    IClassFactory face;
    struct provider_config config;
    atomic_int n_locks;
};

COM_UNKNOWN(factory, IClassFactory, face)

static HRESULT factory_CreateInstance(IClassFactory *face, IUnknown *outer, REFIID iid, void **ret_object)
{
    struct factory *f = factory_from_IClassFactory(face);
    struct provider *p = NULL;
    HRESULT hr;

    if (!ret_object)
        return E_INVALIDARG;
    *ret_object = NULL;
    if (outer)
        return CLASS_E_NOAGGREGATION;
    hr = provider_create(&f->config, &p);
    if (FAILED(hr))
        return hr;
    return handle_as(S_OK, com_object_identity(&p->obj), iid, ret_object);
}

/* Counts, as COM asks; nothing here is ever unloaded by itself. */
static HRESULT factory_LockServer(IClassFactory *face, BOOL lock)
{
    atomic_fetch_add(&factory_from_IClassFactory(face)->n_locks, lock ? 1 : -1);
    return S_OK;
}

static const IClassFactoryVtbl factory_vtbl = {
    COM_UNKNOWN_SLOTS(factory, IClassFactory),
    .CreateInstance = factory_CreateInstance,
    .LockServer = factory_LockServer,
};
static const struct com_face factory_faces[] = {
    COM_IDENTITY(factory, IClassFactory, face, factory_vtbl),
    COM_FACE(factory, IClassFactory, face, factory_vtbl),
};
COM_CLASS(factory, NULL)

HRESULT provider_factory_create(const struct provider_config *config, IClassFactory **ret_factory)
{
    struct factory *f = com_object_new(&factory_class);

    if (!f)
        return E_OUTOFMEMORY;
    f->config = *config;
    *ret_factory = &f->face;
    return S_OK;
}

HRESULT provider_class_object(IClassFactory *factory, REFCLSID clsid, REFIID iid, void **ret_object)
{
    if (!ret_object)
        return E_INVALIDARG;
    *ret_object = NULL;
    if (!factory || !clsid || !guid_equal(com_guid(clsid), com_guid(&provider_clsid)))
        return CLASS_E_CLASSNOTAVAILABLE;
    return IClassFactory_QueryInterface(factory, iid, ret_object);
}
