/* SPDX-License-Identifier: MIT */
#include "cli/diskraid/hints.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "cli/diskraid/columns.h"
#include "cli/diskraid/handlers.h"

enum hint_type { HINT_BOOL, HINT_COUNT, HINT_SIZE32, HINT_SIZE64, HINT_PRIORITY, HINT_LAYOUT };

/* clang-format off */
static const struct hint {
    const char *name;
    enum hint_type type;
    size_t offset;   /* into VDS_HINTS */
    uint64_t mask;   /* VDS_HINT_..., for booleans */
    const char *meaning;
} hints[] = {
#define BOOLEAN(name, field, mask, meaning) { name, HINT_BOOL, offsetof(VDS_HINTS, field), mask, meaning }
#define NUMBER(name, type, field, meaning) { name, type, offsetof(VDS_HINTS, field), 0, meaning }
    BOOLEAN("FCR", bFastCrashRecoveryRequired, VDS_HINT_FASTCRASHRECOVERYREQUIRED,
            "Fast crash recovery required"),
    { "FTL", HINT_LAYOUT, 0, 0, "Fault tolerant" },
    BOOLEAN("MSR", bMostlyReads, VDS_HINT_MOSTLYREADS, "Mostly reads"),
    NUMBER("MXD", HINT_COUNT, ulMaximumDriveCount, "Maximum drives"),
    NUMBER("MXS", HINT_SIZE64, ullExpectedMaximumSize, "Maximum size expected"),
    NUMBER("ORA", HINT_SIZE32, ulOptimalReadAlignment, "Optimal read alignment"),
    NUMBER("ORS", HINT_SIZE32, ulOptimalReadSize, "Optimal read size"),
    BOOLEAN("OSR", bOptimizeForSequentialReads, VDS_HINT_OPTIMIZEFORSEQUENTIALREADS,
            "Optimize for sequential reads"),
    BOOLEAN("OSW", bOptimizeForSequentialWrites, VDS_HINT_OPTIMIZEFORSEQUENTIALWRITES,
            "Optimize for sequential writes"),
    NUMBER("OWA", HINT_SIZE32, ulOptimalWriteAlignment, "Optimal write alignment"),
    NUMBER("OWS", HINT_SIZE32, ulOptimalWriteSize, "Optimal write size"),
    NUMBER("RBP", HINT_PRIORITY, sRebuildPriority, "Rebuild priority"),
    BOOLEAN("RBV", bReadBackVerifyEnabled, VDS_HINT_READBACKVERIFYENABLED, "Read back verify"),
    BOOLEAN("RMP", bRemapEnabled, VDS_HINT_REMAPENABLED, "Remap"),
    NUMBER("STS", HINT_SIZE32, ulStripeSize, "Strip size"),
    BOOLEAN("WTC", bWriteThroughCachingEnabled, VDS_HINT_WRITETHROUGHCACHINGENABLED, "Write-through caching"),
    BOOLEAN("YNK", bIsYankable, VDS_HINT_ISYANKABLE, "Removable"),
};
/* clang-format on */

/* ---- values ---------------------------------------------------------------------------------- */

static int truth_parse(const char *text, BOOL *ret_value)
{
    static const struct {
        const char *word;
        BOOL value;
    } words[] = { { "yes", TRUE }, { "true", TRUE },   { "on", TRUE },   { "1", TRUE },
                  { "no", FALSE }, { "false", FALSE }, { "off", FALSE }, { "0", FALSE } };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcasecmp(text, words[i].word) == 0) {
            *ret_value = words[i].value;
            return 0;
        }
    }
    return -1;
}

static int count_parse(const char *text, uint64_t most, uint64_t *ret_value)
{
    char *end;

    if (!isdigit((unsigned char)*text))
        return -1;
    *ret_value = strtoull(text, &end, 10);
    return *end || *ret_value > most ? -1 : 0;
}

static int value_parse(const struct hint *hint, const char *text, uint64_t *ret_number, BOOL *ret_truth,
                       const char **ret_wanted)
{
    switch (hint->type) {
    case HINT_BOOL:
    case HINT_LAYOUT:
        *ret_wanted = "yes or no";
        return truth_parse(text, ret_truth);
    case HINT_COUNT:
        *ret_wanted = "a number";
        return count_parse(text, UINT32_MAX, ret_number);
    case HINT_PRIORITY:
        *ret_wanted = "a priority from 0 to 16";
        return count_parse(text, VDS_REBUILD_PRIORITY_MAX, ret_number);
    default:
        *ret_wanted = "a size, such as 64KB";
        return size_parse_units(text, ret_number) < 0 ||
                       (hint->type == HINT_SIZE32 && *ret_number > UINT32_MAX)
                   ? -1
                   : 0;
    }
}

static void store(struct shell *shell, const struct hint *hint, uint64_t number, BOOL truth, bool set)
{
    void *at = (char *)&shell->hints + hint->offset;

    switch (hint->type) {
    case HINT_BOOL:
        *(BOOL *)at = truth;
        shell->hints.ullHintMask =
            set ? shell->hints.ullHintMask | hint->mask : shell->hints.ullHintMask & ~hint->mask;
        break;
    case HINT_LAYOUT:
        shell->fault_tolerant = truth;
        break;
    case HINT_PRIORITY:
        *(SHORT *)at = (SHORT)number;
        break;
    case HINT_SIZE64:
        *(ULONGLONG *)at = number;
        break;
    case HINT_COUNT:
    case HINT_SIZE32:
        *(ULONG *)at = (ULONG)number;
        break;
    }
}

int hints_set(struct shell *shell, const char *name, size_t name_len, const char *value,
              const char **ret_wanted)
{
    for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
        uint64_t number = 0;
        BOOL truth = FALSE;

        if (strlen(hints[i].name) != name_len || strncasecmp(hints[i].name, name, name_len) != 0)
            continue;
        if (value && value_parse(&hints[i], value, &number, &truth, ret_wanted) < 0)
            return -2;
        store(shell, &hints[i], number, truth, value);
        shell->hints_set = value ? shell->hints_set | 1u << i : shell->hints_set & ~(1u << i);
        return 0;
    }
    return -1;
}

VDS_LUN_TYPE hints_layout(const struct shell *shell)
{
    for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
        if (hints[i].type == HINT_LAYOUT && (shell->hints_set & 1u << i))
            return shell->fault_tolerant ? VDS_LT_FAULT_TOLERANT : VDS_LT_NON_FAULT_TOLERANT;
    }
    return VDS_LT_DEFAULT;
}

/* ---- AUTOMAGIC ------------------------------------------------------------------------------- */

static void show_value(const struct shell *shell, const struct hint *hint, char text[static 32])
{
    const void *at = (const char *)&shell->hints + hint->offset;

    switch (hint->type) {
    case HINT_BOOL:
        snprintf(text, 32, "%s", *(const BOOL *)at ? "Yes" : "No");
        break;
    case HINT_LAYOUT:
        snprintf(text, 32, "%s", shell->fault_tolerant ? "Yes" : "No");
        break;
    case HINT_PRIORITY:
        snprintf(text, 32, "%d", *(const SHORT *)at);
        break;
    case HINT_SIZE64:
        snprintf(text, 32, "%llu B", (unsigned long long)*(const ULONGLONG *)at);
        break;
    case HINT_SIZE32:
        snprintf(text, 32, "%u B", *(const ULONG *)at);
        break;
    case HINT_COUNT:
        snprintf(text, 32, "%u", *(const ULONG *)at);
        break;
    }
}

int automagic_show(struct shell *shell, const struct request *request)
{
    static const struct column defs[] = { { "Flag", 4, false },
                                          { "Value", 12, false },
                                          { "Meaning", 30, false } };
    struct columns *columns = columns_create(defs, ARRAY_SIZE(defs));

    (void)request;
    for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
        char value[32] = "";

        if (shell->hints_set & 1u << i)
            show_value(shell, &hints[i], value);
        columns_row(columns, false, "%s\t%s\t%s", hints[i].name, value, hints[i].meaning);
    }
    columns_print(columns, "");
    return OUTCOME_DONE;
}

static int change_flag(struct shell *shell, const struct request *request, const char *word, bool set)
{
    size_t len = strcspn(word, "=");
    const char *value = word[len] == '=' ? word + len + 1 : NULL, *wanted = "";
    int r;

    if (set && !value)
        return say_syntax(request->command, request->form, "Syntax error: '%s' needs a value", word);
    r = hints_set(shell, word, len, set ? value : NULL, &wanted);
    if (r == -1)
        return say_syntax(request->command, request->form, "Syntax error: '%.*s' is not an automagic flag",
                          (int)len, word);
    if (r == -2)
        return say_syntax(request->command, request->form, "Syntax error: '%s' is not %s", value, wanted);
    return OUTCOME_DONE;
}

/* All flags of the line or none. */
static int change_flags(struct shell *shell, const struct request *request, bool set)
{
    struct shell before = *shell;
    int r = OUTCOME_DONE;

    for (unsigned i = 0;
         i < request->value[ARG_FLAGS].n && request_has(request, ARG_FLAGS) && r == OUTCOME_DONE; i++)
        r = change_flag(shell, request, request->tokens.word[request->value[ARG_FLAGS].first + i], set);
    if (r != OUTCOME_DONE)
        *shell = before;
    return r;
}

int automagic_set(struct shell *shell, const struct request *request)
{
    int r = change_flags(shell, request, true);

    if (r == OUTCOME_DONE)
        printf("The automagic flags were set.\n");
    return r;
}

int automagic_clear(struct shell *shell, const struct request *request)
{
    int r = OUTCOME_DONE;

    if (request_has(request, ARG_ALL)) {
        shell->hints = (VDS_HINTS){ 0 };
        shell->hints_set = 0;
        shell->fault_tolerant = false;
    } else {
        r = change_flags(shell, request, false);
    }
    if (r == OUTCOME_DONE)
        printf("The automagic flags were cleared.\n");
    return r;
}

int automagic_apply(struct shell *shell, const struct request *request)
{
    int r = change_flags(shell, request, true);
    HRESULT hr;

    if (r != OUTCOME_DONE)
        return r;
    hr = IVdsLun_ApplyHints((IVdsLun *)shell->focus[KIND_LUN].face, &shell->hints);
    if (FAILED(hr))
        return say_failed(hr, "The automagic flags cannot be applied to LUN %u",
                          shell->focus[KIND_LUN].number);
    printf("The automagic flags were applied to LUN %u.\n", shell->focus[KIND_LUN].number);
    return OUTCOME_DONE;
}
