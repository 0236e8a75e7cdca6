/* SPDX-License-Identifier: MIT */
/* properties.c: portals, targets, groups; sessions and counters against what the initiator did itself. */
#include <arpa/inet.h>
#include <time.h>

#include "properties.h"

/* ---- portals, targets, groups -------------------------------------------------------------------------- */

static void compare_portal(unsigned i, VDS_ISCSI_PORTAL_STATUS status)
{
    IVdsIscsiPortal *portal = portal_at(i);
    VDS_ISCSI_PORTAL_PROP prop;

    assert_hr(IVdsIscsiPortal_GetProperties(portal, &prop), S_OK);
    COMPARE(VDS_ISCSI_PORTAL_PROP, &prop,
            (&(VDS_ISCSI_PORTAL_PROP){ scene.portal_ids[i], address_of(scene.portals[i]), status }));
    drop(portal);
}

static void compare_target(IVdsIscsiTarget *target, VDS_OBJECT_ID id, const char *iscsi_name,
                           const WCHAR *name, BOOL chap)
{
    VDS_ISCSI_TARGET_PROP prop;

    assert_hr(IVdsIscsiTarget_GetProperties(target, &prop), S_OK);
    COMPARE(VDS_ISCSI_TARGET_PROP, &prop,
            (&(VDS_ISCSI_TARGET_PROP){ id, wide(iscsi_name), literal(name), chap }));
}

static void compare_group(unsigned i)
{
    VDS_ISCSI_PORTALGROUP_PROP prop;
    struct initiator in;

    assert_hr(IVdsIscsiPortalGroup_GetProperties(scene.groups[i], &prop), S_OK);
    scene.group_ids[i] = prop.id;
    initiator_init(&in, 1);
    assert_int_equal(initiator_connect_text(&in, scene.portals[i]), 0); /* portal i is in group i */
    assert_int_equal(initiator_login(&in, TARGET_NAME), 0);
    initiator_close(&in);
    assert_false(same_id(prop.id, GUID_NULL));
    COMPARE(VDS_ISCSI_PORTALGROUP_PROP, &prop, (&(VDS_ISCSI_PORTALGROUP_PROP){ scene.group_ids[i], in.tag }));
}

/* bChapEnabled: who does not know the secret is turned away at the door (RFC 7143 section 11.13: class 2,
 * detail 1). */
static void the_door_of(const char *name, bool chap)
{
    struct initiator in;

    initiator_init(&in, 2);
    assert_int_equal(initiator_connect_text(&in, scene.portals[0]), 0);
    assert_int_equal(initiator_login(&in, name) == 0, !chap);
    assert_int_equal(in.status_class, chap ? 2 : 0);
    assert_int_equal(in.status_detail, chap ? 1 : 0);
    initiator_close(&in);
}

/* The other target has no portal; it gets one for the moment, to be knocked at. */
static void the_other_door(bool chap)
{
    IVdsIscsiPortalGroup *group;
    IUnknown *object;
    IVdsAsync *async;

    assert_hr(IVdsIscsiTarget_CreatePortalGroup(scene.other, &async), S_OK);
    assert_hr(ended(async, &object), S_OK);
    group = taken(object, &IID_IVdsIscsiPortalGroup);
    assert_hr(IVdsIscsiPortalGroup_AddPortal(group, scene.portal_ids[0], &async), S_OK);
    assert_hr(ended(async, NULL), S_OK);
    the_door_of(OTHER_NAME, chap);
    assert_hr(IVdsIscsiPortalGroup_RemovePortal(group, scene.portal_ids[0], &async), S_OK);
    assert_hr(ended(async, NULL), S_OK);
    assert_hr(IVdsIscsiPortalGroup_Delete(group, &async), S_OK);
    assert_hr(ended(async, NULL), S_OK);
    drop(group);
}

void portals_targets_and_groups(void **state)
{
    VDS_ISCSI_SHARED_SECRET secret = { (UCHAR *)(uintptr_t)"abcdefghijkl", 12 }, none = { NULL, 0 };
    IVdsIscsiPortal *portal = portal_at(0);

    (void)state;
    for (unsigned i = 0; i < N_PORTALS; i++)
        compare_portal(i, VDS_IPS_ONLINE);
    assert_hr(IVdsIscsiPortal_SetStatus(portal, VDS_IPS_OFFLINE), S_OK);
    compare_portal(0, VDS_IPS_OFFLINE);
    compare_portal(1, VDS_IPS_ONLINE);
    assert_hr(IVdsIscsiPortal_SetStatus(portal, VDS_IPS_ONLINE), S_OK);
    compare_portal(0, VDS_IPS_ONLINE);
    drop(portal);
    compare_group(0);
    compare_group(1);
    compare_target(scene.target, scene.target_ids[0], TARGET_NAME, u"disks \u2116 1", FALSE);
    compare_target(scene.other, scene.target_ids[1], OTHER_NAME, u"other", TRUE);
    the_door_of(TARGET_NAME, false);
    the_other_door(true);
    assert_hr(IVdsIscsiTarget_SetSharedSecret(scene.other, &none, NULL), S_OK);
    compare_target(scene.other, scene.target_ids[1], OTHER_NAME, u"other", FALSE);
    the_other_door(false);
    assert_hr(IVdsIscsiTarget_SetSharedSecret(scene.other, &secret, NULL), S_OK);
    assert_hr(IVdsIscsiTarget_SetFriendlyName(scene.other, literal(u"\u0424")), S_OK);
    compare_target(scene.other, scene.target_ids[1], OTHER_NAME, u"\u0424", TRUE);
}

/* ---- sessions ------------------------------------------------------------------------------------------ */

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The row of the session with this initiator; *ret_rows is the caller's to look at, the others' texts are
 * freed. */
static VDS_SESSION_PROP session_of(const struct initiator *in)
{
    IVdsSubSystemEx *ex = as(scene.subsystem, &IID_IVdsSubSystemEx);
    VDS_SESSION_PROP *rows, found;
    unsigned n_found = 0;
    ULONG n;

    memset(&found, 0, sizeof found);
    assert_hr(IVdsSubSystemEx_QuerySessions(ex, &rows, &n), S_OK);
    for (ULONG i = 0; i < n; i++) {
        LPWSTR name = rows[i].pwszInitiatorName;
        size_t k = 0;

        while (name[k] && name[k] == (WCHAR)in->name[k])
            k++;
        if (!name[k] && !in->name[k] && ++n_found == 1) {
            found = rows[i];
            continue;
        }
        CoTaskMemFree(rows[i].pwszInitiatorName);
        CoTaskMemFree(rows[i].pwszInitiatorAddress);
        CoTaskMemFree(rows[i].pwszIsid);
    }
    CoTaskMemFree(rows);
    drop(ex);
    assert_int_equal(n_found, 1);
    return found;
}

/* What the initiator knows of its session, in our terms. */
static VDS_SESSION_PROP expected_session(const struct initiator *in, const VDS_SESSION_PROP *got)
{
    const uint8_t *d = in->isid;
    struct sockaddr_storage addr = { 0 };
    struct sockaddr_in *v4 = (void *)&addr;
    struct sockaddr_in6 *v6 = (void *)&addr;
    socklen_t len = sizeof addr;
    char isid[16], host[64], address[96];
    bool six;

    assert_int_equal(getsockname(in->fd, (struct sockaddr *)&addr, &len), 0);
    six = addr.ss_family == AF_INET6;
    inet_ntop(addr.ss_family, six ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr, host, sizeof host);
    snprintf(address, sizeof address, six ? "[%s]:%u" : "%s:%u", host,
             ntohs(six ? v6->sin6_port : v4->sin_port));
    snprintf(isid, sizeof isid, "%02x%02x%02x%02x%02x%02x", d[0], d[1], d[2], d[3], d[4], d[5]);
    assert_true(got->ullId != 0 && got->ulReactor < 2); /* two were asked for */
    return (VDS_SESSION_PROP){ .ullId = got->ullId,
                               .tag = in->tag,
                               .tsih = in->tsih,
                               .pwszInitiatorName = wide(in->name),
                               .pwszInitiatorAddress = wide(address),
                               .pwszIsid = wide(isid),
                               .ulReactor = got->ulReactor,
                               .ulState = VDS_SESSION_FULL_FEATURE };
}

/* So many of these, on LUN 0, with what they move. */
struct done {
    uint64_t commands, reads, writes, others, errors, in, out;
};

static void command(struct initiator *in, struct done *done, const uint8_t *cdb, size_t n_cdb,
                    const void *out, uint32_t out_len, uint32_t in_len)
{
    static uint8_t buffer[65536];
    struct initiator_result result;

    assert_int_equal(initiator_command(in, luns[0].number, cdb, n_cdb, out, out_len, buffer, in_len, &result),
                     0);
    done->commands++;
    done->errors += result.status == 2;
    done->in += result.n_in;
    done->out += result.status == 0 ? out_len : 0;
    if (cdb[0] == 0x28 || cdb[0] == 0x2a)
        ++*(cdb[0] == 0x28 ? &done->reads : &done->writes);
    else
        done->others++;
}

/* Writes with immediate data, with data after an R2T, and more than one burst; reads; and a command that
 * there is not. */
static void work(struct initiator *in, struct done *done)
{
    static uint8_t data[65536];
    const uint8_t inquiry[6] = { 0x12, 0, 0, 0, 36 }, nonsense[6] = { 0xff }, ready[6] = { 0 };

    command(in, done, ready, 6, NULL, 0, 0); /* takes the unit attention of a new nexus */
    for (unsigned blocks = 1; blocks <= 128; blocks *= 2) {
        command(in, done, (const uint8_t[10]){ 0x2a, [7] = 0, [8] = (uint8_t)blocks }, 10, data, blocks * 512,
                0);
        command(in, done, (const uint8_t[10]){ 0x28, [7] = 0, [8] = (uint8_t)blocks }, 10, NULL, 0,
                blocks * 512);
    }
    command(in, done, inquiry, 6, NULL, 0, 36);
    command(in, done, nonsense, 6, NULL, 0, 0);
}

void sessions_are_what_the_initiator_negotiated(void **state)
{
    IVdsSubSystemEx *ex = as(scene.subsystem, &IID_IVdsSubSystemEx);

    (void)state;
    for (unsigned i = 0; i < N_PORTALS; i++) {
        uint64_t before = now_ms();
        struct initiator in;
        struct done done = { 0 };

        initiator_init(&in, 10 + i);
        assert_int_equal(initiator_connect_text(&in, scene.portals[i]), 0);
        assert_int_equal(initiator_login(&in, i == 2 ? NULL : TARGET_NAME), 0);
        if (i != 2)
            work(&in, &done);
        VDS_SESSION_PROP got = session_of(&in), expected = expected_session(&in, &got);
        assert_true(got.ullAgeInMs <= now_ms() - before + 1);
        expected.ullAgeInMs = got.ullAgeInMs;
        expected.targetId = i == 2 ? GUID_NULL : scene.target_ids[0];
        expected.portalId = scene.portal_ids[i];
        expected.bDiscovery = i == 2;
        expected.ullCommands = done.commands;
        expected.ullBytesRead = done.in;
        expected.ullBytesWritten = done.out;
        COMPARE(VDS_SESSION_PROP, &got, &expected);
        assert_hr(IVdsSubSystemEx_DropSession(ex, expected.ullId), S_OK); /* it was this one */
        while (initiator_wait_event(&in) == 0)
            continue; /* the announcement */
        assert_hr(IVdsSubSystemEx_DropSession(ex, expected.ullId), VDS_E_ISCSI_SESSION_NOT_FOUND);
        initiator_close(&in);
    }
    drop(ex);
}

/* ---- counters ------------------------------------------------------------------------------------------ */

static VDS_LUN_COUNTERS lun_counters(VDS_OBJECT_ID lun)
{
    IVdsSubSystemCountersEx *counters = as(scene.subsystem, &IID_IVdsSubSystemCountersEx);
    VDS_LUN_COUNTERS *rows, found;
    unsigned n_found = 0;
    ULONGLONG time;
    ULONG n;

    memset(&found, 0, sizeof found);
    assert_hr(IVdsSubSystemCountersEx_QueryLunCounters(counters, &rows, &n, &time), S_OK);
    assert_int_equal(n, N_LUNS);
    for (ULONG i = 0; i < n; i++) {
        if (same_id(rows[i].lunId, lun)) {
            found = rows[i];
            n_found++;
        }
    }
    CoTaskMemFree(rows);
    drop(counters);
    assert_int_equal(n_found, 1);
    return found;
}

static VDS_SESSION_COUNTERS session_counters(ULONGLONG id)
{
    IVdsSubSystemCountersEx *counters = as(scene.subsystem, &IID_IVdsSubSystemCountersEx);
    VDS_SESSION_COUNTERS *rows, found;
    ULONGLONG time;
    ULONG n, i = 0;

    assert_hr(IVdsSubSystemCountersEx_QuerySessionCounters(counters, &rows, &n, &time), S_OK);
    while (i < n && rows[i].ullSessionId != id)
        i++;
    assert_true(i < n);
    found = rows[i];
    CoTaskMemFree(rows);
    drop(counters);
    return found;
}

/* The sum of all, one after the other, is no more than it took by our clock; each is in one bucket, of its
 * order. */
static VDS_IO_COUNTERS expected_counters(const struct done *done, const VDS_IO_COUNTERS *got,
                                         uint64_t elapsed_ms)
{
    VDS_IO_COUNTERS expected = { .ullReads = done->reads,
                                 .ullWrites = done->writes,
                                 .ullOthers = done->others,
                                 .ullErrors = done->errors,
                                 /* 1 + 2 + 4 ... + 128 blocks */
                                 .ullBytesRead = 512 * 255,
                                 .ullBytesWritten = 512 * 255 };
    ULONGLONG n = 0, least = 0;

    assert_true(got->ullLatencyInNs > 0 && got->ullLatencyInNs <= (elapsed_ms + 1) * 1000000);
    for (unsigned i = 0; i < VDS_LATENCY_BUCKETS; i++) {
        n += got->ullLatency[i];
        least += i > 0 ? got->ullLatency[i] * (1024ull << i) : 0; /* not less than the bucket before takes */
    }
    assert_int_equal(n, done->commands);
    assert_true(got->ullLatencyInNs >= least);
    expected.ullLatencyInNs = got->ullLatencyInNs;
    memcpy(expected.ullLatency, got->ullLatency, sizeof expected.ullLatency);
    return expected;
}

void counters_are_what_the_initiator_did(void **state)
{
    VDS_LUN_COUNTERS before = lun_counters(luns[0].id), after;
    uint64_t start = now_ms(), elapsed;
    struct done done = { 0 };
    struct initiator in;

    (void)state;
    initiator_init(&in, 20);
    assert_int_equal(initiator_connect_text(&in, scene.portals[0]), 0);
    assert_int_equal(initiator_login(&in, TARGET_NAME), 0);
    VDS_SESSION_PROP session = session_of(&in);
    CoTaskMemFree(session.pwszInitiatorName);
    CoTaskMemFree(session.pwszInitiatorAddress);
    CoTaskMemFree(session.pwszIsid);
    work(&in, &done);
    VDS_SESSION_COUNTERS row = session_counters(session.ullId);
    elapsed = now_ms() - start;
    COMPARE(VDS_SESSION_COUNTERS, &row,
            (&(VDS_SESSION_COUNTERS){ session.ullId, 0, expected_counters(&done, &row.io, elapsed) }));
    initiator_close(&in);
    after = lun_counters(luns[0].id);
    for (size_t i = 0; i < sizeof after.io / sizeof(ULONGLONG); i++)
        ((ULONGLONG *)&after.io)[i] -= ((ULONGLONG *)&before.io)[i];
    COMPARE(VDS_LUN_COUNTERS, &after,
            (&(VDS_LUN_COUNTERS){ luns[0].id, expected_counters(&done, &after.io, elapsed) }));
}
