/* SPDX-License-Identifier: MIT */
/* UNINSTALL: the disk that a LUN is on this machine goes before the LUN does. */
#ifndef VDS_CLI_DISKRAID_UNINSTALL_H
#define VDS_CLI_DISKRAID_UNINSTALL_H

#include "cli/diskraid/shell.h"

/* S_OK also when the LUN is no disk here, and, with a line that says so, when the service looks after
 * none. */
HRESULT uninstall_lun(struct shell *shell, IVdsLun *lun);

/* Frees what GetIdentificationData() gave. */
void lun_information_fini(VDS_LUN_INFORMATION *info);

#endif
