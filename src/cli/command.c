/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

#include "cli/handlers.h"

const struct command commands[] = {
    { "show", "", "", "", "the whole array as a tree", show_run },
    { "status", "", "", "", "health, versions, limits", status_run },
    { "watch", "", "", "--since", "events as they happen, until Ctrl-C", watch_run },
    { "top", "", "", "--interval --count --once", "what sessions and LUNs do, live", top_run },
    { "explain", "", "INITIATOR T [L]", "",
      "may that initiator log in there and use the LUN? each rule and why", explain_run },
    { "portal", "list", "", "", "portals with status and the groups that hold them", portal_list },
    { "portal", "online", "PORTAL", "", "let a portal serve again", portal_online },
    { "portal", "offline", "PORTAL", "", "drain a portal and stop listening there", portal_offline },
    { "target", "list", "", "", "targets with groups, LUNs and sessions", target_list },
    { "target", "show", "T", "", "one target", target_show },
    { "target", "create", "NAME", "--iqn", "make a target; prints its iSCSI name", target_create },
    { "target", "delete", "T", "", "delete a target and its groups; its LUNs must be detached",
      target_delete },
    { "target", "chap", "T", "--secret-file --initiator --mutual --clear",
      "the secret that initiators must know to log in", target_chap, .needs = "--secret-file" },
    { "discovery", "chap", "", "--secret-file --initiator --mutual --clear",
      "the secret that initiators must know to discover", discovery_chap, .needs = "--secret-file" },
    { "group", "list", "[T]", "", "portal groups with their portals", group_list },
    { "group", "create", "T", "", "make a portal group; prints T/TAG", group_create },
    { "group", "delete", "T/TAG", "", "delete a group that holds no portal", group_delete },
    { "group", "add-portal", "T/TAG PORTAL", "", "serve the target through that portal", group_add_portal },
    { "group", "remove-portal", "T/TAG PORTAL", "--drain --now",
      "drain the portal for this target, then take it out", group_remove_portal },
    { "group", "move", "T/TAG PORTAL T/TAG", "--drain --now",
      "take a portal out of one group and into another, or leave both alone", group_move },
    { "group", "set", "T/TAG PORTAL...", "--drain --now",
      "serve through exactly these portals: adds, drains, or changes nothing", group_set },
    { "lun", "list", "", "", "LUNs with size, space, targets and who may use them", lun_list },
    { "lun", "create", "NAME",
      "--size --thick --removable --read-only --memory --block-size --physical-block",
      "make a LUN, masked from everyone", lun_create, .needs = "--size" },
    { "lun", "extend", "L SIZE", "", "make a LUN larger: SIZE is what it will have", lun_extend },
    { "lun", "shrink", "L SIZE", "--force", "make a LUN smaller; refused while there is data in what goes",
      lun_shrink },
    { "lun", "delete", "L", "", "delete a LUN and its data; it must be detached", lun_delete },
    { "lun", "attach", "L T...", "", "tie a LUN to targets", lun_attach },
    { "lun", "detach", "L T...", "", "untie a LUN from targets", lun_detach },
    { "lun", "allow", "L IQN...", "", "let initiators use it ('*': all)", lun_allow },
    { "lun", "deny", "L [IQN...]", "", "take initiators off its list (none named: all)", lun_deny },
    { "session", "list", "", "", "who is connected, over what", session_list },
    { "session", "drop", "S", "", "end a session", session_drop },
    { "bridge", "", "", "", "connect standard input and output to the service: the far end of --host",
      bridge_run, true },
    { "completion", "", "SHELL", "", "the script that completes vdsctl's words in bash or zsh",
      completion_run, true },
    { "complete", "", "WORD...", "", "what may stand for the last word: asked by that script", complete_run,
      true },
};
const unsigned n_commands = sizeof commands / sizeof commands[0];

/* ---- options of verbs ------------------------------------------------------------------------------ */

const struct command_option command_options[] = {
    { "--size", "SIZE", "bytes, or with K M G T (powers of 1,024)" },
    { "--thick", NULL, "allocate every block now" },
    { "--removable", NULL, "its medium can be ejected" },
    { "--read-only", NULL, "initiators cannot write" },
    { "--memory", NULL, "keep it in memory: empty after every start of vdsd" },
    { "--block-size", "BYTES", "512 (default) or 4096" },
    { "--physical-block", "BYTES", "what hosts align to, up to 65536 (default: the block size)" },
    { "--force", NULL, "cut off data, too" },
    { "--secret-file", "FILE", "12 to 16 bytes; '-' reads standard input", "--clear" },
    { "--initiator", "IQN", "for this initiator only" },
    { "--mutual", NULL, "the secret that the array proves itself with" },
    { "--clear", NULL, "take the secret away", "--secret-file" },
    { "--iqn", "IQN", "iSCSI name; made up when not given" },
    { "--drain", "SECONDS", "how long initiators may take to leave; 0 = at once", "--now" },
    { "--now", NULL, "as --drain 0", "--drain" },
    { "--interval", "S", "seconds between two looks, 0.1 to 3600 (default: 1)" },
    { "--count", "N", "end after so many", "--once" },
    { "--once", NULL, "one interval, as text", "--count" },
    { "--since", "N", "begin after event N, or with all that are kept (0)" },
};
const unsigned n_command_options = sizeof command_options / sizeof command_options[0];

static bool word_in(const char *word, const char *list)
{
    const char *at = strstr(list, word);
    size_t len = strlen(word);

    return at && (at == list || at[-1] == ' ') && (at[len] == '\0' || at[len] == ' ');
}

bool command_takes(const struct command *command, const char *option)
{
    return word_in(option, command->options);
}

static void set_option(struct request *request, const char *name, const char *value)
{
    const struct {
        const char *name, **value;
        bool *flag;
    } fields[] = {
        { "--size", &request->size, NULL },
        { "--iqn", &request->iqn, NULL },
        { "--drain", &request->drain, NULL },
        { "--since", &request->since, NULL },
        { "--interval", &request->interval, NULL },
        { "--count", &request->count, NULL },
        { "--once", NULL, &request->once },
        { "--block-size", &request->block_size, NULL },
        { "--physical-block", &request->physical_block, NULL },
        { "--secret-file", &request->secret_file, NULL },
        { "--initiator", &request->initiator, NULL },
        { "--thick", NULL, &request->thick },
        { "--removable", NULL, &request->removable },
        { "--read-only", NULL, &request->read_only },
        { "--memory", NULL, &request->memory },
        { "--force", NULL, &request->force },
        { "--mutual", NULL, &request->mutual },
        { "--clear", NULL, &request->clear },
        { "--now", NULL, &request->now },
    };

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(name, fields[i].name) != 0)
            continue;
        if (fields[i].value)
            *fields[i].value = value;
        else
            *fields[i].flag = true;
    }
}

/* The place of the option with that name in command_options; n_command_options: of none. */
static unsigned find_option(const char *name, size_t len)
{
    unsigned k = 0;

    while (k < n_command_options &&
           (strlen(command_options[k].name) != len || strncmp(name, command_options[k].name, len) != 0))
        k++;
    return k;
}

/* The other one of two that exclude each other, if the command takes it; n_command_options: there is none. */
static unsigned option_against(const struct command *command, unsigned k)
{
    const char *other = command_options[k].excludes;

    return other && command_takes(command, other) ? find_option(other, strlen(other)) : n_command_options;
}

static size_t append_option(char *line, size_t size, size_t at, unsigned k)
{
    const struct command_option *o = &command_options[k];

    return at + (size_t)snprintf(line + at, size - at, "%s%s%s", o->name, o->value ? " " : "",
                                 o->value ? o->value : "");
}

#define LINE_SIZE 256 /* the longest has half of that */

/* "lun shrink L SIZE [--force]". */
static void command_line(const struct command *command, char line[static LINE_SIZE])
{
    size_t at = (size_t)snprintf(line, LINE_SIZE, "%s%s%s%s%s", command->noun, *command->verb ? " " : "",
                                 command->verb, *command->args ? " " : "", command->args);

    for (unsigned k = 0; k < n_command_options; k++) {
        unsigned other = option_against(command, k);
        bool needed = command->needs && strcmp(command->needs, command_options[k].name) == 0,
             two = other < n_command_options;

        if (!command_takes(command, command_options[k].name) || other < k)
            continue;
        at += (size_t)snprintf(line + at, LINE_SIZE - at, !needed ? " [" : two ? " {" : " ");
        at = append_option(line, LINE_SIZE, at, k);
        if (two) {
            at += (size_t)snprintf(line + at, LINE_SIZE - at, " | ");
            at = append_option(line, LINE_SIZE, at, other);
        }
        at += (size_t)snprintf(line + at, LINE_SIZE - at, !needed ? "]" : two ? "}" : "");
    }
}

static void print_command(FILE *out, const struct command *command)
{
    char line[LINE_SIZE];

    command_line(command, line);
    fprintf(out,
            strlen(line) <= 40 ? "  %-40s  %s\n" : "  %s\n                                            %s\n",
            line, command->help);
}

static void print_commands(FILE *out, const char *noun)
{
    for (unsigned i = 0; i < n_commands; i++) {
        if (!noun || strcmp(noun, commands[i].noun) == 0)
            print_command(out, &commands[i]);
    }
}

static int usage(const struct command *command, const char *what, const char *word)
{
    char line[LINE_SIZE];

    fprintf(stderr, "vdsctl: %s%s%s\n", what, *word ? ": " : "", word);
    if (!command) {
        fprintf(stderr, "Try 'vdsctl --help'.\n");
        return EXIT_USAGE;
    }
    command_line(command, line);
    fprintf(stderr, "usage: vdsctl %s\n", line);
    return EXIT_USAGE;
}

/* Takes one "--name value" or "--name=value"; moves *i past it. */
static int parse_option(int argc, char **argv, int *i, struct request *request)
{
    const char *word = argv[*i];
    size_t len = strcspn(word, "=");
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    unsigned k = find_option(word, len), other;
    const struct command_option *option = &command_options[k];

    if (k == n_command_options)
        return usage(request->command, "no such option", word);
    if (!command_takes(request->command, option->name))
        return usage(request->command, "this command does not take", option->name);
    if (option->value && !value && *i + 1 < argc)
        value = argv[++*i];
    if (option->value ? !value || !*value : value != NULL)
        return usage(request->command, option->value ? "a value is missing after" : "no value goes with",
                     option->name);
    other = option_against(request->command, k);
    if (other < n_command_options && request->given & 1u << other)
        return usage(request->command, "this does not go with what stands before it", option->name);
    request->given |= 1u << k;
    set_option(request, option->name, value);
    return EXIT_DONE;
}

/* ---- arguments ------------------------------------------------------------------------------------- */

/* How many words a pattern such as "L T..." or "[T]" takes. */
static void count_args(const char *pattern, int *ret_least, int *ret_most)
{
    int least = 0, most = 0;

    for (const char *p = pattern; *p; p += strcspn(p, " "), p += strspn(p, " ")) {
        size_t len = strcspn(p, " ");

        least += *p != '[';
        most = strstr(p, "...") && strstr(p, "...") < p + len ? COMMAND_ARGS_MAX : most + 1;
    }
    *ret_least = least;
    *ret_most = most;
}

const struct command *command_find(const char *noun, const char *verb)
{
    for (unsigned i = 0; i < n_commands; i++) {
        if (strcmp(commands[i].noun, noun) == 0 &&
            (*commands[i].verb == '\0' || strcmp(commands[i].verb, verb) == 0))
            return &commands[i];
    }
    return NULL;
}

static bool noun_exists(const char *noun)
{
    for (unsigned i = 0; i < n_commands; i++) {
        if (strcmp(commands[i].noun, noun) == 0)
            return true;
    }
    return false;
}

static int no_such_command(const char *noun, const char *verb)
{
    if (!noun_exists(noun))
        return usage(NULL, "no such command", noun);
    fprintf(stderr, *verb ? "vdsctl: no such command: %s %s\n" : "vdsctl: a command is missing behind %s%s\n",
            noun, verb);
    print_commands(stderr, noun);
    return EXIT_USAGE;
}

/* The words behind noun and verb. */
static int parse_words(int argc, char **argv, int i, struct request *request)
{
    for (bool only_args = false; i < argc; i++) {
        if (!only_args && strcmp(argv[i], "--") == 0) {
            only_args = true;
        } else if (!only_args && strcmp(argv[i], "--json") == 0) {
            request->json = true;
        } else if (!only_args && argv[i][0] == '-' && argv[i][1]) {
            int r = parse_option(argc, argv, &i, request);

            if (r != EXIT_DONE)
                return r;
        } else if (request->n_args == COMMAND_ARGS_MAX) {
            return usage(request->command, "too many arguments", argv[i]);
        } else {
            request->args[request->n_args++] = argv[i];
        }
    }
    return EXIT_DONE;
}

static int check_words(const struct request *request)
{
    const struct command *command = request->command;
    unsigned k = command->needs ? find_option(command->needs, strlen(command->needs)) : n_command_options;
    int least, most;

    count_args(command->args, &least, &most);
    if (request->n_args < least)
        return usage(command, "an argument is missing", "");
    if (request->n_args > most)
        return usage(command, "one argument too many", request->args[most]);
    for (int i = 0; i < request->n_args && !command->alone; i++) {
        if (!*request->args[i])
            return usage(command, "an argument is empty", "");
    }
    if (k < n_command_options && !(request->given & 1u << k) &&
        (option_against(command, k) == n_command_options ||
         !(request->given & 1u << option_against(command, k))))
        return usage(command, "this option is missing", command->needs);
    return EXIT_DONE;
}

int command_parse(int argc, char **argv, struct request *ret_request)
{
    struct request request = *ret_request;
    int r;

    if (argc < 1)
        return usage(NULL, "a command is missing", "");
    request.command = command_find(argv[0], argc > 1 ? argv[1] : "");
    if (!request.command)
        return no_such_command(argv[0], argc > 1 ? argv[1] : "");
    r = parse_words(argc, argv, *request.command->verb ? 2 : 1, &request);
    if (r == EXIT_DONE)
        r = check_words(&request);
    if (r != EXIT_DONE)
        return r;
    *ret_request = request;
    return EXIT_DONE;
}

/* ---- help ------------------------------------------------------------------------------------------ */

static void print_option(const struct command_option *option)
{
    printf("  %s %-*s  %s\n", option->name, (int)(22 - strlen(option->name)),
           option->value ? option->value : "", option->help);
}

void command_print_help(void)
{
    printf("usage: vdsctl [--socket PATH | --host HOST] [--json] [--timeout S] COMMAND\n\n"
           "Manages a vds array.\n\nCommands:\n");
    print_commands(stdout, NULL);
    printf("\nT and L are names or GUIDs, TAG the group's tag, PORTAL address[:port] or a GUID.\n\nOptions "
           "of commands:\n");
    for (unsigned k = 0; k < n_command_options; k++)
        print_option(&command_options[k]);
    printf("\nOptions:\n"
           "  --socket PATH  where the service listens (default: $VDS_SOCKET, else the system's)\n"
           "  --host HOST    manage the array of another machine over SSH\n"
           "  --json         machine-readable output\n"
           "  --timeout S    wait at most S seconds for the service and for an operation\n"
           "  -h, --help     this text, or behind a command what it takes; --version  the version\n"
           "\nExit codes: 0 done, 1 refused, 2 usage, 3 no service.\n");
}

int command_help_on(const char *noun, const char *verb)
{
    const struct command *command = command_find(noun, verb);
    char line[LINE_SIZE];

    if (!command && (*verb || !noun_exists(noun)))
        return no_such_command(noun, verb);
    if (!command) {
        print_commands(stdout, noun);
        return EXIT_DONE;
    }
    command_line(command, line);
    printf("usage: vdsctl %s\n\n  %s\n", line, command->help);
    if (*command->options)
        printf("\n");
    for (unsigned k = 0; k < n_command_options; k++) {
        if (command_takes(command, command_options[k].name))
            print_option(&command_options[k]);
    }
    return EXIT_DONE;
}
