/* SPDX-License-Identifier: MIT */
/* A provider that nobody wants: crashes in its constructor (BAD 1), in OnLoad (2), or hangs there (3), or ends the process (4); crashes in
 * DllGetClassObject (5), hangs in its constructor (6), gives success without a class factory (7) or without a provider (8), is no
 * IVdsProvider (9), exports nothing (10). */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INITGUID
#include <vds/vds.h>
#include <vds/vdshwprv.h>

static void misbehave(int how)
{
    if (how == 1 || how == 2 || how == 5) {
        signal(SIGSEGV, SIG_DFL); /* a sanitizer would make an exit status of it */
        raise(SIGSEGV);
    }
    while (how == 3 || how == 6)
        pause();
    exit(7);
}

__attribute__((constructor)) static void begin(void)
{
    if (BAD == 1 || BAD == 6)
        misbehave(BAD);
}

static IVdsProviderPrivate provider;

static HRESULT query(IVdsProviderPrivate *This, REFIID riid, void **ppv)
{
    (void)This;
    *ppv = BAD == 8 || (BAD == 9 && IsEqualIID(riid, &IID_IVdsProvider))
               ? NULL
               : &provider; /* nobody gets as far as to call it */
    return *ppv || BAD == 8 ? S_OK : E_NOINTERFACE;
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

#if BAD == 10
#define DllGetClassObject SomethingElse
VDS_API HRESULT SomethingElse(REFCLSID rclsid, REFIID riid, LPVOID *ppv);
#endif
VDS_API HRESULT DllGetClassObject(REFCLSID rclsid, REFIID riid, LPVOID *ppv)
{
    (void)rclsid;
    if (BAD == 5)
        misbehave(5);
    *ppv = NULL;
    return BAD == 7 ? S_OK : factory_query(&factory, riid, ppv);
}
