/* SPDX-License-Identifier: MIT */
/* A state directory of its own per test, rows with sensible values, a dump to compare, and a second
 * connection: "somebody else". */
#ifndef VDS_TESTS_STATE_FIXTURE_H
#define VDS_TESTS_STATE_FIXTURE_H

#include "../unit_test.h"

#include "state/state.h"
#include "state_file.h"

struct fixture {
    char dir[64];
    struct state *state;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

void fixture_open(struct fixture *f);
void fixture_reopen(struct fixture *f); /* close, open */
struct state_image *fixture_load(struct fixture *f);
char *fixture_dump(const char *dir); /* fixture_dump_state(); the caller frees it */

struct guid new_guid(void);
struct state_portal a_portal(unsigned port);
struct state_target a_target(const char *name);
struct state_group a_group(const struct state_target *target, unsigned tag);
struct state_member a_member(const struct state_group *group, const struct state_portal *portal);
struct state_drive a_drive(const char *path);
struct state_lun a_lun(const struct state_drive *drive, const char *file);

/* A portal, a target, two groups of it, committed. */
struct two_groups {
    struct state_portal p;
    struct state_target t;
    struct state_group g1, g2;
};
struct two_groups two_groups_commit(struct fixture *f);

#define COMMIT_ONE(state, noun, verb, row) commit_row(state, STATE_##noun, STATE_##verb, row)
int commit_row(struct state *state, enum state_table table, enum state_verb verb, const void *row);
void remove_tree(const char *dir);

#endif
