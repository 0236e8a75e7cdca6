/* SPDX-License-Identifier: MIT */
/* ONLINE, OFFLINE, STANDBY, NAME, MAINTENANCE, FLUSHCACHE, INVALIDATECACHE, RESET, REENUMERATE, REFRESH,
 * REPLACE, SETFLAG. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf.h"
#include "cli/diskraid/handlers.h"
#include "cli/diskraid/kinds.h"

/* "LUN 3 was taken offline.", or why not. */
static int say_done(const struct shell *shell, enum kind kind, HRESULT hr, const char *done,
                    const char *not_done)
{
    char title[KIND_TITLE_SIZE];

    if (FAILED(hr))
        return say_failed(hr, "%s %u cannot be %s", kind_title(kind, title), shell->focus[kind].number,
                          not_done);
    printf("%s %u %s.\n", kind_title(kind, title), shell->focus[kind].number, done);
    return OUTCOME_DONE;
}

/* ---- status ---------------------------------------------------------------------------------- */

/* All status enumerations share their numbers. */
static HRESULT set_status(const struct shell *shell, enum kind kind, int status)
{
    IUnknown *face = shell->focus[kind].face;

    switch (kind) {
    case KIND_SUBSYSTEM:
        return IVdsSubSystem_SetStatus((IVdsSubSystem *)face, (VDS_SUB_SYSTEM_STATUS)status);
    case KIND_CONTROLLER:
        return IVdsController_SetStatus((IVdsController *)face, (VDS_CONTROLLER_STATUS)status);
    case KIND_DRIVE:
        return IVdsDrive_SetStatus((IVdsDrive *)face, (VDS_DRIVE_STATUS)status);
    case KIND_LUN:
        return IVdsLun_SetStatus((IVdsLun *)face, (VDS_LUN_STATUS)status);
    case KIND_TPORTAL:
        return IVdsIscsiPortal_SetStatus((IVdsIscsiPortal *)face, (VDS_ISCSI_PORTAL_STATUS)status);
    default:
        return VDS_E_NOT_SUPPORTED; /* paths of an HBA port */
    }
}

int online_run(struct shell *shell, const struct request *request)
{
    enum kind kind = request->form->object;

    return say_done(shell, kind, set_status(shell, kind, STATUS_ONLINE), "is now online", "put online");
}

int offline_run(struct shell *shell, const struct request *request)
{
    enum kind kind = request->form->object;

    return say_done(shell, kind, set_status(shell, kind, STATUS_OFFLINE), "is now offline", "taken offline");
}

int standby_run(struct shell *shell, const struct request *request)
{
    return say_done(shell, request->form->object, VDS_E_NOT_SUPPORTED, "", "put on standby");
}

/* ---- names ----------------------------------------------------------------------------------- */

#define NAME_UNITS_MAX 63 /* "less than 64 characters" */

static HRESULT set_name(const struct shell *shell, enum kind kind, WCHAR *name)
{
    IVdsSubSystemNaming *subsystem;
    IVdsLunNaming *lun;
    HRESULT hr;

    if (kind == KIND_TARGET)
        return IVdsIscsiTarget_SetFriendlyName((IVdsIscsiTarget *)shell->focus[kind].face, name);
    if (kind == KIND_LUN) {
        hr = focus_face(shell, kind, &IID_IVdsLunNaming, &lun);
        if (SUCCEEDED(hr)) {
            hr = IVdsLunNaming_SetFriendlyName(lun, name);
            IVdsLunNaming_Release(lun);
        }
        return hr;
    }
    hr = focus_face(shell, kind, &IID_IVdsSubSystemNaming, &subsystem);
    if (SUCCEEDED(hr)) {
        hr = IVdsSubSystemNaming_SetFriendlyName(subsystem, name);
        IVdsSubSystemNaming_Release(subsystem);
    }
    return hr;
}

int name_run(struct shell *shell, const struct request *request)
{
    const char *text = request_has(request, ARG_NEW_NAME) ? request->value[ARG_NEW_NAME].text : "";
    enum kind kind = request->form->object;
    _cleanup_(freep) WCHAR *name = NULL;
    size_t units = 0;
    HRESULT hr;

    if (utf16_length(text, &units) < 0 || units > NAME_UNITS_MAX)
        return say_syntax(request->command, request->form, "Syntax error: a name has less than %d characters",
                          NAME_UNITS_MAX + 1);
    name = client_wide(text);
    if (!name)
        return say_no_memory();
    hr = set_name(shell, kind, name);
    if (hr == VDS_S_NAME_TRUNCATED)
        printf("The name was too long for the provider, which has cut it.\n");
    return say_done(shell, kind, hr, *text ? "was named" : "has no name any more", "named");
}

/* ---- maintenance ----------------------------------------------------------------------------- */

/* Only what runs can pulse: what does not is started for it. */
static HRESULT pulse(IVdsMaintenance *face, VDS_MAINTENANCE_OPERATION operation, ULONG count)
{
    HRESULT hr = IVdsMaintenance_PulseMaintenance(face, operation, count);

    if (hr != S_FALSE)
        return hr;
    hr = IVdsMaintenance_StartMaintenance(face, operation);
    return FAILED(hr) ? hr : IVdsMaintenance_PulseMaintenance(face, operation, count);
}

int maintenance_run(struct shell *shell, const struct request *request)
{
    VDS_MAINTENANCE_OPERATION operation =
        (VDS_MAINTENANCE_OPERATION)(request->value[ARG_OPERATION].number + BlinkLight);
    enum kind kind = request->form->object;
    IVdsMaintenance *face;
    HRESULT hr = focus_face(shell, kind, &IID_IVdsMaintenance, &face);

    if (SUCCEEDED(hr)) {
        hr = request_has(request, ARG_COUNT)
                 ? pulse(face, operation, (ULONG)request->value[ARG_COUNT].number)
                 : IVdsMaintenance_StartMaintenance(face, operation);
        IVdsMaintenance_Release(face);
    }
    return say_done(shell, kind, hr, "has begun the operation", "maintained in this way");
}

int flushcache_run(struct shell *shell, const struct request *request)
{
    (void)request;
    return say_done(shell, KIND_CONTROLLER,
                    IVdsController_FlushCache((IVdsController *)shell->focus[KIND_CONTROLLER].face),
                    "has flushed its cache", "made to flush its cache");
}

int invalidatecache_run(struct shell *shell, const struct request *request)
{
    (void)request;
    return say_done(shell, KIND_CONTROLLER,
                    IVdsController_InvalidateCache((IVdsController *)shell->focus[KIND_CONTROLLER].face),
                    "has dropped its cache", "made to drop its cache");
}

int reset_run(struct shell *shell, const struct request *request)
{
    enum kind kind = request->form->object;
    IUnknown *face = shell->focus[kind].face;
    HRESULT hr;

    if (kind == KIND_CONTROLLER)
        hr = IVdsController_Reset((IVdsController *)face);
    else
        hr = face ? IVdsControllerPort_Reset((IVdsControllerPort *)face) : VDS_E_NOT_SUPPORTED;
    return say_done(shell, kind, hr, "was reset", "reset");
}

/* ---- looking again --------------------------------------------------------------------------- */

static int on_provider(struct shell *shell, HRESULT (*act)(IVdsHwProvider *provider), const char *done,
                       const char *not_done)
{
    IVdsHwProvider *face;
    HRESULT hr = focus_face(shell, KIND_PROVIDER, &IID_IVdsHwProvider, &face);

    if (SUCCEEDED(hr)) {
        hr = act(face);
        IVdsHwProvider_Release(face);
    }
    return say_done(shell, KIND_PROVIDER, hr, done, not_done);
}

static HRESULT reenumerate(IVdsHwProvider *provider)
{
    return IVdsHwProvider_Reenumerate(provider);
}

static HRESULT refresh(IVdsHwProvider *provider)
{
    return IVdsHwProvider_Refresh(provider);
}

int reenumerate_subsystems(struct shell *shell, const struct request *request)
{
    (void)request;
    return on_provider(shell, reenumerate, "has looked for its subsystems",
                       "made to look for its subsystems");
}

int refresh_provider(struct shell *shell, const struct request *request)
{
    (void)request;
    return on_provider(shell, refresh, "was refreshed", "refreshed");
}

int reenumerate_drives(struct shell *shell, const struct request *request)
{
    (void)request;
    return say_done(shell, KIND_SUBSYSTEM,
                    IVdsSubSystem_Reenumerate((IVdsSubSystem *)shell->focus[KIND_SUBSYSTEM].face),
                    "has looked for its drives", "made to look for its drives");
}

/* ---- drives ---------------------------------------------------------------------------------- */

int replace_run(struct shell *shell, const struct request *request)
{
    unsigned old = (unsigned)request->value[ARG_DRIVE].number, number = shell->focus[KIND_DRIVE].number;
    GUID id;
    HRESULT hr;
    int r = objects_id(shell, KIND_DRIVE, old, &id);

    if (r != OUTCOME_DONE)
        return r;
    if (old == number)
        return say_selection("Drive %u is the selected drive; it cannot replace itself.", old);
    hr = IVdsSubSystem_ReplaceDrive((IVdsSubSystem *)shell->focus[KIND_SUBSYSTEM].face, id,
                                    shell->focus[KIND_DRIVE].id);
    if (FAILED(hr))
        return say_failed(hr, "Drive %u cannot be replaced by drive %u", old, number);
    printf("Drive %u was replaced by drive %u.\n", old, number);
    return OUTCOME_DONE;
}

int setflag_run(struct shell *shell, const struct request *request)
{
    IVdsDrive *face = (IVdsDrive *)shell->focus[KIND_DRIVE].face;
    bool spare = request->value[ARG_HOTSPARE].number;
    HRESULT hr =
        spare ? IVdsDrive_SetFlags(face, VDS_DRF_HOTSPARE) : IVdsDrive_ClearFlags(face, VDS_DRF_HOTSPARE);

    return say_done(shell, KIND_DRIVE, hr, spare ? "is now a hot spare" : "is no hot spare",
                    spare ? "made a hot spare" : "made an ordinary drive");
}
