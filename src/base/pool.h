/* SPDX-License-Identifier: MIT */
/* Page-aligned buffers for data on its way between socket and store, kept for reuse so that their pages are
 * faulted in once.
 *
 * One pool per thread: no locks. Sizes are rounded up to a class (4K 16K 64K 256K 1M 4M 8M). A pool never
 * maps more than its limit: beyond it buffer_get() returns NULL, and the caller makes the peer wait.
 *
 *     void *p = buffer_get(pool, 65536);
 *     ...
 *     buffer_put(pool, p, 65536);        and once a second or so        buffer_pool_trim(pool);
 */
#ifndef VDS_BASE_POOL_H
#define VDS_BASE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define BUFFER_SIZE_MAX ((size_t)8 << 20)

struct buffer_pool;

/* max_bytes: mapped at once, in use and free together; 0 = 256 MiB. max_free_bytes: kept for reuse; 0 = a
 * quarter of that. */
int buffer_pool_create(uint64_t max_bytes, uint64_t max_free_bytes, struct buffer_pool **ret_pool);

/* Every buffer must have been put back: those that were not stay mapped. NULL is fine. */
void buffer_pool_destroy(struct buffer_pool *pool);
DEFINE_CLEANUP(struct buffer_pool *, buffer_pool_destroy)

/* At least `size` bytes with unknown contents. NULL: size is 0 or beyond BUFFER_SIZE_MAX, the limit is
 * reached, or no memory. */
void *buffer_get(struct buffer_pool *pool, size_t size);

/* `size` as it was asked for. NULL is fine. */
void buffer_put(struct buffer_pool *pool, void *buffer, size_t size);

/* The bytes that a buffer for `size` really has; 0 when there is no such class. */
size_t buffer_capacity(size_t size);

/* Unmaps what has lain free, unneeded, since the last call. Returns the bytes given back. */
uint64_t buffer_pool_trim(struct buffer_pool *pool);

uint64_t buffer_pool_used(const struct buffer_pool *pool); /* bytes handed out */
uint64_t buffer_pool_free(const struct buffer_pool *pool); /* bytes kept for reuse */

#endif
