/* SPDX-License-Identifier: MIT */
/* vdsctl session ... */
#include <stdio.h>
#include <stdlib.h>

#include <vds/vdsclient.h>

#include "cli/handlers.h"
#include "base/cleanup.h"
#include "cli/json.h"
#include "cli/table.h"

static void row_of(struct table *table, const struct model *model, const struct session *session)
{
    const VDS_SESSION_PROP *p = &session->prop;
    const struct target *t = model_target(model, &p->targetId);
    const struct portal *portal = model_portal(model, &p->portalId);
    char read[SIZE_TEXT_SIZE], written[SIZE_TEXT_SIZE], age[SIZE_TEXT_SIZE], where[300] = "discovery";

    if (!p->bDiscovery)
        snprintf(where, sizeof where, "%s/%u", t ? t->name : "?", p->tag);
    table_row(table, "%llu\t%s\t%s\t%s\t%s\t%s\t%s\t%s", (unsigned long long)p->ullId, where,
              portal ? portal->address : "-", size_text(p->ullBytesRead, read),
              size_text(p->ullBytesWritten, written), age_text(p->ullAgeInMs, age), session->address,
              session->initiator);
}

int session_list(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    int r = model_read(&model, client, MODEL_PORTALS | MODEL_TARGETS | MODEL_SESSIONS);
    struct table *table;

    if (r != EXIT_DONE)
        return r;
    if (request->json)
        return json_print(json_sessions(&model));
    table = table_create("SESSION\tTARGET\tPORTAL\tREAD\tWRITTEN\tAGE\tFROM\tINITIATOR");
    for (size_t i = 0; i < model.n_sessions; i++)
        row_of(table, &model, &model.sessions[i]);
    table_print(table);
    return EXIT_DONE;
}

int session_drop(struct client *client, const struct request *request)
{
    ULONGLONG id;
    HRESULT hr;

    if (!client_number(request->args[0], &id)) {
        fprintf(stderr, "vdsctl: '%s' is no session number; see 'vdsctl session list'\n", request->args[0]);
        return EXIT_USAGE;
    }
    hr = client_need_ex(client);
    if (SUCCEEDED(hr))
        hr = IVdsSubSystemEx_DropSession(client->ex, id);
    if (hr == VDS_E_ISCSI_SESSION_NOT_FOUND)
        vds_set_error_text("there is none of that number; see 'vdsctl session list'");
    return FAILED(hr) ? client_refused(hr, "session %s", request->args[0]) : EXIT_DONE;
}
