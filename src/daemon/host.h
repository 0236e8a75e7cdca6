/* SPDX-License-Identifier: MIT */
/* The parts of an array put together: array, provider, service. One way for vdsd and for programs that hold
 * the array themselves. */
#ifndef VDS_DAEMON_HOST_H
#define VDS_DAEMON_HOST_H

#include "array/array.h"
#include "service/service.h"

struct host;

/* Opens the array, makes its provider and a service that loads it and then those of `service` (shared
 * objects), and waits until the service is ready. The array's notify fields are the host's to fill. */
HRESULT host_start(const struct array_options *options, const struct service_options *service,
                   struct host **ret_host);

/* The root object, without a reference. */
IVdsService *host_service(struct host *host);

/* Takes everything down in order; objects that somebody still holds answer that the provider is gone. NULL is
 * fine. */
void host_stop(struct host *host);

#endif
