/* SPDX-License-Identifier: MIT */
/* CoCreateInstance() and its kin: the ways to a class, which is always VdsLoader. A class factory knows the context and the host that it
 * was asked for with; the other two functions are one. Specification: "Loading VDS", and COM's own pages. */
#include "rpc/activate.h"

#include <stdlib.h>
#include <string.h>

#include "base/error_text.h"
#include "com/com.h"

struct vds_class {
    struct com_object obj;
    IClassFactory face;
    DWORD context;
    WCHAR *host; /* NULL: this one */
};

COM_UNKNOWN(vds_class, IClassFactory, face)

/* A class may ask for either: the running service comes first, as it is the one that other programs see. */
static HRESULT vds_class_CreateInstance(IClassFactory *face, IUnknown *outer, REFIID iid, void **ret_object)
{
    struct vds_class *c = vds_class_from_IClassFactory(face);

    if (!ret_object)
        return E_POINTER;
    *ret_object = NULL;
    if (!iid)
        return E_INVALIDARG;
    if (outer)
        return CLASS_E_NOAGGREGATION;
    if (c->host || (c->context & (CLSCTX_LOCAL_SERVER | CLSCTX_REMOTE_SERVER)))
        return rpc_loader_create(c->host, iid, ret_object);
    return rpc_loader_create_in_process(iid, ret_object);
}

static HRESULT vds_class_LockServer(IClassFactory *face, BOOL lock)
{
    (void)face;
    (void)lock;
    return S_OK;
}

static void vds_class_destroy(struct com_object *obj)
{
    struct vds_class *c = container_of(obj, struct vds_class, obj);

    free(c->host);
    free(c);
}

static const IClassFactoryVtbl vds_class_vtbl = {
    COM_UNKNOWN_SLOTS(vds_class, IClassFactory),
    .CreateInstance = vds_class_CreateInstance,
    .LockServer = vds_class_LockServer,
};
static const struct com_face vds_class_faces[] = {
    COM_IDENTITY(vds_class, IClassFactory, face, vds_class_vtbl),
    COM_FACE(vds_class, IClassFactory, face, vds_class_vtbl),
};
COM_CLASS(vds_class, vds_class_destroy)

static HRESULT check_class(REFCLSID clsid, DWORD context)
{
    if (!com_initialized()) {
        error_text_set("call CoInitializeEx() first");
        return CO_E_NOTINITIALIZED;
    }
    if (!IsEqualCLSID(clsid, &CLSID_VdsLoader)) {
        error_text_set("the one class that can be made is CLSID_VdsLoader");
        return REGDB_E_CLASSNOTREG;
    }
    return context & (CLSCTX_LOCAL_SERVER | CLSCTX_REMOTE_SERVER | CLSCTX_INPROC_SERVER) ? S_OK : E_INVALIDARG;
}

static HRESULT class_of(REFCLSID clsid, DWORD context, const COSERVERINFO *server, struct vds_class **ret_class)
{
    const WCHAR *host = server && server->pwszName && *server->pwszName ? server->pwszName : NULL;
    HRESULT hr = check_class(clsid, context);
    struct vds_class *c;
    size_t n = 1;

    if (FAILED(hr))
        return hr;
    c = com_object_new(&vds_class_class);
    if (!c)
        return E_OUTOFMEMORY;
    c->context = context;
    while (host && host[n - 1])
        n++;
    if (host && !(c->host = calloc(n, sizeof *c->host))) {
        com_object_unref(&c->obj);
        return E_OUTOFMEMORY;
    }
    if (host)
        memcpy(c->host, host, n * sizeof *c->host);
    *ret_class = c;
    return S_OK;
}

HRESULT CoGetClassObject(REFCLSID clsid, DWORD context, LPVOID server, REFIID iid, LPVOID *ret_object)
{
    struct vds_class *c;
    HRESULT hr;

    error_text_clear();
    if (!ret_object)
        return E_POINTER;
    *ret_object = NULL;
    if (!clsid || !iid)
        return E_INVALIDARG;
    hr = class_of(clsid, context, server, &c);
    if (FAILED(hr))
        return hr;
    hr = com_object_query(&c->obj, iid, ret_object);
    com_object_unref(&c->obj);
    return hr;
}

static HRESULT create(REFCLSID clsid, LPUNKNOWN outer, DWORD context, const COSERVERINFO *server, REFIID iid, void **ret_object)
{
    struct vds_class *c;
    HRESULT hr = class_of(clsid, context, server, &c);

    if (FAILED(hr))
        return hr;
    hr = vds_class_CreateInstance(&c->face, outer, iid, ret_object);
    com_object_unref(&c->obj);
    return hr;
}

HRESULT CoCreateInstance(REFCLSID clsid, LPUNKNOWN outer, DWORD context, REFIID iid, LPVOID *ret_object)
{
    error_text_clear();
    if (!ret_object)
        return E_POINTER;
    *ret_object = NULL;
    if (!clsid || !iid)
        return E_INVALIDARG;
    return create(clsid, outer, context, NULL, iid, ret_object);
}

/* Each interface that was asked for, or why not. */
static HRESULT query_all(IUnknown *object, DWORD n, MULTI_QI *results)
{
    DWORD n_had = 0;

    for (DWORD i = 0; i < n; i++) {
        results[i].hr = IUnknown_QueryInterface(object, results[i].pIID, (void **)&results[i].pItf);
        n_had += SUCCEEDED(results[i].hr);
    }
    return n_had == n ? S_OK : n_had > 0 ? CO_S_NOTALLINTERFACES : E_NOINTERFACE;
}

HRESULT CoCreateInstanceEx(REFCLSID clsid, LPUNKNOWN outer, DWORD context, COSERVERINFO *server, DWORD n, MULTI_QI *results)
{
    IUnknown *object = NULL;
    HRESULT hr;

    error_text_clear();
    if (!clsid || n == 0 || !results)
        return E_INVALIDARG;
    hr = create(clsid, outer, context, server, &IID_IUnknown, (void **)&object);
    for (DWORD i = 0; i < n; i++) {
        results[i].pItf = NULL;
        results[i].hr = hr;
    }
    if (FAILED(hr))
        return hr;
    hr = query_all(object, n, results);
    IUnknown_Release(object);
    return hr;
}
