/* SPDX-License-Identifier: MIT */
/* Included before <vds.h> it defines the identifiers in this source file. */
#ifndef INITGUID
#define INITGUID
#endif
#include <windows.h>
