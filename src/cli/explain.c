/* SPDX-License-Identifier: MIT */
/* vdsctl explain: may this initiator log in to this target, and what does it find there? One line for each
 * rule that the engine goes by (src/target/admission.c and lun.c), from the public interfaces;
 * tests/daemon/test_explain.py holds the two together on the wire.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/handlers.h"
#include "cli/json.h"
#include "cli/table.h"

struct finding {
    bool holds;
    const char *rule;
    char *subject, *reason;
};

struct explanation {
    const struct model *model;
    const char *initiator;
    const struct target *target;
    const struct lun *lun; /* NULL: all of the target's */
    struct finding *findings;
    size_t n;
    bool login, access;
};

/* Returns `holds`. */
static bool __attribute__((format(printf, 5, 6)))
find(struct explanation *e, bool holds, const char *rule, const char *subject, const char *format, ...)
{
    struct finding *bigger = realloc(e->findings, (e->n + 1) * sizeof *bigger), *f;
    va_list args;

    if (!bigger)
        client_out_of_memory();
    e->findings = bigger;
    f = &bigger[e->n++];
    *f = (struct finding) { holds, rule, strdup(subject), NULL };
    va_start(args, format);
    if (vasprintf(&f->reason, format, args) < 0 || !f->subject)
        client_out_of_memory();
    va_end(args);
    return holds;
}

static void explanation_fini(struct explanation *e)
{
    for (size_t i = 0; i < e->n; i++) {
        free(e->findings[i].subject);
        free(e->findings[i].reason);
    }
    free(e->findings);
}

/* ---- the rules ------------------------------------------------------------------------------------- */

/* What a status other than online comes from, or waits for. */
struct hint {
    int status;
    const char *text;
};

static const struct hint array_hints[] = {
    { VDS_SSS_OFFLINE, ": see ONLINE SUBSYSTEM in diskraid(1)" },
    { 0, ": see 'vdsctl status'" },
};
static const struct hint portal_hints[] = {
    { VDS_IPS_NOT_READY, ": the array is offline" },
    { 0, ": it cannot listen; the log of vdsd says why" },
};
static const struct hint lun_hints[] = {
    { VDS_LS_OFFLINE, ": see ONLINE LUN in diskraid(1)" },
    { VDS_LS_NOT_READY, ": the array is offline" },
    { 0, ": the log of vdsd says why" },
};

/* "" for online. */
static const char *hint_of(const struct hint *hints, int status)
{
    while (hints->status && hints->status != status)
        hints++;
    return status == VDS_SSS_ONLINE ? "" : hints->text; /* all enumerations share their numbers */
}

static bool array_serves(struct explanation *e)
{
    VDS_ARRAY_STATUS status;
    HRESULT hr = client_need_ex(e->model->client);

    if (SUCCEEDED(hr))
        hr = IVdsSubSystemEx_GetStatus(e->model->client->ex, &status);
    if (FAILED(hr))
        return find(e, false, "array", "-", "its status cannot be read");
    free(client_take_string(status.pwszVersion));
    free(client_take_string(status.pwszBackend));
    free(client_take_string(status.pwszReason));
    return find(e, status.status == VDS_SSS_ONLINE, "array", "-", "%s%s", status_word(status.status),
                hint_of(array_hints, status.status));
}

static bool portal_serves(struct explanation *e, const struct group *group, const GUID *id)
{
    const struct portal *portal = model_portal(e->model, id);

    if (!portal)
        return find(e, false, "portal", "?", "gone in this moment");
    if (portal->status == VDS_IPS_ONLINE)
        return find(e, true, "portal", portal->address, "online, serves with tag %u", group->tag);
    if (portal->status == VDS_IPS_OFFLINE)
        return find(e, false, "portal", portal->address,
                    "offline: its address is not on this host, or it waits for 'vdsctl portal online %s'",
                    portal->address);
    return find(e, false, "portal", portal->address, "%s%s", status_word(portal->status),
                hint_of(portal_hints, portal->status));
}

/* At least one portal of the group takes logins. */
static bool group_serves(struct explanation *e, const struct group *group)
{
    char name[280];
    bool serves = false;

    snprintf(name, sizeof name, "%s/%u", e->target->name, group->tag);
    if (!find(e, group->n_portals > 0, "group", name,
              group->n_portals ? "holds %zu portal%s" : "holds no portal: see 'vdsctl group add-portal'",
              group->n_portals, group->n_portals == 1 ? "" : "s"))
        return false;
    for (size_t i = 0; i < group->n_portals; i++)
        serves |= portal_serves(e, group, &group->portals[i]);
    return serves;
}

static bool groups_serve(struct explanation *e)
{
    size_t n = 0;
    bool serves = false;

    for (size_t i = 0; i < e->model->n_groups; i++) {
        if (memcmp(&e->model->groups[i].target, &e->target->id, sizeof(GUID)) != 0)
            continue;
        n++;
        serves |= group_serves(e, &e->model->groups[i]);
    }
    if (n == 0)
        find(e, false, "group", e->target->name,
             "the target has no portal group: see 'vdsctl group create %s'", e->target->name);
    return serves;
}

/* Secrets cannot be read, so whether this initiator knows the right one is for it to say. */
static void chap_holds(struct explanation *e)
{
    find(e, true, "chap", e->target->name,
         e->target->chap ? "asked for: the initiator must know its secret" : "not asked for");
}

static bool mask_lets_in(struct explanation *e, const struct lun *lun)
{
    if (strcmp(lun->mask, "*") == 0)
        return find(e, true, "mask", lun->name, "open to everyone");
    if (model_mask_names(lun->mask, e->initiator))
        return find(e, true, "mask", lun->name, "names the initiator");
    return find(e, false, "mask", lun->name, "%s: see 'vdsctl lun allow %s %s'",
                *lun->mask ? "names others only" : "names nobody", lun->name, e->initiator);
}

/* SIZE_MAX: it is not tied to the target. */
static size_t tie_of(const struct explanation *e, const struct lun *lun)
{
    for (size_t i = 0; i < lun->n_targets; i++) {
        if (memcmp(&lun->targets[i], &e->target->id, sizeof(GUID)) == 0)
            return i;
    }
    return SIZE_MAX;
}

static bool lun_is_there(struct explanation *e, const struct lun *lun)
{
    size_t tie = tie_of(e, lun);
    bool masked, online;

    if (tie == SIZE_MAX)
        return find(e, false, "LUN", lun->name, "not tied to the target: see 'vdsctl lun attach %s %s'",
                    lun->name, e->target->name);
    find(e, true, "LUN", lun->name, "LUN %u of the target", lun->numbers[tie]);
    masked = !mask_lets_in(e, lun);
    online = find(e, lun->status == VDS_LS_ONLINE, "status", lun->name, "%s, %s%s", status_word(lun->status),
                  health_word(lun->health), hint_of(lun_hints, lun->status));
    return !masked && online;
}

static bool luns_are_there(struct explanation *e)
{
    bool some = false;

    if (e->lun)
        return lun_is_there(e, e->lun);
    for (size_t i = 0; i < e->model->n_luns; i++) {
        if (tie_of(e, &e->model->luns[i]) != SIZE_MAX)
            some |= lun_is_there(e, &e->model->luns[i]);
    }
    return some;
}

/* Without a LUN named, being able to log in is what was asked. */
static void explain(struct explanation *e)
{
    bool serves = array_serves(e), reachable = groups_serve(e), luns;

    e->login = serves && reachable;
    chap_holds(e);
    luns = luns_are_there(e);
    e->access = e->login && (luns || !e->lun);
}

/* ---- how it is said -------------------------------------------------------------------------------- */

static void print_json(const struct explanation *e)
{
    struct json_object *o = json_object_new_object(), *rules = json_object_new_array();

    for (size_t i = 0; i < e->n; i++) {
        struct json_object *rule = json_object_new_object();

        json_object_object_add(rule, "rule", json_object_new_string(e->findings[i].rule));
        json_object_object_add(rule, "subject", json_object_new_string(e->findings[i].subject));
        json_object_object_add(rule, "holds", json_object_new_boolean(e->findings[i].holds));
        json_object_object_add(rule, "reason", json_object_new_string(e->findings[i].reason));
        json_object_array_add(rules, rule);
    }
    json_object_object_add(o, "initiator", json_object_new_string(e->initiator));
    json_object_object_add(o, "target", json_object_new_string(e->target->name));
    json_object_object_add(o, "lun", e->lun ? json_object_new_string(e->lun->name) : NULL);
    json_object_object_add(o, "login", json_object_new_boolean(e->login));
    json_object_object_add(o, "access", json_object_new_boolean(e->access));
    json_object_object_add(o, "rules", rules);
    json_print(o);
}

static void print_text(const struct explanation *e)
{
    struct table *table = table_create("HOLDS\tRULE\tOF\tWHY");

    for (size_t i = 0; i < e->n; i++)
        table_row(table, "%s\t%s\t%s\t%s", e->findings[i].holds ? "yes" : "no", e->findings[i].rule,
                  e->findings[i].subject, e->findings[i].reason);
    table_print(table);
    if (e->lun)
        printf("%s %s use %s through %s\n", e->initiator, e->access ? "can" : "cannot", e->lun->name,
               e->target->name);
    else
        printf("%s %s log in to %s\n", e->initiator, e->login ? "can" : "cannot", e->target->name);
}

int explain_run(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    int r = model_read(&model, client, MODEL_PORTALS | MODEL_GROUPS | MODEL_LUNS);
    _cleanup_(explanation_fini) struct explanation e = { .model = &model, .initiator = request->args[0] };

    if (r != EXIT_DONE)
        return r;
    e.target = model_find_target(&model, request->args[1]);
    if (!e.target)
        return EXIT_REFUSED;
    if (request->n_args > 2 && !(e.lun = model_find_lun(&model, request->args[2])))
        return EXIT_REFUSED;
    explain(&e);
    if (request->json)
        print_json(&e);
    else
        print_text(&e);
    return e.access ? EXIT_DONE : EXIT_REFUSED;
}
