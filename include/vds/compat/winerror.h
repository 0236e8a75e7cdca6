/* SPDX-License-Identifier: MIT */
/* Results and error numbers of Windows that VDS programs and providers name beside VDS's own (vdserr.h). On Windows itself, what is there. */
#ifdef _WIN32
#include_next <winerror.h>
#elif !defined(VDS_COMPAT_WINERROR_H)
#define VDS_COMPAT_WINERROR_H

#include <vds/vdsbase.h>
#include <vds/vdserr.h>

#define SEVERITY_SUCCESS 0
#define SEVERITY_ERROR   1
#define FACILITY_NULL    0
#define FACILITY_RPC     1
#define FACILITY_STORAGE 3
#define MAKE_HRESULT(severity, facility, code) \
    ((HRESULT)((uint32_t)(severity) << 31 | (uint32_t)(facility) << 16 | (uint32_t)(code)))
#define HRESULT_SEVERITY(hr) (((uint32_t)(hr) >> 31) & 1)
#define IS_ERROR(status)     HRESULT_SEVERITY(status)
#define NOERROR              0
#define NO_ERROR             0

#define CLASS_E_CANNOTAGGREGATE   CLASS_E_NOAGGREGATION
#define CO_E_CLASSSTRING          ((HRESULT)0x800401F3)
#define E_PENDING                 ((HRESULT)0x8000000A)
#define E_BOUNDS                  ((HRESULT)0x8000000B)
#define RPC_E_SERVERFAULT         ((HRESULT)0x80010105)
#define RPC_E_WRONG_THREAD        ((HRESULT)0x8001010E)
#define SELFREG_E_CLASS           ((HRESULT)0x80040201)

#define ERROR_SUCCESS             0
#define ERROR_INVALID_FUNCTION    1
#define ERROR_FILE_NOT_FOUND      2
#define ERROR_PATH_NOT_FOUND      3
#define ERROR_ACCESS_DENIED       5
#define ERROR_INVALID_HANDLE      6
#define ERROR_NOT_ENOUGH_MEMORY   8
#define ERROR_INVALID_DATA        13
#define ERROR_OUTOFMEMORY         14
#define ERROR_WRITE_PROTECT       19
#define ERROR_NOT_READY           21
#define ERROR_GEN_FAILURE         31
#define ERROR_SHARING_VIOLATION   32
#define ERROR_HANDLE_EOF          38
#define ERROR_NOT_SUPPORTED       50
#define ERROR_ADAP_HDW_ERR        57
#define ERROR_FILE_EXISTS         80
#define ERROR_INVALID_PARAMETER   87
#define ERROR_CALL_NOT_IMPLEMENTED 120
#define ERROR_INSUFFICIENT_BUFFER 122
#define ERROR_INVALID_NAME        123
#define ERROR_BUSY                170
#define ERROR_ALREADY_EXISTS      183
#define ERROR_MORE_DATA           234
#define WAIT_TIMEOUT              258
#define ERROR_NO_MORE_ITEMS       259
#define ERROR_OPERATION_ABORTED   995
#define ERROR_IO_PENDING          997
#define ERROR_DEVICE_NOT_CONNECTED 1167
#define ERROR_NOT_FOUND           1168
#define ERROR_CANCELLED           1223
#define ERROR_SERVICE_NOT_ACTIVE  1062
#define ERROR_TIMEOUT             1460
#define RPC_S_OK                  0
#define RPC_S_INVALID_STRING_UUID 1705
#define RPC_S_SERVER_TOO_BUSY     1723
#define RPC_S_CALL_FAILED         1726

#endif
