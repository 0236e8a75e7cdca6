/* SPDX-License-Identifier: MIT */
/* By what a host knows a disk again that it has put partitions on: the GUID of the disk in a GPT header (UEFI
 * §5.3.2), or the four bytes that Windows writes into the MBR. The array writes neither. */
#include <string.h>

#include "array/array_internal.h"

#define SECTOR 512 /* as much of a block as is looked at */

static uint32_t le(const uint8_t *bytes, unsigned n)
{
    uint32_t value = 0;

    while (n-- > 0)
        value = value << 8 | bytes[n];
    return value;
}

/* What cannot be read is no signature. The caller's thread has no loop, so the store answers inside the
 * call. */
static bool read_block(struct store *store, uint64_t offset, uint8_t bytes[static SECTOR])
{
    struct iovec iov = { bytes, SECTOR };
    struct store_request req = { .op = STORE_READ, .offset = offset, .len = SECTOR, .iov = &iov, .n_iov = 1 };

    return store_submit(store, &req) == 0;
}

struct guid signature_read(struct store *store, uint32_t block_size)
{
    uint8_t mbr[SECTOR], gpt[SECTOR];
    struct guid signature = { 0 };

    if (!read_block(store, 0, mbr) || mbr[510] != 0x55 || mbr[511] != 0xaa)
        return signature;
    if (read_block(store, block_size, gpt) && memcmp(gpt, "EFI PART", 8) == 0) {
        signature = (struct guid){ .data1 = le(gpt + 56, 4),
                                   .data2 = (uint16_t)le(gpt + 60, 2),
                                   .data3 = (uint16_t)le(gpt + 62, 2) };
        memcpy(signature.data4, gpt + 64, sizeof signature.data4);
        return signature;
    }
    signature.data1 = le(mbr + 440, 4);
    return signature;
}
