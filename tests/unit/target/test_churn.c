/* SPDX-License-Identifier: MIT */
/* Four reactors, two hundred connections that come, work and go in every way there is, while the
 * configuration changes around them. */
#include "rig.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define N_CLIENTS 200u
#define N_ROUNDS  6
#define N_TARGETS 3u
#define N_PORTALS 2u

struct client {
    struct rig *rig;
    unsigned number;
    char addresses[N_PORTALS][96];
    unsigned n_logins;
    int r;
};

static int one_command(struct initiator *in, unsigned number)
{
    uint8_t out[1024], back[1024];
    uint64_t lba = number % 100 * 2;
    int r = initiator_clear_attentions(in, 0, NULL);

    memset(out, (int)number, sizeof out);
    if (r >= 0)
        r = initiator_write(in, 0, lba, 2, out);
    if (r == 0)
        r = initiator_read(in, 0, lba, 2, back);
    return r;
}

static void leave(struct initiator *in, unsigned how)
{
    /* 256 blocks from 1024 on, where nobody writes */
    static const uint8_t read_16[16] = { 0x88, [8] = 4, [12] = 1 };

    if (how == 0)
        initiator_logout(in);
    else if (how == 1)
        initiator_send_command(in, 0, read_16, 16, NULL, 0, 256 * 512); /* and not wait for the answer */
    initiator_close(in);
}

/* Anything may be refused or cut in the middle here; what may not happen is a hang, a crash, a leak. */
static void *client_thread(void *arg)
{
    struct client *c = arg;
    struct initiator in;

    for (unsigned i = 0; i < N_ROUNDS && c->r != -ETIMEDOUT; i++) {
        initiator_init(&in, c->number % 5 ? c->number : 7777); /* some fight for the same name */
        c->r = initiator_connect_text(&in, c->addresses[(c->number + i) % N_PORTALS]);
        if (c->r == 0)
            c->r = c->number % 7 == 3 ? initiator_login_begin(&in, rig_target_name(c->number % N_TARGETS))
                                      : initiator_login(&in, rig_target_name(c->number % N_TARGETS));
        if (c->r == 0 && c->number % 7 != 3) {
            c->n_logins++;
            c->r = one_command(&in, c->number);
        }
        leave(&in, (c->number + i) % 3);
    }
    return NULL;
}

struct changer {
    struct rig *rig;
    atomic_bool stop;
};

static void *changer_thread(void *arg)
{
    struct changer *c = arg;
    struct engine *engine = c->rig->engine;

    for (unsigned i = 0; !c->stop; i++) {
        struct guid target = rig_target_id(i % N_TARGETS), portal = rig_portal_id(i % N_PORTALS),
                    lu = rig_lu_id(i % N_TARGETS);
        struct engine_session *list;
        struct engine_drain *drain;
        size_t n;

        if (engine_drain_start(engine, i % 2 ? &target : NULL, &portal, 1, i % 4 * 5, &drain) == 0) {
            engine_drain_wait(drain, 20);
            engine_drain_cancel(drain);
            engine_drain_free(drain);
        }
        engine_lu_set_mask(engine, &lu, i % 8 != 0, NULL, 0);
        if (engine_session_list(engine, &list, &n) == 0) {
            if (n > 0)
                engine_session_drop(engine, list[n / 2].id);
            free(list);
        }
    }
    return NULL;
}

static int set_up(void **state)
{
    const struct engine_options options = { .n_reactors = 4, .iscsi = iscsi_limits_default };

    return rig_set_up_with(state, &options);
}

static void churn_leaves_nothing_behind(void **state)
{
    static struct client clients[N_CLIENTS];
    static pthread_t threads[N_CLIENTS];
    struct rig *rig = *state;
    struct changer changer = { .rig = rig };
    pthread_t changer_id;
    unsigned n_logins = 0;

    for (unsigned i = 0; i < N_PORTALS; i++)
        rig_portal(rig, i);
    for (unsigned i = 0; i < N_TARGETS; i++) {
        rig_target(rig, i);
        rig_lun(rig, i, 0, i);
        for (unsigned j = 0; j < N_PORTALS; j++)
            rig_path(rig, i, j, 1);
    }
    for (unsigned i = 0; i < N_CLIENTS; i++) {
        clients[i] = (struct client){ .rig = rig, .number = i };
        for (unsigned j = 0; j < N_PORTALS; j++)
            strcpy(clients[i].addresses[j], rig_address(rig, j));
    }
    assert_int_equal(pthread_create(&changer_id, NULL, changer_thread, &changer), 0);
    for (unsigned i = 0; i < N_CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, client_thread, &clients[i]), 0);
    for (unsigned i = 0; i < N_CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_not_equal(clients[i].r, -ETIMEDOUT);
        assert_int_not_equal(clients[i].r, -EPROTO);
        n_logins += clients[i].n_logins;
    }
    changer.stop = true;
    pthread_join(changer_id, NULL);
    assert_true(n_logins > 0);
    rig_wait_sessions(rig, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(churn_leaves_nothing_behind, set_up, rig_tear_down),
    };

    return RUN_TESTS(tests);
}
