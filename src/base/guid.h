/* SPDX-License-Identifier: MIT */
/* 128-bit object identifiers, in the memory layout of the public GUID (src/com proves the two equal). */
#ifndef VDS_BASE_GUID_H
#define VDS_BASE_GUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guid {
    uint32_t data1;
    uint16_t data2, data3;
    uint8_t data4[8];
};

#define GUID_TEXT_SIZE 37 /* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" and the zero */

/* A random (version 4) identifier from getrandom(2). 0, or -errno when the kernel gives no randomness. */
int guid_generate(struct guid *ret_guid);

/* Lower-case text form, always zero-terminated. */
void guid_format(const struct guid *g, char text[static GUID_TEXT_SIZE]);

/* Accepts the text form in either case, with or without braces. -EINVAL for anything else, trailing text
 * included. */
int guid_parse(const char *text, struct guid *ret_guid);

bool guid_equal(const struct guid *a, const struct guid *b);
int guid_compare(const struct guid *a, const struct guid *b);
uint64_t guid_hash(const struct guid *g);
bool guid_is_null(const struct guid *g);
bool guid_is_among(const struct guid *g, const struct guid *list, size_t n);

#endif
