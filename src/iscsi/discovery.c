/* SPDX-License-Identifier: MIT */
/* Text Requests in full feature phase (RFC 7143 §11.10): SendTargets and the few keys that may be negotiated
 * there.
 *
 * One exchange at a time. Text comes in over any number of PDUs (C bit) and goes out the same way; a request
 * with a new beginning (Target Transfer Tag of all ones) abandons what was there. Both directions are
 * bounded: limits.login_bytes in, limits.text_bytes out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "iscsi/conn.h"

struct text_exchange {
    struct text in, out;
    size_t out_at;  /* what of `out` has been sent */
    bool answering; /* the request is complete, `out` is being sent */
    uint32_t itt, ttt;
    struct key_negotiation keys;
};

void text_exchange_destroy(struct text_exchange *x)
{
    if (!x)
        return;
    text_fini(&x->in);
    text_fini(&x->out);
    free(x);
}

static struct text_exchange *exchange_begin(struct iscsi_conn *conn)
{
    struct text_exchange *x = calloc(1, sizeof *x);

    text_exchange_destroy(conn->text);
    conn->text = x;
    if (!x)
        return NULL;
    text_init(&x->in, conn->config.limits->login_bytes);
    text_init(&x->out, conn->config.limits->text_bytes);
    x->itt = conn->rx.head.itt;
    x->ttt = conn->next_ttt == TAG_NONE ? 0 : conn->next_ttt;
    conn->next_ttt = x->ttt + 1;
    x->keys = (struct key_negotiation){
        .params = &conn->params,
        .limits = conn->config.limits,
        .phase = KEY_IN_FULL,
        .discovery = conn->session.discovery,
    };
    return x;
}

static void exchange_end(struct iscsi_conn *conn)
{
    text_exchange_destroy(TAKE_PTR(conn->text));
}

static int refuse(struct iscsi_conn *conn, enum reject_reason reason)
{
    exchange_end(conn); /* §11.10.4, §7.2: a rejected Text Request resets the negotiation */
    return dispatch_reject(conn, reason);
}

/* ---- SendTargets (§4.3 and appendix C) ----------------------------------------------------------------- */

struct listing {
    struct text *out;
    char target[ISCSI_NAME_MAX + 1]; /* whose addresses are being listed */
    int r;
};

/* "address,tag" without printf: a thousand targets are listed in one go. */
static const char *address_text(char text[96], const char *address, uint16_t tag)
{
    size_t n = strnlen(address, 88);
    uint32_t scale = 1;

    memcpy(text, address, n);
    text[n++] = ',';
    while (scale * 10 <= tag)
        scale *= 10;
    for (; scale; scale /= 10)
        text[n++] = (char)('0' + tag / scale % 10);
    text[n] = '\0';
    return text;
}

static int record(void *arg, const char *target, const char *address, uint16_t tag)
{
    struct listing *l = arg;
    const size_t before = l->out->len;
    char value[96];

    if (strcmp(l->target, target) != 0) {
        memcpy(l->target, target, strnlen(target, ISCSI_NAME_MAX) + 1);
        l->target[ISCSI_NAME_MAX] = '\0';
        l->r = text_put(l->out, "TargetName", target);
    }
    if (l->r == 0 && address)
        l->r = text_put(l->out, "TargetAddress", address_text(value, address, tag));
    if (l->r < 0)
        l->out->len = before; /* a name without an address would mean "here" */
    return l->r;
}

/* "All" in a discovery session only; a name; nothing = the session's own target, in a normal session only. */
static int send_targets(struct iscsi_conn *conn, const char *value)
{
    const struct session *s = &conn->session;
    struct listing l = { .out = &conn->text->out };
    bool all = strcmp(value, "All") == 0;
    const char *target = all ? NULL : *value ? value : s->target;

    if (s->discovery ? !*value : all)
        return text_put(&conn->text->out, "SendTargets", "Reject");
    if (!s->discovery && strcmp(target, s->target) != 0)
        return 0; /* other targets are a discovery session's business */
    conn->config.directory->list(conn->config.dir, conn, s->initiator, target, record, &l);
    return l.r == -ENOSPC ? 0 : l.r; /* limits.text_bytes: what fits is told */
}

static int answer_pairs(struct iscsi_conn *conn)
{
    struct text_exchange *x = conn->text;
    struct text_pair pair;
    size_t at = 0;
    int r;

    while ((r = text_next(&x->in, &at, &pair)) > 0) {
        if (strcmp(pair.name, "SendTargets") == 0)
            r = send_targets(conn, pair.value);
        else if (strcmp(pair.name, "InitiatorAlias") != 0)
            r = keys_answer(&x->keys, &pair, &x->out);
        if (r < 0 && r != -EBADMSG) /* a key that was answered with Reject fails alone */
            return r;
    }
    return r;
}

/* ---- requests and responses ---------------------------------------------------------------------------- */

static int respond(struct iscsi_conn *conn)
{
    struct text_exchange *x = conn->text;
    size_t left = x->out.len - x->out_at, most = conn->params.max_xmit_segment;
    uint32_t len = x->answering ? (uint32_t)(left < most ? left : most) : 0;
    bool more = x->answering && len < left, final = x->answering && !more && conn->rx.head.flags & PDU_FINAL;
    struct tx_pdu *pdu = tx_pdu_get(conn, OP_TEXT_RESPONSE);
    uint8_t *buf;

    if (!pdu)
        return -ENOMEM;
    pdu->header[1] = (uint8_t)((final ? PDU_FINAL : 0) | (more ? PDU_CONTINUE : 0));
    be32_put(pdu->header + 16, x->itt);
    be32_put(pdu->header + 20, final ? TAG_NONE : x->ttt);
    if (len && !(buf = conn_buffer_get(conn, len))) {
        tx_reply(conn, pdu);
        return conn_fail(conn, "no buffer for a text answer");
    }
    if (len)
        tx_pdu_own(conn, pdu, memcpy(buf, x->out.bytes + x->out_at, len), len);
    tx_reply(conn, pdu);
    x->out_at += len;
    if (final)
        exchange_end(conn);
    else if (x->answering && !more) { /* the initiator goes on with the negotiation */
        x->answering = false;
        text_fini(&x->in);
        text_fini(&x->out);
        x->out_at = 0;
    }
    return 0;
}

int text_request_header(struct iscsi_conn *conn)
{
    const uint8_t both = PDU_FINAL | PDU_CONTINUE;

    if (conn->rx.head.itt == TAG_NONE)
        return dispatch_reject(conn, REJECT_INVALID_FIELD);
    if ((conn->rx.head.flags & both) == both)
        return refuse(conn, REJECT_PROTOCOL_ERROR); /* §11.10.1: F with C is an error */
    return rx_into_buffer(conn);
}

/* 0: it goes on or begins; else the reason why not. */
static int place(struct iscsi_conn *conn)
{
    uint32_t ttt = be32_get(conn->rx.bhs + 20);

    if (ttt == TAG_NONE)
        return exchange_begin(conn) ? 0 : REJECT_LONG_OPERATION;
    if (!conn->text || conn->text->ttt != ttt || conn->text->itt != conn->rx.head.itt)
        return REJECT_INVALID_FIELD;
    return conn->text->answering && conn->rx.head.data_len ? REJECT_PROTOCOL_ERROR : 0;
}

int text_request_payload(struct iscsi_conn *conn)
{
    int reason = place(conn), r;
    struct text_exchange *x = conn->text;

    if (reason)
        return refuse(conn, reason);
    if (x->answering)
        return respond(conn);
    if (text_append(&x->in, conn->rx.data, conn->rx.head.data_len) < 0)
        return refuse(conn, REJECT_LONG_OPERATION);
    if (conn->rx.head.flags & PDU_CONTINUE)
        return respond(conn); /* an empty answer asks for the rest */
    x->answering = true;
    r = answer_pairs(conn);
    return r < 0 ? refuse(conn, REJECT_PROTOCOL_ERROR) : respond(conn);
}
