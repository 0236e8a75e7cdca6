/* SPDX-License-Identifier: MIT */
/* The client library's way in: the VdsLoader that activate.c makes, whose LoadService() connects. */
#include <stdio.h>
#include <stdlib.h>

#include <vds/vdsclient.h>

#include "base/error_text.h"
#include "com/com.h"
#include "rpc/activate.h"
#include "rpc/conn.h"
#include "rpc/error.h"
#include "rpc/path.h"
#include "rpc/proxy.h"
#include "rpc/transport.h"

struct vds_loader {
    struct com_object obj;
    IVdsServiceLoader face;
    char *host; /* NULL: this one, unless LoadService() names another */
};

COM_UNKNOWN(vds_loader, IVdsServiceLoader, face)

static HRESULT service_at(int fd, const char *where, void **ret_service)
{
    struct rpc_conn *conn;
    HRESULT hr = rpc_conn_open(fd, where, &conn);

    if (FAILED(hr))
        return hr;
    hr = rpc_proxy_create(conn, RPC_PATH_SERVICE, rpc_kind_service->ifaces[0], ret_service);
    rpc_conn_unref(conn); /* the proxy has its own reference */
    return hr;
}

static HRESULT load_local(void **ret_service)
{
    char where[RPC_SOCKET_MAX];
    HRESULT hr;
    int fd;

    hr = rpc_transport_local(&fd, where);
    return FAILED(hr) ? hr : service_at(fd, where, ret_service);
}

static HRESULT load_remote(const char *host, void **ret_service)
{
    int fd;
    HRESULT hr = rpc_transport_remote(host, &fd);

    return FAILED(hr) ? hr : service_at(fd, host, ret_service);
}

static HRESULT load_named(const WCHAR *machine, void **ret_service)
{
    _cleanup_(freep) char *host = NULL;
    HRESULT hr = com_utf8(machine, &host);

    return FAILED(hr) ? hr : load_remote(host, ret_service);
}

static HRESULT vds_loader_LoadService(IVdsServiceLoader *face, LPWSTR machine, IVdsService **ret_service)
{
    struct vds_loader *loader = vds_loader_from_IVdsServiceLoader(face);

    error_text_clear();
    if (!ret_service) {
        error_text_set("IVdsServiceLoader::LoadService: ppService must not be NULL");
        return E_INVALIDARG;
    }
    *ret_service = NULL;
    if (machine && *machine)
        return load_named(machine, (void **)ret_service);
    return loader->host ? load_remote(loader->host, (void **)ret_service) : load_local((void **)ret_service);
}

static const IVdsServiceLoaderVtbl vds_loader_vtbl = { COM_UNKNOWN_SLOTS(vds_loader, IVdsServiceLoader),
                                                       .LoadService = vds_loader_LoadService };
static const struct com_face vds_loader_faces[] = {
    COM_IDENTITY(vds_loader, IVdsServiceLoader, face, vds_loader_vtbl),
    COM_FACE(vds_loader, IVdsServiceLoader, face, vds_loader_vtbl),
};

static void vds_loader_destroy(struct com_object *obj)
{
    struct vds_loader *loader = container_of(obj, struct vds_loader, obj);

    free(loader->host);
    free(loader);
}
COM_CLASS(vds_loader, vds_loader_destroy)

/* ---- the library's face ------------------------------------------------------------------------------ */

static _Atomic(vds_inproc_factory) inproc;

void vds_register_inproc(vds_inproc_factory factory)
{
    atomic_store(&inproc, factory);
}

const char *vds_error_text(void)
{
    return error_text_get();
}

void vds_set_error_text(const char *text)
{
    error_text_set("%s", text ? text : "");
}

const char *vds_hresult_name(HRESULT hr)
{
    static _Thread_local char number[16];
    const char *name = rpc_hresult_name(hr);

    if (name)
        return name;
    snprintf(number, sizeof number, "0x%08X", (unsigned)hr);
    return number;
}

HRESULT vds_connect_fd(int fd, void **ret_service)
{
    error_text_clear();
    if (!ret_service) {
        close(fd);
        return E_INVALIDARG;
    }
    *ret_service = NULL;
    return service_at(fd, "the other end of the stream", ret_service);
}

HRESULT rpc_loader_create(const WCHAR *host, REFIID iid, void **ret_object)
{
    struct vds_loader *loader = com_object_new(&vds_loader_class);
    HRESULT hr = loader ? S_OK : E_OUTOFMEMORY;

    if (SUCCEEDED(hr) && host)
        hr = com_utf8(host, &loader->host);
    if (SUCCEEDED(hr))
        hr = com_object_query(&loader->obj, iid, ret_object);
    if (loader)
        com_object_unref(&loader->obj);
    return hr;
}

HRESULT rpc_loader_create_in_process(REFIID iid, void **ret_object)
{
    vds_inproc_factory factory = atomic_load(&inproc);

    if (factory)
        return factory(iid, ret_object);
    error_text_set("this program has no array of its own (CLSCTX_INPROC_SERVER): link the library that holds "
                   "it, or use the service");
    return REGDB_E_CLASSNOTREG;
}
