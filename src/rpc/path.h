/* SPDX-License-Identifier: MIT */
/* Object paths: what an object is and which one. "/org/vds/service",
 * "/org/vds/target/aa8f5055_83e5_4bcc_aa73_19851a36a849",
 * "/org/vds/async/17". */
#ifndef VDS_RPC_PATH_H
#define VDS_RPC_PATH_H

#include "base/guid.h"
#include "rpc/desc.h"

#define RPC_PATH_ROOT    "/org/vds"
#define RPC_PATH_SERVICE RPC_PATH_ROOT "/service"
#define RPC_PATH_MAX     128

struct rpc_path {
    const struct rpc_kind *kind;
    struct guid id;     /* of a kind that has one */
    uint64_t operation; /* of kind async */
};

void rpc_path_format(const struct rpc_path *path, char text[static RPC_PATH_MAX]);
/* -EINVAL for anything that rpc_path_format() would not write. */
int rpc_path_parse(const char *text, struct rpc_path *ret_path);

#endif
