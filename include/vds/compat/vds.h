/* SPDX-License-Identifier: MIT */
/* The name by which sources for Windows know it, with what they get along with it. */
#include <windows.h>

#include <vds/vds.h>

#include "diskguid.h"
#include "virtdisk.h"
