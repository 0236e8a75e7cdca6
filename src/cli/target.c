/* SPDX-License-Identifier: MIT */
/* vdsctl target ... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/handlers.h"
#include "cli/json.h"
#include "cli/table.h"

static size_t n_of(const struct json_object *o, const char *key)
{
    return json_object_array_length(json_object_object_get(o, key));
}

int target_list(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    int r = model_read(&model, client, MODEL_ALL);
    struct table *table;

    if (r != EXIT_DONE)
        return r;
    if (request->json)
        return json_print(json_targets(&model));
    table = table_create("TARGET\tGROUPS\tLUNS\tSESSIONS\tCHAP\tISCSI NAME");
    for (size_t i = 0; i < model.n_targets; i++) {
        const struct target *t = &model.targets[i];
        struct json_object *o = json_target(&model, t);

        table_row(table, "%s\t%zu\t%zu\t%lld\t%s\t%s", t->name, n_of(o, "groups"), n_of(o, "luns"),
                  (long long)json_object_get_int64(json_object_object_get(o, "sessions")),
                  t->chap ? "yes" : "no", t->iscsi_name);
        json_object_put(o);
    }
    table_print(table);
    return EXIT_DONE;
}

static void print_target(const struct model *model, const struct target *target)
{
    char id[GUID_TEXT_SIZE];

    client_guid_text(&target->id, id);
    printf("target      %s\niscsi name  %s\nid          %s\nchap        %s\n", target->name,
           target->iscsi_name, id, target->chap ? "yes" : "no");
    for (size_t i = 0; i < model->n_groups; i++) {
        const struct group *g = &model->groups[i];

        if (memcmp(&g->target, &target->id, sizeof(GUID)) != 0)
            continue;
        printf("group %-5u ", g->tag);
        for (size_t k = 0; k < g->n_portals; k++) {
            const struct portal *p = model_portal(model, &g->portals[k]);

            printf("%s%s", k ? ", " : "", p ? p->address : "?");
        }
        printf("%s\n", g->n_portals ? "" : "-");
    }
    for (size_t i = 0; i < model->n_luns; i++) {
        for (size_t k = 0; k < model->luns[i].n_targets; k++) {
            if (memcmp(&model->luns[i].targets[k], &target->id, sizeof(GUID)) == 0)
                printf("LUN %-7u %s\n", model->luns[i].numbers[k], model->luns[i].name);
        }
    }
}

int target_show(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    int r = model_read(&model, client, MODEL_ALL);
    const struct target *target = r == EXIT_DONE ? model_find_target(&model, request->args[0]) : NULL;

    if (!target)
        return r == EXIT_DONE ? EXIT_REFUSED : r;
    if (request->json)
        return json_print(json_target(&model, target));
    print_target(&model, target);
    return EXIT_DONE;
}

static int print_created(IUnknown *object, bool json)
{
    IVdsIscsiTarget *target = NULL;
    VDS_ISCSI_TARGET_PROP prop;
    HRESULT hr = IUnknown_QueryInterface(object, &IID_IVdsIscsiTarget, (void **)&target);
    _cleanup_(freep) char *iscsi_name = NULL;
    struct json_object *o;

    if (SUCCEEDED(hr))
        hr = IVdsIscsiTarget_GetProperties(target, &prop);
    RELEASE(target);
    if (FAILED(hr))
        return client_refused(hr, "reading the new target");
    CoTaskMemFree(prop.pwszFriendlyName);
    iscsi_name = client_take_string(prop.pwszIscsiName);
    if (!json) {
        puts(iscsi_name);
        return EXIT_DONE;
    }
    o = json_object_new_object();
    json_object_object_add(o, "id", json_guid(&prop.id));
    json_object_object_add(o, "iscsi_name", json_object_new_string(iscsi_name));
    return json_print(o);
}

int target_create(struct client *client, const struct request *request)
{
    _cleanup_(freep) WCHAR *name = client_wide(request->args[0]),
                           *iqn = request->iqn ? client_wide(request->iqn) : NULL;
    IVdsAsync *async;
    IUnknown *object = NULL;
    HRESULT hr;
    int r;

    if (!name || !client_is_name(request->args[0]) || (request->iqn && !iqn))
        return EXIT_USAGE;
    client_hold_signals();
    hr = client_need_iscsi(client);
    if (SUCCEEDED(hr))
        hr = IVdsSubSystemIscsi_CreateTarget(client->iscsi, iqn, name, &async);
    if (FAILED(hr))
        return client_refused(hr, "target %s", request->args[0]);
    r = client_wait(client, async, &object, NULL, "creating target %s", request->args[0]);
    if (r == EXIT_DONE)
        r = print_created(object, request->json);
    RELEASE(object);
    return r;
}

int target_delete(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    int r = model_read(&model, client, MODEL_TARGETS);
    const struct target *target = r == EXIT_DONE ? model_find_target(&model, request->args[0]) : NULL;
    _cleanup_(client_releasep) IVdsIscsiTarget *face = NULL;
    IVdsAsync *async;
    HRESULT hr;

    if (!target)
        return r == EXIT_DONE ? EXIT_REFUSED : r;
    client_hold_signals();
    hr = client_object(client, VDS_OT_TARGET, &target->id, &IID_IVdsIscsiTarget, &face);
    if (SUCCEEDED(hr))
        hr = IVdsIscsiTarget_Delete(face, &async);
    return FAILED(hr) ? client_refused(hr, "target %s", target->name)
                      : client_wait(client, async, NULL, NULL, "deleting target %s", target->name);
}
