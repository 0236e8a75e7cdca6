/* SPDX-License-Identifier: MIT */
#include "rpc/conn.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error_text.h"
#include "base/list.h"
#include "rpc/connection_vtable.h"
#include "rpc/error.h"
#include "rpc/path.h"
#include "rpc/protocol.h"
#include "rpc/sink.h"
#include "rpc/thread.h"

#define HELLO_SECONDS 30

struct rpc_conn {
    atomic_uint users;   /* proxies and calls: the last one closes */
    atomic_uint holders; /* the users together, and the dispatcher: the last one frees */
    int wake_fd;
    char *where;
    struct rpc_sinks *sinks;

    pthread_mutex_t lock; /* recursive */
    sd_bus *bus;
    struct list_node calls;
    bool closing, dead;
    pthread_t dispatcher;
};

/* A call that waits for its reply. On its caller's stack. */
struct pending {
    struct list_node link;
    pthread_cond_t answered;
    sd_bus_message *reply; /* NULL when answered: the connection died */
    bool done;
};

static void conn_release(struct rpc_conn *c)
{
    if (atomic_fetch_sub(&c->holders, 1) > 1)
        return;
    pthread_mutex_destroy(&c->lock);
    closep(&c->wake_fd);
    free(c->where);
    free(c);
}

static void wake(struct rpc_conn *c)
{
    uint64_t one = 1;

    if (write(c->wake_fd, &one, sizeof one) < 0) {
        /* it is full: the dispatcher is on its way */
    }
}

/* ---- the dispatcher ---------------------------------------------------------------------------------- */

static void answer(struct pending *p, sd_bus_message *reply)
{
    p->reply = sd_bus_message_ref(reply);
    p->done = true;
    list_remove(&p->link);
    pthread_cond_signal(&p->answered);
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    (void)error;
    answer(userdata, m);
    return 1;
}

static int on_notify(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    struct rpc_conn *c = userdata;

    (void)error;
    if (!c->closing) /* the sinks are there until then */
        rpc_sinks_signal(c->sinks, m);
    return 0;
}

static int timeout_ms(sd_bus *bus)
{
    struct timespec t;
    uint64_t until, now;

    if (sd_bus_get_timeout(bus, &until) <= 0 || until == UINT64_MAX)
        return -1;
    clock_gettime(CLOCK_MONOTONIC, &t);
    now = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
    return until <= now ? 0 : (int)((until - now) / 1000 > 3600000 ? 3600000 : (until - now + 999) / 1000);
}

/* Waits for the socket or a wake-up, without the lock. */
static void wait_for_io(struct rpc_conn *c)
{
    struct pollfd fds[2] = { { .fd = c->wake_fd, .events = POLLIN }, { .fd = sd_bus_get_fd(c->bus) } };
    int events = sd_bus_get_events(c->bus), timeout = timeout_ms(c->bus);
    uint64_t n;

    fds[1].events = events > 0 ? (short)events : 0;
    pthread_mutex_unlock(&c->lock);
    poll(fds, 2, timeout);
    if (fds[0].revents && read(c->wake_fd, &n, sizeof n) < 0) {
        /* somebody was quicker */
    }
    pthread_mutex_lock(&c->lock);
}

static void bury(struct rpc_conn *c)
{
    c->dead = true;
    if (!c->closing)
        rpc_sinks_lost(c->sinks);
    while (!list_empty(&c->calls))
        answer(container_of(c->calls.next, struct pending, link), NULL);
    sd_bus_close(c->bus);
}

static void *dispatcher(void *arg)
{
    struct rpc_conn *c = arg;
    int r = 0;

    pthread_mutex_lock(&c->lock);
    while (!c->closing && r >= 0) {
        while ((r = sd_bus_process(c->bus, NULL)) > 0)
            ;
        if (r >= 0 && !c->closing)
            wait_for_io(c);
    }
    bury(c);
    while (!c->closing) /* the last user has the last word */
        wait_for_io(c);
    c->bus = sd_bus_unref(c->bus);
    pthread_mutex_unlock(&c->lock);
    conn_release(c);
    return NULL;
}

/* ---- calls ------------------------------------------------------------------------------------------- */

static HRESULT lost(struct rpc_conn *c)
{
    error_text_set("the service at %s has ended the connection", c->where);
    return RPC_E_DISCONNECTED;
}

HRESULT rpc_conn_lock(struct rpc_conn *c)
{
    pthread_mutex_lock(&c->lock);
    if (!c->dead)
        return S_OK;
    pthread_mutex_unlock(&c->lock);
    return lost(c);
}

void rpc_conn_unlock(struct rpc_conn *c)
{
    pthread_mutex_unlock(&c->lock);
}

HRESULT rpc_conn_message(struct rpc_conn *c, const char *path, const char *interface, const char *member,
                         sd_bus_message **ret_m)
{
    int r = sd_bus_message_new_method_call(c->bus, ret_m, NULL, path, interface, member);

    return r >= 0 ? S_OK : r == -ENOMEM ? E_OUTOFMEMORY : lost(c);
}

/* Sees that the dispatcher waits for what the bus now wants. */
static void nudge(struct rpc_conn *c)
{
    int events = sd_bus_get_events(c->bus);

    if (!pthread_equal(pthread_self(), c->dispatcher) && (events < 0 || (events & POLLOUT)))
        wake(c);
}

static HRESULT exchange(struct rpc_conn *c, sd_bus_message *m, uint64_t timeout, sd_bus_message **ret_reply)
{
    struct pending p = { .answered = PTHREAD_COND_INITIALIZER };
    sd_bus_slot *slot = NULL;
    HRESULT hr;
    int r;

    r = sd_bus_call_async(c->bus, &slot, m, on_reply, &p, timeout);
    if (r < 0)
        return r == -ENOMEM ? E_OUTOFMEMORY : lost(c);
    list_append(&c->calls, &p.link);
    if (timeout == UINT64_MAX)
        nudge(c);
    else
        wake(c);
    while (!p.done)
        pthread_cond_wait(&p.answered, &c->lock);
    sd_bus_slot_unref(slot);
    if (!p.reply || c->dead) {
        hr = lost(c);
    } else if (sd_bus_message_get_error(p.reply)) {
        hr = rpc_error_from_bus(sd_bus_message_get_error(p.reply));
        if (hr == RPC_E_DISCONNECTED)
            hr = lost(c);
    } else {
        *ret_reply = p.reply;
        return S_OK;
    }
    sd_bus_message_unref(p.reply);
    return hr;
}

HRESULT rpc_conn_exchange(struct rpc_conn *c, sd_bus_message *m, sd_bus_message **ret_reply)
{
    return exchange(c, m, UINT64_MAX,
                    ret_reply); /* the service answers when it is done; its end ends the call */
}

void rpc_conn_post(struct rpc_conn *c, sd_bus_message *m)
{
    if (sd_bus_message_set_expect_reply(m, 0) >= 0 && sd_bus_send(c->bus, m, NULL) >= 0)
        nudge(c);
}

struct rpc_sinks *rpc_conn_sinks(struct rpc_conn *c)
{
    return c->sinks;
}

/* ---- opening and closing ----------------------------------------------------------------------------- */

struct rpc_conn *rpc_conn_ref(struct rpc_conn *c)
{
    atomic_fetch_add(&c->users, 1);
    return c;
}

void rpc_conn_unref(struct rpc_conn *c)
{
    if (!c || atomic_fetch_sub(&c->users, 1) > 1)
        return;
    pthread_mutex_lock(&c->lock);
    c->closing = true;
    pthread_mutex_unlock(&c->lock);
    rpc_sinks_destroy(c->sinks);
    wake(c);
    conn_release(c);
}

static int start_bus(struct rpc_conn *c, int fd)
{
    int r = sd_bus_new(&c->bus);

    if (r >= 0)
        r = sd_bus_set_fd(c->bus, fd, fd);
    if (r < 0) {
        close(fd);
        return r;
    }
    r = sd_bus_negotiate_fds(c->bus, 0);
    if (r >= 0)
        r = sd_bus_match_signal(c->bus, NULL, NULL, RPC_PATH_ROOT, RPC_CONNECTION_INTERFACE,
                                RPC_EVENTS_SIGNAL, on_notify, c);
    return r < 0 ? r : sd_bus_start(c->bus);
}

static int start_dispatcher(struct rpc_conn *c)
{
    int r;

    atomic_fetch_add(&c->holders, 1);
    pthread_mutex_lock(&c->lock); /* so that `dispatcher` is set before it is read */
    r = rpc_thread_create(&c->dispatcher, /* detached= */ true, dispatcher, c);
    pthread_mutex_unlock(&c->lock);
    if (r < 0)
        atomic_fetch_sub(&c->holders, 1);
    return r;
}

static HRESULT say_hello(struct rpc_conn *c, sd_bus_message **m, sd_bus_message **reply)
{
    const char *software;
    uint32_t version;
    HRESULT hr = rpc_conn_message(c, RPC_PATH_ROOT, RPC_CONNECTION_INTERFACE, "Hello", m);

    if (SUCCEEDED(hr) && sd_bus_message_append(*m, "us", RPC_PROTOCOL, "libvds") < 0)
        hr = E_OUTOFMEMORY;
    if (SUCCEEDED(hr))
        hr = exchange(c, *m, (uint64_t)HELLO_SECONDS * 1000000, reply);
    if (FAILED(hr))
        return hr;
    if (sd_bus_message_read(*reply, "us", &version, &software) > 0 && version == RPC_PROTOCOL)
        return S_OK;
    error_text_set("what answers at %s is not a service of this version", c->where);
    return RPC_WRONG_VERSION;
}

static HRESULT hello(struct rpc_conn *c)
{
    sd_bus_message *m = NULL, *reply = NULL;
    HRESULT hr = rpc_conn_lock(c);

    if (FAILED(hr))
        return hr;
    hr = say_hello(c, &m, &reply);
    sd_bus_message_unref(m);
    sd_bus_message_unref(reply);
    rpc_conn_unlock(c);
    if (hr == RPC_E_DISCONNECTED)
        error_text_set("what listens at %s does not answer as a vds service", c->where);
    return hr == RPC_E_DISCONNECTED ? RPC_UNAVAILABLE : hr;
}

static struct rpc_conn *conn_new(const char *where)
{
    struct rpc_conn *c = calloc(1, sizeof *c);
    pthread_mutexattr_t attr;

    if (!c)
        return NULL;
    atomic_init(&c->users, 1);
    atomic_init(&c->holders, 1);
    list_init(&c->calls);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&c->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->where = strdup(where);
    c->sinks = rpc_sinks_new();
    if (c->wake_fd >= 0 && c->where && c->sinks)
        return c;
    rpc_sinks_destroy(c->sinks);
    conn_release(c);
    return NULL;
}

/* Before there is a dispatcher. */
static void give_up(struct rpc_conn *c)
{
    sd_bus_close(c->bus);
    sd_bus_unref(c->bus);
    rpc_sinks_destroy(c->sinks);
    conn_release(c);
}

HRESULT rpc_conn_open(int fd, const char *where, struct rpc_conn **ret_conn)
{
    struct rpc_conn *c = conn_new(where);
    HRESULT hr;

    if (!c) {
        close(fd);
        return E_OUTOFMEMORY;
    }
    if (start_bus(c, fd) < 0 || start_dispatcher(c) < 0) {
        give_up(c);
        error_text_set("the connection to %s broke while it was set up", where);
        return RPC_UNAVAILABLE;
    }
    hr = hello(c);
    if (FAILED(hr))
        rpc_conn_unref(c);
    else
        *ret_conn = c;
    return hr;
}
