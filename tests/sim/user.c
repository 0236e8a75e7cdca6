/* SPDX-License-Identifier: MIT */
/* Initiators that write and read their own blocks, whatever happens underneath. A model knows of each block
 * what it may hold: the last value that was acknowledged, or one that was sent and whose fate is open. A
 * block whose fate is open because its session was lost is left alone until that session has been reinstated,
 * since nothing else ends the old one's commands. */
#include <errno.h>

#include "world.h"

#define PATIENCE_NS  (40 * SIM_S)

/* ---- the model ------------------------------------------------------------------------------------- */

uint32_t user_lba(const struct user *u, unsigned block)
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
        sim_check(other == value, "block %u holds pieces of the values %llu and %llu", lba,
                  (unsigned long long)value, (unsigned long long)other);
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

void user_check_block(const struct user *u, unsigned block, const uint8_t *data)
{
    const struct block *b = &u->blocks[block];
    uint64_t value = value_in(data, user_lba(u, block));

    sim_check(may_hold(b, value),
              "block %u of initiator %u holds %llu, where %llu was acknowledged (%u others are possible)",
              user_lba(u, block), u->index, (unsigned long long)value, (unsigned long long)b->value,
              b->n_doubts);
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
    return status == 0x28 || status == 0x08 ||
           (status == 2 && (key == 6 || key == 2 || (key == 5 && asc == 0x2500)));
}

void user_answered(void *arg, struct command *c, uint8_t status, uint8_t key, uint16_t asc)
{
    struct user *u = arg;
    uint64_t value = u->writes[c - u->in.commands];

    sim_trace("%s %u+%u: status %02x %x/%04x", c->write ? "write" : "read", c->lba, c->n_blocks, status, key,
              asc);
    for (unsigned i = 0; i < c->n_blocks; i++) {
        struct block *b = &u->blocks[c->lba - user_lba(u, 0) + i];

        b->busy = false;
        if (!c->write && status == 0) {
            user_check_block(u, c->lba - user_lba(u, 0) + i, c->data + i * BLOCK);
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
            struct block *b = &u->blocks[c->lba - user_lba(u, 0) + i];

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

/* ---- initiators ------------------------------------------------------------------------------------ */

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
    c->lba = user_lba(u, first);
    c->n_blocks = n;
    u->writes[c - u->in.commands] = value;
    for (unsigned i = 0; i < n; i++) {
        u->blocks[first + i].busy = true;
        fill(c->data + i * BLOCK, value);
    }
    sim_trace("%s %u+%u%s%llu", c->write ? "write" : "read", c->lba, n, c->write ? " value " : " #",
              (unsigned long long)value);
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
} acts[] = { { 45, begin_command },      { 35, hear },      { 5, ping },
             { 4, abort_some },          { 2, reset_unit }, { 7, be_quiet },
             { 2, lose_it_now_and_then } };

static enum session_end act(struct user *u)
{
    unsigned at = sim_below(100), i = 0;

    while (at >= acts[i].weight)
        at -= acts[i++].weight;
    return acts[i].act(u);
}

/* A command may be silenced by another initiator's reset (SAM-5: no response without TAS): whoever waits too
 * long starts over. */
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
    return (struct moment){ world.pairs[t][p], world.portal_version[p], world.target_version[t],
                            world.portal_open[p] };
}

static bool is_settled(const struct moment *m)
{
    return m->pair.version % 2 == 0 && m->portal_version % 2 == 0 && m->target_version % 2 == 0;
}

static bool is_same(const struct moment *a, const struct moment *b)
{
    return a->pair.version == b->pair.version && a->portal_version == b->portal_version &&
           a->target_version == b->target_version;
}

static void check_login(const struct user *u, const struct moment *before, int r,
                        const struct login_answer *a)
{
    struct moment now = moment_of(u->target, u->portal);

    if (world.ending || !is_settled(before) || !is_same(before, &now))
        return;
    if (!before->open)
        sim_check(r == -ECONNREFUSED, "a closed portal is connected to");
    else if (!before->pair.in)
        sim_check(r == 0 && a->class == 2 && a->detail == 3,
                  "a portal that serves the target no more: %d, status %u/%u", r, a->class, a->detail);
    else
        sim_check(r == 0 && a->class == 0 && a->tag == before->pair.tag,
                  "a portal that serves the target with tag %u: %d, status %u/%u, tag %u", before->pair.tag,
                  r, a->class, a->detail, a->tag);
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

    sim_check(!is_settled(before) || !is_same(before, &now) || seen == wanted,
              "SendTargets: %s at %s has tag %u, should have %u", target_name[t], portal_address[p], seen,
              wanted);
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

    sim_trace("login to %s at %s: %d, status %u/%u, tag %u %s", target_name[u->target],
              portal_address[u->portal], r, answer.class, answer.detail, answer.tag, answer.address);
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

void user_run(void *arg)
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
