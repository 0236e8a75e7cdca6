/* SPDX-License-Identifier: MIT */
/* How the API travels, as data: idl/vdsidl/emit_rpc.py writes these tables, marshal.c is the one interpreter
 * that reads them.
 *
 * A parameter is always given by the address of the variable that the C method takes: args[i] is a `ULONG *`
 * for `ULONG flags`, a `VDS_LUN_PROP **` for `VDS_LUN_PROP *prop`. A proxy has its own parameters there, a
 * skeleton a frame that it fills; so both sides share every line of the interpreter. What the types look like
 * on the wire is in docs/dbus.md.
 */
#ifndef VDS_RPC_DESC_H
#define VDS_RPC_DESC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef COBJMACROS
#define COBJMACROS /* IVdsLun_GetProperties(p, ...) and so on */
#endif
#include <vds/vds.h>

enum rpc_tag {
    RPC_U8,     /* y */
    RPC_I16,    /* n */
    RPC_U16,    /* q; a lone WCHAR too */
    RPC_I32,    /* i */
    RPC_U32,    /* u; every enum */
    RPC_U64,    /* t */
    RPC_BOOL,   /* b; any BOOL but 0 arrives as 1 */
    RPC_GUID,   /* s; text form */
    RPC_WSTR,   /* LPWSTR that must be there: s */
    RPC_WSTR0,  /* LPWSTR that may be NULL: as, none or one */
    RPC_STR0,   /* char * that may be NULL: as, none or one; each byte is one character (ISO 8859-1) */
    RPC_WCHARS, /* WCHAR[n], zero-terminated inside: s */
    RPC_FIXED,  /* elem[n]: a.., exactly n */
    RPC_STRUCT, /* (..) */
    RPC_VECTOR, /* elem *, counted by a 32-bit field beside it, which does not travel: a.. */
    RPC_PTR0,   /* elem * that may be NULL: a.., none or one */
    RPC_UNION,  /* v: the arm that the switch says; the empty string when there is none */
    RPC_OBJECT, /* an interface pointer: o, "/" is NULL */
    RPC_ENUM,   /* an IEnumVdsObject *: ao, all of it */
};

struct rpc_type;
struct rpc_iface;

struct rpc_arm {
    uint32_t value; /* of the switch */
    const struct rpc_type *type;
};

/* A member of a struct. */
struct rpc_field {
    const char *name;
    const struct rpc_type *type;
    uint16_t offset;
    uint16_t with; /* of the field that counts (RPC_VECTOR) or switches (RPC_UNION) */
};

struct rpc_type {
    enum rpc_tag tag;
    uint32_t size;   /* in memory */
    const char *sig; /* on the wire */
    uint32_t n;      /* elements (RPC_WCHARS, RPC_FIXED), fields, arms */
    union {
        const struct rpc_type *elem;
        const struct rpc_field *fields;
        const struct rpc_arm *arms;
        const struct rpc_iface *iface; /* RPC_OBJECT: what the caller takes it for; NULL is IUnknown */
    };
};

enum rpc_mode {
    RPC_IN,         /* by value; strings are values */
    RPC_IN_REF,     /* T *, must not be NULL */
    RPC_IN_UNIQUE,  /* T *, may be NULL: a.., none or one */
    RPC_IN_ARRAY,   /* T *, counted by args[count]; NULL goes with 0 only */
    RPC_IN_COUNT,   /* counts an RPC_IN_ARRAY; does not travel */
    RPC_OUT,        /* T * */
    RPC_OUT_ARRAY,  /* T * with room for args[count] elements, all filled */
    RPC_OUT_VECTOR, /* T **, task memory, counted by *args[count] */
    RPC_OUT_COUNT,  /* counts an RPC_OUT_VECTOR; does not travel */
};

struct rpc_param {
    const char *name;
    const struct rpc_type *type; /* of the value, the pointee or the element */
    uint8_t mode;                /* enum rpc_mode */
    uint8_t count;               /* index of the parameter that counts */
    bool may_be_null;            /* RPC_IN_ARRAY: [unique] */
};

#define RPC_MAX_PARAMS 12

enum rpc_method_flag {
    RPC_READS = 1,      /* changes nothing: open to read-only callers */
    RPC_MAKES_ASYNC = 2, /* has an IVdsAsync out parameter */
    RPC_SECRET = 4       /* takes what is to be in memory no longer than it has to */
};

struct rpc_method {
    const char *name;
    const struct rpc_iface *iface;
    const struct rpc_param *params;
    const char *in_sig, *out_sig; /* out: without the HRESULT in front */
    uint8_t n_params;
    uint8_t slot; /* in the vtable */
    uint8_t flags;
};

struct rpc_iface {
    const char *name;      /* "IVdsLun" */
    const char *dbus_name; /* "org.vds.IVdsLun" */
    const IID *iid;
    const struct rpc_method *methods;
    uint8_t n_methods;
    uint8_t number; /* index in rpc_ifaces[] */
};

/* A kind of object: an element of the object path, and what it answers. */
struct rpc_kind {
    const char *name;                      /* "target": /org/vds/target/<id> */
    uint32_t object_type;                  /* VDS_OT_..; 0: the service, which has no id */
    const struct rpc_iface *const *ifaces; /* the identity first */
    uint8_t n_ifaces;
    uint8_t number;                          /* index in rpc_kinds[] */
    const struct rpc_method *get_properties; /* of the identity; its struct begins with the id. NULL: no id */
};

/* Generated (rpc_desc.c). */
extern const struct rpc_iface *const rpc_ifaces[];
extern const size_t rpc_n_ifaces;
extern const struct rpc_kind rpc_kinds[];
extern const size_t rpc_n_kinds;
extern const struct rpc_kind *const rpc_kind_service;
extern const struct rpc_kind *const rpc_kind_async;
extern const struct rpc_type *const rpc_type_notification; /* VDS_NOTIFICATION */
#define RPC_MAX_FACES 12                                   /* of one kind; the generator refuses more */

/* HRESULT <-> name, as the .idl has them; successes too. */
struct rpc_error_name {
    uint32_t value;
    const char *name;
};
extern const struct rpc_error_name rpc_error_names[];
extern const size_t rpc_n_error_names;

/* Generated (rpc_proxy_gen.c): vtables of proxies, by interface number. */
struct rpc_proxy_vtbl {
    const void *vtbl;
    size_t n_slots;
};
extern const struct rpc_proxy_vtbl rpc_proxy_vtbls[];

/* Generated (rpc_skel_gen.c): by interface number, then method. `object` is of that interface. */
typedef HRESULT rpc_thunk(void *object, void *const args[]);
extern rpc_thunk *const *const rpc_thunks[];

const struct rpc_iface *rpc_iface_by_name(const char *dbus_name);
const struct rpc_iface *rpc_iface_by_iid(const IID *iid);
const struct rpc_method *rpc_method_by_name(const struct rpc_iface *iface, const char *name);
/* Index of the interface in the kind's list, or -1. */
int rpc_kind_face(const struct rpc_kind *kind, const struct rpc_iface *iface);

#endif
