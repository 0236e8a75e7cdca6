/* SPDX-License-Identifier: MIT */
/* The same objects on a message bus, where clients are senders. Skipped where there is no dbus-daemon. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "rig.h"
#include "rpc/path.h"

struct bus_daemon {
    pid_t pid;
    char address[512];
};

/* A private daemon; false when it cannot be had. */
static bool daemon_start(struct bus_daemon *d)
{
    int fds[2];
    ssize_t n;
    char option[32];

    if (pipe(fds) < 0)
        return false;
    d->pid = fork();
    if (d->pid == 0) {
        snprintf(option, sizeof option, "--print-address=%d", fds[1]);
        close(fds[0]);
        execlp("dbus-daemon", "dbus-daemon", "--session", "--nofork", "--nopidfile", option, NULL);
        _exit(127);
    }
    close(fds[1]);
    n = read(fds[0], d->address, sizeof d->address - 1);
    close(fds[0]);
    d->address[n > 0 ? n : 0] = '\0';
    d->address[strcspn(d->address, "\n")] = '\0';
    return n > 0;
}

static void daemon_stop(struct bus_daemon *d)
{
    kill(d->pid, SIGTERM);
    waitpid(d->pid, NULL, 0);
}

static sd_bus *join(const struct bus_daemon *d)
{
    sd_bus *bus = NULL;

    assert_true(sd_bus_new(&bus) >= 0 && sd_bus_set_address(bus, d->address) >= 0 &&
                sd_bus_set_bus_client(bus, 1) >= 0);
    assert_true(sd_bus_start(bus) >= 0);
    return bus;
}

static int on_events(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    uint32_t *token = userdata;

    (void)error;
    return sd_bus_message_read(m, "u", token);
}

static void clients_on_a_message_bus_are_told_apart(void **state)
{
    struct bus_daemon daemon;
    struct rig rig;
    sd_bus *service, *a, *b;
    sd_bus_message *reply = NULL;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    char group[RPC_PATH_MAX] = RPC_PATH_ROOT "/group/fa4e0001_1000_0003_8001_020304050607";
    const char *operation;
    int32_t hr, result;
    uint32_t token = 0;

    (void)state;
    if (!daemon_start(&daemon))
        skip();
    rig_start(&rig);
    rig.fake.hold_ops = true;
    service = join(&daemon);
    assert_true(sd_bus_request_name(service, "org.vds", 0) >= 0);
    assert_int_equal(rpc_server_attach_bus(rig.server, service), 0);
    a = join(&daemon);
    b = join(&daemon);

    assert_true(sd_bus_call_method(a, "org.vds", group, "org.vds.IVdsIscsiPortalGroup", "AddPortal", &error,
                                   &reply, "s", "fa4e0001-1000-0004-8001-020304050607") >= 0);
    assert_true(sd_bus_message_read(reply, "io", &hr, &operation) > 0);
    assert_string_equal(operation, "/org/vds/async/1");
    assert_true(sd_bus_call_method(b, "org.vds", "/org/vds/async/1", "org.vds.IVdsAsync", "Cancel", &error,
                                   NULL, "") < 0);
    assert_string_equal(error.name, "org.vds.Error.VDS_E_OBJECT_DELETED"); /* it is a's */
    sd_bus_error_free(&error);
    assert_true(sd_bus_call_method(a, "org.vds", "/org/vds/async/1", "org.vds.IVdsAsync", "Cancel", &error,
                                   NULL, "") >= 0);
    sd_bus_message_unref(reply);
    assert_true(sd_bus_call_method(a, "org.vds", "/org/vds/async/1", "org.vds.IVdsAsync", "Wait", &error,
                                   &reply, "") >= 0);
    assert_true(sd_bus_message_read(reply, "ii", &hr, &result) > 0);
    assert_int_equal(result, VDS_E_OPERATION_CANCELED);
    sd_bus_message_unref(reply);

    assert_true(sd_bus_match_signal(b, NULL, NULL, RPC_PATH_ROOT, "org.vds.Connection", "Notify", on_events,
                                    &token) >= 0);
    assert_true(sd_bus_call_method(b, "org.vds", RPC_PATH_SERVICE, "org.vds.IVdsService", "Advise", &error,
                                   NULL, "u", 99) >= 0);
    assert_int_equal(fake_notify(&rig.fake, 1, 3), 1);
    while (token != 99) {
        if (sd_bus_process(b, NULL) == 0)
            sd_bus_wait(b, UINT64_MAX);
    }
    assert_int_equal(rig_figures(&rig).subscriptions, 1);
    assert_int_equal(rig_figures(&rig).operations, 1);
    sd_bus_flush_close_unref(a);
    RIG_UNTIL(rig_figures(&rig).operations == 0);
    sd_bus_flush_close_unref(b);
    RIG_UNTIL(rig_figures(&rig).subscriptions == 0 && fake_n_sinks(&rig.fake) == 0);
    rig_stop(&rig);
    daemon_stop(&daemon);
}

static int on_last_event(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    uint32_t token, type, *last = userdata;
    const char *id;

    (void)error;
    assert_true(sd_bus_message_read(m, "u", &token) > 0 &&
                sd_bus_message_enter_container(m, 'a', "(uv)") > 0);
    while (sd_bus_message_read(m, "(uv)", &type, "(us)", last, &id) > 0)
        continue;
    return 0;
}

/* The bus takes nothing for a while, so that events have to wait in the service; nothing happens after them
 * that could push them on. */
static void events_that_had_to_wait_for_the_message_bus_come_when_it_goes_on(void **state)
{
    enum { N = 400 };
    struct rpc_server_options options = { .max_events = N * 100 };
    struct bus_daemon daemon;
    uint32_t last = 0;
    int few = 65536;
    struct rig rig;
    sd_bus *service, *a;

    (void)state;
    if (!daemon_start(&daemon))
        skip();
    rig_start_with(&rig, &options);
    service = join(&daemon);
    assert_true(sd_bus_request_name(service, "org.vds", 0) >= 0);
    /* it has 8 MiB */
    assert_int_equal(setsockopt(sd_bus_get_fd(service), SOL_SOCKET, SO_SNDBUF, &few, sizeof few), 0);
    assert_int_equal(rpc_server_attach_bus(rig.server, service), 0);
    a = join(&daemon);
    assert_true(sd_bus_match_signal(a, NULL, NULL, RPC_PATH_ROOT, "org.vds.Connection", "Notify",
                                    on_last_event, &last) >= 0);
    assert_true(sd_bus_call_method(a, "org.vds", RPC_PATH_SERVICE, "org.vds.IVdsService", "Advise", NULL,
                                   NULL, "u", 1) >= 0);
    kill(daemon.pid, SIGSTOP);
    for (ULONG i = 1; i <= N; i++)
        assert_int_equal(fake_notify(&rig.fake, i, 100), 1);
    /* its own connection is served on the same thread: what can be sent has been */
    for (int i = 0; i < 20; i++) {
        VDS_SERVICE_PROP prop;

        assert_int_equal(IVdsService_GetProperties(rig.client, &prop), S_OK);
        CoTaskMemFree(prop.pwszVersion);
    }
    kill(daemon.pid, SIGCONT);
    while (last != N) {
        if (sd_bus_process(a, NULL) == 0)
            sd_bus_wait(a, UINT64_MAX);
    }
    sd_bus_flush_close_unref(a);
    RIG_UNTIL(rig_figures(&rig).subscriptions == 0);
    rig_stop(&rig);
    daemon_stop(&daemon);
}

static atomic_uint n_warnings;

static void count_warnings(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)line;
    n_warnings += level == LOG_LEVEL_WARNING;
}

static void a_message_bus_that_goes_takes_its_clients_along_and_no_others(void **state)
{
    struct bus_daemon daemon;
    struct rig rig;
    sd_bus *service, *a;
    VDS_SERVICE_PROP prop;

    (void)state;
    if (!daemon_start(&daemon))
        skip();
    rig_start(&rig);
    service = join(&daemon);
    assert_true(sd_bus_request_name(service, "org.vds", 0) >= 0);
    assert_int_equal(rpc_server_attach_bus(rig.server, service), 0);
    a = join(&daemon);
    assert_true(sd_bus_call_method(a, "org.vds", RPC_PATH_SERVICE, "org.vds.IVdsService", "Advise", NULL, NULL, "u", 1) >= 0);
    assert_int_equal(rig_figures(&rig).connections, 3); /* the bus, its client, the rig's own */
    log_set_sink(count_warnings, NULL);
    daemon_stop(&daemon);
    RIG_UNTIL(rig_figures(&rig).connections == 1 && rig_figures(&rig).subscriptions == 0);
    log_set_sink(NULL, NULL);
    assert_int_equal(n_warnings, 1); /* nobody would know otherwise */
    assert_int_equal(IVdsService_GetProperties(rig.client, &prop), S_OK);
    CoTaskMemFree(prop.pwszVersion);
    sd_bus_close_unref(a);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(clients_on_a_message_bus_are_told_apart),
        RIG_TEST(a_message_bus_that_goes_takes_its_clients_along_and_no_others),
        RIG_TEST(events_that_had_to_wait_for_the_message_bus_come_when_it_goes_on),
    };

    return RUN_TESTS(tests);
}
