/* SPDX-License-Identifier: MIT */
#include "cli/diskraid/terminal.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define HISTORY_LINES 500
#define NO_CHARACTER  0xfffd /* is seen, where a byte left out would make another line of it */

static volatile sig_atomic_t interrupted, resized;

static void on_signal(int signo)
{
    *(signo == SIGINT ? &interrupted : &resized) = 1;
}

/* Ctrl-C and a window of another size are let in here and nowhere else, so that none is lost before the read.
 * 1, 0 at the end of input, -1. */
static ssize_t read_byte(EditLine *el, char *ret_byte)
{
    struct pollfd fd = { STDIN_FILENO, POLLIN, 0 };
    sigset_t open;

    pthread_sigmask(SIG_SETMASK, NULL, &open);
    sigdelset(&open, SIGINT);
    sigdelset(&open, SIGWINCH);
    while (!interrupted) {
        if (ppoll(&fd, 1, NULL, &open) > 0)
            return read(STDIN_FILENO, ret_byte, 1);
        if (errno != EINTR)
            break;
        if (resized) {
            resized = 0;
            el_resize(el);
        }
    }
    return -1;
}

/* libedit's own would read on after an interrupt. */
static int read_char(EditLine *el, wchar_t *ret_char)
{
    mbstate_t state = { 0 };

    for (;;) {
        char byte;
        ssize_t n = read_byte(el, &byte);
        size_t r;

        if (n <= 0)
            return (int)n;
        r = mbrtowc(ret_char, &byte, 1, &state);
        if (r == (size_t)-1)
            *ret_char = NO_CHARACTER;
        if (r != (size_t)-2)
            return 1;
    }
}

static char *prompt(EditLine *el)
{
    static char text[] = PROMPT;

    (void)el;
    return text;
}

/* ---- completion ------------------------------------------------------------------------------ */

#define CANDIDATES_MAX 64
struct candidates {
    char word[CANDIDATES_MAX][64];
    unsigned n;
    size_t common; /* bytes that all of them begin with */
};

static void found(void *arg, const char *word)
{
    struct candidates *c = arg;
    size_t same = 0;

    if (c->n == CANDIDATES_MAX)
        return;
    snprintf(c->word[c->n], sizeof c->word[0], "%s", word);
    while (word[same] && c->word[0][same] == word[same])
        same++;
    c->common = c->n == 0 || same < c->common ? same : c->common;
    c->n++;
}

static void print_candidates(const struct candidates *c)
{
    printf("\n");
    for (unsigned i = 0; i < c->n; i++)
        printf("  %s", c->word[i]);
    printf("\n");
    fflush(stdout);
}

static unsigned char complete(EditLine *el, int ch)
{
    const LineInfo *line = el_line(el);
    size_t len = (size_t)(line->cursor - line->buffer), start;
    struct candidates c = { .n = 0 };
    char text[80];

    (void)ch;
    start = grammar_complete(line->buffer, len, found, &c);
    if (c.n == 0)
        return CC_ERROR;
    if (c.n > 1 && c.common <= len - start) {
        print_candidates(&c);
        return CC_REDISPLAY;
    }
    snprintf(text, sizeof text, "%.*s", (int)c.common, c.word[0]);
    if (c.n == 1 && text[strlen(text) - 1] != '=')
        strcat(text, " ");
    el_deletestr(el, (int)(len - start));
    el_insertstr(el, text);
    return CC_REFRESH;
}

/* On terminals that hand Ctrl-C through as a character. */
static unsigned char drop_line(EditLine *el, int ch)
{
    (void)el, (void)ch;
    interrupted = 1;
    return CC_EOF;
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* A line with a secret stays out of the history. */
static bool may_be_remembered(const char *line)
{
    char word[16] = "";
    const struct command *command;

    if (sscanf(line, " \"%15[^ \t\n\"]", word) != 1)
        sscanf(line, " %15[^ \t\n\"]", word);
    command = grammar_find(word);
    return *word && (!command || strcmp(command->name, "chap") != 0);
}

static const char *read_line(EditLine *el, int *ret_len)
{
    struct sigaction act = { .sa_handler = on_signal }, before;
    sigset_t signals, mask;
    const char *line;

    interrupted = 0;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGWINCH);
    pthread_sigmask(SIG_BLOCK, &signals, &mask);
    sigaction(SIGINT, &act, &before);
    sigaction(SIGWINCH, &act, NULL); /* stays: a size that changes while a command runs counts, too */
    el_set(el, EL_PREP_TERM, 1);     /* before the prompt: what is typed early then means the same */
    line = el_gets(el, ret_len);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    sigaction(SIGINT, &before, NULL);
    return line;
}

static int run_lines(struct shell *shell, EditLine *el, History *lines)
{
    HistEvent event;

    for (;;) {
        int len = 0, r;
        const char *line = read_line(el, &len);

        if (interrupted) { /* Ctrl-C leaves the line, not the program */
            printf("\n");
            el_reset(el);
            continue;
        }
        if (!line || len <= 0)
            break;
        if (may_be_remembered(line))
            history(lines, &event, H_ENTER, line);
        r = shell_run_line(shell, line, (size_t)len);
        if (r == OUTCOME_EXIT)
            return STATUS_DONE;
        if (r == OUTCOME_FATAL)
            return STATUS_FATAL;
        printf("\n");
    }
    printf("\n");
    return STATUS_DONE;
}

/* Names are UTF-8, whatever the locale says: in "C" libedit would take no other letters than those of
 * ASCII. */
static void speak_utf8(void)
{
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

int terminal_run(struct shell *shell)
{
    EditLine *el;
    History *lines = history_init();
    HistEvent event;
    int status = STATUS_FATAL;

    speak_utf8();
    el = el_init("diskraid", stdin, stdout, stderr);

    if (!el || !lines) {
        say_no_memory();
    } else {
        history(lines, &event, H_SETSIZE, HISTORY_LINES);
        history(lines, &event, H_SETUNIQUE, 1);
        el_set(el, EL_PROMPT, prompt);
        el_set(el, EL_GETCFN, read_char);
        el_set(el, EL_EDITOR, "emacs");
        el_set(el, EL_HIST, history, lines);
        el_set(el, EL_ADDFN, "diskraid-complete", "complete a word", complete);
        el_set(el, EL_BIND, "^I", "diskraid-complete", NULL);
        el_set(el, EL_ADDFN, "diskraid-drop", "drop the line", drop_line);
        el_set(el, EL_BIND, "^C", "diskraid-drop", NULL);
        el_source(el, NULL);
        status = run_lines(shell, el, lines);
    }
    if (lines)
        history_end(lines);
    if (el)
        el_end(el);
    return status;
}
