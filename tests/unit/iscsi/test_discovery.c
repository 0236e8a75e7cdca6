/* SPDX-License-Identifier: MIT */
/* Text Requests in full feature phase: SendTargets, continuation, negotiation (RFC 7143 §11.10, §11.11,
 * appendix C). */
#include "initiator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void text_send(struct initiator *i, uint8_t flags, uint32_t itt, uint32_t ttt, const char *bytes,
                      uint32_t len)
{
    uint8_t bhs[BHS_LEN];

    request_pdu(i, bhs, OP_TEXT_REQUEST | PDU_IMMEDIATE, flags, itt);
    be32_put(bhs + 20, ttt);
    initiator_send(i, bhs, bytes, len);
}

static struct reply ask(struct initiator *i, const char *pair)
{
    text_send(i, PDU_FINAL, 5, TAG_NONE, pair, (uint32_t)strlen(pair) + 1);
    return initiator_expect(i, OP_TEXT_RESPONSE);
}

static void all_targets_are_listed_with_their_addresses_and_tags(void **state)
{
    static const char expected[] =
        "TargetName=" TARGET_NAME "\0TargetAddress=10.0.0.1:3260,1\0TargetAddress=[fe80::1]:3260,2\0"
        "TargetName=" TARGET_NAME "1\0TargetAddress=10.0.0.1:3260,1\0TargetAddress=[fe80::1]:3260,2";
    struct initiator *i = *state;
    struct reply r;

    i->n_targets = 2;
    login_discovery(i);
    r = ask(i, "SendTargets=All");
    assert_int_equal(r.flags, PDU_FINAL);
    assert_int_equal(r.ttt, TAG_NONE);
    assert_int_equal(r.len, sizeof expected);
    assert_memory_equal(r.data, expected, sizeof expected);
}

static void one_target_is_listed_by_its_name(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    i->n_targets = 3;
    login_discovery(i);
    r = ask(i, "SendTargets=" TARGET_NAME "2");
    assert_string_equal(text_value(&r, "TargetName"), TARGET_NAME "2");
    r = ask(i, "SendTargets=iqn.unknown");
    assert_int_equal(r.len, 0);
    assert_int_equal(r.flags, PDU_FINAL);
}

static void nothing_to_list_is_an_empty_answer(void **state)
{
    struct initiator *i = *state;

    i->n_targets = 0;
    login_discovery(i);
    assert_int_equal(ask(i, "SendTargets=All").len, 0);
}

/* Appendix C: a normal session asks about its own target only */
static void a_normal_session_hears_of_its_own_target_only(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    i->n_targets = 2;
    login(i, "");
    r = ask(i, "SendTargets=");
    assert_string_equal(text_value(&r, "TargetName"), TARGET_NAME);
    r = ask(i, "SendTargets=" TARGET_NAME);
    assert_string_equal(text_value(&r, "TargetName"), TARGET_NAME);
    assert_int_equal(ask(i, "SendTargets=" TARGET_NAME "1").len, 0);
    r = ask(i, "SendTargets=All");
    assert_string_equal(text_value(&r, "SendTargets"), "Reject");
}

/* spdk#1442: an answer longer than the initiator's segment */
static void a_long_answer_comes_in_pieces_of_the_initiators_size(void **state)
{
    struct initiator *i = *state;
    char *all = malloc(1 << 20);
    size_t n = 0, n_names = 0;
    struct reply r;

    i->n_targets = 1000;
    login_discovery(i);
    r = ask(i, "SendTargets=All");
    for (;;) {
        memcpy(all + n, r.data, r.len);
        n += r.len;
        if (r.flags & PDU_FINAL)
            break;
        assert_int_equal(r.flags, PDU_CONTINUE);
        assert_int_equal(r.len, 8192);
        assert_true(r.ttt != TAG_NONE);
        text_send(i, PDU_FINAL, 5, r.ttt, NULL, 0);
        r = initiator_expect(i, OP_TEXT_RESPONSE);
    }
    assert_int_equal(r.ttt, TAG_NONE);
    for (char *p = all; p < all + n; p += strlen(p) + 1)
        n_names += strncmp(p, "TargetName=", 11) == 0;
    assert_int_equal(n_names, 1000);
    free(all);
}

static void an_answer_stops_at_its_limit(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    i->limits.text_bytes = 4096;
    i->n_targets = 1000;
    initiator_connect(i);
    login_discovery(i);
    r = ask(i, "SendTargets=All");
    assert_true(r.len <= 4096 && r.len > 4000);
    assert_int_equal(r.flags, PDU_FINAL);
    assert_int_equal(r.data[r.len - 1], 0);
}

/* §6.2: the request may come in pieces too */
static void a_request_may_come_in_pieces(void **state)
{
    static const char request[] = "SendTargets=All";
    struct initiator *i = *state;
    struct reply r;

    login_discovery(i);
    text_send(i, PDU_CONTINUE, 5, TAG_NONE, request, 7);
    r = initiator_expect(i, OP_TEXT_RESPONSE);
    assert_int_equal(r.flags, 0);
    assert_int_equal(r.len, 0);
    assert_true(r.ttt != TAG_NONE);
    text_send(i, PDU_FINAL, 5, r.ttt, request + 7, sizeof request - 7);
    r = initiator_expect(i, OP_TEXT_RESPONSE);
    assert_string_equal(text_value(&r, "TargetName"), TARGET_NAME);
    assert_int_equal(r.flags, PDU_FINAL);
}

/* SPDK advisory for <= 21.01: no data, but C */
static void a_request_without_data_and_with_c_is_just_a_beginning(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    login_discovery(i);
    text_send(i, PDU_CONTINUE, 5, TAG_NONE, NULL, 0);
    r = initiator_expect(i, OP_TEXT_RESPONSE);
    text_send(i, PDU_FINAL, 5, r.ttt, NULL, 0);
    r = initiator_expect(i, OP_TEXT_RESPONSE);
    assert_int_equal(r.len, 0);
    assert_int_equal(r.flags, PDU_FINAL);
}

static void a_new_request_abandons_the_old_one(void **state)
{
    struct initiator *i = *state;
    struct reply first, r;

    i->n_targets = 1000;
    login_discovery(i);
    first = ask(i, "SendTargets=All");
    r = ask(i, "SendTargets=" TARGET_NAME);
    assert_int_equal(r.flags, PDU_FINAL);
    text_send(i, PDU_FINAL, 5, first.ttt, NULL, 0); /* its tag is dead */
    assert_int_equal(initiator_expect(i, OP_REJECT).bhs[2], REJECT_INVALID_FIELD);
}

static void a_request_that_never_ends_is_bounded(void **state)
{
    struct initiator *i = *state;
    struct reply r = { .ttt = TAG_NONE };
    unsigned n = 0;

    login_discovery(i);
    do {
        text_send(i, PDU_CONTINUE, 5, r.ttt, (const char *)initiator_pattern(), 4096);
        assert_true(initiator_next(i, &r));
        assert_true(++n < 10);
    } while (r.opcode == OP_TEXT_RESPONSE);
    assert_int_equal(r.opcode, OP_REJECT);
    assert_int_equal(r.bhs[2], REJECT_LONG_OPERATION);
    r = ask(i, "SendTargets=All"); /* the next one is a new beginning */
    assert_string_equal(text_value(&r, "TargetName"), TARGET_NAME);
}

static void text_that_is_no_pair_is_rejected(void **state)
{
    static const char *const bad[] = { "nonsense", "=x" };
    struct initiator *i = *state;

    login_discovery(i);
    for (size_t k = 0; k < 2; k++) {
        text_send(i, PDU_FINAL, 5, TAG_NONE, bad[k], (uint32_t)strlen(bad[k]) + 1);
        assert_int_equal(initiator_expect(i, OP_REJECT).bhs[2], REJECT_PROTOCOL_ERROR);
    }
    text_send(i, PDU_FINAL, 5, TAG_NONE, "SendTargets=All", 15); /* no zero at the end */
    assert_int_equal(initiator_expect(i, OP_REJECT).bhs[2], REJECT_PROTOCOL_ERROR);
}

/* §13.12: the segment limit may change at any time; login keys may not */
static void the_segment_limit_may_be_changed_later(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    login(i, "");
    r = ask(i, "MaxRecvDataSegmentLength=512");
    assert_int_equal(r.len, 0);
    command_send(i,
                 &(struct command){ .itt = 1, .op = 0x28, .n_blocks = 2, .edtl = 1024, .flags = READ_FLAGS },
                 NULL, 0);
    assert_int_equal(initiator_expect(i, OP_DATA_IN).len, 512);
    initiator_expect(i, OP_DATA_IN);
    text_send(i, PDU_FINAL, 6, TAG_NONE, "MaxBurstLength=512", 19);
    assert_int_equal(initiator_expect(i, OP_REJECT).bhs[2], REJECT_PROTOCOL_ERROR);
}

static void unknown_keys_are_not_understood(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    login(i, "");
    r = ask(i, "X-org.example=1");
    assert_string_equal(text_value(&r, "X-org.example"), "NotUnderstood");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_targets_are_listed_with_their_addresses_and_tags),
        TEST(one_target_is_listed_by_its_name),
        TEST(nothing_to_list_is_an_empty_answer),
        TEST(a_normal_session_hears_of_its_own_target_only),
        TEST(a_long_answer_comes_in_pieces_of_the_initiators_size),
        TEST_FRESH(an_answer_stops_at_its_limit),
        TEST(a_request_may_come_in_pieces),
        TEST(a_request_without_data_and_with_c_is_just_a_beginning),
        TEST(a_new_request_abandons_the_old_one),
        TEST(a_request_that_never_ends_is_bounded),
        TEST(text_that_is_no_pair_is_rejected),
        TEST(the_segment_limit_may_be_changed_later),
        TEST(unknown_keys_are_not_understood),
    };

    return RUN_TESTS(tests);
}
