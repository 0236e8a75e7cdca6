/* SPDX-License-Identifier: MIT */
/* Drive extents, from what the array says of drives and LUNs: one per LUN with the bytes it has taken, one
 * for the free space. A LUN in memory has none. */
#include "provider/provider_internal.h"

static void add_extent(VDS_DRIVE_EXTENT *extents, LONG *n, const struct guid *drive, const struct guid *lun,
                       uint64_t size)
{
    VDS_DRIVE_EXTENT *e = &extents[(*n)++];

    e->id = com_GUID(drive);
    e->LunId = lun ? com_GUID(lun) : GUID_NULL;
    e->ullSize = size;
    e->bUsed = lun ? TRUE : FALSE;
}

bool lun_takes_space(const struct array_lun_info *info)
{
    return !(info->features & ARRAY_LUN_VOLATILE);
}

/* A LUN that goes while the list is made is left out. */
static void add_luns(struct provider *inside, const struct guid *drive, const struct guid *only,
                     const struct guid *luns, size_t n_luns, VDS_DRIVE_EXTENT *extents, LONG *n)
{
    for (size_t i = 0; i < n_luns; i++) {
        struct array_lun_info info;

        if ((only && !guid_equal(only, &luns[i])) ||
            FAILED(array_lun_get(inside->config.array, &luns[i], &info)))
            continue;
        if (guid_equal(&info.drive, drive) && lun_takes_space(&info))
            add_extent(extents, n, drive, &info.id, info.allocated);
        array_lun_info_fini(&info);
    }
}

HRESULT extents_query(struct provider *inside, const struct guid *drive, const struct guid *lun,
                      VDS_DRIVE_EXTENT **ret_extents, LONG *ret_n)
{
    _cleanup_(com_task_freep) VDS_DRIVE_EXTENT *extents = NULL;
    _cleanup_(freep) struct guid *luns = NULL;
    struct array_drive_info info;
    size_t n_luns = 0;
    LONG n = 0;
    HRESULT hr = array_query(inside->config.array, ARRAY_LUNS, NULL, &luns, &n_luns);

    if (SUCCEEDED(hr) && !lun)
        hr = array_drive_get(inside->config.array, drive, &info);
    if (FAILED(hr))
        return hr;
    extents = com_task_calloc(n_luns + 1, sizeof *extents);
    if (!extents)
        return E_OUTOFMEMORY;
    add_luns(inside, drive, lun, luns, n_luns, extents, &n);
    if (!lun && info.free > 0)
        add_extent(extents, &n, drive, NULL, info.free);
    if (n > 0)
        *ret_extents = TAKE_PTR(extents);
    *ret_n = n;
    return S_OK;
}
