/* SPDX-License-Identifier: MIT */
#include "../unit_test.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/guid_map.h"

enum { N = 5000 };

struct item {
    struct guid_node node;
    unsigned number, n_seen;
};

static struct item items[N];

static void fill(struct guid_map *map)
{
    guid_map_init(map);
    for (unsigned i = 0; i < N; i++) {
        items[i] = (struct item){ .number = i };
        assert_int_equal(guid_generate(&items[i].node.id), 0);
        assert_int_equal(guid_map_insert(map, &items[i].node), 0);
    }
}

static void what_was_inserted_is_found_and_nothing_else(void **state)
{
    struct guid_map map;
    struct guid other;

    (void)state;
    fill(&map);
    assert_int_equal(map.n_nodes, N);
    for (unsigned i = 0; i < N; i++)
        assert_ptr_equal(guid_map_find(&map, &items[i].node.id), &items[i].node);
    assert_int_equal(guid_generate(&other), 0);
    assert_null(guid_map_find(&map, &other));
    guid_map_fini(&map);
}

static void an_identifier_is_in_the_map_once(void **state)
{
    struct item a = { .node.id.data1 = 1 }, b = a;
    struct guid_map map;

    (void)state;
    guid_map_init(&map);
    assert_int_equal(guid_map_insert(&map, &a.node), 0);
    assert_int_equal(guid_map_insert(&map, &b.node), -EEXIST);
    assert_false(guid_map_remove(&map, &b.node)); /* equal, but not the one in the map */
    assert_true(guid_map_remove(&map, &a.node));
    assert_false(guid_map_remove(&map, &a.node));
    assert_int_equal(guid_map_insert(&map, &b.node), 0);
    guid_map_fini(&map);
}

static void every_node_is_visited_once_and_may_be_removed_on_the_way(void **state)
{
    struct guid_map map;
    unsigned n_seen = 0;

    (void)state;
    fill(&map);
    for (struct guid_node *n = guid_map_next(&map, NULL), *next; n; n = next) {
        struct item *item = container_of(n, struct item, node);

        next = guid_map_next(&map, n);
        assert_int_equal(item->n_seen++, 0);
        n_seen++;
        if (item->number % 2)
            assert_true(guid_map_remove(&map, n));
    }
    assert_int_equal(n_seen, N);
    assert_int_equal(map.n_nodes, N / 2);
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(guid_map_find(&map, &items[i].node.id) != NULL, i % 2 == 0);
    guid_map_fini(&map);
}

static void an_empty_map_has_no_first_node(void **state)
{
    struct guid_map map, zeroed = { 0 };

    (void)state;
    guid_map_init(&map);
    assert_null(guid_map_next(&map, NULL));
    guid_map_fini(&map);
    guid_map_fini(&map);
    guid_map_fini(&zeroed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_inserted_is_found_and_nothing_else),
        cmocka_unit_test(an_identifier_is_in_the_map_once),
        cmocka_unit_test(every_node_is_visited_once_and_may_be_removed_on_the_way),
        cmocka_unit_test(an_empty_map_has_no_first_node),
    };

    return RUN_TESTS(tests);
}
