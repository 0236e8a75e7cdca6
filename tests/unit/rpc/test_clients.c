/* SPDX-License-Identifier: MIT */
/* Clients side by side: none holds up another, limits are per client. */
#include <string.h>

#include "rig.h"
#include "rpc/proxy.h"

struct deleter {
    pthread_t thread;
    IVdsService *client;
    HRESULT hr;
};

static void *delete_lun(void *arg)
{
    struct deleter *d = arg;
    IVdsLun *lun = rig_object(d->client, FAKE_LUN, 1, &IID_IVdsLun);

    d->hr = IVdsLun_Delete(lun);
    IVdsLun_Release(lun);
    return NULL;
}

static void a_long_method_of_one_client_holds_up_no_other(void **state)
{
    struct rpc_server_options options = { .max_client_workers = 4 };
    struct rig rig;
    struct deleter deleters[20];
    IVdsService *other;
    VDS_SERVICE_PROP prop;

    (void)state;
    rig_start_with(&rig, &options);
    fake_set_gate(&rig.fake, true);
    for (int i = 0; i < 20; i++) {
        deleters[i] = (struct deleter){ .client = rig.client };
        pthread_create(&deleters[i].thread, NULL, delete_lun, &deleters[i]);
    }
    fake_wait_at_gate(&rig.fake, 4); /* more of one client do not run at once */
    other = rig_connect(&rig);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(IVdsService_GetProperties(other, &prop), S_OK);
        CoTaskMemFree(prop.pwszVersion);
    }
    assert_int_equal(rig.fake.n_at_gate, 4);
    fake_set_gate(&rig.fake, false);
    for (int i = 0; i < 20; i++) {
        pthread_join(deleters[i].thread, NULL);
        assert_int_equal(deleters[i].hr, S_OK);
    }
    IVdsService_Release(other);
    rig_stop(&rig);
}

static void calls_beyond_the_limit_of_a_client_are_refused_at_once(void **state)
{
    struct rpc_server_options options = { .max_client_workers = 1, .max_calls = 3 };
    struct rig rig;
    struct deleter deleters[3];
    VDS_SERVICE_PROP prop;

    (void)state;
    rig_start_with(&rig, &options);
    fake_set_gate(&rig.fake, true);
    for (int i = 0; i < 3; i++)
        deleters[i] = (struct deleter){ .client = rig.client };
    pthread_create(&deleters[0].thread, NULL, delete_lun, &deleters[0]);
    fake_wait_at_gate(&rig.fake, 1);
    for (int i = 1; i < 3; i++) /* these queue up behind it, with their GetObject */
        pthread_create(&deleters[i].thread, NULL, delete_lun, &deleters[i]);
    RIG_UNTIL(rig_figures(&rig).calls == 3);
    assert_int_equal(IVdsService_GetProperties(rig.client, &prop), RPC_TOO_BUSY);
    fake_set_gate(&rig.fake, false);
    for (int i = 0; i < 3; i++)
        pthread_join(deleters[i].thread, NULL);
    assert_int_equal(IVdsService_GetProperties(rig.client, &prop), S_OK);
    CoTaskMemFree(prop.pwszVersion);
    rig_stop(&rig);
}

struct worker {
    pthread_t thread;
    struct rig *rig;
    unsigned done;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    IVdsService *client = rig_connect(w->rig);

    for (int i = 0; i < 25; i++) {
        IVdsIscsiPortalGroup *g = rig_object(client, FAKE_GROUP, 1, &IID_IVdsIscsiPortalGroup);
        IVdsAsync *async = NULL;
        VDS_ASYNC_OUTPUT out;
        HRESULT result = E_FAIL;
        IVdsIscsiTarget *t = NULL;

        w->done += IVdsIscsiPortalGroup_AddPortal(g, fake_id(FAKE_PORTAL, 1), &async) == S_OK &&
                   IVdsAsync_Wait(async, &result, &out) == S_OK && result == S_OK &&
                   IVdsIscsiPortalGroup_GetTarget(g, &t) == S_OK;
        if (async)
            IVdsAsync_Release(async);
        if (t)
            IVdsIscsiTarget_Release(t);
        IVdsIscsiPortalGroup_Release(g);
    }
    IVdsService_Release(client);
    return NULL;
}

static void twenty_clients_work_side_by_side(void **state)
{
    struct rig rig;
    struct worker workers[20];

    (void)state;
    rig_start(&rig);
    for (int i = 0; i < 20; i++) {
        workers[i] = (struct worker){ .rig = &rig };
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    for (int i = 0; i < 20; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].done, 25);
    }
    RIG_UNTIL(rig_figures(&rig).connections == 1);
    assert_int_equal(rig_figures(&rig).operations, 0);
    rig_stop(&rig);
}

static void an_enumeration_is_a_snapshot_walked_in_the_client(void **state)
{
    struct rig rig;
    IVdsSubSystemIscsi *s;
    IEnumVdsObject *all = NULL, *clone = NULL;
    IUnknown *objects[3];
    ULONG n;

    (void)state;
    rig_start(&rig);
    rig.fake.count[FAKE_TARGET] = 1000;
    s = rig_object(rig.client, FAKE_SUBSYSTEM, 1, &IID_IVdsSubSystemIscsi);
    assert_int_equal(IVdsSubSystemIscsi_QueryTargets(s, &all), S_OK);
    pthread_mutex_lock(&rig.fake.lock);
    rig.fake.deleted[FAKE_TARGET][999] = true;
    pthread_mutex_unlock(&rig.fake.lock);
    assert_int_equal(IEnumVdsObject_Skip(all, 998), S_OK);
    assert_int_equal(IEnumVdsObject_Clone(all, &clone), S_OK);
    assert_int_equal(IEnumVdsObject_Next(all, 3, objects, &n), S_FALSE);
    assert_int_equal(n, 2); /* the deleted one was there when it was asked */
    for (ULONG i = 0; i < n; i++)
        IUnknown_Release(objects[i]);
    assert_int_equal(IEnumVdsObject_Next(clone, 1, objects, &n), S_OK);
    IUnknown_Release(objects[0]);
    IEnumVdsObject_Release(clone);
    assert_int_equal(IEnumVdsObject_Reset(all), S_OK);
    assert_int_equal(IEnumVdsObject_Skip(all, 1001), S_FALSE);
    IEnumVdsObject_Release(all);
    rig.fake.count[FAKE_TARGET] = 0; /* none is an empty enumeration */
    assert_int_equal(IVdsSubSystemIscsi_QueryTargets(s, &all), S_OK);
    assert_int_equal(IEnumVdsObject_Next(all, 1, objects, &n), S_FALSE);
    IEnumVdsObject_Release(all);
    IVdsSubSystemIscsi_Release(s);
    rig_stop(&rig);
}

static void a_proxy_answers_for_what_its_object_answers_for(void **state)
{
    struct rig rig;
    IVdsSubSystem *s;
    IUnknown *a, *b;
    void *face = &rig;

    (void)state;
    rig_start(&rig);
    s = rig_object(rig.client, FAKE_SUBSYSTEM, 1, &IID_IVdsSubSystem);
    assert_int_equal(IVdsSubSystem_QueryInterface(s, &IID_IVdsSubSystemNaming, &face),
                     E_NOINTERFACE); /* the fake has none */
    assert_null(face);
    assert_int_equal(IVdsSubSystem_QueryInterface(s, &IID_IVdsSubSystemNaming, &face), E_NOINTERFACE);
    assert_int_equal(IVdsSubSystem_QueryInterface(s, &IID_IVdsLun, &face), E_NOINTERFACE);
    assert_int_equal(IVdsSubSystem_QueryInterface(s, &com_check_unknown_iid, &face), E_NOINTERFACE);
    assert_int_equal(IVdsSubSystem_QueryInterface(s, &IID_IUnknown, NULL), E_POINTER);
    assert_int_equal(IVdsSubSystem_QueryInterface(s, &IID_IVdsSubSystemIscsi, &face), S_OK);
    assert_int_equal(IUnknown_QueryInterface((IUnknown *)face, &IID_IUnknown, (void **)&a), S_OK);
    assert_int_equal(IVdsSubSystem_QueryInterface(s, &IID_IUnknown, (void **)&b), S_OK);
    assert_ptr_equal(a, b);
    IUnknown_Release(a);
    IUnknown_Release(b);
    IUnknown_Release((IUnknown *)face);
    IVdsSubSystem_Release(s);
    rig_stop(&rig);
}

static void every_slot_of_every_proxy_is_filled(void **state)
{
    unsigned n = 0;

    (void)state;
    for (struct com_class *c = com_class_first(); c; c = c->next) {
        if (!strstr(c->name, "_proxy"))
            continue;
        com_check_vtables(c);
        n++;
    }
    assert_int_equal(n, rpc_n_kinds);
}

static bool nobody_may(void *arg, const struct rpc_credentials *who)
{
    *(struct rpc_credentials *)arg = *who;
    return false;
}

static void a_client_that_may_only_look_can_read_but_not_change(void **state)
{
    struct rpc_credentials who = { 0 };
    struct rpc_server_options options = { .may_change = nobody_may, .may_change_arg = &who };
    struct rig rig;
    VDS_LUN_PROP prop;
    IVdsLun *lun;

    (void)state;
    rig_start_with(&rig, &options);
    lun = rig_object(rig.client, FAKE_LUN, 1, &IID_IVdsLun);
    assert_int_equal(IVdsLun_GetProperties(lun, &prop), S_OK);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    CoTaskMemFree(prop.pwszUnmaskingList);
    assert_int_equal(IVdsLun_SetMask(lun, (LPWSTR)u"*"), E_ACCESSDENIED);
    assert_int_equal(who.uid, getuid());
    assert_int_equal(who.pid, getpid());
    IVdsLun_Release(lun);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_long_method_of_one_client_holds_up_no_other),
        RIG_TEST(calls_beyond_the_limit_of_a_client_are_refused_at_once),
        RIG_TEST(twenty_clients_work_side_by_side),
        RIG_TEST(an_enumeration_is_a_snapshot_walked_in_the_client),
        RIG_TEST(a_proxy_answers_for_what_its_object_answers_for),
        RIG_TEST(every_slot_of_every_proxy_is_filled),
        RIG_TEST(a_client_that_may_only_look_can_read_but_not_change),
    };

    return RUN_TESTS(tests);
}
