/* SPDX-License-Identifier: MIT */
#include "cli/diskraid/numbers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/guid_map.h"

struct number_scope {
    struct number_scope *next;
    int kind;
    GUID of;
    struct guid_map map; /* of struct number; never moves */
};

struct number {
    struct guid_node node;
    unsigned number;
};

static struct number_scope *find_scope(struct numbers *numbers, int kind, const GUID *of)
{
    struct number_scope *s = numbers->scopes;

    while (s && (s->kind != kind || memcmp(&s->of, of, sizeof *of) != 0))
        s = s->next;
    if (s || !(s = calloc(1, sizeof *s)))
        return s;
    s->kind = kind;
    s->of = *of;
    guid_map_init(&s->map);
    s->next = numbers->scopes;
    numbers->scopes = s;
    return s;
}

int numbers_of(struct numbers *numbers, int kind, const GUID *of, const GUID *id, unsigned *ret_number)
{
    struct number_scope *scope = find_scope(numbers, kind, of);
    struct guid key;
    struct guid_node *found;
    struct number *n;

    _Static_assert(sizeof key == sizeof *id, "one layout");
    if (!scope)
        return -ENOMEM;
    memcpy(&key, id, sizeof key);
    found = guid_map_find(&scope->map, &key);
    if (!found) {
        if (scope->map.n_nodes == NUMBERS_MAX)
            return -ENOSPC;
        n = calloc(1, sizeof *n);
        if (!n)
            return -ENOMEM;
        n->node.id = key;
        n->number = (unsigned)scope->map.n_nodes;
        guid_map_insert(&scope->map, &n->node); /* is not there, so cannot fail */
        found = &n->node;
    }
    *ret_number = container_of(found, struct number, node)->number;
    return 0;
}

static void scope_free(struct number_scope *scope)
{
    struct guid_node *node = guid_map_next(&scope->map, NULL);

    while (node) {
        struct guid_node *next = guid_map_next(&scope->map, node);

        guid_map_remove(&scope->map, node);
        free(container_of(node, struct number, node));
        node = next;
    }
    guid_map_fini(&scope->map);
    free(scope);
}

void numbers_fini(struct numbers *numbers)
{
    while (numbers->scopes) {
        struct number_scope *s = numbers->scopes;

        numbers->scopes = s->next;
        scope_free(s);
    }
}
