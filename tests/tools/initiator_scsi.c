/* SPDX-License-Identifier: MIT */
/* SCSI commands of the test initiator. */
#include "initiator_internal.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

int initiator_send_command(struct initiator *in, unsigned lun, const uint8_t *cdb, size_t n_cdb,
                           const void *out, uint32_t out_len, uint32_t in_len)
{
    uint8_t bhs[BHS] = { [0] = OP_COMMAND, [1] = FINAL | 1 /* simple */ };
    uint32_t now = in->immediate_data ? out_len : 0;

    if (now > in->first_burst)
        now = in->first_burst;
    if (now > in->max_send)
        now = in->max_send;
    bhs[1] |= (uint8_t)((in_len ? 0x40 : 0) | (out_len ? 0x20 : 0));
    bhs[9] = (uint8_t)lun;
    be32_put(bhs + 20, in_len ? in_len : out_len);
    memcpy(bhs + 32, cdb, n_cdb);
    initiator_numbered(in, bhs);
    return initiator_pdu_send(in, bhs, out, now);
}

static int answer_r2t(struct initiator *in, const struct pdu *pdu, const uint8_t *out, uint32_t out_len)
{
    uint32_t offset = be32_get(pdu->bhs + 40), left = be32_get(pdu->bhs + 44), sn = 0;

    if (offset > out_len || left > out_len - offset)
        return -EPROTO;
    while (left > 0) {
        uint8_t bhs[BHS] = { [0] = OP_DATA_OUT };
        uint32_t n = left < in->max_send ? left : in->max_send;
        int r;

        left -= n;
        bhs[1] = left == 0 ? FINAL : 0;
        memcpy(bhs + 8, pdu->bhs + 8, 8);
        memcpy(bhs + 16, pdu->bhs + 16, 8); /* ITT and TTT */
        be32_put(bhs + 28, in->expstatsn);
        be32_put(bhs + 36, sn++);
        be32_put(bhs + 40, offset);
        r = initiator_pdu_send(in, bhs, out + offset, n);
        if (r < 0)
            return r;
        offset += n;
    }
    return 0;
}

static int take_data_in(const struct pdu *pdu, uint8_t *buf, uint32_t len, struct initiator_result *ret)
{
    uint32_t offset = be32_get(pdu->bhs + 40);

    if (offset > len || pdu->len > len - offset)
        return -EPROTO;
    memcpy(buf + offset, pdu->data, pdu->len);
    if (offset + pdu->len > ret->n_in)
        ret->n_in = offset + pdu->len;
    if (!(pdu->bhs[1] & 1))
        return 0;
    ret->status = pdu->bhs[3];
    return 1;
}

static int take_response(const struct pdu *pdu, struct initiator_result *ret)
{
    if (pdu->bhs[2] != 0)
        return -EREMOTEIO;
    ret->status = pdu->bhs[3];
    if (pdu->len >= 2 + 14) { /* SenseLength, then fixed format */
        ret->key = pdu->data[2 + 2] & 0x0f;
        ret->asc = be16_get(pdu->data + 2 + 12);
    }
    return 1;
}

int initiator_answer(struct initiator *in, const void *out, uint32_t out_len, void *in_buf, uint32_t in_len,
                     struct initiator_result *ret)
{
    int r;

    *ret = (struct initiator_result){ 0 };
    do {
        struct pdu pdu;

        r = initiator_pdu_receive(in, &pdu);
        if (r < 0)
            return r;
        switch (pdu.bhs[0] & 0x3f) {
        case OP_R2T:
            r = answer_r2t(in, &pdu, out, out_len);
            break;
        case OP_DATA_IN:
            r = take_data_in(&pdu, in_buf, in_len, ret);
            break;
        case OP_RESPONSE:
            r = take_response(&pdu, ret);
            break;
        default:
            r = -EPROTO;
        }
        initiator_pdu_free(&pdu);
    } while (r == 0);
    return r < 0 ? r : 0;
}

int initiator_command(struct initiator *in, unsigned lun, const uint8_t *cdb, size_t n_cdb, const void *out,
                      uint32_t out_len, void *in_buf, uint32_t in_len, struct initiator_result *ret)
{
    int r = initiator_send_command(in, lun, cdb, n_cdb, out, out_len, in_len);

    return r < 0 ? r : initiator_answer(in, out, out_len, in_buf, in_len, ret);
}

static int read_write(struct initiator *in, unsigned lun, uint8_t opcode, uint64_t lba, uint32_t n_blocks,
                      const void *out, void *in_buf)
{
    uint8_t cdb[16] = { opcode };
    uint32_t len = n_blocks * 512;
    struct initiator_result result;
    int r;

    be64_put(cdb + 2, lba);
    be32_put(cdb + 10, n_blocks);
    r = initiator_command(in, lun, cdb, sizeof cdb, out, out ? len : 0, in_buf, in_buf ? len : 0, &result);
    return r < 0 ? r : result.status == 0 ? 0 : -EIO;
}

int initiator_read(struct initiator *in, unsigned lun, uint64_t lba, uint32_t n_blocks, void *buf)
{
    return read_write(in, lun, 0x88, lba, n_blocks, NULL, buf);
}

int initiator_write(struct initiator *in, unsigned lun, uint64_t lba, uint32_t n_blocks, const void *buf)
{
    return read_write(in, lun, 0x8a, lba, n_blocks, buf, NULL);
}

int initiator_clear_attentions(struct initiator *in, unsigned lun, uint16_t *ret_asc)
{
    static const uint8_t test_unit_ready[6];
    struct initiator_result result;

    for (int n = 0; n < 16; n++) {
        int r = initiator_command(in, lun, test_unit_ready, 6, NULL, 0, NULL, 0, &result);

        if (r < 0)
            return r;
        if (result.status == 0)
            return n;
        if (result.status != 2 || result.key != 6)
            return -EIO;
        if (ret_asc)
            *ret_asc = result.asc;
    }
    return -ELOOP;
}

int initiator_report_luns(struct initiator *in, uint64_t *ret_luns)
{
    uint8_t cdb[12] = { 0xa0 }, list[8 + 256 * 8];
    struct initiator_result result;
    uint32_t n;
    int r;

    be32_put(cdb + 6, sizeof list);
    r = initiator_command(in, 0, cdb, sizeof cdb, NULL, 0, list, sizeof list, &result);
    if (r < 0)
        return r;
    if (result.status != 0 || result.n_in < 8)
        return -EIO;
    n = be32_get(list);
    if (8 + n > result.n_in)
        return -EPROTO;
    *ret_luns = 0;
    for (uint32_t i = 8; i + 8 <= 8 + n; i += 8) {
        if (list[i + 1] < 64)
            *ret_luns |= UINT64_C(1) << list[i + 1];
    }
    return 0;
}
