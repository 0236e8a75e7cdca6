/* SPDX-License-Identifier: MIT */
/* A bounded writer for parameter data: counts what does not fit, so that a handler writes its whole answer
 * and the allocation length cuts it in one place (SPC-4 §4.3.5.6). */
#ifndef VDS_SCSI_REPLY_H
#define VDS_SCSI_REPLY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

struct reply {
    uint8_t *p;
    size_t room, n; /* n may pass room */
};

static inline void reply_bytes(struct reply *r, const void *bytes, size_t len)
{
    if (len && r->n < r->room)
        memcpy(r->p + r->n, bytes, len < r->room - r->n ? len : r->room - r->n);
    r->n += len;
}

static inline void reply_zero(struct reply *r, size_t len)
{
    if (len && r->n < r->room)
        memset(r->p + r->n, 0, len < r->room - r->n ? len : r->room - r->n);
    r->n += len;
}

static inline void reply_u8(struct reply *r, uint8_t v)
{
    reply_bytes(r, &v, 1);
}

static inline void reply_u16(struct reply *r, uint16_t v)
{
    uint8_t b[2];

    be16_put(b, v);
    reply_bytes(r, b, sizeof b);
}

static inline void reply_u32(struct reply *r, uint32_t v)
{
    uint8_t b[4];

    be32_put(b, v);
    reply_bytes(r, b, sizeof b);
}

static inline void reply_u64(struct reply *r, uint64_t v)
{
    uint8_t b[8];

    be64_put(b, v);
    reply_bytes(r, b, sizeof b);
}

/* Overwrites what has been written already: length fields known only at the end. */
static inline void reply_patch(struct reply *r, size_t at, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len && at + i < r->room; i++)
        r->p[at + i] = ((const uint8_t *)bytes)[i];
}

static inline void reply_patch_u8(struct reply *r, size_t at, size_t v)
{
    uint8_t b = (uint8_t)v;

    reply_patch(r, at, &b, 1);
}

static inline void reply_patch_u16(struct reply *r, size_t at, size_t v)
{
    uint8_t b[2];

    be16_put(b, (uint16_t)v);
    reply_patch(r, at, b, sizeof b);
}

static inline void reply_patch_u32(struct reply *r, size_t at, size_t v)
{
    uint8_t b[4];

    be32_put(b, (uint32_t)v);
    reply_patch(r, at, b, sizeof b);
}

#endif
