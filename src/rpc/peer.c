/* SPDX-License-Identifier: MIT */
/* A client on the server's side: its connection, what it may do to us by being slow or silent, and its end.
 * Loop thread only. */
#include "rpc/server_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error_text.h"
#include "base/log.h"
#include "rpc/connection_vtable.h"
#include "rpc/error.h"
#include "rpc/skeleton.h"

#define MESSAGES_PER_TURN 32   /* then the others */
#define CONGESTED         64   /* unsent messages from which on a peer is not read from */
#define HOPELESS          4096 /* unsent messages at which it is cut off */

struct rpc_peer *rpc_peer_ref(struct rpc_peer *p)
{
    atomic_fetch_add(&p->refs, 1);
    return p;
}

void rpc_peer_unref(struct rpc_peer *p)
{
    if (!p || atomic_fetch_sub(&p->refs, 1) > 1)
        return;
    free(p->sender);
    free(p);
}

struct rpc_peer *rpc_peer_new(struct rpc_server *s)
{
    struct rpc_peer *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    atomic_init(&p->refs, 1);
    p->server = s;
    p->who = (struct rpc_credentials){ .uid = (uid_t)-1, .gid = (gid_t)-1, .pid = -1 };
    list_init(&p->queued);
    list_init(&p->ready_link);
    list_init(&p->operations);
    list_init(&p->subscriptions);
    list_init(&p->events);
    list_init(&p->noisy_link);
    list_init(&p->senders);
    list_init(&p->asked);
    list_append(&s->peers, &p->link);
    pthread_mutex_lock(&s->lock);
    s->n_peers++;
    pthread_mutex_unlock(&s->lock);
    return p;
}

static uint64_t unsent(struct rpc_peer *p)
{
    uint64_t n;

    return sd_bus_get_n_queued_write(p->bus, &n) < 0 ? 0 : n;
}

bool rpc_peer_congested(struct rpc_peer *p)
{
    return !p->shared && unsent(p) >= CONGESTED;
}

static int find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                       sd_bus_error *error)
{
    const struct rpc_iface *iface = rpc_iface_by_name(interface);
    struct rpc_path parsed;

    (void)bus;
    (void)error;
    if (!iface || rpc_path_parse(path, &parsed) < 0 || rpc_kind_face(parsed.kind, iface) < 0)
        return 0;
    *ret_found = userdata;
    return 1;
}

/* Puts the whole tree on the peer's connection. */
int rpc_peer_publish(struct rpc_peer *p)
{
    int r = sd_bus_add_object_vtable(p->bus, NULL, RPC_PATH_ROOT, RPC_CONNECTION_INTERFACE,
                                     rpc_connection_vtable, p);

    for (size_t k = 0; k < rpc_n_kinds && r >= 0; k++) {
        const struct rpc_kind *kind = &rpc_kinds[k];
        char prefix[RPC_PATH_MAX];

        snprintf(prefix, sizeof prefix, RPC_PATH_ROOT "/%s", kind->name);
        for (size_t i = 0; i < kind->n_ifaces && r >= 0; i++)
            r = sd_bus_add_fallback_vtable(p->bus, NULL, prefix, kind->ifaces[i]->dbus_name,
                                           rpc_vtables[kind->ifaces[i]->number], find_object, p);
    }
    return r;
}

static int new_bus(int fd, sd_bus **ret_bus)
{
    int r = sd_bus_new(ret_bus);

    if (r >= 0)
        r = sd_bus_set_fd(*ret_bus, fd, fd);
    if (r < 0) { /* from here on the descriptor is sd-bus's */
        close(fd);
        *ret_bus = sd_bus_unref(*ret_bus);
    }
    return r;
}

static int open_bus(struct rpc_peer *p, int fd)
{
    sd_id128_t id;
    int r = new_bus(fd, &p->bus);

    if (r >= 0)
        r = sd_bus_set_description(p->bus, "vds-server");
    if (r >= 0)
        r = sd_id128_randomize(&id);
    if (r >= 0)
        r = sd_bus_set_server(p->bus, 1, id);
    if (r >= 0)
        r = sd_bus_negotiate_fds(p->bus, 0);
    if (r >= 0)
        r = rpc_peer_publish(p);
    if (r >= 0)
        r = rpc_bus_look(p);
    return r < 0 ? r : sd_bus_start(p->bus);
}

static void read_credentials(struct rpc_peer *p, int fd)
{
    struct ucred ucred;
    socklen_t n = sizeof ucred, n_groups = sizeof p->who.groups;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ucred, &n) == 0 && ucred.pid > 0)
        p->who = (struct rpc_credentials){ .uid = ucred.uid, .gid = ucred.gid, .pid = ucred.pid };
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, p->who.groups, &n_groups) == 0)
        p->who.n_groups = n_groups / sizeof p->who.groups[0];
}

/* Finds out what it may do; false: there are too many that may do as little. */
static bool admit(struct rpc_peer *p)
{
    struct rpc_server *s = p->server;
    const struct rpc_server_options *o = &s->options;

    if (!o->may_change || o->may_change(o->may_change_arg, &p->who))
        return true;
    if (s->n_readers >= o->max_readers) {
        if (!s->readers_told)
            log_warning("rpc: clients that may only look are turned away: there are %u of them", s->n_readers);
        s->readers_told = true;
        return false;
    }
    p->reader = true;
    s->n_readers++;
    s->readers_told = false;
    return true;
}

int rpc_peer_open(struct rpc_server *s, int fd)
{
    struct rpc_peer *p = rpc_peer_new(s);
    int r;

    if (!p) {
        close(fd);
        return -ENOMEM;
    }
    read_credentials(p, fd);
    p->auth_deadline = rpc_now() + (uint64_t)s->options.auth_seconds * 1000000;
    if (!admit(p)) {
        close(fd);
        rpc_peer_close(p, NULL);
        return 0;
    }
    r = open_bus(p, fd);
    if (r >= 0)
        return 0;
    rpc_peer_close(p, NULL);
    return r;
}

/* ---- clients on a message bus ------------------------------------------------------------------------ */

static int read_groups(struct rpc_peer *p, sd_bus_message *m)
{
    const uint32_t *groups;
    size_t size;
    int r = sd_bus_message_enter_container(m, 'v', "au");

    if (r > 0)
        r = sd_bus_message_read_array(m, 'u', (const void **)&groups, &size);
    if (r < 0)
        return r;
    for (size_t i = 0; i < size / sizeof *groups && i < RPC_GROUPS_MAX; i++)
        p->who.groups[p->who.n_groups++] = groups[i];
    return sd_bus_message_exit_container(m);
}

/* One entry of the dictionary. */
static int read_credential(struct rpc_peer *p, sd_bus_message *m)
{
    const char *key;
    uint32_t number = UINT32_MAX;
    int r = sd_bus_message_read_basic(m, 's', &key);

    if (r < 0)
        return r;
    if (strcmp(key, "UnixGroupIDs") == 0)
        return read_groups(p, m);
    if (strcmp(key, "UnixUserID") != 0 && strcmp(key, "ProcessID") != 0)
        return sd_bus_message_skip(m, "v");
    r = sd_bus_message_read(m, "v", "u", &number);
    if (r > 0 && *key == 'U')
        p->who.uid = number;
    else if (r > 0)
        p->who.pid = (pid_t)number;
    return r;
}

/* What the bus daemon says of a sender: not what /proc says of a process that may be another by now. */
static void read_bus_credentials(struct rpc_peer *p)
{
    sd_bus_message *reply = NULL;
    int r = sd_bus_call_method(p->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                               "GetConnectionCredentials", NULL, &reply, "s", p->sender);

    if (r >= 0)
        r = sd_bus_message_enter_container(reply, 'a', "{sv}");
    while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
        r = read_credential(p, reply);
        if (r >= 0)
            r = sd_bus_message_exit_container(reply);
    }
    if (r < 0) { /* then nobody */
        p->who.uid = (uid_t)-1;
        p->who.n_groups = 0;
    }
    sd_bus_message_unref(reply);
}

/* The bus daemon says that a sender has gone. */
static int on_sender_gone(sd_bus_track *track, void *userdata)
{
    (void)track;
    rpc_peer_close(userdata, "it has left the message bus");
    return 0;
}

static struct rpc_peer *sender_new(struct rpc_peer *parent, const char *sender)
{
    struct rpc_peer *p;

    if (parent->n_senders >= parent->server->options.max_connections || !(p = rpc_peer_new(parent->server)))
        return NULL;
    list_remove(&p->link); /* not polled by itself */
    list_append(&parent->senders, &p->link);
    parent->n_senders++;
    p->parent = parent;
    p->bus = sd_bus_ref(parent->bus);
    p->ready = true;
    p->sender = strdup(sender);
    if (!p->sender || sd_bus_track_new(p->bus, &p->track, on_sender_gone, p) < 0 ||
        sd_bus_track_add_name(p->track, sender) < 0) {
        rpc_peer_close(p, NULL);
        return NULL;
    }
    read_bus_credentials(p);
    if (admit(p))
        return p;
    rpc_peer_close(p, NULL);
    return NULL;
}

struct rpc_peer *rpc_peer_of(struct rpc_peer *p, sd_bus_message *m)
{
    const char *sender = sd_bus_message_get_sender(m);

    if (!p->shared)
        return p;
    if (!sender)
        return NULL;
    list_for_each (n, &p->senders) {
        struct rpc_peer *child = container_of(n, struct rpc_peer, link);

        if (strcmp(child->sender, sender) == 0)
            return child;
    }
    return sender_new(p, sender);
}

/* ---- a peer's end ------------------------------------------------------------------------------------ */

/* Takes what was not begun; what runs goes on, its answer is thrown away. */
static void drop_queued(struct rpc_peer *p, struct list_node *dropped)
{
    struct rpc_server *s = p->server;

    pthread_mutex_lock(&s->lock);
    p->dead = true;
    s->n_peers--;
    s->n_pending -= p->n_queued;
    p->n_queued = 0;
    list_splice(dropped, &p->queued);
    list_remove(&p->ready_link);
    list_remove(&p->noisy_link);
    pthread_mutex_unlock(&s->lock);
}

void rpc_peer_close(struct rpc_peer *p, const char *why)
{
    struct list_node dropped;

    if (why)
        log_debug("rpc: client %d goes: %s", (int)p->who.pid, why);
    while (!list_empty(&p->senders))
        rpc_peer_close(container_of(p->senders.next, struct rpc_peer, link), why);
    list_init(&dropped);
    list_remove(&p->link);
    if (p->parent)
        p->parent->n_senders--;
    p->server->n_readers -= p->reader;
    drop_queued(p, &dropped);
    for (struct list_node *n; (n = list_pop(&dropped));)
        rpc_call_discard(container_of(n, struct rpc_call, link));
    rpc_authorize_end_all(p);
    rpc_operation_release_all(p);
    rpc_advise_end_all(p);
    sd_bus_track_unref(p->track);
    if (!p->parent)
        sd_bus_close(p->bus);
    sd_bus_unref(p->bus);
    p->bus = NULL;
    rpc_peer_unref(p);
}

/* ---- a peer's turn ----------------------------------------------------------------------------------- */

static const char *fault_of(struct rpc_peer *p, int r)
{
    bool cut;

    if (r < 0)
        return r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE ? "it has left" : "it does not speak D-Bus";
    if (!p->ready && rpc_now() >= p->auth_deadline)
        return "it did not finish the handshake";
    if (!p->shared && unsent(p) >= HOPELESS)
        return "it does not read its answers";
    pthread_mutex_lock(&p->server->lock);
    cut = p->cut;
    pthread_mutex_unlock(&p->server->lock);
    return cut ? "it does not read its notifications" : NULL;
}

/* There may be room again: for its own, or for those of the clients behind a message bus. */
static void send_events(struct rpc_peer *p)
{
    list_for_each_safe (n, &p->senders)
        rpc_advise_send(container_of(n, struct rpc_peer, link));
    rpc_advise_send(p);
}

void rpc_peer_process(struct rpc_peer *p)
{
    const char *fault;
    int r = 1;

    rpc_peer_ref(p);
    for (int i = 0; i < MESSAGES_PER_TURN && r > 0; i++) {
        r = sd_bus_process(p->bus, NULL);
        if (rpc_peer_congested(p))
            break;
    }
    if (!p->ready)
        p->ready = r >= 0 && sd_bus_is_ready(p->bus) > 0;
    fault = fault_of(p, r);
    if (fault && p->shared)
        log_warning("rpc: the message bus is gone, and its clients with it; those on the socket go on");
    if (fault)
        rpc_peer_close(p, fault);
    else
        send_events(p);
    rpc_peer_unref(p);
}
