/* SPDX-License-Identifier: MIT */
#include "base/guid_map.h"

#include <errno.h>
#include <stdlib.h>

void guid_map_init(struct guid_map *map)
{
    *map = (struct guid_map){ .n_buckets = GUID_MAP_SMALL };
    map->buckets = map->small;
}

void guid_map_fini(struct guid_map *map)
{
    if (map->buckets != map->small)
        free(map->buckets);
    guid_map_init(map);
}

static size_t bucket_of(const struct guid_map *map, const struct guid *id)
{
    uint64_t h = guid_hash(id);

    return (size_t)((h ^ h >> 32) & (map->n_buckets - 1));
}

/* The link that points to the node with this identifier, or to the NULL at the end of its chain. */
static struct guid_node **link_of(const struct guid_map *map, const struct guid *id)
{
    struct guid_node **link = &map->buckets[bucket_of(map, id)];

    while (*link && !guid_equal(&(*link)->id, id))
        link = &(*link)->next;
    return link;
}

static void grow(struct guid_map *map)
{
    struct guid_node **old = map->buckets, **grown = calloc(map->n_buckets * 2, sizeof *grown);
    size_t n_old = map->n_buckets;

    if (!grown)
        return;
    map->buckets = grown;
    map->n_buckets = n_old * 2;
    for (size_t i = 0; i < n_old; i++) {
        for (struct guid_node *n = old[i], *next; n; n = next) {
            struct guid_node **link = &grown[bucket_of(map, &n->id)];

            next = n->next;
            n->next = *link;
            *link = n;
        }
    }
    if (old != map->small)
        free(old);
}

int guid_map_insert(struct guid_map *map, struct guid_node *node)
{
    struct guid_node **link;

    if (map->n_nodes >= map->n_buckets)
        grow(map);
    link = link_of(map, &node->id);
    if (*link)
        return -EEXIST;
    node->next = NULL;
    *link = node;
    map->n_nodes++;
    return 0;
}

struct guid_node *guid_map_find(const struct guid_map *map, const struct guid *id)
{
    return *link_of(map, id);
}

bool guid_map_remove(struct guid_map *map, struct guid_node *node)
{
    struct guid_node **link = link_of(map, &node->id);

    if (*link != node)
        return false;
    *link = node->next;
    map->n_nodes--;
    return true;
}

struct guid_node *guid_map_next(const struct guid_map *map, const struct guid_node *after)
{
    size_t i = after ? bucket_of(map, &after->id) + 1 : 0;

    if (after && after->next)
        return after->next;
    while (i < map->n_buckets && !map->buckets[i])
        i++;
    return i < map->n_buckets ? map->buckets[i] : NULL;
}
