/* SPDX-License-Identifier: MIT */
/* properties.c: LUNs and plexes against what the unit says on the wire (SPC-4, SBC-3), and statuses against how it answers. */
#include "properties.h"

/* ---- LUNs ---------------------------------------------------------------------------------------------- */

/* VDS_LUN_FEATURE as the unit shows it: RMB of INQUIRY, WP of MODE SENSE, LBPME of READ CAPACITY. What is in memory is thin as well. */
static ULONG features_of(struct initiator *in, const struct lun_made *made)
{
    uint8_t standard[252], capacity[32], mode[64];
    ULONG features = made->features & VDS_LUN_FEATURE_VOLATILE;

    inquiry(in, made->number, -1, standard);
    read_capacity(in, made->number, capacity);
    mode_page(in, made->number, 0x3f, mode);
    features |= standard[1] & 0x80 ? VDS_LUN_FEATURE_REMOVABLE : 0;
    features |= mode[2] & 0x80 ? VDS_LUN_FEATURE_READ_ONLY : 0;
    return features | (capacity[14] & 0x80 ? 0 : VDS_LUN_FEATURE_THICK);
}

static void compare_features(struct initiator *in, const struct lun_made *made)
{
    IVdsLunEx2 *ex2 = as(made->lun, &IID_IVdsLunEx2);
    ULONG features, block, physical;
    uint8_t capacity[32];

    read_capacity(in, made->number, capacity);
    assert_hr(IVdsLunEx2_GetFeatures(ex2, &features, &block, &physical), S_OK);
    assert_int_equal(features, made->features);
    assert_int_equal(features, features_of(in, made));
    assert_int_equal(block, be_number(capacity + 8, 4));
    assert_int_equal(physical, block << (capacity[13] & 0x0f));
    assert_int_equal(block, made->block);
    assert_int_equal(physical, made->physical);
    drop(ex2);
}

static void compare_numbers(struct initiator *in, const struct lun_made *made)
{
    IVdsLunNumber *face = as(made->lun, &IID_IVdsLunNumber);
    IVdsLunEx *ex = as(made->lun, &IID_IVdsLunEx);
    uint8_t address[8];
    ULONG n = 77;

    assert_hr(IVdsLunNumber_GetLunNumber(face, &n), S_OK);
    assert_int_equal(n, made->number);
    assert_hr(IVdsLunEx_GetNumber(ex, scene.target_ids[0], &n), S_OK);
    assert_int_equal(n, made->number);
    assert_hr(IVdsLunEx_GetNumber(ex, scene.target_ids[1], &n), VDS_E_OBJECT_NOT_FOUND);
    assert_true(reported(in, made->number, address));
    drop(ex);
    drop(face);
}

/* VDS_LUN_FLAG as the caching mode page shows it: WCE and RCD (SBC-3 section 6.4.5). */
static ULONG flags_of(struct initiator *in, ULONG lun)
{
    uint8_t page[64];
    ULONG flags;

    mode_page(in, lun, 0x08, page);
    flags = page[4 + 2] & 0x04 ? VDS_LF_WRITE_CACHE_ENABLED : VDS_LF_WRITE_THROUGH_CACHING_ENABLED;
    return flags | (page[4 + 2] & 0x01 ? 0 : VDS_LF_READ_CACHE_ENABLED);
}

static void compare_lun(struct initiator *in, const struct lun_made *made)
{
    uint8_t capacity[32], serial[252];
    char text[256];
    VDS_LUN_PROP prop;
    unsigned n;

    read_capacity(in, made->number, capacity);
    n = inquiry(in, made->number, 0x80, serial);
    snprintf(text, sizeof text, "%.*s", (int)n - 4, (char *)serial + 4);
    assert_hr(IVdsLun_GetProperties(made->lun, &prop), S_OK);
    COMPARE(VDS_LUN_PROP, &prop,
            (&(VDS_LUN_PROP){ made->id, (be_number(capacity, 8) + 1) * be_number(capacity + 8, 4), literal(made->name), wide(text),
                              literal(made->mask), flags_of(in, made->number), VDS_LT_SIMPLE, VDS_LS_ONLINE, VDS_H_HEALTHY, VDS_TS_STABLE,
                              0 }));
    assert_int_equal((be_number(capacity, 8) + 1) * be_number(capacity + 8, 4), made->size);
}

/* An unmasking list of names: those see the unit, others do not. */
static void the_mask_is_obeyed(void)
{
    struct initiator in = wire(1, 1, 0), other = wire(2, 1, 0); /* iqn.2024-01.test:initiator.1 is in the list of the second LUN */
    uint8_t address[8];

    assert_true(reported(&in, luns[1].number, address));
    assert_false(reported(&other, luns[1].number, address));
    initiator_close(&in);
    initiator_close(&other);
}

void luns_are_what_the_wire_says(void **state)
{
    struct initiator in = wire(1, 1, 0);

    (void)state;
    for (unsigned i = 0; i < N_LUNS; i++) {
        compare_lun(&in, &luns[i]);
        compare_features(&in, &luns[i]);
        compare_numbers(&in, &luns[i]);
    }
    initiator_close(&in);
    the_mask_is_obeyed();
}

/* ---- plexes, hints ------------------------------------------------------------------------------------- */

static IVdsLunPlex *plex_of(IVdsLun *lun)
{
    IEnumVdsObject *members;

    assert_hr(IVdsLun_QueryPlexes(lun, &members), S_OK);
    return first(members, &IID_IVdsLunPlex);
}

static void compare_plex(const struct lun_made *made, VDS_LUN_PLEX_STATUS status, VDS_HEALTH health)
{
    IVdsLunPlex *plex = plex_of(made->lun);
    VDS_LUN_PLEX_PROP prop;

    assert_hr(IVdsLunPlex_GetProperties(plex, &prop), S_OK);
    assert_false(same_id(prop.id, made->id) || same_id(prop.id, GUID_NULL));
    COMPARE(VDS_LUN_PLEX_PROP, &prop,
            (&(VDS_LUN_PLEX_PROP){ prop.id, made->size, VDS_LPT_SIMPLE, status, health, VDS_TS_STABLE, 0, 0, 0 }));
    drop(plex);
}

static void compare_plex_extent(const struct lun_made *made)
{
    IVdsLunEx *ex = as(made->lun, &IID_IVdsLunEx);
    IVdsLunPlex *plex = plex_of(made->lun);
    VDS_DRIVE_EXTENT *extents;
    ULONGLONG allocated;
    BOOL thick;
    LONG n;

    assert_hr(IVdsLunEx_GetAllocation(ex, &allocated, &thick), S_OK);
    assert_int_equal(thick, made->features & VDS_LUN_FEATURE_THICK ? TRUE : FALSE);
    assert_hr(IVdsLunPlex_QueryExtents(plex, &extents, &n), S_OK);
    assert_int_equal(n, made->features & VDS_LUN_FEATURE_VOLATILE ? 0 : 1);
    if (n == 1)
        COMPARE(VDS_DRIVE_EXTENT, &extents[0],
                (&(VDS_DRIVE_EXTENT){ scene.drive_ids[made->drive], made->id, allocated, TRUE }));
    CoTaskMemFree(extents);
    drop(plex);
    drop(ex);
}

/* All three calls, against the flags, which are the wire's. */
static void compare_hints(const struct lun_made *made)
{
    BOOL through = lun_prop(made->lun).ulFlags & VDS_LF_WRITE_THROUGH_CACHING_ENABLED ? TRUE : FALSE;
    IVdsLun2 *second = as(made->lun, &IID_IVdsLun2);
    IVdsLunPlex *plex = plex_of(made->lun);
    VDS_HINTS got[2], expected;
    VDS_HINTS2 got2, expected2;

    memset(&expected, 0, sizeof expected);
    memset(&expected2, 0, sizeof expected2);
    expected.ullHintMask = expected2.ullHintMask = VDS_HINT_WRITETHROUGHCACHINGENABLED;
    expected2.ullHintMask |= VDS_HINT_READCACHINGENABLED | VDS_HINT_WRITECACHINGENABLED;
    expected.bWriteThroughCachingEnabled = expected2.bWriteThroughCachingEnabled = through;
    expected2.bWriteCachingEnabled = !through;
    expected2.bReadCachingEnabled = TRUE;
    memset(got, 0xaa, sizeof got);
    memset(&got2, 0xaa, sizeof got2);
    assert_hr(IVdsLun_QueryHints(made->lun, &got[0]), S_OK);
    assert_hr(IVdsLunPlex_QueryHints(plex, &got[1]), S_OK);
    assert_hr(IVdsLun2_QueryHints2(second, &got2), S_OK);
    COMPARE(VDS_HINTS, &got[0], &expected);
    COMPARE(VDS_HINTS, &got[1], &expected);
    COMPARE(VDS_HINTS2, &got2, &expected2);
    drop(plex);
    drop(second);
}

void plexes_and_hints(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_LUNS; i++) {
        compare_plex(&luns[i], VDS_LPS_ONLINE, VDS_H_HEALTHY);
        compare_plex_extent(&luns[i]);
        compare_hints(&luns[i]);
    }
}

static void cache_is(struct initiator *in, const struct lun_made *made, ULONG flag)
{
    assert_int_equal(flags_of(in, made->number), flag | VDS_LF_READ_CACHE_ENABLED);
    assert_int_equal(lun_prop(made->lun).ulFlags, flag | VDS_LF_READ_CACHE_ENABLED);
    compare_hints(made);
}

/* By an initiator: MODE SELECT of the caching page. */
static void select_cache(struct initiator *in, const struct lun_made *made, bool on)
{
    const uint8_t list[4 + 20] = { 0, 0, 0, 0, 0x08, 0x12, on ? 0x04 : 0 };
    struct initiator_result result;

    assert_int_equal(initiator_command(in, made->number, (const uint8_t[6]){ 0x15, 0x10, [4] = sizeof list }, 6, list, sizeof list, NULL, 0,
                                       &result),
                     0);
    assert_int_equal(result.status, 0);
}

/* A LUN that is made so; automagic types take hints. */
static void made_to_write_through(void)
{
    VDS_HINTS hints = { .ullHintMask = VDS_HINT_WRITETHROUGHCACHINGENABLED | VDS_HINT_MOSTLYREADS, .bWriteThroughCachingEnabled = TRUE };
    WCHAR nobody[] = { 0 };
    IUnknown *object;
    IVdsAsync *async;
    IVdsLun *lun;

    assert_hr(IVdsSubSystem_CreateLun(scene.subsystem, VDS_LT_DEFAULT, MIB, NULL, 0, nobody, &hints, &async), S_OK);
    assert_hr(ended(async, &object), S_OK);
    lun = taken(object, &IID_IVdsLun);
    assert_int_equal(lun_prop(lun).ulFlags, VDS_LF_WRITE_THROUGH_CACHING_ENABLED | VDS_LF_READ_CACHE_ENABLED);
    assert_hr(IVdsLun_Delete(lun), S_OK);
    drop(lun);
}

void hints_switch_the_cache(void **state)
{
    const struct lun_made *made = &luns[0];
    VDS_HINTS hints = { .ullHintMask = VDS_HINT_WRITETHROUGHCACHINGENABLED, .bWriteThroughCachingEnabled = TRUE };
    IVdsLunPlex *plex = plex_of(made->lun);
    struct initiator in = wire(1, 1, 0);
    uint16_t asc = 0;

    (void)state;
    cache_is(&in, made, VDS_LF_WRITE_CACHE_ENABLED);
    assert_hr(IVdsLun_ApplyHints(made->lun, &hints), S_OK);
    assert_int_equal(initiator_clear_attentions(&in, made->number, &asc), 1);
    assert_int_equal(asc, 0x2a01); /* mode parameters changed */
    cache_is(&in, made, VDS_LF_WRITE_THROUGH_CACHING_ENABLED);
    hints.bWriteThroughCachingEnabled = FALSE;
    assert_hr(IVdsLunPlex_ApplyHints(plex, &hints), S_OK);
    cache_is(&in, made, VDS_LF_WRITE_CACHE_ENABLED);
    select_cache(&in, made, false);
    cache_is(&in, made, VDS_LF_WRITE_THROUGH_CACHING_ENABLED);
    select_cache(&in, made, true);
    cache_is(&in, made, VDS_LF_WRITE_CACHE_ENABLED);
    made_to_write_through();
    hints.bWriteThroughCachingEnabled = TRUE;
    assert_hr(IVdsLun_ApplyHints(luns[2].lun, &hints), S_OK); /* luns_of_another_day() looks for it */
    drop(plex);
    initiator_close(&in);
}

/* ---- statuses ------------------------------------------------------------------------------------------ */

static struct initiator_result ready(struct initiator *in, ULONG lun)
{
    struct initiator_result result;

    do
        assert_int_equal(initiator_command(in, lun, (const uint8_t[6]){ 0 }, 6, NULL, 0, NULL, 0, &result), 0);
    while (result.status == 2 && result.key == 6);
    return result;
}

static void lun_is(const struct lun_made *made, VDS_LUN_STATUS status, VDS_HEALTH health)
{
    assert_int_equal(lun_prop(made->lun).status, status);
    assert_int_equal(lun_prop(made->lun).health, health);
    compare_plex(made, (VDS_LUN_PLEX_STATUS)status, health);
}

static void port_is(VDS_CONTROLLER_STATUS controller_status, VDS_PORT_STATUS port_status, VDS_ISCSI_PORTAL_STATUS portal_status)
{
    IVdsController *controller;
    VDS_ISCSI_PORTAL_PROP portal_prop;
    IVdsIscsiPortal *portal = portal_at(0);
    IEnumVdsObject *members;
    VDS_PORT_PROP port;

    assert_hr(IVdsSubSystem_QueryControllers(scene.subsystem, &members), S_OK);
    controller = first(members, &IID_IVdsController);
    assert_hr(IVdsController_GetPortProperties(controller, 0, &port), S_OK);
    CoTaskMemFree(port.pwszFriendlyName);
    CoTaskMemFree(port.pwszIdentification);
    assert_hr(IVdsIscsiPortal_GetProperties(portal, &portal_prop), S_OK);
    assert_int_equal(controller_prop(controller).status, controller_status);
    assert_int_equal(controller_prop(controller).health, VDS_H_HEALTHY);
    assert_int_equal(port.status, port_status);
    assert_int_equal(portal_prop.status, portal_status);
    drop(portal);
    drop(controller);
}

/* A LUN and its drive; TEST UNIT READY says the same. */
static void statuses_of_a_lun(void)
{
    struct initiator in = wire(1, 1, 0);
    IVdsDrive *drive = drive_at(luns[1].drive);

    lun_is(&luns[1], VDS_LS_ONLINE, VDS_H_HEALTHY);
    assert_int_equal(ready(&in, luns[1].number).status, 0);
    assert_hr(IVdsLun_SetStatus(luns[1].lun, VDS_LS_OFFLINE), S_OK);
    lun_is(&luns[1], VDS_LS_OFFLINE, VDS_H_HEALTHY);
    assert_int_equal(ready(&in, luns[1].number).key, 2); /* NOT READY */
    assert_hr(IVdsLun_SetStatus(luns[1].lun, VDS_LS_ONLINE), S_OK);
    assert_hr(IVdsDrive_SetStatus(drive, VDS_DRS_OFFLINE), S_OK);
    lun_is(&luns[1], VDS_LS_FAILED, VDS_H_FAILED);
    lun_is(&luns[0], VDS_LS_ONLINE, VDS_H_HEALTHY);
    assert_int_equal(ready(&in, luns[1].number).key, 2);
    assert_hr(IVdsDrive_SetStatus(drive, VDS_DRS_ONLINE), S_OK);
    lun_is(&luns[1], VDS_LS_ONLINE, VDS_H_HEALTHY);
    assert_int_equal(ready(&in, luns[1].number).status, 0);
    drop(drive);
    initiator_close(&in);
}

void statuses_go_together(void **state)
{
    IEnumVdsObject *members;
    IVdsController *controller;

    (void)state;
    statuses_of_a_lun();
    port_is(VDS_CS_ONLINE, VDS_PRS_ONLINE, VDS_IPS_ONLINE);
    assert_hr(IVdsSubSystem_SetStatus(scene.subsystem, VDS_SSS_OFFLINE), S_OK);
    port_is(VDS_CS_ONLINE, VDS_PRS_OFFLINE, VDS_IPS_NOT_READY); /* the controller runs, but nobody comes in */
    lun_is(&luns[0], VDS_LS_NOT_READY, VDS_H_HEALTHY);
    assert_hr(IVdsSubSystem_SetStatus(scene.subsystem, VDS_SSS_ONLINE), S_OK);
    assert_hr(IVdsSubSystem_QueryControllers(scene.subsystem, &members), S_OK);
    controller = first(members, &IID_IVdsController);
    assert_hr(IVdsController_SetStatus(controller, VDS_CS_OFFLINE), S_OK);
    port_is(VDS_CS_OFFLINE, VDS_PRS_OFFLINE, VDS_IPS_NOT_READY);
    lun_is(&luns[0], VDS_LS_NOT_READY, VDS_H_HEALTHY);
    assert_hr(IVdsController_SetStatus(controller, VDS_CS_ONLINE), S_OK);
    port_is(VDS_CS_ONLINE, VDS_PRS_ONLINE, VDS_IPS_ONLINE);
    lun_is(&luns[0], VDS_LS_ONLINE, VDS_H_HEALTHY);
    drop(controller);
}

/* ---- another day --------------------------------------------------------------------------------------- */

/* The LUN with that name, of those that the array lists. */
static IVdsLun *lun_named(const WCHAR *name)
{
    IEnumVdsObject *members;
    IVdsLun *found = NULL;
    IUnknown *object;
    ULONG n;

    assert_hr(IVdsSubSystem_QueryLuns(scene.subsystem, &members), S_OK);
    while (IEnumVdsObject_Next(members, 1, &object, &n) == S_OK) {
        IVdsLun *lun = taken(object, &IID_IVdsLun);
        VDS_LUN_PROP prop;

        assert_hr(IVdsLun_GetProperties(lun, &prop), S_OK);
        if (memcmp(prop.pwszFriendlyName, name, 6 * sizeof *name) == 0) /* as much as tells ours apart */
            found = lun;
        else
            drop(lun);
        CoTaskMemFree(prop.pwszFriendlyName);
        CoTaskMemFree(prop.pwszIdentification);
        CoTaskMemFree(prop.pwszUnmaskingList);
    }
    drop(members);
    assert_non_null(found);
    return found;
}

/* The drive of one has failed, the other is as it was, with the cache as it was told last. */
void luns_of_another_day(void **state)
{
    const struct lun_made *lost = &luns[1], *kept = &luns[2];
    IVdsLun *lun[2] = { lun_named(lost->name), lun_named(kept->name) };
    VDS_LUN_INFORMATION information;
    VDS_LUN_PROP prop;
    VDS_OBJECT_ID id;

    (void)state;
    id = lun_prop(lun[0]).id;
    assert_hr(IVdsLun_GetProperties(lun[0], &prop), S_OK);
    COMPARE(VDS_LUN_PROP, &prop,
            (&(VDS_LUN_PROP){ id, lost->size, literal(lost->name), wide_id(id), literal(lost->mask), 0, VDS_LT_SIMPLE, VDS_LS_FAILED,
                              VDS_H_FAILED, VDS_TS_STABLE, 0 }));
    assert_hr(IVdsLun_GetIdentificationData(lun[0], &information), VDS_E_OBJECT_STATUS_FAILED); /* no unit says anything */
    id = lun_prop(lun[1]).id;
    assert_hr(IVdsLun_GetProperties(lun[1], &prop), S_OK);
    COMPARE(VDS_LUN_PROP, &prop,
            (&(VDS_LUN_PROP){ id, kept->size, literal(kept->name), wide_id(id), literal(kept->mask),
                              VDS_LF_WRITE_THROUGH_CACHING_ENABLED | VDS_LF_READ_CACHE_ENABLED, VDS_LT_SIMPLE, VDS_LS_ONLINE,
                              VDS_H_HEALTHY, VDS_TS_STABLE, 0 }));
    drop(lun[0]);
    drop(lun[1]);
}
