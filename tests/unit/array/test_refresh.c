/* SPDX-License-Identifier: MIT */
/* Refresh brings cache and engine to what the file says, with drains and events; notifications; who owns the
 * state; the time of an AddPortal among many targets. */
#include "array_fixture.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "array/array_internal.h"

static void take_over(struct fixture *f)
{
    assert_hr(array_reenumerate(f->array), S_OK);
    assert_hr(array_refresh(f->array), S_OK);
}

/* Whatever was changed outside: afterwards all is as after a restart on the same file. */
static void expect_like_a_restart(struct fixture *f)
{
    char *refreshed = fixture_dump_all(f), *restarted;

    fixture_restart(f);
    restarted = fixture_dump_all(f);
    assert_string_equal(refreshed, restarted);
    free(refreshed);
    free(restarted);
}

static void copy(const char *from, const char *to)
{
    char command[320];

    snprintf(command, sizeof command, "cp %s %s", from, to);
    assert_int_equal(system(command), 0);
}

static void a_restored_older_state_is_served_after_refresh(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target), later, later_group, lun = a_lun(f),
                new_lun;
    char path[128], saved[140], *before, *after;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    assert_hr(array_lun_associate_targets(f->array, &lun, &target, 1), S_OK);
    fixture_state_path(f, path);
    snprintf(saved, sizeof saved, "%s.saved", path);
    copy(path, saved);
    before = fixture_dump_all(f);
    later = a_target(f);
    later_group = a_group(f, &later);
    assert_hr(add_portal(f, &later_group, &f->portal[1]), S_OK);
    assert_hr(remove_portal(f, &group, &f->portal[0]), S_OK);
    assert_hr(add_portal(f, &group, &f->portal[2]), S_OK);
    new_lun = a_lun(f);
    assert_hr(array_lun_associate_targets(f->array, &new_lun, &target, 1), S_OK);
    assert_hr(array_lun_set_mask(f->array, &lun, "*"), S_OK);
    events_clear(f);
    assert_int_equal(rename(saved, path), 0);
    take_over(f);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    await_event(f, VDS_NF_LUN_DEPART, &new_lun);
    await_event(f, VDS_NF_PORTAL_GROUP_DEPART, &later_group);
    await_event(f, VDS_NF_TARGET_DEPART, &later);
    await_event(f, VDS_NF_PORTAL_GROUP_MODIFY, &group);
    await_event(f, VDS_NF_LUN_MODIFY, &lun);
    expect_like_a_restart(f);
    free(before);
    free(after);
}

static void a_portal_moved_between_groups_outside_is_drained_and_gets_the_new_tag(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), one = a_group(f, &target), two = a_group(f, &target);

    assert_hr(add_portal(f, &one, &f->portal[0]), S_OK);
    assert_hr(add_portal(f, &one, &f->portal[1]), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 1);
    fixture_sql(f->dir,
                "UPDATE group_portals SET group_id = (SELECT id FROM groups WHERE tag = 2) WHERE portal ="
                " (SELECT id FROM portals WHERE port = 5001)");
    take_over(f);
    assert_int_equal(fake_tag(fixture_engine(f), &target, &f->portal[0]), 2);
    assert_int_equal(fake_tag(fixture_engine(f), &target, &f->portal[1]), 1);
    assert_int_equal(count(f, ARRAY_PORTALS_OF_GROUP, &two), 1);
    expect_like_a_restart(f);
}

static void names_masks_numbers_and_statuses_changed_outside_reach_the_engine(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target), lun = a_lun(f);
    struct array_target_info info;
    uint16_t number;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    assert_hr(array_lun_associate_targets(f->array, &lun, &target, 1), S_OK);
    fixture_sql(
        f->dir,
        "UPDATE targets SET iscsi_name = 'iqn.2001-04.com.example:renamed'; UPDATE luns SET mask = '*';"
        "UPDATE lun_targets SET number = 17; UPDATE portals SET offline = 1 WHERE port = 5001;"
        "INSERT INTO secrets SELECT id, 0, '', x'0102030405060708090a0b0c' FROM targets");
    take_over(f);
    assert_hr(array_target_get(f->array, &target, &info), S_OK);
    assert_string_equal(info.iscsi_name, "iqn.2001-04.com.example:renamed");
    assert_true(info.chap);
    assert_hr(array_lun_number(f->array, &lun, &target, &number), S_OK);
    assert_int_equal(number, 17);
    assert_int_equal(portal_status_of(f, 0), VDS_IPS_OFFLINE);
    assert_false(fake_listens(fixture_engine(f), &f->portal[0]));
    expect_like_a_restart(f);
    fixture_sql(f->dir, "DELETE FROM secrets; UPDATE portals SET offline = 0");
    take_over(f);
    assert_true(fake_listens(fixture_engine(f), &f->portal[0]));
    expect_like_a_restart(f);
}

static void bad_rows_from_outside_are_left_out_and_the_rest_is_served(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    log_set_level(LOG_LEVEL_ERROR);
    fixture_sql(f->dir, "INSERT INTO targets VALUES (randomblob(16), 'nonsense', '', 1);"
                        "INSERT INTO groups VALUES (randomblob(16), randomblob(16), 9)");
    take_over(f);
    assert_int_equal(count(f, ARRAY_TARGETS, NULL), 1);
    assert_int_equal(fixture_sql_int(f->dir, "SELECT count(*) FROM quarantine"), 2);
    expect_like_a_restart(f);
}

static void a_state_file_that_vanished_is_not_taken_for_an_empty_one(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), *ids;
    char path[128], saved[140];
    size_t n;

    fixture_state_path(f, path);
    snprintf(saved, sizeof saved, "%s.saved", path);
    assert_int_equal(rename(path, saved), 0);
    assert_hr(array_query(f->array, ARRAY_TARGETS, NULL, &ids, &n), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_true(FAILED(array_reenumerate(f->array)));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(rename(saved, path), 0);
    take_over(f);
    assert_int_equal(count(f, ARRAY_TARGETS, NULL), 1);
    assert_true(array_exists(f->array, VDS_OT_TARGET, &target));
}

static void *refresh(void *arg)
{
    struct fixture *f = arg;

    return (void *)(uintptr_t)(uint32_t)array_refresh(f->array);
}

static void query_portals_VDS_E_ANOTHER_CALL_IN_PROGRESS_while_the_array_is_refreshed(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target), *ids;
    struct array_op *op = NULL;
    pthread_t thread;
    void *hr;
    size_t n;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 1);
    fake.hold_drains = true;
    fixture_sql(f->dir, "DELETE FROM group_portals");
    assert_hr(array_reenumerate(f->array), S_OK);
    assert_int_equal(pthread_create(&thread, NULL, refresh, f), 0);
    fake_drains_wait(1);
    pthread_mutex_lock(&f->array->lock);
    f->array->corrupt = false; /* a refresh without a foreign change looks the same from here on */
    pthread_mutex_unlock(&f->array->lock);
    assert_hr(array_query(f->array, ARRAY_PORTALS, NULL, &ids, &n), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(array_query(f->array, ARRAY_TARGETS, NULL, &ids, &n), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(array_target_create(f->array, NULL, NULL, &op), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(array_refresh(f->array), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(array_reenumerate(f->array), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    fake_drains_finish();
    pthread_join(thread, &hr);
    assert_int_equal((uintptr_t)hr, S_OK);
    assert_hr(array_query(f->array, ARRAY_PORTALS, NULL, &ids, &n), S_OK);
    free(ids);
}

static void closing_during_a_refresh_ends_it(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    pthread_t thread;
    void *hr;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 1);
    fake.hold_drains = true;
    fixture_sql(f->dir, "DELETE FROM targets; DELETE FROM groups; DELETE FROM group_portals");
    assert_hr(array_reenumerate(f->array), S_OK);
    assert_int_equal(pthread_create(&thread, NULL, refresh, f), 0);
    fake_drains_wait(1);
    struct array_op *op = NULL;
    pthread_mutex_lock(&f->array->lock);
    op = array_op_ref(container_of(f->array->ops.next, struct array_op, link));
    pthread_mutex_unlock(&f->array->lock);
    assert_hr(array_op_cancel(op), S_OK); /* what array_close() does */
    array_op_unref(op);
    pthread_join(thread, &hr);
    assert_int_equal((uintptr_t)hr, (uint32_t)VDS_E_OPERATION_CANCELED);
    assert_int_equal(fake_tag(fixture_engine(f), &target, &f->portal[0]), 1); /* still served as before */
}

static void a_refresh_of_nothing_new_says_nothing(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target), lun = a_lun(f);
    char *before, *after;
    int calls;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    assert_hr(array_lun_associate_targets(f->array, &lun, &target, 1), S_OK);
    before = fixture_dump_all(f);
    events_clear(f);
    calls = fake.n_calls;
    assert_hr(array_reenumerate(f->array), S_OK);
    assert_hr(array_refresh(f->array), S_OK);
    assert_int_equal(fake.n_calls, calls); /* and asks nothing of the engine */
    expect_no_more_events(f);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* ---- the owner ------------------------------------------------------------------------------- */

static void a_second_service_on_the_same_state_is_refused(void **state)
{
    struct fixture *f = *state;
    struct array *second = (void *)(uintptr_t)1;

    assert_hr(array_open(&f->options, &second), HRESULT_FROM_WIN32(32)); /* ERROR_SHARING_VIOLATION */
    assert_null(second);
    assert_non_null(strstr(error_text_get(), f->dir));
}

static void a_state_file_that_cannot_be_read_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[128];
    FILE *file;

    fixture_stop(f);
    fixture_sql(f->dir, "PRAGMA user_version = 4711");
    assert_hr(array_open(&f->options, &f->array), HRESULT_FROM_WIN32(1306)); /* ERROR_REVISION_MISMATCH */
    fixture_state_path(f, path);
    file = fopen(path, "w");
    fprintf(file, "%0200d", 7);
    fclose(file);
    assert_hr(array_open(&f->options, &f->array), HRESULT_FROM_WIN32(1392)); /* ERROR_FILE_CORRUPT */
    assert_null(f->array);
    assert_int_equal(unlink(path), 0);
    fixture_start(f);
}

/* ---- notifications --------------------------------------------------------------------------- */

static void slow_sink(void *arg, const struct array_notification *events, size_t n)
{
    struct fixture *f = arg;

    assert_in_range(n, 1, 100); /* IVdsAdviseSink::OnNotify */
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < n; i++)
        if (f->n_seen < 4096)
            f->seen[f->n_seen++] = (struct seen){ events[i], f->n_calls };
    f->n_calls++;
    pthread_cond_broadcast(&f->arrived);
    pthread_mutex_unlock(&f->lock);
}

static void events_of_one_change_come_together_at_most_100_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct guid target;
    size_t n_departed = 0;

    fixture_stop(f);
    f->options.notify = slow_sink;
    fixture_start(f);
    target = a_target(f);
    for (unsigned i = 0; i < 150; i++)
        a_group(f, &target);
    events_clear(f);
    f->n_calls = 0;
    assert_hr(target_delete(f, &target), S_OK);
    await_event(f, VDS_NF_TARGET_DEPART, &target);
    for (size_t i = 0; i < f->n_seen; i++)
        n_departed += f->seen[i].event.event == VDS_NF_PORTAL_GROUP_DEPART;
    assert_int_equal(n_departed, 150);
    assert_int_equal(f->n_calls, 2);
}

static void an_array_without_a_sink_works(void **state)
{
    struct fixture *f = *state;
    struct guid target;

    fixture_stop(f);
    f->options.notify = NULL;
    fixture_start(f);
    target = a_target(f);
    a_group(f, &target);
    assert_hr(target_delete(f, &target), S_OK);
}

/* ---- size ------------------------------------------------------------------------------------ */

/* Not a measurement (bench/ is), but a guard: looking up one group among a thousand targets must not walk
 * them. */
static void an_array_of_300_targets_starts_again_and_answers(void **state)
{
    struct fixture *f = *state;
    struct guid target = { 0 }, group = { 0 };

    for (unsigned i = 0; i < 300; i++) {
        target = a_target(f);
        for (unsigned g = 0; g < 2; g++) {
            group = a_group(f, &target);
            assert_hr(add_portal(f, &group, &f->portal[g]), S_OK);
            assert_hr(add_portal(f, &group, &f->portal[g + 2]), S_OK);
        }
    }
    fixture_restart_changes_nothing(f);
    assert_int_equal(count(f, ARRAY_GROUPS_OF_PORTAL, &f->portal[0]), 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_restored_older_state_is_served_after_refresh),
        TEST(a_portal_moved_between_groups_outside_is_drained_and_gets_the_new_tag),
        TEST(names_masks_numbers_and_statuses_changed_outside_reach_the_engine),
        TEST(bad_rows_from_outside_are_left_out_and_the_rest_is_served),
        TEST(a_state_file_that_vanished_is_not_taken_for_an_empty_one),
        TEST(query_portals_VDS_E_ANOTHER_CALL_IN_PROGRESS_while_the_array_is_refreshed),
        TEST(closing_during_a_refresh_ends_it),
        TEST(a_refresh_of_nothing_new_says_nothing),
        TEST(a_second_service_on_the_same_state_is_refused),
        TEST(a_state_file_that_cannot_be_read_is_refused),
        TEST(events_of_one_change_come_together_at_most_100_at_a_time),
        TEST(an_array_without_a_sink_works),
        TEST(an_array_of_300_targets_starts_again_and_answers),
    };

    return RUN_TESTS(tests);
}
