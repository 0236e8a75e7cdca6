/* SPDX-License-Identifier: MIT */
/* EXTENDED COPY (LID1) and RECEIVE COPY RESULTS: block to block, between units that this very session sees,
 * so that masking holds for copies as it does for reads and writes (SPC-4 §5.17, §6.3, §6.18).
 *
 * A copy runs in the foreground: one piece at a time is read and written, through the gate of the
 * destination. Before every read and write the unit must still be mapped and open to this session;
 * references are held until the end. */
#include "scsi/copy.h"

#include <stdlib.h>

#include "scsi/scsi_internal.h"

#define HEADER_BYTES 16
#define PIECE_BYTES  (1u << 20)
#define TARGET_E4    0xe4 /* identification descriptor */
#define SEGMENT_02   0x02 /* block device to block device */
#define LIST_ID_HOLD 0    /* LIST ID USAGE 00b: results are kept until they are asked for */
#define LIST_ID_NONE 3

struct copy_target {
    struct scsi_lu *lu; /* reference; NULL: no unit of this view */
    uint16_t lun;
};

struct copy_segment {
    struct copy_target *from, *to;
    uint64_t offset_from, offset_to, bytes;
};

struct copy {
    struct copy_target targets[COPY_MAX_TARGETS];
    unsigned n_targets, n_segments, segment; /* the one that runs */
    const uint8_t *segments;
    struct copy_segment now;
    uint64_t done;  /* of the segment that runs */
    uint64_t total; /* bytes */
    uint8_t piece[PIECE_BYTES];
};

static void copy_free(void *extra)
{
    struct copy *copy = extra;

    for (unsigned i = 0; i < copy->n_targets; i++)
        scsi_lu_unref(copy->targets[i].lu);
    free(copy);
}

/* ---- the parameter list ------------------------------------------------------------------------------- */

/* A target descriptor is resolved among the units of the view only. LU ID TYPE and NUL are obsolete since
 * SPC-4 and not looked at. */
static void resolve(const struct scsi_view *view, const uint8_t *d, struct copy_target *target)
{
    bool names_unit = d[7] <= 20 && !(d[5] & 0x30); /* association 0 */

    for (uint16_t i = 0; names_unit && i < view->n_slots; i++) {
        struct scsi_itl *itl = view->slots[i];

        if (!itl || !unit_has_designator(itl->lu, d[4] & 0x0f, d[5] & 0x0f, d + 8, d[7]))
            continue;
        target->lu = scsi_lu_ref(itl->lu);
        target->lun = i;
        return;
    }
}

static bool targets_ok(struct scsi_task *task, struct copy *copy, uint16_t bytes)
{
    for (uint16_t at = 0; at < bytes; at += COPY_TARGET_BYTES) {
        const uint8_t *d = task->buf + HEADER_BYTES + at;

        if (d[0] != TARGET_E4) {
            task_fail_field(task, SENSE_BAD_TARGET_DESCRIPTOR, false, (uint16_t)(HEADER_BYTES + at),
                            WHOLE_BYTE);
            return false;
        }
        if (d[1] & 0x1f) { /* not a disk */
            task_fail_parameter(task, (uint16_t)(HEADER_BYTES + at + 1), 4);
            return false;
        }
        resolve(task->view, d, &copy->targets[copy->n_targets++]);
    }
    return true;
}

static bool segments_ok(struct scsi_task *task, struct copy *copy, uint32_t at, uint32_t bytes)
{
    copy->segments = task->buf + at;
    copy->n_segments = bytes / COPY_SEGMENT_BYTES;
    for (unsigned i = 0; i < copy->n_segments; i++) {
        const uint8_t *d = copy->segments + i * COPY_SEGMENT_BYTES;
        uint16_t where = (uint16_t)(at + i * COPY_SEGMENT_BYTES);

        if (d[0] != SEGMENT_02) {
            task_fail_field(task, SENSE_BAD_SEGMENT_DESCRIPTOR, false, where, WHOLE_BYTE);
            return false;
        }
        if (be16_get(d + 2) != COPY_SEGMENT_BYTES - 4) {
            task_fail_parameter(task, where + 2, WHOLE_BYTE);
            return false;
        }
    }
    return true;
}

static bool fail(struct scsi_task *task, struct scsi_result result)
{
    task_fail(task, result);
    return false;
}

/* Segment descriptors of other kinds are longer or shorter: the first of an unknown kind is told before the
 * length is believed. */
static bool lengths_ok(struct scsi_task *task, uint16_t targets, uint32_t segments)
{
    uint64_t whole = HEADER_BYTES + (uint64_t)targets + segments;
    bool unknown_segment = whole <= task->len && segments && task->buf[HEADER_BYTES + targets] != SEGMENT_02;

    if ((uint64_t)targets + segments > COPY_MAX_LIST_BYTES || whole > task->len ||
        targets % COPY_TARGET_BYTES)
        return fail(task, SENSE_PARAMETER_LIST_LENGTH);
    if (segments % COPY_SEGMENT_BYTES)
        return fail(task, unknown_segment ? SENSE_BAD_SEGMENT_DESCRIPTOR : SENSE_PARAMETER_LIST_LENGTH);
    if (be32_get(task->buf + 12))
        return fail(task, SENSE_INLINE_DATA_TOO_LONG);
    if (targets / COPY_TARGET_BYTES > COPY_MAX_TARGETS)
        return fail(task, SENSE_TOO_MANY_TARGETS);
    if (segments / COPY_SEGMENT_BYTES > COPY_MAX_SEGMENTS)
        return fail(task, SENSE_TOO_MANY_SEGMENTS);
    return true;
}

static bool list_id_ok(struct scsi_task *task)
{
    if ((task->buf[1] >> 3 & 3) != LIST_ID_NONE || !task->buf[0])
        return true;
    task_fail_parameter(task, 0, WHOLE_BYTE);
    return false;
}

static bool parse(struct scsi_task *task, struct copy *copy)
{
    uint16_t targets = be16_get(task->buf + 2);
    uint32_t segments = be32_get(task->buf + 8);

    return lengths_ok(task, targets, segments) && list_id_ok(task) && targets_ok(task, copy, targets) &&
           segments_ok(task, copy, HEADER_BYTES + (uint32_t)targets, segments);
}

/* ---- one segment -------------------------------------------------------------------------------------- */

static struct copy_target *target_at(struct copy *copy, uint16_t index)
{
    return index < copy->n_targets && copy->targets[index].lu ? &copy->targets[index] : NULL;
}

/* Blocks are counted in those of the source, or with DC of the destination (SPC-4 §6.3.7.5). */
static bool segment_begin(struct scsi_task *task, struct copy *copy)
{
    const uint8_t *d = copy->segments + copy->segment * COPY_SEGMENT_BYTES;
    struct copy_segment *s = &copy->now;
    const struct scsi_lu *from, *to;
    uint64_t n_from, n_to;

    s->from = target_at(copy, be16_get(d + 4));
    s->to = target_at(copy, be16_get(d + 6));
    if (!s->from || !s->to)
        return fail(task, SENSE_COPY_TARGET_UNREACHABLE);
    from = s->from->lu;
    to = s->to->lu;
    s->bytes = (uint64_t)be16_get(d + 10) << (d[1] & 0x02 ? to : from)->block_shift;
    n_from = (s->bytes + from->block_size - 1) >> from->block_shift;
    n_to = (s->bytes + to->block_size - 1) >> to->block_shift;
    if (n_from << from->block_shift != s->bytes || n_to << to->block_shift != s->bytes ||
        !lu_range_ok(from, be64_get(d + 12), n_from) || !lu_range_ok(to, be64_get(d + 20), n_to))
        return fail(task, SENSE_COPY_TARGET_RANGE);
    s->offset_from = be64_get(d + 12) << from->block_shift;
    s->offset_to = be64_get(d + 20) << to->block_shift;
    copy->done = 0;
    return true;
}

/* As a READ or WRITE of this session would be let through, now. */
static bool accessible(const struct scsi_task *task, const struct copy_target *target, uint32_t conflicts)
{
    const struct scsi_itl *itl = view_find(task->view, target->lun);
    uint32_t forbidden = LU_NOT_READY | (conflicts & DENY_WRITE ? LU_WRITE_PROTECTED : 0);

    return itl && itl->lu == target->lu && !(atomic_load(&itl->pending) & conflicts) &&
           !(lu_state(itl->lu) & forbidden);
}

static uint64_t piece_len(const struct copy *copy)
{
    uint64_t left = copy->now.bytes - copy->done;

    return left < PIECE_BYTES ? left : PIECE_BYTES;
}

/* ---- the command: phases ------------------------------------------------------------------------------ */

enum { BEGIN, NEXT_SEGMENT, READ_PIECE, WRITE_PIECE, WRITTEN };

static void keep_record(struct scsi_task *task, const struct copy *copy, bool failed)
{
    if ((task->buf[1] >> 3 & 3) == LIST_ID_HOLD)
        task->itl->copy = (struct copy_record){ .valid = true,
                                                .failed = failed,
                                                .list_id = task->buf[0],
                                                .n_segments = (uint16_t)copy->segment,
                                                .n_kib = (uint32_t)(copy->total >> 10) };
}

static enum scsi_step end(struct scsi_task *task, const struct copy *copy)
{
    keep_record(task, copy, task->result.status != SCSI_GOOD);
    return SCSI_STEP_DONE;
}

static enum scsi_step begin(struct scsi_task *task)
{
    struct copy *copy;

    if (!task->len)
        return SCSI_STEP_DONE; /* an empty list is no error */
    if (task->len < HEADER_BYTES)
        return STEP_FAIL(task, SENSE_PARAMETER_LIST_LENGTH);
    copy = malloc(sizeof *copy);
    if (!copy) {
        task->result = (struct scsi_result){ .status = SCSI_TASK_SET_FULL };
        return SCSI_STEP_DONE;
    }
    memset(copy, 0, offsetof(struct copy, piece));
    task->extra = copy;
    task->extra_free = copy_free;
    if (!parse(task, copy))
        return SCSI_STEP_DONE;
    task->phase = NEXT_SEGMENT;
    return run_extended_copy(task, 0);
}

static enum scsi_step next_segment(struct scsi_task *task, struct copy *copy)
{
    while (copy->segment < copy->n_segments) {
        if (!segment_begin(task, copy))
            return end(task, copy);
        if (copy->now.bytes) {
            task->phase = READ_PIECE;
            return run_extended_copy(task, 0);
        }
        copy->segment++;
    }
    return end(task, copy);
}

static enum scsi_step unreachable(struct scsi_task *task, const struct copy *copy)
{
    task_fail(task, SENSE_COPY_TARGET_UNREACHABLE);
    return end(task, copy);
}

static enum scsi_step read_piece(struct scsi_task *task, struct copy *copy)
{
    enum gate_answer answer;

    if (!accessible(task, copy->now.from, CONFLICT_READER) ||
        !accessible(task, copy->now.to, CONFLICT_WRITER))
        return unreachable(task, copy);
    answer = gate_enter_unit(task, copy->now.to->lu, copy->now.offset_to + copy->done, piece_len(copy));
    if (answer != GATE_OPEN)
        return answer == GATE_WAIT ? SCSI_STEP_WAIT : SCSI_STEP_DONE;
    task->phase = WRITE_PIECE;
    return task_io_on(task, copy->now.from->lu, STORE_READ, copy->now.offset_from + copy->done, copy->piece,
                      piece_len(copy));
}

static enum scsi_step write_piece(struct scsi_task *task, struct copy *copy)
{
    if (!accessible(task, copy->now.to, CONFLICT_WRITER))
        return unreachable(task, copy);
    task->phase = WRITTEN;
    return task_io_on(task, copy->now.to->lu, STORE_WRITE, copy->now.offset_to + copy->done, copy->piece,
                      piece_len(copy));
}

static enum scsi_step written(struct scsi_task *task, struct copy *copy)
{
    uint64_t n = piece_len(copy);

    gate_leave(task);
    copy->done += n;
    copy->total += n;
    task->phase = READ_PIECE;
    if (copy->done == copy->now.bytes) {
        copy->segment++;
        task->phase = NEXT_SEGMENT;
    }
    return run_extended_copy(task, 0);
}

/* Every call goes at most from one piece to the next before it returns to the loop in task.c: the depth is
 * bounded. */
enum scsi_step run_extended_copy(struct scsi_task *task, int res)
{
    struct copy *copy = task->extra;

    (void)res;
    switch (task->phase) {
    case BEGIN:
        return begin(task);
    case NEXT_SEGMENT:
        return next_segment(task, copy);
    case READ_PIECE:
        return read_piece(task, copy);
    case WRITE_PIECE:
        return write_piece(task, copy);
    default:
        return written(task, copy);
    }
}

/* ---- RECEIVE COPY RESULTS ----------------------------------------------------------------------------- */

/* §6.18.2: kept until told once. */
enum scsi_step run_copy_status(struct scsi_task *task, int res)
{
    struct copy_record *record = &task->itl->copy;
    struct reply reply = task_reply(task);

    (void)res;
    if (!record->valid || record->list_id != task->cdb[2]) {
        task_fail_cdb(task, 2, WHOLE_BYTE);
        return SCSI_STEP_DONE;
    }
    reply_u32(&reply, 8);
    reply_u8(&reply, record->failed ? 0x02 : 0x01); /* completed, with or without errors; no held data */
    reply_u16(&reply, record->n_segments);
    reply_u8(&reply, 0x01); /* the count is in kibibytes */
    reply_u32(&reply, record->n_kib);
    record->valid = false;
    return task_reply_end(task, &reply);
}

/* §6.18.4 */
enum scsi_step run_copy_parameters(struct scsi_task *task, int res)
{
    struct reply reply = task_reply(task);

    (void)res;
    reply_u32(&reply, 0);
    reply_u32(&reply, 0x01000000); /* SNLID: LIST ID USAGE 11b is taken */
    reply_u16(&reply, COPY_MAX_TARGETS);
    reply_u16(&reply, COPY_MAX_SEGMENTS);
    reply_u32(&reply, COPY_MAX_LIST_BYTES);
    reply_u32(&reply, COPY_MAX_SEGMENT_BYTES);
    reply_u32(&reply, 0); /* inline data */
    reply_u32(&reply, 0); /* held data */
    reply_u32(&reply, 0); /* stream transfers */
    reply_u16(&reply, 0);
    reply_u16(&reply, COPY_MAX_CONCURRENT);
    reply_u8(&reply, COPY_MAX_CONCURRENT);
    reply_u8(&reply, 9); /* data segment granularity: 512 bytes */
    reply_u8(&reply, 0);
    reply_u8(&reply, 0);
    reply_zero(&reply, 3);
    reply_u8(&reply, 2); /* implemented descriptors */
    reply_u8(&reply, SEGMENT_02);
    reply_u8(&reply, TARGET_E4);
    reply_patch_u32(&reply, 0, reply.n - 4);
    return task_reply_end(task, &reply);
}

/* ---- VPD page 8Fh ------------------------------------------------------------------------------------- */

static void supported_commands(struct reply *reply)
{
    static const uint8_t list[] = { 0x83, 1, 0x00, 0x84, 2, 0x00, 0x03 };

    reply_u16(reply, 0x0001);
    reply_u16(reply, 8);
    reply_u8(reply, sizeof list);
    reply_bytes(reply, list, sizeof list);
}

static void parameter_data(struct reply *reply)
{
    reply_u16(reply, 0x0004);
    reply_u16(reply, 28);
    reply_zero(reply, 4);
    reply_u16(reply, COPY_MAX_TARGETS);
    reply_u16(reply, COPY_MAX_SEGMENTS);
    reply_u32(reply, COPY_MAX_LIST_BYTES);
    reply_u32(reply, 0);
    reply_zero(reply, 12);
}

static void supported_descriptors(struct reply *reply)
{
    static const uint8_t list[] = { SEGMENT_02, TARGET_E4, 0 };

    reply_u16(reply, 0x0008);
    reply_u16(reply, 4);
    reply_u8(reply, 2);
    reply_bytes(reply, list, sizeof list);
}

void copy_vpd(struct reply *reply, const struct scsi_task *task)
{
    (void)task;
    supported_commands(reply);
    parameter_data(reply);
    supported_descriptors(reply);
    reply_u16(reply, 0x000c); /* supported CSCD descriptor IDs: none beside the list's own */
    reply_u16(reply, 4);
    reply_zero(reply, 4);
    reply_u16(reply, 0x8001); /* general copy operations */
    reply_u16(reply, 32);
    reply_u32(reply, COPY_MAX_CONCURRENT);
    reply_u32(reply, COPY_MAX_CONCURRENT);
    reply_u32(reply, COPY_MAX_SEGMENT_BYTES);
    reply_u8(reply, 9);
    reply_zero(reply, 19);
}
