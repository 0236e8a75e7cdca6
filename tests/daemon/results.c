/* SPDX-License-Identifier: MIT */
/* Every result of design section 5 and of the four specification pages, from the API, on a real array: the
 * same tests against the service and with the array in this process. test_results.py starts it.
 *
 * usage: results service|inproc STATE-DIRECTORY PID PORTAL PORTAL ABSENT-PORTAL
 *        (PID: whose limits make writes fail)
 */
#include <arpa/inet.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../events/event_sink.h"
#include "api_test.h"
#include "initiator.h"

#define N_GROUPS 4 /* --max-groups of the array under test */

static struct {
    DWORD context;
    const char *state;
    pid_t pid;
    const char *portals[3]; /* two that are here, one whose address is on no host */
} given;

static IVdsService *service;
static IVdsHwProvider *provider;
static IVdsSubSystem *subsystem;
static IVdsSubSystemIscsi *array;

/* ---- small things ---------------------------------------------------------------------------------- */

static IVdsIscsiTarget *new_target(void)
{
    WCHAR name[] = { 't', 0 };
    VDS_ASYNC_OUTPUT output;
    IVdsAsync *async;

    assert_hr(IVdsSubSystemIscsi_CreateTarget(array, NULL, name, &async), S_OK);
    assert_hr(ended_with(async, &output), S_OK);
    assert_int_equal(output.type, VDS_ASYNCOUT_CREATETARGET);
    return taken(output.ct.pTargetUnk, &IID_IVdsIscsiTarget);
}

static IVdsIscsiPortalGroup *new_group(IVdsIscsiTarget *target)
{
    VDS_ASYNC_OUTPUT output;
    IVdsAsync *async;

    assert_hr(IVdsIscsiTarget_CreatePortalGroup(target, &async), S_OK);
    assert_hr(ended_with(async, &output), S_OK);
    assert_int_equal(output.type, VDS_ASYNCOUT_CREATEPORTALGROUP);
    return taken(output.cpg.pPortalGroupUnk, &IID_IVdsIscsiPortalGroup);
}

static HRESULT add(IVdsIscsiPortalGroup *group, VDS_OBJECT_ID portal)
{
    IVdsAsync *async = (IVdsAsync *)1;
    HRESULT hr = IVdsIscsiPortalGroup_AddPortal(group, portal, &async);

    if (FAILED(hr))
        assert_null(async);
    return FAILED(hr) ? hr : ended(async, NULL);
}

static HRESULT remove_now(IVdsIscsiPortalGroup *group, VDS_OBJECT_ID portal)
{
    IVdsAsync *async = (IVdsAsync *)1;
    HRESULT hr = IVdsIscsiPortalGroup_RemovePortal(group, portal, &async);

    if (FAILED(hr))
        assert_null(async);
    return FAILED(hr) ? hr : ended(async, NULL);
}

static HRESULT delete_target(IVdsIscsiTarget *target)
{
    IVdsAsync *async;
    HRESULT hr = IVdsIscsiTarget_Delete(target, &async);

    return FAILED(hr) ? hr : ended(async, NULL);
}

static void address_of(const VDS_ISCSI_PORTAL_PROP *prop, char text[static 64])
{
    struct in_addr v4 = { htonl(prop->address.ipv4Address) };

    snprintf(text, 64, "%s:%u", inet_ntoa(v4), (unsigned)prop->address.ulPort);
}

/* The portal that given.portals[i] names. */
static VDS_ISCSI_PORTAL_PROP portal(unsigned i)
{
    IEnumVdsObject *members;
    VDS_ISCSI_PORTAL_PROP prop;
    IUnknown *object;
    ULONG n;

    assert_hr(IVdsSubSystemIscsi_QueryPortals(array, &members), S_OK);
    while (IEnumVdsObject_Next(members, 1, &object, &n) == S_OK) {
        IVdsIscsiPortal *face = taken(object, &IID_IVdsIscsiPortal);
        char text[64];

        assert_hr(IVdsIscsiPortal_GetProperties(face, &prop), S_OK);
        IVdsIscsiPortal_Release(face);
        address_of(&prop, text);
        if (strcmp(text, given.portals[i]) == 0) {
            IEnumVdsObject_Release(members);
            return prop;
        }
    }
    fail_msg("QueryPortals lacks %s", given.portals[i]);
    return prop;
}

static void name_of(IVdsIscsiTarget *target, char name[static 256])
{
    VDS_ISCSI_TARGET_PROP prop;
    unsigned i = 0;

    assert_hr(IVdsIscsiTarget_GetProperties(target, &prop), S_OK);
    for (; prop.pwszIscsiName[i]; i++)
        name[i] = (char)prop.pwszIscsiName[i];
    name[i] = '\0';
    CoTaskMemFree(prop.pwszIscsiName);
    CoTaskMemFree(prop.pwszFriendlyName);
}

static unsigned n_portals_of(IVdsIscsiPortalGroup *group)
{
    IEnumVdsObject *members;
    IUnknown *object;
    ULONG n;
    unsigned count = 0;

    assert_hr(IVdsIscsiPortalGroup_QueryAssociatedPortals(group, &members), S_OK);
    while (IEnumVdsObject_Next(members, 1, &object, &n) == S_OK) {
        IUnknown_Release(object);
        count++;
    }
    IEnumVdsObject_Release(members);
    return count;
}

static const VDS_OBJECT_ID nobody = { 0x12345678, 1, 2, { 3, 4, 5, 6, 7, 8, 9, 10 } };

/* A target with one group, or two, and everything gone at the end. */
struct setting {
    IVdsIscsiTarget *target;
    IVdsIscsiPortalGroup *one, *two;
};

static int set_up(void **state)
{
    struct setting *s = calloc(1, sizeof *s);

    s->target = new_target();
    s->one = new_group(s->target);
    s->two = new_group(s->target);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *s = *state;
    HRESULT hr = delete_target(s->target);

    IVdsIscsiPortalGroup_Release(s->one);
    IVdsIscsiPortalGroup_Release(s->two);
    IVdsIscsiTarget_Release(s->target);
    free(s);
    return hr == S_OK || hr == VDS_E_OBJECT_DELETED ? 0 : -1;
}

/* An initiator logged in to the setting's target through portal 0, which is then in group one. It never
 * answers a logout request. */
static void log_in(struct setting *s, struct initiator *in)
{
    char name[256];

    name_of(s->target, name);
    assert_hr(add(s->one, portal(0).id), S_OK);
    initiator_init(in, 1);
    assert_int_equal(initiator_connect_text(in, given.portals[0]), 0);
    assert_int_equal(initiator_login(in, name), 0);
}

/* RemovePortal of portal 0 with a limit far away: it runs until cancelled or until the initiator leaves. */
static IVdsAsync *start_drain(struct setting *s)
{
    IVdsIscsiPortalGroupEx *ex;
    IVdsAsync *async;

    assert_hr(IVdsIscsiPortalGroup_QueryInterface(s->one, &IID_IVdsIscsiPortalGroupEx, (void **)&ex), S_OK);
    assert_hr(IVdsIscsiPortalGroupEx_RemovePortalEx(ex, portal(0).id, 3600 * 1000, &async), S_OK);
    IVdsIscsiPortalGroupEx_Release(ex);
    return async;
}

/* ---- QueryPortals ---------------------------------------------------------------------------------- */

static void QueryPortals_lists_all_portals_with_status_offline_ones_too(void **state)
{
    (void)state;
    assert_int_equal(portal(0).status, VDS_IPS_ONLINE);
    assert_int_equal(portal(1).status, VDS_IPS_ONLINE);
    assert_int_equal(portal(2).status, VDS_IPS_OFFLINE);
}

static void QueryPortals_is_a_snapshot_that_can_be_walked_skipped_reset_and_cloned(void **state)
{
    IEnumVdsObject *members, *clone;
    IUnknown *objects[8];
    ULONG n;

    (void)state;
    assert_hr(IVdsSubSystemIscsi_QueryPortals(array, &members), S_OK);
    assert_hr(IEnumVdsObject_Next(members, 1, objects, &n), S_OK);
    IUnknown_Release(objects[0]);
    assert_hr(IEnumVdsObject_Clone(members, &clone), S_OK);
    assert_hr(IEnumVdsObject_Next(clone, 8, objects, &n), S_FALSE);
    assert_int_equal(n, 2);
    IUnknown_Release(objects[0]);
    IUnknown_Release(objects[1]);
    assert_hr(IEnumVdsObject_Skip(members, 2), S_OK);
    assert_hr(IEnumVdsObject_Skip(members, 1), S_FALSE);
    assert_hr(IEnumVdsObject_Reset(members), S_OK);
    assert_hr(IEnumVdsObject_Skip(members, 3), S_OK);
    IEnumVdsObject_Release(clone);
    IEnumVdsObject_Release(members);
}

static void a_NULL_pointer_is_E_INVALIDARG(void **state)
{
    struct setting *s = *state;

    assert_hr(IVdsSubSystemIscsi_QueryPortals(array, NULL), E_INVALIDARG);
    assert_hr(IVdsIscsiTarget_CreatePortalGroup(s->target, NULL), E_INVALIDARG);
    assert_hr(IVdsIscsiPortalGroup_AddPortal(s->one, portal(0).id, NULL), E_INVALIDARG);
    assert_hr(IVdsIscsiPortalGroup_RemovePortal(s->one, portal(0).id, NULL), E_INVALIDARG);
    assert_int_equal(n_portals_of(s->one), 0);
}

/* ---- CreatePortalGroup ----------------------------------------------------------------------------- */

static unsigned tag_of(IVdsIscsiPortalGroup *group)
{
    VDS_ISCSI_PORTALGROUP_PROP prop;

    assert_hr(IVdsIscsiPortalGroup_GetProperties(group, &prop), S_OK);
    return prop.tag;
}

static void
CreatePortalGroup_gives_rising_tags_and_at_the_limit_VDS_S_ALREADY_EXISTS_with_the_lowest(void **state)
{
    struct setting *s = *state;
    VDS_ASYNC_OUTPUT output;
    IVdsAsync *async;
    IVdsIscsiPortalGroup *group;

    assert_int_equal(tag_of(s->one), 1);
    assert_int_equal(tag_of(s->two), 2);
    for (unsigned tag = 3; tag <= N_GROUPS; tag++) {
        group = new_group(s->target);
        assert_int_equal(tag_of(group), tag);
        IVdsIscsiPortalGroup_Release(group);
    }
    assert_true(SUCCEEDED(IVdsIscsiTarget_CreatePortalGroup(s->target, &async)));
    assert_hr(ended_with(async, &output), VDS_S_ALREADY_EXISTS);
    group = taken(output.cpg.pPortalGroupUnk, &IID_IVdsIscsiPortalGroup);
    assert_int_equal(tag_of(group), 1);
    IVdsIscsiPortalGroup_Release(group);
}

static void calls_on_deleted_objects_answer_VDS_E_OBJECT_DELETED(void **state)
{
    struct setting *s = *state;
    VDS_OBJECT_ID id = portal(0).id;
    IVdsAsync *async;

    assert_hr(IVdsIscsiPortalGroup_Delete(s->one, &async), S_OK);
    assert_hr(ended(async, NULL), S_OK);
    assert_hr(add(s->one, id), VDS_E_OBJECT_DELETED);
    assert_hr(remove_now(s->one, id), VDS_E_OBJECT_DELETED);
    assert_hr(delete_target(s->target), S_OK);
    assert_hr(IVdsIscsiTarget_CreatePortalGroup(s->target, &async), VDS_E_OBJECT_DELETED);
    assert_null(async);
    assert_hr(add(s->two, id), VDS_E_OBJECT_DELETED); /* went with its target */
}

/* ---- AddPortal, RemovePortal ----------------------------------------------------------------------- */

static void AddPortal_of_an_id_that_names_nothing_is_VDS_E_OBJECT_NOT_FOUND(void **state)
{
    struct setting *s = *state;

    assert_hr(add(s->one, nobody), VDS_E_OBJECT_NOT_FOUND);
    assert_hr(remove_now(s->one, nobody), VDS_E_OBJECT_NOT_FOUND);
}

static void AddPortal_twice_is_VDS_S_ALREADY_EXISTS(void **state)
{
    struct setting *s = *state;

    assert_hr(add(s->one, portal(0).id), S_OK);
    assert_hr(add(s->one, portal(0).id), VDS_S_ALREADY_EXISTS);
    assert_int_equal(n_portals_of(s->one), 1);
}

static void AddPortal_of_a_portal_of_another_group_is_VDS_E_INVALID_OPERATION_and_names_it(void **state)
{
    struct setting *s = *state;

    assert_hr(add(s->one, portal(0).id), S_OK);
    assert_hr(add(s->two, portal(0).id), VDS_E_INVALID_OPERATION);
    assert_non_null(strstr(vds_error_text(), "t/1"));
    assert_int_equal(n_portals_of(s->two), 0);
}

static void AddPortal_of_an_absent_address_is_S_OK_and_the_portal_stays_OFFLINE(void **state)
{
    struct setting *s = *state;

    assert_hr(add(s->one, portal(2).id), S_OK);
    assert_int_equal(portal(2).status, VDS_IPS_OFFLINE);
    assert_hr(remove_now(s->one, portal(2).id), S_OK);
}

static void AddPortal_with_the_port_taken_is_the_Win32_code_and_changes_nothing(void **state)
{
    struct setting *s = *state;
    struct sockaddr_in addr = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    addr.sin_port = htons((uint16_t)portal(1).address.ulPort);
    addr.sin_addr.s_addr = htonl(portal(1).address.ipv4Address);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_hr(add(s->one, portal(1).id), HRESULT_FROM_WIN32(10048)); /* WSAEADDRINUSE */
    assert_int_equal(n_portals_of(s->one), 0);
    close(fd);
    assert_hr(add(s->one, portal(1).id), S_OK);
}

static void RemovePortal_of_a_portal_not_in_the_group_is_VDS_E_OBJECT_NOT_FOUND(void **state)
{
    struct setting *s = *state;

    assert_hr(add(s->one, portal(0).id), S_OK);
    assert_hr(remove_now(s->two, portal(0).id), VDS_E_OBJECT_NOT_FOUND);
    assert_hr(remove_now(s->one, portal(1).id), VDS_E_OBJECT_NOT_FOUND);
}

static void RemovePortal_of_the_last_portal_is_allowed(void **state)
{
    struct setting *s = *state;

    assert_hr(add(s->one, portal(0).id), S_OK);
    assert_hr(remove_now(s->one, portal(0).id), S_OK);
    assert_int_equal(n_portals_of(s->one), 0);
}

static void
a_second_operation_on_the_group_is_VDS_E_ANOTHER_CALL_IN_PROGRESS_and_its_siblings_are_free(void **state)
{
    struct setting *s = *state;
    VDS_ISCSI_PORTALGROUP_PROP prop;
    struct initiator in;
    IVdsAsync *drain, *async;

    log_in(s, &in);
    drain = start_drain(s);
    assert_hr(add(s->one, portal(1).id), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(remove_now(s->one, portal(0).id), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(IVdsIscsiPortalGroup_Delete(s->one, &async), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(delete_target(s->target), VDS_E_ANOTHER_CALL_IN_PROGRESS); /* an ancestor: against deletion */
    assert_hr(IVdsIscsiPortalGroup_GetProperties(s->one, &prop), S_OK);  /* reads never */
    assert_hr(add(s->two, portal(1).id), S_OK);
    assert_hr(IVdsAsync_Cancel(drain), S_OK);
    assert_hr(ended(drain, NULL), VDS_E_OPERATION_CANCELED);
    initiator_close(&in);
}

static void QueryStatus_tells_VDS_E_OPERATION_PENDING_and_Cancel_puts_all_back(void **state)
{
    struct setting *s = *state;
    struct initiator in, again;
    IVdsAsync *drain;
    HRESULT result;
    ULONG percent;
    char name[256];

    log_in(s, &in);
    drain = start_drain(s);
    assert_hr(IVdsAsync_QueryStatus(drain, &result, &percent), S_OK);
    assert_hr(result, VDS_E_OPERATION_PENDING);
    assert_true(percent <= 99);
    assert_hr(IVdsAsync_Cancel(drain), S_OK);
    IVdsAsync_AddRef(drain);
    assert_hr(ended(drain, NULL), VDS_E_OPERATION_CANCELED);
    assert_hr(IVdsAsync_Cancel(drain), VDS_E_OPERATION_CANCELED); /* already */
    assert_hr(IVdsAsync_QueryStatus(drain, &result, &percent), S_OK);
    assert_hr(result, VDS_E_OPERATION_CANCELED);
    assert_int_equal(percent, 100);
    IVdsAsync_Release(drain);
    assert_int_equal(n_portals_of(s->one), 1);
    name_of(s->target, name);
    initiator_init(&again, 2);
    assert_int_equal(initiator_connect_text(&again, given.portals[0]), 0);
    assert_int_equal(initiator_login(&again, name), 0);
    assert_int_equal(initiator_nop(&in), 0); /* the first session never ended */
    initiator_close(&again);
    initiator_close(&in);
}

static void Cancel_after_the_end_is_VDS_E_CANCEL_TOO_LATE(void **state)
{
    struct setting *s = *state;
    IVdsAsync *async;

    assert_hr(IVdsIscsiPortalGroup_AddPortal(s->one, portal(0).id, &async), S_OK);
    IVdsAsync_AddRef(async);
    assert_hr(ended(async, NULL), S_OK);
    assert_hr(IVdsAsync_Cancel(async), VDS_E_CANCEL_TOO_LATE);
    IVdsAsync_Release(async);
}

/* ---- around them ----------------------------------------------------------------------------------- */

static void a_target_with_LUNs_is_VDS_E_ASSOCIATED_LUNS_EXIST_and_a_group_with_portals_too(void **state)
{
    struct setting *s = *state;
    WCHAR none[] = { 0 };
    VDS_ASYNC_OUTPUT output;
    VDS_ISCSI_TARGET_PROP prop;
    IVdsAsync *async;
    IVdsLun *lun;
    IVdsLunIscsi *iscsi;

    assert_hr(add(s->one, portal(0).id), S_OK);
    assert_hr(IVdsIscsiPortalGroup_Delete(s->one, &async), VDS_E_ASSOCIATED_PORTALS_EXIST);
    assert_hr(IVdsSubSystem_CreateLun(subsystem, VDS_LT_SIMPLE, 1 << 20, NULL, 0, none, NULL, &async), S_OK);
    assert_hr(ended_with(async, &output), S_OK);
    assert_int_equal(output.type, VDS_ASYNCOUT_CREATELUN);
    lun = taken(output.cl.pLunUnk, &IID_IVdsLun);
    assert_hr(IVdsLun_QueryInterface(lun, &IID_IVdsLunIscsi, (void **)&iscsi), S_OK);
    assert_hr(IVdsIscsiTarget_GetProperties(s->target, &prop), S_OK);
    CoTaskMemFree(prop.pwszIscsiName);
    CoTaskMemFree(prop.pwszFriendlyName);
    assert_hr(IVdsLunIscsi_AssociateTargets(iscsi, &prop.id, 1), S_OK);
    assert_hr(delete_target(s->target), VDS_E_ASSOCIATED_LUNS_EXIST);
    assert_hr(IVdsLunIscsi_AssociateTargets(iscsi, NULL, 0), S_OK);
    assert_hr(IVdsLun_Delete(lun), S_OK);
    assert_hr(IVdsLun_SetMask(lun, none), VDS_E_OBJECT_DELETED);
    IVdsLunIscsi_Release(iscsi);
    IVdsLun_Release(lun);
}

static void IPsec_is_VDS_E_NOT_SUPPORTED(void **state)
{
    (void)state;
    assert_hr(IVdsSubSystemIscsi_SetIpsecGroupPresharedKey(array, NULL), VDS_E_NOT_SUPPORTED);
}

static void
a_state_file_changed_by_others_is_VDS_E_PROVIDER_CACHE_CORRUPT_until_Reenumerate_and_Refresh(void **state)
{
    struct setting *s = *state;
    VDS_OBJECT_ID id = portal(0).id;
    IEnumVdsObject *members;
    IVdsAsync *async;
    char command[600];

    snprintf(command, sizeof command, "sqlite3 '%s/array.db' \"UPDATE subsystem SET name = name || '!'\"",
             given.state);
    assert_int_equal(system(command), 0);
    assert_hr(IVdsSubSystemIscsi_QueryPortals(array, &members), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_null(members);
    assert_hr(IVdsIscsiTarget_CreatePortalGroup(s->target, &async), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(add(s->one, id), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(remove_now(s->one, id), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(IVdsHwProvider_Reenumerate(provider), S_OK);
    assert_hr(IVdsHwProvider_Refresh(provider), S_OK);
    assert_hr(add(s->one, id), S_OK);
}

static void a_state_that_cannot_be_written_is_VDS_E_OBJECT_STATUS_FAILED_and_heals(void **state)
{
    static struct event_sink sink;
    struct setting *s = *state;
    struct rlimit before, none;
    VDS_OBJECT_ID id = portal(0).id;
    IEnumVdsObject *members;
    DWORD cookie;

    event_sink_init(&sink);
    assert_hr(IVdsService_Advise(service, &sink.face, &cookie), S_OK);
    assert_int_equal(prlimit(given.pid, RLIMIT_FSIZE, NULL, &before), 0);
    none = (struct rlimit) { 0, before.rlim_max };
    assert_int_equal(prlimit(given.pid, RLIMIT_FSIZE, &none, NULL), 0);
    assert_true(FAILED(add(s->one, id)));
    assert_hr(IVdsSubSystemIscsi_QueryPortals(array, &members), VDS_E_OBJECT_STATUS_FAILED);
    assert_null(members);
    assert_int_equal(prlimit(given.pid, RLIMIT_FSIZE, &before, NULL), 0);
    for (unsigned n = 1; IVdsSubSystemIscsi_QueryPortals(array, &members) == VDS_E_OBJECT_STATUS_FAILED; n++)
        event_sink_wait(&sink, VDS_NF_SUB_SYSTEM_MODIFY, n); /* it has failed; it has healed */
    IEnumVdsObject_Release(members);
    assert_hr(IVdsService_Unadvise(service, cookie), S_OK);
    assert_int_equal(n_portals_of(s->one), 0); /* the failure changed nothing */
    assert_hr(add(s->one, id), S_OK);
}

/* ---- start ----------------------------------------------------------------------------------------- */

static int open_array(void **state)
{
    IEnumVdsObject *members;

    (void)state;
    if (given.context == CLSCTX_INPROC_SERVER) {
        VDS_INPROC_OPTIONS options = { .pszStateDirectory = given.state,
                                       .ppszPortals = given.portals,
                                       .ulNumberOfPortals = 3,
                                       .ulReactors = 2,
                                       .ulMaxGroups = N_GROUPS };

        assert_hr(vds_inproc_configure(&options), S_OK);
    }
    service = open_service(given.context);
    assert_hr(IVdsService_QueryProviders(service, VDS_QUERY_HARDWARE_PROVIDERS, &members), S_OK);
    provider = first(members, &IID_IVdsHwProvider);
    assert_hr(IVdsHwProvider_QuerySubSystems(provider, &members), S_OK);
    subsystem = first(members, &IID_IVdsSubSystem);
    assert_hr(IVdsSubSystem_QueryInterface(subsystem, &IID_IVdsSubSystemIscsi, (void **)&array), S_OK);
    return 0;
}

static int close_array(void **state)
{
    (void)state;
    IVdsSubSystemIscsi_Release(array);
    IVdsSubSystem_Release(subsystem);
    IVdsHwProvider_Release(provider);
    IVdsService_Release(service);
    vds_inproc_stop();
    CoUninitialize();
    return 0;
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(QueryPortals_lists_all_portals_with_status_offline_ones_too),
        cmocka_unit_test(QueryPortals_is_a_snapshot_that_can_be_walked_skipped_reset_and_cloned),
        TEST(a_NULL_pointer_is_E_INVALIDARG),
        TEST(CreatePortalGroup_gives_rising_tags_and_at_the_limit_VDS_S_ALREADY_EXISTS_with_the_lowest),
        TEST(calls_on_deleted_objects_answer_VDS_E_OBJECT_DELETED),
        TEST(AddPortal_of_an_id_that_names_nothing_is_VDS_E_OBJECT_NOT_FOUND),
        TEST(AddPortal_twice_is_VDS_S_ALREADY_EXISTS),
        TEST(AddPortal_of_a_portal_of_another_group_is_VDS_E_INVALID_OPERATION_and_names_it),
        TEST(AddPortal_of_an_absent_address_is_S_OK_and_the_portal_stays_OFFLINE),
        TEST(AddPortal_with_the_port_taken_is_the_Win32_code_and_changes_nothing),
        TEST(RemovePortal_of_a_portal_not_in_the_group_is_VDS_E_OBJECT_NOT_FOUND),
        TEST(RemovePortal_of_the_last_portal_is_allowed),
        TEST(a_second_operation_on_the_group_is_VDS_E_ANOTHER_CALL_IN_PROGRESS_and_its_siblings_are_free),
        TEST(QueryStatus_tells_VDS_E_OPERATION_PENDING_and_Cancel_puts_all_back),
        TEST(Cancel_after_the_end_is_VDS_E_CANCEL_TOO_LATE),
        TEST(a_target_with_LUNs_is_VDS_E_ASSOCIATED_LUNS_EXIST_and_a_group_with_portals_too),
        cmocka_unit_test(IPsec_is_VDS_E_NOT_SUPPORTED),
        TEST(a_state_file_changed_by_others_is_VDS_E_PROVIDER_CACHE_CORRUPT_until_Reenumerate_and_Refresh),
        TEST(a_state_that_cannot_be_written_is_VDS_E_OBJECT_STATUS_FAILED_and_heals),
    };

    if (argc != 7) {
        fprintf(stderr, "usage: results service|inproc STATE-DIRECTORY PID PORTAL PORTAL ABSENT-PORTAL\n");
        return 2;
    }
    given.context = strcmp(argv[1], "inproc") == 0 ? CLSCTX_INPROC_SERVER : CLSCTX_LOCAL_SERVER;
    given.state = argv[2];
    given.pid = (pid_t)atol(argv[3]); /* 0: this process */
    memcpy(given.portals, argv + 4, sizeof given.portals);
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, open_array, close_array);
}
