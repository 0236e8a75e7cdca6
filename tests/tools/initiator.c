/* SPDX-License-Identifier: MIT */
#include "initiator.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"

#define BHS         48
#define DATA_MAX    (1u << 20) /* more in one PDU is nothing we agreed to */
#define OUR_SEGMENT 262144u

enum { OP_NOP_OUT = 0x00, OP_COMMAND = 0x01, OP_LOGIN = 0x03, OP_TEXT = 0x04, OP_DATA_OUT = 0x05, OP_LOGOUT = 0x06 };
enum { OP_NOP_IN = 0x20, OP_RESPONSE = 0x21, OP_LOGIN_RESPONSE = 0x23, OP_TEXT_RESPONSE = 0x24, OP_DATA_IN = 0x25, OP_LOGOUT_RESPONSE = 0x26,
       OP_R2T = 0x31, OP_ASYNC = 0x32, OP_REJECT = 0x3f };
#define IMMEDIATE 0x40
#define FINAL     0x80

struct pdu {
    uint8_t bhs[BHS];
    uint8_t *data; /* malloc'ed, one zero byte behind it */
    uint32_t len;
};

/* ---- bytes --------------------------------------------------------------------------------------------------------------------------- */

void initiator_init_named(struct initiator *in, const char *name, unsigned isid)
{
    *in = (struct initiator){ .fd = -1, .cmdsn = 1, .itt = 1, .isid = { 0x80 } }; /* random format, RFC 7143 §11.12.5 */
    snprintf(in->name, sizeof in->name, "%s", name);
    be32_put(in->isid + 1, isid);
}

void initiator_init(struct initiator *in, unsigned number)
{
    char name[64];

    snprintf(name, sizeof name, "iqn.2024-01.test:initiator.%u", number);
    initiator_init_named(in, name, number);
}

/* An interrupted connect(2) goes on in the kernel: wait for how it ends. */
static int connect_wait(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    int error = 0, n;
    socklen_t len = sizeof error;

    do
        n = poll(&p, 1, INITIATOR_TIMEOUT_S * 1000);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return n < 0 ? -errno : -ETIMEDOUT;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    return -error;
}

int initiator_connect(struct initiator *in, const struct sockaddr_storage *addr)
{
    struct timeval timeout = { .tv_sec = INITIATOR_TIMEOUT_S };
    socklen_t len = addr->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int on = 1, r = 0;

    in->fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (in->fd < 0)
        return -errno;
    setsockopt(in->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(in->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    setsockopt(in->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(in->fd, (const struct sockaddr *)addr, len) < 0)
        r = errno == EINTR ? connect_wait(in->fd) : -errno;
    if (r < 0)
        initiator_close(in);
    return r;
}

int initiator_connect_text(struct initiator *in, const char *address)
{
    struct sockaddr_storage addr = { 0 };
    struct sockaddr_in *v4 = (void *)&addr;
    struct sockaddr_in6 *v6 = (void *)&addr;
    char host[64];
    unsigned port;

    if (sscanf(address, "[%63[^]]]:%u", host, &port) == 2) {
        *v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
        if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
            return -EINVAL;
    } else if (sscanf(address, "%63[^:]:%u", host, &port) == 2) {
        *v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
        if (inet_pton(AF_INET, host, &v4->sin_addr) != 1)
            return -EINVAL;
    } else {
        return -EINVAL;
    }
    return initiator_connect(in, &addr);
}

void initiator_close(struct initiator *in)
{
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
}

static int send_all(int fd, struct iovec *iov, int n)
{
    while (n > 0) {
        struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)n };
        ssize_t sent = sendmsg(fd, &msg, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        while (n > 0 && (size_t)sent >= iov->iov_len) {
            sent -= (ssize_t)iov->iov_len;
            iov++;
            n--;
        }
        if (n > 0) {
            iov->iov_base = (char *)iov->iov_base + sent;
            iov->iov_len -= (size_t)sent;
        }
    }
    return 0;
}

static int receive_all(int fd, void *buf, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = recv(fd, (char *)buf + done, len - done, 0);

        if (n == 0)
            return -ECONNRESET;
        if (n < 0 && errno != EINTR)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (n > 0)
            done += (size_t)n;
    }
    return 0;
}

static int pdu_send(struct initiator *in, uint8_t bhs[BHS], const void *data, uint32_t len)
{
    static uint8_t zeros[4];
    struct iovec iov[] = { { bhs, BHS }, { (void *)(uintptr_t)data, len }, { zeros, -len & 3 } };

    be24_put(bhs + 5, len);
    return send_all(in->fd, iov, 3);
}

static void pdu_free(struct pdu *pdu)
{
    free(pdu->data);
    pdu->data = NULL;
}

/* The next PDU, whatever it is. */
static int pdu_receive_any(struct initiator *in, struct pdu *pdu)
{
    int r = receive_all(in->fd, pdu->bhs, BHS);
    uint32_t ahs, padded;

    pdu->data = NULL;
    if (r < 0)
        return r;
    ahs = pdu->bhs[4] * 4u;
    pdu->len = be24_get(pdu->bhs + 5);
    padded = (pdu->len + 3) & ~3u;
    if (pdu->len > DATA_MAX || ahs)
        return -EPROTO;
    pdu->data = malloc(padded + 1);
    if (!pdu->data)
        return -ENOMEM;
    r = receive_all(in->fd, pdu->data, padded);
    pdu->data[pdu->len] = '\0';
    if (r < 0)
        pdu_free(pdu);
    return r;
}

static void note_async(struct initiator *in, const uint8_t *bhs)
{
    if (bhs[36] == 1) { /* RFC 7143 §11.9.1 */
        in->logout_requested = true;
        in->logout_seconds = be16_get(bhs + 42);
    } else if (bhs[36] == 2 || bhs[36] == 3) {
        in->drop_announced = true;
    }
}

static int answer_ping(struct initiator *in, const struct pdu *pdu)
{
    uint8_t bhs[BHS] = { [0] = OP_NOP_OUT | IMMEDIATE, [1] = FINAL };

    if (be32_get(pdu->bhs + 20) == UINT32_MAX)
        return 0;
    memcpy(bhs + 8, pdu->bhs + 8, 8);
    be32_put(bhs + 16, UINT32_MAX);
    memcpy(bhs + 20, pdu->bhs + 20, 4);
    be32_put(bhs + 24, in->cmdsn);
    be32_put(bhs + 28, in->expstatsn);
    return pdu_send(in, bhs, pdu->data, pdu->len);
}

static void count_status(struct initiator *in, const struct pdu *pdu)
{
    uint8_t op = pdu->bhs[0] & 0x3f;

    if (op == OP_R2T || (op == OP_DATA_IN && !(pdu->bhs[1] & 1)) || (op == OP_NOP_IN && be32_get(pdu->bhs + 16) == UINT32_MAX))
        return;
    in->expstatsn = be32_get(pdu->bhs + 24) + 1;
}

/* The next PDU that answers something: async messages and pings are dealt with here. */
static int pdu_receive(struct initiator *in, struct pdu *pdu)
{
    for (;;) {
        int r = pdu_receive_any(in, pdu);
        uint8_t op = pdu->bhs[0] & 0x3f;

        if (r < 0)
            return r;
        count_status(in, pdu);
        if (op == OP_ASYNC)
            note_async(in, pdu->bhs);
        else if (op == OP_NOP_IN && be32_get(pdu->bhs + 16) == UINT32_MAX)
            r = answer_ping(in, pdu);
        else
            return 0;
        pdu_free(pdu);
        if (r < 0)
            return r;
    }
}

int initiator_wait_event(struct initiator *in)
{
    struct pdu pdu;
    int r = pdu_receive_any(in, &pdu);

    if (r < 0)
        return r;
    count_status(in, &pdu);
    if ((pdu.bhs[0] & 0x3f) == OP_ASYNC)
        note_async(in, pdu.bhs);
    else
        r = (pdu.bhs[0] & 0x3f) == OP_NOP_IN ? answer_ping(in, &pdu) : -EPROTO;
    pdu_free(&pdu);
    return r;
}

/* ---- login ----------------------------------------------------------------------------------------------------------------------------- */

static void key_add(char *text, size_t size, uint32_t *len, const char *key, const char *value)
{
    *len += (uint32_t)snprintf(text + *len, size - *len, "%s=%s", key, value) + 1;
}

static uint32_t login_keys(const struct initiator *in, const char *target, char *text, size_t size)
{
    uint32_t len = 0;

    key_add(text, size, &len, "InitiatorName", in->name);
    key_add(text, size, &len, "SessionType", target ? "Normal" : "Discovery");
    if (target)
        key_add(text, size, &len, "TargetName", target);
    return len;
}

static uint32_t operational_keys(const struct initiator *in, const char *target, char *text, size_t size)
{
    uint32_t len = login_keys(in, target, text, size);

    key_add(text, size, &len, "HeaderDigest", "None");
    key_add(text, size, &len, "DataDigest", "None");
    key_add(text, size, &len, "MaxRecvDataSegmentLength", target ? "262144" : "8192");
    if (!target)
        return len;
    key_add(text, size, &len, "InitialR2T", "Yes");
    key_add(text, size, &len, "ImmediateData", "Yes");
    key_add(text, size, &len, "FirstBurstLength", "65536");
    key_add(text, size, &len, "MaxBurstLength", "262144");
    key_add(text, size, &len, "DefaultTime2Wait", "0");
    key_add(text, size, &len, "DefaultTime2Retain", "0");
    return len;
}

static int login_send(struct initiator *in, uint8_t flags, const char *text, uint32_t len)
{
    uint8_t bhs[BHS] = { [0] = OP_LOGIN | IMMEDIATE, [1] = flags };

    memcpy(bhs + 8, in->isid, 6);
    be32_put(bhs + 16, in->itt);
    be32_put(bhs + 24, in->cmdsn);
    be32_put(bhs + 28, in->expstatsn);
    return pdu_send(in, bhs, text, len);
}

static void take_key(struct initiator *in, const char *key, const char *value)
{
    if (strcmp(key, "TargetPortalGroupTag") == 0)
        in->tag = (uint16_t)strtoul(value, NULL, 10);
    else if (strcmp(key, "MaxRecvDataSegmentLength") == 0)
        in->max_send = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(key, "FirstBurstLength") == 0)
        in->first_burst = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(key, "MaxBurstLength") == 0)
        in->max_burst = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(key, "ImmediateData") == 0)
        in->immediate_data = strcmp(value, "Yes") == 0;
    else if (strcmp(key, "TargetAddress") == 0)
        snprintf(in->moved_to, sizeof in->moved_to, "%.*s", (int)strcspn(value, ","), value);
}

static void take_keys(struct initiator *in, char *text, uint32_t len)
{
    for (char *p = text; p < text + len; p += strlen(p) + 1) {
        char *value = strchr(p, '=');

        if (!value)
            continue;
        *value = '\0';
        take_key(in, p, value + 1);
        *value = '=';
    }
}

/* One answer. 1: full feature phase, 0: go on, -errno. */
static int login_answer(struct initiator *in)
{
    struct pdu pdu;
    int r = pdu_receive(in, &pdu);

    if (r < 0)
        return r;
    in->status_class = pdu.bhs[36];
    in->status_detail = pdu.bhs[37];
    if ((pdu.bhs[0] & 0x3f) != OP_LOGIN_RESPONSE)
        r = -EPROTO;
    else
        take_keys(in, (char *)pdu.data, pdu.len);
    if (r == 0 && in->status_class != 0)
        r = -EACCES;
    if (r == 0 && (pdu.bhs[1] & 0x83) == 0x83) {
        in->tsih = be16_get(pdu.bhs + 14);
        r = 1;
    }
    pdu_free(&pdu);
    return r;
}

static void login_defaults(struct initiator *in)
{
    in->status_class = in->status_detail = 0;
    in->moved_to[0] = '\0';
    in->tag = in->tsih = 0;
    in->first_burst = 65536;
    in->max_burst = 262144;
    in->max_send = 8192;
    in->immediate_data = true;
    in->logout_requested = in->drop_announced = false;
    in->cmdsn = 1;
    in->expstatsn = 0;
}

int initiator_login(struct initiator *in, const char *target)
{
    const uint8_t operational_to_full = FINAL | 1 << 2 | 3;
    char text[2048];
    uint32_t len = operational_keys(in, target, text, sizeof text);
    int r;

    login_defaults(in);
    do {
        r = login_send(in, operational_to_full, text, len);
        if (r == 0)
            r = login_answer(in);
        len = 0; /* a second round, if any, only asks again for the transition */
    } while (r == 0);
    return r < 0 ? r : 0;
}

int initiator_login_begin(struct initiator *in, const char *target)
{
    char text[2048];
    uint32_t len = login_keys(in, target, text, sizeof text);
    int r;

    login_defaults(in);
    key_add(text, sizeof text, &len, "AuthMethod", "None");
    r = login_send(in, 0, text, len);
    return r < 0 ? r : login_answer(in);
}

/* ---- text, logout, ping ------------------------------------------------------------------------------------------------------------------- */

static void numbered(struct initiator *in, uint8_t bhs[BHS])
{
    be32_put(bhs + 16, in->itt++);
    be32_put(bhs + 24, in->cmdsn);
    be32_put(bhs + 28, in->expstatsn);
    if (!(bhs[0] & IMMEDIATE))
        in->cmdsn++;
}

/* All requests of one sequence carry the same Initiator Task Tag (RFC 7143 §11.10.3). */
static int text_round(struct initiator *in, uint32_t itt, const char *text, uint32_t len, const uint8_t ttt[4], struct pdu *pdu)
{
    uint8_t bhs[BHS] = { [0] = OP_TEXT, [1] = FINAL };
    int r;

    memcpy(bhs + 20, ttt, 4);
    numbered(in, bhs);
    be32_put(bhs + 16, itt);
    r = pdu_send(in, bhs, text, len);
    if (r == 0)
        r = pdu_receive(in, pdu);
    if (r == 0 && (pdu->bhs[0] & 0x3f) != OP_TEXT_RESPONSE) {
        pdu_free(pdu);
        r = -EPROTO;
    }
    return r;
}

int initiator_send_targets(struct initiator *in, const char *what, char **ret_text)
{
    static const uint8_t none[4] = { 0xff, 0xff, 0xff, 0xff };
    char request[300], *answer = malloc(INITIATOR_TEXT_MAX + 1);
    uint32_t len = (uint32_t)snprintf(request, sizeof request, "SendTargets=%s", what) + 1, n = 0, itt = in->itt;
    uint8_t ttt[4];
    bool more;
    int r = answer ? 0 : -ENOMEM;

    memcpy(ttt, none, 4);
    do {
        struct pdu pdu;

        if (r == 0)
            r = text_round(in, itt, request, len, ttt, &pdu);
        if (r < 0) {
            free(answer);
            return r;
        }
        if (n + pdu.len > INITIATOR_TEXT_MAX) {
            r = -E2BIG;
        } else {
            memcpy(answer + n, pdu.data, pdu.len);
            n += pdu.len;
        }
        more = !(pdu.bhs[1] & FINAL); /* the rest comes for an empty request with the same tag */
        memcpy(ttt, pdu.bhs + 20, 4);
        len = 0;
        pdu_free(&pdu);
    } while (more);
    answer[n] = '\0';
    for (uint32_t i = 0; i < n; i++) {
        if (answer[i] == '\0')
            answer[i] = '\n';
    }
    *ret_text = answer;
    return 0;
}

static int ask(struct initiator *in, uint8_t bhs[BHS], uint8_t want)
{
    struct pdu pdu;
    int r;

    numbered(in, bhs);
    r = pdu_send(in, bhs, NULL, 0);
    if (r == 0)
        r = pdu_receive(in, &pdu);
    if (r < 0)
        return r;
    if ((pdu.bhs[0] & 0x3f) != want)
        r = -EPROTO;
    else if (want == OP_LOGOUT_RESPONSE && pdu.bhs[2] != 0)
        r = -EREMOTEIO;
    pdu_free(&pdu);
    return r;
}

int initiator_logout(struct initiator *in)
{
    uint8_t bhs[BHS] = { [0] = OP_LOGOUT | IMMEDIATE, [1] = FINAL };

    return ask(in, bhs, OP_LOGOUT_RESPONSE);
}

int initiator_nop(struct initiator *in)
{
    uint8_t bhs[BHS] = { [0] = OP_NOP_OUT | IMMEDIATE, [1] = FINAL };

    be32_put(bhs + 20, UINT32_MAX);
    return ask(in, bhs, OP_NOP_IN);
}

/* ---- SCSI ------------------------------------------------------------------------------------------------------------------------------------ */

int initiator_send_command(struct initiator *in, unsigned lun, const uint8_t *cdb, size_t n_cdb, const void *out, uint32_t out_len,
                           uint32_t in_len)
{
    uint8_t bhs[BHS] = { [0] = OP_COMMAND, [1] = FINAL | 1 /* simple */ };
    uint32_t now = in->immediate_data ? out_len : 0;

    if (now > in->first_burst)
        now = in->first_burst;
    if (now > in->max_send)
        now = in->max_send;
    bhs[1] |= (uint8_t)((in_len ? 0x40 : 0) | (out_len ? 0x20 : 0));
    bhs[9] = (uint8_t)lun;
    be32_put(bhs + 20, in_len ? in_len : out_len);
    memcpy(bhs + 32, cdb, n_cdb);
    numbered(in, bhs);
    return pdu_send(in, bhs, out, now);
}

static int answer_r2t(struct initiator *in, const struct pdu *pdu, const uint8_t *out, uint32_t out_len)
{
    uint32_t offset = be32_get(pdu->bhs + 40), left = be32_get(pdu->bhs + 44), sn = 0;

    if (offset > out_len || left > out_len - offset)
        return -EPROTO;
    while (left > 0) {
        uint8_t bhs[BHS] = { [0] = OP_DATA_OUT };
        uint32_t n = left < in->max_send ? left : in->max_send;
        int r;

        left -= n;
        bhs[1] = left == 0 ? FINAL : 0;
        memcpy(bhs + 8, pdu->bhs + 8, 8);
        memcpy(bhs + 16, pdu->bhs + 16, 8); /* ITT and TTT */
        be32_put(bhs + 28, in->expstatsn);
        be32_put(bhs + 36, sn++);
        be32_put(bhs + 40, offset);
        r = pdu_send(in, bhs, out + offset, n);
        if (r < 0)
            return r;
        offset += n;
    }
    return 0;
}

static int take_data_in(const struct pdu *pdu, uint8_t *buf, uint32_t len, struct initiator_result *ret)
{
    uint32_t offset = be32_get(pdu->bhs + 40);

    if (offset > len || pdu->len > len - offset)
        return -EPROTO;
    memcpy(buf + offset, pdu->data, pdu->len);
    if (offset + pdu->len > ret->n_in)
        ret->n_in = offset + pdu->len;
    if (!(pdu->bhs[1] & 1))
        return 0;
    ret->status = pdu->bhs[3];
    return 1;
}

static int take_response(const struct pdu *pdu, struct initiator_result *ret)
{
    if (pdu->bhs[2] != 0)
        return -EREMOTEIO;
    ret->status = pdu->bhs[3];
    if (pdu->len >= 2 + 14) { /* SenseLength, then fixed format */
        ret->key = pdu->data[2 + 2] & 0x0f;
        ret->asc = be16_get(pdu->data + 2 + 12);
    }
    return 1;
}

int initiator_answer(struct initiator *in, const void *out, uint32_t out_len, void *in_buf, uint32_t in_len, struct initiator_result *ret)
{
    int r;

    *ret = (struct initiator_result){ 0 };
    do {
        struct pdu pdu;

        r = pdu_receive(in, &pdu);
        if (r < 0)
            return r;
        switch (pdu.bhs[0] & 0x3f) {
        case OP_R2T:
            r = answer_r2t(in, &pdu, out, out_len);
            break;
        case OP_DATA_IN:
            r = take_data_in(&pdu, in_buf, in_len, ret);
            break;
        case OP_RESPONSE:
            r = take_response(&pdu, ret);
            break;
        default:
            r = -EPROTO;
        }
        pdu_free(&pdu);
    } while (r == 0);
    return r < 0 ? r : 0;
}

int initiator_command(struct initiator *in, unsigned lun, const uint8_t *cdb, size_t n_cdb, const void *out, uint32_t out_len, void *in_buf,
                      uint32_t in_len, struct initiator_result *ret)
{
    int r = initiator_send_command(in, lun, cdb, n_cdb, out, out_len, in_len);

    return r < 0 ? r : initiator_answer(in, out, out_len, in_buf, in_len, ret);
}

static int read_write(struct initiator *in, unsigned lun, uint8_t opcode, uint64_t lba, uint32_t n_blocks, const void *out, void *in_buf)
{
    uint8_t cdb[16] = { opcode };
    uint32_t len = n_blocks * 512;
    struct initiator_result result;
    int r;

    be64_put(cdb + 2, lba);
    be32_put(cdb + 10, n_blocks);
    r = initiator_command(in, lun, cdb, sizeof cdb, out, out ? len : 0, in_buf, in_buf ? len : 0, &result);
    return r < 0 ? r : result.status == 0 ? 0 : -EIO;
}

int initiator_read(struct initiator *in, unsigned lun, uint64_t lba, uint32_t n_blocks, void *buf)
{
    return read_write(in, lun, 0x88, lba, n_blocks, NULL, buf);
}

int initiator_write(struct initiator *in, unsigned lun, uint64_t lba, uint32_t n_blocks, const void *buf)
{
    return read_write(in, lun, 0x8a, lba, n_blocks, buf, NULL);
}

int initiator_clear_attentions(struct initiator *in, unsigned lun, uint16_t *ret_asc)
{
    static const uint8_t test_unit_ready[6];
    struct initiator_result result;

    for (int n = 0; n < 16; n++) {
        int r = initiator_command(in, lun, test_unit_ready, 6, NULL, 0, NULL, 0, &result);

        if (r < 0)
            return r;
        if (result.status == 0)
            return n;
        if (result.status != 2 || result.key != 6)
            return -EIO;
        if (ret_asc)
            *ret_asc = result.asc;
    }
    return -ELOOP;
}

int initiator_report_luns(struct initiator *in, uint64_t *ret_luns)
{
    uint8_t cdb[12] = { 0xa0 }, list[8 + 256 * 8];
    struct initiator_result result;
    uint32_t n;
    int r;

    be32_put(cdb + 6, sizeof list);
    r = initiator_command(in, 0, cdb, sizeof cdb, NULL, 0, list, sizeof list, &result);
    if (r < 0)
        return r;
    if (result.status != 0 || result.n_in < 8)
        return -EIO;
    n = be32_get(list);
    if (8 + n > result.n_in)
        return -EPROTO;
    *ret_luns = 0;
    for (uint32_t i = 8; i + 8 <= 8 + n; i += 8) {
        if (list[i + 1] < 64)
            *ret_luns |= UINT64_C(1) << list[i + 1];
    }
    return 0;
}
