/* SPDX-License-Identifier: MIT */
/* One binary interface: an object written in C is called through the C macros and from C++, one written in C++ from C. */
#include "../unit_test.h"

#include <string.h>

#define COBJMACROS
#include "calls.h"

static struct {
    ULONG references;
    VDS_OBJECT_ID added;
} seen;

static HRESULT STDMETHODCALLTYPE group_QueryInterface(IVdsIscsiPortalGroup *p, REFIID iid, void **ret_object)
{
    *ret_object = IsEqualIID(iid, &IID_IVdsIscsiPortalGroup) ? p : NULL;
    if (!*ret_object)
        return E_NOINTERFACE;
    seen.references++;
    return S_OK;
}

static ULONG STDMETHODCALLTYPE group_AddRef(IVdsIscsiPortalGroup *p)
{
    (void)p;
    return ++seen.references;
}

static ULONG STDMETHODCALLTYPE group_Release(IVdsIscsiPortalGroup *p)
{
    (void)p;
    return --seen.references;
}

static HRESULT STDMETHODCALLTYPE group_AddPortal(IVdsIscsiPortalGroup *p, VDS_OBJECT_ID portal, IVdsAsync **ret_async)
{
    (void)p;
    seen.added = portal;
    *ret_async = NULL;
    return VDS_S_ALREADY_EXISTS;
}

static const IVdsIscsiPortalGroupVtbl group_vtbl = {
    .QueryInterface = group_QueryInterface,
    .AddRef = group_AddRef,
    .Release = group_Release,
    .AddPortal = group_AddPortal,
};
static IVdsIscsiPortalGroup group = { &group_vtbl };

static const VDS_OBJECT_ID portal = { 0x01020304, 0x0506, 0x0708, { 9, 10, 11, 12, 13, 14, 15, 16 } };

static void an_object_in_c_is_called_through_the_macros(void **state)
{
    IVdsAsync *async;

    (void)state;
    seen.references = 1;
    assert_int_equal(IVdsIscsiPortalGroup_AddRef(&group), 2);
    assert_int_equal(IVdsIscsiPortalGroup_Release(&group), 1);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(&group, portal, &async), VDS_S_ALREADY_EXISTS);
    assert_memory_equal(&seen.added, &portal, sizeof portal);
}

#ifdef HAVE_CXX
static void an_object_in_c_is_called_from_cxx(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(cxx_add_portal(&group, portal), VDS_S_ALREADY_EXISTS);
    assert_memory_equal(&seen.added, &portal, sizeof portal);
    assert_int_equal(cxx_query(&group, &IID_IVdsIscsiPortalGroup), S_OK);
    assert_int_equal(cxx_query(&group, &IID_IVdsLun), E_NOINTERFACE);
    assert_int_equal(seen.references, 0);
}

static void an_object_in_cxx_is_called_from_c(void **state)
{
    IVdsAdviseSink *sink = cxx_sink();
    VDS_NOTIFICATION notifications[7];
    IUnknown *unknown = NULL;

    (void)state;
    assert_int_equal(IVdsAdviseSink_OnNotify(sink, 7, notifications), 0x107);
    assert_int_equal(IVdsAdviseSink_QueryInterface(sink, &IID_IUnknown, (void **)&unknown), S_OK);
    assert_int_equal(IUnknown_Release(unknown), 1);
    assert_int_equal(IVdsAdviseSink_Release(sink), 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_in_c_is_called_through_the_macros),
#ifdef HAVE_CXX
        cmocka_unit_test(an_object_in_c_is_called_from_cxx),
        cmocka_unit_test(an_object_in_cxx_is_called_from_c),
#endif
    };

    return RUN_TESTS(tests);
}
