/* SPDX-License-Identifier: MIT */
/* Unit attentions: bits of one atomic word per nexus and unit (SAM-5 §5.14). The lowest bit is told first:
 * resets before what they may have caused. */
#include "scsi/scsi_internal.h"

static const uint16_t attention_codes[UA_N] = {
    [UA_LUN_RESET] = 0x2903,        /* bus device reset function occurred */
    [UA_COMMANDS_CLEARED] = 0x2f00, /* commands cleared by another initiator */
    [UA_MEDIUM_CHANGED] = 0x2800,   /* not ready to ready change, medium may have changed */
    [UA_RESERVATIONS_PREEMPTED] = 0x2a03,
    [UA_RESERVATIONS_RELEASED] = 0x2a04,
    [UA_REGISTRATIONS_PREEMPTED] = 0x2a05,
    [UA_CAPACITY_CHANGED] = 0x2a09,
    [UA_MODE_CHANGED] = 0x2a01,
    [UA_REPORTED_LUNS_CHANGED] = 0x3f0e,
};

void attention_raise(struct scsi_itl *itl, unsigned ua)
{
    atomic_fetch_or(&itl->pending, UA_BIT(ua));
}

void attention_raise_others(struct scsi_lu *lu, const struct scsi_itl *except, unsigned ua)
{
    list_for_each(n, &lu->itls) {
        struct scsi_itl *itl = container_of(n, struct scsi_itl, link);

        if (itl != except)
            attention_raise(itl, ua);
    }
}

void attention_clear(struct scsi_itl *itl, unsigned ua)
{
    atomic_fetch_and(&itl->pending, ~UA_BIT(ua));
}

bool attention_take(struct scsi_itl *itl, struct scsi_result *ret_result)
{
    uint32_t pending = atomic_load(&itl->pending) & UA_MASK;
    unsigned ua;

    if (!pending)
        return false;
    ua = (unsigned)__builtin_ctz(pending);
    attention_clear(itl, ua);
    *ret_result = SENSE(KEY_UNIT_ATTENTION, attention_codes[ua]);
    return true;
}
