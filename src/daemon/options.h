/* SPDX-License-Identifier: MIT */
/* vdsd's command line: one table row per option drives parsing, --help and the man page's test. */
#ifndef VDS_DAEMON_OPTIONS_H
#define VDS_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

#define OPTIONS_LIST_MAX 256

struct option_list {
    const char *items[OPTIONS_LIST_MAX];
    size_t n;
};

struct options {
    const char *state, *socket, *socket_group; /* NULL: the default */
    struct option_list drives, portals, providers;
    uint32_t port, reactors, spin_us, drain_seconds, max_groups, max_connections, max_connections_per_source,
        login_seconds, keepalive_seconds, max_clients, buffer_mib, provider_seconds, replay,
        memory_mib; /* 0: the default of the part it sets, except where the table says otherwise */
    bool epoll, system_bus, readers;
    enum log_level log_level;
};

/* 0; 1: --help or --version was answered; -1: said on stderr what is wrong. */
int options_parse(int argc, char **argv, struct options *ret_options);

#endif
