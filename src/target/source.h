/* SPDX-License-Identifier: MIT */
/* How many connections there are, in all and from each peer address: the limits that stand before any
 * protocol. */
#ifndef VDS_TARGET_SOURCE_H
#define VDS_TARGET_SOURCE_H

#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>

#include "target/hash.h"

struct source; /* one peer address that has connections */

struct target_sources {
    pthread_mutex_t lock;
    struct hash by_address;
    uint32_t n, max, max_per_source;
    uint64_t warned_ns, n_refused; /* refusals are logged at most once a second */
};

int target_sources_init(struct target_sources *sources, uint32_t max, uint32_t max_per_source);
void target_sources_fini(struct target_sources *sources);

/* Any thread. -EMFILE: one of the limits is reached (logged here). */
int target_sources_enter(struct target_sources *sources, const struct sockaddr_storage *peer, uint64_t now_ns,
                         struct source **ret_source);
void target_sources_leave(struct target_sources *sources, struct source *source);

#endif
