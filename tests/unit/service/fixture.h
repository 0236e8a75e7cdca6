/* SPDX-License-Identifier: MIT */
/* A service with one fake provider, ready; and ways to make others. */
#ifndef VDS_TESTS_UNIT_SERVICE_FIXTURE_H
#define VDS_TESTS_UNIT_SERVICE_FIXTURE_H

#include "com_sink.h"
#include "fake_provider.h"
#include "service/service.h"

struct fixture {
    struct fake_provider *provider;
    IVdsService *service;
};

static inline IVdsService *service_over(struct fake_provider *const *providers, size_t n,
                                        struct service_options options)
{
    struct service_provider configs[4];
    IVdsService *service = NULL;

    assert_true(n <= ARRAY_SIZE(configs));
    memset(configs, 0, sizeof configs);
    for (size_t i = 0; i < n; i++)
        configs[i] = (struct service_provider){ .name = "fake", .factory = fake_factory_new(providers[i]) };
    options.providers = configs;
    options.n_providers = n;
    assert_int_equal(service_create(&options, &service), S_OK);
    for (size_t i = 0; i < n; i++)
        IClassFactory_Release(configs[i].factory);
    return service;
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->provider = fake_provider_new(VDS_PT_HARDWARE);
    f->service =
        service_over(&f->provider, 1, (struct service_options){ .max_pending = 200, .max_sinks = 4 });
    assert_int_equal(IVdsService_WaitForServiceReady(f->service), S_OK);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;

    if (f->service)
        IVdsService_Release(f->service);
    com_object_unref(&f->provider->obj);
    free(f);
    return com_check_nothing_alive(state);
}

#define service_test(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

/* Lets a provider that hangs go on. */
static inline void provider_set_hang(struct fake_provider *p, bool hang)
{
    pthread_mutex_lock(&p->lock);
    p->hang = hang;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static inline void provider_wait_inside(struct fake_provider *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->inside)
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

/* What a provider does: an array of n equal events, which the service frees. */
static inline HRESULT provider_emit(struct fake_provider *p, ULONG event, LONG n)
{
    VDS_NOTIFICATION *list = com_task_calloc((size_t)n, sizeof *list);

    for (LONG i = 0; i < n; i++) {
        list[i].objectType = VDS_NTT_TARGET;
        list[i].Target.ulEvent = event;
    }
    return IVdsAdviseSink_OnNotify(p->sink, n, list);
}

static inline size_t count(IEnumVdsObject *e)
{
    IUnknown *object = NULL;
    size_t total = 0;
    ULONG n = 0;

    while (IEnumVdsObject_Next(e, 1, &object, &n) == S_OK) {
        IUnknown_Release(object);
        total++;
    }
    IEnumVdsObject_Release(e);
    return total;
}

#endif
