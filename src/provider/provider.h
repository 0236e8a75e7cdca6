/* SPDX-License-Identifier: MIT */
/* The array as a VDS hardware provider. Whoever wires the parts (the daemon, libvds, a test) makes them in
 * this order and takes them down in the reverse one:
 *
 *     struct provider_feed *feed;               provider_feed_create(&feed)
 *     array_options.notify = provider_feed_notify; array_options.notify_arg = feed;
 *     array_open(&array_options, &array)
 *     provider_factory_create(&(struct provider_config){ array, feed, &array_options }, &factory)
 *     service_create(... factory ...)           the service makes the provider, calls OnLoad and, at its end,
 *                                               OnUnload
 *     ...
 *     service_shutdown(), IClassFactory_Release(factory), array_close(array), provider_feed_destroy(feed)
 *
 * After OnUnload no object of the provider touches the array: whoever still holds one gets
 * VDS_E_INITIALIZE_NOT_CALLED.
 */
#ifndef VDS_PROVIDER_PROVIDER_H
#define VDS_PROVIDER_PROVIDER_H

#include "array/array.h"
#include "com/com.h"

/* ---- from the array's notifications to the service's sink ---------------------------------------------- */

struct provider_feed;

/* E_OUTOFMEMORY. */
HRESULT provider_feed_create(struct provider_feed **ret_feed);
/* After array_close(). NULL is fine. */
void provider_feed_destroy(struct provider_feed *feed);
/* For array_options.notify. Events of one call stay together, up to the 100 that OnNotify takes; nobody
 * listening: they are dropped. */
void provider_feed_notify(void *feed, const struct array_notification *events, size_t n);

/* ---- the class ----------------------------------------------------------------------------------------- */

struct provider_config {
    struct array *array;
    struct provider_feed *feed;
    const struct array_options
        *options; /* what the array was opened with, for IVdsSubSystemEx::GetStatus; NULL: defaults */
};

/* 5bc3dc96-7888-4214-b823-01be144a7242: the class of the built-in provider. */
extern const CLSID provider_clsid;

/* CreateInstance() gives a provider that waits for OnLoad. `config` is copied, what it points to must outlive
 * the providers' OnUnload. */
HRESULT provider_factory_create(const struct provider_config *config, IClassFactory **ret_factory);

/* What a module's DllGetClassObject() does with its factory. */
HRESULT provider_class_object(IClassFactory *factory, REFCLSID clsid, REFIID iid, void **ret_object);

#endif
