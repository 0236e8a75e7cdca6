/* SPDX-License-Identifier: MIT */
/* A client that may only look: every method of every kind of object, by the rows of rpc/desc.h. What changes
 * something is refused before anything else is looked at; what reads is not. */
#include "rig.h"
#include "rpc/path.h"

/* Methods whose names say that they only read. Kept apart from the generator's own list, on purpose. */
static bool reads(const char *name)
{
    static const char *const words[] = { "Get",  "Query",  "IsServiceReady", "WaitForServiceReady",
                                         "Wait", "Advise", "Unadvise" };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        size_t n = strlen(words[i]);

        if (strncmp(name, words[i], n) == 0 && (i < 2 || name[n] == '\0'))
            return true;
    }
    return false;
}

static bool nobody_may(void *arg, const struct rpc_credentials *who)
{
    (void)arg;
    (void)who;
    return false;
}

/* Past one complete type of a signature. */
static const char *skip_type(const char *sig)
{
    int depth = 0;

    while (*sig == 'a')
        sig++;
    do {
        depth += *sig == '(';
        depth -= *sig == ')';
        sig++;
    } while (depth > 0);
    return sig;
}

static void append_nothing(sd_bus_message *m, const char *sig);

/* 0, "", an empty array, or a struct of such. */
static void append_one(sd_bus_message *m, const char *sig, const char *end)
{
    static const uint64_t zero;
    char inner[512];

    snprintf(inner, sizeof inner, "%.*s", (int)(end - sig - 1), sig + 1);
    if (*sig == 'a') {
        assert_true(sd_bus_message_open_container(m, 'a', inner) >= 0);
    } else if (*sig == '(') {
        inner[strlen(inner) - 1] = '\0';
        assert_true(sd_bus_message_open_container(m, 'r', inner) >= 0);
        append_nothing(m, inner);
    } else if (*sig == 'v') {
        assert_true(sd_bus_message_append(m, "v", "s", "") >= 0);
        return;
    } else {
        const void *value = *sig == 's' ? (const void *)"" : *sig == 'o' ? "/" : (const void *)&zero;

        assert_true(sd_bus_message_append_basic(m, *sig, value) >= 0);
        return;
    }
    assert_true(sd_bus_message_close_container(m) >= 0);
}

static void append_nothing(sd_bus_message *m, const char *sig)
{
    while (*sig) {
        const char *end = skip_type(sig);

        append_one(m, sig, end);
        sig = end;
    }
}

static void try_method(sd_bus *bus, const char *path, const struct rpc_method *method)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *m = NULL, *reply = NULL;
    bool denied;

    assert_true(sd_bus_message_new_method_call(bus, &m, "org.vds", path, method->iface->dbus_name,
                                               method->name) >= 0);
    append_nothing(m, method->in_sig);
    sd_bus_call(bus, m, UINT64_MAX, &error, &reply);
    denied = error.name && strcmp(error.name, "org.vds.Error.E_ACCESSDENIED") == 0;
    if (denied == reads(method->name))
        print_error("%s::%s: %s\n", method->iface->name, method->name,
                    denied       ? "refused"
                    : error.name ? error.name
                                 : "done");
    assert_int_equal(denied, !reads(method->name));
    sd_bus_error_free(&error);
    sd_bus_message_unref(m);
    sd_bus_message_unref(reply);
}

static sd_bus *raw_client(struct rig *rig)
{
    sd_bus *bus = NULL;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(rpc_server_add_fd(rig->server, fds[0]), 0);
    assert_true(sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, fds[1], fds[1]) >= 0 && sd_bus_start(bus) >= 0);
    return bus;
}

static void a_reader_is_refused_every_method_that_changes_and_no_other(void **state)
{
    struct rpc_server_options options = { .may_change = nobody_may };
    size_t n = 0;
    struct rig rig;
    sd_bus *bus;

    (void)state;
    rig_start_with(&rig, &options);
    bus = raw_client(&rig);
    for (size_t k = 0; k < rpc_n_kinds; k++) {
        struct rpc_path path = { .kind = &rpc_kinds[k], .id = { .data1 = 1 }, .operation = 1 };
        char text[RPC_PATH_MAX];

        rpc_path_format(&path, text);
        for (size_t i = 0; i < rpc_kinds[k].n_ifaces; i++) {
            for (size_t j = 0; j < rpc_kinds[k].ifaces[i]->n_methods; j++, n++)
                try_method(bus, text, &rpc_kinds[k].ifaces[i]->methods[j]);
        }
    }
    assert_true(n > 100);
    sd_bus_flush_close_unref(bus);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_reader_is_refused_every_method_that_changes_and_no_other),
    };

    return RUN_TESTS(tests);
}
