/* SPDX-License-Identifier: MIT */
/* Who gets in where, sessions of the same name, limits, what is left when everything is torn down. */
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static void assert_refused(struct initiator *in, int r, unsigned class, unsigned detail)
{
    assert_int_equal(r, -EACCES);
    assert_int_equal(in->status_class, class);
    assert_int_equal(in->status_detail, detail);
    assert_int_equal(initiator_wait_event(in), -ECONNRESET); /* and the connection ends, after the answer */
    initiator_close(in);
}

static void a_login_at_a_portal_in_no_group_of_the_target_is_not_found(void **state)
{
    struct rig *rig = *state;
    struct initiator in;

    rig_portal(rig, 0);
    rig_portal(rig, 1);
    rig_target(rig, 0);
    rig_target(rig, 1);
    rig_path(rig, 0, 0, 1);
    rig_path(rig, 1, 1, 1);
    assert_refused(&in, rig_try_login(rig, &in, 1, 0, 1), 2, 3);
    assert_refused(&in, rig_try_login(rig, &in, 1, 1, 0), 2, 3);
    assert_refused(&in, rig_try_login(rig, &in, 1, 7, 0), 2, 3); /* a name that nobody has */
    rig_login(rig, &in, 1, 0, 0);
    initiator_close(&in);
}

static void a_path_takes_logins_when_add_returns_and_none_when_remove_does(void **state)
{
    struct rig *rig = *state;
    struct guid target = rig_target_id(0), portal = rig_portal_id(1);
    struct initiator in;

    rig_portal(rig, 0);
    rig_portal(rig, 1);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    for (unsigned i = 0; i < 10; i++) {
        rig_path(rig, 0, 1, 9);
        rig_login(rig, &in, 1, 0, 1);
        assert_int_equal(in.tag, 9);
        assert_int_equal(engine_path_remove(rig->engine, &target, &portal), -EBUSY);
        assert_int_equal(initiator_logout(&in), 0);
        assert_int_equal(initiator_wait_event(&in), -ECONNRESET);
        initiator_close(&in);
        rig_wait_sessions(rig, 0);
        while (engine_path_remove(rig->engine, &target, &portal) == -EBUSY)
            ; /* the session has left the list a moment before its pin is given back */
        assert_refused(&in, rig_try_login(rig, &in, 1, 0, 1), 2, 3);
    }
}

static void a_login_of_the_same_name_closes_the_old_session_first(void **state)
{
    struct rig *rig = *state;
    struct initiator old, new, other;
    uint8_t block[512] = { 0 };

    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    rig_lun(rig, 0, 0, 0);
    for (int i = 0; i < 8; i++) { /* with two reactors: old and new on the same one, and not */
        rig_login(rig, &other, 100, 0, 0);
        rig_login(rig, &old, 1, 0, 0);
        assert_true(initiator_clear_attentions(&old, 0, NULL) >= 0);
        rig_login(rig, &new, 1, 0, 0);
        assert_int_equal(initiator_wait_event(&old), -ECONNRESET);
        assert_int_not_equal(old.tsih, new.tsih);
        assert_true(initiator_clear_attentions(&new, 0, NULL) >= 0);
        assert_int_equal(initiator_read(&new, 0, 0, 1, block), 0);
        assert_true(initiator_clear_attentions(&other, 0, NULL) >= 0); /* another initiator is not meant */
        assert_int_equal(rig_n_sessions(rig), 2);
        initiator_close(&old);
        initiator_close(&new);
        initiator_close(&other);
        rig_wait_sessions(rig, 0);
    }
}

static void the_same_initiator_at_another_tag_is_another_session(void **state)
{
    struct rig *rig = *state;
    struct initiator first, second;

    rig_portal(rig, 0);
    rig_portal(rig, 1);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    rig_path(rig, 0, 1, 2);
    rig_login(rig, &first, 1, 0, 0);
    rig_login(rig, &second, 1, 0, 1);
    assert_int_equal(rig_n_sessions(rig), 2);
    assert_int_equal(initiator_nop(&first), 0);
    assert_int_equal(initiator_nop(&second), 0);
    initiator_close(&first);
    initiator_close(&second);
}

static void sessions_are_listed_with_what_is_known_of_them(void **state)
{
    struct rig *rig = *state;
    struct guid target = rig_target_id(0), portal = rig_portal_id(1);
    _cleanup_(freep) struct engine_session *list = NULL;
    struct initiator in, discovery;
    size_t n;

    rig_portal(rig, 0);
    rig_portal(rig, 1);
    rig_target(rig, 0);
    rig_path(rig, 0, 1, 5);
    rig_login(rig, &in, 1, 0, 1);
    assert_int_equal(engine_session_list(rig->engine, &list, &n), 0);
    assert_int_equal(n, 1);
    assert_true(guid_equal(&list[0].target, &target));
    assert_true(guid_equal(&list[0].portal, &portal));
    assert_string_equal(list[0].facts.initiator, in.name);
    assert_int_equal(list[0].facts.tag, 5);
    assert_int_equal(list[0].facts.tsih, in.tsih);
    assert_false(list[0].facts.discovery);
    assert_non_null(strstr(list[0].peer_address, "127.0.0.1:"));
    initiator_init(&discovery, 2);
    assert_int_equal(initiator_connect_text(&discovery, rig_address(rig, 0)), 0);
    assert_int_equal(initiator_login(&discovery, NULL), 0);
    free(TAKE_PTR(list));
    assert_int_equal(engine_session_list(rig->engine, &list, &n), 0);
    assert_int_equal(n, 2);
    assert_true(guid_is_null(&list[0].target) != guid_is_null(&list[1].target));
    initiator_close(&in);
    initiator_close(&discovery);
}

static void a_dropped_session_is_told_and_gone_when_the_call_returns(void **state)
{
    struct rig *rig = *state;
    _cleanup_(freep) struct engine_session *list = NULL;
    struct initiator in;
    uint64_t id;
    size_t n;

    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    rig_login(rig, &in, 1, 0, 0);
    assert_int_equal(engine_session_list(rig->engine, &list, &n), 0);
    assert_int_equal(n, 1);
    id = list[0].id;
    assert_int_equal(engine_session_drop(rig->engine, id), 0);
    assert_int_equal(rig_n_sessions(rig), 0);
    rig_wait_count(rig, &rig->n_down, 1);
    assert_int_equal(initiator_wait_event(&in), 0);
    assert_true(in.drop_announced);
    assert_int_equal(initiator_wait_event(&in), -ECONNRESET);
    assert_int_equal(engine_session_drop(rig->engine, id), -ENOENT);
    initiator_close(&in);
}

static int set_up_limited(void **state)
{
    const struct engine_options options = {
        .n_reactors = 2, .iscsi = iscsi_limits_default, .max_connections = 10, .max_connections_per_source = 4
    };

    return rig_set_up_with(state, &options);
}

static void connections_beyond_the_limit_of_a_source_are_closed_and_others_go_on(void **state)
{
    struct rig *rig = *state;
    struct initiator in[5], back;

    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    for (unsigned i = 0; i < 4; i++)
        rig_login(rig, &in[i], i, 0, 0);
    assert_true(rig_try_login(rig, &in[4], 4, 0, 0) < 0);
    assert_int_not_equal(in[4].status_class, 2); /* closed before any protocol */
    initiator_close(&in[4]);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(initiator_nop(&in[i]), 0);
    assert_int_equal(initiator_logout(&in[0]), 0);
    initiator_close(&in[0]);
    while (rig_try_login(rig, &back, 9, 0, 0) < 0)
        initiator_close(&back); /* until the place of the one that left is free */
    initiator_close(&back);
    for (unsigned i = 1; i < 4; i++)
        initiator_close(&in[i]);
}

static void a_connection_and_not_a_target_is_placed(void **state)
{
    struct rig *rig = *state;
    _cleanup_(freep) struct engine_session *list = NULL;
    struct initiator in[8];
    unsigned on[2] = { 0 };
    size_t n;

    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    for (unsigned i = 0; i < 8; i++)
        rig_login(rig, &in[i], i, 0, 0);
    assert_int_equal(engine_session_list(rig->engine, &list, &n), 0);
    for (size_t i = 0; i < n; i++)
        on[list[i].reactor]++;
    assert_int_equal(on[0], 4);
    assert_int_equal(on[1], 4);
    for (unsigned i = 0; i < 8; i++)
        initiator_close(&in[i]);
}

static void destroying_a_target_ends_its_sessions_and_no_others(void **state)
{
    struct rig *rig = *state;
    struct guid target = rig_target_id(0);
    struct initiator mine, theirs, late;

    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_target(rig, 1);
    rig_path(rig, 0, 0, 1);
    rig_path(rig, 1, 0, 1);
    rig_lun(rig, 0, 0, 0);
    rig_lun(rig, 1, 0, 1);
    rig_login(rig, &mine, 1, 0, 0);
    rig_login(rig, &theirs, 2, 1, 0);
    assert_int_equal(engine_target_destroy(rig->engine, &target), 0);
    assert_int_equal(engine_target_destroy(rig->engine, &target), -ENOENT);
    assert_int_equal(initiator_wait_event(&mine), 0);
    assert_true(mine.drop_announced);
    assert_true(initiator_clear_attentions(&theirs, 0, NULL) >= 0);
    assert_refused(&late, rig_try_login(rig, &late, 3, 0, 0), 2, 3);
    rig_target(rig, 0); /* name and id are free again */
    initiator_close(&mine);
    initiator_close(&theirs);
}

static void an_engine_is_destroyed_with_sessions_and_half_logins_open(void **state)
{
    struct rig *rig = *state;
    struct initiator in[6], half[3], silent[3];

    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    rig_lun(rig, 0, 0, 0);
    for (unsigned i = 0; i < 6; i++)
        rig_login(rig, &in[i], i, 0, 0);
    for (unsigned i = 0; i < 3; i++) {
        initiator_init(&half[i], 100 + i);
        assert_int_equal(initiator_connect_text(&half[i], rig_address(rig, 0)), 0);
        assert_int_equal(initiator_login_begin(&half[i], rig_target_name(0)), 0);
        initiator_init(&silent[i], 200 + i);
        assert_int_equal(initiator_connect_text(&silent[i], rig_address(rig, 0)), 0);
    }
    engine_destroy(TAKE_PTR(rig->engine));
    for (unsigned i = 0; i < 6; i++)
        initiator_close(&in[i]);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(initiator_wait_event(&half[i]), -ECONNRESET);
        initiator_close(&half[i]);
        initiator_close(&silent[i]);
    }
}

static void chap_secrets_hold_for_the_target_they_were_set_on(void **state)
{
    struct rig *rig = *state;
    struct guid target = rig_target_id(0);
    const struct iscsi_secret secret = { "a-secret-of-16-b", 16 };
    struct initiator in;

    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_target(rig, 1);
    rig_path(rig, 0, 0, 1);
    rig_path(rig, 1, 0, 1);
    assert_int_equal(engine_target_set_secret(rig->engine, &target, NULL, &secret), 0);
    assert_refused(&in, rig_try_login(rig, &in, 1, 0, 0), 2, 1);
    rig_login(rig, &in, 1, 1, 0);
    initiator_close(&in);
    assert_int_equal(engine_target_set_secret(rig->engine, &target, NULL, NULL), 0);
    rig_login(rig, &in, 1, 0, 0);
    initiator_close(&in);
    assert_int_equal(engine_discovery_set_secret(rig->engine, NULL, &secret), 0);
    initiator_init(&in, 1);
    assert_int_equal(initiator_connect_text(&in, rig_address(rig, 0)), 0);
    assert_refused(&in, initiator_login(&in, NULL), 2, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(a_login_at_a_portal_in_no_group_of_the_target_is_not_found),
        rig_test(a_path_takes_logins_when_add_returns_and_none_when_remove_does),
        rig_test(a_login_of_the_same_name_closes_the_old_session_first),
        rig_test(the_same_initiator_at_another_tag_is_another_session),
        rig_test(sessions_are_listed_with_what_is_known_of_them),
        rig_test(a_dropped_session_is_told_and_gone_when_the_call_returns),
        cmocka_unit_test_setup_teardown(connections_beyond_the_limit_of_a_source_are_closed_and_others_go_on,
                                        set_up_limited, rig_tear_down),
        rig_test(a_connection_and_not_a_target_is_placed),
        rig_test(destroying_a_target_ends_its_sessions_and_no_others),
        rig_test(an_engine_is_destroyed_with_sessions_and_half_logins_open),
        rig_test(chap_secrets_hold_for_the_target_they_were_set_on),
    };

    return RUN_TESTS(tests);
}
