/* SPDX-License-Identifier: MIT */
/* Portals as sockets: one listening socket serves all targets. It accepts on one reactor; each connection is
 * placed on its own. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error_text.h"
#include "base/log.h"
#include "target/conn.h"

#define BACKLOG  1024      /* the kernel cuts it to net.core.somaxconn */
#define RETRY_NS 100000000u /* out of descriptors or memory: look again so much later */

struct target_listener {
    struct engine *engine;
    struct target_reactor *reactor;
    struct guid portal;
    char address[ADDRESS_TEXT_SIZE];
    int fd;
    struct loop_op op;
    struct loop_timer retry;
    bool accepting, closing;
    atomic_bool closed;
};

/* ---- accepting (the listener's reactor) ------------------------------------------------------------ */

static void accept_next(struct target_listener *listener)
{
    listener->accepting = true;
    loop_accept(listener->reactor->loop, &listener->op, listener->fd);
}

static void listener_close(struct target_listener *listener)
{
    struct target_idle *idle = &listener->engine->dir.idle;

    loop_timer_stop(listener->reactor->loop, &listener->retry);
    close(TAKE_FD(listener->fd));
    atomic_store(&listener->closed, true); /* whoever waits for this frees it */
    target_idle_signal(idle);
}

static void admit_socket(struct target_listener *listener, int accepted)
{
    _cleanup_(closep) int fd = accepted;
    struct engine *engine = listener->engine;
    struct sockaddr_storage peer = { 0 };
    socklen_t len = sizeof peer;
    struct source *source;

    if (getpeername(fd, (struct sockaddr *)&peer, &len) < 0)
        return; /* gone already */
    if (target_sources_enter(&engine->sources, &peer, loop_now(listener->reactor->loop), &source) < 0)
        return;
    if (target_conn_create(engine, fd, source, &listener->portal, listener->address, &peer) < 0) {
        target_sources_leave(&engine->sources, source);
        return;
    }
    TAKE_FD(fd);
}

/* What accept(2) may say without the listening socket being at fault: the connection was, or we are short of
 * something for a while. */
static bool is_passing(int error)
{
    static const int errors[] = { ECONNABORTED, EINTR,       EAGAIN,    EPROTO,       EPERM,
                                  ENETDOWN,     ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ETIMEDOUT };

    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        if (errors[i] == error)
            return true;
    }
    return false;
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void accept_failed(struct target_listener *listener, int error)
{
    struct loop *loop = listener->reactor->loop;

    if (is_passing(error)) {
        accept_next(listener);
    } else if (is_shortage(error)) {
        log_warning("portal %s cannot accept for the moment: %s", listener->address, strerror(error));
        loop_timer_start(loop, &listener->retry, loop_now(loop) + RETRY_NS);
    } else {
        log_error("portal %s has stopped listening: %s", listener->address, strerror(error));
        target_events_add(&listener->engine->events, ENGINE_LISTENER_FAILED, &listener->portal, NULL);
    }
}

static void accepted(struct loop_op *op, int res)
{
    struct target_listener *listener = container_of(op, struct target_listener, op);

    listener->accepting = false;
    if (res >= 0)
        admit_socket(listener, res);
    if (listener->closing)
        listener_close(listener);
    else if (res >= 0)
        accept_next(listener);
    else
        accept_failed(listener, -res);
}

static void retry_fired(struct loop_timer *timer)
{
    accept_next(container_of(timer, struct target_listener, retry));
}

static void start_run(void *arg)
{
    accept_next(arg);
}

static void stop_run(void *arg)
{
    struct target_listener *listener = arg;

    listener->closing = true;
    if (listener->accepting)
        loop_cancel(listener->reactor->loop, &listener->op);
    else
        listener_close(listener);
}

/* ---- the socket ------------------------------------------------------------------------------------ */

static int set_flag(int fd, int level, int option)
{
    int on = 1;

    return setsockopt(fd, level, option, &on, sizeof on) < 0 ? -errno : 0;
}

/* TCP_NODELAY is inherited by what is accepted: answers are gathered by us, Nagle would only hold them
 * back. */
static int socket_listen(const struct sockaddr_storage *addr, int *ret_fd)
{
    _cleanup_(closep) int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int r;

    if (fd < 0)
        return -errno;
    r = set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
    if (r == 0)
        r = set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
    if (r == 0 && addr->ss_family == AF_INET6)
        r = set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    if (r < 0)
        return r;
    if (bind(fd, (const struct sockaddr *)addr, target_address_len(addr)) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static void listener_free(struct target_listener *listener)
{
    if (!listener)
        return;
    if (listener->fd >= 0)
        close(listener->fd);
    free(listener);
}
DEFINE_CLEANUP(struct target_listener *, listener_free)

static int listener_new(struct engine *engine, const struct guid *portal, const struct sockaddr_storage *addr,
                        struct sockaddr_storage *ret_bound, struct target_listener **ret_listener)
{
    _cleanup_(listener_freep) struct target_listener *listener = calloc(1, sizeof *listener);
    socklen_t len = sizeof *ret_bound;
    int r;

    if (!listener)
        return -ENOMEM;
    listener->fd = -1;
    listener->engine = engine;
    listener->reactor = &engine->reactors[atomic_fetch_add(&engine->next_reactor, 1) % engine->n_reactors];
    listener->portal = *portal;
    listener->op.done = accepted;
    listener->retry.fired = retry_fired;
    r = socket_listen(addr, &listener->fd);
    if (r < 0)
        return r;
    *ret_bound = (struct sockaddr_storage){ 0 };
    if (getsockname(listener->fd, (struct sockaddr *)ret_bound, &len) < 0)
        return -errno;
    target_address_format(ret_bound, listener->address);
    *ret_listener = TAKE_PTR(listener);
    return 0;
}

/* ---- engine.h -------------------------------------------------------------------------------------- */

static bool portal_is_open(struct engine *engine, const struct guid *id)
{
    const struct dir_portal *portal;
    bool is;

    target_dir_read(&engine->dir);
    portal = target_dir_portal(&engine->dir, id);
    is = portal && portal->open;
    target_dir_unlock(&engine->dir);
    return is;
}

int engine_portal_open(struct engine *engine, const struct guid *portal, const struct sockaddr_storage *addr)
{
    _cleanup_(listener_freep) struct target_listener *listener = NULL;
    struct sockaddr_storage bound;
    int r;

    if (target_address_len(addr) == 0 || target_address_is_wildcard(addr)) {
        error_text_set("a portal is one address: SendTargets must be able to name it");
        return -EINVAL;
    }
    if (portal_is_open(engine, portal))
        return -EEXIST;
    r = listener_new(engine, portal, addr, &bound, &listener);
    if (r < 0)
        return r;
    target_dir_write(&engine->dir);
    r = target_dir_portal_open(&engine->dir, portal, &bound, listener);
    target_dir_unlock(&engine->dir);
    if (r < 0)
        return r;
    log_info("portal %s is open", listener->address);
    loop_call(listener->reactor->loop, start_run, listener);
    TAKE_PTR(listener);
    return 0;
}

int engine_portal_address(struct engine *engine, const struct guid *id, struct sockaddr_storage *ret_addr)
{
    const struct dir_portal *portal;
    int r = -ENOENT;

    target_dir_read(&engine->dir);
    portal = target_dir_portal(&engine->dir, id);
    if (portal && portal->open) {
        *ret_addr = portal->addr;
        r = 0;
    }
    target_dir_unlock(&engine->dir);
    return r;
}

static bool listener_is_closed(const void *arg)
{
    const struct target_listener *listener = arg;

    return atomic_load(&listener->closed);
}

int engine_portal_close(struct engine *engine, const struct guid *portal)
{
    struct target_listener *listener = NULL;
    int r;

    target_dir_write(&engine->dir);
    r = target_dir_portal_close(&engine->dir, portal, &listener);
    target_dir_unlock(&engine->dir);
    if (r < 0)
        return r;
    loop_call(listener->reactor->loop, stop_run, listener);
    target_idle_wait(&engine->dir.idle, listener_is_closed, listener);
    log_info("portal %s is closed", listener->address);
    listener_free(listener);
    return 0;
}
