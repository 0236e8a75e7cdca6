/* SPDX-License-Identifier: MIT */
/* Client objects: a proxy is an object path on a connection, with a face for each interface of its kind. The
 * generated vtables (rpc_proxy_gen.c) lead every method here. Proxies are thin like what they stand for:
 * holding one keeps nothing alive on the other side, except that an operation's proxy holds the operation's
 * place in the service's table. */
#ifndef VDS_RPC_PROXY_H
#define VDS_RPC_PROXY_H

#include "rpc/conn.h"
#include "rpc/desc.h"

struct rpc_proxy;

/* What an interface pointer of a client points to. */
struct rpc_face {
    const void *lpVtbl;
    struct rpc_proxy *proxy;
};

/* A proxy for an object of the connection; *ret_object is its `iface`, or its IUnknown when that is NULL.
 * RPC_E_INVALID_DATA when the path is none, or its kind does not have the interface. */
HRESULT rpc_proxy_create(struct rpc_conn *conn, const char *path, const struct rpc_iface *iface,
                         void **ret_object);

HRESULT rpc_proxy_query(struct rpc_face *face, REFIID iid, void **ret_face);
ULONG rpc_proxy_ref(struct rpc_face *face);
ULONG rpc_proxy_unref(struct rpc_face *face);

/* Any method: arguments out, wait, results in. */
HRESULT rpc_proxy_call(struct rpc_face *face, const struct rpc_method *method, void *const args[]);
/* IVdsService: the sink stays here, the service only hears that there is one. */
HRESULT rpc_proxy_advise(struct rpc_face *face, IVdsAdviseSink *sink, DWORD *ret_cookie);
HRESULT rpc_proxy_unadvise(struct rpc_face *face, DWORD cookie);

#define RPC_PROXY_UNKNOWN(IFace)                                                             \
    static HRESULT STDMETHODCALLTYPE proxy_##IFace##_QueryInterface(IFace *self, REFIID iid, \
                                                                    void **ret_face)         \
    {                                                                                        \
        return rpc_proxy_query((struct rpc_face *)self, iid, ret_face);                      \
    }                                                                                        \
    static ULONG STDMETHODCALLTYPE proxy_##IFace##_AddRef(IFace *self)                       \
    {                                                                                        \
        return rpc_proxy_ref((struct rpc_face *)self);                                       \
    }                                                                                        \
    static ULONG STDMETHODCALLTYPE proxy_##IFace##_Release(IFace *self)                      \
    {                                                                                        \
        return rpc_proxy_unref((struct rpc_face *)self);                                     \
    }
#define RPC_PROXY_UNKNOWN_SLOTS(IFace)                                                  \
    .QueryInterface = proxy_##IFace##_QueryInterface, .AddRef = proxy_##IFace##_AddRef, \
    .Release = proxy_##IFace##_Release

#endif
