/* SPDX-License-Identifier: MIT */
/* Targets, groups and portals. */
#include "fake_internal.h"

#include <stdio.h>

FAKE_UNKNOWN(IVdsIscsiTarget, target)
FAKE_UNKNOWN(IVdsIscsiPortalGroup, group)
FAKE_UNKNOWN(IVdsIscsiPortal, portal)

static HRESULT target_properties(IVdsIscsiTarget *p, VDS_ISCSI_TARGET_PROP *out)
{
    struct fake_object *o = from_IVdsIscsiTarget(p);
    char name[64];
    HRESULT hr = fake_check(o);

    if (FAILED(hr))
        return hr;
    snprintf(name, sizeof name, "iqn.2026-01.example:t%u", o->number);
    *out = (VDS_ISCSI_TARGET_PROP){ .id = fake_id(FAKE_TARGET, o->number),
                                    .pwszIscsiName = fake_wide(name),
                                    .bChapEnabled = 77 };
    return S_OK;
}

static HRESULT target_subsystem(IVdsIscsiTarget *p, IVdsSubSystem **ret)
{
    IUnknown *unknown = NULL;
    HRESULT hr = fake_object_new(from_IVdsIscsiTarget(p)->fake, FAKE_SUBSYSTEM, 1, &unknown);

    *ret = (IVdsSubSystem *)unknown;
    return hr;
}

static HRESULT target_create_group(IVdsIscsiTarget *p, IVdsAsync **ret)
{
    struct fake_object *o = from_IVdsIscsiTarget(p);
    HRESULT hr = fake_check(o);

    if (SUCCEEDED(hr))
        hr = fake_start_op(o->fake, VDS_ASYNCOUT_CREATEPORTALGROUP, FAKE_GROUP, 1, ret);
    return hr == S_OK ? VDS_S_ALREADY_EXISTS : hr;
}

static HRESULT target_secret(IVdsIscsiTarget *p, VDS_ISCSI_SHARED_SECRET *secret, LPWSTR initiator)
{
    struct fake_record *last = &from_IVdsIscsiTarget(p)->fake->last;

    last->secret_null = !secret;
    last->initiator_null = !initiator;
    fake_narrow(last->initiator, sizeof last->initiator, initiator);
    last->secret_size = secret ? secret->ulSharedSecretSize : 0;
    if (secret && secret->pSharedSecret && secret->ulSharedSecretSize < sizeof last->secret)
        memcpy(last->secret, secret->pSharedSecret, secret->ulSharedSecretSize);
    return S_OK;
}

static HRESULT target_initiators(IVdsIscsiTarget *p, LPWSTR **ret, LONG *ret_n)
{
    struct fake_object *o = from_IVdsIscsiTarget(p);

    *ret = NULL;
    *ret_n = 0;
    if (o->number == 2) /* nobody */
        return S_OK;
    *ret = com_task_calloc(3, sizeof **ret);
    (*ret)[0] = fake_wide("iqn.one");
    (*ret)[1] = fake_wide("");
    (*ret)[2] = fake_wide("iqn.three");
    *ret_n = 3;
    return S_OK;
}

static HRESULT group_properties(IVdsIscsiPortalGroup *p, VDS_ISCSI_PORTALGROUP_PROP *out)
{
    struct fake_object *o = from_IVdsIscsiPortalGroup(p);
    HRESULT hr = fake_check(o);

    if (SUCCEEDED(hr))
        *out = (VDS_ISCSI_PORTALGROUP_PROP){ .id = fake_id(FAKE_GROUP, o->number),
                                             .tag = (USHORT)(65534 + o->number) };
    return hr;
}

static HRESULT group_target(IVdsIscsiPortalGroup *p, IVdsIscsiTarget **ret)
{
    IUnknown *unknown = NULL;
    HRESULT hr = fake_object_new(from_IVdsIscsiPortalGroup(p)->fake, FAKE_TARGET, 1, &unknown);

    *ret = (IVdsIscsiTarget *)unknown;
    return hr;
}

static HRESULT group_add_portal(IVdsIscsiPortalGroup *p, VDS_OBJECT_ID portal, IVdsAsync **ret)
{
    struct fake_object *o = from_IVdsIscsiPortalGroup(p);
    HRESULT hr = fake_check(o);

    if (FAILED(hr))
        return hr;
    pthread_mutex_lock(&o->fake->lock);
    o->fake->last.portal = portal;
    pthread_mutex_unlock(&o->fake->lock);
    return fake_start_op(o->fake, VDS_ASYNCOUT_ADDPORTAL, FAKE_PORTAL, 1, ret);
}

static HRESULT portal_properties(IVdsIscsiPortal *p, VDS_ISCSI_PORTAL_PROP *out)
{
    struct fake_object *o = from_IVdsIscsiPortal(p);

    *out = (VDS_ISCSI_PORTAL_PROP){ .id = fake_id(FAKE_PORTAL, o->number), .status = VDS_IPS_ONLINE };
    out->address = (VDS_IPADDRESS){ .type = VDS_IPT_IPV6,
                                    .ipv6Address = { 0xfe, 0x80, [15] = 1 },
                                    .ulPort = 3260,
                                    .ipv4Address = 0x7f000001 };
    for (int i = 0; i < 256; i++) /* as long as it may be */
        out->address.wszTextAddress[i] = (WCHAR)('a' + i % 26);
    return S_OK;
}

static HRESULT portal_set_status(IVdsIscsiPortal *p, VDS_ISCSI_PORTAL_STATUS status)
{
    from_IVdsIscsiPortal(p)->fake->last.status = status;
    return S_FALSE;
}

static HRESULT portal_tunnel(IVdsIscsiPortal *p, VDS_IPADDRESS *tunnel, VDS_IPADDRESS *destination)
{
    struct fake_record *last = &from_IVdsIscsiPortal(p)->fake->last;

    last->tunnel = *tunnel;
    last->destination = *destination;
    return VDS_E_NOT_SUPPORTED;
}

IVdsIscsiTargetVtbl fake_target_vtbl = {
    FAKE_SLOTS(IVdsIscsiTarget),      .GetProperties = target_properties,
    .GetSubSystem = target_subsystem, .CreatePortalGroup = target_create_group,
    .SetSharedSecret = target_secret, .GetConnectedInitiators = target_initiators,
};

IVdsIscsiPortalGroupVtbl fake_group_vtbl = { FAKE_SLOTS(IVdsIscsiPortalGroup),
                                               .GetProperties = group_properties, .GetTarget = group_target,
                                               .AddPortal = group_add_portal };

IVdsIscsiPortalVtbl fake_portal_vtbl = { FAKE_SLOTS(IVdsIscsiPortal), .GetProperties = portal_properties,
                                           .SetStatus = portal_set_status,
                                           .SetIpsecTunnelAddress = portal_tunnel };
