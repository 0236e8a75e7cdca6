/* SPDX-License-Identifier: MIT */
/* Sense codes by name, and the one place where an errno becomes one (SPC-4 §4.5, annex D). */
#ifndef VDS_SCSI_SENSE_H
#define VDS_SCSI_SENSE_H

#include "scsi/scsi.h"

enum scsi_key {
    KEY_NO_SENSE = 0x0,
    KEY_NOT_READY = 0x2,
    KEY_MEDIUM_ERROR = 0x3,
    KEY_HARDWARE_ERROR = 0x4,
    KEY_ILLEGAL_REQUEST = 0x5,
    KEY_UNIT_ATTENTION = 0x6,
    KEY_DATA_PROTECT = 0x7,
    KEY_COPY_ABORTED = 0xa,
    KEY_ABORTED_COMMAND = 0xb,
    KEY_MISCOMPARE = 0xe,
};

#define SENSE(key_, asc_) ((struct scsi_result){ .status = SCSI_CHECK_CONDITION, .key = (key_), .asc = (asc_) })

#define SENSE_NONE                       SENSE(KEY_NO_SENSE, 0x0000)
#define SENSE_NOT_READY_OFFLINE          SENSE(KEY_NOT_READY, 0x0412)       /* logical unit offline */
#define SENSE_MEDIUM_NOT_PRESENT         SENSE(KEY_NOT_READY, 0x3a00)
#define SENSE_READ_ERROR                 SENSE(KEY_MEDIUM_ERROR, 0x1100)    /* unrecovered read error */
#define SENSE_WRITE_ERROR                SENSE(KEY_MEDIUM_ERROR, 0x0c00)
#define SENSE_INTERNAL_FAILURE           SENSE(KEY_HARDWARE_ERROR, 0x4400)  /* internal target failure */
#define SENSE_INSUFFICIENT_RESOURCES     SENSE(KEY_ILLEGAL_REQUEST, 0x5503)
#define SENSE_INSUFFICIENT_REGISTRATION  SENSE(KEY_ILLEGAL_REQUEST, 0x5504) /* insufficient registration resources */
#define SENSE_PARAMETER_LIST_LENGTH      SENSE(KEY_ILLEGAL_REQUEST, 0x1a00)
#define SENSE_INVALID_OPCODE             SENSE(KEY_ILLEGAL_REQUEST, 0x2000)
#define SENSE_LBA_OUT_OF_RANGE           SENSE(KEY_ILLEGAL_REQUEST, 0x2100)
#define SENSE_INVALID_FIELD_IN_CDB       SENSE(KEY_ILLEGAL_REQUEST, 0x2400)
#define SENSE_LUN_NOT_SUPPORTED          SENSE(KEY_ILLEGAL_REQUEST, 0x2500)
#define SENSE_INVALID_FIELD_IN_PARAMETER SENSE(KEY_ILLEGAL_REQUEST, 0x2600)
#define SENSE_INVALID_RELEASE            SENSE(KEY_ILLEGAL_REQUEST, 0x2604) /* invalid release of persistent reservation */
#define SENSE_TOO_MANY_TARGETS           SENSE(KEY_ILLEGAL_REQUEST, 0x2606)
#define SENSE_BAD_TARGET_DESCRIPTOR      SENSE(KEY_ILLEGAL_REQUEST, 0x2607)
#define SENSE_TOO_MANY_SEGMENTS          SENSE(KEY_ILLEGAL_REQUEST, 0x2608)
#define SENSE_BAD_SEGMENT_DESCRIPTOR     SENSE(KEY_ILLEGAL_REQUEST, 0x2609)
#define SENSE_INLINE_DATA_TOO_LONG       SENSE(KEY_ILLEGAL_REQUEST, 0x260b)
#define SENSE_SAVING_NOT_SUPPORTED       SENSE(KEY_ILLEGAL_REQUEST, 0x3900)
#define SENSE_REMOVAL_PREVENTED          SENSE(KEY_ILLEGAL_REQUEST, 0x5302) /* medium removal prevented */
#define SENSE_INVALID_FIELD_IN_IU        SENSE(KEY_ILLEGAL_REQUEST, 0x0e03) /* invalid field in command information unit */
#define SENSE_WRITE_PROTECTED            SENSE(KEY_DATA_PROTECT, 0x2700)
#define SENSE_SOFTWARE_WRITE_PROTECTED   SENSE(KEY_DATA_PROTECT, 0x2702)
#define SENSE_SPACE_ALLOCATION_FAILED    SENSE(KEY_DATA_PROTECT, 0x2707)
#define SENSE_MISCOMPARE                 SENSE(KEY_MISCOMPARE, 0x1d00)      /* miscompare during verify operation */
#define SENSE_COPY_TARGET_UNREACHABLE    SENSE(KEY_COPY_ABORTED, 0x0d02)    /* copy target device not reachable */
#define SENSE_COPY_TARGET_RANGE          SENSE(KEY_COPY_ABORTED, 0x0000)    /* a segment beyond a unit: no code of its own */

/* 0 is GOOD; every other errno has exactly one answer. */
struct scsi_result scsi_result_from_errno(int error, enum store_op op);

/* Sense bytes beyond key and code: the INFORMATION field and the sense key specific bytes, both optional. */
struct sense_detail {
    bool has_info;
    uint64_t info;
    uint8_t specific[3]; /* [0] bit 7: valid (SPC-4 §4.5.2.4) */
};

/* Writes sense data in fixed (descriptor = false) or descriptor format; returns its length. */
size_t sense_encode(struct scsi_result result, const struct sense_detail *detail, bool descriptor, uint8_t out[static SCSI_SENSE_MAX]);

#endif
