/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <errno.h>
#include <pthread.h>

#include "store/store_backend.h"

/* ---- stores and units --------------------------------------------------------------------------------- */

static int hook(void *arg, const struct store_request *req)
{
    struct fixture *f = arg;

    f->n_requests++;
    f->n_writes += req->op == STORE_WRITE;
    f->n_flushes += req->op == STORE_FLUSH;
    f->n_discards += req->op == STORE_DISCARD;
    f->n_zeroes += req->op == STORE_WRITE_ZEROES;
    f->n_fua += req->fua;
    if (f->fail_with && f->fail_after-- == 0) {
        f->fail_after = 0;
        return f->fail_with;
    }
    return f->hold ? -EINPROGRESS : 0;
}

static void cache_changed(void *arg, const struct guid *lu)
{
    struct fixture *f = arg;

    (void)lu;
    f->n_cache_changes++;
}

static int save(void *arg, const struct guid *lu, const void *bytes, size_t len)
{
    struct fixture *f = arg;

    (void)lu;
    f->n_saves++;
    if (f->save_result < 0)
        return f->save_result;
    assert_true(len <= sizeof f->saved);
    memcpy(f->saved, bytes, len);
    f->saved_len = len;
    return 0;
}

static void unit_open(struct fixture *f, unsigned i)
{
    const struct fixture_options *o = &f->options;
    struct scsi_lu_config config = {
        .id = { 0x11223344, 0x5566, 0x4788, { 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, (uint8_t)i } },
        .block_size = o->block_size,
        .read_only = o->read_only,
        .removable = o->removable,
        .max_transfer = o->max_transfer,
        .save_pr = o->saves ? save : NULL,
        .save_pr_arg = f,
        .cache_changed = cache_changed,
        .cache_changed_arg = f,
        .load_pr = i ? NULL : o->load_pr,
        .load_pr_len = i ? 0 : o->load_pr_len,
    };
    uint64_t size = o->n_blocks * (o->block_size ? o->block_size : 512);

    assert_int_equal(store_memory_open(size, &f->memory[i]), 0);
    assert_int_equal(store_fault_open(f->memory[i], hook, f, &f->fault[i]), 0);
    if (o->thick)
        f->fault[i]->thin = false;
    assert_int_equal(scsi_lu_create(&config, f->fault[i], &f->lu[i]), 0);
}

static void unit_close(struct fixture *f, unsigned i)
{
    scsi_lu_unref(f->lu[i]);
    store_unref(f->fault[i]);
    store_unref(f->memory[i]);
}

static void kick(void *arg)
{
    struct nexus *n = arg;

    n->n_kicks++;
}

void nexus_open(struct fixture *f, unsigned i, const char *initiator, uint16_t tag)
{
    char initiator_port[128], target_port[128];
    struct scsi_nexus nexus = { .initiator_port = initiator_port,
                                .target_port = target_port,
                                .target_name = "iqn.2026-01.test:t",
                                .tag = tag };

    snprintf(initiator_port, sizeof initiator_port, "%s,i,0x00023d%06x", initiator, i);
    snprintf(target_port, sizeof target_port, "iqn.2026-01.test:t,t,0x%04x", tag);
    if (!f->options.no_kick) {
        nexus.kick = kick;
        nexus.kick_arg = &f->nexus[i];
    }
    f->nexus[i].n_kicks = 0;
    assert_int_equal(scsi_view_create(&nexus, &f->nexus[i].view), 0);
    assert_int_equal(scsi_view_map(f->nexus[i].view, 0, f->lu[0], true), 0);
    if (f->options.second_unit)
        assert_int_equal(scsi_view_map(f->nexus[i].view, 1, f->lu[1], true), 0);
}

static void count_gone(void *arg)
{
    ++*(unsigned *)arg;
}

void nexus_close(struct fixture *f, unsigned i)
{
    struct scsi_view *view = f->nexus[i].view;
    unsigned n_gone = 0, n_mapped = 0;

    if (!view)
        return;
    for (uint16_t lun = 0; lun <= SCSI_LUN_MAX; lun++)
        if (scsi_view_unmap(view, lun, count_gone, &n_gone) == 0)
            n_mapped++;
    assert_int_equal(n_gone, n_mapped);
    scsi_view_destroy(view);
    f->nexus[i].view = NULL;
}

void fixture_open(struct fixture *f, struct fixture_options options)
{
    static const char *const names[MAX_NEXUSES] = { "iqn.2026-01.test:a", "iqn.2026-01.test:b",
                                                    "iqn.2026-01.test:c", "iqn.2026-01.test:d" };

    memset(f, 0, sizeof *f);
    f->options = options;
    if (!options.n_blocks)
        f->options.n_blocks = 2048;
    f->n_nexuses = options.n_nexuses ? options.n_nexuses : 1;
    unit_open(f, 0);
    if (options.second_unit)
        unit_open(f, 1);
    for (unsigned i = 0; i < f->n_nexuses; i++)
        nexus_open(f, i, names[i], 1);
}

void fixture_close(struct fixture *f)
{
    for (unsigned i = 0; i < MAX_NEXUSES; i++)
        nexus_close(f, i);
    unit_close(f, 0);
    if (f->options.second_unit)
        unit_close(f, 1);
}

int fixture_setup(void **state)
{
    static struct fixture f;

    fixture_open(&f, *(const struct fixture_options *)*state);
    *state = &f;
    return 0;
}

int fixture_teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

unsigned fixture_release(struct fixture *f)
{
    unsigned n = store_fault_release(f->fault[0]);

    return f->fault[1] ? n + store_fault_release(f->fault[1]) : n;
}

static bool run_kicked(struct fixture *f)
{
    bool any = false;

    for (unsigned i = 0; i < MAX_NEXUSES; i++) {
        if (f->nexus[i].view && atomic_exchange(&f->nexus[i].n_kicks, 0)) {
            scsi_view_run(f->nexus[i].view);
            any = true;
        }
    }
    return any;
}

void fixture_drain(struct fixture *f)
{
    while (fixture_release(f) || run_kicked(f))
        ;
}

/* ---- commands ----------------------------------------------------------------------------------------- */

static void on_done(struct scsi_task *task)
{
    container_of(task, struct running, task)->done = true;
}

static void attach_buffer(struct running *r, const struct command *c)
{
    struct scsi_task *task = &r->task;

    task->buf_len = task->len;
    if (task->dir == SCSI_DIR_OUT)
        task->buf_len = c->out_len < task->len ? c->out_len : task->len;
    if (c->short_buffer)
        task->buf_len = c->buffer_len < task->len ? c->buffer_len : task->len;
    r->buf = malloc(task->buf_len ? task->buf_len : 1); /* exactly: the sanitizer sees one byte more */
    assert_non_null(r->buf);
    memset(r->buf, 0xee, task->buf_len);
    if (task->dir == SCSI_DIR_OUT && task->buf_len)
        memcpy(r->buf, c->out, task->buf_len);
    task->buf = r->buf;
}

static void (*inside_hook)(bool out); /* around each call into src/scsi, if there is one */

void fixture_hook(void (*new_hook)(bool out))
{
    inside_hook = new_hook;
}

static bool within(bool (*step)(struct scsi_task *task), struct running *r)
{
    bool result;

    if (inside_hook)
        inside_hook(false);
    result = step(&r->task);
    if (inside_hook)
        inside_hook(true);
    return result;
}

struct running *start(struct fixture *f, struct command c)
{
    struct running *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->task.view = f->nexus[c.nexus].view;
    memcpy(r->task.cdb, c.cdb, sizeof c.cdb);
    memcpy(r->task.lun, c.lun, sizeof c.lun);
    r->task.attr = SCSI_ATTR_SIMPLE;
    r->task.expected_len = c.expected_len ? c.expected_len : c.out_len;
    r->task.done = on_done;
    if (!within(scsi_task_prepare, r)) {
        r->done = true;
        return r;
    }
    attach_buffer(r, &c);
    r->done = within(scsi_task_execute, r);
    return r;
}

static _Thread_local uint8_t *scratch; /* data of the last outcome */

void fixture_thread_end(void)
{
    free(scratch);
    scratch = NULL;
}

struct outcome running_end(struct running *r)
{
    const struct scsi_task *task = &r->task;
    struct outcome o = { 0 };

    assert_true(r->done);
    free(scratch);
    scratch = malloc(task->data_len + 1u);
    assert_non_null(scratch);
    if (task->data_len)
        memcpy(scratch, r->buf, task->data_len);
    assert_true(task->data_len <= task->buf_len);
    o = (struct outcome){ .status = task->result.status,
                          .key = task->result.key,
                          .asc = task->result.asc,
                          .data = scratch,
                          .n = task->data_len,
                          .full = task->full_len,
                          .sense_len = task->sense_len,
                          .aborted = task->aborted };
    memcpy(o.sense, task->sense, sizeof o.sense);
    if (o.status == SCSI_CHECK_CONDITION)
        assert_true(o.sense_len >= 8);
    scsi_task_release(&r->task);
    free(r->buf);
    free(r);
    return o;
}

struct outcome exec(struct fixture *f, struct command c)
{
    struct running *r = start(f, c);

    while (!r->done) {
        unsigned n = fixture_release(f);

        n += run_kicked(f);
        if (!n && !r->done)
            fail_msg("command %02x hangs", c.cdb[0]);
    }
    return running_end(r);
}

struct command cdb6(uint8_t op, uint8_t b1, uint8_t b2, uint8_t b3, uint8_t b4)
{
    return (struct command){ .cdb = { op, b1, b2, b3, b4 } };
}

struct command block_command(uint8_t op, uint8_t byte1, uint64_t lba, uint32_t n)
{
    struct command c = { .cdb = { op, byte1 } };

    if (op >> 5 == 4) {
        be64_put(c.cdb + 2, lba);
        be32_put(c.cdb + 10, n);
    } else {
        be32_put(c.cdb + 2, (uint32_t)lba);
        if (op >> 5 == 5)
            be32_put(c.cdb + 6, n);
        else
            be16_put(c.cdb + 7, (uint16_t)n);
    }
    return c;
}

struct command with_data(struct command c, const void *data, uint32_t len)
{
    c.out = data;
    c.out_len = len;
    return c;
}

struct command on_nexus(struct command c, unsigned nexus)
{
    c.nexus = nexus;
    return c;
}

struct command on_lun(struct command c, uint8_t lun)
{
    c.lun[1] = lun;
    return c;
}

struct command with_byte(struct command c, unsigned at, uint8_t value)
{
    c.cdb[at] = value;
    return c;
}

struct command read6(uint32_t lba, uint8_t n)
{
    return cdb6(0x08, (uint8_t)(lba >> 16), (uint8_t)(lba >> 8), (uint8_t)lba, n);
}

struct command read10(uint32_t lba, uint16_t n)
{
    return block_command(0x28, 0, lba, n);
}

struct command read12(uint32_t lba, uint32_t n)
{
    return block_command(0xa8, 0, lba, n);
}

struct command read16(uint64_t lba, uint32_t n)
{
    return block_command(0x88, 0, lba, n);
}

/* Writes take blocks of 512 bytes; tests on other sizes say the length themselves. */
struct command write6(uint32_t lba, uint8_t n, const void *data)
{
    return with_data(cdb6(0x0a, (uint8_t)(lba >> 16), (uint8_t)(lba >> 8), (uint8_t)lba, n), data, n * 512u);
}

struct command write10(uint32_t lba, uint16_t n, const void *data)
{
    return with_data(block_command(0x2a, 0, lba, n), data, n * 512u);
}

struct command write12(uint32_t lba, uint32_t n, const void *data)
{
    return with_data(block_command(0xaa, 0, lba, n), data, n * 512u);
}

struct command write16(uint64_t lba, uint32_t n, const void *data)
{
    return with_data(block_command(0x8a, 0, lba, n), data, n * 512u);
}

struct command inquiry(uint16_t alloc)
{
    return cdb6(0x12, 0, 0, (uint8_t)(alloc >> 8), (uint8_t)alloc);
}

struct command vpd(uint8_t page)
{
    return cdb6(0x12, 1, page, 0x04, 0);
}

struct command test_unit_ready(void)
{
    return cdb6(0x00, 0, 0, 0, 0);
}

struct command request_sense(void)
{
    return cdb6(0x03, 0, 0, 0, 252);
}

struct command report_luns(uint8_t select)
{
    struct command c = { .cdb = { 0xa0, 0, select } };

    be32_put(c.cdb + 6, 4096);
    return c;
}

const uint8_t *pattern(uint32_t len, uint8_t seed)
{
    static _Thread_local uint8_t bytes[4][1 << 20];
    static _Thread_local unsigned turn;
    uint8_t *p = bytes[turn++ % 4];

    assert_true(len <= sizeof bytes[0]);
    for (uint32_t i = 0; i < len; i++)
        p[i] = (uint8_t)(seed + i / 512 * 7 + i % 251);
    return p;
}
