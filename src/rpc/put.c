/* SPDX-License-Identifier: MIT */
/* Values into messages, and their end. One walk over a type for each; what travels how is in docs/dbus.md. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error_text.h"
#include "base/utf.h"
#include "com/com.h"
#include "rpc/value.h"

static int put_text(struct rpc_putter *p, const uint16_t *wide)
{
    _cleanup_(freep) char *text = NULL;
    int r = utf16_to_utf8(wide, &text);

    return r < 0 ? r : sd_bus_message_append_basic(p->m, 's', text);
}

/* Each byte is a character: what a device says about itself is ASCII at best. */
static int put_bytes_as_text(struct rpc_putter *p, const char *bytes)
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

int rpc_put_array(struct rpc_putter *p, const struct rpc_type *elem, const void *values, size_t n)
{
    int r;

    if (elem->tag == RPC_U8)
        return sd_bus_message_append_array(p->m, 'y', values, n);
    r = sd_bus_message_open_container(p->m, 'a', elem->sig);
    for (size_t i = 0; i < n && r >= 0; i++)
        r = rpc_put(p, elem, (const char *)values + i * elem->size, NULL);
    return r < 0 ? r : sd_bus_message_close_container(p->m);
}

int rpc_put_vector(struct rpc_putter *p, const struct rpc_type *elem, const void *values, int32_t n)
{
    if (n < 0 || (n > 0 && !values)) {
        error_text_set("an array of %d elements at %s is not one", (int)n, values ? "an address" : "NULL");
        return -EINVAL;
    }
    return rpc_put_array(p, elem, values, (size_t)n);
}

static int put_optional_string(struct rpc_putter *p, const void *string,
                               int (*one)(struct rpc_putter *p, const void *string))
{
    int r = sd_bus_message_open_container(p->m, 'a', "s");

    if (r >= 0 && string)
        r = one(p, string);
    return r < 0 ? r : sd_bus_message_close_container(p->m);
}

static int put_wide(struct rpc_putter *p, const void *string)
{
    return put_text(p, string);
}

static int put_narrow(struct rpc_putter *p, const void *string)
{
    return put_bytes_as_text(p, string);
}

/* sd-bus wants the contents of a struct: its signature without the parentheses. */
int rpc_struct_contents(const struct rpc_type *type, char contents[static RPC_CONTENTS_MAX])
{
    size_t n = strlen(type->sig);

    if (n < 3 || n - 2 >= RPC_CONTENTS_MAX)
        return -EINVAL;
    memcpy(contents, type->sig + 1, n - 2);
    contents[n - 2] = '\0';
    return 0;
}

static int put_struct(struct rpc_putter *p, const struct rpc_type *type, const char *value)
{
    char contents[RPC_CONTENTS_MAX];
    int r = rpc_struct_contents(type, contents);

    if (r >= 0)
        r = sd_bus_message_open_container(p->m, 'r', contents);
    for (uint32_t i = 0; i < type->n && r >= 0; i++) {
        const struct rpc_field *f = &type->fields[i];

        r = rpc_put(p, f->type, value + f->offset, value + f->with);
    }
    return r < 0 ? r : sd_bus_message_close_container(p->m);
}

const struct rpc_type *rpc_arm_of(const struct rpc_type *type, uint32_t value)
{
    for (uint32_t i = 0; i < type->n; i++) {
        if (type->arms[i].value == value)
            return type->arms[i].type;
    }
    return NULL;
}

static int put_union(struct rpc_putter *p, const struct rpc_type *type, const void *value,
                     const uint32_t *which)
{
    const struct rpc_type *arm = rpc_arm_of(type, *which);
    int r = sd_bus_message_open_container(p->m, 'v', arm ? arm->sig : "s");

    if (r >= 0)
        r = arm ? rpc_put(p, arm, value, NULL) : sd_bus_message_append_basic(p->m, 's', "");
    return r < 0 ? r : sd_bus_message_close_container(p->m);
}

static struct rpc_path_item *next_paths(struct rpc_putter *p)
{
    if (!p->paths || p->paths->next >= p->paths->n)
        return NULL;
    return &p->paths->items[p->paths->next++];
}

static int put_object(struct rpc_putter *p)
{
    struct rpc_path_item *item = next_paths(p);

    if (!item || item->n != 1) {
        error_text_set("an object cannot travel here");
        return -EINVAL;
    }
    return sd_bus_message_append_basic(p->m, 'o', item->paths[0]);
}

static int put_enum(struct rpc_putter *p)
{
    struct rpc_path_item *item = next_paths(p);
    int r = item ? sd_bus_message_open_container(p->m, 'a', "o") : -EINVAL;

    for (size_t i = 0; r >= 0 && i < item->n; i++)
        r = sd_bus_message_append_basic(p->m, 'o', item->paths[i]);
    return r < 0 ? r : sd_bus_message_close_container(p->m);
}

static int put_guid(struct rpc_putter *p, const void *value)
{
    char text[GUID_TEXT_SIZE];

    guid_format(value, text);
    return sd_bus_message_append_basic(p->m, 's', text);
}

/* WCHAR[n]: the text up to the zero, which a careless writer may have left out. */
static int put_wchars(struct rpc_putter *p, const struct rpc_type *type, const uint16_t *chars)
{
    for (uint32_t i = 0; i < type->n; i++) {
        if (!chars[i])
            return put_text(p, chars);
    }
    error_text_set("a string of at most %u characters has no end", type->n - 1);
    return -EINVAL;
}

int rpc_put(struct rpc_putter *p, const struct rpc_type *type, const void *value, const void *with)
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
        return rpc_put_array(p, type->elem, value, type->n);
    case RPC_STRUCT:
        return put_struct(p, type, value);
    case RPC_VECTOR:
        return rpc_put_vector(p, type->elem, *(const void *const *)value, *(const int32_t *)with);
    case RPC_PTR0:
        return rpc_put_array(p, type->elem, *(const void *const *)value, *(const void *const *)value != NULL);
    case RPC_UNION:
        return put_union(p, type, value, with);
    case RPC_OBJECT:
        return put_object(p);
    case RPC_ENUM:
        return put_enum(p);
    }
    return -EINVAL;
}

/* ---- free -------------------------------------------------------------------------------------------- */

void rpc_free_array(const struct rpc_type *elem, void *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        rpc_free_value(elem, (char *)values + i * elem->size, NULL);
}

/* Bytes may be a secret. */
void rpc_free_pointee(const struct rpc_type *elem, void **pointer, size_t n)
{
    if (*pointer && elem->tag == RPC_U8)
        explicit_bzero(*pointer, n);
    else if (*pointer)
        rpc_free_array(elem, *pointer, n);
    CoTaskMemFree(*pointer);
    *pointer = NULL;
}

void rpc_free_value(const struct rpc_type *type, void *value, const void *with)
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
        rpc_free_array(type->elem, value, type->n);
        break;
    case RPC_STRUCT:
        for (uint32_t i = 0; i < type->n; i++)
            rpc_free_value(type->fields[i].type, (char *)value + type->fields[i].offset,
                           (char *)value + type->fields[i].with);
        break;
    case RPC_VECTOR:
        rpc_free_pointee(type->elem, value, *(const uint32_t *)with);
        break;
    case RPC_PTR0:
        rpc_free_pointee(type->elem, value, 1);
        break;
    case RPC_UNION:
        arm = rpc_arm_of(type, *(const uint32_t *)with);
        if (arm)
            rpc_free_value(arm, value, NULL);
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
