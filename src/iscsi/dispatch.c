/* SPDX-License-Identifier: MIT */
/* Which PDU may come when, and who takes it: one row per opcode (RFC 7143 §11). The only way from the stream to a handler. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "iscsi/conn.h"

#define IN(state) (1u << (state))

static const struct pdu_handler handlers[] = {
    [OP_NOP_OUT] = { .header = nop_out_header, .payload = nop_out_payload, .states = IN(CONN_FULL), .numbered = true },
    [OP_SCSI_COMMAND] = { .header = task_command_header, .payload = task_command_payload, .states = IN(CONN_FULL), .numbered = true },
    [OP_TASK_REQUEST] = { .header = tmf_header, .payload = tmf_payload, .states = IN(CONN_FULL), .numbered = true },
    [OP_LOGIN_REQUEST] = { .header = login_header, .payload = login_payload, .states = IN(CONN_LOGIN), .in_discovery = true },
    [OP_TEXT_REQUEST] = { .header = text_request_header, .payload = text_request_payload, .states = IN(CONN_FULL),
                          .numbered = true, .in_discovery = true },
    [OP_DATA_OUT] = { .header = data_out_header, .payload = data_out_payload, .bad_digest = data_out_bad_digest, .states = IN(CONN_FULL) },
    [OP_LOGOUT_REQUEST] = { .header = logout_header, .payload = logout_payload, .states = IN(CONN_FULL), .numbered = true,
                            .in_discovery = true },
    [OP_SNACK] = { .header = snack_header, .states = IN(CONN_FULL) },
};

int dispatch_reject(struct iscsi_conn *conn, enum reject_reason reason)
{
    struct tx_pdu *pdu;

    log_debug("iscsi: %s: %s rejected, reason 0x%02x", conn->config.peer_address, pdu_opcode_name(conn->rx.head.opcode), reason);
    rx_drop(conn);
    pdu = tx_pdu_get(conn, OP_REJECT);
    if (!pdu)
        return -ENOMEM;
    pdu->header[2] = (uint8_t)reason;
    be32_put(pdu->header + 16, TAG_NONE);
    memcpy(pdu->small, conn->rx.bhs, BHS_LEN); /* §11.17: the data segment is the header that was refused */
    pdu->data = pdu->small;
    pdu->data_len = BHS_LEN;
    tx_reply(conn, pdu);
    return 0;
}

static int reject_and_close(struct iscsi_conn *conn, enum reject_reason reason, const char *why)
{
    dispatch_reject(conn, reason);
    return conn_fail(conn, why);
}

/* Not in this state. During login anything but a Login Request ends the connection without an answer (§6.3). */
static int out_of_place(struct iscsi_conn *conn)
{
    if (conn->state == CONN_LOGIN)
        return conn_fail(conn, "not a Login Request during login");
    return reject_and_close(conn, REJECT_PROTOCOL_ERROR, "Login Request in full feature phase");
}

static uint32_t segment_max(const struct iscsi_conn *conn)
{
    return conn->state == CONN_LOGIN ? LOGIN_SEGMENT_MAX : conn->config.limits->max_recv_data_segment;
}

/* ITT of all ones is an answer to our NOP-In and the only NOP-Out that carries no CmdSN of its own (§11.18.1). */
static bool is_numbered(const struct iscsi_conn *conn)
{
    return conn->rx.handler->numbered && !(conn->rx.head.opcode == OP_NOP_OUT && conn->rx.head.itt == TAG_NONE);
}

static int header_in_turn(struct iscsi_conn *conn)
{
    enum session_turn turn = is_numbered(conn) ? session_turn(conn) : TURN_NOW;
    static const struct pdu_handler hold = { .payload = session_hold };

    if (turn == TURN_NOW)
        return conn->rx.handler->header(conn);
    if (turn == TURN_NEVER) { /* §4.2.2.1: outside of the window, ignored */
        rx_drop(conn);
        return 0;
    }
    conn->rx.handler = &hold;
    return rx_into_buffer(conn);
}

int dispatch_header(struct iscsi_conn *conn)
{
    struct receiver *rx = &conn->rx;
    const struct pdu_handler *h = rx->head.opcode < ARRAY_SIZE(handlers) ? &handlers[rx->head.opcode] : NULL;

    if (!h || !h->header)
        return conn->state == CONN_LOGIN ? out_of_place(conn) : dispatch_reject(conn, REJECT_NOT_SUPPORTED);
    if (!(h->states & IN(conn->state)))
        return out_of_place(conn);
    if (rx->head.data_len > segment_max(conn))
        return reject_and_close(conn, REJECT_PROTOCOL_ERROR, "data segment longer than declared");
    rx->handler = h;
    if (rx->ahs.malformed || (rx->head.ahs_len && rx->head.opcode != OP_SCSI_COMMAND))
        return conn->state == CONN_LOGIN ? conn_fail(conn, "additional header in login") : dispatch_reject(conn, REJECT_INVALID_FIELD);
    if (conn->state == CONN_FULL) {
        conn->exp_stat_sn = pdu_exp_statsn_get(rx->bhs);
        if (conn->session.discovery && !h->in_discovery)
            return dispatch_reject(conn, REJECT_PROTOCOL_ERROR);
    }
    return header_in_turn(conn);
}

int dispatch_payload(struct iscsi_conn *conn)
{
    return conn->rx.handler->payload ? conn->rx.handler->payload(conn) : 0;
}

/* §7.8: Reject and discard. A request that carries CmdSN leaves a gap that nobody will fill at ERL 0, so the connection ends too and the
 * initiator recovers at once instead of waiting for its time-out. */
int dispatch_bad_digest(struct iscsi_conn *conn)
{
    const struct pdu_handler *h = conn->rx.handler;

    if (h->bad_digest)
        return h->bad_digest(conn);
    if (!h->payload)
        return dispatch_reject(conn, REJECT_DATA_DIGEST); /* it is dropped anyway */
    return reject_and_close(conn, REJECT_DATA_DIGEST, "data digest error");
}
