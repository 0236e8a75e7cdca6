/* SPDX-License-Identifier: MIT */
#include "base/standard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* errno of the first flush that failed; the stream itself remembers only that something did */
static int failure;

void standard_hold(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", O_PATH); /* the lowest that is free: this one */
    }
}

bool standard_flush(void)
{
    if (fflush(stdout) != 0 && !failure)
        failure = errno;
    return !failure && !ferror(stdout);
}

bool standard_end(void)
{
    if (standard_flush())
        return true;
    fprintf(stderr, "%s: cannot write to standard output%s%s\n", program_invocation_short_name,
            failure ? ": " : "", failure ? strerror(failure) : "");
    return false;
}
