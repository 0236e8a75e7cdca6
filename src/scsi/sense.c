/* SPDX-License-Identifier: MIT */
/* Sense data: errno to sense in one table, and the two wire formats (SPC-4 §4.5.2 descriptor, §4.5.3
 * fixed). */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "scsi/sense.h"

static const struct {
    int error;
    struct scsi_result result;
} errno_sense[] = {
    { -ENOSPC, { SCSI_CHECK_CONDITION, KEY_DATA_PROTECT, 0x2707 } }, /* space allocation failed */
    { -EDQUOT, { SCSI_CHECK_CONDITION, KEY_DATA_PROTECT, 0x2707 } },
    { -EROFS, { SCSI_CHECK_CONDITION, KEY_DATA_PROTECT, 0x2700 } },     /* write protected */
    { -EBADF, { SCSI_CHECK_CONDITION, KEY_DATA_PROTECT, 0x2700 } },     /* opened for reading */
    { -EINVAL, { SCSI_CHECK_CONDITION, KEY_ILLEGAL_REQUEST, 0x2100 } }, /* the store was cut under us */
    { -ENODEV, { SCSI_CHECK_CONDITION, KEY_NOT_READY, 0x0412 } },       /* the store is gone */
    { -EBUSY, { SCSI_BUSY, 0, 0 } },
    { -EAGAIN, { SCSI_BUSY, 0, 0 } },
    { -ENOMEM, { SCSI_TASK_SET_FULL, 0, 0 } }, /* fewer commands at a time may get through */
};

struct scsi_result scsi_result_from_errno(int error, enum store_op op)
{
    if (error >= 0)
        return (struct scsi_result){ SCSI_GOOD, 0, 0 };
    for (size_t i = 0; i < ARRAY_SIZE(errno_sense); i++)
        if (errno_sense[i].error == error)
            return errno_sense[i].result;
    if (error == -EIO)
        return op == STORE_READ ? SENSE_READ_ERROR : SENSE_WRITE_ERROR;
    return SENSE_INTERNAL_FAILURE;
}

static size_t encode_fixed(struct scsi_result result, const struct sense_detail *detail, uint8_t *out)
{
    out[0] = detail->has_info && detail->info <= UINT32_MAX ? 0xf0 : 0x70;
    out[2] = result.key;
    if (out[0] & 0x80)
        be32_put(out + 3, (uint32_t)detail->info);
    out[7] = 10; /* additional sense length: 18 bytes in all */
    be16_put(out + 12, result.asc);
    memcpy(out + 15, detail->specific, sizeof detail->specific);
    return 18;
}

static size_t encode_descriptor(struct scsi_result result, const struct sense_detail *detail, uint8_t *out)
{
    size_t n = 8;

    out[0] = 0x72;
    out[1] = result.key;
    be16_put(out + 2, result.asc);
    if (detail->has_info) {
        out[n] = 0x00; /* information */
        out[n + 1] = 0x0a;
        out[n + 2] = 0x80;
        be64_put(out + n + 4, detail->info);
        n += 12;
    }
    if (detail->specific[0] & 0x80) {
        out[n] = 0x02; /* sense key specific */
        out[n + 1] = 0x06;
        memcpy(out + n + 4, detail->specific, sizeof detail->specific);
        n += 8;
    }
    out[7] = (uint8_t)(n - 8);
    return n;
}

size_t sense_encode(struct scsi_result result, const struct sense_detail *detail, bool descriptor,
                    uint8_t out[static SCSI_SENSE_MAX])
{
    memset(out, 0, SCSI_SENSE_MAX);
    return (descriptor ? encode_descriptor : encode_fixed)(result, detail, out);
}
