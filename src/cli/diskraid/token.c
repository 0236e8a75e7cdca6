/* SPDX-License-Identifier: MIT */
#include "cli/diskraid/token.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/plain.h"
#include "base/utf.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_comment(const char *line, size_t len)
{
    return len >= 3 && strncasecmp(line, "rem", 3) == 0 && (len == 3 || is_blank(line[3]));
}

/* One word from *in (which is not at a blank) to *out, with a zero after it. */
static enum token_error take_word(const char **in, const char *end, char **out)
{
    bool quoted = false;

    for (; *in < end && (quoted || !is_blank(**in)); (*in)++) {
        unsigned char c = (unsigned char)**in;

        if (c == '"' && quoted && *in + 1 < end && (*in)[1] == '"') {
            *(*out)++ = '"';
            (*in)++;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == '\0') { /* would end the word */
            return TOKEN_CONTROL_CHARACTER;
        } else {
            *(*out)++ = (char)c;
        }
    }
    *(*out)++ = '\0';
    return quoted ? TOKEN_QUOTE_OPEN : TOKEN_OK;
}

enum token_error tokens_split(const char *line, size_t len, struct tokens *ret_tokens)
{
    const char *in = line, *end = line + len;
    char *out = ret_tokens->buffer;

    ret_tokens->n = 0;
    while (end > in && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    while (in < end && is_blank(*in))
        in++;
    if (is_comment(in, (size_t)(end - in)))
        return TOKEN_OK;
    if (len > LINE_LENGTH_MAX)
        return TOKEN_LINE_TOO_LONG;
    while (in < end) {
        const char *word = out;
        enum token_error error = take_word(&in, end, &out);
        size_t units;

        if (error != TOKEN_OK)
            return error;
        if (utf16_length(word, &units) < 0)
            return TOKEN_NOT_UTF8;
        if (!text_is_plain(word)) /* a tab in quotation marks, a C1 character of two bytes */
            return TOKEN_CONTROL_CHARACTER;
        if (ret_tokens->n == TOKENS_MAX)
            return TOKEN_TOO_MANY_WORDS;
        ret_tokens->word[ret_tokens->n++] = word;
        while (in < end && is_blank(*in))
            in++;
    }
    return TOKEN_OK;
}

const char *token_error_text(enum token_error error)
{
    static const char *const text[] = {
        [TOKEN_LINE_TOO_LONG] = "the line is too long",
        [TOKEN_TOO_MANY_WORDS] = "the line has too many words",
        [TOKEN_QUOTE_OPEN] = "a quotation mark is not closed",
        [TOKEN_CONTROL_CHARACTER] = "the line holds a control character",
        [TOKEN_NOT_UTF8] = "the line is neither UTF-8 nor UTF-16",
    };

    return (size_t)error < sizeof text / sizeof text[0] && text[error] ? text[error] : "";
}
