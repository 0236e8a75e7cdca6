/* SPDX-License-Identifier: MIT */
/* Design sections 4 and 5 in process, with the real array and the real engine: what success means on the
 * wire, and each code by name. */
#include "house.h"

#include <sqlite3.h>

#include "../state/fault_vfs.h"
#include "base/error_text.h"

#define NAME_A "iqn.2026-01.example:a"

struct pair {
    IVdsIscsiTarget *target;
    IVdsIscsiPortalGroup *group;
};

static VDS_OBJECT_ID portal_id(struct house *h, const char *text)
{
    VDS_ISCSI_PORTAL_PROP prop = { 0 };
    IEnumVdsObject *e = NULL;
    IUnknown *object = NULL;
    ULONG n = 0, port = (ULONG)atoi(strrchr(text, ':') + 1);
    bool found = false;

    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(h->iscsi, &e), S_OK);
    while (!found && IEnumVdsObject_Next(e, 1, &object, &n) == S_OK) {
        IVdsIscsiPortal *portal = query(object, &IID_IVdsIscsiPortal);

        assert_int_equal(IVdsIscsiPortal_GetProperties(portal, &prop), S_OK);
        found = prop.address.ulPort == port && (prop.address.type == VDS_IPT_IPV6) == (text[0] == '[');
        drop(portal);
        drop(object);
    }
    drop(e);
    assert_true(found);
    return prop.id;
}

static IVdsIscsiTarget *make_target(struct house *h, const char16_t *name)
{
    IVdsIscsiTarget *target = NULL;
    IVdsAsync *async = NULL;
    WCHAR friendly[] = u"friend";

    assert_int_equal(IVdsSubSystemIscsi_CreateTarget(h->iscsi, (LPWSTR)name, friendly, &async), S_OK);
    assert_int_equal(wait_as(async, &IID_IVdsIscsiTarget, &target), S_OK);
    return target;
}

static IVdsIscsiPortalGroup *make_group(IVdsIscsiTarget *target, HRESULT expected)
{
    IVdsIscsiPortalGroup *group = NULL;
    IVdsAsync *async = NULL;

    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(target, &async), S_OK);
    assert_int_equal(wait_as(async, &IID_IVdsIscsiPortalGroup, &group), expected);
    return group;
}

static struct pair make_pair(struct house *h)
{
    struct pair p = { .target = make_target(h, u"" NAME_A) };

    p.group = make_group(p.target, S_OK);
    return p;
}

static void drop_pair(struct pair *p)
{
    drop(p->group);
    drop(p->target);
}

static HRESULT add(IVdsIscsiPortalGroup *group, VDS_OBJECT_ID portal)
{
    IVdsAsync *async = NULL;
    HRESULT hr = IVdsIscsiPortalGroup_AddPortal(group, portal, &async);

    if (FAILED(hr)) {
        assert_null(async);
        return hr;
    }
    return wait_for(async);
}

static HRESULT take_away(IVdsIscsiPortalGroup *group, VDS_OBJECT_ID portal, ULONG drain_ms)
{
    IVdsIscsiPortalGroupEx *ex = query(group, &IID_IVdsIscsiPortalGroupEx);
    IVdsAsync *async = NULL;
    HRESULT hr = IVdsIscsiPortalGroupEx_RemovePortalEx(ex, portal, drain_ms, &async);

    drop(ex);
    return FAILED(hr) ? hr : wait_for(async);
}

/* What the wire says: 0 and the tag, or the login's status. */
static int login(struct initiator *in, const char *portal, const char *target)
{
    int r;

    initiator_init(in, 1);
    r = initiator_connect_text(in, portal);
    return r < 0 ? r : initiator_login(in, target);
}

static void expect_login(const char *portal, const char *target, unsigned tag)
{
    struct initiator in;

    assert_int_equal(login(&in, portal, target), 0);
    assert_int_equal(in.tag, tag);
    assert_int_equal(initiator_logout(&in), 0);
    initiator_close(&in);
}

static void expect_refusal(const char *portal, const char *target)
{
    struct initiator in;

    assert_true(login(&in, portal, target) < 0);
    initiator_close(&in);
}

/* ---- QueryPortals -------------------------------------------------------------------------------------- */

static void query_portals_lists_the_offline_ones_too(void **state)
{
    struct house *h = *state;
    IEnumVdsObject *e = NULL;
    IVdsIscsiPortal *portal;
    VDS_ISCSI_PORTAL_PROP prop;

    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(h->iscsi, &e), S_OK);
    portal = first(e, &IID_IVdsIscsiPortal);
    assert_int_equal(IVdsIscsiPortal_SetStatus(portal, VDS_IPS_OFFLINE), S_OK);
    assert_int_equal(IVdsIscsiPortal_GetProperties(portal, &prop), S_OK);
    assert_int_equal(prop.status, VDS_IPS_OFFLINE);
    drop(portal);
    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(h->iscsi, &e), S_OK);
    assert_int_equal(count(e), HOUSE_N_PORTALS);
}

static void change_the_state_behind_the_service(struct house *h)
{
    char path[128];
    sqlite3 *db = NULL;

    snprintf(path, sizeof path, "%s/array.db", h->dir);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE subsystem SET name = 'somebody else''s'", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
}

static void a_state_changed_behind_the_service_is_provider_cache_corrupt_everywhere(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);
    VDS_OBJECT_ID portal = portal_id(h, h->portals[0]);
    IEnumVdsObject *e = NULL;
    IVdsAsync *async = NULL;

    change_the_state_behind_the_service(h);
    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(h->iscsi, &e), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_null(e);
    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(p.target, &async), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_null(async);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, portal, &async), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_int_equal(IVdsIscsiPortalGroup_RemovePortal(p.group, portal, &async),
                     VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_int_equal(IVdsHwProvider_Reenumerate(h->hw), S_OK);
    assert_int_equal(IVdsHwProvider_Refresh(h->hw), S_OK);
    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(h->iscsi, &e), S_OK);
    assert_int_equal(count(e), HOUSE_N_PORTALS);
    assert_int_equal(add(p.group, portal), S_OK);
    drop_pair(&p);
}

static void the_services_own_reenumerate_and_refresh_cure_the_cache_as_well(void **state)
{
    struct house *h = *state;
    IEnumVdsObject *e = NULL;

    change_the_state_behind_the_service(h);
    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(h->iscsi, &e), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_int_equal(IVdsService_Reenumerate(h->service), S_OK);
    assert_int_equal(IVdsService_Refresh(h->service), S_OK);
    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(h->iscsi, &e), S_OK);
    drop(e);
}

static void a_state_that_cannot_be_written_is_object_status_failed_until_it_can(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);
    VDS_OBJECT_ID portal = portal_id(h, h->portals[0]);
    IEnumVdsObject *e = NULL;

    fault_vfs.fail = SQLITE_FULL;
    assert_int_equal(add(p.group, portal), VDS_E_OBJECT_STATUS_FAILED);
    expect_refusal(h->portals[0], NAME_A); /* neither wire nor disk has changed */
    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(h->iscsi, &e), VDS_E_OBJECT_STATUS_FAILED);
    assert_null(e);
    fault_vfs.fail = 0;
    assert_int_equal(add(p.group, portal), S_OK);
    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(h->iscsi, &e), S_OK);
    drop(e);
    expect_login(h->portals[0], NAME_A, 1);
    drop_pair(&p);
}

/* ---- CreatePortalGroup --------------------------------------------------------------------------------- */

static void an_empty_group_admits_no_login(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);

    expect_refusal(h->portals[0], NAME_A);
    drop_pair(&p);
}

static void at_the_limit_create_portal_group_already_exists_with_the_lowest_tag(void **state)
{
    struct house *h = *state;
    IVdsIscsiTarget *target = make_target(h, u"" NAME_A);
    VDS_ISCSI_PORTALGROUP_PROP prop;
    IVdsIscsiPortalGroup *group;

    for (int i = 0; i < 3; i++) /* max_groups of this house */
        drop(make_group(target, S_OK));
    group = make_group(target, VDS_S_ALREADY_EXISTS);
    assert_int_equal(IVdsIscsiPortalGroup_GetProperties(group, &prop), S_OK);
    assert_int_equal(prop.tag, 1);
    drop(group);
    drop(target);
}

static void on_deleted_objects_the_four_calls_are_object_deleted(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);
    VDS_OBJECT_ID portal = portal_id(h, h->portals[0]);
    IVdsAsync *async = NULL;

    assert_int_equal(IVdsIscsiTarget_Delete(p.target, &async), S_OK);
    assert_int_equal(wait_for(async), S_OK);
    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(p.target, &async), VDS_E_OBJECT_DELETED);
    assert_null(async);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, portal, &async), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsIscsiPortalGroup_RemovePortal(p.group, portal, &async), VDS_E_OBJECT_DELETED);
    drop_pair(&p);
}

/* ---- AddPortal ----------------------------------------------------------------------------------------- */

static void when_add_portal_has_succeeded_the_wire_agrees(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);
    IVdsIscsiPortalGroup *second = make_group(p.target, S_OK);
    struct initiator in;
    char *text = NULL;
    char expected[128];

    assert_int_equal(add(p.group, portal_id(h, h->portals[0])), S_OK);
    assert_int_equal(add(second, portal_id(h, h->portals[2])), S_OK);
    expect_login(h->portals[0], NAME_A, 1);
    expect_login(h->portals[2], NAME_A, 2);
    assert_int_equal(login(&in, h->portals[0], NULL), 0);
    assert_int_equal(initiator_send_targets(&in, "All", &text), 0);
    snprintf(expected, sizeof expected, "TargetAddress=%s,1\n", h->portals[0]);
    assert_non_null(strstr(text, expected));
    snprintf(expected, sizeof expected, "TargetAddress=%s,2\n", h->portals[2]);
    assert_non_null(strstr(text, expected));
    free(text);
    initiator_close(&in);
    drop(second);
    drop_pair(&p);
}

static void add_portal_twice_already_exists_and_in_a_sibling_is_invalid_operation(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);
    IVdsIscsiPortalGroup *sibling = make_group(p.target, S_OK);
    VDS_OBJECT_ID portal = portal_id(h, h->portals[0]);

    assert_int_equal(add(p.group, portal), S_OK);
    assert_int_equal(add(p.group, portal), VDS_S_ALREADY_EXISTS);
    assert_int_equal(add(sibling, portal), VDS_E_INVALID_OPERATION);
    assert_true(error_text_get()[0] != 0);
    drop(sibling);
    drop_pair(&p);
}

static void ids_that_name_no_portal_of_the_group_are_object_not_found(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);

    assert_int_equal(add(p.group, com_check_unknown_iid), VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(take_away(p.group, com_check_unknown_iid, 0), VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(take_away(p.group, portal_id(h, h->portals[0]), 0), VDS_E_OBJECT_NOT_FOUND);
    drop_pair(&p);
}

static void a_port_that_another_program_holds_is_address_in_use_and_changes_nothing(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                .sin_port = htons((uint16_t)atoi(strrchr(h->portals[1], ':') + 1)) };
    VDS_OBJECT_ID portal = portal_id(h, h->portals[1]);
    IEnumVdsObject *e = NULL;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(add(p.group, portal), HRESULT_FROM_WIN32(WSAEADDRINUSE));
    assert_int_equal(IVdsIscsiPortalGroup_QueryAssociatedPortals(p.group, &e), S_OK);
    assert_int_equal(count(e), 0);
    close(fd);
    assert_int_equal(add(p.group, portal), S_OK);
    drop_pair(&p);
}

/* ---- RemovePortal and its drain ------------------------------------------------------------------------ */

static void when_remove_portal_has_succeeded_nobody_of_the_target_is_left_there(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);
    VDS_OBJECT_ID portal = portal_id(h, h->portals[0]);
    struct initiator in;

    assert_int_equal(add(p.group, portal), S_OK);
    assert_int_equal(login(&in, h->portals[0], NAME_A), 0);
    assert_int_equal(take_away(p.group, portal, 0), S_OK); /* 0: cut at once */
    while (initiator_wait_event(&in) == 0)
        ;
    initiator_close(&in);
    expect_refusal(h->portals[0], NAME_A);
    drop_pair(&p);
}

static void a_drain_is_pending_excludes_others_and_can_be_taken_back(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);
    VDS_OBJECT_ID portal = portal_id(h, h->portals[0]);
    IVdsAsync *async = NULL, *second = NULL;
    struct initiator in;
    ULONG percent = 0;
    HRESULT hr = S_OK;

    assert_int_equal(add(p.group, portal), S_OK);
    assert_int_equal(login(&in, h->portals[0], NAME_A), 0);
    assert_int_equal(IVdsIscsiPortalGroup_RemovePortal(p.group, portal, &async), S_OK);
    assert_int_equal(initiator_wait_event(&in), 0); /* asked to log out; it stays */
    assert_true(in.logout_requested);
    assert_int_equal(IVdsAsync_QueryStatus(async, &hr, &percent), S_OK);
    assert_int_equal(hr, VDS_E_OPERATION_PENDING);
    assert_true(percent <= 99);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, portal_id(h, h->portals[1]), &second),
                     VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_null(second);
    assert_int_equal(IVdsIscsiPortalGroup_RemovePortal(p.group, portal, &second),
                     VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_int_equal(IVdsAsync_Cancel(async), S_OK);
    assert_int_equal(wait_for(async), VDS_E_OPERATION_CANCELED);
    assert_int_equal(initiator_nop(&in), 0); /* the session never noticed more than the request */
    initiator_close(&in);
    expect_login(h->portals[0], NAME_A, 1);
    drop_pair(&p);
}

static void an_initiator_that_leaves_when_asked_ends_the_drain(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);
    VDS_OBJECT_ID portal = portal_id(h, h->portals[0]);
    IVdsAsync *async = NULL;
    struct initiator in;

    assert_int_equal(add(p.group, portal), S_OK);
    assert_int_equal(login(&in, h->portals[0], NAME_A), 0);
    assert_int_equal(IVdsIscsiPortalGroup_RemovePortal(p.group, portal, &async), S_OK);
    assert_int_equal(initiator_wait_event(&in), 0);
    assert_int_equal(initiator_logout(&in), 0);
    initiator_close(&in);
    assert_int_equal(wait_for(async), S_OK);
    drop_pair(&p);
}

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

/* ---- the end ------------------------------------------------------------------------------------------- */

static void after_a_restart_everything_is_there_with_the_same_tags(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);

    assert_int_equal(add(p.group, portal_id(h, h->portals[0])), S_OK);
    drop_pair(&p);
    house_close(h);
    house_open(h);
    expect_login(h->portals[0], NAME_A, 1);
}

static void whoever_holds_on_after_the_end_is_told_that_it_is_over(void **state)
{
    struct house *h = *state;
    struct pair p = make_pair(h);
    VDS_OBJECT_ID portal = portal_id(h, h->portals[0]);
    VDS_ISCSI_PORTALGROUP_PROP prop;
    IVdsAsync *async = NULL, *other = NULL;
    VDS_ASYNC_OUTPUT out;
    HRESULT hr = E_FAIL;

    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, portal, &async), S_OK);
    house_close(h);
    assert_int_equal(IVdsAsync_Wait(async, &hr, &out), S_OK); /* the operation had its end, whatever it was */
    assert_int_equal(IVdsAsync_Cancel(async), VDS_E_INITIALIZE_NOT_CALLED);
    assert_int_equal(IVdsIscsiPortalGroup_GetProperties(p.group, &prop), VDS_E_INITIALIZE_NOT_CALLED);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, portal, &other), VDS_E_INITIALIZE_NOT_CALLED);
    assert_null(other);
    drop(async);
    drop_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(query_portals_lists_the_offline_ones_too),
        house_test(a_state_changed_behind_the_service_is_provider_cache_corrupt_everywhere),
        house_test(the_services_own_reenumerate_and_refresh_cure_the_cache_as_well),
        house_test(a_state_that_cannot_be_written_is_object_status_failed_until_it_can),
        house_test(an_empty_group_admits_no_login),
        house_test(at_the_limit_create_portal_group_already_exists_with_the_lowest_tag),
        house_test(on_deleted_objects_the_four_calls_are_object_deleted),
        house_test(when_add_portal_has_succeeded_the_wire_agrees),
        house_test(add_portal_twice_already_exists_and_in_a_sibling_is_invalid_operation),
        house_test(ids_that_name_no_portal_of_the_group_are_object_not_found),
        house_test(a_port_that_another_program_holds_is_address_in_use_and_changes_nothing),
        house_test(when_remove_portal_has_succeeded_nobody_of_the_target_is_left_there),
        house_test(a_drain_is_pending_excludes_others_and_can_be_taken_back),
        house_test(an_initiator_that_leaves_when_asked_ends_the_drain),
        house_test(identification_data_is_what_vpd_says_on_the_wire),
        house_test(a_thick_lun_takes_its_space_at_once_and_serves_what_was_written),
        house_test(a_connected_initiator_is_named_and_its_session_can_be_dropped),
        house_test(after_a_restart_everything_is_there_with_the_same_tags),
        house_test(whoever_holds_on_after_the_end_is_told_that_it_is_over),
    };

    fault_vfs_install();
    return RUN_TESTS(tests);
}
