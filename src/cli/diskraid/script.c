/* SPDX-License-Identifier: MIT */
#include "cli/diskraid/script.h"

#include <string.h>
#include <strings.h>

#include "base/plain.h"
#include "cli/diskraid/reader.h"
#include "cli/diskraid/terminal.h"

#define READ_MAX (LINE_LENGTH_MAX + 1) /* enough for the tokenizer to see that a line is too long */

/* One line without its newline, cut after READ_MAX bytes. -1: no more. */
static int read_line(struct reader *reader, char line[static READ_MAX])
{
    int len = 0, c = reader_next(reader);

    if (c == EOF)
        return -1;
    for (; c != EOF && c != '\n'; c = reader_next(reader)) {
        if (len < READ_MAX)
            line[len++] = (char)c;
    }
    return len;
}

/* A "secret=" with something behind it, as the parser would take it. */
static bool is_secret(const char *word)
{
    const char *equals = strchr(word, '=');

    return strncasecmp(word, "sec", 3) == 0 && equals && equals[1];
}

static void echo_chap(const struct tokens *t)
{
    for (unsigned i = 0; i < t->n; i++)
        printf("%s%s", i ? " " : "", is_secret(t->word[i]) ? "secret=..." : t->word[i]);
    printf("\n");
}

static void print_shown(const char *line, int len)
{
    char text[READ_MAX + 1], shown[READ_MAX + 64];

    memcpy(text, line, (size_t)len);
    text[len] = '\0';
    for (char *tab = text; (tab = strchr(tab, '\t'));) /* a blank, as the parser takes it */
        *tab = ' ';
    text_show(text, shown, sizeof shown);
    printf("%s\n", shown);
}

/* A line that cannot be cut into words may hold a secret all the same. */
static bool is_chap(const struct tokens *t, const char *line, int len)
{
    const struct command *command = t->n ? grammar_find(t->word[0]) : NULL;

    while (len > 0 && strchr(" \t\"", *line))
        line++, len--;
    return command ? strcmp(command->name, "chap") == 0 : len >= 3 && strncasecmp(line, "cha", 3) == 0;
}

static void echo_line(const char *line, int len)
{
    struct tokens t;
    enum token_error bad = tokens_split(line, (size_t)len, &t);

    printf("%s", PROMPT);
    if (!is_chap(&t, line, len))
        print_shown(line, len && line[len - 1] == '\r' ? len - 1 : len);
    else if (bad == TOKEN_OK)
        echo_chap(&t);
    else
        printf("chap ...\n");
    explicit_bzero(&t, sizeof t);
    fflush(stdout);
}

static int status_of(int outcome)
{
    static const int statuses[] = {
        [OUTCOME_DONE] = STATUS_DONE,         [OUTCOME_SYNTAX] = STATUS_COMMAND,
        [OUTCOME_SELECTION] = STATUS_COMMAND, [OUTCOME_FAILED] = STATUS_SERVICE,
        [OUTCOME_CANCELED] = STATUS_SERVICE,  [OUTCOME_FATAL] = STATUS_FATAL,
        [OUTCOME_EXIT] = STATUS_DONE,
    };

    return statuses[outcome];
}

int script_run(struct shell *shell, FILE *file, const char *name, bool echo)
{
    char line[READ_MAX];
    int len, outcome = OUTCOME_DONE;
    unsigned number = 0;
    struct reader reader;

    reader_init(&reader, file);
    while (outcome == OUTCOME_DONE && (len = read_line(&reader, line)) >= 0) {
        number++;
        if (echo)
            echo_line(line, len);
        outcome = shell_run_line(shell, line, (size_t)len);
        explicit_bzero(line, sizeof line);
        if (echo)
            printf("\n");
    }
    fflush(stdout);
    if (outcome == OUTCOME_DONE && ferror(file)) {
        fprintf(stderr, "diskraid: cannot read %s\n", name); /* a folder, for one */
        return STATUS_NO_FILE;
    }
    if (outcome != OUTCOME_DONE && outcome != OUTCOME_EXIT)
        fprintf(stderr, "The script ends here: line %u of %s.\n", number, name);
    return status_of(outcome);
}
