/* SPDX-License-Identifier: MIT */
/* Serves memory, null or file units through the engine alone, without service or state: for trying real
 * initiators, benchmarks, profiles.
 *
 *     engine_serve [--port P] [--address A]... [--size BYTES] [--luns N] [--targets N] [--file PATH | --null]
 *                  [--reactors N] [--epoll] [--spin US] [--read-only] [--removable] [--chap SECRET]
 *
 * Target n is iqn.2024-01.vds.test:disk.n, its group tag 1 holds every address. Prints one URL per target and
 * address and "ready", then runs until SIGINT or SIGTERM. Port 0 (the default) takes a free one. SIGUSR1
 * removes the first address from the first target as the array would: drain (10 s), path, portal.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "scsi/scsi.h"
#include "store/store.h"
#include "target/address.h"
#include "target/engine.h"

#define N_ADDRESSES_MAX 8

struct settings {
    struct engine_options engine;
    const char *addresses[N_ADDRESSES_MAX];
    unsigned n_addresses, n_targets, n_luns;
    uint16_t port;
    uint64_t size;
    const char *file, *chap;
    bool null, read_only, removable;
};

static const struct option long_options[] = {
    { "port", required_argument, NULL, 'p' },      { "address", required_argument, NULL, 'a' },
    { "size", required_argument, NULL, 's' },      { "luns", required_argument, NULL, 'l' },
    { "targets", required_argument, NULL, 't' },   { "file", required_argument, NULL, 'f' },
    { "null", no_argument, NULL, 'n' },            { "reactors", required_argument, NULL, 'r' },
    { "epoll", no_argument, NULL, 'e' },           { "spin", required_argument, NULL, 'u' },
    { "read-only", no_argument, NULL, 'o' },       { "removable", no_argument, NULL, 'm' },
    { "chap", required_argument, NULL, 'c' },      { 0 },
};

static int parse(int argc, char **argv, struct settings *s)
{
    int c;

    *s = (struct settings){
        .engine.iscsi = iscsi_limits_default, .n_targets = 1, .n_luns = 1, .size = 64 << 20
    };
    while ((c = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
        switch (c) {
        case 'p':
            s->port = (uint16_t)atoi(optarg);
            break;
        case 'a':
            if (s->n_addresses < N_ADDRESSES_MAX)
                s->addresses[s->n_addresses++] = optarg;
            break;
        case 's':
            s->size = strtoull(optarg, NULL, 0);
            break;
        case 'l':
            s->n_luns = (unsigned)atoi(optarg);
            break;
        case 't':
            s->n_targets = (unsigned)atoi(optarg);
            break;
        case 'f':
            s->file = optarg;
            break;
        case 'n':
            s->null = true;
            break;
        case 'r':
            s->engine.n_reactors = (unsigned)atoi(optarg);
            break;
        case 'e':
            s->engine.force_epoll = true;
            break;
        case 'u':
            s->engine.spin_us = (unsigned)atoi(optarg);
            break;
        case 'o':
            s->read_only = true;
            break;
        case 'm':
            s->removable = true;
            break;
        case 'c':
            s->chap = optarg;
            break;
        default:
            return -EINVAL;
        }
    }
    if (s->n_addresses == 0)
        s->addresses[s->n_addresses++] = "127.0.0.1";
    return optind == argc ? 0 : -EINVAL;
}

static struct guid id_of(uint32_t kind, uint32_t a, uint32_t b)
{
    return (
        struct guid){ .data1 = kind,
                      .data2 = (uint16_t)b,
                      .data4 = { (uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a } };
}

static int address_parse(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
    *ret = (struct sockaddr_storage){ 0 };
    if (inet_pton(AF_INET, text, &((struct sockaddr_in *)ret)->sin_addr) == 1) {
        ret->ss_family = AF_INET;
        ((struct sockaddr_in *)ret)->sin_port = htons(port);
        return 0;
    }
    if (inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)ret)->sin6_addr) != 1)
        return -EINVAL;
    ret->ss_family = AF_INET6;
    ((struct sockaddr_in6 *)ret)->sin6_port = htons(port);
    return 0;
}

static int open_portals(struct engine *engine, const struct settings *s)
{
    for (unsigned i = 0; i < s->n_addresses; i++) {
        struct guid portal = id_of(1, i, 0);
        struct sockaddr_storage addr;
        int r = address_parse(s->addresses[i], s->port, &addr);

        if (r == 0)
            r = engine_portal_open(engine, &portal, &addr);
        if (r < 0)
            return r;
    }
    return 0;
}

static int store_open(const struct settings *s, struct store **ret_store)
{
    if (s->null)
        return store_null_open(s->size, ret_store);
    return s->file ? store_file_open(s->file, s->read_only, ret_store)
                   : store_memory_open(s->size, ret_store);
}

static int add_unit(struct engine *engine, const struct settings *s, const struct guid *target,
                    uint32_t n_target, uint16_t number)
{
    _cleanup_(store_unrefp) struct store *store = NULL;
    struct guid id = id_of(3, n_target, number);
    struct scsi_lu_config config = { .id = id, .read_only = s->read_only, .removable = s->removable };
    struct scsi_lu *lu;
    int r = store_open(s, &store);

    if (r == 0)
        r = scsi_lu_create(&config, store, &lu);
    if (r < 0)
        return r;
    r = engine_lu_add(engine, &id, lu);
    scsi_lu_unref(lu);
    if (r == 0)
        r = engine_lu_set_mask(engine, &id, true, NULL, 0);
    return r < 0 ? r : engine_lun_map(engine, target, number, &id);
}

static int add_target(struct engine *engine, const struct settings *s, uint32_t n)
{
    struct guid target = id_of(2, n, 0);
    char name[64];
    int r;

    snprintf(name, sizeof name, "iqn.2024-01.vds.test:disk.%u", n);
    r = engine_target_create(engine, &target, name, "engine_serve");
    for (unsigned i = 0; r == 0 && i < s->n_addresses; i++) {
        struct guid portal = id_of(1, i, 0);
        struct sockaddr_storage addr;
        char text[ADDRESS_TEXT_SIZE];

        r = engine_path_add(engine, &target, &portal, 1);
        if (r < 0 || engine_portal_address(engine, &portal, &addr) < 0)
            continue;
        target_address_format(&addr, text);
        printf("iscsi://%s/%s/0\n", text, name);
    }
    for (uint16_t i = 0; r == 0 && i < s->n_luns; i++)
        r = add_unit(engine, s, &target, n, i);
    if (r == 0 && s->chap) {
        struct iscsi_secret secret = { .len = (uint8_t)strnlen(s->chap, 64) };

        memcpy(secret.bytes, s->chap, secret.len);
        r = engine_target_set_secret(engine, &target, NULL, &secret);
    }
    return r;
}

static int remove_first(struct engine *engine)
{
    struct guid target = id_of(2, 0, 0), portal = id_of(1, 0, 0);
    struct engine_drain_status status;
    struct engine_drain *drain;
    int r = engine_drain_start(engine, &target, &portal, 1, 10000, &drain);

    if (r < 0)
        return r;
    r = engine_drain_wait(drain, -1);
    engine_drain_status(drain, &status);
    if (r == 0)
        r = engine_path_remove(engine, &target, &portal);
    if (r == 0)
        r = engine_portal_close(engine, &portal);
    engine_drain_free(drain);
    printf("removed: %u connections, %u left: %s\n", status.n_start, status.n_left, strerror(-r));
    fflush(stdout);
    return r;
}

static int serve(const struct settings *s, const sigset_t *signals)
{
    struct engine *engine;
    int r = engine_create(&s->engine, &engine), signal_number;

    if (r < 0)
        return r;
    r = open_portals(engine, s);
    for (uint32_t i = 0; r == 0 && i < s->n_targets; i++)
        r = add_target(engine, s, i);
    if (r == 0) {
        printf("ready\n");
        fflush(stdout);
        while (sigwait(signals, &signal_number) == 0 && signal_number == SIGUSR1)
            remove_first(engine);
    }
    engine_destroy(engine);
    return r;
}

int main(int argc, char **argv)
{
    struct settings settings;
    sigset_t signals;
    int r = parse(argc, argv, &settings);

    if (r < 0) {
        fprintf(stderr,
                "usage: %s [--port P] [--address A]... [--size BYTES] [--luns N] [--targets N] [--file PATH "
                "| --null] [--reactors N]\n"
                "          [--epoll] [--spin US] [--read-only] [--removable] [--chap SECRET]\n",
                argv[0]);
        return 2;
    }
    if (getenv("VDS_LOG_DEBUG"))
        log_set_level(LOG_LEVEL_DEBUG);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGUSR1);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    r = serve(&settings, &signals);
    if (r < 0)
        fprintf(stderr, "engine_serve: %s\n", strerror(-r));
    return r < 0;
}
