/* SPDX-License-Identifier: MIT */
/* The name by which sources for Windows know it. */
#include <vds/vdserr.h>
