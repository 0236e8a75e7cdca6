/* SPDX-License-Identifier: MIT */
/* A provider over the fake array, loaded, with a sink that listens; and short ways to the things that most
 * tests need. */
#ifndef VDS_TESTS_UNIT_PROVIDER_FIXTURE_H
#define VDS_TESTS_UNIT_PROVIDER_FIXTURE_H

#include "com_sink.h"
#include "fake_array.h"
#include "provider/provider.h"

#include <vds/vdsex.h>

struct fixture {
    struct provider_feed *feed;
    struct array *array;
    IClassFactory *factory;
    IVdsProviderPrivate *private_face;
    IVdsHwProvider *hw;
    IVdsSubSystem *subsystem;
    IVdsSubSystemIscsi *iscsi;
    struct test_sink *sink;
};

static inline void *query(void *object, const IID *iid)
{
    void *face = NULL;

    assert_int_equal(IUnknown_QueryInterface((IUnknown *)object, iid, &face), S_OK);
    assert_non_null(face);
    return face;
}

/* Releases an object, given by any of its faces: the _Release() macros would evaluate a call twice. */
static inline void drop(void *object)
{
    IUnknown_Release((IUnknown *)object);
}

/* The member at `index` of an enumeration, as that interface; releases the enumeration. */
static inline void *member(IEnumVdsObject *e, ULONG index, const IID *iid)
{
    IUnknown *object = NULL;
    ULONG n = 0;
    void *face;

    assert_non_null(e);
    assert_int_equal(IEnumVdsObject_Skip(e, index), S_OK);
    assert_int_equal(IEnumVdsObject_Next(e, 1, &object, &n), S_OK);
    face = query(object, iid);
    IUnknown_Release(object);
    IEnumVdsObject_Release(e);
    return face;
}

static inline size_t count(IEnumVdsObject *e)
{
    size_t total = 0;
    IUnknown *object = NULL;
    ULONG n = 0;

    assert_non_null(e);
    while (IEnumVdsObject_Next(e, 1, &object, &n) == S_OK) {
        IUnknown_Release(object);
        total++;
    }
    IEnumVdsObject_Release(e);
    return total;
}

/* Waits for the operation and gives its output as that interface (NULL: it has none). Releases the async
 * object. */
static inline void *finish_as(IVdsAsync *async, HRESULT expected, const IID *iid)
{
    VDS_ASYNC_OUTPUT out;
    HRESULT hr = E_FAIL;
    void *face = NULL;

    assert_non_null(async);
    assert_int_equal(IVdsAsync_Wait(async, &hr, &out), S_OK);
    assert_int_equal(hr, expected);
    if (iid) {
        face = query(out.ct.pTargetUnk, iid); /* all output arms lie in the same place */
        IUnknown_Release(out.ct.pTargetUnk);
    } else {
        assert_null(out.ct.pTargetUnk);
    }
    IVdsAsync_Release(async);
    return face;
}

static inline void finish(IVdsAsync *async, HRESULT expected)
{
    finish_as(async, expected, NULL);
}

static inline IVdsIscsiTarget *make_target(struct fixture *f, const char16_t *name)
{
    IVdsAsync *async = NULL;
    WCHAR friendly[] = u"friend";

    assert_int_equal(IVdsSubSystemIscsi_CreateTarget(f->iscsi, (LPWSTR)name, friendly, &async), S_OK);
    return finish_as(async, S_OK, &IID_IVdsIscsiTarget);
}

static inline IVdsIscsiPortalGroup *make_group(IVdsIscsiTarget *target)
{
    IVdsAsync *async = NULL;

    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(target, &async), S_OK);
    return finish_as(async, S_OK, &IID_IVdsIscsiPortalGroup);
}

static inline IVdsLun *make_lun(struct fixture *f)
{
    IVdsAsync *async = NULL;
    WCHAR nobody[] = u"";

    assert_int_equal(
        IVdsSubSystem_CreateLun(f->subsystem, VDS_LT_SIMPLE, 1 << 30, NULL, 0, nobody, NULL, &async), S_OK);
    return finish_as(async, S_OK, &IID_IVdsLun);
}

static inline IVdsIscsiPortal *portal_at(struct fixture *f, ULONG index)
{
    IEnumVdsObject *e = NULL;

    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(f->iscsi, &e), S_OK);
    return member(e, index, &IID_IVdsIscsiPortal);
}

static inline VDS_OBJECT_ID portal_id_at(struct fixture *f, ULONG index)
{
    IVdsIscsiPortal *portal = portal_at(f, index);
    VDS_ISCSI_PORTAL_PROP prop;

    assert_int_equal(IVdsIscsiPortal_GetProperties(portal, &prop), S_OK);
    IVdsIscsiPortal_Release(portal);
    return prop.id;
}

static inline VDS_OBJECT_ID target_id(IVdsIscsiTarget *target)
{
    VDS_ISCSI_TARGET_PROP prop;

    assert_int_equal(IVdsIscsiTarget_GetProperties(target, &prop), S_OK);
    CoTaskMemFree(prop.pwszIscsiName);
    CoTaskMemFree(prop.pwszFriendlyName);
    return prop.id;
}

static inline VDS_OBJECT_ID lun_id(IVdsLun *lun)
{
    VDS_LUN_PROP prop;

    assert_int_equal(IVdsLun_GetProperties(lun, &prop), S_OK);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    CoTaskMemFree(prop.pwszUnmaskingList);
    return prop.id;
}

static inline bool same_id(GUID a, GUID b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static inline bool same_text(const WCHAR *a, const char16_t *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

/* ---- set-up -------------------------------------------------------------------------------------------- */

static inline void fixture_make(struct fixture *f)
{
    struct provider_config config;

    memset(f, 0, sizeof *f);
    assert_int_equal(provider_feed_create(&f->feed), S_OK);
    f->array = fake_array_open(provider_feed_notify, f->feed);
    config = (struct provider_config){ .array = f->array, .feed = f->feed };
    assert_int_equal(provider_factory_create(&config, &f->factory), S_OK);
    assert_int_equal(
        IClassFactory_CreateInstance(f->factory, NULL, &IID_IVdsProviderPrivate, (void **)&f->private_face),
        S_OK);
    f->hw = query(f->private_face, &IID_IVdsHwProvider);
    f->sink = test_sink_new();
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    IEnumVdsObject *e = NULL;
    WCHAR machine[] = u"";

    fixture_make(f);
    assert_int_equal(IVdsProviderPrivate_OnLoad(f->private_face, machine, (IUnknown *)&f->sink->face), S_OK);
    assert_int_equal(IVdsHwProvider_QuerySubSystems(f->hw, &e), S_OK);
    f->subsystem = member(e, 0, &IID_IVdsSubSystem);
    f->iscsi = query(f->subsystem, &IID_IVdsSubSystemIscsi);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;

    if (f->iscsi)
        IVdsSubSystemIscsi_Release(f->iscsi);
    if (f->subsystem)
        IVdsSubSystem_Release(f->subsystem);
    IVdsProviderPrivate_OnUnload(f->private_face, TRUE);
    IVdsHwProvider_Release(f->hw);
    IVdsProviderPrivate_Release(f->private_face);
    IClassFactory_Release(f->factory);
    IVdsAdviseSink_Release(&f->sink->face);
    fake_array_close(f->array);
    provider_feed_destroy(f->feed);
    free(f);
    return com_check_nothing_alive(state);
}

#define provider_test(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

#endif
