/* SPDX-License-Identifier: MIT */
/* The little of kernel32 that VDS clients and providers use around their calls: events and threads to wait for, critical sections, memory,
 * the text of an error. Part of <windows.h>; not an object manager: a HANDLE here is an event or a thread. */
#ifndef VDS_COMPAT_KERNEL_H
#define VDS_COMPAT_KERNEL_H

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <vds/vdsbase.h>
#include <vds/vdsclient.h>

#include "winerror.h"

typedef void *HANDLE, *HLOCAL, *HGLOBAL, *HMODULE, *HINSTANCE;
#define INVALID_HANDLE_VALUE ((HANDLE)(intptr_t)-1)
#define WAIT_OBJECT_0        0u
#define WAIT_FAILED          0xFFFFFFFFu
#define INFINITE             0xFFFFFFFFu
#define MAXIMUM_WAIT_OBJECTS 64
#define STILL_ACTIVE         259

/* One for all source files that include this. */
#define VDS_COMPAT_SHARED __attribute__((weak))

/* Nothing here knows more than the last thing that failed here. */
VDS_COMPAT_SHARED __thread DWORD vds_compat_last_error;

static inline DWORD GetLastError(void)
{
    return vds_compat_last_error;
}

static inline void SetLastError(DWORD error)
{
    vds_compat_last_error = error;
}

/* ---- events and threads: one lock for all of them, which are few ------------------------------------------------------------------- */

typedef DWORD(WINAPI *LPTHREAD_START_ROUTINE)(LPVOID parameter);
typedef LPTHREAD_START_ROUTINE PTHREAD_START_ROUTINE;

struct vds_compat_object {
    int refs; /* the handle, and the thread */
    BOOL manual, signalled;
    LPTHREAD_START_ROUTINE run; /* of a thread */
    LPVOID parameter;
    DWORD exit_code;
};

VDS_COMPAT_SHARED pthread_mutex_t vds_compat_lock = PTHREAD_MUTEX_INITIALIZER;
VDS_COMPAT_SHARED pthread_cond_t vds_compat_changed;
VDS_COMPAT_SHARED pthread_once_t vds_compat_once = PTHREAD_ONCE_INIT;

static inline void vds_compat_begin(void)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&vds_compat_changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static inline struct vds_compat_object *vds_compat_object_new(BOOL manual, BOOL signalled)
{
    struct vds_compat_object *o = (struct vds_compat_object *)calloc(1, sizeof *o);

    pthread_once(&vds_compat_once, vds_compat_begin);
    if (!o) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    o->refs = 1;
    o->manual = manual;
    o->signalled = signalled;
    return o;
}

static inline void vds_compat_object_release(struct vds_compat_object *o)
{
    int left;

    pthread_mutex_lock(&vds_compat_lock);
    left = --o->refs;
    pthread_mutex_unlock(&vds_compat_lock);
    if (left == 0)
        free(o);
}

static inline BOOL vds_compat_is_handle(HANDLE handle)
{
    if (handle && handle != INVALID_HANDLE_VALUE)
        return TRUE;
    SetLastError(ERROR_INVALID_HANDLE);
    return FALSE;
}

static inline BOOL CloseHandle(HANDLE handle)
{
    if (!vds_compat_is_handle(handle))
        return FALSE;
    vds_compat_object_release((struct vds_compat_object *)handle);
    return TRUE;
}

/* Name and security are for sharing among processes, which there is none of here. NULL without memory. */
static inline HANDLE CreateEventW(void *security, BOOL manual, BOOL signalled, LPCWSTR name)
{
    (void)security;
    (void)name;
    return vds_compat_object_new(manual, signalled);
}
#define CreateEvent  CreateEventW
#define CreateEventA CreateEventW

static inline BOOL vds_compat_signal(HANDLE handle, BOOL signalled)
{
    if (!vds_compat_is_handle(handle))
        return FALSE;
    pthread_mutex_lock(&vds_compat_lock);
    ((struct vds_compat_object *)handle)->signalled = signalled;
    pthread_cond_broadcast(&vds_compat_changed);
    pthread_mutex_unlock(&vds_compat_lock);
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

/* Takes what is signalled: the index of one, 0 for all of them; -1: not yet. Under the lock. */
static inline int vds_compat_take(DWORD n, struct vds_compat_object *const *objects, BOOL all)
{
    DWORD n_signalled = 0, first = n;

    for (DWORD i = n; i-- > 0;) {
        n_signalled += objects[i]->signalled != 0;
        first = objects[i]->signalled ? i : first;
    }
    if (all ? n_signalled < n : first == n)
        return -1;
    for (DWORD i = all ? 0 : first; i < (all ? n : first + 1); i++)
        objects[i]->signalled = objects[i]->manual;
    return all ? 0 : (int)first;
}

static inline struct timespec vds_compat_deadline(DWORD milliseconds)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return until;
}

static inline DWORD WaitForMultipleObjects(DWORD n, const HANDLE *handles, BOOL all, DWORD milliseconds)
{
    struct vds_compat_object *const *objects = (struct vds_compat_object *const *)handles;
    struct timespec until = vds_compat_deadline(milliseconds);
    int r = 0, taken;

    for (DWORD i = 0; i < n; i++) {
        if (!vds_compat_is_handle(handles[i]))
            return WAIT_FAILED;
    }
    if (n == 0 || n > MAXIMUM_WAIT_OBJECTS) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return WAIT_FAILED;
    }
    pthread_mutex_lock(&vds_compat_lock);
    while ((taken = vds_compat_take(n, objects, all)) < 0 && r == 0)
        r = milliseconds == INFINITE ? pthread_cond_wait(&vds_compat_changed, &vds_compat_lock)
                                     : pthread_cond_timedwait(&vds_compat_changed, &vds_compat_lock, &until);
    pthread_mutex_unlock(&vds_compat_lock);
    return taken < 0 ? WAIT_TIMEOUT : WAIT_OBJECT_0 + (DWORD)taken;
}

static inline DWORD WaitForSingleObject(HANDLE handle, DWORD milliseconds)
{
    return WaitForMultipleObjects(1, &handle, FALSE, milliseconds);
}

static inline void *vds_compat_thread_run(void *arg)
{
    struct vds_compat_object *o = (struct vds_compat_object *)arg;

    o->exit_code = o->run(o->parameter);
    vds_compat_signal(o, TRUE);
    vds_compat_object_release(o);
    return NULL;
}

/* No flags: it runs at once. NULL: there is no thread to be had. */
static inline HANDLE CreateThread(void *security, size_t stack, LPTHREAD_START_ROUTINE run, LPVOID parameter, DWORD flags, DWORD *id)
{
    struct vds_compat_object *o = flags ? NULL : vds_compat_object_new(TRUE, FALSE);
    pthread_attr_t attributes;
    pthread_t thread;
    int r;

    (void)security;
    (void)stack;
    if (!o) {
        SetLastError(flags ? ERROR_INVALID_PARAMETER : ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    o->refs = 2;
    o->run = run;
    o->parameter = parameter;
    o->exit_code = STILL_ACTIVE;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    r = pthread_create(&thread, &attributes, vds_compat_thread_run, o);
    pthread_attr_destroy(&attributes);
    if (r != 0) {
        free(o);
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    if (id)
        *id = (DWORD)(uintptr_t)thread;
    return o;
}

static inline BOOL GetExitCodeThread(HANDLE thread, DWORD *code)
{
    struct vds_compat_object *o = (struct vds_compat_object *)thread;

    if (!vds_compat_is_handle(thread) || !code)
        return FALSE;
    pthread_mutex_lock(&vds_compat_lock);
    *code = o->signalled ? o->exit_code : STILL_ACTIVE;
    pthread_mutex_unlock(&vds_compat_lock);
    return TRUE;
}

static inline DWORD GetCurrentThreadId(void)
{
    return (DWORD)(uintptr_t)pthread_self();
}

static inline DWORD GetCurrentProcessId(void)
{
    return (DWORD)getpid();
}

/* ---- critical sections and counters ------------------------------------------------------------------------------------------------- */

typedef pthread_mutex_t CRITICAL_SECTION, *LPCRITICAL_SECTION;

static inline void InitializeCriticalSection(CRITICAL_SECTION *section)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(section, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static inline BOOL InitializeCriticalSectionAndSpinCount(CRITICAL_SECTION *section, DWORD spins)
{
    (void)spins;
    InitializeCriticalSection(section);
    return TRUE;
}

static inline void DeleteCriticalSection(CRITICAL_SECTION *section)
{
    pthread_mutex_destroy(section);
}

static inline void EnterCriticalSection(CRITICAL_SECTION *section)
{
    pthread_mutex_lock(section);
}

static inline BOOL TryEnterCriticalSection(CRITICAL_SECTION *section)
{
    return pthread_mutex_trylock(section) == 0;
}

static inline void LeaveCriticalSection(CRITICAL_SECTION *section)
{
    pthread_mutex_unlock(section);
}

static inline LONG InterlockedIncrement(LONG volatile *value)
{
    return __atomic_add_fetch(value, 1, __ATOMIC_SEQ_CST);
}

static inline LONG InterlockedDecrement(LONG volatile *value)
{
    return __atomic_sub_fetch(value, 1, __ATOMIC_SEQ_CST);
}

static inline LONG InterlockedExchange(LONG volatile *value, LONG with)
{
    return __atomic_exchange_n(value, with, __ATOMIC_SEQ_CST);
}

static inline LONG InterlockedExchangeAdd(LONG volatile *value, LONG more)
{
    return __atomic_fetch_add(value, more, __ATOMIC_SEQ_CST);
}

/* What was there; `with` is there now if that was `when`. */
static inline LONG InterlockedCompareExchange(LONG volatile *value, LONG with, LONG when)
{
    __atomic_compare_exchange_n(value, &when, with, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return when;
}

/* ---- memory ------------------------------------------------------------------------------------------------------------------------- */

#define HEAP_ZERO_MEMORY 0x8
#define LMEM_FIXED       0
#define LMEM_ZEROINIT    0x40
#define LPTR             (LMEM_FIXED | LMEM_ZEROINIT)

static inline HANDLE GetProcessHeap(void)
{
    return (HANDLE)(intptr_t)1;
}

static inline LPVOID HeapAlloc(HANDLE heap, DWORD flags, SIZE_T size)
{
    (void)heap;
    return flags & HEAP_ZERO_MEMORY ? calloc(1, size ? size : 1) : malloc(size ? size : 1);
}

static inline BOOL HeapFree(HANDLE heap, DWORD flags, LPVOID memory)
{
    (void)heap;
    (void)flags;
    free(memory);
    return TRUE;
}

static inline HLOCAL LocalAlloc(UINT flags, SIZE_T size)
{
    return HeapAlloc(NULL, flags & LMEM_ZEROINIT ? HEAP_ZERO_MEMORY : 0, size);
}

static inline HLOCAL LocalFree(HLOCAL memory)
{
    free(memory);
    return NULL;
}

/* ---- text of errors ----------------------------------------------------------------------------------------------------------------- */

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

/* There is no debugger that listens: to standard error. */
static inline void OutputDebugStringA(const char *text)
{
    fputs(text, stderr);
}

#endif
