/* SPDX-License-Identifier: MIT */
/* The array's operations as IVdsAsync. The operation runs whether or not anybody holds the async object. */
#include "provider/provider_internal.h"

#include <stdlib.h>

struct operation {
    struct provider *provider;
    struct array_op *op;
    handle_maker *made;
};

static HRESULT operation_wait(void *arg, HRESULT *ret_hr)
{
    struct operation *o = arg;
    struct array_op_result result;

    array_op_wait(o->op, -1);
    array_op_result(o->op, &result);
    *ret_hr = result.hr;
    if (FAILED(result.hr))
        error_text_set("%s", result.text);
    return S_OK;
}

static HRESULT operation_status(void *arg, HRESULT *ret_hr, ULONG *ret_percent)
{
    struct operation *o = arg;
    struct array_op_result result;

    array_op_result(o->op, &result);
    *ret_hr = result.hr;
    *ret_percent = result.percent;
    return S_OK;
}

static HRESULT operation_cancel(void *arg)
{
    struct operation *o = arg;
    _cleanup_(provider_leave) struct provider *inside = NULL;
    HRESULT hr = provider_enter(o->provider, &inside);

    return FAILED(hr) ? hr : array_op_cancel(o->op);
}

static HRESULT operation_output(void *arg, IUnknown **ret_object)
{
    struct operation *o = arg;
    struct array_op_result result;

    array_op_result(o->op, &result);
    return o->made(o->provider, &result.output, ret_object);
}

static void operation_release(void *arg)
{
    struct operation *o = arg;

    array_op_unref(o->op);
    provider_unref(o->provider);
    free(o);
}

static void operation_on_end(void *arg, void (*done)(void *arg), void *done_arg)
{
    array_op_on_end(((struct operation *)arg)->op, done, done_arg);
}

static const struct com_async_ops operation_ops = {
    .wait = operation_wait,
    .status = operation_status,
    .cancel = operation_cancel,
    .output = operation_output,
    .release = operation_release,
    .on_end = operation_on_end,
};

HRESULT operation_begin(struct provider *p, VDS_ASYNC_OUTPUT_TYPE type, handle_maker *made,
                        IVdsAsync **ret_async, struct provider **ret_inside,
                        struct operation_start *ret_start)
{
    struct operation *o;
    HRESULT hr;

    if (!ret_async)
        return E_INVALIDARG;
    *ret_async = NULL;
    hr = provider_enter(p, ret_inside);
    if (FAILED(hr))
        return hr;
    o = calloc(1, sizeof *o);
    if (!o)
        return E_OUTOFMEMORY;
    provider_ref(p);
    *o = (struct operation){ .provider = p, .made = made };
    hr = com_async_create(&operation_ops, o, type, &ret_start->async);
    if (SUCCEEDED(hr))
        ret_start->op = &o->op;
    return hr;
}

HRESULT operation_admitted(HRESULT hr, struct operation_start *start, IVdsAsync **ret_async)
{
    if (FAILED(hr))
        return hr;
    *ret_async = TAKE_PTR(start->async);
    return S_OK;
}

void operation_start_fini(struct operation_start *start)
{
    if (start->async)
        IVdsAsync_Release(start->async);
}
