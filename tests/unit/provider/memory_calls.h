/* SPDX-License-Identifier: MIT */
/* Calls of the provider for test_memory.c: each does one thing, gives back what it got, and says how it
 * ended. */
#ifndef VDS_TESTS_UNIT_PROVIDER_MEMORY_CALLS_H
#define VDS_TESTS_UNIT_PROVIDER_MEMORY_CALLS_H

#include "fixture.h"

struct scene {
    struct fixture *f;
    IVdsIscsiTarget *target;
    IVdsLun *lun;
    IVdsDrive *drive;
    IVdsController *controller;
    IVdsSubSystemEx *ex;
    IVdsHwProviderStoragePools *pools;
    IVdsStoragePool *pool;
    VDS_OBJECT_ID pool_id;
    IVdsSubSystem2 *second;
    IVdsDrive2 *drive2;
    IVdsSubSystemImportTarget *import;
    IVdsIscsiDiscoveryEx *discovery;
    IVdsMaintenance *lamp;
    IEnumVdsObject *list;
    IVdsAsync *async;
    size_t n_objects, n_blocks, n_events; /* before the call */
};

struct memory_call {
    const char *name;
    HRESULT (*call)(struct scene *s);
};
extern const struct memory_call memory_calls[];
extern const size_t n_memory_calls;

#endif
