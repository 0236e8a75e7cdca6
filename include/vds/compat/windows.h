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

#include "kernel.h"
#include "text.h"
#include "uuid.h"
#include "wide.h"
#include "wide_s.h"
#include "crt.h"
#include "winerror.h"

/* __declspec(uuid("...")) and its kin: what has a meaning for this compiler keeps it. */
#define __declspec(specifier) VDS_COMPAT_DECLSPEC_##specifier
#define VDS_COMPAT_DECLSPEC_uuid(id)
#define VDS_COMPAT_DECLSPEC_novtable
#define VDS_COMPAT_DECLSPEC_nothrow
#define VDS_COMPAT_DECLSPEC_dllimport
#define VDS_COMPAT_DECLSPEC_dllexport __attribute__((visibility("default")))
#define VDS_COMPAT_DECLSPEC_selectany __attribute__((weak))
#define VDS_COMPAT_DECLSPEC_noinline  __attribute__((noinline))
#define VDS_COMPAT_DECLSPEC_noreturn  __attribute__((noreturn))
#define VDS_COMPAT_DECLSPEC_thread    __thread
#define VDS_COMPAT_DECLSPEC_align(n)  __attribute__((aligned(n)))
#define VDS_COMPAT_DECLSPEC_deprecated

#define interface struct
#define CONST const
#define VOID void
#define IN
#define OUT
#define OPTIONAL
#define __cdecl
#define __stdcall
#define __RPC_FAR

#define __int64 long long
#define FAR
#define PASCAL
#define CALLBACK
#define APIENTRY
#define DECLSPEC_NOVTABLE
#define DECLSPEC_UUID(id)
#define MIDL_INTERFACE(id) struct
#define PURE = 0
#define THIS_
#define THIS void

typedef char *LPSTR, *PSTR, *PCHAR;
typedef const char *LPCSTR, *PCSTR;
typedef WCHAR *PWCHAR;
typedef BYTE *LPBYTE, *PBYTE;
typedef UCHAR *PUCHAR;
typedef USHORT *PUSHORT;
typedef WORD *LPWORD, *PWORD;
typedef DWORD *LPDWORD, *PDWORD;
typedef ULONG *LPULONG, *PULONG;
typedef LONG *LPLONG, *PLONG;
typedef BOOL *LPBOOL, *PBOOL;
typedef ULONGLONG ULONG64, DWORD64, UINT64, DWORDLONG, *PULONGLONG;
typedef LONGLONG LONG64, INT64, *PLONGLONG;
typedef uintptr_t ULONG_PTR, UINT_PTR, DWORD_PTR;
typedef intptr_t LONG_PTR, INT_PTR;
typedef WCHAR OLECHAR, *LPOLESTR;
typedef const WCHAR *LPCOLESTR;
typedef const void *LPCVOID;
typedef GUID UUID, *LPGUID, *PGUID;
typedef IID *LPIID;
typedef CLSID *LPCLSID;
typedef HRESULT SCODE;
typedef union _LARGE_INTEGER {
    __extension__ struct {
        DWORD LowPart;
        LONG HighPart;
    };
    struct {
        DWORD LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;
typedef union _ULARGE_INTEGER {
    __extension__ struct {
        DWORD LowPart;
        DWORD HighPart;
    };
    struct {
        DWORD LowPart;
        DWORD HighPart;
    } u;
    ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

#if defined(UNICODE) || defined(_UNICODE)
#define VDS_COMPAT_UNICODE
#define VDS_COMPAT_TEXT(text) L##text
#define VDS_COMPAT_T(wide_name, narrow_name) wide_name
typedef WCHAR TCHAR;
#else
#define VDS_COMPAT_TEXT(text) text
#define VDS_COMPAT_T(wide_name, narrow_name) narrow_name
typedef char TCHAR;
#endif
typedef TCHAR *LPTSTR, *PTSTR;
typedef const TCHAR *LPCTSTR, *PCTSTR;
#define TEXT(text) VDS_COMPAT_TEXT(text)
#define OLESTR(text) L##text
#define GetObject VDS_COMPAT_T(GetObjectW, GetObjectA) /* the method of IVdsService has this name where <windows.h> comes first */
#define ARRAYSIZE(a) (sizeof(a) / sizeof((a)[0]))
#define _countof(a) (sizeof(a) / sizeof((a)[0]))
#define _ARRAYSIZE(a) (sizeof(a) / sizeof((a)[0]))

#define MAX_PATH 260
#define CLSCTX_INPROC_HANDLER 0x2
#define CLSCTX_ALL (CLSCTX_INPROC_SERVER | CLSCTX_LOCAL_SERVER)
#define CLSCTX_SERVER CLSCTX_ALL
#define CLSCTX_INPROC CLSCTX_INPROC_SERVER
#define COINIT_DISABLE_OLE1DDE 0x4
#define COINIT_SPEED_OVER_MEMORY 0x8
#define STDMETHOD(method) virtual HRESULT STDMETHODCALLTYPE method
#define STDMETHOD_(type, method) virtual type STDMETHODCALLTYPE method
#define _In_
#define _Out_
#define _Inout_
#define _In_opt_
#define _Out_opt_
#define _In_z_
#define _Inout_opt_
#define _Outptr_
#define _COM_Outptr_

#if !defined(NOMINMAX) && !defined(__cplusplus) && !defined(min)
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#endif

#define ZeroMemory(p, size) memset((p), 0, (size))
#define RtlZeroMemory(p, size) memset((p), 0, (size))
#define SecureZeroMemory(p, size) explicit_bzero((p), (size))
#define FillMemory(p, size, byte) memset((p), (byte), (size))
#define MoveMemory(to, from, size) memmove((to), (from), (size))
#define CopyMemory(to, from, size) memcpy((to), (from), (size))
#define UNREFERENCED_PARAMETER(p) ((void)(p))

/* Arguments of CoInitializeSecurity(), which looks at none of them. */
#define RPC_C_AUTHN_LEVEL_DEFAULT 0
#define RPC_C_AUTHN_LEVEL_NONE 1
#define RPC_C_AUTHN_LEVEL_CONNECT 2
#define RPC_C_AUTHN_LEVEL_CALL 3
#define RPC_C_AUTHN_LEVEL_PKT 4
#define RPC_C_AUTHN_LEVEL_PKT_INTEGRITY 5
#define RPC_C_AUTHN_LEVEL_PKT_PRIVACY 6
#define RPC_C_IMP_LEVEL_DEFAULT 0
#define RPC_C_IMP_LEVEL_ANONYMOUS 1
#define RPC_C_IMP_LEVEL_IDENTIFY 2
#define RPC_C_IMP_LEVEL_IMPERSONATE 3
#define RPC_C_IMP_LEVEL_DELEGATE 4
#define EOAC_NONE 0
#define EOAC_MUTUAL_AUTH 0x1
#define EOAC_SECURE_REFS 0x2
#define EOAC_STATIC_CLOAKING 0x20
#define EOAC_DYNAMIC_CLOAKING 0x40
#define EOAC_DEFAULT 0x800
#define EOAC_DISABLE_AAA 0x1000
#define RPC_C_AUTHN_NONE 0
#define RPC_C_AUTHN_WINNT 10
#define RPC_C_AUTHN_DEFAULT 0xFFFFFFFF
#define RPC_C_AUTHZ_NONE 0
#define RPC_C_AUTHZ_DEFAULT 0xFFFFFFFF
#define COLE_DEFAULT_PRINCIPAL ((WCHAR *)(intptr_t)-1)
#define COLE_DEFAULT_AUTHINFO ((void *)(intptr_t)-1)

/* As with CoInitializeSecurity(): who the caller is the service sees on its socket. */
static inline HRESULT CoSetProxyBlanket(IUnknown *proxy, DWORD authn, DWORD authz, WCHAR *principal, DWORD authn_level, DWORD imp_level,
                                        void *identity, DWORD capabilities)
{
    (void)authn;
    (void)authz;
    (void)principal;
    (void)authn_level;
    (void)imp_level;
    (void)identity;
    (void)capabilities;
    return proxy ? S_OK : E_INVALIDARG;
}

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

static inline ULONGLONG GetTickCount64(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (ULONGLONG)now.tv_sec * 1000 + (ULONGLONG)now.tv_nsec / 1000000;
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

static inline int lstrcmpiW(LPCWSTR a, LPCWSTR b)
{
    return vds_wcsicmp(a, b);
}

static inline LPWSTR lstrcpyW(LPWSTR to, LPCWSTR from)
{
    return vds_wcscpy(to, from);
}

/* At most n - 1 units, and always the zero. */
static inline LPWSTR lstrcpynW(LPWSTR to, LPCWSTR from, int n)
{
    int i = 0;

    for (; i < n - 1 && from[i]; i++)
        to[i] = from[i];
    if (n > 0)
        to[i] = 0;
    return to;
}

static inline LPWSTR lstrcatW(LPWSTR to, LPCWSTR from)
{
    return vds_wcscat(to, from);
}

static inline void OutputDebugStringW(LPCWSTR text)
{
    vds_fputws(text, stderr);
}

#ifdef __cplusplus
static inline BOOL InlineIsEqualGUID(REFGUID a, REFGUID b)
{
    return IsEqualGUID(a, b);
}
#else
#define InlineIsEqualGUID(a, b) IsEqualGUID(a, b)
#endif

#ifdef VDS_COMPAT_UNICODE
#define OutputDebugString OutputDebugStringW
#define lstrlen lstrlenW
#define lstrcmp lstrcmpW
#define lstrcmpi lstrcmpiW
#define lstrcpy lstrcpyW
#define lstrcpyn lstrcpynW
#define lstrcat lstrcatW
#else
#define OutputDebugString OutputDebugStringA
#define lstrlen (int)strlen
#define lstrcmp strcmp
#define lstrcmpi strcasecmp
#define lstrcpy strcpy
#define lstrcat strcat
#endif

/* ---- libraries ----------------------------------------------------------------------------------------------------------------------- */

#define DLL_PROCESS_DETACH 0
#define DLL_PROCESS_ATTACH 1
#define DLL_THREAD_ATTACH 2
#define DLL_THREAD_DETACH 3

static inline BOOL DisableThreadLibraryCalls(HMODULE library)
{
    (void)library;
    return TRUE;
}

/* A DllMain() of this program or library is called when it is loaded. Not when threads come and go or at the end: no provider is unloaded. */
#ifdef __cplusplus
extern "C"
#endif
BOOL WINAPI DllMain(HINSTANCE library, DWORD reason, LPVOID reserved) __attribute__((weak, visibility("hidden")));
__attribute__((weak, visibility("hidden"))) int vds_compat_attached;

__attribute__((constructor, unused)) static void vds_compat_attach(void)
{
    if (DllMain && !vds_compat_attached++)
        DllMain(&vds_compat_attached, DLL_PROCESS_ATTACH, NULL);
}

#endif
