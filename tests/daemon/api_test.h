/* SPDX-License-Identifier: MIT */
/* What the C programs of this folder share: the public headers, a way in, and HRESULTs that must be what they should. */
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

/* COM, the loader, the service, ready. */
static inline IVdsService *open_service(DWORD context)
{
    IVdsServiceLoader *loader;
    IVdsService *service;

    assert_hr(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_hr(CoCreateInstance(&CLSID_VdsLoader, NULL, context, &IID_IVdsServiceLoader, (void **)&loader), S_OK);
    assert_hr(IVdsServiceLoader_LoadService(loader, NULL, &service), S_OK);
    IVdsServiceLoader_Release(loader);
    assert_hr(IVdsService_WaitForServiceReady(service), S_OK);
    return service;
}

#endif
