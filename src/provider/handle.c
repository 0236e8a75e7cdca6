/* SPDX-License-Identifier: MIT */
/* Thin handles: a class, the provider, an id. Nothing of the array's is held between two calls, so a
 * forgotten handle keeps nothing alive and answers VDS_E_OBJECT_DELETED by itself: the array says so. */
#include "provider/provider_internal.h"

#include <stdlib.h>

HRESULT handle_new(struct com_class *class, struct provider *p, const struct guid *id, IUnknown **ret_object)
{
    struct handle_object *o = com_object_new(class);

    if (!o)
        return E_OUTOFMEMORY;
    provider_ref(p);
    o->h.provider = p;
    o->h.id = *id;
    *ret_object = com_object_identity(&o->obj);
    return S_OK;
}

void handle_destroy(struct com_object *obj)
{
    struct handle_object *o = container_of(obj, struct handle_object, obj);

    provider_unref(o->h.provider);
    free(o);
}

const GUID *handle_id(const struct com_object *obj)
{
    return (const GUID *)(const void *)&container_of(obj, const struct handle_object, obj)->h.id;
}

HRESULT handle_as(HRESULT hr, IUnknown *object, const IID *iid, void **ret_face)
{
    if (FAILED(hr))
        return hr;
    hr = IUnknown_QueryInterface(object, iid, ret_face);
    IUnknown_Release(object);
    return hr;
}

HRESULT handle_make(handle_maker *make, struct provider *p, const struct guid *id, const IID *iid,
                    void **ret_face)
{
    IUnknown *object = NULL;
    HRESULT hr = make(p, id, &object);

    return handle_as(hr, object, iid, ret_face);
}

/* What the members of each relation are. */
static handle_maker *const makers[] = {
    [ARRAY_TARGETS] = provider_target_new,
    [ARRAY_PORTALS] = provider_portal_new,
    [ARRAY_LUNS] = provider_lun_new,
    [ARRAY_DRIVES] = provider_drive_new,
    [ARRAY_CONTROLLERS] = provider_controller_new,
    [ARRAY_GROUPS_OF_TARGET] = provider_group_new,
    [ARRAY_LUNS_OF_TARGET] = provider_lun_new,
    [ARRAY_PORTALS_OF_GROUP] = provider_portal_new,
    [ARRAY_GROUPS_OF_PORTAL] = provider_group_new,
    [ARRAY_TARGETS_OF_LUN] = provider_target_new,
};

HRESULT handle_enumerate(struct provider *p, handle_maker *make, const struct guid *ids, size_t n,
                         IEnumVdsObject **ret_enum)
{
    _cleanup_(freep) IUnknown **objects = calloc(n ? n : 1, sizeof *objects);
    HRESULT hr = objects ? S_OK : E_OUTOFMEMORY;
    size_t n_made = 0;

    while (SUCCEEDED(hr) && n_made < n) {
        hr = make(p, &ids[n_made], &objects[n_made]);
        if (SUCCEEDED(hr))
            n_made++;
    }
    if (SUCCEEDED(hr))
        hr = com_enum_create(objects, n, ret_enum);
    for (size_t i = 0; i < n_made; i++)
        IUnknown_Release(objects[i]);
    return hr;
}

HRESULT handle_query(struct provider *p, enum array_relation relation, const struct guid *of,
                     IEnumVdsObject **ret_enum)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) struct guid *ids = NULL;
    size_t n = 0;
    HRESULT hr;

    if (!ret_enum)
        return E_INVALIDARG;
    *ret_enum = NULL;
    hr = provider_enter(p, &inside);
    if (SUCCEEDED(hr))
        hr = array_query(inside->config.array, relation, of, &ids, &n);
    if (FAILED(hr))
        return hr;
    return handle_enumerate(p, makers[relation], ids, n, ret_enum);
}

HRESULT handle_query_one(struct provider *p, handle_maker *make, const struct guid *id,
                         IEnumVdsObject **ret_enum)
{
    return handle_enumerate(p, make, id, 1, ret_enum);
}

HRESULT handle_lookup(struct provider *inside, VDS_OBJECT_TYPE type, const struct guid *id,
                      IUnknown **ret_object)
{
    static const struct {
        VDS_OBJECT_TYPE type;
        handle_maker *make;
    } kinds[] = {
        { VDS_OT_SUB_SYSTEM, provider_subsystem_new }, { VDS_OT_CONTROLLER, provider_controller_new },
        { VDS_OT_DRIVE, provider_drive_new },          { VDS_OT_LUN, provider_lun_new },
        { VDS_OT_PORTAL, provider_portal_new },        { VDS_OT_TARGET, provider_target_new },
        { VDS_OT_PORTAL_GROUP, provider_group_new },
    };
    struct guid lun;

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (kinds[i].type == type && array_exists(inside->config.array, type, id))
            return kinds[i].make(inside, id, ret_object);
    }
    lun = plex_id(id);
    if (type == VDS_OT_LUN_PLEX && array_exists(inside->config.array, VDS_OT_LUN, &lun))
        return provider_plex_new(inside, id, ret_object);
    if (type == VDS_OT_STORAGE_POOL && pool_exists(inside, id))
        return provider_pool_new(inside, id, ret_object);
    return VDS_E_OBJECT_NOT_FOUND;
}

HRESULT handle_subsystem(struct provider *inside, IVdsSubSystem **ret_subsystem)
{
    struct array_subsystem_info info;
    HRESULT hr = array_subsystem_get(inside->config.array, &info);

    if (FAILED(hr))
        return hr;
    return handle_make(provider_subsystem_new, inside, &info.id, &IID_IVdsSubSystem, (void **)ret_subsystem);
}
