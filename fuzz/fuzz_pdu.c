/* SPDX-License-Identifier: MIT */
/* A whole connection fed with a hostile stream, before and after login, over a disk whose commands end late.
 *
 * Input: byte 0 chooses how the connection begins (bit 0: in full feature phase, bit 1: digests, bit 2:
 * discovery, bit 3: it must authenticate, bit 4: few buffers), byte 1 the size of the pieces; the rest is the
 * stream. Header digests are not checked by luck: with bit 1 the fuzzer has to find them, which it seldom
 * does, and that is its own path.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "fake_scsi.h"
#include "iscsi/iscsi.h"
#include "iscsi/pdu.h"

enum { BEGIN_FULL = 1, BEGIN_DIGESTS = 2, BEGIN_DISCOVERY = 4, BEGIN_AUTH = 8, BEGIN_POOR = 16 };

struct world {
    struct scsi_view *view;
    struct iscsi_conn *conn;
    size_t n_out, max_out;
    uint8_t begin;
    bool gone;
};

#define CHECK(condition)  \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

static void wake(void *arg, struct iscsi_conn *conn)
{
    (void)arg, (void)conn;
}

static void *buffer_get(void *arg, size_t len)
{
    struct world *w = arg;

    if (w->n_out + len > w->max_out)
        return NULL;
    w->n_out += len;
    return malloc(len);
}

static void buffer_put(void *arg, void *buf, size_t len)
{
    struct world *w = arg;

    CHECK(w->n_out >= len);
    w->n_out -= len;
    free(buf);
}

static void admit(void *dir, struct iscsi_conn *conn, const char *initiator, const char *target,
                  struct iscsi_admission *ret)
{
    struct world *w = dir;

    (void)conn, (void)initiator, (void)target;
    *ret = (struct iscsi_admission){ .verdict = ISCSI_ADMIT, .tag = 1, .pin = w };
    ret->auth.required = w->begin & BEGIN_AUTH;
    ret->auth.in.len = 12;
}

static void release(void *dir, struct iscsi_conn *conn, void *pin)
{
    (void)conn;
    CHECK(dir == pin);
}

static int session_open(void *dir, struct iscsi_conn *conn, void *pin, struct scsi_view **ret_view,
                        uint16_t *ret_tsih)
{
    struct world *w = dir;

    (void)conn, (void)pin;
    *ret_view = w->view;
    *ret_tsih = 1;
    return 0;
}

static void list(void *dir, struct iscsi_conn *conn, const char *initiator, const char *target,
                 int (*record)(void *arg, const char *target, const char *address, uint16_t tag), void *arg)
{
    (void)dir, (void)conn, (void)initiator, (void)target;
    for (uint16_t k = 1; k < 400 && record(arg, k % 2 ? "iqn.t" : "iqn.u", "[2001:db8::1]:3260", k) == 0; k++)
        ;
}

static const struct iscsi_driver driver = { wake, buffer_get, buffer_put };
static const struct iscsi_directory directory = {
    .admit = admit, .release = release, .session_open = session_open, .list = list
};

static void drain(struct world *w, size_t piece)
{
    struct iovec iov[9];
    int n;

    while ((n = iscsi_conn_output(w->conn, iov, 9)) > 0) {
        size_t len = 0;

        for (int k = 0; k < n; k++) {
            CHECK(iov[k].iov_len > 0);
            len += iov[k].iov_len;
        }
        iscsi_conn_sent(w->conn, piece && piece < len ? piece : len);
    }
}

/* Returns how much the connection took. */
static size_t feed(struct world *w, const uint8_t *data, size_t size)
{
    struct iovec iov[3];
    int n = iscsi_conn_input(w->conn, iov, 3);
    size_t done = 0;

    for (int k = 0; k < n && done < size; k++) {
        size_t len = iov[k].iov_len < size - done ? iov[k].iov_len : size - done;

        memcpy(iov[k].iov_base, data + done, len);
        done += len;
    }
    if (done)
        iscsi_conn_received(w->conn, done, 1);
    return done;
}

static size_t login_request(uint8_t *pdu, uint8_t begin)
{
    static const char normal[] = "InitiatorName=iqn.i\0TargetName=iqn.t\0InitialR2T="
                                 "No\0MaxRecvDataSegmentLength=1024\0MaxOutstandingR2T=3";
    static const char digests[] = "HeaderDigest=CRC32C\0DataDigest=CRC32C",
                      discovery[] = "InitiatorName=iqn.i\0SessionType=Discovery";
    size_t n = begin & BEGIN_DISCOVERY ? sizeof discovery : sizeof normal;

    memset(pdu, 0, BHS_LEN + 256);
    memcpy(pdu + BHS_LEN, begin & BEGIN_DISCOVERY ? discovery : normal, n);
    if (begin & BEGIN_DIGESTS) {
        memcpy(pdu + BHS_LEN + n, digests, sizeof digests);
        n += sizeof digests;
    }
    pdu[0] = OP_LOGIN_REQUEST | PDU_IMMEDIATE;
    pdu[1] = LOGIN_TRANSIT | STAGE_OPERATIONAL << 2 | STAGE_FULL;
    be24_put(pdu + 5, (uint32_t)n);
    be32_put(pdu + 24, 1); /* CmdSN */
    return BHS_LEN + n + pdu_pad((uint32_t)n);
}

static void gone(void *arg)
{
    ((struct world *)arg)->gone = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iscsi_limits limits = iscsi_limits_default;
    struct world w = { .max_out = 1 << 20, .begin = size ? data[0] : 0 };
    struct iscsi_conn_config config = { .limits = &limits,
                                        .directory = &directory,
                                        .dir = &w,
                                        .driver = &driver,
                                        .driver_arg = &w,
                                        .now_ns = 1 };
    size_t piece = size > 1 ? data[1] : 0, n;
    uint8_t login[BHS_LEN + 256];

    limits.tasks = 6;
    limits.max_burst = limits.first_burst = 2048;
    w.view = fake_view_create();
    CHECK(iscsi_conn_create(&config, &w.conn) == 0);
    if (w.begin & BEGIN_FULL)
        feed(&w, login, login_request(login, w.begin));
    w.max_out = w.begin & BEGIN_POOR ? 4096 : 1 << 20;
    for (size_t at = 2; at < size; at += n) {
        n = piece && piece < size - at ? piece : size - at;
        n = feed(&w, data + at, n);
        w.view->hold = at % 3;
        if (at % 5 == 0)
            fake_complete(w.view);
        if (n == 0 || at % 2)
            drain(&w, piece * 3);
        if (n == 0 && !fake_complete(w.view) && (n = feed(&w, data + at, 1)) == 0)
            break;
    }
    drain(&w, 0);
    iscsi_conn_tick(w.conn, 1ull << 40);
    iscsi_conn_lost(w.conn, gone, &w);
    while (fake_complete(w.view))
        ;
    CHECK(w.gone && w.n_out == 0);
    iscsi_conn_destroy(w.conn);
    fake_view_destroy(w.view);
    return 0;
}

/* A stream of PDUs that fit together, more or less. */
size_t fuzz_sample(uint8_t *out, size_t n_out, uint32_t random)
{
    static const uint8_t opcodes[] = { OP_SCSI_COMMAND, OP_SCSI_COMMAND, OP_DATA_OUT,      OP_NOP_OUT,
                                       OP_TEXT_REQUEST, OP_TASK_REQUEST, OP_LOGIN_REQUEST, OP_SCSI_COMMAND };
    uint32_t cmdsn = 1;
    size_t n = 2;

    out[0] = random % 16 ? BEGIN_FULL | (random & BEGIN_POOR) | (random % 32 == 1 ? BEGIN_DISCOVERY : 0)
                         : (uint8_t)random;
    out[1] = (uint8_t)(random >> 8);
    if (!(out[0] & BEGIN_FULL))
        n += login_request(out + n, (uint8_t)(random >> 16));
    while (n + BHS_LEN + 520 < n_out && (random >> 9) % 24) {
        uint8_t *p = out + n, op = opcodes[(random >> 4) % sizeof opcodes];
        uint32_t len = op == OP_DATA_OUT ? 512 : op == OP_TEXT_REQUEST ? 16 : (random >> 7) % 5 ? 0 : 512;

        random = random * 1664525u + 1013904223u;
        memset(p, 0, BHS_LEN + len);
        p[0] = op | (random >> 5 & 1 ? PDU_IMMEDIATE : 0);
        p[1] = (uint8_t)(PDU_FINAL | (op == OP_SCSI_COMMAND   ? (random >> 6) % 4 << 5
                                      : op == OP_TASK_REQUEST ? (random >> 6) % 9
                                                              : 0));
        p[9] = (random >> 11) % 16 == 0;
        be24_put(p + 5, len);
        be32_put(p + 16, (random >> 12) % 4);
        be32_put(p + 20, op == OP_SCSI_COMMAND ? (random >> 14) % 5 * 512
                         : (random >> 14) % 4  ? (random >> 16) % 8
                                               : TAG_NONE);
        be32_put(p + 24, cmdsn);
        cmdsn += !(p[0] & PDU_IMMEDIATE) && op != OP_DATA_OUT;
        p[32] = (uint8_t[]){ 0x28, 0x2a, 0x2a, 0x12 }[(random >> 18) % 4];
        p[40] = op == OP_SCSI_COMMAND ? (random >> 20) % 6 : 0;
        if (op == OP_TEXT_REQUEST)
            memcpy(p + BHS_LEN, "SendTargets=All", 16);
        n += BHS_LEN + len;
    }
    return n;
}
