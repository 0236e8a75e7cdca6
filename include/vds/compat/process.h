/* SPDX-License-Identifier: MIT */
/* Threads as the C run time begins them. On Windows itself, what is there. */
#ifdef _WIN32
#include_next <process.h>
#elif !defined(VDS_COMPAT_PROCESS_H)
#define VDS_COMPAT_PROCESS_H

#include <windows.h>

/* A HANDLE, or 0: no flags, it runs at once. */
static inline uintptr_t _beginthreadex(void *security, unsigned stack, unsigned(__stdcall *run)(void *), void *arg, unsigned flags,
                                       unsigned *id)
{
    return (uintptr_t)CreateThread(security, stack, run, arg, flags, id);
}

#endif
