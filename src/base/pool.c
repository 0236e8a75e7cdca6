/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#define DEFAULT_MAX ((uint64_t)256 << 20)

static const size_t class_sizes[] = { 4096, 16384, 65536, 262144, 1 << 20, 4 << 20, BUFFER_SIZE_MAX };

#define N_CLASSES ARRAY_SIZE(class_sizes)

/* A free buffer's first bytes: the most recently used, whose pages are warm, goes first. */
struct free_buffer {
    struct free_buffer *next;
};

struct buffer_class {
    struct free_buffer *free;
    size_t n_free, n_free_min; /* the least there were since the last trim: so many nobody needed */
};

struct buffer_pool {
    uint64_t max_bytes, max_free_bytes;
    uint64_t n_used_bytes, n_free_bytes;
    struct buffer_class classes[N_CLASSES];
};

static size_t class_of(size_t size)
{
    size_t i = 0;

    while (i < N_CLASSES && class_sizes[i] < size)
        i++;
    return i;
}

size_t buffer_capacity(size_t size)
{
    size_t i = class_of(size);

    return size > 0 && i < N_CLASSES ? class_sizes[i] : 0;
}

static void *take_free(struct buffer_pool *pool, size_t class)
{
    struct buffer_class *c = &pool->classes[class];
    struct free_buffer *b = c->free;

    if (!b)
        return NULL;
    c->free = b->next;
    c->n_free--;
    if (c->n_free < c->n_free_min)
        c->n_free_min = c->n_free;
    pool->n_free_bytes -= class_sizes[class];
    return b;
}

/* Unmaps one free buffer of the class; false when it has none. */
static bool drop_free(struct buffer_pool *pool, size_t class)
{
    void *b = take_free(pool, class);

    if (b)
        munmap(b, class_sizes[class]);
    return b != NULL;
}

/* Makes room for n bytes within the limit at the cost of free buffers, large ones first. */
static bool make_room(struct buffer_pool *pool, size_t n)
{
    for (size_t class = N_CLASSES; pool->n_used_bytes + pool->n_free_bytes + n > pool->max_bytes;) {
        if (class == 0)
            return false;
        if (!drop_free(pool, class - 1))
            class--;
    }
    return true;
}

static void *map_new(struct buffer_pool *pool, size_t size)
{
    void *p;

    if (pool->n_used_bytes + size > pool->max_bytes || !make_room(pool, size))
        return NULL;
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void *buffer_get(struct buffer_pool *pool, size_t size)
{
    size_t class = class_of(size);
    void *b;

    if (size == 0 || class == N_CLASSES)
        return NULL;
    b = take_free(pool, class);
    if (!b)
        b = map_new(pool, class_sizes[class]);
    if (b)
        pool->n_used_bytes += class_sizes[class];
    return b;
}

void buffer_put(struct buffer_pool *pool, void *buffer, size_t size)
{
    size_t class = class_of(size);
    struct buffer_class *c = &pool->classes[class];
    struct free_buffer *b = buffer;

    if (!b)
        return;
    pool->n_used_bytes -= class_sizes[class];
    if (pool->n_free_bytes + class_sizes[class] > pool->max_free_bytes) {
        munmap(b, class_sizes[class]);
        return;
    }
    b->next = c->free;
    c->free = b;
    c->n_free++;
    pool->n_free_bytes += class_sizes[class];
}

uint64_t buffer_pool_trim(struct buffer_pool *pool)
{
    uint64_t before = pool->n_free_bytes;

    for (size_t class = 0; class < N_CLASSES; class++) {
        struct buffer_class *c = &pool->classes[class];

        for (size_t n = c->n_free_min; n > 0; n--)
            drop_free(pool, class);
        c->n_free_min = c->n_free;
    }
    return before - pool->n_free_bytes;
}

uint64_t buffer_pool_used(const struct buffer_pool *pool)
{
    return pool->n_used_bytes;
}

uint64_t buffer_pool_free(const struct buffer_pool *pool)
{
    return pool->n_free_bytes;
}

int buffer_pool_create(uint64_t max_bytes, uint64_t max_free_bytes, struct buffer_pool **ret_pool)
{
    struct buffer_pool *pool = calloc(1, sizeof *pool);

    if (!pool)
        return -ENOMEM;
    pool->max_bytes = max_bytes ? max_bytes : DEFAULT_MAX;
    pool->max_free_bytes = max_free_bytes ? max_free_bytes : pool->max_bytes / 4;
    *ret_pool = pool;
    return 0;
}

void buffer_pool_destroy(struct buffer_pool *pool)
{
    if (!pool)
        return;
    for (size_t class = 0; class < N_CLASSES; class++) {
        while (drop_free(pool, class))
            ;
    }
    free(pool);
}
