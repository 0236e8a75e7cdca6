/* SPDX-License-Identifier: MIT */
/* A client and a sink as people write them for Windows. Not run: it has to compile, as C and as C++, with nothing but the folder
 * include/vds/compat and -fshort-wchar added (test_headers.py), and with MinGW against its own <windows.h>. */
#include <initguid.h>
#include <windows.h>
#include <objbase.h>
#ifdef _WIN32
#include <vds/vds.h> /* MinGW has a vds.h without interfaces, and no vdserr.h */
#else
#include <vds.h>
#include <vdserr.h>
#endif
#include <stdio.h>

#ifdef __cplusplus
#define CALL(p, method, ...) (p)->method(__VA_ARGS__)
#define CALL0(p, method) (p)->method()
#define REF(guid) guid
#else
#define CALL(p, method, ...) (p)->lpVtbl->method((p), __VA_ARGS__)
#define CALL0(p, method) (p)->lpVtbl->method(p)
#define REF(guid) &guid
#endif
#define SafeRelease(p)             \
    {                              \
        if (NULL != p) {           \
            CALL0(p, Release);     \
            p = NULL;              \
        }                          \
    }

static HRESULT ShowPortals(IVdsSubSystemIscsi *pIscsi)
{
    IEnumVdsObject *pEnum = NULL;
    IUnknown *pUnknown = NULL;
    ULONG ulFetched = 0;
    HRESULT hr = CALL(pIscsi, QueryPortals, &pEnum);

    while (SUCCEEDED(hr) && S_OK == CALL(pEnum, Next, 1, &pUnknown, &ulFetched)) {
        IVdsIscsiPortal *pPortal = NULL;
        VDS_ISCSI_PORTAL_PROP prop;
        WCHAR wszId[64];

        hr = CALL(pUnknown, QueryInterface, REF(IID_IVdsIscsiPortal), (void **)&pPortal);
        ZeroMemory(&prop, sizeof(prop));
        if (SUCCEEDED(hr))
            hr = CALL(pPortal, GetProperties, &prop);
        if (SUCCEEDED(hr) && prop.address.type == VDS_IPT_IPV4 && StringFromGUID2(REF(prop.id), wszId, 64))
            printf("portal port %u, %d units, %s\n", (unsigned)prop.address.ulPort, lstrlenW(wszId),
                   prop.status == VDS_IPS_ONLINE ? "online" : "not online");
        SafeRelease(pPortal);
        SafeRelease(pUnknown);
    }
    SafeRelease(pEnum);
    return hr;
}

static HRESULT AddGroup(IVdsIscsiTarget *pTarget, VDS_OBJECT_ID portalId)
{
    IVdsAsync *pAsync = NULL;
    IVdsIscsiPortalGroup *pGroup = NULL;
    VDS_ASYNC_OUTPUT out;
    HRESULT hrAsync = E_FAIL;
    HRESULT hr = CALL(pTarget, CreatePortalGroup, &pAsync);

    ZeroMemory(&out, sizeof(out));
    if (SUCCEEDED(hr))
        hr = CALL(pAsync, Wait, &hrAsync, &out);
    SafeRelease(pAsync);
    if (FAILED(hr) || FAILED(hrAsync) || out.type != VDS_ASYNCOUT_CREATEPORTALGROUP)
        return FAILED(hr) ? hr : hrAsync;
    hr = CALL(out.cpg.pPortalGroupUnk, QueryInterface, REF(IID_IVdsIscsiPortalGroup), (void **)&pGroup);
    SafeRelease(out.cpg.pPortalGroupUnk);
    if (SUCCEEDED(hr))
        hr = CALL(pGroup, AddPortal, portalId, &pAsync);
    while (SUCCEEDED(hr)) {
        ULONG ulPercent = 0;

        hr = CALL(pAsync, QueryStatus, &hrAsync, &ulPercent);
        if (hrAsync != VDS_E_OPERATION_PENDING)
            break;
        Sleep(100);
    }
    SafeRelease(pAsync);
    SafeRelease(pGroup);
    return hr;
}

int __cdecl main(void)
{
    IVdsServiceLoader *pLoader = NULL;
    IVdsService *pService = NULL;
    IVdsSubSystemIscsi *pIscsi = NULL;
    IVdsIscsiTarget *pTarget = NULL;
    IUnknown *pUnknown = NULL;
    LPCWSTR pwszName = L"array";
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);

    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL);
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(REF(CLSID_VdsLoader), NULL, CLSCTX_LOCAL_SERVER, REF(IID_IVdsServiceLoader), (void **)&pLoader);
    if (SUCCEEDED(hr))
        hr = CALL(pLoader, LoadService, NULL, &pService);
    SafeRelease(pLoader);
    if (SUCCEEDED(hr))
        hr = CALL0(pService, WaitForServiceReady);
    if (SUCCEEDED(hr))
        hr = CALL(pService, GetObject, GUID_NULL, VDS_OT_SUB_SYSTEM, &pUnknown);
    if (SUCCEEDED(hr))
        hr = CALL(pUnknown, QueryInterface, REF(IID_IVdsSubSystemIscsi), (void **)&pIscsi);
    if (SUCCEEDED(hr))
        hr = ShowPortals(pIscsi);
    if (SUCCEEDED(hr))
        hr = CALL(pUnknown, QueryInterface, REF(IID_IVdsIscsiTarget), (void **)&pTarget);
    if (SUCCEEDED(hr))
        hr = AddGroup(pTarget, GUID_NULL);
    printf("0x%08x %d\n", (unsigned)hr, lstrlenW(pwszName));
    SafeRelease(pTarget);
    SafeRelease(pIscsi);
    SafeRelease(pUnknown);
    SafeRelease(pService);
    CoUninitialize();
    return SUCCEEDED(hr) ? 0 : 1;
}
