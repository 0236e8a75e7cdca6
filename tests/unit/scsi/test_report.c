/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "scsi/scsi_internal.h"

static struct command report_opcodes(uint8_t options, uint8_t opcode, uint16_t sa)
{
    struct command c = { .cdb = { 0xa3, 0x0c, options, opcode } };

    be16_put(c.cdb + 4, sa);
    be32_put(c.cdb + 6, 65535);
    return c;
}

static struct command report_groups(uint8_t format)
{
    struct command c = { .cdb = { 0xa3, (uint8_t)(0x0a | format << 5) } };

    be32_put(c.cdb + 6, 4096);
    return c;
}

/* ---- REPORT LUNS -------------------------------------------------------------------------------------- */

static void report_luns_lists_what_is_mapped_in_order(void **state)
{
    struct fixture *f = *state;
    struct outcome o;

    assert_int_equal(scsi_view_map(f->nexus[0].view, 255, f->lu[0], true), 0);
    for (uint8_t select = 0; select <= 2; select += 2) {
        o = exec(f, report_luns(select));
        assert_good(o);
        assert_int_equal(be32_get(o.data), 24);
        assert_int_equal(o.n, 32);
        assert_int_equal(o.data[9], 0);
        assert_int_equal(o.data[17], 1);
        assert_int_equal(o.data[25], 255);
    }
    o = exec(f, report_luns(1)); /* well-known units: none */
    assert_int_equal(be32_get(o.data), 0);
    assert_cdb_field(exec(f, report_luns(0x10)), 2);
}

static void report_luns_works_on_a_lun_that_is_not_there(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(be32_get(exec(f, on_lun(report_luns(0), 200)).data), 16);
}

static void the_length_is_whole_even_when_the_list_is_cut(void **state)
{
    struct fixture *f = *state;
    struct command c = report_luns(0);
    struct outcome o;

    be32_put(c.cdb + 6, 16);
    o = exec(f, c);
    assert_int_equal(o.n, 16);
    assert_int_equal(be32_get(o.data), 16);
}

/* ---- REPORT SUPPORTED OPERATION CODES ----------------------------------------------------------------- */

static void the_table_is_sorted_and_says_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < scsi_n_opcodes; i++) {
        const struct scsi_opcode *op = &scsi_opcodes[i];
        static const uint8_t lengths[8] = { 6, 10, 10, 0, 16, 12, 0, 0 };
        uint8_t cdb[16] = { op->opcode, op->sa == SA_NONE ? 0 : op->sa };

        assert_int_equal(op->usage[0], op->opcode);
        assert_int_equal(op->cdb_len, lengths[op->opcode >> 5]);
        assert_ptr_equal(opcode_find(cdb), op);
        assert_non_null(op->run);
        if (op->sa != SA_NONE)
            assert_int_equal(op->usage[1] & 0x1f, op->sa);
        for (uint8_t j = op->cdb_len; j < 16; j++)
            assert_int_equal(op->usage[j], 0);
        for (uint8_t j = 0; j < op->len_size; j++)
            assert_int_equal(op->usage[op->len_at + j], 0xff);
        if (i)
            assert_true(op[-1].opcode < op->opcode || (op[-1].opcode == op->opcode && op[-1].sa < op->sa));
    }
}

static void all_commands_are_listed_and_each_can_be_asked_for(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, report_opcodes(0, 0, 0));
    uint8_t list[2048];
    uint32_t n = o.n;

    assert_good(o);
    assert_true(n <= sizeof list);
    memcpy(list, o.data, n);
    assert_int_equal(be32_get(list), n - 4);
    assert_int_equal((n - 4) / 8, scsi_n_opcodes);
    for (uint32_t at = 4; at < n; at += 8) {
        bool has_sa = list[at + 5] & 1;
        uint16_t sa = be16_get(list + at + 2);

        o = exec(f, report_opcodes(has_sa ? 2 : 1, list[at], sa));
        assert_good(o);
        assert_int_equal(o.data[1] & 7, 3);
        assert_int_equal(be16_get(o.data + 2), be16_get(list + at + 6));
        assert_int_equal(o.data[4], list[at]);
        assert_good(exec(f, report_opcodes(3, list[at], sa)));
        assert_cdb_field(exec(f, report_opcodes(has_sa ? 1 : 2, list[at], sa)), 2);
    }
}

static void timeouts_are_added_when_asked_for(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, report_opcodes(0x80, 0, 0));

    assert_int_equal((o.n - 4) / 20, scsi_n_opcodes);
    assert_int_equal(o.data[4 + 5] & 0x02, 0x02);
    assert_int_equal(be16_get(o.data + 4 + 8), 10);
    o = exec(f, report_opcodes(0x81, 0x28, 0));
    assert_int_equal(o.data[1], 0x83);
    assert_int_equal(o.n, 4 + 10 + 12);
}

static void what_does_not_exist_is_reported_as_not_supported(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(exec(f, report_opcodes(1, 0x48, 0)).data[1] & 7, 1); /* SANITIZE */
    assert_int_equal(exec(f, report_opcodes(2, 0x9e, 0x1f)).data[1] & 7, 1);
    assert_int_equal(exec(f, report_opcodes(3, 0x5e, 0x09)).data[1] & 7, 1);
    assert_cdb_field(exec(f, report_opcodes(4, 0x28, 0)), 2);
}

static void sanitize_and_other_unknown_codes_are_invalid_operation_codes(void **state)
{
    struct fixture *f = *state;
    static const uint8_t unknown[] = { 0x01, 0x04, 0x48, 0x4d, 0x7f, 0x9c, 0xc0, 0xff };

    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++)
        assert_sense(exec(f, (struct command){ .cdb = { unknown[i] } }), KEY_ILLEGAL_REQUEST, 0x2000);
}

static void a_bit_that_the_table_does_not_list_is_an_invalid_field(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < scsi_n_opcodes; i++) {
        const struct scsi_opcode *op = &scsi_opcodes[i];

        for (uint8_t at = 1; at < op->cdb_len; at++) {
            struct command c = { 0 };

            c.cdb[0] = op->opcode;
            c.cdb[1] = op->sa == SA_NONE ? 0 : op->sa;
            c.cdb[at] |= (uint8_t)~op->usage[at];
            if (op->usage[at] == 0xff || (at == 1 && op->sa != SA_NONE && ~op->usage[1] & 0x1f))
                continue;
            assert_cdb_field(exec(f, c), at);
        }
    }
}

static void bytes_behind_a_short_cdb_are_not_looked_at(void **state)
{
    struct fixture *f = *state;

    assert_good(exec(f, with_byte(test_unit_ready(), 12, 0xff)));
}

/* ---- the others --------------------------------------------------------------------------------------- */

static void task_management_functions_are_reported(void **state)
{
    struct fixture *f = *state;
    struct command c = { .cdb = { 0xa3, 0x0d, 0, [9] = 16 } };
    struct outcome o = exec(f, c);

    assert_int_equal(o.n, 4);
    assert_int_equal(o.data[0], 0xda);
    o = exec(f, with_byte(c, 2, 0x80));
    assert_int_equal(o.n, 16);
    assert_int_equal(o.data[3], 12);
}

static size_t list_three(void *arg, uint16_t *tags, size_t n_max)
{
    static const uint16_t all[] = { 1, 2, 7 };

    (void)arg;
    assert_true(n_max >= 3);
    memcpy(tags, all, sizeof all);
    return 3;
}

static void target_port_groups_are_the_portal_groups(void **state)
{
    struct fixture *f = *state;
    struct scsi_nexus nexus = { .initiator_port = "i,i,0x1",
                                .target_port = "t,t,0x0002",
                                .target_name = "t",
                                .tag = 2,
                                .list_tags = list_three };
    struct outcome o = exec(f, report_groups(0));

    assert_int_equal(o.n, 4 + 12); /* without list_tags: the own group */
    assert_int_equal(be16_get(o.data + 6), 1);
    nexus_close(f, 0);
    assert_int_equal(scsi_view_create(&nexus, &f->nexus[0].view), 0);
    assert_int_equal(scsi_view_map(f->nexus[0].view, 0, f->lu[0], true), 0);
    o = exec(f, report_groups(0));
    assert_int_equal(be32_get(o.data), 36);
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t *group = o.data + 4 + i * 12;

        assert_int_equal(group[0] & 0x0f, 0); /* active/optimized */
        assert_int_equal(group[7], 1);
        assert_int_equal(be16_get(group + 2), be16_get(group + 10));
    }
    assert_int_equal(be16_get(o.data + 4 + 24 + 2), 7);
    o = exec(f, report_groups(1));
    assert_int_equal(o.n, 8 + 36);
    assert_int_equal(o.data[4], 0x10);
    assert_cdb_field(exec(f, report_groups(2)), 1);
}

int main(void)
{
#define T(name) fixture_test(name, .second_unit = true)
    const struct CMUnitTest tests[] = {
        T(report_luns_lists_what_is_mapped_in_order),
        T(report_luns_works_on_a_lun_that_is_not_there),
        T(the_length_is_whole_even_when_the_list_is_cut),
        T(the_table_is_sorted_and_says_itself),
        T(all_commands_are_listed_and_each_can_be_asked_for),
        T(timeouts_are_added_when_asked_for),
        T(what_does_not_exist_is_reported_as_not_supported),
        T(sanitize_and_other_unknown_codes_are_invalid_operation_codes),
        T(a_bit_that_the_table_does_not_list_is_an_invalid_field),
        T(bytes_behind_a_short_cdb_are_not_looked_at),
        T(task_management_functions_are_reported),
        T(target_port_groups_are_the_portal_groups),
    };

    return RUN_TESTS(tests);
}
