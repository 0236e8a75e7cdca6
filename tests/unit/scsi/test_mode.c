/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <errno.h>

enum { CURRENT, CHANGEABLE, DEFAULT, SAVED };

static struct command mode_sense6(uint8_t pc, uint8_t page)
{
    return cdb6(0x1a, 0x08, (uint8_t)(pc << 6 | page), 0, 255);
}

static struct command mode_sense10(uint8_t byte1, uint8_t pc, uint8_t page)
{
    return (struct command){ .cdb = { 0x5a, byte1, (uint8_t)(pc << 6 | page), [7] = 1 } };
}

/* The page with this byte changed to `value`, as a parameter list for MODE SELECT(6). */
static struct command select_byte(struct fixture *f, uint8_t page, uint8_t at, uint8_t value, bool save)
{
    static _Thread_local uint8_t list[64];
    struct outcome o = exec(f, mode_sense6(CURRENT, page));

    memset(list, 0, sizeof list);
    memcpy(list + 4, o.data + 4, o.n - 4);
    list[4] &= 0x3f;
    list[4 + at] = value;
    return with_data(cdb6(0x15, 0x10 | save, 0, 0, (uint8_t)o.n), list, o.n);
}

static uint8_t page_byte(struct fixture *f, uint8_t pc, uint8_t page, uint8_t at)
{
    struct outcome o = exec(f, mode_sense6(pc, page));

    assert_good(o);
    return o.data[4 + at];
}

static void all_pages_come_in_order_with_header_and_descriptor(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, cdb6(0x1a, 0, 0x3f, 0, 255));
    static const uint8_t pages[] = { 0x01, 0x08, 0x0a, 0x1c };
    uint32_t at = 12;

    assert_good(o);
    assert_int_equal(o.data[0], o.n - 1);
    assert_int_equal(o.data[2], 0x10); /* DPOFUA */
    assert_int_equal(o.data[3], 8);
    assert_int_equal(be32_get(o.data + 4), 2048);
    assert_int_equal(be24_get(o.data + 9), 512);
    for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
        assert_int_equal(o.data[at], pages[i]);
        at += 2u + o.data[at + 1];
    }
    assert_int_equal(at, o.n);
}

static void mode_sense10_has_the_longer_header_and_with_llbaa_the_longer_descriptor(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, mode_sense10(0x00, CURRENT, 0x08));

    assert_int_equal(be16_get(o.data), o.n - 2);
    assert_int_equal(be16_get(o.data + 6), 8);
    assert_int_equal(o.n, 8 + 8 + 20);
    o = exec(f, mode_sense10(0x10, CURRENT, 0x08));
    assert_int_equal(o.data[4], 1);
    assert_int_equal(be16_get(o.data + 6), 16);
    assert_int_equal(be64_get(o.data + 8), 2048);
    assert_int_equal(be32_get(o.data + 20), 512);
    assert_int_equal(exec(f, mode_sense10(0x08, CURRENT, 0x08)).n, 8 + 20);
}

static void unknown_pages_and_subpages_are_refused(void **state)
{
    struct fixture *f = *state;

    assert_cdb_field(exec(f, mode_sense6(CURRENT, 0x19)), 2);
    assert_cdb_field(exec(f, with_byte(mode_sense6(CURRENT, 0x0a), 3, 0x01)), 3);
    assert_good(exec(f, with_byte(mode_sense6(CURRENT, 0x3f), 3, 0xff)));
    assert_sense(exec(f, mode_sense6(SAVED, 0x3f)), KEY_ILLEGAL_REQUEST, 0x3900);
}

static void the_cache_is_on_and_can_be_switched_off(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(page_byte(f, CURRENT, 0x08, 2), 0x04);
    assert_int_equal(page_byte(f, CHANGEABLE, 0x08, 2), 0x04);
    assert_good(exec(f, write10(0, 1, pattern(512, 1))));
    assert_int_equal(f->n_fua, 0);
    assert_good(exec(f, select_byte(f, 0x08, 2, 0x00, false)));
    assert_int_equal(page_byte(f, CURRENT, 0x08, 2), 0x00);
    assert_int_equal(page_byte(f, DEFAULT, 0x08, 2), 0x04);
    assert_good(exec(f, write10(0, 1, pattern(512, 1))));
    assert_int_equal(f->n_fua, 1); /* every write is durable now */
}

static void what_is_in_the_cache_is_written_when_it_is_switched_off(void **state)
{
    struct fixture *f = *state;

    assert_good(exec(f, select_byte(f, 0x08, 2, 0x04, false))); /* it is on */
    assert_int_equal(f->n_flushes, 0);
    assert_good(exec(f, select_byte(f, 0x08, 2, 0x00, false)));
    assert_int_equal(f->n_flushes, 1);
    assert_good(exec(f, select_byte(f, 0x08, 2, 0x00, false)));
    assert_good(exec(f, select_byte(f, 0x08, 2, 0x04, false)));
    assert_int_equal(f->n_flushes, 1);
    assert_int_equal(f->n_cache_changes, 2); /* off and on; the owner is told */
}

static void the_owner_can_switch_the_cache_too_and_for_good(void **state)
{
    struct fixture *f = *state;
    uint8_t lun[8] = { 0 };

    assert_false(scsi_lu_write_through(f->lu[0]));
    assert_int_equal(scsi_lu_set_write_through(f->lu[0], true), 0);
    assert_true(scsi_lu_write_through(f->lu[0]));
    for (unsigned i = 0; i < 2; i++)
        assert_sense(exec(f, on_nexus(test_unit_ready(), i)), KEY_UNIT_ATTENTION, 0x2a01);
    assert_int_equal(page_byte(f, CURRENT, 0x08, 2), 0x00);
    assert_int_equal(page_byte(f, SAVED, 0x08, 2), 0x00);
    assert_int_equal(scsi_lu_set_write_through(f->lu[0], true), 0); /* no change, and nobody hears of it */
    assert_good(exec(f, test_unit_ready()));
    assert_int_equal(f->n_cache_changes, 0); /* it knows itself */
    assert_good(exec(f, select_byte(f, 0x08, 2, 0x04, false)));
    assert_int_equal(scsi_lu_reset(f->nexus[0].view, lun), 0); /* to what was saved */
    assert_true(scsi_lu_write_through(f->lu[0]));
    assert_int_equal(f->n_cache_changes, 2);
    f->save_result = -EIO;
    assert_int_equal(scsi_lu_set_write_through(f->lu[0], false), -EIO);
    assert_true(scsi_lu_write_through(f->lu[0]));
}

static void a_change_is_told_to_the_others_only(void **state)
{
    struct fixture *f = *state;

    assert_good(exec(f, select_byte(f, 0x08, 2, 0x04, false))); /* no change */
    assert_good(exec(f, on_nexus(test_unit_ready(), 1)));
    assert_good(exec(f, select_byte(f, 0x08, 2, 0x00, false)));
    assert_good(exec(f, test_unit_ready()));
    assert_sense(exec(f, on_nexus(test_unit_ready(), 1)), KEY_UNIT_ATTENTION, 0x2a01);
}

static void software_write_protect_stops_writes(void **state)
{
    struct fixture *f = *state;

    assert_good(exec(f, select_byte(f, 0x0a, 4, 0x08, false)));
    assert_int_equal(exec(f, mode_sense6(CURRENT, 0x0a)).data[2] & 0x80, 0x80); /* WP */
    assert_sense(exec(f, write10(0, 1, pattern(512, 1))), KEY_DATA_PROTECT, 0x2702);
    assert_good(exec(f, read10(0, 1)));
    assert_good(exec(f, select_byte(f, 0x0a, 4, 0x00, false)));
    assert_good(exec(f, write10(0, 1, pattern(512, 1))));
}

static void descriptor_sense_comes_when_it_is_asked_for(void **state)
{
    struct fixture *f = *state;
    struct outcome o;

    assert_good(exec(f, select_byte(f, 0x0a, 2, 0x06, false))); /* D_SENSE beside GLTSD */
    o = exec(f, with_byte(read10(0, 1), 1, 0x20));
    assert_sense(o, KEY_ILLEGAL_REQUEST, 0x2400);
    assert_int_equal(o.sense[0], 0x72);
    assert_int_equal(o.sense[1], KEY_ILLEGAL_REQUEST);
    assert_int_equal(be16_get(o.sense + 2), 0x2400);
    assert_int_equal(o.sense[7], o.sense_len - 8);
    assert_int_equal(o.sense[8], 0x02); /* sense key specific */
    assert_int_equal(be16_get(o.sense + 13), 1);
}

static void only_changeable_bits_may_differ(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, select_byte(f, 0x0a, 3, 0x00, false)); /* QUEUE ALGORITHM MODIFIER */

    assert_sense(o, KEY_ILLEGAL_REQUEST, 0x2600);
    assert_int_equal(be16_get(o.sense + 16), 4 + 3);
    assert_int_equal(page_byte(f, CURRENT, 0x0a, 3), 0x10);
}

static void nothing_is_changed_when_one_page_of_several_is_wrong(void **state)
{
    struct fixture *f = *state;
    uint8_t list[4 + 20 + 12] = { 0 };
    struct outcome o = exec(f, mode_sense6(CURRENT, 0x08));

    memcpy(list + 4, o.data + 4, 20);
    list[4 + 2] = 0; /* WCE off */
    o = exec(f, mode_sense6(CURRENT, 0x0a));
    memcpy(list + 24, o.data + 4, 12);
    list[24 + 3] ^= 0xff;
    assert_sense(exec(f, with_data(cdb6(0x15, 0x10, 0, 0, sizeof list), list, sizeof list)),
                 KEY_ILLEGAL_REQUEST, 0x2600);
    assert_int_equal(page_byte(f, CURRENT, 0x08, 2), 0x04);
}

static void cut_lists_are_length_errors_and_empty_ones_are_fine(void **state)
{
    struct fixture *f = *state;
    uint8_t list[24] = { 0, 0, 0, 0, 0x08, 0x12, 0x04 };

    assert_good(exec(f, cdb6(0x15, 0x10, 0, 0, 0)));
    for (uint8_t n = 1; n < sizeof list; n++)
        if (n != 4) /* a header alone asks for nothing */
            assert_sense(exec(f, with_data(cdb6(0x15, 0x10, 0, 0, n), list, n)), KEY_ILLEGAL_REQUEST, 0x1a00);
    assert_good(exec(f, with_data(cdb6(0x15, 0x10, 0, 0, sizeof list), list, sizeof list)));
    assert_cdb_field(exec(f, with_data(cdb6(0x15, 0x00, 0, 0, sizeof list), list, sizeof list)), 1); /* PF */
    assert_cdb_field(exec(f, with_data(cdb6(0x15, 0x11, 0, 0, sizeof list), list, sizeof list)),
                     1); /* SP: nowhere to save */
    list[5] = 0x11;
    assert_sense(exec(f, with_data(cdb6(0x15, 0x10, 0, 0, sizeof list), list, sizeof list)),
                 KEY_ILLEGAL_REQUEST, 0x2600);
}

static void data_that_did_not_come_are_not_taken_for_a_list(void **state)
{
    struct fixture *f = *state;
    uint8_t list[24] = { 0, 0, 0, 0, 0x08, 0x12, 0x00 };

    assert_sense(exec(f, with_data(cdb6(0x15, 0x10, 0, 0, sizeof list), list, 12)), KEY_ILLEGAL_REQUEST,
                 0x0e03);
    assert_int_equal(page_byte(f, CURRENT, 0x08, 2), 0x04);
}

static void mode_select10_takes_a_block_descriptor_that_fits(void **state)
{
    struct fixture *f = *state;
    uint8_t list[8 + 8 + 20] = { [7] = 8, [8 + 6] = 0x02, [16] = 0x08, 0x12, 0x00 };
    struct command c = { .cdb = { 0x55, 0x10, [8] = sizeof list } };
    uint8_t long_list[8 + 16] = { [4] = 1, [7] = 16, [8 + 14] = 0x02 };
    struct command d = { .cdb = { 0x55, 0x10, [8] = sizeof long_list } };

    assert_good(exec(f, with_data(c, list, sizeof list)));
    assert_int_equal(page_byte(f, CURRENT, 0x08, 2), 0x00);
    assert_good(exec(f, with_data(d, long_list, sizeof long_list)));
    list[8 + 6] = 0x10; /* 4096 */
    assert_sense(exec(f, with_data(c, list, sizeof list)), KEY_ILLEGAL_REQUEST, 0x2600);
    list[7] = 7;
    assert_sense(exec(f, with_data(c, list, sizeof list)), KEY_ILLEGAL_REQUEST, 0x2600);
}

static void saved_pages_come_back_with_the_unit_and_after_a_reset(void **state)
{
    struct fixture *f = *state, g;
    uint8_t lun[8] = { 0 };

    assert_int_equal(page_byte(f, CURRENT, 0x08, 0), 0x88); /* PS */
    assert_good(exec(f, select_byte(f, 0x08, 2, 0x00, true)));
    assert_int_equal(f->n_saves, 1);
    assert_int_equal(page_byte(f, SAVED, 0x08, 2), 0x00);
    fixture_open(&g,
                 (struct fixture_options){ .saves = true, .load_pr = f->saved, .load_pr_len = f->saved_len });
    assert_int_equal(page_byte(&g, CURRENT, 0x08, 2), 0x00);
    assert_good(exec(&g, select_byte(&g, 0x08, 2, 0x04, false)));
    assert_good(exec(&g, select_byte(&g, 0x0a, 2, 0x06, false)));
    assert_int_equal(scsi_lu_reset(g.nexus[0].view, lun), 0);
    assert_sense(exec(&g, test_unit_ready()), KEY_UNIT_ATTENTION, 0x2903);
    assert_int_equal(page_byte(&g, CURRENT, 0x08, 2), 0x00);
    assert_int_equal(page_byte(&g, CURRENT, 0x0a, 2), 0x02);
    fixture_close(&g);
}

static void a_save_that_fails_is_an_error(void **state)
{
    struct fixture *f = *state;

    f->save_result = -EIO;
    assert_sense(exec(f, select_byte(f, 0x08, 2, 0x00, true)), KEY_HARDWARE_ERROR, 0x4400);
    assert_int_equal(page_byte(f, SAVED, 0x08, 2), 0x04);
}

int main(void)
{
#define T(name) fixture_test(name, .n_nexuses = 2)
#define S(name) fixture_test(name, .n_nexuses = 2, .saves = true)
    const struct CMUnitTest tests[] = {
        T(all_pages_come_in_order_with_header_and_descriptor),
        T(mode_sense10_has_the_longer_header_and_with_llbaa_the_longer_descriptor),
        T(unknown_pages_and_subpages_are_refused),
        T(the_cache_is_on_and_can_be_switched_off),
        T(what_is_in_the_cache_is_written_when_it_is_switched_off),
        S(the_owner_can_switch_the_cache_too_and_for_good),
        T(a_change_is_told_to_the_others_only),
        T(software_write_protect_stops_writes),
        T(descriptor_sense_comes_when_it_is_asked_for),
        T(only_changeable_bits_may_differ),
        T(nothing_is_changed_when_one_page_of_several_is_wrong),
        T(cut_lists_are_length_errors_and_empty_ones_are_fine),
        T(data_that_did_not_come_are_not_taken_for_a_list),
        T(mode_select10_takes_a_block_descriptor_that_fits),
        S(saved_pages_come_back_with_the_unit_and_after_a_reset),
        S(a_save_that_fails_is_an_error),
    };

    return RUN_TESTS(tests);
}
