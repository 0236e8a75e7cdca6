/* SPDX-License-Identifier: MIT */
/* The table of commands and the table of their arguments. See diskraid(1); the layouts and answers are those
 * of Microsoft's page on DiskRAID wherever it shows any. */
#include "cli/diskraid/handlers.h"

static const char *const login_types[] = { "manual", "persistent", "boot", NULL }; /* VDS_ISCSI_LOGIN_TYPE */
static const char *const auth_types[] = { "none", "oneway", "mutual", NULL };      /* VDS_ISCSI_AUTH_TYPE */
static const char *const truths[] = { "false", "true", NULL };
static const char *const policies[] = {
    "failover", "roundrobin", "subsetroundrobin", "dynlqd", "weighted", "leastblocks", "vendorspecific", NULL
}; /* VDS_LOADBALANCE_POLICY_ENUM, from 1 */
static const char *const operations[] = {
    "blink", "beep", "spindown", "spinup", "ping", NULL
}; /* VDS_MAINTENANCE_OPERATION, from 1 */

/* clang-format off */
const struct arg_def arg_defs[N_ARGS] = {
    [ARG_NOERR] = { "noerr", ARG_TYPE_FLAG, "noerr", NULL },
    [ARG_UNINSTALL] = { "uninstall", ARG_TYPE_FLAG, "uninstall", NULL },
    [ARG_VERBOSE] = { "verbose", ARG_TYPE_FLAG, "verbose", NULL },
    [ARG_ADD] = { "add", ARG_TYPE_FLAG, "add", NULL },
    [ARG_ALL] = { "all", ARG_TYPE_FLAG, "all", NULL },
    [ARG_NONE] = { "none", ARG_TYPE_FLAG, "none", NULL },
    [ARG_IPS] = { "ips", ARG_TYPE_FLAG, "ips", NULL },
    [ARG_EMP] = { "emp", ARG_TYPE_FLAG, "emp", NULL },
    [ARG_EHD] = { "ehd", ARG_TYPE_FLAG, "ehd", NULL },
    [ARG_EDD] = { "edd", ARG_TYPE_FLAG, "edd", NULL },
    [ARG_SIZE] = { "size", ARG_TYPE_SIZE, "a size, such as 512 (megabytes) or 10GB", NULL },
    [ARG_STRIPESIZE] = { "stripesize", ARG_TYPE_SIZE, "a size, such as 64KB", NULL },
    [ARG_DRIVES] = { "drives", ARG_TYPE_NUMBERS, "a list of drive numbers, such as 0,1", NULL },
    [ARG_DRIVE] = { "drive", ARG_TYPE_NUMBER, "a drive number", NULL },
    [ARG_LUN] = { "lun", ARG_TYPE_NUMBER, "a LUN number", NULL },
    [ARG_PLEX] = { "plex", ARG_TYPE_NUMBER, "a plex number", NULL },
    [ARG_COUNT] = { "count", ARG_TYPE_NUMBER, "a number", NULL },
    [ARG_TARGET] = { "target", ARG_TYPE_NUMBER, "a target number", NULL },
    [ARG_TPORTAL] = { "tportal", ARG_TYPE_NUMBER, "a target portal number", NULL },
    [ARG_IPORTAL] = { "iportal", ARG_TYPE_NUMBER, "an initiator portal number", NULL },
    [ARG_IADAPTER] = { "iadapter", ARG_TYPE_NUMBER, "an initiator adapter number", NULL },
    [ARG_NAME] = { "name", ARG_TYPE_TEXT, "a name", NULL },
    [ARG_ISCSINAME] = { "iscsiname", ARG_TYPE_TEXT, "an iSCSI name", NULL },
    [ARG_SECRET] = { "secret", ARG_TYPE_EMPTY, "a secret", NULL },
    [ARG_INITIATOR] = { "initiator", ARG_TYPE_TEXT, "the iSCSI name of an initiator", NULL, "<initiator>" },
    [ARG_INITIATORS] = { "initiator", ARG_TYPE_TEXTS, "a list of iSCSI names with semicolons between", NULL,
                         "<initiator>[;<initiator>...]" },
    [ARG_WWN] = { "wwn", ARG_TYPE_TEXTS, "a list of world-wide names with semicolons between", NULL,
                  "<hex>[;<hex>...]" },
    [ARG_LOGIN_TYPE] = { "type", ARG_TYPE_CHOICE, "a kind of login", login_types },
    [ARG_CHAP] = { "chap", ARG_TYPE_CHOICE, "a kind of CHAP", auth_types },
    [ARG_HOTSPARE] = { "hotspare", ARG_TYPE_CHOICE, "true or false", truths },
    [ARG_POLICY] = { "type", ARG_TYPE_CHOICE, "a load balance policy", policies },
    [ARG_PATHS] = { "paths", ARG_TYPE_PATHS, "a list of paths, such as 0-primary,1-20", NULL },
    [ARG_NUMBER] = { NULL, ARG_TYPE_NUMBER, "a number", NULL },
    [ARG_NUMBERS] = { NULL, ARG_TYPE_NUMBERS, "a list of numbers, such as 0,1", NULL },
    [ARG_PAIRS] = { NULL, ARG_TYPE_PAIRS, "a list of controllers and ports, such as 0-0,0-1", NULL },
    [ARG_NEW_NAME] = { NULL, ARG_TYPE_EMPTY, "a name", NULL, "<name>" },
    [ARG_OPERATION] = { NULL, ARG_TYPE_CHOICE, "an operation", operations },
    [ARG_FLAGS] = { NULL, ARG_TYPE_WORDS, "a flag", NULL },
    [ARG_COMMAND] = { NULL, ARG_TYPE_TEXT, "a command", NULL, "<command>" },
};

/* ---- shorthands of the table ----------------------------------------------------------------- */

#define ARGS(...) .args = { __VA_ARGS__ }, .n_args = sizeof((enum arg[]){ __VA_ARGS__ }) / sizeof(enum arg)
#define FORMS(...) \
    .forms = (const struct form[]){ __VA_ARGS__ }, \
    .n_forms = sizeof((const struct form[]){ __VA_ARGS__ }) / sizeof(struct form)
#define NEEDS(kind) .focus = KIND_BIT(KIND_##kind)
#define ABOUT(kind) .object = KIND_##kind
#define IN_FOCUS(kind) .object = KIND_##kind, .focus = KIND_BIT(KIND_##kind)

#define LIST_FORM(words_, kind_) { .words = words_, ABOUT(kind_), .run = list_run }
#define SELECT_FORM(words_, kind_) { .words = words_, ABOUT(kind_), .run = select_run, ARGS(ARG_NUMBER) }
#define DETAIL_FORM(words_, kind_) { .words = words_, IN_FOCUS(kind_), .run = detail_run }
#define STATUS_FORM(words_, kind_, run_) { .words = words_, IN_FOCUS(kind_), .run = run_ }
#define NAME_FORM(words_, kind_) { .words = words_, IN_FOCUS(kind_), .run = name_run, ARGS(ARG_NEW_NAME) }
#define MAINTENANCE_FORM(words_, kind_) \
    { .words = words_, IN_FOCUS(kind_), .run = maintenance_run, .required = ARG_BIT(ARG_OPERATION), \
      ARGS(ARG_OPERATION, ARG_COUNT) }
#define SIZE_OR_DRIVES .any_of = ARG_BIT(ARG_SIZE) | ARG_BIT(ARG_DRIVES)
#define LAYOUT_FORM(words_) \
    { .words = words_, NEEDS(SUBSYSTEM), .run = lun_create, SIZE_OR_DRIVES, \
      ARGS(ARG_SIZE, ARG_DRIVES, ARG_STRIPESIZE, ARG_NOERR) }
#define UNMASK_WHOM (ARG_BIT(ARG_ALL) | ARG_BIT(ARG_NONE) | ARG_BIT(ARG_WWN) | ARG_BIT(ARG_INITIATORS))

const struct command commands[] = {
    { "add", 3, .help = "Add a LUN as a plex to the selected LUN, or a portal to the selected portal group.",
      FORMS({ .words = "plex", NEEDS(LUN), .run = plex_add, .required = ARG_BIT(ARG_LUN),
              ARGS(ARG_LUN, ARG_NOERR) },
            { .words = "tpgroup", NEEDS(TPGROUP), .run = tpgroup_add, .required = ARG_BIT(ARG_TPORTAL),
              ARGS(ARG_TPORTAL, ARG_NOERR) }) },
    { "associate", 3, .help = "Tie the selected LUN to controllers, controller ports or iSCSI targets.",
      FORMS({ .words = "controllers", NEEDS(LUN), .run = associate_controllers,
              .required = ARG_BIT(ARG_NUMBERS), ARGS(ARG_ADD, ARG_NUMBERS) },
            { .words = "ports", NEEDS(LUN), .run = associate_ports, .required = ARG_BIT(ARG_PAIRS),
              ARGS(ARG_ADD, ARG_PAIRS) },
            { .words = "targets", NEEDS(LUN), .run = associate_targets, .required = ARG_BIT(ARG_NUMBERS),
              ARGS(ARG_ADD, ARG_NUMBERS) }) },
    { "automagic", 3, .help = "Show, set, clear or apply the hints for automagic LUNs.",
      FORMS({ .words = "", .run = automagic_show },
            { .words = "set", .run = automagic_set, .required = ARG_BIT(ARG_FLAGS),
              ARGS(ARG_ALL, ARG_FLAGS) },
            { .words = "clear", .run = automagic_clear, .any_of = ARG_BIT(ARG_ALL) | ARG_BIT(ARG_FLAGS),
              ARGS(ARG_ALL, ARG_FLAGS) },
            { .words = "apply", NEEDS(LUN), .run = automagic_apply, ARGS(ARG_ALL, ARG_FLAGS) }) },
    { "break", 3, .help = "Remove a plex from the selected LUN.",
      FORMS({ .words = "", NEEDS(LUN), .run = plex_break, .required = ARG_BIT(ARG_PLEX),
              ARGS(ARG_PLEX, ARG_NOERR) }) },
    { "chap", 3, .help = "Set the CHAP secrets of the initiator or of the selected target.",
      FORMS({ .words = "initiator set", .run = chap_initiator_set, .required = ARG_BIT(ARG_SECRET),
              ARGS(ARG_SECRET, ARG_TARGET) },
            { .words = "initiator remember", .run = chap_initiator_remember,
              .required = ARG_BIT(ARG_SECRET) | ARG_BIT(ARG_TARGET),
              ARGS(ARG_SECRET, ARG_TARGET) },
            { .words = "target set", NEEDS(TARGET), .run = chap_target_set, .required = ARG_BIT(ARG_SECRET),
              ARGS(ARG_SECRET, ARG_INITIATOR) },
            { .words = "target remember", NEEDS(TARGET), .run = chap_target_remember,
              .required = ARG_BIT(ARG_SECRET) | ARG_BIT(ARG_INITIATOR), ARGS(ARG_SECRET, ARG_INITIATOR) }) },
    { "create", 3,
      .help = "Make a LUN or target in the selected subsystem, or a portal group in the selected target.",
      FORMS({ .words = "lun simple", NEEDS(SUBSYSTEM), .run = lun_create, SIZE_OR_DRIVES,
              ARGS(ARG_SIZE, ARG_DRIVES, ARG_NOERR) },
            LAYOUT_FORM("lun stripe"), LAYOUT_FORM("lun raid"), LAYOUT_FORM("lun mirror"),
            { .words = "lun automagic", NEEDS(SUBSYSTEM), .run = lun_create, .required = ARG_BIT(ARG_SIZE),
              ARGS(ARG_SIZE, ARG_NOERR) },
            { .words = "target", NEEDS(SUBSYSTEM), .run = target_create, .required = ARG_BIT(ARG_NAME),
              ARGS(ARG_NAME, ARG_ISCSINAME, ARG_NOERR) },
            { .words = "tpgroup", NEEDS(TARGET), .run = tpgroup_create, ARGS(ARG_NOERR) }) },
    { "delete", 3, .help = "Delete the selected LUN, iSCSI target or portal group.",
      FORMS({ .words = "lun", NEEDS(LUN), .run = lun_delete, ARGS(ARG_UNINSTALL, ARG_NOERR) },
            { .words = "target", NEEDS(TARGET), .run = target_delete, ARGS(ARG_NOERR) },
            { .words = "tpgroup", NEEDS(TPGROUP), .run = tpgroup_delete, ARGS(ARG_NOERR) }) },
    { "detail", 3, .help = "Show all about the selected object of a kind.",
      FORMS(DETAIL_FORM("hbaport", HBAPORT), DETAIL_FORM("iadapter", IADAPTER),
            DETAIL_FORM("iportal", IPORTAL),
            DETAIL_FORM("provider", PROVIDER), DETAIL_FORM("subsystem", SUBSYSTEM),
            DETAIL_FORM("controller", CONTROLLER),
            DETAIL_FORM("port", PORT), DETAIL_FORM("drive", DRIVE),
            { .words = "lun", IN_FOCUS(LUN), .run = detail_run, ARGS(ARG_VERBOSE) },
            DETAIL_FORM("tportal", TPORTAL), DETAIL_FORM("target", TARGET),
            DETAIL_FORM("tpgroup", TPGROUP)) },
    { "dissociate", 3, .help = "Untie the selected LUN from controllers, controller ports or iSCSI targets.",
      FORMS({ .words = "controllers", NEEDS(LUN), .run = dissociate_controllers,
              .required = ARG_BIT(ARG_NUMBERS), ARGS(ARG_NUMBERS) },
            { .words = "ports", NEEDS(LUN), .run = dissociate_ports, .required = ARG_BIT(ARG_PAIRS),
              ARGS(ARG_PAIRS) },
            { .words = "targets", NEEDS(LUN), .run = dissociate_targets, .required = ARG_BIT(ARG_NUMBERS),
              ARGS(ARG_NUMBERS) }) },
    { "exit", 3, .help = "Leave DiskRAID.", FORMS({ .words = "", .run = exit_run }) },
    { "extend", 3, .help = "Make the selected LUN larger.",
      FORMS({ .words = "lun", NEEDS(LUN), .run = lun_extend, SIZE_OR_DRIVES,
              ARGS(ARG_SIZE, ARG_DRIVES, ARG_NOERR) }) },
    { "flushcache", 3, .help = "Write out the cache of the selected controller.",
      FORMS({ .words = "controller", IN_FOCUS(CONTROLLER), .run = flushcache_run }) },
    { "help", 3, .help = "Show the commands, or what one command takes.", FORMS({ .words = "",
      .run = help_run, ARGS(ARG_COMMAND) }) },
    { "importtarget", 3, .help = "Show or set the target to which imported snapshots are tied.",
      FORMS({ .words = "subsystem", NEEDS(SUBSYSTEM), .run = importtarget_show },
            { .words = "subsystem set target", .focus = KIND_BIT(KIND_SUBSYSTEM) | KIND_BIT(KIND_TARGET),
              .run = importtarget_set }) },
    { "initiator", 3, .help = "Show the name of the local iSCSI initiator.", FORMS({ .words = "",
      .run = initiator_run }) },
    { "invalidatecache", 3, .help = "Drop the cache of the selected controller.",
      FORMS({ .words = "controller", IN_FOCUS(CONTROLLER), .run = invalidatecache_run }) },
    { "lbpolicy", 3, .help = "Set how I/O to the selected LUN is spread over its paths.",
      FORMS({ .words = "set lun", NEEDS(LUN), .run = lbpolicy_set,
              .any_of = ARG_BIT(ARG_POLICY) | ARG_BIT(ARG_PATHS),
              ARGS(ARG_POLICY, ARG_PATHS) }) },
    { "list", 3, .help = "List objects of a kind; an asterisk marks the selected one.",
      FORMS(LIST_FORM("hbaports", HBAPORT), LIST_FORM("iadapters", IADAPTER), LIST_FORM("iportals", IPORTAL),
            LIST_FORM("providers", PROVIDER), LIST_FORM("subsystems", SUBSYSTEM),
            LIST_FORM("controllers", CONTROLLER),
            LIST_FORM("ports", PORT), LIST_FORM("drives", DRIVE), LIST_FORM("luns", LUN),
            LIST_FORM("tportals", TPORTAL),
            LIST_FORM("targets", TARGET), LIST_FORM("tpgroups", TPGROUP)) },
    { "login", 4, .help = "Log an initiator adapter in to the selected target.",
      FORMS({ .words = "target", NEEDS(TARGET), .run = login_run, .required = ARG_BIT(ARG_IADAPTER),
              ARGS(ARG_IADAPTER, ARG_LOGIN_TYPE, ARG_CHAP, ARG_IPORTAL, ARG_TPORTAL,
                   ARG_IPS, ARG_EMP, ARG_EHD, ARG_EDD) }) },
    { "logout", 4, .help = "Log an initiator adapter out of the selected target.",
      FORMS({ .words = "target", NEEDS(TARGET), .run = logout_run, .required = ARG_BIT(ARG_IADAPTER),
              ARGS(ARG_IADAPTER) }) },
    { "maintenance", 3, .help = "Blink, beep, ping, spin up or spin down the selected object.",
      FORMS(MAINTENANCE_FORM("subsystem", SUBSYSTEM), MAINTENANCE_FORM("controller", CONTROLLER),
            MAINTENANCE_FORM("port", PORT),
            MAINTENANCE_FORM("drive", DRIVE), MAINTENANCE_FORM("lun", LUN)) },
    { "name", 3, .help = "Name the selected subsystem, LUN or target; no name takes the name away.",
      FORMS(NAME_FORM("subsystem", SUBSYSTEM), NAME_FORM("lun", LUN), NAME_FORM("target", TARGET)) },
    { "offline", 3, .help = "Put the selected object out of service.",
      FORMS(STATUS_FORM("subsystem", SUBSYSTEM, offline_run),
            STATUS_FORM("controller", CONTROLLER, offline_run),
            STATUS_FORM("drive", DRIVE, offline_run), STATUS_FORM("lun", LUN, offline_run),
            STATUS_FORM("tportal", TPORTAL, offline_run)) },
    { "online", 3, .help = "Put the selected object into service.",
      FORMS(STATUS_FORM("hbaport", HBAPORT, online_run), STATUS_FORM("subsystem", SUBSYSTEM, online_run),
            STATUS_FORM("controller", CONTROLLER, online_run), STATUS_FORM("drive", DRIVE, online_run),
            STATUS_FORM("lun", LUN, online_run),
            STATUS_FORM("tportal", TPORTAL, online_run)) },
    { "recover", 3, .help = "Repair the selected fault-tolerant LUN.", FORMS({ .words = "lun", NEEDS(LUN),
      .run = lun_recover }) },
    { "reenumerate", 3,
      .help = "Look for new or lost subsystems of the provider, or drives of the subsystem.",
      FORMS({ .words = "subsystems", NEEDS(PROVIDER), .run = reenumerate_subsystems },
            { .words = "drives", NEEDS(SUBSYSTEM), .run = reenumerate_drives }) },
    { "refresh", 3, .help = "Let the selected provider read its subsystems anew.",
      FORMS({ .words = "provider", NEEDS(PROVIDER), .run = refresh_provider }) },
    { "rem", 3, .help = "A comment.", FORMS({ .words = "", .run = comment_run }) },
    { "remove", 4, .help = "Remove a portal from the selected portal group.",
      FORMS({ .words = "tpgroup", NEEDS(TPGROUP), .run = tpgroup_remove, .required = ARG_BIT(ARG_TPORTAL),
              ARGS(ARG_TPORTAL, ARG_NOERR) }) },
    { "replace", 3, .help = "Replace a drive by the selected drive.",
      FORMS({ .words = "", .focus = KIND_BIT(KIND_SUBSYSTEM) | KIND_BIT(KIND_DRIVE), .run = replace_run,
              .required = ARG_BIT(ARG_DRIVE),
              ARGS(ARG_DRIVE) }) },
    { "reset", 3, .help = "Restart the selected controller or port.",
      FORMS({ .words = "controller", IN_FOCUS(CONTROLLER), .run = reset_run },
            { .words = "port", IN_FOCUS(PORT), .run = reset_run }) },
    { "select", 3, .help = "Select an object by its number, or show which is selected.",
      FORMS(SELECT_FORM("hbaport", HBAPORT), SELECT_FORM("iadapter", IADAPTER),
            SELECT_FORM("iportal", IPORTAL),
            SELECT_FORM("provider", PROVIDER), SELECT_FORM("subsystem", SUBSYSTEM),
            SELECT_FORM("controller", CONTROLLER),
            SELECT_FORM("port", PORT), SELECT_FORM("drive", DRIVE), SELECT_FORM("lun", LUN),
            SELECT_FORM("tportal", TPORTAL),
            SELECT_FORM("target", TARGET), SELECT_FORM("tpgroup", TPGROUP)) },
    { "setflag", 3, .help = "Make the selected drive a hot spare, or an ordinary drive.",
      FORMS({ .words = "drive", NEEDS(DRIVE), .run = setflag_run, .required = ARG_BIT(ARG_HOTSPARE),
              ARGS(ARG_HOTSPARE) }) },
    { "shrink", 3, .help = "Make the selected LUN smaller.",
      FORMS({ .words = "lun", NEEDS(LUN), .run = lun_shrink, .required = ARG_BIT(ARG_SIZE),
              ARGS(ARG_SIZE, ARG_NOERR) }) },
    { "standby", 3, .help = "Put the paths of the selected HBA port on standby.",
      FORMS({ .words = "hbaport", IN_FOCUS(HBAPORT), .run = standby_run }) },
    { "unmask", 3, .help = "Let hosts use the selected LUN.",
      FORMS({ .words = "lun", NEEDS(LUN), .run = lun_unmask, .any_of = UNMASK_WHOM, .one_of = UNMASK_WHOM,
              ARGS(ARG_ADD, ARG_ALL, ARG_NONE, ARG_WWN, ARG_INITIATORS, ARG_UNINSTALL) }) },
};
/* clang-format on */
const unsigned n_commands = sizeof commands / sizeof commands[0];
