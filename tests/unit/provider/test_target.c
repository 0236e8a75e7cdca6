/* SPDX-License-Identifier: MIT */
/* Targets and portals: creation, properties, deletion, connected initiators, addresses, statuses. */
#include "fixture.h"

/* ---- targets ------------------------------------------------------------------------------------------- */

static void create_target_takes_the_names_and_hands_out_the_target(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a");
    IVdsSubSystem *subsystem = NULL;
    VDS_ISCSI_TARGET_PROP prop;

    assert_int_equal(IVdsIscsiTarget_GetProperties(target, &prop), S_OK);
    assert_true(same_text(prop.pwszIscsiName, u"iqn.2026-01.example:a"));
    assert_true(same_text(prop.pwszFriendlyName, u"friend"));
    assert_false(prop.bChapEnabled);
    CoTaskMemFree(prop.pwszIscsiName);
    CoTaskMemFree(prop.pwszFriendlyName);
    assert_int_equal(IVdsIscsiTarget_GetSubSystem(target, &subsystem), S_OK);
    IVdsSubSystem_Release(subsystem);
    IVdsIscsiTarget_Release(target);
}

static void create_target_without_a_name_lets_the_array_make_one(void **state)
{
    struct fixture *f = *state;
    WCHAR empty[] = u"", friendly[] = u"x";
    IVdsAsync *async = NULL;

    assert_int_equal(IVdsSubSystemIscsi_CreateTarget(f->iscsi, NULL, friendly, &async), S_OK);
    drop(finish_as(async, S_OK, &IID_IVdsIscsiTarget));
    assert_int_equal(IVdsSubSystemIscsi_CreateTarget(f->iscsi, empty, friendly, &async), S_OK);
    drop(finish_as(async, S_OK, &IID_IVdsIscsiTarget));
}

static void create_target_refuses_bad_arguments_and_a_name_that_is_taken(void **state)
{
    static const WCHAR unpaired[] = { 0xdc00, 0 };
    struct fixture *f = *state;
    WCHAR name[] = u"iqn.2026-01.example:a", friendly[] = u"x";
    IVdsIscsiTarget *target = make_target(f, name);
    IVdsAsync *async = (IVdsAsync *)f;

    assert_int_equal(IVdsSubSystemIscsi_CreateTarget(f->iscsi, name, friendly, NULL), E_INVALIDARG);
    assert_int_equal(IVdsSubSystemIscsi_CreateTarget(f->iscsi, name, NULL, &async), E_INVALIDARG);
    assert_null(async);
    assert_int_equal(IVdsSubSystemIscsi_CreateTarget(f->iscsi, (LPWSTR)unpaired, friendly, &async),
                     E_INVALIDARG);
    assert_int_equal(IVdsSubSystemIscsi_CreateTarget(f->iscsi, name, friendly, &async),
                     VDS_E_NAME_NOT_UNIQUE);
    assert_null(async);
    IVdsIscsiTarget_Release(target);
}

static void a_target_with_luns_is_not_deleted_one_with_groups_is(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a");
    VDS_OBJECT_ID id = target_id(target);
    IVdsLun *lun = make_lun(f);
    IVdsLunIscsi *lun_iscsi = query(lun, &IID_IVdsLunIscsi);
    IVdsIscsiPortalGroup *group = make_group(target);
    VDS_ISCSI_PORTALGROUP_PROP prop;
    IVdsAsync *async = NULL;

    assert_int_equal(IVdsLunIscsi_AssociateTargets(lun_iscsi, &id, 1), S_OK);
    assert_int_equal(IVdsIscsiTarget_Delete(target, &async), VDS_E_ASSOCIATED_LUNS_EXIST);
    assert_null(async);
    assert_int_equal(IVdsLunIscsi_AssociateTargets(lun_iscsi, NULL, 0), S_OK);
    assert_int_equal(IVdsIscsiTarget_Delete(target, &async), S_OK);
    finish(async, S_OK);
    assert_int_equal(IVdsIscsiPortalGroup_GetProperties(group, &prop), VDS_E_OBJECT_DELETED);
    drop(group);
    drop(lun_iscsi);
    drop(lun);
    drop(target);
}

static void a_deleted_target_answers_object_deleted_from_every_method(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a");
    VDS_ISCSI_TARGET_PROP prop;
    IVdsSubSystem *subsystem = NULL;
    IEnumVdsObject *e = NULL;
    IVdsAsync *async = NULL;
    LPWSTR *list = NULL;
    LONG n = 9;
    WCHAR name[] = u"n";

    assert_int_equal(IVdsIscsiTarget_Delete(target, &async), S_OK);
    finish(async, S_OK);
    assert_int_equal(IVdsIscsiTarget_GetProperties(target, &prop), VDS_E_OBJECT_DELETED);
    assert_null(prop.pwszIscsiName);
    assert_int_equal(IVdsIscsiTarget_GetSubSystem(target, &subsystem), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsIscsiTarget_QueryPortalGroups(target, &e), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsIscsiTarget_QueryAssociatedLuns(target, &e), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsIscsiTarget_Delete(target, &async), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsIscsiTarget_SetFriendlyName(target, name), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsIscsiTarget_GetConnectedInitiators(target, &list, &n), VDS_E_OBJECT_DELETED);
    assert_null(list);
    assert_int_equal(n, 0);
    IVdsIscsiTarget_Release(target);
}

static void a_long_friendly_name_is_truncated_and_says_so(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a");
    WCHAR name[200], other[] = u"other";

    for (int i = 0; i < 199; i++)
        name[i] = 'n';
    name[199] = 0;
    assert_int_equal(IVdsIscsiTarget_SetFriendlyName(target, other), S_OK);
    assert_int_equal(IVdsIscsiTarget_SetFriendlyName(target, name), VDS_S_NAME_TRUNCATED);
    assert_int_equal(IVdsIscsiTarget_SetFriendlyName(target, NULL), E_INVALIDARG);
    IVdsIscsiTarget_Release(target);
}

static void connected_initiators_are_each_named_once_and_discovery_is_left_out(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a");
    VDS_OBJECT_ID id = target_id(target);
    LPWSTR *list = NULL;
    LONG n = 9;

    assert_int_equal(IVdsIscsiTarget_GetConnectedInitiators(target, &list, &n), S_OK);
    assert_int_equal(n, 0);
    assert_null(list);
    fake_add_session(f->array, com_guid(&id), "iqn.host:1", false);
    fake_add_session(f->array, com_guid(&id), "iqn.host:2", false);
    fake_add_session(f->array, com_guid(&id), "iqn.host:1", false);
    fake_add_session(f->array, com_guid(&id), "iqn.host:3", true);
    fake_add_session(f->array, com_guid(&GUID_NULL), "iqn.host:4", false);
    assert_int_equal(IVdsIscsiTarget_GetConnectedInitiators(target, &list, &n), S_OK);
    assert_int_equal(n, 2);
    assert_true(same_text(list[0], u"iqn.host:1"));
    assert_true(same_text(list[1], u"iqn.host:2"));
    CoTaskMemFree(list[0]);
    CoTaskMemFree(list[1]);
    CoTaskMemFree(list);
    assert_int_equal(IVdsIscsiTarget_GetConnectedInitiators(target, NULL, &n), E_INVALIDARG);
    assert_int_equal(IVdsIscsiTarget_GetConnectedInitiators(target, &list, NULL), E_INVALIDARG);
    IVdsIscsiTarget_Release(target);
}

/* ---- portals ------------------------------------------------------------------------------------------- */

static void an_ipv4_portal_shows_its_address_as_a_host_integer(void **state)
{
    IVdsIscsiPortal *portal = portal_at(*state, 0);
    VDS_ISCSI_PORTAL_PROP prop;

    assert_int_equal(IVdsIscsiPortal_GetProperties(portal, &prop), S_OK);
    assert_int_equal(prop.address.type, VDS_IPT_IPV4);
    assert_int_equal(prop.address.ipv4Address, 0xc0a80001); /* 192.168.0.1: first field on top */
    assert_int_equal(prop.address.ulPort, 3260);
    assert_int_equal(prop.status, VDS_IPS_ONLINE);
    IVdsIscsiPortal_Release(portal);
}

static void an_ipv6_portal_shows_bytes_scope_and_port(void **state)
{
    static const UCHAR expected[16] = { 0xfe, 0x80, [15] = 1 };
    IVdsIscsiPortal *portal = portal_at(*state, 1);
    VDS_ISCSI_PORTAL_PROP prop;

    assert_int_equal(IVdsIscsiPortal_GetProperties(portal, &prop), S_OK);
    assert_int_equal(prop.address.type, VDS_IPT_IPV6);
    assert_memory_equal(prop.address.ipv6Address, expected, 16);
    assert_int_equal(prop.address.ulIpv6ScopeId, 2);
    assert_int_equal(prop.address.ulPort, 3261);
    assert_int_equal(IVdsIscsiPortal_GetProperties(portal, NULL), E_INVALIDARG);
    IVdsIscsiPortal_Release(portal);
}

static void a_portal_without_an_address_has_incomplete_properties(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiPortal *portal = portal_at(f, 0);
    VDS_OBJECT_ID id = portal_id_at(f, 0);
    VDS_ISCSI_PORTAL_PROP prop;

    fake_portal_without_address(f->array, com_guid(&id));
    assert_int_equal(IVdsIscsiPortal_GetProperties(portal, &prop), VDS_S_PROPERTIES_INCOMPLETE);
    assert_int_equal(prop.address.type, VDS_IPT_EMPTY);
    IVdsIscsiPortal_Release(portal);
}

static void a_portal_goes_online_and_offline_and_to_no_other_status(void **state)
{
    IVdsIscsiPortal *portal = portal_at(*state, 0);
    IVdsSubSystem *subsystem = NULL;
    VDS_ISCSI_PORTAL_PROP prop;

    assert_int_equal(IVdsIscsiPortal_SetStatus(portal, VDS_IPS_OFFLINE), S_OK);
    assert_int_equal(IVdsIscsiPortal_GetProperties(portal, &prop), S_OK);
    assert_int_equal(prop.status, VDS_IPS_OFFLINE);
    assert_int_equal(IVdsIscsiPortal_SetStatus(portal, VDS_IPS_ONLINE), S_OK);
    assert_int_equal(IVdsIscsiPortal_SetStatus(portal, VDS_IPS_UNKNOWN), E_INVALIDARG);
    assert_int_equal(IVdsIscsiPortal_SetStatus(portal, (VDS_ISCSI_PORTAL_STATUS)77), E_INVALIDARG);
    assert_int_equal(IVdsIscsiPortal_SetStatus(portal, VDS_IPS_NOT_READY), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsIscsiPortal_SetStatus(portal, VDS_IPS_FAILED), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsIscsiPortal_GetSubSystem(portal, &subsystem), S_OK);
    IVdsSubSystem_Release(subsystem);
    IVdsIscsiPortal_Release(portal);
}

static void ipsec_is_not_supported_anywhere(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiPortal *portal = portal_at(f, 0);
    VDS_IPADDRESS address = { .type = VDS_IPT_IPV4 };
    ULONGLONG flags = 5;

    assert_int_equal(IVdsIscsiPortal_SetIpsecTunnelAddress(portal, &address, &address), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsIscsiPortal_SetIpsecTunnelAddress(portal, NULL, &address), E_INVALIDARG);
    assert_int_equal(IVdsIscsiPortal_GetIpsecSecurity(portal, &address, &flags), VDS_E_NOT_SUPPORTED);
    assert_int_equal(flags, 0);
    assert_int_equal(IVdsIscsiPortal_GetIpsecSecurity(portal, &address, NULL), E_INVALIDARG);
    assert_int_equal(IVdsIscsiPortal_SetIpsecSecurity(portal, &address, 1, NULL), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsIscsiPortal_SetIpsecSecurity(portal, NULL, 1, NULL), E_INVALIDARG);
    assert_int_equal(IVdsSubSystemIscsi_SetIpsecGroupPresharedKey(f->iscsi, NULL), VDS_E_NOT_SUPPORTED);
    IVdsIscsiPortal_Release(portal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        provider_test(create_target_takes_the_names_and_hands_out_the_target),
        provider_test(create_target_without_a_name_lets_the_array_make_one),
        provider_test(create_target_refuses_bad_arguments_and_a_name_that_is_taken),
        provider_test(a_target_with_luns_is_not_deleted_one_with_groups_is),
        provider_test(a_deleted_target_answers_object_deleted_from_every_method),
        provider_test(a_long_friendly_name_is_truncated_and_says_so),
        provider_test(connected_initiators_are_each_named_once_and_discovery_is_left_out),
        provider_test(an_ipv4_portal_shows_its_address_as_a_host_integer),
        provider_test(an_ipv6_portal_shows_bytes_scope_and_port),
        provider_test(a_portal_without_an_address_has_incomplete_properties),
        provider_test(a_portal_goes_online_and_offline_and_to_no_other_status),
        provider_test(ipsec_is_not_supported_anywhere),
    };

    return RUN_TESTS(tests);
}
