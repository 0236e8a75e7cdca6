/* SPDX-License-Identifier: MIT */
/* Command numbering of a session (RFC 7143 §4.2.2.1): the window, the order, and what came before its turn.
 *
 *     ... executed ) ExpCmdSN [ may come now or be held ] MaxCmdSN ( ignored ...
 *
 * The window is limits.tasks wide less the commands that are not answered yet: an initiator that fills it has
 * to wait, nothing queues.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "iscsi/conn.h"

/* A PDU that waits for its CmdSN; `void_` ones only fill the gap (ABORT TASK). */
struct held {
    struct list_node link;
    uint32_t cmdsn, data_len;
    uint8_t bhs[BHS_LEN];
    struct pdu_ahs ahs;
    uint8_t *data; /* the driver's buffer */
    bool void_;
};

void session_init(struct session *s)
{
    list_init(&s->held);
}

static void held_free(struct iscsi_conn *conn, struct held *h)
{
    list_remove(&h->link);
    conn->session.n_held--;
    if (h->data)
        conn_buffer_put(conn, h->data, h->data_len);
    free(h);
}

void session_fini(struct iscsi_conn *conn)
{
    while (!list_empty(&conn->session.held))
        held_free(conn, container_of(conn->session.held.next, struct held, link));
}

uint32_t session_max_cmdsn(struct iscsi_conn *conn)
{
    struct session *s = &conn->session;
    uint32_t max = s->exp_cmdsn + conn->config.limits->tasks - s->n_open - 1;

    if (sn_before(s->max_cmdsn, max))
        s->max_cmdsn = max;
    return s->max_cmdsn;
}

static struct held *find_held(struct session *s, uint32_t cmdsn)
{
    list_for_each(n, &s->held) {
        struct held *h = container_of(n, struct held, link);

        if (h->cmdsn == cmdsn)
            return h;
    }
    return NULL;
}

bool session_holds_itt(const struct iscsi_conn *conn, uint32_t itt)
{
    list_for_each(n, &conn->session.held) {
        const struct held *h = container_of(n, struct held, link);

        if (!h->void_ && be32_get(h->bhs + 16) == itt)
            return true;
    }
    return false;
}

enum session_turn session_turn(struct iscsi_conn *conn)
{
    struct session *s = &conn->session;
    uint32_t cmdsn = pdu_cmdsn_get(conn->rx.bhs);

    if (conn->rx.head.immediate)
        return TURN_NOW; /* immediate commands neither wait nor advance ExpCmdSN */
    if (cmdsn == s->exp_cmdsn && !sn_before(s->max_cmdsn, cmdsn)) {
        s->exp_cmdsn++;
        return TURN_NOW;
    }
    if (sn_before(cmdsn, s->exp_cmdsn) || sn_before(s->max_cmdsn, cmdsn) || find_held(s, cmdsn))
        return TURN_NEVER;
    return TURN_LATER;
}

static int hold(struct iscsi_conn *conn, struct held *template)
{
    struct held *h = malloc(sizeof *h);

    if (!h)
        return -ENOMEM;
    *h = *template;
    list_append(&conn->session.held,
                &h->link); /* at most one per CmdSN of the window: bounded by limits.tasks */
    conn->session.n_held++;
    return 0;
}

int session_hold(struct iscsi_conn *conn)
{
    struct held h = { .cmdsn = pdu_cmdsn_get(conn->rx.bhs),
                      .ahs = conn->rx.ahs,
                      .data_len = conn->rx.head.data_len };

    memcpy(h.bhs, conn->rx.bhs, BHS_LEN);
    h.data = conn->rx.data;
    if (hold(conn, &h) < 0)
        return conn_fail(conn, "out of memory for a request out of order");
    rx_take_data(conn);
    return 0;
}

int session_void(struct iscsi_conn *conn, uint32_t cmdsn)
{
    struct held h = { .cmdsn = cmdsn, .void_ = true };
    struct held *there = find_held(&conn->session, cmdsn);

    if (!there)
        return hold(conn, &h);
    there->void_ = true; /* it came, and shall not run */
    return 0;
}

void session_void_commands(struct iscsi_conn *conn, const uint8_t *lun)
{
    const uint32_t before = pdu_cmdsn_get(conn->rx.bhs);

    list_for_each(n, &conn->session.held) {
        struct held *h = container_of(n, struct held, link);

        if ((h->bhs[0] & PDU_OPCODE_MASK) == OP_SCSI_COMMAND && sn_before(h->cmdsn, before) &&
            (!lun || memcmp(h->bhs + 8, lun, 8) == 0))
            h->void_ = true;
    }
}

/* Plays a held PDU as if it had just been received. */
static int replay(struct iscsi_conn *conn, const struct held *h)
{
    struct receiver *rx = &conn->rx;
    int r;

    memcpy(rx->bhs, h->bhs, BHS_LEN);
    rx->head = pdu_head_get(rx->bhs);
    rx->ahs = h->ahs;
    rx->dst = NULL;
    rx->room = 0;
    rx->task = NULL;
    r = dispatch_header(conn);
    if (r < 0)
        return r;
    if (rx->dst)
        memcpy(rx->dst, h->data, rx->room < h->data_len ? rx->room : h->data_len);
    r = dispatch_payload(conn);
    if (rx->data)
        conn_buffer_put(conn, rx_take_data(conn), rx->data_len);
    rx->task = NULL;
    return r;
}

int session_release_held(struct iscsi_conn *conn)
{
    struct session *s = &conn->session;
    struct held *h;
    int r = 0;

    while (r == 0 && s->n_held && conn->state == CONN_FULL && (h = find_held(s, s->exp_cmdsn))) {
        if (h->void_)
            s->exp_cmdsn++;
        else
            r = replay(conn, h);
        held_free(conn, h);
    }
    return r;
}
