/* SPDX-License-Identifier: MIT */
/* What commands have done: by session, by unit, and after a session has gone. */
#include "fixture.h"

#include "scsi/counters.h"

/* Runs it, counting it as the transport does. */
static void run_counted(struct fixture *f, struct command c, uint64_t latency_ns)
{
    struct running *r = start(f, c);

    while (!r->done)
        fixture_release(f);
    scsi_task_count(&r->task, latency_ns);
    running_end(r);
}

static struct scsi_counters of_view(struct fixture *f, unsigned nexus)
{
    struct scsi_counters c;

    scsi_view_counters(f->nexus[nexus].view, &c);
    return c;
}

static struct scsi_counters of_unit(struct fixture *f, unsigned unit)
{
    struct scsi_counters c;

    scsi_lu_counters(f->lu[unit], &c);
    return c;
}

static void expect(struct scsi_counters c, uint64_t reads, uint64_t writes, uint64_t others, uint64_t errors,
                   uint64_t read, uint64_t written, uint64_t ns)
{
    uint64_t n = 0;

    assert_int_equal(c.n[SCSI_READS], reads);
    assert_int_equal(c.n[SCSI_WRITES], writes);
    assert_int_equal(c.n[SCSI_OTHERS], others);
    assert_int_equal(c.n[SCSI_ERRORS], errors);
    assert_int_equal(c.n[SCSI_BYTES_READ], read);
    assert_int_equal(c.n[SCSI_BYTES_WRITTEN], written);
    assert_int_equal(c.n[SCSI_LATENCY_NS], ns);
    for (unsigned i = SCSI_LATENCY_FIRST; i < SCSI_N_COUNTERS; i++)
        n += c.n[i];
    assert_int_equal(n, reads + writes + others);
}

static void reads_writes_and_others_are_counted_apart_with_their_bytes(void **state)
{
    struct fixture *f = *state;

    run_counted(f, read10(0, 8), 1000);
    run_counted(f, read16(8, 1), 1000);
    run_counted(f, write10(0, 4, pattern(2048, 1)), 5000);
    run_counted(f, test_unit_ready(), 10);
    run_counted(f, inquiry(96), 10);
    expect(of_view(f, 0), 2, 1, 2, 0, 9 * 512, 4 * 512, 7020);
    expect(of_unit(f, 0), 2, 1, 2, 0, 9 * 512, 4 * 512, 7020);
    expect(of_view(f, 1), 0, 0, 0, 0, 0, 0, 0);
    expect(of_unit(f, 1), 0, 0, 0, 0, 0, 0, 0);
}

static void what_fails_is_an_error_and_moves_no_bytes(void **state)
{
    struct fixture *f = *state;

    run_counted(f, read10(1u << 30, 8), 100);
    run_counted(f, on_lun(read10(0, 1), 7), 100); /* no such unit: the session's alone */
    expect(of_unit(f, 0), 1, 0, 0, 1, 0, 0, 100);
    expect(of_view(f, 0), 2, 0, 0, 2, 0, 0, 200);
}

static void a_unit_sums_up_its_sessions_and_a_session_its_units(void **state)
{
    struct fixture *f = *state;

    run_counted(f, read10(0, 1), 1);
    run_counted(f, on_nexus(read10(0, 2), 1), 2);
    run_counted(f, on_lun(read10(0, 4), 1), 4);
    expect(of_unit(f, 0), 2, 0, 0, 0, 3 * 512, 0, 3);
    expect(of_unit(f, 1), 1, 0, 0, 0, 4 * 512, 0, 4);
    expect(of_view(f, 0), 2, 0, 0, 0, 5 * 512, 0, 5);
}

static void what_a_session_has_done_stays_with_the_unit_when_it_has_gone(void **state)
{
    struct fixture *f = *state;

    run_counted(f, on_nexus(read10(0, 2), 1), 2);
    nexus_close(f, 1);
    expect(of_unit(f, 0), 1, 0, 0, 0, 1024, 0, 2);
    nexus_open(f, 1, "iqn.again", 1);
    expect(of_view(f, 1), 0, 0, 0, 0, 0, 0, 0);
    run_counted(f, on_nexus(read10(0, 1), 1), 3);
    expect(of_unit(f, 0), 2, 0, 0, 0, 1536, 0, 5);
}

static void a_unit_that_is_taken_away_leaves_its_counts_with_the_session(void **state)
{
    struct fixture *f = *state;
    struct running *r;

    run_counted(f, on_lun(read10(0, 1), 1), 1);
    f->hold = true;
    r = start(f, on_lun(read10(0, 2), 1));
    assert_int_equal(scsi_view_unmap(f->nexus[0].view, 1, NULL, NULL), 0);
    expect(of_view(f, 0), 1, 0, 0, 0, 512, 0, 1);
    expect(of_unit(f, 1), 1, 0, 0, 0, 512, 0, 1);
    f->hold = false;
    fixture_drain(f);
    assert_true(r->done);
    scsi_task_count(&r->task, 2);
    running_end(r); /* its last command: what it counted is kept, too */
    expect(of_view(f, 0), 2, 0, 0, 0, of_view(f, 0).n[SCSI_BYTES_READ], 0, 3);
    expect(of_unit(f, 1), 2, 0, 0, 0, of_view(f, 0).n[SCSI_BYTES_READ], 0, 3);
    assert_int_equal(scsi_view_map(f->nexus[0].view, 1, f->lu[1], true), 0);
}

static void latencies_fall_into_powers_of_two(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint64_t ns;
        unsigned bucket;
    } rows[] = { { 0, 0 },
                 { 2047, 0 },
                 { 2048, 1 },
                 { 4095, 1 },
                 { 4096, 2 },
                 { 1u << 20, 10 },
                 { UINT64_C(1) << 29, 19 },
                 { UINT64_C(1) << 40, 19 } };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t before = of_unit(f, 0).n[SCSI_LATENCY_FIRST + rows[i].bucket];

        run_counted(f, test_unit_ready(), rows[i].ns);
        assert_int_equal(of_unit(f, 0).n[SCSI_LATENCY_FIRST + rows[i].bucket], before + 1);
    }
}

#define TEST(f) fixture_test(f, .n_nexuses = 2, .second_unit = true)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_writes_and_others_are_counted_apart_with_their_bytes),
        TEST(what_fails_is_an_error_and_moves_no_bytes),
        TEST(a_unit_sums_up_its_sessions_and_a_session_its_units),
        TEST(what_a_session_has_done_stays_with_the_unit_when_it_has_gone),
        TEST(a_unit_that_is_taken_away_leaves_its_counts_with_the_session),
        TEST(latencies_fall_into_powers_of_two),
    };

    return RUN_TESTS(tests);
}
