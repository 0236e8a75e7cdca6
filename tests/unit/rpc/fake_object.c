/* SPDX-License-Identifier: MIT */
#include "fake_internal.h"

#include <stdio.h>

GUID fake_id(enum fake_kind kind, unsigned number)
{
    return (GUID){ 0xfa4e0000u + number, 0x1000, (uint16_t)kind, { 0x80, 1, 2, 3, 4, 5, 6, 7 } };
}

LPWSTR fake_wide(const char *text)
{
    LPWSTR w = NULL;

    return com_wide(text, &w) == S_OK ? w : NULL;
}

void fake_narrow(char *to, size_t size, LPCWSTR from)
{
    char *text = NULL;

    if (from && com_utf8(from, &text) == S_OK)
        snprintf(to, size, "%s", text);
    else
        *to = '\0';
    free(text);
}

HRESULT fake_check(struct fake_object *o)
{
    HRESULT hr = S_OK;

    pthread_mutex_lock(&o->fake->lock);
    if (o->fake->deleted[o->kind][o->number])
        hr = VDS_E_OBJECT_DELETED;
    pthread_mutex_unlock(&o->fake->lock);
    if (FAILED(hr))
        error_text_set("fake %u/%u is deleted", o->kind, o->number);
    return hr;
}

HRESULT fake_enumerate(struct fake *f, enum fake_kind kind, IEnumVdsObject **ret)
{
    IUnknown **objects = calloc(FAKE_MAX, sizeof *objects);
    unsigned n = 0;
    HRESULT hr;

    for (unsigned i = 1; i <= f->count[kind]; i++) {
        bool gone;

        pthread_mutex_lock(&f->lock);
        gone = f->deleted[kind][i];
        pthread_mutex_unlock(&f->lock);
        if (!gone && SUCCEEDED(fake_object_new(f, kind, i, &objects[n])))
            n++;
    }
    hr = com_enum_create(objects, n, ret);
    for (unsigned i = 0; i < n; i++)
        IUnknown_Release(objects[i]);
    free(objects);
    return hr;
}

/* Slots that nobody filled in. The arguments do not matter. */
static HRESULT not_there(void)
{
    error_text_set("the fake has no such method");
    return E_NOTIMPL;
}

void fake_fill_slots(void *vtbl, size_t n)
{
    void *(*slots) = vtbl;
    HRESULT (*filler)(void) = not_there;

    for (size_t i = 0; i < n; i++) {
        if (!slots[i])
            memcpy(&slots[i], &filler, sizeof filler);
    }
}

/* ---- faces ------------------------------------------------------------------------------------------- */

#define FAKE_FACE(kind, IFace, member)                                                   \
    {                                                                                    \
        kind, &IID_##IFace, offsetof(struct fake_object, member), &fake_##member##_vtbl, \
            sizeof fake_##member##_vtbl / sizeof(void *)                                 \
    }
/* Rows in the order of enum fake_kind; the first of a kind is its identity. */
static const struct {
    enum fake_kind kind;
    const IID *iid;
    size_t offset; /* of the face in the object */
    void *vtbl;
    size_t n_slots;
} kind_faces[] = {
    FAKE_FACE(FAKE_PROVIDER, IVdsProvider, provider),
    FAKE_FACE(FAKE_PROVIDER, IVdsHwProvider, hw),
    FAKE_FACE(FAKE_SUBSYSTEM, IVdsSubSystem, subsystem),
    FAKE_FACE(FAKE_SUBSYSTEM, IVdsSubSystemIscsi, iscsi),
    FAKE_FACE(FAKE_SUBSYSTEM, IVdsSubSystemEx, ex),
    FAKE_FACE(FAKE_SUBSYSTEM, IVdsSubSystemTreeEx, tree),
    FAKE_FACE(FAKE_TARGET, IVdsIscsiTarget, target),
    FAKE_FACE(FAKE_GROUP, IVdsIscsiPortalGroup, group),
    FAKE_FACE(FAKE_PORTAL, IVdsIscsiPortal, portal),
    FAKE_FACE(FAKE_LUN, IVdsLun, lun),
    FAKE_FACE(FAKE_LUN, IVdsLunIscsi, lun_iscsi),
    FAKE_FACE(FAKE_DRIVE, IVdsDrive, drive),
};

HRESULT fake_object_query(struct fake_object *o, REFIID iid, void **ret)
{
    *ret = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(kind_faces); i++) {
        if (kind_faces[i].kind == o->kind &&
            (IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, kind_faces[i].iid))) {
            com_object_ref(&o->obj);
            *ret = (char *)o + kind_faces[i].offset;
            return S_OK;
        }
    }
    return E_NOINTERFACE;
}

static struct com_face fake_object_faces[1];
COM_CLASS(fake_object, NULL)

HRESULT fake_object_new(struct fake *f, enum fake_kind kind, unsigned number, IUnknown **ret)
{
    struct fake_object *o;
    void *face;

    o = com_object_new(&fake_object_class);
    if (!o)
        return E_OUTOFMEMORY;
    o->fake = f;
    o->kind = kind;
    o->number = number;
    for (size_t i = 0; i < ARRAY_SIZE(kind_faces); i++)
        memcpy((char *)o + kind_faces[i].offset, &kind_faces[i].vtbl, sizeof(void *));
    fake_object_query(o, &IID_IUnknown, &face);
    com_object_unref(&o->obj);
    *ret = face;
    return S_OK;
}

void fake_fill_object_slots(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(kind_faces); i++)
        fake_fill_slots(kind_faces[i].vtbl, kind_faces[i].n_slots);
    fake_object_class.n_faces = 0;
}
