/* SPDX-License-Identifier: MIT */
/* A fake service, a server on it, and clients of it in the same process: over a socketpair, or over a socket
 * in a folder of its own. */
#ifndef VDS_TESTS_RPC_RIG_H
#define VDS_TESTS_RPC_RIG_H

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../com/com_check.h"
#include "fake_service.h"

#include <vds/vdsclient.h>
#include <vds/vdsex.h>

#include "rpc/error.h"
#include "rpc/server.h"

struct rig {
    struct fake fake;
    struct rpc_server *server;
    IVdsService *client; /* the first client's */
};

/* Hangs end here instead of in the test runner. */
static inline void rig_guard(void)
{
    alarm(120);
}

static inline IVdsService *rig_connect(struct rig *rig)
{
    IVdsService *client = NULL;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(rpc_server_add_fd(rig->server, fds[0]), 0);
    assert_int_equal(vds_connect_fd(fds[1], (void **)&client), S_OK);
    return client;
}

static inline void rig_start_with(struct rig *rig, const struct rpc_server_options *options)
{
    rig_guard();
    fake_init(&rig->fake);
    assert_int_equal(rpc_server_create(rig->fake.service, options, &rig->server), 0);
    rig->client = rig_connect(rig);
}

static inline void rig_start(struct rig *rig)
{
    rig_start_with(rig, NULL);
}

static inline void rig_stop(struct rig *rig)
{
    if (rig->client)
        IVdsService_Release(rig->client);
    fake_end_ops(&rig->fake, S_OK);
    rpc_server_destroy(rig->server);
    fake_fini(&rig->fake);
}

/* Gives way until `condition`; the guard is the limit. */
#define RIG_UNTIL(condition) \
    while (!(condition)) {   \
        poll(NULL, 0, 1);    \
    }

static inline struct rpc_server_figures rig_figures(struct rig *rig)
{
    struct rpc_server_figures figures;

    rpc_server_figures(rig->server, &figures);
    return figures;
}

static inline void *rig_object(IVdsService *client, enum fake_kind kind, unsigned number, const IID *iid)
{
    static const VDS_OBJECT_TYPE types[] = { VDS_OT_PROVIDER,     VDS_OT_SUB_SYSTEM, VDS_OT_TARGET,
                                             VDS_OT_PORTAL_GROUP, VDS_OT_PORTAL,     VDS_OT_LUN,
                                             VDS_OT_DRIVE };
    IUnknown *unknown = NULL;
    void *face = NULL;

    assert_int_equal(IVdsService_GetObject(client, fake_id(kind, number), types[kind], &unknown), S_OK);
    assert_int_equal(IUnknown_QueryInterface(unknown, iid, &face), S_OK);
    IUnknown_Release(unknown);
    return face;
}

/* The fake's objects are counted while a server answers on another thread: nothing is alive once it has let
 * go. */
static inline int rig_nothing_alive(void **state)
{
    for (int i = 0; i < 2000 && (com_live_objects() || com_live_task_blocks()); i++)
        poll(NULL, 0, 1);
    return com_check_nothing_alive(state);
}

#define RIG_TEST(f) cmocka_unit_test_teardown(f, rig_nothing_alive)

#endif
