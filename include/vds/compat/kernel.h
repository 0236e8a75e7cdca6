/* SPDX-License-Identifier: MIT */
/* The little of kernel32 that VDS clients use around their calls: events to wait for a sink, critical sections, the text of an error. Part
 * of <windows.h>; not an object manager: a HANDLE here is an event. */
#ifndef VDS_COMPAT_KERNEL_H
#define VDS_COMPAT_KERNEL_H

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vds/vdsbase.h>
#include <vds/vdsclient.h>

#include "winerror.h"

typedef void *HANDLE, *HLOCAL, *HMODULE, *HINSTANCE;
#define INVALID_HANDLE_VALUE ((HANDLE)(intptr_t)-1)
#define WAIT_OBJECT_0        0u
#define WAIT_TIMEOUT         258u
#define WAIT_FAILED          0xFFFFFFFFu

struct vds_compat_event {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    BOOL manual, signalled;
};

/* Name and security are for sharing among processes, which there is none of here. NULL without memory. */
static inline HANDLE CreateEventW(void *security, BOOL manual, BOOL signalled, LPCWSTR name)
{
    struct vds_compat_event *event = (struct vds_compat_event *)malloc(sizeof *event);
    pthread_condattr_t attributes;

    (void)security;
    (void)name;
    if (!event)
        return NULL;
    event->manual = manual;
    event->signalled = signalled;
    pthread_mutex_init(&event->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&event->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return event;
}
#define CreateEvent  CreateEventW
#define CreateEventA CreateEventW

static inline BOOL CloseHandle(HANDLE handle)
{
    struct vds_compat_event *event = (struct vds_compat_event *)handle;

    if (!event)
        return FALSE;
    pthread_cond_destroy(&event->changed);
    pthread_mutex_destroy(&event->lock);
    free(event);
    return TRUE;
}

static inline BOOL vds_compat_signal(HANDLE handle, BOOL signalled)
{
    struct vds_compat_event *event = (struct vds_compat_event *)handle;

    pthread_mutex_lock(&event->lock);
    event->signalled = signalled;
    pthread_cond_broadcast(&event->changed);
    pthread_mutex_unlock(&event->lock);
    return TRUE;
}

static inline BOOL SetEvent(HANDLE handle)
{
    return vds_compat_signal(handle, TRUE);
}

static inline BOOL ResetEvent(HANDLE handle)
{
    return vds_compat_signal(handle, FALSE);
}

static inline DWORD WaitForSingleObject(HANDLE handle, DWORD milliseconds)
{
    struct vds_compat_event *event = (struct vds_compat_event *)handle;
    struct timespec until;
    int r = 0;
    BOOL seen;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&event->lock);
    while (!event->signalled && r == 0)
        r = milliseconds == 0xFFFFFFFFu ? pthread_cond_wait(&event->changed, &event->lock)
                                        : pthread_cond_timedwait(&event->changed, &event->lock, &until);
    seen = event->signalled;
    if (seen && !event->manual)
        event->signalled = FALSE;
    pthread_mutex_unlock(&event->lock);
    return seen ? WAIT_OBJECT_0 : WAIT_TIMEOUT;
}

typedef pthread_mutex_t CRITICAL_SECTION, *LPCRITICAL_SECTION;

static inline void InitializeCriticalSection(CRITICAL_SECTION *section)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(section, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static inline void DeleteCriticalSection(CRITICAL_SECTION *section)
{
    pthread_mutex_destroy(section);
}

static inline void EnterCriticalSection(CRITICAL_SECTION *section)
{
    pthread_mutex_lock(section);
}

static inline void LeaveCriticalSection(CRITICAL_SECTION *section)
{
    pthread_mutex_unlock(section);
}

/* Of what is here only memory can run out. */
static inline DWORD GetLastError(void)
{
    return ERROR_NOT_ENOUGH_MEMORY;
}

static inline HLOCAL LocalFree(HLOCAL memory)
{
    free(memory);
    return NULL;
}

#define FORMAT_MESSAGE_ALLOCATE_BUFFER 0x0100
#define FORMAT_MESSAGE_IGNORE_INSERTS  0x0200
#define FORMAT_MESSAGE_FROM_STRING     0x0400
#define FORMAT_MESSAGE_FROM_HMODULE    0x0800
#define FORMAT_MESSAGE_FROM_SYSTEM     0x1000
#define FORMAT_MESSAGE_ARGUMENT_ARRAY  0x2000
#define LANG_NEUTRAL                   0
#define SUBLANG_DEFAULT                1
#define MAKELANGID(primary, sub)       ((WORD)((sub) << 10 | (primary)))

/* Of a result: its name, such as "VDS_E_OBJECT_NOT_FOUND". 0: there is none, or it does not fit. (Why a call failed, in a sentence:
 * vds_error_text().) */
static inline DWORD FormatMessageW(DWORD flags, const void *source, DWORD result, DWORD language, LPWSTR buffer, DWORD size, va_list *arguments)
{
    const char *name = vds_hresult_name((HRESULT)result);
    size_t n = strlen(name);
    WCHAR *to = buffer;

    (void)source;
    (void)language;
    (void)arguments;
    if (!(flags & FORMAT_MESSAGE_FROM_SYSTEM) || n == 0)
        return 0;
    if (flags & FORMAT_MESSAGE_ALLOCATE_BUFFER)
        *(WCHAR **)(void *)buffer = to = (WCHAR *)malloc((n + 1) * sizeof *to);
    else if (n >= size)
        return 0;
    for (size_t i = 0; to && i <= n; i++)
        to[i] = (WCHAR)name[i];
    return to ? (DWORD)n : 0;
}
#define FormatMessage FormatMessageW

#endif
