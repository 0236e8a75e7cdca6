/* SPDX-License-Identifier: MIT */
#include "fake_host_internal.h"

#include <stdarg.h>

static char calls[2048];
HRESULT fake_answer;
void fake_log(const char *format, ...)
{
    size_t n = strlen(calls);
    va_list args;

    va_start(args, format);
    vsnprintf(calls + n, sizeof calls - n, format, args);
    va_end(args);
}

GUID fake_id(enum what what, unsigned n)
{
    return (GUID){ .Data1 = 1 + (ULONG)what, .Data2 = (USHORT)(n + 1) };
}

void fake_log_ids(const char *name, const GUID *ids, LONG n)
{
    static const char letters[] = "SPscpdlxtTaiA";

    fake_log(" %s=", name);
    for (LONG i = 0; i < n; i++) {
        if (ids[i].Data1 == 0)
            fake_log("-");
        else
            fake_log("%s%c%d", i ? "," : "", letters[ids[i].Data1 - 1], ids[i].Data2 - 1);
    }
}

LPWSTR fake_wide(const char *text)
{
    WCHAR *w = CoTaskMemAlloc((strlen(text) + 1) * sizeof *w);

    for (size_t i = 0; i <= strlen(text); i++)
        w[i] = (unsigned char)text[i];
    return w;
}

/* ---- IUnknown -------------------------------------------------------------------------------- */

HRESULT fake_query(void *self, REFIID iid, void **ret_face)
{
    struct face *f = self;

    *ret_face = fake_face(f->what, f->n, iid);
    return *ret_face ? S_OK : E_NOINTERFACE;
}

ULONG fake_count(void *self)
{
    (void)self;
    return 1;
}

/* ---- enumerations and operations ------------------------------------------------------------- */

static struct {
    const IEnumVdsObjectVtbl *vtbl;
    unsigned n, at;
    IUnknown *item[N_EACH];
} enums[8];
static unsigned next_enum;

static HRESULT enum_Next(void *self, ULONG celt, IUnknown **objects, ULONG *ret_n)
{
    __typeof__(enums[0]) *e = self;

    for (*ret_n = 0; *ret_n < celt && e->at < e->n; (*ret_n)++)
        objects[*ret_n] = e->item[e->at++];
    return *ret_n == celt ? S_OK : S_FALSE;
}

static const IEnumVdsObjectVtbl enum_vtbl = { UNKNOWN, .Next = (void *)enum_Next };

HRESULT fake_enum(enum what what, const IID *iid, unsigned first, unsigned n, const bool *mask,
                         IEnumVdsObject **ret_enum)
{
    __typeof__(enums[0]) *e = &enums[next_enum++ % 8]; /* never that many at once */

    e->vtbl = &enum_vtbl;
    e->n = e->at = 0;
    for (unsigned i = first; i < first + n; i++) {
        if (!mask || mask[i])
            e->item[e->n++] = (IUnknown *)fake_face(what, i, iid);
    }
    *ret_enum = (IEnumVdsObject *)e;
    return S_OK;
}

static HRESULT async_Wait(void *self, HRESULT *ret_hr, VDS_ASYNC_OUTPUT *ret_output)
{
    (void)self;
    *ret_hr = S_OK;
    memset(ret_output, 0, sizeof *ret_output);
    return S_OK;
}

static const IVdsAsyncVtbl async_vtbl = { UNKNOWN, .Wait = (void *)async_Wait };

HRESULT fake_end(IVdsAsync **ret_async)
{
    fake_log("; ");
    if (ret_async)
        *ret_async = SUCCEEDED(fake_answer) ? (IVdsAsync *)fake_face(ASYNC, 0, &IID_IVdsAsync) : NULL;
    return fake_answer;
}

/* ---- all of them ------------------------------------------------------------------------------ */

static const struct {
    enum what what;
    const IID *iid;
    const void *vtbl;
} tables[] = {
    { SERVICE, &IID_IVdsService, &fake_service_vtbl },
    { SERVICE, &IID_IVdsServiceIscsi, &fake_service_iscsi_vtbl },
    { SERVICE, &IID_IVdsServiceUninstallDisk, &fake_uninstall_vtbl },
    { PROVIDER, &IID_IVdsProvider, &fake_provider_vtbl },
    { PROVIDER, &IID_IVdsHwProvider, &fake_hw_vtbl },
    { SUBSYSTEM, &IID_IVdsSubSystem, &fake_subsystem_vtbl },
    { SUBSYSTEM, &IID_IVdsSubSystemIscsi, &fake_subsystem_iscsi_vtbl },
    { SUBSYSTEM, &IID_IVdsSubSystemImportTarget, &fake_import_vtbl },
    { CONTROLLER, &IID_IVdsController, &fake_controller_vtbl },
    { CONTROLLER, &IID_IVdsControllerControllerPort, &fake_controller_port_vtbl },
    { PORT, &IID_IVdsControllerPort, &fake_port_vtbl },
    { DRIVE, &IID_IVdsDrive, &fake_drive_vtbl },
    { DRIVE, &IID_IVdsMaintenance, &fake_maintenance_vtbl },
    { LUN, &IID_IVdsLun, &fake_lun_vtbl },
    { LUN, &IID_IVdsLunControllerPorts, &fake_lun_ports_vtbl },
    { LUN, &IID_IVdsLunMpio, &fake_mpio_vtbl },
    { LUN, &IID_IVdsMaintenance, &fake_maintenance_vtbl },
    { PLEX, &IID_IVdsLunPlex, &fake_plex_vtbl },
    { TARGET, &IID_IVdsIscsiTarget, &fake_target_vtbl },
    { TPORTAL, &IID_IVdsIscsiPortal, &fake_tportal_vtbl },
    { ADAPTER, &IID_IVdsIscsiInitiatorAdapter, &fake_adapter_vtbl },
    { IPORTAL, &IID_IVdsIscsiInitiatorPortal, &fake_iportal_vtbl },
    { ASYNC, &IID_IVdsAsync, &async_vtbl },
};
static struct face faces[ARRAY_SIZE(tables)][N_EACH];

struct face *fake_face(enum what what, unsigned n, const IID *iid)
{
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        if (tables[i].what == what &&
            (memcmp(iid, tables[i].iid, sizeof *iid) == 0 || memcmp(iid, &IID_IUnknown, sizeof *iid) == 0)) {
            faces[i][n] = (struct face){ tables[i].vtbl, what, n };
            return &faces[i][n];
        }
    }
    return NULL;
}

void fake_host_reset(void)
{
    calls[0] = '\0';
    fake_answer = S_OK;
    fake_host_array_reset();
    fake_host_lun_reset();
}

IVdsService *fake_host_service(void)
{
    return (IVdsService *)fake_face(SERVICE, 0, &IID_IVdsService);
}

const char *fake_host_calls(void)
{
    static char text[sizeof calls];

    strcpy(text, calls);
    calls[0] = '\0';
    return text;
}

void fake_host_answer(HRESULT hr)
{
    fake_answer = hr;
}
