/* SPDX-License-Identifier: MIT */
/* The subsystem class, for its two files: subsystem.c (VDS's faces) and subsystem_ex.c (ours). */
#ifndef VDS_PROVIDER_SUBSYSTEM_H
#define VDS_PROVIDER_SUBSYSTEM_H

#include "provider/provider_internal.h"

struct subsystem {
    struct com_object obj;
    struct handle h;
    IVdsSubSystem face;
    IVdsSubSystemNaming naming;
    IVdsSubSystemIscsi iscsi;
    IVdsSubSystemEx ex;
    IVdsSubSystemLunEx lun_ex;
    IVdsIscsiDiscoveryEx discovery;
};

/* Passes the gate and reads the subsystem. */
HRESULT provider_subsystem_get(struct subsystem *o, struct provider **ret_inside,
                               struct array_subsystem_info *ret_info);

struct lun_request {
    ULONGLONG size;
    bool thick;
    const VDS_OBJECT_ID *drives;
    LONG n_drives;
    LPWSTR mask, name; /* name may be NULL */
    uint32_t features, block_size, physical_block_size; /* as array_lun_spec has them */
};
HRESULT provider_lun_create(struct subsystem *o, const struct lun_request *request, IVdsAsync **ret_async);

/* The methods of IVdsSubSystemEx (subsystem_ex.c); its table stands with the others in subsystem.c. */
HRESULT subsystem_CreateLunEx(IVdsSubSystemEx *face, ULONGLONG size, BOOL thick, VDS_OBJECT_ID *drives,
                              LONG n_drives, LPWSTR mask, LPWSTR name, IVdsAsync **ret_async);
HRESULT subsystem_CreateLunWithFeatures(IVdsSubSystemLunEx *face, ULONGLONG size, ULONG features, ULONG block_size,
                                        ULONG physical_block_size, VDS_OBJECT_ID *drives, LONG n_drives, LPWSTR mask,
                                        LPWSTR name, IVdsAsync **ret_async);
HRESULT subsystem_QuerySessions(IVdsSubSystemEx *face, VDS_SESSION_PROP **ret_sessions, ULONG *ret_n);
HRESULT subsystem_DropSession(IVdsSubSystemEx *face, ULONGLONG id);
HRESULT subsystem_GetStatus(IVdsSubSystemEx *face, VDS_ARRAY_STATUS *ret_status);

#endif
