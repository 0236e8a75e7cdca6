/* SPDX-License-Identifier: MIT */
/* vdsctl: the administrator's tool. Global options, then one command of the table in command.c. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
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

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* The value of "--name VALUE" or "--name=VALUE"; NULL: it is another word, or there is nothing in the
 * value. */
static const char *value_of(const char *name, int argc, char **argv, int *i)
{
    size_t len = strlen(name);
    const char *value = NULL;

    if (strncmp(argv[*i], name, len) != 0)
        return NULL;
    if (argv[*i][len] == '=')
        value = argv[*i] + len + 1;
    else if (!argv[*i][len] && *i + 1 < argc && *argv[*i + 1])
        value = argv[++*i];
    return value && *value ? value : NULL;
}

/* The exit code, unless what was printed before has not arrived. */
static int end(int r)
{
    return standard_end() || r != EXIT_DONE ? r : EXIT_REFUSED;
}

/* Takes the options before the command. EXIT_DONE and *ret_first = the command's place, or the code to end
 * with. */
static int parse_globals(int argc, char **argv, struct globals *g, int *ret_first)
{
    int i;

    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        const char *value;

        if (is_help(argv[i])) {
            command_print_help();
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

/* --help behind the first word of a command. */
static bool help_is_asked(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_help(argv[i]))
            return true;
    }
    return false;
}

int bridge_run(struct client *client, const struct request *request)
{
    int r = vds_bridge(STDIN_FILENO, STDOUT_FILENO);

    (void)client;
    (void)request;
    if (r < 0) /* ssh carries it to the caller */
        fprintf(stderr, "vdsctl: no service: %s\n", r == -ECONNREFUSED ? vds_error_text() : strerror(-r));
    return r < 0 ? EXIT_NO_SERVICE : EXIT_DONE;
}

static void on_alarm(int signo)
{
    static const char text[] = "vdsctl: no service: it has not answered within --timeout\n";

    (void)signo;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(EXIT_NO_SERVICE);
}

/* Ends the program when it is not called again with 0 within so many seconds. */
static void watch_over(double seconds)
{
    struct itimerval timer = { .it_value = { (time_t)seconds,
                                             (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6) } };

    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static int run(const struct globals *globals, const struct request *request)
{
    struct client client = { .timeout_s = globals->timeout_s };
    int r;

    if (globals->timeout_s > 0)
        /* who does not answer; client_open() gives up by itself on who is not there */
        watch_over(globals->timeout_s + 1);
    r = client_open(&client, globals->host, globals->timeout_s);
    watch_over(0);
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
    if (help_is_asked(argc - first, argv + first))
        return end(command_help_on(argv[first], argv[first + 1][0] == '-' ? "" : argv[first + 1]));
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
