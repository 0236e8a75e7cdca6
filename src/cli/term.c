/* SPDX-License-Identifier: MIT */
#include "cli/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/width.h"

/* Alternate screen, cursor: what every terminal of the last decades knows, tmux and the Linux console
 * included. */
#define SCREEN_TAKE  "\033[?1049h\033[?25l"
#define SCREEN_GIVE  "\033[?25h\033[?1049l"
#define SCREEN_HOME  "\033[H"
#define LINE_REST    "\033[K" /* erase what is right of here */
#define SCREEN_REST  "\033[J" /* and below */

static void take_keys(struct term *term)
{
    struct termios now;

    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &term->before) < 0)
        return;
    now = term->before;
    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    now.c_cc[VSUSP] = _POSIX_VDISABLE; /* a shell's prompt would stand on our screen */
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    term->keys = tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
}

/* Emacs' shell buffers and their kin call themselves dumb, and print what they are sent. */
static bool can_draw(void)
{
    const char *kind = getenv("TERM");

    return isatty(STDOUT_FILENO) && kind && *kind && strcmp(kind, "dumb") != 0;
}

void term_enter(struct term *term)
{
    if (!can_draw())
        return;
    take_keys(term);
    term->drawing = true;
    fputs(SCREEN_TAKE, stdout);
}

void term_leave(struct term *term)
{
    if (term->drawing) {
        fputs(SCREEN_GIVE, stdout);
        fflush(stdout);
    }
    if (term->keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &term->before);
    term->drawing = term->keys = false;
}

void term_size(unsigned *ret_lines, unsigned *ret_columns)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;

    *ret_lines = known ? size.ws_row : 24;
    *ret_columns = known ? size.ws_col : 80;
}

void term_draw(const char *text)
{
    unsigned lines, columns;

    term_size(&lines, &columns);
    fputs(SCREEN_HOME, stdout);
    for (unsigned i = 0; i < lines && *text; i++) {
        size_t len = strcspn(text, "\n");

        fwrite(text, 1, width_cut(text, len, columns), stdout);
        fputs(LINE_REST, stdout);
        text += len + (text[len] == '\n');
        if (i + 1 < lines && *text)
            fputc('\n', stdout);
    }
    fputs(SCREEN_REST, stdout);
    fflush(stdout);
}
