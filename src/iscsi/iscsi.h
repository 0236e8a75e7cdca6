/* SPDX-License-Identifier: MIT */
/* The iSCSI protocol of a target (RFC 7143), ERL 0, one connection per session, with no I/O in it.
 *
 * A connection is a machine: bytes and time come in, bytes and calls on the two tables below go out. Whoever
 * drives it (src/target on a ring, a unit test, a fuzzer, the simulator) owns socket and clock. Everything on
 * one connection happens on one thread, its driver's.
 */
#ifndef VDS_ISCSI_ISCSI_H
#define VDS_ISCSI_ISCSI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/guid.h"
#include "scsi/scsi.h"

#define ISCSI_NAME_MAX 223 /* RFC 7143 §4.2.7.1; without the zero */

struct iscsi_conn;

/* Class and detail of a Login Response (RFC 7143 §11.13.5). */
struct iscsi_login_status {
    uint8_t class, detail;
};
extern const struct iscsi_login_status ISCSI_LOGIN_OK, ISCSI_LOGIN_MOVED_TEMPORARILY,
    ISCSI_LOGIN_MOVED_PERMANENTLY, ISCSI_LOGIN_INITIATOR_ERROR, ISCSI_LOGIN_AUTH_FAILED,
    ISCSI_LOGIN_FORBIDDEN, ISCSI_LOGIN_NOT_FOUND, ISCSI_LOGIN_REMOVED, ISCSI_LOGIN_TOO_MANY_CONNECTIONS,
    ISCSI_LOGIN_MISSING_PARAMETER, ISCSI_LOGIN_CANNOT_INCLUDE, ISCSI_LOGIN_TYPE_NOT_SUPPORTED,
    ISCSI_LOGIN_NO_SUCH_SESSION, ISCSI_LOGIN_BAD_REQUEST, ISCSI_LOGIN_TARGET_ERROR,
    ISCSI_LOGIN_SERVICE_UNAVAILABLE, ISCSI_LOGIN_OUT_OF_RESOURCES, ISCSI_LOGIN_BAD_VERSION;

/* What bounds a connection. Every field has a default (iscsi_limits_default) and can be set. */
struct iscsi_limits {
    uint32_t login_seconds;          /* from connect to full feature phase: 15 */
    uint32_t login_bytes;            /* text of one login negotiation, all PDUs: 16384 */
    uint32_t text_bytes;             /* one SendTargets answer, all PDUs: 8 MiB */
    uint32_t tasks;                  /* commands in flight per session = CmdSN window: 128 */
    /* their data buffers, per session: 64 MiB; beyond, TASK SET FULL. 0 = no limit but the driver's */
    uint32_t session_bytes;
    /* quiet for so long: NOP-In; as long again without an answer: dead. 15; 0 = never */
    uint32_t keepalive_seconds;
    uint32_t max_recv_data_segment;  /* ours, declared: 262144 */
    uint32_t max_burst, first_burst; /* 1048576, 262144 */
    bool initial_r2t, immediate_data;/* what we would agree to: false, true */
    uint16_t max_outstanding_r2t;    /* 8 */
    uint16_t time2wait, time2retain; /* 2, 0 (ERL 0: nothing is kept for recovery) */
};
extern const struct iscsi_limits iscsi_limits_default;

/* ---- what the connection asks of the world about targets ----------------------------------------------- */

/* CHAP (RFC 7143 §12.1.3). Secrets are bytes; copied by the callee that keeps them. */
struct iscsi_secret {
    uint8_t bytes[64];
    uint8_t len; /* 0: none */
};
struct iscsi_auth {
    bool required;
    char user[ISCSI_NAME_MAX + 1];     /* CHAP_N that the initiator must give; "" = its iSCSI name */
    struct iscsi_secret in;            /* proves the initiator */
    char mutual_user[ISCSI_NAME_MAX + 1];
    struct iscsi_secret mutual;        /* proves us, when the initiator asks */
};

enum iscsi_verdict { ISCSI_ADMIT, ISCSI_REDIRECT, ISCSI_REFUSE };

/* The directory's answer to "may this initiator log in to this target through the portal it came in by?" */
struct iscsi_admission {
    enum iscsi_verdict verdict;
    struct iscsi_login_status status;  /* REFUSE, REDIRECT */
    char address[80];                  /* REDIRECT: "host:port" or "[v6]:port", no tag */
    uint16_t tag;                      /* ADMIT */
    char alias[256];                   /* ADMIT: TargetAlias; "" = none is sent */
    struct iscsi_auth auth;
    /* ADMIT: the directory's; given back by release(). From now on a drain counts this connection */
    void *pin;
};

struct iscsi_directory {
    /* Once per login of a normal session, when TargetName is known. */
    void (*admit)(void *dir, struct iscsi_conn *conn, const char *initiator, const char *target,
                  struct iscsi_admission *ret);
    /* The login failed or the connection is gone; `pin` is dead after this. */
    void (*release)(void *dir, struct iscsi_conn *conn, void *pin);
    /* Negotiation is over, the answer that opens full feature phase is about to be queued. 0: `*ret_view` is
     * the session's LUN map (the directory's, valid until release) and *ret_tsih its nonzero handle.
     * -EINPROGRESS: an older session of the same name (initiator, ISID, target, tag) is being closed first
     * (RFC 7143 §6.3.5); iscsi_conn_session_ready() will be called. Otherwise -errno: the login ends with
     * "out of resources". */
    int (*session_open)(void *dir, struct iscsi_conn *conn, void *pin, struct scsi_view **ret_view,
                        uint16_t *ret_tsih);
    /* SendTargets: calls record() for each (target, portal address, tag) that this initiator may see; target
     * NULL = all. Order: all addresses of a target together. record() returning nonzero ends it. */
    void (*list)(void *dir, struct iscsi_conn *conn, const char *initiator, const char *target,
                 int (*record)(void *arg, const char *target, const char *address, uint16_t tag), void *arg);
    /* Is there a session of this target with that nonzero TSIH? Decides how a login that wants to join one is
     * refused (0x0208 or 0x020a); we never let it. May be absent: no. */
    bool (*session_exists)(void *dir, struct iscsi_conn *conn, const char *target, uint16_t tsih);
    /* TARGET COLD RESET (RFC 7143 §11.5.1): every other session of this target is to end, soon. Its own ends
     * by itself. May be absent: nobody else is reached. */
    void (*cold_reset)(void *dir, struct iscsi_conn *conn);
    /* Auth for discovery sessions. May be absent: none required. */
    void (*discovery_auth)(void *dir, const char *initiator, struct iscsi_auth *ret_auth);
};

/* ---- what the connection asks of its driver ------------------------------------------------------------ */

struct iscsi_driver {
    /* There is output, or room for input again, or the deadline moved, or the connection wants to end. Called
     * at most once until the driver has looked (iscsi_conn_output). Not called inside iscsi_conn_received(),
     * _input(), _output(), _sent() and _tick(), after which the driver looks anyway; it is called inside the
     * calls that come from elsewhere (_session_ready, _request_logout, _drop). Typical: put the connection on
     * the turn's flush list. */
    void (*wake)(void *driver, struct iscsi_conn *conn);
    /* Data buffers for tasks. NULL when the pool's limit is reached: the command ends with TASK SET FULL. */
    void *(*buffer_get)(void *driver, size_t len);
    void (*buffer_put)(void *driver, void *buf, size_t len);
    /* The time as it is now, for how long commands took; on the clock of `now_ns`. May be absent: that of the
     * last call. */
    uint64_t (*clock)(void *driver);
};

/* ---- the connection ------------------------------------------------------------------------------------ */

struct iscsi_conn_config {
    const struct iscsi_limits *limits;      /* must outlive the connection */
    const struct iscsi_directory *directory;
    void *dir;
    const struct iscsi_driver *driver;
    void *driver_arg;
    char local_address[80], peer_address[80]; /* "host:port" or "[v6]:port" */
    uint64_t now_ns;
};

int iscsi_conn_create(const struct iscsi_conn_config *config, struct iscsi_conn **ret_conn);

/* Where the next bytes of the stream belong: fills iov, returns how many entries (0: not now, the connection
 * is busy or closing; ask again after iscsi_conn_sent() or a wake()). The first entries may point straight
 * into a task's buffer. `max` >= 2. The places are good until iscsi_conn_received() or iscsi_conn_lost();
 * asking again without having received gives the same ones. */
int iscsi_conn_input(struct iscsi_conn *conn, struct iovec *iov, int max);
/* n bytes have been put there, in order. Parses as many PDUs as are whole. 0, or -errno: close (output may be
 * flushed first). */
int iscsi_conn_received(struct iscsi_conn *conn, size_t n, uint64_t now_ns);

/* Bytes to send, in order, from the first that is not sent: headers, data, digests gathered. Returns the
 * number of entries (0: nothing). They stay put until sent (or lost). `max` >= 3; a PDU takes up to three, so
 * 64 entries carry 20 to 60 PDUs. */
int iscsi_conn_output(struct iscsi_conn *conn, struct iovec *iov, int max);
void iscsi_conn_sent(struct iscsi_conn *conn, size_t n);
/* Sending found bytes that are not there (EFAULT): a store lent pages that it has lost. Close; it will lend
 * them no more. */
void iscsi_conn_send_faulted(struct iscsi_conn *conn);

/* True when the connection has nothing more to say and wants its socket closed (logout answered, login
 * refused, protocol error), or when what it had to say could not be sent in time (dead peer: see
 * iscsi_conn_deadline). Look after every received, sent, tick. */
bool iscsi_conn_wants_close(const struct iscsi_conn *conn);

/* Next moment at which iscsi_conn_tick() has something to do (UINT64_MAX: none). */
uint64_t iscsi_conn_deadline(const struct iscsi_conn *conn);
void iscsi_conn_tick(struct iscsi_conn *conn, uint64_t now_ns);

/* The answer to session_open() = -EINPROGRESS: view and tsih, or r < 0 to refuse. */
void iscsi_conn_session_ready(struct iscsi_conn *conn, int r, struct scsi_view *view, uint16_t tsih);

/* Async Message event 1: asks the initiator to log out within `seconds` (RFC 7143 §11.9.1). */
void iscsi_conn_request_logout(struct iscsi_conn *conn, uint16_t seconds);
/* Async Message event 2 when in full feature phase, then the end. */
void iscsi_conn_drop(struct iscsi_conn *conn);

/* The socket is gone, and no recv or send of the driver refers to memory of the connection any more: aborts
 * what runs. gone(arg) is called once no store request refers to the connection any more (perhaps before this
 * returns); the directory's pin has been released by then. After it, or inside it as the last thing,
 * iscsi_conn_destroy(). */
void iscsi_conn_lost(struct iscsi_conn *conn, void (*gone)(void *arg), void *arg);
void iscsi_conn_destroy(struct iscsi_conn *conn);

/* ---- facts for `session list` and the log -------------------------------------------------------------- */

enum iscsi_conn_state { ISCSI_CONN_LOGIN, ISCSI_CONN_FULL, ISCSI_CONN_LOGOUT, ISCSI_CONN_CLOSED };

struct iscsi_conn_facts {
    enum iscsi_conn_state state;
    bool discovery;
    char initiator[ISCSI_NAME_MAX + 1], target[ISCSI_NAME_MAX + 1];
    uint8_t isid[6];
    uint16_t tsih, tag, cid;
    bool header_digest, data_digest, authenticated;
    uint32_t tasks;                     /* in flight */
    uint64_t n_commands, n_bytes_in, n_bytes_out; /* SCSI commands; payload written; payload read */
};
void iscsi_conn_facts(const struct iscsi_conn *conn, struct iscsi_conn_facts *ret_facts);

/* Key of RFC 7143 §6.3.5: what makes two sessions the same. Valid from admit() on. */
const uint8_t *iscsi_conn_isid(const struct iscsi_conn *conn);
const char *iscsi_conn_initiator(const struct iscsi_conn *conn);
const char *iscsi_conn_local_address(const struct iscsi_conn *conn);

#endif
