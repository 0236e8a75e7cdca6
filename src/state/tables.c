/* SPDX-License-Identifier: MIT */
/* The rows, described once: SQL, parsing, validation, copying and the check of references all walk these
 * tables. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/utf.h"
#include "state/state_internal.h"

#define MASK_MAX (1u << 20) /* bytes: some 4,700 of the longest names */
#define BLOB_MAX (1u << 20)

/* No control characters; UTF-8 is checked for every text. */
static bool text_is_printable(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            return false;
    return true;
}

/* The characters that an iSCSI name in its normal form can have (RFC 3722, ASCII part), and one of its three
 * types. */
static bool text_is_iscsi_name(const char *text)
{
    if (strncmp(text, "iqn.", 4) != 0 && strncmp(text, "eui.", 4) != 0 && strncmp(text, "naa.", 4) != 0)
        return false;
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.:-")] == '\0';
}

static bool text_is_initiator(const char *text)
{
    return text[0] == '\0' || text_is_iscsi_name(text);
}

static bool text_is_address(const char *text)
{
    char host[80];
    size_t n = strcspn(text, "%");
    struct in6_addr any;

    if (n >= sizeof host || !text_is_printable(text))
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    return inet_pton(AF_INET6, host, &any) == 1 || (text[n] == '\0' && inet_pton(AF_INET, host, &any) == 1);
}

static bool text_is_file_name(const char *text)
{
    return text[0] != '.' && !strchr(text, '/') && text_is_printable(text);
}

static bool text_is_path(const char *text)
{
    return text[0] == '/' && text_is_printable(text);
}

static bool text_is_mask(const char *text)
{
    return strcmp(text, "*") == 0 || text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.:-;")] == '\0';
}

/* clang-format off */
#define AT(noun, member)                  .offset = offsetof(struct state_##noun, member)
#define ID(noun, member)                  { #member, COL_GUID, AT(noun, member), true, 1 }
#define REF(noun, member)                 { #member, COL_GUID, AT(noun, member), false, 1 }
#define REF_OR_NONE(noun, member)         { #member, COL_GUID, AT(noun, member), false, 0 }
#define TEXT(noun, member, least, check)  { #member, COL_TEXT, AT(noun, member), false, least, \
                                            sizeof(((struct state_##noun *)0)->member) - 1, check }
#define NUM(noun, member, least, most)    { #member, COL_U32, AT(noun, member), false, least, most }
#define FLAG(noun, member)                { #member, COL_BOOL, AT(noun, member), false, 0, 1 }

const struct table state_tables[STATE_N_TABLES] = {
    [STATE_SUBSYSTEM] = { "subsystem", "subsystem", sizeof(struct state_subsystem), 7,
        { ID(subsystem, id), REF(subsystem, provider), REF(subsystem, controller), TEXT(subsystem, name, 0, text_is_printable),
          FLAG(subsystem, offline), FLAG(subsystem, controller_offline), TEXT(subsystem, import_target, 0, text_is_initiator) },
        .unique = { { 1, { 0 } } } },
    [STATE_PORTAL] = { "portals", "portal", sizeof(struct state_portal), 4,
        { ID(portal, id), TEXT(portal, address, 1, text_is_address), NUM(portal, port, 1, 65535), FLAG(portal, offline) },
        .unique = { { 1, { 0 } }, { 2, { 1, 2 } } } },
    [STATE_TARGET] = { "targets", "target", sizeof(struct state_target), 4,
        { ID(target, id), TEXT(target, iscsi_name, 5, text_is_iscsi_name), TEXT(target, name, 0, text_is_printable),
          NUM(target, next_tag, 1, STATE_TAG_MAX + 1) },
        .unique = { { 1, { 0 } }, { 1, { 1 } } } },
    [STATE_GROUP] = { "groups", "portal group", sizeof(struct state_group), 3,
        { ID(group, id), REF(group, target), NUM(group, tag, 1, STATE_TAG_MAX) },
        .unique = { { 1, { 0 } }, { 2, { 1, 2 } } },
        .refs = { { { 1, { 1 } }, STATE_TARGET, { 1, { 0 } } } } },
    [STATE_MEMBER] = { "group_portals", "member of a portal group", sizeof(struct state_member), 3,
        { { "group_id", COL_GUID, AT(member, group), true, 1 }, ID(member, portal), REF(member, target) },
        .unique = { { 2, { 0, 1 } }, { 2, { 2, 1 } } },
        .refs = { { { 2, { 0, 2 } }, STATE_GROUP, { 2, { 0, 1 } } }, { { 1, { 1 } }, STATE_PORTAL, { 1, { 0 } } } } },
    [STATE_DRIVE] = { "drives", "drive", sizeof(struct state_drive), 7,
        { ID(drive, id), TEXT(drive, path, 1, text_is_path), TEXT(drive, name, 0, text_is_printable), NUM(drive, bus, 0, INT16_MAX),
          NUM(drive, slot, 0, INT16_MAX), FLAG(drive, offline), REF_OR_NONE(drive, pool) },
        .unique = { { 1, { 0 } }, { 1, { 1 } } } },
    [STATE_LUN] = { "luns", "LUN", sizeof(struct state_lun), 11,
        { ID(lun, id), REF(lun, drive), TEXT(lun, file, 1, text_is_file_name), TEXT(lun, name, 0, text_is_printable),
          { "size", COL_U64, AT(lun, size), false, 1, INT64_MAX }, FLAG(lun, thick), FLAG(lun, offline),
          { "mask", COL_STRING, AT(lun, mask), false, 0, MASK_MAX, text_is_mask }, NUM(lun, features, 0, STATE_LUN_FEATURES),
          NUM(lun, block_size, 0, 4096), NUM(lun, physical_block_size, 0, 65536) },
        .unique = { { 1, { 0 } }, { 2, { 1, 2 } } },
        .refs = { { { 1, { 1 } }, STATE_DRIVE, { 1, { 0 } } } } },
    [STATE_TIE] = { "lun_targets", "tie of a LUN to a target", sizeof(struct state_tie), 3,
        { ID(tie, lun), ID(tie, target), NUM(tie, number, 0, STATE_LUN_MAX) },
        .unique = { { 2, { 0, 1 } }, { 2, { 1, 2 } } },
        .refs = { { { 1, { 0 } }, STATE_LUN, { 1, { 0 } } }, { { 1, { 1 } }, STATE_TARGET, { 1, { 0 } } } } },
    [STATE_SECRET] = { "secrets", "CHAP secret", sizeof(struct state_secret), 4,
        { ID(secret, target), { "kind", COL_U32, AT(secret, kind), true, 0, 1 },
          { "initiator", COL_TEXT, AT(secret, initiator), true, 0, STATE_ISCSI_SIZE - 1, text_is_initiator },
          { "secret", COL_BLOB, AT(secret, secret), false, 1, 64, .secret = true } },
        .refs = { { { 1, { 0 } }, STATE_TARGET, { 1, { 0 } } } } },
    [STATE_RESERVATION] = { "reservations", "reservation", sizeof(struct state_reservation), 2,
        { ID(reservation, lun), { "bytes", COL_BLOB, AT(reservation, bytes), false, 0, BLOB_MAX } },
        .unique = { { 1, { 0 } } },
        .refs = { { { 1, { 0 } }, STATE_LUN, { 1, { 0 } } } } },
    [STATE_DISCOVERY_SECRET] = { "discovery_secrets", "CHAP secret for discovery", sizeof(struct state_discovery_secret), 3,
        { { "kind", COL_U32, AT(discovery_secret, kind), true, 0, 1 },
          { "initiator", COL_TEXT, AT(discovery_secret, initiator), true, 0, STATE_ISCSI_SIZE - 1, text_is_initiator },
          { "secret", COL_BLOB, AT(discovery_secret, secret), false, 1, 64, .secret = true } } },
};
/* clang-format on */

void row_fini(const struct table *table, void *row)
{
    for (unsigned i = 0; i < table->n_cols; i++) {
        void *field = (char *)row + table->cols[i].offset;

        if (table->cols[i].kind == COL_STRING)
            free(*(char **)field);
        if (table->cols[i].kind != COL_BLOB)
            continue;
        if (table->cols[i].secret && ((struct state_blob *)field)->bytes)
            explicit_bzero(((struct state_blob *)field)->bytes, ((struct state_blob *)field)->len);
        free(((struct state_blob *)field)->bytes);
    }
}

static int blob_copy(const struct state_blob *from, struct state_blob *ret)
{
    void *bytes = malloc(from->len + !from->len);

    if (!bytes)
        return -ENOMEM;
    if (from->len)
        memcpy(bytes, from->bytes, from->len);
    *ret = (struct state_blob){ bytes, from->len };
    return 0;
}

static int field_copy(const struct col *col, const void *row, void *copy)
{
    const void *from = (const char *)row + col->offset;
    void *to = (char *)copy + col->offset;

    if (col->kind == COL_BLOB)
        return blob_copy(from, to);
    if (col->kind != COL_STRING)
        return 0;
    *(char **)to = strdup(*(char *const *)from ? *(char *const *)from : "");
    return *(char **)to ? 0 : -ENOMEM;
}

/* Only what the copy owns may be freed when copying fails half way. */
static void fields_disown(const struct table *table, void *copy)
{
    for (unsigned i = 0; i < table->n_cols; i++) {
        void *field = (char *)copy + table->cols[i].offset;

        if (table->cols[i].kind == COL_STRING)
            *(char **)field = NULL;
        if (table->cols[i].kind == COL_BLOB)
            *(struct state_blob *)field = (struct state_blob){ 0 };
    }
}

int row_copy(const struct table *table, const void *row, void *ret_row)
{
    memcpy(ret_row, row, table->row_size);
    fields_disown(table, ret_row);
    for (unsigned i = 0; i < table->n_cols; i++) {
        int r = field_copy(&table->cols[i], row, ret_row);

        if (r < 0) {
            row_fini(table, ret_row);
            return r;
        }
    }
    return 0;
}

static const char *text_fault(const struct col *col, const char *text)
{
    size_t units, n = strlen(text);

    if (n < col->min || n > col->max)
        return "a text is too short or too long";
    if (utf16_length(text, &units) < 0)
        return "a text is not UTF-8";
    return col->ok && !col->ok(text) ? "a text has a form that it cannot have" : NULL;
}

static const char *number_fault(const struct col *col, uint64_t value)
{
    return value < col->min || value > col->max ? "a number is out of range" : NULL;
}

static const char *field_fault(const struct col *col, const void *field)
{
    switch (col->kind) {
    case COL_GUID:
        return col->min > 0 && guid_is_null(field) ? "an identifier is null" : NULL;
    case COL_TEXT:
        return text_fault(col, field);
    case COL_STRING:
        return text_fault(col, *(char *const *)field ? *(char *const *)field : "");
    case COL_U32:
        return number_fault(col, *(const uint32_t *)field);
    case COL_U64:
        return number_fault(col, *(const uint64_t *)field);
    case COL_BLOB:
        return number_fault(col, ((const struct state_blob *)field)->len);
    case COL_BOOL:
        return NULL;
    }
    return NULL;
}

const char *row_fault(const struct table *table, const void *row)
{
    const char *why = NULL;

    for (unsigned i = 0; i < table->n_cols && !why; i++)
        why = field_fault(&table->cols[i], (const char *)row + table->cols[i].offset);
    return why;
}
