/* SPDX-License-Identifier: MIT */
/* Notifications when there is no memory: who misses something is told so, as soon as there is memory for
 * that. */
#include "fixture.h"

#include <vds/vdsex.h>

#include "alloc_faults.h"

static struct test_sink *advised(IVdsService *service)
{
    struct test_sink *sink = test_sink_new();
    DWORD cookie;

    assert_int_equal(IVdsService_Advise(service, &sink->face, &cookie), S_OK);
    return sink;
}

static ULONG one_kept(IVdsService *service)
{
    IVdsServiceNotifications *kept = NULL;
    VDS_NOTIFICATION_RECORD *records = NULL;
    ULONG n = 0, event;

    assert_int_equal(IVdsService_QueryInterface(service, &IID_IVdsServiceNotifications, (void **)&kept),
                     S_OK);
    assert_int_equal(IVdsServiceNotifications_QueryNotifications(kept, 0, 0, &records, &n), S_OK);
    assert_int_equal(n, 1);
    event = records[0].notification.Target.ulEvent;
    CoTaskMemFree(records);
    IVdsServiceNotifications_Release(kept);
    return event;
}

static void
a_batch_that_cannot_be_copied_is_kept_for_late_clients_and_the_others_are_told_of_the_loss(void **state)
{
    struct fixture *f = *state;
    struct test_sink *sink = advised(f->service);
    VDS_NOTIFICATION *list = com_task_calloc(1, sizeof *list);

    list->objectType = VDS_NTT_TARGET;
    list->Target.ulEvent = 7;
    alloc_faults_arm(1);
    assert_int_equal(IVdsAdviseSink_OnNotify(f->provider->sink, 1, list), S_FALSE);
    assert_true(alloc_faults_hit());
    test_sink_wait(sink, 1);
    assert_int_equal(sink->events[0], VDS_NF_SERVICE_OUT_OF_SYNC);
    assert_int_equal(one_kept(f->service), 7);
    com_object_unref(&sink->obj);
}

static void a_client_that_could_not_be_told_is_told_of_the_loss(void **state)
{
    struct fixture *f = *state;
    struct test_sink *sink = advised(f->service);

    alloc_faults_arm_others(1);
    assert_int_equal(provider_emit(f->provider, 7, 1), S_OK);
    test_sink_wait(sink, 1);
    assert_int_equal(sink->events[0], VDS_NF_SERVICE_OUT_OF_SYNC);
    com_object_unref(&sink->obj);
}

static bool has_seen(struct test_sink *sink, ULONG event)
{
    bool seen = false;

    pthread_mutex_lock(&sink->lock);
    for (size_t i = 0; i < sink->n_events; i++)
        seen |= sink->events[i] == event;
    pthread_mutex_unlock(&sink->lock);
    return seen;
}

static void
a_client_that_could_not_even_be_told_of_the_loss_is_told_with_an_event_that_comes_later(void **state)
{
    struct fixture *f = *state;
    struct test_sink *sink = advised(f->service);

    alloc_faults_arm_others(2);
    assert_int_equal(provider_emit(f->provider, 7, 1), S_OK);
    while (alloc_faults_left_to_others() > 0) /* the runner bounds it */
        sched_yield();
    for (size_t n = 1; !has_seen(sink, VDS_NF_SERVICE_OUT_OF_SYNC); n++) {
        assert_int_equal(provider_emit(f->provider, 8, 1), S_OK);
        test_sink_wait(sink, n);
    }
    assert_false(has_seen(sink, 7));
    com_object_unref(&sink->obj);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        service_test(
            a_batch_that_cannot_be_copied_is_kept_for_late_clients_and_the_others_are_told_of_the_loss),
        service_test(a_client_that_could_not_be_told_is_told_of_the_loss),
        service_test(a_client_that_could_not_even_be_told_of_the_loss_is_told_with_an_event_that_comes_later),
    };

    return RUN_TESTS(tests);
}
