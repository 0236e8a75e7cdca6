/* SPDX-License-Identifier: MIT */
#include "fake_array_internal.h"

#include "../alloc_faults.h"

/* test_memory.c fails allocations of the code under test; those of this stand-in are none of them. */
extern __typeof__(alloc_faults_pause) alloc_faults_pause __attribute__((weak));

void *fake_take(size_t n, size_t size)
{
    void *p;

    if (alloc_faults_pause)
        alloc_faults_pause(true);
    p = calloc(n, size);
    if (alloc_faults_pause)
        alloc_faults_pause(false);
    return p;
}

/* ---- things -------------------------------------------------------------------------------------------- */

struct thing *thing_add(struct array *a, enum kind kind)
{
    struct thing *t = &a->things[kind][a->n[kind]++];

    memset(t, 0, sizeof *t);
    guid_generate(&t->id);
    t->status = 1;
    return t;
}

struct thing *thing_find(struct array *a, enum kind kind, const struct guid *id)
{
    for (size_t i = 0; i < a->n[kind]; i++) {
        if (guid_equal(&a->things[kind][i].id, id))
            return &a->things[kind][i];
    }
    return NULL;
}

void thing_drop(struct array *a, enum kind kind, struct thing *t)
{
    size_t i = (size_t)(t - a->things[kind]);

    memmove(t, t + 1, (--a->n[kind] - i) * sizeof *t);
}

bool thing_has(const struct thing *t, const struct guid *member)
{
    for (size_t i = 0; i < t->n_members; i++) {
        if (guid_equal(&t->members[i], member))
            return true;
    }
    return false;
}

void thing_emit(struct array *a, uint32_t event, uint32_t type, const struct guid *id)
{
    struct array_notification n = { event, type, *id };

    if (a->notify)
        a->notify(a->notify_arg, &n, 1);
}

struct array *fake_array_open(void (*notify)(void *arg, const struct array_notification *events, size_t n),
                              void *notify_arg)
{
    struct array *a = calloc(1, sizeof *a);
    struct thing *t;

    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    a->notify = notify;
    a->notify_arg = notify_arg;
    guid_generate(&a->id);
    guid_generate(&a->provider_id);
    guid_generate(&a->pool);
    strcpy(a->name, "array");
    a->status = VDS_SSS_ONLINE;
    strcpy(thing_add(a, PORTAL)->name, "192.168.0.1");
    strcpy(thing_add(a, PORTAL)->name, "fe80::1");
    t = thing_add(a, DRIVE);
    t->size = 1000ull << 30;
    strcpy(t->name, "/srv/drive0");
    strcpy(thing_add(a, CONTROLLER)->name, "node");
    return a;
}

void fake_array_close(struct array *a)
{
    if (!a)
        return;
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

void fake_fail(struct array *a, HRESULT hr)
{
    LOCKED(a);
    a->fail = hr;
}

void fake_hold(struct array *a)
{
    LOCKED(a);
    a->hold = true;
}

bool fake_somebody_blocks(struct array *a)
{
    LOCKED(a);
    return a->n_blocked > 0;
}

void fake_add_session(struct array *a, const struct guid *target, const char *initiator, bool discovery)
{
    struct engine_session *s = &a->sessions[a->n_sessions++];

    s->id = a->n_sessions;
    s->target = *target;
    s->portal = a->things[PORTAL][0].id;
    s->since_ns = 5000000000u;
    strcpy(s->peer_address, "10.0.0.9:40000");
    strcpy(s->facts.initiator, initiator);
    memcpy(s->facts.isid, "\x00\x02\x3d\x00\x00\x01", 6);
    s->facts.state = ISCSI_CONN_FULL;
    s->facts.tag = 1;
    s->facts.discovery = discovery;
    s->facts.n_bytes_in = 11;
    s->facts.n_bytes_out = 22;
}

void fake_portal_without_address(struct array *a, const struct guid *portal)
{
    thing_find(a, PORTAL, portal)->no_address = true;
}

void fake_emit(struct array *a, const struct array_notification *events, size_t n)
{
    a->notify(a->notify_arg, events, n);
}

int fake_n_reenumerations(struct array *a)
{
    LOCKED(a);
    return a->n_reenumerations;
}

int fake_n_refreshes(struct array *a)
{
    LOCKED(a);
    return a->n_refreshes;
}

void fake_set_many_ties(struct array *a, size_t n)
{
    LOCKED(a);

    a->n_more_ties = n;
}

const char *fake_last_secret(struct array *a)
{
    return a->last_secret;
}
