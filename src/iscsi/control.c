/* SPDX-License-Identifier: MIT */
/* The small PDUs: NOP both ways, Logout, SNACK, Async Message (RFC 7143 §11.18, §11.19, §11.14, §11.16,
 * §11.9). */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "iscsi/conn.h"

/* ---- NOP ----------------------------------------------------------------------------------------------- */

static uint32_t next_tag(struct iscsi_conn *conn)
{
    if (conn->next_ttt == TAG_NONE)
        conn->next_ttt = 0;
    return conn->next_ttt++;
}

int nop_out_header(struct iscsi_conn *conn)
{
    if (conn->rx.head.itt != TAG_NONE)
        return rx_into_buffer(conn);
    if (!conn->rx.head.immediate) /* §11.18.1: without a tag of its own the I bit MUST be set */
        return dispatch_reject(conn, REJECT_PROTOCOL_ERROR);
    rx_drop(conn); /* the answer to our NOP-In: having heard it was all */
    return 0;
}

int nop_out_payload(struct iscsi_conn *conn)
{
    const uint32_t len = conn->rx.head.data_len, most = conn->params.max_xmit_segment;
    struct tx_pdu *pdu = tx_pdu_get(conn, OP_NOP_IN);

    if (!pdu)
        return -ENOMEM;
    memcpy(pdu->header + 8, conn->rx.bhs + 8, 8);
    be32_put(pdu->header + 16, conn->rx.head.itt);
    be32_put(pdu->header + 20, TAG_NONE);
    if (len) {
        tx_pdu_own(conn, pdu, rx_take_data(conn), len);
        pdu->data_len = len < most ? len : most; /* §11.19.2: as much of it as the initiator can take */
    }
    tx_reply(conn, pdu);
    return 0;
}

void nop_in_ping(struct iscsi_conn *conn)
{
    struct tx_pdu *pdu = tx_pdu_get(conn, OP_NOP_IN);

    if (!pdu)
        return;
    be32_put(pdu->header + 16, TAG_NONE);
    be32_put(pdu->header + 20, next_tag(conn));
    pdu->statsn = STATSN_SHOWN;
    tx_reply(conn, pdu);
}

/* ---- SNACK --------------------------------------------------------------------------------------------- */

int snack_header(struct iscsi_conn *conn)
{
    return dispatch_reject(conn, REJECT_SNACK); /* ERL 0 keeps nothing to send again */
}

/* ---- Logout -------------------------------------------------------------------------------------------- */

static int logout_answer(struct iscsi_conn *conn, uint32_t itt, enum logout_response response)
{
    struct tx_pdu *pdu = tx_pdu_get(conn, OP_LOGOUT_RESPONSE);

    if (!pdu)
        return -ENOMEM;
    pdu->header[2] = (uint8_t)response;
    be32_put(pdu->header + 16, itt);
    be16_put(pdu->header + 40, (uint16_t)conn->params.time2wait);
    be16_put(pdu->header + 42, (uint16_t)conn->params.time2retain);
    tx_reply(conn, pdu);
    return 0;
}

/* Logout has no data segment: no place is named for one, so what comes is dropped. */
int logout_header(struct iscsi_conn *conn)
{
    (void)conn;
    return 0;
}

static int logout_refusal(const struct iscsi_conn *conn, const struct pdu_logout_request *q)
{
    if (q->reason == LOGOUT_RECOVERY)
        return LOGOUT_NO_RECOVERY;
    return q->reason == LOGOUT_CONNECTION && q->cid != conn->session.cid ? LOGOUT_NO_CID : LOGOUT_OK;
}

int logout_payload(struct iscsi_conn *conn)
{
    struct pdu_logout_request q = pdu_logout_request_get(conn->rx.bhs);
    int refusal = logout_refusal(conn, &q);

    if (q.reason > LOGOUT_RECOVERY)
        return dispatch_reject(conn, REJECT_INVALID_FIELD);
    if (refusal)
        return logout_answer(conn, conn->rx.head.itt, refusal);
    conn->logout_itt = conn->rx.head.itt;
    conn_event(conn, EV_LOGOUT);
    logout_task_ended(conn);
    return 0;
}

/* §11.14: the answer comes when the commands of the session have ended. */
void logout_task_ended(struct iscsi_conn *conn)
{
    if (conn->state != CONN_LOGOUT || conn->tasks.n_running)
        return;
    if (logout_answer(conn, conn->logout_itt, LOGOUT_OK) == 0)
        conn_event(conn, EV_LOGOUT_DONE);
}

/* ---- Async Message ------------------------------------------------------------------------------------- */

void async_message(struct iscsi_conn *conn, enum async_event event, uint16_t p1, uint16_t p2, uint16_t p3)
{
    struct tx_pdu *pdu = tx_pdu_get(conn, OP_ASYNC);

    if (!pdu)
        return;
    be32_put(pdu->header + 16, TAG_NONE);
    pdu->header[36] = (uint8_t)event;
    be16_put(pdu->header + 38, p1);
    be16_put(pdu->header + 40, p2);
    be16_put(pdu->header + 42, p3);
    tx_reply(conn, pdu);
}
