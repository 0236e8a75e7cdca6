/* SPDX-License-Identifier: MIT */
/* Loading one provider: class factory, CreateInstance, OnLoad. It happens on a thread of its own, because a
 * provider may hang; then the service goes on without it, and the thread cleans up if it ever comes back. One
 * from a shared object is tried elsewhere first (probe.c). */
#include "service/service_internal.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/error_text.h"
#include "base/log.h"

/* Two owners: the service, which waits, and the thread. */
struct load {
    atomic_uint refs;
    char *name, *path;
    IClassFactory *factory;
    CLSID clsid;
    IUnknown *callback;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    bool done, abandoned;
    HRESULT hr;
    char reason[200];
    struct loaded loaded;
};

static void load_unref(struct load *l)
{
    if (!l || atomic_fetch_sub(&l->refs, 1) > 1)
        return;
    if (l->factory)
        IClassFactory_Release(l->factory);
    if (l->callback)
        IUnknown_Release(l->callback);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l->name);
    free(l->path);
    free(l);
}
DEFINE_CLEANUP(struct load *, load_unref)

static void loaded_release(struct loaded *loaded)
{
    if (loaded->hw)
        IVdsHwProvider_Release(loaded->hw);
    if (loaded->private_face)
        IVdsProviderPrivate_Release(loaded->private_face);
    if (loaded->provider)
        IVdsProvider_Release(loaded->provider);
    free(loaded->name);
    memset(loaded, 0, sizeof *loaded);
}

/* A module stays loaded for good: objects of its classes may outlive everything that is known here. */
static HRESULT factory_from_module(const char *path, REFCLSID clsid, IClassFactory **ret_factory)
{
    HRESULT (*get_class_object)(REFCLSID clsid, REFIID iid, void **ret_object);
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void *symbol = module ? dlsym(module, "DllGetClassObject") : NULL;

    if (!symbol) {
        error_text_set("%s", dlerror() ?: "there is no DllGetClassObject in it");
        return VDS_E_PROVIDER_INITIALIZATION_FAILED;
    }
    memcpy(&get_class_object, &symbol, sizeof symbol);
    return get_class_object(clsid, &IID_IClassFactory, (void **)ret_factory);
}

/* The mask and the id. */
static void describe(struct loaded *l)
{
    static const DWORD masks[] = {
        [VDS_PT_SOFTWARE] = VDS_QUERY_SOFTWARE_PROVIDERS,
        [VDS_PT_HARDWARE] = VDS_QUERY_HARDWARE_PROVIDERS,
        [VDS_PT_VIRTUALDISK] = VDS_QUERY_VIRTUALDISK_PROVIDERS,
    };
    VDS_PROVIDER_PROP prop;
    DWORD mask = 0;

    memset(&prop, 0, sizeof prop);
    if (SUCCEEDED(IVdsProvider_GetProperties(l->provider, &prop)) && (size_t)prop.type < ARRAY_SIZE(masks)) {
        mask = masks[prop.type];
        l->id = prop.id;
    }
    CoTaskMemFree(prop.pwszName);
    CoTaskMemFree(prop.pwszVersion);
    l->mask = mask ? mask : l->hw ? VDS_QUERY_HARDWARE_PROVIDERS : VDS_QUERY_SOFTWARE_PROVIDERS;
}

/* What a step of it came to: success owes the pointer. */
static HRESULT step(HRESULT hr, void *const *pointer, const char *what)
{
    if (SUCCEEDED(hr) && !*pointer)
        hr = E_UNEXPECTED;
    if (FAILED(hr) && !error_text_get()[0])
        error_text_set("%s", what);
    return hr;
}

static HRESULT load_faces(struct load *l, struct loaded *to)
{
    HRESULT hr = S_OK;

    if (!l->factory)
        hr = step(factory_from_module(l->path, &l->clsid, &l->factory), (void **)&l->factory,
                  "its DllGetClassObject gives no class factory");
    if (SUCCEEDED(hr))
        hr = step(IClassFactory_CreateInstance(l->factory, NULL, &IID_IVdsProviderPrivate,
                                               (void **)&to->private_face),
                  (void **)&to->private_face, "its class factory makes no IVdsProviderPrivate");
    if (SUCCEEDED(hr))
        hr = step(
            IVdsProviderPrivate_QueryInterface(to->private_face, &IID_IVdsProvider, (void **)&to->provider),
            (void **)&to->provider, "it does not answer IVdsProvider");
    return hr;
}

static HRESULT load_provider(struct load *l)
{
    WCHAR this_machine[] = { 0 };
    struct loaded *to = &l->loaded;
    HRESULT hr = load_faces(l, to);

    if (FAILED(hr))
        return hr;
    IVdsProviderPrivate_QueryInterface(to->private_face, &IID_IVdsHwProvider, (void **)&to->hw);
    hr = step(IVdsProviderPrivate_OnLoad(to->private_face, this_machine, l->callback), (void **)&to->provider,
              "its OnLoad fails");
    if (SUCCEEDED(hr))
        describe(to);
    return hr;
}

static void *load_run(void *arg)
{
    struct load *l = arg;
    bool abandoned;
    HRESULT hr;

    error_text_clear();
    hr = load_provider(l);
    if (FAILED(hr))
        loaded_release(&l->loaded); /* OnUnload is not called when OnLoad failed */
    pthread_mutex_lock(&l->lock);
    l->hr = hr;
    l->done = true;
    abandoned = l->abandoned;
    strncpy(l->reason, error_text_get(), sizeof l->reason - 1);
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    if (abandoned && SUCCEEDED(hr))
        service_provider_unload(&l->loaded);
    load_unref(l);
    return NULL;
}

static struct load *load_new(const struct service_provider *config, struct notifier *notifier)
{
    struct load *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    atomic_init(&l->refs, 1);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    l->clsid = config->clsid;
    l->factory = config->factory;
    if (l->factory)
        IClassFactory_AddRef(l->factory);
    l->name = strdup(config->name ? config->name : "?");
    l->path = strdup(config->path ? config->path : "");
    if (l->name && l->path && SUCCEEDED(notifier_sink_create(notifier, &l->callback)))
        return l;
    load_unref(l);
    return NULL;
}

/* False: it has not ended in time, and never mind what it does from now on. */
static bool load_wait(struct load *l, uint32_t timeout_ms)
{
    struct timespec deadline = service_deadline(timeout_ms);
    bool done;

    pthread_mutex_lock(&l->lock);
    while (!l->done && pthread_cond_clockwait(&l->changed, &l->lock, CLOCK_MONOTONIC, &deadline) == 0)
        ;
    done = l->done;
    l->abandoned = !done;
    pthread_mutex_unlock(&l->lock);
    return done;
}

static HRESULT provider_load(const struct service_provider *config, struct notifier *notifier,
                             uint32_t timeout_ms, struct loaded *ret_loaded)
{
    _cleanup_(load_unrefp) struct load *l = load_new(config, notifier);
    pthread_t thread;

    if (!l)
        return E_OUTOFMEMORY;
    atomic_fetch_add(&l->refs, 1);
    if (pthread_create(&thread, NULL, load_run, l) != 0) {
        atomic_fetch_sub(&l->refs, 1);
        return E_OUTOFMEMORY;
    }
    if (!load_wait(l, timeout_ms)) {
        pthread_detach(thread);
        log_error("service: provider %s has not loaded within %u ms; going on without it", l->name,
                  timeout_ms);
        return VDS_E_PROVIDER_INITIALIZATION_FAILED;
    }
    pthread_join(thread, NULL);
    if (FAILED(l->hr)) {
        log_error("service: provider %s failed to load (0x%08x)%s%s", l->name, (unsigned)l->hr,
                  l->reason[0] ? ": " : "", l->reason);
        return l->hr;
    }
    *ret_loaded = l->loaded;
    ret_loaded->name = TAKE_PTR(l->name);
    return S_OK;
}

/* Asked of the id that it told elsewhere: to load it here, and unload it, might take away what it shares with
 * the one that is here. */
static HRESULT check_id(const VDS_OBJECT_ID *id, const struct loaded *others, size_t n)
{
    for (size_t i = 0; i < n && !guid_is_null(com_guid(id)); i++) {
        if (guid_equal(com_guid(&others[i].id), com_guid(id))) {
            error_text_set("a provider with its id is loaded already");
            return VDS_E_ALREADY_REGISTERED;
        }
    }
    return S_OK;
}

HRESULT service_provider_load(const struct service_provider *config, struct notifier *notifier,
                              const struct service_options *options, const struct loaded *others, size_t n,
                              struct loaded *ret_loaded)
{
    VDS_OBJECT_ID id = GUID_NULL;
    HRESULT hr = S_OK;

    error_text_clear();
    if (!config->factory && options->prober)
        hr = service_provider_probe(options->prober, config, options->load_timeout_ms, &id);
    if (SUCCEEDED(hr))
        hr = check_id(&id, others, n);
    if (SUCCEEDED(hr))
        return provider_load(config, notifier, options->load_timeout_ms, ret_loaded);
    log_error("service: provider %s is left out (0x%08x): %s", config->name ? config->name : "?",
              (unsigned)hr, error_text_get());
    return hr;
}

HRESULT service_provider_try(const struct service_provider *config, VDS_OBJECT_ID *ret_id)
{
    struct notifier_limits limits = { .max_sinks = 1, .max_pending = 1, .max_replay = 1 };
    struct notifier *notifier;
    HRESULT hr = notifier_create(&limits, &notifier);
    struct load *l;

    if (FAILED(hr))
        return hr;
    l = load_new(config, notifier);
    error_text_clear();
    hr = l ? load_provider(l) : E_OUTOFMEMORY;
    if (SUCCEEDED(hr)) {
        *ret_id = l->loaded.id;
        service_provider_unload(&l->loaded);
    } else if (l) {
        loaded_release(&l->loaded);
    }
    load_unref(l);
    notifier_unref(notifier);
    return hr;
}

void service_provider_unload(struct loaded *loaded)
{
    if (IVdsProviderPrivate_OnUnload(loaded->private_face, FALSE) == S_FALSE)
        IVdsProviderPrivate_OnUnload(loaded->private_face, TRUE);
    loaded_release(loaded);
}

/* ---- what the configuration says ------------------------------------------------------------------- */

void service_providers_free(struct service_provider *configs, size_t n)
{
    for (size_t i = 0; configs && i < n; i++) {
        free((char *)configs[i].name);
        free((char *)configs[i].path);
        if (configs[i].factory)
            IClassFactory_Release(configs[i].factory);
    }
    free(configs);
}

struct service_provider *service_providers_copy(const struct service_provider *from, size_t n)
{
    struct service_provider *configs = calloc(n + 1, sizeof *configs);
    bool ok = configs != NULL;

    for (size_t i = 0; ok && i < n; i++) {
        configs[i] = from[i];
        configs[i].name = from[i].name ? strdup(from[i].name) : NULL;
        configs[i].path = from[i].path ? strdup(from[i].path) : NULL;
        if (configs[i].factory)
            IClassFactory_AddRef(configs[i].factory);
        ok = (!from[i].name || configs[i].name) && (!from[i].path || configs[i].path);
    }
    if (ok)
        return configs;
    service_providers_free(configs, configs ? n : 0);
    return NULL;
}
