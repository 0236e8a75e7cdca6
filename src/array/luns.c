/* SPDX-License-Identifier: MIT */
/* LUNs: create, delete, mask, name. Ties to targets: ties.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "array/array_internal.h"

/* ---- create ---------------------------------------------------------------------------------- */

static bool create_progress(void *arg, uint64_t n_done, uint64_t n_total)
{
    struct array_op *op = arg;

    if (n_total)
        op_progress(op, (unsigned)(n_done / (n_total / 100 + 1)));
    return op_is_cancelled(op);
}

static bool has_file(const struct lun *lun)
{
    return !(lun->features & ARRAY_LUN_VOLATILE);
}

static HRESULT create_failed(const struct lun *lun, int r)
{
    if (r != -ECANCELED)
        error_text_set("cannot make the LUN on drive %s: %s", lun->drive->path, strerror(-r));
    return hr_from_errno(r);
}

/* File, unit, engine: all that can fail. What was made is seen in lun->lu and *ret_file. */
static HRESULT create_prepare(struct array_op *op, bool *ret_file, bool *ret_in_engine)
{
    struct lun *lun = op->lun;
    _cleanup_(freep) char *path = NULL;
    int r = has_file(lun) ? lun_file_path(lun->drive->path, lun->file, LUN_FILE_CREATING, &path) : 0;

    if (r == 0 && path)
        r = store_file_create(path, lun->size, lun->thick, create_progress, op);
    if (r < 0)
        return create_failed(lun, r);
    *ret_file = path != NULL;
    r = lun_attach(op->array, lun, LUN_FILE_CREATING, NULL);
    if (r == 0)
        r = lun_engine_add(op->array, lun);
    if (r < 0)
        return create_failed(lun, r);
    *ret_in_engine = true;
    return S_OK;
}

static HRESULT create_commit(struct array_op *op)
{
    struct state_lun row = lun_row(op->lun);
    HRESULT hr = op_transactions(op);

    if (SUCCEEDED(hr) && events_reserve(&op->events, 2) < 0)
        hr = E_OUTOFMEMORY;
    if (FAILED(hr))
        return hr;
    state_insert_lun(op->tx, &row);
    return op_commit(op);
}

static void create_undo(struct array_op *op, bool file, bool in_engine)
{
    struct array *array = op->array;
    struct lun *lun = op->lun;

    if (in_engine)
        engine_lu_remove(array->engine, &lun->object.id);
    if (file)
        lun_file_remove(lun->drive, lun->file, LUN_FILE_CREATING);
    pthread_mutex_lock(&array->lock);
    cache_remove(&array->cache, &lun->object);
    pthread_mutex_unlock(&array->lock);
    object_free(&lun->object);
}

static HRESULT lun_create_run(struct array_op *op)
{
    struct array *array = op->array;
    struct lun *lun = op->lun;
    bool file = false, in_engine = false;
    HRESULT hr = create_prepare(op, &file, &in_engine);
    int r;

    if (SUCCEEDED(hr))
        hr = create_commit(op);
    if (FAILED(hr)) {
        create_undo(op, file, in_engine);
        return hr;
    }
    r = file ? lun_file_move(lun->drive, lun->file, LUN_FILE_CREATING, LUN_FILE_HERE) : 0;
    if (r < 0) /* served all the same; the next start gives it its name */
        log_warning("drive %s: cannot rename %s: %s", lun->drive->path, lun->file, strerror(-r));
    if (op->write_through && (r = lun_write_through(lun, true)) < 0) /* a wish, and the LUN is made */
        log_warning("LUN %s: its write cache cannot be switched off: %s", lun->name, strerror(-r));
    pthread_mutex_lock(&array->lock);
    lun->object.visible = true;
    lun_serve(array, lun); /* drive or array may have been taken offline meanwhile */
    op->output = lun->object.id;
    events_add(&op->events, VDS_NF_LUN_ARRIVE, VDS_NTT_LUN, &lun->object.id);
    events_add(&op->events, VDS_NF_DRIVE_MODIFY, VDS_NTT_DRIVE, &lun->drive->object.id);
    notifier_post(&array->notifier, &op->events);
    pthread_mutex_unlock(&array->lock);
    return hr;
}

/* The same rule as that of the unit (scsi.h): what it would refuse is refused before anything is made. */
static bool blocks_ok(const struct array_lun_spec *spec)
{
    uint32_t block = spec->block_size ? spec->block_size : 512,
             physical = spec->physical_block_size ? spec->physical_block_size : block;

    return (block == 512 || block == 4096) && physical >= block && physical <= 65536 &&
           (physical & (physical - 1)) == 0;
}

static HRESULT features_ok(const struct array_lun_spec *spec)
{
    if (spec->features & ~(uint32_t)ARRAY_LUN_FEATURES)
        return E_INVALIDARG;
    if (spec->features & ARRAY_LUN_VOLATILE && spec->thick) {
        error_text_set("a LUN in memory takes its space when it is written");
        return E_INVALIDARG;
    }
    if (blocks_ok(spec))
        return S_OK;
    error_text_set("blocks have 512 or 4096 bytes, physical ones as many or a power of two up to 65536");
    return E_INVALIDARG;
}

/* array->lock held, as for volatile_fits(). */
uint64_t volatile_left(struct array *array)
{
    uint64_t left = array->max_memory;

    cache_for_each(n, &array->cache, OBJECT_LUN)
    {
        const struct lun *lun = OBJECT_OF(lun, n);

        if (!has_file(lun))
            left = left > lun->size ? left - lun->size : 0;
    }
    return left;
}

HRESULT volatile_fits(struct array *array, uint64_t n_bytes)
{
    uint64_t left = volatile_left(array);

    if (n_bytes <= left)
        return S_OK;
    error_text_set("LUNs in memory have %llu MiB left (see vdsd's --memory-mib)",
                   (unsigned long long)(left / LUN_ROUND));
    return VDS_E_NOT_ENOUGH_SPACE;
}

static HRESULT create_row(struct array *array, const struct array_lun_spec *spec, struct state_lun *row)
{
    char id[GUID_TEXT_SIZE];
    HRESULT hr = features_ok(spec);

    if (FAILED(hr))
        return hr;
    if (spec->size == 0 || spec->size > (uint64_t)INT64_MAX - LUN_ROUND) {
        error_text_set("a LUN has between 1 byte and 8 EiB");
        return E_INVALIDARG;
    }
    (void)array;
    row->size = (spec->size + LUN_ROUND - 1) / LUN_ROUND * LUN_ROUND;
    row->thick = spec->thick;
    row->features = spec->features;
    row->block_size = spec->block_size;
    row->physical_block_size = spec->physical_block_size;
    if (guid_generate(&row->id) < 0)
        return E_FAIL;
    guid_format(&row->id, id);
    snprintf(row->file, sizeof row->file, "lun-%s.img", id);
    if (spec->friendly_name)
        hr = friendly_name_normalise(spec->friendly_name, row->name);
    else
        snprintf(row->name, sizeof row->name, "LUN %.8s", id);
    if (SUCCEEDED(hr))
        hr = mask_normalise(spec->mask ? spec->mask : "", &row->mask);
    return hr;
}

/* array->lock held. */
static HRESULT create_admit(struct array_op *op, const struct array_lun_spec *spec, struct state_lun *row)
{
    struct array *array = op->array;
    HRESULT hr = lock_take(&op->locks, &array->subsystem, LOCK_PIN);
    struct drive *drive = hr == S_OK ? drive_choose(array, spec, &hr) : NULL;

    if (drive)
        hr = lock_take(&op->locks, &drive->object, LOCK_PIN);
    if (FAILED(hr))
        return hr;
    if (row->features & ARRAY_LUN_VOLATILE && FAILED(hr = volatile_fits(array, row->size)))
        return hr;
    row->drive = drive->object.id;
    op->lun = array_lun_new(row, drive);
    if (!op->lun)
        return E_OUTOFMEMORY;
    cache_add(&array->cache, &op->lun->object);
    return S_OK;
}

HRESULT array_lun_create(struct array *array, const struct array_lun_spec *spec, struct array_op **ret_op)
{
    struct state_lun row = { 0 };
    struct array_op *op;
    HRESULT hr;

    if (!spec || !ret_op || (spec->n_drives && !spec->drives))
        return E_INVALIDARG;
    *ret_op = NULL;
    if (FAILED(hr = admit(array)) || FAILED(hr = create_row(array, spec, &row)))
        return hr;
    op = op_new(array, lun_create_run);
    if (op) {
        op->write_through = spec->write_through;
        pthread_mutex_lock(&array->lock);
        hr = create_admit(op, spec, &row);
        pthread_mutex_unlock(&array->lock);
    }
    free(row.mask);
    if (!op)
        return E_OUTOFMEMORY;
    return FAILED(hr) ? op_refuse(op, hr) : op_start(op, ret_op);
}

/* ---- finding and marking --------------------------------------------------------------------- */

/* array->lock held. */
HRESULT lun_lock(struct array_op *op, const struct guid *id, enum lock_mode mode)
{
    struct object *object = cache_find(&op->array->cache, OBJECT_LUN, id);
    HRESULT hr;

    if (!object || !object->visible) {
        error_text_set("the LUN is gone");
        return VDS_E_OBJECT_DELETED;
    }
    op->lun = container_of(object, struct lun, object);
    hr = lock_take(&op->locks, &op->array->subsystem, LOCK_PIN);
    return hr == S_OK ? lock_take(&op->locks, object, mode) : hr;
}

/* ---- delete ---------------------------------------------------------------------------------- */

static int map_back(struct array *array, struct lun *lun, const struct list_node *end)
{
    int r = 0;

    for (struct list_node *n = lun->ties.next; n != end && r == 0; n = n->next) {
        struct tie *tie = container_of(n, struct tie, in_lun);
        r = engine_lun_map(array->engine, &tie->target->object.id, tie->number, &lun->object.id);
    }
    return r;
}

/* Out of the engine, or an error and nothing changed. The list of ties is ours: the LUN is locked
 * exclusively. */
static int engine_leave(struct array *array, struct lun *lun)
{
    struct list_node *n;
    int r = 0, back;

    for (n = lun->ties.next; n != &lun->ties; n = n->next) {
        struct tie *tie = container_of(n, struct tie, in_lun);

        r = engine_lun_unmap(array->engine, &tie->target->object.id, &lun->object.id);
        if (r < 0 && r != -ENOENT)
            break;
        r = 0;
    }
    if (r == 0)
        r = engine_lu_remove(array->engine, &lun->object.id);
    if (r == 0 || r == -ENOENT)
        return 0;
    back = map_back(array, lun, n);
    if (back < 0)
        lun_give_up(array, lun, back);
    return r;
}

static void engine_return(struct array *array, struct lun *lun)
{
    int r = lun_engine_add(array, lun);

    if (r == 0)
        r = map_back(array, lun, &lun->ties);
    if (r < 0)
        lun_give_up(array, lun, r);
}

static HRESULT delete_commit(struct array_op *op)
{
    struct state_lun row = lun_row(op->lun);
    HRESULT hr = op_transactions(op);

    if (SUCCEEDED(hr) && events_reserve(&op->events, 3) < 0)
        hr = E_OUTOFMEMORY;
    if (FAILED(hr))
        return hr;
    state_delete_lun(op->tx, &row);
    return op_commit(op);
}

static void delete_publish(struct array_op *op)
{
    struct array *array = op->array;
    struct lun *lun = op->lun;

    pthread_mutex_lock(&array->lock);
    events_add(&op->events, VDS_NF_LUN_DEPART, VDS_NTT_LUN, &lun->object.id);
    events_add(&op->events, VDS_NF_DRIVE_MODIFY, VDS_NTT_DRIVE, &lun->drive->object.id);
    lock_forget(&op->locks, &lun->object);
    cache_remove(&array->cache, &lun->object);
    if (array->degraded && health_changed(array)) /* it was the one that had failed */
        events_add(&op->events, VDS_NF_SUB_SYSTEM_MODIFY, VDS_NTT_SUB_SYSTEM, &array->subsystem.id);
    notifier_post(&array->notifier, &op->events);
    list_for_each_safe(n, &lun->ties)
        tie_free(container_of(n, struct tie, in_lun));
    pthread_mutex_unlock(&array->lock);
    object_free(&lun->object);
}

/* Ties do not stand in the way of Delete (semantics 7: it lists no such code); they go with the LUN. */
static HRESULT lun_delete_run(struct array_op *op)
{
    struct array *array = op->array;
    struct lun *lun = op->lun;
    bool had_unit = lun->lu != NULL, moved = false;
    int r = had_unit ? engine_leave(array, lun) : 0;
    HRESULT hr;

    if (r < 0) {
        error_text_set("the engine does not let go of the LUN: %s", strerror(-r));
        return hr_from_errno(r);
    }
    if (has_file(lun) && lun->drive->dir_fd >= 0)
        moved = lun_file_move(lun->drive, lun->file, LUN_FILE_HERE, LUN_FILE_DELETING) == 0;
    hr = delete_commit(op);
    if (FAILED(hr)) {
        if (moved)
            lun_file_move(lun->drive, lun->file, LUN_FILE_DELETING, LUN_FILE_HERE);
        if (had_unit)
            engine_return(array, lun);
        return hr;
    }
    if (moved && (r = lun_file_remove(lun->drive, lun->file, LUN_FILE_DELETING)) < 0)
        log_warning("drive %s: cannot remove %s.deleting: %s; the next start will", lun->drive->path,
                    lun->file, strerror(-r));
    delete_publish(op);
    return hr;
}

/* array->lock held. */
static HRESULT lun_delete_admit(struct array_op *op, const struct guid *id)
{
    HRESULT hr = lun_lock(op, id, LOCK_EXCLUSIVE);

    if (FAILED(hr))
        return hr;
    list_for_each(n, &op->lun->ties)
        if (hr == S_OK)
            hr = lock_take(&op->locks, &container_of(n, struct tie, in_lun)->target->object, LOCK_PIN);
    return hr;
}

HRESULT array_lun_delete(struct array *array, const struct guid *lun)
{
    struct array_op *op;
    HRESULT hr;

    if (!lun)
        return E_INVALIDARG;
    if (FAILED(hr = admit(array)))
        return hr;
    if (!(op = op_new(array, lun_delete_run)))
        return E_OUTOFMEMORY;
    pthread_mutex_lock(&array->lock);
    hr = lun_delete_admit(op, lun);
    pthread_mutex_unlock(&array->lock);
    return FAILED(hr) ? op_refuse(op, hr) : op_call(op);
}

/* ---- properties: one row changes ------------------------------------------------------------- */

static void lun_modified(struct array_op *op)
{
    events_add(&op->events, VDS_NF_LUN_MODIFY, VDS_NTT_LUN, &op->lun->object.id);
    notifier_post(&op->array->notifier, &op->events);
}

static HRESULT change_commit(struct array_op *op, const struct state_lun *before,
                             const struct state_lun *after)
{
    HRESULT hr = op_transactions(op);

    if (SUCCEEDED(hr) && events_reserve(&op->events, 1) < 0)
        hr = E_OUTOFMEMORY;
    if (FAILED(hr))
        return hr;
    state_update_lun(op->tx, after);
    state_update_lun(op->undo, before);
    return op_commit(op);
}

static HRESULT lun_mask_run(struct array_op *op)
{
    struct array *array = op->array;
    struct lun *lun = op->lun;
    struct state_lun before = lun_row(lun), after = before;
    HRESULT hr;
    int r = 0;

    after.mask = op->text_arg;
    hr = change_commit(op, &before, &after);
    if (SUCCEEDED(hr) && lun->lu && (r = lun_engine_set_mask(array, lun, after.mask)) < 0) {
        hr = op_uncommit(op, r);
        r = lun_engine_set_mask(array, lun, before.mask); /* it may have got half way */
        if (r < 0)
            lun_give_up(array, lun, r);
    }
    if (FAILED(hr))
        return hr;
    pthread_mutex_lock(&array->lock);
    free(lun->mask);
    lun->mask = TAKE_PTR(op->text_arg);
    lun_modified(op);
    pthread_mutex_unlock(&array->lock);
    return hr;
}

static HRESULT lun_name_run(struct array_op *op)
{
    struct array *array = op->array;
    struct state_lun before = lun_row(op->lun), after = before;
    HRESULT hr;

    strcpy(after.name, op->text_arg);
    if (FAILED(hr = change_commit(op, &before, &after)))
        return hr;
    pthread_mutex_lock(&array->lock);
    strcpy(op->lun->name, op->text_arg);
    lun_modified(op);
    pthread_mutex_unlock(&array->lock);
    return hr;
}

/* Takes the text. */
static HRESULT lun_change(struct array *array, const struct guid *lun, op_run *run, char *text)
{
    struct array_op *op = op_new(array, run);
    HRESULT hr;

    if (!op) {
        free(text);
        return E_OUTOFMEMORY;
    }
    op->text_arg = text;
    pthread_mutex_lock(&array->lock);
    hr = lun_lock(op, lun, LOCK_CHANGE);
    pthread_mutex_unlock(&array->lock);
    return FAILED(hr) ? op_refuse(op, hr) : op_call(op);
}

HRESULT array_lun_set_mask(struct array *array, const struct guid *lun, const char *mask)
{
    char *normal = NULL;
    HRESULT hr;

    if (!lun || !mask)
        return E_INVALIDARG;
    if (FAILED(hr = admit(array)) || FAILED(hr = mask_normalise(mask, &normal)))
        return hr;
    return lun_change(array, lun, lun_mask_run, normal);
}

HRESULT array_lun_set_name(struct array *array, const struct guid *lun, const char *name)
{
    char normal[ARRAY_NAME_MAX + 1], *copy;
    HRESULT hr, truncated;

    if (!lun || !name || FAILED(truncated = friendly_name_normalise(name, normal)))
        return E_INVALIDARG;
    if (FAILED(hr = admit(array)))
        return hr;
    copy = strdup(normal);
    hr = copy ? lun_change(array, lun, lun_name_run, copy) : E_OUTOFMEMORY;
    return hr == S_OK ? truncated : hr;
}
