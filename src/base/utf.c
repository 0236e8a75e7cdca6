/* SPDX-License-Identifier: MIT */
#include "base/utf.h"

#include <errno.h>
#include <stdlib.h>

/* Decodes one code point and moves *p past it. -EILSEQ for overlong forms, surrogates, values past U+10FFFF,
 * truncation. */
static int32_t decode_utf8(const uint8_t **p)
{
    static const int32_t smallest[] = { 0, 0x80, 0x800, 0x10000 };
    const uint8_t *s = *p;
    int n_more = s[0] < 0x80             ? 0
                 : (s[0] & 0xe0) == 0xc0 ? 1
                 : (s[0] & 0xf0) == 0xe0 ? 2
                 : (s[0] & 0xf8) == 0xf0 ? 3
                                         : -1;
    int32_t c;

    if (n_more < 0)
        return -EILSEQ;
    c = n_more == 0 ? s[0] : s[0] & (0x3f >> n_more);
    for (int i = 1; i <= n_more; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return -EILSEQ;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < smallest[n_more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return -EILSEQ;
    *p = s + n_more + 1;
    return c;
}

int utf16_length(const char *text, size_t *ret_units)
{
    size_t n = 0;

    for (const uint8_t *p = (const uint8_t *)text; *p;) {
        int32_t c = decode_utf8(&p);

        if (c < 0)
            return c;
        n += c >= 0x10000 ? 2 : 1;
    }
    *ret_units = n;
    return 0;
}

int utf8_to_utf16(const char *text, uint16_t *out, size_t n_out)
{
    size_t need;
    int r = utf16_length(text, &need);

    if (r < 0)
        return r;
    if (need >= n_out)
        return -ENOBUFS;
    for (const uint8_t *p = (const uint8_t *)text; *p;) {
        int32_t c = decode_utf8(&p);

        if (c >= 0x10000) {
            *out++ = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
            *out++ = (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            *out++ = (uint16_t)c;
        }
    }
    *out = 0;
    return 0;
}

static uint8_t *encode_utf8(uint8_t *out, uint32_t c)
{
    int n_more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

    *out++ = (uint8_t)(n_more == 0 ? c : (0xff00u >> (n_more + 1) & 0xff) | c >> (6 * n_more));
    while (n_more-- > 0)
        *out++ = (uint8_t)(0x80 | (c >> (6 * n_more) & 0x3f));
    return out;
}

int utf16_to_utf8(const uint16_t *text, char **ret_text)
{
    size_t n = 0;
    uint8_t *out, *p;

    while (text[n])
        n++;
    out = malloc(3 * n + 1); /* one unit is at most three bytes; a pair, four */
    if (!out)
        return -ENOMEM;
    p = out;
    for (size_t i = 0; i < n; i++) {
        uint32_t c = text[i];

        if (c >= 0xd800 && c < 0xe000) {
            uint16_t low = text[i + 1]; /* at worst the terminating zero */

            if (c >= 0xdc00 || low < 0xdc00 || low >= 0xe000) {
                free(out);
                return -EILSEQ;
            }
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            i++;
        }
        p = encode_utf8(p, c);
    }
    *p = '\0';
    *ret_text = (char *)out;
    return 0;
}
