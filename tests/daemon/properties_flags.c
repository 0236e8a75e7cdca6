/* SPDX-License-Identifier: MIT */
/* properties.c: every bit of every field of flags. One that is set has something behind it that works; one
 * that is clear has a call that answers VDS_E_NOT_SUPPORTED, which is a row of docs/api-status.md and so a
 * test of refusals.c, or has no call at all. */
#include "properties.h"

/* ---- what is reported ---------------------------------------------------------------------------------- */

static ULONG of_service(void)
{
    VDS_SERVICE_PROP prop;

    assert_hr(IVdsService_GetProperties(scene.service, &prop), S_OK);
    CoTaskMemFree(prop.pwszVersion);
    return prop.ulFlags;
}

static ULONG of_provider(void)
{
    VDS_PROVIDER_PROP prop;

    assert_hr(IVdsProvider_GetProperties(scene.provider, &prop), S_OK);
    CoTaskMemFree(prop.pwszName);
    CoTaskMemFree(prop.pwszVersion);
    return prop.ulFlags;
}

static ULONG of_versions(void)
{
    IVdsProviderSupport *face = as(scene.provider, &IID_IVdsProviderSupport);
    ULONG versions = 0;

    assert_hr(IVdsProviderSupport_GetVersionSupport(face, &versions), S_OK);
    drop(face);
    return versions;
}

static VDS_SUB_SYSTEM_PROP2 array_prop(void)
{
    IVdsSubSystem2 *face = as(scene.subsystem, &IID_IVdsSubSystem2);
    VDS_SUB_SYSTEM_PROP2 prop;

    assert_hr(IVdsSubSystem2_GetProperties2(face, &prop), S_OK);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    drop(face);
    return prop;
}

static ULONG of_array(void)
{
    return array_prop().ulFlags;
}

static ULONG of_raid_types(void)
{
    return array_prop().ulSupportedRaidTypeFlags;
}

static ULONG of_drive(void)
{
    IVdsDrive *drive = drive_at(0);
    VDS_DRIVE_PROP prop;

    assert_hr(IVdsDrive_GetProperties(drive, &prop), S_OK);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    drop(drive);
    return prop.ulFlags;
}

static ULONG of_lun(void)
{
    return lun_prop(luns[0].lun).ulFlags;
}

static ULONG of_plex(void)
{
    IVdsLunPlex *plex;
    VDS_LUN_PLEX_PROP prop;
    IEnumVdsObject *members;

    assert_hr(IVdsLun_QueryPlexes(luns[0].lun, &members), S_OK);
    plex = first(members, &IID_IVdsLunPlex);
    assert_hr(IVdsLunPlex_GetProperties(plex, &prop), S_OK);
    drop(plex);
    return prop.ulFlags;
}

/* All that any LUN has. */
static ULONG of_features(void)
{
    ULONG all = 0;

    for (unsigned i = 0; i < N_LUNS; i++) {
        IVdsLunEx2 *face = as(luns[i].lun, &IID_IVdsLunEx2);
        ULONG features, block, physical;

        assert_hr(IVdsLunEx2_GetFeatures(face, &features, &block, &physical), S_OK);
        all |= features;
        drop(face);
    }
    return all;
}

static const struct {
    const char *set;
    ULONG (*reported)(void);
} fields[] = {
    { "VDS_SERVICE_FLAG", of_service },
    { "VDS_PROVIDER_FLAG", of_provider },
    { "VDS_VERSION_SUPPORT_FLAG", of_versions },
    { "VDS_SUB_SYSTEM_FLAG", of_array },
    { "VDS_SUB_SYSTEM_SUPPORTED_RAID_TYPE_FLAG", of_raid_types },
    { "VDS_DRIVE_FLAG", of_drive },
    { "VDS_LUN_FLAG", of_lun },
    { "VDS_LUN_PLEX_FLAG", of_plex },
    { "VDS_LUN_FEATURE", of_features },
};

/* ---- what is behind the bits that are set -------------------------------------------------------------- */

static void answers(void *object, REFIID iid)
{
    drop(as(object, iid));
}

static void generation_1_0(void)
{
    answers(scene.provider, &IID_IVdsHwProvider);
    answers(luns[0].lun, &IID_IVdsLun);
}

static void generation_1_1(void) /* brought iSCSI */
{
    answers(scene.subsystem, &IID_IVdsSubSystemIscsi);
    answers(luns[0].lun, &IID_IVdsLunIscsi);
    answers(scene.provider, &IID_IVdsHwProviderType);
}

static void generation_3_0(void) /* brought pools and the second faces */
{
    IVdsDrive *drive = drive_at(0);

    answers(scene.provider, &IID_IVdsHwProviderStoragePools);
    answers(scene.provider, &IID_IVdsHwProviderType2);
    answers(scene.subsystem, &IID_IVdsSubSystem2);
    answers(drive, &IID_IVdsDrive2);
    answers(luns[0].lun, &IID_IVdsLun2);
    answers(luns[0].lun, &IID_IVdsLunNumber);
    drop(drive);
}

/* A LUN that is less than its drive. */
static void extents(void)
{
    IVdsDrive *drive = drive_at(0);
    VDS_DRIVE_EXTENT *list;
    LONG n;

    assert_hr(IVdsDrive_QueryExtents(drive, &list, &n), S_OK);
    assert_true(n >= 2 && list[0].bUsed && !list[n - 1].bUsed);
    CoTaskMemFree(list);
    drop(drive);
}

/* The pools' drive extents name each drive once: it is in one pool. */
static void drives_are_in_pools(void)
{
    IVdsHwProviderStoragePools *pools = as(scene.provider, &IID_IVdsHwProviderStoragePools);
    unsigned n_pools[N_DRIVES] = { 0 };
    IEnumVdsObject *members;
    IUnknown *object;
    ULONG got;

    assert_hr(IVdsHwProviderStoragePools_QueryStoragePools(pools, VDS_SPT_CONCRETE, 0, NULL, &members), S_OK);
    while (IEnumVdsObject_Next(members, 1, &object, &got) == S_OK) {
        IVdsStoragePool *pool = taken(object, &IID_IVdsStoragePool);
        VDS_STORAGE_POOL_DRIVE_EXTENT *list;
        LONG n;

        assert_hr(IVdsStoragePool_QueryDriveExtents(pool, &list, &n), S_OK);
        for (LONG i = 0; i < n; i++) {
            for (unsigned k = 0; k < N_DRIVES; k++)
                n_pools[k] += same_id(list[i].id, scene.drive_ids[k]);
        }
        CoTaskMemFree(list);
        drop(pool);
    }
    for (unsigned k = 0; k < N_DRIVES; k++)
        assert_int_equal(n_pools[k], 1);
    drop(members);
    drop(pools);
}

/* Where VDS_SF_SUPPORTS_SIMPLE_TARGET_CONFIG is set, LUNs get targets by themselves and CreateTarget is
 * refused. */
static void targets_are_made_by_hand(void)
{
    WCHAR nobody[] = { 0 };
    IVdsLunIscsi *ties;
    IEnumVdsObject *members;
    IUnknown *object;
    IVdsAsync *async;

    assert_hr(IVdsSubSystem_CreateLun(scene.subsystem, VDS_LT_SIMPLE, MIB, NULL, 0, nobody, NULL, &async),
              S_OK);
    assert_hr(ended(async, &object), S_OK);
    ties = taken(object, &IID_IVdsLunIscsi);
    assert_hr(IVdsLunIscsi_QueryAssociatedTargets(ties, &members), S_OK);
    assert_int_equal(count(members), 0);
    IVdsLun *lun = taken((IUnknown *)ties, &IID_IVdsLun);
    assert_hr(IVdsLun_Delete(lun), S_OK);
    drop(lun);
}

/* ---- reasons ------------------------------------------------------------------------------------------- */

#define TYPES                                                                          \
    "IVdsSubSystem::CreateLun, QueryMaxLunCreateSize, those of IVdsSubSystem2 and of " \
    "IVdsHwProviderStoragePools"
#define HINTS  "ApplyHints of LUN and plex, IVdsLun2::ApplyHints2"
#define CACHE  "IVdsController::FlushCache, InvalidateCache, Reset"
#define SPARE  "IVdsDrive::SetFlags, ClearFlags"
#define SWITCH "IVdsService::SetFlags, ClearFlags"

static const struct reason {
    const char *name; /* of a flag, or of all that begin so, when there is a star at its end */
    bool set;
    void (*proof)(void); /* here; or in a test of its own, or */
    const char *row;     /* a refusal, by the first column of docs/api-status.md */
} reasons[] = {
    { "VDS_SVF_AUTO_MOUNT_OFF", false, NULL, NULL }, /* service_and_provider() sets and clears it */
    { "VDS_SVF_*", false, NULL, SWITCH },
    /* for software providers; internal hardware has no masking, and this has */
    { "VDS_PF_*", false, NULL, NULL },
    { "VDS_VSF_1_0", true, generation_1_0, NULL },
    { "VDS_VSF_1_1", true, generation_1_1, NULL },
    { "VDS_VSF_2_*", true, generation_1_1, NULL }, /* brought nothing for hardware providers */
    { "VDS_VSF_3_0", true, generation_3_0, NULL },
    { "VDS_SF_LUN_MASKING_CAPABLE", true, NULL, NULL }, /* luns_are_what_the_wire_says() */
    { "VDS_SF_LUN_PLEXING_CAPABLE", false, NULL, "IVdsLun::AddPlex" },
    { "VDS_SF_DRIVE_EXTENT_CAPABLE", true, extents, NULL },
    { "VDS_SF_RADIUS_CAPABLE", false, NULL, NULL }, /* no call of VDS asks for it */
    { "VDS_SF_SUPPORTS_NON_FAULT_TOLERANT_LUNS", true, NULL, TYPES },
    { "VDS_SF_SUPPORTS_SIMPLE_LUNS", true, NULL, TYPES },
    { "VDS_SF_SUPPORTS_AUTH_CHAP", true, NULL, NULL },        /* portals_targets_and_groups() */
    { "VDS_SF_SUPPORTS_AUTH_MUTUAL_CHAP", true, NULL, NULL }, /* test_chap.py */
    { "VDS_SF_SUPPORTS_SIMPLE_TARGET_CONFIG", false, targets_are_made_by_hand, NULL },
    { "VDS_SF_SUPPORTS_LUN_NUMBER", true, NULL, NULL }, /* luns_are_what_the_wire_says() */
    { "VDS_SF_SUPPORTS_MIRRORED_CACHE", false, NULL, CACHE },
    { "VDS_SF_SUPPORTS_*", false, NULL, TYPES },
    { "VDS_SF_WRITE_THROUGH_CACHING_CAPABLE", true, NULL, NULL }, /* hints_switch_the_cache() */
    { "VDS_SF_WRITE_CACHING_CAPABLE", true, NULL, NULL },
    { "VDS_SF_READ_CACHING_CAPABLE", true, NULL, NULL }, /* luns_are_what_the_wire_says() */
    { "VDS_SF_*", false, NULL, HINTS },
    { "VDS_DRF_ASSIGNED", true, drives_are_in_pools, NULL },
    { "VDS_DRF_UNASSIGNED", false, drives_are_in_pools, NULL },
    { "VDS_DRF_*", false, NULL, SPARE },
    { "VDS_LF_READ_CACHE_ENABLED", true, NULL, NULL }, /* luns_are_what_the_wire_says() */
    { "VDS_LF_WRITE_CACHE_ENABLED", true, NULL, NULL },
    { "VDS_LF_WRITE_THROUGH_CACHING_ENABLED", false, NULL, NULL }, /* hints_switch_the_cache() */
    { "VDS_LF_*", false, NULL, HINTS },
    { "VDS_LPF_*", false, NULL, HINTS },
    { "VDS_LUN_FEATURE_*", true, NULL, NULL }, /* luns_are_what_the_wire_says() */
};

static const struct reason *reason_of(const char *name)
{
    for (size_t i = 0; i < LENGTH(reasons); i++) {
        size_t n = strlen(reasons[i].name);
        bool star = reasons[i].name[n - 1] == '*';

        if (strncmp(name, reasons[i].name, n - star) == 0 && (star || !name[n]))
            return &reasons[i];
    }
    return NULL;
}

void print_refusals(void)
{
    for (size_t i = 0; i < LENGTH(reasons); i++) {
        if (reasons[i].row)
            puts(reasons[i].row);
    }
}

void every_flag_is_set_or_clear_for_a_reason(void **state)
{
    struct flag flag;
    size_t n = 0;

    (void)state;
    while (flag_at(n++, &flag)) {
        const struct reason *reason = reason_of(flag.name);
        ULONG reported = 0;

        for (size_t i = 0; i < LENGTH(fields); i++) {
            if (strcmp(fields[i].set, flag.set) == 0)
                reported = fields[i].reported();
        }
        if (!reason)
            fail_msg("%s has no reason to be set or clear", flag.name);
        if (reason->set != !!(reported & flag.bit))
            fail_msg("%s is %s", flag.name, reason->set ? "clear" : "set");
        if (reason->proof)
            reason->proof();
    }
    assert_true(n > 60);
    for (size_t i = 0; i < LENGTH(fields); i++) { /* and no bit that VDS does not know */
        ULONG known = 0;

        for (n = 0; flag_at(n, &flag); n++)
            known |= strcmp(fields[i].set, flag.set) == 0 ? flag.bit : 0;
        assert_int_equal(fields[i].reported() & ~known, 0);
    }
}
