/* SPDX-License-Identifier: MIT */
/* The version of docs/dbus.md, which both sides must share. It changes when what exists changes its meaning
 * or form; new interfaces and methods alone do not change it. */
#ifndef VDS_RPC_PROTOCOL_H
#define VDS_RPC_PROTOCOL_H

#define RPC_PROTOCOL 1

#endif
