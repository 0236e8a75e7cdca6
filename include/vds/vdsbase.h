/* SPDX-License-Identifier: MIT */
/* The Windows types and COM entry points that the generated headers are written in, with the sizes they have on 64-bit Windows.
 * On Windows itself (MinGW) the platform's own headers declare all of it and this file only includes them.
 *
 * Not a Windows emulation: what VDS sources need beyond this is in the folder vds/compat.
 */
#ifndef VDS_VDSBASE_H
#define VDS_VDSBASE_H

#ifdef _WIN32

#include <windows.h>

#include <cguid.h>
#include <objbase.h>
#include <unknwn.h>
#include <virtdisk.h>

#define VDS_API
#ifdef __CRT_UUID_DECL
#define VDS_DECLARE_UUID(type, ...) __CRT_UUID_DECL(type, __VA_ARGS__)
#else
#define VDS_DECLARE_UUID(type, ...)
#endif

#else

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define EXTERN_C extern "C"
#else
#define EXTERN_C extern
#include <uchar.h>
#endif

/* Visible outside a shared library that is built with -fvisibility=hidden. */
#define VDS_API __attribute__((visibility("default")))

/* One calling convention on Linux: the native one. */
#define STDMETHODCALLTYPE
#define WINAPI
#define STDAPI EXTERN_C HRESULT
#define STDAPI_(type) EXTERN_C type
#define STDMETHODIMP HRESULT
#define STDMETHODIMP_(type) type

/* ---- integers: `long` has 64 bits here and 32 there, so none of these is one --------------------------------------------------- */

typedef int32_t HRESULT, LONG, BOOL, INT;
typedef uint32_t ULONG, DWORD, UINT;
typedef int16_t SHORT;
typedef uint16_t USHORT, WORD;
typedef char CHAR;
typedef uint8_t UCHAR, BYTE, BOOLEAN;
typedef size_t SIZE_T;
#ifdef __i386__ /* where a 64-bit field of a struct would start at a multiple of 4 otherwise */
typedef int64_t LONGLONG __attribute__((aligned(8)));
typedef uint64_t ULONGLONG __attribute__((aligned(8)));
#else
typedef int64_t LONGLONG;
typedef uint64_t ULONGLONG;
#endif

#ifndef TRUE
#define FALSE 0
#define TRUE 1
#endif

/* ---- text: UTF-16, for u"" literals, or for L"" ones under -fshort-wchar ------------------------------------------------------- */

#if __SIZEOF_WCHAR_T__ == 2
typedef wchar_t WCHAR;
#else
typedef char16_t WCHAR;
#endif
typedef WCHAR *LPWSTR, *PWSTR;
typedef const WCHAR *LPCWSTR, *PCWSTR;
typedef void *LPVOID, *PVOID;

/* ---- identifiers --------------------------------------------------------------------------------------------------------------- */

typedef struct _GUID {
    uint32_t Data1;
    uint16_t Data2, Data3;
    uint8_t Data4[8];
} GUID, IID, CLSID;

#ifdef __cplusplus
typedef const GUID &REFGUID;
typedef const IID &REFIID;
typedef const CLSID &REFCLSID;
#else
typedef const GUID *REFGUID;
typedef const IID *REFIID;
typedef const CLSID *REFCLSID;
#endif

/* Declares an identifier; in a source file that defines INITGUID before the first include, defines it too, weakly, so that several
 * such files and the library can meet in one program. */
#define VDS_DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8)  \
    EXTERN_C VDS_API const GUID name __attribute__((weak));               \
    const GUID name = { l, w1, w2, { b1, b2, b3, b4, b5, b6, b7, b8 } }
#ifdef INITGUID
#define DEFINE_GUID VDS_DEFINE_GUID
#else
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) EXTERN_C VDS_API const GUID name
#endif

#ifdef __cplusplus
static inline BOOL IsEqualGUID(REFGUID a, REFGUID b)
{
    return !__builtin_memcmp(&a, &b, sizeof(GUID));
}
static inline bool operator==(const GUID &a, const GUID &b)
{
    return !!IsEqualGUID(a, b);
}
static inline bool operator!=(const GUID &a, const GUID &b)
{
    return !IsEqualGUID(a, b);
}
#else
static inline BOOL IsEqualGUID(REFGUID a, REFGUID b)
{
    return !__builtin_memcmp(a, b, sizeof(GUID));
}
#endif
#define IsEqualIID(a, b) IsEqualGUID(a, b)
#define IsEqualCLSID(a, b) IsEqualGUID(a, b)

#ifdef __cplusplus
/* The identifier of an interface, for __uuidof() of vds/compat. */
template <class T> struct vds_uuid;
#define VDS_DECLARE_UUID(type, ...)     \
    template <> struct vds_uuid<type> { \
        static const GUID &id()         \
        {                               \
            return IID_##type;          \
        }                               \
    };
#endif

DEFINE_GUID(GUID_NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
#define IID_NULL GUID_NULL
#define CLSID_NULL GUID_NULL

/* ---- results: bit 31 failure, bits 16-26 facility, bits 0-15 code; the codes are in vdserr.h -------------------------------------- */

#define SUCCEEDED(hr) ((HRESULT)(hr) >= 0)
#define FAILED(hr) ((HRESULT)(hr) < 0)
#define HRESULT_CODE(hr) ((hr) & 0xFFFF)
#define HRESULT_FACILITY(hr) (((hr) >> 16) & 0x1FFF)
#define FACILITY_ITF 4
#define FACILITY_WIN32 7
#define CO_S_NOTALLINTERFACES ((HRESULT)0x00080012) /* CoCreateInstanceEx: some of them */

static inline HRESULT HRESULT_FROM_WIN32(ULONG error)
{
    return (HRESULT)error <= 0 ? (HRESULT)error : (HRESULT)((error & 0xFFFF) | (FACILITY_WIN32 << 16) | 0x80000000u);
}

/* ---- COM ----------------------------------------------------------------------------------------------------------------------- */

typedef struct IUnknown IUnknown;
typedef IUnknown *LPUNKNOWN;

typedef struct _COSERVERINFO {
    DWORD dwReserved1;
    LPWSTR pwszName; /* of a host */
    void *pAuthInfo; /* not looked at: ssh knows who one is */
    DWORD dwReserved2;
} COSERVERINFO;

typedef struct tagMULTI_QI {
    const IID *pIID;
    IUnknown *pItf;
    HRESULT hr;
} MULTI_QI;

#define CLSCTX_INPROC_SERVER 0x1 /* the array inside this process */
#define CLSCTX_LOCAL_SERVER 0x4  /* the array of the running service */
#define CLSCTX_REMOTE_SERVER 0x10 /* that of another host, or this one's */
#define COINIT_MULTITHREADED 0x0
#define COINIT_APARTMENTTHREADED 0x2

#ifdef __cplusplus
extern "C" {
#endif

/* The memory of out parameters: whoever receives it frees it. NULL when there is none left; freeing NULL is fine. Realloc as realloc(),
 * with size 0 as free(). */
VDS_API LPVOID WINAPI CoTaskMemAlloc(SIZE_T cb);
VDS_API LPVOID WINAPI CoTaskMemRealloc(LPVOID pv, SIZE_T cb);
VDS_API void WINAPI CoTaskMemFree(LPVOID pv);

/* Counted per thread, for the sake of sources that call them; objects here may be used from any thread in any mode.
 * S_FALSE: this thread had it already. */
VDS_API HRESULT WINAPI CoInitialize(LPVOID pvReserved);
VDS_API HRESULT WINAPI CoInitializeEx(LPVOID pvReserved, DWORD dwCoInit);
VDS_API void WINAPI CoUninitialize(void);

/* There is nothing to secure inside one process, and the service looks at the peer of its socket. RPC_E_TOO_LATE the second time. */
VDS_API HRESULT WINAPI CoInitializeSecurity(LPVOID pSecDesc, LONG cAuthSvc, LPVOID asAuthSvc, LPVOID pReserved1, DWORD dwAuthnLevel,
                                            DWORD dwImpLevel, LPVOID pAuthList, DWORD dwCapabilities, LPVOID pReserved3);

/* Makes an object of a class: of VdsLoader, in practice. */
VDS_API HRESULT WINAPI CoCreateInstance(REFCLSID rclsid, LPUNKNOWN pUnkOuter, DWORD dwClsContext, REFIID riid, LPVOID *ppv);
/* The same on the host that the server information names (NULL: this one), whose service LoadService(NULL) then loads: several
 * interfaces at once. CO_S_NOTALLINTERFACES, E_NOINTERFACE. */
VDS_API HRESULT WINAPI CoCreateInstanceEx(REFCLSID rclsid, LPUNKNOWN pUnkOuter, DWORD dwClsContext, COSERVERINFO *pServerInfo, DWORD dwCount,
                                          MULTI_QI *pResults);
/* Its class factory: an IClassFactory. */
VDS_API HRESULT WINAPI CoGetClassObject(REFCLSID rclsid, DWORD dwClsContext, LPVOID pvServerInfo, REFIID riid, LPVOID *ppv);

/* What a provider library exports: its class factories, and whether it may be unloaded (S_OK) or is in use (S_FALSE). */
VDS_API HRESULT WINAPI DllGetClassObject(REFCLSID rclsid, REFIID riid, LPVOID *ppv);
VDS_API HRESULT WINAPI DllCanUnloadNow(void);

#ifdef __cplusplus
}
#endif

#endif /* !_WIN32 */

#endif
