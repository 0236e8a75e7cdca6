/* SPDX-License-Identifier: MIT */
/* An iSCSI load client for measuring: raw sockets, one thread, many PDUs per system call, bounded in time. It
 * speaks just enough of RFC 7143 to log in without authentication, read, write, discover and log out; data is
 * verified on demand. Not an initiator to use for anything else.
 *
 * usage: load MODE ADDRESS:PORT TARGET [key=value]...
 *   MODE  randread randwrite seqread seqwrite | login (login + logout per second) | discovery | idle
 *   size=4096 qd=32 conns=1 seconds=5 span=268435456 (bytes of the LUN used) lun=0 verify=0 initiator=IQN
 * prints one line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"

#define BHS           48
#define RX_SIZE       (2u << 20)
#define QD_MAX        256
#define IOV_MAX_SEND  512
#define BUCKETS       4096 /* latency histogram: 1/64 of an octave each, from 1 us */

enum mode { RAND_READ, RAND_WRITE, SEQ_READ, SEQ_WRITE, LOGIN, DISCOVERY, IDLE };

static struct {
    enum mode mode;
    const char *address, *target, *initiator;
    uint32_t size, qd, conns, lun, seconds;
    uint64_t span;
    bool verify;
} opt = { .size = 4096,
          .qd = 32,
          .conns = 1,
          .seconds = 5,
          .span = 256u << 20,
          .initiator = "iqn.2026-11.org.vds.bench:load" };

struct slot {
    uint64_t lba, began_ns;
    uint32_t done; /* bytes of Data-In seen */
};

struct conn {
    int fd;
    unsigned index;
    uint32_t cmd_sn, exp_stat_sn, max_cmd_sn;
    uint32_t first_burst, max_data_segment; /* theirs */
    bool initial_r2t, immediate;
    struct slot slots[QD_MAX];
    unsigned n_running;
    uint64_t next_lba;
    uint8_t *rx;
    size_t rx_len;
    /* to send: headers live in a ring as big as can be outstanding, payload in the shared pattern */
    struct iovec tx[8192];
    unsigned tx_head, tx_tail;
    uint8_t (*headers)[BHS];
    unsigned next_header;
    bool want_write;
    uint64_t random;
};

static uint8_t *pattern; /* every 512 bytes of the LUN hold their LBA when verify=1; else whatever is here */
static uint64_t histogram[BUCKETS], n_done, latency_sum_ns;
static bool stopping;

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- login, logout, discovery: blocking ------------------------------------------------------------ */

static void send_all(int fd, const void *p, size_t n)
{
    for (const uint8_t *b = p; n;) {
        ssize_t r = send(fd, b, n, MSG_NOSIGNAL);

        if (r <= 0)
            die("send");
        b += r;
        n -= (size_t)r;
    }
}

static void recv_all(int fd, void *p, size_t n)
{
    for (uint8_t *b = p; n;) {
        ssize_t r = recv(fd, b, n, 0);

        if (r <= 0)
            die(r ? "recv" : "connection closed");
        b += r;
        n -= (size_t)r;
    }
}

static void resolve(struct sockaddr_storage *addr, socklen_t *len)
{
    char host[128], *port;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV },
                    *found;

    snprintf(host, sizeof host, "%s", opt.address);
    port = strrchr(host, ':');
    if (!port)
        die("address");
    *port++ = '\0';
    if (*host == '[')
        host[strlen(host) - 1] = '\0';
    if (getaddrinfo(*host == '[' ? host + 1 : host, port, &hints, &found) != 0)
        die("address");
    memcpy(addr, found->ai_addr, found->ai_addrlen);
    *len = found->ai_addrlen;
    freeaddrinfo(found);
}

static int connect_target(void)
{
    static struct sockaddr_storage addr;
    static socklen_t len;
    int fd, one = 1;

    if (!len)
        resolve(&addr, &len);
    fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, len) < 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void request(struct conn *c, uint8_t opcode, uint8_t flags, const void *text, uint32_t len)
{
    uint8_t pdu[BHS + 2048] = { 0 };

    pdu[0] = opcode | 0x40;
    pdu[1] = flags;
    be24_put(pdu + 5, len);
    be32_put(pdu + 16, 1);
    if ((opcode & 0x3f) == 0x03) {
        pdu[8] = 0x80; /* ISID: random format, qualifier = connection */
        be32_put(pdu + 9, (uint32_t)getpid());
        pdu[13] = (uint8_t)c->index;
        pdu[12] ^= (uint8_t)(c->index >> 8);
    } else {
        be32_put(pdu + 20, 0xffffffff);
    }
    be32_put(pdu + 24, c->cmd_sn);
    be32_put(pdu + 28, c->exp_stat_sn);
    memcpy(pdu + BHS, text, len);
    send_all(c->fd, pdu, BHS + (len + 3) / 4 * 4);
}

static uint32_t answer(struct conn *c, uint8_t bhs[static BHS], char *text, size_t size)
{
    uint32_t len, padded;

    recv_all(c->fd, bhs, BHS);
    len = be24_get(bhs + 5);
    padded = (len + 3) / 4 * 4;
    if (padded + 1 > size)
        die("answer too long");
    recv_all(c->fd, text, padded);
    text[len] = '\0';
    c->exp_stat_sn = be32_get(bhs + 24) + 1;
    c->max_cmd_sn = be32_get(bhs + 32);
    return len;
}

static const char *key(const char *text, uint32_t len, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = text; p < text + len; p += strlen(p) + 1) {
        if (strncmp(p, name, n) == 0 && p[n] == '=')
            return p + n + 1;
    }
    return NULL;
}

static size_t append(char *text, size_t at, size_t size, const char *name, const char *value)
{
    return at + (size_t)snprintf(text + at, size - at, "%s=%s", name, value) + 1;
}

static uint32_t login_answer(struct conn *c, uint8_t bhs[static BHS], char *text, size_t size)
{
    uint32_t len = answer(c, bhs, text, size);

    if ((bhs[0] & 0x3f) != 0x23 || be16_get(bhs + 36)) {
        fprintf(stderr, "load: login refused: 0x%04x\n", be16_get(bhs + 36));
        exit(1);
    }
    return len;
}

static void login(struct conn *c)
{
    bool discovery = opt.mode == DISCOVERY;
    uint8_t bhs[BHS];
    char text[1024], in[16384];
    size_t n = 0;
    uint32_t len;
    const char *v;

    c->fd = connect_target();
    c->cmd_sn = 1;
    n = append(text, n, sizeof text, "InitiatorName", opt.initiator);
    n = append(text, n, sizeof text, "SessionType", discovery ? "Discovery" : "Normal");
    if (!discovery)
        n = append(text, n, sizeof text, "TargetName", opt.target);
    n = append(text, n, sizeof text, "HeaderDigest", "None");
    n = append(text, n, sizeof text, "DataDigest", "None");
    n = append(text, n, sizeof text, "MaxRecvDataSegmentLength", "262144");
    if (!discovery) {
        n = append(text, n, sizeof text, "InitialR2T", "No");
        n = append(text, n, sizeof text, "ImmediateData", "Yes");
        n = append(text, n, sizeof text, "MaxBurstLength", "1048576");
        n = append(text, n, sizeof text, "FirstBurstLength", "262144");
        n = append(text, n, sizeof text, "MaxOutstandingR2T", "8");
    }
    request(c, 0x03, 0x87, text, (uint32_t)n); /* operational stage straight to full feature phase */
    len = login_answer(c, bhs, in, sizeof in);
    for (unsigned i = 0; i < 4 && !(bhs[1] & 0x80); i++) { /* it has more to say before it transits */
        request(c, 0x03, 0x87, "", 0);
        len += login_answer(c, bhs, in + len, sizeof in - len);
    }
    v = key(in, len, "FirstBurstLength");
    c->first_burst = v ? (uint32_t)atol(v) : 65536;
    v = key(in, len, "MaxRecvDataSegmentLength");
    c->max_data_segment = v ? (uint32_t)atol(v) : 8192;
    v = key(in, len, "InitialR2T");
    c->initial_r2t = !v || strcmp(v, "Yes") == 0;
    v = key(in, len, "ImmediateData");
    c->immediate = !v || strcmp(v, "Yes") == 0;
}

static void logout(struct conn *c)
{
    uint8_t bhs[BHS];
    char text[64];

    request(c, 0x06, 0x80, "", 0);
    answer(c, bhs, text, sizeof text);
    close(c->fd);
}

/* TEST UNIT READY until it succeeds: takes the unit attentions that a new nexus finds away (power on, LUNs
 * changed). */
static void get_ready(struct conn *c)
{
    uint8_t bhs[BHS], h[BHS];
    char sense[1024];

    for (unsigned i = 0; i < 8; i++) {
        memset(h, 0, sizeof h);
        h[0] = 0x01;
        h[1] = 0x81;
        h[9] = (uint8_t)opt.lun;
        be32_put(h + 16, 1);
        be32_put(h + 24, c->cmd_sn++);
        be32_put(h + 28, c->exp_stat_sn);
        send_all(c->fd, h, BHS);
        answer(c, bhs, sense, sizeof sense);
        if ((bhs[0] & 0x3f) == 0x21 && bhs[3] == 0)
            return;
    }
    fprintf(stderr, "load: the LUN does not become ready\n");
    exit(1);
}

static unsigned discover(struct conn *c)
{
    static char text[1 << 19];
    static const char ask[] = "SendTargets=All";
    unsigned n = 0;
    uint8_t bhs[BHS];
    uint32_t len;

    request(c, 0x04, 0x80, ask, sizeof ask);
    for (;;) {
        len = answer(c, bhs, text, sizeof text);
        for (uint32_t i = 0; i + 10 < len; i++)
            n += memcmp(text + i, "TargetName", 10) == 0;
        if (bhs[1] & 0x80)
            return n;
        uint8_t more[BHS] = { 0x04 | 0x40, 0x80 };
        memcpy(more + 16, bhs + 16, 8);
        be32_put(more + 24, c->cmd_sn);
        be32_put(more + 28, c->exp_stat_sn);
        send_all(c->fd, more, BHS);
    }
}

/* ---- I/O: non-blocking ----------------------------------------------------------------------------- */

static void queue(struct conn *c, void *p, size_t len)
{
    c->tx[c->tx_tail++ % 8192] = (struct iovec) { p, len };
}

static uint8_t *new_header(struct conn *c)
{
    uint8_t *h = c->headers[c->next_header++ % 4096];

    memset(h, 0, BHS);
    return h;
}

static bool is_write(void)
{
    return opt.mode == RAND_WRITE || opt.mode == SEQ_WRITE;
}

static uint64_t pick_lba(struct conn *c)
{
    uint64_t n = opt.span / opt.size, at;

    if (opt.mode == SEQ_READ || opt.mode == SEQ_WRITE) {
        at = c->next_lba++ % n;
    } else {
        c->random ^= c->random << 13;
        c->random ^= c->random >> 7;
        c->random ^= c->random << 17;
        at = c->random % n;
    }
    return at * (opt.size / 512);
}

static void *payload(uint64_t lba, uint32_t offset)
{
    return opt.verify ? pattern + lba * 512 + offset : pattern + offset;
}

static void start(struct conn *c, unsigned tag)
{
    struct slot *s = &c->slots[tag];
    uint8_t *h = new_header(c);
    uint32_t now = 0;

    s->lba = pick_lba(c);
    s->done = 0;
    s->began_ns = now_ns();
    h[0] = 0x01;
    h[1] = is_write() ? 0xa1 : 0xc1;
    h[9] = (uint8_t)opt.lun;
    be32_put(h + 16, tag);
    be32_put(h + 20, opt.size);
    be32_put(h + 24, c->cmd_sn++);
    be32_put(h + 28, c->exp_stat_sn);
    h[32] = is_write() ? 0x2a : 0x28;
    be32_put(h + 34, (uint32_t)s->lba);
    be16_put(h + 39, (uint16_t)(opt.size / 512));
    if (is_write() && c->immediate) {
        now = opt.size < c->first_burst ? opt.size : c->first_burst;
        now = now < c->max_data_segment ? now : c->max_data_segment;
    }
    be24_put(h + 5, now);
    queue(c, h, BHS);
    if (now)
        queue(c, payload(s->lba, 0), now);
    c->n_running++;
}

static void flush(struct conn *c, int ep)
{
    bool blocked = false;

    while (c->tx_head != c->tx_tail && !blocked) {
        struct iovec iov[IOV_MAX_SEND];
        struct msghdr msg = { .msg_iov = iov };
        size_t left;
        ssize_t r;

        for (unsigned i = c->tx_head; i != c->tx_tail && msg.msg_iovlen < IOV_MAX_SEND; i++)
            iov[msg.msg_iovlen++] = c->tx[i % 8192];
        r = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (r < 0 && errno != EAGAIN)
            die("sendmsg");
        blocked = r < 0;
        for (left = r < 0 ? 0 : (size_t)r; left;) {
            struct iovec *v = &c->tx[c->tx_head % 8192];
            size_t n = left < v->iov_len ? left : v->iov_len;

            v->iov_base = (char *)v->iov_base + n;
            v->iov_len -= n;
            left -= n;
            c->tx_head += v->iov_len == 0;
        }
    }
    if (blocked != c->want_write) {
        struct epoll_event ev = { .events = blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c };

        epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev);
        c->want_write = blocked;
    }
}

static void record(uint64_t ns)
{
    uint64_t us = ns / 1000 ? ns / 1000 : 1;
    unsigned octave = 63 - (unsigned)__builtin_clzll(us);
    unsigned bucket =
        octave * 64 + (unsigned)(octave >= 6 ? (us >> (octave - 6)) & 63 : (us << (6 - octave)) & 63);

    histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    latency_sum_ns += ns;
    n_done++;
}

static void finish(struct conn *c, unsigned tag, uint8_t status)
{
    if (status) {
        fprintf(stderr, "load: status 0x%02x at LBA %llu\n", status, (unsigned long long)c->slots[tag].lba);
        exit(1);
    }
    record(now_ns() - c->slots[tag].began_ns);
    c->n_running--;
    if (!stopping)
        start(c, tag);
}

static void send_burst(struct conn *c, const uint8_t *r2t)
{
    uint32_t tag = be32_get(r2t + 16), offset = be32_get(r2t + 40), left = be32_get(r2t + 44), sn = 0;

    while (left) {
        uint32_t n = left < c->max_data_segment ? left : c->max_data_segment;
        uint8_t *h = new_header(c);

        h[0] = 0x05;
        h[1] = n == left ? 0x80 : 0;
        be24_put(h + 5, n);
        memcpy(h + 8, r2t + 8, 8);
        memcpy(h + 16, r2t + 16, 8);
        be32_put(h + 28, c->exp_stat_sn);
        be32_put(h + 36, sn++);
        be32_put(h + 40, offset);
        queue(c, h, BHS);
        queue(c, payload(c->slots[tag].lba, offset), n);
        offset += n;
        left -= n;
    }
}

static void check(const struct conn *c, const uint8_t *h, const uint8_t *data, uint32_t len)
{
    const struct slot *s = &c->slots[be32_get(h + 16)];

    if (memcmp(data, payload(s->lba, be32_get(h + 40)), len) != 0) {
        fprintf(stderr, "load: LBA %llu is not what was written\n", (unsigned long long)s->lba);
        exit(1);
    }
}

/* One whole PDU. */
static void handle(struct conn *c, const uint8_t *h, const uint8_t *data, uint32_t len)
{
    uint8_t opcode = h[0] & 0x3f;
    uint32_t tag = be32_get(h + 16);

    if (opcode == 0x25 && opt.verify)
        check(c, h, data, len);
    if (opcode == 0x21 || (opcode == 0x25 && h[1] & 1)) {
        c->exp_stat_sn = be32_get(h + 24) + 1;
        c->max_cmd_sn = be32_get(h + 32);
        finish(c, tag, h[3]);
    } else if (opcode == 0x31) {
        send_burst(c, h);
    } else if (opcode == 0x20 && be32_get(h + 20) != 0xffffffff) {
        uint8_t *pong = new_header(c);

        pong[0] = 0x40;
        pong[1] = 0x80;
        memset(pong + 16, 0xff, 4);
        memcpy(pong + 8, h + 8, 8);
        memcpy(pong + 20, h + 20, 4);
        be32_put(pong + 24, c->cmd_sn);
        be32_put(pong + 28, c->exp_stat_sn);
        queue(c, pong, BHS);
    } else if (opcode != 0x25 && opcode != 0x20) {
        fprintf(stderr, "load: unexpected opcode 0x%02x\n", opcode);
        exit(1);
    }
}

static void receive(struct conn *c)
{
    size_t at = 0;
    ssize_t r = recv(c->fd, c->rx + c->rx_len, RX_SIZE - c->rx_len, MSG_DONTWAIT);

    if (r < 0 && errno == EAGAIN)
        return;
    if (r <= 0)
        die(r ? "recv" : "the target closed the connection");
    c->rx_len += (size_t)r;
    while (c->rx_len - at >= BHS) {
        const uint8_t *h = c->rx + at;
        uint32_t len = be24_get(h + 5);
        size_t whole = BHS + (len + 3) / 4 * 4;

        if (c->rx_len - at < whole)
            break;
        handle(c, h, h + BHS, len);
        at += whole;
    }
    memmove(c->rx, c->rx + at, c->rx_len - at);
    c->rx_len -= at;
}

/* ---- runs ------------------------------------------------------------------------------------------ */

static double percentile(double p)
{
    uint64_t seen = 0, goal = (uint64_t)((double)n_done * p);

    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += histogram[i];
        if (seen > goal)
            return (double)(1ull << i / 64) * (1 + (double)(i % 64) / 64);
    }
    return 0;
}

static void run_io(struct conn *conns)
{
    int ep = epoll_create1(EPOLL_CLOEXEC);
    uint64_t began, end;
    unsigned running = opt.conns;

    for (unsigned i = 0; i < opt.conns; i++) {
        struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &conns[i] };

        epoll_ctl(ep, EPOLL_CTL_ADD, conns[i].fd, &ev);
    }
    began = now_ns();
    end = began + (uint64_t)opt.seconds * 1000000000u;
    for (unsigned i = 0; i < opt.conns; i++) {
        for (unsigned tag = 0; tag < opt.qd; tag++)
            start(&conns[i], tag);
        flush(&conns[i], ep);
    }
    while (running) {
        struct epoll_event events[256];
        int n = epoll_wait(ep, events, 256, 10000);

        if (n == 0)
            die("no answer for 10 s");
        stopping = now_ns() >= end;
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;

            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                receive(c);
            flush(c, ep);
        }
        if (stopping) {
            running = 0;
            for (unsigned i = 0; i < opt.conns; i++)
                running += conns[i].n_running > 0;
        }
    }
    double s = (double)(now_ns() - began) / 1e9;

    printf("{\"iops\": %.0f, \"mib_s\": %.1f, \"lat_us\": %.1f, \"p50_us\": %.0f, \"p99_us\": %.0f, \"n\": "
           "%llu}\n",
           (double)n_done / s, (double)n_done * opt.size / s / 1048576,
           (double)latency_sum_ns / 1e3 / (double)(n_done ? n_done : 1), percentile(0.5), percentile(0.99),
           (unsigned long long)n_done);
}

/* login + logout, or login + SendTargets + logout, one after the other. */
static void run_logins(struct conn *c)
{
    uint64_t began = now_ns(), end = began + (uint64_t)opt.seconds * 1000000000u;
    unsigned n_targets = 0;

    while (now_ns() < end) {
        uint64_t t = now_ns();

        login(c);
        if (opt.mode == DISCOVERY)
            n_targets = discover(c);
        logout(c);
        record(now_ns() - t);
    }
    printf("{\"per_s\": %.0f, \"targets\": %u, \"p50_us\": %.0f, \"p99_us\": %.0f}\n",
           (double)n_done / ((double)(now_ns() - began) / 1e9), n_targets, percentile(0.5), percentile(0.99));
}

static void set_option(const char *word)
{
    static const struct {
        const char *name;
        uint32_t *value;
    } numbers[] = { { "size", &opt.size },
                    { "qd", &opt.qd },
                    { "conns", &opt.conns },
                    { "lun", &opt.lun },
                    { "seconds", &opt.seconds } };
    const char *value = strchr(word, '=');

    if (value) {
        size_t len = (size_t)(value++ - word);

        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            if (strlen(numbers[i].name) == len && strncmp(word, numbers[i].name, len) == 0) {
                *numbers[i].value = (uint32_t)strtoul(value, NULL, 10);
                return;
            }
        }
        if (strncmp(word, "span=", 5) == 0)
            opt.span = strtoull(value, NULL, 10);
        else if (strncmp(word, "verify=", 7) == 0)
            opt.verify = *value == '1';
        else if (strncmp(word, "initiator=", 10) == 0)
            opt.initiator = value;
        else
            value = NULL;
    }
    if (!value) {
        fprintf(stderr, "load: no such option: %s\n", word);
        exit(2);
    }
}

static void make_pattern(void)
{
    size_t len = opt.verify ? opt.span : opt.size;

    pattern = malloc(len);
    if (!pattern)
        die("memory");
    for (size_t i = 0; i + 8 <= len; i += 8) {
        uint64_t v = i * 0x9e3779b97f4a7c15u;

        memcpy(pattern + i, &v, 8);
    }
}

int main(int argc, char **argv)
{
    static const char *const modes[] = { "randread", "randwrite", "seqread", "seqwrite",
                                         "login",    "discovery", "idle" };
    struct conn *conns;

    if (argc < 4) {
        fprintf(stderr, "usage: load MODE ADDRESS:PORT TARGET [key=value]...\n");
        return 2;
    }
    while (opt.mode <= IDLE && strcmp(argv[1], modes[opt.mode]) != 0)
        opt.mode++;
    opt.address = argv[2];
    opt.target = argv[3];
    for (int i = 4; i < argc; i++)
        set_option(argv[i]);
    if (opt.mode > IDLE || !opt.qd || opt.qd > QD_MAX || !opt.conns || opt.conns > 4096 || opt.size < 512 ||
        opt.size % 512 || opt.size > 32767u * 512) {
        fprintf(stderr, "load: a value is out of range\n");
        return 2;
    }
    setrlimit(RLIMIT_NOFILE, &(struct rlimit) { 65536, 65536 });
    conns = calloc(opt.conns, sizeof *conns);
    make_pattern();
    for (unsigned i = 0; conns && i < opt.conns; i++) {
        struct conn *c = &conns[i];

        c->index = i;
        c->random = 0x9e3779b97f4a7c15u * (i + 1);
        if (opt.mode == LOGIN || opt.mode == DISCOVERY)
            continue;
        c->rx = malloc(RX_SIZE);
        c->headers = malloc(4096 * sizeof *c->headers);
        login(c);
        if (opt.mode != IDLE)
            get_ready(c);
    }
    if (opt.mode == LOGIN || opt.mode == DISCOVERY)
        run_logins(conns);
    else if (opt.mode == IDLE)
        sleep(opt.seconds);
    else
        run_io(conns);
    return 0;
}
