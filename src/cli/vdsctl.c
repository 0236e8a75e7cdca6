/* SPDX-License-Identifier: MIT */
/* vdsctl: the administrator's tool. Global options, then one command of the table in command.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vds/vdsclient.h>

#include "base/standard.h"
#include "cli/client.h"
#include "cli/handlers.h"

struct globals {
    const char *socket, *host;
    double timeout_s;
    bool json;
};

static int bad(const char *what, const char *word)
{
    fprintf(stderr, "vdsctl: %s: %s\nTry 'vdsctl --help'.\n", what, word);
    return EXIT_USAGE;
}

/* The value of "--name VALUE" or "--name=VALUE"; NULL: it is another word. */
static const char *value_of(const char *name, int argc, char **argv, int *i)
{
    size_t len = strlen(name);

    if (strncmp(argv[*i], name, len) != 0)
        return NULL;
    if (argv[*i][len] == '=')
        return argv[*i] + len + 1;
    if (argv[*i][len] || *i + 1 >= argc)
        return NULL;
    return argv[++*i];
}

/* The exit code, unless what was printed before has not arrived. */
static int end(int r)
{
    return standard_end() || r != EXIT_DONE ? r : EXIT_REFUSED;
}

/* Takes the options before the command. EXIT_DONE and *ret_first = the command's place, or the code to end with. */
static int parse_globals(int argc, char **argv, struct globals *g, int *ret_first)
{
    int i;

    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        const char *value;

        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            command_print_help(NULL);
            exit(end(EXIT_DONE));
        } else if (strcmp(argv[i], "--version") == 0) {
            printf("vdsctl %s\n", VDS_VERSION);
            exit(end(EXIT_DONE));
        } else if (strcmp(argv[i], "--json") == 0) {
            g->json = true;
        } else if ((value = value_of("--socket", argc, argv, &i))) {
            g->socket = value;
        } else if ((value = value_of("--host", argc, argv, &i))) {
            g->host = value;
        } else if ((value = value_of("--timeout", argc, argv, &i))) {
            if (!client_seconds("--timeout", value, 0.001, 1e6, &g->timeout_s))
                return EXIT_USAGE;
        } else {
            return bad("no such option, or its value is missing", argv[i]);
        }
    }
    if (g->socket && g->host)
        return bad("--socket and --host exclude each other", g->host);
    *ret_first = i;
    return EXIT_DONE;
}

int bridge_run(struct client *client, const struct request *request)
{
    (void)client;
    (void)request;
    return vds_bridge(STDIN_FILENO, STDOUT_FILENO) < 0 ? EXIT_NO_SERVICE : EXIT_DONE;
}

static int run(const struct globals *globals, const struct request *request)
{
    struct client client = { .timeout_s = globals->timeout_s };
    int r = client_open(&client, globals->host, globals->timeout_s);

    if (r == EXIT_DONE)
        r = request->command->run(&client, request);
    client_close(&client);
    return r;
}

int main(int argc, char **argv)
{
    struct globals globals = { .timeout_s = -1 };
    struct request request = { 0 };
    int first, r;

    standard_hold();
    if (!client_words_are_plain(argc, argv))
        return EXIT_USAGE;
    r = parse_globals(argc, argv, &globals, &first);
    if (r != EXIT_DONE)
        return r;
    if (argc - first > 1 && strcmp(argv[argc - 1], "--help") == 0) {
        command_print_help(argv[first]);
        return end(EXIT_DONE);
    }
    request.json = globals.json;
    request.timeout_s = globals.timeout_s;
    r = command_parse(argc - first, argv + first, &request);
    if (r != EXIT_DONE)
        return r;
    if (globals.socket)
        setenv("VDS_SOCKET", globals.socket, 1);
    CoInitializeEx(NULL, COINIT_MULTITHREADED);
    r = request.command->alone ? request.command->run(NULL, &request) : run(&globals, &request);
    CoUninitialize();
    return end(r);
}
