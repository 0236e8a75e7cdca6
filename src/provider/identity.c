/* SPDX-License-Identifier: MIT */
/* VDS_LUN_INFORMATION: how a host that sees the disk knows it again. The bytes are those of INQUIRY and of VPD 80h and 83h (SPC-4 §7.8),
 * because the same unit is asked for them. Everything is task memory, the identifiers' buffers, too. */
#include "provider/lun.h"

#include <stdio.h>

static char *task_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = CoTaskMemAlloc(size);

    return copy ? memcpy(copy, text, size) : NULL;
}

static void information_free(VDS_LUN_INFORMATION *info)
{
    VDS_STORAGE_DEVICE_ID_DESCRIPTOR *d = &info->m_deviceIdDescriptor;

    for (ULONG i = 0; d->m_rgIdentifiers && i < d->m_cIdentifiers; i++)
        CoTaskMemFree(d->m_rgIdentifiers[i].m_rgbIdentifier);
    CoTaskMemFree(d->m_rgIdentifiers);
    CoTaskMemFree(info->m_szVendorId);
    CoTaskMemFree(info->m_szProductId);
    CoTaskMemFree(info->m_szProductRevision);
    CoTaskMemFree(info->m_szSerialNumber);
    memset(info, 0, sizeof *info);
}

static HRESULT identifier_fill(VDS_STORAGE_IDENTIFIER *id, VDS_STORAGE_IDENTIFIER_CODE_SET code_set,
                               VDS_STORAGE_IDENTIFIER_TYPE type, const void *bytes, size_t n)
{
    id->m_rgbIdentifier = CoTaskMemAlloc(n);
    if (!id->m_rgbIdentifier)
        return E_OUTOFMEMORY;
    memcpy(id->m_rgbIdentifier, bytes, n);
    id->m_cbIdentifier = (ULONG)n;
    id->m_CodeSet = code_set;
    id->m_Type = type;
    return S_OK;
}

/* The two designators of the logical unit on VPD 83h, in its order: NAA (SPC-4 §7.8.6.6, designator type 3) and T10 vendor id
 * (§7.8.6.4, type 1: eight bytes of vendor, then the serial number). Those of the port are of the way in, not of the LUN. */
static HRESULT fill_identifiers(VDS_STORAGE_DEVICE_ID_DESCRIPTOR *d, const struct array_lun_inquiry *inquiry)
{
    char t10[8 + sizeof inquiry->serial];
    HRESULT hr;

    d->m_version = 1;
    d->m_rgIdentifiers = com_task_calloc(2, sizeof *d->m_rgIdentifiers);
    if (!d->m_rgIdentifiers)
        return E_OUTOFMEMORY;
    d->m_cIdentifiers = 2;
    hr = identifier_fill(&d->m_rgIdentifiers[0], VDSStorageIdCodeSetBinary, VDSStorageIdTypeFCPHName,
                         inquiry->naa, inquiry->naa_len);
    snprintf(t10, sizeof t10, "%-8.8s%s", inquiry->vendor, inquiry->serial);
    if (SUCCEEDED(hr))
        hr = identifier_fill(&d->m_rgIdentifiers[1], VDSStorageIdCodeSetAscii, VDSStorageIdTypeVendorId, t10,
                             strlen(t10));
    return hr;
}

static HRESULT fill(VDS_LUN_INFORMATION *info, const struct array_lun_inquiry *inquiry)
{
    info->m_version = VER_VDS_LUN_INFORMATION;
    info->m_DeviceType = 0; /* direct access block device (SPC-4 §6.6.2) */
    info->m_bCommandQueueing = TRUE;
    info->m_BusType = VDSBusTypeiScsi;
    info->m_szVendorId = task_text(inquiry->vendor);
    info->m_szProductId = task_text(inquiry->product);
    info->m_szProductRevision = task_text(inquiry->revision);
    info->m_szSerialNumber = task_text(inquiry->serial);
    if (!info->m_szVendorId || !info->m_szProductId || !info->m_szProductRevision || !info->m_szSerialNumber)
        return E_OUTOFMEMORY;
    return fill_identifiers(&info->m_deviceIdDescriptor, inquiry);
}

HRESULT lun_GetIdentificationData(IVdsLun *face, VDS_LUN_INFORMATION *ret_info)
{
    struct lun *o = container_of(face, struct lun, face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_lun_inquiry inquiry;
    HRESULT hr;

    if (!ret_info)
        return E_INVALIDARG;
    memset(ret_info, 0, sizeof *ret_info);
    hr = provider_enter(o->h.provider, &inside);
    if (SUCCEEDED(hr))
        hr = array_lun_inquiry(inside->config.array, &o->h.id, &inquiry);
    if (FAILED(hr))
        return hr;
    hr = fill(ret_info, &inquiry);
    if (FAILED(hr))
        information_free(ret_info);
    return hr;
}
