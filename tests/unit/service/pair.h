/* SPDX-License-Identifier: MIT */
/* A target with a group in the house, and the way in by one of its portals. */
#ifndef VDS_TESTS_UNIT_SERVICE_PAIR_H
#define VDS_TESTS_UNIT_SERVICE_PAIR_H

#include "house.h"

#define NAME_A "iqn.2026-01.example:a"

struct pair {
    IVdsIscsiTarget *target;
    IVdsIscsiPortalGroup *group;
};

static inline VDS_OBJECT_ID portal_id(struct house *h, const char *text)
{
    VDS_ISCSI_PORTAL_PROP prop = { 0 };
    IEnumVdsObject *e = NULL;
    IUnknown *object = NULL;
    ULONG n = 0, port = (ULONG)atoi(strrchr(text, ':') + 1);
    bool found = false;

    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(h->iscsi, &e), S_OK);
    while (!found && IEnumVdsObject_Next(e, 1, &object, &n) == S_OK) {
        IVdsIscsiPortal *portal = query(object, &IID_IVdsIscsiPortal);

        assert_int_equal(IVdsIscsiPortal_GetProperties(portal, &prop), S_OK);
        found = prop.address.ulPort == port && (prop.address.type == VDS_IPT_IPV6) == (text[0] == '[');
        drop(portal);
        drop(object);
    }
    drop(e);
    assert_true(found);
    return prop.id;
}

static inline IVdsIscsiTarget *make_target(struct house *h, const char16_t *name)
{
    IVdsIscsiTarget *target = NULL;
    IVdsAsync *async = NULL;
    WCHAR friendly[] = u"friend";

    assert_int_equal(IVdsSubSystemIscsi_CreateTarget(h->iscsi, (LPWSTR)name, friendly, &async), S_OK);
    assert_int_equal(wait_as(async, &IID_IVdsIscsiTarget, &target), S_OK);
    return target;
}

static inline IVdsIscsiPortalGroup *make_group(IVdsIscsiTarget *target, HRESULT expected)
{
    IVdsIscsiPortalGroup *group = NULL;
    IVdsAsync *async = NULL;

    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(target, &async), S_OK);
    assert_int_equal(wait_as(async, &IID_IVdsIscsiPortalGroup, &group), expected);
    return group;
}

static inline struct pair make_pair(struct house *h)
{
    struct pair p = { .target = make_target(h, u"" NAME_A) };

    p.group = make_group(p.target, S_OK);
    return p;
}

static inline void drop_pair(struct pair *p)
{
    drop(p->group);
    drop(p->target);
}

static inline HRESULT add(IVdsIscsiPortalGroup *group, VDS_OBJECT_ID portal)
{
    IVdsAsync *async = NULL;
    HRESULT hr = IVdsIscsiPortalGroup_AddPortal(group, portal, &async);

    if (FAILED(hr)) {
        assert_null(async);
        return hr;
    }
    return wait_for(async);
}

/* What the wire says: 0 and the tag, or the login's status. */
static inline int login(struct initiator *in, const char *portal, const char *target)
{
    int r;

    initiator_init(in, 1);
    r = initiator_connect_text(in, portal);
    return r < 0 ? r : initiator_login(in, target);
}

#endif
