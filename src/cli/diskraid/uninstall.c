/* SPDX-License-Identifier: MIT */
#include "cli/diskraid/uninstall.h"

#include <stdio.h>

#include "base/cleanup.h"

void lun_information_fini(VDS_LUN_INFORMATION *info)
{
    CoTaskMemFree(info->m_szVendorId);
    CoTaskMemFree(info->m_szProductId);
    CoTaskMemFree(info->m_szProductRevision);
    CoTaskMemFree(info->m_szSerialNumber);
    for (ULONG i = 0;
         info->m_deviceIdDescriptor.m_rgIdentifiers && i < info->m_deviceIdDescriptor.m_cIdentifiers; i++)
        CoTaskMemFree(info->m_deviceIdDescriptor.m_rgIdentifiers[i].m_rgbIdentifier);
    CoTaskMemFree(info->m_deviceIdDescriptor.m_rgIdentifiers);
    for (ULONG i = 0; info->m_rgInterconnects && i < info->m_cInterconnects; i++) {
        CoTaskMemFree(info->m_rgInterconnects[i].m_pbPort);
        CoTaskMemFree(info->m_rgInterconnects[i].m_pbAddress);
    }
    CoTaskMemFree(info->m_rgInterconnects);
    *info = (VDS_LUN_INFORMATION){ 0 };
}

static HRESULT uninstall(IVdsServiceUninstallDisk *face, VDS_LUN_INFORMATION *info)
{
    BOOLEAN reboot = FALSE;
    HRESULT result = S_OK, hr;
    GUID disk;

    hr = IVdsServiceUninstallDisk_GetDiskIdFromLunInfo(face, info, &disk);
    if (hr == VDS_E_OBJECT_NOT_FOUND)
        return S_OK;
    if (SUCCEEDED(hr))
        hr = IVdsServiceUninstallDisk_UninstallDisks(face, &disk, 1, FALSE, &reboot, &result);
    return FAILED(hr) ? hr : result;
}

HRESULT uninstall_lun(struct shell *shell, IVdsLun *lun)
{
    _cleanup_(lun_information_fini) VDS_LUN_INFORMATION info = { 0 };
    IVdsServiceUninstallDisk *face;
    HRESULT hr = IVdsService_QueryInterface(shell->service, &IID_IVdsServiceUninstallDisk, (void **)&face);

    if (hr == E_NOINTERFACE) { /* a script that was written for another host goes on */
        puts("The service looks after no disks of its host: there is none to uninstall.");
        return S_OK;
    }
    if (FAILED(hr))
        return hr;
    hr = IVdsLun_GetIdentificationData(lun, &info);
    if (SUCCEEDED(hr))
        hr = uninstall(face, &info);
    IVdsServiceUninstallDisk_Release(face);
    return hr;
}
