/* SPDX-License-Identifier: MIT */
/* START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL (SBC-3 §5.23, SPC-4 §6.13). */
#include "scsi/scsi_internal.h"

/* Starting, and allowing removal, harm nobody's reservation; the other forms do. */
bool media_conflicts(const uint8_t *cdb)
{
    if (cdb[0] == 0x1b)
        return !(cdb[4] & 0x01) || cdb[4] & 0xf0;
    return cdb[4] & 0x03;
}
