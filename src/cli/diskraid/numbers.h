/* SPDX-License-Identifier: MIT */
/* Numbers of objects. A number means one object for as long as diskraid runs: what is gone leaves a gap, what
 * is new gets the next number. So a command never reaches another object than the one that was listed,
 * whatever other administrators do meanwhile. */
#ifndef VDS_CLI_DISKRAID_NUMBERS_H
#define VDS_CLI_DISKRAID_NUMBERS_H

#include <vds/vdstypes.h>

#define NUMBERS_MAX 1000000 /* in one scope: a script that makes more than that will be told */

struct number_scope;

/* Numbers start at 0 in each scope: the LUNs of one subsystem, the groups of one target. */
struct numbers {
    struct number_scope *scopes;
};

/* The number of an object of a kind that is part of the object `of` (GUID_NULL for none); a new one when it
 * has none yet. -ENOMEM, -ENOSPC. */
int numbers_of(struct numbers *numbers, int kind, const GUID *of, const GUID *id, unsigned *ret_number);
void numbers_fini(struct numbers *numbers);

#endif
