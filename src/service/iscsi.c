/* SPDX-License-Identifier: MIT */
/* IVdsServiceIscsi: the face of the service object that stands for the host's own initiator (initiator.c). */
#include "service/initiator.h"

#include "base/error_text.h"
#include "service/service_internal.h"

HRESULT service_not_supported(const char *why)
{
    error_text_set("%s", why);
    return VDS_E_NOT_SUPPORTED;
}

/* The service behind the face, ready, with a reference. */
static HRESULT enter(IVdsServiceIscsi *face, IVdsService **ret_service)
{
    HRESULT hr = IVdsServiceIscsi_QueryInterface(face, &IID_IVdsService, (void **)ret_service);

    return FAILED(hr) ? hr : IVdsService_WaitForServiceReady(*ret_service);
}

HRESULT service_iscsi_GetInitiatorName(IVdsServiceIscsi *face, LPWSTR *ret_name)
{
    (void)face;
    if (!ret_name)
        return E_POINTER; /* the one method of VDS whose page says so */
    *ret_name = NULL;
    return initiator_name(ret_name);
}

HRESULT service_iscsi_QueryInitiatorAdapters(IVdsServiceIscsi *face, IEnumVdsObject **ret_enum)
{
    _cleanup_(com_releasep) IVdsService *service = NULL;
    HRESULT hr;

    if (!ret_enum)
        return E_INVALIDARG;
    *ret_enum = NULL;
    hr = enter(face, &service);
    return FAILED(hr) ? hr : initiator_adapters(service, ret_enum);
}

HRESULT service_iscsi_SetIpsecGroupPresharedKey(IVdsServiceIscsi *face, VDS_ISCSI_IPSEC_KEY *key)
{
    (void)face;
    (void)key;
    return service_not_supported(NO_IPSEC);
}

HRESULT service_iscsi_SetAllIpsecTunnelAddresses(IVdsServiceIscsi *face, VDS_IPADDRESS *tunnel,
                                                 VDS_IPADDRESS *destination)
{
    (void)face;
    (void)tunnel;
    (void)destination;
    return service_not_supported(NO_IPSEC);
}

HRESULT service_iscsi_SetAllIpsecSecurity(IVdsServiceIscsi *face, VDS_OBJECT_ID portal, ULONGLONG flags,
                                         VDS_ISCSI_IPSEC_KEY *key)
{
    (void)face;
    (void)portal;
    (void)flags;
    (void)key;
    return service_not_supported(NO_IPSEC);
}

static HRESULT set_secret(IVdsServiceIscsi *face, VDS_OBJECT_ID target, bool mutual,
                          const VDS_ISCSI_SHARED_SECRET *secret)
{
    _cleanup_(com_releasep) IVdsService *service = NULL;
    HRESULT hr = enter(face, &service);

    return FAILED(hr) ? hr : initiator_set_secret(service, target, mutual, secret);
}

HRESULT service_iscsi_SetInitiatorSharedSecret(IVdsServiceIscsi *face, VDS_ISCSI_SHARED_SECRET *secret,
                                               VDS_OBJECT_ID target)
{
    return set_secret(face, target, /* mutual= */ true, secret);
}

HRESULT service_iscsi_RememberTargetSharedSecret(IVdsServiceIscsi *face, VDS_OBJECT_ID target,
                                                 VDS_ISCSI_SHARED_SECRET *secret)
{
    return set_secret(face, target, /* mutual= */ false, secret);
}
