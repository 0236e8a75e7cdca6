/* SPDX-License-Identifier: MIT */
/* The table of notifications. A row does one thing; what it says then are the calls of OnNotify that must come, and nothing else: "A x, B y"
 * is one call with two notifications, " | " stands between calls, "" is silence. Each row is fenced by a target that is made and deleted.
 *
 * What VDS has and this array cannot do, and so has no row:
 *   SUB_SYSTEM_ARRIVE, SUB_SYSTEM_DEPART   the array is its only subsystem, from OnLoad to OnUnload
 *   CONTROLLER_REMOVED, DRIVE_REMOVED      nothing of it can be taken out of a slot while it runs; a directory that is named no more departs
 *   PORT_*, of controller ports            Fibre Channel
 *   DISK_*, VOLUME_*, PACK_*, ...          software providers, and LUNs that are disks of this host: those are the operating system's
 * PORTAL_ARRIVE, PORTAL_DEPART and a PORTAL_MODIFY for an address that comes or goes need other addresses of the host than it has: they are in
 * tests/unit/array/test_portals.c, over an engine that says what addresses there are. Storage pools have no notifications of their own: what
 * changes in them is a change of a drive.
 */
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event_table.h"

#define ROLES_MAX 32
#define TEXT_ROOM 1024

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
    } roles[ROLES_MAX];
    unsigned n_roles;
};

/* ---- sinks --------------------------------------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE sink_QueryInterface(IVdsAdviseSink *face, REFIID iid, void **ret_face)
{
    *ret_face = NULL;
    if (memcmp(iid, &IID_IUnknown, sizeof *iid) != 0 && memcmp(iid, &IID_IVdsAdviseSink, sizeof *iid) != 0)
        return E_NOINTERFACE;
    *ret_face = face;
    return S_OK;
}

static ULONG STDMETHODCALLTYPE sink_count(IVdsAdviseSink *face)
{
    (void)face;
    return 1;
}

static HRESULT STDMETHODCALLTYPE sink_OnNotify(IVdsAdviseSink *face, LONG n, VDS_NOTIFICATION *list)
{
    struct event_sink *sink = (struct event_sink *)(void *)face;

    pthread_mutex_lock(&sink->lock);
    for (LONG i = 0; i < n && sink->n_seen < sizeof sink->seen / sizeof sink->seen[0]; i++) {
        sink->call[sink->n_seen] = sink->n_calls;
        sink->seen[sink->n_seen++] = list[i];
    }
    sink->n_calls++;
    pthread_cond_broadcast(&sink->changed);
    pthread_mutex_unlock(&sink->lock);
    CoTaskMemFree(list);
    return S_OK;
}

static IVdsAdviseSinkVtbl sink_vtbl = {
    .QueryInterface = sink_QueryInterface,
    .AddRef = sink_count,
    .Release = sink_count,
    .OnNotify = sink_OnNotify,
};

void event_sink_init(struct event_sink *sink)
{
    memset(sink, 0, sizeof *sink);
    sink->face.lpVtbl = &sink_vtbl;
    pthread_mutex_init(&sink->lock, NULL);
    pthread_cond_init(&sink->changed, NULL);
}

/* ---- what was told, as text ------------------------------------------------------------------------------ */

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

static void plays(struct scene *s, const char *name, VDS_OBJECT_ID id)
{
    assert_true(s->n_roles < ROLES_MAX);
    s->roles[s->n_roles].name = name;
    s->roles[s->n_roles++].id = id;
}

static bool is(const VDS_NOTIFICATION *n, const VDS_OBJECT_ID *id)
{
    return memcmp(&n->Target.targetId, id, sizeof *id) == 0; /* in the same place in every arm */
}

static void one_text(const struct scene *s, const VDS_NOTIFICATION *n, char *text, size_t room)
{
    const char *name = NULL, *role = "?";

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].event == n->Target.ulEvent && names[i].type == n->objectType)
            name = names[i].name;
    for (unsigned i = 0; i < s->n_roles; i++)
        if (is(n, &s->roles[i].id))
            role = s->roles[i].name;
    if (name)
        snprintf(text, room, "%s %s", name, role);
    else
        snprintf(text, room, "event %u of type %d %s", n->Target.ulEvent, (int)n->objectType, role);
}

/* What came before the fence was made, calls apart; waits for the fence, and eats it. */
static void read_until(const struct scene *s, struct event_sink *sink, const VDS_OBJECT_ID *fence, char text[static TEXT_ROOM])
{
    unsigned at, last = 0;
    bool any = false;

    text[0] = '\0';
    pthread_mutex_lock(&sink->lock);
    for (at = sink->n_read;; at++) {
        while (at == sink->n_seen)
            pthread_cond_wait(&sink->changed, &sink->lock);
        const VDS_NOTIFICATION *n = &sink->seen[at];
        size_t used = strlen(text);

        if (is(n, fence) && n->Target.ulEvent == VDS_NF_TARGET_DEPART)
            break;
        if (is(n, fence))
            continue;
        used += (size_t)snprintf(text + used, TEXT_ROOM - used, "%s", !any ? "" : last == sink->call[at] ? ", " : " | ");
        one_text(s, n, text + used, TEXT_ROOM - used);
        last = sink->call[at];
        any = true;
    }
    if (at + 1 < sizeof sink->seen / sizeof sink->seen[0])
        sink->n_read = at + 1;
    pthread_mutex_unlock(&sink->lock);
}

/* ---- small things -------------------------------------------------------------------------------------- */

static void *as(void *object, REFIID iid)
{
    void *face = NULL;

    assert_hr(IUnknown_QueryInterface((IUnknown *)object, iid, &face), S_OK);
    return face;
}

static void drop(void *object)
{
    if (object)
        IUnknown_Release((IUnknown *)object);
}

static void *member(IEnumVdsObject *members, ULONG i, REFIID iid)
{
    IUnknown *object = NULL;
    ULONG n;

    assert_hr(IEnumVdsObject_Skip(members, i), S_OK);
    assert_hr(IEnumVdsObject_Next(members, 1, &object, &n), S_OK);
    IEnumVdsObject_Release(members);
    return taken(object, iid);
}

static HRESULT ended(IVdsAsync *async, IUnknown **ret_made)
{
    VDS_ASYNC_OUTPUT output;
    HRESULT result = E_FAIL;

    memset(&output, 0, sizeof output);
    assert_non_null(async);
    assert_hr(IVdsAsync_Wait(async, &result, &output), S_OK);
    IVdsAsync_Release(async);
    if (ret_made)
        *ret_made = SUCCEEDED(result) ? output.ct.pTargetUnk : NULL;
    return result;
}

static VDS_OBJECT_ID id_of_target(IVdsIscsiTarget *target)
{
    VDS_ISCSI_TARGET_PROP prop;

    assert_hr(IVdsIscsiTarget_GetProperties(target, &prop), S_OK);
    CoTaskMemFree(prop.pwszIscsiName);
    CoTaskMemFree(prop.pwszFriendlyName);
    return prop.id;
}

static VDS_OBJECT_ID id_of_lun(IVdsLun *lun)
{
    VDS_LUN_PROP prop;

    assert_hr(IVdsLun_GetProperties(lun, &prop), S_OK);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    CoTaskMemFree(prop.pwszUnmaskingList);
    return prop.id;
}

static VDS_OBJECT_ID id_of_drive(IVdsDrive *drive)
{
    VDS_DRIVE_PROP prop;

    assert_true(SUCCEEDED(IVdsDrive_GetProperties(drive, &prop))); /* incomplete, where there is no directory */
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    return prop.id;
}

static VDS_OBJECT_ID id_of_group(IVdsIscsiPortalGroup *group)
{
    VDS_ISCSI_PORTALGROUP_PROP prop;

    assert_hr(IVdsIscsiPortalGroup_GetProperties(group, &prop), S_OK);
    return prop.id;
}

static IVdsIscsiTarget *new_target(struct scene *s)
{
    WCHAR name[] = { 't', 0 };
    IVdsAsync *async;
    IUnknown *made;

    assert_hr(IVdsSubSystemIscsi_CreateTarget(s->array, NULL, name, &async), S_OK);
    assert_hr(ended(async, &made), S_OK);
    return taken(made, &IID_IVdsIscsiTarget);
}

static void delete_target(IVdsIscsiTarget *target)
{
    IVdsAsync *async;

    assert_hr(IVdsIscsiTarget_Delete(target, &async), S_OK);
    assert_hr(ended(async, NULL), S_OK);
    IVdsIscsiTarget_Release(target);
}

static void sql(const struct scene *s, const char *statement)
{
    char command[1024];

    assert_true(snprintf(command, sizeof command, "sqlite3 '%s/array.db' \"%s\"", s->given->state, statement) < (int)sizeof command);
    assert_int_equal(system(command), 0);
}

static void reread(const struct scene *s)
{
    assert_hr(IVdsHwProvider_Reenumerate(s->given->provider), S_OK);
    assert_hr(IVdsHwProvider_Refresh(s->given->provider), S_OK);
}

/* ---- targets and groups -------------------------------------------------------------------------------- */

static void create_target(struct scene *s)
{
    s->target = new_target(s);
    s->target_id = id_of_target(s->target);
    plays(s, "target", s->target_id);
}

static void name_target(struct scene *s)
{
    WCHAR name[] = { 'b', 'o', 'x', 0 };

    assert_hr(IVdsIscsiTarget_SetFriendlyName(s->target, name), S_OK);
}

static void secret(struct scene *s, const char *text, LPWSTR initiator, bool mutual)
{
    VDS_ISCSI_SHARED_SECRET value = { (UCHAR *)(uintptr_t)text, text ? (ULONG)strlen(text) : 0 };

    if (mutual)
        assert_hr(IVdsIscsiTarget_RememberInitiatorSharedSecret(s->target, initiator, text ? &value : NULL), S_OK);
    else
        assert_hr(IVdsIscsiTarget_SetSharedSecret(s->target, text ? &value : NULL, initiator), S_OK);
}

static WCHAR initiator_name[] = { 'i', 'q', 'n', '.', '2', '0', '2', '6', '-', '1', '1', '.', 'o', 'r', 'g', ':', 'i', 0 };

static void set_first_secret(struct scene *s)
{
    secret(s, "abcdefghijkl", NULL, false);
}

static void set_second_secret(struct scene *s)
{
    secret(s, "bcdefghijklm", initiator_name, false);
}

static void remember_secret(struct scene *s)
{
    secret(s, "cdefghijklmn", initiator_name, true);
}

static void clear_second_secret(struct scene *s)
{
    secret(s, NULL, initiator_name, true);
    secret(s, NULL, initiator_name, false);
}

static void clear_first_secret(struct scene *s)
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

static void create_group(struct scene *s)
{
    s->group = new_group(s, S_OK);
    plays(s, "group", id_of_group(s->group));
}

static void create_second_group(struct scene *s)
{
    s->second = new_group(s, S_OK);
    plays(s, "second", id_of_group(s->second));
}

static void create_one_group_too_many(struct scene *s)
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

static void add_portal(struct scene *s)
{
    assert_hr(add(s->group, s->portal_id[0]), S_OK);
}

static void add_portal_again(struct scene *s)
{
    assert_hr(add(s->group, s->portal_id[0]), VDS_S_ALREADY_EXISTS);
    assert_hr(add(s->second, s->portal_id[0]), VDS_E_INVALID_OPERATION);
}

static void add_absent_portal(struct scene *s)
{
    assert_hr(add(s->group, s->portal_id[2]), S_OK);
}

static void remove_absent_portal(struct scene *s)
{
    assert_hr(take_out(s->group, s->portal_id[2]), S_OK);
}

static void remove_last_portal(struct scene *s)
{
    assert_hr(take_out(s->group, s->portal_id[0]), S_OK);
}

static void delete_second_group(struct scene *s)
{
    IVdsAsync *async;

    assert_hr(IVdsIscsiPortalGroup_Delete(s->second, &async), S_OK);
    assert_hr(ended(async, NULL), S_OK);
}

static void delete_the_target(struct scene *s)
{
    delete_target(s->target);
    s->target = NULL;
}

/* ---- LUNs ---------------------------------------------------------------------------------------------- */

static void create_lun(struct scene *s)
{
    WCHAR none[] = { 0 };
    IVdsAsync *async;
    IUnknown *made;

    assert_hr(IVdsSubSystem_CreateLun(s->subsystem, VDS_LT_SIMPLE, 4 << 20, NULL, 0, none, NULL, &async), S_OK);
    assert_hr(ended(async, &made), S_OK);
    s->lun = taken(made, &IID_IVdsLun);
    plays(s, "lun", id_of_lun(s->lun));
}

static void create_and_delete_lun_in_pool(struct scene *s)
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
    assert_hr(IVdsHwProviderStoragePools_CreateLunInStoragePool(pools, VDS_LT_SIMPLE, 1 << 20, prop.id, none, NULL, &async), S_OK);
    assert_hr(ended(async, &made), S_OK);
    lun = taken(made, &IID_IVdsLun);
    plays(s, "pooled", id_of_lun(lun));
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

static void tie_lun(struct scene *s)
{
    associate(s, 1);
}

static void untie_lun(struct scene *s)
{
    associate(s, 0);
}

static void mask_lun(struct scene *s)
{
    WCHAR all[] = { '*', 0 };

    assert_hr(IVdsLun_SetMask(s->lun, all), S_OK);
}

static void name_lun(struct scene *s)
{
    IVdsLunNaming *naming = as(s->lun, &IID_IVdsLunNaming);
    WCHAR name[] = { 'd', 0 };

    assert_hr(IVdsLunNaming_SetFriendlyName(naming, name), S_OK);
    drop(naming);
}

static void hint_lun(struct scene *s)
{
    VDS_HINTS hints;

    memset(&hints, 0, sizeof hints);
    assert_hr(IVdsLun_ApplyHints(s->lun, &hints), S_OK);
}

static void extend_lun(struct scene *s)
{
    IVdsAsync *async;

    assert_hr(IVdsLun_Extend(s->lun, 1 << 20, NULL, 0, &async), S_OK);
    assert_hr(ended(async, NULL), S_OK);
}

static void shrink_lun(struct scene *s)
{
    IVdsAsync *async;

    assert_hr(IVdsLun_Shrink(s->lun, 1 << 20, &async), S_OK);
    assert_hr(ended(async, NULL), S_OK);
}

static void set_lun_offline(struct scene *s)
{
    assert_hr(IVdsLun_SetStatus(s->lun, VDS_LS_OFFLINE), S_OK);
}

static void set_lun_online(struct scene *s)
{
    assert_hr(IVdsLun_SetStatus(s->lun, VDS_LS_ONLINE), S_OK);
}

static void delete_lun(struct scene *s)
{
    assert_hr(IVdsLun_Delete(s->lun), S_OK);
}

/* ---- drives, controller, portals, the array ------------------------------------------------------------ */

static void set_drive_offline(struct scene *s)
{
    assert_hr(IVdsDrive_SetStatus(s->drive, VDS_DRS_OFFLINE), S_OK);
}

static void set_drive_online(struct scene *s)
{
    assert_hr(IVdsDrive_SetStatus(s->drive, VDS_DRS_ONLINE), S_OK);
}

static void set_controller_offline(struct scene *s)
{
    assert_hr(IVdsController_SetStatus(s->controller, VDS_CS_OFFLINE), S_OK);
}

static void set_controllers_online(struct scene *s)
{
    VDS_CONTROLLER_PROP prop;

    assert_hr(IVdsController_GetProperties(s->controller, &prop), S_OK);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    assert_hr(IVdsSubSystem_SetControllerStatus(s->subsystem, &prop.id, 1, NULL, 0), S_OK);
}

static void set_array_offline(struct scene *s)
{
    assert_hr(IVdsSubSystem_SetStatus(s->subsystem, VDS_SSS_OFFLINE), S_OK);
}

static void set_array_online(struct scene *s)
{
    assert_hr(IVdsSubSystem_SetStatus(s->subsystem, VDS_SSS_ONLINE), S_OK);
}

static void set_portal_offline(struct scene *s)
{
    assert_hr(IVdsIscsiPortal_SetStatus(s->portal, VDS_IPS_OFFLINE), S_OK);
}

static void set_portal_online(struct scene *s)
{
    assert_hr(IVdsIscsiPortal_SetStatus(s->portal, VDS_IPS_ONLINE), S_OK);
}

static void name_array(struct scene *s)
{
    IVdsSubSystemNaming *naming = as(s->subsystem, &IID_IVdsSubSystemNaming);
    WCHAR name[] = { 'a', 0 };

    assert_hr(IVdsSubSystemNaming_SetFriendlyName(naming, name), S_OK);
    drop(naming);
}

static void set_import_target(struct scene *s)
{
    IVdsSubSystemImportTarget *import = as(s->subsystem, &IID_IVdsSubSystemImportTarget);

    assert_hr(IVdsSubSystemImportTarget_SetImportTarget(import, initiator_name), S_OK);
    drop(import);
}

/* ---- maintenance --------------------------------------------------------------------------------------- */

static void maintain(void *object, VDS_MAINTENANCE_OPERATION operation, HRESULT (*how)(IVdsMaintenance *, VDS_MAINTENANCE_OPERATION),
                     HRESULT expected)
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

static void blink_lun(struct scene *s)
{
    maintain(s->lun, BlinkLight, start, S_OK);
}

static void pulse_lun(struct scene *s)
{
    maintain(s->lun, BlinkLight, pulse, S_OK);
}

static void stop_what_does_not_blink(struct scene *s)
{
    maintain(s->lun, BlinkLight, stop, S_FALSE);
}

static void spin_drive(struct scene *s)
{
    maintain(s->drive, SpinDown, start, S_OK);
}

static void stop_drive(struct scene *s)
{
    maintain(s->drive, SpinDown, stop, S_OK);
}

static void ping_controller(struct scene *s)
{
    maintain(s->controller, Ping, start, S_OK);
}

static void beep(struct scene *s)
{
    maintain(s->subsystem, BeepAlarm, start, S_OK);
}

/* ---- what others do ------------------------------------------------------------------------------------ */

static void look_again(struct scene *s)
{
    reread(s);
}

static void drive_comes(struct scene *s)
{
    assert_int_equal(unlink(s->given->late), 0);
    assert_int_equal(mkdir(s->given->late, 0700), 0);
    assert_hr(IVdsSubSystem_Reenumerate(s->subsystem), S_OK);
}

static void rename_array_outside(struct scene *s)
{
    sql(s, "UPDATE subsystem SET name = 'other'");
    reread(s);
}

static void take_controller_offline_outside(struct scene *s)
{
    sql(s, "UPDATE subsystem SET controller_offline = 1");
    reread(s);
}

static void take_array_offline_outside(struct scene *s)
{
    sql(s, "UPDATE subsystem SET offline = 1, controller_offline = 0");
    reread(s);
}

static void bring_array_online_outside(struct scene *s)
{
    sql(s, "UPDATE subsystem SET offline = 0");
    reread(s);
}

static void take_portal_offline_outside(struct scene *s)
{
    char statement[80];

    snprintf(statement, sizeof statement, "UPDATE portals SET offline = 1 WHERE port = %u", (unsigned)s->port);
    sql(s, statement);
    reread(s);
}

static void delete_target_outside(struct scene *s)
{
    sql(s, "PRAGMA foreign_keys = ON; DELETE FROM targets");
    reread(s);
    IVdsIscsiTarget_Release(s->target);
    s->target = NULL;
}

/* Its row goes, its directory is in the options: it comes back as another. */
static void forget_drive_outside(struct scene *s)
{
    IEnumVdsObject *members;
    IVdsDrive *drive;

    sql(s, "PRAGMA foreign_keys = ON; DELETE FROM drives WHERE id NOT IN (SELECT drive FROM luns)");
    reread(s);
    assert_hr(IVdsSubSystem_QueryDrives(s->subsystem, &members), S_OK);
    drive = member(members, 1, &IID_IVdsDrive);
    plays(s, "newcomer", id_of_drive(drive));
    drop(drive);
}

static void state_cannot_be_written_for_a_while(struct scene *s)
{
    struct rlimit before, none;
    IEnumVdsObject *members;

    assert_int_equal(prlimit(s->given->pid, RLIMIT_FSIZE, NULL, &before), 0);
    none = (struct rlimit){ 0, before.rlim_max };
    assert_int_equal(prlimit(s->given->pid, RLIMIT_FSIZE, &none, NULL), 0);
    assert_true(FAILED(IVdsLun_SetStatus(s->lun, VDS_LS_OFFLINE)));
    assert_int_equal(prlimit(s->given->pid, RLIMIT_FSIZE, &before, NULL), 0);
    while (IVdsSubSystemIscsi_QueryPortals(s->array, &members) == VDS_E_OBJECT_STATUS_FAILED) /* the runner bounds it */
        usleep(1000);
    IEnumVdsObject_Release(members);
}

/* ---- the table ----------------------------------------------------------------------------------------- */

#define PORTALS ", PORTAL_MODIFY portal0, PORTAL_MODIFY portal1"

static const struct {
    const char *what;
    void (*act)(struct scene *s);
    const char *told;
} rows[] = {
    { "CreateTarget", create_target, "TARGET_ARRIVE target" },
    { "IVdsIscsiTarget::SetFriendlyName", name_target, "TARGET_MODIFY target" },
    { "SetSharedSecret: CHAP is asked for", set_first_secret, "TARGET_MODIFY target" },
    { "SetSharedSecret: CHAP is asked for already", set_second_secret, "" },
    { "RememberInitiatorSharedSecret", remember_secret, "" },
    { "SetSharedSecret: one is taken away, one is left", clear_second_secret, "" },
    { "SetSharedSecret: the last is taken away", clear_first_secret, "TARGET_MODIFY target" },
    { "CreatePortalGroup", create_group, "GROUP_ARRIVE group" },
    { "CreatePortalGroup, another", create_second_group, "GROUP_ARRIVE second" },
    { "CreatePortalGroup beyond the limit", create_one_group_too_many, "" },
    { "AddPortal", add_portal, "GROUP_MODIFY group" },
    { "AddPortal of one that is in it, or beside it", add_portal_again, "" },
    { "AddPortal of an absent address", add_absent_portal, "GROUP_MODIFY group" },
    { "CreateLun", create_lun, "LUN_ARRIVE lun, DRIVE_MODIFY drive" },
    { "CreateLunInStoragePool, IVdsLun::Delete", create_and_delete_lun_in_pool,
      "LUN_ARRIVE pooled, DRIVE_MODIFY drive | LUN_DEPART pooled, DRIVE_MODIFY drive" },
    { "AssociateTargets", tie_lun, "LUN_MODIFY lun" },
    { "AssociateTargets with what is there", tie_lun, "" },
    { "SetMask", mask_lun, "LUN_MODIFY lun" },
    { "IVdsLunNaming::SetFriendlyName", name_lun, "LUN_MODIFY lun" },
    { "ApplyHints that ask for nothing", hint_lun, "" },
    { "Extend", extend_lun, "LUN_MODIFY lun, DRIVE_MODIFY drive" },
    { "Shrink", shrink_lun, "LUN_MODIFY lun, DRIVE_MODIFY drive" },
    { "IVdsLun::SetStatus OFFLINE", set_lun_offline, "LUN_MODIFY lun" },
    { "IVdsLun::SetStatus OFFLINE again", set_lun_offline, "" },
    { "IVdsLun::SetStatus ONLINE", set_lun_online, "LUN_MODIFY lun" },
    { "IVdsDrive::SetStatus OFFLINE", set_drive_offline, "DRIVE_MODIFY drive, LUN_MODIFY lun" },
    { "IVdsDrive::SetStatus OFFLINE again", set_drive_offline, "" },
    { "IVdsDrive::SetStatus ONLINE", set_drive_online, "DRIVE_MODIFY drive, LUN_MODIFY lun" },
    { "IVdsController::SetStatus OFFLINE", set_controller_offline, "CONTROLLER_DEPART controller, LUN_MODIFY lun" PORTALS },
    { "SetControllerStatus", set_controllers_online, "CONTROLLER_ARRIVE controller, LUN_MODIFY lun" PORTALS },
    { "IVdsSubSystem::SetStatus OFFLINE", set_array_offline, "SUB_SYSTEM_MODIFY array, LUN_MODIFY lun" PORTALS },
    { "IVdsSubSystem::SetStatus OFFLINE again", set_array_offline, "" },
    { "IVdsSubSystem::SetStatus ONLINE", set_array_online, "SUB_SYSTEM_MODIFY array, LUN_MODIFY lun" PORTALS },
    { "IVdsIscsiPortal::SetStatus OFFLINE", set_portal_offline, "PORTAL_MODIFY portal0" },
    { "IVdsIscsiPortal::SetStatus OFFLINE again", set_portal_offline, "" },
    { "IVdsIscsiPortal::SetStatus ONLINE", set_portal_online, "PORTAL_MODIFY portal0" },
    { "IVdsSubSystemNaming::SetFriendlyName", name_array, "SUB_SYSTEM_MODIFY array" },
    { "SetImportTarget", set_import_target, "SUB_SYSTEM_MODIFY array" },
    { "StartMaintenance of a LUN", blink_lun, "LUN_MODIFY lun" },
    { "PulseMaintenance", pulse_lun, "LUN_MODIFY lun" },
    { "StopMaintenance of what does not run", stop_what_does_not_blink, "" },
    { "StartMaintenance of a drive", spin_drive, "DRIVE_MODIFY drive" },
    { "StopMaintenance of a drive", stop_drive, "DRIVE_MODIFY drive" },
    { "StartMaintenance of a controller", ping_controller, "CONTROLLER_MODIFY controller" },
    { "StartMaintenance of the array", beep, "SUB_SYSTEM_MODIFY array" },
    { "Reenumerate and Refresh with nothing new", look_again, "" },
    { "a directory becomes usable: IVdsSubSystem::Reenumerate", drive_comes, "DRIVE_MODIFY late" },
    { "Refresh: another name", rename_array_outside, "SUB_SYSTEM_MODIFY array" },
    { "Refresh: the controller is offline", take_controller_offline_outside,
      "CONTROLLER_DEPART controller, PORTAL_MODIFY portal0, PORTAL_MODIFY portal1, LUN_MODIFY lun" },
    { "Refresh: the array is, the controller not", take_array_offline_outside, "SUB_SYSTEM_MODIFY array, CONTROLLER_ARRIVE controller" },
    { "Refresh: the array is online", bring_array_online_outside,
      "SUB_SYSTEM_MODIFY array, PORTAL_MODIFY portal0, PORTAL_MODIFY portal1, LUN_MODIFY lun" },
    { "Refresh: a drive is another", forget_drive_outside, "DRIVE_DEPART late, DRIVE_ARRIVE newcomer" },
    { "the state cannot be written, then it can", state_cannot_be_written_for_a_while, "SUB_SYSTEM_MODIFY array | SUB_SYSTEM_MODIFY array" },
    { "RemovePortal", remove_absent_portal, "GROUP_MODIFY group" },
    { "RemovePortal of the last", remove_last_portal, "TARGET_MODIFY target, GROUP_MODIFY group" },
    { "IVdsIscsiPortalGroup::Delete", delete_second_group, "GROUP_DEPART second" },
    { "AssociateTargets with none", untie_lun, "LUN_MODIFY lun" },
    { "IVdsLun::Delete", delete_lun, "LUN_DEPART lun, DRIVE_MODIFY drive" },
    { "IVdsIscsiTarget::Delete", delete_the_target, "GROUP_DEPART group, TARGET_DEPART target" },
    { "CreateTarget, the next", create_target, "TARGET_ARRIVE target" },
    { "Refresh: a portal is offline", take_portal_offline_outside, "PORTAL_MODIFY portal0" },
    { "Refresh: a target is gone", delete_target_outside, "TARGET_DEPART target" },
};

/* ---- the walk ------------------------------------------------------------------------------------------ */

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
        plays(s, roles[number], prop.id);
        if (number == 0) {
            s->portal = portal;
            s->port = prop.address.ulPort;
        } else {
            drop(portal);
        }
    }
}

static void meet(struct scene *s)
{
    VDS_SUB_SYSTEM_PROP array_prop;
    VDS_CONTROLLER_PROP controller_prop;
    IEnumVdsObject *members;
    IVdsDrive *late;

    assert_hr(IVdsHwProvider_QuerySubSystems(s->given->provider, &members), S_OK);
    s->subsystem = member(members, 0, &IID_IVdsSubSystem);
    s->array = as(s->subsystem, &IID_IVdsSubSystemIscsi);
    assert_hr(IVdsSubSystem_GetProperties(s->subsystem, &array_prop), S_OK);
    CoTaskMemFree(array_prop.pwszFriendlyName);
    CoTaskMemFree(array_prop.pwszIdentification);
    plays(s, "array", array_prop.id);
    assert_hr(IVdsSubSystem_QueryControllers(s->subsystem, &members), S_OK);
    s->controller = member(members, 0, &IID_IVdsController);
    assert_hr(IVdsController_GetProperties(s->controller, &controller_prop), S_OK);
    CoTaskMemFree(controller_prop.pwszFriendlyName);
    CoTaskMemFree(controller_prop.pwszIdentification);
    plays(s, "controller", controller_prop.id);
    assert_hr(IVdsSubSystem_QueryDrives(s->subsystem, &members), S_OK);
    s->drive = member(members, 0, &IID_IVdsDrive);
    plays(s, "drive", id_of_drive(s->drive));
    assert_hr(IVdsSubSystem_QueryDrives(s->subsystem, &members), S_OK);
    late = member(members, 1, &IID_IVdsDrive);
    plays(s, "late", id_of_drive(late));
    drop(late);
    meet_portals(s);
}

/* A target that comes and goes: all that was told before it is what the row has done. */
static unsigned fence(struct scene *s, const char *what, const char *told)
{
    IVdsIscsiTarget *target = new_target(s);
    VDS_OBJECT_ID id = id_of_target(target);
    unsigned n_wrong = 0;

    delete_target(target);
    for (unsigned i = 0; i < s->given->n_sinks; i++) {
        char text[TEXT_ROOM];

        read_until(s, s->given->sinks[i], &id, text);
        if (!told || strcmp(text, told) == 0)
            continue;
        fprintf(stderr, "%s, sink %u:\n    told     \"%s\"\n    expected \"%s\"\n", what, i, text, told);
        n_wrong++;
    }
    return n_wrong;
}

void event_table_walk(const struct event_given *given)
{
    struct scene s = { .given = given };
    unsigned n_wrong = 0;

    signal(SIGXFSZ, SIG_IGN);
    meet(&s);
    fence(&s, "the start", NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rows[i].act(&s);
        n_wrong += fence(&s, rows[i].what, rows[i].told);
    }
    drop(s.lun);
    drop(s.group);
    drop(s.second);
    drop(s.portal);
    drop(s.drive);
    drop(s.controller);
    drop(s.array);
    drop(s.subsystem);
    if (n_wrong)
        fail_msg("%u rows of the table are not what was told", n_wrong);
}
