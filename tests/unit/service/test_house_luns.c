/* SPDX-License-Identifier: MIT */
/* LUNs in process, with the real array and engine: what the API says of them and what is on the wire. */
#include "pair.h"

#include "base/error_text.h"

/* ---- LUNs ---------------------------------------------------------------------------------------------- */

static IVdsLun *make_lun(struct house *h, BOOL thick)
{
    IVdsSubSystemEx *ex = query(h->subsystem, &IID_IVdsSubSystemEx);
    WCHAR nobody[] = u"";
    IVdsAsync *async = NULL;
    IVdsLun *lun = NULL;

    assert_int_equal(IVdsSubSystemEx_CreateLunEx(ex, 8 << 20, thick, NULL, 0, nobody, NULL, &async), S_OK);
    assert_int_equal(wait_as(async, &IID_IVdsLun, &lun), S_OK);
    drop(ex);
    return lun;
}

static void tie(IVdsLun *lun, IVdsIscsiTarget *target)
{
    IVdsLunIscsi *iscsi = query(lun, &IID_IVdsLunIscsi);
    WCHAR everybody[] = u"*";
    VDS_ISCSI_TARGET_PROP prop;

    assert_int_equal(IVdsIscsiTarget_GetProperties(target, &prop), S_OK);
    CoTaskMemFree(prop.pwszIscsiName);
    CoTaskMemFree(prop.pwszFriendlyName);
    assert_int_equal(IVdsLunIscsi_AssociateTargets(iscsi, &prop.id, 1), S_OK);
    assert_int_equal(IVdsLun_SetMask(lun, everybody), S_OK);
    drop(iscsi);
}

static uint32_t vpd(struct initiator *in, uint8_t page, uint8_t buf[static 255])
{
    const uint8_t cdb[6] = { 0x12, 0x01, page, 0, 255, 0 };
    struct initiator_result result;

    assert_int_equal(initiator_command(in, 0, cdb, sizeof cdb, NULL, 0, buf, 255, &result), 0);
    assert_int_equal(result.status, 0);
    return result.n_in;
}

static void lun_information_free(VDS_LUN_INFORMATION *info)
{
    for (ULONG i = 0; i < info->m_deviceIdDescriptor.m_cIdentifiers; i++)
        CoTaskMemFree(info->m_deviceIdDescriptor.m_rgIdentifiers[i].m_rgbIdentifier);
    CoTaskMemFree(info->m_deviceIdDescriptor.m_rgIdentifiers);
    for (ULONG i = 0; i < info->m_cInterconnects; i++) {
        CoTaskMemFree(info->m_rgInterconnects[i].m_pbPort);
        CoTaskMemFree(info->m_rgInterconnects[i].m_pbAddress);
    }
    CoTaskMemFree(info->m_rgInterconnects);
    CoTaskMemFree(info->m_szVendorId);
    CoTaskMemFree(info->m_szProductId);
    CoTaskMemFree(info->m_szProductRevision);
    CoTaskMemFree(info->m_szSerialNumber);
}

static void identification_data_is_what_vpd_says_on_the_wire(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);
    IVdsLun *lun = make_lun(h, FALSE);
    VDS_STORAGE_IDENTIFIER *id;
    VDS_LUN_INFORMATION info;
    struct initiator in;
    uint8_t buf[255];
    uint32_t n;

    tie(lun, p.target);
    assert_int_equal(add(p.group, portal_id(h, h->portals[0])), S_OK);
    assert_int_equal(IVdsLun_GetIdentificationData(lun, &info), S_OK);
    assert_int_equal(login(&in, h->portals[0], NAME_A), 0);
    n = vpd(&in, 0x80, buf);
    assert_int_equal(strlen((char *)info.m_szSerialNumber), n - 4);
    assert_memory_equal(info.m_szSerialNumber, buf + 4, n - 4);
    n = vpd(&in, 0x83, buf);
    assert_int_equal(info.m_deviceIdDescriptor.m_cIdentifiers, 2);
    id = info.m_deviceIdDescriptor.m_rgIdentifiers;
    for (ULONG i = 0; i < 2; i++)
        assert_non_null(memmem(buf, n, id[i].m_rgbIdentifier, id[i].m_cbIdentifier));
    assert_int_equal(info.m_cInterconnects, 1); /* the port that the initiator came by */
    assert_non_null(memmem(buf, n, info.m_rgInterconnects->m_pbPort, info.m_rgInterconnects->m_cbPort));
    initiator_close(&in);
    lun_information_free(&info);
    drop(lun);
    drop_pair(&p);
}

static void a_thick_lun_takes_its_space_at_once_and_serves_what_was_written(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);
    IVdsLun *lun = make_lun(h, TRUE);
    IVdsLunEx *ex = query(lun, &IID_IVdsLunEx);
    uint8_t out[512], back[512];
    ULONGLONG allocated = 0;
    BOOL thick = FALSE;
    struct initiator in;

    memset(out, 0x5a, sizeof out);
    assert_int_equal(IVdsLunEx_GetAllocation(ex, &allocated, &thick), S_OK);
    assert_true(thick && allocated >= 8 << 20);
    tie(lun, p.target);
    assert_int_equal(add(p.group, portal_id(h, h->portals[0])), S_OK);
    assert_int_equal(login(&in, h->portals[0], NAME_A), 0);
    assert_true(initiator_clear_attentions(&in, 0, NULL) >= 0);
    assert_int_equal(initiator_write(&in, 0, 7, 1, out), 0);
    assert_int_equal(initiator_read(&in, 0, 7, 1, back), 0);
    assert_memory_equal(out, back, sizeof out);
    initiator_close(&in);
    drop(ex);
    drop(lun);
    drop_pair(&p);
}

static void a_connected_initiator_is_named_and_its_session_can_be_dropped(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);
    IVdsSubSystemEx *ex = query(h->subsystem, &IID_IVdsSubSystemEx);
    VDS_SESSION_PROP *sessions = NULL;
    struct initiator in;
    LPWSTR *list = NULL;
    ULONG n_sessions = 0;
    LONG n = 0;

    assert_int_equal(add(p.group, portal_id(h, h->portals[0])), S_OK);
    assert_int_equal(login(&in, h->portals[0], NAME_A), 0);
    assert_int_equal(IVdsIscsiTarget_GetConnectedInitiators(p.target, &list, &n), S_OK);
    assert_int_equal(n, 1);
    CoTaskMemFree(list[0]);
    CoTaskMemFree(list);
    assert_int_equal(IVdsSubSystemEx_QuerySessions(ex, &sessions, &n_sessions), S_OK);
    assert_int_equal(n_sessions, 1);
    assert_int_equal(sessions[0].tag, 1);
    assert_int_equal(IVdsSubSystemEx_DropSession(ex, sessions[0].ullId), S_OK);
    assert_int_equal(IVdsSubSystemEx_DropSession(ex, sessions[0].ullId), VDS_E_ISCSI_SESSION_NOT_FOUND);
    CoTaskMemFree(sessions[0].pwszInitiatorName);
    CoTaskMemFree(sessions[0].pwszInitiatorAddress);
    CoTaskMemFree(sessions[0].pwszIsid);
    CoTaskMemFree(sessions);
    initiator_close(&in);
    drop(ex);
    drop_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(identification_data_is_what_vpd_says_on_the_wire),
        house_test(a_thick_lun_takes_its_space_at_once_and_serves_what_was_written),
        house_test(a_connected_initiator_is_named_and_its_session_can_be_dropped),
    };

    return RUN_TESTS(tests);
}
