/* SPDX-License-Identifier: MIT */
/* iSCSI TransportIDs (SPC-4 §7.6.4.6): an initiator port by name, or an initiator device and with it all its
 * ports. */
#ifndef VDS_SCSI_TRANSPORT_ID_H
#define VDS_SCSI_TRANSPORT_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scsi/pr.h"

struct reply;

struct transport_id {
    bool device_only;           /* the name of the device: every port of it is meant */
    char name[PR_NAME_MAX + 1]; /* as in struct scsi_nexus: "iqn...,i,0x<ISID>", or the device's name */
};

void transport_id_write(struct reply *reply, const char *initiator_port);

/* Bytes taken, 0: not an iSCSI TransportID. */
size_t transport_id_parse(const uint8_t *bytes, size_t len, struct transport_id *ret_id);

bool transport_id_matches(const struct transport_id *id, const char *initiator_port);

#endif
