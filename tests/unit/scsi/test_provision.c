/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <errno.h>

#include "store/store_backend.h"

static const uint8_t zeros[1 << 20];

static void fill(struct fixture *f, uint32_t lba, uint16_t n)
{
    assert_good(exec(f, write10(lba, n, pattern(n * 512u, 0x5a))));
}

static bool reads_zeros(struct fixture *f, uint32_t lba, uint16_t n)
{
    return !memcmp(exec(f, read10(lba, n)).data, zeros, n * 512u);
}

/* ---- UNMAP -------------------------------------------------------------------------------------------- */

struct range {
    uint64_t lba;
    uint32_t n;
};

static struct command unmap(const struct range *ranges, uint16_t n)
{
    static _Thread_local uint8_t list[8 + 300 * 16];
    uint16_t len = (uint16_t)(8 + n * 16);
    struct command c = { .cdb = { 0x42 } };

    memset(list, 0, sizeof list);
    be16_put(list, (uint16_t)(len - 2));
    be16_put(list + 2, (uint16_t)(n * 16));
    for (uint16_t i = 0; i < n && ranges; i++) {
        be64_put(list + 8 + i * 16, ranges[i].lba);
        be32_put(list + 8 + i * 16 + 8, ranges[i].n);
    }
    be16_put(c.cdb + 7, len);
    return with_data(c, list, len);
}

static void unmapped_blocks_read_as_zeros_and_give_their_space_back(void **state)
{
    struct fixture *f = *state;
    static const struct range ranges[] = { { 0, 8 }, { 64, 16 } };
    uint64_t before;

    fill(f, 0, 128);
    before = store_allocated(f->memory[0]);
    assert_good(exec(f, unmap(ranges, 2)));
    assert_true(reads_zeros(f, 0, 8));
    assert_true(reads_zeros(f, 64, 16));
    assert_false(reads_zeros(f, 8, 1));
    assert_int_equal(store_allocated(f->memory[0]), before - 24 * 512);
    assert_int_equal(f->n_discards, 2);
}

static void an_empty_list_and_empty_ranges_are_fine(void **state)
{
    struct fixture *f = *state;
    static const struct range ranges[] = { { 0, 0 }, { 65536, 0 } };

    assert_good(exec(f, (struct command){ .cdb = { 0x42 } }));
    assert_good(exec(f, unmap(NULL, 0)));
    assert_good(exec(f, unmap(ranges, 2)));
    assert_int_equal(f->n_discards, 0);
}

static void nothing_is_unmapped_when_one_range_is_bad(void **state)
{
    struct fixture *f = *state;
    static const struct range beyond[] = { { 0, 8 }, { 65530, 7 } },
                              wraps[] = { { 0, 8 }, { UINT64_MAX, 2 } };

    fill(f, 0, 8);
    assert_sense(exec(f, unmap(beyond, 2)), KEY_ILLEGAL_REQUEST, 0x2100);
    assert_sense(exec(f, unmap(wraps, 2)), KEY_ILLEGAL_REQUEST, 0x2100);
    assert_false(reads_zeros(f, 0, 8));
    assert_int_equal(f->n_discards, 0);
}

static void the_declared_limits_hold(void **state)
{
    struct fixture *f = *state;
    static struct range ranges[257];

    assert_good(exec(f, unmap(ranges, 256)));
    assert_sense(exec(f, unmap(ranges, 257)), KEY_ILLEGAL_REQUEST, 0x2600);
    for (unsigned i = 0; i < 17; i++)
        ranges[i].n = 65536;
    assert_good(exec(f, unmap(ranges, 16))); /* 1048576 blocks in all */
    assert_sense(exec(f, unmap(ranges, 17)), KEY_ILLEGAL_REQUEST, 0x2600);
}

static void a_descriptor_that_is_cut_off_is_ignored(void **state)
{
    struct fixture *f = *state;
    static const struct range ranges[] = { { 0, 8 }, { 8, 8 } };
    struct command c = unmap(ranges, 2);

    fill(f, 0, 16);
    be16_put(c.cdb + 7, 8 + 16 + 15);
    assert_good(exec(f, with_data(c, c.out, 8 + 16 + 15)));
    assert_true(reads_zeros(f, 0, 8));
    assert_false(reads_zeros(f, 8, 8));
    for (uint16_t n = 1; n < 8; n++) {
        be16_put(c.cdb + 7, n);
        assert_sense(exec(f, with_data(c, c.out, n)), KEY_ILLEGAL_REQUEST, 0x1a00);
    }
}

static void anchoring_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct range range = { 0, 8 };

    assert_cdb_field(exec(f, with_byte(unmap(&range, 1), 1, 0x01)), 1);
    assert_cdb_field(exec(f, with_byte(block_command(0x93, 0x08, 0, 1), 1, 0x18)), 1);
}

static void an_error_in_the_middle_ends_the_command(void **state)
{
    struct fixture *f = *state;
    static const struct range ranges[] = { { 0, 8 }, { 8, 8 }, { 16, 8 } };

    f->fail_with = -ENOSPC;
    f->fail_after = 1;
    assert_sense(exec(f, unmap(ranges, 3)), KEY_DATA_PROTECT, 0x2707);
    assert_int_equal(f->n_discards, 2);
}

/* ---- WRITE SAME --------------------------------------------------------------------------------------- */

static struct command write_same(uint8_t op, uint8_t byte1, uint64_t lba, uint32_t n, const void *block)
{
    struct command c = block_command(op, byte1, lba, n);

    return block ? with_data(c, block, 512) : c;
}

static void write_same_repeats_the_block(void **state)
{
    struct fixture *f = *state;
    const uint8_t *block = pattern(512, 7);
    static const uint8_t opcodes[] = { 0x41, 0x93 };

    for (unsigned i = 0; i < 2; i++) {
        uint32_t lba = 100 + 2000 * i;
        struct outcome o;

        fill(f, lba - 1, 8);
        assert_good(exec(f, write_same(opcodes[i], 0, lba, 700, block)));
        o = exec(f, read16(lba, 700));
        for (unsigned j = 0; j < 700; j++)
            assert_memory_equal(o.data + j * 512, block, 512);
        assert_false(reads_zeros(f, lba - 1, 1));
        assert_true(reads_zeros(f, lba + 700, 1));
    }
}

static void zeros_are_written_as_zeros_and_with_unmap_they_free(void **state)
{
    struct fixture *f = *state;
    uint64_t before;

    fill(f, 0, 64);
    before = store_allocated(f->memory[0]);
    assert_good(exec(f, write_same(0x93, 0x00, 0, 16, zeros)));
    assert_int_equal(f->n_zeroes, 1);
    assert_int_equal(store_allocated(f->memory[0]), before);
    assert_good(exec(f, write_same(0x93, 0x08, 16, 16, zeros)));
    assert_good(exec(f, write_same(0x93, 0x09, 32, 16, NULL))); /* NDOB */
    assert_int_equal(f->n_discards, 2);
    assert_int_equal(store_allocated(f->memory[0]), before - 32 * 512);
    assert_good(exec(f, write_same(0x93, 0x01, 48, 8, NULL)));
    assert_true(reads_zeros(f, 0, 56));
    assert_false(reads_zeros(f, 56, 8));
}

static void unmap_with_data_that_are_not_zeros_writes_them(void **state)
{
    struct fixture *f = *state;
    const uint8_t *block = pattern(512, 9);

    assert_good(exec(f, write_same(0x41, 0x08, 0, 4, block)));
    assert_memory_equal(exec(f, read10(3, 1)).data, block, 512);
}

static void write_same_of_zero_blocks_or_too_many_is_refused(void **state)
{
    struct fixture *f = *state;
    const uint8_t *block = pattern(512, 9);

    assert_cdb_field(exec(f, write_same(0x41, 0, 0, 0, block)), 7);
    assert_cdb_field(exec(f, write_same(0x93, 0, 0, 0, block)), 10);
    assert_good(exec(f, write_same(0x93, 0, 0, 32768, block)));
    assert_cdb_field(exec(f, write_same(0x93, 0, 0, 32769, block)), 10);
    assert_sense(exec(f, write_same(0x93, 0, 65535, 2, block)), KEY_ILLEGAL_REQUEST, 0x2100);
}

static void write_same_of_zero_blocks_goes_to_the_end_of_a_thick_unit(void **state)
{
    const uint8_t *block = pattern(512, 9);
    struct fixture f;

    (void)state;
    fixture_open(&f, (struct fixture_options){ .thick = true });
    assert_good(exec(&f, write_same(0x41, 0, 2046, 0, block)));
    assert_memory_equal(exec(&f, read10(2047, 1)).data, block, 512);
    assert_memory_equal(exec(&f, read10(2045, 1)).data, zeros, 512);
    assert_good(exec(&f, write_same(0x93, 0, 0, 0, block)));
    assert_memory_equal(exec(&f, read10(0, 1)).data, block, 512);
    fixture_close(&f);
    fixture_open(&f, (struct fixture_options){ .thick = true, .n_blocks = 65536 });
    assert_cdb_field(exec(&f, write_same(0x41, 0, 0, 0, block)), 7); /* more than one command may write */
    assert_good(exec(&f, write_same(0x41, 0, 32768, 0, block)));
    fixture_close(&f);
}

static void data_of_another_size_than_one_block_are_refused(void **state)
{
    struct fixture *f = *state;
    const uint8_t *data = pattern(1024, 9);

    assert_sense(exec(f, with_data(block_command(0x41, 0, 0, 4), data, 256)), KEY_ILLEGAL_REQUEST, 0x0e03);
    assert_sense(exec(f, with_data(block_command(0x41, 0, 0, 4), data, 1024)), KEY_ILLEGAL_REQUEST, 0x0e03);
    assert_int_equal(f->n_writes, 0);
}

static void a_thick_unit_writes_same_but_does_not_unmap(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, (struct fixture_options){ .thick = true });
    assert_good(exec(&f, write_same(0x93, 0, 0, 4, zeros)));
    assert_cdb_field(exec(&f, write_same(0x93, 0x08, 0, 4, zeros)), 1);
    assert_cdb_field(exec(&f, write_same(0x41, 0x08, 0, 4, zeros)), 1);
    fixture_close(&f);
}

static void a_held_store_holds_write_same_piece_by_piece(void **state)
{
    struct fixture *f = *state;
    const uint8_t *block = pattern(512, 4);

    f->hold = true;
    assert_good(exec(f, write_same(0x93, 0, 0, 4096, block)));
    f->hold = false;
    assert_int_equal(f->n_writes, 8); /* 2 MiB in pieces of 256 KiB */
    assert_memory_equal(exec(f, read10(4095, 1)).data, block, 512);
}

/* ---- capacity and GET LBA STATUS ---------------------------------------------------------------------- */

static struct command read_capacity16(uint32_t alloc)
{
    struct command c = { .cdb = { 0x9e, 0x10 } };

    be32_put(c.cdb + 10, alloc);
    return c;
}

static void capacity_is_the_last_block(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, block_command(0x25, 0, 0, 0));

    assert_int_equal(o.n, 8);
    assert_int_equal(be32_get(o.data), 65535);
    assert_int_equal(be32_get(o.data + 4), 512);
    o = exec(f, read_capacity16(32));
    assert_int_equal(o.n, 32);
    assert_int_equal(be64_get(o.data), 65535);
    assert_int_equal(be32_get(o.data + 8), 512);
    assert_int_equal(o.data[13], 0);
    assert_int_equal(o.data[14] & 0xc0, 0xc0); /* LBPME, LBPRZ */
    assert_int_equal(exec(f, read_capacity16(15)).n, 15);
    assert_cdb_field(exec(f, with_byte(read_capacity16(32), 9, 1)), 2); /* an address without PMI */
    assert_cdb_field(exec(f, block_command(0x25, 0, 5, 0)), 2);
}

static void a_unit_beyond_two_tebibytes_says_so_in_read_capacity10(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, (struct fixture_options){ 0 });
    atomic_store(&f.fault[0]->size, UINT64_C(3) << 40); /* only the number is looked at */
    scsi_lu_resized(f.lu[0], UINT64_C(3) << 40);
    assert_sense(exec(&f, test_unit_ready()), KEY_UNIT_ATTENTION, 0x2a09);
    assert_int_equal(be32_get(exec(&f, block_command(0x25, 0, 0, 0)).data), 0xffffffff);
    assert_int_equal(be64_get(exec(&f, read_capacity16(32)).data), (UINT64_C(3) << 31) - 1);
    fixture_close(&f);
}

static struct command lba_status(uint64_t lba, uint32_t alloc)
{
    struct command c = { .cdb = { 0x9e, 0x12 } };

    be64_put(c.cdb + 2, lba);
    be32_put(c.cdb + 10, alloc);
    return c;
}

static void lba_status_tells_what_is_mapped(void **state)
{
    struct fixture *f = *state;
    struct outcome o;

    fill(f, 8, 16);
    o = exec(f, lba_status(0, 1024));
    assert_good(o);
    assert_int_equal(be32_get(o.data), o.n - 4);
    assert_int_equal(o.n, 8 + 3 * 16);
    assert_int_equal(be64_get(o.data + 8), 0);
    assert_int_equal(be32_get(o.data + 16), 8);
    assert_int_equal(o.data[20], 1); /* deallocated */
    assert_int_equal(be64_get(o.data + 24), 8);
    assert_int_equal(be32_get(o.data + 32), 16);
    assert_int_equal(o.data[36], 0); /* mapped */
    assert_int_equal(be64_get(o.data + 40), 24);
    assert_int_equal(be32_get(o.data + 48), 65536 - 24);
    o = exec(f, lba_status(11, 24)); /* in the middle of a run, room for one */
    assert_int_equal(o.n, 24);
    assert_int_equal(be64_get(o.data + 8), 11);
    assert_int_equal(be32_get(o.data + 16), 13);
    assert_sense(exec(f, lba_status(65536, 24)), KEY_ILLEGAL_REQUEST, 0x2100);
}

int main(void)
{
#define T(name) fixture_test(name, .n_blocks = 65536)
    const struct CMUnitTest tests[] = {
        T(unmapped_blocks_read_as_zeros_and_give_their_space_back),
        T(an_empty_list_and_empty_ranges_are_fine),
        T(nothing_is_unmapped_when_one_range_is_bad),
        T(the_declared_limits_hold),
        T(a_descriptor_that_is_cut_off_is_ignored),
        T(anchoring_is_refused),
        T(an_error_in_the_middle_ends_the_command),
        T(write_same_repeats_the_block),
        T(zeros_are_written_as_zeros_and_with_unmap_they_free),
        T(unmap_with_data_that_are_not_zeros_writes_them),
        T(write_same_of_zero_blocks_or_too_many_is_refused),
        T(write_same_of_zero_blocks_goes_to_the_end_of_a_thick_unit),
        T(data_of_another_size_than_one_block_are_refused),
        cmocka_unit_test(a_thick_unit_writes_same_but_does_not_unmap),
        T(a_held_store_holds_write_same_piece_by_piece),
        T(capacity_is_the_last_block),
        cmocka_unit_test(a_unit_beyond_two_tebibytes_says_so_in_read_capacity10),
        T(lba_status_tells_what_is_mapped),
    };

    return RUN_TESTS(tests);
}
