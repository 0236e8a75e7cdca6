/* SPDX-License-Identifier: MIT */
/* Which PDU may come when, and who takes it: one row per opcode (RFC 7143 §11). The only way from the stream
 * to a handler. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "iscsi/conn.h"

#define IN(state) (1u << (state))

static int unsupported_header(struct iscsi_conn *conn)
{
    return dispatch_reject(conn, REJECT_NOT_SUPPORTED);
}

/* clang-format off */
static const struct pdu_handler handlers[] = {
    [OP_NOP_OUT] = { nop_out_header, nop_out_payload, NULL, IN(CONN_FULL), .numbered = true },
    [OP_SCSI_COMMAND] = { task_command_header, task_command_payload, NULL, IN(CONN_FULL), .numbered = true },
    [OP_TASK_REQUEST] = { tmf_header, tmf_payload, NULL, IN(CONN_FULL), .numbered = true },
    [OP_LOGIN_REQUEST] = { login_header, login_payload, NULL, IN(CONN_LOGIN), .in_discovery = true },
    [OP_TEXT_REQUEST] = { text_request_header, text_request_payload, NULL, IN(CONN_FULL), .numbered = true, .in_discovery = true },
    [OP_DATA_OUT] = { data_out_header, data_out_payload, data_out_bad_digest, IN(CONN_FULL) },
    [OP_LOGOUT_REQUEST] = { logout_header, logout_payload, NULL, IN(CONN_FULL), .numbered = true, .in_discovery = true },
    [OP_SNACK] = { snack_header, NULL, NULL, IN(CONN_FULL) },
    [OP_VENDOR_FIRST ... OP_VENDOR_LAST] = { unsupported_header, NULL, NULL, IN(CONN_FULL), .numbered = true },
};
/* clang-format on */

int dispatch_reject(struct iscsi_conn *conn, enum reject_reason reason)
{
    struct tx_pdu *pdu;

    log_debug("iscsi: %s: %s rejected, reason 0x%02x", conn->config.peer_address,
              pdu_opcode_name(conn->rx.head.opcode), reason);
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

/* Not in this state. During login anything but a Login Request ends the connection at once (§6.3). */
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

/* ITT of all ones is an answer to our NOP-In and the only NOP-Out that carries no CmdSN of its own
 * (§11.18.1). */
static bool is_numbered(const struct iscsi_conn *conn)
{
    return conn->rx.handler->numbered &&
           !(conn->rx.head.opcode == OP_NOP_OUT && conn->rx.head.itt == TAG_NONE);
}

/* Its number counts, whatever is wrong with it: nobody shall wait for it. */
static int header_now(struct iscsi_conn *conn)
{
    const struct receiver *rx = &conn->rx;

    if (conn->session.discovery && !rx->handler->in_discovery)
        return dispatch_reject(conn, REJECT_PROTOCOL_ERROR); /* §4.3 */
    if (rx->ahs.malformed || (rx->head.ahs_len && rx->head.opcode != OP_SCSI_COMMAND))
        return dispatch_reject(conn, REJECT_INVALID_FIELD);
    return rx->handler->header(conn);
}

static int header_in_turn(struct iscsi_conn *conn)
{
    enum session_turn turn = is_numbered(conn) ? session_turn(conn) : TURN_NOW;
    static const struct pdu_handler hold = { .payload = session_hold };

    if (turn == TURN_NOW)
        return header_now(conn);
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
    if (conn->state == CONN_LOGIN)
        return rx->head.ahs_len ? conn_fail(conn, "additional header in login") : h->header(conn);
    conn->exp_stat_sn = pdu_exp_statsn_get(rx->bhs);
    return header_in_turn(conn);
}

int dispatch_payload(struct iscsi_conn *conn)
{
    return conn->rx.handler->payload ? conn->rx.handler->payload(conn) : 0;
}

/* §7.8: Reject and discard. A request that carries CmdSN leaves a gap that nobody will fill at ERL 0, so the
 * connection ends too and the initiator recovers at once instead of waiting for its time-out. */
int dispatch_bad_digest(struct iscsi_conn *conn)
{
    const struct pdu_handler *h = conn->rx.handler;

    if (h->bad_digest)
        return h->bad_digest(conn);
    if (!h->payload)
        return dispatch_reject(conn, REJECT_DATA_DIGEST); /* it is dropped anyway */
    return reject_and_close(conn, REJECT_DATA_DIGEST, "data digest error");
}
