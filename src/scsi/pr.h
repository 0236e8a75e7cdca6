/* SPDX-License-Identifier: MIT */
/* Persistent reservations (SPC-4 §5.12): registrations by I_T nexus, one reservation per unit, kept beyond
 * sessions and, with APTPL, beyond the process.
 *
 * A PERSISTENT RESERVE OUT works on a copy of the state: the copy is changed, saved if it must be, and only
 * then put in place, so that a state that could not be saved has never been seen. Registrations that go are
 * first only marked: their nexuses are to be told. */
#ifndef VDS_SCSI_PR_H
#define VDS_SCSI_PR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scsi_itl;
struct scsi_lu;

#define PR_MAX_REGISTRATIONS 256 /* per unit; bounds READ FULL STATUS too */
#define PR_NAME_MAX          255 /* of an iSCSI port name; RFC 7143 allows 241 */

enum pr_type { /* SPC-4 table 174 */
    PR_NONE = 0,
    PR_WRITE_EXCLUSIVE = 1,
    PR_EXCLUSIVE_ACCESS = 3,
    PR_WRITE_EXCLUSIVE_RO = 5, /* registrants only */
    PR_EXCLUSIVE_ACCESS_RO = 6,
    PR_WRITE_EXCLUSIVE_AR = 7, /* all registrants */
    PR_EXCLUSIVE_ACCESS_AR = 8,
};
bool pr_type_valid(uint8_t type);
bool pr_type_all_registrants(uint8_t type);
bool pr_type_shared(uint8_t type); /* registrants have access: RO and AR */

struct pr_registration {
    char *initiator_port, *target_port; /* owned */
    uint16_t relative_port;
    uint64_t key;
    bool holder;     /* the one of WE, EA and RO reservations; with AR nobody is marked */
    bool removed;    /* for as long as its nexus is to be told */
    bool abort;      /* PREEMPT AND ABORT: its tasks too */
    uint32_t raise;  /* UA_BIT()s */
};

struct pr_state {
    uint32_t generation;
    uint32_t modes; /* saved mode parameters: LU_ bits */
    uint8_t type;   /* enum pr_type; PR_NONE: no reservation */
    bool aptpl;
    unsigned n;
    unsigned n_room;
    struct pr_registration **regs; /* owned; each stays where it is when the list grows */
};

/* pr_state.c: pure */
struct pr_state *pr_state_new(void);
struct pr_state *pr_state_clone(const struct pr_state *pr);
void pr_state_free(struct pr_state *pr);
struct pr_registration *pr_find(struct pr_state *pr, const char *initiator_port, const char *target_port);
/* -ENOSPC: all taken; -ENOMEM. */
int pr_add(struct pr_state *pr, const char *initiator_port, const char *target_port, uint16_t relative_port,
           uint64_t key);
bool pr_holds(const struct pr_state *pr, const struct pr_registration *reg);
unsigned pr_count(const struct pr_state *pr); /* without the removed */
void pr_sweep(struct pr_state *pr);           /* forgets the removed, and what was to be told */
/* Without APTPL only the mode parameters are written. -ENOMEM. */
int pr_encode(const struct pr_state *pr, uint8_t **ret_bytes, size_t *ret_len);
/* Anything but what pr_encode() wrote is -EINVAL. */
int pr_decode(const void *bytes, size_t len, struct pr_state **ret_pr);

/* pr.c: on a unit. Creates lu->pr, from saved bytes if there are any. -ENOMEM, -EINVAL. */
int pr_state_load(struct scsi_lu *lu, const void *bytes, size_t len);

/* lu->lock held: DENY_READ and DENY_WRITE as they hold for this nexus now. */
uint32_t pr_denials(const struct scsi_lu *lu, const struct scsi_itl *itl);

/* lu->lock held: what RESERVE and RELEASE are to do beside registrations (SPC-4 §5.12.3, CRH = 1). */
enum pr_legacy { PR_LEGACY_NONE, PR_LEGACY_GOOD, PR_LEGACY_CONFLICT };
enum pr_legacy pr_legacy(const struct scsi_lu *lu, const struct scsi_itl *itl);

/* lu->save_lock held, lu->lock not: makes `next` (taken over) the unit's state once it is saved, if it must
 * be; tells the nexuses. On failure nothing has changed. */
int pr_commit(struct scsi_lu *lu, const struct scsi_itl *self, struct pr_state *next);

/* Mode parameters are saved in the same bytes: the LU_ bits that mode.c can change. lu->lock held for
 * reading them. */
uint32_t pr_saved_modes(const struct scsi_lu *lu);
/* Those of the bits that are in `mask`. */
int pr_save_modes(struct scsi_lu *lu, uint32_t modes, uint32_t mask);

#endif
