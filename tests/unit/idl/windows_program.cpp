// SPDX-License-Identifier: MIT
// A client as the SDK's samples are written: wmain, TCHAR, __uuidof, a sink that signals an event, strsafe. It makes a LUN with hints, waits,
// shows what it is and deletes it. Compiled as it is, with and without UNICODE, for Linux and for Windows (test_windows_examples.py), and run
// from the installed headers (tests/daemon/test_examples.py).
#define _WIN32_DCOM
#define WIN32_LEAN_AND_MEAN
#include <initguid.h>
#include <windows.h>
#include <tchar.h>
#include <stdio.h>
#include <stdlib.h>
#include <assert.h>
#include <strsafe.h>
#include <vds.h>
#include <vdserr.h>

#define SAFE_RELEASE(x) if (NULL != x) { x->Release(); x = NULL; }
#define SAFE_COFREE(x)  if (NULL != x) { CoTaskMemFree(x); x = NULL; }

static void PrintError(LPCWSTR what, HRESULT hr)
{
    LPWSTR msg = NULL;
    FormatMessageW(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, (DWORD)hr,
                   MAKELANGID(LANG_NEUTRAL, SUBLANG_DEFAULT), (LPWSTR)&msg, 0, NULL);
    fwprintf(stderr, L"%s failed: 0x%08lx %s\n", what, hr, msg ? msg : L"");
    LocalFree(msg);
}

class CSink : public IVdsAdviseSink
{
    LONG m_cRef;
    HANDLE m_hEvent;
public:
    CSink() : m_cRef(1) { m_hEvent = CreateEvent(NULL, FALSE, FALSE, NULL); }
    virtual ~CSink() { CloseHandle(m_hEvent); }
    HANDLE Event() const { return m_hEvent; }
    STDMETHODIMP QueryInterface(REFIID riid, void **ppv)
    {
        if (ppv == NULL) return E_POINTER;
        if (IsEqualIID(riid, IID_IUnknown) || riid == __uuidof(IVdsAdviseSink)) {
            *ppv = static_cast<IVdsAdviseSink *>(this);
            AddRef();
            return S_OK;
        }
        *ppv = NULL;
        return E_NOINTERFACE;
    }
    STDMETHODIMP_(ULONG) AddRef() { return InterlockedIncrement(&m_cRef); }
    STDMETHODIMP_(ULONG) Release() { LONG c = InterlockedDecrement(&m_cRef); if (c == 0) delete this; return c; }
    STDMETHODIMP OnNotify(LONG n, VDS_NOTIFICATION *p)
    {
        for (LONG i = 0; i < n; i++) {
            WCHAR g[64] = {0};
            switch (p[i].objectType) {
            case VDS_NTT_LUN: StringFromGUID2(p[i].Lun.LunId, g, ARRAYSIZE(g)); _tprintf(_T("lun event %lu %s\n"), p[i].Lun.ulEvent, g); break;
            case VDS_NTT_TARGET: break;
            default: break;
            }
        }
        CoTaskMemFree(p);
        SetEvent(m_hEvent);
        return S_OK;
    }
};

template <class T> HRESULT NextOf(IEnumVdsObject *pEnum, T **pp)
{
    IUnknown *pUnk = NULL; ULONG n = 0; *pp = NULL;
    HRESULT hr = pEnum->Next(1, &pUnk, &n);
    if (hr != S_OK || n == 0) return S_FALSE;
    hr = pUnk->QueryInterface(__uuidof(T), reinterpret_cast<void **>(pp));
    SAFE_RELEASE(pUnk);
    return hr;
}

HRESULT DumpSubsystem(IVdsSubSystem *pSub)
{
    HRESULT hr; VDS_SUB_SYSTEM_PROP prop; IEnumVdsObject *pEnum = NULL;
    ZeroMemory(&prop, sizeof(prop));
    hr = pSub->GetProperties(&prop);
    if (FAILED(hr)) { PrintError(L"GetProperties", hr); return hr; }
    wprintf(L"subsystem %ls %ls flags 0x%x\n", prop.pwszFriendlyName, prop.pwszIdentification, prop.ulFlags);
    SAFE_COFREE(prop.pwszFriendlyName); SAFE_COFREE(prop.pwszIdentification);
    hr = pSub->QueryDrives(&pEnum);
    IVdsDrive *d;
    VDS_OBJECT_ID drives[32]; LONG nd = 0;
    while (NextOf(pEnum, &d) == S_OK) {
        VDS_DRIVE_PROP dp; ::memset(&dp, 0, sizeof dp);
        if (SUCCEEDED(d->GetProperties(&dp))) { wprintf(L"  drive %s %I64u\n", dp.pwszFriendlyName, dp.ullSize); drives[nd++] = dp.id; }
        CoTaskMemFree(dp.pwszFriendlyName); CoTaskMemFree(dp.pwszIdentification);
        d->Release();
    }
    pEnum->Release();
    VDS_HINTS hints;
    ZeroMemory(&hints, sizeof(hints));
    hints.ullHintMask = VDS_HINT_MOSTLYREADS;
    hints.bMostlyReads = TRUE;
    IVdsAsync *pAsync = NULL;
    hr = pSub->CreateLun(VDS_LT_DEFAULT, 32ull * 1024 * 1024, NULL, 0, const_cast<LPWSTR>(L""), &hints, &pAsync);
    if (FAILED(hr)) { PrintError(L"CreateLun", hr); return hr; }
    HRESULT hrOp = E_FAIL; VDS_ASYNC_OUTPUT out; ZeroMemory(&out, sizeof(out));
    ULONG pct = 0;
    while (SUCCEEDED(hr = pAsync->QueryStatus(&hrOp, &pct)) && hrOp == VDS_E_OPERATION_PENDING) Sleep(10);
    hr = pAsync->Wait(&hrOp, &out);
    if (FAILED(hr) || FAILED(hrOp) || out.type != VDS_ASYNCOUT_CREATELUN) { PrintError(L"Wait", hrOp); return hrOp; }
    IVdsLun *lun = NULL;
    hr = out.cl.pLunUnk->QueryInterface(IID_IVdsLun, (LPVOID *)&lun);
    VDS_LUN_PROP lp;
    hr = lun->GetProperties(&lp);
    wprintf(L"lun %s size %llu mask \"%s\"\n", lp.pwszFriendlyName, lp.ullSize, lp.pwszUnmaskingList);
    VDS_LUN_INFORMATION li;
    hr = lun->GetIdentificationData(&li);
    WCHAR vendor[32];
    if (MultiByteToWideChar(CP_ACP, 0, (const char *)li.m_szVendorId, -1, vendor, ARRAYSIZE(vendor))) wprintf(L"made by %s\n", vendor);
    _putws(L"identified:");
    printf("vendor %s product %s serial %s bus %d ids %lu\n", (char*)li.m_szVendorId, (char*)li.m_szProductId, (char*)li.m_szSerialNumber, li.m_BusType, (unsigned long)li.m_deviceIdDescriptor.m_cIdentifiers);
    for (ULONG i = 0; i < li.m_deviceIdDescriptor.m_cIdentifiers; i++) CoTaskMemFree(li.m_deviceIdDescriptor.m_rgIdentifiers[i].m_rgbIdentifier);
    CoTaskMemFree(li.m_deviceIdDescriptor.m_rgIdentifiers);
    for (ULONG i = 0; i < li.m_cInterconnects; i++) { CoTaskMemFree(li.m_rgInterconnects[i].m_pbPort); CoTaskMemFree(li.m_rgInterconnects[i].m_pbAddress); }
    CoTaskMemFree(li.m_rgInterconnects);
    CoTaskMemFree(li.m_szVendorId); CoTaskMemFree(li.m_szProductId); CoTaskMemFree(li.m_szProductRevision); CoTaskMemFree(li.m_szSerialNumber);
    CoTaskMemFree(lp.pwszFriendlyName); CoTaskMemFree(lp.pwszIdentification); CoTaskMemFree(lp.pwszUnmaskingList);
    lun->Delete(); lun->Release(); out.cl.pLunUnk->Release(); pAsync->Release();
    return S_OK;
}

// The object by its id, under the name that <windows.h> gives the method.
static HRESULT FindNothing(IVdsService *pService)
{
    IUnknown *pUnk = NULL;
    const GUID nothing = GUID_NULL;
#ifdef UNICODE
    HRESULT hr = pService->GetObjectW(nothing, VDS_OT_LUN, &pUnk);
#else
    HRESULT hr = pService->GetObject(nothing, VDS_OT_LUN, &pUnk);
#endif
    LARGE_INTEGER big; big.QuadPart = 0x100000000ll;
    if (hr == MAKE_HRESULT(SEVERITY_ERROR, FACILITY_ITF, 0x2405)) wprintf(L"nothing found, %I64d\n", big.QuadPart);
    return hr == HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED) ? hr : S_OK;
}

int __cdecl wmain(int argc, WCHAR *argv[])
{
    UNREFERENCED_PARAMETER(argc);
    WCHAR name[64]; wcscpy_s(name, L"program "); wcscat_s(name, _countof(name), argc > 1 ? argv[1] : L"without a name"); wprintf(L"%s\n", name);
    HRESULT hr; IVdsServiceLoader *pLoader = NULL; IVdsService *pService = NULL; IEnumVdsObject *pEnum = NULL;
    hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (FAILED(hr)) return 1;
    CRITICAL_SECTION cs; InitializeCriticalSection(&cs); EnterCriticalSection(&cs); LeaveCriticalSection(&cs); DeleteCriticalSection(&cs);
    hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL);
    if (FAILED(hr) && hr != RPC_E_TOO_LATE) return 1;
    hr = CoCreateInstance(CLSID_VdsLoader, NULL, CLSCTX_LOCAL_SERVER, __uuidof(IVdsServiceLoader), (void **)&pLoader);
    if (FAILED(hr)) { PrintError(L"CoCreateInstance", hr); goto cleanup; }
    hr = pLoader->LoadService(NULL, &pService);
    SAFE_RELEASE(pLoader);
    if (FAILED(hr)) goto cleanup;
    hr = pService->WaitForServiceReady();
    if (SUCCEEDED(hr)) hr = FindNothing(pService);
    {
        CSink *sink = new CSink(); DWORD cookie = 0;
        hr = pService->Advise(sink, &cookie);
        hr = pService->QueryProviders(VDS_QUERY_SOFTWARE_PROVIDERS | VDS_QUERY_HARDWARE_PROVIDERS, &pEnum);
        IVdsProvider *p = NULL;
        while (NextOf(pEnum, &p) == S_OK) {
            VDS_PROVIDER_PROP pp; hr = p->GetProperties(&pp);
            WCHAR sz[128]; StringCchPrintfW(sz, _countof(sz), L"%s v%s", pp.pwszName, pp.pwszVersion);
            wprintf(L"provider %s\n", sz);
            CoTaskMemFree(pp.pwszName); CoTaskMemFree(pp.pwszVersion);
            IVdsHwProvider *hw = NULL, *again = NULL;
            if (SUCCEEDED(p->QueryInterface(&again))) { _tprintf(_T("asked by its type\n")); again->Release(); }
            if (SUCCEEDED(p->QueryInterface(IID_PPV_ARGS(&hw)))) {
                IEnumVdsObject *es; IVdsSubSystem *s;
                hw->QuerySubSystems(&es);
                while (NextOf(es, &s) == S_OK) { DumpSubsystem(s); s->Release(); }
                es->Release(); hw->Release();
            }
            p->Release();
        }
        pEnum->Release();
        if (WaitForSingleObject(sink->Event(), 5000) == WAIT_OBJECT_0) wprintf(L"event seen\n");
        pService->Unadvise(cookie); sink->Release();
    }
cleanup:
    SAFE_RELEASE(pService);
    CoUninitialize();
    return SUCCEEDED(hr) ? 0 : 1;
}
