/* SPDX-License-Identifier: MIT */
/* A SQLite VFS over the usual one that counts what reaches the disk (write, truncate, sync, delete) and can
 * fail it, or end the process there. Registered as the default, so the code under test needs no hook. */
#ifndef VDS_TESTS_FAULT_VFS_H
#define VDS_TESTS_FAULT_VFS_H

#include <stdatomic.h>

struct fault_vfs {
    atomic_int n_calls;  /* counted since the last reset */
    atomic_int fail;     /* SQLite code for every call from now on; 0: none */
    atomic_int fail_at;  /* this call alone, from 1, ends SQLITE_IOERR; 0: none */
    atomic_int die_at;   /* this call, from 1, ends the process as kill -9 would; 0: never */
};
extern struct fault_vfs fault_vfs;

void fault_vfs_install(void);
void fault_vfs_reset(void);

#endif
