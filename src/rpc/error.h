/* SPDX-License-Identifier: MIT */
/* HRESULT <-> D-Bus error: the name says the code, the message is the sentence of base/error_text.h. */
#ifndef VDS_RPC_ERROR_H
#define VDS_RPC_ERROR_H

#include <systemd/sd-bus.h>

#ifndef COBJMACROS
#define COBJMACROS /* IVdsLun_GetProperties(p, ...) and so on */
#endif
#include <vds/vds.h>

/* Codes of the transport itself; the platform's, so not in the .idl. */
#ifndef RPC_E_INVALID_DATA
#define RPC_E_INVALID_DATA ((HRESULT)0x8001000F) /* a message is not what it should be */
#endif
#define RPC_WIN32(code)   ((HRESULT)(0x80070000u | (code))) /* HRESULT_FROM_WIN32(), for tables */
#define RPC_TOO_BUSY      RPC_WIN32(1723) /* RPC_S_SERVER_TOO_BUSY: too many calls at once */
#define RPC_TOO_MANY      RPC_WIN32(1816) /* ERROR_NOT_ENOUGH_QUOTA: too many things held */
#define RPC_WRONG_VERSION RPC_WIN32(1306) /* ERROR_REVISION_MISMATCH */
#define RPC_UNAVAILABLE   RPC_WIN32(RPC_S_SERVER_UNAVAILABLE)

#define RPC_ERROR_NAME_MAX 128

/* "VDS_E_OBJECT_DELETED", "S_FALSE"; NULL for a code without a name. */
const char *rpc_hresult_name(HRESULT hr);
/* What the code means in general, for where nobody has said it in particular; "" for a code without a name. */
const char *rpc_hresult_sentence(HRESULT hr);

/* "org.vds.Error.VDS_E_OBJECT_DELETED"; codes without a name: "org.vds.Error.HRESULT_80070062". */
void rpc_error_name(HRESULT hr, char name[static RPC_ERROR_NAME_MAX]);
/* The other way; names of D-Bus and sd-bus themselves become the nearest code, unknown ones E_FAIL. Always a
 * failure. */
HRESULT rpc_error_hresult(const char *name);

/* The code of an error reply; its message becomes this thread's error text. */
HRESULT rpc_error_from_bus(const sd_bus_error *error);

/* A copy of `text` that D-Bus takes: valid UTF-8, cut before the first byte that is not. Never fails, bounded
 * by size. */
void rpc_error_clean_text(const char *text, char *clean, size_t size);

#endif
