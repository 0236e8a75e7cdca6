/* SPDX-License-Identifier: MIT */
#include "cli/diskraid/grammar.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ABBREVIATION_LEAST 3 /* letters; shorter words must be written out */

static int syntax(struct grammar_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int syntax(struct grammar_error *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return -1;
}

/* ---- words ----------------------------------------------------------------------------------- */

enum match { MATCH_NONE, MATCH_SHORT, MATCH_EXACT };

/* Is `word` (of `len` bytes) `whole`, or an abbreviation of it? */
static enum match match(const char *word, size_t len, const char *whole, size_t whole_len)
{
    if (len > whole_len || strncasecmp(word, whole, len) != 0)
        return MATCH_NONE;
    if (len == whole_len)
        return MATCH_EXACT;
    return len >= ABBREVIATION_LEAST ? MATCH_SHORT : MATCH_NONE;
}

const struct command *grammar_find(const char *word)
{
    size_t len = strlen(word);

    for (unsigned i = 0; i < n_commands; i++) {
        const struct command *c = &commands[i];

        if (len >= c->least && match(word, len, c->name, strlen(c->name)) != MATCH_NONE)
            return c;
    }
    return NULL;
}

/* The n-th word of "lun simple" and its length, NULL after the last. */
static const char *word_at(const char *words, unsigned n, size_t *ret_len)
{
    while (n-- && *words) {
        words += strcspn(words, " ");
        words += strspn(words, " ");
    }
    *ret_len = strcspn(words, " ");
    return *words ? words : NULL;
}

/* How many words, the command's own aside, the line and the form begin with together; *ret_whole: all that
 * the form has. */
static unsigned words_in_common(const struct form *form, const struct tokens *tokens, bool *ret_whole)
{
    const char *w;
    size_t len;
    unsigned n = 0;

    while ((w = word_at(form->words, n, &len)) && n + 1 < tokens->n &&
           match(tokens->word[n + 1], strlen(tokens->word[n + 1]), w, len) != MATCH_NONE)
        n++;
    *ret_whole = !w;
    return n;
}

/* The form with the most words that fit: "importtarget subsystem set target" before "importtarget subsystem".
 * NULL: none; then *ret_n_words is how far the line makes sense. */
static const struct form *find_form(const struct command *command, const struct tokens *tokens,
                                    unsigned *ret_n_words)
{
    const struct form *best = NULL;
    unsigned sense = 0, n_best = 0;

    for (unsigned i = 0; i < command->n_forms; i++) {
        bool whole;
        unsigned n = words_in_common(&command->forms[i], tokens, &whole);

        if (whole && (!best || n > n_best)) {
            best = &command->forms[i];
            n_best = n;
        }
        sense = n > sense ? n : sense;
    }
    *ret_n_words = best ? n_best : sense;
    return best;
}

/* ---- values ---------------------------------------------------------------------------------- */

static int number_parse(const char *text, const char **ret_end, uint32_t *ret_number)
{
    char *end;
    unsigned long long n;

    if (!isdigit((unsigned char)*text))
        return -1;
    errno = 0;
    n = strtoull(text, &end, 10);
    if (errno || n > INT32_MAX)
        return -1;
    *ret_end = end;
    *ret_number = (uint32_t)n;
    return 0;
}

int size_parse_units(const char *text, uint64_t *ret_bytes)
{
    static const struct {
        const char *name;
        unsigned shift;
    } units[] = {
        { "", 20 }, { "B", 0 }, { "KB", 10 }, { "MB", 20 }, { "GB", 30 }, { "TB", 40 }, { "PB", 50 }
    };
    size_t len = strspn(text, "0123456789.");
    char *end;
    double value = strtod(text, &end);

    if (len == 0 || end != text + len) /* neither "0x1" nor "1e9" */
        return -1;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        double bytes = value * (double)(1ull << units[i].shift);

        if (strcasecmp(end, units[i].name) != 0)
            continue;
        if (!(bytes >= 1 && bytes < 9223372036854775808.0))
            return -1;
        *ret_bytes = (uint64_t)bytes;
        return 0;
    }
    return -1;
}

static int choice_parse(const char *const *choices, const char *text, uint64_t *ret_index)
{
    unsigned n_found = 0;

    for (unsigned i = 0; choices[i]; i++) {
        enum match m = match(text, strlen(text), choices[i], strlen(choices[i]));

        if (m == MATCH_EXACT || (m == MATCH_SHORT && n_found == 0))
            *ret_index = i;
        if (m == MATCH_EXACT)
            return 0;
        n_found += m == MATCH_SHORT;
    }
    return n_found == 1 ? 0 : -1;
}

/* What follows the dash of "1-2" or "1-primary". */
static int second_parse(const char *text, bool path, const char **ret_end, uint32_t *ret_number)
{
    size_t len = strcspn(text, ",");

    if (path && match(text, len, "primary", 7) != MATCH_NONE) {
        *ret_end = text + len;
        *ret_number = PATH_PRIMARY;
        return 0;
    }
    return number_parse(text, ret_end, ret_number);
}

/* "0,1,2", or with `pairs` "0-1,1-1": appended to the items of the request. */
static int items_parse(struct request *request, enum arg arg, const char *text)
{
    bool pairs = arg_defs[arg].type != ARG_TYPE_NUMBERS;

    request->value[arg].first = request->n_items;
    for (;; text++) {
        struct item item = { 0 };

        if (request->n_items == ITEMS_MAX || number_parse(text, &text, &item.first) < 0)
            return -1;
        if (pairs && (*text != '-' ||
                      second_parse(text + 1, arg_defs[arg].type == ARG_TYPE_PATHS, &text, &item.second) < 0))
            return -1;
        request->items[request->n_items++] = item;
        if (*text != ',')
            break;
    }
    request->value[arg].n = request->n_items - request->value[arg].first;
    return *text ? -1 : 0;
}

static int texts_check(const char *text)
{
    for (;; text++) {
        size_t len = strcspn(text, ";");

        if (len == 0)
            return -1;
        text += len;
        if (!*text)
            return 0;
    }
}

static int value_parse(struct request *request, enum arg arg, const char *text, struct grammar_error *error)
{
    const struct arg_def *def = &arg_defs[arg];
    const char *end = "";
    uint32_t number = 0;
    int r = 0;

    request->value[arg].text = text;
    switch (def->type) {
    case ARG_TYPE_NUMBER:
        r = number_parse(text, &end, &number);
        request->value[arg].number = number;
        break;
    case ARG_TYPE_SIZE:
        r = size_parse_units(text, &request->value[arg].number);
        break;
    case ARG_TYPE_CHOICE:
        r = choice_parse(def->choices, text, &request->value[arg].number);
        break;
    case ARG_TYPE_NUMBERS:
    case ARG_TYPE_PAIRS:
    case ARG_TYPE_PATHS:
        r = items_parse(request, arg, text);
        break;
    case ARG_TYPE_TEXTS:
        r = texts_check(text);
        break;
    case ARG_TYPE_TEXT:
        r = *text ? 0 : -1;
        break;
    case ARG_TYPE_EMPTY:
    case ARG_TYPE_FLAG:
    case ARG_TYPE_WORDS:
        break;
    }
    if (r < 0 || *end)
        return syntax(error, "'%s' is not %s", text, def->meaning);
    return 0;
}

/* ---- arguments ------------------------------------------------------------------------------- */

static char list_separator(enum arg_type type)
{
    switch (type) {
    case ARG_TYPE_NUMBERS:
    case ARG_TYPE_PAIRS:
    case ARG_TYPE_PATHS:
        return ',';
    case ARG_TYPE_TEXTS:
        return ';';
    default:
        return '\0';
    }
}

/* Lists may be written with blanks after or before their separators: puts together what belongs to the list
 * that starts with `text` in the word *i. Words are joined once each, so `joined` has room. */
static const char *join_list(struct request *request, enum arg_type type, const char *text, unsigned *i)
{
    const struct tokens *t = &request->tokens;
    char separator = list_separator(type), *start = request->joined + request->n_joined, *out;

    if (!separator)
        return text;
    out = stpcpy(start, text);
    while (*i + 1 < t->n && ((out > start && out[-1] == separator) || t->word[*i + 1][0] == separator))
        out = stpcpy(out, t->word[++*i]);
    request->n_joined = (size_t)(out + 1 - request->joined);
    return start;
}

static const char *arg_name(enum arg arg)
{
    return arg_defs[arg].keyword ? arg_defs[arg].keyword : arg_defs[arg].meaning;
}

static int take_value(struct request *request, enum arg arg, const char *text, unsigned *i,
                      struct grammar_error *error)
{
    const struct tokens *t = &request->tokens;
    enum arg_type type = arg_defs[arg].type;

    if (request->given & ARG_BIT(arg))
        return syntax(error, "%s is given twice", arg_name(arg));
    request->given |= ARG_BIT(arg);
    if (type == ARG_TYPE_WORDS) {
        request->value[arg].first = *i;
        request->value[arg].n = t->n - *i;
        *i = t->n - 1;
        return 0;
    }
    if (!*text && type != ARG_TYPE_FLAG && type != ARG_TYPE_EMPTY && *i + 1 < t->n &&
        !strchr(t->word[*i + 1], '=')) /* "iadapter= 0" */
        text = t->word[++*i];
    return value_parse(request, arg, join_list(request, type, text, i), error);
}

/* The keyword argument (`pair`) or flag word that `word` begins with, or N_ARGS. */
static enum arg find_keyword(const struct form *form, const char *word, bool pair)
{
    size_t len = strcspn(word, "=");
    enum arg found = N_ARGS;

    for (unsigned k = 0; k < form->n_args; k++) {
        const struct arg_def *def = &arg_defs[form->args[k]];
        enum match m;

        if (!def->keyword || (def->type == ARG_TYPE_FLAG) == pair)
            continue;
        m = match(word, len, def->keyword, strlen(def->keyword));
        if (m == MATCH_EXACT)
            return form->args[k];
        if (m == MATCH_SHORT)
            found = form->args[k];
    }
    return found;
}

static enum arg next_plain(const struct form *form, uint64_t given)
{
    for (unsigned k = 0; k < form->n_args; k++) {
        if (!arg_defs[form->args[k]].keyword && !(given & ARG_BIT(form->args[k])))
            return form->args[k];
    }
    return N_ARGS;
}

static int take_argument(struct request *request, unsigned *i, struct grammar_error *error)
{
    const char *word = request->tokens.word[*i];
    enum arg arg = find_keyword(request->form, word, strchr(word, '='));

    if (arg != N_ARGS)
        return take_value(request, arg, arg_defs[arg].type == ARG_TYPE_FLAG ? "" : strchr(word, '=') + 1, i,
                          error);
    arg = next_plain(request->form, request->given);
    if (arg != N_ARGS)
        return take_value(request, arg, word, i, error);
    if (request->given & ARG_BIT(ARG_SECRET)) /* "secret= xyz": do not repeat it */
        return syntax(error, "a word does not belong here");
    if (!strchr(word, '=') && find_keyword(request->form, word, true) != N_ARGS)
        return syntax(error, "'%s' needs a value", word);
    return syntax(error, "'%.*s' does not belong here", (int)strcspn(word, "="), word);
}

/* "size or drives is missing" */
static int syntax_any_of(struct grammar_error *error, const struct form *form)
{
    char names[128] = "";

    for (unsigned k = 0; k < form->n_args; k++) {
        size_t at = strlen(names);

        if (form->any_of & ARG_BIT(form->args[k]))
            snprintf(names + at, sizeof names - at, "%s%s", at ? " or " : "", arg_name(form->args[k]));
    }
    return syntax(error, "%s is missing", names);
}

static int check_given(const struct request *request, struct grammar_error *error)
{
    const struct form *form = request->form;
    uint64_t missing = form->required & ~request->given, too_many = form->one_of & request->given;

    for (unsigned k = 0; k < form->n_args; k++) {
        if (missing & ARG_BIT(form->args[k]))
            return syntax(error, "%.*s is missing", (int)strcspn(arg_name(form->args[k]), ","),
                          arg_name(form->args[k]));
    }
    if (form->any_of && !(form->any_of & request->given))
        return syntax_any_of(error, form);
    if (too_many & (too_many - 1))
        return syntax(error, "some of these arguments exclude each other");
    return 0;
}

int grammar_parse(const char *line, size_t len, struct request *ret_request, struct grammar_error *ret_error)
{
    struct tokens *t = &ret_request->tokens;
    enum token_error bad = tokens_split(line, len, t);
    unsigned n_words;

    ret_request->command = ret_error->command = NULL;
    ret_request->form = ret_error->form = NULL;
    ret_request->given = 0;
    ret_request->n_items = 0;
    ret_request->n_joined = 0;
    if (bad != TOKEN_OK)
        return syntax(ret_error, "%s", token_error_text(bad));
    if (t->n == 0)
        return 0;
    ret_request->command = ret_error->command = grammar_find(t->word[0]);
    if (!ret_request->command)
        return syntax(ret_error, "'%s' is not a command", t->word[0]);
    ret_request->form = ret_error->form = find_form(ret_request->command, t, &n_words);
    if (!ret_request->form && t->n == 1 + n_words)
        return syntax(ret_error, "a word is missing");
    if (!ret_request->form)
        return syntax(ret_error, "'%.*s' does not belong here", (int)strcspn(t->word[1 + n_words], "="),
                      t->word[1 + n_words]);
    for (unsigned i = 1 + n_words; i < t->n; i++) {
        if (take_argument(ret_request, &i, ret_error) < 0)
            return -1;
    }
    return check_given(ret_request, ret_error);
}

void grammar_wipe(struct request *request)
{
    explicit_bzero(&request->tokens, sizeof request->tokens);
    explicit_bzero(request->joined, sizeof request->joined);
}

/* ---- completion ------------------------------------------------------------------------------ */

struct completion {
    const char *partial;
    size_t len;
    void (*found)(void *arg, const char *word);
    void *arg;
};

static void offer(const struct completion *c, const char *word, size_t len, bool equals)
{
    char text[64];

    if (c->len <= len && strncasecmp(c->partial, word, c->len) == 0) {
        snprintf(text, sizeof text, "%.*s%s", (int)len, word, equals ? "=" : "");
        c->found(c->arg, text);
    }
}

static void offer_choices(const struct completion *c, const struct arg_def *def, const char *partial)
{
    struct completion inner = *c;

    if (def->type != ARG_TYPE_CHOICE)
        return;
    inner.partial = partial;
    inner.len = c->len - (size_t)(partial - c->partial);
    for (unsigned i = 0; def->choices[i]; i++)
        offer(&inner, def->choices[i], strlen(def->choices[i]), false);
}

static void offer_args(const struct completion *c, const struct form *form)
{
    const char *equals = memchr(c->partial, '=', c->len);

    for (unsigned k = 0; k < form->n_args; k++) {
        const struct arg_def *def = &arg_defs[form->args[k]];

        if (def->keyword && !equals)
            offer(c, def->keyword, strlen(def->keyword), def->type != ARG_TYPE_FLAG);
        else if (!def->keyword && !equals)
            offer_choices(c, def, c->partial);
        else if (def->keyword && match(c->partial, (size_t)(equals - c->partial), def->keyword,
                                       strlen(def->keyword)) != MATCH_NONE)
            offer_choices(c, def, equals + 1);
    }
}

/* Does the form go on from the words that are there? Then what can come is its next word, or its arguments.
 */
static void offer_form(const struct completion *c, const struct form *form, const struct tokens *t)
{
    bool whole;
    unsigned n = words_in_common(form, t, &whole);
    size_t len;
    const char *next = word_at(form->words, n, &len);

    if (whole)
        offer_args(c, form);
    else if (n + 1 == t->n)
        offer(c, next, len, false);
}

/* Neighbours share words ("lun" of "lun simple", "lun stripe"): each is offered once. */
struct once {
    const struct completion *outer;
    char seen[64][64];
    unsigned n;
};

static void found_once(void *arg, const char *word)
{
    struct once *once = arg;

    for (unsigned i = 0; i < once->n; i++) {
        if (strcasecmp(once->seen[i], word) == 0)
            return;
    }
    if (once->n < sizeof once->seen / sizeof once->seen[0])
        snprintf(once->seen[once->n++], sizeof once->seen[0], "%s", word);
    once->outer->found(once->outer->arg, word);
}

size_t grammar_complete(const char *line, size_t len, void (*found)(void *arg, const char *word), void *arg)
{
    struct tokens t;
    size_t start = len;
    struct completion outer = { NULL, 0, found, arg };
    struct once once = { &outer, { { 0 } }, 0 };
    struct completion c = { NULL, 0, found_once, &once };
    const struct command *command;

    while (start > 0 && line[start - 1] != ' ' && line[start - 1] != '\t')
        start--;
    c.partial = line + start;
    c.len = len - start;
    if (tokens_split(line, start, &t) != TOKEN_OK)
        return len;
    if (t.n == 0 && strspn(line, " \t") < start)
        return len; /* a comment */
    if (t.n == 0) {
        for (unsigned i = 0; i < n_commands; i++)
            offer(&c, commands[i].name, strlen(commands[i].name), false);
    } else if ((command = grammar_find(t.word[0]))) {
        for (unsigned i = 0; i < command->n_forms; i++)
            offer_form(&c, &command->forms[i], &t);
    }
    if (memchr(c.partial, '=', c.len)) /* what is offered then stands for the value alone */
        start = (size_t)((const char *)memchr(c.partial, '=', c.len) + 1 - line);
    return start;
}
