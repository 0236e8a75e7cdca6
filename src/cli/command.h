/* SPDX-License-Identifier: MIT */
/* vdsctl's grammar: one table row per verb drives parsing, --help, shell completion and the man page's
 * test. */
#ifndef VDS_CLI_COMMAND_H
#define VDS_CLI_COMMAND_H

#include <stdbool.h>

struct client;

enum exit_code { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_NO_SERVICE = 3 };

#define COMMAND_ARGS_MAX 64

/* What was asked: the words after noun and verb, and the options of the verb. */
struct request {
    const struct command *command;
    int n_args;
    const char *args[COMMAND_ARGS_MAX];
    const char *size, *iqn, *drain, *since, *block_size, *physical_block, *secret_file, *initiator, *interval,
        *count; /* option values, NULL when not given */
    bool thick, now, removable, read_only, memory, force, mutual, clear, once;
    bool json;
    double timeout_s; /* < 0: no limit */
    unsigned given; /* options of the verb: a set of 1 << place in command_options */
};

struct command {
    const char *noun, *verb; /* verb "": the noun stands alone */
    const char *args;        /* "T/TAG PORTAL"; "T..." takes one or more, "[T]" none or one */
    const char *options;     /* which of the verb options it takes: "--size --thick" */
    const char *help;        /* one line */
    int (*run)(struct client *client, const struct request *request); /* an exit_code */
    bool alone;              /* needs no service: `client` is NULL */
    const char *needs;       /* an option that must be there, or what it excludes; NULL: none */
};

extern const struct command commands[];
extern const unsigned n_commands;

/* Options of verbs; value NULL: takes none. Two that exclude each other name each other. */
struct command_option {
    const char *name, *value, *help, *excludes;
};
extern const struct command_option command_options[];
extern const unsigned n_command_options;
bool command_takes(const struct command *command, const char *option);

/* A noun that stands alone is found with any verb. NULL: there is none. */
const struct command *command_find(const char *noun, const char *verb);

/* Parses the words after the global options. EXIT_DONE, or EXIT_USAGE with a sentence on stderr. */
int command_parse(int argc, char **argv, struct request *ret_request);

/* Everything. */
void command_print_help(void);
/* What is asked for with --help behind the words of a command: that one, or all with its noun. EXIT_DONE, or
 * EXIT_USAGE. */
int command_help_on(const char *noun, const char *verb);

#endif
