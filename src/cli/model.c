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
    static const char *const words[] = { "unknown", "online", "not ready", "no media", "offline", "failed", "missing", "standby", "removed",
                                         "partially managed" };

    return status >= 0 && (size_t)status < ARRAY_SIZE(words) ? words[status] : "unknown";
}

const char *health_word(VDS_HEALTH health)
{
    static const char *const words[] = {
        [VDS_H_UNKNOWN] = "unknown", [VDS_H_HEALTHY] = "healthy",
        [VDS_H_REBUILDING] = "rebuilding", [VDS_H_STALE] = "stale",
        [VDS_H_FAILING] = "failing", [VDS_H_FAILING_REDUNDANCY] = "failing redundancy",
        [VDS_H_FAILED_REDUNDANCY] = "failed redundancy", [VDS_H_FAILED_REDUNDANCY_FAILING] = "failed redundancy, failing",
        [VDS_H_FAILED] = "failed", [VDS_H_REPLACED] = "replaced",
        [VDS_H_PENDING_FAILURE] = "pending failure", [VDS_H_DEGRADED] = "degraded",
    };

    return (size_t)health < ARRAY_SIZE(words) && words[health] ? words[health] : "unknown";
}

/* ---- reading --------------------------------------------------------------------------------------------------------------------- */

/* Makes room for one more element at the end of *array, zeroed. */
static void *grow(void *array_of_pointer, size_t *n, size_t size)
{
    void **array = array_of_pointer;
    char *bigger = realloc(*array, (*n + 1) * size);

    if (!bigger) {
        fprintf(stderr, "vdsctl: out of memory\n");
        exit(EXIT_REFUSED);
    }
    *array = bigger;
    return memset(bigger + (*n)++ * size, 0, size);
}

static HRESULT read_portal(void *arg, void *face)
{
    struct model *model = arg;
    VDS_ISCSI_PORTAL_PROP prop;
    HRESULT hr = IVdsIscsiPortal_GetProperties((IVdsIscsiPortal *)face, &prop);
    struct portal *portal;

    if (FAILED(hr))
        return hr;
    portal = grow(&model->portals, &model->n_portals, sizeof *portal);
    *portal = (struct portal) { prop.id, client_address_text(&prop.address), prop.status, face };
    IVdsIscsiPortal_AddRef(portal->face);
    return S_OK;
}

static HRESULT read_id_of_portal(void *arg, void *face)
{
    struct group *group = arg;
    VDS_ISCSI_PORTAL_PROP prop;
    HRESULT hr = IVdsIscsiPortal_GetProperties((IVdsIscsiPortal *)face, &prop);

    if (SUCCEEDED(hr))
        *(GUID *)grow(&group->portals, &group->n_portals, sizeof(GUID)) = prop.id;
    return hr;
}

static HRESULT read_group(void *arg, void *face)
{
    struct model *model = arg;
    VDS_ISCSI_PORTALGROUP_PROP prop;
    IEnumVdsObject *portals;
    struct group *group;
    HRESULT hr = IVdsIscsiPortalGroup_GetProperties((IVdsIscsiPortalGroup *)face, &prop);

    if (SUCCEEDED(hr))
        hr = IVdsIscsiPortalGroup_QueryAssociatedPortals((IVdsIscsiPortalGroup *)face, &portals);
    if (FAILED(hr))
        return hr;
    group = grow(&model->groups, &model->n_groups, sizeof *group);
    *group = (struct group) { .id = prop.id, .target = model->targets[model->n_targets - 1].id, .tag = prop.tag, .face = face };
    IVdsIscsiPortalGroup_AddRef(group->face);
    return client_each(portals, &IID_IVdsIscsiPortal, read_id_of_portal, group);
}

static HRESULT read_target(void *arg, void *face)
{
    struct model *model = arg;
    VDS_ISCSI_TARGET_PROP prop;
    HRESULT hr = IVdsIscsiTarget_GetProperties((IVdsIscsiTarget *)face, &prop);
    struct target *target;

    if (FAILED(hr))
        return hr;
    target = grow(&model->targets, &model->n_targets, sizeof *target);
    *target = (struct target) { prop.id, client_take_string(prop.pwszFriendlyName), client_take_string(prop.pwszIscsiName),
                                prop.bChapEnabled, face };
    IVdsIscsiTarget_AddRef(target->face);
    return S_OK;
}

static HRESULT read_target_and_groups(void *arg, void *face)
{
    IEnumVdsObject *groups;
    HRESULT hr = read_target(arg, face);

    if (SUCCEEDED(hr))
        hr = IVdsIscsiTarget_QueryPortalGroups((IVdsIscsiTarget *)face, &groups);
    return FAILED(hr) ? hr : client_each(groups, &IID_IVdsIscsiPortalGroup, read_group, arg);
}

struct lun_reader {
    struct lun *lun;
    IVdsLunEx *ex;
};

static HRESULT read_target_of_lun(void *arg, void *face)
{
    struct lun_reader *reader = arg;
    struct lun *lun = reader->lun;
    VDS_ISCSI_TARGET_PROP prop;
    size_t n = lun->n_targets;
    ULONG number;
    HRESULT hr = IVdsIscsiTarget_GetProperties((IVdsIscsiTarget *)face, &prop);

    if (FAILED(hr))
        return hr;
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIscsiName);
    hr = IVdsLunEx_GetNumber(reader->ex, prop.id, &number);
    if (FAILED(hr))
        return hr;
    *(GUID *)grow(&lun->targets, &lun->n_targets, sizeof(GUID)) = prop.id;
    *(unsigned *)grow(&lun->numbers, &n, sizeof(unsigned)) = number;
    return S_OK;
}

/* "thin", "thick, read-only, 4096 bytes a block": what sets it apart from the usual. */
static void kind_text(struct lun *lun)
{
    static const struct {
        ULONG feature;
        const char *word;
    } words[] = {
        { VDS_LUN_FEATURE_REMOVABLE, "removable" },
        { VDS_LUN_FEATURE_READ_ONLY, "read-only" },
        { VDS_LUN_FEATURE_VOLATILE, "memory" },
    };
    int n = snprintf(lun->kind, sizeof lun->kind, "%s", lun->thick ? "thick" : "thin");

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (lun->features & words[i].feature)
            n += snprintf(lun->kind + n, sizeof lun->kind - (size_t)n, ", %s", words[i].word);
    }
    if (lun->block_size != 512 || lun->physical_block_size != 512)
        snprintf(lun->kind + n, sizeof lun->kind - (size_t)n, ", %u/%u", lun->block_size, lun->physical_block_size);
}

static HRESULT read_features(struct lun *lun)
{
    IVdsLunEx2 *ex;
    HRESULT hr = IVdsLun_QueryInterface(lun->face, &IID_IVdsLunEx2, (void **)&ex);

    if (FAILED(hr))
        return hr;
    hr = IVdsLunEx2_GetFeatures(ex, &lun->features, &lun->block_size, &lun->physical_block_size);
    IVdsLunEx2_Release(ex);
    kind_text(lun);
    return hr;
}

static HRESULT read_ties(struct lun *lun)
{
    struct lun_reader reader = { lun, NULL };
    IVdsLunIscsi *iscsi = NULL;
    IEnumVdsObject *targets;
    HRESULT hr = IVdsLun_QueryInterface(lun->face, &IID_IVdsLunIscsi, (void **)&iscsi);

    if (SUCCEEDED(hr))
        hr = IVdsLun_QueryInterface(lun->face, &IID_IVdsLunEx, (void **)&reader.ex);
    if (SUCCEEDED(hr))
        hr = IVdsLunEx_GetAllocation(reader.ex, &lun->allocated, &lun->thick);
    if (SUCCEEDED(hr))
        hr = read_features(lun);
    if (SUCCEEDED(hr))
        hr = IVdsLunIscsi_QueryAssociatedTargets(iscsi, &targets);
    if (SUCCEEDED(hr))
        hr = client_each(targets, &IID_IVdsIscsiTarget, read_target_of_lun, &reader);
    RELEASE(iscsi);
    RELEASE(reader.ex);
    return hr;
}

static HRESULT read_lun(void *arg, void *face)
{
    struct model *model = arg;
    VDS_LUN_PROP prop;
    HRESULT hr = IVdsLun_GetProperties((IVdsLun *)face, &prop);
    struct lun *lun;

    if (FAILED(hr))
        return hr;
    lun = grow(&model->luns, &model->n_luns, sizeof *lun);
    *lun = (struct lun) { .id = prop.id, .name = client_take_string(prop.pwszFriendlyName), .size = prop.ullSize,
                          .identification = client_take_string(prop.pwszIdentification),
                          .mask = client_take_string(prop.pwszUnmaskingList), .status = prop.status, .health = prop.health, .face = face };
    IVdsLun_AddRef(lun->face);
    return read_ties(lun);
}

static HRESULT read_sessions(struct model *model)
{
    VDS_SESSION_PROP *props;
    ULONG n;
    HRESULT hr = IVdsSubSystemEx_QuerySessions(model->client->ex, &props, &n);

    if (FAILED(hr))
        return hr;
    for (ULONG i = 0; i < n; i++) {
        struct session *session = grow(&model->sessions, &model->n_sessions, sizeof *session);

        *session = (struct session) { props[i], client_take_string(props[i].pwszInitiatorName),
                                      client_take_string(props[i].pwszInitiatorAddress), client_take_string(props[i].pwszIsid) };
    }
    CoTaskMemFree(props);
    return S_OK;
}

int model_read(struct model *model, struct client *client, unsigned parts)
{
    IEnumVdsObject *members;
    HRESULT hr = S_OK;

    *model = (struct model) { .client = client };
    if (parts & MODEL_PORTALS && SUCCEEDED(hr = IVdsSubSystemIscsi_QueryPortals(client->iscsi, &members)))
        hr = client_each(members, &IID_IVdsIscsiPortal, read_portal, model);
    if (SUCCEEDED(hr) && parts & MODEL_TARGETS && SUCCEEDED(hr = IVdsSubSystemIscsi_QueryTargets(client->iscsi, &members)))
        hr = client_each(members, &IID_IVdsIscsiTarget, parts & MODEL_GROUPS & ~MODEL_TARGETS ? read_target_and_groups : read_target, model);
    if (SUCCEEDED(hr) && parts & MODEL_LUNS && SUCCEEDED(hr = IVdsSubSystem_QueryLuns(client->subsystem, &members)))
        hr = client_each(members, &IID_IVdsLun, read_lun, model);
    if (SUCCEEDED(hr) && parts & MODEL_SESSIONS)
        hr = read_sessions(model);
    return FAILED(hr) ? client_refused(hr, "reading the array") : EXIT_DONE;
}

void model_fini(struct model *model)
{
    for (size_t i = 0; i < model->n_portals; i++) {
        free(model->portals[i].address);
        RELEASE(model->portals[i].face);
    }
    for (size_t i = 0; i < model->n_targets; i++) {
        free(model->targets[i].name);
        free(model->targets[i].iscsi_name);
        RELEASE(model->targets[i].face);
    }
    for (size_t i = 0; i < model->n_groups; i++) {
        free(model->groups[i].portals);
        RELEASE(model->groups[i].face);
    }
    for (size_t i = 0; i < model->n_luns; i++) {
        struct lun *lun = &model->luns[i];

        free(lun->name);
        free(lun->identification);
        free(lun->mask);
        free(lun->targets);
        free(lun->numbers);
        RELEASE(lun->face);
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

/* ---- finding ---------------------------------------------------------------------------------------------------------------------- */

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
        fprintf(stderr, "vdsctl: '%s' is the name of %u %ss; use the GUID, which 'vdsctl --json %s list' shows\n", text, search->n, noun,
                list);
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

        consider(&search, p, strcasecmp(p->address, text) == 0 || is_host_of(text, p->address) || is_guid(text, &p->id));
    }
    return conclude(&search, "portal", text, "portal");
}

static void search_targets(const struct model *model, const char *text, struct search *search)
{
    for (size_t i = 0; i < model->n_targets; i++) {
        const struct target *t = &model->targets[i];

        consider(search, t, strcmp(t->name, text) == 0 || strcasecmp(t->iscsi_name, text) == 0 || is_guid(text, &t->id));
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
