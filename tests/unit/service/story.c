/* SPDX-License-Identifier: MIT */
/* A VDS client in the plain style of one: nothing but the public headers, every result looked at, every
 * pointer released by hand. It does not know whether the service is in its process or in another. */
#define COBJMACROS
#include "story.h"

#include <stddef.h>
#include <string.h>

#define REQUIRE(condition) \
    do { \
        if (!(condition)) \
            return __LINE__; \
    } while (0)

/* The first object of an enumeration, as the interface wanted. */
static HRESULT first_of(IEnumVdsObject *pEnum, REFIID riid, void **ppv)
{
    IUnknown *pUnk = NULL;
    ULONG ulFetched = 0;
    HRESULT hr = IEnumVdsObject_Next(pEnum, 1, &pUnk, &ulFetched);

    *ppv = NULL;
    if (hr != S_OK)
        return hr == S_FALSE ? VDS_E_OBJECT_NOT_FOUND : hr;
    hr = IUnknown_QueryInterface(pUnk, riid, ppv);
    IUnknown_Release(pUnk);
    return hr;
}

static ULONG count_of(IEnumVdsObject *pEnum)
{
    IUnknown *pUnk = NULL;
    ULONG ulFetched = 0, ulCount = 0;

    while (IEnumVdsObject_Next(pEnum, 1, &pUnk, &ulFetched) == S_OK) {
        IUnknown_Release(pUnk);
        ulCount++;
    }
    return ulCount;
}

/* Both codes of Wait must be successes. */
static HRESULT wait_for(IVdsAsync *pAsync, VDS_ASYNC_OUTPUT *pOut)
{
    HRESULT hrResult = E_FAIL, hr;

    memset(pOut, 0, sizeof *pOut);
    hr = IVdsAsync_Wait(pAsync, &hrResult, pOut);
    IVdsAsync_Release(pAsync);
    return FAILED(hr) ? hr : hrResult;
}

static HRESULT find_subsystem(IVdsService *pService, IVdsSubSystem **ppSubSystem)
{
    IEnumVdsObject *pEnum = NULL;
    IVdsHwProvider *pProvider = NULL;
    HRESULT hr = IVdsService_QueryProviders(pService, VDS_QUERY_HARDWARE_PROVIDERS, &pEnum);

    if (SUCCEEDED(hr)) {
        hr = first_of(pEnum, &IID_IVdsHwProvider, (void **)&pProvider);
        IEnumVdsObject_Release(pEnum);
    }
    if (FAILED(hr))
        return hr;
    hr = IVdsHwProvider_QuerySubSystems(pProvider, &pEnum);
    if (SUCCEEDED(hr)) {
        hr = first_of(pEnum, &IID_IVdsSubSystem, (void **)ppSubSystem);
        IEnumVdsObject_Release(pEnum);
    }
    IVdsHwProvider_Release(pProvider);
    return hr;
}

static HRESULT create_target(IVdsSubSystemIscsi *pIscsi, IVdsIscsiTarget **ppTarget)
{
    WCHAR wszIscsiName[] = u"iqn.2026-01.example:story", wszFriendlyName[] = u"story";
    VDS_ASYNC_OUTPUT out;
    IVdsAsync *pAsync = NULL;
    HRESULT hr = IVdsSubSystemIscsi_CreateTarget(pIscsi, wszIscsiName, wszFriendlyName, &pAsync);

    if (SUCCEEDED(hr))
        hr = wait_for(pAsync, &out);
    if (FAILED(hr))
        return hr;
    hr = IUnknown_QueryInterface(out.ct.pTargetUnk, &IID_IVdsIscsiTarget, (void **)ppTarget);
    IUnknown_Release(out.ct.pTargetUnk);
    return hr;
}

static HRESULT create_group(IVdsIscsiTarget *pTarget, IVdsIscsiPortalGroup **ppGroup)
{
    VDS_ASYNC_OUTPUT out;
    IVdsAsync *pAsync = NULL;
    HRESULT hr = IVdsIscsiTarget_CreatePortalGroup(pTarget, &pAsync);

    if (SUCCEEDED(hr))
        hr = wait_for(pAsync, &out);
    if (FAILED(hr))
        return hr;
    hr = IUnknown_QueryInterface(out.cpg.pPortalGroupUnk, &IID_IVdsIscsiPortalGroup, (void **)ppGroup);
    IUnknown_Release(out.cpg.pPortalGroupUnk);
    return hr;
}

static HRESULT first_portal(IVdsSubSystemIscsi *pIscsi, VDS_ISCSI_PORTAL_PROP *pProp)
{
    IEnumVdsObject *pEnum = NULL;
    IVdsIscsiPortal *pPortal = NULL;
    HRESULT hr = IVdsSubSystemIscsi_QueryPortals(pIscsi, &pEnum);

    if (FAILED(hr))
        return hr;
    hr = first_of(pEnum, &IID_IVdsIscsiPortal, (void **)&pPortal);
    IEnumVdsObject_Release(pEnum);
    if (FAILED(hr))
        return hr;
    hr = IVdsIscsiPortal_GetProperties(pPortal, pProp);
    IVdsIscsiPortal_Release(pPortal);
    return hr;
}

static int add_and_remove(IVdsIscsiPortalGroup *pGroup, const VDS_ISCSI_PORTAL_PROP *pPortal,
                          int (*serves)(void *arg, const VDS_IPADDRESS *address, unsigned tag), void *arg)
{
    VDS_ISCSI_PORTALGROUP_PROP prop;
    VDS_ASYNC_OUTPUT out;
    IEnumVdsObject *pEnum = NULL;
    IVdsAsync *pAsync = NULL;

    REQUIRE(IVdsIscsiPortalGroup_GetProperties(pGroup, &prop) == S_OK);
    REQUIRE(serves(arg, &pPortal->address, 0));
    REQUIRE(SUCCEEDED(IVdsIscsiPortalGroup_AddPortal(pGroup, pPortal->id, &pAsync)));
    REQUIRE(wait_for(pAsync, &out) == S_OK && out.type == VDS_ASYNCOUT_ADDPORTAL);
    REQUIRE(serves(arg, &pPortal->address, prop.tag));

    REQUIRE(IVdsIscsiPortalGroup_QueryAssociatedPortals(pGroup, &pEnum) == S_OK);
    REQUIRE(count_of(pEnum) == 1);
    IEnumVdsObject_Release(pEnum);

    REQUIRE(SUCCEEDED(IVdsIscsiPortalGroup_RemovePortal(pGroup, pPortal->id, &pAsync)));
    REQUIRE(wait_for(pAsync, &out) == S_OK && out.type == VDS_ASYNCOUT_REMOVEPORTAL);
    REQUIRE(serves(arg, &pPortal->address, 0));

    REQUIRE(SUCCEEDED(IVdsIscsiPortalGroup_Delete(pGroup, &pAsync)));
    REQUIRE(wait_for(pAsync, &out) == S_OK && out.type == VDS_ASYNCOUT_DELETEPORTALGROUP);
    return 0;
}

int story(IVdsService *pService, int (*serves)(void *arg, const VDS_IPADDRESS *address, unsigned tag),
          void *arg)
{
    VDS_ISCSI_PORTAL_PROP portal;
    VDS_ASYNC_OUTPUT out;
    IVdsSubSystem *pSubSystem = NULL;
    IVdsSubSystemIscsi *pIscsi = NULL;
    IVdsIscsiTarget *pTarget = NULL;
    IVdsIscsiPortalGroup *pGroup = NULL;
    IEnumVdsObject *pEnum = NULL;
    IVdsAsync *pAsync = NULL;
    int line;

    REQUIRE(IVdsService_WaitForServiceReady(pService) == S_OK);
    REQUIRE(find_subsystem(pService, &pSubSystem) == S_OK);
    REQUIRE(IVdsSubSystem_QueryInterface(pSubSystem, &IID_IVdsSubSystemIscsi, (void **)&pIscsi) == S_OK);
    REQUIRE(first_portal(pIscsi, &portal) == S_OK);
    REQUIRE(create_target(pIscsi, &pTarget) == S_OK);
    REQUIRE(create_group(pTarget, &pGroup) == S_OK);

    line = add_and_remove(pGroup, &portal, serves, arg);
    if (line)
        return line;

    REQUIRE(SUCCEEDED(IVdsIscsiTarget_Delete(pTarget, &pAsync)));
    REQUIRE(wait_for(pAsync, &out) == S_OK && out.type == VDS_ASYNCOUT_DELETETARGET);
    REQUIRE(IVdsSubSystemIscsi_QueryTargets(pIscsi, &pEnum) == S_OK);
    REQUIRE(count_of(pEnum) == 0);

    IEnumVdsObject_Release(pEnum);
    IVdsIscsiPortalGroup_Release(pGroup);
    IVdsIscsiTarget_Release(pTarget);
    IVdsSubSystemIscsi_Release(pIscsi);
    IVdsSubSystem_Release(pSubSystem);
    return 0;
}
