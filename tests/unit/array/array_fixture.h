/* SPDX-License-Identifier: MIT */
/* An array over the fake engine on a state directory of its own, with four portals, and one-line ways to
 * change and compare it. */
#ifndef VDS_TESTS_ARRAY_FIXTURE_H
#define VDS_TESTS_ARRAY_FIXTURE_H

#include "../unit_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array/array.h"
#include "base/error_text.h"
#include "fake_engine.h"
#include "../state/state_file.h"

#define WSAEADDRINUSE_HR ((HRESULT)0x80072740)
#define N_PORTALS 4

struct seen { /* events, in order, with the call they came in */
    struct array_notification event;
    unsigned call;
};

struct fixture {
    char dir[64];
    struct array_options options;
    struct array *array;
    struct guid portal[N_PORTALS]; /* 127.0.0.1:5001, :5002, [::1]:5003, 10.9.8.7:5004 (not on this host) */
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct seen seen[4096];
    size_t n_seen;
    unsigned n_calls;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

struct fixture *fixture_new(void);
void fixture_free(struct fixture *f);
void fixture_start(struct fixture *f);
void fixture_stop(struct fixture *f);
void fixture_restart(struct fixture *f);
struct engine *fixture_engine(struct fixture *f);
/* Array (through its public face), state (through a connection of its own) and engine, as text. The caller
 * frees it. */
char *fixture_dump_all(struct fixture *f);
void fixture_restart_changes_nothing(struct fixture *f); /* of that */
void fixture_state_path(const struct fixture *f, char path[static 128]);

/* Waits for the end and gives the result; ret_output may be NULL. The reference is dropped. */
HRESULT finish_op(HRESULT hr, struct array_op *op, struct guid *ret_output);
HRESULT target_create(struct fixture *f, const char *name, struct guid *ret_target);
struct guid a_target(struct fixture *f);
struct guid a_group(struct fixture *f, const struct guid *target);
HRESULT add_portal(struct fixture *f, const struct guid *group, const struct guid *portal);
HRESULT remove_portal(struct fixture *f, const struct guid *group, const struct guid *portal);
HRESULT set_portals(struct fixture *f, const struct guid *group, const struct guid *portals, size_t n);
HRESULT move_portal(struct fixture *f, const struct guid *group, const struct guid *portal,
                    const struct guid *to);
HRESULT group_delete(struct fixture *f, const struct guid *group);
HRESULT target_delete(struct fixture *f, const struct guid *target);
struct guid a_lun(struct fixture *f);
uint16_t group_tag(struct fixture *f, const struct guid *group);
size_t count(struct fixture *f, enum array_relation relation, const struct guid *of);
struct guid only(struct fixture *f, enum array_relation relation, const struct guid *of);
uint32_t portal_status_of(struct fixture *f, unsigned i);
uint32_t subsystem_status(struct fixture *f);

void events_clear(struct fixture *f);
/* The next event that was not looked at yet must be this one (waits for it). */
void expect_event(struct fixture *f, uint32_t event, const struct guid *id);
/* Waits until the event has come, whatever came before it. */
void await_event(struct fixture *f, uint32_t event, const struct guid *id);
void expect_no_more_events(struct fixture *f);

#define assert_hr(actual, expected) assert_int_equal((uint32_t)(actual), (uint32_t)(expected))

#endif
