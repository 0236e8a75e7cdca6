/* SPDX-License-Identifier: MIT */
/* Cuts a line of a script into words. Pure: no I/O, no allocation. What the words mean: grammar.h. */
#ifndef VDS_CLI_DISKRAID_TOKEN_H
#define VDS_CLI_DISKRAID_TOKEN_H

#include <stddef.h>

#define LINE_LENGTH_MAX 4096 /* bytes; the longest line that makes sense names some hundred initiators */
#define TOKENS_MAX      256

/* Words point into `buffer`. Words are separated by blanks and tabs; double quotes, anywhere in a word, keep
 * them together, and inside quotes "" stands for one quote. */
struct tokens {
    unsigned n;
    const char *word[TOKENS_MAX];
    char buffer[LINE_LENGTH_MAX + 2];
};

enum token_error {
    TOKEN_OK = 0,
    TOKEN_LINE_TOO_LONG,
    TOKEN_TOO_MANY_WORDS,
    TOKEN_QUOTE_OPEN,
    TOKEN_CONTROL_CHARACTER, /* a NUL, an escape */
    TOKEN_NOT_UTF8,
};

/* An empty line and a comment (first word "rem", in any case) have no words, and a comment may hold anything.
 * A carriage return and a newline at the end do not count. */
enum token_error tokens_split(const char *line, size_t len, struct tokens *ret_tokens);

/* A sentence without a full stop. */
const char *token_error_text(enum token_error error);

#endif
