/* SPDX-License-Identifier: MIT */
/* READ CAPACITY and GET LBA STATUS (SBC-3 §5.5, §5.15, §5.16). */
#include "scsi/scsi_internal.h"

/* PMI and the address that goes with it are obsolete; with PMI zero the address must be zero (SBC-3
 * §5.15.2). */
static bool pmi_ok(struct scsi_task *task, uint64_t lba, uint8_t pmi)
{
    if (!lba || pmi & 1)
        return true;
    task_fail_cdb(task, 2, WHOLE_BYTE);
    return false;
}

enum scsi_step run_read_capacity10(struct scsi_task *task, int res)
{
    const struct scsi_lu *lu = task_lu(task);
    uint64_t last = lu_n_blocks(lu) - 1;
    struct reply reply = task_reply(task);

    (void)res;
    if (!pmi_ok(task, be32_get(task->cdb + 2), task->cdb[8]))
        return SCSI_STEP_DONE;
    reply_u32(&reply, last < UINT32_MAX ? (uint32_t)last : UINT32_MAX);
    reply_u32(&reply, lu->block_size);
    return task_reply_end(task, &reply);
}

bool check_read_capacity10(struct scsi_task *task)
{
    task->len = 8;
    return true;
}

enum scsi_step run_read_capacity16(struct scsi_task *task, int res)
{
    const struct scsi_lu *lu = task_lu(task);
    struct reply reply = task_reply(task);

    (void)res;
    if (!pmi_ok(task, be64_get(task->cdb + 2), task->cdb[14]))
        return SCSI_STEP_DONE;
    reply_u64(&reply, lu_n_blocks(lu) - 1);
    reply_u32(&reply, lu->block_size);
    reply_u8(&reply, 0);                      /* no protection information */
    reply_u8(&reply, lu->physical_shift);     /* LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT */
    reply_u16(&reply, lu->thin ? 0xc000 : 0); /* LBPME, LBPRZ: unmapped blocks read as zeros */
    reply_zero(&reply, 16);
    return task_reply_end(task, &reply);
}

/* One descriptor always exists, though it may be cut; no more than 256 are looked up: each may cost the store
 * a system call on a reactor. */
#define MAX_STATUS_BYTES (8 + 256 * 16)

/* Runs of equal state, as many as fit the allocation length (SBC-3 §5.5.2). */
static void describe_extents(struct reply *reply, const struct scsi_lu *lu, uint64_t lba, size_t room)
{
    uint64_t end = lu_n_blocks(lu);

    while (lba < end && reply->n + 16 <= room) {
        struct store_extent extent;
        uint64_t n;

        if (store_extent_at(lu->store, lba << lu->block_shift, &extent) < 0)
            extent = (struct store_extent){ .len = (end - lba) << lu->block_shift, .mapped = true };
        n = extent.len >> lu->block_shift;
        if (extent.len & (lu->block_size - 1) || !n) { /* a run ends inside a block: it counts as mapped */
            n += !n;
            extent.mapped |= extent.len < lu->block_size;
        }
        if (n > end - lba)
            n = end - lba;
        if (n > UINT32_MAX)
            n = UINT32_MAX;
        reply_u64(reply, lba);
        reply_u32(reply, (uint32_t)n);
        reply_u8(reply, extent.mapped ? 0x00 : 0x01); /* mapped, deallocated */
        reply_zero(reply, 3);
        lba += n;
    }
}

enum scsi_step run_get_lba_status(struct scsi_task *task, int res)
{
    const struct scsi_lu *lu = task_lu(task);
    uint64_t lba = be64_get(task->cdb + 2);
    struct reply reply = task_reply(task);
    size_t room = task->len < 24 ? 24 : task->len < MAX_STATUS_BYTES ? task->len : MAX_STATUS_BYTES;

    (void)res;
    if (lba >= lu_n_blocks(lu))
        return STEP_FAIL(task, SENSE_LBA_OUT_OF_RANGE);
    reply_zero(&reply, 8);
    describe_extents(&reply, lu, lba, room);
    reply_patch_u32(&reply, 0, reply.n - 4);
    return task_reply_end(task, &reply);
}
