/* SPDX-License-Identifier: MIT */
/* Who is there when the table of notifications is walked: the objects of the array under test, and the names
 * by which the table calls them. */
#ifndef VDS_TESTS_EVENT_SCENE_H
#define VDS_TESTS_EVENT_SCENE_H

#include <stdbool.h>

#include "event_table.h"

#define SCENE_MAX_ROLES 32

struct scene {
    const struct event_given *given;
    IVdsSubSystem *subsystem;
    IVdsSubSystemIscsi *array;
    IVdsController *controller;
    IVdsDrive *drive;
    IVdsIscsiPortal *portal;
    IVdsIscsiTarget *target;
    IVdsIscsiPortalGroup *group, *second;
    IVdsLun *lun;
    VDS_OBJECT_ID portal_id[3], target_id;
    ULONG port; /* of the first portal */
    struct {
        const char *name;
        VDS_OBJECT_ID id;
    } roles[SCENE_MAX_ROLES];
    unsigned n_roles;
};

/* Finds the objects that are there before the first row; scene_leave() lets go of all that the scene has. */
void scene_meet(struct scene *s);
void scene_leave(struct scene *s);

/* From now on `name` is what the table calls the object. */
void scene_plays(struct scene *s, const char *name, VDS_OBJECT_ID id);
/* "?": of an object that has no name */
const char *scene_role(const struct scene *s, const VDS_NOTIFICATION *n);
bool scene_is(const VDS_NOTIFICATION *n, const VDS_OBJECT_ID *id);

IVdsIscsiTarget *scene_new_target(struct scene *s);
void scene_delete_target(IVdsIscsiTarget *target);
VDS_OBJECT_ID scene_target_id(IVdsIscsiTarget *target);
VDS_OBJECT_ID scene_drive_id(IVdsDrive *drive);

#endif
