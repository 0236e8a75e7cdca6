/* SPDX-License-Identifier: MIT */
/* The interactive shell: libedit with history and completion. */
#ifndef VDS_CLI_DISKRAID_TERMINAL_H
#define VDS_CLI_DISKRAID_TERMINAL_H

#include "cli/diskraid/shell.h"

#define PROMPT "DISKRAID> "

/* Runs commands until EXIT or end of input. An enum exit_status. */
int terminal_run(struct shell *shell);

#endif
