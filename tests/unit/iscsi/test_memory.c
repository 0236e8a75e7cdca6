/* SPDX-License-Identifier: MIT */
/* Out of memory is a path like any other: the 1st, 2nd, 3rd ... allocation fails, until a whole conversation
 * goes through. The driver's buffers are the connection's allocations too.
 */
#include "initiator.h"

#include "alloc_faults.h"

/* One of each kind of request, whatever the answers are. */
static void requests(struct initiator *i)
{
    static const char keys[] =
        "InitiatorName=" OUR_NAME "\nTargetName=" TARGET_NAME "\nMaxRecvDataSegmentLength=1024\nX-y=z";
    uint8_t bhs[BHS_LEN];
    struct reply r;

    login_send(i, FULL_FROM_OPERATIONAL, keys);
    while (initiator_next(i, &r))
        ;
    for (uint32_t k = 1; k < 4; k++) {
        command_send(
            i, &(struct command){ .itt = k, .op = 0x2a, .n_blocks = 8, .edtl = 4096, .flags = WRITE_FLAGS },
            initiator_pattern(), 1024);
        while (initiator_next(i, &r))
            if (r.opcode == OP_R2T)
                data_out_send(i, k, r.ttt, 0, 1024, true, initiator_pattern() + 1024, 3072);
        command_send(
            i, &(struct command){ .itt = k, .op = 0x28, .n_blocks = 8, .edtl = 4096, .flags = READ_FLAGS },
            NULL, 0);
    }
    i->cmdsn++; /* a gap: the next one is held */
    command_send(i,
                 &(struct command){ .itt = 9, .op = 0x2a, .n_blocks = 1, .edtl = 512, .flags = WRITE_FLAGS },
                 initiator_pattern(), 512);
    request_pdu(i, bhs, OP_TASK_REQUEST | PDU_IMMEDIATE, PDU_FINAL | TMF_ABORT_TASK, 50);
    be32_put(bhs + 20, 77);
    be32_put(bhs + 32, i->cmdsn - 2);
    initiator_send(i, bhs, NULL, 0);
    request_pdu(i, bhs, OP_NOP_OUT | PDU_IMMEDIATE, PDU_FINAL, 51);
    initiator_send(i, bhs, "ping", 4);
    request_pdu(i, bhs, OP_TEXT_REQUEST | PDU_IMMEDIATE, PDU_FINAL, 52);
    initiator_send(i, bhs, "SendTargets=\0X-z=1", 19);
    while (initiator_next(i, &r))
        ;
    request_pdu(i, bhs, OP_SNACK, PDU_FINAL, 53);
    initiator_send(i, bhs, NULL, 0);
    i->view->hold = true;
    command_send(i, &(struct command){ .itt = 10, .flags = PDU_FINAL | 1, .immediate = true }, NULL, 0);
    request_pdu(i, bhs, OP_TASK_REQUEST | PDU_IMMEDIATE, PDU_FINAL | TMF_LOGICAL_UNIT_RESET, 54);
    initiator_send(i, bhs, NULL, 0);
    fake_complete(i->view);
    iscsi_conn_request_logout(i->conn, 1);
    iscsi_conn_drop(i->conn);
    while (initiator_next(i, &r))
        ;
}

static void every_allocation_may_fail_once(void **state)
{
    unsigned n;

    (void)state;
    for (n = 1; n < 10000; n++) {
        struct initiator i;

        initiator_init(&i);
        initiator_connect(&i);
        alloc_faults_arm(n);
        requests(&i);
        alloc_faults_disarm();
        initiator_fini(&i);
        if (!alloc_faults_hit())
            break;
    }
    assert_true(n > 20 && n < 10000);
}

static void creating_a_connection_may_fail(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 2; n++) {
        struct iscsi_conn_config config = { .limits = &iscsi_limits_default };
        struct iscsi_conn *conn;

        alloc_faults_arm(n);
        assert_true(iscsi_conn_create(&config, &conn) < 0);
        alloc_faults_disarm();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail_once),
        cmocka_unit_test(creating_a_connection_may_fail),
    };

    return RUN_TESTS(tests);
}
