/* SPDX-License-Identifier: MIT */
/* The objects of the array under test, and their names in the table of notifications. */
#include "event_scene.h"

/* ---- names --------------------------------------------------------------------------------------------- */

void scene_plays(struct scene *s, const char *name, VDS_OBJECT_ID id)
{
    assert_true(s->n_roles < SCENE_MAX_ROLES);
    s->roles[s->n_roles].name = name;
    s->roles[s->n_roles++].id = id;
}

bool scene_is(const VDS_NOTIFICATION *n, const VDS_OBJECT_ID *id)
{
    return memcmp(&n->Target.targetId, id, sizeof *id) == 0; /* in the same place in every arm */
}

const char *scene_role(const struct scene *s, const VDS_NOTIFICATION *n)
{
    const char *role = "?";

    for (unsigned i = 0; i < s->n_roles; i++)
        if (scene_is(n, &s->roles[i].id))
            role = s->roles[i].name;
    return role;
}

/* ---- objects ------------------------------------------------------------------------------------------- */

VDS_OBJECT_ID scene_target_id(IVdsIscsiTarget *target)
{
    VDS_ISCSI_TARGET_PROP prop;

    assert_hr(IVdsIscsiTarget_GetProperties(target, &prop), S_OK);
    CoTaskMemFree(prop.pwszIscsiName);
    CoTaskMemFree(prop.pwszFriendlyName);
    return prop.id;
}

VDS_OBJECT_ID scene_drive_id(IVdsDrive *drive)
{
    VDS_DRIVE_PROP prop;

    /* incomplete, where there is no directory */
    assert_true(SUCCEEDED(IVdsDrive_GetProperties(drive, &prop)));
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    return prop.id;
}

IVdsIscsiTarget *scene_new_target(struct scene *s)
{
    WCHAR name[] = { 't', 0 };
    IVdsAsync *async;
    IUnknown *made;

    assert_hr(IVdsSubSystemIscsi_CreateTarget(s->array, NULL, name, &async), S_OK);
    assert_hr(ended(async, &made), S_OK);
    return taken(made, &IID_IVdsIscsiTarget);
}

void scene_delete_target(IVdsIscsiTarget *target)
{
    IVdsAsync *async;

    assert_hr(IVdsIscsiTarget_Delete(target, &async), S_OK);
    assert_hr(ended(async, NULL), S_OK);
    IVdsIscsiTarget_Release(target);
}

/* ---- meeting and leaving ------------------------------------------------------------------------------- */

static void meet_portals(struct scene *s)
{
    static const char *const roles[] = { "portal0", "portal1", "portal2" };
    IEnumVdsObject *members;

    for (ULONG i = 0, n_here = 0; i < 3; i++) {
        VDS_ISCSI_PORTAL_PROP prop;
        IVdsIscsiPortal *portal;
        ULONG number;

        assert_hr(IVdsSubSystemIscsi_QueryPortals(s->array, &members), S_OK);
        portal = member(members, i, &IID_IVdsIscsiPortal);
        assert_hr(IVdsIscsiPortal_GetProperties(portal, &prop), S_OK);
        number = prop.status == VDS_IPS_ONLINE ? n_here++ : 2; /* the absent one is the last */
        s->portal_id[number] = prop.id;
        scene_plays(s, roles[number], prop.id);
        if (number == 0) {
            s->portal = portal;
            s->port = prop.address.ulPort;
        } else {
            drop(portal);
        }
    }
}

void scene_meet(struct scene *s)
{
    VDS_SUB_SYSTEM_PROP array_prop;
    IEnumVdsObject *members;
    IVdsDrive *late;

    assert_hr(IVdsHwProvider_QuerySubSystems(s->given->provider, &members), S_OK);
    s->subsystem = member(members, 0, &IID_IVdsSubSystem);
    s->array = as(s->subsystem, &IID_IVdsSubSystemIscsi);
    assert_hr(IVdsSubSystem_GetProperties(s->subsystem, &array_prop), S_OK);
    CoTaskMemFree(array_prop.pwszFriendlyName);
    CoTaskMemFree(array_prop.pwszIdentification);
    scene_plays(s, "array", array_prop.id);
    assert_hr(IVdsSubSystem_QueryControllers(s->subsystem, &members), S_OK);
    s->controller = member(members, 0, &IID_IVdsController);
    scene_plays(s, "controller", controller_prop(s->controller).id);
    assert_hr(IVdsSubSystem_QueryDrives(s->subsystem, &members), S_OK);
    s->drive = member(members, 0, &IID_IVdsDrive);
    scene_plays(s, "drive", scene_drive_id(s->drive));
    assert_hr(IVdsSubSystem_QueryDrives(s->subsystem, &members), S_OK);
    late = member(members, 1, &IID_IVdsDrive);
    scene_plays(s, "late", scene_drive_id(late));
    drop(late);
    meet_portals(s);
}

void scene_leave(struct scene *s)
{
    drop(s->lun);
    drop(s->group);
    drop(s->second);
    drop(s->portal);
    drop(s->drive);
    drop(s->controller);
    drop(s->array);
    drop(s->subsystem);
}
