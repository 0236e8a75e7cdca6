/* SPDX-License-Identifier: MIT */
#include "../unit_test.h"

#include <string.h>

#include <stdio.h>
#include <stdlib.h>

#include "cli/diskraid/token.h"

static struct tokens tokens;

static enum token_error split(const char *line)
{
    return tokens_split(line, strlen(line), &tokens);
}

static void assert_words(const char *line, unsigned n, const char *const *words)
{
    assert_int_equal(split(line), TOKEN_OK);
    assert_int_equal(tokens.n, n);
    for (unsigned i = 0; i < n; i++)
        assert_string_equal(tokens.word[i], words[i]);
}
#define ASSERT_WORDS(line, ...)                                                  \
    assert_words(line, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *), \
                 (const char *const[]){ __VA_ARGS__ })

static void words_stand_between_blanks_and_tabs(void **state)
{
    (void)state;
    ASSERT_WORDS("select lun 5", "select", "lun", "5");
    ASSERT_WORDS(" \t select\t\tlun  5 \r\n", "select", "lun", "5");
    ASSERT_WORDS("size=10GB", "size=10GB");
}

static void quotes_keep_blanks_and_vanish(void **state)
{
    (void)state;
    ASSERT_WORDS("name lun \"my disk\"", "name", "lun", "my disk");
    ASSERT_WORDS("create target name=\"my box\" noerr", "create", "target", "name=my box", "noerr");
    ASSERT_WORDS("name lun \"\"", "name", "lun", "");
    ASSERT_WORDS("name lun \"a \"\"b\"\" c\"", "name", "lun", "a \"b\" c");
    ASSERT_WORDS("\"se\"lect", "select");
}

static void a_comment_and_an_empty_line_have_no_words(void **state)
{
    static const char *const lines[] = { "",       "   \t",          "\r\n",
                                         "rem",    "REM create lun", "  Rem \"open quote",
                                         "rem\tx", "rem \x01\xff" };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(split(lines[i]), TOKEN_OK);
        assert_int_equal(tokens.n, 0);
    }
    assert_int_equal(tokens_split("rem a\0b", 7, &tokens), TOKEN_OK);
    assert_int_equal(tokens.n, 0);
}

static void remove_is_no_comment(void **state)
{
    (void)state;
    ASSERT_WORDS("remove tpgroup", "remove", "tpgroup");
}

static void an_open_quote_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(split("name lun \"my disk"), TOKEN_QUOTE_OPEN);
    assert_int_equal(split("\""), TOKEN_QUOTE_OPEN);
}

static void control_characters_are_an_error(void **state)
{
    (void)state;
    assert_int_equal(tokens_split("list\0luns", 9, &tokens), TOKEN_CONTROL_CHARACTER);
    assert_int_equal(split("name lun \x1b[31mred"), TOKEN_CONTROL_CHARACTER);
    assert_int_equal(split("name lun a\rb"), TOKEN_CONTROL_CHARACTER);
    assert_int_equal(split("name lun \x7f"), TOKEN_CONTROL_CHARACTER);
    assert_int_equal(split("name lun \"a\tb\""), TOKEN_CONTROL_CHARACTER);
    assert_int_equal(split("name lun a\xc2\x9b" "31m"), TOKEN_CONTROL_CHARACTER); /* CSI, as one character */
    ASSERT_WORDS("name lun a\xc2\xa0" "b", "name", "lun", "a\xc2\xa0" "b");
}

static void words_that_are_not_utf8_are_an_error(void **state)
{
    (void)state;
    ASSERT_WORDS("name lun caf\xc3\xa9", "name", "lun", "caf\xc3\xa9");
    assert_int_equal(split("name lun caf\xe9"), TOKEN_NOT_UTF8);
    assert_int_equal(split("name lun \xed\xa0\x80"), TOKEN_NOT_UTF8);
}

static void a_line_has_a_longest_length(void **state)
{
    char line[LINE_LENGTH_MAX + 2];

    (void)state;
    memset(line, 'a', sizeof line);
    assert_int_equal(tokens_split(line, LINE_LENGTH_MAX, &tokens), TOKEN_OK);
    assert_int_equal(tokens.n, 1);
    assert_int_equal(strlen(tokens.word[0]), LINE_LENGTH_MAX);
    assert_int_equal(tokens_split(line, LINE_LENGTH_MAX + 1, &tokens), TOKEN_LINE_TOO_LONG);
    memset(line, ' ', 100); /* blanks in front do not make a cut line short enough */
    assert_int_equal(tokens_split(line, LINE_LENGTH_MAX + 1, &tokens), TOKEN_LINE_TOO_LONG);
}

static void a_line_has_a_largest_number_of_words(void **state)
{
    char line[2 * TOKENS_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof line; i++)
        line[i] = i % 2 ? ' ' : 'a';
    assert_int_equal(tokens_split(line, 2 * TOKENS_MAX, &tokens), TOKEN_OK);
    assert_int_equal(tokens.n, TOKENS_MAX);
    assert_int_equal(tokens_split(line, 2 * TOKENS_MAX + 1, &tokens), TOKEN_TOO_MANY_WORDS);
}

/* No input writes past the buffer (the sanitizers watch) or gives words that do not end. */
static void any_bytes_are_split_or_refused(void **state)
{
    unsigned seed = 1;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char line[64];
        size_t len = (size_t)rand_r(&seed) % sizeof line;

        for (size_t i = 0; i < len; i++)
            line[i] = "a \"=,\t\r\nrem\x01\xc3\xa9"[rand_r(&seed) % 15];
        if (tokens_split(line, len, &tokens) == TOKEN_OK) {
            for (unsigned i = 0; i < tokens.n; i++)
                assert_true(tokens.word[i] + strlen(tokens.word[i]) < tokens.buffer + sizeof tokens.buffer);
        }
    }
}

static void every_error_has_a_sentence(void **state)
{
    (void)state;
    for (int e = TOKEN_LINE_TOO_LONG; e <= TOKEN_NOT_UTF8; e++)
        assert_true(*token_error_text(e));
    assert_string_equal(token_error_text(TOKEN_OK), "");
    assert_string_equal(token_error_text(99), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_stand_between_blanks_and_tabs),
        cmocka_unit_test(quotes_keep_blanks_and_vanish),
        cmocka_unit_test(a_comment_and_an_empty_line_have_no_words),
        cmocka_unit_test(remove_is_no_comment),
        cmocka_unit_test(an_open_quote_is_an_error),
        cmocka_unit_test(control_characters_are_an_error),
        cmocka_unit_test(words_that_are_not_utf8_are_an_error),
        cmocka_unit_test(a_line_has_a_longest_length),
        cmocka_unit_test(a_line_has_a_largest_number_of_words),
        cmocka_unit_test(any_bytes_are_split_or_refused),
        cmocka_unit_test(every_error_has_a_sentence),
    };

    return RUN_TESTS(tests);
}
