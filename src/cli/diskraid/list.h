/* SPDX-License-Identifier: MIT */
/* Lists of objects, for LIST and inside DETAIL. */
#ifndef VDS_CLI_DISKRAID_LIST_H
#define VDS_CLI_DISKRAID_LIST_H

#include <stdio.h>

#include "cli/diskraid/kinds.h"

/* Prints one row for each; "There are no LUNs." */
HRESULT list_objects(struct shell *shell, enum kind kind, const struct objects *objects);
/* The same for an enumeration, which it releases. */
HRESULT list_members(struct shell *shell, enum kind kind, IEnumVdsObject *members);

/* "Target 0, Target 2" with the word "Target "; malloc'ed, NULL without memory. */
char *list_numbers(const struct objects *objects, const char *word);

HRESULT port_properties(struct shell *shell, const struct object *port, VDS_PORT_PROP *ret_prop);
/* What the extents leave free. */
HRESULT drive_free(const struct object *drive, uint64_t *ret_bytes);

#endif
