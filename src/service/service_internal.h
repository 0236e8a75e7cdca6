/* SPDX-License-Identifier: MIT */
/* What the files of the service share. */
#ifndef VDS_SERVICE_INTERNAL_H
#define VDS_SERVICE_INTERNAL_H

#include "service/service.h"

#include <vds/vdsex.h>

#include <pthread.h>
#include <time.h>

/* ---- notify.c: from the providers' events to the sinks ------------------------------------------------- */

struct notifier;

struct notifier_limits {
    uint32_t max_sinks, max_pending, unadvise_timeout_ms, max_replay;
};

HRESULT notifier_create(const struct notifier_limits *limits, struct notifier **ret_notifier);
struct notifier *notifier_ref(struct notifier *n);
void notifier_unref(struct notifier *n);

/* The object to hand to OnLoad: answers IVdsAdviseSink. */
HRESULT notifier_sink_create(struct notifier *n, IUnknown **ret_sink);
/* From now on providers' events are taken; before, OnNotify answers S_FALSE. */
void notifier_open(struct notifier *n);
/* No more events, all registrations end. */
void notifier_close(struct notifier *n);

HRESULT notifier_advise(struct notifier *n, IVdsAdviseSink *sink, DWORD *ret_cookie);
HRESULT notifier_unadvise(struct notifier *n, DWORD cookie);
/* IVdsServiceNotifications; the outputs are NULL and 0 before. */
HRESULT notifier_query(struct notifier *n, uint64_t since, uint32_t max, VDS_NOTIFICATION_RECORD **ret_records, ULONG *ret_n);
uint64_t notifier_last(struct notifier *n);

/* ---- replay.c: what was told ---------------------------------------------------------------------------- */

struct replay; /* without a lock of its own */

struct replay *replay_new(uint32_t size);
void replay_free(struct replay *r);
void replay_put(struct replay *r, const VDS_NOTIFICATION *items, LONG n);
uint64_t replay_last(const struct replay *r);
/* S_FALSE: some after `since` are gone. The outputs are left alone when there is none. */
HRESULT replay_query(const struct replay *r, uint64_t since, uint32_t max, VDS_NOTIFICATION_RECORD **ret_records, ULONG *ret_n);

/* ---- load.c: one provider ------------------------------------------------------------------------------ */

struct loaded {
    char *name;
    IVdsProvider *provider;
    IVdsProviderPrivate *private_face;
    IVdsHwProvider *hw; /* NULL: not a hardware provider */
    DWORD mask;         /* VDS_QUERY_..._PROVIDERS */
};

/* Blocks for options->load_timeout_ms at most, twice that with a prober. A failure is in the log, with the provider's name. */
HRESULT service_provider_load(const struct service_provider *config, struct notifier *notifier,
                              const struct service_options *options, struct loaded *ret_loaded);
/* Loads and unloads it, here and now. */
HRESULT service_provider_try(const struct service_provider *config);
/* The same in a process of its own. */
HRESULT service_provider_probe(const char *prober, const struct service_provider *config, uint32_t timeout_ms);
/* OnUnload, asked first and then by force; drops the references. */
void service_provider_unload(struct loaded *loaded);

/* ---- host.c: what IVdsService says of the host --------------------------------------------------------- */

HRESULT service_host_letters(WCHAR first, DWORD n, VDS_DRIVE_LETTER_PROP *ret_letters);
HRESULT service_host_file_systems(VDS_FILE_SYSTEM_TYPE_PROP **ret_props, LONG *ret_n);

/* ---- small things -------------------------------------------------------------------------------------- */

/* A moment on the monotonic clock, ms from now, for pthread_cond_clockwait(). */
struct timespec service_deadline(uint32_t ms);

#endif
