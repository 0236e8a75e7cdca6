/* SPDX-License-Identifier: MIT */
#ifndef VDS_SCSI_OPCODE_H
#define VDS_SCSI_OPCODE_H

/* Builds the index over the table; once, from whoever comes first. */
void opcode_init(void);

#endif
