/* SPDX-License-Identifier: MIT */
/* Sending: a queue of what is to be said, made into PDUs only as the driver asks for bytes.
 *
 *     queue (replies and tasks, in order) --make()--> ready (headers stamped, digests done)
 * --iscsi_conn_sent()--> spare
 *
 * StatSN, ExpCmdSN and MaxCmdSN are stamped when a PDU is made: that is the order on the wire.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "iscsi/conn.h"
#include "iscsi/digest.h"

void tx_init(struct transmitter *tx)
{
    list_init(&tx->queue);
    list_init(&tx->ready);
    list_init(&tx->spare);
}

static struct tx_pdu *pdu_of(struct list_node *n)
{
    return container_of(n, struct tx_pdu, item.link);
}

static struct tx_pdu *pdu_alloc(struct transmitter *tx)
{
    struct list_node *n = list_pop(&tx->spare);
    struct tx_pdu *pdu;

    if (!n)
        return calloc(1, sizeof(struct tx_pdu));
    tx->n_spare--;
    pdu = pdu_of(n);
    /* Everything but the bytes that are written before they are sent: tail and small. */
    memset(pdu->header, 0, BHS_LEN);
    pdu->header_len = pdu->tail_len = pdu->statsn = 0;
    pdu->no_digest = pdu->ends_task = false;
    pdu->data = pdu->owned = NULL;
    pdu->data_len = pdu->owned_len = 0;
    pdu->task = NULL;
    pdu->item.next = NULL;
    return pdu;
}

struct tx_pdu *tx_pdu_get(struct iscsi_conn *conn, enum pdu_opcode opcode)
{
    struct tx_pdu *pdu = pdu_alloc(&conn->tx);

    if (!pdu) {
        conn_fail(conn, "out of memory for an answer");
        return NULL;
    }
    conn->tx.n_pdus++;
    list_init(&pdu->item.link);
    pdu->header[0] = (uint8_t)opcode;
    pdu->header[1] = PDU_FINAL;
    pdu->statsn = STATSN_ADVANCES;
    return pdu;
}

void tx_pdu_own(struct iscsi_conn *conn, struct tx_pdu *pdu, uint8_t *buf, uint32_t len)
{
    pdu->data = pdu->owned = buf;
    pdu->data_len = pdu->owned_len = len;
    conn->tx.n_owned += len;
}

bool tx_backlogged(const struct iscsi_conn *conn)
{
    return conn->tx.n_pdus >= TX_BACKLOG || conn->tx.n_owned >= TX_BACKLOG_BYTES;
}

/* The PDU has been sent or will never be. */
static void pdu_done(struct iscsi_conn *conn, struct tx_pdu *pdu)
{
    struct transmitter *tx = &conn->tx;
    struct task *task = pdu->ends_task ? pdu->task : NULL;

    if (pdu->owned)
        conn_buffer_put(conn, pdu->owned, pdu->owned_len);
    tx->n_owned -= pdu->owned_len;
    list_remove(&pdu->item.link);
    tx->n_pdus--;
    if (tx->n_spare < TX_SPARE) {
        list_insert_after(&tx->spare, &pdu->item.link); /* the warmest first */
        tx->n_spare++;
    } else {
        free(pdu);
    }
    if (task)
        task_end(task);
}

void tx_queue(struct iscsi_conn *conn, struct tx_item *item)
{
    list_append(&conn->tx.queue, &item->link);
    conn_notify(conn);
}

void tx_reply(struct iscsi_conn *conn, struct tx_pdu *pdu)
{
    tx_queue(conn, &pdu->item);
}

bool tx_empty(const struct iscsi_conn *conn)
{
    return list_empty(&conn->tx.queue) && list_empty(&conn->tx.ready);
}

void tx_trim(struct iscsi_conn *conn)
{
    struct list_node *n;

    while ((n = list_pop(&conn->tx.spare)))
        free(pdu_of(n));
    conn->tx.n_spare = 0;
}

/* Tasks leave the queue by themselves when they end. */
static void drop_tasks(struct iscsi_conn *conn)
{
    list_for_each_safe(n, &conn->tx.queue)
        if (container_of(n, struct tx_item, link)->next)
            list_remove(n);
}

void tx_fini(struct iscsi_conn *conn)
{
    struct list_node *n;

    drop_tasks(conn);
    while ((n = list_pop(&conn->tx.ready)))
        pdu_done(conn, pdu_of(n));
    while ((n = list_pop(&conn->tx.queue)))
        pdu_done(conn, pdu_of(n));
    conn->tx.n_sent = 0;
    tx_trim(conn);
}

/* ---- making PDUs --------------------------------------------------------------------------------------- */

static void stamp_numbers(struct iscsi_conn *conn, struct tx_pdu *pdu)
{
    if (pdu->statsn != STATSN_NONE)
        be32_put(pdu->header + 24, conn->stat_sn);
    if (pdu->statsn == STATSN_ADVANCES)
        conn->stat_sn++;
    be32_put(pdu->header + 28, conn->session.exp_cmdsn);
    be32_put(pdu->header + 32, session_max_cmdsn(conn));
}

static void stamp_digests(const struct iscsi_conn *conn, struct tx_pdu *pdu)
{
    if (conn->header_digest && !pdu->no_digest) {
        digest_put(pdu->header + BHS_LEN, digest_add(DIGEST_START, pdu->header, BHS_LEN));
        pdu->header_len += DIGEST_LEN;
    }
    if (conn->data_digest && !pdu->no_digest && pdu->data_len) {
        uint32_t crc = digest_add(DIGEST_START, pdu->data, pdu->data_len);

        digest_put(pdu->tail + pdu->tail_len, digest_add(crc, pdu->tail, pdu->tail_len));
        pdu->tail_len += DIGEST_LEN;
    }
}

static void stamp(struct iscsi_conn *conn, struct tx_pdu *pdu)
{
    stamp_numbers(conn, pdu);
    be24_put(pdu->header + 5, pdu->data_len);
    pdu->header_len = BHS_LEN;
    pdu->tail_len = (uint8_t)pdu_pad(pdu->data_len);
    memset(pdu->tail, 0, 4);
    stamp_digests(conn, pdu);
}

/* The next PDU of the queue, stamped and on the ready list; NULL: none. */
static struct tx_pdu *make(struct iscsi_conn *conn)
{
    struct tx_item *item;
    struct tx_pdu *pdu;

    if (list_empty(&conn->tx.queue))
        return NULL;
    item = container_of(conn->tx.queue.next, struct tx_item, link);
    if (!item->next) {
        pdu = container_of(item, struct tx_pdu, item);
        list_remove(&item->link);
    } else {
        pdu = tx_pdu_get(conn, 0);
        if (!pdu)
            return NULL;
        if (!item->next(conn, item, pdu))
            list_remove(&item->link);
    }
    stamp(conn, pdu);
    list_append(&conn->tx.ready, &pdu->item.link);
    return pdu;
}

/* ---- the driver's side --------------------------------------------------------------------------------- */

static void gather(const void *p, uint32_t len, uint32_t *skip, struct iovec *iov, int *n)
{
    uint32_t gone = *skip < len ? *skip : len;

    *skip -= gone;
    if (gone < len)
        iov[(*n)++] = (struct iovec){ (uint8_t *)(uintptr_t)p + gone, len - gone };
}

int iscsi_conn_output(struct iscsi_conn *conn, struct iovec *iov, int max)
{
    struct transmitter *tx = &conn->tx;
    struct list_node *n = tx->ready.next;
    uint32_t skip = tx->n_sent;
    int n_iov = 0;

    conn->woken = false;
    conn->depth++;
    tx->now_ns = 0;
    while (n_iov + 3 <= max) {
        struct tx_pdu *pdu = n != &tx->ready ? pdu_of(n) : make(conn);

        if (!pdu)
            break;
        gather(pdu->header, pdu->header_len, &skip, iov, &n_iov);
        gather(pdu->data, pdu->data_len, &skip, iov, &n_iov);
        gather(pdu->tail, pdu->tail_len, &skip, iov, &n_iov);
        n = pdu->item.link.next;
    }
    conn->depth--;
    return n_iov;
}

void iscsi_conn_sent(struct iscsi_conn *conn, size_t n)
{
    struct transmitter *tx = &conn->tx;
    bool was_full = tx_backlogged(conn);

    conn->depth++;
    n += tx->n_sent;
    while (!list_empty(&tx->ready)) {
        struct tx_pdu *pdu = pdu_of(tx->ready.next);
        size_t len = (size_t)pdu->header_len + pdu->data_len + pdu->tail_len;

        if (n < len)
            break;
        n -= len;
        pdu_done(conn, pdu);
    }
    tx->n_sent = (uint32_t)n;
    if (was_full)
        rx_run(conn); /* what is staged could not be read before */
    conn->depth--;
}
