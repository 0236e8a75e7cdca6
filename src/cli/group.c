/* SPDX-License-Identifier: MIT */
/* vdsctl group ... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/handlers.h"
#include "cli/json.h"
#include "cli/table.h"

static void print_groups(const struct model *model, const struct target *only)
{
    struct table *table = table_create("GROUP\tPORTALS");

    for (size_t i = 0; i < model->n_groups; i++) {
        const struct group *g = &model->groups[i];
        const struct target *t = model_target(model, &g->target);

        if (only && t != only)
            continue;
        for (size_t k = 0; k < g->n_portals || k == 0; k++) {
            const struct portal *p = k < g->n_portals ? model_portal(model, &g->portals[k]) : NULL;

            if (k == 0)
                table_row(table, "%s/%u\t%s", t->name, g->tag, p ? p->address : "-");
            else
                table_row(table, "\t%s", p ? p->address : "?");
        }
    }
    table_print(table);
}

int group_list(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    int r = model_read(&model, client, MODEL_PORTALS | MODEL_GROUPS);
    const struct target *only = NULL;

    if (r != EXIT_DONE)
        return r;
    if (request->n_args && !(only = model_find_target(&model, request->args[0])))
        return EXIT_REFUSED;
    if (request->json)
        return json_print(json_groups(&model, only));
    print_groups(&model, only);
    return EXIT_DONE;
}

static int print_created(IUnknown *object, const struct target *target, HRESULT how, bool json)
{
    IVdsIscsiPortalGroup *group = NULL;
    VDS_ISCSI_PORTALGROUP_PROP prop;
    HRESULT hr = IUnknown_QueryInterface(object, &IID_IVdsIscsiPortalGroup, (void **)&group);
    struct json_object *o;

    if (SUCCEEDED(hr))
        hr = IVdsIscsiPortalGroup_GetProperties(group, &prop);
    RELEASE(group);
    if (FAILED(hr))
        return client_refused(hr, "reading the new group");
    if (how == VDS_S_ALREADY_EXISTS)
        fprintf(stderr, "vdsctl: no more groups can be made at %s; this one exists\n", target->name);
    if (!json) {
        printf("%s/%u\n", target->name, prop.tag);
        return EXIT_DONE;
    }
    o = json_object_new_object();
    json_object_object_add(o, "id", json_guid(&prop.id));
    json_object_object_add(o, "tag", json_object_new_int(prop.tag));
    json_object_object_add(o, "created", json_object_new_boolean(how != VDS_S_ALREADY_EXISTS));
    return json_print(o);
}

int group_create(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    int r = model_read(&model, client, MODEL_TARGETS);
    const struct target *target = r == EXIT_DONE ? model_find_target(&model, request->args[0]) : NULL;
    _cleanup_(client_releasep) IVdsIscsiTarget *face = NULL;
    IUnknown *object = NULL;
    IVdsAsync *async;
    HRESULT hr;

    if (!target)
        return r == EXIT_DONE ? EXIT_REFUSED : r;
    client_hold_signals();
    hr = client_object(client, VDS_OT_TARGET, &target->id, &IID_IVdsIscsiTarget, &face);
    if (SUCCEEDED(hr))
        hr = IVdsIscsiTarget_CreatePortalGroup(face, &async);
    if (FAILED(hr))
        return client_refused(hr, "a group of %s", target->name);
    r = client_wait(client, async, &object, &hr, "creating a group of %s", target->name);
    if (r == EXIT_DONE)
        r = print_created(object, target, hr, request->json);
    RELEASE(object);
    return r;
}

/* What add-portal, remove-portal and delete begin with. */
static int find(struct client *client, const struct request *request, struct model *model,
                const struct group **ret_group, const struct portal **ret_portal)
{
    int r = model_read(model, client, MODEL_PORTALS | MODEL_GROUPS);

    if (r != EXIT_DONE)
        return r;
    *ret_group = model_find_group(model, request->args[0]);
    if (!*ret_group)
        return EXIT_REFUSED;
    if (ret_portal && !(*ret_portal = model_find_portal(model, request->args[1])))
        return EXIT_REFUSED;
    return EXIT_DONE;
}

static HRESULT group_face(struct client *client, const struct group *group, IVdsIscsiPortalGroup **ret_face)
{
    return client_object(client, VDS_OT_PORTAL_GROUP, &group->id, &IID_IVdsIscsiPortalGroup, ret_face);
}

int group_delete(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    const struct group *group;
    int r = find(client, request, &model, &group, NULL);
    _cleanup_(client_releasep) IVdsIscsiPortalGroup *face = NULL;
    IVdsAsync *async;
    HRESULT hr;

    if (r != EXIT_DONE)
        return r;
    client_hold_signals();
    hr = group_face(client, group, &face);
    if (SUCCEEDED(hr))
        hr = IVdsIscsiPortalGroup_Delete(face, &async);
    return FAILED(hr) ? client_refused(hr, "group %s", request->args[0])
                      : client_wait(client, async, NULL, NULL, "deleting group %s", request->args[0]);
}

int group_add_portal(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    const struct group *group;
    const struct portal *portal;
    int r = find(client, request, &model, &group, &portal);
    _cleanup_(client_releasep) IVdsIscsiPortalGroup *face = NULL;
    IVdsAsync *async;
    HRESULT hr;

    if (r != EXIT_DONE)
        return r;
    client_hold_signals();
    hr = group_face(client, group, &face);
    if (SUCCEEDED(hr))
        hr = IVdsIscsiPortalGroup_AddPortal(face, portal->id, &async);
    if (FAILED(hr))
        return client_refused(hr, "%s into %s", portal->address, request->args[0]);
    r = client_wait(client, async, NULL, &hr, "adding %s to %s", portal->address, request->args[0]);
    if (r == EXIT_DONE && hr == VDS_S_ALREADY_EXISTS)
        fprintf(stderr, "vdsctl: %s is in %s already\n", portal->address, request->args[0]);
    return r;
}

/* --drain S or --now -> milliseconds. */
static int drain_ms(const struct request *request, ULONG *ret_ms, bool *ret_given)
{
    double seconds = 0;

    *ret_given = request->now || request->drain;
    if (request->drain && !client_seconds("--drain", request->drain, 0, 86400, &seconds))
        return EXIT_USAGE;
    *ret_ms = (ULONG)(seconds * 1000);
    return EXIT_DONE;
}

static HRESULT remove_portal(IVdsIscsiPortalGroup *group, const struct portal *portal, bool given, ULONG ms,
                             IVdsAsync **ret_async)
{
    IVdsIscsiPortalGroupEx *ex;
    HRESULT hr;

    if (!given)
        return IVdsIscsiPortalGroup_RemovePortal(group, portal->id, ret_async);
    hr = IVdsIscsiPortalGroup_QueryInterface(group, &IID_IVdsIscsiPortalGroupEx, (void **)&ex);
    if (SUCCEEDED(hr)) {
        hr = IVdsIscsiPortalGroupEx_RemovePortalEx(ex, portal->id, ms, ret_async);
        IVdsIscsiPortalGroupEx_Release(ex);
    }
    return hr;
}

int group_remove_portal(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model = { 0 };
    const struct group *group;
    const struct portal *portal;
    _cleanup_(client_releasep) IVdsIscsiPortalGroup *face = NULL;
    IVdsAsync *async;
    bool given;
    ULONG ms;
    HRESULT hr;
    int r = drain_ms(request, &ms, &given);

    if (r == EXIT_DONE)
        r = find(client, request, &model, &group, &portal);
    if (r != EXIT_DONE)
        return r;
    client_hold_signals();
    hr = group_face(client, group, &face);
    if (SUCCEEDED(hr))
        hr = remove_portal(face, portal, given, ms, &async);
    if (FAILED(hr))
        return client_refused(hr, "%s out of %s", portal->address, request->args[0]);
    return client_wait(client, async, NULL, NULL, "draining %s of %s", portal->address, request->args[0]);
}

/* ---- several changes as one ------------------------------------------------------------------------ */

struct regroup {
    struct model model;
    const struct group *group, *to;
    IVdsIscsiPortalGroupEx2 *ex;
    GUID portals[COMMAND_ARGS_MAX];
    LONG n_portals;
    ULONG drain_ms;
};

static void regroup_fini(struct regroup *regroup)
{
    RELEASE(regroup->ex);
    model_fini(&regroup->model);
}

/* The group, its interface and the portals in args[1..n]. */
static int regroup_find(struct client *client, const struct request *request, int n_portals,
                        struct regroup *regroup)
{
    bool given;
    int r = drain_ms(request, &regroup->drain_ms, &given);
    HRESULT hr;

    if (!given)
        regroup->drain_ms = UINT32_MAX; /* the array's own limit */
    if (r == EXIT_DONE)
        r = find(client, request, &regroup->model, &regroup->group, NULL);
    for (int i = 1; i <= n_portals && r == EXIT_DONE; i++) {
        const struct portal *portal = model_find_portal(&regroup->model, request->args[i]);

        if (!portal)
            return EXIT_REFUSED;
        regroup->portals[regroup->n_portals++] = portal->id;
    }
    if (r != EXIT_DONE)
        return r;
    hr = client_object(client, VDS_OT_PORTAL_GROUP, &regroup->group->id, &IID_IVdsIscsiPortalGroupEx2,
                       &regroup->ex);
    return FAILED(hr) ? client_refused(hr, "group %s", request->args[0]) : EXIT_DONE;
}

static int regroup_end(int r, HRESULT hr, const char *group)
{
    if (r == EXIT_DONE && hr == VDS_S_ALREADY_EXISTS)
        fprintf(stderr, "vdsctl: %s is so already: nothing to change\n", group);
    return r;
}

int group_move(struct client *client, const struct request *request)
{
    _cleanup_(regroup_fini) struct regroup regroup = { 0 };
    int r = regroup_find(client, request, 1, &regroup);
    IVdsAsync *async;
    HRESULT hr;

    if (r == EXIT_DONE && !(regroup.to = model_find_group(&regroup.model, request->args[2])))
        r = EXIT_REFUSED;
    if (r != EXIT_DONE)
        return r;
    client_hold_signals();
    hr = IVdsIscsiPortalGroupEx2_MovePortal(regroup.ex, regroup.portals[0], regroup.to->id, regroup.drain_ms,
                                            &async);
    if (FAILED(hr))
        return client_refused(hr, "%s from %s to %s", request->args[1], request->args[0], request->args[2]);
    r = client_wait(client, async, NULL, &hr, "moving %s from %s to %s", request->args[1], request->args[0],
                    request->args[2]);
    return regroup_end(r, hr, request->args[0]);
}

int group_set(struct client *client, const struct request *request)
{
    _cleanup_(regroup_fini) struct regroup regroup = { 0 };
    int r = regroup_find(client, request, request->n_args - 1, &regroup);
    IVdsAsync *async;
    HRESULT hr;

    if (r != EXIT_DONE)
        return r;
    client_hold_signals();
    hr = IVdsIscsiPortalGroupEx2_SetPortals(regroup.ex, regroup.portals, regroup.n_portals, regroup.drain_ms,
                                            &async);
    if (FAILED(hr))
        return client_refused(hr, "the portals of %s", request->args[0]);
    r = client_wait(client, async, NULL, &hr, "changing the portals of %s", request->args[0]);
    return regroup_end(r, hr, request->args[0]);
}
