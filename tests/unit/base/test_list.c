/* SPDX-License-Identifier: MIT */
#include "../unit_test.h"

#include "base/cleanup.h"
#include "base/list.h"

struct item {
    int value;
    struct list_node link;
};

static int sum(struct list_node *head)
{
    int total = 0;

    list_for_each(n, head)
        total = total * 10 + container_of(n, struct item, link)->value;
    return total;
}

static void items_come_out_in_the_order_they_went_in(void **state)
{
    struct list_node head = LIST_INIT(head);
    struct item a = { 1, { 0 } }, b = { 2, { 0 } }, c = { 3, { 0 } };

    (void)state;
    list_append(&head, &a.link);
    list_append(&head, &b.link);
    list_append(&head, &c.link);
    assert_int_equal(sum(&head), 123);
    list_remove(&b.link);
    list_remove(&b.link); /* a second time does no harm */
    assert_int_equal(sum(&head), 13);
    assert_ptr_equal(list_pop(&head), &a.link);
    assert_ptr_equal(list_pop(&head), &c.link);
    assert_null(list_pop(&head));
}

static void splicing_moves_all_and_leaves_the_source_empty(void **state)
{
    struct list_node head = LIST_INIT(head), from = LIST_INIT(from);
    struct item a = { 1, { 0 } }, b = { 2, { 0 } }, c = { 3, { 0 } };

    (void)state;
    list_append(&head, &a.link);
    list_append(&from, &b.link);
    list_append(&from, &c.link);
    list_splice(&head, &from);
    assert_int_equal(sum(&head), 123);
    assert_true(list_empty(&from));
    list_splice(&head, &from); /* an empty source changes nothing */
    assert_int_equal(sum(&head), 123);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_out_in_the_order_they_went_in),
        cmocka_unit_test(splicing_moves_all_and_leaves_the_source_empty),
    };

    return RUN_TESTS(tests);
}
