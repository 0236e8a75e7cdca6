/* SPDX-License-Identifier: MIT */
/* A request: which method of which object, its arguments, and its answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error_text.h"
#include "base/log.h"
#include "rpc/error.h"
#include "rpc/server_internal.h"
#include "rpc/skeleton.h"

/* ---- answers: loop thread ---------------------------------------------------------------------------- */

int rpc_reply_error(sd_bus_message *request, HRESULT hr, const char *text)
{
    char name[RPC_ERROR_NAME_MAX], clean[RPC_TEXT_MAX];

    rpc_error_name(hr, name);
    rpc_error_clean_text(*text ? text : rpc_hresult_sentence(hr), clean, sizeof clean); /* foreign providers have no sentences */
    return sd_bus_reply_method_errorf(request, name, "%s", clean);
}

static HRESULT fill_reply(sd_bus_message *m, struct rpc_result *result)
{
    const struct rpc_method *method = result->frame.method;
    char clean[RPC_TEXT_MAX];
    HRESULT hr;

    if (sd_bus_message_append_basic(m, 'i', &result->hr) < 0)
        return E_OUTOFMEMORY;
    result->paths.next = 0;
    hr = rpc_encode_out(m, &result->frame, &result->paths);
    if (FAILED(hr) || method->iface->number != rpc_kind_async->ifaces[0]->number || !*method->out_sig)
        return hr;
    rpc_error_clean_text(result->text, clean,
                         sizeof clean); /* the sentence of the HRESULT that is an output */
    return sd_bus_message_append_basic(m, 's', clean) < 0 ? E_OUTOFMEMORY : S_OK;
}

int rpc_reply(sd_bus_message *request, struct rpc_result *result)
{
    sd_bus_message *m = NULL;
    HRESULT hr;
    int r;

    if (FAILED(result->hr))
        return rpc_reply_error(request, result->hr, result->text);
    r = sd_bus_message_new_method_return(request, &m);
    if (r < 0)
        return r;
    hr = fill_reply(m, result);
    r = FAILED(hr) ? rpc_reply_error(request, hr, error_text_get()) : sd_bus_send(NULL, m, NULL);
    sd_bus_message_unref(m);
    return r;
}

void rpc_result_fini(struct rpc_result *result)
{
    rpc_frame_fini(&result->frame);
    rpc_paths_fini(&result->paths);
}

void rpc_call_discard(struct rpc_call *call)
{
    struct rpc_peer *p = call->peer;

    pthread_mutex_lock(&p->server->lock);
    p->n_calls--;
    p->server->n_calls--;
    pthread_mutex_unlock(&p->server->lock);
    if (call->reserved)
        rpc_operation_unreserve(p);
    if (call->operation)
        rpc_operation_unref(call->operation);
    rpc_result_fini(&call->result);
    sd_bus_message_unref(call->request);
    rpc_peer_unref(p);
    free(call);
}

static void answer_supports(struct rpc_call *call)
{
    if (SUCCEEDED(call->result.hr) || call->result.hr == E_NOINTERFACE)
        sd_bus_reply_method_return(call->request, "b", SUCCEEDED(call->result.hr));
    else
        rpc_reply_error(call->request, call->result.hr, call->result.text);
}

void rpc_call_finish(struct rpc_call *call)
{
    struct rpc_peer *p = call->peer;

    if (call->reserved) /* before the client hears of it, so that it may try again at once */
        rpc_operation_unreserve(p);
    call->reserved = false;
    if (p->bus && !call->method)
        answer_supports(call);
    else if (p->bus && rpc_reply(call->request, &call->result) < 0)
        log_debug("rpc: an answer of %s.%s could not be sent", call->iface->name, call->method->name);
    rpc_call_discard(call);
}

/* ---- running: a worker ------------------------------------------------------------------------------- */

static void keep_text(struct rpc_result *result)
{
    snprintf(result->text, sizeof result->text, "%s", error_text_get());
}

/* Names what the method has handed out; an async object finds a place in the client's table. */
static HRESULT name_output(void *arg, const struct rpc_type *type, IUnknown *object,
                           struct rpc_path_item *item)
{
    struct rpc_call *call = arg;
    const struct rpc_kind *kind = NULL;
    char text[RPC_PATH_MAX];
    HRESULT hr;

    if (type->tag == RPC_ENUM)
        return rpc_name_enum((IEnumVdsObject *)object, item);
    if (type->iface == rpc_kind_async->ifaces[0]) {
        hr = rpc_operation_create(call->peer, (IVdsAsync *)object, text);
        call->reserved = call->reserved && FAILED(hr);
    } else {
        hr = rpc_name_object(object, &kind, text);
    }
    if (FAILED(hr))
        return hr;
    item->paths[0] = strdup(text);
    return item->paths[0] ? S_OK : E_OUTOFMEMORY;
}

static HRESULT open_object(struct rpc_call *call, void **ret_object)
{
    if (call->operation) {
        IVdsAsync_AddRef(call->operation->async);
        *ret_object = call->operation->async;
        return S_OK;
    }
    return rpc_find_object(call->peer->server->service, &call->path, call->iface, ret_object);
}

static HRESULT invoke(struct rpc_call *call, void *object)
{
    rpc_thunk *thunk = rpc_thunks[call->iface->number][call->method - call->iface->methods];
    HRESULT hr, named;

    error_text_clear();
    hr = thunk(object, call->result.frame.args);
    keep_text(&call->result);
    if (FAILED(hr))
        return hr;
    named = rpc_out_objects(&call->result.frame, name_output, call, &call->result.paths);
    if (FAILED(named))
        keep_text(&call->result);
    return FAILED(named) ? named : hr;
}

static void run_method(struct rpc_call *call)
{
    void *object;

    error_text_clear();
    call->result.hr = open_object(call, &object);
    if (FAILED(call->result.hr)) {
        keep_text(&call->result);
        return;
    }
    call->result.hr = invoke(call, object);
    IUnknown_Release((IUnknown *)object);
}

static void run_supports(struct rpc_call *call)
{
    void *object;

    error_text_clear();
    call->result.hr = open_object(call, &object);
    keep_text(&call->result);
    if (SUCCEEDED(call->result.hr))
        IUnknown_Release((IUnknown *)object);
}

/* ---- arriving: loop thread --------------------------------------------------------------------------- */

static int refuse(sd_bus_message *m, HRESULT hr)
{
    return rpc_reply_error(m, hr, error_text_get());
}

static struct rpc_call *call_new(struct rpc_peer *p, sd_bus_message *m, void (*run)(struct rpc_call *call))
{
    struct rpc_call *call = calloc(1, sizeof *call);

    if (!call)
        return NULL;
    call->peer = rpc_peer_ref(p);
    call->request = sd_bus_message_ref(m);
    call->run = run;
    pthread_mutex_lock(&p->server->lock); /* counted from birth: rpc_call_discard() is the one way out */
    p->n_calls++;
    p->server->n_calls++;
    pthread_mutex_unlock(&p->server->lock);
    return call;
}

/* Methods that are not a call of a vtable slot with what came over the wire. */
static void (*special_run(const struct rpc_method *method))(struct rpc_call *call)
{
    static const struct {
        const char *name;
        void (*run)(struct rpc_call *call);
    } special[] = {
        { "Advise", rpc_advise },
        { "Unadvise", rpc_unadvise },
    };

    for (size_t i = 0; method->iface == rpc_kind_service->ifaces[0] && i < ARRAY_SIZE(special); i++) {
        if (strcmp(special[i].name, method->name) == 0)
            return special[i].run;
    }
    return run_method;
}

static HRESULT prepare(struct rpc_call *call, sd_bus_message *m)
{
    HRESULT hr = rpc_decode_in(m, call->method, &call->peer->server->limits, &call->result.frame);

    if (SUCCEEDED(hr) && (call->method->flags & RPC_MAKES_ASYNC)) {
        hr = rpc_operation_reserve(call->peer);
        call->reserved = SUCCEEDED(hr);
    }
    return SUCCEEDED(hr) ? rpc_pool_submit(call) : hr;
}

/* A method of an operation: on the client's own table only. */
static int find_operation(struct rpc_peer *p, const struct rpc_path *path, struct rpc_operation **ret_op)
{
    if (path->kind != rpc_kind_async)
        return 0;
    *ret_op = rpc_operation_find(p, path->operation);
    if (*ret_op)
        return 0;
    error_text_set("this client holds no operation %llu (any more)", (unsigned long long)path->operation);
    return -ENOENT;
}

static int take_call(struct rpc_peer *p, sd_bus_message *m, const struct rpc_method *method,
                     const struct rpc_path *path, struct rpc_operation *op)
{
    struct rpc_call *call;
    HRESULT hr;

    call = call_new(p, m, special_run(method));
    if (!call) {
        rpc_operation_unref(op);
        return -ENOMEM;
    }
    call->iface = method->iface;
    call->method = method;
    call->path = *path;
    call->operation = op;
    hr = prepare(call, m);
    if (FAILED(hr)) {
        refuse(m, hr);
        rpc_call_discard(call);
    }
    return 1;
}

static const struct rpc_method *method_of(sd_bus_message *m)
{
    const struct rpc_iface *iface = rpc_iface_by_name(sd_bus_message_get_interface(m) ?: "");

    return iface ? rpc_method_by_name(iface, sd_bus_message_get_member(m)) : NULL;
}

/* sd-bus has checked the path (find_object()), the method's name and the signature. */
int rpc_server_on_call(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    struct rpc_peer *p = rpc_peer_of(userdata, m);
    const struct rpc_method *method = method_of(m);

    (void)error;
    error_text_clear();
    if (!p)
        return rpc_reply_error(m, RPC_TOO_BUSY, "there are too many clients");
    if (!method)
        return rpc_reply_error(m, E_NOTIMPL, "say the interface with the method");
    return rpc_authorize(p, m, method);
}

int rpc_call_begin(struct rpc_peer *p, sd_bus_message *m)
{
    const struct rpc_method *method = method_of(m);
    struct rpc_operation *op = NULL;
    struct rpc_path path;

    error_text_clear();
    if (rpc_path_parse(sd_bus_message_get_path(m), &path) < 0)
        return rpc_reply_error(m, E_NOTIMPL, "there is no such object");
    if (find_operation(p, &path, &op) < 0)
        return refuse(m, VDS_E_OBJECT_DELETED);
    if (op && strcmp(method->name, "Wait") == 0)
        return rpc_operation_wait(p, op, m);
    return take_call(p, m, method, &path, op);
}

/* org.vds.Connection.Supports: does the object answer QueryInterface for it? */
int rpc_connection_supports(struct rpc_peer *shared, sd_bus_message *m)
{
    struct rpc_peer *p = rpc_peer_of(shared, m);
    const char *object, *interface;
    struct rpc_call *call;
    struct rpc_path path;
    HRESULT hr;
    int r = sd_bus_message_read(m, "os", &object, &interface);

    if (r < 0)
        return r;
    if (!p)
        return rpc_reply_error(m, RPC_TOO_BUSY, "there are too many clients");
    if (rpc_path_parse(object, &path) < 0)
        return rpc_reply_error(m, VDS_E_OBJECT_NOT_FOUND, "there is no such object");
    if (!rpc_iface_by_name(interface) || rpc_kind_face(path.kind, rpc_iface_by_name(interface)) < 0)
        return sd_bus_reply_method_return(m, "b", 0);
    call = call_new(p, m, run_supports);
    if (!call)
        return -ENOMEM;
    call->iface = rpc_iface_by_name(interface);
    call->path = path;
    hr = find_operation(p, &path, &call->operation) < 0 ? (HRESULT)VDS_E_OBJECT_DELETED
                                                        : rpc_pool_submit(call);
    if (FAILED(hr)) {
        refuse(m, hr);
        rpc_call_discard(call);
    }
    return 1;
}
