/* SPDX-License-Identifier: MIT */
/* Arguments of methods, both ways on both sides, made of the walks in put.c and get.c. The HRESULT is made
 * here, at the border. */
#include "rpc/marshal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error_text.h"
#include "com/com.h"
#include "rpc/error.h"
#include "rpc/value.h"

const struct rpc_limits rpc_default_limits = { .max_elements = 65536,
                                               .max_chars = 1 << 20 }; /* an unmasking list may be long */
const struct rpc_limits rpc_reply_limits = { .max_elements = UINT32_MAX / 2, .max_chars = 1 << 20 };

static HRESULT to_hresult(int r)
{
    static const struct {
        int err;
        HRESULT hr;
        const char *text; /* NULL: the walk has said it */
    } map[] = {
        { -ENOMEM, E_OUTOFMEMORY, "memory ran out" },
        { -EINVAL, E_INVALIDARG, NULL },
        { -EILSEQ, E_INVALIDARG, "a string is not valid Unicode" },
        { -EBADMSG, RPC_E_INVALID_DATA, NULL },
    };

    for (size_t i = 0; i < ARRAY_SIZE(map); i++) {
        if (map[i].err == r) {
            if (map[i].text)
                error_text_set("%s", map[i].text);
            return map[i].hr;
        }
    }
    if (r >= 0)
        return S_OK;
    error_text_set("the message does not have the arguments of this method");
    return RPC_E_INVALID_DATA;
}

/* ---- paths of objects -------------------------------------------------------------------------------- */

void rpc_paths_fini(struct rpc_paths *paths)
{
    for (size_t i = 0; i < paths->n; i++) {
        for (size_t k = 0; k < paths->items[i].n; k++)
            free(paths->items[i].paths[k]);
        free(paths->items[i].paths);
    }
    free(paths->items);
    *paths = (struct rpc_paths){ 0 };
}

struct rpc_path_item *rpc_paths_add(struct rpc_paths *paths, size_t n)
{
    struct rpc_path_item *items = reallocarray(paths->items, paths->n + 1, sizeof *items);

    if (!items)
        return NULL;
    paths->items = items;
    items[paths->n] = (struct rpc_path_item){ .paths = calloc(n ? n : 1, sizeof(char *)), .n = n };
    return items[paths->n].paths ? &items[paths->n++] : NULL;
}

/* ---- values ------------------------------------------------------------------------------------------ */

void rpc_free(const struct rpc_type *type, void *value)
{
    rpc_free_value(type, value, NULL);
}

HRESULT rpc_encode(sd_bus_message *m, const struct rpc_type *type, const void *value, struct rpc_paths *paths)
{
    struct rpc_putter p = { .m = m, .paths = paths };

    return to_hresult(rpc_put(&p, type, value, NULL));
}

static HRESULT get_result(const struct rpc_getter *g, int r)
{
    return r < 0 && FAILED(g->bind_failed) ? g->bind_failed : to_hresult(r);
}

HRESULT rpc_decode(sd_bus_message *m, const struct rpc_type *type, void *value,
                   const struct rpc_binder *binder, const struct rpc_limits *limits)
{
    struct rpc_getter g = { .m = m, .binder = binder, .limits = limits };
    int r = rpc_get(&g, type, value, NULL);

    if (r < 0)
        rpc_free_value(type, value, NULL);
    return get_result(&g, r);
}

/* ---- arguments: the client's side -------------------------------------------------------------------- */

static void *pointer_of(void *const args[], size_t i)
{
    return *(void *const *)args[i];
}

static HRESULT refuse(const struct rpc_method *method, const struct rpc_param *p, const char *why)
{
    error_text_set("%s::%s: %s %s", method->iface->name, method->name, p->name, why);
    return E_INVALIDARG;
}

static bool is_output(const struct rpc_param *p)
{
    return p->mode >= RPC_OUT;
}

/* Size of the memory that an output parameter points to. */
static size_t output_size(const struct rpc_param *p, void *const args[])
{
    switch ((enum rpc_mode)p->mode) {
    case RPC_OUT_ARRAY:
        return *(const uint32_t *)args[p->count] <= rpc_default_limits.max_elements
                   ? *(uint32_t *)args[p->count] * (size_t)p->type->size
                   : 0;
    case RPC_OUT_VECTOR:
        return sizeof(void *);
    case RPC_OUT_COUNT:
        return sizeof(int32_t);
    default:
        return p->type->size;
    }
}

static HRESULT check_arg(const struct rpc_method *method, const struct rpc_param *p, void *const args[],
                         size_t i)
{
    switch ((enum rpc_mode)p->mode) {
    case RPC_IN:
        return p->type->tag == RPC_WSTR && !pointer_of(args, i) ? refuse(method, p, "must not be NULL")
                                                                : S_OK;
    case RPC_IN_UNIQUE:
    case RPC_IN_COUNT:
        return S_OK;
    case RPC_IN_ARRAY:
        if (*(const uint32_t *)args[p->count] > rpc_default_limits.max_elements)
            return refuse(method, p, "has a count that makes no sense");
        return *(const uint32_t *)args[p->count] && !pointer_of(args, i)
                   ? refuse(method, p, "must not be NULL")
                   : S_OK;
    case RPC_OUT_ARRAY:
        if (*(const uint32_t *)args[p->count] > rpc_default_limits.max_elements)
            return refuse(method, p, "has a count that makes no sense");
        break;
    default:
        break;
    }
    return pointer_of(args, i) ? S_OK : refuse(method, p, "must not be NULL");
}

HRESULT rpc_check_args(const struct rpc_method *method, void *const args[])
{
    HRESULT hr = S_OK;

    for (size_t i = 0; i < method->n_params; i++) {
        const struct rpc_param *p = &method->params[i];

        if (is_output(p) && pointer_of(args, i))
            memset(pointer_of(args, i), 0, output_size(p, args));
    }
    for (size_t i = 0; i < method->n_params && hr == S_OK; i++)
        hr = check_arg(method, &method->params[i], args, i);
    return hr;
}

static int put_arg(struct rpc_putter *p, const struct rpc_param *param, void *const args[], size_t i)
{
    switch ((enum rpc_mode)param->mode) {
    case RPC_IN:
        return rpc_put(p, param->type, args[i], NULL);
    case RPC_IN_REF:
        return rpc_put(p, param->type, pointer_of(args, i), NULL);
    case RPC_IN_UNIQUE:
        return rpc_put_array(p, param->type, pointer_of(args, i), pointer_of(args, i) != NULL);
    case RPC_IN_ARRAY:
        return rpc_put_vector(p, param->type, pointer_of(args, i), *(const int32_t *)args[param->count]);
    default:
        return 0;
    }
}

HRESULT rpc_encode_in(sd_bus_message *m, const struct rpc_method *method, void *const args[])
{
    struct rpc_putter p = { .m = m };
    int r = 0;

    for (size_t i = 0; i < method->n_params && r >= 0; i++)
        r = put_arg(&p, &method->params[i], args, i);
    return to_hresult(r);
}

/* An object that a method hands out is there when it succeeds; inside a structure it need not be. */
static int get_one_output(struct rpc_getter *g, const struct rpc_type *type, void *out)
{
    int r = rpc_get(g, type, out, NULL);

    return r >= 0 && type->tag == RPC_OBJECT && !*(void **)out ? rpc_bad_message("success without an object") : r;
}

static int get_output(struct rpc_getter *g, const struct rpc_param *p, void *const args[], size_t i)
{
    switch ((enum rpc_mode)p->mode) {
    case RPC_OUT:
        return get_one_output(g, p->type, pointer_of(args, i));
    case RPC_OUT_ARRAY:
        return rpc_get_fixed(g, p->type, pointer_of(args, i), *(const uint32_t *)args[p->count]);
    case RPC_OUT_VECTOR:
        return rpc_get_vector(g, p->type, pointer_of(args, i), pointer_of(args, p->count));
    default:
        return 0;
    }
}

static void free_output(const struct rpc_param *p, void *const args[], size_t i)
{
    void *out = pointer_of(args, i);
    const int32_t *n;

    if (!out)
        return;
    if (p->mode == RPC_OUT) {
        rpc_free_value(p->type, out, NULL);
    } else if (p->mode == RPC_OUT_ARRAY) {
        rpc_free_array(p->type, out, *(const uint32_t *)args[p->count]);
    } else if (p->mode == RPC_OUT_VECTOR) {
        n = pointer_of(args, p->count);
        rpc_free_pointee(p->type, out, n && *n > 0 ? (size_t)*n : 0);
    }
}

static void discard_outputs(const struct rpc_method *method, void *const args[])
{
    for (size_t i = 0; i < method->n_params; i++) {
        if (is_output(&method->params[i]))
            free_output(&method->params[i], args, i);
    }
    for (size_t i = 0; i < method->n_params; i++) { /* the counts were needed until here */
        if (is_output(&method->params[i]))
            memset(pointer_of(args, i), 0, output_size(&method->params[i], args));
    }
}

HRESULT rpc_decode_out(sd_bus_message *m, const struct rpc_method *method, void *const args[],
                       const struct rpc_binder *binder, const struct rpc_limits *limits)
{
    struct rpc_getter g = { .m = m, .binder = binder, .limits = limits };
    int r = 0;

    for (size_t i = 0; i < method->n_params && r >= 0; i++)
        r = get_output(&g, &method->params[i], args, i);
    if (r < 0)
        discard_outputs(method, args);
    return get_result(&g, r);
}

/* ---- arguments: the server's side -------------------------------------------------------------------- */

static int frame_pointee(struct rpc_frame *f, size_t i, size_t n, size_t size)
{
    f->values[i].pointer = com_task_calloc(n, size);
    return f->values[i].pointer ? 0 : -ENOMEM;
}

static int frame_input(struct rpc_getter *g, struct rpc_frame *f, const struct rpc_param *p, size_t i)
{
    int r;

    switch ((enum rpc_mode)p->mode) {
    case RPC_IN:
        return rpc_get(g, p->type, &f->values[i], NULL);
    case RPC_IN_REF:
        r = frame_pointee(f, i, 1, p->type->size);
        return r < 0 ? r : rpc_get(g, p->type, f->values[i].pointer, NULL);
    case RPC_IN_UNIQUE:
        return rpc_get_pointee(g, p->type, &f->values[i].pointer);
    case RPC_IN_ARRAY:
        return rpc_get_vector(g, p->type, &f->values[i].pointer, (uint32_t *)&f->values[p->count]);
    default:
        return 0;
    }
}

static int frame_output(struct rpc_frame *f, const struct rpc_limits *limits, const struct rpc_param *p,
                        size_t i)
{
    uint32_t n = 1;

    switch ((enum rpc_mode)p->mode) {
    case RPC_OUT_ARRAY:
        n = *(const uint32_t *)f->args[p->count];
        if (n > limits->max_elements)
            return rpc_bad_message("an array beyond the limit");
        return frame_pointee(f, i, n, p->type->size);
    case RPC_OUT:
        return frame_pointee(f, i, 1, p->type->size);
    case RPC_OUT_VECTOR:
        return frame_pointee(f, i, 1, sizeof(void *));
    case RPC_OUT_COUNT:
        f->values[i].pointer = &f->counts[i];
        return 0;
    default:
        return 0;
    }
}

HRESULT rpc_decode_in(sd_bus_message *m, const struct rpc_method *method, const struct rpc_limits *limits,
                      struct rpc_frame *frame)
{
    struct rpc_getter g = { .m = m, .limits = limits };
    int r = 0;

    *frame = (struct rpc_frame){ .method = method };
    for (size_t i = 0; i < method->n_params; i++)
        frame->args[i] = &frame->values[i];
    for (size_t i = 0; i < method->n_params && r >= 0; i++)
        r = frame_input(&g, frame, &method->params[i], i);
    for (size_t i = 0; i < method->n_params && r >= 0; i++)
        r = frame_output(frame, limits, &method->params[i], i);
    return to_hresult(r);
}

static void frame_free(struct rpc_frame *f, const struct rpc_param *p, size_t i)
{
    switch ((enum rpc_mode)p->mode) {
    case RPC_IN:
        rpc_free_value(p->type, &f->values[i], NULL);
        break;
    case RPC_IN_REF:
    case RPC_IN_UNIQUE:
        rpc_free_pointee(p->type, &f->values[i].pointer, 1);
        break;
    case RPC_IN_ARRAY:
        rpc_free_pointee(p->type, &f->values[i].pointer, *(const uint32_t *)f->args[p->count]);
        break;
    case RPC_OUT:
    case RPC_OUT_ARRAY:
    case RPC_OUT_VECTOR:
        free_output(p, f->args, i);
        CoTaskMemFree(f->values[i].pointer);
        break;
    case RPC_IN_COUNT:
    case RPC_OUT_COUNT:
        break;
    }
}

void rpc_frame_fini(struct rpc_frame *frame)
{
    for (size_t i = 0; frame->method && i < frame->method->n_params; i++)
        frame_free(frame, &frame->method->params[i], i);
    *frame = (struct rpc_frame){ 0 };
}

struct namer {
    rpc_name_objects *name;
    void *arg;
    struct rpc_paths *paths;
};

static HRESULT name_object(const struct namer *n, const struct rpc_type *type, IUnknown *object)
{
    struct rpc_path_item *item = rpc_paths_add(n->paths, type->tag == RPC_OBJECT);

    if (!item)
        return E_OUTOFMEMORY;
    if (object)
        return n->name(n->arg, type, object, item);
    item->paths[0] = strdup("/");
    return item->paths[0] ? S_OK : E_OUTOFMEMORY;
}

static HRESULT name_inside(const struct namer *n, const struct rpc_type *type, const char *value,
                           const uint32_t *with)
{
    const struct rpc_type *arm;
    HRESULT hr = S_OK;

    if (type->tag == RPC_OBJECT || type->tag == RPC_ENUM)
        return name_object(n, type, *(IUnknown *const *)value);
    if (type->tag == RPC_UNION && (arm = rpc_arm_of(type, *with)))
        return name_inside(n, arm, value, NULL);
    for (uint32_t i = 0; type->tag == RPC_STRUCT && i < type->n && SUCCEEDED(hr); i++)
        hr = name_inside(n, type->fields[i].type, value + type->fields[i].offset,
                         (const uint32_t *)(value + type->fields[i].with));
    return hr;
}

/* What success owes the caller: every object and enumeration that is a parameter of its own. */
static HRESULT check_present(const struct rpc_type *type, void *const *value)
{
    if ((type->tag != RPC_OBJECT && type->tag != RPC_ENUM) || *value)
        return S_OK;
    error_text_set(type->tag == RPC_ENUM ? "the provider gave no enumeration, which it owes even when there is nothing"
                                         : "the provider gave success without an object");
    return E_UNEXPECTED;
}

HRESULT rpc_out_objects(const struct rpc_frame *frame, rpc_name_objects *name, void *arg,
                        struct rpc_paths *paths)
{
    struct namer n = { .name = name, .arg = arg, .paths = paths };
    HRESULT hr = S_OK;

    for (size_t i = 0; i < frame->method->n_params && SUCCEEDED(hr); i++) {
        if (frame->method->params[i].mode != RPC_OUT)
            continue;
        hr = check_present(frame->method->params[i].type, frame->values[i].pointer);
        if (SUCCEEDED(hr))
            hr = name_inside(&n, frame->method->params[i].type, frame->values[i].pointer, NULL);
    }
    return hr;
}

static int put_output(struct rpc_putter *p, const struct rpc_frame *f, const struct rpc_param *param,
                      size_t i)
{
    void *out = f->values[i].pointer;

    switch ((enum rpc_mode)param->mode) {
    case RPC_OUT:
        return rpc_put(p, param->type, out, NULL);
    case RPC_OUT_ARRAY:
        return rpc_put_array(p, param->type, out, *(const uint32_t *)f->args[param->count]);
    case RPC_OUT_VECTOR:
        return rpc_put_vector(p, param->type, *(void **)out, f->counts[param->count]);
    default:
        return 0;
    }
}

HRESULT rpc_encode_out(sd_bus_message *m, const struct rpc_frame *frame, struct rpc_paths *paths)
{
    struct rpc_putter p = { .m = m, .paths = paths };
    HRESULT hr;
    int r = 0;

    for (size_t i = 0; i < frame->method->n_params && r >= 0; i++)
        r = put_output(&p, frame, &frame->method->params[i], i);
    hr = to_hresult(r);
    return hr == E_INVALIDARG ? E_UNEXPECTED : hr; /* it is not the caller's fault */
}
