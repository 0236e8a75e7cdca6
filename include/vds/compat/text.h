/* SPDX-License-Identifier: MIT */
/* MultiByteToWideChar() and back. Every code page is UTF-8 here. What is neither becomes U+FFFD, or with the ..._ERR_INVALID_CHARS flag ends
 * the conversion with 0. Part of <windows.h>. */
#ifndef VDS_COMPAT_TEXT_H
#define VDS_COMPAT_TEXT_H

#include <string.h>

#include <vds/vdsbase.h>

#define CP_ACP               0
#define CP_OEMCP             1
#define CP_UTF8              65001
#define MB_PRECOMPOSED       1
#define MB_ERR_INVALID_CHARS 8
#define WC_ERR_INVALID_CHARS 0x80
#define VDS_COMPAT_NO_CHARACTER 0xFFFD

/* The character at `text`, of at most n bytes (n > 0), and how many it takes; VDS_COMPAT_NO_CHARACTER and *ret_bad for what is none. */
static inline DWORD vds_compat_decode(const unsigned char *text, int n, int *ret_n, int *ret_bad)
{
    static const DWORD smallest[] = { 0, 0x80, 0x800, 0x10000 };
    int more = text[0] < 0x80 ? 0 : (text[0] & 0xe0) == 0xc0 ? 1 : (text[0] & 0xf0) == 0xe0 ? 2 : (text[0] & 0xf8) == 0xf0 ? 3 : -1;
    DWORD point = more > 0 ? (DWORD)(text[0] & (0x3f >> more)) : text[0];
    int i = 1;

    for (; i <= more && i < n && (text[i] & 0xc0) == 0x80; i++)
        point = point << 6 | (text[i] & 0x3f);
    *ret_n = i;
    if (more >= 0 && i == more + 1 && point >= smallest[more] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff))
        return point;
    *ret_bad = 1;
    return VDS_COMPAT_NO_CHARACTER;
}

/* Units written, or with room 0 units needed. n -1: up to the zero and with it. */
static inline int MultiByteToWideChar(UINT code_page, DWORD flags, const char *from, int n, WCHAR *to, int room)
{
    int units = 0, bad = 0;

    (void)code_page;
    if (n < 0)
        n = (int)strlen(from) + 1;
    for (int i = 0, used; i < n; i += used) {
        DWORD point = vds_compat_decode((const unsigned char *)from + i, n - i, &used, &bad);
        int need = point >= 0x10000 ? 2 : 1;

        if ((bad && (flags & MB_ERR_INVALID_CHARS)) || (room > 0 && units + need > room))
            return 0;
        if (room > 0 && need == 2) {
            to[units] = (WCHAR)(0xd800 + ((point - 0x10000) >> 10));
            to[units + 1] = (WCHAR)(0xdc00 + ((point - 0x10000) & 0x3ff));
        } else if (room > 0) {
            to[units] = (WCHAR)point;
        }
        units += need;
    }
    return units;
}

static inline int vds_compat_encode(DWORD point, char *to)
{
    int n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    for (int i = n - 1; i > 0; i--, point >>= 6)
        to[i] = (char)(0x80 | (point & 0x3f));
    to[0] = (char)(lead[n] | point);
    return n;
}

/* Bytes written, or with room 0 bytes needed. n -1: up to the zero and with it. */
static inline int WideCharToMultiByte(UINT code_page, DWORD flags, const WCHAR *from, int n, char *to, int room, const char *none,
                                      BOOL *used_none)
{
    int bytes = 0;

    (void)code_page;
    (void)none;
    if (used_none)
        *used_none = FALSE;
    for (int i = 0; n < 0 ? i == 0 || from[i - 1] : i < n; i++) {
        DWORD point = (DWORD)from[i];
        BOOL pair = point >= 0xd800 && point < 0xdc00 && (n < 0 || i + 1 < n) && from[i + 1] >= 0xdc00 && from[i + 1] < 0xe000;
        char character[4];
        int need;

        if (pair)
            point = 0x10000 + ((point - 0xd800) << 10) + ((DWORD)from[++i] - 0xdc00);
        else if (point >= 0xd800 && point < 0xe000 && (flags & WC_ERR_INVALID_CHARS))
            return 0;
        else if (point >= 0xd800 && point < 0xe000)
            point = VDS_COMPAT_NO_CHARACTER;
        need = vds_compat_encode(point, character);
        if (room > 0 && bytes + need > room)
            return 0;
        if (room > 0)
            memcpy(to + bytes, character, (size_t)need);
        bytes += need;
    }
    return bytes;
}

#endif
