/* SPDX-License-Identifier: MIT */
/* The LUN class, for its two files: lun.c (everything) and identity.c (what it says of itself to SCSI). */
#ifndef VDS_PROVIDER_LUN_H
#define VDS_PROVIDER_LUN_H

#include "provider/provider_internal.h"

struct lun {
    struct com_object obj;
    struct handle h;
    IVdsLun face;
    IVdsLunNaming naming;
    IVdsLunIscsi iscsi;
    IVdsLunNumber number;
    IVdsLun2 second;
    IVdsMaintenance maintenance;
    IVdsLunEx ex;
    IVdsLunEx2 ex2;
};

/* Passes the gate and reads the LUN; array_lun_info_fini() on success. */
HRESULT provider_lun_get(struct lun *o, struct provider **ret_inside, struct array_lun_info *ret_info);

HRESULT lun_GetIdentificationData(IVdsLun *face, VDS_LUN_INFORMATION *ret_info);

#endif
