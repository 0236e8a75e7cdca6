/* SPDX-License-Identifier: MIT */
/* The service on D-Bus: an IVdsService served to other processes over Unix sockets (peer to peer, no bus
 * needed), and on a message bus. Uses the public interfaces of the service and nothing else. docs/dbus.md
 * describes the wire.
 *
 * Threads: one owns every connection and does all that touches sd-bus; a pool of workers makes the calls, so
 * that a long method of one client holds up neither the others nor the wire; a Wait takes no thread while it
 * waits (com_async_on_end()). One loop and a pool, not a thread per connection, because what blocks is
 * methods, not connections: the limit is then on calls, and 50 waiting threads of a client cost 50 small
 * structs here.
 */
#ifndef VDS_RPC_SERVER_H
#define VDS_RPC_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include <systemd/sd-bus.h>

#ifndef COBJMACROS
#define COBJMACROS /* IVdsLun_GetProperties(p, ...) and so on */
#endif
#include <vds/vds.h>

struct rpc_server;

#define RPC_GROUPS_MAX 128

struct rpc_credentials { /* of the process that connected; -1: not known */
    uid_t uid;
    gid_t gid;
    pid_t pid;
    gid_t groups[RPC_GROUPS_MAX]; /* none when there are more */
    size_t n_groups;
};

/* Every limit: 0 takes the default. */
struct rpc_server_options {
    unsigned max_connections;    /* 256 */
    unsigned max_readers;        /* 3/4 of max_connections: connections of clients that may not change anything, so that they
                                    never keep out who may */
    unsigned max_workers;        /* 64: calls that run at once, of all clients */
    unsigned max_client_workers; /* 8: of one client */
    unsigned max_calls;          /* 256: unanswered calls of one client; Waits are counted apart */
    unsigned max_waits;          /* 1024: pending Waits of one client */
    unsigned max_operations;     /* 1024: async objects that one client holds */
    unsigned max_subscriptions;  /* 16: of one client */
    unsigned max_reader_subscriptions; /* 128: of all that may not change anything */
    unsigned max_events;         /* 4096: unsent notifications of one client; beyond it is cut off */
    unsigned max_array;          /* 65536: elements of one array that a client sends */
    unsigned max_string;         /* 1 MiB: bytes of one string that a client sends */
    unsigned auth_seconds;       /* 10: to finish the D-Bus handshake */
    unsigned
        keep_seconds; /* 60: how long an ended operation is surely kept for a client that holds too many */
    /* May this client call a method that changes something? NULL: whoever may connect, may. */
    bool (*may_change)(void *arg, const struct rpc_credentials *who);
    void *may_change_arg;
    /* polkit's action to ask for when may_change() says no to a client on a message bus; NULL: no means no. */
    const char *polkit_action;
    const char *software; /* "vdsd 0.1.0", told to clients */
};

/* Starts the threads. The service is kept until rpc_server_destroy(). -errno. */
int rpc_server_create(IVdsService *service, const struct rpc_server_options *options,
                      struct rpc_server **ret_server);

/* Listens at `path`; a stale socket there is replaced, a live one is -EADDRINUSE, anything else stays: -EEXIST. The folder must exist.
 * `gid` -1: unchanged. */
int rpc_server_listen(struct rpc_server *server, const char *path, mode_t mode, gid_t gid);
/* Takes over a listening socket (socket activation). */
int rpc_server_listen_fd(struct rpc_server *server, int fd);
/* Takes over one connected stream: a client at the other end of it. */
int rpc_server_add_fd(struct rpc_server *server, int fd);
/* Serves the same objects on a message bus too; `bus` is handed over, connected or starting, with its name
 * requested by the caller. */
int rpc_server_attach_bus(struct rpc_server *server, sd_bus *bus);

struct rpc_server_figures {
    unsigned connections, operations, subscriptions, waits, calls;
};
void rpc_server_figures(struct rpc_server *server, struct rpc_server_figures *ret_figures);

/* Closes every connection; returns when no call is running in the service any more. Operations go on. NULL is
 * fine. */
void rpc_server_destroy(struct rpc_server *server);

#endif
