/* SPDX-License-Identifier: MIT */
/* Stands in for src/scsi in the protocol's tests: one small disk at LUN 0 whose commands complete when the
 * test says so.
 *
 * READ(10) and WRITE(10) of 512-byte blocks, INQUIRY (96 bytes), TEST UNIT READY, and 0xee: ends with the
 * sense 05/24/00 in prepare.
 */
#ifndef VDS_TESTS_FAKE_SCSI_H
#define VDS_TESTS_FAKE_SCSI_H

#include "base/list.h"
#include "scsi/scsi.h"

#define FAKE_BLOCKS 8192

struct scsi_view {
    uint8_t *disk;
    bool hold;             /* execute() says "later": fake_complete() ends them */
    struct list_node held; /* scsi_task.link */
    unsigned n_held, n_prepared, n_released, n_executed, n_resets, n_clears, n_counted;
    uint64_t latency_ns; /* of all that were counted */
    bool no_lun; /* LUN 0 is not there */
};

struct scsi_view *fake_view_create(void);
void fake_view_destroy(struct scsi_view *view);
/* Ends the oldest held command; false: there is none. */
bool fake_complete(struct scsi_view *view);

#endif
