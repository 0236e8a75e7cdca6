/* SPDX-License-Identifier: MIT */
/* The object model, once for everybody: reference counts, QueryInterface from a table, task memory,
 * enumerations, async objects.
 *
 * A class is a struct that begins with `struct com_object obj`, one member per interface, a face table and
 * COM_CLASS():
 *
 *     struct lun { struct com_object obj; IVdsLun lun; IVdsLunNaming naming; struct provider *provider;
 *     struct guid id; };
 *     COM_UNKNOWN(lun, IVdsLun, lun)             lun_from_IVdsLun() and the three IUnknown methods of that
 *                                                face
 *     COM_UNKNOWN(lun, IVdsLunNaming, naming)
 *
 *     static const IVdsLunVtbl lun_vtbl = { COM_UNKNOWN_SLOTS(lun, IVdsLun), .GetProperties =
 *     lun_GetProperties, ... };
 *
 *     static const struct com_face lun_faces[] = {
 *         COM_IDENTITY(lun, IVdsLun, lun, lun_vtbl),       first: what QueryInterface(IID_IUnknown) gives
 *         COM_FACE(lun, IVdsLun, lun, lun_vtbl),
 *         COM_FACE(lun, IVdsLunNaming, naming, lun_naming_vtbl),
 *     };
 *     COM_CLASS(lun, lun_destroy)          struct com_class lun_class, in the registry that tests walk
 *
 *     struct lun *lun = com_object_new(&lun_class);        zeroed, one reference, every lpVtbl set
 *
 * What it is not: the VDS rules (src/provider, src/service), the wire (src/rpc), CoCreateInstance (libvds).
 * Threads: any, everything here. Specification: the COM rules in "The Component Object Model", VDS's in
 * docs/architecture.md.
 */
#ifndef VDS_COM_COM_H
#define VDS_COM_COM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef COBJMACROS
#define COBJMACROS /* IVdsLun_GetProperties(p, ...) and so on */
#endif
#include <vds/vds.h>
#include <vds/vdshwprv.h>

#include "base/cleanup.h"
#include "base/guid.h"

/* ---- objects ------------------------------------------------------------------------------------------- */

struct com_object;

struct com_face {
    const IID *iid;
    size_t offset;    /* of the interface in the object */
    const void *vtbl; /* its table; com_object_init() puts it there */
    size_t n_slots;
};

struct com_class {
    const char *name;
    size_t size;
    const struct com_face *faces; /* the first is IUnknown, the identity */
    size_t n_faces;
    void (*destroy)(struct com_object *obj); /* at the last Release; frees the object too. NULL: free(obj) */
    const GUID *(*id)(const struct com_object *obj); /* of what the object stands for; may be NULL */
    /* com's own */
    atomic_size_t n_live;
    struct com_class *next;
};

struct com_object {
    struct com_class *class;
    atomic_uint refs;
};

/* The object begins with one reference, which is the caller's. `obj` is the first member of class->size
 * bytes. */
void com_object_init(struct com_object *obj, struct com_class *class);
/* calloc() and com_object_init(); NULL when memory ran out. */
void *com_object_new(struct com_class *class);

/* QueryInterface: S_OK and a reference, or E_NOINTERFACE and NULL; E_POINTER when ret_face is NULL,
 * E_INVALIDARG when iid is. */
HRESULT com_object_query(struct com_object *obj, const IID *iid, void **ret_face);
ULONG com_object_ref(struct com_object *obj);
ULONG com_object_unref(struct com_object *obj);
/* The identity, without a reference. */
IUnknown *com_object_identity(struct com_object *obj);

/* The id of what an object stands for, whatever state that is in, even deleted: S_OK. E_NOINTERFACE for
 * objects of other modules and of classes that stand for nothing; GetProperties() may say it then. */
HRESULT com_object_id(IUnknown *object, GUID *ret_id);

/* Objects alive now, of all classes in this module; 0 at the end of every test. */
size_t com_live_objects(void);

/* The registry: every class linked into this module, in no order. */
void com_class_register(struct com_class *class);
struct com_class *com_class_first(void); /* then class->next */

#define COM_SAME_TYPE_(a, b) sizeof(char[__builtin_types_compatible_p(a, b) ? 1 : -1])
#define COM_FACE_(cls, IFace, Iid, member, table)                                                            \
    {                                                                                                        \
        .iid = &IID_##Iid,                                                                                   \
        .offset =                                                                                            \
            offsetof(struct cls, member) + 0 * COM_SAME_TYPE_(__typeof__(((struct cls *)0)->member), IFace), \
        .vtbl = &(table),                                                                                    \
        .n_slots = sizeof(table) / sizeof(void *) + 0 * COM_SAME_TYPE_(__typeof__(table), const IFace##Vtbl) \
    }
#define COM_IDENTITY(cls, IFace, member, table) COM_FACE_(cls, IFace, IUnknown, member, table)
#define COM_FACE(cls, IFace, member, table)     COM_FACE_(cls, IFace, IFace, member, table)

/* Defines the class from <cls>_faces. */
#define COM_CLASS(cls, destroy_fn) COM_CLASS_WITH_ID(cls, destroy_fn, NULL)
#define COM_CLASS_WITH_ID(cls, destroy_fn, id_fn)                                    \
    _Static_assert(offsetof(struct cls, obj) == 0, "struct com_object comes first"); \
    static struct com_class cls##_class = { .name = #cls,                            \
                                            .size = sizeof(struct cls),              \
                                            .faces = cls##_faces,                    \
                                            .n_faces = ARRAY_SIZE(cls##_faces),      \
                                            .destroy = destroy_fn,                   \
                                            .id = id_fn };                           \
    __attribute__((constructor)) static void cls##_class_register(void)              \
    {                                                                                \
        com_class_register(&cls##_class);                                            \
    }

#define COM_UNKNOWN(cls, IFace, member) \
    __attribute__((unused)) static struct cls *cls##_from_##IFace(IFace *face) \
    { \
        return container_of(face, struct cls, member); \
    } \
    static HRESULT cls##_##IFace##_QueryInterface(IFace *face, REFIID iid, void **ret_face) \
    { \
        return com_object_query(&container_of(face, struct cls, member)->obj, iid, ret_face); \
    } \
    static ULONG cls##_##IFace##_AddRef(IFace *face) \
    { \
        return com_object_ref(&container_of(face, struct cls, member)->obj); \
    } \
    static ULONG cls##_##IFace##_Release(IFace *face) \
    { \
        return com_object_unref(&container_of(face, struct cls, member)->obj); \
    }
#define COM_UNKNOWN_SLOTS(cls, IFace)                                                   \
    .QueryInterface = cls##_##IFace##_QueryInterface, .AddRef = cls##_##IFace##_AddRef, \
    .Release = cls##_##IFace##_Release

/* Marks a method that is not built yet (or that VDS itself never built): it clears its outputs and ends with
 * COM_NOT_BUILT_RESULT. The linker collects these methods, so that a test can compare the vtables with
 * docs/api-status.md; nothing else says E_NOTIMPL. */
#define COM_NOT_BUILT        __attribute__((section("com_not_built"), noinline, used))
#define COM_NOT_BUILT_RESULT E_NOTIMPL
bool com_slot_is_not_built(const void *method);

static inline void com_releasep(void *p)
{
    IUnknown *unknown = *(IUnknown **)p;

    if (unknown)
        IUnknown_Release(unknown);
}

/* ---- identifiers: one layout, two names ---------------------------------------------------------------- */

_Static_assert(sizeof(struct guid) == sizeof(GUID) && offsetof(struct guid, data4) == offsetof(GUID, Data4),
               "one layout");

static inline const struct guid *com_guid(const GUID *g)
{
    return (const struct guid *)(const void *)g;
}

static inline GUID com_GUID(const struct guid *g)
{
    return *(const GUID *)(const void *)g;
}

/* ---- what the installed headers leave to the compat folder --------------------------------------------- */

VDS_API LPVOID WINAPI CoTaskMemRealloc(LPVOID p, SIZE_T size);
VDS_API HRESULT WINAPI CoInitialize(LPVOID reserved);
/* There is nothing to secure in one process, and the service looks at the peer of its socket: S_OK, the
 * second time RPC_E_TOO_LATE. */
VDS_API HRESULT WINAPI CoInitializeSecurity(LPVOID descriptor, LONG n_services, LPVOID services,
                                            LPVOID reserved1, DWORD authentication, DWORD impersonation,
                                            LPVOID list, DWORD capabilities, LPVOID reserved3);

/* ---- task memory: CoTaskMemAlloc() and CoTaskMemFree() are declared in the installed headers ----------- */

/* Blocks alive now; 0 at the end of every test. */
size_t com_live_task_blocks(void);
/* Zeroed task memory. */
void *com_task_calloc(size_t n, size_t size);
void com_task_freep(void *p); /* for _cleanup_ */

/* UTF-8 -> task memory for an out parameter; NULL text gives "". E_OUTOFMEMORY; what is not UTF-8 is
 * E_UNEXPECTED. */
HRESULT com_wide(const char *text, LPWSTR *ret_wide);
/* UTF-16 argument -> malloc'ed UTF-8. E_INVALIDARG for an unpaired surrogate. wide must not be NULL. */
HRESULT com_utf8(const WCHAR *wide, char **ret_text);

/* ---- CoInitializeEx() of this process ------------------------------------------------------------------ */

/* Has any thread of the process initialised COM (and not uninitialised it)? */
bool com_initialized(void);

/* ---- enumerations -------------------------------------------------------------------------------------- */

/* A snapshot of n objects, with its own reference to each. n may be 0. */
HRESULT com_enum_create(IUnknown *const *objects, size_t n, IEnumVdsObject **ret_enum);

/* ---- async objects ------------------------------------------------------------------------------------- */

/* How an operation is asked; shared by the array's operations and the proxies. Any thread, several at once. A
 * failure of the function itself (the connection died, no memory) is its return value; how the operation
 * ended is *ret_hr. */
struct com_async_ops {
    /* Blocks until the operation has ended. */
    HRESULT (*wait)(void *op, HRESULT *ret_hr);
    /* *ret_hr is VDS_E_OPERATION_PENDING while it runs. */
    HRESULT (*status)(void *op, HRESULT *ret_hr, ULONG *ret_percent);
    HRESULT (*cancel)(void *op);
    /* The object that a successful operation made, with a reference. Only for the three types that have one;
     * may be NULL otherwise. */
    HRESULT (*output)(void *op, IUnknown **ret_object);
    /* The async object is gone; the operation goes on. */
    void (*release)(void *op);
    /* Calls done(arg) once when the operation has ended (at once when it has), on any thread. May be NULL:
     * nobody can be told then. */
    void (*on_end)(void *op, void (*done)(void *arg), void *arg);
};

/* Takes `op` over: it is released on failure, too. */
HRESULT com_async_create(const struct com_async_ops *ops, void *op, VDS_ASYNC_OUTPUT_TYPE type,
                         IVdsAsync **ret_async);

/* Calls done(arg) once when the operation of an async object has ended, without a thread that waits: the
 * async object must not go before. VDS_E_NOT_SUPPORTED when it is another's object, or one that cannot say:
 * use Wait. */
HRESULT com_async_on_end(IVdsAsync *async, void (*done)(void *arg), void *arg);

/* Does an operation of that type hand out an object? */
bool com_async_has_output(VDS_ASYNC_OUTPUT_TYPE type);

/* ---- sinks --------------------------------------------------------------------------------------------- */

#define COM_NOTIFICATIONS_MAX 100 /* of one OnNotify(): the range in its declaration */

/* "You have missed something: refresh." False: there is no memory even for that. */
bool com_sink_missed(IVdsAdviseSink *sink);

#endif
