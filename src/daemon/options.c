/* SPDX-License-Identifier: MIT */
#include "daemon/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/plain.h"

enum kind { TEXT, LIST, NUMBER, FLAG, LEVEL };

static const struct row {
    const char *name, *value; /* value NULL: a flag */
    enum kind kind;
    size_t field;
    uint32_t least, most;
    const char *help;
} rows[] = {
#define AT(field) offsetof(struct options, field)
    { "state", "DIR", TEXT, AT(state), 0, 0,
      "where the array lives (default: $STATE_DIRECTORY or /var/lib/vds)" },
    { "drive", "DIR", LIST, AT(drives), 0, 0,
      "a place for LUN data; may be given again (default: drive0 in the state directory)" },
    { "portal", "ADDR[:PORT]", LIST, AT(portals), 0, 0,
      "serve here; may be given again (default: every address of this host)" },
    { "port", "N", NUMBER, AT(port), 1, 65535, "port of portals that name none (default: 3260)" },
    { "socket", "PATH", TEXT, AT(socket), 0, 0, "management socket (default: $VDS_SOCKET or the system's)" },
    { "socket-group", "GROUP", TEXT, AT(socket_group), 0, 0,
      "members of GROUP may manage the array (socket mode 0660; default: 0600)" },
    { "readers", NULL, FLAG, AT(readers), 0, 0,
      "every user of this host may look, but not change (socket mode 0666)" },
    { "max-clients", "N", NUMBER, AT(max_clients), 1, 100000,
      "management connections at once (default: 256)" },
    { "provider", "FILE[,CLSID]", LIST, AT(providers), 0, 0,
      "load another VDS hardware provider; may be given again" },
    { "provider-seconds", "N", NUMBER, AT(provider_seconds), 1, 3600,
      "time for a provider to load (default: 10)" },
    { "replay", "N", NUMBER, AT(replay), 1, 1000000,
      "notifications kept for clients that come late (default: 4096)" },
    { "reactors", "N", NUMBER, AT(reactors), 1, 1024, "I/O threads (default: one per CPU)" },
    { "spin-us", "N", NUMBER, AT(spin_us), 0, 1000, "busy-poll so long before sleeping (default: 0)" },
    { "epoll", NULL, FLAG, AT(epoll), 0, 0, "use epoll even where io_uring works" },
    { "drain", "SECONDS", NUMBER, AT(drain_seconds), 1, 86400,
      "how long initiators may take to leave a portal (default: 15)" },
    { "max-groups", "N", NUMBER, AT(max_groups), 1, 65535,
      "portal groups a target may have (default: 65535)" },
    { "max-connections", "N", NUMBER, AT(max_connections), 1, 1000000,
      "iSCSI connections in all (default: 4096)" },
    { "max-connections-per-source", "N", NUMBER, AT(max_connections_per_source), 1, 1000000,
      "and from one address (default: 1024)" },
    { "login-seconds", "N", NUMBER, AT(login_seconds), 1, 3600, "time for a login (default: 15)" },
    { "keepalive", "SECONDS", NUMBER, AT(keepalive_seconds), 1, 3600,
      "ping initiators that are quiet for so long (default: 15)" },
    { "buffer-mib", "N", NUMBER, AT(buffer_mib), 16, 1048576,
      "memory for data in flight, per reactor (default: 256)" },
    { "memory-mib", "N", NUMBER, AT(memory_mib), 1, 1048576,
      "size of all LUNs that live in memory (default: 1024)" },
    { "system-bus", NULL, FLAG, AT(system_bus), 0, 0, "serve on the D-Bus system bus too" },
    { "log-level", "LEVEL", LEVEL, AT(log_level), 0, 0, "error, warning, info or debug (default: info)" },
#undef AT
};

static void print_help(void)
{
    printf("usage: vdsd [OPTION]...\n\nServes an iSCSI disk array and its management interface; runs in the "
           "foreground.\n\n");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char left[64];

        snprintf(left, sizeof left, "--%s%s%s", rows[i].name, rows[i].value ? " " : "",
                 rows[i].value ? rows[i].value : "");
        printf("  %-30s  %s\n", left, rows[i].help);
    }
    printf("  %-30s  %s\n  %-30s  %s\n", "--help", "this text", "--version", "the version");
    printf("\nSIGTERM and SIGINT end it; running operations are brought to a point that survives. See "
           "vdsctl(1).\n");
}

static int bad(const char *what, const char *word)
{
    char shown[256];

    text_show(word, shown, sizeof shown);
    fprintf(stderr, "vdsd: %s: %s\nTry 'vdsd --help'.\n", what, shown);
    return -1;
}

static int set_number(const struct row *row, void *field, const char *value)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(value, &end, 10);
    if (errno || *value < '0' || *value > '9' || *end || n < row->least || n > row->most) {
        fprintf(stderr, "vdsd: --%s takes a number from %u to %u, not '%s'\n", row->name, row->least,
                row->most, value);
        return -1;
    }
    *(uint32_t *)field = (uint32_t)n;
    return 0;
}

static int set(const struct row *row, struct options *options, const char *value)
{
    void *field = (char *)options + row->field;
    struct option_list *list = field;

    switch (row->kind) {
    case TEXT:
        *(const char **)field = value;
        return 0;
    case LIST:
        if (list->n == OPTIONS_LIST_MAX)
            return bad("given too often", row->name);
        list->items[list->n++] = value;
        return 0;
    case NUMBER:
        return set_number(row, field, value);
    case FLAG:
        *(bool *)field = true;
        return 0;
    case LEVEL:
        return log_level_parse(value, field) < 0 ? bad("no such log level", value) : 0;
    }
    return -1;
}

static const struct row *find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (strlen(rows[i].name) == len && strncmp(rows[i].name, name, len) == 0)
            return &rows[i];
    }
    return NULL;
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
    struct options options = { .log_level = LOG_LEVEL_INFO };

    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *value;
        size_t len;
        const struct row *row;

        if (!text_is_plain(word))
            return bad("control characters, or not UTF-8", word);
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_help();
            return 1;
        }
        if (strcmp(word, "--version") == 0) {
            printf("vdsd %s\n", VDS_VERSION);
            return 1;
        }
        if (strncmp(word, "--", 2) != 0)
            return bad("unexpected argument", word);
        word += 2;
        len = strcspn(word, "=");
        row = find(word, len);
        if (!row)
            return bad("no such option", argv[i]);
        value = word[len] ? word + len + 1 : NULL;
        if (row->value && !value && i + 1 < argc)
            value = argv[++i];
        if (value && !text_is_plain(value))
            return bad("control characters, or not UTF-8", value);
        if (row->value ? !value || !*value : value != NULL)
            return bad(row->value ? "a value is missing after" : "no value goes with", argv[i]);
        if (set(row, &options, value) < 0)
            return -1;
    }
    *ret_options = options;
    return 0;
}
