/* SPDX-License-Identifier: MIT */
#include "fake_scsi.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "scsi/counters.h"

static uint8_t disk[FAKE_BLOCKS * 512];
static size_t
    n_dirty; /* bytes from its start that may have been written: thousands of disks come and go in one test */

struct scsi_view *fake_view_create(void)
{
    struct scsi_view *v = calloc(1, sizeof *v);

    assert(v);
    memset(disk, 0, n_dirty > 65536 ? n_dirty : 65536); /* tests write near the beginning themselves */
    n_dirty = 0;
    v->disk = disk;
    list_init(&v->held);
    return v;
}

void fake_view_destroy(struct scsi_view *v)
{
    assert(v->n_prepared == v->n_released);
    assert(list_empty(&v->held));
    free(v);
}

static bool refuse(struct scsi_task *t, uint8_t key, uint16_t asc)
{
    t->result = (struct scsi_result){ SCSI_CHECK_CONDITION, key, asc };
    memset(t->sense, 0, sizeof t->sense);
    t->sense[0] = 0x70;
    t->sense[2] = key;
    t->sense[7] = 10;
    be16_put(t->sense + 12, asc);
    t->sense_len = 18;
    return false;
}

bool scsi_task_prepare(struct scsi_task *t)
{
    struct scsi_view *v = t->view;

    v->n_prepared++;
    t->dir = SCSI_DIR_NONE;
    t->len = t->data_len = t->full_len = t->buf_len = 0;
    t->buf = NULL;
    t->result = (struct scsi_result){ 0 };
    t->sense_len = 0;
    t->aborted = false;
    list_init(&t->link);
    if (t->lun[1] != 0 || v->no_lun)
        return refuse(t, 5, 0x2500);
    switch (t->cdb[0]) {
    case 0x00:
        return true;
    case 0x12:
        t->dir = SCSI_DIR_IN;
        t->len = be16_get(t->cdb + 3);
        return true;
    case 0x28:
    case 0x2a:
        t->dir = t->cdb[0] == 0x28 ? SCSI_DIR_IN : SCSI_DIR_OUT;
        t->len = be16_get(t->cdb + 7) * 512u;
        if (be32_get(t->cdb + 2) > FAKE_BLOCKS || be16_get(t->cdb + 7) > FAKE_BLOCKS - be32_get(t->cdb + 2))
            return refuse(t, 5, 0x2100);
        return true;
    case 0xee:
        return refuse(t, 5, 0x2400);
    default:
        return refuse(t, 5, 0x2000);
    }
}

static uint32_t min32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void run(struct scsi_task *t)
{
    size_t offset = be32_get(t->cdb + 2) * 512ul;
    uint8_t *at = t->view->disk + offset;

    t->view->n_executed++;
    if (t->cdb[0] == 0x28) {
        if (t->buf_len)
            memcpy(t->buf, at, t->buf_len);
        t->data_len = t->buf_len;
        t->full_len = t->len;
    } else if (t->cdb[0] == 0x2a) {
        if (!t->aborted && t->buf_len) {
            memcpy(at, t->buf, t->buf_len);
            n_dirty = offset + t->buf_len > n_dirty ? offset + t->buf_len : n_dirty;
        }
        t->full_len = t->len;
    } else if (t->cdb[0] == 0x12) {
        t->full_len = min32(96, t->len);
        t->data_len = min32(t->full_len, t->buf_len);
        if (t->data_len)
            memset(t->buf, 'I', t->data_len);
    }
}

bool scsi_task_borrow(struct scsi_task *t, uint32_t buf_len)
{
    (void)t;
    (void)buf_len;
    return false;
}

bool scsi_task_execute(struct scsi_task *t)
{
    struct scsi_view *v = t->view;

    if (!v->hold) {
        run(t);
        return true;
    }
    list_append(&v->held, &t->link);
    v->n_held++;
    return false;
}

bool fake_complete(struct scsi_view *v)
{
    struct list_node *n = list_pop(&v->held);
    struct scsi_task *t;

    if (!n)
        return false;
    t = container_of(n, struct scsi_task, link);
    v->n_held--;
    run(t);
    t->done(t);
    return true;
}

void scsi_task_abort(struct scsi_task *t)
{
    t->aborted = true;
}

void scsi_task_lent_gone(struct scsi_task *t)
{
    (void)t;
}

void scsi_task_release(struct scsi_task *t)
{
    t->view->n_released++;
}

void scsi_task_count(struct scsi_task *t, uint64_t latency_ns)
{
    t->view->n_counted++;
    t->view->latency_ns += latency_ns;
}

struct scsi_lu *scsi_view_lookup(const struct scsi_view *v, uint16_t lun)
{
    return lun == 0 && !v->no_lun ? (struct scsi_lu *)(uintptr_t)v->disk : NULL;
}

int scsi_lu_reset(struct scsi_view *v, const uint8_t lun[static 8])
{
    (void)lun;
    v->n_resets++;
    return 0;
}

int scsi_lu_clear_task_set(struct scsi_view *v, const uint8_t lun[static 8])
{
    (void)lun;
    v->n_clears++;
    return 0;
}
