/* SPDX-License-Identifier: MIT */
/* Included before <vds.h> it defines the identifiers in this source file. On Windows itself, what is there. */
#ifdef _WIN32
#include_next <initguid.h>
#else
#ifndef INITGUID
#define INITGUID
#endif
#include <windows.h>
#endif
