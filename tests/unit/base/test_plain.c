/* SPDX-License-Identifier: MIT */
#include "../unit_test.h"

#include <string.h>

#include "base/plain.h"

static void text_without_control_characters_is_plain(void **state)
{
    static const char *const plain[] = { "", "a b", "Größe", "\xe2\x82\xac", "\xf0\x9f\x92\xbe", "\xc2\xa0" };
    static const char *const not [] = { "\n",   "\x1b[31m", "\x7f",         "a\xc2\x9bz", "\xff",
                                        "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xc0\x80" };

    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        assert_true(text_is_plain(plain[i]));
    for (size_t i = 0; i < sizeof not / sizeof *not; i++)
        assert_false(text_is_plain(not[i]));
}

static void assert_shown(const char *text, size_t room, const char *expected)
{
    char out[64];

    memset(out, '#', sizeof out);
    text_show(text, out, room);
    assert_string_equal(out, expected);
    assert_true(strlen(out) < room);
}

static void what_is_not_plain_is_shown_byte_by_byte(void **state)
{
    (void)state;
    assert_shown("Gr\xc3\xb6\xc3\x9f" "e", 64, "Gr\xc3\xb6\xc3\x9f" "e");
    assert_shown("\x1b[31mred\a", 64, "\\x1b[31mred\\x07");
    assert_shown("a\xc2\x9b" "b\xff", 64, "a\\xc2\\x9bb\\xff");
    assert_shown("one\ntwo", 64, "one\\x0atwo");
}

static void what_has_no_room_is_cut_off_between_characters(void **state)
{
    (void)state;
    assert_shown("abcdefgh", 9, "abcdefgh");
    assert_shown("abcdefgh", 8, "abcd...");
    assert_shown("abc\xc3\xb6" "def", 8, "abc...");
    assert_shown("abcdefgh", 4, "...");
    assert_shown("\x1b\x1b", 5, "...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_without_control_characters_is_plain),
        cmocka_unit_test(what_is_not_plain_is_shown_byte_by_byte),
        cmocka_unit_test(what_has_no_room_is_cut_off_between_characters),
    };

    return RUN_TESTS(tests);
}
