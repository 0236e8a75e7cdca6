/* SPDX-License-Identifier: MIT */
/* Clients that mean no good, or no sense: every one gets an error or is cut off, and the service goes on for
 * the others. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "rig.h"
#include "rpc/path.h"

static int raw_client(struct rig *rig)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(rpc_server_add_fd(rig->server, fds[0]), 0);
    return fds[1];
}

static sd_bus *bus_client(struct rig *rig)
{
    sd_bus *bus = NULL;
    int fd = raw_client(rig);

    assert_true(sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, fd, fd) >= 0 && sd_bus_start(bus) >= 0);
    return bus;
}

static void path_of(enum fake_kind kind, unsigned number, char path[RPC_PATH_MAX])
{
    static const char *const names[] = {
        "provider", "subsystem", "target", "group", "portal", "lun", "drive"
    };
    GUID id = fake_id(kind, number);
    char text[GUID_TEXT_SIZE];

    guid_format(com_guid(&id), text);
    for (char *t = text; *t; t++)
        *t = *t == '-' ? '_' : *t;
    snprintf(path, RPC_PATH_MAX, RPC_PATH_ROOT "/%s/%s", names[kind], text);
}

/* The name of the error that a call gives, or "" when it succeeds. */
static const char *error_of(sd_bus *bus, const char *path, const char *interface, const char *member,
                            const char *types, ...)
{
    static char name[256];
    sd_bus_error error = SD_BUS_ERROR_NULL;
    va_list args;

    va_start(args, types);
    name[0] = '\0';
    if (sd_bus_call_methodv(bus, NULL, path, interface, member, &error, NULL, types, args) < 0)
        snprintf(name, sizeof name, "%s", error.name ?: "?");
    va_end(args);
    sd_bus_error_free(&error);
    return name;
}

static void still_served(struct rig *rig)
{
    VDS_SERVICE_PROP prop;

    assert_int_equal(IVdsService_GetProperties(rig->client, &prop), S_OK);
    CoTaskMemFree(prop.pwszVersion);
}

static void unknown_paths_interfaces_and_methods_are_errors(void **state)
{
    struct rig rig;
    sd_bus *bus;
    char lun[RPC_PATH_MAX], nobody[RPC_PATH_MAX];

    (void)state;
    rig_start(&rig);
    bus = bus_client(&rig);
    path_of(FAKE_LUN, 1, lun);
    path_of(FAKE_LUN, 1234, nobody);
    assert_string_equal(error_of(bus, lun, "org.vds.IVdsLun", "QueryHints", ""), "");
    assert_string_equal(error_of(bus, nobody, "org.vds.IVdsLun", "QueryHints", ""),
                        "org.vds.Error.VDS_E_OBJECT_DELETED");
    assert_string_equal(error_of(bus, lun, "org.vds.IVdsLun", "Explode", ""), SD_BUS_ERROR_UNKNOWN_METHOD);
    assert_string_equal(error_of(bus, lun, "org.vds.IVdsIscsiTarget", "Delete", ""),
                        SD_BUS_ERROR_UNKNOWN_METHOD);
    assert_string_equal(error_of(bus, lun, "org.vds.IVdsLunNaming", "SetFriendlyName", "s", "x"),
                        "org.vds.Error.E_NOINTERFACE");
    assert_string_equal(error_of(bus, "/org/vds/lun/not_a_guid", "org.vds.IVdsLun", "QueryHints", ""),
                        SD_BUS_ERROR_UNKNOWN_OBJECT);
    assert_string_equal(error_of(bus, "/org/vds/lun", "org.vds.IVdsLun", "QueryHints", ""),
                        SD_BUS_ERROR_UNKNOWN_OBJECT);
    assert_string_equal(error_of(bus, "/org/vds/async/1", "org.vds.IVdsAsync", "Cancel", ""),
                        "org.vds.Error.VDS_E_OBJECT_DELETED");
    assert_string_equal(error_of(bus, "/org/vds/async/1", "org.vds.IVdsAsync", "Wait", ""),
                        "org.vds.Error.VDS_E_OBJECT_DELETED");
    assert_string_equal(error_of(bus, "/org/vds/async/01", "org.vds.IVdsAsync", "Wait", ""),
                        SD_BUS_ERROR_UNKNOWN_OBJECT);
    assert_string_equal(error_of(bus, "/elsewhere", "org.vds.IVdsLun", "QueryHints", ""),
                        SD_BUS_ERROR_UNKNOWN_OBJECT);
    assert_string_equal(error_of(bus, RPC_PATH_ROOT, "org.vds.Connection", "Release", "o", "/x"),
                        "org.vds.Error.VDS_E_OBJECT_NOT_FOUND");
    assert_string_equal(
        error_of(bus, RPC_PATH_ROOT, "org.vds.Connection", "Supports", "os", "/x", "org.vds.IVdsLun"),
        "org.vds.Error.VDS_E_OBJECT_NOT_FOUND");
    assert_string_equal(
        error_of(bus, RPC_PATH_ROOT, "org.vds.Connection", "Supports", "os", lun, "org.vds.Nonsense"), "");
    assert_string_equal(error_of(bus, RPC_PATH_SERVICE, "org.vds.IVdsService", "Unadvise", "u", 5),
                        "org.vds.Error.VDS_E_BAD_COOKIE");
    still_served(&rig);
    sd_bus_flush_close_unref(bus);
    rig_stop(&rig);
}

static void wrong_types_and_values_are_errors(void **state)
{
    struct rig rig;
    sd_bus *bus;
    char lun[RPC_PATH_MAX], subsystem[RPC_PATH_MAX], portal[RPC_PATH_MAX], target[RPC_PATH_MAX];

    (void)state;
    rig_start(&rig);
    bus = bus_client(&rig);
    path_of(FAKE_LUN, 1, lun);
    path_of(FAKE_SUBSYSTEM, 1, subsystem);
    path_of(FAKE_PORTAL, 1, portal);
    path_of(FAKE_TARGET, 1, target);
    assert_string_equal(error_of(bus, lun, "org.vds.IVdsLun", "SetMask", "u", 7), SD_BUS_ERROR_INVALID_ARGS);
    assert_string_equal(error_of(bus, lun, "org.vds.IVdsLun", "SetMask", ""), SD_BUS_ERROR_INVALID_ARGS);
    assert_string_equal(error_of(bus, lun, "org.vds.IVdsLun", "SetMask", "ss", "a", "b"),
                        SD_BUS_ERROR_INVALID_ARGS);
    assert_string_equal(
        error_of(bus, RPC_PATH_SERVICE, "org.vds.IVdsService", "GetObject", "su", "no guid", 33),
        "org.vds.Error.E_INVALIDARG");
    assert_string_equal(
        error_of(bus, RPC_PATH_SERVICE, "org.vds.IVdsService", "QueryDriveLetters", "qu", 'C', UINT32_MAX),
        "org.vds.Error.RPC_E_INVALID_DATA");
    /* none or one means none or one */
    assert_string_equal(
        error_of(bus, target, "org.vds.IVdsIscsiTarget", "SetSharedSecret", "a(ay)as", 0, 2, "a", "b"),
        "org.vds.Error.RPC_E_INVALID_DATA");
    assert_string_equal(
        error_of(bus, target, "org.vds.IVdsIscsiTarget", "SetSharedSecret", "a(ay)as", 2, 0, 0, 0),
        "org.vds.Error.RPC_E_INVALID_DATA");
    /* an IPv6 address of 3 bytes, and one of 17 */
    assert_string_equal(error_of(bus, portal, "org.vds.IVdsIscsiPortal", "SetIpsecTunnelAddress",
                                 "(uuayuusu)(uuayuusu)", 1, 2, 3, 1, 2, 3, 0, 0, "", 1, 1, 2, 0, 0, 0, "", 1),
                        "org.vds.Error.RPC_E_INVALID_DATA");
    still_served(&rig);
    sd_bus_flush_close_unref(bus);
    rig_stop(&rig);
}

static void arrays_and_strings_beyond_the_limits_are_refused(void **state)
{
    struct rpc_server_options options = { .max_array = 10, .max_string = 100 };
    struct rig rig;
    sd_bus *bus;
    char lun[RPC_PATH_MAX], text[200];
    sd_bus_message *m = NULL;
    sd_bus_error error = SD_BUS_ERROR_NULL;

    (void)state;
    rig_start_with(&rig, &options);
    bus = bus_client(&rig);
    path_of(FAKE_LUN, 1, lun);
    memset(text, 'a', sizeof text);
    text[101] = '\0';
    assert_string_equal(error_of(bus, lun, "org.vds.IVdsLun", "SetMask", "s", text),
                        "org.vds.Error.RPC_E_INVALID_DATA");
    text[100] = '\0';
    assert_string_equal(error_of(bus, lun, "org.vds.IVdsLun", "SetMask", "s", text), "");
    assert_true(
        sd_bus_message_new_method_call(bus, &m, NULL, lun, "org.vds.IVdsLunIscsi", "AssociateTargets") >= 0);
    sd_bus_message_open_container(m, 'a', "s");
    for (int i = 0; i < 11; i++)
        sd_bus_message_append(m, "s", "fa4e0001-1000-0002-8001-020304050607");
    sd_bus_message_close_container(m);
    assert_true(sd_bus_call(bus, m, 0, &error, NULL) < 0);
    assert_string_equal(error.name, "org.vds.Error.RPC_E_INVALID_DATA");
    sd_bus_error_free(&error);
    sd_bus_message_unref(m);
    still_served(&rig);
    sd_bus_flush_close_unref(bus);
    rig_stop(&rig);
}

static void noise_before_the_handshake_costs_the_connection_only(void **state)
{
    static const char *const noise[] = { "", "GET / HTTP/1.0\r\n\r\n", "\0AUTH ANONYMOUS\r\n",
                                         "\0AUTH EXTERNAL zzzz\r\nBEGIN\r\n",
                                         "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" };
    static const size_t lengths[] = { 0, 18, 17, 29, 19 };
    struct rig rig;

    (void)state;
    rig_start(&rig);
    for (size_t i = 0; i < ARRAY_SIZE(noise); i++) {
        int fd = raw_client(&rig);

        assert_int_equal(write(fd, noise[i], lengths[i]), lengths[i]);
        close(fd);
    }
    RIG_UNTIL(rig_figures(&rig).connections == 1);
    still_served(&rig);
    rig_stop(&rig);
}

static void a_client_that_never_finishes_the_handshake_is_cut_off(void **state)
{
    struct rpc_server_options options = { .auth_seconds = 1 };
    struct rig rig;
    int fd;
    char byte;

    (void)state;
    rig_start_with(&rig, &options);
    fd = raw_client(&rig);
    assert_int_equal(write(fd, "\0AUTH EXT", 9), 9);
    while (read(fd, &byte, 1) > 0) /* until we are cut off */
        ;
    close(fd);
    RIG_UNTIL(rig_figures(&rig).connections == 1);
    still_served(&rig);
    rig_stop(&rig);
}

/* After a proper handshake: a message that promises more than it holds, then silence; and one of pure noise.
 */
static void half_messages_and_noise_after_the_handshake_cost_the_connection_only(void **state)
{
    static const unsigned char promise[] = { 'l', 1, 0, 1, 0, 0, 16, 0, 1, 0, 0, 0, 64, 0, 0, 0 };
    static const unsigned char noise[] = { 'l', 1, 0, 9, 0xff, 0xff, 0xff, 0xff,
                                           1,   0, 0, 0, 0xff, 0xff, 0xff, 0xff };
    struct rig rig;
    int fds[2];
    char byte;

    (void)state;
    rig_start(&rig);
    for (int i = 0; i < 2; i++) {
        fds[i] = raw_client(&rig);
        assert_int_equal(write(fds[i], "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n", 29), 29);
        assert_int_equal(write(fds[i], i ? noise : promise, 16), 16);
    }
    while (read(fds[1], &byte, 1) > 0)
        ;
    still_served(&rig);
    assert_int_equal(rig_figures(&rig).connections, 2); /* the promise may yet be kept */
    close(fds[0]);
    close(fds[1]);
    RIG_UNTIL(rig_figures(&rig).connections == 1);
    rig_stop(&rig);
}

static int unread(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    (void)m;
    (void)userdata;
    (void)error;
    return 0;
}

/* Sends calls without end and never reads an answer: it is not read from any more, its answers do not pile
 * up. */
static void a_client_that_calls_without_reading_is_held_back(void **state)
{
    struct rig rig;
    sd_bus *bus;
    char subsystem[RPC_PATH_MAX];
    int fd, blocked = 0;

    (void)state;
    rig_start(&rig);
    bus = bus_client(&rig);
    path_of(FAKE_SUBSYSTEM, 1, subsystem);
    assert_string_equal(error_of(bus, subsystem, "org.vds.IVdsSubSystemIscsi", "QueryPortals", ""), "");
    fd = dup(sd_bus_get_fd(bus));
    for (int i = 0; i < 200000 && blocked < 50; i++) {
        uint64_t unsent = 0;

        sd_bus_call_method_async(bus, NULL, NULL, subsystem, "org.vds.IVdsSubSystemIscsi", "QueryPortals",
                                 unread, NULL, "");
        sd_bus_get_n_queued_write(bus, &unsent);
        if (unsent > 0) { /* the socket is full: the server does not read */
            struct pollfd p = { .fd = fd, .events = POLLOUT };

            blocked = poll(&p, 1, 10) == 0 ? blocked + 1 : 0;
        }
    }
    assert_true(blocked >= 50);
    still_served(&rig);
    close(fd);
    sd_bus_close_unref(bus);
    RIG_UNTIL(rig_figures(&rig).connections == 1);
    RIG_UNTIL(rig_figures(&rig).calls == 0);
    rig_stop(&rig);
}

static void connections_beyond_the_limit_wait_or_are_turned_away(void **state)
{
    struct rpc_server_options options = { .max_connections = 2 };
    struct rig rig;
    int fds[3];
    char byte;

    (void)state;
    rig_start_with(&rig, &options);
    fds[0] = raw_client(&rig);
    RIG_UNTIL(rig_figures(&rig).connections == 2);
    fds[1] = raw_client(&rig);
    assert_int_equal(read(fds[1], &byte, 1), 0);
    close(fds[0]);
    RIG_UNTIL(rig_figures(&rig).connections == 1);
    fds[2] = raw_client(&rig);
    RIG_UNTIL(rig_figures(&rig).connections == 2);
    still_served(&rig);
    close(fds[1]);
    close(fds[2]);
    rig_stop(&rig);
}

static uint64_t cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void a_client_for_which_there_is_no_descriptor_waits_and_costs_no_cpu(void **state)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct rlimit before, few;
    struct rig rig;
    uint64_t used;
    int fd;

    (void)state;
    rig_start(&rig);
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/vds-test-%d.sock", getpid());
    assert_int_equal(rpc_server_listen(rig.server, address.sun_path, 0600, (gid_t)-1), 0);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    getrlimit(RLIMIT_NOFILE, &before);
    few = (struct rlimit){ .rlim_cur = (rlim_t)fd + 1, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    used = cpu_ms();
    poll(NULL, 0, 1000);
    used = cpu_ms() - used;
    assert_int_equal(rig_figures(&rig).connections, 1);
    still_served(&rig);
    setrlimit(RLIMIT_NOFILE, &before);
    RIG_UNTIL(rig_figures(&rig).connections == 2);
    assert_true(used < 100); /* it was never busy with it */
    close(fd);
    unlink(address.sun_path);
    rig_stop(&rig);
}

/* The rig's own client is another than those that come after it. */
static bool only_the_first_may(void *arg, const struct rpc_credentials *who)
{
    (void)who;
    return (*(unsigned *)arg)++ == 0;
}

static void clients_that_may_only_look_do_not_keep_out_who_may_change(void **state)
{
    unsigned n_asked = 1;
    struct rpc_server_options options = { .max_connections = 8,
                                          .may_change = only_the_first_may,
                                          .may_change_arg = &n_asked };
    struct rig rig;
    sd_bus *admin;
    int fds[10];
    char byte;

    (void)state;
    rig_start_with(&rig, &options); /* one that may only look, too */
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        fds[i] = raw_client(&rig);
    for (size_t i = 5; i < ARRAY_SIZE(fds); i++) {
        assert_int_equal(read(fds[i], &byte, 1), 0);
        close(fds[i]);
    }
    RIG_UNTIL(rig_figures(&rig).connections == 6);
    n_asked = 0;
    admin = bus_client(&rig);
    assert_string_equal(error_of(admin, RPC_PATH_SERVICE, "org.vds.IVdsService", "IsServiceReady", ""), "");
    assert_int_equal(rig_figures(&rig).connections, 7);
    for (size_t i = 0; i < 5; i++)
        close(fds[i]);
    RIG_UNTIL(rig_figures(&rig).connections == 2);
    fds[0] = raw_client(&rig); /* there is room again */
    RIG_UNTIL(rig_figures(&rig).connections == 3);
    close(fds[0]);
    sd_bus_flush_close_unref(admin);
    rig_stop(&rig);
}

static void subscriptions_of_clients_that_may_only_look_leave_some_for_who_may_change(void **state)
{
    unsigned n_asked = 1;
    struct rpc_server_options options = { .may_change = only_the_first_may,
                                          .may_change_arg = &n_asked,
                                          .max_reader_subscriptions = 3 };
    struct rig rig;
    sd_bus *readers[2], *admin;

    (void)state;
    rig_start_with(&rig, &options);
    for (unsigned i = 0; i < 2; i++) {
        readers[i] = bus_client(&rig);
        for (unsigned token = 1; token <= 2 - i; token++)
            assert_string_equal(
                error_of(readers[i], RPC_PATH_SERVICE, "org.vds.IVdsService", "Advise", "u", token), "");
    }
    assert_string_equal(error_of(readers[1], RPC_PATH_SERVICE, "org.vds.IVdsService", "Advise", "u", 9),
                        "org.vds.Error.ERROR_NOT_ENOUGH_QUOTA");
    n_asked = 0;
    admin = bus_client(&rig);
    assert_string_equal(error_of(admin, RPC_PATH_SERVICE, "org.vds.IVdsService", "Advise", "u", 1), "");
    sd_bus_flush_close_unref(readers[0]);
    RIG_UNTIL(rig_figures(&rig).subscriptions == 2);
    assert_string_equal(error_of(readers[1], RPC_PATH_SERVICE, "org.vds.IVdsService", "Advise", "u", 9), "");
    sd_bus_flush_close_unref(readers[1]);
    sd_bus_flush_close_unref(admin);
    rig_stop(&rig);
}

static void an_operation_of_one_client_is_not_anothers(void **state)
{
    struct rig rig;
    sd_bus *bus;
    IVdsIscsiPortalGroup *g;
    IVdsAsync *async = NULL;

    (void)state;
    rig_start(&rig);
    rig.fake.hold_ops = true;
    g = rig_object(rig.client, FAKE_GROUP, 1, &IID_IVdsIscsiPortalGroup);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(g, fake_id(FAKE_PORTAL, 1), &async), S_OK);
    bus = bus_client(&rig);
    assert_string_equal(error_of(bus, "/org/vds/async/1", "org.vds.IVdsAsync", "Cancel", ""),
                        "org.vds.Error.VDS_E_OBJECT_DELETED");
    assert_string_equal(
        error_of(bus, RPC_PATH_ROOT, "org.vds.Connection", "Release", "o", "/org/vds/async/1"),
        "org.vds.Error.VDS_E_OBJECT_NOT_FOUND");
    assert_int_equal(fake_running_ops(&rig.fake), 1);
    IVdsAsync_Release(async);
    IVdsIscsiPortalGroup_Release(g);
    sd_bus_flush_close_unref(bus);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(unknown_paths_interfaces_and_methods_are_errors),
        RIG_TEST(wrong_types_and_values_are_errors),
        RIG_TEST(arrays_and_strings_beyond_the_limits_are_refused),
        RIG_TEST(noise_before_the_handshake_costs_the_connection_only),
        RIG_TEST(a_client_that_never_finishes_the_handshake_is_cut_off),
        RIG_TEST(half_messages_and_noise_after_the_handshake_cost_the_connection_only),
        RIG_TEST(a_client_that_calls_without_reading_is_held_back),
        RIG_TEST(connections_beyond_the_limit_wait_or_are_turned_away),
        RIG_TEST(a_client_for_which_there_is_no_descriptor_waits_and_costs_no_cpu),
        RIG_TEST(clients_that_may_only_look_do_not_keep_out_who_may_change),
        RIG_TEST(subscriptions_of_clients_that_may_only_look_leave_some_for_who_may_change),
        RIG_TEST(an_operation_of_one_client_is_not_anothers),
    };

    return RUN_TESTS(tests);
}
