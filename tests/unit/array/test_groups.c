/* SPDX-License-Identifier: MIT */
/* CreatePortalGroup, AddPortal, RemovePortal and Delete: the rows of design section 5 and the codes of the
 * specification pages. */
#include "array_fixture.h"

#include "array/array_internal.h"

/* ---- CreatePortalGroup ----------------------------------------------------------------------- */

static void create_portal_group_S_OK_gives_the_group_with_tag_1_first(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), one = a_group(f, &target), two = a_group(f, &target);

    assert_int_equal(group_tag(f, &one), 1);
    assert_int_equal(group_tag(f, &two), 2);
    assert_int_equal(count(f, ARRAY_GROUPS_OF_TARGET, &target), 2);
    assert_int_equal(fixture_sql_int(f->dir, "SELECT count(*) FROM groups"), 2);
}

static void an_empty_group_is_nothing_on_the_wire(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f);
    char *before = fake_dump(fixture_engine(f)), *after;

    a_group(f, &target);
    after = fake_dump(fixture_engine(f));
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void a_tag_is_never_given_twice_while_others_are_unused(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), one = a_group(f, &target), two = a_group(f, &target);

    assert_hr(group_delete(f, &two), S_OK);
    two = a_group(f, &target);
    assert_int_equal(group_tag(f, &two), 3);
    fixture_restart(f);
    assert_hr(group_delete(f, &two), S_OK);
    two = a_group(f, &target);
    assert_int_equal(group_tag(f, &two), 4);
    assert_int_equal(group_tag(f, &one), 1);
}

static void when_all_tags_have_been_used_the_lowest_free_one_is_taken(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), one = a_group(f, &target), two = a_group(f, &target), g;

    a_group(f, &target);
    fixture_stop(f);
    fixture_sql(f->dir, "UPDATE targets SET next_tag = 65535");
    fixture_start(f);
    g = a_group(f, &target);
    assert_int_equal(group_tag(f, &g), 65535);
    assert_hr(group_delete(f, &two), S_OK);
    g = a_group(f, &target);
    assert_int_equal(group_tag(f, &g), 2);
    g = a_group(f, &target);
    assert_int_equal(group_tag(f, &g), 4);
    assert_int_equal(group_tag(f, &one), 1);
}

static void create_portal_group_VDS_S_ALREADY_EXISTS_hands_out_the_group_with_the_lowest_tag(void **state)
{
    struct fixture *f = *state;
    struct array_op *op = NULL;
    struct guid target = a_target(f), one, two, got;
    HRESULT hr;

    fixture_stop(f);
    f->options.max_groups = 2;
    fixture_start(f);
    one = a_group(f, &target);
    two = a_group(f, &target);
    events_clear(f);
    hr = array_group_create(f->array, &target, &op);
    assert_hr(hr, VDS_S_ALREADY_EXISTS);
    assert_hr(finish_op(hr, op, &got), VDS_S_ALREADY_EXISTS);
    assert_true(guid_equal(&got, &one));
    expect_no_more_events(f);
    assert_hr(group_delete(f, &one), S_OK);
    hr = array_group_create(f->array, &target, &op);
    assert_hr(finish_op(hr, op, &got), S_OK);
    hr = array_group_create(f->array, &target, &op);
    assert_hr(finish_op(hr, op, &got), VDS_S_ALREADY_EXISTS);
    assert_true(guid_equal(&got, &two));
}

static void create_portal_group_VDS_E_OBJECT_DELETED_when_the_target_is_gone(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f);
    struct array_op *op = NULL;

    assert_hr(target_delete(f, &target), S_OK);
    assert_hr(array_group_create(f->array, &target, &op), VDS_E_OBJECT_DELETED);
    assert_null(op);
}

/* The commits of the test's own operations wait while somebody else holds the file. */
struct held {
    struct array_op *op;
    HRESULT hr;
};

static void create_portal_group_VDS_E_ANOTHER_CALL_IN_PROGRESS_while_the_target_changes(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    struct array_op *deletion = NULL, *op = NULL;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 1);
    fake.hold_drains = true;
    assert_hr(array_target_delete(f->array, &target, &deletion), S_OK);
    fake_drains_wait(1);
    assert_hr(array_group_create(f->array, &target, &op), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_null(op);
    assert_non_null(strstr(error_text_get(), "has not ended"));
    assert_hr(array_group_add_portal(f->array, &group, &f->portal[1], &op), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(array_target_delete(f->array, &target, &op), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    fake_drains_finish();
    assert_hr(finish_op(S_OK, deletion, NULL), S_OK);
}

static void null_arguments_are_E_INVALIDARG_and_out_parameters_are_cleared(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    struct array_op *op = (void *)(uintptr_t)1;
    struct guid *ids = (void *)(uintptr_t)1;
    size_t n = 7;

    assert_hr(array_group_create(f->array, &target, NULL), E_INVALIDARG);
    assert_hr(array_group_create(f->array, NULL, &op), E_INVALIDARG);
    assert_hr(array_group_add_portal(f->array, &group, NULL, &op), E_INVALIDARG);
    assert_hr(array_group_add_portal(f->array, &group, &f->portal[0], NULL), E_INVALIDARG);
    assert_hr(array_group_remove_portal(f->array, &group, NULL, 0, &op), E_INVALIDARG);
    assert_hr(array_group_remove_portal(f->array, &group, &f->portal[0], 0, NULL), E_INVALIDARG);
    assert_hr(array_query(f->array, ARRAY_PORTALS, NULL, NULL, &n), E_INVALIDARG);
    assert_hr(array_query(f->array, ARRAY_GROUPS_OF_TARGET, &group, &ids, &n), VDS_E_OBJECT_DELETED);
    assert_null(ids);
    assert_int_equal(n, 0);
    op = (void *)(uintptr_t)1;
    assert_hr(array_group_remove_portal(f->array, &group, &f->portal[0], 0, &op), VDS_E_OBJECT_NOT_FOUND);
    assert_null(op);
}

/* ---- AddPortal ------------------------------------------------------------------------------- */

static void add_portal_S_OK_is_on_the_wire_and_on_disk(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group;
    struct guid portals;

    a_group(f, &target);
    group = a_group(f, &target);
    events_clear(f);
    assert_false(fake_listens(fixture_engine(f), &f->portal[0]));
    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    assert_true(fake_listens(fixture_engine(f), &f->portal[0]));
    assert_int_equal(fake_tag(fixture_engine(f), &target, &f->portal[0]), 2);
    assert_int_equal(fixture_sql_int(f->dir, "SELECT count(*) FROM group_portals"), 1);
    portals = only(f, ARRAY_PORTALS_OF_GROUP, &group);
    assert_true(guid_equal(&portals, &f->portal[0]));
    expect_event(f, VDS_NF_PORTAL_GROUP_MODIFY, &group);
    expect_no_more_events(f);
}

static void add_portal_VDS_E_OBJECT_NOT_FOUND_when_the_id_names_no_portal(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);

    assert_hr(add_portal(f, &group, &target), VDS_E_OBJECT_NOT_FOUND);
    assert_hr(add_portal(f, &group, &(struct guid){ 1, 2, 3, { 4 } }), VDS_E_OBJECT_NOT_FOUND);
}

static void add_portal_VDS_S_ALREADY_EXISTS_when_it_is_in_this_group_already(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    char *before, *after;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    before = fixture_dump_all(f);
    events_clear(f);
    assert_hr(add_portal(f, &group, &f->portal[0]), VDS_S_ALREADY_EXISTS);
    expect_no_more_events(f);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void add_portal_VDS_E_INVALID_OPERATION_names_the_other_group_of_the_target(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), one = a_group(f, &target), two = a_group(f, &target);
    struct array_target_info info;
    char named[300];

    assert_hr(add_portal(f, &one, &f->portal[0]), S_OK);
    assert_hr(add_portal(f, &two, &f->portal[0]), VDS_E_INVALID_OPERATION);
    assert_hr(array_target_get(f->array, &target, &info), S_OK);
    snprintf(named, sizeof named, "%s/1", info.friendly_name);
    assert_hr(add_portal(f, &two, &f->portal[0]), VDS_E_INVALID_OPERATION);
    if (!strstr(error_text_get(), named))
        fail_msg("\"%s\" does not name %s", error_text_get(), named);
}

static void a_portal_may_serve_groups_of_several_targets_each_with_its_own_tag(void **state)
{
    struct fixture *f = *state;
    struct guid t1 = a_target(f), t2 = a_target(f), g1 = a_group(f, &t1), g2;

    a_group(f, &t2);
    g2 = a_group(f, &t2);
    assert_hr(add_portal(f, &g1, &f->portal[0]), S_OK);
    assert_hr(add_portal(f, &g2, &f->portal[0]), S_OK);
    assert_int_equal(fake_tag(fixture_engine(f), &t1, &f->portal[0]), 1);
    assert_int_equal(fake_tag(fixture_engine(f), &t2, &f->portal[0]), 2);
    assert_int_equal(count(f, ARRAY_GROUPS_OF_PORTAL, &f->portal[0]), 2);
    assert_hr(remove_portal(f, &g1, &f->portal[0]), S_OK);
    assert_true(fake_listens(fixture_engine(f), &f->portal[0])); /* one listening socket serves both */
    assert_hr(remove_portal(f, &g2, &f->portal[0]), S_OK);
    assert_false(fake_listens(fixture_engine(f), &f->portal[0]));
}

static void add_portal_of_an_absent_address_is_S_OK_and_listens_when_it_arrives(void **state)
{
    static const char *const more[] = { "127.0.0.1", "::1", "10.9.8.7" };
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);

    assert_hr(add_portal(f, &group, &f->portal[3]), S_OK);
    assert_int_equal(portal_status_of(f, 3), VDS_IPS_OFFLINE);
    assert_false(fake_listens(fixture_engine(f), &f->portal[3]));
    events_clear(f);
    fake_addresses(more, 3);
    fake_event(fixture_engine(f), ENGINE_ADDRESSES_CHANGED, NULL);
    expect_event(f, VDS_NF_PORTAL_MODIFY, &f->portal[3]);
    assert_hr(array_reenumerate(f->array), S_OK); /* the housekeeper's scan has ended after this */
    assert_int_equal(portal_status_of(f, 3), VDS_IPS_ONLINE);
    assert_true(fake_listens(fixture_engine(f), &f->portal[3]));
}

static void add_portal_with_the_port_taken_is_WSAEADDRINUSE_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    char *before = fixture_dump_all(f), *after;

    fake.taken_port = 5001;
    assert_hr(add_portal(f, &group, &f->portal[0]), WSAEADDRINUSE_HR);
    assert_non_null(strstr(error_text_get(), "127.0.0.1:5001"));
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    fake.taken_port = 0;
    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    free(before);
    free(after);
}

static void calls_on_a_deleted_group_are_VDS_E_OBJECT_DELETED(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target), other = a_group(f, &target);

    assert_hr(group_delete(f, &group), S_OK);
    assert_hr(add_portal(f, &group, &f->portal[0]), VDS_E_OBJECT_DELETED);
    assert_hr(remove_portal(f, &group, &f->portal[0]), VDS_E_OBJECT_DELETED);
    assert_hr(group_delete(f, &group), VDS_E_OBJECT_DELETED);
    assert_hr(target_delete(f, &target), S_OK); /* the target's end is the group's */
    assert_hr(add_portal(f, &other, &f->portal[0]), VDS_E_OBJECT_DELETED);
    assert_hr(remove_portal(f, &other, &f->portal[0]), VDS_E_OBJECT_DELETED);
}

/* ---- RemovePortal ---------------------------------------------------------------------------- */

static void remove_portal_S_OK_is_off_the_wire_and_off_the_disk(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    assert_hr(add_portal(f, &group, &f->portal[1]), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 3);
    events_clear(f);
    assert_hr(remove_portal(f, &group, &f->portal[0]), S_OK);
    assert_int_equal(fake_tag(fixture_engine(f), &target, &f->portal[0]), 0);
    assert_false(fake_listens(fixture_engine(f), &f->portal[0]));
    assert_int_equal(fake_tag(fixture_engine(f), &target, &f->portal[1]), 1);
    assert_int_equal(fixture_sql_int(f->dir, "SELECT count(*) FROM group_portals"), 1);
    expect_event(f, VDS_NF_PORTAL_GROUP_MODIFY, &group);
    expect_no_more_events(f);
}

static void remove_portal_VDS_E_OBJECT_NOT_FOUND_when_it_is_not_in_this_group_or_at_all(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), one = a_group(f, &target), two = a_group(f, &target);

    assert_hr(add_portal(f, &one, &f->portal[0]), S_OK);
    assert_hr(remove_portal(f, &two, &f->portal[0]), VDS_E_OBJECT_NOT_FOUND);
    assert_non_null(strstr(error_text_get(), "is not in"));
    assert_hr(remove_portal(f, &one, &f->portal[1]), VDS_E_OBJECT_NOT_FOUND);
    assert_hr(remove_portal(f, &one, &target), VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(fake_tag(fixture_engine(f), &target, &f->portal[0]), 1);
}

static void removing_the_last_portal_of_a_target_is_allowed_and_the_target_says_so(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    events_clear(f);
    assert_hr(remove_portal(f, &group, &f->portal[0]), S_OK);
    expect_event(f, VDS_NF_TARGET_MODIFY, &target);
    expect_event(f, VDS_NF_PORTAL_GROUP_MODIFY, &group);
    expect_no_more_events(f);
}

static void a_second_operation_on_the_same_group_is_VDS_E_ANOTHER_CALL_IN_PROGRESS(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target), sibling = a_group(f, &target), fresh;
    struct array_op *removal = NULL, *op = NULL;
    struct array_group_info info;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 1);
    fake.hold_drains = true;
    assert_hr(array_group_remove_portal(f->array, &group, &f->portal[0], 60000, &removal), S_OK);
    fake_drains_wait(1);
    assert_hr(array_group_add_portal(f->array, &group, &f->portal[1], &op), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(array_group_remove_portal(f->array, &group, &f->portal[0], 0, &op),
              VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(array_group_delete(f->array, &group, &op), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(array_target_delete(f->array, &target, &op),
              VDS_E_ANOTHER_CALL_IN_PROGRESS);                 /* kept from deletion */
    assert_hr(array_group_get(f->array, &group, &info), S_OK); /* property reads never return it */
    assert_int_equal(count(f, ARRAY_PORTALS_OF_GROUP, &group), 1);
    assert_hr(add_portal(f, &sibling, &f->portal[1]), S_OK); /* siblings are free */
    fresh = a_group(f, &target);                             /* and the target is */
    assert_int_equal(group_tag(f, &fresh), 3);
    /* the portal that is on its way out is in no other group before it has left */
    assert_hr(array_group_add_portal(f->array, &sibling, &f->portal[0], &op), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    fake_drains_finish();
    assert_hr(finish_op(S_OK, removal, NULL), S_OK);
    assert_hr(add_portal(f, &group, &f->portal[0]),
              S_OK); /* the end of the operation is the end of the lock */
}

/* ---- Delete ---------------------------------------------------------------------------------- */

static void deleting_a_group_with_portals_is_VDS_E_ASSOCIATED_PORTALS_EXIST(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    assert_hr(group_delete(f, &group), VDS_E_ASSOCIATED_PORTALS_EXIST);
    assert_hr(remove_portal(f, &group, &f->portal[0]), S_OK);
    events_clear(f);
    assert_hr(group_delete(f, &group), S_OK);
    expect_event(f, VDS_NF_PORTAL_GROUP_DEPART, &group);
    expect_no_more_events(f);
    assert_int_equal(fixture_sql_int(f->dir, "SELECT count(*) FROM groups"), 0);
}

static void everything_is_served_again_after_a_restart(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), one = a_group(f, &target), two = a_group(f, &target);

    assert_hr(add_portal(f, &one, &f->portal[0]), S_OK);
    assert_hr(add_portal(f, &two, &f->portal[2]), S_OK);
    assert_hr(add_portal(f, &two, &f->portal[3]), S_OK);
    fixture_restart_changes_nothing(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(create_portal_group_S_OK_gives_the_group_with_tag_1_first),
        TEST(an_empty_group_is_nothing_on_the_wire),
        TEST(a_tag_is_never_given_twice_while_others_are_unused),
        TEST(when_all_tags_have_been_used_the_lowest_free_one_is_taken),
        TEST(create_portal_group_VDS_S_ALREADY_EXISTS_hands_out_the_group_with_the_lowest_tag),
        TEST(create_portal_group_VDS_E_OBJECT_DELETED_when_the_target_is_gone),
        TEST(create_portal_group_VDS_E_ANOTHER_CALL_IN_PROGRESS_while_the_target_changes),
        TEST(null_arguments_are_E_INVALIDARG_and_out_parameters_are_cleared),
        TEST(add_portal_S_OK_is_on_the_wire_and_on_disk),
        TEST(add_portal_VDS_E_OBJECT_NOT_FOUND_when_the_id_names_no_portal),
        TEST(add_portal_VDS_S_ALREADY_EXISTS_when_it_is_in_this_group_already),
        TEST(add_portal_VDS_E_INVALID_OPERATION_names_the_other_group_of_the_target),
        TEST(a_portal_may_serve_groups_of_several_targets_each_with_its_own_tag),
        TEST(add_portal_of_an_absent_address_is_S_OK_and_listens_when_it_arrives),
        TEST(add_portal_with_the_port_taken_is_WSAEADDRINUSE_and_changes_nothing),
        TEST(calls_on_a_deleted_group_are_VDS_E_OBJECT_DELETED),
        TEST(remove_portal_S_OK_is_off_the_wire_and_off_the_disk),
        TEST(remove_portal_VDS_E_OBJECT_NOT_FOUND_when_it_is_not_in_this_group_or_at_all),
        TEST(removing_the_last_portal_of_a_target_is_allowed_and_the_target_says_so),
        TEST(a_second_operation_on_the_same_group_is_VDS_E_ANOTHER_CALL_IN_PROGRESS),
        TEST(deleting_a_group_with_portals_is_VDS_E_ASSOCIATED_PORTALS_EXIST),
        TEST(everything_is_served_again_after_a_restart),
    };

    return RUN_TESTS(tests);
}
