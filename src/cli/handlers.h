/* SPDX-License-Identifier: MIT */
/* One handler per verb; each returns an exit_code and has said on stderr what went wrong. */
#ifndef VDS_CLI_HANDLERS_H
#define VDS_CLI_HANDLERS_H

#include "cli/command.h"

int show_run(struct client *client, const struct request *request);
int status_run(struct client *client, const struct request *request);
int explain_run(struct client *client, const struct request *request);
int top_run(struct client *client, const struct request *request);
int watch_run(struct client *client, const struct request *request);

int portal_list(struct client *client, const struct request *request);
int portal_online(struct client *client, const struct request *request);
int portal_offline(struct client *client, const struct request *request);

int target_list(struct client *client, const struct request *request);
int target_show(struct client *client, const struct request *request);
int target_create(struct client *client, const struct request *request);
int target_delete(struct client *client, const struct request *request);
int target_chap(struct client *client, const struct request *request);
int discovery_chap(struct client *client, const struct request *request);

int group_list(struct client *client, const struct request *request);
int group_create(struct client *client, const struct request *request);
int group_delete(struct client *client, const struct request *request);
int group_add_portal(struct client *client, const struct request *request);
int group_move(struct client *client, const struct request *request);
int group_set(struct client *client, const struct request *request);
int group_remove_portal(struct client *client, const struct request *request);

int lun_list(struct client *client, const struct request *request);
int lun_create(struct client *client, const struct request *request);
int lun_extend(struct client *client, const struct request *request);
int lun_shrink(struct client *client, const struct request *request);
int lun_delete(struct client *client, const struct request *request);
int lun_attach(struct client *client, const struct request *request);
int lun_detach(struct client *client, const struct request *request);
int lun_allow(struct client *client, const struct request *request);
int lun_deny(struct client *client, const struct request *request);

int bridge_run(struct client *client, const struct request *request);
int completion_run(struct client *client, const struct request *request);
int complete_run(struct client *client, const struct request *request);

int session_list(struct client *client, const struct request *request);
int session_drop(struct client *client, const struct request *request);

#endif
