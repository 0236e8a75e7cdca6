/* SPDX-License-Identifier: MIT */
/* The data of writes: unsolicited Data-Out, R2T, solicited Data-Out (RFC 7143 §4.2.5, §11.7, §11.8).
 *
 * DataPDUInOrder and DataSequenceInOrder are Yes: bytes come in order, R2Ts are answered in the order sent.
 * So a task needs no list of R2Ts, only how many are out, how many are answered, and where the one being
 * answered ends:
 *
 *     0 ... immediate, unsolicited ... | R2T 0 (MaxBurstLength) | R2T 1 | ... want
 *                           received ^                burst_end ^
 */
#include <errno.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "iscsi/conn.h"

/* ABORTED COMMAND with the codes of RFC 7143 §11.4.7.2, and DATA PHASE ERROR for what breaks the order */
enum {
    ABORTED_COMMAND = 0x0b,
    ASC_INCORRECT_AMOUNT = 0x0c0d,
    ASC_CRC_ERROR = 0x4705,
    ASC_DATA_PHASE = 0x4b00
};

static uint32_t min32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static bool may_ask(const struct task *task)
{
    return !task->answered && task->r2t_offset < task->want &&
           task->n_r2t - task->n_r2t_done < task->conn->params.max_outstanding_r2t;
}

static bool next_r2t(struct iscsi_conn *conn, struct tx_item *item, struct tx_pdu *pdu)
{
    struct task *task = container_of(item, struct task, tx);
    uint32_t len = min32(task->want - task->r2t_offset, conn->params.max_burst);

    pdu->header[0] = OP_R2T;
    pdu->header[1] = PDU_FINAL;
    pdu->statsn = STATSN_SHOWN;
    memcpy(pdu->header + 8, task->scsi.lun, 8);
    be32_put(pdu->header + 16, task->itt);
    be32_put(pdu->header + 20, task->ttt + task->n_r2t);
    be32_put(pdu->header + 36, task->n_r2t);
    be32_put(pdu->header + 40, task->r2t_offset);
    be32_put(pdu->header + 44, len);
    task->n_r2t++;
    task->r2t_offset += len;
    return may_ask(task);
}

/* A block of tags for all R2Ts of the task; the reserved value is in none. */
static uint32_t take_tags(struct iscsi_conn *conn, uint32_t n)
{
    uint32_t first = conn->next_ttt;

    if (first + n < first || first + n == TAG_NONE)
        first = 0;
    conn->next_ttt = first + n;
    return first;
}

static void solicit(struct task *task)
{
    struct iscsi_conn *conn = task->conn;

    if (task->state == TASK_UNSOLICITED) {
        uint32_t left = task->want - task->received;

        task->state = TASK_SOLICITED;
        task->r2t_offset = task->received;
        task->burst_end = task->received + min32(left, conn->params.max_burst);
        task->ttt = take_tags(conn, (left - 1) / conn->params.max_burst + 1);
        task->data_sn = 0;
        task->tx.next = next_r2t;
    }
    if (!list_linked(&task->tx.link) && may_ask(task))
        tx_queue(conn, &task->tx);
}

void data_out_advance(struct task *task)
{
    if (!task->final)
        return;
    if (task->answered)
        list_remove(&task->tx.link); /* no more R2Ts */
    if (!task->answered && task->received < task->want)
        solicit(task);
    else if (task->n_r2t_done < task->n_r2t)
        return; /* data that was asked for still comes, and is dropped */
    else if (task->answered)
        task_respond(task);
    else
        task_execute(task);
}

/* ---- receiving ----------------------------------------------------------------------------------------- */

/* Data for a task that is not there: late data of an aborted one is dropped in silence, anything else is an
 * error. */
static int stray(struct iscsi_conn *conn)
{
    if (session_holds_itt(conn, conn->rx.head.itt)) {
        dispatch_reject(conn, REJECT_PROTOCOL_ERROR);
        return conn_fail(conn, "unsolicited data for a command that waits for its turn");
    }
    if (!conn->tasks.strays)
        return dispatch_reject(conn, REJECT_INVALID_FIELD);
    rx_drop(conn);
    return 0;
}

static void fail(struct task *task, uint16_t asc)
{
    if (!task->answered)
        task_result(task, SCSI_CHECK_CONDITION, ABORTED_COMMAND, asc);
}

/* §11.17.1: Reject, and the command that had begun ends with CHECK CONDITION: when the data that is under way
 * for it has come. */
static int reject_data(struct iscsi_conn *conn, struct task *task, enum reject_reason reason, uint16_t asc)
{
    const struct pdu_handler *handler = conn->rx.handler;
    int r = dispatch_reject(conn, reason);

    conn->rx.handler = handler; /* its F bit still counts */
    rx_into_task(conn, task, NULL, 0);
    fail(task, asc);
    return r;
}

static const char *unsolicited_fault(const struct task *task, const struct pdu_data_out *d, uint32_t len)
{
    uint32_t most = min32(task->edtl, task->conn->params.first_burst);

    if (task->state != TASK_UNSOLICITED || task->final)
        return "unsolicited data that was not announced";
    if (d->data_sn != task->data_sn || d->offset != task->received)
        return "Data-Out out of order";
    return len > most - task->received ? "unsolicited data beyond FirstBurstLength" : NULL;
}

static const char *solicited_fault(const struct task *task, const struct pdu_data_out *d, uint32_t len)
{
    if (task->state != TASK_SOLICITED || task->n_r2t_done == task->n_r2t ||
        d->ttt != task->ttt + task->n_r2t_done)
        return "Data-Out with a target transfer tag that is not its turn";
    if (d->data_sn != task->data_sn || d->offset != task->received)
        return "Data-Out out of order";
    if (len > task->burst_end - task->received)
        return "Data-Out beyond its R2T";
    return !d->final && len && len == task->burst_end - task->received
               ? "F bit missing at the end of a sequence"
               : NULL;
}

int data_out_header(struct iscsi_conn *conn)
{
    struct pdu_data_out d = pdu_data_out_get(conn->rx.bhs);
    struct task *task = tasks_find(conn, conn->rx.head.itt);
    const uint32_t len = conn->rx.head.data_len;
    const char *fault;

    if (!task || (task->state != TASK_UNSOLICITED && task->state != TASK_SOLICITED))
        return stray(conn);
    rx_into_task(conn, task, NULL, 0);
    if (task->answered)
        return 0; /* whatever it is, it is dropped */
    fault = d.ttt == TAG_NONE ? unsolicited_fault(task, &d, len) : solicited_fault(task, &d, len);
    if (fault) {
        log_debug("iscsi: %s: ITT 0x%08x: %s", conn->config.peer_address, task->itt, fault);
        return reject_data(conn, task, REJECT_PROTOCOL_ERROR, ASC_DATA_PHASE);
    }
    if (task->received < task->want)
        rx_into_task(conn, task, task->scsi.buf + task->received, min32(len, task->want - task->received));
    return 0;
}

static void end_of_burst(struct task *task, bool solicited)
{
    if (task->state == TASK_UNSOLICITED)
        task->final = true;
    if (task->state == TASK_UNSOLICITED || !solicited || task->n_r2t_done == task->n_r2t)
        return;
    if (task->received < task->burst_end)
        fail(task, ASC_INCORRECT_AMOUNT);
    task->burst_end += min32(task->want - task->burst_end, task->conn->params.max_burst);
    task->data_sn = 0;
    task->n_r2t_done++;
}

static int came(struct iscsi_conn *conn, struct task *task)
{
    task->received += conn->rx.head.data_len;
    task->data_sn++;
    if (!(conn->rx.head.flags & PDU_FINAL))
        return 0;
    end_of_burst(task, pdu_data_out_get(conn->rx.bhs).ttt != TAG_NONE);
    data_out_advance(task);
    return 0;
}

int data_out_payload(struct iscsi_conn *conn)
{
    conn->n_bytes_in += conn->rx.head.data_len;
    return came(conn, conn->rx.task);
}

/* §7.8 */
int data_out_bad_digest(struct iscsi_conn *conn)
{
    struct task *task = conn->rx.task;
    int r = reject_data(conn, task, REJECT_DATA_DIGEST, ASC_CRC_ERROR);

    return r < 0 ? r : came(conn, task);
}
