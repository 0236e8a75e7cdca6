/* SPDX-License-Identifier: MIT */
/* The front that every kind of store shares: reference counts, the range check, what an absent slot means. */
#include "store/store.h"

#include <errno.h>

#include "store/store_backend.h"

void store_init(struct store *store, const struct store_kind *kind, uint64_t size)
{
    store->kind = kind;
    atomic_init(&store->n_refs, 1);
    atomic_init(&store->size, size);
}

struct store *store_ref(struct store *store)
{
    if (store)
        atomic_fetch_add_explicit(&store->n_refs, 1, memory_order_relaxed);
    return store;
}

void store_unref(struct store *store)
{
    if (store && atomic_fetch_sub_explicit(&store->n_refs, 1, memory_order_acq_rel) == 1)
        store->kind->close(store);
}

uint64_t store_size(const struct store *store)
{
    return atomic_load_explicit(&store->size, memory_order_relaxed);
}

int store_submit(struct store *store, struct store_request *req)
{
    uint64_t size = store_size(store);

    if (req->op == STORE_FLUSH)
        return store->kind->submit(store, req);
    if (req->offset > size || req->len > size - req->offset)
        return -EINVAL;
    if (req->op != STORE_READ && store->read_only)
        return -EROFS;
    if (req->len == 0)
        return 0;
    return store->kind->submit(store, req);
}

const uint8_t *store_borrow(struct store *store, uint64_t offset, uint64_t len)
{
    uint64_t size = store_size(store);

    if (!store->kind->borrow || len == 0 || offset > size || len > size - offset)
        return NULL;
    return store->kind->borrow(store, offset, len);
}

void store_lent_gone(struct store *store, uint64_t offset, uint64_t len)
{
    if (store->kind->lent_gone)
        store->kind->lent_gone(store, offset, len);
}

int store_extent_at(struct store *store, uint64_t offset, struct store_extent *ret_extent)
{
    uint64_t size = store_size(store);

    if (offset >= size)
        return -EINVAL;
    if (store->kind->extent_at)
        return store->kind->extent_at(store, offset, ret_extent);
    *ret_extent = (struct store_extent){ .len = size - offset, .mapped = true };
    return 0;
}

uint64_t store_allocated(const struct store *store)
{
    return store->kind->allocated ? store->kind->allocated(store) : store_size(store);
}

bool store_is_thin(const struct store *store)
{
    return store->thin;
}

int store_reserve(struct store *store, uint64_t offset, uint64_t len)
{
    if (store->read_only)
        return -EROFS;
    return store->kind->reserve && len > 0 ? store->kind->reserve(store, offset, len) : 0;
}

int store_resize(struct store *store, uint64_t size)
{
    int r;

    if (!store->kind->resize)
        return -EOPNOTSUPP;
    if (store->read_only)
        return -EROFS;
    r = store->kind->resize(store, size);
    if (r == 0)
        atomic_store(&store->size, size);
    return r;
}
