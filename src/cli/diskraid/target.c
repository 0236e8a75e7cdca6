/* SPDX-License-Identifier: MIT */
/* CREATE and DELETE of targets and portal groups, ADD and REMOVE of portals. */
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/diskraid/handlers.h"
#include "cli/diskraid/kinds.h"
#include "cli/diskraid/select.h"

int target_create(struct shell *shell, const struct request *request)
{
    const char *iscsi_name = request->value[ARG_ISCSINAME].text;
    _cleanup_(freep) WCHAR *name = client_wide(request->value[ARG_NAME].text);
    _cleanup_(freep) WCHAR *wide_iscsi_name =
        request_has(request, ARG_ISCSINAME) ? client_wide(iscsi_name) : NULL;
    IVdsSubSystemIscsi *face;
    IUnknown *made = NULL;
    IVdsAsync *async;
    HRESULT hr;
    int r;

    if (!name || (request_has(request, ARG_ISCSINAME) && !wide_iscsi_name))
        return say_no_memory();
    hr = focus_face(shell, KIND_SUBSYSTEM, &IID_IVdsSubSystemIscsi, &face);
    if (SUCCEEDED(hr)) {
        hr = shell_start(IVdsSubSystemIscsi_CreateTarget(face, wide_iscsi_name, name, &async));
        IVdsSubSystemIscsi_Release(face);
    }
    if (SUCCEEDED(hr))
        hr = shell_wait(async, "creating the target", &made);
    if (FAILED(hr))
        return say_failed(hr, "The target cannot be created");
    r = select_made(shell, KIND_TARGET, made, "was created");
    RELEASE(made);
    return r;
}

int target_delete(struct shell *shell, const struct request *request)
{
    unsigned number = shell->focus[KIND_TARGET].number;
    IVdsAsync *async;
    HRESULT hr =
        shell_start(IVdsIscsiTarget_Delete((IVdsIscsiTarget *)shell->focus[KIND_TARGET].face, &async));

    (void)request;
    if (SUCCEEDED(hr))
        hr = shell_wait(async, "deleting the target", NULL);
    if (FAILED(hr))
        return say_failed(hr, "Target %u cannot be deleted", number);
    focus_clear(shell, KIND_TARGET);
    printf("Target %u was deleted.\n", number);
    return OUTCOME_DONE;
}

int tpgroup_create(struct shell *shell, const struct request *request)
{
    IUnknown *made = NULL;
    IVdsAsync *async;
    HRESULT hr = shell_start(
        IVdsIscsiTarget_CreatePortalGroup((IVdsIscsiTarget *)shell->focus[KIND_TARGET].face, &async));
    int r;

    (void)request;
    if (SUCCEEDED(hr))
        hr = shell_wait(async, "creating the target portal group", &made);
    if (FAILED(hr))
        return say_failed(hr, "The target portal group cannot be created");
    r = select_made(shell, KIND_TPGROUP, made,
                    hr == VDS_S_ALREADY_EXISTS ? "exists, no more can be made," : "was created");
    RELEASE(made);
    return r;
}

int tpgroup_delete(struct shell *shell, const struct request *request)
{
    unsigned number = shell->focus[KIND_TPGROUP].number;
    IVdsAsync *async;
    HRESULT hr = shell_start(
        IVdsIscsiPortalGroup_Delete((IVdsIscsiPortalGroup *)shell->focus[KIND_TPGROUP].face, &async));

    (void)request;
    if (SUCCEEDED(hr))
        hr = shell_wait(async, "deleting the target portal group", NULL);
    if (FAILED(hr))
        return say_failed(hr, "Target portal group %u cannot be deleted", number);
    focus_clear(shell, KIND_TPGROUP);
    printf("Target portal group %u was deleted.\n", number);
    return OUTCOME_DONE;
}

int tpgroup_add(struct shell *shell, const struct request *request)
{
    unsigned portal = (unsigned)request->value[ARG_TPORTAL].number,
             number = shell->focus[KIND_TPGROUP].number;
    IVdsAsync *async;
    GUID id;
    HRESULT hr;
    int r = objects_id(shell, KIND_TPORTAL, portal, &id);

    if (r != OUTCOME_DONE)
        return r;
    hr = shell_start(
        IVdsIscsiPortalGroup_AddPortal((IVdsIscsiPortalGroup *)shell->focus[KIND_TPGROUP].face, id, &async));
    if (SUCCEEDED(hr))
        hr = shell_wait(async, "adding the target portal", NULL);
    if (FAILED(hr))
        return say_failed(hr, "Target portal %u cannot be added to target portal group %u", portal, number);
    printf(hr == VDS_S_ALREADY_EXISTS ? "Target portal %u is in target portal group %u already.\n"
                                      : "Target portal %u was added to target portal group %u.\n",
           portal, number);
    return OUTCOME_DONE;
}

int tpgroup_remove(struct shell *shell, const struct request *request)
{
    unsigned portal = (unsigned)request->value[ARG_TPORTAL].number,
             number = shell->focus[KIND_TPGROUP].number;
    IVdsAsync *async;
    GUID id;
    HRESULT hr;
    int r = objects_id(shell, KIND_TPORTAL, portal, &id);

    if (r != OUTCOME_DONE)
        return r;
    hr = shell_start(IVdsIscsiPortalGroup_RemovePortal(
        (IVdsIscsiPortalGroup *)shell->focus[KIND_TPGROUP].face, id, &async));
    if (SUCCEEDED(hr))
        hr = shell_wait(async, "draining", NULL);
    if (FAILED(hr))
        return say_failed(hr, "Target portal %u cannot be removed from target portal group %u", portal,
                          number);
    printf("Target portal %u was removed from target portal group %u.\n", portal, number);
    return OUTCOME_DONE;
}
