/* SPDX-License-Identifier: MIT */
/* Identifiers that are declared from here on, by <vds.h> or by DEFINE_GUID() of the program itself, are defined in this source file, whether
 * <windows.h> came before or not. On Windows itself, what is there. */
#ifdef _WIN32
#include_next <initguid.h>
#elif !defined(VDS_COMPAT_INITGUID_H)
#define VDS_COMPAT_INITGUID_H

#ifdef VDS_VDSBASE_H
#ifndef INITGUID /* then these have been declared only */
#define INITGUID
#undef DEFINE_GUID
#define DEFINE_GUID VDS_DEFINE_GUID
VDS_DEFINE_GUID(GUID_NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
VDS_DEFINE_GUID(IID_IUnknown, 0x00000000, 0x0000, 0x0000, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46);
VDS_DEFINE_GUID(IID_IClassFactory, 0x00000001, 0x0000, 0x0000, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46);
#endif
#elif !defined(INITGUID)
#define INITGUID
#endif
#include <windows.h>

#endif
