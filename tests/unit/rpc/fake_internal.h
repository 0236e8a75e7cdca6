/* SPDX-License-Identifier: MIT */
/* What the files of the fake service share: fake_service.c is the service, fake_object.c the objects behind
 * it, of which fake_subsystem.c, fake_target.c and fake_lun.c have the methods, fake_op.c the operations. */
#ifndef VDS_TESTS_FAKE_INTERNAL_H
#define VDS_TESTS_FAKE_INTERNAL_H

#include <stdlib.h>
#include <string.h>

#include "base/error_text.h"
#include "fake_service.h"

#include <vds/vdsex.h>

/* One class serves every kind; an object is a kind and a number, as thin as the real handles. */
struct fake_object {
    struct com_object obj;
    IVdsProvider provider;
    IVdsHwProvider hw;
    IVdsSubSystem subsystem;
    IVdsSubSystemIscsi iscsi;
    IVdsSubSystemEx ex;
    IVdsSubSystemTreeEx tree;
    IVdsIscsiTarget target;
    IVdsIscsiPortalGroup group;
    IVdsIscsiPortal portal;
    IVdsLun lun;
    IVdsLunIscsi lun_iscsi;
    IVdsDrive drive;
    struct fake *fake;
    enum fake_kind kind;
    unsigned number;
};

LPWSTR fake_wide(const char *text);
void fake_narrow(char *to, size_t size, LPCWSTR from);

HRESULT fake_object_new(struct fake *f, enum fake_kind kind, unsigned number, IUnknown **ret);
/* By kind: which faces an object of it answers. */
HRESULT fake_object_query(struct fake_object *o, REFIID iid, void **ret);
/* VDS_E_OBJECT_DELETED, if it is. */
HRESULT fake_check(struct fake_object *o);
HRESULT fake_enumerate(struct fake *f, enum fake_kind kind, IEnumVdsObject **ret);
void fake_fill_slots(void *vtbl, size_t n);
void fake_fill_object_slots(void);

HRESULT fake_start_op(struct fake *f, VDS_ASYNC_OUTPUT_TYPE type, enum fake_kind kind, unsigned number,
                      IVdsAsync **ret);
void fake_pass_gate(struct fake *f);

/* The tables of its faces; slots that are NULL are filled in before the first object. */
extern IVdsProviderVtbl fake_provider_vtbl;
extern IVdsHwProviderVtbl fake_hw_vtbl;
extern IVdsSubSystemVtbl fake_subsystem_vtbl;
extern IVdsSubSystemIscsiVtbl fake_iscsi_vtbl;
extern IVdsSubSystemExVtbl fake_ex_vtbl;
extern IVdsSubSystemTreeExVtbl fake_tree_vtbl;
extern IVdsIscsiTargetVtbl fake_target_vtbl;
extern IVdsIscsiPortalGroupVtbl fake_group_vtbl;
extern IVdsIscsiPortalVtbl fake_portal_vtbl;
extern IVdsLunVtbl fake_lun_vtbl;
extern IVdsLunIscsiVtbl fake_lun_iscsi_vtbl;
extern IVdsDriveVtbl fake_drive_vtbl;

/* For a file that has the methods of a face: its way to the object, and the three slots of IUnknown. */
#define FAKE_UNKNOWN(IFace, member)                                \
    static struct fake_object *from_##IFace(IFace *face)           \
    {                                                              \
        return container_of(face, struct fake_object, member);     \
    }                                                              \
    static HRESULT IFace##_qi(IFace *face, REFIID iid, void **ret) \
    {                                                              \
        return fake_object_query(from_##IFace(face), iid, ret);    \
    }                                                              \
    static ULONG IFace##_ref(IFace *face)                          \
    {                                                              \
        return com_object_ref(&from_##IFace(face)->obj);           \
    }                                                              \
    static ULONG IFace##_unref(IFace *face)                        \
    {                                                              \
        return com_object_unref(&from_##IFace(face)->obj);         \
    }
#define FAKE_SLOTS(IFace) .QueryInterface = IFace##_qi, .AddRef = IFace##_ref, .Release = IFace##_unref

#endif
