/* SPDX-License-Identifier: MIT */
/* Making the file of a new store: whole and durable, or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

#define STEP_MIN (UINT64_C(16) << 20)
#define STEP_MAX (UINT64_C(1) << 30)

static uint64_t step_of(uint64_t size)
{
    uint64_t step = size / 100 / STEP_MIN * STEP_MIN;

    return step < STEP_MIN ? STEP_MIN : step > STEP_MAX ? STEP_MAX : step;
}

static int allocate_all(int fd, uint64_t size, store_progress *progress, void *arg)
{
    uint64_t step = step_of(size), n;
    int r;

    for (uint64_t done = 0; done < size; done += n) {
        if (progress && progress(arg, done, size))
            return -ECANCELED;
        n = size - done < step ? size - done : step;
        do
            r = posix_fallocate(fd, (off_t)done, (off_t)n); /* the error itself, not -1 */
        while (r == EINTR);
        if (r != 0)
            return -r;
    }
    return progress && progress(arg, size, size) ? -ECANCELED : 0;
}

/* A new name is durable when its directory is. */
static int sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    _cleanup_(freep) char *dir =
        slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    _cleanup_(closep) int fd = -1;

    if (!dir)
        return -ENOMEM;
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return -errno;
    return 0;
}

static int fill_new(int fd, const char *path, uint64_t size, bool thick, store_progress *progress, void *arg)
{
    int r;

    if (ftruncate(fd, (off_t)size) < 0)
        return -errno;
    if (thick && (r = allocate_all(fd, size, progress, arg)) < 0)
        return r;
    if (fsync(fd) < 0)
        return -errno;
    return sync_directory(path);
}

int store_file_create(const char *path, uint64_t size, bool thick, store_progress *progress, void *arg)
{
    _cleanup_(closep) int fd = -1;
    int r;

    if (size > INT64_MAX)
        return -EFBIG;
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    r = fill_new(fd, path, size, thick, progress, arg);
    if (r < 0)
        unlink(path);
    return r;
}
