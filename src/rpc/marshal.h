/* SPDX-License-Identifier: MIT */
/* The interpreter of desc.h: C values <-> D-Bus messages. Knows types, not methods' meanings; sees no socket
 * and takes no lock.
 *
 * All of it returns an HRESULT, with a sentence when it fails: E_INVALIDARG for what a caller gave (NULL, a
 * count), RPC_E_INVALID_DATA for a message that is not what its description says, E_OUTOFMEMORY. Memory it
 * makes is task memory.
 */
#ifndef VDS_RPC_MARSHAL_H
#define VDS_RPC_MARSHAL_H

#include <systemd/sd-bus.h>

#include "rpc/desc.h"

struct rpc_limits {
    uint32_t max_elements; /* of one array */
    uint32_t max_chars;    /* of one string */
};
extern const struct rpc_limits rpc_default_limits;
extern const struct rpc_limits rpc_reply_limits; /* the service's answers: as long as a message can be */

/* Objects met while encoding, already turned into paths, in the order of the walk (rpc_out_objects()). An
 * enumeration is one list. */
struct rpc_paths {
    struct rpc_path_item {
        char **paths; /* malloc'ed strings */
        size_t n;
    } * items;
    size_t n, next;
};
void rpc_paths_fini(struct rpc_paths *paths);
/* Adds an item with room for n paths. NULL when memory ran out. */
struct rpc_path_item *rpc_paths_add(struct rpc_paths *paths, size_t n);

/* Where decoded paths become interface pointers (client). *ret_object gets a reference to the interface
 * `iface` (NULL: IUnknown). */
struct rpc_binder {
    HRESULT (*bind)(void *arg, const char *path, const struct rpc_iface *iface, void **ret_object);
    void *arg;
};

/* -- client -- */
/* Sets every output to 0/NULL and looks for pointers that must not be NULL and counts that make no sense. */
HRESULT rpc_check_args(const struct rpc_method *method, void *const args[]);
HRESULT rpc_encode_in(sd_bus_message *m, const struct rpc_method *method, void *const args[]);
/* m stands behind the HRESULT. On failure all outputs are 0/NULL again. */
HRESULT rpc_decode_out(sd_bus_message *m, const struct rpc_method *method, void *const args[],
                       const struct rpc_binder *binder, const struct rpc_limits *limits);

/* -- server -- */
struct rpc_frame {
    const struct rpc_method *method;
    void *args[RPC_MAX_PARAMS];
    union {
        GUID guid;
        uint64_t u64;
        void *pointer;
    } values[RPC_MAX_PARAMS]; /* the parameters: values, or pointers to task memory or to counts[] */
    int32_t counts[RPC_MAX_PARAMS];
};
/* Reads the inputs and makes room for the outputs. The frame needs rpc_frame_fini() in any case. */
HRESULT rpc_decode_in(sd_bus_message *m, const struct rpc_method *method, const struct rpc_limits *limits,
                      struct rpc_frame *frame);
/* Turns the interface pointers among the outputs into paths. `name` makes the paths of one object (n = 1) or
 * enumeration. */
typedef HRESULT rpc_name_objects(void *arg, const struct rpc_type *type, IUnknown *object,
                                 struct rpc_path_item *item);
HRESULT rpc_out_objects(const struct rpc_frame *frame, rpc_name_objects *name, void *arg,
                        struct rpc_paths *paths);
HRESULT rpc_encode_out(sd_bus_message *m, const struct rpc_frame *frame, struct rpc_paths *paths);
/* Frees the frame's memory and releases the objects in it. */
void rpc_frame_fini(struct rpc_frame *frame);

/* -- values, for those who speak of a type without a method (notifications) -- */
HRESULT rpc_encode(sd_bus_message *m, const struct rpc_type *type, const void *value,
                   struct rpc_paths *paths);
HRESULT rpc_decode(sd_bus_message *m, const struct rpc_type *type, void *value,
                   const struct rpc_binder *binder, const struct rpc_limits *limits);
void rpc_free(const struct rpc_type *type, void *value);

#endif
