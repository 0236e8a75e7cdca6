/* SPDX-License-Identifier: MIT */
/* What VDS sources take from <winioctl.h> to read VDS_DISK_PROP and to fill in CREATE_PARTITION_PARAMETERS, and no more: there are no
 * device controls here. Values: [MS-VDS] section 2.2.2.10.2.1, page ns-vds-create_partition_parameters. On Windows itself, what is there. */
#ifdef _WIN32
#include_next <winioctl.h>
#elif !defined(VDS_COMPAT_WINIOCTL_H)
#define VDS_COMPAT_WINIOCTL_H

#include <vds/vdsbase.h>

#include "diskguid.h"

/* dwDeviceType */
#define FILE_DEVICE_CD_ROM 0x2
#define FILE_DEVICE_DISK   0x7
#define FILE_DEVICE_DVD    0x33

/* dwMediaType */
typedef enum _MEDIA_TYPE {
    Unknown = 0,
    RemovableMedia = 11,
    FixedMedia = 12,
} MEDIA_TYPE;

/* MbrPartInfo.partitionType */
#define PARTITION_ENTRY_UNUSED    0x00
#define PARTITION_FAT_12          0x01
#define PARTITION_XENIX_1         0x02
#define PARTITION_XENIX_2         0x03
#define PARTITION_FAT_16          0x04
#define PARTITION_EXTENDED        0x05
#define PARTITION_HUGE            0x06
#define PARTITION_IFS             0x07
#define PARTITION_OS2BOOTMGR      0x0A
#define PARTITION_FAT32           0x0B
#define PARTITION_FAT32_XINT13    0x0C
#define PARTITION_XINT13          0x0E
#define PARTITION_XINT13_EXTENDED 0x0F
#define PARTITION_PREP            0x41
#define PARTITION_LDM             0x42
#define PARTITION_UNIX            0x63
#define PARTITION_NTFT            0x80

/* GptPartInfo.attributes */
#define GPT_ATTRIBUTE_PLATFORM_REQUIRED          0x0000000000000001ull
#define GPT_BASIC_DATA_ATTRIBUTE_READ_ONLY       0x1000000000000000ull
#define GPT_BASIC_DATA_ATTRIBUTE_SHADOW_COPY     0x2000000000000000ull
#define GPT_BASIC_DATA_ATTRIBUTE_HIDDEN          0x4000000000000000ull
#define GPT_BASIC_DATA_ATTRIBUTE_NO_DRIVE_LETTER 0x8000000000000000ull

#endif
