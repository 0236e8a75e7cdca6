/* SPDX-License-Identifier: MIT */
/* IEnumVdsObject over a snapshot. Clones share the snapshot and have a position of their own. */
#include "com/com.h"

#include <pthread.h>
#include <stdlib.h>

struct snapshot {
    atomic_uint refs;
    size_t n;
    IUnknown *objects[];
};

struct com_enum {
    struct com_object obj;
    IEnumVdsObject face;
    struct snapshot *snapshot;
    pthread_mutex_t lock; /* guards `at` */
    size_t at;
};

COM_UNKNOWN(com_enum, IEnumVdsObject, face)

static HRESULT create(struct snapshot *snapshot, size_t at, IEnumVdsObject **ret_enum);

static void snapshot_unref(struct snapshot *s)
{
    if (atomic_fetch_sub(&s->refs, 1) > 1)
        return;
    for (size_t i = 0; i < s->n; i++)
        IUnknown_Release(s->objects[i]);
    free(s);
}

static void com_enum_destroy(struct com_object *obj)
{
    struct com_enum *e = container_of(obj, struct com_enum, obj);

    snapshot_unref(e->snapshot);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

/* Moves on by up to n; *ret_from is where it stood. Returns how far it went. */
static size_t com_enum_advance(struct com_enum *e, size_t n, size_t *ret_from)
{
    size_t left;

    pthread_mutex_lock(&e->lock);
    left = e->snapshot->n - e->at;
    if (n > left)
        n = left;
    *ret_from = e->at;
    e->at += n;
    pthread_mutex_unlock(&e->lock);
    return n;
}

static HRESULT com_enum_Next(IEnumVdsObject *face, ULONG celt, IUnknown **ret_objects, ULONG *ret_fetched)
{
    struct com_enum *e = com_enum_from_IEnumVdsObject(face);
    size_t from, n;

    if (ret_fetched)
        *ret_fetched = 0;
    for (ULONG i = 0; ret_objects && i < celt; i++)
        ret_objects[i] = NULL;
    if (!ret_objects || !ret_fetched)
        return E_INVALIDARG;
    n = com_enum_advance(e, celt, &from);
    for (size_t i = 0; i < n; i++) {
        ret_objects[i] = e->snapshot->objects[from + i];
        IUnknown_AddRef(ret_objects[i]);
    }
    *ret_fetched = (ULONG)n;
    return n == celt ? S_OK : S_FALSE;
}

static HRESULT com_enum_Skip(IEnumVdsObject *face, ULONG celt)
{
    size_t from;

    return com_enum_advance(com_enum_from_IEnumVdsObject(face), celt, &from) == celt ? S_OK : S_FALSE;
}

static HRESULT com_enum_Reset(IEnumVdsObject *face)
{
    struct com_enum *e = com_enum_from_IEnumVdsObject(face);

    pthread_mutex_lock(&e->lock);
    e->at = 0;
    pthread_mutex_unlock(&e->lock);
    return S_OK;
}

static HRESULT com_enum_Clone(IEnumVdsObject *face, IEnumVdsObject **ret_enum)
{
    struct com_enum *e = com_enum_from_IEnumVdsObject(face);
    size_t at;

    if (!ret_enum)
        return E_INVALIDARG;
    *ret_enum = NULL;
    com_enum_advance(e, 0, &at);
    atomic_fetch_add(&e->snapshot->refs, 1);
    return create(e->snapshot, at, ret_enum);
}

static const IEnumVdsObjectVtbl com_enum_vtbl = {
    COM_UNKNOWN_SLOTS(com_enum, IEnumVdsObject),
    .Next = com_enum_Next,
    .Skip = com_enum_Skip,
    .Reset = com_enum_Reset,
    .Clone = com_enum_Clone,
};

static const struct com_face com_enum_faces[] = {
    COM_IDENTITY(com_enum, IEnumVdsObject, face, com_enum_vtbl),
    COM_FACE(com_enum, IEnumVdsObject, face, com_enum_vtbl),
};
COM_CLASS(com_enum, com_enum_destroy)

/* Takes the snapshot over, on failure, too. */
static HRESULT create(struct snapshot *snapshot, size_t at, IEnumVdsObject **ret_enum)
{
    struct com_enum *e = com_object_new(&com_enum_class);

    if (!e) {
        snapshot_unref(snapshot);
        return E_OUTOFMEMORY;
    }
    pthread_mutex_init(&e->lock, NULL);
    e->snapshot = snapshot;
    e->at = at;
    *ret_enum = &e->face;
    return S_OK;
}

HRESULT com_enum_create(IUnknown *const *objects, size_t n, IEnumVdsObject **ret_enum)
{
    struct snapshot *s = malloc(sizeof *s + n * sizeof s->objects[0]);

    if (!s)
        return E_OUTOFMEMORY;
    atomic_init(&s->refs, 1);
    s->n = n;
    for (size_t i = 0; i < n; i++) {
        s->objects[i] = objects[i];
        IUnknown_AddRef(objects[i]);
    }
    return create(s, 0, ret_enum);
}
