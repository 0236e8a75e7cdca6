/* SPDX-License-Identifier: MIT */
/* IVdsSubSystemTreeEx and IVdsSubSystemCountersEx: rows for rows, and what they refuse. What is in the
 * snapshot: tests/unit/array/test_tree.c. */
#include "fixture.h"
#include "provider/subsystem.h"

static void furnish(struct fixture *f, VDS_OBJECT_ID *ret_target, VDS_OBJECT_ID *ret_portal)
{
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a");
    IVdsIscsiPortalGroup *group = make_group(target);
    IVdsIscsiPortal *portal = portal_at(f, 1);
    IVdsLun *lun = make_lun(f);
    IVdsLunIscsi *iscsi = query(lun, &IID_IVdsLunIscsi);
    VDS_ISCSI_PORTAL_PROP prop;
    IVdsAsync *async = NULL;

    *ret_target = target_id(target);
    assert_int_equal(IVdsIscsiPortal_GetProperties(portal, &prop), S_OK);
    *ret_portal = prop.id;
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(group, prop.id, &async), S_OK);
    finish(async, S_OK);
    assert_int_equal(IVdsLunIscsi_AssociateTargets(iscsi, ret_target, 1), S_OK);
    drop(iscsi);
    drop(lun);
    drop(portal);
    drop(group);
    drop(target);
}

static void one_call_tells_the_whole_array(void **state)
{
    struct fixture *f = *state;
    IVdsSubSystemTreeEx *ex = query(f->subsystem, &IID_IVdsSubSystemTreeEx);
    VDS_OBJECT_ID target, portal;
    VDS_TREE tree;

    furnish(f, &target, &portal);
    assert_int_equal(IVdsSubSystemTreeEx_QueryTree(ex, VDS_TREE_ALL, &tree), S_OK);
    assert_int_equal(tree.ulPortals, 2);
    assert_memory_equal(&tree.pPortals[1].id, &portal, sizeof portal);
    assert_int_equal(tree.ulTargets, 1);
    assert_memory_equal(&tree.pTargets[0].id, &target, sizeof target);
    assert_int_equal(tree.ulGroups, 1);
    assert_memory_equal(&tree.pGroups[0].targetId, &target, sizeof target);
    assert_int_equal(tree.ulMembers, 1);
    assert_memory_equal(&tree.pMembers[0].groupId, &tree.pGroups[0].id, sizeof target);
    assert_memory_equal(&tree.pMembers[0].portalId, &portal, sizeof portal);
    assert_int_equal(tree.ulLuns, 1);
    assert_true(tree.pLuns[0].lunProp.ullSize == 1 << 30 && tree.pLuns[0].ullAllocated == 4096);
    assert_int_equal(tree.ulTies, 1);
    assert_memory_equal(&tree.pTies[0].targetId, &target, sizeof target);
    assert_int_equal(tree.pTies[0].ulLunNumber, 7);
    subsystem_tree_free(&tree);
    drop(ex);
}

static void a_mask_takes_a_part_and_nothing_unknown(void **state)
{
    struct fixture *f = *state;
    IVdsSubSystemTreeEx *ex = query(f->subsystem, &IID_IVdsSubSystemTreeEx);
    VDS_TREE tree;

    assert_int_equal(IVdsSubSystemTreeEx_QueryTree(ex, VDS_TREE_PORTALS, &tree), S_OK);
    assert_true(tree.ulPortals == 2 && tree.ulLuns == 0 && !tree.pLuns && !tree.pTargets);
    subsystem_tree_free(&tree);
    assert_int_equal(IVdsSubSystemTreeEx_QueryTree(ex, 0, &tree), S_OK);
    assert_true(tree.ulPortals == 0 && !tree.pPortals);
    memset(&tree, 1, sizeof tree);
    assert_int_equal(IVdsSubSystemTreeEx_QueryTree(ex, 0x10, &tree), E_INVALIDARG);
    assert_true(tree.ulPortals == 0 && !tree.pPortals);
    assert_int_equal(IVdsSubSystemTreeEx_QueryTree(ex, VDS_TREE_ALL, NULL), E_INVALIDARG);
    drop(ex);
}

static void what_the_array_refuses_is_refused(void **state)
{
    struct fixture *f = *state;
    IVdsSubSystemTreeEx *ex = query(f->subsystem, &IID_IVdsSubSystemTreeEx);
    VDS_TREE tree;

    memset(&tree, 1, sizeof tree);
    fake_fail(f->array, VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_int_equal(IVdsSubSystemTreeEx_QueryTree(ex, VDS_TREE_ALL, &tree), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_true(!tree.pPortals && tree.ulPortals == 0);
    fake_fail(f->array, S_OK);
    fake_set_many_ties(f->array, 700000);
    assert_int_equal(IVdsSubSystemTreeEx_QueryTree(ex, VDS_TREE_ALL, &tree), VDS_E_NOT_SUPPORTED);
    assert_true(!tree.pTies && tree.ulTies == 0);
    fake_set_many_ties(f->array, 100000);
    assert_int_equal(IVdsSubSystemTreeEx_QueryTree(ex, VDS_TREE_ALL, &tree), S_OK);
    assert_int_equal(tree.ulTies, 100000);
    subsystem_tree_free(&tree);
    assert_int_equal(IVdsProviderPrivate_OnUnload(f->private_face, TRUE), S_OK);
    assert_int_equal(IVdsSubSystemTreeEx_QueryTree(ex, VDS_TREE_ALL, &tree), VDS_E_INITIALIZE_NOT_CALLED);
    drop(ex);
}

/* ---- counters -------------------------------------------------------------------------------------- */

static void counters_come_with_the_session_or_lun_they_are_of(void **state)
{
    struct fixture *f = *state;
    IVdsSubSystemCountersEx *ex = query(f->subsystem, &IID_IVdsSubSystemCountersEx);
    IVdsLun *lun = make_lun(f);
    VDS_LUN_COUNTERS *luns = NULL;
    VDS_SESSION_COUNTERS *sessions = NULL;
    VDS_OBJECT_ID target = { 1, 2, 3, { 4 } };
    ULONGLONG now;
    ULONG n;

    assert_int_equal(IVdsSubSystemCountersEx_QuerySessionCounters(ex, &sessions, &n, &now), S_OK);
    assert_true(n == 0 && !sessions && now > 0);
    fake_add_session(f->array, com_guid(&target), "iqn.host:1", false);
    assert_int_equal(IVdsSubSystemCountersEx_QuerySessionCounters(ex, &sessions, &n, &now), S_OK);
    assert_true(n == 1 && sessions[0].ullSessionId == 1);
    CoTaskMemFree(sessions);
    assert_int_equal(IVdsSubSystemCountersEx_QueryLunCounters(ex, &luns, &n, &now), S_OK);
    assert_int_equal(n, 1);
    assert_true(luns[0].io.ullReads == 100 && luns[0].io.ullWrites == 101 && luns[0].io.ullOthers == 102 &&
                luns[0].io.ullErrors == 103);
    assert_true(luns[0].io.ullBytesRead == 104 && luns[0].io.ullBytesWritten == 105 &&
                luns[0].io.ullLatencyInNs == 106);
    assert_true(luns[0].io.ullLatency[0] == 107 && luns[0].io.ullLatency[VDS_LATENCY_BUCKETS - 1] == 126);
    CoTaskMemFree(luns);
    drop(lun);
    drop(ex);
}

static void counters_refuse_what_the_array_refuses(void **state)
{
    struct fixture *f = *state;
    IVdsSubSystemCountersEx *ex = query(f->subsystem, &IID_IVdsSubSystemCountersEx);
    VDS_LUN_COUNTERS *luns = (void *)f;
    VDS_SESSION_COUNTERS *sessions = (void *)f;
    ULONGLONG now;
    ULONG n;

    fake_fail(f->array, VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_int_equal(IVdsSubSystemCountersEx_QueryLunCounters(ex, &luns, &n, &now),
                     VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_true(!luns && n == 0 && now == 0);
    assert_int_equal(IVdsSubSystemCountersEx_QuerySessionCounters(ex, &sessions, &n, &now),
                     VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_true(!sessions && n == 0 && now == 0);
    fake_fail(f->array, S_OK);
    assert_int_equal(IVdsSubSystemCountersEx_QueryLunCounters(ex, NULL, &n, &now), E_INVALIDARG);
    assert_int_equal(IVdsSubSystemCountersEx_QueryLunCounters(ex, &luns, NULL, &now), E_INVALIDARG);
    assert_int_equal(IVdsSubSystemCountersEx_QuerySessionCounters(ex, &sessions, &n, NULL), E_INVALIDARG);
    drop(ex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        provider_test(one_call_tells_the_whole_array),
        provider_test(a_mask_takes_a_part_and_nothing_unknown),
        provider_test(what_the_array_refuses_is_refused),
        provider_test(counters_come_with_the_session_or_lun_they_are_of),
        provider_test(counters_refuse_what_the_array_refuses),
    };

    return RUN_TESTS(tests);
}
