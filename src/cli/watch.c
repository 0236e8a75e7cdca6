/* SPDX-License-Identifier: MIT */
/* vdsctl watch: events as they happen. The sink is an object of ours that the service calls. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/handlers.h"
#include "cli/json.h"

static const struct {
    ULONG event;
    const char *noun, *what;
} events[] = {
    { VDS_NF_SUB_SYSTEM_ARRIVE, "array", "arrived" }, { VDS_NF_SUB_SYSTEM_DEPART, "array", "departed" },
    { VDS_NF_SUB_SYSTEM_MODIFY, "array", "changed" }, { VDS_NF_CONTROLLER_ARRIVE, "controller", "online" },
    { VDS_NF_CONTROLLER_DEPART, "controller", "offline" }, { VDS_NF_CONTROLLER_MODIFY, "controller", "changed" },
    { VDS_NF_CONTROLLER_REMOVED, "controller", "removed" }, { VDS_NF_DRIVE_ARRIVE, "drive", "arrived" },
    { VDS_NF_DRIVE_DEPART, "drive", "departed" }, { VDS_NF_DRIVE_MODIFY, "drive", "changed" },
    { VDS_NF_DRIVE_REMOVED, "drive", "removed" }, { VDS_NF_LUN_ARRIVE, "lun", "created" },
    { VDS_NF_LUN_DEPART, "lun", "deleted" }, { VDS_NF_LUN_MODIFY, "lun", "changed" },
    { VDS_NF_PORTAL_ARRIVE, "portal", "arrived" }, { VDS_NF_PORTAL_DEPART, "portal", "departed" },
    { VDS_NF_PORTAL_MODIFY, "portal", "changed" }, { VDS_NF_TARGET_ARRIVE, "target", "created" },
    { VDS_NF_TARGET_DEPART, "target", "deleted" }, { VDS_NF_TARGET_MODIFY, "target", "changed" },
    { VDS_NF_PORTAL_GROUP_ARRIVE, "group", "created" }, { VDS_NF_PORTAL_GROUP_DEPART, "group", "deleted" },
    { VDS_NF_PORTAL_GROUP_MODIFY, "group", "changed" }, { VDS_NF_SERVICE_OUT_OF_SYNC, "service", "out of sync" },
};

struct sink {
    IVdsAdviseSink face;
    atomic_uint n_refs;
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
    return atomic_fetch_sub(&container_of(face, struct sink, face)->n_refs, 1) - 1; /* lives on watch_run()'s stack */
}

static void print_event(const struct sink *sink, const VDS_NOTIFICATION *notification)
{
    const GUID *id = &notification->Target.targetId; /* every arm used here begins { ulEvent, id } */
    ULONG event = notification->Target.ulEvent;
    const char *noun = "object", *what = "changed";
    char guid[GUID_TEXT_SIZE] = "", when[32];
    time_t now = time(NULL);
    struct tm tm;

    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        if (events[i].event == event) {
            noun = events[i].noun;
            what = events[i].what;
        }
    }
    if (notification->objectType != VDS_NTT_SERVICE)
        client_guid_text(id, guid);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S%z", localtime_r(&now, &tm));
    if (sink->json)
        printf("{\"time\":\"%s\",\"event\":%u,\"object\":\"%s\",\"what\":\"%s\",\"id\":\"%s\"}\n", when, event, noun, what, guid);
    else
        printf("%s  %-10s  %-10s  %s\n", when, noun, what, guid);
    fflush(stdout);
}

static HRESULT STDMETHODCALLTYPE sink_on_notify(IVdsAdviseSink *face, LONG n, VDS_NOTIFICATION *notifications)
{
    const struct sink *sink = container_of(face, struct sink, face);

    for (LONG i = 0; i < n; i++)
        print_event(sink, &notifications[i]);
    CoTaskMemFree(notifications);
    return S_OK;
}

static IVdsAdviseSinkVtbl sink_vtbl = {
    .QueryInterface = sink_query_interface,
    .AddRef = sink_add_ref,
    .Release = sink_release,
    .OnNotify = sink_on_notify,
};

int watch_run(struct client *client, const struct request *request)
{
    struct sink sink = { { &sink_vtbl }, 1, request->json };
    struct signalfd_siginfo info;
    sigset_t signals;
    DWORD cookie;
    HRESULT hr;
    int fd;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    fd = signalfd(-1, &signals, SFD_CLOEXEC);
    hr = IVdsService_Advise(client->service, &sink.face, &cookie);
    if (FAILED(hr))
        return client_refused(hr, "watch");
    if (fd < 0 || read(fd, &info, sizeof info) < 0)
        perror("vdsctl: watch");
    IVdsService_Unadvise(client->service, cookie); /* waits for deliveries under way: the sink may go now */
    close(fd);
    return EXIT_DONE;
}
