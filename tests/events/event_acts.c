/* SPDX-License-Identifier: MIT */
/* The acts of the table of notifications. They say nothing of what is told of them: that is in
 * event_table.c. */
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event_acts.h"

/* ---- small things -------------------------------------------------------------------------------------- */

static VDS_OBJECT_ID id_of_group(IVdsIscsiPortalGroup *group)
{
    VDS_ISCSI_PORTALGROUP_PROP prop;

    assert_hr(IVdsIscsiPortalGroup_GetProperties(group, &prop), S_OK);
    return prop.id;
}

static void sql(const struct scene *s, const char *statement)
{
    char command[1024];

    assert_true(snprintf(command, sizeof command, "sqlite3 '%s/array.db' \"%s\"", s->given->state,
                         statement) < (int)sizeof command);
    assert_int_equal(system(command), 0);
}

static void reread(const struct scene *s)
{
    assert_hr(IVdsHwProvider_Reenumerate(s->given->provider), S_OK);
    assert_hr(IVdsHwProvider_Refresh(s->given->provider), S_OK);
}

/* ---- targets and groups -------------------------------------------------------------------------------- */

void act_create_target(struct scene *s)
{
    s->target = scene_new_target(s);
    s->target_id = scene_target_id(s->target);
    scene_plays(s, "target", s->target_id);
}

void act_name_target(struct scene *s)
{
    WCHAR name[] = { 'b', 'o', 'x', 0 };

    assert_hr(IVdsIscsiTarget_SetFriendlyName(s->target, name), S_OK);
}

static void secret(struct scene *s, const char *text, LPWSTR initiator, bool mutual)
{
    VDS_ISCSI_SHARED_SECRET value = { (UCHAR *)(uintptr_t)text, text ? (ULONG)strlen(text) : 0 };

    if (mutual)
        assert_hr(IVdsIscsiTarget_RememberInitiatorSharedSecret(s->target, initiator, text ? &value : NULL),
                  S_OK);
    else
        assert_hr(IVdsIscsiTarget_SetSharedSecret(s->target, text ? &value : NULL, initiator), S_OK);
}

static WCHAR initiator_name[] = { 'i', 'q', 'n', '.', '2', '0', '2', '6', '-',
                                  '1', '1', '.', 'o', 'r', 'g', ':', 'i', 0 };

void act_set_first_secret(struct scene *s)
{
    secret(s, "abcdefghijkl", NULL, false);
}

void act_set_second_secret(struct scene *s)
{
    secret(s, "bcdefghijklm", initiator_name, false);
}

void act_remember_secret(struct scene *s)
{
    secret(s, "cdefghijklmn", initiator_name, true);
}

void act_clear_second_secret(struct scene *s)
{
    secret(s, NULL, initiator_name, true);
    secret(s, NULL, initiator_name, false);
}

void act_clear_first_secret(struct scene *s)
{
    secret(s, NULL, NULL, false);
}

static IVdsIscsiPortalGroup *new_group(struct scene *s, HRESULT expected)
{
    IVdsAsync *async;
    IUnknown *made;

    assert_true(SUCCEEDED(IVdsIscsiTarget_CreatePortalGroup(s->target, &async)));
    assert_hr(ended(async, &made), expected);
    return taken(made, &IID_IVdsIscsiPortalGroup);
}

void act_create_group(struct scene *s)
{
    s->group = new_group(s, S_OK);
    scene_plays(s, "group", id_of_group(s->group));
}

void act_create_second_group(struct scene *s)
{
    s->second = new_group(s, S_OK);
    scene_plays(s, "second", id_of_group(s->second));
}

void act_create_one_group_too_many(struct scene *s)
{
    drop(new_group(s, VDS_S_ALREADY_EXISTS));
}

static HRESULT add(IVdsIscsiPortalGroup *group, VDS_OBJECT_ID portal)
{
    IVdsAsync *async;
    HRESULT hr = IVdsIscsiPortalGroup_AddPortal(group, portal, &async);

    return FAILED(hr) ? hr : ended(async, NULL);
}

static HRESULT take_out(IVdsIscsiPortalGroup *group, VDS_OBJECT_ID portal)
{
    IVdsAsync *async;
    HRESULT hr = IVdsIscsiPortalGroup_RemovePortal(group, portal, &async);

    return FAILED(hr) ? hr : ended(async, NULL);
}

void act_add_portal(struct scene *s)
{
    assert_hr(add(s->group, s->portal_id[0]), S_OK);
}

void act_add_portal_again(struct scene *s)
{
    assert_hr(add(s->group, s->portal_id[0]), VDS_S_ALREADY_EXISTS);
    assert_hr(add(s->second, s->portal_id[0]), VDS_E_INVALID_OPERATION);
}

void act_add_absent_portal(struct scene *s)
{
    assert_hr(add(s->group, s->portal_id[2]), S_OK);
}

void act_remove_absent_portal(struct scene *s)
{
    assert_hr(take_out(s->group, s->portal_id[2]), S_OK);
}

void act_remove_last_portal(struct scene *s)
{
    assert_hr(take_out(s->group, s->portal_id[0]), S_OK);
}

void act_delete_second_group(struct scene *s)
{
    IVdsAsync *async;

    assert_hr(IVdsIscsiPortalGroup_Delete(s->second, &async), S_OK);
    assert_hr(ended(async, NULL), S_OK);
}

void act_delete_the_target(struct scene *s)
{
    scene_delete_target(s->target);
    s->target = NULL;
}

/* ---- LUNs ---------------------------------------------------------------------------------------------- */

void act_create_lun(struct scene *s)
{
    WCHAR none[] = { 0 };
    IVdsAsync *async;
    IUnknown *made;

    assert_hr(IVdsSubSystem_CreateLun(s->subsystem, VDS_LT_SIMPLE, 4 << 20, NULL, 0, none, NULL, &async),
              S_OK);
    assert_hr(ended(async, &made), S_OK);
    s->lun = taken(made, &IID_IVdsLun);
    scene_plays(s, "lun", lun_prop(s->lun).id);
}

void act_create_and_delete_lun_in_pool(struct scene *s)
{
    IVdsHwProviderStoragePools *pools = as(s->given->provider, &IID_IVdsHwProviderStoragePools);
    VDS_STORAGE_POOL_PROP prop;
    IEnumVdsObject *members;
    IVdsStoragePool *pool;
    WCHAR none[] = { 0 };
    IVdsAsync *async;
    IUnknown *made;
    IVdsLun *lun;

    assert_hr(IVdsHwProviderStoragePools_QueryStoragePools(pools, VDS_SPT_CONCRETE, 0, NULL, &members), S_OK);
    pool = member(members, 0, &IID_IVdsStoragePool);
    assert_hr(IVdsStoragePool_GetProperties(pool, &prop), S_OK);
    CoTaskMemFree(prop.pwszName);
    CoTaskMemFree(prop.pwszDescription);
    assert_hr(IVdsHwProviderStoragePools_CreateLunInStoragePool(pools, VDS_LT_SIMPLE, 1 << 20, prop.id, none,
                                                                NULL, &async),
              S_OK);
    assert_hr(ended(async, &made), S_OK);
    lun = taken(made, &IID_IVdsLun);
    scene_plays(s, "pooled", lun_prop(lun).id);
    assert_hr(IVdsLun_Delete(lun), S_OK);
    drop(lun);
    drop(pool);
    drop(pools);
}

static void associate(struct scene *s, LONG n)
{
    IVdsLunIscsi *ties = as(s->lun, &IID_IVdsLunIscsi);

    assert_hr(IVdsLunIscsi_AssociateTargets(ties, n ? &s->target_id : NULL, n), S_OK);
    drop(ties);
}

void act_tie_lun(struct scene *s)
{
    associate(s, 1);
}

void act_untie_lun(struct scene *s)
{
    associate(s, 0);
}

void act_mask_lun(struct scene *s)
{
    WCHAR all[] = { '*', 0 };

    assert_hr(IVdsLun_SetMask(s->lun, all), S_OK);
}

void act_name_lun(struct scene *s)
{
    IVdsLunNaming *naming = as(s->lun, &IID_IVdsLunNaming);
    WCHAR name[] = { 'd', 0 };

    assert_hr(IVdsLunNaming_SetFriendlyName(naming, name), S_OK);
    drop(naming);
}

void act_hint_lun(struct scene *s)
{
    VDS_HINTS hints;

    memset(&hints, 0, sizeof hints);
    assert_hr(IVdsLun_ApplyHints(s->lun, &hints), S_OK);
}

void act_extend_lun(struct scene *s)
{
    IVdsAsync *async;

    assert_hr(IVdsLun_Extend(s->lun, 1 << 20, NULL, 0, &async), S_OK);
    assert_hr(ended(async, NULL), S_OK);
}

void act_shrink_lun(struct scene *s)
{
    IVdsAsync *async;

    assert_hr(IVdsLun_Shrink(s->lun, 1 << 20, &async), S_OK);
    assert_hr(ended(async, NULL), S_OK);
}

void act_set_lun_offline(struct scene *s)
{
    assert_hr(IVdsLun_SetStatus(s->lun, VDS_LS_OFFLINE), S_OK);
}

void act_set_lun_online(struct scene *s)
{
    assert_hr(IVdsLun_SetStatus(s->lun, VDS_LS_ONLINE), S_OK);
}

void act_delete_lun(struct scene *s)
{
    assert_hr(IVdsLun_Delete(s->lun), S_OK);
}

/* ---- drives, controller, portals, the array ------------------------------------------------------------ */

void act_set_drive_offline(struct scene *s)
{
    assert_hr(IVdsDrive_SetStatus(s->drive, VDS_DRS_OFFLINE), S_OK);
}

void act_set_drive_online(struct scene *s)
{
    assert_hr(IVdsDrive_SetStatus(s->drive, VDS_DRS_ONLINE), S_OK);
}

void act_set_controller_offline(struct scene *s)
{
    assert_hr(IVdsController_SetStatus(s->controller, VDS_CS_OFFLINE), S_OK);
}

void act_set_controllers_online(struct scene *s)
{
    VDS_OBJECT_ID id = controller_prop(s->controller).id;

    assert_hr(IVdsSubSystem_SetControllerStatus(s->subsystem, &id, 1, NULL, 0), S_OK);
}

void act_set_array_offline(struct scene *s)
{
    assert_hr(IVdsSubSystem_SetStatus(s->subsystem, VDS_SSS_OFFLINE), S_OK);
}

void act_set_array_online(struct scene *s)
{
    assert_hr(IVdsSubSystem_SetStatus(s->subsystem, VDS_SSS_ONLINE), S_OK);
}

void act_set_portal_offline(struct scene *s)
{
    assert_hr(IVdsIscsiPortal_SetStatus(s->portal, VDS_IPS_OFFLINE), S_OK);
}

void act_set_portal_online(struct scene *s)
{
    assert_hr(IVdsIscsiPortal_SetStatus(s->portal, VDS_IPS_ONLINE), S_OK);
}

void act_name_array(struct scene *s)
{
    IVdsSubSystemNaming *naming = as(s->subsystem, &IID_IVdsSubSystemNaming);
    WCHAR name[] = { 'a', 0 };

    assert_hr(IVdsSubSystemNaming_SetFriendlyName(naming, name), S_OK);
    drop(naming);
}

void act_set_import_target(struct scene *s)
{
    IVdsSubSystemImportTarget *import = as(s->subsystem, &IID_IVdsSubSystemImportTarget);

    assert_hr(IVdsSubSystemImportTarget_SetImportTarget(import, initiator_name), S_OK);
    drop(import);
}

/* ---- maintenance --------------------------------------------------------------------------------------- */

static void maintain(void *object, VDS_MAINTENANCE_OPERATION operation,
                     HRESULT (*how)(IVdsMaintenance *, VDS_MAINTENANCE_OPERATION), HRESULT expected)
{
    IVdsMaintenance *face = as(object, &IID_IVdsMaintenance);

    assert_hr(how(face, operation), expected);
    drop(face);
}

static HRESULT start(IVdsMaintenance *face, VDS_MAINTENANCE_OPERATION operation)
{
    return IVdsMaintenance_StartMaintenance(face, operation);
}

static HRESULT stop(IVdsMaintenance *face, VDS_MAINTENANCE_OPERATION operation)
{
    return IVdsMaintenance_StopMaintenance(face, operation);
}

static HRESULT pulse(IVdsMaintenance *face, VDS_MAINTENANCE_OPERATION operation)
{
    return IVdsMaintenance_PulseMaintenance(face, operation, 2);
}

void act_blink_lun(struct scene *s)
{
    maintain(s->lun, BlinkLight, start, S_OK);
}

void act_pulse_lun(struct scene *s)
{
    maintain(s->lun, BlinkLight, pulse, S_OK);
}

void act_stop_what_does_not_blink(struct scene *s)
{
    maintain(s->lun, BlinkLight, stop, S_FALSE);
}

void act_spin_drive(struct scene *s)
{
    maintain(s->drive, SpinDown, start, S_OK);
}

void act_stop_drive(struct scene *s)
{
    maintain(s->drive, SpinDown, stop, S_OK);
}

void act_ping_controller(struct scene *s)
{
    maintain(s->controller, Ping, start, S_OK);
}

void act_beep(struct scene *s)
{
    maintain(s->subsystem, BeepAlarm, start, S_OK);
}

/* ---- what others do ------------------------------------------------------------------------------------ */

void act_look_again(struct scene *s)
{
    reread(s);
}

void act_drive_comes(struct scene *s)
{
    assert_int_equal(unlink(s->given->late), 0);
    assert_int_equal(mkdir(s->given->late, 0700), 0);
    assert_hr(IVdsSubSystem_Reenumerate(s->subsystem), S_OK);
}

void act_rename_array_outside(struct scene *s)
{
    sql(s, "UPDATE subsystem SET name = 'other'");
    reread(s);
}

void act_take_controller_offline_outside(struct scene *s)
{
    sql(s, "UPDATE subsystem SET controller_offline = 1");
    reread(s);
}

void act_take_array_offline_outside(struct scene *s)
{
    sql(s, "UPDATE subsystem SET offline = 1, controller_offline = 0");
    reread(s);
}

void act_bring_array_online_outside(struct scene *s)
{
    sql(s, "UPDATE subsystem SET offline = 0");
    reread(s);
}

void act_take_portal_offline_outside(struct scene *s)
{
    char statement[80];

    snprintf(statement, sizeof statement, "UPDATE portals SET offline = 1 WHERE port = %u",
             (unsigned)s->port);
    sql(s, statement);
    reread(s);
}

void act_delete_target_outside(struct scene *s)
{
    sql(s, "PRAGMA foreign_keys = ON; DELETE FROM targets");
    reread(s);
    IVdsIscsiTarget_Release(s->target);
    s->target = NULL;
}

/* Its row goes, its directory is in the options: it comes back as another. */
void act_forget_drive_outside(struct scene *s)
{
    IEnumVdsObject *members;
    IVdsDrive *drive;

    sql(s, "PRAGMA foreign_keys = ON; DELETE FROM drives WHERE id NOT IN (SELECT drive FROM luns)");
    reread(s);
    assert_hr(IVdsSubSystem_QueryDrives(s->subsystem, &members), S_OK);
    drive = member(members, 1, &IID_IVdsDrive);
    scene_plays(s, "newcomer", scene_drive_id(drive));
    drop(drive);
}

void act_state_cannot_be_written_for_a_while(struct scene *s)
{
    struct rlimit before, none;
    IEnumVdsObject *members;

    assert_int_equal(prlimit(s->given->pid, RLIMIT_FSIZE, NULL, &before), 0);
    none = (struct rlimit){ 0, before.rlim_max };
    assert_int_equal(prlimit(s->given->pid, RLIMIT_FSIZE, &none, NULL), 0);
    assert_true(FAILED(IVdsLun_SetStatus(s->lun, VDS_LS_OFFLINE)));
    assert_int_equal(prlimit(s->given->pid, RLIMIT_FSIZE, &before, NULL), 0);
    event_sink_wait(s->given->sinks[0], VDS_NF_SUB_SYSTEM_MODIFY, 2); /* it has failed, it has healed */
    assert_hr(IVdsSubSystemIscsi_QueryPortals(s->array, &members), S_OK);
    IEnumVdsObject_Release(members);
}
