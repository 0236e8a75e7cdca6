/* SPDX-License-Identifier: MIT */
#include "target/hash.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#define N_BUCKETS_AT_FIRST 64
#define FNV_BASIS          0xcbf29ce484222325u /* FNV-1a, 64 bits */
#define FNV_PRIME          0x100000001b3u

int target_hash_init(struct hash *h)
{
    *h = (struct hash){ .buckets = calloc(N_BUCKETS_AT_FIRST, sizeof *h->buckets) };
    if (!h->buckets)
        return -ENOMEM;
    h->n_buckets = N_BUCKETS_AT_FIRST;
    return 0;
}

void target_hash_fini(struct hash *h)
{
    free(h->buckets);
    *h = (struct hash){ 0 };
}

static struct hash_node **bucket_of(const struct hash *h, uint64_t hash)
{
    return &h->buckets[hash & (h->n_buckets - 1)];
}

static void push(struct hash *h, struct hash_node *node)
{
    struct hash_node **bucket = bucket_of(h, node->hash);

    node->next = *bucket;
    *bucket = node;
}

static void grow(struct hash *h)
{
    struct hash bigger = { .buckets = calloc(h->n_buckets * 2, sizeof *h->buckets),
                           .n_buckets = h->n_buckets * 2,
                           .n = h->n };

    if (!bigger.buckets)
        return; /* longer chains, nothing worse */
    for (size_t i = 0; i < h->n_buckets; i++) {
        for (struct hash_node *node = h->buckets[i], *next; node; node = next) {
            next = node->next;
            push(&bigger, node);
        }
    }
    free(h->buckets);
    *h = bigger;
}

void target_hash_add(struct hash *h, struct hash_node *node, uint64_t hash)
{
    if (h->n >= h->n_buckets)
        grow(h);
    node->hash = hash;
    push(h, node);
    h->n++;
}

void target_hash_remove(struct hash *h, struct hash_node *node)
{
    for (struct hash_node **p = bucket_of(h, node->hash); *p; p = &(*p)->next) {
        if (*p == node) {
            *p = node->next;
            node->next = NULL;
            h->n--;
            return;
        }
    }
}

static struct hash_node *first_from(struct hash_node *node, uint64_t hash)
{
    while (node && node->hash != hash)
        node = node->next;
    return node;
}

struct hash_node *target_hash_first(const struct hash *h, uint64_t hash)
{
    return first_from(*bucket_of(h, hash), hash);
}

struct hash_node *target_hash_next(const struct hash_node *node)
{
    return first_from(node->next, node->hash);
}

uint64_t target_hash_name(const char *name)
{
    uint64_t hash = FNV_BASIS;

    for (; *name; name++)
        hash = (hash ^ (uint64_t)tolower((unsigned char)*name)) * FNV_PRIME;
    return hash ^ hash >> 32;
}

uint64_t target_hash_bytes(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint64_t hash = FNV_BASIS;

    while (n-- > 0)
        hash = (hash ^ *p++) * FNV_PRIME;
    return hash ^ hash >> 32;
}
