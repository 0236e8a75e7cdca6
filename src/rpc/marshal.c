/* SPDX-License-Identifier: MIT */
/* Values: one walk over a type for each of put, get and free. Inside: 0 or -errno, with the sentence set where the fault is seen; the
 * HRESULT is made at the face of the file. What travels how: docs/dbus.md. */
#include "rpc/marshal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error_text.h"
#include "base/utf.h"
#include "com/com.h"
#include "rpc/error.h"

const struct rpc_limits rpc_default_limits = { .max_elements = 65536, .max_chars = 1 << 20 }; /* an unmasking list may be long */

struct put {
    sd_bus_message *m;
    struct rpc_paths *paths; /* NULL: no objects can occur */
};

struct get {
    sd_bus_message *m;
    const struct rpc_binder *binder; /* NULL: no objects can occur */
    const struct rpc_limits *limits;
    HRESULT bind_failed; /* what the binder said, when that was the failure */
};

static int bad_message(const char *what)
{
    error_text_set("the other side sent %s", what);
    return -EBADMSG;
}

static HRESULT to_hresult(int r)
{
    static const struct {
        int err;
        HRESULT hr;
        const char *text; /* NULL: the walk has said it */
    } map[] = {
        { -ENOMEM, E_OUTOFMEMORY, "memory ran out" },
        { -EINVAL, E_INVALIDARG, NULL },
        { -EILSEQ, E_INVALIDARG, "a string is not valid Unicode" },
        { -EBADMSG, RPC_E_INVALID_DATA, NULL },
    };

    for (size_t i = 0; i < ARRAY_SIZE(map); i++) {
        if (map[i].err == r) {
            if (map[i].text)
                error_text_set("%s", map[i].text);
            return map[i].hr;
        }
    }
    if (r >= 0)
        return S_OK;
    error_text_set("the message does not have the arguments of this method");
    return RPC_E_INVALID_DATA;
}

/* ---- paths of objects -------------------------------------------------------------------------------------------------------------- */

void rpc_paths_fini(struct rpc_paths *paths)
{
    for (size_t i = 0; i < paths->n; i++) {
        for (size_t k = 0; k < paths->items[i].n; k++)
            free(paths->items[i].paths[k]);
        free(paths->items[i].paths);
    }
    free(paths->items);
    *paths = (struct rpc_paths){ 0 };
}

struct rpc_path_item *rpc_paths_add(struct rpc_paths *paths, size_t n)
{
    struct rpc_path_item *items = reallocarray(paths->items, paths->n + 1, sizeof *items);

    if (!items)
        return NULL;
    paths->items = items;
    items[paths->n] = (struct rpc_path_item){ .paths = calloc(n ? n : 1, sizeof(char *)), .n = n };
    return items[paths->n].paths ? &items[paths->n++] : NULL;
}

/* ---- put --------------------------------------------------------------------------------------------------------------------------- */

static int put(struct put *p, const struct rpc_type *type, const void *value, const void *with);

static int put_text(struct put *p, const uint16_t *wide)
{
    _cleanup_(freep) char *text = NULL;
    int r = utf16_to_utf8(wide, &text);

    return r < 0 ? r : sd_bus_message_append_basic(p->m, 's', text);
}

/* Each byte is a character: what a device says about itself is ASCII at best. */
static int put_bytes_as_text(struct put *p, const char *bytes)
{
    _cleanup_(freep) char *text = malloc(strlen(bytes) * 2 + 1);
    char *out = text;

    if (!text)
        return -ENOMEM;
    for (const unsigned char *b = (const unsigned char *)bytes; *b; b++) {
        if (*b >= 0x80) {
            *out++ = (char)(0xc0 | *b >> 6);
            *out++ = (char)(0x80 | (*b & 0x3f));
        } else {
            *out++ = (char)*b;
        }
    }
    *out = '\0';
    return sd_bus_message_append_basic(p->m, 's', text);
}

static int put_array(struct put *p, const struct rpc_type *elem, const void *values, size_t n)
{
    int r;

    if (elem->tag == RPC_U8)
        return sd_bus_message_append_array(p->m, 'y', values, n);
    r = sd_bus_message_open_container(p->m, 'a', elem->sig);
    for (size_t i = 0; i < n && r >= 0; i++)
        r = put(p, elem, (const char *)values + i * elem->size, NULL);
    return r < 0 ? r : sd_bus_message_close_container(p->m);
}

static int put_vector(struct put *p, const struct rpc_type *elem, const void *values, int32_t n)
{
    if (n < 0 || (n > 0 && !values)) {
        error_text_set("an array of %d elements at %s is not one", (int)n, values ? "an address" : "NULL");
        return -EINVAL;
    }
    return put_array(p, elem, values, (size_t)n);
}

static int put_optional_string(struct put *p, const void *string, int (*one)(struct put *p, const void *string))
{
    int r = sd_bus_message_open_container(p->m, 'a', "s");

    if (r >= 0 && string)
        r = one(p, string);
    return r < 0 ? r : sd_bus_message_close_container(p->m);
}

static int put_wide(struct put *p, const void *string)
{
    return put_text(p, string);
}

static int put_narrow(struct put *p, const void *string)
{
    return put_bytes_as_text(p, string);
}

/* sd-bus wants the contents of a struct: its signature without the parentheses. */
#define CONTENTS_MAX 256
static int struct_contents(const struct rpc_type *type, char contents[static CONTENTS_MAX])
{
    size_t n = strlen(type->sig);

    if (n < 3 || n - 2 >= CONTENTS_MAX)
        return -EINVAL;
    memcpy(contents, type->sig + 1, n - 2);
    contents[n - 2] = '\0';
    return 0;
}

static int put_struct(struct put *p, const struct rpc_type *type, const char *value)
{
    char contents[CONTENTS_MAX];
    int r = struct_contents(type, contents);

    if (r >= 0)
        r = sd_bus_message_open_container(p->m, 'r', contents);
    for (uint32_t i = 0; i < type->n && r >= 0; i++) {
        const struct rpc_field *f = &type->fields[i];

        r = put(p, f->type, value + f->offset, value + f->with);
    }
    return r < 0 ? r : sd_bus_message_close_container(p->m);
}

static const struct rpc_type *arm_of(const struct rpc_type *type, uint32_t value)
{
    for (uint32_t i = 0; i < type->n; i++) {
        if (type->arms[i].value == value)
            return type->arms[i].type;
    }
    return NULL;
}

static int put_union(struct put *p, const struct rpc_type *type, const void *value, const uint32_t *which)
{
    const struct rpc_type *arm = arm_of(type, *which);
    int r = sd_bus_message_open_container(p->m, 'v', arm ? arm->sig : "s");

    if (r >= 0)
        r = arm ? put(p, arm, value, NULL) : sd_bus_message_append_basic(p->m, 's', "");
    return r < 0 ? r : sd_bus_message_close_container(p->m);
}

static struct rpc_path_item *next_paths(struct put *p)
{
    if (!p->paths || p->paths->next >= p->paths->n)
        return NULL;
    return &p->paths->items[p->paths->next++];
}

static int put_object(struct put *p)
{
    struct rpc_path_item *item = next_paths(p);

    if (!item || item->n != 1) {
        error_text_set("an object cannot travel here");
        return -EINVAL;
    }
    return sd_bus_message_append_basic(p->m, 'o', item->paths[0]);
}

static int put_enum(struct put *p)
{
    struct rpc_path_item *item = next_paths(p);
    int r = item ? sd_bus_message_open_container(p->m, 'a', "o") : -EINVAL;

    for (size_t i = 0; r >= 0 && i < item->n; i++)
        r = sd_bus_message_append_basic(p->m, 'o', item->paths[i]);
    return r < 0 ? r : sd_bus_message_close_container(p->m);
}

static int put_guid(struct put *p, const void *value)
{
    char text[GUID_TEXT_SIZE];

    guid_format(value, text);
    return sd_bus_message_append_basic(p->m, 's', text);
}

/* WCHAR[n]: the text up to the zero, which a careless writer may have left out. */
static int put_wchars(struct put *p, const struct rpc_type *type, const uint16_t *chars)
{
    for (uint32_t i = 0; i < type->n; i++) {
        if (!chars[i])
            return put_text(p, chars);
    }
    error_text_set("a string of at most %u characters has no end", type->n - 1);
    return -EINVAL;
}

static int put(struct put *p, const struct rpc_type *type, const void *value, const void *with)
{
    int boolean;

    switch (type->tag) {
    case RPC_U8:
        return sd_bus_message_append_basic(p->m, 'y', value);
    case RPC_I16:
        return sd_bus_message_append_basic(p->m, 'n', value);
    case RPC_U16:
        return sd_bus_message_append_basic(p->m, 'q', value);
    case RPC_I32:
        return sd_bus_message_append_basic(p->m, 'i', value);
    case RPC_U32:
        return sd_bus_message_append_basic(p->m, 'u', value);
    case RPC_U64:
        return sd_bus_message_append_basic(p->m, 't', value);
    case RPC_BOOL:
        boolean = *(const int32_t *)value != 0;
        return sd_bus_message_append_basic(p->m, 'b', &boolean);
    case RPC_GUID:
        return put_guid(p, value);
    case RPC_WSTR:
        return put_text(p, *(const uint16_t *const *)value);
    case RPC_WSTR0:
        return put_optional_string(p, *(const void *const *)value, put_wide);
    case RPC_STR0:
        return put_optional_string(p, *(const void *const *)value, put_narrow);
    case RPC_WCHARS:
        return put_wchars(p, type, value);
    case RPC_FIXED:
        return put_array(p, type->elem, value, type->n);
    case RPC_STRUCT:
        return put_struct(p, type, value);
    case RPC_VECTOR:
        return put_vector(p, type->elem, *(const void *const *)value, *(const int32_t *)with);
    case RPC_PTR0:
        return put_array(p, type->elem, *(const void *const *)value, *(const void *const *)value != NULL);
    case RPC_UNION:
        return put_union(p, type, value, with);
    case RPC_OBJECT:
        return put_object(p);
    case RPC_ENUM:
        return put_enum(p);
    }
    return -EINVAL;
}

/* ---- free -------------------------------------------------------------------------------------------------------------------------- */

static void free_value(const struct rpc_type *type, void *value, const void *with);

static void free_array(const struct rpc_type *elem, void *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free_value(elem, (char *)values + i * elem->size, NULL);
}

static void free_pointee(const struct rpc_type *elem, void **pointer, size_t n)
{
    if (*pointer)
        free_array(elem, *pointer, n);
    CoTaskMemFree(*pointer);
    *pointer = NULL;
}

static void free_value(const struct rpc_type *type, void *value, const void *with)
{
    const struct rpc_type *arm;

    switch (type->tag) {
    case RPC_WSTR:
    case RPC_WSTR0:
    case RPC_STR0:
        CoTaskMemFree(*(void **)value);
        *(void **)value = NULL;
        break;
    case RPC_FIXED:
        free_array(type->elem, value, type->n);
        break;
    case RPC_STRUCT:
        for (uint32_t i = 0; i < type->n; i++)
            free_value(type->fields[i].type, (char *)value + type->fields[i].offset, (char *)value + type->fields[i].with);
        break;
    case RPC_VECTOR:
        free_pointee(type->elem, value, *(const uint32_t *)with);
        break;
    case RPC_PTR0:
        free_pointee(type->elem, value, 1);
        break;
    case RPC_UNION:
        arm = arm_of(type, *(const uint32_t *)with);
        if (arm)
            free_value(arm, value, NULL);
        break;
    case RPC_OBJECT:
    case RPC_ENUM:
        com_releasep(value);
        *(void **)value = NULL;
        break;
    default:
        break;
    }
}

void rpc_free(const struct rpc_type *type, void *value)
{
    free_value(type, value, NULL);
}

/* ---- get: `value` is zeroed memory; what a failed get leaves there can be freed -------------------------------------------------------- */

static int get(struct get *g, const struct rpc_type *type, void *value, void *with);

static int get_text(struct get *g, const char **ret_text)
{
    int r = sd_bus_message_read_basic(g->m, 's', ret_text);

    if (r < 0)
        return r;
    if (r == 0)
        return bad_message("too few arguments");
    return strlen(*ret_text) > g->limits->max_chars ? bad_message("a string beyond the limit") : 0;
}

static int get_guid(struct get *g, void *value)
{
    const char *text;
    int r = get_text(g, &text);

    if (r < 0)
        return r;
    if (guid_parse(text, value) == 0)
        return 0;
    error_text_set("\"%.60s\" is not an object id", text);
    return -EINVAL;
}

static int get_wide(struct get *g, void *value)
{
    const char *text;
    int r = get_text(g, &text);

    if (r < 0)
        return r;
    return com_wide(text, value) == S_OK ? 0 : -ENOMEM; /* sd-bus has seen to the UTF-8 */
}

static int get_narrow(struct get *g, void *value)
{
    const char *text;
    char *bytes;
    size_t n = 0;
    int r = get_text(g, &text);

    if (r < 0)
        return r;
    bytes = CoTaskMemAlloc(strlen(text) + 1);
    if (!bytes)
        return -ENOMEM;
    *(char **)value = bytes;
    for (const unsigned char *t = (const unsigned char *)text; *t; t++) {
        if (*t >= 0xc4) {
            bytes[n] = '\0';
            return bad_message("a character beyond 255 in a device's text");
        }
        bytes[n++] = (char)(*t < 0x80 ? *t : (t[0] & 0x03) << 6 | (t[1] & 0x3f));
        t += *t >= 0x80;
    }
    bytes[n] = '\0';
    return 0;
}

/* An array of none or one. Returns 1 when there is one, with the container open. */
static int enter_optional(struct get *g, const char *sig)
{
    int r = sd_bus_message_enter_container(g->m, 'a', sig);

    if (r < 0)
        return r;
    if (r == 0)
        return bad_message("too few arguments");
    r = sd_bus_message_at_end(g->m, 0);
    return r < 0 ? r : !r;
}

static int leave_optional(struct get *g)
{
    int r = sd_bus_message_at_end(g->m, 0);

    if (r == 0)
        return bad_message("more than one value where there is one or none");
    return r < 0 ? r : sd_bus_message_exit_container(g->m);
}

static int get_optional_string(struct get *g, void *value, int (*one)(struct get *g, void *value))
{
    int r = enter_optional(g, "s");

    if (r > 0)
        r = one(g, value);
    return r < 0 ? r : leave_optional(g);
}

static int get_pointee(struct get *g, const struct rpc_type *elem, void **pointer)
{
    int r = enter_optional(g, elem->sig);

    if (r > 0) {
        *pointer = com_task_calloc(1, elem->size);
        r = *pointer ? get(g, elem, *pointer, NULL) : -ENOMEM;
    }
    return r < 0 ? r : leave_optional(g);
}

static int get_byte_vector(struct get *g, void **ret_bytes, uint32_t *ret_n)
{
    const void *bytes;
    size_t n;
    int r = sd_bus_message_read_array(g->m, 'y', &bytes, &n);

    if (r < 0 || n == 0)
        return r < 0 ? r : 0;
    if (n > g->limits->max_elements)
        return bad_message("an array beyond the limit");
    *ret_bytes = CoTaskMemAlloc(n);
    if (!*ret_bytes)
        return -ENOMEM;
    memcpy(*ret_bytes, bytes, n);
    *ret_n = (uint32_t)n;
    return 0;
}

/* Room for one element more; the count in *n is what free_value() goes by. */
static int grow(struct get *g, const struct rpc_type *elem, void **elements, uint32_t n, uint32_t *room)
{
    uint32_t wanted = *room ? *room * 2 : 8;
    void *more;

    if (n >= g->limits->max_elements)
        return bad_message("an array beyond the limit");
    if (n < *room)
        return 0;
    more = CoTaskMemRealloc(*elements, (size_t)wanted * elem->size);
    if (!more)
        return -ENOMEM;
    memset((char *)more + (size_t)n * elem->size, 0, (size_t)(wanted - n) * elem->size);
    *elements = more;
    *room = wanted;
    return 0;
}

static int get_vector(struct get *g, const struct rpc_type *elem, void **ret_elements, uint32_t *ret_n)
{
    uint32_t room = 0;
    int r;

    if (elem->tag == RPC_U8)
        return get_byte_vector(g, ret_elements, ret_n);
    r = sd_bus_message_enter_container(g->m, 'a', elem->sig);
    if (r <= 0)
        return r < 0 ? r : bad_message("too few arguments");
    while ((r = sd_bus_message_at_end(g->m, 0)) == 0) {
        r = grow(g, elem, ret_elements, *ret_n, &room);
        if (r < 0)
            return r;
        r = get(g, elem, (char *)*ret_elements + (size_t)*ret_n * elem->size, NULL);
        ++*ret_n;
        if (r < 0)
            return r;
    }
    return r < 0 ? r : sd_bus_message_exit_container(g->m);
}

/* Exactly n, into memory that is there. */
static int get_fixed(struct get *g, const struct rpc_type *elem, char *values, size_t n)
{
    int r = sd_bus_message_enter_container(g->m, 'a', elem->sig);

    for (size_t i = 0; i < n && r > 0; i++) {
        r = sd_bus_message_at_end(g->m, 0);
        if (r > 0)
            return bad_message("too short an array");
        if (r == 0)
            r = get(g, elem, values + i * elem->size, NULL);
        r = r < 0 ? r : 1;
    }
    if (r <= 0)
        return r < 0 ? r : bad_message("too few arguments");
    r = sd_bus_message_at_end(g->m, 0);
    return r < 0 ? r : r == 0 ? bad_message("too long an array") : sd_bus_message_exit_container(g->m);
}

static int get_struct(struct get *g, const struct rpc_type *type, char *value)
{
    char contents[CONTENTS_MAX];
    int r = struct_contents(type, contents);

    if (r >= 0)
        r = sd_bus_message_enter_container(g->m, 'r', contents);
    if (r <= 0)
        return r < 0 ? r : bad_message("too few arguments");
    for (uint32_t i = 0; i < type->n; i++) {
        const struct rpc_field *f = &type->fields[i];

        r = get(g, f->type, value + f->offset, value + f->with);
        if (r < 0)
            return r;
    }
    return sd_bus_message_exit_container(g->m);
}

static int get_union(struct get *g, const struct rpc_type *type, void *value, const uint32_t *which)
{
    const struct rpc_type *arm = arm_of(type, *which);
    const char *nothing;
    int r = sd_bus_message_enter_container(g->m, 'v', arm ? arm->sig : "s");

    if (r <= 0)
        return r < 0 ? r : bad_message("too few arguments");
    r = arm ? get(g, arm, value, NULL) : sd_bus_message_read_basic(g->m, 's', &nothing);
    return r < 0 ? r : sd_bus_message_exit_container(g->m);
}

static int get_object(struct get *g, const struct rpc_iface *iface, void **ret_object)
{
    const char *path;
    int r = sd_bus_message_read_basic(g->m, 'o', &path);

    if (r <= 0)
        return r < 0 ? r : bad_message("too few arguments");
    if (strcmp(path, "/") == 0)
        return 0;
    if (!g->binder)
        return bad_message("an object where none is taken");
    g->bind_failed = g->binder->bind(g->binder->arg, path, iface, ret_object);
    return FAILED(g->bind_failed) ? -EBADMSG : 0;
}

static int get_enum(struct get *g, IEnumVdsObject **ret_enum)
{
    static const struct rpc_type element = { .tag = RPC_OBJECT, .size = sizeof(IUnknown *), .sig = "o" };
    IUnknown **objects = NULL;
    uint32_t n = 0;
    struct rpc_limits generous = { .max_elements = UINT32_MAX / 2, .max_chars = g->limits->max_chars };
    const struct rpc_limits *limits = g->limits;
    int r;

    g->limits = &generous; /* there may be as many objects as the service has; the message was bounded */
    r = get_vector(g, &element, (void **)&objects, &n);
    g->limits = limits;
    if (r >= 0 && FAILED(com_enum_create(objects, n, ret_enum)))
        r = -ENOMEM;
    free_pointee(&element, (void **)&objects, n);
    return r;
}

static int get_bool(struct get *g, int32_t *value)
{
    int boolean, r = sd_bus_message_read_basic(g->m, 'b', &boolean);

    if (r > 0)
        *value = boolean;
    return r;
}

static int get_wchars(struct get *g, const struct rpc_type *type, uint16_t *chars)
{
    const char *text;
    size_t n;
    int r = get_text(g, &text);

    if (r < 0)
        return r;
    if (utf16_length(text, &n) < 0 || n >= type->n)
        return bad_message("a string longer than its place");
    return utf8_to_utf16(text, chars, type->n);
}

static int get_scalar(struct get *g, const struct rpc_type *type, void *value)
{
    static const char codes[] = {
        [RPC_U8] = 'y', [RPC_I16] = 'n', [RPC_U16] = 'q', [RPC_I32] = 'i', [RPC_U32] = 'u', [RPC_U64] = 't',
    };
    int r = type->tag == RPC_BOOL ? get_bool(g, value) : sd_bus_message_read_basic(g->m, codes[type->tag], value);

    return r == 0 ? bad_message("too few arguments") : r;
}

static int get(struct get *g, const struct rpc_type *type, void *value, void *with)
{
    switch (type->tag) {
    case RPC_U8:
    case RPC_I16:
    case RPC_U16:
    case RPC_I32:
    case RPC_U32:
    case RPC_U64:
    case RPC_BOOL:
        return get_scalar(g, type, value);
    case RPC_GUID:
        return get_guid(g, value);
    case RPC_WSTR:
        return get_wide(g, value);
    case RPC_WSTR0:
        return get_optional_string(g, value, get_wide);
    case RPC_STR0:
        return get_optional_string(g, value, get_narrow);
    case RPC_WCHARS:
        return get_wchars(g, type, value);
    case RPC_FIXED:
        return get_fixed(g, type->elem, value, type->n);
    case RPC_STRUCT:
        return get_struct(g, type, value);
    case RPC_VECTOR:
        return get_vector(g, type->elem, value, with);
    case RPC_PTR0:
        return get_pointee(g, type->elem, value);
    case RPC_UNION:
        return get_union(g, type, value, with);
    case RPC_OBJECT:
        return get_object(g, type->iface, value);
    case RPC_ENUM:
        return get_enum(g, value);
    }
    return -EINVAL;
}

/* ---- values ------------------------------------------------------------------------------------------------------------------------- */

HRESULT rpc_encode(sd_bus_message *m, const struct rpc_type *type, const void *value, struct rpc_paths *paths)
{
    struct put p = { .m = m, .paths = paths };

    return to_hresult(put(&p, type, value, NULL));
}

static HRESULT get_result(const struct get *g, int r)
{
    return r < 0 && FAILED(g->bind_failed) ? g->bind_failed : to_hresult(r);
}

HRESULT rpc_decode(sd_bus_message *m, const struct rpc_type *type, void *value, const struct rpc_binder *binder,
                   const struct rpc_limits *limits)
{
    struct get g = { .m = m, .binder = binder, .limits = limits };
    int r = get(&g, type, value, NULL);

    if (r < 0)
        free_value(type, value, NULL);
    return get_result(&g, r);
}

/* ---- arguments: the client's side ------------------------------------------------------------------------------------------------------ */

static void *pointer_of(void *const args[], size_t i)
{
    return *(void *const *)args[i];
}

static HRESULT refuse(const struct rpc_method *method, const struct rpc_param *p, const char *why)
{
    error_text_set("%s::%s: %s %s", method->iface->name, method->name, p->name, why);
    return E_INVALIDARG;
}

static bool is_output(const struct rpc_param *p)
{
    return p->mode >= RPC_OUT;
}

/* Size of the memory that an output parameter points to. */
static size_t output_size(const struct rpc_param *p, void *const args[])
{
    switch ((enum rpc_mode)p->mode) {
    case RPC_OUT_ARRAY:
        return *(const uint32_t *)args[p->count] <= rpc_default_limits.max_elements ? *(uint32_t *)args[p->count] * (size_t)p->type->size : 0;
    case RPC_OUT_VECTOR:
        return sizeof(void *);
    case RPC_OUT_COUNT:
        return sizeof(int32_t);
    default:
        return p->type->size;
    }
}

static HRESULT check_arg(const struct rpc_method *method, const struct rpc_param *p, void *const args[], size_t i)
{
    switch ((enum rpc_mode)p->mode) {
    case RPC_IN:
        return p->type->tag == RPC_WSTR && !pointer_of(args, i) ? refuse(method, p, "must not be NULL") : S_OK;
    case RPC_IN_UNIQUE:
    case RPC_IN_COUNT:
        return S_OK;
    case RPC_IN_ARRAY:
        if (*(const uint32_t *)args[p->count] > rpc_default_limits.max_elements)
            return refuse(method, p, "has a count that makes no sense");
        return *(const uint32_t *)args[p->count] && !pointer_of(args, i) ? refuse(method, p, "must not be NULL") : S_OK;
    case RPC_OUT_ARRAY:
        if (*(const uint32_t *)args[p->count] > rpc_default_limits.max_elements)
            return refuse(method, p, "has a count that makes no sense");
        break;
    default:
        break;
    }
    return pointer_of(args, i) ? S_OK : refuse(method, p, "must not be NULL");
}

HRESULT rpc_check_args(const struct rpc_method *method, void *const args[])
{
    HRESULT hr = S_OK;

    for (size_t i = 0; i < method->n_params; i++) {
        const struct rpc_param *p = &method->params[i];

        if (is_output(p) && pointer_of(args, i))
            memset(pointer_of(args, i), 0, output_size(p, args));
    }
    for (size_t i = 0; i < method->n_params && hr == S_OK; i++)
        hr = check_arg(method, &method->params[i], args, i);
    return hr;
}

static int put_arg(struct put *p, const struct rpc_param *param, void *const args[], size_t i)
{
    switch ((enum rpc_mode)param->mode) {
    case RPC_IN:
        return put(p, param->type, args[i], NULL);
    case RPC_IN_REF:
        return put(p, param->type, pointer_of(args, i), NULL);
    case RPC_IN_UNIQUE:
        return put_array(p, param->type, pointer_of(args, i), pointer_of(args, i) != NULL);
    case RPC_IN_ARRAY:
        return put_vector(p, param->type, pointer_of(args, i), *(const int32_t *)args[param->count]);
    default:
        return 0;
    }
}

HRESULT rpc_encode_in(sd_bus_message *m, const struct rpc_method *method, void *const args[])
{
    struct put p = { .m = m };
    int r = 0;

    for (size_t i = 0; i < method->n_params && r >= 0; i++)
        r = put_arg(&p, &method->params[i], args, i);
    return to_hresult(r);
}

static int get_output(struct get *g, const struct rpc_param *p, void *const args[], size_t i)
{
    switch ((enum rpc_mode)p->mode) {
    case RPC_OUT:
        return get(g, p->type, pointer_of(args, i), NULL);
    case RPC_OUT_ARRAY:
        return get_fixed(g, p->type, pointer_of(args, i), *(const uint32_t *)args[p->count]);
    case RPC_OUT_VECTOR:
        return get_vector(g, p->type, pointer_of(args, i), pointer_of(args, p->count));
    default:
        return 0;
    }
}

static void free_output(const struct rpc_param *p, void *const args[], size_t i)
{
    void *out = pointer_of(args, i);
    const int32_t *n;

    if (!out)
        return;
    if (p->mode == RPC_OUT) {
        free_value(p->type, out, NULL);
    } else if (p->mode == RPC_OUT_ARRAY) {
        free_array(p->type, out, *(const uint32_t *)args[p->count]);
    } else if (p->mode == RPC_OUT_VECTOR) {
        n = pointer_of(args, p->count);
        free_pointee(p->type, out, n && *n > 0 ? (size_t)*n : 0);
    }
}

static void discard_outputs(const struct rpc_method *method, void *const args[])
{
    for (size_t i = 0; i < method->n_params; i++) {
        if (is_output(&method->params[i]))
            free_output(&method->params[i], args, i);
    }
    for (size_t i = 0; i < method->n_params; i++) { /* the counts were needed until here */
        if (is_output(&method->params[i]))
            memset(pointer_of(args, i), 0, output_size(&method->params[i], args));
    }
}

HRESULT rpc_decode_out(sd_bus_message *m, const struct rpc_method *method, void *const args[], const struct rpc_binder *binder,
                       const struct rpc_limits *limits)
{
    struct get g = { .m = m, .binder = binder, .limits = limits };
    int r = 0;

    for (size_t i = 0; i < method->n_params && r >= 0; i++)
        r = get_output(&g, &method->params[i], args, i);
    if (r < 0)
        discard_outputs(method, args);
    return get_result(&g, r);
}

/* ---- arguments: the server's side ------------------------------------------------------------------------------------------------------ */

static int frame_pointee(struct rpc_frame *f, size_t i, size_t n, size_t size)
{
    f->values[i].pointer = com_task_calloc(n, size);
    return f->values[i].pointer ? 0 : -ENOMEM;
}

static int frame_input(struct get *g, struct rpc_frame *f, const struct rpc_param *p, size_t i)
{
    int r;

    switch ((enum rpc_mode)p->mode) {
    case RPC_IN:
        return get(g, p->type, &f->values[i], NULL);
    case RPC_IN_REF:
        r = frame_pointee(f, i, 1, p->type->size);
        return r < 0 ? r : get(g, p->type, f->values[i].pointer, NULL);
    case RPC_IN_UNIQUE:
        return get_pointee(g, p->type, &f->values[i].pointer);
    case RPC_IN_ARRAY:
        return get_vector(g, p->type, &f->values[i].pointer, (uint32_t *)&f->values[p->count]);
    default:
        return 0;
    }
}

static int frame_output(struct rpc_frame *f, const struct rpc_limits *limits, const struct rpc_param *p, size_t i)
{
    uint32_t n = 1;

    switch ((enum rpc_mode)p->mode) {
    case RPC_OUT_ARRAY:
        n = *(const uint32_t *)f->args[p->count];
        if (n > limits->max_elements)
            return bad_message("an array beyond the limit");
        return frame_pointee(f, i, n, p->type->size);
    case RPC_OUT:
        return frame_pointee(f, i, 1, p->type->size);
    case RPC_OUT_VECTOR:
        return frame_pointee(f, i, 1, sizeof(void *));
    case RPC_OUT_COUNT:
        f->values[i].pointer = &f->counts[i];
        return 0;
    default:
        return 0;
    }
}

HRESULT rpc_decode_in(sd_bus_message *m, const struct rpc_method *method, const struct rpc_limits *limits, struct rpc_frame *frame)
{
    struct get g = { .m = m, .limits = limits };
    int r = 0;

    *frame = (struct rpc_frame){ .method = method };
    for (size_t i = 0; i < method->n_params; i++)
        frame->args[i] = &frame->values[i];
    for (size_t i = 0; i < method->n_params && r >= 0; i++)
        r = frame_input(&g, frame, &method->params[i], i);
    for (size_t i = 0; i < method->n_params && r >= 0; i++)
        r = frame_output(frame, limits, &method->params[i], i);
    return to_hresult(r);
}

static void frame_free(struct rpc_frame *f, const struct rpc_param *p, size_t i)
{
    switch ((enum rpc_mode)p->mode) {
    case RPC_IN:
        free_value(p->type, &f->values[i], NULL);
        break;
    case RPC_IN_REF:
    case RPC_IN_UNIQUE:
        free_pointee(p->type, &f->values[i].pointer, 1);
        break;
    case RPC_IN_ARRAY:
        free_pointee(p->type, &f->values[i].pointer, *(const uint32_t *)f->args[p->count]);
        break;
    case RPC_OUT:
    case RPC_OUT_ARRAY:
    case RPC_OUT_VECTOR:
        free_output(p, f->args, i);
        CoTaskMemFree(f->values[i].pointer);
        break;
    case RPC_IN_COUNT:
    case RPC_OUT_COUNT:
        break;
    }
}

void rpc_frame_fini(struct rpc_frame *frame)
{
    for (size_t i = 0; frame->method && i < frame->method->n_params; i++)
        frame_free(frame, &frame->method->params[i], i);
    *frame = (struct rpc_frame){ 0 };
}

struct namer {
    rpc_name_objects *name;
    void *arg;
    struct rpc_paths *paths;
};

static HRESULT name_object(const struct namer *n, const struct rpc_type *type, IUnknown *object)
{
    struct rpc_path_item *item = rpc_paths_add(n->paths, type->tag == RPC_OBJECT);

    if (!item)
        return E_OUTOFMEMORY;
    if (object)
        return n->name(n->arg, type, object, item);
    if (type->tag == RPC_ENUM) {
        error_text_set("the provider gave no enumeration, which it owes even when there is nothing");
        return E_UNEXPECTED;
    }
    item->paths[0] = strdup("/");
    return item->paths[0] ? S_OK : E_OUTOFMEMORY;
}

static HRESULT name_inside(const struct namer *n, const struct rpc_type *type, const char *value, const uint32_t *with)
{
    const struct rpc_type *arm;
    HRESULT hr = S_OK;

    if (type->tag == RPC_OBJECT || type->tag == RPC_ENUM)
        return name_object(n, type, *(IUnknown *const *)value);
    if (type->tag == RPC_UNION && (arm = arm_of(type, *with)))
        return name_inside(n, arm, value, NULL);
    for (uint32_t i = 0; type->tag == RPC_STRUCT && i < type->n && SUCCEEDED(hr); i++)
        hr = name_inside(n, type->fields[i].type, value + type->fields[i].offset, (const uint32_t *)(value + type->fields[i].with));
    return hr;
}

HRESULT rpc_out_objects(const struct rpc_frame *frame, rpc_name_objects *name, void *arg, struct rpc_paths *paths)
{
    struct namer n = { .name = name, .arg = arg, .paths = paths };
    HRESULT hr = S_OK;

    for (size_t i = 0; i < frame->method->n_params && SUCCEEDED(hr); i++) {
        if (frame->method->params[i].mode == RPC_OUT)
            hr = name_inside(&n, frame->method->params[i].type, frame->values[i].pointer, NULL);
    }
    return hr;
}

static int put_output(struct put *p, const struct rpc_frame *f, const struct rpc_param *param, size_t i)
{
    void *out = f->values[i].pointer;

    switch ((enum rpc_mode)param->mode) {
    case RPC_OUT:
        return put(p, param->type, out, NULL);
    case RPC_OUT_ARRAY:
        return put_array(p, param->type, out, *(const uint32_t *)f->args[param->count]);
    case RPC_OUT_VECTOR:
        return put_vector(p, param->type, *(void **)out, f->counts[param->count]);
    default:
        return 0;
    }
}

HRESULT rpc_encode_out(sd_bus_message *m, const struct rpc_frame *frame, struct rpc_paths *paths)
{
    struct put p = { .m = m, .paths = paths };
    HRESULT hr;
    int r = 0;

    for (size_t i = 0; i < frame->method->n_params && r >= 0; i++)
        r = put_output(&p, frame, &frame->method->params[i], i);
    hr = to_hresult(r);
    return hr == E_INVALIDARG ? E_UNEXPECTED : hr; /* it is not the caller's fault */
}
