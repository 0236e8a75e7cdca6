/* SPDX-License-Identifier: MIT */
/* Text by UNICODE and _UNICODE: 16 bits with them, char without. On Windows itself, what is there. */
#ifdef _WIN32
#include_next <tchar.h>
#elif !defined(VDS_COMPAT_TCHAR_H)
#define VDS_COMPAT_TCHAR_H

#include <stdlib.h>
#include <string.h>

#include <windows.h>

typedef TCHAR _TCHAR, _TXCHAR;
#define _T(text)     VDS_COMPAT_TEXT(text)
#define _TEXT(text)  VDS_COMPAT_TEXT(text)
#define _tcsncmp     VDS_COMPAT_T(wcsncmp, strncmp)
#define _tcscmp      VDS_COMPAT_T(wcscmp, strcmp)
#define _tcsicmp     VDS_COMPAT_T(_wcsicmp, strcasecmp)
#define _tcsnicmp    VDS_COMPAT_T(_wcsnicmp, strncasecmp)
#define _tcslen      VDS_COMPAT_T(wcslen, strlen)
#define _tcscpy      VDS_COMPAT_T(wcscpy, strcpy)
#define _tcsncpy     VDS_COMPAT_T(wcsncpy, strncpy)
#define _tcscat      VDS_COMPAT_T(wcscat, strcat)
#define _tcschr      VDS_COMPAT_T(wcschr, strchr)
#define _tcsrchr     VDS_COMPAT_T(wcsrchr, strrchr)
#define _tcsstr      VDS_COMPAT_T(wcsstr, strstr)
#define _tcsdup      VDS_COMPAT_T(_wcsdup, strdup)
#define _tcstoul     VDS_COMPAT_T(wcstoul, strtoul)
#define _tcstol      VDS_COMPAT_T(wcstol, strtol)
#define _tcstoui64   VDS_COMPAT_T(_wcstoui64, strtoull)
#define _ttoi        VDS_COMPAT_T(_wtoi, atoi)
#define _tstoi       VDS_COMPAT_T(_wtoi, atoi)
#define _ttoi64      VDS_COMPAT_T(_wtoi64, atoll)
#define _tcstok_s    VDS_COMPAT_T(wcstok_s, strtok_r)
#define _tcscpy_s    VDS_COMPAT_T(wcscpy_s, strcpy_s)
#define _tcscat_s    VDS_COMPAT_T(wcscat_s, strcat_s)
#define _tprintf_s   VDS_COMPAT_T(wprintf, vds_printf)
#define _fgetts      VDS_COMPAT_T(fgetws, fgets)
#define _puttchar    VDS_COMPAT_T(putwchar, putchar)
#define _tprintf     VDS_COMPAT_T(wprintf, vds_printf)
#define _ftprintf    VDS_COMPAT_T(fwprintf, vds_fprintf)
#define _sntprintf   VDS_COMPAT_T(swprintf, vds_snprintf)
#define _stprintf_s  VDS_COMPAT_T(swprintf_s, sprintf_s)
#define _vftprintf   VDS_COMPAT_T(vfwprintf, vds_vfprintf)
#define _fputts      VDS_COMPAT_T(fputws, fputs)
#ifdef VDS_COMPAT_UNICODE
#define _tmain wmain
#else
#define _tmain main
#endif
#endif
