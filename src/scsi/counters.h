/* SPDX-License-Identifier: MIT */
/* What commands have done: how many, how much, how long. Kept by the nexus they came through, on its thread
 * alone; whoever wants to know sums up, at any time. */
#ifndef VDS_SCSI_COUNTERS_H
#define VDS_SCSI_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#define SCSI_LATENCY_BUCKETS 20

enum scsi_counter {
    SCSI_READS, /* commands that move blocks to the initiator, from it, and all others */
    SCSI_WRITES,
    SCSI_OTHERS,
    SCSI_ERRORS, /* those of them that ended with CHECK CONDITION */
    SCSI_BYTES_READ,
    SCSI_BYTES_WRITTEN,
    SCSI_LATENCY_NS,    /* from the command to its status, summed up */
    /* commands that took less than 2048 ns, 4096 ns ... ; the last: all that took longer */
    SCSI_LATENCY_FIRST,
    SCSI_N_COUNTERS = SCSI_LATENCY_FIRST + SCSI_LATENCY_BUCKETS,
};

struct scsi_counters {
    uint64_t n[SCSI_N_COUNTERS];
};

/* The same where it grows: one thread writes, without a locked instruction, any thread reads. */
struct scsi_tally {
    _Atomic uint64_t n[SCSI_N_COUNTERS];
};

struct scsi_task;
struct scsi_view;
struct scsi_lu;

/* The task has its answer, which the transport is about to send: counts it. On the view's thread, between
 * prepare and release. */
void scsi_task_count(struct scsi_task *task, uint64_t latency_ns);

/* All that commands of the session have done, on units that it has lost and to numbers where there is none,
 * too. On the view's thread. */
void scsi_view_counters(const struct scsi_view *view, struct scsi_counters *ret_counters);
/* All that was done to the unit since it was made, by sessions that are gone, too. Any thread. */
void scsi_lu_counters(struct scsi_lu *lu, struct scsi_counters *ret_counters);

#endif
