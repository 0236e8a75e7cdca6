/* SPDX-License-Identifier: MIT */
/* Every field of every structure that the API hands out, against a truth that comes from elsewhere: what the
 * array was told, statvfs() and the kernel, what an initiator of our own sees on the wire, or the constant
 * that the documentation of VDS names. Through the service and with the array in this process;
 * test_properties.py starts it, and compares the ids that it prints with those in the state.
 *
 * usage: properties --refusals
 *        properties service|inproc[-again] STATE-DIRECTORY VERSION PID PORTAL PORTAL PORTAL DRIVE DRIVE DRIVE
 *        (PID: of the service, 0: this one; two drives on one file system, the third on another; again: the same array another day, with the
 *        last drive only, and a file where that was)
 */
#include <arpa/inet.h>
#include <unistd.h>

#include "properties.h"

struct scene scene;

struct lun_made luns[N_LUNS] = {
    { u"disk", 64 * MIB, 0, 512, 512, 0, u"*" },
    { u"thick", 8 * MIB, VDS_LUN_FEATURE_THICK, 4096, 8192, 2,
      u"iqn.2026-11.org.example:a;iqn.2024-01.test:initiator.1" },
    { u"read-only, removable", 16 * MIB, VDS_LUN_FEATURE_READ_ONLY | VDS_LUN_FEATURE_REMOVABLE, 512, 4096, 1,
      u"*" },
    { u"in memory", 32 * MIB, VDS_LUN_FEATURE_VOLATILE, 512, 512, 0, u"*" },
};

/* ---- small things -------------------------------------------------------------------------------------- */

bool same_id(VDS_OBJECT_ID a, VDS_OBJECT_ID b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

unsigned count(IEnumVdsObject *members)
{
    unsigned n = 0;
    IUnknown *object;
    ULONG got;

    while (IEnumVdsObject_Next(members, 1, &object, &got) == S_OK) {
        IUnknown_Release(object);
        n++;
    }
    IEnumVdsObject_Release(members);
    return n;
}

VDS_IPADDRESS address_of(const char *text)
{
    VDS_IPADDRESS address;
    char host[64];
    const char *colon = strrchr(text, ':');
    struct in_addr v4;

    memset(&address, 0, sizeof address);
    snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    address.ulPort = (ULONG)strtoul(colon + 1, NULL, 10);
    if (host[0] == '[') {
        host[strlen(host) - 1] = '\0';
        address.type = VDS_IPT_IPV6;
        assert_int_equal(inet_pton(AF_INET6, host + 1, address.ipv6Address), 1);
        return address;
    }
    address.type = VDS_IPT_IPV4;
    assert_int_equal(inet_pton(AF_INET, host, &v4), 1);
    address.ipv4Address = ntohl(v4.s_addr); /* 192.168.0.1 is 0xC0A80001 */
    return address;
}

IVdsDrive *drive_at(unsigned slot)
{
    IVdsDrive *drive;

    assert_hr(IVdsSubSystem_GetDrive(scene.subsystem, 0, (SHORT)slot, &drive), S_OK);
    return drive;
}

IVdsIscsiPortal *portal_at(unsigned i)
{
    IUnknown *object;

    assert_hr(IVdsService_GetObject(scene.service, scene.portal_ids[i], VDS_OT_PORTAL, &object), S_OK);
    return taken(object, &IID_IVdsIscsiPortal);
}

void print_id(const char *what, const char *name, VDS_OBJECT_ID id)
{
    LPWSTR text = wide_id(id);

    printf("id %s ", what);
    for (; *text; text++)
        putchar((char)*text);
    printf(" %s\n", name);
}

/* ---- the service, the provider ------------------------------------------------------------------------- */

static void the_service(ULONG flags)
{
    VDS_SERVICE_PROP prop;

    assert_hr(IVdsService_GetProperties(scene.service, &prop), S_OK);
    COMPARE(VDS_SERVICE_PROP, &prop, (&(VDS_SERVICE_PROP){ wide(scene.version), flags }));
}

void service_and_provider(void **state)
{
    IVdsHwProviderType *type = as(scene.provider, &IID_IVdsHwProviderType);
    IVdsHwProviderType2 *type2 = as(scene.provider, &IID_IVdsHwProviderType2);
    VDS_HWPROVIDER_TYPE value = VDS_HWT_UNKNOWN;
    VDS_PROVIDER_PROP prop, again;

    (void)state;
    the_service(0);
    assert_hr(IVdsService_SetFlags(scene.service, VDS_SVF_AUTO_MOUNT_OFF), S_OK);
    the_service(VDS_SVF_AUTO_MOUNT_OFF);
    assert_hr(IVdsService_ClearFlags(scene.service, VDS_SVF_AUTO_MOUNT_OFF), S_OK);
    the_service(0);
    assert_hr(IVdsProvider_GetProperties(scene.provider, &prop), S_OK);
    assert_hr(IVdsProvider_GetProperties(scene.provider, &again), S_OK);
    print_id("provider", "-", prop.id);
    print_id("version", "-", prop.guidVersionId);
    assert_false(same_id(prop.id, GUID_NULL) || same_id(prop.guidVersionId, GUID_NULL));
    VDS_PROVIDER_PROP expected = { .id = again.id,
                                   .pwszName = literal(u"VDS for Linux iSCSI array"),
                                   .guidVersionId = again.guidVersionId,
                                   .pwszVersion = wide(scene.version),
                                   .type = VDS_PT_HARDWARE };
    COMPARE(VDS_PROVIDER_PROP, &prop, &expected); /* flags, stripes, priority: software providers have them */
    COMPARE(VDS_PROVIDER_PROP, &again, &expected);
    assert_hr(IVdsHwProviderType_GetProviderType(type, &value), S_OK);
    assert_int_equal(value, VDS_HWT_ISCSI);
    value = VDS_HWT_UNKNOWN;
    assert_hr(IVdsHwProviderType2_GetProviderType2(type2, &value), S_OK);
    assert_int_equal(value, VDS_HWT_ISCSI);
    drop(type);
    drop(type2);
}

/* ---- the array, its controller ------------------------------------------------------------------------- */

static void compare_array(const WCHAR *name)
{
    const ULONG flags = VDS_SF_LUN_MASKING_CAPABLE | VDS_SF_DRIVE_EXTENT_CAPABLE | VDS_SF_SUPPORTS_NON_FAULT_TOLERANT_LUNS |
                        VDS_SF_SUPPORTS_SIMPLE_LUNS | VDS_SF_SUPPORTS_AUTH_CHAP | VDS_SF_SUPPORTS_AUTH_MUTUAL_CHAP |
                        VDS_SF_SUPPORTS_LUN_NUMBER | VDS_SF_READ_CACHING_CAPABLE | VDS_SF_WRITE_CACHING_CAPABLE |
                        VDS_SF_WRITE_THROUGH_CACHING_CAPABLE; /* each is proven in properties_flags.c */
    IVdsSubSystem2 *second = as(scene.subsystem, &IID_IVdsSubSystem2);
    VDS_SUB_SYSTEM_PROP prop;
    VDS_SUB_SYSTEM_PROP2 prop2;

    assert_hr(IVdsSubSystem_GetProperties(scene.subsystem, &prop), S_OK);
    assert_hr(IVdsSubSystem2_GetProperties2(second, &prop2), S_OK);
    assert_false(same_id(prop.id, GUID_NULL));
    COMPARE(VDS_SUB_SYSTEM_PROP2, &prop2,
            (&(VDS_SUB_SYSTEM_PROP2){ prop.id, literal(name), wide_id(prop.id), flags, 0, 0, VDS_SSS_ONLINE,
                                      VDS_H_HEALTHY, 1, N_DRIVES, 1, 0, 1 }));
    COMPARE(VDS_SUB_SYSTEM_PROP, &prop,
            (&(VDS_SUB_SYSTEM_PROP){ prop.id, literal(name), wide_id(prop.id), flags, 0, VDS_SSS_ONLINE,
                                     VDS_H_HEALTHY, 1, N_DRIVES, 1, 0 }));
    drop(second);
}

void array_and_controller(void **state)
{
    IEnumVdsObject *members;
    IVdsController *controller;
    VDS_CONTROLLER_PROP prop;
    VDS_SUB_SYSTEM_PROP array;
    VDS_PORT_PROP port;
    char host[256] = "";

    (void)state;
    assert_hr(IVdsSubSystem_GetProperties(scene.subsystem, &array), S_OK);
    print_id("subsystem", "-", array.id);
    compare_array(array.pwszFriendlyName);
    CoTaskMemFree(array.pwszFriendlyName);
    CoTaskMemFree(array.pwszIdentification);
    gethostname(host, sizeof host - 1);
    assert_hr(IVdsSubSystem_QueryControllers(scene.subsystem, &members), S_OK);
    controller = first(members, &IID_IVdsController);
    assert_hr(IVdsController_GetProperties(controller, &prop), S_OK);
    print_id("controller", "-", prop.id);
    assert_hr(IVdsController_GetPortProperties(controller, 0, &port), S_OK);
    assert_false(same_id(port.id, prop.id) || same_id(port.id, GUID_NULL));
    COMPARE(VDS_PORT_PROP, &port,
            (&(VDS_PORT_PROP){ port.id, literal(u"network"), wide_id(prop.id), VDS_PRS_ONLINE }));
    assert_hr(IVdsController_GetPortProperties(controller, 1, &port), E_INVALIDARG); /* sNumberOfPorts is 1 */
    COMPARE(
        VDS_CONTROLLER_PROP, &prop,
        (&(VDS_CONTROLLER_PROP){ prop.id, wide(host), wide_id(prop.id), VDS_CS_ONLINE, VDS_H_HEALTHY, 1 }));
    drop(controller);
}

/* After these the names are those of the tests that follow. */
void names_that_were_set(void **state)
{
    IVdsSubSystemNaming *naming = as(scene.subsystem, &IID_IVdsSubSystemNaming);

    (void)state;
    assert_hr(IVdsSubSystemNaming_SetFriendlyName(naming, literal(u"Gr\u00f6\u00dfe \u2260 \U0001F4BE")),
              S_OK);
    compare_array(u"Gr\u00f6\u00dfe \u2260 \U0001F4BE");
    drop(naming);
}

/* ---- set up -------------------------------------------------------------------------------------------- */

static void open_array(void)
{
    VDS_INPROC_OPTIONS options = { .pszStateDirectory = scene.state, .ppszPortals = scene.portals, .ulNumberOfPortals = N_PORTALS,
                                   .ppszDrives = scene.drives + scene.again * 2, .ulNumberOfDrives = N_DRIVES - scene.again * 2, .ulReactors = 2,
                                   .ulDrainSeconds = DRAIN_SECONDS, .ulMaxGroups = MAX_GROUPS };
    IEnumVdsObject *members;
    IVdsHwProvider *hw;

    if (scene.context == CLSCTX_INPROC_SERVER)
        assert_hr(vds_inproc_configure(&options), S_OK);
    scene.service = open_service(scene.context);
    assert_hr(IVdsService_QueryProviders(scene.service, VDS_QUERY_HARDWARE_PROVIDERS, &members), S_OK);
    scene.provider = first(members, &IID_IVdsProvider);
    hw = as(scene.provider, &IID_IVdsHwProvider);
    assert_hr(IVdsHwProvider_QuerySubSystems(hw, &members), S_OK);
    drop(hw);
    scene.subsystem = first(members, &IID_IVdsSubSystem);
    scene.iscsi = as(scene.subsystem, &IID_IVdsSubSystemIscsi);
}

/* The ids of the portals, in the order of the command line. */
static void find_portals(void)
{
    IEnumVdsObject *members;
    IUnknown *object;
    ULONG n;

    assert_hr(IVdsSubSystemIscsi_QueryPortals(scene.iscsi, &members), S_OK);
    while (IEnumVdsObject_Next(members, 1, &object, &n) == S_OK) {
        IVdsIscsiPortal *portal = taken(object, &IID_IVdsIscsiPortal);
        VDS_ISCSI_PORTAL_PROP prop;

        assert_hr(IVdsIscsiPortal_GetProperties(portal, &prop), S_OK);
        for (unsigned i = 0; i < N_PORTALS; i++) {
            if (address_of(scene.portals[i]).ulPort == prop.address.ulPort) {
                scene.portal_ids[i] = prop.id;
                print_id("portals", scene.portals[i], prop.id);
            }
        }
        drop(portal);
    }
    drop(members);
}

static IVdsIscsiPortalGroup *make_group(unsigned first_portal, unsigned step)
{
    IVdsIscsiPortalGroup *group;
    IUnknown *object;
    IVdsAsync *async;

    assert_hr(IVdsIscsiTarget_CreatePortalGroup(scene.target, &async), S_OK);
    assert_hr(ended(async, &object), S_OK);
    group = taken(object, &IID_IVdsIscsiPortalGroup);
    for (unsigned i = first_portal; i < N_PORTALS; i += step) {
        assert_hr(IVdsIscsiPortalGroup_AddPortal(group, scene.portal_ids[i], &async), S_OK);
        assert_hr(ended(async, NULL), S_OK);
    }
    return group;
}

static IVdsIscsiTarget *make_target(const char *iscsi_name, const WCHAR *name)
{
    IUnknown *object;
    IVdsAsync *async;

    assert_hr(IVdsSubSystemIscsi_CreateTarget(scene.iscsi, wide(iscsi_name), literal(name), &async), S_OK);
    assert_hr(ended(async, &object), S_OK);
    return taken(object, &IID_IVdsIscsiTarget);
}

static void make_lun(struct lun_made *made)
{
    IVdsSubSystemLunEx *maker = as(scene.subsystem, &IID_IVdsSubSystemLunEx);
    VDS_OBJECT_ID drive = scene.drive_ids[made->drive];
    IVdsLunIscsi *ties;
    IUnknown *object;
    IVdsAsync *async;

    assert_hr(IVdsSubSystemLunEx_CreateLunWithFeatures(maker, made->size, made->features, made->block,
                                                       made->physical, &drive, 1, literal(made->mask),
                                                       literal(made->name), &async),
              S_OK);
    assert_hr(ended(async, &object), S_OK);
    made->lun = taken(object, &IID_IVdsLun);
    made->id = lun_prop(made->lun).id;
    ties = as(made->lun, &IID_IVdsLunIscsi);
    assert_hr(IVdsLunIscsi_AssociateTargets(ties, scene.target_ids, 1), S_OK);
    drop(ties);
    drop(maker);
}

static void find_drives(void)
{
    for (unsigned i = 0; i < N_DRIVES; i++) {
        IVdsDrive *drive = drive_at(i);
        VDS_DRIVE_PROP prop;

        assert_hr(IVdsDrive_GetProperties(drive, &prop), S_OK);
        CoTaskMemFree(prop.pwszFriendlyName);
        CoTaskMemFree(prop.pwszIdentification);
        scene.drive_ids[i] = prop.id;
        print_id("drives", scene.drives[i], prop.id);
        drop(drive);
    }
}

static int set_up(void **state)
{
    VDS_ISCSI_SHARED_SECRET secret = { (UCHAR *)(uintptr_t)"abcdefghijkl", 12 };
    VDS_ISCSI_TARGET_PROP prop;

    (void)state;
    open_array();
    find_portals();
    find_drives();
    scene.target = make_target(TARGET_NAME, u"disks \u2116 1");
    scene.other = make_target(OTHER_NAME, u"other");
    assert_hr(IVdsIscsiTarget_SetSharedSecret(scene.other, &secret, NULL), S_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_hr(IVdsIscsiTarget_GetProperties(i ? scene.other : scene.target, &prop), S_OK);
        CoTaskMemFree(prop.pwszIscsiName);
        CoTaskMemFree(prop.pwszFriendlyName);
        scene.target_ids[i] = prop.id;
        print_id("targets", i ? OTHER_NAME : TARGET_NAME, prop.id);
    }
    scene.groups[0] = make_group(0, 2);
    scene.groups[1] = make_group(1, N_PORTALS);
    for (unsigned i = 0; i < N_LUNS; i++) {
        make_lun(&luns[i]);
        luns[i].number = i; /* the lowest that is free */
        print_id("luns", "-", luns[i].id);
    }
    return 0;
}

/* So that nothing is left there when the array is started without it. */
static void empty_first_drive(void)
{
    for (unsigned i = 0; i < N_LUNS; i++) {
        IVdsLunIscsi *ties;

        if (!luns[i].lun || luns[i].drive != 0)
            continue;
        ties = as(luns[i].lun, &IID_IVdsLunIscsi);
        assert_hr(IVdsLunIscsi_AssociateTargets(ties, NULL, 0), S_OK);
        assert_hr(IVdsLun_Delete(luns[i].lun), S_OK);
        drop(ties);
    }
}

static int tear_down(void **state)
{
    void *all[] = { scene.groups[0], scene.groups[1], scene.target,   scene.other,
                    scene.iscsi,     scene.subsystem, scene.provider, scene.service };

    (void)state;
    empty_first_drive();
    for (unsigned i = 0; i < N_LUNS; i++)
        drop(luns[i].lun);
    for (size_t i = 0; i < LENGTH(all); i++)
        drop(all[i]);
    vds_inproc_stop();
    CoUninitialize();
    return 0;
}

static int open_again(void **state)
{
    (void)state;
    open_array();
    return 0;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(service_and_provider),
    cmocka_unit_test(array_and_controller),
    cmocka_unit_test(names_that_were_set),
    cmocka_unit_test(what_the_host_has),
    cmocka_unit_test(the_initiator_of_the_host),
    cmocka_unit_test(portals_targets_and_groups),
    cmocka_unit_test(sessions_are_what_the_initiator_negotiated),
    cmocka_unit_test(counters_are_what_the_initiator_did),
    cmocka_unit_test(the_status_of_the_array),
    cmocka_unit_test(the_tree_is_the_objects),
    cmocka_unit_test(a_notification_is_recorded),
    cmocka_unit_test(drives_are_their_directories),
    cmocka_unit_test(extents_are_what_LUNs_have_taken),
    cmocka_unit_test(pools_are_file_systems),
    cmocka_unit_test(sizes_that_are_offered),
    cmocka_unit_test(luns_are_what_the_wire_says),
    cmocka_unit_test(identification_is_INQUIRY_and_VPD),
    cmocka_unit_test(plexes_and_hints),
    cmocka_unit_test(hints_switch_the_cache),
    cmocka_unit_test(statuses_go_together),
    cmocka_unit_test(every_flag_is_set_or_clear_for_a_reason),
    cmocka_unit_test(every_structure_was_compared),
};
static const struct CMUnitTest tests_again[] = { cmocka_unit_test(drives_that_went_and_failed), cmocka_unit_test(luns_of_another_day) };

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--refusals") == 0) {
        print_refusals();
        return 0;
    }
    if (argc != 5 + N_PORTALS + N_DRIVES) {
        fprintf(stderr, "usage: properties --refusals | service|inproc[-again] STATE-DIRECTORY VERSION PID "
                        "PORTAL... DRIVE...\n");
        return 2;
    }
    scene = (struct scene){ .context = strncmp(argv[1], "inproc", 6) == 0 ? CLSCTX_INPROC_SERVER
                                                                          : CLSCTX_LOCAL_SERVER,
                            .again = strstr(argv[1], "-again") != NULL,
                            .state = argv[2],
                            .version = argv[3],
                            .pid = atoi(argv[4]) };
    scene.pid = scene.pid ? scene.pid : getpid();
    for (unsigned i = 0; i < N_PORTALS; i++)
        scene.portals[i] = argv[5 + i];
    for (unsigned i = 0; i < N_DRIVES; i++)
        scene.drives[i] = argv[5 + N_PORTALS + i];
    return scene.again ? cmocka_run_group_tests(tests_again, open_again, tear_down)
                       : cmocka_run_group_tests(tests, set_up, tear_down);
}
