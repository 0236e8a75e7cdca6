/* SPDX-License-Identifier: MIT */
/* One handler per form of a command; each returns an enum outcome and has said what went wrong. */
#ifndef VDS_CLI_DISKRAID_HANDLERS_H
#define VDS_CLI_DISKRAID_HANDLERS_H

#include "cli/diskraid/grammar.h"

#define HANDLER(name) int name(struct shell *shell, const struct request *request)

HANDLER(list_run);
HANDLER(detail_run);
HANDLER(select_run);

HANDLER(lun_create);
HANDLER(lun_delete);
HANDLER(lun_extend);
HANDLER(lun_shrink);
HANDLER(lun_recover);
HANDLER(lun_unmask);
HANDLER(plex_add);
HANDLER(plex_break);

HANDLER(associate_controllers);
HANDLER(associate_ports);
HANDLER(associate_targets);
HANDLER(dissociate_controllers);
HANDLER(dissociate_ports);
HANDLER(dissociate_targets);

HANDLER(automagic_show);
HANDLER(automagic_set);
HANDLER(automagic_clear);
HANDLER(automagic_apply);

HANDLER(target_create);
HANDLER(target_delete);
HANDLER(tpgroup_create);
HANDLER(tpgroup_delete);
HANDLER(tpgroup_add);
HANDLER(tpgroup_remove);

HANDLER(chap_initiator_set);
HANDLER(chap_initiator_remember);
HANDLER(chap_target_set);
HANDLER(chap_target_remember);
HANDLER(login_run);
HANDLER(logout_run);
HANDLER(initiator_run);
HANDLER(importtarget_show);
HANDLER(importtarget_set);

HANDLER(lbpolicy_set);

HANDLER(name_run);
HANDLER(online_run);
HANDLER(offline_run);
HANDLER(standby_run);
HANDLER(maintenance_run);
HANDLER(flushcache_run);
HANDLER(invalidatecache_run);
HANDLER(reset_run);
HANDLER(reenumerate_subsystems);
HANDLER(reenumerate_drives);
HANDLER(refresh_provider);
HANDLER(replace_run);
HANDLER(setflag_run);

HANDLER(help_run);
HANDLER(exit_run);
HANDLER(comment_run);

#endif
