/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <errno.h>

#include "scsi/pr.h"
#include "scsi/reply.h"
#include "scsi/transport_id.h"

enum {
    REGISTER,
    RESERVE,
    RELEASE,
    CLEAR,
    PREEMPT,
    PREEMPT_AND_ABORT,
    REGISTER_AND_IGNORE,
    REGISTER_AND_MOVE
};
enum { READ_KEYS, READ_RESERVATION, REPORT_CAPABILITIES, READ_FULL_STATUS };

#define KEY(i) (UINT64_C(0xa100) + (i))

static const uint8_t types[] = { PR_WRITE_EXCLUSIVE,     PR_EXCLUSIVE_ACCESS,   PR_WRITE_EXCLUSIVE_RO,
                                 PR_EXCLUSIVE_ACCESS_RO, PR_WRITE_EXCLUSIVE_AR, PR_EXCLUSIVE_ACCESS_AR };

static struct command pr_out_list(uint8_t action, uint8_t type, const uint8_t *list, uint32_t len)
{
    struct command c = { .cdb = { 0x5f, action, type } };

    be32_put(c.cdb + 5, len);
    return with_data(c, list, len);
}

static struct command pr_out(unsigned nexus, uint8_t action, uint8_t type, uint64_t key, uint64_t new_key,
                             uint8_t flags)
{
    static _Thread_local uint8_t lists[8][24];
    static _Thread_local unsigned turn;
    uint8_t *list = lists[turn++ % 8];

    memset(list, 0, 24);
    be64_put(list, key);
    be64_put(list + 8, new_key);
    list[20] = flags;
    return on_nexus(pr_out_list(action, type, list, 24), nexus);
}

static struct command pr_in(uint8_t action)
{
    return (struct command){ .cdb = { 0x5e, action, 0, 0, 0, 0, 0, 0x40, 0 } };
}

static void register_key(struct fixture *f, unsigned nexus)
{
    assert_good(exec(f, pr_out(nexus, REGISTER, 0, 0, KEY(nexus), 0)));
}

static void reserve(struct fixture *f, unsigned nexus, uint8_t type)
{
    assert_good(exec(f, pr_out(nexus, RESERVE, type, KEY(nexus), 0, 0)));
}

static unsigned n_keys(struct fixture *f)
{
    struct outcome o = exec(f, pr_in(READ_KEYS));

    assert_good(o);
    return be32_get(o.data + 4) / 8;
}

static bool has_key(struct fixture *f, uint64_t key)
{
    struct outcome o = exec(f, pr_in(READ_KEYS));

    for (uint32_t i = 8; i + 8 <= o.n; i += 8)
        if (be64_get(o.data + i) == key)
            return true;
    return false;
}

static uint32_t generation(struct fixture *f)
{
    return be32_get(exec(f, pr_in(READ_KEYS)).data);
}

/* 0: no reservation. */
static uint8_t reserved_type(struct fixture *f, uint64_t *ret_key)
{
    struct outcome o = exec(f, pr_in(READ_RESERVATION));

    assert_good(o);
    if (!be32_get(o.data + 4))
        return 0;
    assert_int_equal(o.n, 24);
    if (ret_key)
        *ret_key = be64_get(o.data + 8);
    return o.data[21];
}

static void expect_attention(struct fixture *f, unsigned nexus, uint16_t asc)
{
    assert_sense(exec(f, on_nexus(test_unit_ready(), nexus)), KEY_UNIT_ATTENTION, asc);
}

/* ---- registrations ------------------------------------------------------------------------------------ */

static void a_nexus_registers_changes_and_removes_its_key(void **state)
{
    struct fixture *f = *state;

    register_key(f, 0);
    assert_true(has_key(f, KEY(0)));
    assert_good(exec(f, pr_out(0, REGISTER, 0, KEY(0), 77, 0)));
    assert_true(has_key(f, 77));
    assert_int_equal(n_keys(f), 1);
    assert_good(exec(f, pr_out(0, REGISTER, 0, 77, 0, 0)));
    assert_int_equal(n_keys(f), 0);
    assert_int_equal(generation(f), 3);
}

static void register_with_the_wrong_key_is_a_conflict(void **state)
{
    struct fixture *f = *state;

    assert_status(exec(f, pr_out(0, REGISTER, 0, 5, 6, 0)), SCSI_RESERVATION_CONFLICT);
    register_key(f, 0);
    assert_status(exec(f, pr_out(0, REGISTER, 0, 0, 6, 0)), SCSI_RESERVATION_CONFLICT);
    assert_status(exec(f, pr_out(0, REGISTER, 0, 5, 6, 0)), SCSI_RESERVATION_CONFLICT);
    assert_int_equal(generation(f), 1);
}

static void register_and_ignore_takes_no_notice_of_the_old_key(void **state)
{
    struct fixture *f = *state;

    assert_good(exec(f, pr_out(0, REGISTER_AND_IGNORE, 0, 99, 0, 0))); /* nothing to do */
    assert_int_equal(generation(f), 0);
    assert_good(exec(f, pr_out(0, REGISTER_AND_IGNORE, 0, 99, 5, 0)));
    assert_good(exec(f, pr_out(0, REGISTER_AND_IGNORE, 0, 12345, 6, 0)));
    assert_true(has_key(f, 6));
    assert_int_equal(n_keys(f), 1);
}

static void the_same_initiator_port_through_another_group_is_another_nexus(void **state)
{
    struct fixture *f = *state;

    nexus_open(f, 3, "iqn.2026-01.test:a", 9);
    register_key(f, 0);
    assert_status(exec(f, pr_out(3, REGISTER, 0, KEY(0), 5, 0)), SCSI_RESERVATION_CONFLICT);
    register_key(f, 3);
    assert_int_equal(n_keys(f), 2);
}

static void a_registration_outlives_its_session(void **state)
{
    struct fixture *f = *state;

    register_key(f, 0);
    register_key(f, 1);
    reserve(f, 0, PR_WRITE_EXCLUSIVE);
    nexus_close(f, 0);
    assert_status(exec(f, on_nexus(write10(0, 1, pattern(512, 1)), 1)), SCSI_RESERVATION_CONFLICT);
    nexus_open(f, 0, "iqn.2026-01.test:a", 1);
    assert_good(exec(f, write10(0, 1, pattern(512, 1))));
}

static void bad_parameter_lists_are_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t list[64] = { 0 };
    struct outcome o;

    be64_put(list + 8, 5);
    for (uint32_t len = 0; len < 24; len++)
        assert_sense(exec(f, pr_out_list(REGISTER, 0, list, len)), KEY_ILLEGAL_REQUEST, 0x1a00);
    assert_sense(exec(f, pr_out_list(REGISTER, 0, list, 25)), KEY_ILLEGAL_REQUEST, 0x1a00);
    assert_sense(exec(f, pr_out_list(RESERVE, 1, list, 28)), KEY_ILLEGAL_REQUEST, 0x1a00);
    o = exec(f, pr_out(0, REGISTER, 0, 0, 5, 0x04)); /* ALL_TG_PT */
    assert_sense(o, KEY_ILLEGAL_REQUEST, 0x2600);
    assert_int_equal(be16_get(o.sense + 16), 20);
    assert_sense(exec(f, pr_out(0, REGISTER, 0, 0, 5, 0x01)), KEY_ILLEGAL_REQUEST,
                 0x2600); /* APTPL without a place to save */
    assert_sense(exec(f, pr_out(0, REGISTER_AND_IGNORE, 0, 0, 5, 0x08)), KEY_ILLEGAL_REQUEST, 0x2600);
    assert_int_equal(n_keys(f), 0);
}

/* The header of a SPEC_I_PT list and then one TransportID. */
static uint32_t spec_i_pt_list(uint8_t *list, uint64_t key, const char *port)
{
    struct reply reply = { .p = list + 28, .room = 300 };

    memset(list, 0, 28);
    be64_put(list + 8, key);
    list[20] = 0x08;
    transport_id_write(&reply, port);
    be32_put(list + 24, (uint32_t)reply.n);
    return 28 + (uint32_t)reply.n;
}

static void spec_i_pt_registers_the_listed_ports_too(void **state)
{
    struct fixture *f = *state;
    uint8_t list[512];
    uint32_t n = spec_i_pt_list(list, 5, "iqn.2026-01.test:b,i,0x00023d000001");

    assert_good(exec(f, pr_out_list(REGISTER, 0, list, n)));
    assert_int_equal(n_keys(f), 2);
    assert_good(exec(f, pr_out(1, REGISTER, 0, 5, 6, 0))); /* the other has it and can change it */
}

static void spec_i_pt_is_all_or_nothing(void **state)
{
    struct fixture *f = *state;
    uint8_t list[512];
    uint32_t n = spec_i_pt_list(list, 5, "iqn.2026-01.test:b,i,0x00023d000001");

    list[28] = 0x06; /* not an iSCSI TransportID */
    assert_sense(exec(f, pr_out_list(REGISTER, 0, list, n)), KEY_ILLEGAL_REQUEST, 0x2600);
    list[28] = 0x45;
    assert_sense(exec(f, pr_out_list(REGISTER, 0, list, n - 4)), KEY_ILLEGAL_REQUEST, 0x1a00);
    assert_int_equal(n_keys(f), 0);
    register_key(f, 1);
    assert_sense(exec(f, pr_out_list(REGISTER, 0, list, n)), KEY_ILLEGAL_REQUEST,
                 0x2600); /* one of them has one */
    assert_int_equal(n_keys(f), 1);
}

static void a_device_transport_id_means_all_its_ports_that_are_logged_in(void **state)
{
    struct fixture *f = *state;
    uint8_t list[512] = { 0 };
    static const char name[] = "iqn.2026-01.test:b";

    be64_put(list + 8, 5);
    list[20] = 0x08;
    be32_put(list + 24, 24);
    list[28] = 0x05;
    be16_put(list + 30, 20);
    memcpy(list + 32, name, sizeof name);
    assert_good(exec(f, pr_out_list(REGISTER, 0, list, 52)));
    assert_int_equal(n_keys(f), 2);
    assert_good(exec(f, pr_out(1, REGISTER, 0, 5, 0, 0)));
}

static void there_is_a_limit_to_registrations(void **state)
{
    struct fixture *f = *state;
    uint8_t list[512];

    for (unsigned i = 0; i < PR_MAX_REGISTRATIONS - 1; i++) {
        char port[64];
        uint32_t n;

        snprintf(port, sizeof port, "iqn.2026-01.test:many,i,0x00023d%06x", i);
        n = spec_i_pt_list(list, 5, port);
        assert_good(exec(f, pr_out_list(REGISTER, 0, list, n)));
        if (i < PR_MAX_REGISTRATIONS - 2)
            assert_good(exec(f, pr_out(0, REGISTER, 0, 5, 0, 0)));
    }
    assert_int_equal(n_keys(f), PR_MAX_REGISTRATIONS);
    assert_sense(exec(f, pr_out(1, REGISTER, 0, 0, 5, 0)), KEY_ILLEGAL_REQUEST, 0x5504);
    assert_good(exec(f, pr_in(READ_FULL_STATUS)));
}

/* ---- who may do what: types x commands ---------------------------------------------------------------- */

/* SPC-4 table 66 and SBC-3 table 13, for a nexus that does not hold the reservation. */
static void each_type_stops_what_the_tables_say(void **state)
{
    enum { WE_UNREG, EA_UNREG, WE_REG, EA_REG }; /* _REG: registered, under the plain types WE and EA */
    static const struct {
        struct command c;
        bool conflict
            [4]; /* write exclusive and exclusive access types, not registered; WE and EA, registered */
    } rows[] = {
        { { .cdb = { 0x00 } }, { 0, 0, 0, 0 } },                            /* TEST UNIT READY */
        { { .cdb = { 0x12, 0, 0, 0, 96 } }, { 0, 0, 0, 0 } },               /* INQUIRY */
        { { .cdb = { 0x03, 0, 0, 0, 18 } }, { 0, 0, 0, 0 } },               /* REQUEST SENSE */
        { { .cdb = { 0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0 } }, { 0, 0, 0, 0 } }, /* REPORT LUNS */
        { { .cdb = { 0x25 } }, { 0, 0, 0, 0 } },                            /* READ CAPACITY(10) */
        { { .cdb = { 0x9e, 0x10, [13] = 32 } }, { 0, 0, 0, 0 } },           /* READ CAPACITY(16) */
        { { .cdb = { 0x5e, 0, [8] = 64 } }, { 0, 0, 0, 0 } },               /* PERSISTENT RESERVE IN */
        { { .cdb = { 0xa3, 0x0a, [9] = 64 } }, { 0, 0, 0, 0 } },            /* REPORT TARGET PORT GROUPS */
        { { .cdb = { 0x1b, 0, 0, 0, 1 } }, { 0, 0, 0, 0 } },                /* START STOP UNIT, start */
        { { .cdb = { 0x1e, 0, 0, 0, 0 } }, { 0, 0, 0, 0 } },                /* PREVENT ALLOW, allow */
        { { .cdb = { 0x08, 0, 0, 0, 1 } }, { 0, 1, 0, 1 } },                /* READ(6) */
        { { .cdb = { 0x28, [8] = 1 } }, { 0, 1, 0, 1 } },                   /* READ(10) */
        { { .cdb = { 0x88, [13] = 1 } }, { 0, 1, 0, 1 } },                  /* READ(16) */
        { { .cdb = { 0x2f, [8] = 1 } }, { 0, 1, 0, 1 } },                   /* VERIFY(10) */
        { { .cdb = { 0x34, [8] = 1 } }, { 0, 1, 0, 1 } },                   /* PRE-FETCH(10) */
        { { .cdb = { 0x1a, 0, 0x3f, 0, 64 } }, { 0, 1, 0, 1 } },            /* MODE SENSE(6) */
        { { .cdb = { 0x9e, 0x12, [13] = 32 } }, { 0, 1, 0, 1 } },           /* GET LBA STATUS */
        { { .cdb = { 0xa3, 0x0c, [9] = 64 } }, { 0, 1, 0, 1 } }, /* REPORT SUPPORTED OPERATION CODES */
        { { .cdb = { 0x2a, [8] = 0 } }, { 1, 1, 1, 1 } },        /* WRITE(10) */
        { { .cdb = { 0x8a } }, { 1, 1, 1, 1 } },                 /* WRITE(16) */
        { { .cdb = { 0x35 } }, { 1, 1, 1, 1 } },                 /* SYNCHRONIZE CACHE(10) */
        { { .cdb = { 0x42 } }, { 1, 1, 1, 1 } },                 /* UNMAP */
        { { .cdb = { 0x15, 0x10 } }, { 1, 1, 1, 1 } },           /* MODE SELECT(6) */
        { { .cdb = { 0x89 } }, { 1, 1, 1, 1 } },                 /* COMPARE AND WRITE */
        { { .cdb = { 0x8b } }, { 1, 1, 1, 1 } },                 /* ORWRITE */
        { { .cdb = { 0x2e } }, { 1, 1, 1, 1 } },                 /* WRITE AND VERIFY(10) */
        { { .cdb = { 0x93, 0x01, [13] = 1 } }, { 1, 1, 1, 1 } }, /* WRITE SAME(16), no data */
        { { .cdb = { 0x1b, 0, 0, 0, 0 } }, { 1, 1, 1, 1 } },     /* START STOP UNIT, stop */
        { { .cdb = { 0x1e, 0, 0, 0, 1 } }, { 1, 1, 1, 1 } },     /* PREVENT ALLOW, prevent */
        { { .cdb = { 0x16 } }, { 1, 1, 1, 1 } },                 /* RESERVE(6) */
        { { .cdb = { 0x17 } }, { 1, 1, 1, 1 } },                 /* RELEASE(6) */
    };

    (void)state;
    for (unsigned t = 0; t < ARRAY_SIZE(types); t++) {
        for (unsigned registered = 0; registered < 2; registered++) {
            bool exclusive = types[t] == PR_EXCLUSIVE_ACCESS || types[t] == PR_EXCLUSIVE_ACCESS_RO ||
                             types[t] == PR_EXCLUSIVE_ACCESS_AR;
            bool shares = registered && types[t] >= PR_WRITE_EXCLUSIVE_RO;
            struct fixture f;

            fixture_open(&f, (struct fixture_options){ .n_nexuses = 2 });
            register_key(&f, 0);
            if (registered)
                register_key(&f, 1);
            reserve(&f, 0, types[t]);
            for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
                bool conflict = !shares && rows[i].conflict[exclusive ? (registered ? EA_REG : EA_UNREG)
                                                                      : (registered ? WE_REG : WE_UNREG)];
                struct outcome o = exec(&f, on_nexus(rows[i].c, 1));

                if ((o.status == SCSI_RESERVATION_CONFLICT) != conflict)
                    fail_msg("type %u, %sregistered, command %02x: status %02x", types[t],
                             registered ? "" : "not ", rows[i].c.cdb[0], o.status);
                if (rows[i].c.cdb[0] != 0x16 && rows[i].c.cdb[0] != 0x17)
                    assert_good(exec(&f, rows[i].c)); /* the holder may do anything */
            }
            fixture_close(&f);
        }
    }
}

/* ---- reserve, release --------------------------------------------------------------------------------- */

static void reserve_needs_a_registration_and_its_key(void **state)
{
    struct fixture *f = *state;

    assert_status(exec(f, pr_out(0, RESERVE, 1, KEY(0), 0, 0)), SCSI_RESERVATION_CONFLICT);
    register_key(f, 0);
    assert_status(exec(f, pr_out(0, RESERVE, 1, 1, 0, 0)), SCSI_RESERVATION_CONFLICT);
    assert_cdb_field(exec(f, pr_out(0, RESERVE, 0, KEY(0), 0, 0)), 2);
    assert_cdb_field(exec(f, pr_out(0, RESERVE, 2, KEY(0), 0, 0)), 2);
    assert_cdb_field(exec(f, pr_out(0, RESERVE, 9, KEY(0), 0, 0)), 2);
    assert_cdb_field(exec(f, pr_out(0, RESERVE, 0x11, KEY(0), 0, 0)), 2); /* scope */
    assert_int_equal(reserved_type(f, NULL), 0);
}

static void reserving_again_is_good_only_for_the_holder_and_the_same_type(void **state)
{
    struct fixture *f = *state;

    register_key(f, 0);
    register_key(f, 1);
    for (unsigned t = 0; t < ARRAY_SIZE(types); t++) {
        bool all = types[t] >= PR_WRITE_EXCLUSIVE_AR;
        uint64_t key = 1;

        reserve(f, 0, types[t]);
        reserve(f, 0, types[t]);
        assert_status(exec(f, pr_out(0, RESERVE, types[(t + 1) % 6], KEY(0), 0, 0)),
                      SCSI_RESERVATION_CONFLICT);
        assert_status(exec(f, pr_out(1, RESERVE, types[t], KEY(1), 0, 0)),
                      all ? SCSI_GOOD : SCSI_RESERVATION_CONFLICT);
        assert_int_equal(reserved_type(f, &key), types[t]);
        assert_int_equal(key, all ? 0 : KEY(0));
        assert_good(exec(f, pr_out(0, RELEASE, types[t], KEY(0), 0, 0)));
        exec(f, on_nexus(request_sense(), 1));
    }
}

static void release_by_another_does_nothing_and_of_another_type_is_refused(void **state)
{
    struct fixture *f = *state;

    register_key(f, 0);
    register_key(f, 1);
    reserve(f, 0, PR_WRITE_EXCLUSIVE);
    assert_status(exec(f, pr_out(2, RELEASE, 1, 0, 0, 0)), SCSI_RESERVATION_CONFLICT);
    assert_good(exec(f, pr_out(1, RELEASE, 1, KEY(1), 0, 0)));
    assert_int_equal(reserved_type(f, NULL), PR_WRITE_EXCLUSIVE);
    assert_status(exec(f, pr_out(0, RELEASE, 1, 1, 0, 0)), SCSI_RESERVATION_CONFLICT);
    assert_sense(exec(f, pr_out(0, RELEASE, 3, KEY(0), 0, 0)), KEY_ILLEGAL_REQUEST, 0x2604);
    assert_good(exec(f, pr_out(0, RELEASE, 1, KEY(0), 0, 0)));
    assert_int_equal(reserved_type(f, NULL), 0);
    assert_good(exec(f, pr_out(0, RELEASE, 1, KEY(0), 0, 0))); /* nothing there: fine */
}

static void releasing_a_shared_reservation_is_told_to_the_other_registrants(void **state)
{
    struct fixture *f = *state;

    register_key(f, 0);
    register_key(f, 1);
    for (unsigned t = 0; t < ARRAY_SIZE(types); t++) {
        reserve(f, 0, types[t]);
        assert_good(exec(f, pr_out(0, RELEASE, types[t], KEY(0), 0, 0)));
        if (types[t] >= PR_WRITE_EXCLUSIVE_RO)
            expect_attention(f, 1, 0x2a04);
        assert_good(exec(f, on_nexus(test_unit_ready(), 1)));
        assert_good(exec(f, on_nexus(test_unit_ready(), 2)));
        assert_good(exec(f, test_unit_ready()));
    }
}

static void a_holder_that_unregisters_releases_unless_all_registrants_hold(void **state)
{
    (void)state;
    for (unsigned t = 0; t < ARRAY_SIZE(types); t++) {
        bool all = types[t] >= PR_WRITE_EXCLUSIVE_AR;
        struct fixture f;

        fixture_open(&f, (struct fixture_options){ .n_nexuses = 2 });
        register_key(&f, 0);
        register_key(&f, 1);
        reserve(&f, 0, types[t]);
        assert_good(exec(&f, pr_out(0, REGISTER, 0, KEY(0), 0, 0)));
        assert_int_equal(reserved_type(&f, NULL), all ? types[t] : 0);
        if (types[t] == PR_WRITE_EXCLUSIVE_RO || types[t] == PR_EXCLUSIVE_ACCESS_RO)
            expect_attention(&f, 1, 0x2a04);
        assert_good(exec(&f, on_nexus(write10(0, 1, pattern(512, 1)), 1)));
        assert_good(exec(&f, pr_out(1, REGISTER, 0, KEY(1), 0, 0)));
        assert_int_equal(reserved_type(&f, NULL), 0); /* the last one took it along */
        fixture_close(&f);
    }
}

static void clear_removes_everything_and_tells_the_others(void **state)
{
    struct fixture *f = *state;

    register_key(f, 0);
    register_key(f, 1);
    reserve(f, 0, PR_EXCLUSIVE_ACCESS);
    assert_status(exec(f, pr_out(1, CLEAR, 0, 1, 0, 0)), SCSI_RESERVATION_CONFLICT);
    assert_status(exec(f, pr_out(2, CLEAR, 0, 0, 0, 0)), SCSI_RESERVATION_CONFLICT);
    assert_good(exec(f, pr_out(1, CLEAR, 0, KEY(1), 0, 0)));
    expect_attention(f, 0, 0x2a03);
    assert_good(exec(f, on_nexus(test_unit_ready(), 1)));
    assert_good(exec(f, on_nexus(test_unit_ready(), 2)));
    assert_int_equal(n_keys(f) + reserved_type(f, NULL), 0);
}

/* ---- preempt ------------------------------------------------------------------------------------------ */

static void preempt_takes_the_reservation_of_the_holder_with_that_key(void **state)
{
    struct fixture *f = *state;
    uint64_t key;

    register_key(f, 0);
    register_key(f, 1);
    register_key(f, 2);
    reserve(f, 0, PR_WRITE_EXCLUSIVE_RO);
    assert_good(exec(f, pr_out(1, PREEMPT, PR_EXCLUSIVE_ACCESS, KEY(1), KEY(0), 0)));
    expect_attention(f, 0, 0x2a05); /* lost its registration */
    expect_attention(f, 2, 0x2a04); /* the reservation it shared has another type now */
    assert_good(exec(f, on_nexus(test_unit_ready(), 1)));
    assert_int_equal(reserved_type(f, &key), PR_EXCLUSIVE_ACCESS);
    assert_int_equal(key, KEY(1));
    assert_int_equal(n_keys(f), 2);
    assert_int_equal(generation(f), 4);
    assert_status(exec(f, read10(0, 1)), SCSI_RESERVATION_CONFLICT);
}

static void preempt_of_registrations_leaves_the_reservation(void **state)
{
    struct fixture *f = *state;
    uint64_t key;

    register_key(f, 0);
    register_key(f, 1);
    assert_good(exec(f, pr_out(2, REGISTER, 0, 0, KEY(1), 0))); /* two with the same key */
    reserve(f, 0, PR_WRITE_EXCLUSIVE);
    assert_good(exec(f, pr_out(0, PREEMPT, 0, KEY(0), KEY(1), 0)));
    expect_attention(f, 1, 0x2a05);
    expect_attention(f, 2, 0x2a05);
    assert_int_equal(n_keys(f), 1);
    assert_int_equal(reserved_type(f, &key), PR_WRITE_EXCLUSIVE);
    assert_int_equal(key, KEY(0));
}

static void preempt_of_nobody_is_a_conflict_and_of_key_zero_an_error(void **state)
{
    struct fixture *f = *state;

    register_key(f, 0);
    assert_status(exec(f, pr_out(1, PREEMPT, 1, 0, KEY(0), 0)), SCSI_RESERVATION_CONFLICT);
    assert_status(exec(f, pr_out(0, PREEMPT, 1, 1, KEY(0), 0)), SCSI_RESERVATION_CONFLICT);
    assert_status(exec(f, pr_out(0, PREEMPT, 1, KEY(0), 4711, 0)), SCSI_RESERVATION_CONFLICT);
    assert_sense(exec(f, pr_out(0, PREEMPT, 1, KEY(0), 0, 0)), KEY_ILLEGAL_REQUEST, 0x2600);
    assert_int_equal(generation(f), 1);
}

static void preempt_with_key_zero_takes_an_all_registrants_reservation(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 3; i++)
        register_key(f, i);
    reserve(f, 0, PR_WRITE_EXCLUSIVE_AR);
    assert_good(
        exec(f, pr_out(1, PREEMPT, PR_EXCLUSIVE_ACCESS_AR, KEY(1), KEY(2), 0))); /* only a registration */
    assert_int_equal(reserved_type(f, NULL), PR_WRITE_EXCLUSIVE_AR);
    assert_good(exec(f, pr_out(1, PREEMPT, PR_EXCLUSIVE_ACCESS_AR, KEY(1), 0, 0)));
    expect_attention(f, 0, 0x2a05);
    assert_int_equal(reserved_type(f, NULL), PR_EXCLUSIVE_ACCESS_AR);
    assert_int_equal(n_keys(f), 1);
    assert_status(exec(f, read10(0, 1)), SCSI_RESERVATION_CONFLICT);
}

static void a_holder_may_preempt_itself_to_change_the_type(void **state)
{
    struct fixture *f = *state;

    register_key(f, 0);
    register_key(f, 1);
    reserve(f, 0, PR_WRITE_EXCLUSIVE);
    assert_good(exec(f, pr_out(0, PREEMPT, PR_EXCLUSIVE_ACCESS_RO, KEY(0), KEY(0), 0)));
    assert_int_equal(reserved_type(f, NULL), PR_EXCLUSIVE_ACCESS_RO);
    assert_int_equal(n_keys(f), 2);
}

static void preempt_and_abort_ends_the_commands_of_the_preempted(void **state)
{
    struct fixture *f = *state;
    struct running *victim, *bystander;
    struct outcome o;

    register_key(f, 0);
    register_key(f, 1);
    register_key(f, 2);
    f->hold = true;
    victim = start(f, on_nexus(read10(0, 1), 1));
    bystander = start(f, on_nexus(read10(0, 1), 2));
    assert_good(exec(f, pr_out(0, PREEMPT_AND_ABORT, 0, KEY(0), KEY(1), 0)));
    assert_false(victim->done);
    fixture_drain(f);
    o = running_end(victim);
    assert_true(o.aborted);
    assert_false(running_end(bystander).aborted);
    f->hold = false;
    expect_attention(f, 1, 0x2f00);
    expect_attention(f, 1, 0x2a05);
    assert_good(exec(f, on_nexus(test_unit_ready(), 1)));
}

/* ---- register and move -------------------------------------------------------------------------------- */

static uint32_t move_list(uint8_t *list, uint64_t key, uint64_t new_key, uint8_t flags, uint16_t tag,
                          const char *port)
{
    struct reply reply = { .p = list + 24, .room = 300 };

    memset(list, 0, 24);
    be64_put(list, key);
    be64_put(list + 8, new_key);
    list[17] = flags;
    be16_put(list + 18, tag);
    transport_id_write(&reply, port);
    be32_put(list + 20, (uint32_t)reply.n);
    return 24 + (uint32_t)reply.n;
}

static void register_and_move_hands_the_reservation_on(void **state)
{
    struct fixture *f = *state;
    uint8_t list[512];
    uint64_t key;
    uint32_t n = move_list(list, KEY(0), KEY(1), 0x02, 1, "iqn.2026-01.test:b,i,0x00023d000001");

    register_key(f, 0);
    assert_status(exec(f, pr_out_list(REGISTER_AND_MOVE, 0, list, n)),
                  SCSI_RESERVATION_CONFLICT); /* holds nothing */
    reserve(f, 0, PR_EXCLUSIVE_ACCESS);
    assert_good(exec(f, pr_out_list(REGISTER_AND_MOVE, 0, list, n)));
    assert_int_equal(reserved_type(f, &key), PR_EXCLUSIVE_ACCESS);
    assert_int_equal(key, KEY(1));
    assert_int_equal(n_keys(f), 1); /* UNREG */
    assert_good(exec(f, on_nexus(read10(0, 1), 1)));
    assert_status(exec(f, read10(0, 1)), SCSI_RESERVATION_CONFLICT);
}

static void register_and_move_checks_key_port_and_name(void **state)
{
    struct fixture *f = *state;
    uint8_t list[512];
    uint32_t n;

    register_key(f, 0);
    reserve(f, 0, PR_WRITE_EXCLUSIVE);
    n = move_list(list, KEY(0), 0, 0, 1, "iqn.2026-01.test:b,i,0x00023d000001");
    assert_sense(exec(f, pr_out_list(REGISTER_AND_MOVE, 0, list, n)), KEY_ILLEGAL_REQUEST, 0x2600);
    n = move_list(list, KEY(0), 5, 0, 77, "iqn.2026-01.test:b,i,0x00023d000001");
    assert_sense(exec(f, pr_out_list(REGISTER_AND_MOVE, 0, list, n)), KEY_ILLEGAL_REQUEST,
                 0x2600); /* no such group */
    n = move_list(list, KEY(0), 5, 0, 1, "iqn.2026-01.test:a,i,0x00023D000000");
    assert_sense(exec(f, pr_out_list(REGISTER_AND_MOVE, 0, list, n)), KEY_ILLEGAL_REQUEST,
                 0x2600); /* to itself */
    n = move_list(list, KEY(0), 5, 0, 1, "iqn.2026-01.test:b,i,0x00023d000001");
    list[24] = 0x46;
    assert_sense(exec(f, pr_out_list(REGISTER_AND_MOVE, 0, list, n)), KEY_ILLEGAL_REQUEST, 0x2600);
    assert_sense(exec(f, pr_out_list(REGISTER_AND_MOVE, 0, list, 24)), KEY_ILLEGAL_REQUEST, 0x1a00);
    assert_int_equal(n_keys(f), 1);
}

/* ---- PERSISTENT RESERVE IN ---------------------------------------------------------------------------- */

static void read_keys_keeps_its_length_when_it_is_cut(void **state)
{
    struct fixture *f = *state;
    struct command c = pr_in(READ_KEYS);
    struct outcome o;

    register_key(f, 0);
    c.cdb[7] = 0;
    c.cdb[8] = 8;
    o = exec(f, c);
    assert_int_equal(o.n, 8);
    assert_int_equal(be32_get(o.data + 4), 8);
}

static void full_status_names_every_nexus(void **state)
{
    struct fixture *f = *state;
    struct outcome o;
    struct transport_id id;

    register_key(f, 0);
    register_key(f, 1);
    reserve(f, 1, PR_WRITE_EXCLUSIVE);
    o = exec(f, pr_in(READ_FULL_STATUS));
    assert_int_equal(be32_get(o.data + 4), o.n - 8);
    assert_int_equal(be64_get(o.data + 8), KEY(0));
    assert_int_equal(o.data[8 + 12], 0);
    assert_int_equal(be16_get(o.data + 8 + 18), 1);
    assert_int_equal(transport_id_parse(o.data + 32, o.n - 32, &id), be32_get(o.data + 8 + 20));
    assert_string_equal(id.name, "iqn.2026-01.test:a,i,0x00023d000000");
    assert_int_equal(o.data[32 + be32_get(o.data + 28) + 12], 1); /* R_HOLDER */
}

static void capabilities_are_what_is_there(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, pr_in(REPORT_CAPABILITIES));
    static const uint8_t expected[8] = { 0, 8, 0x18, 0x80, 0xea, 0x01, 0, 0 };

    assert_int_equal(o.n, 8);
    assert_memory_equal(o.data, expected, 8);
}

static void unknown_service_actions_are_refused(void **state)
{
    struct fixture *f = *state;

    for (uint8_t action = 4; action < 0x20; action++)
        assert_cdb_field(exec(f, pr_in(action)), 1);
    for (uint8_t action = 8; action < 0x20; action++)
        assert_cdb_field(exec(f, pr_out(0, action, 0, 0, 0, 0)), 1);
}

/* ---- APTPL -------------------------------------------------------------------------------------------- */

static void aptpl_survives_the_process(void **state)
{
    struct fixture f, g;

    (void)state;
    fixture_open(&f, (struct fixture_options){ .n_nexuses = 2, .saves = true });
    assert_good(exec(&f, pr_out(0, REGISTER, 0, 0, KEY(0), 0x01)));
    reserve(&f, 0, PR_WRITE_EXCLUSIVE_RO);
    assert_int_equal(f.n_saves, 2);
    fixture_open(&g, (struct fixture_options){
                         .n_nexuses = 2, .saves = true, .load_pr = f.saved, .load_pr_len = f.saved_len });
    assert_int_equal(reserved_type(&g, NULL), PR_WRITE_EXCLUSIVE_RO);
    assert_good(exec(&g, write10(0, 1, pattern(512, 1))));
    assert_status(exec(&g, on_nexus(write10(0, 1, pattern(512, 1)), 1)), SCSI_RESERVATION_CONFLICT);
    assert_int_equal(exec(&g, pr_in(REPORT_CAPABILITIES)).data[3], 0x81);
    /* the last APTPL decides: without it everything is forgotten, durably */
    assert_good(exec(&g, pr_out(0, REGISTER, 0, KEY(0), KEY(0), 0)));
    fixture_close(&f);
    fixture_open(&f,
                 (struct fixture_options){ .saves = true, .load_pr = g.saved, .load_pr_len = g.saved_len });
    assert_int_equal(n_keys(&f), 0);
    fixture_close(&f);
    fixture_close(&g);
}

static void without_aptpl_nothing_is_saved(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, (struct fixture_options){ .saves = true });
    register_key(&f, 0);
    reserve(&f, 0, PR_EXCLUSIVE_ACCESS);
    assert_int_equal(f.n_saves, 0);
    fixture_close(&f);
}

static void what_could_not_be_saved_has_not_happened(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, (struct fixture_options){ .n_nexuses = 2, .saves = true });
    assert_good(exec(&f, pr_out(0, REGISTER, 0, 0, KEY(0), 0x01)));
    f.save_result = -EIO;
    assert_sense(exec(&f, pr_out(0, RESERVE, PR_EXCLUSIVE_ACCESS, KEY(0), 0, 0)), KEY_HARDWARE_ERROR, 0x4400);
    assert_int_equal(reserved_type(&f, NULL), 0);
    assert_good(exec(&f, on_nexus(read10(0, 1), 1)));
    assert_sense(exec(&f, pr_out(1, REGISTER, 0, 0, KEY(1), 0x01)), KEY_HARDWARE_ERROR, 0x4400);
    assert_int_equal(n_keys(&f), 1);
    fixture_close(&f);
}

static void saved_bytes_that_are_not_ours_are_refused(void **state)
{
    struct pr_state *pr = pr_state_new(), *back = NULL;
    uint8_t *bytes;
    size_t len;

    (void)state;
    assert_non_null(pr);
    pr->aptpl = true;
    assert_int_equal(pr_add(pr, "iqn.a,i,0x1", "iqn.t,t,0x1", 1, 5), 0);
    assert_int_equal(pr_add(pr, "iqn.b,i,0x1", "iqn.t,t,0x1", 1, 6), 0);
    pr->type = PR_WRITE_EXCLUSIVE;
    pr->regs[1]->holder = true;
    assert_int_equal(pr_encode(pr, &bytes, &len), 0);
    assert_int_equal(pr_decode(bytes, len, &back), 0);
    assert_int_equal(back->n, 2);
    assert_true(back->regs[1]->holder);
    pr_state_free(back);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(pr_decode(bytes, n, &back), -EINVAL);
    bytes[6] = PR_WRITE_EXCLUSIVE_AR; /* nobody may be marked as holder */
    assert_int_equal(pr_decode(bytes, len, &back), -EINVAL);
    bytes[6] = 4; /* no such type */
    assert_int_equal(pr_decode(bytes, len, &back), -EINVAL);
    free(bytes);
    pr_state_free(pr);
}

/* ---- beside RESERVE ----------------------------------------------------------------------------------- */

static void reserve6_and_persistent_reservations_keep_apart(void **state)
{
    struct fixture *f = *state;

    assert_good(exec(f, cdb6(0x16, 0, 0, 0, 0)));
    assert_status(exec(f, pr_out(0, REGISTER, 0, 0, 5, 0)), SCSI_RESERVATION_CONFLICT);
    assert_status(exec(f, pr_out(1, REGISTER, 0, 0, 5, 0)), SCSI_RESERVATION_CONFLICT);
    assert_status(exec(f, on_nexus(pr_in(READ_KEYS), 1)), SCSI_RESERVATION_CONFLICT);
    assert_good(exec(f, cdb6(0x17, 0, 0, 0, 0)));
    register_key(f, 0);
    register_key(f, 1);
    assert_status(exec(f, cdb6(0x16, 0, 0, 0, 0)), SCSI_RESERVATION_CONFLICT);
    reserve(f, 0, PR_WRITE_EXCLUSIVE);
    assert_good(exec(f, cdb6(0x16, 0, 0, 0, 0))); /* the holder has what RESERVE would give it */
    assert_good(exec(f, cdb6(0x17, 0, 0, 0, 0)));
    assert_status(exec(f, on_nexus(cdb6(0x16, 0, 0, 0, 0), 1)), SCSI_RESERVATION_CONFLICT);
    assert_good(exec(f, on_nexus(read10(0, 1), 1))); /* nothing was reserved by that */
}

int main(void)
{
#define T(name) fixture_test(name, .n_nexuses = 3)
    const struct CMUnitTest tests[] = {
        T(a_nexus_registers_changes_and_removes_its_key),
        T(register_with_the_wrong_key_is_a_conflict),
        T(register_and_ignore_takes_no_notice_of_the_old_key),
        T(the_same_initiator_port_through_another_group_is_another_nexus),
        T(a_registration_outlives_its_session),
        T(bad_parameter_lists_are_refused),
        T(spec_i_pt_registers_the_listed_ports_too),
        T(spec_i_pt_is_all_or_nothing),
        T(a_device_transport_id_means_all_its_ports_that_are_logged_in),
        T(there_is_a_limit_to_registrations),
        cmocka_unit_test(each_type_stops_what_the_tables_say),
        T(reserve_needs_a_registration_and_its_key),
        T(reserving_again_is_good_only_for_the_holder_and_the_same_type),
        T(release_by_another_does_nothing_and_of_another_type_is_refused),
        T(releasing_a_shared_reservation_is_told_to_the_other_registrants),
        cmocka_unit_test(a_holder_that_unregisters_releases_unless_all_registrants_hold),
        T(clear_removes_everything_and_tells_the_others),
        T(preempt_takes_the_reservation_of_the_holder_with_that_key),
        T(preempt_of_registrations_leaves_the_reservation),
        T(preempt_of_nobody_is_a_conflict_and_of_key_zero_an_error),
        T(preempt_with_key_zero_takes_an_all_registrants_reservation),
        T(a_holder_may_preempt_itself_to_change_the_type),
        T(preempt_and_abort_ends_the_commands_of_the_preempted),
        T(register_and_move_hands_the_reservation_on),
        T(register_and_move_checks_key_port_and_name),
        T(read_keys_keeps_its_length_when_it_is_cut),
        T(full_status_names_every_nexus),
        T(capabilities_are_what_is_there),
        T(unknown_service_actions_are_refused),
        cmocka_unit_test(aptpl_survives_the_process),
        cmocka_unit_test(without_aptpl_nothing_is_saved),
        cmocka_unit_test(what_could_not_be_saved_has_not_happened),
        cmocka_unit_test(saved_bytes_that_are_not_ours_are_refused),
        T(reserve6_and_persistent_reservations_keep_apart),
    };

    return RUN_TESTS(tests);
}
