/* SPDX-License-Identifier: MIT */
/* More of what Microsoft's C run time has for 16-bit text: bounds-checked copies (errno_t: 0, or an errno and an empty string), searches,
 * numbers. Part of <windows.h>; see wide.h. */
#ifndef VDS_COMPAT_WIDE_S_H
#define VDS_COMPAT_WIDE_S_H

#include <errno.h>
#include <stdlib.h>

#include "wide.h"

#define _TRUNCATE ((size_t)-1)
typedef int errno_t;

/* At most n units of `from`; _TRUNCATE: as many as fit. */
static inline errno_t vds_wcsncpy_s(WCHAR *to, size_t size, const WCHAR *from, size_t n)
{
    size_t i = 0;

    if (!to || size == 0)
        return EINVAL;
    for (; from && i < n && i < size - 1 && from[i]; i++)
        to[i] = from[i];
    to[i] = 0;
    if (from && (n == _TRUNCATE || i == n || !from[i]))
        return 0;
    to[0] = 0;
    return from ? ERANGE : EINVAL;
}

static inline errno_t vds_wcscpy_s(WCHAR *to, size_t size, const WCHAR *from)
{
    return vds_wcsncpy_s(to, size, from, _TRUNCATE - 1);
}

static inline errno_t vds_wcscat_s(WCHAR *to, size_t size, const WCHAR *from)
{
    size_t n = 0;
    errno_t r;

    while (to && n < size && to[n])
        n++;
    if (!to || n == size)
        return EINVAL;
    r = vds_wcscpy_s(to + n, size - n, from);
    if (r)
        to[0] = 0;
    return r;
}

static inline int vds_swprintf_s(WCHAR *to, size_t size, const WCHAR *format, ...)
{
    va_list list;
    int n;

    va_start(list, format);
    n = vds_vswprintf(to, size, format, list);
    va_end(list);
    return n;
}

static inline WCHAR *vds_wcsncat(WCHAR *to, const WCHAR *from, size_t n)
{
    WCHAR *end = to + vds_wcslen(to);

    for (; n > 0 && *from; n--)
        *end++ = *from++;
    *end = 0;
    return to;
}

/* How many units of the text are (`in`) or are not among `set`. */
static inline size_t vds_compat_span(const WCHAR *text, const WCHAR *set, int in)
{
    size_t n = 0;

    while (text[n] && (vds_wcschr(set, text[n]) != NULL) == in)
        n++;
    return n;
}

static inline size_t vds_wcsspn(const WCHAR *text, const WCHAR *set)
{
    return vds_compat_span(text, set, 1);
}

static inline size_t vds_wcscspn(const WCHAR *text, const WCHAR *set)
{
    return vds_compat_span(text, set, 0);
}

static inline WCHAR *vds_wcspbrk(const WCHAR *text, const WCHAR *set)
{
    size_t n = vds_wcscspn(text, set);

    return text[n] ? (WCHAR *)text + n : NULL;
}

static inline WCHAR *vds_wcstok_s(WCHAR *text, const WCHAR *set, WCHAR **state)
{
    WCHAR *word = text ? text : *state;

    if (!word)
        return NULL;
    word += vds_wcsspn(word, set);
    *state = word + vds_wcscspn(word, set);
    if (!*word)
        return NULL;
    if (**state)
        *(*state)++ = 0;
    return word;
}

/* As strtoull(), of at most 63 units. */
static inline ULONGLONG vds_wcstoull(const WCHAR *text, WCHAR **end, int base)
{
    char narrow[64], *narrow_end;
    size_t n = 0;
    ULONGLONG value;

    for (; n < sizeof narrow - 1 && text[n] && text[n] < 128; n++)
        narrow[n] = (char)text[n];
    narrow[n] = '\0';
    value = strtoull(narrow, &narrow_end, base);
    if (end)
        *end = (WCHAR *)text + (narrow_end - narrow);
    return value;
}

/* A long of 32 bits; what does not fit is the largest or the smallest. */
static inline LONG vds_wcstol(const WCHAR *text, WCHAR **end, int base)
{
    LONGLONG value = (LONGLONG)vds_wcstoull(text, end, base);

    return value > 0x7fffffff ? 0x7fffffff : value < -0x7fffffff - 1 ? -0x7fffffff - 1 : (LONG)value;
}

static inline LONGLONG vds_wtoi64(const WCHAR *text)
{
    return (LONGLONG)vds_wcstoull(text, NULL, 10);
}

#if __SIZEOF_WCHAR_T__ == 2
#ifdef __cplusplus
namespace std
{
using ::vds_wcscspn;
using ::vds_wcsncat;
using ::vds_wcspbrk;
using ::vds_wcsspn;
using ::vds_wcstok_s;
using ::vds_wcstoull;
static inline long vds_wcstol(const WCHAR *text, WCHAR **end, int base) /* std::stoi() wants this type */
{
    return ::vds_wcstol(text, end, base);
}
}

template <size_t N> static inline errno_t vds_wcscpy_s(WCHAR (&to)[N], const WCHAR *from)
{
    return vds_wcscpy_s(to, N, from);
}
template <size_t N> static inline errno_t vds_wcscat_s(WCHAR (&to)[N], const WCHAR *from)
{
    return vds_wcscat_s(to, N, from);
}
#if __cplusplus >= 201103L
template <size_t N, class... A> static inline int vds_swprintf_s(WCHAR (&to)[N], const WCHAR *format, A... arguments)
{
    return vds_swprintf(to, N, format, arguments...);
}
#endif
#endif

#define wcscpy_s vds_wcscpy_s
#define wcsncpy_s vds_wcsncpy_s
#define wcscat_s vds_wcscat_s
#define swprintf_s vds_swprintf_s
#define _snwprintf vds_swprintf /* until crt.h */
#define wcsncat vds_wcsncat
#define wcsspn vds_wcsspn
#define wcscspn vds_wcscspn
#define wcspbrk vds_wcspbrk
#define wcstok_s vds_wcstok_s
#define wcstok vds_wcstok_s
#define wcstol vds_wcstol
#define wcstoull vds_wcstoull
#define _wcstoui64 vds_wcstoull
#define _wtoi64 vds_wtoi64
#define _wtol vds_wtoi
#define _putws(text) (vds_fputws(text, stdout) < 0 ? -1 : vds_fputws(L"\n", stdout))
#define _stricmp strcasecmp
#define _strnicmp strncasecmp
#define _strdup strdup
#endif

#endif
