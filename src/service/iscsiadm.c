/* SPDX-License-Identifier: MIT */
/* Running iscsiadm and reading what it prints. */
#include "service/iscsiadm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error_text.h"

#define OUTPUT_MAX (256u << 10) /* of it the rest is read and thrown away */
#define LIMIT_S    180          /* its own login takes up to 120 s by default */

extern char **environ;

struct output {
    char *text;
    size_t n;
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until the end of the stream. -ETIMEDOUT. */
static int read_all(int fd, struct output *out)
{
    int64_t until = now_ms() + LIMIT_S * 1000;

    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t left = until - now_ms();
        char chunk[4096];
        ssize_t n;

        if (left <= 0 || poll(&p, 1, (int)left) == 0)
            return -ETIMEDOUT;
        n = read(fd, chunk, sizeof chunk);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0 && out->n + (size_t)n < OUTPUT_MAX) {
            memcpy(out->text + out->n, chunk, (size_t)n);
            out->n += (size_t)n;
            out->text[out->n] = '\0';
        }
    }
}

static int spawn(const char *program, const char *const *words, int out, pid_t *ret_pid)
{
    const char *argv[ISCSIADM_WORDS_MAX + 2] = { program };
    posix_spawn_file_actions_t actions;
    int r;

    for (size_t i = 0; words[i] && i < ISCSIADM_WORDS_MAX; i++)
        argv[i + 1] = words[i];
    if (posix_spawn_file_actions_init(&actions) != 0)
        return -ENOMEM;
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, out, 2);
    r = posix_spawnp(ret_pid, program, &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return -r;
}

/* What a failure ended with, for people: the last line that says why, else the last of its complaints, else
 * the last line. Its complaints come before what it says on standard output, which it keeps until the end. */
static void say_why(const char *text)
{
    static const char complaint[] = "iscsiadm: ", reason[] = "iscsiadm: initiator reported error ";
    const char *best = "";
    unsigned best_rank = 0;

    for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
        unsigned rank = strncmp(line, reason, sizeof reason - 1) == 0         ? 2
                        : strncmp(line, complaint, sizeof complaint - 1) == 0 ? 1
                                                                              : 0;

        end = strchrnul(line, '\n');
        if (end > line && rank >= best_rank) {
            best = line;
            best_rank = rank;
        }
    }
    if (best_rank > 0)
        best += sizeof complaint - 1;
    error_text_set("iscsiadm: %.*s", (int)strcspn(best, "\n"), best);
}

static HRESULT run_failed(int r)
{
    if (r == -ENOENT) {
        error_text_set("open-iscsi is not installed on this host");
        return VDS_E_NOT_SUPPORTED;
    }
    error_text_set("iscsiadm cannot be run: %s", strerror(-r));
    return r == -ENOMEM ? E_OUTOFMEMORY : r == -ETIMEDOUT ? VDS_E_OPERATION_CANCELED : E_FAIL;
}

static int wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

HRESULT iscsiadm_run(const char *program, const char *const *words, int *ret_exit, char **ret_out)
{
    _cleanup_(freep) char *text = calloc(1, OUTPUT_MAX);
    struct output out = { text, 0 };
    int pipes[2], r;
    pid_t pid;

    if (!text)
        return E_OUTOFMEMORY;
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return run_failed(-errno);
    r = spawn(program, words, pipes[1], &pid);
    close(pipes[1]);
    if (r == 0) {
        r = read_all(pipes[0], &out);
        if (r < 0)
            kill(pid, SIGKILL);
        *ret_exit = wait_for(pid);
    }
    close(pipes[0]);
    if (r < 0 || *ret_exit == 127) /* 127: a C library that cannot say why exec failed */
        return run_failed(r < 0 ? r : -ENOENT);
    if (*ret_exit != ISCSIADM_OK)
        say_why(text);
    if (*ret_exit == ISCSIADM_DATABASE && strstr(text, "not root")) {
        error_text_set("open-iscsi is for root, and this service does not run as root");
        *ret_exit = ISCSIADM_ACCESS;
    }
    if (ret_out)
        *ret_out = TAKE_PTR(text);
    return S_OK;
}

/* "default tcp,<empty>,<empty>,<empty>,<empty>": name, then transport, hardware address, IP address,
 * interface, initiator. */
static bool parse_iface(char *line, struct iscsiadm_iface *ret_iface)
{
    char *save = NULL, *name = strtok_r(line, " ", &save), *transport = strtok_r(NULL, ",", &save);
    char *hardware = transport ? strtok_r(NULL, ",", &save) : NULL;
    char *address = hardware ? strtok_r(NULL, ",", &save) : NULL;

    if (!name || !address)
        return false;
    snprintf(ret_iface->name, sizeof ret_iface->name, "%s", name);
    snprintf(ret_iface->transport, sizeof ret_iface->transport, "%s", transport);
    snprintf(ret_iface->address, sizeof ret_iface->address, "%s", address[0] == '<' ? "" : address);
    return strcmp(transport, "tcp") == 0;
}

HRESULT iscsiadm_ifaces(const char *program, struct iscsiadm_iface **ret_ifaces, size_t *ret_n)
{
    static const char *const words[] = { "-m", "iface", NULL };
    _cleanup_(freep) struct iscsiadm_iface *ifaces = NULL;
    _cleanup_(freep) char *out = NULL;
    size_t n = 0, n_lines = 1;
    char *save = NULL;
    int exit_code;
    HRESULT hr = iscsiadm_run(program, words, &exit_code, &out);

    if (FAILED(hr))
        return hr;
    if (exit_code != ISCSIADM_OK)
        return exit_code == ISCSIADM_ACCESS ? E_ACCESSDENIED : E_FAIL;
    for (const char *p = out; *p; p++)
        n_lines += *p == '\n';
    if (!(ifaces = calloc(n_lines, sizeof *ifaces)))
        return E_OUTOFMEMORY;
    for (char *line = strtok_r(out, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        n += parse_iface(line, &ifaces[n]);
    *ret_ifaces = TAKE_PTR(ifaces);
    *ret_n = n;
    return S_OK;
}
