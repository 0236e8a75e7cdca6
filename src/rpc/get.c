/* SPDX-License-Identifier: MIT */
/* Values out of messages: nothing that the other side says about sizes is believed before it is seen. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error_text.h"
#include "base/utf.h"
#include "com/com.h"
#include "rpc/value.h"

int rpc_bad_message(const char *what)
{
    error_text_set("the other side sent %s", what);
    return -EBADMSG;
}

static int get_text(struct rpc_getter *g, const char **ret_text)
{
    int r = sd_bus_message_read_basic(g->m, 's', ret_text);

    if (r < 0)
        return r;
    if (r == 0)
        return rpc_bad_message("too few arguments");
    return strlen(*ret_text) > g->limits->max_chars ? rpc_bad_message("a string beyond the limit") : 0;
}

static int get_guid(struct rpc_getter *g, void *value)
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

static int get_wide(struct rpc_getter *g, void *value)
{
    const char *text;
    int r = get_text(g, &text);

    if (r < 0)
        return r;
    return com_wide(text, value) == S_OK ? 0 : -ENOMEM; /* sd-bus has seen to the UTF-8 */
}

static int get_narrow(struct rpc_getter *g, void *value)
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
            return rpc_bad_message("a character beyond 255 in a device's text");
        }
        bytes[n++] = (char)(*t < 0x80 ? *t : (t[0] & 0x03) << 6 | (t[1] & 0x3f));
        t += *t >= 0x80;
    }
    bytes[n] = '\0';
    return 0;
}

/* An array of none or one. Returns 1 when there is one, with the container open. */
static int enter_optional(struct rpc_getter *g, const char *sig)
{
    int r = sd_bus_message_enter_container(g->m, 'a', sig);

    if (r < 0)
        return r;
    if (r == 0)
        return rpc_bad_message("too few arguments");
    r = sd_bus_message_at_end(g->m, 0);
    return r < 0 ? r : !r;
}

static int leave_optional(struct rpc_getter *g)
{
    int r = sd_bus_message_at_end(g->m, 0);

    if (r == 0)
        return rpc_bad_message("more than one value where there is one or none");
    return r < 0 ? r : sd_bus_message_exit_container(g->m);
}

static int get_optional_string(struct rpc_getter *g, void *value,
                               int (*one)(struct rpc_getter *g, void *value))
{
    int r = enter_optional(g, "s");

    if (r > 0)
        r = one(g, value);
    return r < 0 ? r : leave_optional(g);
}

int rpc_get_pointee(struct rpc_getter *g, const struct rpc_type *elem, void **pointer)
{
    int r = enter_optional(g, elem->sig);

    if (r > 0) {
        *pointer = com_task_calloc(1, elem->size);
        r = *pointer ? rpc_get(g, elem, *pointer, NULL) : -ENOMEM;
    }
    return r < 0 ? r : leave_optional(g);
}

static int get_byte_vector(struct rpc_getter *g, void **ret_bytes, uint32_t *ret_n)
{
    const void *bytes;
    size_t n;
    int r = sd_bus_message_read_array(g->m, 'y', &bytes, &n);

    if (r < 0 || n == 0)
        return r < 0 ? r : 0;
    if (n > g->limits->max_elements)
        return rpc_bad_message("an array beyond the limit");
    *ret_bytes = CoTaskMemAlloc(n);
    if (!*ret_bytes)
        return -ENOMEM;
    memcpy(*ret_bytes, bytes, n);
    *ret_n = (uint32_t)n;
    return 0;
}

/* Room for one element more; the count in *n is what rpc_free_value() goes by. */
static int grow(struct rpc_getter *g, const struct rpc_type *elem, void **elements, uint32_t n,
                uint32_t *room)
{
    uint32_t wanted = *room ? *room * 2 : 8;
    void *more;

    if (n >= g->limits->max_elements)
        return rpc_bad_message("an array beyond the limit");
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

int rpc_get_vector(struct rpc_getter *g, const struct rpc_type *elem, void **ret_elements, uint32_t *ret_n)
{
    uint32_t room = 0;
    int r;

    if (elem->tag == RPC_U8)
        return get_byte_vector(g, ret_elements, ret_n);
    r = sd_bus_message_enter_container(g->m, 'a', elem->sig);
    if (r <= 0)
        return r < 0 ? r : rpc_bad_message("too few arguments");
    while ((r = sd_bus_message_at_end(g->m, 0)) == 0) {
        r = grow(g, elem, ret_elements, *ret_n, &room);
        if (r < 0)
            return r;
        r = rpc_get(g, elem, (char *)*ret_elements + (size_t)*ret_n * elem->size, NULL);
        ++*ret_n;
        if (r < 0)
            return r;
    }
    return r < 0 ? r : sd_bus_message_exit_container(g->m);
}

/* Exactly n, into memory that is there. */
int rpc_get_fixed(struct rpc_getter *g, const struct rpc_type *elem, char *values, size_t n)
{
    int r = sd_bus_message_enter_container(g->m, 'a', elem->sig);

    for (size_t i = 0; i < n && r > 0; i++) {
        r = sd_bus_message_at_end(g->m, 0);
        if (r > 0)
            return rpc_bad_message("too short an array");
        if (r == 0)
            r = rpc_get(g, elem, values + i * elem->size, NULL);
        r = r < 0 ? r : 1;
    }
    if (r <= 0)
        return r < 0 ? r : rpc_bad_message("too few arguments");
    r = sd_bus_message_at_end(g->m, 0);
    return r < 0 ? r : r == 0 ? rpc_bad_message("too long an array") : sd_bus_message_exit_container(g->m);
}

static int get_struct(struct rpc_getter *g, const struct rpc_type *type, char *value)
{
    char contents[RPC_CONTENTS_MAX];
    int r = rpc_struct_contents(type, contents);

    if (r >= 0)
        r = sd_bus_message_enter_container(g->m, 'r', contents);
    if (r <= 0)
        return r < 0 ? r : rpc_bad_message("too few arguments");
    for (uint32_t i = 0; i < type->n; i++) {
        const struct rpc_field *f = &type->fields[i];

        r = rpc_get(g, f->type, value + f->offset, value + f->with);
        if (r < 0)
            return r;
    }
    return sd_bus_message_exit_container(g->m);
}

static int get_union(struct rpc_getter *g, const struct rpc_type *type, void *value, const uint32_t *which)
{
    const struct rpc_type *arm = rpc_arm_of(type, *which);
    const char *nothing;
    int r = sd_bus_message_enter_container(g->m, 'v', arm ? arm->sig : "s");

    if (r <= 0)
        return r < 0 ? r : rpc_bad_message("too few arguments");
    r = arm ? rpc_get(g, arm, value, NULL) : sd_bus_message_read_basic(g->m, 's', &nothing);
    return r < 0 ? r : sd_bus_message_exit_container(g->m);
}

static int get_object(struct rpc_getter *g, const struct rpc_iface *iface, void **ret_object)
{
    const char *path;
    int r = sd_bus_message_read_basic(g->m, 'o', &path);

    if (r <= 0)
        return r < 0 ? r : rpc_bad_message("too few arguments");
    if (strcmp(path, "/") == 0)
        return 0;
    if (!g->binder)
        return rpc_bad_message("an object where none is taken");
    g->bind_failed = g->binder->bind(g->binder->arg, path, iface, ret_object);
    return FAILED(g->bind_failed) ? -EBADMSG : 0;
}

static int get_enum(struct rpc_getter *g, IEnumVdsObject **ret_enum)
{
    static const struct rpc_type element = { .tag = RPC_OBJECT, .size = sizeof(IUnknown *), .sig = "o" };
    IUnknown **objects = NULL;
    uint32_t n = 0;
    int r = rpc_get_vector(g, &element, (void **)&objects, &n);

    for (uint32_t i = 0; i < n && r >= 0; i++)
        r = objects[i] ? 0 : rpc_bad_message("an enumeration with a member that is no object");
    if (r >= 0 && FAILED(com_enum_create(objects, n, ret_enum)))
        r = -ENOMEM;
    rpc_free_pointee(&element, (void **)&objects, n);
    return r;
}

static int get_bool(struct rpc_getter *g, int32_t *value)
{
    int boolean, r = sd_bus_message_read_basic(g->m, 'b', &boolean);

    if (r > 0)
        *value = boolean;
    return r;
}

static int get_wchars(struct rpc_getter *g, const struct rpc_type *type, uint16_t *chars)
{
    const char *text;
    size_t n;
    int r = get_text(g, &text);

    if (r < 0)
        return r;
    if (utf16_length(text, &n) < 0 || n >= type->n)
        return rpc_bad_message("a string longer than its place");
    return utf8_to_utf16(text, chars, type->n);
}

static int get_scalar(struct rpc_getter *g, const struct rpc_type *type, void *value)
{
    static const char codes[] = {
        [RPC_U8] = 'y', [RPC_I16] = 'n', [RPC_U16] = 'q', [RPC_I32] = 'i', [RPC_U32] = 'u', [RPC_U64] = 't',
    };
    int r =
        type->tag == RPC_BOOL ? get_bool(g, value) : sd_bus_message_read_basic(g->m, codes[type->tag], value);

    return r == 0 ? rpc_bad_message("too few arguments") : r;
}

int rpc_get(struct rpc_getter *g, const struct rpc_type *type, void *value, void *with)
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
        return rpc_get_fixed(g, type->elem, value, type->n);
    case RPC_STRUCT:
        return get_struct(g, type, value);
    case RPC_VECTOR:
        return rpc_get_vector(g, type->elem, value, with);
    case RPC_PTR0:
        return rpc_get_pointee(g, type->elem, value);
    case RPC_UNION:
        return get_union(g, type, value, with);
    case RPC_OBJECT:
        return get_object(g, type->iface, value);
    case RPC_ENUM:
        return get_enum(g, value);
    }
    return -EINVAL;
}
