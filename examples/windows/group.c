/* SPDX-License-Identifier: MIT */
/* A portal group's life, as a program for Windows drives it: CreateTarget, CreatePortalGroup, AddPortal, a look at the wait, RemovePortal,
 * and everything deleted again. The same source compiles there (MinGW: -lole32 -luuid) and here:
 * cc group.c $(pkg-config --cflags --libs vds-compat). */
#define COBJMACROS
#include <initguid.h>
#include <windows.h>

#include <stdio.h>
#include <vds.h>

#define SafeRelease(p)                         \
    do {                                       \
        if (p)                                 \
            IUnknown_Release((IUnknown *)(p)); \
        (p) = NULL;                            \
    } while (0)

/* The first member of the enumeration as interface riid. */
static HRESULT First(IEnumVdsObject *pEnum, REFIID riid, void **ppv)
{
    IUnknown *pUnknown = NULL;
    ULONG ulFetched = 0;
    HRESULT hr = IEnumVdsObject_Next(pEnum, 1, &pUnknown, &ulFetched);

    if (hr == S_OK)
        hr = IUnknown_QueryInterface(pUnknown, riid, ppv);
    else if (hr == S_FALSE)
        hr = E_FAIL; /* there is none */
    SafeRelease(pUnknown);
    IEnumVdsObject_Release(pEnum);
    return hr;
}

/* Waits for the operation and lets go of it; *ppMade is what it made, when it makes something. */
static HRESULT Finish(HRESULT hr, IVdsAsync *pAsync, LPCWSTR pwszWhat, IUnknown **ppMade)
{
    VDS_ASYNC_OUTPUT output;
    HRESULT hrOperation = E_FAIL;

    ZeroMemory(&output, sizeof(output));
    if (SUCCEEDED(hr)) {
        hr = IVdsAsync_Wait(pAsync, &hrOperation, &output);
        IVdsAsync_Release(pAsync);
    }
    if (SUCCEEDED(hr))
        hr = hrOperation;
    if (SUCCEEDED(hr) && ppMade)
        *ppMade = output.type == VDS_ASYNCOUT_CREATETARGET ? output.ct.pTargetUnk : output.cpg.pPortalGroupUnk;
    wprintf(L"%-18s 0x%08lX\n", pwszWhat, (ULONG)hr);
    return hr;
}

static HRESULT FindSubSystem(IVdsService *pService, IVdsSubSystemIscsi **ppIscsi)
{
    IEnumVdsObject *pEnum = NULL;
    IVdsHwProvider *pProvider = NULL;
    HRESULT hr = IVdsService_QueryProviders(pService, VDS_QUERY_HARDWARE_PROVIDERS, &pEnum);

    if (SUCCEEDED(hr))
        hr = First(pEnum, &IID_IVdsHwProvider, (void **)&pProvider);
    if (SUCCEEDED(hr))
        hr = IVdsHwProvider_QuerySubSystems(pProvider, &pEnum);
    if (SUCCEEDED(hr))
        hr = First(pEnum, &IID_IVdsSubSystemIscsi, (void **)ppIscsi);
    SafeRelease(pProvider);
    return hr;
}

static HRESULT FindPortal(IVdsSubSystemIscsi *pIscsi, VDS_OBJECT_ID *pId)
{
    IEnumVdsObject *pEnum = NULL;
    IVdsIscsiPortal *pPortal = NULL;
    VDS_ISCSI_PORTAL_PROP prop;
    HRESULT hr = IVdsSubSystemIscsi_QueryPortals(pIscsi, &pEnum);

    if (SUCCEEDED(hr))
        hr = First(pEnum, &IID_IVdsIscsiPortal, (void **)&pPortal);
    if (SUCCEEDED(hr))
        hr = IVdsIscsiPortal_GetProperties(pPortal, &prop);
    if (SUCCEEDED(hr))
        *pId = prop.id;
    SafeRelease(pPortal);
    return hr;
}

/* AddPortal, then RemovePortal: each is true for initiators when its Wait comes back. */
static HRESULT UseGroup(IVdsIscsiPortalGroup *pGroup, VDS_OBJECT_ID portalId)
{
    IVdsAsync *pAsync = NULL;
    HRESULT hr = IVdsIscsiPortalGroup_AddPortal(pGroup, portalId, &pAsync);

    hr = Finish(hr, pAsync, L"AddPortal", NULL);
    if (SUCCEEDED(hr)) {
        hr = IVdsIscsiPortalGroup_RemovePortal(pGroup, portalId, &pAsync);
        hr = Finish(hr, pAsync, L"RemovePortal", NULL);
    }
    return hr;
}

static HRESULT UseTarget(IVdsIscsiTarget *pTarget, VDS_OBJECT_ID portalId)
{
    IVdsAsync *pAsync = NULL;
    IUnknown *pMade = NULL;
    IVdsIscsiPortalGroup *pGroup = NULL;
    HRESULT hr = IVdsIscsiTarget_CreatePortalGroup(pTarget, &pAsync);

    hr = Finish(hr, pAsync, L"CreatePortalGroup", &pMade);
    if (SUCCEEDED(hr))
        hr = IUnknown_QueryInterface(pMade, &IID_IVdsIscsiPortalGroup, (void **)&pGroup);
    SafeRelease(pMade);
    if (SUCCEEDED(hr))
        hr = UseGroup(pGroup, portalId);
    SafeRelease(pGroup);
    return hr;
}

static HRESULT UseSubSystem(IVdsSubSystemIscsi *pIscsi)
{
    static WCHAR wszName[] = L"f\u00FCr Windows"; /* beyond ASCII, to the other side and back */
    IVdsAsync *pAsync = NULL;
    IUnknown *pMade = NULL;
    IVdsIscsiTarget *pTarget = NULL;
    VDS_OBJECT_ID portalId;
    HRESULT hrDelete, hr = FindPortal(pIscsi, &portalId);

    if (SUCCEEDED(hr)) {
        hr = IVdsSubSystemIscsi_CreateTarget(pIscsi, NULL, wszName, &pAsync);
        hr = Finish(hr, pAsync, L"CreateTarget", &pMade);
    }
    if (SUCCEEDED(hr))
        hr = IUnknown_QueryInterface(pMade, &IID_IVdsIscsiTarget, (void **)&pTarget);
    SafeRelease(pMade);
    if (FAILED(hr))
        return hr;
    hr = UseTarget(pTarget, portalId);
    hrDelete = IVdsIscsiTarget_Delete(pTarget, &pAsync);
    hrDelete = Finish(hrDelete, pAsync, L"Delete", NULL);
    SafeRelease(pTarget);
    return FAILED(hr) ? hr : hrDelete;
}

int __cdecl main(void)
{
    IVdsServiceLoader *pLoader = NULL;
    IVdsService *pService = NULL;
    IVdsSubSystemIscsi *pIscsi = NULL;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);

    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_IMP_LEVEL_IMPERSONATE, NULL, 0, NULL);
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(&CLSID_VdsLoader, NULL, CLSCTX_LOCAL_SERVER, &IID_IVdsServiceLoader, (void **)&pLoader);
    if (SUCCEEDED(hr))
        hr = IVdsServiceLoader_LoadService(pLoader, NULL, &pService);
    SafeRelease(pLoader);
    if (SUCCEEDED(hr))
        hr = IVdsService_WaitForServiceReady(pService);
    if (SUCCEEDED(hr))
        hr = FindSubSystem(pService, &pIscsi);
    if (SUCCEEDED(hr))
        hr = UseSubSystem(pIscsi);
    SafeRelease(pIscsi);
    SafeRelease(pService);
    CoUninitialize();
    return SUCCEEDED(hr) ? 0 : 1;
}
