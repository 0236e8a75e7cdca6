/* SPDX-License-Identifier: MIT */
/* One TCP connection: drives a struct iscsi_conn (the protocol, no I/O) with a socket, a timer and a pool of
 * buffers.
 *
 * Everything here runs on the reactor that the connection was placed on.
 *
 *      OPEN ---- wants_close, drop ----> FLUSH ---- all sent: FIN ---+
 *        |                                 | grace over, send failed |
 *        +---- EOF, error, kill -----------+------> STOP <-----------+     STOP: the operations under way are cancelled; when they
 *                                                    |                     are back, the protocol is told (iscsi_conn_lost)
 *                              after FIN: LINGER <---+---> CLOSED          LINGER: input is thrown away until the peer closes, so that
 *                                           |                ^             no reset overtakes our last bytes; for a moment only
 *                                           +----------------+             CLOSED: freed when protocol and messages are done with it
 */
#ifndef VDS_TARGET_CONN_H
#define VDS_TARGET_CONN_H

#include "target/internal.h"

enum conn_stage { CONN_STAGE_OPEN, CONN_STAGE_FLUSH, CONN_STAGE_STOP, CONN_STAGE_LINGER, CONN_STAGE_CLOSED };

#define CONN_RECV_IOV 4

/* Somebody who waits for a connection to be gone (engine_session_drop); lives on the waiter's stack. */
struct conn_watcher {
    struct list_node link;
    atomic_bool gone;
};

struct target_conn {
    struct target_reactor *reactor;
    struct list_node link, touched;
    struct loop_message start, kill, retry;
    atomic_uint n_posted;       /* of kill and retry, on their way */
    uint64_t id, since_ns;
    int fd;
    enum conn_stage stage;
    bool receiving, sending, failed, eof, fin_sent, protocol_gone;
    bool mid_batch;             /* the first piece of what there is to say is sent */
    bool asked, dropped;        /* to log out, by a drain; ended by us */
    struct iscsi_conn *iscsi;
    struct loop_op recv_op, send_op;
    struct msghdr recv_msg;
    struct iovec recv_iov[CONN_RECV_IOV];
    struct send_slot *slot;     /* while sending */
    struct loop_timer timer;    /* the protocol's deadline; from FLUSH on the end of grace */
    uint64_t timer_ns;          /* what it is armed for, 0: not armed */
    struct source *source;
    struct guid portal;         /* where it came in */
    char local_address[ADDRESS_TEXT_SIZE], peer_address[ADDRESS_TEXT_SIZE];
    struct dir_path *path;      /* the pin: between admit and release */
    struct target_session *session;
    struct list_node in_waiters; /* of the session that it is to take the place of; registry's lock */
    bool opening;               /* session_open answered -EINPROGRESS */
    struct list_node watchers;  /* struct conn_watcher */
};

/* Takes over fd and source. On the accepting thread; places the connection. */
int target_conn_create(struct engine *engine, int fd, struct source *source, const struct guid *portal,
                       const char *local_address, const struct sockaddr_storage *peer);

/* There may be something to do: look when this turn's callbacks have run. After every call into the protocol
 * from outside. */
void target_conn_touch(struct target_conn *conn);
/* Async event 2, then the end; with a bound on how long the peer may take to read it. */
void target_conn_drop(struct target_conn *conn);
/* At once, nothing is sent. */
void target_conn_kill(struct target_conn *conn);
/* A message that had been posted has arrived: the connection may be freed now. */
void target_conn_unposted(struct target_conn *conn);

/* The deferred callback of a reactor, and its gather lists at the end. */
void target_conns_touched(struct loop_op *op, int res);
void target_slots_free(struct target_reactor *reactor);

/* admission.c: what the protocol asks about targets; `dir` is the struct target_conn. */
extern const struct iscsi_directory target_admission;
/* Counts one connection out of a pair, and tells the drain that may be waiting for it. Takes the directory's
 * lock. `follower`: the initiator, when it has left because a drain asked it to; else NULL. */
void target_release_pin(struct engine *engine, struct dir_path *path, const char *follower);

#endif
