// SPDX-License-Identifier: MIT
// A client as newer programs for Windows are written: smart pointers, std::wstring, wide streams, QueryInterface() by type, GetObjectW. It
// makes a target, finds it again by its id and deletes it. Compiled as it is, for Linux and for Windows (test_windows_examples.py), and run
// from the installed headers (tests/daemon/test_examples.py).
#define INITGUID
#include <windows.h>
#include <atlbase.h>
#include <vds.h>
#include <algorithm>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#define CHECK(call) do { HRESULT checked = (call); if (FAILED(checked)) throw Failed{checked, L"" #call}; } while (0)

struct Failed {
    HRESULT hr;
    const wchar_t *what;
};

static std::vector<CComPtr<IUnknown>> EnumerateVdsObjects(IEnumVdsObject *pEnumeration)
{
    std::vector<CComPtr<IUnknown>> objectList;
    while (true) {
        CComPtr<IUnknown> pUnknown;
        ULONG ulFetched = 0;
        CHECK(pEnumeration->Next(1, &pUnknown, &ulFetched));
        if (ulFetched == 0)
            break;
        objectList.push_back(pUnknown);
    }
    return objectList;
}

static CComPtr<IVdsService> LoadService()
{
    CComPtr<IVdsServiceLoader> pLoader;
    CHECK(CoCreateInstance(CLSID_VdsLoader, NULL, CLSCTX_LOCAL_SERVER, IID_PPV_ARGS(&pLoader)));
    CComPtr<IVdsService> pService;
    CHECK(pLoader->LoadService(NULL, &pService));
    CHECK(pService->WaitForServiceReady());
    return pService;
}

static CComPtr<IVdsSubSystemIscsi> FindArray(IVdsService *pService)
{
    CComPtr<IEnumVdsObject> pEnumProvider;
    CHECK(pService->QueryProviders(VDS_QUERY_HARDWARE_PROVIDERS, &pEnumProvider));
    for (auto &provider : EnumerateVdsObjects(pEnumProvider)) {
        CComQIPtr<IVdsHwProvider> pHwProvider = provider;
        CComQIPtr<IVdsLun> pNone = provider;
        if (!pHwProvider || pNone)
            continue;
        CComPtr<IEnumVdsObject> pEnumSubSystem;
        CHECK(pHwProvider->QuerySubSystems(&pEnumSubSystem));
        for (auto &subSystem : EnumerateVdsObjects(pEnumSubSystem)) {
            CComQIPtr<IVdsSubSystemIscsi, &IID_IVdsSubSystemIscsi> pIscsi(subSystem);
            if (pIscsi && pIscsi.IsEqualObject(subSystem))
                return pIscsi;
        }
    }
    throw Failed{HRESULT_FROM_WIN32(ERROR_NOT_FOUND), L"no iSCSI array"};
}

static VDS_ASYNC_OUTPUT WaitFor(CComPtr<IVdsAsync> pAsync)
{
    VDS_ASYNC_OUTPUT output = {};
    HRESULT hrResult = E_FAIL;
    CHECK(pAsync->Wait(&hrResult, &output));
    CHECK(hrResult);
    return output;
}

static std::wstring Upper(std::wstring s)
{
    std::transform(s.begin(), s.end(), s.begin(), [](wchar_t c) { return c >= L'a' && c <= L'z' ? static_cast<wchar_t>(c - L'a' + L'A') : c; });
    return s;
}

static void Run(std::wstring name)
{
    CComPtr<IVdsService> pService = LoadService();
    CComPtr<IVdsSubSystemIscsi> pArray = FindArray(pService);
    CComPtr<IVdsAsync> pAsync;
    CHECK(pArray->CreateTarget(NULL, &name[0], &pAsync));
    VDS_ASYNC_OUTPUT output = WaitFor(pAsync);
    CComPtr<IUnknown> pMade;
    pMade.Attach(output.ct.pTargetUnk);

    CComPtr<IVdsIscsiTarget> pTarget;
    CHECK(pMade.p->QueryInterface(&pTarget));
    VDS_ISCSI_TARGET_PROP prop = {};
    CHECK(pTarget->GetProperties(&prop));
    std::wcout << L"target " << prop.pwszFriendlyName << L' ' << std::wstring(prop.pwszIscsiName).substr(0, 4) << std::endl;
    std::wstring shout = Upper(name) + L"!";
    shout.append(3, L'?').insert(0, L"> ");
    std::wstringstream line;
    line << shout << L" has " << shout.size() << L" units, 0x" << std::hex << std::setw(4) << std::setfill(L'0') << static_cast<unsigned>(shout[2]);
    std::wcout << line.str() << L"\n";
    std::wprintf(L"%s %s %d\n", std::to_wstring(42).c_str(), shout.substr(shout.find(L'!')).c_str(), name < shout);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIscsiName);

    CComPtr<IUnknown> pFound;
    CHECK(pService->GetObjectW(prop.id, VDS_OT_TARGET, &pFound));
    CComQIPtr<IVdsIscsiTarget> pAgain = pFound;
    std::wcout << (pAgain && pAgain.IsEqualObject(pFound) ? L"found" : L"another") << std::endl;
    pAsync.Release();
    CHECK(pTarget->Delete(&pAsync));
    WaitFor(pAsync);
    std::wcout << (pService->GetObjectW(prop.id, VDS_OT_TARGET, &CComPtr<IUnknown>()) == VDS_E_OBJECT_NOT_FOUND ? L"gone" : L"there") << std::endl;
}

int wmain(int argc, const wchar_t *argv[])
{
    if (argc != 2) {
        std::wcerr << L"usage: " << argv[0] << L" NAME\n";
        return ERROR_INVALID_PARAMETER;
    }
    HRESULT hr = CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    if (FAILED(hr) && hr != RPC_E_CHANGED_MODE)
        return hr;
    try {
        Run(argv[1]);
    } catch (const Failed &failed) {
        hr = failed.hr;
        std::fwprintf(stderr, L"%s: 0x%08X\n", failed.what, static_cast<unsigned>(failed.hr));
    }
    CoUninitialize();
    return FAILED(hr) ? 1 : ERROR_SUCCESS;
}
