/* SPDX-License-Identifier: MIT */
/* The parts without state: text pairs, numbers, binary values, CRC32C, additional headers, the names of
 * opcodes. */
#include "../unit_test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "iscsi/digest.h"
#include "iscsi/pdu.h"
#include "iscsi/text.h"

/* RFC 7143 appendix A.4: 32 bytes of zeros, of ones, rising, falling */
static void crc32c_agrees_with_the_rfcs_examples(void **state)
{
    static const uint8_t zeros_wire[4] = { 0xaa, 0x36, 0x91, 0x8a },
                         ones_wire[4] = { 0x43, 0xab, 0xa8, 0x62 },
                         rising_wire[4] = { 0x4e, 0x79, 0xdd, 0x46 },
                         falling_wire[4] = { 0x5c, 0xdb, 0x3f, 0x11 };
    uint8_t bytes[4][32], out[4];

    (void)state;
    memset(bytes[0], 0, 32);
    memset(bytes[1], 0xff, 32);
    for (uint8_t k = 0; k < 32; k++) {
        bytes[2][k] = k;
        bytes[3][k] = 31 - k;
    }
    for (int k = 0; k < 4; k++) {
        digest_put(out, digest_add(DIGEST_START, bytes[k], 32));
        assert_memory_equal(out, ((const uint8_t *[]){ zeros_wire, ones_wire, rising_wire, falling_wire })[k],
                            4);
        assert_true(digest_equal(out, digest_add(DIGEST_START, bytes[k], 32)));
    }
}

static uint32_t slow_crc(uint32_t crc, const uint8_t *p, size_t n)
{
    while (n--) {
        crc ^= *p++;
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    }
    return crc;
}

static void crc32c_is_right_at_any_alignment_length_and_split(void **state)
{
    static uint8_t bytes[8192 + 64];

    (void)state;
    for (size_t k = 0; k < sizeof bytes; k++)
        bytes[k] = (uint8_t)(k * 37 + (k >> 7));
    for (size_t at = 0; at < 33; at++)
        for (size_t len = 0; len < 300; len += len < 70 ? 1 : 13) {
            uint32_t want = slow_crc(DIGEST_START, bytes + at, len);

            assert_int_equal(digest_add(DIGEST_START, bytes + at, len), want);
            assert_int_equal(digest_add(digest_add(DIGEST_START, bytes + at, len / 3), bytes + at + len / 3,
                                        len - len / 3),
                             want);
        }
    for (size_t at = 0; at < 17; at++) {
        uint8_t *exact = malloc(4097 + at); /* under ASan: not a byte is read beyond */

        memcpy(exact, bytes + at, 4097 + at);
        assert_int_equal(digest_add(DIGEST_START, exact + at, 4097),
                         slow_crc(DIGEST_START, exact + at, 4097));
        free(exact);
    }
}

static struct text text_from(char *bytes, size_t n)
{
    return (struct text){ .bytes = bytes, .len = n, .room = n, .max = n };
}

static void pairs_are_read_one_by_one(void **state)
{
    char bytes[] = "A=1\0\0Bee=x=y\0C=";
    struct text t = text_from(bytes, sizeof bytes);
    struct text_pair pair;
    size_t at = 0;

    (void)state;
    assert_int_equal(text_next(&t, &at, &pair), 1);
    assert_string_equal(pair.name, "A");
    assert_string_equal(pair.value, "1");
    assert_int_equal(text_next(&t, &at, &pair), 1);
    assert_string_equal(pair.name, "Bee");
    assert_string_equal(pair.value, "x=y");
    assert_int_equal(text_next(&t, &at, &pair), 1);
    assert_string_equal(pair.value, "");
    assert_int_equal(text_next(&t, &at, &pair), 0);
}

static void what_is_no_pair_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {
        { "novalue", 8 },
        { "=value", 7 },
        { "A=1", 3 }, /* no zero */
        { "0123456789012345678901234567890123456789012345678901234567890123=1", 67 },
    };

    (void)state;
    for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
        char *exact = malloc(cases[k].n);
        struct text t = text_from(exact, cases[k].n);
        struct text_pair pair;
        size_t at = 0;

        memcpy(exact, cases[k].bytes, cases[k].n);
        assert_int_equal(text_next(&t, &at, &pair), -EINVAL);
        free(exact);
    }
}

static void numbers_are_decimal_or_hexadecimal_and_fit(void **state)
{
    static const struct {
        const char *text;
        int r;
        uint32_t n;
    } cases[] = {
        { "0", 0, 0 },
        { "4294967295", 0, UINT32_MAX },
        { "0x1F", 0, 31 },
        { "0Xff", 0, 255 },
        { "4294967296", -ERANGE, 0 },
        { "", -EINVAL, 0 },
        { "0x", -EINVAL, 0 },
        { "12a", -EINVAL, 0 },
        { "-1", -EINVAL, 0 },
        { " 1", -EINVAL, 0 },
        { "99999999999999999999999999", -ERANGE, 0 },
        { "0x100000000", -ERANGE, 0 },
    };

    (void)state;
    for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
        uint32_t n = 0;

        assert_int_equal(text_number(cases[k].text, &n), cases[k].r);
        assert_int_equal(n, cases[k].n);
    }
}

static void binary_values_are_hexadecimal_or_base64_and_bounded(void **state)
{
    static const struct {
        const char *text;
        int r;
        const char *bytes;
        size_t n;
    } cases[] = {
        { "0x616263", 0, "abc", 3 },      { "0xABC", 0, "\x0a\xbc", 2 }, { "0bYWJj", 0, "abc", 3 },
        { "0BYWI=", 0, "ab", 2 },         { "0bYQ==", 0, "a", 1 },       { "0x", -EINVAL, "", 0 },
        { "0xzz", -EINVAL, "", 0 },       { "0bY", -EINVAL, "", 0 },     { "0bYW!j", -EINVAL, "", 0 },
        { "abc", -EINVAL, "", 0 },        { "", -EINVAL, "", 0 },        { "0x6162636465", -ENOSPC, "", 0 },
        { "0bYWJjZGU=", -ENOSPC, "", 0 }, { "0b====", -EINVAL, "", 0 },
    };

    (void)state;
    for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
        uint8_t out[4];
        size_t n = 0;

        assert_int_equal(text_binary(cases[k].text, out, sizeof out, &n), cases[k].r);
        assert_int_equal(n, cases[k].n);
        assert_memory_equal(out, cases[k].bytes, n);
    }
}

static void the_writer_stops_at_its_bound_and_leaves_no_half_pair(void **state)
{
    struct text t;

    (void)state;
    text_init(&t, 10);
    assert_int_equal(text_put(&t, "Key", "val"), 0);
    assert_int_equal(t.len, 8);
    assert_int_equal(text_put(&t, "K", "v"), -ENOSPC);
    assert_int_equal(t.len, 8);
    assert_int_equal(text_append(&t, "xy", 2), 0);
    assert_int_equal(text_append(&t, "z", 1), -ENOSPC);
    text_fini(&t);
}

static void lists_are_cut_at_commas(void **state)
{
    const char *list = "CRC32C,,None,averyveryverylongword";
    char word[8];

    (void)state;
    assert_true(text_list_next(&list, word, sizeof word));
    assert_string_equal(word, "CRC32C");
    assert_true(text_list_next(&list, word, sizeof word));
    assert_string_equal(word, "");
    assert_true(text_list_next(&list, word, sizeof word));
    assert_string_equal(word, "None");
    assert_true(text_list_next(&list, word, sizeof word));
    assert_string_equal(word, "");
    assert_false(text_list_next(&list, word, sizeof word));
}

/* §11.2.2 */
static void additional_headers_end_where_they_say(void **state)
{
    static const uint8_t cdb[] = { 0, 5, 1, 0, 1, 2, 3, 4 },
                         both[] = { 0, 5, 1, 0, 1, 2, 3, 4, 0, 5, 2, 0, 0, 0, 1, 0 },
                         empty[] = { 0, 0, 1, 0 }, beyond[] = { 0, 6, 1, 0, 1, 2, 3, 4 },
                         huge[] = { 0xff, 0xff, 1, 0 };
    struct pdu_ahs ahs;

    (void)state;
    assert_int_equal(pdu_ahs_get(cdb, sizeof cdb, &ahs), 0);
    assert_true(ahs.extended_cdb && !ahs.bidi_read);
    assert_int_equal(pdu_ahs_get(both, sizeof both, &ahs), 0);
    assert_true(ahs.extended_cdb && ahs.bidi_read);
    assert_int_equal(pdu_ahs_get(empty, sizeof empty, &ahs), -EINVAL);
    assert_int_equal(pdu_ahs_get(beyond, sizeof beyond, &ahs), -EINVAL);
    assert_int_equal(pdu_ahs_get(huge, sizeof huge, &ahs), -EINVAL);
}

static void serial_numbers_compare_across_their_end(void **state)
{
    (void)state;
    assert_true(sn_before(1, 2));
    assert_false(sn_before(2, 2));
    assert_true(sn_before(0xffffffff, 0));
    assert_false(sn_before(0, 0xffffffff));
}

static void every_opcode_has_a_name_or_a_question_mark(void **state)
{
    (void)state;
    assert_string_equal(pdu_opcode_name(OP_SCSI_COMMAND), "SCSI Command");
    assert_string_equal(pdu_opcode_name(0x3e), "?");
    assert_string_equal(pdu_opcode_name(0xff), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_agrees_with_the_rfcs_examples),
        cmocka_unit_test(crc32c_is_right_at_any_alignment_length_and_split),
        cmocka_unit_test(pairs_are_read_one_by_one),
        cmocka_unit_test(what_is_no_pair_is_refused),
        cmocka_unit_test(numbers_are_decimal_or_hexadecimal_and_fit),
        cmocka_unit_test(binary_values_are_hexadecimal_or_base64_and_bounded),
        cmocka_unit_test(the_writer_stops_at_its_bound_and_leaves_no_half_pair),
        cmocka_unit_test(lists_are_cut_at_commas),
        cmocka_unit_test(additional_headers_end_where_they_say),
        cmocka_unit_test(serial_numbers_compare_across_their_end),
        cmocka_unit_test(every_opcode_has_a_name_or_a_question_mark),
    };

    return RUN_TESTS(tests);
}
