/* SPDX-License-Identifier: MIT */
/* What VDS sources take from <virtdisk.h>: the types that IVdsVdProvider and its kin name, which are in vdssw.h, and who makes virtual disks.
 * Not its functions: attaching disks is the operating system's. On Windows itself, what is there. */
#ifdef _WIN32
#include_next <virtdisk.h>
#elif !defined(VDS_COMPAT_VIRTDISK_H)
#define VDS_COMPAT_VIRTDISK_H

#include <windows.h>

#include <vds/vdssw.h>

/* Pages: ns-virtdisk-virtual_storage_type. */
static const GUID VIRTUAL_STORAGE_TYPE_VENDOR_UNKNOWN __attribute__((unused)) = { 0, 0, 0, { 0, 0, 0, 0, 0, 0, 0, 0 } };
static const GUID VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT __attribute__((unused)) = {
    0xec984aec, 0xa0f9, 0x47e9, { 0x90, 0x1f, 0x71, 0x41, 0x5a, 0x66, 0x34, 0x5b }
};

#endif
