/* SPDX-License-Identifier: MIT */
/* Columns of text, as wide as they must be. And the few formats that every list shares. */
#ifndef VDS_CLI_TABLE_H
#define VDS_CLI_TABLE_H

#include <stdint.h>

struct table;

/* `headings`: separated by tabs (names hold no control characters). Never fails: out of memory ends the
 * program. */
struct table *table_create(const char *headings);
/* One row: printf-formatted, cells separated by tabs. */
void table_row(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints and frees it. */
void table_print(struct table *table);

#define SIZE_TEXT_SIZE 24
/* "10G", "1.5T", "512": exact powers of 1,024 short, else one decimal. */
const char *size_text(uint64_t bytes, char text[static SIZE_TEXT_SIZE]);
/* Accepts 10G, 1.5T, 4096, 64KiB, 64kb. 0, or -1 for anything else, zero and more than 2^63 included. */
int size_parse(const char *text, uint64_t *ret_bytes);
/* "3s", "12m", "4h", "2d" */
const char *age_text(uint64_t ms, char text[static SIZE_TEXT_SIZE]);

#endif
