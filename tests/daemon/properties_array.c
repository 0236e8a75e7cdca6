/* SPDX-License-Identifier: MIT */
/* properties.c: what describes the array as a whole: its status, its tree, its notifications; and what the
 * host has. */
#include <dirent.h>
#include <sched.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "properties.h"

/* ---- the host ------------------------------------------------------------------------------------------ */

static bool kernel_knows(const char *name)
{
    FILE *f = fopen("/proc/filesystems", "r");
    char word[64];
    bool found = false;

    assert_non_null(f);
    while (!found && fscanf(f, "%63s", word) == 1) /* "nodev" is a word too, and the name of nothing */
        found = strcmp(word, name) == 0;
    fclose(f);
    return found;
}

/* The file systems of VDS's list, by their names for Linux; their labels as mkfs takes them. */
static void file_systems(void)
{
    static const struct {
        const char *kernel;
        VDS_FILE_SYSTEM_TYPE_PROP prop;
    } all[] = {
        { "vfat", { VDS_FST_FAT, u"FAT", 0, 0, 11, NULL } },
        { "vfat", { VDS_FST_FAT32, u"FAT32", 0, 0, 11, NULL } },
        { "ntfs3", { VDS_FST_NTFS, u"NTFS", 0, 0, 32, NULL } },
        { "exfat", { VDS_FST_EXFAT, u"exFAT", 0, 0, 11, NULL } },
        { "udf", { VDS_FST_UDF, u"UDF", 0, 0, 126, NULL } },
        { "iso9660", { VDS_FST_CDFS, u"CDFS", 0, 0, 32, NULL } },
    };
    VDS_FILE_SYSTEM_TYPE_PROP *props;
    LONG n, seen = 0;

    assert_hr(IVdsService_QueryFileSystemTypes(scene.service, &props, &n), S_OK);
    for (size_t i = 0; i < LENGTH(all); i++) {
        VDS_FILE_SYSTEM_TYPE_PROP expected = all[i].prop;

        if (!kernel_knows(all[i].kernel))
            continue;
        expected.pwszIllegalLabelCharSet = literal(u"\"*/:<>?\\|");
        assert_true(seen < n);
        COMPARE(VDS_FILE_SYSTEM_TYPE_PROP, &props[seen++], &expected);
    }
    assert_int_equal(seen, n);
    if (n == 0)
        nothing_to_compare("VDS_FILE_SYSTEM_TYPE_PROP");
    CoTaskMemFree(props);
}

void what_the_host_has(void **state)
{
    VDS_DRIVE_LETTER_PROP letters[3];
    IEnumVdsObject *members;

    (void)state;
    memset(letters, 0xaa, sizeof letters);
    assert_hr(IVdsService_QueryDriveLetters(scene.service, 'X', 3, letters), S_OK);
    for (WORD i = 0; i < 3; i++)
        COMPARE(VDS_DRIVE_LETTER_PROP, &letters[i],
                (&(VDS_DRIVE_LETTER_PROP){ (WCHAR)('X' + i), GUID_NULL, 0, FALSE }));
    assert_hr(IVdsService_QueryUnallocatedDisks(scene.service, &members), S_OK);
    assert_int_equal(count(members), 0);
    file_systems();
}

/* The stand-in for iscsiadm lists two interfaces that are TCP's: "default" without an address, "lan" with
 * 192.0.2.7. */
void the_initiator_of_the_host(void **state)
{
    IVdsServiceIscsi *iscsi = as(scene.service, &IID_IVdsServiceIscsi);
    IVdsIscsiInitiatorAdapter *adapter;
    VDS_ISCSI_INITIATOR_ADAPTER_PROP prop;
    VDS_ISCSI_INITIATOR_PORTAL_PROP portal_prop[2];
    IEnumVdsObject *members;
    LPWSTR name;

    (void)state;
    assert_hr(IVdsServiceIscsi_GetInitiatorName(iscsi, &name), S_OK);
    COMPARE(VDS_ISCSI_INITIATOR_ADAPTER_PROP, (&(VDS_ISCSI_INITIATOR_ADAPTER_PROP){ GUID_NULL, name }),
            (&(VDS_ISCSI_INITIATOR_ADAPTER_PROP){ GUID_NULL, literal(u"iqn.2026-01.org.example:host") }));
    assert_hr(IVdsServiceIscsi_QueryInitiatorAdapters(iscsi, &members), S_OK);
    adapter = first(members, &IID_IVdsIscsiInitiatorAdapter);
    assert_hr(IVdsIscsiInitiatorAdapter_GetProperties(adapter, &prop), S_OK);
    for (unsigned i = 0; i < 2; i++) {
        IVdsIscsiInitiatorPortal *portal;
        VDS_IPADDRESS address;

        memset(&address, 0, sizeof address);
        address.type = i ? VDS_IPT_IPV4 : VDS_IPT_EMPTY;
        address.ipv4Address = i ? 0xc0000207 : 0;
        assert_hr(IVdsIscsiInitiatorAdapter_QueryInitiatorPortals(adapter, &members), S_OK);
        portal = member(members, i, &IID_IVdsIscsiInitiatorPortal);
        assert_hr(IVdsIscsiInitiatorPortal_GetProperties(portal, &portal_prop[i]), S_OK);
        COMPARE(VDS_ISCSI_INITIATOR_PORTAL_PROP, &portal_prop[i],
                (&(VDS_ISCSI_INITIATOR_PORTAL_PROP){ portal_prop[i].id, address, i }));
        assert_false(same_id(portal_prop[i].id, GUID_NULL) || same_id(portal_prop[i].id, prop.id));
        drop(portal);
    }
    assert_false(same_id(portal_prop[0].id, portal_prop[1].id) || same_id(prop.id, GUID_NULL));
    assert_hr(IVdsIscsiInitiatorAdapter_QueryInitiatorPortals(adapter, &members), S_OK);
    assert_int_equal(count(members), 2);
    COMPARE(VDS_ISCSI_INITIATOR_ADAPTER_PROP, &prop,
            (&(VDS_ISCSI_INITIATOR_ADAPTER_PROP){ prop.id, literal(u"open-iscsi") }));
    drop(adapter);
    drop(iscsi);
}

/* ---- status -------------------------------------------------------------------------------------------- */

/* What the process of the array has open tells which it is. */
static bool has_io_uring(void)
{
    char path[64], link[400], target[64];
    struct dirent *entry;
    bool found = false;
    DIR *dir;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)scene.pid);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        ssize_t n;

        snprintf(link, sizeof link, "%s/%s", path, entry->d_name);
        n = readlink(link, target, sizeof target - 1);
        target[n < 0 ? 0 : n] = '\0';
        found = found || strcmp(target, "anon_inode:[io_uring]") == 0;
    }
    closedir(dir);
    return found;
}

/* How long the process has been there. */
static uint64_t process_age_ms(void)
{
    char path[64], line[1024];
    unsigned long long ticks;
    struct timespec now;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)scene.pid);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    fclose(f);
    assert_int_equal(
        sscanf(strrchr(line, ')') + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ticks),
        1);
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 -
           ticks * 1000 / (unsigned long)sysconf(_SC_CLK_TCK);
}

/* The two file systems, each once. */
static void space(ULONGLONG *ret_size, ULONGLONG *ret_free)
{
    *ret_size = *ret_free = 0;
    for (unsigned i = 1; i < N_DRIVES; i++) {
        struct statvfs fs;

        assert_int_equal(statvfs(scene.drives[i], &fs), 0);
        *ret_size += (ULONGLONG)fs.f_blocks * fs.f_frsize;
        *ret_free += (ULONGLONG)fs.f_bavail * fs.f_frsize;
    }
}

static void text_free(VDS_ARRAY_STATUS *status)
{
    CoTaskMemFree(status->pwszVersion);
    CoTaskMemFree(status->pwszBackend);
    CoTaskMemFree(status->pwszReason);
}

/* When so many sessions are left: an initiator has the answer to its logout before its session is gone. */
static VDS_ARRAY_STATUS status_with(IVdsSubSystemEx *ex, ULONG sessions)
{
    for (;;) {
        VDS_ARRAY_STATUS status;

        assert_hr(IVdsSubSystemEx_GetStatus(ex, &status), S_OK);
        if (status.ulSessions == sessions)
            return status;
        text_free(&status);
        sched_yield();
    }
}

static void compare_status(IVdsSubSystemEx *ex, VDS_SUB_SYSTEM_STATUS array, const WCHAR *reason,
                           ULONG sessions)
{
    VDS_ARRAY_STATUS got, expected = { .pwszVersion = wide(scene.version),
                                       .pwszBackend = wide(has_io_uring() ? "io_uring" : "epoll"),
                                       .pwszReason = literal(reason),
                                       .status = array,
                                       .health = VDS_H_HEALTHY,
                                       .ulReactors = 2,
                                       .ulSessions = sessions,
                                       .ulMaxConnections = 4096,
                                       .ulMaxGroups = MAX_GROUPS,
                                       .ulDrainSeconds = DRAIN_SECONDS,
                                       .usDefaultPort = 3260 };

    got = status_with(ex, sessions);
    space(&expected.ullCapacity, &expected.ullFree);
    expected.ullFree = about(got.ullFree, expected.ullFree);
    expected.ullUptimeInMs = got.ullUptimeInMs;
    assert_true(got.ullUptimeInMs > 0 && got.ullUptimeInMs <= process_age_ms() + 20);
    COMPARE(VDS_ARRAY_STATUS, &got, &expected);
}

void the_status_of_the_array(void **state)
{
    IVdsSubSystemEx *ex = as(scene.subsystem, &IID_IVdsSubSystemEx);
    VDS_ARRAY_STATUS before, after;
    struct initiator in;

    (void)state;
    compare_status(ex, VDS_SSS_ONLINE, u"", 0);
    initiator_init(&in, 30);
    assert_int_equal(initiator_connect_text(&in, scene.portals[0]), 0);
    assert_int_equal(initiator_login(&in, TARGET_NAME), 0);
    compare_status(ex, VDS_SSS_ONLINE, u"", 1);
    assert_int_equal(initiator_logout(&in), 0);
    initiator_close(&in);
    assert_hr(IVdsSubSystem_SetStatus(scene.subsystem, VDS_SSS_OFFLINE), S_OK);
    compare_status(ex, VDS_SSS_OFFLINE, u"taken offline by the administrator", 0);
    assert_hr(IVdsSubSystem_SetStatus(scene.subsystem, VDS_SSS_ONLINE), S_OK);
    compare_status(ex, VDS_SSS_ONLINE, u"", 0);
    assert_hr(IVdsSubSystemEx_GetStatus(ex, &before), S_OK);
    do {
        assert_hr(IVdsSubSystemEx_GetStatus(ex, &after), S_OK);
        text_free(&after);
    } while (after.ullUptimeInMs == before.ullUptimeInMs); /* it goes on */
    text_free(&before);
    drop(ex);
}

/* ---- the tree ------------------------------------------------------------------------------------------ */

static void tree_of_portals(VDS_TREE *tree, VDS_ISCSI_PORTAL_PROP *portals)
{
    IEnumVdsObject *members;

    tree->ulPortals = N_PORTALS;
    tree->pPortals = portals;
    for (unsigned i = 0; i < N_PORTALS; i++) {
        assert_hr(IVdsSubSystemIscsi_QueryPortals(scene.iscsi, &members), S_OK);
        IVdsIscsiPortal *portal = member(members, i, &IID_IVdsIscsiPortal);
        assert_hr(IVdsIscsiPortal_GetProperties(portal, &portals[i]), S_OK);
        drop(portal);
    }
}

static void tree_of_targets(VDS_TREE *tree, VDS_ISCSI_TARGET_PROP *targets)
{
    IEnumVdsObject *members;

    tree->ulTargets = 2;
    tree->pTargets = targets;
    for (unsigned i = 0; i < 2; i++) {
        assert_hr(IVdsSubSystemIscsi_QueryTargets(scene.iscsi, &members), S_OK);
        IVdsIscsiTarget *target = member(members, i, &IID_IVdsIscsiTarget);
        assert_hr(IVdsIscsiTarget_GetProperties(target, &targets[i]), S_OK);
        drop(target);
    }
}

static void tree_of_luns(VDS_TREE *tree, VDS_TREE_LUN *rows, VDS_TREE_TIE *ties)
{
    tree->ulLuns = tree->ulTies = N_LUNS;
    tree->pLuns = rows;
    tree->pTies = ties;
    for (unsigned i = 0; i < N_LUNS; i++) {
        IVdsLunEx *ex = as(luns[i].lun, &IID_IVdsLunEx);
        BOOL thick;

        assert_hr(IVdsLun_GetProperties(luns[i].lun, &rows[i].lunProp), S_OK);
        assert_hr(IVdsLunEx_GetAllocation(ex, &rows[i].ullAllocated, &thick), S_OK);
        rows[i].ulFeatures = luns[i].features;
        rows[i].ulBlockSize = luns[i].block;
        rows[i].ulPhysicalBlockSize = luns[i].physical;
        ties[i] = (VDS_TREE_TIE){ luns[i].id, scene.target_ids[0], luns[i].number };
        drop(ex);
    }
}

static void texts_free(VDS_TREE *tree)
{
    for (ULONG i = 0; i < tree->ulTargets; i++) {
        CoTaskMemFree(tree->pTargets[i].pwszIscsiName);
        CoTaskMemFree(tree->pTargets[i].pwszFriendlyName);
    }
    for (ULONG i = 0; i < tree->ulLuns; i++) {
        CoTaskMemFree(tree->pLuns[i].lunProp.pwszFriendlyName);
        CoTaskMemFree(tree->pLuns[i].lunProp.pwszIdentification);
        CoTaskMemFree(tree->pLuns[i].lunProp.pwszUnmaskingList);
    }
}

/* The objects themselves are compared with other truths in other tests. */
void the_tree_is_the_objects(void **state)
{
    IVdsSubSystemTreeEx *face = as(scene.subsystem, &IID_IVdsSubSystemTreeEx);
    VDS_ISCSI_PORTAL_PROP portals[N_PORTALS];
    VDS_ISCSI_TARGET_PROP targets[2];
    VDS_TREE_GROUP groups[2];
    VDS_TREE_MEMBER members[N_PORTALS] = { { scene.group_ids[0], scene.portal_ids[0] },
                                           { scene.group_ids[0], scene.portal_ids[2] },
                                           { scene.group_ids[1], scene.portal_ids[1] } };
    VDS_TREE_LUN rows[N_LUNS];
    VDS_TREE_TIE ties[N_LUNS];
    VDS_TREE got, expected;

    (void)state;
    memset(&expected, 0, sizeof expected);
    sync(); /* what the drives have taken is what it will be */
    tree_of_portals(&expected, portals);
    tree_of_targets(&expected, targets);
    tree_of_luns(&expected, rows, ties);
    for (unsigned i = 0; i < 2; i++)
        groups[i] = (VDS_TREE_GROUP){ scene.group_ids[i], scene.target_ids[0], (USHORT)(i + 1) };
    expected.ulGroups = 2;
    expected.pGroups = groups;
    expected.ulMembers = N_PORTALS;
    expected.pMembers = members;
    assert_hr(IVdsSubSystemTreeEx_QueryTree(face, VDS_TREE_ALL, &got), S_OK);
    COMPARE(VDS_TREE, &got, &expected);
    texts_free(&expected);
    memset(&expected, 0, sizeof expected);
    assert_hr(IVdsSubSystemTreeEx_QueryTree(face, 0, &got), S_OK);
    COMPARE(VDS_TREE, &got, &expected); /* what was not asked for is NULL and 0 */
    drop(face);
}

/* ---- notifications ------------------------------------------------------------------------------------- */

static ULONGLONG now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (ULONGLONG)now.tv_sec * 1000000 + (ULONGLONG)now.tv_nsec / 1000;
}

static bool is_departure(const VDS_NOTIFICATION *n, const VDS_OBJECT_ID *target)
{
    return n->objectType == VDS_NTT_TARGET && n->Target.ulEvent == VDS_NF_TARGET_DEPART &&
           IsEqualGUID(&n->Target.targetId, target);
}

/* The number of the notification that a target of its own has gone: nothing that happened before is on its
 * way any more. */
static ULONGLONG sequence_of_now(IVdsServiceNotifications *face)
{
    VDS_NOTIFICATION_RECORD *records;
    VDS_ISCSI_TARGET_PROP prop;
    ULONGLONG last, found = 0;
    IVdsIscsiTarget *fence;
    IUnknown *object;
    IVdsAsync *async;
    ULONG n;

    assert_hr(IVdsServiceNotifications_GetLastSequence(face, &last), S_OK);
    assert_hr(IVdsSubSystemIscsi_CreateTarget(scene.iscsi, NULL, literal(u"fence"), &async), S_OK);
    assert_hr(ended(async, &object), S_OK);
    fence = taken(object, &IID_IVdsIscsiTarget);
    assert_hr(IVdsIscsiTarget_GetProperties(fence, &prop), S_OK);
    CoTaskMemFree(prop.pwszIscsiName);
    CoTaskMemFree(prop.pwszFriendlyName);
    assert_hr(IVdsIscsiTarget_Delete(fence, &async), S_OK);
    assert_hr(ended(async, NULL), S_OK);
    drop(fence);
    while (found == 0) {
        assert_hr(IVdsServiceNotifications_QueryNotifications(face, last, 0, &records, &n), S_OK);
        for (ULONG i = 0; i < n && found == 0; i++)
            found = is_departure(&records[i].notification, &prop.id) ? records[i].ullSequence : 0;
        CoTaskMemFree(records);
        sched_yield();
    }
    return found;
}

void a_notification_is_recorded(void **state)
{
    IVdsServiceNotifications *face = as(scene.service, &IID_IVdsServiceNotifications);
    VDS_NOTIFICATION_RECORD *records = NULL, expected;
    ULONGLONG last, before;
    ULONG n = 0;

    (void)state;
    last = sequence_of_now(face);
    before = now_us();
    assert_hr(IVdsIscsiTarget_SetFriendlyName(scene.other, literal(u"noted")), S_OK);
    while (n == 0) { /* it is on its way */
        assert_hr(IVdsServiceNotifications_QueryNotifications(face, last, 0, &records, &n), S_OK);
        sched_yield();
    }
    assert_int_equal(n, 1);
    memset(&expected, 0, sizeof expected);
    expected.ullSequence = last + 1;
    expected.ullTime = records->ullTime;
    assert_true(records->ullTime >= before && records->ullTime <= now_us());
    expected.notification.objectType = VDS_NTT_TARGET;
    expected.notification.Target.ulEvent = VDS_NF_TARGET_MODIFY;
    expected.notification.Target.targetId = scene.target_ids[1];
    COMPARE(VDS_NOTIFICATION_RECORD, records, &expected);
    CoTaskMemFree(records);
    drop(face);
}
