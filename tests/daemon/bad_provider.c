/* SPDX-License-Identifier: MIT */
/* A provider that nobody wants: crashes in its constructor (BAD 1), in OnLoad (2), or hangs there (3), or
 * ends the process (4). */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INITGUID
#include <vds/vds.h>
#include <vds/vdshwprv.h>

static void misbehave(int how)
{
    if (how == 1 || how == 2) {
        signal(SIGSEGV, SIG_DFL); /* a sanitizer would make an exit status of it */
        raise(SIGSEGV);
    }
    while (how == 3)
        pause();
    exit(7);
}

__attribute__((constructor)) static void begin(void)
{
    if (BAD == 1)
        misbehave(1);
}

static IVdsProviderPrivate provider;

static HRESULT query(IVdsProviderPrivate *This, REFIID riid, void **ppv)
{
    (void)This, (void)riid;
    *ppv = &provider; /* nobody gets as far as to call it */
    return S_OK;
}

static ULONG count(IVdsProviderPrivate *This)
{
    (void)This;
    return 1;
}

static HRESULT on_load(IVdsProviderPrivate *This, LPWSTR machine, IUnknown *callback)
{
    (void)This, (void)machine, (void)callback;
    misbehave(BAD);
    return E_FAIL;
}

static const IVdsProviderPrivateVtbl provider_vtbl = { query, count, count, NULL, on_load, NULL };
static IVdsProviderPrivate provider = { &provider_vtbl };

static HRESULT factory_query(IClassFactory *This, REFIID riid, void **ppv)
{
    (void)riid;
    *ppv = This;
    return S_OK;
}

static ULONG factory_count(IClassFactory *This)
{
    (void)This;
    return 1;
}

static HRESULT factory_create(IClassFactory *This, IUnknown *outer, REFIID riid, void **ppv)
{
    (void)This, (void)outer;
    return query(&provider, riid, ppv);
}

static const IClassFactoryVtbl factory_vtbl = { factory_query, factory_count, factory_count, factory_create,
                                                NULL };
static IClassFactory factory = { &factory_vtbl };

VDS_API HRESULT DllGetClassObject(REFCLSID rclsid, REFIID riid, LPVOID *ppv)
{
    (void)rclsid;
    return factory_query(&factory, riid, ppv);
}
