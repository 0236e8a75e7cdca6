/* SPDX-License-Identifier: MIT */
/* The linker sends every allocation of the program here (--wrap, see alloc_faults_dep). */
#include "alloc_faults.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

static _Thread_local unsigned countdown; /* 0: none fails */
static _Thread_local int n_pauses;
static _Thread_local bool hit, one_of_us; /* one_of_us: whose failures are not those of the others */
static atomic_uint left_to_others;

void alloc_faults_arm(unsigned n)
{
    countdown = n;
    hit = false;
}

void alloc_faults_disarm(void)
{
    countdown = 0;
}

bool alloc_faults_hit(void)
{
    return hit;
}

void alloc_faults_pause(bool pause)
{
    n_pauses += pause ? 1 : -1;
}

void alloc_faults_arm_others(unsigned n)
{
    one_of_us = true;
    atomic_store(&left_to_others, n);
}

unsigned alloc_faults_left_to_others(void)
{
    return atomic_load(&left_to_others);
}

static bool fails_for_others(void)
{
    unsigned n = one_of_us ? 0 : atomic_load(&left_to_others);

    while (n > 0)
        if (atomic_compare_exchange_weak(&left_to_others, &n, n - 1))
            return true;
    return false;
}

static bool fails(void)
{
    if (n_pauses > 0)
        return false;
    if (countdown == 0 || --countdown > 0)
        return fails_for_others();
    hit = true;
    return true;
}

/* ---- the linker's names -------------------------------------------------------------------------------- */

#define WRAPPED(type, name, ...) \
    type __real_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)

WRAPPED(void *, malloc, size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

WRAPPED(void *, calloc, size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

WRAPPED(void *, realloc, void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

WRAPPED(void *, reallocarray, void *p, size_t n, size_t size)
{
    return fails() ? NULL : __real_reallocarray(p, n, size);
}

WRAPPED(void *, aligned_alloc, size_t alignment, size_t size)
{
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

WRAPPED(char *, strdup, const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

WRAPPED(char *, strndup, const char *text, size_t n)
{
    return fails() ? NULL : __real_strndup(text, n);
}

WRAPPED(int, vasprintf, char **ret_text, const char *format, va_list args)
{
    return fails() ? -1 : __real_vasprintf(ret_text, format, args);
}

int __wrap_asprintf(char **ret_text, const char *format, ...) __attribute__((format(printf, 2, 3)));

int __wrap_asprintf(char **ret_text, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = __wrap_vasprintf(ret_text, format, args);
    va_end(args);
    return n;
}
