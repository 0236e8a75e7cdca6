/* SPDX-License-Identifier: MIT */
/* That nothing is inside when a drain says finished, whatever races with it, and that pairs may change
 * then. */
#include "drain_test.h"

#include <pthread.h>
#include <string.h>

#include "target/internal.h"

/* ---- groups that change ---------------------------------------------------------------------------- */

static void pairs_that_are_drained_together_are_no_place_for_each_others_initiators(void **state)
{
    struct rig *rig = *state;
    /* twice: no harm */
    struct guid target = rig_target_id(0),
                leaving[3] = { rig_portal_id(0), rig_portal_id(1), rig_portal_id(0) };
    struct engine_drain_status status;
    struct engine_drain *drain;
    struct initiator in;

    one_target_two_portals(rig);
    rig_portal_v6(rig, 2);
    rig_login(rig, &in, 1, 0, 0);
    assert_int_equal(engine_drain_start(rig->engine, &target, leaving, 3, DRAIN_PATIENT, &drain), 0);
    engine_drain_status(drain, &status);
    assert_int_equal(status.n_start, 1);
    assert_status(rig, 0, -EACCES, 3, 1);
    assert_status(rig, 1, -EACCES, 3, 1);
    rig_path(rig, 0, 2, 1);
    assert_status(rig, 0, -EACCES, 1, 1);
    engine_drain_cancel(drain);
    engine_drain_free(drain);
    assert_status(rig, 0, 0, 0, 0);
    initiator_close(&in);
}

static void a_pair_changes_its_tag_when_its_connections_have_gone(void **state)
{
    struct rig *rig = *state;
    struct guid target = rig_target_id(0), portal = rig_portal_id(0), nobody = rig_portal_id(9);
    struct engine_drain *drain;
    struct initiator in;

    one_target_two_portals(rig);
    rig_login(rig, &in, 1, 0, 0);
    assert_int_equal(engine_path_retag(rig->engine, &target, &portal, 0), -EINVAL);
    assert_int_equal(engine_path_retag(rig->engine, &target, &nobody, 2), -ENOENT);
    assert_int_equal(engine_path_retag(rig->engine, &nobody, &portal, 2), -ENOENT);
    assert_int_equal(engine_path_retag(rig->engine, &target, &portal, 2), -EBUSY);
    drain = drain_start(rig, 0, 0, 0);
    assert_int_equal(engine_drain_wait(drain, WAIT_PATIENT_MS), 0);
    assert_int_equal(engine_path_retag(rig->engine, &target, &portal, 2), 0);
    engine_drain_cancel(drain); /* it has nothing to do with the pair any more */
    engine_drain_free(drain);
    initiator_close(&in);
    rig_login(rig, &in, 1, 0, 0);
    assert_int_equal(in.tag, 2);
    initiator_close(&in);
}

/* ---- a request that the store holds ---------------------------------------------------------------- */

static void the_count_falls_only_when_the_last_store_request_is_back(void **state)
{
    struct rig *rig = *state;
    struct guid target = rig_target_id(0), lu = rig_lu_id(0);
    static const uint8_t write_16[16] = { 0x8a, [13] = 1 };
    uint8_t block[512] = { 1 };
    struct engine_drain_status status;
    struct engine_drain *drain;
    struct store *fault;
    struct initiator in;

    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    fault = rig_lu_that_holds(rig, 0);
    assert_int_equal(engine_lu_set_mask(rig->engine, &lu, true, NULL, 0), 0);
    assert_int_equal(engine_lun_map(rig->engine, &target, 0, &lu), 0);
    rig_login(rig, &in, 1, 0, 0);
    assert_true(initiator_clear_attentions(&in, 0, NULL) >= 0);
    rig->hold = 1;
    assert_int_equal(initiator_send_command(&in, 0, write_16, 16, block, 512, 0), 0);
    assert_int_equal(initiator_nop(&in), 0); /* the write is in the store now: PDUs are taken in order */
    drain = drain_start(rig, 0, 0, 0);
    assert_int_equal(initiator_wait_event(&in), 0);
    assert_int_equal(initiator_wait_event(&in), -ECONNRESET);
    initiator_close(&in);
    rig_wait_sessions(rig, 0);
    assert_int_equal(engine_drain_wait(drain, 0), -ETIMEDOUT);
    engine_drain_status(drain, &status);
    assert_int_equal(status.n_left, 1);
    rig_let_go(rig, fault);
    assert_int_equal(engine_drain_wait(drain, WAIT_PATIENT_MS), 0);
    engine_drain_free(drain);
    store_unref(fault);
}

/* ---- the race -------------------------------------------------------------------------------------- */

struct race {
    struct rig *rig;
    atomic_bool stop;
    atomic_uint epoch; /* odd: a drain has finished and is not cancelled yet */
    atomic_uint n_in, n_refused, n_wrong;
    char address[96];
};

static void race_once(struct race *race, struct initiator *in)
{
    unsigned epoch = race->epoch;
    int r = initiator_connect_text(in, race->address);

    if (r == 0)
        r = initiator_login(in, rig_target_name(0));
    if (r == 0)
        r = initiator_nop(in); /* inside and alive */
    if (r == 0 && epoch % 2 && race->epoch == epoch)
        atomic_fetch_add(&race->n_wrong, 1);
    atomic_fetch_add(r == 0 ? &race->n_in : &race->n_refused, 1);
    if (r == 0 && race->n_in % 2)
        initiator_logout(in);
    initiator_close(in);
}

static void *race_thread(void *arg)
{
    static atomic_uint next = 1000;
    struct race *race = arg;
    struct initiator in;
    unsigned number = next++;

    while (!race->stop) {
        initiator_init(&in, number);
        race_once(race, &in);
    }
    return NULL;
}

static void a_login_that_races_with_a_drain_is_never_inside_when_it_has_finished(void **state)
{
    enum { N = 8, ROUNDS = 60 };
    struct rig *rig = *state;
    struct race race = { .rig = rig };
    pthread_t threads[N];

    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    strcpy(race.address, rig_address(rig, 0));
    for (int i = 0; i < N; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race_thread, &race), 0);
    for (int i = 0; i < ROUNDS; i++) {
        struct engine_drain *drain = drain_start(rig, 0, 0, i % 3 ? 0 : 2);
        struct engine_drain_status status;
        unsigned wanted = race.n_in + N / 2;

        assert_int_equal(engine_drain_wait(drain, WAIT_PATIENT_MS), 0);
        race.epoch++;
        engine_drain_status(drain, &status);
        assert_int_equal(status.n_left, 0);
        assert_int_equal(rig_n_sessions(rig), 0);
        race.epoch++;
        engine_drain_cancel(drain);
        engine_drain_free(drain);
        while (race.n_in < wanted && i % 2)
            sched_yield(); /* let some in again, every other time */
    }
    race.stop = true;
    for (int i = 0; i < N; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(race.n_wrong, 0);
    assert_true(race.n_in > 0);
    assert_true(race.n_refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(pairs_that_are_drained_together_are_no_place_for_each_others_initiators),
        rig_test(a_pair_changes_its_tag_when_its_connections_have_gone),
        rig_test(the_count_falls_only_when_the_last_store_request_is_back),
        rig_test(a_login_that_races_with_a_drain_is_never_inside_when_it_has_finished),
    };

    return RUN_TESTS(tests);
}
