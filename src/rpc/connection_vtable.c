/* SPDX-License-Identifier: MIT */
#include "rpc/connection_vtable.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error_text.h"
#include "rpc/error.h"
#include "rpc/server_internal.h"

/* The first call of a client of ours. Says the version on both sides, so that an old client and a new service
 * part with a clear word. */
static int on_hello(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    struct rpc_peer *p = userdata;
    const char *client;
    uint32_t version;
    int r = sd_bus_message_read(m, "us", &version, &client);

    (void)error;
    if (r < 0)
        return r;
    if (version != RPC_PROTOCOL) {
        char text[RPC_TEXT_MAX];

        snprintf(text, sizeof text,
                 "this service (%s) speaks version %d of its protocol, the client version %" PRIu32
                 ": bring the older one up to date",
                 p->server->options.software, RPC_PROTOCOL, version);
        return rpc_reply_error(m, RPC_WRONG_VERSION, text);
    }
    return sd_bus_reply_method_return(m, "us", RPC_PROTOCOL, p->server->options.software);
}

static int on_supports(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    (void)error;
    return rpc_connection_supports(userdata, m);
}

static int on_release(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    struct rpc_peer *p = rpc_peer_of(userdata, m);
    struct rpc_path path;
    const char *text;
    int r = sd_bus_message_read(m, "o", &text);

    (void)error;
    if (r < 0)
        return r;
    if (!p || rpc_path_parse(text, &path) < 0 || path.kind != rpc_kind_async ||
        rpc_operation_release(p, path.operation) < 0)
        return rpc_reply_error(m, VDS_E_OBJECT_NOT_FOUND, "this client holds no such operation");
    return sd_bus_reply_method_return(m, NULL);
}

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
    (void)bus;
    (void)path;
    (void)interface;
    (void)property;
    (void)userdata;
    (void)error;
    return sd_bus_message_append(reply, "u", RPC_PROTOCOL);
}

static int get_software(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
    struct rpc_peer *p = userdata;

    (void)bus;
    (void)path;
    (void)interface;
    (void)property;
    (void)error;
    return sd_bus_message_append(reply, "s", p->server->options.software);
}

const sd_bus_vtable rpc_connection_vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("Version", "u", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Software", "s", get_software, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_METHOD_WITH_NAMES("Hello", "us", SD_BUS_PARAM(version) SD_BUS_PARAM(client), "us",
                             SD_BUS_PARAM(version) SD_BUS_PARAM(software), on_hello,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_NAMES("Supports", "os", SD_BUS_PARAM(object) SD_BUS_PARAM(interface), "b",
                             SD_BUS_PARAM(supported), on_supports, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_NAMES("Release", "o", SD_BUS_PARAM(operation), "", , on_release,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_SIGNAL_WITH_NAMES(RPC_EVENTS_SIGNAL, "ua(uv)", SD_BUS_PARAM(token) SD_BUS_PARAM(events), 0),
    SD_BUS_VTABLE_END,
};

/* ---- the look of a message bus ----------------------------------------------------------------------- */

static int on_bus_hello(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    (void)userdata;
    (void)error;
    return sd_bus_reply_method_return(m, "s", ":1.1");
}

static int on_bus_match(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    (void)userdata;
    (void)error;
    return sd_bus_reply_method_return(m, NULL);
}

static int on_bus_owner(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    (void)userdata;
    (void)error;
    return sd_bus_reply_method_return(m, "s", ":1.0");
}

static const sd_bus_vtable bus_vtable[] = {
    SD_BUS_VTABLE_START(SD_BUS_VTABLE_HIDDEN),
    SD_BUS_METHOD("Hello", "", "s", on_bus_hello, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("AddMatch", "s", "", on_bus_match, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("RemoveMatch", "s", "", on_bus_match, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("GetNameOwner", "s", "s", on_bus_owner, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

int rpc_bus_look(struct rpc_peer *peer)
{
    return sd_bus_add_object_vtable(peer->bus, NULL, "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                    bus_vtable, peer);
}
