/* SPDX-License-Identifier: MIT */
/* The file of a LUN, and what a crash may leave of it.
 *
 *      lun-<id>.img.creating ──commit──> lun-<id>.img ──> lun-<id>.img.deleting ──commit──> gone
 *
 * The name says how far things were; the row in the state decides which way they go on at the next start: a
 * row brings the file back to its name, no row removes it. A file under its plain name is never removed:
 * without a row it may be what a restore of an older state has forgotten.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "array/array_internal.h"

static const char *const suffixes[] = {
    [LUN_FILE_CREATING] = ".creating", [LUN_FILE_HERE] = "", [LUN_FILE_DELETING] = ".deleting"
};

int lun_file_path(const char *drive_path, const char *file, enum lun_file_stage stage, char **ret_path)
{
    char *path;

    if (asprintf(&path, "%s/%s%s", drive_path, file, suffixes[stage]) < 0)
        return -ENOMEM;
    *ret_path = path;
    return 0;
}

int lun_file_move(const struct drive *drive, const char *file, enum lun_file_stage from,
                  enum lun_file_stage to)
{
    char a[128], b[128];

    snprintf(a, sizeof a, "%s%s", file, suffixes[from]);
    snprintf(b, sizeof b, "%s%s", file, suffixes[to]);
    if (renameat(drive->dir_fd, a, drive->dir_fd, b) < 0)
        return -errno;
    return 0;
}

int lun_file_remove(const struct drive *drive, const char *file, enum lun_file_stage stage)
{
    char name[128];

    snprintf(name, sizeof name, "%s%s", file, suffixes[stage]);
    return unlinkat(drive->dir_fd, name, 0) < 0 ? -errno : 0;
}

static bool has_row(const struct drive *drive, const struct cache *cache, const char *file)
{
    cache_for_each(n, cache, OBJECT_LUN)
    {
        const struct lun *lun = OBJECT_OF(lun, n);

        if (lun->drive == drive && strcmp(lun->file, file) == 0)
            return true;
    }
    return false;
}

/* Only names of our own making. */
static bool is_ours(const char *name, enum lun_file_stage stage, char file[static 80])
{
    size_t n = strlen(name), n_suffix = strlen(suffixes[stage]);

    if (strncmp(name, "lun-", 4) != 0 || n <= n_suffix || n - n_suffix >= 80 ||
        strcmp(name + n - n_suffix, suffixes[stage]) != 0)
        return false;
    memcpy(file, name, n - n_suffix);
    file[n - n_suffix] = '\0';
    return true;
}

static void recover(const struct drive *drive, const struct cache *cache, const char *file,
                    enum lun_file_stage stage)
{
    bool keep = has_row(drive, cache, file);
    int r = keep ? lun_file_move(drive, file, stage, LUN_FILE_HERE) : lun_file_remove(drive, file, stage);

    if (r < 0)
        log_warning("drive %s: cannot %s %s%s: %s", drive->path, keep ? "bring back" : "remove", file,
                    suffixes[stage], strerror(-r));
    else
        log_info("drive %s: %s %s, left by an interrupted operation", drive->path,
                 keep ? "brought back" : "removed", file);
}

void lun_files_recover(const struct drive *drive, const struct cache *cache)
{
    static const enum lun_file_stage unfinished[] = { LUN_FILE_CREATING, LUN_FILE_DELETING };
    int fd = openat(drive->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    char file[80];

    while (dir && (entry = readdir(dir)))
        for (unsigned i = 0; i < ARRAY_SIZE(unfinished); i++)
            if (is_ours(entry->d_name, unfinished[i], file))
                recover(drive, cache, file, unfinished[i]);
    if (dir)
        closedir(dir);
    else
        closep(&fd);
}

/* ---- the unit -------------------------------------------------------------------------------- */

/* On a reactor thread, under no lock: durable when it returns 0. */
static int save_reservation(void *arg, const struct guid *lun, const void *bytes, size_t len)
{
    struct array *array = arg;
    struct state_reservation row = { .lun = *lun, .bytes = { (void *)(uintptr_t)bytes, len } };
    int r = -ENOENT;

    for (unsigned i = 0; i < 2 && r == -ENOENT; i++) { /* the row is there, or it is not */
        _cleanup_(state_tx_freep) struct state_tx *tx = state_tx_new();

        if (!tx)
            return -ENOMEM;
        state_tx_add(tx, STATE_RESERVATION, i == 0 ? STATE_UPDATE : STATE_INSERT, &row);
        r = state_commit(array->state, tx);
    }
    if (r < 0)
        health_commit_failed(array, r);
    return r;
}

static int unit_make(struct array *array, const struct lun *lun, struct store *store,
                     const struct state_blob *reservation, struct scsi_lu **ret_lu)
{
    struct scsi_lu_config config = {
        .id = lun->object.id,
        .vendor = LU_VENDOR,
        .product = LU_PRODUCT,
        .revision = LU_REVISION,
        .block_size = lun->block_size,
        .physical_block_size = lun->physical_block_size,
        .read_only = lun->features & ARRAY_LUN_READ_ONLY,
        .thick = lun->thick,
        .removable = lun->features & ARRAY_LUN_REMOVABLE,
        .size = lun->size,
        .save_pr = save_reservation,
        .save_pr_arg = array,
        .load_pr = reservation ? reservation->bytes : NULL,
        .load_pr_len = reservation ? reservation->len : 0,
        .cache_changed = lun_cache_changed,
        .cache_changed_arg = array,
    };

    return scsi_lu_create(&config, store, ret_lu);
}

/* A longer file than the row says is what an interrupted resize left (resize.c), or a restore of an older
 * state: no more than the row says is served, and nothing is thrown away. */
static int open_file(const struct lun *lun, enum lun_file_stage stage, struct store **ret_store)
{
    _cleanup_(freep) char *path = NULL;
    _cleanup_(store_unrefp) struct store *store = NULL;
    int r = lun_file_path(lun->drive->path, lun->file, stage, &path);

    if (r == 0 && lun->drive->dir_fd < 0)
        r = -ENOENT;
    if (r == 0)
        r = store_file_open(path, /* read_only= */ false, &store);
    if (r == 0 && store_size(store) < lun->size)
        r = -ENODATA; /* somebody cut it: better no disk than half of one */
    if (r < 0)
        return r;
    if (store_size(store) > lun->size)
        log_info("LUN %s: its file is longer than the LUN", lun->name);
    *ret_store = TAKE_PTR(store);
    return 0;
}

int lun_attach(struct array *array, struct lun *lun, enum lun_file_stage stage,
               const struct state_blob *reservation)
{
    _cleanup_(store_unrefp) struct store *store = NULL;
    int r = lun->features & ARRAY_LUN_VOLATILE ? store_memory_open(lun->size, &store)
                                               : open_file(lun, stage, &store);

    if (r == 0)
        r = unit_make(array, lun, store, reservation, &lun->lu);
    if (r < 0)
        return r;
    lun->store = TAKE_PTR(store);
    lun_serve(array, lun);
    return 0;
}

void lun_detach(struct lun *lun)
{
    if (lun->lu)
        scsi_lu_unref(TAKE_PTR(lun->lu));
    if (lun->store)
        store_unref(TAKE_PTR(lun->store));
}

int lun_engine_set_mask(struct array *array, const struct lun *lun, const char *mask)
{
    _cleanup_(freep) char *copy = NULL;
    _cleanup_(freep) const char **names = NULL;
    bool all = strcmp(mask, "*") == 0;
    size_t n = 0;
    int r = mask_split(mask, &copy, &names, &n);

    return r < 0 ? r
                 : engine_lu_set_mask(array->engine, &lun->object.id, all, all ? NULL : names, all ? 0 : n);
}

int lun_engine_add(struct array *array, struct lun *lun)
{
    int r = engine_lu_add(array->engine, &lun->object.id, lun->lu);

    if (r < 0)
        return r;
    if (lun->mask[0] && (r = lun_engine_set_mask(array, lun, lun->mask)) < 0)
        engine_lu_remove(array->engine, &lun->object.id);
    return r;
}

/* The engine would not take back what it had: better no disk, and said, than one that is not as it should be.
 * Reenumerate and Refresh try again. The list of ties is the caller's. */
void lun_give_up(struct array *array, struct lun *lun, int r)
{
    struct store *store;
    struct scsi_lu *lu;

    log_error("array: LUN %s has failed: the engine does not serve it as it was: %s", lun->name,
              strerror(-r));
    list_for_each(n, &lun->ties)
        engine_lun_unmap(array->engine, &container_of(n, struct tie, in_lun)->target->object.id,
                         &lun->object.id);
    engine_lu_remove(array->engine, &lun->object.id);
    pthread_mutex_lock(&array->lock);
    lu = TAKE_PTR(lun->lu);
    store = TAKE_PTR(lun->store);
    notifier_post_one(&array->notifier, VDS_NF_LUN_MODIFY, VDS_NTT_LUN, &lun->object.id);
    health_look(array);
    pthread_mutex_unlock(&array->lock);
    scsi_lu_unref(lu);
    store_unref(store);
}
