/* SPDX-License-Identifier: MIT */
/* A store in front of another that lets a hook pass, fail or hold each request: fault injection for tests.
 * Held requests wait in order, each marked with the thread that submitted it, because it must complete there.
 */
#include <errno.h>
#include <pthread.h>

#include "base/list.h"
#include "store/store_backend.h"

struct fault_store {
    struct store store;
    struct store *inner; /* one reference */
    store_fault_hook *hook;
    void *arg;
    pthread_mutex_t mutex;
    struct list_node held; /* struct held, in req->private; under mutex */
};

struct held {
    struct list_node link;
    struct store_request *req;
    pthread_t thread;
};
_Static_assert(sizeof(struct held) <= sizeof((struct store_request){ 0 }.private), "fits the request");

static struct fault_store *fault_of(const struct store *store)
{
    return container_of(store, struct fault_store, store);
}

static void hold(struct fault_store *f, struct store_request *req)
{
    struct held *h = (struct held *)req->private;

    h->req = req;
    h->thread = pthread_self();
    pthread_mutex_lock(&f->mutex);
    list_append(&f->held, &h->link);
    pthread_mutex_unlock(&f->mutex);
}

static int fault_submit(struct store *store, struct store_request *req)
{
    struct fault_store *f = fault_of(store);
    int r = f->hook(f->arg, req);

    if (r == -EINPROGRESS) {
        hold(f, req);
        return r;
    }
    return r < 0 ? r : store_submit(f->inner, req);
}

/* Moves this thread's held requests to `mine`: what their callbacks submit may be held again without being
 * released again. */
static unsigned take_mine(struct fault_store *f, struct list_node *mine)
{
    unsigned n_taken = 0;

    pthread_mutex_lock(&f->mutex);
    list_for_each_safe(n, &f->held) {
        if (!pthread_equal(container_of(n, struct held, link)->thread, pthread_self()))
            continue;
        list_remove(n);
        list_append(mine, n);
        n_taken++;
    }
    pthread_mutex_unlock(&f->mutex);
    return n_taken;
}

unsigned store_fault_release(struct store *fault)
{
    _cleanup_(store_unrefp) struct store *alive = store_ref(fault); /* a callback may drop the last user's */
    struct fault_store *f = fault_of(alive);
    struct list_node mine, *n;
    unsigned n_taken;

    list_init(&mine);
    n_taken = take_mine(f, &mine);
    while ((n = list_pop(&mine))) {
        struct store_request *req = container_of(n, struct held, link)->req;
        int r = store_submit(f->inner, req);

        if (r != -EINPROGRESS)
            req->done(req, r);
    }
    return n_taken;
}

static int fault_extent_at(struct store *store, uint64_t offset, struct store_extent *ret_extent)
{
    return store_extent_at(fault_of(store)->inner, offset, ret_extent);
}

static uint64_t fault_allocated(const struct store *store)
{
    return store_allocated(fault_of(store)->inner);
}

static int fault_reserve(struct store *store, uint64_t offset, uint64_t len)
{
    return store_reserve(fault_of(store)->inner, offset, len);
}

static int fault_resize(struct store *store, uint64_t size)
{
    return store_resize(fault_of(store)->inner, size);
}

static void fault_close(struct store *store)
{
    struct fault_store *f = fault_of(store);

    store_unref(f->inner);
    pthread_mutex_destroy(&f->mutex);
    free(f);
}

static const struct store_kind fault_kind = {
    .name = "fault",
    .submit = fault_submit,
    .extent_at = fault_extent_at,
    .allocated = fault_allocated,
    .reserve = fault_reserve,
    .resize = fault_resize,
    .close = fault_close,
};

int store_fault_open(struct store *inner, store_fault_hook *hook, void *arg, struct store **ret_store)
{
    struct fault_store *f = calloc(1, sizeof *f);

    if (!f)
        return -ENOMEM;
    store_init(&f->store, &fault_kind, store_size(inner));
    f->store.thin = inner->thin;
    f->store.read_only = inner->read_only;
    f->inner = store_ref(inner);
    f->hook = hook;
    f->arg = arg;
    pthread_mutex_init(&f->mutex, NULL);
    list_init(&f->held);
    *ret_store = &f->store;
    return 0;
}
