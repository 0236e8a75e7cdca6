/* SPDX-License-Identifier: MIT */
/* The name of the host's initiator and its CHAP secrets. They go where open-iscsi keeps them, its node
 * records: RememberTargetSharedSecret is what this host proves itself with, SetInitiatorSharedSecret what it
 * demands of targets in return (mutual). */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/error_text.h"
#include "service/initiator.h"
#include "service/login.h"
#include "service/records.h"

#define NAME_FILE "initiatorname.iscsi"

/* "InitiatorName=iqn...." */
static HRESULT read_name(char name[static LOGIN_NAME_SIZE])
{
    char path[PATH_MAX], line[LOGIN_NAME_SIZE + 32];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", records_folder(), NAME_FILE);
    name[0] = '\0';
    f = fopen(path, "re");
    while (f && !name[0] && fgets(line, sizeof line, f)) {
        line[strcspn(line, " \t\r\n")] = '\0';
        if (strncmp(line, "InitiatorName=", 14) == 0 && strlen(line + 14) < LOGIN_NAME_SIZE)
            strcpy(name, line + 14);
    }
    if (f)
        fclose(f);
    if (name[0])
        return S_OK;
    error_text_set("open-iscsi has no initiator name in %s, or it cannot be read", path);
    return VDS_E_NOT_SUPPORTED;
}

HRESULT initiator_name(LPWSTR *ret_name)
{
    char name[LOGIN_NAME_SIZE];
    HRESULT hr = initiator_installed();

    if (SUCCEEDED(hr))
        hr = read_name(name);
    return FAILED(hr) ? hr : com_wide(name, ret_name);
}

/* ---- secrets ------------------------------------------------------------------------------------------- */

/* In a record a secret is text behind "= ", to the end of the line. None: "". */
static HRESULT secret_text(const VDS_ISCSI_SHARED_SECRET *secret, char text[static RECORD_VALUE_SIZE])
{
    ULONG n = secret ? secret->ulSharedSecretSize : 0;

    text[0] = '\0';
    if (n == 0)
        return S_OK;
    if (n < 12 || n > 16 || !secret->pSharedSecret)
        return E_INVALIDARG;
    for (ULONG i = 0; i < n; i++) {
        if (secret->pSharedSecret[i] <= ' ' || secret->pSharedSecret[i] > '~') {
            error_text_set("open-iscsi takes letters, digits and punctuation only in a secret");
            return E_INVALIDARG;
        }
    }
    memcpy(text, secret->pSharedSecret, n);
    text[n] = '\0';
    return S_OK;
}

/* The names that go with the secrets: open-iscsi wants both, and its own is what a target knows the initiator
 * by. */
static HRESULT auth_fill(bool mutual, const VDS_ISCSI_SHARED_SECRET *secret, struct record_auth *ret_auth)
{
    HRESULT hr = secret_text(secret, ret_auth->value[mutual ? RECORD_SECRET_IN : RECORD_SECRET]);

    if (SUCCEEDED(hr))
        hr = initiator_installed();
    if (FAILED(hr) || mutual || !ret_auth->value[RECORD_SECRET][0])
        return hr;
    return read_name(ret_auth->value[RECORD_USER]);
}

static HRESULT make_record(IVdsService *service, VDS_OBJECT_ID target_id, const char *target)
{
    struct login where = { 0 };
    HRESULT hr = initiator_any_portal(service, target_id, where.portal, sizeof where.portal);

    if (FAILED(hr))
        return hr == (HRESULT)VDS_E_ISCSI_LOGIN_FAILED ? VDS_E_OBJECT_NOT_FOUND : hr;
    snprintf(where.target, sizeof where.target, "%s", target);
    return login_make_record(&where);
}

/* Also for a target that open-iscsi has not seen yet. `target` NULL: for all that it has. */
static HRESULT store_secret(IVdsService *service, VDS_OBJECT_ID target_id, const char *target, bool mutual,
                            const struct record_auth *auth)
{
    bool clear = !auth->value[mutual ? RECORD_SECRET_IN : RECORD_SECRET][0];
    unsigned fields = mutual ? RECORD_IN : RECORD_OWN;
    HRESULT hr = records_write(target, fields, auth, mutual && !clear);

    if (hr != (HRESULT)VDS_E_OBJECT_NOT_FOUND)
        return hr;
    if (clear)
        return S_OK;
    if (!target) {
        error_text_set("open-iscsi knows no target yet: name the one that the secret is for");
        return hr;
    }
    hr = make_record(service, target_id, target);
    return FAILED(hr) ? hr : records_write(target, fields, auth, mutual);
}

HRESULT initiator_set_secret(IVdsService *service, VDS_OBJECT_ID target_id, bool mutual,
                             const VDS_ISCSI_SHARED_SECRET *secret)
{
    bool all = guid_is_null(com_guid(&target_id));
    struct record_auth auth = { 0 };
    char target[LOGIN_NAME_SIZE];
    HRESULT hr = all && !mutual ? E_INVALIDARG : auth_fill(mutual, secret, &auth);

    if (SUCCEEDED(hr) && !all)
        hr = initiator_target_name(service, target_id, target);
    records_lock();
    if (SUCCEEDED(hr))
        hr = store_secret(service, target_id, all ? NULL : target, mutual, &auth);
    records_unlock();
    explicit_bzero(&auth, sizeof auth);
    return hr;
}
