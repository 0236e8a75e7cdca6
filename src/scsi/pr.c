/* SPDX-License-Identifier: MIT */
/* Persistent reservations (SPC-4 §5.12). */
#include <errno.h>
#include <stdlib.h>

#include "scsi/pr.h"
#include "scsi/scsi_internal.h"

int pr_state_load(struct scsi_lu *lu, const void *bytes, size_t len)
{
    (void)lu;
    (void)bytes;
    return len ? -EINVAL : 0;
}

void pr_state_free(struct pr_state *pr)
{
    free(pr);
}

uint32_t pr_denials(const struct scsi_lu *lu, const struct scsi_itl *itl)
{
    (void)lu;
    (void)itl;
    return 0;
}

uint32_t pr_saved_modes(const struct scsi_lu *lu)
{
    (void)lu;
    return 0;
}

int pr_save_modes(struct scsi_lu *lu, uint32_t modes)
{
    (void)lu;
    (void)modes;
    return -EOPNOTSUPP;
}
