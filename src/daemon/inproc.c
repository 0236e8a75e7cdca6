/* SPDX-License-Identifier: MIT */
/* The array inside the caller's own process: what CLSCTX_INPROC_SERVER gives. One array per process, started
 * by the first LoadService(), ended by vds_inproc_stop() or when the process exits. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <vds/vdsclient.h>

#include "base/cleanup.h"
#include "base/error_text.h"
#include "daemon/host.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct host *running; /* under the lock */
static VDS_INPROC_OPTIONS configured;
static bool exit_handler_set;

HRESULT vds_inproc_configure(const VDS_INPROC_OPTIONS *options)
{
    HRESULT hr = S_OK;

    error_text_clear();
    if (!options)
        return E_INVALIDARG;
    pthread_mutex_lock(&lock);
    if (running) {
        error_text_set("the array of this process runs already");
        hr = VDS_E_ALREADY_REGISTERED;
    } else {
        configured = *options;
    }
    pthread_mutex_unlock(&lock);
    return hr;
}

void vds_inproc_stop(void)
{
    struct host *host;

    pthread_mutex_lock(&lock);
    host = TAKE_PTR(running);
    pthread_mutex_unlock(&lock);
    host_stop(host);
}

/* Lock held. */
static HRESULT start(void)
{
    const char *state = configured.pszStateDirectory ? configured.pszStateDirectory : getenv("VDS_STATE");
    struct array_options options = {
        .state_dir = state,
        .portals = configured.ppszPortals,
        .n_portals = configured.ulNumberOfPortals,
        .drives = configured.ppszDrives,
        .n_drives = configured.ulNumberOfDrives,
        .max_groups = configured.ulMaxGroups,
        .drain_seconds = configured.ulDrainSeconds ? configured.ulDrainSeconds : 15,
        .engine = { .n_reactors = configured.ulReactors, .iscsi = iscsi_limits_default },
    };

    if (!state || !*state) {
        error_text_set("say where the array lives: vds_inproc_configure(), or VDS_STATE in the environment");
        return E_INVALIDARG;
    }
    if (mkdir(state, 0700) < 0 && errno != EEXIST) {
        error_text_set("%s: %s", state, strerror(errno));
        return VDS_E_INITIALIZED_FAILED;
    }
    return host_start(&options, &(struct service_options) { 0 }, &running);
}

static HRESULT load(void *arg, const char *machine, IVdsService **ret_service)
{
    HRESULT hr = S_OK;

    (void)arg;
    if (machine) {
        error_text_set("an array inside the process has no host name: CLSCTX_LOCAL_SERVER reaches others");
        return E_INVALIDARG;
    }
    pthread_mutex_lock(&lock);
    if (!running)
        hr = start();
    if (SUCCEEDED(hr)) {
        *ret_service = host_service(running);
        IVdsService_AddRef(*ret_service);
        if (!exit_handler_set)
            exit_handler_set = atexit(vds_inproc_stop) == 0;
    }
    pthread_mutex_unlock(&lock);
    return hr;
}

static HRESULT make_loader(REFIID iid, void **ret_object)
{
    IVdsServiceLoader *loader;
    HRESULT hr = service_loader_create(load, NULL, NULL, &loader);

    if (FAILED(hr))
        return hr;
    hr = IVdsServiceLoader_QueryInterface(loader, iid, ret_object);
    IVdsServiceLoader_Release(loader);
    return hr;
}

__attribute__((constructor)) static void register_inproc(void)
{
    vds_register_inproc(make_loader);
}
