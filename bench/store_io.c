/* SPDX-License-Identifier: MIT */
/* How fast a store answers when one loop keeps QD requests of 4 KiB under way on it, without any protocol:
 * what the engine's figures contain of the store, and what its ways (inside the call, through the ring,
 * through a worker) cost.
 *
 *     store_io [-b uring|epoll] [-o read|write|fua] [-q QD] [-t SECONDS] [-m MIB] PATH|memory|null
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loop/loop.h"
#include "store/store.h"

#define BLOCK 4096

struct job {
    struct store_request req;
    struct iovec iov;
    struct loop_op again;
    char data[BLOCK];
};

static struct {
    enum loop_backend backend;
    const char *op;
    unsigned qd, seconds, mib;
} opt = { LOOP_BACKEND_URING, "read", 32, 2, 1024 };

static struct loop *loop;
static struct store *store;
static unsigned long n_done, n_inside;

static void fail(const char *what, int r)
{
    fprintf(stderr, "store_io: %s: %s\n", what, strerror(-r));
    exit(1);
}

static void start(struct job *j)
{
    int r;

    j->iov = (struct iovec){ j->data, BLOCK };
    j->req.offset = (uint64_t)random() % (opt.mib * UINT64_C(256)) * BLOCK;
    j->req.len = BLOCK;
    j->req.iov = &j->iov;
    j->req.n_iov = 1;
    r = store_submit(store, &j->req);
    if (r == -EINPROGRESS)
        return;
    if (r < 0)
        fail("request", r);
    n_done++;
    n_inside++;
    loop_defer(loop, &j->again);
}

static void again(struct loop_op *op, int res)
{
    (void)res;
    start(container_of(op, struct job, again));
}

static void done(struct store_request *req, int res)
{
    if (res < 0)
        fail("request", res);
    n_done++;
    start(container_of(req, struct job, req));
}

static void fill(void)
{
    static char data[1 << 20];
    struct iovec iov = { data, sizeof data };
    struct store_request req = { .op = STORE_WRITE, .len = sizeof data, .iov = &iov, .n_iov = 1 };

    memset(data, 0x5a, sizeof data);
    for (unsigned i = 0; i < opt.mib; i++) {
        int r;

        iov = (struct iovec){ data, sizeof data };
        req.offset = (uint64_t)i << 20;
        r = store_submit(store, &req);
        if (r < 0)
            fail("filling", r);
    }
}

static void open_store(const char *what)
{
    uint64_t size = (uint64_t)opt.mib << 20;
    int r = strcmp(what, "memory") == 0 ? store_memory_open(size, &store)
            : strcmp(what, "null") == 0 ? store_null_open(size, &store)
                                        : 1;

    if (r == 1) {
        r = store_file_create(what, size, /* thick= */ false, NULL, NULL);
        if (r == 0)
            r = store_file_open(what, /* read_only= */ false, &store);
    }
    if (r < 0)
        fail(what, r);
}

static double seconds_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void parse(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "b:o:q:t:m:")) != -1;) {
        if (c == 'b')
            opt.backend = strcmp(optarg, "epoll") == 0 ? LOOP_BACKEND_EPOLL : LOOP_BACKEND_URING;
        else if (c == 'o')
            opt.op = optarg;
        else if (c == '?')
            exit(2);
        else
            *(c == 'q' ? &opt.qd : c == 't' ? &opt.seconds : &opt.mib) = (unsigned)atoi(optarg);
    }
    if (optind != argc - 1 || opt.qd < 1 || opt.mib < 1)
        exit(2);
}

int main(int argc, char **argv)
{
    struct loop_options options = { .backend = LOOP_BACKEND_URING };
    struct job *jobs;
    double begin;
    int r;

    parse(argc, argv);
    open_store(argv[optind]);
    fill();
    options.backend = opt.backend;
    r = loop_create(&options, &loop);
    if (r < 0)
        fail("loop", r);
    jobs = calloc(opt.qd, sizeof *jobs);
    if (!jobs)
        fail("jobs", -ENOMEM);
    for (unsigned i = 0; i < opt.qd; i++) {
        jobs[i].req.op = strcmp(opt.op, "read") == 0 ? STORE_READ : STORE_WRITE;
        jobs[i].req.fua = strcmp(opt.op, "fua") == 0;
        jobs[i].req.done = done;
        jobs[i].again.done = again;
        loop_defer(loop, &jobs[i].again);
    }
    begin = seconds_now();
    while (seconds_now() < begin + opt.seconds)
        loop_turn(loop, 100);
    printf("%-8s %-5s qd %-3u %s: %.1f k/s, %.0f %% inside the call\n", loop_backend_name(loop), opt.op,
           opt.qd, argv[optind], (double)n_done / (seconds_now() - begin) / 1e3,
           100.0 * (double)n_inside / (double)n_done);
    unlink(argv[optind]);
    return 0;
}
