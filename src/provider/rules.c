/* SPDX-License-Identifier: MIT */
/* Rules that several classes share: arguments, statuses, strings, addresses. */
#include "provider/provider_internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

HRESULT refused(HRESULT hr, const char *why)
{
    error_text_set("%s", why);
    return hr;
}

HRESULT not_supported(const char *why)
{
    return refused(VDS_E_NOT_SUPPORTED, why);
}

HRESULT status_request(struct provider *inside, enum array_status_of kind, const struct guid *id,
                       uint32_t wanted, uint32_t legal)
{
    if (wanted == 0 || wanted > 31 || !(legal & STATUS_BIT(wanted)))
        return E_INVALIDARG;
    if (wanted == VDS_LS_ONLINE || wanted == VDS_LS_OFFLINE)
        return array_set_status(inside->config.array, kind, id, wanted);
    return not_supported("a status can be set to online or offline; the others are for reports");
}

/* How often the two lists name that controller. */
static unsigned count_named(const struct guid *id, const VDS_OBJECT_ID *list, LONG n)
{
    unsigned count = 0;

    for (LONG i = 0; i < n; i++)
        count += guid_equal(com_guid(&list[i]), id);
    return count;
}

static bool all_exist(struct provider *inside, const VDS_OBJECT_ID *list, LONG n)
{
    for (LONG i = 0; i < n; i++) {
        if (!array_exists(inside->config.array, VDS_OT_CONTROLLER, com_guid(&list[i])))
            return false;
    }
    return true;
}

HRESULT controllers_all_active(struct provider *inside, const VDS_OBJECT_ID *active, LONG n_active,
                               const VDS_OBJECT_ID *inactive, LONG n_inactive)
{
    _cleanup_(freep) struct guid *ids = NULL;
    size_t n = 0;
    HRESULT hr = array_query(inside->config.array, ARRAY_CONTROLLERS, NULL, &ids, &n);

    if (FAILED(hr))
        return hr;
    if (!all_exist(inside, active, n_active) || !all_exist(inside, inactive, n_inactive))
        return VDS_E_OBJECT_NOT_FOUND;
    for (size_t i = 0; i < n; i++) {
        if (count_named(&ids[i], active, n_active) + count_named(&ids[i], inactive, n_inactive) != 1)
            return E_INVALIDARG;
    }
    return n_inactive == 0 ? S_OK : not_supported("there is one controller, and it serves every LUN");
}

bool address_to_api(const struct sockaddr_storage *addr, VDS_IPADDRESS *ret_address)
{
    const struct sockaddr_in *v4 = (const void *)addr;
    const struct sockaddr_in6 *v6 = (const void *)addr;

    memset(ret_address, 0, sizeof *ret_address);
    switch (addr->ss_family) {
    case AF_INET: /* a host integer with the first field on top, as the bits of the field are described */
        ret_address->type = VDS_IPT_IPV4;
        ret_address->ipv4Address = ntohl(v4->sin_addr.s_addr);
        ret_address->ulPort = ntohs(v4->sin_port);
        return true;
    case AF_INET6:
        ret_address->type = VDS_IPT_IPV6;
        memcpy(ret_address->ipv6Address, &v6->sin6_addr, sizeof ret_address->ipv6Address);
        ret_address->ulIpv6FlowInfo = ntohl(v6->sin6_flowinfo);
        ret_address->ulIpv6ScopeId = v6->sin6_scope_id;
        ret_address->ulPort = ntohs(v6->sin6_port);
        return true;
    default:
        ret_address->type = VDS_IPT_EMPTY;
        return false;
    }
}

HRESULT drives_argument(const VDS_OBJECT_ID *drives, LONG n)
{
    return n < 0 || (n > 0 && !drives) ? E_INVALIDARG : S_OK;
}

HRESULT name_argument(LPWSTR wide, char **ret_name)
{
    return wide ? com_utf8(wide, ret_name) : E_INVALIDARG;
}

HRESULT wide_fields(const struct wide_field *fields, size_t n)
{
    HRESULT hr = S_OK;
    size_t n_made = 0;

    while (SUCCEEDED(hr) && n_made < n) {
        hr = com_wide(fields[n_made].text, fields[n_made].field);
        if (SUCCEEDED(hr))
            n_made++;
    }
    while (FAILED(hr) && n_made > 0) {
        n_made--;
        CoTaskMemFree(*fields[n_made].field);
        *fields[n_made].field = NULL;
    }
    return hr;
}
