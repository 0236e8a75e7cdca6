/* SPDX-License-Identifier: MIT */
/* Identifiers under the names of RPC: Uuid...() with text without braces. On Windows itself, what is there. */
#ifdef _WIN32
#include_next <rpc.h>
#elif !defined(VDS_COMPAT_RPC_H)
#define VDS_COMPAT_RPC_H

#include <windows.h>

typedef LONG RPC_STATUS;
typedef WCHAR *RPC_WSTR;
#define RPC_ENTRY

static inline RPC_STATUS UuidCreate(UUID *id)
{
    return SUCCEEDED(CoCreateGuid(id)) ? RPC_S_OK : RPC_S_CALL_FAILED;
}

/* In small letters; RpcStringFreeW() frees it. */
static inline RPC_STATUS UuidToStringW(const UUID *id, RPC_WSTR *ret_text)
{
    WCHAR braced[VDS_COMPAT_GUID_UNITS];
    RPC_WSTR text = (RPC_WSTR)calloc(VDS_COMPAT_GUID_UNITS, sizeof *text);

    *ret_text = text;
    if (!text)
        return ERROR_OUTOFMEMORY;
#ifdef __cplusplus
    StringFromGUID2(*id, braced, VDS_COMPAT_GUID_UNITS);
#else
    StringFromGUID2(id, braced, VDS_COMPAT_GUID_UNITS);
#endif
    for (int i = 0; i < VDS_COMPAT_GUID_UNITS - 3; i++)
        text[i] = vds_compat_lower(braced[i + 1]);
    return RPC_S_OK;
}

static inline RPC_STATUS RpcStringFreeW(RPC_WSTR *text)
{
    free(*text);
    *text = NULL;
    return RPC_S_OK;
}

/* NULL is the identifier of nothing. */
static inline RPC_STATUS UuidFromStringW(RPC_WSTR text, UUID *ret_id)
{
    WCHAR braced[VDS_COMPAT_GUID_UNITS] = { '{' };
    size_t n = 0;

    for (; text && n < VDS_COMPAT_GUID_UNITS - 3 && text[n]; n++)
        braced[n + 1] = text[n];
    braced[n + 1] = '}';
    if (text && text[n])
        return RPC_S_INVALID_STRING_UUID;
    return SUCCEEDED(CLSIDFromString(text ? braced : NULL, ret_id)) ? RPC_S_OK : RPC_S_INVALID_STRING_UUID;
}

static inline int UuidIsNil(const UUID *id, RPC_STATUS *status)
{
    if (status)
        *status = RPC_S_OK;
    return memcmp(id, &GUID_NULL, sizeof *id) == 0;
}

static inline int UuidEqual(const UUID *a, const UUID *b, RPC_STATUS *status)
{
    if (status)
        *status = RPC_S_OK;
    return memcmp(a, b, sizeof *a) == 0;
}

#ifdef VDS_COMPAT_UNICODE
#define UuidToString UuidToStringW
#define UuidFromString UuidFromStringW
#define RpcStringFree RpcStringFreeW
#endif
#endif
