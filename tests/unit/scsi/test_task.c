/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <errno.h>

static struct command on_wire_lun(struct command c, uint64_t wire)
{
    be64_put(c.lun, wire);
    return c;
}

/* ---- LUNs --------------------------------------------------------------------------------------------- */

static void peripheral_and_flat_addressing_name_the_same_unit(void **state)
{
    struct fixture *f = *state;

    assert_good(exec(f, on_wire_lun(test_unit_ready(), UINT64_C(0x0001000000000000))));
    assert_good(exec(f, on_wire_lun(test_unit_ready(), UINT64_C(0x4001000000000000))));
}

static void anything_else_is_a_lun_that_does_not_exist(void **state)
{
    struct fixture *f = *state;
    static const uint64_t luns[] = {
        UINT64_C(0x0002000000000000), UINT64_C(0x0101000000000000),
        UINT64_C(0x0001000100000000), UINT64_C(0x0001000000000001),
        UINT64_C(0x8001000000000000), UINT64_C(0xc101000000000000),
        UINT64_C(0x4101000000000000), UINT64_MAX,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(luns); i++) {
        struct outcome o;

        assert_sense(exec(f, on_wire_lun(test_unit_ready(), luns[i])), KEY_ILLEGAL_REQUEST, 0x2500);
        assert_sense(exec(f, on_wire_lun(read10(0, 1), luns[i])), KEY_ILLEGAL_REQUEST, 0x2500);
        assert_sense(exec(f, on_wire_lun((struct command){ .cdb = { 0xff } }, luns[i])), KEY_ILLEGAL_REQUEST,
                     0x2500);
        o = exec(f, on_wire_lun(inquiry(96), luns[i]));
        assert_good(o);
        assert_int_equal(o.data[0], 0x7f);
        assert_good(exec(f, on_wire_lun(report_luns(0), luns[i])));
        o = exec(f, on_wire_lun(request_sense(), luns[i]));
        assert_good(o);
        assert_int_equal(be16_get(o.data + 12), 0x2500);
        o = exec(f, on_wire_lun(vpd(0x00), luns[i]));
        assert_int_equal(o.n, 5); /* page 00h only */
        assert_cdb_field(exec(f, on_wire_lun(vpd(0x83), luns[i])), 2);
    }
}

static void mapping_twice_and_unmapping_nothing_are_errors(void **state)
{
    struct fixture *f = *state;
    struct scsi_view *view = f->nexus[0].view;

    assert_int_equal(scsi_view_map(view, 0, f->lu[1], true), -EEXIST);
    assert_int_equal(scsi_view_map(view, SCSI_LUN_MAX + 1, f->lu[1], true), -EINVAL);
    assert_int_equal(scsi_view_unmap(view, 9, NULL, NULL), -ENOENT);
    assert_int_equal(scsi_view_unmap(view, 60000, NULL, NULL), -ENOENT);
    assert_ptr_equal(scsi_view_lookup(view, 1), f->lu[1]);
    assert_null(scsi_view_lookup(view, 7));
}

/* ---- unit attentions ---------------------------------------------------------------------------------- */

static void a_new_session_finds_no_unit_attention(void **state)
{
    struct fixture *f = *state;

    nexus_open(f, 2, "iqn.2026-01.test:c", 1);
    assert_good(exec(f, on_nexus(test_unit_ready(), 2)));
    assert_good(exec(f, on_nexus(on_lun(test_unit_ready(), 1), 2)));
}

static void a_changed_map_is_told_on_every_lun_that_was_there(void **state)
{
    struct fixture *f = *state;
    struct scsi_view *view = f->nexus[0].view;

    assert_int_equal(scsi_view_map(view, 5, f->lu[1], false), 0);
    assert_sense(exec(f, test_unit_ready()), KEY_UNIT_ATTENTION, 0x3f0e);
    assert_sense(exec(f, on_lun(test_unit_ready(), 1)), KEY_UNIT_ATTENTION, 0x3f0e);
    assert_good(exec(f, on_lun(test_unit_ready(), 5)));
    assert_good(exec(f, on_nexus(test_unit_ready(), 1))); /* another session's map */
    assert_int_equal(scsi_view_unmap(view, 5, NULL, NULL), 0);
    assert_good(exec(f, report_luns(0))); /* that is how one finds out: it clears the attention everywhere */
    assert_good(exec(f, test_unit_ready()));
    assert_good(exec(f, on_lun(test_unit_ready(), 1)));
}

static void inquiry_report_luns_and_request_sense_pass_a_unit_attention(void **state)
{
    struct fixture *f = *state;
    struct outcome o;

    scsi_lu_resized(f->lu[0], store_size(f->fault[0]));
    assert_good(exec(f, inquiry(96)));
    assert_good(exec(f, report_luns(0)));
    o = exec(f, request_sense()); /* tells it, and with that it is told */
    assert_int_equal(o.data[2], KEY_UNIT_ATTENTION);
    assert_int_equal(be16_get(o.data + 12), 0x2a09);
    assert_good(exec(f, test_unit_ready()));
}

static void a_unit_attention_comes_before_any_other_complaint(void **state)
{
    struct fixture *f = *state;

    scsi_lu_resized(f->lu[0], store_size(f->fault[0]));
    scsi_lu_set_online(f->lu[0], false);
    assert_sense(exec(f, (struct command){ .cdb = { 0xff } }), KEY_UNIT_ATTENTION, 0x2a09);
    assert_sense(exec(f, (struct command){ .cdb = { 0xff } }), KEY_ILLEGAL_REQUEST, 0x2000);
    assert_sense(exec(f, with_byte(read10(9999, 1), 1, 0x20)), KEY_NOT_READY, 0x0412);
}

static void resizing_is_told_to_every_nexus_once(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(store_resize(f->fault[0], 4096 * 512), 0);
    scsi_lu_resized(f->lu[0], store_size(f->fault[0]));
    assert_int_equal(scsi_lu_size(f->lu[0]), 4096 * 512);
    for (unsigned i = 0; i < 2; i++) {
        assert_sense(exec(f, on_nexus(read10(0, 1), i)), KEY_UNIT_ATTENTION, 0x2a09);
        assert_good(exec(f, on_nexus(read10(4095, 1), i)));
    }
}

static void one_less(void *arg)
{
    ++*(unsigned *)arg;
}

/* What engine_lu_settle() is made of. */
static void a_watch_counts_the_commands_that_reach_beyond_the_new_end(void **state)
{
    struct fixture *f = *state;
    unsigned n_less = 0;
    struct scsi_watch watch = { .less = one_less, .arg = &n_less };
    uint8_t unmap[24] = { 0, 22, 0, 16, [19] = 8 }; /* its range is in the list, so nobody knows */
    struct running *before, *across, *unknown;

    f->hold = true;
    before = start(f, read10(0, 8));
    across = start(f, read10(1020, 8));
    unknown = start(f, with_data((struct command){ .cdb = { 0x42, 0, 0, 0, 0, 0, 0, 0, 24 } }, unmap, 24));
    scsi_lu_resized(f->lu[0], 1024 * 512);
    scsi_view_watch(f->nexus[0].view, f->lu[0], 1024 * 512, &watch);
    scsi_view_watch(f->nexus[0].view, f->lu[0], 1024 * 512, &watch); /* each once */
    assert_int_equal(atomic_load(&watch.n), 2);
    assert_false(scsi_lu_has_leaving(f->lu[0]));
    f->hold = false;
    fixture_release(f);
    fixture_drain(f);
    assert_good(running_end(before));
    assert_int_equal(n_less, 0);
    assert_good(running_end(across)); /* it began under the old size */
    assert_good(running_end(unknown));
    assert_int_equal(atomic_load(&watch.n), 0);
    assert_int_equal(n_less, 2);
    assert_sense(exec(f, read10(0, 1)), KEY_UNIT_ATTENTION, 0x2a09);
    assert_sense(exec(f, read10(1020, 8)), KEY_ILLEGAL_REQUEST, 0x2100);
}

static void resets_are_told_before_what_came_of_them(void **state)
{
    struct fixture *f = *state;
    uint8_t lun[8] = { 0 };

    scsi_lu_resized(f->lu[0], store_size(f->fault[0]));
    assert_int_equal(scsi_lu_reset(f->nexus[0].view, lun), 0);
    assert_sense(exec(f, on_nexus(test_unit_ready(), 1)), KEY_UNIT_ATTENTION, 0x2903);
    assert_sense(exec(f, on_nexus(test_unit_ready(), 1)), KEY_UNIT_ATTENTION, 0x2a09);
    assert_good(exec(f, on_nexus(test_unit_ready(), 1)));
}

/* ---- aborting ----------------------------------------------------------------------------------------- */

static void an_aborted_task_calls_done_when_the_store_is_through(void **state)
{
    struct fixture *f = *state;
    struct running *r;

    f->hold = true;
    r = start(f, read10(0, 1));
    scsi_task_abort(&r->task);
    assert_false(r->done);
    fixture_drain(f);
    assert_true(running_end(r).aborted);
}

static void a_task_aborted_before_it_executes_touches_nothing(void **state)
{
    struct fixture *f = *state;
    struct running r = { .task = { .view = f->nexus[0].view, .cdb = { 0x2a, [8] = 1 } } };
    uint8_t block[512] = { 0 };

    assert_true(scsi_task_prepare(&r.task));
    scsi_task_abort(&r.task);
    r.task.buf = block;
    r.task.buf_len = sizeof block;
    assert_true(scsi_task_execute(&r.task));
    assert_true(r.task.aborted);
    assert_int_equal(f->n_requests, 0);
    scsi_task_release(&r.task);
}

static void gone(void *arg)
{
    ++*(unsigned *)arg;
}

static void unmapping_aborts_what_runs_and_is_over_when_the_last_has_left(void **state)
{
    struct fixture *f = *state;
    struct running *r, *other;
    unsigned n_gone = 0;

    f->hold = true;
    r = start(f, read10(0, 1));
    other = start(f, on_nexus(read10(0, 1), 1));
    assert_int_equal(scsi_view_unmap(f->nexus[0].view, 0, gone, &n_gone), 0);
    assert_sense(exec(f, test_unit_ready()), KEY_ILLEGAL_REQUEST, 0x2500); /* at once */
    assert_int_equal(n_gone, 0);
    fixture_drain(f);
    assert_int_equal(n_gone, 0);
    assert_true(running_end(r).aborted);
    assert_int_equal(n_gone, 1);
    assert_false(running_end(other).aborted);
    assert_int_equal(scsi_view_map(f->nexus[0].view, 0, f->lu[0], false), 0);
}

static void a_reset_aborts_the_tasks_of_the_other_sessions(void **state)
{
    struct fixture *f = *state;
    struct running *r;
    uint8_t lun[8] = { 0 };

    f->hold = true;
    r = start(f, on_nexus(read10(0, 1), 1));
    assert_int_equal(scsi_lu_reset(f->nexus[0].view, lun), 0);
    fixture_drain(f);
    assert_true(running_end(r).aborted);
    f->hold = false;
    assert_sense(exec(f, test_unit_ready()), KEY_UNIT_ATTENTION, 0x2903);
    assert_sense(exec(f, on_nexus(test_unit_ready(), 1)), KEY_UNIT_ATTENTION, 0x2903);
    assert_good(exec(f, on_nexus(on_lun(test_unit_ready(), 1), 1))); /* the other unit knows nothing of it */
    lun[1] = 77;
    assert_int_equal(scsi_lu_reset(f->nexus[0].view, lun), -ENOENT);
}

static void clear_task_set_tells_those_whose_tasks_it_cleared(void **state)
{
    struct fixture *f = *state;
    struct running *r;
    uint8_t lun[8] = { 0 };

    nexus_open(f, 2, "iqn.2026-01.test:c", 1);
    f->hold = true;
    r = start(f, on_nexus(read10(0, 1), 1));
    assert_int_equal(scsi_lu_clear_task_set(f->nexus[0].view, lun), 0);
    fixture_drain(f);
    assert_true(running_end(r).aborted);
    f->hold = false;
    assert_sense(exec(f, on_nexus(test_unit_ready(), 1)), KEY_UNIT_ATTENTION, 0x2f00);
    assert_good(exec(f, on_nexus(test_unit_ready(), 2)));
    assert_good(exec(f, test_unit_ready()));
    lun[1] = 77;
    assert_int_equal(scsi_lu_clear_task_set(f->nexus[0].view, lun), -ENOENT);
}

static void sense_is_eighteen_bytes_in_fixed_format_with_a_field_pointer(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, with_byte(read10(0, 1), 1, 0x40));

    assert_int_equal(o.sense_len, 18);
    assert_int_equal(o.sense[0], 0x70);
    assert_int_equal(o.sense[2], KEY_ILLEGAL_REQUEST);
    assert_int_equal(o.sense[7], 10);
    assert_int_equal(be16_get(o.sense + 12), 0x2400);
    assert_int_equal(o.sense[15], 0xce); /* SKSV, C/D, BPV, bit 6 */
    assert_int_equal(be16_get(o.sense + 16), 1);
}

int main(void)
{
#define T(name) fixture_test(name, .n_nexuses = 2, .second_unit = true)
    const struct CMUnitTest tests[] = {
        T(peripheral_and_flat_addressing_name_the_same_unit),
        T(anything_else_is_a_lun_that_does_not_exist),
        T(mapping_twice_and_unmapping_nothing_are_errors),
        T(a_new_session_finds_no_unit_attention),
        T(a_changed_map_is_told_on_every_lun_that_was_there),
        T(inquiry_report_luns_and_request_sense_pass_a_unit_attention),
        T(a_unit_attention_comes_before_any_other_complaint),
        T(resizing_is_told_to_every_nexus_once),
        T(a_watch_counts_the_commands_that_reach_beyond_the_new_end),
        T(resets_are_told_before_what_came_of_them),
        T(an_aborted_task_calls_done_when_the_store_is_through),
        T(a_task_aborted_before_it_executes_touches_nothing),
        T(unmapping_aborts_what_runs_and_is_over_when_the_last_has_left),
        T(a_reset_aborts_the_tasks_of_the_other_sessions),
        T(clear_task_set_tells_those_whose_tasks_it_cleared),
        T(sense_is_eighteen_bytes_in_fixed_format_with_a_field_pointer),
    };

    return RUN_TESTS(tests);
}
