/* SPDX-License-Identifier: MIT */
/* The two halves of the test that C and C++ understand each other's objects: test_calls.c and calls.cpp. */
#ifndef VDS_TESTS_IDL_CALLS_H
#define VDS_TESTS_IDL_CALLS_H

#include <vds/vds.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Calls p->AddPortal(portal) the C++ way. */
HRESULT cxx_add_portal(IVdsIscsiPortalGroup *p, VDS_OBJECT_ID portal);
/* p->QueryInterface(iid), released again. */
HRESULT cxx_query(IVdsIscsiPortalGroup *p, const IID *iid);
/* An object written as a C++ class; it answers OnNotify() with 0x100 + the number of notifications. One reference. */
IVdsAdviseSink *cxx_sink(void);

#ifdef __cplusplus
}
#endif

#endif
