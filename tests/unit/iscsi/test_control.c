/* SPDX-License-Identifier: MIT */
/* NOP both ways, Logout, Async Messages, SNACK, Reject, keep-alive, the end of connections (RFC 7143 §11.9,
 * §11.14-11.19). */
#include "initiator.h"

#include <string.h>

static void nop_out(struct initiator *i, uint32_t itt, const char *data, uint32_t len)
{
    uint8_t bhs[BHS_LEN];

    request_pdu(i, bhs, OP_NOP_OUT | PDU_IMMEDIATE, PDU_FINAL, itt);
    initiator_send(i, bhs, data, len);
}

static void logout(struct initiator *i, uint8_t reason, uint16_t cid)
{
    uint8_t bhs[BHS_LEN];

    request_pdu(i, bhs, OP_LOGOUT_REQUEST | PDU_IMMEDIATE, PDU_FINAL | reason, 99);
    be32_put(bhs + 20, 0);
    be16_put(bhs + 20, cid);
    initiator_send(i, bhs, NULL, 0);
}

static void assert_rejected(struct initiator *i, const uint8_t bhs[BHS_LEN], unsigned reason)
{
    struct reply r = initiator_expect(i, OP_REJECT);
    uint8_t sent[BHS_LEN];

    memcpy(sent, bhs, BHS_LEN);
    assert_int_equal(r.bhs[2], reason);
    assert_int_equal(r.itt, TAG_NONE);
    assert_int_equal(r.len, BHS_LEN);
    memcpy(sent + 5, r.data + 5, 3); /* the length is filled in when it is sent */
    assert_memory_equal(r.data, sent, BHS_LEN);
}

/* §11.19 */
static void a_ping_comes_back_with_its_data(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    login(i, "MaxRecvDataSegmentLength=512");
    nop_out(i, 7, "hello", 5);
    r = initiator_expect(i, OP_NOP_IN);
    assert_int_equal(r.itt, 7);
    assert_int_equal(r.ttt, TAG_NONE);
    assert_int_equal(r.len, 5);
    assert_memory_equal(r.data, "hello", 5);
    nop_out(i, 8, (const char *)initiator_pattern(), 4096);
    r = initiator_expect(i, OP_NOP_IN);
    assert_int_equal(r.len, 512);  /* no more than the initiator takes */
    nop_out(i, TAG_NONE, NULL, 0); /* wants no answer */
    assert_true(initiator_quiet(i));
}

static void a_quiet_initiator_is_asked_and_then_given_up(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    login(i, "");
    assert_int_equal(iscsi_conn_deadline(i->conn), i->now_ns + 15000000000ull);
    i->now_ns += 15000000000ull;
    iscsi_conn_tick(i->conn, i->now_ns);
    r = initiator_expect(i, OP_NOP_IN);
    assert_int_equal(r.itt, TAG_NONE);
    assert_true(r.ttt != TAG_NONE);
    nop_out(i, TAG_NONE, NULL, 0); /* he lives */
    i->now_ns += 15000000000ull;
    iscsi_conn_tick(i->conn, i->now_ns);
    initiator_expect(i, OP_NOP_IN);
    iscsi_conn_tick(i->conn, i->now_ns + 14999999999ull);
    assert_false(iscsi_conn_wants_close(i->conn));
    iscsi_conn_tick(i->conn, i->now_ns + 15000000000ull);
    assert_true(iscsi_conn_wants_close(i->conn));
}

/* Answers that a dead peer does not take do not hold the connection. */
static void a_dead_peer_is_closed_with_output_pending(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    for (int k = 0; k < 2; k++) {
        i->now_ns += 15000000000ull;
        iscsi_conn_tick(i->conn, i->now_ns);
    }
    assert_true(iscsi_conn_wants_close(i->conn));
}

static void without_keepalive_nothing_is_due(void **state)
{
    struct initiator *i = *state;

    i->limits.keepalive_seconds = 0;
    initiator_connect(i);
    login(i, "");
    assert_true(iscsi_conn_deadline(i->conn) == UINT64_MAX);
}

/* §11.14 */
static void a_logout_ends_the_connection_when_it_is_answered(void **state)
{
    for (uint8_t reason = LOGOUT_SESSION; reason <= LOGOUT_CONNECTION; reason++) {
        struct initiator *i = *state;
        struct reply r;

        initiator_connect(i);
        login(i, "");
        logout(i, reason, 1);
        assert_false(iscsi_conn_wants_close(i->conn));
        r = initiator_expect(i, OP_LOGOUT_RESPONSE);
        assert_int_equal(r.bhs[2], LOGOUT_OK);
        assert_int_equal(r.itt, 99);
        assert_int_equal(be16_get(r.bhs + 40), 2);
        assert_true(iscsi_conn_wants_close(i->conn));
        initiator_fini(i);
        assert_int_equal(i->n_released, 1);
        unconnected(state);
    }
}

static void logouts_that_can_not_be_are_refused(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    logout(i, LOGOUT_CONNECTION, 5);
    assert_int_equal(initiator_expect(i, OP_LOGOUT_RESPONSE).bhs[2], LOGOUT_NO_CID);
    logout(i, LOGOUT_RECOVERY, 1);
    assert_int_equal(initiator_expect(i, OP_LOGOUT_RESPONSE).bhs[2], LOGOUT_NO_RECOVERY);
    logout(i, 3, 1);
    assert_int_equal(initiator_expect(i, OP_REJECT).bhs[2], REJECT_INVALID_FIELD);
    assert_false(iscsi_conn_wants_close(i->conn));
}

/* No acknowledged write is lost, no started one is left unanswered: what executes ends and answers first. */
static void a_logout_waits_for_the_commands_that_execute(void **state)
{
    struct initiator *i = *state;
    const struct command w = { .itt = 2, .op = 0x2a, .n_blocks = 4, .edtl = 2048, .flags = WRITE_FLAGS };

    login(i, "");
    i->view->hold = true;
    command_send(i, &w, initiator_pattern(), 2048);
    command_send(i,
                 &(struct command){ .itt = 3, .op = 0x2a, .n_blocks = 4, .edtl = 2048, .flags = WRITE_FLAGS },
                 NULL, 0);
    initiator_expect(i, OP_R2T);
    logout(i, LOGOUT_SESSION, 1);
    assert_true(initiator_quiet(i));
    fake_complete(i->view);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).itt, 2);
    assert_int_equal(initiator_expect(i, OP_LOGOUT_RESPONSE).bhs[2], LOGOUT_OK);
    assert_true(iscsi_conn_wants_close(i->conn));
    assert_memory_equal(i->view->disk, initiator_pattern(), 2048);
}

/* §11.9.1, event 1: commands go on until the initiator logs out */
static void after_a_logout_request_commands_still_run(void **state)
{
    struct initiator *i = *state;
    struct reply r;
    unsigned before;

    login(i, "");
    before = i->n_wakes;
    iscsi_conn_request_logout(i->conn, 15);
    assert_int_equal(i->n_wakes, before + 1);
    r = initiator_expect(i, OP_ASYNC);
    assert_int_equal(r.itt, TAG_NONE);
    assert_int_equal(r.bhs[36], ASYNC_LOGOUT);
    assert_int_equal(be16_get(r.bhs + 42), 15);
    command_send(i, &(struct command){ .itt = 1, .flags = PDU_FINAL | 1 }, NULL, 0);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).bhs[3], 0);
    logout(i, LOGOUT_SESSION, 1);
    initiator_expect(i, OP_LOGOUT_RESPONSE);
}

static void a_dropped_connection_hears_event_2_last(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    i->cid = 0x77;
    initiator_connect(i);
    login(i, "");
    iscsi_conn_drop(i->conn);
    assert_false(iscsi_conn_wants_close(i->conn));
    r = initiator_expect(i, OP_ASYNC);
    assert_int_equal(r.bhs[36], ASYNC_DROP_CONNECTION);
    assert_int_equal(be16_get(r.bhs + 38), 0x77);
    assert_int_equal(be16_get(r.bhs + 40), 2);
    assert_true(iscsi_conn_wants_close(i->conn));
}

static void a_login_that_is_dropped_ends_without_a_word(void **state)
{
    struct initiator *i = *state;

    iscsi_conn_drop(i->conn);
    assert_true(initiator_quiet(i));
    assert_true(iscsi_conn_wants_close(i->conn));
}

static void last_words_that_nobody_takes_are_given_up(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    iscsi_conn_drop(i->conn);
    assert_false(iscsi_conn_wants_close(i->conn));
    iscsi_conn_tick(i->conn, iscsi_conn_deadline(i->conn));
    assert_true(iscsi_conn_wants_close(i->conn));
}

/* §11.17.1 */
static void each_malformed_pdu_is_rejected_with_its_reason(void **state)
{
    static const struct {
        uint8_t opcode, flags, ahs_words;
        uint32_t itt;
        unsigned reason;
    } cases[] = {
        { OP_VENDOR_LAST | PDU_IMMEDIATE, PDU_FINAL, 0, 1, REJECT_NOT_SUPPORTED },
        { OP_NOP_IN, PDU_FINAL, 0, 1, REJECT_NOT_SUPPORTED }, /* a target's opcode */
        { OP_SNACK, PDU_FINAL, 0, 1, REJECT_SNACK },
        { OP_NOP_OUT, PDU_FINAL, 0, TAG_NONE, REJECT_PROTOCOL_ERROR },         /* no tag, not immediate */
        { OP_NOP_OUT | PDU_IMMEDIATE, PDU_FINAL, 1, 1, REJECT_INVALID_FIELD }, /* AHS where none belongs */
        { OP_TEXT_REQUEST | PDU_IMMEDIATE, PDU_FINAL | PDU_CONTINUE, 0, 1, REJECT_PROTOCOL_ERROR },
        { OP_TEXT_REQUEST | PDU_IMMEDIATE, PDU_FINAL, 0, TAG_NONE, REJECT_INVALID_FIELD },
        { OP_SCSI_COMMAND | PDU_IMMEDIATE, PDU_FINAL, 0, TAG_NONE, REJECT_INVALID_FIELD },
        { OP_SCSI_COMMAND | PDU_IMMEDIATE, PDU_FINAL | COMMAND_READ | COMMAND_WRITE, 0, 1,
          REJECT_NOT_SUPPORTED }, /* bidirectional */
        { OP_SCSI_COMMAND | PDU_IMMEDIATE, PDU_FINAL | COMMAND_READ, 1, 1,
          REJECT_INVALID_FIELD },                               /* an AHS of length 0 */
        { OP_DATA_OUT, PDU_FINAL, 0, 1, REJECT_INVALID_FIELD }, /* for a task that is not there */
    };
    struct initiator *i = *state;

    login(i, "");
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        uint8_t pdu[BHS_LEN + 4] = { 0 };

        request_pdu(i, pdu, cases[k].opcode, cases[k].flags, cases[k].itt);
        pdu[4] = cases[k].ahs_words;
        initiator_feed(i, pdu, BHS_LEN + 4u * cases[k].ahs_words);
        assert_rejected(i, pdu, cases[k].reason);
        assert_false(iscsi_conn_wants_close(i->conn));
    }
    nop_out(i, 1, NULL, 0); /* the stream is still in step */
    initiator_expect(i, OP_NOP_IN);
}

static void what_can_not_be_passed_over_is_rejected_and_ends_the_connection(void **state)
{
    for (int k = 0; k < 2; k++) {
        struct initiator *i = *state;
        uint8_t bhs[BHS_LEN];

        initiator_connect(i);
        login(i, "");
        request_pdu(i, bhs, (k ? OP_LOGIN_REQUEST : OP_NOP_OUT) | PDU_IMMEDIATE, PDU_FINAL, 1);
        bhs[5] = k ? 0 : 0xff; /* a segment of 16 MiB, or a Login Request in full feature phase */
        initiator_feed(i, bhs, BHS_LEN);
        assert_rejected(i, bhs, REJECT_PROTOCOL_ERROR);
        assert_true(initiator_is_over(i));
        initiator_fini(i);
        unconnected(state);
    }
}

/* §11.2.2.3: a CDB longer than 16 bytes is a command that we do not have, not a broken PDU */
static void an_extended_cdb_is_an_invalid_operation_code(void **state)
{
    struct initiator *i = *state;
    uint8_t pdu[BHS_LEN + 20] = { 0 };
    struct reply r;

    login(i, "");
    request_pdu(i, pdu, OP_SCSI_COMMAND | PDU_IMMEDIATE, PDU_FINAL | 1, 4);
    pdu[4] = 5;
    be16_put(pdu + BHS_LEN, 17); /* 16 more CDB bytes and a reserved one */
    pdu[BHS_LEN + 2] = 1;
    pdu[32] = 0x7f;
    initiator_feed(i, pdu, sizeof pdu);
    r = initiator_expect(i, OP_SCSI_RESPONSE);
    assert_int_equal(r.bhs[3], SCSI_CHECK_CONDITION);
    assert_int_equal(r.data[2 + 2], 5);
    assert_int_equal(be16_get(r.data + 2 + 12), 0x2000);
    assert_int_equal(i->view->n_prepared, 0);
}

/* §4.3: Text and Logout, nothing else */
static void a_discovery_session_takes_text_and_logout_only(void **state)
{
    static const uint8_t opcodes[] = { OP_NOP_OUT, OP_SCSI_COMMAND, OP_TASK_REQUEST, OP_DATA_OUT, OP_SNACK };
    struct initiator *i = *state;

    login_discovery(i);
    for (size_t k = 0; k < sizeof opcodes; k++) {
        uint8_t bhs[BHS_LEN];

        request_pdu(i, bhs, opcodes[k] | PDU_IMMEDIATE, PDU_FINAL, 1);
        initiator_send(i, bhs, NULL, 0);
        assert_rejected(i, bhs, REJECT_PROTOCOL_ERROR);
    }
    i->now_ns += 15000000000ull;
    iscsi_conn_tick(i->conn, i->now_ns);
    assert_true(initiator_quiet(i)); /* no NOP-In either */
    logout(i, LOGOUT_SESSION, 1);
    initiator_expect(i, OP_LOGOUT_RESPONSE);
}

static void a_lost_connection_is_gone_when_the_store_has_let_go(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    i->view->hold = true;
    for (uint32_t k = 0; k < 3; k++)
        command_send(
            i, &(struct command){ .itt = k, .op = 0x28, .n_blocks = 8, .edtl = 4096, .flags = READ_FLAGS },
            NULL, 0);
    command_send(i,
                 &(struct command){ .itt = 9, .op = 0x2a, .n_blocks = 8, .edtl = 4096, .flags = WRITE_FLAGS },
                 NULL, 0);
    assert_int_equal(i->view->n_held,
                     3); /* disconnect() loses it with three in flight, completes them and finds it gone */
}

static void output_half_sent_when_the_connection_is_lost_leaves_nothing(void **state)
{
    struct initiator *i = *state;
    struct iovec iov[8];

    login(i, "MaxRecvDataSegmentLength=512");
    command_send(
        i, &(struct command){ .itt = 1, .op = 0x28, .n_blocks = 64, .edtl = 32768, .flags = READ_FLAGS },
        NULL, 0);
    assert_true(iscsi_conn_output(i->conn, iov, 8) > 0);
    iscsi_conn_sent(i->conn, 700);
    assert_true(iscsi_conn_output(i->conn, iov, 8) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_ping_comes_back_with_its_data),
        TEST(a_quiet_initiator_is_asked_and_then_given_up),
        TEST(a_dead_peer_is_closed_with_output_pending),
        TEST_FRESH(without_keepalive_nothing_is_due),
        TEST_FRESH(a_logout_ends_the_connection_when_it_is_answered),
        TEST(logouts_that_can_not_be_are_refused),
        TEST(a_logout_waits_for_the_commands_that_execute),
        TEST(after_a_logout_request_commands_still_run),
        TEST_FRESH(a_dropped_connection_hears_event_2_last),
        TEST(a_login_that_is_dropped_ends_without_a_word),
        TEST(last_words_that_nobody_takes_are_given_up),
        TEST(each_malformed_pdu_is_rejected_with_its_reason),
        TEST_FRESH(what_can_not_be_passed_over_is_rejected_and_ends_the_connection),
        TEST(an_extended_cdb_is_an_invalid_operation_code),
        TEST(a_discovery_session_takes_text_and_logout_only),
        TEST(a_lost_connection_is_gone_when_the_store_has_let_go),
        TEST(output_half_sent_when_the_connection_is_lost_leaves_nothing),
    };

    return RUN_TESTS(tests);
}
