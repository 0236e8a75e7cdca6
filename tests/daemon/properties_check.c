/* SPDX-License-Identifier: MIT */
/* Comparison of structures field by field, for properties.c. The fields are those of idl/vds.idl, so a field
 * that is new is compared before anybody has thought of it. */
#include "properties.h"

enum field_kind {
    FIELD_BYTES,
    FIELD_TEXT,  /* LPWSTR */
    FIELD_CHARS, /* char * */
    FIELD_LIST,  /* a pointer to as many as another field says */
};

struct shape;

struct field {
    const char *name;
    size_t offset, size;
    enum field_kind kind;
    struct shape *inside; /* what the field or each element is; NULL: bytes */
    size_t n_offset, one;
};

struct shape {
    const char *name;
    size_t size;
    const struct field *fields;
    size_t n_fields;
    unsigned n_compared;
};

#include "property_shapes.h"

/* ---- text ---------------------------------------------------------------------------------------------- */

LPWSTR wide(const char *text)
{
    static WCHAR room[1 << 16];
    static size_t used;
    size_t n = strlen(text) + 1;
    LPWSTR start;

    if (used + n > LENGTH(room))
        used = 0; /* nobody looks so far back */
    start = &room[used];
    for (size_t i = 0; i < n; i++)
        start[i] = (unsigned char)text[i];
    used += n;
    return start;
}

LPWSTR literal(const WCHAR *text)
{
    return (LPWSTR)(uintptr_t)text;
}

LPWSTR wide_id(VDS_OBJECT_ID id)
{
    const uint8_t *d = id.Data4;
    char text[40];

    snprintf(text, sizeof text, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", id.Data1, id.Data2,
             id.Data3, d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]);
    return wide(text);
}

static void narrow(const WCHAR *text, char *out, size_t room)
{
    size_t n = 0;

    snprintf(out, room, "NULL");
    if (!text)
        return;
    for (; text[n] && n + 1 < room; n++)
        out[n] = text[n] < 0x80 ? (char)text[n] : '?';
    out[n] = '\0';
}

static bool same_text(const WCHAR *a, const WCHAR *b)
{
    if (!a || !b)
        return a == b;
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* ---- fields -------------------------------------------------------------------------------------------- */

static void compare_shape(struct shape *shape, char *got, const char *expected, const char *where);

static void compare_bytes(const char *name, const struct field *f, const char *got, const char *expected,
                          size_t n, const char *where)
{
    char text[2][64] = { "", "" };

    if (memcmp(got, expected, n) == 0)
        return;
    for (size_t i = 0; i < n && i < 24; i++) {
        sprintf(text[0] + 2 * i, "%02x", (unsigned char)got[i]);
        sprintf(text[1] + 2 * i, "%02x", (unsigned char)expected[i]);
    }
    fail_msg("%s: %s.%s is %s, should be %s (bytes in memory)", where, name, f->name, text[0], text[1]);
}

static void compare_text(const char *name, const struct field *f, void *got, const void *expected,
                         const char *where)
{
    char text[2][300];

    if (f->kind == FIELD_TEXT) {
        narrow(got, text[0], sizeof text[0]);
        narrow(expected, text[1], sizeof text[1]);
    } else {
        snprintf(text[0], sizeof text[0], "%s", got ? (char *)got : "NULL");
        snprintf(text[1], sizeof text[1], "%s", expected ? (const char *)expected : "NULL");
    }
    if (f->kind == FIELD_TEXT ? !same_text(got, expected) : strcmp(text[0], text[1]) != 0)
        fail_msg("%s: %s.%s is \"%s\", should be \"%s\"", where, name, f->name, text[0], text[1]);
    CoTaskMemFree(got);
}

/* The counts are a field of their own, compared before. */
static void compare_list(const char *name, const struct field *f, char *got, const char *expected, ULONG n,
                         const char *where)
{
    if (n == 0 && got)
        fail_msg("%s: %s.%s is not NULL, and has no elements", where, name, f->name);
    for (ULONG i = 0; f->inside && i < n; i++)
        compare_shape(f->inside, got + i * f->one, expected + i * f->one, where);
    if (!f->inside && n > 0)
        compare_bytes(name, f, got, expected, n * f->one, where);
    CoTaskMemFree(got);
}

static void compare_field(struct shape *shape, const struct field *f, char *got, const char *expected,
                          const char *where)
{
    void *pointers[2];
    ULONG n;

    if (f->kind == FIELD_BYTES && f->inside) {
        compare_shape(f->inside, got + f->offset, expected + f->offset, where);
        return;
    }
    if (f->kind == FIELD_BYTES) {
        compare_bytes(shape->name, f, got + f->offset, expected + f->offset, f->size, where);
        return;
    }
    memcpy(&pointers[0], got + f->offset, sizeof pointers[0]);
    memcpy(&pointers[1], expected + f->offset, sizeof pointers[1]);
    memcpy(&n, expected + f->n_offset, sizeof n);
    if (f->kind == FIELD_LIST)
        compare_list(shape->name, f, pointers[0], pointers[1], n, where);
    else
        compare_text(shape->name, f, pointers[0], pointers[1], where);
}

/* Counts come before lists, whatever their order. */
static void compare_shape(struct shape *shape, char *got, const char *expected, const char *where)
{
    shape->n_compared++;
    for (int lists = 0; lists < 2; lists++) {
        for (size_t i = 0; i < shape->n_fields; i++) {
            if ((shape->fields[i].kind == FIELD_LIST) == lists)
                compare_field(shape, &shape->fields[i], got, expected, where);
        }
    }
}

static struct shape *shape_of(const char *type)
{
    for (size_t i = 0; i < LENGTH(shapes); i++) {
        if (strcmp(shapes[i]->name, type) == 0)
            return shapes[i];
    }
    fail_msg("no method hands out a %s", type);
    return NULL;
}

void compare(const char *type, void *got, const void *expected, const char *where)
{
    compare_shape(shape_of(type), got, expected, where);
}

ULONGLONG about(ULONGLONG got, ULONGLONG truth)
{
    const ULONGLONG off = got > truth ? got - truth : truth - got;

    return off <= 256ull << 20 ? got : truth;
}

void nothing_to_compare(const char *type)
{
    shape_of(type)->n_compared++;
}

bool flag_at(size_t n, struct flag *ret_flag)
{
    if (n >= LENGTH(all_flags))
        return false;
    *ret_flag = all_flags[n];
    return true;
}

/* Pools here have no attributes beyond those of VDS. */
static const char *const never[] = { "VDS_POOL_CUSTOM_ATTRIBUTES" };

void every_structure_was_compared(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(shapes); i++) {
        bool expected = true;

        for (size_t k = 0; k < LENGTH(never); k++)
            expected = expected && strcmp(never[k], shapes[i]->name) != 0;
        if ((shapes[i]->n_compared > 0) != expected)
            fail_msg("%s was compared %u times", shapes[i]->name, shapes[i]->n_compared);
    }
}
