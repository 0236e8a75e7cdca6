/* SPDX-License-Identifier: MIT */
#include "cli/table.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "cli/width.h"

#define COLUMNS_MAX 16

struct table {
    char **rows;
    size_t n_rows;
    size_t widths[COLUMNS_MAX];
};

static void *check(void *p)
{
    if (!p) {
        fprintf(stderr, "%s: out of memory\n", program_invocation_short_name);
        exit(1);
    }
    return p;
}

static void add_row(struct table *table, char *row)
{
    size_t column = 0;

    table->rows = check(realloc(table->rows, (table->n_rows + 1) * sizeof *table->rows));
    table->rows[table->n_rows++] = row;
    for (const char *cell = row; column < COLUMNS_MAX; column++, cell++) {
        size_t len = strcspn(cell, "\t"), width = width_of(cell, len);

        if (width > table->widths[column])
            table->widths[column] = width;
        cell += len;
        if (!*cell)
            break;
    }
}

struct table *table_create(const char *headings)
{
    struct table *table = check(calloc(1, sizeof *table));

    add_row(table, check(strdup(headings)));
    return table;
}

void table_row(struct table *table, const char *format, ...)
{
    va_list args;
    char *row;

    va_start(args, format);
    if (vasprintf(&row, format, args) < 0)
        check(NULL);
    va_end(args);
    add_row(table, row);
}

static void print_row(const struct table *table, const char *row)
{
    size_t column = 0;

    for (const char *cell = row;; column++) {
        size_t len = strcspn(cell, "\t");
        int pad = (int)(table->widths[column] - width_of(cell, len));

        if (!cell[len]) {
            printf("%s\n", cell);
            return;
        }
        printf("%.*s%*s  ", (int)len, cell, pad, "");
        cell += len + 1;
    }
}

void table_print(struct table *table)
{
    for (size_t i = 0; i < table->n_rows; i++) {
        print_row(table, table->rows[i]);
        free(table->rows[i]);
    }
    free(table->rows);
    free(table);
}

/* ---- formats --------------------------------------------------------------------------------------- */

static const char size_units[] = "BKMGTPE";

const char *size_text(uint64_t bytes, char text[static SIZE_TEXT_SIZE])
{
    unsigned unit = 0;

    while (unit + 2 < sizeof size_units && bytes >> (10 * (unit + 1)))
        unit++;
    if (unit == 0)
        snprintf(text, SIZE_TEXT_SIZE, "%llu", (unsigned long long)bytes);
    else if ((bytes & ((1ull << (10 * unit)) - 1)) == 0)
        snprintf(text, SIZE_TEXT_SIZE, "%llu%c", (unsigned long long)(bytes >> (10 * unit)),
                 size_units[unit]);
    else
        snprintf(text, SIZE_TEXT_SIZE, "%.1f%c", (double)bytes / (double)(1ull << (10 * unit)),
                 size_units[unit]);
    return text;
}

int size_parse(const char *text, uint64_t *ret_bytes)
{
    char *end;
    double value;
    unsigned shift = 0;

    value = strtod(text, &end);
    /* neither "0x1" nor "1e9" */
    if (!isdigit((unsigned char)*text) || end != text + strspn(text, "0123456789."))
        return -1;
    if (*end) {
        const char *unit = strchr(size_units, toupper((unsigned char)*end));

        if (!unit || !*unit)
            return -1;
        shift = 10 * (unsigned)(unit - size_units);
        end++;
        if (shift && strcasecmp(end, "iB") == 0)
            end += 2;
        else if (shift && strcasecmp(end, "B") == 0)
            end += 1;
    }
    value *= (double)(1ull << shift);
    if (*end || !(value >= 1) || value > 9.2e18)
        return -1;
    *ret_bytes = (uint64_t)value;
    return 0;
}

const char *age_text(uint64_t ms, char text[static SIZE_TEXT_SIZE])
{
    static const struct {
        uint64_t seconds;
        char unit;
    } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
    uint64_t s = ms / 1000;

    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (s >= units[i].seconds || units[i].unit == 's') {
            snprintf(text, SIZE_TEXT_SIZE, "%llu%c", (unsigned long long)(s / units[i].seconds),
                     units[i].unit);
            break;
        }
    }
    return text;
}
