/* SPDX-License-Identifier: MIT */
/* Every kind of argument there and back: what the service is given is what the client gave, what the client
 * gets is what the service gave. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static void text_of(LPWSTR wide, char *text, size_t size)
{
    char *utf8 = NULL;

    assert_non_null(wide);
    assert_int_equal(com_utf8(wide, &utf8), S_OK);
    snprintf(text, size, "%s", utf8);
    free(utf8);
}

#define ASSERT_WIDE(wide, expected)           \
    do {                                      \
        char text_[300];                      \
        text_of(wide, text_, sizeof text_);   \
        assert_string_equal(text_, expected); \
        CoTaskMemFree(wide);                  \
    } while (0)

static void a_struct_with_strings_arrives_whole(void **state)
{
    struct rig rig;
    VDS_SUB_SYSTEM_PROP prop;
    IVdsSubSystem *s;
    GUID id = fake_id(FAKE_SUBSYSTEM, 1);

    (void)state;
    rig_start(&rig);
    s = rig_object(rig.client, FAKE_SUBSYSTEM, 1, &IID_IVdsSubSystem);
    assert_int_equal(IVdsSubSystem_GetProperties(s, &prop), S_OK);
    assert_memory_equal(&prop.id, &id, sizeof id);
    ASSERT_WIDE(prop.pwszFriendlyName, "gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x92\xbe");
    ASSERT_WIDE(prop.pwszIdentification, "");
    assert_int_equal(prop.ulFlags, 0xdeadbeef);
    assert_int_equal(prop.status, VDS_SSS_ONLINE);
    assert_int_equal(prop.sNumberOfInternalBuses, -1);
    assert_int_equal(prop.sMaxNumberOfSlotsEachBus, 32767);
    IVdsSubSystem_Release(s);
    rig_stop(&rig);
}

static void a_null_string_and_a_success_code_come_through(void **state)
{
    struct rig rig;
    IEnumVdsObject *providers = NULL;
    IUnknown *unknown = NULL;
    IVdsProvider *p;
    VDS_PROVIDER_PROP prop;
    ULONG n;

    (void)state;
    rig_start(&rig);
    assert_int_equal(IVdsService_IsServiceReady(rig.client), S_FALSE);
    assert_int_equal(IVdsService_QueryProviders(rig.client, VDS_QUERY_HARDWARE_PROVIDERS, &providers), S_OK);
    assert_int_equal(IEnumVdsObject_Next(providers, 1, &unknown, &n), S_OK);
    assert_int_equal(IUnknown_QueryInterface(unknown, &IID_IVdsProvider, (void **)&p), S_OK);
    assert_int_equal(IVdsProvider_GetProperties(p, &prop), VDS_S_PROPERTIES_INCOMPLETE);
    ASSERT_WIDE(prop.pwszName, "fake provider");
    assert_null(prop.pwszVersion);
    assert_int_equal(prop.sRebuildPriority, -3);
    IVdsProvider_Release(p);
    IUnknown_Release(unknown);
    IEnumVdsObject_Release(providers);
    rig_stop(&rig);
}

static void create_lun_gives_the_service_what_the_client_gave(void **state)
{
    struct rig rig;
    VDS_OBJECT_ID drives[3] = { fake_id(FAKE_DRIVE, 1), fake_id(FAKE_DRIVE, 2), { 0 } };
    VDS_HINTS hints = { .ullHintMask = UINT64_MAX,
                        .ulStripeSize = 65536,
                        .bMostlyReads = 1,
                        .bIsYankable = 1,
                        .sRebuildPriority = -7 };
    IVdsAsync *async = NULL;
    IVdsSubSystem *s;

    (void)state;
    rig_start(&rig);
    s = rig_object(rig.client, FAKE_SUBSYSTEM, 1, &IID_IVdsSubSystem);
    assert_int_equal(IVdsSubSystem_CreateLun(s, VDS_LT_SIMPLE, 1ull << 50, drives, 3, (LPWSTR)u"iqn.a;iqn.b",
                                             &hints, &async),
                     S_OK);
    assert_int_equal(rig.fake.last.lun_type, VDS_LT_SIMPLE);
    assert_int_equal(rig.fake.last.size, 1ull << 50);
    assert_int_equal(rig.fake.last.n_drives, 3);
    assert_memory_equal(rig.fake.last.drives, drives, sizeof drives);
    assert_string_equal(rig.fake.last.mask, "iqn.a;iqn.b");
    assert_memory_equal(&rig.fake.last.hints, &hints, sizeof hints);
    IVdsAsync_Release(async);
    assert_int_equal(IVdsSubSystem_CreateLun(s, VDS_LT_PARITY, 1, NULL, 0, (LPWSTR)u"", NULL, &async), S_OK);
    assert_true(rig.fake.last.drives_null && rig.fake.last.hints_null);
    assert_string_equal(rig.fake.last.mask, "");
    IVdsAsync_Release(async);
    IVdsSubSystem_Release(s);
    rig_stop(&rig);
}

static void pointers_that_may_be_null_travel_as_null(void **state)
{
    struct rig rig;
    VDS_ISCSI_SHARED_SECRET secret = { .pSharedSecret = (UCHAR *)"\0\1\2\3fourteen b",
                                       .ulSharedSecretSize = 14 },
                            none = { 0 };
    IVdsIscsiTarget *t;

    (void)state;
    rig_start(&rig);
    t = rig_object(rig.client, FAKE_TARGET, 1, &IID_IVdsIscsiTarget);
    assert_int_equal(IVdsIscsiTarget_SetSharedSecret(t, &secret, (LPWSTR)u"iqn.host"), S_OK);
    assert_int_equal(rig.fake.last.secret_size, 14);
    assert_memory_equal(rig.fake.last.secret, secret.pSharedSecret, 14);
    assert_string_equal(rig.fake.last.initiator, "iqn.host");
    assert_int_equal(IVdsIscsiTarget_SetSharedSecret(t, NULL, NULL), S_OK);
    assert_true(rig.fake.last.secret_null && rig.fake.last.initiator_null);
    assert_int_equal(IVdsIscsiTarget_SetSharedSecret(t, &none, NULL), S_OK);
    assert_false(rig.fake.last.secret_null);
    assert_int_equal(rig.fake.last.secret_size, 0);
    IVdsIscsiTarget_Release(t);
    rig_stop(&rig);
}

static void fixed_arrays_travel_with_their_exact_length(void **state)
{
    struct rig rig;
    VDS_ISCSI_PORTAL_PROP prop;
    VDS_IPADDRESS a = { .type = VDS_IPT_TEXT, .wszTextAddress = u"storage.example" },
                  b = { .type = VDS_IPT_IPV4, .ipv4Address = 0xc0a80001 };
    IVdsIscsiPortal *p;

    (void)state;
    rig_start(&rig);
    p = rig_object(rig.client, FAKE_PORTAL, 3, &IID_IVdsIscsiPortal);
    assert_int_equal(IVdsIscsiPortal_GetProperties(p, &prop), S_OK);
    assert_int_equal(prop.address.type, VDS_IPT_IPV6);
    assert_int_equal(prop.address.ipv6Address[0], 0xfe);
    assert_int_equal(prop.address.ipv6Address[15], 1);
    assert_int_equal(prop.address.wszTextAddress[255], 'a' + 255 % 26);
    assert_int_equal(prop.address.wszTextAddress[256], 0);
    assert_int_equal(prop.address.ulPort, 3260);
    assert_int_equal(prop.status, VDS_IPS_ONLINE);
    assert_int_equal(IVdsIscsiPortal_SetIpsecTunnelAddress(p, &a, &b), VDS_E_NOT_SUPPORTED);
    assert_memory_equal(&rig.fake.last.tunnel, &a, sizeof a);
    assert_memory_equal(&rig.fake.last.destination, &b, sizeof b);
    assert_int_equal(IVdsIscsiPortal_SetStatus(p, VDS_IPS_OFFLINE), S_FALSE);
    assert_int_equal(rig.fake.last.status, VDS_IPS_OFFLINE);
    IVdsIscsiPortal_Release(p);
    rig_stop(&rig);
}

static void an_answer_may_hold_more_rows_than_a_client_may_send(void **state)
{
    struct rig rig;
    VDS_TREE tree;
    IVdsSubSystemTreeEx *ex;

    (void)state;
    rig_start(&rig);
    ex = rig_object(rig.client, FAKE_SUBSYSTEM, 1, &IID_IVdsSubSystemTreeEx);
    assert_int_equal(IVdsSubSystemTreeEx_QueryTree(ex, VDS_TREE_LUNS, &tree), S_OK);
    assert_true(tree.ulPortals == 0 && !tree.pPortals);
    assert_int_equal(tree.ulLuns, 1);
    ASSERT_WIDE(tree.pLuns[0].lunProp.pwszFriendlyName, "disk");
    assert_null(tree.pLuns[0].lunProp.pwszUnmaskingList);
    assert_int_equal(tree.pLuns[0].ulFeatures, VDS_TREE_LUNS);
    assert_int_equal(tree.ulTies, 70000);
    assert_int_equal(tree.pTies[69999].ulLunNumber, 69999);
    CoTaskMemFree(tree.pLuns);
    CoTaskMemFree(tree.pTies);
    assert_int_equal(IVdsSubSystemTreeEx_QueryTree(ex, VDS_TREE_LUNS, NULL), E_INVALIDARG);
    IVdsSubSystemTreeEx_Release(ex);
    rig_stop(&rig);
}

static void counted_arrays_of_structs_and_strings_come_as_task_memory(void **state)
{
    struct rig rig;
    VDS_SESSION_PROP *sessions = NULL;
    VDS_FILE_SYSTEM_TYPE_PROP *types = NULL;
    LPWSTR *names = NULL;
    ULONG n_sessions;
    LONG n;
    IVdsSubSystemEx *ex;
    IVdsIscsiTarget *t;

    (void)state;
    rig_start(&rig);
    ex = rig_object(rig.client, FAKE_SUBSYSTEM, 1, &IID_IVdsSubSystemEx);
    assert_int_equal(IVdsSubSystemEx_QuerySessions(ex, &sessions, &n_sessions), S_OK);
    assert_int_equal(n_sessions, 2);
    assert_int_equal(sessions[0].ullBytesRead, UINT64_MAX);
    assert_int_equal(sessions[0].tag, 65535);
    ASSERT_WIDE(sessions[0].pwszInitiatorName, "iqn.a");
    assert_null(sessions[1].pwszInitiatorName);
    assert_int_equal(sessions[1].bDiscovery, 1);
    CoTaskMemFree(sessions);
    IVdsSubSystemEx_Release(ex);
    t = rig_object(rig.client, FAKE_TARGET, 1, &IID_IVdsIscsiTarget);
    assert_int_equal(IVdsIscsiTarget_GetConnectedInitiators(t, &names, &n), S_OK);
    assert_int_equal(n, 3);
    ASSERT_WIDE(names[0], "iqn.one");
    ASSERT_WIDE(names[1], "");
    ASSERT_WIDE(names[2], "iqn.three");
    CoTaskMemFree(names);
    IVdsIscsiTarget_Release(t);
    t = rig_object(rig.client, FAKE_TARGET, 2, &IID_IVdsIscsiTarget);
    assert_int_equal(IVdsIscsiTarget_GetConnectedInitiators(t, &names, &n), S_OK);
    assert_int_equal(n, 0);
    assert_null(names);
    IVdsIscsiTarget_Release(t);
    assert_int_equal(IVdsService_QueryFileSystemTypes(rig.client, &types, &n), S_OK);
    assert_int_equal(n, 1);
    assert_int_equal(types[0].wszName[3], 'S');
    ASSERT_WIDE(types[0].pwszIllegalLabelCharSet, "?*");
    CoTaskMemFree(types);
    rig_stop(&rig);
}

static void an_array_of_the_callers_is_filled_in_place(void **state)
{
    struct rig rig;
    VDS_DRIVE_LETTER_PROP letters[5];

    (void)state;
    rig_start(&rig);
    memset(letters, 0xff, sizeof letters);
    assert_int_equal(IVdsService_QueryDriveLetters(rig.client, 'C', 4, letters), S_OK);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(letters[i].wcLetter, 'C' + i);
        assert_int_equal(letters[i].ulFlags, i);
        assert_int_equal(letters[i].bUsed, i & 1);
    }
    assert_int_equal(letters[4].ulFlags, 0xffffffff); /* and no further */
    rig_stop(&rig);
}

static void identification_data_with_buffers_and_device_text_arrives_whole(void **state)
{
    struct rig rig;
    VDS_LUN_INFORMATION info;
    IVdsLun *lun;

    (void)state;
    rig_start(&rig);
    lun = rig_object(rig.client, FAKE_LUN, 2, &IID_IVdsLun);
    assert_int_equal(IVdsLun_GetIdentificationData(lun, &info), S_OK);
    assert_string_equal(info.m_szVendorId, "VEN\xe4");
    assert_string_equal(info.m_szProductId, "");
    assert_null(info.m_szProductRevision);
    assert_string_equal(info.m_szSerialNumber, "42");
    assert_int_equal(info.m_DeviceType, 255);
    assert_int_equal(info.m_deviceIdDescriptor.m_cIdentifiers, 2);
    assert_int_equal(info.m_deviceIdDescriptor.m_rgIdentifiers[0].m_cbIdentifier, 16);
    assert_memory_equal(info.m_deviceIdDescriptor.m_rgIdentifiers[0].m_rgbIdentifier, "0123456789abcdef", 16);
    assert_null(info.m_deviceIdDescriptor.m_rgIdentifiers[1].m_rgbIdentifier);
    assert_int_equal(info.m_cInterconnects, 1);
    assert_memory_equal(info.m_rgInterconnects[0].m_pbPort, "abc", 3);
    assert_int_equal(info.m_rgInterconnects[0].m_cbAddress, 1);
    CoTaskMemFree(info.m_rgInterconnects[0].m_pbPort);
    CoTaskMemFree(info.m_rgInterconnects[0].m_pbAddress);
    CoTaskMemFree(info.m_rgInterconnects);
    CoTaskMemFree(info.m_deviceIdDescriptor.m_rgIdentifiers[0].m_rgbIdentifier);
    CoTaskMemFree(info.m_deviceIdDescriptor.m_rgIdentifiers);
    CoTaskMemFree(info.m_szVendorId);
    CoTaskMemFree(info.m_szProductId);
    CoTaskMemFree(info.m_szSerialNumber);
    IVdsLun_Release(lun);
    rig_stop(&rig);
}

static void objects_handed_out_are_proxies_of_the_right_kind(void **state)
{
    struct rig rig;
    IVdsIscsiPortalGroup *g;
    IVdsIscsiTarget *t = NULL;
    IVdsSubSystem *s = NULL;
    IVdsProvider *p = NULL;
    IVdsDrive *d = NULL;
    VDS_ISCSI_TARGET_PROP prop;

    (void)state;
    rig_start(&rig);
    g = rig_object(rig.client, FAKE_GROUP, 1, &IID_IVdsIscsiPortalGroup);
    assert_int_equal(IVdsIscsiPortalGroup_GetTarget(g, &t), S_OK);
    assert_int_equal(IVdsIscsiTarget_GetProperties(t, &prop), S_OK);
    assert_int_equal(prop.bChapEnabled, 1); /* any truth is TRUE */
    ASSERT_WIDE(prop.pwszIscsiName, "iqn.2026-01.example:t1");
    assert_int_equal(IVdsIscsiTarget_GetSubSystem(t, &s), S_OK);
    assert_int_equal(IVdsSubSystem_GetProvider(s, &p), S_OK);
    assert_int_equal(IVdsSubSystem_GetDrive(s, -5, 32000, &d), S_OK);
    assert_int_equal(rig.fake.last.bus, -5);
    assert_int_equal(rig.fake.last.slot, 32000);
    IVdsDrive_Release(d);
    /* a provider that says S_OK and gives nothing */
    assert_int_equal(IVdsSubSystem_GetDrive(s, 0, 99, &d), E_UNEXPECTED);
    assert_null(d);
    IVdsProvider_Release(p);
    IVdsSubSystem_Release(s);
    IVdsIscsiTarget_Release(t);
    IVdsIscsiPortalGroup_Release(g);
    rig_stop(&rig);
}

static void hints_survive_a_round_trip(void **state)
{
    struct rig rig;
    VDS_HINTS in = { .ullHintMask = 3,
                     .ullExpectedMaximumSize = UINT64_MAX,
                     .ulMaximumDriveCount = 9,
                     .bRemapEnabled = 1 },
              out;
    ULONGLONG size;
    IVdsSubSystem *s;
    IVdsLun *lun;

    (void)state;
    rig_start(&rig);
    lun = rig_object(rig.client, FAKE_LUN, 1, &IID_IVdsLun);
    assert_int_equal(IVdsLun_ApplyHints(lun, &in), S_OK);
    assert_int_equal(IVdsLun_QueryHints(lun, &out), S_OK);
    assert_memory_equal(&in, &out, sizeof in);
    s = rig_object(rig.client, FAKE_SUBSYSTEM, 1, &IID_IVdsSubSystem);
    assert_int_equal(IVdsSubSystem_QueryMaxLunCreateSize(s, VDS_LT_SIMPLE, NULL, 0, NULL, &size), S_OK);
    assert_int_equal(size, 0x123456789abcdef0u + VDS_LT_SIMPLE);
    IVdsSubSystem_Release(s);
    IVdsLun_Release(lun);
    rig_stop(&rig);
}

static void null_where_it_is_not_allowed_is_refused_before_it_travels(void **state)
{
    struct rig rig;
    IVdsAsync *async = (IVdsAsync *)&rig;
    IVdsSubSystem *s;
    IVdsLun *lun;

    (void)state;
    rig_start(&rig);
    s = rig_object(rig.client, FAKE_SUBSYSTEM, 1, &IID_IVdsSubSystem);
    lun = rig_object(rig.client, FAKE_LUN, 1, &IID_IVdsLun);
    assert_int_equal(IVdsLun_SetMask(lun, NULL), E_INVALIDARG);
    assert_string_equal(vds_error_text(), "IVdsLun::SetMask: pwszUnmaskingList must not be NULL");
    assert_int_equal(IVdsLun_GetProperties(lun, NULL), E_INVALIDARG);
    assert_int_equal(IVdsLun_ApplyHints(lun, NULL), E_INVALIDARG);
    assert_int_equal(IVdsSubSystem_CreateLun(s, VDS_LT_SIMPLE, 1, NULL, 2, (LPWSTR)u"", NULL, &async),
                     E_INVALIDARG);
    assert_null(async); /* outputs are cleared first */
    async = (IVdsAsync *)&rig;
    assert_int_equal(IVdsSubSystem_CreateLun(s, VDS_LT_SIMPLE, 1, NULL, -1, (LPWSTR)u"", NULL, &async),
                     E_INVALIDARG);
    assert_null(async);
    assert_int_equal(IVdsSubSystem_CreateLun(s, VDS_LT_SIMPLE, 1, NULL, 0, (LPWSTR)u"", NULL, NULL),
                     E_INVALIDARG);
    assert_int_equal(IVdsLun_SetMask(lun, (LPWSTR)u"half a pair: \xd800"), E_INVALIDARG);
    assert_int_equal(rig.fake.last.size, 0); /* nothing came to the service */
    IVdsLun_Release(lun);
    IVdsSubSystem_Release(s);
    rig_stop(&rig);
}

static void failures_keep_their_code_and_their_sentence(void **state)
{
    struct rig rig;
    IEnumVdsObject *providers = (IEnumVdsObject *)&rig;
    IVdsAsync *async = NULL;
    IUnknown *unknown = (IUnknown *)&rig;
    IVdsSubSystem *s;

    (void)state;
    rig_start(&rig);
    assert_int_equal(IVdsService_QueryProviders(rig.client, 8, &providers),
                     VDS_E_INVALID_QUERY_PROVIDER_FLAG);
    assert_null(providers);
    assert_string_equal(vds_error_text(), "mask 0x8 has bits that mean nothing");
    s = rig_object(rig.client, FAKE_SUBSYSTEM, 1, &IID_IVdsSubSystem);
    assert_int_equal(IVdsSubSystem_CreateLun(s, VDS_LT_SIMPLE, 0, NULL, 0, (LPWSTR)u"", NULL, &async),
                     VDS_E_NOT_ENOUGH_SPACE);
    assert_string_equal(vds_error_text(),
                        "a LUN of no bytes is not one: ask for more \xe2\x80\x93 at least 1 MiB");
    assert_null(async);
    assert_int_equal(IVdsSubSystem_SetControllerStatus(s, NULL, 0, NULL, 0),
                     (HRESULT)0x80070062); /* no name, but the value */
    assert_string_equal(vds_error_text(), "");
    assert_int_equal(IVdsSubSystem_ReplaceDrive(s, fake_id(0, 0), fake_id(0, 1)), E_NOTIMPL);
    assert_int_equal(IVdsService_GetObject(rig.client, fake_id(FAKE_LUN, 99), VDS_OT_LUN, &unknown),
                     VDS_E_OBJECT_NOT_FOUND);
    assert_null(unknown);
    IVdsSubSystem_Release(s);
    rig_stop(&rig);
}

static void a_proxy_of_a_deleted_object_says_object_deleted(void **state)
{
    struct rig rig;
    VDS_LUN_PROP prop;
    IVdsLun *lun;
    IVdsLunIscsi *iscsi = NULL;

    (void)state;
    rig_start(&rig);
    lun = rig_object(rig.client, FAKE_LUN, 2, &IID_IVdsLun);
    pthread_mutex_lock(&rig.fake.lock);
    rig.fake.deleted[FAKE_LUN][2] = true;
    pthread_mutex_unlock(&rig.fake.lock);
    memset(&prop, 0xff, sizeof prop);
    assert_int_equal(IVdsLun_GetProperties(lun, &prop), VDS_E_OBJECT_DELETED);
    assert_null(prop.pwszFriendlyName);
    assert_non_null(strstr(vds_error_text(), "does not exist"));
    assert_int_equal(IVdsLun_QueryInterface(lun, &IID_IVdsLunIscsi, (void **)&iscsi),
                     S_OK); /* the methods say the rest */
    assert_int_equal(IVdsLunIscsi_AssociateTargets(iscsi, NULL, 0), VDS_E_OBJECT_DELETED);
    IVdsLunIscsi_Release(iscsi);
    IVdsLun_Release(lun);
    rig_stop(&rig);
}

/* ---- secrets -------------------------------------------------------------------------------------------- */

#define SECRET_SIZE 16
#define SECRET_BYTE(i) ((unsigned char)(0x91 + 7 * (i)))

static unsigned char scanned[1 << 20];

/* Where the secret stands in `n` bytes of what was scanned. */
static unsigned find_secret(size_t n)
{
    unsigned found = 0;

    for (size_t at = 0; at + SECRET_SIZE <= n; at++) {
        unsigned k = 0;

        while (k < SECRET_SIZE && scanned[at + k] == SECRET_BYTE(k))
            k++;
        found += k == SECRET_SIZE;
    }
    return found;
}

static unsigned scan_region(int mem, uintptr_t from, uintptr_t to)
{
    unsigned found = 0;

    while (from < to) {
        size_t step = to - from < sizeof scanned ? to - from : sizeof scanned;
        ssize_t n;

        if (from < (uintptr_t)scanned + sizeof scanned && from + step > (uintptr_t)scanned) { /* not what is read into */
            from = from < (uintptr_t)scanned ? (uintptr_t)scanned : from;
            from = (uintptr_t)scanned + sizeof scanned;
            continue;
        }
        n = pread(mem, scanned, step, (off_t)from);
        if (n < SECRET_SIZE)
            break;
        found += find_secret((size_t)n);
        from += (size_t)n < to - from ? (size_t)n - SECRET_SIZE + 1 : (size_t)n;
    }
    return found;
}

/* In all memory of this process that can be written to. */
static unsigned secrets_in_memory(void)
{
    int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "re");
    unsigned found = 0;
    char line[512];

    assert_true(mem >= 0 && maps);
    while (fgets(line, sizeof line, maps)) {
        uintptr_t from, to;
        char rights[8];

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &from, &to, rights) == 3 && rights[0] == 'r' && rights[1] == 'w' &&
            to - from < (uintptr_t)1 << 30) /* beyond: a sanitizer's */
            found += scan_region(mem, from, to);
    }
    fclose(maps);
    close(mem);
    return found;
}

static void secrets_are_wiped_on_both_sides(void **state)
{
    unsigned char bytes[SECRET_SIZE];
    VDS_ISCSI_SHARED_SECRET secret = { .pSharedSecret = bytes, .ulSharedSecretSize = SECRET_SIZE };
    IVdsIscsiTarget *t;
    struct rig rig;

    (void)state;
    rig_start(&rig);
    t = rig_object(rig.client, FAKE_TARGET, 1, &IID_IVdsIscsiTarget);
    for (unsigned i = 0; i < SECRET_SIZE; i++)
        bytes[i] = SECRET_BYTE(i);
    assert_int_equal(secrets_in_memory(), 1); /* the search finds what there is */
    assert_int_equal(IVdsIscsiTarget_SetSharedSecret(t, &secret, NULL), S_OK);
    assert_memory_equal(rig.fake.last.secret, bytes, SECRET_SIZE);
    explicit_bzero(rig.fake.last.secret, sizeof rig.fake.last.secret);
    explicit_bzero(bytes, sizeof bytes);
    IVdsIscsiTarget_Release(t);
    IVdsService_Release(rig.client);
    rig.client = NULL;
    rig_stop(&rig);
    assert_int_equal(secrets_in_memory(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_struct_with_strings_arrives_whole),
        RIG_TEST(a_null_string_and_a_success_code_come_through),
        RIG_TEST(create_lun_gives_the_service_what_the_client_gave),
        RIG_TEST(pointers_that_may_be_null_travel_as_null),
        RIG_TEST(fixed_arrays_travel_with_their_exact_length),
        RIG_TEST(an_answer_may_hold_more_rows_than_a_client_may_send),
        RIG_TEST(counted_arrays_of_structs_and_strings_come_as_task_memory),
        RIG_TEST(an_array_of_the_callers_is_filled_in_place),
        RIG_TEST(identification_data_with_buffers_and_device_text_arrives_whole),
        RIG_TEST(objects_handed_out_are_proxies_of_the_right_kind),
        RIG_TEST(hints_survive_a_round_trip),
        RIG_TEST(null_where_it_is_not_allowed_is_refused_before_it_travels),
        RIG_TEST(failures_keep_their_code_and_their_sentence),
        RIG_TEST(a_proxy_of_a_deleted_object_says_object_deleted),
        RIG_TEST(secrets_are_wiped_on_both_sides),
    };

    return RUN_TESTS(tests);
}
