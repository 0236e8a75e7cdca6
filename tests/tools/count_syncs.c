/* SPDX-License-Identifier: MIT */
/* Preloaded into vdsd by tests: counts fdatasync(2) and fsync(2) on files whose name ends in ".img", in the 8
 * bytes of the file that COUNT_SYNCS names. Changes nothing else. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int fdatasync(int fd);
int fsync(int fd);

static _Atomic unsigned long *counter;

__attribute__((constructor)) static void open_counter(void)
{
    const char *path = getenv("COUNT_SYNCS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (p != MAP_FAILED)
        counter = p;
    if (fd >= 0)
        close(fd);
}

static void count(int fd)
{
    char link[64], name[512];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, name, sizeof name);
    if (counter && n > 4 && memcmp(name + n - 4, ".img", 4) == 0)
        atomic_fetch_add(counter, 1);
}

static int forward(const char *name, int fd)
{
    int (*next)(int) = (int (*)(int))(intptr_t)dlsym(RTLD_NEXT, name);

    count(fd);
    return next(fd);
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    return forward("fdatasync", fd);
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    return forward("fsync", fd);
}
