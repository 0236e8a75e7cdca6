/* SPDX-License-Identifier: MIT */
/* What the copy manager can do, as RECEIVE COPY RESULTS and VPD page 8Fh say it and EXTENDED COPY holds it.
 */
#ifndef VDS_SCSI_COPY_H
#define VDS_SCSI_COPY_H

#include <stdbool.h>
#include <stdint.h>

#define COPY_MAX_TARGETS       16
#define COPY_MAX_SEGMENTS      32
#define COPY_TARGET_BYTES      32
#define COPY_SEGMENT_BYTES     28
#define COPY_MAX_LIST_BYTES    (COPY_MAX_TARGETS * COPY_TARGET_BYTES + COPY_MAX_SEGMENTS * COPY_SEGMENT_BYTES)
#define COPY_MAX_SEGMENT_BYTES (65535u * 4096)
#define COPY_MAX_CONCURRENT    128

struct reply;
struct scsi_lu;
struct scsi_task;

/* The body of VPD page 8Fh (SPC-4 §7.8.17). */
void copy_vpd(struct reply *reply, const struct scsi_task *task);

/* inquiry.c: whether these bytes (designator header and designator, as in VPD 83h) name the unit. */
bool unit_has_designator(const struct scsi_lu *lu, uint8_t code_set, uint8_t type, const uint8_t *designator,
                         uint8_t len);

/* The last EXTENDED COPY of a nexus whose results are held for RECEIVE COPY RESULTS. */
struct copy_record {
    bool valid, failed;
    uint8_t list_id;
    uint16_t n_segments;
    uint32_t n_kib;
};

#endif
