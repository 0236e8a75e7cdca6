/* SPDX-License-Identifier: MIT */
/* CRC32C by isa-l, which picks the fastest instructions of this processor when it is first called. */
#include "iscsi/digest.h"

#include <string.h>

#include <isa-l/crc.h>

uint32_t digest_add(uint32_t running, const void *bytes, size_t len)
{
    /* isa-l counts in int; a segment is 24 bits, but the function should not know that. */
    for (const size_t step = 1u << 30; len > step; bytes = (const uint8_t *)bytes + step, len -= step)
        running = crc32_iscsi((unsigned char *)(uintptr_t)bytes, (int)step, running);
    return len ? crc32_iscsi((unsigned char *)(uintptr_t)bytes, (int)len, running) : running;
}

void digest_put(uint8_t out[4], uint32_t running)
{
    uint32_t crc = ~running;

    memcpy(out, &crc, 4); /* little-endian host: bytes.h asserts it */
}

int digest_equal(const uint8_t in[4], uint32_t running)
{
    uint8_t want[4];

    digest_put(want, running);
    return memcmp(in, want, 4) == 0;
}
