/* SPDX-License-Identifier: MIT */
/* What IVdsService says of the host: drive letters, which Linux has not, and the file systems of VDS's list
 * that the kernel knows. */
#include "service/service_internal.h"

#include <stdio.h>
#include <string.h>

/* The first letter in either case ([MS-VDS] 3.4.5.2.4.7); the answer is in capitals. */
HRESULT service_host_letters(WCHAR first, DWORD n, VDS_DRIVE_LETTER_PROP *ret_letters)
{
    if (first >= 'a' && first <= 'z')
        first = (WCHAR)(first - 'a' + 'A');
    if (n > 0 && !ret_letters)
        return E_INVALIDARG;
    if (first < 'A' || first > 'Z' || n > (DWORD)('Z' - first + 1))
        return E_INVALIDARG;
    for (DWORD i = 0; i < n; i++) {
        memset(&ret_letters[i], 0, sizeof ret_letters[i]);
        ret_letters[i].wcLetter = (WCHAR)(first + i); /* free: nothing here has a letter */
    }
    return S_OK;
}

static const struct file_system {
    const char *kernel; /* as in /proc/filesystems */
    VDS_FILE_SYSTEM_TYPE type;
    const char *name;
    ULONG max_label;
} file_systems[] = {
    { "vfat", VDS_FST_FAT, "FAT", 11 },    { "vfat", VDS_FST_FAT32, "FAT32", 11 },
    { "ntfs3", VDS_FST_NTFS, "NTFS", 32 }, { "exfat", VDS_FST_EXFAT, "exFAT", 11 },
    { "udf", VDS_FST_UDF, "UDF", 126 },    { "iso9660", VDS_FST_CDFS, "CDFS", 32 },
};

#define N_FILE_SYSTEMS (sizeof file_systems / sizeof file_systems[0])

/* Marks those that the kernel lists now. */
static void find_known(bool known[static N_FILE_SYSTEMS])
{
    FILE *f = fopen("/proc/filesystems", "re");
    char line[128];

    while (f && fgets(line, sizeof line, f)) {
        char *name = strrchr(line, '\t');

        name = name ? name + 1 : line;
        name[strcspn(name, "\n")] = '\0';
        for (size_t i = 0; i < N_FILE_SYSTEMS; i++)
            known[i] = known[i] || strcmp(file_systems[i].kernel, name) == 0;
    }
    if (f)
        fclose(f);
}

static HRESULT fill(VDS_FILE_SYSTEM_TYPE_PROP *prop, const struct file_system *fs)
{
    prop->type = fs->type;
    for (size_t i = 0; fs->name[i] && i < MAX_FS_NAME_SIZE - 1; i++)
        prop->wszName[i] = (WCHAR)fs->name[i];
    prop->ulMaxLableLength = fs->max_label; /* no flags: nothing can be formatted through this service */
    return com_wide("\"*/:<>?\\|", &prop->pwszIllegalLabelCharSet);
}

HRESULT service_host_file_systems(VDS_FILE_SYSTEM_TYPE_PROP **ret_props, LONG *ret_n)
{
    bool known[N_FILE_SYSTEMS] = { false };
    VDS_FILE_SYSTEM_TYPE_PROP *props;
    HRESULT hr = S_OK;
    LONG n = 0;

    find_known(known);
    props = com_task_calloc(N_FILE_SYSTEMS, sizeof *props);
    if (!props)
        return E_OUTOFMEMORY;
    for (size_t i = 0; SUCCEEDED(hr) && i < N_FILE_SYSTEMS; i++) {
        if (known[i])
            hr = fill(&props[n++], &file_systems[i]);
    }
    if (SUCCEEDED(hr) && n > 0) {
        *ret_props = props;
        *ret_n = n;
        return S_OK;
    }
    while (n > 0)
        CoTaskMemFree(props[--n].pwszIllegalLabelCharSet);
    CoTaskMemFree(props);
    return hr;
}
