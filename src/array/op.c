/* SPDX-License-Identifier: MIT */
/* Operation objects: from admission to the last waiter.
 *
 *      op_new ──> OP_PREPARING ──op_commit()──> OP_COMMITTED ──> OP_ENDED
 *                      │ cancel: ends VDS_E_OPERATION_CANCELED      ▲
 *                      └────────── failure ─────────────────────────┘
 *
 * What holds:  PREPARING  nothing durable has changed; a cancel is promised to succeed.
 *              COMMITTED  the transaction has been tried; a cancel comes too late.
 *              ENDED      hr, output and text are final; the marks on the objects are gone; op->array is
 *                         not touched any more.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "array/array_internal.h"

struct array_op *op_new(struct array *array, op_run *run)
{
    struct array_op *op = calloc(1, sizeof *op);
    pthread_condattr_t attr;

    if (!op)
        return NULL;
    atomic_init(&op->n_refs, 1);
    pthread_mutex_init(&op->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&op->ended, &attr);
    pthread_condattr_destroy(&attr);
    op->array = array;
    op->run = run;
    op->hr = VDS_E_OPERATION_PENDING;
    list_init(&op->pending);
    pthread_mutex_lock(&array->lock);
    list_append(&array->ops, &op->link);
    pthread_mutex_unlock(&array->lock);
    return op;
}

struct array_op *array_op_ref(struct array_op *op)
{
    atomic_fetch_add(&op->n_refs, 1);
    return op;
}

void array_op_unref(struct array_op *op)
{
    if (!op || atomic_fetch_sub(&op->n_refs, 1) != 1)
        return;
    pthread_mutex_destroy(&op->lock);
    pthread_cond_destroy(&op->ended);
    free(op);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Gives back what belongs to the array. */
static void op_leave(struct array_op *op)
{
    struct array *array = op->array;

    state_tx_free(TAKE_PTR(op->tx));
    state_tx_free(TAKE_PTR(op->undo));
    events_fini(&op->events);
    free(TAKE_PTR(op->ties));
    free(TAKE_PTR(op->text_arg));
    free(TAKE_PTR(op->regroup));
    pthread_mutex_lock(&array->lock);
    if (op->portal && !op->portal->present && list_empty(&op->portal->paths))
        array_kick(array, /* rescan= */ true); /* nobody needs it any more */
    lock_release_all(&op->locks);
    list_remove(&op->link);
    if (list_empty(&array->ops))
        pthread_cond_broadcast(&array->ops_gone);
    pthread_mutex_unlock(&array->lock);
}

static void op_publish(struct array_op *op, HRESULT hr)
{
    struct op_ender *ender;

    pthread_mutex_lock(&op->lock);
    if (op->cancelled && op->stage == OP_PREPARING) { /* the promise that array_op_cancel() gave */
        hr = VDS_E_OPERATION_CANCELED;
        error_text_set("the operation was cancelled");
    }
    op->stage = OP_ENDED;
    op->hr = hr;
    op->percent = 100;
    snprintf(op->text, sizeof op->text, "%s", FAILED(hr) ? error_text_get() : "");
    ender = TAKE_PTR(op->enders);
    pthread_cond_broadcast(&op->ended);
    pthread_mutex_unlock(&op->lock);
    while (ender) {
        struct op_ender *next = ender->next;

        ender->done(ender->arg);
        if (ender != &op->spare)
            free(ender);
        ender = next;
    }
}

static void op_end(struct array_op *op, HRESULT hr)
{
    op_leave(op);
    op_publish(op, hr);
}

void op_execute(struct array_op *op)
{
    error_text_clear();
    op_end(op, op->run(op));
}

HRESULT op_start(struct array_op *op, struct array_op **ret_op)
{
    *ret_op = array_op_ref(op);
    if (pool_submit(&op->array->pool, op) < 0) { /* no thread to be had: here and now, then */
        op_execute(op);
        array_op_unref(op);
    }
    return S_OK;
}

HRESULT op_call(struct array_op *op)
{
    HRESULT hr;

    op_execute(op);
    hr = op->hr;
    if (FAILED(hr))
        error_text_set("%s", op->text);
    array_op_unref(op);
    return hr;
}

HRESULT op_end_now(struct array_op *op, HRESULT hr, struct array_op **ret_op)
{
    op_end(op, hr);
    *ret_op = op;
    return hr;
}

HRESULT op_refuse(struct array_op *op, HRESULT hr)
{
    op_leave(op);
    array_op_unref(op);
    return hr;
}

/* ---- for run functions ----------------------------------------------------------------------- */

bool op_is_cancelled(struct array_op *op)
{
    pthread_mutex_lock(&op->lock);
    bool cancelled = op->cancelled;
    pthread_mutex_unlock(&op->lock);
    return cancelled;
}

void op_progress(struct array_op *op, unsigned percent)
{
    pthread_mutex_lock(&op->lock);
    if (percent > op->percent)
        op->percent = percent < 99 ? percent : 99;
    pthread_mutex_unlock(&op->lock);
}

HRESULT op_drain(struct array_op *op, struct engine_drain *drain)
{
    bool cancelled;
    int r;

    pthread_mutex_lock(&op->lock);
    cancelled = op->cancelled;
    op->drain = cancelled ? NULL : drain;
    pthread_mutex_unlock(&op->lock);
    if (cancelled)
        return VDS_E_OPERATION_CANCELED;
    r = engine_drain_wait(drain, -1);
    pthread_mutex_lock(&op->lock);
    op->drain = NULL;
    pthread_mutex_unlock(&op->lock);
    return hr_from_errno(r);
}

bool op_drain_back(struct array_op *op, struct engine_drain *drain)
{
    int r;

    pthread_mutex_lock(&op->lock);
    op->back = drain;
    pthread_mutex_unlock(&op->lock);
    pthread_mutex_lock(&op->array->lock);
    bool closing = op->array->closing;
    pthread_mutex_unlock(&op->array->lock);
    if (closing) /* op_hurry() may have come too early */
        engine_drain_cancel(drain);
    r = engine_drain_wait(drain, -1);
    pthread_mutex_lock(&op->lock);
    op->back = NULL;
    pthread_mutex_unlock(&op->lock);
    return r == 0;
}

void op_hurry(struct array_op *op)
{
    pthread_mutex_lock(&op->lock);
    if (op->back)
        engine_drain_cancel(op->back);
    pthread_mutex_unlock(&op->lock);
}

HRESULT op_transactions(struct array_op *op)
{
    op->tx = state_tx_new();
    op->undo = state_tx_new();
    return op->tx && op->undo ? S_OK : E_OUTOFMEMORY;
}

HRESULT op_commit(struct array_op *op)
{
    pthread_mutex_lock(&op->lock);
    if (!op->cancelled)
        op->stage = OP_COMMITTED;
    bool cancelled = op->cancelled;
    pthread_mutex_unlock(&op->lock);
    return cancelled ? VDS_E_OPERATION_CANCELED : array_commit(op->array, op->tx);
}

HRESULT op_uncommit(struct array_op *op, int r)
{
    char why[TEXT_MAX];
    int undo;

    snprintf(why, sizeof why, "the engine refused: %s", strerror(-r));
    undo = state_commit(op->array->state, op->undo);
    if (undo < 0)
        health_doubt(op->array, "what was committed could not be taken back", undo);
    error_text_set("%s", why);
    return hr_from_errno(r);
}

/* ---- for holders ----------------------------------------------------------------------------- */

bool array_op_wait(struct array_op *op, int timeout_ms)
{
    struct timespec until;
    int r = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    if (timeout_ms >= 0) {
        until.tv_sec += timeout_ms / 1000;
        until.tv_nsec += timeout_ms % 1000 * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
    }
    pthread_mutex_lock(&op->lock);
    while (op->stage != OP_ENDED && r == 0) {
        if (timeout_ms < 0)
            pthread_cond_wait(&op->ended, &op->lock);
        else
            r = pthread_cond_timedwait(&op->ended, &op->lock, &until);
    }
    bool ended = op->stage == OP_ENDED;
    pthread_mutex_unlock(&op->lock);
    return ended;
}

/* Progress of a drain: the share of connections that are gone (design section 4). */
static unsigned drain_percent(struct engine_drain *drain)
{
    struct engine_drain_status status;

    engine_drain_status(drain, &status);
    return status.n_start ? 99 * (status.n_start - status.n_left) / status.n_start : 0;
}

void array_op_result(struct array_op *op, struct array_op_result *ret_result)
{
    pthread_mutex_lock(&op->lock);
    *ret_result = (struct array_op_result){ .hr = op->hr, .percent = op->percent };
    if (op->drain)
        ret_result->percent = drain_percent(op->drain);
    if (op->stage == OP_ENDED && SUCCEEDED(op->hr))
        ret_result->output = op->output;
    memcpy(ret_result->text, op->text, sizeof ret_result->text);
    pthread_mutex_unlock(&op->lock);
}

void array_op_on_end(struct array_op *op, void (*done)(void *arg), void *arg)
{
    struct op_ender *ender = NULL;

    pthread_mutex_lock(&op->lock);
    if (op->stage != OP_ENDED) {
        ender = op->enders ? malloc(sizeof *ender) : &op->spare;
        if (ender) {
            *ender = (struct op_ender){ op->enders, done, arg };
            op->enders = ender;
        }
    }
    pthread_mutex_unlock(&op->lock);
    if (ender)
        return;
    array_op_wait(op, -1); /* ended already; or out of memory, and late is better than never */
    done(arg);
}

HRESULT array_op_cancel(struct array_op *op)
{
    HRESULT hr = S_OK;

    pthread_mutex_lock(&op->lock);
    if (op->cancelled)
        hr = VDS_E_OPERATION_CANCELED;
    else if (op->stage != OP_PREPARING)
        hr = VDS_E_CANCEL_TOO_LATE;
    else
        op->cancelled = true;
    if (hr == S_OK && op->drain)
        engine_drain_cancel(op->drain);
    pthread_mutex_unlock(&op->lock);
    return hr;
}
