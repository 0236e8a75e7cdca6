/* SPDX-License-Identifier: MIT */
/* A gibibyte of address space with a bit per page, set for pages that are known to have memory behind them.
 * Chunks never move, so a store grows by more of them and disturbs no request that runs. Bits are atomic:
 * threads write to neighbouring pages.
 */
#ifndef VDS_STORE_CHUNK_H
#define VDS_STORE_CHUNK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PAGE      UINT64_C(4096)
#define CHUNK     (UINT64_C(1) << 30)
#define N_CHUNKS  65536 /* 64 TiB: what a directory of pointers of half a MiB can name */
#define N_PAGES   (CHUNK / PAGE)
#define MAP_WORDS (N_PAGES / 64)

struct chunk {
    uint8_t bytes[CHUNK];
    _Atomic uint64_t map[MAP_WORDS];
};

static inline bool page_known(const struct chunk *c, uint64_t page)
{
    return atomic_load_explicit(&c->map[page / 64], memory_order_relaxed) >> (page % 64) & 1;
}

/* True: it was not set before. */
static inline bool page_mark(struct chunk *c, uint64_t page)
{
    uint64_t bit = UINT64_C(1) << (page % 64);

    return !page_known(c, page) &&
           !(atomic_fetch_or_explicit(&c->map[page / 64], bit, memory_order_relaxed) & bit);
}

/* Clears the bits of pages [first, end); words without a bit are passed over whole. Returns how many there
 * were. */
static inline uint64_t pages_clear(struct chunk *c, uint64_t first, uint64_t end)
{
    uint64_t n_cleared = 0;

    while (first < end) {
        uint64_t start = first % 64, n = 64 - start < end - first ? 64 - start : end - first;
        uint64_t bits = (n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1) << start;
        _Atomic uint64_t *word = &c->map[first / 64];

        if (atomic_load_explicit(word, memory_order_relaxed) & bits)
            n_cleared += (uint64_t)__builtin_popcountll(
                atomic_fetch_and_explicit(word, ~bits, memory_order_relaxed) & bits);
        first += n;
    }
    return n_cleared;
}

/* The first page from `page` on whose bit differs from that page's; at least `end` when none before that
 * does. */
static inline uint64_t pages_run_end(const struct chunk *c, uint64_t page, uint64_t end)
{
    uint64_t flip = page_known(c, page) ? UINT64_MAX : 0;

    while (page < end) {
        uint64_t bits =
            (atomic_load_explicit(&c->map[page / 64], memory_order_relaxed) ^ flip) >> (page % 64);

        if (bits)
            return page + (uint64_t)__builtin_ctzll(bits);
        page += 64 - page % 64;
    }
    return page;
}

#endif
