/* SPDX-License-Identifier: MIT */
/* The system's header, and its functions for 16-bit text. */
#include_next <wchar.h>
#ifndef _WIN32
#include "wide.h"
#endif
