/* SPDX-License-Identifier: MIT */
/* A connection's life and the face of src/iscsi: which events may happen in which state, time, closing, loss.
 *
 *   LOGIN --> FULL --> LOGOUT --> CLOSING --> CLOSED
 *     |  ^                           ^
 *     v  |                           | from every state: an error, a drop
 *   OPENING                             (the directory ends an older session first)
 *
 * In RFC 7143 §8.1.2 these are S4 LOGIN-IN, S5 LOGGED-IN, S6 IN-LOGOUT and S1 FREE; T numbers are its
 * transitions.
 *
 * Above that, no flags: what a connection may do follows from its state (receive.c reads in LOGIN and FULL
 * only, and so on).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "iscsi/conn.h"

#define NS_PER_S        1000000000ull
#define CLOSING_SECONDS 5 /* for the last answers to leave; a peer that does not read them is cut off */

/* ---- state --------------------------------------------------------------------------------------------- */

typedef void conn_action(struct iscsi_conn *conn);

static void nothing(struct iscsi_conn *conn)
{
    (void)conn;
}

/* What was negotiated holds from the next PDU on, in both directions (RFC 7143 §6.3.4). */
static void start_full(struct iscsi_conn *conn)
{
    login_destroy(TAKE_PTR(conn->login));
    keys_settle(&conn->params);
    conn->header_digest = conn->params.header_digest;
    conn->data_digest = conn->params.data_digest;
}

static void start_closing(struct iscsi_conn *conn)
{
    conn->closing_deadline_ns = conn->now_ns + CLOSING_SECONDS * NS_PER_S;
    conn_notify(conn);
}

/* Commands that wait for data will not get it; those that execute end and answer before the logout does. */
static void end_commands(struct iscsi_conn *conn)
{
    list_for_each_safe(n, &conn->tasks.all) {
        struct task *t = container_of(n, struct task, link);

        if (t->state == TASK_UNSOLICITED || t->state == TASK_SOLICITED)
            task_abort(t);
    }
}

static void announce_drop(struct iscsi_conn *conn)
{
    async_message(conn, ASYNC_DROP_CONNECTION, conn->session.cid, conn->params.time2wait,
                  conn->params.time2retain);
    start_closing(conn);
}

/* Everything that no store request holds goes now. */
static void abandon(struct iscsi_conn *conn)
{
    tx_fini(conn);
    tmf_fini(conn);
    tasks_fini(conn);
    session_fini(conn);
    rx_fini(conn);
    text_exchange_destroy(TAKE_PTR(conn->text));
    login_destroy(TAKE_PTR(conn->login));
}

static const struct {
    conn_action *act;
    enum conn_state next;
} fsm[CONN_N_STATES][CONN_N_EVENTS] = {
    [CONN_LOGIN][EV_SESSION_WAIT] = { nothing, CONN_OPENING },
    [CONN_LOGIN][EV_LOGIN_DONE] = { start_full, CONN_FULL }, /* T5 */
    [CONN_LOGIN][EV_LOGIN_REFUSED] = { start_closing, CONN_CLOSING },
    [CONN_LOGIN][EV_FAIL] = { start_closing, CONN_CLOSING }, /* T7 */
    [CONN_LOGIN][EV_DROP] = { start_closing, CONN_CLOSING },
    [CONN_LOGIN][EV_LOST] = { abandon, CONN_CLOSED },

    [CONN_OPENING][EV_LOGIN_DONE] = { start_full, CONN_FULL },
    [CONN_OPENING][EV_LOGIN_REFUSED] = { start_closing, CONN_CLOSING },
    [CONN_OPENING][EV_FAIL] = { start_closing, CONN_CLOSING },
    [CONN_OPENING][EV_DROP] = { start_closing, CONN_CLOSING },
    [CONN_OPENING][EV_LOST] = { abandon, CONN_CLOSED },

    [CONN_FULL][EV_LOGOUT] = { end_commands, CONN_LOGOUT }, /* T9 */
    [CONN_FULL][EV_FAIL] = { start_closing, CONN_CLOSING }, /* T15 */
    [CONN_FULL][EV_DROP] = { announce_drop, CONN_CLOSING },
    [CONN_FULL][EV_LOST] = { abandon, CONN_CLOSED },

    [CONN_LOGOUT][EV_LOGOUT_DONE] = { start_closing, CONN_CLOSING }, /* T13 */
    [CONN_LOGOUT][EV_FAIL] = { start_closing, CONN_CLOSING },
    [CONN_LOGOUT][EV_DROP] = { start_closing, CONN_CLOSING },
    [CONN_LOGOUT][EV_LOST] = { abandon, CONN_CLOSED },

    [CONN_CLOSING][EV_FAIL] = { nothing, CONN_CLOSING },
    [CONN_CLOSING][EV_DROP] = { nothing, CONN_CLOSING },
    [CONN_CLOSING][EV_LOST] = { abandon, CONN_CLOSED },
};

static const char *const state_names[CONN_N_STATES] = {
    [CONN_LOGIN] = "login",   [CONN_OPENING] = "opening", [CONN_FULL] = "full feature",
    [CONN_LOGOUT] = "logout", [CONN_CLOSING] = "closing", [CONN_CLOSED] = "closed",
};

int conn_event(struct iscsi_conn *conn, enum conn_event event)
{
    conn_action *act = fsm[conn->state][event].act;
    enum conn_state from = conn->state;

    if (!act)
        return -EPROTO;
    conn->state = fsm[from][event].next;
    if (conn->state != from)
        log_debug("iscsi: %s: %s -> %s", conn->config.peer_address, state_names[from],
                  state_names[conn->state]);
    act(conn);
    return 0;
}

int conn_fail(struct iscsi_conn *conn, const char *why)
{
    if (conn->state < CONN_CLOSING)
        log_debug("iscsi: %s (%s): closing: %s", conn->config.peer_address, conn->session.initiator, why);
    conn_event(conn, EV_FAIL);
    return -EPROTO;
}

void conn_notify(struct iscsi_conn *conn)
{
    if (conn->depth || conn->woken || conn->state == CONN_CLOSED)
        return;
    conn->woken = true;
    conn->config.driver->wake(conn->config.driver_arg, conn);
}

/* ---- beginning and end --------------------------------------------------------------------------------- */

int iscsi_conn_create(const struct iscsi_conn_config *config, struct iscsi_conn **ret_conn)
{
    struct iscsi_conn *conn = calloc(1, sizeof *conn);

    if (!conn)
        return -ENOMEM;
    conn->config = *config;
    conn->now_ns = conn->heard_ns = config->now_ns;
    conn->login_deadline_ns = config->now_ns + config->limits->login_seconds * NS_PER_S;
    params_default(&conn->params);
    rx_init(conn);
    tx_init(&conn->tx);
    session_init(&conn->session);
    tasks_init(&conn->tasks);
    list_init(&conn->tmfs);
    if (login_create(conn) < 0) {
        free(conn);
        return -ENOMEM;
    }
    *ret_conn = conn;
    return 0;
}

void conn_check_gone(struct iscsi_conn *conn)
{
    if (conn->state != CONN_CLOSED || conn->tasks.n_running || conn->gone_told)
        return;
    conn->gone_told = true;
    conn->session.view = NULL;
    if (conn->session.admitted)
        conn->config.directory->release(conn->config.dir, conn, conn->session.pin);
    conn->session.admitted = false;
    conn->gone(conn->gone_arg);
}

void iscsi_conn_lost(struct iscsi_conn *conn, void (*gone)(void *arg), void *arg)
{
    conn->gone = gone;
    conn->gone_arg = arg;
    conn_event(conn, EV_LOST);
    conn_check_gone(conn);
}

void iscsi_conn_destroy(struct iscsi_conn *conn)
{
    if (!conn)
        return;
    tasks_trim(conn);
    free(conn);
}

bool iscsi_conn_wants_close(const struct iscsi_conn *conn)
{
    if (conn->state != CONN_CLOSING)
        return conn->state == CONN_CLOSED;
    return tx_empty(conn) || conn->now_ns >= conn->closing_deadline_ns;
}

void iscsi_conn_drop(struct iscsi_conn *conn)
{
    conn_event(conn, EV_DROP);
    conn_notify(conn);
}

void iscsi_conn_request_logout(struct iscsi_conn *conn, uint16_t seconds)
{
    if (conn->state != CONN_FULL)
        return;
    conn->logout_requested = true;
    async_message(conn, ASYNC_LOGOUT, 0, 0, seconds);
}

void iscsi_conn_session_ready(struct iscsi_conn *conn, int r, struct scsi_view *view, uint16_t tsih)
{
    if (conn->state != CONN_OPENING)
        return;
    conn->depth++;
    login_session_ready(conn, r, view, tsih);
    rx_run(conn); /* what came behind the login */
    conn->depth--;
    conn_notify(conn);
}

/* ---- time ---------------------------------------------------------------------------------------------- */

static uint64_t keepalive_ns(const struct iscsi_conn *conn)
{
    return conn->config.limits->keepalive_seconds * NS_PER_S;
}

static uint64_t keepalive_deadline(const struct iscsi_conn *conn)
{
    if (!conn->config.limits->keepalive_seconds)
        return UINT64_MAX;
    return (conn->pinged_ns ? conn->pinged_ns : conn->heard_ns) + keepalive_ns(conn);
}

static uint64_t login_deadline(const struct iscsi_conn *conn)
{
    return conn->login_deadline_ns;
}

static uint64_t closing_deadline(const struct iscsi_conn *conn)
{
    return conn->closing_deadline_ns;
}

static uint64_t never(const struct iscsi_conn *conn)
{
    (void)conn;
    return UINT64_MAX;
}

static uint64_t (*const deadlines[CONN_N_STATES])(const struct iscsi_conn *) = {
    [CONN_LOGIN] = login_deadline,      [CONN_OPENING] = login_deadline,   [CONN_FULL] = keepalive_deadline,
    [CONN_LOGOUT] = keepalive_deadline, [CONN_CLOSING] = closing_deadline, [CONN_CLOSED] = never,
};

uint64_t iscsi_conn_deadline(const struct iscsi_conn *conn)
{
    return deadlines[conn->state](conn);
}

/* Quiet for keepalive_seconds: NOP-In, and what traffic needed is given back. As long again: the peer is
 * dead, nothing will be flushed. In a discovery session the target may not ask (§4.3), it only waits twice as
 * long. */
static void keepalive(struct iscsi_conn *conn)
{
    if (conn->pinged_ns) {
        conn_fail(conn, "no answer to NOP-In");
        conn->closing_deadline_ns = conn->now_ns;
        return;
    }
    conn->pinged_ns = conn->now_ns;
    tx_trim(conn);
    tasks_trim(conn);
    if (conn->state == CONN_FULL && !conn->session.discovery)
        nop_in_ping(conn);
}

void iscsi_conn_tick(struct iscsi_conn *conn, uint64_t now_ns)
{
    conn->now_ns = now_ns;
    if (now_ns < iscsi_conn_deadline(conn))
        return;
    conn->depth++;
    if (conn->state == CONN_LOGIN || conn->state == CONN_OPENING)
        conn_fail(conn, "login takes too long");
    else if (conn->state == CONN_FULL || conn->state == CONN_LOGOUT)
        keepalive(conn);
    conn->depth--;
}

/* ---- facts --------------------------------------------------------------------------------------------- */

static const enum iscsi_conn_state public_states[CONN_N_STATES] = {
    [CONN_LOGIN] = ISCSI_CONN_LOGIN,   [CONN_OPENING] = ISCSI_CONN_LOGIN,  [CONN_FULL] = ISCSI_CONN_FULL,
    [CONN_LOGOUT] = ISCSI_CONN_LOGOUT, [CONN_CLOSING] = ISCSI_CONN_CLOSED, [CONN_CLOSED] = ISCSI_CONN_CLOSED,
};

void iscsi_conn_facts(const struct iscsi_conn *conn, struct iscsi_conn_facts *ret_facts)
{
    const struct session *s = &conn->session;

    *ret_facts = (struct iscsi_conn_facts){
        .state = public_states[conn->state],
        .discovery = s->discovery,
        .tsih = s->tsih,
        .tag = s->tag,
        .cid = s->cid,
        .header_digest = conn->header_digest,
        .data_digest = conn->data_digest,
        .authenticated = s->authenticated,
        .tasks = s->n_open + conn->tasks.n_immediate,
        .n_commands = conn->n_commands,
        .n_bytes_in = conn->n_bytes_in,
        .n_bytes_out = conn->n_bytes_out,
    };
    memcpy(ret_facts->initiator, s->initiator, sizeof s->initiator);
    memcpy(ret_facts->target, s->target, sizeof s->target);
    memcpy(ret_facts->isid, s->isid, sizeof s->isid);
}

const uint8_t *iscsi_conn_isid(const struct iscsi_conn *conn)
{
    return conn->session.isid;
}

const char *iscsi_conn_initiator(const struct iscsi_conn *conn)
{
    return conn->session.initiator;
}

const char *iscsi_conn_local_address(const struct iscsi_conn *conn)
{
    return conn->config.local_address;
}
