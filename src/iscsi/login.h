/* SPDX-License-Identifier: MIT */
/* What a login negotiation keeps until full feature phase. Owned by the connection; freed when the login ends
 * either way. */
#ifndef VDS_ISCSI_LOGIN_H
#define VDS_ISCSI_LOGIN_H

#include "iscsi/conn.h"

struct chap;

struct login {
    struct pdu_login_request first; /* what the later requests must repeat */
    uint32_t itt;
    uint8_t stage, next_stage; /* enum login_stage */
    bool begun, identified;    /* a request has come; a complete one, and the directory has admitted it */
    bool transit;              /* the request that is being answered asks for next_stage */
    bool answering;            /* `out` is longer than a PDU: the rest is being fetched */
    bool session_type, tag_declared, segment_declared;
    uint32_t n_bytes; /* against limits.login_bytes */
    struct text in, out;
    size_t out_at;
    struct key_negotiation keys;
    struct chap *chap; /* from the first security key on */
    struct iscsi_admission admission;
};

#endif
