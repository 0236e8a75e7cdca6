/* SPDX-License-Identifier: MIT */
/* Admission, and the ways in which the array as a whole can be unwell (design section 5):
 *
 *   corrupt  the state file is not what the cache was made from: VDS_E_PROVIDER_CACHE_CORRUPT until
 *            reenumerate and refresh
 *   failed   the state cannot be written: VDS_E_OBJECT_STATUS_FAILED; I/O goes on; heals when a write
 *            goes through again
 *
 * and a third, in which it goes on without a part of it:
 *
 *   degraded a drive, a LUN or a portal has failed: a health, and no more than that
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "array/array_internal.h"

/* ---- corrupt --------------------------------------------------------------------------------- */

static bool is_corrupt(struct array *array)
{
    bool foreign = state_is_foreign(array->state);

    pthread_mutex_lock(&array->lock);
    array->corrupt |= foreign;
    bool corrupt = array->corrupt;
    pthread_mutex_unlock(&array->lock);
    return corrupt;
}

static HRESULT refuse_corrupt(void)
{
    error_text_set("the state file was changed by somebody else: call Reenumerate, then Refresh");
    return VDS_E_PROVIDER_CACHE_CORRUPT;
}

void health_doubt(struct array *array, const char *what, int r)
{
    log_error("array: %s: %s; reenumerate and refresh bring engine and state together again", what,
              strerror(-r));
    pthread_mutex_lock(&array->lock);
    array->corrupt = true;
    pthread_mutex_unlock(&array->lock);
}

/* ---- failed ---------------------------------------------------------------------------------- */

/* array->lock held. */
static void failed_set(struct array *array, bool failed, const char *reason)
{
    snprintf(array->reason, sizeof array->reason, "%s", reason);
    if (array->failed == failed)
        return;
    array->failed = failed;
    array_kick(array, /* rescan= */ !failed); /* what was found meanwhile could not be written down */
    notifier_post_one(&array->notifier, VDS_NF_SUB_SYSTEM_MODIFY, VDS_NTT_SUB_SYSTEM, &array->subsystem.id);
}

static void health_fail(struct array *array, int r)
{
    char reason[TEXT_MAX], detail[TEXT_MAX];

    snprintf(detail, sizeof detail, "%s", error_text_get());
    snprintf(reason, sizeof reason, "the state cannot be written: %.40s%s%.150s", strerror(-r),
             detail[0] ? ": " : "", detail);
    pthread_mutex_lock(&array->lock);
    if (!array->failed)
        log_error("array: %s", reason);
    failed_set(array, true, reason);
    pthread_mutex_unlock(&array->lock);
    error_text_set("%s", reason);
}

bool health_heal(struct array *array)
{
    struct state_tx *probe;
    int r;

    pthread_mutex_lock(&array->lock);
    bool failed = array->failed;
    pthread_mutex_unlock(&array->lock);
    if (!failed)
        return true;
    probe = state_tx_new();
    r = probe ? state_commit(array->state, probe) : -ENOMEM;
    state_tx_free(probe);
    if (r < 0)
        return false;
    log_info("array: the state can be written again");
    pthread_mutex_lock(&array->lock);
    failed_set(array, false, "");
    pthread_mutex_unlock(&array->lock);
    return true;
}

HRESULT health_commit_failed(struct array *array, int r)
{
    if (r == -ESTALE) {
        is_corrupt(array);
        return refuse_corrupt();
    }
    if (!state_error_is_medium(r))
        return r == -ENOMEM
                   ? E_OUTOFMEMORY
                   : E_UNEXPECTED; /* the rules were checked before: a row that clashes is our fault */
    health_fail(array, r);
    return VDS_E_OBJECT_STATUS_FAILED;
}

HRESULT array_commit(struct array *array, struct state_tx *tx)
{
    int r = state_commit(array->state, tx);

    if (r == 0)
        return S_OK;
    if (!state_error_is_medium(r) && r != -ESTALE && r != -ENOMEM)
        log_error("array: the state refuses a change: %s", error_text_get());
    return health_commit_failed(array, r);
}

/* ---- degraded ------------------------------------------------------------------------------ */

static bool has_failed_part(struct array *array)
{
    cache_for_each(n, &array->cache, OBJECT_DRIVE)
        if (OBJECT_OF(drive, n)->dir_fd < 0)
            return true;
    cache_for_each(n, &array->cache, OBJECT_LUN)
        if (OBJECT_OF(lun, n)->object.visible && !OBJECT_OF(lun, n)->lu)
            return true;
    cache_for_each(n, &array->cache, OBJECT_PORTAL)
        if (OBJECT_OF(portal, n)->object.visible && portal_status(OBJECT_OF(portal, n)) == VDS_IPS_FAILED)
            return true;
    return false;
}

bool health_changed(struct array *array)
{
    bool before = array->degraded;

    array->degraded = has_failed_part(array);
    return array->degraded != before;
}

void health_look(struct array *array)
{
    if (health_changed(array))
        notifier_post_one(&array->notifier, VDS_NF_SUB_SYSTEM_MODIFY, VDS_NTT_SUB_SYSTEM,
                          &array->subsystem.id);
}

/* ---- admission ------------------------------------------------------------------------------- */

HRESULT admit_read(struct array *array)
{
    return is_corrupt(array) ? refuse_corrupt() : S_OK;
}

HRESULT admit(struct array *array)
{
    error_text_clear();
    pthread_mutex_lock(&array->lock);
    bool closing = array->closing;
    pthread_mutex_unlock(&array->lock);
    if (closing) {
        error_text_set("the array is being closed");
        return E_ABORT;
    }
    if (is_corrupt(array))
        return refuse_corrupt();
    if (health_heal(array))
        return S_OK;
    pthread_mutex_lock(&array->lock);
    error_text_set("%s", array->reason);
    pthread_mutex_unlock(&array->lock);
    return VDS_E_OBJECT_STATUS_FAILED;
}
