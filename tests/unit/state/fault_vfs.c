/* SPDX-License-Identifier: MIT */
#include "fault_vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

struct fault_vfs fault_vfs;

static sqlite3_vfs *real_vfs;

struct fault_file {
    sqlite3_file base;
    sqlite3_file real[]; /* szOsFile of the real VFS */
};

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct fault_file *)file)->real;
}

static int point(void)
{
    int n = atomic_fetch_add(&fault_vfs.n_calls, 1) + 1;

    if (n == atomic_load(&fault_vfs.die_at)) {
        kill(getpid(), SIGKILL);
        pause();
    }
    if (n == atomic_load(&fault_vfs.fail_at))
        return SQLITE_IOERR_WRITE;
    return atomic_load(&fault_vfs.fail);
}

static int fault_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int fault_read(sqlite3_file *file, void *buf, int n, sqlite3_int64 at)
{
    return real_of(file)->pMethods->xRead(real_of(file), buf, n, at);
}

static int fault_write(sqlite3_file *file, const void *buf, int n, sqlite3_int64 at)
{
    int rc = point();

    return rc ? rc : real_of(file)->pMethods->xWrite(real_of(file), buf, n, at);
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc = point();

    return rc ? rc : real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int fault_sync(sqlite3_file *file, int flags)
{
    int rc = point();

    return rc ? rc : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int fault_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int fault_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int fault_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int fault_check_lock(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int fault_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int fault_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int fault_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_check_lock,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector,
    .xDeviceCharacteristics = fault_characteristics,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    int rc = real_vfs->xOpen(real_vfs, name, real_of(file), flags, out_flags);

    (void)vfs;
    file->pMethods = real_of(file)->pMethods ? &methods : NULL;
    return rc;
}

static int fault_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    int rc = point();

    (void)vfs;
    return rc ? rc : real_vfs->xDelete(real_vfs, name, sync_dir);
}

void fault_vfs_install(void)
{
    static sqlite3_vfs vfs;

    if (real_vfs)
        return;
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "fault";
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
    vfs.xOpen = fault_open;
    vfs.xDelete = fault_delete;
    sqlite3_vfs_register(&vfs, 1);
}

void fault_vfs_reset(void)
{
    atomic_store(&fault_vfs.n_calls, 0);
    atomic_store(&fault_vfs.fail, 0);
    atomic_store(&fault_vfs.fail_at, 0);
    atomic_store(&fault_vfs.die_at, 0);
}
