/* SPDX-License-Identifier: MIT */
/* Objects and their paths: all of it through the public interfaces of the service. Every property struct
 * begins with the object's id. */
#include <stdlib.h>
#include <string.h>

#include "base/error_text.h"
#include "com/com.h"
#include "rpc/marshal.h"
#include "rpc/server_internal.h"

#define ALL_PROVIDERS \
    (VDS_QUERY_SOFTWARE_PROVIDERS | VDS_QUERY_HARDWARE_PROVIDERS | VDS_QUERY_VIRTUALDISK_PROVIDERS)
#define BATCH 64 /* objects taken from an enumeration at once */

/* ---- object -> path ---------------------------------------------------------------------------------- */

/* GetProperties() of the kind's identity, of which only the id is kept. */
static HRESULT id_of(void *identity, const struct rpc_kind *kind, struct guid *ret_id)
{
    const struct rpc_method *method = kind->get_properties;
    rpc_thunk *thunk = rpc_thunks[method->iface->number][method - method->iface->methods];
    struct rpc_frame frame;
    HRESULT hr;

    if (com_object_id(identity, (GUID *)(void *)ret_id) == S_OK) /* cheap, and works for what is deleted or not to be read now */
        return S_OK;
    hr = rpc_decode_in(NULL, method, &rpc_default_limits, &frame); /* has no inputs */
    if (SUCCEEDED(hr))
        hr = thunk(identity, frame.args);
    if (SUCCEEDED(hr))
        memcpy(ret_id, frame.values[0].pointer, sizeof *ret_id);
    rpc_frame_fini(&frame);
    return hr;
}

static HRESULT try_kind(IUnknown *object, const struct rpc_kind *kind, struct rpc_path *ret_path)
{
    void *identity;
    HRESULT hr = IUnknown_QueryInterface(object, kind->ifaces[0]->iid, &identity);

    if (FAILED(hr))
        return hr;
    *ret_path = (struct rpc_path){ .kind = kind };
    hr = id_of(identity, kind, &ret_path->id);
    IUnknown_Release((IUnknown *)identity);
    return hr;
}

HRESULT rpc_name_object(IUnknown *object, const struct rpc_kind **kind, char text[static RPC_PATH_MAX])
{
    struct rpc_path path;
    HRESULT hr = *kind ? try_kind(object, *kind, &path) : E_NOINTERFACE;

    for (size_t i = 0; hr == E_NOINTERFACE && i < rpc_n_kinds; i++) {
        if (!rpc_kinds[i].get_properties)
            continue;
        *kind = &rpc_kinds[i];
        hr = try_kind(object, *kind, &path);
    }
    if (hr == E_NOINTERFACE) {
        error_text_set("the service handed out an object of no kind that can be sent");
        return E_UNEXPECTED;
    }
    if (SUCCEEDED(hr))
        rpc_path_format(&path, text);
    return hr;
}

static HRESULT name_member(IUnknown *object, const struct rpc_kind **kind, struct rpc_path_item *item,
                           size_t *room)
{
    char text[RPC_PATH_MAX];
    HRESULT hr = rpc_name_object(object, kind, text);
    char **more;

    if (hr == (HRESULT)VDS_E_OBJECT_DELETED) /* went since the snapshot was taken: not worth a failure */
        return S_OK;
    if (FAILED(hr))
        return hr;
    if (item->n >= *room) {
        more = reallocarray(item->paths, *room * 2 + 8, sizeof *more);
        if (!more)
            return E_OUTOFMEMORY;
        item->paths = more;
        *room = *room * 2 + 8;
    }
    item->paths[item->n] = strdup(text);
    return item->paths[item->n] ? item->n++, S_OK : E_OUTOFMEMORY;
}

HRESULT rpc_name_enum(IEnumVdsObject *objects, struct rpc_path_item *item)
{
    IUnknown *batch[BATCH];
    const struct rpc_kind *kind = NULL;
    size_t room = 1; /* what rpc_paths_add() leaves */
    HRESULT hr, more;
    ULONG n;

    do {
        more = hr = IEnumVdsObject_Next(objects, BATCH, batch, &n);
        for (ULONG i = 0; SUCCEEDED(more) && i < n; i++) {
            if (SUCCEEDED(hr))
                hr = name_member(batch[i], &kind, item, &room);
            IUnknown_Release(batch[i]);
        }
    } while (more == S_OK && SUCCEEDED(hr));
    return hr;
}

/* ---- path -> object ---------------------------------------------------------------------------------- */

static HRESULT gone(const struct rpc_path *path)
{
    char id[GUID_TEXT_SIZE];

    guid_format(&path->id, id);
    error_text_set("%s %s does not exist (any more)", path->kind->name, id);
    return VDS_E_OBJECT_DELETED;
}

static HRESULT match_provider(IEnumVdsObject *providers, const struct rpc_path *path, IUnknown **ret_object)
{
    IUnknown *candidate;
    ULONG n;

    while (IEnumVdsObject_Next(providers, 1, &candidate, &n) == S_OK && n == 1) {
        struct rpc_path found;

        if (SUCCEEDED(try_kind(candidate, path->kind, &found)) && guid_equal(&found.id, &path->id)) {
            *ret_object = candidate;
            return S_OK;
        }
        IUnknown_Release(candidate);
    }
    return gone(path);
}

/* GetObject() does not know providers. There are few, and they do not come and go. */
static HRESULT find_provider(IVdsService *service, const struct rpc_path *path, IUnknown **ret_object)
{
    IEnumVdsObject *providers;
    HRESULT hr = IVdsService_QueryProviders(service, ALL_PROVIDERS, &providers);

    if (FAILED(hr))
        return hr;
    hr = match_provider(providers, path, ret_object);
    IEnumVdsObject_Release(providers);
    return hr;
}

static HRESULT find_any(IVdsService *service, const struct rpc_path *path, IUnknown **ret_object)
{
    HRESULT hr;

    if (path->kind->object_type == VDS_OT_PROVIDER)
        return find_provider(service, path, ret_object);
    hr = IVdsService_GetObject(service, com_GUID(&path->id), (VDS_OBJECT_TYPE)path->kind->object_type,
                               ret_object);
    return hr == (HRESULT)VDS_E_OBJECT_NOT_FOUND ? gone(path)
                                                 : hr; /* to the client it is the object it holds */
}

HRESULT rpc_find_object(IVdsService *service, const struct rpc_path *path, const struct rpc_iface *iface,
                        void **ret_object)
{
    IUnknown *object;
    HRESULT hr;

    if (path->kind == rpc_kind_service)
        return IVdsService_QueryInterface(service, iface->iid, ret_object);
    hr = find_any(service, path, &object);
    if (FAILED(hr))
        return hr;
    hr = IUnknown_QueryInterface(object, iface->iid, ret_object);
    IUnknown_Release(object);
    if (FAILED(hr))
        error_text_set("this %s does not have %s", path->kind->name, iface->name);
    return hr;
}
