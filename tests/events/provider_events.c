/* SPDX-License-Identifier: MIT */
/* The table of notifications at the provider's own sink: the one that the service would give it in OnLoad. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error_text.h"
#include "event_table.h"
#include "provider/provider.h"

/* What libvds would say: here there is no service between. */
const char *vds_error_text(void)
{
    return error_text_get();
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* Ports that were free a moment ago, taken at once so that they differ. */
static void free_portals(char portals[2][32])
{
    struct sockaddr_in addr[2];
    int fds[2];

    for (int i = 0; i < 2; i++) {
        socklen_t len = sizeof addr[i];

        addr[i] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fds[i], (struct sockaddr *)&addr[i], len), 0);
        assert_int_equal(getsockname(fds[i], (struct sockaddr *)&addr[i], &len), 0);
        snprintf(portals[i], 32, "127.0.0.1:%u", ntohs(addr[i].sin_port));
    }
    close(fds[0]);
    close(fds[1]);
}

static IVdsProviderPrivate *load(IClassFactory *factory, struct event_sink *sink)
{
    IVdsProviderPrivate *provider = NULL;

    assert_hr(IClassFactory_CreateInstance(factory, NULL, &IID_IVdsProviderPrivate, (void **)&provider),
              S_OK);
    assert_hr(IVdsProviderPrivate_OnLoad(provider, NULL, (IUnknown *)&sink->face), S_OK);
    return provider;
}

static void the_providers_sink_is_told_what_the_table_says(void **state)
{
    char dir[] = "/tmp/vds-events-XXXXXX", portals[2][32], late[64], drive[64];
    const char *list[] = { portals[0], portals[1], "198.51.100.7:3260" }, *drives[] = { drive, late };
    struct array_options options = { .state_dir = dir,
                                     .portals = list,
                                     .n_portals = 3,
                                     .drives = drives,
                                     .n_drives = 2,
                                     .max_groups = EVENTS_MAX_GROUPS,
                                     .drain_seconds = 60 };
    static struct event_sink sink;
    struct event_sink *sinks[] = { &sink };
    struct provider_feed *feed;
    IVdsProviderPrivate *loaded;
    IVdsHwProvider *provider;
    IClassFactory *factory;
    struct array *array;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(drive, sizeof drive, "%s/drive", dir);
    snprintf(late, sizeof late, "%s/late", dir);
    close(open(late, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    free_portals(portals);
    options.engine.n_reactors = 1;
    options.engine.iscsi = iscsi_limits_default;
    event_sink_init(&sink);
    assert_hr(provider_feed_create(&feed), S_OK);
    options.notify = provider_feed_notify;
    options.notify_arg = feed;
    assert_hr(array_open(&options, &array), S_OK);
    assert_hr(provider_factory_create(&(struct provider_config){ array, feed, &options }, &factory), S_OK);
    loaded = load(factory, &sink);
    assert_hr(IVdsProviderPrivate_QueryInterface(loaded, &IID_IVdsHwProvider, (void **)&provider), S_OK);
    event_table_walk(&(struct event_given){ provider, sinks, 1, dir, late, 0 });
    IVdsHwProvider_Release(provider);
    assert_hr(IVdsProviderPrivate_OnUnload(loaded, TRUE), S_OK);
    IVdsProviderPrivate_Release(loaded);
    IClassFactory_Release(factory);
    array_close(array);
    provider_feed_destroy(feed);
    nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_providers_sink_is_told_what_the_table_says) };

    return RUN_TESTS(tests);
}
