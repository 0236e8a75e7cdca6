/* SPDX-License-Identifier: MIT */
/* vdsd: options, wiring, signals. */
#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/cleanup.h"
#include "base/error_text.h"
#include "base/standard.h"
#include "daemon/host.h"
#include "daemon/options.h"
#include "rpc/server.h"
#include "rpc/transport.h"

enum { EXIT_NOT_STARTED = 1, EXIT_BAD_OPTION = 2 };

DEFINE_CLEANUP(struct host *, host_stop)
DEFINE_CLEANUP(struct rpc_server *, rpc_server_destroy)

static int not_started(const char *what, const char *why)
{
    fprintf(stderr, "vdsd: %s: %s\n", what, why);
    return EXIT_NOT_STARTED;
}

/* Under systemd lines carry their level (sd-daemon(3)); it adds the time itself. */
static void log_to_journal(void *arg, enum log_level level, const char *line)
{
    static const char *const prefixes[] = { SD_ERR, SD_WARNING, SD_INFO, SD_DEBUG };

    (void)arg;
    fprintf(stderr, "%s%s\n", prefixes[level], line);
}

/* 1,000 targets with sessions want more descriptors than the default soft limit; the hard one is the
 * administrator's. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* ---- the array ------------------------------------------------------------------------------------- */

static const char *state_directory(const struct options *options)
{
    const char *from_systemd = getenv("STATE_DIRECTORY");

    return options->state ? options->state : from_systemd && *from_systemd ? from_systemd : "/var/lib/vds";
}

/* mkdir -p; `mode` is for those that are made. */
static int make_directory(const char *path, mode_t mode)
{
    _cleanup_(freep) char *copy = strdup(path);

    if (!copy)
        return -ENOMEM;
    for (char *p = copy + 1;; p++) {
        char was = *p;

        if (was && was != '/')
            continue;
        *p = '\0';
        /* the umask lets no more through */
        if (mkdir(copy, 0700) < 0 ? errno != EEXIST : mode != 0700 && chmod(copy, mode) < 0)
            return -errno;
        if (!was)
            return 0;
        *p = was;
    }
}

static struct array_options array_options_of(const struct options *o)
{
    struct array_options a = {
        .state_dir = state_directory(o),
        .drives = o->drives.items,
        .n_drives = o->drives.n,
        .portals = o->portals.items,
        .n_portals = o->portals.n,
        .default_port = (uint16_t)o->port,
        .max_groups = o->max_groups,
        .max_memory = (uint64_t)o->memory_mib << 20,
        .drain_seconds = o->drain_seconds ? o->drain_seconds : 15,
        .engine = {
            .n_reactors = o->reactors,
            .spin_us = o->spin_us,
            .force_epoll = o->epoll,
            .iscsi = iscsi_limits_default,
            .max_connections = o->max_connections,
            .max_connections_per_source = o->max_connections_per_source,
            .max_buffer_bytes = (uint64_t)o->buffer_mib << 20,
        },
    };

    if (o->login_seconds)
        a.engine.iscsi.login_seconds = o->login_seconds;
    if (o->keepalive_seconds)
        a.engine.iscsi.keepalive_seconds = o->keepalive_seconds;
    return a;
}

/* "FILE,CLSID", or "FILE" for a library with one provider, which takes the class 0 for it. The path is the
 * caller's to free. */
static char *provider_of(const char *text, struct service_provider *ret_provider)
{
    const char *comma = strrchr(text, ',');
    CLSID clsid = { 0 };
    bool named = comma && guid_parse(comma + 1, (struct guid *)(void *)&clsid) == 0;
    char *path = named ? strndup(text, (size_t)(comma - text)) : strdup(text);

    *ret_provider = (struct service_provider) { .name = text, .path = path, .clsid = clsid };
    return path;
}

static HRESULT start_host(const struct options *options, struct host **ret_host)
{
    struct array_options array = array_options_of(options);
    struct service_provider more[OPTIONS_LIST_MAX];
    struct service_options service = {
        .providers = more,
        .n_providers = options->providers.n,
        .prober = "/proc/self/exe",
        .load_timeout_ms = options->provider_seconds * 1000,
        .max_replay = options->replay,
    };
    char *paths[OPTIONS_LIST_MAX];
    HRESULT hr = S_OK;

    for (size_t i = 0; i < options->providers.n; i++) {
        paths[i] = provider_of(options->providers.items[i], &more[i]);
        hr = paths[i] ? hr : E_OUTOFMEMORY;
    }
    if (SUCCEEDED(hr))
        hr = host_start(&array, &service, ret_host);
    for (size_t i = 0; i < options->providers.n; i++)
        free(paths[i]);
    return hr;
}

/* ---- the management interface ---------------------------------------------------------------------- */

static int group_id(const char *name, gid_t *ret_gid)
{
    struct group *group;

    *ret_gid = (gid_t)-1;
    if (!name)
        return 0;
    group = getgrnam(name);
    if (!group)
        return -ENOENT;
    *ret_gid = group->gr_gid;
    return 0;
}

/* Root, the service's own user and the members of --socket-group; the others may look. */
static bool may_change(void *arg, const struct rpc_credentials *who)
{
    const gid_t *group = arg;

    if (who->uid == 0 || who->uid == geteuid())
        return true;
    if (*group == (gid_t)-1 || who->uid == (uid_t)-1)
        return false;
    for (size_t i = 0; i < who->n_groups; i++) {
        if (who->groups[i] == *group)
            return true;
    }
    return who->gid == *group;
}

static mode_t socket_mode(const struct options *options)
{
    return options->readers ? 0666 : options->socket_group ? 0660 : 0600;
}

static int listen_at(struct rpc_server *server, const struct options *options, gid_t gid)
{
    const char *given = options->socket ? options->socket : getenv("VDS_SOCKET");
    char path[RPC_SOCKET_MAX];
    _cleanup_(freep) char *folder = NULL;
    int r;

    if (!given || !*given)
        rpc_default_socket(path);
    else if ((size_t)snprintf(path, sizeof path, "%s", given) >= sizeof path)
        return not_started(given, "a socket's path has 107 characters at most");
    folder = strdup(path);
    /* whom the socket lets in must get there */
    r = folder ? make_directory(dirname(folder), socket_mode(options) == 0600 ? 0700 : 0755) : -ENOMEM;
    if (r == 0)
        r = rpc_server_listen(server, path, socket_mode(options), gid);
    if (r < 0)
        return not_started(path, r == -EADDRINUSE ? "another service listens here"
                                 : r == -EEXIST   ? "what is there is no socket"
                                                  : strerror(-r));
    log_info("management socket: %s", path);
    return 0;
}

static int join_system_bus(struct rpc_server *server)
{
    sd_bus *bus = NULL;
    int r = sd_bus_open_system(&bus);

    if (r >= 0)
        r = sd_bus_request_name(bus, "org.vds", 0);
    if (r >= 0)
        r = rpc_server_attach_bus(server, bus);
    else
        sd_bus_unref(bus);
    return r < 0 ? not_started("system bus", strerror(-r)) : 0;
}

static int serve(const struct options *options, const sigset_t *signals)
{
    gid_t gid; /* outlives the server */
    struct rpc_server_options rpc = {
        .max_connections = options->max_clients,
        .software = "vdsd " VDS_VERSION,
        .may_change = may_change,
        .may_change_arg = &gid,
        .polkit_action = "org.vds.manage",
    };
    _cleanup_(host_stopp) struct host *host = NULL;
    _cleanup_(rpc_server_destroyp) struct rpc_server *server = NULL; /* goes first */
    int r, signal;
    HRESULT hr;

    if (group_id(options->socket_group, &gid) < 0)
        return not_started(options->socket_group, "no such group");
    hr = start_host(options, &host);
    if (FAILED(hr)) {
        char code[32];

        snprintf(code, sizeof code, "error 0x%08x", (unsigned)hr);
        return not_started(state_directory(options), *error_text_get() ? error_text_get() : code);
    }
    r = rpc_server_create(host_service(host), &rpc, &server);
    if (r < 0)
        return not_started("management interface", strerror(-r));
    r = listen_at(server, options, gid);
    if (r == 0 && options->system_bus)
        r = join_system_bus(server);
    if (r != 0)
        return r;
    sd_notify(0, "READY=1");
    log_info("vdsd " VDS_VERSION " is ready");
    sigwait(signals, &signal);
    sd_notify(0, "STOPPING=1");
    log_info("ending: %s", strsignal(signal));
    return 0;
}

int main(int argc, char **argv)
{
    struct options options;
    sigset_t signals;
    int r;

    if (argc == 4 && strcmp(argv[1], SERVICE_PROBE_WORD) == 0)
        service_probe_main(argv[2], argv[3]);
    standard_hold();
    r = options_parse(argc, argv, &options);
    if (r != 0)
        return r < 0 ? EXIT_BAD_OPTION : standard_end() ? 0 : EXIT_NOT_STARTED;
    log_set_level(options.log_level);
    if (getenv("JOURNAL_STREAM"))
        log_set_sink(log_to_journal, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error of the write, not the end of the service */
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before any thread: all inherit it, main alone takes them */
    raise_descriptor_limit();
    umask(0077);
    r = make_directory(state_directory(&options), 0700);
    if (r < 0)
        return not_started(state_directory(&options), strerror(-r));
    return serve(&options, &signals);
}
