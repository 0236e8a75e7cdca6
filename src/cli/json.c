/* SPDX-License-Identifier: MIT */
#include "cli/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"

static void add(struct json_object *object, const char *key, struct json_object *value)
{
    json_object_object_add(object, key, value);
}

static struct json_object *text(const char *s)
{
    return json_object_new_string(s);
}

static struct json_object *number(uint64_t n)
{
    return json_object_new_uint64(n);
}

static struct json_object *boolean(BOOL b)
{
    return json_object_new_boolean(b != 0);
}

struct json_object *json_guid(const GUID *id)
{
    char s[GUID_TEXT_SIZE];

    client_guid_text(id, s);
    return text(s);
}

static bool same(const GUID *a, const GUID *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static const char *address_of(const struct model *model, const GUID *portal)
{
    const struct portal *p = model_portal(model, portal);

    return p ? p->address : "";
}

static const char *name_of(const struct model *model, const GUID *target)
{
    const struct target *t = model_target(model, target);

    return t ? t->name : "";
}

static bool group_holds(const struct group *group, const GUID *portal)
{
    for (size_t i = 0; i < group->n_portals; i++) {
        if (same(&group->portals[i], portal))
            return true;
    }
    return false;
}

static struct json_object *group_reference(const struct model *model, const struct group *group)
{
    char s[600];

    snprintf(s, sizeof s, "%s/%u", name_of(model, &group->target), group->tag);
    return text(s);
}

struct json_object *json_portal(const struct model *model, const struct portal *portal)
{
    struct json_object *o = json_object_new_object(), *groups = json_object_new_array();

    add(o, "id", json_guid(&portal->id));
    add(o, "address", text(portal->address));
    add(o, "status", text(status_word(portal->status)));
    for (size_t i = 0; i < model->n_groups; i++) {
        if (group_holds(&model->groups[i], &portal->id))
            json_object_array_add(groups, group_reference(model, &model->groups[i]));
    }
    add(o, "groups", groups);
    return o;
}

struct json_object *json_group(const struct model *model, const struct group *group)
{
    struct json_object *o = json_object_new_object(), *portals = json_object_new_array();

    add(o, "id", json_guid(&group->id));
    add(o, "group", group_reference(model, group));
    add(o, "tag", number(group->tag));
    for (size_t i = 0; i < group->n_portals; i++)
        json_object_array_add(portals, text(address_of(model, &group->portals[i])));
    add(o, "portals", portals);
    return o;
}

struct json_object *json_groups(const struct model *model, const struct target *target)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < model->n_groups; i++) {
        if (!target || same(&model->groups[i].target, &target->id))
            json_object_array_add(array, json_group(model, &model->groups[i]));
    }
    return array;
}

static struct json_object *luns_of(const struct model *model, const struct target *target)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < model->n_luns; i++) {
        for (size_t k = 0; k < model->luns[i].n_targets; k++) {
            struct json_object *o;

            if (!same(&model->luns[i].targets[k], &target->id))
                continue;
            o = json_object_new_object();
            add(o, "number", number(model->luns[i].numbers[k]));
            add(o, "name", text(model->luns[i].nameless ? "" : model->luns[i].name));
            add(o, "id", json_guid(&model->luns[i].id));
            json_object_array_add(array, o);
        }
    }
    return array;
}

static unsigned n_sessions_of(const struct model *model, const struct target *target)
{
    unsigned n = 0;

    for (size_t i = 0; i < model->n_sessions; i++)
        n += same(&model->sessions[i].prop.targetId, &target->id);
    return n;
}

struct json_object *json_target(const struct model *model, const struct target *target)
{
    struct json_object *o = json_object_new_object();

    add(o, "id", json_guid(&target->id));
    add(o, "name", text(target->nameless ? "" : target->name));
    add(o, "iscsi_name", text(target->iscsi_name));
    add(o, "chap", boolean(target->chap));
    add(o, "groups", json_groups(model, target));
    add(o, "luns", luns_of(model, target));
    add(o, "sessions", number(n_sessions_of(model, target)));
    return o;
}

static struct json_object *mask_array(const char *mask)
{
    struct json_object *array = json_object_new_array();

    for (const char *p = mask; *p; p += strcspn(p, ";"), p += *p == ';') {
        if (strcspn(p, ";"))
            json_object_array_add(array, json_object_new_string_len(p, (int)strcspn(p, ";")));
    }
    return array;
}

struct json_object *json_lun(const struct model *model, const struct lun *lun)
{
    struct json_object *o = json_object_new_object(), *targets = json_object_new_array();

    add(o, "id", json_guid(&lun->id));
    add(o, "name", text(lun->nameless ? "" : lun->name));
    add(o, "serial", text(lun->identification));
    add(o, "size", number(lun->size));
    add(o, "allocated", number(lun->allocated));
    add(o, "thick", boolean(lun->thick));
    add(o, "removable", boolean(lun->features & VDS_LUN_FEATURE_REMOVABLE));
    add(o, "read_only", boolean(lun->features & VDS_LUN_FEATURE_READ_ONLY));
    add(o, "memory", boolean(lun->features & VDS_LUN_FEATURE_VOLATILE));
    add(o, "block_size", number(lun->block_size));
    add(o, "physical_block_size", number(lun->physical_block_size));
    add(o, "status", text(status_word(lun->status)));
    add(o, "health", text(health_word(lun->health)));
    add(o, "allowed", mask_array(lun->mask));
    for (size_t i = 0; i < lun->n_targets; i++) {
        struct json_object *t = json_object_new_object();

        add(t, "target", text(name_of(model, &lun->targets[i])));
        add(t, "number", number(lun->numbers[i]));
        json_object_array_add(targets, t);
    }
    add(o, "targets", targets);
    return o;
}

struct json_object *json_session(const struct model *model, const struct session *session)
{
    static const char *const states[] = { [VDS_SESSION_LOGIN] = "login",
                                          [VDS_SESSION_FULL_FEATURE] = "full feature",
                                          [VDS_SESSION_LOGOUT] = "logout" };
    const VDS_SESSION_PROP *p = &session->prop;
    struct json_object *o = json_object_new_object();

    add(o, "id", number(p->ullId));
    add(o, "initiator", text(session->initiator));
    add(o, "from", text(session->address));
    add(o, "isid", text(session->isid));
    add(o, "target", p->bDiscovery ? NULL : text(name_of(model, &p->targetId)));
    add(o, "tag", number(p->tag));
    add(o, "tsih", number(p->tsih));
    add(o, "portal", text(address_of(model, &p->portalId)));
    add(o, "state",
        text(p->ulState < ARRAY_SIZE(states) && states[p->ulState] ? states[p->ulState] : "unknown"));
    add(o, "discovery", boolean(p->bDiscovery));
    add(o, "header_digest", boolean(p->bHeaderDigest));
    add(o, "data_digest", boolean(p->bDataDigest));
    add(o, "authenticated", boolean(p->bAuthenticated));
    add(o, "reactor", number(p->ulReactor));
    add(o, "tasks", number(p->ulTasks));
    add(o, "commands", number(p->ullCommands));
    add(o, "bytes_read", number(p->ullBytesRead));
    add(o, "bytes_written", number(p->ullBytesWritten));
    add(o, "age_ms", number(p->ullAgeInMs));
    return o;
}

#define DEFINE_ARRAY(noun) \
    struct json_object *json_##noun##s(const struct model *model) \
    { \
        struct json_object *array = json_object_new_array(); \
        for (size_t i = 0; i < model->n_##noun##s; i++) \
            json_object_array_add(array, json_##noun(model, &model->noun##s[i])); \
        return array; \
    }

DEFINE_ARRAY(portal)
DEFINE_ARRAY(target)
DEFINE_ARRAY(lun)
DEFINE_ARRAY(session)

int json_print(struct json_object *object)
{
    puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                    JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(object);
    return EXIT_DONE;
}
