/* SPDX-License-Identifier: MIT */
/* Limits that a unit declares (VPD page B0h) and the commands hold. */
#ifndef VDS_SCSI_INQUIRY_H
#define VDS_SCSI_INQUIRY_H

#define MAX_CAW_BLOCKS        255 /* what the field holds */
#define MAX_UNMAP_BLOCKS      (1u << 20) /* in one command; libiscsi's suite takes more for insane */
#define MAX_UNMAP_DESCRIPTORS 256
#define MAX_WRITE_SAME_BYTES  (16u << 20) /* what one command may cost: other patterns than zeros are written for real */
#define GRANULE_BYTES         4096 /* a page of the cache, a block of the file system: best transferred and freed whole */

#endif
