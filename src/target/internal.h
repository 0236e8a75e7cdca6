/* SPDX-License-Identifier: MIT */
/* The engine and its reactors: what the files of this folder share. Its face is engine.h.
 *
 *    listener (one per portal) --accept--> placed on the least loaded reactor --message--> connection
 *    (conn.h)
 *        |                                                                                   |  iscsi_conn: protocol, no I/O
 *    directory (tables, lock) <------- admit, release, session_open, list (admission.c) -----+
 *        |                                                                                   |
 *    drain, LUN maps -------- messages to each reactor: look at your connections ------------+
 *
 * Lock order: directory, then one of {registry, drain}. A reactor calls into a connection under no lock at
 * all.
 */
#ifndef VDS_TARGET_INTERNAL_H
#define VDS_TARGET_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "loop/loop.h"
#include "target/address.h"
#include "target/buffers.h"
#include "target/directory.h"
#include "target/engine.h"
#include "target/event.h"
#include "target/session.h"
#include "target/source.h"

struct send_slot;

/* One thread, one loop, and the connections placed there. All but `load` is the loop thread's. */
struct target_reactor {
    struct engine *engine;
    unsigned index;
    struct loop *loop;
    pthread_t thread;
    bool started;               /* the thread is there to be joined */
    bool stopping;              /* a connection that still arrives is closed at once */
    struct target_buffers buffers; /* task data */
    struct send_slot *slots;    /* idle gather lists */
    struct list_node conns;     /* struct target_conn */
    struct list_node touched;   /* connections to look at when this turn's callbacks have run */
    struct loop_op touched_op;
    bool touched_armed;
    bool one_touched;           /* only one connection has had something to do this turn */
    uint8_t rubbish[16384];     /* what closing connections still receive: written by all, read by none */
    atomic_uint load;           /* connections placed here, those on their way too */
};

struct engine {
    struct engine_options options;
    struct target_directory dir;
    struct target_registry registry;
    struct target_sources sources;
    struct target_events events;
    struct list_node drains;    /* struct engine_drain; under the directory's lock */
    struct target_reactor *reactors;
    unsigned n_reactors;
    struct target_address_watch watch;
    bool watching;
    atomic_bool watch_stopped;
    /* where the search for the least loaded starts, and where the next listener goes */
    atomic_uint next_reactor;
    _Atomic uint64_t next_conn_id;
    pthread_mutex_t settle_lock; /* one engine_lu_settle() at a time: a command is counted by one watch */
};

/* Runs `look(reactor, arg)` on every reactor, one after the other, and returns when the last has. Not on a
 * reactor's thread, under no lock. */
void target_each_reactor(struct engine *engine, void (*look)(struct target_reactor *reactor, void *arg),
                         void *arg);

struct target_reactor *target_reactor_least_loaded(struct engine *engine);

int target_reactor_start(struct target_reactor *reactor, struct engine *engine, unsigned index);
/* All its connections must be gone. Joins the thread. Fine on one that never started. */
void target_reactor_stop(struct target_reactor *reactor);

#endif
