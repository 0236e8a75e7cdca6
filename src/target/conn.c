/* SPDX-License-Identifier: MIT */
#include "target/conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

/* A full window of answers, each header + data + digest, fits one send. */
#define SEND_IOV 384
/* The first piece of a batch of answers: a quarter, at least this. */
#define FIRST_PIECE_MIN 16384
/* From the decision to close: for the peer to take our last bytes and close its side. Below a second, so that
 * a drain keeps its limit. */
#define GRACE_NS 500000000u

struct send_slot {
    struct send_slot *next;
    struct msghdr msg;
    struct iovec iov[SEND_IOV];
};

static void step(struct target_conn *conn);

/* ---- the turn's list ------------------------------------------------------------------------------- */

void target_conn_touch(struct target_conn *conn)
{
    struct target_reactor *reactor = conn->reactor;

    if (!list_linked(&conn->touched))
        list_append(&reactor->touched, &conn->touched);
    if (!reactor->touched_armed) {
        reactor->touched_armed = true;
        loop_defer(reactor->loop, &reactor->touched_op);
    }
}

/* Those touched while we look wait for the next round: a connection that always has something cannot hold the
 * others up. */
void target_conns_touched(struct loop_op *op, int res)
{
    struct target_reactor *reactor = container_of(op, struct target_reactor, touched_op);
    struct list_node now = LIST_INIT(now), *node;

    (void)res;
    reactor->touched_armed = false;
    list_splice(&now, &reactor->touched);
    reactor->one_touched = now.next == now.prev;
    while ((node = list_pop(&now)))
        step(container_of(node, struct target_conn, touched));
}

/* ---- the driver's face to the protocol ------------------------------------------------------------- */

static void driver_wake(void *arg, struct iscsi_conn *iscsi)
{
    (void)iscsi;
    target_conn_touch(arg);
}

static void *driver_buffer_get(void *arg, size_t len)
{
    const struct target_conn *conn = arg;

    return target_buffers_get(&conn->reactor->buffers, len);
}

static void driver_buffer_put(void *arg, void *buf, size_t len)
{
    const struct target_conn *conn = arg;

    target_buffers_put(&conn->reactor->buffers, buf, len);
}

static uint64_t driver_clock(void *arg)
{
    (void)arg;
    return loop_clock();
}

static const struct iscsi_driver driver = {
    .wake = driver_wake,
    .buffer_get = driver_buffer_get,
    .buffer_put = driver_buffer_put,
    .clock = driver_clock,
};

/* ---- sending --------------------------------------------------------------------------------------- */

static struct send_slot *slot_get(struct target_reactor *reactor)
{
    struct send_slot *slot = reactor->slots;

    if (!slot)
        return calloc(1, sizeof *slot);
    reactor->slots = slot->next;
    return slot;
}

static void slot_put(struct target_reactor *reactor, struct send_slot *slot)
{
    slot->next = reactor->slots;
    reactor->slots = slot;
}

void target_slots_free(struct target_reactor *reactor)
{
    for (struct send_slot *slot = reactor->slots, *next; slot; slot = next) {
        next = slot->next;
        free(slot);
    }
}

static void send_failed(struct target_conn *conn, int res)
{
    if (res == -EFAULT) {
        log_error("connection from %s closed: a LUN's file has lost pages that were being sent",
                  conn->peer_address);
        iscsi_conn_send_faulted(conn->iscsi);
    }
    target_conn_kill(conn);
}

static void sent(struct loop_op *op, int res)
{
    struct target_conn *conn = container_of(op, struct target_conn, send_op);

    slot_put(conn->reactor, TAKE_PTR(conn->slot));
    conn->sending = false;
    if (conn->stage == CONN_STAGE_STOP)
        ; /* the protocol is about to hear that the socket is gone */
    else if (res > 0)
        iscsi_conn_sent(conn->iscsi, (size_t)res);
    else
        send_failed(conn, res);
    target_conn_touch(conn);
}

/* A peer that sleeps is woken by the first bytes and answers while the rest is being sent. All in one go, and
 * it would find everything there, send all its commands at once and leave us idle meanwhile, and so on in
 * lockstep. With several connections there is always something to do. */
static int first_piece(const struct iovec *iov, int n_iov)
{
    size_t total = 0, bytes = 0, enough;
    int n = 0;

    for (int i = 0; i < n_iov; i++)
        total += iov[i].iov_len;
    enough = total / 4 > FIRST_PIECE_MIN ? total / 4 : FIRST_PIECE_MIN;
    while (n < n_iov && bytes < enough)
        bytes += iov[n++].iov_len;
    return n;
}

/* The answers of the turn in one or two gathered sends; one is under way at a time. */
static void send_some(struct target_conn *conn)
{
    int n;

    if (conn->sending)
        return;
    if (!conn->slot && !(conn->slot = slot_get(conn->reactor))) {
        log_error("connection from %s closed: no memory to send", conn->peer_address);
        target_conn_kill(conn);
        return;
    }
    n = iscsi_conn_output(conn->iscsi, conn->slot->iov, SEND_IOV);
    if (n <= 0) {
        conn->mid_batch = false;
        slot_put(conn->reactor, TAKE_PTR(conn->slot));
        return;
    }
    if (!conn->mid_batch && conn->reactor->one_touched)
        n = first_piece(conn->slot->iov, n);
    conn->mid_batch = conn->sending = true;
    conn->slot->msg = (struct msghdr){ .msg_iov = conn->slot->iov, .msg_iovlen = (size_t)n };
    loop_sendmsg(conn->reactor->loop, &conn->send_op, conn->fd, &conn->slot->msg);
}

/* ---- receiving ------------------------------------------------------------------------------------- */

static void received_open(struct target_conn *conn, int res)
{
    if (res <= 0) {
        target_conn_kill(conn);
        return;
    }
    if (iscsi_conn_received(conn->iscsi, (size_t)res, loop_now(conn->reactor->loop)) < 0)
        conn->failed = true;
}

static void received(struct loop_op *op, int res)
{
    struct target_conn *conn = container_of(op, struct target_conn, recv_op);

    conn->receiving = false;
    if (conn->stage == CONN_STAGE_OPEN)
        received_open(conn, res);
    else if (res <= 0 && res != -ECANCELED)
        conn->eof = true;
    target_conn_touch(conn);
}

static void receive(struct target_conn *conn, int n_iov)
{
    conn->receiving = true;
    conn->recv_msg = (struct msghdr){ .msg_iov = conn->recv_iov, .msg_iovlen = (size_t)n_iov };
    loop_recvmsg(conn->reactor->loop, &conn->recv_op, conn->fd, &conn->recv_msg);
}

/* The protocol offers no room while its answers pile up: that is what holds a peer back that does not read
 * them. */
static void receive_some(struct target_conn *conn)
{
    int n;

    if (conn->receiving)
        return;
    n = iscsi_conn_input(conn->iscsi, conn->recv_iov, CONN_RECV_IOV);
    if (n > 0)
        receive(conn, n);
}

static void discard_some(struct target_conn *conn)
{
    struct target_reactor *reactor = conn->reactor;

    conn->recv_iov[0] = (struct iovec){ .iov_base = reactor->rubbish, .iov_len = sizeof reactor->rubbish };
    receive(conn, 1);
}

/* ---- time ------------------------------------------------------------------------------------------ */

static void timer_set(struct target_conn *conn, uint64_t deadline_ns)
{
    conn->timer_ns = deadline_ns;
    loop_timer_start(conn->reactor->loop, &conn->timer, deadline_ns);
}

/* A deadline that moved away is left alone: the timer fires once too early, and costs nothing on each PDU. */
static void timer_follow(struct target_conn *conn)
{
    uint64_t deadline_ns = iscsi_conn_deadline(conn->iscsi);

    if (deadline_ns != UINT64_MAX && (conn->timer_ns == 0 || deadline_ns < conn->timer_ns))
        timer_set(conn, deadline_ns);
}

static void timer_fired(struct loop_timer *timer)
{
    struct target_conn *conn = container_of(timer, struct target_conn, timer);

    conn->timer_ns = 0;
    if (conn->stage == CONN_STAGE_OPEN)
        iscsi_conn_tick(conn->iscsi, loop_now(conn->reactor->loop));
    else if (conn->stage == CONN_STAGE_FLUSH)
        target_conn_kill(conn);
    else if (conn->stage == CONN_STAGE_LINGER && conn->receiving)
        loop_cancel(conn->reactor->loop, &conn->recv_op);
    target_conn_touch(conn);
}

/* ---- the end --------------------------------------------------------------------------------------- */

static void stop(struct target_conn *conn)
{
    conn->stage = CONN_STAGE_STOP;
    if (conn->receiving)
        loop_cancel(conn->reactor->loop, &conn->recv_op);
    if (conn->sending)
        loop_cancel(conn->reactor->loop, &conn->send_op);
}

static void start_flush(struct target_conn *conn)
{
    conn->stage = CONN_STAGE_FLUSH;
    timer_set(conn, loop_now(conn->reactor->loop) + GRACE_NS);
}

void target_conn_drop(struct target_conn *conn)
{
    if (conn->stage != CONN_STAGE_OPEN)
        return;
    conn->dropped = true;
    iscsi_conn_drop(conn->iscsi);
    start_flush(conn);
    target_conn_touch(conn);
}

void target_conn_kill(struct target_conn *conn)
{
    if (conn->stage != CONN_STAGE_OPEN && conn->stage != CONN_STAGE_FLUSH)
        return;
    /* ends a send that the peer does not take, whatever the loop's cancel can do */
    shutdown(conn->fd, SHUT_RDWR);
    stop(conn);
    target_conn_touch(conn);
}

static void close_socket(struct target_conn *conn)
{
    conn->stage = CONN_STAGE_CLOSED;
    loop_timer_stop(conn->reactor->loop, &conn->timer);
    close(TAKE_FD(conn->fd));
}

static void watchers_tell(struct target_conn *conn)
{
    struct list_node *node;

    while ((node = list_pop(&conn->watchers)))
        atomic_store(&container_of(node, struct conn_watcher, link)->gone, true);
    target_idle_signal(&conn->reactor->engine->dir.idle);
}

static void protocol_gone(void *arg)
{
    struct target_conn *conn = arg;

    conn->protocol_gone = true;
    target_conn_touch(conn); /* it is destroyed from there, not under its own feet */
}

static void free_when_done(struct target_conn *conn)
{
    struct target_reactor *reactor = conn->reactor;
    struct engine *engine = reactor->engine;

    if (conn->protocol_gone) {
        conn->protocol_gone = false;
        iscsi_conn_destroy(TAKE_PTR(conn->iscsi));
        watchers_tell(conn);
    }
    if (conn->stage != CONN_STAGE_CLOSED || conn->iscsi || atomic_load(&conn->n_posted) > 0)
        return;
    list_remove(&conn->link);
    list_remove(&conn->touched);
    target_sources_leave(&engine->sources, conn->source);
    free(conn);
    atomic_fetch_sub(&reactor->load, 1);
    target_idle_signal(&engine->dir.idle);
}

void target_conn_unposted(struct target_conn *conn)
{
    atomic_fetch_sub(&conn->n_posted, 1);
    target_conn_touch(conn);
}

/* ---- the machine ----------------------------------------------------------------------------------- */

static void step_open(struct target_conn *conn)
{
    send_some(conn);
    if (conn->stage != CONN_STAGE_OPEN)
        return;
    if (conn->failed || iscsi_conn_wants_close(conn->iscsi)) {
        start_flush(conn);
        return;
    }
    receive_some(conn);
    timer_follow(conn);
}

static void step_flush(struct target_conn *conn)
{
    send_some(conn);
    if (conn->sending || conn->stage != CONN_STAGE_FLUSH)
        return;
    conn->fin_sent = shutdown(conn->fd, SHUT_WR) == 0;
    stop(conn);
}

static void step_stop(struct target_conn *conn)
{
    if (conn->receiving || conn->sending)
        return;
    if (conn->fin_sent && !conn->eof && conn->timer_ns != 0) {
        conn->stage = CONN_STAGE_LINGER;
        discard_some(conn);
    } else {
        close_socket(conn);
    }
    iscsi_conn_lost(conn->iscsi, protocol_gone, conn);
}

static void step_linger(struct target_conn *conn)
{
    if (conn->receiving)
        return;
    if (conn->eof || conn->timer_ns == 0)
        close_socket(conn);
    else
        discard_some(conn);
}

static void step(struct target_conn *conn)
{
    static void (*const steps[])(struct target_conn *conn) = {
        [CONN_STAGE_OPEN] = step_open,
        [CONN_STAGE_FLUSH] = step_flush,
        [CONN_STAGE_STOP] = step_stop,
        [CONN_STAGE_LINGER] = step_linger,
    };
    enum conn_stage stage;

    do {
        stage = conn->stage;
        if (stage == CONN_STAGE_CLOSED)
            break;
        steps[stage](conn);
    } while (conn->stage != stage);
    free_when_done(conn);
}

/* ---- the beginning --------------------------------------------------------------------------------- */

static void discard_unborn(struct target_conn *conn)
{
    struct target_reactor *reactor = conn->reactor;
    struct engine *engine = reactor->engine;

    close(conn->fd);
    target_sources_leave(&engine->sources, conn->source);
    free(conn);
    atomic_fetch_sub(&reactor->load, 1);
    target_idle_signal(&engine->dir.idle);
}

static void start(struct loop_message *message)
{
    struct target_conn *conn = container_of(message, struct target_conn, start);
    struct target_reactor *reactor = conn->reactor;
    struct iscsi_conn_config config = {
        .limits = &reactor->engine->options.iscsi,
        .directory = &target_admission,
        .dir = conn,
        .driver = &driver,
        .driver_arg = conn,
        .now_ns = loop_now(reactor->loop),
    };
    int r;

    snprintf(config.local_address, sizeof config.local_address, "%s", conn->local_address);
    snprintf(config.peer_address, sizeof config.peer_address, "%s", conn->peer_address);
    r = reactor->stopping ? -ESHUTDOWN : iscsi_conn_create(&config, &conn->iscsi);
    if (r < 0) {
        log_debug("connection from %s closed: %s", conn->peer_address, strerror(-r));
        discard_unborn(conn);
        return;
    }
    conn->since_ns = config.now_ns;
    list_append(&reactor->conns, &conn->link);
    target_conn_touch(conn);
}

int target_conn_create(struct engine *engine, int fd, struct source *source, const struct guid *portal,
                       const char *local_address, const struct sockaddr_storage *peer)
{
    struct target_conn *conn = calloc(1, sizeof *conn);

    if (!conn)
        return -ENOMEM;
    conn->reactor = target_reactor_least_loaded(engine);
    atomic_fetch_add(&conn->reactor->load, 1);
    conn->id = atomic_fetch_add(&engine->next_conn_id, 1);
    conn->fd = fd;
    conn->source = source;
    conn->portal = *portal;
    snprintf(conn->local_address, sizeof conn->local_address, "%s", local_address);
    target_address_format(peer, conn->peer_address);
    list_init(&conn->link);
    list_init(&conn->touched);
    list_init(&conn->in_waiters);
    list_init(&conn->watchers);
    conn->recv_op.done = received;
    conn->send_op.done = sent;
    conn->timer.fired = timer_fired;
    conn->start.run = start;
    if (conn->reactor->loop == loop_current())
        start(&conn->start);
    else
        loop_post(conn->reactor->loop, &conn->start);
    return 0;
}
