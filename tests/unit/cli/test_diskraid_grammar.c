/* SPDX-License-Identifier: MIT */
#include "../unit_test.h"

#include <string.h>

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "cli/diskraid/grammar.h"

static struct request request;
static struct grammar_error error;

static int parse(const char *line)
{
    return grammar_parse(line, strlen(line), &request, &error);
}

static void assert_form(const char *line, const char *command, const char *words)
{
    if (parse(line) < 0)
        fail_msg("%s: %s", line, error.text);
    assert_string_equal(request.command->name, command);
    assert_string_equal(request.form->words, words);
}

static void assert_error(const char *line, const char *text)
{
    assert_int_equal(parse(line), -1);
    assert_string_equal(error.text, text);
}

static uint64_t number(enum arg arg)
{
    assert_true(request_has(&request, arg));
    return request.value[arg].number;
}

/* ---- the table ------------------------------------------------------------------------------- */

static void the_table_has_the_36_commands(void **state)
{
    static const char *const names[] = {
        "add",       "associate",       "automagic", "break",   "chap",        "create",  "delete",
        "detail",    "dissociate",      "exit",      "extend",  "flushcache",  "help",    "importtarget",
        "initiator", "invalidatecache", "lbpolicy",  "list",    "login",       "logout",  "maintenance",
        "name",      "offline",         "online",    "recover", "reenumerate", "refresh", "rem",
        "remove",    "replace",         "reset",     "select",  "setflag",     "shrink",  "standby",
        "unmask",
    };

    (void)state;
    assert_int_equal(n_commands, 36);
    for (unsigned i = 0; i < n_commands; i++)
        assert_string_equal(commands[i].name, names[i]);
}

static void no_two_commands_share_an_abbreviation(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_commands; i++) {
        assert_true(commands[i].least >= 3);
        for (size_t len = commands[i].least; len <= strlen(commands[i].name); len++) {
            char word[32];

            snprintf(word, sizeof word, "%.*s", (int)len, commands[i].name);
            assert_ptr_equal(grammar_find(word), &commands[i]);
        }
    }
}

/* Where two forms begin to differ, by whole words. */
static bool differ_in_three_letters(const char *a, const char *b)
{
    while (*a && *b && strcspn(a, " ") == strcspn(b, " ") && strncmp(a, b, strcspn(a, " ")) == 0) {
        a += strcspn(a, " ");
        a += strspn(a, " ");
        b += strcspn(b, " ");
        b += strspn(b, " ");
    }
    return !*a || !*b || strncmp(a, b, 3) != 0;
}

/* "Keywords may be cut to three letters" holds only while neighbours differ in their first three. */
static void neighbours_differ_in_three_letters(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_commands; i++) {
        for (unsigned a = 0; a < commands[i].n_forms; a++) {
            for (unsigned b = a + 1; b < commands[i].n_forms; b++)
                assert_true(differ_in_three_letters(commands[i].forms[a].words, commands[i].forms[b].words));
        }
    }
}

static void arguments_of_a_form_differ_in_three_letters(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_commands; i++) {
        for (unsigned f = 0; f < commands[i].n_forms; f++) {
            const struct form *form = &commands[i].forms[f];

            assert_true(form->run != NULL);
            for (unsigned a = 0; a < form->n_args; a++) {
                for (unsigned b = a + 1; b < form->n_args; b++) {
                    const char *ka = arg_defs[form->args[a]].keyword, *kb = arg_defs[form->args[b]].keyword;

                    assert_true(!ka || !kb || strncmp(ka, kb, 3) != 0);
                }
            }
        }
    }
}

/* ---- commands -------------------------------------------------------------------------------- */

static void case_does_not_matter_and_words_may_be_short(void **state)
{
    (void)state;
    assert_form("SEL LUN 5", "select", "lun");
    assert_int_equal(number(ARG_NUMBER), 5);
    assert_form("Select SubSystem 0", "select", "subsystem");
    assert_form("lis drives", "list", "drives");
    assert_form("list drive", "list", "drives");
    assert_form("cre lun sim SIZ=1 NoErr", "create", "lun simple");
    assert_true(request_has(&request, ARG_NOERR));
}

static void words_that_are_too_short_are_refused(void **state)
{
    (void)state;
    assert_error("se lun 5", "'se' is not a command");
    assert_error("log target", "'log' is not a command");
    assert_error("select lu 5", "'lu' does not belong here");
    assert_error("selects lun", "'selects' is not a command");
}

static void an_empty_line_is_no_command(void **state)
{
    (void)state;
    assert_int_equal(parse(""), 0);
    assert_null(request.command);
    assert_int_equal(parse("rem whatever \" comes"), 0);
    assert_null(request.command);
}

static void the_longest_form_wins(void **state)
{
    (void)state;
    assert_form("importtarget subsystem", "importtarget", "subsystem");
    assert_form("importtarget subsystem set target", "importtarget", "subsystem set target");
    assert_error("importtarget subsystem set", "'set' does not belong here");
    assert_form("automagic", "automagic", "");
    assert_form("automagic set MSR=yes", "automagic", "set");
}

static void a_missing_or_strange_word_is_named(void **state)
{
    (void)state;
    assert_error("create", "a word is missing");
    assert_error("create lun", "a word is missing");
    assert_error("create lun raid6", "'raid6' does not belong here");
    assert_error("create disk simple", "'disk' does not belong here");
    assert_error("list luns now", "'now' does not belong here");
    assert_error("frobnicate", "'frobnicate' is not a command");
    assert_null(error.command);
}

/* ---- arguments ------------------------------------------------------------------------------- */

static void sizes_are_megabytes_or_have_a_unit(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = { { "10", 10ull << 20 }, { "1B", 1 },           { "512b", 512 },
                 { "3KB", 3ull << 10 }, { "3MB", 3ull << 20 }, { "3GB", 3ull << 30 },
                 { "3tb", 3ull << 40 }, { "3PB", 3ull << 50 }, { ".5GB", 512ull << 20 },
                 { "1.5", 3ull << 19 } };
    static const char *const bad[] = { "",     "0",   "0GB",  "GB",     "-1",
                                       "+1",   "1e3", "0x10", "10G",    "10 GB",
                                       "1..5", "nan", "inf",  "8192PB", "99999999999999999999PB",
                                       "0.4B", "1,5" };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t bytes = 0;

        assert_int_equal(size_parse_units(good[i].text, &bytes), 0);
        assert_int_equal(bytes, good[i].bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t bytes;

        if (size_parse_units(bad[i], &bytes) == 0)
            fail_msg("'%s' was taken as %llu", bad[i], (unsigned long long)bytes);
    }
}

static void lists_may_have_blanks_at_their_commas(void **state)
{
    static const char *const lines[] = { "create lun stripe drives=0,1,2", "create lun stripe drives=0, 1, 2",
                                         "create lun stripe drives= 0,1 ,2",
                                         "create lun stripe drives=0 ,1, 2" };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_form(lines[i], "create", "lun stripe");
        assert_int_equal(request.value[ARG_DRIVES].n, 3);
        for (unsigned k = 0; k < 3; k++)
            assert_int_equal(request.items[request.value[ARG_DRIVES].first + k].first, k);
    }
    assert_form("create lun stripe drives=0, 1 size=5 noerr", "create", "lun stripe");
    assert_int_equal(request.value[ARG_DRIVES].n, 2);
    assert_int_equal(number(ARG_SIZE), 5 << 20);
}

static void broken_lists_are_refused(void **state)
{
    static const char *const lines[] = { "associate targets 1,",
                                         "associate targets ,1",
                                         "associate targets 1,,2",
                                         "associate targets a",
                                         "associate targets 1 2",
                                         "associate targets -1",
                                         "associate targets 1-2",
                                         "associate ports 1",
                                         "associate ports 1-",
                                         "associate ports 1-2-3",
                                         "associate ports -",
                                         "associate targets 4294967296",
                                         "associate targets 99999999999999999999",
                                         "unmask lun initiator=a;",
                                         "unmask lun initiator=;a",
                                         "unmask lun initiator=a;;b",
                                         "unmask lun initiator=",
                                         "lbpolicy set lun paths=0-secondary" };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (parse(lines[i]) == 0)
            fail_msg("'%s' was taken", lines[i]);
        assert_non_null(error.command);
    }
}

static void ports_and_paths_are_pairs(void **state)
{
    (void)state;
    assert_form("ASSOCIATE PORTS ADD 0-0,0-1, 1-1", "associate", "ports");
    assert_true(request_has(&request, ARG_ADD));
    assert_int_equal(request.value[ARG_PAIRS].n, 3);
    assert_int_equal(request.items[2].first, 1);
    assert_int_equal(request.items[2].second, 1);
    assert_form("lbpolicy set lun type=weighted paths=0-primary,1-20", "lbpolicy", "set lun");
    assert_int_equal(number(ARG_POLICY), 4);
    assert_int_equal(request.items[0].second, PATH_PRIMARY);
    assert_int_equal(request.items[1].second, 20);
}

static void a_value_may_stand_after_a_blank(void **state)
{
    (void)state;
    assert_form("logout target iadapter= 3", "logout", "target");
    assert_int_equal(number(ARG_IADAPTER), 3);
    assert_int_equal(parse("logout target iadapter="), -1);
}

static void an_empty_secret_stays_empty(void **state)
{
    (void)state;
    assert_form("chap target set secret= initiator=iqn.2026-01.x:a", "chap", "target set");
    assert_string_equal(request.value[ARG_SECRET].text, "");
    assert_string_equal(request.value[ARG_INITIATOR].text, "iqn.2026-01.x:a");
    assert_form("chap initiator set secret=\"a b=c\" target=4", "chap", "initiator set");
    assert_string_equal(request.value[ARG_SECRET].text, "a b=c");
    assert_int_equal(number(ARG_TARGET), 4);
    assert_error("chap target set", "secret is missing");
    assert_error("chap initiator remember secret=x", "target is missing");
}

static void initiators_are_joined_over_blanks(void **state)
{
    (void)state;
    assert_form("unmask lun add initiator=iqn.a:1; iqn.b:2 ;iqn.c:3 uninstall", "unmask", "lun");
    assert_string_equal(request.value[ARG_INITIATORS].text, "iqn.a:1;iqn.b:2;iqn.c:3");
    assert_true(request_has(&request, ARG_ADD));
    assert_true(request_has(&request, ARG_UNINSTALL));
}

static void what_must_be_there_is_asked_for(void **state)
{
    (void)state;
    assert_error("create lun simple", "size or drives is missing");
    assert_error("create lun automagic", "size is missing");
    assert_error("shrink lun", "size is missing");
    assert_error("extend lun noerr", "size or drives is missing");
    assert_error("add tpgroup", "tportal is missing");
    assert_error("create target iscsiname=iqn.x:y", "name is missing");
    assert_error("associate targets add", "a list of numbers is missing");
    assert_error("maintenance lun", "an operation is missing");
    assert_error("unmask lun", "all or none or wwn or initiator is missing");
}

static void what_excludes_each_other_is_refused(void **state)
{
    (void)state;
    assert_error("unmask lun all none", "some of these arguments exclude each other");
    assert_error("unmask lun wwn=0123456789abcdef initiator=iqn.x:y",
                 "some of these arguments exclude each other");
    assert_error("create lun simple size=1 size=2", "size is given twice");
    assert_error("select lun 1 2", "'2' does not belong here");
    assert_error("create lun simple size=1 stripesize=2", "'stripesize' does not belong here");
    assert_error("create lun simple size=ten", "'ten' is not a size, such as 512 (megabytes) or 10GB");
    assert_error("setflag drive hotspare=maybe", "'maybe' is not true or false");
    assert_error("select lun 4294967295", "'4294967295' is not a number");
    assert_error("create lun simple siez=1", "'siez' does not belong here");
    assert_error("break plex", "'plex' needs a value");
    assert_error("create lun simple size", "'size' needs a value");
}

static void secrets_are_not_repeated_in_errors(void **state)
{
    static const char *const lines[] = { "chap target set sekret=topsecret123",
                                         "chap target set secret= topsecret123", "chap secret=topsecret123",
                                         "chap target secret=topsecret123" };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(parse(lines[i]), -1);
        assert_null(strstr(error.text, "topsecret"));
    }
}

static void choices_may_be_short_when_they_are_clear(void **state)
{
    (void)state;
    assert_form("maintenance drive bli count=3", "maintenance", "drive");
    assert_int_equal(number(ARG_OPERATION), 0);
    assert_int_equal(number(ARG_COUNT), 3);
    assert_int_equal(parse("maintenance drive spin"), -1);
    assert_form("maintenance drive spinu", "maintenance", "drive");
    assert_int_equal(number(ARG_OPERATION), 3);
    assert_form("login target iadapter=0 type=persistent chap=mutual ehd EMP", "login", "target");
    assert_int_equal(number(ARG_LOGIN_TYPE), 1);
    assert_int_equal(number(ARG_CHAP), 2);
    assert_true(request_has(&request, ARG_EHD) && request_has(&request, ARG_EMP) &&
                !request_has(&request, ARG_EDD));
}

static void a_name_may_be_anything(void **state)
{
    (void)state;
    assert_form("name lun all", "name", "lun");
    assert_string_equal(request.value[ARG_NEW_NAME].text, "all");
    assert_form("name target \"a=b, c\"", "name", "target");
    assert_string_equal(request.value[ARG_NEW_NAME].text, "a=b, c");
    assert_form("name subsystem", "name", "subsystem");
    assert_false(request_has(&request, ARG_NEW_NAME));
    assert_error("name lun two words", "'words' does not belong here");
}

static void flags_take_the_rest_of_the_line(void **state)
{
    (void)state;
    assert_form("automagic set MSR=yes STS=64KB", "automagic", "set");
    assert_int_equal(request.value[ARG_FLAGS].n, 2);
    assert_string_equal(request.tokens.word[request.value[ARG_FLAGS].first + 1], "STS=64KB");
    assert_form("automagic clear all", "automagic", "clear");
    assert_false(request_has(&request, ARG_FLAGS));
    assert_error("automagic clear", "all or a flag is missing");
}

static void usage_is_made_from_the_table(void **state)
{
    const struct command *c = grammar_find("create");
    char text[256], small[16];

    (void)state;
    grammar_usage(c, &c->forms[1], text, sizeof text);
    assert_string_equal(text,
                        "CREATE LUN STRIPE [SIZE=<size>] [DRIVES=<n>[,<n>...]] [STRIPESIZE=<size>] [NOERR]");
    grammar_usage(c, &c->forms[1], small, sizeof small);
    assert_string_equal(small, "CREATE LUN STRI");
    c = grammar_find("setflag");
    grammar_usage(c, &c->forms[0], text, sizeof text);
    assert_string_equal(text, "SETFLAG DRIVE HOTSPARE={FALSE | TRUE}");
}

static void a_wiped_request_holds_no_secret(void **state)
{
    static const char secret[] = "topsecret123";
    const char *bytes = (const char *)&request;

    (void)state;
    assert_int_equal(parse("chap target set secret=topsecret123"), 0);
    assert_non_null(memmem(bytes, sizeof request, secret, strlen(secret)));
    grammar_wipe(&request);
    assert_null(memmem(bytes, sizeof request, secret, strlen(secret)));
}

static void any_words_are_parsed_or_refused(void **state)
{
    static const char *const words[] = {
        "select",    "create", "lun",       "simple",   "size=1",       "drives=0,",
        ",1",        "noerr",  "associate", "ports",    "0-1",          "-",
        "automagic", "set",    "all",       "MSR=",     "unmask",       "initiator=a;",
        "b",         "\"\"",   "=",         ";",        "chap",         "target",
        "secret=",   "5",      "lbpolicy",  "paths=0-", "importtarget", "subsystem"
    };
    unsigned seed = 7;

    (void)state;
    for (int round = 0; round < 50000; round++) {
        char line[256] = "";
        int n = rand_r(&seed) % 8;

        for (int i = 0; i < n; i++) {
            strcat(line, words[(size_t)rand_r(&seed) % (sizeof words / sizeof words[0])]);
            strcat(line, " ");
        }
        if (parse(line) < 0)
            assert_true(*error.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_has_the_36_commands),
        cmocka_unit_test(no_two_commands_share_an_abbreviation),
        cmocka_unit_test(neighbours_differ_in_three_letters),
        cmocka_unit_test(arguments_of_a_form_differ_in_three_letters),
        cmocka_unit_test(case_does_not_matter_and_words_may_be_short),
        cmocka_unit_test(words_that_are_too_short_are_refused),
        cmocka_unit_test(an_empty_line_is_no_command),
        cmocka_unit_test(the_longest_form_wins),
        cmocka_unit_test(a_missing_or_strange_word_is_named),
        cmocka_unit_test(sizes_are_megabytes_or_have_a_unit),
        cmocka_unit_test(lists_may_have_blanks_at_their_commas),
        cmocka_unit_test(broken_lists_are_refused),
        cmocka_unit_test(ports_and_paths_are_pairs),
        cmocka_unit_test(a_value_may_stand_after_a_blank),
        cmocka_unit_test(an_empty_secret_stays_empty),
        cmocka_unit_test(initiators_are_joined_over_blanks),
        cmocka_unit_test(what_must_be_there_is_asked_for),
        cmocka_unit_test(what_excludes_each_other_is_refused),
        cmocka_unit_test(secrets_are_not_repeated_in_errors),
        cmocka_unit_test(choices_may_be_short_when_they_are_clear),
        cmocka_unit_test(a_name_may_be_anything),
        cmocka_unit_test(flags_take_the_rest_of_the_line),
        cmocka_unit_test(usage_is_made_from_the_table),
        cmocka_unit_test(a_wiped_request_holds_no_secret),
        cmocka_unit_test(any_words_are_parsed_or_refused),
    };

    return RUN_TESTS(tests);
}
