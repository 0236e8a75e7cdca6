/* SPDX-License-Identifier: MIT */
#ifndef VDS_CLI_DISKRAID_SELECT_H
#define VDS_CLI_DISKRAID_SELECT_H

#include "cli/diskraid/shell.h"

/* Puts what an operation has made (or, for a portal group, found) in focus: "LUN 3 was created and is now the
 * selected LUN." Made within the scope in focus. Another administrator may have deleted it by now; then
 * nothing is said. */
int select_made(struct shell *shell, enum kind kind, IUnknown *made, const char *how);

#endif
