/* SPDX-License-Identifier: MIT */
/* DiskRAID's grammar: the table of commands (commands.c) drives parsing, HELP, completion and the tests.
 * Pure: words in, request out.
 *
 * Upper and lower case do not matter. A command, an object or an argument's keyword may be cut short, to
 * three letters or to what tells it from its neighbours. Arguments are keyword=value pairs, flag words and,
 * for a few commands, plain values in their order. */
#ifndef VDS_CLI_DISKRAID_GRAMMAR_H
#define VDS_CLI_DISKRAID_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/diskraid/token.h"

struct shell;

/* clang-format off */
/* Kinds of objects, in the order in which the manual lists them. Plexes are numbered, but never in focus. */
enum kind {
    KIND_HBAPORT, KIND_IADAPTER, KIND_IPORTAL, KIND_PROVIDER, KIND_SUBSYSTEM, KIND_CONTROLLER, KIND_PORT,
    KIND_DRIVE, KIND_LUN, KIND_TPORTAL, KIND_TARGET, KIND_TPGROUP, KIND_PLEX, N_KINDS,
    KIND_NONE = -1,
};
#define KIND_BIT(kind) (1u << (kind))

enum arg {
    /* flag words */
    ARG_NOERR, ARG_UNINSTALL, ARG_VERBOSE, ARG_ADD, ARG_ALL, ARG_NONE, ARG_IPS, ARG_EMP, ARG_EHD, ARG_EDD,
    /* keyword=value */
    ARG_SIZE, ARG_STRIPESIZE, ARG_DRIVES, ARG_DRIVE, ARG_LUN, ARG_PLEX, ARG_COUNT, ARG_TARGET, ARG_TPORTAL,
    ARG_IPORTAL, ARG_IADAPTER, ARG_NAME, ARG_ISCSINAME, ARG_SECRET, ARG_INITIATOR, ARG_INITIATORS, ARG_WWN,
    ARG_LOGIN_TYPE, ARG_CHAP, ARG_HOTSPARE, ARG_POLICY, ARG_PATHS,
    /* plain values */
    ARG_NUMBER, ARG_NUMBERS, ARG_PAIRS, ARG_NEW_NAME, ARG_OPERATION, ARG_FLAGS, ARG_COMMAND,
    N_ARGS,
};
/* clang-format on */
#define ARG_BIT(arg) (1ull << (arg))
_Static_assert(N_ARGS <= 64, "one word holds a set of arguments");

enum arg_type {
    ARG_TYPE_FLAG,
    ARG_TYPE_NUMBER,
    ARG_TYPE_NUMBERS, /* n,n,... */
    ARG_TYPE_PAIRS,   /* n-m,n-m,... */
    ARG_TYPE_SIZE,    /* megabytes, or with a unit */
    ARG_TYPE_TEXT,
    ARG_TYPE_EMPTY, /* text that may be empty: secret= */
    ARG_TYPE_TEXTS, /* text;text;... */
    ARG_TYPE_CHOICE,
    ARG_TYPE_PATHS, /* n-primary,n-weight,... */
    ARG_TYPE_WORDS, /* all words that are left */
};

struct arg_def {
    const char *keyword; /* NULL: a plain value */
    enum arg_type type;
    const char *meaning;        /* for sentences: "a size, such as 64KB" */
    const char *const *choices; /* ARG_TYPE_CHOICE, NULL at the end; the value is the index */
    const char *shape;          /* for usage lines, where it is not the type's */
};
extern const struct arg_def arg_defs[N_ARGS];

#define PATH_PRIMARY UINT32_MAX /* item.second of "3-primary" */
struct item {
    uint32_t first, second;
};
#define ITEMS_MAX (LINE_LENGTH_MAX / 2)

struct request {
    const struct command *command;
    const struct form *form;
    uint64_t given; /* set of ARG_BIT */
    struct {
        uint64_t number; /* number, size in bytes, index of the choice */
        const char *text;
        unsigned first, n; /* of `items`, or of the words for ARG_TYPE_WORDS */
    } value[N_ARGS];
    struct item items[ITEMS_MAX];
    unsigned n_items;
    struct tokens tokens;
    char joined[LINE_LENGTH_MAX + TOKENS_MAX]; /* lists written with blanks in them, put together */
    size_t n_joined;
};

static inline bool request_has(const struct request *request, enum arg arg)
{
    return request->given & ARG_BIT(arg);
}

#define FORM_ARGS_MAX 12
struct form {
    const char *words; /* after the command: "lun simple"; "" for none */
    enum kind object;  /* what it is about, for handlers that serve several kinds */
    uint64_t required; /* these arguments must be there */
    uint64_t any_of;   /* at least one of these */
    uint64_t one_of;   /* not two of these */
    unsigned focus;    /* set of KIND_BIT that must have focus */
    int (*run)(struct shell *shell, const struct request *request); /* an enum outcome */
    unsigned n_args;
    enum arg args[FORM_ARGS_MAX]; /* what it takes, plain values in their order */
};

struct command {
    const char *name;
    unsigned least; /* letters by which it may be called */
    const struct form *forms;
    unsigned n_forms;
    const char *help;
};
extern const struct command commands[];
extern const unsigned n_commands;

struct grammar_error {
    const struct command *command; /* NULL: not even that */
    const struct form *form;       /* NULL: none of the command's */
    char text[200];                /* a sentence without a full stop */
};

/* Parses a line. 0: ret_request->command is NULL for an empty line or comment. -1: a syntax error, told in
 * *ret_error. grammar_wipe() when done: a line may hold a secret. */
int grammar_parse(const char *line, size_t len, struct request *ret_request, struct grammar_error *ret_error);
void grammar_wipe(struct request *request);

/* The command meant by a word, NULL when none is. */
const struct command *grammar_find(const char *word);

/* "10", "10GB", ".5tb": megabytes, or the unit that follows directly. 0, or -1 for anything else, less than a
 * byte, 2^63 and more. */
int size_parse_units(const char *text, uint64_t *ret_bytes);

/* "CREATE LUN SIMPLE [SIZE=<n>] ...", without a newline, cut at `size`. */
void grammar_usage(const struct command *command, const struct form *form, char *text, size_t size);

/* Calls found(arg, word) for everything that could stand where the line ends, in place of its last,
 * unfinished word, whose start is returned as an offset into the line. A word that takes a value ends in '='.
 */
size_t grammar_complete(const char *line, size_t len, void (*found)(void *arg, const char *word), void *arg);

#endif
