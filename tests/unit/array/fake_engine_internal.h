/* SPDX-License-Identifier: MIT */
/* What the files of the fake engine share: fake_engine.c has what is served, fake_drain.c the drains. */
#ifndef VDS_TESTS_FAKE_ENGINE_INTERNAL_H
#define VDS_TESTS_FAKE_ENGINE_INTERNAL_H

#include <pthread.h>

#include "base/list.h"
#include "fake_engine.h"

enum thing_kind { THING_PORTAL, THING_TARGET, THING_PATH, THING_UNIT, THING_MAP, THING_SECRET };

/* Everything that is served is one of these: two ids, a number and a text. */
struct thing {
    struct list_node link;
    enum thing_kind kind;
    struct guid a, b;
    unsigned number, n_conns;
    bool out; /* a path: taken out of login and discovery */
    char *text;
    struct scsi_lu *lu;
};

struct engine {
    struct list_node things;
    void (*event)(void *arg, const struct engine_event *event);
    void *event_arg;
};

extern pthread_mutex_t fake_lock; /* guards all that is served, and the drains */
extern pthread_cond_t fake_changed;

struct thing *fake_find(struct engine *engine, enum thing_kind kind, const struct guid *a,
                        const struct guid *b);

/* Every changing call begins with fake_enter(): 0 with the lock held, or the failure that was ordered. It
 * ends with fake_leave(). */
int fake_enter(const char *name);
int fake_leave(int r);

#define ENTER()                        \
    do {                               \
        int r_ = fake_enter(__func__); \
        if (r_ < 0)                    \
            return r_;                 \
    } while (0)

#endif
