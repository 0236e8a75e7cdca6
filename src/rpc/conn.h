/* SPDX-License-Identifier: MIT */
/* A client's connection to a service: calls from any thread, each blocked on its own; notifications on a
 * thread of their own.
 *
 * sd-bus is not for several threads, so everything of it happens under conn->lock; only the dispatcher reads
 * from the socket, and it polls outside the lock. The lock is recursive: releasing an async proxy sends a
 * message, and that may happen while an answer is taken apart.
 */
#ifndef VDS_RPC_CONN_H
#define VDS_RPC_CONN_H

#include <systemd/sd-bus.h>

#ifndef COBJMACROS
#define COBJMACROS /* IVdsLun_GetProperties(p, ...) and so on */
#endif
#include <vds/vds.h>

struct rpc_conn;

/* Takes the connected stream over, in any case, and greets the service. `where` is for sentences:
 * "/run/vds/vds.sock". */
HRESULT rpc_conn_open(int fd, const char *where, struct rpc_conn **ret_conn);
struct rpc_conn *rpc_conn_ref(struct rpc_conn *conn);
/* The last one closes; pending calls of other threads cannot be, they hold one. NULL is fine. */
void rpc_conn_unref(struct rpc_conn *conn);

/* RPC_E_DISCONNECTED, with a sentence and without the lock, when the service has gone. */
HRESULT rpc_conn_lock(struct rpc_conn *conn);
void rpc_conn_unlock(struct rpc_conn *conn);

/* The rest needs the lock. */
HRESULT rpc_conn_message(struct rpc_conn *conn, const char *path, const char *interface, const char *member,
                         sd_bus_message **ret_m);
/* Sends m and waits, the lock given up meanwhile. An error reply becomes its HRESULT and sentence. The caller
 * unrefs *ret_reply. */
HRESULT rpc_conn_exchange(struct rpc_conn *conn, sd_bus_message *m, sd_bus_message **ret_reply);
/* Sends m and forgets it. */
void rpc_conn_post(struct rpc_conn *conn, sd_bus_message *m);

/* ---- notifications (sink.c) -------------------------------------------------------------------------- */
struct rpc_sinks;
struct rpc_sinks *rpc_conn_sinks(struct rpc_conn *conn);

#endif
