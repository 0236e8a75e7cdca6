/* SPDX-License-Identifier: MIT */
/* A provider from a shared object is somebody else's code: before it comes into this process it is loaded and
 * unloaded once in a process of its own, which may crash or hang as it likes.
 *
 *     service --posix_spawn: PROBER --probe-provider PATH CLSID--> child: service_probe_main()
 *             <----------- struct verdict on descriptor 3 ------           dlopen, DllGetClassObject, OnLoad, OnUnload
 *
 * What this is not: a cage. A provider that passes and crashes later takes the service along. */
#include "service/service_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "base/error_text.h"

#define VERDICT_FD 3

struct verdict {
    HRESULT hr;
    VDS_OBJECT_ID id;
    char reason[200];
};

/* ---- in the child ---------------------------------------------------------------------------------- */

_Noreturn void service_probe_main(const char *path, const char *clsid)
{
    struct service_provider config = { .name = path, .path = path };
    struct verdict v = { .hr = E_INVALIDARG };

    fcntl(VERDICT_FD, F_SETFD, FD_CLOEXEC);
    if (guid_parse(clsid, (struct guid *)(void *)&config.clsid) == 0)
        v.hr = service_provider_try(&config, &v.id);
    strncpy(v.reason, error_text_get(), sizeof v.reason - 1);
    if (write(VERDICT_FD, &v, sizeof v) != sizeof v)
        _exit(EXIT_FAILURE);
    _exit(EXIT_SUCCESS); /* what the provider does at exit is not asked */
}

/* ---- in the service -------------------------------------------------------------------------------- */

/* The environment and one more, so that a provider can know; the pointers are environ's. */
static char **probe_environment(void)
{
    static char mark[] = "VDS_PROVIDER_PROBE=1";
    size_t n = 0;
    char **copy;

    while (environ[n])
        n++;
    copy = calloc(n + 2, sizeof *copy);
    if (!copy)
        return NULL;
    memcpy(copy, environ, n * sizeof *copy);
    copy[n] = mark;
    return copy;
}

/* A process group of its own, so that its children go with it; signals as they are by default. */
static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attr, &none);
    posix_spawnattr_setsigdefault(attr, &all);
    posix_spawnattr_setpgroup(attr, 0);
    return posix_spawnattr_setflags(attr,
                                    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

static int set_descriptors(posix_spawn_file_actions_t *actions, int verdict_fd)
{
    int r = posix_spawn_file_actions_adddup2(actions, verdict_fd, VERDICT_FD);

    if (r == 0)
        r = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    return r == 0 ? posix_spawn_file_actions_adddup2(actions, 2, 1) : r;
}

static int spawn(const char *prober, const struct service_provider *config, int verdict_fd, pid_t *ret_pid)
{
    _cleanup_(freep) char **environment = probe_environment();
    char clsid[GUID_TEXT_SIZE];
    const char *argv[] = { prober, SERVICE_PROBE_WORD, config->path, clsid, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int r;

    if (!environment || posix_spawn_file_actions_init(&actions) != 0)
        return -ENOMEM;
    guid_format(com_guid(&config->clsid), clsid);
    r = posix_spawnattr_init(&attr);
    if (r == 0) {
        r = set_attributes(&attr);
        if (r == 0)
            r = set_descriptors(&actions, verdict_fd);
        if (r == 0)
            r = posix_spawn(ret_pid, prober, &actions, &attr, (char **)argv, environment);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&actions);
    return -r;
}

/* Waits for its end, and sees to it when the time is over. The wait status; *ret_late: it had to be ended. */
static int await_end(pid_t pid, uint32_t timeout_ms, bool *ret_late)
{
    struct pollfd end = { .fd = pidfd_open(pid, 0), .events = POLLIN };
    struct timespec deadline = service_deadline(timeout_ms), now;
    int64_t left;
    int status = 0, r;

    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
        left = (deadline.tv_sec - now.tv_sec) * 1000 + (deadline.tv_nsec - now.tv_nsec) / 1000000;
        r = poll(&end, 1, left > 0 ? (int)left : 0);
    } while (r < 0 && errno == EINTR);
    *ret_late = r <= 0;
    kill(-pid, SIGKILL); /* not reaped yet: the group is still its own */
    closep(&end.fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static HRESULT judge(int status, bool late, uint32_t timeout_ms, const struct verdict *v)
{
    if (v) {
        error_text_set("%.*s", (int)sizeof v->reason - 1, v->reason);
        return v->hr;
    }
    if (late)
        error_text_set("it has not loaded within %u ms", timeout_ms);
    else if (WIFSIGNALED(status))
        error_text_set("it crashes while it is loaded: %s", strsignal(WTERMSIG(status)));
    else
        error_text_set("it ends the process while it is loaded, with status %d", WEXITSTATUS(status));
    return VDS_E_PROVIDER_INITIALIZATION_FAILED;
}

HRESULT service_provider_probe(const char *prober, const struct service_provider *config, uint32_t timeout_ms,
                               VDS_OBJECT_ID *ret_id)
{
    int fds[2], status, r;
    struct verdict v;
    bool late, told;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return E_OUTOFMEMORY;
    r = spawn(prober, config, fds[1], &pid);
    close(fds[1]);
    if (r < 0) {
        close(fds[0]);
        error_text_set("no process can be made to try it in: %s", strerrordesc_np(-r));
        return E_OUTOFMEMORY;
    }
    status = await_end(pid, timeout_ms, &late);
    told = read(fds[0], &v, sizeof v) == sizeof v;
    close(fds[0]);
    if (told)
        *ret_id = v.id;
    return judge(status, late, timeout_ms, told ? &v : NULL);
}
