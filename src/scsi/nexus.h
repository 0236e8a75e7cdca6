/* SPDX-License-Identifier: MIT */
/* A nexus coming to a unit and leaving it, and what one nexus can do to the others. */
#ifndef VDS_SCSI_NEXUS_H
#define VDS_SCSI_NEXUS_H

struct scsi_itl;
struct scsi_lu;

void nexus_join(struct scsi_itl *itl);
/* What dies with an I_T nexus dies: RESERVE, PREVENT MEDIUM REMOVAL. Persistent reservations stay. */
void nexus_leave(struct scsi_itl *itl);

/* lu->lock held: tasks of that nexus end as aborted, wherever they run. */
void nexus_abort_tasks(struct scsi_itl *itl);

/* lu->lock held: works out anew which reservations stop which nexus. */
void nexus_update_denials(struct scsi_lu *lu);

#endif
