/* SPDX-License-Identifier: MIT */
/* Operations that clients hold: a table per client, and the Waits that are answered when one ends. The end
 * itself is told by com_async_on_end(), which takes no thread; an async object that is not com's gets one
 * thread for all its Waits. Once ended, the outcome is kept here, so later Waits are answered at once.
 *
 * An ended operation stays until its client releases it or goes; when the table is full, those that ended
 * more than keep_seconds ago make room. Dropping one never cancels it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error_text.h"
#include "rpc/error.h"
#include "rpc/server_internal.h"
#include "rpc/thread.h"

struct rpc_wait {
    struct list_node link;
    sd_bus_message *request;
};

void rpc_operation_unref(struct rpc_operation *op)
{
    if (!op || atomic_fetch_sub(&op->refs, 1) > 1)
        return;
    IVdsAsync_Release(op->async);
    rpc_result_fini(&op->result);
    free(op);
}

static struct rpc_operation *operation_ref(struct rpc_operation *op)
{
    atomic_fetch_add(&op->refs, 1);
    return op;
}

/* ---- the table --------------------------------------------------------------------------------------- */

/* Off the table; the caller has the table's reference then. Under the lock. */
static void detach(struct rpc_operation *op)
{
    op->peer->n_operations--;
    op->server->n_operations--;
    op->peer = NULL;
    list_remove(&op->link);
}

/* The oldest one that nobody needs any more, taken off. Under the lock. */
static struct rpc_operation *take_stale(struct rpc_peer *p)
{
    uint64_t keep = (uint64_t)p->server->options.keep_seconds * 1000000, now = rpc_now();

    list_for_each (n, &p->operations) {
        struct rpc_operation *op = container_of(n, struct rpc_operation, link);

        if (op->ended && list_empty(&op->waits) && now - op->ended_at >= keep) {
            detach(op);
            return op;
        }
    }
    return NULL;
}

HRESULT rpc_operation_reserve(struct rpc_peer *p)
{
    struct rpc_operation *stale = NULL;
    bool full;

    pthread_mutex_lock(&p->server->lock);
    if (p->n_operations >= p->server->options.max_operations)
        stale = take_stale(p);
    full = p->n_operations >= p->server->options.max_operations;
    if (!full) {
        p->n_operations++;
        p->server->n_operations++;
    }
    pthread_mutex_unlock(&p->server->lock);
    rpc_operation_unref(stale);
    if (!full)
        return S_OK;
    error_text_set("this client holds %u operations, which is the limit: release those that have ended",
                   p->server->options.max_operations);
    return RPC_TOO_MANY;
}

void rpc_operation_unreserve(struct rpc_peer *p)
{
    pthread_mutex_lock(&p->server->lock);
    p->n_operations--;
    p->server->n_operations--;
    pthread_mutex_unlock(&p->server->lock);
}

HRESULT rpc_operation_create(struct rpc_peer *p, IVdsAsync *async, char path[static RPC_PATH_MAX])
{
    struct rpc_operation *op = calloc(1, sizeof *op);
    bool dead;

    if (!op)
        return E_OUTOFMEMORY;
    atomic_init(&op->refs, 1);
    op->server = p->server;
    op->async = async;
    IVdsAsync_AddRef(async);
    list_init(&op->link);
    list_init(&op->waits);
    list_init(&op->ended_link);
    pthread_mutex_lock(&p->server->lock);
    op->number = ++p->server->last_operation;
    dead = p->dead;
    if (dead) { /* the reservation goes with it */
        p->n_operations--;
        p->server->n_operations--;
    } else {
        op->peer = p;
        list_append(&p->operations, &op->link);
    }
    pthread_mutex_unlock(&p->server->lock);
    rpc_path_format(&(struct rpc_path){ .kind = rpc_kind_async, .operation = op->number }, path);
    if (dead)
        rpc_operation_unref(op);
    return S_OK;
}

struct rpc_operation *rpc_operation_find(struct rpc_peer *p, uint64_t number)
{
    struct rpc_operation *found = NULL;

    pthread_mutex_lock(&p->server->lock);
    list_for_each (n, &p->operations) {
        struct rpc_operation *op = container_of(n, struct rpc_operation, link);

        if (op->number == number) {
            found = operation_ref(op);
            break;
        }
    }
    pthread_mutex_unlock(&p->server->lock);
    return found;
}

/* ---- Wait -------------------------------------------------------------------------------------------- */

static const struct rpc_method *wait_method(void)
{
    return rpc_method_by_name(rpc_kind_async->ifaces[0], "Wait");
}

/* Names the object that the operation made. */
static HRESULT name_output(void *arg, const struct rpc_type *type, IUnknown *object,
                           struct rpc_path_item *item)
{
    const struct rpc_kind *kind = NULL;
    char text[RPC_PATH_MAX];
    HRESULT hr = rpc_name_object(object, &kind, text);

    (void)arg;
    (void)type;
    if (SUCCEEDED(hr))
        item->paths[0] = strdup(text);
    return FAILED(hr) ? hr : item->paths[0] ? S_OK : E_OUTOFMEMORY;
}

/* Waits (at once, when told of the end) and keeps what came out. Any thread. */
static void collect(struct rpc_operation *op)
{
    const struct rpc_method *method = wait_method();
    struct rpc_result *result = &op->result; /* nobody looks before `ended` */

    error_text_clear();
    result->hr = rpc_decode_in(NULL, method, &rpc_default_limits, &result->frame); /* has no inputs */
    if (SUCCEEDED(result->hr))
        result->hr =
            rpc_thunks[method->iface->number][method - method->iface->methods](op->async, result->frame.args);
    if (SUCCEEDED(result->hr))
        result->hr = rpc_out_objects(&result->frame, name_output, NULL, &result->paths) < 0 ? E_UNEXPECTED
                                                                                            : result->hr;
    snprintf(result->text, sizeof result->text, "%s", error_text_get());
}

/* Publishes the outcome. Gives the watch's references back. */
static void conclude(struct rpc_operation *op)
{
    struct rpc_server *s = op->server;
    bool closed;

    pthread_mutex_lock(&s->lock);
    op->ended = true;
    op->ended_at = rpc_now();
    closed = s->closed;
    if (!closed)
        list_append(&s->ended, &op->ended_link); /* with the watch's reference to the operation */
    pthread_mutex_unlock(&s->lock);
    if (closed)
        rpc_operation_unref(op);
    else
        rpc_server_wake(s);
    rpc_server_unref(s);
}

static void collect_job(struct rpc_job *job)
{
    struct rpc_operation *op = container_of(job, struct rpc_operation, job);

    collect(op);
    conclude(op);
}

/* On a thread of the operation's: it has better things to do than this. */
static void on_end(void *arg)
{
    struct rpc_operation *op = arg;

    op->job.run = collect_job;
    rpc_pool_job(op->server, &op->job);
}

static void *watcher(void *arg)
{
    collect_job(&((struct rpc_operation *)arg)->job);
    return NULL;
}

static int watch_by_thread(struct rpc_operation *op)
{
    pthread_t thread;

    return rpc_thread_create(&thread, /* detached= */ true, watcher, op);
}

/* Sees that the end is told. Once per operation; the watch holds the operation and the server. */
static void watch(struct rpc_operation *op)
{
    rpc_server_ref(op->server);
    operation_ref(op);
    if (com_async_on_end(op->async, on_end, op) == S_OK || watch_by_thread(op) == 0)
        return;
    op->result.hr = E_OUTOFMEMORY;
    snprintf(op->result.text, sizeof op->result.text, "no thread can be made to wait for the operation");
    conclude(op);
}

static bool add_wait(struct rpc_peer *p, struct rpc_operation *op, struct rpc_wait *wait, bool *ret_first)
{
    bool room = p->n_waits < p->server->options.max_waits;

    if (room) {
        p->n_waits++;
        p->server->n_waits++;
        list_append(&op->waits, &wait->link);
        *ret_first = !op->watched;
        op->watched = true;
    }
    return room;
}

static int defer(struct rpc_peer *p, struct rpc_operation *op, sd_bus_message *request)
{
    struct rpc_wait *wait = malloc(sizeof *wait);
    bool first = false, room;

    if (!wait)
        return -ENOMEM;
    pthread_mutex_lock(&p->server->lock);
    room = add_wait(p, op, wait, &first);
    pthread_mutex_unlock(&p->server->lock);
    if (!room) {
        free(wait);
        return rpc_reply_error(request, RPC_TOO_BUSY, "this client has too many Waits pending");
    }
    wait->request = sd_bus_message_ref(request);
    if (first)
        watch(op);
    return 1;
}

int rpc_operation_wait(struct rpc_peer *p, struct rpc_operation *op, sd_bus_message *request)
{
    bool ended;
    int r;

    pthread_mutex_lock(&p->server->lock);
    ended = op->ended && list_empty(&op->waits); /* else its turn comes with the others' */
    pthread_mutex_unlock(&p->server->lock);
    r = ended ? rpc_reply(request, &op->result) : defer(p, op, request);
    rpc_operation_unref(op);
    return r < 0 ? r : 1;
}

/* Takes the Waits off; they are to be answered or dropped. */
static void take_waits(struct rpc_operation *op, struct rpc_peer *p, struct list_node *waits)
{
    list_init(waits);
    pthread_mutex_lock(&op->server->lock);
    list_for_each (n, &op->waits) {
        p->n_waits--;
        op->server->n_waits--;
    }
    list_splice(waits, &op->waits);
    pthread_mutex_unlock(&op->server->lock);
}

static void finish_waits(struct list_node *waits, struct rpc_result *result)
{
    for (struct list_node *n; (n = list_pop(waits));) {
        struct rpc_wait *wait = container_of(n, struct rpc_wait, link);

        if (result)
            rpc_reply(wait->request, result);
        sd_bus_message_unref(wait->request);
        free(wait);
    }
}

void rpc_operation_answer(struct rpc_operation *op)
{
    struct list_node waits;

    if (!list_empty(&op->waits)) { /* then the peer is there: its end would have taken them */
        take_waits(op, op->peer, &waits);
        finish_waits(&waits, &op->result);
    }
    rpc_operation_unref(op);
}

/* ---- letting go -------------------------------------------------------------------------------------- */

static void let_go(struct rpc_operation *op, struct rpc_peer *p)
{
    static const char why[] = "the operation was released while this call waited for it";
    struct rpc_result released = { .hr = VDS_E_OBJECT_DELETED };
    struct list_node waits;

    memcpy(released.text, why, sizeof why);
    take_waits(op, p, &waits);
    pthread_mutex_lock(&p->server->lock);
    detach(op);
    pthread_mutex_unlock(&p->server->lock);
    finish_waits(&waits, p->dead ? NULL : &released);
    rpc_operation_unref(op);
}

int rpc_operation_release(struct rpc_peer *p, uint64_t number)
{
    struct rpc_operation *op = rpc_operation_find(p, number);

    if (!op)
        return -ENOENT;
    let_go(op, p);
    rpc_operation_unref(op);
    return 0;
}

void rpc_operation_release_all(struct rpc_peer *p)
{
    for (;;) {
        struct rpc_operation *op = NULL;

        pthread_mutex_lock(&p->server->lock);
        if (!list_empty(&p->operations))
            op = container_of(p->operations.next, struct rpc_operation, link);
        pthread_mutex_unlock(&p->server->lock);
        if (!op)
            return;
        let_go(op, p);
    }
}
