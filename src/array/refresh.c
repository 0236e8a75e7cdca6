/* SPDX-License-Identifier: MIT */
/* The provider cache (design section 5): Reenumerate looks for portals and drives and accepts a state file
 * that somebody else has changed; Refresh makes cache and engine what the file says. Start-up is the first
 * refresh. */
#include <errno.h>
#include <string.h>

#include "array/array_internal.h"

/* ---- the array's own row --------------------------------------------------------------------- */

static HRESULT subsystem_make(struct array *array)
{
    _cleanup_(state_tx_freep) struct state_tx *tx = state_tx_new();
    struct state_subsystem row = subsystem_row(array);

    if (!tx)
        return E_OUTOFMEMORY;
    if (guid_is_null(&row.id) && (guid_generate(&row.id) < 0 || guid_generate(&row.provider) < 0 ||
                                  guid_generate(&row.controller) < 0))
        return E_FAIL;
    if (!row.name[0])
        gethostname(row.name, sizeof row.name - 1);
    subsystem_take_row(array, &row);
    state_insert_subsystem(tx, &row);
    return array_commit(array, tx);
}

static HRESULT subsystem_load(struct array *array, const struct state_image *image)
{
    size_t n;
    const struct state_subsystem *row = state_image_subsystems(image, &n);

    if (n == 0)
        return subsystem_make(array);
    pthread_mutex_lock(&array->lock);
    subsystem_take_row(array, row);
    pthread_mutex_unlock(&array->lock);
    return S_OK;
}

/* ---- loading --------------------------------------------------------------------------------- */

/* Directories that are ours stay ours. */
static void drives_carry(struct cache *now, struct cache *next)
{
    cache_for_each(n, next, OBJECT_DRIVE)
    {
        struct drive *drive = OBJECT_OF(drive, n);

        cache_for_each(m, now, OBJECT_DRIVE)
        {
            struct drive *before = OBJECT_OF(drive, m);

            if (strcmp(before->path, drive->path) == 0)
                drive->dir_fd = TAKE_FD(before->dir_fd);
        }
    }
}

static void drives_give_back(struct cache *now, struct cache *next)
{
    drives_carry(next, now);
}

/* Pools are told anew when they could not be written down: that is no reason not to serve. For a cache that
 * nobody sees yet. */
static void pools_write(struct array *array, struct cache *cache)
{
    _cleanup_(state_tx_freep) struct state_tx *tx = state_tx_new();

    if (tx && drives_pool(cache, tx) > 0)
        array_commit(array, tx);
}

/* The next cache, complete but not served. Failures to write are no reason not to serve: the array is FAILED
 * then, and says so. */
static HRESULT next_make(struct array *array, struct cache *ret_next, struct state_image **ret_image)
{
    struct cache *now = &array->cache;
    HRESULT hr;
    int r = state_load(array->state, ret_image);

    if (r < 0)
        return hr_from_errno(r);
    hr = subsystem_load(array, *ret_image);
    if (FAILED(hr) && hr != VDS_E_OBJECT_STATUS_FAILED)
        return hr;
    hr = cache_build(array, *ret_image, ret_next);
    if (FAILED(hr))
        return hr;
    hr = drives_sync(array, ret_next);
    if (FAILED(hr) && hr != VDS_E_OBJECT_STATUS_FAILED) {
        cache_fini(ret_next);
        return hr;
    }
    drives_carry(now, ret_next);
    drives_attach(ret_next, /* recover= */ list_empty(&now->all[OBJECT_DRIVE]), NULL);
    pools_write(array, ret_next);
    portals_presence(array, ret_next);
    portals_bar(array, ret_next, NULL);
    return S_OK;
}

/* first: nobody knew anything before. */
static void swap_in(struct array *array, struct cache *next, struct events *events, bool first)
{
    struct cache old;

    pthread_mutex_lock(&array->lock);
    cache_move(&old, &array->cache);
    cache_move(&array->cache, next);
    array->corrupt = array->reenumerated = false;
    if (health_changed(array) && !first && events_reserve(events, 1) == 0)
        events_add(events, VDS_NF_SUB_SYSTEM_MODIFY, VDS_NTT_SUB_SYSTEM, &array->subsystem.id);
    notifier_post(&array->notifier, events);
    pthread_mutex_unlock(&array->lock);
    cache_fini(&old);
}

static HRESULT replace(struct array *array, struct array_op *op, const struct state_subsystem *before)
{
    _cleanup_(state_image_freep) struct state_image *image = NULL;
    struct events events = { 0 };
    struct cache next;
    HRESULT hr = next_make(array, &next, &image);

    if (FAILED(hr))
        return hr;
    hr = diff_apply(array, op, before, &next, image, &events);
    if (FAILED(hr)) {
        drives_give_back(&array->cache, &next);
        cache_fini(&next);
        events_fini(&events);
        return hr;
    }
    if (!op)
        events_fini(&events);
    swap_in(array, &next, &events, /* first= */ !op);
    return S_OK;
}

static HRESULT refresh(struct array *array, struct array_op *op)
{
    struct state_subsystem before = subsystem_row(array);
    HRESULT hr = replace(array, op, &before);

    if (FAILED(hr) && op) { /* the array's own row was taken first */
        pthread_mutex_lock(&array->lock);
        subsystem_take_row(array, &before);
        pthread_mutex_unlock(&array->lock);
    }
    return hr;
}

HRESULT refresh_first(struct array *array)
{
    HRESULT hr = refresh(array, NULL);

    if (SUCCEEDED(hr)) {
        HRESULT scan = portals_scan(array);

        if (FAILED(scan))
            log_warning("array: portals: %s", error_text_get());
    }
    return hr;
}

static HRESULT refresh_run(struct array_op *op)
{
    return refresh(op->array, op);
}

static HRESULT admit_cache_call(struct array *array, bool *ret_corrupt)
{
    HRESULT hr = admit(array);

    *ret_corrupt = hr == VDS_E_PROVIDER_CACHE_CORRUPT;
    return *ret_corrupt ? S_OK : hr;
}

HRESULT array_refresh(struct array *array)
{
    struct array_op *op;
    bool corrupt;
    HRESULT hr = admit_cache_call(array, &corrupt);

    if (FAILED(hr))
        return hr;
    if (!(op = op_new(array, refresh_run)))
        return E_OUTOFMEMORY;
    pthread_mutex_lock(&array->scan_lock); /* our own looking round is nobody's "another call" */
    pthread_mutex_lock(&array->lock);
    hr = corrupt && !array->reenumerated ? VDS_E_PROVIDER_CACHE_CORRUPT
                                         : lock_take(&op->locks, &array->subsystem, LOCK_EXCLUSIVE);
    pthread_mutex_unlock(&array->lock);
    pthread_mutex_unlock(&array->scan_lock);
    if (hr == VDS_E_PROVIDER_CACHE_CORRUPT)
        error_text_set("the state file was changed by somebody else: call Reenumerate first");
    if (FAILED(hr))
        return op_refuse(op, hr);
    hr = op_call(op);
    if (SUCCEEDED(hr))
        portals_scan(array);
    return hr;
}

/* ---- Reenumerate ----------------------------------------------------------------------------- */

/* Directories that were missing may be there now. */
static HRESULT look_for_drives(struct array_op *op, bool corrupt)
{
    _cleanup_(state_tx_freep) struct state_tx *tx = state_tx_new();
    struct array *array = op->array;
    int r, n_moved = 0;

    if (!tx)
        return E_OUTOFMEMORY;
    pthread_mutex_lock(&array->lock);
    r = events_reserve(&op->events, array->cache.n_objects + 1);
    if (r == 0) {
        drives_attach(&array->cache, /* recover= */ false, &op->events);
        n_moved = drives_pool(&array->cache, tx);
        if (health_changed(array))
            events_add(&op->events, VDS_NF_SUB_SYSTEM_MODIFY, VDS_NTT_SUB_SYSTEM, &array->subsystem.id);
        notifier_post(&array->notifier, &op->events);
    }
    pthread_mutex_unlock(&array->lock);
    if (r < 0)
        return hr_from_errno(r);
    return n_moved && !corrupt ? array_commit(array, tx) : S_OK;
}

static HRESULT reenumerate_run(struct array_op *op)
{
    struct array *array = op->array;
    HRESULT hr;
    int r;

    pthread_mutex_lock(&array->lock);
    bool corrupt = array->corrupt;
    pthread_mutex_unlock(&array->lock);
    if (corrupt && (r = state_reopen(array->state)) < 0)
        return hr_from_errno(r);
    pthread_mutex_lock(&array->lock);
    array->reenumerated = corrupt;
    pthread_mutex_unlock(&array->lock);
    hr = look_for_drives(op, corrupt); /* what is found cannot be written down before the refresh */
    return corrupt || FAILED(hr) ? hr : portals_scan(array);
}

HRESULT array_reenumerate(struct array *array)
{
    struct array_op *op;
    bool corrupt;
    HRESULT hr = admit_cache_call(array, &corrupt);

    if (FAILED(hr))
        return hr;
    if (!(op = op_new(array, reenumerate_run)))
        return E_OUTOFMEMORY;
    pthread_mutex_lock(&array->lock);
    hr = lock_take(&op->locks, &array->subsystem, LOCK_CHANGE);
    pthread_mutex_unlock(&array->lock);
    return FAILED(hr) ? op_refuse(op, hr) : op_call(op);
}
