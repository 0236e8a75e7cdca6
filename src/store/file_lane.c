/* SPDX-License-Identifier: MIT */
/* Writes and flushes that may block, gathered: all that came in one turn, or while the last batch was under
 * way, goes to a worker as one batch. Writers of one file would only queue up at its lock, so more threads
 * help nothing, and a wake-up per request costs more than the write.
 *
 *     submit -> waiting --(end of the pass, no batch under way)--> batch --(worker)--> done() of each
 *
 * Requests that want durability have a lane of their own: a batch is written, then synced once for all (group
 * commit). A loop has its own pair of lanes on each store, touched by its thread alone; the worker owns the
 * batch while it runs.
 */
#include <errno.h>

#include "store/file_internal.h"

struct lane_queue {
    struct loop_op op;
    struct file_store *fs;
    struct list_node waiting, batch; /* struct file_task by op.link */
    bool busy;                       /* a batch is under way, or about to be */
    bool synced;
};

struct file_lane {
    struct file_lane *next;
    struct loop *loop;
    struct lane_queue written, synced;
};

static struct file_task *task_of(struct list_node *n)
{
    return container_of(n, struct file_task, op.link);
}

/* ---- on the worker ------------------------------------------------------------------------------------- */

/* What did not get as far as the sync keeps its own error; a sync that fails is everybody's failure. */
static void sync_batch(struct lane_queue *q)
{
    int r = file_sync_now(q->fs);

    if (r == 0)
        return;
    list_for_each(n, &q->batch) {
        if (task_of(n)->op.res == 0)
            task_of(n)->op.res = r;
    }
}

static int run_batch(struct loop_op *op)
{
    struct lane_queue *q = container_of(op, struct lane_queue, op);

    list_for_each(n, &q->batch) {
        struct file_task *t = task_of(n);

        t->op.res = file_request_of(t)->op == STORE_WRITE ? file_transfer_now(t) : 0;
    }
    if (q->synced)
        sync_batch(q);
    return 0;
}

/* ---- on the loop --------------------------------------------------------------------------------------- */

static void batch_done(struct loop_op *op, int res);

static void start_batch(struct loop_op *op, int res)
{
    struct lane_queue *q = container_of(op, struct lane_queue, op);

    (void)res;
    list_splice(&q->batch, &q->waiting);
    q->op.done = batch_done;
    loop_work(loop_current(), &q->op, run_batch);
}

/* `res` is below 0 when no thread was to be had: nothing was written. */
static void batch_done(struct loop_op *op, int res)
{
    struct lane_queue *q = container_of(op, struct lane_queue, op);
    struct list_node done, *n;

    list_init(&done);
    list_splice(&done, &q->batch);
    q->busy = !list_empty(&q->waiting);
    if (q->busy)
        start_batch(&q->op, 0);
    /* the last callback may close the store: the lane is not looked at any more */
    while ((n = list_pop(&done))) {
        struct file_task *t = task_of(n);
        struct store_request *req = file_request_of(t);

        req->done(req, res < 0 ? res : t->op.res);
    }
}

static void queue_init(struct lane_queue *q, struct file_store *fs, bool synced)
{
    q->fs = fs;
    q->synced = synced;
    list_init(&q->waiting);
    list_init(&q->batch);
}

/* This thread's lane, made on first use. Others add theirs at the same time, nobody removes any. */
static struct file_lane *lane_get(struct file_store *fs)
{
    struct loop *loop = loop_current();
    struct file_lane *first = atomic_load_explicit(&fs->lanes, memory_order_acquire), *lane;

    for (lane = first; lane; lane = lane->next) {
        if (lane->loop == loop)
            return lane;
    }
    lane = calloc(1, sizeof *lane);
    if (!lane)
        return NULL;
    lane->loop = loop;
    queue_init(&lane->written, fs, false);
    queue_init(&lane->synced, fs, true);
    lane->next = first;
    while (!atomic_compare_exchange_weak_explicit(&fs->lanes, &lane->next, lane, memory_order_release,
                                                  memory_order_relaxed))
        ;
    return lane;
}

int file_lane_submit(struct file_task *t)
{
    const struct store_request *req = file_request_of(t);
    struct file_lane *lane = lane_get(t->fs);
    struct lane_queue *q;

    if (!lane)
        return -ENOMEM;
    q = req->op == STORE_FLUSH || req->fua ? &lane->synced : &lane->written;
    list_append(&q->waiting, &t->op.link);
    if (!q->busy) {
        q->busy = true;
        q->op.done = start_batch;
        loop_defer(loop_current(), &q->op);
    }
    return -EINPROGRESS;
}

void file_lanes_free(struct file_store *fs)
{
    for (struct file_lane *lane = atomic_load(&fs->lanes), *next; lane; lane = next) {
        next = lane->next;
        free(lane);
    }
}
