/* SPDX-License-Identifier: MIT */
/* The array as vdsctl shows it: one snapshot, read through the public interfaces, in UTF-8. */
#ifndef VDS_CLI_MODEL_H
#define VDS_CLI_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "cli/client.h"

struct portal {
    GUID id;
    char *address; /* "127.0.0.1:3260", "[::1]:3260" */
    VDS_ISCSI_PORTAL_STATUS status;
};

struct group {
    GUID id, target;
    unsigned tag;
    GUID *portals;
    size_t n_portals;
};

struct lun {
    GUID id;
    char *name, *identification, *mask;
    bool nameless; /* its name here is its GUID */
    uint64_t size, allocated;
    BOOL thick;
    ULONG features, block_size, physical_block_size; /* VDS_LUN_FEATURE */
    char kind[64]; /* "thin", "thick, removable, 512/4096" ... */
    VDS_LUN_STATUS status;
    VDS_HEALTH health;
    GUID *targets;
    unsigned *numbers; /* the LUN's number at each of them */
    size_t n_targets;
};

struct target {
    GUID id;
    char *name, *iscsi_name;
    BOOL chap;
    bool nameless; /* its name here is its iSCSI name */
};

struct session {
    VDS_SESSION_PROP prop; /* strings below instead of its own */
    char *initiator, *address, *isid;
};

struct model {
    struct client *client;
    struct portal *portals;
    size_t n_portals;
    struct target *targets;
    size_t n_targets;
    struct group *groups;
    size_t n_groups;
    struct lun *luns;
    size_t n_luns;
    struct session *sessions;
    size_t n_sessions;
};

enum model_part {
    MODEL_PORTALS = 1,
    MODEL_TARGETS = 2,
    MODEL_GROUPS = 4 | MODEL_TARGETS,
    MODEL_LUNS = 8,
    MODEL_SESSIONS = 16,
    MODEL_ALL = 31
};

/* Reads the parts asked for, no more: what is not there is as if the array had none. EXIT_DONE, or the code
 * of a failure that has been said. model_fini() in either case. */
int model_read(struct model *model, struct client *client, unsigned parts);
HRESULT model_load(struct model *model, struct client *client, unsigned parts); /* the same, saying nothing */
void model_fini(struct model *model);

/* By GUID; NULL when it is not (or no longer) there. */
const struct portal *model_portal(const struct model *model, const GUID *id);
const struct target *model_target(const struct model *model, const GUID *id);
const struct lun *model_lun(const struct model *model, const GUID *id);

/* By what people type; NULL with a sentence said. T, L: name, iSCSI name or GUID. PORTAL: address[:port]
 * (port: where only one fits) or GUID. T/TAG. */
const struct portal *model_find_portal(const struct model *model, const char *text);
const struct target *model_find_target(const struct model *model, const char *text);
const struct group *model_find_group(const struct model *model, const char *text);
const struct lun *model_find_lun(const struct model *model, const char *text);

/* Is the initiator on the list of a LUN ("a;b", or "*" for everyone)? */
bool model_mask_names(const char *mask, const char *initiator);

/* Lower-case words for values: "online", "offline", "healthy" ... "unknown" for what is not in the table. */
const char *status_word(int status); /* all VDS status enumerations share their numbers */
const char *health_word(VDS_HEALTH health);

#endif
