/* SPDX-License-Identifier: MIT */
/* Operation objects: waiting, status, cancelling at each stage, and many at once. */
#include "array_fixture.h"

#include <stdatomic.h>

#include "../state/fault_vfs.h"
#include "array/array_internal.h"

/* A removal that waits in its drain with four connections. */
static struct array_op *held_removal(struct fixture *f, struct guid *ret_target, struct guid *ret_group)
{
    struct guid target = a_target(f), group = a_group(f, &target);
    struct array_op *op = NULL;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 4);
    fake.hold_drains = true;
    assert_hr(array_group_remove_portal(f->array, &group, &f->portal[0], 60000, &op), S_OK);
    fake_drains_wait(1);
    if (ret_target)
        *ret_target = target;
    if (ret_group)
        *ret_group = group;
    return op;
}

static void progress_of_a_drain_is_the_share_of_connections_gone(void **state)
{
    struct fixture *f = *state;
    struct array_op *op = held_removal(f, NULL, NULL);
    struct array_op_result result;

    array_op_result(op, &result);
    assert_hr(result.hr, VDS_E_OPERATION_PENDING);
    assert_int_equal(result.percent, 0);
    fake_drains_step(2);
    do /* the worker may only be about to wait for the drain */
        array_op_result(op, &result);
    while (result.percent == 0);
    assert_int_equal(result.percent, 49);
    fake_drains_finish();
    assert_true(array_op_wait(op, -1));
    array_op_result(op, &result);
    assert_hr(result.hr, S_OK);
    assert_int_equal(result.percent, 100);
    array_op_unref(op);
}

static void waiting_ends_with_the_operation_or_the_timeout(void **state)
{
    struct fixture *f = *state;
    struct array_op *op = held_removal(f, NULL, NULL);

    assert_false(array_op_wait(op, 0));
    assert_false(array_op_wait(op, 10));
    fake_drains_finish();
    assert_true(array_op_wait(op, -1));
    assert_true(array_op_wait(op, 0));
    array_op_unref(op);
}

static void count_up(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void on_end_is_called_once_each_also_after_the_end(void **state)
{
    struct fixture *f = *state;
    struct array_op *op = held_removal(f, NULL, NULL);
    atomic_int n = 0;

    array_op_on_end(op, count_up, &n);
    array_op_on_end(op, count_up, &n);
    array_op_on_end(op, count_up, &n);
    assert_int_equal(n, 0);
    fake_drains_finish();
    assert_true(array_op_wait(op, -1));
    array_op_on_end(op, count_up, &n);
    fixture_stop(f); /* the worker has called all of them */
    assert_int_equal(n, 4);
    array_op_unref(op);
}

static void an_operation_goes_on_when_nobody_holds_it(void **state)
{
    struct fixture *f = *state;
    struct guid target, group;
    struct array_op *op = held_removal(f, &target, &group);

    array_op_unref(op);
    fake_drains_finish();
    await_event(f, VDS_NF_PORTAL_GROUP_MODIFY, &group); /* the add */
    await_event(f, VDS_NF_PORTAL_GROUP_MODIFY, &group); /* the removal */
    assert_int_equal(count(f, ARRAY_PORTALS_OF_GROUP, &group), 0);
}

/* ---- cancel at each stage -------------------------------------------------------------------- */

static void cancel_in_the_drain_puts_everything_back(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    struct array_op *op = NULL;
    char *before, *after;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 1);
    before = fixture_dump_all(f);
    fake.hold_drains = true;
    events_clear(f);
    assert_hr(array_group_remove_portal(f->array, &group, &f->portal[0], 60000, &op), S_OK);
    fake_drains_wait(1);
    assert_hr(array_op_cancel(op), S_OK);
    assert_hr(array_op_cancel(op), VDS_E_OPERATION_CANCELED);
    assert_hr(finish_op(S_OK, array_op_ref(op), NULL), VDS_E_OPERATION_CANCELED);
    assert_hr(array_op_cancel(op), VDS_E_OPERATION_CANCELED);
    array_op_unref(op);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    expect_no_more_events(f);
    fake.hold_drains = false;
    assert_hr(remove_portal(f, &group, &f->portal[0]), S_OK);
    free(before);
    free(after);
}

static void cancel_of_a_target_deletion_in_its_drain_puts_everything_back(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    struct array_op *op = NULL;
    char *before, *after;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 1);
    before = fixture_dump_all(f);
    fake.hold_drains = true;
    assert_hr(array_target_delete(f->array, &target, &op), S_OK);
    fake_drains_wait(1);
    assert_hr(array_op_cancel(op), S_OK);
    assert_hr(finish_op(S_OK, op, NULL), VDS_E_OPERATION_CANCELED);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* Whichever stage the cancel meets: what it promised is what happens. */
static void cancel_at_any_moment_keeps_its_promise(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    char *before = fixture_dump_all(f), *after;

    for (unsigned i = 0; i < 50; i++) {
        struct array_op *op = NULL;
        HRESULT cancelled, hr;

        assert_hr(array_group_add_portal(f->array, &group, &f->portal[0], &op), S_OK);
        cancelled = array_op_cancel(op);
        hr = finish_op(S_OK, op, NULL);
        assert_hr(cancelled, hr == S_OK ? VDS_E_CANCEL_TOO_LATE : S_OK);
        assert_true(hr == S_OK || hr == VDS_E_OPERATION_CANCELED);
        if (hr == S_OK)
            assert_hr(remove_portal(f, &group, &f->portal[0]), S_OK);
        after = fixture_dump_all(f);
        assert_string_equal(before, after);
        free(after);
    }
    free(before);
}

static void cancel_after_the_commit_is_VDS_E_CANCEL_TOO_LATE(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f);
    struct array_op *op = NULL;

    assert_hr(array_group_create(f->array, &target, &op), S_OK);
    assert_true(array_op_wait(op, -1));
    assert_hr(array_op_cancel(op), VDS_E_CANCEL_TOO_LATE);
    assert_hr(finish_op(S_OK, op, NULL), S_OK);
}

static void a_cancelled_creation_keeps_neither_name_nor_tag(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group;

    for (unsigned i = 0; i < 20; i++) {
        struct array_op *op = NULL;
        HRESULT cancelled;

        assert_hr(array_target_create(f->array, "iqn.2001-04.com.example:x", NULL, &op), S_OK);
        cancelled = array_op_cancel(op);
        if (finish_op(S_OK, op, &group) == S_OK) {
            assert_hr(cancelled, VDS_E_CANCEL_TOO_LATE);
            assert_hr(target_delete(f, &group), S_OK);
        }
    }
    group = a_group(f, &target);
    assert_int_equal(group_tag(f, &group), 1);
}

/* ---- closing --------------------------------------------------------------------------------- */

static void closing_ends_running_operations_and_their_results_stay_readable(void **state)
{
    struct fixture *f = *state;
    struct guid target, group;
    struct array_op *op = held_removal(f, &target, &group);
    struct array_op_result result;

    fixture_stop(f);
    assert_true(array_op_wait(op, 0));
    array_op_result(op, &result);
    assert_hr(result.hr, VDS_E_OPERATION_CANCELED);
    assert_hr(array_op_cancel(op), VDS_E_OPERATION_CANCELED);
    array_op_unref(op);
    fake.hold_drains = false;
    fixture_start(f);
    assert_int_equal(count(f, ARRAY_PORTALS_OF_GROUP, &group), 1);
    assert_int_equal(fake_tag(fixture_engine(f), &target, &f->portal[0]), 1);
}

/* ---- many at once ---------------------------------------------------------------------------- */

#define N_THREADS 20

struct client {
    pthread_t thread;
    struct fixture *f;
    struct guid target, group;
    unsigned portal, n_rounds, n_ok, n_busy, n_other;
    pthread_barrier_t *barrier;
};

static void tally(struct client *c, HRESULT hr)
{
    c->n_ok += hr == S_OK;
    c->n_busy += hr == VDS_E_ANOTHER_CALL_IN_PROGRESS;
    c->n_other += hr != S_OK && hr != VDS_E_ANOTHER_CALL_IN_PROGRESS;
}

static void *change_own_group(void *arg)
{
    struct client *c = arg;

    pthread_barrier_wait(c->barrier);
    for (unsigned i = 0; i < c->n_rounds; i++) {
        struct array_op *op = NULL;
        HRESULT hr = array_group_add_portal(c->f->array, &c->group, &c->f->portal[c->portal], &op);

        tally(c, finish_op(hr, op, NULL));
        op = NULL;
        hr = array_group_remove_portal(c->f->array, &c->group, &c->f->portal[c->portal], 0, &op);
        tally(c, finish_op(hr, op, NULL));
    }
    return NULL;
}

static void twenty_clients_on_different_groups_all_succeed(void **state)
{
    struct fixture *f = *state;
    struct client clients[N_THREADS];
    pthread_barrier_t barrier;
    char *before, *after;

    pthread_barrier_init(&barrier, NULL, N_THREADS);
    for (unsigned i = 0; i < N_THREADS; i++) {
        /* four groups of a target, each with a portal of its own: siblings and strangers at once */
        struct guid target = i % 4 ? clients[i - 1].target : a_target(f);
        clients[i] = (struct client){ .f = f,
                                      .target = target,
                                      .group = a_group(f, &target),
                                      .portal = i % 4,
                                      .n_rounds = 10,
                                      .barrier = &barrier };
    }
    before = fixture_dump_all(f);
    for (unsigned i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&clients[i].thread, NULL, change_own_group, &clients[i]), 0);
    for (unsigned i = 0; i < N_THREADS; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_int_equal(clients[i].n_ok, 20);
    }
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    pthread_barrier_destroy(&barrier);
    free(before);
    free(after);
}

static void *add_to_one_group(void *arg)
{
    struct client *c = arg;
    struct array_op *op = NULL;
    HRESULT hr;

    pthread_barrier_wait(c->barrier);
    hr = array_group_add_portal(c->f->array, &c->group, &c->f->portal[c->portal], &op);
    tally(c, finish_op(hr, op, NULL));
    return NULL;
}

static void two_clients_on_the_same_group_one_succeeds_the_other_is_told_or_runs_after(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);

    for (unsigned round = 0; round < 30; round++) {
        struct client c[2];
        pthread_barrier_t barrier;

        pthread_barrier_init(&barrier, NULL, 2);
        for (unsigned i = 0; i < 2; i++) {
            c[i] = (struct client){ .f = f, .group = group, .portal = i, .barrier = &barrier };
            assert_int_equal(pthread_create(&c[i].thread, NULL, add_to_one_group, &c[i]), 0);
        }
        for (unsigned i = 0; i < 2; i++)
            pthread_join(c[i].thread, NULL);
        pthread_barrier_destroy(&barrier);
        assert_int_equal(c[0].n_other + c[1].n_other, 0);
        assert_true(c[0].n_ok + c[1].n_ok >= 1);
        for (unsigned i = 0; i < 2; i++)
            if (c[i].n_ok)
                assert_hr(remove_portal(f, &group, &f->portal[i]), S_OK);
    }
}

static void *delete_target(void *arg)
{
    struct client *c = arg;
    struct array_op *op = NULL;
    HRESULT hr;

    pthread_barrier_wait(c->barrier);
    hr = array_target_delete(c->f->array, &c->target, &op);
    tally(c, finish_op(hr, op, NULL));
    return NULL;
}

static void deleting_against_adding_leaves_no_half(void **state)
{
    struct fixture *f = *state;

    for (unsigned round = 0; round < 30; round++) {
        struct guid target = a_target(f), group = a_group(f, &target);
        struct client c[2];
        pthread_barrier_t barrier;
        HRESULT hr;

        pthread_barrier_init(&barrier, NULL, 2);
        for (unsigned i = 0; i < 2; i++)
            c[i] =
                (struct client){ .f = f, .target = target, .group = group, .portal = 0, .barrier = &barrier };
        assert_int_equal(pthread_create(&c[0].thread, NULL, delete_target, &c[0]), 0);
        assert_int_equal(pthread_create(&c[1].thread, NULL, add_to_one_group, &c[1]), 0);
        for (unsigned i = 0; i < 2; i++)
            pthread_join(c[i].thread, NULL);
        pthread_barrier_destroy(&barrier);
        assert_int_equal(c[0].n_other,
                         0); /* the add may find the group deleted, the deletion may only be told to wait */
        hr = c[0].n_ok ? VDS_E_OBJECT_DELETED : S_OK;
        assert_hr(target_delete(f, &target), hr);
        assert_false(fake_listens(fixture_engine(f), &f->portal[0]));
    }
    assert_int_equal(fixture_sql_int(f->dir, "SELECT count(*) FROM group_portals"), 0);
}

static void *create_same_name(void *arg)
{
    struct client *c = arg;
    struct array_op *op = NULL;
    HRESULT hr;

    pthread_barrier_wait(c->barrier);
    hr = array_target_create(c->f->array, "iqn.2001-04.com.example:race", NULL, &op);
    hr = finish_op(hr, op, &c->target);
    c->n_ok = hr == S_OK;
    c->n_other = hr != S_OK && hr != VDS_E_NAME_NOT_UNIQUE;
    return NULL;
}

static void of_twenty_targets_of_one_name_one_is_made(void **state)
{
    struct fixture *f = *state;
    struct client c[N_THREADS];
    pthread_barrier_t barrier;
    unsigned n_ok = 0;

    pthread_barrier_init(&barrier, NULL, N_THREADS);
    for (unsigned i = 0; i < N_THREADS; i++) {
        c[i] = (struct client){ .f = f, .barrier = &barrier };
        assert_int_equal(pthread_create(&c[i].thread, NULL, create_same_name, &c[i]), 0);
    }
    for (unsigned i = 0; i < N_THREADS; i++) {
        pthread_join(c[i].thread, NULL);
        assert_int_equal(c[i].n_other, 0);
        n_ok += c[i].n_ok;
    }
    pthread_barrier_destroy(&barrier);
    assert_int_equal(n_ok, 1);
    assert_int_equal(count(f, ARRAY_TARGETS, NULL), 1);
}

/* More operations than threads: they wait in line, nothing is refused, nothing hangs. */
static void three_hundred_waiting_operations_all_end(void **state)
{
    struct fixture *f = *state;
    struct array_op *ops[300];
    struct guid targets[300], groups[300];

    for (unsigned i = 0; i < 300; i++) {
        targets[i] = a_target(f);
        groups[i] = a_group(f, &targets[i]);
        assert_hr(add_portal(f, &groups[i], &f->portal[0]), S_OK);
        fake_connections(fixture_engine(f), &targets[i], &f->portal[0], 1);
    }
    fake.hold_drains = true;
    for (unsigned i = 0; i < 300; i++)
        assert_hr(array_group_remove_portal(f->array, &groups[i], &f->portal[0], 60000, &ops[i]), S_OK);
    fake_drains_wait(OPS_MAX);
    assert_int_equal(fake_drains(), OPS_MAX);
    assert_hr(array_op_cancel(ops[299]), S_OK); /* one that waits in line */
    fake.hold_drains = false;
    fake_drains_finish();
    for (unsigned i = 0; i < 299; i++)
        assert_hr(finish_op(S_OK, ops[i], NULL), S_OK);
    assert_hr(finish_op(S_OK, ops[299], NULL), VDS_E_OPERATION_CANCELED);
    assert_int_equal(count(f, ARRAY_GROUPS_OF_PORTAL, &f->portal[0]), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(progress_of_a_drain_is_the_share_of_connections_gone),
        TEST(waiting_ends_with_the_operation_or_the_timeout),
        TEST(on_end_is_called_once_each_also_after_the_end),
        TEST(an_operation_goes_on_when_nobody_holds_it),
        TEST(cancel_in_the_drain_puts_everything_back),
        TEST(cancel_of_a_target_deletion_in_its_drain_puts_everything_back),
        TEST(cancel_at_any_moment_keeps_its_promise),
        TEST(cancel_after_the_commit_is_VDS_E_CANCEL_TOO_LATE),
        TEST(a_cancelled_creation_keeps_neither_name_nor_tag),
        TEST(closing_ends_running_operations_and_their_results_stay_readable),
        TEST(twenty_clients_on_different_groups_all_succeed),
        TEST(two_clients_on_the_same_group_one_succeeds_the_other_is_told_or_runs_after),
        TEST(deleting_against_adding_leaves_no_half),
        TEST(of_twenty_targets_of_one_name_one_is_made),
        TEST(three_hundred_waiting_operations_all_end),
    };

    return RUN_TESTS(tests);
}
