/* SPDX-License-Identifier: MIT */
/* vdsctl portal ... */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/handlers.h"
#include "cli/json.h"
#include "cli/table.h"

/* "box/1, db/2": the groups that hold the portal; malloc'ed. */
static char *groups_text(const struct model *model, const struct portal *portal)
{
    struct json_object *o = json_portal(model, portal), *groups = json_object_object_get(o, "groups");
    size_t size = 1, n = json_object_array_length(groups);
    char *text = NULL, *p;

    for (size_t i = 0; i < n; i++)
        size += (size_t)json_object_get_string_len(json_object_array_get_idx(groups, i)) + 2;
    text = p = malloc(size);
    if (!text)
        client_out_of_memory();
    *p = '\0';
    for (size_t i = 0; i < n; i++)
        p += sprintf(p, "%s%s", i ? ", " : "", json_object_get_string(json_object_array_get_idx(groups, i)));
    json_object_put(o);
    return text;
}

static void print_portals(const struct model *model)
{
    struct table *table = table_create("PORTAL\tSTATUS\tGROUPS");

    for (size_t i = 0; i < model->n_portals; i++) {
        const struct portal *p = &model->portals[i];
        _cleanup_(freep) char *groups = groups_text(model, p);

        table_row(table, "%s\t%s\t%s", p->address, status_word(p->status), *groups ? groups : "-");
    }
    table_print(table);
}

int portal_list(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    int r = model_read(&model, client, MODEL_PORTALS | MODEL_GROUPS);

    if (r != EXIT_DONE)
        return r;
    if (request->json)
        return json_print(json_portals(&model));
    print_portals(&model);
    return EXIT_DONE;
}

/* It may serve now; that does not mean that it can. */
static HRESULT say_if_not_online(IVdsIscsiPortal *face, const struct portal *portal)
{
    VDS_ISCSI_PORTAL_PROP prop;
    HRESULT hr = IVdsIscsiPortal_GetProperties(face, &prop);

    if (SUCCEEDED(hr) && prop.status != VDS_IPS_ONLINE)
        fprintf(stderr, "vdsctl: portal %s is %s still: %s\n", portal->address, status_word(prop.status),
                prop.status == VDS_IPS_OFFLINE
                    ? "its address is not on this host; it serves when that arrives"
                    : "'vdsctl status' tells about the array");
    return hr;
}

static int set_status(struct client *client, const struct request *request, VDS_ISCSI_PORTAL_STATUS status)
{
    _cleanup_(model_fini) struct model model;
    int r = model_read(&model, client, MODEL_PORTALS);
    const struct portal *portal = r == EXIT_DONE ? model_find_portal(&model, request->args[0]) : NULL;
    _cleanup_(client_releasep) IVdsIscsiPortal *face = NULL;
    HRESULT hr;

    if (!portal)
        return r == EXIT_DONE ? EXIT_REFUSED : r;
    hr = client_object(client, VDS_OT_PORTAL, &portal->id, &IID_IVdsIscsiPortal, &face);
    if (SUCCEEDED(hr))
        hr = IVdsIscsiPortal_SetStatus(face, status);
    if (SUCCEEDED(hr) && status == VDS_IPS_ONLINE)
        hr = say_if_not_online(face, portal);
    return FAILED(hr) ? client_refused(hr, "portal %s", portal->address) : EXIT_DONE;
}

int portal_online(struct client *client, const struct request *request)
{
    return set_status(client, request, VDS_IPS_ONLINE);
}

int portal_offline(struct client *client, const struct request *request)
{
    return set_status(client, request, VDS_IPS_OFFLINE);
}
