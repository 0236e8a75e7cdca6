/* SPDX-License-Identifier: MIT */
/* INQUIRY and its vital product data pages, and REQUEST SENSE (SPC-4 §6.4, §7.8; SBC-3 §6.5). */
#include "scsi/inquiry.h"
#include "scsi/scsi_internal.h"

#define NO_UNIT 0x7f /* peripheral qualifier 011b, device type 1Fh */

/* Version descriptors (SPC-4 table 142): SAM-5, iSCSI, SPC-4, SBC-3. */
static const uint16_t version_descriptors[8] = { 0x00a0, 0x0960, 0x0460, 0x04c0 };

static void standard_data(struct reply *reply, const struct scsi_lu *lu)
{
    reply_u8(reply, lu ? 0x00 : NO_UNIT);
    reply_u8(reply, lu && lu->removable ? 0x80 : 0);
    reply_u8(reply, 0x06); /* SPC-4 */
    reply_u8(reply, 0x12); /* HISUP, response data format 2 */
    reply_u8(reply, 96 - 5);
    reply_u8(reply, lu ? 0x18 : 0); /* TPGS 01b: implicit asymmetric access; 3PC: EXTENDED COPY */
    reply_u8(reply, 0x10);          /* MULTIP */
    reply_u8(reply, 0x02);          /* CMDQUE */
    reply_bytes(reply, lu ? lu->vendor : "VDS     ", 8);
    reply_bytes(reply, lu ? lu->product : "NO UNIT         ", 16);
    reply_bytes(reply, lu ? lu->revision : SCSI_REVISION, 4);
    reply_zero(reply, 22);
    for (size_t i = 0; i < ARRAY_SIZE(version_descriptors); i++)
        reply_u16(reply, version_descriptors[i]);
    reply_zero(reply, 22);
}

/* 80h, SPC-4 §7.8.15 */
static void vpd_serial(struct reply *reply, const struct scsi_task *task)
{
    char text[GUID_TEXT_SIZE];

    scsi_lu_serial(task_lu(task), text, sizeof text);
    reply_bytes(reply, text, strlen(text));
}

static size_t begin_designator(struct reply *reply, uint8_t protocol_code_set, uint8_t piv_association_type)
{
    reply_u8(reply, protocol_code_set);
    reply_u8(reply, piv_association_type);
    reply_u16(reply, 0); /* the length, patched by end_designator() */
    return reply->n;
}

static void end_designator(struct reply *reply, size_t start)
{
    reply_patch_u8(reply, start - 1, reply->n - start);
}

/* The unit's own names (SPC-4 §7.8.6): NAA and T10 vendor identification. */
static void unit_designators(struct reply *reply, const struct scsi_lu *lu)
{
    uint8_t naa[16];
    char text[GUID_TEXT_SIZE];
    size_t at = begin_designator(reply, 0x01, 0x03); /* binary; logical unit, NAA */

    reply_bytes(reply, naa, scsi_lu_naa(lu, naa));
    end_designator(reply, at);
    at = begin_designator(reply, 0x02, 0x01); /* ASCII; logical unit, T10 vendor id */
    reply_bytes(reply, lu->vendor, 8);
    scsi_lu_serial(lu, text, sizeof text);
    reply_bytes(reply, text, strlen(text));
    end_designator(reply, at);
}

bool unit_has_designator(const struct scsi_lu *lu, uint8_t code_set, uint8_t type, const uint8_t *designator,
                         uint8_t len)
{
    uint8_t bytes[128];
    struct reply reply = { .p = bytes, .room = sizeof bytes };

    unit_designators(&reply, lu);
    for (size_t at = 0; at < reply.n; at += 4u + bytes[at + 3])
        if ((bytes[at] & 0x0f) == code_set && (bytes[at + 1] & 0x0f) == type && bytes[at + 3] == len &&
            !memcmp(bytes + at + 4, designator, len))
            return true;
    return false;
}

/* A SCSI name string is zero-terminated and padded to four bytes (SPC-4 §7.8.6.10). */
static void name_designator(struct reply *reply, uint8_t association, const char *name)
{
    size_t at = begin_designator(reply, 0x53, (uint8_t)(0x80 | association << 4 | 0x08)); /* iSCSI, UTF-8 */
    size_t n = strlen(name) + 1;

    reply_bytes(reply, name, n);
    reply_zero(reply, -n & 3);
    end_designator(reply, at);
}

/* The port the command came by: relative identifier and group are the portal group tag. */
static void port_designators(struct reply *reply, const struct scsi_view *view)
{
    size_t at = begin_designator(reply, 0x51, 0x94); /* iSCSI, binary; target port, relative identifier */

    reply_u16(reply, 0);
    reply_u16(reply, view->nexus.tag);
    end_designator(reply, at);
    at = begin_designator(reply, 0x51, 0x95); /* target port group */
    reply_u16(reply, 0);
    reply_u16(reply, view->nexus.tag);
    end_designator(reply, at);
    name_designator(reply, 1, view->target_port);
    name_designator(reply, 2, view->target_name);
}

static void vpd_identification(struct reply *reply, const struct scsi_task *task)
{
    unit_designators(reply, task_lu(task));
    port_designators(reply, task->view);
}

/* 86h, SPC-4 §7.8.7: simple tasks are what is kept; other attributes are accepted and mean no more than
 * that. */
static void vpd_extended(struct reply *reply, const struct scsi_task *task)
{
    (void)task;
    reply_u8(reply, 0x00); /* no protection information */
    reply_u8(reply, 0x01); /* SIMPSUP */
    reply_u8(reply, 0x01); /* V_SUP: a volatile cache */
    reply_u8(reply, 0x00);
    reply_zero(reply, 56);
}

/* B0h, SBC-3 §6.5.3 */
static void vpd_block_limits(struct reply *reply, const struct scsi_task *task)
{
    const struct scsi_lu *lu = task_lu(task);
    uint32_t granularity = GRANULE_BYTES >> lu->block_shift;

    reply_u8(reply, lu->thin); /* WSNZ: WRITE SAME of zero blocks is refused (see check_write_same()) */
    reply_u8(reply, (uint8_t)max_caw_blocks(lu));
    reply_u16(reply, (uint16_t)granularity); /* optimal transfer length granularity */
    reply_u32(reply, lu->max_transfer >> lu->block_shift);
    reply_u32(reply, (1u << 20) >> lu->block_shift); /* optimal transfer length */
    reply_u32(reply, 0);                             /* maximum prefetch length: no limit */
    reply_u32(reply, lu->thin ? MAX_UNMAP_BLOCKS : 0);
    reply_u32(reply, lu->thin ? MAX_UNMAP_DESCRIPTORS : 0);
    reply_u32(reply, lu->thin ? granularity : 0);
    reply_u32(reply, lu->thin ? 0x80000000u : 0); /* UGAVALID, alignment 0 */
    reply_u64(reply, MAX_WRITE_SAME_BYTES >> lu->block_shift);
    reply_zero(reply, 20);
}

/* B1h, SBC-3 §6.5.2 */
static void vpd_characteristics(struct reply *reply, const struct scsi_task *task)
{
    (void)task;
    reply_u16(reply, 1); /* does not rotate */
    reply_zero(reply, 58);
}

/* B2h, SBC-3 §6.5.4 */
static void vpd_provisioning(struct reply *reply, const struct scsi_task *task)
{
    bool thin = task_lu(task)->thin;

    reply_u8(reply, 0);               /* no thresholds */
    reply_u8(reply, thin ? 0xe4 : 0); /* LBPU, LBPWS, LBPWS10, LBPRZ */
    reply_u8(reply, thin ? 2 : 0);    /* thin or fully provisioned */
    reply_u8(reply, 0);
}

static void vpd_supported(struct reply *reply, const struct scsi_task *task);

static const struct {
    uint8_t page;
    void (*write)(struct reply *reply, const struct scsi_task *task);
} vpd_pages[] = {
    /* in ascending order, as page 00h wants them */
    { 0x00, vpd_supported },       { 0x80, vpd_serial },       { 0x83, vpd_identification },
    { 0x86, vpd_extended },        { 0x8f, copy_vpd },         { 0xb0, vpd_block_limits },
    { 0xb1, vpd_characteristics }, { 0xb2, vpd_provisioning },
};

static void vpd_supported(struct reply *reply, const struct scsi_task *task)
{
    size_t n = task_lu(task) ? ARRAY_SIZE(vpd_pages) : 1;

    for (size_t i = 0; i < n; i++)
        reply_u8(reply, vpd_pages[i].page);
}

static bool vpd_page(struct reply *reply, const struct scsi_task *task, uint8_t page)
{
    for (size_t i = 0; i < ARRAY_SIZE(vpd_pages); i++) {
        if (vpd_pages[i].page != page || (page && !task_lu(task)))
            continue;
        reply_u8(reply, task_lu(task) ? 0x00 : NO_UNIT);
        reply_u8(reply, page);
        reply_u16(reply, 0);
        vpd_pages[i].write(reply, task);
        reply_patch_u16(reply, 2, reply->n - 4);
        return true;
    }
    return false;
}

enum scsi_step run_inquiry(struct scsi_task *task, int res)
{
    struct reply reply = task_reply(task);
    bool evpd = task->cdb[1] & 1;

    (void)res;
    if (!evpd && task->cdb[2]) {
        task_fail_cdb(task, 2, WHOLE_BYTE); /* SPC-4 §6.4.1: a page code without EVPD */
        return SCSI_STEP_DONE;
    }
    if (!evpd)
        standard_data(&reply, task_lu(task));
    else if (!vpd_page(&reply, task, task->cdb[2])) {
        task_fail_cdb(task, 2, WHOLE_BYTE);
        return SCSI_STEP_DONE;
    }
    return task_reply_end(task, &reply);
}

/* SPC-4 §6.39: tells a pending unit attention (and clears it), else why the unit is not ready, else
 * nothing. */
static struct scsi_result pending_sense(struct scsi_task *task)
{
    struct scsi_result result;
    uint32_t state;

    if (!task->itl)
        return SENSE_LUN_NOT_SUPPORTED;
    if (attention_take(task->itl, &result))
        return result;
    state = lu_state(task->itl->lu);
    if (state & LU_OFFLINE)
        return SENSE_NOT_READY_OFFLINE;
    return state & LU_EJECTED ? SENSE_MEDIUM_NOT_PRESENT : SENSE_NONE;
}

enum scsi_step run_request_sense(struct scsi_task *task, int res)
{
    uint8_t sense[SCSI_SENSE_MAX];
    struct reply reply = task_reply(task);
    size_t n = sense_encode(pending_sense(task), &(struct sense_detail){ 0 }, task->cdb[1] & 1, sense);

    (void)res;
    reply_bytes(&reply, sense, n);
    return task_reply_end(task, &reply);
}
