/* SPDX-License-Identifier: MIT */
/* Data buffers of one reactor: size classes that double, each with a list of idle ones, so that a buffer is
 * faulted in once and not for every command. Bounded in what is handed out and in what is kept. The reactor's
 * thread only.
 */
#ifndef VDS_TARGET_BUFFERS_H
#define VDS_TARGET_BUFFERS_H

#include <stddef.h>
#include <stdint.h>

#define BUFFER_SHIFT_MIN 9  /* 512 */
#define BUFFER_SHIFT_MAX 25 /* 32 MiB */
#define N_BUFFER_CLASSES (BUFFER_SHIFT_MAX - BUFFER_SHIFT_MIN + 1)
#define BUFFERS_IDLE_MAX (UINT64_C(32) << 20) /* kept for reuse; beyond, memory goes back */

struct idle_buffer;

struct target_buffers {
    uint64_t max, n_used, n_idle; /* bytes, by class size */
    struct idle_buffer *idle[N_BUFFER_CLASSES];
};

void target_buffers_init(struct target_buffers *buffers, uint64_t max);
/* Everything must have been put back. */
void target_buffers_fini(struct target_buffers *buffers);

/* NULL: the limit is reached, or no memory. At least `len` bytes, page-aligned from 4096 on; what is in them
 * is undefined. */
void *target_buffers_get(struct target_buffers *buffers, size_t len);
/* `len` as for the get. */
void target_buffers_put(struct target_buffers *buffers, void *buf, size_t len);

#endif
