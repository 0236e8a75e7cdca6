/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <errno.h>
#include <pthread.h>

static struct command verify(uint8_t op, uint8_t bytchk, uint32_t lba, uint32_t n, const void *data,
                             uint32_t len)
{
    return with_data(block_command(op, (uint8_t)(bytchk << 1), lba, n), data, len);
}

static const uint8_t verifies[] = { 0x2f, 0xaf, 0x8f }, write_verifies[] = { 0x2e, 0xae, 0x8e };

/* ---- VERIFY ------------------------------------------------------------------------------------------- */

static void verify_compares_all_blocks_or_one_or_only_reads(void **state)
{
    struct fixture *f = *state;
    const uint8_t *data = pattern(1024, 1);
    static uint8_t twice[1024];

    assert_good(exec(f, write10(0, 2, data)));
    memcpy(twice, data, 512);
    memcpy(twice + 512, data, 512);
    assert_good(exec(f, write10(4, 2, twice)));
    for (unsigned i = 0; i < ARRAY_SIZE(verifies); i++) {
        assert_good(exec(f, verify(verifies[i], 0, 0, 2, NULL, 0)));
        assert_good(exec(f, verify(verifies[i], 1, 0, 2, data, 1024)));
        assert_good(exec(f, verify(verifies[i], 3, 4, 2, data, 512)));
        assert_sense(exec(f, verify(verifies[i], 3, 0, 2, data, 512)), KEY_MISCOMPARE, 0x1d00);
        assert_cdb_field(exec(f, verify(verifies[i], 2, 0, 2, data, 512)), 1);
        assert_good(exec(f, verify(verifies[i], 1, 0, 0, NULL, 0)));
        assert_sense(exec(f, verify(verifies[i], 0, 2047, 2, NULL, 0)), KEY_ILLEGAL_REQUEST, 0x2100);
    }
}

static void a_miscompare_names_the_block(void **state)
{
    struct fixture *f = *state;
    static uint8_t data[1024];
    struct outcome o;

    memcpy(data, pattern(1024, 1), 1024);
    assert_good(exec(f, write10(100, 2, data)));
    data[700] ^= 1;
    o = exec(f, verify(0x2f, 1, 100, 2, data, 1024));
    assert_sense(o, KEY_MISCOMPARE, 0x1d00);
    assert_int_equal(o.sense[0], 0xf0); /* INFORMATION is valid */
    assert_int_equal(be32_get(o.sense + 3), 101);
}

static void a_long_verify_runs_in_pieces(void **state)
{
    struct fixture *f = *state;
    static uint8_t data[1 << 20];

    memcpy(data, pattern(sizeof data, 3), sizeof data);
    assert_good(exec(f, write16(0, 2048, data)));
    f->hold = true;
    f->n_requests = 0;
    assert_good(exec(f, verify(0x8f, 1, 0, 2048, data, sizeof data)));
    assert_int_equal(f->n_requests, 4);
    data[sizeof data - 1] ^= 1;
    assert_sense(exec(f, verify(0x8f, 1, 0, 2048, data, sizeof data)), KEY_MISCOMPARE, 0x1d00);
}

static void verify_reports_what_cannot_be_read(void **state)
{
    struct fixture *f = *state;

    f->fail_with = -EIO;
    assert_sense(exec(f, verify(0x2f, 0, 0, 1, NULL, 0)), KEY_MEDIUM_ERROR, 0x1100);
}

static void write_and_verify_writes_through_and_reads_back(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < ARRAY_SIZE(write_verifies); i++) {
        const uint8_t *data = pattern(1024, (uint8_t)i);

        f->n_fua = f->n_requests = 0;
        assert_good(exec(f, verify(write_verifies[i], i & 1, 10, 2, data, 1024)));
        assert_int_equal(f->n_fua, 1);
        assert_int_equal(f->n_requests, 2);
        assert_memory_equal(exec(f, read10(10, 2)).data, data, 1024);
        assert_cdb_field(exec(f, verify(write_verifies[i], 3, 10, 2, data, 1024)), 1);
        assert_good(exec(f, verify(write_verifies[i], 0, 10, 0, NULL, 0)));
    }
}

/* ---- COMPARE AND WRITE -------------------------------------------------------------------------------- */

static struct command compare_and_write(uint64_t lba, uint8_t n, const void *both)
{
    struct command c = { .cdb = { 0x89 } };

    be64_put(c.cdb + 2, lba);
    c.cdb[13] = n;
    return with_data(c, both, n * 1024u);
}

static const uint8_t *both(const uint8_t *old, const uint8_t *new, uint32_t len)
{
    static _Thread_local uint8_t bytes[255 * 1024];

    memcpy(bytes, old, len);
    memcpy(bytes + len, new, len);
    return bytes;
}

static void compare_and_write_writes_when_equal(void **state)
{
    struct fixture *f = *state;
    const uint8_t *old = pattern(1024, 1), *new = pattern(1024, 50);

    assert_good(exec(f, write10(7, 2, old)));
    assert_good(exec(f, compare_and_write(7, 2, both(old, new, 1024))));
    assert_memory_equal(exec(f, read10(7, 2)).data, new, 1024);
}

static void a_mismatch_writes_nothing_and_tells_the_offset(void **state)
{
    struct fixture *f = *state;
    const uint8_t *old = pattern(1024, 1), *new = pattern(1024, 50);
    static uint8_t wrong[1024];
    struct outcome o;

    memcpy(wrong, old, 1024);
    wrong[777] ^= 0xff;
    assert_good(exec(f, write10(7, 2, old)));
    f->n_writes = 0;
    o = exec(f, compare_and_write(7, 2, both(wrong, new, 1024)));
    assert_sense(o, KEY_MISCOMPARE, 0x1d00);
    assert_int_equal(o.sense[0] & 0x80, 0x80);
    assert_int_equal(be32_get(o.sense + 3), 777);
    assert_int_equal(f->n_writes, 0);
}

static void compare_and_write_holds_its_limits(void **state)
{
    struct fixture *f = *state;
    struct command c = compare_and_write(0, 0, NULL);

    assert_good(exec(f, c));
    c.expected_len = 512; /* nothing to be exact about */
    assert_good(exec(f, c));
    c.expected_len = 256 * 1024; /* 256 blocks, which the one byte cannot say */
    assert_cdb_field(exec(f, c), 13);
    assert_good(exec(f, write10(0, 255, pattern(255 * 512, 0))));
    assert_good(
        exec(f, compare_and_write(0, 255, both(pattern(255 * 512, 0), pattern(255 * 512, 1), 255 * 512))));
    assert_sense(exec(f, compare_and_write(2047, 2, both(pattern(1024, 0), pattern(1024, 0), 1024))),
                 KEY_ILLEGAL_REQUEST, 0x2100);
}

static void compare_and_write_wants_exactly_its_data(void **state)
{
    struct fixture *f = *state;
    const uint8_t *data = both(pattern(1024, 1), pattern(1024, 1), 1024);
    struct command c = compare_and_write(0, 1, data);

    c.out_len = 2048;
    assert_sense(exec(f, c), KEY_ILLEGAL_REQUEST, 0x0e03);
    c.out_len = 512;
    assert_sense(exec(f, c), KEY_ILLEGAL_REQUEST, 0x0e03);
}

static void fua_of_compare_and_write_reaches_the_write(void **state)
{
    struct fixture *f = *state;
    static const uint8_t zeros[512];

    assert_good(exec(f, with_byte(compare_and_write(0, 1, both(zeros, zeros, 512)), 1, 0x08)));
    assert_int_equal(f->n_fua, 1);
}

/* ---- ORWRITE ------------------------------------------------------------------------------------------ */

static void orwrite_sets_bits(void **state)
{
    struct fixture *f = *state;
    static uint8_t a[1024], b[1024], want[1024];

    for (unsigned i = 0; i < sizeof a; i++) {
        a[i] = (uint8_t)i;
        b[i] = (uint8_t)(i * 37);
        want[i] = a[i] | b[i];
    }
    assert_good(exec(f, write10(5, 2, a)));
    assert_good(exec(f, with_data(block_command(0x8b, 0, 5, 2), b, 1024)));
    assert_memory_equal(exec(f, read10(5, 2)).data, want, 1024);
    assert_good(exec(f, block_command(0x8b, 0, 5, 0)));
    assert_cdb_field(exec(f, with_data(block_command(0x8b, 0x20, 5, 2), b, 1024)), 1);
    assert_sense(exec(f, with_data(block_command(0x8b, 0, 2047, 2), b, 1024)), KEY_ILLEGAL_REQUEST, 0x2100);
}

/* ---- the gate ----------------------------------------------------------------------------------------- */

static void a_write_waits_for_the_compare_and_write_before_it(void **state)
{
    struct fixture *f = *state;
    static const uint8_t zeros[512];
    const uint8_t *one = pattern(512, 1), *two = pattern(512, 2);
    struct running *caw, *w;

    f->hold = true;
    caw = start(f, compare_and_write(0, 1, both(zeros, one, 512)));
    w = start(f, on_nexus(write10(0, 1, two), 1));
    assert_int_equal(f->n_requests, 1); /* the read of the one; the other has not begun */
    assert_int_equal(fixture_release(f), 1);
    assert_int_equal(f->n_requests, 2);
    assert_false(w->done);
    fixture_drain(f);
    assert_good(running_end(caw));
    assert_good(running_end(w));
    f->hold = false;
    assert_memory_equal(exec(f, read10(0, 1)).data, two, 512);
}

static void a_compare_and_write_waits_for_the_write_before_it(void **state)
{
    struct fixture *f = *state;
    const uint8_t *one = pattern(512, 1), *two = pattern(512, 2);
    struct running *caw, *w, *later;

    f->hold = true;
    w = start(f, on_nexus(write10(0, 1, one), 1));
    caw = start(f, compare_and_write(0, 1, both(one, two, 512)));
    later = start(f, on_nexus(write10(8, 1, one), 1)); /* the claim keeps new writers out: no starving */
    assert_int_equal(f->n_requests, 1);
    fixture_drain(f);
    assert_good(running_end(w));
    assert_good(running_end(caw)); /* it saw what the write wrote */
    assert_good(running_end(later));
    f->hold = false;
    assert_memory_equal(exec(f, read10(0, 1)).data, two, 512);
}

static void writes_elsewhere_do_not_wait(void **state)
{
    struct fixture f;
    static const uint8_t zeros[512];
    struct running *caw, *w;

    (void)state;
    fixture_open(&f, (struct fixture_options){ .n_nexuses = 2, .n_blocks = 8192 });
    f.hold = true;
    caw = start(&f, compare_and_write(0, 1, both(zeros, zeros, 512)));
    w = start(&f, on_nexus(write10(4096, 1, zeros), 1)); /* 2 MiB further */
    assert_int_equal(f.n_requests, 2);
    fixture_drain(&f);
    assert_good(running_end(caw));
    assert_good(running_end(w));
    fixture_close(&f);
}

static void a_mismatch_lets_the_waiting_go_on(void **state)
{
    struct fixture *f = *state;
    const uint8_t *one = pattern(512, 1);
    struct running *caw, *w;

    f->hold = true;
    caw = start(f, compare_and_write(0, 1, both(one, one, 512)));
    w = start(f, on_nexus(write10(0, 1, one), 1));
    fixture_drain(f);
    assert_sense(running_end(caw), KEY_MISCOMPARE, 0x1d00);
    assert_good(running_end(w));
}

static void an_aborted_waiter_ends_without_touching_the_store(void **state)
{
    struct fixture *f = *state;
    static const uint8_t zeros[512];
    struct running *caw, *w;

    f->hold = true;
    caw = start(f, compare_and_write(0, 1, both(zeros, zeros, 512)));
    w = start(f, on_nexus(write10(0, 1, zeros), 1));
    scsi_task_abort(&w->task);
    fixture_drain(f);
    assert_good(running_end(caw));
    assert_true(running_end(w).aborted);
    assert_int_equal(f->n_writes, 1);
}

static void without_a_kick_the_one_that_would_wait_is_told_busy(void **state)
{
    struct fixture f;
    static const uint8_t zeros[512];
    struct running *caw, *w;

    (void)state;
    fixture_open(&f, (struct fixture_options){ .n_nexuses = 2, .no_kick = true });
    f.hold = true;
    caw = start(&f, compare_and_write(0, 1, both(zeros, zeros, 512)));
    w = start(&f, on_nexus(write10(0, 1, zeros), 1));
    assert_true(w->done);
    assert_status(running_end(w), SCSI_BUSY);
    fixture_drain(&f);
    assert_good(running_end(caw));
    w = start(&f, on_nexus(write10(0, 1, zeros), 1));
    caw = start(&f, compare_and_write(0, 1, both(zeros, zeros, 512)));
    assert_status(running_end(caw), SCSI_BUSY);
    fixture_drain(&f);
    assert_good(running_end(w));
    f.hold = false;
    assert_good(exec(&f, write10(0, 1, zeros))); /* the claim was given back */
    fixture_close(&f);
}

/* ---- with threads ------------------------------------------------------------------------------------- */

#define N_THREADS 4
#define N_TURNS   400

struct worker {
    struct fixture *f;
    unsigned nexus;
    unsigned n_won, n_lost;
    pthread_t thread;
};

/* Runs one command on this thread's own nexus; only its own kicks and held requests are looked at. */
static struct outcome exec_here(struct worker *w, struct command c)
{
    struct running *r = start(w->f, on_nexus(c, w->nexus));

    while (!r->done) {
        fixture_release(w->f);
        if (atomic_exchange(&w->f->nexus[w->nexus].n_kicks, 0))
            scsi_view_run(w->f->nexus[w->nexus].view);
    }
    return running_end(r);
}

/* Adds one to a counter on the disk by COMPARE AND WRITE, until it has done so often enough. */
static void *count_up(void *arg)
{
    struct worker *w = arg;
    uint8_t old[512], new[512];

    memset(old, 0, sizeof old);
    while (w->n_won < N_TURNS) {
        struct outcome o;

        memcpy(new, old, sizeof new);
        be64_put(new, be64_get(old) + 1);
        o = exec_here(w, compare_and_write(0, 1, both(old, new, 512)));
        if (o.status == SCSI_GOOD)
            w->n_won++;
        else
            w->n_lost++;
        memcpy(old, exec_here(w, read10(0, 1)).data, 512);
    }
    fixture_thread_end();
    return NULL;
}

/* ORWRITE and plain writes to the next block go on at the same time: nobody may hang. */
static void *disturb(void *arg)
{
    struct worker *w = arg;
    uint8_t data[512];

    memset(data, 0x11, sizeof data);
    for (unsigned i = 0; i < N_TURNS; i++) {
        exec_here(w, write10(1, 1, data));
        exec_here(w, with_data(block_command(0x8b, 0, 1, 1), data, 512));
        w->n_won++;
    }
    fixture_thread_end();
    return NULL;
}

static void run_workers(struct fixture *f, struct worker *workers)
{
    for (unsigned i = 0; i < N_THREADS; i++) {
        workers[i] = (struct worker){ .f = f, .nexus = i };
        assert_int_equal(
            pthread_create(&workers[i].thread, NULL, i < N_THREADS - 1 ? count_up : disturb, &workers[i]), 0);
    }
    for (unsigned i = 0; i < N_THREADS; i++)
        pthread_join(workers[i].thread, NULL);
}

static void a_counter_kept_by_compare_and_write_on_many_threads_loses_nothing(void **state)
{
    struct worker workers[N_THREADS];
    struct fixture f;

    (void)state;
    for (unsigned held = 0; held < 2; held++) {
        fixture_open(&f, (struct fixture_options){ .n_nexuses = N_THREADS });
        f.hold = held;
        run_workers(&f, workers);
        f.hold = false;
        assert_int_equal(be64_get(exec(&f, read10(0, 1)).data), (N_THREADS - 1) * N_TURNS);
        fixture_close(&f);
    }
}

int main(void)
{
#define T(name) fixture_test(name, .n_nexuses = 2)
    const struct CMUnitTest tests[] = {
        T(verify_compares_all_blocks_or_one_or_only_reads),
        T(a_miscompare_names_the_block),
        T(a_long_verify_runs_in_pieces),
        T(verify_reports_what_cannot_be_read),
        T(write_and_verify_writes_through_and_reads_back),
        T(compare_and_write_writes_when_equal),
        T(a_mismatch_writes_nothing_and_tells_the_offset),
        T(compare_and_write_holds_its_limits),
        T(compare_and_write_wants_exactly_its_data),
        T(fua_of_compare_and_write_reaches_the_write),
        T(orwrite_sets_bits),
        T(a_write_waits_for_the_compare_and_write_before_it),
        T(a_compare_and_write_waits_for_the_write_before_it),
        cmocka_unit_test(writes_elsewhere_do_not_wait),
        T(a_mismatch_lets_the_waiting_go_on),
        T(an_aborted_waiter_ends_without_touching_the_store),
        cmocka_unit_test(without_a_kick_the_one_that_would_wait_is_told_busy),
        cmocka_unit_test(a_counter_kept_by_compare_and_write_on_many_threads_loses_nothing),
    };

    return RUN_TESTS(tests);
}
