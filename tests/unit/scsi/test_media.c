/* SPDX-License-Identifier: MIT */
#include "fixture.h"

static struct command start_stop(uint8_t byte4)
{
    return cdb6(0x1b, 0, 0, 0, byte4);
}

enum { STOP = 0x00, START = 0x01, EJECT = 0x02, LOAD = 0x03, NO_FLUSH = 0x04 };

static struct command prevent(bool on)
{
    return cdb6(0x1e, 0, 0, 0, on);
}

static void an_ejected_medium_is_not_there_for_anybody(void **state)
{
    struct fixture *f = *state;
    static const uint8_t block[512];
    struct command cases[] = {
        test_unit_ready(),
        read6(0, 1),
        read10(0, 1),
        read12(0, 1),
        read16(0, 1),
        write10(0, 1, block),
        block_command(0x25, 0, 0, 0),
        block_command(0x2f, 0, 0, 1),
        block_command(0x34, 0, 0, 1),
        block_command(0x35, 0, 0, 1),
        block_command(0x91, 0, 0, 1),
        { .cdb = { 0x9e, 0x10, [13] = 32 } },
        { .cdb = { 0x9e, 0x12, [13] = 24 } },
        { .cdb = { 0x42 } },
        block_command(0x93, 1, 0, 1),
        with_data(block_command(0x8b, 0, 0, 1), block, 512),
        with_data(block_command(0x8e, 0, 0, 1), block, 512),
    };

    assert_good(exec(f, start_stop(EJECT)));
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_sense(exec(f, cases[i]), KEY_NOT_READY, 0x3a00);
        assert_sense(exec(f, on_nexus(cases[i], 1)), KEY_NOT_READY, 0x3a00);
    }
    assert_good(exec(f, inquiry(96)));
    assert_int_equal(exec(f, request_sense()).data[2], KEY_NOT_READY);
}

static void loading_it_again_is_told_to_the_others(void **state)
{
    struct fixture *f = *state;

    assert_good(exec(f, start_stop(EJECT)));
    assert_good(exec(f, start_stop(LOAD)));
    assert_good(exec(f, test_unit_ready()));
    assert_sense(exec(f, on_nexus(test_unit_ready(), 1)), KEY_UNIT_ATTENTION, 0x2800);
    assert_good(exec(f, on_nexus(test_unit_ready(), 1)));
    assert_good(exec(f, start_stop(LOAD))); /* it is in already */
    assert_good(exec(f, on_nexus(test_unit_ready(), 1)));
}

static void a_plain_stop_or_a_power_condition_leaves_it_ready(void **state)
{
    struct fixture *f = *state;

    assert_good(exec(f, start_stop(STOP)));
    assert_int_equal(f->n_flushes, 1);
    assert_good(exec(f, start_stop(STOP | NO_FLUSH)));
    assert_int_equal(f->n_flushes, 1);
    assert_good(exec(f, test_unit_ready()));
    assert_good(exec(f, start_stop(START)));
    for (uint8_t condition = 1; condition < 16; condition++)
        assert_good(exec(f, start_stop((uint8_t)(condition << 4 | EJECT))));
    assert_good(exec(f, test_unit_ready()));
}

static void prevention_by_anybody_keeps_the_medium_where_it_is(void **state)
{
    struct fixture *f = *state;

    assert_good(exec(f, prevent(true)));
    assert_good(exec(f, prevent(true))); /* counts once */
    assert_sense(exec(f, start_stop(EJECT)), KEY_ILLEGAL_REQUEST, 0x5302);
    assert_sense(exec(f, on_nexus(start_stop(EJECT), 1)), KEY_ILLEGAL_REQUEST, 0x5302);
    assert_good(exec(f, on_nexus(prevent(false), 1))); /* not its own */
    assert_sense(exec(f, start_stop(EJECT)), KEY_ILLEGAL_REQUEST, 0x5302);
    assert_good(exec(f, prevent(false)));
    assert_good(exec(f, start_stop(EJECT)));
    assert_good(exec(f, prevent(true)));
    assert_sense(exec(f, start_stop(LOAD)), KEY_ILLEGAL_REQUEST, 0x5302);
}

static void prevention_ends_with_its_session_and_with_a_reset(void **state)
{
    struct fixture *f = *state;
    uint8_t lun[8] = { 0 };

    assert_good(exec(f, on_nexus(prevent(true), 1)));
    nexus_close(f, 1);
    assert_good(exec(f, start_stop(EJECT)));
    assert_good(exec(f, start_stop(LOAD)));
    assert_good(exec(f, prevent(true)));
    assert_int_equal(scsi_lu_reset(f->nexus[0].view, lun), 0);
    assert_sense(exec(f, test_unit_ready()), KEY_UNIT_ATTENTION, 0x2903);
    assert_good(exec(f, start_stop(EJECT)));
}

static void a_fixed_disk_cannot_be_ejected(void **state)
{
    struct fixture *f = *state;

    assert_cdb_field(exec(f, start_stop(EJECT)), 4);
    assert_cdb_field(exec(f, start_stop(LOAD)), 4);
    assert_good(exec(f, start_stop(STOP)));
    assert_good(exec(f, test_unit_ready()));
    assert_good(exec(f, prevent(true)));
}

static void defect_lists_are_empty(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, (struct command){ .cdb = { 0x37, 0, 0x1d, [8] = 32 } });

    assert_good(o);
    assert_int_equal(o.n, 4);
    assert_int_equal(o.data[1], 0x1d);
    assert_int_equal(be16_get(o.data + 2), 0);
    o = exec(f, (struct command){ .cdb = { 0xb7, 0x08, [9] = 32 } });
    assert_int_equal(o.n, 8);
    assert_int_equal(o.data[1], 0x08);
}

static void the_default_self_test_passes_and_others_are_refused(void **state)
{
    struct fixture *f = *state;

    assert_good(exec(f, cdb6(0x1d, 0x04, 0, 0, 0)));
    assert_cdb_field(exec(f, cdb6(0x1d, 0x00, 0, 0, 0)), 1);
    assert_cdb_field(exec(f, cdb6(0x1d, 0x04, 0, 0, 4)), 3);
}

/* ---- RESERVE and RELEASE of SPC-2 --------------------------------------------------------------------- */

static void a_reservation_stops_all_but_a_few_commands_of_others(void **state)
{
    struct fixture *f = *state;
    static const uint8_t reserve[] = { 0x16, 0x56 }, release[] = { 0x17, 0x57 };

    for (unsigned i = 0; i < 2; i++) {
        assert_good(exec(f, (struct command){ .cdb = { reserve[i] } }));
        assert_good(exec(f, (struct command){ .cdb = { reserve[i] } }));
        assert_good(exec(f, read10(0, 1)));
        assert_status(exec(f, on_nexus(test_unit_ready(), 1)), SCSI_RESERVATION_CONFLICT);
        assert_status(exec(f, on_nexus(read10(0, 1), 1)), SCSI_RESERVATION_CONFLICT);
        assert_status(exec(f, on_nexus((struct command){ .cdb = { reserve[i] } }, 1)),
                      SCSI_RESERVATION_CONFLICT);
        assert_good(exec(f, on_nexus(inquiry(96), 1)));
        assert_good(exec(f, on_nexus(request_sense(), 1)));
        assert_good(exec(f, on_nexus(report_luns(0), 1)));
        assert_good(exec(f, on_nexus(block_command(0x25, 0, 0, 0), 1)));
        assert_good(
            exec(f, on_nexus((struct command){ .cdb = { release[i] } }, 1))); /* not its own: no effect */
        assert_status(exec(f, on_nexus(test_unit_ready(), 1)), SCSI_RESERVATION_CONFLICT);
        assert_good(exec(f, (struct command){ .cdb = { release[i] } }));
        assert_good(exec(f, on_nexus(test_unit_ready(), 1)));
    }
}

static void a_reservation_ends_with_its_session_and_with_a_reset(void **state)
{
    struct fixture *f = *state;
    uint8_t lun[8] = { 0 };

    assert_good(exec(f, on_nexus(cdb6(0x16, 0, 0, 0, 0), 1)));
    assert_status(exec(f, test_unit_ready()), SCSI_RESERVATION_CONFLICT);
    nexus_close(f, 1);
    assert_good(exec(f, test_unit_ready()));
    nexus_open(f, 1, "iqn.2026-01.test:b", 1);
    assert_good(exec(f, on_nexus(cdb6(0x16, 0, 0, 0, 0), 1)));
    assert_int_equal(scsi_lu_reset(f->nexus[0].view, lun), 0);
    assert_sense(exec(f, test_unit_ready()), KEY_UNIT_ATTENTION, 0x2903);
    assert_good(exec(f, test_unit_ready()));
}

int main(void)
{
#define R(name) fixture_test(name, .removable = true, .n_nexuses = 2)
#define T(name) fixture_test(name, .n_nexuses = 2)
    const struct CMUnitTest tests[] = {
        R(an_ejected_medium_is_not_there_for_anybody),
        R(loading_it_again_is_told_to_the_others),
        R(a_plain_stop_or_a_power_condition_leaves_it_ready),
        R(prevention_by_anybody_keeps_the_medium_where_it_is),
        R(prevention_ends_with_its_session_and_with_a_reset),
        T(a_fixed_disk_cannot_be_ejected),
        T(defect_lists_are_empty),
        T(the_default_self_test_passes_and_others_are_refused),
        T(a_reservation_stops_all_but_a_few_commands_of_others),
        T(a_reservation_ends_with_its_session_and_with_a_reset),
    };

    return RUN_TESTS(tests);
}
