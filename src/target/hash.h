/* SPDX-License-Identifier: MIT */
/* Intrusive chained hash: the node lives in the element, so adding cannot fail. Doubles its buckets as it
 * fills; when memory for that is short it goes on with longer chains. The caller locks, computes the hash and
 * compares the elements.
 */
#ifndef VDS_TARGET_HASH_H
#define VDS_TARGET_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_node {
    struct hash_node *next;
    uint64_t hash;
};

struct hash {
    struct hash_node **buckets;
    size_t n_buckets, n; /* n_buckets is a power of two */
};

int target_hash_init(struct hash *h);
void target_hash_fini(struct hash *h); /* does not touch the elements; a zeroed table is fine */
void target_hash_add(struct hash *h, struct hash_node *node, uint64_t hash);
void target_hash_remove(struct hash *h, struct hash_node *node);

/* All nodes with this hash: for (n = target_hash_first(h, x); n; n = target_hash_next(n)). */
struct hash_node *target_hash_first(const struct hash *h, uint64_t hash);
struct hash_node *target_hash_next(const struct hash_node *node);

/* iSCSI names compare without case (RFC 7143 §4.2.7: they are normalised to lower case before comparison). */
uint64_t target_hash_name(const char *name);
uint64_t target_hash_bytes(const void *bytes, size_t n);

#endif
