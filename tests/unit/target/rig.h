/* SPDX-License-Identifier: MIT */
/* What the engine's tests stand on: an engine with portals on loopback (free ports), targets and memory
 * units, all named by small numbers. Tear-down destroys the engine and checks that every descriptor that was
 * opened since set-up is closed again.
 */
#ifndef VDS_TESTS_TARGET_RIG_H
#define VDS_TESTS_TARGET_RIG_H

#include "../unit_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/guid.h"
#include "initiator.h"
#include "scsi/scsi.h"
#include "store/store.h"
#include "target/engine.h"

#define RIG_LU_BLOCKS   2048u
#define RIG_LU_BYTES    (RIG_LU_BLOCKS * 512u)
#define DRAIN_PATIENT   60000 /* a limit that no test reaches */
#define WAIT_PATIENT_MS 30000 /* a guard against hanging, no timing */

struct rig {
    struct engine *engine;
    unsigned n_fds; /* before */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* by events, and rig_changed() */
    atomic_uint n_up, n_down, n_addresses_changed, n_listeners_failed;
    atomic_int hold; /* rig_lu_that_holds() keeps writes while this is set */
};

/* For cmocka; *state is the rig. The plain one has 2 reactors and default limits. */
int rig_set_up(void **state);
int rig_set_up_with(void **state, const struct engine_options *options);
int rig_tear_down(void **state);
#define rig_test(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)

struct guid rig_portal_id(unsigned portal);
struct guid rig_target_id(unsigned target);
struct guid rig_lu_id(unsigned lu);
const char *rig_target_name(unsigned target); /* of a static buffer per target, < 64 */

void rig_portal(struct rig *rig, unsigned portal);    /* opens it on 127.0.0.1 */
void rig_portal_v6(struct rig *rig, unsigned portal); /* on ::1 */
void rig_portal_close(struct rig *rig, unsigned portal);
/* "127.0.0.1:40000", in a static buffer per portal, < 16. */
const char *rig_address(struct rig *rig, unsigned portal);
void rig_target(struct rig *rig, unsigned target);
void rig_path(struct rig *rig, unsigned target, unsigned portal, uint16_t tag);
/* A memory unit that everyone may see, mapped as LUN `number` of the target. */
void rig_lun(struct rig *rig, unsigned target, uint16_t number, unsigned lu);
/* Only the unit, over this store; masked from everyone. */
void rig_lu_over(struct rig *rig, unsigned lu, struct store *store);
/* The same over a store of its own, which keeps writes while rig->hold is set and until rig_let_go(). The
 * caller drops it. */
struct store *rig_lu_that_holds(struct rig *rig, unsigned lu);
void rig_let_go(struct rig *rig, struct store *store);

/* Connects to the portal and logs in as initiator `number`; fails the test when that fails. */
void rig_login(struct rig *rig, struct initiator *in, unsigned number, unsigned target, unsigned portal);
/* The same, returning what initiator_login() says. */
int rig_try_login(struct rig *rig, struct initiator *in, unsigned number, unsigned target, unsigned portal);
/* The whole answer to SendTargets=All through this portal; freed by the caller. */
char *rig_discover(struct rig *rig, unsigned portal);
/* "TargetAddress=<address>,<tag>\n" of the portal; in a static buffer. */
const char *rig_record(struct rig *rig, unsigned portal, unsigned tag);
size_t rig_n_sessions(struct rig *rig);
/* Waits until it is so, asking again after each event and rig_changed(). false: it was not so for
 * WAIT_PATIENT_MS. */
bool rig_wait_until(struct rig *rig, bool (*is_so)(struct rig *rig, void *arg), void *arg);
void rig_changed(struct rig *rig);
/* Until the count has come down to n by itself: closing is an event on another thread. */
void rig_wait_sessions(struct rig *rig, size_t n);
/* Events arrive a little later than what they tell: waits for the n-th of a kind (&rig->n_down, ...). */
void rig_wait_count(struct rig *rig, atomic_uint *count, unsigned n);

unsigned rig_count_fds(void);

#endif
