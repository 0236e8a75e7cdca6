/* SPDX-License-Identifier: MIT */
/* Still more of Microsoft's C run time: output that is bounded, checked or a character at a time, numbers as text, a line of input. Part of
 * <windows.h>; see wide.h. */
#ifndef VDS_COMPAT_CRT_H
#define VDS_COMPAT_CRT_H

#include <ctype.h>
#include <wctype.h>

#include "text.h"
#include "wide_s.h"

/* ---- bounded output ------------------------------------------------------------------------------------------------------------------ */

/* As much as fits, without a zero when it just fits or does not (-1): the Microsoft functions are like that. */
static inline int vds_vsnwprintf_plain(WCHAR *to, size_t n_units, const WCHAR *format, va_list list)
{
    size_t room = n_units + 1, need;
    va_list again;
    WCHAR *all = NULL;
    int n = -1;

    do { /* there is no way to ask how long it gets */
        free(all);
        all = (WCHAR *)malloc((room *= 2) * sizeof *all);
        va_copy(again, list);
        n = all ? vds_vswprintf(all, room, format, again) : -1;
        va_end(again);
    } while (all && n < 0 && room < ((size_t)1 << 20));
    need = n < 0 ? 0 : (size_t)n + 1;
    if (n >= 0)
        memcpy(to, all, (need < n_units ? need : n_units) * sizeof *to);
    free(all);
    return n >= 0 && (size_t)n > n_units ? -1 : n;
}

static inline int vds_snwprintf_plain(WCHAR *to, size_t n_units, const WCHAR *format, ...)
{
    va_list list;
    int n;

    va_start(list, format);
    n = vds_vsnwprintf_plain(to, n_units, format, list);
    va_end(list);
    return n;
}

/* At most n units (_TRUNCATE: what fits), and always the zero; -1: it was cut. */
static inline int vds_vsnwprintf_s(WCHAR *to, size_t size, size_t n, const WCHAR *format, va_list list)
{
    size_t most = n < size ? n : size - 1;
    int done;

    if (!to || size == 0)
        return -1;
    done = vds_vsnwprintf_plain(to, most, format, list);
    if (done < 0 || (size_t)done == most)
        to[most] = 0;
    if (done < 0 && n != _TRUNCATE && n >= size)
        to[0] = 0;
    return done;
}

static inline int vds_snwprintf_s(WCHAR *to, size_t size, size_t n, const WCHAR *format, ...)
{
    va_list list;
    int done;

    va_start(list, format);
    done = vds_vsnwprintf_s(to, size, n, format, list);
    va_end(list);
    return done;
}

static inline int vds_sprintf_s(char *to, size_t size, const char *format, ...)
{
    va_list list;
    int n;

    va_start(list, format);
    n = vds_vsnprintf(to, size, format, list);
    va_end(list);
    if (n >= 0 && (size_t)n < size)
        return n;
    if (size > 0)
        to[0] = 0;
    return -1;
}

static inline errno_t vds_strcpy_s(char *to, size_t size, const char *from)
{
    size_t n = from ? strlen(from) : 0;

    if (!to || size == 0)
        return EINVAL;
    to[0] = 0;
    if (!from || n >= size)
        return from ? ERANGE : EINVAL;
    memcpy(to, from, n + 1);
    return 0;
}

static inline errno_t vds_strcat_s(char *to, size_t size, const char *from)
{
    size_t n = to ? strnlen(to, size) : 0;

    if (!to || n == size)
        return EINVAL;
    return vds_strcpy_s(to + n, size - n, from);
}

#if __SIZEOF_WCHAR_T__ == 2

/* ---- characters ---------------------------------------------------------------------------------------------------------------------- */

/* One unit; a character beyond 16 bits has to go out as text. */
static inline wint_t vds_fputwc(WCHAR unit, FILE *stream)
{
    WCHAR text[2] = { unit, 0 };
    int r = unit ? vds_fputws(text, stream) : putc(0, stream);

    return r < 0 ? (wint_t)0xFFFF : unit;
}

/* A line with its end, or what fits of it; bytes are UTF-8. NULL at the end of the file. */
static inline WCHAR *vds_fgetws(WCHAR *to, int n, FILE *stream)
{
    char *bytes = n > 0 ? (char *)malloc((size_t)n) : NULL;
    WCHAR *got = bytes && fgets(bytes, n, stream) && MultiByteToWideChar(CP_UTF8, 0, bytes, -1, to, n) ? to : NULL;

    free(bytes);
    return got;
}

static inline WCHAR *vds_wcslwr(WCHAR *text)
{
    for (WCHAR *p = text; *p; p++)
        *p = vds_compat_lower(*p);
    return text;
}

static inline WCHAR *vds_wcsupr(WCHAR *text)
{
    for (WCHAR *p = text; *p; p++)
        *p = *p >= 'a' && *p <= 'z' ? (WCHAR)(*p - 32) : *p;
    return text;
}

static inline size_t vds_wcsnlen(const WCHAR *text, size_t max)
{
    size_t n = 0;

    while (n < max && text[n])
        n++;
    return n;
}

/* ---- numbers as text ----------------------------------------------------------------------------------------------------------------- */

static inline WCHAR *vds_ui64tow(ULONGLONG value, WCHAR *to, int base)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    WCHAR reversed[65];
    int n = 0, i = 0;

    do {
        reversed[n++] = (WCHAR)digits[value % (unsigned)base];
        value /= (unsigned)base;
    } while (value);
    while (n > 0)
        to[i++] = reversed[--n];
    to[i] = 0;
    return to;
}

/* A sign with base 10 only. */
static inline WCHAR *vds_i64tow(LONGLONG value, WCHAR *to, int base)
{
    BOOL minus = value < 0 && base == 10;

    if (minus)
        to[0] = '-';
    vds_ui64tow(minus ? 0 - (ULONGLONG)value : (ULONGLONG)value, to + minus, base);
    return to;
}

static inline WCHAR *vds_itow(int value, WCHAR *to, int base)
{
    return base == 10 ? vds_i64tow(value, to, base) : vds_ui64tow((unsigned)value, to, base);
}

static inline WCHAR *vds_ultow(ULONG value, WCHAR *to, int base)
{
    return vds_ui64tow(value, to, base);
}

#ifdef __cplusplus
template <size_t N, class... A> static inline int vds_snwprintf_s(WCHAR (&to)[N], size_t n, const WCHAR *format, A... arguments)
{
    return vds_snwprintf_s(to, N, n, format, arguments...);
}
template <size_t N, class... A> static inline int vds_sprintf_s(char (&to)[N], const char *format, A... arguments)
{
    return vds_sprintf_s(to, N, format, arguments...);
}
#endif

#undef _snwprintf
#define _snwprintf   vds_snwprintf_plain
#define _vsnwprintf  vds_vsnwprintf_plain
#define _snwprintf_s vds_snwprintf_s
#define _vsnwprintf_s vds_vsnwprintf_s
#define vswprintf_s  vds_vswprintf
#define sprintf_s    vds_sprintf_s
#define strcpy_s     vds_strcpy_s
#define strcat_s     vds_strcat_s
#define printf_s     vds_printf
#define fprintf_s    vds_fprintf
#define wprintf_s    vds_wprintf
#define fwprintf_s   vds_fwprintf
#define fputwc       vds_fputwc
#define putwc        vds_fputwc
#define putwchar(unit) vds_fputwc(unit, stdout)
#define fgetws       vds_fgetws
#define _wcslwr      vds_wcslwr
#define _wcsupr      vds_wcsupr
#define wcsnlen      vds_wcsnlen
#define _itow        vds_itow
#define _ltow        vds_itow
#define _ultow       vds_ultow
#define _i64tow      vds_i64tow
#define _ui64tow     vds_ui64tow
#define _wtoi64      vds_wtoi64
#define _strtoui64   strtoull
#define _atoi64      atoll
#endif

#endif
