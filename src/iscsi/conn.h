/* SPDX-License-Identifier: MIT */
/* Inside of a connection: the parts that the files of this folder own, and what they ask of each other. Not
 * for other layers.
 *
 *   driver bytes -> receive.c -> dispatch.c -> login.c | task.c, data_out.c | tmf.c | discovery.c | control.c
 *   driver bytes <- transmit.c <------------------'     each answers by tx_reply() or by queueing its task
 *
 * Three machines, three files, three tables: receive state (receive.c), login stage (login.c), connection
 * state (conn.c). Everything is the driver's thread only.
 */
#ifndef VDS_ISCSI_CONN_H
#define VDS_ISCSI_CONN_H

#include "base/list.h"
#include "iscsi/iscsi.h"
#include "iscsi/keys.h"
#include "iscsi/pdu.h"
#include "scsi/scsi.h"

struct login;
struct text_exchange;
struct task;

/* ---- connection state (conn.c) ------------------------------------------------------------------------- */

enum conn_state {
    CONN_LOGIN,   /* login negotiation; `login` exists */
    CONN_OPENING, /* negotiation is over, the directory closes an older session; nothing is read */
    CONN_FULL,    /* full feature phase; `session.view` exists unless it is a discovery session */
    CONN_LOGOUT,  /* logout asked for, commands are ending; nothing is read */
    CONN_CLOSING, /* nothing is read or begun; what is queued goes out, then the socket may be closed */
    CONN_CLOSED,  /* the driver has said that the socket is gone */
    CONN_N_STATES,
};

enum conn_event {
    EV_SESSION_WAIT, /* session_open() answered -EINPROGRESS */
    EV_LOGIN_DONE,
    EV_LOGIN_REFUSED,
    EV_LOGOUT,      /* a Logout Request that ends this connection */
    EV_LOGOUT_DONE, /* its answer is queued */
    EV_FAIL,        /* protocol error, dead peer, out of memory, login time over */
    EV_DROP,        /* iscsi_conn_drop() */
    EV_LOST,        /* iscsi_conn_lost() */
    CONN_N_EVENTS,
};

/* The only writer of conn->state. -EPROTO: no such row, nothing has changed. */
int conn_event(struct iscsi_conn *conn, enum conn_event event);
/* Ends the connection after what is queued: logs why once. Returns -EPROTO for `return conn_fail(...)`. */
int conn_fail(struct iscsi_conn *conn, const char *why);
/* Something for the driver to look at has come up outside its calls. */
void conn_notify(struct iscsi_conn *conn);
/* Asks again whether a lost connection has nothing running any more. */
void conn_check_gone(struct iscsi_conn *conn);

/* ---- receiving (receive.c) ----------------------------------------------------------------------------- */

enum rx_state { RX_HEADER, RX_AHS, RX_HEADER_DIGEST, RX_DATA, RX_TAIL, RX_N_STATES };

#define RX_SMALL 1280         /* holds any header with AHS and digest; enough for an idle connection */
#define RX_LARGE (64u * 1024) /* while there is traffic; from the driver's pool */

struct pdu_handler;

struct receiver {
    enum rx_state state;
    uint8_t bhs[BHS_LEN];
    struct pdu_head head;
    struct pdu_ahs ahs;
    const struct pdu_handler *handler; /* of the PDU that is being received */
    struct task *task;                 /* Data-Out and immediate data: whose */
    uint32_t crc;

    /* where the payload goes: `room` bytes to dst, the rest is dropped; `left` bytes are still to come */
    uint8_t *dst;
    uint32_t room, left;
    uint32_t direct; /* bytes at dst that iscsi_conn_input() has offered */

    uint8_t *data; /* payload of a PDU without a task; the driver's buffer */
    uint32_t data_len;

    /* staging: bytes [begin, end) have come and are not parsed */
    uint8_t *stage;
    uint32_t size, begin, end;
    uint8_t n_quiet; /* how often in a row the small stage would have been enough */
    uint8_t small[RX_SMALL];
};

void rx_init(struct iscsi_conn *conn);
void rx_fini(struct iscsi_conn *conn);
/* Parses what is staged, as far as the connection's state lets it. */
int rx_run(struct iscsi_conn *conn);
/* For header handlers: the payload goes into a buffer of the receiver (rx.data) / into a task / nowhere. */
int rx_into_buffer(struct iscsi_conn *conn);
void rx_into_task(struct iscsi_conn *conn, struct task *task, uint8_t *dst, uint32_t room);
void rx_drop(struct iscsi_conn *conn);
/* Hands rx.data over to the caller, who returns it by buffer_put(). */
uint8_t *rx_take_data(struct iscsi_conn *conn);

/* ---- dispatch (dispatch.c) ----------------------------------------------------------------------------- */

/* header() runs when the header is good and says where the payload goes; payload() when all of it has come
 * and its digest is right. */
struct pdu_handler {
    int (*header)(struct iscsi_conn *conn);
    int (*payload)(struct iscsi_conn *conn);
    int (*bad_digest)(struct iscsi_conn *conn); /* NULL: Reject, then close (ERL 0) */
    unsigned states;                            /* bit per conn_state in which it may come */
    bool numbered;                              /* carries CmdSN */
    bool in_discovery;                          /* §4.3: a discovery session takes Text and Logout only */
};

int dispatch_header(struct iscsi_conn *conn);
int dispatch_payload(struct iscsi_conn *conn);
int dispatch_bad_digest(struct iscsi_conn *conn);
/* Rejects the PDU in rx.bhs and drops its payload. Returns 0 or -ENOMEM. */
int dispatch_reject(struct iscsi_conn *conn, enum reject_reason reason);

/* ---- sending (transmit.c) ------------------------------------------------------------------------------ */

struct tx_pdu;

/* What waits to be sent. A reply is its own PDU; a task makes its PDUs one by one, when there is room for
 * them, so that a long read costs no memory for headers and every header shows the newest ExpCmdSN and
 * MaxCmdSN. */
struct tx_item {
    struct list_node link;
    /* Fills the next PDU; true: there is another one. NULL: this is the item of a tx_pdu. */
    bool (*next)(struct iscsi_conn *conn, struct tx_item *item, struct tx_pdu *pdu);
};

enum tx_statsn { STATSN_NONE, STATSN_SHOWN, STATSN_ADVANCES };

struct tx_pdu {
    struct tx_item item;
    uint8_t header[BHS_LEN + DIGEST_LEN];
    uint8_t tail[4 + DIGEST_LEN]; /* padding, data digest */
    uint8_t small[56];            /* room for data that has no buffer of its own: sense, a rejected header */
    uint8_t header_len, tail_len;
    uint8_t statsn; /* enum tx_statsn */
    bool no_digest; /* Login Responses */
    bool ends_task;
    const uint8_t *data;
    uint32_t data_len;
    uint8_t *owned; /* given back to the driver when sent */
    uint32_t owned_len;
    struct task *task;
};

#define TX_BACKLOG       256        /* PDUs waiting or half sent: beyond, nothing more is read */
#define TX_BACKLOG_BYTES (1u << 20) /* the same for the data of replies: what a ping echoes */
#define TX_SPARE         64         /* PDUs kept for reuse */

struct transmitter {
    struct list_node queue; /* tx_item: not made yet */
    struct list_node ready; /* tx_pdu: made, being sent, in order */
    struct list_node spare;
    unsigned n_pdus, n_spare;
    uint64_t n_owned; /* bytes of buffers that replies hold */
    uint32_t n_sent;  /* bytes of the first ready PDU that are gone */
    uint64_t now_ns;  /* the time, once it has been asked for in this iscsi_conn_output(); 0 */
};

void tx_init(struct transmitter *tx);
void tx_fini(struct iscsi_conn *conn);
/* A zeroed PDU with its opcode and F bit set, for tx_reply(); NULL: out of memory, the connection fails */
struct tx_pdu *tx_pdu_get(struct iscsi_conn *conn, enum pdu_opcode opcode);
void tx_reply(struct iscsi_conn *conn, struct tx_pdu *pdu);
/* The PDU's data is this buffer of the driver, and goes back to it when it is sent. */
void tx_pdu_own(struct iscsi_conn *conn, struct tx_pdu *pdu, uint8_t *buf, uint32_t len);
/* So much waits to be sent that nothing more should be read. */
bool tx_backlogged(const struct iscsi_conn *conn);
void tx_queue(struct iscsi_conn *conn, struct tx_item *item);
bool tx_empty(const struct iscsi_conn *conn);
void tx_trim(struct iscsi_conn *conn);

/* ---- session (session.c) ------------------------------------------------------------------------------- */

struct session {
    char initiator[ISCSI_NAME_MAX + 1], target[ISCSI_NAME_MAX + 1];
    uint8_t isid[6];
    uint16_t tsih, tag, cid;
    bool discovery, authenticated;
    bool admitted; /* the directory has given `pin` and wants it back */
    void *pin;
    struct scsi_view *view; /* the directory's */

    /* §4.2.2.1: ExpCmdSN, the highest MaxCmdSN told, and commands that hold the window */
    uint32_t exp_cmdsn, max_cmdsn, n_open;
    struct list_node held; /* PDUs that came before their turn, by CmdSN */
    unsigned n_held;
};

enum session_turn { TURN_NOW, TURN_LATER, TURN_NEVER };

void session_init(struct session *s);
void session_fini(struct iscsi_conn *conn);
/* Judges the CmdSN in rx.bhs; TURN_NOW has counted it. */
enum session_turn session_turn(struct iscsi_conn *conn);
/* MaxCmdSN for the next header; never goes back. */
uint32_t session_max_cmdsn(struct iscsi_conn *conn);
/* Keeps the PDU in rx (header and data) until its turn. */
int session_hold(struct iscsi_conn *conn);
/* ABORT TASK of a command that never came (§11.5.1): its CmdSN counts as received. */
int session_void(struct iscsi_conn *conn, uint32_t cmdsn);
/* The task management request in rx covers held SCSI commands too, of that LUN or (NULL) of all: they will
 * not run. */
void session_void_commands(struct iscsi_conn *conn, const uint8_t *lun);
/* Dispatches held PDUs whose turn has come. */
int session_release_held(struct iscsi_conn *conn);
bool session_holds_itt(const struct iscsi_conn *conn, uint32_t itt);

/* ---- SCSI commands (task.c, data_out.c) ---------------------------------------------------------------- */

enum task_state {
    TASK_FREE,
    TASK_UNSOLICITED, /* immediate and unsolicited data are coming */
    TASK_SOLICITED,   /* R2Ts are out or queued */
    TASK_EXECUTING,   /* src/scsi has it; done() will come */
    TASK_RESPONDING,  /* its answer is queued or being sent */
    TASK_ABORTED,     /* src/scsi has it, nobody wants its answer */
};

struct task {
    struct scsi_task scsi;
    struct iscsi_conn *conn;
    struct list_node link; /* conn->tasks.all or .spare */
    struct task *next_in_bucket;
    struct tx_item tx;
    uint8_t state;  /* enum task_state */
    bool immediate; /* holds no place in the window */
    bool prepared;  /* scsi_task_release() is due */
    bool answered;  /* scsi.result is there already: data that comes is dropped */
    bool final;     /* no more unsolicited data */
    bool left_window;
    uint8_t dir_flags; /* COMMAND_READ, COMMAND_WRITE as sent */
    uint32_t itt, cmdsn, edtl;
    uint32_t buf_size;
    uint64_t begun_ns; /* when its header came */

    /* write: bytes [0, received) have come; [0, want) is what the command needs */
    uint32_t want, received, data_sn;
    uint32_t burst_end; /* of the R2T that is being answered */
    uint32_t ttt, n_r2t, n_r2t_done, r2t_offset;

    /* read: bytes [0, sent) of `to_send` have been made into Data-In PDUs */
    uint32_t to_send, sent, burst_sent, n_data_in;
};

#define TASK_BUCKETS    64
#define TASKS_IMMEDIATE 16 /* immediate commands beside the window */

struct tasks {
    struct list_node all, spare;
    unsigned n_made, n_running, n_immediate; /* tasks that exist; that src/scsi executes */
    uint64_t n_bytes;                        /* of buffers that tasks hold, against limits.session_bytes */
    bool ordered;                            /* the initiator has sent an ORDERED command */
    bool strays;                             /* a write has been aborted: its late data is no error */
    struct task *buckets[TASK_BUCKETS];
};

void tasks_init(struct tasks *tasks);
void tasks_fini(struct iscsi_conn *conn);
void tasks_trim(struct iscsi_conn *conn);
struct task *tasks_find(struct iscsi_conn *conn, uint32_t itt);

int task_command_header(struct iscsi_conn *conn);
int task_command_payload(struct iscsi_conn *conn);
int data_out_header(struct iscsi_conn *conn);
int data_out_payload(struct iscsi_conn *conn);
int data_out_bad_digest(struct iscsi_conn *conn);

/* All the data there will be has come. */
void task_execute(struct task *task);
/* scsi.result is set. */
void task_respond(struct task *task);
void task_result(struct task *task, uint8_t status, uint8_t key, uint16_t asc);
/* Leaves the books and the pool. */
void task_end(struct task *task);
/* Ends it, now or when its store request is back. No answer will be sent. */
void task_abort(struct task *task);
bool task_is_abortable(const struct task *task);
/* Decides what a write does next: ask for data, execute, answer. */
void data_out_advance(struct task *task);

/* ---- the rest ------------------------------------------------------------------------------------------ */

/* login.c */
int login_create(struct iscsi_conn *conn);
void login_destroy(struct login *login);
int login_header(struct iscsi_conn *conn);
int login_payload(struct iscsi_conn *conn);
void login_session_ready(struct iscsi_conn *conn, int r, struct scsi_view *view, uint16_t tsih);

/* discovery.c: Text Requests */
int text_request_header(struct iscsi_conn *conn);
int text_request_payload(struct iscsi_conn *conn);
void text_exchange_destroy(struct text_exchange *x);

/* tmf.c */
struct tmf;
int tmf_header(struct iscsi_conn *conn);
int tmf_payload(struct iscsi_conn *conn);
/* A task has ended: answers what waited for it. */
void tmf_task_ended(struct iscsi_conn *conn);
void tmf_fini(struct iscsi_conn *conn);

/* control.c: NOP, Logout, SNACK, Async Message */
int nop_out_header(struct iscsi_conn *conn);
int nop_out_payload(struct iscsi_conn *conn);
int snack_header(struct iscsi_conn *conn);
int logout_header(struct iscsi_conn *conn);
int logout_payload(struct iscsi_conn *conn);
void logout_task_ended(struct iscsi_conn *conn);
void nop_in_ping(struct iscsi_conn *conn);
void async_message(struct iscsi_conn *conn, enum async_event event, uint16_t p1, uint16_t p2, uint16_t p3);

struct iscsi_conn {
    struct iscsi_conn_config config;
    enum conn_state state;
    unsigned depth; /* calls of the driver that are under way: no wake() inside them */
    bool woken;     /* wake() has been called and the driver has not looked yet */
    bool gone_told;
    uint64_t now_ns, login_deadline_ns, heard_ns, pinged_ns; /* pinged_ns 0: no NOP-In is out */
    uint64_t closing_deadline_ns;                            /* CONN_CLOSING: what is not out by then stays */

    struct receiver rx;
    struct transmitter tx;
    struct session session;
    struct iscsi_params params;
    struct tasks tasks;
    struct list_node tmfs; /* waiting for tasks to end */
    unsigned n_tmfs;
    struct login *login; /* CONN_LOGIN and CONN_OPENING */
    struct text_exchange *text;
    uint32_t stat_sn, exp_stat_sn, next_ttt;
    uint32_t logout_itt;             /* CONN_LOGOUT */
    bool header_digest, data_digest; /* in force */
    bool logout_requested;

    void (*gone)(void *arg);
    void *gone_arg;
    uint64_t n_commands, n_bytes_in, n_bytes_out;
};

static inline void *conn_buffer_get(struct iscsi_conn *conn, size_t len)
{
    return conn->config.driver->buffer_get(conn->config.driver_arg, len);
}

static inline void conn_buffer_put(struct iscsi_conn *conn, void *buf, size_t len)
{
    conn->config.driver->buffer_put(conn->config.driver_arg, buf, len);
}

#endif
