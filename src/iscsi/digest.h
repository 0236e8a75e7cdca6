/* SPDX-License-Identifier: MIT */
/* CRC32C as header and data digest use it (RFC 7143 §13.1). On the wire the least significant byte comes
 * first. */
#ifndef VDS_ISCSI_DIGEST_H
#define VDS_ISCSI_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_START 0xffffffffu

/* Running value over more bytes; start with DIGEST_START. Any alignment, any length. */
uint32_t digest_add(uint32_t running, const void *bytes, size_t len);

/* Running value -> the four bytes on the wire, and back. */
void digest_put(uint8_t out[4], uint32_t running);
int digest_equal(const uint8_t in[4], uint32_t running);

#endif
