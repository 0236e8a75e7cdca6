/* SPDX-License-Identifier: MIT */
/* Ownership of locals in five macros: a local marked _cleanup_ is destroyed on every way out,
 * TAKE_PTR/TAKE_FD hand it over.
 *
 *     _cleanup_(freep) char *path = NULL;
 *     if (asprintf(&path, ...) < 0) return -ENOMEM;
 *     *ret_path = TAKE_PTR(path);
 */
#ifndef VDS_BASE_CLEANUP_H
#define VDS_BASE_CLEANUP_H

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

#define TAKE_PTR(p) ({ __typeof__(p) taken_ = (p); (p) = NULL; taken_; })
#define TAKE_FD(fd) ({ int taken_ = (fd); (fd) = -1; taken_; })

/* Defines static inline fnp(type **), for _cleanup_(fnp), from a destructor that accepts NULL. */
#define DEFINE_CLEANUP(type, fn) \
    static inline void fn##p(type *p) \
    { \
        if (*p) \
            fn(*p); \
    }

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))

static inline void freep(void *p)
{
    free(*(void **)p);
}

static inline void closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#endif
