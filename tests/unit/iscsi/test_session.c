/* SPDX-License-Identifier: MIT */
/* Command numbering, the window, overload (RFC 7143 §4.2.2.1). */
#include "initiator.h"

#include <string.h>

static void test_unit_ready(struct initiator *i, uint32_t itt, bool immediate)
{
    command_send(i, &(struct command){ .itt = itt, .flags = PDU_FINAL | 1, .immediate = immediate }, NULL, 0);
}

static void commands_run_in_the_order_of_their_numbers(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    i->cmdsn = 102;
    test_unit_ready(i, 3, false);
    i->cmdsn = 101;
    test_unit_ready(i, 2, false);
    assert_true(initiator_quiet(i));
    assert_int_equal(i->view->n_executed, 0);
    i->cmdsn = 100;
    test_unit_ready(i, 1, false);
    for (uint32_t itt = 1; itt <= 3; itt++)
        assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).itt, itt);
    assert_int_equal(i->exp_cmdsn, 103);
}

static void a_held_write_keeps_its_immediate_data(void **state)
{
    struct initiator *i = *state;
    const struct command w = { .itt = 2, .op = 0x2a, .n_blocks = 4, .edtl = 2048, .flags = WRITE_FLAGS };

    login(i, "");
    i->cmdsn = 101;
    command_send(i, &w, initiator_pattern(), 2048);
    i->cmdsn = 100;
    test_unit_ready(i, 1, false);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).itt, 1);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).itt, 2);
    assert_memory_equal(i->view->disk, initiator_pattern(), 2048);
}

static void held_commands_die_with_the_connection(void **state)
{
    struct initiator *i = *state;
    const struct command w = { .itt = 2, .op = 0x2a, .n_blocks = 4, .edtl = 2048, .flags = WRITE_FLAGS };

    login(i, "");
    i->cmdsn = 101;
    command_send(i, &w, initiator_pattern(), 2048);
    assert_true(initiator_quiet(i));
    assert_true(i->n_buffers > 0); /* disconnect() finds none left */
}

static void numbers_outside_of_the_window_are_ignored(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    i->cmdsn = 99; /* before ExpCmdSN */
    test_unit_ready(i, 1, false);
    i->cmdsn = i->max_cmdsn + 1;
    test_unit_ready(i, 2, false);
    i->cmdsn = 100 - 0x7fffffff;
    test_unit_ready(i, 3, false);
    assert_true(initiator_quiet(i));
    i->cmdsn = 100;
    test_unit_ready(i, 4, false);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).itt, 4);
    i->cmdsn = 100; /* again */
    test_unit_ready(i, 5, false);
    assert_true(initiator_quiet(i));
}

static void immediate_commands_do_not_advance_the_number(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    test_unit_ready(i, 1, true);
    initiator_expect(i, OP_SCSI_RESPONSE);
    assert_int_equal(i->exp_cmdsn, 100);
    test_unit_ready(i, 2, false);
    initiator_expect(i, OP_SCSI_RESPONSE);
    assert_int_equal(i->exp_cmdsn, 101);
}

/* What is rejected has used its number: the commands behind it do not wait for it. */
static void a_rejected_request_leaves_no_gap(void **state)
{
    struct initiator *i = *state;
    uint8_t pdu[BHS_LEN + 4] = { 0 };

    login(i, "");
    request_pdu(i, pdu, OP_NOP_OUT, PDU_FINAL, 1);
    pdu[4] = 1; /* an additional header where none belongs */
    initiator_feed(i, pdu, sizeof pdu);
    assert_int_equal(initiator_expect(i, OP_REJECT).bhs[2], REJECT_INVALID_FIELD);
    i->cmdsn++;
    request_pdu(i, pdu, OP_VENDOR_FIRST, PDU_FINAL, 1);
    initiator_send(i, pdu, NULL, 0);
    assert_int_equal(initiator_expect(i, OP_REJECT).bhs[2], REJECT_NOT_SUPPORTED);
    i->cmdsn++;
    test_unit_ready(i, 1, false);
    initiator_expect(i, OP_SCSI_RESPONSE);
    assert_int_equal(i->exp_cmdsn, 103);
}

static void numbers_wrap_around(void **state)
{
    struct initiator *i = *state;

    i->cmdsn = 0xfffffffe;
    initiator_connect(i);
    login(i, "");
    for (uint32_t k = 1; k <= 5; k++) {
        test_unit_ready(i, k, false);
        initiator_expect(i, OP_SCSI_RESPONSE);
        assert_int_equal(i->exp_cmdsn, 0xfffffffe + k);
        assert_int_equal(i->max_cmdsn, 0xfffffffe + k + i->limits.tasks - 1);
    }
}

static void statsn_counts_every_answer_once(void **state)
{
    struct initiator *i = *state;
    uint32_t first;

    login(i, "");
    test_unit_ready(i, 1, false);
    first = initiator_expect(i, OP_SCSI_RESPONSE).statsn;
    for (uint32_t k = 1; k < 10; k++) {
        test_unit_ready(i, 1, false);
        assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).statsn, first + k);
    }
}

/* The window is what bounds us: it closes as commands are in flight, and opens as they end; MaxCmdSN never
 * goes back. */
static void the_window_closes_when_all_tasks_are_in_flight(void **state)
{
    struct initiator *i = *state;
    uint32_t max = 0;

    i->limits.tasks = 4;
    initiator_connect(i);
    login(i, "");
    i->view->hold = true;
    for (uint32_t k = 1; k <= 6; k++)
        test_unit_ready(i, k, false); /* 100 ... 103 are in the window, 104 and 105 are not */
    assert_int_equal(i->view->n_held, 4);
    while (fake_complete(i->view)) {
        initiator_expect(i, OP_SCSI_RESPONSE);
        assert_int_equal(i->exp_cmdsn, 104);
        assert_true(i->max_cmdsn > max);
        max = i->max_cmdsn;
    }
    assert_int_equal(i->max_cmdsn, 107);
    assert_true(initiator_quiet(i));
    i->cmdsn = 104;
    test_unit_ready(i, 9, false);
    assert_int_equal(i->view->n_held, 1);
}

static void too_many_immediate_commands_are_rejected(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    login(i, "");
    i->view->hold = true;
    for (uint32_t k = 1; k <= 16; k++)
        test_unit_ready(i, k, true);
    assert_true(initiator_quiet(i));
    test_unit_ready(i, 17, true);
    r = initiator_expect(i, OP_REJECT);
    assert_int_equal(r.bhs[2], REJECT_IMMEDIATE);
}

/* The pool has no buffer: TASK SET FULL, and data that comes is thrown away. */
static void without_buffers_commands_end_with_task_set_full(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    i->limits.max_recv_data_segment = 8192;
    initiator_connect(i);
    login(i, "InitialR2T=No\nFirstBurstLength=65536");
    i->buffer_max = 70000;
    command_send(
        i, &(struct command){ .itt = 1, .op = 0x28, .n_blocks = 256, .edtl = 131072, .flags = READ_FLAGS },
        NULL, 0);
    r = initiator_expect(i, OP_SCSI_RESPONSE);
    assert_int_equal(r.bhs[3], SCSI_TASK_SET_FULL);
    command_send(i,
                 &(struct command){
                     .itt = 2, .op = 0x2a, .n_blocks = 256, .edtl = 131072, .flags = COMMAND_WRITE | 1 },
                 initiator_pattern(), 8192);
    assert_true(initiator_quiet(i)); /* he has said that more comes unasked */
    data_out_send(i, 2, TAG_NONE, 0, 8192, true, initiator_pattern(), 8192);
    r = initiator_expect(i, OP_SCSI_RESPONSE);
    assert_int_equal(r.bhs[3], SCSI_TASK_SET_FULL);
    assert_int_equal(i->view->n_executed, 0);
    i->buffer_max = 1 << 20;
    command_send(i,
                 &(struct command){ .itt = 1, .op = 0x28, .n_blocks = 1, .edtl = 512, .flags = READ_FLAGS },
                 NULL, 0);
    initiator_expect(i, OP_DATA_IN);
}

/* A peer that asks and does not read is held back, and nothing grows. */
static void a_peer_that_does_not_read_its_answers_is_not_listened_to(void **state)
{
    struct initiator *i = *state;
    uint8_t bhs[BHS_LEN];
    struct iovec iov[2];
    unsigned n;

    login(i, "");
    request_pdu(i, bhs, OP_NOP_OUT | PDU_IMMEDIATE, PDU_FINAL, 3);
    for (n = 0; iscsi_conn_input(i->conn, iov, 2) > 0; n++) {
        assert_true(n < 1000);
        initiator_send(i, bhs, "ping", 4);
    }
    assert_true(n >= 100);
    while (n--)
        initiator_expect(i, OP_NOP_IN);
    assert_true(iscsi_conn_input(i->conn, iov, 2) > 0);
}

static void pings_that_nobody_fetches_hold_few_bytes(void **state)
{
    struct initiator *i = *state;
    uint8_t bhs[BHS_LEN];
    struct iovec iov[2];

    login(i, "");
    request_pdu(i, bhs, OP_NOP_OUT | PDU_IMMEDIATE, PDU_FINAL, 3);
    for (unsigned n = 0; iscsi_conn_input(i->conn, iov, 2) > 0; n++) {
        assert_true(n < 100);
        initiator_send(i, bhs, initiator_pattern(), 262144);
    }
    assert_true(i->buffer_bytes < 2u << 20);
    initiator_drain(i);
    assert_true(iscsi_conn_input(i->conn, iov, 2) > 0);
}

/* limits.session_bytes: one session does not take the pool from the others */
static void a_session_has_its_share_of_buffers_and_no_more(void **state)
{
    struct initiator *i = *state;
    const struct command r1 = { .itt = 1, .op = 0x28, .n_blocks = 100, .edtl = 51200, .flags = READ_FLAGS };
    struct command r2 = r1;

    i->limits.session_bytes = 64 << 10;
    initiator_connect(i);
    login(i, "MaxRecvDataSegmentLength=65536");
    i->view->hold = true;
    r2.itt = 2;
    command_send(i, &r1, NULL, 0);
    command_send(i, &r2, NULL, 0);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).bhs[3], SCSI_TASK_SET_FULL);
    fake_complete(i->view);
    assert_int_equal(initiator_expect(i, OP_DATA_IN).itt, 1);
    i->view->hold = false;
    command_send(i, &r2, NULL, 0);
    assert_int_equal(initiator_expect(i, OP_DATA_IN).itt, 2);
}

static void an_idle_connection_keeps_no_buffers(void **state)
{
    struct initiator *i = *state;
    const struct command w = { .itt = 2, .op = 0x2a, .n_blocks = 128, .edtl = 65536, .flags = WRITE_FLAGS };

    login(i, "");
    for (int k = 0; k < 4; k++) {
        command_send(i, &w, initiator_pattern(), 65536);
        initiator_expect(i, OP_SCSI_RESPONSE);
    }
    for (uint32_t k = 0; k < 40; k++) {
        test_unit_ready(i, 9, false);
        initiator_expect(i, OP_SCSI_RESPONSE);
    }
    assert_int_equal(i->n_buffers, 0);
}

static void wake_is_called_once_until_the_driver_looks(void **state)
{
    struct initiator *i = *state;
    unsigned before;

    login(i, "");
    i->view->hold = true;
    test_unit_ready(i, 1, false);
    test_unit_ready(i, 2, false);
    test_unit_ready(i, 3, false);
    assert_true(initiator_quiet(i));
    before = i->n_wakes;
    fake_complete(i->view);
    fake_complete(i->view);
    assert_int_equal(i->n_wakes, before + 1);
    initiator_drain(i);
    fake_complete(i->view);
    assert_int_equal(i->n_wakes, before + 2);
}

/* The driver may learn of a finished send late: a whole window more of commands still finds tasks. */
static void a_window_of_commands_may_come_before_the_last_send_is_known(void **state)
{
    struct initiator *i = *state;
    struct iovec iov[64];

    i->limits.tasks = 8;
    initiator_connect(i);
    login(i, "");
    for (uint32_t k = 0; k < 8; k++)
        test_unit_ready(i, k, false);
    assert_int_equal(iscsi_conn_output(i->conn, iov, 64),
                     8); /* on their way, iscsi_conn_sent() is still to come */
    for (uint32_t k = 8; k < 16; k++)
        test_unit_ready(i, k, false);
    for (uint32_t k = 0; k < 16; k++) {
        struct reply r = initiator_expect(i, OP_SCSI_RESPONSE);

        assert_int_equal(r.itt, k);
        assert_int_equal(r.bhs[3], SCSI_GOOD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commands_run_in_the_order_of_their_numbers),
        TEST(a_held_write_keeps_its_immediate_data),
        TEST(held_commands_die_with_the_connection),
        TEST(numbers_outside_of_the_window_are_ignored),
        TEST(immediate_commands_do_not_advance_the_number),
        TEST(a_rejected_request_leaves_no_gap),
        TEST_FRESH(numbers_wrap_around),
        TEST(statsn_counts_every_answer_once),
        TEST_FRESH(the_window_closes_when_all_tasks_are_in_flight),
        TEST(too_many_immediate_commands_are_rejected),
        TEST_FRESH(without_buffers_commands_end_with_task_set_full),
        TEST(a_peer_that_does_not_read_its_answers_is_not_listened_to),
        TEST(pings_that_nobody_fetches_hold_few_bytes),
        TEST_FRESH(a_session_has_its_share_of_buffers_and_no_more),
        TEST(an_idle_connection_keeps_no_buffers),
        TEST(wake_is_called_once_until_the_driver_looks),
        TEST_FRESH(a_window_of_commands_may_come_before_the_last_send_is_known),
    };

    return RUN_TESTS(tests);
}
