/* SPDX-License-Identifier: MIT */
#include "base/plain.h"

#include <stdio.h>
#include <string.h>

#include "base/utf.h"

/* Bytes of the character at `p`, 0 when it is no character of UTF-8. (utf16_length() knows the rules: one
 * character at a time.) */
static size_t character(const char *p)
{
    unsigned char first = (unsigned char)*p;
    size_t n = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2, units;
    char one[5] = "";

    memcpy(one, p, strnlen(p, n));
    return strlen(one) == n && utf16_length(one, &units) == 0 ? n : 0;
}

static bool is_control(const char *p)
{
    unsigned char first = (unsigned char)p[0];

    return first < 0x20 || first == 0x7f || (first == 0xc2 && (unsigned char)p[1] < 0xa0);
}

bool text_is_plain(const char *text)
{
    size_t n;

    for (; *text; text += n) {
        n = character(text);
        if (n == 0 || is_control(text))
            return false;
    }
    return true;
}

/* What stands for the character at p, and how many bytes of the text that is. */
static size_t show_one(const char *p, char shown[static 9])
{
    size_t n = character(p);

    if (n > 0 && !is_control(p)) {
        memcpy(shown, p, n);
        shown[n] = '\0';
        return n;
    }
    n = n > 0 ? n : 1;
    for (size_t i = 0; i < n; i++)
        sprintf(shown + 4 * i, "\\x%02x", (unsigned char)p[i]);
    return n;
}

void text_show(const char *text, char *out, size_t n)
{
    size_t used = 0, end = 0; /* end: where "..." may stand */
    char shown[9];

    while (*text) {
        size_t step = show_one(text, shown), len = strlen(shown);

        if (used + len >= n) {
            strcpy(out + end, "...");
            return;
        }
        memcpy(out + used, shown, len);
        used += len;
        text += step;
        if (used + 4 <= n)
            end = used;
    }
    out[used] = '\0';
}
