/* SPDX-License-Identifier: MIT */
/* Task management (RFC 7143 §11.5, §11.6): each function names the tasks it ends; the response waits until
 * the last of them has ended. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "iscsi/conn.h"

#define TMFS_MAX 16 /* waiting at once; an initiator has one or two */

/* A request whose tasks still run. Owned by conn->tmfs. */
struct tmf {
    struct list_node link;
    uint32_t itt, rtt;
    uint8_t lun[8];
    uint8_t function;
};

typedef bool tmf_covers(const struct tmf *f, const struct task *t);

static bool covers_one(const struct tmf *f, const struct task *t)
{
    return t->itt == f->rtt;
}

static bool covers_all(const struct tmf *f, const struct task *t)
{
    (void)f, (void)t;
    return true;
}

/* Single-level LUN, peripheral device or flat space addressing (SAM-5 §4.7); -1: no number of ours. */
static int lun_number(const uint8_t lun[8])
{
    static const uint8_t zeros[6];
    int n = (lun[0] & 0x3f) << 8 | lun[1];

    if (lun[0] >> 6 > 1 || memcmp(lun + 2, zeros, 6) != 0 || n > SCSI_LUN_MAX)
        return -1;
    return n;
}

/* By number: there are two ways to write it. check_unit() has seen that the request's is a unit's. */
static bool covers_unit(const struct tmf *f, const struct task *t)
{
    return lun_number(t->scsi.lun) == lun_number(f->lun);
}

/* ---- functions: first a check that may refuse, then this session's tasks end, then what reaches beyond the
 * session  */

typedef enum task_function_response tmf_check(struct iscsi_conn *conn, const struct tmf *f);
typedef void tmf_effect(struct iscsi_conn *conn, const struct tmf *f);

/* §11.5.1: the task may have ended, or not have come yet; then its CmdSN counts as received. */
static enum task_function_response check_task(struct iscsi_conn *conn, const struct tmf *f)
{
    struct pdu_task_request q = pdu_task_request_get(conn->rx.bhs);
    struct task *t = tasks_find(conn, f->rtt);

    if (t)
        return task_is_abortable(t) ? TMF_COMPLETE : TMF_NO_TASK;
    if (sn_before(q.ref_cmdsn, conn->session.exp_cmdsn) ||
        !sn_before(q.ref_cmdsn, pdu_cmdsn_get(conn->rx.bhs)) ||
        sn_before(conn->session.max_cmdsn, q.ref_cmdsn))
        return TMF_NO_TASK;
    return session_void(conn, q.ref_cmdsn) == 0 ? TMF_COMPLETE : TMF_REJECTED;
}

static enum task_function_response check_unit(struct iscsi_conn *conn, const struct tmf *f)
{
    int n = lun_number(f->lun);

    return n >= 0 && scsi_view_lookup(conn->session.view, (uint16_t)n) ? TMF_COMPLETE : TMF_NO_LUN;
}

static enum task_function_response check_reassign(struct iscsi_conn *conn, const struct tmf *f)
{
    (void)conn, (void)f;
    return TMF_NO_REASSIGN; /* allegiance moves at ERL 2 only */
}

static void clear_task_set(struct iscsi_conn *conn, const struct tmf *f)
{
    scsi_lu_clear_task_set(conn->session.view, f->lun);
}

static void unit_reset(struct iscsi_conn *conn, const struct tmf *f)
{
    scsi_lu_reset(conn->session.view, f->lun);
}

static void target_reset(struct iscsi_conn *conn, const struct tmf *f)
{
    (void)f;
    for (uint16_t n = 0; n <= SCSI_LUN_MAX; n++) {
        uint8_t lun[8] = { 0, (uint8_t)n };

        if (scsi_view_lookup(conn->session.view, n))
            scsi_lu_reset(conn->session.view, lun);
    }
}

static void cold_reset(struct iscsi_conn *conn, const struct tmf *f)
{
    target_reset(conn, f);
    if (conn->config.directory->cold_reset)
        conn->config.directory->cold_reset(conn->config.dir, conn);
}

static const struct tmf_def {
    tmf_check *check;   /* NULL: none */
    tmf_covers *covers; /* NULL: there is no such function */
    tmf_effect *effect; /* NULL: none */
    bool closes;
} functions[] = {
    [TMF_ABORT_TASK] = { check_task, covers_one, NULL },
    [TMF_ABORT_TASK_SET] = { check_unit, covers_unit, NULL },
    [TMF_CLEAR_TASK_SET] = { check_unit, covers_unit, clear_task_set },
    [TMF_LOGICAL_UNIT_RESET] = { check_unit, covers_unit, unit_reset },
    [TMF_TARGET_WARM_RESET] = { NULL, covers_all, target_reset },
    [TMF_TARGET_COLD_RESET] = { NULL, covers_all, cold_reset, .closes = true },
    [TMF_TASK_REASSIGN] = { check_reassign, covers_one, NULL },
};

/* ---- request and response ------------------------------------------------------------------------------ */

static int respond(struct iscsi_conn *conn, const struct tmf *f, enum task_function_response response)
{
    struct tx_pdu *pdu = tx_pdu_get(conn, OP_TASK_RESPONSE);

    if (!pdu)
        return -ENOMEM;
    pdu->header[2] = (uint8_t)response;
    be32_put(pdu->header + 16, f->itt);
    tx_reply(conn, pdu);
    if (response == TMF_COMPLETE && functions[f->function].closes)
        conn_event(conn, EV_DROP); /* a cold reset ends the connection too */
    return 0;
}

static bool waits(const struct iscsi_conn *conn, const struct tmf *f)
{
    list_for_each(n, &conn->tasks.all) {
        const struct task *t = container_of(n, struct task, link);

        if (t->state == TASK_ABORTED && functions[f->function].covers(f, t))
            return true;
    }
    return false;
}

static void end_tasks(struct iscsi_conn *conn, const struct tmf *f)
{
    list_for_each_safe(n, &conn->tasks.all) {
        struct task *t = container_of(n, struct task, link);

        if (task_is_abortable(t) && functions[f->function].covers(f, t))
            task_abort(t);
    }
    if (f->function != TMF_ABORT_TASK)
        session_void_commands(conn, functions[f->function].covers == covers_all ? NULL : f->lun);
}

static int wait_for_tasks(struct iscsi_conn *conn, const struct tmf *f)
{
    struct tmf *waiting = malloc(sizeof *waiting);

    if (!waiting)
        return -ENOMEM;
    *waiting = *f;
    list_append(&conn->tmfs, &waiting->link);
    conn->n_tmfs++;
    return 0;
}

static void tmf_free(struct iscsi_conn *conn, struct tmf *f)
{
    list_remove(&f->link);
    conn->n_tmfs--;
    free(f);
}

void tmf_task_ended(struct iscsi_conn *conn)
{
    list_for_each_safe(n, &conn->tmfs) {
        struct tmf *f = container_of(n, struct tmf, link);

        if (waits(conn, f))
            continue;
        if (conn->state < CONN_CLOSING)
            respond(conn, f, TMF_COMPLETE);
        tmf_free(conn, f);
    }
}

void tmf_fini(struct iscsi_conn *conn)
{
    list_for_each_safe(n, &conn->tmfs)
        tmf_free(conn, container_of(n, struct tmf, link));
}

int tmf_header(struct iscsi_conn *conn)
{
    return conn->n_tmfs == TMFS_MAX ? dispatch_reject(conn, REJECT_IMMEDIATE) : 0;
}

int tmf_payload(struct iscsi_conn *conn)
{
    struct pdu_task_request q = pdu_task_request_get(conn->rx.bhs);
    struct tmf f = { .itt = conn->rx.head.itt, .rtt = q.rtt, .function = q.function };
    const struct tmf_def *def = q.function < ARRAY_SIZE(functions) ? &functions[q.function] : NULL;
    enum task_function_response refusal;

    if (!def || !def->covers)
        return respond(conn, &f, TMF_NOT_SUPPORTED);
    memcpy(f.lun, conn->rx.bhs + 8, 8);
    refusal = def->check ? def->check(conn, &f) : TMF_COMPLETE;
    if (refusal)
        return respond(conn, &f, refusal);
    end_tasks(conn, &f);
    if (def->effect)
        def->effect(conn, &f);
    return waits(conn, &f) ? wait_for_tasks(conn, &f) : respond(conn, &f, TMF_COMPLETE);
}
