/* SPDX-License-Identifier: MIT */
/* The login negotiation of a target (RFC 7143 §6.3, §11.12, §11.13): stages, names, text both ways, one
 * status at the end.
 *
 *     SECURITY --> OPERATIONAL --> FULL          a row of transits[] each
 *         `------------------------^
 *
 * One request may come over several PDUs (C bit) and one answer may leave over several; time and bytes are
 * bounded. The keys are in keys.c (operational) and chap.c (authentication); who may log in is the
 * directory's word.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "iscsi/chap.h"
#include "iscsi/conn.h"
#include "iscsi/login.h"

void login_destroy(struct login *l)
{
    if (!l)
        return;
    text_fini(&l->in);
    text_fini(&l->out);
    chap_destroy(l->chap);
    explicit_bzero(&l->admission.auth, sizeof l->admission.auth);
    free(l);
}

int login_create(struct iscsi_conn *conn)
{
    struct login *l = calloc(1, sizeof *l);

    if (!l)
        return -ENOMEM;
    text_init(&l->in, conn->config.limits->login_bytes);
    text_init(&l->out, conn->config.limits->login_bytes);
    /* Some initiators send operational keys in the security stage already; taking them there harms nobody. */
    l->keys = (struct key_negotiation){ .params = &conn->params,
                                        .limits = conn->config.limits,
                                        .phase = KEY_IN_LOGIN };
    conn->login = l;
    return 0;
}

/* ---- answers ------------------------------------------------------------------------------------------- */

static struct tx_pdu *response(struct iscsi_conn *conn, uint8_t flags)
{
    struct tx_pdu *pdu = tx_pdu_get(conn, OP_LOGIN_RESPONSE);

    if (!pdu)
        return NULL;
    pdu->header[1] = flags;
    pdu->no_digest = true;
    memcpy(pdu->header + 8, conn->session.isid, 6);
    be16_put(pdu->header + 14, flags & LOGIN_TRANSIT && (flags & 3) == STAGE_FULL ? conn->session.tsih
                                                                                  : conn->login->first.tsih);
    be32_put(pdu->header + 16, conn->login->itt);
    return pdu;
}

static int put_text(struct iscsi_conn *conn, struct tx_pdu *pdu, const char *bytes, uint32_t len)
{
    uint8_t *buf = conn_buffer_get(conn, len);

    if (!buf)
        return -ENOMEM;
    memcpy(buf, bytes, len);
    tx_pdu_own(conn, pdu, buf, len);
    return 0;
}

/* The end of the login with a status of class 1, 2 or 3; the connection closes when it is out. */
static int refuse(struct iscsi_conn *conn, struct iscsi_login_status status)
{
    struct tx_pdu *pdu = response(conn, conn->rx.bhs[1] & 0x0c);

    log_debug("iscsi: %s (%s): login refused, status %02x%02x", conn->config.peer_address,
              conn->session.initiator, status.class, status.detail);
    if (!pdu)
        return -ENOMEM;
    pdu->header[36] = status.class;
    pdu->header[37] = status.detail;
    if (status.class == 1) { /* redirection: the only answer of a refusal that carries text */
        text_fini(&conn->login->out);
        if (text_put(&conn->login->out, "TargetAddress", conn->login->admission.address) == 0)
            put_text(conn, pdu, conn->login->out.bytes, (uint32_t)conn->login->out.len);
    }
    tx_reply(conn, pdu);
    conn_event(conn, EV_LOGIN_REFUSED);
    return 0;
}

/* Sends what is next of the answer; T only with the last of it. */
static int answer(struct iscsi_conn *conn)
{
    struct login *l = conn->login;
    uint32_t most =
        conn->params.max_xmit_segment < LOGIN_SEGMENT_MAX ? conn->params.max_xmit_segment : LOGIN_SEGMENT_MAX;
    size_t left = l->out.len - l->out_at;
    uint32_t len = left < most ? (uint32_t)left : most;
    bool more = len < left, transit = l->transit && !more;
    uint8_t flags = (uint8_t)((l->stage & 3) << 2 | (transit ? LOGIN_TRANSIT | l->next_stage : 0) |
                              (more ? PDU_CONTINUE : 0));
    struct tx_pdu *pdu = response(conn, flags);

    if (!pdu)
        return -ENOMEM;
    if (len && put_text(conn, pdu, l->out.bytes + l->out_at, len) < 0)
        conn_fail(conn, "no buffer for a login answer");
    tx_reply(conn, pdu);
    l->out_at += len;
    l->answering = more;
    if (more)
        return 0;
    text_fini(&l->out);
    l->out_at = 0;
    if (!transit)
        return 0;
    l->transit = false;
    l->stage = l->next_stage;
    if (l->stage == STAGE_FULL)
        conn_event(conn, EV_LOGIN_DONE); /* frees l */
    return 0;
}

/* ---- names and the directory --------------------------------------------------------------------------- */

static int take_name(const char *value, char name[ISCSI_NAME_MAX + 1])
{
    size_t len = strlen(value);

    if (len == 0 || len > ISCSI_NAME_MAX || *name)
        return -EPROTO;
    memcpy(name, value, len + 1);
    return 0;
}

static int key_initiator_name(struct iscsi_conn *conn, const char *value)
{
    return take_name(value, conn->session.initiator);
}

static int key_target_name(struct iscsi_conn *conn, const char *value)
{
    return take_name(value, conn->session.target);
}

static int key_session_type(struct iscsi_conn *conn, const char *value)
{
    bool discovery = strcmp(value, "Discovery") == 0;

    if (conn->login->session_type || (!discovery && strcmp(value, "Normal") != 0))
        return -EDOM;
    conn->login->session_type = true;
    conn->session.discovery = conn->login->keys.discovery = discovery;
    return 0;
}

static int key_alias(struct iscsi_conn *conn, const char *value)
{
    (void)conn;
    return strlen(value) <= TEXT_VALUE_MAX ? 0 : -EPROTO; /* for people; we show names */
}

/* Keys that say who and what (§13.4, .5, .7, .21): no answer, first request only but for the alias. */
static const struct {
    const char *name;
    int (*take)(struct iscsi_conn *conn, const char *value);
    bool first_only;
} declarations[] = {
    { "InitiatorName", key_initiator_name, true },
    { "TargetName", key_target_name, true },
    { "SessionType", key_session_type, true },
    { "InitiatorAlias", key_alias, false },
};

static struct iscsi_login_status status_of_errno(int r)
{
    switch (r) {
    case 0:
        return ISCSI_LOGIN_OK;
    case -ENOMEM:
        return ISCSI_LOGIN_OUT_OF_RESOURCES;
    case -EDOM:
        return ISCSI_LOGIN_TYPE_NOT_SUPPORTED;
    case -EACCES:
        return ISCSI_LOGIN_AUTH_FAILED;
    default:
        return ISCSI_LOGIN_INITIATOR_ERROR;
    }
}

static bool is_ok(struct iscsi_login_status s)
{
    return s.class == 0;
}

/* §7.3.5 of the session table: TSIH of zero opens a session (or takes an older one's place), anything else
 * names one to join. */
static struct iscsi_login_status check_tsih(struct iscsi_conn *conn)
{
    const struct iscsi_directory *d = conn->config.directory;
    const uint16_t tsih = conn->login->first.tsih;

    if (tsih == 0)
        return ISCSI_LOGIN_OK;
    return d->session_exists && d->session_exists(conn->config.dir, conn, conn->session.target, tsih)
               ? ISCSI_LOGIN_CANNOT_INCLUDE
               : ISCSI_LOGIN_NO_SUCH_SESSION;
}

static struct iscsi_login_status ask_directory(struct iscsi_conn *conn)
{
    const struct iscsi_directory *d = conn->config.directory;
    struct iscsi_admission *a = &conn->login->admission;
    struct session *s = &conn->session;

    if (s->discovery) {
        if (d->discovery_auth)
            d->discovery_auth(conn->config.dir, s->initiator, &a->auth);
        return ISCSI_LOGIN_OK;
    }
    d->admit(conn->config.dir, conn, s->initiator, s->target, a);
    if (a->verdict != ISCSI_ADMIT)
        return is_ok(a->status) ? ISCSI_LOGIN_TARGET_ERROR : a->status;
    s->admitted = true;
    s->pin = a->pin;
    s->tag = a->tag;
    return ISCSI_LOGIN_OK;
}

/* After the first complete request: who is it, what does he want, may he. */
static struct iscsi_login_status identify(struct iscsi_conn *conn)
{
    struct session *s = &conn->session;
    struct login *l = conn->login;
    struct iscsi_login_status status;

    if (!*s->initiator || (!s->discovery && !*s->target))
        return ISCSI_LOGIN_MISSING_PARAMETER;
    status = check_tsih(conn);
    if (is_ok(status))
        status = ask_directory(conn);
    if (!is_ok(status))
        return status;
    if (l->stage == STAGE_OPERATIONAL && l->admission.auth.required)
        return ISCSI_LOGIN_AUTH_FAILED; /* he skips the stage that we insist on */
    return ISCSI_LOGIN_OK;
}

/* ---- keys ---------------------------------------------------------------------------------------------- */

static int take_declaration(struct iscsi_conn *conn, const struct text_pair *pair)
{
    for (size_t i = 0; i < ARRAY_SIZE(declarations); i++)
        if (strcmp(declarations[i].name, pair->name) == 0) {
            if (declarations[i].first_only && conn->login->identified)
                return -EPROTO;
            return declarations[i].take(conn, pair->value) ?: 1;
        }
    return 0;
}

static int declarations_first(struct iscsi_conn *conn)
{
    struct text_pair pair;
    size_t at = 0;
    int r;

    while ((r = text_next(&conn->login->in, &at, &pair)) > 0) {
        r = take_declaration(conn, &pair);
        if (r < 0)
            return r;
    }
    return r;
}

static bool is_declaration(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(declarations); i++)
        if (strcmp(declarations[i].name, name) == 0)
            return true;
    return false;
}

static int security_key(struct iscsi_conn *conn, const struct text_pair *pair)
{
    struct login *l = conn->login;

    if (l->stage != STAGE_SECURITY)
        return -EPROTO;
    if (!l->chap) {
        l->chap = chap_create(&l->admission.auth, conn->session.initiator, conn->session.target);
        if (!l->chap)
            return -ENOMEM;
    }
    return chap_key(l->chap, pair->name, pair->value);
}

static int answer_keys(struct iscsi_conn *conn)
{
    struct login *l = conn->login;
    struct text_pair pair;
    size_t at = 0;
    int r;

    while ((r = text_next(&l->in, &at, &pair)) > 0) {
        if (is_declaration(pair.name))
            continue; /* taken by declarations_first() */
        r = chap_is_key(pair.name) ? security_key(conn, &pair) : keys_answer(&l->keys, &pair, &l->out);
        if (r < 0)
            return r;
    }
    if (r == 0 && l->chap)
        r = chap_answer(l->chap, &l->out);
    return r;
}

/* What a target says unasked: its tag in the first answer (§13.9), its segment limit in the operational stage
 * (§13.12). */
static int declare(struct iscsi_conn *conn)
{
    struct login *l = conn->login;
    int r = 0;

    if (!l->tag_declared && !conn->session.discovery) {
        r = text_put_number(&l->out, "TargetPortalGroupTag", conn->session.tag);
        if (r == 0 && *l->admission.alias)
            r = text_put(&l->out, "TargetAlias", l->admission.alias);
        l->tag_declared = true;
    }
    if (r == 0 && l->stage == STAGE_OPERATIONAL && !l->segment_declared) {
        r = text_put_number(&l->out, "MaxRecvDataSegmentLength", conn->config.limits->max_recv_data_segment);
        l->segment_declared = true;
    }
    return r;
}

/* ---- stages -------------------------------------------------------------------------------------------- */

static bool security_done(struct iscsi_conn *conn)
{
    struct login *l = conn->login;

    return l->chap ? chap_is_done(l->chap) : !l->admission.auth.required;
}

static bool always(struct iscsi_conn *conn)
{
    (void)conn;
    return true;
}

/* From a stage to a later one, when what the stage is for has been done. No row: not allowed (§6.3.1). */
static bool (*const transits[4][4])(struct iscsi_conn *conn) = {
    [STAGE_SECURITY] = { [STAGE_OPERATIONAL] = security_done, [STAGE_FULL] = security_done },
    [STAGE_OPERATIONAL] = { [STAGE_FULL] = always },
};

static int open_session(struct iscsi_conn *conn)
{
    const struct iscsi_directory *d = conn->config.directory;
    struct session *s = &conn->session;
    int r;

    s->authenticated = conn->login->chap && chap_has_proved(conn->login->chap);
    if (s->discovery) {
        s->tsih = 1; /* nonzero; a discovery session is never joined */
        return 0;
    }
    r = d->session_open(conn->config.dir, conn, s->pin, &s->view, &s->tsih);
    if (r == -EINPROGRESS)
        conn_event(conn, EV_SESSION_WAIT);
    return r;
}

/* The request is answered in l->out; sends it, by way of the directory when it opens full feature phase. */
static int conclude(struct iscsi_conn *conn)
{
    struct login *l = conn->login;
    int r = 0;

    l->transit = l->transit && transits[l->stage][l->next_stage](conn);
    if (l->transit && l->next_stage == STAGE_FULL)
        r = open_session(conn);
    if (r == -EINPROGRESS)
        return 0;
    return r < 0 ? refuse(conn, ISCSI_LOGIN_OUT_OF_RESOURCES) : answer(conn);
}

void login_session_ready(struct iscsi_conn *conn, int r, struct scsi_view *view, uint16_t tsih)
{
    if (r < 0) {
        refuse(conn, ISCSI_LOGIN_OUT_OF_RESOURCES);
        return;
    }
    conn->session.view = view;
    conn->session.tsih = tsih;
    answer(conn);
}

static int complete_request(struct iscsi_conn *conn)
{
    struct login *l = conn->login;
    struct iscsi_login_status status = ISCSI_LOGIN_OK;
    int r = declarations_first(conn);

    if (r == 0 && !l->identified)
        status = identify(conn);
    l->identified = true;
    if (r == 0 && is_ok(status))
        r = declare(conn) ?: answer_keys(conn);
    text_fini(&l->in);
    if (r < 0)
        status = status_of_errno(r);
    return is_ok(status) ? conclude(conn) : refuse(conn, status);
}

/* ---- the request PDU ----------------------------------------------------------------------------------- */

/* The first request founds the session's numbers; the others must say the same (§11.12). */
static void found(struct iscsi_conn *conn, const struct pdu_login_request *q)
{
    struct login *l = conn->login;
    struct session *s = &conn->session;

    l->begun = true;
    l->first = *q;
    l->first.isid = NULL;
    l->itt = conn->rx.head.itt;
    l->stage = q->csg;
    memcpy(s->isid, q->isid, 6);
    s->cid = q->cid;
    s->exp_cmdsn = pdu_cmdsn_get(conn->rx.bhs);
    s->max_cmdsn = s->exp_cmdsn;
    conn->stat_sn = pdu_exp_statsn_get(conn->rx.bhs);
}

static struct iscsi_login_status check_request(struct iscsi_conn *conn, const struct pdu_login_request *q)
{
    struct login *l = conn->login;

    if (!l->begun)
        found(conn, q);
    if (q->version_min > 0)
        return ISCSI_LOGIN_BAD_VERSION; /* version 0x00 is the only one there is (§11.12.4) */
    if (q->tsih != l->first.tsih || q->cid != l->first.cid || memcmp(q->isid, conn->session.isid, 6) != 0 ||
        conn->rx.head.itt != l->itt)
        return ISCSI_LOGIN_BAD_REQUEST;
    if (q->csg != l->stage || q->csg > STAGE_OPERATIONAL ||
        (q->transit && (q->more || !transits[q->csg][q->nsg])))
        return ISCSI_LOGIN_BAD_REQUEST;
    l->n_bytes += BHS_LEN + conn->rx.head.data_len;
    return l->n_bytes > conn->config.limits->login_bytes ? ISCSI_LOGIN_INITIATOR_ERROR : ISCSI_LOGIN_OK;
}

int login_header(struct iscsi_conn *conn)
{
    return rx_into_buffer(conn);
}

int login_payload(struct iscsi_conn *conn)
{
    struct pdu_login_request q = pdu_login_request_get(conn->rx.bhs);
    struct login *l = conn->login;
    struct iscsi_login_status status = check_request(conn, &q);

    if (!is_ok(status))
        return refuse(conn, status);
    if (l->answering) /* he fetches the rest of a long answer: with an empty request (§6.2) */
        return conn->rx.head.data_len ? refuse(conn, ISCSI_LOGIN_BAD_REQUEST) : answer(conn);
    if (text_append(&l->in, conn->rx.data, conn->rx.head.data_len) < 0)
        return refuse(conn, ISCSI_LOGIN_OUT_OF_RESOURCES);
    if (q.more)
        return answer(conn); /* an empty answer asks for the rest */
    l->transit = q.transit;
    l->next_stage = q.nsg;
    return complete_request(conn);
}
