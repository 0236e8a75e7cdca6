/* SPDX-License-Identifier: MIT */
/* What the files of the program `properties` share: the array under test, how it was made, and comparison of
 * a whole structure, whose fields come from idl/vds.idl (property_shapes.py), with what it should be. */
#ifndef VDS_TESTS_DAEMON_PROPERTIES_H
#define VDS_TESTS_DAEMON_PROPERTIES_H

#include <stdbool.h>
#include <sys/types.h>

#include "api_test.h"
#include "initiator.h"

#define MIB         (1u << 20)
#define LENGTH(a)   (sizeof(a) / sizeof(a)[0])
#define TARGET_NAME "iqn.2026-11.org.example:properties"
#define OTHER_NAME  "iqn.2026-11.org.example:other"
#define N_PORTALS   3
#define N_DRIVES    3
#define MAX_GROUPS    77 /* --max-groups */
#define DRAIN_SECONDS 9  /* --drain */

/* ---- the array ---------------------------------------------------------------------------------------- */

struct lun_made {
    const WCHAR *name;
    ULONGLONG size;
    ULONG features, block, physical;
    unsigned drive;
    const WCHAR *mask;
    IVdsLun *lun;
    VDS_OBJECT_ID id;
    ULONG number; /* at the target */
};
#define N_LUNS 4

/* All of it as given on the command line or made by the set-up; what is truth must not come from the call
 * that is tested. */
extern struct scene {
    DWORD context;
    bool again; /* only the last drive is named, and a file is there */
    const char *state, *version;
    pid_t pid;                              /* of the array's process */
    /* the first and the last are in group 1 of the target, the other one in group 2 */
    const char *portals[N_PORTALS];
    const char *drives[N_DRIVES];           /* the first two on one file system, the last on another */
    IVdsService *service;
    IVdsProvider *provider;
    IVdsSubSystem *subsystem;
    IVdsSubSystemIscsi *iscsi;
    IVdsIscsiTarget *target, *other; /* TARGET_NAME; OTHER_NAME, with CHAP and nothing else */
    IVdsIscsiPortalGroup *groups[2]; /* of the first target */
    VDS_OBJECT_ID portal_ids[N_PORTALS], drive_ids[N_DRIVES], target_ids[2], group_ids[2];
} scene;
extern struct lun_made luns[N_LUNS];

IVdsDrive *drive_at(unsigned slot);
IVdsIscsiPortal *portal_at(unsigned i); /* scene.portals[i] */
VDS_IPADDRESS address_of(const char *text);
bool same_id(VDS_OBJECT_ID a, VDS_OBJECT_ID b);
/* For test_properties.py, which looks into the state. */
void print_id(const char *what, const char *name, VDS_OBJECT_ID id);

/* ---- the wire ----------------------------------------------------------------------------------------- */

/* A session of iqn.2024-01.test:initiator.NUMBER. isid: sessions of the same initiator through the same group are one when it is the same, and
 * the later takes the place of the earlier. */
struct initiator wire(unsigned number, unsigned isid, unsigned portal);
/* Commands that must succeed; unit attentions are taken before. page -1: the standard data; returns how much came. */
unsigned inquiry(struct initiator *in, ULONG lun, int page, uint8_t data[static 252]);
void read_capacity(struct initiator *in, ULONG lun, uint8_t data[static 32]);
void mode_page(struct initiator *in, ULONG lun, uint8_t page, uint8_t data[static 64]); /* behind a header of four bytes */
/* The eight bytes under which REPORT LUNS lists the unit; false: it does not. */
bool reported(struct initiator *in, ULONG lun, uint8_t address[static 8]);
ULONGLONG be_number(const uint8_t *bytes, unsigned n);

/* ---- comparison --------------------------------------------------------------------------------------- */

/* Every field of *got is that of *expected: text and lists too, which are freed. Texts in *expected: wide(),
 * or u"" literals. */
void compare(const char *type, void *got, const void *expected, const char *where);
#define COMPARE(type, got, expected)                    \
    do {                                                \
        type *got_ = (got), *expected_ = (expected);    \
        compare(#type, got_, expected_, __func__);      \
    } while (0)
/* ASCII as wide text, until the end of the test. */
LPWSTR wide(const char *text);
LPWSTR literal(const WCHAR *text);
LPWSTR wide_id(VDS_OBJECT_ID id);

/* Free space: `got` when it is about `truth`, which others on this host change all the time, else `truth`. */
ULONGLONG about(ULONGLONG got, ULONGLONG truth);

/* This host has none of these. */
void nothing_to_compare(const char *type);
/* Structures that were never compared fail this. */
void every_structure_was_compared(void **state);

/* A bit of a field of flags, as the IDL has them; false: there is no n-th. */
struct flag {
    const char *set, *name;
    ULONG bit;
};
bool flag_at(size_t n, struct flag *ret_flag);
/* The rows of docs/api-status.md that bits rely on. */
void print_refusals(void);

/* ---- the tests, in the order in which they run ----------------------------------------------------- */

void service_and_provider(void **state);
void array_and_controller(void **state);
void names_that_were_set(void **state);
void what_the_host_has(void **state);
void the_initiator_of_the_host(void **state);

void portals_targets_and_groups(void **state);
void sessions_are_what_the_initiator_negotiated(void **state);
void counters_are_what_the_initiator_did(void **state);
void the_status_of_the_array(void **state);
void the_tree_is_the_objects(void **state);
void a_notification_is_recorded(void **state);

void drives_are_their_directories(void **state);
void extents_are_what_LUNs_have_taken(void **state);
void pools_are_file_systems(void **state);
void sizes_that_are_offered(void **state);
void drives_that_went_and_failed(void **state);

void luns_are_what_the_wire_says(void **state);
void identification_is_INQUIRY_and_VPD(void **state);
void plexes_and_hints(void **state);
void hints_switch_the_cache(void **state);
void statuses_go_together(void **state);
void luns_of_another_day(void **state);

void every_flag_is_set_or_clear_for_a_reason(void **state);

#endif
