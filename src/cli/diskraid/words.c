/* SPDX-License-Identifier: MIT */
#include "cli/diskraid/words.h"

#include <stdio.h>

#include "base/cleanup.h"

#define DEFINE_WORD(fn, ...)                                                                               \
    const char *fn(int value)                                                                              \
    {                                                                                                      \
        static const char *const words[] = { __VA_ARGS__ };                                                \
        return value >= 0 && (size_t)value < ARRAY_SIZE(words) && words[value] ? words[value] : "Unknown"; \
    }

DEFINE_WORD(word_status, "Unknown", "Online", "Not Ready", "No Media", "Offline", "Failed", "Missing",
            "Standby", "Removed", "Partially Managed")

DEFINE_WORD(
    word_health, [VDS_H_HEALTHY] = "Healthy", [VDS_H_REBUILDING] = "Rebuilding", [VDS_H_STALE] = "Stale",
    [VDS_H_FAILING] = "Failing", [VDS_H_FAILING_REDUNDANCY] = "Failing Redundancy",
    [VDS_H_FAILED_REDUNDANCY] = "Failed Redundancy",
    [VDS_H_FAILED_REDUNDANCY_FAILING] = "Failed Redundancy, Failing", [VDS_H_FAILED] = "Failed",
    [VDS_H_REPLACED] = "Replaced", [VDS_H_PENDING_FAILURE] = "Pending Failure", [VDS_H_DEGRADED] = "Degraded")

DEFINE_WORD(word_transition, [VDS_TS_STABLE] = "Stable", [VDS_TS_EXTENDING] = "Extending",
            [VDS_TS_SHRINKING] = "Shrinking", [VDS_TS_RECONFIGING] = "Reconfiguring",
            [VDS_TS_RESTRIPING] = "Restriping")

DEFINE_WORD(word_layout, [VDS_LT_SIMPLE] = "Simple", [VDS_LT_SPAN] = "Span", [VDS_LT_STRIPE] = "Stripe",
            [VDS_LT_MIRROR] = "Mirror", [VDS_LT_PARITY] = "Parity", [VDS_LT_RAID2] = "RAID 2",
            [VDS_LT_RAID3] = "RAID 3", [VDS_LT_RAID4] = "RAID 4", [VDS_LT_RAID5] = "RAID 5",
            [VDS_LT_RAID6] = "RAID 6", [VDS_LT_RAID01] = "RAID 01", [VDS_LT_RAID03] = "RAID 03",
            [VDS_LT_RAID05] = "RAID 05", [VDS_LT_RAID10] = "RAID 10", [VDS_LT_RAID15] = "RAID 15",
            [VDS_LT_RAID30] = "RAID 30", [VDS_LT_RAID50] = "RAID 50", [VDS_LT_RAID51] = "RAID 51",
            [VDS_LT_RAID53] = "RAID 53", [VDS_LT_RAID60] = "RAID 60", [VDS_LT_RAID61] = "RAID 61")

DEFINE_WORD(word_provider_type, [VDS_PT_SOFTWARE] = "Software", [VDS_PT_HARDWARE] = "Hardware",
            [VDS_PT_VIRTUALDISK] = "Virtual Disk")

DEFINE_WORD(word_hwprovider_type, [VDS_HWT_PCI_RAID] = "PCI RAID", [VDS_HWT_FIBRE_CHANNEL] = "Fibre Channel",
            [VDS_HWT_ISCSI] = "iSCSI", [VDS_HWT_SAS] = "SAS", [VDS_HWT_HYBRID] = "Hybrid")

DEFINE_WORD(word_bus, [VDSBusTypeScsi] = "SCSI", [VDSBusTypeAtapi] = "ATAPI", [VDSBusTypeAta] = "ATA",
            [VDSBusType1394] = "1394", [VDSBusTypeSsa] = "SSA", [VDSBusTypeFibre] = "Fibre Channel",
            [VDSBusTypeUsb] = "USB", [VDSBusTypeRAID] = "RAID", [VDSBusTypeiScsi] = "iSCSI",
            [VDSBusTypeSas] = "SAS", [VDSBusTypeSata] = "SATA", [VDSBusTypeSd] = "SD",
            [VDSBusTypeMmc] = "MMC", [VDSBusTypeVirtual] = "Virtual",
            [VDSBusTypeFileBackedVirtual] = "File-Backed Virtual", [VDSBusTypeSpaces] = "Spaces",
            [VDSBusTypeNVMe] = "NVMe", [VDSBusTypeScm] = "SCM", [VDSBusTypeUfs] = "UFS")

const char *word_size(uint64_t bytes, char text[static WORD_SIZE])
{
    static const char *const units[] = { "B", "KB", "MB", "GB", "TB", "PB", "EB" };
    size_t i = 0;

    for (; bytes >= 10000 || (bytes && bytes % 1024 == 0 && i < 2);
         i++) /* whole units up to the megabyte: "64 MB", not "65536 KB" */
        bytes /= 1024;
    snprintf(text, WORD_SIZE, "%u %s", (unsigned)bytes, units[i]);
    return text;
}

void word_flags(uint32_t flags, const struct word_flag *table, size_t n, char *text, size_t size)
{
    int at = snprintf(text, size, "%s", flags ? "" : "none");

    for (size_t i = 0; i < n && (size_t)at < size; i++) {
        if (flags & table[i].bit)
            at += snprintf(text + at, size - (size_t)at, "%s%s", at ? ", " : "", table[i].word);
        flags &= ~table[i].bit;
    }
    if (flags && (size_t)at < size)
        snprintf(text + at, size - (size_t)at, "%s0x%X", at ? ", " : "", flags);
}
