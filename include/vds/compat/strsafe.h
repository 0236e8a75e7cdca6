/* SPDX-License-Identifier: MIT */
/* <strsafe.h>: text that is always terminated, and an HRESULT that says whether it was cut. Sizes count units in the Cch functions, bytes in
 * the Cb ones. On Windows itself, what is there. */
#ifdef _WIN32
#include_next <strsafe.h>
#elif !defined(VDS_COMPAT_STRSAFE_H)
#define VDS_COMPAT_STRSAFE_H

#include <windows.h>

#define STRSAFE_MAX_CCH                 2147483647
#define STRSAFE_E_INSUFFICIENT_BUFFER   ((HRESULT)0x8007007A)
#define STRSAFE_E_INVALID_PARAMETER     ((HRESULT)0x80070057)

static inline HRESULT StringCchLengthW(LPCWSTR text, size_t max, size_t *length)
{
    size_t n = 0;

    while (text && n < max && text[n])
        n++;
    if (length)
        *length = text && n < max ? n : 0;
    return text && n < max ? S_OK : STRSAFE_E_INVALID_PARAMETER;
}

static inline HRESULT StringCchCopyNW(LPWSTR to, size_t size, LPCWSTR from, size_t n)
{
    size_t i = 0;

    if (size == 0 || size > STRSAFE_MAX_CCH)
        return STRSAFE_E_INVALID_PARAMETER;
    for (; i < size - 1 && i < n && from[i]; i++)
        to[i] = from[i];
    to[i] = 0;
    return i == n || !from[i] ? S_OK : STRSAFE_E_INSUFFICIENT_BUFFER;
}

static inline HRESULT StringCchCopyW(LPWSTR to, size_t size, LPCWSTR from)
{
    return StringCchCopyNW(to, size, from, STRSAFE_MAX_CCH);
}

static inline HRESULT StringCchCatW(LPWSTR to, size_t size, LPCWSTR from)
{
    size_t n;
    HRESULT hr = StringCchLengthW(to, size, &n);

    return FAILED(hr) ? hr : StringCchCopyW(to + n, size - n, from);
}

static inline HRESULT StringCchVPrintfW(LPWSTR to, size_t size, LPCWSTR format, va_list list)
{
    va_list again;
    int n;

    if (size == 0 || size > STRSAFE_MAX_CCH)
        return STRSAFE_E_INVALID_PARAMETER;
    va_copy(again, list);
    n = vds_vswprintf(to, size, format, again);
    va_end(again);
    if (n >= 0)
        return S_OK;
    to[0] = 0; /* the Windows function leaves what fits */
    return STRSAFE_E_INSUFFICIENT_BUFFER;
}

static inline HRESULT StringCchPrintfW(LPWSTR to, size_t size, LPCWSTR format, ...)
{
    va_list list;
    HRESULT hr;

    va_start(list, format);
    hr = StringCchVPrintfW(to, size, format, list);
    va_end(list);
    return hr;
}

#define StringCbCopyW(to, bytes, from)  StringCchCopyW(to, (bytes) / sizeof(WCHAR), from)
#define StringCbCatW(to, bytes, from)   StringCchCatW(to, (bytes) / sizeof(WCHAR), from)
#define StringCbPrintfW(to, bytes, ...) StringCchPrintfW(to, (bytes) / sizeof(WCHAR), __VA_ARGS__)

/* ---- the same in bytes -------------------------------------------------------------------------------- */

static inline HRESULT StringCchLengthA(const char *text, size_t max, size_t *length)
{
    size_t n = text ? strnlen(text, max) : max;

    if (length)
        *length = n < max ? n : 0;
    return n < max ? S_OK : STRSAFE_E_INVALID_PARAMETER;
}

static inline HRESULT StringCchCopyNA(char *to, size_t size, const char *from, size_t n)
{
    size_t i = 0;

    if (size == 0 || size > STRSAFE_MAX_CCH)
        return STRSAFE_E_INVALID_PARAMETER;
    for (; i < size - 1 && i < n && from[i]; i++)
        to[i] = from[i];
    to[i] = 0;
    return i == n || !from[i] ? S_OK : STRSAFE_E_INSUFFICIENT_BUFFER;
}

static inline HRESULT StringCchCopyA(char *to, size_t size, const char *from)
{
    return StringCchCopyNA(to, size, from, STRSAFE_MAX_CCH);
}

static inline HRESULT StringCchCatA(char *to, size_t size, const char *from)
{
    size_t n;
    HRESULT hr = StringCchLengthA(to, size, &n);

    return FAILED(hr) ? hr : StringCchCopyA(to + n, size - n, from);
}

static inline HRESULT StringCchPrintfA(char *to, size_t size, const char *format, ...)
{
    va_list list;
    int n;

    if (size == 0 || size > STRSAFE_MAX_CCH)
        return STRSAFE_E_INVALID_PARAMETER;
    va_start(list, format);
    n = vds_vsnprintf(to, size, format, list);
    va_end(list);
    if (n < 0)
        to[0] = 0;
    return n >= 0 && (size_t)n < size ? S_OK : STRSAFE_E_INSUFFICIENT_BUFFER;
}

#ifdef VDS_COMPAT_UNICODE
#define StringCchLength  StringCchLengthW
#define StringCchCopy    StringCchCopyW
#define StringCchCopyN   StringCchCopyNW
#define StringCchCat     StringCchCatW
#define StringCchPrintf  StringCchPrintfW
#define StringCchVPrintf StringCchVPrintfW
#define StringCbCopy     StringCbCopyW
#define StringCbCat      StringCbCatW
#define StringCbPrintf   StringCbPrintfW
#else
#define StringCchLength  StringCchLengthA
#define StringCchCopy    StringCchCopyA
#define StringCchCopyN   StringCchCopyNA
#define StringCchCat     StringCchCatA
#define StringCchPrintf  StringCchPrintfA
#endif
#endif
