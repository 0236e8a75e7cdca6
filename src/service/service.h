/* SPDX-License-Identifier: MIT */
/* The VDS service: loads providers, passes their notifications on to whoever asked, finds objects. It knows
 * providers through the public interfaces only; the built-in array is one of them, handed in as a class
 * factory.
 *
 * Threads: any. A provider that hangs or fails while it is loaded is reported in the log and left out; a sink
 * that is slow, hangs or is gone holds up nobody but itself.
 */
#ifndef VDS_SERVICE_SERVICE_H
#define VDS_SERVICE_SERVICE_H

#include "com/com.h"

struct service_provider {
    const char *name; /* for the log */
    IClassFactory
        *factory; /* built in; NULL: from the shared object `path`, which exports DllGetClassObject() */
    const char *path;
    CLSID clsid;
};

/* The first argument of a prober; the others are those of service_probe_main(). */
#define SERVICE_PROBE_WORD "--probe-provider"

struct service_options {
    const struct service_provider *providers;
    size_t n_providers;
    /* A program that calls service_probe_main(), to try shared objects in before they come into this process;
     * stays the caller's. NULL: they are not tried. */
    const char *prober;
    uint32_t load_timeout_ms; /* for each provider to load; 0: 10000 */
    uint32_t max_sinks;       /* Advise() registrations; 0: 256 */
    uint32_t
        max_pending; /* notifications that wait for one sink, then some are lost and it is told; 0: 4096 */
    uint32_t max_replay; /* notifications kept for those who come late; 0: 4096 */
    uint32_t unadvise_timeout_ms; /* how long Unadvise() waits for a sink that does not come back; 0: 5000 */
};

/* Begins to load the providers and returns; WaitForServiceReady() waits for the end of that. The options are
 * copied. */
HRESULT service_create(const struct service_options *options, IVdsService **ret_service);

/* Ends all registrations, unloads the providers (OnUnload, at last by force), whoever still holds references.
 * From then on every method that needs a provider answers VDS_E_INITIALIZED_FAILED. Only for what
 * service_create() gave; the last Release() does the same. */
void service_shutdown(IVdsService *service);

/* All that a prober does: loads, unloads, says on descriptor 3 how it went, ends the process. */
_Noreturn void service_probe_main(const char *path, const char *clsid);

/* What LoadService() does: S_OK and a reference. `machine` is UTF-8, NULL for this one. */
typedef HRESULT service_load_fn(void *arg, const char *machine, IVdsService **ret_service);

/* The object that CoCreateInstance(CLSID_VdsLoader) gives. release(arg), if any, is called when it goes. */
HRESULT service_loader_create(service_load_fn *load, void (*release)(void *arg), void *arg,
                              IVdsServiceLoader **ret_loader);

#endif
