/* SPDX-License-Identifier: MIT */
/* CHAP secrets on their way in: of targets (IVdsIscsiTarget) and of discovery (IVdsIscsiDiscoveryEx). There
 * is no way out. */
#include "provider/secret.h"

#include <string.h>

/* No structure, or NULL and 0 in it: none from now on. */
static HRESULT secret_argument(const VDS_ISCSI_SHARED_SECRET *secret, const void **ret_bytes, size_t *ret_n)
{
    *ret_bytes = secret ? secret->pSharedSecret : NULL;
    *ret_n = secret ? secret->ulSharedSecretSize : 0;
    return !*ret_bytes == !*ret_n ? S_OK : E_INVALIDARG;
}

HRESULT secret_set(struct provider *p, const struct guid *target, bool mutual, LPWSTR initiator_wide,
                   const VDS_ISCSI_SHARED_SECRET *secret)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) char *initiator = NULL;
    const void *bytes;
    size_t n;
    HRESULT hr = secret_argument(secret, &bytes, &n);

    if (SUCCEEDED(hr) && initiator_wide)
        hr = com_utf8(initiator_wide, &initiator);
    if (SUCCEEDED(hr))
        hr = provider_enter(p, &inside);
    return FAILED(hr) ? hr : array_secret_set(inside->config.array, target, mutual, initiator, bytes, n);
}

/* ---- discovery ----------------------------------------------------------------------------------------- */

static struct provider *provider_of(IVdsIscsiDiscoveryEx *face)
{
    return container_of(face, struct subsystem, discovery)->h.provider;
}

HRESULT subsystem_SetDiscoverySecret(IVdsIscsiDiscoveryEx *face, VDS_ISCSI_SHARED_SECRET *secret,
                                     LPWSTR initiator)
{
    return secret_set(provider_of(face), NULL, /* mutual= */ false, initiator, secret);
}

HRESULT subsystem_RememberDiscoverySecret(IVdsIscsiDiscoveryEx *face, LPWSTR initiator,
                                          VDS_ISCSI_SHARED_SECRET *secret)
{
    return secret_set(provider_of(face), NULL, /* mutual= */ true, initiator, secret);
}

HRESULT subsystem_GetDiscoveryChap(IVdsIscsiDiscoveryEx *face, BOOL *ret_chap)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    bool chap = false;
    HRESULT hr;

    if (!ret_chap)
        return E_INVALIDARG;
    *ret_chap = FALSE;
    hr = provider_enter(provider_of(face), &inside);
    if (SUCCEEDED(hr))
        hr = array_discovery_chap(inside->config.array, &chap);
    if (SUCCEEDED(hr))
        *ret_chap = chap;
    return hr;
}
