/* SPDX-License-Identifier: MIT */
/* A service made for tests of the wire: one provider, one subsystem, and as many targets, groups, portals and
 * LUNs as asked for, behind the public interfaces alone. It remembers what methods were given, and operations
 * end when the test says so. Slots that no test needs answer E_NOTIMPL. */
#ifndef VDS_TESTS_FAKE_SERVICE_H
#define VDS_TESTS_FAKE_SERVICE_H

#include <pthread.h>

#include "com/com.h"

#define FAKE_MAX 2048

enum fake_kind {
    FAKE_PROVIDER,
    FAKE_SUBSYSTEM,
    FAKE_TARGET,
    FAKE_GROUP,
    FAKE_PORTAL,
    FAKE_LUN,
    FAKE_DRIVE,
    FAKE_N_KINDS
};

/* What the last calls were given. */
struct fake_record {
    ULONG flags;
    SHORT bus, slot;
    VDS_LUN_TYPE lun_type;
    ULONGLONG size;
    GUID drives[4];
    LONG n_drives;
    bool drives_null, hints_null, name_null, secret_null, initiator_null;
    char mask[256], name[256], secret[64], initiator[256];
    ULONG secret_size;
    VDS_HINTS hints;
    GUID portal;
    VDS_IPADDRESS tunnel, destination;
    VDS_ISCSI_PORTAL_STATUS status;
};

struct fake_op;

struct fake {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned count[FAKE_N_KINDS]; /* objects of each kind: ids are (kind, 1..count) */
    bool deleted[FAKE_N_KINDS][FAKE_MAX + 1];
    struct fake_record last;
    bool gate_closed; /* IVdsLun::Delete blocks until it opens */
    unsigned n_at_gate;
    bool hold_ops;    /* operations do not end by themselves */
    bool foreign_ops; /* async objects that com_async_on_end() does not know */
    HRESULT op_result;
    unsigned n_ops;      /* alive */
    struct fake_op *ops; /* those that have not ended */
    unsigned n_cancelled, n_finished;
    struct {
        IVdsAdviseSink *sink;
        DWORD cookie;
    } sinks[64];
    DWORD last_cookie;
    IVdsService *service; /* the fake's own reference */
};

/* One provider, one subsystem, two targets with a group each, three portals, two LUNs, one drive. */
void fake_init(struct fake *fake);
/* All operations must have been ended. */
void fake_fini(struct fake *fake);

GUID fake_id(enum fake_kind kind, unsigned number);
/* Ends every operation that is running, with that result. Returns how many. */
unsigned fake_end_ops(struct fake *fake, HRESULT result);
unsigned fake_running_ops(struct fake *fake);
void fake_set_gate(struct fake *fake, bool closed);
/* Blocks until n calls stand at the gate. */
void fake_wait_at_gate(struct fake *fake, unsigned n);
/* Tells every sink; returns how many there were. */
unsigned fake_notify(struct fake *fake, ULONG event, unsigned n_events);
unsigned fake_n_sinks(struct fake *fake);

#endif
