/* SPDX-License-Identifier: MIT */
#include "../unit_test.h"

#include "base/cleanup.h"
#include "target/hash.h"

struct item {
    struct hash_node node;
    unsigned value;
};

static struct item *find(const struct hash *h, unsigned value, uint64_t hash)
{
    for (struct hash_node *n = target_hash_first(h, hash); n; n = target_hash_next(n)) {
        struct item *item = container_of(n, struct item, node);

        if (item->value == value)
            return item;
    }
    return NULL;
}

static void every_element_is_found_however_full_the_table(void **state)
{
    enum { N = 5000 };
    static struct item items[N];
    struct hash h;

    (void)state;
    assert_int_equal(target_hash_init(&h), 0);
    for (unsigned i = 0; i < N; i++) {
        items[i].value = i;
        target_hash_add(&h, &items[i].node, target_hash_bytes(&i, sizeof i));
    }
    assert_int_equal(h.n, N);
    for (unsigned i = 0; i < N; i++)
        assert_ptr_equal(find(&h, i, target_hash_bytes(&i, sizeof i)), &items[i]);
    for (unsigned i = 0; i < N; i += 2)
        target_hash_remove(&h, &items[i].node);
    for (unsigned i = 0; i < N; i++)
        assert_ptr_equal(find(&h, i, target_hash_bytes(&i, sizeof i)), i % 2 ? &items[i] : NULL);
    target_hash_fini(&h);
}

static void elements_with_the_same_hash_live_side_by_side(void **state)
{
    struct item a = { .value = 1 }, b = { .value = 2 }, c = { .value = 3 };
    struct hash h;

    (void)state;
    assert_int_equal(target_hash_init(&h), 0);
    target_hash_add(&h, &a.node, 7);
    target_hash_add(&h, &b.node, 7);
    target_hash_add(&h, &c.node, 7 + 64); /* same bucket, another hash */
    target_hash_remove(&h, &b.node);
    assert_ptr_equal(find(&h, 1, 7), &a);
    assert_null(find(&h, 2, 7));
    assert_null(find(&h, 3, 7));
    assert_ptr_equal(find(&h, 3, 7 + 64), &c);
    target_hash_fini(&h);
}

static void names_hash_alike_in_either_case(void **state)
{
    (void)state;
    assert_true(target_hash_name("iqn.2024-01.test:Disk") == target_hash_name("IQN.2024-01.test:disk"));
    assert_false(target_hash_name("iqn.2024-01.test:disk") == target_hash_name("iqn.2024-01.test:disc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_element_is_found_however_full_the_table),
        cmocka_unit_test(elements_with_the_same_hash_live_side_by_side),
        cmocka_unit_test(names_hash_alike_in_either_case),
    };

    return RUN_TESTS(tests);
}
