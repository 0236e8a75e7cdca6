/* SPDX-License-Identifier: MIT */
#include "daemon/host.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "provider/provider.h"

struct host {
    struct array_options options;
    struct provider_feed *feed;
    struct array *array;
    IClassFactory *factory;
    IVdsService *service;
};

DEFINE_CLEANUP(struct host *, host_stop)

static HRESULT start_service(struct host *host, const struct service_options *given)
{
    _cleanup_(freep) struct service_provider *all = calloc(1 + given->n_providers, sizeof *all);
    struct service_options options = *given;
    HRESULT hr;

    if (!all)
        return E_OUTOFMEMORY;
    all[0] = (struct service_provider) { .name = "array", .factory = host->factory, .clsid = provider_clsid };
    for (size_t i = 0; i < given->n_providers; i++)
        all[1 + i] = given->providers[i];
    options.providers = all;
    options.n_providers++;
    hr = service_create(&options, &host->service);
    return FAILED(hr) ? hr : IVdsService_WaitForServiceReady(host->service);
}

HRESULT host_start(const struct array_options *options, const struct service_options *service,
                   struct host **ret_host)
{
    _cleanup_(host_stopp) struct host *host = calloc(1, sizeof *host);
    HRESULT hr;

    if (!host)
        return E_OUTOFMEMORY;
    host->options = *options;
    hr = provider_feed_create(&host->feed);
    if (FAILED(hr))
        return hr;
    host->options.notify = provider_feed_notify;
    host->options.notify_arg = host->feed;
    hr = array_open(&host->options, &host->array);
    if (FAILED(hr))
        return hr;
    hr = provider_factory_create(&(struct provider_config){ host->array, host->feed, &host->options },
                                 &host->factory);
    if (SUCCEEDED(hr))
        hr = start_service(host, service);
    if (FAILED(hr))
        return hr;
    *ret_host = TAKE_PTR(host);
    return S_OK;
}

IVdsService *host_service(struct host *host)
{
    return host->service;
}

void host_stop(struct host *host)
{
    if (!host)
        return;
    if (host->service) {
        service_shutdown(host->service);
        IVdsService_Release(host->service);
    }
    if (host->factory)
        IClassFactory_Release(host->factory);
    array_close(host->array);
    provider_feed_destroy(host->feed);
    free(host);
}
