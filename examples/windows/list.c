/* SPDX-License-Identifier: MIT */
/* Lists the hardware providers, their subsystems, portals and targets with their portal groups, as a program for Windows does it. The same
 * source compiles there (MinGW: -lole32 -luuid) and here: cc list.c $(pkg-config --cflags --libs vds-compat). */
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

/* The next member of the enumeration as interface riid; S_FALSE at its end. */
static HRESULT NextObject(IEnumVdsObject *pEnum, REFIID riid, void **ppv)
{
    IUnknown *pUnknown = NULL;
    ULONG ulFetched = 0;
    HRESULT hr = IEnumVdsObject_Next(pEnum, 1, &pUnknown, &ulFetched);

    if (hr != S_OK)
        return hr;
    hr = IUnknown_QueryInterface(pUnknown, riid, ppv);
    SafeRelease(pUnknown);
    return hr;
}

static void PrintPortals(IVdsSubSystemIscsi *pIscsi)
{
    IEnumVdsObject *pEnum = NULL;
    IVdsIscsiPortal *pPortal = NULL;

    if (FAILED(IVdsSubSystemIscsi_QueryPortals(pIscsi, &pEnum)))
        return;
    while (NextObject(pEnum, &IID_IVdsIscsiPortal, (void **)&pPortal) == S_OK) {
        VDS_ISCSI_PORTAL_PROP prop;
        WCHAR wszId[64];

        ZeroMemory(&prop, sizeof(prop));
        if (SUCCEEDED(IVdsIscsiPortal_GetProperties(pPortal, &prop)) && prop.address.type == VDS_IPT_IPV4) {
            ULONG ip = prop.address.ipv4Address;

            StringFromGUID2(&prop.id, wszId, 64);
            wprintf(L"  portal %u.%u.%u.%u:%lu %s %s\n", (UINT)(ip >> 24), (UINT)(ip >> 16 & 255), (UINT)(ip >> 8 & 255),
                    (UINT)(ip & 255), prop.address.ulPort, wszId, prop.status == VDS_IPS_ONLINE ? L"online" : L"not online");
        }
        SafeRelease(pPortal);
    }
    SafeRelease(pEnum);
}

static void PrintGroups(IVdsIscsiTarget *pTarget)
{
    IEnumVdsObject *pEnum = NULL;
    IVdsIscsiPortalGroup *pGroup = NULL;

    if (FAILED(IVdsIscsiTarget_QueryPortalGroups(pTarget, &pEnum)))
        return;
    while (NextObject(pEnum, &IID_IVdsIscsiPortalGroup, (void **)&pGroup) == S_OK) {
        VDS_ISCSI_PORTALGROUP_PROP prop;

        if (SUCCEEDED(IVdsIscsiPortalGroup_GetProperties(pGroup, &prop)))
            wprintf(L"    group with tag %hu\n", prop.tag);
        SafeRelease(pGroup);
    }
    SafeRelease(pEnum);
}

static void PrintTargets(IVdsSubSystemIscsi *pIscsi)
{
    IEnumVdsObject *pEnum = NULL;
    IVdsIscsiTarget *pTarget = NULL;

    if (FAILED(IVdsSubSystemIscsi_QueryTargets(pIscsi, &pEnum)))
        return;
    while (NextObject(pEnum, &IID_IVdsIscsiTarget, (void **)&pTarget) == S_OK) {
        VDS_ISCSI_TARGET_PROP prop;

        ZeroMemory(&prop, sizeof(prop));
        if (SUCCEEDED(IVdsIscsiTarget_GetProperties(pTarget, &prop))) {
            BOOL ours = wcsncmp(prop.pwszIscsiName, L"iqn.", 4) == 0;

            wprintf(L"  target \"%s\" %-16.16s... %d characters%s\n", prop.pwszFriendlyName, prop.pwszIscsiName,
                    (int)wcslen(prop.pwszIscsiName), ours ? L"" : L", not an iqn");
        }
        CoTaskMemFree(prop.pwszIscsiName);
        CoTaskMemFree(prop.pwszFriendlyName);
        PrintGroups(pTarget);
        SafeRelease(pTarget);
    }
    SafeRelease(pEnum);
}

static HRESULT PrintSubSystems(IVdsHwProvider *pProvider)
{
    IEnumVdsObject *pEnum = NULL;
    IVdsSubSystem *pSubSystem = NULL;
    HRESULT hr = IVdsHwProvider_QuerySubSystems(pProvider, &pEnum);

    while (SUCCEEDED(hr) && NextObject(pEnum, &IID_IVdsSubSystem, (void **)&pSubSystem) == S_OK) {
        IVdsSubSystemIscsi *pIscsi = NULL;
        VDS_SUB_SYSTEM_PROP prop;

        ZeroMemory(&prop, sizeof(prop));
        hr = IVdsSubSystem_GetProperties(pSubSystem, &prop);
        if (SUCCEEDED(hr))
            wprintf(L"subsystem %ls: %ls\n", prop.pwszFriendlyName, prop.pwszIdentification);
        CoTaskMemFree(prop.pwszFriendlyName);
        CoTaskMemFree(prop.pwszIdentification);
        if (SUCCEEDED(IVdsSubSystem_QueryInterface(pSubSystem, &IID_IVdsSubSystemIscsi, (void **)&pIscsi))) {
            PrintPortals(pIscsi);
            PrintTargets(pIscsi);
        }
        SafeRelease(pIscsi);
        SafeRelease(pSubSystem);
    }
    SafeRelease(pEnum);
    return hr;
}

static HRESULT PrintProviders(IVdsService *pService)
{
    IEnumVdsObject *pEnum = NULL;
    IVdsProvider *pProvider = NULL;
    HRESULT hr = IVdsService_QueryProviders(pService, VDS_QUERY_HARDWARE_PROVIDERS, &pEnum);

    while (SUCCEEDED(hr) && NextObject(pEnum, &IID_IVdsProvider, (void **)&pProvider) == S_OK) {
        IVdsHwProvider *pHwProvider = NULL;
        VDS_PROVIDER_PROP prop;

        ZeroMemory(&prop, sizeof(prop));
        hr = IVdsProvider_GetProperties(pProvider, &prop);
        if (SUCCEEDED(hr))
            wprintf(L"provider %s %s\n", prop.pwszName, prop.pwszVersion);
        CoTaskMemFree(prop.pwszName);
        CoTaskMemFree(prop.pwszVersion);
        if (SUCCEEDED(IVdsProvider_QueryInterface(pProvider, &IID_IVdsHwProvider, (void **)&pHwProvider)))
            hr = PrintSubSystems(pHwProvider);
        SafeRelease(pHwProvider);
        SafeRelease(pProvider);
    }
    SafeRelease(pEnum);
    return hr;
}

int __cdecl main(void)
{
    IVdsServiceLoader *pLoader = NULL;
    IVdsService *pService = NULL;
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
        hr = PrintProviders(pService);
    if (FAILED(hr))
        fwprintf(stderr, L"list: 0x%08lx\n", (ULONG)hr);
    SafeRelease(pService);
    CoUninitialize();
    return SUCCEEDED(hr) ? 0 : 1;
}
