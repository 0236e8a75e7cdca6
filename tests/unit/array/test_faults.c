/* SPDX-License-Identifier: MIT */
/* What goes wrong below: the engine refuses a call, the state cannot be written, somebody else changes the
 * file. */
#include "array_fixture.h"

#include <sqlite3.h>

#include "../state/fault_vfs.h"
#include "array/array_internal.h"

/* ---- the engine refuses: the 1st, 2nd, 3rd ... call, until the operation needs no more ------- */

struct scene {
    /* sibling: a group of the same target; abroad: of the other */
    struct guid target, group, lun, other, sibling, abroad;
};

static struct scene scene_make(struct fixture *f)
{
    struct scene s = { .target = a_target(f), .lun = a_lun(f), .other = a_target(f) };
    struct guid both[2] = { s.target, s.other };

    s.group = a_group(f, &s.target);
    s.sibling = a_group(f, &s.target);
    s.abroad = a_group(f, &s.other);
    assert_hr(add_portal(f, &s.group, &f->portal[0]), S_OK);
    assert_hr(array_lun_set_mask(f->array, &s.lun, "iqn.2001-04.com.example:host"), S_OK);
    assert_hr(array_lun_associate_targets(f->array, &s.lun, both, 2), S_OK);
    return s;
}

static HRESULT do_add(struct fixture *f, struct scene *s)
{
    return add_portal(f, &s->group, &f->portal[1]);
}

static HRESULT do_remove(struct fixture *f, struct scene *s)
{
    return remove_portal(f, &s->group, &f->portal[0]);
}

/* One portal comes, one goes. */
static HRESULT do_set(struct fixture *f, struct scene *s)
{
    return set_portals(f, &s->group, &f->portal[1], 1);
}

/* Of two portals one goes, and two come. */
static HRESULT do_set_more(struct fixture *f, struct scene *s)
{
    return set_portals(f, &s->group, &f->portal[1], 3);
}

static HRESULT do_set_none(struct fixture *f, struct scene *s)
{
    return set_portals(f, &s->group, NULL, 0);
}

static HRESULT do_move(struct fixture *f, struct scene *s)
{
    return move_portal(f, &s->group, &f->portal[0], &s->sibling);
}

static HRESULT do_move_away(struct fixture *f, struct scene *s)
{
    return move_portal(f, &s->group, &f->portal[0], &s->abroad);
}

static HRESULT do_target_create(struct fixture *f, struct scene *s)
{
    struct guid made;

    (void)s;
    return target_create(f, "iqn.2001-04.com.example:new", &made);
}

static HRESULT do_target_delete(struct fixture *f, struct scene *s)
{
    return target_delete(f, &s->other);
}

static HRESULT do_lun_create(struct fixture *f, struct scene *s)
{
    struct array_lun_spec spec = { .size = 1 << 20, .mask = "*" };
    struct array_op *op = NULL;
    HRESULT hr = array_lun_create(f->array, &spec, &op);

    (void)s;
    return finish_op(hr, op, NULL);
}

static HRESULT do_lun_delete(struct fixture *f, struct scene *s)
{
    return array_lun_delete(f->array, &s->lun);
}

static HRESULT do_mask(struct fixture *f, struct scene *s)
{
    return array_lun_set_mask(f->array, &s->lun, "*");
}

static HRESULT do_untie(struct fixture *f, struct scene *s)
{
    return array_lun_associate_targets(f->array, &s->lun, NULL, 0);
}

static HRESULT do_offline(struct fixture *f, struct scene *s)
{
    (void)s;
    return array_portal_set_status(f->array, &f->portal[0], VDS_IPS_OFFLINE);
}

static HRESULT do_online(struct fixture *f, struct scene *s)
{
    (void)s;
    return array_portal_set_status(f->array, &f->portal[0], VDS_IPS_ONLINE);
}

static HRESULT do_alias(struct fixture *f, struct scene *s)
{
    return array_target_set_name(f->array, &s->target, "another");
}

static HRESULT do_group_delete(struct fixture *f, struct scene *s)
{
    HRESULT hr = array_group_delete(f->array, &s->group, &(struct array_op *){ 0 });

    return hr == VDS_E_ASSOCIATED_PORTALS_EXIST ? S_OK : hr;
}

/* A failure has changed nothing: not the array, not the state, not the engine. The engine may only be asked
 * again for what it refused on the way back. */
static void count_through(HRESULT (*prepare)(struct fixture *, struct scene *),
                          HRESULT (*act)(struct fixture *, struct scene *))
{
    bool needed_more = true;

    for (int at = 1; needed_more; at++) {
        struct scene s;
        char *before, *after;
        HRESULT hr;

        struct fixture *f = fixture_new();
        fixture_start(f);
        s = scene_make(f);
        if (prepare)
            assert_hr(prepare(f, &s), S_OK);
        before = fixture_dump_all(f);
        fake.n_calls = 0;
        fake.fail_at = at;
        fake.fail_error = -EIO;
        hr = act(f, &s);
        needed_more = fake.n_calls >= at;
        fake.fail_at = 0;
        after = fixture_dump_all(f);
        if (FAILED(hr) && strcmp(before, after) != 0)
            fail_msg("call %d (%s) failed and left\n%s\ninstead of\n%s", at, fake.failed, after, before);
        if (!needed_more)
            assert_hr(hr, S_OK);
        assert_true(at < 20);
        fake.fail_error = 0;
        if (FAILED(hr)) { /* and the next attempt succeeds: no mark was left, no name is taken */
            assert_int_equal(subsystem_status(f), VDS_SSS_ONLINE);
            assert_hr(act(f, &s), S_OK);
        }
        free(before);
        free(after);
        fixture_free(f);
    }
}

static HRESULT untie(struct fixture *f, struct scene *s)
{
    struct guid group = a_group(f, &s->other);

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    assert_hr(add_portal(f, &group, &f->portal[1]), S_OK);
    return array_lun_associate_targets(f->array, &s->lun, NULL, 0);
}

#define ENGINE_TEST(name, prepare, act) \
    static void name(void **state)      \
    {                                   \
        (void)state;                    \
        count_through(prepare, act);    \
    }
ENGINE_TEST(an_engine_failure_in_AddPortal_leaves_nothing, NULL, do_add)
ENGINE_TEST(an_engine_failure_in_RemovePortal_leaves_everything, NULL, do_remove)
ENGINE_TEST(an_engine_failure_in_SetPortals_leaves_the_group_as_it_was, NULL, do_set)
ENGINE_TEST(an_engine_failure_in_SetPortals_of_several_leaves_the_group_as_it_was, do_add, do_set_more)
ENGINE_TEST(an_engine_failure_in_SetPortals_of_none_leaves_the_group_as_it_was, do_add, do_set_none)
ENGINE_TEST(an_engine_failure_in_MovePortal_leaves_the_portal_where_it_was, NULL, do_move)
ENGINE_TEST(an_engine_failure_in_MovePortal_to_another_target_leaves_it_where_it_was, NULL, do_move_away)
ENGINE_TEST(an_engine_failure_in_CreateTarget_leaves_nothing, NULL, do_target_create)
ENGINE_TEST(an_engine_failure_in_target_Delete_leaves_everything, untie, do_target_delete)
ENGINE_TEST(an_engine_failure_in_CreateLun_leaves_nothing, NULL, do_lun_create)
ENGINE_TEST(an_engine_failure_in_LUN_Delete_leaves_everything, NULL, do_lun_delete)
ENGINE_TEST(an_engine_failure_in_SetMask_leaves_the_mask, NULL, do_mask)
ENGINE_TEST(an_engine_failure_in_AssociateTargets_untying_leaves_the_ties, NULL, do_untie)
ENGINE_TEST(an_engine_failure_in_SetStatus_OFFLINE_leaves_it_online, NULL, do_offline)
ENGINE_TEST(an_engine_failure_in_SetStatus_ONLINE_leaves_it_offline, do_offline, do_online)
ENGINE_TEST(an_engine_failure_in_SetFriendlyName_leaves_the_name, NULL, do_alias)
ENGINE_TEST(refused_calls_reach_no_engine, NULL, do_group_delete)

static void an_engine_failure_in_AssociateTargets_tying_leaves_no_tie(void **state)
{
    struct fixture *f = *state;
    bool needed_more = true;

    for (int at = 1; needed_more; at++) {
        struct guid lun = a_lun(f), t[3] = { a_target(f), a_target(f), a_target(f) };
        char *before, *after;
        HRESULT hr;

        assert_hr(array_lun_associate_targets(f->array, &lun, &t[0], 1), S_OK);
        before = fixture_dump_all(f);
        fake.n_calls = 0;
        fake.fail_at = at;
        hr = array_lun_associate_targets(f->array, &lun, &t[1], 2); /* one leaves, two arrive */
        needed_more = fake.n_calls >= at;
        fake.fail_at = 0;
        after = fixture_dump_all(f);
        assert_int_equal(strcmp(before, after) == 0, FAILED(hr));
        free(before);
        free(after);
    }
}

/* From some call on the engine refuses everything, taking back included: the LUN is FAILED and says so, or it
 * is as before; and Refresh brings it back. */
static void a_lun_that_the_engine_does_not_take_back_is_FAILED_until_refresh(void **state)
{
    static const struct {
        HRESULT (*act)(struct fixture *, struct scene *);
        int n_calls; /* of the engine */
    } acts[] = { { do_lun_delete, 3 }, { do_mask, 1 }, { do_untie, 2 } };
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    char *before = fixture_dump_all(f), *after;
    unsigned n_failed = 0;

    for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
        for (int at = 1; at <= acts[i].n_calls; at++) {
            struct array_lun_info info;

            fake.n_calls = 0;
            fake.fail_on = true;
            fake.fail_at = at;
            assert_true(FAILED(acts[i].act(f, &s)));
            fake.fail_on = false;
            fake.fail_at = 0;
            assert_hr(array_lun_get(f->array, &s.lun, &info), S_OK);
            n_failed += info.status == VDS_LS_FAILED;
            array_lun_info_fini(&info);
            assert_hr(array_reenumerate(f->array), S_OK);
            assert_hr(array_refresh(f->array), S_OK);
            after = fixture_dump_all(f);
            assert_string_equal(before, after);
            free(after);
        }
    assert_true(n_failed > 0);
    free(before);
}

/* The same for a group: what could not be put back is said, and put right. */
static void a_group_that_the_engine_does_not_put_back_is_right_after_refresh(void **state)
{
    static HRESULT (*const acts[])(struct fixture *, struct scene *) = { do_set, do_set_more, do_set_none,
                                                                         do_move, do_move_away };
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    unsigned n_doubts = 0;

    for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
        for (int at = 1; at <= 4; at++) {
            char *before = fixture_dump_all(f), *after;
            struct guid *ids;
            size_t n;
            HRESULT hr;

            fake.n_calls = 0;
            fake.fail_on = true;
            fake.fail_at = at;
            hr = acts[i](f, &s);
            fake.fail_on = false;
            fake.fail_at = 0;
            n_doubts += array_query(f->array, ARRAY_PORTALS, NULL, &ids, &n) == VDS_E_PROVIDER_CACHE_CORRUPT;
            free(ids);
            assert_hr(array_reenumerate(f->array), S_OK);
            assert_hr(array_refresh(f->array), S_OK);
            after = fixture_dump_all(f);
            if ((strcmp(before, after) == 0) != FAILED(hr))
                fail_msg("act %zu, call %d ended %08x and left\n%s\nafter\n%s", i, at, (unsigned)hr, after,
                         before);
            free(before);
            free(after);
            set_portals(f, &s.sibling, NULL, 0);
            set_portals(f, &s.abroad, NULL, 0);
            assert_true(SUCCEEDED(set_portals(f, &s.group, &f->portal[0], 1)));
        }
    assert_true(n_doubts > 0);
}

/* ---- the state cannot be written ------------------------------------------------------------- */

static void when_the_state_cannot_be_written_the_subsystem_is_FAILED_and_heals(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct array_subsystem_info info;
    struct array_op *op = NULL;
    struct guid *ids;
    char *before = fixture_dump_all(f), *engine = fake_dump(fixture_engine(f)), *after;
    size_t n;

    assert_hr(array_subsystem_get(f->array, &info), S_OK);
    events_clear(f);
    atomic_store(&fault_vfs.fail, SQLITE_FULL);
    assert_hr(add_portal(f, &s.group, &f->portal[1]), VDS_E_OBJECT_STATUS_FAILED);
    expect_event(f, VDS_NF_SUB_SYSTEM_MODIFY, &info.id);
    assert_int_equal(subsystem_status(f), VDS_SSS_FAILED);
    assert_hr(array_subsystem_get(f->array, &info), S_OK);
    assert_non_null(strstr(info.reason, "No space left"));
    assert_hr(array_query(f->array, ARRAY_PORTALS, NULL, &ids, &n),
              VDS_E_OBJECT_STATUS_FAILED); /* QueryPortals */
    assert_hr(array_query(f->array, ARRAY_TARGETS, NULL, &ids, &n), VDS_E_OBJECT_STATUS_FAILED);
    assert_hr(array_group_create(f->array, &s.target, &op), VDS_E_OBJECT_STATUS_FAILED);
    assert_null(op);
    assert_hr(array_target_create(f->array, NULL, NULL, &op), VDS_E_OBJECT_STATUS_FAILED);
    assert_hr(array_lun_set_mask(f->array, &s.lun, "*"), VDS_E_OBJECT_STATUS_FAILED);
    assert_hr(array_reenumerate(f->array), VDS_E_OBJECT_STATUS_FAILED);
    assert_hr(array_refresh(f->array), VDS_E_OBJECT_STATUS_FAILED);
    after = fake_dump(fixture_engine(f));
    assert_string_equal(engine, after); /* I/O goes on */
    free(after);
    assert_int_equal(count(f, ARRAY_PORTALS_OF_GROUP, &s.group), 1); /* objects can be read */
    fault_vfs_reset();
    assert_hr(add_portal(f, &s.group, &f->portal[1]), S_OK); /* the next call finds it well again */
    expect_event(f, VDS_NF_SUB_SYSTEM_MODIFY, &info.id);
    expect_event(f, VDS_NF_PORTAL_GROUP_MODIFY, &s.group);
    assert_int_equal(subsystem_status(f), VDS_SSS_ONLINE);
    assert_hr(remove_portal(f, &s.group, &f->portal[1]), S_OK);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    free(after);
    free(before);
    free(engine);
}

static HRESULT do_associate_more(struct fixture *f, struct scene *s)
{
    return array_lun_associate_targets(f->array, &s->lun, &s->target, 1);
}

static HRESULT do_group_create(struct fixture *f, struct scene *s)
{
    struct array_op *op = NULL;
    HRESULT hr = array_group_create(f->array, &s->target, &op);

    return finish_op(hr, op, NULL);
}

static void no_operation_changes_anything_when_its_commit_fails(void **state)
{
    static HRESULT (*const acts[])(struct fixture *, struct scene *) = {
        do_set,   do_set_none,       do_move,          do_move_away,
        do_add,   do_remove,         do_target_create, do_lun_create, do_lun_delete,   do_mask,
        do_untie, do_associate_more, do_offline,       do_alias,      do_group_create,
    };
    struct fixture *f = *state;
    struct scene s = scene_make(f);

    for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
        char *before = fixture_dump_all(f), *after;

        atomic_store(&fault_vfs.fail, SQLITE_IOERR_WRITE);
        assert_hr(acts[i](f, &s), VDS_E_OBJECT_STATUS_FAILED);
        fault_vfs_reset();
        assert_true(health_heal(f->array));
        after = fixture_dump_all(f);
        assert_string_equal(before, after);
        free(before);
        free(after);
    }
}

static void it_starts_with_a_full_disk_and_serves_what_there_is(void **state)
{
    static const char *const more[] = { "127.0.0.1", "::1", "192.0.2.7" };
    struct fixture *f = *state;
    struct scene s = scene_make(f);

    fixture_stop(f);
    f->options.n_portals = 0; /* a new address that cannot be written down */
    f->options.default_port = 5001;
    fake_addresses(more, 3);
    atomic_store(&fault_vfs.fail, SQLITE_FULL);
    assert_hr(array_open(&f->options, &f->array), S_OK);
    assert_int_equal(subsystem_status(f), VDS_SSS_FAILED);
    assert_int_equal(fake_tag(fixture_engine(f), &s.target, &f->portal[0]), 1);
    assert_true(fake_listens(fixture_engine(f), &f->portal[0]));
    fault_vfs_reset();
    assert_hr(array_reenumerate(f->array), S_OK);
    assert_int_equal(subsystem_status(f), VDS_SSS_ONLINE);
    assert_int_equal(count(f, ARRAY_PORTALS, NULL), 3);
}

/* ---- somebody else changes the file ---------------------------------------------------------- */

static void expect_corrupt(struct fixture *f, const struct scene *s)
{
    struct array_op *op = (void *)(uintptr_t)1;
    struct array_target_info target;
    struct array_group_info group;
    struct array_portal_info portal;
    struct array_lun_info lun;
    struct array_subsystem_info subsystem;
    struct guid *ids;
    size_t n;

    assert_hr(array_query(f->array, ARRAY_PORTALS, NULL, &ids, &n),
              VDS_E_PROVIDER_CACHE_CORRUPT); /* QueryPortals */
    assert_hr(array_query(f->array, ARRAY_PORTALS_OF_GROUP, &s->group, &ids, &n),
              VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(array_group_create(f->array, &s->target, &op), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_null(op);
    assert_hr(array_group_add_portal(f->array, &s->group, &f->portal[1], &op), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(array_group_remove_portal(f->array, &s->group, &f->portal[0], 0, &op),
              VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(array_group_delete(f->array, &s->group, &op), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(array_target_create(f->array, NULL, NULL, &op), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(array_target_delete(f->array, &s->target, &op), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(array_lun_delete(f->array, &s->lun), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(array_lun_set_mask(f->array, &s->lun, "*"), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(array_portal_set_status(f->array, &f->portal[0], VDS_IPS_OFFLINE),
              VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(array_target_get(f->array, &s->target, &target), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(array_group_get(f->array, &s->group, &group), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(array_portal_get(f->array, &f->portal[0], &portal), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(array_lun_get(f->array, &s->lun, &lun), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(array_subsystem_get(f->array, &subsystem), VDS_E_PROVIDER_CACHE_CORRUPT);
}

static void a_foreign_change_is_VDS_E_PROVIDER_CACHE_CORRUPT_until_Reenumerate_and_Refresh(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct array_target_info info;

    fixture_sql(f->dir, "UPDATE targets SET name = 'from outside' WHERE next_tag = 3");
    expect_corrupt(f, &s);
    assert_hr(array_refresh(f->array), VDS_E_PROVIDER_CACHE_CORRUPT); /* only after Reenumerate */
    assert_hr(array_reenumerate(f->array), S_OK);
    expect_corrupt(f, &s);
    assert_hr(array_refresh(f->array), S_OK);
    assert_hr(array_target_get(f->array, &s.target, &info), S_OK);
    assert_string_equal(info.friendly_name, "from outside");
    await_event(f, VDS_NF_TARGET_MODIFY, &s.target);
    assert_hr(add_portal(f, &s.group, &f->portal[1]), S_OK);
}

/* The foreign change comes between admission and commit: the operation ends with the code, and nothing has
 * changed. */
static void a_foreign_change_during_an_operation_ends_it(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct array_op *op = NULL;
    char *engine, *after;

    fake_connections(fixture_engine(f), &s.target, &f->portal[0], 1);
    engine = fake_dump(fixture_engine(f));
    fake.hold_drains = true;
    assert_hr(array_group_remove_portal(f->array, &s.group, &f->portal[0], 60000, &op), S_OK);
    fake_drains_wait(1);
    fixture_sql(f->dir, "UPDATE targets SET name = 'from outside'");
    fake_drains_finish();
    assert_hr(finish_op(S_OK, op, NULL), VDS_E_PROVIDER_CACHE_CORRUPT);
    after = fake_dump(fixture_engine(f));
    assert_string_equal(engine, after);
    assert_int_equal(fixture_sql_int(f->dir, "SELECT count(*) FROM group_portals"), 1);
    free(engine);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_failure_in_AddPortal_leaves_nothing),
        cmocka_unit_test(an_engine_failure_in_RemovePortal_leaves_everything),
        cmocka_unit_test(an_engine_failure_in_SetPortals_leaves_the_group_as_it_was),
        cmocka_unit_test(an_engine_failure_in_SetPortals_of_several_leaves_the_group_as_it_was),
        cmocka_unit_test(an_engine_failure_in_SetPortals_of_none_leaves_the_group_as_it_was),
        cmocka_unit_test(an_engine_failure_in_MovePortal_leaves_the_portal_where_it_was),
        cmocka_unit_test(an_engine_failure_in_MovePortal_to_another_target_leaves_it_where_it_was),
        cmocka_unit_test(an_engine_failure_in_CreateTarget_leaves_nothing),
        cmocka_unit_test(an_engine_failure_in_target_Delete_leaves_everything),
        cmocka_unit_test(an_engine_failure_in_CreateLun_leaves_nothing),
        cmocka_unit_test(an_engine_failure_in_LUN_Delete_leaves_everything),
        cmocka_unit_test(an_engine_failure_in_SetMask_leaves_the_mask),
        cmocka_unit_test(an_engine_failure_in_AssociateTargets_untying_leaves_the_ties),
        TEST(an_engine_failure_in_AssociateTargets_tying_leaves_no_tie),
        cmocka_unit_test(an_engine_failure_in_SetStatus_OFFLINE_leaves_it_online),
        cmocka_unit_test(an_engine_failure_in_SetStatus_ONLINE_leaves_it_offline),
        cmocka_unit_test(an_engine_failure_in_SetFriendlyName_leaves_the_name),
        cmocka_unit_test(refused_calls_reach_no_engine),
        TEST(a_lun_that_the_engine_does_not_take_back_is_FAILED_until_refresh),
        TEST(a_group_that_the_engine_does_not_put_back_is_right_after_refresh),
        TEST(when_the_state_cannot_be_written_the_subsystem_is_FAILED_and_heals),
        TEST(no_operation_changes_anything_when_its_commit_fails),
        TEST(it_starts_with_a_full_disk_and_serves_what_there_is),
        TEST(a_foreign_change_is_VDS_E_PROVIDER_CACHE_CORRUPT_until_Reenumerate_and_Refresh),
        TEST(a_foreign_change_during_an_operation_ends_it),
    };

    return RUN_TESTS(tests);
}
