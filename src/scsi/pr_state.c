/* SPDX-License-Identifier: MIT */
/* The state of persistent reservations as a value: looked up, copied, written to bytes and read back. No
 * lock, no unit. */
#include <errno.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "scsi/pr.h"

DEFINE_CLEANUP(struct pr_state *, pr_state_free)

bool pr_type_valid(uint8_t type)
{
    return type == PR_WRITE_EXCLUSIVE || type == PR_EXCLUSIVE_ACCESS ||
           (type >= PR_WRITE_EXCLUSIVE_RO && type <= PR_EXCLUSIVE_ACCESS_AR);
}

bool pr_type_all_registrants(uint8_t type)
{
    return type == PR_WRITE_EXCLUSIVE_AR || type == PR_EXCLUSIVE_ACCESS_AR;
}

bool pr_type_shared(uint8_t type)
{
    return type >= PR_WRITE_EXCLUSIVE_RO;
}

struct pr_state *pr_state_new(void)
{
    return calloc(1, sizeof(struct pr_state));
}

static void registration_free(struct pr_registration *reg)
{
    if (!reg)
        return;
    free(reg->initiator_port);
    free(reg->target_port);
    free(reg);
}
DEFINE_CLEANUP(struct pr_registration *, registration_free)

void pr_state_free(struct pr_state *pr)
{
    if (!pr)
        return;
    for (unsigned i = 0; i < pr->n; i++)
        registration_free(pr->regs[i]);
    free(pr->regs);
    free(pr);
}

struct pr_registration *pr_find(struct pr_state *pr, const char *initiator_port, const char *target_port)
{
    for (unsigned i = 0; i < pr->n; i++) {
        struct pr_registration *reg = pr->regs[i];

        if (!reg->removed && !strcmp(reg->initiator_port, initiator_port) &&
            !strcmp(reg->target_port, target_port))
            return reg;
    }
    return NULL;
}

static int reserve_one(struct pr_state *pr)
{
    unsigned n_room = pr->n_room ? 2 * pr->n_room : 2;
    struct pr_registration **regs;

    if (pr->n < pr->n_room)
        return 0;
    regs = realloc(pr->regs, n_room * sizeof(struct pr_registration *));
    if (!regs)
        return -ENOMEM;
    pr->regs = regs;
    pr->n_room = n_room;
    return 0;
}

int pr_add(struct pr_state *pr, const char *initiator_port, const char *target_port, uint16_t relative_port,
           uint64_t key)
{
    _cleanup_(registration_freep) struct pr_registration *reg = NULL;

    if (pr_count(pr) >= PR_MAX_REGISTRATIONS || strlen(initiator_port) > PR_NAME_MAX ||
        strlen(target_port) > PR_NAME_MAX)
        return -ENOSPC;
    if (reserve_one(pr) < 0 || !(reg = calloc(1, sizeof *reg)))
        return -ENOMEM;
    reg->relative_port = relative_port;
    reg->key = key;
    reg->initiator_port = strdup(initiator_port);
    reg->target_port = strdup(target_port);
    if (!reg->initiator_port || !reg->target_port)
        return -ENOMEM;
    pr->regs[pr->n++] = TAKE_PTR(reg);
    return 0;
}

bool pr_holds(const struct pr_state *pr, const struct pr_registration *reg)
{
    return pr->type && reg && (reg->holder || pr_type_all_registrants(pr->type));
}

unsigned pr_count(const struct pr_state *pr)
{
    unsigned n = 0;

    for (unsigned i = 0; i < pr->n; i++)
        n += !pr->regs[i]->removed;
    return n;
}

void pr_sweep(struct pr_state *pr)
{
    unsigned n = 0;

    for (unsigned i = 0; i < pr->n; i++) {
        if (pr->regs[i]->removed) {
            registration_free(pr->regs[i]);
            continue;
        }
        pr->regs[i]->raise = 0;
        pr->regs[n++] = pr->regs[i];
    }
    pr->n = n;
}

struct pr_state *pr_state_clone(const struct pr_state *pr)
{
    _cleanup_(pr_state_freep) struct pr_state *copy = pr_state_new();

    if (!copy)
        return NULL;
    copy->generation = pr->generation;
    copy->modes = pr->modes;
    copy->type = pr->type;
    copy->aptpl = pr->aptpl;
    for (unsigned i = 0; i < pr->n; i++) {
        const struct pr_registration *reg = pr->regs[i];

        if (pr_add(copy, reg->initiator_port, reg->target_port, reg->relative_port, reg->key) < 0)
            return NULL;
        copy->regs[i]->holder = reg->holder;
    }
    return TAKE_PTR(copy);
}

/* ---- bytes -------------------------------------------------------------------------------------------- *
 *
 *     "VDSR" version:u8 flags:u8 (1: APTPL) type:u8 0:u8 modes:u32 count:u16
 *     count x { key:u64 relative port:u16 flags:u8 (1: holder) initiator port:u8 length, bytes; target port:
 *     the same }
 */

#define MAGIC        "VDSR"
#define VERSION      1
#define HEADER_BYTES 14
#define REG_BYTES    13 /* without the names */

static uint8_t *put_name(uint8_t *p, const char *name)
{
    size_t n = strlen(name);

    *p++ = (uint8_t)n;
    memcpy(p, name, n);
    return p + n;
}

static uint8_t *put_registration(uint8_t *p, const struct pr_registration *reg)
{
    be64_put(p, reg->key);
    be16_put(p + 8, reg->relative_port);
    p[10] = reg->holder;
    return put_name(put_name(p + 11, reg->initiator_port), reg->target_port);
}

int pr_encode(const struct pr_state *pr, uint8_t **ret_bytes, size_t *ret_len)
{
    uint8_t *bytes = malloc(HEADER_BYTES + (size_t)pr->n * (REG_BYTES + 2 * PR_NAME_MAX)), *p = bytes;

    if (!bytes)
        return -ENOMEM;
    memcpy(p, MAGIC, 4);
    p[4] = VERSION;
    p[5] = pr->aptpl;
    p[6] = pr->aptpl ? pr->type : PR_NONE;
    p[7] = 0;
    be32_put(p + 8, pr->modes);
    be16_put(p + 12, (uint16_t)(pr->aptpl ? pr_count(pr) : 0));
    p += HEADER_BYTES;
    for (unsigned i = 0; pr->aptpl && i < pr->n; i++)
        if (!pr->regs[i]->removed)
            p = put_registration(p, pr->regs[i]);
    *ret_bytes = bytes;
    *ret_len = (size_t)(p - bytes);
    return 0;
}

struct reader {
    const uint8_t *p;
    size_t left;
};

static const uint8_t *take(struct reader *r, size_t n)
{
    const uint8_t *p = r->p;

    if (n > r->left)
        return NULL;
    r->p += n;
    r->left -= n;
    return p;
}

static bool take_name(struct reader *r, char out[PR_NAME_MAX + 1])
{
    const uint8_t *len = take(r, 1), *bytes = len ? take(r, *len) : NULL;

    if (!bytes || !*len || memchr(bytes, 0, *len))
        return false;
    memcpy(out, bytes, *len);
    out[*len] = 0;
    return true;
}

static int take_registration(struct reader *r, struct pr_state *pr)
{
    char initiator[PR_NAME_MAX + 1], target[PR_NAME_MAX + 1];
    const uint8_t *fixed = take(r, 11);
    int result;

    if (!fixed || fixed[10] > 1 || !be64_get(fixed) || !take_name(r, initiator) || !take_name(r, target) ||
        pr_find(pr, initiator, target))
        return -EINVAL;
    result = pr_add(pr, initiator, target, be16_get(fixed + 8), be64_get(fixed));
    if (result < 0)
        return result == -ENOMEM ? result : -EINVAL;
    pr->regs[pr->n - 1]->holder = fixed[10];
    return 0;
}

/* Exactly one holder with WE, EA and RO; somebody registered with AR; nobody marked otherwise. */
static bool consistent(const struct pr_state *pr)
{
    unsigned n_holders = 0;

    for (unsigned i = 0; i < pr->n; i++)
        n_holders += pr->regs[i]->holder;
    if (pr->type && !pr_type_valid(pr->type))
        return false;
    if (!pr->type || pr_type_all_registrants(pr->type))
        return !n_holders && (!pr->type || pr->n);
    return n_holders == 1;
}

int pr_decode(const void *bytes, size_t len, struct pr_state **ret_pr)
{
    struct reader r = { bytes, len };
    const uint8_t *header = take(&r, HEADER_BYTES);
    _cleanup_(pr_state_freep) struct pr_state *pr = NULL;

    if (!header || memcmp(header, MAGIC, 4) || header[4] != VERSION || header[5] > 1 || header[7])
        return -EINVAL;
    pr = pr_state_new();
    if (!pr)
        return -ENOMEM;
    pr->aptpl = header[5];
    pr->type = header[6];
    pr->modes = be32_get(header + 8);
    for (unsigned i = 0; i < be16_get(header + 12); i++) {
        int result = take_registration(&r, pr);

        if (result < 0)
            return result;
    }
    if (r.left || !consistent(pr))
        return -EINVAL;
    *ret_pr = TAKE_PTR(pr);
    return 0;
}
