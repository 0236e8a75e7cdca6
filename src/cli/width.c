/* SPDX-License-Identifier: MIT */
#include "cli/width.h"

#include <locale.h>
#include <stdbool.h>
#include <wchar.h>

/* Columns of the character at `text`, and how many bytes it has. What cannot be told has one. */
static size_t one(const char *text, size_t len, size_t *ret_bytes)
{
    mbstate_t state = { 0 };
    wchar_t c;
    size_t n = mbrtowc(&c, text, len, &state);
    int width;

    *ret_bytes = n == 0 || n > len ? 1 : n;
    if (n == 0 || n > len)
        return 1;
    width = wcwidth(c);
    return width < 0 ? 1 : (size_t)width;
}

/* Kept to the end of the program; 0, which uselocale() takes for "leave it", where the C library has none. */
static locale_t utf8(void)
{
    static locale_t locale;
    static bool asked;

    if (!asked)
        locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    asked = true;
    return locale;
}

static size_t walk(const char *text, size_t len, size_t columns, size_t *ret_width)
{
    locale_t before = uselocale(utf8());
    size_t at = 0, width = 0, bytes;

    for (size_t w; at < len && width + (w = one(text + at, len - at, &bytes)) <= columns; at += bytes)
        width += w;
    uselocale(before);
    *ret_width = width;
    return at;
}

size_t width_of(const char *text, size_t len)
{
    size_t width;

    walk(text, len, (size_t)-1, &width);
    return width;
}

size_t width_cut(const char *text, size_t len, size_t columns)
{
    size_t width;

    return walk(text, len, columns, &width);
}
