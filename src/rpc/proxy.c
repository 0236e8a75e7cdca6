/* SPDX-License-Identifier: MIT */
#include "rpc/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error_text.h"
#include "com/com.h"
#include "rpc/connection_vtable.h"
#include "rpc/error.h"
#include "rpc/marshal.h"
#include "rpc/path.h"
#include "rpc/sink.h"

struct rpc_proxy {
    struct com_object obj;
    struct rpc_conn *conn;
    const struct rpc_kind *kind;
    char path[RPC_PATH_MAX];
    atomic_uint confirmed, denied; /* bits by face: what the service has said; the identity needs no asking */
    struct rpc_face faces[RPC_MAX_FACES];
};

/* ---- classes: one per kind, made from the tables before main() --------------------------------------- */

#define MAX_KINDS 24

static struct com_class classes[MAX_KINDS];
static struct com_face class_faces[MAX_KINDS][RPC_MAX_FACES + 1];
static char class_names[MAX_KINDS][32];

static void post_release(struct rpc_proxy *p)
{
    sd_bus_message *m = NULL;

    if (FAILED(rpc_conn_lock(p->conn)))
        return;
    if (SUCCEEDED(rpc_conn_message(p->conn, RPC_PATH_ROOT, RPC_CONNECTION_INTERFACE, "Release", &m)) &&
        sd_bus_message_append_basic(m, 'o', p->path) >= 0)
        rpc_conn_post(p->conn, m);
    sd_bus_message_unref(m);
    rpc_conn_unlock(p->conn);
}

static void proxy_destroy(struct com_object *obj)
{
    struct rpc_proxy *p = container_of(obj, struct rpc_proxy, obj);

    if (p->kind == rpc_kind_async)
        post_release(p);
    rpc_conn_unref(p->conn);
    free(p);
}

static struct com_face face_of(const struct rpc_iface *iface, const IID *iid, size_t i)
{
    return (struct com_face){
        .iid = iid,
        .offset = offsetof(struct rpc_proxy, faces) + i * sizeof(struct rpc_face),
        .vtbl = rpc_proxy_vtbls[iface->number].vtbl,
        .n_slots = rpc_proxy_vtbls[iface->number].n_slots,
    };
}

__attribute__((constructor)) static void make_classes(void)
{
    for (size_t k = 0; k < rpc_n_kinds && k < MAX_KINDS; k++) {
        const struct rpc_kind *kind = &rpc_kinds[k];

        class_faces[k][0] = face_of(kind->ifaces[0], &IID_IUnknown, 0);
        for (size_t i = 0; i < kind->n_ifaces; i++)
            class_faces[k][i + 1] = face_of(kind->ifaces[i], kind->ifaces[i]->iid, i);
        snprintf(class_names[k], sizeof class_names[k], "%s_proxy", kind->name);
        classes[k] = (struct com_class){
            .name = class_names[k],
            .size = sizeof(struct rpc_proxy),
            .faces = class_faces[k],
            .n_faces = kind->n_ifaces + 1u,
            .destroy = proxy_destroy,
        };
        com_class_register(&classes[k]);
    }
}

/* ---- life -------------------------------------------------------------------------------------------- */

static HRESULT bad_object(const char *path)
{
    error_text_set("the service handed out \"%.100s\", which is not an object of the kind that was asked for",
                   path);
    return RPC_E_INVALID_DATA;
}

HRESULT rpc_proxy_create(struct rpc_conn *conn, const char *path, const struct rpc_iface *iface,
                         void **ret_object)
{
    struct rpc_path parsed;
    struct rpc_proxy *p;
    int face;

    if (rpc_path_parse(path, &parsed) < 0 || parsed.kind->number >= MAX_KINDS)
        return bad_object(path);
    face = iface ? rpc_kind_face(parsed.kind, iface) : 0;
    if (face < 0)
        return bad_object(path);
    p = com_object_new(&classes[parsed.kind->number]);
    if (!p)
        return E_OUTOFMEMORY;
    p->conn = rpc_conn_ref(conn);
    p->kind = parsed.kind;
    rpc_path_format(&parsed, p->path);
    atomic_store(&p->confirmed, 1u | 1u << face);
    for (size_t i = 0; i < p->kind->n_ifaces; i++)
        p->faces[i].proxy = p;
    *ret_object = &p->faces[face];
    return S_OK;
}

ULONG rpc_proxy_ref(struct rpc_face *face)
{
    return com_object_ref(&face->proxy->obj);
}

ULONG rpc_proxy_unref(struct rpc_face *face)
{
    return com_object_unref(&face->proxy->obj);
}

/* ---- QueryInterface ---------------------------------------------------------------------------------- */

static HRESULT exchange_supports(struct rpc_proxy *p, const struct rpc_iface *iface, int *ret_yes)
{
    sd_bus_message *m = NULL, *reply = NULL;
    HRESULT hr = rpc_conn_message(p->conn, RPC_PATH_ROOT, RPC_CONNECTION_INTERFACE, "Supports", &m);

    if (SUCCEEDED(hr) && sd_bus_message_append(m, "os", p->path, iface->dbus_name) < 0)
        hr = E_OUTOFMEMORY;
    if (SUCCEEDED(hr))
        hr = rpc_conn_exchange(p->conn, m, &reply);
    if (SUCCEEDED(hr) && sd_bus_message_read_basic(reply, 'b', ret_yes) <= 0)
        hr = RPC_E_INVALID_DATA;
    sd_bus_message_unref(m);
    sd_bus_message_unref(reply);
    return hr;
}

/* Once asked, the answer stands: QueryInterface may not change its mind. The answer for an object that is
 * gone is "yes", and each of its methods says the rest. */
static HRESULT confirm(struct rpc_proxy *p, int face)
{
    unsigned bit = 1u << face;
    int yes = 0;
    HRESULT hr;

    if (atomic_load(&p->confirmed) & bit)
        return S_OK;
    if (atomic_load(&p->denied) & bit)
        return E_NOINTERFACE;
    hr = rpc_conn_lock(p->conn);
    if (FAILED(hr))
        return hr;
    hr = exchange_supports(p, p->kind->ifaces[face], &yes);
    rpc_conn_unlock(p->conn);
    if (hr == (HRESULT)VDS_E_OBJECT_DELETED)
        return S_OK;
    if (FAILED(hr))
        return hr;
    atomic_fetch_or(yes ? &p->confirmed : &p->denied, bit);
    return yes ? S_OK : E_NOINTERFACE;
}

HRESULT rpc_proxy_query(struct rpc_face *face, REFIID iid, void **ret_face)
{
    struct rpc_proxy *p = face->proxy;
    const struct rpc_iface *iface = iid ? rpc_iface_by_iid(iid) : NULL;
    int wanted = iface ? rpc_kind_face(p->kind, iface) : -1;
    HRESULT hr = S_OK;

    if (ret_face)
        *ret_face = NULL;
    if (ret_face && wanted > 0)
        hr = confirm(p, wanted);
    return FAILED(hr) ? hr : com_object_query(&p->obj, iid, ret_face);
}

/* ---- methods ----------------------------------------------------------------------------------------- */

static HRESULT bind(void *arg, const char *path, const struct rpc_iface *iface, void **ret_object)
{
    return rpc_proxy_create(arg, path, iface, ret_object);
}

/* The reply to a method of an operation ends with the sentence of the HRESULT that is an output. */
static void take_sentence(struct rpc_proxy *p, sd_bus_message *reply)
{
    const char *text;

    if (p->kind == rpc_kind_async && sd_bus_message_read_basic(reply, 's', &text) > 0)
        error_text_set("%s", text);
}

static HRESULT read_reply(struct rpc_proxy *p, const struct rpc_method *method, void *const args[],
                          sd_bus_message *reply)
{
    struct rpc_binder binder = { .bind = bind, .arg = p->conn };
    HRESULT hr, decoded;

    if (sd_bus_message_read_basic(reply, 'i', &hr) <= 0 || FAILED(hr)) {
        error_text_set("the answer to %s::%s is not one", method->iface->name, method->name);
        return RPC_E_INVALID_DATA;
    }
    decoded = rpc_decode_out(reply, method, args, &binder, &rpc_reply_limits);
    if (FAILED(decoded))
        return decoded;
    take_sentence(p, reply);
    return hr;
}

/* The lock is held. */
static HRESULT call(struct rpc_proxy *p, const struct rpc_method *method, void *const args[])
{
    sd_bus_message *m = NULL, *reply = NULL;
    HRESULT hr = rpc_conn_message(p->conn, p->path, method->iface->dbus_name, method->name, &m);

    if (SUCCEEDED(hr) && (method->flags & RPC_SECRET) && sd_bus_message_sensitive(m) < 0)
        hr = E_UNEXPECTED;
    if (SUCCEEDED(hr))
        hr = rpc_encode_in(m, method, args);
    if (SUCCEEDED(hr))
        hr = rpc_conn_exchange(p->conn, m, &reply);
    if (SUCCEEDED(hr))
        hr = read_reply(p, method, args, reply);
    sd_bus_message_unref(m);
    sd_bus_message_unref(reply);
    return hr;
}

HRESULT rpc_proxy_call(struct rpc_face *face, const struct rpc_method *method, void *const args[])
{
    HRESULT hr;

    error_text_clear();
    hr = rpc_check_args(method, args);
    if (SUCCEEDED(hr))
        hr = rpc_conn_lock(face->proxy->conn);
    if (FAILED(hr))
        return hr;
    hr = call(face->proxy, method, args);
    rpc_conn_unlock(face->proxy->conn);
    return hr;
}

static const struct rpc_method *service_method(const char *name)
{
    return rpc_method_by_name(rpc_kind_service->ifaces[0], name);
}

HRESULT rpc_proxy_advise(struct rpc_face *face, IVdsAdviseSink *sink, DWORD *ret_cookie)
{
    struct rpc_sinks *sinks = rpc_conn_sinks(face->proxy->conn);
    uint32_t token;
    HRESULT hr;

    if (ret_cookie)
        *ret_cookie = 0;
    if (!sink || !ret_cookie) {
        error_text_set("IVdsService::Advise: %s must not be NULL", sink ? "pdwCookie" : "pSink");
        return E_INVALIDARG;
    }
    hr = rpc_sinks_add(sinks, sink, &token);
    if (FAILED(hr))
        return hr;
    hr = rpc_proxy_call(face, service_method("Advise"), (void *const[]){ &token, &ret_cookie });
    if (FAILED(hr))
        rpc_sinks_remove(sinks, token);
    return hr;
}

HRESULT rpc_proxy_unadvise(struct rpc_face *face, DWORD cookie)
{
    HRESULT hr = rpc_sinks_remove(rpc_conn_sinks(face->proxy->conn), cookie);

    if (SUCCEEDED(hr))
        return rpc_proxy_call(face, service_method("Unadvise"), (void *const[]){ &cookie });
    error_text_set("no sink is advised with cookie %u", cookie);
    return hr;
}
