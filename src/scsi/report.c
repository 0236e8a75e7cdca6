/* SPDX-License-Identifier: MIT */
/* REPORT LUNS, REPORT SUPPORTED OPERATION CODES and TASK MANAGEMENT FUNCTIONS, REPORT TARGET PORT GROUPS
 * (SPC-4 §6.33 to §6.37). */
#include <stdlib.h>

#include "scsi/opcode.h"
#include "scsi/scsi_internal.h"

/* Select report: 00h and 02h list the units; 01h only well-known ones, of which there are none (SPC-4 table
 * 296). */
enum scsi_step run_report_luns(struct scsi_task *task, int res)
{
    struct scsi_view *view = task->view;
    struct reply reply = task_reply(task);

    (void)res;
    if (task->cdb[2] > 2) {
        task_fail_cdb(task, 2, WHOLE_BYTE);
        return SCSI_STEP_DONE;
    }
    reply_zero(&reply, 8);
    for (uint16_t i = 0; i < view->n_slots; i++) {
        uint8_t wire[8];

        if (!view->slots[i])
            continue;
        attention_clear(view->slots[i], UA_REPORTED_LUNS_CHANGED);
        if (task->cdb[2] == 1)
            continue;
        lun_encode(i, wire);
        reply_bytes(&reply, wire, sizeof wire);
    }
    reply_patch_u32(&reply, 0, reply.n - 8);
    return task_reply_end(task, &reply);
}

/* SPC-4 §6.36.4: command timeouts descriptor; zero means "not specified". */
static void timeouts(struct reply *reply)
{
    reply_u16(reply, 10);
    reply_zero(reply, 10);
}

static void all_commands(struct reply *reply, const struct scsi_lu *lu, bool rctd)
{
    reply_u32(reply, 0);
    for (size_t i = 0; i < scsi_n_opcodes; i++) {
        const struct scsi_opcode *op = &scsi_opcodes[i];
        bool has_sa = op->sa != SA_NONE;

        if (!opcode_supported(op, lu))
            continue;
        reply_u8(reply, op->opcode);
        reply_u8(reply, 0);
        reply_u16(reply, has_sa ? op->sa : 0);
        reply_u8(reply, 0);
        reply_u8(reply, (uint8_t)((rctd ? 0x02 : 0) | has_sa)); /* CTDP, SERVACTV */
        reply_u16(reply, op->cdb_len);
        if (rctd)
            timeouts(reply);
    }
    reply_patch_u32(reply, 0, reply->n - 4);
}

static void one_command(struct reply *reply, const struct scsi_opcode *op, bool rctd)
{
    reply_u8(reply, 0);
    reply_u8(reply,
             (uint8_t)((rctd && op ? 0x80 : 0) | (op ? 0x03 : 0x01))); /* as the standard says, or not */
    reply_u16(reply, op ? op->cdb_len : 0);
    if (!op)
        return;
    reply_bytes(reply, op->usage, op->cdb_len);
    if (rctd)
        timeouts(reply);
}

static const struct scsi_opcode *find_one(const struct scsi_lu *lu, uint8_t opcode, uint16_t sa)
{
    for (size_t i = 0; i < scsi_n_opcodes; i++) {
        const struct scsi_opcode *op = &scsi_opcodes[i];

        if (op->opcode == opcode && (op->sa == SA_NONE || op->sa == sa) && opcode_supported(op, lu))
            return op;
    }
    return NULL;
}

/* Reporting options 001b and 010b fit commands without and with service actions; the wrong one is refused
 * (SPC-4 table 307). 011b takes both. */
static bool option_fits(uint8_t option, uint8_t opcode)
{
    const struct scsi_opcode *first = opcode_first(opcode);
    bool has_sa = first && first->sa != SA_NONE;

    return !first || option == 3 || (option == 1 && !has_sa) || (option == 2 && has_sa);
}

enum scsi_step run_report_opcodes(struct scsi_task *task, int res)
{
    const struct scsi_lu *lu = task_lu(task);
    uint8_t option = task->cdb[2] & 0x07, opcode = task->cdb[3];
    uint16_t sa = option == 1 ? 0 : be16_get(task->cdb + 4);
    bool rctd = task->cdb[2] & 0x80;
    struct reply reply = task_reply(task);

    (void)res;
    if (option > 3 || (option && !option_fits(option, opcode))) {
        task_fail_cdb(task, 2, 2);
        return SCSI_STEP_DONE;
    }
    if (option)
        one_command(&reply, find_one(lu, opcode, sa), rctd);
    else
        all_commands(&reply, lu, rctd);
    return task_reply_end(task, &reply);
}

/* ABORT TASK, ABORT TASK SET, CLEAR TASK SET, LOGICAL UNIT RESET, TARGET RESET (SPC-4 §6.37). */
enum scsi_step run_report_tmf(struct scsi_task *task, int res)
{
    struct reply reply = task_reply(task);
    bool repd = task->cdb[2] & 0x80;

    (void)res;
    reply_u8(&reply, 0x80 | 0x40 | 0x10 | 0x08 | 0x02);
    reply_u8(&reply, 0);
    reply_u8(&reply, 0);
    reply_u8(&reply, repd ? 12 : 0);
    if (repd)
        reply_zero(&reply, 12); /* timeouts: not specified */
    return task_reply_end(task, &reply);
}

#define MAX_GROUPS 512 /* of a target with more, the rest is not told: the answer has a bound */

static size_t list_groups(const struct scsi_view *view, uint16_t *tags)
{
    if (view->nexus.list_tags)
        return view->nexus.list_tags(view->nexus.list_tags_arg, tags, MAX_GROUPS);
    tags[0] = view->nexus.tag;
    return 1;
}

/* Every portal group is one target port and one target port group; all are active/optimized (SPC-4 §6.35). */
enum scsi_step run_report_target_groups(struct scsi_task *task, int res)
{
    uint8_t format = task->cdb[1] >> 5;
    struct reply reply = task_reply(task);
    uint16_t tags[MAX_GROUPS];
    size_t n;

    (void)res;
    if (format > 1) {
        task_fail_cdb(task, 1, 7);
        return SCSI_STEP_DONE;
    }
    n = list_groups(task->view, tags);
    reply_u32(&reply, 0);
    if (format == 1)
        reply_u32(&reply, 0x10000000); /* extended header, format type 001b, no transition time */
    for (size_t i = 0; i < n && i < MAX_GROUPS; i++) {
        reply_u8(&reply, 0x00); /* active/optimized, not preferred */
        reply_u8(&reply, 0x01); /* AO_SUP: no other state is ever taken */
        reply_u16(&reply, tags[i]);
        reply_u32(&reply, 1); /* one port */
        reply_u16(&reply, 0);
        reply_u16(&reply, tags[i]);
    }
    reply_patch_u32(&reply, 0, reply.n - 4);
    return task_reply_end(task, &reply);
}
