/* SPDX-License-Identifier: MIT */
/* What the C programs of this folder share: the public headers, a way in, HRESULTs that must be what they
 * should, faces and members of objects, ends of operations. */
#ifndef VDS_TESTS_DAEMON_API_TEST_H
#define VDS_TESTS_DAEMON_API_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/unit_test.h"

#define COBJMACROS
#include <vds/vds.h>
#include <vds/vdsclient.h>
#include <vds/vdsex.h>

#define assert_hr(expr, expected) \
    do { \
        HRESULT hr_ = (expr); \
        if (hr_ != (HRESULT)(expected)) \
            fail_msg("%s is 0x%08X (%s), expected %s", #expr, (unsigned)hr_, vds_error_text(), #expected); \
    } while (0)

/* The object as `iid`, in place of the reference that comes in. */
static inline void *taken(IUnknown *object, REFIID iid)
{
    void *face = NULL;

    assert_non_null(object);
    assert_hr(IUnknown_QueryInterface(object, iid, &face), S_OK);
    IUnknown_Release(object);
    return face;
}

static inline void *as(void *object, REFIID iid)
{
    void *face = NULL;

    assert_non_null(object);
    assert_hr(IUnknown_QueryInterface((IUnknown *)object, iid, &face), S_OK);
    return face;
}

static inline void drop(void *object)
{
    if (object)
        IUnknown_Release((IUnknown *)object);
}

/* The member after `skip` others, as `iid`; the enumeration is let go of. */
static inline void *member(IEnumVdsObject *members, ULONG skip, REFIID iid)
{
    IUnknown *object = NULL;
    ULONG n;

    assert_hr(IEnumVdsObject_Skip(members, skip), S_OK);
    assert_hr(IEnumVdsObject_Next(members, 1, &object, &n), S_OK);
    IEnumVdsObject_Release(members);
    return taken(object, iid);
}

static inline void *first(IEnumVdsObject *members, REFIID iid)
{
    return member(members, 0, iid);
}

/* The operation's result, and its output; releases it. */
static inline HRESULT ended_with(IVdsAsync *async, VDS_ASYNC_OUTPUT *ret_output)
{
    HRESULT result = E_FAIL;

    memset(ret_output, 0xaa, sizeof *ret_output);
    assert_non_null(async);
    assert_hr(IVdsAsync_Wait(async, &result, ret_output), S_OK);
    IVdsAsync_Release(async);
    if (FAILED(result))
        assert_null(ret_output->cpg.pPortalGroupUnk); /* the pages: NULL, nothing to release */
    return result;
}

/* The operation's result, and what it made; releases it. */
static inline HRESULT ended(IVdsAsync *async, IUnknown **ret_made)
{
    VDS_ASYNC_OUTPUT output;
    HRESULT result = ended_with(async, &output);

    if (ret_made)
        *ret_made = output.ct.pTargetUnk; /* in the same place in every arm that has one */
    return result;
}

/* The texts are gone already. */
static inline VDS_LUN_PROP lun_prop(IVdsLun *lun)
{
    VDS_LUN_PROP prop;

    assert_hr(IVdsLun_GetProperties(lun, &prop), S_OK);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    CoTaskMemFree(prop.pwszUnmaskingList);
    return prop;
}

/* The texts are gone already. */
static inline VDS_CONTROLLER_PROP controller_prop(IVdsController *controller)
{
    VDS_CONTROLLER_PROP prop;

    assert_hr(IVdsController_GetProperties(controller, &prop), S_OK);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    return prop;
}

/* COM, the loader, the service, ready. */
static inline IVdsService *open_service(DWORD context)
{
    IVdsServiceLoader *loader;
    IVdsService *service;

    assert_hr(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_hr(CoCreateInstance(&CLSID_VdsLoader, NULL, context, &IID_IVdsServiceLoader, (void **)&loader),
              S_OK);
    assert_hr(IVdsServiceLoader_LoadService(loader, NULL, &service), S_OK);
    IVdsServiceLoader_Release(loader);
    assert_hr(IVdsService_WaitForServiceReady(service), S_OK);
    return service;
}

#endif
