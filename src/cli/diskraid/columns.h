/* SPDX-License-Identifier: MIT */
/* DiskRAID's two ways of showing things: lists with a heading and a line of dashes, and details as "Label :
 * value". */
#ifndef VDS_CLI_DISKRAID_COLUMNS_H
#define VDS_CLI_DISKRAID_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

struct column {
    const char *heading;
    int width;  /* at least; a cell that is wider makes the column wider */
    bool right; /* cells stand at the right, the heading in the middle */
};

struct columns;

/* Never fails: out of memory ends the program. */
struct columns *columns_create(const struct column *defs, size_t n);
/* One row: printf-formatted, cells separated by tabs. `focus`: an asterisk in front. */
void columns_row(struct columns *columns, bool focus, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Prints the rows and frees all. No rows: `nothing` instead. */
void columns_print(struct columns *columns, const char *nothing);

/* "  Label                : value" */
void field(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, and frees the string that COM gave; NULL is shown as nothing. */
void field_take(const char *label, void *task_memory_string);

#endif
