/* SPDX-License-Identifier: MIT */
/* The initiator's login: one request with all keys, each time something else, and what the target made of
 * it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "net.h"
#include "sim.h"
#include "wire.h"

static const char *value_of(const struct pdu *pdu, const char *key)
{
    size_t len = strlen(key);

    for (const char *p = (const char *)pdu->data, *end = p + pdu->len; p < end;
         p += strnlen(p, (size_t)(end - p)) + 1) {
        if (strncmp(p, key, len) == 0 && p[len] == '=')
            return p + len + 1;
    }
    return NULL;
}

static uint32_t number_of(const struct pdu *pdu, const char *key, uint32_t none)
{
    const char *value = value_of(pdu, key);

    return value ? (uint32_t)strtoul(value, NULL, 10) : none;
}

static bool is(const struct pdu *pdu, const char *key, const char *wanted, bool none)
{
    const char *value = value_of(pdu, key);

    return value ? strcmp(value, wanted) == 0 : none;
}

struct text {
    char bytes[1024];
    size_t n;
};

static void put_key(struct text *text, const char *key, const char *value)
{
    text->n += (size_t)snprintf(text->bytes + text->n, sizeof text->bytes - text->n, "%s=%s", key, value) + 1;
}

static void put_number(struct text *text, const char *key, uint32_t value)
{
    text->n += (size_t)snprintf(text->bytes + text->n, sizeof text->bytes - text->n, "%s=%u", key, value) + 1;
}

static const char *yes_or_no(void)
{
    return sim_chance(50) ? "Yes" : "No";
}

static void put_login(struct initiator *in, struct text *text, const char *target)
{
    static const char *const digests[] = { "None", "CRC32C,None", "None,CRC32C" };

    put_key(text, "InitiatorName", in->name);
    put_key(text, "SessionType", target ? "Normal" : "Discovery");
    in->max_recv = 512u << sim_below(6);
    put_number(text, "MaxRecvDataSegmentLength", in->max_recv);
    put_key(text, "HeaderDigest", digests[sim_below(3)]);
    put_key(text, "DataDigest", digests[sim_below(3)]);
    if (!target)
        return;
    put_key(text, "TargetName", target);
    put_key(text, "InitialR2T", yes_or_no());
    put_key(text, "ImmediateData", yes_or_no());
    put_number(text, "MaxBurstLength", 1024u << sim_below(5));
    put_number(text, "FirstBurstLength", 512u << sim_below(2));
    put_number(text, "MaxOutstandingR2T", 1 + sim_below(4));
    put_number(text, "ErrorRecoveryLevel", 0);
}

static void take_parameters(struct initiator *in, const struct pdu *pdu)
{
    in->max_send = number_of(pdu, "MaxRecvDataSegmentLength", 8192);
    in->max_burst = number_of(pdu, "MaxBurstLength", 262144);
    in->first_burst = number_of(pdu, "FirstBurstLength", 65536);
    in->initial_r2t = is(pdu, "InitialR2T", "Yes", true);
    in->immediate_data = is(pdu, "ImmediateData", "Yes", true);
    in->header_digest = is(pdu, "HeaderDigest", "CRC32C", false);
    in->data_digest = is(pdu, "DataDigest", "CRC32C", false);
}

static void take_answer(struct initiator *in, struct pdu *pdu, struct login_answer *ret)
{
    const char *address = value_of(pdu, "TargetAddress");

    *ret = (struct login_answer){ .class = pdu->bhs[36], .detail = pdu->bhs[37] };
    if (ret->class == 1)
        snprintf(ret->address, sizeof ret->address, "%.*s", address ? (int)strcspn(address, ",") : 0,
                 address ? address : "");
    if (ret->class)
        return;
    sim_check((pdu->bhs[1] & 0x83) == 0x83, "the login does not end with the full feature phase");
    ret->tag = (uint16_t)number_of(pdu, "TargetPortalGroupTag", 0);
    in->exp_statsn = be32_get(pdu->bhs + 24) + 1;
    in->max_cmdsn = be32_get(pdu->bhs + 32);
    take_parameters(in, pdu);
}

static int negotiate(struct initiator *in, const char *target, struct login_answer *ret)
{
    struct text text = { .n = 0 };
    uint8_t bhs[BHS];
    struct pdu pdu;
    size_t size;
    uint32_t max_recv;
    int r;

    put_login(in, &text, target);
    max_recv = in->max_recv;
    in->header_digest = in->data_digest = false;
    in->cmdsn = (uint32_t)sim_random(); /* near its wrap as well as elsewhere */
    if (sim_chance(20))
        in->cmdsn = 0xfffffff0u + sim_below(16);
    in->exp_statsn = 0;
    in->max_recv = 8192; /* until it is negotiated, §13.12 */
    wire_header(in, bhs, LOGIN | IMMEDIATE, 0x87, ++in->itt);
    memcpy(bhs + 8, in->isid, 6);
    r = wire_send(in, bhs, text.bytes, (uint32_t)text.n);
    if (r == 0)
        r = wire_receive(in, &pdu, &size, SIM_NEVER);
    if (r < 0)
        return r;
    sim_check(pdu.bhs[0] == LOGIN_RESPONSE, "opcode %02x answers a login", pdu.bhs[0]);
    take_answer(in, &pdu, ret);
    wire_consume(in, size);
    in->max_recv = max_recv;
    return 0;
}

int initiator_login(struct initiator *in, const char *address, const char *target, struct login_answer *ret)
{
    int r;

    in->rx_len = 0;
    in->n_running = 0;
    memset(in->commands, 0, sizeof in->commands);
    in->asked_to_leave = in->dropped = in->logging_out = in->tmf_running = in->ping_running = false;
    in->fd = net_connect(address);
    if (in->fd < 0)
        return in->fd;
    r = negotiate(in, target, ret);
    if (r < 0 || ret->class)
        initiator_close(in);
    return r;
}
