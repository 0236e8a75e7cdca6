/* SPDX-License-Identifier: MIT */
/* Enumerations: snapshots with the exact S_OK / S_FALSE rules of IEnumVdsObject. */
#include "com_check.h"

#define N 5

/* N objects to enumerate; enumerations themselves will do. */
static IUnknown *members[N];

static int make_members(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++) {
        IEnumVdsObject *e;

        if (com_enum_create(NULL, 0, &e) != S_OK)
            return -1;
        members[i] = (IUnknown *)e;
    }
    return 0;
}

static int drop_members(void **state)
{
    for (int i = 0; i < N; i++)
        IUnknown_Release(members[i]);
    return com_check_nothing_alive(state);
}

static IEnumVdsObject *list_of(size_t n)
{
    IEnumVdsObject *e = NULL;

    assert_int_equal(com_enum_create(members, n, &e), S_OK);
    return e;
}

static void expect_next(IEnumVdsObject *e, int member)
{
    IUnknown *object = NULL;
    ULONG n = 99;

    assert_int_equal(IEnumVdsObject_Next(e, 1, &object, &n), S_OK);
    assert_int_equal(n, 1);
    assert_ptr_equal(object, members[member]);
    IUnknown_Release(object);
}

static void expect_end(IEnumVdsObject *e)
{
    IUnknown *object = members[0];
    ULONG n = 99;

    assert_int_equal(IEnumVdsObject_Next(e, 1, &object, &n), S_FALSE);
    assert_int_equal(n, 0);
    assert_null(object);
}

static void members_come_in_order_and_then_false(void **state)
{
    _cleanup_(com_releasep) IEnumVdsObject *e = list_of(N);

    (void)state;
    for (int i = 0; i < N; i++)
        expect_next(e, i);
    expect_end(e);
    expect_end(e);
}

static void an_empty_enumeration_is_a_success_with_nothing_in_it(void **state)
{
    _cleanup_(com_releasep) IEnumVdsObject *e = list_of(0);

    (void)state;
    expect_end(e);
    assert_int_equal(IEnumVdsObject_Skip(e, 0), S_OK);
    assert_int_equal(IEnumVdsObject_Skip(e, 1), S_FALSE);
    assert_int_equal(IEnumVdsObject_Reset(e), S_OK);
}

static void asking_for_more_than_there_is_gives_the_rest_and_false(void **state)
{
    _cleanup_(com_releasep) IEnumVdsObject *e = list_of(N);
    IUnknown *objects[N + 2];
    ULONG n = 0;

    (void)state;
    expect_next(e, 0);
    for (int i = 0; i < N + 2; i++)
        objects[i] = members[0];
    assert_int_equal(IEnumVdsObject_Next(e, N + 2, objects, &n), S_FALSE);
    assert_int_equal(n, N - 1);
    for (int i = 0; i < N + 2; i++) {
        assert_ptr_equal(objects[i], i < N - 1 ? members[i + 1] : NULL);
        if (objects[i])
            IUnknown_Release(objects[i]);
    }
}

static void exactly_as_many_as_asked_is_true_even_at_the_end(void **state)
{
    _cleanup_(com_releasep) IEnumVdsObject *e = list_of(N);
    IUnknown *objects[N];
    ULONG n = 0;

    (void)state;
    assert_int_equal(IEnumVdsObject_Next(e, N, objects, &n), S_OK);
    assert_int_equal(n, N);
    for (int i = 0; i < N; i++)
        IUnknown_Release(objects[i]);
    assert_int_equal(IEnumVdsObject_Next(e, 0, objects, &n), S_OK);
    assert_int_equal(n, 0);
}

static void skipping_past_the_end_is_false_and_stands_at_the_end(void **state)
{
    _cleanup_(com_releasep) IEnumVdsObject *e = list_of(N);

    (void)state;
    assert_int_equal(IEnumVdsObject_Skip(e, 2), S_OK);
    expect_next(e, 2);
    assert_int_equal(IEnumVdsObject_Skip(e, 2), S_OK);
    expect_end(e);
    assert_int_equal(IEnumVdsObject_Reset(e), S_OK);
    assert_int_equal(IEnumVdsObject_Skip(e, UINT32_MAX), S_FALSE);
    expect_end(e);
    assert_int_equal(IEnumVdsObject_Reset(e), S_OK);
    expect_next(e, 0);
}

static void a_clone_stands_where_the_original_stood_and_then_goes_its_own_way(void **state)
{
    IEnumVdsObject *e = list_of(N), *clone = NULL;

    (void)state;
    expect_next(e, 0);
    assert_int_equal(IEnumVdsObject_Clone(e, &clone), S_OK);
    expect_next(e, 1);
    IEnumVdsObject_Release(e);
    expect_next(clone, 1);
    assert_int_equal(IEnumVdsObject_Reset(clone), S_OK);
    expect_next(clone, 0);
    IEnumVdsObject_Release(clone);
}

static void null_pointers_are_invalid_arguments_and_move_nothing(void **state)
{
    _cleanup_(com_releasep) IEnumVdsObject *e = list_of(N);
    IUnknown *object = members[0];
    ULONG n = 99;

    (void)state;
    assert_int_equal(IEnumVdsObject_Next(e, 1, NULL, &n), E_INVALIDARG);
    assert_int_equal(n, 0);
    assert_int_equal(IEnumVdsObject_Next(e, 1, &object, NULL), E_INVALIDARG);
    assert_null(object);
    assert_int_equal(IEnumVdsObject_Clone(e, NULL), E_INVALIDARG);
    expect_next(e, 0);
}

#define enum_test(f) cmocka_unit_test_setup_teardown(f, make_members, drop_members)

int main(void)
{
    const struct CMUnitTest tests[] = {
        enum_test(members_come_in_order_and_then_false),
        enum_test(an_empty_enumeration_is_a_success_with_nothing_in_it),
        enum_test(asking_for_more_than_there_is_gives_the_rest_and_false),
        enum_test(exactly_as_many_as_asked_is_true_even_at_the_end),
        enum_test(skipping_past_the_end_is_false_and_stands_at_the_end),
        enum_test(a_clone_stands_where_the_original_stood_and_then_goes_its_own_way),
        enum_test(null_pointers_are_invalid_arguments_and_move_nothing),
    };

    return RUN_TESTS(tests);
}
