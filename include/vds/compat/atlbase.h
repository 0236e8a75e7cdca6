/* SPDX-License-Identifier: MIT */
/* The part of ATL that VDS sources take: its smart pointers. Here and with MinGW, which has no ATL. */
#ifdef _MSC_VER
#include_next <atlbase.h>
#else
#include <atlcomcli.h>
#endif
