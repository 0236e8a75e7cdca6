/* SPDX-License-Identifier: MIT */
/* A C program for Windows that waits for two things at once: the thread in which it makes a target and deletes it again (IVdsAsync), and the
 * event that its sink sets. Compiled as it is, for Linux and for Windows (test_windows_examples.py), and run against a service
 * (tests/daemon/test_examples.py). */
#define WIN32_LEAN_AND_MEAN
#define COBJMACROS
#define CINTERFACE
#include <windows.h>
#include <wchar.h>
#include <initguid.h>
#include <vds.h>
#include <rpc.h>
#include <process.h>
#include <stdio.h>

typedef struct CSink {
    IVdsAdviseSink face; /* first: the pointer is the same */
    volatile LONG cRef;
    LONG cEvents;
    HANDLE hEvent;
} CSink;

static HRESULT STDMETHODCALLTYPE Sink_QueryInterface(IVdsAdviseSink *This, REFIID riid, void **ppv)
{
    if (ppv == NULL)
        return E_POINTER;
    *ppv = NULL;
    if (!IsEqualIID(riid, &IID_IUnknown) && !InlineIsEqualGUID(riid, &IID_IVdsAdviseSink))
        return E_NOINTERFACE;
    *ppv = This;
    IVdsAdviseSink_AddRef(This);
    return S_OK;
}

static ULONG STDMETHODCALLTYPE Sink_AddRef(IVdsAdviseSink *This)
{
    return InterlockedIncrement(&((CSink *)This)->cRef);
}

static ULONG STDMETHODCALLTYPE Sink_Release(IVdsAdviseSink *This)
{
    CSink *pSink = (CSink *)This;
    LONG cRef = InterlockedDecrement(&pSink->cRef);

    if (cRef == 0) {
        CloseHandle(pSink->hEvent);
        HeapFree(GetProcessHeap(), 0, pSink);
    }
    return cRef;
}

static HRESULT STDMETHODCALLTYPE Sink_OnNotify(IVdsAdviseSink *This, LONG lNumberOfNotifications, VDS_NOTIFICATION *pNotificationArray)
{
    CSink *pSink = (CSink *)This;
    LONG i, cEvents = 0;

    for (i = 0; i < lNumberOfNotifications; i++)
        if (pNotificationArray[i].objectType == VDS_NTT_TARGET && pNotificationArray[i].Target.ulEvent == VDS_NF_TARGET_DEPART)
            cEvents = InterlockedIncrement(&pSink->cEvents);
    CoTaskMemFree(pNotificationArray);
    if (cEvents)
        SetEvent(pSink->hEvent);
    return S_OK;
}

static IVdsAdviseSinkVtbl g_SinkVtbl = { Sink_QueryInterface, Sink_AddRef, Sink_Release, Sink_OnNotify };

static CSink *CreateSink(void)
{
    CSink *pSink = (CSink *)HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof(CSink));

    if (pSink == NULL)
        return NULL;
    pSink->face.lpVtbl = &g_SinkVtbl;
    pSink->cRef = 1;
    pSink->hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    return pSink;
}

static HRESULT First(IEnumVdsObject *pEnum, REFIID riid, LPVOID *ppv)
{
    IUnknown *pUnknown = NULL;
    ULONG ulFetched = 0;
    HRESULT hr = IEnumVdsObject_Next(pEnum, 1, &pUnknown, &ulFetched);

    if (hr == S_OK) {
        hr = IUnknown_QueryInterface(pUnknown, riid, ppv);
        IUnknown_Release(pUnknown);
    } else if (SUCCEEDED(hr)) {
        hr = HRESULT_FROM_WIN32(ERROR_NO_MORE_ITEMS);
    }
    IEnumVdsObject_Release(pEnum);
    return hr;
}

static HRESULT Wait(HRESULT hr, IVdsAsync *pAsync, VDS_ASYNC_OUTPUT *pOutput)
{
    HRESULT hrAsync = E_FAIL;

    ZeroMemory(pOutput, sizeof(*pOutput));
    if (FAILED(hr))
        return hr;
    hr = IVdsAsync_Wait(pAsync, &hrAsync, pOutput);
    IVdsAsync_Release(pAsync);
    return FAILED(hr) ? hr : hrAsync;
}

static DWORD WINAPI TargetThread(LPVOID lpParameter)
{
    IVdsService *pService = (IVdsService *)lpParameter;
    IVdsHwProvider *pProvider = NULL;
    IVdsSubSystemIscsi *pSubSystem = NULL;
    IVdsIscsiTarget *pTarget = NULL;
    IEnumVdsObject *pEnum = NULL;
    IVdsAsync *pAsync = NULL;
    VDS_ASYNC_OUTPUT output;
    WCHAR wszName[] = L"thread";
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);

    if (SUCCEEDED(hr))
        hr = IVdsService_QueryProviders(pService, VDS_QUERY_HARDWARE_PROVIDERS, &pEnum);
    if (SUCCEEDED(hr))
        hr = First(pEnum, &IID_IVdsHwProvider, (LPVOID *)&pProvider);
    if (SUCCEEDED(hr))
        hr = IVdsHwProvider_QuerySubSystems(pProvider, &pEnum);
    if (SUCCEEDED(hr))
        hr = First(pEnum, &IID_IVdsSubSystemIscsi, (LPVOID *)&pSubSystem);
    if (SUCCEEDED(hr)) {
        hr = IVdsSubSystemIscsi_CreateTarget(pSubSystem, NULL, wszName, &pAsync);
        hr = Wait(hr, pAsync, &output);
    }
    if (SUCCEEDED(hr)) {
        hr = IUnknown_QueryInterface(output.ct.pTargetUnk, &IID_IVdsIscsiTarget, (LPVOID *)&pTarget);
        IUnknown_Release(output.ct.pTargetUnk);
    }
    if (SUCCEEDED(hr)) {
        hr = IVdsIscsiTarget_Delete(pTarget, &pAsync);
        hr = Wait(hr, pAsync, &output);
    }
    if (pTarget) IVdsIscsiTarget_Release(pTarget);
    if (pSubSystem) IVdsSubSystemIscsi_Release(pSubSystem);
    if (pProvider) IVdsHwProvider_Release(pProvider);
    CoUninitialize();
    return (DWORD)hr;
}

static void ShowIdentifier(void)
{
    UUID id, again;
    RPC_WSTR pwszId = NULL;
    RPC_STATUS status;

    if (UuidCreate(&id) != RPC_S_OK || UuidToStringW(&id, &pwszId) != RPC_S_OK)
        return;
    if (UuidFromStringW(pwszId, &again) == RPC_S_OK && UuidEqual(&id, &again, &status))
        wprintf(L"an identifier has %d characters\n", lstrlenW((LPCWSTR)pwszId));
    RpcStringFreeW(&pwszId);
}

int __cdecl wmain(int argc, wchar_t *argv[])
{
    IVdsServiceLoader *pLoader = NULL;
    IVdsService *pService = NULL;
    CSink *pSink = CreateSink();
    DWORD dwCookie = 0, dwThread = 0, dwWaited, dwExit = 0;
    HANDLE handles[2] = { NULL, NULL };
    WCHAR wszLine[64];
    HRESULT hr;

    ShowIdentifier();
    hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(&CLSID_VdsLoader, NULL, CLSCTX_LOCAL_SERVER, &IID_IVdsServiceLoader, (LPVOID *)&pLoader);
    if (SUCCEEDED(hr))
        hr = IVdsServiceLoader_LoadService(pLoader, argc > 1 ? argv[1] : NULL, &pService);
    if (SUCCEEDED(hr))
        hr = IVdsService_WaitForServiceReady(pService);
    if (SUCCEEDED(hr))
        hr = IVdsService_Advise(pService, &pSink->face, &dwCookie);
    if (SUCCEEDED(hr)) {
        handles[0] = CreateThread(NULL, 0, TargetThread, pService, 0, &dwThread);
        handles[1] = pSink->hEvent;
        hr = handles[0] ? S_OK : HRESULT_FROM_WIN32(GetLastError());
    }
    if (SUCCEEDED(hr)) {
        dwWaited = WaitForMultipleObjects(ARRAYSIZE(handles), handles, TRUE, INFINITE);
        GetExitCodeThread(handles[0], &dwExit);
        _snwprintf_s(wszLine, ARRAYSIZE(wszLine), _TRUNCATE, L"waited %lu, thread 0x%08lx, %ld gone", dwWaited, dwExit, max(pSink->cEvents, 0));
        fwprintf(stdout, L"%ls", wszLine);
        fputwc(L'\n', stdout);
        CloseHandle(handles[0]);
        hr = IVdsService_Unadvise(pService, dwCookie);
    }
    if (pService) IVdsService_Release(pService);
    if (pLoader) IVdsServiceLoader_Release(pLoader);
    IVdsAdviseSink_Release(&pSink->face);
    CoUninitialize();
    return SUCCEEDED(hr) ? 0 : 1;
}
