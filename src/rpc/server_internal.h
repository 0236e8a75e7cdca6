/* SPDX-License-Identifier: MIT */
/* The server's parts, as they see each other.
 *
 *   loop thread (loop.c)      owns peers, their sd_bus and every sd_bus_message: nothing of sd-bus is touched
 * elsewhere workers (pool.c)          run calls (call.c) and jobs; they touch frames, results and the service
 *   threads of the service    end operations (operation.c), deliver events (advise.c): they link something
 * and wake the loop
 *
 *              request                    run                       done
 *   client ---> loop ---> peer->queued ---> worker ---> server->done ---> loop ---> client
 *
 * One lock, server->lock, guards what is marked so; it is never held across a call of the service's or
 * sd-bus's.
 */
#ifndef VDS_RPC_SERVER_INTERNAL_H
#define VDS_RPC_SERVER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "com/com.h"
#include "rpc/marshal.h"
#include "rpc/path.h"
#include "rpc/protocol.h"
#include "rpc/server.h"

#define RPC_TEXT_MAX  512 /* as base/error_text.c keeps */
#define MAX_LISTENERS 8

/* Something for a worker to do that no client waits for. */
struct rpc_job {
    struct list_node link;
    void (*run)(struct rpc_job *job);
};

struct rpc_server {
    atomic_uint refs; /* the owner's, and one per operation that is watched */
    struct rpc_server_options options;
    struct rpc_limits limits;
    IVdsService *service;
    int wake_fd;
    pthread_t loop;

    /* loop thread only */
    struct list_node peers;
    unsigned n_readers;
    uint64_t accept_after; /* no client is taken before; CLOCK_MONOTONIC, microseconds */
    bool readers_told; /* that there were too many, since the last that got in */

    pthread_mutex_t lock;
    /* under the lock */
    bool stopping;
    bool closed; /* the loop thread has ended: nobody answers any more */
    unsigned n_peers;
    int listeners[MAX_LISTENERS];
    unsigned n_listeners;
    struct list_node arrivals; /* struct rpc_arrival: connections handed in */
    struct list_node ready;    /* peers that have calls to run */
    struct list_node jobs;
    pthread_cond_t work; /* something in `ready` or `jobs`, or stopping */
    pthread_cond_t gone; /* a worker ended */
    unsigned n_workers, n_idle;
    unsigned n_pending;     /* calls and jobs that no worker has taken yet */
    struct list_node done;  /* calls to answer */
    struct list_node ended; /* operations whose Waits are to be answered */
    struct list_node noisy; /* peers with events to send, or to cut off */
    uint64_t last_operation;
    unsigned n_operations, n_subscriptions, n_waits, n_calls;
    unsigned n_reader_subscriptions;
};

/* A client: one connection, or one sender on a message bus. */
struct rpc_peer {
    atomic_uint refs;
    struct rpc_server *server;

    /* loop thread only */
    struct list_node link;
    sd_bus *bus;
    bool shared;              /* stands for a message bus, not for a client */
    struct list_node senders; /* the clients on it */
    unsigned n_senders;
    struct rpc_peer *parent; /* of a client on a message bus */
    char *sender;            /* its name there */
    sd_bus_track *track;
    bool ready;             /* the handshake is over */
    uint64_t auth_deadline; /* CLOCK_MONOTONIC, microseconds */
    struct rpc_credentials who;
    bool reader; /* may not change anything without being asked about; for good once it is on the list */
    struct list_node asked; /* authorize.c: its calls that polkit is asked about */
    unsigned n_asked;

    /* under server->lock */
    bool dead;
    bool cut; /* to be closed: too slow */
    struct list_node queued;
    unsigned n_queued, n_running, n_calls, n_waits;
    struct list_node ready_link;
    struct list_node operations;
    unsigned n_operations;
    struct list_node subscriptions;
    unsigned n_subscriptions;
    struct list_node events;
    unsigned n_events;
    struct list_node noisy_link;
};

/* What a reply is made of. */
struct rpc_result {
    HRESULT hr;
    struct rpc_frame frame;
    struct rpc_paths paths;
    char text[RPC_TEXT_MAX];
};

/* One request on its way through. */
struct rpc_call {
    struct list_node link;
    struct rpc_peer *peer;
    sd_bus_message *request; /* loop thread only */
    void (*run)(struct rpc_call *call);
    const struct rpc_iface *iface;
    const struct rpc_method *method; /* NULL: of org.vds.Connection */
    struct rpc_path path;
    struct rpc_operation *operation; /* of a call on one */
    bool reserved;                   /* room for the operation that it may make */
    struct rpc_result result;
};

/* An IVdsAsync that a client holds. */
struct rpc_operation {
    atomic_uint refs; /* the peer's table, the watch, running calls */
    struct rpc_server *server;
    IVdsAsync *async;
    uint64_t number;
    struct rpc_job job;
    /* under the lock */
    struct rpc_peer *peer; /* NULL: the client has let go */
    struct list_node link;
    struct list_node waits; /* struct rpc_wait; loop thread only */
    bool watched, ended;
    uint64_t ended_at;
    struct list_node ended_link;
    struct rpc_result result; /* once `ended` */
};

/* -- server.c -- */
void rpc_server_wake(struct rpc_server *server);
struct rpc_server *rpc_server_ref(struct rpc_server *server);
void rpc_server_unref(struct rpc_server *server);
uint64_t rpc_now(void);

/* -- loop.c -- */
void *rpc_loop(void *server);
void rpc_loop_fini(struct rpc_server *server);

/* -- peer.c: loop thread only, except ref and unref -- */
struct rpc_peer *rpc_peer_new(struct rpc_server *server);
int rpc_peer_open(struct rpc_server *server, int fd);
struct rpc_peer *rpc_peer_ref(struct rpc_peer *peer);
void rpc_peer_unref(struct rpc_peer *peer);
void rpc_peer_process(struct rpc_peer *peer);
void rpc_peer_close(struct rpc_peer *peer, const char *why);
bool rpc_peer_congested(struct rpc_peer *peer);
int rpc_peer_publish(struct rpc_peer *peer);
/* The client that sent m: the peer itself, or the one of that sender on a message bus. NULL when there is no
 * room. */
struct rpc_peer *rpc_peer_of(struct rpc_peer *peer, sd_bus_message *m);

/* -- authorize.c: loop thread only -- */
/* Begins the call, refuses it, or asks first. As a handler of sd-bus. */
int rpc_authorize(struct rpc_peer *peer, sd_bus_message *m, const struct rpc_method *method);
void rpc_authorize_end_all(struct rpc_peer *peer);

/* -- call.c -- */
int rpc_call_begin(struct rpc_peer *peer, sd_bus_message *m); /* of a client that may make it. Loop */
int rpc_reply(sd_bus_message *request, struct rpc_result *result);
int rpc_reply_error(sd_bus_message *request, HRESULT hr, const char *text);
void rpc_call_finish(struct rpc_call *call);  /* loop: sends the reply, frees */
void rpc_call_discard(struct rpc_call *call); /* loop: frees */
int rpc_connection_supports(struct rpc_peer *peer, sd_bus_message *m);
void rpc_result_fini(struct rpc_result *result);

/* -- pool.c -- */
HRESULT rpc_pool_submit(struct rpc_call *call);
void rpc_pool_job(struct rpc_server *server, struct rpc_job *job);
void rpc_pool_stop(struct rpc_server *server);

/* -- naming.c: any thread -- */
HRESULT rpc_find_object(IVdsService *service, const struct rpc_path *path, const struct rpc_iface *iface,
                        void **ret_object);
/* The path of an object of the service; *kind is a hint, and says what it was. VDS_E_OBJECT_DELETED: it is
 * gone by now. */
HRESULT rpc_name_object(IUnknown *object, const struct rpc_kind **kind, char text[static RPC_PATH_MAX]);
HRESULT rpc_name_enum(IEnumVdsObject *objects, struct rpc_path_item *item);

/* -- operation.c -- */
HRESULT rpc_operation_reserve(struct rpc_peer *peer);
void rpc_operation_unreserve(struct rpc_peer *peer);
HRESULT rpc_operation_create(struct rpc_peer *peer, IVdsAsync *async,
                             char path[static RPC_PATH_MAX]);                     /* takes a reserved place */
struct rpc_operation *rpc_operation_find(struct rpc_peer *peer, uint64_t number); /* a reference, or NULL */
void rpc_operation_unref(struct rpc_operation *op);
int rpc_operation_wait(struct rpc_peer *peer, struct rpc_operation *op, sd_bus_message *request); /* loop */
void rpc_operation_answer(struct rpc_operation *op);               /* loop: it is off `ended` */
int rpc_operation_release(struct rpc_peer *peer, uint64_t number); /* loop */
void rpc_operation_release_all(struct rpc_peer *peer);             /* loop */

/* -- advise.c -- */
void rpc_advise(struct rpc_call *call);
void rpc_unadvise(struct rpc_call *call);
void rpc_advise_end_all(struct rpc_peer *peer); /* loop; the peer is dead */
void rpc_advise_send(struct rpc_peer *peer);    /* loop */

#endif
