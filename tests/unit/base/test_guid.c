/* SPDX-License-Identifier: MIT */
#include "../unit_test.h"

#include <errno.h>

#include "base/guid.h"

static void a_guid_survives_text_and_back(void **state)
{
    struct guid g, back;
    char text[GUID_TEXT_SIZE];

    (void)state;
    assert_int_equal(guid_generate(&g), 0);
    guid_format(&g, text);
    assert_int_equal(guid_parse(text, &back), 0);
    assert_true(guid_equal(&g, &back));
}

static void braces_and_upper_case_are_accepted(void **state)
{
    struct guid g;
    char text[GUID_TEXT_SIZE];

    (void)state;
    assert_int_equal(guid_parse("{0027346F-40D0-4B45-8CEC-5906DC0380C8}", &g), 0);
    guid_format(&g, text);
    assert_string_equal(text, "0027346f-40d0-4b45-8cec-5906dc0380c8");
}

static void anything_but_a_guid_is_refused(void **state)
{
    static const char *const bad[] = { "",
                                       "{}",
                                       "0027346f",
                                       "0027346f-40d0-4b45-8cec-5906dc0380c8x",
                                       "0027346g-40d0-4b45-8cec-5906dc0380c8",
                                       "0027346f+40d0-4b45-8cec-5906dc0380c8",
                                       "{0027346f-40d0-4b45-8cec-5906dc0380c8" };
    struct guid g;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(guid_parse(bad[i], &g), -EINVAL);
}

static void generated_guids_are_random_version_4(void **state)
{
    struct guid a, b;

    (void)state;
    assert_int_equal(guid_generate(&a), 0);
    assert_int_equal(guid_generate(&b), 0);
    assert_false(guid_equal(&a, &b));
    assert_int_equal(a.data3 >> 12, 4);
    assert_int_equal(a.data4[0] >> 6, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guid_survives_text_and_back),
        cmocka_unit_test(braces_and_upper_case_are_accepted),
        cmocka_unit_test(anything_but_a_guid_is_refused),
        cmocka_unit_test(generated_guids_are_random_version_4),
    };

    return RUN_TESTS(tests);
}
