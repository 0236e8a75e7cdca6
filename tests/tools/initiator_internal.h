/* SPDX-License-Identifier: MIT */
/* PDUs of the test initiator, for its files: initiator.c has connections and sessions, initiator_scsi.c
 * commands. */
#ifndef VDS_TESTS_INITIATOR_INTERNAL_H
#define VDS_TESTS_INITIATOR_INTERNAL_H

#include "initiator.h"

#define BHS         48

enum {
    OP_NOP_OUT = 0x00,
    OP_COMMAND = 0x01,
    OP_LOGIN = 0x03,
    OP_TEXT = 0x04,
    OP_DATA_OUT = 0x05,
    OP_LOGOUT = 0x06
};
enum {
    OP_NOP_IN = 0x20,
    OP_RESPONSE = 0x21,
    OP_LOGIN_RESPONSE = 0x23,
    OP_TEXT_RESPONSE = 0x24,
    OP_DATA_IN = 0x25,
    OP_LOGOUT_RESPONSE = 0x26,
    OP_R2T = 0x31,
    OP_ASYNC = 0x32,
    OP_REJECT = 0x3f
};
#define IMMEDIATE 0x40
#define FINAL     0x80

struct pdu {
    uint8_t bhs[BHS];
    uint8_t *data; /* malloc'ed, one zero byte behind it */
    uint32_t len;
};

int initiator_pdu_send(struct initiator *in, uint8_t bhs[BHS], const void *data, uint32_t len);
/* The next PDU that answers something: async messages and pings are dealt with. */
int initiator_pdu_receive(struct initiator *in, struct pdu *pdu);
void initiator_pdu_free(struct pdu *pdu);
/* ITT, CmdSN and ExpStatSN of a request. */
void initiator_numbered(struct initiator *in, uint8_t bhs[BHS]);

#endif
