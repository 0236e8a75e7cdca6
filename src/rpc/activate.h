/* SPDX-License-Identifier: MIT */
/* The client library's own loader: where LoadService() finds the service of a program that asks for CLSCTX_LOCAL_SERVER. */
#ifndef VDS_RPC_ACTIVATE_H
#define VDS_RPC_ACTIVATE_H

#ifndef COBJMACROS
#define COBJMACROS /* IVdsLun_GetProperties(p, ...) and so on */
#endif
#include <vds/vds.h>

/* `host` NULL: this one, unless LoadService() names another. */
HRESULT rpc_loader_create(const WCHAR *host, REFIID iid, void **ret_object);
/* The array inside the process, when there is one. */
HRESULT rpc_loader_create_in_process(REFIID iid, void **ret_object);

#endif
