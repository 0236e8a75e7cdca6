/* SPDX-License-Identifier: MIT */
/* Many targets through the VDS API, from one process: what creating them takes, and what one AddPortal takes
 * when they exist. Speaks to the service at $VDS_SOCKET, one connection for each thread. Not a test by
 * itself: tests/daemon/test_scale.py, bench/run and bench/scale use it.
 *
 *     many_targets make FIRST COUNT THREADS LUN-MIB
 *            targets many-FIRST... with two groups of two portals each; LUN-MIB 0: without a LUN
 *     many_targets portal PORT
 *            a target of its own; prints its name, then adds the portal of that port to its group when a line
 *            comes on standard input and takes it away at the next, until the end
 *     many_targets probe ROUNDS
 *            a target of its own: AddPortal and RemovePortal, ROUNDS times; then it is gone
 *
 * prints one line of JSON, times in milliseconds.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COBJMACROS
#include <vds/vds.h>
#include <vds/vdsclient.h>
#include <vds/vdsex.h>

#define N_PORTALS   4
#define MAX_THREADS 64

struct samples {
    double *ms;
    size_t n, size;
};

struct client {
    pthread_t thread;
    IVdsSubSystemIscsi *array;
    VDS_OBJECT_ID portals[N_PORTALS];
    struct samples add;
};

static struct {
    atomic_uint next;
    unsigned end;
    ULONGLONG lun_bytes;
} job;

static void check(HRESULT hr, const char *what)
{
    if (FAILED(hr)) {
        fprintf(stderr, "many_targets: %s: %s: %s\n", what, vds_hresult_name(hr), vds_error_text());
        exit(1);
    }
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void samples_add(struct samples *s, double ms)
{
    if (s->n == s->size) {
        s->size = s->size ? s->size * 2 : 64;
        s->ms = realloc(s->ms, s->size * sizeof *s->ms);
        if (!s->ms)
            exit(1);
    }
    s->ms[s->n++] = ms;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double samples_at(struct samples *s, double share)
{
    if (!s->n)
        return 0;
    qsort(s->ms, s->n, sizeof *s->ms, by_value);
    return s->ms[(size_t)((double)(s->n - 1) * share)];
}

/* ---- the API --------------------------------------------------------------------------------------- */

static void *face_of(IUnknown *object, REFIID iid)
{
    void *face;

    check(IUnknown_QueryInterface(object, iid, &face), "QueryInterface");
    IUnknown_Release(object);
    return face;
}

/* The next member of an enumeration as interface `iid`, or NULL at its end. */
static void *next(IEnumVdsObject *members, REFIID iid)
{
    IUnknown *object;
    ULONG n;

    return IEnumVdsObject_Next(members, 1, &object, &n) == S_OK ? face_of(object, iid) : NULL;
}

static VDS_ASYNC_OUTPUT wait_for(IVdsAsync *async, const char *what)
{
    VDS_ASYNC_OUTPUT output;
    HRESULT result;

    memset(&output, 0, sizeof output);
    check(IVdsAsync_Wait(async, &result, &output), what);
    check(result, what);
    IVdsAsync_Release(async);
    return output;
}

static IVdsSubSystemIscsi *find_array(void)
{
    IVdsServiceLoader *loader;
    IVdsService *service;
    IVdsHwProvider *provider;
    IVdsSubSystemIscsi *array;
    IEnumVdsObject *members;

    check(CoCreateInstance(&CLSID_VdsLoader, NULL, CLSCTX_LOCAL_SERVER, &IID_IVdsServiceLoader,
                           (void **)&loader),
          "CoCreateInstance");
    check(IVdsServiceLoader_LoadService(loader, NULL, &service), "LoadService");
    IVdsServiceLoader_Release(loader);
    check(IVdsService_WaitForServiceReady(service), "WaitForServiceReady");
    check(IVdsService_QueryProviders(service, VDS_QUERY_HARDWARE_PROVIDERS, &members), "QueryProviders");
    provider = next(members, &IID_IVdsHwProvider);
    IEnumVdsObject_Release(members);
    check(IVdsHwProvider_QuerySubSystems(provider, &members), "QuerySubSystems");
    array = next(members, &IID_IVdsSubSystemIscsi);
    IEnumVdsObject_Release(members);
    IVdsHwProvider_Release(provider);
    IVdsService_Release(service);
    return array;
}

static void find_portals(IVdsSubSystemIscsi *array, VDS_OBJECT_ID portals[static N_PORTALS])
{
    IEnumVdsObject *members;
    IVdsIscsiPortal *portal;
    unsigned n = 0;

    check(IVdsSubSystemIscsi_QueryPortals(array, &members), "QueryPortals");
    while (n < N_PORTALS && (portal = next(members, &IID_IVdsIscsiPortal))) {
        VDS_ISCSI_PORTAL_PROP prop;

        check(IVdsIscsiPortal_GetProperties(portal, &prop), "IVdsIscsiPortal::GetProperties");
        portals[n++] = prop.id;
        IVdsIscsiPortal_Release(portal);
    }
    IEnumVdsObject_Release(members);
    if (n < N_PORTALS) {
        fprintf(stderr, "many_targets: the array needs %d portals\n", N_PORTALS);
        exit(1);
    }
}

static void name_make(WCHAR *name, const char *prefix, unsigned i)
{
    char text[32];

    snprintf(text, sizeof text, "%s-%u", prefix, i);
    for (size_t k = 0; k <= strlen(text); k++)
        name[k] = (WCHAR)text[k];
}

static IVdsIscsiTarget *make_target(IVdsSubSystemIscsi *array, const char *prefix, unsigned i)
{
    WCHAR name[32];
    IVdsAsync *async;

    name_make(name, prefix, i);
    check(IVdsSubSystemIscsi_CreateTarget(array, NULL, name, &async), "CreateTarget");
    return face_of(wait_for(async, "CreateTarget").ct.pTargetUnk, &IID_IVdsIscsiTarget);
}

static IVdsIscsiPortalGroup *make_group(IVdsIscsiTarget *target)
{
    IVdsAsync *async;

    check(IVdsIscsiTarget_CreatePortalGroup(target, &async), "CreatePortalGroup");
    return face_of(wait_for(async, "CreatePortalGroup").cpg.pPortalGroupUnk, &IID_IVdsIscsiPortalGroup);
}

static double add_portal(IVdsIscsiPortalGroup *group, VDS_OBJECT_ID portal)
{
    double began = now_ms();
    IVdsAsync *async;

    check(IVdsIscsiPortalGroup_AddPortal(group, portal, &async), "AddPortal");
    wait_for(async, "AddPortal");
    return now_ms() - began;
}

static double remove_portal(IVdsIscsiPortalGroup *group, VDS_OBJECT_ID portal)
{
    double began = now_ms();
    IVdsAsync *async;

    check(IVdsIscsiPortalGroup_RemovePortal(group, portal, &async), "RemovePortal");
    wait_for(async, "RemovePortal");
    return now_ms() - began;
}

/* A LUN that everyone may use, tied to the target. */
static void make_lun(IVdsSubSystemIscsi *array, IVdsIscsiTarget *target, unsigned i)
{
    WCHAR all[] = { '*', 0 }, name[32];
    VDS_ISCSI_TARGET_PROP prop;
    IVdsSubSystemEx *ex;
    IVdsLunIscsi *lun;
    IVdsAsync *async;

    name_make(name, "lun", i);
    check(IVdsSubSystemIscsi_QueryInterface(array, &IID_IVdsSubSystemEx, (void **)&ex), "QueryInterface");
    check(IVdsSubSystemEx_CreateLunEx(ex, job.lun_bytes, FALSE, NULL, 0, all, name, &async), "CreateLunEx");
    IVdsSubSystemEx_Release(ex);
    lun = face_of(wait_for(async, "CreateLunEx").cl.pLunUnk, &IID_IVdsLunIscsi);
    check(IVdsIscsiTarget_GetProperties(target, &prop), "IVdsIscsiTarget::GetProperties");
    CoTaskMemFree(prop.pwszIscsiName);
    CoTaskMemFree(prop.pwszFriendlyName);
    check(IVdsLunIscsi_AssociateTargets(lun, &prop.id, 1), "AssociateTargets");
    IVdsLunIscsi_Release(lun);
}

/* ---- the commands ---------------------------------------------------------------------------------- */

static void make_one(struct client *c, unsigned i)
{
    IVdsIscsiTarget *target = make_target(c->array, "many", i);

    if (job.lun_bytes)
        make_lun(c->array, target, i);
    for (unsigned g = 0; g < 2; g++) {
        IVdsIscsiPortalGroup *group = make_group(target);

        for (unsigned p = 0; p < 2; p++)
            samples_add(&c->add, add_portal(group, c->portals[g * 2 + p]));
        IVdsIscsiPortalGroup_Release(group);
    }
    IVdsIscsiTarget_Release(target);
}

static void client_open(struct client *c)
{
    check(CoInitializeEx(NULL, COINIT_MULTITHREADED), "CoInitializeEx");
    c->array = find_array();
    find_portals(c->array, c->portals);
}

static void client_close(struct client *c)
{
    IVdsSubSystemIscsi_Release(c->array);
    CoUninitialize();
}

static void *make_some(void *arg)
{
    struct client *c = arg;
    unsigned i;

    client_open(c);
    while ((i = atomic_fetch_add(&job.next, 1)) < job.end)
        make_one(c, i);
    client_close(c);
    return NULL;
}

static void make(unsigned first, unsigned count, unsigned n_threads, unsigned lun_mib)
{
    static struct client clients[MAX_THREADS];
    struct samples all = { 0 };
    double began = now_ms(), ended;

    atomic_store(&job.next, first);
    job.end = first + count;
    job.lun_bytes = (ULONGLONG)lun_mib << 20;
    for (unsigned i = 0; i < n_threads; i++) {
        if (pthread_create(&clients[i].thread, NULL, make_some, &clients[i]) != 0)
            exit(1);
    }
    for (unsigned i = 0; i < n_threads; i++) {
        pthread_join(clients[i].thread, NULL);
        for (size_t k = 0; k < clients[i].add.n; k++)
            samples_add(&all, clients[i].add.ms[k]);
        free(clients[i].add.ms);
    }
    ended = now_ms();
    printf("{\"targets\": %u, \"total_ms\": %.1f, \"add_portal_ms\": %.3f, \"add_portal_p90_ms\": %.3f}\n",
           count, ended - began, samples_at(&all, 0.5), samples_at(&all, 0.9));
    free(all.ms);
}

static void probe(unsigned rounds)
{
    struct samples add = { 0 }, out = { 0 };
    struct client c = { 0 };
    IVdsIscsiPortalGroup *group;
    IVdsIscsiTarget *target;
    IVdsAsync *async;

    client_open(&c);
    target = make_target(c.array, "probe", 0);
    group = make_group(target);
    for (unsigned i = 0; i < rounds; i++) {
        samples_add(&add, add_portal(group, c.portals[i % N_PORTALS]));
        samples_add(&out, remove_portal(group, c.portals[i % N_PORTALS]));
    }
    check(IVdsIscsiTarget_Delete(target, &async), "IVdsIscsiTarget::Delete");
    wait_for(async, "IVdsIscsiTarget::Delete");
    IVdsIscsiPortalGroup_Release(group);
    IVdsIscsiTarget_Release(target);
    client_close(&c);
    printf("{\"rounds\": %u, \"add_portal_ms\": %.3f, \"add_portal_best_ms\": %.3f, \"add_portal_p90_ms\": "
           "%.3f, \"remove_portal_ms\": %.3f}\n",
           rounds, samples_at(&add, 0.5), samples_at(&add, 0), samples_at(&add, 0.9), samples_at(&out, 0.5));
    free(add.ms);
    free(out.ms);
}

static void print_name(IVdsIscsiTarget *target)
{
    VDS_ISCSI_TARGET_PROP prop;

    check(IVdsIscsiTarget_GetProperties(target, &prop), "IVdsIscsiTarget::GetProperties");
    printf("{\"target\": \"");
    for (const WCHAR *c = prop.pwszIscsiName; *c; c++)
        putchar((int)*c);
    printf("\"}\n");
    fflush(stdout);
    CoTaskMemFree(prop.pwszIscsiName);
    CoTaskMemFree(prop.pwszFriendlyName);
}

static VDS_OBJECT_ID portal_of_port(IVdsSubSystemIscsi *array, ULONG port)
{
    VDS_ISCSI_PORTAL_PROP prop = { 0 };
    IVdsIscsiPortal *portal;
    IEnumVdsObject *members;

    check(IVdsSubSystemIscsi_QueryPortals(array, &members), "QueryPortals");
    while (prop.address.ulPort != port && (portal = next(members, &IID_IVdsIscsiPortal))) {
        check(IVdsIscsiPortal_GetProperties(portal, &prop), "IVdsIscsiPortal::GetProperties");
        IVdsIscsiPortal_Release(portal);
    }
    IEnumVdsObject_Release(members);
    check(prop.address.ulPort == port ? S_OK : E_INVALIDARG, "no portal of this port");
    return prop.id;
}

static void portal_on_demand(ULONG port)
{
    struct client c = { 0 };
    IVdsIscsiPortalGroup *group;
    IVdsIscsiTarget *target;
    VDS_OBJECT_ID id;
    char line[16];

    client_open(&c);
    target = make_target(c.array, "portal", 0);
    group = make_group(target);
    id = portal_of_port(c.array, port);
    print_name(target);
    while (fgets(line, sizeof line, stdin)) {
        add_portal(group, id);
        if (fgets(line, sizeof line, stdin))
            remove_portal(group, id);
        puts("{}");
        fflush(stdout);
    }
    IVdsIscsiPortalGroup_Release(group);
    IVdsIscsiTarget_Release(target);
    client_close(&c);
}

int main(int argc, char **argv)
{
    unsigned long n[4] = { 0 };

    for (int i = 2; i < argc && i < 6; i++)
        n[i - 2] = strtoul(argv[i], NULL, 10);
    if (argc == 6 && strcmp(argv[1], "make") == 0 && n[1] <= 100000 && n[2] >= 1 && n[2] <= MAX_THREADS) {
        make((unsigned)n[0], (unsigned)n[1], (unsigned)n[2], (unsigned)n[3]);
    } else if (argc == 3 && strcmp(argv[1], "probe") == 0 && n[0] >= 1 && n[0] <= 100000) {
        probe((unsigned)n[0]);
    } else if (argc == 3 && strcmp(argv[1], "portal") == 0) {
        portal_on_demand((ULONG)n[0]);
    } else {
        fprintf(stderr, "usage: many_targets make FIRST COUNT THREADS LUN-MIB | many_targets probe ROUNDS | "
                        "many_targets portal PORT\n");
        return 2;
    }
    return 0;
}
