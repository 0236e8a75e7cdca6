/* SPDX-License-Identifier: MIT */
#include "cli/diskraid/numbers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct number_scope *find_scope(struct numbers *numbers, int kind, const GUID *of)
{
    struct number_scope *bigger;

    for (size_t i = 0; i < numbers->n_scopes; i++) {
        if (numbers->scopes[i].kind == kind && memcmp(&numbers->scopes[i].of, of, sizeof *of) == 0)
            return &numbers->scopes[i];
    }
    bigger = realloc(numbers->scopes, (numbers->n_scopes + 1) * sizeof *bigger);
    if (!bigger)
        return NULL;
    numbers->scopes = bigger;
    bigger[numbers->n_scopes] = (struct number_scope){ kind, *of, NULL, 0 };
    return &bigger[numbers->n_scopes++];
}

int numbers_of(struct numbers *numbers, int kind, const GUID *of, const GUID *id, unsigned *ret_number)
{
    struct number_scope *scope = find_scope(numbers, kind, of);

    if (!scope)
        return -ENOMEM;
    for (unsigned i = 0; i < scope->n; i++) {
        if (memcmp(&scope->ids[i], id, sizeof *id) == 0) {
            *ret_number = i;
            return 0;
        }
    }
    if (scope->n == NUMBERS_MAX)
        return -ENOSPC;
    if ((scope->n & (scope->n - 1)) == 0) { /* full at each power of two */
        GUID *bigger = realloc(scope->ids, (scope->n ? 2 * (size_t)scope->n : 1) * sizeof *bigger);

        if (!bigger)
            return -ENOMEM;
        scope->ids = bigger;
    }
    scope->ids[scope->n] = *id;
    *ret_number = scope->n++;
    return 0;
}

void numbers_fini(struct numbers *numbers)
{
    for (size_t i = 0; i < numbers->n_scopes; i++)
        free(numbers->scopes[i].ids);
    free(numbers->scopes);
    *numbers = (struct numbers){ 0 };
}
