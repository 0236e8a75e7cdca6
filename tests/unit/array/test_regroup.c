/* SPDX-License-Identifier: MIT */
/* SetPortals and MovePortal: several changes of portal groups as one, added before removed, undone on
 * failure. What an engine or a state that refuses does to them is in test_faults.c, what a kill does in
 * test_crash.c. */
#include "array_fixture.h"

#define MEMBERS "SELECT count(*) FROM group_portals"

static unsigned tag_of(struct fixture *f, const struct guid *target, unsigned portal)
{
    return fake_tag(fixture_engine(f), target, &f->portal[portal]);
}

static bool listens(struct fixture *f, unsigned portal)
{
    return fake_listens(fixture_engine(f), &f->portal[portal]);
}

static bool holds(struct fixture *f, const struct guid *group, unsigned portal)
{
    struct guid *ids = NULL;
    size_t n = 0;
    bool found = false;

    assert_hr(array_query(f->array, ARRAY_PORTALS_OF_GROUP, group, &ids, &n), S_OK);
    for (size_t i = 0; i < n; i++)
        found |= guid_equal(&ids[i], &f->portal[portal]);
    free(ids);
    return found;
}

/* ---- SetPortals ------------------------------------------------------------------------------------ */

static void set_portals_S_OK_gives_the_group_exactly_these(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);

    assert_hr(set_portals(f, &group, &f->portal[0], 2), S_OK);
    assert_int_equal(tag_of(f, &target, 0), 1);
    assert_int_equal(tag_of(f, &target, 1), 1);
    events_clear(f);
    assert_hr(set_portals(f, &group, &f->portal[1], 2), S_OK);
    assert_int_equal(tag_of(f, &target, 0), 0);
    assert_false(listens(f, 0));
    assert_int_equal(tag_of(f, &target, 1), 1);
    assert_int_equal(tag_of(f, &target, 2), 1);
    assert_true(listens(f, 2));
    expect_event(f, VDS_NF_PORTAL_GROUP_MODIFY, &group);
    expect_no_more_events(f);
    fixture_restart(f);
    assert_int_equal(count(f, ARRAY_PORTALS_OF_GROUP, &group), 2);
    assert_true(holds(f, &group, 1) && holds(f, &group, 2));
}

static void set_portals_VDS_S_ALREADY_EXISTS_when_the_group_is_so_already(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    const struct guid twice[] = { f->portal[1], f->portal[0], f->portal[1] };

    assert_hr(set_portals(f, &group, twice, 3), S_OK);
    assert_int_equal(fixture_sql_int(f->dir, MEMBERS), 2);
    events_clear(f);
    assert_hr(set_portals(f, &group, &f->portal[0], 2), VDS_S_ALREADY_EXISTS);
    assert_hr(set_portals(f, &group, twice, 3), VDS_S_ALREADY_EXISTS);
    expect_no_more_events(f);
}

static void set_portals_of_none_empties_the_group_and_the_target_says_so(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);

    assert_hr(set_portals(f, &group, &f->portal[0], 2), S_OK);
    events_clear(f);
    assert_hr(set_portals(f, &group, NULL, 0), S_OK);
    expect_event(f, VDS_NF_TARGET_MODIFY, &target);
    expect_event(f, VDS_NF_PORTAL_GROUP_MODIFY, &group);
    expect_no_more_events(f);
    assert_int_equal(f->seen[0].call, f->seen[1].call); /* one change, one call */
    assert_int_equal(fixture_sql_int(f->dir, MEMBERS), 0);
}

static void set_portals_refused_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target), sibling = a_group(f, &target),
                gone = a_group(f, &target);
    const struct guid unknown[] = { f->portal[1], target }, taken[] = { f->portal[1], f->portal[2] };
    struct array_op *op = NULL;
    char *before, *after;

    assert_hr(group_delete(f, &gone), S_OK);
    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    assert_hr(add_portal(f, &sibling, &f->portal[2]), S_OK);
    before = fixture_dump_all(f);
    assert_hr(set_portals(f, &group, unknown, 2), VDS_E_OBJECT_NOT_FOUND);
    assert_hr(set_portals(f, &group, taken, 2), VDS_E_INVALID_OPERATION);
    assert_non_null(strstr(error_text_get(), "already"));
    assert_hr(set_portals(f, &gone, taken, 1), VDS_E_OBJECT_DELETED);
    assert_hr(array_group_set_portals(f->array, &group, NULL, 1, 0, &op), E_INVALIDARG);
    assert_hr(array_group_set_portals(f->array, NULL, taken, 1, 0, &op), E_INVALIDARG);
    assert_hr(array_group_set_portals(f->array, &group, taken, 1, 0, NULL), E_INVALIDARG);
    assert_hr(array_group_set_portals(f->array, &group, taken, SIZE_MAX, 0, &op), E_INVALIDARG);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    assert_hr(set_portals(f, &group, &f->portal[1], 1), S_OK); /* and no mark was left */
    free(before);
    free(after);
}

static void set_portals_WSAEADDRINUSE_when_a_port_is_taken_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    char *before, *after;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    before = fixture_dump_all(f);
    fake.taken_port = 5003;
    /* the first of the two was there already */
    assert_hr(set_portals(f, &group, &f->portal[1], 2), WSAEADDRINUSE_HR);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    fake.taken_port = 0;
    free(before);
    free(after);
}

/* A change of two portals for two others that waits for a drain. */
static struct array_op *held_change(struct fixture *f, const struct guid *target, const struct guid *group)
{
    struct array_op *op = NULL;

    assert_hr(set_portals(f, group, &f->portal[0], 1), S_OK);
    fake_connections(fixture_engine(f), target, &f->portal[0], 2);
    fake.hold_drains = true;
    assert_hr(array_group_set_portals(f->array, group, &f->portal[1], 2, 60000, &op), S_OK);
    fake_drains_wait(1);
    return op;
}

static void those_that_come_take_logins_before_those_that_go_are_drained(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    struct array_op *op = held_change(f, &target, &group), *other = NULL;
    struct array_op_result result;

    assert_int_equal(tag_of(f, &target, 1), 1);
    assert_int_equal(tag_of(f, &target, 2), 1);
    assert_true(listens(f, 0) && listens(f, 1) && listens(f, 2));
    /* for readers all changes at once, and not yet */
    assert_true(holds(f, &group, 0) && !holds(f, &group, 1));
    assert_int_equal(fixture_sql_int(f->dir, MEMBERS), 1);    /* after a crash, the old group */
    fake_drains_step(1);
    array_op_result(op, &result);
    assert_hr(result.hr, VDS_E_OPERATION_PENDING);
    assert_int_equal(result.percent, 49);
    assert_hr(array_group_add_portal(f->array, &group, &f->portal[0], &other),
              VDS_E_ANOTHER_CALL_IN_PROGRESS);
    fake_drains_finish();
    assert_hr(finish_op(S_OK, op, NULL), S_OK);
    assert_true(!holds(f, &group, 0) && holds(f, &group, 1) && holds(f, &group, 2));
    assert_int_equal(tag_of(f, &target, 0), 0);
    assert_int_equal(fixture_sql_int(f->dir, MEMBERS), 2);
}

static void set_portals_VDS_E_OPERATION_CANCELED_puts_everything_back(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    struct array_op *op = held_change(f, &target, &group);

    events_clear(f);
    fake_connections(fixture_engine(f), &target, &f->portal[1], 1); /* who has come in by the new way */
    fake.hold_drains = false;
    assert_hr(array_op_cancel(op), S_OK);
    assert_hr(finish_op(S_OK, op, NULL), VDS_E_OPERATION_CANCELED);
    assert_int_equal(tag_of(f, &target, 0), 1);
    assert_int_equal(tag_of(f, &target, 1), 0);
    assert_int_equal(tag_of(f, &target, 2), 0);
    assert_true(listens(f, 0) && !listens(f, 1) && !listens(f, 2));
    assert_true(holds(f, &group, 0) && !holds(f, &group, 1));
    expect_no_more_events(f);
}

static void closing_the_array_does_not_wait_for_those_who_go_back(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    struct array_op *op = held_change(f, &target, &group);

    fake_connections(fixture_engine(f), &target, &f->portal[1], 1); /* and never leaves: drains are held */
    assert_hr(array_op_cancel(op), S_OK);
    fake_drains_wait(1);
    fixture_stop(f);
    assert_hr(finish_op(S_OK, op, NULL), VDS_E_OPERATION_CANCELED);
    fake.hold_drains = false;
    fixture_start(f);
    assert_true(holds(f, &group, 0) && !holds(f, &group, 1));
}

/* ---- MovePortal ------------------------------------------------------------------------------------ */

static void move_portal_S_OK_changes_the_tag_of_the_pair(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), from = a_group(f, &target), to = a_group(f, &target);

    assert_hr(set_portals(f, &from, &f->portal[0], 2), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 3);
    events_clear(f);
    assert_hr(move_portal(f, &from, &f->portal[0], &to), S_OK);
    assert_int_equal(tag_of(f, &target, 0), 2);
    assert_int_equal(tag_of(f, &target, 1), 1);
    assert_true(!holds(f, &from, 0) && holds(f, &to, 0) && holds(f, &from, 1));
    expect_event(f, VDS_NF_PORTAL_GROUP_MODIFY, &from);
    expect_event(f, VDS_NF_PORTAL_GROUP_MODIFY, &to);
    expect_no_more_events(f);
    assert_int_equal(f->seen[0].call, f->seen[1].call);
    fixture_restart(f);
    assert_int_equal(tag_of(f, &target, 0), 2);
    assert_true(!holds(f, &from, 0) && holds(f, &to, 0));
    assert_hr(remove_portal(f, &to, &f->portal[0]), S_OK);
}

static void move_portal_S_OK_to_another_target_is_there_before_it_is_gone_here(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), other = a_target(f), from = a_group(f, &target), to;
    struct array_op *op = NULL;

    a_group(f, &other);
    to = a_group(f, &other);
    assert_hr(add_portal(f, &from, &f->portal[0]), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 1);
    fake.hold_drains = true;
    assert_hr(array_group_move_portal(f->array, &from, &f->portal[0], &to, 60000, &op), S_OK);
    fake_drains_wait(1);
    assert_int_equal(tag_of(f, &other, 0), 2);
    fake_drains_finish();
    assert_hr(finish_op(S_OK, op, NULL), S_OK);
    assert_int_equal(tag_of(f, &target, 0), 0);
    assert_int_equal(tag_of(f, &other, 0), 2);
    assert_true(listens(f, 0) && holds(f, &to, 0) && !holds(f, &from, 0));
}

static void move_portal_S_OK_when_it_is_in_the_other_targets_group_already_only_leaves(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), other = a_target(f), from = a_group(f, &target),
                to = a_group(f, &other);

    assert_hr(add_portal(f, &from, &f->portal[0]), S_OK);
    assert_hr(add_portal(f, &to, &f->portal[0]), S_OK);
    events_clear(f);
    assert_hr(move_portal(f, &from, &f->portal[0], &to), S_OK);
    assert_true(!holds(f, &from, 0) && holds(f, &to, 0));
    expect_event(f, VDS_NF_TARGET_MODIFY, &target);
    expect_event(f, VDS_NF_PORTAL_GROUP_MODIFY, &from);
    expect_no_more_events(f);
}

static void move_portal_refused_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), other = a_target(f), from = a_group(f, &target),
                to = a_group(f, &target);
    struct guid abroad = a_group(f, &other), abroad2 = a_group(f, &other), gone = a_group(f, &target);
    struct array_op *op = NULL;
    char *before, *after;

    assert_hr(group_delete(f, &gone), S_OK);
    assert_hr(add_portal(f, &from, &f->portal[0]), S_OK);
    assert_hr(add_portal(f, &abroad2, &f->portal[0]), S_OK);
    before = fixture_dump_all(f);
    assert_hr(move_portal(f, &from, &f->portal[0], &from), VDS_S_ALREADY_EXISTS);
    assert_hr(move_portal(f, &from, &f->portal[1], &to), VDS_E_OBJECT_NOT_FOUND);
    assert_non_null(strstr(error_text_get(), "is not in"));
    assert_hr(move_portal(f, &to, &f->portal[0], &from), VDS_E_OBJECT_NOT_FOUND);
    assert_hr(move_portal(f, &from, &f->portal[0], &gone), VDS_E_OBJECT_NOT_FOUND);
    assert_non_null(strstr(error_text_get(), "no portal group"));
    assert_hr(move_portal(f, &gone, &f->portal[0], &to), VDS_E_OBJECT_DELETED);
    assert_hr(move_portal(f, &from, &target, &to), VDS_E_OBJECT_NOT_FOUND);
    assert_hr(move_portal(f, &from, &f->portal[0], &abroad), VDS_E_INVALID_OPERATION);
    assert_hr(array_group_move_portal(f->array, &from, NULL, &to, 0, &op), E_INVALIDARG);
    assert_hr(array_group_move_portal(f->array, &from, &f->portal[0], NULL, 0, &op), E_INVALIDARG);
    assert_hr(array_group_move_portal(f->array, &from, &f->portal[0], &to, 0, NULL), E_INVALIDARG);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void move_portal_VDS_E_OPERATION_CANCELED_leaves_it_where_it_was(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), from = a_group(f, &target), to = a_group(f, &target);
    struct array_op *op = NULL;
    char *before, *after;

    assert_hr(add_portal(f, &from, &f->portal[0]), S_OK);
    before = fixture_dump_all(f);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 1);
    fake.hold_drains = true;
    assert_hr(array_group_move_portal(f->array, &from, &f->portal[0], &to, 60000, &op), S_OK);
    fake_drains_wait(1);
    assert_hr(array_op_cancel(op), S_OK);
    assert_hr(finish_op(S_OK, op, NULL), VDS_E_OPERATION_CANCELED);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 0);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void both_groups_of_a_move_are_busy_and_their_siblings_are_not(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), from = a_group(f, &target), to = a_group(f, &target),
                sibling = a_group(f, &target);
    struct array_op *op = NULL, *none = NULL;

    assert_hr(add_portal(f, &from, &f->portal[0]), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 1);
    fake.hold_drains = true;
    assert_hr(array_group_move_portal(f->array, &from, &f->portal[0], &to, 60000, &op), S_OK);
    fake_drains_wait(1);
    assert_hr(array_group_delete(f->array, &to, &none), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(array_group_add_portal(f->array, &from, &f->portal[1], &none), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(add_portal(f, &sibling, &f->portal[1]), S_OK);
    assert_hr(array_group_add_portal(f->array, &sibling, &f->portal[0], &none),
              VDS_E_ANOTHER_CALL_IN_PROGRESS);
    fake_drains_finish();
    assert_hr(finish_op(S_OK, op, NULL), S_OK);
}

/* ---- all at once ----------------------------------------------------------------------------------- */

enum { N_CLIENTS = 6, N_GROUPS = 6, N_ROUNDS = 150 };

struct client {
    pthread_t thread;
    struct fixture *f;
    const struct guid *groups;
    unsigned seed, n_done, n_strange;
};

static unsigned below(struct client *c, unsigned n)
{
    return (unsigned)rand_r(&c->seed) % n;
}

static HRESULT start_something(struct client *c, struct array_op **ret_op)
{
    struct array *array = c->f->array;
    const struct guid *group = &c->groups[below(c, N_GROUPS)], *portals = c->f->portal;
    unsigned first = below(c, N_PORTALS);

    switch (below(c, 4)) {
    case 0:
        return array_group_add_portal(array, group, &portals[first], ret_op);
    case 1:
        return array_group_remove_portal(array, group, &portals[first], 0, ret_op);
    case 2:
        return array_group_set_portals(array, group, &portals[first], below(c, N_PORTALS - first + 1), 0,
                                       ret_op);
    default:
        return array_group_move_portal(array, group, &portals[first], &c->groups[below(c, N_GROUPS)], 0,
                                       ret_op);
    }
}

static bool may_end_with(HRESULT hr)
{
    static const HRESULT codes[] = { VDS_S_ALREADY_EXISTS, VDS_E_ANOTHER_CALL_IN_PROGRESS,
                                     VDS_E_OBJECT_NOT_FOUND, VDS_E_INVALID_OPERATION,
                                     VDS_E_OPERATION_CANCELED };

    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (hr == codes[i])
            return true;
    return hr == S_OK;
}

static void *change_at_random(void *arg)
{
    struct client *c = arg;

    for (unsigned i = 0; i < N_ROUNDS; i++) {
        struct array_op *op = NULL;
        HRESULT hr = start_something(c, &op);

        if (op && below(c, 4) == 0)
            array_op_cancel(op);
        hr = finish_op(hr, op, NULL);
        c->n_done += hr == S_OK;
        c->n_strange += !may_end_with(hr);
    }
    return NULL;
}

static void many_clients_that_change_the_same_groups_leave_array_state_and_engine_agreed(void **state)
{
    struct fixture *f = *state;
    struct guid targets[2] = { a_target(f), a_target(f) }, groups[N_GROUPS];
    struct client clients[N_CLIENTS];
    unsigned n_done = 0;

    for (unsigned i = 0; i < N_GROUPS; i++)
        groups[i] = a_group(f, &targets[i % 2]);
    for (unsigned i = 0; i < N_CLIENTS; i++) {
        clients[i] = (struct client){ .f = f, .groups = groups, .seed = i + 1 };
        assert_int_equal(pthread_create(&clients[i].thread, NULL, change_at_random, &clients[i]), 0);
    }
    for (unsigned i = 0; i < N_CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_int_equal(clients[i].n_strange, 0);
        n_done += clients[i].n_done;
    }
    assert_true(n_done > N_CLIENTS);
    for (unsigned i = 0; i < N_PORTALS - 1; i++) /* the last one's address is not here */
        assert_int_equal(listens(f, i), count(f, ARRAY_GROUPS_OF_PORTAL, &f->portal[i]) > 0);
    fixture_restart_changes_nothing(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(set_portals_S_OK_gives_the_group_exactly_these),
        TEST(set_portals_VDS_S_ALREADY_EXISTS_when_the_group_is_so_already),
        TEST(set_portals_of_none_empties_the_group_and_the_target_says_so),
        TEST(set_portals_refused_changes_nothing),
        TEST(set_portals_WSAEADDRINUSE_when_a_port_is_taken_changes_nothing),
        TEST(those_that_come_take_logins_before_those_that_go_are_drained),
        TEST(set_portals_VDS_E_OPERATION_CANCELED_puts_everything_back),
        TEST(closing_the_array_does_not_wait_for_those_who_go_back),
        TEST(move_portal_S_OK_changes_the_tag_of_the_pair),
        TEST(move_portal_S_OK_to_another_target_is_there_before_it_is_gone_here),
        TEST(move_portal_S_OK_when_it_is_in_the_other_targets_group_already_only_leaves),
        TEST(move_portal_refused_changes_nothing),
        TEST(move_portal_VDS_E_OPERATION_CANCELED_leaves_it_where_it_was),
        TEST(both_groups_of_a_move_are_busy_and_their_siblings_are_not),
        TEST(many_clients_that_change_the_same_groups_leave_array_state_and_engine_agreed),
    };

    return RUN_TESTS(tests);
}
