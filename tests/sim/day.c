/* SPDX-License-Identifier: MIT */
/* The engine under thousands of different days: what is played, and what must hold. See README.md. */
#include <getopt.h>
#include <stdio.h>

#include "base/log.h"
#include "disk.h"
#include "net.h"
#include "world.h"

struct world world;

const char *const portal_address[N_PORTALS] = { "10.0.0.1:3260", "10.0.0.2:3260", "10.0.0.3:3261" };
const char *const target_name[N_TARGETS] = { "iqn.2026-11.org.vds.sim:a", "iqn.2026-11.org.vds.sim:b" };

const struct guid *world_id(char kind, unsigned n)
{
    static struct guid ids[3][8];
    struct guid *id = &ids[kind == 'P' ? 0 : kind == 'T' ? 1 : 2][n];

    memset(id, 0, sizeof *id);
    memcpy(id, &(uint8_t[]){ (uint8_t)kind, (uint8_t)(n + 1) }, 2);
    return id;
}

/* ---- one world ------------------------------------------------------------------------------------- */

static void on_event(void *arg, const struct engine_event *event)
{
    (void)arg;
    world.n_up += event->kind == ENGINE_SESSION_UP;
    world.n_down += event->kind == ENGINE_SESSION_DOWN;
}

static void make_units(void)
{
    for (unsigned t = 0; t < N_TARGETS; t++) {
        struct scsi_lu_config config = { .id = *world_id('L', t) };
        struct scsi_lu *lu;
        int r = disk_open(N_INITIATORS * REGION * BLOCK, &world.stores[t]);

        if (r == 0)
            r = scsi_lu_create(&config, world.stores[t], &lu);
        if (r == 0)
            r = engine_lu_add(world.engine, world_id('L', t), lu);
        if (r == 0)
            r = engine_lu_set_mask(world.engine, world_id('L', t), true, NULL, 0);
        sim_check(r == 0, "making a unit: %d", r);
        scsi_lu_unref(lu);
        admin_target_make(t);
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
        admin_portal_open(p);
    for (unsigned t = 0; t < N_TARGETS; t++) {
        for (unsigned p = 0; p < N_PORTALS; p++) {
            if (sim_chance(70))
                admin_path_add(t, p, (uint16_t)(1 + sim_below(2)));
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
        u->in.answered = user_answered;
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
            user_check_block(u, b, disk_bytes(world.stores[u->target]) + (size_t)user_lba(u, b) * BLOCK);
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
    admins[0] = sim_spawn("admin", admin_first, NULL);
    admins[1] = sim_spawn("admin-2", admin_second, NULL);
    sim_join(admins[0]);
    sim_join(admins[1]);
    end_it();
    world.n_turns += sim_end();
}

/* ---- the program ----------------------------------------------------------------------------------- */

static int usage(int status)
{
    fprintf(status ? stderr : stdout, "usage: sim [--seeds FIRST-LAST] [--seed N] [--trace] [--log]\n"
                                      "Plays the engine's day once for each seed (default: 1-1000). Stops at "
                                      "the first that fails and says how to replay it.\n");
    return status;
}

static bool seeds_parse(const char *text, unsigned long long *first, unsigned long long *last)
{
    char end;

    return sscanf(text, "%llu-%llu%c", first, last, &end) == 2 && *first <= *last;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "seeds", required_argument, NULL, 's' }, { "seed", required_argument, NULL, 'n' },
        { "trace", no_argument, NULL, 't' },       { "log", no_argument, NULL, 'l' },
        { "help", no_argument, NULL, 'h' },        { 0 }
    };
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
    printf("%llu seeds, %llu turns: %llu logins, %llu redirected, %llu sessions lost, %llu writes and %llu "
           "reads, %llu drains to the end, "
           "%llu of them by their limit\n",
           last - first + 1, (unsigned long long)world.n_turns, (unsigned long long)world.n_logins,
           (unsigned long long)world.n_redirects, (unsigned long long)world.n_lost,
           (unsigned long long)world.n_writes, (unsigned long long)world.n_reads,
           (unsigned long long)world.n_drains, (unsigned long long)world.n_drains_cut);
    return 0;
}
