/* SPDX-License-Identifier: MIT */
/* The engine under thousands of different days: what is played, and what must hold. See README.md.
 *
 * Initiators write and read their own blocks while administrators drain, move, close, delete and map underneath. A model knows of each
 * block what it may hold: the last value that was acknowledged, or one that was sent and whose fate is open. A block whose fate is open
 * because its session was lost is left alone until that session has been reinstated, since nothing else ends the old one's commands.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "disk.h"
#include "initiator.h"
#include "net.h"
#include "sim.h"
#include "target/engine.h"

#define N_TARGETS    2
#define N_PORTALS    3
#define N_INITIATORS 5
#define REGION       64 /* blocks of one initiator */
#define DOUBTS       16
#define GRACE_NS     (1 * SIM_S) /* design section 4: the limit is kept within a second */
#define PATIENCE_NS  (40 * SIM_S)

struct block {
    uint64_t value, doubts[DOUBTS];
    unsigned n_doubts;
    bool busy, locked;
    uint16_t tag; /* of the session that must come back before it is touched again */
};

/* What an administrator changes is odd while he does. */
struct pair {
    bool in;
    uint16_t tag;
    unsigned version;
};

struct user {
    unsigned index, target;
    struct initiator in;
    struct block blocks[REGION];
    uint64_t writes[COMMANDS]; /* the value that each running write brings */
    uint16_t tag;
    unsigned portal;
    bool stubborn;
    struct co *co;
};

static struct {
    struct engine *engine;
    struct store *stores[N_TARGETS];
    struct pair pairs[N_TARGETS][N_PORTALS];
    unsigned portal_version[N_PORTALS], target_version[N_TARGETS];
    bool portal_open[N_PORTALS];
    struct user users[N_INITIATORS];
    unsigned n_users, n_admins;
    uint64_t next_value;
    unsigned n_up, n_down;
    bool stop, ending;
    /* what happened, over all seeds */
    uint64_t n_turns, n_writes, n_reads, n_logins, n_redirects, n_lost, n_drains, n_drains_cut;
} world;

static const char *const portal_address[N_PORTALS] = { "10.0.0.1:3260", "10.0.0.2:3260", "10.0.0.3:3261" };
static const char *const target_name[N_TARGETS] = { "iqn.2026-11.org.vds.sim:a", "iqn.2026-11.org.vds.sim:b" };

static const struct guid *id_of(char kind, unsigned n)
{
    static struct guid ids[3][8];
    struct guid *id = &ids[kind == 'P' ? 0 : kind == 'T' ? 1 : 2][n];

    memset(id, 0, sizeof *id);
    memcpy(id, &(uint8_t[]){ (uint8_t)kind, (uint8_t)(n + 1) }, 2);
    return id;
}

/* ---- the model ------------------------------------------------------------------------------------------------------------------- */

static uint32_t lba_of(const struct user *u, unsigned block)
{
    return u->index * REGION + block;
}

static void fill(uint8_t *data, uint64_t value)
{
    for (unsigned i = 0; i < BLOCK; i += sizeof value)
        memcpy(data + i, &value, sizeof value);
}

static uint64_t value_in(const uint8_t *data, uint32_t lba)
{
    uint64_t value, other;

    memcpy(&value, data, sizeof value);
    for (unsigned i = 0; i < BLOCK; i += sizeof value) {
        memcpy(&other, data + i, sizeof other);
        sim_check(other == value, "block %u holds pieces of the values %llu and %llu", lba, (unsigned long long)value, (unsigned long long)other);
    }
    return value;
}

static bool may_hold(const struct block *b, uint64_t value)
{
    for (unsigned i = 0; i < b->n_doubts; i++) {
        if (b->doubts[i] == value)
            return true;
    }
    return b->value == value;
}

static void check_block(const struct user *u, unsigned block, const uint8_t *data)
{
    const struct block *b = &u->blocks[block];
    uint64_t value = value_in(data, lba_of(u, block));

    sim_check(may_hold(b, value), "block %u of initiator %u holds %llu, where %llu was acknowledged (%u others are possible)", lba_of(u, block),
              u->index, (unsigned long long)value, (unsigned long long)b->value, b->n_doubts);
}

static void settle(struct block *b, uint64_t value)
{
    b->value = value;
    b->n_doubts = 0;
}

static void doubt(struct block *b, uint64_t value)
{
    sim_check(b->n_doubts < DOUBTS, "too many doubts");
    b->doubts[b->n_doubts++] = value;
}

/* Nothing has been done for these. */
static bool is_without_effect(uint8_t status, uint8_t key, uint16_t asc)
{
    return status == 0x28 || status == 0x08 || (status == 2 && (key == 6 || key == 2 || (key == 5 && asc == 0x2500)));
}

static void answered(void *arg, struct command *c, uint8_t status, uint8_t key, uint16_t asc)
{
    struct user *u = arg;
    uint64_t value = u->writes[c - u->in.commands];

    sim_trace("%s %u+%u: status %02x %x/%04x", c->write ? "write" : "read", c->lba, c->n_blocks, status, key, asc);
    for (unsigned i = 0; i < c->n_blocks; i++) {
        struct block *b = &u->blocks[c->lba - lba_of(u, 0) + i];

        b->busy = false;
        if (!c->write && status == 0) {
            check_block(u, c->lba - lba_of(u, 0) + i, c->data + i * BLOCK);
            settle(b, value_in(c->data + i * BLOCK, c->lba + i));
        } else if (c->write && status == 0) {
            settle(b, value);
        } else if (c->write && !is_without_effect(status, key, asc)) {
            doubt(b, value);
        }
    }
    world.n_writes += c->write && status == 0;
    world.n_reads += !c->write && status == 0;
}

/* The session has ended with commands unanswered. With a logout they have ended, too. */
static void forget_commands(struct user *u, bool lost)
{
    for (unsigned k = 0; k < COMMANDS; k++) {
        struct command *c = &u->in.commands[k];

        for (unsigned i = 0; c->used && i < c->n_blocks; i++) {
            struct block *b = &u->blocks[c->lba - lba_of(u, 0) + i];

            b->busy = false;
            b->locked = lost;
            b->tag = u->tag;
            if (c->write)
                doubt(b, u->writes[k]);
        }
        c->used = false;
    }
}

static void unlock_blocks(struct user *u)
{
    for (unsigned i = 0; i < REGION; i++) {
        if (u->blocks[i].tag == u->tag)
            u->blocks[i].locked = false;
    }
}

/* ---- initiators ------------------------------------------------------------------------------------------------------------------ */

static bool range_is_free(const struct user *u, unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++) {
        if (u->blocks[i].busy || u->blocks[i].locked || u->blocks[i].n_doubts >= DOUBTS - 2)
            return false;
    }
    return true;
}

static enum session_end begin_command(struct user *u)
{
    struct command *c = initiator_command(&u->in);
    unsigned n = 1 + sim_below(sim_chance(80) ? 4 : 32), first = sim_below(REGION - n + 1);
    uint64_t value = ++world.next_value;

    if (!c || !range_is_free(u, first, n))
        return SESSION_GOES_ON;
    c->write = sim_chance(60);
    c->lba = lba_of(u, first);
    c->n_blocks = n;
    u->writes[c - u->in.commands] = value;
    for (unsigned i = 0; i < n; i++) {
        u->blocks[first + i].busy = true;
        fill(c->data + i * BLOCK, value);
    }
    sim_trace("%s %u+%u%s%llu", c->write ? "write" : "read", c->lba, n, c->write ? " value " : " #", (unsigned long long)value);
    return initiator_start(&u->in, c);
}

static struct command *some_command(struct user *u)
{
    struct command *c = &u->in.commands[sim_below(COMMANDS)];

    return c->used ? c : NULL;
}

static enum session_end receive(struct user *u, uint64_t wait_ns)
{
    bool timeout;

    return initiator_receive(&u->in, wait_ns, &timeout);
}

static enum session_end abort_some(struct user *u)
{
    struct command *c = some_command(u);

    return c ? initiator_abort(&u->in, c) : SESSION_GOES_ON;
}

static enum session_end be_quiet(struct user *u)
{
    (void)u;
    sim_sleep(sim_chance(90) ? sim_below(20 * SIM_MS) : sim_below(4) * SIM_S);
    return SESSION_GOES_ON;
}

static enum session_end lose_it(struct user *u)
{
    initiator_break(&u->in);
    return SESSION_LOST;
}

static enum session_end lose_it_now_and_then(struct user *u)
{
    return sim_chance(20) ? lose_it(u) : SESSION_GOES_ON;
}

static enum session_end hear(struct user *u)
{
    return receive(u, sim_below(50 * SIM_MS));
}

static enum session_end ping(struct user *u)
{
    return initiator_ping(&u->in);
}

static enum session_end reset_unit(struct user *u)
{
    return sim_chance(20) ? initiator_reset_unit(&u->in) : SESSION_GOES_ON;
}

static const struct {
    unsigned weight;
    enum session_end (*act)(struct user *u);
} acts[] = { { 45, begin_command }, { 35, hear }, { 5, ping }, { 4, abort_some }, { 2, reset_unit }, { 7, be_quiet }, { 2, lose_it_now_and_then } };

static enum session_end act(struct user *u)
{
    unsigned at = sim_below(100), i = 0;

    while (at >= acts[i].weight)
        at -= acts[i++].weight;
    return acts[i].act(u);
}

/* A command may be silenced by another initiator's reset (SAM-5: no response without TAS): whoever waits too long starts over. */
static bool waits_too_long(const struct user *u)
{
    for (unsigned i = 0; i < COMMANDS; i++) {
        if (u->in.commands[i].used && sim_now() - u->in.commands[i].began_ns > PATIENCE_NS)
            return true;
    }
    return false;
}

static enum session_end log_out(struct user *u)
{
    enum session_end end = initiator_logout(&u->in);
    uint64_t since = sim_now();

    while (end == SESSION_GOES_ON) {
        end = receive(u, SIM_S);
        sim_check(end != SESSION_GOES_ON || sim_now() - since < PATIENCE_NS, "a logout is not answered");
    }
    return end;
}

/* As a drain asks: what runs is finished first, or not. */
static enum session_end leave(struct user *u)
{
    enum session_end end = SESSION_GOES_ON;
    bool finish_first = sim_chance(70);

    while (end == SESSION_GOES_ON && finish_first && u->in.n_running && !waits_too_long(u))
        end = receive(u, SIM_S);
    return end == SESSION_GOES_ON ? log_out(u) : end;
}

static void run_session(struct user *u)
{
    enum session_end end = SESSION_GOES_ON;
    unsigned n_acts = 5 + sim_below(80);

    u->stubborn = sim_chance(15);
    for (unsigned i = 0; end == SESSION_GOES_ON && !world.stop && (i < n_acts || u->in.n_running); i++) {
        end = i < n_acts ? act(u) : receive(u, SIM_S);
        if (end == SESSION_GOES_ON && waits_too_long(u))
            end = lose_it(u);
        if (u->in.asked_to_leave && !u->stubborn)
            break;
    }
    if (end == SESSION_GOES_ON)
        end = sim_chance(80) ? leave(u) : lose_it(u);
    if (u->in.fd >= 0)
        initiator_close(&u->in);
    sim_trace("session ends: %s", end == SESSION_LOGGED_OUT ? "logged out" : "lost");
    world.n_lost += end == SESSION_LOST;
    forget_commands(u, end == SESSION_LOST);
}

/* What the administrators had settled, when nothing has changed since `before` was taken. */
struct moment {
    struct pair pair;
    unsigned portal_version, target_version;
    bool open;
};

static struct moment moment_of(unsigned t, unsigned p)
{
    return (struct moment){ world.pairs[t][p], world.portal_version[p], world.target_version[t], world.portal_open[p] };
}

static bool is_settled(const struct moment *m)
{
    return m->pair.version % 2 == 0 && m->portal_version % 2 == 0 && m->target_version % 2 == 0;
}

static bool is_same(const struct moment *a, const struct moment *b)
{
    return a->pair.version == b->pair.version && a->portal_version == b->portal_version && a->target_version == b->target_version;
}

static void check_login(const struct user *u, const struct moment *before, int r, const struct login_answer *a)
{
    struct moment now = moment_of(u->target, u->portal);

    if (world.ending || !is_settled(before) || !is_same(before, &now))
        return;
    if (!before->open)
        sim_check(r == -ECONNREFUSED, "a closed portal is connected to");
    else if (!before->pair.in)
        sim_check(r == 0 && a->class == 2 && a->detail == 3, "a portal that serves the target no more: %d, status %u/%u", r, a->class, a->detail);
    else
        sim_check(r == 0 && a->class == 0 && a->tag == before->pair.tag, "a portal that serves the target with tag %u: %d, status %u/%u, tag %u",
                  before->pair.tag, r, a->class, a->detail, a->tag);
}

static unsigned portal_at(const char *address)
{
    for (unsigned p = 0; p < N_PORTALS; p++) {
        if (strcmp(portal_address[p], address) == 0)
            return p;
    }
    sim_fail("'%s' is the address of no portal", address);
}

static void record(void *arg, const char *target, const char *address, unsigned tag)
{
    unsigned (*seen)[N_PORTALS] = arg;

    for (unsigned t = 0; t < N_TARGETS; t++) {
        if (strcmp(target, target_name[t]) == 0)
            seen[t][portal_at(address)] = tag;
    }
}

static void check_listing(unsigned t, unsigned p, const struct moment *before, unsigned seen)
{
    struct moment now = moment_of(t, p);
    unsigned wanted = before->pair.in && before->open ? before->pair.tag : 0;

    sim_check(!is_settled(before) || !is_same(before, &now) || seen == wanted, "SendTargets: %s at %s has tag %u, should have %u",
              target_name[t], portal_address[p], seen, wanted);
}

static void discover(struct user *u)
{
    unsigned seen[N_TARGETS][N_PORTALS] = { 0 };
    struct moment before[N_TARGETS * N_PORTALS];
    struct login_answer answer;

    for (unsigned i = 0; i < ARRAY_SIZE(before); i++)
        before[i] = moment_of(i / N_PORTALS, i % N_PORTALS);
    if (initiator_login(&u->in, portal_address[u->portal], NULL, &answer) < 0 || answer.class)
        return;
    if (initiator_discover(&u->in, record, seen) == 0 && !world.ending) {
        for (unsigned i = 0; i < ARRAY_SIZE(before); i++)
            check_listing(i / N_PORTALS, i % N_PORTALS, &before[i], seen[i / N_PORTALS][i % N_PORTALS]);
    }
    initiator_close(&u->in);
}

static void log_in(struct user *u)
{
    struct moment before = moment_of(u->target, u->portal);
    struct login_answer answer = { 0 };
    int r = initiator_login(&u->in, portal_address[u->portal], target_name[u->target], &answer);

    sim_trace("login to %s at %s: %d, status %u/%u, tag %u %s", target_name[u->target], portal_address[u->portal], r, answer.class,
              answer.detail, answer.tag, answer.address);
    check_login(u, &before, r, &answer);
    if (r == 0 && answer.class == 0) {
        world.n_logins++;
        u->tag = answer.tag;
        unlock_blocks(u);
        run_session(u);
    } else if (r == 0 && answer.class == 1) {
        world.n_redirects++;
        u->portal = portal_at(answer.address);
    } else {
        u->portal = sim_below(N_PORTALS);
        sim_sleep(sim_below(300 * SIM_MS));
    }
}

static void user_run(void *arg)
{
    struct user *u = arg;

    sim_sleep(sim_below(20 * SIM_MS));
    while (!world.stop) {
        if (sim_chance(25))
            u->portal = sim_below(N_PORTALS);
        if (sim_chance(10))
            discover(u);
        else
            log_in(u);
        sim_sleep(sim_below(10 * SIM_MS));
    }
    initiator_fini(&u->in);
}

/* ---- administrators ---------------------------------------------------------------------------------------------------------------- */

static void path_add(unsigned t, unsigned p, uint16_t tag)
{
    struct pair *pair = &world.pairs[t][p];
    int r;

    pair->version++;
    r = engine_path_add(world.engine, id_of('T', t), id_of('P', p), tag);
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
        sim_check(status.n_left <= n_left && status.n_left <= status.n_start, "the progress of a drain goes back: %u, %u left of %u", n_left,
                  status.n_left, status.n_start);
        n_left = status.n_left;
        if (r != -ETIMEDOUT)
            break;
        if (sim_chance(15)) {
            engine_drain_cancel(drain);
            return false;
        }
    }
    sim_check(r == 0 && status.n_left == 0, "a drain ends with %d, %u left", r, status.n_left);
    sim_check(sim_now() - since <= limit_ms * SIM_MS + GRACE_NS, "a drain of at most %u ms took %.3f s", limit_ms, (double)(sim_now() - since) / 1e9);
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
        sim_check(!same_id(&sessions[i].target, id_of('T', t)) || !same_id(&sessions[i].portal, id_of('P', p)),
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
        r = engine_path_retag(world.engine, id_of('T', t), id_of('P', p), tag);
    else
        r = engine_path_remove(world.engine, id_of('T', t), id_of('P', p));
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
    r = engine_drain_start(world.engine, id_of('T', t), id_of('P', p), 1, limit_ms, &drain);
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
        path_add(t, p, (uint16_t)(1 + sim_below(3)));
}

static void portal_open(unsigned p)
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
    r = engine_portal_open(world.engine, id_of('P', p), &addr);
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
    r = engine_drain_start(world.engine, NULL, id_of('P', p), 1, limit_ms, &drain);
    sim_check(r == 0, "draining a portal: %d", r);
    if (drain_to_its_end(drain, limit_ms)) {
        r = engine_portal_close(world.engine, id_of('P', p));
        sim_check(r == 0, "closing a portal: %d", r);
        world.portal_open[p] = false;
        world.portal_version[p]++;
        sim_trace("%s is closed", portal_address[p]);
        sim_sleep(sim_below(SIM_S));
        world.portal_version[p]++;
        portal_open(p);
        engine_drain_cancel(drain);
        sim_trace("%s is open", portal_address[p]);
    }
    engine_drain_free(drain);
    world.portal_version[p]++;
}

static void target_make(unsigned t)
{
    int r = engine_target_create(world.engine, id_of('T', t), target_name[t], "");

    if (r == 0)
        r = engine_lun_map(world.engine, id_of('T', t), 0, id_of('L', t));
    sim_check(r == 0, "making a target: %d", r);
}

static void delete_a_target(void)
{
    unsigned t = sim_below(N_TARGETS);
    int r;

    world.target_version[t]++;
    sim_trace("deletes %s", target_name[t]);
    r = engine_target_destroy(world.engine, id_of('T', t));
    sim_check(r == 0, "deleting a target: %d", r);
    for (unsigned p = 0; p < N_PORTALS; p++) {
        check_nobody_is_there(t, p);
        world.pairs[t][p].in = false;
    }
    world.target_version[t]++;
    sim_sleep(sim_below(SIM_S));
    world.target_version[t]++;
    target_make(t);
    world.target_version[t]++;
    sim_trace("%s is there again", target_name[t]);
}

/* The second administrator's: LUNs and sessions, whatever the first does to their target meanwhile. */
static void unmap_for_a_while(void)
{
    unsigned t = sim_below(N_TARGETS);

    sim_trace("unmaps LUN 0 of %s", target_name[t]);
    if (engine_lun_unmap(world.engine, id_of('T', t), id_of('L', t)) < 0)
        return; /* the target is being deleted */
    sim_sleep(sim_below(500 * SIM_MS));
    engine_lun_map(world.engine, id_of('T', t), 0, id_of('L', t));
    sim_trace("maps LUN 0 of %s", target_name[t]);
}

static void mask_for_a_while(void)
{
    unsigned t = sim_below(N_TARGETS);
    const char *only = world.users[sim_below(world.n_users)].in.name;

    sim_check(engine_lu_set_mask(world.engine, id_of('L', t), false, &only, 1) == 0, "masking");
    sim_sleep(sim_below(500 * SIM_MS));
    sim_check(engine_lu_set_mask(world.engine, id_of('L', t), true, NULL, 0) == 0, "unmasking");
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

static void first_admin(void *arg)
{
    static void (*const does[])(void) = { move_something, move_something, move_something, take_portal_down, delete_a_target };

    (void)arg;
    for (unsigned n = 3 + sim_below(8); n > 0; n--) {
        sim_sleep(sim_below(sim_chance(70) ? 50 * SIM_MS : 2 * SIM_S));
        does[sim_below(ARRAY_SIZE(does))]();
    }
    world.n_admins--;
}

static void second_admin(void *arg)
{
    static void (*const does[])(void) = { unmap_for_a_while, mask_for_a_while, drop_a_session };

    (void)arg;
    for (unsigned n = sim_below(5); n > 0; n--) {
        sim_sleep(sim_below(SIM_S));
        does[sim_below(ARRAY_SIZE(does))]();
    }
    world.n_admins--;
}

/* ---- one world ----------------------------------------------------------------------------------------------------------------------- */

static void on_event(void *arg, const struct engine_event *event)
{
    (void)arg;
    world.n_up += event->kind == ENGINE_SESSION_UP;
    world.n_down += event->kind == ENGINE_SESSION_DOWN;
}

static void make_units(void)
{
    for (unsigned t = 0; t < N_TARGETS; t++) {
        struct scsi_lu_config config = { .id = *id_of('L', t) };
        struct scsi_lu *lu;
        int r = disk_open(N_INITIATORS * REGION * BLOCK, &world.stores[t]);

        if (r == 0)
            r = scsi_lu_create(&config, world.stores[t], &lu);
        if (r == 0)
            r = engine_lu_add(world.engine, id_of('L', t), lu);
        if (r == 0)
            r = engine_lu_set_mask(world.engine, id_of('L', t), true, NULL, 0);
        sim_check(r == 0, "making a unit: %d", r);
        scsi_lu_unref(lu);
        target_make(t);
    }
}

static void make_engine(void)
{
    struct engine_options options = { .iscsi = iscsi_limits_default, .event = on_event };
    int r;

    options.n_reactors = 1 + sim_below(3);
    options.iscsi.tasks = 2 + sim_below(30);
    options.iscsi.session_bytes = sim_chance(20) ? 32768 : 0;
    options.iscsi.max_recv_data_segment = 512u << sim_below(8);
    options.iscsi.max_burst = 1024u << sim_below(8);
    options.iscsi.first_burst = 512u << sim_below(2);
    options.iscsi.initial_r2t = sim_chance(30);
    options.iscsi.immediate_data = sim_chance(80);
    options.iscsi.max_outstanding_r2t = (uint16_t)(1 + sim_below(4));
    options.iscsi.keepalive_seconds = 1 + sim_below(15);
    options.iscsi.time2wait = (uint16_t)sim_below(3);
    r = engine_create(&options, &world.engine);
    sim_check(r == 0, "making the engine: %d", r);
}

static void make_paths(void)
{
    for (unsigned p = 0; p < N_PORTALS; p++)
        portal_open(p);
    for (unsigned t = 0; t < N_TARGETS; t++) {
        for (unsigned p = 0; p < N_PORTALS; p++) {
            if (sim_chance(70))
                path_add(t, p, (uint16_t)(1 + sim_below(2)));
        }
    }
}

static void make_users(void)
{
    world.n_users = 1 + sim_below(N_INITIATORS);
    for (unsigned i = 0; i < world.n_users; i++) {
        struct user *u = &world.users[i];
        char name[32];

        *u = (struct user){ .index = i, .target = sim_below(N_TARGETS), .portal = sim_below(N_PORTALS) };
        u->in.fd = -1;
        u->in.answered = answered;
        u->in.arg = u;
        snprintf(u->in.name, sizeof u->in.name, "iqn.2026-11.org.vds.sim:initiator-%u", i);
        memcpy(u->in.isid, (uint8_t[]){ 0x80, 0, 0, 0, 0, (uint8_t)i }, 6);
        snprintf(name, sizeof name, "initiator-%u", i);
        u->co = sim_spawn(name, user_run, u);
    }
}

static void check_disks(void)
{
    for (unsigned i = 0; i < world.n_users; i++) {
        const struct user *u = &world.users[i];

        for (unsigned b = 0; b < REGION; b++)
            check_block(u, b, disk_bytes(world.stores[u->target]) + (size_t)lba_of(u, b) * BLOCK);
    }
}

/* The day is over: the engine goes first, under load, or last. */
static void end_it(void)
{
    bool under_load = sim_chance(40);

    world.ending = true;
    if (under_load) {
        sim_trace("the engine is destroyed under load");
        engine_destroy(world.engine);
    }
    world.stop = true;
    for (unsigned i = 0; i < world.n_users; i++)
        sim_join(world.users[i].co);
    if (!under_load)
        engine_destroy(world.engine);
    sim_check(world.n_up == world.n_down, "%u sessions came, %u went", world.n_up, world.n_down);
    check_disks();
    for (unsigned t = 0; t < N_TARGETS; t++)
        store_unref(world.stores[t]);
    sim_check(net_n_open() == 0, "%u descriptors are left open", net_n_open());
}

static void play(uint64_t seed, bool trace)
{
    struct co *admins[2];

    net_reset();
    sim_begin(seed, trace);
    world.stop = world.ending = false;
    world.n_up = world.n_down = 0;
    memset(world.pairs, 0, sizeof world.pairs);
    memset(world.portal_version, 0, sizeof world.portal_version);
    memset(world.target_version, 0, sizeof world.target_version);
    make_engine();
    make_units();
    make_paths();
    make_users();
    admins[0] = sim_spawn("admin", first_admin, NULL);
    admins[1] = sim_spawn("admin-2", second_admin, NULL);
    sim_join(admins[0]);
    sim_join(admins[1]);
    end_it();
    world.n_turns += sim_end();
}

/* ---- the program ------------------------------------------------------------------------------------------------------------------------ */

static int usage(int status)
{
    fprintf(status ? stderr : stdout,
            "usage: sim [--seeds FIRST-LAST] [--seed N] [--trace] [--log]\n"
            "Plays the engine's day once for each seed (default: 1-1000). Stops at the first that fails and says how to replay it.\n");
    return status;
}

static bool seeds_parse(const char *text, unsigned long long *first, unsigned long long *last)
{
    char end;

    return sscanf(text, "%llu-%llu%c", first, last, &end) == 2 && *first <= *last;
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "seeds", required_argument, NULL, 's' }, { "seed", required_argument, NULL, 'n' },
                                             { "trace", no_argument, NULL, 't' },       { "log", no_argument, NULL, 'l' },
                                             { "help", no_argument, NULL, 'h' },        { 0 } };
    unsigned long long first = 1, last = 1000;
    bool trace = false;
    int c;

    log_set_level(LOG_LEVEL_ERROR);
    while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        if (c == 'n' && sscanf(optarg, "%llu", &first) == 1)
            last = first;
        else if (c == 's' && seeds_parse(optarg, &first, &last))
            ;
        else if (c == 't')
            trace = true;
        else if (c == 'l')
            log_set_level(LOG_LEVEL_DEBUG);
        else
            return usage(c != 'h');
    }
    for (unsigned long long seed = first; seed <= last; seed++)
        play(seed, trace);
    printf("%llu seeds, %llu turns: %llu logins, %llu redirected, %llu sessions lost, %llu writes and %llu reads, %llu drains to the end, "
           "%llu of them by their limit\n",
           last - first + 1, (unsigned long long)world.n_turns, (unsigned long long)world.n_logins, (unsigned long long)world.n_redirects,
           (unsigned long long)world.n_lost, (unsigned long long)world.n_writes, (unsigned long long)world.n_reads,
           (unsigned long long)world.n_drains, (unsigned long long)world.n_drains_cut);
    return 0;
}
