/* SPDX-License-Identifier: MIT */
/* A second engine, for tests: engine.h, and as much of scsi.h and store.h as the array uses, with nothing on
 * any wire behind it. It keeps what it is told in lists, so that a dump can be compared; it can fail the n-th
 * call, hold a drain or the making of a file, and say that addresses changed. That it fits under the array
 * unchanged is a test of engine.h as well. */
#ifndef VDS_TESTS_FAKE_ENGINE_H
#define VDS_TESTS_FAKE_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "target/engine.h"

struct fake {
    atomic_int n_calls;      /* changing calls since the last reset */
    atomic_int fail_at;      /* this one, from 1, fails with fail_error (-EIO) and does nothing; 0: none */
    atomic_bool fail_on; /* and all after it */
    atomic_int fail_error;
    const char *_Atomic failed; /* its name */
    atomic_int taken_port;   /* engine_portal_open() there is -EADDRINUSE */
    atomic_bool hold_drains; /* a drain with connections stays open until fake_drains_finish() or a cancel */
    atomic_bool fail_cache;  /* scsi_lu_set_write_through() does */
    atomic_uint n_flushes;
    atomic_int flush_error;
    atomic_bool hold_creates; /* store_file_create() stops half way until fake_create_release() */
    atomic_int resize_error; /* what growing a store ends with; 0: none */
    _Atomic uint64_t data_at; /* the only byte of a store that is not zero; 0: none */
    atomic_bool hold_resizes; /* store_resize() stops likewise before it grows */
    atomic_int create_error; /* what store_file_create() ends with after half of the file; 0: none */
};
extern struct fake fake;

void fake_reset(void); /* also the host's addresses: 127.0.0.1 and ::1 */
void fake_addresses(const char *const *addresses, size_t n);
void fake_event(struct engine *engine, enum engine_event_kind kind, const struct guid *object);
/* Connections of a pair: what a drain waits for. */
void fake_connections(struct engine *engine, const struct guid *target, const struct guid *portal,
                      unsigned n);
unsigned fake_drains(void);              /* running ones, that somebody waits for */
void fake_drains_wait(unsigned n);       /* until so many run */
void fake_drains_step(unsigned n);       /* that many connections leave each */
void fake_drains_finish(void);
void fake_create_wait(void);             /* until a file is half made */
void fake_create_release(void);
/* What is served, as sorted text. The caller frees it. */
char *fake_dump(struct engine *engine);
bool fake_listens(struct engine *engine, const struct guid *portal);
/* 0: none. */
unsigned fake_tag(struct engine *engine, const struct guid *target, const struct guid *portal);
bool fake_unit_online(struct engine *engine, const struct guid *lun);
unsigned fake_units(void); /* scsi_lu objects alive */
struct scsi_lu *fake_unit(struct engine *engine, const struct guid *lun);
void fake_cache_changed(const struct scsi_lu *lu); /* an initiator has switched it */

#endif
