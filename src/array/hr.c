/* SPDX-License-Identifier: MIT */
/* errno to HRESULT: the one table of this layer. */
#include <errno.h>

#include "array/array_internal.h"

/* Windows error numbers, where VDS has no code of its own: callers know them in their HRESULT form. */
enum {
    WIN32_FILE_NOT_FOUND = 2,
    WIN32_SHARING_VIOLATION = 32,
    WIN32_WRITE_PROTECT = 19,
    WIN32_FILE_EXISTS = 80,
    WIN32_IO_DEVICE = 1117,
    WIN32_REVISION_MISMATCH = 1306,
    WIN32_FILE_CORRUPT = 1392,
    WIN32_WSAEADDRINUSE = 10048,
    WIN32_WSAEADDRNOTAVAIL = 10049,
};
#define FROM_WIN32(code) ((HRESULT)(0x80070000u | (code)))

/* clang-format off */
static const struct {
    int error;
    HRESULT hr;
} codes[] = {
    { -ENOMEM, E_OUTOFMEMORY },
    { -EAGAIN, E_OUTOFMEMORY },                         /* no more threads */
    { -EINVAL, E_INVALIDARG },
    { -EACCES, E_ACCESSDENIED },
    { -EPERM, E_ACCESSDENIED },
    { -ENOENT, FROM_WIN32(WIN32_FILE_NOT_FOUND) },
    { -EEXIST, FROM_WIN32(WIN32_FILE_EXISTS) },
    { -ENOSPC, VDS_E_NOT_ENOUGH_SPACE },
    { -EDQUOT, VDS_E_NOT_ENOUGH_SPACE },
    { -EFBIG, VDS_E_NOT_ENOUGH_SPACE },
    { -ECANCELED, VDS_E_OPERATION_CANCELED },
    { -EBUSY, VDS_E_ANOTHER_CALL_IN_PROGRESS },
    { -ESTALE, VDS_E_PROVIDER_CACHE_CORRUPT },
    { -EIO, FROM_WIN32(WIN32_IO_DEVICE) },
    { -EROFS, FROM_WIN32(WIN32_WRITE_PROTECT) },
    { -ETXTBSY, FROM_WIN32(WIN32_SHARING_VIOLATION) },  /* the state belongs to another service */
    { -ENOTSUP, FROM_WIN32(WIN32_REVISION_MISMATCH) },
    { -EBADMSG, FROM_WIN32(WIN32_FILE_CORRUPT) },
    { -EADDRINUSE, FROM_WIN32(WIN32_WSAEADDRINUSE) },
    { -EADDRNOTAVAIL, FROM_WIN32(WIN32_WSAEADDRNOTAVAIL) },
};
/* clang-format on */

HRESULT hr_from_errno(int r)
{
    if (r >= 0)
        return S_OK;
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (codes[i].error == r)
            return codes[i].hr;
    return E_FAIL;
}
