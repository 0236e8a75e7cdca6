/* SPDX-License-Identifier: MIT */
/* Hostile bytes for the server side of src/rpc: a fake service (tests/unit/rpc), a real server, one
 * connection per input.
 *
 * The first byte (modulo 4) picks the depth: 0 raw bytes from the first one on, 1 raw bytes after a proper
 * handshake, anything else calls of real methods whose arguments have the right types and the input's values.
 * The input is refused when it crashes, hangs, or leaves a client, operation, subscription or call behind.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "fake_service.h"
#include "fuzz.h"
#include "rpc/desc.h"
#include "rpc/path.h"
#include "rpc/server.h"

static struct fake fake;
static struct rpc_server *server;

/* At the end of all inputs: nothing may be left. */
static void stop(void)
{
    rpc_server_destroy(server);
    fake_fini(&fake);
    if (com_live_objects() || com_live_task_blocks()) {
        fprintf(stderr, "%zu objects, %zu blocks are left\n", com_live_objects(), com_live_task_blocks());
        abort();
    }
}

static void start(void)
{
    static const struct rpc_server_options options = {
        .max_array = 100, .max_string = 1000, .max_operations = 20, .max_events = 50
    };

    if (server)
        return;
    log_set_level(LOG_LEVEL_ERROR);
    fake_init(&fake);
    if (rpc_server_create(fake.service, &options, &server) < 0)
        abort();
    atexit(stop);
}

static int connect_raw(void)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 || rpc_server_add_fd(server, fds[0]) < 0)
        abort();
    return fds[1];
}

static void settle(void)
{
    struct rpc_server_figures f;

    do {
        rpc_server_figures(server, &f);
        if (f.connections || f.operations || f.subscriptions || f.calls || f.waits)
            poll(NULL, 0, 1);
    } while (f.connections || f.operations || f.subscriptions || f.calls || f.waits);
    while (fake_n_sinks(&fake))
        poll(NULL, 0, 1);
}

/* ---- raw bytes --------------------------------------------------------------------------------------- */

static const char handshake[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";

static void send_raw(const uint8_t *data, size_t size, bool shake_hands)
{
    int fd = connect_raw();
    char sink[4096];

    if (shake_hands && send(fd, handshake, sizeof handshake - 1, MSG_NOSIGNAL) < 0) {
        /* it may have gone */
    }
    if (send(fd, data, size, MSG_NOSIGNAL) < 0) {
        /* as above */
    }
    while (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 2) > 0 && read(fd, sink, sizeof sink) > 0)
        ; /* until it has nothing to say for a moment */
    shutdown(fd, SHUT_WR);
    while (read(fd, sink, sizeof sink) > 0)
        ;
    close(fd);
}

/* ---- calls ------------------------------------------------------------------------------------------- */

struct input {
    const uint8_t *at, *end;
};

static uint8_t byte(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static uint64_t number(struct input *in)
{
    uint64_t n = byte(in);

    if (n & 0x80)
        n = n << 56 | (uint64_t)byte(in) << 24 | byte(in);
    return n;
}

static const char *text(struct input *in)
{
    static char t[256];
    size_t n = byte(in) % 200;
    GUID id = fake_id(byte(in) % FAKE_N_KINDS, n % 4);

    if (n % 3 == 0) { /* an id, most probably of something */
        guid_format(com_guid(&id), t);
        return t;
    }
    for (size_t i = 0; i < n; i++)
        t[i] = (char)(1 + byte(in) % 127);
    t[n] = '\0';
    return t;
}

static const char *object(struct input *in)
{
    static char t[RPC_PATH_MAX];
    struct rpc_path path = { .kind = &rpc_kinds[byte(in) % rpc_n_kinds] };
    GUID id = fake_id(byte(in) % FAKE_N_KINDS, byte(in) % 4);

    path.id = *com_guid(&id);
    path.operation = byte(in) % 8;
    rpc_path_format(&path, t);
    return t;
}

/* One complete type of the signature, from the input; returns what follows it. */
static const char *put_type(sd_bus_message *m, const char *sig, struct input *in);

static void put_basic(sd_bus_message *m, char type, struct input *in)
{
    uint64_t n = number(in);
    int boolean = n & 1;

    if (type == 's')
        sd_bus_message_append_basic(m, 's', text(in));
    else if (type == 'o')
        sd_bus_message_append_basic(m, 'o', object(in));
    else
        sd_bus_message_append_basic(m, type, type == 'b' ? (void *)&boolean : (void *)&n);
}

static const char *end_of_type(const char *sig)
{
    int depth = 0;

    for (;; sig++) {
        depth += *sig == '(' ? 1 : *sig == ')' ? -1 : 0;
        if (*sig != 'a' && depth == 0)
            return sig + 1;
    }
}

static const char *put_array(sd_bus_message *m, const char *sig, struct input *in)
{
    const char *end = end_of_type(sig);
    char *element = strndup(sig, (size_t)(end - sig));
    unsigned n = byte(in);

    n = n < 200 ? n % 4 : n;
    sd_bus_message_open_container(m, 'a', element);
    for (unsigned i = 0; i < n; i++)
        put_type(m, element, in);
    sd_bus_message_close_container(m);
    free(element);
    return end;
}

static const char *put_struct(sd_bus_message *m, const char *sig, struct input *in)
{
    const char *end = end_of_type(sig), *at;
    char *contents = strndup(sig + 1, (size_t)(end - sig - 2));

    sd_bus_message_open_container(m, 'r', contents);
    for (at = contents; *at;)
        at = put_type(m, at, in);
    sd_bus_message_close_container(m);
    free(contents);
    return end;
}

static const char *put_type(sd_bus_message *m, const char *sig, struct input *in)
{
    if (*sig == 'a')
        return put_array(m, sig + 1, in);
    if (*sig == '(')
        return put_struct(m, sig, in);
    put_basic(m, *sig, in);
    return sig + 1;
}

static void call(sd_bus *bus, struct input *in)
{
    const struct rpc_kind *kind = &rpc_kinds[byte(in) % rpc_n_kinds];
    const struct rpc_iface *iface = kind->ifaces[byte(in) % kind->n_ifaces];
    const struct rpc_method *method = &iface->methods[byte(in) % iface->n_methods];
    struct rpc_path path = { .kind = kind, .operation = byte(in) % 8 };
    sd_bus_message *m = NULL, *reply = NULL;
    char where[RPC_PATH_MAX];
    const char *sig = method->in_sig;
    GUID id = fake_id(byte(in) % FAKE_N_KINDS, byte(in) % 4);

    path.id = *com_guid(&id);
    rpc_path_format(&path, where);
    if (sd_bus_message_new_method_call(bus, &m, NULL, where, iface->dbus_name, method->name) < 0)
        return;
    while (*sig)
        sig = put_type(m, sig, in);
    sd_bus_call(bus, m, 20 * 1000000ull, NULL, &reply);
    sd_bus_message_unref(m);
    sd_bus_message_unref(reply);
    fake_notify(&fake, byte(in), 1 + byte(in) % 100);
}

static void send_calls(struct input in)
{
    sd_bus *bus = NULL;
    int fd = connect_raw();

    if (sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, fd, fd) < 0 || sd_bus_start(bus) < 0)
        abort();
    for (int i = 0; i < 20 && in.at < in.end; i++)
        call(bus, &in);
    sd_bus_close_unref(bus);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start();
    if (size < 2)
        return 0;
    if (data[0] % 4 < 2)
        send_raw(data + 1, size - 1, data[0] % 4 == 1);
    else
        send_calls((struct input){ data + 1, data + size });
    settle();
    return 0;
}

/* ---- good inputs -------------------------------------------------------------------------------------- */

/* A field of a message's header, which begins at the next multiple of eight: its code, its type, its text.
 * Returns its end. */
static size_t put_field(uint8_t *message, size_t at, uint8_t code, char type, const char *value)
{
    size_t head = type == 'g' ? 5 : 8;

    while (at % 8)
        message[at++] = 0;
    memset(message + at, 0, head);
    message[at] = code;
    message[at + 1] = 1;
    message[at + 2] = (uint8_t)type;
    message[at + 4] = (uint8_t)strlen(value); /* all are short */
    strcpy((char *)message + at + head, value);
    return at + head + strlen(value) + 1;
}

/* A call of a method of the service that takes nothing or one number. */
static size_t put_call(uint8_t *out, uint32_t random)
{
    static const struct {
        const char *interface, *member, *sig;
    } calls[] = {
        { "org.vds.IVdsService", "GetProperties", "" },
        { "org.vds.IVdsService", "QueryProviders", "u" },
        { "org.vds.IVdsService", "Advise", "u" },
        { "org.freedesktop.DBus.Introspectable", "Introspect", "" },
        { "org.freedesktop.DBus.Peer", "GetMachineId", "" },
        { "org.vds.IVdsService", "Unadvise", "u" },
    };
    const char *sig = calls[random % ARRAY_SIZE(calls)].sig;
    size_t n = 16, end;

    n = put_field(out, n, 1, 'o', RPC_PATH_SERVICE);
    n = put_field(out, n, 2, 's', calls[random % ARRAY_SIZE(calls)].interface);
    end = n = put_field(out, n, 3, 's', calls[random % ARRAY_SIZE(calls)].member);
    if (*sig)
        end = n = put_field(out, n, 8, 'g', sig);
    while (n % 8)
        out[n++] = 0;
    memcpy(out, (uint8_t[]){ 'l', 1, 0, 1, *sig ? 4 : 0, 0, 0, 0, 1, 0, 0, 0, (uint8_t)(end - 16), 0, 0, 0 },
           16);
    if (*sig)
        memcpy(out + n, &random, 4);
    return n + (*sig ? 4 : 0);
}

size_t fuzz_sample(uint8_t *out, size_t n_out, uint32_t random)
{
    uint8_t message[512];
    size_t n = 1, n_message = put_call(message, random >> 2);

    (void)n_out; /* 16 KiB */
    out[0] = (uint8_t)(random % 4);
    if (out[0] == 0) {
        memcpy(out + n, handshake, sizeof handshake - 1);
        n += sizeof handshake - 1;
    }
    if (out[0] < 2) {
        memcpy(out + n, message, n_message);
        return n + n_message;
    }
    for (n = 1; n < 400; n++) {
        random = random * 1664525 + 1013904223;
        out[n] = (uint8_t)(random >> 24);
    }
    return n;
}
