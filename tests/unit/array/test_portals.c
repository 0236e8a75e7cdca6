/* SPDX-License-Identifier: MIT */
/* QueryPortals, finding portals, SetStatus. */
#include "array_fixture.h"

#include <sched.h>

#include "array/array_internal.h"

static void query_portals_S_OK_lists_all_offline_ones_included(void **state)
{
    struct fixture *f = *state;
    struct array_portal_info info;

    assert_int_equal(count(f, ARRAY_PORTALS, NULL), N_PORTALS);
    assert_hr(array_portal_get(f->array, &f->portal[2], &info), S_OK);
    assert_string_equal(info.text, "[::1]:5003");
    assert_int_equal(info.addr.ss_family, AF_INET6);
    assert_int_equal(info.status, VDS_IPS_ONLINE);
    assert_true(info.address_present);
    assert_hr(array_portal_get(f->array, &f->portal[3], &info), S_OK);
    assert_string_equal(info.text, "10.9.8.7:5004");
    assert_int_equal(info.status, VDS_IPS_OFFLINE);
    assert_false(info.address_present);
}

static void query_portals_without_portals_is_empty_not_an_error(void **state)
{
    struct fixture *f = *state;
    struct guid *ids = (void *)(uintptr_t)1;
    size_t n = 9;

    fixture_stop(f);
    f->options.n_portals = 0; /* every address of the host; there is none */
    fake_addresses(NULL, 0);
    assert_hr(array_open(&f->options, &f->array), S_OK);
    assert_hr(array_query(f->array, ARRAY_PORTALS, NULL, &ids, &n), S_OK);
    assert_null(ids);
    assert_int_equal(n, 0);
}

static void a_snapshot_does_not_follow_later_changes(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), *ids, later;
    size_t n;

    assert_hr(array_query(f->array, ARRAY_TARGETS, NULL, &ids, &n), S_OK);
    later = a_target(f);
    assert_int_equal(n, 1);
    assert_true(guid_equal(&ids[0], &target));
    free(ids);
    assert_hr(array_query(f->array, ARRAY_TARGETS, NULL, &ids, &n), S_OK); /* oldest first */
    assert_int_equal(n, 2);
    assert_true(guid_equal(&ids[0], &target) && guid_equal(&ids[1], &later));
    free(ids);
}

static void every_address_of_the_host_is_a_portal_and_keeps_its_id(void **state)
{
    static const char *const one[] = { "192.0.2.1" }, *const both[] = { "192.0.2.1", "2001:db8::1" };
    struct fixture *f = *state;
    struct guid *ids, first, second;
    struct array_portal_info info;
    size_t n;

    fixture_stop(f);
    f->options.n_portals = 0;
    f->options.default_port = 860;
    fake_addresses(both, 2);
    assert_hr(array_open(&f->options, &f->array), S_OK);
    assert_hr(array_query(f->array, ARRAY_PORTALS, NULL, &ids, &n), S_OK);
    assert_int_equal(n, 2); /* those of the list that nobody refers to have gone */
    first = ids[0];
    second = ids[1];
    free(ids);
    assert_hr(array_portal_get(f->array, &first, &info), S_OK);
    assert_string_equal(info.text, "192.0.2.1:860");
    events_clear(f);
    fake_addresses(one, 1);
    fake_event(fixture_engine(f), ENGINE_ADDRESSES_CHANGED, NULL);
    expect_event(f, VDS_NF_PORTAL_DEPART, &second); /* unreferenced: dropped */
    assert_hr(array_portal_get(f->array, &second, &info), VDS_E_OBJECT_DELETED);
    fake_addresses(both, 2);
    assert_hr(array_reenumerate(f->array), S_OK);
    assert_hr(array_query(f->array, ARRAY_PORTALS, NULL, &ids, &n), S_OK);
    assert_int_equal(n, 2);
    assert_true(guid_equal(&ids[0], &first));
    expect_event(f, VDS_NF_PORTAL_ARRIVE, &ids[1]);
    second = ids[1];
    free(ids);
    array_close(f->array);
    assert_hr(array_open(&f->options, &f->array), S_OK);
    assert_hr(array_query(f->array, ARRAY_PORTALS, NULL, &ids, &n), S_OK);
    assert_true(n == 2 && guid_equal(&ids[0], &first) && guid_equal(&ids[1], &second));
    free(ids);
}

static void a_portal_whose_address_goes_stays_offline_while_a_group_refers_to_it(void **state)
{
    static const char *const one[] = { "192.0.2.1" }, *const both[] = { "192.0.2.1", "192.0.2.2" };
    struct fixture *f = *state;
    struct guid target, group, *ids, portal;
    struct array_portal_info info;
    size_t n;

    fixture_stop(f);
    f->options.n_portals = 0;
    fake_addresses(both, 2);
    assert_hr(array_open(&f->options, &f->array), S_OK);
    assert_hr(array_query(f->array, ARRAY_PORTALS, NULL, &ids, &n), S_OK);
    portal = ids[1];
    free(ids);
    target = a_target(f);
    group = a_group(f, &target);
    assert_hr(add_portal(f, &group, &portal), S_OK);
    events_clear(f);
    fake_addresses(one, 1);
    fake_event(fixture_engine(f), ENGINE_ADDRESSES_CHANGED, NULL);
    expect_event(f, VDS_NF_PORTAL_MODIFY, &portal);
    assert_hr(array_reenumerate(f->array), S_OK);
    assert_hr(array_portal_get(f->array, &portal, &info), S_OK);
    assert_int_equal(info.status, VDS_IPS_OFFLINE);
    assert_false(fake_listens(fixture_engine(f), &portal));
    assert_int_equal(fake_tag(fixture_engine(f), &target, &portal),
                     1); /* the pair stays, for when it comes back */
    fixture_restart(f);  /* also over a restart */
    assert_hr(array_portal_get(f->array, &portal, &info), S_OK);
    events_clear(f);
    fake_addresses(both, 2);
    fake_event(fixture_engine(f), ENGINE_ADDRESSES_CHANGED, NULL);
    await_event(f, VDS_NF_PORTAL_MODIFY, &portal);
    assert_hr(array_reenumerate(f->array), S_OK);
    assert_true(fake_listens(fixture_engine(f), &portal));
    fake_addresses(one, 1);
    assert_hr(array_reenumerate(f->array), S_OK);
    assert_hr(remove_portal(f, &group, &portal), S_OK); /* the last reference: now it may go */
    await_event(f, VDS_NF_PORTAL_DEPART, &portal);
}

static void portals_whose_address_goes_are_told_of_in_one_call(void **state)
{
    static const char *const loopback[] = { "127.0.0.1" }, *const others[] = { "192.0.2.1" };
    struct fixture *f = *state;

    events_clear(f);
    fake_addresses(others, 1);
    fake_event(fixture_engine(f), ENGINE_ADDRESSES_CHANGED, NULL);
    await_event(f, VDS_NF_PORTAL_MODIFY, &f->portal[2]);
    assert_int_equal(f->n_seen, 3); /* 127.0.0.1 twice, ::1 */
    assert_int_equal(f->seen[0].call, f->seen[2].call);
    fake_addresses(loopback, 1);
    fake_event(fixture_engine(f), ENGINE_ADDRESSES_CHANGED, NULL);
    await_event(f, VDS_NF_PORTAL_MODIFY, &f->portal[1]);
    assert_int_equal(f->seen[3].call, f->seen[4].call);
}

static void a_portal_listens_exactly_while_a_group_holds_it_and_it_is_online(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);

    assert_hr(array_portal_set_status(f->array, &f->portal[0], VDS_IPS_OFFLINE), S_OK);
    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    assert_false(fake_listens(fixture_engine(f), &f->portal[0]));
    assert_hr(array_portal_set_status(f->array, &f->portal[0], VDS_IPS_ONLINE), S_OK);
    assert_true(fake_listens(fixture_engine(f), &f->portal[0]));
    fixture_restart(f);
    assert_true(fake_listens(fixture_engine(f), &f->portal[0]));
    assert_false(fake_listens(fixture_engine(f), &f->portal[1]));
}

static void set_status_OFFLINE_drains_is_durable_and_ONLINE_brings_all_back(void **state)
{
    struct fixture *f = *state;
    struct guid t1 = a_target(f), t2 = a_target(f), g1 = a_group(f, &t1), g2 = a_group(f, &t2);

    assert_hr(add_portal(f, &g1, &f->portal[0]), S_OK);
    assert_hr(add_portal(f, &g2, &f->portal[0]), S_OK);
    fake_connections(fixture_engine(f), &t1, &f->portal[0], 2);
    events_clear(f);
    assert_hr(array_portal_set_status(f->array, &f->portal[0], VDS_IPS_OFFLINE), S_OK);
    expect_event(f, VDS_NF_PORTAL_MODIFY, &f->portal[0]);
    assert_int_equal(portal_status_of(f, 0), VDS_IPS_OFFLINE);
    assert_false(fake_listens(fixture_engine(f), &f->portal[0]));
    assert_hr(array_portal_set_status(f->array, &f->portal[0], VDS_IPS_OFFLINE), S_OK); /* already: nothing */
    expect_no_more_events(f);
    fixture_restart(f);
    assert_int_equal(portal_status_of(f, 0), VDS_IPS_OFFLINE);
    assert_false(fake_listens(fixture_engine(f), &f->portal[0]));
    events_clear(f);
    assert_hr(array_portal_set_status(f->array, &f->portal[0], VDS_IPS_ONLINE), S_OK);
    expect_event(f, VDS_NF_PORTAL_MODIFY, &f->portal[0]);
    expect_no_more_events(f);
    assert_true(fake_listens(fixture_engine(f), &f->portal[0]));
    assert_int_equal(fake_tag(fixture_engine(f), &t1, &f->portal[0]), 1);
    assert_int_equal(fake_tag(fixture_engine(f), &t2, &f->portal[0]), 1);
}

static void set_status_refuses_what_is_no_request(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f);

    assert_hr(array_portal_set_status(f->array, &f->portal[0], VDS_IPS_UNKNOWN), E_INVALIDARG);
    assert_hr(array_portal_set_status(f->array, &f->portal[0], 77), E_INVALIDARG);
    assert_hr(array_portal_set_status(f->array, &f->portal[0], VDS_IPS_FAILED), VDS_E_NOT_SUPPORTED);
    assert_hr(array_portal_set_status(f->array, &f->portal[0], VDS_IPS_NOT_READY), VDS_E_NOT_SUPPORTED);
    assert_hr(array_portal_set_status(f->array, &target, VDS_IPS_ONLINE), VDS_E_OBJECT_DELETED);
    assert_hr(array_portal_set_status(f->array, NULL, VDS_IPS_ONLINE), E_INVALIDARG);
}

static void set_status_ONLINE_with_the_port_taken_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    char *before, *after;

    assert_hr(array_portal_set_status(f->array, &f->portal[0], VDS_IPS_OFFLINE), S_OK);
    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    before = fixture_dump_all(f);
    fake.taken_port = 5001;
    assert_hr(array_portal_set_status(f->array, &f->portal[0], VDS_IPS_ONLINE), WSAEADDRINUSE_HR);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void *set_offline(void *arg)
{
    struct fixture *f = arg;

    return (void *)(uintptr_t)(uint32_t)array_portal_set_status(f->array, &f->portal[0], VDS_IPS_OFFLINE);
}

static void while_a_portal_is_set_offline_it_is_VDS_E_ANOTHER_CALL_IN_PROGRESS(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target), other = a_group(f, &target);
    pthread_t thread;
    void *hr;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 1);
    fake.hold_drains = true;
    assert_int_equal(pthread_create(&thread, NULL, set_offline, f), 0);
    fake_drains_wait(1);
    assert_hr(array_portal_set_status(f->array, &f->portal[0], VDS_IPS_ONLINE),
              VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(remove_portal(f, &group, &f->portal[0]), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(target_delete(f, &target), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(add_portal(f, &other, &f->portal[1]), S_OK);
    fake_drains_finish();
    pthread_join(thread, &hr);
    assert_int_equal((uintptr_t)hr, S_OK);
}

static void a_port_that_is_taken_at_start_is_a_status(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target), other = a_group(f, &target);
    struct array_subsystem_info info;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    assert_hr(add_portal(f, &other, &f->portal[1]), S_OK);
    fixture_stop(f);
    fake.taken_port = 5001;
    fixture_start(f);
    assert_int_equal(portal_status_of(f, 0), VDS_IPS_FAILED);
    assert_int_equal(portal_status_of(f, 1), VDS_IPS_ONLINE);
    assert_hr(array_subsystem_get(f->array, &info), S_OK);
    assert_int_equal(info.health, VDS_H_DEGRADED);
    fake.taken_port = 0;
    events_clear(f);
    assert_hr(array_reenumerate(f->array), S_OK);
    assert_int_equal(portal_status_of(f, 0), VDS_IPS_ONLINE);
    expect_event(f, VDS_NF_PORTAL_MODIFY, &f->portal[0]);
    expect_event(f, VDS_NF_SUB_SYSTEM_MODIFY, &info.id);
    assert_hr(array_subsystem_get(f->array, &info), S_OK);
    assert_int_equal(info.health, VDS_H_HEALTHY);
    assert_true(fake_listens(fixture_engine(f), &f->portal[0]));
}

static void *free_the_port(void *arg)
{
    while (fake.n_calls < *(int *)arg) /* it has been tried, and tried again */
        sched_yield();
    fake.taken_port = 0;
    return NULL;
}

static void a_port_that_the_service_before_has_not_let_go_yet_listens_when_the_start_is_over(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    pthread_t thread;
    int calls;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    fixture_stop(f);
    fake.taken_port = 5001;
    calls = fake.n_calls + 5;
    assert_int_equal(pthread_create(&thread, NULL, free_the_port, &calls), 0);
    fixture_start(f);
    pthread_join(thread, NULL);
    assert_int_equal(portal_status_of(f, 0), VDS_IPS_ONLINE);
    assert_true(fake_listens(fixture_engine(f), &f->portal[0]));
}

static void a_listener_that_dies_is_opened_again(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    int calls;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    calls = fake.n_calls;
    fake_event(fixture_engine(f), ENGINE_LISTENER_FAILED, &f->portal[0]);
    assert_hr(array_reenumerate(f->array), S_OK);
    fixture_stop(f);                        /* the housekeeper has ended: no race with its call */
    assert_true(fake.n_calls >= calls + 2); /* closed and opened */
    fixture_start(f);
    assert_int_equal(portal_status_of(f, 0), VDS_IPS_ONLINE);
}

static void a_portal_option_that_is_no_address_is_refused_with_its_text(void **state)
{
    static const char *const bad[] = { "127.0.0.1:5001", "storage.example.com" };
    struct fixture *f = *state;
    struct array *array = (void *)(uintptr_t)1;
    struct array_options options = f->options;
    char dir[] = "/tmp/vds-array-XXXXXX";

    options.state_dir = mkdtemp(dir);
    options.portals = bad;
    options.n_portals = 2;
    assert_hr(array_open(&options, &array), E_INVALIDARG);
    assert_null(array);
    assert_non_null(strstr(error_text_get(), "storage.example.com"));
    rmdir(dir);
    assert_hr(array_open(NULL, &array), E_INVALIDARG);
    assert_hr(array_open(&f->options, NULL), E_INVALIDARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(query_portals_S_OK_lists_all_offline_ones_included),
        TEST(query_portals_without_portals_is_empty_not_an_error),
        TEST(a_snapshot_does_not_follow_later_changes),
        TEST(every_address_of_the_host_is_a_portal_and_keeps_its_id),
        TEST(a_portal_whose_address_goes_stays_offline_while_a_group_refers_to_it),
        TEST(portals_whose_address_goes_are_told_of_in_one_call),
        TEST(a_portal_listens_exactly_while_a_group_holds_it_and_it_is_online),
        TEST(set_status_OFFLINE_drains_is_durable_and_ONLINE_brings_all_back),
        TEST(set_status_refuses_what_is_no_request),
        TEST(set_status_ONLINE_with_the_port_taken_changes_nothing),
        TEST(while_a_portal_is_set_offline_it_is_VDS_E_ANOTHER_CALL_IN_PROGRESS),
        TEST(a_port_that_is_taken_at_start_is_a_status),
        TEST(a_port_that_the_service_before_has_not_let_go_yet_listens_when_the_start_is_over),
        TEST(a_listener_that_dies_is_opened_again),
        TEST(a_portal_option_that_is_no_address_is_refused_with_its_text),
    };

    return RUN_TESTS(tests);
}
