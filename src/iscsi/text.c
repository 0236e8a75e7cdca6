/* SPDX-License-Identifier: MIT */
/* key=value text: see text.h. Pure functions over buffers; no key's meaning is known here (that is keys.c) */
#include "iscsi/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void text_init(struct text *t, size_t max)
{
    *t = (struct text){ .max = max };
}

void text_fini(struct text *t)
{
    free(t->bytes);
    *t = (struct text){ .max = t->max };
}

static int text_reserve(struct text *t, size_t len)
{
    size_t room = t->room ? t->room : 512;
    char *bytes;

    if (len > t->max - t->len)
        return -ENOSPC;
    if (len <= t->room - t->len)
        return 0;
    while (room < t->len + len)
        room *= 2;
    bytes = realloc(t->bytes, room);
    if (!bytes)
        return -ENOMEM;
    t->bytes = bytes;
    t->room = room;
    return 0;
}

int text_append(struct text *t, const void *bytes, size_t len)
{
    int r = text_reserve(t, len);

    if (r < 0 || len == 0)
        return r;
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
    return 0;
}

int text_put(struct text *t, const char *key, const char *value)
{
    size_t n_key = strlen(key), n_value = strlen(value);
    int r = text_reserve(t, n_key + n_value + 2);
    char *p;

    if (r < 0)
        return r;
    p = t->bytes + t->len;
    memcpy(p, key, n_key);
    p[n_key] = '=';
    memcpy(p + n_key + 1, value, n_value + 1);
    t->len += n_key + n_value + 2;
    return 0;
}

int text_put_number(struct text *t, const char *key, uint32_t value)
{
    char digits[12];

    snprintf(digits, sizeof digits, "%u", value);
    return text_put(t, key, digits);
}

int text_put_hex(struct text *t, const char *key, const uint8_t *bytes, size_t len)
{
    _cleanup_(freep) char *hex = malloc(2 * len + 3);

    if (!hex)
        return -ENOMEM;
    memcpy(hex, "0x", 3);
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 + 2 * i, 3, "%02x", bytes[i]);
    return text_put(t, key, hex);
}

int text_next(const struct text *t, size_t *at, struct text_pair *ret_pair)
{
    const char *p, *end, *eq;

    while (*at < t->len && t->bytes[*at] == '\0')
        ++*at; /* some initiators pad with zeros inside the segment */
    if (*at == t->len)
        return 0;
    p = t->bytes + *at;
    end = memchr(p, '\0', t->len - *at);
    if (!end)
        return -EINVAL;
    eq = memchr(p, '=', (size_t)(end - p));
    if (!eq || eq == p || eq - p > TEXT_NAME_MAX)
        return -EINVAL;
    memcpy(ret_pair->name, p, (size_t)(eq - p));
    ret_pair->name[eq - p] = '\0';
    ret_pair->value = eq + 1;
    *at = (size_t)(end + 1 - t->bytes);
    return 1;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

static bool has_prefix(const char *value, char letter)
{
    return value[0] == '0' && (value[1] == letter || value[1] == (letter & ~0x20));
}

int text_number(const char *value, uint32_t *ret_number)
{
    const int base = has_prefix(value, 'x') ? 16 : 10;
    const char *p = base == 16 ? value + 2 : value;
    uint64_t n = 0;

    if (!*p)
        return -EINVAL;
    for (; *p; p++) {
        if (digit_value(*p) >= base)
            return -EINVAL;
        n = n * (unsigned)base + (unsigned)digit_value(*p);
        if (n > UINT32_MAX)
            return -ERANGE;
    }
    *ret_number = (uint32_t)n;
    return 0;
}

static int hex_decode(const char *hex, uint8_t *out, size_t n_out, size_t *ret_len)
{
    size_t n = strlen(hex), at = 0;

    if (n == 0)
        return -EINVAL;
    if ((n + 1) / 2 > n_out)
        return -ENOSPC;
    for (size_t i = 0; i < n; i++) {
        int v = digit_value(hex[i]);
        bool low = (n - i) % 2; /* an odd number of digits begins with half a byte */

        if (v == 16)
            return -EINVAL;
        out[at] = (uint8_t)(low && i ? out[at] | v : low ? v : v << 4);
        at += low;
    }
    *ret_len = at;
    return 0;
}

static int base64_value(char c)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *p = c ? strchr(alphabet, c) : NULL;

    return p ? (int)(p - alphabet) : -1;
}

static int base64_decode(const char *text, uint8_t *out, size_t n_out, size_t *ret_len)
{
    size_t n = strlen(text), at = 0;
    uint32_t bits = 0;
    unsigned n_bits = 0;

    for (int i = 0; i < 2 && n && text[n - 1] == '='; i++)
        n--;
    if (n == 0 || n % 4 == 1)
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        int v = base64_value(text[i]);

        if (v < 0)
            return -EINVAL;
        bits = bits << 6 | (uint32_t)v;
        n_bits += 6;
        if (n_bits < 8)
            continue;
        if (at == n_out)
            return -ENOSPC;
        n_bits -= 8;
        out[at++] = (uint8_t)(bits >> n_bits);
    }
    *ret_len = at;
    return 0;
}

int text_binary(const char *value, uint8_t *out, size_t n_out, size_t *ret_len)
{
    if (has_prefix(value, 'x'))
        return hex_decode(value + 2, out, n_out, ret_len);
    if (has_prefix(value, 'b'))
        return base64_decode(value + 2, out, n_out, ret_len);
    return -EINVAL;
}

bool text_list_next(const char **list, char *word, size_t n_word)
{
    const char *p = *list, *comma;
    size_t n;

    if (!p)
        return false;
    comma = strchr(p, ',');
    n = comma ? (size_t)(comma - p) : strlen(p);
    if (n >= n_word)
        n = 0;
    memcpy(word, p, n);
    word[n] = '\0';
    *list = comma ? comma + 1 : NULL;
    return true;
}
