/* SPDX-License-Identifier: MIT */
/* CoInitializeEx() and friends. There are no apartments here, every object is free-threaded: only the results
 * that a caller may look at are kept right, per thread, as COM has them. */
#include "com/com.h"

static _Thread_local struct {
    unsigned n;
    DWORD model;
} thread;
static atomic_uint n_initialized;

bool com_initialized(void)
{
    return atomic_load(&n_initialized) > 0;
}

HRESULT CoInitializeEx(LPVOID reserved, DWORD flags)
{
    DWORD model = flags & COINIT_APARTMENTTHREADED;

    if (reserved)
        return E_INVALIDARG;
    if (thread.n > 0 && thread.model != model)
        return RPC_E_CHANGED_MODE;
    thread.model = model;
    atomic_fetch_add(&n_initialized, 1);
    return thread.n++ == 0 ? S_OK : S_FALSE;
}

HRESULT CoInitialize(LPVOID reserved)
{
    return CoInitializeEx(reserved, COINIT_APARTMENTTHREADED);
}

void CoUninitialize(void)
{
    if (thread.n == 0) /* one call too many is harmless in COM, too */
        return;
    thread.n--;
    atomic_fetch_sub(&n_initialized, 1);
}

HRESULT CoInitializeSecurity(LPVOID descriptor, LONG n_services, LPVOID services, LPVOID reserved1,
                             DWORD authentication, DWORD impersonation, LPVOID list, DWORD capabilities,
                             LPVOID reserved3)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;

    (void)descriptor;
    (void)n_services;
    (void)services;
    (void)authentication;
    (void)impersonation;
    (void)list;
    (void)capabilities;
    if (reserved1 || reserved3)
        return E_INVALIDARG;
    if (!com_initialized())
        return CO_E_NOTINITIALIZED;
    return atomic_flag_test_and_set(&done) ? RPC_E_TOO_LATE : S_OK;
}
