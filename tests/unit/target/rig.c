/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "target/address.h"
#include "target/internal.h"

unsigned rig_count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void on_event(void *arg, const struct engine_event *event)
{
    struct rig *rig = arg;

    pthread_mutex_lock(&rig->lock);
    if (event->kind == ENGINE_SESSION_UP)
        atomic_fetch_add(&rig->n_up, 1);
    else if (event->kind == ENGINE_SESSION_DOWN)
        atomic_fetch_add(&rig->n_down, 1);
    else if (event->kind == ENGINE_ADDRESSES_CHANGED)
        atomic_fetch_add(&rig->n_addresses_changed, 1);
    else if (event->kind == ENGINE_LISTENER_FAILED)
        atomic_fetch_add(&rig->n_listeners_failed, 1);
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

int rig_set_up_with(void **state, const struct engine_options *options)
{
    struct engine_options all = *options;
    struct rig *rig = calloc(1, sizeof *rig);

    pthread_mutex_init(&rig->lock, NULL);
    pthread_cond_init(&rig->changed, NULL);
    log_set_level(getenv("VDS_LOG_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
    all.force_epoll |= getenv("VDS_TEST_EPOLL") != NULL;
    all.event = on_event;
    all.event_arg = rig;
    rig->n_fds = rig_count_fds();
    assert_int_equal(engine_create(&all, &rig->engine), 0);
    *state = rig;
    return 0;
}

int rig_set_up(void **state)
{
    const struct engine_options options = { .n_reactors = 2, .iscsi = iscsi_limits_default };

    return rig_set_up_with(state, &options);
}

int rig_tear_down(void **state)
{
    struct rig *rig = *state;

    engine_destroy(rig->engine);
    assert_int_equal(rig_count_fds(), rig->n_fds);
    assert_int_equal(rig->n_up, rig->n_down);
    pthread_cond_destroy(&rig->changed);
    pthread_mutex_destroy(&rig->lock);
    free(rig);
    return 0;
}

struct guid rig_portal_id(unsigned portal)
{
    return (struct guid){ .data1 = 1, .data4 = { (uint8_t)(portal >> 8), (uint8_t)portal, 1 } };
}

struct guid rig_target_id(unsigned target)
{
    return (struct guid){ .data1 = 2, .data4 = { (uint8_t)(target >> 8), (uint8_t)target, 1 } };
}

struct guid rig_lu_id(unsigned lu)
{
    return (struct guid){ .data1 = 3, .data4 = { (uint8_t)(lu >> 8), (uint8_t)lu, 1 } };
}

const char *rig_target_name(unsigned target)
{
    static _Thread_local char names[64][40];

    assert_true(target < ARRAY_SIZE(names));
    snprintf(names[target], sizeof names[0], "iqn.2024-01.test:target.%u", target);
    return names[target];
}

static void portal_open(struct rig *rig, unsigned portal, const struct sockaddr_storage *addr)
{
    struct guid id = rig_portal_id(portal);

    assert_int_equal(engine_portal_open(rig->engine, &id, addr), 0);
}

void rig_portal(struct rig *rig, unsigned portal)
{
    struct sockaddr_storage addr = { 0 };

    *(struct sockaddr_in *)&addr =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    portal_open(rig, portal, &addr);
}

void rig_portal_v6(struct rig *rig, unsigned portal)
{
    struct sockaddr_storage addr = { 0 };

    *(struct sockaddr_in6 *)&addr =
        (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    portal_open(rig, portal, &addr);
}

void rig_portal_close(struct rig *rig, unsigned portal)
{
    struct guid id = rig_portal_id(portal);

    assert_int_equal(engine_portal_close(rig->engine, &id), 0);
}

const char *rig_address(struct rig *rig, unsigned portal)
{
    static _Thread_local char texts[16][ADDRESS_TEXT_SIZE];
    struct guid id = rig_portal_id(portal);
    struct sockaddr_storage addr;

    assert_true(portal < ARRAY_SIZE(texts));
    assert_int_equal(engine_portal_address(rig->engine, &id, &addr), 0);
    target_address_format(&addr, texts[portal]);
    return texts[portal];
}

void rig_target(struct rig *rig, unsigned target)
{
    struct guid id = rig_target_id(target);

    assert_int_equal(engine_target_create(rig->engine, &id, rig_target_name(target), "alias"), 0);
}

void rig_path(struct rig *rig, unsigned target, unsigned portal, uint16_t tag)
{
    struct guid target_id = rig_target_id(target), portal_id = rig_portal_id(portal);

    assert_int_equal(engine_path_add(rig->engine, &target_id, &portal_id, tag), 0);
}

void rig_lu_over(struct rig *rig, unsigned lu, struct store *store)
{
    struct guid id = rig_lu_id(lu);
    struct scsi_lu_config config = { .id = id };
    struct scsi_lu *unit;

    assert_int_equal(scsi_lu_create(&config, store, &unit), 0);
    assert_int_equal(engine_lu_add(rig->engine, &id, unit), 0);
    scsi_lu_unref(unit);
}

static int hold_writes(void *arg, const struct store_request *req)
{
    struct rig *rig = arg;

    return req->op == STORE_WRITE && rig->hold ? -EINPROGRESS : 0;
}

struct store *rig_lu_that_holds(struct rig *rig, unsigned lu)
{
    struct store *memory, *fault;

    assert_int_equal(store_memory_open(RIG_LU_BYTES, &memory), 0);
    assert_int_equal(store_fault_open(memory, hold_writes, rig, &fault), 0);
    store_unref(memory);
    rig_lu_over(rig, lu, fault);
    return fault;
}

static void release_on(struct target_reactor *reactor, void *arg)
{
    (void)reactor;
    store_fault_release(arg);
}

void rig_let_go(struct rig *rig, struct store *store)
{
    rig->hold = 0;
    target_each_reactor(rig->engine, release_on, store);
}

void rig_lun(struct rig *rig, unsigned target, uint16_t number, unsigned lu)
{
    struct guid target_id = rig_target_id(target), lu_id = rig_lu_id(lu);
    struct store *store;

    assert_int_equal(store_memory_open(RIG_LU_BYTES, &store), 0);
    rig_lu_over(rig, lu, store);
    store_unref(store);
    assert_int_equal(engine_lu_set_mask(rig->engine, &lu_id, true, NULL, 0), 0);
    assert_int_equal(engine_lun_map(rig->engine, &target_id, number, &lu_id), 0);
}

int rig_try_login(struct rig *rig, struct initiator *in, unsigned number, unsigned target, unsigned portal)
{
    int r;

    initiator_init(in, number);
    r = initiator_connect_text(in, rig_address(rig, portal));
    return r < 0 ? r : initiator_login(in, rig_target_name(target));
}

void rig_login(struct rig *rig, struct initiator *in, unsigned number, unsigned target, unsigned portal)
{
    assert_int_equal(rig_try_login(rig, in, number, target, portal), 0);
}

char *rig_discover(struct rig *rig, unsigned portal)
{
    struct initiator in;
    char *text = NULL;

    initiator_init(&in, 999);
    assert_int_equal(initiator_connect_text(&in, rig_address(rig, portal)), 0);
    assert_int_equal(initiator_login(&in, NULL), 0);
    assert_int_equal(initiator_send_targets(&in, "All", &text), 0);
    assert_int_equal(initiator_logout(&in), 0);
    initiator_close(&in);
    return text;
}

const char *rig_record(struct rig *rig, unsigned portal, unsigned tag)
{
    static char text[ADDRESS_TEXT_SIZE + 40];

    snprintf(text, sizeof text, "TargetAddress=%s,%u\n", rig_address(rig, portal), tag);
    return text;
}

size_t rig_n_sessions(struct rig *rig)
{
    _cleanup_(freep) struct engine_session *list = NULL;
    size_t n;

    assert_int_equal(engine_session_list(rig->engine, &list, &n), 0);
    return n;
}

bool rig_wait_until(struct rig *rig, bool (*is_so)(struct rig *rig, void *arg), void *arg)
{
    struct timespec deadline;
    bool is;
    int r = 0;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += WAIT_PATIENT_MS / 1000;
    pthread_mutex_lock(&rig->lock);
    while (!(is = is_so(rig, arg)) && r == 0)
        r = pthread_cond_timedwait(&rig->changed, &rig->lock, &deadline);
    pthread_mutex_unlock(&rig->lock);
    return is;
}

void rig_changed(struct rig *rig)
{
    pthread_mutex_lock(&rig->lock);
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

static bool has_so_few_sessions(struct rig *rig, void *arg)
{
    return rig_n_sessions(rig) <= *(size_t *)arg;
}

void rig_wait_sessions(struct rig *rig, size_t n)
{
    rig_wait_until(rig, has_so_few_sessions, &n);
    assert_int_equal(rig_n_sessions(rig), n);
}

struct goal {
    atomic_uint *count;
    unsigned n;
};

static bool is_reached(struct rig *rig, void *arg)
{
    const struct goal *goal = arg;

    (void)rig;
    return *goal->count >= goal->n;
}

void rig_wait_count(struct rig *rig, atomic_uint *count, unsigned n)
{
    struct goal goal = { count, n };

    rig_wait_until(rig, is_reached, &goal);
    assert_int_equal(*count, n);
}
