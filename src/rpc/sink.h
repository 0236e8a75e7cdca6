/* SPDX-License-Identifier: MIT */
/* The sinks that a client has advised, and a thread for each that calls it: a slow sink holds up no other, and
 * not the dispatcher, for a sink may call back into the service. */
#ifndef VDS_RPC_SINK_H
#define VDS_RPC_SINK_H

#include <systemd/sd-bus.h>

#ifndef COBJMACROS
#define COBJMACROS /* IVdsLun_GetProperties(p, ...) and so on */
#endif
#include <vds/vds.h>

struct rpc_sinks;

struct rpc_sinks *rpc_sinks_new(void);
/* Ends the threads, releases the sinks. When it is such a thread that asks, it ends after its sink has
 * returned. NULL is fine. */
void rpc_sinks_destroy(struct rpc_sinks *sinks);

/* Registers before the service knows of it, so that no event can be too early. *ret_token names it from now
 * on. */
HRESULT rpc_sinks_add(struct rpc_sinks *sinks, IVdsAdviseSink *sink, uint32_t *ret_token);
/* Returns when the sink is not being called any more, unless a sink asks: it, or another. VDS_E_BAD_COOKIE. */
HRESULT rpc_sinks_remove(struct rpc_sinks *sinks, uint32_t token);

/* A Notify signal. What does not fit the queue is dropped, and the sink is told that it is out of step
 * (VDS_NF_SERVICE_OUT_OF_SYNC). */
void rpc_sinks_signal(struct rpc_sinks *sinks, sd_bus_message *m);
/* The connection is gone: tells every sink that it is out of step, so that whoever only listens notices. */
void rpc_sinks_lost(struct rpc_sinks *sinks);

#endif
