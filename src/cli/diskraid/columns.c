/* SPDX-License-Identifier: MIT */
#include "cli/diskraid/columns.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/diskraid/shell.h"
#include "cli/width.h"

#define COLUMNS_MAX 12

struct row {
    char *cells; /* each ends in a zero */
    bool focus;
};

struct columns {
    const struct column *defs;
    size_t n;
    int width[COLUMNS_MAX];
    struct row *rows;
    size_t n_rows;
};

static void *or_die(void *p)
{
    if (!p) {
        say_no_memory();
        exit(STATUS_FATAL);
    }
    return p;
}

static int text_width(const char *s)
{
    return (int)width_of(s, strlen(s));
}

struct columns *columns_create(const struct column *defs, size_t n)
{
    struct columns *c = or_die(calloc(1, sizeof *c));

    c->defs = defs;
    c->n = n;
    for (size_t i = 0; i < n; i++)
        c->width[i] = defs[i].width;
    return c;
}

void columns_row(struct columns *columns, bool focus, const char *format, ...)
{
    va_list args;
    char *cells, *cell;
    int r;

    va_start(args, format);
    r = vasprintf(&cells, format, args);
    va_end(args);
    /* A row that lacks cells has empty ones. */
    cells = or_die(r < 0 ? NULL : realloc(cells, (size_t)r + 1 + COLUMNS_MAX));
    memset(cells + r, 0, 1 + COLUMNS_MAX);
    columns->rows = or_die(realloc(columns->rows, (columns->n_rows + 1) * sizeof *columns->rows));
    columns->rows[columns->n_rows++] = (struct row){ cells, focus };
    cell = cells;
    for (size_t i = 0; i < columns->n; i++) {
        char *tab = i + 1 < columns->n ? strchr(cell, '\t') : NULL;
        int width;

        if (tab)
            *tab = '\0';
        width = text_width(cell);
        columns->width[i] = width > columns->width[i] ? width : columns->width[i];
        cell = tab ? tab + 1 : cell + strlen(cell);
    }
}

/* `before` and `after` blanks around the text; those that would end the line are not written. */
static void print_cell(const char *text, int before, int after, int *owed)
{
    if (*text) {
        printf("%*s%s", *owed + before, "", text);
        *owed = after;
    } else {
        *owed += before + after;
    }
}

static void print_heading(const struct columns *c)
{
    int owed = 0;

    for (size_t i = 0; i < c->n; i++) {
        int spare = c->width[i] - text_width(c->defs[i].heading),
            before = c->defs[i].right && spare > 0 ? spare / 2 : 0;

        print_cell(c->defs[i].heading, 2 + before, spare - before, &owed);
    }
    printf("\n");
    for (size_t i = 0; i < c->n; i++) {
        printf("  ");
        for (int k = 0; k < c->width[i]; k++)
            putchar('-');
    }
    printf("\n");
}

static void print_row(const struct columns *c, const struct row *row)
{
    const char *cell = row->cells;
    int owed = 0;

    for (size_t i = 0; i < c->n; i++, cell += strlen(cell) + 1) {
        int spare = c->width[i] - text_width(cell), lead = i ? 2 : 0;

        if (i == 0)
            printf("%s ", row->focus ? "*" : " ");
        print_cell(cell, lead + (c->defs[i].right ? spare : 0), c->defs[i].right ? 0 : spare, &owed);
    }
    printf("\n");
}

void columns_print(struct columns *columns, const char *nothing)
{
    if (columns->n_rows) {
        printf("\n");
        print_heading(columns);
    } else {
        printf("%s\n", nothing);
    }
    for (size_t i = 0; i < columns->n_rows; i++) {
        print_row(columns, &columns->rows[i]);
        free(columns->rows[i].cells);
    }
    free(columns->rows);
    free(columns);
}

void field(const char *label, const char *format, ...)
{
    va_list args;

    printf("  %-22s: ", label);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

void field_take(const char *label, void *task_memory_string)
{
    char *text = client_take_string(task_memory_string);

    field(label, "%s", text);
    free(text);
}
