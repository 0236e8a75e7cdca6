/* SPDX-License-Identifier: MIT */
#include "fake_array_internal.h"

#include <stdio.h>

static pthread_mutex_t op_lock = PTHREAD_MUTEX_INITIALIZER; /* results; ops may outlive the array */
static pthread_cond_t op_ended = PTHREAD_COND_INITIALIZER;

HRESULT fake_op_start(struct array *a, const struct guid *object, HRESULT hr, const struct guid *output,
                      struct array_op **ret_op)
{
    struct array_op *op = fake_take(1, sizeof *op);

    op->refs = 1;
    op->array = a;
    op->object = *object;
    op->result.hr = hr;
    op->result.percent = 100;
    if (output)
        op->result.output = *output;
    if (a->hold && hr == S_OK) {
        op->result.hr = VDS_E_OPERATION_PENDING;
        op->result.percent = 40;
        a->running[a->n_running++] = array_op_ref(op);
    }
    *ret_op = op;
    return S_OK;
}

static void op_end(struct array_op *op, HRESULT hr, const char *text)
{
    void (*done)(void *arg) = NULL;

    pthread_mutex_lock(&op_lock);
    if (op->result.hr == (HRESULT)VDS_E_OPERATION_PENDING) {
        op->result.hr = hr;
        op->result.percent = 100;
        snprintf(op->result.text, sizeof op->result.text, "%s", text ? text : "");
        done = op->done;
    }
    pthread_cond_broadcast(&op_ended);
    pthread_mutex_unlock(&op_lock);
    if (done)
        done(op->done_arg);
}

void array_op_on_end(struct array_op *op, void (*done)(void *arg), void *arg)
{
    bool ended;

    pthread_mutex_lock(&op_lock);
    ended = op->result.hr != (HRESULT)VDS_E_OPERATION_PENDING;
    op->done = done;
    op->done_arg = arg;
    pthread_mutex_unlock(&op_lock);
    if (ended)
        done(arg);
}

void fake_let_go(struct array *a, HRESULT hr, const char *text)
{
    LOCKED(a);

    a->hold = false;
    while (a->n_running > 0) {
        struct array_op *op = a->running[--a->n_running];

        op_end(op, hr, text);
        array_op_unref(op);
    }
    pthread_cond_broadcast(&a->changed);
}

bool fake_busy(struct array *a, const struct guid *object)
{
    for (size_t i = 0; i < a->n_running; i++) {
        struct array_op_result result;

        array_op_result(a->running[i], &result);
        if (guid_equal(&a->running[i]->object, object) && result.hr == (HRESULT)VDS_E_OPERATION_PENDING)
            return true;
    }
    return false;
}

struct array_op *array_op_ref(struct array_op *op)
{
    op->refs++;
    return op;
}

void array_op_unref(struct array_op *op)
{
    if (op && --op->refs == 0)
        free(op);
}

bool array_op_wait(struct array_op *op, int timeout_ms)
{
    (void)timeout_ms;
    pthread_mutex_lock(&op_lock);
    while (op->result.hr == (HRESULT)VDS_E_OPERATION_PENDING)
        pthread_cond_wait(&op_ended, &op_lock);
    pthread_mutex_unlock(&op_lock);
    return true;
}

void array_op_result(struct array_op *op, struct array_op_result *ret_result)
{
    pthread_mutex_lock(&op_lock);
    *ret_result = op->result;
    pthread_mutex_unlock(&op_lock);
}

HRESULT array_op_cancel(struct array_op *op)
{
    struct array_op_result result;

    array_op_result(op, &result);
    if (result.hr == (HRESULT)VDS_E_OPERATION_CANCELED)
        return VDS_E_OPERATION_CANCELED;
    if (result.hr != (HRESULT)VDS_E_OPERATION_PENDING)
        return VDS_E_CANCEL_TOO_LATE;
    op_end(op, VDS_E_OPERATION_CANCELED, "cancelled");
    return S_OK;
}
