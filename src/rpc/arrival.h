/* SPDX-License-Identifier: MIT */
/* A connection on its way to the loop thread. */
#ifndef VDS_RPC_ARRIVAL_H
#define VDS_RPC_ARRIVAL_H

#include <systemd/sd-bus.h>

#include "base/list.h"

struct rpc_arrival {
    struct list_node link;
    int fd;      /* of a client, or -1 */
    sd_bus *bus; /* a message bus, or NULL */
};

#endif
