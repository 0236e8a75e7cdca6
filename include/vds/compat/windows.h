/* SPDX-License-Identifier: MIT */
/* What VDS sources written for Windows take from <windows.h>, and no more: build with what `pkg-config --cflags --libs vds-compat` says
 * (this folder on the include path, -fshort-wchar so that L"" is UTF-16), and they compile as they are. On Windows itself (MinGW) this
 * folder may be on the include path, too: then each header is the one that is there, but vds.h and its kin are ours.
 *
 * wcslen(), wprintf() and their kin in the C library go by a 32-bit wchar_t: wide.h has them for 16 bits, under their names.
 */
#ifdef _WIN32
#include_next <windows.h>
#elif !defined(VDS_COMPAT_WINDOWS_H)
#define VDS_COMPAT_WINDOWS_H

#include <vds/vdsbase.h>

#include <vds/vdserr.h>
#include <vds/vdsunk.h>

#include <string.h>
#include <time.h>

#include "wide.h"

#define interface struct
#define CONST const
#define VOID void
#define IN
#define OUT
#define OPTIONAL
#define __cdecl
#define __stdcall
#define __RPC_FAR

#define MAX_PATH 260
#define INFINITE 0xFFFFFFFF
#define NO_ERROR 0
#define CLSCTX_ALL (CLSCTX_INPROC_SERVER | CLSCTX_LOCAL_SERVER)
#define STDMETHOD(method) virtual HRESULT STDMETHODCALLTYPE method
#define STDMETHOD_(type, method) virtual type STDMETHODCALLTYPE method
#define _In_
#define _Out_
#define _Inout_
#define _In_opt_
#define _Out_opt_
#define ERROR_SUCCESS 0

#define ZeroMemory(p, size) memset((p), 0, (size))
#define CopyMemory(to, from, size) memcpy((to), (from), (size))
#define UNREFERENCED_PARAMETER(p) ((void)(p))

/* Arguments of CoInitializeSecurity(), which looks at none of them. */
#define RPC_C_AUTHN_LEVEL_DEFAULT 0
#define RPC_C_AUTHN_LEVEL_CONNECT 2
#define RPC_C_AUTHN_LEVEL_PKT_PRIVACY 6
#define RPC_C_IMP_LEVEL_IDENTIFY 2
#define RPC_C_IMP_LEVEL_IMPERSONATE 3
#define EOAC_NONE 0

static inline void Sleep(DWORD milliseconds)
{
    struct timespec left = { (time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000 };

    while (nanosleep(&left, &left))
        continue;
}

static inline DWORD GetTickCount(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (DWORD)((ULONGLONG)now.tv_sec * 1000 + (ULONGLONG)now.tv_nsec / 1000000);
}

static inline LONG InterlockedIncrement(LONG volatile *value)
{
    return __atomic_add_fetch(value, 1, __ATOMIC_SEQ_CST);
}

static inline LONG InterlockedDecrement(LONG volatile *value)
{
    return __atomic_sub_fetch(value, 1, __ATOMIC_SEQ_CST);
}

static inline int lstrlenW(LPCWSTR text)
{
    int n = 0;

    while (text && text[n])
        n++;
    return n;
}

static inline int lstrcmpW(LPCWSTR a, LPCWSTR b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (int)*a - (int)*b;
}

#define VDS_COMPAT_GUID_UNITS 39 /* "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}" and the zero */

/* The text form in capitals and braces. The units written with the zero, or 0 when they do not fit. */
static inline int StringFromGUID2(REFGUID guid, WCHAR *text, int n_units)
{
    static const unsigned char order[] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
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
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = (WCHAR)digits[bytes[order[i]] >> 4];
        *p++ = (WCHAR)digits[bytes[order[i]] & 15];
    }
    *p++ = '}';
    *p = 0;
    return VDS_COMPAT_GUID_UNITS;
}

#endif
