/* SPDX-License-Identifier: MIT */
/* The write gate: keeps writes out of a range while COMPARE AND WRITE or ORWRITE reads, decides and writes
 * it (SBC-3 §5.2: "as an uninterrupted series of actions"), across all reactors, without a lock on the path
 * of plain writes.
 *
 * The unit is cut into stripes. Each has one word: the number of writers inside, and GATE_CLAIMED.
 *
 *     writer:   +1; not claimed: in.  Claimed: -1, wait.                 leaving: -1; claimed and now 0: wake
 *     claimant: (under the lock) not claimed: claim all its stripes at once, wait for count 0.
 *               leaving: unclaim, wake
 *
 * A claim keeps new writers out, so a claimant waits only for writes that run already: nobody starves. Who
 * waits stands in lu->waiting and is sent to its own thread (scsi_nexus.kick) when something changed; it
 * then tries again. */
#include "scsi/scsi_internal.h"

/* clang-format off */
#define for_each_stripe(i, stripes) \
    for (unsigned left_ = (stripes), i; left_ && (i = (unsigned)__builtin_ctz(left_), true); left_ &= left_ - 1)
/* clang-format on */

static uint16_t stripes_of(uint64_t offset, uint64_t len)
{
    uint64_t first = offset >> GATE_SHIFT, last = len ? (offset + len - 1) >> GATE_SHIFT : first;
    uint16_t mask = 0;

    if (last - first >= GATE_STRIPES - 1)
        return GATE_ALL;
    for (uint64_t i = first; i <= last; i++)
        mask |= (uint16_t)(1u << (i % GATE_STRIPES));
    return mask;
}

/* lu->lock held. Pushing and kicking stay under it: a view cannot go away without taking it, in
 * nexus_leave(). */
static void wake_all(struct scsi_lu *lu)
{
    struct list_node *n;

    while ((n = list_pop(&lu->waiting))) {
        struct scsi_view *view = container_of(n, struct scsi_task, wait)->view;

        pthread_mutex_lock(&view->ready_lock);
        list_append(&view->ready, n);
        pthread_mutex_unlock(&view->ready_lock);
        view->nexus.kick(view->nexus.kick_arg);
    }
}

/* True when a claimant was waiting for the last of these writers. */
static bool writer_leave(struct scsi_lu *lu, uint16_t stripes)
{
    bool last = false;

    for_each_stripe(i, stripes)
        last |= atomic_fetch_sub(&lu->gate[i].word, 1) == (GATE_CLAIMED | 1);
    return last;
}

/* True: in. False: out again; `*ret_wake` as from writer_leave(). */
static bool writer_enter(struct scsi_lu *lu, uint16_t stripes, bool *ret_wake)
{
    for_each_stripe(i, stripes) {
        if (atomic_fetch_add(&lu->gate[i].word, 1) & GATE_CLAIMED) {
            *ret_wake = writer_leave(lu, stripes & (uint16_t)((2u << i) - 1));
            return false;
        }
    }
    *ret_wake = false;
    return true;
}

static enum gate_answer queue_or_busy(struct scsi_task *task, struct scsi_lu *lu)
{
    if (task->view->nexus.kick) {
        list_append(&lu->waiting, &task->wait);
        return GATE_WAIT;
    }
    task->result = (struct scsi_result){ .status = SCSI_BUSY };
    return GATE_BUSY;
}

/* Claims change under the lock only: a writer that still finds one here is woken when it goes. */
static enum gate_answer enter_slowly(struct scsi_task *task, struct scsi_lu *lu, uint16_t stripes, bool wake)
{
    enum gate_answer answer = GATE_OPEN;
    bool wake_again;

    pthread_mutex_lock(&lu->lock);
    if (!writer_enter(lu, stripes, &wake_again)) {
        if (wake || wake_again)
            wake_all(lu);
        answer = queue_or_busy(task, lu);
    }
    pthread_mutex_unlock(&lu->lock);
    return answer;
}

enum gate_answer gate_enter_unit(struct scsi_task *task, struct scsi_lu *lu, uint64_t offset, uint64_t len)
{
    uint16_t stripes = stripes_of(offset, len);
    enum gate_answer answer = GATE_OPEN;
    bool wake;

    if (!writer_enter(lu, stripes, &wake))
        answer = enter_slowly(task, lu, stripes, wake);
    if (answer == GATE_OPEN) {
        task->gate = lu;
        task->stripes = stripes;
        task->claims = false;
    }
    return answer;
}

enum gate_answer gate_enter(struct scsi_task *task, uint64_t offset, uint64_t len)
{
    return gate_enter_unit(task, task->itl->lu, offset, len);
}

static bool any_claimed(struct scsi_lu *lu, uint16_t stripes)
{
    for_each_stripe(i, stripes)
        if (atomic_load(&lu->gate[i].word) & GATE_CLAIMED)
            return true;
    return false;
}

/* Sets the claim on all; true when writers are still inside. */
static bool claim_all(struct scsi_lu *lu, uint16_t stripes)
{
    bool writers = false;

    for_each_stripe(i, stripes)
        writers |= (atomic_fetch_or(&lu->gate[i].word, GATE_CLAIMED) & ~GATE_CLAIMED) != 0;
    return writers;
}

static void unclaim(struct scsi_lu *lu, uint16_t stripes)
{
    for_each_stripe(i, stripes)
        atomic_fetch_and(&lu->gate[i].word, ~GATE_CLAIMED);
    wake_all(lu);
}

/* Called again after a wait: the claim is kept, only the count is looked at. */
static enum gate_answer claim_locked(struct scsi_task *task, struct scsi_lu *lu, uint16_t stripes)
{
    enum gate_answer answer;

    if (!task->claims && any_claimed(lu, stripes))
        return queue_or_busy(task, lu);
    task->gate = lu;
    task->stripes = stripes;
    task->claims = true;
    if (!claim_all(lu, stripes))
        return GATE_OPEN;
    answer = queue_or_busy(task, lu);
    if (answer == GATE_BUSY) {
        task->stripes = 0;
        unclaim(lu, stripes);
    }
    return answer;
}

enum gate_answer gate_claim(struct scsi_task *task, uint64_t offset, uint64_t len)
{
    struct scsi_lu *lu = task->itl->lu;
    enum gate_answer answer;

    pthread_mutex_lock(&lu->lock);
    answer = claim_locked(task, lu, stripes_of(offset, len));
    pthread_mutex_unlock(&lu->lock);
    return answer;
}

void gate_leave(struct scsi_task *task)
{
    struct scsi_lu *lu = task->gate;
    uint16_t stripes = task->stripes;

    task->stripes = 0;
    if (!task->claims && !writer_leave(lu, stripes))
        return;
    pthread_mutex_lock(&lu->lock);
    if (task->claims)
        unclaim(lu, stripes);
    else
        wake_all(lu);
    pthread_mutex_unlock(&lu->lock);
}
