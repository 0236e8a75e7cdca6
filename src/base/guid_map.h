/* SPDX-License-Identifier: MIT */
/* Objects by GUID: an intrusive hash table. The node lives in the element, so inserting never allocates what
 * it cannot do without and fails for a duplicate only. No locks.
 *
 *     struct portal { struct guid_node node; ... };
 *     struct guid_map portals;                       guid_map_init(&portals);
 *     p->node.id = id;                               r = guid_map_insert(&portals, &p->node);
 *     struct guid_node *n = guid_map_find(&portals, &id);      container_of(n, struct portal, node)
 */
#ifndef VDS_BASE_GUID_MAP_H
#define VDS_BASE_GUID_MAP_H

#include <stddef.h>

#include "base/guid.h"

#define GUID_MAP_SMALL 16 /* buckets that every map has */

struct guid_node {
    struct guid id; /* set before insertion, not changed while in the map */
    struct guid_node *next;
};

struct guid_map {
    size_t n_nodes;
    size_t n_buckets; /* a power of two */
    struct guid_node **buckets;
    struct guid_node *small[GUID_MAP_SMALL];
};

/* The map must not be moved afterwards. */
void guid_map_init(struct guid_map *map);

/* Forgets the nodes, which are the caller's, and frees the table. Harmless on a zeroed map. */
void guid_map_fini(struct guid_map *map);

/* 0, or -EEXIST when the identifier is there. A table that cannot grow for want of memory only becomes
 * slower. */
int guid_map_insert(struct guid_map *map, struct guid_node *node);

/* NULL when it is not there. */
struct guid_node *guid_map_find(const struct guid_map *map, const struct guid *id);

/* Takes the node out; false when it was not there. */
bool guid_map_remove(struct guid_map *map, struct guid_node *node);

/* All nodes, in no particular order: from NULL on, until NULL. `after` must still be in the map, so who
 * removes nodes on the way asks for the next one first; nothing may be inserted meanwhile. */
struct guid_node *guid_map_next(const struct guid_map *map, const struct guid_node *after);

#endif
