/* SPDX-License-Identifier: MIT */
#include "../unit_test.h"

#include <string.h>

#include "cli/width.h"

static size_t width(const char *text)
{
    return width_of(text, strlen(text));
}

static void letters_have_the_columns_of_a_terminal(void **state)
{
    (void)state;
    assert_int_equal(width(""), 0);
    assert_int_equal(width("disk"), 4);
    assert_int_equal(width("Gr\xc3\xb6\xc3\x9f" "e"), 5);
    assert_int_equal(width("\xe6\x95\xb0\xe6\x8d\xae"), 4); /* two of CJK */
    assert_int_equal(width("\xf0\x9f\x98\x80"), 2);
    assert_int_equal(width("e\xcc\x81"), 1); /* an accent of its own */
    assert_int_equal(width("a\xff" "b\xe2\x82"), 5); /* what is no letter: a column a byte */
}

static void a_cut_leaves_whole_letters_that_fit(void **state)
{
    static const char text[] = "a\xe6\x95\xb0" "b";

    (void)state;
    for (size_t columns = 0; columns < 6; columns++) {
        static const size_t bytes[] = { 0, 1, 1, 4, 5, 5 };

        assert_int_equal(width_cut(text, strlen(text), columns), bytes[columns]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_have_the_columns_of_a_terminal),
        cmocka_unit_test(a_cut_leaves_whole_letters_that_fit),
    };

    return RUN_TESTS(tests);
}
