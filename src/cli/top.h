/* SPDX-License-Identifier: MIT */
/* vdsctl top: what sessions and LUNs do in an interval (top.c), and how that is told (top_print.c). */
#ifndef VDS_CLI_TOP_H
#define VDS_CLI_TOP_H

#include <stdio.h>

#include "cli/model.h"

/* A session or a LUN. */
struct top_row {
    ULONGLONG session;
    GUID lun;
    const char *name; /* of a LUN: the model's */
    ULONG tasks; /* of a session: in flight now */
    VDS_IO_COUNTERS total, change;
};

struct top_table {
    struct top_row *rows; /* busiest first */
    size_t n;
    double seconds; /* the interval that `change` is of */
};

struct top_frame {
    const struct model *model; /* for names */
    struct top_table sessions, luns;
};

ULONGLONG top_commands(const VDS_IO_COUNTERS *io);

/* Text of at most `lines` lines, of which some say how many more there are; 0: as many as there are. */
void top_print_text(FILE *out, const struct top_frame *frame, unsigned lines);
/* One line. */
void top_print_json(FILE *out, const struct top_frame *frame);

#endif
