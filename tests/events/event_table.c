/* SPDX-License-Identifier: MIT */
/* The table of notifications. A row does one thing; what it says then are the calls of OnNotify that must
 * come, and nothing else: "A x, B y" is one call with two notifications, " | " stands between calls, "" is
 * silence. Each row is fenced by a target that is made and deleted.
 *
 * What VDS has and this array cannot do, and so has no row:
 *   SUB_SYSTEM_ARRIVE, SUB_SYSTEM_DEPART   the array is its only subsystem, from OnLoad to OnUnload
 *   CONTROLLER_REMOVED, DRIVE_REMOVED      nothing of it can be taken out of a slot while it runs; a
 *                                          directory that is named no more departs
 *   PORT_*, of controller ports            Fibre Channel
 *   DISK_*, VOLUME_*, PACK_*, ...          software providers, and LUNs that are disks of this host: those
 *                                          are the operating system's
 * PORTAL_ARRIVE, PORTAL_DEPART and a PORTAL_MODIFY for an address that comes or goes need other addresses of
 * the host than it has: they are in tests/unit/array/test_portals.c, over an engine that says what addresses
 * there are. Storage pools have no notifications of their own: what changes in them is a change of a drive.
 */
#include <signal.h>

#include "event_acts.h"
#include "event_text.h"

/* ---- the table ----------------------------------------------------------------------------------------- */

#define PORTALS ", PORTAL_MODIFY portal0, PORTAL_MODIFY portal1"

static const struct {
    const char *what;
    event_act *act;
    const char *told;
} rows[] = {
    { "CreateTarget", act_create_target, "TARGET_ARRIVE target" },
    { "IVdsIscsiTarget::SetFriendlyName", act_name_target, "TARGET_MODIFY target" },
    { "SetSharedSecret: CHAP is asked for", act_set_first_secret, "TARGET_MODIFY target" },
    { "SetSharedSecret: CHAP is asked for already", act_set_second_secret, "" },
    { "RememberInitiatorSharedSecret", act_remember_secret, "" },
    { "SetSharedSecret: one is taken away, one is left", act_clear_second_secret, "" },
    { "SetSharedSecret: the last is taken away", act_clear_first_secret, "TARGET_MODIFY target" },
    { "CreatePortalGroup", act_create_group, "GROUP_ARRIVE group" },
    { "CreatePortalGroup, another", act_create_second_group, "GROUP_ARRIVE second" },
    { "CreatePortalGroup beyond the limit", act_create_one_group_too_many, "" },
    { "AddPortal", act_add_portal, "GROUP_MODIFY group" },
    { "AddPortal of one that is in it, or beside it", act_add_portal_again, "" },
    { "AddPortal of an absent address", act_add_absent_portal, "GROUP_MODIFY group" },
    { "CreateLun", act_create_lun, "LUN_ARRIVE lun, DRIVE_MODIFY drive" },
    { "CreateLunInStoragePool, IVdsLun::Delete", act_create_and_delete_lun_in_pool,
      "LUN_ARRIVE pooled, DRIVE_MODIFY drive | LUN_DEPART pooled, DRIVE_MODIFY drive" },
    { "AssociateTargets", act_tie_lun, "LUN_MODIFY lun" },
    { "AssociateTargets with what is there", act_tie_lun, "" },
    { "SetMask", act_mask_lun, "LUN_MODIFY lun" },
    { "IVdsLunNaming::SetFriendlyName", act_name_lun, "LUN_MODIFY lun" },
    { "ApplyHints that ask for nothing", act_hint_lun, "" },
    { "Extend", act_extend_lun, "LUN_MODIFY lun, DRIVE_MODIFY drive" },
    { "Shrink", act_shrink_lun, "LUN_MODIFY lun, DRIVE_MODIFY drive" },
    { "IVdsLun::SetStatus OFFLINE", act_set_lun_offline, "LUN_MODIFY lun" },
    { "IVdsLun::SetStatus OFFLINE again", act_set_lun_offline, "" },
    { "IVdsLun::SetStatus ONLINE", act_set_lun_online, "LUN_MODIFY lun" },
    { "IVdsDrive::SetStatus OFFLINE", act_set_drive_offline, "DRIVE_MODIFY drive, LUN_MODIFY lun" },
    { "IVdsDrive::SetStatus OFFLINE again", act_set_drive_offline, "" },
    { "IVdsDrive::SetStatus ONLINE", act_set_drive_online, "DRIVE_MODIFY drive, LUN_MODIFY lun" },
    { "IVdsController::SetStatus OFFLINE", act_set_controller_offline,
      "CONTROLLER_DEPART controller, LUN_MODIFY lun" PORTALS },
    { "SetControllerStatus", act_set_controllers_online,
      "CONTROLLER_ARRIVE controller, LUN_MODIFY lun" PORTALS },
    { "IVdsSubSystem::SetStatus OFFLINE", act_set_array_offline,
      "SUB_SYSTEM_MODIFY array, LUN_MODIFY lun" PORTALS },
    { "IVdsSubSystem::SetStatus OFFLINE again", act_set_array_offline, "" },
    { "IVdsSubSystem::SetStatus ONLINE", act_set_array_online,
      "SUB_SYSTEM_MODIFY array, LUN_MODIFY lun" PORTALS },
    { "IVdsIscsiPortal::SetStatus OFFLINE", act_set_portal_offline, "PORTAL_MODIFY portal0" },
    { "IVdsIscsiPortal::SetStatus OFFLINE again", act_set_portal_offline, "" },
    { "IVdsIscsiPortal::SetStatus ONLINE", act_set_portal_online, "PORTAL_MODIFY portal0" },
    { "IVdsSubSystemNaming::SetFriendlyName", act_name_array, "SUB_SYSTEM_MODIFY array" },
    { "SetImportTarget", act_set_import_target, "SUB_SYSTEM_MODIFY array" },
    { "StartMaintenance of a LUN", act_blink_lun, "LUN_MODIFY lun" },
    { "PulseMaintenance", act_pulse_lun, "LUN_MODIFY lun" },
    { "StopMaintenance of what does not run", act_stop_what_does_not_blink, "" },
    { "StartMaintenance of a drive", act_spin_drive, "DRIVE_MODIFY drive" },
    { "StopMaintenance of a drive", act_stop_drive, "DRIVE_MODIFY drive" },
    { "StartMaintenance of a controller", act_ping_controller, "CONTROLLER_MODIFY controller" },
    { "StartMaintenance of the array", act_beep, "SUB_SYSTEM_MODIFY array" },
    { "Reenumerate and Refresh with nothing new", act_look_again, "" },
    { "a directory becomes usable: IVdsSubSystem::Reenumerate", act_drive_comes,
      "DRIVE_MODIFY late, SUB_SYSTEM_MODIFY array" }, /* which is healthy now */
    { "Refresh: another name", act_rename_array_outside, "SUB_SYSTEM_MODIFY array" },
    { "Refresh: the controller is offline", act_take_controller_offline_outside,
      "CONTROLLER_DEPART controller, PORTAL_MODIFY portal0, PORTAL_MODIFY portal1, LUN_MODIFY lun" },
    { "Refresh: the array is, the controller not", act_take_array_offline_outside,
      "SUB_SYSTEM_MODIFY array, CONTROLLER_ARRIVE controller" },
    { "Refresh: the array is online", act_bring_array_online_outside,
      "SUB_SYSTEM_MODIFY array, PORTAL_MODIFY portal0, PORTAL_MODIFY portal1, LUN_MODIFY lun" },
    { "Refresh: a drive is another", act_forget_drive_outside, "DRIVE_DEPART late, DRIVE_ARRIVE newcomer" },
    { "the state cannot be written, then it can", act_state_cannot_be_written_for_a_while,
      "SUB_SYSTEM_MODIFY array | SUB_SYSTEM_MODIFY array" },
    { "RemovePortal", act_remove_absent_portal, "GROUP_MODIFY group" },
    { "RemovePortal of the last", act_remove_last_portal, "TARGET_MODIFY target, GROUP_MODIFY group" },
    { "IVdsIscsiPortalGroup::Delete", act_delete_second_group, "GROUP_DEPART second" },
    { "AssociateTargets with none", act_untie_lun, "LUN_MODIFY lun" },
    { "IVdsLun::Delete", act_delete_lun, "LUN_DEPART lun, DRIVE_MODIFY drive" },
    { "IVdsIscsiTarget::Delete", act_delete_the_target, "GROUP_DEPART group, TARGET_DEPART target" },
    { "CreateTarget, the next", act_create_target, "TARGET_ARRIVE target" },
    { "Refresh: a portal is offline", act_take_portal_offline_outside, "PORTAL_MODIFY portal0" },
    { "Refresh: a target is gone", act_delete_target_outside, "TARGET_DEPART target" },
};

/* ---- the walk ------------------------------------------------------------------------------------------ */

/* A target that comes and goes: all that was told before it is what the row has done. */
static unsigned fence(struct scene *s, const char *what, const char *told)
{
    IVdsIscsiTarget *target = scene_new_target(s);
    VDS_OBJECT_ID id = scene_target_id(target);
    unsigned n_wrong = 0;

    scene_delete_target(target);
    for (unsigned i = 0; i < s->given->n_sinks; i++) {
        char text[EVENT_TEXT_ROOM];

        event_text_read_until(s, s->given->sinks[i], &id, text);
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
    scene_meet(&s);
    fence(&s, "the start", NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rows[i].act(&s);
        n_wrong += fence(&s, rows[i].what, rows[i].told);
    }
    scene_leave(&s);
    if (n_wrong)
        fail_msg("%u rows of the table are not what was told", n_wrong);
}
