/* SPDX-License-Identifier: MIT */
/* Task management (RFC 7143 §11.5, §11.6). */
#include "initiator.h"

#include <string.h>

static void request(struct initiator *i, uint32_t itt, uint8_t function, uint8_t lun, uint32_t rtt,
                    uint32_t ref_cmdsn)
{
    uint8_t bhs[BHS_LEN];

    request_pdu(i, bhs, OP_TASK_REQUEST | PDU_IMMEDIATE, PDU_FINAL | function, itt);
    bhs[9] = lun;
    be32_put(bhs + 20, rtt);
    be32_put(bhs + 32, ref_cmdsn);
    initiator_send(i, bhs, NULL, 0);
}

static void assert_answer(struct initiator *i, uint32_t itt, unsigned response)
{
    struct reply r = initiator_expect(i, OP_TASK_RESPONSE);

    assert_int_equal(r.itt, itt);
    assert_int_equal(r.bhs[2], response);
}

static void test_unit_ready(struct initiator *i, uint32_t itt)
{
    command_send(i, &(struct command){ .itt = itt, .flags = PDU_FINAL | 1 }, NULL, 0);
}

/* The response says that the task has ended: it comes after the store has given the task back, and the task
 * answers nothing. */
static void abort_task_waits_for_the_task_to_end(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    i->view->hold = true;
    test_unit_ready(i, 1);
    test_unit_ready(i, 2);
    request(i, 50, TMF_ABORT_TASK, 0, 2, 101);
    assert_true(initiator_quiet(i));
    fake_complete(i->view);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).itt, 1);
    assert_true(initiator_quiet(i));
    fake_complete(i->view);
    assert_answer(i, 50, TMF_COMPLETE);
    assert_true(initiator_quiet(i));
}

static void abort_task_ends_a_write_that_waits_for_data_at_once(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    login(i, "");
    command_send(i,
                 &(struct command){ .itt = 1, .op = 0x2a, .n_blocks = 8, .edtl = 4096, .flags = WRITE_FLAGS },
                 NULL, 0);
    r = initiator_expect(i, OP_R2T);
    request(i, 50, TMF_ABORT_TASK, 0, 1, 100);
    assert_answer(i, 50, TMF_COMPLETE);
    data_out_send(i, 1, r.ttt, 0, 0, true, initiator_pattern(), 4096); /* was under way: dropped in silence */
    assert_true(initiator_quiet(i));
    assert_int_equal(i->view->n_executed, 0);
    test_unit_ready(i, 2);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).itt, 2);
}

static void abort_task_of_a_task_that_is_not_there_says_so(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    test_unit_ready(i, 1);
    initiator_expect(i, OP_SCSI_RESPONSE);
    request(i, 50, TMF_ABORT_TASK, 0, 1, 100);
    assert_answer(i, 50, TMF_NO_TASK);
    request(i, 51, TMF_ABORT_TASK, 0, 77, 500);
    assert_answer(i, 51, TMF_NO_TASK);
}

/* §11.5.1: the command has not come yet; its number counts as received, what follows runs, and it never runs
 * itself */
static void abort_task_of_a_command_that_did_not_come_fills_its_gap(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    i->cmdsn = 101;
    test_unit_ready(i, 2);
    assert_true(initiator_quiet(i));
    request(i, 50, TMF_ABORT_TASK, 0, 1, 100);
    assert_answer(i, 50, TMF_COMPLETE);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).itt, 2);
    assert_int_equal(i->exp_cmdsn, 102);
    i->cmdsn = 100;
    test_unit_ready(i, 1);
    assert_true(initiator_quiet(i));
}

static void abort_task_set_ends_the_tasks_of_that_unit(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    i->view->hold = true;
    for (uint32_t k = 1; k <= 4; k++)
        test_unit_ready(i, k);
    request(i, 50, TMF_ABORT_TASK_SET, 0, TAG_NONE, 0);
    for (int k = 0; k < 4; k++) {
        assert_true(initiator_quiet(i));
        fake_complete(i->view);
    }
    assert_answer(i, 50, TMF_COMPLETE);
    assert_true(initiator_quiet(i));
    assert_int_equal(i->view->n_resets + i->view->n_clears, 0);
}

/* SAM-5 §4.7.5: LUN 0 by flat space is LUN 0 by peripheral device, and its tasks are the same task set. */
static void a_unit_is_the_same_however_its_lun_is_addressed(void **state)
{
    struct initiator *i = *state;
    uint8_t bhs[BHS_LEN];

    login(i, "");
    i->view->hold = true;
    test_unit_ready(i, 1);
    request_pdu(i, bhs, OP_TASK_REQUEST | PDU_IMMEDIATE, PDU_FINAL | TMF_ABORT_TASK_SET, 50);
    bhs[8] = 0x40;
    be32_put(bhs + 20, TAG_NONE);
    initiator_send(i, bhs, NULL, 0);
    assert_true(initiator_quiet(i)); /* until the task has ended */
    fake_complete(i->view);
    assert_answer(i, 50, TMF_COMPLETE);
    assert_true(initiator_quiet(i)); /* and it is silent */
}

/* §11.5.1: all commands with a CmdSN before the request's, also one that waits for its turn */
static void a_command_that_waits_for_its_turn_is_aborted_too(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    i->cmdsn = 101;
    test_unit_ready(i, 2);
    request(i, 50, TMF_LOGICAL_UNIT_RESET, 0, TAG_NONE, 0);
    assert_answer(i, 50, TMF_COMPLETE);
    i->cmdsn = 100;
    test_unit_ready(i, 1);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).itt, 1);
    assert_true(initiator_quiet(i));
    assert_int_equal(i->exp_cmdsn, 102);
    i->cmdsn = 102;
    test_unit_ready(i, 3);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).itt, 3);
}

static void clear_task_set_and_unit_reset_reach_the_unit(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    request(i, 50, TMF_CLEAR_TASK_SET, 0, TAG_NONE, 0);
    assert_answer(i, 50, TMF_COMPLETE);
    assert_int_equal(i->view->n_clears, 1);
    request(i, 51, TMF_LOGICAL_UNIT_RESET, 0, TAG_NONE, 0);
    assert_answer(i, 51, TMF_COMPLETE);
    assert_int_equal(i->view->n_resets, 1);
}

static void functions_on_a_unit_that_is_not_there_say_so(void **state)
{
    static const uint8_t functions[] = { TMF_ABORT_TASK_SET, TMF_CLEAR_TASK_SET, TMF_LOGICAL_UNIT_RESET };
    struct initiator *i = *state;

    login(i, "");
    for (uint32_t k = 0; k < sizeof functions; k++) {
        request(i, k, functions[k], 9, TAG_NONE, 0);
        assert_answer(i, k, TMF_NO_LUN);
    }
    assert_int_equal(i->view->n_resets + i->view->n_clears, 0);
}

static void functions_that_we_do_not_have_are_refused(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    request(i, 1, TMF_CLEAR_ACA, 0, TAG_NONE, 0);
    assert_answer(i, 1, TMF_NOT_SUPPORTED);
    request(i, 2, TMF_TASK_REASSIGN, 0, 1, 0);
    assert_answer(i, 2, TMF_NO_REASSIGN);
    request(i, 3, 0, 0, 1, 0);
    assert_answer(i, 3, TMF_NOT_SUPPORTED);
    request(i, 4, 0x7f, 0, 1, 0);
    assert_answer(i, 4, TMF_NOT_SUPPORTED);
}

static void a_warm_reset_ends_all_tasks_and_keeps_the_connection(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    i->view->hold = true;
    test_unit_ready(i, 1);
    request(i, 50, TMF_TARGET_WARM_RESET, 0, TAG_NONE, 0);
    assert_int_equal(i->view->n_resets, 1);
    fake_complete(i->view);
    assert_answer(i, 50, TMF_COMPLETE);
    i->view->hold = false;
    test_unit_ready(i, 2);
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).itt, 2);
}

static void a_cold_reset_ends_the_connection_too(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    request(i, 50, TMF_TARGET_COLD_RESET, 0, TAG_NONE, 0);
    assert_answer(i, 50, TMF_COMPLETE);
    assert_int_equal(initiator_expect(i, OP_ASYNC).bhs[36], ASYNC_DROP_CONNECTION);
    assert_true(initiator_is_over(i));
}

static void two_functions_may_wait_for_one_task(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    i->view->hold = true;
    test_unit_ready(i, 1);
    request(i, 50, TMF_ABORT_TASK, 0, 1, 100);
    request(i, 51, TMF_LOGICAL_UNIT_RESET, 0, TAG_NONE, 0);
    assert_true(initiator_quiet(i));
    fake_complete(i->view);
    assert_answer(i, 50, TMF_COMPLETE);
    assert_answer(i, 51, TMF_COMPLETE);
}

static void functions_waiting_without_end_are_bounded(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    i->view->hold = true;
    test_unit_ready(i, 1);
    for (uint32_t k = 0; k < 16; k++)
        request(i, 50 + k, TMF_LOGICAL_UNIT_RESET, 0, TAG_NONE, 0);
    assert_true(initiator_quiet(i));
    request(i, 99, TMF_LOGICAL_UNIT_RESET, 0, TAG_NONE, 0);
    assert_int_equal(initiator_expect(i, OP_REJECT).bhs[2], REJECT_IMMEDIATE);
}

static void a_connection_lost_while_a_function_waits_leaves_nothing(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    i->view->hold = true;
    test_unit_ready(i, 1);
    request(i, 50, TMF_LOGICAL_UNIT_RESET, 0, TAG_NONE,
            0); /* disconnect() completes the command after the loss */
}

/* Somebody else's reset has ended the task in src/scsi: no answer, the window opens. */
static void a_task_that_another_session_has_aborted_is_silent(void **state)
{
    struct initiator *i = *state;

    login(i, "");
    i->view->hold = true;
    test_unit_ready(i, 1);
    container_of(i->view->held.next, struct scsi_task, link)->aborted = true;
    fake_complete(i->view);
    assert_true(initiator_quiet(i));
    i->view->hold = false;
    test_unit_ready(i, 1); /* the tag is free */
    assert_int_equal(initiator_expect(i, OP_SCSI_RESPONSE).itt, 1);
    assert_int_equal(i->max_cmdsn, i->exp_cmdsn + i->limits.tasks - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(abort_task_waits_for_the_task_to_end),
        TEST(abort_task_ends_a_write_that_waits_for_data_at_once),
        TEST(abort_task_of_a_task_that_is_not_there_says_so),
        TEST(abort_task_of_a_command_that_did_not_come_fills_its_gap),
        TEST(abort_task_set_ends_the_tasks_of_that_unit),
        TEST(a_unit_is_the_same_however_its_lun_is_addressed),
        TEST(a_command_that_waits_for_its_turn_is_aborted_too),
        TEST(clear_task_set_and_unit_reset_reach_the_unit),
        TEST(functions_on_a_unit_that_is_not_there_say_so),
        TEST(functions_that_we_do_not_have_are_refused),
        TEST(a_warm_reset_ends_all_tasks_and_keeps_the_connection),
        TEST(a_cold_reset_ends_the_connection_too),
        TEST(two_functions_may_wait_for_one_task),
        TEST(functions_waiting_without_end_are_bounded),
        TEST(a_connection_lost_while_a_function_waits_leaves_nothing),
        TEST(a_task_that_another_session_has_aborted_is_silent),
    };

    return RUN_TESTS(tests);
}
