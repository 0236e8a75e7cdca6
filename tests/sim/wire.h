/* SPDX-License-Identifier: MIT */
/* PDUs of the initiator: bytes out and in, digests, and the numbers of RFC 7143 that every PDU carries. */
#ifndef VDS_TESTS_SIM_WIRE_H
#define VDS_TESTS_SIM_WIRE_H

#include "initiator.h"

#define BHS 48
#define NO_TAG 0xffffffffu

enum {
    NOP_OUT = 0x00,
    SCSI = 0x01,
    TMF = 0x02,
    LOGIN = 0x03,
    TEXT = 0x04,
    DATA_OUT = 0x05,
    LOGOUT = 0x06,
    IMMEDIATE = 0x40
};
enum {
    NOP_IN = 0x20,
    RESPONSE,
    TMF_RESPONSE,
    LOGIN_RESPONSE,
    TEXT_RESPONSE,
    DATA_IN,
    LOGOUT_RESPONSE,
    R2T = 0x31,
    ASYNC,
    REJECT = 0x3f
};

struct pdu {
    uint8_t bhs[BHS];
    uint8_t *data; /* in in->rx, until the next receive */
    uint32_t len;
};

/* The parts that most requests share. */
void wire_header(struct initiator *in, uint8_t bhs[BHS], uint8_t opcode, uint8_t flags, uint32_t itt);
/* Sends all of it. -errno: lost. */
int wire_send(struct initiator *in, uint8_t bhs[BHS], const void *data, uint32_t len);
/* The next PDU, which stays until wire_consume(*ret_size). 0, -errno: lost, -ETIMEDOUT. */
int wire_receive(struct initiator *in, struct pdu *pdu, size_t *ret_size, uint64_t deadline_ns);
void wire_consume(struct initiator *in, size_t size);

bool wire_later(uint32_t a, uint32_t b);
/* RFC 7143 §4.2.2: each PDU with a status has the next number, the others show which that is. */
void wire_check_numbers(struct initiator *in, const uint8_t *bhs, bool has_status, bool has_statsn);

#endif
