/* SPDX-License-Identifier: MIT */
/* What is done to the array under test, one act for each row of the table of notifications: each does its one
 * thing over the public interfaces (or to the state, as another process would), asserts how the call ends,
 * and keeps in the scene what later acts need. */
#ifndef VDS_TESTS_EVENT_ACTS_H
#define VDS_TESTS_EVENT_ACTS_H

#include "event_scene.h"

typedef void event_act(struct scene *s);

/* targets and groups */
event_act act_create_target, act_name_target, act_set_first_secret, act_set_second_secret,
    act_remember_secret, act_clear_second_secret, act_clear_first_secret, act_create_group,
    act_create_second_group, act_create_one_group_too_many, act_add_portal, act_add_portal_again,
    act_add_absent_portal, act_remove_absent_portal, act_remove_last_portal, act_delete_second_group,
    act_delete_the_target;

/* LUNs */
event_act act_create_lun, act_create_and_delete_lun_in_pool, act_tie_lun, act_untie_lun, act_mask_lun,
    act_name_lun, act_hint_lun, act_extend_lun, act_shrink_lun, act_set_lun_offline, act_set_lun_online,
    act_delete_lun;

/* drives, controller, portals, the array */
event_act act_set_drive_offline, act_set_drive_online, act_set_controller_offline,
    act_set_controllers_online, act_set_array_offline, act_set_array_online, act_set_portal_offline,
    act_set_portal_online, act_name_array, act_set_import_target;

/* maintenance */
event_act act_blink_lun, act_pulse_lun, act_stop_what_does_not_blink, act_spin_drive, act_stop_drive,
    act_ping_controller, act_beep;

/* what others do */
event_act act_look_again, act_drive_comes, act_rename_array_outside, act_take_controller_offline_outside,
    act_take_array_offline_outside, act_bring_array_online_outside, act_take_portal_offline_outside,
    act_delete_target_outside, act_forget_drive_outside, act_state_cannot_be_written_for_a_while;

#endif
