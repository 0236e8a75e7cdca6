/* SPDX-License-Identifier: MIT */
#include "target/buffers.h"

#include <stdlib.h>

#define PAGE 4096

struct idle_buffer {
    struct idle_buffer *next;
};

static unsigned class_of(size_t len)
{
    unsigned class = 0;

    while (class < N_BUFFER_CLASSES && (size_t)1 << (BUFFER_SHIFT_MIN + class) < len)
        class++;
    return class;
}

static size_t class_size(unsigned class)
{
    return (size_t)1 << (BUFFER_SHIFT_MIN + class);
}

void target_buffers_init(struct target_buffers *buffers, uint64_t max)
{
    *buffers = (struct target_buffers){ .max = max };
}

void target_buffers_fini(struct target_buffers *buffers)
{
    for (unsigned i = 0; i < N_BUFFER_CLASSES; i++) {
        for (struct idle_buffer *buf = buffers->idle[i], *next; buf; buf = next) {
            next = buf->next;
            free(buf);
        }
        buffers->idle[i] = NULL;
    }
}

void *target_buffers_get(struct target_buffers *buffers, size_t len)
{
    unsigned class = class_of(len);
    struct idle_buffer *buf;
    size_t size;

    if (class >= N_BUFFER_CLASSES || buffers->n_used + (size = class_size(class)) > buffers->max)
        return NULL;
    buf = buffers->idle[class];
    if (buf) {
        buffers->idle[class] = buf->next;
        buffers->n_idle -= size;
    } else {
        buf = size < PAGE ? malloc(size) : aligned_alloc(PAGE, size);
    }
    if (buf)
        buffers->n_used += size;
    return buf;
}

void target_buffers_put(struct target_buffers *buffers, void *p, size_t len)
{
    unsigned class = class_of(len);
    struct idle_buffer *buf = p;

    if (!buf)
        return;
    buffers->n_used -= class_size(class);
    if (buffers->n_idle + class_size(class) > BUFFERS_IDLE_MAX) {
        free(buf);
        return;
    }
    buf->next = buffers->idle[class];
    buffers->idle[class] = buf;
    buffers->n_idle += class_size(class);
}
