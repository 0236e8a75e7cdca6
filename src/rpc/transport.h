/* SPDX-License-Identifier: MIT */
/* Ways to a service: its socket here, or a tunnel to another host's. */
#ifndef VDS_RPC_TRANSPORT_H
#define VDS_RPC_TRANSPORT_H

#ifndef COBJMACROS
#define COBJMACROS /* IVdsLun_GetProperties(p, ...) and so on */
#endif
#include <vds/vds.h>

#define RPC_SOCKET_MAX 108 /* sun_path */

/* Where a service of this user listens unless told otherwise: /run/vds/vds.sock for root and for system users
 * without a runtime folder, $XDG_RUNTIME_DIR/vds/vds.sock for people. For vdsd; VDS_SOCKET is for clients. */
void rpc_default_socket(char path[static RPC_SOCKET_MAX]);

/* The service of this host: at VDS_SOCKET when that is set, else at the user's own default, else at
 * /run/vds/vds.sock. */
HRESULT rpc_transport_local(int *ret_fd, char where[static RPC_SOCKET_MAX]);

/* `host`'s service over ssh ("user@host", "host:port" and "[address]:port" too): runs `ssh -T -- HOST vdsctl bridge`, or `$VDS_RSH HOST vdsctl
 * bridge`. */
HRESULT rpc_transport_remote(const char *host, int *ret_fd);

#endif
