/* SPDX-License-Identifier: MIT */
#include "../unit_test.h"

#include <string.h>

#include "cli/diskraid/grammar.h"

static char offered[2048];

static void found(void *arg, const char *word)
{
    (void)arg;
    strcat(offered, *offered ? " " : "");
    strcat(offered, word);
}

static void assert_offers(const char *line, size_t start, const char *words)
{
    offered[0] = '\0';
    assert_int_equal(grammar_complete(line, strlen(line), found, NULL), start);
    assert_string_equal(offered, words);
}

static void the_first_word_is_a_command(void **state)
{
    (void)state;
    assert_offers("sel", 0, "select");
    assert_offers("  re", 2, "recover reenumerate refresh rem remove replace reset");
    assert_offers("LOG", 0, "login logout");
    assert_offers("x", 0, "");
}

static void the_next_words_are_those_of_the_command(void **state)
{
    (void)state;
    assert_offers("create ", 7, "lun target tpgroup");
    assert_offers("create lun s", 11, "simple stripe");
    assert_offers("cre lun ", 8, "simple stripe raid mirror automagic");
    assert_offers("select tp", 7, "tportal tpgroup");
    assert_offers("importtarget subsystem ", 23, "set");
}

static void then_come_arguments(void **state)
{
    (void)state;
    assert_offers("create lun simple ", 18, "size= drives= noerr");
    assert_offers("login target i", 13, "iadapter= iportal= ips");
    assert_offers("maintenance drive sp", 18, "spindown spinup");
}

static void choices_complete_behind_the_equals_sign(void **state)
{
    (void)state;
    assert_offers("login target type=", 18, "manual persistent boot");
    assert_offers("login target type=p", 18, "persistent");
    assert_offers("setflag drive hotspare=t", 23, "true");
    assert_offers("create lun simple size=", 23, "");
}

static void a_line_that_makes_no_sense_completes_to_nothing(void **state)
{
    (void)state;
    assert_offers("frob ", 5, "");
    assert_offers("create \"lun s", 13, "");
    assert_offers("rem sel", 7, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_word_is_a_command),
        cmocka_unit_test(the_next_words_are_those_of_the_command),
        cmocka_unit_test(then_come_arguments),
        cmocka_unit_test(choices_complete_behind_the_equals_sign),
        cmocka_unit_test(a_line_that_makes_no_sense_completes_to_nothing),
    };

    return RUN_TESTS(tests);
}
