/* SPDX-License-Identifier: MIT */
/* INITIATOR, LOGIN, LOGOUT, CHAP, IMPORTTARGET: the initiator of the machine on which the service runs, and
 * secrets. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/diskraid/handlers.h"
#include "cli/diskraid/kinds.h"

int initiator_run(struct shell *shell, const struct request *request)
{
    IVdsServiceIscsi *face;
    LPWSTR name;
    HRESULT hr = shell_service_face(shell, &IID_IVdsServiceIscsi, &face);
    _cleanup_(freep) char *text = NULL;

    (void)request;
    if (SUCCEEDED(hr)) {
        hr = IVdsServiceIscsi_GetInitiatorName(face, &name);
        IVdsServiceIscsi_Release(face);
    }
    if (FAILED(hr))
        return say_failed(hr, "The name of the initiator cannot be read");
    text = client_take_string(name);
    printf("The iSCSI name of the initiator is %s.\n", text);
    return OUTCOME_DONE;
}

/* ---- LOGIN, LOGOUT --------------------------------------------------------------------------- */

/* The initiator portal of an adapter that need not be in focus. */
static int iportal_of(struct shell *shell, const struct object *adapter, unsigned number, GUID *ret_id)
{
    struct object before = shell->focus[KIND_IADAPTER];
    int r;

    shell->focus[KIND_IADAPTER] = *adapter;
    r = objects_id(shell, KIND_IPORTAL, number, ret_id);
    shell->focus[KIND_IADAPTER] = before;
    return r;
}

static HRESULT login(struct shell *shell, const struct request *request, IVdsIscsiInitiatorAdapter *adapter,
                     GUID tportal, GUID iportal)
{
    ULONG flags = (request_has(request, ARG_IPS) ? VDS_ILF_REQUIRE_IPSEC : 0) |
                  (request_has(request, ARG_EMP) ? VDS_ILF_MULTIPATH_ENABLED : 0);
    IVdsAsync *async;
    HRESULT hr = shell_start(IVdsIscsiInitiatorAdapter_LoginToTarget(
        adapter,
        request_has(request, ARG_LOGIN_TYPE) ? (VDS_ISCSI_LOGIN_TYPE)request->value[ARG_LOGIN_TYPE].number
                                             : VDS_ILT_MANUAL,
        shell->focus[KIND_TARGET].id, tportal, iportal, flags, request_has(request, ARG_EHD),
        request_has(request, ARG_EDD),
        request_has(request, ARG_CHAP) ? (VDS_ISCSI_AUTH_TYPE)request->value[ARG_CHAP].number : VDS_IAT_NONE,
        &async));

    return FAILED(hr) ? hr : shell_wait(async, "logging in", NULL);
}

int login_run(struct shell *shell, const struct request *request)
{
    unsigned number = (unsigned)request->value[ARG_IADAPTER].number,
             target = shell->focus[KIND_TARGET].number;
    GUID tportal = GUID_NULL, iportal = GUID_NULL;
    struct object adapter;
    HRESULT hr;
    int r = objects_take(shell, KIND_IADAPTER, number, &adapter);

    if (r != OUTCOME_DONE)
        return r;
    if (request_has(request, ARG_TPORTAL))
        r = objects_id(shell, KIND_TPORTAL, (unsigned)request->value[ARG_TPORTAL].number, &tportal);
    if (r == OUTCOME_DONE && request_has(request, ARG_IPORTAL))
        r = iportal_of(shell, &adapter, (unsigned)request->value[ARG_IPORTAL].number, &iportal);
    if (r == OUTCOME_DONE) {
        hr = login(shell, request, (IVdsIscsiInitiatorAdapter *)adapter.face, tportal, iportal);
        if (FAILED(hr))
            r = say_failed(hr, "Initiator adapter %u cannot log in to target %u", number, target);
        else
            printf("Initiator adapter %u is logged in to target %u.\n", number, target);
    }
    RELEASE(adapter.face);
    return r;
}

int logout_run(struct shell *shell, const struct request *request)
{
    unsigned number = (unsigned)request->value[ARG_IADAPTER].number,
             target = shell->focus[KIND_TARGET].number;
    struct object adapter;
    IVdsAsync *async;
    HRESULT hr;
    int r = objects_take(shell, KIND_IADAPTER, number, &adapter);

    if (r != OUTCOME_DONE)
        return r;
    hr = shell_start(IVdsIscsiInitiatorAdapter_LogoutFromTarget((IVdsIscsiInitiatorAdapter *)adapter.face,
                                                                shell->focus[KIND_TARGET].id, &async));
    RELEASE(adapter.face);
    if (SUCCEEDED(hr))
        hr = shell_wait(async, "logging out", NULL);
    if (FAILED(hr))
        return say_failed(hr, "Initiator adapter %u cannot log out of target %u", number, target);
    printf("Initiator adapter %u is logged out of target %u.\n", number, target);
    return OUTCOME_DONE;
}

/* ---- CHAP ------------------------------------------------------------------------------------ */

/* The bytes of the line itself, which is wiped after the command; empty: NULL and 0, which clears. */
static VDS_ISCSI_SHARED_SECRET secret_of(const struct request *request)
{
    const char *text = request->value[ARG_SECRET].text;

    return (VDS_ISCSI_SHARED_SECRET){ *text ? (UCHAR *)(uintptr_t)text : NULL, (ULONG)strlen(text) };
}

static int say_secret(HRESULT hr, const struct request *request)
{
    if (FAILED(hr))
        return say_failed(hr, "The secret cannot be %s",
                          *request->value[ARG_SECRET].text ? "set" : "cleared");
    printf("The secret was %s.\n", *request->value[ARG_SECRET].text ? "set" : "cleared");
    return OUTCOME_DONE;
}

static int chap_initiator(struct shell *shell, const struct request *request, bool remember)
{
    VDS_ISCSI_SHARED_SECRET secret = secret_of(request);
    IVdsServiceIscsi *face;
    GUID target = GUID_NULL;
    HRESULT hr;
    int r = OUTCOME_DONE;

    if (request_has(request, ARG_TARGET)) {
        r = focus_need(shell, KIND_BIT(KIND_SUBSYSTEM));
        if (r == OUTCOME_DONE)
            r = objects_id(shell, KIND_TARGET, (unsigned)request->value[ARG_TARGET].number, &target);
    }
    if (r != OUTCOME_DONE)
        return r;
    hr = shell_service_face(shell, &IID_IVdsServiceIscsi, &face);
    if (SUCCEEDED(hr)) {
        hr = remember ? IVdsServiceIscsi_RememberTargetSharedSecret(face, target, &secret)
                      : IVdsServiceIscsi_SetInitiatorSharedSecret(face, &secret, target);
        IVdsServiceIscsi_Release(face);
    }
    return say_secret(hr, request);
}

int chap_initiator_set(struct shell *shell, const struct request *request)
{
    return chap_initiator(shell, request, false);
}

int chap_initiator_remember(struct shell *shell, const struct request *request)
{
    return chap_initiator(shell, request, true);
}

static int chap_target(struct shell *shell, const struct request *request, bool remember)
{
    IVdsIscsiTarget *face = (IVdsIscsiTarget *)shell->focus[KIND_TARGET].face;
    VDS_ISCSI_SHARED_SECRET secret = secret_of(request);
    _cleanup_(freep) WCHAR *initiator =
        request_has(request, ARG_INITIATOR) ? client_wide(request->value[ARG_INITIATOR].text) : NULL;

    if (request_has(request, ARG_INITIATOR) && !initiator)
        return say_no_memory();
    return say_secret(remember ? IVdsIscsiTarget_RememberInitiatorSharedSecret(face, initiator, &secret)
                               : IVdsIscsiTarget_SetSharedSecret(face, &secret, initiator),
                      request);
}

int chap_target_set(struct shell *shell, const struct request *request)
{
    return chap_target(shell, request, false);
}

int chap_target_remember(struct shell *shell, const struct request *request)
{
    return chap_target(shell, request, true);
}

/* ---- IMPORTTARGET ---------------------------------------------------------------------------- */

int importtarget_show(struct shell *shell, const struct request *request)
{
    IVdsSubSystemImportTarget *face;
    LPWSTR name;
    HRESULT hr = focus_face(shell, KIND_SUBSYSTEM, &IID_IVdsSubSystemImportTarget, &face);
    _cleanup_(freep) char *text = NULL;

    (void)request;
    if (SUCCEEDED(hr)) {
        hr = IVdsSubSystemImportTarget_GetImportTarget(face, &name);
        IVdsSubSystemImportTarget_Release(face);
    }
    if (hr == VDS_E_NO_IMPORT_TARGET) {
        printf("Subsystem %u has no import target.\n", shell->focus[KIND_SUBSYSTEM].number);
        return OUTCOME_DONE;
    }
    if (FAILED(hr))
        return say_failed(hr, "The import target cannot be read");
    text = client_take_string(name);
    printf("The import target of subsystem %u is %s.\n", shell->focus[KIND_SUBSYSTEM].number, text);
    return OUTCOME_DONE;
}

int importtarget_set(struct shell *shell, const struct request *request)
{
    IVdsSubSystemImportTarget *face;
    VDS_ISCSI_TARGET_PROP p;
    HRESULT hr = focus_face(shell, KIND_SUBSYSTEM, &IID_IVdsSubSystemImportTarget, &face);

    (void)request;
    if (SUCCEEDED(hr)) {
        hr = IVdsIscsiTarget_GetProperties((IVdsIscsiTarget *)shell->focus[KIND_TARGET].face, &p);
        if (SUCCEEDED(hr)) {
            hr = IVdsSubSystemImportTarget_SetImportTarget(face, p.pwszIscsiName);
            CoTaskMemFree(p.pwszFriendlyName);
            CoTaskMemFree(p.pwszIscsiName);
        }
        IVdsSubSystemImportTarget_Release(face);
    }
    if (FAILED(hr))
        return say_failed(hr, "The import target cannot be set");
    printf("Target %u is now the import target of subsystem %u.\n", shell->focus[KIND_TARGET].number,
           shell->focus[KIND_SUBSYSTEM].number);
    return OUTCOME_DONE;
}
