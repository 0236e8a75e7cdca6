/* SPDX-License-Identifier: MIT */
/* Every allocation of src/scsi fails once, one after the other, until what needs them succeeds. */
#include "fixture.h"

#include <errno.h>

#include "alloc_faults.h"
#include "scsi/pr.h"

#define MANY 1000 /* no case below needs so many */

static void gone(void *arg)
{
    ++*(unsigned *)arg;
}

/* One unit, one view, one mapping; -ENOMEM or success, and nothing is left over either way. */
static int build_all(struct store *store)
{
    struct scsi_nexus nexus = {
        .initiator_port = "i,i,0x1", .target_port = "t,t,0x0001", .target_name = "t", .tag = 1
    };
    struct scsi_lu_config config = { 0 };
    struct scsi_view *view = NULL;
    struct scsi_lu *lu = NULL;
    unsigned n_gone = 0;
    int r = scsi_lu_create(&config, store, &lu);

    if (r == 0)
        r = scsi_view_create(&nexus, &view);
    if (r == 0)
        r = scsi_view_map(view, 0, lu, true);
    if (r == 0) {
        assert_int_equal(scsi_view_unmap(view, 0, gone, &n_gone), 0);
        assert_int_equal(n_gone, 1);
    }
    scsi_view_destroy(view);
    scsi_lu_unref(lu);
    return r;
}

static void making_units_and_views_fails_cleanly(void **state)
{
    struct store *store;
    unsigned n;

    (void)state;
    assert_int_equal(store_memory_open(1 << 20, &store), 0);
    for (n = 1; n < MANY; n++) {
        int r;

        alloc_faults_arm(n);
        r = build_all(store);
        if (!alloc_faults_hit())
            break;
        assert_int_equal(r, -ENOMEM);
    }
    alloc_faults_disarm();
    assert_true(n > 5 && n < MANY);
    assert_int_equal(build_all(store), 0);
    store_unref(store);
}

/* Whether the command, now started, came to its n-th allocation, which failed. */
static bool fails_at(struct fixture *f, struct command c, unsigned n, struct running **ret_r)
{
    alloc_faults_arm(n);
    alloc_faults_pause(true);
    fixture_hook(alloc_faults_pause);
    *ret_r = start(f, c);
    fixture_hook(NULL);
    alloc_faults_pause(false);
    alloc_faults_disarm();
    return alloc_faults_hit();
}

/* The command ends TASK SET FULL for each allocation that it makes (or does without it), and runs when there
 * is memory. */
static void fails_until_there_is_memory(struct fixture *f, struct command c)
{
    for (unsigned n = 1; n < MANY; n++) {
        struct running *r;

        /* what the fixture itself allocates is not what is tested */
        r = start(f, with_byte(test_unit_ready(), 12, 0));
        assert_good(running_end(r));
        if (!fails_at(f, c, n, &r)) {
            assert_good(running_end(r));
            return;
        }
        assert_status(running_end(r), SCSI_TASK_SET_FULL);
    }
    fail_msg("never succeeds");
}

static void commands_that_need_memory_end_task_set_full(void **state)
{
    static const uint8_t zeros[1024];
    uint8_t list[24] = { [15] = 5 };
    struct fixture f;

    (void)state;
    fixture_open(&f, (struct fixture_options){ 0 });
    fails_until_there_is_memory(&f, with_data(block_command(0x2f, 0x02, 0, 1), zeros, 512));   /* VERIFY */
    /* WRITE AND VERIFY */
    fails_until_there_is_memory(&f, with_data(block_command(0x2e, 0x02, 0, 1), zeros, 512));
    fails_until_there_is_memory(&f, with_data((struct command){ .cdb = { 0x89, [13] = 1 } }, zeros, 1024));
    fails_until_there_is_memory(&f, with_data(block_command(0x8b, 0, 0, 1), zeros, 512));      /* ORWRITE */
    /* WRITE SAME */
    fails_until_there_is_memory(&f, with_data(block_command(0x41, 0, 0, 9), pattern(512, 1), 512));
    /* REGISTER */
    fails_until_there_is_memory(&f, with_data((struct command){ .cdb = { 0x5f, 0, [8] = 24 } }, list, 24));
    assert_int_equal(be32_get(exec(&f, (struct command){ .cdb = { 0x5e, 0, [8] = 64 } }).data + 4), 8);
    f.hold = false;
    fixture_close(&f);
}

static void reading_and_writing_allocate_nothing(void **state)
{
    struct fixture f;
    const uint8_t *data = pattern(512, 1);
    struct command cases[] = { read10(0, 1), write10(0, 1, data), read16(0, 1), write16(0, 1, data),
                               block_command(0x35, 0, 0, 0) };

    (void)state;
    fixture_open(&f, (struct fixture_options){ 0 });
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct running *r;

        assert_false(fails_at(&f, cases[i], 1, &r)); /* nobody asked for memory */
        assert_good(running_end(r));
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(making_units_and_views_fails_cleanly),
        cmocka_unit_test(commands_that_need_memory_end_task_set_full),
        cmocka_unit_test(reading_and_writing_allocate_nothing),
    };

    return RUN_TESTS(tests);
}
