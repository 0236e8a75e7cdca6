/* SPDX-License-Identifier: MIT */
/* What a command takes, as HELP and syntax errors show it: made from its row in the table. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/diskraid/grammar.h"

static size_t append(char *text, size_t size, size_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static size_t append(char *text, size_t size, size_t at, const char *format, ...)
{
    va_list args;
    int n;

    if (at >= size)
        return at;
    va_start(args, format);
    n = vsnprintf(text + at, size - at, format, args);
    va_end(args);
    return n < 0 ? at : at + (size_t)n;
}

static size_t append_upper(char *text, size_t size, size_t at, const char *word)
{
    for (; *word; word++)
        at = append(text, size, at, "%c", toupper((unsigned char)*word));
    return at;
}

static size_t append_value(char *text, size_t size, size_t at, const struct arg_def *def)
{
    static const char *const shape[] = {
        [ARG_TYPE_NUMBER] = "<n>",
        [ARG_TYPE_NUMBERS] = "<n>[,<n>...]",
        [ARG_TYPE_PAIRS] = "<n-m>[,<n-m>...]",
        [ARG_TYPE_SIZE] = "<size>",
        [ARG_TYPE_TEXT] = "<name>",
        [ARG_TYPE_EMPTY] = "[<secret>]",
        [ARG_TYPE_TEXTS] = "<name>[;<name>...]",
        [ARG_TYPE_PATHS] = "<path>-{PRIMARY | <weight>}[,...]",
        [ARG_TYPE_WORDS] = "<flag=value> ...",
    };

    if (def->shape)
        return append(text, size, at, "%s", def->shape);
    if (def->type != ARG_TYPE_CHOICE)
        return append(text, size, at, "%s", shape[def->type]);
    for (unsigned i = 0; def->choices[i]; i++) {
        at = append(text, size, at, i ? " | " : "{");
        at = append_upper(text, size, at, def->choices[i]);
    }
    return append(text, size, at, "}");
}

static size_t append_bare(char *text, size_t size, size_t at, enum arg arg)
{
    const struct arg_def *def = &arg_defs[arg];

    if (def->keyword)
        at = append_upper(text, size, at, def->keyword);
    if (def->keyword && def->type != ARG_TYPE_FLAG)
        at = append(text, size, at, "=");
    return def->type != ARG_TYPE_FLAG ? append_value(text, size, at, def) : at;
}

/* One of those that exclude each other: " {ALL | NONE}" around them all, as they stand side by side. */
static size_t append_choice(char *text, size_t size, size_t at, const struct form *form, unsigned k)
{
    bool first = k == 0 || !(form->one_of & ARG_BIT(form->args[k - 1]));
    bool last = k + 1 == form->n_args || !(form->one_of & ARG_BIT(form->args[k + 1]));

    at = append(text, size, at, first ? " {" : " | ");
    at = append_bare(text, size, at, form->args[k]);
    return last ? append(text, size, at, "}") : at;
}

static size_t append_arg(char *text, size_t size, size_t at, const struct form *form, unsigned k)
{
    bool optional = !(form->required & ARG_BIT(form->args[k]));

    if (form->one_of & ARG_BIT(form->args[k]))
        return append_choice(text, size, at, form, k);
    at = append(text, size, at, optional ? " [" : " ");
    at = append_bare(text, size, at, form->args[k]);
    return optional ? append(text, size, at, "]") : at;
}

void grammar_usage(const struct command *command, const struct form *form, char *text, size_t size)
{
    size_t at = append_upper(text, size, 0, command->name);

    if (*form->words) {
        at = append(text, size, at, " ");
        at = append_upper(text, size, at, form->words);
    }
    for (unsigned k = 0; k < form->n_args; k++)
        at = append_arg(text, size, at, form, k);
}
