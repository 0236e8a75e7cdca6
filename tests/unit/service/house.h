/* SPDX-License-Identifier: MIT */
/* The whole house in this process: state on a directory of its own, three portals on loopback, array, engine,
 * provider, service; wired as vdsd wires it. Tests use the public interfaces, and an initiator on the wire to
 * check them. */
#ifndef VDS_TESTS_UNIT_HOUSE_H
#define VDS_TESTS_UNIT_HOUSE_H

#include <arpa/inet.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "com_check.h"
#include "daemon/host.h"
#include "initiator.h"

#include <vds/vdsex.h>

#define HOUSE_N_PORTALS 3 /* 127.0.0.1 twice, ::1 */

struct house {
    char dir[64], portals[HOUSE_N_PORTALS][64];
    struct host *host;
    IVdsService *service;
    IVdsHwProvider *hw;
    IVdsSubSystem *subsystem;
    IVdsSubSystemIscsi *iscsi;
};

static inline void drop(void *object)
{
    if (object)
        IUnknown_Release((IUnknown *)object);
}

static inline void *query(void *object, const IID *iid)
{
    void *face = NULL;

    assert_int_equal(IUnknown_QueryInterface((IUnknown *)object, iid, &face), S_OK);
    return face;
}

static inline void *first(IEnumVdsObject *e, const IID *iid)
{
    IUnknown *object = NULL;
    ULONG n = 0;
    void *face;

    assert_int_equal(IEnumVdsObject_Next(e, 1, &object, &n), S_OK);
    face = query(object, iid);
    drop(object);
    drop(e);
    return face;
}

static inline size_t count(IEnumVdsObject *e)
{
    IUnknown *object = NULL;
    size_t total = 0;
    ULONG n = 0;

    while (IEnumVdsObject_Next(e, 1, &object, &n) == S_OK) {
        drop(object);
        total++;
    }
    drop(e);
    return total;
}

/* Waits; returns how it ended and, when the operation makes something, that as the interface wanted. */
static inline HRESULT wait_as(IVdsAsync *async, const IID *iid, void *ret_face)
{
    VDS_ASYNC_OUTPUT out;
    HRESULT hr = E_FAIL;

    assert_non_null(async);
    assert_int_equal(IVdsAsync_Wait(async, &hr, &out), S_OK);
    if (SUCCEEDED(hr) && iid) {
        *(void **)ret_face = query(out.ct.pTargetUnk, iid);
        drop(out.ct.pTargetUnk);
    }
    drop(async);
    return hr;
}

static inline HRESULT wait_for(IVdsAsync *async)
{
    return wait_as(async, NULL, NULL);
}

/* ---- set-up -------------------------------------------------------------------------------------------- */

/* A port that was free a moment ago. */
static inline unsigned free_port(int family)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr *addr = family == AF_INET ? (void *)&v4 : (void *)&v6;
    socklen_t len = family == AF_INET ? sizeof v4 : sizeof v6;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 && bind(fd, addr, len) == 0 && getsockname(fd, addr, &len) == 0);
    close(fd);
    return ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
}

static inline void house_open(struct house *h)
{
    const char *list[HOUSE_N_PORTALS] = { h->portals[0], h->portals[1], h->portals[2] };
    struct array_options options = { .state_dir = h->dir,
                                     .portals = list,
                                     .n_portals = HOUSE_N_PORTALS,
                                     .max_groups = 3,
                                     .drain_seconds = 60 };
    IEnumVdsObject *e = NULL;

    options.engine.n_reactors = 2;
    options.engine.iscsi = iscsi_limits_default;
    assert_int_equal(host_start(&options, &(struct service_options){ 0 }, &h->host), S_OK);
    h->service = host_service(h->host);
    assert_int_equal(IVdsService_QueryProviders(h->service, VDS_QUERY_HARDWARE_PROVIDERS, &e), S_OK);
    h->hw = first(e, &IID_IVdsHwProvider);
    assert_int_equal(IVdsHwProvider_QuerySubSystems(h->hw, &e), S_OK);
    h->subsystem = first(e, &IID_IVdsSubSystem);
    h->iscsi = query(h->subsystem, &IID_IVdsSubSystemIscsi);
}

static inline void house_close(struct house *h)
{
    drop(h->iscsi);
    drop(h->subsystem);
    drop(h->hw);
    host_stop(h->host);
    h->host = NULL;
}

static inline int house_setup(void **state)
{
    struct house *h = calloc(1, sizeof *h);

    strcpy(h->dir, "/tmp/vds-house-XXXXXX");
    assert_non_null(mkdtemp(h->dir));
    snprintf(h->portals[0], sizeof h->portals[0], "127.0.0.1:%u", free_port(AF_INET));
    snprintf(h->portals[1], sizeof h->portals[1], "127.0.0.1:%u", free_port(AF_INET));
    snprintf(h->portals[2], sizeof h->portals[2], "[::1]:%u", free_port(AF_INET6));
    house_open(h);
    *state = h;
    return 0;
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int house_teardown(void **state)
{
    struct house *h = *state;

    if (h->host)
        house_close(h);
    nftw(h->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(h);
    return com_check_nothing_alive(state);
}

#define house_test(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)

#endif
