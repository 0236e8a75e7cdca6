/* SPDX-License-Identifier: MIT */
/* Portals: found, not made. Every address of the host times the port, or the list that the administrator
 * gave; each with a GUID that stays. One listens exactly while a group holds it, its address is here and
 * nobody has set it offline. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "array/array_internal.h"

/* ---- status ---------------------------------------------------------------------------------- */

static bool wants_to_listen(const struct portal *portal)
{
    return (!portal->offline || portal->opening) && !portal->barred && portal->present && portal->n_holds > 0;
}

/* A dead listener is closed first. */
static bool should_be_open(const struct portal *portal)
{
    return wants_to_listen(portal) && !portal->died;
}

uint32_t portal_status(const struct portal *portal)
{
    if (portal->offline || !portal->present)
        return VDS_IPS_OFFLINE;
    if (portal->barred)
        return VDS_IPS_NOT_READY;
    return portal->listen_error && wants_to_listen(portal) ? VDS_IPS_FAILED : VDS_IPS_ONLINE;
}

static void post_modify(struct array *array, const struct portal *portal, uint32_t before)
{
    if (!portal->object.visible || portal_status(portal) == before)
        return;
    notifier_post_one(&array->notifier, VDS_NF_PORTAL_MODIFY, VDS_NTT_PORTAL, &portal->object.id);
    if (before == VDS_IPS_FAILED || portal_status(portal) == VDS_IPS_FAILED)
        health_look(array);
}

/* ---- listening ------------------------------------------------------------------------------- */

/* One call of the engine. -EADDRNOTAVAIL is no failure: the address has just gone, or (IPv6) is not usable
 * yet. */
static int listen_once(struct array *array, struct portal *portal, bool want,
                       const struct sockaddr_storage *addr)
{
    int r = want ? engine_portal_open(array->engine, &portal->object.id, addr)
                 : engine_portal_close(array->engine, &portal->object.id);

    if ((want && r == -EEXIST) || (!want && r == -ENOENT))
        r = 0;
    return r;
}

static void listen_failed(struct array *array, struct portal *portal, int r)
{
    char address[80];

    address_format_with_port(portal->address, portal->port, address);
    error_text_set("portal %s cannot listen: %s", address, strerror(-r));
    if (portal->listen_error != r)
        log_warning("portal %s cannot listen: %s", address, strerror(-r));
    array_kick(array, /* rescan= */ false);
}

int portal_listen(struct array *array, struct portal *portal)
{
    struct sockaddr_storage addr;
    uint32_t before;
    int r = 0;

    pthread_mutex_lock(&portal->io_lock);
    pthread_mutex_lock(&array->lock);
    before = portal_status(portal);
    portal->died &= portal->open;
    while (should_be_open(portal) != portal->open && r == 0) {
        bool want = should_be_open(portal);

        addr = portal->addr;
        pthread_mutex_unlock(&array->lock);
        r = listen_once(array, portal, want, &addr);
        pthread_mutex_lock(&array->lock);
        if (r == 0) {
            portal->open = want;
            portal->died &= want;
        }
    }
    if (r == -EADDRNOTAVAIL) {
        portal->present = false;
        array_kick(array, /* rescan= */ false);
        r = 0;
    }
    if (r < 0)
        listen_failed(array, portal, r);
    portal->listen_error = r;
    post_modify(array, portal, before);
    pthread_mutex_unlock(&array->lock);
    pthread_mutex_unlock(&portal->io_lock);
    return r;
}

static bool needs_retry(const struct portal *portal)
{
    return should_be_open(portal) != portal->open && !portal->object.closing;
}

/* Of the portals that do not listen although they should (or the reverse), the next to try after `id`;
 * pinned. */
static struct portal *next_to_retry(struct array *array, struct lock_set *locks, struct list_node **position)
{
    list_for_each(n, &array->cache.all[OBJECT_PORTAL]) {
        struct portal *portal = OBJECT_OF(portal, n);

        if (*position) { /* walk up to where we were */
            if (n == *position)
                *position = NULL;
            continue;
        }
        if (needs_retry(portal) && lock_take(locks, &portal->object, LOCK_PIN) == S_OK) {
            *position = n;
            return portal;
        }
    }
    return NULL;
}

void portals_retry(struct array *array)
{
    struct lock_set locks = { 0 };
    struct list_node *position = NULL;
    struct portal *portal;

    pthread_mutex_lock(&array->scan_lock);
    pthread_mutex_lock(&array->lock);
    if (lock_take(&locks, &array->subsystem, LOCK_PIN) == S_OK) {
        while ((portal = next_to_retry(array, &locks,
                                       &position))) { /* pinned until the end: the position stays valid */
            pthread_mutex_unlock(&array->lock);
            portal_listen(array, portal);
            pthread_mutex_lock(&array->lock);
        }
    }
    lock_release_all(&locks);
    pthread_mutex_unlock(&array->lock);
    pthread_mutex_unlock(&array->scan_lock);
}

static bool any_port_in_use(struct array *array)
{
    bool any = false;

    pthread_mutex_lock(&array->lock);
    cache_for_each(n, &array->cache, OBJECT_PORTAL) any |=
        needs_retry(OBJECT_OF(portal, n)) && OBJECT_OF(portal, n)->listen_error == -EADDRINUSE;
    pthread_mutex_unlock(&array->lock);
    return any;
}

/* When a service is killed, the kernel frees the listening sockets of its io_uring a little after the process
 * is gone, and tells nobody: who starts in its place finds the ports in use for a moment. "Ready" should not
 * come before they listen; after the limit the housekeeper goes on trying. */
void portals_wait_at_start(struct array *array)
{
    const struct timespec step = { .tv_nsec = 10 * 1000000 };

    for (unsigned ms = 0; ms < START_WAIT_MS && any_port_in_use(array); ms += 10) {
        nanosleep(&step, NULL);
        portals_retry(array);
    }
}

/* ---- finding --------------------------------------------------------------------------------- */

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
    const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;

    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET && ntohl(a4->sin_addr.s_addr) >> 24 == 127 &&
        ntohl(b4->sin_addr.s_addr) >> 24 == 127)
        return true; /* 127/8 is on the loopback interface as a whole */
    if (a->ss_family == AF_INET)
        return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    return memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0 &&
           (!IN6_IS_ADDR_LINKLOCAL(&a6->sin6_addr) || a6->sin6_scope_id == b6->sin6_scope_id);
}

static bool on_host(const struct sockaddr_storage *addr, const struct engine_address *hosts, size_t n_hosts)
{
    for (size_t i = 0; i < n_hosts; i++)
        if (same_host(addr, &hosts[i].addr))
            return true;
    return false;
}

struct finding {
    struct engine_address *hosts;
    size_t n_hosts;
    struct state_portal *wanted; /* portals that there should be */
    size_t n_wanted;
};

static void finding_fini(struct finding *finding)
{
    free(finding->hosts);
    free(finding->wanted);
}

static void want_address(struct finding *finding, const struct sockaddr_storage *addr, uint16_t port)
{
    struct state_portal *row = &finding->wanted[finding->n_wanted];

    memset(row, 0, sizeof *row);
    address_format(addr, row->address);
    row->port = port;
    for (size_t i = 0; i < finding->n_wanted; i++)
        if (finding->wanted[i].port == port && strcmp(finding->wanted[i].address, row->address) == 0)
            return;
    finding->n_wanted += row->address[0] != '\0';
}

static int finding_make(const struct array *array, struct finding *finding)
{
    int r = engine_host_addresses(&finding->hosts, &finding->n_hosts);
    size_t n = array->n_portals ? array->n_portals : finding->n_hosts;

    if (r < 0)
        return r;
    finding->wanted = calloc(n + 1, sizeof *finding->wanted);
    if (!finding->wanted)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct sockaddr_storage addr;

        if (!array->n_portals)
            want_address(finding, &finding->hosts[i].addr, array->default_port);
        else if (portal_parse(array->portals[i], array->default_port, &addr) == 0)
            want_address(finding, &addr, address_port(&addr));
    }
    return 0;
}

static void presence_set(struct portal *portal, const struct finding *finding)
{
    address_parse(portal->address, portal->port,
                  &portal->addr); /* an interface may have come with a new index */
    portal->present = on_host(&portal->addr, finding->hosts, finding->n_hosts);
}

void portals_presence(struct array *array, struct cache *cache)
{
    _cleanup_(finding_fini) struct finding finding = { 0 };

    if (finding_make(array, &finding) < 0)
        return;
    cache_for_each(n, cache, OBJECT_PORTAL) presence_set(OBJECT_OF(portal, n), &finding);
}

void portals_bar(struct array *array, struct cache *cache, struct events *events)
{
    bool barred = array_is_offline(array);

    cache_for_each(n, cache, OBJECT_PORTAL)
    {
        struct portal *portal = OBJECT_OF(portal, n);
        uint32_t before = portal_status(portal);

        portal->barred = barred;
        if (events && portal->object.visible && portal_status(portal) != before)
            events_add(events, VDS_NF_PORTAL_MODIFY, VDS_NTT_PORTAL, &portal->object.id);
    }
}

static bool is_wanted(const struct portal *portal, const struct finding *finding)
{
    for (size_t i = 0; i < finding->n_wanted; i++)
        if (finding->wanted[i].port == portal->port &&
            strcmp(finding->wanted[i].address, portal->address) == 0)
            return true;
    return false;
}

/* Nobody refers to it, nothing finds it. */
static bool is_to_go(const struct portal *portal, const struct finding *finding)
{
    return portal->object.visible && list_empty(&portal->paths) && !is_wanted(portal, finding);
}

/* ---- the scan: three short looks under the lock, with the engine and the state between them --- */

/* Known portals: has the address come or gone? Those that changed are pinned, in locks, to be opened or
 * closed. One address may be that of many: what happens to it is told in one call. */
static HRESULT scan_known(struct array *array, const struct finding *finding, struct lock_set *locks,
                          struct events *changes)
{
    if (events_reserve(changes, array->cache.n_objects) < 0)
        return E_OUTOFMEMORY;
    cache_for_each(n, &array->cache, OBJECT_PORTAL)
    {
        struct portal *portal = OBJECT_OF(portal, n);
        uint32_t before = portal_status(portal);

        if (portal->object.closing)
            continue; /* being set offline: looked at again after that */
        presence_set(portal, finding);
        if (portal->object.visible && portal_status(portal) != before &&
            !is_to_go(portal, finding)) /* its departure says enough */
            events_add(changes, VDS_NF_PORTAL_MODIFY, VDS_NTT_PORTAL, &portal->object.id);
        if (should_be_open(portal) != portal->open &&
            lock_take(locks, &portal->object, LOCK_PIN) == E_OUTOFMEMORY)
            return E_OUTOFMEMORY;
    }
    return S_OK;
}

/* New ones: added to the cache, invisible, until their rows are written. */
static HRESULT scan_new(struct array *array, const struct finding *finding, struct state_tx *tx,
                        struct events *events)
{
    if (events_reserve(events, finding->n_wanted) < 0)
        return E_OUTOFMEMORY;
    for (size_t i = 0; i < finding->n_wanted; i++) {
        struct state_portal *row = &finding->wanted[i];
        struct portal *known = cache_find_address(&array->cache, row->address, (uint16_t)row->port), *portal;

        if (known)
            known->configured = array->n_portals > 0;
        if (known)
            continue;
        if (guid_generate(&row->id) < 0 || !(portal = array_portal_new(row)))
            return E_OUTOFMEMORY;
        portal->configured = array->n_portals > 0;
        portal->barred = array_is_offline(array);
        presence_set(portal, finding);
        cache_add(&array->cache, &portal->object);
        state_insert_portal(tx, row);
        events_add(events, VDS_NF_PORTAL_ARRIVE, VDS_NTT_PORTAL, &row->id);
    }
    return S_OK;
}

/* Gone ones that nobody refers to: marked closing, dropped when their rows are. One that is here but not
 * wanted (the port or the list has changed) goes as well. */
static HRESULT scan_gone(struct array *array, const struct finding *finding, struct state_tx *tx,
                         struct events *events, struct lock_set *gone)
{
    if (events_reserve(events, array->cache.n_objects) < 0)
        return E_OUTOFMEMORY;
    cache_for_each(n, &array->cache, OBJECT_PORTAL)
    {
        struct portal *portal = OBJECT_OF(portal, n);
        struct state_portal row = portal_row(portal);

        if (!is_to_go(portal, finding))
            continue;
        if (lock_take(gone, &portal->object, LOCK_EXCLUSIVE) != S_OK)
            continue;
        state_delete_portal(tx, &row);
        events_add(events, VDS_NF_PORTAL_DEPART, VDS_NTT_PORTAL, &row.id);
    }
    return S_OK;
}

static void drop_gone(struct array *array, struct lock_set *gone)
{
    for (size_t i = 0; i < gone->n; i++) {
        struct object *object = gone->held[i].object;

        gone->held[i].object = NULL;
        cache_remove(&array->cache, object);
        object_free(object);
    }
}

/* Portals that were added by this scan: shown or taken back. */
static void settle_new(struct array *array, bool keep)
{
    list_for_each_safe(n, &array->cache.all[OBJECT_PORTAL]) {
        struct portal *portal = OBJECT_OF(portal, n);

        if (portal->object.visible)
            continue;
        if (keep) {
            portal->object.visible = true;
            continue;
        }
        cache_remove(&array->cache, &portal->object);
        object_free(&portal->object);
    }
}

static void listen_all(struct array *array, const struct lock_set *locks)
{
    for (size_t i = 0; i < locks->n; i++)
        if (locks->held[i].object->kind == OBJECT_PORTAL)
            portal_listen(array, container_of(locks->held[i].object, struct portal, object));
}

static HRESULT scan_locked(struct array *array)
{
    _cleanup_(finding_fini) struct finding finding = { 0 };
    _cleanup_(state_tx_freep) struct state_tx *tx = state_tx_new();
    struct lock_set known = { 0 }, gone = { 0 };
    struct events events = { 0 }, changes = { 0 };
    int r = tx ? finding_make(array, &finding) : -ENOMEM;
    HRESULT hr;

    if (r < 0)
        return hr_from_errno(r);
    pthread_mutex_lock(&array->lock);
    hr = lock_take(&known, &array->subsystem, LOCK_PIN);
    if (hr == S_OK)
        hr = scan_known(array, &finding, &known, &changes);
    notifier_post(&array->notifier, &changes);
    if (hr == S_OK)
        hr = scan_new(array, &finding, tx, &events);
    if (hr == S_OK)
        hr = scan_gone(array, &finding, tx, &events, &gone);
    pthread_mutex_unlock(&array->lock);
    if (hr == S_OK)
        listen_all(array, &known);
    if (hr == S_OK && events.n > 0)
        hr = array_commit(array, tx);
    pthread_mutex_lock(&array->lock);
    if (known.n > 0) /* else a refresh owns the cache */
        settle_new(array, SUCCEEDED(hr));
    if (SUCCEEDED(hr)) {
        drop_gone(array, &gone);
        notifier_post(&array->notifier, &events);
    }
    health_look(array);
    lock_release_all(&gone);
    lock_release_all(&known);
    pthread_mutex_unlock(&array->lock);
    events_fini(&events);
    return hr;
}

/* One at a time; the marks on the subsystem would keep operations out. */
HRESULT portals_scan(struct array *array)
{
    pthread_mutex_lock(&array->scan_lock);
    HRESULT hr = scan_locked(array);
    pthread_mutex_unlock(&array->scan_lock);
    return hr;
}

/* ---- SetStatus ------------------------------------------------------------------------------- */

static HRESULT status_commit(struct array_op *op, bool offline)
{
    struct state_portal row;
    HRESULT hr = op_transactions(op);

    if (FAILED(hr))
        return hr;
    pthread_mutex_lock(&op->array->lock);
    row = portal_row(op->portal);
    pthread_mutex_unlock(&op->array->lock);
    state_update_portal(op->undo, &row);
    row.offline = offline;
    state_update_portal(op->tx, &row);
    return op_commit(op);
}

static void offline_set(struct array_op *op, bool offline)
{
    struct array *array = op->array;
    uint32_t before;

    pthread_mutex_lock(&array->lock);
    before = portal_status(op->portal);
    op->portal->offline = offline;
    post_modify(array, op->portal, before);
    pthread_mutex_unlock(&array->lock);
}

static bool is_open(struct array_op *op)
{
    pthread_mutex_lock(&op->array->lock);
    bool open = op->portal->open;
    pthread_mutex_unlock(&op->array->lock);
    return open;
}

/* The pairs come back into the tables when the drain is taken back, but the portal is closed by then: they
 * are not listed, and a login there is refused, until it opens again. */
static HRESULT portal_offline_run(struct array_op *op)
{
    struct engine_drain *drain = NULL;
    HRESULT hr = S_OK;
    int r = is_open(op)
                ? engine_drain_start(op->array->engine, NULL, &op->portal->object.id, 1, op->drain_ms, &drain)
                : 0;

    if (r < 0 && r != -ENOENT)
        return hr_from_errno(r);
    if (drain)
        hr = op_drain(op, drain);
    if (SUCCEEDED(hr))
        hr = status_commit(op, true);
    if (SUCCEEDED(hr)) {
        offline_set(op, true);
        portal_listen(op->array, op->portal); /* closes; what fails is tried again by the housekeeper */
    }
    if (drain)
        engine_drain_cancel(drain);
    engine_drain_free(drain);
    return hr;
}

static void opening_set(struct array_op *op, bool opening)
{
    pthread_mutex_lock(&op->array->lock);
    op->portal->opening = opening;
    pthread_mutex_unlock(&op->array->lock);
}

/* Listening first: the port may be taken, and then nothing has changed. */
static HRESULT portal_online_run(struct array_op *op)
{
    HRESULT hr;
    int r;

    opening_set(op, true);
    r = portal_listen(op->array, op->portal);
    hr = r < 0 ? hr_from_errno(r) : status_commit(op, false);
    if (SUCCEEDED(hr))
        offline_set(op, false);
    opening_set(op, false);
    if (FAILED(hr))
        portal_listen(op->array, op->portal);
    return hr;
}

/* array->lock held. */
static HRESULT status_admit(struct array_op *op, const struct guid *id, bool offline)
{
    struct object *object = cache_find(&op->array->cache, OBJECT_PORTAL, id);
    HRESULT hr;

    if (!object || !object->visible) {
        error_text_set("the portal is gone");
        return VDS_E_OBJECT_DELETED;
    }
    hr = lock_take(&op->locks, &op->array->subsystem, LOCK_PIN);
    if (hr == S_OK)
        hr = lock_take(&op->locks, object, LOCK_EXCLUSIVE);
    if (FAILED(hr))
        return hr;
    op->portal = container_of(object, struct portal, object);
    op->drain_ms = op->array->drain_ms;
    return op->portal->offline == offline ? S_FALSE : S_OK; /* S_FALSE: nothing to do */
}

HRESULT array_portal_set_status(struct array *array, const struct guid *portal, uint32_t status)
{
    static const uint32_t for_reports[] = { VDS_IPS_NOT_READY, VDS_IPS_FAILED };
    struct array_op *op;
    HRESULT hr;

    if (!portal || (status != VDS_IPS_ONLINE && status != VDS_IPS_OFFLINE && status != for_reports[0] &&
                    status != for_reports[1]))
        return E_INVALIDARG;
    if (FAILED(hr = admit(array)))
        return hr;
    if (status == for_reports[0] || status == for_reports[1]) {
        error_text_set("a portal can be set online or offline, no more");
        return VDS_E_NOT_SUPPORTED;
    }
    op = op_new(array, status == VDS_IPS_OFFLINE ? portal_offline_run : portal_online_run);
    if (!op)
        return E_OUTOFMEMORY;
    pthread_mutex_lock(&array->scan_lock); /* a scan pins portals for a moment: not a reason to refuse */
    pthread_mutex_lock(&array->lock);
    hr = status_admit(op, portal, status == VDS_IPS_OFFLINE);
    pthread_mutex_unlock(&array->lock);
    pthread_mutex_unlock(&array->scan_lock);
    if (hr != S_OK)
        return op_refuse(op, hr == S_FALSE ? S_OK : hr);
    return op_call(op);
}
