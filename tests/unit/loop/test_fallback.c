/* SPDX-License-Identifier: MIT */
/* What AUTO does where io_uring is forbidden. In a program of its own: a seccomp filter cannot be taken
 * off again. */
#include "../unit_test.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "loop/loop.h"

static bool forbid(long call, int err)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)err),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = { ARRAY_SIZE(code), code };

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
}

static int forbidden_errno;

static void a_forbidden_io_uring_is_an_error_when_asked_for_and_epoll_when_not(void **state)
{
    const struct loop_options uring = { .backend = LOOP_BACKEND_URING };
    struct loop *loop = NULL;

    (void)state;
    if (!forbidden_errno)
        skip(); /* this machine does not let a process filter its own system calls */
    assert_int_equal(loop_create(&uring, &loop), -forbidden_errno);
    assert_null(loop);
    assert_int_equal(loop_create(NULL, &loop), 0);
    assert_string_equal(loop_backend_name(loop), "epoll");
    assert_int_equal(loop_turn(loop, 0), 0);
    loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forbidden_io_uring_is_an_error_when_asked_for_and_epoll_when_not),
    };
    const int errors[] = { EPERM, ENOSYS, ENOMEM };
    int n_failed = 0;

    /* Filters add up, and of two errnos the last filter's counts: each round sees its own. */
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        forbidden_errno = forbid(SYS_io_uring_setup, errors[i]) ? errors[i] : 0;
        n_failed += RUN_TESTS(tests);
    }
    return n_failed;
}
