/* SPDX-License-Identifier: MIT */
/* What of the PDU layer is not a one-line decoder: additional header segments, names. */
#include "iscsi/pdu.h"

#include <errno.h>

#include "base/cleanup.h"

enum { AHS_EXTENDED_CDB = 1, AHS_BIDI_READ_LENGTH = 2 }; /* RFC 7143 §11.2.2.2 */

int pdu_ahs_get(const uint8_t *ahs, size_t len, struct pdu_ahs *ret_ahs)
{
    struct pdu_ahs found = { 0 };

    for (size_t at = 0, step; at < len; at += step) {
        if (len - at < 4)
            return -EINVAL;
        /* AHSLength counts what follows the type byte, without padding (§11.2.2.1). */
        step = (3 + (size_t)be16_get(ahs + at) + 3) & ~(size_t)3;
        if (be16_get(ahs + at) == 0 || step > len - at)
            return -EINVAL;
        found.extended_cdb |= (ahs[at + 2] & 0x3f) == AHS_EXTENDED_CDB;
        found.bidi_read |= (ahs[at + 2] & 0x3f) == AHS_BIDI_READ_LENGTH;
    }
    *ret_ahs = found;
    return 0;
}

static const char *const opcode_names[0x40] = {
    [OP_NOP_OUT] = "NOP-Out",
    [OP_SCSI_COMMAND] = "SCSI Command",
    [OP_TASK_REQUEST] = "Task Management Request",
    [OP_LOGIN_REQUEST] = "Login Request",
    [OP_TEXT_REQUEST] = "Text Request",
    [OP_DATA_OUT] = "Data-Out",
    [OP_LOGOUT_REQUEST] = "Logout Request",
    [OP_SNACK] = "SNACK",
    [OP_NOP_IN] = "NOP-In",
    [OP_SCSI_RESPONSE] = "SCSI Response",
    [OP_TASK_RESPONSE] = "Task Management Response",
    [OP_LOGIN_RESPONSE] = "Login Response",
    [OP_TEXT_RESPONSE] = "Text Response",
    [OP_DATA_IN] = "Data-In",
    [OP_LOGOUT_RESPONSE] = "Logout Response",
    [OP_R2T] = "R2T",
    [OP_ASYNC] = "Async Message",
    [OP_REJECT] = "Reject",
};

const char *pdu_opcode_name(uint8_t opcode)
{
    const char *name = opcode < ARRAY_SIZE(opcode_names) ? opcode_names[opcode] : NULL;

    return name ? name : "?";
}
