/* SPDX-License-Identifier: MIT */
/* A provider in a shared object, as the service loads it: all it exports is DllGetClassObject(). */
#include "fake_provider.h"
#include "module.h"

VDS_API HRESULT DllGetClassObject(REFCLSID clsid, REFIID iid, void **ret_object);

HRESULT DllGetClassObject(REFCLSID clsid, REFIID iid, void **ret_object)
{
    static const CLSID mine = MODULE_CLSID;
    struct fake_provider *p;
    IClassFactory *factory;
    HRESULT hr = E_OUTOFMEMORY;

    *ret_object = NULL;
    if (memcmp(clsid, &mine, sizeof mine) != 0)
        return CLASS_E_CLASSNOTAVAILABLE;
    p = fake_provider_new(VDS_PT_HARDWARE);
    factory = p ? fake_factory_new(p) : NULL;
    if (factory) {
        hr = IClassFactory_QueryInterface(factory, iid, ret_object);
        IClassFactory_Release(factory);
    }
    if (p)
        com_object_unref(&p->obj);
    return hr;
}
