/* SPDX-License-Identifier: MIT */
/* Administrators that drain, move, close, delete and map underneath the initiators. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "world.h"

#define GRACE_NS     (1 * SIM_S) /* design section 4: the limit is kept within a second */

/* ---- administrators -------------------------------------------------------------------------------- */

void admin_path_add(unsigned t, unsigned p, uint16_t tag)
{
    struct pair *pair = &world.pairs[t][p];
    int r;

    pair->version++;
    r = engine_path_add(world.engine, world_id('T', t), world_id('P', p), tag);
    sim_check(r == 0, "adding a path: %d", r);
    pair->in = true;
    pair->tag = tag;
    pair->version++;
    sim_trace("%s is served at %s, tag %u", target_name[t], portal_address[p], tag);
}

static uint32_t some_limit(void)
{
    static const uint32_t limits[] = { 0, 20, 300, 3000, 8000 };

    return limits[sim_below(ARRAY_SIZE(limits))];
}

/* false: it has been cancelled. */
static bool drain_to_its_end(struct engine_drain *drain, uint32_t limit_ms)
{
    uint64_t since = sim_now();
    struct engine_drain_status status;
    unsigned n_left = UINT32_MAX;
    int r;

    for (;;) {
        r = engine_drain_wait(drain, sim_chance(50) ? -1 : 1 + (int)sim_below(200));
        engine_drain_status(drain, &status);
        sim_check(status.n_left <= n_left && status.n_left <= status.n_start,
                  "the progress of a drain goes back: %u, %u left of %u", n_left, status.n_left,
                  status.n_start);
        n_left = status.n_left;
        if (r != -ETIMEDOUT)
            break;
        if (sim_chance(15)) {
            engine_drain_cancel(drain);
            return false;
        }
    }
    sim_check(r == 0 && status.n_left == 0, "a drain ends with %d, %u left", r, status.n_left);
    sim_check(sim_now() - since <= limit_ms * SIM_MS + GRACE_NS, "a drain of at most %u ms took %.3f s",
              limit_ms, (double)(sim_now() - since) / 1e9);
    world.n_drains++;
    world.n_drains_cut += sim_now() - since >= limit_ms * SIM_MS;
    return true;
}

static bool same_id(const struct guid *a, const struct guid *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void check_nobody_is_there(unsigned t, unsigned p)
{
    _cleanup_(freep) struct engine_session *sessions = NULL;
    size_t n;

    sim_check(engine_session_list(world.engine, &sessions, &n) == 0, "no list of sessions");
    for (size_t i = 0; i < n; i++)
        sim_check(!same_id(&sessions[i].target, world_id('T', t)) ||
                      !same_id(&sessions[i].portal, world_id('P', p)),
                  "a session is left on a pair that has been taken out");
}

/* Drained, a pair goes, or it comes back under another tag. */
static void path_drained(unsigned t, unsigned p)
{
    struct pair *pair = &world.pairs[t][p];
    uint16_t tag = sim_chance(30) ? (uint16_t)(1 + sim_below(3)) : 0;
    int r;

    check_nobody_is_there(t, p);
    if (tag)
        r = engine_path_retag(world.engine, world_id('T', t), world_id('P', p), tag);
    else
        r = engine_path_remove(world.engine, world_id('T', t), world_id('P', p));
    sim_check(r == 0, "%s a path: %d", tag ? "retagging" : "removing", r);
    pair->in = tag != 0;
    pair->tag = tag;
}

static void path_remove(unsigned t, unsigned p)
{
    struct pair *pair = &world.pairs[t][p];
    uint32_t limit_ms = some_limit();
    struct engine_drain *drain;
    int r;

    pair->version++;
    sim_trace("drains %s at %s, %u ms", target_name[t], portal_address[p], limit_ms);
    r = engine_drain_start(world.engine, world_id('T', t), world_id('P', p), 1, limit_ms, &drain);
    sim_check(r == 0, "starting a drain: %d", r);
    if (drain_to_its_end(drain, limit_ms))
        path_drained(t, p);
    engine_drain_free(drain);
    pair->version++;
    sim_trace("%s at %s is %s", target_name[t], portal_address[p], pair->in ? "in" : "out");
}

static void move_something(void)
{
    unsigned t = sim_below(N_TARGETS), p = sim_below(N_PORTALS);

    if (world.pairs[t][p].in)
        path_remove(t, p);
    else
        admin_path_add(t, p, (uint16_t)(1 + sim_below(3)));
}

void admin_portal_open(unsigned p)
{
    struct sockaddr_storage addr = { 0 };
    struct sockaddr_in *in = (void *)&addr;
    char host[32];
    unsigned port;
    int r;

    sscanf(portal_address[p], "%31[0-9.]:%u", host, &port);
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    inet_pton(AF_INET, host, &in->sin_addr);
    r = engine_portal_open(world.engine, world_id('P', p), &addr);
    sim_check(r == 0, "opening a portal: %d", r);
    world.portal_open[p] = true;
}

/* As IVdsIscsiPortal::SetStatus does it: drained for all targets, closed, and back. */
static void take_portal_down(void)
{
    unsigned p = sim_below(N_PORTALS);
    uint32_t limit_ms = some_limit();
    struct engine_drain *drain;
    int r;

    world.portal_version[p]++;
    sim_trace("drains %s for all, %u ms", portal_address[p], limit_ms);
    r = engine_drain_start(world.engine, NULL, world_id('P', p), 1, limit_ms, &drain);
    sim_check(r == 0, "draining a portal: %d", r);
    if (drain_to_its_end(drain, limit_ms)) {
        r = engine_portal_close(world.engine, world_id('P', p));
        sim_check(r == 0, "closing a portal: %d", r);
        world.portal_open[p] = false;
        world.portal_version[p]++;
        sim_trace("%s is closed", portal_address[p]);
        sim_sleep(sim_below(SIM_S));
        world.portal_version[p]++;
        admin_portal_open(p);
        engine_drain_cancel(drain);
        sim_trace("%s is open", portal_address[p]);
    }
    engine_drain_free(drain);
    world.portal_version[p]++;
}

void admin_target_make(unsigned t)
{
    int r = engine_target_create(world.engine, world_id('T', t), target_name[t], "");

    if (r == 0)
        r = engine_lun_map(world.engine, world_id('T', t), 0, world_id('L', t));
    sim_check(r == 0, "making a target: %d", r);
}

static void delete_a_target(void)
{
    unsigned t = sim_below(N_TARGETS);
    int r;

    world.target_version[t]++;
    sim_trace("deletes %s", target_name[t]);
    r = engine_target_destroy(world.engine, world_id('T', t));
    sim_check(r == 0, "deleting a target: %d", r);
    for (unsigned p = 0; p < N_PORTALS; p++) {
        check_nobody_is_there(t, p);
        world.pairs[t][p].in = false;
    }
    world.target_version[t]++;
    sim_sleep(sim_below(SIM_S));
    world.target_version[t]++;
    admin_target_make(t);
    world.target_version[t]++;
    sim_trace("%s is there again", target_name[t]);
}

/* The second administrator's: LUNs and sessions, whatever the first does to their target meanwhile. */
static void unmap_for_a_while(void)
{
    unsigned t = sim_below(N_TARGETS);

    sim_trace("unmaps LUN 0 of %s", target_name[t]);
    if (engine_lun_unmap(world.engine, world_id('T', t), world_id('L', t)) < 0)
        return; /* the target is being deleted */
    sim_sleep(sim_below(500 * SIM_MS));
    engine_lun_map(world.engine, world_id('T', t), 0, world_id('L', t));
    sim_trace("maps LUN 0 of %s", target_name[t]);
}

static void mask_for_a_while(void)
{
    unsigned t = sim_below(N_TARGETS);
    const char *only = world.users[sim_below(world.n_users)].in.name;

    sim_check(engine_lu_set_mask(world.engine, world_id('L', t), false, &only, 1) == 0, "masking");
    sim_sleep(sim_below(500 * SIM_MS));
    sim_check(engine_lu_set_mask(world.engine, world_id('L', t), true, NULL, 0) == 0, "unmasking");
}

static void drop_a_session(void)
{
    _cleanup_(freep) struct engine_session *sessions = NULL;
    size_t n;

    sim_check(engine_session_list(world.engine, &sessions, &n) == 0, "no list of sessions");
    if (n == 0)
        return;
    sim_trace("drops a session");
    engine_session_drop(world.engine, sessions[sim_below((uint32_t)n)].id);
}

void admin_first(void *arg)
{
    static void (*const does[])(void) = { move_something, move_something, move_something, take_portal_down,
                                          delete_a_target };

    (void)arg;
    for (unsigned n = 3 + sim_below(8); n > 0; n--) {
        sim_sleep(sim_below(sim_chance(70) ? 50 * SIM_MS : 2 * SIM_S));
        does[sim_below(ARRAY_SIZE(does))]();
    }
    world.n_admins--;
}

void admin_second(void *arg)
{
    static void (*const does[])(void) = { unmap_for_a_while, mask_for_a_while, drop_a_session };

    (void)arg;
    for (unsigned n = sim_below(5); n > 0; n--) {
        sim_sleep(sim_below(SIM_S));
        does[sim_below(ARRAY_SIZE(does))]();
    }
    world.n_admins--;
}
