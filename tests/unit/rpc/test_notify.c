/* SPDX-License-Identifier: MIT */
/* Notifications over the wire: to every advised client, in order, and slow or dead clients are nobody else's
 * trouble. */
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "rpc/connection_vtable.h"
#include "rpc/path.h"

/* A sink that counts, and can be held. */
struct sink {
    struct com_object obj;
    IVdsAdviseSink face;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned n_calls, n_events, n_lost;
    ULONG last_event;
    bool in_order, held, inside;
    IVdsService *call_back; /* used from inside OnNotify */
    HRESULT called_back;
    DWORD unadvise_inside;
};

COM_UNKNOWN(sink, IVdsAdviseSink, face)

static HRESULT sink_OnNotify(IVdsAdviseSink *face, LONG n, VDS_NOTIFICATION *array)
{
    struct sink *s = sink_from_IVdsAdviseSink(face);
    VDS_SERVICE_PROP prop;

    pthread_mutex_lock(&s->lock);
    s->n_calls++;
    s->inside = true;
    pthread_cond_broadcast(&s->changed);
    while (s->held)
        pthread_cond_wait(&s->changed, &s->lock);
    for (LONG i = 0; i < n; i++) {
        if (array[i].objectType == VDS_NTT_SERVICE) {
            s->n_lost += array[i].Service.ulEvent == VDS_NF_SERVICE_OUT_OF_SYNC &&
                         array[i].Service.action == VDS_RA_REFRESH;
            continue;
        }
        s->in_order = s->in_order && array[i].PortalGroup.ulEvent >= s->last_event;
        s->last_event = array[i].PortalGroup.ulEvent;
        s->n_events++;
    }
    s->inside = false;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    CoTaskMemFree(array);
    if (s->call_back) {
        s->called_back = IVdsService_GetProperties(s->call_back, &prop);
        CoTaskMemFree(prop.pwszVersion);
    }
    if (s->call_back && s->unadvise_inside)
        s->called_back = IVdsService_Unadvise(s->call_back, s->unadvise_inside);
    return S_OK;
}

static const IVdsAdviseSinkVtbl sink_vtbl = { COM_UNKNOWN_SLOTS(sink, IVdsAdviseSink),
                                              .OnNotify = sink_OnNotify };
static const struct com_face sink_faces[] = {
    COM_IDENTITY(sink, IVdsAdviseSink, face, sink_vtbl),
    COM_FACE(sink, IVdsAdviseSink, face, sink_vtbl),
};
COM_CLASS(sink, NULL)

static struct sink *sink_new(void)
{
    struct sink *s = com_object_new(&sink_class);

    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->in_order = true;
    return s;
}

static DWORD advise(IVdsService *client, struct sink *s)
{
    DWORD cookie = 0;

    assert_int_equal(IVdsService_Advise(client, &s->face, &cookie), S_OK);
    assert_int_not_equal(cookie, 0);
    return cookie;
}

#define SINK_UNTIL(s, condition)                          \
    do {                                                  \
        pthread_mutex_lock(&(s)->lock);                   \
        while (!(condition))                              \
            pthread_cond_wait(&(s)->changed, &(s)->lock); \
        pthread_mutex_unlock(&(s)->lock);                 \
    } while (0)

static void events_come_to_every_advised_client_in_order(void **state)
{
    struct rig rig;
    IVdsService *other;
    struct sink *a = sink_new(), *b = sink_new(), *c = sink_new();
    DWORD cookies[2];

    (void)state;
    rig_start(&rig);
    other = rig_connect(&rig);
    cookies[0] = advise(rig.client, a);
    cookies[1] = advise(rig.client, b); /* two sinks of one client */
    advise(other, c);
    for (ULONG i = 1; i <= 200; i++)
        assert_int_equal(fake_notify(&rig.fake, i, i % 5 + 1), 3);
    SINK_UNTIL(a, a->last_event == 200);
    SINK_UNTIL(b, b->last_event == 200);
    SINK_UNTIL(c, c->last_event == 200);
    assert_true(a->in_order && b->in_order && c->in_order);
    assert_int_equal(a->n_calls, 200); /* events that belong together come together */
    assert_int_equal(c->n_events, 40 * (1 + 2 + 3 + 4 + 5));
    assert_int_equal(IVdsService_Unadvise(rig.client, cookies[0]), S_OK);
    assert_int_equal(IVdsService_Unadvise(rig.client, cookies[0]), VDS_E_BAD_COOKIE);
    assert_int_equal(fake_notify(&rig.fake, 201, 1), 2);
    SINK_UNTIL(b, b->last_event == 201);
    assert_int_equal(a->last_event, 200);
    IVdsService_Release(other); /* its subscription goes with the connection */
    RIG_UNTIL(fake_n_sinks(&rig.fake) == 1);
    com_object_unref(&a->obj);
    com_object_unref(&b->obj);
    com_object_unref(&c->obj);
    rig_stop(&rig);
}

static void a_sink_may_call_back_into_the_service(void **state)
{
    struct rig rig;
    struct sink *s = sink_new();

    (void)state;
    rig_start(&rig);
    s->call_back = rig.client;
    s->called_back = E_FAIL;
    s->unadvise_inside = advise(rig.client, s);
    fake_notify(&rig.fake, 1, 1);
    RIG_UNTIL(fake_n_sinks(&rig.fake) == 0);
    com_object_unref(&s->obj);
    rig_stop(&rig);
}

static void release(struct sink *s)
{
    pthread_mutex_lock(&s->lock);
    s->held = false;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void two_sinks_may_end_each_other_at_the_same_time(void **state)
{
    struct rig rig;
    struct sink *a = sink_new(), *b = sink_new();

    (void)state;
    rig_start(&rig);
    a->call_back = b->call_back = rig.client;
    a->held = b->held = true;
    b->unadvise_inside = advise(rig.client, a);
    a->unadvise_inside = advise(rig.client, b);
    fake_notify(&rig.fake, 1, 1);
    SINK_UNTIL(a, a->inside);
    SINK_UNTIL(b, b->inside);
    release(a);
    release(b);
    RIG_UNTIL(fake_n_sinks(&rig.fake) == 0);
    com_object_unref(&a->obj);
    com_object_unref(&b->obj);
    rig_stop(&rig);
}

static void *unadvise(void *arg)
{
    void **args = arg;

    assert_int_equal(IVdsService_Unadvise((IVdsService *)args[0], (DWORD)(uintptr_t)args[1]), S_OK);
    ((struct sink *)args[2])->call_back = NULL; /* after Unadvise nobody is inside */
    return NULL;
}

static void unadvise_waits_for_a_delivery_in_flight(void **state)
{
    struct rig rig;
    struct sink *s = sink_new();
    pthread_t thread;
    void *args[3];

    (void)state;
    rig_start(&rig);
    s->held = true;
    args[0] = rig.client;
    args[1] = (void *)(uintptr_t)advise(rig.client, s);
    args[2] = s;
    fake_notify(&rig.fake, 1, 1);
    SINK_UNTIL(s, s->inside);
    pthread_create(&thread, NULL, unadvise, args);
    poll(NULL, 0, 20); /* time to do it wrong */
    pthread_mutex_lock(&s->lock);
    assert_true(s->inside);
    pthread_mutex_unlock(&s->lock);
    release(s);
    pthread_join(thread, NULL);
    assert_false(s->inside);
    com_object_unref(&s->obj);
    rig_stop(&rig);
}

/* The library reads on behalf of a sink that does not return, keeps so much, and then tells it that it has
 * missed something. */
static void a_sink_that_sleeps_is_told_what_it_missed_and_holds_up_nobody(void **state)
{
    struct rig rig;
    struct sink *slow = sink_new(), *near = sink_new(), *quick = sink_new();
    IVdsService *other;
    VDS_SERVICE_PROP prop;

    (void)state;
    rig_start(&rig);
    other = rig_connect(&rig);
    slow->held = true;
    advise(rig.client, slow);
    advise(rig.client, near); /* in the same process, on the same connection */
    advise(other, quick);
    for (ULONG i = 1; i <= 200; i++) {
        fake_notify(&rig.fake, i, 100);
        SINK_UNTIL(quick, quick->last_event == i);
        SINK_UNTIL(near, near->last_event == i);
    }
    assert_int_equal(near->n_events, 20000);
    assert_int_equal(quick->n_events, 20000);
    assert_int_equal(IVdsService_GetProperties(rig.client, &prop), S_OK); /* the slow one's own calls go on */
    CoTaskMemFree(prop.pwszVersion);
    RIG_UNTIL(rig_figures(&rig).connections == 2);
    pthread_mutex_lock(&slow->lock);
    slow->held = false;
    pthread_cond_broadcast(&slow->changed);
    pthread_mutex_unlock(&slow->lock);
    SINK_UNTIL(slow, slow->n_lost == 1);
    assert_true(slow->n_events < 20000);
    IVdsService_Release(other);
    com_object_unref(&slow->obj);
    com_object_unref(&near->obj);
    com_object_unref(&quick->obj);
    rig_stop(&rig);
}

/* A client by hand that subscribes and then never reads. */
static void a_client_that_does_not_read_is_cut_off(void **state)
{
    struct rpc_server_options options = { .max_events = 500 };
    struct rig rig;
    sd_bus *bus = NULL;
    int fds[2];
    unsigned sent = 0;

    (void)state;
    rig_start_with(&rig, &options);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(rpc_server_add_fd(rig.server, fds[0]), 0);
    assert_true(sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, fds[1], fds[1]) >= 0 && sd_bus_start(bus) >= 0);
    assert_true(sd_bus_call_method(bus, NULL, RPC_PATH_SERVICE, "org.vds.IVdsService", "Advise", NULL, NULL,
                                   "u", 77) >= 0);
    assert_int_equal(fake_n_sinks(&rig.fake), 1);
    while (fake_n_sinks(&rig.fake) == 1) {
        fake_notify(&rig.fake, 1, 100);
        sent += 100;
    }
    RIG_UNTIL(rig_figures(&rig).connections == 1);
    assert_int_equal(rig_figures(&rig).subscriptions, 0);
    assert_true(sent > 500);
    sd_bus_close_unref(bus);
    rig_stop(&rig);
}

static void too_many_subscriptions_are_refused(void **state)
{
    struct rpc_server_options options = { .max_subscriptions = 2 };
    struct rig rig;
    struct sink *s = sink_new();
    DWORD cookies[2], more;

    (void)state;
    rig_start_with(&rig, &options);
    cookies[0] = advise(rig.client, s);
    cookies[1] = advise(rig.client, s);
    assert_int_equal(IVdsService_Advise(rig.client, &s->face, &more), RPC_TOO_MANY);
    assert_int_equal(IVdsService_Unadvise(rig.client, cookies[0]), S_OK);
    assert_int_equal(IVdsService_Advise(rig.client, &s->face, &more), S_OK);
    assert_int_equal(IVdsService_Advise(rig.client, NULL, &more), E_INVALIDARG);
    assert_int_equal(IVdsService_Advise(rig.client, &s->face, NULL), E_INVALIDARG);
    com_object_unref(&s->obj);
    (void)cookies[1];
    rig_stop(&rig);
}

static void a_sink_is_told_that_the_connection_is_gone(void **state)
{
    struct rig rig;
    struct sink *s = sink_new();

    (void)state;
    rig_start(&rig);
    advise(rig.client, s);
    rpc_server_destroy(rig.server);
    rig.server = NULL;
    SINK_UNTIL(s, s->n_lost == 1);
    IVdsService_Release(rig.client);
    rig.client = NULL;
    com_object_unref(&s->obj);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(events_come_to_every_advised_client_in_order),
        RIG_TEST(a_sink_may_call_back_into_the_service),
        RIG_TEST(two_sinks_may_end_each_other_at_the_same_time),
        RIG_TEST(unadvise_waits_for_a_delivery_in_flight),
        RIG_TEST(a_sink_that_sleeps_is_told_what_it_missed_and_holds_up_nobody),
        RIG_TEST(a_client_that_does_not_read_is_cut_off),
        RIG_TEST(too_many_subscriptions_are_refused),
        RIG_TEST(a_sink_is_told_that_the_connection_is_gone),
    };

    return RUN_TESTS(tests);
}
