/* SPDX-License-Identifier: MIT */
/* Drives: the directories that hold LUN files. Those named by the administrator take new LUNs; one that is
 * named no more stays as long as LUNs are on it. A directory belongs to one service at a time. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "array/array_internal.h"

bool drive_space(const struct drive *drive, uint64_t *ret_size, uint64_t *ret_free)
{
    struct statvfs fs;

    *ret_size = *ret_free = 0;
    if (drive->dir_fd < 0 || fstatvfs(drive->dir_fd, &fs) < 0)
        return false;
    *ret_size = (uint64_t)fs.f_blocks * fs.f_frsize;
    *ret_free = (uint64_t)fs.f_bavail * fs.f_frsize;
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static struct drive *find_path(const struct cache *cache, const char *path)
{
    cache_for_each(n, cache, OBJECT_DRIVE)
    {
        struct drive *drive = OBJECT_OF(drive, n);

        if (strcmp(drive->path, path) == 0)
            return drive;
    }
    return NULL;
}

uint16_t drive_slots_end(const struct cache *cache)
{
    uint16_t end = 0;

    cache_for_each(n, cache, OBJECT_DRIVE) if (OBJECT_OF(drive, n)->slot >= end) end =
        (uint16_t)(OBJECT_OF(drive, n)->slot + 1);
    return end;
}

static int drive_add(struct cache *cache, const char *path, struct state_tx *tx)
{
    struct state_drive row = { .slot = drive_slots_end(cache) };
    const char *name = strrchr(path, '/');
    struct drive *drive;

    if (strlen(path) >= sizeof row.path)
        return -ENAMETOOLONG;
    strcpy(row.path, path);
    snprintf(row.name, sizeof row.name, "%s", name && name[1] ? name + 1 : path);
    if (guid_generate(&row.id) < 0 || guid_generate(&row.pool) < 0 || !(drive = array_drive_new(&row)))
        return -ENOMEM;
    drive->object.visible = true;
    cache_add(cache, &drive->object);
    state_insert_drive(tx, &row);
    return 1;
}

static bool has_luns(const struct cache *cache, const struct drive *drive)
{
    cache_for_each(n, cache, OBJECT_LUN) if (OBJECT_OF(lun, n)->drive == drive) return true;
    return false;
}

static int drop_unused(struct cache *cache, struct state_tx *tx)
{
    int n_dropped = 0;

    list_for_each_safe(n, &cache->all[OBJECT_DRIVE]) {
        struct drive *drive = OBJECT_OF(drive, n);
        struct state_drive row = drive_row(drive);

        if (drive->configured || has_luns(cache, drive))
            continue;
        state_delete_drive(tx, &row);
        cache_remove(cache, &drive->object);
        object_free(&drive->object);
        n_dropped++;
    }
    return n_dropped;
}

/* The directories of the options become rows, rows that nobody needs go. For a cache that nobody sees yet. */
HRESULT drives_sync(struct array *array, struct cache *cache)
{
    _cleanup_(state_tx_freep) struct state_tx *tx = state_tx_new();
    int n_changed = 0;

    if (!tx)
        return E_OUTOFMEMORY;
    for (size_t i = 0; i < array->n_drives; i++) {
        int r = find_path(cache, array->drives[i]) ? 0 : drive_add(cache, array->drives[i], tx);

        if (r < 0)
            return hr_from_errno(r);
        n_changed += r;
        find_path(cache, array->drives[i])->configured = true;
    }
    n_changed += drop_unused(cache, tx);
    return n_changed ? array_commit(array, tx) : S_OK;
}

/* ---- directories ----------------------------------------------------------------------------- */

static int directory_take(const char *path)
{
    int fd, r;

    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    r = errno == EWOULDBLOCK ? -ETXTBSY : -errno;
    close(fd);
    return r;
}

/* Is its status another than before? */
static bool drive_attach(struct drive *drive)
{
    int fd = drive->dir_fd >= 0 ? drive->dir_fd : directory_take(drive->path);
    char reason[sizeof drive->reason];
    bool changed;

    snprintf(reason, sizeof reason, "%.100s",
             fd >= 0          ? ""
             : fd == -ETXTBSY ? "another service uses the directory"
                              : strerror(-fd));
    changed = strcmp(reason, drive->reason) != 0;
    strcpy(drive->reason, reason);
    if (fd < 0)
        log_warning("drive %s cannot be used: %s", drive->path, drive->reason);
    drive->dir_fd = fd < 0 ? -1 : fd;
    return changed;
}

void drives_attach(struct cache *cache, bool recover, struct events *events)
{
    cache_for_each(n, cache, OBJECT_DRIVE)
    {
        struct drive *drive = OBJECT_OF(drive, n);

        if (drive_attach(drive) && events)
            events_add(events, VDS_NF_DRIVE_MODIFY, VDS_NTT_DRIVE, &drive->object.id);
        if (drive->dir_fd >= 0 && recover)
            lun_files_recover(drive, cache);
    }
}

/* ---- storage pools --------------------------------------------------------------------------- */

/* Of the file system; 0: the drive is not usable. */
static dev_t device_of(const struct drive *drive)
{
    struct stat status;

    return drive->dir_fd >= 0 && fstat(drive->dir_fd, &status) == 0 ? status.st_dev : 0;
}

/* The pool of a drive is that of the first one beside it; the first of a file system keeps its own, unless an
 * earlier drive has taken that to another file system. */
static struct guid pool_for(const struct cache *cache, const struct drive *drive)
{
    struct guid pool = drive->pool;
    bool taken = guid_is_null(&pool);
    dev_t device = device_of(drive);

    cache_for_each(n, cache, OBJECT_DRIVE)
    {
        const struct drive *earlier = OBJECT_OF(drive, n);
        dev_t its_device = device_of(earlier);

        if (earlier == drive || device == 0)
            break;
        if (its_device == device)
            return earlier->pool;
        taken = taken || (its_device != 0 && guid_equal(&pool, &earlier->pool));
    }
    if (taken)
        guid_generate(&pool);
    return pool;
}

int drives_pool(struct cache *cache, struct state_tx *tx)
{
    int n_changed = 0;

    cache_for_each(n, cache, OBJECT_DRIVE)
    {
        struct drive *drive = OBJECT_OF(drive, n);
        struct guid pool = pool_for(cache, drive);
        struct state_drive row;

        if (guid_equal(&pool, &drive->pool))
            continue;
        drive->pool = pool;
        row = drive_row(drive);
        state_update_drive(tx, &row);
        n_changed++;
    }
    return n_changed;
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* A thin LUN may be larger than what is free; a thick one not. */
static bool fits(const struct drive *drive, const struct array_lun_spec *spec, uint64_t *ret_free)
{
    uint64_t size;

    return drive->configured && !drive->offline && drive_space(drive, &size, ret_free) &&
           (!spec->thick || *ret_free >= spec->size);
}

static struct drive *choose_named(struct array *array, const struct array_lun_spec *spec, HRESULT *ret_hr)
{
    struct drive *chosen = NULL;
    uint64_t free_bytes;

    for (size_t i = 0; i < spec->n_drives; i++) {
        struct object *object = cache_find(&array->cache, OBJECT_DRIVE, &spec->drives[i]);
        char text[GUID_TEXT_SIZE];

        if (!object) {
            guid_format(&spec->drives[i], text);
            error_text_set("there is no drive %s", text);
            *ret_hr = VDS_E_OBJECT_NOT_FOUND;
            return NULL;
        }
        if (!chosen && fits(container_of(object, struct drive, object), spec, &free_bytes))
            chosen = container_of(object, struct drive, object);
    }
    return chosen;
}

static struct drive *choose_any(struct array *array, const struct array_lun_spec *spec)
{
    struct drive *chosen = NULL;
    uint64_t most = 0, free_bytes;

    cache_for_each(n, &array->cache, OBJECT_DRIVE)
    {
        struct drive *drive = OBJECT_OF(drive, n);

        if (fits(drive, spec, &free_bytes) && (!chosen || free_bytes > most)) {
            chosen = drive;
            most = free_bytes;
        }
    }
    return chosen;
}

static bool any_usable(struct array *array)
{
    cache_for_each(n, &array->cache, OBJECT_DRIVE)
    {
        const struct drive *drive = OBJECT_OF(drive, n);

        if (drive->configured && !drive->offline && drive->dir_fd >= 0)
            return true;
    }
    return false;
}

struct drive *drive_choose(struct array *array, const struct array_lun_spec *spec, HRESULT *ret_hr)
{
    struct drive *chosen;

    *ret_hr = S_OK;
    chosen = spec->n_drives ? choose_named(array, spec, ret_hr) : choose_any(array, spec);
    if (chosen || FAILED(*ret_hr))
        return chosen;
    *ret_hr = any_usable(array) ? VDS_E_NOT_ENOUGH_SPACE : VDS_E_NOT_ENOUGH_DRIVE;
    error_text_set(*ret_hr == VDS_E_NOT_ENOUGH_SPACE ? "no drive has that much space" : "no drive is usable");
    return NULL;
}
