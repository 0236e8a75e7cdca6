/* SPDX-License-Identifier: MIT */
#include "fake_internal.h"

struct fake_op {
    struct fake *fake;
    struct fake_op *next;
    unsigned refs;
    HRESULT result;
    bool ended;
    enum fake_kind kind; /* of the output */
    unsigned number;
    void (*done[4])(void *arg);
    void *arg[4];
    unsigned n_done;
};

static HRESULT op_wait(void *p, HRESULT *ret_hr)
{
    struct fake_op *op = p;

    pthread_mutex_lock(&op->fake->lock);
    while (!op->ended)
        pthread_cond_wait(&op->fake->changed, &op->fake->lock);
    *ret_hr = op->result;
    pthread_mutex_unlock(&op->fake->lock);
    if (FAILED(*ret_hr))
        error_text_set("the fake operation failed, as it was told to");
    return S_OK;
}

static HRESULT op_status(void *p, HRESULT *ret_hr, ULONG *ret_percent)
{
    struct fake_op *op = p;

    pthread_mutex_lock(&op->fake->lock);
    *ret_hr = op->ended ? op->result : (HRESULT)VDS_E_OPERATION_PENDING;
    *ret_percent = op->ended ? 100 : 42;
    pthread_mutex_unlock(&op->fake->lock);
    return S_OK;
}

/* Off the list of the running ones; the callbacks are returned for the caller to make, outside the lock. */
static void op_end(struct fake_op *op, HRESULT result)
{
    struct fake *f = op->fake;
    struct fake_op **at = &f->ops;

    while (*at && *at != op)
        at = &(*at)->next;
    if (*at)
        *at = op->next;
    op->ended = true;
    op->result = result;
    f->n_finished++;
    pthread_cond_broadcast(&f->changed);
}

static void op_free(struct fake_op *op)
{
    struct fake *f = op->fake;

    pthread_mutex_lock(&f->lock);
    if (--op->refs == 0) {
        f->n_ops--;
        pthread_cond_broadcast(&f->changed);
        free(op);
    }
    pthread_mutex_unlock(&f->lock);
}

static void op_tell(struct fake_op *op)
{
    for (unsigned i = 0; i < op->n_done; i++)
        op->done[i](op->arg[i]);
}

static HRESULT op_cancel(void *p)
{
    struct fake_op *op = p;
    struct fake *f = op->fake;
    bool late;

    pthread_mutex_lock(&f->lock);
    late = op->ended;
    if (!late) {
        op_end(op, VDS_E_OPERATION_CANCELED);
        f->n_cancelled++;
        op->refs++;
    }
    pthread_mutex_unlock(&f->lock);
    if (late) {
        error_text_set("too late: it has ended");
        return VDS_E_CANCEL_TOO_LATE;
    }
    op_tell(op);
    op_free(op);
    op_free(op); /* the running list's */
    return S_OK;
}

static HRESULT op_output(void *p, IUnknown **ret)
{
    struct fake_op *op = p;

    return fake_object_new(op->fake, op->kind, op->number, ret);
}

static void op_release(void *p)
{
    op_free(p);
}

static void op_on_end(void *p, void (*done)(void *arg), void *arg)
{
    struct fake_op *op = p;
    bool ended;

    pthread_mutex_lock(&op->fake->lock);
    ended = op->ended;
    if (!ended) {
        op->done[op->n_done] = done;
        op->arg[op->n_done++] = arg;
    }
    pthread_mutex_unlock(&op->fake->lock);
    if (ended)
        done(arg);
}

static const struct com_async_ops op_ops = {
    op_wait, op_status, op_cancel, op_output, op_release, op_on_end
};
static const struct com_async_ops foreign_ops = {
    op_wait, op_status, op_cancel, op_output, op_release, NULL
};

HRESULT fake_start_op(struct fake *f, VDS_ASYNC_OUTPUT_TYPE type, enum fake_kind kind, unsigned number,
                        IVdsAsync **ret)
{
    struct fake_op *op = calloc(1, sizeof *op);
    bool foreign;

    *op = (struct fake_op){ .fake = f, .refs = 1, .kind = kind, .number = number };
    pthread_mutex_lock(&f->lock);
    f->n_ops++;
    foreign = f->foreign_ops;
    if (f->hold_ops) {
        op->refs++; /* the running list's */
        op->next = f->ops;
        f->ops = op;
    } else {
        op_end(op, f->op_result);
    }
    pthread_mutex_unlock(&f->lock);
    return com_async_create(foreign ? &foreign_ops : &op_ops, op, type, ret);
}

unsigned fake_end_ops(struct fake *f, HRESULT result)
{
    unsigned n = 0;

    for (;;) {
        struct fake_op *op;

        pthread_mutex_lock(&f->lock);
        op = f->ops;
        if (op)
            op_end(op, result);
        pthread_mutex_unlock(&f->lock);
        if (!op)
            return n;
        op_tell(op);
        op_free(op);
        n++;
    }
}

unsigned fake_running_ops(struct fake *f)
{
    unsigned n = 0;

    pthread_mutex_lock(&f->lock);
    for (struct fake_op *op = f->ops; op; op = op->next)
        n++;
    pthread_mutex_unlock(&f->lock);
    return n;
}

/* ---- the gate ---------------------------------------------------------------------------------------- */

void fake_set_gate(struct fake *f, bool closed)
{
    pthread_mutex_lock(&f->lock);
    f->gate_closed = closed;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

void fake_wait_at_gate(struct fake *f, unsigned n)
{
    pthread_mutex_lock(&f->lock);
    while (f->n_at_gate < n)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

void fake_pass_gate(struct fake *f)
{
    pthread_mutex_lock(&f->lock);
    f->n_at_gate++;
    pthread_cond_broadcast(&f->changed);
    while (f->gate_closed)
        pthread_cond_wait(&f->changed, &f->lock);
    f->n_at_gate--;
    pthread_mutex_unlock(&f->lock);
}
