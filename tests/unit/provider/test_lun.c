/* SPDX-License-Identifier: MIT */
/* LUNs, plexes, drives, the controller, the subsystem. */
#include "fixture.h"

static WCHAR everybody[] = u"*", nobody[] = u"";

static void *first(IEnumVdsObject *e, const IID *iid)
{
    return member(e, 0, iid);
}

static IVdsDrive *the_drive(struct fixture *f)
{
    IEnumVdsObject *e = NULL;

    assert_int_equal(IVdsSubSystem_QueryDrives(f->subsystem, &e), S_OK);
    return first(e, &IID_IVdsDrive);
}

static IVdsController *the_controller(struct fixture *f)
{
    IEnumVdsObject *e = NULL;

    assert_int_equal(IVdsSubSystem_QueryControllers(f->subsystem, &e), S_OK);
    return first(e, &IID_IVdsController);
}

static VDS_OBJECT_ID drive_id(IVdsDrive *drive)
{
    VDS_DRIVE_PROP prop;

    assert_int_equal(IVdsDrive_GetProperties(drive, &prop), S_OK);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    return prop.id;
}

static VDS_OBJECT_ID controller_id(IVdsController *controller)
{
    VDS_CONTROLLER_PROP prop;

    assert_int_equal(IVdsController_GetProperties(controller, &prop), S_OK);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    return prop.id;
}

/* ---- CreateLun ----------------------------------------------------------------------------------------- */

static void create_lun_hands_out_a_simple_lun(void **state)
{
    struct fixture *f = *state;
    IVdsLun *lun = make_lun(f);
    IVdsSubSystem *subsystem = NULL;
    VDS_LUN_PROP prop;

    assert_int_equal(IVdsLun_GetProperties(lun, &prop), S_OK);
    assert_int_equal(prop.ullSize, 1 << 30);
    assert_int_equal(prop.type, VDS_LT_SIMPLE);
    assert_int_equal(prop.status, VDS_LS_ONLINE);
    assert_int_equal(prop.pwszUnmaskingList[0], 0); /* nobody, until told otherwise */
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    CoTaskMemFree(prop.pwszUnmaskingList);
    assert_int_equal(IVdsLun_GetSubSystem(lun, &subsystem), S_OK);
    drop(subsystem);
    drop(lun);
}

static HRESULT create(struct fixture *f, VDS_LUN_TYPE type, ULONGLONG size, VDS_OBJECT_ID *drives,
                      LONG n_drives, LPWSTR mask, VDS_HINTS *hints)
{
    IVdsAsync *async = (IVdsAsync *)f;
    HRESULT hr = IVdsSubSystem_CreateLun(f->subsystem, type, size, drives, n_drives, mask, hints, &async);

    if (SUCCEEDED(hr))
        drop(finish_as(async, S_OK, &IID_IVdsLun));
    else
        assert_null(async);
    return hr;
}

static void create_lun_knows_which_types_this_array_makes(void **state)
{
    struct fixture *f = *state;
    VDS_HINTS hints = { 0 };

    assert_int_equal(create(f, VDS_LT_DEFAULT, 1 << 20, NULL, 0, everybody, &hints), S_OK);
    assert_int_equal(create(f, VDS_LT_NON_FAULT_TOLERANT, 1 << 20, NULL, 0, everybody, NULL), S_OK);
    assert_int_equal(create(f, VDS_LT_FAULT_TOLERANT, 1 << 20, NULL, 0, everybody, &hints),
                     VDS_E_NOT_SUPPORTED);
    assert_int_equal(create(f, VDS_LT_STRIPE, 1 << 20, NULL, 0, everybody, NULL), VDS_E_NOT_SUPPORTED);
    assert_int_equal(create(f, VDS_LT_RAID61, 1 << 20, NULL, 0, everybody, NULL), VDS_E_NOT_SUPPORTED);
    assert_int_equal(create(f, VDS_LT_UNKNOWN, 1 << 20, NULL, 0, everybody, NULL), E_INVALIDARG);
    assert_int_equal(create(f, (VDS_LUN_TYPE)31, 1 << 20, NULL, 0, everybody, NULL), E_INVALIDARG);
    assert_int_equal(create(f, VDS_LT_SIMPLE, 1 << 20, NULL, 0, everybody, &hints), E_INVALIDARG);
}

static void create_lun_checks_size_drives_and_mask(void **state)
{
    struct fixture *f = *state;
    IVdsDrive *drive = the_drive(f);
    VDS_OBJECT_ID id = drive_id(drive), unknown = com_check_unknown_iid;

    assert_int_equal(create(f, VDS_LT_SIMPLE, 1 << 20, &id, 1, nobody, NULL), S_OK);
    assert_int_equal(create(f, VDS_LT_SIMPLE, 1 << 20, &unknown, 1, nobody, NULL), VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(create(f, VDS_LT_DEFAULT, 1 << 20, &id, 1, nobody, NULL), E_INVALIDARG);
    assert_int_equal(create(f, VDS_LT_SIMPLE, 0, NULL, 0, nobody, NULL), E_INVALIDARG);
    assert_int_equal(create(f, VDS_LT_SIMPLE, 1 << 20, NULL, 1, nobody, NULL), E_INVALIDARG);
    assert_int_equal(create(f, VDS_LT_SIMPLE, 1 << 20, &id, -1, nobody, NULL), E_INVALIDARG);
    assert_int_equal(create(f, VDS_LT_SIMPLE, 1 << 20, NULL, 0, NULL, NULL), E_INVALIDARG);
    assert_int_equal(create(f, VDS_LT_SIMPLE, 1ull << 60, NULL, 0, nobody, NULL), VDS_E_NOT_ENOUGH_SPACE);
    assert_int_equal(
        IVdsSubSystem_CreateLun(f->subsystem, VDS_LT_SIMPLE, 1 << 20, NULL, 0, nobody, NULL, NULL),
        E_INVALIDARG);
    drop(drive);
}

static void create_lun_ex_makes_a_thick_lun_with_a_name(void **state)
{
    struct fixture *f = *state;
    IVdsSubSystemEx *ex = query(f->subsystem, &IID_IVdsSubSystemEx);
    WCHAR name[] = u"database";
    IVdsAsync *async = NULL;
    IVdsLunEx *lun;
    ULONGLONG allocated = 0;
    BOOL thick = FALSE;

    assert_int_equal(IVdsSubSystemEx_CreateLunEx(ex, 5 << 20, TRUE, NULL, 0, nobody, name, &async), S_OK);
    lun = finish_as(async, S_OK, &IID_IVdsLunEx);
    assert_int_equal(IVdsLunEx_GetAllocation(lun, &allocated, &thick), S_OK);
    assert_int_equal(allocated, 5 << 20);
    assert_true(thick);
    assert_int_equal(IVdsLunEx_GetAllocation(lun, NULL, &thick), E_INVALIDARG);
    assert_int_equal(IVdsSubSystemEx_CreateLunEx(ex, 5 << 20, TRUE, NULL, 0, nobody, NULL, NULL),
                     E_INVALIDARG);
    drop(lun);
    drop(ex);
}

static void the_largest_lun_is_what_the_roomiest_drive_has_left(void **state)
{
    struct fixture *f = *state;
    VDS_OBJECT_ID unknown = com_check_unknown_iid;
    IVdsDrive *drive = the_drive(f);
    VDS_OBJECT_ID id = drive_id(drive);
    ULONGLONG max = 5;

    assert_int_equal(IVdsSubSystem_QueryMaxLunCreateSize(f->subsystem, VDS_LT_SIMPLE, NULL, 0, NULL, &max),
                     S_OK);
    assert_int_equal(max, 600ull << 30);
    assert_int_equal(IVdsSubSystem_QueryMaxLunCreateSize(f->subsystem, VDS_LT_SIMPLE, &id, 1, NULL, &max),
                     S_OK);
    assert_int_equal(max, 600ull << 30);
    assert_int_equal(
        IVdsSubSystem_QueryMaxLunCreateSize(f->subsystem, VDS_LT_SIMPLE, &unknown, 1, NULL, &max),
        VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(max, 0);
    assert_int_equal(IVdsSubSystem_QueryMaxLunCreateSize(f->subsystem, VDS_LT_MIRROR, NULL, 0, NULL, &max),
                     VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsSubSystem_QueryMaxLunCreateSize(f->subsystem, VDS_LT_SIMPLE, NULL, 0, NULL, NULL),
                     E_INVALIDARG);
    drop(drive);
}

/* ---- a LUN's life -------------------------------------------------------------------------------------- */

static void mask_name_and_hints_of_a_lun_can_be_set(void **state)
{
    struct fixture *f = *state;
    IVdsLun *lun = make_lun(f);
    IVdsLunNaming *naming = query(lun, &IID_IVdsLunNaming);
    VDS_HINTS hints;
    VDS_LUN_PROP prop;

    assert_int_equal(IVdsLun_SetMask(lun, everybody), S_OK);
    assert_int_equal(IVdsLun_SetMask(lun, NULL), E_INVALIDARG);
    assert_int_equal(IVdsLunNaming_SetFriendlyName(naming, everybody), S_OK);
    assert_int_equal(IVdsLunNaming_SetFriendlyName(naming, NULL), E_INVALIDARG);
    assert_int_equal(IVdsLun_GetProperties(lun, &prop), S_OK);
    assert_true(same_text(prop.pwszUnmaskingList, u"*"));
    assert_true(same_text(prop.pwszFriendlyName, u"*"));
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    CoTaskMemFree(prop.pwszUnmaskingList);
    assert_int_equal(IVdsLun_QueryHints(lun, &hints), S_OK);
    assert_int_equal(hints.ullHintMask, VDS_HINT_WRITETHROUGHCACHINGENABLED);
    assert_false(hints.bWriteThroughCachingEnabled);
    hints.bWriteThroughCachingEnabled = TRUE;
    assert_int_equal(IVdsLun_ApplyHints(lun, &hints), S_OK);
    assert_int_equal(IVdsLun_QueryHints(lun, &hints), S_OK);
    assert_true(hints.bWriteThroughCachingEnabled);
    hints.ullHintMask |= VDS_HINT_MOSTLYREADS;
    hints.bWriteThroughCachingEnabled = FALSE;
    assert_int_equal(IVdsLun_ApplyHints(lun, &hints), VDS_E_NOT_SUPPORTED); /* not by half */
    assert_int_equal(IVdsLun_QueryHints(lun, &hints), S_OK);
    assert_true(hints.bWriteThroughCachingEnabled);
    hints.ullHintMask = 0;
    assert_int_equal(IVdsLun_ApplyHints(lun, &hints), S_OK);
    assert_int_equal(IVdsLun_ApplyHints(lun, NULL), E_INVALIDARG);
    drop(naming);
    drop(lun);
}

static void associating_targets_replaces_the_whole_set_and_gives_numbers(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *a = make_target(f, u"iqn.2026-01.example:a"),
                    *b = make_target(f, u"iqn.2026-01.example:b");
    VDS_OBJECT_ID ids[] = { target_id(a), target_id(b) }, unknown = com_check_unknown_iid;
    IVdsLun *lun = make_lun(f);
    IVdsLunIscsi *iscsi = query(lun, &IID_IVdsLunIscsi);
    IVdsLunEx *ex = query(lun, &IID_IVdsLunEx);
    IVdsLunNumber *number = query(lun, &IID_IVdsLunNumber);
    IEnumVdsObject *e = NULL;
    ULONG n = 99;

    assert_int_equal(IVdsLunNumber_GetLunNumber(number, &n), VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(IVdsLunIscsi_AssociateTargets(iscsi, ids, 2), S_OK);
    assert_int_equal(IVdsLunIscsi_QueryAssociatedTargets(iscsi, &e), S_OK);
    assert_int_equal(count(e), 2);
    assert_int_equal(IVdsIscsiTarget_QueryAssociatedLuns(a, &e), S_OK);
    assert_int_equal(count(e), 1);
    assert_int_equal(IVdsLunEx_GetNumber(ex, ids[0], &n), S_OK);
    assert_int_equal(n, 7);
    assert_int_equal(IVdsLunNumber_GetLunNumber(number, &n), S_OK);
    assert_int_equal(IVdsLunIscsi_AssociateTargets(iscsi, &unknown, 1), VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(IVdsLunIscsi_AssociateTargets(iscsi, NULL, 2), E_INVALIDARG);
    assert_int_equal(IVdsLunIscsi_AssociateTargets(iscsi, NULL, 0), S_OK);
    assert_int_equal(IVdsLunIscsi_QueryAssociatedTargets(iscsi, &e), S_OK);
    assert_int_equal(count(e), 0);
    assert_int_equal(IVdsLunEx_GetNumber(ex, ids[0], &n), VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(n, 0);
    drop(number);
    drop(ex);
    drop(iscsi);
    drop(lun);
    drop(a);
    drop(b);
}

static void a_deleted_lun_answers_object_deleted_from_every_method(void **state)
{
    struct fixture *f = *state;
    IVdsLun *lun = make_lun(f);
    VDS_LUN_PROP prop;
    VDS_LUN_INFORMATION info;
    IVdsSubSystem *subsystem = NULL;
    IEnumVdsObject *e = NULL;
    IVdsAsync *async = NULL;
    ULONGLONG max;
    VDS_HINTS hints = { 0 };

    assert_int_equal(IVdsLun_Delete(lun), S_OK);
    assert_int_equal(IVdsLun_Delete(lun), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsLun_GetProperties(lun, &prop), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsLun_GetSubSystem(lun, &subsystem), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsLun_GetIdentificationData(lun, &info), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsLun_QueryActiveControllers(lun, &e), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsLun_QueryPlexes(lun, &e), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsLun_AddPlex(lun, GUID_NULL, &async), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsLun_RemovePlex(lun, GUID_NULL, &async), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsLun_Recover(lun, &async), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsLun_SetMask(lun, nobody), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsLun_AssociateControllers(lun, NULL, 0, NULL, 0), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsLun_QueryHints(lun, &hints), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsLun_ApplyHints(lun, &hints), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsLun_SetStatus(lun, VDS_LS_ONLINE), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsLun_QueryMaxLunExtendSize(lun, NULL, 0, &max), VDS_E_OBJECT_DELETED);
    drop(lun);
}

static void identification_data_carries_the_bytes_of_inquiry(void **state)
{
    struct fixture *f = *state;
    IVdsLun *lun = make_lun(f);
    VDS_STORAGE_IDENTIFIER *id;
    VDS_LUN_INFORMATION info;

    assert_int_equal(IVdsLun_GetIdentificationData(lun, &info), S_OK);
    assert_int_equal(info.m_version, VER_VDS_LUN_INFORMATION);
    assert_int_equal(info.m_BusType, VDSBusTypeiScsi);
    assert_int_equal(info.m_diskSignature.Data1, 0x12345678);
    assert_string_equal((char *)info.m_szVendorId, "VDS");
    assert_string_equal((char *)info.m_szSerialNumber, "serial-1");
    assert_int_equal(info.m_deviceIdDescriptor.m_cIdentifiers, 2);
    id = info.m_deviceIdDescriptor.m_rgIdentifiers;
    assert_int_equal(id->m_CodeSet, VDSStorageIdCodeSetBinary);
    assert_int_equal(id->m_Type, VDSStorageIdTypeFCPHName);
    assert_int_equal(id->m_cbIdentifier, 16);
    assert_int_equal(id->m_rgbIdentifier[0], 0x60);
    assert_int_equal(id[1].m_CodeSet, VDSStorageIdCodeSetAscii);
    assert_int_equal(id[1].m_Type, VDSStorageIdTypeVendorId);
    assert_int_equal(id[1].m_cbIdentifier, 16);
    assert_memory_equal(id[1].m_rgbIdentifier, "VDS     serial-1", 16);
    CoTaskMemFree(id[0].m_rgbIdentifier);
    CoTaskMemFree(id[1].m_rgbIdentifier);
    CoTaskMemFree(id);
    CoTaskMemFree(info.m_szVendorId);
    CoTaskMemFree(info.m_szProductId);
    CoTaskMemFree(info.m_szProductRevision);
    CoTaskMemFree(info.m_szSerialNumber);
    assert_int_equal(IVdsLun_GetIdentificationData(lun, NULL), E_INVALIDARG);
    drop(lun);
}

static void a_lun_has_one_plex_that_is_the_lun_seen_as_its_only_copy(void **state)
{
    struct fixture *f = *state;
    IVdsLun *lun = make_lun(f), *back = NULL;
    VDS_OBJECT_ID id = lun_id(lun);
    VDS_LUN_PLEX_PROP prop;
    VDS_DRIVE_EXTENT *extents = NULL;
    VDS_HINTS hints;
    IVdsLunPlex *plex;
    IUnknown *object = NULL;
    IEnumVdsObject *e = NULL;
    IVdsAsync *async = NULL;
    LONG n = 0;

    assert_int_equal(IVdsLun_QueryPlexes(lun, &e), S_OK);
    plex = first(e, &IID_IVdsLunPlex);
    assert_int_equal(IVdsLunPlex_GetProperties(plex, &prop), S_OK);
    assert_int_equal(prop.type, VDS_LPT_SIMPLE);
    assert_int_equal(prop.ullSize, 1 << 30);
    assert_false(same_id(prop.id, id));
    assert_int_equal(IVdsProviderPrivate_GetObject(f->private_face, prop.id, VDS_OT_LUN_PLEX, &object), S_OK);
    drop(object);
    assert_int_equal(IVdsLunPlex_GetLun(plex, &back), S_OK);
    assert_true(same_id(lun_id(back), id));
    assert_int_equal(IVdsLunPlex_QueryExtents(plex, &extents, &n), S_OK);
    assert_int_equal(n, 1);
    assert_true(same_id(extents[0].LunId, id));
    CoTaskMemFree(extents);
    assert_int_equal(IVdsLunPlex_QueryHints(plex, &hints), S_OK);
    assert_int_equal(IVdsLunPlex_ApplyHints(plex, &hints), S_OK);
    assert_int_equal(IVdsLun_RemovePlex(lun, prop.id, &async), VDS_E_INVALID_OPERATION);
    assert_int_equal(IVdsLun_RemovePlex(lun, com_check_unknown_iid, &async), VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(IVdsLun_AddPlex(lun, id, &async), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsLun_AddPlex(lun, com_check_unknown_iid, &async), VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(IVdsLun_Recover(lun, &async), VDS_E_INVALID_OPERATION);
    assert_int_equal(IVdsLun_Delete(lun), S_OK);
    assert_int_equal(IVdsLunPlex_GetProperties(plex, &prop), VDS_E_OBJECT_DELETED);
    drop(back);
    drop(plex);
    drop(lun);
}

static void a_lun_is_online_and_cannot_be_asked_to_be_otherwise(void **state)
{
    struct fixture *f = *state;
    IVdsLun *lun = make_lun(f);
    ULONGLONG max = 0;

    assert_int_equal(IVdsLun_SetStatus(lun, VDS_LS_ONLINE), S_OK);
    assert_int_equal(IVdsLun_SetStatus(lun, VDS_LS_UNKNOWN), E_INVALIDARG);
    assert_int_equal(IVdsLun_SetStatus(lun, (VDS_LUN_STATUS)3), E_INVALIDARG);
    assert_int_equal(IVdsLun_SetStatus(lun, VDS_LS_NOT_READY), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsLun_SetStatus(lun, VDS_LS_OFFLINE), S_OK);
    assert_int_equal(IVdsLun_QueryMaxLunExtendSize(lun, NULL, 0, &max), S_OK);
    assert_int_equal(max, 600ull << 30);
    drop(lun);
}

/* ---- controller, drive, subsystem ---------------------------------------------------------------------- */

static void the_controller_is_active_for_every_lun(void **state)
{
    struct fixture *f = *state;
    IVdsController *controller = the_controller(f);
    VDS_OBJECT_ID id = controller_id(controller), unknown = com_check_unknown_iid;
    IVdsLun *lun = make_lun(f);
    IEnumVdsObject *e = NULL;

    assert_int_equal(IVdsLun_QueryActiveControllers(lun, &e), S_OK);
    assert_int_equal(count(e), 1);
    assert_int_equal(IVdsController_QueryAssociatedLuns(controller, &e), S_OK);
    assert_int_equal(count(e), 1);
    assert_int_equal(IVdsLun_AssociateControllers(lun, &id, 1, NULL, 0), S_OK);
    assert_int_equal(IVdsLun_AssociateControllers(lun, NULL, 0, &id, 1), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsLun_AssociateControllers(lun, &id, 1, &id, 1), E_INVALIDARG);
    assert_int_equal(IVdsLun_AssociateControllers(lun, NULL, 0, NULL, 0), E_INVALIDARG);
    assert_int_equal(IVdsLun_AssociateControllers(lun, &unknown, 1, NULL, 0), VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(IVdsLun_AssociateControllers(lun, NULL, 1, NULL, 0), E_INVALIDARG);
    assert_int_equal(IVdsSubSystem_SetControllerStatus(f->subsystem, &id, 1, NULL, 0), S_OK);
    assert_int_equal(IVdsSubSystem_SetControllerStatus(f->subsystem, NULL, 0, &id, 1), S_OK);
    assert_int_equal(IVdsSubSystem_SetControllerStatus(f->subsystem, NULL, 0, NULL, 0), E_INVALIDARG);
    drop(lun);
    drop(controller);
}

static void the_controller_has_one_port_and_no_cache(void **state)
{
    struct fixture *f = *state;
    IVdsController *controller = the_controller(f);
    IVdsSubSystem *subsystem = NULL;
    VDS_PORT_PROP port;

    assert_int_equal(IVdsController_GetPortProperties(controller, 0, &port), S_OK);
    assert_int_equal(port.status, VDS_PRS_ONLINE);
    CoTaskMemFree(port.pwszFriendlyName);
    CoTaskMemFree(port.pwszIdentification);
    assert_int_equal(IVdsController_GetPortProperties(controller, 1, &port), E_INVALIDARG);
    assert_int_equal(IVdsController_FlushCache(controller), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsController_InvalidateCache(controller), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsController_Reset(controller), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsController_SetStatus(controller, VDS_CS_ONLINE), S_OK);
    assert_int_equal(IVdsController_SetStatus(controller, VDS_CS_UNKNOWN), E_INVALIDARG);
    assert_int_equal(IVdsController_SetStatus(controller, VDS_CS_NOT_READY), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsController_SetStatus(controller, VDS_CS_OFFLINE), S_OK);
    assert_int_equal(IVdsController_GetSubSystem(controller, &subsystem), S_OK);
    drop(subsystem);
    drop(controller);
}

static void a_drive_shows_its_extents_used_and_free(void **state)
{
    struct fixture *f = *state;
    IVdsDrive *drive = the_drive(f);
    IVdsLun *lun = make_lun(f);
    VDS_DRIVE_EXTENT *extents = NULL;
    LONG n = 0;

    assert_int_equal(IVdsDrive_QueryExtents(drive, &extents, &n), S_OK);
    assert_int_equal(n, 2);
    assert_true(extents[0].bUsed);
    assert_true(same_id(extents[0].LunId, lun_id(lun)));
    assert_false(extents[1].bUsed);
    assert_int_equal(extents[1].ullSize, (600ull << 30) + 5);
    CoTaskMemFree(extents);
    assert_int_equal(IVdsDrive_QueryExtents(drive, NULL, &n), E_INVALIDARG);
    assert_int_equal(n, 0);
    drop(lun);
    drop(drive);
}

static void a_drive_is_found_by_its_place_and_is_no_hot_spare(void **state)
{
    struct fixture *f = *state;
    IVdsDrive *drive = NULL;
    IVdsSubSystem *subsystem = NULL;
    VDS_OBJECT_ID id;

    assert_int_equal(IVdsSubSystem_GetDrive(f->subsystem, 0, 3, &drive), S_OK);
    id = drive_id(drive);
    assert_int_equal(IVdsDrive_SetFlags(drive, VDS_DRF_HOTSPARE), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsDrive_ClearFlags(drive, VDS_DRF_HOTSPARE), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsDrive_SetFlags(drive, 0x100), E_INVALIDARG);
    assert_int_equal(IVdsDrive_SetStatus(drive, VDS_DRS_ONLINE), S_OK);
    assert_int_equal(IVdsDrive_SetStatus(drive, VDS_DRS_UNKNOWN), E_INVALIDARG);
    assert_int_equal(IVdsDrive_SetStatus(drive, VDS_DRS_NOT_READY), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsDrive_SetStatus(drive, VDS_DRS_OFFLINE), S_OK);
    assert_int_equal(IVdsDrive_GetSubSystem(drive, &subsystem), S_OK);
    assert_int_equal(IVdsSubSystem_ReplaceDrive(f->subsystem, id, id), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsSubSystem_ReplaceDrive(f->subsystem, id, GUID_NULL), VDS_E_OBJECT_NOT_FOUND);
    drop(subsystem);
    drop(drive);
    assert_int_equal(IVdsSubSystem_GetDrive(f->subsystem, 0, 0, &drive), VDS_E_OBJECT_NOT_FOUND);
    assert_null(drive);
}

static void the_subsystem_tells_its_properties_and_takes_a_name(void **state)
{
    struct fixture *f = *state;
    IVdsSubSystemNaming *naming = query(f->subsystem, &IID_IVdsSubSystemNaming);
    VDS_SUB_SYSTEM_PROP prop;

    assert_int_equal(IVdsSubSystemNaming_SetFriendlyName(naming, everybody), S_OK);
    assert_int_equal(IVdsSubSystem_GetProperties(f->subsystem, &prop), S_OK);
    assert_true(same_text(prop.pwszFriendlyName, u"*"));
    assert_true(prop.ulFlags & VDS_SF_LUN_MASKING_CAPABLE);
    assert_true(prop.ulFlags & VDS_SF_DRIVE_EXTENT_CAPABLE);
    assert_true(prop.ulFlags & VDS_SF_SUPPORTS_LUN_NUMBER);
    /* what is refused, or not built */
    assert_false(prop.ulFlags & (VDS_SF_LUN_PLEXING_CAPABLE | VDS_SF_SUPPORTS_AUTH_CHAP));
    assert_int_equal(prop.status, VDS_SSS_ONLINE);
    assert_int_equal(prop.sMaxNumberOfControllers, 1);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    assert_int_equal(IVdsSubSystem_GetProperties(f->subsystem, NULL), E_INVALIDARG);
    assert_int_equal(IVdsSubSystem_SetStatus(f->subsystem, VDS_SSS_ONLINE), S_OK);
    assert_int_equal(IVdsSubSystem_SetStatus(f->subsystem, VDS_SSS_NOT_READY), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsSubSystem_SetStatus(f->subsystem, VDS_SSS_OFFLINE), S_OK);
    assert_int_equal(IVdsSubSystem_SetStatus(f->subsystem, VDS_SSS_UNKNOWN), E_INVALIDARG);
    assert_int_equal(IVdsSubSystem_Reenumerate(f->subsystem), S_OK);
    drop(naming);
}

/* ---- IVdsSubSystemEx ----------------------------------------------------------------------------------- */

static void sessions_can_be_listed_and_dropped(void **state)
{
    struct fixture *f = *state;
    IVdsSubSystemEx *ex = query(f->subsystem, &IID_IVdsSubSystemEx);
    VDS_SESSION_PROP *sessions = NULL;
    ULONG n = 9;

    assert_int_equal(IVdsSubSystemEx_QuerySessions(ex, &sessions, &n), S_OK);
    assert_int_equal(n, 0);
    assert_null(sessions);
    fake_add_session(f->array, com_guid(&com_check_unknown_iid), "iqn.host:1", false);
    assert_int_equal(IVdsSubSystemEx_QuerySessions(ex, &sessions, &n), S_OK);
    assert_int_equal(n, 1);
    assert_true(same_text(sessions[0].pwszInitiatorName, u"iqn.host:1"));
    assert_true(same_text(sessions[0].pwszIsid, u"00023d000001"));
    assert_int_equal(sessions[0].ullBytesRead, 22);
    assert_int_equal(sessions[0].ullBytesWritten, 11);
    assert_int_equal(sessions[0].ullAgeInMs, 5000);
    assert_int_equal(sessions[0].ulState, VDS_SESSION_FULL_FEATURE);
    CoTaskMemFree(sessions[0].pwszInitiatorName);
    CoTaskMemFree(sessions[0].pwszInitiatorAddress);
    CoTaskMemFree(sessions[0].pwszIsid);
    assert_int_equal(IVdsSubSystemEx_DropSession(ex, sessions[0].ullId), S_OK);
    assert_int_equal(IVdsSubSystemEx_DropSession(ex, 77), VDS_E_ISCSI_SESSION_NOT_FOUND);
    CoTaskMemFree(sessions);
    drop(ex);
}

static void status_answers_even_when_the_cache_is_corrupt_and_says_why(void **state)
{
    struct fixture *f = *state;
    IVdsSubSystemEx *ex = query(f->subsystem, &IID_IVdsSubSystemEx);
    VDS_ARRAY_STATUS status;

    assert_int_equal(IVdsSubSystemEx_GetStatus(ex, &status), S_OK);
    assert_int_equal(status.status, VDS_SSS_ONLINE);
    assert_int_equal(status.ulReactors, 2);
    assert_int_equal(status.usDefaultPort, 3260);
    assert_int_equal(status.ulMaxGroups, 65535);
    assert_true(same_text(status.pwszBackend, u"fake"));
    assert_int_equal(status.pwszReason[0], 0);
    CoTaskMemFree(status.pwszVersion);
    CoTaskMemFree(status.pwszBackend);
    CoTaskMemFree(status.pwszReason);
    fake_fail(f->array, VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_int_equal(IVdsSubSystemEx_GetStatus(ex, &status), S_OK);
    assert_int_equal(status.status, VDS_SSS_NOT_READY);
    assert_true(same_text(status.pwszReason, u"the test wants a failure"));
    CoTaskMemFree(status.pwszVersion);
    CoTaskMemFree(status.pwszBackend);
    CoTaskMemFree(status.pwszReason);
    fake_fail(f->array, S_OK);
    drop(ex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        provider_test(create_lun_hands_out_a_simple_lun),
        provider_test(create_lun_knows_which_types_this_array_makes),
        provider_test(create_lun_checks_size_drives_and_mask),
        provider_test(create_lun_ex_makes_a_thick_lun_with_a_name),
        provider_test(the_largest_lun_is_what_the_roomiest_drive_has_left),
        provider_test(mask_name_and_hints_of_a_lun_can_be_set),
        provider_test(associating_targets_replaces_the_whole_set_and_gives_numbers),
        provider_test(a_deleted_lun_answers_object_deleted_from_every_method),
        provider_test(identification_data_carries_the_bytes_of_inquiry),
        provider_test(a_lun_has_one_plex_that_is_the_lun_seen_as_its_only_copy),
        provider_test(a_lun_is_online_and_cannot_be_asked_to_be_otherwise),
        provider_test(the_controller_is_active_for_every_lun),
        provider_test(the_controller_has_one_port_and_no_cache),
        provider_test(a_drive_shows_its_extents_used_and_free),
        provider_test(a_drive_is_found_by_its_place_and_is_no_hot_spare),
        provider_test(the_subsystem_tells_its_properties_and_takes_a_name),
        provider_test(sessions_can_be_listed_and_dropped),
        provider_test(status_answers_even_when_the_cache_is_corrupt_and_says_why),
    };

    return RUN_TESTS(tests);
}
