/* SPDX-License-Identifier: MIT */
/* What the generated skeletons need of the server, and it of them. */
#ifndef VDS_RPC_SKELETON_H
#define VDS_RPC_SKELETON_H

#include <systemd/sd-bus.h>

#include "rpc/desc.h"

/* Every method of every interface arrives here; userdata is the struct rpc_peer. */
int rpc_server_on_call(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* Generated: by interface number. */
extern const sd_bus_vtable *const rpc_vtables[];

#endif
