/* SPDX-License-Identifier: MIT */
/* The array as a whole: open, close, and the housekeeper, the thread that looks again at what changes by
 * itself (addresses) or failed (state, listeners). */
#include "array/array.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "array/array_internal.h"

#define DEFAULT_PORT 3260

/* ---- the housekeeper ------------------------------------------------------------------------- */

void array_kick(struct array *array, bool rescan)
{
    if (rescan)
        array->rescan = true;
    else
        array->retry = true;
    pthread_cond_signal(&array->housekeeper_wake);
}

static struct timespec in_ms(unsigned ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* array->lock held; let go meanwhile. Addresses are looked at once; what failed soon at first, for a service
 * that was killed leaves its ports to the kernel a moment longer, and then less and less often. */
static void housekeeper_wait(struct array *array)
{
    unsigned wait_ms = array->retry_ms ? array->retry_ms : RETRY_FIRST_MS;
    struct timespec until = in_ms(wait_ms);
    int r = 0;

    array->retry_ms = array->retry ? wait_ms * 2 < RETRY_LAST_MS ? wait_ms * 2 : RETRY_LAST_MS : 0;
    while (!array->closing && !array->rescan && r == 0) {
        if (array->retry)
            r = pthread_cond_timedwait(&array->housekeeper_wake, &array->lock, &until);
        else
            pthread_cond_wait(&array->housekeeper_wake, &array->lock);
    }
}

static void *housekeeper_main(void *arg)
{
    struct array *array = arg;

    pthread_mutex_lock(&array->lock);
    for (;;) {
        housekeeper_wait(array);
        if (array->closing)
            break;
        bool rescan = array->rescan, retry = array->retry && !rescan;
        array->rescan = false;
        array->retry = array->retry && rescan;
        pthread_mutex_unlock(&array->lock);
        if (rescan)
            portals_scan(array);
        if (retry) {
            health_heal(array);
            portals_retry(array);
        }
        pthread_mutex_lock(&array->lock);
        array->retry |= array->failed;
    }
    pthread_mutex_unlock(&array->lock);
    return NULL;
}

static void listener_died(struct array *array, const struct guid *id)
{
    struct object *object;

    pthread_mutex_lock(&array->lock);
    object = array->cache.buckets ? cache_find(&array->cache, OBJECT_PORTAL, id) : NULL;
    if (object)
        container_of(object, struct portal, object)->died = true;
    array_kick(array, /* rescan= */ true);
    pthread_mutex_unlock(&array->lock);
}

/* On a thread of the engine's: leaves a note, no more. */
static void engine_event(void *arg, const struct engine_event *event)
{
    struct array *array = arg;

    if (event->kind == ENGINE_ADDRESSES_CHANGED) {
        pthread_mutex_lock(&array->lock);
        array_kick(array, /* rescan= */ true);
        pthread_mutex_unlock(&array->lock);
    } else if (event->kind == ENGINE_LISTENER_FAILED) {
        listener_died(array, &event->object);
    }
    if (array->engine_event)
        array->engine_event(array->engine_event_arg, event);
}

/* ---- options --------------------------------------------------------------------------------- */

static void texts_free(char **texts, size_t n)
{
    for (size_t i = 0; texts && i < n; i++)
        free(texts[i]);
    free(texts);
}

/* An absolute path, whether the directory can be made now or not. */
static char *absolute(const char *path)
{
    char *real, here[PATH_MAX], *text;

    mkdir(path, 0700);
    real = realpath(path, NULL);
    if (real || path[0] == '/')
        return real ? real : strdup(path);
    if (!getcwd(here, sizeof here) || asprintf(&text, "%s/%s", here, path) < 0)
        return NULL;
    return text;
}

static HRESULT options_drives(struct array *array, const struct array_options *options)
{
    size_t n = options->n_drives ? options->n_drives : 1;

    array->drives = calloc(n, sizeof *array->drives);
    if (!array->drives)
        return E_OUTOFMEMORY;
    array->n_drives = n;
    for (size_t i = 0; i < options->n_drives; i++)
        if (!(array->drives[i] = absolute(options->drives[i])))
            return E_OUTOFMEMORY;
    if (!options->n_drives && asprintf(&array->drives[0], "%s/drive0", array->state_dir) < 0) {
        array->drives[0] = NULL;
        return E_OUTOFMEMORY;
    }
    for (size_t i = 0; i < n; i++)
        if (strlen(array->drives[i]) >= STATE_TEXT_SIZE) {
            error_text_set("the path of drive %.60s... is too long", array->drives[i]);
            return E_INVALIDARG;
        }
    return S_OK;
}

static HRESULT options_portals(struct array *array, const struct array_options *options)
{
    struct sockaddr_storage addr;

    array->portals = calloc(options->n_portals + 1, sizeof *array->portals);
    if (!array->portals)
        return E_OUTOFMEMORY;
    array->n_portals = options->n_portals;
    for (size_t i = 0; i < options->n_portals; i++) {
        if (portal_parse(options->portals[i], array->default_port, &addr) < 0) {
            error_text_set("\"%.100s\" is not ADDRESS[:PORT]: a portal is one address of this host, such as "
                           "192.0.2.1:3260 or [2001:db8::1]:3260",
                           options->portals[i]);
            return E_INVALIDARG;
        }
        if (!(array->portals[i] = strdup(options->portals[i])))
            return E_OUTOFMEMORY;
    }
    return S_OK;
}

static HRESULT options_take(struct array *array, const struct array_options *options)
{
    HRESULT hr;

    array->default_port = options->default_port ? options->default_port : DEFAULT_PORT;
    array->max_groups =
        options->max_groups && options->max_groups < STATE_TAG_MAX ? options->max_groups : STATE_TAG_MAX;
    array->max_memory = options->max_memory ? options->max_memory : MAX_MEMORY;
    array->drain_ms = (options->drain_seconds ? options->drain_seconds : DRAIN_SECONDS) * 1000;
    array->engine_event = options->engine.event;
    array->engine_event_arg = options->engine.event_arg;
    array->state_dir = absolute(options->state_dir);
    if (!array->state_dir)
        return E_OUTOFMEMORY;
    hr = options_drives(array, options);
    return SUCCEEDED(hr) ? options_portals(array, options) : hr;
}

/* ---- open and close -------------------------------------------------------------------------- */

static struct array *array_alloc(const struct array_options *options)
{
    struct array *array = calloc(1, sizeof *array);
    pthread_condattr_t attr;

    if (!array)
        return NULL;
    pthread_mutex_init(&array->lock, NULL);
    pthread_mutex_init(&array->scan_lock, NULL);
    pthread_mutex_init(&array->secrets_lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&array->ops_gone, &attr);
    pthread_cond_init(&array->housekeeper_wake, &attr);
    pthread_condattr_destroy(&attr);
    list_init(&array->ops);
    array->subsystem.kind = OBJECT_SUBSYSTEM;
    array->controller.kind = OBJECT_CONTROLLER;
    array->subsystem.visible = array->controller.visible = true;
    pool_init(&array->pool, options->max_operations ? options->max_operations : OPS_MAX);
    return array;
}

static HRESULT engine_begin(struct array *array, const struct array_options *options)
{
    struct engine_options engine = options->engine;
    int r;

    engine.event = engine_event;
    engine.event_arg = array;
    r = engine_create(&engine, &array->engine);
    if (r < 0)
        error_text_set("the engine does not start: %s", strerror(-r));
    return hr_from_errno(r);
}

static HRESULT threads_begin(struct array *array)
{
    int r = -pthread_create(&array->housekeeper, NULL, housekeeper_main, array);

    array->housekeeper_started = r == 0;
    return hr_from_errno(r);
}

static HRESULT open_all(struct array *array, const struct array_options *options)
{
    HRESULT hr = options_take(array, options);
    int r;

    if (FAILED(hr))
        return hr;
    if (cache_init(&array->cache) < 0)
        return E_OUTOFMEMORY;
    r = state_open(array->state_dir, &array->state);
    if (r < 0)
        return hr_from_errno(r == -EBUSY ? -ETXTBSY : r);
    r = notifier_start(&array->notifier, options->notify, options->notify_arg);
    if (r < 0)
        return hr_from_errno(r);
    if (FAILED(hr = engine_begin(array, options)) || FAILED(hr = refresh_first(array)))
        return hr;
    portals_wait_at_start(array);
    return threads_begin(array);
}

HRESULT array_open(const struct array_options *options, struct array **ret_array)
{
    struct array *array;
    HRESULT hr;

    error_text_clear();
    if (!ret_array)
        return E_INVALIDARG;
    *ret_array = NULL;
    if (!options || !options->state_dir)
        return E_INVALIDARG;
    if (!(array = array_alloc(options)))
        return E_OUTOFMEMORY;
    hr = open_all(array, options);
    if (FAILED(hr)) {
        array_close(array);
        return hr;
    }
    *ret_array = array;
    return S_OK;
}

/* One that has not been cancelled yet, referenced. */
static struct array_op *next_to_cancel(struct array *array)
{
    list_for_each(n, &array->ops) {
        struct array_op *op = container_of(n, struct array_op, link);

        if (op->close_seen)
            continue;
        op->close_seen = true;
        return array_op_ref(op);
    }
    return NULL;
}

/* Before its commit an operation is cancelled, drains included; after it, it is waited for. */
static void ops_finish(struct array *array)
{
    struct array_op *op;

    pthread_mutex_lock(&array->lock);
    array->closing = true;
    pthread_cond_broadcast(&array->housekeeper_wake);
    while (!list_empty(&array->ops)) {
        op = next_to_cancel(array);
        if (!op) {
            pthread_cond_wait(&array->ops_gone, &array->lock);
            continue;
        }
        pthread_mutex_unlock(&array->lock);
        array_op_cancel(op);
        op_hurry(op);
        array_op_unref(op);
        pthread_mutex_lock(&array->lock);
    }
    pthread_mutex_unlock(&array->lock);
}

static void array_free(struct array *array)
{
    pthread_mutex_destroy(&array->lock);
    pthread_mutex_destroy(&array->scan_lock);
    pthread_mutex_destroy(&array->secrets_lock);
    pthread_cond_destroy(&array->ops_gone);
    pthread_cond_destroy(&array->housekeeper_wake);
    texts_free(array->drives, array->n_drives);
    texts_free(array->portals, array->n_portals);
    free(array->state_dir);
    free(array);
}

void array_close(struct array *array)
{
    if (!array)
        return;
    ops_finish(array);
    if (array->housekeeper_started)
        pthread_join(array->housekeeper, NULL);
    pool_fini(&array->pool);
    engine_destroy(array->engine);
    if (array->notifier.sink || array->notifier.started || array->notifier.queue.next)
        notifier_stop(&array->notifier);
    cache_fini(&array->cache);
    state_close(array->state);
    array_free(array);
}
