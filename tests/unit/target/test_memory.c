/* SPDX-License-Identifier: MIT */
/* Out of memory at every single allocation that a call of engine.h makes on the caller's thread: it fails
 * cleanly, leaves nothing behind. */
#include "rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_faults.h"
#include "base/cleanup.h"
#include "base/log.h"

static void on_event(void *arg, const struct engine_event *event)
{
    (void)arg;
    (void)event;
}

static int portal_open(struct engine *engine)
{
    struct guid portal = rig_portal_id(0);
    struct sockaddr_storage addr = { 0 };

    *(struct sockaddr_in *)&addr =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    return engine_portal_open(engine, &portal, &addr);
}

static int asking(struct engine *engine)
{
    struct engine_address *addresses;
    struct engine_session *sessions;
    size_t n;
    int r = engine_session_list(engine, &sessions, &n);

    if (r == 0)
        free(sessions);
    if (r == 0)
        r = engine_host_addresses(&addresses, &n);
    if (r == 0)
        free(addresses);
    return r;
}

static int draining(struct engine *engine)
{
    struct guid target = rig_target_id(0), portal = rig_portal_id(0);
    struct engine_drain *drain;
    int r = engine_drain_start(engine, &target, &portal, 1, 1000, &drain);

    if (r < 0)
        return r;
    r = engine_drain_wait(drain, -1);
    engine_drain_cancel(drain);
    engine_drain_free(drain);
    return r;
}

/* Everything that may be refused for want of memory, with or without what came before it. */
static int life_of(struct engine *engine, struct scsi_lu *lu)
{
    struct guid target = rig_target_id(0), portal = rig_portal_id(0), id = rig_lu_id(0);
    const struct iscsi_secret secret = { "a-secret-of-16-b", 16 };
    const char *const names[] = { "iqn.b", "iqn.a" };
    int r = portal_open(engine);

    if (r == 0)
        r = engine_target_create(engine, &target, "iqn.2024-01.test:t", "alias");
    if (r == 0)
        r = engine_target_set_alias(engine, &target, "another");
    if (r == 0)
        r = engine_target_set_secret(engine, &target, "iqn.a", &secret);
    if (r == 0)
        r = engine_path_add(engine, &target, &portal, 1);
    if (r == 0)
        r = engine_lu_add(engine, &id, lu);
    if (r == 0)
        r = engine_lun_map(engine, &target, 0, &id);
    if (r == 0)
        r = engine_lu_set_mask(engine, &id, false, names, 2);
    if (r == 0)
        r = asking(engine);
    return r == 0 ? draining(engine) : r;
}

static int whole_life(const struct engine_options *options, struct scsi_lu *lu)
{
    struct engine *engine;
    int r = engine_create(options, &engine);

    if (r < 0)
        return r;
    r = life_of(engine, lu);
    engine_destroy(engine);
    return r;
}

static void every_allocation_may_fail_once(void **state)
{
    const struct engine_options options = { .n_reactors = 2,
                                            .iscsi = iscsi_limits_default,
                                            .event = on_event };
    struct scsi_lu_config config = { .id = rig_lu_id(0) };
    struct store *store;
    struct scsi_lu *lu;
    unsigned n_fds, n_runs = 0;
    int r;

    (void)state;
    assert_int_equal(store_memory_open(RIG_LU_BYTES, &store), 0);
    assert_int_equal(scsi_lu_create(&config, store, &lu), 0);
    store_unref(store);
    n_fds = rig_count_fds();
    do {
        alloc_faults_arm(++n_runs);
        r = whole_life(&options, lu);
        alloc_faults_disarm();
        if (r != 0)
            assert_int_equal(r, -ENOMEM);
        assert_int_equal(rig_count_fds(), n_fds);
    } while (alloc_faults_hit());
    assert_int_equal(r, 0);
    assert_true(n_runs > 20); /* so many allocations there are */
    scsi_lu_unref(lu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail_once),
    };

    log_set_level(LOG_LEVEL_ERROR);
    return RUN_TESTS(tests);
}
