/* SPDX-License-Identifier: MIT */
/* IVdsServiceIscsi and what it hands out, through the service, over a stand-in for iscsiadm that
 * test_host_initiator.py puts on the PATH of vdsd; "absent": there is none.
 *
 * usage: host_initiator DIRECTORY|absent
 *        (DIRECTORY/login and /logout hold the exit codes of the stand-in)
 */
#include "api_test.h"

static const char *directory;
static IVdsService *service;
static IVdsServiceIscsi *iscsi;
static IVdsIscsiTarget *target;
static VDS_OBJECT_ID target_id, portal_id;

static void stand_in_says(const char *what, int code)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", directory, what);
    f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "%d\n", code);
    fclose(f);
}

static IVdsIscsiInitiatorAdapter *adapter(void)
{
    IEnumVdsObject *members;

    assert_hr(IVdsServiceIscsi_QueryInitiatorAdapters(iscsi, &members), S_OK);
    return first(members, &IID_IVdsIscsiInitiatorAdapter);
}

static HRESULT login_as(VDS_ISCSI_AUTH_TYPE auth, VDS_ISCSI_LOGIN_TYPE type, VDS_OBJECT_ID portal,
                        ULONG flags)
{
    IVdsIscsiInitiatorAdapter *a = adapter();
    IVdsAsync *async = NULL;
    HRESULT hr = IVdsIscsiInitiatorAdapter_LoginToTarget(a, type, target_id, portal, GUID_NULL, flags, TRUE,
                                                         FALSE, auth, &async);

    IVdsIscsiInitiatorAdapter_Release(a);
    return FAILED(hr) ? hr : ended(async, NULL);
}

static HRESULT login(VDS_ISCSI_LOGIN_TYPE type, VDS_OBJECT_ID portal, ULONG flags)
{
    return login_as(VDS_IAT_CHAP, type, portal, flags);
}

static HRESULT logout(void)
{
    IVdsIscsiInitiatorAdapter *a = adapter();
    IVdsAsync *async = NULL;
    HRESULT hr = IVdsIscsiInitiatorAdapter_LogoutFromTarget(a, target_id, &async);

    IVdsIscsiInitiatorAdapter_Release(a);
    return FAILED(hr) ? hr : ended(async, NULL);
}

static void without_open_iscsi_all_is_VDS_E_NOT_SUPPORTED(void **state)
{
    UCHAR bytes[] = "0123456789ab";
    VDS_ISCSI_SHARED_SECRET secret = { bytes, 12 };
    IEnumVdsObject *members = NULL;
    LPWSTR name = NULL;

    (void)state;
    assert_hr(IVdsServiceIscsi_QueryInitiatorAdapters(iscsi, &members), VDS_E_NOT_SUPPORTED);
    assert_null(members);
    assert_hr(IVdsServiceIscsi_GetInitiatorName(iscsi, &name), VDS_E_NOT_SUPPORTED);
    assert_hr(IVdsServiceIscsi_RememberTargetSharedSecret(iscsi, target_id, &secret), VDS_E_NOT_SUPPORTED);
    assert_hr(IVdsServiceIscsi_SetInitiatorSharedSecret(iscsi, &secret, GUID_NULL), VDS_E_NOT_SUPPORTED);
    assert_hr(IVdsServiceIscsi_SetIpsecGroupPresharedKey(iscsi, NULL), VDS_E_NOT_SUPPORTED);
}

static void the_interfaces_of_open_iscsi_are_portals_of_one_adapter(void **state)
{
    IVdsIscsiInitiatorAdapter *a = adapter(), *back;
    VDS_ISCSI_INITIATOR_ADAPTER_PROP prop;
    VDS_ISCSI_INITIATOR_PORTAL_PROP portal_prop;
    IVdsIscsiInitiatorPortal *portal;
    IEnumVdsObject *members;
    IUnknown *object;
    ULONGLONG flags;
    ULONG n;

    (void)state;
    assert_hr(IVdsIscsiInitiatorAdapter_GetProperties(a, &prop), S_OK);
    CoTaskMemFree(prop.pwszName);
    assert_hr(IVdsService_GetObject(service, prop.id, VDS_OT_INIT_ADAPTER, &object), S_OK);
    IUnknown_Release(object);
    assert_hr(IVdsIscsiInitiatorAdapter_QueryInitiatorPortals(a, &members), S_OK);
    assert_hr(IEnumVdsObject_Skip(members, 1), S_OK);
    assert_hr(IEnumVdsObject_Next(members, 1, &object, &n), S_OK);
    IEnumVdsObject_Release(members);
    portal = taken(object, &IID_IVdsIscsiInitiatorPortal);
    assert_hr(IVdsIscsiInitiatorPortal_GetProperties(portal, &portal_prop), S_OK);
    assert_int_equal(portal_prop.address.type, VDS_IPT_IPV4);
    assert_int_equal(portal_prop.address.ipv4Address, 0xc0000207);
    assert_hr(IVdsIscsiInitiatorPortal_GetInitiatorAdapter(portal, &back), S_OK);
    assert_hr(IVdsIscsiInitiatorPortal_GetIpsecSecurity(portal, GUID_NULL, &flags), VDS_E_NOT_SUPPORTED);
    assert_hr(IVdsIscsiInitiatorPortal_SetIpsecSecurity(portal, GUID_NULL, 0, NULL), VDS_E_NOT_SUPPORTED);
    assert_hr(IVdsService_GetObject(service, portal_prop.id, VDS_OT_INIT_PORTAL, &object), S_OK);
    IUnknown_Release(object);
    assert_hr(IVdsService_GetObject(service, target_id, VDS_OT_INIT_PORTAL, &object), VDS_E_OBJECT_NOT_FOUND);
    IVdsIscsiInitiatorAdapter_Release(back);
    IVdsIscsiInitiatorPortal_Release(portal);
    IVdsIscsiInitiatorAdapter_Release(a);
}

static void logins_and_logouts_end_as_iscsiadm_says(void **state)
{
    static const struct {
        int code;
        HRESULT login, logout;
    } table[] = {
        { 0, S_OK, S_OK },
        { 2, VDS_E_ISCSI_LOGIN_FAILED, VDS_E_ISCSI_SESSION_NOT_FOUND },
        { 13, E_ACCESSDENIED, E_ACCESSDENIED },
        { 15, S_OK, VDS_E_ISCSI_LOGOUT_FAILED },
        { 21, VDS_E_ISCSI_LOGIN_FAILED, VDS_E_ISCSI_SESSION_NOT_FOUND },
        { 24, VDS_E_ISCSI_LOGIN_FAILED, VDS_E_ISCSI_LOGOUT_FAILED },
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        stand_in_says("login", table[i].code);
        stand_in_says("logout", table[i].code);
        assert_hr(login(VDS_ILT_MANUAL, portal_id, VDS_ILF_MULTIPATH_ENABLED), table[i].login);
        if (table[i].login == (HRESULT)VDS_E_ISCSI_LOGIN_FAILED)
            assert_string_equal(vds_error_text(), "iscsiadm: initiator reported error (8 - timed out)");
        assert_hr(logout(), table[i].logout);
    }
    stand_in_says("login", 0);
    assert_hr(login(VDS_ILT_PERSISTENT, GUID_NULL, 0), S_OK); /* the initiator chooses */
    assert_hr(login(VDS_ILT_BOOT, GUID_NULL, 0), VDS_E_NOT_SUPPORTED);
    assert_hr(login(VDS_ILT_MANUAL, GUID_NULL, VDS_ILF_REQUIRE_IPSEC), VDS_E_NOT_SUPPORTED);
    assert_hr(login(VDS_ILT_MANUAL, GUID_NULL, 0x80), E_INVALIDARG);
    assert_hr(login(VDS_ILT_MANUAL, target_id, 0), VDS_E_OBJECT_NOT_FOUND);
}

static void secrets_go_into_the_records_of_open_iscsi(void **state)
{
    UCHAR bytes[] = "0123456789ab", other[] = "ba9876543210", blank[] = "0123456789 b";
    VDS_ISCSI_SHARED_SECRET secret = { bytes, 12 }, shorter = { bytes, 11 }, mine = { other, 12 },
                            unfit = { blank, 12 };
    LPWSTR name;

    (void)state;
    assert_hr(IVdsServiceIscsi_GetInitiatorName(iscsi, &name), S_OK);
    CoTaskMemFree(name);
    stand_in_says("login", 0);
    /* no record yet */
    assert_hr(IVdsServiceIscsi_SetInitiatorSharedSecret(iscsi, &secret, GUID_NULL), VDS_E_OBJECT_NOT_FOUND);
    /* CHAP without a secret */
    assert_hr(login(VDS_ILT_MANUAL, portal_id, 0), VDS_E_ISCSI_LOGIN_FAILED);
    assert_hr(IVdsServiceIscsi_RememberTargetSharedSecret(iscsi, target_id, &secret), S_OK);
    assert_hr(login(VDS_ILT_MANUAL, portal_id, 0), S_OK);
    assert_hr(IVdsServiceIscsi_RememberTargetSharedSecret(iscsi, target_id, NULL), S_OK);
    assert_hr(login(VDS_ILT_MANUAL, portal_id, 0), VDS_E_ISCSI_LOGIN_FAILED);
    assert_hr(IVdsServiceIscsi_RememberTargetSharedSecret(iscsi, target_id, &shorter), E_INVALIDARG);
    assert_hr(IVdsServiceIscsi_RememberTargetSharedSecret(iscsi, target_id, &unfit), E_INVALIDARG);
    assert_hr(IVdsServiceIscsi_RememberTargetSharedSecret(iscsi, GUID_NULL, &secret), E_INVALIDARG);
    assert_hr(IVdsServiceIscsi_RememberTargetSharedSecret(iscsi, portal_id, &secret), VDS_E_OBJECT_NOT_FOUND);
    assert_hr(IVdsServiceIscsi_RememberTargetSharedSecret(iscsi, portal_id, NULL), VDS_E_OBJECT_NOT_FOUND);
    assert_hr(IVdsServiceIscsi_RememberTargetSharedSecret(iscsi, target_id, &mine), S_OK);
    assert_hr(IVdsServiceIscsi_SetInitiatorSharedSecret(iscsi, &secret, GUID_NULL), S_OK);
    assert_hr(IVdsServiceIscsi_SetInitiatorSharedSecret(iscsi, NULL, target_id), S_OK);
    assert_hr(IVdsServiceIscsi_SetInitiatorSharedSecret(iscsi, &secret, target_id), S_OK);
}

static void a_login_uses_the_secrets_of_its_kind_and_the_others_are_kept(void **state)
{
    UCHAR own[] = "ownownownown", in[] = "ininininini!";
    VDS_ISCSI_SHARED_SECRET secret = { own, 12 }, mutual = { in, 12 };

    (void)state;
    assert_hr(IVdsServiceIscsi_RememberTargetSharedSecret(iscsi, target_id, &secret), S_OK);
    assert_hr(IVdsServiceIscsi_SetInitiatorSharedSecret(iscsi, NULL, target_id), S_OK);
    assert_hr(login_as(VDS_IAT_MUTUAL_CHAP, VDS_ILT_MANUAL, portal_id, 0), VDS_E_ISCSI_LOGIN_FAILED);
    assert_string_equal(vds_error_text(),
                        "open-iscsi has no secret for this login: SetInitiatorSharedSecret sets it");
    assert_hr(IVdsServiceIscsi_SetInitiatorSharedSecret(iscsi, &mutual, target_id), S_OK);
    assert_hr(login_as(VDS_IAT_NONE, VDS_ILT_MANUAL, portal_id, 0), S_OK);
    assert_hr(login_as(VDS_IAT_CHAP, VDS_ILT_MANUAL, portal_id, 0), S_OK);
    assert_hr(login_as(VDS_IAT_NONE, VDS_ILT_MANUAL, portal_id, 0), S_OK);
    assert_hr(login_as(VDS_IAT_MUTUAL_CHAP, VDS_ILT_MANUAL, portal_id, 0), S_OK);
}

static void who_may_not_use_open_iscsi_is_told_so(void **state)
{
    IEnumVdsObject *members = NULL;

    (void)state;
    stand_in_says("nobody", 1);
    assert_hr(IVdsServiceIscsi_QueryInitiatorAdapters(iscsi, &members), E_ACCESSDENIED);
    assert_string_equal(vds_error_text(), "open-iscsi is for root, and this service does not run as root");
}

static void make_target(IVdsSubSystemIscsi *array)
{
    WCHAR friendly[] = { 't', 0 };
    IVdsIscsiPortalGroup *group;
    VDS_ISCSI_PORTAL_PROP portal_prop;
    VDS_ISCSI_TARGET_PROP prop;
    IVdsIscsiPortal *portal;
    IEnumVdsObject *members;
    IUnknown *object;
    IVdsAsync *async;

    assert_hr(IVdsSubSystemIscsi_CreateTarget(array, NULL, friendly, &async), S_OK);
    assert_hr(ended(async, &object), S_OK);
    target = taken(object, &IID_IVdsIscsiTarget);
    assert_hr(IVdsIscsiTarget_GetProperties(target, &prop), S_OK);
    CoTaskMemFree(prop.pwszIscsiName);
    CoTaskMemFree(prop.pwszFriendlyName);
    target_id = prop.id;
    assert_hr(IVdsIscsiTarget_CreatePortalGroup(target, &async), S_OK);
    assert_hr(ended(async, &object), S_OK);
    group = taken(object, &IID_IVdsIscsiPortalGroup);
    assert_hr(IVdsSubSystemIscsi_QueryPortals(array, &members), S_OK);
    portal = first(members, &IID_IVdsIscsiPortal);
    assert_hr(IVdsIscsiPortal_GetProperties(portal, &portal_prop), S_OK);
    portal_id = portal_prop.id;
    assert_hr(IVdsIscsiPortalGroup_AddPortal(group, portal_id, &async), S_OK);
    assert_hr(ended(async, NULL), S_OK);
    IVdsIscsiPortal_Release(portal);
    IVdsIscsiPortalGroup_Release(group);
}

static int set_up(void **state)
{
    IVdsSubSystemIscsi *array;
    IEnumVdsObject *members;
    IVdsHwProvider *provider;

    (void)state;
    service = open_service(CLSCTX_LOCAL_SERVER);
    assert_hr(IVdsService_QueryInterface(service, &IID_IVdsServiceIscsi, (void **)&iscsi), S_OK);
    assert_hr(IVdsService_QueryProviders(service, VDS_QUERY_HARDWARE_PROVIDERS, &members), S_OK);
    provider = first(members, &IID_IVdsHwProvider);
    assert_hr(IVdsHwProvider_QuerySubSystems(provider, &members), S_OK);
    array = first(members, &IID_IVdsSubSystemIscsi);
    make_target(array);
    IVdsSubSystemIscsi_Release(array);
    IVdsHwProvider_Release(provider);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    IVdsIscsiTarget_Release(target);
    IVdsServiceIscsi_Release(iscsi);
    IVdsService_Release(service);
    CoUninitialize();
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest absent[] = { cmocka_unit_test(without_open_iscsi_all_is_VDS_E_NOT_SUPPORTED) };
    const struct CMUnitTest present[] = {
        cmocka_unit_test(the_interfaces_of_open_iscsi_are_portals_of_one_adapter),
        cmocka_unit_test(secrets_go_into_the_records_of_open_iscsi), /* the next logs in with one of them */
        cmocka_unit_test(logins_and_logouts_end_as_iscsiadm_says),
        cmocka_unit_test(a_login_uses_the_secrets_of_its_kind_and_the_others_are_kept),
        cmocka_unit_test(who_may_not_use_open_iscsi_is_told_so), /* the last: from then on it is so */
    };

    if (argc != 2) {
        fprintf(stderr, "usage: host_initiator DIRECTORY|absent\n");
        return 2;
    }
    directory = argv[1];
    return strcmp(directory, "absent") == 0 ? cmocka_run_group_tests(absent, set_up, tear_down)
                                            : cmocka_run_group_tests(present, set_up, tear_down);
}
