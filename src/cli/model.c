/* SPDX-License-Identifier: MIT */
#include "cli/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "cli/command.h"

const char *status_word(int status)
{
    static const char *const words[] = { "unknown", "online",  "not ready", "no media", "offline",
                                         "failed",  "missing", "standby",   "removed",  "partially managed" };

    return status >= 0 && (size_t)status < ARRAY_SIZE(words) ? words[status] : "unknown";
}

const char *health_word(VDS_HEALTH health)
{
    static const char *const words[] = {
        [VDS_H_UNKNOWN] = "unknown",
        [VDS_H_HEALTHY] = "healthy",
        [VDS_H_REBUILDING] = "rebuilding",
        [VDS_H_STALE] = "stale",
        [VDS_H_FAILING] = "failing",
        [VDS_H_FAILING_REDUNDANCY] = "failing redundancy",
        [VDS_H_FAILED_REDUNDANCY] = "failed redundancy",
        [VDS_H_FAILED_REDUNDANCY_FAILING] = "failed redundancy, failing",
        [VDS_H_FAILED] = "failed",
        [VDS_H_REPLACED] = "replaced",
        [VDS_H_PENDING_FAILURE] = "pending failure",
        [VDS_H_DEGRADED] = "degraded",
    };

    return (size_t)health < ARRAY_SIZE(words) && words[health] ? words[health] : "unknown";
}

/* ---- the end --------------------------------------------------------------------------------------- */

void model_fini(struct model *model)
{
    for (size_t i = 0; i < model->n_portals; i++)
        free(model->portals[i].address);
    for (size_t i = 0; i < model->n_targets; i++) {
        free(model->targets[i].name);
        free(model->targets[i].iscsi_name);
    }
    for (size_t i = 0; i < model->n_groups; i++)
        free(model->groups[i].portals);
    for (size_t i = 0; i < model->n_luns; i++) {
        struct lun *lun = &model->luns[i];

        free(lun->name);
        free(lun->identification);
        free(lun->mask);
        free(lun->targets);
        free(lun->numbers);
    }
    for (size_t i = 0; i < model->n_sessions; i++) {
        free(model->sessions[i].initiator);
        free(model->sessions[i].address);
        free(model->sessions[i].isid);
    }
    free(model->portals);
    free(model->targets);
    free(model->groups);
    free(model->luns);
    free(model->sessions);
    *model = (struct model) { 0 };
}

/* ---- finding --------------------------------------------------------------------------------------- */

#define DEFINE_BY_ID(noun) \
    const struct noun *model_##noun(const struct model *model, const GUID *id) \
    { \
        for (size_t i = 0; i < model->n_##noun##s; i++) { \
            if (memcmp(&model->noun##s[i].id, id, sizeof *id) == 0) \
                return &model->noun##s[i]; \
        } \
        return NULL; \
    }

DEFINE_BY_ID(portal)
DEFINE_BY_ID(target)
DEFINE_BY_ID(lun)

static bool is_guid(const char *text, const GUID *id)
{
    struct guid g;

    return guid_parse(text, &g) == 0 && memcmp(&g, id, sizeof g) == 0;
}

/* How many of the things are meant by `text`, and the last of them. */
struct search {
    const void *found;
    unsigned n;
};

static void consider(struct search *search, const void *thing, bool match)
{
    if (match) {
        search->found = thing;
        search->n++;
    }
}

static const void *conclude(const struct search *search, const char *noun, const char *text, const char *list)
{
    if (search->n == 1)
        return search->found;
    if (search->n == 0)
        fprintf(stderr, "vdsctl: no %s '%s'; see 'vdsctl %s list'\n", noun, text, list);
    else
        fprintf(stderr,
                "vdsctl: '%s' is the name of %u %ss; use the GUID, which 'vdsctl --json %s list' shows\n",
                text, search->n, noun, list);
    return NULL;
}

/* An address that fits several portals wants its port. */
static const void *conclude_portal(const struct search *search, const char *text)
{
    const struct portal *last = search->found;

    if (search->n < 2)
        return conclude(search, "portal", text, "portal");
    fprintf(stderr, "vdsctl: '%s' fits %u portals; give the port, such as %s; see 'vdsctl portal list'\n",
            text, search->n, last->address);
    return NULL;
}

/* "127.0.0.1" means 127.0.0.1:PORT, "::1" and "[::1]" mean [::1]:PORT, whatever the port. */
static bool is_host_of(const char *text, const char *address)
{
    size_t len = strlen(text);
    const char *port = strrchr(address, ':');

    if (*address == '[' && *text != '[')
        return port && (size_t)(port - address) == len + 2 && strncasecmp(address + 1, text, len) == 0;
    return port && (size_t)(port - address) == len && strncasecmp(address, text, len) == 0;
}

const struct portal *model_find_portal(const struct model *model, const char *text)
{
    struct search search = { 0 };

    for (size_t i = 0; i < model->n_portals; i++) {
        const struct portal *p = &model->portals[i];

        consider(&search, p,
                 strcasecmp(p->address, text) == 0 || is_host_of(text, p->address) || is_guid(text, &p->id));
    }
    return conclude_portal(&search, text);
}

static void search_targets(const struct model *model, const char *text, struct search *search)
{
    for (size_t i = 0; i < model->n_targets; i++) {
        const struct target *t = &model->targets[i];

        consider(search, t,
                 strcmp(t->name, text) == 0 || strcasecmp(t->iscsi_name, text) == 0 || is_guid(text, &t->id));
    }
}

const struct target *model_find_target(const struct model *model, const char *text)
{
    struct search search = { 0 };

    search_targets(model, text, &search);
    return conclude(&search, "target", text, "target");
}

const struct group *model_find_group(const struct model *model, const char *text)
{
    const char *slash = strrchr(text, '/');
    _cleanup_(freep) char *name = slash ? strndup(text, (size_t)(slash - text)) : NULL;
    const struct target *target;
    struct search search = { 0 };
    ULONGLONG tag;

    if (!name || !client_number(slash + 1, &tag)) {
        fprintf(stderr, "vdsctl: '%s' is no T/TAG, such as box/1\n", text);
        return NULL;
    }
    target = model_find_target(model, name);
    if (!target)
        return NULL;
    for (size_t i = 0; i < model->n_groups; i++) {
        const struct group *g = &model->groups[i];

        consider(&search, g, g->tag == tag && memcmp(&g->target, &target->id, sizeof(GUID)) == 0);
    }
    return conclude(&search, "portal group", text, "group");
}

const struct lun *model_find_lun(const struct model *model, const char *text)
{
    struct search search = { 0 };

    for (size_t i = 0; i < model->n_luns; i++) {
        const struct lun *l = &model->luns[i];

        consider(&search, l, strcmp(l->name, text) == 0 || is_guid(text, &l->id));
    }
    return conclude(&search, "LUN", text, "lun");
}

bool model_mask_names(const char *mask, const char *initiator)
{
    size_t len;

    if (strcmp(mask, "*") == 0)
        return true;
    for (; *mask; mask += len + (mask[len] == ';')) {
        len = strcspn(mask, ";");
        if (len == strlen(initiator) && strncasecmp(mask, initiator, len) == 0)
            return true;
    }
    return false;
}
