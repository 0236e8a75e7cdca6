/* SPDX-License-Identifier: MIT */
/* The table of notifications at advised clients of the service: two sinks of one client, one of another,
 * which are told the same; and the records that the service keeps, which a client reads that was not there.
 * test_events.py starts it.
 *
 * usage: events service|inproc STATE-DIRECTORY PID LATE-DRIVE PORTAL PORTAL ABSENT-PORTAL DRIVE
 *        (PID: whose limits make writes fail)
 */
#include "event_table.h"

#define N_SINKS 3

static struct {
    DWORD context;
    const char *state, *late, *portals[3], *drives[2];
    pid_t pid;
} given;

static void configure(void)
{
    VDS_INPROC_OPTIONS options = { .pszStateDirectory = given.state,
                                   .ppszPortals = given.portals,
                                   .ulNumberOfPortals = 3,
                                   .ppszDrives = given.drives,
                                   .ulNumberOfDrives = 2,
                                   .ulReactors = 2,
                                   .ulMaxGroups = EVENTS_MAX_GROUPS };

    assert_hr(vds_inproc_configure(&options), S_OK);
}

/* A connection of its own, where there is one. */
static IVdsService *another_client(void)
{
    IVdsServiceLoader *loader;
    IVdsService *service;

    assert_hr(
        CoCreateInstance(&CLSID_VdsLoader, NULL, given.context, &IID_IVdsServiceLoader, (void **)&loader),
        S_OK);
    assert_hr(IVdsServiceLoader_LoadService(loader, NULL, &service), S_OK);
    IVdsServiceLoader_Release(loader);
    return service;
}

static IVdsHwProvider *provider_of(IVdsService *service)
{
    IEnumVdsObject *members;

    assert_hr(IVdsService_QueryProviders(service, VDS_QUERY_HARDWARE_PROVIDERS, &members), S_OK);
    return first(members, &IID_IVdsHwProvider);
}

/* What is kept from `since` on is what the sink was told, one by one. */
static void assert_kept_as_told(IVdsServiceNotifications *kept, ULONGLONG since, struct event_sink *sink)
{
    VDS_NOTIFICATION_RECORD *records = NULL;
    unsigned at = 0;
    ULONG n = 1;

    while (n > 0) {
        assert_hr(IVdsServiceNotifications_QueryNotifications(kept, since, 7, &records, &n), S_OK);
        for (ULONG i = 0; i < n; i++, at++) {
            assert_true(at < sink->n_seen);
            assert_true(records[i].ullSequence == since + 1);
            assert_memory_equal(&records[i].notification.Target, &sink->seen[at].Target,
                                sizeof sink->seen[at].Target);
            since = records[i].ullSequence;
        }
        CoTaskMemFree(records);
    }
    assert_int_equal(at, sink->n_seen);
}

static void every_client_is_told_what_the_table_says_and_who_comes_late_reads_the_same(void **state)
{
    static struct event_sink sinks[N_SINKS];
    struct event_sink *list[N_SINKS] = { &sinks[0], &sinks[1], &sinks[2] };
    IVdsService *service = open_service(given.context), *other = another_client();
    IVdsService *of[N_SINKS] = { service, service, other };
    IVdsHwProvider *provider = provider_of(service);
    IVdsServiceNotifications *kept;
    DWORD cookies[N_SINKS];
    ULONGLONG since;

    (void)state;
    assert_hr(IVdsService_QueryInterface(service, &IID_IVdsServiceNotifications, (void **)&kept), S_OK);
    for (unsigned i = 0; i < N_SINKS; i++) {
        event_sink_init(&sinks[i]);
        assert_hr(IVdsService_Advise(of[i], &sinks[i].face, &cookies[i]), S_OK);
    }
    assert_hr(IVdsServiceNotifications_GetLastSequence(kept, &since), S_OK);
    event_table_walk(&(struct event_given){ provider, list, N_SINKS, given.state, given.late, given.pid });
    for (unsigned i = 0; i < N_SINKS; i++)
        assert_hr(IVdsService_Unadvise(of[i], cookies[i]), S_OK);
    assert_kept_as_told(kept, since, &sinks[0]);
    IVdsServiceNotifications_Release(kept);
    IVdsHwProvider_Release(provider);
    IVdsService_Release(other);
    IVdsService_Release(service);
    vds_inproc_stop();
    CoUninitialize();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(
        every_client_is_told_what_the_table_says_and_who_comes_late_reads_the_same) };

    if (argc != 9) {
        fprintf(stderr, "usage: events service|inproc STATE-DIRECTORY PID LATE-DRIVE PORTAL PORTAL "
                        "ABSENT-PORTAL DRIVE\n");
        return 2;
    }
    given.context = strcmp(argv[1], "inproc") == 0 ? CLSCTX_INPROC_SERVER : CLSCTX_LOCAL_SERVER;
    given.state = argv[2];
    given.pid = (pid_t)atol(argv[3]); /* 0: this process */
    given.late = given.drives[1] = argv[4];
    memcpy(given.portals, argv + 5, sizeof given.portals);
    given.drives[0] = argv[8];
    if (given.context == CLSCTX_INPROC_SERVER)
        configure();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
