/* SPDX-License-Identifier: MIT */
/* LUNs that grow and shrink: results, files, rows, events; what a crash between the steps leaves. */
#include "array_fixture.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../state/fault_vfs.h"

#define MIB (UINT64_C(1) << 20)

static struct guid make(struct fixture *f, struct array_lun_spec spec)
{
    struct array_op *op = NULL;
    struct guid lun;
    HRESULT hr = array_lun_create(f->array, &spec, &op);

    assert_hr(finish_op(hr, op, &lun), S_OK);
    return lun;
}

static struct guid make_thin(struct fixture *f)
{
    return make(f, (struct array_lun_spec){ .size = 8 * MIB });
}

static HRESULT extend(struct fixture *f, const struct guid *lun, uint64_t n)
{
    struct array_op *op = NULL;
    HRESULT hr = array_lun_extend(f->array, lun, n, NULL, 0, &op);

    return finish_op(hr, op, NULL);
}

static HRESULT shrink(struct fixture *f, const struct guid *lun, uint64_t n, bool force)
{
    struct array_op *op = NULL;
    HRESULT hr = array_lun_shrink(f->array, lun, n, force, &op);

    return finish_op(hr, op, NULL);
}

static struct array_lun_info info_of(struct fixture *f, const struct guid *lun)
{
    struct array_lun_info info;

    assert_hr(array_lun_get(f->array, lun, &info), S_OK);
    array_lun_info_fini(&info);
    return info;
}

static void file_path(struct fixture *f, const struct guid *lun, char path[static 160])
{
    char id[GUID_TEXT_SIZE];

    guid_format(lun, id);
    snprintf(path, 160, "%s/drive0/lun-%s.img", f->dir, id);
}

static uint64_t file_size(struct fixture *f, const struct guid *lun)
{
    struct stat st;
    char path[160];

    file_path(f, lun, path);
    assert_int_equal(stat(path, &st), 0);
    return (uint64_t)st.st_size;
}

static void extend_S_OK_rounds_up_and_tells_of_lun_and_drive(void **state)
{
    struct fixture *f = *state;
    struct guid lun = make_thin(f), drive = only(f, ARRAY_DRIVES, NULL);

    events_clear(f);
    assert_hr(extend(f, &lun, MIB + 1), S_OK);
    expect_event(f, VDS_NF_LUN_MODIFY, &lun);
    expect_event(f, VDS_NF_DRIVE_MODIFY, &drive);
    expect_no_more_events(f);
    assert_int_equal(info_of(f, &lun).size, 10 * MIB);
    assert_int_equal(info_of(f, &lun).transition, VDS_TS_STABLE);
    assert_int_equal(file_size(f, &lun), 10 * MIB);
    fixture_restart(f);
    assert_int_equal(info_of(f, &lun).size, 10 * MIB);
    assert_int_equal(info_of(f, &lun).status, VDS_LS_ONLINE);
}

static void extend_refuses_what_it_cannot_do(void **state)
{
    struct fixture *f = *state;
    struct guid nobody = { 1, 2, 3, { 4 } },
                lun = make(f, (struct array_lun_spec){ .size = 8 * MIB, .thick = true });
    char *before = fixture_dump_all(f), *after;
    struct array_op *op;

    assert_hr(extend(f, &lun, 0), E_INVALIDARG);
    assert_hr(extend(f, &lun, UINT64_MAX), E_INVALIDARG);
    assert_hr(extend(f, &lun, UINT64_C(1) << 60), VDS_E_NOT_ENOUGH_SPACE);
    assert_hr(array_lun_extend(f->array, &lun, MIB, &nobody, 1, &op), VDS_E_OBJECT_NOT_FOUND);
    assert_hr(array_lun_extend(f->array, &lun, MIB, NULL, 1, &op), E_INVALIDARG);
    assert_hr(array_lun_extend(f->array, &lun, MIB, NULL, 0, NULL), E_INVALIDARG);
    assert_hr(extend(f, &nobody, MIB), VDS_E_OBJECT_DELETED);
    fake.resize_error = -ENOSPC; /* others have used the space meanwhile */
    assert_hr(extend(f, &lun, MIB), VDS_E_NOT_ENOUGH_SPACE);
    fake.resize_error = 0;
    assert_int_equal(file_size(f, &lun), 8 * MIB);
    assert_int_equal(info_of(f, &lun).transition, VDS_TS_STABLE);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void shrink_S_OK_cuts_at_most_what_was_asked_and_survives_a_restart(void **state)
{
    struct fixture *f = *state;
    struct guid lun = make_thin(f), drive = only(f, ARRAY_DRIVES, NULL);

    events_clear(f);
    assert_hr(shrink(f, &lun, 2 * MIB + 1, false), S_OK);
    expect_event(f, VDS_NF_LUN_MODIFY, &lun);
    expect_event(f, VDS_NF_DRIVE_MODIFY, &drive);
    assert_int_equal(info_of(f, &lun).size, 6 * MIB);
    assert_int_equal(file_size(f, &lun), 6 * MIB);
    assert_hr(shrink(f, &lun, 1, false), S_OK); /* less than the unit: nothing to do */
    assert_int_equal(info_of(f, &lun).size, 6 * MIB);
    expect_no_more_events(f);
    fixture_restart(f);
    assert_int_equal(info_of(f, &lun).size, 6 * MIB);
}

static void shrink_over_data_is_VDS_E_SHRINK_OVER_DATA_unless_forced(void **state)
{
    struct fixture *f = *state;
    struct guid lun = make_thin(f);

    fake.data_at = 7 * MIB + 17;
    assert_hr(shrink(f, &lun, MIB, false), VDS_E_SHRINK_OVER_DATA);
    assert_non_null(strstr(error_text_get(), "data"));
    assert_int_equal(info_of(f, &lun).size, 8 * MIB);
    assert_int_equal(file_size(f, &lun), 8 * MIB);
    assert_hr(shrink(f, &lun, MIB, true), S_OK);
    assert_int_equal(info_of(f, &lun).size, 7 * MIB);
    fake.data_at = 1 * MIB; /* in what stays */
    assert_hr(shrink(f, &lun, MIB, false), S_OK);
}

static void shrink_refuses_what_it_cannot_do(void **state)
{
    struct fixture *f = *state;
    struct guid nobody = { 1, 2, 3, { 4 } }, lun = make_thin(f);
    struct array_op *op;

    assert_hr(shrink(f, &lun, 0, false), E_INVALIDARG);
    assert_hr(shrink(f, &lun, 8 * MIB, true), VDS_E_INVALID_SHRINK_SIZE);
    assert_hr(shrink(f, &lun, UINT64_MAX, true), VDS_E_INVALID_SHRINK_SIZE);
    assert_hr(array_lun_shrink(f->array, NULL, MIB, false, &op), E_INVALIDARG);
    assert_hr(shrink(f, &nobody, MIB, false), VDS_E_OBJECT_DELETED);
    assert_int_equal(info_of(f, &lun).size, 8 * MIB);
}

static void a_lun_without_its_file_cannot_be_resized_VDS_E_OBJECT_STATUS_FAILED(void **state)
{
    struct fixture *f = *state;
    struct guid lun = make_thin(f);
    char path[160];

    fixture_stop(f);
    file_path(f, &lun, path);
    assert_int_equal(unlink(path), 0);
    fixture_start(f);
    assert_hr(extend(f, &lun, MIB), VDS_E_OBJECT_STATUS_FAILED);
    assert_hr(shrink(f, &lun, MIB, true), VDS_E_OBJECT_STATUS_FAILED);
}

static void a_second_operation_meanwhile_is_VDS_E_ANOTHER_CALL_IN_PROGRESS(void **state)
{
    struct fixture *f = *state;
    struct array_lun_spec spec = { .size = MIB };
    struct guid lun = make_thin(f);
    struct array_op *op = NULL;

    fake.hold_resizes = true;
    assert_hr(array_lun_extend(f->array, &lun, MIB, NULL, 0, &op), S_OK);
    fake_create_wait();
    assert_int_equal(info_of(f, &lun).transition, VDS_TS_EXTENDING);
    assert_hr(extend(f, &lun, MIB), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(shrink(f, &lun, MIB, false), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    assert_hr(array_lun_delete(f->array, &lun), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    make(f, spec); /* another LUN is another matter */
    fake.hold_resizes = false;
    fake_create_release();
    assert_hr(finish_op(S_OK, op, NULL), S_OK);
}

static void a_cancelled_extend_changes_nothing_VDS_E_OPERATION_CANCELED(void **state)
{
    struct fixture *f = *state;
    struct guid lun = make_thin(f);
    struct array_op *op = NULL;

    fake.hold_resizes = true;
    assert_hr(array_lun_extend(f->array, &lun, MIB, NULL, 0, &op), S_OK);
    fake_create_wait();
    assert_hr(array_op_cancel(op), S_OK);
    fake.hold_resizes = false;
    fake_create_release();
    assert_hr(finish_op(S_OK, op, NULL), VDS_E_OPERATION_CANCELED);
    assert_int_equal(info_of(f, &lun).size, 8 * MIB);
    assert_int_equal(file_size(f, &lun), 8 * MIB);
}

static void a_file_that_a_crash_left_longer_is_served_as_the_row_says(void **state)
{
    struct fixture *f = *state;
    struct guid lun = make_thin(f);
    char path[160];

    fixture_stop(f);
    file_path(f, &lun, path);
    assert_int_equal(truncate(path, 9 * MIB), 0); /* an extend before its commit, a shrink after it */
    fixture_start(f);
    assert_int_equal(info_of(f, &lun).status, VDS_LS_ONLINE);
    assert_int_equal(info_of(f, &lun).size, 8 * MIB);
    assert_int_equal(file_size(f, &lun), 9 * MIB);
    assert_hr(extend(f, &lun, 4 * MIB), S_OK);
    assert_int_equal(file_size(f, &lun), 12 * MIB);
}

static void a_commit_that_fails_leaves_the_size_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct guid lun = make_thin(f);

    atomic_store(&fault_vfs.fail, SQLITE_FULL);
    assert_true(FAILED(extend(f, &lun, MIB)));
    fault_vfs_reset();
    assert_int_equal(info_of(f, &lun).size, 8 * MIB);
    assert_int_equal(file_size(f, &lun), 8 * MIB);
    atomic_store(&fault_vfs.fail, SQLITE_FULL);
    assert_true(FAILED(shrink(f, &lun, MIB, false)));
    fault_vfs_reset();
    assert_int_equal(info_of(f, &lun).size, 8 * MIB);
    assert_int_equal(file_size(f, &lun), 8 * MIB);
}

static void luns_in_memory_share_a_limit_also_when_they_grow(void **state)
{
    struct fixture *f = *state;
    struct array_lun_spec spec = { .size = 8 * MIB, .features = ARRAY_LUN_VOLATILE };
    struct array_op *op;
    struct guid lun;

    fixture_stop(f);
    f->options.max_memory = 16 * MIB;
    fixture_start(f);
    lun = make(f, spec);
    spec.size = 9 * MIB;
    assert_hr(array_lun_create(f->array, &spec, &op), VDS_E_NOT_ENOUGH_SPACE);
    assert_hr(extend(f, &lun, 9 * MIB), VDS_E_NOT_ENOUGH_SPACE);
    assert_hr(extend(f, &lun, 8 * MIB), S_OK);
    assert_hr(shrink(f, &lun, 12 * MIB, false), S_OK);
    fixture_restart(f);
    assert_int_equal(info_of(f, &lun).size, 4 * MIB); /* there again, and empty */
    assert_int_equal(info_of(f, &lun).features, ARRAY_LUN_VOLATILE);
    assert_hr(array_lun_delete(f->array, &lun), S_OK);
    spec.thick = true;
    assert_hr(array_lun_create(f->array, &spec, &op), E_INVALIDARG);
}

static void features_and_blocks_are_kept_and_checked(void **state)
{
    struct fixture *f = *state;
    struct array_lun_spec spec = { .size = MIB,
                                   .features = ARRAY_LUN_REMOVABLE | ARRAY_LUN_READ_ONLY,
                                   .physical_block_size = 4096 };
    struct guid lun = make(f, spec);
    struct array_op *op;

    fixture_restart(f);
    assert_int_equal(info_of(f, &lun).features, ARRAY_LUN_REMOVABLE | ARRAY_LUN_READ_ONLY);
    assert_int_equal(info_of(f, &lun).block_size, 512);
    assert_int_equal(info_of(f, &lun).physical_block_size, 4096);
    spec.block_size = 1024;
    assert_hr(array_lun_create(f->array, &spec, &op), E_INVALIDARG);
    spec.block_size = 4096;
    spec.physical_block_size = 512;
    assert_hr(array_lun_create(f->array, &spec, &op), E_INVALIDARG);
    spec.physical_block_size = 131072;
    assert_hr(array_lun_create(f->array, &spec, &op), E_INVALIDARG);
    spec.physical_block_size = 0;
    spec.features = 8;
    assert_hr(array_lun_create(f->array, &spec, &op), E_INVALIDARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(extend_S_OK_rounds_up_and_tells_of_lun_and_drive),
        TEST(extend_refuses_what_it_cannot_do),
        TEST(shrink_S_OK_cuts_at_most_what_was_asked_and_survives_a_restart),
        TEST(shrink_over_data_is_VDS_E_SHRINK_OVER_DATA_unless_forced),
        TEST(shrink_refuses_what_it_cannot_do),
        TEST(a_lun_without_its_file_cannot_be_resized_VDS_E_OBJECT_STATUS_FAILED),
        TEST(a_second_operation_meanwhile_is_VDS_E_ANOTHER_CALL_IN_PROGRESS),
        TEST(a_cancelled_extend_changes_nothing_VDS_E_OPERATION_CANCELED),
        TEST(a_file_that_a_crash_left_longer_is_served_as_the_row_says),
        TEST(a_commit_that_fails_leaves_the_size_as_it_was),
        TEST(luns_in_memory_share_a_limit_also_when_they_grow),
        TEST(features_and_blocks_are_kept_and_checked),
    };

    return RUN_TESTS(tests);
}
