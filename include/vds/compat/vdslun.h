/* SPDX-License-Identifier: MIT */
/* The name by which sources for Windows know the identification of LUNs and the hints; here they are with the rest. */
#include <windows.h>

#include <vds/vdstypes.h>
