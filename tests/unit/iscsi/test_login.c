/* SPDX-License-Identifier: MIT */
/* Login: stages, names, statuses, continuation, bounds (RFC 7143 §6.3, §11.12, §11.13, §13). */
#include "initiator.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "iscsi/digest.h"

#define NAMES            "InitiatorName=" OUR_NAME "\nTargetName=" TARGET_NAME "\n"
#define SECURITY_TO(nsg) (LOGIN_TRANSIT | STAGE_SECURITY << 2 | (nsg))
#define STAY_OPERATIONAL (STAGE_OPERATIONAL << 2)

static unsigned status_of(const struct reply *r)
{
    return be16_get(r->bhs + 36);
}

/* The login is refused with that status, and the connection ends. */
static void assert_refused(struct initiator *i, const struct reply *r, unsigned status)
{
    assert_int_equal(r->opcode, OP_LOGIN_RESPONSE);
    assert_int_equal(status_of(r), status);
    assert_int_equal(r->flags & LOGIN_TRANSIT, 0);
    assert_true(initiator_is_over(i));
}

/* §6.3.1, §13.9: the tag comes in the first answer; §13.12: our segment limit in the operational stage */
static void a_normal_login_declares_tag_alias_and_segment_limit(void **state)
{
    struct initiator *i = *state;
    struct iscsi_conn_facts facts;
    struct reply r =
        login_step(i, SECURITY_TO(STAGE_OPERATIONAL), NAMES "SessionType=Normal\nAuthMethod=None");

    assert_int_equal(status_of(&r), 0);
    assert_int_equal(r.flags, SECURITY_TO(STAGE_OPERATIONAL));
    assert_string_equal(text_value(&r, "TargetPortalGroupTag"), "7");
    assert_string_equal(text_value(&r, "TargetAlias"), "a disk");
    assert_string_equal(text_value(&r, "AuthMethod"), "None");
    assert_null(text_value(&r, "MaxRecvDataSegmentLength"));
    r = login_step(i, FULL_FROM_OPERATIONAL, "MaxRecvDataSegmentLength=65536");
    assert_string_equal(text_value(&r, "MaxRecvDataSegmentLength"), "262144");
    assert_null(text_value(&r, "TargetPortalGroupTag"));
    assert_int_equal(r.flags, FULL_FROM_OPERATIONAL);
    assert_int_equal(be16_get(r.bhs + 14), i->tsih);
    assert_int_equal(i->exp_cmdsn, 100);
    assert_int_equal(i->max_cmdsn, 100 + i->limits.tasks - 1);
    iscsi_conn_facts(i->conn, &facts);
    assert_int_equal(facts.state, ISCSI_CONN_FULL);
    assert_string_equal(facts.initiator, OUR_NAME);
    assert_string_equal(facts.target, TARGET_NAME);
    assert_int_equal(facts.tag, 7);
    assert_int_equal(i->n_admitted, 1);
}

static void security_may_lead_straight_to_full_feature_phase(void **state)
{
    struct initiator *i = *state;
    struct reply r = login_step(i, SECURITY_TO(STAGE_FULL), NAMES);

    assert_int_equal(r.flags, SECURITY_TO(STAGE_FULL));
    assert_int_equal(be16_get(r.bhs + 14), i->tsih);
}

static void each_key_is_answered_by_its_rule(void **state)
{
    static const char *const expected[][2] = {
        { "HeaderDigest", "CRC32C" },    { "DataDigest", "None" },
        { "MaxConnections", "1" },       { "InitialR2T", "No" },
        { "ImmediateData", "Yes" },      { "MaxBurstLength", "1048576" },
        { "FirstBurstLength", "65536" }, { "DefaultTime2Wait", "5" },
        { "DefaultTime2Retain", "0" },   { "MaxOutstandingR2T", "8" },
        { "DataPDUInOrder", "Yes" },     { "DataSequenceInOrder", "Yes" },
        { "ErrorRecoveryLevel", "0" },   { "TaskReporting", "RFC3720" },
        { "iSCSIProtocolLevel", "1" },   { "IFMarker", "No" },
        { "OFMarkInt", "Reject" },       { "X-org.example.key", "NotUnderstood" },
    };
    struct initiator *i = *state;
    struct reply r = login_step(
        i, STAY_OPERATIONAL,
        NAMES "HeaderDigest=CRC32C,None\nDataDigest=None,CRC32C\nMaxConnections=4\nInitialR2T="
              "No\nImmediateData=Yes\n"
              "MaxBurstLength=16776192\nFirstBurstLength=0x10000\nDefaultTime2Wait=5\nDefaultTime2Retain=20\n"
              "MaxOutstandingR2T=16\nDataPDUInOrder=No\nDataSequenceInOrder=No\nErrorRecoveryLevel=2\n"
              "TaskReporting=FastAbort,RFC3720\niSCSIProtocolLevel=2\nIFMarker=No\nOFMarkInt=2048~4096\n"
              "X-org.example.key=1\nInitiatorAlias=someone");

    for (size_t k = 0; k < sizeof expected / sizeof *expected; k++)
        assert_string_equal(text_value(&r, expected[k][0]), expected[k][1]);
    assert_null(text_value(&r, "InitiatorAlias"));
    assert_int_equal(r.flags, STAY_OPERATIONAL);
}

/* §13: "Irrelevant when SessionType=Discovery" */
static void a_discovery_login_answers_irrelevant_where_the_key_table_says_so(void **state)
{
    struct initiator *i = *state;
    struct reply r =
        login_step(i, FULL_FROM_OPERATIONAL,
                   "InitiatorName=" OUR_NAME
                   "\nSessionType=Discovery\nInitialR2T=No\nMaxBurstLength=1024\nHeaderDigest=None");

    assert_string_equal(text_value(&r, "InitialR2T"), "Irrelevant");
    assert_string_equal(text_value(&r, "MaxBurstLength"), "Irrelevant");
    assert_string_equal(text_value(&r, "HeaderDigest"), "None");
    assert_null(text_value(&r, "TargetPortalGroupTag"));
    assert_int_equal(i->n_admitted, 0);
    assert_true(be16_get(r.bhs + 14) != 0);
}

struct refusal {
    uint8_t flags;
    const char *pairs;
    unsigned status;
};

static void bad_logins_are_refused_with_the_status_that_says_why(void **state)
{
    static const struct refusal cases[] = {
        { FULL_FROM_OPERATIONAL, "TargetName=" TARGET_NAME, 0x0207 },
        { FULL_FROM_OPERATIONAL, "InitiatorName=" OUR_NAME, 0x0207 },
        { FULL_FROM_OPERATIONAL, "", 0x0207 },
        { FULL_FROM_OPERATIONAL, "InitiatorName=" OUR_NAME "\nTargetName=iqn.other", 0x0203 },
        { FULL_FROM_OPERATIONAL, NAMES "SessionType=Other", 0x0209 },
        { FULL_FROM_OPERATIONAL, NAMES "InitiatorName=again", 0x0200 },
        { FULL_FROM_OPERATIONAL, NAMES "MaxBurstLength=8192\nMaxBurstLength=4096", 0x0200 },
        { FULL_FROM_OPERATIONAL, NAMES "MaxBurstLength=12", 0x0200 },
        { FULL_FROM_OPERATIONAL, NAMES "MaxBurstLength=99999999999999999999", 0x0200 },
        { FULL_FROM_OPERATIONAL, NAMES "InitialR2T=Maybe", 0x0200 },
        { FULL_FROM_OPERATIONAL, NAMES "HeaderDigest=MD5", 0x0200 },
        { FULL_FROM_OPERATIONAL, NAMES "no equals sign", 0x0200 },
        { FULL_FROM_OPERATIONAL, NAMES "=value", 0x0200 },
        { FULL_FROM_OPERATIONAL, NAMES "AuthMethod=None",
          0x0200 }, /* a security key in the operational stage */
        { SECURITY_TO(STAGE_OPERATIONAL), NAMES "AuthMethod=KRB5", 0x0201 },
        { STAGE_FULL << 2, NAMES, 0x020b },
        { STAGE_RESERVED << 2, NAMES, 0x020b },
        { LOGIN_TRANSIT | STAGE_OPERATIONAL << 2 | STAGE_RESERVED, NAMES, 0x020b },
        { LOGIN_TRANSIT | STAGE_OPERATIONAL << 2 | STAGE_SECURITY, NAMES, 0x020b },
        { LOGIN_TRANSIT | STAGE_OPERATIONAL << 2 | STAGE_OPERATIONAL, NAMES, 0x020b },
        { FULL_FROM_OPERATIONAL | PDU_CONTINUE, NAMES, 0x020b },
    };

    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct initiator *i = *state;
        struct reply r;

        initiator_connect(i);
        r = login_step(i, cases[k].flags, cases[k].pairs);
        if (status_of(&r) != cases[k].status)
            print_message("case %zu\n", k);
        assert_refused(i, &r, cases[k].status);
        initiator_fini(i);
        unconnected(state);
    }
}

static void a_name_that_is_too_long_is_refused(void **state)
{
    struct initiator *i = *state;
    char text[600];
    struct reply r;

    snprintf(text, sizeof text, "InitiatorName=iqn.%0*d\nTargetName=" TARGET_NAME, 220, 1);
    r = login_step(i, FULL_FROM_OPERATIONAL, text);
    assert_refused(i, &r, 0x0200);
}

/* §11.12.4 */
static void a_version_that_does_not_exist_yet_is_refused(void **state)
{
    struct initiator *i = *state;
    uint8_t bhs[BHS_LEN];
    struct reply r;

    login_pdu(i, bhs, FULL_FROM_OPERATIONAL);
    bhs[2] = bhs[3] = 1;
    initiator_send(i, bhs, NULL, 0);
    r = initiator_expect(i, OP_LOGIN_RESPONSE);
    assert_int_equal(r.itt, 0x1001);
    assert_refused(i, &r, 0x0205);
}

static struct reply login_to_session(struct initiator *i, uint16_t tsih)
{
    uint8_t bhs[BHS_LEN];
    char text[512];

    login_pdu(i, bhs, FULL_FROM_OPERATIONAL);
    be16_put(bhs + 14, tsih);
    initiator_send(i, bhs, text, text_of(NAMES, text));
    return initiator_expect(i, OP_LOGIN_RESPONSE);
}

/* §6.3.5 and the table of §7.3.5: MaxConnections is 1, so nothing can be joined */
static void joining_a_session_is_refused_by_whether_it_exists(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    i->known_tsih = 77;
    initiator_connect(i);
    r = login_to_session(i, 77);
    assert_refused(i, &r, 0x0208);
    initiator_fini(i);
    unconnected(state);
    initiator_connect(i);
    r = login_to_session(i, 78);
    assert_refused(i, &r, 0x020a);
    assert_int_equal(i->n_admitted, 0);
}

/* §11.12: all requests of a login are about the same session */
static void a_request_that_changes_its_isid_tag_or_cid_is_refused(void **state)
{
    static const size_t at[] = { 8, 14, 16, 20 };

    for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
        struct initiator *i = *state;
        uint8_t bhs[BHS_LEN];
        struct reply r;

        initiator_connect(i);
        login_step(i, STAY_OPERATIONAL, NAMES);
        login_pdu(i, bhs, FULL_FROM_OPERATIONAL);
        bhs[at[k] + 1] ^= 0x55;
        initiator_send(i, bhs, NULL, 0);
        r = initiator_expect(i, OP_LOGIN_RESPONSE);
        assert_refused(i, &r, 0x020b);
        initiator_fini(i);
        assert_int_equal(i->n_released, 1);
        unconnected(state);
    }
}

static void a_stage_that_is_left_is_not_entered_again(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    login_step(i, SECURITY_TO(STAGE_OPERATIONAL), NAMES);
    r = login_step(i, SECURITY_TO(STAGE_OPERATIONAL), "AuthMethod=None");
    assert_refused(i, &r, 0x020b);
}

/* §6.2: text split over requests, anywhere */
static void a_request_may_come_in_several_pdus(void **state)
{
    struct initiator *i = *state;
    uint8_t bhs[BHS_LEN];
    char text[512];
    uint32_t n = text_of(NAMES "MaxBurstLength=65536", text);
    struct reply r;

    for (uint32_t at = 0; at < n; at += 20) {
        bool more = at + 20 < n;

        login_pdu(i, bhs, more ? PDU_CONTINUE | STAY_OPERATIONAL : FULL_FROM_OPERATIONAL);
        initiator_send(i, bhs, text + at, more ? 20 : n - at);
        r = initiator_expect(i, OP_LOGIN_RESPONSE);
        assert_int_equal(status_of(&r), 0);
        if (more) {
            assert_int_equal(r.len, 0);
            assert_int_equal(r.flags, STAY_OPERATIONAL);
        }
    }
    assert_string_equal(text_value(&r, "MaxBurstLength"), "65536");
    assert_string_equal(text_value(&r, "TargetPortalGroupTag"), "7");
    assert_int_equal(r.flags, FULL_FROM_OPERATIONAL);
}

/* The initiator's segment limit of 512 holds for login answers too, once it is said: the rest is fetched with
 * empty requests. */
static void an_answer_may_leave_in_several_pdus_and_transits_with_the_last(void **state)
{
    struct initiator *i = *state;
    char pairs[4096] = NAMES "MaxRecvDataSegmentLength=512";
    size_t n = 0;
    struct reply r;

    for (int k = 0; k < 60; k++)
        snprintf(pairs + strlen(pairs), sizeof pairs - strlen(pairs), "\nX-k%d=1", k);
    r = login_step(i, FULL_FROM_OPERATIONAL, pairs);
    for (; r.flags & PDU_CONTINUE; r = login_step(i, FULL_FROM_OPERATIONAL, "")) {
        assert_int_equal(r.len, 512);
        assert_int_equal(r.flags & LOGIN_TRANSIT, 0);
        n++;
    }
    assert_true(n >= 2);
    assert_int_equal(r.flags, FULL_FROM_OPERATIONAL);
}

/* CVE class of 2013 and 2026: many small unknown keys make an answer many times as long */
static void an_answer_never_outgrows_its_bound(void **state)
{
    struct initiator *i = *state;
    static char text[8192];
    uint8_t bhs[BHS_LEN];
    uint32_t n;
    struct reply r;

    n = text_of(NAMES, text);
    while (n + 4 <= sizeof text) {
        memcpy(text + n, "k=1", 4);
        n += 4;
    }
    login_pdu(i, bhs, FULL_FROM_OPERATIONAL);
    initiator_send(i, bhs, text, n);
    r = initiator_expect(i, OP_LOGIN_RESPONSE);
    assert_refused(i, &r, 0x0200);
    assert_true(r.len <= i->limits.login_bytes);
}

static void an_unknown_key_is_answered_by_its_name_only(void **state)
{
    struct initiator *i = *state;
    char pairs[1024];
    struct reply r;

    snprintf(pairs, sizeof pairs, NAMES "X-long=%0*d", 800, 1);
    r = login_step(i, STAY_OPERATIONAL, pairs);
    assert_string_equal(text_value(&r, "X-long"), "NotUnderstood");
}

static void a_login_that_spends_its_byte_budget_is_refused(void **state)
{
    struct initiator *i = *state;
    struct reply r;
    unsigned n = 0;

    i->limits.login_bytes = 2048;
    initiator_connect(i);
    r = login_step(i, STAY_OPERATIONAL, NAMES);
    while (status_of(&r) == 0) {
        r = login_step(i, STAY_OPERATIONAL, "");
        assert_true(++n < 100);
    }
    assert_refused(i, &r, 0x0200);
}

static void a_login_that_takes_too_long_is_cut_off(void **state)
{
    struct initiator *i = *state;

    login_step(i, STAY_OPERATIONAL, NAMES);
    assert_int_equal(iscsi_conn_deadline(i->conn), i->now_ns + 15000000000ull);
    iscsi_conn_tick(i->conn, iscsi_conn_deadline(i->conn) - 1);
    assert_false(iscsi_conn_wants_close(i->conn));
    iscsi_conn_tick(i->conn, iscsi_conn_deadline(i->conn));
    assert_true(iscsi_conn_wants_close(i->conn));
}

/* spdk#3927: any other PDU during login ends the connection, at once and without an answer */
static void a_pdu_that_is_no_login_request_ends_a_login(void **state)
{
    for (unsigned op = 0; op < 64; op++) {
        struct initiator *i = *state;
        uint8_t bhs[BHS_LEN];

        initiator_connect(i);
        request_pdu(i, bhs, (uint8_t)op, 0x80, 1);
        if (op != OP_LOGIN_REQUEST) {
            initiator_send(i, bhs, "12345678", op % 2 ? 8 : 0);
            assert_true(i->received < 0);
            assert_true(initiator_quiet(i));
            assert_true(iscsi_conn_wants_close(i->conn));
        }
        initiator_fini(i);
        unconnected(state);
    }
}

static void a_data_segment_beyond_8192_bytes_ends_a_login(void **state)
{
    struct initiator *i = *state;
    uint8_t bhs[BHS_LEN];

    login_pdu(i, bhs, STAY_OPERATIONAL);
    bhs[5] = 1; /* 64 KiB are announced */
    initiator_feed(i, bhs, BHS_LEN);
    assert_true(i->received < 0);
    assert_true(initiator_is_over(i));
}

/* §6.3.1, 13.8: TargetAddress without a tag, class 1 */
static void a_login_is_redirected_where_the_directory_says(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    i->admission.verdict = ISCSI_REDIRECT;
    i->admission.status = ISCSI_LOGIN_MOVED_TEMPORARILY;
    strcpy(i->admission.address, "10.0.0.9:3261");
    initiator_connect(i);
    r = login_step(i, FULL_FROM_OPERATIONAL, NAMES);
    assert_string_equal(text_value(&r, "TargetAddress"), "10.0.0.9:3261");
    assert_refused(i, &r, 0x0101);
}

static void the_directorys_refusal_reaches_the_initiator(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    i->admission.verdict = ISCSI_REFUSE;
    i->admission.status = ISCSI_LOGIN_SERVICE_UNAVAILABLE;
    initiator_connect(i);
    r = login_step(i, FULL_FROM_OPERATIONAL, NAMES);
    assert_refused(i, &r, 0x0301);
    initiator_fini(i);
    assert_int_equal(i->n_released, 0); /* no pin was given */
    unconnected(state);
}

static void a_session_that_can_not_be_opened_is_out_of_resources(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    i->session_open = -ENOMEM;
    initiator_connect(i);
    r = login_step(i, FULL_FROM_OPERATIONAL, NAMES);
    assert_refused(i, &r, 0x0302);
    initiator_fini(i);
    assert_int_equal(i->n_released, 1);
    unconnected(state);
}

/* §6.3.5: the older session of the same name ends first; meanwhile nothing is read */
static void session_reinstatement_delays_the_last_answer(void **state)
{
    struct initiator *i = *state;
    struct iovec iov[2];
    struct reply r;

    i->session_open = -EINPROGRESS;
    initiator_connect(i);
    login_send(i, FULL_FROM_OPERATIONAL, NAMES);
    assert_true(initiator_quiet(i));
    assert_int_equal(iscsi_conn_input(i->conn, iov, 2), 0);
    iscsi_conn_session_ready(i->conn, 0, i->view, 0x4321);
    assert_int_equal(i->n_wakes, 1);
    r = initiator_expect(i, OP_LOGIN_RESPONSE);
    assert_int_equal(r.flags, FULL_FROM_OPERATIONAL);
    assert_int_equal(be16_get(r.bhs + 14), 0x4321);
    assert_true(iscsi_conn_input(i->conn, iov, 2) > 0);
}

static void a_connection_lost_while_it_waits_for_its_session_leaves_nothing(void **state)
{
    struct initiator *i = *state;

    i->session_open = -EINPROGRESS;
    initiator_connect(i);
    login_send(i, FULL_FROM_OPERATIONAL, NAMES);
    initiator_fini(i);
    assert_int_equal(i->n_released, 1);
    unconnected(state);
}

/* Pipelined behind the login: read only when full feature phase has begun, with the digests that were agreed
 */
static void what_comes_behind_the_login_waits_for_it(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    i->session_open = -EINPROGRESS;
    initiator_connect(i);
    {
        uint8_t both[BHS_LEN * 2 + 512 + 8], nop[BHS_LEN];
        char text[512];
        uint32_t n = text_of(NAMES "HeaderDigest=CRC32C", text), padded = n + pdu_pad(n);

        memset(both, 0, sizeof both);
        login_pdu(i, both, FULL_FROM_OPERATIONAL);
        be24_put(both + 5, n);
        memcpy(both + BHS_LEN, text, n);
        request_pdu(i, nop, OP_NOP_OUT | PDU_IMMEDIATE, PDU_FINAL, 3);
        memcpy(both + BHS_LEN + padded, nop, BHS_LEN);
        i->header_digest = true;
        digest_put(both + 2 * BHS_LEN + padded, digest_add(DIGEST_START, nop, BHS_LEN));
        initiator_feed(i, both, 2 * BHS_LEN + padded + 4);
    }
    assert_true(initiator_quiet(i));
    iscsi_conn_session_ready(i->conn, 0, i->view, 1);
    initiator_expect(i, OP_LOGIN_RESPONSE);
    r = initiator_expect(i, OP_NOP_IN);
    assert_int_equal(r.itt, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_normal_login_declares_tag_alias_and_segment_limit),
        TEST(security_may_lead_straight_to_full_feature_phase),
        TEST(each_key_is_answered_by_its_rule),
        TEST(a_discovery_login_answers_irrelevant_where_the_key_table_says_so),
        TEST_FRESH(bad_logins_are_refused_with_the_status_that_says_why),
        TEST(a_name_that_is_too_long_is_refused),
        TEST(a_version_that_does_not_exist_yet_is_refused),
        TEST_FRESH(joining_a_session_is_refused_by_whether_it_exists),
        TEST_FRESH(a_request_that_changes_its_isid_tag_or_cid_is_refused),
        TEST(a_stage_that_is_left_is_not_entered_again),
        TEST(a_request_may_come_in_several_pdus),
        TEST(an_answer_may_leave_in_several_pdus_and_transits_with_the_last),
        TEST(an_answer_never_outgrows_its_bound),
        TEST(an_unknown_key_is_answered_by_its_name_only),
        TEST_FRESH(a_login_that_spends_its_byte_budget_is_refused),
        TEST(a_login_that_takes_too_long_is_cut_off),
        TEST_FRESH(a_pdu_that_is_no_login_request_ends_a_login),
        TEST(a_data_segment_beyond_8192_bytes_ends_a_login),
        TEST_FRESH(a_login_is_redirected_where_the_directory_says),
        TEST_FRESH(the_directorys_refusal_reaches_the_initiator),
        TEST_FRESH(a_session_that_can_not_be_opened_is_out_of_resources),
        TEST_FRESH(session_reinstatement_delays_the_last_answer),
        TEST_FRESH(a_connection_lost_while_it_waits_for_its_session_leaves_nothing),
        TEST_FRESH(what_comes_behind_the_login_waits_for_it),
    };

    return RUN_TESTS(tests);
}
