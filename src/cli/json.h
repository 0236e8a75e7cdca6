/* SPDX-License-Identifier: MIT */
/* The JSON form of each thing; docs/json.md describes it and the tests hold it. */
#ifndef VDS_CLI_JSON_H
#define VDS_CLI_JSON_H

#include <json-c/json.h>

#include "cli/model.h"

struct json_object *json_portal(const struct model *model, const struct portal *portal);
struct json_object *json_group(const struct model *model, const struct group *group);
/* with its groups and LUNs */
struct json_object *json_target(const struct model *model, const struct target *target);
struct json_object *json_lun(const struct model *model, const struct lun *lun);
struct json_object *json_session(const struct model *model, const struct session *session);
struct json_object *json_guid(const GUID *id);

/* An array of all things of a kind. */
struct json_object *json_portals(const struct model *model);
struct json_object *json_targets(const struct model *model);
/* NULL: of all targets */
struct json_object *json_groups(const struct model *model, const struct target *target);
struct json_object *json_luns(const struct model *model);
struct json_object *json_sessions(const struct model *model);

/* Prints and frees. Always EXIT_DONE. */
int json_print(struct json_object *object);

#endif
