/* SPDX-License-Identifier: MIT */
/* The story of story.c in process, looked at from the wire; and what its events were. */
#include "com_sink.h"
#include "house.h"
#include "story.h"

/* A login at that address: with tag 0 it must be refused. */
static int serves(void *arg, const VDS_IPADDRESS *address, unsigned tag)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address->ipv4Address),
                              .sin_port = htons((uint16_t)address->ulPort) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)address->ulPort) };
    struct sockaddr_storage addr = { 0 };
    struct initiator in;
    int ok;

    (void)arg;
    memcpy(&v6.sin6_addr, address->ipv6Address, sizeof v6.sin6_addr);
    if (address->type == VDS_IPT_IPV4)
        memcpy(&addr, &v4, sizeof v4);
    else
        memcpy(&addr, &v6, sizeof v6);
    initiator_init(&in, 1);
    if (initiator_connect(&in, &addr) < 0 || initiator_login(&in, "iqn.2026-01.example:story") < 0)
        ok = tag == 0;
    else
        ok = in.tag == tag && initiator_logout(&in) == 0;
    initiator_close(&in);
    return ok;
}

static void a_vds_client_makes_uses_and_removes_a_portal_group(void **state)
{
    struct house *h = *state;
    int line = story(h->service, serves, NULL);

    if (line)
        fail_msg("story.c:%d", line);
}

/* Have these events come, in this order, with others between them? If not, waits for another event. */
static bool told(struct test_sink *sink, const ULONG *expected, size_t n)
{
    size_t at = 0;

    pthread_mutex_lock(&sink->lock);
    for (size_t i = 0; i < sink->n_events && at < n; i++)
        at += sink->events[i] == expected[at];
    if (at < n)
        pthread_cond_wait(&sink->changed, &sink->lock);
    pthread_mutex_unlock(&sink->lock);
    return at == n;
}

static void the_story_is_told_in_order_to_an_advised_sink(void **state)
{
    static const ULONG expected[] = { VDS_NF_TARGET_ARRIVE,       VDS_NF_PORTAL_GROUP_ARRIVE,
                                      VDS_NF_PORTAL_GROUP_MODIFY, VDS_NF_PORTAL_GROUP_MODIFY,
                                      VDS_NF_PORTAL_GROUP_DEPART, VDS_NF_TARGET_DEPART };
    struct house *h = *state;
    struct test_sink *sink = test_sink_new();
    DWORD cookie = 0;

    assert_int_equal(IVdsService_Advise(h->service, &sink->face, &cookie), S_OK);
    assert_int_equal(story(h->service, serves, NULL), 0);
    while (!told(sink, expected, ARRAY_SIZE(expected))) /* the last events may be on their way still */
        ;
    assert_int_equal(IVdsService_Unadvise(h->service, cookie), S_OK);
    drop(&sink->face);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(a_vds_client_makes_uses_and_removes_a_portal_group),
        house_test(the_story_is_told_in_order_to_an_advised_sink),
    };

    return RUN_TESTS(tests);
}
