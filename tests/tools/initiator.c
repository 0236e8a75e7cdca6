/* SPDX-License-Identifier: MIT */
#include "initiator_internal.h"

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

#define OUR_SEGMENT 262144u
#define DATA_MAX    (1u << 20) /* more in one PDU is nothing we agreed to */

/* ---- bytes ----------------------------------------------------------------------------------------- */

void initiator_init_named(struct initiator *in, const char *name, unsigned isid)
{
    *in = (struct initiator){
        .fd = -1, .cmdsn = 1, .itt = 1, .isid = { 0x80 }
    }; /* random format, RFC 7143 §11.12.5 */
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

int initiator_pdu_send(struct initiator *in, uint8_t bhs[BHS], const void *data, uint32_t len)
{
    static uint8_t zeros[4];
    struct iovec iov[] = { { bhs, BHS }, { (void *)(uintptr_t)data, len }, { zeros, -len & 3 } };

    be24_put(bhs + 5, len);
    return send_all(in->fd, iov, 3);
}

void initiator_pdu_free(struct pdu *pdu)
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
        initiator_pdu_free(pdu);
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
    return initiator_pdu_send(in, bhs, pdu->data, pdu->len);
}

static void count_status(struct initiator *in, const struct pdu *pdu)
{
    uint8_t op = pdu->bhs[0] & 0x3f;

    if (op == OP_R2T || (op == OP_DATA_IN && !(pdu->bhs[1] & 1)) ||
        (op == OP_NOP_IN && be32_get(pdu->bhs + 16) == UINT32_MAX))
        return;
    in->expstatsn = be32_get(pdu->bhs + 24) + 1;
}

int initiator_pdu_receive(struct initiator *in, struct pdu *pdu)
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
        initiator_pdu_free(pdu);
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
    initiator_pdu_free(&pdu);
    return r;
}

/* ---- login ----------------------------------------------------------------------------------------- */

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
    return initiator_pdu_send(in, bhs, text, len);
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
    int r = initiator_pdu_receive(in, &pdu);

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
    initiator_pdu_free(&pdu);
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

/* ---- text, logout, ping ---------------------------------------------------------------------------- */

void initiator_numbered(struct initiator *in, uint8_t bhs[BHS])
{
    be32_put(bhs + 16, in->itt++);
    be32_put(bhs + 24, in->cmdsn);
    be32_put(bhs + 28, in->expstatsn);
    if (!(bhs[0] & IMMEDIATE))
        in->cmdsn++;
}

/* All requests of one sequence carry the same Initiator Task Tag (RFC 7143 §11.10.3). */
static int text_round(struct initiator *in, uint32_t itt, const char *text, uint32_t len,
                      const uint8_t ttt[4], struct pdu *pdu)
{
    uint8_t bhs[BHS] = { [0] = OP_TEXT, [1] = FINAL };
    int r;

    memcpy(bhs + 20, ttt, 4);
    initiator_numbered(in, bhs);
    be32_put(bhs + 16, itt);
    r = initiator_pdu_send(in, bhs, text, len);
    if (r == 0)
        r = initiator_pdu_receive(in, pdu);
    if (r == 0 && (pdu->bhs[0] & 0x3f) != OP_TEXT_RESPONSE) {
        initiator_pdu_free(pdu);
        r = -EPROTO;
    }
    return r;
}

int initiator_send_targets(struct initiator *in, const char *what, char **ret_text)
{
    static const uint8_t none[4] = { 0xff, 0xff, 0xff, 0xff };
    char request[300], *answer = malloc(INITIATOR_TEXT_MAX + 1);
    uint32_t len = (uint32_t)snprintf(request, sizeof request, "SendTargets=%s", what) + 1, n = 0,
             itt = in->itt;
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
        initiator_pdu_free(&pdu);
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

    initiator_numbered(in, bhs);
    r = initiator_pdu_send(in, bhs, NULL, 0);
    if (r == 0)
        r = initiator_pdu_receive(in, &pdu);
    if (r < 0)
        return r;
    if ((pdu.bhs[0] & 0x3f) != want)
        r = -EPROTO;
    else if (want == OP_LOGOUT_RESPONSE && pdu.bhs[2] != 0)
        r = -EREMOTEIO;
    initiator_pdu_free(&pdu);
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
