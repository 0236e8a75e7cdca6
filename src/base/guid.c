/* SPDX-License-Identifier: MIT */
#include "base/guid.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

int guid_generate(struct guid *ret_guid)
{
    struct guid g;
    ssize_t n = getrandom(&g, sizeof g, 0);

    if (n < 0)
        return -errno;
    if (n != sizeof g)
        return -EIO;
    g.data3 = (uint16_t)((g.data3 & 0x0fff) | 0x4000); /* RFC 4122 §4.4: version 4, variant 10 */
    g.data4[0] = (uint8_t)((g.data4[0] & 0x3f) | 0x80);
    *ret_guid = g;
    return 0;
}

void guid_format(const struct guid *g, char text[static GUID_TEXT_SIZE])
{
    const uint8_t *d = g->data4;

    snprintf(text, GUID_TEXT_SIZE, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", g->data1, g->data2,
             g->data3, d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Reads 2 * n hex digits, most significant first. */
static int hex_bytes(const char *text, uint8_t *ret, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int hi = hex_digit(text[2 * i]), lo = hi < 0 ? -1 : hex_digit(text[2 * i + 1]);

        if (lo < 0)
            return -EINVAL;
        ret[i] = (uint8_t)(hi << 4 | lo);
    }
    return 0;
}

int guid_parse(const char *text, struct guid *ret_guid)
{
    static const struct {
        uint8_t at, n_bytes;
    } groups[] = { { 0, 4 }, { 9, 2 }, { 14, 2 }, { 19, 2 }, { 24, 6 } };
    bool braced = text[0] == '{';
    size_t len = strlen(text);
    uint8_t raw[16], *p = raw;

    if (len != (braced ? 38u : 36u) || (braced && text[37] != '}'))
        return -EINVAL;
    text += braced;
    if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-')
        return -EINVAL;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (hex_bytes(text + groups[i].at, p, groups[i].n_bytes) < 0)
            return -EINVAL;
        p += groups[i].n_bytes;
    }
    ret_guid->data1 = (uint32_t)raw[0] << 24 | (uint32_t)raw[1] << 16 | (uint32_t)raw[2] << 8 | raw[3];
    ret_guid->data2 = (uint16_t)(raw[4] << 8 | raw[5]);
    ret_guid->data3 = (uint16_t)(raw[6] << 8 | raw[7]);
    memcpy(ret_guid->data4, raw + 8, 8);
    return 0;
}

bool guid_equal(const struct guid *a, const struct guid *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

int guid_compare(const struct guid *a, const struct guid *b)
{
    return memcmp(a, b, sizeof *a);
}

uint64_t guid_hash(const struct guid *g)
{
    uint64_t half[2];

    memcpy(half, g, sizeof half); /* the bits are random already: folding them is hash enough */
    return half[0] ^ half[1];
}

bool guid_is_null(const struct guid *g)
{
    static const struct guid null;

    return guid_equal(g, &null);
}

bool guid_is_among(const struct guid *g, const struct guid *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (guid_equal(g, &list[i]))
            return true;
    }
    return false;
}
