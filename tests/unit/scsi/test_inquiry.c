/* SPDX-License-Identifier: MIT */
#include "fixture.h"

static void standard_data_say_who_this_is(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, inquiry(260));

    assert_good(o);
    assert_int_equal(o.n, 96);
    assert_int_equal(o.data[0], 0x00);
    assert_int_equal(o.data[1], 0x00);
    assert_int_equal(o.data[2], 0x06);
    assert_int_equal(o.data[3] & 0x0f, 2);
    assert_int_equal(o.data[4], o.n - 5);
    assert_int_equal(o.data[5] & 0x30, 0x10); /* TPGS: implicit */
    assert_int_equal(o.data[7] & 0x02, 0x02); /* CMDQUE */
    assert_memory_equal(o.data + 8, "VDS     VIRTUAL-DISK    0.1 ", 28);
    assert_int_equal(be16_get(o.data + 62), 0x0460); /* SPC-4 */
    assert_int_equal(be16_get(o.data + 64), 0x04c0); /* SBC-3 */
}

static void the_allocation_length_cuts_and_nothing_else_changes(void **state)
{
    struct fixture *f = *state;

    for (uint16_t alloc = 0; alloc < 100; alloc++) {
        struct outcome o = exec(f, inquiry(alloc));

        assert_good(o);
        assert_int_equal(o.n, alloc < 96 ? alloc : 96);
        assert_int_equal(o.full, o.n);
        if (alloc > 4)
            assert_int_equal(o.data[4], 91);
    }
}

static void less_room_than_allocation_length_leaves_a_residual(void **state)
{
    struct fixture *f = *state;
    struct command c = inquiry(96);
    struct outcome o;

    c.short_buffer = true;
    c.buffer_len = 36;
    o = exec(f, c);
    assert_good(o);
    assert_int_equal(o.n, 36);
    assert_int_equal(o.full, 96);
}

static void removable_units_say_so(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, (struct fixture_options){ .removable = true });
    assert_int_equal(exec(&f, inquiry(96)).data[1], 0x80);
    fixture_close(&f);
}

static void a_page_code_needs_evpd_and_an_unknown_page_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_cdb_field(exec(f, cdb6(0x12, 0, 0x83, 0, 96)), 2);
    assert_cdb_field(exec(f, vpd(0x42)), 2);
    assert_cdb_field(exec(f, cdb6(0x12, 0x02, 0, 0, 96)), 1); /* CMDDT, obsolete */
}

static void every_page_that_is_listed_exists_with_its_length(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, vpd(0x00));
    uint8_t pages[16];
    uint32_t n = o.n - 4;

    assert_good(o);
    assert_int_equal(be16_get(o.data + 2), n);
    memcpy(pages, o.data + 4, n);
    for (uint32_t i = 0; i < n; i++) {
        o = exec(f, vpd(pages[i]));
        assert_good(o);
        assert_int_equal(o.data[0], 0x00);
        assert_int_equal(o.data[1], pages[i]);
        assert_int_equal(be16_get(o.data + 2), o.n - 4);
        assert_true(i == 0 || pages[i] > pages[i - 1]);
    }
}

static void the_serial_number_is_the_guid(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, vpd(0x80));
    char text[64];

    assert_int_equal(scsi_lu_serial(f->lu[0], text, sizeof text), o.n - 4);
    assert_memory_equal(o.data + 4, text, o.n - 4);
    assert_string_equal(text, "11223344-5566-4788-99aa-bbccddeeff00");
}

static const uint8_t *designator(const struct outcome *o, uint8_t association, uint8_t type)
{
    for (uint32_t at = 4; at + 4 <= o->n; at += 4u + o->data[at + 3])
        if ((o->data[at + 1] >> 4 & 3) == association && (o->data[at + 1] & 0x0f) == type)
            return o->data + at;
    return NULL;
}

static void designators_name_unit_port_and_target(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, vpd(0x83));
    uint8_t naa[16];
    const uint8_t *d = designator(&o, 0, 3);

    assert_non_null(d);
    assert_int_equal(d[3], scsi_lu_naa(f->lu[0], naa));
    assert_memory_equal(d + 4, naa, d[3]);
    assert_int_equal(naa[0] >> 4, 3); /* locally assigned: no company id is claimed */
    d = designator(&o, 0, 1);
    assert_non_null(d);
    assert_memory_equal(d + 4, "VDS     11223344-5566", 21);
    d = designator(&o, 1, 4);
    assert_int_equal(be32_get(d + 4), 1); /* relative target port = tag */
    d = designator(&o, 1, 5);
    assert_int_equal(be32_get(d + 4), 1); /* target port group = tag */
    d = designator(&o, 1, 8);
    assert_string_equal((const char *)d + 4, "iqn.2026-01.test:t,t,0x0001");
    assert_int_equal(d[3] % 4, 0);
    d = designator(&o, 2, 8);
    assert_string_equal((const char *)d + 4, "iqn.2026-01.test:t");
}

static void units_with_different_guids_have_different_designators(void **state)
{
    struct fixture f;
    uint8_t a[16], b[16];

    (void)state;
    fixture_open(&f, (struct fixture_options){ .second_unit = true });
    assert_int_equal(scsi_lu_naa(f.lu[0], a), 8);
    assert_int_equal(scsi_lu_naa(f.lu[1], b), 8);
    assert_memory_not_equal(a, b, 8);
    fixture_close(&f);
}

static void block_limits_are_those_that_hold(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, vpd(0xb0));

    assert_int_equal(o.n, 64);
    assert_int_equal(o.data[4], 1);   /* WSNZ */
    assert_int_equal(o.data[5], 255); /* COMPARE AND WRITE */
    assert_int_equal(be16_get(o.data + 6), 8);
    assert_int_equal(be32_get(o.data + 8), (8u << 20) / 512);
    assert_int_equal(be32_get(o.data + 20), 1u << 20); /* UNMAP blocks */
    assert_int_equal(be32_get(o.data + 24), 256);
    assert_int_equal(be64_get(o.data + 36), 32768); /* WRITE SAME */
}

static void thin_and_thick_differ_in_provisioning_and_limits(void **state)
{
    struct fixture f;
    struct outcome o;

    (void)state;
    fixture_open(&f, (struct fixture_options){ 0 });
    o = exec(&f, vpd(0xb2));
    assert_int_equal(o.data[5], 0xe4);
    assert_int_equal(o.data[6] & 7, 2);
    fixture_close(&f);
    fixture_open(&f, (struct fixture_options){ .thick = true });
    o = exec(&f, vpd(0xb2));
    assert_int_equal(o.data[5], 0);
    assert_int_equal(be32_get(exec(&f, vpd(0xb0)).data + 20), 0);
    assert_sense(exec(&f, block_command(0x42, 0, 0, 0)), KEY_ILLEGAL_REQUEST, 0x2000);
    fixture_close(&f);
}

static void request_sense_has_nothing_to_say_or_why_it_is_not_ready(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, request_sense());

    assert_good(o);
    assert_int_equal(o.n, 18);
    assert_int_equal(o.data[2], KEY_NO_SENSE);
    scsi_lu_set_online(f->lu[0], false);
    o = exec(f, cdb6(0x03, 1, 0, 0, 252)); /* DESC */
    assert_int_equal(o.data[0], 0x72);
    assert_int_equal(o.data[1], KEY_NOT_READY);
    assert_int_equal(be16_get(o.data + 2), 0x0412);
}

static void names_that_are_too_long_or_not_ascii_are_refused(void **state)
{
    static const struct scsi_lu_config bad[] = {
        { .vendor = "NINE CHAR" },
        { .product = "SEVENTEEN LETTERS" },
        { .revision = "12345" },
        { .vendor = "\x01" },
        { .block_size = 513 },
        { .max_transfer = 1 },
        { .physical_block_size = 1000 },
        { .physical_block_size = 256 },
        { .load_pr = "x", .load_pr_len = 1 },
    };
    struct store *store;
    struct scsi_lu *lu;

    (void)state;
    assert_int_equal(store_memory_open(1 << 20, &store), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        assert_true(scsi_lu_create(&bad[i], store, &lu) < 0);
    store_unref(store);
}

int main(void)
{
#define T(name) fixture_test(name)
    const struct CMUnitTest tests[] = {
        T(standard_data_say_who_this_is),
        T(the_allocation_length_cuts_and_nothing_else_changes),
        T(less_room_than_allocation_length_leaves_a_residual),
        cmocka_unit_test(removable_units_say_so),
        T(a_page_code_needs_evpd_and_an_unknown_page_is_refused),
        T(every_page_that_is_listed_exists_with_its_length),
        T(the_serial_number_is_the_guid),
        T(designators_name_unit_port_and_target),
        cmocka_unit_test(units_with_different_guids_have_different_designators),
        T(block_limits_are_those_that_hold),
        cmocka_unit_test(thin_and_thick_differ_in_provisioning_and_limits),
        T(request_sense_has_nothing_to_say_or_why_it_is_not_ready),
        cmocka_unit_test(names_that_are_too_long_or_not_ascii_are_refused),
    };

    return RUN_TESTS(tests);
}
