/* SPDX-License-Identifier: MIT */
#include "scsi/counters.h"

#include "scsi/opcode.h"
#include "scsi/scsi_internal.h"

static void add(struct scsi_tally *tally, enum scsi_counter which, uint64_t n)
{
    _Atomic uint64_t *counter = &tally->n[which];

    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static void sum_up(struct scsi_counters *sum, const struct scsi_tally *tally)
{
    for (unsigned i = 0; i < SCSI_N_COUNTERS; i++)
        sum->n[i] += atomic_load_explicit(&tally->n[i], memory_order_relaxed);
}

static enum scsi_counter kind_of(const struct scsi_task *task)
{
    if (!task->opcode || !(task->opcode->flags & OP_BLOCKS) || task->opcode->dir == SCSI_DIR_NONE)
        return SCSI_OTHERS;
    return task->opcode->dir == SCSI_DIR_IN ? SCSI_READS : SCSI_WRITES;
}

static enum scsi_counter bucket_of(uint64_t latency_ns)
{
    uint64_t units = latency_ns >> 11; /* below 2048 ns: the first */
    unsigned k = units ? 64 - (unsigned)__builtin_clzll(units) : 0;

    return SCSI_LATENCY_FIRST + (k < SCSI_LATENCY_BUCKETS ? k : SCSI_LATENCY_BUCKETS - 1);
}

void scsi_task_count(struct scsi_task *task, uint64_t latency_ns)
{
    struct scsi_tally *tally = task->itl ? &task->itl->tally : &task->view->others;
    enum scsi_counter kind = kind_of(task);

    add(tally, kind, 1);
    if (task->result.status == SCSI_CHECK_CONDITION)
        add(tally, SCSI_ERRORS, 1);
    else if (task->result.status == SCSI_GOOD && kind == SCSI_READS)
        add(tally, SCSI_BYTES_READ, task->data_len);
    else if (task->result.status == SCSI_GOOD && kind == SCSI_WRITES)
        add(tally, SCSI_BYTES_WRITTEN, task->buf_len);
    add(tally, SCSI_LATENCY_NS, latency_ns);
    add(tally, bucket_of(latency_ns), 1);
}

void counters_keep(struct scsi_itl *itl)
{
    sum_up(&itl->lu->gone, &itl->tally);
    for (unsigned i = 0; i < SCSI_N_COUNTERS; i++) {
        add(&itl->view->others, i, atomic_load_explicit(&itl->tally.n[i], memory_order_relaxed));
        atomic_store_explicit(&itl->tally.n[i], 0, memory_order_relaxed);
    }
}

void scsi_view_counters(const struct scsi_view *view, struct scsi_counters *ret_counters)
{
    *ret_counters = (struct scsi_counters){ 0 };
    sum_up(ret_counters, &view->others);
    for (uint16_t i = 0; i < view->n_slots; i++) {
        if (view->slots[i])
            sum_up(ret_counters, &view->slots[i]->tally);
    }
}

void scsi_lu_counters(struct scsi_lu *lu, struct scsi_counters *ret_counters)
{
    pthread_mutex_lock(&lu->lock);
    *ret_counters = lu->gone;
    list_for_each(n, &lu->itls) sum_up(ret_counters, &container_of(n, struct scsi_itl, link)->tally);
    pthread_mutex_unlock(&lu->lock);
}
