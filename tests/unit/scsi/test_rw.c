/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <errno.h>

static void what_each_write_wrote_each_read_reads(void **state)
{
    struct fixture *f = *state;
    const uint8_t *data = pattern(2 * 512, 1);
    struct command writes[] = { write6(10, 2, data), write10(20, 2, data), write12(30, 2, data),
                                write16(40, 2, data) };

    for (unsigned i = 0; i < ARRAY_SIZE(writes); i++) {
        uint32_t lba = (i + 1) * 10;
        struct command reads[] = { read6(lba, 2), read10(lba, 2), read12(lba, 2), read16(lba, 2) };

        assert_good(exec(f, writes[i]));
        for (unsigned j = 0; j < ARRAY_SIZE(reads); j++) {
            struct outcome o = exec(f, reads[j]);

            assert_good(o);
            assert_int_equal(o.n, 1024);
            assert_memory_equal(o.data, data, 1024);
        }
    }
}

static void a_count_of_zero_means_256_blocks_in_read6_and_nothing_elsewhere(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(exec(f, read6(0, 0)).n, 256 * 512);
    f->n_requests = 0;
    assert_good(exec(f, read10(5, 0)));
    assert_good(exec(f, read12(5, 0)));
    assert_good(exec(f, read16(5, 0)));
    assert_good(exec(f, write10(5, 0, NULL)));
    assert_good(exec(f, write16(2048, 0, NULL))); /* at the very end is still inside */
    assert_int_equal(f->n_requests, 0);
}

static void past_the_last_block_is_lba_out_of_range_before_the_store_is_touched(void **state)
{
    struct fixture *f = *state;
    const uint8_t *data = pattern(2 * 512, 1);
    struct command cases[] = {
        read6(2047, 2),
        read10(2047, 2),
        read10(2048, 1),
        read10(0xffffffff, 1),
        read12(2047, 2),
        read16(2047, 2),
        read16(UINT64_MAX, 1),
        read16(UINT64_MAX - 1, 2),
        read10(2049, 0),
        read16(UINT64_MAX, 0),
        write6(2047, 2, data),
        write10(2047, 2, data),
        write12(0x80000000, 2, data),
        write16(UINT64_MAX, 2, data),
        block_command(0x34, 0, 2048, 1),
        block_command(0x90, 0, 2048, 1),
        block_command(0x35, 0, 2048, 1),
        block_command(0x91, 0, 2047, 2),
    };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
        assert_sense(exec(f, cases[i]), KEY_ILLEGAL_REQUEST, 0x2100);
    assert_int_equal(f->n_requests, 0);
}

static void more_than_the_maximum_transfer_is_an_invalid_field_at_the_count(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, (struct fixture_options){ .max_transfer = 64 * 1024 });
    assert_good(exec(&f, read10(0, 128)));
    assert_cdb_field(exec(&f, read10(0, 129)), 7);
    assert_cdb_field(exec(&f, read12(0, 129)), 6);
    assert_cdb_field(exec(&f, read16(0, 129)), 10);
    fixture_close(&f);
}

static void protection_bits_are_an_invalid_field(void **state)
{
    struct fixture *f = *state;
    static const uint8_t opcodes[] = { 0x28, 0x88, 0xa8, 0x2a, 0x8a, 0xaa, 0x41, 0x93 };

    for (unsigned i = 0; i < ARRAY_SIZE(opcodes); i++)
        for (uint8_t protect = 1; protect < 8; protect++)
            assert_cdb_field(exec(f, block_command(opcodes[i], (uint8_t)(protect << 5), 0, 1)), 1);
}

static void fua_and_dpo_are_taken_and_fua_reaches_the_store(void **state)
{
    struct fixture *f = *state;
    const uint8_t *data = pattern(512, 1);

    assert_good(exec(f, with_byte(read10(0, 1), 1, 0x18)));
    assert_good(exec(f, with_byte(write10(0, 1, data), 1, 0x10)));
    assert_int_equal(f->n_fua, 0);
    assert_good(exec(f, with_byte(write10(0, 1, data), 1, 0x08)));
    assert_good(exec(f, with_byte(write12(0, 1, data), 1, 0x08)));
    assert_good(exec(f, with_byte(write16(0, 1, data), 1, 0x18)));
    assert_int_equal(f->n_fua, 3);
}

static void a_read_of_less_room_moves_what_fits_and_says_what_there_was(void **state)
{
    struct fixture *f = *state;
    struct command c = read10(0, 2);
    struct outcome o;

    assert_good(exec(f, write10(0, 2, pattern(1024, 5))));
    c.short_buffer = true;
    c.buffer_len = 200;
    o = exec(f, c);
    assert_good(o);
    assert_int_equal(o.n, 200);
    assert_int_equal(o.full, 1024);
    assert_memory_equal(o.data, pattern(1024, 5), 200);
    c.buffer_len = 0;
    o = exec(f, c);
    assert_good(o);
    assert_int_equal(o.n, 0);
    assert_int_equal(o.full, 1024);
}

static void a_write_of_fewer_bytes_changes_exactly_those(void **state)
{
    struct fixture *f = *state;
    const uint8_t *old = pattern(1024, 1), *new = pattern(1024, 99);
    struct outcome o;

    assert_good(exec(f, write10(0, 2, old)));
    o = exec(f, with_data(block_command(0x2a, 0, 0, 2), new, 700));
    assert_good(o);
    assert_int_equal(o.full, 1024);
    o = exec(f, read10(0, 2));
    assert_memory_equal(o.data, new, 700);
    assert_memory_equal(o.data + 700, old + 700, 324);
}

static void synchronize_cache_flushes_the_store(void **state)
{
    struct fixture *f = *state;

    assert_good(exec(f, block_command(0x35, 0, 0, 0)));
    assert_good(exec(f, block_command(0x91, 0x02, 5, 10)));
    assert_int_equal(f->n_flushes, 2);
}

static void prefetch_is_good_within_the_unit(void **state)
{
    struct fixture *f = *state;

    assert_good(exec(f, block_command(0x34, 0, 0, 0)));
    assert_good(exec(f, block_command(0x34, 0x02, 2047, 1)));
    assert_good(exec(f, block_command(0x90, 0, 0, 2048)));
}

static void store_errors_become_sense(void **state)
{
    static const struct {
        int error;
        bool write;
        uint8_t status, key;
        uint16_t asc;
    } cases[] = {
        { -EIO, false, SCSI_CHECK_CONDITION, KEY_MEDIUM_ERROR, 0x1100 },
        { -EIO, true, SCSI_CHECK_CONDITION, KEY_MEDIUM_ERROR, 0x0c00 },
        { -ENOSPC, true, SCSI_CHECK_CONDITION, KEY_DATA_PROTECT, 0x2707 },
        { -EDQUOT, true, SCSI_CHECK_CONDITION, KEY_DATA_PROTECT, 0x2707 },
        { -EROFS, true, SCSI_CHECK_CONDITION, KEY_DATA_PROTECT, 0x2700 },
        { -ENODEV, false, SCSI_CHECK_CONDITION, KEY_NOT_READY, 0x0412 },
        { -ENOMEM, false, SCSI_TASK_SET_FULL, 0, 0 },
        { -EAGAIN, false, SCSI_BUSY, 0, 0 },
        { -EPERM, true, SCSI_CHECK_CONDITION, KEY_HARDWARE_ERROR, 0x4400 },
    };
    struct fixture *f = *state;

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct outcome o;

        f->fail_with = cases[i].error;
        o = exec(f, cases[i].write ? write10(0, 1, pattern(512, 1)) : read10(0, 1));
        assert_int_equal(o.status, cases[i].status);
        assert_int_equal(o.key, cases[i].key);
        assert_int_equal(o.asc, cases[i].asc);
        assert_int_equal(o.n, 0);
    }
}

static void a_command_that_the_store_holds_ends_when_it_lets_go(void **state)
{
    struct fixture *f = *state;
    struct running *r;

    f->hold = true;
    r = start(f, write10(3, 1, pattern(512, 9)));
    assert_false(r->done);
    fixture_drain(f);
    assert_good(running_end(r));
    assert_memory_equal(exec(f, read10(3, 1)).data, pattern(512, 9), 512);
}

static void blocks_of_4096_bytes_are_addressed_as_such(void **state)
{
    struct fixture f;
    const uint8_t *data = pattern(4096, 3);

    (void)state;
    fixture_open(&f, (struct fixture_options){ .n_blocks = 16, .block_size = 4096 });
    assert_good(exec(&f, with_data(block_command(0x8a, 0, 15, 1), data, 4096)));
    assert_memory_equal(exec(&f, read16(15, 1)).data, data, 4096);
    assert_sense(exec(&f, read16(16, 1)), KEY_ILLEGAL_REQUEST, 0x2100);
    fixture_close(&f);
}

static void a_read_only_unit_is_write_protected(void **state)
{
    struct fixture f;
    const uint8_t *data = pattern(512, 3);

    (void)state;
    fixture_open(&f, (struct fixture_options){ .read_only = true });
    assert_good(exec(&f, read10(0, 1)));
    assert_sense(exec(&f, write6(0, 1, data)), KEY_DATA_PROTECT, 0x2700);
    assert_sense(exec(&f, write10(0, 1, data)), KEY_DATA_PROTECT, 0x2700);
    assert_sense(exec(&f, with_data(block_command(0x41, 0, 0, 1), data, 512)), KEY_DATA_PROTECT, 0x2700);
    assert_int_equal(f.n_writes, 0);
    fixture_close(&f);
}

static struct scsi_task *prepared(struct fixture *f, struct scsi_task *t, struct command c)
{
    *t = (struct scsi_task){ .view = f->nexus[0].view };
    memcpy(t->cdb, c.cdb, sizeof c.cdb);
    memcpy(t->lun, c.lun, sizeof c.lun);
    assert_true(scsi_task_prepare(t));
    return t;
}

static void blocks_in_memory_are_lent_to_a_read_and_to_nothing_else(void **state)
{
    struct fixture *f = *state;
    const uint8_t *data = pattern(2 * 512, 1);
    struct scsi_task t;
    struct scsi_lu *lu;

    /* The fixture's own units stand behind a fault store, which lends nothing. */
    assert_int_equal(scsi_lu_create(&(struct scsi_lu_config){ .block_size = 512 }, f->memory[0], &lu), 0);
    assert_int_equal(scsi_view_map(f->nexus[0].view, 3, lu, true), 0);
    scsi_lu_unref(lu);
    exec(f, on_lun(test_unit_ready(), 3)); /* takes the unit attention */
    assert_good(exec(f, on_lun(write10(8, 2, data), 3)));
    assert_false(scsi_task_borrow(prepared(f, &t, read10(8, 2)), 1024));
    scsi_task_release(&t);
    assert_true(scsi_task_borrow(prepared(f, &t, on_lun(read10(8, 2), 3)), 1024));
    assert_true(scsi_task_execute(&t));
    assert_int_equal(t.data_len, 1024);
    assert_memory_equal(t.lent, data, 1024);
    scsi_task_release(&t);
    assert_false(scsi_task_borrow(prepared(f, &t, on_lun(read10(1024, 2), 3)), 1024)); /* a hole */
    scsi_task_release(&t);
    assert_false(scsi_task_borrow(prepared(f, &t, on_lun(inquiry(96), 3)), 96));
    scsi_task_release(&t);
}

static void an_offline_unit_is_not_ready_and_still_answers_inquiry(void **state)
{
    struct fixture *f = *state;

    scsi_lu_set_online(f->lu[0], false);
    assert_sense(exec(f, test_unit_ready()), KEY_NOT_READY, 0x0412);
    assert_sense(exec(f, read10(0, 1)), KEY_NOT_READY, 0x0412);
    assert_sense(exec(f, block_command(0x25, 0, 0, 0)), KEY_NOT_READY, 0x0412);
    assert_good(exec(f, inquiry(96)));
    scsi_lu_set_online(f->lu[0], true);
    assert_good(exec(f, test_unit_ready()));
}

int main(void)
{
#define T(name) fixture_test(name, .n_blocks = 2048)
    const struct CMUnitTest tests[] = {
        T(what_each_write_wrote_each_read_reads),
        T(a_count_of_zero_means_256_blocks_in_read6_and_nothing_elsewhere),
        T(past_the_last_block_is_lba_out_of_range_before_the_store_is_touched),
        cmocka_unit_test(more_than_the_maximum_transfer_is_an_invalid_field_at_the_count),
        T(protection_bits_are_an_invalid_field),
        T(fua_and_dpo_are_taken_and_fua_reaches_the_store),
        T(a_read_of_less_room_moves_what_fits_and_says_what_there_was),
        T(a_write_of_fewer_bytes_changes_exactly_those),
        T(synchronize_cache_flushes_the_store),
        T(prefetch_is_good_within_the_unit),
        T(store_errors_become_sense),
        T(a_command_that_the_store_holds_ends_when_it_lets_go),
        cmocka_unit_test(blocks_of_4096_bytes_are_addressed_as_such),
        cmocka_unit_test(a_read_only_unit_is_write_protected),
        T(blocks_in_memory_are_lent_to_a_read_and_to_nothing_else),
        T(an_offline_unit_is_not_ready_and_still_answers_inquiry),
    };

    return RUN_TESTS(tests);
}
