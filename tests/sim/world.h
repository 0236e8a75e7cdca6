/* SPDX-License-Identifier: MIT */
/* The world of one day: what there is, what its initiators (user.c) and administrators (admin.c) know of each
 * other, and the program that plays it (day.c). */
#ifndef VDS_TESTS_SIM_WORLD_H
#define VDS_TESTS_SIM_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "initiator.h"
#include "sim.h"
#include "target/engine.h"

#define N_TARGETS    2
#define N_PORTALS    3
#define N_INITIATORS 5
#define REGION       64 /* blocks of one initiator */
#define DOUBTS       16

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

struct world {
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
};
extern struct world world;

extern const char *const portal_address[N_PORTALS];
extern const char *const target_name[N_TARGETS];
const struct guid *world_id(char kind, unsigned n); /* 'P'ortal, 'T'arget, 'L'UN */

/* An initiator from its beginning until world.stop; its commands are answered to user_answered(). */
void user_run(void *arg);
void user_answered(void *arg, struct command *c, uint8_t status, uint8_t key, uint16_t asc);
uint32_t user_lba(const struct user *u, unsigned block);
void user_check_block(const struct user *u, unsigned block, const uint8_t *data); /* it holds what it may */

/* The first moves paths, takes portals down and deletes targets; the second changes LUNs and drops sessions,
 * whatever the first does to their target meanwhile. */
void admin_first(void *arg);
void admin_second(void *arg);
void admin_path_add(unsigned target, unsigned portal, uint16_t tag);
void admin_portal_open(unsigned portal);
void admin_target_make(unsigned target);

#endif
