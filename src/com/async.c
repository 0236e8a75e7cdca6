/* SPDX-License-Identifier: MIT */
/* IVdsAsync over a small table of functions. The rules of its outputs are here, once: the type is always set,
 * a successful operation that makes an object hands out a reference with every Wait, any failure leaves
 * NULL. */
#include "com/com.h"

#include <stdlib.h>
#include <string.h>

struct com_async {
    struct com_object obj;
    IVdsAsync face;
    const struct com_async_ops *ops;
    void *op;
    VDS_ASYNC_OUTPUT_TYPE type;
};

COM_UNKNOWN(com_async, IVdsAsync, face)

/* Where each type puts its object; types that are not here leave the union empty. */
static const struct {
    VDS_ASYNC_OUTPUT_TYPE type;
    size_t offset;
} arms[] = {
    { VDS_ASYNCOUT_CREATELUN, offsetof(VDS_ASYNC_OUTPUT, cl.pLunUnk) },
    { VDS_ASYNCOUT_CREATETARGET, offsetof(VDS_ASYNC_OUTPUT, ct.pTargetUnk) },
    { VDS_ASYNCOUT_CREATEPORTALGROUP, offsetof(VDS_ASYNC_OUTPUT, cpg.pPortalGroupUnk) },
};

static IUnknown **arm_of(VDS_ASYNC_OUTPUT_TYPE type, VDS_ASYNC_OUTPUT *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(arms); i++) {
        if (arms[i].type == type)
            return (IUnknown **)(void *)((char *)out + arms[i].offset);
    }
    return NULL;
}

bool com_async_has_output(VDS_ASYNC_OUTPUT_TYPE type)
{
    VDS_ASYNC_OUTPUT out;

    return arm_of(type, &out) != NULL;
}

static void com_async_destroy(struct com_object *obj)
{
    struct com_async *a = container_of(obj, struct com_async, obj);

    a->ops->release(a->op);
    free(a);
}

static HRESULT com_async_Cancel(IVdsAsync *face)
{
    struct com_async *a = com_async_from_IVdsAsync(face);

    return a->ops->cancel(a->op);
}

static HRESULT com_async_Wait(IVdsAsync *face, HRESULT *ret_hr, VDS_ASYNC_OUTPUT *ret_output)
{
    struct com_async *a = com_async_from_IVdsAsync(face);
    IUnknown **arm;
    HRESULT hr;

    if (ret_hr)
        *ret_hr = E_INVALIDARG; /* who looks at one of the two codes only must not take it for success */
    if (ret_output) {
        memset(ret_output, 0, sizeof *ret_output);
        ret_output->type = a->type;
    }
    if (!ret_hr || !ret_output)
        return E_INVALIDARG;
    hr = a->ops->wait(a->op, ret_hr);
    if (FAILED(hr))
        *ret_hr = hr;
    if (FAILED(*ret_hr))
        return hr;
    arm = arm_of(a->type, ret_output);
    if (arm)
        hr = a->ops->output(a->op, arm);
    if (FAILED(hr))
        *ret_hr = hr;
    return hr;
}

static HRESULT com_async_QueryStatus(IVdsAsync *face, HRESULT *ret_hr, ULONG *ret_percent)
{
    struct com_async *a = com_async_from_IVdsAsync(face);
    HRESULT hr;

    if (ret_hr)
        *ret_hr = E_INVALIDARG;
    if (ret_percent)
        *ret_percent = 0;
    if (!ret_hr || !ret_percent)
        return E_INVALIDARG;
    hr = a->ops->status(a->op, ret_hr, ret_percent);
    if (FAILED(hr)) {
        *ret_hr = hr;
        *ret_percent = 0;
        return hr;
    }
    if (*ret_hr != (HRESULT)VDS_E_OPERATION_PENDING)
        *ret_percent = 100;
    else if (*ret_percent > 99) /* 100 is the word for "ended" */
        *ret_percent = 99;
    return S_OK;
}

static const IVdsAsyncVtbl com_async_vtbl = {
    COM_UNKNOWN_SLOTS(com_async, IVdsAsync),
    .Cancel = com_async_Cancel,
    .Wait = com_async_Wait,
    .QueryStatus = com_async_QueryStatus,
};

static const struct com_face com_async_faces[] = {
    COM_IDENTITY(com_async, IVdsAsync, face, com_async_vtbl),
    COM_FACE(com_async, IVdsAsync, face, com_async_vtbl),
};
COM_CLASS(com_async, com_async_destroy)

HRESULT com_async_create(const struct com_async_ops *ops, void *op, VDS_ASYNC_OUTPUT_TYPE type,
                         IVdsAsync **ret_async)
{
    struct com_async *a = com_object_new(&com_async_class);

    if (!a) {
        ops->release(op);
        return E_OUTOFMEMORY;
    }
    a->ops = ops;
    a->op = op;
    a->type = type;
    *ret_async = &a->face;
    return S_OK;
}

HRESULT com_async_on_end(IVdsAsync *face, void (*done)(void *arg), void *arg)
{
    struct com_async *a;

    if (face->lpVtbl != &com_async_vtbl)
        return VDS_E_NOT_SUPPORTED;
    a = com_async_from_IVdsAsync(face);
    if (!a->ops->on_end)
        return VDS_E_NOT_SUPPORTED;
    a->ops->on_end(a->op, done, arg);
    return S_OK;
}
