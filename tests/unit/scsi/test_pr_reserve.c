/* SPDX-License-Identifier: MIT */
/* Reservations: what each type stops, who takes, releases and preempts them, and RESERVE(6) beside them. */
#include "pr_fixture.h"

static const uint8_t types[] = { PR_WRITE_EXCLUSIVE,     PR_EXCLUSIVE_ACCESS,   PR_WRITE_EXCLUSIVE_RO,
                                 PR_EXCLUSIVE_ACCESS_RO, PR_WRITE_EXCLUSIVE_AR, PR_EXCLUSIVE_ACCESS_AR };

static void expect_attention(struct fixture *f, unsigned nexus, uint16_t asc)
{
    assert_sense(exec(f, on_nexus(test_unit_ready(), nexus)), KEY_UNIT_ATTENTION, asc);
}

/* ---- who may do what: types x commands ---------------------------------------------------------------- */

/* SPC-4 table 66 and SBC-3 table 13, for a nexus that does not hold the reservation. */
static const struct {
    struct command c;
    /* write exclusive and exclusive access types, not registered; registered, the plain ones */
    bool conflict[4];
} access_rows[] = {
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
    { { .cdb = { 0xa3, 0x0c, [9] = 64 } }, { 0, 1, 0, 1 } },            /* REPORT SUPPORTED OPERATION CODES */
    { { .cdb = { 0x2a, [8] = 0 } }, { 1, 1, 1, 1 } },                   /* WRITE(10) */
    { { .cdb = { 0x8a } }, { 1, 1, 1, 1 } },                            /* WRITE(16) */
    { { .cdb = { 0x35 } }, { 1, 1, 1, 1 } },                            /* SYNCHRONIZE CACHE(10) */
    { { .cdb = { 0x42 } }, { 1, 1, 1, 1 } },                            /* UNMAP */
    { { .cdb = { 0x15, 0x10 } }, { 1, 1, 1, 1 } },                      /* MODE SELECT(6) */
    { { .cdb = { 0x89 } }, { 1, 1, 1, 1 } },                            /* COMPARE AND WRITE */
    { { .cdb = { 0x8b } }, { 1, 1, 1, 1 } },                            /* ORWRITE */
    { { .cdb = { 0x2e } }, { 1, 1, 1, 1 } },                            /* WRITE AND VERIFY(10) */
    { { .cdb = { 0x93, 0x01, [13] = 1 } }, { 1, 1, 1, 1 } },            /* WRITE SAME(16), no data */
    { { .cdb = { 0x1b, 0, 0, 0, 0 } }, { 1, 1, 1, 1 } },                /* START STOP UNIT, stop */
    { { .cdb = { 0x1e, 0, 0, 0, 1 } }, { 1, 1, 1, 1 } },                /* PREVENT ALLOW, prevent */
    { { .cdb = { 0x16 } }, { 1, 1, 1, 1 } },                            /* RESERVE(6) */
    { { .cdb = { 0x17 } }, { 1, 1, 1, 1 } },                            /* RELEASE(6) */
};

static bool is_exclusive_access(uint8_t type)
{
    return type == PR_EXCLUSIVE_ACCESS || type == PR_EXCLUSIVE_ACCESS_RO || type == PR_EXCLUSIVE_ACCESS_AR;
}

static void expect_access(struct fixture *f, uint8_t type, bool registered)
{
    bool shares = registered && type >= PR_WRITE_EXCLUSIVE_RO;
    unsigned column = 2 * registered + is_exclusive_access(type);

    for (unsigned i = 0; i < ARRAY_SIZE(access_rows); i++) {
        struct command c = access_rows[i].c;
        bool conflict = !shares && access_rows[i].conflict[column];
        struct outcome o = exec(f, on_nexus(c, 1));

        if ((o.status == SCSI_RESERVATION_CONFLICT) != conflict)
            fail_msg("type %u, %sregistered, command %02x: status %02x", type, registered ? "" : "not ",
                     c.cdb[0], o.status);
        if (c.cdb[0] != 0x16 && c.cdb[0] != 0x17)
            assert_good(exec(f, c)); /* the holder may do anything */
    }
}

static void each_type_stops_what_the_tables_say(void **state)
{
    (void)state;
    for (unsigned t = 0; t < ARRAY_SIZE(types); t++) {
        for (unsigned registered = 0; registered < 2; registered++) {
            struct fixture f;

            fixture_open(&f, (struct fixture_options){ .n_nexuses = 2 });
            register_key(&f, 0);
            if (registered)
                register_key(&f, 1);
            reserve(&f, 0, types[t]);
            expect_access(&f, types[t], registered);
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
        T(reserve6_and_persistent_reservations_keep_apart),
    };

    return RUN_TESTS(tests);
}
