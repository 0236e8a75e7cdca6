/* SPDX-License-Identifier: MIT */
/* Reference counts, QueryInterface over a face table, the registry of classes. */
#include "com/com.h"

#include <stdlib.h>
#include <string.h>

static struct com_class *registry;
static atomic_size_t n_live;

void com_class_register(struct com_class *class)
{
    class->next = registry;
    registry = class;
}

struct com_class *com_class_first(void)
{
    return registry;
}

size_t com_live_objects(void)
{
    return atomic_load(&n_live);
}

void com_object_init(struct com_object *obj, struct com_class *class)
{
    obj->class = class;
    atomic_init(&obj->refs, 1);
    /* an interface is a pointer to its table, whatever its type */
    for (size_t i = 0; i < class->n_faces; i++)
        memcpy((char *)obj + class->faces[i].offset, &class->faces[i].vtbl, sizeof(void *));
    atomic_fetch_add(&class->n_live, 1);
    atomic_fetch_add(&n_live, 1);
}

void *com_object_new(struct com_class *class)
{
    struct com_object *obj = calloc(1, class->size);

    if (obj)
        com_object_init(obj, class);
    return obj;
}

IUnknown *com_object_identity(struct com_object *obj)
{
    return (IUnknown *)(void *)((char *)obj + obj->class->faces[0].offset);
}

/* Asked for by address, not by value: only objects of this module know it, and only they are laid out as this
 * module thinks. */
static const IID object_iid;

HRESULT com_object_query(struct com_object *obj, const IID *iid, void **ret_face)
{
    const struct com_class *class = obj->class;

    if (!ret_face)
        return E_POINTER;
    *ret_face = NULL;
    if (!iid)
        return E_INVALIDARG;
    if (iid == &object_iid) {
        com_object_ref(obj);
        *ret_face = obj;
        return S_OK;
    }
    for (size_t i = 0; i < class->n_faces; i++) {
        if (guid_equal(com_guid(iid), com_guid(class->faces[i].iid))) {
            com_object_ref(obj);
            *ret_face = (char *)obj + class->faces[i].offset;
            return S_OK;
        }
    }
    return E_NOINTERFACE;
}

HRESULT com_object_id(IUnknown *object, GUID *ret_id)
{
    struct com_object *obj = NULL;
    HRESULT hr = IUnknown_QueryInterface(object, &object_iid, (void **)&obj);

    if (FAILED(hr))
        return hr;
    if (obj->class->id)
        *ret_id = *obj->class->id(obj);
    else
        hr = E_NOINTERFACE;
    com_object_unref(obj);
    return hr;
}

ULONG com_object_ref(struct com_object *obj)
{
    return atomic_fetch_add_explicit(&obj->refs, 1, memory_order_relaxed) + 1;
}

ULONG com_object_unref(struct com_object *obj)
{
    struct com_class *class = obj->class;
    ULONG left = atomic_fetch_sub_explicit(&obj->refs, 1, memory_order_acq_rel) - 1;

    if (left > 0)
        return left;
    if (class->destroy)
        class->destroy(obj);
    else
        free(obj);
    atomic_fetch_sub(&class->n_live, 1); /* last: who sees 0 may take the class's module away */
    atomic_fetch_sub(&n_live, 1);
    return 0;
}

/* The bounds of the section that COM_NOT_BUILT fills; weak, because a module may have no such method. */
extern const char __start_com_not_built[] __attribute__((weak, visibility("hidden")));
extern const char __stop_com_not_built[] __attribute__((weak, visibility("hidden")));

bool com_slot_is_not_built(const void *method)
{
    const char *at = method;

    return __start_com_not_built && at >= __start_com_not_built && at < __stop_com_not_built;
}
