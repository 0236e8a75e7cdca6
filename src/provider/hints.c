/* SPDX-License-Identifier: MIT */
/* Hints: what somebody wishes of the layout and the cache of a LUN. This array lays nothing out and checks
 * nothing, so what is left is the cache: written through or not, which the unit shows as WCE; what is read is
 * always cached. A LUN's only plex is the LUN.
 *
 * CreateLun...() takes hints as what they are and passes over those that are none of ours; ApplyHints()
 * refuses them. */
#include "provider/provider_internal.h"

#define FIRST  ((ULONGLONG)VDS_HINT_WRITETHROUGHCACHINGENABLED)
#define SECOND (FIRST | VDS_HINT_READCACHINGENABLED | VDS_HINT_WRITECACHINGENABLED)

static bool writes_through(const struct array_lun_info *info)
{
    return info->flags & VDS_LF_WRITE_THROUGH_CACHING_ENABLED;
}

void hints_fill(const struct array_lun_info *info, VDS_HINTS *ret_hints)
{
    ret_hints->ullHintMask = FIRST;
    ret_hints->bWriteThroughCachingEnabled = writes_through(info);
}

void hints2_fill(const struct array_lun_info *info, VDS_HINTS2 *ret_hints)
{
    ret_hints->ullHintMask = SECOND;
    ret_hints->bWriteThroughCachingEnabled = writes_through(info);
    ret_hints->bReadCachingEnabled = TRUE;
    ret_hints->bWriteCachingEnabled = !writes_through(info);
}

bool hints_write_through(const VDS_HINTS *hints)
{
    return hints && hints->ullHintMask & FIRST && hints->bWriteThroughCachingEnabled;
}

/* The first wins where a wish for write caching contradicts it: nobody is refused a LUN for a hint. */
bool hints2_write_through(const VDS_HINTS2 *hints)
{
    if (!hints)
        return false;
    if (hints->ullHintMask & VDS_HINT_WRITETHROUGHCACHINGENABLED)
        return hints->bWriteThroughCachingEnabled;
    return hints->ullHintMask & VDS_HINT_WRITECACHINGENABLED && !hints->bWriteCachingEnabled;
}

static HRESULT check(ULONGLONG mask, ULONGLONG known)
{
    return mask & ~known ? not_supported("of what hints can wish for, this array has the cache of a LUN only")
                         : S_OK;
}

HRESULT hints_apply(struct provider *inside, const struct guid *lun, const VDS_HINTS *hints)
{
    HRESULT hr = check(hints->ullHintMask, FIRST);

    return FAILED(hr) || !(hints->ullHintMask & FIRST)
               ? hr
               : array_lun_set_write_through(inside->config.array, lun, hints_write_through(hints));
}

HRESULT hints2_apply(struct provider *inside, const struct guid *lun, const VDS_HINTS2 *hints)
{
    const ULONGLONG writes = VDS_HINT_WRITETHROUGHCACHINGENABLED | VDS_HINT_WRITECACHINGENABLED;
    ULONGLONG mask = hints->ullHintMask;
    HRESULT hr = check(mask, SECOND);

    if (SUCCEEDED(hr) && mask & VDS_HINT_READCACHINGENABLED && !hints->bReadCachingEnabled)
        hr = not_supported("what is read is cached by the host, always");
    if (SUCCEEDED(hr) && (mask & writes) == writes &&
        !hints->bWriteThroughCachingEnabled == !hints->bWriteCachingEnabled)
        hr = refused(E_INVALIDARG, "writes either are cached or go through the cache");
    return FAILED(hr) || !(mask & writes)
               ? hr
               : array_lun_set_write_through(inside->config.array, lun, hints2_write_through(hints));
}
