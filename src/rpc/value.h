/* SPDX-License-Identifier: MIT */
/* The walks over a type that marshal.c is made of. 0 or -errno inside, with the sentence set where the fault
 * is seen: -EINVAL is the caller's, -EBADMSG the message's, -EILSEQ text that is not Unicode; whatever else
 * sd-bus says of a message. */
#ifndef VDS_RPC_VALUE_H
#define VDS_RPC_VALUE_H

#include "rpc/marshal.h"

struct rpc_putter {
    sd_bus_message *m;
    struct rpc_paths *paths; /* NULL: no objects can occur */
};

struct rpc_getter {
    sd_bus_message *m;
    const struct rpc_binder *binder; /* NULL: no objects can occur */
    const struct rpc_limits *limits;
    HRESULT bind_failed; /* what the binder said, when that was the failure */
};

int rpc_bad_message(const char *what);
const struct rpc_type *rpc_arm_of(const struct rpc_type *type, uint32_t value);
/* What sd-bus calls the contents of a struct: its signature without the parentheses. */
#define RPC_CONTENTS_MAX 256
int rpc_struct_contents(const struct rpc_type *type, char contents[static RPC_CONTENTS_MAX]);

/* `with` is the field that counts or switches, for the types that have one. */
int rpc_put(struct rpc_putter *p, const struct rpc_type *type, const void *value, const void *with);
int rpc_put_array(struct rpc_putter *p, const struct rpc_type *elem, const void *values, size_t n);
int rpc_put_vector(struct rpc_putter *p, const struct rpc_type *elem, const void *values, int32_t n);

/* `value` is zeroed memory; what a failed get leaves there can be freed. */
int rpc_get(struct rpc_getter *g, const struct rpc_type *type, void *value, void *with);
int rpc_get_vector(struct rpc_getter *g, const struct rpc_type *elem, void **ret_elements, uint32_t *ret_n);
int rpc_get_fixed(struct rpc_getter *g, const struct rpc_type *elem, char *values,
                  size_t n); /* exactly n, in place */
int rpc_get_pointee(struct rpc_getter *g, const struct rpc_type *elem, void **pointer); /* none or one */

/* Frees what a value holds, not the value; leaves NULL in it. */
void rpc_free_value(const struct rpc_type *type, void *value, const void *with);
void rpc_free_array(const struct rpc_type *elem, void *values, size_t n);
void rpc_free_pointee(const struct rpc_type *elem, void **pointer, size_t n);

#endif
