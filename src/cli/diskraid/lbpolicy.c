/* SPDX-License-Identifier: MIT */
/* LBPOLICY: how I/O to a LUN is spread over its paths. Paths are numbered in the order in which the LUN tells
 * them. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/diskraid/handlers.h"
#include "cli/diskraid/shell.h"

static void free_paths(VDS_PATH_INFO *paths, LONG n)
{
    for (LONG i = 0; i < n; i++) {
        if (paths[i].type == VDS_HWT_ISCSI)
            CoTaskMemFree(paths[i].pInitiatorPortalIpAddr);
        else
            CoTaskMemFree(paths[i].pHbaPortProp);
    }
    CoTaskMemFree(paths);
}

/* Paths that are not named become backup paths. */
static int choose_paths(const struct request *request, const VDS_PATH_INFO *paths, LONG n,
                        VDS_PATH_POLICY *policy)
{
    const struct item *items = &request->items[request->value[ARG_PATHS].first];

    for (LONG i = 0; i < n; i++)
        policy[i] = (VDS_PATH_POLICY){ .pathId = paths[i].pathId };
    for (unsigned k = 0; request_has(request, ARG_PATHS) && k < request->value[ARG_PATHS].n; k++) {
        if (items[k].first >= (uint32_t)n)
            return say_selection("There is no path %u.", items[k].first);
        if (items[k].second == PATH_PRIMARY)
            policy[items[k].first].bPrimaryPath = TRUE;
        else
            policy[items[k].first].ulWeight = items[k].second;
    }
    return OUTCOME_DONE;
}

/* TYPE=, or the policy that is in force. */
static HRESULT policy_wanted(IVdsLunMpio *face, const struct request *request,
                             VDS_LOADBALANCE_POLICY_ENUM *ret_policy)
{
    VDS_PATH_POLICY *paths = NULL;
    LONG n = 0;
    HRESULT hr;

    if (request_has(request, ARG_POLICY)) {
        *ret_policy = (VDS_LOADBALANCE_POLICY_ENUM)(request->value[ARG_POLICY].number + VDS_LBP_FAILOVER);
        return S_OK;
    }
    hr = IVdsLunMpio_GetLoadBalancePolicy(face, ret_policy, &paths, &n);
    if (SUCCEEDED(hr))
        CoTaskMemFree(paths);
    return hr;
}

static int set_policy(struct shell *shell, const struct request *request, IVdsLunMpio *face)
{
    _cleanup_(freep) VDS_PATH_POLICY *chosen = NULL;
    VDS_LOADBALANCE_POLICY_ENUM policy;
    VDS_PATH_INFO *paths = NULL;
    LONG n = 0;
    HRESULT hr = policy_wanted(face, request, &policy);
    int r = OUTCOME_DONE;

    if (SUCCEEDED(hr))
        hr = IVdsLunMpio_GetPathInfo(face, &paths, &n);
    if (SUCCEEDED(hr)) {
        chosen = calloc((size_t)n + 1, sizeof *chosen);
        r = chosen ? choose_paths(request, paths, n, chosen) : say_no_memory();
        free_paths(paths, n);
        if (r != OUTCOME_DONE)
            return r;
        hr = IVdsLunMpio_SetLoadBalancePolicy(face, policy, n ? chosen : NULL, n);
    }
    if (FAILED(hr))
        return say_failed(hr, "The load balance policy of LUN %u cannot be set",
                          shell->focus[KIND_LUN].number);
    printf("The load balance policy of LUN %u was set.\n", shell->focus[KIND_LUN].number);
    return OUTCOME_DONE;
}

int lbpolicy_set(struct shell *shell, const struct request *request)
{
    IVdsLunMpio *face;
    HRESULT hr = focus_face(shell, KIND_LUN, &IID_IVdsLunMpio, &face);
    int r;

    if (FAILED(hr))
        return say_failed(hr, "The load balance policy of LUN %u cannot be set",
                          shell->focus[KIND_LUN].number);
    r = set_policy(shell, request, face);
    IVdsLunMpio_Release(face);
    return r;
}
