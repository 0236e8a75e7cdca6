/* SPDX-License-Identifier: MIT */
/* SetStatus of LUN, drive, controller and subsystem: what the wire does, what is told, what survives. */
#include "array_fixture.h"

static uint32_t lun_status_of(struct fixture *f, const struct guid *lun)
{
    struct array_lun_info info;
    uint32_t status;

    assert_hr(array_lun_get(f->array, lun, &info), S_OK);
    status = info.status;
    array_lun_info_fini(&info);
    return status;
}

static HRESULT set(struct fixture *f, enum array_status_of kind, const struct guid *id, uint32_t status)
{
    return array_set_status(f->array, kind, id, status);
}

static void a_lun_set_offline_does_not_answer_until_it_is_online_again(void **state)
{
    struct fixture *f = *state;
    struct guid lun = a_lun(f);

    assert_true(fake_unit_online(fixture_engine(f), &lun));
    events_clear(f);
    assert_hr(set(f, ARRAY_STATUS_LUN, &lun, VDS_LS_OFFLINE), S_OK);
    assert_false(fake_unit_online(fixture_engine(f), &lun));
    assert_int_equal(lun_status_of(f, &lun), VDS_LS_OFFLINE);
    expect_event(f, VDS_NF_LUN_MODIFY, &lun);
    assert_hr(set(f, ARRAY_STATUS_LUN, &lun, VDS_LS_OFFLINE), S_OK); /* already: nothing */
    expect_no_more_events(f);
    fixture_restart(f);
    assert_false(fake_unit_online(fixture_engine(f), &lun));
    assert_hr(set(f, ARRAY_STATUS_LUN, &lun, VDS_LS_ONLINE), S_OK);
    assert_true(fake_unit_online(fixture_engine(f), &lun));
    assert_int_equal(lun_status_of(f, &lun), VDS_LS_ONLINE);
}

static void a_drive_set_offline_fails_its_luns_and_takes_no_new_ones(void **state)
{
    struct fixture *f = *state;
    struct guid lun = a_lun(f), drive = only(f, ARRAY_DRIVES, NULL);
    struct array_lun_spec spec = { .size = 1 << 20 };
    struct array_drive_info info;
    struct array_op *op;

    events_clear(f);
    assert_hr(set(f, ARRAY_STATUS_DRIVE, &drive, VDS_DRS_OFFLINE), S_OK);
    expect_event(f, VDS_NF_DRIVE_MODIFY, &drive);
    expect_event(f, VDS_NF_LUN_MODIFY, &lun);
    assert_false(fake_unit_online(fixture_engine(f), &lun));
    assert_int_equal(lun_status_of(f, &lun), VDS_LS_FAILED);
    assert_hr(set(f, ARRAY_STATUS_LUN, &lun, VDS_LS_ONLINE), VDS_E_OBJECT_STATUS_FAILED);
    assert_hr(array_lun_create(f->array, &spec, &op), VDS_E_NOT_ENOUGH_DRIVE);
    fixture_restart(f);
    assert_hr(array_drive_get(f->array, &drive, &info), S_OK);
    assert_int_equal(info.status, VDS_DRS_OFFLINE);
    assert_false(fake_unit_online(fixture_engine(f), &lun));
    assert_hr(set(f, ARRAY_STATUS_DRIVE, &drive, VDS_DRS_ONLINE), S_OK);
    assert_true(fake_unit_online(fixture_engine(f), &lun));
    assert_int_equal(lun_status_of(f, &lun), VDS_LS_ONLINE);
}

static void a_lun_that_is_offline_itself_stays_so_when_its_drive_comes_online(void **state)
{
    struct fixture *f = *state;
    struct guid lun = a_lun(f), drive = only(f, ARRAY_DRIVES, NULL);

    assert_hr(set(f, ARRAY_STATUS_LUN, &lun, VDS_LS_OFFLINE), S_OK);
    assert_hr(set(f, ARRAY_STATUS_DRIVE, &drive, VDS_DRS_OFFLINE), S_OK);
    assert_hr(set(f, ARRAY_STATUS_DRIVE, &drive, VDS_DRS_ONLINE), S_OK);
    assert_false(fake_unit_online(fixture_engine(f), &lun));
    assert_int_equal(lun_status_of(f, &lun), VDS_LS_OFFLINE);
}

static void offline_and_back(struct fixture *f, enum array_status_of kind, const struct guid *id,
                             uint32_t depart, uint32_t arrive)
{
    struct guid target = a_target(f), group = a_group(f, &target), lun = a_lun(f);

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 2);
    events_clear(f);
    assert_hr(set(f, kind, id, VDS_SSS_OFFLINE), S_OK);
    await_event(f, depart, id);
    await_event(f, VDS_NF_LUN_MODIFY, &lun);
    await_event(f, VDS_NF_PORTAL_MODIFY, &f->portal[0]);
    assert_false(fake_listens(fixture_engine(f), &f->portal[0]));
    assert_false(fake_unit_online(fixture_engine(f), &lun));
    assert_int_equal(portal_status_of(f, 0), VDS_IPS_NOT_READY);
    assert_int_equal(lun_status_of(f, &lun), VDS_LS_NOT_READY);
    assert_hr(add_portal(f, &group, &f->portal[1]), S_OK); /* can be configured, does not listen */
    assert_false(fake_listens(fixture_engine(f), &f->portal[1]));
    fixture_restart(f);
    assert_false(fake_listens(fixture_engine(f), &f->portal[0]));
    assert_false(fake_unit_online(fixture_engine(f), &lun));
    assert_hr(array_refresh(f->array), S_OK);
    assert_false(fake_listens(fixture_engine(f), &f->portal[0]));
    events_clear(f);
    assert_hr(set(f, kind, id, VDS_SSS_ONLINE), S_OK);
    await_event(f, arrive, id);
    assert_true(fake_listens(fixture_engine(f), &f->portal[0]));
    assert_true(fake_listens(fixture_engine(f), &f->portal[1]));
    assert_true(fake_unit_online(fixture_engine(f), &lun));
    assert_int_equal(fake_tag(fixture_engine(f), &target, &f->portal[0]), 1);
}

static void the_subsystem_offline_stops_serving_and_online_resumes(void **state)
{
    struct fixture *f = *state;
    struct array_subsystem_info info;

    assert_hr(array_subsystem_get(f->array, &info), S_OK);
    offline_and_back(f, ARRAY_STATUS_SUBSYSTEM, &info.id, VDS_NF_SUB_SYSTEM_MODIFY, VDS_NF_SUB_SYSTEM_MODIFY);
    assert_hr(set(f, ARRAY_STATUS_SUBSYSTEM, &info.id, VDS_SSS_OFFLINE), S_OK);
    assert_int_equal(subsystem_status(f), VDS_SSS_OFFLINE);
}

static void the_controller_offline_departs_with_all_it_serves_and_arrives_again(void **state)
{
    struct fixture *f = *state;
    struct guid controller = only(f, ARRAY_CONTROLLERS, NULL);
    struct array_controller_info info;

    offline_and_back(f, ARRAY_STATUS_CONTROLLER, &controller, VDS_NF_CONTROLLER_DEPART,
                     VDS_NF_CONTROLLER_ARRIVE);
    assert_hr(set(f, ARRAY_STATUS_CONTROLLER, &controller, VDS_CS_OFFLINE), S_OK);
    assert_hr(array_controller_get(f->array, &controller, &info), S_OK);
    assert_int_equal(info.status, VDS_CS_OFFLINE);
    assert_int_equal(subsystem_status(f), VDS_SSS_ONLINE);
}

static void what_is_no_request_is_refused_and_what_is_gone_is_deleted(void **state)
{
    struct fixture *f = *state;
    struct guid lun = a_lun(f), target = a_target(f);

    assert_hr(set(f, ARRAY_STATUS_LUN, &lun, VDS_LS_UNKNOWN), E_INVALIDARG);
    assert_hr(set(f, ARRAY_STATUS_LUN, &lun, VDS_LS_FAILED), E_INVALIDARG);
    assert_hr(set(f, ARRAY_STATUS_LUN, NULL, VDS_LS_ONLINE), E_INVALIDARG);
    assert_hr(set(f, (enum array_status_of)4, &lun, VDS_LS_ONLINE), E_INVALIDARG);
    for (unsigned kind = ARRAY_STATUS_SUBSYSTEM; kind <= ARRAY_STATUS_LUN; kind++)
        assert_hr(set(f, (enum array_status_of)kind, &target, VDS_LS_OFFLINE), VDS_E_OBJECT_DELETED);
}

static void the_import_target_is_kept_and_can_be_taken_away(void **state)
{
    struct fixture *f = *state;
    struct array_subsystem_info info;

    assert_hr(array_subsystem_set_import_target(f->array, "IQN.2026-11.org.example:import"), S_OK);
    assert_hr(array_subsystem_set_import_target(f->array, "not a name"), E_INVALIDARG);
    fixture_restart(f);
    assert_hr(array_subsystem_get(f->array, &info), S_OK);
    assert_string_equal(info.import_target, "iqn.2026-11.org.example:import");
    assert_hr(array_subsystem_set_import_target(f->array, ""), S_OK);
    assert_hr(array_subsystem_get(f->array, &info), S_OK);
    assert_string_equal(info.import_target, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lun_set_offline_does_not_answer_until_it_is_online_again),
        TEST(a_drive_set_offline_fails_its_luns_and_takes_no_new_ones),
        TEST(a_lun_that_is_offline_itself_stays_so_when_its_drive_comes_online),
        TEST(the_subsystem_offline_stops_serving_and_online_resumes),
        TEST(the_controller_offline_departs_with_all_it_serves_and_arrives_again),
        TEST(what_is_no_request_is_refused_and_what_is_gone_is_deleted),
        TEST(the_import_target_is_kept_and_can_be_taken_away),
    };

    return RUN_TESTS(tests);
}
