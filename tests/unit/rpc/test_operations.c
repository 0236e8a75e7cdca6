/* SPDX-License-Identifier: MIT */
/* Operations over the wire: Waits that hold nobody up, cancelling, outcomes, who lets go of what when. */
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define N_WAITERS 50

struct waiter {
    pthread_t thread;
    IVdsAsync *async;
    HRESULT hr, result;
    VDS_ASYNC_OUTPUT out;
    char text[256];
};

static void *wait_here(void *arg)
{
    struct waiter *w = arg;

    w->hr = IVdsAsync_Wait(w->async, &w->result, &w->out);
    snprintf(w->text, sizeof w->text, "%s", vds_error_text());
    return NULL;
}

static IVdsAsync *start_add(IVdsService *client)
{
    IVdsIscsiPortalGroup *g = rig_object(client, FAKE_GROUP, 1, &IID_IVdsIscsiPortalGroup);
    IVdsAsync *async = NULL;

    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(g, fake_id(FAKE_PORTAL, 2), &async), S_OK);
    assert_non_null(async);
    IVdsIscsiPortalGroup_Release(g);
    return async;
}

static void wait_of_a_creating_operation_hands_out_the_object(void **state)
{
    struct rig rig;
    IVdsAsync *async = NULL;
    VDS_ASYNC_OUTPUT out;
    HRESULT result;
    IVdsIscsiTarget *t;
    IVdsIscsiPortalGroup *g = NULL;
    VDS_ISCSI_PORTALGROUP_PROP prop;

    (void)state;
    rig_start(&rig);
    t = rig_object(rig.client, FAKE_TARGET, 1, &IID_IVdsIscsiTarget);
    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(t, &async), VDS_S_ALREADY_EXISTS);
    for (int again = 0; again < 2; again++) { /* each Wait gives a reference of its own */
        assert_int_equal(IVdsAsync_Wait(async, &result, &out), S_OK);
        assert_int_equal(result, S_OK);
        assert_int_equal(out.type, VDS_ASYNCOUT_CREATEPORTALGROUP);
        assert_int_equal(
            IUnknown_QueryInterface(out.cpg.pPortalGroupUnk, &IID_IVdsIscsiPortalGroup, (void **)&g), S_OK);
        IUnknown_Release(out.cpg.pPortalGroupUnk);
        assert_int_equal(IVdsIscsiPortalGroup_GetProperties(g, &prop), S_OK);
        assert_int_equal(prop.tag, 65535);
        IVdsIscsiPortalGroup_Release(g);
    }
    IVdsAsync_Release(async);
    IVdsIscsiTarget_Release(t);
    rig_stop(&rig);
}

static void an_operation_without_output_says_its_type_only(void **state)
{
    struct rig rig;
    VDS_ASYNC_OUTPUT out;
    HRESULT result;
    ULONG percent;
    IVdsAsync *async;

    (void)state;
    rig_start(&rig);
    async = start_add(rig.client);
    memset(&out, 0xff, sizeof out);
    assert_int_equal(IVdsAsync_Wait(async, &result, &out), S_OK);
    assert_int_equal(out.type, VDS_ASYNCOUT_ADDPORTAL);
    assert_null(out.cl.pLunUnk);
    assert_int_equal(IVdsAsync_QueryStatus(async, &result, &percent), S_OK);
    assert_int_equal(percent, 100);
    assert_int_equal(IVdsAsync_Cancel(async), VDS_E_CANCEL_TOO_LATE);
    IVdsAsync_Release(async);
    rig_stop(&rig);
}

/* 50 threads wait on one connection, others call on it meanwhile, then all are answered. */
static void waits_of_many_threads(bool foreign, bool one_operation)
{
    struct rig rig;
    struct waiter waiters[N_WAITERS] = { 0 };
    VDS_SERVICE_PROP prop;
    HRESULT result;
    ULONG percent;

    rig_start(&rig);
    rig.fake.hold_ops = true;
    rig.fake.foreign_ops = foreign;
    for (int i = 0; i < N_WAITERS; i++) {
        if (i > 0 && one_operation) {
            waiters[i].async = waiters[0].async;
            IVdsAsync_AddRef(waiters[i].async);
        } else {
            waiters[i].async = start_add(rig.client);
        }
        assert_int_equal(pthread_create(&waiters[i].thread, NULL, wait_here, &waiters[i]), 0);
    }
    RIG_UNTIL(rig_figures(&rig).waits == N_WAITERS);
    assert_int_equal(IVdsService_GetProperties(rig.client, &prop), S_OK); /* the connection is not held up */
    CoTaskMemFree(prop.pwszVersion);
    assert_int_equal(IVdsAsync_QueryStatus(waiters[7].async, &result, &percent), S_OK);
    assert_int_equal(result, VDS_E_OPERATION_PENDING);
    assert_int_equal(percent, 42);
    assert_int_equal(fake_end_ops(&rig.fake, VDS_E_IO_ERROR), one_operation ? 1 : N_WAITERS);
    for (int i = 0; i < N_WAITERS; i++) {
        pthread_join(waiters[i].thread, NULL);
        assert_int_equal(waiters[i].hr, S_OK);
        assert_int_equal(waiters[i].result, VDS_E_IO_ERROR);
        assert_string_equal(waiters[i].text, "the fake operation failed, as it was told to");
        assert_int_equal(waiters[i].out.type, VDS_ASYNCOUT_ADDPORTAL);
        IVdsAsync_Release(waiters[i].async);
    }
    RIG_UNTIL(rig_figures(&rig).operations == 0);
    assert_int_equal(rig_figures(&rig).waits, 0);
    rig_stop(&rig);
}

static void fifty_threads_wait_for_an_operation_each(void **state)
{
    (void)state;
    waits_of_many_threads(false, false);
}

static void fifty_threads_wait_for_one_operation(void **state)
{
    (void)state;
    waits_of_many_threads(false, true);
}

static void async_objects_that_cannot_tell_their_end_are_waited_for_too(void **state)
{
    (void)state;
    waits_of_many_threads(true, false);
    waits_of_many_threads(true, true);
}

static void cancel_ends_the_wait_of_another_thread(void **state)
{
    struct rig rig;
    struct waiter w = { 0 };

    (void)state;
    rig_start(&rig);
    rig.fake.hold_ops = true;
    w.async = start_add(rig.client);
    pthread_create(&w.thread, NULL, wait_here, &w);
    RIG_UNTIL(rig_figures(&rig).waits == 1);
    assert_int_equal(IVdsAsync_Cancel(w.async), S_OK);
    pthread_join(w.thread, NULL);
    assert_int_equal(w.hr, S_OK);
    assert_int_equal(w.result, VDS_E_OPERATION_CANCELED);
    assert_int_equal(IVdsAsync_Cancel(w.async), VDS_E_CANCEL_TOO_LATE);
    IVdsAsync_Release(w.async);
    rig_stop(&rig);
}

static void releasing_an_async_object_lets_go_and_cancels_nothing(void **state)
{
    struct rig rig;
    IVdsAsync *async;

    (void)state;
    rig_start(&rig);
    rig.fake.hold_ops = true;
    async = start_add(rig.client);
    IVdsAsync_Release(async);
    RIG_UNTIL(rig_figures(&rig).operations == 0);
    assert_int_equal(fake_running_ops(&rig.fake), 1);
    assert_int_equal(rig.fake.n_cancelled, 0);
    rig_stop(&rig);
}

static void a_connection_that_breaks_leaves_its_operations_running_and_nothing_else(void **state)
{
    struct rig rig;
    struct waiter w = { 0 };
    int fds[2], handle;
    IVdsService *client = NULL;

    (void)state;
    rig_start(&rig);
    rig.fake.hold_ops = true;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(rpc_server_add_fd(rig.server, fds[0]), 0);
    handle = dup(fds[1]); /* what a killed process would leave of it: nothing */
    assert_int_equal(vds_connect_fd(fds[1], (void **)&client), S_OK);
    w.async = start_add(client);
    pthread_create(&w.thread, NULL, wait_here, &w);
    RIG_UNTIL(rig_figures(&rig).waits == 1);
    shutdown(handle, SHUT_RDWR);
    close(handle);
    pthread_join(w.thread, NULL);
    assert_int_equal(w.hr, RPC_E_DISCONNECTED);
    RIG_UNTIL(rig_figures(&rig).connections == 1);
    assert_int_equal(rig_figures(&rig).operations, 0);
    assert_int_equal(rig_figures(&rig).waits, 0);
    assert_int_equal(fake_running_ops(&rig.fake), 1);
    assert_int_equal(rig.fake.n_cancelled, 0);
    assert_int_equal(fake_end_ops(&rig.fake, S_OK), 1);
    IVdsAsync_Release(w.async);
    IVdsService_Release(client);
    rig_stop(&rig);
}

static void too_many_operations_are_refused_until_some_are_released(void **state)
{
    struct rpc_server_options options = { .max_operations = 3 };
    struct rig rig;
    IVdsAsync *held[3], *more = NULL;
    IVdsIscsiPortalGroup *g;

    (void)state;
    rig_start_with(&rig, &options);
    rig.fake.hold_ops = true;
    for (int i = 0; i < 3; i++)
        held[i] = start_add(rig.client);
    g = rig_object(rig.client, FAKE_GROUP, 1, &IID_IVdsIscsiPortalGroup);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(g, fake_id(FAKE_PORTAL, 1), &more), RPC_TOO_MANY);
    assert_non_null(strstr(vds_error_text(), "holds 3 operations"));
    assert_int_equal(fake_running_ops(&rig.fake), 3); /* it was not begun */
    IVdsAsync_Release(held[0]);
    more = start_add(rig.client);
    IVdsAsync_Release(more);
    IVdsAsync_Release(held[1]);
    IVdsAsync_Release(held[2]);
    IVdsIscsiPortalGroup_Release(g);
    rig_stop(&rig);
}

static void a_method_that_fails_takes_no_place_for_an_operation(void **state)
{
    struct rpc_server_options options = { .max_operations = 1 };
    struct rig rig;
    IVdsAsync *async = NULL;
    IVdsSubSystem *s;

    (void)state;
    rig_start_with(&rig, &options);
    s = rig_object(rig.client, FAKE_SUBSYSTEM, 1, &IID_IVdsSubSystem);
    for (int i = 0; i < 3; i++)
        assert_int_equal(IVdsSubSystem_CreateLun(s, VDS_LT_SIMPLE, 0, NULL, 0, (LPWSTR)u"", NULL, &async),
                         VDS_E_NOT_ENOUGH_SPACE);
    assert_int_equal(rig_figures(&rig).operations, 0);
    IVdsSubSystem_Release(s);
    rig_stop(&rig);
}

/* Ended ones older than keep_seconds make room for a client that never releases; younger ones do not. */
static void an_ended_operation_makes_room_when_the_table_is_full(void **state)
{
    struct rpc_server_options options = { .max_operations = 1, .keep_seconds = 1 };
    struct rig rig;
    IVdsAsync *first, *second = NULL;
    IVdsIscsiPortalGroup *g;
    HRESULT hr, result;
    VDS_ASYNC_OUTPUT out;

    (void)state;
    rig_start_with(&rig, &options);
    first = start_add(rig.client);
    assert_int_equal(IVdsAsync_Wait(first, &result, &out), S_OK);
    g = rig_object(rig.client, FAKE_GROUP, 1, &IID_IVdsIscsiPortalGroup);
    do
        hr = IVdsIscsiPortalGroup_AddPortal(g, fake_id(FAKE_PORTAL, 1), &second);
    while (hr == RPC_TOO_MANY && poll(NULL, 0, 20) == 0);
    assert_int_equal(hr, S_OK);
    assert_int_equal(IVdsAsync_Wait(first, &result, &out), VDS_E_OBJECT_DELETED);
    IVdsAsync_Release(first);
    IVdsAsync_Release(second);
    IVdsIscsiPortalGroup_Release(g);
    rig_stop(&rig);
}

static void a_server_that_stops_fails_every_pending_call(void **state)
{
    struct rig rig;
    struct waiter waiters[10] = { 0 };
    VDS_SERVICE_PROP prop;

    (void)state;
    rig_start(&rig);
    rig.fake.hold_ops = true;
    for (int i = 0; i < 10; i++) {
        waiters[i].async = start_add(rig.client);
        pthread_create(&waiters[i].thread, NULL, wait_here, &waiters[i]);
    }
    RIG_UNTIL(rig_figures(&rig).waits == 10);
    rpc_server_destroy(rig.server);
    rig.server = NULL;
    for (int i = 0; i < 10; i++) {
        pthread_join(waiters[i].thread, NULL);
        assert_int_equal(waiters[i].hr, RPC_E_DISCONNECTED);
        assert_non_null(strstr(waiters[i].text, "has ended the connection"));
        IVdsAsync_Release(waiters[i].async);
    }
    assert_int_equal(IVdsService_GetProperties(rig.client, &prop), RPC_E_DISCONNECTED);
    assert_null(prop.pwszVersion);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(wait_of_a_creating_operation_hands_out_the_object),
        RIG_TEST(an_operation_without_output_says_its_type_only),
        RIG_TEST(fifty_threads_wait_for_an_operation_each),
        RIG_TEST(fifty_threads_wait_for_one_operation),
        RIG_TEST(async_objects_that_cannot_tell_their_end_are_waited_for_too),
        RIG_TEST(cancel_ends_the_wait_of_another_thread),
        RIG_TEST(releasing_an_async_object_lets_go_and_cancels_nothing),
        RIG_TEST(a_connection_that_breaks_leaves_its_operations_running_and_nothing_else),
        RIG_TEST(too_many_operations_are_refused_until_some_are_released),
        RIG_TEST(a_method_that_fails_takes_no_place_for_an_operation),
        RIG_TEST(an_ended_operation_makes_room_when_the_table_is_full),
        RIG_TEST(a_server_that_stops_fails_every_pending_call),
    };

    return RUN_TESTS(tests);
}
