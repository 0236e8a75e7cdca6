/* SPDX-License-Identifier: MIT */
/* Out of memory is an error path: every method fails at its first allocation, its second, ... until it
 * succeeds. Each failure is E_OUTOFMEMORY, leaves outputs empty and nothing behind. */
#include "memory_calls.h"

#include "alloc_faults.h"

static void check(struct scene *s, size_t i, HRESULT hr, unsigned which)
{
    if (hr != S_OK && hr != (HRESULT)E_OUTOFMEMORY)
        fail_msg("%s ended 0x%08x when allocation %u failed", memory_calls[i].name, (unsigned)hr, which);
    if (hr != S_OK && s->f->sink->n_events != s->n_events)
        fail_msg("%s failed at allocation %u, but the array has changed", memory_calls[i].name, which);
    if (com_live_objects() != s->n_objects || com_live_task_blocks() != s->n_blocks)
        fail_msg("%s left something behind when allocation %u failed", memory_calls[i].name, which);
}

/* Fails its 1st, 2nd, ... allocation until it has no more. (The loss of a notification is not the method's
 * failure.) */
static void exhaust(struct scene *s, size_t i)
{
    unsigned which = 0, n_failures = 0;
    HRESULT hr;

    do {
        s->n_objects = com_live_objects();
        s->n_blocks = com_live_task_blocks();
        s->n_events = s->f->sink->n_events;
        alloc_faults_arm(++which);
        hr = memory_calls[i].call(s);
        alloc_faults_disarm();
        check(s, i, hr, which);
        n_failures += hr != S_OK;
    } while (alloc_faults_hit());
    assert_int_equal(hr, S_OK);
    if (n_failures == 0)
        fail_msg("%s allocates nothing: the wrappers are not in place", memory_calls[i].name);
}

static void find_the_rest(struct scene *s)
{
    VDS_STORAGE_POOL_PROP prop;
    IEnumVdsObject *e = NULL;

    s->pools = query(s->f->hw, &IID_IVdsHwProviderStoragePools);
    assert_int_equal(IVdsHwProviderStoragePools_QueryStoragePools(s->pools, VDS_SPT_CONCRETE, 0, NULL, &e),
                     S_OK);
    s->pool = member(e, 0, &IID_IVdsStoragePool);
    assert_int_equal(IVdsStoragePool_GetProperties(s->pool, &prop), S_OK);
    s->pool_id = prop.id;
    CoTaskMemFree(prop.pwszName);
    CoTaskMemFree(prop.pwszDescription);
    s->second = query(s->f->subsystem, &IID_IVdsSubSystem2);
    s->drive2 = query(s->drive, &IID_IVdsDrive2);
    s->import = query(s->f->subsystem, &IID_IVdsSubSystemImportTarget);
    s->discovery = query(s->f->subsystem, &IID_IVdsIscsiDiscoveryEx);
    s->lamp = query(s->lun, &IID_IVdsMaintenance);
}

/* A port of the target that the LUN is at. */
static void give_a_way(struct scene *s)
{
    VDS_OBJECT_ID target = target_id(s->target);
    IVdsIscsiPortalGroup *group = make_group(s->target);
    IVdsLunIscsi *ties = query(s->lun, &IID_IVdsLunIscsi);
    IEnumVdsObject *e = NULL;
    VDS_ISCSI_PORTAL_PROP prop;
    IVdsIscsiPortal *portal;
    IVdsAsync *async = NULL;

    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(s->f->iscsi, &e), S_OK);
    portal = member(e, 0, &IID_IVdsIscsiPortal);
    assert_int_equal(IVdsIscsiPortal_GetProperties(portal, &prop), S_OK);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(group, prop.id, &async), S_OK);
    drop(async);
    assert_int_equal(IVdsLunIscsi_AssociateTargets(ties, &target, 1), S_OK);
    drop(portal);
    drop(ties);
    drop(group);
}

static void every_call_survives_the_failure_of_each_of_its_allocations(void **state)
{
    struct fixture *f = *state;
    struct scene s = { .f = f, .target = make_target(f, u"iqn.2026-01.example:a"), .lun = make_lun(f) };
    VDS_OBJECT_ID id = target_id(s.target);
    IEnumVdsObject *e = NULL;

    fake_add_session(f->array, com_guid(&id), "iqn.host:1", false);
    fake_add_session(f->array, com_guid(&id), "iqn.host:2", false);
    give_a_way(&s);
    s.ex = query(f->subsystem, &IID_IVdsSubSystemEx);
    assert_int_equal(IVdsSubSystem_QueryDrives(f->subsystem, &e), S_OK);
    s.drive = member(e, 0, &IID_IVdsDrive);
    assert_int_equal(IVdsSubSystem_QueryControllers(f->subsystem, &e), S_OK);
    s.controller = member(e, 0, &IID_IVdsController);
    find_the_rest(&s);
    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(f->iscsi, &s.list), S_OK);
    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(s.target, &s.async), S_OK);
    for (size_t i = 0; i < n_memory_calls; i++)
        exhaust(&s, i);
    drop(s.async);
    drop(s.list);
    drop(s.lamp);
    drop(s.discovery);
    drop(s.import);
    drop(s.drive2);
    drop(s.second);
    drop(s.pool);
    drop(s.pools);
    drop(s.controller);
    drop(s.drive);
    drop(s.ex);
    drop(s.lun);
    drop(s.target);
}

static void a_sink_is_told_with_the_next_event_that_it_missed_one(void **state)
{
    struct fixture *f = *state;
    struct array_notification event = { VDS_NF_LUN_MODIFY, VDS_NTT_LUN, { 0 } };
    size_t before = f->sink->n_events;

    alloc_faults_arm(1);
    provider_feed_notify(f->feed, &event, 1);
    alloc_faults_disarm();
    assert_int_equal(f->sink->n_events, before);
    provider_feed_notify(f->feed, &event, 1);
    assert_int_equal(f->sink->n_events, before + 2);
    assert_int_equal(f->sink->events[before], VDS_NF_SERVICE_OUT_OF_SYNC);
    assert_int_equal(f->sink->events[before + 1], VDS_NF_LUN_MODIFY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        provider_test(a_sink_is_told_with_the_next_event_that_it_missed_one),
        provider_test(every_call_survives_the_failure_of_each_of_its_allocations),
    };

    return RUN_TESTS(tests);
}
