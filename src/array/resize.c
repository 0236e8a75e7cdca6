/* SPDX-License-Identifier: MIT */
/* LUNs grow and shrink while they are used.
 *
 * The row in the state is the truth: of a file that is longer, only that much is served. So the order is
 *
 *      extend: file grows ──> commit ──> unit grows
 *      shrink: unit shrinks, commands that began before end ──> commit ──> file is cut
 *
 * and a crash between any two leaves the size of before or that of after, and no data lost that a row still
 * promises.
 */
#include <errno.h>
#include <string.h>

#include "array/array_internal.h"

#define LOOK_BYTES    (1u << 20)          /* read at a time when looking for data */
#define RESERVE_BYTES (UINT64_C(64) << 20) /* allocated at a time, between looks for a cancel */

static void set_transition(struct array_op *op, uint32_t transition)
{
    pthread_mutex_lock(&op->array->lock);
    op->lun->transition = transition;
    pthread_mutex_unlock(&op->array->lock);
}

static HRESULT resize_commit(struct array_op *op)
{
    struct state_lun row = lun_row(op->lun);
    HRESULT hr = op_transactions(op);

    if (SUCCEEDED(hr) && events_reserve(&op->events, 2) < 0)
        hr = E_OUTOFMEMORY;
    if (FAILED(hr))
        return hr;
    row.size = op->new_size;
    state_update_lun(op->tx, &row);
    return op_commit(op);
}

static void resize_publish(struct array_op *op)
{
    struct array *array = op->array;
    struct lun *lun = op->lun;

    pthread_mutex_lock(&array->lock);
    lun->size = op->new_size;
    lun->transition = VDS_TS_STABLE;
    events_add(&op->events, VDS_NF_LUN_MODIFY, VDS_NTT_LUN, &lun->object.id);
    events_add(&op->events, VDS_NF_DRIVE_MODIFY, VDS_NTT_DRIVE, &lun->drive->object.id);
    notifier_post(&array->notifier, &op->events);
    pthread_mutex_unlock(&array->lock);
}

static void cut_store(struct lun *lun, uint64_t size)
{
    int r = store_resize(lun->store, size);

    if (r < 0) /* nobody is served what is beyond the row's size */
        log_warning("LUN %s: its file stays longer than the LUN: %s", lun->name, strerror(-r));
}

static HRESULT run_and_settle(struct array_op *op, uint32_t transition, HRESULT (*run)(struct array_op *op))
{
    HRESULT hr;

    set_transition(op, transition);
    hr = run(op);
    if (FAILED(hr)) {
        set_transition(op, VDS_TS_STABLE);
        return hr;
    }
    resize_publish(op);
    return hr;
}

/* ---- extend ---------------------------------------------------------------------------------- */

/* A thick LUN has the space of its new blocks before it has the blocks. */
static int reserve_all(struct array_op *op)
{
    const struct lun *lun = op->lun;
    uint64_t end = op->new_size, n = end - lun->size;

    if (!lun->thick)
        return 0;
    for (uint64_t at = lun->size; at < end;) {
        uint64_t step = end - at < RESERVE_BYTES ? end - at : RESERVE_BYTES;
        int r = op_is_cancelled(op) ? -ECANCELED : store_reserve(lun->store, at, step);

        if (r < 0)
            return r;
        at += step;
        op_progress(op, (unsigned)((at - lun->size) / (n / 100 + 1)));
    }
    return 0;
}

static HRESULT grow_store(struct array_op *op)
{
    struct lun *lun = op->lun;
    int r = 0;

    if (store_size(lun->store) > lun->size) /* what an interrupted operation left: new blocks are zeros */
        r = store_resize(lun->store, lun->size);
    if (r == 0)
        r = reserve_all(op);
    if (r == 0)
        r = store_resize(lun->store, op->new_size);
    if (r == 0)
        return S_OK;
    cut_store(lun, lun->size);
    if (r != -ECANCELED)
        error_text_set("cannot extend LUN %s on drive %s: %s", lun->name, lun->drive->path, strerror(-r));
    return r == -ENOSPC ? VDS_E_NOT_ENOUGH_SPACE : hr_from_errno(r);
}

static HRESULT extend(struct array_op *op)
{
    HRESULT hr = grow_store(op);

    if (FAILED(hr))
        return hr;
    hr = resize_commit(op);
    if (FAILED(hr))
        cut_store(op->lun, op->lun->size);
    else
        scsi_lu_resized(op->lun->lu, op->new_size);
    return hr;
}

static HRESULT extend_run(struct array_op *op)
{
    return run_and_settle(op, VDS_TS_EXTENDING, extend);
}

/* ---- shrink ---------------------------------------------------------------------------------- */

static bool all_zeros(const uint8_t *p, size_t n)
{
    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* A worker has no loop: the store answers inside the call. */
static int read_now(struct store *store, uint64_t offset, uint8_t *buf, uint64_t len)
{
    struct iovec iov = { buf, len };
    struct store_request req = { .op = STORE_READ, .offset = offset, .len = len, .iov = &iov, .n_iov = 1 };

    return store_submit(store, &req);
}

/* 1: something other than zeros is there, 0: nothing, or -errno. What has no space is zeros unread. */
static int look_for_data(struct array_op *op, uint8_t *buf)
{
    struct store *store = op->lun->store;
    uint64_t end = op->lun->size, n = end - op->new_size;
    int r = 0;

    for (uint64_t at = op->new_size; at < end && r == 0;) {
        struct store_extent extent;
        uint64_t len;

        r = op_is_cancelled(op) ? -ECANCELED : store_extent_at(store, at, &extent);
        if (r < 0)
            return r;
        len = extent.len < end - at ? extent.len : end - at;
        if (extent.mapped) {
            len = len < LOOK_BYTES ? len : LOOK_BYTES;
            r = read_now(store, at, buf, len);
            if (r == 0)
                r = !all_zeros(buf, len);
        }
        at += len;
        op_progress(op, (unsigned)((at - op->new_size) / (n / 90 + 1)));
    }
    return r;
}

static HRESULT refuse_data(struct array_op *op)
{
    _cleanup_(freep) uint8_t *buf = op->force ? NULL : malloc(LOOK_BYTES);
    int r;

    if (op->force)
        return S_OK;
    r = buf ? look_for_data(op, buf) : -ENOMEM;
    if (r <= 0)
        return hr_from_errno(r);
    error_text_set("there is data in the last %llu MiB of LUN %s",
                   (unsigned long long)((op->lun->size - op->new_size) / LUN_ROUND), op->lun->name);
    return VDS_E_SHRINK_OVER_DATA;
}

/* The unit is smaller already: what could still write there has ended, so a second look is the last word. */
static HRESULT shrink_cut(struct array_op *op)
{
    struct lun *lun = op->lun;
    int r = engine_lu_settle(op->array->engine, &lun->object.id, op->new_size);
    HRESULT hr = r < 0 ? hr_from_errno(r) : refuse_data(op);

    if (SUCCEEDED(hr))
        hr = resize_commit(op);
    return hr;
}

static HRESULT shrink(struct array_op *op)
{
    struct lun *lun = op->lun;
    HRESULT hr = refuse_data(op);

    if (FAILED(hr))
        return hr;
    scsi_lu_resized(lun->lu, op->new_size);
    hr = shrink_cut(op);
    if (FAILED(hr))
        scsi_lu_resized(lun->lu, lun->size);
    else
        cut_store(lun, op->new_size);
    return hr;
}

static HRESULT shrink_run(struct array_op *op)
{
    return run_and_settle(op, VDS_TS_SHRINKING, shrink);
}

/* ---- admission ------------------------------------------------------------------------------- */

/* array->lock held. */
static HRESULT lun_whole(struct array_op *op, const struct guid *id)
{
    HRESULT hr = lun_lock(op, id, LOCK_CHANGE);

    if (SUCCEEDED(hr) && !op->lun->lu) {
        error_text_set("LUN %s has failed: its data cannot be reached", op->lun->name);
        hr = VDS_E_OBJECT_STATUS_FAILED;
    }
    return hr;
}

/* array->lock held. Named drives come first, then others: a LUN does not cross drives, so it stays where it
 * is, and the names only have to be those of drives. */
static HRESULT drives_known(struct array *array, const struct guid *drives, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char text[GUID_TEXT_SIZE];

        if (cache_find(&array->cache, OBJECT_DRIVE, &drives[i]))
            continue;
        guid_format(&drives[i], text);
        error_text_set("there is no drive %s", text);
        return VDS_E_OBJECT_NOT_FOUND;
    }
    return S_OK;
}

/* array->lock held. */
static HRESULT extend_fits(struct array_op *op, uint64_t n_bytes)
{
    const struct lun *lun = op->lun;
    uint64_t size, free_bytes;

    if (n_bytes > (uint64_t)INT64_MAX - LUN_ROUND - lun->size) {
        error_text_set("a LUN has at most 8 EiB");
        return E_INVALIDARG;
    }
    op->new_size = (lun->size + n_bytes + LUN_ROUND - 1) / LUN_ROUND * LUN_ROUND;
    n_bytes = op->new_size - lun->size;
    if (lun->features & ARRAY_LUN_VOLATILE)
        return volatile_fits(op->array, n_bytes);
    if (lun->thick && (!drive_space(lun->drive, &size, &free_bytes) || free_bytes < n_bytes)) {
        error_text_set("drive %s does not have that much space", lun->drive->path);
        return VDS_E_NOT_ENOUGH_SPACE;
    }
    return S_OK;
}

/* array->lock held. No more is cut than was asked for. */
static HRESULT shrink_fits(struct array_op *op, uint64_t n_bytes)
{
    const struct lun *lun = op->lun;

    if (n_bytes >= lun->size) {
        error_text_set("LUN %s has %llu MiB: something must be left of it", lun->name,
                       (unsigned long long)(lun->size / LUN_ROUND));
        return VDS_E_INVALID_SHRINK_SIZE;
    }
    op->new_size = (lun->size - n_bytes + LUN_ROUND - 1) / LUN_ROUND * LUN_ROUND;
    return S_OK;
}

static HRESULT resize_begin(struct array *array, const struct guid *lun, uint64_t n_bytes, op_run *run,
                            struct array_op **ret_op)
{
    HRESULT hr;

    if (!lun || !ret_op)
        return E_INVALIDARG;
    *ret_op = NULL;
    if (n_bytes == 0) {
        error_text_set("by nothing at all a LUN does not change");
        return E_INVALIDARG;
    }
    if (FAILED(hr = admit(array)))
        return hr;
    *ret_op = op_new(array, run);
    return *ret_op ? S_OK : E_OUTOFMEMORY;
}

/* Less than a whole mebibyte is nothing to do. */
static HRESULT resize_go(struct array_op *op, HRESULT hr, struct array_op **ret_op)
{
    *ret_op = NULL;
    if (FAILED(hr))
        return op_refuse(op, hr);
    return op->new_size == op->lun->size ? op_end_now(op, S_OK, ret_op) : op_start(op, ret_op);
}

HRESULT array_lun_extend(struct array *array, const struct guid *lun, uint64_t n_bytes,
                         const struct guid *drives, size_t n_drives, struct array_op **ret_op)
{
    struct array_op *op;
    HRESULT hr = n_drives && !drives ? E_INVALIDARG : resize_begin(array, lun, n_bytes, extend_run, ret_op);

    if (FAILED(hr))
        return hr;
    op = *ret_op;
    pthread_mutex_lock(&array->lock);
    hr = lun_whole(op, lun);
    if (SUCCEEDED(hr))
        hr = drives_known(array, drives, n_drives);
    if (SUCCEEDED(hr))
        hr = extend_fits(op, n_bytes);
    pthread_mutex_unlock(&array->lock);
    return resize_go(op, hr, ret_op);
}

HRESULT array_lun_shrink(struct array *array, const struct guid *lun, uint64_t n_bytes, bool force,
                         struct array_op **ret_op)
{
    struct array_op *op;
    HRESULT hr = resize_begin(array, lun, n_bytes, shrink_run, ret_op);

    if (FAILED(hr))
        return hr;
    op = *ret_op;
    op->force = force;
    pthread_mutex_lock(&array->lock);
    hr = lun_whole(op, lun);
    if (SUCCEEDED(hr))
        hr = shrink_fits(op, n_bytes);
    pthread_mutex_unlock(&array->lock);
    return resize_go(op, hr, ret_op);
}
