/* SPDX-License-Identifier: MIT */
#include "rpc/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <vds/vdsclient.h>

#include "base/cleanup.h"
#include "base/error_text.h"
#include "rpc/error.h"

#define SYSTEM_SOCKET "/run/vds/vds.sock"

void rpc_default_socket(char path[static RPC_SOCKET_MAX])
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    int n = RPC_SOCKET_MAX;

    if (geteuid() != 0 && folder && *folder)
        n = snprintf(path, RPC_SOCKET_MAX, "%s/vds/vds.sock", folder);
    if (n >= RPC_SOCKET_MAX)
        strcpy(path, SYSTEM_SOCKET);
}

static int connect_to(const char *path)
{
    _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (fd < 0)
        return -errno;
    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return -errno;
    return TAKE_FD(fd);
}

static HRESULT refused(const char *path, int r)
{
    if (r == -EACCES || r == -EPERM) {
        error_text_set("the service's socket %s is not for this user", path);
        return E_ACCESSDENIED;
    }
    if (r == -ENOENT || r == -ECONNREFUSED)
        error_text_set("no service listens at %s: start vdsd, or say with VDS_SOCKET where it listens", path);
    else
        error_text_set("the service's socket %s cannot be reached: %s", path, strerrordesc_np(-r));
    return RPC_UNAVAILABLE;
}

HRESULT rpc_transport_local(int *ret_fd, char where[static RPC_SOCKET_MAX])
{
    const char *named = getenv("VDS_SOCKET");
    int fd;

    if (named && *named)
        snprintf(where, RPC_SOCKET_MAX, "%s", named);
    else
        rpc_default_socket(where);
    fd = connect_to(named && *named ? named : where);
    if (fd < 0 && !(named && *named) && strcmp(where, SYSTEM_SOCKET) != 0) {
        int system_fd = connect_to(SYSTEM_SOCKET);

        if (system_fd >= 0 || system_fd == -EACCES) {
            fd = system_fd;
            strcpy(where, SYSTEM_SOCKET);
        }
    }
    if (fd < 0)
        return refused(where, fd);
    *ret_fd = fd;
    return S_OK;
}

/* ---- another host ------------------------------------------------------------------------------------ */

/* In the child: async-signal-safe calls only. Forks once more, so that nobody has to reap what lives as long
 * as the connection. Ctrl-C is for the caller, who may have something to say over the connection then. */
static void become(const char *const argv[], int fd)
{
    pid_t pid = fork();
    sigset_t none;

    if (pid != 0)
        _exit(pid < 0);
    sigemptyset(&none);
    if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0)
        _exit(127);
    fcntl(0, F_SETFD, 0); /* when it was one of them, it still closes itself */
    fcntl(1, F_SETFD, 0);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGINT, SIG_IGN); /* Ctrl-C of a terminal comes here, too: the program may have something to cancel over this way, and ends it */
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

static int spawn(const char *const argv[], int fd)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        become(argv, fd);
    while (pid > 0 && waitpid(pid, &status, 0) < 0) {
        if (errno == ECHILD) /* the program lets the system reap its children: nobody can say how that went */
            return 0;
        if (errno != EINTR)
            return -errno;
    }
    return pid < 0 ? -errno : status == 0 ? 0 : -EAGAIN;
}

/* [USER@]HOST without anything that ssh would take for an option, or that a shell would mind where the user's ssh_config hands the name
 * to one (ProxyCommand %h). Names with other characters can be given an alias there. */
static bool is_host(const char *text)
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-[]";
    const char *at = strrchr(text, '@'), *name = at ? at + 1 : text;
    size_t user = at ? (size_t)(at - text) : 0;

    if (*text == '-' || name[*name == '['] == '-' || name[*name == '['] == '\0' || (at && user == 0))
        return false;
    return strspn(name, fine) == strlen(name) && strspn(text, fine) >= user;
}

/* "user@host:2222", "[::1]", "[::1]:2222": ssh wants the port apart and no brackets. An address of several colons has no port. Shortens
 * `host`; the port, or NULL. */
static const char *cut_port(char *host)
{
    char *name = strrchr(host, '@') ? strrchr(host, '@') + 1 : host, *end = strchr(name, ']'), *colon = strchr(name, ':');

    if (*name == '[' && end) {
        colon = end[1] == ':' ? end + 1 : NULL;
        *end = '\0';
        memmove(name, name + 1, (size_t)(end - name));
    }
    if (!colon || !colon[1] || colon[1 + strspn(colon + 1, "0123456789")])
        return NULL;
    *colon = '\0';
    return colon + 1;
}

static int spawn_ssh(const char *host, int fd)
{
    _cleanup_(freep) char *name = strdup(host);
    const char *port = name ? cut_port(name) : NULL;
    const char *plain[] = { "ssh", "-T", "--", name, "vdsctl", "bridge", NULL };
    const char *with_port[] = { "ssh", "-T", "-p", port, "--", name, "vdsctl", "bridge", NULL };

    if (!name)
        return -ENOMEM;
    return spawn(port ? with_port : plain, fd);
}

HRESULT rpc_transport_remote(const char *host, int *ret_fd)
{
    const char *rsh = getenv("VDS_RSH");
    const char *rsh_argv[] = { rsh, host, "vdsctl", "bridge", NULL };
    int fds[2], r;

    if (!is_host(host)) {
        error_text_set("\"%s\" is not a host", host);
        return E_INVALIDARG;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return E_OUTOFMEMORY;
    r = rsh && *rsh ? spawn(rsh_argv, fds[1]) : spawn_ssh(host, fds[1]);
    close(fds[1]);
    if (r == 0) {
        *ret_fd = fds[0];
        return S_OK;
    }
    close(fds[0]);
    error_text_set("no process can be made for the way to %s: %s", host, strerrordesc_np(-r));
    return E_OUTOFMEMORY;
}

/* ---- the far end of it ------------------------------------------------------------------------------- */

/* One direction. Never blocks on its way out: the service does not read from who does not read its answers. */
struct lane {
    int from, to;
    char bytes[65536];
    size_t at, n; /* what is to be written still */
    bool ended;   /* nothing comes any more */
};

static struct pollfd lane_wants(const struct lane *l)
{
    if (l->at < l->n)
        return (struct pollfd){ .fd = l->to, .events = POLLOUT };
    return (struct pollfd){ .fd = l->from, .events = POLLIN };
}

/* As much as there is room for: a pipe that can be written to takes PIPE_BUF bytes. */
static ssize_t write_some(int fd, const char *bytes, size_t n)
{
    ssize_t done = send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);

    return done < 0 && errno == ENOTSOCK ? write(fd, bytes, n < PIPE_BUF ? n : PIPE_BUF) : done;
}

/* -errno when the other side has gone. */
static int lane_turn(struct lane *l)
{
    bool writes = l->at < l->n;
    ssize_t n = writes ? write_some(l->to, l->bytes + l->at, l->n - l->at) : read(l->from, l->bytes, sizeof l->bytes);

    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    if (writes) {
        l->at += (size_t)n;
    } else {
        l->at = 0;
        l->n = (size_t)n;
        l->ended = n == 0;
    }
    return 0;
}

static int shuttle(struct lane lanes[static 2])
{
    int r = 0;

    while (r == 0 && !(lanes[0].ended || lanes[1].ended)) {
        struct pollfd fds[2] = { lane_wants(&lanes[0]), lane_wants(&lanes[1]) };

        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return -errno;
        for (size_t i = 0; i < 2 && r == 0; i++)
            r = fds[i].revents ? lane_turn(&lanes[i]) : 0;
    }
    return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

int vds_bridge(int in_fd, int out_fd)
{
    _cleanup_(freep) struct lane *lanes = calloc(2, sizeof *lanes);
    _cleanup_(closep) int service = -1;
    char where[RPC_SOCKET_MAX];

    if (!lanes)
        return -ENOMEM;
    if (FAILED(rpc_transport_local(&service, where)))
        return -ECONNREFUSED;
    lanes[0].from = in_fd;
    lanes[0].to = lanes[1].from = service;
    lanes[1].to = out_fd;
    return shuttle(lanes);
}
