/* SPDX-License-Identifier: MIT */
/* Persistent reservations (SPC-4 §5.12): registrations by I_T nexus, one reservation per unit, kept beyond sessions and, with APTPL,
 * beyond the process. */
#ifndef VDS_SCSI_PR_H
#define VDS_SCSI_PR_H

#include <stddef.h>
#include <stdint.h>

struct pr_state;
struct scsi_itl;
struct scsi_lu;

/* Creates lu->pr, from saved bytes if there are any. -ENOMEM; -EINVAL: the bytes are not ours. */
int pr_state_load(struct scsi_lu *lu, const void *bytes, size_t len);
void pr_state_free(struct pr_state *pr);

/* lu->lock held: DENY_READ and DENY_WRITE as they hold for this nexus now. */
uint32_t pr_denials(const struct scsi_lu *lu, const struct scsi_itl *itl);

/* Mode parameters are saved in the same bytes: the LU_ bits that mode.c can change. */
uint32_t pr_saved_modes(const struct scsi_lu *lu);
int pr_save_modes(struct scsi_lu *lu, uint32_t modes);

#endif
