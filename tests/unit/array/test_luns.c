/* SPDX-License-Identifier: MIT */
/* LUNs: create, delete, mask, ties; and what a crash leaves of their files. */
#include "array_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"

static unsigned n_files(struct fixture *f, const char *suffix)
{
    char path[128];
    unsigned n = 0;
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof path, "%s/drive0", f->dir);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        size_t len = strlen(entry->d_name), n_suffix = strlen(suffix);
        n += len > n_suffix && strcmp(entry->d_name + len - n_suffix, suffix) == 0;
    }
    closedir(dir);
    return n;
}

static HRESULT lun_create(struct fixture *f, const struct array_lun_spec *spec, struct guid *ret_lun)
{
    struct array_op *op = NULL;
    HRESULT hr = array_lun_create(f->array, spec, &op);

    return finish_op(hr, op, ret_lun);
}

static struct array_lun_info info_of(struct fixture *f, const struct guid *lun)
{
    struct array_lun_info info;

    assert_hr(array_lun_get(f->array, lun, &info), S_OK);
    return info;
}

static uint16_t number_at(struct fixture *f, const struct guid *lun, const struct guid *target)
{
    uint16_t number = 999;

    assert_hr(array_lun_number(f->array, lun, target, &number), S_OK);
    return number;
}

static void file_path(struct fixture *f, const struct guid *lun, const char *suffix, char path[static 160])
{
    char id[GUID_TEXT_SIZE];

    guid_format(lun, id);
    snprintf(path, 160, "%s/drive0/lun-%s.img%s", f->dir, id, suffix);
}

static void create_lun_S_OK_rounds_up_to_a_mebibyte_and_masks_everyone(void **state)
{
    struct fixture *f = *state;
    struct array_lun_spec spec = { .size = (5 << 20) + 1, .thick = true };
    struct array_lun_inquiry inquiry;
    struct array_lun_info info;
    struct guid lun, drive = only(f, ARRAY_DRIVES, NULL);

    events_clear(f);
    assert_hr(lun_create(f, &spec, &lun), S_OK);
    expect_event(f, VDS_NF_LUN_ARRIVE, &lun);
    expect_event(f, VDS_NF_DRIVE_MODIFY, &drive);
    assert_int_equal(f->seen[0].call, f->seen[1].call); /* what belongs together comes together */
    expect_no_more_events(f);
    info = info_of(f, &lun);
    assert_int_equal(info.size, 6 << 20);
    assert_true(info.thick);
    assert_string_equal(info.mask, "");
    assert_int_equal(info.status, VDS_LS_ONLINE);
    assert_int_equal(info.health, VDS_H_HEALTHY);
    assert_true(guid_equal(&info.drive, &drive));
    array_lun_info_fini(&info);
    assert_hr(array_lun_inquiry(f->array, &lun, &inquiry), S_OK);
    assert_string_equal(inquiry.vendor, "VDS");
    assert_int_equal(n_files(f, ".img"), 1);
    assert_int_equal(n_files(f, ".creating"), 0);
}

static void create_lun_refuses_what_it_cannot_make(void **state)
{
    struct fixture *f = *state;
    struct guid nobody = { 1, 2, 3, { 4 } }, lun, drive = only(f, ARRAY_DRIVES, NULL);
    struct array_lun_spec spec = { .size = 0 };
    char *before = fixture_dump_all(f), *after;

    assert_hr(lun_create(f, &spec, &lun), E_INVALIDARG);
    spec.size = UINT64_MAX;
    assert_hr(lun_create(f, &spec, &lun), E_INVALIDARG);
    spec.size = 1 << 20;
    spec.mask = "not a name";
    assert_hr(lun_create(f, &spec, &lun), E_INVALIDARG);
    spec.mask = NULL;
    spec.drives = &nobody;
    spec.n_drives = 1;
    assert_hr(lun_create(f, &spec, &lun), VDS_E_OBJECT_NOT_FOUND);
    spec.drives = &drive;
    spec.thick = true;
    spec.size = UINT64_C(1) << 60;
    assert_hr(lun_create(f, &spec, &lun), VDS_E_NOT_ENOUGH_SPACE);
    spec.size = 1 << 20;
    fake.create_error = -ENOSPC; /* others have used the space meanwhile */
    assert_hr(lun_create(f, &spec, &lun), VDS_E_NOT_ENOUGH_SPACE);
    assert_hr(array_lun_create(f->array, NULL, NULL), E_INVALIDARG);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    assert_int_equal(n_files(f, ""), 2); /* . and .. */
    free(before);
    free(after);
}

static void create_lun_shows_progress_and_can_be_cancelled(void **state)
{
    struct fixture *f = *state;
    struct array_lun_spec spec = { .size = 100 << 20, .thick = true };
    struct array_op_result result;
    struct array_op *op = NULL;
    char *before = fixture_dump_all(f), *after;

    fake.hold_creates = true;
    assert_hr(array_lun_create(f->array, &spec, &op), S_OK);
    fake_create_wait();
    array_op_result(op, &result);
    assert_hr(result.hr, VDS_E_OPERATION_PENDING);
    assert_in_range(result.percent, 40, 60);
    assert_hr(array_op_cancel(op), S_OK);
    assert_hr(array_op_cancel(op), VDS_E_OPERATION_CANCELED);
    fake_create_release();
    assert_hr(finish_op(S_OK, op, NULL), VDS_E_OPERATION_CANCELED);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    assert_int_equal(n_files(f, ""), 2);
    free(before);
    free(after);
}

static void creating_a_lun_keeps_nobody_else_waiting(void **state)
{
    struct fixture *f = *state;
    struct array_lun_spec spec = { .size = 1 << 20, .thick = true };
    struct array_op *op = NULL;
    struct guid target, lun;

    fake.hold_creates = true;
    assert_hr(array_lun_create(f->array, &spec, &op), S_OK);
    fake_create_wait();
    target = a_target(f);
    a_group(f, &target);
    assert_int_equal(count(f, ARRAY_LUNS, NULL), 0); /* not there before it is durable */
    assert_hr(array_refresh(f->array), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    fake_create_release();
    assert_hr(finish_op(S_OK, op, &lun), S_OK);
    assert_int_equal(count(f, ARRAY_LUNS, NULL), 1);
}

static void lun_delete_takes_ties_and_file_along(void **state)
{
    struct fixture *f = *state;
    struct guid lun = a_lun(f), target = a_target(f), drive = only(f, ARRAY_DRIVES, NULL);
    struct array_lun_info info;

    assert_hr(array_lun_associate_targets(f->array, &lun, &target, 1), S_OK);
    events_clear(f);
    assert_hr(array_lun_delete(f->array, &lun), S_OK);
    expect_event(f, VDS_NF_LUN_DEPART, &lun);
    expect_event(f, VDS_NF_DRIVE_MODIFY, &drive);
    assert_int_equal(f->seen[0].call, f->seen[1].call);
    expect_no_more_events(f);
    assert_int_equal(n_files(f, ""), 2);
    assert_int_equal(count(f, ARRAY_LUNS_OF_TARGET, &target), 0);
    assert_int_equal(
        fixture_sql_int(f->dir, "SELECT (SELECT count(*) FROM luns) + (SELECT count(*) FROM lun_targets)"),
        0);
    assert_hr(array_lun_delete(f->array, &lun), VDS_E_OBJECT_DELETED);
    assert_hr(array_lun_get(f->array, &lun, &info), VDS_E_OBJECT_DELETED);
    assert_hr(array_lun_set_mask(f->array, &lun, "*"), VDS_E_OBJECT_DELETED);
    assert_hr(array_lun_set_write_through(f->array, &lun, true), VDS_E_OBJECT_DELETED);
    assert_hr(array_lun_associate_targets(f->array, &lun, NULL, 0), VDS_E_OBJECT_DELETED);
}

static void set_mask_replaces_the_list_and_reaches_the_engine(void **state)
{
    struct fixture *f = *state;
    struct guid lun = a_lun(f);
    struct array_lun_info info;
    char *dump;

    events_clear(f);
    assert_hr(
        array_lun_set_mask(f->array, &lun,
                           "iqn.2001-04.com.example:A;iqn.2001-04.com.example:b;iqn.2001-04.com.example:a"),
        S_OK);
    expect_event(f, VDS_NF_LUN_MODIFY, &lun);
    info = info_of(f, &lun);
    assert_string_equal(info.mask, "iqn.2001-04.com.example:a;iqn.2001-04.com.example:b");
    array_lun_info_fini(&info);
    dump = fake_dump(fixture_engine(f));
    assert_non_null(strstr(dump, " iqn.2001-04.com.example:a;iqn.2001-04.com.example:b;\n"));
    free(dump);
    assert_hr(array_lun_set_mask(f->array, &lun, "*"), S_OK);
    assert_hr(array_lun_set_mask(f->array, &lun, "*;*"), E_INVALIDARG);
    assert_hr(array_lun_set_mask(f->array, &lun, NULL), E_INVALIDARG);
    info = info_of(f, &lun);
    assert_string_equal(info.mask, "*");
    array_lun_info_fini(&info);
    fixture_restart(f);
    dump = fake_dump(fixture_engine(f));
    assert_non_null(strstr(dump, " *\n"));
    free(dump);
}

static uint32_t flags_of(struct fixture *f, const struct guid *lun)
{
    struct array_lun_info info;

    assert_hr(array_lun_get(f->array, lun, &info), S_OK);
    array_lun_info_fini(&info);
    return info.flags;
}

static void a_disk_without_partitions_has_no_signature(void **state)
{
    struct fixture *f = *state;
    struct guid lun = a_lun(f), gone = { 1 }, signature = { 1 };

    assert_hr(array_lun_signature(f->array, &lun, &signature), S_OK);
    assert_true(guid_is_null(&signature));
    assert_hr(array_lun_signature(f->array, &gone, &signature), VDS_E_OBJECT_DELETED);
    assert_hr(array_lun_signature(f->array, &lun, NULL), E_INVALIDARG);
}

static void writes_go_through_the_cache_when_they_are_told_to(void **state)
{
    struct fixture *f = *state;
    struct guid lun = a_lun(f), gone = { 1 };

    assert_int_equal(flags_of(f, &lun), VDS_LF_READ_CACHE_ENABLED | VDS_LF_WRITE_CACHE_ENABLED);
    events_clear(f);
    assert_hr(array_lun_set_write_through(f->array, &lun, false), S_OK); /* as it is */
    expect_no_more_events(f);
    assert_hr(array_lun_set_write_through(f->array, &lun, true), S_OK);
    expect_event(f, VDS_NF_LUN_MODIFY, &lun);
    assert_int_equal(fake.n_flushes, 1); /* what was written before is on the drive */
    assert_int_equal(flags_of(f, &lun), VDS_LF_READ_CACHE_ENABLED | VDS_LF_WRITE_THROUGH_CACHING_ENABLED);
    fake.fail_cache = true;
    assert_int_equal(FAILED(array_lun_set_write_through(f->array, &lun, false)), true);
    assert_int_equal(flags_of(f, &lun), VDS_LF_READ_CACHE_ENABLED | VDS_LF_WRITE_THROUGH_CACHING_ENABLED);
    fake.fail_cache = false;
    assert_hr(array_lun_set_write_through(f->array, &lun, false), S_OK);
    expect_event(f, VDS_NF_LUN_MODIFY, &lun);
    fake.flush_error = -EIO;
    assert_int_equal(FAILED(array_lun_set_write_through(f->array, &lun, true)), true);
    expect_event(f, VDS_NF_LUN_MODIFY, &lun); /* what comes is written through all the same */
    assert_int_equal(flags_of(f, &lun), VDS_LF_READ_CACHE_ENABLED | VDS_LF_WRITE_THROUGH_CACHING_ENABLED);
    fake_cache_changed(fake_unit(array_engine(f->array), &lun)); /* by an initiator */
    expect_event(f, VDS_NF_LUN_MODIFY, &lun);
    expect_no_more_events(f);
    assert_hr(array_lun_set_write_through(f->array, &gone, true), VDS_E_OBJECT_DELETED);
    assert_hr(array_lun_set_write_through(f->array, NULL, true), E_INVALIDARG);
}

static void a_lun_can_be_made_to_write_through(void **state)
{
    struct fixture *f = *state;
    struct array_lun_spec spec = { .size = 1 << 20, .write_through = true };
    struct array_op *op;
    struct guid lun;

    assert_hr(array_lun_create(f->array, &spec, &op), S_OK);
    assert_hr(finish_op(S_OK, op, &lun), S_OK);
    assert_int_equal(flags_of(f, &lun), VDS_LF_READ_CACHE_ENABLED | VDS_LF_WRITE_THROUGH_CACHING_ENABLED);
    fake.fail_cache = true; /* the LUN is made all the same: it was a wish */
    assert_hr(array_lun_create(f->array, &spec, &op), S_OK);
    assert_hr(finish_op(S_OK, op, &lun), S_OK);
    assert_int_equal(flags_of(f, &lun), VDS_LF_READ_CACHE_ENABLED | VDS_LF_WRITE_CACHE_ENABLED);
}

static void associate_targets_is_the_whole_new_set_with_the_lowest_free_number_at_each(void **state)
{
    struct fixture *f = *state;
    struct guid l1 = a_lun(f), l2 = a_lun(f), l3 = a_lun(f), t[2] = { a_target(f), a_target(f) };
    uint16_t number;

    events_clear(f);
    assert_hr(array_lun_associate_targets(f->array, &l1, t, 2), S_OK);
    expect_event(f, VDS_NF_LUN_MODIFY, &l1);
    expect_no_more_events(f);
    assert_hr(array_lun_associate_targets(f->array, &l2, &t[1], 1), S_OK);
    assert_hr(array_lun_associate_targets(f->array, &l3, t, 2), S_OK);
    assert_int_equal(number_at(f, &l1, &t[0]), 0);
    assert_int_equal(number_at(f, &l1, &t[1]), 0);
    assert_int_equal(number_at(f, &l2, &t[1]), 1);
    assert_int_equal(number_at(f, &l3, &t[0]), 1);
    assert_int_equal(number_at(f, &l3, &t[1]), 2);
    assert_hr(array_lun_associate_targets(f->array, &l1, &t[0], 1),
              S_OK); /* stays at the first, leaves the second */
    assert_int_equal(number_at(f, &l1, &t[0]), 0);
    assert_hr(array_lun_number(f->array, &l1, &t[1], &number), VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(number_at(f, &l3, &t[1]), 2); /* kept until untied */
    assert_hr(array_lun_associate_targets(f->array, &l1, t, 2), S_OK);
    assert_int_equal(number_at(f, &l1, &t[1]), 0);
    fixture_restart(f);
    assert_int_equal(number_at(f, &l3, &t[1]), 2);
    assert_int_equal(count(f, ARRAY_TARGETS_OF_LUN, &l3), 2);
}

static void associate_targets_refuses_as_a_whole(void **state)
{
    struct fixture *f = *state;
    struct guid lun = a_lun(f), t = a_target(f), list[2] = { t, lun };
    char *before = fixture_dump_all(f), *after;

    assert_hr(array_lun_associate_targets(f->array, &lun, list, 2), VDS_E_OBJECT_NOT_FOUND);
    assert_hr(array_lun_associate_targets(f->array, &lun, NULL, 1), E_INVALIDARG);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    free(after);
    events_clear(f);
    assert_hr(array_lun_associate_targets(f->array, &lun, NULL, 0),
              S_OK); /* nothing to untie: nothing happens */
    expect_no_more_events(f);
    list[1] = t;
    assert_hr(array_lun_associate_targets(f->array, &lun, list, 2), S_OK); /* named twice is named */
    assert_int_equal(count(f, ARRAY_TARGETS_OF_LUN, &lun), 1);
    free(before);
}

static void a_target_takes_256_luns(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), lun;

    for (unsigned i = 0; i < 256; i++) {
        lun = a_lun(f);
        assert_hr(array_lun_associate_targets(f->array, &lun, &target, 1), S_OK);
        assert_int_equal(number_at(f, &lun, &target), i);
    }
    lun = a_lun(f);
    assert_hr(array_lun_associate_targets(f->array, &lun, &target, 1), VDS_E_NOT_SUPPORTED);
}

static struct guid id_of_array(struct fixture *f)
{
    struct array_subsystem_info info;

    assert_hr(array_subsystem_get(f->array, &info), S_OK);
    return info.id;
}

static uint32_t health_of_array(struct fixture *f)
{
    struct array_subsystem_info info;

    assert_hr(array_subsystem_get(f->array, &info), S_OK);
    assert_int_equal(info.status, VDS_SSS_ONLINE);
    return info.health;
}

static void a_lun_whose_file_is_gone_is_a_status_and_comes_back_with_it(void **state)
{
    struct fixture *f = *state;
    struct guid lun = a_lun(f), target = a_target(f), array = id_of_array(f);
    struct array_lun_info info;
    struct array_lun_inquiry inquiry;
    struct guid signature;
    char path[160], away[160];
    char *dump;

    assert_hr(array_lun_associate_targets(f->array, &lun, &target, 1), S_OK);
    fixture_stop(f);
    file_path(f, &lun, "", path);
    file_path(f, &lun, ".away", away);
    assert_int_equal(rename(path, away), 0);
    fixture_start(f);
    info = info_of(f, &lun);
    assert_int_equal(info.status, VDS_LS_FAILED);
    assert_int_equal(info.health, VDS_H_FAILED);
    assert_int_equal(health_of_array(f), VDS_H_DEGRADED);
    array_lun_info_fini(&info);
    assert_hr(array_lun_inquiry(f->array, &lun, &inquiry), VDS_E_OBJECT_STATUS_FAILED);
    assert_hr(array_lun_signature(f->array, &lun, &signature), VDS_E_OBJECT_STATUS_FAILED);
    struct guid other = a_target(f), both[2] = { target, other };
    assert_hr(array_lun_associate_targets(f->array, &lun, both, 2), VDS_E_OBJECT_STATUS_FAILED);
    assert_hr(array_lun_set_mask(f->array, &lun, "*"), S_OK);
    assert_int_equal(rename(away, path), 0);
    assert_hr(array_reenumerate(f->array), S_OK);
    events_clear(f);
    assert_hr(array_refresh(f->array), S_OK);
    expect_event(f, VDS_NF_LUN_MODIFY, &lun);
    expect_event(f, VDS_NF_SUB_SYSTEM_MODIFY, &array);
    assert_int_equal(f->seen[0].call, f->seen[1].call);
    expect_no_more_events(f);
    info = info_of(f, &lun);
    assert_int_equal(info.status, VDS_LS_ONLINE);
    assert_int_equal(health_of_array(f), VDS_H_HEALTHY);
    array_lun_info_fini(&info);
    dump = fake_dump(fixture_engine(f));
    assert_non_null(strstr(dump, "engine map "));
    assert_non_null(strstr(dump, " *\n"));
    free(dump);
    assert_hr(array_lun_delete(f->array, &lun), S_OK);
}

static void a_failed_lun_can_be_deleted(void **state)
{
    struct fixture *f = *state;
    struct guid lun = a_lun(f), target = a_target(f), array = id_of_array(f), drive = only(f, ARRAY_DRIVES, NULL);
    char path[160];

    assert_hr(array_lun_associate_targets(f->array, &lun, &target, 1), S_OK);
    fixture_stop(f);
    file_path(f, &lun, "", path);
    unlink(path);
    fixture_start(f);
    assert_int_equal(health_of_array(f), VDS_H_DEGRADED);
    events_clear(f);
    assert_hr(array_lun_delete(f->array, &lun), S_OK);
    expect_event(f, VDS_NF_LUN_DEPART, &lun);
    expect_event(f, VDS_NF_DRIVE_MODIFY, &drive);
    expect_event(f, VDS_NF_SUB_SYSTEM_MODIFY, &array);
    expect_no_more_events(f);
    assert_int_equal(health_of_array(f), VDS_H_HEALTHY);
    assert_int_equal(count(f, ARRAY_LUNS, NULL), 0);
}

static void touch(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    assert_true(fd >= 0);
    close(fd);
}

static void what_a_crash_left_of_files_is_finished_or_undone_at_start(void **state)
{
    struct fixture *f = *state;
    struct guid lun = a_lun(f), kept = a_lun(f), ghost = { 0xabcd, 2, 3, { 4 } };
    char path[160], other[160], stray[160];
    struct array_lun_info info;

    fixture_stop(f);
    file_path(f, &lun, "", path);
    file_path(f, &lun, ".deleting", other); /* killed before the commit of Delete */
    assert_int_equal(rename(path, other), 0);
    file_path(f, &kept, "", path);
    file_path(f, &kept, ".creating", other); /* killed between the commit of CreateLun and the rename */
    assert_int_equal(rename(path, other), 0);
    file_path(f, &ghost, ".creating", path); /* killed before the commit of CreateLun */
    touch(path);
    ghost.data1++;
    file_path(f, &ghost, ".deleting", path); /* killed after the commit of Delete */
    touch(path);
    ghost.data1++;
    file_path(f, &ghost, "", path); /* a whole LUN that the state does not know: not ours to remove */
    touch(path);
    snprintf(stray, sizeof stray, "%s/drive0/somebody.creating", f->dir);
    touch(stray);
    fixture_start(f);
    info = info_of(f, &lun);
    assert_int_equal(info.status, VDS_LS_ONLINE);
    array_lun_info_fini(&info);
    info = info_of(f, &kept);
    assert_int_equal(info.status, VDS_LS_ONLINE);
    array_lun_info_fini(&info);
    assert_int_equal(n_files(f, ".img"), 3);
    assert_int_equal(n_files(f, ".deleting"), 0);
    assert_int_equal(n_files(f, ".creating"), 1);
    assert_int_equal(access(path, F_OK), 0);
}

static void a_drive_that_another_service_uses_takes_no_luns(void **state)
{
    struct fixture *f = *state;
    struct fixture *g = fixture_new();
    char drive[128];
    const char *drives[] = { drive };
    struct array_lun_spec spec = { .size = 1 << 20 };
    struct array_drive_info info;
    struct guid id, lun;

    snprintf(drive, sizeof drive, "%s/drive0", f->dir);
    g->options.drives = drives;
    g->options.n_drives = 1;
    fixture_start(g);
    id = only(g, ARRAY_DRIVES, NULL);
    assert_hr(array_drive_get(g->array, &id, &info), S_OK);
    assert_int_equal(info.status, VDS_DRS_FAILED);
    assert_hr(lun_create(g, &spec, &lun), VDS_E_NOT_ENOUGH_DRIVE);
    fixture_free(g);
    id = only(f, ARRAY_DRIVES, NULL);
    assert_hr(array_drive_get(f->array, &id, &info), S_OK);
    assert_int_equal(info.status, VDS_DRS_ONLINE);
    assert_true(info.size >= info.free && info.free > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(create_lun_S_OK_rounds_up_to_a_mebibyte_and_masks_everyone),
        TEST(create_lun_refuses_what_it_cannot_make),
        TEST(create_lun_shows_progress_and_can_be_cancelled),
        TEST(creating_a_lun_keeps_nobody_else_waiting),
        TEST(lun_delete_takes_ties_and_file_along),
        TEST(set_mask_replaces_the_list_and_reaches_the_engine),
        TEST(a_disk_without_partitions_has_no_signature),
        TEST(writes_go_through_the_cache_when_they_are_told_to),
        TEST(a_lun_can_be_made_to_write_through),
        TEST(associate_targets_is_the_whole_new_set_with_the_lowest_free_number_at_each),
        TEST(associate_targets_refuses_as_a_whole),
        TEST(a_target_takes_256_luns),
        TEST(a_lun_whose_file_is_gone_is_a_status_and_comes_back_with_it),
        TEST(a_failed_lun_can_be_deleted),
        TEST(what_a_crash_left_of_files_is_finished_or_undone_at_start),
        TEST(a_drive_that_another_service_uses_takes_no_luns),
    };

    return RUN_TESTS(tests);
}
