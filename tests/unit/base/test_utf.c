/* SPDX-License-Identifier: MIT */
#include "../unit_test.h"

#include <errno.h>
#include <stdlib.h>

#include "base/utf.h"

static void every_length_of_utf8_survives_utf16_and_back(void **state)
{
    const char *text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xbe"; /* 1, 2, 3 and 4 bytes */
    uint16_t wide[6];
    char *back;

    (void)state;
    assert_int_equal(utf8_to_utf16(text, wide, 6), 0);
    assert_int_equal(wide[1], 0xe9);
    assert_int_equal(wide[3], 0xd83d);
    assert_int_equal(wide[4], 0xdcbe);
    assert_int_equal(utf16_to_utf8(wide, &back), 0);
    assert_string_equal(back, text);
    free(back);
}

static void a_buffer_one_unit_short_is_refused(void **state)
{
    uint16_t wide[3];

    (void)state;
    assert_int_equal(utf8_to_utf16("abc", wide, 3), -ENOBUFS);
}

static void malformed_utf8_is_refused(void **state)
{
    static const char *const bad[] = { "\x80",         "\xc0\x80",         "\xe2\x82",
                                       "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff" };
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(utf16_length(bad[i], &n), -EILSEQ);
}

static void unpaired_surrogates_are_refused(void **state)
{
    static const uint16_t bad[][3] = { { 0xd83d, 0, 0 }, { 0xdcbe, 0, 0 }, { 0xd83d, 'a', 0 } };
    char *text;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(utf16_to_utf8(bad[i], &text), -EILSEQ);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_of_utf8_survives_utf16_and_back),
        cmocka_unit_test(a_buffer_one_unit_short_is_refused),
        cmocka_unit_test(malformed_utf8_is_refused),
        cmocka_unit_test(unpaired_surrogates_are_refused),
    };

    return RUN_TESTS(tests);
}
