/* SPDX-License-Identifier: MIT */
/* Scripts: one command a line, to the first that fails. */
#ifndef VDS_CLI_DISKRAID_SCRIPT_H
#define VDS_CLI_DISKRAID_SCRIPT_H

#include <stdio.h>

#include "cli/diskraid/shell.h"

/* `name` is for messages. `echo`: shows each line before it is run, as if it had been typed; secrets are not
 * shown. An enum exit_status. */
int script_run(struct shell *shell, FILE *file, const char *name, bool echo);

#endif
