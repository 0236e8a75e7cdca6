// SPDX-License-Identifier: MIT
// A client that walks the disks and volumes of a host as programs for Windows do: software providers, packs, disks with partitions and
// extents, volumes with plexes and access paths; then it would make a volume, format it and watch, and make a virtual disk. Here there is
// nothing to walk, and that is what it prints. Compiled as it is, with and without UNICODE, for Linux and for Windows
// (test_windows_examples.py), and run from the installed headers (tests/daemon/test_examples.py).
#define WIN32_LEAN_AND_MEAN
#include <initguid.h>
#include <windows.h>
#include <winioctl.h>
#include <stdio.h>
#include <tchar.h>
#include <vds.h>
#include <vdserr.h>

static_assert(sizeof(VDS_DISK_PROP) == 128 && sizeof(VDS_PARTITION_PROP) == 144 && sizeof(VDS_VOLUME_PROP) == 56, "as in the SDK");
static_assert(FILE_DEVICE_DISK == 7 && RemovableMedia == 11 && FixedMedia == 12 && PARTITION_IFS == 7 && PARTITION_EXTENDED == 5, "winioctl.h");
static_assert(GPT_BASIC_DATA_ATTRIBUTE_NO_DRIVE_LETTER == 1ull << 63 && GPT_ATTRIBUTE_PLATFORM_REQUIRED == 1, "winioctl.h");
static_assert(VIRTUAL_STORAGE_TYPE_DEVICE_VHD == 2 && sizeof(VIRTUAL_STORAGE_TYPE) == 20, "virtdisk.h");

#define SAFE_RELEASE(x) if (x) { x->Release(); x = NULL; }

static const WCHAR *const HealthName[] = { L"unknown", L"healthy", L"rebuilding", L"stale", L"failing" };

static ULONG g_cFound;

template <class T> static HRESULT NextOf(IEnumVdsObject *pEnum, REFIID riid, T **ppObject)
{
    IUnknown *pUnk = NULL;
    ULONG ulFetched = 0;
    HRESULT hr = pEnum->Next(1, &pUnk, &ulFetched);

    *ppObject = NULL;
    if (hr != S_OK)
        return hr == S_FALSE ? HRESULT_FROM_WIN32(ERROR_NO_MORE_ITEMS) : hr;
    g_cFound++;
    hr = pUnk->QueryInterface(riid, (void **)ppObject);
    SAFE_RELEASE(pUnk);
    return hr;
}

static HRESULT WaitWithProgress(IVdsAsync *pAsync, VDS_ASYNC_OUTPUT *pOutput)
{
    HRESULT hr, hrOperation = S_OK;
    ULONG ulPercent = 0;

    while (SUCCEEDED(hr = pAsync->QueryStatus(&hrOperation, &ulPercent)) && hrOperation == VDS_E_OPERATION_PENDING) {
        wprintf(L"\r%3lu%%", ulPercent);
        Sleep(200);
    }
    hr = pAsync->Wait(&hrOperation, pOutput);
    pAsync->Release();
    return FAILED(hr) ? hr : hrOperation;
}

static void DumpPartitions(IVdsAdvancedDisk *pAdvanced)
{
    VDS_PARTITION_PROP *pPartitions = NULL;
    LONG lPartitions = 0;

    if (FAILED(pAdvanced->QueryPartitions(&pPartitions, &lPartitions)))
        return;
    for (LONG i = 0; i < lPartitions; i++) {
        const VDS_PARTITION_PROP &p = pPartitions[i];
        if (p.PartitionStyle == VDS_PST_MBR)
            wprintf(L"    %lu: type 0x%02x at %I64u%s\n", p.ulPartitionNumber, p.Mbr.partitionType, p.ullOffset, p.Mbr.bootIndicator ? L" *" : L"");
        else if (IsEqualGUID(p.Gpt.partitionType, PARTITION_BASIC_DATA_GUID) && !(p.Gpt.attributes & GPT_BASIC_DATA_ATTRIBUTE_HIDDEN))
            wprintf(L"    %lu: %.36ls at %I64u\n", p.ulPartitionNumber, p.Gpt.name, p.ullOffset);
    }
    CoTaskMemFree(pPartitions);
}

static void DumpDisk(IVdsDisk *pDisk)
{
    VDS_DISK_PROP prop;
    VDS_DISK_EXTENT *pExtents = NULL;
    LONG lExtents = 0;
    ULONGLONG ullFree = 0;
    IVdsAdvancedDisk *pAdvanced = NULL;

    ZeroMemory(&prop, sizeof(prop));
    if (FAILED(pDisk->GetProperties(&prop)))
        return;
    wprintf(L"  disk %s (%s) %I64u bytes, %s\n", prop.pwszName, prop.pwszFriendlyName, prop.ullSize, HealthName[prop.health % 5]);
    if (prop.dwDeviceType == FILE_DEVICE_DISK && prop.dwMediaType == FixedMedia && !(prop.ulFlags & (VDS_DF_BOOT_DISK | VDS_DF_SYSTEM_DISK)))
        wprintf(L"  signature %08x, bus %d\n", prop.PartitionStyle == VDS_PST_MBR ? prop.dwSignature : prop.DiskGuid.Data1, prop.BusType);
    CoTaskMemFree(prop.pwszDiskAddress); CoTaskMemFree(prop.pwszName); CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszAdaptorName); CoTaskMemFree(prop.pwszDevicePath);
    if (SUCCEEDED(pDisk->QueryExtents(&pExtents, &lExtents))) {
        for (LONG i = 0; i < lExtents; i++)
            ullFree += pExtents[i].type == VDS_DET_FREE ? pExtents[i].ullSize : 0;
        CoTaskMemFree(pExtents);
        wprintf(L"  %I64u bytes free\n", ullFree);
    }
    if (SUCCEEDED(pDisk->QueryInterface(IID_IVdsAdvancedDisk, (void **)&pAdvanced))) {
        DumpPartitions(pAdvanced);
        pAdvanced->Release();
    }
}

static void DumpVolume(IVdsVolume *pVolume)
{
    VDS_VOLUME_PROP prop;
    IVdsVolumeMF *pMF = NULL;
    LPWSTR *ppPaths = NULL;
    LONG lPaths = 0;

    if (FAILED(pVolume->GetProperties(&prop)))
        return;
    wprintf(L"  volume %s %s, %I64u bytes\n", prop.pwszName, prop.type == VDS_VT_MIRROR ? L"mirrored" : L"", prop.ullSize);
    CoTaskMemFree(prop.pwszName);
    if (FAILED(pVolume->QueryInterface(__uuidof(IVdsVolumeMF), (void **)&pMF)))
        return;
    if (SUCCEEDED(pMF->QueryAccessPaths(&ppPaths, &lPaths))) {
        for (LONG i = 0; i < lPaths; i++) {
            wprintf(L"    %s\n", ppPaths[i]);
            CoTaskMemFree(ppPaths[i]);
        }
        CoTaskMemFree(ppPaths);
    }
    VDS_FILE_SYSTEM_PROP fs;
    if (SUCCEEDED(pMF->GetFileSystemProperties(&fs)))
        CoTaskMemFree(fs.pwszLabel);
    pMF->Release();
}

/* The whole of a disk as one volume with a letter. */
static HRESULT MakeVolume(IVdsPack *pPack, IVdsDisk *pDisk, ULONGLONG ullSize)
{
    VDS_DISK_PROP prop;
    HRESULT hr = pDisk->GetProperties(&prop);
    if (FAILED(hr))
        return hr;

    VDS_INPUT_DISK input;
    ZeroMemory(&input, sizeof(input));
    input.diskId = prop.id;
    input.ullSize = ullSize;
    IVdsAsync *pAsync = NULL;
    VDS_ASYNC_OUTPUT output;
    ZeroMemory(&output, sizeof(output));
    hr = pPack->CreateVolume(VDS_VT_SIMPLE, &input, 1, 0, &pAsync);
    if (SUCCEEDED(hr))
        hr = WaitWithProgress(pAsync, &output);
    if (FAILED(hr) || output.type != VDS_ASYNCOUT_CREATEVOLUME)
        return hr;

    IVdsVolumeMF3 *pMF3 = NULL;
    WCHAR name[] = L"NTFS", label[] = L"data";
    hr = output.cv.pVolumeUnk->QueryInterface(IID_PPV_ARGS(&pMF3));
    output.cv.pVolumeUnk->Release();
    if (FAILED(hr))
        return hr;
    hr = pMF3->FormatEx2(name, 0, 0, label, VDS_FSOF_QUICK | VDS_FSOF_FORCE, &pAsync);
    if (SUCCEEDED(hr))
        hr = WaitWithProgress(pAsync, &output);
    IVdsVolumeMF *pMF = NULL;
    WCHAR path[MAX_PATH] = L"E:\\";
    if (SUCCEEDED(hr) && SUCCEEDED(pMF3->QueryInterface(IID_PPV_ARGS(&pMF)))) {
        hr = pMF->AddAccessPath(path);
        pMF->Release();
    }
    pMF3->Release();
    return hr;
}

static HRESULT MakePartition(IVdsDisk *pDisk, ULONGLONG ullOffset, ULONGLONG ullSize, VDS_PARTITION_STYLE style)
{
    CREATE_PARTITION_PARAMETERS para;
    IVdsCreatePartitionEx *pCreate = NULL;
    IVdsAsync *pAsync = NULL;
    VDS_ASYNC_OUTPUT output;
    HRESULT hr = pDisk->QueryInterface(IID_IVdsCreatePartitionEx, (void **)&pCreate);

    if (FAILED(hr))
        return hr;
    ZeroMemory(&para, sizeof(para));
    para.style = style;
    if (style == VDS_PST_MBR) {
        para.MbrPartInfo.partitionType = PARTITION_IFS;
        para.MbrPartInfo.bootIndicator = TRUE;
    } else {
        para.GptPartInfo.partitionType = PARTITION_BASIC_DATA_GUID;
        para.GptPartInfo.attributes = GPT_BASIC_DATA_ATTRIBUTE_NO_DRIVE_LETTER;
        wcscpy_s(para.GptPartInfo.name, ARRAYSIZE(para.GptPartInfo.name), L"data");
    }
    hr = pCreate->CreatePartitionEx(ullOffset, ullSize, 0, &para, &pAsync);
    pCreate->Release();
    return FAILED(hr) ? hr : WaitWithProgress(pAsync, &output);
}

static HRESULT MakeVirtualDisk(IVdsVdProvider *pProvider, LPWSTR pPath)
{
    VIRTUAL_STORAGE_TYPE type = { VIRTUAL_STORAGE_TYPE_DEVICE_VHD, VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT };
    VDS_CREATE_VDISK_PARAMETERS para = {};
    IVdsAsync *pAsync = NULL;
    VDS_ASYNC_OUTPUT output = {};

    para.MaximumSize = 64ull << 20;
    para.SectorSizeInBytes = 512;
    HRESULT hr = pProvider->CreateVDisk(&type, pPath, NULL, CREATE_VIRTUAL_DISK_FLAG_NONE, 0, 0, &para, &pAsync);
    if (SUCCEEDED(hr))
        hr = WaitWithProgress(pAsync, &output);
    IVdsVDisk *pVDisk = NULL;
    IVdsOpenVDisk *pOpen = NULL;
    if (SUCCEEDED(hr))
        hr = output.cvd.pVDiskUnk->QueryInterface(IID_PPV_ARGS(&pVDisk));
    if (SUCCEEDED(hr))
        hr = pVDisk->Open(VIRTUAL_DISK_ACCESS_ALL, OPEN_VIRTUAL_DISK_FLAG_NONE, 1, &pOpen);
    if (SUCCEEDED(hr))
        hr = pOpen->Attach(NULL, ATTACH_VIRTUAL_DISK_FLAG_READ_ONLY, 0, 0, &pAsync);
    SAFE_RELEASE(pOpen);
    SAFE_RELEASE(pVDisk);
    return hr;
}

static void DumpPack(IVdsPack *pPack)
{
    VDS_PACK_PROP prop;
    IEnumVdsObject *pEnum = NULL;
    IVdsDisk *pDisk;
    IVdsVolume *pVolume;

    if (SUCCEEDED(pPack->GetProperties(&prop))) {
        wprintf(L" pack %s%s\n", prop.pwszName ? prop.pwszName : L"", prop.ulFlags & VDS_PKF_FOREIGN ? L" (foreign)" : L"");
        CoTaskMemFree(prop.pwszName);
    }
    if (SUCCEEDED(pPack->QueryDisks(&pEnum))) {
        while (SUCCEEDED(NextOf(pEnum, IID_IVdsDisk, &pDisk))) {
            DumpDisk(pDisk);
            if (g_cFound == 0 && SUCCEEDED(MakePartition(pDisk, 0, 1 << 30, VDS_PST_GPT)))
                MakeVolume(pPack, pDisk, 1 << 30);
            pDisk->Release();
        }
        SAFE_RELEASE(pEnum);
    }
    if (SUCCEEDED(pPack->QueryVolumes(&pEnum))) {
        while (SUCCEEDED(NextOf(pEnum, IID_IVdsVolume, &pVolume))) {
            DumpVolume(pVolume);
            pVolume->Release();
        }
        SAFE_RELEASE(pEnum);
    }
}

static void DumpProvider(IVdsProvider *pProvider)
{
    IVdsSwProvider *pSw = NULL;
    IVdsVdProvider *pVd = NULL;
    IEnumVdsObject *pEnum = NULL;
    IVdsPack *pPack;
    WCHAR path[MAX_PATH] = L"C:\\disk.vhd";

    if (SUCCEEDED(pProvider->QueryInterface(IID_IVdsVdProvider, (void **)&pVd))) {
        MakeVirtualDisk(pVd, path);
        pVd->Release();
    }
    if (FAILED(pProvider->QueryInterface(IID_IVdsSwProvider, (void **)&pSw)))
        return;
    if (SUCCEEDED(pSw->QueryPacks(&pEnum))) {
        while (SUCCEEDED(NextOf(pEnum, IID_IVdsPack, &pPack))) {
            DumpPack(pPack);
            pPack->Release();
        }
        pEnum->Release();
    }
    pSw->Release();
}

static HRESULT DumpService(IVdsService *pService)
{
    static const struct {
        DWORD mask;
        const WCHAR *name;
    } kinds[] = { { VDS_QUERY_SOFTWARE_PROVIDERS, L"software" }, { VDS_QUERY_VIRTUALDISK_PROVIDERS, L"virtual disk" } };
    IEnumVdsObject *pEnum = NULL;
    IVdsProvider *pProvider;
    HRESULT hr = S_OK;

    for (int i = 0; i < 2 && SUCCEEDED(hr); i++) {
        g_cFound = 0;
        hr = pService->QueryProviders(kinds[i].mask, &pEnum);
        if (FAILED(hr))
            return hr;
        while (SUCCEEDED(NextOf(pEnum, IID_IVdsProvider, &pProvider))) {
            DumpProvider(pProvider);
            pProvider->Release();
        }
        SAFE_RELEASE(pEnum);
        wprintf(L"%lu %s providers\n", g_cFound, kinds[i].name);
    }

    IVdsServiceSAN *pSan = NULL;
    VDS_SAN_POLICY policy = VDS_SP_UNKNOWN;
    if (SUCCEEDED(pService->QueryInterface(IID_IVdsServiceSAN, (void **)&pSan))) {
        pSan->GetSANPolicy(&policy);
        pSan->Release();
    }
    IVdsServiceHba *pHba = NULL;
    IVdsServiceSw *pSw = NULL;
    IUnknown *pUnk = NULL;
    HRESULT hrHba = pService->QueryInterface(IID_PPV_ARGS(&pHba));
    HRESULT hrSw = pService->QueryInterface(IID_PPV_ARGS(&pSw));
    wprintf(L"SAN policy %d, %s\n", policy, hrHba == E_NOINTERFACE && hrSw == E_NOINTERFACE && !pHba && !pSw ? L"nothing of the host" : L"?");
    if (FAILED(pService->GetObject(GUID_NULL, VDS_OT_VOLUME, &pUnk)) && !pUnk)
        wprintf(L"no such volume\n");
    return hr;
}

int wmain(void)
{
    IVdsServiceLoader *pLoader = NULL;
    IVdsService *pService = NULL;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);

    if (FAILED(hr))
        return 1;
    hr = CoCreateInstance(CLSID_VdsLoader, NULL, CLSCTX_LOCAL_SERVER, IID_IVdsServiceLoader, (void **)&pLoader);
    if (SUCCEEDED(hr))
        hr = pLoader->LoadService(NULL, &pService);
    SAFE_RELEASE(pLoader);
    if (SUCCEEDED(hr))
        hr = pService->WaitForServiceReady();
    if (SUCCEEDED(hr))
        hr = DumpService(pService);
    if (FAILED(hr))
        fwprintf(stderr, L"0x%08lx\n", hr);
    SAFE_RELEASE(pService);
    CoUninitialize();
    return FAILED(hr);
}
