/* SPDX-License-Identifier: MIT */
/* Identifiers: to and from text, new ones, and __uuidof() and IID_PPV_ARGS() for C++. Part of <windows.h>. */
#ifndef VDS_COMPAT_UUID_H
#define VDS_COMPAT_UUID_H

#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#include <vds/vdsbase.h>
#include "winerror.h"

#define VDS_COMPAT_GUID_UNITS 39 /* "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}" and the zero */

/* Where the bytes of the text stand in the structure. */
static const unsigned char vds_compat_guid_order[] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

static inline int vds_compat_dash_before(int i)
{
    return i == 4 || i == 6 || i == 8 || i == 10;
}

/* The text form in capitals and braces. The units written with the zero, or 0 when they do not fit. */
static inline int StringFromGUID2(REFGUID guid, WCHAR *text, int n_units)
{
    static const char digits[] = "0123456789ABCDEF";
#ifdef __cplusplus
    const unsigned char *bytes = (const unsigned char *)&guid;
#else
    const unsigned char *bytes = (const unsigned char *)guid;
#endif
    WCHAR *p = text;

    if (n_units < VDS_COMPAT_GUID_UNITS)
        return 0;
    *p++ = '{';
    for (int i = 0; i < 16; i++) {
        if (vds_compat_dash_before(i))
            *p++ = '-';
        *p++ = (WCHAR)digits[bytes[vds_compat_guid_order[i]] >> 4];
        *p++ = (WCHAR)digits[bytes[vds_compat_guid_order[i]] & 15];
    }
    *p++ = '}';
    *p = 0;
    return VDS_COMPAT_GUID_UNITS;
}

static inline HRESULT StringFromCLSID(REFCLSID id, WCHAR **text)
{
    *text = (WCHAR *)CoTaskMemAlloc(VDS_COMPAT_GUID_UNITS * sizeof **text);
    return *text && StringFromGUID2(id, *text, VDS_COMPAT_GUID_UNITS) ? S_OK : E_OUTOFMEMORY;
}
#define StringFromIID StringFromCLSID

static inline int vds_compat_digit(WCHAR unit)
{
    return unit >= '0' && unit <= '9' ? unit - '0' : (unit | 32) >= 'a' && (unit | 32) <= 'f' ? (unit | 32) - 'a' + 10 : -1;
}

/* With its braces. NULL is the identifier of nothing. */
static inline HRESULT CLSIDFromString(LPCWSTR text, CLSID *id)
{
    unsigned char *bytes = (unsigned char *)id;

    memset(id, 0, sizeof *id);
    if (!text)
        return S_OK;
    if (*text++ != '{')
        return CO_E_CLASSSTRING;
    for (int i = 0; i < 16; i++, text += 2) {
        if (vds_compat_dash_before(i) && *text++ != '-')
            return CO_E_CLASSSTRING;
        if (vds_compat_digit(text[0]) < 0 || vds_compat_digit(text[1]) < 0)
            return CO_E_CLASSSTRING;
        bytes[vds_compat_guid_order[i]] = (unsigned char)(vds_compat_digit(text[0]) << 4 | vds_compat_digit(text[1]));
    }
    return text[0] == '}' && !text[1] ? S_OK : CO_E_CLASSSTRING;
}
#define IIDFromString CLSIDFromString

/* A random one (RFC 9562, version 4). */
static inline HRESULT CoCreateGuid(GUID *id)
{
    if (getrandom(id, sizeof *id, 0) != (ssize_t)sizeof *id)
        return E_UNEXPECTED;
    id->Data3 = (uint16_t)((id->Data3 & 0x0fff) | 0x4000);
    id->Data4[0] = (uint8_t)((id->Data4[0] & 0x3f) | 0x80);
    return S_OK;
}

#if defined(__cplusplus) && !defined(CINTERFACE)
/* Of an interface, or of an expression of its type: as MinGW has it. */
#define __uuidof(interface_) vds_uuid<__typeof__(interface_)>::id()

template <class T> static inline void **vds_compat_ppv(T **to)
{
    (void)static_cast<IUnknown *>(*to); /* an interface, not just any pointer */
    return reinterpret_cast<void **>(to);
}
#define IID_PPV_ARGS(to) __uuidof(**(to)), vds_compat_ppv(to)
#endif

#endif
