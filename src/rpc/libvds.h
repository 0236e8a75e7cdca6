/* SPDX-License-Identifier: MIT */
/* libvds as our own programs see it: the installed header, and nothing more. */
#ifndef VDS_RPC_LIBVDS_H
#define VDS_RPC_LIBVDS_H

#include <vds/vdsclient.h>

#endif
