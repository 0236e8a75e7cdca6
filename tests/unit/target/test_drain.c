/* SPDX-License-Identifier: MIT */
/* Draining (design section 4): who follows, who is cut, who never notices, and that nothing is inside when it
 * says finished. */
#include "drain_test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "target/internal.h"

/* ---- an initiator at work -------------------------------------------------------------------------- */

#define WORK_BLOCKS 16u /* of its own, at number * WORK_BLOCKS */

/* Writes and verifies without pause. On a logout request it logs out and in again as open-iscsi does: at the
 * same address first, where a redirection sends it on. Any error is an error. */
struct worker {
    struct rig *rig;
    pthread_t thread;
    unsigned number, target, portal;
    char home[96];
    atomic_bool stop, ended;
    atomic_uint n_rounds, n_moves;
    int r;
};

static int login_following(struct initiator *in, const char *address, const char *target)
{
    char next[96];
    int r = -EACCES;

    strcpy(next, address);
    for (int hops = 0; hops < 4 && r == -EACCES; hops++) {
        r = initiator_connect_text(in, next);
        if (r == 0)
            r = initiator_login(in, target);
        if (r == 0)
            return 0;
        initiator_close(in);
        if (r == -EACCES && in->status_class != 1)
            break;
        strcpy(next, in->moved_to);
    }
    return r;
}

static int follow(struct worker *w, struct initiator *in)
{
    int r = initiator_logout(in);

    initiator_close(in);
    if (r == 0)
        r = login_following(in, w->home, rig_target_name(w->target));
    if (r == 0)
        atomic_fetch_add(&w->n_moves, 1);
    return r < 0 ? r : initiator_clear_attentions(in, 0, NULL);
}

static int round_of(struct worker *w, struct initiator *in, uint8_t *pattern, uint8_t *back)
{
    uint64_t lba = w->number * WORK_BLOCKS;
    int r;

    memset(pattern, (int)(w->number * 31 + w->n_rounds), WORK_BLOCKS * 512);
    r = initiator_write(in, 0, lba, WORK_BLOCKS, pattern);
    if (r == 0)
        r = initiator_read(in, 0, lba, WORK_BLOCKS, back);
    if (r == 0 && memcmp(pattern, back, WORK_BLOCKS * 512) != 0)
        r = -EILSEQ;
    atomic_fetch_add(&w->n_rounds, 1);
    rig_changed(w->rig);
    return r;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    _cleanup_(freep) uint8_t *pattern = malloc(WORK_BLOCKS * 512), *back = malloc(WORK_BLOCKS * 512);
    struct initiator in;
    int r;

    initiator_init(&in, w->number);
    r = login_following(&in, w->home, rig_target_name(w->target));
    if (r == 0)
        r = initiator_clear_attentions(&in, 0, NULL);
    while (r >= 0 && !w->stop) {
        r = round_of(w, &in, pattern, back);
        if (r == 0 && in.logout_requested)
            r = follow(w, &in);
    }
    w->r = r < 0 ? r : 0;
    w->ended = true;
    rig_changed(w->rig);
    if (r >= 0)
        initiator_logout(&in);
    initiator_close(&in);
    return NULL;
}

static void worker_start(struct worker *w, struct rig *rig, unsigned number, unsigned target, unsigned portal)
{
    *w = (struct worker){ .rig = rig, .number = number, .target = target, .portal = portal, .r = -1 };
    strcpy(w->home, rig_address(rig, portal));
    assert_int_equal(pthread_create(&w->thread, NULL, work, w), 0);
}

struct rounds {
    struct worker *worker;
    unsigned goal;
};

static bool are_done(struct rig *rig, void *arg)
{
    const struct rounds *rounds = arg;

    (void)rig;
    return rounds->worker->n_rounds >= rounds->goal || rounds->worker->ended;
}

/* Until it has done n more rounds: how the tests wait for "I/O goes on". */
static void worker_wait(struct worker *w, unsigned n)
{
    struct rounds rounds = { w, w->n_rounds + n };

    rig_wait_until(w->rig, are_done, &rounds);
    assert_true(w->n_rounds >= rounds.goal);
}

static void worker_stop(struct worker *w)
{
    w->stop = true;
    pthread_join(w->thread, NULL);
    assert_int_equal(w->r, 0);
}

/* ---- the tests ------------------------------------------------------------------------------------- */

static void initiators_that_honour_the_request_follow_and_lose_no_io(void **state)
{
    enum { N = 8 };
    struct rig *rig = *state;
    struct guid target = rig_target_id(0), portal = rig_portal_id(0);
    struct engine_drain_status status;
    struct engine_drain *drain;
    struct worker workers[N];

    one_target_two_portals(rig);
    for (unsigned i = 0; i < N; i++)
        worker_start(&workers[i], rig, i, 0, 0);
    for (unsigned i = 0; i < N; i++)
        worker_wait(&workers[i], 5);
    drain = drain_start(rig, 0, 0, DRAIN_PATIENT);
    assert_int_equal(engine_drain_wait(drain, WAIT_PATIENT_MS), 0);
    engine_drain_status(drain, &status);
    assert_true(status.finished);
    assert_int_equal(status.n_start, N);
    assert_int_equal(status.n_left, 0);
    /* nobody can be in there any more */
    assert_int_equal(engine_path_remove(rig->engine, &target, &portal), 0);
    engine_drain_free(drain);
    for (unsigned i = 0; i < N; i++)
        worker_wait(&workers[i], 5);
    for (unsigned i = 0; i < N; i++) {
        worker_stop(&workers[i]);
        assert_int_equal(workers[i].n_moves, 1);
    }
}

static void those_who_left_as_asked_are_waited_for_until_they_have_been_sent_on(void **state)
{
    struct rig *rig = *state;
    struct engine_drain_status status;
    struct engine_drain *drain;
    struct initiator in, stranger;

    one_target_two_portals(rig);
    rig_login(rig, &in, 1, 0, 0);
    drain = drain_start(rig, 0, 0, DRAIN_PATIENT);
    assert_int_equal(initiator_wait_event(&in), 0);
    assert_int_equal(initiator_logout(&in), 0);
    initiator_close(&in);
    while (engine_drain_status(drain, &status), status.n_left > 0)
        ;
    assert_int_equal(rig_try_login(rig, &stranger, 2, 0, 0), -EACCES); /* redirected too, but not the one */
    initiator_close(&stranger);
    assert_int_equal(engine_drain_wait(drain, 0), -ETIMEDOUT);
    assert_int_equal(rig_try_login(rig, &in, 1, 0, 0), -EACCES);
    assert_int_equal(in.status_class, 1);
    assert_string_equal(in.moved_to, rig_address(rig, 1));
    assert_int_equal(engine_drain_wait(drain, 0), 0);
    initiator_close(&in);
    engine_drain_free(drain);
}

static void one_who_left_for_good_holds_a_drain_no_longer_than_its_limit(void **state)
{
    struct rig *rig = *state;
    struct engine_drain *drain;
    struct initiator in;

    one_target_two_portals(rig);
    rig_login(rig, &in, 1, 0, 0);
    drain = drain_start(rig, 0, 0, 300);
    assert_int_equal(initiator_wait_event(&in), 0);
    assert_int_equal(initiator_logout(&in), 0);
    initiator_close(&in);
    assert_int_equal(engine_drain_wait(drain, WAIT_PATIENT_MS), 0);
    engine_drain_free(drain);
}

static void one_who_comes_in_by_the_other_portal_is_not_waited_for(void **state)
{
    struct rig *rig = *state;
    struct engine_drain *drain;
    struct initiator in;

    one_target_two_portals(rig);
    rig_login(rig, &in, 1, 0, 0);
    drain = drain_start(rig, 0, 0, DRAIN_PATIENT);
    initiator_close(&in); /* no logout: some just reconnect */
    rig_wait_sessions(rig, 0);
    rig_login(rig, &in, 1, 0, 1);
    assert_int_equal(engine_drain_wait(drain, WAIT_PATIENT_MS), 0);
    initiator_close(&in);
    engine_drain_free(drain);
}

static void an_initiator_that_ignores_the_request_is_cut_at_the_limit(void **state)
{
    struct rig *rig = *state;
    struct engine_drain_status status;
    struct engine_drain *drain;
    struct initiator in;
    int r = 0;

    one_target_two_portals(rig);
    rig_login(rig, &in, 1, 0, 0);
    drain = drain_start(rig, 0, 0, 1200);
    assert_int_equal(engine_drain_wait(drain, 0), -ETIMEDOUT);
    while ((r = initiator_nop(&in)) == 0)
        ; /* as if nothing had been said */
    assert_int_equal(r, -ECONNRESET);
    assert_true(in.logout_requested);
    assert_int_equal(in.logout_seconds, 2); /* the limit, rounded up */
    assert_true(in.drop_announced);
    assert_int_equal(engine_drain_wait(drain, WAIT_PATIENT_MS), 0);
    engine_drain_status(drain, &status);
    assert_int_equal(status.n_start, 1);
    assert_int_equal(status.n_left, 0);
    engine_drain_free(drain);
    initiator_close(&in);
}

static void one_who_does_not_read_its_answers_cannot_hold_a_drain_up(void **state)
{
    static const uint8_t read_16[16] = { 0x88, [12] = 4 }; /* 1,024 blocks */
    struct rig *rig = *state;
    struct engine_drain *drain;
    struct initiator in;

    one_target_two_portals(rig);
    rig_login(rig, &in, 1, 0, 0);
    assert_true(initiator_clear_attentions(&in, 0, NULL) >= 0);
    for (int i = 0; i < 64; i++) /* 32 MiB: more than any socket buffer */
        assert_int_equal(initiator_send_command(&in, 0, read_16, 16, NULL, 0, 1024 * 512), 0);
    drain = drain_start(rig, 0, 0, 0);
    assert_int_equal(engine_drain_wait(drain, WAIT_PATIENT_MS), 0);
    engine_drain_free(drain);
    initiator_close(&in);
}

static void sessions_of_another_target_on_the_portal_never_notice(void **state)
{
    struct rig *rig = *state;
    struct engine_drain *drain;
    struct initiator mine;
    struct worker other;

    one_target_two_portals(rig);
    rig_target(rig, 1);
    rig_path(rig, 1, 0, 1);
    rig_lun(rig, 1, 0, 1);
    rig_login(rig, &mine, 1, 0, 0);
    worker_start(&other, rig, 2, 1, 0);
    worker_wait(&other, 3);
    drain = drain_start(rig, 0, 0, 0); /* event 2 at once */
    assert_int_equal(engine_drain_wait(drain, WAIT_PATIENT_MS), 0);
    assert_int_equal(initiator_wait_event(&mine), 0);
    assert_true(mine.drop_announced);
    assert_false(mine.logout_requested);
    worker_wait(&other, 10);
    rig_wait_count(rig, &rig->n_down, 1);
    worker_stop(&other);
    assert_int_equal(other.n_moves, 0);
    engine_drain_free(drain);
    initiator_close(&mine);
}

static void cancel_puts_everything_back(void **state)
{
    struct rig *rig = *state;
    struct engine_drain_status status;
    struct engine_drain *drain;
    struct initiator in;
    char *text;

    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    rig_lun(rig, 0, 0, 0);
    rig_login(rig, &in, 1, 0, 0);
    drain = drain_start(rig, 0, 0, DRAIN_PATIENT);
    text = rig_discover(rig, 0);
    assert_string_equal(text, "");
    free(text);
    assert_status(rig, 0, -EACCES, 3, 1);
    assert_int_equal(initiator_wait_event(&in), 0);
    assert_true(in.logout_requested);
    engine_drain_cancel(drain);
    assert_int_equal(engine_drain_wait(drain, -1), -ECANCELED);
    engine_drain_status(drain, &status);
    assert_true(status.cancelled);
    assert_int_equal(status.n_left, 1);
    engine_drain_free(drain);
    assert_true(initiator_clear_attentions(&in, 0, NULL) >= 0); /* who stayed goes on */
    text = rig_discover(rig, 0);
    assert_non_null(strstr(text, rig_record(rig, 0, 1)));
    free(text);
    assert_status(rig, 0, 0, 0, 0);
    initiator_close(&in);
}

static void a_drain_that_has_finished_can_still_be_cancelled(void **state)
{
    struct rig *rig = *state;
    struct engine_drain *drain;

    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    drain = drain_start(rig, 0, 0, DRAIN_PATIENT);
    assert_int_equal(engine_drain_wait(drain, -1), 0); /* nobody there: finished at once */
    assert_status(rig, 0, -EACCES, 3, 1);
    engine_drain_cancel(drain);
    assert_status(rig, 0, 0, 0, 0);
    engine_drain_free(drain);
    assert_status(rig, 0, 0, 0, 0);
}

static void without_cancel_the_pair_stays_out_until_it_is_removed(void **state)
{
    struct rig *rig = *state;
    struct guid target = rig_target_id(0), portal = rig_portal_id(0);
    struct engine_drain *drain;

    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    drain = drain_start(rig, 0, 0, DRAIN_PATIENT);
    engine_drain_free(drain);
    assert_status(rig, 0, -EACCES, 3, 1);
    assert_int_equal(engine_path_remove(rig->engine, &target, &portal), 0);
    assert_status(rig, 0, -EACCES, 2, 3);
    rig_path(rig, 0, 0, 2);
    assert_status(rig, 0, 0, 0, 0);
}

static void drains_that_outlive_their_engine_are_harmless(void **state)
{
    struct rig *rig = *state;
    struct engine_drain *running, *cancelled;
    struct initiator in;

    one_target_two_portals(rig);
    rig_login(rig, &in, 1, 0, 0);
    running = drain_start(rig, 0, 0, DRAIN_PATIENT);
    cancelled = drain_start(rig, 0, 1, DRAIN_PATIENT);
    engine_drain_cancel(cancelled);
    engine_destroy(TAKE_PTR(rig->engine));
    assert_int_equal(engine_drain_wait(running, -1), -ECANCELED);
    engine_drain_cancel(running);
    engine_drain_free(running);
    engine_drain_free(cancelled);
    initiator_close(&in);
}

static void new_logins_are_sent_to_a_portal_of_the_same_group_if_there_is_one(void **state)
{
    struct rig *rig = *state;
    struct engine_drain *first, *second;
    struct initiator in;

    rig_portal(rig, 0);
    rig_portal(rig, 1);
    rig_portal_v6(rig, 2);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    rig_path(rig, 0, 1, 2); /* another group: no place to send anyone */
    rig_path(rig, 0, 2, 1);
    first = drain_start(rig, 0, 0, DRAIN_PATIENT);
    assert_int_equal(rig_try_login(rig, &in, 1, 0, 0), -EACCES);
    assert_int_equal(in.status_class, 1);
    assert_int_equal(in.status_detail, 1);
    assert_string_equal(in.moved_to, rig_address(rig, 2));
    initiator_close(&in);
    second = drain_start(rig, 0, 2, DRAIN_PATIENT);
    assert_status(rig, 0, -EACCES, 3, 1);
    engine_drain_cancel(second);
    rig_portal_close(rig, 2);
    assert_status(rig, 0, -EACCES, 3, 1); /* a twin that does not listen is none */
    engine_drain_free(first);
    engine_drain_free(second);
}

static void a_connection_still_in_login_counts_and_is_dropped_at_the_start(void **state)
{
    struct rig *rig = *state;
    struct engine_drain_status status;
    struct engine_drain *drain;
    struct initiator in;

    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    initiator_init(&in, 1);
    assert_int_equal(initiator_connect_text(&in, rig_address(rig, 0)), 0);
    assert_int_equal(initiator_login_begin(&in, rig_target_name(0)), 0);
    drain = drain_start(rig, 0, 0, DRAIN_PATIENT);
    assert_int_equal(engine_drain_wait(drain, WAIT_PATIENT_MS), 0);
    engine_drain_status(drain, &status);
    assert_int_equal(status.n_start, 1);
    assert_int_equal(initiator_wait_event(&in), -ECONNRESET);
    engine_drain_free(drain);
    initiator_close(&in);
}

static void a_whole_portal_or_a_whole_target_can_be_drained(void **state)
{
    struct rig *rig = *state;
    struct guid target = rig_target_id(1), portal = rig_portal_id(1), nobody = rig_portal_id(9);
    struct engine_drain_status status;
    struct engine_drain *drain, *none;
    struct initiator a, b, c;

    rig_portal(rig, 0);
    rig_portal(rig, 1);
    rig_target(rig, 0);
    rig_target(rig, 1);
    rig_path(rig, 0, 0, 1);
    rig_path(rig, 1, 0, 1);
    rig_path(rig, 1, 1, 1);
    rig_login(rig, &a, 1, 0, 0);
    rig_login(rig, &b, 2, 1, 0);
    rig_login(rig, &c, 3, 1, 1);
    drain = drain_start(rig, -1, 0, DRAIN_PATIENT);
    engine_drain_status(drain, &status);
    assert_int_equal(status.n_start, 2);
    assert_int_equal(engine_drain_start(rig->engine, &target, NULL, 0, 0, &none), -EBUSY);
    assert_int_equal(engine_drain_start(rig->engine, NULL, NULL, 0, 0, &none), -EINVAL);
    assert_int_equal(engine_drain_start(rig->engine, NULL, &nobody, 1, 0, &none), -ENOENT);
    assert_int_equal(engine_drain_start(rig->engine, &target, &nobody, 1, 0, &none), -ENOENT);
    assert_int_equal(initiator_nop(&c), 0);
    assert_false(c.logout_requested);
    assert_int_equal(initiator_logout(&a), 0);
    while (engine_drain_status(drain, &status), status.n_left != 1)
        ; /* the count falls by itself */
    engine_drain_cancel(drain);
    engine_drain_free(drain);
    drain = drain_start(rig, 1, -1, 0);
    assert_int_equal(engine_drain_wait(drain, WAIT_PATIENT_MS), 0);
    engine_drain_status(drain, &status);
    assert_int_equal(status.n_start, 2);
    assert_int_equal(engine_path_remove(rig->engine, &target, &portal), 0);
    assert_int_equal(engine_target_destroy(rig->engine, &target), 0); /* the drain forgets its pairs */
    engine_drain_cancel(drain);
    engine_drain_free(drain);
    initiator_close(&a);
    initiator_close(&b);
    initiator_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(initiators_that_honour_the_request_follow_and_lose_no_io),
        rig_test(those_who_left_as_asked_are_waited_for_until_they_have_been_sent_on),
        rig_test(one_who_left_for_good_holds_a_drain_no_longer_than_its_limit),
        rig_test(one_who_comes_in_by_the_other_portal_is_not_waited_for),
        rig_test(an_initiator_that_ignores_the_request_is_cut_at_the_limit),
        rig_test(one_who_does_not_read_its_answers_cannot_hold_a_drain_up),
        rig_test(sessions_of_another_target_on_the_portal_never_notice),
        rig_test(cancel_puts_everything_back),
        rig_test(a_drain_that_has_finished_can_still_be_cancelled),
        rig_test(without_cancel_the_pair_stays_out_until_it_is_removed),
        rig_test(drains_that_outlive_their_engine_are_harmless),
        rig_test(new_logins_are_sent_to_a_portal_of_the_same_group_if_there_is_one),
        rig_test(a_connection_still_in_login_counts_and_is_dropped_at_the_start),
        rig_test(a_whole_portal_or_a_whole_target_can_be_drained),
    };

    return RUN_TESTS(tests);
}
