/* SPDX-License-Identifier: MIT */
/* For sources that include it beside <windows.h>, or instead. */
#include <windows.h>
