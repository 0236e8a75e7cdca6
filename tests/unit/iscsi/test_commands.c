/* SPDX-License-Identifier: MIT */
/* SCSI commands through a connection: data both ways, residuals, status (RFC 7143 §4.2.5, §11.3, §11.4, §11.7, §11.8). */
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
    command_send(i, &(struct command){ .itt = 5, .op = 0x28, .lba = 1, .n_blocks = 8, .edtl = 4096, .flags = READ_FLAGS }, NULL, 0);
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
    command_send(i, &(struct command){ .itt = 5, .op = 0x28, .n_blocks = 10, .edtl = 5120, .flags = READ_FLAGS }, NULL, 0);
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

static void a_write_with_immediate_data_needs_no_r2t(void **state)
{
    struct initiator *i = *state;
    const uint8_t *pattern = initiator_pattern();
    struct reply r;

    login(i, "ImmediateData=Yes");
    command_send(i, &(struct command){ .itt = 9, .op = 0x2a, .lba = 3, .n_blocks = 8, .edtl = 4096, .flags = WRITE_FLAGS }, pattern, 4096);
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
    command_send(i, &(struct command){ .itt = 9, .op = 0x2a, .n_blocks = 8, .edtl = 4096, .flags = COMMAND_WRITE | 1 }, pattern, 512);
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
    command_send(i, &(struct command){ .itt = 9, .op = 0x2a, .n_blocks = 5, .edtl = 2560, .flags = WRITE_FLAGS }, NULL, 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_read_ends_with_its_status_in_the_last_data_in),
        TEST(a_long_read_is_cut_at_the_initiators_segment_and_burst_limits),
        TEST(a_write_with_immediate_data_needs_no_r2t),
        TEST(a_write_takes_immediate_then_unsolicited_then_solicited_data),
        TEST(as_many_r2ts_are_out_as_max_outstanding_r2t_allows),
    };

    return RUN_TESTS(tests);
}
