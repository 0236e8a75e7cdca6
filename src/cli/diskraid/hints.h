/* SPDX-License-Identifier: MIT */
/* AUTOMAGIC: hints for LUNs whose layout is the array's choice. They are the shell's until applied. */
#ifndef VDS_CLI_DISKRAID_HINTS_H
#define VDS_CLI_DISKRAID_HINTS_H

#include "cli/diskraid/shell.h"

/* What CREATE LUN AUTOMAGIC asks for: fault tolerant or not by FTL, else whatever the array does by default.
 */
VDS_LUN_TYPE hints_layout(const struct shell *shell);

/* Sets ("MSR=yes") or, with text NULL, clears the flag with that name. -1: no such flag. -2: not a value for
 * it; *ret_wanted says what is. Pure. */
int hints_set(struct shell *shell, const char *name, size_t name_len, const char *value,
              const char **ret_wanted);

#endif
