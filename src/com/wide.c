/* SPDX-License-Identifier: MIT */
/* printf() and wprintf() for programs whose wchar_t has 16 bits, which the C library's own take for 32: what
 * vds/compat/wide.h puts in their place. Formats are read as the Microsoft run time reads them, because that
 * is what sources for Windows are written for: a `long` has 32 bits, %s is wide text in a wide function and
 * narrow text in a narrow one, %S the other kind, I64 and I32 are lengths.
 *
 * Not here: positions (%1$s), %n (its pointer is passed over), scanning. Specification: "Format specification
 * syntax: printf and wprintf functions" of the Microsoft C run time. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vds/compat/wide.h>

#include "base/cleanup.h"
#include "base/utf.h"

enum length { LENGTH_NONE, LENGTH_HH, LENGTH_H, LENGTH_L, LENGTH_64, LENGTH_LONG_DOUBLE };

struct spec {
    char flags[8];
    int width, precision; /* -1: none */
    enum length length;
    char conversion;
};

struct text {
    char *bytes; /* UTF-8 */
    size_t n, room;
    bool failed, wide; /* wide: the function is, %s is wide text */
};

struct arguments { /* so that it can be handed on by address */
    va_list list;
};

static void put(struct text *t, const char *bytes, size_t n)
{
    if (!t->failed && t->n + n + 1 > t->room) {
        size_t room = (t->n + n + 1) * 2;
        char *more = realloc(t->bytes, room);

        t->failed = !more;
        t->bytes = more ? more : t->bytes;
        t->room = more ? room : t->room;
    }
    if (t->failed)
        return;
    memcpy(t->bytes + t->n, bytes, n);
    t->n += n;
    t->bytes[t->n] = '\0';
}

static void pad(struct text *t, int n)
{
    while (n-- > 0)
        put(t, " ", 1);
}

/* ---- a specification ------------------------------------------------------------------------------- */

static const char *read_number(const char *p, struct arguments *args, int *ret_number)
{
    unsigned n = 0;

    if (*p == '*') {
        *ret_number = va_arg(args->list, int);
        return p + 1;
    }
    for (; *p >= '0' && *p <= '9'; p++)
        n = n > 100000 ? n : n * 10 + (unsigned)(*p - '0');
    *ret_number = (int)n;
    return p;
}

static const struct {
    const char *text;
    enum length length;
} lengths[] = {
    { "I64", LENGTH_64 }, { "I32", LENGTH_L }, { "I", LENGTH_64 },  { "hh", LENGTH_HH }, { "h", LENGTH_H },
    { "ll", LENGTH_64 },  { "l", LENGTH_L },   { "w", LENGTH_L },   { "j", LENGTH_64 },  { "z", LENGTH_64 },
    { "t", LENGTH_64 },   { "L", LENGTH_LONG_DOUBLE },
};

static const char *read_length(const char *p, enum length *ret_length)
{
    *ret_length = LENGTH_NONE;
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        if (strncmp(p, lengths[i].text, strlen(lengths[i].text)) == 0) {
            *ret_length = lengths[i].length;
            return p + strlen(lengths[i].text);
        }
    }
    return p;
}

/* `p` is behind the percent sign; what follows the specification. */
static const char *read_spec(const char *p, struct arguments *args, struct spec *ret_spec)
{
    struct spec s = { .width = -1, .precision = -1 };
    size_t n = 0;

    for (; *p && strchr("-+ #0", *p); p++) {
        if (n < sizeof s.flags - 2 && !strchr(s.flags, *p))
            s.flags[n++] = *p;
    }
    if (*p == '*' || (*p >= '1' && *p <= '9'))
        p = read_number(p, args, &s.width);
    if (s.width < -1) { /* from an argument: to the left */
        s.width = s.width == INT32_MIN ? -1 : -s.width;
        if (!strchr(s.flags, '-'))
            s.flags[n] = '-';
    }
    if (*p == '.')
        p = read_number(p + 1, args, &s.precision);
    p = read_length(p, &s.length);
    s.conversion = *p;
    *ret_spec = s;
    return *p ? p + 1 : p;
}

/* ---- values ---------------------------------------------------------------------------------------- */

static void put_padded(struct text *t, const struct spec *s, const char *bytes, size_t n)
{
    bool left = strchr(s->flags, '-') != NULL;
    int columns = 0;

    for (size_t i = 0; i < n; i++)
        columns += ((unsigned char)bytes[i] & 0xC0) != 0x80;
    pad(t, left ? 0 : s->width - columns);
    put(t, bytes, n);
    pad(t, left ? s->width - columns : 0);
}

/* The specification for the C library, with `length` in place of what it had. */
static void spec_text(const struct spec *s, const char *length, char text[static 64])
{
    int n = snprintf(text, 64, "%%%s", s->flags);

    if (s->width >= 0)
        n += snprintf(text + n, 64 - (size_t)n, "%d", s->width);
    if (s->precision >= 0)
        n += snprintf(text + n, 64 - (size_t)n, ".%d", s->precision);
    snprintf(text + n, 64 - (size_t)n, "%s%c", length, s->conversion);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#define PUT_VALUE(t, spec, length, value)                       \
    do {                                                        \
        _cleanup_(freep) char *done_ = NULL;                    \
        char spec_[64];                                         \
        int n_;                                                 \
                                                                \
        spec_text(spec, length, spec_);                         \
        n_ = asprintf(&done_, spec_, value);                    \
        if (n_ < 0)                                             \
            done_ = NULL;                                       \
        (t)->failed |= n_ < 0;                                  \
        put(t, done_ ? done_ : "", n_ < 0 ? 0 : (size_t)n_);    \
    } while (0)

static void put_signed(struct text *t, const struct spec *s, struct arguments *args)
{
    long long value = s->length == LENGTH_64 ? va_arg(args->list, long long) : va_arg(args->list, int);

    if (s->length == LENGTH_H)
        value = (short)value;
    else if (s->length == LENGTH_HH)
        value = (signed char)value;
    PUT_VALUE(t, s, "ll", value);
}

static void put_unsigned(struct text *t, const struct spec *s, struct arguments *args)
{
    unsigned long long value =
        s->length == LENGTH_64 ? va_arg(args->list, unsigned long long) : va_arg(args->list, unsigned);

    if (s->length == LENGTH_H)
        value = (unsigned short)value;
    else if (s->length == LENGTH_HH)
        value = (unsigned char)value;
    PUT_VALUE(t, s, "ll", value);
}

static void put_pointer(struct text *t, const struct spec *s, struct arguments *args)
{
    PUT_VALUE(t, s, "", va_arg(args->list, void *));
}

static void put_float(struct text *t, const struct spec *s, struct arguments *args)
{
    if (s->length == LENGTH_LONG_DOUBLE)
        PUT_VALUE(t, s, "L", va_arg(args->list, long double));
    else
        PUT_VALUE(t, s, "", va_arg(args->list, double));
}
#pragma GCC diagnostic pop

/* Is the text or character of this specification wide? */
static bool is_wide(const struct text *t, const struct spec *s)
{
    bool other = s->conversion == 'S' || s->conversion == 'C';

    if (s->length == LENGTH_L)
        return true;
    return s->length == LENGTH_H ? false : t->wide != other;
}

/* At most `max` units of `wide`, as UTF-8; what is not UTF-16 counts as a failure of the call. */
static void put_wide(struct text *t, const struct spec *s, const WCHAR *wide, size_t max)
{
    _cleanup_(freep) char *bytes = NULL;
    _cleanup_(freep) uint16_t *units = NULL;
    size_t n = 0;

    while (n < max && wide[n])
        n++;
    units = calloc(n + 1, sizeof *units);
    if (units)
        memcpy(units, wide, n * sizeof *units);
    if (!units || utf16_to_utf8(units, &bytes) < 0)
        t->failed = true;
    else
        put_padded(t, s, bytes, strlen(bytes));
}

static void put_string(struct text *t, const struct spec *s, struct arguments *args)
{
    const void *string = va_arg(args->list, const void *);
    size_t max = s->precision < 0 ? SIZE_MAX : (size_t)s->precision;

    if (!string)
        put_padded(t, s, "(null)", max < 6 ? max : 6);
    else if (is_wide(t, s))
        put_wide(t, s, string, max);
    else
        put_padded(t, s, string, strnlen(string, max));
}

static void put_character(struct text *t, const struct spec *s, struct arguments *args)
{
    int value = va_arg(args->list, int);
    WCHAR wide[2] = { (WCHAR)value, 0 };
    char narrow = (char)value;

    if (is_wide(t, s))
        put_wide(t, s, wide, 1);
    else
        put_padded(t, s, &narrow, 1);
}

static void pass_over(struct text *t, const struct spec *s, struct arguments *args)
{
    (void)t;
    (void)s;
    (void)va_arg(args->list, void *);
}

static const struct {
    const char *conversions;
    void (*put)(struct text *t, const struct spec *s, struct arguments *args);
} conversions[] = {
    { "di", put_signed }, { "uxXo", put_unsigned }, { "sS", put_string }, { "cC", put_character },
    { "p", put_pointer }, { "feEgGaAF", put_float }, { "n", pass_over },
};

static void put_conversion(struct text *t, const struct spec *s, struct arguments *args)
{
    for (size_t i = 0; s->conversion && i < ARRAY_SIZE(conversions); i++) {
        if (strchr(conversions[i].conversions, s->conversion)) {
            conversions[i].put(t, s, args);
            return;
        }
    }
    put(t, &s->conversion, s->conversion != '\0'); /* "%%", and what nobody knows */
}

static void format_all(struct text *t, const char *format, struct arguments *args)
{
    put(t, "", 0);
    while (*format && !t->failed) {
        size_t plain = strcspn(format, "%");
        struct spec spec;

        put(t, format, plain);
        format += plain;
        if (*format) {
            format = read_spec(format + 1, args, &spec);
            put_conversion(t, &spec, args);
        }
    }
}

/* ---- where it goes --------------------------------------------------------------------------------- */

static int to_stream(FILE *stream, struct text *t)
{
    if (t->failed || fwrite(t->bytes, 1, t->n, stream) != t->n)
        return -1;
    return (int)t->n;
}

static bool format_narrow(struct text *t, const char *format, va_list list)
{
    struct arguments args;

    va_copy(args.list, list);
    format_all(t, format, &args);
    va_end(args.list);
    return !t->failed;
}

static bool format_wide(struct text *t, const WCHAR *format, va_list list)
{
    _cleanup_(freep) char *narrow = NULL;

    t->wide = true;
    t->failed = utf16_to_utf8((const uint16_t *)format, &narrow) < 0;
    return !t->failed && format_narrow(t, narrow, list);
}

int vds_vfprintf(FILE *stream, const char *format, va_list list)
{
    struct text t = { 0 };
    int n;

    format_narrow(&t, format, list);
    n = to_stream(stream, &t);
    free(t.bytes);
    return n;
}

int vds_vfwprintf(FILE *stream, const WCHAR *format, va_list list)
{
    struct text t = { 0 };
    int n;

    format_wide(&t, format, list);
    n = to_stream(stream, &t);
    free(t.bytes);
    return n;
}

int vds_vsnprintf(char *to, size_t n_bytes, const char *format, va_list list)
{
    struct text t = { 0 };
    int n = -1;

    if (format_narrow(&t, format, list)) {
        n = (int)t.n;
        if (n_bytes > 0) {
            size_t kept = t.n < n_bytes ? t.n : n_bytes - 1;

            memcpy(to, t.bytes, kept);
            to[kept] = '\0';
        }
    }
    free(t.bytes);
    return n;
}

int vds_vswprintf(WCHAR *to, size_t n_units, const WCHAR *format, va_list list)
{
    struct text t = { 0 };
    size_t n = 0;
    bool fits;

    fits = n_units > 0 && format_wide(&t, format, list) && utf16_length(t.bytes, &n) == 0 && n < n_units &&
           utf8_to_utf16(t.bytes, (uint16_t *)to, n_units) == 0;
    if (!fits && n_units > 0)
        to[0] = 0;
    free(t.bytes);
    return fits ? (int)n : -1;
}

#define WITH_LIST(last, call)     \
    va_list list;                 \
    int n;                        \
                                  \
    va_start(list, last);         \
    n = call;                     \
    va_end(list);                 \
    return n

int vds_printf(const char *format, ...)
{
    WITH_LIST(format, vds_vfprintf(stdout, format, list));
}

int vds_fprintf(FILE *stream, const char *format, ...)
{
    WITH_LIST(format, vds_vfprintf(stream, format, list));
}

int vds_snprintf(char *to, size_t n_bytes, const char *format, ...)
{
    WITH_LIST(format, vds_vsnprintf(to, n_bytes, format, list));
}

int vds_wprintf(const WCHAR *format, ...)
{
    WITH_LIST(format, vds_vfwprintf(stdout, format, list));
}

int vds_fwprintf(FILE *stream, const WCHAR *format, ...)
{
    WITH_LIST(format, vds_vfwprintf(stream, format, list));
}

int vds_swprintf(WCHAR *to, size_t n_units, const WCHAR *format, ...)
{
    WITH_LIST(format, vds_vswprintf(to, n_units, format, list));
}

int vds_fputws(const WCHAR *text, FILE *stream)
{
    _cleanup_(freep) char *narrow = NULL;

    if (utf16_to_utf8((const uint16_t *)text, &narrow) < 0)
        return -1;
    return fputs(narrow, stream);
}
