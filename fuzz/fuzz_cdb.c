/* SPDX-License-Identifier: MIT */
/* Commands as they come off the wire: two sessions to two units on memory, any CDB, any data, stores that
 * hold, sessions that abort.
 *
 * An input is a sequence of { selector, CDB (16), data length (2, big-endian), data }; the selector's bits
 * are below. Byte 0 of the input says what kind of units there are, or that the rest is saved reservation
 * state to be read.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "scsi/pr.h"
#include "scsi/scsi_internal.h"

enum { UNITS_READ_ONLY = 1, UNITS_REMOVABLE = 2, UNITS_4096 = 4, READ_STATE = 8 }; /* byte 0 */
enum {
    ON_SECOND = 1,
    LUN_SHIFT = 1,
    LUN_MASK = 3,
    HOLD = 8,
    ABORT = 16,
    SHORT = 32,
    RESET = 64,
    REMAP = 128
}; /* the selector */

#define N_RUNNING 4
#define UNIT_SIZE (1u << 20)

struct running {
    struct scsi_task task;
    bool started, done;
    uint8_t *buf;
};

struct world {
    struct store *memory[2], *fault[2];
    struct scsi_lu *lu[2];
    struct scsi_view *view[2];
    bool kicked[2], hold;
    struct running running[N_RUNNING];
};

static void check(bool ok)
{
    if (!ok)
        abort();
}

static int hook(void *arg, const struct store_request *req)
{
    (void)req;
    return ((struct world *)arg)->hold ? -EINPROGRESS : 0;
}

static void kick(void *arg)
{
    *(bool *)arg = true;
}

static int save(void *arg, const struct guid *lu, const void *bytes, size_t len)
{
    struct pr_state *pr = NULL;

    (void)arg;
    (void)lu;
    check(pr_decode(bytes, len, &pr) == 0); /* what is saved can be read */
    pr_state_free(pr);
    return 0;
}

static void view_open(struct world *w, unsigned i)
{
    struct scsi_nexus nexus = { .initiator_port = i ? "iqn.b,i,0x1" : "iqn.a,i,0x1",
                                .target_port = "iqn.t,t,0x0001",
                                .target_name = "iqn.t",
                                .tag = 1,
                                .kick = kick,
                                .kick_arg = &w->kicked[i] };

    check(scsi_view_create(&nexus, &w->view[i]) == 0);
    for (uint16_t lun = 0; lun < 2; lun++)
        check(scsi_view_map(w->view[i], lun, w->lu[lun], true) == 0);
}

static void world_open(struct world *w, uint8_t kind)
{
    struct scsi_lu_config config = { .block_size = kind & UNITS_4096 ? 4096 : 512,
                                     .read_only = kind & UNITS_READ_ONLY,
                                     .removable = kind & UNITS_REMOVABLE,
                                     .max_transfer = 1 << 17,
                                     .save_pr = save };

    memset(w, 0, sizeof *w);
    for (unsigned i = 0; i < 2; i++) {
        config.id.data1 = i + 1;
        check(store_memory_open(UNIT_SIZE, &w->memory[i]) == 0);
        check(store_fault_open(w->memory[i], hook, w, &w->fault[i]) == 0);
        check(scsi_lu_create(&config, w->fault[i], &w->lu[i]) == 0);
    }
    view_open(w, 0);
    view_open(w, 1);
}

static void finish(struct running *r)
{
    const struct scsi_task *task = &r->task;

    check(task->data_len <= task->buf_len && task->buf_len <= task->len && task->sense_len <= SCSI_SENSE_MAX);
    check(task->result.status != SCSI_CHECK_CONDITION || task->sense_len >= 8 || task->aborted);
    check(task->dir == SCSI_DIR_IN || task->data_len == 0);
    check(!task->stripes);
    scsi_task_release(&r->task);
    free(r->buf);
    memset(r, 0, sizeof *r);
}

static void drain(struct world *w)
{
    bool any;

    do {
        any = store_fault_release(w->fault[0]) + store_fault_release(w->fault[1]) > 0;
        for (unsigned i = 0; i < 2; i++) {
            if (w->kicked[i]) {
                w->kicked[i] = false;
                scsi_view_run(w->view[i]);
                any = true;
            }
        }
    } while (any);
    for (unsigned i = 0; i < N_RUNNING; i++) {
        check(!w->running[i].started || w->running[i].done); /* nothing hangs */
        if (w->running[i].started)
            finish(&w->running[i]);
    }
}

static void on_done(struct scsi_task *task)
{
    container_of(task, struct running, task)->done = true;
}

static struct running *free_slot(struct world *w)
{
    for (unsigned i = 0; i < N_RUNNING; i++)
        if (!w->running[i].started)
            return &w->running[i];
    drain(w);
    return &w->running[0];
}

static void command(struct world *w, uint8_t selector, const uint8_t *cdb, const uint8_t *data, uint32_t len)
{
    struct running *r = free_slot(w);
    struct scsi_task *task = &r->task;
    bool done;

    r->started = true;
    task->view = w->view[selector & ON_SECOND];
    task->lun[1] = selector >> LUN_SHIFT & LUN_MASK;
    memcpy(task->cdb, cdb, sizeof task->cdb);
    task->expected_len = len;
    task->done = on_done;
    w->hold = selector & HOLD;
    done = !scsi_task_prepare(task);
    check(task->len <= SCSI_PARAM_MAX || task->len <= 1 << 17);
    if (!done) {
        task->buf_len = selector & SHORT && len < task->len ? len : task->len;
        r->buf = calloc(1, task->buf_len ? task->buf_len : 1);
        check(r->buf);
        memcpy(r->buf, data, len < task->buf_len ? len : task->buf_len);
        task->buf = r->buf;
        done = scsi_task_execute(task);
    }
    r->done |= done;
    if (selector & ABORT)
        scsi_task_abort(task);
    if (done)
        finish(r);
}

static void remap(struct world *w, unsigned i)
{
    drain(w);
    check(scsi_view_unmap(w->view[i], 1, NULL, NULL) == 0);
    check(scsi_view_map(w->view[i], 1, w->lu[1], false) == 0);
}

static void world_close(struct world *w)
{
    w->hold = false;
    drain(w);
    for (unsigned i = 0; i < 2; i++) {
        for (uint16_t lun = 0; lun < 2; lun++)
            check(scsi_view_unmap(w->view[i], lun, NULL, NULL) == 0);
        scsi_view_destroy(w->view[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned k = 0; k < GATE_STRIPES; k++)
            check(atomic_load(&w->lu[i]->gate[k].word) == 0);
        check(!w->lu[i]->reserver && !w->lu[i]->n_preventing);
        scsi_lu_unref(w->lu[i]);
        store_unref(w->fault[i]);
        store_unref(w->memory[i]);
    }
}

static void read_state(const uint8_t *data, size_t size)
{
    struct pr_state *pr = NULL, *back = NULL;
    uint8_t *bytes;
    size_t len;

    if (pr_decode(data, size, &pr) < 0)
        return;
    check(pr_encode(pr, &bytes, &len) == 0);
    check(pr_decode(bytes, len, &back) == 0 && back->n == (pr->aptpl ? pr->n : 0));
    free(bytes);
    pr_state_free(pr);
    pr_state_free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w;

    if (size < 1)
        return 0;
    if (*data & READ_STATE) {
        read_state(data + 1, size - 1);
        return 0;
    }
    world_open(&w, *data++);
    size--;
    while (size >= 19) {
        uint32_t len = be16_get(data + 17);

        len = len < size - 19 ? len : (uint32_t)(size - 19);
        command(&w, data[0], data + 1, data + 19, len);
        if (data[0] & RESET && data[0] & ABORT)
            scsi_lu_reset(w.view[data[0] & ON_SECOND], (uint8_t[8]){ 0 });
        if (data[0] & REMAP)
            remap(&w, data[0] & ON_SECOND);
        data += 19 + len;
        size -= 19 + len;
    }
    world_close(&w);
    return 0;
}

/* ---- inputs that make sense --------------------------------------------------------------------------- */

static uint32_t next(uint32_t *random)
{
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}

/* A parameter list of the kind that the command wants. */
static uint32_t sample_data(const struct scsi_opcode *op, uint8_t *p, uint32_t *random)
{
    memset(p, 0, 128);
    switch (op->opcode) {
    case 0x5f: /* reservations: few keys, so that they meet */
        p[7] = (uint8_t)(next(random) % 3);
        p[15] = (uint8_t)(next(random) % 3);
        p[20] = (uint8_t)(next(random) & 1);
        return 24;
    case 0x42:
        p[1] = 22;
        p[3] = 16;
        p[15] = (uint8_t)next(random);
        p[19] = (uint8_t)next(random);
        return 24;
    case 0x15:
        p[4] = 0x08;
        p[5] = 0x12;
        p[6] = (uint8_t)(next(random) & 4);
        return 24;
    case 0x83:
        p[1] = 2 << 3;
        p[3] = 32;
        p[11] = 28;
        p[16] = 0xe4;
        p[20] = 1;
        p[21] = 3;
        p[23] = 8;
        be64_put(p + 24, UINT64_C(3) << 60 | UINT64_C(1) << 32); /* unit 0: the GUID 00000001-0000... */
        p[48] = 2;
        p[51] = 24;
        p[59] = (uint8_t)next(random);
        p[67] = (uint8_t)next(random);
        p[75] = (uint8_t)next(random);
        return 76;
    default:
        return 0;
    }
}

static size_t sample_command(uint8_t *out, uint32_t *random)
{
    const struct scsi_opcode *op = &scsi_opcodes[next(random) % scsi_n_opcodes];
    uint32_t len = sample_data(op, out + 19, random);
    uint8_t *cdb = out + 1;

    out[0] = (uint8_t)(next(random) & 0xff & (next(random) | ~(uint32_t)(RESET | REMAP | ABORT)));
    out[0] &= (uint8_t) ~(2u << LUN_SHIFT);
    memset(cdb, 0, 16);
    cdb[0] = op->opcode;
    cdb[1] = op->sa == SA_NONE ? (uint8_t)(next(random) & op->usage[1]) : op->sa;
    for (unsigned i = 2; i < op->cdb_len; i++) /* low bytes only: addresses and counts that exist */
        cdb[i] = next(random) % 4 == 0 ? (uint8_t)(next(random) & op->usage[i] & 0x0f) : 0;
    for (unsigned i = 0; len && i < op->len_size; i++)
        cdb[op->len_at + i] = (uint8_t)(len >> 8 * (op->len_size - 1u - i));
    be16_put(out + 17, (uint16_t)len);
    return 19 + len;
}

size_t fuzz_sample(uint8_t *out, size_t n_out, uint32_t random)
{
    size_t n = 1, n_commands = 1 + next(&random) % 24;

    out[0] = (uint8_t)(next(&random) % 8);
    while (n_commands-- && n + 256 < n_out)
        n += sample_command(out + n, &random);
    return n;
}
