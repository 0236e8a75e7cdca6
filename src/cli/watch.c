/* SPDX-License-Identifier: MIT */
/* vdsctl watch: events as they happen. The service calls a sink of ours, which only wakes the main thread;
 * that asks for what came after the last event it has printed, so that nothing is missed or told twice,
 * whatever the service had to drop on the way here. */
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/standard.h"
#include "cli/handlers.h"
#include "cli/json.h"

static const struct {
    ULONG event;
    const char *noun, *what;
} events[] = {
    { VDS_NF_SUB_SYSTEM_ARRIVE, "array", "arrived" },
    { VDS_NF_SUB_SYSTEM_DEPART, "array", "departed" },
    { VDS_NF_SUB_SYSTEM_MODIFY, "array", "changed" },
    { VDS_NF_CONTROLLER_ARRIVE, "controller", "online" },
    { VDS_NF_CONTROLLER_DEPART, "controller", "offline" },
    { VDS_NF_CONTROLLER_MODIFY, "controller", "changed" },
    { VDS_NF_CONTROLLER_REMOVED, "controller", "removed" },
    { VDS_NF_DRIVE_ARRIVE, "drive", "arrived" },
    { VDS_NF_DRIVE_DEPART, "drive", "departed" },
    { VDS_NF_DRIVE_MODIFY, "drive", "changed" },
    { VDS_NF_DRIVE_REMOVED, "drive", "removed" },
    { VDS_NF_LUN_ARRIVE, "lun", "created" },
    { VDS_NF_LUN_DEPART, "lun", "deleted" },
    { VDS_NF_LUN_MODIFY, "lun", "changed" },
    { VDS_NF_PORTAL_ARRIVE, "portal", "arrived" },
    { VDS_NF_PORTAL_DEPART, "portal", "departed" },
    { VDS_NF_PORTAL_MODIFY, "portal", "changed" },
    { VDS_NF_TARGET_ARRIVE, "target", "created" },
    { VDS_NF_TARGET_DEPART, "target", "deleted" },
    { VDS_NF_TARGET_MODIFY, "target", "changed" },
    { VDS_NF_PORTAL_GROUP_ARRIVE, "group", "created" },
    { VDS_NF_PORTAL_GROUP_DEPART, "group", "deleted" },
    { VDS_NF_PORTAL_GROUP_MODIFY, "group", "changed" },
    { VDS_NF_SERVICE_OUT_OF_SYNC, "service", "out of sync" },
};

struct sink {
    IVdsAdviseSink face;
    atomic_uint n_refs;
    int news_fd;
};

struct watch {
    struct client *client;
    IVdsServiceNotifications *kept;
    ULONGLONG since; /* the last that was printed */
    struct model before, now; /* for names: what has gone has one in the older */
    bool json;
};

static HRESULT STDMETHODCALLTYPE sink_query_interface(IVdsAdviseSink *face, REFIID iid, void **ret_face)
{
    if (!ret_face)
        return E_POINTER;
    *ret_face = NULL;
    if (memcmp(iid, &IID_IUnknown, sizeof *iid) != 0 && memcmp(iid, &IID_IVdsAdviseSink, sizeof *iid) != 0)
        return E_NOINTERFACE;
    IVdsAdviseSink_AddRef(face);
    *ret_face = face;
    return S_OK;
}

static ULONG STDMETHODCALLTYPE sink_add_ref(IVdsAdviseSink *face)
{
    return atomic_fetch_add(&container_of(face, struct sink, face)->n_refs, 1) + 1;
}

static ULONG STDMETHODCALLTYPE sink_release(IVdsAdviseSink *face)
{
    /* lives on watch_run()'s stack */
    return atomic_fetch_sub(&container_of(face, struct sink, face)->n_refs, 1) - 1;
}

/* There is news; what it is, the service keeps (pull()). */
static HRESULT STDMETHODCALLTYPE sink_on_notify(IVdsAdviseSink *face, LONG n, VDS_NOTIFICATION *notifications)
{
    const struct sink *sink = container_of(face, struct sink, face);
    uint64_t one = 1;

    (void)n;
    CoTaskMemFree(notifications);
    return write(sink->news_fd, &one, sizeof one) < 0 ? E_FAIL : S_OK; /* full: the reader is on its way */
}

static IVdsAdviseSinkVtbl sink_vtbl = {
    .QueryInterface = sink_query_interface,
    .AddRef = sink_add_ref,
    .Release = sink_release,
    .OnNotify = sink_on_notify,
};

/* ---- what happened --------------------------------------------------------------------------------- */

static char *name_in(const struct model *model, const GUID *id)
{
    const struct target *target = model_target(model, id);
    const struct portal *portal = model_portal(model, id);
    const struct lun *lun = model_lun(model, id);
    char *name = NULL;

    for (size_t i = 0; i < model->n_groups; i++) {
        const struct group *g = &model->groups[i];

        if (memcmp(&g->id, id, sizeof *id) == 0 && (target = model_target(model, &g->target)))
            return asprintf(&name, "%s/%u", target->name, g->tag) < 0 ? NULL : name;
    }
    return target || portal || lun ? strdup(target   ? target->name
                                            : portal ? portal->address
                                                     : lun->name)
                                   : NULL;
}

/* What people call the object, "" when that is not known (any more); malloc'ed. */
static char *name_of(const struct watch *w, const GUID *id)
{
    char *name = name_in(&w->now, id);

    if (!name)
        name = name_in(&w->before, id);
    if (!name && !(name = strdup("")))
        client_out_of_memory();
    return name;
}

static void learn_names(struct watch *w)
{
    model_fini(&w->before);
    w->before = w->now;
    if (FAILED(model_load(&w->now, w->client, MODEL_PORTALS | MODEL_GROUPS | MODEL_LUNS)))
        model_fini(&w->now); /* the next pull finds out why */
}

struct event {
    const char *noun, *what, *id, *name;
};

static void print_json(const VDS_NOTIFICATION_RECORD *r, const char *when, const struct event *event)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "time", json_object_new_string(when));
    json_object_object_add(o, "event", json_object_new_uint64(r->notification.Target.ulEvent));
    json_object_object_add(o, "object", json_object_new_string(event->noun));
    json_object_object_add(o, "what", json_object_new_string(event->what));
    json_object_object_add(o, "id", json_object_new_string(event->id));
    json_object_object_add(o, "name", json_object_new_string(event->name));
    json_object_object_add(o, "number", json_object_new_uint64(r->ullSequence));
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}

static void print_line(const struct watch *w, const VDS_NOTIFICATION_RECORD *r, const struct event *event)
{
    time_t seconds = (time_t)(r->ullTime / 1000000);
    char when[32];
    struct tm tm;

    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S%z", localtime_r(&seconds, &tm));
    if (w->json)
        print_json(r, when, event);
    else
        printf("%s  %-10s  %-11s  %-36s  %llu%s%s\n", when, event->noun, event->what, event->id,
               (unsigned long long)r->ullSequence, *event->name ? "  " : "", event->name);
}

static void print_record(const struct watch *w, const VDS_NOTIFICATION_RECORD *r)
{
    const VDS_NOTIFICATION *n = &r->notification;
    struct event event = { "object", "changed", "", "" };
    _cleanup_(freep) char *name = NULL;
    char id[GUID_TEXT_SIZE] = "";

    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        if (events[i].event == n->Target.ulEvent) {
            event.noun = events[i].noun;
            event.what = events[i].what;
        }
    }
    if (n->objectType != VDS_NTT_SERVICE) { /* every arm used here begins { ulEvent, id } */
        client_guid_text(&n->Target.targetId, id);
        event.id = id;
        event.name = name = name_of(w, &n->Target.targetId);
    }
    print_line(w, r, &event);
}

/* Some are gone: whoever goes by them has to look for himself. */
static void print_gap(const struct watch *w)
{
    VDS_NOTIFICATION_RECORD gap = { .ullSequence = w->since, .ullTime = (ULONGLONG)time(NULL) * 1000000 };

    gap.notification.objectType = VDS_NTT_SERVICE;
    gap.notification.Service.ulEvent = VDS_NF_SERVICE_OUT_OF_SYNC;
    print_record(w, &gap);
}

/* Prints what came after the last that was printed. */
static HRESULT pull(struct watch *w)
{
    VDS_NOTIFICATION_RECORD *records;
    ULONG n = 1;
    HRESULT hr = S_OK;

    while (SUCCEEDED(hr) && n > 0) {
        hr = IVdsServiceNotifications_QueryNotifications(w->kept, w->since, 0, &records, &n);
        if (SUCCEEDED(hr) && n > 0)
            learn_names(w);
        if (hr == S_FALSE)
            print_gap(w);
        for (ULONG i = 0; SUCCEEDED(hr) && i < n; i++) {
            print_record(w, &records[i]);
            w->since = records[i].ullSequence;
        }
        if (SUCCEEDED(hr))
            CoTaskMemFree(records);
        if (hr == S_FALSE && n == 0) /* a number of another run, and nothing has happened in this one */
            hr = IVdsServiceNotifications_GetLastSequence(w->kept, &w->since);
    }
    return hr;
}

/* Until a signal comes, or the service goes, or who reads along: a pipe tells by itself (POLLERR). */
static HRESULT follow(struct watch *w, int signal_fd, int news_fd)
{
    struct pollfd fds[3] = { { .fd = signal_fd, .events = POLLIN },
                             { .fd = news_fd, .events = POLLIN },
                             { .fd = STDOUT_FILENO } };
    HRESULT hr = pull(w);
    uint64_t n;

    while (standard_flush() && SUCCEEDED(hr) && !fds[0].revents && !fds[2].revents) {
        int ready = poll(fds, 3, -1); /* a service that goes is news, too: libvds says so */

        if (ready > 0 && fds[1].revents && read(news_fd, &n, sizeof n) > 0)
            hr = pull(w);
    }
    return hr;
}

static HRESULT begin(struct watch *w, struct client *client, const char *since)
{
    HRESULT hr =
        IVdsService_QueryInterface(client->service, &IID_IVdsServiceNotifications, (void **)&w->kept);

    if (FAILED(hr))
        return hr;
    if (!since)
        return IVdsServiceNotifications_GetLastSequence(w->kept, &w->since);
    return S_OK;
}

static int make_signal_fd(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

int watch_run(struct client *client, const struct request *request)
{
    _cleanup_(closep) int signal_fd = make_signal_fd();
    _cleanup_(closep) int news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct sink sink = { { &sink_vtbl }, 1, news_fd };
    struct watch w = { .client = client, .json = request->json };
    DWORD cookie;
    HRESULT hr;

    if (request->since && !client_number(request->since, &w.since)) {
        fprintf(stderr, "vdsctl: --since takes the number of an event, or 0\n");
        return EXIT_USAGE;
    }
    if (signal_fd < 0 || news_fd < 0)
        return client_refused(E_OUTOFMEMORY, "watch");
    hr = begin(&w, client, request->since);
    if (SUCCEEDED(hr))
        learn_names(&w);
    if (SUCCEEDED(hr))
        hr = IVdsService_Advise(client->service, &sink.face, &cookie);
    if (SUCCEEDED(hr)) {
        hr = follow(&w, signal_fd, news_fd);
        /* waits for deliveries under way: the sink may go now */
        IVdsService_Unadvise(client->service, cookie);
    }
    if (w.kept)
        IVdsServiceNotifications_Release(w.kept);
    model_fini(&w.before);
    model_fini(&w.now);
    return FAILED(hr) ? client_refused(hr, "watch") : EXIT_DONE;
}
