/* SPDX-License-Identifier: MIT */
/* Looking things up in the generated tables. They are short: a walk is fast enough for management traffic. */
#include "rpc/desc.h"

#include <string.h>

const struct rpc_iface *rpc_iface_by_name(const char *dbus_name)
{
    for (size_t i = 0; i < rpc_n_ifaces; i++) {
        if (strcmp(rpc_ifaces[i]->dbus_name, dbus_name) == 0)
            return rpc_ifaces[i];
    }
    return NULL;
}

const struct rpc_iface *rpc_iface_by_iid(const IID *iid)
{
    for (size_t i = 0; i < rpc_n_ifaces; i++) {
        if (IsEqualIID(rpc_ifaces[i]->iid, iid))
            return rpc_ifaces[i];
    }
    return NULL;
}

const struct rpc_method *rpc_method_by_name(const struct rpc_iface *iface, const char *name)
{
    for (size_t i = 0; i < iface->n_methods; i++) {
        if (strcmp(iface->methods[i].name, name) == 0)
            return &iface->methods[i];
    }
    return NULL;
}

int rpc_kind_face(const struct rpc_kind *kind, const struct rpc_iface *iface)
{
    for (int i = 0; i < kind->n_ifaces; i++) {
        if (kind->ifaces[i] == iface)
            return i;
    }
    return -1;
}
