/* SPDX-License-Identifier: MIT */
/* LUNs and the drive. */
#include "fake_internal.h"

FAKE_UNKNOWN(IVdsLun, lun)
FAKE_UNKNOWN(IVdsLunIscsi, lun_iscsi)
FAKE_UNKNOWN(IVdsDrive, drive)

static HRESULT lun_properties(IVdsLun *p, VDS_LUN_PROP *out)
{
    struct fake_object *o = from_IVdsLun(p);
    HRESULT hr = fake_check(o);

    if (SUCCEEDED(hr))
        *out = (VDS_LUN_PROP){ .id = fake_id(FAKE_LUN, o->number),
                               .ullSize = 1ull << 40,
                               .pwszFriendlyName = fake_wide("lun"),
                               .pwszIdentification = fake_wide("serial"),
                               .pwszUnmaskingList = fake_wide("*"),
                               .type = VDS_LT_SIMPLE };
    return hr;
}

static BYTE *bytes(const void *from, size_t n)
{
    return memcpy(CoTaskMemAlloc(n), from, n);
}

static HRESULT lun_identification(IVdsLun *p, VDS_LUN_INFORMATION *out)
{
    VDS_STORAGE_IDENTIFIER *ids = com_task_calloc(2, sizeof *ids);
    VDS_INTERCONNECT *ics = com_task_calloc(1, sizeof *ics);

    (void)p;
    ids[0] = (VDS_STORAGE_IDENTIFIER){
        .m_CodeSet = 1, .m_Type = 3, .m_cbIdentifier = 16, .m_rgbIdentifier = bytes("0123456789abcdef", 16)
    };
    ids[1] = (VDS_STORAGE_IDENTIFIER){ .m_CodeSet = 2, .m_Type = 8 };
    ics[0] = (VDS_INTERCONNECT){ .m_addressType = 1,
                                 .m_cbPort = 3,
                                 .m_pbPort = bytes("abc", 3),
                                 .m_cbAddress = 1,
                                 .m_pbAddress = bytes("", 1) };
    *out = (VDS_LUN_INFORMATION){ .m_version = VER_VDS_LUN_INFORMATION,
                                  .m_DeviceType = 255,
                                  .m_bCommandQueueing = 1 };
    out->m_szVendorId = (char *)bytes("VEN\xe4", 5);
    out->m_szProductId = (char *)bytes("", 1);
    out->m_szSerialNumber = (char *)bytes("42", 3);
    out->m_diskSignature = fake_id(FAKE_LUN, 77);
    out->m_deviceIdDescriptor =
        (VDS_STORAGE_DEVICE_ID_DESCRIPTOR){ .m_version = 1, .m_cIdentifiers = 2, .m_rgIdentifiers = ids };
    out->m_cInterconnects = 1;
    out->m_rgInterconnects = ics;
    return S_OK;
}

static HRESULT lun_query_hints(IVdsLun *p, VDS_HINTS *out)
{
    *out = from_IVdsLun(p)->fake->last.hints;
    return S_OK;
}

static HRESULT lun_apply_hints(IVdsLun *p, VDS_HINTS *in)
{
    from_IVdsLun(p)->fake->last.hints = *in;
    return S_OK;
}

static HRESULT lun_mask(IVdsLun *p, LPWSTR mask)
{
    struct fake_object *o = from_IVdsLun(p);
    HRESULT hr = fake_check(o);

    if (FAILED(hr))
        return hr;
    pthread_mutex_lock(&o->fake->lock);
    fake_narrow(o->fake->last.mask, sizeof o->fake->last.mask, mask);
    pthread_mutex_unlock(&o->fake->lock);
    return S_OK;
}

static HRESULT lun_delete(IVdsLun *p)
{
    fake_pass_gate(from_IVdsLun(p)->fake);
    return S_OK;
}

static HRESULT lun_targets(IVdsLunIscsi *p, VDS_OBJECT_ID *targets, LONG n)
{
    struct fake_record *last = &from_IVdsLunIscsi(p)->fake->last;

    last->drives_null = !targets;
    last->n_drives = n;
    return S_OK;
}

static HRESULT drive_properties(IVdsDrive *p, VDS_DRIVE_PROP *out)
{
    *out = (VDS_DRIVE_PROP){ .id = fake_id(FAKE_DRIVE, from_IVdsDrive(p)->number), .ullSize = 12 };
    return S_OK;
}

IVdsLunVtbl fake_lun_vtbl = { FAKE_SLOTS(IVdsLun),
                                .GetProperties = lun_properties,
                                .GetIdentificationData = lun_identification,
                                .QueryHints = lun_query_hints,
                                .ApplyHints = lun_apply_hints,
                                .SetMask = lun_mask,
                                .Delete = lun_delete };

IVdsLunIscsiVtbl fake_lun_iscsi_vtbl = { FAKE_SLOTS(IVdsLunIscsi), .AssociateTargets = lun_targets };

IVdsDriveVtbl fake_drive_vtbl = { FAKE_SLOTS(IVdsDrive), .GetProperties = drive_properties };
