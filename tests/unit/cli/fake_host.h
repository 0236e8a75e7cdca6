/* SPDX-License-Identifier: MIT */
/* A service with what our own array does not have: two controllers with two ports each, drives to replace,
 * paths, an initiator. Objects are static and are not counted. It remembers what changing methods were given,
 * as text. */
#ifndef VDS_TESTS_FAKE_HOST_H
#define VDS_TESTS_FAKE_HOST_H

#define COBJMACROS
#include <vds/vds.h>

/* To be called before each test. */
void fake_host_reset(void);
IVdsService *fake_host_service(void);

/* "Extend 1048576 d0 d1; " since the last call of it. */
const char *fake_host_calls(void);

/* What changing methods answer from now on. */
void fake_host_answer(HRESULT hr);

#endif
