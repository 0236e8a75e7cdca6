/* SPDX-License-Identifier: MIT */
/* Task memory: malloc() under COM's names, with a count of live blocks so that tests see every leak across
 * the API; and the one place where the API's UTF-16 meets the house's UTF-8. */
#include "com/com.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf.h"

static atomic_size_t n_blocks;

size_t com_live_task_blocks(void)
{
    return atomic_load(&n_blocks);
}

LPVOID CoTaskMemAlloc(SIZE_T size)
{
    void *p = malloc(size ? size : 1); /* a block of size 0 is a block, not NULL */

    if (p)
        atomic_fetch_add(&n_blocks, 1);
    return p;
}

void CoTaskMemFree(LPVOID p)
{
    if (!p)
        return;
    atomic_fetch_sub(&n_blocks, 1);
    free(p);
}

LPVOID CoTaskMemRealloc(LPVOID p, SIZE_T size)
{
    if (!p)
        return CoTaskMemAlloc(size);
    if (size == 0) { /* COM's rule: frees and gives NULL */
        CoTaskMemFree(p);
        return NULL;
    }
    return realloc(p, size);
}

void *com_task_calloc(size_t n, size_t size)
{
    size_t bytes;
    void *p;

    if (__builtin_mul_overflow(n, size, &bytes))
        return NULL;
    p = CoTaskMemAlloc(bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

void com_task_freep(void *p)
{
    CoTaskMemFree(*(void **)p);
}

HRESULT com_wide(const char *text, LPWSTR *ret_wide)
{
    size_t n;
    LPWSTR wide;

    if (!text)
        text = "";
    if (utf16_length(text, &n) < 0)
        return E_UNEXPECTED;
    wide = CoTaskMemAlloc((n + 1) * sizeof *wide);
    if (!wide)
        return E_OUTOFMEMORY;
    utf8_to_utf16(text, (uint16_t *)wide, n + 1);
    *ret_wide = wide;
    return S_OK;
}

HRESULT com_utf8(const WCHAR *wide, char **ret_text)
{
    int r = utf16_to_utf8((const uint16_t *)wide, ret_text);

    return r == 0 ? S_OK : r == -ENOMEM ? E_OUTOFMEMORY : E_INVALIDARG;
}
