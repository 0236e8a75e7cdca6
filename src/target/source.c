/* SPDX-License-Identifier: MIT */
#include "target/source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "target/address.h"

#define WARN_INTERVAL_NS 1000000000u

struct source {
    struct hash_node by_address;
    uint8_t bytes[16];
    size_t n_bytes;
    uint32_t n;
};

int target_sources_init(struct target_sources *sources, uint32_t max, uint32_t max_per_source)
{
    *sources = (struct target_sources){ .max = max, .max_per_source = max_per_source };
    pthread_mutex_init(&sources->lock, NULL);
    return target_hash_init(&sources->by_address);
}

void target_sources_fini(struct target_sources *sources)
{
    target_hash_fini(&sources->by_address);
    pthread_mutex_destroy(&sources->lock);
}

static struct source *find_or_add(struct target_sources *sources, const struct sockaddr_storage *peer)
{
    uint8_t bytes[16] = { 0 };
    size_t n_bytes = target_address_bytes(peer, bytes);
    uint64_t hash = target_hash_bytes(bytes, n_bytes);
    struct source *source;

    for (struct hash_node *n = target_hash_first(&sources->by_address, hash); n; n = target_hash_next(n)) {
        source = container_of(n, struct source, by_address);
        if (source->n_bytes == n_bytes && memcmp(source->bytes, bytes, n_bytes) == 0)
            return source;
    }
    source = calloc(1, sizeof *source);
    if (!source)
        return NULL;
    memcpy(source->bytes, bytes, sizeof bytes);
    source->n_bytes = n_bytes;
    target_hash_add(&sources->by_address, &source->by_address, hash);
    return source;
}

static void drop_unused(struct target_sources *sources, struct source *source)
{
    if (source->n > 0)
        return;
    target_hash_remove(&sources->by_address, &source->by_address);
    free(source);
}

static void warn(struct target_sources *sources, const struct sockaddr_storage *peer, const char *which,
                 uint32_t limit, uint64_t now_ns)
{
    char text[ADDRESS_TEXT_SIZE];

    sources->n_refused++;
    if (sources->warned_ns != 0 && now_ns - sources->warned_ns < WARN_INTERVAL_NS)
        return;
    sources->warned_ns = now_ns;
    target_address_format(peer, text);
    log_warning("connection from %s refused: the limit of %" PRIu32 " connections %s is reached (%" PRIu64
                " refused so far)",
                text, limit, which, sources->n_refused);
}

int target_sources_enter(struct target_sources *sources, const struct sockaddr_storage *peer, uint64_t now_ns,
                         struct source **ret_source)
{
    struct source *source;
    int r = 0;

    pthread_mutex_lock(&sources->lock);
    source = find_or_add(sources, peer);
    if (!source) {
        r = -ENOMEM;
    } else if (sources->n >= sources->max) {
        warn(sources, peer, "in all", sources->max, now_ns);
        r = -EMFILE;
    } else if (source->n >= sources->max_per_source) {
        warn(sources, peer, "from one address", sources->max_per_source, now_ns);
        r = -EMFILE;
    }
    if (r == 0) {
        sources->n++;
        source->n++;
        *ret_source = source;
    } else if (source) {
        drop_unused(sources, source);
    }
    pthread_mutex_unlock(&sources->lock);
    return r;
}

void target_sources_leave(struct target_sources *sources, struct source *source)
{
    pthread_mutex_lock(&sources->lock);
    sources->n--;
    source->n--;
    drop_unused(sources, source);
    pthread_mutex_unlock(&sources->lock);
}
