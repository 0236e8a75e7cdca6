/* SPDX-License-Identifier: MIT */
#include "initiator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "net.h"
#include "sim.h"
#include "wire.h"

/* ---- requests -------------------------------------------------------------------------------------- */

static enum session_end ended(int r)
{
    return r < 0 ? SESSION_LOST : SESSION_GOES_ON;
}

struct command *initiator_command(struct initiator *in)
{
    if (wire_later(in->cmdsn, in->max_cmdsn))
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
        wire_header(in, bhs, DATA_OUT, done + n == len ? 0x80 : 0, c->itt);
        be32_put(bhs + 20, ttt);
        be32_put(bhs + 24, 0);
        be32_put(bhs + 36, data_sn++);
        be32_put(bhs + 40, from + done);
        r = wire_send(in, bhs, c->data + from + done, n);
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
    wire_header(in, bhs, SCSI, (uint8_t)((unsolicited ? 0 : 0x80) | (c->write ? 0x20 : 0x40) | 1), c->itt);
    be32_put(bhs + 20, len);
    bhs[32] = c->write ? 0x2a : 0x28;
    be32_put(bhs + 34, c->lba);
    be16_put(bhs + 39, (uint16_t)c->n_blocks);
    in->cmdsn++;
    in->n_running++;
    r = wire_send(in, bhs, c->data, immediate);
    if (r == 0 && unsolicited)
        r = send_data(in, c, NO_TAG, immediate, first - immediate);
    return ended(r);
}

enum session_end initiator_ping(struct initiator *in)
{
    uint8_t bhs[BHS], data[64] = "ping";

    if (in->ping_running || wire_later(in->cmdsn, in->max_cmdsn))
        return SESSION_GOES_ON;
    in->ping_running = true;
    in->ping_itt = ++in->itt;
    wire_header(in, bhs, NOP_OUT, 0x80, in->ping_itt);
    be32_put(bhs + 20, NO_TAG);
    in->cmdsn++;
    return ended(wire_send(in, bhs, data, sim_below(sizeof data)));
}

static enum session_end task_management(struct initiator *in, uint8_t function, uint32_t referenced)
{
    uint8_t bhs[BHS];

    if (in->tmf_running)
        return SESSION_GOES_ON;
    in->tmf_running = true;
    in->tmf_itt = ++in->itt;
    wire_header(in, bhs, TMF | IMMEDIATE, (uint8_t)(0x80 | function), in->tmf_itt);
    be32_put(bhs + 20, referenced);
    be32_put(bhs + 32, in->cmdsn); /* RefCmdSN: not before what was sent */
    return ended(wire_send(in, bhs, NULL, 0));
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
    wire_header(in, bhs, LOGOUT | IMMEDIATE, 0x80, in->logout_itt);
    return ended(wire_send(in, bhs, NULL, 0));
}

/* ---- answers --------------------------------------------------------------------------------------- */

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

    wire_check_numbers(in, pdu->bhs, status, status);
    sim_check(!c->write, "data for a write");
    sim_check(offset == c->moved && pdu->len <= len - offset, "Data-In at %u of %u bytes, %u are there of %u",
              offset, pdu->len, c->moved, len);
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

    wire_check_numbers(in, pdu->bhs, true, true);
    sim_check(pdu->bhs[2] == 0, "iSCSI response %02x", pdu->bhs[2]);
    sim_check(c->write || pdu->bhs[3] != 0, "GOOD for a read without data");
    answer(in, c, pdu->bhs[3], pdu->len >= 16 ? pdu->data + 2 : NULL);
    return 0;
}

static int on_r2t(struct initiator *in, struct pdu *pdu)
{
    struct command *c = command_of(in, pdu);
    uint32_t offset = be32_get(pdu->bhs + 40), len = be32_get(pdu->bhs + 44);

    wire_check_numbers(in, pdu->bhs, false, true);
    sim_check(c->write, "R2T for a read");
    sim_check(len && len <= in->max_burst && offset <= c->n_blocks * BLOCK &&
                  len <= c->n_blocks * BLOCK - offset,
              "R2T for %u bytes at %u, of %u, bursts of %u", len, offset, c->n_blocks * BLOCK, in->max_burst);
    return send_data(in, c, be32_get(pdu->bhs + 20), offset, len);
}

static int on_nop_in(struct initiator *in, struct pdu *pdu)
{
    uint32_t itt = be32_get(pdu->bhs + 16), ttt = be32_get(pdu->bhs + 20);
    uint8_t bhs[BHS];

    wire_check_numbers(in, pdu->bhs, itt != NO_TAG, true);
    if (itt != NO_TAG) {
        sim_check(in->ping_running && itt == in->ping_itt, "NOP-In for tag %u", itt);
        in->ping_running = false;
        return 0;
    }
    if (ttt == NO_TAG)
        return 0;
    wire_header(in, bhs, NOP_OUT | IMMEDIATE, 0x80, NO_TAG);
    memcpy(bhs + 8, pdu->bhs + 8, 8);
    be32_put(bhs + 20, ttt);
    return wire_send(in, bhs, NULL, 0);
}

/* What an abort reached is not answered any more (SAM-5 §7.2). What it did not reach has been answered
 * before. */
static int on_tmf_response(struct initiator *in, struct pdu *pdu)
{
    wire_check_numbers(in, pdu->bhs, true, true);
    sim_check(in->tmf_running && be32_get(pdu->bhs + 16) == in->tmf_itt,
              "a task management response nobody asked for");
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
    wire_check_numbers(in, pdu->bhs, true, true);
    in->asked_to_leave |= pdu->bhs[36] == 1;
    in->dropped |= pdu->bhs[36] == 2 || pdu->bhs[36] == 3;
    return 0;
}

static int on_logout_response(struct initiator *in, struct pdu *pdu)
{
    wire_check_numbers(in, pdu->bhs, true, true);
    sim_check(in->logging_out && be32_get(pdu->bhs + 16) == in->logout_itt && pdu->bhs[2] == 0,
              "logout response %u", pdu->bhs[2]);
    return -ESHUTDOWN;
}

static const struct {
    uint8_t opcode;
    int (*take)(struct initiator *in, struct pdu *pdu);
} takers[] = { { NOP_IN, on_nop_in },
               { RESPONSE, on_response },
               { TMF_RESPONSE, on_tmf_response },
               { DATA_IN, on_data_in },
               { LOGOUT_RESPONSE, on_logout_response },
               { R2T, on_r2t },
               { ASYNC, on_async } };

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
    int r = wire_receive(in, &pdu, &size, wait_ns == SIM_NEVER ? SIM_NEVER : sim_now() + wait_ns);

    *ret_timeout = r == -ETIMEDOUT;
    if (r < 0)
        return *ret_timeout ? SESSION_GOES_ON : SESSION_LOST;
    copy = malloc(pdu.len + 1); /* answering may take more in, and move what is there */
    memcpy(copy, pdu.data, pdu.len);
    pdu.data = copy;
    wire_consume(in, size);
    r = dispatch(in, &pdu);
    free(copy);
    return r == -ESHUTDOWN ? SESSION_LOGGED_OUT : ended(r);
}

/* ---- discovery ------------------------------------------------------------------------------------- */

static void record_all(const char *text, size_t n,
                       void (*record)(void *arg, const char *target, const char *address, unsigned tag),
                       void *arg)
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

int initiator_discover(struct initiator *in,
                       void (*record)(void *arg, const char *target, const char *address, unsigned tag),
                       void *arg)
{
    _cleanup_(freep) char *text = NULL;
    uint8_t bhs[BHS];
    uint32_t ttt = NO_TAG;
    struct pdu pdu;
    size_t size, n = 0;
    int r;

    do {
        wire_header(in, bhs, TEXT, 0x80, ttt == NO_TAG ? ++in->itt : in->itt);
        be32_put(bhs + 20, ttt);
        in->cmdsn++;
        r = wire_send(in, bhs, "SendTargets=All", ttt == NO_TAG ? 16 : 0);
        if (r == 0)
            r = wire_receive(in, &pdu, &size, SIM_NEVER);
        if (r < 0)
            return r;
        if (pdu.bhs[0] == ASYNC)
            return -ECONNRESET; /* it is being dropped */
        sim_check(pdu.bhs[0] == TEXT_RESPONSE, "opcode %02x answers SendTargets", pdu.bhs[0]);
        wire_check_numbers(in, pdu.bhs, true, true);
        text = realloc(text, n + pdu.len + 1);
        memcpy(text + n, pdu.data, pdu.len);
        n += pdu.len;
        ttt = be32_get(pdu.bhs + 20);
        wire_consume(in, size);
    } while (ttt != NO_TAG);
    text[n] = '\0';
    record_all(text, n, record, arg);
    return 0;
}

/* ---- the end --------------------------------------------------------------------------------------- */

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
