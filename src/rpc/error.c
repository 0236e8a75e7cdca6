/* SPDX-License-Identifier: MIT */
#include "rpc/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error_text.h"
#include "base/utf.h"
#include "rpc/desc.h"

#define PREFIX         "org.vds.Error."
#define NUMERIC_PREFIX "HRESULT_"

/* What D-Bus, sd-bus and the bus daemon say by themselves. */
static const struct {
    const char *name;
    HRESULT hr;
} foreign[] = {
    { SD_BUS_ERROR_NO_REPLY, RPC_E_DISCONNECTED },
    { SD_BUS_ERROR_DISCONNECTED, RPC_E_DISCONNECTED },
    { SD_BUS_ERROR_SERVICE_UNKNOWN, RPC_UNAVAILABLE },
    { SD_BUS_ERROR_NAME_HAS_NO_OWNER, RPC_UNAVAILABLE },
    { SD_BUS_ERROR_ACCESS_DENIED, E_ACCESSDENIED },
    { SD_BUS_ERROR_AUTH_FAILED, E_ACCESSDENIED },
    { SD_BUS_ERROR_NO_MEMORY, E_OUTOFMEMORY },
    { SD_BUS_ERROR_UNKNOWN_OBJECT, VDS_E_OBJECT_NOT_FOUND },
    { SD_BUS_ERROR_UNKNOWN_INTERFACE, E_NOINTERFACE },
    { SD_BUS_ERROR_UNKNOWN_METHOD, E_NOTIMPL },
    { SD_BUS_ERROR_INVALID_ARGS, E_INVALIDARG },
    { SD_BUS_ERROR_INVALID_SIGNATURE, E_INVALIDARG },
};

/* Codes of this room's own, which the API's description does not have. */
static const struct rpc_error_name own[] = {
    { 0x8001000Fu, "RPC_E_INVALID_DATA" },      { 0x800706BAu, "RPC_S_SERVER_UNAVAILABLE" },
    { 0x800706BBu, "RPC_S_SERVER_TOO_BUSY" },   { 0x80070718u, "ERROR_NOT_ENOUGH_QUOTA" },
    { 0x8007051Au, "ERROR_REVISION_MISMATCH" },
};

static const char *find_name(const struct rpc_error_name *names, size_t n, HRESULT hr)
{
    for (size_t i = 0; i < n; i++) {
        if (names[i].value == (uint32_t)hr)
            return names[i].name;
    }
    return NULL;
}

const char *rpc_hresult_name(HRESULT hr)
{
    const char *name = find_name(rpc_error_names, rpc_n_error_names, hr);

    return name ? name : find_name(own, ARRAY_SIZE(own), hr);
}

const char *rpc_hresult_sentence(HRESULT hr)
{
#define ROW(code, sentence) { (uint32_t)(code), sentence },
    static const struct rpc_error_name sentences[] = { VDS_HRESULT_LIST(ROW) };
#undef ROW
    const char *sentence = find_name(sentences, ARRAY_SIZE(sentences), hr);

    return sentence ? sentence : "";
}

void rpc_error_name(HRESULT hr, char name[static RPC_ERROR_NAME_MAX])
{
    const char *known = rpc_hresult_name(hr);

    if (known)
        snprintf(name, RPC_ERROR_NAME_MAX, PREFIX "%s", known);
    else
        snprintf(name, RPC_ERROR_NAME_MAX, PREFIX NUMERIC_PREFIX "%08X", (unsigned)hr);
}

static HRESULT find_value(const struct rpc_error_name *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i].name, name) == 0)
            return (HRESULT)names[i].value;
    }
    return S_OK;
}

static HRESULT own_hresult(const char *name)
{
    HRESULT hr = find_value(rpc_error_names, rpc_n_error_names, name);
    unsigned value;

    if (SUCCEEDED(hr))
        hr = find_value(own, ARRAY_SIZE(own), name);
    if (FAILED(hr))
        return hr;
    if (sscanf(name, NUMERIC_PREFIX "%8X", &value) == 1 && FAILED((HRESULT)value))
        return (HRESULT)value;
    return E_FAIL;
}

HRESULT rpc_error_hresult(const char *name)
{
    if (!name)
        return E_FAIL;
    if (strncmp(name, PREFIX, strlen(PREFIX)) == 0)
        return own_hresult(name + strlen(PREFIX));
    for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
        if (strcmp(foreign[i].name, name) == 0)
            return foreign[i].hr;
    }
    return E_FAIL;
}

HRESULT rpc_error_from_bus(const sd_bus_error *error)
{
    error_text_set("%s", error->message ? error->message : error->name ? error->name : "");
    return rpc_error_hresult(error->name);
}

void rpc_error_clean_text(const char *text, char *clean, size_t size)
{
    size_t n = strnlen(text, size - 1), units;

    memcpy(clean, text, n);
    clean[n] = '\0';
    while (n > 0 && utf16_length(clean, &units) < 0) /* a cut character at the end, mostly */
        clean[--n] = '\0';
}
