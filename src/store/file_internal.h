/* SPDX-License-Identifier: MIT */
/* What the parts of the file store share. */
#ifndef VDS_STORE_FILE_INTERNAL_H
#define VDS_STORE_FILE_INTERNAL_H

#include "loop/loop.h"
#include "store/store_backend.h"

struct file_lane;
struct file_map;

struct file_store {
    struct store store;
    int fd;
    bool in_memory;                          /* tmpfs: no call waits for a device */
    struct file_map *map;                    /* its pages, when in memory; NULL without */
    atomic_bool nowait_reads, nowait_writes; /* until the file system says that it cannot */
    atomic_bool can_zero;                    /* the same for FALLOC_FL_ZERO_RANGE */
    atomic_uint n_sync_failures;             /* see file_sync_now() */
    _Atomic(struct file_lane *) lanes;       /* one per loop that has written; freed with the store */
};

/* Lives in req->private while the request runs. */
struct file_task {
    struct loop_op op; /* in a lane: op.link and op.res only */
    struct file_store *fs;
    struct iovec *iov; /* what is left to transfer, within req->iov */
    uint64_t n_done;
};
_Static_assert(sizeof(struct file_task) <= sizeof((struct store_request){ 0 }.private), "fits the request");

static inline struct store_request *file_request_of(struct file_task *t)
{
    return container_of((void *(*)[12])t, struct store_request, private);
}

/* Blocks until the rest of a READ or WRITE is done, without FUA. 0 or -errno. */
int file_transfer_now(struct file_task *t);

/* Blocks until all that was written is durable. */
int file_sync_now(struct file_store *fs);

/* From `offset` (below the size), the run of equal state: holes, and space allocated but never written,
 * are not data. */
int file_run_at(const struct file_store *fs, uint64_t offset, uint64_t *ret_end, bool *ret_data);

/* file_map.c: reads and writes by copying from and to the file's own pages. */
void file_map_open(struct file_store *fs);
void file_map_close(struct file_store *fs);
/* READ or WRITE. False: it could not be done by copying, or not to its end; a system call must do all of
 * it. */
bool file_map_transfer(struct file_store *fs, const struct store_request *req);
/* store_borrow(); NULL too when a page of it is not known to be there. */
const uint8_t *file_map_borrow(struct file_store *fs, uint64_t offset, uint64_t len);
/* What is about to be punched out or cut off is not there any more. */
void file_map_freed(struct file_store *fs, uint64_t offset, uint64_t len);

/* file_lane.c: a WRITE or FLUSH that may block is done by a worker. -EINPROGRESS or -ENOMEM. */
int file_lane_submit(struct file_task *t);
void file_lanes_free(struct file_store *fs);

#endif
