/* SPDX-License-Identifier: MIT */
/* QueryPortals, CreatePortalGroup, AddPortal, RemovePortal and what goes with them: each code of the four
 * pages by name. */
#include "fixture.h"

#include "base/error_text.h"

static VDS_ISCSI_PORTALGROUP_PROP group_prop(IVdsIscsiPortalGroup *group)
{
    VDS_ISCSI_PORTALGROUP_PROP prop;

    assert_int_equal(IVdsIscsiPortalGroup_GetProperties(group, &prop), S_OK);
    return prop;
}

/* ---- QueryPortals -------------------------------------------------------------------------------------- */

static void query_portals_gives_every_portal_with_its_face(void **state)
{
    struct fixture *f = *state;
    IEnumVdsObject *e = NULL;

    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(f->iscsi, &e), S_OK);
    assert_int_equal(count(e), 2);
}

static void query_portals_without_an_out_pointer_is_invalid(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(f->iscsi, NULL), E_INVALIDARG);
}

static void query_portals_passes_on_what_the_array_says_and_clears_its_output(void **state)
{
    static const HRESULT codes[] = { VDS_E_PROVIDER_CACHE_CORRUPT, VDS_E_OBJECT_DELETED,
                                     VDS_E_OBJECT_STATUS_FAILED, VDS_E_ANOTHER_CALL_IN_PROGRESS };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        IEnumVdsObject *e = (IEnumVdsObject *)f;

        fake_fail(f->array, codes[i]);
        assert_int_equal(IVdsSubSystemIscsi_QueryPortals(f->iscsi, &e), codes[i]);
        assert_null(e);
    }
    fake_fail(f->array, S_OK);
}

static void a_corrupt_cache_is_cured_by_reenumerate_and_refresh(void **state)
{
    struct fixture *f = *state;
    IEnumVdsObject *e = NULL;

    fake_fail(f->array, VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(f->iscsi, &e), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_int_equal(IVdsHwProvider_Reenumerate(f->hw), S_OK);
    assert_int_equal(IVdsHwProvider_Refresh(f->hw), S_OK);
    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(f->iscsi, &e), S_OK);
    IEnumVdsObject_Release(e);
}

static void a_snapshot_does_not_see_what_comes_later(void **state)
{
    struct fixture *f = *state;
    IEnumVdsObject *before = NULL;
    IVdsIscsiTarget *target;

    assert_int_equal(IVdsSubSystemIscsi_QueryTargets(f->iscsi, &before), S_OK);
    target = make_target(f, u"iqn.2026-01.example:a");
    assert_int_equal(count(before), 0);
    assert_int_equal(IVdsSubSystemIscsi_QueryTargets(f->iscsi, &before), S_OK);
    assert_int_equal(count(before), 1);
    IVdsIscsiTarget_Release(target);
}

/* ---- CreatePortalGroup --------------------------------------------------------------------------------- */

static void create_portal_group_hands_out_a_group_of_the_target(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a"), *back = NULL;
    IVdsIscsiPortalGroup *group = make_group(target);
    IEnumVdsObject *e = NULL;

    assert_int_equal(group_prop(group).tag, 1);
    assert_int_equal(IVdsIscsiPortalGroup_GetTarget(group, &back), S_OK);
    assert_true(same_id(target_id(back), target_id(target)));
    assert_int_equal(IVdsIscsiTarget_QueryPortalGroups(target, &e), S_OK);
    assert_int_equal(count(e), 1);
    IVdsIscsiTarget_Release(back);
    IVdsIscsiPortalGroup_Release(group);
    IVdsIscsiTarget_Release(target);
}

static void create_portal_group_past_the_limit_already_exists_and_hands_out_the_lowest(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a");
    IVdsIscsiPortalGroup *group;
    IVdsAsync *async = NULL;

    for (int i = 0; i < 3; i++)
        drop(make_group(target));
    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(target, &async), S_OK);
    group = finish_as(async, VDS_S_ALREADY_EXISTS, &IID_IVdsIscsiPortalGroup);
    assert_int_equal(group_prop(group).tag, 1);
    IVdsIscsiPortalGroup_Release(group);
    IVdsIscsiTarget_Release(target);
}

static void create_portal_group_on_a_deleted_target_is_object_deleted(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a");
    IVdsAsync *async = NULL;

    assert_int_equal(IVdsIscsiTarget_Delete(target, &async), S_OK);
    finish(async, S_OK);
    async = (IVdsAsync *)f;
    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(target, &async), VDS_E_OBJECT_DELETED);
    assert_null(async);
    IVdsIscsiTarget_Release(target);
}

static void create_portal_group_while_another_runs_is_refused_by_the_method(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a");
    IVdsAsync *async = NULL, *second = (IVdsAsync *)f;

    fake_hold(f->array);
    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(target, &async), S_OK);
    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(target, &second), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_null(second);
    fake_let_go(f->array, S_OK, NULL);
    drop(finish_as(async, S_OK, &IID_IVdsIscsiPortalGroup));
    IVdsIscsiTarget_Release(target);
}

static void create_portal_group_with_a_corrupt_cache_says_so(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a");
    IVdsAsync *async = (IVdsAsync *)f;

    fake_fail(f->array, VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(target, &async), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_null(async);
    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(target, NULL), E_INVALIDARG);
    fake_fail(f->array, S_OK);
    IVdsIscsiTarget_Release(target);
}

/* ---- AddPortal, RemovePortal --------------------------------------------------------------------------- */

struct pair {
    IVdsIscsiTarget *target;
    IVdsIscsiPortalGroup *group;
    VDS_OBJECT_ID portal;
};

static struct pair pair_make(struct fixture *f)
{
    struct pair p = { .target = make_target(f, u"iqn.2026-01.example:a"), .portal = portal_id_at(f, 0) };

    p.group = make_group(p.target);
    return p;
}

static void pair_drop(struct pair *p)
{
    IVdsIscsiPortalGroup_Release(p->group);
    IVdsIscsiTarget_Release(p->target);
}

static void add(struct pair *p, HRESULT expected)
{
    IVdsAsync *async = NULL;

    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p->group, p->portal, &async), S_OK);
    finish(async, expected);
}

static void add_portal_ties_portal_and_group_both_ways(void **state)
{
    struct fixture *f = *state;
    struct pair p = pair_make(f);
    IVdsIscsiPortal *portal = portal_at(f, 0);
    IEnumVdsObject *e = NULL;

    add(&p, S_OK);
    assert_int_equal(IVdsIscsiPortalGroup_QueryAssociatedPortals(p.group, &e), S_OK);
    assert_int_equal(count(e), 1);
    assert_int_equal(IVdsIscsiPortal_QueryAssociatedPortalGroups(portal, &e), S_OK);
    assert_int_equal(count(e), 1);
    IVdsIscsiPortal_Release(portal);
    pair_drop(&p);
}

static void add_portal_twice_already_exists(void **state)
{
    struct pair p = pair_make(*state);

    add(&p, S_OK);
    add(&p, VDS_S_ALREADY_EXISTS);
    pair_drop(&p);
}

static void add_portal_of_a_sibling_group_is_invalid_and_the_sentence_names_the_group(void **state)
{
    struct pair p = pair_make(*state);
    IVdsIscsiPortalGroup *sibling = make_group(p.target);
    IVdsAsync *async = (IVdsAsync *)&p;

    add(&p, S_OK);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(sibling, p.portal, &async), VDS_E_INVALID_OPERATION);
    assert_null(async);
    assert_string_equal(error_text_get(), "the portal is in group 1 of the target");
    IVdsIscsiPortalGroup_Release(sibling);
    pair_drop(&p);
}

static void an_id_that_names_no_portal_is_object_not_found(void **state)
{
    struct pair p = pair_make(*state);
    IVdsAsync *async = (IVdsAsync *)&p;

    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, com_check_unknown_iid, &async),
                     VDS_E_OBJECT_NOT_FOUND);
    assert_null(async);
    async = (IVdsAsync *)&p;
    assert_int_equal(IVdsIscsiPortalGroup_RemovePortal(p.group, com_check_unknown_iid, &async),
                     VDS_E_OBJECT_NOT_FOUND);
    assert_null(async);
    pair_drop(&p);
}

static void remove_portal_that_is_not_in_the_group_is_object_not_found(void **state)
{
    struct pair p = pair_make(*state);
    IVdsAsync *async = NULL;

    assert_int_equal(IVdsIscsiPortalGroup_RemovePortal(p.group, p.portal, &async), VDS_E_OBJECT_NOT_FOUND);
    pair_drop(&p);
}

static void remove_portal_unties_it(void **state)
{
    struct pair p = pair_make(*state);
    IVdsIscsiPortalGroupEx *ex = query(p.group, &IID_IVdsIscsiPortalGroupEx);
    IEnumVdsObject *e = NULL;
    IVdsAsync *async = NULL;

    add(&p, S_OK);
    assert_int_equal(IVdsIscsiPortalGroup_RemovePortal(p.group, p.portal, &async), S_OK);
    finish(async, S_OK);
    assert_int_equal(IVdsIscsiPortalGroup_QueryAssociatedPortals(p.group, &e), S_OK);
    assert_int_equal(count(e), 0);
    add(&p, S_OK);
    assert_int_equal(IVdsIscsiPortalGroupEx_RemovePortalEx(ex, p.portal, 0, &async), S_OK);
    finish(async, S_OK);
    IVdsIscsiPortalGroupEx_Release(ex);
    pair_drop(&p);
}

static void several_changes_at_once_hand_out_an_operation_without_an_object(void **state)
{
    struct pair p = pair_make(*state);
    IVdsIscsiPortalGroupEx2 *ex = query(p.group, &IID_IVdsIscsiPortalGroupEx2);
    VDS_ISCSI_PORTALGROUP_PROP prop;
    IVdsAsync *async = NULL;
    VDS_ASYNC_OUTPUT output;
    HRESULT hr;

    assert_int_equal(IVdsIscsiPortalGroupEx2_SetPortals(ex, &p.portal, 1, 0, &async), S_OK);
    assert_int_equal(IVdsAsync_Wait(async, &hr, &output), S_OK);
    assert_int_equal(hr, S_OK);
    assert_int_equal(output.type, VDS_ASYNCOUT_UNKNOWN);
    IVdsAsync_Release(async);
    assert_int_equal(IVdsIscsiPortalGroup_GetProperties(p.group, &prop), S_OK);
    assert_int_equal(IVdsIscsiPortalGroupEx2_MovePortal(ex, p.portal, prop.id, 0, &async), S_OK);
    finish(async, S_OK);
    assert_int_equal(IVdsIscsiPortalGroupEx2_SetPortals(ex, NULL, 0, 0, &async), S_OK);
    finish(async, S_OK);
    IVdsIscsiPortalGroupEx2_Release(ex);
    pair_drop(&p);
}

static void several_changes_at_once_refuse_bad_arguments_and_leave_no_operation(void **state)
{
    struct pair p = pair_make(*state);
    IVdsIscsiPortalGroupEx2 *ex = query(p.group, &IID_IVdsIscsiPortalGroupEx2);
    IVdsAsync *async = (IVdsAsync *)&p;

    assert_int_equal(IVdsIscsiPortalGroupEx2_SetPortals(ex, NULL, 1, 0, &async), E_INVALIDARG);
    assert_null(async);
    assert_int_equal(IVdsIscsiPortalGroupEx2_SetPortals(ex, &p.portal, -1, 0, &async), E_INVALIDARG);
    assert_int_equal(IVdsIscsiPortalGroupEx2_SetPortals(ex, &p.portal, 1, 0, NULL), E_INVALIDARG);
    assert_int_equal(IVdsIscsiPortalGroupEx2_MovePortal(ex, p.portal, p.portal, 0, NULL), E_INVALIDARG);
    async = (IVdsAsync *)&p;
    assert_int_equal(IVdsIscsiPortalGroupEx2_MovePortal(ex, p.portal, com_check_unknown_iid, 0, &async),
                     VDS_E_OBJECT_NOT_FOUND);
    assert_null(async);
    IVdsIscsiPortalGroupEx2_Release(ex);
    pair_drop(&p);
}

static void a_deleted_group_answers_object_deleted_from_every_method(void **state)
{
    struct pair p = pair_make(*state);
    VDS_ISCSI_PORTALGROUP_PROP prop;
    IEnumVdsObject *e = NULL;
    IVdsIscsiTarget *target = NULL;
    IVdsAsync *async = NULL;

    assert_int_equal(IVdsIscsiPortalGroup_Delete(p.group, &async), S_OK);
    finish(async, S_OK);
    assert_int_equal(IVdsIscsiPortalGroup_GetProperties(p.group, &prop), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsIscsiPortalGroup_GetTarget(p.group, &target), VDS_E_OBJECT_DELETED);
    assert_null(target);
    assert_int_equal(IVdsIscsiPortalGroup_QueryAssociatedPortals(p.group, &e), VDS_E_OBJECT_DELETED);
    assert_null(e);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, p.portal, &async), VDS_E_OBJECT_DELETED);
    assert_null(async);
    assert_int_equal(IVdsIscsiPortalGroup_RemovePortal(p.group, p.portal, &async), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsIscsiPortalGroup_Delete(p.group, &async), VDS_E_OBJECT_DELETED);
    pair_drop(&p);
}

static void a_group_with_portals_is_not_deleted(void **state)
{
    struct pair p = pair_make(*state);
    IVdsAsync *async = NULL;

    add(&p, S_OK);
    assert_int_equal(IVdsIscsiPortalGroup_Delete(p.group, &async), VDS_E_ASSOCIATED_PORTALS_EXIST);
    assert_null(async);
    pair_drop(&p);
}

static void a_second_operation_on_a_busy_group_is_refused_and_others_go_on(void **state)
{
    struct fixture *f = *state;
    struct pair p = pair_make(f);
    IVdsIscsiPortalGroup *sibling = make_group(p.target);
    IVdsAsync *async = NULL, *second = NULL;
    VDS_OBJECT_ID other = portal_id_at(f, 1);

    fake_hold(f->array);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, p.portal, &async), S_OK);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, other, &second), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_int_equal(IVdsIscsiPortalGroup_RemovePortal(p.group, p.portal, &second),
                     VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_null(second);
    assert_int_equal(group_prop(p.group).tag, 1); /* reads are never refused */
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(sibling, other, &second), S_OK);
    fake_let_go(f->array, S_OK, NULL);
    finish(async, S_OK);
    finish(second, S_OK);
    IVdsIscsiPortalGroup_Release(sibling);
    pair_drop(&p);
}

static void the_methods_pass_on_a_corrupt_cache_and_refuse_null(void **state)
{
    struct fixture *f = *state;
    struct pair p = pair_make(f);
    IVdsAsync *async = (IVdsAsync *)f;

    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, p.portal, NULL), E_INVALIDARG);
    assert_int_equal(IVdsIscsiPortalGroup_RemovePortal(p.group, p.portal, NULL), E_INVALIDARG);
    assert_int_equal(IVdsIscsiPortalGroup_GetProperties(p.group, NULL), E_INVALIDARG);
    fake_fail(f->array, VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, p.portal, &async), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_null(async);
    assert_int_equal(IVdsIscsiPortalGroup_RemovePortal(p.group, p.portal, &async),
                     VDS_E_PROVIDER_CACHE_CORRUPT);
    fake_fail(f->array, S_OK);
    pair_drop(&p);
}

/* ---- the async object of a real operation -------------------------------------------------------------- */

static void a_running_operation_is_pending_and_can_be_cancelled_once(void **state)
{
    struct fixture *f = *state;
    struct pair p = pair_make(f);
    IVdsAsync *async = NULL;
    HRESULT hr = S_OK;
    ULONG percent = 0;

    fake_hold(f->array);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, p.portal, &async), S_OK);
    assert_int_equal(IVdsAsync_QueryStatus(async, &hr, &percent), S_OK);
    assert_int_equal(hr, VDS_E_OPERATION_PENDING);
    assert_int_equal(percent, 40);
    assert_int_equal(IVdsAsync_Cancel(async), S_OK);
    assert_int_equal(IVdsAsync_Cancel(async), VDS_E_OPERATION_CANCELED);
    assert_int_equal(IVdsAsync_QueryStatus(async, &hr, &percent), S_OK);
    assert_int_equal(hr, VDS_E_OPERATION_CANCELED);
    assert_int_equal(percent, 100);
    fake_let_go(f->array, S_OK, NULL);
    finish(async, VDS_E_OPERATION_CANCELED);
    pair_drop(&p);
}

static void an_ended_operation_is_too_late_to_cancel(void **state)
{
    struct pair p = pair_make(*state);
    IVdsAsync *async = NULL;

    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, p.portal, &async), S_OK);
    assert_int_equal(IVdsAsync_Cancel(async), VDS_E_CANCEL_TOO_LATE);
    IVdsAsync_Release(async);
    pair_drop(&p);
}

static void a_failed_operation_brings_its_sentence_to_whoever_waits(void **state)
{
    struct fixture *f = *state;
    struct pair p = pair_make(f);
    IVdsAsync *async = NULL;
    VDS_ASYNC_OUTPUT out;
    HRESULT hr;

    fake_hold(f->array);
    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(p.target, &async), S_OK);
    fake_let_go(f->array, VDS_E_OBJECT_STATUS_FAILED, "the disk is full");
    assert_int_equal(IVdsAsync_Wait(async, &hr, &out), S_OK);
    assert_int_equal(hr, VDS_E_OBJECT_STATUS_FAILED);
    assert_null(out.cpg.pPortalGroupUnk);
    assert_string_equal(error_text_get(), "the disk is full");
    IVdsAsync_Release(async);
    pair_drop(&p);
}

static void the_operation_goes_on_when_nobody_holds_its_async_object(void **state)
{
    struct fixture *f = *state;
    struct pair p = pair_make(f);
    IVdsAsync *async = NULL;
    IEnumVdsObject *e = NULL;

    fake_hold(f->array);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, p.portal, &async), S_OK);
    IVdsAsync_Release(async);
    fake_let_go(f->array, S_OK, NULL);
    assert_int_equal(IVdsIscsiPortalGroup_QueryAssociatedPortals(p.group, &e), S_OK);
    assert_int_equal(count(e), 1);
    pair_drop(&p);
}

static void count_end(void *arg)
{
    ++*(int *)arg;
}

static void whoever_cannot_wait_is_told_of_the_end_once(void **state)
{
    struct fixture *f = *state;
    struct pair p = pair_make(f);
    IVdsAsync *async = NULL;
    int n_ends = 0;

    fake_hold(f->array);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, p.portal, &async), S_OK);
    assert_int_equal(com_async_on_end(async, count_end, &n_ends), S_OK);
    assert_int_equal(n_ends, 0);
    fake_let_go(f->array, S_OK, NULL);
    assert_int_equal(n_ends, 1);
    IVdsAsync_Release(async);
    pair_drop(&p);
}

static void each_method_names_the_type_of_its_output(void **state)
{
    struct fixture *f = *state;
    struct pair p = pair_make(f);
    VDS_ASYNC_OUTPUT out;
    HRESULT hr;
    IVdsAsync *async[3];
    static const VDS_ASYNC_OUTPUT_TYPE types[] = { VDS_ASYNCOUT_ADDPORTAL, VDS_ASYNCOUT_REMOVEPORTAL,
                                                   VDS_ASYNCOUT_DELETEPORTALGROUP };

    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(p.group, p.portal, &async[0]), S_OK);
    assert_int_equal(IVdsIscsiPortalGroup_RemovePortal(p.group, p.portal, &async[1]), S_OK);
    assert_int_equal(IVdsIscsiPortalGroup_Delete(p.group, &async[2]), S_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(IVdsAsync_Wait(async[i], &hr, &out), S_OK);
        assert_int_equal(out.type, types[i]);
        IVdsAsync_Release(async[i]);
    }
    pair_drop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        provider_test(query_portals_gives_every_portal_with_its_face),
        provider_test(query_portals_without_an_out_pointer_is_invalid),
        provider_test(query_portals_passes_on_what_the_array_says_and_clears_its_output),
        provider_test(a_corrupt_cache_is_cured_by_reenumerate_and_refresh),
        provider_test(a_snapshot_does_not_see_what_comes_later),
        provider_test(create_portal_group_hands_out_a_group_of_the_target),
        provider_test(create_portal_group_past_the_limit_already_exists_and_hands_out_the_lowest),
        provider_test(create_portal_group_on_a_deleted_target_is_object_deleted),
        provider_test(create_portal_group_while_another_runs_is_refused_by_the_method),
        provider_test(create_portal_group_with_a_corrupt_cache_says_so),
        provider_test(add_portal_ties_portal_and_group_both_ways),
        provider_test(add_portal_twice_already_exists),
        provider_test(add_portal_of_a_sibling_group_is_invalid_and_the_sentence_names_the_group),
        provider_test(an_id_that_names_no_portal_is_object_not_found),
        provider_test(remove_portal_that_is_not_in_the_group_is_object_not_found),
        provider_test(remove_portal_unties_it),
        provider_test(several_changes_at_once_hand_out_an_operation_without_an_object),
        provider_test(several_changes_at_once_refuse_bad_arguments_and_leave_no_operation),
        provider_test(a_deleted_group_answers_object_deleted_from_every_method),
        provider_test(a_group_with_portals_is_not_deleted),
        provider_test(a_second_operation_on_a_busy_group_is_refused_and_others_go_on),
        provider_test(the_methods_pass_on_a_corrupt_cache_and_refuse_null),
        provider_test(a_running_operation_is_pending_and_can_be_cancelled_once),
        provider_test(an_ended_operation_is_too_late_to_cancel),
        provider_test(a_failed_operation_brings_its_sentence_to_whoever_waits),
        provider_test(the_operation_goes_on_when_nobody_holds_its_async_object),
        provider_test(whoever_cannot_wait_is_told_of_the_end_once),
        provider_test(each_method_names_the_type_of_its_output),
    };

    return RUN_TESTS(tests);
}
