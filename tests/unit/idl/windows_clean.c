/* SPDX-License-Identifier: MIT */
/* A client in C that looks for a disk of the host by its name, takes its partitions away, cleans it and formats the volume that comes up,
 * with the call macros, as tools for Windows do. It finds no disk. Compiled as it is for Linux and for Windows (test_windows_examples.py)
 * and run from the installed headers (tests/daemon/test_examples.py). */
#define COBJMACROS
#define INITGUID
#include <windows.h>
#include <stdio.h>
#include <vds.h>
#include <vdserr.h>

/* S_OK while there is one more. */
static HRESULT next_of(IEnumVdsObject *pEnum, REFIID riid, void **ppv)
{
    IUnknown *pUnk = NULL;
    ULONG ulFetched = 0;
    HRESULT hr = IEnumVdsObject_Next(pEnum, 1, &pUnk, &ulFetched);

    if (hr != S_OK)
        return hr;
    hr = IUnknown_QueryInterface(pUnk, riid, ppv);
    IUnknown_Release(pUnk);
    return hr;
}

static HRESULT finish(IVdsAsync *pAsync)
{
    VDS_ASYNC_OUTPUT output;
    HRESULT hr, hrOperation = S_OK;
    ULONG ulPercent;

    do {
        hr = IVdsAsync_QueryStatus(pAsync, &hrOperation, &ulPercent);
        if (SUCCEEDED(hr) && hrOperation == VDS_E_OPERATION_PENDING)
            Sleep(100);
    } while (SUCCEEDED(hr) && hrOperation == VDS_E_OPERATION_PENDING);
    hr = IVdsAsync_Wait(pAsync, &hrOperation, &output);
    IVdsAsync_Release(pAsync);
    return FAILED(hr) ? hr : hrOperation;
}

static HRESULT clean(IVdsDisk *pDisk)
{
    IVdsAdvancedDisk *pAdvanced;
    VDS_PARTITION_PROP *pPartitions = NULL;
    LONG i, lPartitions = 0;
    IVdsAsync *pAsync;
    HRESULT hr = IVdsDisk_QueryInterface(pDisk, &IID_IVdsAdvancedDisk, (void **)&pAdvanced);

    if (hr != S_OK)
        return hr;
    hr = IVdsAdvancedDisk_QueryPartitions(pAdvanced, &pPartitions, &lPartitions);
    for (i = 0; hr == S_OK && i < lPartitions; i++)
        hr = IVdsAdvancedDisk_DeletePartition(pAdvanced, pPartitions[i].ullOffset, TRUE, TRUE);
    CoTaskMemFree(pPartitions);
    if (hr == S_OK)
        hr = IVdsAdvancedDisk_Clean(pAdvanced, TRUE, FALSE, FALSE, &pAsync);
    if (hr == S_OK)
        hr = finish(pAsync);
    IVdsAdvancedDisk_Release(pAdvanced);
    return hr;
}

static HRESULT format(IVdsVolume *pVolume)
{
    IVdsVolumeMF3 *pMF3;
    LPWSTR *ppNames = NULL;
    ULONG i, ulNames = 0;
    IVdsAsync *pAsync;
    WCHAR name[] = L"FAT32", label[] = L"STICK";
    HRESULT hr = IVdsVolume_QueryInterface(pVolume, &IID_IVdsVolumeMF3, (void **)&pMF3);

    if (hr != S_OK)
        return hr;
    if (IVdsVolumeMF3_QueryVolumeGuidPathnames(pMF3, &ppNames, &ulNames) == S_OK) {
        for (i = 0; i < ulNames; i++)
            CoTaskMemFree(ppNames[i]);
        CoTaskMemFree(ppNames);
    }
    hr = IVdsVolumeMF3_FormatEx2(pMF3, name, 0, 0, label, VDS_FSOF_QUICK | VDS_FSOF_FORCE, &pAsync);
    if (hr == S_OK)
        hr = finish(pAsync);
    IVdsVolumeMF3_Release(pMF3);
    return hr;
}

static HRESULT in_pack(IVdsPack *pPack, LPCWSTR name, LONG *plFound)
{
    IEnumVdsObject *pEnum;
    IVdsDisk *pDisk;
    IVdsVolume *pVolume;
    VDS_DISK_PROP prop;
    HRESULT hr = IVdsPack_QueryDisks(pPack, &pEnum);

    if (hr != S_OK)
        return hr;
    while (next_of(pEnum, &IID_IVdsDisk, (void **)&pDisk) == S_OK) {
        hr = IVdsDisk_GetProperties(pDisk, &prop);
        if ((hr == S_OK || hr == VDS_S_PROPERTIES_INCOMPLETE) && lstrcmpW(prop.pwszName, name) == 0 && clean(pDisk) == S_OK)
            ++*plFound;
        IVdsDisk_Release(pDisk);
    }
    IEnumVdsObject_Release(pEnum);
    if (*plFound == 0 || IVdsPack_QueryVolumes(pPack, &pEnum) != S_OK)
        return hr;
    while (next_of(pEnum, &IID_IVdsVolume, (void **)&pVolume) == S_OK) {
        hr = format(pVolume);
        IVdsVolume_Release(pVolume);
    }
    IEnumVdsObject_Release(pEnum);
    return hr;
}

static HRESULT in_provider(IVdsProvider *pProvider, LPCWSTR name, LONG *plFound)
{
    IVdsSwProvider *pSw;
    IEnumVdsObject *pEnum;
    IVdsPack *pPack;
    HRESULT hr = IVdsProvider_QueryInterface(pProvider, &IID_IVdsSwProvider, (void **)&pSw);

    if (hr != S_OK)
        return hr;
    hr = IVdsSwProvider_QueryPacks(pSw, &pEnum);
    IVdsSwProvider_Release(pSw);
    if (hr != S_OK)
        return hr;
    while (next_of(pEnum, &IID_IVdsPack, (void **)&pPack) == S_OK) {
        hr = in_pack(pPack, name, plFound);
        IVdsPack_Release(pPack);
    }
    IEnumVdsObject_Release(pEnum);
    return hr;
}

int main(void)
{
    IVdsServiceLoader *pLoader = NULL;
    IVdsService *pService = NULL;
    IEnumVdsObject *pEnum = NULL;
    IVdsProvider *pProvider;
    LONG lFound = 0;
    HRESULT hr = CoInitialize(NULL);

    if (hr == S_OK)
        hr = CoCreateInstance(&CLSID_VdsLoader, NULL, CLSCTX_LOCAL_SERVER, &IID_IVdsServiceLoader, (void **)&pLoader);
    if (hr == S_OK) {
        hr = IVdsServiceLoader_LoadService(pLoader, NULL, &pService);
        IVdsServiceLoader_Release(pLoader);
    }
    if (hr == S_OK)
        hr = IVdsService_WaitForServiceReady(pService);
    if (hr == S_OK)
        hr = IVdsService_QueryProviders(pService, VDS_QUERY_SOFTWARE_PROVIDERS, &pEnum);
    if (hr == S_OK) {
        while (next_of(pEnum, &IID_IVdsProvider, (void **)&pProvider) == S_OK) {
            in_provider(pProvider, L"\\\\?\\PhysicalDrive1", &lFound);
            IVdsProvider_Release(pProvider);
        }
        IEnumVdsObject_Release(pEnum);
    }
    if (pService)
        IVdsService_Release(pService);
    CoUninitialize();
    printf("0x%08x, %d disks\n", (unsigned)hr, (int)lFound);
    return hr != S_OK;
}
