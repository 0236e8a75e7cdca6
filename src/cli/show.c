/* SPDX-License-Identifier: MIT */
/* vdsctl show: the whole array as a tree. vdsctl status: health, versions, limits. */
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/handlers.h"
#include "cli/json.h"
#include "cli/table.h"

/* ---- the tree -------------------------------------------------------------------------------------- */

/* Lines are collected with their depth and drawn at the end, when it is known which line is the last of its
 * branch. */
struct tree {
    struct tree_line {
        unsigned depth, goes_on;
        char *text;
    } *lines;
    size_t n;
};

static void __attribute__((format(printf, 3, 4)))
tree_add(struct tree *tree, unsigned depth, const char *format, ...)
{
    struct tree_line *bigger = realloc(tree->lines, (tree->n + 1) * sizeof *bigger);
    va_list args;

    if (!bigger)
        client_out_of_memory();
    tree->lines = bigger;
    va_start(args, format);
    if (vasprintf(&bigger[tree->n].text, format, args) < 0)
        client_out_of_memory();
    va_end(args);
    bigger[tree->n++].depth = depth;
}

/* For each line, the depths at which its branch goes on below it, as bits: from the last line upwards. */
static void find_branches(struct tree *tree)
{
    unsigned on = 0;

    for (size_t i = tree->n; i-- > 0;) {
        struct tree_line *line = &tree->lines[i];

        line->goes_on = on;
        on = (on & ((2u << line->depth) - 1)) | 1u << line->depth;
    }
}

/* A terminal that says it shows no UTF-8 gets its branches in ASCII; a pipe always the same. */
static bool draws_lines(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    bool utf8 = locale && strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;

    if (locale)
        freelocale(locale);
    return utf8 || !isatty(STDOUT_FILENO);
}

static void tree_print(struct tree *tree)
{
    static const char *const ascii[] = { "|  ", "|- ", "`- " }, *const lines[] = { "│  ", "├─ ", "└─ " };
    const char *const *branch = draws_lines() ? lines : ascii;

    find_branches(tree);
    for (size_t i = 0; i < tree->n; i++) {
        const struct tree_line *line = &tree->lines[i];

        for (unsigned d = 1; d < line->depth; d++)
            fputs(line->goes_on & 1u << d ? branch[0] : "   ", stdout);
        if (line->depth)
            fputs(branch[line->goes_on & 1u << line->depth ? 1 : 2], stdout);
        puts(line->text);
        free(line->text);
    }
    free(tree->lines);
}

static void add_portals(struct tree *tree, const struct model *model)
{
    tree_add(tree, 1, "portals");
    for (size_t i = 0; i < model->n_portals; i++)
        tree_add(tree, 2, "%s  %s", model->portals[i].address, status_word(model->portals[i].status));
}

static void add_group(struct tree *tree, const struct model *model, const struct group *group)
{
    tree_add(tree, 3, "group %u%s", group->tag, group->n_portals ? "" : "  (no portals: not served)");
    for (size_t i = 0; i < group->n_portals; i++) {
        const struct portal *p = model_portal(model, &group->portals[i]);

        tree_add(tree, 4, "%s%s%s", p ? p->address : "?", p && p->status != VDS_IPS_ONLINE ? "  " : "",
                 p && p->status != VDS_IPS_ONLINE ? status_word(p->status) : "");
    }
}

static void add_target(struct tree *tree, const struct model *model, const struct target *target)
{
    tree_add(tree, 2, "%s  %s%s", target->name, target->iscsi_name, target->chap ? "  CHAP" : "");
    for (size_t i = 0; i < model->n_groups; i++) {
        if (memcmp(&model->groups[i].target, &target->id, sizeof(GUID)) == 0)
            add_group(tree, model, &model->groups[i]);
    }
    for (size_t i = 0; i < model->n_luns; i++) {
        for (size_t k = 0; k < model->luns[i].n_targets; k++) {
            if (memcmp(&model->luns[i].targets[k], &target->id, sizeof(GUID)) == 0)
                tree_add(tree, 3, "LUN %u  %s", model->luns[i].numbers[k], model->luns[i].name);
        }
    }
    for (size_t i = 0; i < model->n_sessions; i++) {
        const struct session *s = &model->sessions[i];

        if (memcmp(&s->prop.targetId, &target->id, sizeof(GUID)) == 0)
            tree_add(tree, 3, "session %llu  %s from %s, group %u", (unsigned long long)s->prop.ullId,
                     s->initiator, s->address, s->prop.tag);
    }
}

static void add_luns(struct tree *tree, const struct model *model)
{
    tree_add(tree, 1, "LUNs");
    for (size_t i = 0; i < model->n_luns; i++) {
        const struct lun *l = &model->luns[i];
        char size[SIZE_TEXT_SIZE], used[SIZE_TEXT_SIZE];

        tree_add(tree, 2, "%s  %s %s, %s used, %s, allowed: %s", l->name, size_text(l->size, size), l->kind,
                 size_text(l->allocated, used), status_word(l->status), *l->mask ? l->mask : "nobody");
    }
}

struct array_facts {
    char *name, *identification;
    VDS_SUB_SYSTEM_STATUS status;
    VDS_HEALTH health;
};

static HRESULT read_facts(struct client *client, struct array_facts *ret)
{
    VDS_SUB_SYSTEM_PROP prop;
    HRESULT hr = IVdsSubSystem_GetProperties(client->subsystem, &prop);

    if (SUCCEEDED(hr))
        *ret = (struct array_facts){ client_take_string(prop.pwszFriendlyName),
                                     client_take_string(prop.pwszIdentification), prop.status, prop.health };
    return hr;
}

static int show_json(const struct model *model, const struct array_facts *facts)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "name", json_object_new_string(facts->name));
    json_object_object_add(o, "identification", json_object_new_string(facts->identification));
    json_object_object_add(o, "status", json_object_new_string(status_word(facts->status)));
    json_object_object_add(o, "health", json_object_new_string(health_word(facts->health)));
    json_object_object_add(o, "portals", json_portals(model));
    json_object_object_add(o, "targets", json_targets(model));
    json_object_object_add(o, "luns", json_luns(model));
    json_object_object_add(o, "sessions", json_sessions(model));
    return json_print(o);
}

static int show_text(const struct model *model, const struct array_facts *facts)
{
    struct tree tree = { 0 };

    tree_add(&tree, 0, "%s  %s, %s", facts->name, status_word(facts->status), health_word(facts->health));
    add_portals(&tree, model);
    tree_add(&tree, 1, "targets");
    for (size_t i = 0; i < model->n_targets; i++)
        add_target(&tree, model, &model->targets[i]);
    add_luns(&tree, model);
    tree_print(&tree);
    return EXIT_DONE;
}

int show_run(struct client *client, const struct request *request)
{
    _cleanup_(model_fini) struct model model;
    struct array_facts facts;
    int r = model_read(&model, client, MODEL_ALL);
    HRESULT hr = r == EXIT_DONE ? read_facts(client, &facts) : S_OK;

    if (r != EXIT_DONE)
        return r;
    if (FAILED(hr))
        return client_refused(hr, "reading the array");
    r = request->json ? show_json(&model, &facts) : show_text(&model, &facts);
    free(facts.name);
    free(facts.identification);
    return r;
}

/* ---- status ---------------------------------------------------------------------------------------- */

int status_run(struct client *client, const struct request *request)
{
    VDS_ARRAY_STATUS s;
    HRESULT hr = client_need_ex(client);
    _cleanup_(freep) char *version = NULL, *backend = NULL, *reason = NULL;
    char capacity[SIZE_TEXT_SIZE], room[SIZE_TEXT_SIZE], uptime[SIZE_TEXT_SIZE];
    struct json_object *o;

    if (SUCCEEDED(hr))
        hr = IVdsSubSystemEx_GetStatus(client->ex, &s);
    if (FAILED(hr))
        return client_refused(hr, "status");
    version = client_take_string(s.pwszVersion);
    backend = client_take_string(s.pwszBackend);
    reason = client_take_string(s.pwszReason);
    if (!request->json) {
        printf("status    %s, %s%s%s\n", status_word(s.status), health_word(s.health), *reason ? ": " : "",
               reason);
        printf("version   %s, engine on %s with %u reactor%s, up %s\n", version, backend, s.ulReactors,
               s.ulReactors == 1 ? "" : "s", age_text(s.ullUptimeInMs, uptime));
        printf("space     %s free of %s\n", size_text(s.ullFree, room), size_text(s.ullCapacity, capacity));
        printf("sessions  %u (limit: %u connections)\n", s.ulSessions, s.ulMaxConnections);
        printf("limits    %u groups a target, drain %u s, default port %u\n", s.ulMaxGroups, s.ulDrainSeconds,
               s.usDefaultPort);
        return EXIT_DONE;
    }
    o = json_object_new_object();
    json_object_object_add(o, "status", json_object_new_string(status_word(s.status)));
    json_object_object_add(o, "health", json_object_new_string(health_word(s.health)));
    json_object_object_add(o, "reason", json_object_new_string(reason));
    json_object_object_add(o, "version", json_object_new_string(version));
    json_object_object_add(o, "backend", json_object_new_string(backend));
    json_object_object_add(o, "reactors", json_object_new_uint64(s.ulReactors));
    json_object_object_add(o, "sessions", json_object_new_uint64(s.ulSessions));
    json_object_object_add(o, "max_connections", json_object_new_uint64(s.ulMaxConnections));
    json_object_object_add(o, "max_groups", json_object_new_uint64(s.ulMaxGroups));
    json_object_object_add(o, "drain_seconds", json_object_new_uint64(s.ulDrainSeconds));
    json_object_object_add(o, "default_port", json_object_new_uint64(s.usDefaultPort));
    json_object_object_add(o, "capacity", json_object_new_uint64(s.ullCapacity));
    json_object_object_add(o, "free", json_object_new_uint64(s.ullFree));
    json_object_object_add(o, "uptime_ms", json_object_new_uint64(s.ullUptimeInMs));
    return json_print(o);
}
