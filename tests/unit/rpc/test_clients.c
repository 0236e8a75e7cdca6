/* SPDX-License-Identifier: MIT */
/* Clients side by side: none holds up another, limits are per client, ways in and out. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "rig.h"
#include "rpc/path.h"
#include "rpc/proxy.h"
#include "rpc/transport.h"

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

/* ---- ways in ----------------------------------------------------------------------------------------- */

struct place {
    char folder[64], socket[96];
};

static void place_make(struct place *p)
{
    strcpy(p->folder, "/tmp/vds-rpc-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->socket, sizeof p->socket, "%s/vds.sock", p->folder);
    setenv("VDS_SOCKET", p->socket, 1);
}

static void place_remove(struct place *p)
{
    unlink(p->socket);
    rmdir(p->folder);
    unsetenv("VDS_SOCKET");
}

static HRESULT load(const char16_t *machine, IVdsService **ret)
{
    IVdsServiceLoader *loader = NULL;
    HRESULT hr;

    *ret = NULL;
    CoInitializeEx(NULL, COINIT_MULTITHREADED);
    hr = CoCreateInstance(&CLSID_VdsLoader, NULL, CLSCTX_LOCAL_SERVER, &IID_IVdsServiceLoader,
                          (void **)&loader);
    if (SUCCEEDED(hr)) {
        hr = IVdsServiceLoader_LoadService(loader, (LPWSTR)machine, ret);
        IVdsServiceLoader_Release(loader);
    }
    CoUninitialize();
    return hr;
}

static void load_service_connects_to_the_socket_that_vds_socket_names(void **state)
{
    struct rig rig;
    struct place place;
    struct stat st;
    IVdsService *client;
    VDS_SERVICE_PROP prop;

    (void)state;
    place_make(&place);
    rig_start(&rig);
    assert_int_equal(rpc_server_listen(rig.server, place.socket, 0600, (gid_t)-1), 0);
    assert_int_equal(stat(place.socket, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(rpc_server_listen(rig.server, place.socket, 0600, (gid_t)-1), -EADDRINUSE);
    assert_int_equal(load(NULL, &client), S_OK);
    assert_int_equal(IVdsService_GetProperties(client, &prop), S_OK);
    CoTaskMemFree(prop.pwszVersion);
    IVdsService_Release(client);
    rig_stop(&rig);
    assert_int_equal(load(NULL, &client), RPC_UNAVAILABLE); /* the socket is there, nobody listens */
    assert_null(client);
    assert_non_null(strstr(vds_error_text(), place.socket));
    place_remove(&place);
}

static void what_is_no_socket_is_not_replaced_by_one(void **state)
{
    struct rig rig;
    struct place place;
    struct stat st;
    FILE *f;

    (void)state;
    place_make(&place);
    rig_start(&rig);
    f = fopen(place.socket, "w");
    assert_true(f && fputs("somebody's data", f) >= 0 && fclose(f) == 0);
    assert_int_equal(rpc_server_listen(rig.server, place.socket, 0600, (gid_t)-1), -EEXIST);
    assert_int_equal(lstat(place.socket, &st), 0);
    assert_true(S_ISREG(st.st_mode) && st.st_size == 15);
    assert_int_equal(unlink(place.socket), 0);
    assert_int_equal(symlink("/nonexistent/elsewhere", place.socket), 0);
    assert_int_equal(rpc_server_listen(rig.server, place.socket, 0600, (gid_t)-1), -EEXIST);
    rig_stop(&rig);
    place_remove(&place);
}

static void nobody_listening_is_a_clear_refusal(void **state)
{
    IVdsService *client;

    (void)state;
    setenv("VDS_SOCKET", "/nonexistent/vds.sock", 1);
    assert_int_equal(load(NULL, &client), RPC_UNAVAILABLE);
    assert_string_equal(
        vds_error_text(),
        "no service listens at /nonexistent/vds.sock: start vdsd, or say with VDS_SOCKET where it listens");
    assert_string_equal(vds_hresult_name(RPC_UNAVAILABLE), "RPC_S_SERVER_UNAVAILABLE");
    unsetenv("VDS_SOCKET");
}

static void something_else_at_the_socket_is_not_taken_for_a_service(void **state)
{
    IVdsService *client = NULL;
    int fds[2];

    (void)state;
    rig_guard();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(write(fds[0], "HTTP/1.1 400 Bad Request\r\n\r\n", 28), 28);
    shutdown(fds[0], SHUT_WR);
    assert_int_equal(vds_connect_fd(fds[1], (void **)&client), RPC_UNAVAILABLE);
    assert_null(client);
    close(fds[0]);
}

/* Runs a client of another version by hand. */
static void a_client_of_another_version_is_told_so(void **state)
{
    struct rig rig;
    sd_bus *bus = NULL;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    int fds[2];

    (void)state;
    rig_start(&rig);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(rpc_server_add_fd(rig.server, fds[0]), 0);
    assert_true(sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, fds[1], fds[1]) >= 0 && sd_bus_start(bus) >= 0);
    assert_true(sd_bus_call_method(bus, NULL, RPC_PATH_ROOT, "org.vds.Connection", "Hello", &error, NULL,
                                   "us", 2, "future") < 0);
    assert_string_equal(error.name, "org.vds.Error.ERROR_REVISION_MISMATCH");
    assert_non_null(strstr(error.message, "speaks version 1"));
    sd_bus_error_free(&error);
    sd_bus_flush_close_unref(bus);
    rig_stop(&rig);
}

/* The remote shell of the test: a script that knows one host and runs this program as the bridge. */
static void make_shell(const struct place *place, char script[static 128])
{
    char self[256] = { 0 };
    FILE *f;

    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    snprintf(script, 128, "%s/rsh", place->folder);
    f = fopen(script, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n[ \"$1 $2 $3\" = 'storage.example vdsctl bridge' ] || exit 9\nexec %s --bridge\n",
            self);
    fclose(f);
    chmod(script, 0700);
    setenv("VDS_RSH", script, 1);
}

static void another_host_is_reached_through_a_remote_shell(void **state)
{
    struct rig rig;
    struct place place;
    char script[128];
    IVdsService *client;
    VDS_SERVICE_PROP prop;

    (void)state;
    place_make(&place);
    rig_start(&rig);
    assert_int_equal(rpc_server_listen(rig.server, place.socket, 0600, (gid_t)-1), 0);
    make_shell(&place, script);
    assert_int_equal(load(u"storage.example", &client), S_OK);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(IVdsService_GetProperties(client, &prop), S_OK);
        CoTaskMemFree(prop.pwszVersion);
    }
    IVdsService_Release(client);
    signal(SIGCHLD, SIG_IGN); /* as daemons do that make others */
    assert_int_equal(load(u"storage.example", &client), S_OK);
    IVdsService_Release(client);
    signal(SIGCHLD, SIG_DFL);
    assert_int_equal(load(u"elsewhere", &client), RPC_UNAVAILABLE);
    assert_int_equal(load(u"-oProxyCommand=evil", &client), E_INVALIDARG);
    unsetenv("VDS_RSH");
    unlink(script);
    rig_stop(&rig);
    place_remove(&place);
}

/* A daemon that has closed its standard streams: the way to the other host gets their numbers. */
static void another_host_is_reached_from_a_process_without_standard_streams(void **state)
{
    struct rig rig;
    struct place place;
    char script[128];
    IVdsService *client;
    int saved[2];
    HRESULT hr;

    (void)state;
    place_make(&place);
    rig_start(&rig);
    assert_int_equal(rpc_server_listen(rig.server, place.socket, 0600, (gid_t)-1), 0);
    make_shell(&place, script);
    for (int i = 0; i < 2; i++) {
        saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
        close(i);
    }
    hr = load(u"storage.example", &client);
    if (SUCCEEDED(hr))
        IVdsService_Release(client);
    RIG_UNTIL(rig_figures(&rig).connections == 1); /* its descriptor is closed */
    for (int i = 0; i < 2; i++) {
        dup2(saved[i], i);
        close(saved[i]);
    }
    assert_int_equal(hr, S_OK);
    unsetenv("VDS_RSH");
    unlink(script);
    rig_stop(&rig);
    place_remove(&place);
}

/* ---- the far end of the way to another host: bytes, no D-Bus ------------------------------------------- */

#define BRIDGED (8u << 20)

struct flow {
    int fd;
    size_t n;
};

static void *drink(void *arg)
{
    struct flow *flow = arg;
    char bytes[4096];

    for (ssize_t n; flow->n < BRIDGED && (n = read(flow->fd, bytes, sizeof bytes)) > 0;)
        flow->n += (size_t)n;
    return NULL;
}

static void *pour(void *arg)
{
    struct flow *flow = arg;
    char bytes[4096] = { 0 };

    for (ssize_t n; flow->n < BRIDGED && (n = write(flow->fd, bytes, sizeof bytes)) > 0;)
        flow->n += (size_t)n;
    return NULL;
}

static void *run_bridge(void *arg)
{
    const int *fds = arg;

    return vds_bridge(fds[0], fds[1]) < 0 ? arg : NULL;
}

/* A service that does not read on until its answers are gone, as ours when a client has many. The client
 * reads all the time. */
static void a_bridge_carries_answers_while_the_service_takes_no_calls(void **state)
{
    struct place place;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int listener, ends[2], bridge[2], service;
    struct flow calls, answers, served = { 0 }, taken = { 0 };
    pthread_t threads[3];
    void *failed;

    (void)state;
    rig_guard();
    place_make(&place);
    strcpy(address.sun_path, place.socket);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 1) == 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    bridge[0] = bridge[1] = ends[1];
    pthread_create(&threads[0], NULL, run_bridge, bridge);
    service = accept(listener, NULL, NULL);
    calls = answers = (struct flow){ .fd = ends[0] };
    pthread_create(&threads[1], NULL, drink, &answers);
    pthread_create(&threads[2], NULL, pour, &calls);
    served.fd = taken.fd = service;
    pour(&served);
    drink(&taken);
    pthread_join(threads[1], NULL);
    pthread_join(threads[2], NULL);
    assert_int_equal(taken.n, BRIDGED);
    assert_int_equal(answers.n, BRIDGED);
    close(service);
    pthread_join(threads[0], &failed);
    assert_null(failed);
    close(listener);
    close(ends[0]);
    close(ends[1]);
    place_remove(&place);
}

static HRESULT in_process(REFIID iid, void **ret)
{
    assert_true(IsEqualIID(iid, &IID_IVdsServiceLoader));
    *ret = NULL;
    return S_FALSE;
}

static void create_instance_keeps_the_rules_of_com(void **state)
{
    void *p = &p;

    (void)state;
    assert_int_equal(CoCreateInstance(&CLSID_VdsLoader, NULL, CLSCTX_LOCAL_SERVER, &IID_IUnknown, &p),
                     CO_E_NOTINITIALIZED);
    assert_null(p);
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_int_equal(CoCreateInstance(&CLSID_VdsService, NULL, CLSCTX_LOCAL_SERVER, &IID_IUnknown, &p),
                     REGDB_E_CLASSNOTREG);
    assert_int_equal(CoCreateInstance(&CLSID_VdsLoader, NULL, CLSCTX_LOCAL_SERVER, &IID_IVdsLun, &p),
                     E_NOINTERFACE);
    assert_int_equal(
        CoCreateInstance(&CLSID_VdsLoader, (IUnknown *)&p, CLSCTX_LOCAL_SERVER, &IID_IUnknown, &p),
        CLASS_E_NOAGGREGATION);
    assert_int_equal(
        CoCreateInstance(&CLSID_VdsLoader, NULL, CLSCTX_INPROC_SERVER, &IID_IVdsServiceLoader, &p),
        REGDB_E_CLASSNOTREG);
    vds_register_inproc(in_process);
    assert_int_equal(
        CoCreateInstance(&CLSID_VdsLoader, NULL, CLSCTX_INPROC_SERVER, &IID_IVdsServiceLoader, &p), S_FALSE);
    vds_register_inproc(NULL);
    CoUninitialize();
}

static void the_class_factory_and_the_extended_call_make_the_same_loader(void **state)
{
    MULTI_QI wanted[3] = { { .pIID = &IID_IVdsServiceLoader },
                           { .pIID = &IID_IVdsLun },
                           { .pIID = &IID_IUnknown } };
    COSERVERINFO server = { .pwszName = (LPWSTR)u"storage.example" };
    struct rig rig;
    struct place place;
    char script[128];
    IClassFactory *factory = NULL;
    IVdsServiceLoader *loader = NULL;
    IVdsService *client = NULL;

    (void)state;
    place_make(&place);
    rig_start(&rig);
    assert_int_equal(rpc_server_listen(rig.server, place.socket, 0600, (gid_t)-1), 0);
    make_shell(&place, script);
    CoInitializeEx(NULL, COINIT_MULTITHREADED);
    assert_int_equal(
        CoGetClassObject(&CLSID_VdsLoader, CLSCTX_LOCAL_SERVER, NULL, &IID_IClassFactory, (void **)&factory),
        S_OK);
    assert_int_equal(IClassFactory_LockServer(factory, TRUE), S_OK);
    assert_int_equal(IClassFactory_CreateInstance(factory, (IUnknown *)&rig, &IID_IUnknown, (void **)&loader),
                     CLASS_E_NOAGGREGATION);
    assert_int_equal(IClassFactory_CreateInstance(factory, NULL, &IID_IVdsServiceLoader, (void **)&loader),
                     S_OK);
    assert_int_equal(IVdsServiceLoader_LoadService(loader, NULL, &client), S_OK);
    IVdsService_Release(client);
    IVdsServiceLoader_Release(loader);
    IClassFactory_Release(factory);
    assert_int_equal(CoGetClassObject(&CLSID_VdsService, CLSCTX_LOCAL_SERVER | CLSCTX_INPROC_SERVER, NULL,
                                      &IID_IClassFactory, (void **)&factory),
                     REGDB_E_CLASSNOTREG);
    assert_null(factory);
    assert_int_equal(CoCreateInstanceEx(&CLSID_VdsLoader, NULL, CLSCTX_REMOTE_SERVER, &server, 3, wanted),
                     CO_S_NOTALLINTERFACES);
    assert_int_equal(wanted[1].hr, E_NOINTERFACE);
    assert_null(wanted[1].pItf);
    loader = (IVdsServiceLoader *)wanted[0].pItf;
    assert_int_equal(IVdsServiceLoader_LoadService(loader, NULL, &client), S_OK);
    IVdsService_Release(client);
    unlink(script); /* so it was that way */
    assert_int_equal(IVdsServiceLoader_LoadService(loader, NULL, &client), RPC_UNAVAILABLE);
    IVdsServiceLoader_Release(loader);
    IUnknown_Release(wanted[2].pItf);
    assert_int_equal(CoCreateInstanceEx(&CLSID_VdsLoader, NULL, CLSCTX_REMOTE_SERVER, &server, 1, &wanted[1]),
                     E_NOINTERFACE);
    assert_int_equal(CoCreateInstanceEx(&CLSID_VdsLoader, NULL, CLSCTX_REMOTE_SERVER, &server, 0, wanted),
                     E_INVALIDARG);
    CoUninitialize();
    unsetenv("VDS_RSH");
    rig_stop(&rig);
    place_remove(&place);
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_long_method_of_one_client_holds_up_no_other),
        RIG_TEST(calls_beyond_the_limit_of_a_client_are_refused_at_once),
        RIG_TEST(twenty_clients_work_side_by_side),
        RIG_TEST(an_enumeration_is_a_snapshot_walked_in_the_client),
        RIG_TEST(a_proxy_answers_for_what_its_object_answers_for),
        RIG_TEST(every_slot_of_every_proxy_is_filled),
        RIG_TEST(load_service_connects_to_the_socket_that_vds_socket_names),
        RIG_TEST(what_is_no_socket_is_not_replaced_by_one),
        RIG_TEST(nobody_listening_is_a_clear_refusal),
        RIG_TEST(something_else_at_the_socket_is_not_taken_for_a_service),
        RIG_TEST(a_client_of_another_version_is_told_so),
        RIG_TEST(another_host_is_reached_through_a_remote_shell),
        RIG_TEST(another_host_is_reached_from_a_process_without_standard_streams),
        RIG_TEST(a_bridge_carries_answers_while_the_service_takes_no_calls),
        RIG_TEST(create_instance_keeps_the_rules_of_com),
        RIG_TEST(the_class_factory_and_the_extended_call_make_the_same_loader),
        RIG_TEST(a_client_that_may_only_look_can_read_but_not_change),
    };

    if (argc > 1 && strcmp(argv[1], "--bridge") == 0)
        return vds_bridge(0, 1) < 0;
    return RUN_TESTS(tests);
}
