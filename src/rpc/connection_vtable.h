/* SPDX-License-Identifier: MIT */
/* org.vds.Connection: what a connection needs beyond the API itself. At RPC_PATH_ROOT; userdata is the struct
 * rpc_peer. */
#ifndef VDS_RPC_CONNECTION_VTABLE_H
#define VDS_RPC_CONNECTION_VTABLE_H

#include <systemd/sd-bus.h>

#define RPC_CONNECTION_INTERFACE "org.vds.Connection"
#define RPC_EVENTS_SIGNAL        "Notify" /* ua(uv): the subscription's token, VDS_NOTIFICATIONs */

struct rpc_peer;

extern const sd_bus_vtable rpc_connection_vtable[];

/* Answers what bus clients (busctl) ask of a message bus before anything else, so that they can talk to a
 * peer. */
int rpc_bus_look(struct rpc_peer *peer);

#endif
