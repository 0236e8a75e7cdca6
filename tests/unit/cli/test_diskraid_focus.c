/* SPDX-License-Identifier: MIT */
/* Focus and numbers; without a service, so objects have no interfaces. */
#include "../unit_test.h"

#include "cli/diskraid/kinds.h"

static struct shell shell;

static int setup(void **state)
{
    (void)state;
    shell = (struct shell){ 0 };
    return 0;
}

static void focus(enum kind kind, unsigned number)
{
    struct object object = { .number = number };

    focus_set(&shell, kind, &object);
    assert_true(focus_has(&shell, kind));
}

/* Everything that can have focus at once. */
static void focus_inside(enum kind kind)
{
    shell = (struct shell){ 0 };
    focus(KIND_PROVIDER, 0);
    focus(KIND_SUBSYSTEM, 0);
    for (int k = 0; k < N_KINDS; k++) {
        if (k != KIND_PLEX && kind_defs[k].inside != KIND_NONE && k != (int)kind)
            shell.focused |= KIND_BIT(k);
    }
}

#define IN_SUBSYSTEM                                                                               \
    (KIND_BIT(KIND_CONTROLLER) | KIND_BIT(KIND_PORT) | KIND_BIT(KIND_DRIVE) | KIND_BIT(KIND_LUN) | \
     KIND_BIT(KIND_TPORTAL) | KIND_BIT(KIND_TARGET) | KIND_BIT(KIND_TPGROUP))

static void each_of_these_takes_the_focus_from_the_others(void **state)
{
    static const enum kind kinds[] = { KIND_CONTROLLER, KIND_DRIVE, KIND_LUN, KIND_TPORTAL, KIND_TARGET };

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        focus_inside(kinds[i]);
        focus(kinds[i], 3);
        assert_int_equal(shell.focused & IN_SUBSYSTEM, KIND_BIT(kinds[i]));
        assert_true(focus_has(&shell, KIND_SUBSYSTEM) && focus_has(&shell, KIND_PROVIDER));
    }
}

static void a_port_and_a_group_leave_their_parent_in_focus(void **state)
{
    (void)state;
    focus(KIND_SUBSYSTEM, 0);
    focus(KIND_CONTROLLER, 1);
    focus(KIND_PORT, 2);
    assert_true(focus_has(&shell, KIND_CONTROLLER));
    focus(KIND_TARGET, 1);
    assert_false(focus_has(&shell, KIND_PORT));
    focus(KIND_TPGROUP, 0);
    assert_true(focus_has(&shell, KIND_TARGET));
}

static void another_parent_takes_the_focus_from_the_children(void **state)
{
    (void)state;
    focus(KIND_SUBSYSTEM, 0);
    focus(KIND_TARGET, 0);
    focus(KIND_TPGROUP, 0);
    focus(KIND_TARGET, 1);
    assert_false(focus_has(&shell, KIND_TPGROUP));
    focus(KIND_SUBSYSTEM, 1);
    assert_int_equal(shell.focused & IN_SUBSYSTEM, 0);
    focus(KIND_LUN, 0);
    focus_clear(&shell, KIND_SUBSYSTEM);
    assert_int_equal(shell.focused, 0);
}

static void the_host_has_one_thing_in_focus_and_a_portal_of_it(void **state)
{
    (void)state;
    focus(KIND_IADAPTER, 0);
    focus(KIND_IPORTAL, 0);
    assert_true(focus_has(&shell, KIND_IADAPTER));
    focus(KIND_HBAPORT, 0);
    assert_int_equal(shell.focused, KIND_BIT(KIND_HBAPORT));
    focus(KIND_IADAPTER, 1);
    assert_int_equal(shell.focused, KIND_BIT(KIND_IADAPTER));
}

static void what_is_needed_is_missing_or_not(void **state)
{
    (void)state;
    focus(KIND_SUBSYSTEM, 0);
    assert_int_equal(focus_need(&shell, KIND_BIT(KIND_SUBSYSTEM)), OUTCOME_DONE);
    assert_int_equal(focus_need(&shell, KIND_BIT(KIND_SUBSYSTEM) | KIND_BIT(KIND_LUN)), OUTCOME_SELECTION);
    assert_int_equal(focus_need(&shell, 0), OUTCOME_DONE);
}

static void an_object_without_a_face_does_not_offer_anything(void **state)
{
    void *face;

    (void)state;
    focus(KIND_PORT, 0);
    assert_int_equal(focus_face(&shell, KIND_PORT, &IID_IVdsMaintenance, &face), VDS_E_NOT_SUPPORTED);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static GUID id(unsigned n)
{
    return (GUID){ .Data1 = n };
}

static void numbers_count_from_0_and_stay(void **state)
{
    struct numbers numbers = { 0 };
    GUID none = id(0);
    unsigned number;

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 1000; i++) {
            GUID one = id(i + 1);

            assert_int_equal(numbers_of(&numbers, KIND_LUN, &none, &one, &number), 0);
            assert_int_equal(number, i);
        }
    }
    numbers_fini(&numbers);
}

static void each_scope_counts_for_itself(void **state)
{
    struct numbers numbers = { 0 };
    GUID a = id(1), b = id(2), x = id(10), y = id(11);
    unsigned number;

    (void)state;
    assert_int_equal(numbers_of(&numbers, KIND_TPGROUP, &a, &x, &number), 0);
    assert_int_equal(number, 0);
    assert_int_equal(numbers_of(&numbers, KIND_TPGROUP, &b, &y, &number), 0);
    assert_int_equal(number, 0);
    assert_int_equal(numbers_of(&numbers, KIND_LUN, &a, &y, &number), 0);
    assert_int_equal(number, 0);
    assert_int_equal(numbers_of(&numbers, KIND_TPGROUP, &a, &y, &number), 0);
    assert_int_equal(number, 1);
    numbers_fini(&numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_of_these_takes_the_focus_from_the_others, setup),
        cmocka_unit_test_setup(a_port_and_a_group_leave_their_parent_in_focus, setup),
        cmocka_unit_test_setup(another_parent_takes_the_focus_from_the_children, setup),
        cmocka_unit_test_setup(the_host_has_one_thing_in_focus_and_a_portal_of_it, setup),
        cmocka_unit_test_setup(what_is_needed_is_missing_or_not, setup),
        cmocka_unit_test_setup(an_object_without_a_face_does_not_offer_anything, setup),
        cmocka_unit_test(numbers_count_from_0_and_stay),
        cmocka_unit_test(each_scope_counts_for_itself),
    };

    return RUN_TESTS(tests);
}
