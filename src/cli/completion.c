/* SPDX-License-Identifier: MIT */
/* vdsctl completion: the scripts for bash and zsh. vdsctl complete: what they ask, answered from the command
 * table and from the running array. A shell waits for the answer: nothing is said on failure, and no other
 * machine is asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/handlers.h"
#include "cli/model.h"

/* ---- the scripts ----------------------------------------------------------------------------------- */

/* bash breaks words at colons and replaces only what stands behind the last one. Words are cut here as it
 * cuts them, but for that; what they say without quotation marks and backslashes is asked for, and the answer
 * quoted. Files are bash's own business. */
static const char bash_script[] =
    "# bash completion for vdsctl; made by 'vdsctl completion bash'\n"
    "_vdsctl()\n"
    "{\n"
    "    local line=${COMP_LINE:0:COMP_POINT} words=() cur i\n"
    "    local "
    "word=$'^[[:space:]]*(([^[:space:]\\'\"\\\\\\\\]|\\\\\\\\.|\\'[^\\']*(\\'|$)|\"([^\"\\\\\\\\]|\\\\\\\\.)*"
    "(\"|$))+)'\n"
    "    while [[ $line =~ $word ]]; do\n"
    "        words+=(\"${BASH_REMATCH[1]}\")\n"
    "        line=${line:${#BASH_REMATCH[0]}}\n"
    "    done\n"
    "    [[ -n $line ]] && words+=(\"\")\n"
    "    cur=${words[-1]}\n"
    "    case ${words[-2]} in\n"
    "    --secret-file | --socket) compopt -o default; return ;;\n"
    "    esac\n"
    "    words=(\"${words[@]//[\\\\\\'\\\"]/}\")\n"
    "    mapfile -t COMPREPLY < <(\"${words[0]}\" complete -- \"${words[@]:1}\" 2>/dev/null)\n"
    "    for i in \"${!COMPREPLY[@]}\"; do\n"
    "        [[ $cur == [\\'\\\"]* || ${COMPREPLY[i]} == \\[*\\]:* ]] || printf -v \"COMPREPLY[i]\" %q "
    "\"${COMPREPLY[i]}\"\n"
    "    done\n"
    "    COMPREPLY=(\"${COMPREPLY[@]#\"${cur%\"${cur##*:}\"}\"}\")\n"
    "}\n"
    "complete -F _vdsctl vdsctl\n";

static const char zsh_script[] =
    "#compdef vdsctl\n"
    "# zsh completion for vdsctl; made by 'vdsctl completion zsh'\n"
    "_vdsctl()\n"
    "{\n"
    "    local -a found\n"
    "    case ${words[CURRENT-1]} in\n"
    "    --secret-file | --socket) _files; return ;;\n"
    "    esac\n"
    "    found=(\"${(@f)$(\"${words[1]}\" complete -- \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
    "    [[ -n ${found[1]} ]] && compadd -- \"${found[@]}\"\n"
    "}\n"
    "_vdsctl \"$@\"\n";

static const struct {
    const char *shell, *script;
} scripts[] = { { "bash", bash_script }, { "zsh", zsh_script } };

int completion_run(struct client *client, const struct request *request)
{
    (void)client;
    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
        if (strcmp(scripts[i].shell, request->args[0]) == 0) {
            fputs(scripts[i].script, stdout);
            return EXIT_DONE;
        }
    }
    fprintf(stderr, "vdsctl: no completion for '%s'; there is one for bash and one for zsh\n",
            request->args[0]);
    return EXIT_USAGE;
}

/* ---- candidates ------------------------------------------------------------------------------------ */

static void offer(const char *candidate, const char *begun)
{
    if (strncmp(candidate, begun, strlen(begun)) == 0)
        puts(candidate);
}

static void offer_portals(const struct model *model, const char *begun)
{
    for (size_t i = 0; i < model->n_portals; i++)
        offer(model->portals[i].address, begun);
}

static void offer_targets(const struct model *model, const char *begun)
{
    for (size_t i = 0; i < model->n_targets; i++)
        offer(model->targets[i].name, begun);
}

static void offer_groups(const struct model *model, const char *begun)
{
    for (size_t i = 0; i < model->n_groups; i++) {
        const struct target *target = model_target(model, &model->groups[i].target);
        _cleanup_(freep) char *text = NULL;

        if (target && asprintf(&text, "%s/%u", target->name, model->groups[i].tag) > 0)
            offer(text, begun);
    }
}

static void offer_luns(const struct model *model, const char *begun)
{
    for (size_t i = 0; i < model->n_luns; i++)
        offer(model->luns[i].name, begun);
}

static void offer_sessions(const struct model *model, const char *begun)
{
    for (size_t i = 0; i < model->n_sessions; i++) {
        char id[24];

        snprintf(id, sizeof id, "%llu", (unsigned long long)model->sessions[i].prop.ullId);
        offer(id, begun);
    }
}

static void offer_initiators(const struct model *model, const char *begun)
{
    for (size_t i = 0; i < model->n_sessions; i++)
        offer(model->sessions[i].initiator, begun);
}

static void offer_shells(const struct model *model, const char *begun)
{
    (void)model;
    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
        offer(scripts[i].shell, begun);
}

/* What stands for each word of the command table's argument patterns. */
static const struct {
    const char *word;
    unsigned parts; /* of the array; 0: it need not be asked */
    void (*offer)(const struct model *model, const char *begun);
} kinds[] = {
    { "PORTAL", MODEL_PORTALS, offer_portals },
    { "T", MODEL_TARGETS, offer_targets },
    { "T/TAG", MODEL_GROUPS, offer_groups },
    { "L", MODEL_LUNS, offer_luns },
    { "S", MODEL_SESSIONS, offer_sessions },
    { "IQN", MODEL_SESSIONS, offer_initiators },
    { "INITIATOR", MODEL_SESSIONS, offer_initiators },
    { "SHELL", 0, offer_shells },
};

static void offer_objects(const char *word, size_t len, const char *begun)
{
    struct client client = { .timeout_s = -1 };
    _cleanup_(model_fini) struct model model = { 0 };

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (strlen(kinds[i].word) != len || strncmp(kinds[i].word, word, len) != 0)
            continue;
        if (!kinds[i].parts || (client_open(&client, NULL, -1) == EXIT_DONE &&
                                model_read(&model, &client, kinds[i].parts) == EXIT_DONE))
            kinds[i].offer(&model, begun);
        break;
    }
    model_fini(&model);
    client_close(&client);
}

/* ---- where the cursor is --------------------------------------------------------------------------- */

/* The pattern's word for argument number `at`: the last one again when it may be repeated. */
static void offer_argument(const struct command *command, int at, const char *begun)
{
    const char *p = command->args, *word = NULL;
    size_t len = 0;

    for (int i = 0; *p && i <= at; i++, p += strspn(p, " ")) {
        word = p + (*p == '[');
        len = strcspn(word, " ].");
        p += strcspn(p, " ");
        if (i < at && !*p && !strstr(word, "..."))
            return;
    }
    if (word)
        offer_objects(word, len, begun);
}

static void offer_options(const struct command *command, const char *begun)
{
    for (unsigned i = 0; i < n_command_options; i++) {
        if (command_takes(command, command_options[i].name))
            offer(command_options[i].name, begun);
    }
    offer("--json", begun);
    offer("--help", begun);
}

static bool wants_value(const struct command *command, const char *word)
{
    for (unsigned i = 0; i < n_command_options; i++) {
        if (command_options[i].value && strcmp(command_options[i].name, word) == 0)
            return command_takes(command, word);
    }
    return false;
}

/* words[0] is the first behind noun and verb, words[n - 1] the one that is begun. */
static void complete_rest(const struct command *command, const char *const *words, int n)
{
    const char *begun = words[n - 1];
    int n_args = 0;

    if (n > 1 && wants_value(command, words[n - 2]))
        return;
    if (*begun == '-') {
        offer_options(command, begun);
        return;
    }
    for (int i = 0; i < n - 1; i++) {
        if (*words[i] != '-')
            n_args += i == 0 || !wants_value(command, words[i - 1]);
    }
    offer_argument(command, n_args, begun);
}

static void offer_nouns(const char *begun)
{
    static const char *const globals[] = {
        "--help", "--host", "--json", "--socket", "--timeout", "--version"
    };

    for (unsigned i = 0; i < n_commands; i++) {
        if (i == 0 || strcmp(commands[i].noun, commands[i - 1].noun) != 0)
            offer(commands[i].noun, begun);
    }
    for (size_t i = 0; *begun == '-' && i < ARRAY_SIZE(globals); i++)
        offer(globals[i], begun);
}

static void offer_verbs(const char *noun, const char *begun)
{
    for (unsigned i = 0; i < n_commands; i++) {
        if (strcmp(commands[i].noun, noun) == 0)
            offer(commands[i].verb, begun);
    }
}

/* Passes the options before the command, and takes --socket from them; another machine is not asked for its
 * objects. Their number, or -1: the value of one of them is what is begun. */
static int pass_globals(const char *const *words, int n)
{
    int i = 0;

    while (i < n - 1 && *words[i] == '-') {
        bool host = strcmp(words[i], "--host") == 0,
             apart = host || strcmp(words[i], "--socket") == 0 || strcmp(words[i], "--timeout") == 0;

        if (host || strncmp(words[i], "--host=", 7) == 0)
            setenv("VDS_SOCKET", "/dev/null", 1);
        else if (strcmp(words[i], "--socket") == 0)
            setenv("VDS_SOCKET", words[i + 1], 1);
        else if (strncmp(words[i], "--socket=", 9) == 0)
            setenv("VDS_SOCKET", words[i] + 9, 1);
        i += apart ? 2 : 1;
    }
    return i < n ? i : -1;
}

int complete_run(struct client *client, const struct request *request)
{
    const char *const *words = request->args;
    int n = request->n_args, at = pass_globals(words, n);
    const struct command *command;

    (void)client;
    if (!freopen("/dev/null", "w", stderr) || at < 0)
        return EXIT_DONE;
    words += at;
    n -= at;
    command = n > 1 ? command_find(words[0], words[1]) : NULL;
    if (n == 1)
        offer_nouns(words[0]);
    else if (command && !*command->verb)
        complete_rest(command, words + 1, n - 1);
    else if (n == 2)
        offer_verbs(words[0], words[1]);
    else if (command)
        complete_rest(command, words + 2, n - 2);
    return EXIT_DONE;
}
