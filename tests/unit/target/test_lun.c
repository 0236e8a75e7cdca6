/* SPDX-License-Identifier: MIT */
/* LUN maps and masks under live sessions. */
#include "rig.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ASC_REPORTED_LUNS_CHANGED 0x3f0e /* SPC-4 */
#define ASC_LUN_NOT_SUPPORTED     0x2500

static void two_luns(struct rig *rig)
{
    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    rig_lun(rig, 0, 0, 0);
    rig_lun(rig, 0, 3, 1);
}

static uint64_t luns_of(struct initiator *in)
{
    uint64_t luns = 0;

    assert_int_equal(initiator_report_luns(in, &luns), 0);
    return luns;
}

static void memory_unit(struct rig *rig, unsigned lu)
{
    struct store *store;

    assert_int_equal(store_memory_open(RIG_LU_BYTES, &store), 0);
    rig_lu_over(rig, lu, store);
    store_unref(store);
}

static void a_unit_mapped_under_a_live_session_is_announced_and_usable(void **state)
{
    struct rig *rig = *state;
    struct initiator in;
    uint8_t block[512] = { 7 }, back[512];
    uint16_t asc = 0;

    two_luns(rig);
    rig_login(rig, &in, 1, 0, 0);
    assert_int_equal(luns_of(&in), 1 << 0 | 1 << 3);
    assert_true(initiator_clear_attentions(&in, 0, NULL) >= 0);
    rig_lun(rig, 0, 7, 2);
    assert_int_equal(initiator_clear_attentions(&in, 0, &asc), 1); /* visible when the call returned */
    assert_int_equal(asc, ASC_REPORTED_LUNS_CHANGED);
    assert_int_equal(luns_of(&in), 1 << 0 | 1 << 3 | 1 << 7);
    assert_true(initiator_clear_attentions(&in, 7, NULL) >= 0);
    assert_int_equal(initiator_write(&in, 7, 5, 1, block), 0);
    assert_int_equal(initiator_read(&in, 7, 5, 1, back), 0);
    assert_memory_equal(block, back, 512);
    initiator_close(&in);
}

/* Reads are sent out of the pages of a file in tmpfs. Who cuts it from outside ends the connection that was
 * being sent to, and the next one is told. */
static void a_file_cut_from_outside_ends_a_connection_once_and_then_is_a_medium_error(void **state)
{
    struct rig *rig = *state;
    struct guid target = rig_target_id(0), lu = rig_lu_id(5);
    uint8_t blocks[4096] = { 9 }, back[4096];
    struct store *store;
    struct initiator in;
    char path[64];

    snprintf(path, sizeof path, "/dev/shm/vds-lun-%d", (int)getpid());
    unlink(path); /* of one that was killed, and had this number */
    assert_int_equal(store_file_create(path, RIG_LU_BYTES, false, NULL, NULL), 0);
    assert_int_equal(store_file_open(path, false, &store), 0);
    two_luns(rig);
    rig_lu_over(rig, 5, store);
    store_unref(store);
    assert_int_equal(engine_lu_set_mask(rig->engine, &lu, true, NULL, 0), 0);
    assert_int_equal(engine_lun_map(rig->engine, &target, 5, &lu), 0);
    rig_login(rig, &in, 1, 0, 0);
    assert_true(initiator_clear_attentions(&in, 5, NULL) >= 0);
    assert_int_equal(initiator_write(&in, 5, 8, 8, blocks), 0);
    assert_int_equal(initiator_read(&in, 5, 8, 8, back), 0);
    assert_memory_equal(blocks, back, sizeof back);
    assert_int_equal(truncate(path, 4096), 0);
    assert_true(initiator_read(&in, 5, 8, 8, back) < 0);
    initiator_close(&in);
    rig_login(rig, &in, 1, 0, 0);
    assert_true(initiator_clear_attentions(&in, 5, NULL) >= 0);
    assert_int_equal(initiator_read(&in, 5, 8, 8, back), -EIO); /* a status, and the connection goes on */
    assert_int_equal(initiator_read(&in, 5, 0, 8, back), 0);
    initiator_close(&in);
    unlink(path);
}

static void an_unmapped_unit_is_announced_and_answers_no_more(void **state)
{
    struct rig *rig = *state;
    struct guid target = rig_target_id(0), lu = rig_lu_id(1);
    static const uint8_t test_unit_ready[6];
    struct initiator_result result;
    struct initiator in;
    uint16_t asc = 0;

    two_luns(rig);
    rig_login(rig, &in, 1, 0, 0);
    assert_true(initiator_clear_attentions(&in, 0, NULL) >= 0);
    assert_int_equal(engine_lu_remove(rig->engine, &lu), -EBUSY);
    assert_int_equal(engine_lun_unmap(rig->engine, &target, &lu), 0);
    assert_int_equal(initiator_command(&in, 3, test_unit_ready, 6, NULL, 0, NULL, 0, &result), 0);
    assert_int_equal(result.status, 2);
    assert_int_equal(result.asc, ASC_LUN_NOT_SUPPORTED);
    assert_int_equal(initiator_clear_attentions(&in, 0, &asc), 1);
    assert_int_equal(asc, ASC_REPORTED_LUNS_CHANGED);
    assert_int_equal(luns_of(&in), 1 << 0);
    assert_int_equal(engine_lun_unmap(rig->engine, &target, &lu), -ENOENT);
    assert_int_equal(engine_lu_remove(rig->engine, &lu), 0);
    assert_int_equal(engine_lu_remove(rig->engine, &lu), -ENOENT);
    initiator_close(&in);
}

static void a_new_unit_is_masked_from_everyone_until_it_is_allowed(void **state)
{
    struct rig *rig = *state;
    struct guid target = rig_target_id(0), lu = rig_lu_id(5);
    const char *const allowed[] = { "iqn.2024-01.test:somebody", "IQN.2024-01.test:initiator.1" };
    struct initiator one, two;

    two_luns(rig);
    rig_login(rig, &one, 1, 0, 0);
    rig_login(rig, &two, 2, 0, 0);
    memory_unit(rig, 5);
    assert_int_equal(engine_lun_map(rig->engine, &target, 9, &lu), 0);
    assert_int_equal(luns_of(&one), 1 << 0 | 1 << 3);
    assert_int_equal(engine_lu_set_mask(rig->engine, &lu, false, allowed, 2), 0);
    assert_int_equal(luns_of(&one), 1 << 0 | 1 << 3 | 1 << 9); /* names compare without case */
    assert_int_equal(luns_of(&two), 1 << 0 | 1 << 3);
    assert_int_equal(engine_lu_set_mask(rig->engine, &lu, true, NULL, 0), 0);
    assert_int_equal(luns_of(&two), 1 << 0 | 1 << 3 | 1 << 9);
    assert_int_equal(engine_lu_set_mask(rig->engine, &lu, false, allowed, 1), 0);
    assert_int_equal(luns_of(&one), 1 << 0 | 1 << 3);
    assert_int_equal(luns_of(&two), 1 << 0 | 1 << 3);
    initiator_close(&two);
    rig_login(rig, &two, 2, 0, 0); /* a new session sees the same */
    assert_int_equal(luns_of(&two), 1 << 0 | 1 << 3);
    initiator_close(&one);
    initiator_close(&two);
}

static void what_cannot_be_mapped_is_refused(void **state)
{
    struct rig *rig = *state;
    struct guid target = rig_target_id(0), lu = rig_lu_id(0), other = rig_lu_id(5), nobody = rig_lu_id(60);

    two_luns(rig);
    memory_unit(rig, 5);
    assert_int_equal(engine_lun_map(rig->engine, &target, 0, &other), -EEXIST); /* the number */
    assert_int_equal(engine_lun_map(rig->engine, &target, 1, &lu), -EEXIST);    /* the unit */
    assert_int_equal(engine_lun_map(rig->engine, &target, SCSI_LUN_MAX + 1, &other), -EINVAL);
    assert_int_equal(engine_lun_map(rig->engine, &target, 1, &nobody), -ENOENT);
    assert_int_equal(engine_lun_map(rig->engine, &nobody, 1, &other), -ENOENT);
    assert_int_equal(engine_lu_set_mask(rig->engine, &nobody, true, NULL, 0), -ENOENT);
}

/* ---- a request that the store holds ---------------------------------------------------------------- */

struct unmapping {
    struct rig *rig;
    atomic_bool done;
    int r;
};

static void *unmap_thread(void *arg)
{
    struct unmapping *u = arg;
    struct guid target = rig_target_id(0), lu = rig_lu_id(5);

    u->r = engine_lun_unmap(u->rig->engine, &target, &lu);
    u->done = true;
    return NULL;
}

static void unmapping_waits_for_the_io_that_runs(void **state)
{
    struct rig *rig = *state;
    struct guid target = rig_target_id(0), lu = rig_lu_id(5), free_lu = rig_lu_id(6);
    static const uint8_t write_16[16] = { 0x8a, [13] = 1 };
    struct unmapping unmapping = { .rig = rig };
    uint8_t block[512] = { 1 };
    struct store *fault;
    struct initiator busy, idle;
    pthread_t thread;

    two_luns(rig);
    fault = rig_lu_that_holds(rig, 5);
    memory_unit(rig, 6);
    assert_int_equal(engine_lu_set_mask(rig->engine, &lu, true, NULL, 0), 0);
    assert_int_equal(engine_lun_map(rig->engine, &target, 5, &lu), 0);
    rig_login(rig, &busy, 1, 0, 0);
    rig_login(rig, &idle, 2, 0, 0);
    assert_true(initiator_clear_attentions(&busy, 5, NULL) >= 0);
    rig->hold = 1;
    assert_int_equal(initiator_send_command(&busy, 5, write_16, 16, block, 512, 0), 0);
    assert_int_equal(initiator_nop(&busy), 0);
    assert_int_equal(pthread_create(&thread, NULL, unmap_thread, &unmapping), 0);
    while ((luns_of(&idle) | luns_of(&busy)) & 1 << 5)
        ; /* until the unmapping has reached both sessions */
    /* the number is not free yet */
    assert_int_equal(engine_lun_map(rig->engine, &target, 5, &free_lu), -EEXIST);
    assert_int_equal(engine_lun_unmap(rig->engine, &target, &lu), -EBUSY);
    assert_false(unmapping.done);
    rig_let_go(rig, fault);
    pthread_join(thread, NULL);
    assert_int_equal(unmapping.r, 0);
    assert_int_equal(engine_lun_map(rig->engine, &target, 5, &free_lu), 0);
    assert_int_equal(initiator_nop(&busy), 0); /* the session lives on */
    initiator_close(&busy);
    initiator_close(&idle);
    store_unref(fault);
}

struct settling {
    struct rig *rig;
    atomic_bool done;
    int r;
};

static void *settle_thread(void *arg)
{
    struct settling *s = arg;
    struct guid lu = rig_lu_id(5);

    s->r = engine_lu_settle(s->rig->engine, &lu, RIG_LU_BYTES / 2);
    s->done = true;
    return NULL;
}

/* What a LUN that shrinks waits for (engine.h). */
static void settling_waits_for_commands_beyond_the_end_and_for_no_others(void **state)
{
    struct rig *rig = *state;
    struct guid target = rig_target_id(0), lu = rig_lu_id(5), nobody = rig_lu_id(9);
    static const uint8_t low[16] = { 0x8a, [13] = 1 },
                         high[16] = { 0x8a, [8] = (RIG_LU_BLOCKS - 1) >> 8, [9] = 0xff, [13] = 1 };
    struct settling settling = { .rig = rig };
    struct initiator one, two;
    uint8_t block[512] = { 1 };
    struct store *fault;
    pthread_t thread;

    two_luns(rig);
    fault = rig_lu_that_holds(rig, 5);
    assert_int_equal(engine_lu_set_mask(rig->engine, &lu, true, NULL, 0), 0);
    assert_int_equal(engine_lun_map(rig->engine, &target, 5, &lu), 0);
    rig_login(rig, &one, 1, 0, 0);
    rig_login(rig, &two, 2, 0, 0);
    assert_true(initiator_clear_attentions(&one, 5, NULL) >= 0);
    assert_true(initiator_clear_attentions(&two, 5, NULL) >= 0);
    assert_int_equal(engine_lu_settle(rig->engine, &nobody, 0), -ENOENT);
    assert_int_equal(engine_lu_settle(rig->engine, &lu, 0), 0); /* nothing runs */
    rig->hold = 1;
    assert_int_equal(initiator_send_command(&one, 5, low, 16, block, 512, 0), 0);
    assert_int_equal(initiator_nop(&one), 0);
    assert_int_equal(engine_lu_settle(rig->engine, &lu, RIG_LU_BYTES / 2), 0); /* not in the way */
    assert_int_equal(initiator_send_command(&two, 5, high, 16, block, 512, 0), 0);
    assert_int_equal(initiator_nop(&two), 0);
    assert_int_equal(pthread_create(&thread, NULL, settle_thread, &settling), 0);
    assert_int_equal(initiator_nop(&one), 0);
    assert_false(settling.done);
    initiator_close(&two); /* a session that is gone does not hide what it left to the store */
    assert_int_equal(initiator_nop(&one), 0);
    assert_false(settling.done);
    rig_let_go(rig, fault);
    pthread_join(thread, NULL);
    assert_int_equal(settling.r, 0);
    initiator_close(&one);
    store_unref(fault);
}

/* ---- many changes at once -------------------------------------------------------------------------- */

struct mapper {
    struct rig *rig;
    unsigned lu;
    int r;
};

static void *mapper_thread(void *arg)
{
    struct mapper *m = arg;
    struct guid target = rig_target_id(0), lu = rig_lu_id(m->lu);
    const char *const nobody[] = { "iqn.nobody" };

    for (int i = 0; i < 30 && m->r == 0; i++) {
        m->r = engine_lun_map(m->rig->engine, &target, (uint16_t)m->lu, &lu);
        if (m->r == 0)
            m->r = engine_lu_set_mask(m->rig->engine, &lu, true, NULL, 0);
        if (m->r == 0 && i % 3 == 0)
            m->r = engine_lu_set_mask(m->rig->engine, &lu, false, nobody, 1);
        if (m->r == 0)
            m->r = engine_lun_unmap(m->rig->engine, &target, &lu);
    }
    return NULL;
}

static void different_units_change_side_by_side_while_sessions_come_and_go(void **state)
{
    enum { N = 4 };
    struct rig *rig = *state;
    struct mapper mappers[N];
    pthread_t threads[N];
    struct initiator in, stays;

    two_luns(rig);
    rig_login(rig, &stays, 99, 0, 0);
    for (unsigned i = 0; i < N; i++) {
        mappers[i] = (struct mapper){ .rig = rig, .lu = 10 + i };
        memory_unit(rig, 10 + i);
        assert_int_equal(pthread_create(&threads[i], NULL, mapper_thread, &mappers[i]), 0);
    }
    for (unsigned i = 0; i < 100; i++) {
        rig_login(rig, &in, i % 5, 0, 0);
        assert_int_equal(luns_of(&in) & 0xf, 1 << 0 | 1 << 3); /* whatever else comes and goes */
        if (i % 2)
            initiator_logout(&in);
        initiator_close(&in);
    }
    for (unsigned i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(mappers[i].r, 0);
    }
    assert_int_equal(luns_of(&stays), 1 << 0 | 1 << 3);
    initiator_close(&stays);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(a_unit_mapped_under_a_live_session_is_announced_and_usable),
        rig_test(a_file_cut_from_outside_ends_a_connection_once_and_then_is_a_medium_error),
        rig_test(an_unmapped_unit_is_announced_and_answers_no_more),
        rig_test(a_new_unit_is_masked_from_everyone_until_it_is_allowed),
        rig_test(what_cannot_be_mapped_is_refused),
        rig_test(unmapping_waits_for_the_io_that_runs),
        rig_test(settling_waits_for_commands_beyond_the_end_and_for_no_others),
        rig_test(different_units_change_side_by_side_while_sessions_come_and_go),
    };

    return RUN_TESTS(tests);
}
