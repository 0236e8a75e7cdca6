/* SPDX-License-Identifier: MIT */
/* The 48-byte basic header segment (BHS) of each PDU as a struct, and the numbers of RFC 7143 §11. Nothing
 * here keeps state.
 *
 * Headers are decoded by value: what a handler looks at can not change under it, and no length has been
 * trusted yet.
 */
#ifndef VDS_ISCSI_PDU_H
#define VDS_ISCSI_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define BHS_LEN           48u
#define AHS_MAX           1020u /* TotalAHSLength is one byte of 4-byte words */
#define DIGEST_LEN        4u
#define TAG_NONE          0xffffffffu /* reserved value of Initiator Task Tag and Target Transfer Tag */
#define LOGIN_SEGMENT_MAX 8192u /* MaxRecvDataSegmentLength of both sides until full feature phase (§13.12) \
                                 */

enum pdu_opcode { /* §11.2.1.2 */
                  OP_NOP_OUT = 0x00,
                  OP_SCSI_COMMAND = 0x01,
                  OP_TASK_REQUEST = 0x02,
                  OP_LOGIN_REQUEST = 0x03,
                  OP_TEXT_REQUEST = 0x04,
                  OP_DATA_OUT = 0x05,
                  OP_LOGOUT_REQUEST = 0x06,
                  OP_SNACK = 0x10,
                  OP_VENDOR_FIRST = 0x1c,
                  OP_VENDOR_LAST = 0x1e,
                  OP_NOP_IN = 0x20,
                  OP_SCSI_RESPONSE = 0x21,
                  OP_TASK_RESPONSE = 0x22,
                  OP_LOGIN_RESPONSE = 0x23,
                  OP_TEXT_RESPONSE = 0x24,
                  OP_DATA_IN = 0x25,
                  OP_LOGOUT_RESPONSE = 0x26,
                  OP_R2T = 0x31,
                  OP_ASYNC = 0x32,
                  OP_REJECT = 0x3f,
};

#define PDU_OPCODE_MASK 0x3f
#define PDU_IMMEDIATE   0x40 /* byte 0 */
#define PDU_FINAL       0x80 /* byte 1 of most PDUs */
#define PDU_CONTINUE    0x40 /* byte 1 of Text and Login: C */
#define LOGIN_TRANSIT   0x80 /* byte 1 of Login: T */
#define COMMAND_READ    0x40
#define COMMAND_WRITE   0x20
#define COMMAND_ATTR    0x07
#define DATA_IN_STATUS  0x01 /* S */
#define RESIDUAL_UNDER  0x02
#define RESIDUAL_OVER   0x04

enum reject_reason { /* §11.17.1 */
                     REJECT_DATA_DIGEST = 0x02,
                     REJECT_SNACK = 0x03,
                     REJECT_PROTOCOL_ERROR = 0x04,
                     REJECT_NOT_SUPPORTED = 0x05,
                     REJECT_IMMEDIATE = 0x06,
                     REJECT_TASK_IN_PROGRESS = 0x07,
                     REJECT_INVALID_FIELD = 0x09,
                     REJECT_LONG_OPERATION = 0x0a,
                     REJECT_WAITING_FOR_LOGOUT = 0x0c,
};

enum task_function { /* §11.5.1 */
                     TMF_ABORT_TASK = 1,
                     TMF_ABORT_TASK_SET = 2,
                     TMF_CLEAR_ACA = 3,
                     TMF_CLEAR_TASK_SET = 4,
                     TMF_LOGICAL_UNIT_RESET = 5,
                     TMF_TARGET_WARM_RESET = 6,
                     TMF_TARGET_COLD_RESET = 7,
                     TMF_TASK_REASSIGN = 8,
};

enum task_function_response { /* §11.6.1 */
                              TMF_COMPLETE = 0,
                              TMF_NO_TASK = 1,
                              TMF_NO_LUN = 2,
                              TMF_NO_REASSIGN = 4,
                              TMF_NOT_SUPPORTED = 5,
                              TMF_REJECTED = 255,
};

enum logout_reason { LOGOUT_SESSION = 0, LOGOUT_CONNECTION = 1, LOGOUT_RECOVERY = 2 }; /* §11.14.1 */
enum logout_response { LOGOUT_OK = 0, LOGOUT_NO_CID = 1, LOGOUT_NO_RECOVERY = 2, LOGOUT_FAILED = 3 };

enum async_event { ASYNC_SCSI = 0, ASYNC_LOGOUT = 1, ASYNC_DROP_CONNECTION = 2, ASYNC_DROP_SESSION = 3 };

enum login_stage { STAGE_SECURITY = 0, STAGE_OPERATIONAL = 1, STAGE_RESERVED = 2, STAGE_FULL = 3 };

/* What every header has, decoded before anything else. */
struct pdu_head {
    uint8_t opcode, flags;
    bool immediate;
    uint16_t ahs_len;  /* bytes */
    uint32_t data_len; /* bytes, without padding */
    uint32_t itt;
};

static inline struct pdu_head pdu_head_get(const uint8_t *bhs)
{
    return (struct pdu_head){
        .opcode = bhs[0] & PDU_OPCODE_MASK,
        .immediate = bhs[0] & PDU_IMMEDIATE,
        .flags = bhs[1],
        .ahs_len = (uint16_t)(bhs[4] * 4),
        .data_len = be24_get(bhs + 5),
        .itt = be32_get(bhs + 16),
    };
}

/* CmdSN and ExpStatSN stand at the same place in every request that has them. */
static inline uint32_t pdu_cmdsn_get(const uint8_t *bhs)
{
    return be32_get(bhs + 24);
}

static inline uint32_t pdu_exp_statsn_get(const uint8_t *bhs)
{
    return be32_get(bhs + 28);
}

/* §11.3: cdb and lun are taken from the header by the caller. */
struct pdu_scsi_command {
    bool final, read, write;
    uint8_t attr;
    uint32_t edtl; /* Expected Data Transfer Length */
};

static inline struct pdu_scsi_command pdu_scsi_command_get(const uint8_t *bhs)
{
    return (struct pdu_scsi_command){
        .final = bhs[1] & PDU_FINAL,
        .read = bhs[1] & COMMAND_READ,
        .write = bhs[1] & COMMAND_WRITE,
        .attr = bhs[1] & COMMAND_ATTR,
        .edtl = be32_get(bhs + 20),
    };
}

/* §11.7 */
struct pdu_data_out {
    bool final;
    uint32_t ttt, data_sn, offset;
};

static inline struct pdu_data_out pdu_data_out_get(const uint8_t *bhs)
{
    return (struct pdu_data_out){
        .final = bhs[1] & PDU_FINAL,
        .ttt = be32_get(bhs + 20),
        .data_sn = be32_get(bhs + 36),
        .offset = be32_get(bhs + 40),
    };
}

/* §11.5 */
struct pdu_task_request {
    uint8_t function;
    uint32_t rtt, ref_cmdsn;
};

static inline struct pdu_task_request pdu_task_request_get(const uint8_t *bhs)
{
    return (struct pdu_task_request){
        .function = bhs[1] & 0x7f,
        .rtt = be32_get(bhs + 20),
        .ref_cmdsn = be32_get(bhs + 32),
    };
}

/* §11.12 */
struct pdu_login_request {
    bool transit, more;
    uint8_t csg, nsg, version_min;
    const uint8_t *isid;
    uint16_t tsih, cid;
};

static inline struct pdu_login_request pdu_login_request_get(const uint8_t *bhs)
{
    return (struct pdu_login_request){
        .transit = bhs[1] & LOGIN_TRANSIT,
        .more = bhs[1] & PDU_CONTINUE,
        .csg = bhs[1] >> 2 & 3,
        .nsg = bhs[1] & 3,
        .version_min = bhs[3],
        .isid = bhs + 8,
        .tsih = be16_get(bhs + 14),
        .cid = be16_get(bhs + 20),
    };
}

/* §11.14 */
struct pdu_logout_request {
    uint8_t reason;
    uint16_t cid;
};

static inline struct pdu_logout_request pdu_logout_request_get(const uint8_t *bhs)
{
    return (struct pdu_logout_request){ .reason = bhs[1] & 0x7f, .cid = be16_get(bhs + 20) };
}

static inline uint32_t pdu_pad(uint32_t len)
{
    return -len & 3;
}

/* Serial number arithmetic (RFC 1982): a is before b. */
static inline bool sn_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

/* Walks additional header segments (§11.2.2). 0; -EINVAL when a length runs past the end. */
struct pdu_ahs {
    bool extended_cdb, bidi_read, malformed;
};
int pdu_ahs_get(const uint8_t *ahs, size_t len, struct pdu_ahs *ret_ahs);

/* "SCSI Command", for the log; "?" for an opcode that does not exist. */
const char *pdu_opcode_name(uint8_t opcode);

#endif
