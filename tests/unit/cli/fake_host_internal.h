/* SPDX-License-Identifier: MIT */
/* What the files of the fake host share: fake_host.c has what all objects do, fake_host_array.c and
 * fake_host_lun.c what each kind does. */
#ifndef VDS_TESTS_FAKE_HOST_INTERNAL_H
#define VDS_TESTS_FAKE_HOST_INTERNAL_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "fake_host.h"

enum what {
    SERVICE,
    PROVIDER,
    SUBSYSTEM,
    CONTROLLER,
    PORT,
    DRIVE,
    LUN,
    PLEX,
    TARGET,
    TPORTAL,
    ADAPTER,
    IPORTAL,
    ASYNC,
    N_WHAT
};

#define N_EACH 8
/* Every interface of every object is one of these; the object is (what, n). */
struct face {
    const void *vtbl;
    enum what what;
    unsigned n;
};

static inline unsigned n_of(void *self)
{
    return ((struct face *)self)->n;
}

/* Adds to what fake_host_calls() gives. */
void fake_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "p0", "c1": the letter says the kind; "-" for GUID_NULL. */
void fake_log_ids(const char *name, const GUID *ids, LONG n);
/* The end of a changing call: what fake_host_answer() said. */
HRESULT fake_end(IVdsAsync **ret_async);
extern HRESULT fake_answer;

GUID fake_id(enum what what, unsigned n);
LPWSTR fake_wide(const char *text);
struct face *fake_face(enum what what, unsigned n, const IID *iid);
/* The objects (what, first) and so on for which the mask (if any) is true. */
HRESULT fake_enum(enum what what, const IID *iid, unsigned first, unsigned n, const bool *mask,
                  IEnumVdsObject **ret_enum);

HRESULT fake_query(void *self, REFIID iid, void **ret_face);
ULONG fake_count(void *self);

/* A method that only tells that it was called. */
#define DEFINE_ACT(method, name)          \
    static HRESULT method(void *self)     \
    {                                     \
        fake_log(name " %u", n_of(self)); \
        return fake_end(NULL);            \
    }

/* The three slots of IUnknown, of every table. */
#define UNKNOWN \
    .QueryInterface = (void *)fake_query, .AddRef = (void *)fake_count, .Release = (void *)fake_count

extern const IVdsServiceVtbl fake_service_vtbl;
extern const IVdsServiceIscsiVtbl fake_service_iscsi_vtbl;
extern const IVdsServiceUninstallDiskVtbl fake_uninstall_vtbl;
extern const IVdsProviderVtbl fake_provider_vtbl;
extern const IVdsHwProviderVtbl fake_hw_vtbl;
extern const IVdsSubSystemVtbl fake_subsystem_vtbl;
extern const IVdsSubSystemIscsiVtbl fake_subsystem_iscsi_vtbl;
extern const IVdsSubSystemImportTargetVtbl fake_import_vtbl;
extern const IVdsControllerVtbl fake_controller_vtbl;
extern const IVdsControllerControllerPortVtbl fake_controller_port_vtbl;
extern const IVdsControllerPortVtbl fake_port_vtbl;
extern const IVdsDriveVtbl fake_drive_vtbl;
extern const IVdsIscsiTargetVtbl fake_target_vtbl;
extern const IVdsIscsiPortalVtbl fake_tportal_vtbl;
extern const IVdsIscsiInitiatorAdapterVtbl fake_adapter_vtbl;
extern const IVdsIscsiInitiatorPortalVtbl fake_iportal_vtbl;
extern const IVdsLunVtbl fake_lun_vtbl;
extern const IVdsLunPlexVtbl fake_plex_vtbl;
extern const IVdsLunControllerPortsVtbl fake_lun_ports_vtbl;
extern const IVdsLunMpioVtbl fake_mpio_vtbl;
extern const IVdsMaintenanceVtbl fake_maintenance_vtbl;

void fake_host_array_reset(void);
void fake_host_lun_reset(void);

#endif
