/* SPDX-License-Identifier: MIT */
/* One SCSI command from its header to its status (RFC 7143 §11.3, §11.4, §11.7): the pool, the buffers, the
 * answer.
 *
 *     header -> prepare -> [immediate, unsolicited, solicited data: data_out.c] -> execute -> Data-In with
 * status | SCSI Response -> end
 *
 * Tasks and PDUs come from pools that grow to the window and no further; a read's payload goes from the
 * store's buffer to the socket untouched. What a CDB means is src/scsi's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "iscsi/conn.h"
#include "scsi/counters.h"

enum { KEY_ILLEGAL_REQUEST = 0x05, ASC_INVALID_OPERATION_CODE = 0x2000 };

static uint32_t min32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- pool and index ------------------------------------------------------------------------------------ */

void tasks_init(struct tasks *tasks)
{
    list_init(&tasks->all);
    list_init(&tasks->spare);
}

static struct task **bucket(struct iscsi_conn *conn, uint32_t itt)
{
    return &conn->tasks.buckets[(itt ^ itt >> 6 ^ itt >> 16) % TASK_BUCKETS];
}

struct task *tasks_find(struct iscsi_conn *conn, uint32_t itt)
{
    struct task *t = *bucket(conn, itt);

    while (t && t->itt != itt)
        t = t->next_in_bucket;
    return t;
}

static void unindex(struct task *task)
{
    struct task **p = bucket(task->conn, task->itt);

    while (*p != task)
        p = &(*p)->next_in_bucket;
    *p = task->next_in_bucket;
}

/* An initiator may use a place in the window again before our driver has told us that the status is sent: so
 * twice the window. */
static unsigned pool_max(const struct iscsi_conn *conn)
{
    return 2 * conn->config.limits->tasks + TASKS_IMMEDIATE;
}

static struct task *pool_take(struct iscsi_conn *conn)
{
    struct list_node *n = list_pop(&conn->tasks.spare);
    struct task *t;

    if (n)
        return container_of(n, struct task, link);
    if (conn->tasks.n_made == pool_max(conn))
        return NULL;
    t = calloc(1, sizeof *t);
    if (t)
        conn->tasks.n_made++;
    return t;
}

static void scsi_done(struct scsi_task *scsi);

static struct task *task_get(struct iscsi_conn *conn, const struct pdu_scsi_command *cmd)
{
    struct task *t = pool_take(conn);

    if (!t)
        return NULL;
    memset(&t->conn, 0,
           sizeof *t -
               offsetof(struct task, conn)); /* scsi_task_prepare() sets the answer's part of `scsi` */
    t->conn = conn;
    t->scsi.view = conn->session.view;
    memcpy(t->scsi.lun, conn->rx.bhs + 8, 8);
    memcpy(t->scsi.cdb, conn->rx.bhs + 32, SCSI_CDB_MAX);
    t->scsi.attr = cmd->attr <= SCSI_ATTR_ACA ? cmd->attr : SCSI_ATTR_SIMPLE;
    conn->tasks.ordered |= t->scsi.attr == SCSI_ATTR_ORDERED;
    t->scsi.expected_len = cmd->write ? cmd->edtl : 0;
    t->scsi.done = scsi_done;
    t->scsi.dir = SCSI_DIR_NONE;
    t->scsi.buf = NULL;
    t->scsi.lent = NULL;
    t->scsi.data_len = t->scsi.full_len = 0;
    t->scsi.aborted = false;
    t->itt = conn->rx.head.itt;
    t->begun_ns = conn->now_ns;
    t->cmdsn = pdu_cmdsn_get(conn->rx.bhs);
    t->edtl = cmd->edtl;
    t->dir_flags = conn->rx.bhs[1] & (COMMAND_READ | COMMAND_WRITE);
    t->final = cmd->final;
    t->immediate = conn->rx.head.immediate;
    t->state = TASK_UNSOLICITED;
    list_init(&t->tx.link);
    list_append(&conn->tasks.all, &t->link);
    t->next_in_bucket = *bucket(conn, t->itt);
    *bucket(conn, t->itt) = t;
    *(t->immediate ? &conn->tasks.n_immediate : &conn->session.n_open) += 1;
    return t;
}

/* Its place in the window is free again: from the moment its status is made into a PDU, or when it ends
 * without one. */
static void leave_window(struct task *task)
{
    if (task->left_window)
        return;
    task->left_window = true;
    *(task->immediate ? &task->conn->tasks.n_immediate : &task->conn->session.n_open) -= 1;
}

void task_end(struct task *task)
{
    struct iscsi_conn *conn = task->conn;

    if (task->prepared)
        scsi_task_release(&task->scsi);
    if (task->scsi.buf)
        conn_buffer_put(conn, task->scsi.buf, task->buf_size);
    conn->tasks.n_bytes -= task->buf_size;
    task->scsi.buf = NULL;
    leave_window(task);
    unindex(task);
    list_remove(&task->tx.link);
    list_remove(&task->link);
    task->state = TASK_FREE;
    list_insert_after(&conn->tasks.spare, &task->link); /* the warmest first */
}

void tasks_trim(struct iscsi_conn *conn)
{
    struct list_node *n;

    while ((n = list_pop(&conn->tasks.spare))) {
        free(container_of(n, struct task, link));
        conn->tasks.n_made--;
    }
}

/* The connection is lost: nobody wants answers. Those that src/scsi executes come back through scsi_done() */
void tasks_fini(struct iscsi_conn *conn)
{
    list_for_each_safe(n, &conn->tasks.all) {
        struct task *t = container_of(n, struct task, link);

        if (t->state == TASK_EXECUTING)
            task_abort(t);
        else if (t->state != TASK_ABORTED)
            task_end(t);
    }
}

/* ---- the command --------------------------------------------------------------------------------------- */

void task_result(struct task *task, uint8_t status, uint8_t key, uint16_t asc)
{
    struct scsi_task *s = &task->scsi;

    task->answered = true;
    s->result = (struct scsi_result){ status, key, asc };
    s->data_len = s->full_len = 0;
    s->sense_len = 0;
    if (status != SCSI_CHECK_CONDITION)
        return;
    memset(s->sense, 0, sizeof s->sense); /* fixed format, SPC-4 §4.5.3 */
    s->sense[0] = 0x70;
    s->sense[2] = key;
    s->sense[7] = 10;
    be16_put(s->sense + 12, asc);
    s->sense_len = 18;
}

/* What is wrong with the header itself, before there is a task; 0: nothing. */
static int command_fault(const struct iscsi_conn *conn, const struct pdu_scsi_command *cmd)
{
    const uint32_t imm = conn->rx.head.data_len, most = min32(cmd->edtl, conn->params.first_burst);

    if (conn->rx.head.itt == TAG_NONE)
        return REJECT_INVALID_FIELD;
    if ((cmd->read && cmd->write) || conn->rx.ahs.bidi_read)
        return REJECT_NOT_SUPPORTED; /* bidirectional commands: none of ours are */
    if (imm && (!cmd->write || !conn->params.immediate_data || imm > most))
        return REJECT_PROTOCOL_ERROR; /* §13.11, §13.14 */
    if (!cmd->final && (!cmd->write || conn->params.initial_r2t))
        return REJECT_PROTOCOL_ERROR; /* §13.10: F=0 promises unsolicited data */
    return 0;
}

/* No memory for a task: the status alone, without one. */
static int answer_full(struct iscsi_conn *conn)
{
    struct tx_pdu *pdu = tx_pdu_get(conn, OP_SCSI_RESPONSE);

    rx_drop(conn);
    if (!pdu)
        return -ENOMEM;
    pdu->header[3] = SCSI_TASK_SET_FULL;
    be32_put(pdu->header + 16, conn->rx.head.itt);
    conn->tasks.strays = true;
    tx_reply(conn, pdu);
    return 0;
}

/* How much of the command's data the initiator expects to move; in the wrong direction none. */
static uint32_t room_for(const struct task *task)
{
    static const uint8_t flag[] = {
        [SCSI_DIR_NONE] = 0, [SCSI_DIR_IN] = COMMAND_READ, [SCSI_DIR_OUT] = COMMAND_WRITE
    };

    return task->dir_flags & flag[task->scsi.dir] ? min32(task->scsi.len, task->edtl) : 0;
}

/* One session shall not take the whole pool from the others. */
static bool within_limit(const struct iscsi_conn *conn, uint32_t room)
{
    return !conn->config.limits->session_bytes ||
           conn->tasks.n_bytes + room <= conn->config.limits->session_bytes;
}

/* A read that goes out of the store's own memory is as new as its sending: a digest made before would be
 * wrong, and an ORDERED write behind it might show (SAM-5 §8.6.3), so none is lent to an initiator that uses
 * those. */
static bool may_lend(const struct iscsi_conn *conn)
{
    return !conn->data_digest && !conn->tasks.ordered;
}

static void get_room(struct task *task)
{
    uint32_t room = room_for(task);

    if (room == 0)
        return;
    if (task->scsi.dir == SCSI_DIR_IN && may_lend(task->conn) && scsi_task_borrow(&task->scsi, room))
        return;
    if (within_limit(task->conn, room))
        task->scsi.buf = conn_buffer_get(task->conn, room);
    if (!task->scsi.buf) {
        task_result(task, SCSI_TASK_SET_FULL, 0, 0);
        return;
    }
    task->conn->tasks.n_bytes += room;
    task->buf_size = task->scsi.buf_len = room;
    if (task->scsi.dir == SCSI_DIR_OUT)
        task->want = room;
}

static void begin(struct task *task)
{
    if (task->conn->rx.ahs.extended_cdb) { /* §11.2.2.3: CDBs beyond 16 bytes, of which we know none */
        task_result(task, SCSI_CHECK_CONDITION, KEY_ILLEGAL_REQUEST, ASC_INVALID_OPERATION_CODE);
        return;
    }
    task->prepared = true;
    if (scsi_task_prepare(&task->scsi))
        get_room(task);
    else
        task->answered = true;
}

int task_command_header(struct iscsi_conn *conn)
{
    struct pdu_scsi_command cmd = pdu_scsi_command_get(conn->rx.bhs);
    int reason = command_fault(conn, &cmd);
    struct task *task;

    conn->n_commands++;
    if (reason)
        return dispatch_reject(conn, reason);
    if (tasks_find(conn, conn->rx.head.itt))
        return dispatch_reject(conn, REJECT_TASK_IN_PROGRESS);
    if (conn->rx.head.immediate && conn->tasks.n_immediate == TASKS_IMMEDIATE)
        return dispatch_reject(conn, REJECT_IMMEDIATE);
    task = task_get(conn, &cmd);
    if (!task)
        return answer_full(conn);
    begin(task);
    rx_into_task(conn, task, task->want ? task->scsi.buf : NULL, min32(conn->rx.head.data_len, task->want));
    return 0;
}

int task_command_payload(struct iscsi_conn *conn)
{
    struct task *task = conn->rx.task;

    task->received = conn->rx.head.data_len;
    conn->n_bytes_in += task->received;
    data_out_advance(task);
    return 0;
}

/* ---- execution ----------------------------------------------------------------------------------------- */

void task_execute(struct task *task)
{
    task->state = TASK_EXECUTING;
    if (scsi_task_execute(&task->scsi))
        task_respond(task);
    else
        task->conn->tasks.n_running++;
}

static void scsi_done(struct scsi_task *scsi)
{
    struct task *task = container_of(scsi, struct task, scsi);
    struct iscsi_conn *conn = task->conn;

    conn->tasks.n_running--;
    if (task->state == TASK_ABORTED)
        task_end(task);
    else
        task_respond(task);
    tmf_task_ended(conn);
    logout_task_ended(conn);
    conn_check_gone(conn); /* last: it may be the end of the connection */
}

void iscsi_conn_send_faulted(struct iscsi_conn *conn)
{
    list_for_each(n, &conn->tasks.all) {
        struct task *task = container_of(n, struct task, link);

        if (task->state == TASK_RESPONDING)
            scsi_task_lent_gone(&task->scsi);
    }
}

bool task_is_abortable(const struct task *task)
{
    return task->state == TASK_UNSOLICITED || task->state == TASK_SOLICITED || task->state == TASK_EXECUTING;
}

void task_abort(struct task *task)
{
    if (task->state == TASK_UNSOLICITED || task->state == TASK_SOLICITED) {
        task->conn->tasks.strays = true;
        if (task->prepared)
            scsi_task_abort(&task->scsi);
        task_end(task);
        return;
    }
    task->state = TASK_ABORTED;
    scsi_task_abort(&task->scsi);
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

static void put_residual(const struct task *task, uint8_t *header)
{
    uint32_t moved = task->scsi.full_len; /* what it would have moved, had the initiator expected enough */

    if (moved == task->edtl)
        return;
    header[1] |= moved > task->edtl ? RESIDUAL_OVER : RESIDUAL_UNDER;
    be32_put(header + 44, moved > task->edtl ? moved - task->edtl : task->edtl - moved);
}

/* One look at the clock serves all answers that go out together. */
static void count(struct task *task)
{
    struct iscsi_conn *conn = task->conn;
    uint64_t *now_ns = &conn->tx.now_ns;

    if (!task->prepared)
        return;
    if (*now_ns == 0)
        *now_ns =
            conn->config.driver->clock ? conn->config.driver->clock(conn->config.driver_arg) : conn->now_ns;
    scsi_task_count(&task->scsi, *now_ns > task->begun_ns ? *now_ns - task->begun_ns : 0);
}

static void end_with(struct task *task, struct tx_pdu *pdu)
{
    count(task);
    pdu->statsn = STATSN_ADVANCES;
    pdu->task = task;
    pdu->ends_task = true;
    leave_window(task);
}

static void put_sense(const struct task *task, struct tx_pdu *pdu)
{
    const struct scsi_task *s = &task->scsi;

    if (s->result.status != SCSI_CHECK_CONDITION || s->sense_len == 0)
        return;
    be16_put(pdu->small, s->sense_len); /* §11.4.7 */
    memcpy(pdu->small + 2, s->sense, s->sense_len);
    pdu->data = pdu->small;
    pdu->data_len = 2u + s->sense_len;
}

static bool next_response(struct iscsi_conn *conn, struct tx_item *item, struct tx_pdu *pdu)
{
    struct task *task = container_of(item, struct task, tx);

    (void)conn;
    pdu->header[0] = OP_SCSI_RESPONSE;
    pdu->header[1] = PDU_FINAL;
    pdu->header[3] = task->scsi.result.status;
    be32_put(pdu->header + 16, task->itt);
    be32_put(pdu->header + 36, task->n_data_in + task->n_r2t); /* ExpDataSN */
    put_residual(task, pdu->header);
    put_sense(task, pdu);
    end_with(task, pdu);
    return false;
}

/* §11.7.3: status may ride in the last Data-In when there is nothing to explain. */
static bool status_rides(const struct task *task)
{
    return task->scsi.result.status == SCSI_GOOD || task->scsi.result.status == SCSI_CONDITION_MET;
}

static bool next_data_in(struct iscsi_conn *conn, struct tx_item *item, struct tx_pdu *pdu)
{
    struct task *task = container_of(item, struct task, tx);
    uint32_t left = task->to_send - task->sent, burst_left = conn->params.max_burst - task->burst_sent;
    uint32_t len = min32(min32(left, conn->params.max_xmit_segment), burst_left);
    bool last = len == left;

    pdu->header[0] = OP_DATA_IN;
    pdu->header[1] = last || len == burst_left ? PDU_FINAL : 0;
    pdu->statsn = STATSN_NONE;
    be32_put(pdu->header + 16, task->itt);
    be32_put(pdu->header + 20, TAG_NONE);
    be32_put(pdu->header + 36, task->n_data_in++);
    be32_put(pdu->header + 40, task->sent);
    pdu->data = (task->scsi.lent ? task->scsi.lent : task->scsi.buf) + task->sent;
    pdu->data_len = len;
    task->sent += len;
    task->burst_sent = pdu->header[1] ? 0 : task->burst_sent + len;
    conn->n_bytes_out += len;
    if (!last)
        return true;
    if (!status_rides(task)) {
        item->next = next_response;
        return true;
    }
    pdu->header[1] |= DATA_IN_STATUS;
    pdu->header[3] = task->scsi.result.status;
    put_residual(task, pdu->header);
    end_with(task, pdu);
    return false;
}

void task_respond(struct task *task)
{
    struct iscsi_conn *conn = task->conn;
    struct scsi_task *s = &task->scsi;

    task->state = TASK_RESPONDING;
    /* Ended by somebody else's reset: silence, unless the control mode page says TASK ABORTED (SAM-5) */
    if ((s->aborted && s->result.status != SCSI_TASK_ABORTED) || conn->state >= CONN_CLOSING) {
        task_end(task);
        conn_notify(conn); /* the window has moved */
        return;
    }
    if (s->dir == SCSI_DIR_IN && (s->buf || s->lent))
        task->to_send = s->data_len;
    list_remove(&task->tx.link); /* an R2T that is not needed any more */
    task->tx.next = task->to_send ? next_data_in : next_response;
    tx_queue(conn, &task->tx);
}
