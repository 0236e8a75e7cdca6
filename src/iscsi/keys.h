/* SPDX-License-Identifier: MIT */
/* The login and operational keys of RFC 7143 §13: one table, one function that answers a key. */
#ifndef VDS_ISCSI_KEYS_H
#define VDS_ISCSI_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "iscsi/iscsi.h"
#include "iscsi/text.h"

/* What a session runs with. Begins as the RFC's defaults, which hold for every key that is never
 * negotiated */
struct iscsi_params {
    uint32_t header_digest, data_digest; /* 0 None, 1 CRC32C */
    uint32_t max_xmit_segment;           /* the initiator's MaxRecvDataSegmentLength */
    uint32_t max_burst, first_burst;
    uint32_t initial_r2t, immediate_data;
    uint32_t max_outstanding_r2t;
    uint32_t max_connections, error_recovery_level;
    uint32_t time2wait, time2retain;
    uint32_t data_pdu_in_order, data_sequence_in_order;
    uint32_t task_reporting, protocol_level;
};

void params_default(struct iscsi_params *params);

/* When a key may be sent (the "Use" line of each key in §13). */
enum key_phase { KEY_IN_LOGIN = 1, KEY_IN_FULL = 2 };

/* One negotiation: a whole login, or one exchange of Text PDUs. */
struct key_negotiation {
    struct iscsi_params *params;
    const struct iscsi_limits *limits;
    enum key_phase phase;
    bool discovery;
    uint32_t seen; /* bit per row: a key is sent at most once (§6.2) */
};

/* Answers one operational key into `answer`; keys that it does not know get NotUnderstood. 0, or
 * -EPROTO: sent twice, or at the wrong time; -EBADMSG: a value that makes the negotiation fail ("Reject" has
 * been written); -ENOSPC, -ENOMEM from the writer. */
int keys_answer(struct key_negotiation *n, const struct text_pair *pair, struct text *answer);

/* All values are in: applies the rules between keys (FirstBurstLength <= MaxBurstLength). */
void keys_settle(struct iscsi_params *params);

#endif
