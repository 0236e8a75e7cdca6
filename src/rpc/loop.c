/* SPDX-License-Identifier: MIT */
/* The loop thread: waits for sockets and for the other threads, accepts, and lets each peer do its part. */
#include "rpc/server_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "rpc/arrival.h"

#define ACCEPT_PAUSE_US 200000 /* when there is no descriptor for a client that waits: it stays in the backlog */

/* Slots of the poll set: the wake-up, the listeners, then the peers in list order. */
struct poll_set {
    struct pollfd *fds;
    size_t room, n, n_listeners;
};

static int poll_set_reserve(struct poll_set *set, size_t n)
{
    struct pollfd *more;

    if (n <= set->room)
        return 0;
    more = reallocarray(set->fds, n + 16, sizeof *more);
    if (!more)
        return -ENOMEM;
    set->fds = more;
    set->room = n + 16;
    return 0;
}

static void poll_set_add(struct poll_set *set, int fd, short events)
{
    set->fds[set->n++] = (struct pollfd){ .fd = fd, .events = events };
}

/* What the peer waits for; *until is brought forward to its next deadline. A congested peer is not read from:
 * its answers first. */
static short peer_events(struct rpc_peer *p, uint64_t *until)
{
    int events = sd_bus_get_events(p->bus);
    uint64_t at;

    if (rpc_peer_congested(p))
        events &= ~POLLIN;
    else if (sd_bus_get_timeout(p->bus, &at) > 0 && at < *until)
        *until = at;
    if (!p->ready && p->auth_deadline < *until)
        *until = p->auth_deadline;
    return events < 0 ? 0 : (short)events;
}

static int fill(struct rpc_server *s, struct poll_set *set, uint64_t *until)
{
    bool pausing = s->accept_after > rpc_now();
    int r;

    if (pausing)
        *until = s->accept_after;
    pthread_mutex_lock(&s->lock);
    set->n = 0;
    set->n_listeners = s->n_listeners;
    r = poll_set_reserve(set, 1 + s->n_listeners + s->n_peers);
    if (r == 0) {
        poll_set_add(set, s->wake_fd, POLLIN);
        for (size_t i = 0; i < s->n_listeners; i++) /* when full, new ones wait in the backlog */
            poll_set_add(set, s->listeners[i], !pausing && s->n_peers < s->options.max_connections ? POLLIN : 0);
    }
    pthread_mutex_unlock(&s->lock);
    if (r < 0)
        return r;
    list_for_each (n, &s->peers) {
        struct rpc_peer *p = container_of(n, struct rpc_peer, link);

        poll_set_add(set, sd_bus_get_fd(p->bus), peer_events(p, until));
    }
    return 0;
}

static int milliseconds_until(uint64_t until)
{
    uint64_t now = rpc_now(), ms;

    if (until == UINT64_MAX)
        return -1;
    if (until <= now)
        return 0;
    ms = (until - now + 999) / 1000;
    return ms > 3600 * 1000 ? 3600 * 1000 : (int)ms;
}

static void drain_wake(struct rpc_server *s)
{
    uint64_t n;

    if (read(s->wake_fd, &n, sizeof n) < 0) {
        /* nobody has rung */
    }
}

static bool room_for_a_peer(struct rpc_server *s)
{
    bool room;

    pthread_mutex_lock(&s->lock);
    room = s->n_peers < s->options.max_connections;
    pthread_mutex_unlock(&s->lock);
    return room;
}

static void take_fd(struct rpc_server *s, int fd)
{
    int r;

    if (!room_for_a_peer(s)) {
        log_warning("rpc: a client was turned away: too many connections");
        close(fd);
        return;
    }
    r = rpc_peer_open(s, fd);
    if (r < 0)
        log_warning("rpc: a client was turned away: %s", strerrordesc_np(-r));
}

static void accept_all(struct rpc_server *s, int listener)
{
    while (room_for_a_peer(s)) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                s->accept_after = rpc_now() + ACCEPT_PAUSE_US;
            return;
        }
        take_fd(s, fd);
    }
}

static void take_bus(struct rpc_server *s, sd_bus *bus)
{
    struct rpc_peer *p = rpc_peer_new(s);

    if (!p) {
        sd_bus_flush_close_unref(bus);
        return;
    }
    p->bus = bus;
    p->shared = p->ready = true;
    if (rpc_peer_publish(p) < 0)
        rpc_peer_close(p, "the objects cannot be put on the message bus");
}

static void take_arrivals(struct rpc_server *s)
{
    struct list_node arrivals;

    list_init(&arrivals);
    pthread_mutex_lock(&s->lock);
    list_splice(&arrivals, &s->arrivals);
    pthread_mutex_unlock(&s->lock);
    for (struct list_node *n; (n = list_pop(&arrivals));) {
        struct rpc_arrival *a = container_of(n, struct rpc_arrival, link);

        if (a->bus)
            take_bus(s, a->bus);
        else
            take_fd(s, a->fd);
        free(a);
    }
}

static struct list_node *pop_locked(struct rpc_server *s, struct list_node *list)
{
    struct list_node *n;

    pthread_mutex_lock(&s->lock);
    n = list_pop(list);
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* What the other threads have left: answers first, so that a client learns of its subscription before its
 * first event. */
static void deliver(struct rpc_server *s)
{
    struct list_node *n, noisy;

    while ((n = pop_locked(s, &s->done)))
        rpc_call_finish(container_of(n, struct rpc_call, link));
    while ((n = pop_locked(s, &s->ended)))
        rpc_operation_answer(container_of(n, struct rpc_operation, ended_link));
    list_init(&noisy);
    pthread_mutex_lock(&s->lock);
    list_splice(&noisy, &s->noisy);
    pthread_mutex_unlock(&s->lock);
    while ((n = pop_locked(s, &noisy)))
        rpc_advise_send(container_of(n, struct rpc_peer, noisy_link));
}

static bool stopping(struct rpc_server *s)
{
    bool yes;

    pthread_mutex_lock(&s->lock);
    yes = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return yes;
}

static void turn_peers(struct rpc_server *s, const struct poll_set *set, size_t n_polled)
{
    size_t i = 1 + set->n_listeners;
    uint64_t now = rpc_now(), at;

    list_for_each_safe (n, &s->peers) {
        struct rpc_peer *p = container_of(n, struct rpc_peer, link);
        bool due = sd_bus_get_timeout(p->bus, &at) > 0 && at <= now;

        if (i >= n_polled) /* came in this very turn */
            break;
        if (set->fds[i++].revents || due || (!p->ready && p->auth_deadline <= now))
            rpc_peer_process(p);
    }
}

static void turn(struct rpc_server *s, struct poll_set *set)
{
    uint64_t until = UINT64_MAX;

    if (fill(s, set, &until) < 0) {
        log_error("rpc: out of memory in the loop; waiting for connections to go");
        list_for_each_safe (n, &s->peers)
            rpc_peer_process(container_of(n, struct rpc_peer, link));
        return;
    }
    if (poll(set->fds, set->n, milliseconds_until(until)) < 0 && errno != EINTR)
        log_error("rpc: poll: %s", strerrordesc_np(errno));
    drain_wake(s);
    turn_peers(s, set, set->n);
    for (size_t i = 0; i < set->n_listeners; i++) {
        if (set->fds[1 + i].revents)
            accept_all(s, set->fds[1 + i].fd);
    }
    take_arrivals(s);
    deliver(s);
}

void *rpc_loop(void *arg)
{
    struct rpc_server *s = arg;
    struct poll_set set = { 0 };

    while (!stopping(s))
        turn(s, &set);
    deliver(s);
    for (struct list_node *n; !list_empty(&s->peers);) {
        n = s->peers.next;
        rpc_peer_close(container_of(n, struct rpc_peer, link), "the service stops");
    }
    free(set.fds);
    return NULL;
}

/* After the loop thread and the workers have ended: their leavings. */
void rpc_loop_fini(struct rpc_server *s)
{
    for (struct list_node *n; (n = list_pop(&s->done));)
        rpc_call_discard(container_of(n, struct rpc_call, link));
    for (struct list_node *n; (n = list_pop(&s->ended));)
        rpc_operation_answer(container_of(n, struct rpc_operation, ended_link));
    for (struct list_node *n; (n = list_pop(&s->arrivals));) {
        struct rpc_arrival *a = container_of(n, struct rpc_arrival, link);

        closep(&a->fd);
        sd_bus_unref(a->bus);
        free(a);
    }
    for (size_t i = 0; i < s->n_listeners; i++)
        close(s->listeners[i]);
}
