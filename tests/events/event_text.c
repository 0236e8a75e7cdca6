/* SPDX-License-Identifier: MIT */
#include "event_text.h"

static const struct {
    ULONG event;
    VDS_NOTIFICATION_TARGET_TYPE type;
    const char *name;
} names[] = {
    { VDS_NF_SUB_SYSTEM_MODIFY, VDS_NTT_SUB_SYSTEM, "SUB_SYSTEM_MODIFY" },
    { VDS_NF_CONTROLLER_ARRIVE, VDS_NTT_CONTROLLER, "CONTROLLER_ARRIVE" },
    { VDS_NF_CONTROLLER_DEPART, VDS_NTT_CONTROLLER, "CONTROLLER_DEPART" },
    { VDS_NF_CONTROLLER_MODIFY, VDS_NTT_CONTROLLER, "CONTROLLER_MODIFY" },
    { VDS_NF_DRIVE_ARRIVE, VDS_NTT_DRIVE, "DRIVE_ARRIVE" },
    { VDS_NF_DRIVE_DEPART, VDS_NTT_DRIVE, "DRIVE_DEPART" },
    { VDS_NF_DRIVE_MODIFY, VDS_NTT_DRIVE, "DRIVE_MODIFY" },
    { VDS_NF_LUN_ARRIVE, VDS_NTT_LUN, "LUN_ARRIVE" },
    { VDS_NF_LUN_DEPART, VDS_NTT_LUN, "LUN_DEPART" },
    { VDS_NF_LUN_MODIFY, VDS_NTT_LUN, "LUN_MODIFY" },
    { VDS_NF_PORTAL_MODIFY, VDS_NTT_PORTAL, "PORTAL_MODIFY" },
    { VDS_NF_TARGET_ARRIVE, VDS_NTT_TARGET, "TARGET_ARRIVE" },
    { VDS_NF_TARGET_DEPART, VDS_NTT_TARGET, "TARGET_DEPART" },
    { VDS_NF_TARGET_MODIFY, VDS_NTT_TARGET, "TARGET_MODIFY" },
    { VDS_NF_PORTAL_GROUP_ARRIVE, VDS_NTT_PORTAL_GROUP, "GROUP_ARRIVE" },
    { VDS_NF_PORTAL_GROUP_DEPART, VDS_NTT_PORTAL_GROUP, "GROUP_DEPART" },
    { VDS_NF_PORTAL_GROUP_MODIFY, VDS_NTT_PORTAL_GROUP, "GROUP_MODIFY" },
};

static void one_text(const struct scene *s, const VDS_NOTIFICATION *n, char *text, size_t room)
{
    const char *name = NULL, *role = scene_role(s, n);

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].event == n->Target.ulEvent && names[i].type == n->objectType)
            name = names[i].name;
    if (name)
        snprintf(text, room, "%s %s", name, role);
    else
        snprintf(text, room, "event %u of type %d %s", n->Target.ulEvent, (int)n->objectType, role);
}

void event_text_read_until(const struct scene *s, struct event_sink *sink, const VDS_OBJECT_ID *fence,
                           char text[static EVENT_TEXT_ROOM])
{
    unsigned at, last = 0;
    bool any = false;

    text[0] = '\0';
    pthread_mutex_lock(&sink->lock);
    for (at = sink->n_read;; at++) {
        assert_true(at < sizeof sink->seen / sizeof sink->seen[0]);
        while (at == sink->n_seen)
            pthread_cond_wait(&sink->changed, &sink->lock);
        const VDS_NOTIFICATION *n = &sink->seen[at];
        size_t used = strlen(text);

        if (scene_is(n, fence) && n->Target.ulEvent == VDS_NF_TARGET_DEPART)
            break;
        if (scene_is(n, fence))
            continue;
        used += (size_t)snprintf(text + used, EVENT_TEXT_ROOM - used, "%s",
                                 !any                     ? ""
                                 : last == sink->call[at] ? ", "
                                                          : " | ");
        one_text(s, n, text + used, EVENT_TEXT_ROOM - used);
        last = sink->call[at];
        any = true;
    }
    sink->n_read = at + 1;
    pthread_mutex_unlock(&sink->lock);
}
