/* SPDX-License-Identifier: MIT */
/* The table (target, portal) -> tag by itself: no reactor, no socket. */
#include "../unit_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "target/directory.h"

struct fixture {
    struct target_directory dir;
    struct guid target_a, target_b, portal_1, portal_2;
};

static struct guid numbered(uint32_t n)
{
    return (struct guid){ .data1 = n, .data4 = { 1 } };
}

static struct sockaddr_storage address(uint16_t port)
{
    struct sockaddr_storage addr = { 0 };

    *(struct sockaddr_in *)&addr = (struct sockaddr_in){ .sin_family = AF_INET,
                                                         .sin_port = htons(port),
                                                         .sin_addr.s_addr = htonl(0xc0000201) };
    return addr;
}

static void open_portal(struct fixture *f, const struct guid *portal, uint16_t port)
{
    struct sockaddr_storage addr = address(port);

    assert_int_equal(target_dir_portal_open(&f->dir, portal, &addr, NULL), 0);
}

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){
        .target_a = numbered(1), .target_b = numbered(2), .portal_1 = numbered(11), .portal_2 = numbered(12)
    };
    assert_int_equal(target_dir_init(&f.dir), 0);
    assert_int_equal(target_dir_target_add(&f.dir, &f.target_a, "iqn.2024-01.test:a", NULL), 0);
    assert_int_equal(target_dir_target_add(&f.dir, &f.target_b, "iqn.2024-01.test:b", "alias"), 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    struct target_listener *listener;

    while (!list_empty(&f->dir.targets)) {
        struct dir_target *target = container_of(f->dir.targets.next, struct dir_target, link);

        target_dir_target_hide(&f->dir, target);
        target_dir_target_free(&f->dir, target);
    }
    target_dir_portal_close(&f->dir, &f->portal_1, &listener);
    target_dir_portal_close(&f->dir, &f->portal_2, &listener);
    assert_int_equal(f->dir.portals.n, 0); /* a portal that is closed and in no pair leaves nothing behind */
    target_dir_fini(&f->dir);
    return 0;
}

static void a_name_or_id_that_is_taken_is_refused_in_either_case(void **state)
{
    struct fixture *f = *state;
    struct guid other = numbered(3);
    char too_long[ISCSI_NAME_MAX + 2];

    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    assert_int_equal(target_dir_target_add(&f->dir, &other, "iqn.2024-01.TEST:A", NULL), -EEXIST);
    assert_int_equal(target_dir_target_add(&f->dir, &f->target_a, "iqn.2024-01.test:c", NULL), -EEXIST);
    assert_int_equal(target_dir_target_add(&f->dir, &other, "", NULL), -EINVAL);
    assert_int_equal(target_dir_target_add(&f->dir, &other, too_long, NULL), -EINVAL);
    assert_non_null(target_dir_target_by_name(&f->dir, "IQN.2024-01.test:a"));
}

static void a_portal_is_once_in_a_target_and_shared_between_targets(void **state)
{
    struct fixture *f = *state;
    struct guid nobody = numbered(99);

    assert_int_equal(target_dir_path_add(&f->dir, &f->target_a, &f->portal_1, 1), 0);
    assert_int_equal(target_dir_path_add(&f->dir, &f->target_a, &f->portal_1, 2), -EEXIST);
    assert_int_equal(target_dir_path_add(&f->dir, &f->target_b, &f->portal_1, 7), 0);
    assert_int_equal(target_dir_path_add(&f->dir, &nobody, &f->portal_1, 1), -ENOENT);
    assert_int_equal(target_dir_path(target_dir_target(&f->dir, &f->target_a), &f->portal_1)->tag, 1);
    assert_int_equal(target_dir_path(target_dir_target(&f->dir, &f->target_b), &f->portal_1)->tag, 7);
    assert_null(target_dir_path(target_dir_target(&f->dir, &f->target_b), &f->portal_2));
}

static void a_pair_is_open_only_while_its_portal_is(void **state)
{
    struct fixture *f = *state;
    struct target_listener *listener;
    struct dir_path *path;

    assert_int_equal(target_dir_path_add(&f->dir, &f->target_a, &f->portal_1, 1), 0);
    path = target_dir_path(target_dir_target(&f->dir, &f->target_a), &f->portal_1);
    assert_false(target_dir_path_is_open(path));
    open_portal(f, &f->portal_1, 3260);
    assert_true(target_dir_path_is_open(path));
    assert_string_equal(path->portal->address, "192.0.2.1:3260");
    path->state = PATH_DRAINING;
    assert_false(target_dir_path_is_open(path));
    path->state = PATH_LISTED;
    assert_int_equal(target_dir_portal_close(&f->dir, &f->portal_1, &listener), 0);
    assert_false(target_dir_path_is_open(path));
    assert_int_equal(target_dir_portal_close(&f->dir, &f->portal_1, &listener), -ENOENT);
}

static void a_twin_is_another_open_portal_of_the_same_group(void **state)
{
    struct fixture *f = *state;
    struct dir_target *target = target_dir_target(&f->dir, &f->target_a);
    struct guid portal_3 = numbered(13);
    struct dir_path *first;

    open_portal(f, &f->portal_1, 3260);
    target_dir_path_add(&f->dir, &f->target_a, &f->portal_1, 1);
    target_dir_path_add(&f->dir, &f->target_a, &f->portal_2, 1);
    target_dir_path_add(&f->dir, &f->target_a, &portal_3, 2);
    first = target_dir_path(target, &f->portal_1);
    assert_null(target_dir_twin(first)); /* not open */
    open_portal(f, &f->portal_2, 3261);
    assert_ptr_equal(target_dir_twin(first), target_dir_path(target, &f->portal_2));
    target_dir_path(target, &f->portal_2)->tag = 2;
    assert_null(target_dir_twin(first)); /* another group is no twin */
}

static void secrets_of_an_initiator_win_over_those_of_everyone(void **state)
{
    const struct iscsi_secret everyone = { "for-everyone", 12 }, own = { "only-for-one", 12 };
    struct iscsi_auth found;
    struct dir_auth auth;

    (void)state;
    target_auth_init(&auth);
    target_auth_find(&auth, "iqn.a", "iqn.t", &found);
    assert_false(found.required);
    assert_int_equal(target_auth_set(&auth, NULL, &everyone, false), 0);
    assert_int_equal(target_auth_set(&auth, "iqn.a", &own, false), 0);
    target_auth_find(&auth, "IQN.A", "iqn.t", &found);
    assert_true(found.required);
    assert_memory_equal(found.in.bytes, own.bytes, 12);
    assert_int_equal(found.mutual.len, 0);
    assert_string_equal(found.mutual_user, "iqn.t");
    assert_int_equal(target_auth_set(&auth, "iqn.a", &own, true), 0);
    target_auth_find(&auth, "iqn.a", "iqn.t", &found);
    assert_int_equal(found.mutual.len, 12);
    assert_int_equal(target_auth_set(&auth, "iqn.a", NULL, false), 0);
    assert_int_equal(target_auth_set(&auth, "iqn.a", NULL, true), 0);
    assert_int_equal(target_auth_set(&auth, "iqn.nobody", NULL, true), 0);
    target_auth_find(&auth, "iqn.a", "iqn.t", &found);
    assert_memory_equal(found.in.bytes, everyone.bytes, 12);
    assert_true(list_empty(&auth.by_initiator));
    target_auth_fini(&auth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_name_or_id_that_is_taken_is_refused_in_either_case, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_portal_is_once_in_a_target_and_shared_between_targets, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_pair_is_open_only_while_its_portal_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_twin_is_another_open_portal_of_the_same_group, set_up, tear_down),
        cmocka_unit_test(secrets_of_an_initiator_win_over_those_of_everyone),
    };

    return RUN_TESTS(tests);
}
