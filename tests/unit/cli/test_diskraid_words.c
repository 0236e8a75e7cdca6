/* SPDX-License-Identifier: MIT */
/* Values as words, and lists as Microsoft's sample has them. */
#include "../unit_test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/diskraid/columns.h"
#include "cli/diskraid/words.h"

static void sizes_are_whole_numbers_of_at_most_four_digits(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = { { 0, "0 B" },
                 { 512, "512 B" },
                 { 1024, "1 KB" },
                 { 65536, "64 KB" },
                 { 1 << 20, "1 MB" },
                 { 1ull << 30, "1024 MB" },
                 { 115000000000, "107 GB" },
                 { 500107862016, "465 GB" },
                 { 10ull << 40, "10 TB" },
                 { 1ull << 62, "4096 PB" },
                 { 9999, "9999 B" },
                 { 10000, "9 KB" },
                 { UINT64_MAX, "15 EB" } };
    char text[WORD_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_string_equal(word_size(rows[i].bytes, text), rows[i].text);
}

static void values_without_a_word_are_unknown(void **state)
{
    (void)state;
    assert_string_equal(word_status(VDS_LS_ONLINE), "Online");
    assert_string_equal(word_status(VDS_LS_NOT_READY), "Not Ready");
    assert_string_equal(word_status(99), "Unknown");
    assert_string_equal(word_status(-1), "Unknown");
    assert_string_equal(word_layout(VDS_LT_DEFAULT), "Unknown");
    assert_string_equal(word_health(0), "Unknown");
    assert_string_equal(word_bus(VDSBusTypeMaxReserved), "Unknown");
}

static void flags_are_words_and_the_rest_a_number(void **state)
{
    static const struct word_flag table[] = { { 1, "one" }, { 4, "four" } };
    char text[64], small[6];

    (void)state;
    word_flags(0, table, 2, text, sizeof text);
    assert_string_equal(text, "none");
    word_flags(5, table, 2, text, sizeof text);
    assert_string_equal(text, "one, four");
    word_flags(0x84, table, 2, text, sizeof text);
    assert_string_equal(text, "four, 0x80");
    word_flags(5, table, 2, small, sizeof small);
    assert_string_equal(small, "one, ");
}

/* What the function prints. */
static const char *printed(void (*print)(void))
{
    static char text[4096];
    FILE *file = tmpfile();
    int out = dup(STDOUT_FILENO);
    size_t n;

    assert_non_null(file);
    fflush(stdout);
    dup2(fileno(file), STDOUT_FILENO);
    print();
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    close(out);
    rewind(file);
    n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

static const struct column drive[] = { { "Drive ###", 9, false }, { "Status", 10, false },
                                       { "Health", 12, false },   { "Size", 8, true },
                                       { "Free", 8, true },       { "Bus", 3, true },
                                       { "Slot", 4, true },       { "Flags", 5, false } };

static void print_sample(void)
{
    struct columns *c = columns_create(drive, ARRAY_SIZE(drive));

    columns_row(c, false, "Drive 0\tOnline\tHealthy\t107 GB\t107 GB\t0\t1\t");
    columns_row(c, true, "Drive 1\tOffline\tHealthy\t29 GB\t29 GB\t1\t0\tA");
    columns_row(c, false, "Drive 3\tNot Ready\tHealthy\t19 GB");
    columns_print(c, "There are no drives.");
}

static void a_list_of_drives_looks_like_the_sample(void **state)
{
    (void)state;
    assert_string_equal(printed(print_sample),
                        "\n"
                        "  Drive ###  Status      Health          Size      Free    Bus  Slot  Flags\n"
                        "  ---------  ----------  ------------  --------  --------  ---  ----  -----\n"
                        "  Drive 0    Online      Healthy         107 GB    107 GB    0     1\n"
                        "* Drive 1    Offline     Healthy          29 GB     29 GB    1     0  A\n"
                        "  Drive 3    Not Ready   Healthy          19 GB\n");
}

static void print_wide(void)
{
    static const struct column defs[] = { { "A", 3, false }, { "B", 3, true } };
    struct columns *c = columns_create(defs, 2);

    columns_row(c, false, "caf\xc3\xa9s\t1");
    columns_row(c, false, "x\t12345\ty");
    columns_print(c, "");
}

static void a_wide_cell_widens_its_column_by_characters(void **state)
{
    (void)state;
    assert_string_equal(printed(print_wide), "\n"
                                             "  A         B\n"
                                             "  -----  -------\n"
                                             "  caf\xc3\xa9s        1\n"
                                             "  x      12345\ty\n");
}

static void print_nothing(void)
{
    columns_print(columns_create(drive, ARRAY_SIZE(drive)), "There are no drives.");
}

static void an_empty_list_says_so(void **state)
{
    (void)state;
    assert_string_equal(printed(print_nothing), "There are no drives.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_whole_numbers_of_at_most_four_digits),
        cmocka_unit_test(values_without_a_word_are_unknown),
        cmocka_unit_test(flags_are_words_and_the_rest_a_number),
        cmocka_unit_test(a_list_of_drives_looks_like_the_sample),
        cmocka_unit_test(a_wide_cell_widens_its_column_by_characters),
        cmocka_unit_test(an_empty_list_says_so),
    };

    return RUN_TESTS(tests);
}
