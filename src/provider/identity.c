/* SPDX-License-Identifier: MIT */
/* VDS_LUN_INFORMATION: how a host that sees the disk knows it again. The bytes are those of INQUIRY and of
 * VPD 80h and 83h (SPC-4 §7.8), because the same unit is asked for them; the signature of the disk is on the
 * disk. Everything is task memory, the identifiers' buffers, too. */
#include "provider/lun.h"

#include <stdio.h>
#include <stdlib.h>

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
    for (ULONG i = 0; i < info->m_cInterconnects; i++) {
        CoTaskMemFree(info->m_rgInterconnects[i].m_pbPort);
        CoTaskMemFree(info->m_rgInterconnects[i].m_pbAddress);
    }
    CoTaskMemFree(info->m_rgInterconnects);
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

/* The two designators of the logical unit on VPD 83h, in its order: NAA (SPC-4 §7.8.6.6, designator type 3)
 * and T10 vendor id (§7.8.6.4, type 1: eight bytes of vendor, then the serial number). Those of the port are
 * of the way in, not of the LUN. */
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

/* ---- interconnects ------------------------------------------------------------------------------------- */

/* VDS says no more than that they are SCSI addresses: the port is the target port's name as VPD 83h tells it
 * (SPC-4 §7.8.6.10: UTF-8, a zero, zeros up to four bytes), the address what commands that come by it have in
 * their LUN field (SAM-5 §4.7). */
static HRESULT way_fill(VDS_INTERCONNECT *way, const char *target, uint16_t tag, uint16_t number)
{
    const BYTE lun[8] = { 0, (BYTE)number };
    char port[ISCSI_NAME_MAX + 16] = "";
    int n = snprintf(port, sizeof port - 4, "%s,t,0x%04x", target, tag);

    way->m_addressType = VDS_IA_SCSI;
    way->m_cbPort = ((ULONG)n + 1 + 3) & ~3u;
    way->m_pbPort = CoTaskMemAlloc(way->m_cbPort);
    way->m_cbAddress = sizeof lun;
    way->m_pbAddress = CoTaskMemAlloc(sizeof lun);
    if (!way->m_pbPort || !way->m_pbAddress)
        return E_OUTOFMEMORY;
    memcpy(way->m_pbPort, port, way->m_cbPort);
    memcpy(way->m_pbAddress, lun, sizeof lun);
    return S_OK;
}

static HRESULT add_way(VDS_LUN_INFORMATION *info, const char *target, uint16_t tag, uint16_t number)
{
    VDS_INTERCONNECT *more =
        CoTaskMemRealloc(info->m_rgInterconnects, (info->m_cInterconnects + 1) * sizeof *more);

    if (!more)
        return E_OUTOFMEMORY;
    info->m_rgInterconnects = more;
    memset(&more[info->m_cInterconnects], 0, sizeof *more);
    return way_fill(&more[info->m_cInterconnects++], target, tag, number);
}

static bool gone_just_now(HRESULT hr)
{
    return hr == (HRESULT)VDS_E_OBJECT_DELETED || hr == (HRESULT)VDS_E_OBJECT_NOT_FOUND;
}

/* A portal group with a portal in it is a port of the target. */
static HRESULT add_group(VDS_LUN_INFORMATION *info, struct array *array, const struct guid *id,
                         const char *target, uint16_t number)
{
    _cleanup_(freep) struct guid *portals = NULL;
    struct array_group_info group;
    size_t n = 0;
    HRESULT hr = array_group_get(array, id, &group);

    if (SUCCEEDED(hr))
        hr = array_query(array, ARRAY_PORTALS_OF_GROUP, id, &portals, &n);
    return FAILED(hr) || n == 0 ? hr : add_way(info, target, group.tag, number);
}

static HRESULT add_target(VDS_LUN_INFORMATION *info, struct array *array, const struct guid *lun,
                          const struct guid *id)
{
    _cleanup_(freep) struct guid *groups = NULL;
    struct array_target_info target;
    uint16_t number = 0;
    size_t n = 0;
    HRESULT hr = array_target_get(array, id, &target);

    if (SUCCEEDED(hr))
        hr = array_lun_number(array, lun, id, &number);
    if (SUCCEEDED(hr))
        hr = array_query(array, ARRAY_GROUPS_OF_TARGET, id, &groups, &n);
    for (size_t i = 0; SUCCEEDED(hr) && i < n; i++) {
        hr = add_group(info, array, &groups[i], target.iscsi_name, number);
        if (gone_just_now(hr))
            hr = S_OK;
    }
    return hr;
}

static HRESULT fill_ways(VDS_LUN_INFORMATION *info, struct array *array, const struct guid *lun)
{
    _cleanup_(freep) struct guid *targets = NULL;
    size_t n = 0;
    HRESULT hr = array_query(array, ARRAY_TARGETS_OF_LUN, lun, &targets, &n);

    for (size_t i = 0; SUCCEEDED(hr) && i < n; i++) {
        hr = add_target(info, array, lun, &targets[i]);
        if (gone_just_now(hr))
            hr = S_OK;
    }
    return hr;
}

/* ---- IVdsLun ------------------------------------------------------------------------------------------- */

HRESULT lun_GetIdentificationData(IVdsLun *face, VDS_LUN_INFORMATION *ret_info)
{
    struct lun *o = container_of(face, struct lun, face);
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct array_lun_inquiry inquiry;
    struct guid signature;
    HRESULT hr;

    if (!ret_info)
        return E_INVALIDARG;
    memset(ret_info, 0, sizeof *ret_info);
    hr = provider_enter(o->h.provider, &inside);
    if (SUCCEEDED(hr))
        hr = array_lun_inquiry(inside->config.array, &o->h.id, &inquiry);
    if (SUCCEEDED(hr))
        hr = array_lun_signature(inside->config.array, &o->h.id, &signature);
    if (FAILED(hr))
        return hr;
    ret_info->m_diskSignature = com_GUID(&signature);
    hr = fill(ret_info, &inquiry);
    if (SUCCEEDED(hr))
        hr = fill_ways(ret_info, inside->config.array, &o->h.id);
    if (FAILED(hr))
        information_free(ret_info);
    return hr;
}
