/* SPDX-License-Identifier: MIT */
/* Advise and Unadvise: order, grouping, slow sinks, dead sinks, queues with an end. */
#include "fixture.h"

#include <vds/vdsex.h>

static DWORD advise(struct fixture *f, struct test_sink *sink)
{
    DWORD cookie = 0;

    assert_int_equal(IVdsService_Advise(f->service, &sink->face, &cookie), S_OK);
    assert_int_not_equal(cookie, 0);
    return cookie;
}

static void every_registered_sink_gets_every_event_in_order(void **state)
{
    struct fixture *f = *state;
    struct test_sink *a = test_sink_new(), *b = test_sink_new();
    DWORD cookie_a = advise(f, a), cookie_b = advise(f, b);

    assert_int_not_equal(cookie_a, cookie_b);
    for (ULONG i = 0; i < 50; i++)
        assert_int_equal(provider_emit(f->provider, 100 + i, 1), S_OK);
    test_sink_wait(a, 50);
    test_sink_wait(b, 50);
    for (ULONG i = 0; i < 50; i++) {
        assert_int_equal(a->events[i], 100 + i);
        assert_int_equal(b->events[i], 100 + i);
    }
    assert_int_equal(IVdsService_Unadvise(f->service, cookie_a), S_OK);
    assert_int_equal(IVdsService_Unadvise(f->service, cookie_b), S_OK);
    assert_int_equal(IVdsAdviseSink_Release(&a->face), 0);
    assert_int_equal(IVdsAdviseSink_Release(&b->face), 0);
}

static void events_that_came_together_stay_together(void **state)
{
    struct fixture *f = *state;
    struct test_sink *sink = test_sink_new();
    DWORD cookie = advise(f, sink);

    assert_int_equal(provider_emit(f->provider, 1, 100), S_OK);
    assert_int_equal(provider_emit(f->provider, 2, 3), S_OK);
    test_sink_wait(sink, 103);
    assert_int_equal(sink->n_calls, 2);
    assert_int_equal(sink->calls[0], 100);
    assert_int_equal(sink->calls[1], 3);
    assert_int_equal(IVdsService_Unadvise(f->service, cookie), S_OK);
    IVdsAdviseSink_Release(&sink->face);
}

static void a_sink_that_hangs_holds_up_neither_the_provider_nor_another_sink(void **state)
{
    struct fixture *f = *state;
    struct test_sink *slow = test_sink_new(), *quick = test_sink_new();
    DWORD slow_cookie, quick_cookie;

    slow->hang = true;
    slow_cookie = advise(f, slow);
    quick_cookie = advise(f, quick);
    for (ULONG i = 0; i < 150; i++)
        assert_int_equal(provider_emit(f->provider, i, 1), S_OK);
    test_sink_wait(quick, 150);
    assert_int_equal(test_sink_count(slow), 0);
    test_sink_set_hang(slow, false);
    test_sink_wait(slow, 150);
    assert_int_equal(IVdsService_Unadvise(f->service, slow_cookie), S_OK);
    assert_int_equal(IVdsService_Unadvise(f->service, quick_cookie), S_OK);
    IVdsAdviseSink_Release(&slow->face);
    IVdsAdviseSink_Release(&quick->face);
}

static void a_queue_that_overflows_ends_with_the_news_that_it_is_out_of_sync(void **state)
{
    struct fixture *f = *state;
    struct test_sink *sink = test_sink_new();
    DWORD cookie;

    sink->hang = true;
    cookie = advise(f, sink);
    assert_int_equal(provider_emit(f->provider, 0, 1), S_OK);
    test_sink_wait(sink, 0); /* the first is inside the sink, not in the queue */
    for (ULONG i = 1; i <= 300; i++) /* the queue holds 200 */
        assert_int_equal(provider_emit(f->provider, i, 1), S_OK);
    test_sink_set_hang(sink, false);
    test_sink_wait(sink, 202);
    assert_int_equal(sink->events[200], 200);
    assert_int_equal(sink->events[201], VDS_NF_SERVICE_OUT_OF_SYNC);
    assert_int_equal(sink->last_type, VDS_NTT_SERVICE);
    assert_int_equal(provider_emit(f->provider, 1000, 1), S_OK);
    test_sink_wait(sink, 203);
    assert_int_equal(sink->events[202], 1000);
    assert_int_equal(IVdsService_Unadvise(f->service, cookie), S_OK);
    IVdsAdviseSink_Release(&sink->face);
}

static void unadvise_delivers_what_is_on_its_way_and_then_nothing_more(void **state)
{
    struct fixture *f = *state;
    struct test_sink *sink = test_sink_new();
    DWORD cookie = advise(f, sink);

    for (ULONG i = 0; i < 100; i++)
        assert_int_equal(provider_emit(f->provider, i, 1), S_OK);
    assert_int_equal(IVdsService_Unadvise(f->service, cookie), S_OK);
    assert_int_equal(sink->n_events, 100);
    assert_int_equal(provider_emit(f->provider, 5, 1), S_OK);
    assert_int_equal(IVdsAdviseSink_Release(&sink->face), 0); /* nobody else holds it */
}

static void a_cookie_that_names_no_registration_is_bad(void **state)
{
    struct fixture *f = *state;
    struct test_sink *sink = test_sink_new();
    DWORD cookie = advise(f, sink);

    assert_int_equal(IVdsService_Unadvise(f->service, cookie + 1), VDS_E_BAD_COOKIE);
    assert_int_equal(IVdsService_Unadvise(f->service, 0), VDS_E_BAD_COOKIE);
    assert_int_equal(IVdsService_Unadvise(f->service, cookie), S_OK);
    assert_int_equal(IVdsService_Unadvise(f->service, cookie), VDS_E_BAD_COOKIE);
    IVdsAdviseSink_Release(&sink->face);
}

static void advise_refuses_null_and_more_sinks_than_the_limit(void **state)
{
    struct fixture *f = *state;
    struct test_sink *sink = test_sink_new();
    DWORD cookies[4], cookie = 9;

    assert_int_equal(IVdsService_Advise(f->service, NULL, &cookie), E_INVALIDARG);
    assert_int_equal(cookie, 0);
    assert_int_equal(IVdsService_Advise(f->service, &sink->face, NULL), E_INVALIDARG);
    for (int i = 0; i < 4; i++)
        cookies[i] = advise(f, sink);
    assert_int_equal(IVdsService_Advise(f->service, &sink->face, &cookie), E_OUTOFMEMORY);
    for (int i = 0; i < 4; i++)
        assert_int_equal(IVdsService_Unadvise(f->service, cookies[i]), S_OK);
    IVdsAdviseSink_Release(&sink->face);
}

static void a_sink_that_never_comes_back_is_left_to_itself(void **state)
{
    struct fake_provider *p = fake_provider_new(VDS_PT_HARDWARE);
    struct fixture f = { .provider = p,
                         .service =
                             service_over(&p, 1, (struct service_options){ .unadvise_timeout_ms = 1 }) };
    struct test_sink *sink = test_sink_new();
    DWORD cookie;

    (void)state;
    assert_int_equal(IVdsService_WaitForServiceReady(f.service), S_OK);
    sink->hang = true;
    cookie = advise(&f, sink);
    assert_int_equal(provider_emit(p, 1, 1), S_OK);
    assert_int_equal(provider_emit(p, 2, 1), S_OK);
    test_sink_wait(sink, 0);
    assert_int_equal(IVdsService_Unadvise(f.service, cookie), S_OK);
    IVdsService_Release(f.service);
    test_sink_set_hang(sink, false); /* it comes back after all: the rest is not delivered */
    test_sink_wait(sink, 1);
    while (IVdsAdviseSink_AddRef(&sink->face) > 2) { /* until its thread has let go of it */
        IVdsAdviseSink_Release(&sink->face);
        sched_yield();
    }
    IVdsAdviseSink_Release(&sink->face);
    assert_int_equal(sink->n_events, 1);
    IVdsAdviseSink_Release(&sink->face);
    com_object_unref(&p->obj);
}

struct leaving {
    IVdsService *service;
    DWORD cookie;
    HRESULT hr;
};

static void leave(struct test_sink *s, void *arg)
{
    struct leaving *l = arg;

    (void)s;
    l->hr = IVdsService_Unadvise(l->service, l->cookie);
}

static void a_sink_may_end_its_registration_while_it_is_being_told(void **state)
{
    struct fixture *f = *state;
    struct leaving leaving = { .service = f->service, .hr = E_FAIL };
    struct test_sink *sink = test_sink_new();

    sink->during = leave;
    sink->during_arg = &leaving;
    leaving.cookie = advise(f, sink);
    assert_int_equal(provider_emit(f->provider, 1, 1), S_OK);
    test_sink_wait(sink, 1);
    while (IVdsAdviseSink_AddRef(&sink->face) > 2) { /* until its thread has let go of it */
        IVdsAdviseSink_Release(&sink->face);
        sched_yield();
    }
    IVdsAdviseSink_Release(&sink->face);
    assert_int_equal(leaving.hr, S_OK);
    assert_int_equal(IVdsService_Unadvise(f->service, leaving.cookie), VDS_E_BAD_COOKIE);
    IVdsAdviseSink_Release(&sink->face);
}

static void the_end_of_the_service_ends_the_registrations(void **state)
{
    struct fixture *f = *state;
    struct test_sink *sink = test_sink_new();
    DWORD cookie = 0;

    advise(f, sink);
    service_shutdown(f->service);
    assert_int_equal(IVdsService_Advise(f->service, &sink->face, &cookie), VDS_E_INITIALIZED_FAILED);
    assert_int_equal(IVdsAdviseSink_Release(&sink->face), 0);
}

static void the_sink_for_providers_checks_what_it_is_given(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(IVdsAdviseSink_OnNotify(f->provider->sink, 1, NULL), E_INVALIDARG);
    assert_int_equal(
        IVdsAdviseSink_OnNotify(f->provider->sink, 0, com_task_calloc(1, sizeof(VDS_NOTIFICATION))),
        E_INVALIDARG);
    assert_int_equal(provider_emit(f->provider, 1, 101), E_INVALIDARG);
}

static void a_provider_that_speaks_before_the_service_is_ready_is_told_so(void **state)
{
    struct fake_provider *providers[2] = { fake_provider_new(VDS_PT_HARDWARE),
                                           fake_provider_new(VDS_PT_HARDWARE) };
    IVdsService *service;

    (void)state;
    providers[1]->hang = true;
    service = service_over(providers, 2, (struct service_options){ 0 });
    provider_wait_inside(providers[1]); /* so the first has loaded */
    assert_int_equal(provider_emit(providers[0], 1, 1), S_FALSE);
    provider_set_hang(providers[1], false);
    assert_int_equal(IVdsService_WaitForServiceReady(service), S_OK);
    assert_int_equal(provider_emit(providers[0], 1, 1), S_OK);
    IVdsService_Release(service);
    com_object_unref(&providers[0]->obj);
    com_object_unref(&providers[1]->obj);
}

static IVdsServiceNotifications *kept_by(IVdsService *service)
{
    IVdsServiceNotifications *kept = NULL;

    assert_int_equal(IVdsService_QueryInterface(service, &IID_IVdsServiceNotifications, (void **)&kept),
                     S_OK);
    return kept;
}

/* The events after `since` are those from `first` on, n of them; the number of the last. */
static ULONGLONG assert_kept(IVdsServiceNotifications *kept, ULONGLONG since, HRESULT hr, ULONG first,
                             ULONG n)
{
    VDS_NOTIFICATION_RECORD *records = NULL;
    ULONGLONG last = since;
    ULONG got = 0;

    assert_int_equal(IVdsServiceNotifications_QueryNotifications(kept, since, 0, &records, &got), hr);
    assert_int_equal(got, n);
    for (ULONG i = 0; i < n; i++) {
        assert_int_equal(records[i].notification.Target.ulEvent, first + i);
        assert_true(i == 0 || records[i].ullSequence == last + 1);
        assert_true(records[i].ullTime > 0);
        last = records[i].ullSequence;
    }
    CoTaskMemFree(records);
    return last;
}

static void who_comes_late_can_ask_for_what_was_told_since(void **state)
{
    struct fixture *f = *state;
    IVdsServiceNotifications *kept = kept_by(f->service);
    ULONGLONG begin, last;

    assert_int_equal(IVdsServiceNotifications_GetLastSequence(kept, &begin), S_OK);
    assert_kept(kept, 0, S_OK, 0, 0);
    assert_kept(kept, begin, S_OK, 0, 0);
    for (ULONG i = 1; i <= 5; i++)
        assert_int_equal(provider_emit(f->provider, i, 1), S_OK);
    last = assert_kept(kept, 0, S_OK, 1, 5);
    assert_int_equal(last, begin + 5);
    assert_kept(kept, begin, S_OK, 1, 5);
    assert_kept(kept, begin + 3, S_OK, 4, 2);
    assert_kept(kept, last, S_OK, 0, 0);
    assert_kept(kept, last + 1, S_FALSE, 1, 5); /* a number that was never given out */
    assert_kept(kept, begin - 1, S_FALSE, 1, 5);
    assert_kept(kept, UINT64_MAX, S_FALSE, 1, 5);
    IVdsServiceNotifications_Release(kept);
}

static void what_is_kept_has_a_limit_and_what_is_gone_is_said_to_be(void **state)
{
    struct fake_provider *p = fake_provider_new(VDS_PT_HARDWARE);
    IVdsService *service = service_over(&p, 1, (struct service_options){ .max_replay = 3 });
    IVdsServiceNotifications *kept = kept_by(service);
    ULONGLONG begin;

    (void)state;
    assert_int_equal(IVdsService_WaitForServiceReady(service), S_OK);
    assert_int_equal(IVdsServiceNotifications_GetLastSequence(kept, &begin), S_OK);
    for (ULONG i = 1; i <= 7; i++)
        assert_int_equal(provider_emit(p, i, 1), S_OK);
    assert_kept(kept, 0, S_OK, 5, 3);
    assert_kept(kept, begin, S_FALSE, 5, 3);
    assert_kept(kept, begin + 3, S_FALSE, 5, 3);
    assert_kept(kept, begin + 4, S_OK, 5, 3);
    assert_int_equal(provider_emit(p, 8, 100), S_OK); /* more at once than are kept */
    assert_kept(kept, begin + 106, S_OK, 8, 1);
    IVdsServiceNotifications_Release(kept);
    IVdsService_Release(service);
    com_object_unref(&p->obj);
}

static void an_answer_has_as_many_records_as_were_asked_for_at_most(void **state)
{
    struct fixture *f = *state;
    IVdsServiceNotifications *kept = kept_by(f->service);
    VDS_NOTIFICATION_RECORD *records;
    ULONG n;

    for (ULONG i = 0; i < 11; i++)
        assert_int_equal(provider_emit(f->provider, i, 100), S_OK);
    assert_int_equal(IVdsServiceNotifications_QueryNotifications(kept, 0, 7, &records, &n), S_OK);
    assert_int_equal(n, 7);
    CoTaskMemFree(records);
    assert_int_equal(IVdsServiceNotifications_QueryNotifications(kept, 0, 0, &records, &n), S_OK);
    assert_int_equal(n, 1000);
    CoTaskMemFree(records);
    assert_int_equal(IVdsServiceNotifications_QueryNotifications(kept, 0, 0, NULL, &n), E_INVALIDARG);
    assert_int_equal(IVdsServiceNotifications_QueryNotifications(kept, 0, 0, &records, NULL), E_INVALIDARG);
    assert_int_equal(IVdsServiceNotifications_GetLastSequence(kept, NULL), E_INVALIDARG);
    IVdsServiceNotifications_Release(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        service_test(every_registered_sink_gets_every_event_in_order),
        service_test(events_that_came_together_stay_together),
        service_test(a_sink_that_hangs_holds_up_neither_the_provider_nor_another_sink),
        service_test(a_queue_that_overflows_ends_with_the_news_that_it_is_out_of_sync),
        service_test(unadvise_delivers_what_is_on_its_way_and_then_nothing_more),
        service_test(a_cookie_that_names_no_registration_is_bad),
        service_test(advise_refuses_null_and_more_sinks_than_the_limit),
        com_test(a_sink_that_never_comes_back_is_left_to_itself),
        service_test(a_sink_may_end_its_registration_while_it_is_being_told),
        service_test(the_end_of_the_service_ends_the_registrations),
        service_test(the_sink_for_providers_checks_what_it_is_given),
        com_test(a_provider_that_speaks_before_the_service_is_ready_is_told_so),
        service_test(who_comes_late_can_ask_for_what_was_told_since),
        com_test(what_is_kept_has_a_limit_and_what_is_gone_is_said_to_be),
        service_test(an_answer_has_as_many_records_as_were_asked_for_at_most),
    };

    return RUN_TESTS(tests);
}
