/* SPDX-License-Identifier: MIT */
/* MODE SENSE and MODE SELECT, 6 and 10 (SPC-4 §6.9 to §6.12, §7.5; SBC-3 §6.4).
 *
 * A page is its default bytes; what can change is a bit of the unit's state, listed in mode_bits[]. The
 * changeable mask, the current and the saved values follow from that list. */
#include <stdlib.h>

#include "scsi/pr.h"
#include "scsi/scsi_internal.h"

enum { PC_CURRENT, PC_CHANGEABLE, PC_DEFAULT, PC_SAVED };

#define PAGE_MAX 20

static const struct mode_page {
    uint8_t code, len; /* the whole page, header included */
    uint8_t defaults[PAGE_MAX];
} mode_pages[] = {
    /* read-write error recovery: nothing to tune */
    { 0x01, 12, { 0x01, 0x0a } },
    /* caching: WCE; DRA 0, the page cache reads ahead */
    { 0x08, 20, { 0x08, 0x12, 0x04 } },
    /* control: GLTSD, unrestricted reordering, TAS 0, no limit to being busy */
    { 0x0a, 12, { 0x0a, 0x0a, 0x02, 0x10, 0, 0, 0, 0, 0xff, 0xff } },
    /* informational exceptions: DEXCPT, none are reported */
    { 0x1c, 12, { 0x1c, 0x0a, 0x08 } },
};

static const struct {
    uint8_t page, byte, mask;
    uint32_t state;
    bool inverted;
} mode_bits[] = {
    { 0x08, 2, 0x04, LU_WRITE_THROUGH, true }, /* WCE */
    { 0x0a, 2, 0x04, LU_D_SENSE, false },
    { 0x0a, 4, 0x08, LU_SWP, false },
};

static void page_values(const struct mode_page *page, uint8_t pc, uint32_t state, uint8_t out[PAGE_MAX])
{
    memcpy(out, page->defaults, PAGE_MAX);
    if (pc == PC_CHANGEABLE)
        memset(out + 2, 0, PAGE_MAX - 2);
    for (size_t i = 0; i < ARRAY_SIZE(mode_bits); i++) {
        bool set = pc == PC_CHANGEABLE || !!(state & mode_bits[i].state) != mode_bits[i].inverted;

        if (mode_bits[i].page != page->code)
            continue;
        out[mode_bits[i].byte] =
            (uint8_t)((out[mode_bits[i].byte] & ~mode_bits[i].mask) | (set ? mode_bits[i].mask : 0));
    }
}

static uint32_t state_of(struct scsi_lu *lu, uint8_t pc)
{
    uint32_t saved;

    if (pc != PC_SAVED)
        return pc == PC_CURRENT ? lu_state(lu) : 0;
    pthread_mutex_lock(&lu->lock);
    saved = pr_saved_modes(lu);
    pthread_mutex_unlock(&lu->lock);
    return saved;
}

static void write_pages(struct reply *reply, struct scsi_lu *lu, uint8_t wanted, uint8_t pc)
{
    uint32_t state = state_of(lu, pc);

    for (size_t i = 0; i < ARRAY_SIZE(mode_pages); i++) {
        uint8_t bytes[PAGE_MAX];

        if (wanted != 0x3f && mode_pages[i].code != wanted)
            continue;
        page_values(&mode_pages[i], pc, state, bytes);
        if (lu->save_pr)
            bytes[0] |= 0x80; /* PS: can be saved */
        reply_bytes(reply, bytes, mode_pages[i].len);
    }
}

static const struct mode_page *find_page(uint8_t code)
{
    for (size_t i = 0; i < ARRAY_SIZE(mode_pages); i++)
        if (mode_pages[i].code == code)
            return &mode_pages[i];
    return NULL;
}

/* Short block descriptor, SBC-3 §6.4.2.2; long with LLBAA. */
static void write_block_descriptor(struct reply *reply, const struct scsi_lu *lu, bool longlba)
{
    uint64_t n = lu_n_blocks(lu);

    if (longlba) {
        reply_u64(reply, n);
        reply_u32(reply, 0);
    } else {
        reply_u32(reply, n < UINT32_MAX ? (uint32_t)n : UINT32_MAX);
    }
    reply_u32(reply, lu->block_size);
}

static void write_header(struct reply *reply, const struct scsi_lu *lu, bool ten, bool longlba,
                         uint8_t descriptor_len)
{
    uint8_t specific = (uint8_t)(0x10 | (lu_state(lu) & LU_WRITE_PROTECTED ? 0x80 : 0)); /* DPOFUA, WP */

    if (!ten) {
        reply_u16(reply, 0);
        reply_u8(reply, specific);
        reply_u8(reply, descriptor_len);
        return;
    }
    reply_u16(reply, 0);
    reply_u8(reply, 0);
    reply_u8(reply, specific);
    reply_u8(reply, longlba);
    reply_u8(reply, 0);
    reply_u16(reply, descriptor_len);
}

static bool sense_page_ok(struct scsi_task *task)
{
    uint8_t page = task->cdb[2] & 0x3f, subpage = task->cdb[3], pc = task->cdb[2] >> 6;

    if (page != 0x3f && !find_page(page))
        task_fail_cdb(task, 2, 5);
    else if (subpage && subpage != 0xff)
        task_fail_cdb(task, 3, WHOLE_BYTE);
    else if (pc == PC_SAVED && !task_lu(task)->save_pr)
        task_fail(task, SENSE_SAVING_NOT_SUPPORTED);
    else
        return true;
    return false;
}

enum scsi_step run_mode_sense(struct scsi_task *task, int res)
{
    struct scsi_lu *lu = task_lu(task);
    bool ten = task->cdb[0] == 0x5a, longlba = ten && task->cdb[1] & 0x10;
    uint8_t descriptor_len = task->cdb[1] & 0x08 ? 0 : longlba ? 16 : 8;
    struct reply reply = task_reply(task);

    (void)res;
    if (!sense_page_ok(task))
        return SCSI_STEP_DONE;
    write_header(&reply, lu, ten, longlba, descriptor_len);
    if (descriptor_len)
        write_block_descriptor(&reply, lu, longlba);
    write_pages(&reply, lu, task->cdb[2] & 0x3f, task->cdb[2] >> 6);
    if (ten)
        reply_patch_u16(&reply, 0, reply.n - 2);
    else
        reply_patch_u8(&reply, 0, reply.n - 1);
    return task_reply_end(task, &reply);
}

/* ---- MODE SELECT -------------------------------------------------------------------------------------- */

/* The only format that fits is the one there is; zero blocks means "all", and all ones too (SBC-3 §6.4.2). */
static bool descriptor_ok(struct scsi_task *task, const uint8_t *d, uint16_t at, bool longlba)
{
    const struct scsi_lu *lu = task_lu(task);
    uint64_t n = longlba ? be64_get(d) : be32_get(d), capacity = lu_n_blocks(lu);
    uint32_t size = longlba ? be32_get(d + 12) : be24_get(d + 5);
    bool n_ok = !n || n == capacity || n == (longlba ? UINT64_MAX : UINT32_MAX);

    if (n_ok && size == lu->block_size)
        return true;
    task_fail_parameter(task, (uint16_t)(at + (n_ok ? (longlba ? 12 : 5) : 0)), WHOLE_BYTE);
    return false;
}

/* Returns where the pages begin, or 0: the sense is set. */
static uint32_t select_header(struct scsi_task *task)
{
    bool ten = task->cdb[0] == 0x55, longlba = ten && task->len > 4 && task->buf[4] & 1;
    uint32_t header = ten ? 8 : 4, descriptor;

    if (task->len < header) {
        task_fail(task, SENSE_PARAMETER_LIST_LENGTH);
        return 0;
    }
    descriptor = ten ? be16_get(task->buf + 6) : task->buf[3];
    if (descriptor && descriptor != (longlba ? 16 : 8)) {
        task_fail_parameter(task, ten ? 6 : 3, WHOLE_BYTE);
        return 0;
    }
    if (task->len < header + descriptor) {
        task_fail(task, SENSE_PARAMETER_LIST_LENGTH);
        return 0;
    }
    if (descriptor && !descriptor_ok(task, task->buf + header, (uint16_t)header, longlba))
        return 0;
    return header + descriptor;
}

/* One page: only changeable bits may differ from what is now. Folds what it asks for into *state. Returns
 * its length, 0: refused. */
static uint32_t select_page(struct scsi_task *task, uint32_t at, uint32_t *state)
{
    const uint8_t *bytes = task->buf + at;
    const struct mode_page *page = task->len - at < 2 || bytes[0] & 0x40 ? NULL : find_page(bytes[0] & 0x3f);
    uint8_t now[PAGE_MAX], changeable[PAGE_MAX];

    if (task->len - at < 2 || (page && task->len - at < page->len)) {
        task_fail(task, SENSE_PARAMETER_LIST_LENGTH);
        return 0;
    }
    if (!page || bytes[1] != page->len - 2) {
        task_fail_parameter(task, (uint16_t)(page ? at + 1 : at), WHOLE_BYTE);
        return 0;
    }
    page_values(page, PC_CURRENT, *state, now);
    page_values(page, PC_CHANGEABLE, 0, changeable);
    for (uint8_t i = 2; i < page->len; i++) {
        if ((bytes[i] ^ now[i]) & ~changeable[i]) {
            task_fail_parameter(task, (uint16_t)(at + i), WHOLE_BYTE);
            return 0;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(mode_bits); i++) {
        if (mode_bits[i].page == page->code) {
            bool set = !!(bytes[mode_bits[i].byte] & mode_bits[i].mask) != mode_bits[i].inverted;

            *state = (*state & ~mode_bits[i].state) | (set ? mode_bits[i].state : 0);
        }
    }
    return page->len;
}

static uint32_t changeable_state(void)
{
    uint32_t mask = 0;

    for (size_t i = 0; i < ARRAY_SIZE(mode_bits); i++)
        mask |= mode_bits[i].state;
    return mask;
}

/* Everybody else hears that something changed (2Ah/01h), and the owner that the cache did. */
static void apply_modes(struct scsi_task *task, uint32_t old, uint32_t wanted)
{
    struct scsi_lu *lu = task_lu(task);

    if (!((old ^ wanted) & changeable_state()))
        return;
    pthread_mutex_lock(&lu->lock);
    lu_state_set(lu, wanted & changeable_state(), ~wanted & changeable_state());
    attention_raise_others(lu, task->itl, UA_MODE_CHANGED);
    pthread_mutex_unlock(&lu->lock);
    lu_tell_cache_changed(lu, old);
}

bool scsi_lu_write_through(const struct scsi_lu *lu)
{
    return lu_state(lu) & LU_WRITE_THROUGH;
}

int scsi_lu_set_write_through(struct scsi_lu *lu, bool on)
{
    uint32_t wanted = on ? LU_WRITE_THROUGH : 0;
    int r = lu->save_pr ? pr_save_modes(lu, wanted, LU_WRITE_THROUGH) : 0;

    if (r < 0)
        return r;
    pthread_mutex_lock(&lu->lock);
    if ((lu_state(lu) & LU_WRITE_THROUGH) != wanted) {
        lu_state_set(lu, wanted, wanted ^ LU_WRITE_THROUGH);
        attention_raise_others(lu, NULL, UA_MODE_CHANGED);
    }
    pthread_mutex_unlock(&lu->lock);
    return 0;
}

void lu_tell_cache_changed(const struct scsi_lu *lu, uint32_t old)
{
    if (lu->cache_changed && (lu_state(lu) ^ old) & LU_WRITE_THROUGH)
        lu->cache_changed(lu->cache_changed_arg, &lu->id);
}

static bool select_bits_ok(struct scsi_task *task)
{
    if (!(task->cdb[1] & 0x10)) {
        task_fail_cdb(task, 1, 4); /* PF: vendor specific pages are none of ours */
        return false;
    }
    if (task->cdb[1] & 0x01 && !task_lu(task)->save_pr) {
        task_fail_cdb(task, 1, 0);
        return false;
    }
    return true;
}

enum scsi_step run_mode_select(struct scsi_task *task, int res)
{
    struct scsi_lu *lu = task_lu(task);
    uint32_t old = lu_state(lu), state = old, at;

    (void)res;
    if (task->phase++ > 0 || !select_bits_ok(task) || !task->len)
        return SCSI_STEP_DONE; /* an empty list is no error (SPC-4 §6.9) */
    at = select_header(task);
    if (!at)
        return SCSI_STEP_DONE;
    while (at < task->len) {
        uint32_t n = select_page(task, at, &state);

        if (!n)
            return SCSI_STEP_DONE;
        at += n;
    }
    apply_modes(task, old, state);
    if (task->cdb[1] & 0x01 && pr_save_modes(lu, state, changeable_state()) < 0)
        return STEP_FAIL(task, SENSE_INTERNAL_FAILURE);
    if (state & ~old & LU_WRITE_THROUGH) /* WCE from 1 to 0: what is in the cache is written first (SBC-3 §6.4.5) */
        return task_io(task, STORE_FLUSH, 0, NULL, 0);
    return SCSI_STEP_DONE;
}
