/* SPDX-License-Identifier: MIT */
/* PERSISTENT RESERVE OUT (SPC-4 §5.12.7 to §5.12.11, §6.16). Every service action is a function from a copy
 * of the state to an answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "scsi/pr.h"
#include "scsi/scsi_internal.h"
#include "scsi/transport_id.h"

DEFINE_CLEANUP(struct pr_state *, pr_state_free)

struct pr_out {
    struct scsi_task *task;
    const struct scsi_view *view;
    struct pr_state *pr;          /* the copy */
    struct pr_registration *self; /* in it; NULL: not registered */
    uint64_t key, new_key;        /* RESERVATION KEY, SERVICE ACTION RESERVATION KEY */
    uint8_t scope, type;
};

/* Every action says GOOD (true: commit the copy) or sets the answer (false). */
static bool conflict(struct pr_out *o)
{
    o->task->result = (struct scsi_result){ .status = SCSI_RESERVATION_CONFLICT };
    return false;
}

static bool bad_parameter(struct pr_out *o, uint16_t byte)
{
    task_fail_parameter(o->task, byte, WHOLE_BYTE);
    return false;
}

static bool no_room(struct pr_out *o, int r)
{
    if (r == -ENOMEM)
        o->task->result = (struct scsi_result){ .status = SCSI_TASK_SET_FULL };
    else
        task_fail(o->task, SENSE_INSUFFICIENT_REGISTRATION);
    return false;
}

/* Everybody registered but this nexus. */
static void raise_others(struct pr_out *o, unsigned ua)
{
    for (unsigned i = 0; i < o->pr->n; i++)
        if (!o->pr->regs[i]->removed && o->pr->regs[i] != o->self)
            o->pr->regs[i]->raise |= UA_BIT(ua);
}

/* The reservation ends because its holder goes or lets go: with the shared types the others must hear it
 * (§5.12.10.2.2). */
static void drop_reservation(struct pr_out *o)
{
    if (pr_type_shared(o->pr->type))
        raise_others(o, UA_RESERVATIONS_RELEASED);
    o->pr->type = PR_NONE;
    for (unsigned i = 0; i < o->pr->n; i++)
        o->pr->regs[i]->holder = false;
}

static void unregister(struct pr_out *o, struct pr_registration *reg)
{
    bool last = pr_count(o->pr) == 1;

    if (reg->holder || (last && o->pr->type))
        drop_reservation(o);
    reg->removed = true;
}

/* ---- REGISTER ----------------------------------------------------------------------------------------- */

static bool aptpl_ok(struct pr_out *o, bool aptpl, uint16_t byte)
{
    if (aptpl && !task_lu(o->task)->save_pr)
        return bad_parameter(o, byte);
    return true;
}

static bool add_one(struct pr_out *o, const char *initiator_port)
{
    int r;

    if (pr_find(o->pr, initiator_port, o->view->target_port))
        return bad_parameter(o, 24); /* registered already */
    r = pr_add(o->pr, initiator_port, o->view->target_port, o->view->nexus.tag, o->new_key);
    return r < 0 ? no_room(o, r) : true;
}

/* The ports of a device are those that are logged in now. lu->lock is taken: the list of nexuses is read. */
static bool add_device_ports(struct pr_out *o, const struct transport_id *id)
{
    struct scsi_lu *lu = task_lu(o->task);
    bool any = false, ok = true;

    pthread_mutex_lock(&lu->lock);
    list_for_each(n, &lu->itls) {
        const struct scsi_view *view = container_of(n, struct scsi_itl, link)->view;

        if (!ok || !transport_id_matches(id, view->initiator_port) ||
            strcmp(view->target_port, o->view->target_port))
            continue;
        any = true;
        ok = add_one(o, view->initiator_port);
    }
    pthread_mutex_unlock(&lu->lock);
    return any ? ok : bad_parameter(o, 24);
}

/* SPEC_I_PT: a list of TransportIDs after the basic list, registered with the same key, all or none
 * (§5.12.7.3). */
static bool add_listed(struct pr_out *o)
{
    const uint8_t *p = o->task->buf + 28, *end;

    if (o->task->len < 28 || be32_get(o->task->buf + 24) != o->task->len - 28) {
        task_fail(o->task, SENSE_PARAMETER_LIST_LENGTH);
        return false;
    }
    for (end = o->task->buf + o->task->len; p < end;) {
        struct transport_id id;
        size_t n = transport_id_parse(p, (size_t)(end - p), &id);

        if (!n)
            return bad_parameter(o, (uint16_t)(p - o->task->buf));
        if (!(id.device_only ? add_device_ports(o, &id) : add_one(o, id.name)))
            return false;
        p += n;
    }
    return true;
}

static bool register_new(struct pr_out *o, bool spec_i_pt)
{
    if (!o->new_key)
        return spec_i_pt ? bad_parameter(o, 20) : true;
    if (!add_one(o, o->view->initiator_port))
        return false;
    return spec_i_pt ? add_listed(o) : true;
}

/* Both REGISTER and REGISTER AND IGNORE EXISTING KEY, once the key has been looked at (§5.12.7.2, tables 52
 * and 53). */
static bool do_register(struct pr_out *o)
{
    uint8_t flags = o->task->buf[20];
    bool spec_i_pt = flags & 0x08, was_aptpl = o->pr->aptpl;

    if (flags & 0x04 || (spec_i_pt && (o->self || o->task->opcode->sa == 0x06)))
        return bad_parameter(o, 20); /* ALL_TG_PT: ATP_C is zero */
    if (!aptpl_ok(o, flags & 0x01, 20))
        return false;
    if (!spec_i_pt && o->task->len != 24) {
        task_fail(o->task, SENSE_PARAMETER_LIST_LENGTH);
        return false;
    }
    if (!o->self && !o->new_key && !spec_i_pt)
        return true; /* nothing to register and nothing to remove */
    o->pr->aptpl = flags & 0x01;
    o->pr->generation++;
    if (!o->self) {
        if (register_new(o, spec_i_pt))
            return true;
        o->pr->aptpl = was_aptpl;
        return false;
    }
    if (o->new_key)
        o->self->key = o->new_key;
    else
        unregister(o, o->self);
    return true;
}

static bool pr_register(struct pr_out *o)
{
    if (o->key != (o->self ? o->self->key : 0))
        return conflict(o);
    return do_register(o);
}

/* ---- RESERVE, RELEASE, CLEAR -------------------------------------------------------------------------- */

static bool registered_with_key(struct pr_out *o)
{
    return o->self && o->self->key == o->key;
}

static bool scope_type_ok(struct pr_out *o)
{
    if (!o->scope && pr_type_valid(o->type))
        return true;
    task_fail_cdb(o->task, 2, o->scope ? 7 : 3);
    return false;
}

static bool pr_reserve(struct pr_out *o)
{
    if (!registered_with_key(o))
        return conflict(o);
    if (!scope_type_ok(o))
        return false;
    if (o->pr->type)
        return pr_holds(o->pr, o->self) && o->pr->type == o->type ? true : conflict(o);
    o->pr->type = o->type;
    o->self->holder = !pr_type_all_registrants(o->type);
    return true;
}

static bool pr_release(struct pr_out *o)
{
    if (!registered_with_key(o))
        return conflict(o);
    if (!pr_holds(o->pr, o->self))
        return true; /* nothing of this nexus to release (§5.12.11.2) */
    if (o->scope || o->type != o->pr->type) {
        task_fail(o->task, SENSE_INVALID_RELEASE);
        return false;
    }
    drop_reservation(o);
    return true;
}

static bool pr_clear(struct pr_out *o)
{
    if (!registered_with_key(o))
        return conflict(o);
    raise_others(o, UA_RESERVATIONS_PREEMPTED);
    o->pr->type = PR_NONE;
    o->pr->generation++;
    for (unsigned i = 0; i < o->pr->n; i++) {
        o->pr->regs[i]->holder = false;
        o->pr->regs[i]->removed = true;
    }
    return true;
}

/* ---- PREEMPT ------------------------------------------------------------------------------------------ */

static void preempt_one(struct pr_out *o, struct pr_registration *reg)
{
    reg->removed = true;
    reg->holder = false;
    if (reg == o->self)
        return;
    reg->raise |= UA_BIT(UA_REGISTRATIONS_PREEMPTED);
    reg->abort = o->task->opcode->sa == 0x05;
}

/* Removes the registrations with this key (any: all of them); returns how many there were. */
static unsigned preempt_matching(struct pr_out *o, bool any, const struct pr_registration *spare)
{
    unsigned n = 0;

    for (unsigned i = 0; i < o->pr->n; i++) {
        struct pr_registration *reg = o->pr->regs[i];

        if (reg->removed || (!any && reg->key != o->new_key))
            continue;
        n++;
        if (reg != spare)
            preempt_one(o, reg);
    }
    return n;
}

/* The reservation changes hands (§5.12.11.4.3): to this nexus, with the scope and type of the command. */
static bool preempt_reservation(struct pr_out *o, bool all)
{
    uint8_t old_type = o->pr->type;

    if (!scope_type_ok(o))
        return false;
    preempt_matching(o, all, o->self);
    for (unsigned i = 0; i < o->pr->n; i++)
        o->pr->regs[i]->holder = false;
    o->pr->type = o->type;
    o->self->holder = !pr_type_all_registrants(o->type);
    if (old_type != o->type)
        raise_others(o, UA_RESERVATIONS_RELEASED);
    return true;
}

static bool holder_has_key(const struct pr_state *pr, uint64_t key)
{
    for (unsigned i = 0; i < pr->n; i++)
        if (pr->regs[i]->holder && pr->regs[i]->key == key)
            return true;
    return false;
}

static bool pr_preempt(struct pr_out *o)
{
    bool all_registrants = pr_type_all_registrants(o->pr->type);

    if (!registered_with_key(o))
        return conflict(o);
    o->pr->generation++;
    if (all_registrants && !o->new_key)
        return preempt_reservation(o, true);
    if (!o->new_key)
        return bad_parameter(o, 8);
    if (!all_registrants && holder_has_key(o->pr, o->new_key))
        return preempt_reservation(o, false);
    if (!preempt_matching(o, false, NULL))
        return conflict(o); /* nobody has that key */
    if (!pr_count(o->pr))
        o->pr->type = PR_NONE;
    return true;
}

/* ---- REGISTER AND MOVE (§5.12.8) ---------------------------------------------------------------------- */

/* The relative port identifier is a portal group tag of this target; false: it has none like it. */
static bool target_port_of(const struct scsi_view *view, uint16_t tag, char out[PR_NAME_MAX + 1])
{
    uint16_t tags[512];
    size_t n = 1;

    tags[0] = view->nexus.tag;
    if (view->nexus.list_tags)
        n = view->nexus.list_tags(view->nexus.list_tags_arg, tags, ARRAY_SIZE(tags));
    for (size_t i = 0; i < n && i < ARRAY_SIZE(tags); i++)
        if (tags[i] == tag)
            return snprintf(out, PR_NAME_MAX + 1, "%s,t,0x%04x", view->target_name, tag) <= PR_NAME_MAX;
    return false;
}

/* Finds or makes the registration that is to hold the reservation. */
static struct pr_registration *move_target(struct pr_out *o, const struct transport_id *id,
                                           const char *target_port, uint16_t tag)
{
    struct pr_registration *reg = pr_find(o->pr, id->name, target_port);
    int r;

    if (reg) {
        reg->key = o->new_key;
        return reg;
    }
    r = pr_add(o->pr, id->name, target_port, tag, o->new_key);
    if (r < 0) {
        no_room(o, r);
        return NULL;
    }
    return o->pr->regs[o->pr->n - 1];
}

static bool move_list_ok(struct pr_out *o, struct transport_id *ret_id)
{
    const uint8_t *p = o->task->buf;
    uint32_t n = be32_get(p + 20);

    if (o->task->len < 24 + 24 || n != o->task->len - 24) {
        task_fail(o->task, SENSE_PARAMETER_LIST_LENGTH);
        return false;
    }
    if (!o->new_key)
        return bad_parameter(o, 8);
    if (transport_id_parse(p + 24, n, ret_id) != n || ret_id->device_only)
        return bad_parameter(o, 24);
    return aptpl_ok(o, p[17] & 0x01, 17);
}

static bool pr_register_and_move(struct pr_out *o)
{
    const uint8_t *p = o->task->buf;
    uint16_t tag = be16_get(p + 18);
    char target_port[PR_NAME_MAX + 1];
    struct pr_registration *to;
    struct transport_id id;

    if (!registered_with_key(o) || !o->self->holder)
        return conflict(o); /* all-registrants reservations have no one holder to move from */
    if (!move_list_ok(o, &id))
        return false;
    if (!target_port_of(o->view, tag, target_port))
        return bad_parameter(o, 18);
    if (transport_id_matches(&id, o->view->initiator_port) && !strcmp(target_port, o->view->target_port))
        return bad_parameter(o, 24); /* to itself */
    to = move_target(o, &id, target_port, tag);
    if (!to)
        return false;
    o->self->holder = false;
    to->holder = true;
    o->self->removed = p[17] & 0x02; /* UNREG */
    o->pr->aptpl = p[17] & 0x01;
    o->pr->generation++;
    return true;
}

/* ---- the command -------------------------------------------------------------------------------------- */

static bool (*const actions[])(struct pr_out *o) = {
    [0x00] = pr_register, [0x01] = pr_reserve, [0x02] = pr_release,  [0x03] = pr_clear,
    [0x04] = pr_preempt,  [0x05] = pr_preempt, [0x06] = do_register, [0x07] = pr_register_and_move,
};

static bool length_ok(struct scsi_task *task)
{
    bool longer =
        task->opcode->sa == 0x07 || (task->opcode->sa == 0x00 && task->len >= 24 && task->buf[20] & 0x08);

    if (task->len == 24 || (longer && task->len > 24))
        return true;
    task_fail(task, SENSE_PARAMETER_LIST_LENGTH);
    return false;
}

static void act(struct scsi_task *task, struct scsi_lu *lu)
{
    _cleanup_(pr_state_freep) struct pr_state *pr =
        pr_state_clone(lu->pr); /* under save_lock: nobody changes it */
    const struct scsi_view *view = task->view;
    struct pr_out o = { .task = task,
                        .view = view,
                        .pr = pr,
                        .key = be64_get(task->buf),
                        .new_key = be64_get(task->buf + 8),
                        .scope = task->cdb[2] >> 4,
                        .type = task->cdb[2] & 0x0f };
    int r;

    if (!pr) {
        no_room(&o, -ENOMEM);
        return;
    }
    o.self = pr_find(pr, view->initiator_port, view->target_port);
    if (!actions[task->opcode->sa](&o))
        return;
    r = pr_commit(lu, task->itl, TAKE_PTR(pr));
    if (r < 0)
        task_fail(task, SENSE_INTERNAL_FAILURE);
}

/* A RESERVE in force comes first, for its holder too (SPC-2 §5.5.1). */
static bool reserved_the_old_way(struct scsi_lu *lu)
{
    bool reserved;

    pthread_mutex_lock(&lu->lock);
    reserved = lu->reserver != NULL;
    pthread_mutex_unlock(&lu->lock);
    return reserved;
}

enum scsi_step run_pr_out(struct scsi_task *task, int res)
{
    struct scsi_lu *lu = task_lu(task);

    (void)res;
    if (!length_ok(task))
        return SCSI_STEP_DONE;
    if (reserved_the_old_way(lu)) {
        task->result = (struct scsi_result){ .status = SCSI_RESERVATION_CONFLICT };
        return SCSI_STEP_DONE;
    }
    pthread_mutex_lock(&lu->save_lock);
    act(task, lu);
    pthread_mutex_unlock(&lu->save_lock);
    return SCSI_STEP_DONE;
}
