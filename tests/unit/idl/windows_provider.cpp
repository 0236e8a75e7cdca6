// SPDX-License-Identifier: MIT
// A hardware provider as people write them for Windows: C++ classes with STDMETHOD, a class factory, DllMain and the four entry points of a
// library. It has no subsystem. Compiled as it is, for Linux and for Windows (test_windows_examples.py), and loaded into a service
// (tests/daemon/test_providers.py).
#include <windows.h>
#include <initguid.h>
#include <vds.h>
#include <vdshwprv.h>
#include <strsafe.h>
#include <new>

// {3F2504E0-4F89-11D3-9A0C-0305E82C3301}
DEFINE_GUID(CLSID_SampleProvider, 0x3f2504e0, 0x4f89, 0x11d3, 0x9a, 0x0c, 0x03, 0x05, 0xe8, 0x2c, 0x33, 0x01);

static LONG g_cObjects = 0, g_cLocks = 0;
static HINSTANCE g_hInstance = NULL;
static CRITICAL_SECTION g_cs; // DllMain makes it

class CAutoLock
{
    CRITICAL_SECTION &m_cs;
public:
    explicit CAutoLock(CRITICAL_SECTION &cs) : m_cs(cs) { EnterCriticalSection(&m_cs); }
    ~CAutoLock() { LeaveCriticalSection(&m_cs); }
};

static HRESULT CopyText(LPCWSTR pwszFrom, LPWSTR *ppwszTo)
{
    size_t cch = 0;
    HRESULT hr = StringCchLengthW(pwszFrom, STRSAFE_MAX_CCH, &cch);
    if (FAILED(hr)) return hr;
    *ppwszTo = (LPWSTR)CoTaskMemAlloc((cch + 1) * sizeof(WCHAR));
    return *ppwszTo ? StringCchCopyW(*ppwszTo, cch + 1, pwszFrom) : E_OUTOFMEMORY;
}

class CEmptyEnum : public IEnumVdsObject
{
    LONG m_cRef;
public:
    CEmptyEnum() : m_cRef(1) { InterlockedIncrement(&g_cObjects); }
    virtual ~CEmptyEnum() { InterlockedDecrement(&g_cObjects); }
    STDMETHODIMP QueryInterface(REFIID riid, void **ppv)
    {
        if (NULL == ppv) return E_POINTER;
        *ppv = (riid == IID_IUnknown || riid == __uuidof(IEnumVdsObject)) ? static_cast<IEnumVdsObject *>(this) : NULL;
        if (NULL == *ppv) return E_NOINTERFACE;
        AddRef();
        return S_OK;
    }
    STDMETHODIMP_(ULONG) AddRef() { return InterlockedIncrement(&m_cRef); }
    STDMETHODIMP_(ULONG) Release() { LONG c = InterlockedDecrement(&m_cRef); if (0 == c) delete this; return c; }
    STDMETHODIMP Next(ULONG celt, IUnknown **ppObjectArray, ULONG *pcFetched)
    {
        if (NULL == ppObjectArray || NULL == pcFetched) return E_INVALIDARG;
        *pcFetched = 0;
        return celt == 0 ? S_OK : S_FALSE;
    }
    STDMETHODIMP Skip(ULONG celt) { return celt == 0 ? S_OK : S_FALSE; }
    STDMETHODIMP Reset() { return S_OK; }
    STDMETHODIMP Clone(IEnumVdsObject **ppEnum)
    {
        if (NULL == ppEnum) return E_INVALIDARG;
        *ppEnum = new (std::nothrow) CEmptyEnum;
        return *ppEnum ? S_OK : E_OUTOFMEMORY;
    }
};

class DECLSPEC_UUID("3f2504e0-4f89-11d3-9a0c-0305e82c3301") CProvider : public IVdsProvider,
                                                                        public IVdsProviderPrivate,
                                                                        public IVdsHwProvider,
                                                                        public IVdsHwProviderPrivate,
                                                                        public IVdsHwProviderType
{
    volatile LONG m_cRef;
    IVdsAdviseSink *m_pSink;
public:
    CProvider() : m_cRef(1), m_pSink(NULL) { InterlockedIncrement(&g_cObjects); }
    virtual ~CProvider() { InterlockedDecrement(&g_cObjects); }

    STDMETHOD(QueryInterface)(REFIID riid, LPVOID *ppv)
    {
        if (!ppv) return E_POINTER;
        *ppv = NULL;
        if (riid == IID_IUnknown || riid == IID_IVdsProvider) *ppv = static_cast<IVdsProvider *>(this);
        else if (riid == IID_IVdsProviderPrivate) *ppv = static_cast<IVdsProviderPrivate *>(this);
        else if (riid == __uuidof(IVdsHwProvider)) *ppv = static_cast<IVdsHwProvider *>(this);
        else if (IsEqualIID(riid, IID_IVdsHwProviderPrivate)) *ppv = static_cast<IVdsHwProviderPrivate *>(this);
        else if (InlineIsEqualGUID(riid, IID_IVdsHwProviderType)) *ppv = static_cast<IVdsHwProviderType *>(this);
        else return E_NOINTERFACE;
        AddRef();
        return S_OK;
    }
    STDMETHOD_(ULONG, AddRef)() { return InterlockedIncrement(&m_cRef); }
    STDMETHOD_(ULONG, Release)() { LONG c = InterlockedDecrement(&m_cRef); if (!c) delete this; return c; }

    // IVdsProvider
    STDMETHODIMP GetProperties(VDS_PROVIDER_PROP *pProp)
    {
        if (NULL == pProp) return E_INVALIDARG;
        ZeroMemory(pProp, sizeof(VDS_PROVIDER_PROP));
        pProp->id = CLSID_SampleProvider;
        pProp->guidVersionId = CLSID_SampleProvider;
        pProp->type = VDS_PT_HARDWARE;
        HRESULT hr = CopyText(g_hInstance ? L"Sample provider in C++" : L"nobody called DllMain", &pProp->pwszName);
        if (SUCCEEDED(hr)) hr = CopyText(L"1.0", &pProp->pwszVersion);
        if (FAILED(hr)) { CoTaskMemFree(pProp->pwszName); ZeroMemory(pProp, sizeof(VDS_PROVIDER_PROP)); }
        return hr;
    }

    // IVdsProviderPrivate
    STDMETHODIMP GetObject(VDS_OBJECT_ID ObjectId, VDS_OBJECT_TYPE type, IUnknown **ppObjectUnk)
    {
        UNREFERENCED_PARAMETER(ObjectId);
        UNREFERENCED_PARAMETER(type);
        if (NULL == ppObjectUnk) return E_INVALIDARG;
        *ppObjectUnk = NULL;
        return VDS_E_OBJECT_NOT_FOUND;
    }
    STDMETHODIMP OnLoad(LPWSTR pwszMachineName, IUnknown *pCallbackObject)
    {
        UNREFERENCED_PARAMETER(pwszMachineName);
        CAutoLock lock(g_cs);
        if (NULL == pCallbackObject) return HRESULT_FROM_WIN32(ERROR_INVALID_PARAMETER);
        return pCallbackObject->QueryInterface(IID_IVdsAdviseSink, reinterpret_cast<void **>(&m_pSink));
    }
    STDMETHODIMP OnUnload(BOOL bForceUnload)
    {
        UNREFERENCED_PARAMETER(bForceUnload);
        CAutoLock lock(g_cs);
        if (m_pSink) { m_pSink->Release(); m_pSink = NULL; }
        return S_OK;
    }

    // IVdsHwProvider
    STDMETHODIMP QuerySubSystems(IEnumVdsObject **ppEnum)
    {
        if (NULL == ppEnum) return E_INVALIDARG;
        *ppEnum = new (std::nothrow) CEmptyEnum;
        return *ppEnum ? S_OK : E_OUTOFMEMORY;
    }
    STDMETHODIMP Reenumerate() { return S_OK; }
    STDMETHODIMP Refresh(void) { CAutoLock lock(g_cs); return m_pSink ? S_OK : MAKE_HRESULT(SEVERITY_ERROR, FACILITY_WIN32, ERROR_NOT_READY); }

    // IVdsHwProviderPrivate, IVdsHwProviderType
    STDMETHODIMP QueryIfCreatedLun(LPWSTR pwszDevicePath, VDS_LUN_INFORMATION *pVdsLunInformation, VDS_OBJECT_ID *pLunId)
    {
        if (NULL == pwszDevicePath || NULL == pVdsLunInformation || NULL == pLunId) return E_INVALIDARG;
        *pLunId = GUID_NULL;
        return S_FALSE;
    }
    STDMETHODIMP GetProviderType(VDS_HWPROVIDER_TYPE *pType)
    {
        if (NULL == pType) return E_INVALIDARG;
        *pType = VDS_HWT_ISCSI;
        return S_OK;
    }
};

class CFactory : public IClassFactory
{
    LONG m_cRef;
public:
    CFactory() : m_cRef(1) {}
    virtual ~CFactory() {}
    STDMETHODIMP QueryInterface(REFIID riid, void **ppv)
    {
        if (NULL == ppv) return E_POINTER;
        if (riid == IID_IUnknown || riid == IID_IClassFactory) { *ppv = this; AddRef(); return S_OK; }
        *ppv = NULL;
        return E_NOINTERFACE;
    }
    STDMETHODIMP_(ULONG) AddRef() { return InterlockedIncrement(&m_cRef); }
    STDMETHODIMP_(ULONG) Release() { LONG c = InterlockedDecrement(&m_cRef); if (c == 0) delete this; return c; }
    STDMETHODIMP CreateInstance(IUnknown *pUnkOuter, REFIID riid, void **ppv)
    {
        if (NULL == ppv) return E_POINTER;
        *ppv = NULL;
        if (pUnkOuter) return CLASS_E_NOAGGREGATION;
        CProvider *pProvider = new (std::nothrow) CProvider;
        if (!pProvider) return E_OUTOFMEMORY;
        HRESULT hr = pProvider->QueryInterface(riid, ppv);
        pProvider->Release();
        return hr;
    }
    STDMETHODIMP LockServer(BOOL fLock)
    {
        if (fLock) InterlockedIncrement(&g_cLocks); else InterlockedDecrement(&g_cLocks);
        return S_OK;
    }
};

extern "C" BOOL WINAPI DllMain(HINSTANCE hInstance, DWORD dwReason, LPVOID /*lpReserved*/)
{
    switch (dwReason)
    {
    case DLL_PROCESS_ATTACH:
        g_hInstance = hInstance;
        InitializeCriticalSectionAndSpinCount(&g_cs, 4000);
        DisableThreadLibraryCalls((HMODULE)hInstance);
        break;
    case DLL_PROCESS_DETACH:
        DeleteCriticalSection(&g_cs);
        break;
    }
    return TRUE;
}

STDAPI DllCanUnloadNow(void)
{
    return (0 == g_cObjects && 0 == g_cLocks) ? S_OK : S_FALSE;
}

STDAPI DllGetClassObject(REFCLSID rclsid, REFIID riid, LPVOID FAR *ppv)
{
    if (NULL == ppv) return E_POINTER;
    *ppv = NULL;
    if (rclsid != CLSID_SampleProvider && rclsid != GUID_NULL) return CLASS_E_CLASSNOTAVAILABLE;
    CFactory *pFactory = new (std::nothrow) CFactory;
    if (!pFactory) return E_OUTOFMEMORY;
    HRESULT hr = pFactory->QueryInterface(riid, ppv);
    pFactory->Release();
    return hr;
}

// Where a registry is: what the service reads it from is its configuration, here.
STDAPI DllRegisterServer(void)
{
    IVdsAdmin *pAdmin = NULL;
    WCHAR wszName[] = L"Sample provider in C++", wszVersion[] = L"1.0";
    HRESULT hr = CoCreateInstance(CLSID_VdsService, NULL, CLSCTX_LOCAL_SERVER, IID_IVdsAdmin, (void **)&pAdmin);
    if (FAILED(hr)) return hr;
    hr = pAdmin->RegisterProvider(CLSID_SampleProvider, CLSID_SampleProvider, wszName, VDS_PT_HARDWARE, NULL, wszVersion, CLSID_SampleProvider);
    pAdmin->Release();
    return hr;
}

STDAPI DllUnregisterServer(void)
{
    return S_OK;
}
