/* SPDX-License-Identifier: MIT */
/* What the files of the fake array share: fake_array.c has the things and the test's handles,
 * fake_array_read.c what is asked, fake_array_op.c operations that take a while, fake_array_change.c what is
 * changed. */
#ifndef VDS_TESTS_UNIT_FAKE_ARRAY_INTERNAL_H
#define VDS_TESTS_UNIT_FAKE_ARRAY_INTERNAL_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error_text.h"
#include "fake_array.h"

#define MAX 64

enum kind { PORTAL, TARGET, GROUP, LUN, DRIVE, CONTROLLER, N_KINDS };

struct thing {
    struct guid id, parent; /* of a group: its target; of a LUN: its drive */
    uint16_t tag;
    uint32_t status;
    bool thick, no_address, write_through;
    uint32_t features, block_size, physical_block_size;
    uint64_t size;
    char name[64], iscsi_name[64], mask[256];
    struct guid members[MAX]; /* of a group: portals; of a LUN: targets */
    size_t n_members;
};

struct array {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct thing things[N_KINDS][MAX];
    size_t n[N_KINDS];
    struct guid id, provider_id, pool;
    char name[64], last_secret[128], import_target[224];
    uint32_t status;
    HRESULT fail;
    bool hold;
    int n_blocked, n_reenumerations, n_refreshes;
    struct array_op *running[MAX];
    size_t n_running;
    struct engine_session sessions[8];
    size_t n_sessions, n_more_ties;
    void (*notify)(void *arg, const struct array_notification *events, size_t n);
    void *notify_arg;
};

struct array_op {
    _Atomic unsigned refs;
    struct array *array;
    struct guid object;
    struct array_op_result result;
    void (*done)(void *arg);
    void *done_arg;
};

struct thing *thing_add(struct array *a, enum kind kind);
struct thing *thing_find(struct array *a, enum kind kind, const struct guid *id);
void thing_drop(struct array *a, enum kind kind, struct thing *t);
bool thing_has(const struct thing *t, const struct guid *member);
void thing_emit(struct array *a, uint32_t event, uint32_t type, const struct guid *id);

/* calloc() that a test of failing allocations does not see. */
void *fake_take(size_t n, size_t size);

/* An operation that ends with `hr`, at once or when it is let go. */
HRESULT fake_op_start(struct array *a, const struct guid *object, HRESULT hr, const struct guid *output,
                      struct array_op **ret_op);
bool fake_busy(struct array *a, const struct guid *object);

#define LOCKED(a) \
    __attribute__((unused)) _cleanup_(unlockp) struct array *locked = (pthread_mutex_lock(&(a)->lock), (a))
static inline void unlockp(struct array **a)
{
    pthread_mutex_unlock(&(*a)->lock);
}

#define CHECK(a) \
    do { \
        if (FAILED((a)->fail)) { \
            error_text_set("the test wants a failure"); \
            return (a)->fail; \
        } \
    } while (0)

/* The beginning of a call that changes a thing, t. */
#define ADMIT(a, kind, id) \
    LOCKED(a); \
    struct thing *t; \
    CHECK(a); \
    if (!(t = thing_find(a, kind, id))) \
        return VDS_E_OBJECT_DELETED; \
    if (fake_busy(a, id)) \
        return VDS_E_ANOTHER_CALL_IN_PROGRESS

#endif
