/* SPDX-License-Identifier: MIT */
/* The wide functions of the C library for a wchar_t of 16 bits. The C library's own are built for 32 and would read past the end of L"";
 * <stdio.h> and <wchar.h> of this folder put these in their place under the usual names, and printf(), fprintf() and snprintf() too, for
 * %ls, %S and %lu mean something else there as well. libvds holds what is not inline.
 *
 * Streams are written in UTF-8 and stay byte streams. In C++ std::wstring works when its members are not taken from the C++ library, which
 * has them for 32 bits (_GLIBCXX_ASSERTIONS, one of the flags of vds-compat, sees to that); of the wide streams those of wide_out.h do.
 * Only with -fshort-wchar; without it this file declares and changes no name of the C library.
 */
#ifndef VDS_COMPAT_WIDE_H
#define VDS_COMPAT_WIDE_H

#ifdef __cplusplus /* these take away macros of the names below: they have to come first */
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <cwctype>
#endif
#include <wchar.h> /* and this must not be read with them */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vds/vdsbase.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Formats as the Microsoft run time reads them: a long has 32 bits; %s is wide in the wide functions and narrow in the others, %S the
 * other way round, %ls and %ws are wide, %hs is narrow; I64. The result is the number of bytes, or of units in
 * the sw functions; negative: no memory, not UTF-16, the stream failed. */
VDS_API int vds_vfprintf(FILE *stream, const char *format, va_list list);
VDS_API int vds_vfwprintf(FILE *stream, const WCHAR *format, va_list list);
VDS_API int vds_vsnprintf(char *to, size_t n_bytes, const char *format, va_list list);
VDS_API int vds_printf(const char *format, ...);
VDS_API int vds_fprintf(FILE *stream, const char *format, ...);
VDS_API int vds_snprintf(char *to, size_t n_bytes, const char *format, ...);
VDS_API int vds_wprintf(const WCHAR *format, ...);
VDS_API int vds_fwprintf(FILE *stream, const WCHAR *format, ...);
/* -1 and an empty string when it does not fit. */
VDS_API int vds_vswprintf(WCHAR *to, size_t n_units, const WCHAR *format, va_list list);
VDS_API int vds_swprintf(WCHAR *to, size_t n_units, const WCHAR *format, ...);
VDS_API int vds_fputws(const WCHAR *text, FILE *stream);

#ifdef __cplusplus
}
#endif

static inline size_t vds_wcslen(const WCHAR *text)
{
    size_t n = 0;

    while (text[n])
        n++;
    return n;
}

static inline WCHAR *vds_wmemcpy(WCHAR *to, const WCHAR *from, size_t n)
{
    return (WCHAR *)memcpy(to, from, n * sizeof *to);
}

static inline WCHAR *vds_wmemmove(WCHAR *to, const WCHAR *from, size_t n)
{
    return (WCHAR *)memmove(to, from, n * sizeof *to);
}

static inline WCHAR *vds_wmemset(WCHAR *to, WCHAR unit, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = unit;
    return to;
}

static inline int vds_wmemcmp(const WCHAR *a, const WCHAR *b, size_t n)
{
    for (; n > 0 && *a == *b; n--) {
        a++;
        b++;
    }
    return n > 0 ? (int)*a - (int)*b : 0;
}

static inline WCHAR *vds_wmemchr(const WCHAR *text, WCHAR unit, size_t n)
{
    for (; n > 0 && *text != unit; n--)
        text++;
    return n > 0 ? (WCHAR *)text : NULL;
}

static inline int vds_wcsncmp(const WCHAR *a, const WCHAR *b, size_t n)
{
    for (; n > 0 && *a && *a == *b; n--) {
        a++;
        b++;
    }
    return n > 0 ? (int)*a - (int)*b : 0;
}

static inline int vds_wcscmp(const WCHAR *a, const WCHAR *b)
{
    return vds_wcsncmp(a, b, (size_t)-1);
}

static inline WCHAR vds_compat_lower(WCHAR unit)
{
    return unit >= 'A' && unit <= 'Z' ? (WCHAR)(unit + 32) : unit;
}

/* A to Z only, as in the C locale. */
static inline int vds_wcsnicmp(const WCHAR *a, const WCHAR *b, size_t n)
{
    for (; n > 0 && *a && vds_compat_lower(*a) == vds_compat_lower(*b); n--) {
        a++;
        b++;
    }
    return n > 0 ? (int)vds_compat_lower(*a) - (int)vds_compat_lower(*b) : 0;
}

static inline int vds_wcsicmp(const WCHAR *a, const WCHAR *b)
{
    return vds_wcsnicmp(a, b, (size_t)-1);
}

static inline WCHAR *vds_wcscpy(WCHAR *to, const WCHAR *from)
{
    return (WCHAR *)memcpy(to, from, (vds_wcslen(from) + 1) * sizeof *to);
}

static inline WCHAR *vds_wcsncpy(WCHAR *to, const WCHAR *from, size_t n)
{
    size_t i = 0;

    for (; i < n && from[i]; i++)
        to[i] = from[i];
    for (; i < n; i++)
        to[i] = 0;
    return to;
}

static inline WCHAR *vds_wcscat(WCHAR *to, const WCHAR *from)
{
    vds_wcscpy(to + vds_wcslen(to), from);
    return to;
}

static inline WCHAR *vds_wcschr(const WCHAR *text, WCHAR unit)
{
    while (*text && *text != unit)
        text++;
    return *text == unit ? (WCHAR *)text : NULL;
}

static inline WCHAR *vds_wcsrchr(const WCHAR *text, WCHAR unit)
{
    const WCHAR *p = text + vds_wcslen(text);

    while (p > text && *p != unit)
        p--;
    return *p == unit ? (WCHAR *)p : NULL;
}

static inline WCHAR *vds_wcsstr(const WCHAR *text, const WCHAR *part)
{
    size_t n = vds_wcslen(part);

    while (*text && vds_wcsncmp(text, part, n) != 0)
        text++;
    return *text || n == 0 ? (WCHAR *)text : NULL;
}

static inline WCHAR *vds_wcsdup(const WCHAR *text)
{
    WCHAR *copy = (WCHAR *)malloc((vds_wcslen(text) + 1) * sizeof *text);

    return copy ? vds_wcscpy(copy, text) : NULL;
}

/* As strtoul(), of at most 63 units; a long of 32 bits, as where these sources come from. */
static inline ULONG vds_wcstoul(const WCHAR *text, WCHAR **end, int base)
{
    char narrow[64], *narrow_end;
    size_t n = 0;
    unsigned long value;

    for (; n < sizeof narrow - 1 && text[n] && text[n] < 128; n++)
        narrow[n] = (char)text[n];
    narrow[n] = '\0';
    value = strtoul(narrow, &narrow_end, base);
    if (end)
        *end = (WCHAR *)text + (narrow_end - narrow);
    return value > 0xFFFFFFFFul && narrow[0] != '-' ? 0xFFFFFFFFu : (ULONG)value;
}

static inline int vds_wtoi(const WCHAR *text)
{
    return (int)vds_wcstoul(text, NULL, 10);
}

#if __SIZEOF_WCHAR_T__ == 2 && defined(__cplusplus)
namespace std
{
using ::vds_fprintf;
using ::vds_fputws;
using ::vds_fwprintf;
using ::vds_printf;
using ::vds_snprintf;
using ::vds_swprintf;
using ::vds_vfwprintf;
using ::vds_vswprintf;
using ::vds_wcscat;
using ::vds_wcschr;
using ::vds_wcscmp;
using ::vds_wcscpy;
using ::vds_wcslen;
using ::vds_wcsncmp;
using ::vds_wcsncpy;
using ::vds_wcsrchr;
using ::vds_wcsstr;
using ::vds_wcstoul;
using ::vds_wmemchr;
using ::vds_wmemcmp;
using ::vds_wmemcpy;
using ::vds_wmemmove;
using ::vds_wmemset;
using ::vds_wprintf;
}
#endif

#define VDS_COMPAT_WIDE_DECLARED /* all of it: <cstdio> above comes back here before that */
#endif

/* Each time anew, as <cstdio> takes away macros that were there before it. */
#if __SIZEOF_WCHAR_T__ == 2 && defined(VDS_COMPAT_WIDE_DECLARED)
/* Those that attributes name too only where they are called: __attribute__((format(printf, ...))) stays what it is. */
#define printf(...) vds_printf(__VA_ARGS__)
#define fprintf(...) vds_fprintf(__VA_ARGS__)
#define snprintf(...) vds_snprintf(__VA_ARGS__)
#define wprintf vds_wprintf
#define fwprintf vds_fwprintf
#define swprintf vds_swprintf
#define vfwprintf vds_vfwprintf
#define vswprintf vds_vswprintf
#define fputws vds_fputws
#define wcslen vds_wcslen
#define wcscmp vds_wcscmp
#define wcsncmp vds_wcsncmp
#define wcscpy vds_wcscpy
#define wcsncpy vds_wcsncpy
#define wcscat vds_wcscat
#define wcschr vds_wcschr
#define wcsrchr vds_wcsrchr
#define wcsstr vds_wcsstr
#define wcsdup vds_wcsdup
#define wcstoul vds_wcstoul
#define wmemcpy vds_wmemcpy
#define wmemmove vds_wmemmove
#define wmemset vds_wmemset
#define wmemcmp vds_wmemcmp
#define wmemchr vds_wmemchr
#define _wcsicmp vds_wcsicmp
#define _wcsnicmp vds_wcsnicmp
#define _wcsdup vds_wcsdup
#define _wtoi vds_wtoi
#endif
