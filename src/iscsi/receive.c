/* SPDX-License-Identifier: MIT */
/* The receive machine: stream of bytes -> header, AHS, header digest, data, padding and data digest -> one
 * dispatched PDU.
 *
 * Bytes wait in a staging buffer: a small one inside the connection while it is quiet, a large one from the
 * driver's pool while there is traffic, so that one recv() brings many PDUs. Payload of a task is offered to
 * the driver as the first place for bytes, so long data goes where it belongs without a copy. What the
 * payload means is not known here (dispatch.c).
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "iscsi/conn.h"
#include "iscsi/digest.h"

/* Behind long data only the next header is wanted: its data shall go where it belongs, too, and not be
 * copied. */
#define RX_LONG        16384
#define RX_BEHIND_LONG 512

static uint32_t staged(const struct receiver *rx)
{
    return rx->end - rx->begin;
}

void rx_init(struct iscsi_conn *conn)
{
    conn->rx.state = RX_HEADER;
    conn->rx.stage = conn->rx.small;
    conn->rx.size = RX_SMALL;
}

static void data_put(struct iscsi_conn *conn)
{
    if (conn->rx.data)
        conn_buffer_put(conn, conn->rx.data, conn->rx.data_len);
    conn->rx.data = NULL;
}

void rx_fini(struct iscsi_conn *conn)
{
    data_put(conn);
    if (conn->rx.stage != conn->rx.small)
        conn_buffer_put(conn, conn->rx.stage, RX_LARGE);
    conn->rx.begin = conn->rx.end = conn->rx.direct = 0;
    conn->rx.stage = conn->rx.small;
    conn->rx.size = RX_SMALL;
}

/* ---- where the payload goes ---------------------------------------------------------------------------- */

int rx_into_buffer(struct iscsi_conn *conn)
{
    struct receiver *rx = &conn->rx;

    if (rx->head.data_len == 0)
        return 0;
    rx->data = conn_buffer_get(conn, rx->head.data_len);
    if (!rx->data)
        return conn_fail(conn, "no buffer for the data segment of a request");
    rx->data_len = rx->room = rx->head.data_len;
    rx->dst = rx->data;
    return 0;
}

void rx_into_task(struct iscsi_conn *conn, struct task *task, uint8_t *dst, uint32_t room)
{
    conn->rx.task = task;
    conn->rx.dst = dst;
    conn->rx.room = dst ? room : 0;
}

void rx_drop(struct iscsi_conn *conn)
{
    static const struct pdu_handler drop = { 0 };

    conn->rx.handler = &drop;
    conn->rx.dst = NULL;
    conn->rx.room = 0;
}

uint8_t *rx_take_data(struct iscsi_conn *conn)
{
    return TAKE_PTR(conn->rx.data);
}

/* ---- the machine --------------------------------------------------------------------------------------- */

/* Each step consumes what it needs and names the next state; -EAGAIN: not enough bytes yet. */
typedef int rx_step(struct iscsi_conn *conn);

static uint8_t *take(struct receiver *rx, uint32_t len)
{
    uint8_t *p = rx->stage + rx->begin;

    if (staged(rx) < len)
        return NULL;
    rx->begin += len;
    return p;
}

static int enter_data(struct iscsi_conn *conn)
{
    struct receiver *rx = &conn->rx;

    rx->state = RX_DATA;
    rx->left = rx->head.data_len;
    rx->dst = NULL;
    rx->room = 0;
    rx->task = NULL;
    rx->crc = DIGEST_START;
    return dispatch_header(conn);
}

static int after_ahs(struct iscsi_conn *conn)
{
    if (!conn->header_digest)
        return enter_data(conn);
    conn->rx.state = RX_HEADER_DIGEST;
    return 0;
}

static int step_header(struct iscsi_conn *conn)
{
    struct receiver *rx = &conn->rx;
    const uint8_t *bhs = take(rx, BHS_LEN);

    if (!bhs)
        return -EAGAIN;
    memcpy(rx->bhs, bhs, BHS_LEN);
    rx->head = pdu_head_get(rx->bhs);
    rx->ahs = (struct pdu_ahs){ 0 };
    if (conn->header_digest)
        rx->crc = digest_add(DIGEST_START, bhs, BHS_LEN);
    if (rx->head.ahs_len == 0)
        return after_ahs(conn);
    rx->state = RX_AHS;
    return 0;
}

static int step_ahs(struct iscsi_conn *conn)
{
    struct receiver *rx = &conn->rx;
    const uint8_t *ahs = take(rx, rx->head.ahs_len);

    if (!ahs)
        return -EAGAIN;
    if (conn->header_digest)
        rx->crc = digest_add(rx->crc, ahs, rx->head.ahs_len);
    if (pdu_ahs_get(ahs, rx->head.ahs_len, &rx->ahs) < 0)
        rx->ahs.malformed = true; /* TotalAHSLength still says where the PDU goes on: dispatch rejects it */
    return after_ahs(conn);
}

/* A header that can not be believed hides where the next one begins: ERL 0 closes (RFC 7143 §7.7). */
static int step_header_digest(struct iscsi_conn *conn)
{
    const uint8_t *digest = take(&conn->rx, DIGEST_LEN);

    if (!digest)
        return -EAGAIN;
    if (!digest_equal(digest, conn->rx.crc))
        return conn_fail(conn, "header digest error");
    return enter_data(conn);
}

/* len bytes of payload stand at rx.dst already, or are dropped. */
static void payload_came(struct iscsi_conn *conn, const uint8_t *bytes, uint32_t len)
{
    struct receiver *rx = &conn->rx;
    uint32_t kept = len < rx->room ? len : rx->room;

    if (conn->data_digest)
        rx->crc = digest_add(rx->crc, bytes, len);
    if (rx->dst)
        rx->dst += kept;
    rx->room -= kept;
    rx->left -= len;
}

static int step_data(struct iscsi_conn *conn)
{
    struct receiver *rx = &conn->rx;
    uint32_t len = staged(rx) < rx->left ? staged(rx) : rx->left;
    const uint8_t *bytes = take(rx, len);

    if (len && rx->room)
        memcpy(rx->dst, bytes, len < rx->room ? len : rx->room);
    payload_came(conn, bytes, len);
    if (rx->left)
        return -EAGAIN;
    rx->state = RX_TAIL;
    return 0;
}

static int step_tail(struct iscsi_conn *conn)
{
    struct receiver *rx = &conn->rx;
    const uint32_t pad = pdu_pad(rx->head.data_len);
    const bool digest = conn->data_digest && rx->head.data_len;
    const uint8_t *tail = take(rx, pad + (digest ? DIGEST_LEN : 0));
    int r;

    if (!tail)
        return -EAGAIN;
    rx->state = RX_HEADER; /* before the handler: it may begin another phase */
    r = !digest || digest_equal(tail + pad, digest_add(rx->crc, tail, pad)) ? dispatch_payload(conn)
                                                                            : dispatch_bad_digest(conn);
    data_put(conn);
    rx->task = NULL;
    return r < 0 ? r : session_release_held(conn);
}

static rx_step *const steps[RX_N_STATES] = {
    [RX_HEADER] = step_header, [RX_AHS] = step_ahs,   [RX_HEADER_DIGEST] = step_header_digest,
    [RX_DATA] = step_data,     [RX_TAIL] = step_tail,
};

static bool may_receive(const struct iscsi_conn *conn)
{
    return (conn->state == CONN_LOGIN || conn->state == CONN_FULL) && !tx_backlogged(conn);
}

int rx_run(struct iscsi_conn *conn)
{
    int r = 0;

    while (r == 0 && may_receive(conn))
        r = steps[conn->rx.state](conn);
    if (staged(&conn->rx) == 0)
        conn->rx.begin = conn->rx.end = 0;
    return r == -EAGAIN ? 0 : r;
}

/* ---- the driver's side --------------------------------------------------------------------------------- */

static void stage_compact(struct receiver *rx)
{
    if (rx->begin == 0)
        return;
    memmove(rx->stage, rx->stage + rx->begin, staged(rx));
    rx->end -= rx->begin;
    rx->begin = 0;
}

/* Large while recv() fills what it gets, small again after a while of little traffic. */
static void stage_adapt(struct iscsi_conn *conn, size_t n)
{
    struct receiver *rx = &conn->rx;
    bool large = rx->stage != rx->small;

    rx->n_quiet = n < RX_SMALL / 2 ? (uint8_t)(rx->n_quiet + (rx->n_quiet < 255)) : 0;
    if (large && rx->n_quiet >= 16 && staged(rx) == 0) {
        conn_buffer_put(conn, rx->stage, RX_LARGE);
        rx->stage = rx->small;
        rx->size = RX_SMALL;
    } else if (!large && rx->n_quiet == 0 && conn->state == CONN_FULL) {
        uint8_t *stage = conn_buffer_get(conn, RX_LARGE);

        if (!stage)
            return; /* the small one is slower, not wrong */
        stage_compact(rx);
        memcpy(stage, rx->stage, rx->end);
        rx->stage = stage;
        rx->size = RX_LARGE;
    }
}

int iscsi_conn_input(struct iscsi_conn *conn, struct iovec *iov, int max)
{
    struct receiver *rx = &conn->rx;
    uint32_t room;
    int n = 0;

    rx->direct = 0;
    if (max < 2 || !may_receive(conn))
        return 0;
    stage_compact(rx);
    if (rx->state == RX_DATA && rx->room && staged(rx) == 0) {
        rx->direct = rx->room < rx->left ? rx->room : rx->left;
        iov[n++] = (struct iovec){ rx->dst, rx->direct };
    }
    room = rx->size - rx->end;
    if (rx->direct >= RX_LONG && room > RX_BEHIND_LONG)
        room = RX_BEHIND_LONG;
    if (room)
        iov[n++] = (struct iovec){ rx->stage + rx->end, room };
    return n;
}

int iscsi_conn_received(struct iscsi_conn *conn, size_t n, uint64_t now_ns)
{
    struct receiver *rx = &conn->rx;
    uint32_t direct = n < rx->direct ? (uint32_t)n : rx->direct;
    int r;

    if (n - direct > rx->size - rx->end)
        return -EINVAL; /* more than was offered: the driver's mistake */
    conn->now_ns = conn->heard_ns = now_ns;
    conn->pinged_ns = 0;
    conn->depth++;
    if (direct)
        payload_came(conn, rx->dst, direct);
    rx->direct = 0;
    rx->end += (uint32_t)(n - direct);
    r = rx_run(conn);
    if (r == 0)
        stage_adapt(conn, n);
    conn->depth--;
    return r;
}
