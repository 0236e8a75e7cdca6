/* SPDX-License-Identifier: MIT */
/* Properties of the byte stream: however it is cut, the conversation is the same; whatever is in it, nothing
 * breaks and nothing stays. */
#include "initiator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_SEEDS     24
#define N_MUTATIONS 10000

static void logout(struct initiator *i)
{
    uint8_t bhs[BHS_LEN];

    request_pdu(i, bhs, OP_LOGOUT_REQUEST, PDU_FINAL, 99);
    be32_put(bhs + 20, 0);
    initiator_send(i, bhs, NULL, 0);
    initiator_expect(i, OP_LOGOUT_RESPONSE);
}

static void text_request(struct initiator *i, uint8_t flags, const char *bytes, uint32_t len)
{
    uint8_t bhs[BHS_LEN];
    struct reply r;

    request_pdu(i, bhs, OP_TEXT_REQUEST | PDU_IMMEDIATE, flags, 55);
    initiator_send(i, bhs, bytes, len);
    initiator_next(i, &r);
}

/* A bit of everything. What it sends depends on nothing but the answers. */
static void converse(struct initiator *i, const char *keys)
{
    const uint8_t *pattern = initiator_pattern();
    uint8_t bhs[BHS_LEN];
    struct reply r;

    login(i, keys);
    for (uint32_t k = 1; k < 40; k++) {
        const uint32_t bytes = (k % 9 + 1) * 512, now = k % 3 ? bytes / 4 + k : 0;
        const struct command w = { .itt = k,
                                   .op = 0x2a,
                                   .lba = k * 16,
                                   .n_blocks = (uint16_t)(bytes / 512),
                                   .edtl = bytes,
                                   .flags = WRITE_FLAGS };
        const struct command rd = { .itt = 1000 + k,
                                    .op = 0x28,
                                    .lba = k * 16,
                                    .n_blocks = (uint16_t)(bytes / 512),
                                    .edtl = bytes + k % 5,
                                    .flags = READ_FLAGS };

        command_send(i, &w, pattern, now < bytes ? now : bytes);
        while (initiator_next(i, &r) && r.opcode == OP_R2T) {
            uint32_t at = be32_get(r.bhs + 40), len = be32_get(r.bhs + 44);

            data_out_send(i, k, r.ttt, 0, at, false, pattern + at, len / 2);
            data_out_send(i, k, r.ttt, 1, at + len / 2, true, pattern + at + len / 2, len - len / 2);
        }
        command_send(i, &rd, NULL, 0);
        while (initiator_next(i, &r))
            ;
        assert_memory_equal(i->view->disk + k * 16 * 512, pattern, bytes);
    }
    request_pdu(i, bhs, OP_NOP_OUT, PDU_FINAL, 77);
    i->cmdsn++;
    initiator_send(i, bhs, pattern, 123);
    initiator_expect(i, OP_NOP_IN);
    text_request(i, PDU_FINAL, "SendTargets=", 13);
    request_pdu(i, bhs, OP_TASK_REQUEST | PDU_IMMEDIATE, PDU_FINAL | TMF_LOGICAL_UNIT_RESET, 88);
    initiator_send(i, bhs, NULL, 0);
    initiator_expect(i, OP_TASK_RESPONSE);
    request_pdu(i, bhs, OP_SNACK, PDU_FINAL, 89);
    initiator_send(i, bhs, NULL, 0);
    initiator_expect(i, OP_REJECT);
    logout(i);
    assert_true(iscsi_conn_wants_close(i->conn));
}

static void the_conversation_is_the_same_however_the_stream_is_cut(void **state)
{
    static const char *const keys[] = {
        "MaxRecvDataSegmentLength=1024\nMaxBurstLength=2048\nFirstBurstLength=2048",
        "HeaderDigest=CRC32C\nDataDigest=CRC32C\nMaxRecvDataSegmentLength=512\nMaxBurstLength="
        "1536\nMaxOutstandingR2T=4\nFirstBurstLength=1536",
    };

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        uint8_t *whole = NULL;
        size_t n_whole = 0;

        for (uint32_t seed = 0; seed < N_SEEDS; seed++) {
            struct initiator i;

            initiator_init(&i);
            i.chunk = seed == 0 ? 0 : seed == 1 ? 1 : RANDOM_CHUNKS;
            i.seed = seed;
            initiator_connect(&i);
            converse(&i, keys[k]);
            if (seed == 0) {
                n_whole = i.n_stream;
                whole = malloc(n_whole);
                memcpy(whole, i.stream, n_whole);
            }
            assert_int_equal(i.n_stream, n_whole);
            assert_memory_equal(i.stream, whole, n_whole);
            initiator_fini(&i);
        }
        free(whole);
    }
}

/* ---- mutations ----------------------------------------------------------------------------------------- */

/* A PDU of any kind, sometimes with sensible fields, then spoiled. */
static size_t wild_pdu(struct initiator *i, uint8_t *pdu)
{
    static const uint8_t opcodes[] = { OP_NOP_OUT,        OP_SCSI_COMMAND, OP_SCSI_COMMAND, OP_TASK_REQUEST,
                                       OP_LOGIN_REQUEST,  OP_TEXT_REQUEST, OP_DATA_OUT,     OP_DATA_OUT,
                                       OP_LOGOUT_REQUEST, OP_SNACK };
    uint8_t opcode = opcodes[initiator_random(i) % sizeof opcodes];
    uint32_t len = initiator_random(i) % 4 ? 0 : initiator_random(i) % 700, itt = initiator_random(i) % 6;

    if (opcode == OP_LOGOUT_REQUEST && initiator_random(i) % 16)
        opcode = OP_SCSI_COMMAND;
    request_pdu(i, pdu, opcode | (initiator_random(i) % 3 ? 0 : PDU_IMMEDIATE),
                (uint8_t)(initiator_random(i) | (initiator_random(i) % 4 ? PDU_FINAL : 0)), itt);
    if (opcode == OP_SCSI_COMMAND) {
        pdu[1] = initiator_random(i) % 2 ? READ_FLAGS : initiator_random(i) % 2 ? WRITE_FLAGS : COMMAND_WRITE;
        pdu[32] = (uint8_t[]){ 0x28, 0x2a, 0x12, 0x00, 0xee, 0x2a }[initiator_random(i) % 6];
        be16_put(pdu + 39, (uint16_t)(initiator_random(i) % 5));
        be32_put(pdu + 20, initiator_random(i) % 3000);
        if (!(pdu[0] & PDU_IMMEDIATE))
            i->cmdsn++;
    } else if (opcode == OP_DATA_OUT) {
        be32_put(pdu + 20, initiator_random(i) % 3 ? initiator_random(i) % 20 : TAG_NONE);
        be32_put(pdu + 40, initiator_random(i) % 3 * 512);
        len = 512;
    } else if (opcode == OP_TASK_REQUEST) {
        pdu[1] = (uint8_t)(PDU_FINAL | initiator_random(i) % 10);
        be32_put(pdu + 20, initiator_random(i) % 6);
        be32_put(pdu + 32, i->cmdsn + initiator_random(i) % 4);
    } else if (!(pdu[0] & PDU_IMMEDIATE) && opcode != OP_LOGIN_REQUEST) {
        i->cmdsn++;
    }
    be24_put(pdu + 5, len);
    memset(pdu + BHS_LEN, 'a', len + 4);
    if (opcode == OP_TEXT_REQUEST && len > 20)
        memcpy(pdu + BHS_LEN, "SendTargets=All", 16);
    for (uint32_t n = initiator_random(i) % 8 ? 0 : initiator_random(i) % 4; n; n--)
        pdu[initiator_random(i) % BHS_LEN] ^= (uint8_t)(1 << initiator_random(i) % 8);
    return BHS_LEN + len + pdu_pad(len);
}

static void look_after(struct initiator *i)
{
    uint32_t dice = initiator_random(i) % 8;

    i->view->hold = dice & 1;
    if (dice == 2)
        fake_complete(i->view);
    if (dice == 3)
        initiator_drain(i);
    if (dice == 4 && i->n_stream > STREAM_MAX / 2)
        i->n_stream = 0;
    if (dice == 5 && initiator_random(i) % 50 == 0)
        iscsi_conn_request_logout(i->conn, 5);
    if (dice == 6 && initiator_random(i) % 50 == 0)
        iscsi_conn_drop(i->conn);
    i->now_ns += initiator_random(i) % 1000 * 1000000;
    iscsi_conn_tick(i->conn, i->now_ns);
    assert_true(i->buffer_bytes <= i->buffer_max);
}

static void wild(uint32_t seed)
{
    struct initiator i;
    uint8_t pdu[1024];

    initiator_init(&i);
    i.seed = seed;
    i.limits.tasks = 8;
    i.limits.max_burst = i.limits.first_burst = 1024;
    i.buffer_max = 1 << 20;
    i.chunk = seed % 3 ? 0 : RANDOM_CHUNKS;
    initiator_connect(&i);
    if (seed % 8)
        login(&i, seed % 2 ? "InitialR2T=No\nMaxRecvDataSegmentLength=512\nMaxOutstandingR2T=4" : "");
    i.seed = seed * 2654435761u;
    for (int k = 0; k < 25 && i.received >= 0 && !iscsi_conn_wants_close(i.conn); k++) {
        initiator_feed(&i, pdu, wild_pdu(&i, pdu));
        look_after(&i);
    }
    initiator_fini(&i);
}

static void ten_thousand_wild_conversations_break_nothing_and_leave_nothing(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= N_MUTATIONS; seed++)
        wild(seed);
}

/* Real logins with a bit wrong in each: header, text, length. */
static void wild_logins_break_nothing(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= N_MUTATIONS / 2; seed++) {
        static const char pairs[] = "InitiatorName=" OUR_NAME "\nTargetName=" TARGET_NAME
                                    "\nSessionType=Normal\nAuthMethod=CHAP,None\nCHAP_A=5,7\n"
                                    "CHAP_N=a\nCHAP_R=0x00112233\nHeaderDigest="
                                    "CRC32C\nMaxRecvDataSegmentLength=512\nInitialR2T=No\nX=1";
        struct initiator i;
        uint8_t pdu[BHS_LEN + 512];

        initiator_init(&i);
        i.seed = seed;
        i.admission.auth.required = seed % 2;
        i.admission.auth.in.len = seed % 4 ? 12 : 0;
        initiator_connect(&i);
        for (int k = 0; k < 6 && i.received >= 0 && !iscsi_conn_wants_close(i.conn); k++) {
            uint32_t len = text_of(pairs + initiator_random(&i) % 100 * (k > 0), (char *)pdu + BHS_LEN);

            login_pdu(&i, pdu,
                      (uint8_t)(initiator_random(&i) % 4 ? initiator_random(&i) % 16 : initiator_random(&i)));
            be24_put(pdu + 5, len);
            for (uint32_t n = initiator_random(&i) % 4; n; n--)
                pdu[initiator_random(&i) % (BHS_LEN + len)] ^= (uint8_t)(1 << initiator_random(&i) % 8);
            initiator_feed(&i, pdu, BHS_LEN + len + pdu_pad(len));
            initiator_drain(&i);
        }
        initiator_fini(&i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_conversation_is_the_same_however_the_stream_is_cut),
        cmocka_unit_test(ten_thousand_wild_conversations_break_nothing_and_leave_nothing),
        cmocka_unit_test(wild_logins_break_nothing),
    };

    return RUN_TESTS(tests);
}
