/* SPDX-License-Identifier: MIT */
/* How much room UTF-8 takes on a terminal: columns, where letters may have two (CJK, emoji) or none
 * (accents). In any locale. */
#ifndef VDS_CLI_WIDTH_H
#define VDS_CLI_WIDTH_H

#include <stddef.h>

/* Columns of the first `len` bytes. */
size_t width_of(const char *text, size_t len);
/* Bytes of the longest beginning that has room in so many columns. */
size_t width_cut(const char *text, size_t len, size_t columns);

#endif
