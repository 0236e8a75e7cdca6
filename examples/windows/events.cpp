// SPDX-License-Identifier: MIT
// Prints the service's notifications until Enter is pressed, as a C++ program for Windows does it: a sink class, Advise, Unadvise. The same
// source compiles there (MinGW: -lole32 -luuid) and here: c++ events.cpp $(pkg-config --cflags --libs vds-compat).
#include <initguid.h>
#include <windows.h>

#include <stdio.h>
#include <vds.h>

class CSink : public IVdsAdviseSink
{
public:
    STDMETHOD(QueryInterface)(REFIID riid, void **ppvObject)
    {
        if (!ppvObject)
            return E_POINTER;
        *ppvObject = NULL;
        if (riid != IID_IUnknown && riid != IID_IVdsAdviseSink)
            return E_NOINTERFACE;
        *ppvObject = static_cast<IVdsAdviseSink *>(this);
        AddRef();
        return S_OK;
    }

    STDMETHOD_(ULONG, AddRef)()
    {
        return (ULONG)InterlockedIncrement(&m_cRef);
    }

    STDMETHOD_(ULONG, Release)()
    {
        LONG cRef = InterlockedDecrement(&m_cRef);

        if (cRef == 0)
            delete this;
        return (ULONG)cRef;
    }

    // The array is ours to free.
    STDMETHOD(OnNotify)(LONG lNumberOfNotifications, VDS_NOTIFICATION *pNotificationArray)
    {
        for (LONG i = 0; i < lNumberOfNotifications; i++)
            Print(pNotificationArray[i]);
        fflush(stdout);
        CoTaskMemFree(pNotificationArray);
        return S_OK;
    }

private:
    virtual ~CSink()
    {
    }

    static void Print(const VDS_NOTIFICATION &notification)
    {
        WCHAR wszId[64] = L"";

        switch (notification.objectType) {
        case VDS_NTT_TARGET:
            StringFromGUID2(notification.Target.targetId, wszId, 64);
            wprintf(L"target %s: event %lu\n", wszId, notification.Target.ulEvent);
            break;
        case VDS_NTT_PORTAL_GROUP:
            StringFromGUID2(notification.PortalGroup.portalGroupId, wszId, 64);
            wprintf(L"portal group %s: event %lu\n", wszId, notification.PortalGroup.ulEvent);
            break;
        default:
            wprintf(L"%s %d\n", L"object of type", (int)notification.objectType);
        }
    }

    LONG m_cRef = 1;
};

static HRESULT Watch(IVdsService *pService)
{
    CSink *pSink = new CSink;
    DWORD dwCookie = 0;
    HRESULT hr = pService->Advise(pSink, &dwCookie);

    if (SUCCEEDED(hr)) {
        wprintf(L"watching\n");
        fflush(stdout);
        getchar();
        hr = pService->Unadvise(dwCookie);
    }
    pSink->Release();
    return hr;
}

int __cdecl main()
{
    IVdsServiceLoader *pLoader = NULL;
    IVdsService *pService = NULL;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);

    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_IMP_LEVEL_IMPERSONATE, NULL, 0, NULL);
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(CLSID_VdsLoader, NULL, CLSCTX_LOCAL_SERVER, IID_IVdsServiceLoader, (void **)&pLoader);
    if (SUCCEEDED(hr))
        hr = pLoader->LoadService(NULL, &pService);
    if (pLoader)
        pLoader->Release();
    if (SUCCEEDED(hr))
        hr = pService->WaitForServiceReady();
    if (SUCCEEDED(hr))
        hr = Watch(pService);
    wprintf(L"0x%08lX\n", (ULONG)hr);
    if (pService)
        pService->Release();
    CoUninitialize();
    return SUCCEEDED(hr) ? 0 : 1;
}
