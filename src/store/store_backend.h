/* SPDX-License-Identifier: MIT */
/* For implementers of stores; users include store.h. */
#ifndef VDS_STORE_STORE_BACKEND_H
#define VDS_STORE_STORE_BACKEND_H

#include <stdatomic.h>

#include "store/store.h"

/* Every slot is required unless its comment says what absence means. The range has been checked against
 * size before a call. */
struct store_kind {
    const char *name;
    int (*submit)(struct store *store, struct store_request *req);
    /* absent: always NULL; the range lies within the size and is not empty */
    const uint8_t *(*borrow)(struct store *store, uint64_t offset, uint64_t len);
    /* store_lent_gone(). Absent: nothing that is lent can go */
    void (*lent_gone)(struct store *store, uint64_t offset, uint64_t len);
    /* absent: all mapped */
    int (*extent_at)(struct store *store, uint64_t offset, struct store_extent *ret_extent);
    /* absent: size */
    uint64_t (*allocated)(const struct store *store);
    /* absent: nothing to do */
    int (*reserve)(struct store *store, uint64_t offset, uint64_t len);
    /* absent: -EOPNOTSUPP */
    int (*resize)(struct store *store, uint64_t size);
    void (*close)(struct store *store); /* frees what the kind allocated, the struct itself included */
};

/* First member of each kind's own struct. */
struct store {
    const struct store_kind *kind;
    atomic_uint n_refs;
    _Atomic uint64_t size; /* bytes */
    bool thin, read_only;
};

void store_init(struct store *store, const struct store_kind *kind, uint64_t size);

#endif
