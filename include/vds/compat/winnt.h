/* SPDX-License-Identifier: MIT */
/* For sources that include it beside <windows.h>, or instead. On Windows itself, what is there. */
#ifdef _WIN32
#include_next <winnt.h>
#else
#include <windows.h>
#endif
