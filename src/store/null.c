/* SPDX-License-Identifier: MIT */
/* A store that reads zeros and forgets writes: what is left when it is measured is everything else. */
#include <errno.h>
#include <string.h>

#include "store/store_backend.h"

static int null_submit(struct store *store, struct store_request *req)
{
    (void)store;
    if (req->op == STORE_READ) {
        for (int i = 0; i < req->n_iov; i++)
            memset(req->iov[i].iov_base, 0, req->iov[i].iov_len);
    }
    return 0;
}

static int null_extent_at(struct store *store, uint64_t offset, struct store_extent *ret_extent)
{
    *ret_extent = (struct store_extent){ .len = store_size(store) - offset, .mapped = false };
    return 0;
}

static uint64_t null_allocated(const struct store *store)
{
    (void)store;
    return 0;
}

static int null_resize(struct store *store, uint64_t size)
{
    (void)store;
    (void)size;
    return 0;
}

static void null_close(struct store *store)
{
    free(store);
}

static const struct store_kind null_kind = {
    .name = "null",
    .submit = null_submit,
    .extent_at = null_extent_at,
    .allocated = null_allocated,
    .resize = null_resize,
    .close = null_close,
};

int store_null_open(uint64_t size, struct store **ret_store)
{
    struct store *store = calloc(1, sizeof *store);

    if (!store)
        return -ENOMEM;
    store_init(store, &null_kind, size);
    store->thin = true;
    *ret_store = store;
    return 0;
}
