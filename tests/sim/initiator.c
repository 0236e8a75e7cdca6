/* SPDX-License-Identifier: MIT */
#include "initiator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "iscsi/digest.h"
#include "net.h"
#include "sim.h"

#define BHS 48
#define NO_TAG 0xffffffffu
#define LUN_0 0

enum { NOP_OUT = 0x00, SCSI = 0x01, TMF = 0x02, LOGIN = 0x03, TEXT = 0x04, DATA_OUT = 0x05, LOGOUT = 0x06, IMMEDIATE = 0x40 };
enum { NOP_IN = 0x20, RESPONSE, TMF_RESPONSE, LOGIN_RESPONSE, TEXT_RESPONSE, DATA_IN, LOGOUT_RESPONSE, R2T = 0x31, ASYNC, REJECT = 0x3f };

struct pdu {
    uint8_t bhs[BHS];
    uint8_t *data; /* in in->rx, until the next receive */
    uint32_t len;
};

/* ---- bytes ------------------------------------------------------------------------------------------------------------------------ */

/* Takes what is there into in->rx. -EAGAIN: nothing is. */
static int take_in(struct initiator *in)
{
    struct iovec iov;
    long n;

    if (in->rx_room - in->rx_len < 4096) {
        in->rx_room = in->rx_room ? 2 * in->rx_room : 16384;
        in->rx = realloc(in->rx, in->rx_room);
    }
    iov = (struct iovec){ in->rx + in->rx_len, in->rx_room - in->rx_len };
    n = net_recv(in->fd, &iov, 1);
    if (n <= 0)
        return n == 0 ? -ECONNRESET : (int)n;
    in->rx_len += (size_t)n;
    return 0;
}

/* Reads while it cannot write, as whoever has a second thread does. */
static int send_all(struct initiator *in, struct iovec *iov, size_t n_iov)
{
    while (n_iov) {
        long n = net_send(in->fd, iov, n_iov);

        if (n == -EAGAIN) {
            int r = take_in(in);

            if (r < 0 && r != -EAGAIN)
                return r;
            if (r == -EAGAIN)
                sim_block(&net_changed, SIM_NEVER);
            continue;
        }
        if (n < 0)
            return (int)n;
        while (n_iov && (size_t)n >= iov->iov_len) {
            n -= (long)iov->iov_len;
            iov++;
            n_iov--;
        }
        if (n_iov) {
            iov->iov_base = (uint8_t *)iov->iov_base + n;
            iov->iov_len -= (size_t)n;
        }
    }
    return 0;
}

static void digest_make(uint8_t out[4], const void *a, size_t n_a, const void *b, size_t n_b)
{
    digest_put(out, digest_add(digest_add(DIGEST_START, a, n_a), b, n_b));
}

static int send_pdu(struct initiator *in, uint8_t bhs[BHS], const void *data, uint32_t len)
{
    uint8_t header_digest[4], tail[8] = { 0 };
    uint32_t pad = (4 - len % 4) % 4, n_tail = pad;

    be24_put(bhs + 5, len);
    digest_make(header_digest, bhs, BHS, NULL, 0);
    if (in->data_digest && len) {
        digest_make(tail + pad, data, len, tail, pad);
        n_tail += 4;
    }
    return send_all(in,
                    (struct iovec[]){ { bhs, BHS }, { header_digest, in->header_digest ? 4 : 0 }, { (void *)(uintptr_t)data, len },
                                      { tail, n_tail } },
                    4);
}

/* A whole PDU of in->rx; its length in *ret_size, 0: it is not there yet. */
static void parse(struct initiator *in, struct pdu *pdu, size_t *ret_size)
{
    size_t header = BHS + (in->header_digest ? 4 : 0), size = header;
    uint32_t pad;
    uint8_t digest[4];

    *ret_size = 0;
    if (in->rx_len < header)
        return;
    memcpy(pdu->bhs, in->rx, BHS);
    sim_check(pdu->bhs[4] == 0, "a PDU of the target with an additional header");
    pdu->len = be24_get(pdu->bhs + 5);
    sim_check(pdu->len <= in->max_recv, "a data segment of %u bytes, where %u were declared", pdu->len, in->max_recv);
    pad = (4 - pdu->len % 4) % 4;
    size += pdu->len + pad + (in->data_digest && pdu->len ? 4 : 0);
    if (in->rx_len < size)
        return;
    pdu->data = in->rx + header;
    digest_make(digest, pdu->bhs, BHS, NULL, 0);
    sim_check(!in->header_digest || memcmp(digest, in->rx + BHS, 4) == 0, "a wrong header digest");
    digest_make(digest, pdu->data, pdu->len, pdu->data + pdu->len, pad);
    sim_check(!in->data_digest || !pdu->len || memcmp(digest, pdu->data + pdu->len + pad, 4) == 0, "a wrong data digest");
    *ret_size = size;
}

static void consume(struct initiator *in, size_t size)
{
    memmove(in->rx, in->rx + size, in->rx_len - size);
    in->rx_len -= size;
}

/* 0, -errno: lost, -ETIMEDOUT. */
static int receive_pdu(struct initiator *in, struct pdu *pdu, size_t *ret_size, uint64_t deadline_ns)
{
    for (;;) {
        int r;

        parse(in, pdu, ret_size);
        if (*ret_size)
            return 0;
        r = take_in(in);
        if (r == 0)
            continue;
        if (r != -EAGAIN)
            return r;
        if (sim_now() >= deadline_ns)
            return -ETIMEDOUT;
        sim_block(&net_changed, deadline_ns);
    }
}

/* ---- numbers ----------------------------------------------------------------------------------------------------------------------- */

static bool later(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/* RFC 7143 §4.2.2: each PDU with a status has the next number, the others show which that is. */
static void check_numbers(struct initiator *in, const uint8_t *bhs, bool has_status, bool has_statsn)
{
    uint32_t statsn = be32_get(bhs + 24), exp = be32_get(bhs + 28), max = be32_get(bhs + 32);

    if (has_statsn)
        sim_check(statsn == in->exp_statsn, "StatSN %u, expected %u (opcode %02x)", statsn, in->exp_statsn, bhs[0]);
    in->exp_statsn += has_status;
    sim_check(!later(exp, in->cmdsn), "ExpCmdSN %u is beyond what was sent, %u", exp, in->cmdsn);
    sim_check(!later(exp, max + 1), "ExpCmdSN %u, MaxCmdSN %u", exp, max);
    if (later(max, in->max_cmdsn))
        in->max_cmdsn = max;
}

static void header(struct initiator *in, uint8_t bhs[BHS], uint8_t opcode, uint8_t flags, uint32_t itt)
{
    memset(bhs, 0, BHS);
    bhs[0] = opcode;
    bhs[1] = flags;
    be32_put(bhs + 16, itt);
    be32_put(bhs + 24, in->cmdsn);
    be32_put(bhs + 28, in->exp_statsn);
}

/* ---- login --------------------------------------------------------------------------------------------------------------------------- */

static const char *value_of(const struct pdu *pdu, const char *key)
{
    size_t len = strlen(key);

    for (const char *p = (const char *)pdu->data, *end = p + pdu->len; p < end; p += strnlen(p, (size_t)(end - p)) + 1) {
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
        snprintf(ret->address, sizeof ret->address, "%.*s", address ? (int)strcspn(address, ",") : 0, address ? address : "");
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
    header(in, bhs, LOGIN | IMMEDIATE, 0x87, ++in->itt);
    memcpy(bhs + 8, in->isid, 6);
    r = send_pdu(in, bhs, text.bytes, (uint32_t)text.n);
    if (r == 0)
        r = receive_pdu(in, &pdu, &size, SIM_NEVER);
    if (r < 0)
        return r;
    sim_check(pdu.bhs[0] == LOGIN_RESPONSE, "opcode %02x answers a login", pdu.bhs[0]);
    take_answer(in, &pdu, ret);
    consume(in, size);
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

/* ---- requests --------------------------------------------------------------------------------------------------------------------------- */

static enum session_end ended(int r)
{
    return r < 0 ? SESSION_LOST : SESSION_GOES_ON;
}

struct command *initiator_command(struct initiator *in)
{
    if (later(in->cmdsn, in->max_cmdsn))
        return NULL;
    for (unsigned i = 0; i < COMMANDS; i++) {
        if (!in->commands[i].used)
            return &in->commands[i];
    }
    return NULL;
}

static int send_data(struct initiator *in, const struct command *c, uint32_t ttt, uint32_t from, uint32_t len)
{
    uint32_t data_sn = 0;
    int r = 0;

    for (uint32_t done = 0; r == 0 && done < len;) {
        uint32_t n = len - done < in->max_send ? len - done : in->max_send;
        uint8_t bhs[BHS];

        if (n > 512 && sim_chance(30))
            n = 512; /* shorter than could be */
        header(in, bhs, DATA_OUT, done + n == len ? 0x80 : 0, c->itt);
        be32_put(bhs + 20, ttt);
        be32_put(bhs + 24, 0);
        be32_put(bhs + 36, data_sn++);
        be32_put(bhs + 40, from + done);
        r = send_pdu(in, bhs, c->data + from + done, n);
        done += n;
    }
    return r;
}

enum session_end initiator_start(struct initiator *in, struct command *c)
{
    uint32_t len = c->n_blocks * BLOCK, first = len < in->first_burst ? len : in->first_burst, immediate = 0;
    bool unsolicited = c->write && !in->initial_r2t && sim_chance(60);
    uint8_t bhs[BHS];
    int r;

    if (c->write && in->immediate_data && sim_chance(60))
        immediate = first < in->max_send ? first : in->max_send;
    unsolicited = unsolicited && immediate < first;
    c->used = true;
    c->aborting = false;
    c->moved = c->n_data_in = 0;
    c->itt = ++in->itt;
    c->began_ns = sim_now();
    header(in, bhs, SCSI, (uint8_t)((unsolicited ? 0 : 0x80) | (c->write ? 0x20 : 0x40) | 1), c->itt);
    be32_put(bhs + 20, len);
    bhs[32] = c->write ? 0x2a : 0x28;
    be32_put(bhs + 34, c->lba);
    be16_put(bhs + 39, (uint16_t)c->n_blocks);
    in->cmdsn++;
    in->n_running++;
    r = send_pdu(in, bhs, c->data, immediate);
    if (r == 0 && unsolicited)
        r = send_data(in, c, NO_TAG, immediate, first - immediate);
    return ended(r);
}

enum session_end initiator_ping(struct initiator *in)
{
    uint8_t bhs[BHS], data[64] = "ping";

    if (in->ping_running || later(in->cmdsn, in->max_cmdsn))
        return SESSION_GOES_ON;
    in->ping_running = true;
    in->ping_itt = ++in->itt;
    header(in, bhs, NOP_OUT, 0x80, in->ping_itt);
    be32_put(bhs + 20, NO_TAG);
    in->cmdsn++;
    return ended(send_pdu(in, bhs, data, sim_below(sizeof data)));
}

static enum session_end task_management(struct initiator *in, uint8_t function, uint32_t referenced)
{
    uint8_t bhs[BHS];

    if (in->tmf_running)
        return SESSION_GOES_ON;
    in->tmf_running = true;
    in->tmf_itt = ++in->itt;
    header(in, bhs, TMF | IMMEDIATE, (uint8_t)(0x80 | function), in->tmf_itt);
    be32_put(bhs + 20, referenced);
    be32_put(bhs + 32, in->cmdsn); /* RefCmdSN: not before what was sent */
    return ended(send_pdu(in, bhs, NULL, 0));
}

enum session_end initiator_abort(struct initiator *in, struct command *c)
{
    if (!in->tmf_running)
        c->aborting = true;
    return task_management(in, 1, c->itt);
}

enum session_end initiator_reset_unit(struct initiator *in)
{
    for (unsigned i = 0; i < COMMANDS && !in->tmf_running; i++)
        in->commands[i].aborting |= in->commands[i].used;
    return task_management(in, 5, NO_TAG);
}

enum session_end initiator_logout(struct initiator *in)
{
    uint8_t bhs[BHS];

    in->logging_out = true;
    in->logout_itt = ++in->itt;
    header(in, bhs, LOGOUT | IMMEDIATE, 0x80, in->logout_itt);
    return ended(send_pdu(in, bhs, NULL, 0));
}

/* ---- answers ----------------------------------------------------------------------------------------------------------------------------- */

static struct command *command_of(struct initiator *in, const struct pdu *pdu)
{
    uint32_t itt = be32_get(pdu->bhs + 16);

    for (unsigned i = 0; i < COMMANDS; i++) {
        if (in->commands[i].used && in->commands[i].itt == itt)
            return &in->commands[i];
    }
    sim_fail("opcode %02x for a command that is not there, tag %u", pdu->bhs[0], itt);
}

static void answer(struct initiator *in, struct command *c, uint8_t status, const uint8_t *sense)
{
    in->n_running--;
    c->used = false;
    in->answered(in->arg, c, status, sense ? sense[2] & 0xf : 0, sense ? be16_get(sense + 12) : 0);
}

static int on_data_in(struct initiator *in, struct pdu *pdu)
{
    struct command *c = command_of(in, pdu);
    uint32_t len = c->n_blocks * BLOCK, offset = be32_get(pdu->bhs + 40);
    bool status = pdu->bhs[1] & 1;

    check_numbers(in, pdu->bhs, status, status);
    sim_check(!c->write, "data for a write");
    sim_check(offset == c->moved && pdu->len <= len - offset, "Data-In at %u of %u bytes, %u are there of %u", offset, pdu->len, c->moved, len);
    sim_check(be32_get(pdu->bhs + 36) == c->n_data_in++, "DataSN out of order");
    memcpy(c->data + offset, pdu->data, pdu->len);
    c->moved += pdu->len;
    if (!status)
        return 0;
    sim_check(pdu->bhs[1] & 0x80, "status without F");
    sim_check(!(pdu->bhs[1] & 6) && c->moved == len, "GOOD for a read after %u of %u bytes", c->moved, len);
    answer(in, c, pdu->bhs[3], NULL);
    return 0;
}

static int on_response(struct initiator *in, struct pdu *pdu)
{
    struct command *c = command_of(in, pdu);

    check_numbers(in, pdu->bhs, true, true);
    sim_check(pdu->bhs[2] == 0, "iSCSI response %02x", pdu->bhs[2]);
    sim_check(c->write || pdu->bhs[3] != 0, "GOOD for a read without data");
    answer(in, c, pdu->bhs[3], pdu->len >= 16 ? pdu->data + 2 : NULL);
    return 0;
}

static int on_r2t(struct initiator *in, struct pdu *pdu)
{
    struct command *c = command_of(in, pdu);
    uint32_t offset = be32_get(pdu->bhs + 40), len = be32_get(pdu->bhs + 44);

    check_numbers(in, pdu->bhs, false, true);
    sim_check(c->write, "R2T for a read");
    sim_check(len && len <= in->max_burst && offset <= c->n_blocks * BLOCK && len <= c->n_blocks * BLOCK - offset,
              "R2T for %u bytes at %u, of %u, bursts of %u", len, offset, c->n_blocks * BLOCK, in->max_burst);
    return send_data(in, c, be32_get(pdu->bhs + 20), offset, len);
}

static int on_nop_in(struct initiator *in, struct pdu *pdu)
{
    uint32_t itt = be32_get(pdu->bhs + 16), ttt = be32_get(pdu->bhs + 20);
    uint8_t bhs[BHS];

    check_numbers(in, pdu->bhs, itt != NO_TAG, true);
    if (itt != NO_TAG) {
        sim_check(in->ping_running && itt == in->ping_itt, "NOP-In for tag %u", itt);
        in->ping_running = false;
        return 0;
    }
    if (ttt == NO_TAG)
        return 0;
    header(in, bhs, NOP_OUT | IMMEDIATE, 0x80, NO_TAG);
    memcpy(bhs + 8, pdu->bhs + 8, 8);
    be32_put(bhs + 20, ttt);
    return send_pdu(in, bhs, NULL, 0);
}

/* What an abort reached is not answered any more (SAM-5 §7.2). What it did not reach has been answered before. */
static int on_tmf_response(struct initiator *in, struct pdu *pdu)
{
    check_numbers(in, pdu->bhs, true, true);
    sim_check(in->tmf_running && be32_get(pdu->bhs + 16) == in->tmf_itt, "a task management response nobody asked for");
    in->tmf_running = false;
    for (unsigned i = 0; i < COMMANDS; i++) {
        struct command *c = &in->commands[i];

        if (c->used && c->aborting && pdu->bhs[2] == 0)
            answer(in, c, 0xff, NULL);
        c->aborting = false;
    }
    return 0;
}

static int on_async(struct initiator *in, struct pdu *pdu)
{
    check_numbers(in, pdu->bhs, true, true);
    in->asked_to_leave |= pdu->bhs[36] == 1;
    in->dropped |= pdu->bhs[36] == 2 || pdu->bhs[36] == 3;
    return 0;
}

static int on_logout_response(struct initiator *in, struct pdu *pdu)
{
    check_numbers(in, pdu->bhs, true, true);
    sim_check(in->logging_out && be32_get(pdu->bhs + 16) == in->logout_itt && pdu->bhs[2] == 0, "logout response %u", pdu->bhs[2]);
    return -ESHUTDOWN;
}

static const struct {
    uint8_t opcode;
    int (*take)(struct initiator *in, struct pdu *pdu);
} takers[] = { { NOP_IN, on_nop_in }, { RESPONSE, on_response }, { TMF_RESPONSE, on_tmf_response }, { DATA_IN, on_data_in },
               { LOGOUT_RESPONSE, on_logout_response }, { R2T, on_r2t }, { ASYNC, on_async } };

static int dispatch(struct initiator *in, struct pdu *pdu)
{
    for (size_t i = 0; i < ARRAY_SIZE(takers); i++) {
        if (takers[i].opcode == pdu->bhs[0])
            return takers[i].take(in, pdu);
    }
    sim_fail("opcode %02x, reason %02x", pdu->bhs[0], pdu->bhs[2]);
}

enum session_end initiator_receive(struct initiator *in, uint64_t wait_ns, bool *ret_timeout)
{
    struct pdu pdu;
    uint8_t *copy;
    size_t size;
    int r = receive_pdu(in, &pdu, &size, wait_ns == SIM_NEVER ? SIM_NEVER : sim_now() + wait_ns);

    *ret_timeout = r == -ETIMEDOUT;
    if (r < 0)
        return *ret_timeout ? SESSION_GOES_ON : SESSION_LOST;
    copy = malloc(pdu.len + 1); /* answering may take more in, and move what is there */
    memcpy(copy, pdu.data, pdu.len);
    pdu.data = copy;
    consume(in, size);
    r = dispatch(in, &pdu);
    free(copy);
    return r == -ESHUTDOWN ? SESSION_LOGGED_OUT : ended(r);
}

/* ---- discovery -------------------------------------------------------------------------------------------------------------------------------- */

static void record_all(const char *text, size_t n, void (*record)(void *arg, const char *target, const char *address, unsigned tag), void *arg)
{
    const char *target = NULL;

    for (const char *p = text; p < text + n; p += strlen(p) + 1) {
        char address[80];
        unsigned tag;

        if (strncmp(p, "TargetName=", 11) == 0)
            target = p + 11;
        else if (sscanf(p, "TargetAddress=%79[^,],%u", address, &tag) == 2 && target)
            record(arg, target, address, tag);
        else
            sim_fail("SendTargets says '%s'", p);
    }
}

int initiator_discover(struct initiator *in, void (*record)(void *arg, const char *target, const char *address, unsigned tag), void *arg)
{
    _cleanup_(freep) char *text = NULL;
    uint8_t bhs[BHS];
    uint32_t ttt = NO_TAG;
    struct pdu pdu;
    size_t size, n = 0;
    int r;

    do {
        header(in, bhs, TEXT, 0x80, ttt == NO_TAG ? ++in->itt : in->itt);
        be32_put(bhs + 20, ttt);
        in->cmdsn++;
        r = send_pdu(in, bhs, "SendTargets=All", ttt == NO_TAG ? 16 : 0);
        if (r == 0)
            r = receive_pdu(in, &pdu, &size, SIM_NEVER);
        if (r < 0)
            return r;
        if (pdu.bhs[0] == ASYNC)
            return -ECONNRESET; /* it is being dropped */
        sim_check(pdu.bhs[0] == TEXT_RESPONSE, "opcode %02x answers SendTargets", pdu.bhs[0]);
        check_numbers(in, pdu.bhs, true, true);
        text = realloc(text, n + pdu.len + 1);
        memcpy(text + n, pdu.data, pdu.len);
        n += pdu.len;
        ttt = be32_get(pdu.bhs + 20);
        consume(in, size);
    } while (ttt != NO_TAG);
    text[n] = '\0';
    record_all(text, n, record, arg);
    return 0;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------------------------------ */

void initiator_break(struct initiator *in)
{
    net_break(in->fd);
    initiator_close(in);
}

void initiator_close(struct initiator *in)
{
    net_close(in->fd);
    in->fd = -1;
}

void initiator_fini(struct initiator *in)
{
    free(in->rx);
    in->rx = NULL;
}
