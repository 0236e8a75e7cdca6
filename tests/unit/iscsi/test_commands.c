/* SPDX-License-Identifier: MIT */
/* SCSI commands through a connection: data both ways, residuals, status (RFC 7143 §4.2.5, §11.3, §11.4,
 * §11.7, §11.8). */
#include "initiator.h"

#include <string.h>

/* §11.7.3 */
static void a_read_ends_with_its_status_in_the_last_data_in(void **state)
{
    struct initiator *i = *state;
    const uint8_t *pattern = initiator_pattern();
    struct reply r;

    login(i, "MaxRecvDataSegmentLength=8192");
    memcpy(i->view->disk + 512, pattern, 4096);
    command_send(
        i,
        &(struct command){ .itt = 5, .op = 0x28, .lba = 1, .n_blocks = 8, .edtl = 4096, .flags = READ_FLAGS },
        NULL, 0);
    r = initiator_expect(i, OP_DATA_IN);
    assert_int_equal(r.flags, PDU_FINAL | DATA_IN_STATUS);
    assert_int_equal(r.bhs[3], 0);
    assert_int_equal(r.itt, 5);
    assert_int_equal(r.len, 4096);
    assert_memory_equal(r.data, pattern, 4096);
    assert_true(initiator_quiet(i));
}

/* §11.7, §13.12, §13.13 */
static void a_long_read_is_cut_at_the_initiators_segment_and_burst_limits(void **state)
{
    struct initiator *i = *state;
    const uint8_t *pattern = initiator_pattern();
    struct reply r;

    login(i, "MaxRecvDataSegmentLength=1024\nMaxBurstLength=2048");
    memcpy(i->view->disk, pattern, 5120);
    command_send(i,
                 &(struct command){ .itt = 5, .op = 0x28, .n_blocks = 10, .edtl = 5120, .flags = READ_FLAGS },
                 NULL, 0);
    for (uint32_t k = 0; k < 5; k++) {
        r = initiator_expect(i, OP_DATA_IN);
        assert_int_equal(r.len, 1024);
        assert_int_equal(be32_get(r.bhs + 36), k);
        assert_int_equal(be32_get(r.bhs + 40), k * 1024);
        assert_int_equal(r.flags, k == 4 ? PDU_FINAL | DATA_IN_STATUS : k % 2 ? PDU_FINAL : 0);
        assert_memory_equal(r.data, pattern + k * 1024, 1024);
    }
    assert_true(initiator_quiet(i));
}

static void a_command_is_counted_once_with_the_time_it_took(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    i->view->hold = true;
    command_send(i,
                 &(struct command){ .itt = 5, .op = 0x28, .n_blocks = 8, .edtl = 4096, .flags = READ_FLAGS },
                 NULL, 0);
    i->now_ns += 5000;
    assert_int_equal(i->view->n_counted, 0);
    assert_true(fake_complete(i->view));
    assert_int_equal(initiator_expect(i, OP_DATA_IN).itt, 5);
    assert_int_equal(i->view->n_counted, 1);
    assert_int_equal(i->view->latency_ns, 5000);
    i->view->hold = false;
    command_send(i, &(struct command){ .itt = 6, .op = 0xee, .edtl = 0, .flags = PDU_FINAL }, NULL, 0);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).itt, 6);
    assert_int_equal(i->view->n_counted, 2);
    assert_int_equal(i->view->latency_ns, 5000);
}

static void a_write_with_immediate_data_needs_no_r2t(void **state)
{
    struct initiator *i = *state;
    const uint8_t *pattern = initiator_pattern();
    struct reply r;

    login(i, "ImmediateData=Yes");
    command_send(i,
                 &(struct command){
                     .itt = 9, .op = 0x2a, .lba = 3, .n_blocks = 8, .edtl = 4096, .flags = WRITE_FLAGS },
                 pattern, 4096);
    r = initiator_expect(i, OP_SCSI_RESPONSE);
    assert_int_equal(r.flags, PDU_FINAL);
    assert_int_equal(r.bhs[2], 0);
    assert_int_equal(r.bhs[3], 0);
    assert_memory_equal(i->view->disk + 3 * 512, pattern, 4096);
}

static void a_write_takes_immediate_then_unsolicited_then_solicited_data(void **state)
{
    struct initiator *i = *state;
    const uint8_t *pattern = initiator_pattern();
    struct reply r;

    login(i, "InitialR2T=No\nFirstBurstLength=2048\nMaxBurstLength=1024\nMaxOutstandingR2T=1");
    /* FirstBurstLength may not exceed MaxBurstLength: 1024 is what holds */
    command_send(
        i, &(struct command){ .itt = 9, .op = 0x2a, .n_blocks = 8, .edtl = 4096, .flags = COMMAND_WRITE | 1 },
        pattern, 512);
    data_out_send(i, 9, TAG_NONE, 0, 512, true, pattern + 512, 512);
    for (uint32_t k = 0; k < 3; k++) {
        r = initiator_expect(i, OP_R2T);
        assert_int_equal(be32_get(r.bhs + 36), k);
        assert_int_equal(be32_get(r.bhs + 40), 1024 + k * 1024);
        assert_int_equal(be32_get(r.bhs + 44), 1024);
        assert_true(initiator_quiet(i));
        data_out_send(i, 9, r.ttt, 0, 1024 + k * 1024, false, pattern + 1024 + k * 1024, 512);
        data_out_send(i, 9, r.ttt, 1, 1536 + k * 1024, true, pattern + 1536 + k * 1024, 512);
    }
    r = initiator_expect(i, OP_SCSI_RESPONSE);
    assert_int_equal(r.bhs[3], 0);
    assert_int_equal(be32_get(r.bhs + 36), 3); /* ExpDataSN counts R2Ts */
    assert_memory_equal(i->view->disk, pattern, 4096);
}

/* §13.17 */
static void as_many_r2ts_are_out_as_max_outstanding_r2t_allows(void **state)
{
    struct initiator *i = *state;
    const uint8_t *pattern = initiator_pattern();
    struct reply r[3];

    login(i, "MaxBurstLength=512\nMaxOutstandingR2T=3\nInitialR2T=Yes\nImmediateData=No");
    command_send(i,
                 &(struct command){ .itt = 9, .op = 0x2a, .n_blocks = 5, .edtl = 2560, .flags = WRITE_FLAGS },
                 NULL, 0);
    for (int k = 0; k < 3; k++)
        r[k] = initiator_expect(i, OP_R2T);
    assert_true(initiator_quiet(i));
    data_out_send(i, 9, r[0].ttt, 0, 0, true, pattern, 512);
    r[0] = initiator_expect(i, OP_R2T);
    assert_true(initiator_quiet(i));
    data_out_send(i, 9, r[1].ttt, 0, 512, true, pattern + 512, 512);
    r[1] = initiator_expect(i, OP_R2T);
    data_out_send(i, 9, r[2].ttt, 0, 1024, true, pattern + 1024, 512);
    data_out_send(i, 9, r[0].ttt, 0, 1536, true, pattern + 1536, 512);
    assert_true(initiator_quiet(i));
    data_out_send(i, 9, r[1].ttt, 0, 2048, true, pattern + 2048, 512);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).bhs[3], 0);
    assert_memory_equal(i->view->disk, pattern, 2560);
}

static struct reply one(struct initiator *i, const struct command *c, const void *data, uint32_t len)
{
    struct reply r;

    command_send(i, c, data, len);
    assert_true(initiator_next(i, &r));
    return r;
}

/* §11.4.5 */
#define COMMAND(op_, n, edtl_, flags_) { .op = op_, .n_blocks = n, .edtl = edtl_, .flags = flags_ }
static const struct {
    struct command c;
    uint32_t n_sent, len, residual;
    uint8_t opcode, flags;
} residuals[] = {
    { COMMAND(0x28, 2, 1024, READ_FLAGS), 0, 1024, 0, OP_DATA_IN, 0 },
    { COMMAND(0x28, 2, 4096, READ_FLAGS), 0, 1024, 3072, OP_DATA_IN, RESIDUAL_UNDER },
    { COMMAND(0x28, 2, 700, READ_FLAGS), 0, 700, 324, OP_DATA_IN, RESIDUAL_OVER },
    { COMMAND(0x28, 2, 0, PDU_FINAL | 1), 0, 0, 1024, OP_SCSI_RESPONSE, RESIDUAL_OVER },
    { COMMAND(0x12, 255, 255, READ_FLAGS), 0, 96, 159, OP_DATA_IN, RESIDUAL_UNDER },
    { COMMAND(0x12, 255, 36, READ_FLAGS), 0, 36, 60, OP_DATA_IN, RESIDUAL_OVER },
    { COMMAND(0x00, 0, 512, READ_FLAGS), 0, 0, 512, OP_SCSI_RESPONSE, RESIDUAL_UNDER },
    { COMMAND(0x2a, 2, 1024, WRITE_FLAGS), 1024, 0, 0, OP_SCSI_RESPONSE, 0 },
    { COMMAND(0x2a, 2, 512, WRITE_FLAGS), 512, 0, 512, OP_SCSI_RESPONSE, RESIDUAL_OVER },
    { COMMAND(0x2a, 1, 2048, WRITE_FLAGS), 2048, 0, 1536, OP_SCSI_RESPONSE, RESIDUAL_UNDER },
    { COMMAND(0x2a, 1, 0, PDU_FINAL | 1), 0, 0, 512, OP_SCSI_RESPONSE, RESIDUAL_OVER },
    { COMMAND(0x2a, 1, 512, READ_FLAGS), 0, 0, 0, OP_SCSI_RESPONSE, 0 },
};

static void residuals_say_how_much_more_or_less_there_was(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    for (size_t k = 0; k < sizeof residuals / sizeof *residuals; k++) {
        struct reply r = one(i, &residuals[k].c, initiator_pattern(), residuals[k].n_sent);

        assert_int_equal(r.opcode, residuals[k].opcode);
        assert_int_equal(r.len, residuals[k].len);
        assert_int_equal(r.flags & (RESIDUAL_UNDER | RESIDUAL_OVER), residuals[k].flags);
        assert_int_equal(be32_get(r.bhs + 44), residuals[k].residual);
        assert_true(initiator_quiet(i));
    }
}

/* SPDK CVE-2021-28361: expected data and none there */
static void a_write_that_expects_data_and_brings_none_is_asked_for_it(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    login(i, "");
    r = one(i, &(struct command){ .itt = 1, .op = 0x2a, .n_blocks = 1, .edtl = 512, .flags = WRITE_FLAGS },
            NULL, 0);
    assert_int_equal(r.opcode, OP_R2T);
    data_out_send(i, 1, r.ttt, 0, 0, false, NULL, 0);
    data_out_send(i, 1, r.ttt, 1, 0, true, initiator_pattern(), 512);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).bhs[3], 0);
}

/* §11.4.7 */
static void a_refused_command_carries_its_sense(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    login(i, "");
    r = one(i, &(struct command){ .itt = 1, .op = 0xee, .edtl = 512, .flags = READ_FLAGS }, NULL, 0);
    assert_int_equal(r.opcode, OP_SCSI_RESPONSE);
    assert_int_equal(r.bhs[3], SCSI_CHECK_CONDITION);
    assert_int_equal(r.len, 20);
    assert_int_equal(be16_get(r.data), 18);
    assert_int_equal(r.data[4], 5);
    assert_int_equal(be16_get(r.data + 14), 0x2400);
    assert_int_equal(r.flags & RESIDUAL_UNDER, RESIDUAL_UNDER);
    assert_int_equal(be32_get(r.bhs + 44), 512);
}

/* found by fuzz_pdu, in the fake disk: 0xffffffff + 1 is 0 in 32 bits */
static void the_last_address_of_all_is_out_of_range(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    login(i, "");
    r = one(i,
            &(struct command){
                .itt = 1, .op = 0x28, .lba = 0xffffffff, .n_blocks = 1, .edtl = 512, .flags = READ_FLAGS },
            NULL, 0);
    assert_int_equal(r.bhs[3], SCSI_CHECK_CONDITION);
    assert_int_equal(be16_get(r.data + 14), 0x2100);
}

static void a_refused_write_answers_when_its_unsolicited_data_has_come(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    login(i, "InitialR2T=No");
    command_send(
        i,
        &(struct command){
            .itt = 1, .op = 0x2a, .lba = 999999, .n_blocks = 8, .edtl = 4096, .flags = COMMAND_WRITE | 1 },
        initiator_pattern(), 1024);
    data_out_send(i, 1, TAG_NONE, 0, 1024, false, initiator_pattern(), 1024);
    assert_true(initiator_quiet(i));
    data_out_send(i, 1, TAG_NONE, 1, 2048, true, initiator_pattern(), 2048);
    r = initiator_expect(i, OP_SCSI_RESPONSE);
    assert_int_equal(be16_get(r.data + 14), 0x2100);
}

/* §13.14 with an initiator that sends less unasked than it may */
static void what_is_missing_after_unsolicited_data_is_solicited(void **state)
{
    struct initiator *i = *state;
    const uint8_t *pattern = initiator_pattern();
    struct reply r;

    login(i, "InitialR2T=No\nFirstBurstLength=65536");
    command_send(
        i, &(struct command){ .itt = 1, .op = 0x2a, .n_blocks = 8, .edtl = 4096, .flags = COMMAND_WRITE | 1 },
        NULL, 0);
    data_out_send(i, 1, TAG_NONE, 0, 0, true, pattern, 1000);
    r = initiator_expect(i, OP_R2T);
    assert_int_equal(be32_get(r.bhs + 40), 1000);
    assert_int_equal(be32_get(r.bhs + 44), 3096);
    data_out_send(i, 1, r.ttt, 0, 1000, true, pattern + 1000, 3096);
    initiator_expect(i, OP_SCSI_RESPONSE);
    assert_memory_equal(i->view->disk, pattern, 4096);
}

/* A sequence that ends early: ABORTED COMMAND, INCORRECT AMOUNT OF DATA (§11.4.7.2) */
static void a_short_sequence_ends_the_command(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    login(i, "");
    r = one(i, &(struct command){ .itt = 1, .op = 0x2a, .n_blocks = 8, .edtl = 4096, .flags = WRITE_FLAGS },
            NULL, 0);
    data_out_send(i, 1, r.ttt, 0, 0, true, initiator_pattern(), 1024);
    r = initiator_expect(i, OP_SCSI_RESPONSE);
    assert_int_equal(r.bhs[3], SCSI_CHECK_CONDITION);
    assert_int_equal(r.data[4], 0x0b);
    assert_int_equal(be16_get(r.data + 14), 0x0c0d);
    assert_int_equal(i->view->n_executed, 0);
}

/* §11.17.1: what breaks the order of a command's data is rejected, and the command ends with CHECK CONDITION
 * once its data has come */
static void data_that_breaks_the_rules_ends_the_command(void **state)
{
    enum { WRONG_TTT, WRONG_SN, WRONG_OFFSET, TOO_MUCH, NO_FINAL, UNSOLICITED, N_CASES };
    struct initiator *i = *state;

    login(i, "");
    for (int k = 0; k < N_CASES; k++) {
        uint32_t ttt;
        struct reply r = one(
            i, &(struct command){ .itt = 1, .op = 0x2a, .n_blocks = 8, .edtl = 4096, .flags = WRITE_FLAGS },
            NULL, 0);

        assert_int_equal(r.opcode, OP_R2T);
        ttt = r.ttt;
        data_out_send(i, 1, k == UNSOLICITED ? TAG_NONE : ttt + (k == WRONG_TTT), k == WRONG_SN,
                      k == WRONG_OFFSET ? 512 : 0, k != NO_FINAL, initiator_pattern(),
                      k == TOO_MUCH       ? 4100
                      : k == WRONG_OFFSET ? 3584
                                          : 4096);
        assert_int_equal(initiator_expect(i, OP_REJECT).bhs[2], REJECT_PROTOCOL_ERROR);
        if (k == NO_FINAL || k == UNSOLICITED) {
            assert_true(initiator_quiet(i)); /* the sequence that was asked for has not ended */
            data_out_send(i, 1, ttt, 0, 0, true, initiator_pattern(), 512);
        }
        r = initiator_expect(i, OP_SCSI_RESPONSE);
        assert_int_equal(r.bhs[3], SCSI_CHECK_CONDITION);
        assert_int_equal(be16_get(r.data + 14), 0x4b00);
        assert_int_equal(i->view->n_executed, 0);
    }
}

/* §13.14, §13.10, §13.11: what may come unasked */
static void unasked_data_beyond_what_was_agreed_is_rejected(void **state)
{
    static const struct {
        const char *keys;
        uint8_t flags;
        uint32_t edtl, len;
    } cases[] = {
        { "FirstBurstLength=512", WRITE_FLAGS, 4096, 1024 },
        { "ImmediateData=No", WRITE_FLAGS, 4096, 512 },
        { "InitialR2T=Yes", COMMAND_WRITE | 1, 4096, 512 },
        { "", WRITE_FLAGS, 512, 1024 },                 /* more than expected in all */
        { "", READ_FLAGS, 4096, 512 },                  /* data with a read */
        { "InitialR2T=No", COMMAND_READ | 1, 4096, 0 }, /* F=0 without W */
    };

    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct initiator *i = *state;
        struct reply r;

        initiator_connect(i);
        login(i, cases[k].keys);
        r = one(i,
                &(struct command){
                    .itt = 1, .op = 0x2a, .n_blocks = 8, .edtl = cases[k].edtl, .flags = cases[k].flags },
                initiator_pattern(), cases[k].len);
        assert_int_equal(r.opcode, OP_REJECT);
        assert_int_equal(r.bhs[2], REJECT_PROTOCOL_ERROR);
        assert_int_equal(i->view->n_executed, 0);
        assert_int_equal(one(i, &(struct command){ .itt = 2, .flags = PDU_FINAL | 1 }, NULL, 0).opcode,
                         OP_SCSI_RESPONSE);
        initiator_fini(i);
        unconnected(state);
    }
    {
        struct initiator *i = *state;

        initiator_connect(i);
        login(i, "InitialR2T=No\nFirstBurstLength=1024");
        command_send(i,
                     &(struct command){
                         .itt = 1, .op = 0x2a, .n_blocks = 8, .edtl = 4096, .flags = COMMAND_WRITE | 1 },
                     initiator_pattern(), 512);
        data_out_send(i, 1, TAG_NONE, 0, 512, true, initiator_pattern(), 1024);
        initiator_expect(i, OP_REJECT);
        assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).bhs[3], SCSI_CHECK_CONDITION);
    }
}

static void a_tag_that_is_in_use_is_rejected(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    login(i, "");
    i->view->hold = true;
    command_send(i, &(struct command){ .itt = 1, .flags = PDU_FINAL | 1 }, NULL, 0);
    r = one(i, &(struct command){ .itt = 1, .flags = PDU_FINAL | 1 }, NULL, 0);
    assert_int_equal(r.bhs[2], REJECT_TASK_IN_PROGRESS);
    fake_complete(i->view);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).itt, 1);
}

static void commands_complete_in_any_order(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    i->view->hold = true;
    command_send(i,
                 &(struct command){ .itt = 1, .op = 0x28, .n_blocks = 8, .edtl = 4096, .flags = READ_FLAGS },
                 NULL, 0);
    i->view->hold = false;
    command_send(i, &(struct command){ .itt = 2, .flags = PDU_FINAL | 1 }, NULL, 0);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).itt, 2);
    assert_true(initiator_quiet(i));
    fake_complete(i->view);
    assert_int_equal(initiator_expect(i, OP_DATA_IN).itt, 1);
}

/* §13.1: both digests on all PDUs after login, padding included */
static void digests_protect_headers_and_data(void **state)
{
    struct initiator *i = *state;
    const uint8_t *pattern = initiator_pattern();
    struct reply r;

    login(i, "HeaderDigest=CRC32C\nDataDigest=CRC32C\nMaxBurstLength=1024\nImmediateData="
             "Yes\nFirstBurstLength=512");
    command_send(i,
                 &(struct command){ .itt = 1, .op = 0x2a, .n_blocks = 4, .edtl = 2048, .flags = WRITE_FLAGS },
                 pattern, 509);
    for (uint32_t at = 509; at < 2048; at += be32_get(r.bhs + 44)) {
        r = initiator_expect(i, OP_R2T);
        assert_int_equal(be32_get(r.bhs + 40), at);
        data_out_send(i, 1, r.ttt, 0, at, true, pattern + at, be32_get(r.bhs + 44));
    }
    initiator_expect(i, OP_SCSI_RESPONSE);
    r = one(i, &(struct command){ .itt = 2, .op = 0x28, .n_blocks = 4, .edtl = 2047, .flags = READ_FLAGS },
            NULL, 0);
    assert_memory_equal(r.data, pattern, 1024);
    r = initiator_expect(i, OP_DATA_IN);
    assert_int_equal(r.len, 1023);
    assert_memory_equal(r.data, pattern + 1024, 1023);
}

/* §7.7: a header that can not be believed ends the connection without a word */
static void a_wrong_header_digest_ends_the_connection(void **state)
{
    struct initiator *i = *state;

    login(i, "HeaderDigest=CRC32C");
    i->spoil_header_digest = true;
    command_send(i, &(struct command){ .itt = 1, .flags = PDU_FINAL | 1 }, NULL, 0);
    assert_true(i->received < 0);
    assert_true(initiator_quiet(i));
    assert_true(iscsi_conn_wants_close(i->conn));
}

/* §7.8: Reject; the task ends with PROTOCOL SERVICE CRC ERROR after the rest of its data, and the connection
 * lives */
static void a_wrong_digest_of_solicited_data_ends_the_command_only(void **state)
{
    struct initiator *i = *state;
    const uint8_t *pattern = initiator_pattern();
    struct reply r, sense;

    login(i, "DataDigest=CRC32C\nMaxBurstLength=2048\nMaxOutstandingR2T=2");
    r = one(i, &(struct command){ .itt = 1, .op = 0x2a, .n_blocks = 8, .edtl = 4096, .flags = WRITE_FLAGS },
            NULL, 0);
    i->spoil_data_digest = true;
    data_out_send(i, 1, r.ttt, 0, 0, false, pattern, 1024);
    i->spoil_data_digest = false;
    assert_int_equal(initiator_expect(i, OP_R2T).ttt, r.ttt + 1);
    assert_int_equal(initiator_expect(i, OP_REJECT).bhs[2], REJECT_DATA_DIGEST);
    data_out_send(i, 1, r.ttt, 1, 1024, true, pattern, 1024);
    assert_true(initiator_quiet(i));
    data_out_send(i, 1, r.ttt + 1, 0, 2048, true, pattern, 2048);
    sense = initiator_expect(i, OP_SCSI_RESPONSE);
    assert_int_equal(sense.bhs[3], SCSI_CHECK_CONDITION);
    assert_int_equal(be16_get(sense.data + 14), 0x4705);
    assert_int_equal(i->view->n_executed, 0);
    assert_int_equal(one(i, &(struct command){ .itt = 2, .flags = PDU_FINAL | 1 }, NULL, 0).bhs[3], 0);
}

static void a_wrong_digest_of_immediate_data_is_rejected_and_ends_the_connection(void **state)
{
    struct initiator *i = *state;

    login(i, "DataDigest=CRC32C");
    i->spoil_data_digest = true;
    command_send(i,
                 &(struct command){ .itt = 1, .op = 0x2a, .n_blocks = 1, .edtl = 512, .flags = WRITE_FLAGS },
                 initiator_pattern(), 512);
    assert_int_equal(initiator_expect(i, OP_REJECT).bhs[2], REJECT_DATA_DIGEST);
    assert_true(initiator_is_over(i));
    assert_int_equal(i->view->n_executed, 0);
}

/* The driver is shown the task's own buffer for long data: nothing is copied. */
static void long_data_is_received_where_it_belongs(void **state)
{
    struct initiator *i = *state;
    uint8_t bhs[BHS_LEN];
    struct iovec iov[4];

    login(i, "FirstBurstLength=262144");
    command_pdu(
        i, bhs,
        &(struct command){ .itt = 1, .op = 0x2a, .n_blocks = 256, .edtl = 131072, .flags = WRITE_FLAGS });
    be24_put(bhs + 5, 131072);
    initiator_feed(i, bhs, BHS_LEN);
    assert_int_equal(iscsi_conn_input(i->conn, iov, 4), 2);
    assert_int_equal(iov[0].iov_len, 131072);
    initiator_feed(i, initiator_pattern(), 131072);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).bhs[3], 0);
    assert_memory_equal(i->view->disk, initiator_pattern(), 131072);
}

static void answers_of_a_turn_leave_together(void **state)
{
    struct initiator *i = *state;
    struct iovec iov[64];

    login(i, "");
    for (uint32_t k = 0; k < 16; k++)
        command_send(
            i, &(struct command){ .itt = k, .op = 0x28, .n_blocks = 8, .edtl = 4096, .flags = READ_FLAGS },
            NULL, 0);
    assert_int_equal(iscsi_conn_output(i->conn, iov, 64), 32); /* header and data each, without a copy */
    for (uint32_t k = 0; k < 16; k++)
        assert_int_equal(initiator_expect(i, OP_DATA_IN).itt, k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_read_ends_with_its_status_in_the_last_data_in),
        TEST(a_long_read_is_cut_at_the_initiators_segment_and_burst_limits),
        TEST(a_command_is_counted_once_with_the_time_it_took),
        TEST(a_write_with_immediate_data_needs_no_r2t),
        TEST(a_write_takes_immediate_then_unsolicited_then_solicited_data),
        TEST(as_many_r2ts_are_out_as_max_outstanding_r2t_allows),
        TEST(residuals_say_how_much_more_or_less_there_was),
        TEST(a_write_that_expects_data_and_brings_none_is_asked_for_it),
        TEST(a_refused_command_carries_its_sense),
        TEST(the_last_address_of_all_is_out_of_range),
        TEST(a_refused_write_answers_when_its_unsolicited_data_has_come),
        TEST(what_is_missing_after_unsolicited_data_is_solicited),
        TEST(a_short_sequence_ends_the_command),
        TEST(data_that_breaks_the_rules_ends_the_command),
        TEST_FRESH(unasked_data_beyond_what_was_agreed_is_rejected),
        TEST(a_tag_that_is_in_use_is_rejected),
        TEST(commands_complete_in_any_order),
        TEST(digests_protect_headers_and_data),
        TEST(a_wrong_header_digest_ends_the_connection),
        TEST(a_wrong_digest_of_solicited_data_ends_the_command_only),
        TEST(a_wrong_digest_of_immediate_data_is_rejected_and_ends_the_connection),
        TEST(long_data_is_received_where_it_belongs),
        TEST(answers_of_a_turn_leave_together),
    };

    return RUN_TESTS(tests);
}
