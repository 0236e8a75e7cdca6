/* SPDX-License-Identifier: MIT */
/* Making LUNs: what every CreateLun...() and QueryMaxLunCreateSize...() shares, whichever face it stands
 * on. */
#include "provider/provider_internal.h"

HRESULT provider_lun_create(struct provider *p, const struct lun_request *request, IVdsAsync **ret_async)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(operation_start_fini) struct operation_start start = { 0 };
    _cleanup_(freep) char *mask = NULL, *name = NULL;
    struct array_lun_spec spec;
    HRESULT hr = drives_argument(request->drives, request->n_drives);

    if (SUCCEEDED(hr) && request->size == 0)
        hr = E_INVALIDARG;
    if (SUCCEEDED(hr))
        hr = name_argument(request->mask, &mask);
    if (SUCCEEDED(hr) && request->name)
        hr = com_utf8(request->name, &name);
    if (SUCCEEDED(hr))
        hr = operation_begin(p, VDS_ASYNCOUT_CREATELUN, provider_lun_new, ret_async, &inside,
                             &start);
    if (SUCCEEDED(hr)) {
        spec = (struct array_lun_spec){
            .size = request->size,
            .thick = request->thick,
            .drives = request->n_drives ? com_guid(request->drives) : NULL,
            .n_drives = (size_t)request->n_drives,
            .mask = mask,
            .friendly_name = name,
            .features = request->features,
            .block_size = request->block_size,
            .physical_block_size = request->physical_block_size,
            .write_through = request->write_through,
        };
        hr = array_lun_create(inside->config.array, &spec, start.op);
    }
    return operation_admitted(hr, &start, ret_async);
}

#define SIMPLE_ONLY "LUNs of this array are simple: nothing is mirrored, striped or protected by parity"

HRESULT lun_type_check(VDS_LUN_TYPE type, LONG n_drives, bool hints)
{
    switch (type) {
    case VDS_LT_DEFAULT:
    case VDS_LT_NON_FAULT_TOLERANT:
        return n_drives == 0 ? S_OK : E_INVALIDARG;
    case VDS_LT_SIMPLE:
        return hints ? E_INVALIDARG : S_OK;
    case VDS_LT_FAULT_TOLERANT:
        return not_supported(SIMPLE_ONLY);
    default:
        return type > VDS_LT_SIMPLE && type <= VDS_LT_RAID61 ? not_supported(SIMPLE_ONLY) : E_INVALIDARG;
    }
}

HRESULT lun_max_size(struct provider *inside, const struct guid *drives, size_t n, ULONGLONG *ret_max)
{
    for (size_t i = 0; i < n; i++) {
        struct array_drive_info info;
        HRESULT hr = array_drive_get(inside->config.array, &drives[i], &info);

        if (hr == (HRESULT)VDS_E_OBJECT_DELETED)
            return VDS_E_OBJECT_NOT_FOUND; /* the caller named it by id */
        if (FAILED(hr))
            return hr;
        if (info.takes_luns && info.free > *ret_max)
            *ret_max = info.free;
    }
    *ret_max &= ~(ULONGLONG)0xfffff; /* whole MiB, as LUNs are */
    return S_OK;
}
