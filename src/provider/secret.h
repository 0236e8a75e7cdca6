/* SPDX-License-Identifier: MIT */
/* CHAP secrets as arguments. */
#ifndef VDS_PROVIDER_SECRET_H
#define VDS_PROVIDER_SECRET_H

#include "provider/subsystem.h"

/* target NULL: discovery. initiator NULL: the default for all. Structure NULL, or NULL and 0 in it:
 * clears. */
HRESULT secret_set(struct provider *p, const struct guid *target, bool mutual, LPWSTR initiator,
                   const VDS_ISCSI_SHARED_SECRET *secret);

/* The methods of IVdsIscsiDiscoveryEx; its table stands with the others in subsystem.c. */
HRESULT subsystem_SetDiscoverySecret(IVdsIscsiDiscoveryEx *face, VDS_ISCSI_SHARED_SECRET *secret,
                                     LPWSTR initiator);
HRESULT subsystem_RememberDiscoverySecret(IVdsIscsiDiscoveryEx *face, LPWSTR initiator,
                                          VDS_ISCSI_SHARED_SECRET *secret);
HRESULT subsystem_GetDiscoveryChap(IVdsIscsiDiscoveryEx *face, BOOL *ret_chap);

#endif
