/* SPDX-License-Identifier: MIT */
/* The server's life: options, sockets, start and stop. */
#include "rpc/server_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "rpc/arrival.h"
#include "rpc/thread.h"

uint64_t rpc_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void rpc_server_wake(struct rpc_server *server)
{
    uint64_t one = 1;

    if (write(server->wake_fd, &one, sizeof one) < 0) {
        /* the counter is full: the loop has been woken already */
    }
}

struct rpc_server *rpc_server_ref(struct rpc_server *server)
{
    atomic_fetch_add(&server->refs, 1);
    return server;
}

void rpc_server_unref(struct rpc_server *server)
{
    if (atomic_fetch_sub(&server->refs, 1) > 1)
        return;
    pthread_cond_destroy(&server->gone);
    pthread_cond_destroy(&server->work);
    pthread_mutex_destroy(&server->lock);
    closep(&server->wake_fd);
    free(server);
}

static void default_to(unsigned *limit, unsigned value)
{
    if (*limit == 0)
        *limit = value;
}

static void set_options(struct rpc_server *s, const struct rpc_server_options *options)
{
    struct rpc_server_options *o = &s->options;

    if (options)
        *o = *options;
    default_to(&o->max_connections, 256);
    default_to(&o->max_readers, o->max_connections - o->max_connections / 4);
    default_to(&o->max_workers, 64);
    default_to(&o->max_client_workers, 8);
    default_to(&o->max_calls, 256);
    default_to(&o->max_waits, 1024);
    default_to(&o->max_operations, 1024);
    default_to(&o->max_subscriptions, 16);
    default_to(&o->max_reader_subscriptions, 128);
    default_to(&o->max_events, 4096);
    default_to(&o->max_array, rpc_default_limits.max_elements);
    default_to(&o->max_string, rpc_default_limits.max_chars);
    default_to(&o->auth_seconds, 10);
    default_to(&o->keep_seconds, 60);
    if (!o->software)
        o->software = "vds";
    s->limits = (struct rpc_limits){ .max_elements = o->max_array, .max_chars = o->max_string };
}

static void init_lists(struct rpc_server *s)
{
    list_init(&s->peers);
    list_init(&s->arrivals);
    list_init(&s->ready);
    list_init(&s->jobs);
    list_init(&s->done);
    list_init(&s->ended);
    list_init(&s->noisy);
}

int rpc_server_create(IVdsService *service, const struct rpc_server_options *options,
                      struct rpc_server **ret_server)
{
    struct rpc_server *s = calloc(1, sizeof *s);
    int r;

    if (!s)
        return -ENOMEM;
    atomic_init(&s->refs, 1);
    set_options(s, options);
    init_lists(s);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    pthread_cond_init(&s->gone, NULL);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->wake_fd < 0) {
        r = -errno;
        rpc_server_unref(s);
        return r;
    }
    s->service = service;
    IVdsService_AddRef(service);
    r = rpc_thread_create(&s->loop, /* detached= */ false, rpc_loop, s);
    if (r < 0) {
        IVdsService_Release(service);
        rpc_server_unref(s);
        return r;
    }
    *ret_server = s;
    return 0;
}

void rpc_server_destroy(struct rpc_server *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_mutex_unlock(&s->lock);
    rpc_server_wake(s);
    pthread_join(s->loop, NULL); /* it has closed all connections */
    pthread_mutex_lock(&s->lock);
    s->closed = true;
    pthread_mutex_unlock(&s->lock);
    rpc_pool_stop(s);
    rpc_loop_fini(s);
    IVdsService_Release(s->service);
    s->service = NULL;
    rpc_server_unref(s);
}

/* ---- sockets ----------------------------------------------------------------------------------------- */

int rpc_server_listen_fd(struct rpc_server *s, int fd)
{
    int r = 0;

    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -errno;
    pthread_mutex_lock(&s->lock);
    if (s->n_listeners < MAX_LISTENERS)
        s->listeners[s->n_listeners++] = fd;
    else
        r = -ENOSPC;
    pthread_mutex_unlock(&s->lock);
    rpc_server_wake(s);
    return r;
}

static bool somebody_listens(const struct sockaddr_un *address)
{
    _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd >= 0 &&
           (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN);
}

/* With no moment of wider rights than 0600: Linux takes the mode of the unbound socket. */
static int bind_private(int fd, const struct sockaddr_un *address)
{
    if (fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)address, sizeof *address) < 0)
        return -errno;
    return 0;
}

/* What a killed service left behind; nothing but a socket. */
static int remove_stale(const char *path)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    return unlink(path) < 0 ? -errno : 0;
}

/* A group that it has already is left alone: to change one may be forbidden to this process. */
static int set_rights(const char *path, mode_t mode, gid_t gid)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return -errno;
    if (gid != (gid_t)-1 && gid != st.st_gid && chown(path, (uid_t)-1, gid) < 0)
        return -errno;
    return chmod(path, mode) < 0 ? -errno : 0;
}

int rpc_server_listen(struct rpc_server *s, const char *path, mode_t mode, gid_t gid)
{
    _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int r;

    if (fd < 0)
        return -errno;
    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    if (somebody_listens(&address))
        return -EADDRINUSE;
    r = remove_stale(path);
    if (r == 0)
        r = bind_private(fd, &address);
    if (r == 0)
        r = set_rights(path, mode, gid);
    if (r < 0)
        return r;
    if (listen(fd, 64) < 0)
        return -errno;
    r = rpc_server_listen_fd(s, fd);
    if (r == 0)
        (void)TAKE_FD(fd);
    return r;
}

static int arrive(struct rpc_server *s, struct rpc_arrival arrival)
{
    struct rpc_arrival *a = malloc(sizeof *a);

    if (!a)
        return -ENOMEM;
    *a = arrival;
    pthread_mutex_lock(&s->lock);
    list_append(&s->arrivals, &a->link);
    pthread_mutex_unlock(&s->lock);
    rpc_server_wake(s);
    return 0;
}

int rpc_server_add_fd(struct rpc_server *s, int fd)
{
    return arrive(s, (struct rpc_arrival){ .fd = fd });
}

int rpc_server_attach_bus(struct rpc_server *s, sd_bus *bus)
{
    return arrive(s, (struct rpc_arrival){ .fd = -1, .bus = bus });
}

void rpc_server_figures(struct rpc_server *s, struct rpc_server_figures *ret_figures)
{
    pthread_mutex_lock(&s->lock);
    *ret_figures = (struct rpc_server_figures){
        .connections = s->n_peers,
        .operations = s->n_operations,
        .subscriptions = s->n_subscriptions,
        .waits = s->n_waits,
        .calls = s->n_calls,
    };
    pthread_mutex_unlock(&s->lock);
}
