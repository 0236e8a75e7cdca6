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
HRESULT notifier_query(struct notifier *n, uint64_t since, uint32_t max,
                       VDS_NOTIFICATION_RECORD **ret_records, ULONG *ret_n);
uint64_t notifier_last(struct notifier *n);

/* ---- replay.c: what was told ----------------------------------------------------------------------- */

struct replay; /* without a lock of its own */

struct replay *replay_new(uint32_t size);
void replay_free(struct replay *r);
void replay_put(struct replay *r, const VDS_NOTIFICATION *items, LONG n);
uint64_t replay_last(const struct replay *r);
/* S_FALSE: some after `since` are gone. The outputs are left alone when there is none. */
HRESULT replay_query(const struct replay *r, uint64_t since, uint32_t max,
                     VDS_NOTIFICATION_RECORD **ret_records, ULONG *ret_n);

/* ---- load.c: one provider ------------------------------------------------------------------------------ */

/* A list of our own, with one element more than n; NULL: no memory. */
struct service_provider *service_providers_copy(const struct service_provider *from, size_t n);
void service_providers_free(struct service_provider *configs, size_t n);

struct loaded {
    char *name;
    IVdsProvider *provider;
    IVdsProviderPrivate *private_face;
    IVdsHwProvider *hw; /* NULL: not a hardware provider */
    DWORD mask;         /* VDS_QUERY_..._PROVIDERS */
    VDS_OBJECT_ID id;   /* GUID_NULL: it does not say */
};

/* Blocks for options->load_timeout_ms at most, twice that with a prober. A failure is in the log, with the
 * provider's name. One with the id of one of the n `others` is not loaded: two with one id would be one to
 * every client. */
HRESULT service_provider_load(const struct service_provider *config, struct notifier *notifier,
                              const struct service_options *options, const struct loaded *others, size_t n,
                              struct loaded *ret_loaded);
/* Loads and unloads it, here and now. GUID_NULL: it does not say. */
HRESULT service_provider_try(const struct service_provider *config, VDS_OBJECT_ID *ret_id);
/* The same in a process of its own. */
HRESULT service_provider_probe(const char *prober, const struct service_provider *config, uint32_t timeout_ms,
                               VDS_OBJECT_ID *ret_id);
/* OnUnload, asked first and then by force; drops the references. */
void service_provider_unload(struct loaded *loaded);

/* ---- host.c: what IVdsService says of the host --------------------------------------------------------- */

HRESULT service_host_letters(WCHAR first, DWORD n, VDS_DRIVE_LETTER_PROP *ret_letters);
HRESULT service_host_file_systems(VDS_FILE_SYSTEM_TYPE_PROP **ret_props, LONG *ret_n);

/* ---- iscsi.c: the host's initiator --------------------------------------------------------------------- */

HRESULT service_iscsi_GetInitiatorName(IVdsServiceIscsi *face, LPWSTR *ret_name);
HRESULT service_iscsi_QueryInitiatorAdapters(IVdsServiceIscsi *face, IEnumVdsObject **ret_enum);
HRESULT service_iscsi_SetIpsecGroupPresharedKey(IVdsServiceIscsi *face, VDS_ISCSI_IPSEC_KEY *key);
HRESULT service_iscsi_SetAllIpsecTunnelAddresses(IVdsServiceIscsi *face, VDS_IPADDRESS *tunnel,
                                                 VDS_IPADDRESS *destination);
HRESULT service_iscsi_SetAllIpsecSecurity(IVdsServiceIscsi *face, VDS_OBJECT_ID portal, ULONGLONG flags,
                                          VDS_ISCSI_IPSEC_KEY *key);
HRESULT service_iscsi_SetInitiatorSharedSecret(IVdsServiceIscsi *face, VDS_ISCSI_SHARED_SECRET *secret,
                                               VDS_OBJECT_ID target);
HRESULT service_iscsi_RememberTargetSharedSecret(IVdsServiceIscsi *face, VDS_OBJECT_ID target,
                                                 VDS_ISCSI_SHARED_SECRET *secret);
/* The methods as slots; the face itself stands in service.c. */
#define SERVICE_ISCSI_SLOTS                                                         \
    .GetInitiatorName = service_iscsi_GetInitiatorName, \
    .QueryInitiatorAdapters = service_iscsi_QueryInitiatorAdapters, \
    .SetIpsecGroupPresharedKey = service_iscsi_SetIpsecGroupPresharedKey, \
    .SetAllIpsecTunnelAddresses = service_iscsi_SetAllIpsecTunnelAddresses, \
    .SetAllIpsecSecurity = service_iscsi_SetAllIpsecSecurity, \
    .SetInitiatorSharedSecret = service_iscsi_SetInitiatorSharedSecret, \
    .RememberTargetSharedSecret = service_iscsi_RememberTargetSharedSecret

/* ---- small things -------------------------------------------------------------------------------------- */

/* A moment on the monotonic clock, ms from now, for pthread_cond_clockwait(). */
struct timespec service_deadline(uint32_t ms);

#endif
