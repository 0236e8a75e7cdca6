/* SPDX-License-Identifier: MIT */
/* Codes of Windows itself that VDS sources compare with or hand on by HRESULT_FROM_WIN32(); those that VDS gives are in vdserr.h. Part of
 * <windows.h>. On Windows itself, what is there. */
#ifdef _WIN32
#include_next <winerror.h>
#elif !defined(VDS_COMPAT_WINERROR_H)
#define VDS_COMPAT_WINERROR_H

#include <vds/vdserr.h>

#define NO_ERROR                  0
#define ERROR_SUCCESS             0
#define ERROR_INVALID_FUNCTION    1
#define ERROR_FILE_NOT_FOUND      2
#define ERROR_PATH_NOT_FOUND      3
#define ERROR_ACCESS_DENIED       5
#define ERROR_INVALID_HANDLE      6
#define ERROR_NOT_ENOUGH_MEMORY   8
#define ERROR_INVALID_DATA        13
#define ERROR_OUTOFMEMORY         14
#define ERROR_NOT_READY           21
#define ERROR_GEN_FAILURE         31
#define ERROR_HANDLE_EOF          38
#define ERROR_NOT_SUPPORTED       50
#define ERROR_INVALID_PARAMETER   87
#define ERROR_CALL_NOT_IMPLEMENTED 120
#define ERROR_INSUFFICIENT_BUFFER 122
#define ERROR_INVALID_NAME        123
#define ERROR_BUSY                170
#define ERROR_ALREADY_EXISTS      183
#define ERROR_MORE_DATA           234
#define ERROR_NO_MORE_ITEMS       259
#define ERROR_OPERATION_ABORTED   995
#define ERROR_IO_PENDING          997
#define ERROR_NOT_FOUND           1168
#define ERROR_CANCELLED           1223
#define ERROR_TIMEOUT             1460
#endif
