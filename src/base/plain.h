/* SPDX-License-Identifier: MIT */
/* Text of others on its way to a terminal or a log: what would steer it instead of being read. */
#ifndef VDS_BASE_PLAIN_H
#define VDS_BASE_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

/* Valid UTF-8 without control characters: C0 (line ends too), DEL, C1. */
bool text_is_plain(const char *text);

/* The text with each byte of what is not plain as \xNN; cut off, with "...", where `out` ends. n must be at
 * least 4. */
void text_show(const char *text, char *out, size_t n);

#endif
