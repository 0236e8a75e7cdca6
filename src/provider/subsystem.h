/* SPDX-License-Identifier: MIT */
/* The subsystem class, for its files: subsystem.c (the faces that every array has), subsystem2.c (Windows
 * 7's), subsystem_ex.c, subsystem_tree.c and subsystem_counters.c (ours). */
#ifndef VDS_PROVIDER_SUBSYSTEM_H
#define VDS_PROVIDER_SUBSYSTEM_H

#include "provider/provider_internal.h"

struct subsystem {
    struct com_object obj;
    struct handle h;
    IVdsSubSystem face;
    IVdsSubSystemNaming naming;
    IVdsSubSystemIscsi iscsi;
    IVdsSubSystem2 second;
    IVdsSubSystemImportTarget import;
    IVdsMaintenance maintenance;
    IVdsSubSystemEx ex;
    IVdsSubSystemLunEx lun_ex;
    IVdsIscsiDiscoveryEx discovery;
    IVdsSubSystemTreeEx tree;
    IVdsSubSystemCountersEx counters;
};

/* Passes the gate and reads the subsystem. */
HRESULT provider_subsystem_get(struct subsystem *o, struct provider **ret_inside,
                               struct array_subsystem_info *ret_info);

/* What the classes here can do, whatever the array says of itself: LUNs are carved from parts of drives and
 * have numbers. */
#define SUBSYSTEM_FLAGS_OF_FACES (VDS_SF_DRIVE_EXTENT_CAPABLE | VDS_SF_SUPPORTS_LUN_NUMBER)
HRESULT subsystem_drive_at(struct provider *inside, SHORT bus, SHORT slot, IVdsDrive **ret_drive);
HRESULT subsystem_max_size(struct subsystem *o, VDS_LUN_TYPE type, VDS_OBJECT_ID *drives, LONG n_drives,
                           bool hints, ULONGLONG *ret_max);

/* IVdsSubSystem2 and IVdsSubSystemImportTarget (subsystem2.c), likewise. */
HRESULT subsystem_GetProperties2(IVdsSubSystem2 *face, VDS_SUB_SYSTEM_PROP2 *ret_prop);
HRESULT subsystem_GetDrive2(IVdsSubSystem2 *face, SHORT bus, SHORT slot, ULONG enclosure,
                            IVdsDrive **ret_drive);
HRESULT subsystem_CreateLun2(IVdsSubSystem2 *face, VDS_LUN_TYPE type, ULONGLONG size, VDS_OBJECT_ID *drives,
                             LONG n_drives, LPWSTR mask, VDS_HINTS2 *hints, IVdsAsync **ret_async);
HRESULT subsystem_QueryMaxLunCreateSize2(IVdsSubSystem2 *face, VDS_LUN_TYPE type, VDS_OBJECT_ID *drives,
                                         LONG n_drives, VDS_HINTS2 *hints, ULONGLONG *ret_max);
HRESULT subsystem_GetImportTarget(IVdsSubSystemImportTarget *face, LPWSTR *ret_name);
HRESULT subsystem_SetImportTarget(IVdsSubSystemImportTarget *face, LPWSTR wide);

/* The methods of IVdsSubSystemEx (subsystem_ex.c); its table stands with the others in subsystem.c. */
HRESULT subsystem_CreateLunEx(IVdsSubSystemEx *face, ULONGLONG size, BOOL thick, VDS_OBJECT_ID *drives,
                              LONG n_drives, LPWSTR mask, LPWSTR name, IVdsAsync **ret_async);
HRESULT subsystem_CreateLunWithFeatures(IVdsSubSystemLunEx *face, ULONGLONG size, ULONG features,
                                        ULONG block_size, ULONG physical_block_size, VDS_OBJECT_ID *drives,
                                        LONG n_drives, LPWSTR mask, LPWSTR name, IVdsAsync **ret_async);
HRESULT subsystem_QuerySessions(IVdsSubSystemEx *face, VDS_SESSION_PROP **ret_sessions, ULONG *ret_n);
HRESULT subsystem_DropSession(IVdsSubSystemEx *face, ULONGLONG id);
HRESULT subsystem_GetStatus(IVdsSubSystemEx *face, VDS_ARRAY_STATUS *ret_status);
/* subsystem_tree.c */
HRESULT subsystem_QueryTree(IVdsSubSystemTreeEx *face, ULONG parts, VDS_TREE *ret_tree);
void subsystem_tree_free(VDS_TREE *tree); /* all that hangs on it, as a client would */
HRESULT subsystem_QuerySessionCounters(IVdsSubSystemCountersEx *face, VDS_SESSION_COUNTERS **ret_rows,
                                       ULONG *ret_n, ULONGLONG *ret_time_ns); /* subsystem_counters.c */
HRESULT subsystem_QueryLunCounters(IVdsSubSystemCountersEx *face, VDS_LUN_COUNTERS **ret_rows, ULONG *ret_n,
                                   ULONGLONG *ret_time_ns);

#endif
