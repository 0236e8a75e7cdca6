/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <errno.h>

#include "scsi/copy.h"

/* A parameter list under construction: header, target descriptors, segment descriptors. */
struct list {
    uint8_t bytes[4096];
    uint32_t len, targets, segments;
};

static void list_open(struct list *l, uint8_t id, uint8_t usage)
{
    memset(l, 0, sizeof *l);
    l->bytes[0] = id;
    l->bytes[1] = (uint8_t)(usage << 3);
    l->len = 16;
}

static void add_target(struct list *l, const struct scsi_lu *lu)
{
    uint8_t *d = l->bytes + l->len, naa[16];

    d[0] = 0xe4;
    d[4] = 0x01;
    d[5] = 0x03;
    d[7] = (uint8_t)scsi_lu_naa(lu, naa);
    memcpy(d + 8, naa, d[7]);
    be24_put(d + 29, 512);
    l->len += 32;
    l->targets += 32;
}

static void add_segment(struct list *l, uint16_t from, uint16_t to, uint16_t n, uint64_t lba_from,
                        uint64_t lba_to)
{
    uint8_t *d = l->bytes + l->len;

    d[0] = 0x02;
    be16_put(d + 2, 24);
    be16_put(d + 4, from);
    be16_put(d + 6, to);
    be16_put(d + 10, n);
    be64_put(d + 12, lba_from);
    be64_put(d + 20, lba_to);
    l->len += 28;
    l->segments += 28;
}

static struct command copy(struct list *l)
{
    struct command c = { .cdb = { 0x83, 0x00 } };

    be16_put(l->bytes + 2, (uint16_t)l->targets);
    be32_put(l->bytes + 8, l->segments);
    be32_put(c.cdb + 10, l->len);
    return with_data(c, l->bytes, l->len);
}

static struct command copy_results(uint8_t action, uint8_t id)
{
    return (struct command){ .cdb = { 0x84, action, id, [12] = 1 } };
}

static void blocks_are_copied_from_unit_to_unit(void **state)
{
    struct fixture *f = *state;
    const uint8_t *data = pattern(8 * 512, 1);
    struct list l;

    assert_good(exec(f, write10(10, 8, data)));
    list_open(&l, 1, 2);
    add_target(&l, f->lu[0]);
    add_target(&l, f->lu[1]);
    add_segment(&l, 0, 1, 4, 10, 100);
    add_segment(&l, 0, 1, 4, 14, 200);
    assert_good(exec(f, copy(&l)));
    assert_memory_equal(exec(f, on_lun(read10(100, 4), 1)).data, data, 4 * 512);
    assert_memory_equal(exec(f, on_lun(read10(200, 4), 1)).data, data + 4 * 512, 4 * 512);
}

static void a_long_segment_goes_in_pieces_through_a_held_store(void **state)
{
    struct fixture *f = *state;
    const uint8_t *data = pattern(1 << 20, 3);
    struct list l;

    assert_good(exec(f, write16(0, 2048, data)));
    list_open(&l, 1, 2);
    add_target(&l, f->lu[0]);
    add_segment(&l, 0, 0, 4096, 0, 4096);
    f->hold = true;
    f->n_requests = 0;
    assert_good(exec(f, copy(&l)));
    assert_int_equal(f->n_requests, 4); /* 2 MiB: two pieces, read and written */
    f->hold = false;
    assert_memory_equal(exec(f, read16(4096, 2048)).data, data, 1 << 20);
}

static void a_unit_that_the_session_does_not_see_cannot_be_copied(void **state)
{
    struct fixture *f = *state;
    struct list l;

    assert_int_equal(scsi_view_unmap(f->nexus[0].view, 1, NULL, NULL), 0);
    assert_sense(exec(f, test_unit_ready()), KEY_UNIT_ATTENTION, 0x3f0e);
    list_open(&l, 1, 2);
    add_target(&l, f->lu[0]);
    add_target(&l, f->lu[1]);
    add_segment(&l, 0, 1, 1, 0, 0);
    assert_sense(exec(f, copy(&l)), KEY_COPY_ABORTED, 0x0d02);
    assert_good(exec(f, on_nexus(copy(&l), 1))); /* this one sees both */
    list_open(&l, 1, 2);
    add_target(&l, f->lu[1]);
    add_target(&l, f->lu[0]);
    add_segment(&l, 0, 1, 1, 0, 0); /* nor read */
    assert_sense(exec(f, copy(&l)), KEY_COPY_ABORTED, 0x0d02);
}

static void a_unit_masked_while_the_copy_runs_is_written_no_more(void **state)
{
    struct fixture *f = *state;
    struct running *r;
    struct list l;

    list_open(&l, 1, 2);
    add_target(&l, f->lu[0]);
    add_target(&l, f->lu[1]);
    add_segment(&l, 0, 1, 8192, 0, 0);
    f->hold = true;
    r = start(f, copy(&l));
    fixture_release(f); /* the first piece has been read */
    assert_int_equal(scsi_view_unmap(f->nexus[0].view, 1, NULL, NULL), 0);
    fixture_drain(f);
    assert_sense(running_end(r), KEY_COPY_ABORTED, 0x0d02);
    assert_int_equal(f->n_writes, 1);
}

static void reservations_and_write_protection_hold_for_copies(void **state)
{
    struct fixture *f = *state;
    struct list l;

    list_open(&l, 1, 2);
    add_target(&l, f->lu[0]);
    add_target(&l, f->lu[1]);
    add_segment(&l, 0, 1, 1, 0, 0);
    assert_good(exec(f, on_lun(on_nexus(cdb6(0x16, 0, 0, 0, 0), 1), 1)));
    assert_sense(exec(f, copy(&l)), KEY_COPY_ABORTED, 0x0d02);
    assert_good(exec(f, on_lun(on_nexus(cdb6(0x17, 0, 0, 0, 0), 1), 1)));
    assert_good(exec(f, copy(&l)));
    scsi_lu_set_online(f->lu[1], false);
    assert_sense(exec(f, copy(&l)), KEY_COPY_ABORTED, 0x0d02);
}

static void a_segment_beyond_a_unit_is_not_copied(void **state)
{
    struct fixture *f = *state;
    static const uint64_t bad[][2] = {
        { 8192, 0 }, { 0, 8192 }, { 8191, 0 }, { UINT64_MAX, 0 }, { 0, UINT64_MAX - 1 }
    };

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct list l;

        list_open(&l, 1, 2);
        add_target(&l, f->lu[0]);
        add_segment(&l, 0, 0, 2, bad[i][0], bad[i][1]);
        assert_sense(exec(f, copy(&l)), KEY_COPY_ABORTED, 0x0000);
    }
    assert_int_equal(f->n_requests, 0);
}

static void lists_that_do_not_hold_together_are_refused(void **state)
{
    struct fixture *f = *state;
    struct command c;
    struct list l;

    list_open(&l, 1, 2);
    assert_good(exec(f, (struct command){ .cdb = { 0x83, 0x00 } }));
    add_target(&l, f->lu[0]);
    add_segment(&l, 0, 0, 1, 0, 1);
    c = copy(&l);
    for (uint32_t n = 1; n < l.len; n++) {
        be32_put(c.cdb + 10, n);
        assert_sense(exec(f, with_data(c, l.bytes, n)), KEY_ILLEGAL_REQUEST, 0x1a00);
    }
    c = copy(&l);
    l.bytes[15] = 1;
    assert_sense(exec(f, c), KEY_ILLEGAL_REQUEST, 0x260b); /* inline data */
    l.bytes[15] = 0;
    l.bytes[16] = 0xe0;
    assert_sense(exec(f, c), KEY_ILLEGAL_REQUEST, 0x2607);
    l.bytes[16] = 0xe4;
    l.bytes[48] = 0x03;
    assert_sense(exec(f, c), KEY_ILLEGAL_REQUEST, 0x2609);
    l.bytes[48] = 0x02;
    l.bytes[51] = 23;
    assert_sense(exec(f, c), KEY_ILLEGAL_REQUEST, 0x2600);
    l.bytes[51] = 24;
    l.bytes[1] = 3 << 3;
    assert_sense(exec(f, c), KEY_ILLEGAL_REQUEST, 0x2600); /* no list identifier means zero */
    l.bytes[0] = 0;
    assert_good(exec(f, c));
    be16_put(l.bytes + 48 + 6, 1); /* a target that the list does not have */
    assert_sense(exec(f, c), KEY_COPY_ABORTED, 0x0d02);
}

static void the_declared_limits_hold(void **state)
{
    struct fixture *f = *state;
    struct list l;

    list_open(&l, 1, 2);
    for (unsigned i = 0; i < COPY_MAX_TARGETS + 1; i++)
        add_target(&l, f->lu[0]);
    add_segment(&l, 0, 0, 1, 0, 1);
    assert_sense(exec(f, copy(&l)), KEY_ILLEGAL_REQUEST, 0x2606);
    list_open(&l, 1, 2);
    add_target(&l, f->lu[0]);
    for (unsigned i = 0; i < COPY_MAX_SEGMENTS + 1; i++)
        add_segment(&l, 0, 0, 1, 0, 1);
    assert_sense(exec(f, copy(&l)), KEY_ILLEGAL_REQUEST, 0x2608);
    list_open(&l, 1, 2);
    for (unsigned i = 0; i < COPY_MAX_TARGETS + 1; i++)
        add_target(&l, f->lu[0]);
    for (unsigned i = 0; i < COPY_MAX_SEGMENTS + 1; i++)
        add_segment(&l, 0, 0, 1, 0, 1);
    assert_sense(exec(f, copy(&l)), KEY_ILLEGAL_REQUEST, 0x1a00);
}

static void results_are_held_until_they_are_asked_for(void **state)
{
    struct fixture *f = *state;
    struct outcome o;
    struct list l;

    assert_cdb_field(exec(f, copy_results(0x00, 7)), 2);
    list_open(&l, 7, 0);
    add_target(&l, f->lu[0]);
    add_segment(&l, 0, 0, 4, 0, 100);
    assert_good(exec(f, copy(&l)));
    o = exec(f, copy_results(0x00, 7));
    assert_good(o);
    assert_int_equal(o.n, 12);
    assert_int_equal(o.data[4], 0x01);
    assert_int_equal(be16_get(o.data + 5), 1);
    assert_int_equal(be32_get(o.data + 8), 2); /* KiB */
    assert_cdb_field(exec(f, copy_results(0x00, 7)), 2);
    list_open(&l, 8, 2); /* discard */
    add_target(&l, f->lu[0]);
    add_segment(&l, 0, 0, 4, 0, 100);
    assert_good(exec(f, copy(&l)));
    assert_cdb_field(exec(f, copy_results(0x00, 8)), 2);
}

static void operating_parameters_are_those_that_hold(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, copy_results(0x03, 0));

    assert_good(o);
    assert_int_equal(be32_get(o.data), o.n - 4);
    assert_int_equal(be16_get(o.data + 8), COPY_MAX_TARGETS);
    assert_int_equal(be16_get(o.data + 10), COPY_MAX_SEGMENTS);
    assert_int_equal(be32_get(o.data + 12), COPY_MAX_LIST_BYTES);
    assert_int_equal(o.data[43], 2);
    assert_int_equal(o.data[44], 0x02);
    assert_int_equal(o.data[45], 0xe4);
}

static void a_store_error_ends_the_copy(void **state)
{
    struct fixture *f = *state;
    struct list l;

    list_open(&l, 1, 0);
    add_target(&l, f->lu[0]);
    add_segment(&l, 0, 0, 4, 0, 100);
    f->fail_with = -EIO;
    f->fail_after = 1;
    assert_sense(exec(f, copy(&l)), KEY_MEDIUM_ERROR, 0x0c00);
    f->fail_with = 0;
    assert_good(exec(f, write10(100, 1, pattern(512, 1)))); /* the gate is open again */
}

int main(void)
{
#define T(name) fixture_test(name, .n_nexuses = 2, .second_unit = true, .n_blocks = 8192)
    const struct CMUnitTest tests[] = {
        T(blocks_are_copied_from_unit_to_unit),
        T(a_long_segment_goes_in_pieces_through_a_held_store),
        T(a_unit_that_the_session_does_not_see_cannot_be_copied),
        T(a_unit_masked_while_the_copy_runs_is_written_no_more),
        T(reservations_and_write_protection_hold_for_copies),
        T(a_segment_beyond_a_unit_is_not_copied),
        T(lists_that_do_not_hold_together_are_refused),
        T(the_declared_limits_hold),
        T(results_are_held_until_they_are_asked_for),
        T(operating_parameters_are_those_that_hold),
        T(a_store_error_ends_the_copy),
    };

    return RUN_TESTS(tests);
}
