/* SPDX-License-Identifier: MIT */
/* Where the blocks of a logical unit live: one vtable, four kinds here (file, memory, null, fault), more by
 * plug-in.
 *
 * A store knows bytes and errno: no SCSI, no ring, no descriptor shows in this header. Requests come from
 * reactor threads, in any number and order; a request completes on the thread that submitted it. What
 * overlapping requests see is undefined, as on a disk.
 */
#ifndef VDS_STORE_STORE_H
#define VDS_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/cleanup.h"

struct store;

enum store_op {
    STORE_READ,
    STORE_WRITE,
    STORE_FLUSH,        /* all writes completed before this are durable when it completes */
    STORE_DISCARD,      /* free the range; it reads as zeros afterwards */
    STORE_WRITE_ZEROES, /* zeros, space stays allocated if it was */
};

struct store_request {
    enum store_op op;
    bool fua;             /* WRITE, DISCARD, WRITE_ZEROES: durable before completion */
    uint64_t offset;      /* bytes */
    uint64_t len;         /* bytes; READ and WRITE: the sum of iov */
    struct iovec *iov;    /* READ and WRITE; caller's, may be changed by the store while the request runs */
    int n_iov;
    /* 0 or -errno; on the submitting thread, never inside store_submit() */
    void (*done)(struct store_request *req, int res);
    void *private[12];    /* the store's, while the request runs */
};

/* Starts the request. -EINPROGRESS: done() will be called. Anything else (0 or -errno) is the result, and
 * done() is not called: that is how page-cache hits stay cheap. Requests beyond the size are -EINVAL;
 * short transfers do not exist. Changes to a store opened read-only are -EROFS. On a thread without a loop
 * everything is done inside the call, blocking. */
int store_submit(struct store *store, struct store_request *req);

/* A read without a copy: where the store itself keeps the range, or NULL when it is not at hand in one piece
 * (then read it). The bytes stay mapped as long as the store is open, and change when somebody writes. The
 * file may be cut behind our back, so they are for system calls (EFAULT), not to be touched (SIGBUS). */
const uint8_t *store_borrow(struct store *store, uint64_t offset, uint64_t len);

/* A system call found that what was borrowed is not there (EFAULT): nobody borrows that range until it has
 * been written again. */
void store_lent_gone(struct store *store, uint64_t offset, uint64_t len);

/* What is known about a range, for GET LBA STATUS: from `offset`, the length of the run of equal state. */
struct store_extent {
    uint64_t len;
    bool mapped;
};
int store_extent_at(struct store *store, uint64_t offset, struct store_extent *ret_extent);

uint64_t store_size(const struct store *store);      /* bytes */
uint64_t store_allocated(const struct store *store); /* bytes of space really used, as far as is known */
bool store_is_thin(const struct store *store);       /* DISCARD really frees space */

/* Blocking; never on a reactor thread. Gives the range its space now, so that writing there cannot meet
 * -ENOSPC; it may lie beyond the end: that is how a fully allocated store grows, reserve first, then
 * resize. Contents do not change. */
int store_reserve(struct store *store, uint64_t offset, uint64_t len);

/* Blocking; never on a reactor thread. Grows or cuts; the caller has stopped requests beyond the new end.
 * Growth reads as zeros. */
int store_resize(struct store *store, uint64_t size);

/* The last reference closes. References: one from open, one per user. NULL is fine. */
struct store *store_ref(struct store *store);
void store_unref(struct store *store);
DEFINE_CLEANUP(struct store *, store_unref)

/* ---- kinds --------------------------------------------------------------------------------------------- */

/* Called from store_file_create() with bytes done so far; returning true ends it with -ECANCELED and
 * removes the file. */
typedef bool store_progress(void *arg, uint64_t n_done, uint64_t n_total);

/* Makes a new file of `size` bytes (O_EXCL). thick: allocates every block (posix_fallocate in steps,
 * progress between them); otherwise sparse. Durable, directory entry too, when it returns 0. -EEXIST,
 * -ENOSPC, ... Blocking. */
int store_file_create(const char *path, uint64_t size, bool thick, store_progress *progress, void *arg);

/* Opens an existing file. Reads and writes go through the page cache; hits complete inside store_submit().
 * Blocking. -EBUSY: it is open already, here or in another process; -EINVAL, -EISDIR: not a regular file. */
int store_file_open(const char *path, bool read_only, struct store **ret_store);

/* Anonymous memory, sparse; gone on close. */
int store_memory_open(uint64_t size, struct store **ret_store);

/* Reads zeros, forgets writes. For measuring. */
int store_null_open(uint64_t size, struct store **ret_store);

/* Wraps `inner` (takes its own reference). The hook sees every request first: 0 lets it through, -errno
 * fails it, -EINPROGRESS holds it until store_fault_release(). For tests and fault injection. */
typedef int store_fault_hook(void *arg, const struct store_request *req);
int store_fault_open(struct store *inner, store_fault_hook *hook, void *arg, struct store **ret_store);
/* Lets every held request go on, on the thread that submitted each (call it there). Returns how many there
 * were. */
unsigned store_fault_release(struct store *fault);

#endif
