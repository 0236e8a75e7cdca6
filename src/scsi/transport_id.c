/* SPDX-License-Identifier: MIT */
#include "scsi/transport_id.h"

#include <string.h>
#include <strings.h>

#include "scsi/reply.h"

#define PROTOCOL_ISCSI 0x05
#define FORMAT_DEVICE  0x00
#define FORMAT_PORT    0x40
#define MIN_NAME_BYTES 20 /* ADDITIONAL LENGTH shall be at least 20 and a multiple of four */

void transport_id_write(struct reply *reply, const char *initiator_port)
{
    size_t n = strlen(initiator_port) + 1, padded = (n + 3) & ~(size_t)3;

    if (padded < MIN_NAME_BYTES)
        padded = MIN_NAME_BYTES;
    reply_u8(reply, FORMAT_PORT | PROTOCOL_ISCSI);
    reply_u8(reply, 0);
    reply_u16(reply, (uint16_t)padded);
    reply_bytes(reply, initiator_port, n);
    reply_zero(reply, padded - n);
}

size_t transport_id_parse(const uint8_t *bytes, size_t len, struct transport_id *ret_id)
{
    size_t n, name_len;

    if (len < 4 ||
        (bytes[0] != (FORMAT_PORT | PROTOCOL_ISCSI) && bytes[0] != (FORMAT_DEVICE | PROTOCOL_ISCSI)))
        return 0;
    n = be16_get(bytes + 2);
    if (n > len - 4)
        return 0;
    name_len = strnlen((const char *)bytes + 4, n);
    if (name_len == n || !name_len || name_len > PR_NAME_MAX)
        return 0; /* the name must end within its field */
    memcpy(ret_id->name, bytes + 4, name_len + 1);
    ret_id->device_only = (bytes[0] & 0xc0) == FORMAT_DEVICE;
    if (!ret_id->device_only && !strstr(ret_id->name, ",i,0x"))
        return 0;
    return 4 + n;
}

bool transport_id_matches(const struct transport_id *id, const char *initiator_port)
{
    size_t n = strlen(id->name);

    if (!id->device_only)
        return !strcasecmp(id->name, initiator_port); /* the ISID is hexadecimal, in either case */
    return !strncmp(id->name, initiator_port, n) && !strncmp(initiator_port + n, ",i,0x", 5);
}
