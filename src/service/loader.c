/* SPDX-License-Identifier: MIT */
/* IVdsServiceLoader: how a client comes to a service. Where the service is, whoever wires the parts knows. */
#include "service/service.h"

#include <stdlib.h>

struct loader {
    struct com_object obj;
    IVdsServiceLoader face;
    service_load_fn *load;
    void (*release)(void *arg);
    void *arg;
};

COM_UNKNOWN(loader, IVdsServiceLoader, face)

static HRESULT loader_LoadService(IVdsServiceLoader *face, LPWSTR machine_wide, IVdsService **ret_service)
{
    struct loader *l = loader_from_IVdsServiceLoader(face);
    _cleanup_(freep) char *machine = NULL;
    HRESULT hr = S_OK;

    if (!ret_service)
        return E_INVALIDARG;
    *ret_service = NULL;
    if (machine_wide && machine_wide[0])
        hr = com_utf8(machine_wide, &machine);
    return FAILED(hr) ? hr : l->load(l->arg, machine, ret_service);
}

static void loader_destroy(struct com_object *obj)
{
    struct loader *l = container_of(obj, struct loader, obj);

    if (l->release)
        l->release(l->arg);
    free(l);
}

static const IVdsServiceLoaderVtbl loader_vtbl = {
    COM_UNKNOWN_SLOTS(loader, IVdsServiceLoader),
    .LoadService = loader_LoadService,
};
static const struct com_face loader_faces[] = {
    COM_IDENTITY(loader, IVdsServiceLoader, face, loader_vtbl),
    COM_FACE(loader, IVdsServiceLoader, face, loader_vtbl),
};
COM_CLASS(loader, loader_destroy)

HRESULT service_loader_create(service_load_fn *load, void (*release)(void *arg), void *arg,
                              IVdsServiceLoader **ret_loader)
{
    struct loader *l = com_object_new(&loader_class);

    if (!l)
        return E_OUTOFMEMORY;
    l->load = load;
    l->release = release;
    l->arg = arg;
    *ret_loader = &l->face;
    return S_OK;
}
