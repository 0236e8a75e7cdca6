/* SPDX-License-Identifier: MIT */
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/bytes.h"
#include "iscsi/digest.h"
#include "net.h"
#include "sim.h"

/* Takes what is there into in->rx. -EAGAIN: nothing is. */
static int take_in(struct initiator *in)
{
    struct iovec iov;
    long n;

    if (in->rx_room - in->rx_len < 4096) {
        in->rx_room = in->rx_room ? 2 * in->rx_room : 16384;
        in->rx = realloc(in->rx, in->rx_room);
    }
    iov = (struct iovec){ in->rx + in->rx_len, in->rx_room - in->rx_len };
    n = net_recv(in->fd, &iov, 1);
    if (n <= 0)
        return n == 0 ? -ECONNRESET : (int)n;
    in->rx_len += (size_t)n;
    return 0;
}

/* Reads while it cannot write, as whoever has a second thread does. */
static int send_all(struct initiator *in, struct iovec *iov, size_t n_iov)
{
    while (n_iov) {
        long n = net_send(in->fd, iov, n_iov);

        if (n == -EAGAIN) {
            int r = take_in(in);

            if (r < 0 && r != -EAGAIN)
                return r;
            if (r == -EAGAIN)
                sim_block(&net_changed, SIM_NEVER);
            continue;
        }
        if (n < 0)
            return (int)n;
        while (n_iov && (size_t)n >= iov->iov_len) {
            n -= (long)iov->iov_len;
            iov++;
            n_iov--;
        }
        if (n_iov) {
            iov->iov_base = (uint8_t *)iov->iov_base + n;
            iov->iov_len -= (size_t)n;
        }
    }
    return 0;
}

static void digest_make(uint8_t out[4], const void *a, size_t n_a, const void *b, size_t n_b)
{
    digest_put(out, digest_add(digest_add(DIGEST_START, a, n_a), b, n_b));
}

int wire_send(struct initiator *in, uint8_t bhs[BHS], const void *data, uint32_t len)
{
    uint8_t header_digest[4], tail[8] = { 0 };
    uint32_t pad = (4 - len % 4) % 4, n_tail = pad;

    be24_put(bhs + 5, len);
    digest_make(header_digest, bhs, BHS, NULL, 0);
    if (in->data_digest && len) {
        digest_make(tail + pad, data, len, tail, pad);
        n_tail += 4;
    }
    return send_all(in,
                    (struct iovec[]){ { bhs, BHS },
                                      { header_digest, in->header_digest ? 4 : 0 },
                                      { (void *)(uintptr_t)data, len },
                                      { tail, n_tail } },
                    4);
}

/* A whole PDU of in->rx; its length in *ret_size, 0: it is not there yet. */
static void parse(struct initiator *in, struct pdu *pdu, size_t *ret_size)
{
    size_t header = BHS + (in->header_digest ? 4 : 0), size = header;
    uint32_t pad;
    uint8_t digest[4];

    *ret_size = 0;
    if (in->rx_len < header)
        return;
    memcpy(pdu->bhs, in->rx, BHS);
    sim_check(pdu->bhs[4] == 0, "a PDU of the target with an additional header");
    pdu->len = be24_get(pdu->bhs + 5);
    sim_check(pdu->len <= in->max_recv, "a data segment of %u bytes, where %u were declared", pdu->len,
              in->max_recv);
    pad = (4 - pdu->len % 4) % 4;
    size += pdu->len + pad + (in->data_digest && pdu->len ? 4 : 0);
    if (in->rx_len < size)
        return;
    pdu->data = in->rx + header;
    digest_make(digest, pdu->bhs, BHS, NULL, 0);
    sim_check(!in->header_digest || memcmp(digest, in->rx + BHS, 4) == 0, "a wrong header digest");
    digest_make(digest, pdu->data, pdu->len, pdu->data + pdu->len, pad);
    sim_check(!in->data_digest || !pdu->len || memcmp(digest, pdu->data + pdu->len + pad, 4) == 0,
              "a wrong data digest");
    *ret_size = size;
}

void wire_consume(struct initiator *in, size_t size)
{
    memmove(in->rx, in->rx + size, in->rx_len - size);
    in->rx_len -= size;
}

int wire_receive(struct initiator *in, struct pdu *pdu, size_t *ret_size, uint64_t deadline_ns)
{
    for (;;) {
        int r;

        parse(in, pdu, ret_size);
        if (*ret_size)
            return 0;
        r = take_in(in);
        if (r == 0)
            continue;
        if (r != -EAGAIN)
            return r;
        if (sim_now() >= deadline_ns)
            return -ETIMEDOUT;
        sim_block(&net_changed, deadline_ns);
    }
}

/* ---- numbers --------------------------------------------------------------------------------------- */

bool wire_later(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

void wire_check_numbers(struct initiator *in, const uint8_t *bhs, bool has_status, bool has_statsn)
{
    uint32_t statsn = be32_get(bhs + 24), exp = be32_get(bhs + 28), max = be32_get(bhs + 32);

    if (has_statsn)
        sim_check(statsn == in->exp_statsn, "StatSN %u, expected %u (opcode %02x)", statsn, in->exp_statsn,
                  bhs[0]);
    in->exp_statsn += has_status;
    sim_check(!wire_later(exp, in->cmdsn), "ExpCmdSN %u is beyond what was sent, %u", exp, in->cmdsn);
    sim_check(!wire_later(exp, max + 1), "ExpCmdSN %u, MaxCmdSN %u", exp, max);
    if (wire_later(max, in->max_cmdsn))
        in->max_cmdsn = max;
}

void wire_header(struct initiator *in, uint8_t bhs[BHS], uint8_t opcode, uint8_t flags, uint32_t itt)
{
    memset(bhs, 0, BHS);
    bhs[0] = opcode;
    bhs[1] = flags;
    be32_put(bhs + 16, itt);
    be32_put(bhs + 24, in->cmdsn);
    be32_put(bhs + 28, in->exp_statsn);
}
