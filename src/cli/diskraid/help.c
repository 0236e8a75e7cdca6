/* SPDX-License-Identifier: MIT */
/* HELP, EXIT, REM. */
#include <ctype.h>
#include <stdio.h>

#include "cli/diskraid/handlers.h"
#include "cli/diskraid/shell.h"

static void print_name(const char *name)
{
    int n = 0;

    for (; *name; name++, n++)
        putchar(toupper((unsigned char)*name));
    printf("%*s", 17 - n, "");
}

static int help_on(const char *word)
{
    const struct command *command = grammar_find(word);
    char text[512];

    if (!command)
        return say_syntax(NULL, NULL, "Syntax error: '%s' is not a command", word);
    printf("%s\n\n", command->help);
    for (unsigned i = 0; i < command->n_forms; i++) {
        grammar_usage(command, &command->forms[i], text, sizeof text);
        printf("  %s\n", text);
    }
    return OUTCOME_DONE;
}

int help_run(struct shell *shell, const struct request *request)
{
    (void)shell;
    if (request_has(request, ARG_COMMAND))
        return help_on(request->value[ARG_COMMAND].text);
    for (unsigned i = 0; i < n_commands; i++) {
        printf("  ");
        print_name(commands[i].name);
        printf("%s\n", commands[i].help);
    }
    return OUTCOME_DONE;
}

int exit_run(struct shell *shell, const struct request *request)
{
    (void)shell, (void)request;
    return OUTCOME_EXIT;
}

/* Comments have no words (token.h); the command is in the table for HELP and completion. */
int comment_run(struct shell *shell, const struct request *request)
{
    (void)shell, (void)request;
    return OUTCOME_DONE;
}
