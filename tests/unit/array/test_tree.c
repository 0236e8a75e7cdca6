/* SPDX-License-Identifier: MIT */
/* array_tree_get(): the same as going from object to object, in one snapshot. */
#include "array_fixture.h"

#include "array/array_internal.h"

#define ALL (ARRAY_TREE_PORTALS | ARRAY_TREE_TARGETS | ARRAY_TREE_GROUPS | ARRAY_TREE_LUNS)

/* Two targets, three groups, portals in them, two LUNs, one of them at both targets. */
static void furnish(struct fixture *f, struct guid targets[static 2], struct guid luns[static 2])
{
    struct guid group;

    for (unsigned i = 0; i < 2; i++) {
        targets[i] = a_target(f);
        luns[i] = a_lun(f);
        group = a_group(f, &targets[i]);
        assert_hr(add_portal(f, &group, &f->portal[i]), S_OK);
        assert_hr(add_portal(f, &group, &f->portal[2]), S_OK);
    }
    a_group(f, &targets[0]);
    assert_hr(array_lun_associate_targets(f->array, &luns[0], targets, 2), S_OK);
    assert_hr(array_lun_associate_targets(f->array, &luns[1], &targets[1], 1), S_OK);
    assert_hr(array_lun_set_mask(f->array, &luns[0], "*"), S_OK);
}

/* The ids of rows of any kind, which begin with them, are those that the query tells, in its order. */
static void expect_ids(struct fixture *f, enum array_relation relation, const void *rows, size_t n,
                       size_t size)
{
    struct guid *ids;
    size_t n_ids;

    assert_hr(array_query(f->array, relation, NULL, &ids, &n_ids), S_OK);
    assert_int_equal(n, n_ids);
    for (size_t i = 0; i < n; i++)
        assert_memory_equal((const char *)rows + i * size, &ids[i], sizeof *ids);
    free(ids);
}

static void expect_groups(struct fixture *f, const struct array_tree *tree)
{
    size_t at = 0, member = 0;

    for (size_t t = 0; t < tree->n_targets; t++) {
        struct guid *groups, *portals;
        size_t n, n_portals;

        assert_hr(array_query(f->array, ARRAY_GROUPS_OF_TARGET, &tree->targets[t].id, &groups, &n), S_OK);
        for (size_t i = 0; i < n; i++, at++) {
            assert_memory_equal(&tree->groups[at].id, &groups[i], sizeof *groups);
            assert_memory_equal(&tree->groups[at].target, &tree->targets[t].id, sizeof *groups);
            assert_int_equal(tree->groups[at].tag, group_tag(f, &groups[i]));
            assert_hr(array_query(f->array, ARRAY_PORTALS_OF_GROUP, &groups[i], &portals, &n_portals), S_OK);
            for (size_t p = 0; p < n_portals; p++, member++) {
                assert_memory_equal(&tree->members[member].group, &groups[i], sizeof *groups);
                assert_memory_equal(&tree->members[member].portal, &portals[p], sizeof *portals);
            }
            free(portals);
        }
        free(groups);
    }
    assert_int_equal(tree->n_groups, at);
    assert_int_equal(tree->n_members, member);
}

static void expect_luns(struct fixture *f, const struct array_tree *tree)
{
    size_t tie = 0;

    for (size_t i = 0; i < tree->n_luns; i++) {
        const struct array_lun_info *row = &tree->luns[i];
        struct array_lun_info info;
        struct guid *targets;
        uint16_t number;
        size_t n;

        assert_hr(array_lun_get(f->array, &row->id, &info), S_OK);
        assert_string_equal(row->mask, info.mask);
        assert_string_equal(row->friendly_name, info.friendly_name);
        assert_string_equal(row->identification, info.identification);
        assert_true(row->size == info.size && row->allocated == info.allocated && row->thick == info.thick);
        assert_true(row->status == info.status && row->health == info.health);
        array_lun_info_fini(&info);
        assert_hr(array_query(f->array, ARRAY_TARGETS_OF_LUN, &row->id, &targets, &n), S_OK);
        for (size_t k = 0; k < n; k++, tie++) {
            assert_memory_equal(&tree->ties[tie].lun, &row->id, sizeof row->id);
            assert_memory_equal(&tree->ties[tie].target, &targets[k], sizeof *targets);
            assert_hr(array_lun_number(f->array, &row->id, &targets[k], &number), S_OK);
            assert_int_equal(tree->ties[tie].number, number);
        }
        free(targets);
    }
    assert_int_equal(tree->n_ties, tie);
}

static void the_tree_says_what_every_object_says_of_itself(void **state)
{
    struct fixture *f = *state;
    struct guid targets[2], luns[2];
    struct array_tree tree;

    furnish(f, targets, luns);
    assert_hr(array_tree_get(f->array, ALL, &tree), S_OK);
    expect_ids(f, ARRAY_PORTALS, tree.portals, tree.n_portals, sizeof *tree.portals);
    expect_ids(f, ARRAY_TARGETS, tree.targets, tree.n_targets, sizeof *tree.targets);
    expect_ids(f, ARRAY_LUNS, tree.luns, tree.n_luns, sizeof *tree.luns);
    for (size_t i = 0; i < tree.n_portals; i++)
        assert_int_equal(tree.portals[i].status, portal_status_of(f, (unsigned)i));
    expect_groups(f, &tree);
    expect_luns(f, &tree);
    assert_int_equal(tree.n_groups, 3);
    assert_int_equal(tree.n_members, 4);
    assert_int_equal(tree.n_ties, 3);
    array_tree_fini(&tree);
    assert_null(tree.portals);
}

static void parts_that_are_not_asked_for_stay_empty(void **state)
{
    struct fixture *f = *state;
    struct guid targets[2], luns[2];
    struct array_tree tree;

    furnish(f, targets, luns);
    assert_hr(array_tree_get(f->array, 0, &tree), S_OK);
    assert_true(
        tree.n_portals + tree.n_targets + tree.n_groups + tree.n_members + tree.n_luns + tree.n_ties == 0);
    array_tree_fini(&tree);
    assert_hr(array_tree_get(f->array, ARRAY_TREE_GROUPS, &tree), S_OK);
    assert_true(tree.n_groups == 3 && tree.n_members == 4 && tree.n_targets == 0 && !tree.targets &&
                tree.n_luns == 0);
    array_tree_fini(&tree);
    assert_hr(array_tree_get(f->array, ALL, NULL), E_INVALIDARG);
}

static void a_portal_that_leaves_is_told_until_it_has_left(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), group = a_group(f, &target);
    struct array_op *op = NULL;
    struct array_tree tree;

    assert_hr(add_portal(f, &group, &f->portal[0]), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 1);
    fake.hold_drains = true;
    assert_hr(array_group_remove_portal(f->array, &group, &f->portal[0], 10000, &op), S_OK);
    fake_drains_wait(1);
    assert_hr(array_tree_get(f->array, ALL, &tree), S_OK);
    assert_int_equal(tree.n_members, 1);
    array_tree_fini(&tree);
    assert_hr(array_op_cancel(op), S_OK);
    assert_hr(finish_op(S_OK, op, NULL), VDS_E_OPERATION_CANCELED);
    fake.hold_drains = false;
    assert_hr(remove_portal(f, &group, &f->portal[0]), S_OK);
    assert_hr(array_tree_get(f->array, ALL, &tree), S_OK);
    assert_int_equal(tree.n_members, 0);
    array_tree_fini(&tree);
}

static void a_cache_that_is_corrupt_tells_nothing_until_refresh(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f);
    struct array_tree tree;

    f->array->corrupt = true;
    assert_hr(array_tree_get(f->array, ALL, &tree), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(array_reenumerate(f->array), S_OK);
    assert_hr(array_refresh(f->array), S_OK);
    assert_hr(array_tree_get(f->array, ALL, &tree), S_OK);
    assert_int_equal(tree.n_targets, 1);
    assert_memory_equal(&tree.targets[0].id, &target, sizeof target);
    array_tree_fini(&tree);
}

static void while_it_has_failed_or_is_being_refreshed_the_array_refuses(void **state)
{
    struct fixture *f = *state;
    struct array_tree tree;

    f->array->failed = true;
    assert_hr(array_tree_get(f->array, ALL, &tree), VDS_E_OBJECT_STATUS_FAILED);
    f->array->failed = false;
    f->array->subsystem.closing = true;
    assert_hr(array_tree_get(f->array, ALL, &tree), VDS_E_ANOTHER_CALL_IN_PROGRESS);
    f->array->subsystem.closing = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_tree_says_what_every_object_says_of_itself),
        TEST(parts_that_are_not_asked_for_stay_empty),
        TEST(a_portal_that_leaves_is_told_until_it_has_left),
        TEST(a_cache_that_is_corrupt_tells_nothing_until_refresh),
        TEST(while_it_has_failed_or_is_being_refreshed_the_array_refuses),
    };

    return RUN_TESTS(tests);
}
