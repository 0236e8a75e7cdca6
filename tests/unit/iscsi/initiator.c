/* SPDX-License-Identifier: MIT */
#include "initiator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "iscsi/digest.h"

uint32_t initiator_random(struct initiator *i)
{
    i->seed = i->seed * 1664525u + 1013904223u;
    return i->seed >> 8;
}

/* ---- driver -------------------------------------------------------------------------------------------- */

static void wake(void *driver, struct iscsi_conn *conn)
{
    struct initiator *i = driver;

    (void)conn;
    i->n_wakes++;
}

static void *buffer_get(void *driver, size_t len)
{
    struct initiator *i = driver;
    void *buf;

    assert_true(len > 0);
    if (i->buffer_bytes + len > i->buffer_max)
        return NULL;
    buf = malloc(len);
    if (buf) {
        i->n_buffers++;
        i->buffer_bytes += len;
    }
    return buf;
}

static void buffer_put(void *driver, void *buf, size_t len)
{
    struct initiator *i = driver;

    assert_non_null(buf);
    assert_true(i->n_buffers > 0 && i->buffer_bytes >= len);
    i->n_buffers--;
    i->buffer_bytes -= len;
    free(buf);
}

static uint64_t read_clock(void *driver)
{
    return ((struct initiator *)driver)->now_ns;
}

static const struct iscsi_driver driver = { wake, buffer_get, buffer_put, read_clock };

/* ---- directory ----------------------------------------------------------------------------------------- */

static void admit(void *dir, struct iscsi_conn *conn, const char *name, const char *target,
                  struct iscsi_admission *ret)
{
    struct initiator *i = dir;

    (void)conn, (void)name;
    i->n_admitted++;
    *ret = i->admission;
    if (strcmp(target, TARGET_NAME) != 0) {
        ret->verdict = ISCSI_REFUSE;
        ret->status = ISCSI_LOGIN_NOT_FOUND;
    }
    ret->pin = i;
}

static void release(void *dir, struct iscsi_conn *conn, void *pin)
{
    struct initiator *i = dir;

    (void)conn;
    assert_ptr_equal(pin, i);
    i->n_released++;
}

static int session_open(void *dir, struct iscsi_conn *conn, void *pin, struct scsi_view **ret_view,
                        uint16_t *ret_tsih)
{
    struct initiator *i = dir;

    (void)conn, (void)pin;
    if (i->session_open < 0)
        return i->session_open;
    *ret_view = i->view;
    *ret_tsih = i->tsih;
    return 0;
}

static void list(void *dir, struct iscsi_conn *conn, const char *name, const char *target,
                 int (*record)(void *arg, const char *target, const char *address, uint16_t tag), void *arg)
{
    struct initiator *i = dir;
    char text[64];

    (void)conn, (void)name;
    for (unsigned t = 0; t < i->n_targets; t++) {
        snprintf(text, sizeof text, t ? "%s%u" : "%s", TARGET_NAME, t);
        if (target && strcmp(target, text) != 0)
            continue;
        if (record(arg, text, "10.0.0.1:3260", 1) || record(arg, text, "[fe80::1]:3260", 2))
            return;
    }
}

static bool session_exists(void *dir, struct iscsi_conn *conn, const char *target, uint16_t tsih)
{
    struct initiator *i = dir;

    (void)conn, (void)target;
    return i->known_tsih == tsih;
}

static void discovery_auth(void *dir, const char *name, struct iscsi_auth *ret_auth)
{
    struct initiator *i = dir;

    (void)name;
    *ret_auth = i->discovery_auth;
}

static const struct iscsi_directory directory = {
    .admit = admit,
    .release = release,
    .session_open = session_open,
    .list = list,
    .session_exists = session_exists,
    .discovery_auth = discovery_auth,
};

/* ---- life ---------------------------------------------------------------------------------------------- */

void initiator_init(struct initiator *i)
{
    static uint8_t stream[STREAM_MAX]; /* one initiator at a time */

    *i = (struct initiator){
        .limits = iscsi_limits_default,
        .now_ns = 1000000000,
        .buffer_max = 64u << 20,
        .view = fake_view_create(),
        .admission = { .verdict = ISCSI_ADMIT, .tag = 7, .alias = "a disk" },
        .tsih = 0x1234,
        .n_targets = 1,
        .cmdsn = 100,
        .exp_statsn = 1,
        .cid = 1,
        .seed = 1,
        .stream = stream,
    };
}

void initiator_connect(struct initiator *i)
{
    struct iscsi_conn_config config = {
        .limits = &i->limits,
        .directory = &directory,
        .dir = i,
        .driver = &driver,
        .driver_arg = i,
        .local_address = "10.0.0.1:3260",
        .peer_address = "10.0.0.2:40000",
        .now_ns = i->now_ns,
    };

    assert_int_equal(iscsi_conn_create(&config, &i->conn), 0);
}

static void gone(void *arg)
{
    struct initiator *i = arg;

    assert_false(i->gone);
    i->gone = true;
}

void initiator_fini(struct initiator *i)
{
    if (i->conn) {
        iscsi_conn_lost(i->conn, gone, i);
        while (fake_complete(i->view))
            ;
        assert_true(i->gone);
        iscsi_conn_destroy(i->conn);
    }
    assert_int_equal(i->n_buffers, 0);
    fake_view_destroy(i->view);
}

int unconnected(void **state)
{
    static struct initiator i;

    initiator_init(&i);
    *state = &i;
    return 0;
}

int connected(void **state)
{
    unconnected(state);
    initiator_connect(*state);
    return 0;
}

int disconnect(void **state)
{
    initiator_fini(*state);
    return 0;
}

const uint8_t *initiator_pattern(void)
{
    static uint8_t pattern[1 << 20];

    if (!pattern[1])
        for (size_t k = 0; k < sizeof pattern; k++)
            pattern[k] = (uint8_t)(k * 7 + (k >> 9));
    return pattern;
}

bool initiator_is_over(struct initiator *i)
{
    initiator_drain(i);
    return iscsi_conn_wants_close(i->conn);
}

/* ---- bytes --------------------------------------------------------------------------------------------- */

static size_t piece(struct initiator *i, size_t most)
{
    size_t n = i->chunk == RANDOM_CHUNKS ? initiator_random(i) % 97 + 1 : i->chunk;

    return n && n < most ? n : most;
}

static size_t room_of(const struct iovec *iov, int n)
{
    size_t room = 0;

    for (int k = 0; k < n; k++)
        room += iov[k].iov_len;
    return room;
}

static void scatter(const struct iovec *iov, const uint8_t *bytes, size_t n)
{
    for (; n; iov++) {
        size_t len = iov->iov_len < n ? iov->iov_len : n;

        memcpy(iov->iov_base, bytes, len);
        bytes += len;
        n -= len;
    }
}

void initiator_feed(struct initiator *i, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    while (n) {
        struct iovec iov[4];
        int n_iov = iscsi_conn_input(i->conn, iov, 4);
        size_t len = piece(i, n), room = room_of(iov, n_iov);

        if (n_iov == 0)
            return; /* busy or closing */
        len = len < room ? len : room;
        scatter(iov, p, len);
        p += len;
        n -= len;
        i->received = iscsi_conn_received(i->conn, len, i->now_ns);
        if (i->received < 0)
            return;
    }
}

void initiator_drain(struct initiator *i)
{
    struct iovec iov[16];
    int n_iov;

    while ((n_iov = iscsi_conn_output(i->conn, iov, 16)) > 0) {
        size_t n = piece(i, room_of(iov, n_iov)), left = n;

        assert_true(i->n_stream + n <= STREAM_MAX);
        for (int k = 0; left; k++) {
            size_t len = iov[k].iov_len < left ? iov[k].iov_len : left;

            memcpy(i->stream + i->n_stream, iov[k].iov_base, len);
            i->n_stream += len;
            left -= len;
        }
        iscsi_conn_sent(i->conn, n);
    }
}

void initiator_send(struct initiator *i, const uint8_t bhs[BHS_LEN], const void *data, uint32_t len)
{
    static uint8_t pdu[BHS_LEN + (1 << 20) + 16];
    size_t n = BHS_LEN;

    assert_true(len <= 1 << 20);
    memcpy(pdu, bhs, BHS_LEN);
    be24_put(pdu + 5, len);
    if (i->header_digest) {
        digest_put(pdu + n, digest_add(DIGEST_START, pdu, BHS_LEN) ^ i->spoil_header_digest);
        n += DIGEST_LEN;
    }
    if (len) {
        memcpy(pdu + n, data, len);
        memset(pdu + n + len, 0, 3);
        if (i->data_digest)
            digest_put(pdu + n + len + pdu_pad(len),
                       digest_add(DIGEST_START, pdu + n, len + pdu_pad(len)) ^ i->spoil_data_digest);
        n += len + pdu_pad(len) + (i->data_digest ? DIGEST_LEN : 0);
    }
    initiator_feed(i, pdu, n);
}

bool initiator_next(struct initiator *i, struct reply *ret)
{
    const uint8_t *p;
    size_t n = BHS_LEN;

    initiator_drain(i);
    p = i->stream + i->taken;
    if (i->n_stream == i->taken)
        return false;
    assert_true(i->n_stream - i->taken >= BHS_LEN);
    *ret = (struct reply){ .opcode = p[0],
                           .flags = p[1],
                           .len = be24_get(p + 5),
                           .itt = be32_get(p + 16),
                           .ttt = be32_get(p + 20) };
    memcpy(ret->bhs, p, BHS_LEN);
    ret->statsn = be32_get(p + 24);
    i->exp_cmdsn = be32_get(p + 28);
    i->max_cmdsn = be32_get(p + 32);
    if (i->header_digest && p[0] != OP_LOGIN_RESPONSE) {
        assert_true(digest_equal(p + n, digest_add(DIGEST_START, p, BHS_LEN)));
        n += DIGEST_LEN;
    }
    ret->data = p + n;
    if (ret->len && i->data_digest && p[0] != OP_LOGIN_RESPONSE) {
        assert_true(digest_equal(p + n + ret->len + pdu_pad(ret->len),
                                 digest_add(DIGEST_START, p + n, ret->len + pdu_pad(ret->len))));
        n += DIGEST_LEN;
    }
    n += ret->len + pdu_pad(ret->len);
    assert_true(n <= i->n_stream - i->taken);
    i->taken += n;
    return true;
}

struct reply initiator_expect(struct initiator *i, uint8_t opcode)
{
    struct reply r = { 0 };

    assert_true(initiator_next(i, &r));
    assert_int_equal(r.opcode, opcode);
    return r;
}

bool initiator_quiet(struct initiator *i)
{
    struct reply r;

    return !initiator_next(i, &r);
}

/* ---- PDUs ---------------------------------------------------------------------------------------------- */

void request_pdu(struct initiator *i, uint8_t bhs[BHS_LEN], uint8_t opcode, uint8_t flags, uint32_t itt)
{
    memset(bhs, 0, BHS_LEN);
    bhs[0] = opcode;
    bhs[1] = flags;
    be32_put(bhs + 16, itt);
    be32_put(bhs + 20, TAG_NONE);
    be32_put(bhs + 24, i->cmdsn);
    be32_put(bhs + 28, i->exp_statsn);
}

void login_pdu(struct initiator *i, uint8_t bhs[BHS_LEN], uint8_t flags)
{
    static const uint8_t isid[6] = { 0x80, 1, 2, 3, 4, 5 };

    request_pdu(i, bhs, OP_LOGIN_REQUEST | PDU_IMMEDIATE, flags, 0x1001);
    memcpy(bhs + 8, isid, 6);
    be32_put(bhs + 20, 0);
    be16_put(bhs + 20, i->cid);
}

uint32_t text_of(const char *pairs, char *out)
{
    uint32_t n = 0;

    for (const char *p = pairs; *p; p++)
        out[n++] = *p == '\n' ? '\0' : *p;
    if (n)
        out[n++] = '\0';
    return n;
}

void login_send(struct initiator *i, uint8_t flags, const char *pairs)
{
    uint8_t bhs[BHS_LEN];
    char text[8192];

    login_pdu(i, bhs, flags);
    initiator_send(i, bhs, text, text_of(pairs, text));
}

struct reply login_step(struct initiator *i, uint8_t flags, const char *pairs)
{
    struct reply r;

    login_send(i, flags, pairs);
    r = initiator_expect(i, OP_LOGIN_RESPONSE);
    assert_int_equal(r.itt, 0x1001);
    return r;
}

const char *text_value(const struct reply *r, const char *key)
{
    size_t n = strlen(key);

    for (const char *p = (const char *)r->data, *end = p + r->len; p < end; p += strlen(p) + 1)
        if (strncmp(p, key, n) == 0 && p[n] == '=')
            return p + n + 1;
    return NULL;
}

void login(struct initiator *i, const char *pairs)
{
    char text[4096];
    struct reply r;

    snprintf(text, sizeof text,
             "InitiatorName=" OUR_NAME "\nTargetName=" TARGET_NAME "\nSessionType=Normal%s%s",
             *pairs ? "\n" : "", pairs);
    r = login_step(i, FULL_FROM_OPERATIONAL, text);
    assert_int_equal(be16_get(r.bhs + 36), 0);
    assert_int_equal(r.flags, FULL_FROM_OPERATIONAL);
    assert_int_equal(be16_get(r.bhs + 14), i->tsih);
    i->header_digest = strstr(pairs, "HeaderDigest=CRC32C");
    i->data_digest = strstr(pairs, "DataDigest=CRC32C");
}

void login_discovery(struct initiator *i)
{
    struct reply r =
        login_step(i, FULL_FROM_OPERATIONAL, "InitiatorName=" OUR_NAME "\nSessionType=Discovery");

    assert_int_equal(be16_get(r.bhs + 36), 0);
}

void command_pdu(struct initiator *i, uint8_t bhs[BHS_LEN], const struct command *c)
{
    request_pdu(i, bhs, OP_SCSI_COMMAND | (c->immediate ? PDU_IMMEDIATE : 0), c->flags, c->itt);
    bhs[9] = c->lun;
    be32_put(bhs + 20, c->edtl);
    bhs[32] = c->op;
    if (c->op == 0x12) {
        be16_put(bhs + 35, c->n_blocks);
    } else {
        be32_put(bhs + 34, c->lba);
        be16_put(bhs + 39, c->n_blocks);
    }
    if (!c->immediate)
        i->cmdsn++;
}

void command_send(struct initiator *i, const struct command *c, const void *data, uint32_t len)
{
    uint8_t bhs[BHS_LEN];

    command_pdu(i, bhs, c);
    initiator_send(i, bhs, data, len);
}

void data_out_send(struct initiator *i, uint32_t itt, uint32_t ttt, uint32_t data_sn, uint32_t offset,
                   bool final, const void *data, uint32_t len)
{
    uint8_t bhs[BHS_LEN];

    request_pdu(i, bhs, OP_DATA_OUT, final ? PDU_FINAL : 0, itt);
    be32_put(bhs + 20, ttt);
    be32_put(bhs + 24, 0);
    be32_put(bhs + 36, data_sn);
    be32_put(bhs + 40, offset);
    initiator_send(i, bhs, data, len);
}
