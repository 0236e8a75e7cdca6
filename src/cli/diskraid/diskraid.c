/* SPDX-License-Identifier: MIT */
/* diskraid: the shell of Microsoft's DiskRAID for this service. Options, then a terminal or a script. See
 * diskraid(1). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/standard.h"
#include "cli/diskraid/script.h"
#include "cli/diskraid/terminal.h"

struct options {
    const char *script, *output, *socket, *host;
    bool echo;
};

static int usage(FILE *file, int status)
{
    fprintf(
        file,
        "usage: diskraid [/s SCRIPT] [/o OUTPUT] [/v] [--socket PATH | --host HOST]\n\n"
        "Manages storage subsystems of a Virtual Disk Service: from a terminal, or from a script.\n\n"
        "  /s SCRIPT      run the commands of a file; without it, of standard input\n"
        "  /o OUTPUT      write to a file what would go to standard output\n"
        "  /v             show each command of a script before it runs\n"
        "  --socket PATH  where the service listens (default: $VDS_SOCKET, else the system's)\n"
        "  --host HOST    manage another machine, over SSH\n"
        "  /?, --help     this text; --version  the version\n\n"
        "Options may begin with - instead of /. HELP lists the commands.\n\n"
        "Exit codes: 0 done, 1 fatal error, 2 wrong usage, 3 a file cannot be opened, 4 the service failed,\n"
        "5 syntax error or wrong object selected.\n");
    return status;
}

/* "/s", "-S" */
static bool is_short(const char *word, char letter)
{
    char text[2] = { letter, '\0' };

    return (word[0] == '/' || word[0] == '-') && strcasecmp(word + 1, text) == 0;
}

/* "--host", "--host=box": what follows the name, NULL when it is another word. */
static const char *is_long(const char *word, const char *name)
{
    size_t len = strlen(name);

    return strncmp(word, name, len) == 0 && (!word[len] || word[len] == '=') ? word + len : NULL;
}

/* Where the value of an option goes; NULL: it takes none. *ret_rest: "", or "=" and the value. */
static const char **value_of(struct options *o, const char *word, const char **ret_rest)
{
    *ret_rest = "";
    if (is_short(word, 's'))
        return &o->script;
    if (is_short(word, 'o'))
        return &o->output;
    if ((*ret_rest = is_long(word, "--socket")))
        return &o->socket;
    return (*ret_rest = is_long(word, "--host")) ? &o->host : NULL;
}

static int bad_usage(const char *what, const char *word)
{
    fprintf(stderr, "diskraid: %s: %s\n\n", what, word);
    return usage(stderr, STATUS_USAGE);
}

/* The exit code, unless what was printed before has not arrived. */
static int end(int status)
{
    return standard_end() || status != STATUS_DONE ? status : STATUS_FATAL;
}

/* STATUS_DONE, or what to end with. */
static int parse_options(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *rest, **value = value_of(o, argv[i], &rest);

        if (is_short(argv[i], '?') || is_short(argv[i], 'h') || strcmp(argv[i], "--help") == 0)
            exit(end(usage(stdout, STATUS_DONE)));
        if (strcmp(argv[i], "--version") == 0) {
            printf("diskraid %s\n", VDS_VERSION);
            exit(end(STATUS_DONE));
        }
        if (is_short(argv[i], 'v')) {
            o->echo = true;
        } else if (!value) {
            return bad_usage("no such option", argv[i]);
        } else if (*value) {
            return bad_usage("given twice", argv[i]);
        } else if (*rest ? !rest[1] : i + 1 == argc || !*argv[i + 1]) {
            return bad_usage("a value is missing after", argv[i]);
        } else {
            *value = *rest ? rest + 1 : argv[++i];
        }
    }
    return o->socket && o->host ? bad_usage("--socket and --host exclude each other", o->host) : STATUS_DONE;
}

static int cannot_open(const char *path)
{
    fprintf(stderr, "diskraid: cannot open %s: %s\n", path, strerror(errno));
    return STATUS_NO_FILE;
}

static void print_banner(const struct options *o)
{
    char name[256] = "";

    gethostname(name, sizeof name - 1);
    printf("\nvds DiskRAID version %s\nCopyright (C) the vds authors\nOn computer: %s\n\n", VDS_VERSION,
           o->host ? o->host : name);
    fflush(stdout);
}

static int run_interactive(struct shell *shell, const struct options *o)
{
    print_banner(o);
    return shell_connect(shell) == OUTCOME_DONE ? terminal_run(shell) : STATUS_SERVICE;
}

static int run(struct shell *shell, const struct options *o)
{
    FILE *file;
    int status;

    if (!o->script && isatty(STDIN_FILENO))
        return run_interactive(shell, o);
    file = o->script ? fopen(o->script, "re") : stdin;
    if (!file)
        return cannot_open(o->script);
    status = script_run(shell, file, o->script ? o->script : "standard input", o->echo);
    if (o->script)
        fclose(file);
    return status;
}

int main(int argc, char **argv)
{
    struct options options = { 0 };
    struct shell shell = { 0 };
    int status;

    standard_hold();
    status = client_words_are_plain(argc, argv) ? parse_options(argc, argv, &options) : STATUS_USAGE;
    if (status != STATUS_DONE)
        return status;
    if (options.socket)
        setenv("VDS_SOCKET", options.socket, 1);
    if (options.output && !freopen(options.output, "we", stdout))
        return cannot_open(options.output);
    CoInitializeEx(NULL, COINIT_MULTITHREADED);
    shell.host = options.host;
    status = run(&shell, &options);
    shell_disconnect(&shell);
    CoUninitialize();
    return end(status);
}
