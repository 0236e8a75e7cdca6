/* SPDX-License-Identifier: MIT */
/* Persistent reservations on a unit: who is denied what, how a new state takes effect, and PERSISTENT
 * RESERVE IN (SPC-4 §6.15). */
#include "scsi/pr.h"

#include <errno.h>
#include <stdlib.h>

#include "scsi/nexus.h"
#include "scsi/scsi_internal.h"
#include "scsi/transport_id.h"

int pr_state_load(struct scsi_lu *lu, const void *bytes, size_t len)
{
    int r = 0;

    if (len)
        r = pr_decode(bytes, len, &lu->pr);
    else if (!(lu->pr = pr_state_new()))
        r = -ENOMEM;
    if (r < 0)
        return r;
    lu->pr->modes &= LU_SWP | LU_D_SENSE | LU_WRITE_THROUGH;
    lu_state_set(lu, lu->pr->modes, 0);
    return 0;
}

static struct pr_registration *find_itl(const struct scsi_lu *lu, const struct scsi_itl *itl)
{
    return pr_find(lu->pr, itl->view->initiator_port, itl->view->target_port);
}

uint32_t pr_denials(const struct scsi_lu *lu, const struct scsi_itl *itl)
{
    const struct pr_state *pr = lu->pr;
    const struct pr_registration *reg;

    if (!pr->type)
        return 0;
    reg = find_itl(lu, itl);
    if (reg && (reg->holder || pr_type_shared(pr->type)))
        return 0;
    if (pr->type == PR_WRITE_EXCLUSIVE || pr->type == PR_WRITE_EXCLUSIVE_RO ||
        pr->type == PR_WRITE_EXCLUSIVE_AR)
        return DENY_WRITE;
    return DENY_READ | DENY_WRITE;
}

enum pr_legacy pr_legacy(const struct scsi_lu *lu, const struct scsi_itl *itl)
{
    const struct pr_registration *reg = find_itl(lu, itl);

    if (!pr_count(lu->pr))
        return PR_LEGACY_NONE;
    return pr_holds(lu->pr, reg) || (reg && pr_type_shared(lu->pr->type)) ? PR_LEGACY_GOOD
                                                                          : PR_LEGACY_CONFLICT;
}

/* ---- a new state -------------------------------------------------------------------------------------- */

static int save(struct scsi_lu *lu, const struct pr_state *pr)
{
    _cleanup_(freep) uint8_t *bytes = NULL;
    size_t len;
    int r = pr_encode(pr, &bytes, &len);

    return r < 0 ? r : lu->save_pr(lu->save_pr_arg, &lu->id, bytes, len);
}

/* Removed registrations are still in the list, so they are looked for by hand. */
static void tell(struct scsi_itl *itl, const struct pr_state *pr)
{
    for (unsigned i = 0; i < pr->n; i++) {
        const struct pr_registration *reg = pr->regs[i];

        if (strcmp(reg->initiator_port, itl->view->initiator_port) ||
            strcmp(reg->target_port, itl->view->target_port))
            continue;
        atomic_fetch_or(&itl->pending, reg->raise);
        if (reg->abort)
            nexus_abort_tasks(itl);
        if (reg->abort && atomic_load(&itl->n_tasks))
            attention_raise(itl, UA_COMMANDS_CLEARED);
    }
}

static void publish(struct scsi_lu *lu, const struct scsi_itl *self, struct pr_state *next)
{
    struct pr_state *old;

    pthread_mutex_lock(&lu->lock);
    old = lu->pr;
    lu->pr = next;
    list_for_each(n, &lu->itls)
        if (container_of(n, struct scsi_itl, link) != self)
            tell(container_of(n, struct scsi_itl, link), next);
    pr_sweep(next);
    nexus_update_denials(lu);
    pthread_mutex_unlock(&lu->lock);
    pr_state_free(old);
}

/* What was kept must be kept up, and forgotten durably when APTPL ends. lu->pr is only written under both
 * locks, so it may be read here. */
int pr_commit(struct scsi_lu *lu, const struct scsi_itl *self, struct pr_state *next)
{
    int r = 0;

    if (next->aptpl || lu->pr->aptpl || next->modes != lu->pr->modes)
        r = save(lu, next);
    if (r < 0) {
        pr_state_free(next);
        return r;
    }
    publish(lu, self, next);
    return 0;
}

uint32_t pr_saved_modes(const struct scsi_lu *lu)
{
    return lu->pr->modes;
}

int pr_save_modes(struct scsi_lu *lu, uint32_t modes, uint32_t mask)
{
    struct pr_state *next;
    int r = -ENOMEM;

    pthread_mutex_lock(&lu->save_lock);
    next = pr_state_clone(lu->pr);
    if (next) {
        next->modes = (next->modes & ~mask) | (modes & mask);
        r = pr_commit(lu, NULL, next);
    }
    pthread_mutex_unlock(&lu->save_lock);
    return r;
}

/* ---- PERSISTENT RESERVE IN ---------------------------------------------------------------------------- */

static void read_keys(struct reply *reply, const struct pr_state *pr)
{
    for (unsigned i = 0; i < pr->n; i++)
        reply_u64(reply, pr->regs[i]->key);
}

/* With all registrants holding, there is no one key (SPC-4 §6.15.3.2). */
static void read_reservation(struct reply *reply, const struct pr_state *pr)
{
    uint64_t key = 0;

    if (!pr->type)
        return;
    for (unsigned i = 0; i < pr->n; i++)
        if (pr->regs[i]->holder)
            key = pr->regs[i]->key;
    reply_u64(reply, key);
    reply_zero(reply, 5);
    reply_u8(reply, pr->type); /* scope 0: the logical unit */
    reply_zero(reply, 2);
}

static void read_full_status(struct reply *reply, const struct pr_state *pr)
{
    for (unsigned i = 0; i < pr->n; i++) {
        const struct pr_registration *reg = pr->regs[i];
        bool holds = pr_holds(pr, reg);
        size_t length_at, start;

        reply_u64(reply, reg->key);
        reply_zero(reply, 4);
        reply_u8(reply, holds); /* R_HOLDER; ALL_TG_PT is never set */
        reply_u8(reply, holds ? pr->type : 0);
        reply_zero(reply, 4);
        reply_u16(reply, reg->relative_port);
        length_at = reply->n;
        reply_u32(reply, 0);
        start = reply->n;
        transport_id_write(reply, reg->initiator_port);
        reply_patch_u32(reply, length_at, reply->n - start);
    }
}

/* §6.15.4: CRH, SIP_C, PTPL_C; TMV, PTPL_A; all six types. */
static enum scsi_step report_capabilities(struct scsi_task *task, struct reply *reply)
{
    struct scsi_lu *lu = task_lu(task);
    bool active;

    pthread_mutex_lock(&lu->lock);
    active = lu->pr->aptpl;
    pthread_mutex_unlock(&lu->lock);
    reply_u16(reply, 8);
    reply_u8(reply, (uint8_t)(0x10 | 0x08 | (lu->save_pr ? 0x01 : 0)));
    reply_u8(reply, (uint8_t)(0x80 | active));
    reply_u8(reply, 0xea);
    reply_u8(reply, 0x01);
    reply_u16(reply, 0);
    return task_reply_end(task, reply);
}

enum scsi_step run_pr_in(struct scsi_task *task, int res)
{
    static void (*const bodies[])(struct reply *, const struct pr_state *) = {
        read_keys,
        read_reservation,
        NULL, /* REPORT CAPABILITIES has another form */
        read_full_status,
    };
    struct scsi_lu *lu = task_lu(task);
    struct reply reply = task_reply(task);
    uint8_t action = task->opcode->sa;

    (void)res;
    if (!bodies[action])
        return report_capabilities(task, &reply);
    pthread_mutex_lock(&lu->lock);
    reply_u32(&reply, lu->pr->generation);
    reply_u32(&reply, 0);
    bodies[action](&reply, lu->pr);
    pthread_mutex_unlock(&lu->lock);
    reply_patch_u32(&reply, 4, reply.n - 8);
    return task_reply_end(task, &reply);
}
