/* SPDX-License-Identifier: MIT */
/* The terminal as a screen that is drawn anew: plain ANSI sequences, no library. */
#ifndef VDS_CLI_TERM_H
#define VDS_CLI_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct term {
    bool drawing, keys;  /* the screen is ours; so are its keys */
    struct termios before;
};

/* Takes the screen, when standard output is a terminal that can be drawn on: without a cursor, keys come one
 * by one. term_leave() puts back what was there; it may be called twice. */
void term_enter(struct term *term);
void term_leave(struct term *term);
void term_size(unsigned *ret_lines, unsigned *ret_columns);
/* Shows that text, cut to what fits, in place of what was there. */
void term_draw(const char *text);

#endif
