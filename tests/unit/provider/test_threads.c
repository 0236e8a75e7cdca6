/* SPDX-License-Identifier: MIT */
/* Any method from any thread: eight threads on the same handles, with OnUnload in the middle of it. Run under
 * ThreadSanitizer, too. */
#include "fixture.h"

#include <stdatomic.h>

#define N_THREADS 8
#define N_ROUNDS  200

struct shared {
    struct fixture *f;
    IVdsIscsiTarget *target;
    IVdsIscsiPortalGroup *group;
    VDS_OBJECT_ID portal;
    bool unloads;
    atomic_uint n_done, n_strange;
};

/* Whatever the others do: a success, or one of the codes that the rules allow. The main thread looks at the
 * counts. */
static HRESULT noted(struct shared *s, HRESULT hr)
{
    bool allowed = hr == (HRESULT)VDS_E_OBJECT_NOT_FOUND || hr == (HRESULT)VDS_E_ANOTHER_CALL_IN_PROGRESS ||
                   (s->unloads && hr == (HRESULT)VDS_E_INITIALIZE_NOT_CALLED);

    s->n_done += SUCCEEDED(hr);
    s->n_strange += FAILED(hr) && !allowed;
    return hr;
}

static void release_if(void *object)
{
    if (object)
        drop(object);
}

static void one_round(struct shared *s)
{
    VDS_ISCSI_PORTALGROUP_PROP prop;
    IVdsIscsiPortalGroup *same = NULL;
    IEnumVdsObject *e = NULL;
    IVdsAsync *async = NULL;

    noted(s, IVdsIscsiPortalGroup_QueryInterface(s->group, &IID_IVdsIscsiPortalGroup, (void **)&same));
    noted(s, IVdsIscsiPortalGroup_GetProperties(same, &prop));
    if (SUCCEEDED(noted(s, IVdsIscsiPortalGroup_AddPortal(same, s->portal, &async)))) {
        VDS_ASYNC_OUTPUT out;
        HRESULT ended = E_FAIL;

        noted(s, IVdsAsync_Wait(async, &ended, &out));
        noted(s, ended);
        drop(async);
    }
    noted(s, IVdsIscsiPortalGroup_QueryAssociatedPortals(same, &e));
    release_if(e);
    async = NULL;
    noted(s, IVdsIscsiPortalGroup_RemovePortal(same, s->portal, &async));
    release_if(async);
    e = NULL;
    noted(s, IVdsSubSystemIscsi_QueryPortals(s->f->iscsi, &e));
    release_if(e);
    drop(same);
}

static void *hammer(void *arg)
{
    for (int i = 0; i < N_ROUNDS; i++)
        one_round(arg);
    return NULL;
}

static void run(struct shared *s, bool unload)
{
    pthread_t threads[N_THREADS];

    s->unloads = unload;
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, s), 0);
    if (unload)
        assert_int_equal(IVdsProviderPrivate_OnUnload(s->f->private_face, TRUE), S_OK);
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(s->n_strange, 0);
}

static struct shared share(struct fixture *f)
{
    struct shared s = { .f = f,
                        .target = make_target(f, u"iqn.2026-01.example:a"),
                        .portal = portal_id_at(f, 0) };

    s.group = make_group(s.target);
    return s;
}

static void eight_threads_may_use_one_handle(void **state)
{
    struct shared s = share(*state);

    run(&s, false);
    assert_true(s.n_done >= 4 * N_THREADS * N_ROUNDS); /* reading always succeeds */
    drop(s.group);
    drop(s.target);
}

static void the_provider_may_be_unloaded_under_eight_threads(void **state)
{
    struct shared s = share(*state);

    run(&s, true);
    drop(s.group);
    drop(s.target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        provider_test(eight_threads_may_use_one_handle),
        provider_test(the_provider_may_be_unloaded_under_eight_threads),
    };

    return RUN_TESTS(tests);
}
