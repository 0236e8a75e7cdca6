/* SPDX-License-Identifier: MIT */
/* The LUN map of one session. Everything here runs on the view's thread, but for the list of tasks that may
 * go on. */
#include <errno.h>
#include <stdlib.h>

#include "scsi/nexus.h"
#include "scsi/opcode.h"
#include "scsi/scsi_internal.h"

/* SAM-5 §4.7: peripheral device addressing on bus 0, or flat space addressing; one level. */
bool lun_decode(const uint8_t wire[static 8], uint16_t *ret_lun)
{
    uint16_t method = wire[0] >> 6, high = wire[0] & 0x3f;

    if (method > 1 || (method == 0 && high) || be16_get(wire + 2) || be32_get(wire + 4))
        return false;
    *ret_lun = (uint16_t)(high << 8 | wire[1]);
    return true;
}

void lun_encode(uint16_t lun, uint8_t wire[static 8])
{
    memset(wire, 0, 8);
    wire[1] = (uint8_t)lun; /* <= SCSI_LUN_MAX */
}

int scsi_view_create(const struct scsi_nexus *nexus, struct scsi_view **ret_view)
{
    struct scsi_view *view = calloc(1, sizeof *view);

    if (!view)
        return -ENOMEM;
    opcode_init();
    view->nexus = *nexus;
    view->initiator_port = strdup(nexus->initiator_port);
    view->target_port = strdup(nexus->target_port);
    view->target_name = strdup(nexus->target_name);
    list_init(&view->ready);
    pthread_mutex_init(&view->ready_lock, NULL);
    if (!view->initiator_port || !view->target_port || !view->target_name) {
        scsi_view_destroy(view);
        return -ENOMEM;
    }
    *ret_view = view;
    return 0;
}

void scsi_view_destroy(struct scsi_view *view)
{
    if (!view)
        return;
    pthread_mutex_destroy(&view->ready_lock);
    free(view->slots);
    free(view->initiator_port);
    free(view->target_port);
    free(view->target_name);
    free(view);
}

/* Grows by doubling from four: most sessions see one unit, and idle sessions should be small. */
static int slots_reserve(struct scsi_view *view, uint16_t lun)
{
    uint16_t n = view->n_slots ? view->n_slots : 4;
    struct scsi_itl **slots;

    if (lun < view->n_slots)
        return 0;
    while (n <= lun)
        n = (uint16_t)(n * 2);
    slots = realloc(view->slots, n * sizeof *slots);
    if (!slots)
        return -ENOMEM;
    memset(slots + view->n_slots, 0, (size_t)(n - view->n_slots) * sizeof *slots);
    view->slots = slots;
    view->n_slots = n;
    return 0;
}

struct scsi_itl *view_find(const struct scsi_view *view, uint16_t lun)
{
    return lun < view->n_slots ? view->slots[lun] : NULL;
}

struct scsi_lu *scsi_view_lookup(const struct scsi_view *view, uint16_t lun)
{
    struct scsi_itl *itl = view_find(view, lun);

    return itl ? itl->lu : NULL;
}

/* SPC-4 §6.33: the inventory changed; every unit that was there before says so. */
static void luns_changed(struct scsi_view *view, const struct scsi_itl *except)
{
    for (uint16_t i = 0; i < view->n_slots; i++)
        if (view->slots[i] && view->slots[i] != except)
            attention_raise(view->slots[i], UA_REPORTED_LUNS_CHANGED);
}

int scsi_view_map(struct scsi_view *view, uint16_t lun, struct scsi_lu *lu, bool quiet)
{
    struct scsi_itl *itl;
    int r;

    if (lun > SCSI_LUN_MAX)
        return -EINVAL;
    if (view_find(view, lun))
        return -EEXIST;
    r = slots_reserve(view, lun);
    if (r < 0)
        return r;
    itl = calloc(1, sizeof *itl);
    if (!itl)
        return -ENOMEM;
    itl->lu = scsi_lu_ref(lu);
    itl->view = view;
    itl->lun = lun;
    list_init(&itl->tasks);
    nexus_join(itl);
    view->slots[lun] = itl;
    if (!quiet)
        luns_changed(view, itl);
    return 0;
}

static void itl_free(struct scsi_itl *itl)
{
    void (*gone)(void *) = itl->gone;
    void *arg = itl->gone_arg;

    pthread_mutex_lock(&itl->lu->lock);
    counters_keep(itl); /* of the commands that ran on */
    pthread_mutex_unlock(&itl->lu->lock);
    atomic_fetch_sub(&itl->lu->n_leaving, 1);
    scsi_lu_unref(itl->lu);
    free(itl);
    if (gone)
        gone(arg);
}

int scsi_view_unmap(struct scsi_view *view, uint16_t lun, void (*gone)(void *arg), void *arg)
{
    struct scsi_itl *itl = view_find(view, lun);

    if (!itl)
        return -ENOENT;
    view->slots[lun] = NULL;
    nexus_leave(itl);
    luns_changed(view, NULL);
    itl->leaving = true;
    atomic_fetch_add(&itl->lu->n_leaving, 1);
    itl->gone = gone;
    itl->gone_arg = arg;
    list_for_each(n, &itl->tasks)
        scsi_task_abort(container_of(n, struct scsi_task, link));
    if (list_empty(&itl->tasks))
        itl_free(itl);
    return 0;
}

/* ---- who reaches beyond an end ------------------------------------------------------------------------- */

/* Commands with a range of their own are known by it; of the others (UNMAP, EXTENDED COPY, which may write to
 * any unit of the session) no more is known than that they may. */
static bool reaches(const struct scsi_task *task, const struct scsi_lu *lu, uint64_t end)
{
    if (task->itl->lu != lu)
        return task->opcode && task->opcode->run == run_extended_copy;
    return !task->opcode || !(task->opcode->flags & OP_LBA) ||
           task->arg[ARG_OFFSET] + task->arg[ARG_BYTES] > end;
}

void scsi_view_watch(struct scsi_view *view, const struct scsi_lu *lu, uint64_t end, struct scsi_watch *watch)
{
    for (uint16_t i = 0; i < view->n_slots; i++) {
        if (!view->slots[i])
            continue;
        list_for_each(n, &view->slots[i]->tasks) {
            struct scsi_task *task = container_of(n, struct scsi_task, link);

            if (task->watch || !reaches(task, lu, end))
                continue;
            task->watch = watch;
            atomic_fetch_add(&watch->n, 1);
        }
    }
}

static void unwatch(struct scsi_task *task)
{
    struct scsi_watch *watch = TAKE_PTR(task->watch);
    void (*less)(void *) = watch->less;
    void *arg = watch->arg;

    atomic_fetch_sub(&watch->n, 1);
    less(arg);
}

void scsi_task_release(struct scsi_task *task)
{
    struct scsi_itl *itl = task->itl;

    if (task->watch)
        unwatch(task);
    task->itl = NULL;
    if (!itl)
        return;
    list_remove(&task->link);
    atomic_store_explicit(&itl->n_tasks, atomic_load_explicit(&itl->n_tasks, memory_order_relaxed) - 1,
                          memory_order_relaxed);
    if (itl->leaving && list_empty(&itl->tasks))
        itl_free(itl);
}
